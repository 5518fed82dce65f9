"""The checks that need a card, in the order of their worth, one JSON line each: {"check", "ok", "seconds", ...}.

    python launch.py --test --gpu [--out FOLDER] [--budget SECONDS] [--anyway] [CHECK ...]

`ok` is null where a check could only be looked at, or was left out. `--anyway` tries the checks themselves where there
is no card; those that ask the card for its memory fail there.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import platform
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from studio.errors import TunesmithError
from studio.hardware import find_card, missing_for_kernels, read_machine
from studio.runs import stop_run
from studio.workspace import REPOSITORY
from tests.gpu.watch import Bench

BUDGET_S = 540
NEAR = 0.02  # losses of a run that was paused, beside those of one that was not
NO_TIME = "no time left"
Found = dict[str, Any]


class NotTried(Exception):
    """Why a check was left out."""


class Checks:
    """Each by its name; one leaves to those after it what it trained and made."""

    def __init__(self, bench: Bench, tokenizer: Path, small: str) -> None:
        """`small`: the size of most runs, see tests/gpu/models.py."""
        self.bench, self.tokenizer, self.small = bench, tokenizer, small
        self.run = ""

    def names(self) -> list[str]:
        return [name for name in vars(Checks) if not name.startswith("_") and name != "names"]

    def machine(self) -> Found:
        machine = read_machine()
        looked = self.bench.probe("look_at_card", limit_s=180)
        cards = [{"name": card.name, "gb": round(card.memory_bytes / 1e9, 1), "driver": card.driver,
                  "trouble": card.trouble} for card in machine.cards]  # fmt: skip
        lacks = missing_for_kernels(platform.system())
        return {"ok": looked["rc"] == 0 and looked["triton_ok"], "cards": cards, "lacks": str(lacks or ""), **looked}

    def train(self) -> Found:
        """Twenty steps with all that belongs to them: rehearsal, looks at held-out examples, sample answers, saves."""
        found = self.bench.train(
            self._base(self.small), "gpu", max_steps=20, eval_steps=10, save_steps=10, learning_rate=0.001
        )
        self.run = found["run"] if found.get("state") == "done" else ""
        losses = [loss for _, loss in found.get("train_loss", [])]
        fell = len(losses) == 20 and all(map(math.isfinite, losses)) and losses[-1] < losses[0]
        through = "Unsloth, 4-bit" if find_card() else ""
        return {"ok": fell and str(found.get("engine")).startswith(through), "losses": losses, **_short(found)}

    def checkpointing(self) -> Found:
        """Sample answers leave gradient checkpointing as it was (finding A3)."""
        base = self._base("1b" if self.bench.left_s > 420 else self.small)
        found = self.bench.probe("step_memory", str(self.bench.workspace.root), base, limit_s=200)
        return {"ok": found["rc"] == 0 and found["flags_before"] == found["flags_after"], **found}

    def ask(self) -> Found:
        found = self.bench.verb("ask", self._trained(), "Hello, my parcel 4821 has not come. Mia", limit_s=150)
        return {"ok": found["rc"] == 0 and "base" in found and "tuned" in found, **found}

    def together(self) -> Found:
        root = str(self.bench.workspace.root)
        found = self.bench.probe("answer_together", root, self._trained(), limit_s=200, module="chat")
        return {"ok": found["rc"] == 0 and found["same_words"], **found}

    def speed(self) -> Found:
        """Beside a bare script of Unsloth and TRL, in the same run."""
        measured = self._of_sizes(150, lambda base: self.bench.probe("race", str(self.bench.workspace.root), base))
        good = [each["rc"] == 0 for each in measured.values() if isinstance(each, dict)]
        return {"ok": all(good) if good else None, **measured}

    def memory(self) -> Found:
        """The estimate before a run beside what it took of the card, as the driver tells it."""

        def compare(base: str) -> Found:
            told = self.bench.probe("foretell", str(self.bench.workspace.root), base, limit_s=60)
            ran = self.bench.train(base, "memory", limit_s=260, max_steps=6, eval_steps=3, save_steps=6)
            return {"foretold_gb": told.get("total_gb"), "parts_gb": told.get("parts_gb"), **_short(ran)}

        measured = self._of_sizes(110, compare)
        good = [each["state"] == "done" for each in measured.values() if isinstance(each, dict)]
        return {"ok": all(good) if good else None, **measured}

    def packing(self) -> Found:
        """An epoch of packed rows is one epoch (finding B1)."""
        found = self.bench.train(
            self._base(self.small), "packed", packing="true", epochs=1, max_length=1024, eval_steps=100_000
        )
        rows = self.bench.workspace.runs / found["run"] / "metrics.jsonl"
        seen = [json.loads(line).get("epoch", 0) for line in rows.read_text(encoding="utf-8").splitlines()]
        return {"ok": found["rc"] == 0 and max(seen) < 1.5, "epochs": max(seen), **_short(found)}

    def resume(self) -> Found:
        """Paused and resumed, beside a run that was left alone."""
        base, settings = self._base(self.small), {"epochs": 10, "max_steps": 160, "eval_steps": 80, "save_steps": 40}
        alone = self.bench.train(base, "alone", **settings).get("train_loss", [])
        with self._pausing_at(50, "paused"):
            paused = self.bench.train(base, "paused", **settings)
        resumed = self.bench.verb("resume", paused["run"], limit_s=200)
        again = dict(resumed.get("train_loss", []))  # of a step that was done twice, the later
        apart = max((abs(again[step] - loss) for step, loss in alone if step in again), default=math.inf)
        state = paused["status"].get("state")
        good = state == "paused" and resumed.get("state") == "done" and apart < NEAR
        return {"ok": good, "paused": state, "at": paused["status"].get("step"), "apart": apart, **_short(resumed)}

    def score(self) -> Found:
        found = self.bench.verb("score", self._trained(), "--questions", "20", limit_s=260)
        told = ("examples", "base", "tuned", "verdict", "error", "rc", "s", "card_gb")
        return {"ok": found["rc"] == 0, **{name: found[name] for name in told if name in found}}

    def export(self) -> Found:
        """Merged and rounded with the card, then run by llama.cpp. Random weights may miss the proof of an export."""
        kinds = {"adapter": [], "merged": [], "gguf": ["--quant", "f16"], "gguf q4": ["--quant", "q4_k_m"]}
        made: Found = {}
        for name, more in kinds.items():
            words = ["export", self._trained(), "--to", name.split()[0], *more]
            made[name] = self.bench.verb(*words, name=name) if self.bench.left_s > 60 else NO_TIME
        tried = {name: each for name, each in made.items() if each != NO_TIME}
        for each in tried.values():
            each.get("check", {}).pop("answers", None)
        whole = all(tried[name]["rc"] == 0 for name in ("adapter", "merged") if name in tried)
        return {"ok": whole if len(tried) == len(kinds) else None, "made": made}

    def no_room(self) -> Found:
        """Another program has nearly all of the card: a run ends in words and remedies."""
        base = self._base("1b")
        with self._held(keep_free_gb=1.3):
            found = self.bench.train(base, "no room", max_steps=4, batch_size=64, max_length=2048, limit_s=200)
        status = found["status"]
        what = (status.get("error") or {}).get("what", "")
        remedies = [remedy.get("title") for remedy in status.get("remedies", [])]
        good = status.get("state") == "failed" and "memory" in what.lower() and bool(remedies)
        return {"ok": good, "what": what, "remedies": remedies, **_short(found)}

    def methods(self) -> Found:
        """Six steps of each way to train."""
        ways: dict[str, dict[str, Any]] = {
            "lora": {"method": "lora"},
            "full": {"method": "full", "learning_rate": 1e-5},
            "paged": {"optimizer": "paged_adamw_8bit"},
            "lion": {"optimizer": "lion_8bit", "learning_rate": 1e-4},
            "layers off the card": {"offload_layers": 8},
            "dora": {"use_dora": "true"},
            "loftq": {"use_loftq": "true"},
            "tables": {"modules_to_save": "embed_tokens,lm_head"},
            "dropout": {"lora_dropout": 0.1},
            "no checkpointing": {"gradient_checkpointing": "off"},
            "noise": {"neftune_noise_alpha": 5},
        }
        ran: Found = {}
        for name, settings in ways.items():
            if self.bench.left_s < 75:
                ran[name] = NO_TIME
                continue
            short = {"max_steps": 6, "eval_steps": 3, "save_steps": 6, **settings}
            ran[name] = _short(self.bench.train(self._base(self.small), name, limit_s=120, **short))
        tried = [each for each in ran.values() if each != NO_TIME]
        return {"ok": all(each["state"] == "done" for each in tried) if tried else None, "ways": ran}

    def doctor(self) -> Found:
        found = self.bench.verb("doctor", limit_s=60)
        return {"ok": found["rc"] == 0, **found}

    def _base(self, size: str) -> str:
        folder = self.bench.folder / "models" / size
        if not folder.exists():
            made = self.bench.probe("make_model", size, str(folder), str(self.tokenizer))
            if made["rc"]:
                raise RuntimeError(f"The {size} model could not be made: {made['error']}")
        return str(folder)

    def _trained(self) -> str:
        if not self.run:
            raise NotTried("no run was trained before; name “train” first")
        return self.run

    def _of_sizes(self, least_s: float, act: Callable[[str], Found]) -> Found:
        measured: Found = {}
        for size, needed_s in (("1b", least_s), ("8b", 2 * least_s)) if self.small != "tiny" else (("tiny", least_s),):
            measured[size] = act(self._base(size)) if self.bench.left_s > needed_s else NO_TIME
        return measured

    @contextlib.contextmanager
    def _pausing_at(self, step: int, name: str) -> Iterator[None]:
        """Meanwhile the newest run of this name is paused as soon as it is so far."""
        ended = threading.Event()

        def watch() -> None:
            while not ended.wait(0.1):
                run = self.bench.newest_run()
                if run.endswith(name) and self.bench.status_of(run).get("step", 0) >= step:
                    with contextlib.suppress(TunesmithError):  # it may have ended meanwhile
                        stop_run(self.bench.workspace, run, "pause")
                    return

        watching = threading.Thread(target=watch, daemon=True)
        watching.start()
        try:
            yield
        finally:
            ended.set()
            watching.join()

    @contextlib.contextmanager
    def _held(self, keep_free_gb: float) -> Iterator[None]:
        command = [sys.executable, "-m", "tests.gpu.probes", "hold", str(keep_free_gb)]
        holding = subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        try:
            if not holding.stdout or not holding.stdout.readline().startswith("held"):
                raise NotTried("the card could not be held")
            yield
        finally:
            holding.communicate()


def _short(found: Found) -> Found:
    told = ("run", "state", "engine", "steps", "tokens_per_s", "error", "rc", "s", "card_gb", "log")
    status = found.get("status", {})
    kept = {name: found[name] for name in told if name in found}
    return {"state": status.get("state"), **kept, "peak": status.get("peak_memory_bytes"),
            "rehearsal": status.get("rehearsal")}  # fmt: skip


def tell(line: Found) -> None:
    print(json.dumps(line, default=str), flush=True)


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="launch.py --test --gpu")
    parser.add_argument("--out", type=Path, help="where runs and logs are kept")
    parser.add_argument("--tokenizer", type=Path, help="a folder with the starter's tokenizer")
    parser.add_argument("--budget", type=float, default=BUDGET_S, help="seconds for all of them")
    parser.add_argument("--small", default="small", help="size of most models")
    parser.add_argument("--anyway", action="store_true", help="without a card too")
    parser.add_argument("checks", nargs="*")
    given = parser.parse_args(words)
    if not find_card() and not given.anyway:
        tell({"check": "all", "ok": None, "why": "There is no graphics card here that can be used, so none was tried."})
        return 0
    folder = (given.out or Path(tempfile.mkdtemp(prefix="tunesmith-gpu-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    checks = Checks(Bench(folder, given.budget), given.tokenizer or starter_tokenizer(folder), given.small)
    if unknown := [name for name in given.checks if name not in checks.names()]:
        parser.error(f"no such check: {', '.join(unknown)}. There are: {', '.join(checks.names())}.")
    failed = 0
    for name in given.checks or checks.names():
        began_s = time.monotonic()
        try:
            if checks.bench.left_s < 30:
                raise NotTried(NO_TIME)
            found = getattr(checks, name)()
        except NotTried as why:
            found = {"ok": None, "why": str(why)}
        except Exception as error:
            traceback.print_exc()
            found = {"ok": False, "broke_off": f"{type(error).__name__}: {error}"}
        failed += found["ok"] is False
        tell({"check": name, **found, "seconds": round(time.monotonic() - began_s, 1)})
    return 1 if failed else 0


def starter_tokenizer(folder: Path) -> Path:
    """That of the starter, which the package of it carries."""
    from studio.workers.starter import build_starter

    place = folder / "tokenizer"
    if not place.exists():
        built = folder / "starter"
        build_starter(built, lambda progress: None)
        place.mkdir()
        for file in built.iterdir():
            if file.name.startswith(("tokenizer", "vocab", "merges", "special", "chat_template")):
                (place / file.name).write_bytes(file.read_bytes())
    return place


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
