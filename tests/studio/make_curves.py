"""Makes the real curves of tests/studio/curves: short runs of the starter, well set and set badly on purpose.

    python -m tests.studio.make_curves STARTER_FOLDER [NAME ...] [--within SECONDS]

Run it in the root of the repository. The model is loaded once; each run gets a fresh adapter and writes NAME.json:
{"settings": ..., "facts": what `RunFacts` takes, "rows": as in metrics.jsonl}. Without names, those that are missing
are made. All together take about 25 minutes on two cores. What is to be said of each stands in labels.json, by hand.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM

from studio.data.datasets import label_all, read_examples
from studio.data.tokens import NOT_LEARNED, Labelled, load_tokenizer

CURVES = Path(__file__).parent / "curves"
SAMPLE = Path("assets/sample/orders.jsonl")
MAX_LENGTH = 160
LINEARS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
THREADS = 1  # batches this small gain little from two
HELDOUT = 12
UPPER = 8  # layers with an adapter; what the lower ones make of an example never changes, and is kept


@dataclass(frozen=True)
class Settings:
    """One run. `poisoned` steps learn random tokens; at `jolted` steps the rate is `jolt` times as high."""

    name: str
    examples: int
    steps: int
    batch: int = 2
    rate: float = 2e-4
    warmup: int = 4
    schedule: str = "linear"  # linear, cosine or constant
    clip: float | None = 1.0
    rank: int = 16
    heldout: int = HELDOUT
    looks: int = 8
    answers: str = "true"  # or "shuffled": each question has another's answer
    poisoned: tuple[int, ...] = ()
    jolted: tuple[int, ...] = ()
    jolt: float = 1.0
    seed: int = 1

    @property
    def epochs(self) -> float:
        return self.steps * self.batch / self.examples


RUNS = (
    Settings("healthy_batch_2", examples=120, steps=60),
    Settings("far_too_high", examples=120, steps=40, rate=5e-2),
    Settings("rate_1e-8", examples=100, steps=40, rate=1e-8),
    Settings("eight_examples", examples=8, steps=60, rate=1e-3, looks=10),
    Settings("batch_1", examples=100, steps=90, batch=1, rate=3e-4),
    Settings("one_bad_batch", examples=120, steps=50, rate=4e-4, poisoned=(32,), seed=5),
    Settings("warmup_of_3000", examples=100, steps=45, warmup=3000, rate=5e-4),
    Settings("high_no_clip", examples=120, steps=50, rate=2e-2, clip=None, warmup=30, schedule="constant", seed=3),
    Settings("shuffled_answers", examples=160, steps=75, rate=1e-3, schedule="constant", answers="shuffled"),
    Settings("two_held_out", examples=100, steps=50, rate=4e-4, heldout=2),
    Settings("healthy_batch_4", examples=140, steps=35, batch=4, rate=3e-4, schedule="cosine"),
    Settings("healthy_two_epochs", examples=50, steps=50, rate=2e-4, seed=2),
    Settings("rate_of_30", examples=80, steps=30, rate=30.0, clip=None, warmup=8),
    Settings("rate_1e-5", examples=110, steps=55, rate=1e-5, seed=3),
    Settings("twelve_shuffled", examples=12, steps=70, rate=1.5e-3, schedule="constant", answers="shuffled", looks=10),
    Settings("healthy_batch_6", examples=180, steps=30, batch=6, rate=5e-4, warmup=3),
    Settings("jolt_recovered", examples=120, steps=60, rate=4e-4, jolted=(30,), jolt=60, seed=6),
    Settings("learned_it_all", examples=140, steps=80, batch=3, rate=2e-3, schedule="constant"),
    Settings("sixteen_examples", examples=16, steps=70, rate=1e-3, schedule="constant", looks=10, seed=2),
    Settings("too_high_constant", examples=120, steps=45, rate=1e-2, schedule="constant", seed=2),
    Settings("healthy_three_epochs", examples=40, steps=60, rate=1e-4, seed=3),
    Settings("healthy_rank_4", examples=100, steps=50, rank=4, rate=5e-4, seed=4),
    Settings("healthy_constant_rate", examples=120, steps=60, rate=1e-4, schedule="constant", seed=5),
    Settings("four_by_heart", examples=4, steps=50, rate=1e-3, schedule="constant", seed=4),
    Settings("jolt_stayed", examples=100, steps=50, rate=5e-4, jolted=(26, 27, 28), jolt=400, clip=None, seed=7),
    Settings("warmup_of_90", examples=100, steps=50, warmup=90, rate=4e-4, seed=2),
)  # fmt: skip


def rate_at(settings: Settings, step: int) -> float:
    """The rate of a step, counted from 1."""
    jolt = settings.jolt if step in settings.jolted else 1.0
    if step <= settings.warmup:
        return settings.rate * step / settings.warmup * jolt
    gone = (step - settings.warmup) / max(1, settings.steps - settings.warmup + 1)
    shares = {"linear": 1 - gone, "cosine": (1 + math.cos(math.pi * gone)) / 2, "constant": 1.0}
    return settings.rate * shares[settings.schedule] * jolt


class Starter:
    """The starter in two parts: lower layers that stay as they are, and the upper ones that learn."""

    def __init__(self, folder: Path) -> None:
        self.model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
        layers = self.model.model.layers
        self.lower, self.upper = layers[:-UPPER], layers[-UPPER:]
        self.norm = self.model.model.norm
        self.known: dict[tuple[int, ...], torch.Tensor] = {}
        self.model.model.layers = self.upper

    @torch.no_grad()
    def states(self, ids: list[int]) -> torch.Tensor:
        """What the lower layers make of an example. Shape: (seq, hidden)."""
        key = tuple(ids)
        if key not in self.known:
            inner = self.model.model
            inner.layers, inner.norm = self.lower, torch.nn.Identity()
            self.known[key] = inner(input_ids=torch.tensor([ids]), use_cache=False).last_hidden_state[0]
            inner.layers, inner.norm = self.upper, self.norm
        return self.known[key]

    def batch_loss(self, batch: list[Labelled]) -> torch.Tensor:
        """The mean over the learned tokens. Padded on the left, so that all answers stand at the end."""
        longest = max(len(tokens.input_ids) for tokens in batch)
        kept = max(tokens.learned_tokens for tokens in batch) + 1
        pads = [longest - len(tokens.input_ids) for tokens in batch]
        states = [
            torch.nn.functional.pad(self.states(tokens.input_ids), (0, 0, pad, 0))
            for tokens, pad in zip(batch, pads, strict=True)
        ]
        labels = [[NOT_LEARNED] * pad + tokens.labels for tokens, pad in zip(batch, pads, strict=True)]
        mask = [[0] * pad + [1] * (longest - pad) for pad in pads]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = self.model(
                inputs_embeds=torch.stack(states),
                attention_mask=torch.tensor(mask),
                logits_to_keep=kept,
                use_cache=False,
            ).logits
        return torch.nn.functional.cross_entropy(
            logits[:, :-1].float().flatten(0, 1),
            torch.tensor(labels)[:, -(kept - 1) :].flatten(),
            ignore_index=NOT_LEARNED,
        )

    @torch.no_grad()
    def heldout_loss(self, heldout: list[Labelled]) -> float:
        return round(float(self.batch_loss(heldout)), 5)


def shuffle_answers(examples: list[Labelled], chance: random.Random) -> list[Labelled]:
    """Each question with the answer of another example."""

    def parts(tokens: Labelled) -> tuple[list[int], list[int]]:
        first = next(place for place, label in enumerate(tokens.labels) if label != NOT_LEARNED)
        return tokens.input_ids[:first], tokens.input_ids[first:]

    questions, answers = zip(*map(parts, examples), strict=True)
    others = list(answers)
    chance.shuffle(others)
    return [Labelled(q + a, [NOT_LEARNED] * len(q) + a) for q, a in zip(questions, others, strict=True)]


def poison(batch: list[Labelled], chance: random.Random) -> list[Labelled]:
    """The same batch with random words for answers."""

    def replaced(tokens: Labelled) -> Labelled:
        ids = [
            token if label == NOT_LEARNED else chance.randrange(100, 40_000)
            for token, label in zip(tokens.input_ids, tokens.labels, strict=True)
        ]
        labels = [
            NOT_LEARNED if label == NOT_LEARNED else token for token, label in zip(ids, tokens.labels, strict=True)
        ]
        return Labelled(ids, labels)

    return [replaced(tokens) for tokens in batch]


def train(starter: Starter, settings: Settings, examples: list[Labelled]) -> list[dict[str, float]]:
    """One run; rows as in metrics.jsonl."""
    torch.manual_seed(settings.seed)
    chance = random.Random(settings.seed)
    pool = examples[:]
    chance.shuffle(pool)
    heldout, learned = pool[: settings.heldout], pool[HELDOUT : HELDOUT + settings.examples]
    assert len(learned) == settings.examples
    if settings.answers == "shuffled":
        learned = shuffle_answers(learned, chance)
    adapter = LoraConfig(r=settings.rank, lora_alpha=2 * settings.rank, target_modules=LINEARS)
    model = get_peft_model(starter.model, adapter)  # puts the adapter into the upper layers, in place
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    for weight in weights:
        weight.data = weight.data.float()
    optimizer = torch.optim.AdamW(weights, weight_decay=0.01)
    looks = {round(settings.steps * look / settings.looks) for look in range(1, settings.looks + 1)}
    rows = [{"step": 0, "heldout_loss": starter.heldout_loss(heldout)}]
    order: list[Labelled] = []
    for step in range(1, settings.steps + 1):
        if len(order) < settings.batch:
            order = chance.sample(learned, len(learned))
        batch, order = order[: settings.batch], order[settings.batch :]
        if step in settings.poisoned:
            batch = poison(batch, chance)
        rate = rate_at(settings, step)
        for group in optimizer.param_groups:
            group["lr"] = rate
        loss = starter.batch_loss(batch)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(weights, settings.clip or math.inf)
        optimizer.step()
        optimizer.zero_grad()
        rows.append(
            {
                "step": step,
                "loss": float(f"{float(loss.detach()):.5g}"),
                "grad_norm": float(f"{float(norm):.5g}"),
                "learning_rate": float(f"{rate:.5g}"),
            }
        )
        if step in looks:
            rows.append({"step": step, "heldout_loss": starter.heldout_loss(heldout)})
    model.unload()
    return rows


def write_curve(settings: Settings, rows: list[dict[str, float]]) -> None:
    facts = {
        "steps": settings.steps,
        "ended": True,
        "heldout_examples": settings.heldout,
        "warmup_steps": settings.warmup,
        "epochs": settings.epochs,
        "examples": settings.examples,
    }
    lines = ",\n".join(json.dumps(row) for row in rows)
    head = json.dumps({"settings": asdict(settings), "facts": facts})
    (CURVES / f"{settings.name}.json").write_text(f'{head[:-1]}, "rows": [\n{lines}\n]}}\n', encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("starter", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--within", type=float, default=math.inf, help="seconds after which no further run begins")
    asked = parser.parse_args()
    wanted = [
        run for run in RUNS if (run.name in asked.names if asked.names else not (CURVES / f"{run.name}.json").exists())
    ]
    if not wanted:
        return
    began_s = time.monotonic()
    conversations = read_examples(SAMPLE).conversations
    examples, _ = label_all(conversations, load_tokenizer(asked.starter), MAX_LENGTH)
    shorter = sorted(examples, key=lambda tokens: len(tokens.input_ids))[:200]  # steps of well under a second
    torch.set_num_threads(THREADS)
    starter = Starter(asked.starter)
    CURVES.mkdir(exist_ok=True)
    for settings in wanted:
        if time.monotonic() - began_s > asked.within:
            break
        run_began_s = time.monotonic()
        write_curve(settings, train(starter, settings, shorter))
        print(f"{settings.name}: {time.monotonic() - run_began_s:.0f} s", flush=True)


if __name__ == "__main__":
    main()
