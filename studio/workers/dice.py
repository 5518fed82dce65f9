"""Drawing tokens by a seed for each row of a batch, and how sure the model was of those it drew."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LogitsProcessor, LogitsProcessorList, TemperatureLogitsWarper, TopPLogitsWarper

from studio.compare.sampling import Sampling


class Dice(LogitsProcessor):  # type: ignore[misc]
    """Makes of the likeliest token one that was drawn: rows with the same seed draw with the same luck.

    Source: Gumbel-max; Maddison et al. 2014, A* Sampling, https://arxiv.org/abs/1411.0030.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        self.draws = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        """Shapes: input_ids (rows, seq), scores (rows, words)."""
        waits = torch.stack([torch.empty(scores.shape[1]).exponential_(generator=draw) for draw in self.draws])
        return scores.float() - waits.clamp(min=1e-30).log().to(scores.device)


class Sureness(LogitsProcessor):  # type: ignore[misc]
    """How likely each token was that was taken, before temperature and dice."""

    def __init__(self) -> None:
        self._waiting: torch.Tensor | None = None  # (rows, words): what the next token is taken from
        self._taken: list[torch.Tensor] = []

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.Tensor:
        """Shapes: input_ids (rows, seq), scores (rows, words)."""
        self._look_up(input_ids[:, -1:])
        self._waiting = scores.float().softmax(-1)
        return scores

    def _look_up(self, last: torch.Tensor) -> None:
        if self._waiting is not None:
            self._taken.append(self._waiting.gather(1, last)[:, 0])
            self._waiting = None

    def of(self, output: torch.Tensor) -> list[list[float]]:
        """Probability of each token of each row, in the order they came. Shape of `output`: (rows, seq)."""
        self._look_up(output[:, -1:])
        rows: list[list[float]] = torch.stack(self._taken, dim=1).tolist() if self._taken else []
        return rows


def processors_of(sampling: Sampling, own: Sequence[int | None], sureness: Sureness) -> LogitsProcessorList:
    """What stands between the model and the choice of the likeliest token.

    `own`: of each row of the batch the seed of its own dice, or None for those of `sampling`.
    """
    if sampling.temperature <= 0:
        return LogitsProcessorList([sureness])
    shared = [sampling.seed if sampling.same_dice else sampling.seed + row for row in range(len(own))]
    seeds = [seed if mine is None else mine for seed, mine in zip(shared, own, strict=True)]
    return LogitsProcessorList(
        [
            sureness,
            TemperatureLogitsWarper(sampling.temperature),
            TopPLogitsWarper(min(max(sampling.top_p, 0.0), 1.0)),
            Dice(seeds),
        ]
    )
