"""Rules for how fast it learns, and whether there is more to come. Each returns a remark, or None."""

from __future__ import annotations

import math

import numpy

from studio.train.doctor import levels
from studio.train.doctor.alarms import stop
from studio.train.doctor.series import Remark
from studio.train.doctor.view import FEWEST_STEPS, SMALL_HELDOUT, STEADY, View

LEVEL = 0.05  # share of the loss by which thirds of a level run may differ
SLOW = 0.2  # share of the loss that a run should at least take away
KNOWN_ALREADY = 0.1
FLAT_FROM = 0.6  # of the steps done: a plateau is as long as the rest
FLAT = 0.04  # of all that it fell
LEAST_GAIN = 0.005  # nats; less is none


def too_early(view: View) -> Remark | None:
    if view.tells:
        return None
    done = len(view.loss)
    if view.ended:
        return Remark(
            "too_early",
            "note",
            f"Too few steps to tell: {done}.",
            f"Take {FEWEST_STEPS} steps or more: more epochs, or a smaller batch.",
        )
    return Remark(
        "too_early",
        "note",
        f"Too early to tell: {done} of {view.planned} steps.",
        f"Wait for step {FEWEST_STEPS}." if view.planned >= FEWEST_STEPS else "Wait for the end.",
    )


def still_warming_up(view: View) -> Remark | None:
    """The rate never reaches what was asked for."""
    rates = view.series.learning_rate[numpy.isfinite(view.series.learning_rate)]
    rises = len(rates) > 8 and rates[-1] >= rates.max() and rates[-1] > 1.1 * rates[3 * len(rates) // 4]
    planned = view.facts.warmup_steps >= max(view.facts.steps, 1)
    if not (planned and view.facts.steps > 1) and not (view.ended and rises):
        return None
    verb = "was" if view.ended else "will be"
    return Remark(
        "warming_up",
        "warning",
        f"The learning rate {verb} still in warm-up at the end: the run never learns at the rate that was asked for.",
        "Set the warm-up to a twentieth of the steps.",
    )


def not_going_down(view: View) -> Remark | None:
    if not view.tells_pace or view.learns or not _is_level(view):
        return None
    if max(view.start, view.end) < KNOWN_ALREADY:
        return None
    do = f"{stop(view)}Take ten times the learning rate; if that does not help, look at the answers in Data."
    return Remark(
        "not_going_down",
        "warning",
        f"Not going down: the loss is {view.end:.2f} after {view.last_step} steps, as it was at the beginning.",
        do,
    )


def _is_level(view: View) -> bool:
    """The thirds of the run differ by so little, noise included, that it is sure not to have fallen."""
    third = max(1, len(view.loss) // 3)
    error = 1.5 * levels.error(levels.noise(view.loss), third)
    first, last = levels.median(view.loss[:third]), levels.median(view.loss[-third:])
    return len(view.heldout) > 1 or first - last + 2 * error < LEVEL * first


def too_slow(view: View) -> Remark | None:
    """It falls, little, and as fast at the end as at the beginning: for each bit of learning rate it was given."""
    if not view.tells_pace or (not view.ended and view.last_step < view.planned / 2):
        return None
    if view.start < KNOWN_ALREADY:
        return None
    fall, share = _share_fallen(view)
    if fall > SLOW or share < 0.5:
        return None
    return Remark(
        "too_slow",
        "warning",
        f"Too slow: {view.last_step} steps took {100 * fall:.0f} % off the loss, and it falls no slower than at first.",
        "Take three to ten times the learning rate, or more epochs.",
    )


def _share_fallen(view: View) -> tuple[float, float]:
    """(share of the loss that is gone, speed of the second half in those of the first).

    Halves are of the learning rate given so far, so that a rate which sinks to zero is no loss of speed.
    """
    rates = numpy.nan_to_num(view.series.learning_rate, posinf=0.0)
    given = numpy.cumsum(rates if rates.any() else numpy.ones_like(rates))
    middle = float(view.series.steps[int(numpy.searchsorted(given, given[-1] / 2))])
    place = int(numpy.searchsorted(view.steps, middle))
    around = max(2, view.tail // 2)
    half = levels.median(view.loss[max(0, place - around) : place + around])
    first, last = view.start, view.end
    fall = 1 - (last - 1.5 * view.fall_error) / first  # at most
    if len(view.heldout) >= 4 and view.heldout_steps[0] <= view.last_step / 10:
        first, last = float(view.heldout[0]), float(view.heldout[-1])
        half = float(numpy.interp(middle, view.heldout_steps, view.heldout))
        seen_all = view.heldout_steps[0] <= view.last_step / 50  # else the steepest fall may come before the first look
        fall = 1 - last / first if seen_all else max(fall, 1 - last / first)
    if first <= last:
        return 0.0, 0.0
    return fall, (half - last) / max(first - half, 1e-9)


def plateau(view: View) -> Remark | None:
    """Nothing gained over the last two fifths, on the held-out examples where there are some."""
    if not view.tells or (view.last_step < 30 and not view.ended) or not view.learns:
        return None
    begin = FLAT_FROM * view.last_step
    if not (_heldout_is_flat(view, begin) if view.watches else _training_is_flat(view, begin)):
        return None
    since = _flat_since(view)
    if view.ended:
        do = f"Keep it. Next time about {since} steps are enough; better examples would help more than more steps."
    else:
        do = "Stop now and save the time; the best is kept. Better examples would help more than more steps."
    return Remark("plateau", "note", f"A plateau: nothing is gained since about step {since}.", do, since)


def _heldout_is_flat(view: View, begin: float) -> bool:
    before, after = view.heldout[view.heldout_steps <= begin], view.heldout[view.heldout_steps > begin]
    if not len(before) or len(after) < 3:  # fewer could not tell a slow fall from none
        return False
    # The first look may come after the steepest fall.
    fallen = max(float(view.heldout[0] - view.heldout.min()), view.start - view.end)
    gain = float(before.min() - after.min())
    still_falls = gain > LEAST_GAIN and levels.trend(-view.heldout[len(before) - 1 :]) > STEADY
    return abs(gain) < max(FLAT * fallen, LEAST_GAIN) and not still_falls


def _training_is_flat(view: View, begin: float) -> bool:
    """Sure to be, with the batch noise taken into account; a short run may be flat and not show it."""
    newest = view.loss[view.steps > begin]
    half = len(newest) // 2
    error = math.sqrt(2) * levels.error(view.sigma, half)
    gain = levels.median(newest[:half]) - levels.median(newest[half:])
    return gain + 2 * error < max(FLAT * (view.start - view.end), LEAST_GAIN)


def _flat_since(view: View) -> int:
    """Where all but the last twentieth of the fall was done."""
    steps, level = (view.heldout_steps, view.heldout) if view.watches else view.blocks
    limit = level.min() + max(0.05 * float(level[0] - level.min()), LEAST_GAIN)
    return int(steps[int(numpy.argmax(level <= limit))])


def spike_recovered(view: View) -> Remark | None:
    if not view.spikes:
        return None
    first = view.spikes[-1][0]
    step, count = int(view.steps[first]), len(view.spikes)
    before = levels.median(view.loss[max(0, first - levels.LEAST_BEFORE) : first])
    came = "came back" if levels.median(view.loss[-5:]) < 1.3 * before + 0.1 else "is coming back"
    if count >= 3 and count > len(view.loss) // 100:
        do = "Lower the learning rate to a half: so many spikes cost what was learned."
    else:
        do = "Nothing to do. If it happens again, look at the examples of that step, or lower the learning rate."
    lead = f"A spike at step {step}" if count == 1 else f"{count} spikes, the last at step {step}"
    return Remark("spike", "note", f"{lead}; the loss {came}.", do, step)


def single_gap(view: View) -> Remark | None:
    wrong = numpy.flatnonzero(~numpy.isfinite(view.series.loss))
    if not len(wrong):
        return None
    step = int(view.series.steps[wrong[-1]])
    return Remark(
        "spike",
        "note",
        f"The loss was no number at step {step}; the run went on.",
        "Nothing to do if it stays at this one. If it happens again, lower the learning rate.",
        step,
    )


def noisy(view: View) -> Remark | None:
    if len(view.loss) < 2 * FEWEST_STEPS:
        return None
    sigma = levels.noise(view.loss)
    if sigma < 0.25 * levels.median(view.loss) or sigma < 0.05:
        return None
    return Remark(
        "noisy",
        "note",
        f"Noisy: from step to step the loss jumps by {sigma:.2f}, so single steps say little.",
        "Go by the smoothed and the held-out curve. A larger batch, or more batches a step, steadies it.",
    )


def small_heldout(view: View) -> Remark | None:
    count = view.facts.heldout_examples
    if count >= SMALL_HELDOUT:
        return None
    if count == 0:
        sentence = "No examples are held out, so nobody can tell learning from learning by heart."
    else:
        sentence = f"Only {count} held-out example{'s' * (count > 1)}: too few to tell small changes from chance."
    return Remark("small_heldout", "note", sentence, "Bring more examples; a tenth of them is held out.")


def healthy(view: View) -> Remark | None:
    if not view.tells:
        return None
    if not view.learns:
        if max(view.start, view.end) < KNOWN_ALREADY:
            return Remark("healthy", "good", "Healthy, but it knew nearly all of this before.", "Nothing to do.")
        return Remark("too_early", "note", "The loss does not fall yet; it is too early to tell.", "Wait.")
    if len(view.heldout) > 1 and view.heldout_fall > 0.01:
        tells = "held-out loss falls with it." if not view.ended else "held-out loss fell with it."
    elif len(view.heldout) > 1:
        tells = "the held-out loss has not followed yet."
    else:
        tells = (
            "there is no held-out loss beside it yet." if not view.ended else "there was no held-out loss beside it."
        )
    lead = "Healthy. It has learned;" if view.ended else "Healthy. Still learning;"
    return Remark("healthy", "good", f"{lead} {tells}", "Nothing to do." if view.ended else "Let it run.")


def summing_up(view: View) -> Remark | None:
    if not view.ended or not len(view.loss):
        return None
    text = f"In all: {view.last_step} steps took the loss from {view.start:.2f} to {view.end:.2f}"
    if len(view.heldout):
        step, best = view.best
        text += (
            f", held out from {view.heldout[0]:.2f} to {view.heldout[-1]:.2f}; the best was {best:.2f} at step {step}"
        )
    return Remark("summary", "note", f"{text}.", "Compare it with the base model before you take it home.")
