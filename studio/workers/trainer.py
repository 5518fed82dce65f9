"""One run of TRL's SFTTrainer over tokens that `label_tokens` has labelled."""

from __future__ import annotations

import math
import shutil
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from studio.workers.trainable import KERNELS_LACK, UNSLOTH_MISSING, Trainable, can_run_kernels, load_trainable  # isort: skip  (Unsloth patches trl and transformers: it must come first)

import torch
from datasets import Dataset as TokenTable
from transformers import Trainer, TrainerCallback, TrainerState
from trl import SFTTrainer

from studio.data.conversation import Conversation
from studio.data.datasets import Dataset, label_all, open_dataset
from studio.data.tokens import NO_SYSTEM_ROLE, FolderTokenizer, Labelled, Learn
from studio.disk import move_over
from studio.errors import DataError, ModelError, RunError
from studio.runs import Run, base_of, marks_of_base, workspace_of
from studio.store import read_json
from studio.train.facts import require_log, require_optimizer
from studio.train.models import ADAPTER_CONFIG, ensure_base, name_base, require_base, within_context
from studio.train.tokenizing import tokenizer_of
from studio.train.recipe import HELDOUT_MOST, Recipe, count_steps
from studio.workers.card import require_card
from studio.workers.chance import put_back
from studio.workers.checkpoints import is_whole, newest_whole, prune, step_of, trust_directions, written_whole
from studio.workers.fused import fuse
from studio.workers.load import compute_dtype, method_of
from studio.workers.memory import is_out_of_memory, let_go, peak_bytes
from studio.workers.rehearsal import Rehearsal
from studio.workers.report import RunReport
from studio.workers.reporter import Reporter
from studio.workers.sampler import StepSampler
from studio.workers.samples import build_answering
from studio.workers.settings import build_arguments, fit_length
from studio.workers.targets import left_out


def train(run: Run, report: RunReport) -> None:
    """Raises: TunesmithError for what a person can mend."""
    require_log(run.recipe.log_to)
    require_optimizer(run.recipe.optimizer)
    require_card()
    workspace = workspace_of(run.folder)
    for progress in ensure_base(workspace, run.recipe.base):  # in its own process, the one that may use the network
        report.update(message=progress.message)
    base = base_of(run)
    report.update(message="Counting tokens", base_marks=marks_of_base(base))
    recipe = within_context(run.recipe, base)
    if recipe != run.recipe:
        run.tell(f"This model was made to read {recipe.max_length:,} tokens at once: longer examples are cut there.")
    tokenizer = tokenizer_of(base, recipe)
    dataset = open_dataset(workspace, run.recipe.data)
    learned, refused = _tokens(dataset.conversations("train"), tokenizer, recipe)
    heldout = dataset.conversations("validation")[:HELDOUT_MOST]
    watched, _ = _tokens(heldout, tokenizer, recipe)
    if not learned:
        raise _nothing_learned(dataset, refused)
    for words in _say_changes(tokenizer, dataset, refused):
        run.tell(words)
    if "vision_config" in (read_json(base / "config.json") or {}):
        run.tell("The text part of this model learns; how it sees pictures stays as it was. A GGUF holds text alone.")
    _require_known_tokens(base, [*learned, *watched])
    report.update(message="Loading the model", steps=count_steps(recipe, len(learned)), heldout_examples=len(watched))
    trainable = load_trainable(base, recipe)
    if KERNELS_LACK:
        run.tell(KERNELS_LACK)
    if method_of(recipe) != "full" and (without := left_out(trainable.model, recipe)):
        layers = ", ".join(without)
        run.tell(f"PEFT puts no adapter on {layers} beside the experts of this model: those layers do not learn.")
    if not torch.cuda.is_available():  # where Unsloth has kernels of its own
        fuse(trainable.model)
    report.update(engine=trainable.engine)
    answer = build_answering(run, trainable.model, base, tokenizer, heldout) if watched else None
    recipe = recipe.model_copy(update=report.status.get("lowered", {}))  # with the batch that fitted the last time
    while True:
        reporter = Reporter(run, report, answer)
        trainer = _build_trainer(run, recipe, trainable, learned, watched, reporter, report)
        try:
            _train(run, trainer, reporter, report)
            break
        except Exception as error:
            if not is_out_of_memory(error) or trainer.state.global_step == 0:
                raise
            # The error holds on to every frame down to the step, and they to what did not fit.
            traceback.clear_frames(error.__traceback__)
            recipe = _lower(run, recipe, trainer, reporter, report)
            del trainer
        let_go()
    _keep(run, trainer, reporter, report)


def _nothing_learned(dataset: Dataset, refused: Counter[str]) -> DataError:
    what = f"No example of {dataset.name} can be learned from with this model."
    if refused:
        reason, count = refused.most_common(1)[0]
        return DataError(f"{what} {count:,} are left out: {reason}", "Mend them in Data, or pick another model.")
    return DataError(what, "Raise 'Longest example', or see the findings in Data.")


def _say_changes(tokenizer: FolderTokenizer, dataset: Dataset, refused: Counter[str]) -> Iterator[str]:
    """What the model's template does to the examples, beside marking who speaks."""
    for reason, count in refused.most_common():
        yield f"{count:,} example{'' if count == 1 else 's'} left out. {reason}"
    if dataset.system and not tokenizer.has_system_role:
        yield NO_SYSTEM_ROLE


def _require_known_tokens(base: Path, labelled: Sequence[Labelled]) -> None:
    """Raises: ModelError if the tokenizer writes tokens for which the weights have no row: it is not their own."""
    config = read_json(base / "config.json") or {}
    rows = (config.get("text_config") or config).get("vocab_size")
    highest = max(max(tokens.input_ids) for tokens in labelled)
    if isinstance(rows, int) and highest >= rows:
        raise ModelError(
            f"The tokenizer does not belong to these weights: it writes token {highest:,}, and they know {rows:,}.",
            "Fetch the model again, with the tokenizer that came with it.",
        )


def _tokens(
    conversations: Sequence[Conversation], tokenizer: FolderTokenizer, recipe: Recipe
) -> tuple[list[Labelled], Counter[str]]:
    learn: Learn = "text" if recipe.task == "text" else "answers" if recipe.answers_only else "all"
    labelled, refused = label_all(conversations, tokenizer, recipe.max_length, learn)
    return [tokens for tokens in labelled if tokens.learned_tokens], refused


def _table(labelled: Sequence[Labelled]) -> TokenTable:
    return TokenTable.from_dict({"input_ids": [t.input_ids for t in labelled], "labels": [t.labels for t in labelled]})


class StudioTrainer(SFTTrainer):  # type: ignore[misc]
    """SFTTrainer whose steps are drawn by seed and epoch, and whose checkpoints are whole or not there."""

    sampler: StepSampler
    base: str  # by its name, not by where it lies now
    writing: Path | None = None

    def _get_train_sampler(self, train_dataset: Any = None) -> StepSampler:
        return self.sampler

    def compute_loss(self, *inputs: Any, **more: Any) -> Any:
        if UNSLOTH_MISSING and not can_run_kernels():  # TRL's own loss is one of Triton
            return Trainer.compute_loss(self, *inputs, **more)
        return super().compute_loss(*inputs, **more)

    def _get_output_dir(self, trial: Any) -> str:
        return str(self.writing or self.args.output_dir)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        folder = Path(self.args.output_dir)
        with written_whole(folder, int(self.state.global_step)) as place:
            self.writing = place.parent
            try:
                super()._save_checkpoint(model, trial)
            finally:
                self.writing = None

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        super().save_model(output_dir, _internal_call)
        folder = Path(output_dir or self.args.output_dir)
        if (folder / ADAPTER_CONFIG).is_file():
            name_base(folder, self.base)


class _Epochs(TrainerCallback):  # type: ignore[misc]
    """Tells the sampler which epoch it is; accelerate forgets to where batches are skipped after a resume."""

    def __init__(self, sampler: StepSampler, steps_an_epoch: int) -> None:
        self.sampler = sampler
        self.steps_an_epoch = steps_an_epoch

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        self.sampler.epoch = state.global_step // self.steps_an_epoch


class _Pruning(TrainerCallback):  # type: ignore[misc]
    def __init__(self, reporter: Reporter) -> None:
        self.reporter = reporter

    def on_save(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        prune(Path(args.output_dir), self.reporter.report.status.get("best_step"))


def _build_trainer(
    run: Run, recipe: Recipe, trainable: Trainable, learned: Sequence[Labelled], watched: Sequence[Labelled],
    reporter: Reporter, report: RunReport,
) -> StudioTrainer:  # fmt: skip
    table = _table(learned)
    trainer = StudioTrainer(
        model=trainable.model,
        processing_class=trainable.tokenizer,
        args=build_arguments(recipe, run.checkpoints, len(learned), bool(watched)),
        train_dataset=table,
        eval_dataset=_table(watched) if watched else None,
    )
    fit_length(trainer, recipe)
    report.update(steps=trainer.args.max_steps)
    if compute_dtype() == torch.float32:
        for weights in trainer.model.parameters():  # TRL makes what learns beside 4-bit weights bfloat16
            if weights.requires_grad:
                weights.data = weights.data.float()
    lengths = [len(ids) for ids in trainer.train_dataset["input_ids"]]  # packed rows are others than we gave
    step_examples = recipe.batch_size * recipe.gradient_accumulation
    trainer.base = recipe.base
    trainer.sampler = StepSampler(lengths, step_examples, recipe.seed)
    for callback in list(trainer.callback_handler.callbacks):  # its printing to the log says nothing new
        if type(callback).__name__ in ("PrinterCallback", "ProgressCallback"):
            trainer.remove_callback(callback)
    trainer.add_callback(_Epochs(trainer.sampler, math.ceil(len(lengths) / step_examples)))
    trainer.add_callback(Rehearsal(run, trainer, recipe, lengths, report))
    trainer.add_callback(reporter)
    trainer.add_callback(_Pruning(reporter))
    return trainer


def _train(run: Run, trainer: StudioTrainer, reporter: Reporter, report: RunReport) -> None:
    checkpoint, damaged = newest_whole(run.checkpoints)
    for folder in damaged:
        run.tell(f"The save of step {step_of(folder):,} is damaged and was passed over.")
        shutil.rmtree(folder, ignore_errors=True)
    reporter.recall(step_of(checkpoint) if checkpoint else 0)
    if checkpoint and (reporter.has_waited_enough or step_of(checkpoint) >= trainer.args.max_steps):
        _load_ended(trainer, reporter, checkpoint)
        return
    if checkpoint:
        step = step_of(checkpoint)
        report.add_point(step=step, mark="resumed", words=f"Went on from step {step:,}.")
        run.tell(f"Went on from step {step:,}.")
    elif run.metrics.exists():
        report.add_point(step=0, mark="resumed", words="Began again: nothing was saved yet.")
    trust_directions(run.recipe.optimizer)
    trainer.args.eval_on_start = checkpoint is None and trainer.eval_dataset is not None
    report.update("training", message="Training")
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)


def _load_ended(trainer: StudioTrainer, reporter: Reporter, checkpoint: Path) -> None:
    """All steps are done, and only the end was cut off: Transformers would train one step more."""
    trainer._load_from_checkpoint(str(checkpoint))
    trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    reporter.ended = "early" if reporter.has_waited_enough else ""


def _lower(run: Run, recipe: Recipe, trainer: StudioTrainer, reporter: Reporter, report: RunReport) -> Recipe:
    """Half the batch and twice the batches a step, from the step under way. Raises: RunError at a batch of 1."""
    step = int(trainer.state.global_step)
    if recipe.batch_size == 1:
        report.offer_remedies()
        raise RunError(
            f"The memory was not enough at step {step:,}, for a single example.",
            "Lower 'Longest example', or pick a smaller model; what was saved is kept.",
        )
    trainer.model.zero_grad(set_to_none=True)
    if not is_whole(run.checkpoints / f"checkpoint-{step}"):
        put_back(reporter.chance)  # the step is done again as it would have been
        trainer._save_checkpoint(trainer.model, None)
    # The largest part that leaves no rest, so that as many examples make a step as before.
    half = next(part for part in range(recipe.batch_size // 2, 0, -1) if recipe.batch_size % part == 0)
    lowered = {"batch_size": half, "gradient_accumulation": recipe.gradient_accumulation * recipe.batch_size // half}
    words = (
        f"The memory was not enough at step {step:,}: the batch went from {recipe.batch_size} to {half}, "
        f"with {lowered['gradient_accumulation']} batches a step. It learns the same, a little slower."
    )
    report.update(lowered=lowered)
    report.add_point(step=step, mark="lowered", words=words)
    run.tell(words)
    return recipe.model_copy(update=lowered)


def _keep(run: Run, trainer: StudioTrainer, reporter: Reporter, report: RunReport) -> None:
    """What becomes of the run once its steps have ended, in a sentence and on the disk."""
    step = int(trainer.state.global_step)
    if report.status["base_marks"] != marks_of_base(require_base(workspace_of(run.folder), run.recipe.base)):
        run.tell("The base was changed while the run trained. Put back its weights before you ask or export the run.")
    report.update(peak_memory_bytes=peak_bytes())
    if reporter.ended == "broken":
        raise RunError(
            f"The loss is no number any more since step {step - 2:,}: the corrections were too large.",
            "Lower 'Learning rate' by ten and train again; what was saved before is kept.",
        )
    if reporter.ended in ("pause", "disk"):
        words = {
            "pause": f"Paused at step {step:,}. Go on whenever you like.",
            "disk": f"Paused at step {step:,}: the disk is nearly full. Free some space, then press Go on.",
        }[reporter.ended]
        run.tell(words)
        report.add_point(step=step, mark="paused", words=words)
        report.update("paused", message=words, left_s=None)
        return
    report.update(message="Saving what it learned")
    kept = _save_learned(run, trainer, report)
    best = report.status.get("best_step")
    if run.recipe.keep_best and best not in (None, kept):
        run.tell(f"The save of step {best:,}, the best, is damaged; kept is the last.")
    words = {
        "": f"Done after {step:,} steps.",
        "keep": f"Stopped at step {step:,}, as you asked.",
        "early": f"Stopped at step {step:,}: the held-out loss did not get better any more.",
    }[reporter.ended]
    words += f" Kept is the best, of step {kept:,}." if kept != step else ""
    run.tell(words)
    report.update("stopped" if reporter.ended == "keep" else "done", message="", kept_step=kept, left_s=0)


def _save_learned(run: Run, trainer: StudioTrainer, report: RunReport) -> int:
    """Put the best or the last into the run's folder, whole. The step that it is of."""
    step = int(trainer.state.global_step)
    best = report.status.get("best_step")
    source = run.checkpoints / f"checkpoint-{best}"
    beside = run.folder / ".adapter"
    shutil.rmtree(beside, ignore_errors=True)
    if run.recipe.keep_best and best is not None and best != step and is_whole(source):
        kept = int(best)
        training_only = shutil.ignore_patterns("optimizer*", "scheduler*", "rng_state*", "trainer_state*", "whole.json")
        shutil.copytree(source, beside, ignore=training_only)
    else:
        kept = step
        trainer.save_model(str(beside))
    move_over(beside, run.adapter)
    return kept
