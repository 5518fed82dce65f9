"""Intervals of what is no mean over examples: macro F1 and perplexity. Nothing is drawn at random for macro F1.

What came out of 1,000 made-up experiments each (2,000 for a level of macro F1), at 95 %:

- macro F1, 3 or 7 labels, as common as each other or as 60:30:10 and 35:25:15:10:5:5:5, 30 to 99 % right, mistaken for
  another label or for none: at 40 examples and more a level covers 94 to 99 %, over 97 where labels are not equally
  common; at 13 and 20 examples it is approximate, 91 to 99 %.
- its difference, from 60, 83 and 95 % to as much or more, and from 5 and 20 % to 95 %; independent, or alike in half to
  four fifths: 94 to 97 % where many pairs differ and labels are equally common. Else rather too wide, up to 100 %.
- perplexity, losses of seven shapes: a level as its loss, 93 to 97 %; a difference 93 to 97 %, from 13 examples on.

The bootstrap over examples (BCa) covers but 88 to 93 % for a difference of macro F1 of 7 labels at 13 and 40 examples,
and can be of no width.

Sources: Wilson 1927; Tango 1998; Korn and Graubard 1998, on the effective number of examples; Efron 1982, The
jackknife, the bootstrap and other resampling plans, on the variance by influence; Hall 1992, On the removal of skewness
by transformation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from studio.scores.intervals import Floats, Interval, of_mean, student, tango, wilson
from studio.scores.labels import MacroF1


def of_macro_f1(found: MacroF1) -> Interval:
    """Wilson's, with the number of examples that a share of this variance would need.

    But never with more than `found.effective`: a variance that was measured on few mistakes is too small by chance.
    """
    count = len(found.influence)
    variance = float((found.influence**2).sum()) / (count * max(count - 1, 1))
    needed = found.value * (1 - found.value) / variance if variance > 1e-12 else math.inf
    low, high = wilson(found.value, min(needed, found.effective), student(found.effective - 1))
    return Interval(found.value, low, high)


def of_macro_f1_change(base: MacroF1, tuned: MacroF1) -> Interval:
    """Tango's, of so many pairs as each label would need to count the same, and with the share of them that changed.

    That share is the one that gives the variance, and never less than that of the answers that turned right or wrong.
    """
    difference = tuned.value - base.value
    variance = float(((tuned.influence - base.influence) ** 2).mean()) / len(base.influence)
    changed = max(float((base.is_right != tuned.is_right).mean()), base.effective * variance + difference**2)
    changed = min(max(changed, abs(difference)), 1.0)
    gained, lost = (max(changed + sign * difference, 0.0) / 2 * base.effective for sign in (1, -1))
    found = tango(gained, lost, base.effective)
    return Interval(difference, found.low, found.high)


def of_perplexity(loss: Interval) -> Interval:
    """The bounds of a loss, raised: e to a power keeps the order, so they hold as often."""
    return Interval(*(_exp(number) for number in (loss.value, loss.low, loss.high)))


def of_perplexity_change(base: Sequence[float] | Floats, tuned: Sequence[float] | Floats) -> Interval:
    """Of e to the mean of tuned minus e to the mean of base: a loss for each of one or more examples.

    The difference is 2 g sinh(d / 2), g the geometric mean of both perplexities and d the difference of the losses.
    With g held, asinh(difference / 2 g) is straight enough in the losses for the interval of a mean: each example
    counts with its share in it. Near no difference that is the interval of the difference of the losses.
    """
    one, other = numpy.asarray(base, float), numpy.asarray(tuned, float)
    before, after = float(one.mean()), float(other.mean())
    tilt = math.tanh((after - before) / 2)
    shares = (1 + tilt) * (other - after) - (1 - tilt) * (one - before)
    found = of_mean(shares + (after - before))
    scale = 2 * _exp((before + after) / 2)
    return Interval(_exp(after) - _exp(before), scale * _sinh(found.low / 2), scale * _sinh(found.high / 2))


def _exp(power: float) -> float:
    """Infinite where it is too large for a number: nothing is known of such a bound."""
    return math.exp(power) if power < 700 else math.inf


def _sinh(number: float) -> float:
    return math.sinh(number) if abs(number) < 700 else math.copysign(math.inf, number)
