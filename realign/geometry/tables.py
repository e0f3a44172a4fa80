"""The tables by which a road is set out: curves with their PIs, PVIs, and stations."""

from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, floor, hypot, inf, nan, sin

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from realign.geometry.alignment import ROUNDING, Plan, Stationed
from realign.geometry.vertical import SHORTEST, Grades

Points = NDArray[np.float64]

AWAY = 1e-4
"""Curvature that leads no farther than this from a line or an arc counts as none [m]."""
CORNER = 1e-6
"""Curves that turn less than this have no PI [rad]."""
SHARPEST = 2.0
"""Curves that turn more than this have several PIs, since one would be far away [rad]."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A part of a plan that turns one way, and the corner of its two tangents (its PI)."""

    start: float
    """Distance from the start of the road at which it begins (TC) [m]."""
    end: float
    """Distance at which it ends (CT) [m]."""
    bend: float
    """Greatest curvature, without sign [1/m]."""
    deflection: float
    """Change of bearing, positive to the left [rad]."""
    pi: tuple[float, float]
    """East and north of the PI [m]."""
    tangents: tuple[float, float]
    """From TC to PI, and from PI to CT [m]."""
    clothoids: tuple[float, float]
    """Length up to the greatest curvature, and from there to the end [m]."""

    @property
    def radius(self) -> float:
        """Least radius [m]."""
        return 1 / self.bend

    @property
    def tangent_points(self) -> tuple[float, float]:
        """Distances from the start of the road between which the greatest curvature lies [m]."""
        return self.start + self.clothoids[0], self.end - self.clothoids[1]

    @property
    def length(self) -> float:
        """Length along the curve [m]."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Pvi:
    """A corner of the polygon of grades."""

    at: float
    """Distance from the start of the road [m]."""
    level: float
    """Level of the corner [m above datum]."""
    before: float
    """Grade that comes in, NaN at the start of the road [fraction]."""
    after: float
    """Grade that goes out, NaN at its end [fraction]."""
    curve: float
    """Length of the parabola [m]."""

    @property
    def k(self) -> float:
        """Length of the parabola over its change of grade, NaN without one [m/%]."""
        change = 100 * abs(self.after - self.before)
        return self.curve / change if self.curve > SHORTEST and change > 100 * CORNER else nan

    @property
    def radius(self) -> float:
        """Radius of the parabola at its vertex, NaN without one [m]."""
        return 100 * self.k


def curves(plan: Plan) -> list[Curve]:
    """
    Curves of a plan in order, none of which turns by more than `SHARPEST`.

    A curve that turns farther stands here in equal parts, each with a PI of its own.
    """
    found = _between(plan)
    edges = plan.poses([s for a, b, _, _ in found for s in (a, b)]).reshape(-1, 2, 4)
    out = []
    for (begin, end, bend, turn), edge in zip(found, edges, strict=True):
        (x0, y0, t0, _), (x1, y1, t1, _) = (tuple(map(float, pose)) for pose in edge)
        reach = ((x1 - x0) * sin(t1) - (y1 - y0) * cos(t1)) / sin(t1 - t0)
        corner = (x0 + reach * cos(t0), y0 + reach * sin(t0))
        rest = hypot(x1 - corner[0], y1 - corner[1])
        clothoids = _clothoids(plan, begin, end)
        out.append(Curve(begin, end, bend, turn, corner, (reach, rest), clothoids))
    return out


def _between(plan: Plan) -> list[tuple[float, float, float, float]]:
    """Start and end [m] of curves, their greatest curvature [1/m] and their turn [rad]."""
    cuts = {0.0, plan.length}
    turned, bends = [0.0], []
    for element, begin in zip(plan.elements, plan.start[:-1], strict=True):
        k0, k1, length = element.k0, element.k1, element.length
        bends.append(max(abs(k0), abs(k1)))
        turned.append(turned[-1] + (k0 + k1) / 2 * length)
        if bends[-1] * length**2 / 2 < AWAY:
            cuts |= {float(begin), float(begin) + length}
        elif k0 * k1 < 0:
            cuts.add(float(begin) + length * k0 / (k0 - k1))
    for i, (one, other) in enumerate(pairwise(plan.elements), start=1):
        if one.k1 * other.k0 <= 0:
            cuts.add(float(plan.start[i]))
    fine = np.union1d(plan.stations(1.0), plan.start)
    turn = _turn(plan, np.array(turned), fine)
    out = []
    for a, b in pairwise(sorted(cuts)):
        inner = slice(*np.searchsorted(fine, (a + AWAY, b - AWAY)))
        s = np.concatenate(([a], fine[inner], [b]))
        ends = _turn(plan, np.array(turned), np.array([a, b]))
        way = np.concatenate(([ends[0]], turn[inner], [ends[1]])) - ends[0]
        whole = float(way[-1])
        if abs(whole) < CORNER:
            continue
        parts = ceil(abs(whole) / SHARPEST)
        edges = np.interp(np.linspace(0.0, abs(whole), parts + 1), np.abs(way), s)
        first = int(np.searchsorted(plan.start, a + AWAY, side="right")) - 1
        last = int(np.searchsorted(plan.start, b - AWAY))
        bend = max(bends[first:last])
        out += [(float(p), float(q), bend, whole / parts) for p, q in pairwise(edges)]
    return out


def _turn(plan: Plan, turned: Points, s: Points) -> Points:
    """Change of bearing since the start of a plan, at chainages [rad]."""
    owner = np.clip(np.searchsorted(plan.start, s, side="right") - 1, 0, len(plan.elements) - 1)
    own = [plan.elements[i] for i in owner]
    k0 = np.array([element.k0 for element in own])
    rate = np.array([(element.k1 - element.k0) / element.length for element in own])
    d = s - plan.start[owner]
    return np.asarray(turned[owner] + k0 * d + rate * d**2 / 2)


def _clothoids(plan: Plan, begin: float, end: float) -> tuple[float, float]:
    """Lengths from the ends of a curve to its greatest curvature [m]."""
    first = int(np.searchsorted(plan.start, begin + AWAY, side="right")) - 1
    last = int(np.searchsorted(plan.start, end - AWAY))
    knots, bends = [], []
    for i in range(first, last):
        element, at = plan.elements[i], float(plan.start[i])
        rate = (element.k1 - element.k0) / element.length
        for s in (max(at, begin), min(at + element.length, end)):
            knots.append(s)
            bends.append(abs(element.k0 + rate * (s - at)))
    most = np.flatnonzero(np.array(bends) >= max(bends) * (1 - 1e-9))
    return knots[most[0]] - begin, end - knots[most[-1]]


def pvis(grades: Grades) -> list[Pvi]:
    """PVIs of a grade line, both ends included."""
    slope = [nan, *map(float, grades.grade), nan]
    return [
        Pvi(float(at), float(level), slope[i], slope[i + 1], float(length))
        for i, (at, level, length) in enumerate(
            zip(grades.chainage, grades.level, grades.curve, strict=True)
        )
    ]


def steps(grades: Grades, begin: float, end: float, *, chord: float) -> Points:
    """
    Distances between two that are close enough to draw the grade line.

    Parameters
    ----------
    grades
        Grade line.
    begin, end
        Distances from the start of the road, both included [m].
    chord
        Chords between the points pass no farther than this from parabolas, in level [m].

    Returns
    -------
    s
        Ascending, shape (n,) [m].
    """
    out = [np.array([begin, end]), grades.chainage]
    grade = grades.grade
    reach = grades.curve / 2
    near = (grades.chainage + reach > begin) & (grades.chainage - reach < end)
    for i in np.flatnonzero(near & (grades.curve > SHORTEST)):
        length = grades.curve[i]
        bend = abs(grade[i] - grade[i - 1]) / length
        count = ceil(length * (bend / (8 * chord)) ** 0.5) + 1
        middle = grades.chainage[i]
        out.append(np.linspace(middle - length / 2, middle + length / 2, max(count, 2)))
    s = np.unique(np.concatenate(out))
    return np.asarray(s[(s >= begin) & (s <= end)])


def labelled(start: float, length: float, step: float) -> Points:
    """
    Distances from the start at which the chainage is a multiple of a step.

    Parameters
    ----------
    start
        Chainage of the start [m].
    length, step
        Length of the road, and the step [m].

    Examples
    --------
    >>> labelled(192_340.0, 250.0, 100.0).tolist()
    [60.0, 160.0]
    """
    first, last = ceil((start - AWAY) / step), floor((start + length + AWAY) / step)
    return np.clip(np.arange(first, last + 1) * step - start, 0.0, length)


def exact(s: float, places: int = 2) -> str:
    """
    Chainage to the centimetre, or to other decimal places of a metre.

    Examples
    --------
    >>> exact(192_340.456), exact(-7.0, 3)
    ('192+340.46', '-0+007.000')
    """
    unit = 10**places
    km, rest = divmod(round(abs(s) * unit), 1000 * unit)
    return f"{'-' if s < 0 else ''}{km}+{rest / unit:0{places + 4}.{places}f}"


def stations(road: Stationed, s: ArrayLike, *, behind: bool = False) -> Points:
    """
    Stations of a road at distances from its start, with its station equations.

    Parameters
    ----------
    road
        Road.
    s
        Distances from the start, shape (n,) [m].
    behind
        Whether a place with a station equation has the station seen from behind, and not the one
        ahead. The end of the road is seen from behind in any case: nothing of it lies ahead.

    Returns
    -------
    stations
        Shape (n,) [m].
    """
    along = np.asarray(s, np.float64)
    out = road.start + along
    for at, _, ahead in road.equations:
        ended = at >= road.alignment.length - ROUNDING
        past = along > at + ROUNDING if behind or ended else along >= at
        out = np.where(past, ahead + along - at, out)
    return np.asarray(out)


def marked(road: Stationed, step: float) -> tuple[Points, Points]:
    """
    Places whose station is a multiple of a step, with the station equations of the road.

    Returns
    -------
    s, stations
        Distances from the start in order, and the stations there, both of shape (n,) [m]. A place
        with an equation may stand here twice.
    """
    ends = [at for at, _, _ in road.equations]
    begins = [(0.0, road.start), *((at, ahead) for at, _, ahead in road.equations)]
    s, written = [], []
    for (begin, first), end in zip(begins, [*ends, road.alignment.length], strict=True):
        own = labelled(first, end - begin, step)
        s.append(begin + own)
        written.append(first + own)
    return np.concatenate(s), np.round(np.concatenate(written) / step) * step


def touches(begin: float, end: float, window: tuple[float, float]) -> bool:
    """
    Whether a stretch of road shares more than an end with a window, or is a place in it.

    Examples
    --------
    >>> touches(0, 5, (5, 9)), touches(4, 6, (5, 9)), touches(5, 5, (5, 9)), touches(9, 9, (5, 9))
    (False, True, True, True)
    """
    if end - begin <= AWAY:
        return window[0] - AWAY <= begin <= window[1] + AWAY
    return min(end, window[1]) - max(begin, window[0]) > AWAY


def narrowest(points: Points) -> float:
    """
    Direction along which points form the narrowest strip [rad].

    No curve of length L needs a strip wider than 0.4389 L (Zalgaller, 1961), so that a road always
    fits on paper when it is turned by this.

    Parameters
    ----------
    points
        Shape (n, 2) [m].
    """
    legs = np.diff(_hull(points), axis=0)
    best, out = inf, 0.0
    for dx, dy in legs[np.hypot(*legs.T) > 0]:
        turn = float(np.arctan2(dy, dx))
        across = points @ np.array([-sin(turn), cos(turn)])
        if (width := float(np.ptp(across))) < best:
            best, out = width, turn
    return out


def _hull(points: Points) -> Points:
    """Corners of the convex hull, the first repeated; the ends of a line twice over."""
    hull = shapely.convex_hull(shapely.multipoints(points))
    return np.asarray(shapely.get_coordinates(hull))
