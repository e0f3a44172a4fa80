"""
The independent checker: every rule of the standard, by chainage.

Given only elements, PVIs and a standard it lists each breach. It shares no code
with the fit: curves are followed by Simpson's rule in small steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, hypot, inf, pi, sin

from realign.geometry.horizontal import Element
from realign.geometry.vertical import Grades
from realign.standards import DesignStandard

PLACE = 1e-3
"""Gap between two elements from which on they do not meet [m]."""
ANGLE = 1e-5
"""Difference of bearings from which on a joint is a kink [rad]."""
CURVATURE = 1e-7
"""Difference of curvatures from which on a clothoid is missing [1/m]."""
SLACK = 1e-6
"""Relative rounding allowed in every limit [-]."""
STEP = 1.0
"""Step in which curves are followed [m]."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A place where an alignment breaks a rule."""

    rule: str
    """What is asked."""
    chainage: float
    """Where, along the alignment [m]."""
    value: float
    """What was found, in the unit of the rule."""
    limit: float
    """What was wanted."""

    def __str__(self) -> str:
        """Rule, chainage, value and limit."""
        return f"{self.rule} at {self.chainage:.1f} m: {self.value:.4g}, wanted {self.limit:.4g}"


def breaches(
    elements: Sequence[Element],
    grades: Grades,
    standard: DesignStandard,
    *,
    gentle: Sequence[tuple[float, float, float]] = (),
) -> tuple[Breach, ...]:
    """
    List all breaches of a standard.

    Parameters
    ----------
    elements
        Horizontal geometry.
    grades
        Vertical geometry.
    standard
        The rules.
    gentle
        Stretches with a lower limit of grade, such as tunnels: from, to [m] and
        limit [fraction].

    Returns
    -------
    breaches
        In order of the rules, then of chainage; empty where all are kept.
    """
    return (*_joints(elements), *_curves(elements, standard), *_vertical(grades, standard, gentle))


def _joints(elements: Sequence[Element]) -> list[Breach]:
    out = []
    s = 0.0
    for this, after in pairwise(elements):
        s += this.length
        x, y, bearing = _followed(this)
        gap = hypot(after.start.x - x, after.start.y - y)
        if gap > PLACE:
            out.append(Breach("gap between elements [m]", s, gap, PLACE))
        kink = abs((after.start.bearing - bearing + pi) % (2 * pi) - pi)
        if kink > ANGLE:
            out.append(Breach("kink between elements [rad]", s, kink, ANGLE))
        jump = abs(after.k0 - this.k1)
        if jump > CURVATURE:
            out.append(Breach("jump of curvature, clothoid missing [1/m]", s, jump, CURVATURE))
    return out


def _followed(element: Element) -> tuple[float, float, float]:
    """End of an element by Simpson's rule."""
    steps = max(ceil(element.length / STEP), 2)
    h = element.length / steps

    def angle(s: float) -> float:
        change = (element.k1 - element.k0) * s / element.length
        return element.start.bearing + (element.k0 + change / 2) * s

    x, y = element.start.x, element.start.y
    for i in range(steps):
        a, m, b = angle(i * h), angle((i + 0.5) * h), angle((i + 1) * h)
        x += h / 6 * (cos(a) + 4 * cos(m) + cos(b))
        y += h / 6 * (sin(a) + 4 * sin(m) + sin(b))
    return x, y, angle(element.length)


def _curves(elements: Sequence[Element], standard: DesignStandard) -> list[Breach]:
    out = []
    s = 0.0
    for element in elements:
        sharp = max(abs(element.k0), abs(element.k1))
        radius = 1 / sharp if sharp > 0 else inf
        if radius < standard.radius * (1 - SLACK):
            out.append(Breach("radius [m]", s, radius, standard.radius))
        spiral = element.k0 != element.k1
        if spiral and element.length < standard.clothoid * (1 - SLACK):
            out.append(Breach("length of clothoid [m]", s, element.length, standard.clothoid))
        s += element.length
    return out


def _vertical(
    grades: Grades, standard: DesignStandard, gentle: Sequence[tuple[float, float, float]]
) -> list[Breach]:
    out = []
    s, z = grades.chainage, grades.level
    slope = [(z[i + 1] - z[i]) / (s[i + 1] - s[i]) for i in range(len(s) - 1)]
    for i, g in enumerate(slope):
        if abs(g) > standard.grade * (1 + SLACK) + SLACK:
            out.append(Breach("grade [%]", float(s[i]), abs(g) * 100, standard.grade * 100))
        if 0 < i < len(slope) - 1 and s[i + 1] - s[i] < standard.grade_length * (1 - SLACK):
            length = float(s[i + 1] - s[i])
            out.append(Breach("length of grade [m]", float(s[i]), length, standard.grade_length))
    for start, end, limit in gentle:
        steepest = _steepest(grades, slope, start, end)
        if steepest > limit * (1 + SLACK) + 10 * SLACK:
            out.append(Breach("grade on a structure [%]", start, steepest * 100, limit * 100))
    for i in range(1, len(s) - 1):
        change = (slope[i] - slope[i - 1]) * 100
        k = standard.k_sag if change > 0 else standard.k_crest
        if grades.curve[i] < k * abs(change) * (1 - SLACK) - SLACK:
            length = float(grades.curve[i])
            out.append(Breach("length of vertical curve [m]", float(s[i]), length, k * abs(change)))
    return out


def _steepest(grades: Grades, slope: Sequence[float], start: float, end: float) -> float:
    """Steepest grade of a stretch, followed in steps; on a parabola grades change evenly."""
    s, curve = grades.chainage, grades.curve
    steps = max(ceil((end - start) / (20 * STEP)), 1)
    found = 0.0
    for j in range(steps + 1):
        at = start + (end - start) * j / steps
        i = max(k for k in range(len(s) - 1) if s[k] <= at or k == 0)
        g = slope[i]
        for k in (i, i + 1):
            into = at - (s[k] - curve[k] / 2)
            if 0 < k < len(s) - 1 and 0 < into < curve[k]:
                g = slope[k - 1] + (slope[k] - slope[k - 1]) * into / curve[k]
        found = max(found, abs(g))
    return found
