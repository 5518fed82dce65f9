"""Rules for what went wrong. Each takes a view of the curve and returns a remark, or None."""

from __future__ import annotations

import math

import numpy

from studio.train.doctor import levels
from studio.train.doctor.series import Remark
from studio.train.doctor.view import SMALL_HELDOUT, STEADY, View

EXPLODED = 10.0  # times the usual gradient norm
TINY_HELDOUT = 4  # examples
NEAR_ZERO = 0.1  # nats: nine of ten tokens are all but certain


def stop(view: View) -> str:
    return "" if view.ended else "Stop. "


def not_a_number(view: View) -> Remark | None:
    wrong = numpy.flatnonzero(~numpy.isfinite(view.series.loss))
    count = len(view.series.loss)
    if len(wrong):
        trailing = int(numpy.argmax(numpy.isfinite(view.series.loss[::-1]))) if len(wrong) < count else count
        if trailing > 1 or (trailing and view.ended) or len(wrong) > max(3, count // 20):
            step = int(view.series.steps[count - trailing if trailing else wrong[0]])
            return Remark(
                "not_a_number",
                "bad",
                f"The loss is no number since step {step}: the weights overflowed, and what follows is lost.",
                f"{stop(view)}Start again with a tenth of the learning rate and gradient clipping at 1.",
                step,
            )
    if view.series.heldout and not math.isfinite(view.series.heldout[-1][1]):
        return Remark(
            "not_a_number",
            "bad",
            f"The held-out loss is no number at step {view.series.heldout[-1][0]}.",
            f"{stop(view)}See in Data whether the held-out examples have answers that fit into the longest example.",
            view.series.heldout[-1][0],
        )
    return None


def diverged(view: View) -> Remark | None:
    """The loss is above where it began, or climbs without having leapt."""
    if not view.tells:
        return None
    now, began = _tail(view), _beginning(view)
    if now > 1.15 * began + 0.1 + 3 * view.fall_error:
        step = _since(view, 1.15 * began + 0.1)
        return Remark(
            "diverged",
            "bad",
            f"Diverged since step {step}: the loss is {now:.2f}, above the {began:.2f} it began with.",
            f"{stop(view)}Start again with a learning rate of a third to a tenth, and gradient clipping at 1.",
            step,
        )
    if _is_set_back(view) and _leap(view) is None:
        step = _since(view, (view.lowest[1] + now) / 2)
        return Remark(
            "diverged",
            "warning",
            f"The training loss climbs since step {step}: {view.lowest[1]:.2f} then, {now:.2f} now.",
            f"{stop(view)}Keep the best, and start again with a third of the learning rate.",
            step,
        )
    return None


def spike_that_stayed(view: View) -> Remark | None:
    leap = _leap(view) if view.tells and _is_set_back(view) else None
    if leap is None:
        return None
    step = int(view.steps[leap])
    if not view.ended and len(view.loss) - leap < 8:
        return Remark(
            "spike",
            "note",
            f"A spike at step {step}: the loss leapt to {view.loss[leap:].max():.2f}.",
            "Wait a few steps; most spikes come back by themselves.",
            step,
        )
    return Remark(
        "spike",
        "warning",
        f"The loss leapt at step {step} and has not come back: {view.lowest[1]:.2f} before, {_tail(view):.2f} now.",
        f"{stop(view)}Start again with half the learning rate and gradient clipping at 1.",
        step,
    )


def _tail(view: View) -> float:
    """The level now; shorter than `end`, since what has just gone wrong must show."""
    return levels.median(view.loss[-int(numpy.clip(len(view.loss) // 20, 5, 50)) :])


def _beginning(view: View) -> float:
    """The level before anything was learned; where it breaks at once, the head is broken already."""
    first = float(view.loss[0])
    known = [view.start, max(2 * first, first + 1)]
    if len(view.heldout) and view.heldout_steps[0] == 0:
        known.append(max(float(view.heldout[0]), first))
    return min(known)


def _is_set_back(view: View) -> bool:
    """The level is well above its lowest, and was so for two blocks."""
    _, level = view.blocks
    low = view.lowest[1]
    before = levels.noise(view.loss[: max(view.head, len(view.loss) // 2)])
    block_error = levels.error(before, max(5, len(view.loss) // max(1, len(level))))
    limit = low + max(0.25 * (view.start - low), 0.4 * low, 0.2, 5 * block_error)
    return bool(min(_tail(view), float(level[-1])) > limit)


def _since(view: View, limit: float) -> int:
    """The first step above the limit in the last stretch of blocks whose level was above it."""
    steps, level = view.blocks
    low = numpy.flatnonzero(level <= limit)
    block = min(len(steps) - 1, int(low[-1]) + 1 if len(low) else 0)
    above = view.steps[(view.steps >= (steps[block] if block else 0)) & (view.loss > limit)]
    return int(above[0] if len(above) else steps[block])


def _leap(view: View) -> int | None:
    """The place of the spike that the level never came back from."""
    limit = (view.lowest[1] + _tail(view)) / 2
    places = [first for first, _ in view.spikes if levels.median(view.loss[first:]) > limit]
    return places[0] if places else None


def exploding(view: View) -> Remark | None:
    known = ~numpy.isnan(view.series.grad_norm)
    norms, steps = view.series.grad_norm[known], view.series.steps[known]
    infinite = numpy.flatnonzero(numpy.isinf(norms))
    if len(norms) < 12:
        return None
    first, level = levels.blocks(steps, numpy.minimum(norms, 1e30))
    usual = float(numpy.median(level[: max(2, len(level) // 3)]))
    high = numpy.flatnonzero(level > max(EXPLODED * usual, 3.0))
    stayed = len(high) >= 2 and high[-1] >= len(level) - 2
    if not stayed and len(infinite) < 3:
        return None
    step = int(first[high[0]] if stayed else steps[infinite[0]])
    now = float(level[-1])
    return Remark(
        "exploding",
        "warning",
        f"The gradient norm explodes since step {step}: {usual:.2g} before, {now:.2g} now.",
        f"{stop(view)}Turn gradient clipping on (1 is usual) and lower the learning rate to a third.",
        step,
    )


def overfitting(view: View) -> Remark | None:
    """The held-out loss has risen, at two looks or more, while the training loss fell or is far below it."""
    if not _heldout_rises(view) or not _training_falls(view):
        return None
    best_step, best = view.best
    since = int(view.heldout_steps[view.heldout_steps > best_step][0])
    if view.ended:
        do = "Keep the best, and take fewer epochs next time; more examples help most."
    else:
        do = "Stop now and keep the best, or take fewer epochs next time; more examples help most."
    return Remark(
        "overfitting",
        "warning",
        f"Overfitting since step {since}: the training loss falls while the held-out loss rises "
        f"({best:.2f} to {view.heldout[-1]:.2f}); the best was step {best_step}.",
        do,
        since,
    )


def heldout_alone_rises(view: View) -> Remark | None:
    """The held-out loss has risen, and the training loss has not fallen meanwhile: the rate is too high."""
    if not view.tells or not _heldout_rises(view) or _training_falls(view):
        return None
    best_step, best = view.best
    return Remark(
        "diverged",
        "warning",
        f"It has got worse since step {best_step}: the held-out loss rose from {best:.2f} to {view.heldout[-1]:.2f}, "
        "and the training loss did not fall meanwhile.",
        f"{stop(view)}Keep the best, and start again with a third of the learning rate.",
        best_step,
    )


def _heldout_rises(view: View) -> bool:
    """By more than chance: well out of its noise, or steadily. Of few examples more is asked."""
    if len(view.heldout) < 4 or view.facts.heldout_examples < 1 or not len(view.loss):
        return False
    best_step, best = view.best
    after = view.heldout[view.heldout_steps >= best_step]
    few = view.facts.heldout_examples
    share = 0.25 if few < TINY_HELDOUT else 0.1 if few < SMALL_HELDOUT else 0.03
    if len(after) < 3:
        return False
    rise = min(levels.median(after[-2:]), float(after[-1])) - best
    return rise > max(share * best, 0.01) and (rise > 3 * view.heldout_sigma or levels.trend(after) > STEADY)


def _training_falls(view: View) -> bool:
    best, last = view.best[0], view.last_step
    around = max(5, (last - best) // 4)
    then, now = view.level_between(best - around, best + around), view.level_between(last - 2 * around, last)
    return now < 0.95 * then or now <= 0.5 * float(view.heldout[-1])


def by_heart(view: View) -> Remark | None:
    """Near zero on what it has seen before, and far from it on what it has not.

    In the first epoch no example has been seen before, so a loss near zero is then a true one.
    """
    if not view.tells or view.end > min(NEAR_ZERO, 0.15 * view.start):
        return None
    steps, level = view.blocks
    step = int(steps[int(numpy.argmax(level <= max(NEAR_ZERO, view.end)))])
    if view.epochs_at(step) <= 1.5:
        return None
    if len(view.heldout):
        if float(view.heldout[-1]) < 3 * view.end + 0.1:
            return None
        beside = f"on held-out examples it is {view.heldout[-1]:.2f}"
    else:
        beside = "and there is no held-out loss to tell whether it understands them"
    return Remark(
        "by_heart",
        "warning" if len(view.heldout) or view.epochs_at(step) > 5 else "note",
        f"Learned by heart since step {step}: the loss on the examples is {view.end:.2g}, near zero; {beside}.",
        "Take fewer epochs or a lower learning rate; better still, bring more examples.",
        step,
    )
