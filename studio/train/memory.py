"""How much memory a run will take, part by part, before anything is loaded.

A pure function of the recipe, the model's shape and the machine, quick enough to be asked while a field is edited.

Sources: 4-bit weights: QLoRA, https://arxiv.org/abs/2305.14314, section 3 (NF4 in blocks of 64, double quantization).
What is kept for the way back: Korthikanti et al. 2022, https://arxiv.org/abs/2205.05198, section 4, counted anew for
gated feed-forward layers and fused attention. Without checkpointing and with it, the counts were held beside the
published measurements that tests/studio/test_memory.py lists, and beside runs on a processor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from studio.hardware import Machine
from studio.train.activations import HALF, SINGLE, Step, card_bytes, processor_bytes
from studio.train.recipe import LOW_RANK, LOW_RANK_DIRECTIONS, Recipe, adapter_layers, layers_meant
from studio.train.shape import ModelShape

Method = Literal["qlora", "lora", "full"]
Checkpointing = Literal["unsloth", "on", "off"]

NF4_BYTES = 4.127 / 8  # 4 bits, and 8/64 + 32/(64 * 256) bits of doubly quantized scale for each weight
# Bytes of state for each number that learns: two averages of AdamW at 32 or 8 bits, one of Lion, rows and columns alone
# of Adafactor (https://arxiv.org/abs/1804.04235), nothing of plain gradient descent.
OPTIMIZER_BYTES = {
    "adamw_torch": 8.0,
    "adamw_8bit": 2.0,
    "paged_adamw_8bit": 2.0,
    "paged_adamw_32bit": 8.0,
    "lion_8bit": 1.0,
    "adafactor": 0.5,
    "sgd": 0.0,
}
LIBRARIES_BYTES = 1_070_000_000  # what torch, Unsloth and their like take before a model is loaded, measured
# For each word of its tokenizer, which is read by us and by Transformers: 950 to 2,100 in eight families, measured.
WORD_BYTES = 1_700
CARD_CONTEXT_BYTES = 800_000_000  # CUDA's own context, its libraries' workspaces
SLOTS = 3  # layers that were offloaded and are on the card at once: unsloth_zoo/block_swap.py fetches two ahead
OFFLOADS_FROM = 512  # tokens: for shorter examples Unsloth takes ordinary checkpointing (models/_utils.py)
FRAGMENTED = 0.025  # of what is allocated, lost between the allocator's blocks


@dataclass(frozen=True)
class Trainer:
    """What of a trainer matters to memory.

    `fused`: Unsloth's kernels, which keep less; else Transformers and PEFT, which also raise what is not quantized to
    32 bits. `keeps_logits`: the scores of all words for all tokens at once, as trainers did before 2025.
    """

    on_card: bool = True
    fused: bool = True
    keeps_logits: bool = False


@dataclass(frozen=True)
class Estimate:
    """All in bytes. `available` is what is free on the card, or in the machine for a run on the processor.

    `offloaded`: what lies in the machine's memory beside a card, of which `machine_available` is free.
    """

    weights: int
    adapter: int
    optimizer: int
    gradients: int
    activations: int
    overhead: int
    available: int
    offloaded: int = 0
    machine_available: int = 0

    @property
    def parts(self) -> dict[str, int]:
        names = ("weights", "adapter", "optimizer", "gradients", "activations", "overhead")
        return {name: getattr(self, name) for name in names}

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    @property
    def fits(self) -> bool:
        return self.total <= self.available and self.offloaded <= self.machine_available


def estimate(
    recipe: Recipe,
    shape: ModelShape,
    machine: Machine,
    longest_tokens: int | None = None,
    trainer: Trainer | None = None,
) -> Estimate:
    """`longest_tokens` is the longest real example; None: as long as the recipe allows."""
    trainer = trainer or Trainer(on_card=machine.card is not None)
    method = method_of(recipe, trainer.on_card)
    learning = count_learning(recipe, shape, method)
    # TRL learns adapters of 4-bit weights at 16 bits; on a card that is left out of account, to be on the safe side.
    computed = HALF if trainer.on_card or machine.bf16 else SINGLE
    width = computed if method == "full" or (method == "qlora" and not trainer.on_card) else SINGLE
    weights = _weights_bytes(shape, method, trainer, computed)
    layer = layer_bytes(shape, method)
    offloaded = offloaded_layers(recipe, shape, method, trainer.on_card)
    weights -= max(0, offloaded - SLOTS) * layer
    adapter = 0 if method == "full" else learning * width
    optimizer = _optimizer_bytes(recipe, shape, trainer, learning, width)
    gradients = learning * width
    step = Step(
        rows=recipe.batch_size * tokens_of(recipe, shape, longest_tokens, trainer.on_card),
        rank=recipe.lora_rank,
        targets=() if method == "full" else targets_of(recipe, shape),
        checkpointing=checkpointing_of(recipe, trainer.on_card),
        full=method == "full",
        four_bit=method == "qlora",
        dora=recipe.use_dora and method != "full",
        width=computed,
    )
    if trainer.on_card:
        kept = card_bytes(shape, step, trainer.fused and not step.dora, trainer.keeps_logits)
    else:
        kept = processor_bytes(shape, step)
    if method == "full" and recipe.gradient_accumulation == 1:
        kept = max(0.0, kept - gradients)  # gradients come as what was kept goes
    if trainer.on_card:
        overhead = _card_overhead(shape, method, weights + adapter + optimizer + gradients + kept)
    else:  # weights are rounded to 4 bits here, and what they took before stays in the heap
        before = shape.parameters * HALF if method == "qlora" else 0
        overhead = LIBRARIES_BYTES + shape.vocab_size * WORD_BYTES + before
    card = machine.card
    return Estimate(
        weights=round(weights),
        adapter=round(adapter),
        optimizer=round(optimizer),
        gradients=round(gradients),
        activations=round(kept),
        overhead=round(overhead),
        available=card.free_bytes if card and trainer.on_card else machine.free_memory_bytes,
        offloaded=round(offloaded * layer),
        machine_available=machine.free_memory_bytes,
    )


def offloaded_layers(recipe: Recipe, shape: ModelShape, method: Method, on_card: bool) -> int:
    """Unsloth fetches what stays as it is, so layers that learn whole cannot wait elsewhere."""
    return min(recipe.offload_layers, shape.layers) if on_card and method != "full" else 0


def layer_bytes(shape: ModelShape, method: Method) -> float:
    """The weights of one layer as a card holds them."""
    return shape.linear_parameters / max(1, shape.layers) * (NF4_BYTES if method == "qlora" else HALF)


def method_of(recipe: Recipe, on_card: bool) -> Method:
    return ("qlora" if on_card else "lora") if recipe.method == "auto" else recipe.method


def checkpointing_of(recipe: Recipe, on_card: bool) -> Checkpointing:
    asked = recipe.gradient_checkpointing
    if asked == "auto":
        asked = "unsloth" if on_card else "off"
    return "on" if asked == "unsloth" and recipe.max_length < OFFLOADS_FROM else asked


def optimizer_of(recipe: Recipe, on_card: bool) -> str:
    """Those of bitsandbytes run on a card alone; on a processor the trainer takes AdamW for them."""
    if recipe.optimizer == "auto":
        return "adamw_8bit" if on_card else "adamw_torch"
    needs_card = recipe.optimizer.startswith(("paged_", "lion_")) or recipe.optimizer.endswith("_8bit")
    return recipe.optimizer if on_card or not needs_card else "adamw_torch"


def tokens_of(recipe: Recipe, shape: ModelShape, longest_tokens: int | None, on_card: bool) -> int:
    """Tokens of the longest row: packed rows are filled up, others are as long as their example."""
    most = min(recipe.max_length, shape.context_tokens or recipe.max_length)
    packed = recipe.packing and on_card
    return most if packed or longest_tokens is None else max(1, min(most, longest_tokens))


def targets_of(recipe: Recipe, shape: ModelShape) -> tuple[str, ...]:
    """The layers that get an adapter."""
    asked = adapter_layers(recipe)
    if isinstance(asked, str):
        return tuple(shape.linears)
    meant, _ = layers_meant(asked, shape.layer_names)
    return tuple(name for name in shape.linears if name.partition("#")[0].removeprefix("experts.") in meant)


def count_learning(recipe: Recipe, shape: ModelShape, method: Method) -> int:
    """How many numbers learn."""
    if method == "full":
        return shape.parameters
    sizes = [shape.linears[name] for name in targets_of(recipe, shape)]
    adapter = sum(recipe.lora_rank * (inputs + outputs) * count for inputs, outputs, count in sizes)
    if recipe.use_dora:  # a length for each output
        adapter += sum(outputs * count for _, outputs, count in sizes)
    tables = {"none": 0, "lm_head": 1, "embed_tokens,lm_head": 1 if shape.tied else 2}[recipe.modules_to_save]
    return adapter + tables * shape.vocab_size * shape.hidden_size


def _weights_bytes(shape: ModelShape, method: Method, trainer: Trainer, computed: int) -> float:
    if method != "qlora":
        return shape.parameters * computed
    plain = computed if trainer.fused else SINGLE
    return shape.linear_parameters * NF4_BYTES + (shape.parameters - shape.linear_parameters) * plain


def _optimizer_bytes(recipe: Recipe, shape: ModelShape, trainer: Trainer, learning: int, width: int) -> float:
    """Torch's AdamW keeps its averages as wide as the numbers that learn; the others have a width of their own."""
    optimizer = optimizer_of(recipe, trainer.on_card)
    each = OPTIMIZER_BYTES[optimizer if optimizer not in LOW_RANK else "adamw_torch"]
    if optimizer in ("adamw_torch", *LOW_RANK):
        each *= width / SINGLE
    if optimizer not in LOW_RANK:
        return each * learning
    layers = [size for name, size in shape.linears.items() if not name.startswith("experts.")]  # those are no layers
    if not shape.tied:
        layers.append((shape.hidden_size, shape.vocab_size, 1))
    others = learning - sum(inputs * outputs * count for inputs, outputs, count in layers)
    return each * others + width * sum(_low_rank_numbers(*size) for size in layers)


def _low_rank_numbers(inputs: int, outputs: int, count: int) -> int:
    """Two averages of as many rows as there are directions, and the directions themselves.

    Source: GaLore, https://arxiv.org/abs/2403.03507, table 1; APOLLO, https://arxiv.org/abs/2412.05270, keeps as much.
    """
    rank = min(LOW_RANK_DIRECTIONS, inputs, outputs)
    return count * rank * (2 * max(inputs, outputs) + min(inputs, outputs))


def _card_overhead(shape: ModelShape, method: Method, resident: float) -> float:
    largest = max((inputs * outputs for inputs, outputs, _ in shape.linears.values()), default=0)
    unpacked = largest * HALF if method == "qlora" else 0  # one layer's weights, back at 16 bits
    return CARD_CONTEXT_BYTES + unpacked + FRAGMENTED * resident
