"""How they are asked: the instruction, chance, the adapters' strength and the longest answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.blocks import Block

from studio.compare.kept import Setup
from studio.compare.sampling import Sampling

MOST_STRENGTH = 150  # %


@dataclass(frozen=True)
class HowView:
    system: gr.Textbox
    temperature: gr.Slider
    top_p: gr.Slider
    seed: gr.Number
    dice: gr.Checkbox
    strength: gr.Slider
    longest: gr.Slider

    @property
    def fields(self) -> set[Block]:
        return {self.system, self.temperature, self.top_p, self.seed, self.dice, self.strength, self.longest}

    def setup_of(self, given: Mapping[Any, Any]) -> Setup:
        """As it is kept with a conversation."""
        return Setup(given[self.system], self.sampling(given), self.longest_of(given), self.strength_of(given))

    def fill(self, setup: Setup) -> dict[Any, Any]:
        drawn = setup.sampling
        return {
            self.system: setup.system, self.temperature: drawn.temperature, self.top_p: drawn.top_p,
            self.seed: drawn.seed, self.dice: drawn.same_dice, self.strength: 100 * setup.strength,
            self.longest: setup.most_tokens,
        }  # fmt: skip

    def sampling(self, given: Mapping[Any, Any]) -> Sampling:
        return Sampling(given[self.temperature], given[self.top_p], int(given[self.seed] or 0), given[self.dice])

    def strength_of(self, given: Mapping[Any, Any]) -> float:
        """1 where the adapters are as they were learned."""
        return float(given[self.strength]) / 100

    def longest_of(self, given: Mapping[Any, Any]) -> int:
        return int(given[self.longest])


def build_how_view() -> HowView:
    with gr.Accordion("Instruction, chance, strength and length", open=False, elem_id="how"):
        return HowView(
            system=gr.Textbox(
                label="Instruction", info="What the data set says first, unless you change it.", lines=2,
                elem_id="system",
            ),
            temperature=gr.Slider(
                0, 1.5, value=0, step=0.05, label="Temperature", elem_id="temperature",
                info="0 always takes the likeliest word; higher varies more.",
            ),
            top_p=gr.Slider(
                0.1, 1, value=0.95, step=0.01, label="Top-p", elem_id="top-p",
                info="Only the likeliest words that together hold this share of the chance; lower is more careful.",
            ),
            seed=gr.Number(
                0, label="Seed", precision=0, minimum=0, elem_id="seed",
                info="The same seed draws the same answer again.",
            ),
            dice=gr.Checkbox(
                True, label="Same dice", elem_id="same-dice",
                info="All draw with the same luck, so that what differs is the model’s doing. Files have their own.",
            ),
            strength=gr.Slider(
                0, MOST_STRENGTH, value=100, step=5, label="Strength of the adapter (%)", elem_id="strength",
                info="100 is as it was learned. Less leans on the base, at 0 it is the base; more overdoes what it "
                "learned. Only here: vote, scores and files stay at 100.",
            ),
            longest=gr.Slider(16, 2048, value=256, step=16, label="Longest answer (tokens)", elem_id="longest"),
        )  # fmt: skip
