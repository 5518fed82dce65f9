"""Every check over 100,000 examples of about 150 tokens, and near-duplicates beside datasketch at equal recall.

With `--growth` also over 1,000,000 (ten minutes), and the taking in of a gigabyte (four minutes).
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import psutil
from datasketch import MinHash, MinHashLSH
from measure import ROOT, say, show_table, verdict

from studio.data.intake import take_in
from studio.data.likeness import BANDS, LIKE, ROWS_A_BAND, SEED, find_clusters, fold, sketch
from studio.train.models import STARTER, ensure_base
from studio.workspace import Workspace
from tests.studio.audit.planted import read_prose

EXAMPLES = 100_000
MOST_S, MOST_GB = 45.0, 2.0
MOST_TIMES, MOST_GROWN_GB, MOST_TAKEN_GB = 12.0, 4.0, 1.5
TEXTS, PLANTED = 20_000, 400
LEAST_TIMES = 5.0


def make_texts(words: list[str], draw: random.Random, count: int, low: int, high: int) -> list[str]:
    return [" ".join(draw.choices(words, k=draw.randint(low, high))) for _ in range(count)]


def audit_file(path: Path, workspace: Path) -> tuple[dict[str, object], float]:
    """What the verb says, and the most memory that it and its helpers had at once, in GB."""
    command = [sys.executable, str(ROOT / "launch.py"), "audit", str(path), "--json", "--workspace", str(workspace)]
    with tempfile.TemporaryFile("w+") as out:
        process = psutil.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
        most = 0
        while process.poll() is None:
            family = [process, *process.children(recursive=True)]
            with_memory = []
            for each in family:
                try:
                    with_memory.append(each.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
            most = max(most, sum(with_memory))
            time.sleep(0.2)
        out.seek(0)
        return json.loads(out.read().splitlines()[-1]), most / 1e9


def ours(texts: list[str]) -> set[int]:
    return {place for cluster in find_clusters(sketch([fold(text) for text in texts])) for place in cluster[1:]}


def datasketch(texts: list[str]) -> set[int]:
    """The same number of bands and rows, and the same verification by the runs themselves."""
    index = MinHashLSH(num_perm=BANDS * ROWS_A_BAND, params=(BANDS, ROWS_A_BAND))
    runs, found = [], set()
    for place, text in enumerate(texts):
        words = fold(text).split(" ")
        runs.append({" ".join(run) for run in zip(words, words[1:], words[2:], strict=False)})
        hashed = MinHash(num_perm=BANDS * ROWS_A_BAND, seed=SEED)
        hashed.update_batch([run.encode() for run in runs[-1]])
        for other in index.query(hashed):
            if len(runs[other] & runs[place]) >= LIKE * len(runs[other] | runs[place]):
                found.add(place)
        index.insert(place, hashed)
    return found


def timed(find: Callable[[list[str]], set[int]], texts: list[str]) -> tuple[float, set[int]]:
    began = time.perf_counter()
    found = find(texts)
    return time.perf_counter() - began, found


def write_examples(path: Path, words: list[str], draw: random.Random, count: int) -> Path:
    with path.open("w", encoding="utf-8") as file:
        for _ in range(count):
            question, answer = (make_texts(words, draw, 1, *size)[0] for size in ((15, 35), (40, 100)))
            file.write(json.dumps({"prompt": f"{question}?", "completion": answer}) + "\n")
    return path


def measure_growth(path: Path, words: list[str], draw: random.Random, workspace: Workspace, seconds: float) -> None:
    write_examples(path, words, draw, 10 * EXAMPLES)
    size_gb = path.stat().st_size / 1e9
    say(f"Auditing {10 * EXAMPLES:,} examples, {size_gb:.2f} GB")
    result, memory_gb = audit_file(path, workspace.root)
    times = float(str(result["seconds"])) / seconds
    began, taken_gb = time.perf_counter(), 0.0
    say("Taking them in as a data set")
    for _ in take_in(workspace, path):
        family = psutil.Process().children(recursive=True)
        taken_gb = max(taken_gb, *(each.memory_info().rss / 1e9 for each in family if each.is_running()), 0.0)
    taken_s = time.perf_counter() - began
    show_table(
        f"{10 * EXAMPLES:,} examples, {size_gb:.2f} GB",
        ["", "measured", "at most"],
        [
            ["times the seconds of a tenth", f"{times:.1f}", f"{MOST_TIMES:.0f}: {verdict(times <= MOST_TIMES)}"],
            ["memory of all", f"{memory_gb:.2f} GB", f"{MOST_GROWN_GB:.0f} GB: {verdict(memory_gb <= MOST_GROWN_GB)}"],
            ["seconds to take it in", f"{taken_s:.0f}", ""],
            ["memory for that", f"{taken_gb:.2f} GB", f"{MOST_TAKEN_GB} GB: {verdict(taken_gb <= MOST_TAKEN_GB)}"],
        ],
    )


def main() -> None:
    draw = random.Random(1)
    words = [word for _, text in read_prose(1000) for word in text.split()]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.open(Path(folder) / "workspace")
        for _ in ensure_base(workspace, STARTER):
            pass
        path = write_examples(Path(folder) / "examples.jsonl", words, draw, EXAMPLES)
        say(f"Auditing {EXAMPLES:,} examples")
        result, memory_gb = audit_file(path, workspace.root)
        seconds = float(str(result["seconds"]))
        rows = [
            ["seconds", f"{seconds:.1f}", f"{MOST_S:.0f}: {verdict(seconds <= MOST_S)}"],
            ["memory of all", f"{memory_gb:.2f} GB", f"{MOST_GB:.0f} GB: {verdict(memory_gb <= MOST_GB)}"],
        ]
        show_table(f"Every check over {EXAMPLES:,} examples", ["", "measured", "at most"], rows)
        if "--growth" in sys.argv:
            measure_growth(path, words, draw, workspace, seconds)
    say("Near-duplicates, beside datasketch")
    texts = make_texts(words, draw, TEXTS, 80, 100)
    for number in range(PLANTED):
        again = texts[number].split()
        again[draw.randrange(len(again))] = "marmalade"
        texts.append(" ".join(again))
    planted = set(range(TEXTS, TEXTS + PLANTED))
    rows = []
    for name, find in (("datasketch", datasketch), ("studio", ours)):
        spent, found = timed(find, texts)
        rows.append((name, spent, len(found & planted) / PLANTED))
    times = rows[0][1] / rows[1][1]
    show_table(
        f"Near-duplicates among {len(texts):,} texts of about 90 words",
        ["how", "seconds", f"of {PLANTED} planted"],
        [
            *([name, f"{spent:.2f}", f"{recall:.1%}"] for name, spent, recall in rows),
            ["**times**", f"{times:.1f}", f"at least {LEAST_TIMES:.0f}: {verdict(times >= LEAST_TIMES)}"],
        ],
    )


if __name__ == "__main__":
    main()
