"""How a run goes over its time: settings of steps, looks and stops that contradict each other or the data."""

from __future__ import annotations

from studio.train.facts import Complaint, Complaints, Facts
from studio.train.recipe import SETTINGS, Recipe, count_steps, steps_between_looks

FEW_STEPS = 10
FEW_HELDOUT = 20


def judge_steps(recipe: Recipe, facts: Facts) -> Complaints:
    """Batches, steps, warm-up and saves that do not go together with so many examples."""
    examples = facts.examples
    if not examples:
        return
    if recipe.batch_size > examples:
        yield Complaint("batch_size", f"More than there is to learn from: {examples:,} examples.")
    elif recipe.batch_size * recipe.gradient_accumulation > examples:
        yield Complaint("gradient_accumulation", f"One step would take all {examples:,} examples and wait for more.")
    steps, of_epochs = count_steps(recipe, examples), count_steps(recipe.model_copy(update={"max_steps": 0}), examples)
    if recipe.max_steps and steps < of_epochs:
        seen = recipe.epochs * steps / of_epochs
        yield Complaint("epochs", f"'{_title('max_steps')}' ends the run earlier, after {seen:.2g} epochs.")
    elif recipe.max_steps > of_epochs:
        yield Complaint("max_steps", f"Changes nothing: the epochs end after {of_epochs:,} steps.")
    if steps < FEW_STEPS:
        field = "max_steps" if steps == recipe.max_steps else "epochs"
        count = "one step" if steps == 1 else f"{steps} steps"
        yield Complaint(field, f"The whole run is {count}: too few to learn much.")
    if recipe.scheduler == "constant" and recipe.warmup_share != SETTINGS["warmup_share"].default:
        yield Complaint("warmup_share", "'constant' has no warm-up; 'constant_with_warmup' has.")
    if recipe.save_steps > steps:
        yield Complaint("save_steps", f"The run has {steps:,} steps: it is saved at its end alone.")


def judge_looks(recipe: Recipe, facts: Facts) -> Complaints:
    """Looks at held-out examples, and what is decided by them."""
    if not facts.examples:
        return
    if not facts.heldout:
        nothing = "There are no held-out examples"
        if recipe.keep_best:
            yield Complaint("keep_best", f"{nothing} to tell the best by: the last step is kept.")
        if recipe.eval_steps:
            yield Complaint("eval_steps", f"{nothing} to look at.")
        if recipe.early_stopping_patience:
            yield Complaint("early_stopping_patience", f"{nothing} to tell by: the run goes to its end.")
        return
    steps = count_steps(recipe, facts.examples)
    between = steps_between_looks(recipe, steps)
    patience = recipe.early_stopping_patience
    if between > steps:
        yield Complaint("eval_steps", f"The run has {steps:,} steps: it never looks while it learns.")
    elif patience and patience >= steps // between:
        yield Complaint(
            "early_stopping_patience",
            f"The run looks {_times(steps // between)}: it can never have waited {_times(patience)} before its end.",
        )
    elif patience and facts.heldout < FEW_HELDOUT:
        yield Complaint(
            "early_stopping_patience", f"{facts.heldout} held-out examples tell little: it may stop by chance."
        )
    if recipe.early_stopping_threshold and not patience:
        yield Complaint(
            "early_stopping_threshold", f"Changes nothing while '{_title('early_stopping_patience')}' is 0."
        )


def _title(name: str) -> str:
    return str(SETTINGS[name].title)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"
