"""chrF2 of one answer, equal to sacrebleu's, from runs of letters that are counted once a text.

sacrebleu counts both texts anew for each pair: 10 ms for 4,000 letters, and an answer is held against the wanted
answers of many questions.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy
from numpy.typing import NDArray

Runs = NDArray[numpy.uint64]

LONGEST = 6  # letters of a run
RECALL_WEIGHT = 4  # beta = 2, squared
KEPT_LETTERS = 3_000_000  # of the texts whose runs are kept: 48 bytes each
_ORDER = numpy.uint64(7)  # the low bits of a run say how many letters it has
# Of a fixed seed, so that a run is the same number in every process.
_FACTORS = numpy.random.default_rng(6).integers(0, 2**64, LONGEST + 1, numpy.uint64) | numpy.uint64(1)


def chrf(wanted: str, answer: str) -> float:
    """chrF2 over 100, runs of one to six letters without blanks. Source: Popović 2015, https://aclanthology.org/W15-3049.

    Orders of which one of the texts has no run do not count, as in sacrebleu ("effective order").
    """
    (one, asked), (other, given) = _KEPT.of(wanted), _KEPT.of(answer)
    together = numpy.concatenate((one, other))
    together.sort(kind="stable")  # two sorted runs are merged, which is quick
    twice = together[1:][together[1:] == together[:-1]]
    shared = numpy.bincount((twice & _ORDER).astype(numpy.int64), minlength=LONGEST + 1)[1:]
    orders = min(asked, given, LONGEST)
    if not twice.size:
        return 0.0
    recall, precision = (
        sum(int(shared[order]) / (letters - order) for order in range(orders)) / orders for letters in (asked, given)
    )
    return (1 + RECALL_WEIGHT) * precision * recall / (RECALL_WEIGHT * precision + recall)


class Kept:
    """Runs and number of letters of the texts asked for last: two at least, and no more letters than given."""

    def __init__(self, most_letters: int) -> None:
        self.most_letters, self.letters = most_letters, 0
        self.runs: OrderedDict[str, tuple[Runs, int]] = OrderedDict()

    def of(self, text: str) -> tuple[Runs, int]:
        if text not in self.runs:
            letters = "".join(text.split())
            self.runs[text] = _count(letters), len(letters)
            self.letters += len(text)
            while self.letters > self.most_letters and len(self.runs) > 2:
                self.letters -= len(self.runs.popitem(last=False)[0])
        self.runs.move_to_end(text)
        return self.runs[text]


def _count(text: str) -> Runs:
    """Each run of a text as a number, sorted; one that stands twice has another number for its second place.

    So what two texts share, each as often as both have it, are the numbers in both. Two different runs are one number
    with a chance of 1 in 10^10 a pair of texts of 4,000 letters.
    """
    letters = numpy.array([ord(letter) for letter in text], numpy.uint64)
    mixed = _mix(letters + numpy.uint64(1))
    orders = []
    for order in range(1, min(LONGEST, len(letters)) + 1):
        number = len(letters) - order + 1
        runs = numpy.zeros(number, numpy.uint64)
        for place in range(order):
            runs += mixed[place : place + number] * _FACTORS[place]
        runs = _mix(runs)
        runs.sort()
        again = _times_before(runs) * _FACTORS[LONGEST]
        orders.append(_mix(runs + again) & ~_ORDER | numpy.uint64(order))
    return numpy.sort(numpy.concatenate(orders)) if orders else numpy.empty(0, numpy.uint64)


def _times_before(values: Runs) -> Runs:
    """Of sorted values, how many equal ones stand before each."""
    places = numpy.arange(len(values))
    is_new = numpy.append(True, values[1:] != values[:-1])
    return (places - numpy.maximum.accumulate(numpy.where(is_new, places, 0))).astype(numpy.uint64)


def _mix(values: Runs) -> Runs:
    """Spread over all bits, one to one. Source: Steele, Lea and Flood 2014, SplitMix."""
    values = (values ^ (values >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return values ^ (values >> numpy.uint64(31))


_KEPT = Kept(KEPT_LETTERS)
