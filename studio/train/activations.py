"""What a step keeps of each token for the way back, and what its largest moment takes.

The counts of numbers follow Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4, for gated
feed-forward layers and fused attention, whose scores are never written out. Those of a processor were read from
autograd's own saved tensors; that of Unsloth's largest moment from the slope of its published context lengths, which
tests/studio/test_memory.py lists.
"""

from __future__ import annotations

from dataclasses import dataclass

from studio.train.shape import ModelShape

HALF, SINGLE = 2, 4  # bytes of a number at 16 and at 32 bits
# For each token and word: 16-bit scores, their 32-bit copy, its logarithm of probabilities, two gradients.
SCORE_BYTES = 16
# A loss in pieces has the scores of as many tokens as fit into this. Unsloth takes up to 4 GiB where they are free.
CARD_PIECE_BYTES = 2**30
PROCESSOR_PIECE_NUMBERS, PROCESSOR_PIECE_COPIES = 16 * 2**20, 3
# Of what a step keeps, lost in holes of the C library's heap: measured with glibc 2.36, whose aligned blocks do not fit
# into the holes that they leave. With blocks mapped one by one (MALLOC_MMAP_THRESHOLD_) the loss is gone.
HEAP_HOLES = 0.45
READ_WITH = {"k_proj": "q_proj", "v_proj": "q_proj", "up_proj": "gate_proj"}  # layers that have one input together


@dataclass(frozen=True)
class Step:
    """One batch: `rows` are all its tokens. `targets` are the names of layers with an adapter of `rank`.

    `width`: bytes of a number that is computed with, 2 or 4.
    """

    rows: int
    rank: int
    targets: tuple[str, ...]
    checkpointing: str
    full: bool = False
    four_bit: bool = False
    dora: bool = False
    width: int = HALF


def card_bytes(shape: ModelShape, step: Step, fused: bool, keeps_logits: bool) -> float:
    """`fused`: Unsloth's kernels. `keeps_logits`: the scores of all tokens at once."""
    loss = step.rows * shape.vocab_size * SCORE_BYTES
    if not keeps_logits:
        loss = min(loss, CARD_PIECE_BYTES)
    layer = (_kept_fused(shape) if fused else _kept_plain(shape)) * HALF + _dora_bytes(shape, step)
    if step.checkpointing == "off":
        return step.rows * layer * shape.layers + loss
    # Unsloth's way lays the layers' inputs aside in the machine's memory and has two of them on the card.
    stored = 2 if step.checkpointing == "unsloth" else shape.layers
    inputs = step.rows * shape.hidden_size * HALF * stored
    worked = step.rows * (_worked(shape) * HALF + _dora_bytes(shape, step))
    return inputs + max(worked, loss)


def processor_bytes(shape: ModelShape, step: Step) -> float:
    """Layers of Transformers with fused adapters, the loss in Unsloth's pieces; holes in the heap included."""
    piece = min(step.rows * shape.vocab_size, PROCESSOR_PIECE_NUMBERS) * SINGLE * PROCESSOR_PIECE_COPIES
    layer = _processor_layer_bytes(shape, step)
    kept = step.rows * layer * shape.layers
    if step.checkpointing == "off":
        return kept * (1 + HEAP_HOLES) + piece
    inputs = step.rows * shape.hidden_size * step.width * shape.layers
    return inputs + max(step.rows * layer, piece) + HEAP_HOLES * kept  # the holes come all the same


def _processor_layer_bytes(shape: ModelShape, step: Step) -> float:
    hidden, wide = shape.hidden_size, _wide(shape)
    norms = 2 * hidden * SINGLE
    attention = 2 * (_query(shape) + _key_value(shape)) * step.width
    gated = 3 * wide * step.width
    if step.full:  # the inputs of all layers, and what the norms' own weights learn from
        return norms + attention + gated + (5 * hidden + wide) * step.width
    if step.four_bit:  # the inputs of all adapters as they are
        return norms + attention + gated + (3 * hidden + wide) * step.width + _dora_bytes(shape, step)
    return norms + attention + gated + _active(shape, _adapter_bytes(shape, step)) + _dora_bytes(shape, step)


def _adapter_bytes(shape: ModelShape, step: Step) -> float:
    """What the adapters of a layer keep: their inputs and what is between their halves."""
    kept = {}
    for name in step.targets:
        inputs, _, count = shape.linears[name]
        kept[name if step.dora else READ_WITH.get(name, name)] = inputs * count
    inner = sum(step.rank * shape.linears[name][2] for name in step.targets)
    # With DoRA it is PEFT that computes, and it copies the input of each adapter to 32 bits, as the adapter is.
    return (sum(kept.values()) + inner) / shape.layers * (SINGLE if step.dora else step.width)


def _active(shape: ModelShape, numbers: float) -> float:
    """Of what all experts would have, that of those a token passes."""
    return numbers * shape.active_experts / shape.experts if shape.experts else numbers


def _dora_bytes(shape: ModelShape, step: Step) -> float:
    """DoRA keeps the outputs of base and adapter apart. Source: https://arxiv.org/abs/2402.09353, section 4.3."""
    if not step.dora:
        return 0.0
    outputs = sum(outputs * count for _, outputs, count in (shape.linears[name] for name in step.targets))
    return _active(shape, 2 * outputs / shape.layers * step.width)


def _kept_fused(shape: ModelShape) -> float:
    """A layer's input, two norms' and two adapters' inputs, queries, keys, values, the gated product's two sides."""
    return 5 * shape.hidden_size + _query(shape) + 2 * _key_value(shape) + 2 * _wide(shape)


def _kept_plain(shape: ModelShape) -> float:
    """Also the norms' 32-bit copies, keys and values repeated for each head, and the gated product itself."""
    return 8 * shape.hidden_size + 4 * _query(shape) + 4 * _wide(shape)


def _worked(shape: ModelShape) -> float:
    """Numbers of a token while one layer is counted again and its gradients with it."""
    return 9 * shape.hidden_size + 5 * _wide(shape) + 4.8 * _key_value(shape)


def _wide(shape: ModelShape) -> int:
    """Numbers of a token inside the feed-forward layer: those of each expert that it passes."""
    return shape.intermediate_size * max(1, shape.active_experts)


def _query(shape: ModelShape) -> int:
    return shape.attention_heads * shape.head_dim


def _key_value(shape: ModelShape) -> int:
    return shape.kv_heads * shape.head_dim
