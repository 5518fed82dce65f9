"""Which examples make a step. Decided by seed and epoch alone, so that a resumed run draws what it would have drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import Sampler

POOL_STEPS = 50  # examples are drawn into pools of so many steps; within one they are sorted by length


class StepSampler(Sampler[int]):  # type: ignore[misc]
    """Examples of like length make a step, which pads little; the steps themselves come in random order.

    Transformers' own grouping takes its order from the global random state, which a resumed run has not, and its
    steps fall in length, which draws a sawtooth into the curve.
    """

    def __init__(self, lengths: Sequence[int], step_examples: int, seed: int) -> None:
        self.lengths = lengths
        self.step_examples = step_examples
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed + self.epoch)
        order = torch.randperm(len(self.lengths), generator=generator).tolist()
        pool = POOL_STEPS * self.step_examples
        steps = []
        for start in range(0, len(order), pool):
            drawn = sorted(order[start : start + pool], key=self.lengths.__getitem__, reverse=True)
            steps += [drawn[at : at + self.step_examples] for at in range(0, len(drawn), self.step_examples)]
        *whole, last = steps  # the last may be smaller, and Transformers counts on it at the end
        for at in torch.randperm(len(whole), generator=generator).tolist():
            yield from whole[at]
        yield from last
