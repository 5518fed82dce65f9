"""A sample that a person looks through: what is wrong in it tells how much is wrong in all, and how surely."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from studio.data.datasets import Dataset
from studio.store import read_json, write_json

Verdict = Literal["kept", "edited", "dropped"]
LEAST, MOST = 20, 200  # examples: fewer tell nothing, and nobody looks at more
SOURCES = ("source", "file", "category", "topic", "label")


@dataclass(frozen=True)
class Sample:
    """Rows in the order in which they are looked at, and what was said of them."""

    rows: list[int]
    verdicts: dict[int, Verdict]

    @property
    def next_row(self) -> int | None:
        return next((row for row in self.rows if row not in self.verdicts), None)

    @property
    def wrong(self) -> int:
        return sum(verdict != "kept" for verdict in self.verdicts.values())


@dataclass(frozen=True)
class Estimate:
    """A share of all examples, 0 to 1, with the bounds of a 95 % interval."""

    share: float
    low: float
    high: float


def draw_sample(dataset: Dataset, clusters: Sequence[Sequence[int]], seed: int = 1) -> Sample:
    """A tenth of the examples, a fifth of small sets: of each source, and of each cluster, in proportion."""
    index = [int(row) for row in dataset.index[:, 0]]
    share = 0.2 if len(index) < 500 else 0.1
    wanted = min(len(index), MOST, max(LEAST, round(len(index) * share)))
    draw = random.Random(seed)
    cluster_of = {row: number for number, cluster in enumerate(clusters) for row in cluster}
    groups: defaultdict[tuple[str, int], list[int]] = defaultdict(list)
    for conversation, _ in dataset.placed():
        source = next((conversation.tags[name] for name in SOURCES if name in conversation.tags), "")
        groups[source, cluster_of.get(conversation.row, -1)].append(conversation.row)
    # Each group is dealt out evenly over the whole order, so that any beginning of it holds all in proportion.
    dealt: list[tuple[float, int]] = []
    for rows in groups.values():
        draw.shuffle(rows)
        start = draw.random()
        dealt += [((place + start) / len(rows), row) for place, row in enumerate(rows)]
    return Sample([row for _, row in sorted(dealt)[:wanted]], {})


def read_sample(dataset: Dataset) -> Sample | None:
    known: dict[str, Any] | None = read_json(dataset.folder / "sample.json")
    return Sample(known["rows"], {int(row): verdict for row, verdict in known["verdicts"].items()}) if known else None


def most_looked(dataset: Dataset) -> int:
    """How many examples were looked at, in that version of the data set where it was most."""
    notes = [dataset.root / "sample.json", *dataset.root.glob("v*/sample.json")]
    return max((len(known["verdicts"]) for note in notes if (known := read_json(note))), default=0)


def write_sample(dataset: Dataset, sample: Sample) -> Sample:
    write_json(dataset.folder / "sample.json", {"rows": sample.rows, "verdicts": sample.verdicts})
    return sample


def judge(dataset: Dataset, sample: Sample, row: int, verdict: Verdict | None) -> Sample:
    """Keep what was said of an example; None takes it back."""
    others = {known: said for known, said in sample.verdicts.items() if known != row}
    return write_sample(dataset, Sample(sample.rows, {**others, row: verdict} if verdict else others))


def estimate_wrong(sample: Sample, of: int) -> Estimate | None:
    """How many of all `of` examples are wrong, from those looked at; nothing where none was.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, 1927; narrowed for a sample
    that is a good part of all (Cochran, Sampling techniques, 2.6).
    """
    seen = len(sample.verdicts)
    if not seen:
        return None
    share, z = sample.wrong / seen, 1.959964
    z *= math.sqrt(max(0.0, (of - seen) / max(1, of - 1)))
    middle = (share + z * z / (2 * seen)) / (1 + z * z / seen)
    half = z / (1 + z * z / seen) * math.sqrt(share * (1 - share) / seen + z * z / (4 * seen * seen))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))
