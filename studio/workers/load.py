"""Loading to talk, score and merge: plain Transformers and PEFT, from safetensors only.

Unsloth's kernels on a card go round PEFT's forward, and with it round the switch between base and tuned.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import bitsandbytes
import torch
from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForImageTextToText,
    BitsAndBytesConfig,
    FineGrainedFP8Config,
    Mxfp4Config,
)

from studio.errors import ModelError
from studio.hardware import processor_has_bf16
from studio.runs import Run
from studio.train.recipe import Recipe
from studio.workers.card import card_has_bf16, stay_on_card
from studio.workers.loftq import round_to_four_bits


# Their activations exceed what float16 can hold, as Unsloth found (FORCE_FLOAT32 in unsloth_zoo/model_lists.py).
OVERFLOWING = ("gemma3", "gemma4", "glm4_moe", "gpt_oss", "qwen3_5", "qwen3_moe")
PACKED_ROWS = 32  # a block of bitsandbytes' packing for processors


def method_of(recipe: Recipe) -> Literal["qlora", "lora", "full"]:
    if recipe.method == "auto":
        return "qlora" if torch.cuda.is_available() else "lora"
    return recipe.method


def wants_four_bit(recipe: Recipe) -> bool:
    return method_of(recipe) == "qlora"


def compute_dtype() -> torch.dtype:
    """What is computed with: 16 bits, but 32 on a processor that has no instructions for bfloat16.

    There torch multiplies 16-bit matrices number by number: the way back of a step took 150 times as long (AVX2).
    """
    if torch.cuda.is_available():
        return torch.bfloat16 if card_has_bf16() else torch.float16
    return torch.bfloat16 if processor_has_bf16() else torch.float32


def dtype_for(model_type: str) -> torch.dtype:
    """What a model of this kind is computed with here."""
    usual = compute_dtype()
    return torch.float32 if usual == torch.float16 and model_type.startswith(OVERFLOWING) else usual


def load_base(folder: Path, four_bit: bool, on_card: bool = True, as_filed: bool = False) -> Any:
    """The bare model, from safetensors only, on the card if there is one and it is wanted there.

    `as_filed`: as wide as its files have it, so that its weights stay there and take next to no memory of their own.
    """
    stay_on_card()
    config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
    model = auto_class(config).from_pretrained(
        folder,
        dtype="auto" if as_filed else dtype_for(config.model_type),
        quantization_config=_rounding(config, four_bit),
        device_map={"": 0} if on_card and torch.cuda.is_available() else None,
        trust_remote_code=False,
        use_safetensors=True,
    )
    if getattr(config, "quantization_config", None):  # unrolled: its weights are plain from here on
        model.config.__dict__.pop("quantization_config", None)
        model.hf_quantizer = None
        model._weight_conversions = None  # saving reverses how it was loaded, and would round anew
        for weights in model.parameters():
            if weights.dtype == torch.bfloat16 and not as_filed:  # to which MXFP4 is unrolled, whatever is asked for
                weights.data = weights.data.to(dtype_for(config.model_type))
    model.get_output_embeddings().register_forward_pre_hook(_close_gaps)
    keep_unpacked(model, only_odd=True)
    fix_quirks(model)
    return model


def _rounding(config: Any, four_bit: bool) -> Any:
    """How weights are rounded as they are loaded, or unrolled where their makers rounded them.

    Raises: ModelError where they would have to be unrolled and rounded anew at once.
    """
    method = (getattr(config, "quantization_config", None) or {}).get("quant_method")
    if method and four_bit:
        raise ModelError(
            f"These weights are rounded by their makers ({method}) and cannot be rounded to 4 bits as they are loaded.",
            "Choose the method lora, or a copy of the model at 16 bits.",
        )
    if method:
        return {"mxfp4": Mxfp4Config, "fp8": FineGrainedFP8Config}[method](dequantize=True)
    if not four_bit:
        return None
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype_for(config.model_type),
    )


def auto_class(config: Any) -> Any:
    """Who loads a model of this configuration; one that sees pictures may have no class for its text part alone."""
    knows_text = type(config) in AutoModelForCausalLM._model_mapping
    return AutoModelForCausalLM if knows_text else AutoModelForImageTextToText


def fix_quirks(model: Any) -> None:
    """What a model says of itself that others stumble over."""
    drawing = model.generation_config
    if any(getattr(drawing, name, None) is not None for name in ("temperature", "top_p", "top_k", "min_p")):
        drawing.do_sample = True  # some say how answers are drawn but not that they are; that cannot be saved
    if model.base_model is model and hasattr(model, "model"):
        model.base_model_prefix = "model"  # Llama 4's names a part that its text model lacks, and TRL looks for it


def _close_gaps(head: Any, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
    """Who asks for the last places alone hands the head a view with gaps between the rows.

    On a processor torch then copies its 16-bit weights for every row: gigabytes, and longer than all layers take.
    """
    return tuple(each.contiguous() for each in inputs)


def keep_unpacked(model: Any, only_odd: bool = False) -> None:
    """Keep bitsandbytes from packing 4-bit weights anew at the first answer, as it does on some processors for speed.

    Who reads them afterwards reads rubbish: DoRA at every step, and the way back of training. `only_odd`: of those
    layers alone that do not fit its blocks (Granite 4 and Qwen 3.5 have some), at which it raises an AssertionError.
    """
    for module in model.modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            odd = module.out_features % PACKED_ROWS or module.in_features % module.weight.blocksize
            if odd or not only_odd:
                module.support_avx512bf16_for_cpu = False


def load_tuned(base: Path, run: Run, four_bit: bool, on_card: bool = True, as_filed: bool = False) -> Any:
    """The base with the run's adapter on it, or the model that it became where all weights learned.

    Raises: ModelError if the run has saved nothing yet.
    """
    if not run.has_adapter:
        raise ModelError(
            f"{run.title} has saved nothing yet.", "Let it train a few steps, then stop or wait for the end."
        )
    if run.learned_whole:
        return load_base(run.adapter, four_bit=False, on_card=on_card, as_filed=as_filed).eval()
    bare = load_bare(base, run.recipe, four_bit, on_card, as_filed)
    return put_on(bare, run.adapter, run.recipe, four_bit).eval()


def load_bare(base: Path, recipe: Recipe, four_bit: bool, on_card: bool = True, as_filed: bool = False) -> Any:
    """The base, such that adapters of this recipe can be put on."""
    bare = load_base(base, four_bit, on_card, as_filed)
    if recipe.use_dora:
        keep_unpacked(bare)
    return bare.eval()


def put_on(model: Any, folder: Path, recipe: Recipe, four_bit: bool, name: str = "default") -> Any:
    """The model with one adapter more; `name` is what PEFT shall call it."""
    if isinstance(model, PeftModel):
        model.load_adapter(folder, name)
        return model
    tuned = PeftModel.from_pretrained(model, folder, adapter_name=name)
    _require_same_layers(tuned, folder, name)
    if recipe.use_loftq and not four_bit:
        round_to_four_bits(tuned)  # its adapter makes up for that rounding, and would do so where none was
    return tuned


def _require_same_layers(tuned: Any, folder: Path, name: str) -> None:
    """PEFT only warns where an adapter has weights for layers that the model calls otherwise, and leaves them out.

    Raises: ModelError if so.
    """
    with safe_open(folder / "adapter_model.safetensors", "pt") as file:
        saved = set(file.keys())
    if lost := saved - set(get_peft_model_state_dict(tuned, adapter_name=name)):
        raise ModelError(
            f"The adapter does not fit the model: it has no layer {sorted(lost)[0].removeprefix('base_model.model.')}.",
            "Put back the base that it was trained on, or train again.",
        )


def load_both(base: Path, run: Run) -> tuple[Any, Any]:
    """(after, before) as it was trained; before is None where it is the same model with its adapter switched off."""
    after = load_tuned(base, run, wants_four_bit(run.recipe))
    # Two models fit into the memory that learning all weights took.
    return after, load_base(base, four_bit=False).eval() if run.learned_whole else None
