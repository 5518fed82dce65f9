"""Settings that contradict each other, or that this machine, base or data cannot do, each said at its field.

What the libraries do with them was read in unsloth 2026.10.9, peft 0.21.2, trl 1.15 and transformers 5.17.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any, cast

from pydantic import ValidationError

from studio.data.chat_templates import OWN
from studio.data.tokens import NO_SYSTEM_ROLE
from studio.train.facts import Complaint, Complaints, Facts
from studio.train.memory import Method, layer_bytes, targets_of
from studio.train.presets import rate_factor
from studio.train.recipe import (
    LOW_RANK,
    SCHEDULES,
    SETTINGS,
    Recipe,
    adapter_layers,
    count_steps,
    layers_meant,
    say_what_it_may_be,
)
from studio.train.rules_course import judge_looks, judge_steps

WORD_TABLES = {"lm_head", "embed_tokens"}
OF_THE_ADAPTER = ("lora_alpha", "lora_dropout", "target_modules", "use_rslora", "use_dora", "modules_to_save")
FULL_RATE, ADAPTER_RATE, LION_RATE, SGD_RATE = 5e-5, 1e-3, 1e-4, 1e-2  # the first three for a base of usual size
STRONG = 4.0  # what the adapter says is multiplied by alpha / rank: 2 is usual
LEAST_STEPS_A_CYCLE = 10
FETCHED_BYTES_S = 12e9  # over PCIe 3.0 with 16 lanes; a PCIe 4.0 card in such a place does twice as much
MUCH_NOISE = 15.0  # the most that the paper tried, https://arxiv.org/abs/2310.05914


def judge_form(values: Mapping[str, Any], facts: Facts) -> list[Complaint]:
    """Of a form as it stands, by the names of a recipe's fields: what is out of its bounds, and `complaints`.

    A value out of its bounds does not keep the others from being judged: the default stands in for it.
    """
    wrong: dict[str, Complaint] = {}
    try:
        recipe = Recipe(**{"data": "", **values})
    except ValidationError as error:
        names = {str(found["loc"][0]) for found in error.errors() if found["loc"]}
        wrong = {name: Complaint(name, say_what_it_may_be(name), refuses=True) for name in SETTINGS.keys() & names}
        recipe = Recipe(data="", **{name: values[name] for name in SETTINGS.keys() & values.keys() - names})
    others = [complaint for complaint in complaints(recipe, facts) if complaint.field not in wrong]
    return _in_order([*wrong.values(), *others])


def complaints(recipe: Recipe, facts: Facts) -> list[Complaint]:
    """In the order of the form; at most a few at once, often none."""
    found = chain.from_iterable(rule(recipe, facts) for rule in RULES)
    return _in_order(found)


def _in_order(found: Iterable[Complaint]) -> list[Complaint]:
    order = list(SETTINGS)
    return sorted(found, key=lambda complaint: order.index(complaint.field))


def method_of(recipe: Recipe, facts: Facts) -> str:
    """What "auto" stands for on this machine."""
    return recipe.method if recipe.method != "auto" else "qlora" if facts.has_card else "lora"


def _method(recipe: Recipe, facts: Facts) -> Complaints:
    method = method_of(recipe, facts)
    unusable = facts.machine.unusable_card
    if unusable:
        yield Complaint("method", f"{unusable.trouble} {unusable.remedy}", refuses=True)
    elif recipe.method == "qlora" and not facts.has_card:
        yield Complaint("method", "Works on a processor too: it saves memory, and every step takes longer.")
    if method != "full":
        return
    card = facts.machine.card
    if card and not card.bf16:
        yield Complaint(
            "method",
            "This card knows no bfloat16, and all weights in float16 learn unsteadily. lora or qlora is safer.",
        )
    yield Complaint("lora_rank", "With the method full there is no adapter, so this changes nothing.")
    for name in OF_THE_ADAPTER:
        if getattr(recipe, name) != SETTINGS[name].default:
            yield Complaint(name, "With the method full there is no adapter, so this changes nothing.")


def _learning_rate(recipe: Recipe, facts: Facts) -> Complaints:
    factor = rate_factor(facts.shape.parameters if facts.shape else None)
    rate, full = recipe.learning_rate, method_of(recipe, facts) == "full"
    if recipe.optimizer == "sgd":
        if rate < SGD_RATE:
            yield Complaint(
                "optimizer",
                f"sgd has no step of its own for each weight: below a rate of {say_number(SGD_RATE)} it hardly moves.",
            )
        return
    if recipe.optimizer == "lion_8bit" and facts.has_card:
        if rate > LION_RATE * factor:
            yield Complaint(
                "learning_rate",
                f"lion takes steps of full length: it wants a third to a tenth of AdamW's rate, here at most "
                f"{say_number(LION_RATE * factor)}.",
            )
    elif full and rate > FULL_RATE * factor:
        yield Complaint(
            "learning_rate",
            f"A rate for adapters. Where all weights learn, more than {say_number(FULL_RATE * factor)} tears up what "
            "the model knew.",
        )
    elif rate > ADAPTER_RATE * factor:
        yield Complaint(
            "learning_rate", f"Above {say_number(ADAPTER_RATE * factor)} most runs of such a model fall apart."
        )
    if rate < 1e-6:
        yield Complaint("learning_rate", "So small that the model will hardly change.")


def _low_rank(recipe: Recipe, facts: Facts) -> Complaints:
    if recipe.optimizer in LOW_RANK and method_of(recipe, facts) != "full":
        yield Complaint(
            "optimizer",
            "It spares memory where all weights learn. An adapter is small already: choose auto, or the method full.",
            refuses=True,
        )


def _scheduler(recipe: Recipe, facts: Facts) -> Complaints:
    if recipe.scheduler != "cosine_with_restarts" or not facts.examples:
        return
    steps, cycles = count_steps(recipe, facts.examples), round(SCHEDULES["cosine_with_restarts"]["num_cycles"])
    if steps < LEAST_STEPS_A_CYCLE * cycles:
        yield Complaint("scheduler", f"The whole run is {steps:,} steps: too few to begin anew twice. Take cosine.")


def _adapter(recipe: Recipe, facts: Facts) -> Complaints:
    method = method_of(recipe, facts)
    if method == "full":
        return
    rank, alpha, root = recipe.lora_rank, recipe.lora_alpha, math.sqrt(recipe.lora_rank)
    usual = 2 * rank
    if recipe.use_rslora:
        usual = round(2 * root)
        if alpha / root > STRONG:
            yield Complaint(
                "lora_alpha",
                f"rsLoRA divides by the root of the rank: {alpha} speaks {alpha / root:.3g} times as loud, and 2 is "
                f"usual. Take {usual}.",
            )
    elif alpha > STRONG * rank:
        yield Complaint("lora_alpha", f"{alpha / rank:.3g} times the rank is loud; {usual} is usual for rank {rank}.")
    elif alpha < 0.5 * rank:
        yield Complaint("lora_alpha", f"Less than half the rank: the adapter is quiet. {usual} is usual.")
    if recipe.use_dora:
        slow = "unpacks the 4-bit weights at every step" if method == "qlora" else "reckons with the whole weights"
        also = ", and Unsloth's fast kernels stay unused" if facts.has_card else ""
        yield Complaint("use_dora", f"Slow: it {slow}{also}.")
    shape = facts.shape
    too_small = [name for name, (wide, high, _) in shape.linears.items() if rank > min(wide, high)] if shape else []
    if too_small and recipe.target_modules == "all-linear":
        yield Complaint("lora_rank", f"More than {_list(too_small)} of this model can hold: the rest is wasted.")


def _experts(recipe: Recipe, facts: Facts) -> Complaints:
    """Those that lie in one block, as most do: PEFT raises for either setting."""
    if method_of(recipe, facts) == "full" or facts.shape is None:
        return
    if not any(name.startswith("experts.") for name in targets_of(recipe, facts.shape)):
        return
    for name, off in (("lora_dropout", "Set it to 0"), ("use_dora", "Turn it off")):
        if getattr(recipe, name):
            yield Complaint(
                name,
                f"Does not work on the experts of this model. {off}, or choose attention at 'Layers with an adapter'.",
                refuses=True,
            )


def _loftq(recipe: Recipe, facts: Facts) -> Complaints:
    if not recipe.use_loftq:
        return
    if method_of(recipe, facts) != "qlora":
        yield Complaint(
            "use_loftq", "There is nothing to make up for: only the method qlora rounds to 4 bits.", refuses=True
        )


def _layers(recipe: Recipe, facts: Facts) -> Complaints:
    """Unsloth takes word tables out of the adapter and learns them whole."""
    names = adapter_layers(recipe)
    if isinstance(names, str) or method_of(recipe, facts) == "full":
        return
    tables = [name for name in names if name in WORD_TABLES]
    if tables:
        yield Complaint(
            "target_modules", f"{_list(tables)} takes no adapter and would learn whole. Say so at 'Learned whole'."
        )
    if facts.shape is None:
        return
    _, missing = layers_meant(names, facts.shape.layer_names | WORD_TABLES)
    if missing:
        yield Complaint(
            "target_modules",
            f"This model has no {_list(sorted(missing))}. It has {_list(sorted(facts.shape.layer_names))}.",
            refuses=len(missing) == len(names),
        )


def _word_tables(recipe: Recipe, facts: Facts) -> Complaints:
    shape = facts.shape
    if recipe.modules_to_save == "none" or shape is None or method_of(recipe, facts) == "full":
        return
    weights = shape.vocab_size * shape.hidden_size * len(recipe.modules_to_save.split(","))
    apart = (
        " This model reads and writes by one table; learned whole it becomes two, and the model larger."
        if shape.tied
        else ""
    )
    yield Complaint("modules_to_save", f"{weights / 1e6:,.0f} million more weights learn.{apart}")


def _chat_template(recipe: Recipe, facts: Facts) -> Complaints:
    reads_text = facts.is_passages or recipe.task == "text"
    if facts.lacks_template and recipe.chat_template == OWN and not reads_text:
        yield Complaint(
            "chat_template",
            "This model brings no chat template, so it does not know questions from answers. Choose chatml, or the "
            "family's own; it is written into every export.",
            refuses=True,
        )
    if facts.folds_system and recipe.chat_template == OWN and not reads_text:
        yield Complaint("chat_template", NO_SYSTEM_ROLE)


def _what_is_learned(recipe: Recipe, facts: Facts) -> Complaints:
    reads_text = facts.is_passages or recipe.task == "text"
    if facts.examples and facts.is_passages and recipe.task == "chat":
        yield Complaint("task", "Your data are passages without questions: they are learned as text all the same.")
    if facts.examples and not facts.is_passages and recipe.task == "text":
        yield Complaint("task", "Your data are questions and answers: read as text they do not teach it to answer.")
    if reads_text and recipe.answers_only:
        yield Complaint("answers_only", "Text has no answers: all of it is learned.")
    noise = recipe.neftune_noise_alpha
    if noise and reads_text:
        yield Complaint("neftune_noise_alpha", "Was found to help with answers; with text it is only noise.")
    elif noise > MUCH_NOISE:
        yield Complaint("neftune_noise_alpha", f"More than {MUCH_NOISE:g} has not been shown to help.")
    elif noise and recipe.packing and facts.has_card:
        yield Complaint("neftune_noise_alpha", "Longer rows get less noise, and packing makes long rows.")


def _offloading(recipe: Recipe, facts: Facts) -> Complaints:
    shape, count = facts.shape, recipe.offload_layers
    if not count:
        return
    if not facts.has_card:
        yield Complaint("offload_layers", "Without a graphics card all layers are in the computer's memory anyway.")
        return
    method = method_of(recipe, facts)
    if method == "full":
        yield Complaint("offload_layers", "With the method full every layer learns, and stays on the card.")
        return
    if recipe.gradient_checkpointing == "off":
        yield Complaint(
            "offload_layers", "Needs gradient checkpointing, without which every layer stays on the card.", refuses=True
        )
    if shape and shape.layers:
        kept = min(count, shape.layers)
        size = kept * layer_bytes(shape, cast(Method, method))
        yield Complaint(
            "offload_layers",
            f"{kept} of {shape.layers} layers, {size / 1e9:.1f} GB, are fetched twice for each batch: about "
            f"{say_number(2 * size / FETCHED_BYTES_S)} s longer, or less where the card works meanwhile.",
        )


def _machine(recipe: Recipe, facts: Facts) -> Complaints:
    card = facts.machine.card
    if card is None:
        if recipe.packing:
            yield Complaint("packing", "Without a graphics card examples in one row would read each other: stays off.")
        if "8bit" in recipe.optimizer or "paged" in recipe.optimizer:
            yield Complaint("optimizer", "Needs a graphics card. Without one adamw_torch takes its place.")
        if recipe.gradient_checkpointing == "unsloth":
            yield Complaint("gradient_checkpointing", "Without a graphics card this is the same as on.")
    elif not card.bf16 and recipe.max_grad_norm > 1:
        yield Complaint("max_grad_norm", "This card reckons in float16, where large corrections overflow: stay at 1.")
    yield from _offloading(recipe, facts)
    context = facts.shape.context_tokens if facts.shape else 0
    if context and recipe.max_length > context:
        yield Complaint("max_length", f"This model was made to read {context:,} tokens; beyond that it reads badly.")
    if recipe.optimizer in facts.cannot_step:
        yield Complaint("optimizer", f"It is not here yet. {facts.cannot_step[recipe.optimizer]}", refuses=True)
    if recipe.log_to in facts.cannot_log:
        yield Complaint("log_to", facts.cannot_log[recipe.log_to], refuses=True)


def _length(recipe: Recipe, facts: Facts) -> Complaints:
    over = len(facts.lengths) - bisect_right(facts.lengths, recipe.max_length)
    if over:
        share = over / len(facts.lengths)
        many = "All" if share == 1 else "Nearly all" if share > 0.95 else f"About {max(1, round(100 * share))} % of the"
        yield Complaint("max_length", f"{many} examples are longer. What is beyond is cut off, mostly of the answers.")


RULES: tuple[Callable[[Recipe, Facts], Complaints], ...] = (
    _method, _learning_rate, _low_rank, _scheduler, _adapter, _experts, _loftq, _layers, _word_tables, _chat_template,
    _what_is_learned, _machine, _length, judge_steps, judge_looks,
)  # fmt: skip


def say_number(value: float) -> str:
    """0.00005, not 5e-05."""
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
