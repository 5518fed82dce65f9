"""How much of the machine's memory an export takes, before it begins.

Weights stay in files that are mapped; in memory is what is worked on: one layer or one word table at a time, as it was
and at 32 bits. tests/benchmarks/export_memory.py measures it.
"""

from __future__ import annotations

from studio.train.shape import ModelShape

LIBRARIES_BYTES = 1_000_000_000  # torch, Transformers and AutoRound with what they keep, measured
SHARD_BYTES = 1_000_000_000  # the most of a model that is written at once
WORKED_ON_BYTES = 8  # of each number of a layer or a table


def memory_needed(shape: ModelShape, calibrated: bool, weights_bytes: int) -> int:
    """Of a merged folder or a GGUF; an adapter alone is only copied.

    `weights_bytes`: of the files that are merged; where they hold 32 bits a number, a copy of 16 is made of all.
    """
    layer = shape.linear_parameters // max(1, shape.layers)
    largest = max(layer, shape.vocab_size * shape.hidden_size)
    narrowed = 2 * shape.parameters if weights_bytes > 3 * shape.parameters else 0
    rounded = WORKED_ON_BYTES * largest if calibrated else 0
    return LIBRARIES_BYTES + max(SHARD_BYTES, rounded) + narrowed
