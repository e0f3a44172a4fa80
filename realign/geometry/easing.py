"""
Easing: short tangents between the curves of a fitted road are mended where that is possible.

The fit gives each corner the widest curve that its legs allow, and the search
for cheap ground moves corners without a look at the tangents between them. So
tangents come out shorter than the standard recommends. Here curves grow until
they touch, shrink until the tangent is long enough, or two of one sense become
one, while the centre line stays within a few metres of where it was.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from math import hypot, inf, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from shapely import LineString, Point, points

from realign.geometry.horizontal import (
    LARGEST,
    SHARPEST,
    STRAIGHT,
    Corner,
    deflections,
    elements,
)
from realign.standards import DesignStandard

WITHIN = 3.0
"""How far the centre line may move [m]: an assumption, about the width of a lane."""
TOUCH = 40.0
"""Clothoids of an S-curve touch when the tangent between them is at most (A1 + A2) over this,
A^2 = R L; JTG D20 [-]."""
SWEEPS = 6
"""How often the road is gone through, at most."""
GROWTH = 4.0
"""How many times as large a curve is tried, at most [-]."""
RADII = 16
"""Radii tried for a curve in place of two."""
MEETS = 15.0
"""How far from the former road the PI of a curve in place of two may lie [m]."""
SPACING = 2.0
"""Distance between the points by which two lines are compared [m]."""
EPSILON = 1e-9
"""Rounding of lengths [m]."""


class _Bend(NamedTuple):
    """A corner of the road, and the corners of the given road that it stands for."""

    x: float
    y: float
    corner: Corner
    first: int
    last: int


Pair = tuple[Corner, Corner]
Family = Callable[[float], Pair]
"""Two neighbouring corners by a share from 0, as they are, to 1."""


def eased(
    pis: NDArray[np.float64],
    curves: Sequence[Corner | None],
    standard: DesignStandard,
    *,
    within: float = WITHIN,
) -> tuple[NDArray[np.float64], list[Corner | None]]:
    """
    Mend tangents and arcs that are shorter than recommended.

    Between reverse curves a tangent is right when the clothoids touch or when it
    has its least length, between curves of one sense when it has its least
    length. To get there neighbouring curves grow about their PIs, their clothoids
    grow on the side of the tangent, both shrink, or two curves of one sense
    become one. A change is kept where it leaves fewer short tangents and arcs.
    What cannot be mended so stays.

    Parameters
    ----------
    pis
        Polygon of tangents with both ends, shape (m, 2) [m].
    curves
        Curves at its inner points, shape (m - 2,).
    standard
        Radius, clothoid and recommended lengths.
    within
        How far the centre line may move, everywhere [m].

    Returns
    -------
    pis
        Polygon with the corners that are left, shape (k, 2) [m]; both ends and the
        lines of the first and the last leg stay.
    curves
        Their curves, shape (k - 2,). No radius or clothoid is below the standard
        or, where it was below before, smaller than it was; no clothoid grows beyond
        its radius; no arc is shortened below the recommended length. Hairpins stay as
        they are.

    Raises
    ------
    GeometryError
        The curves given overlap.
    """
    elements(pis, curves)
    road = _Road(pis, curves, standard, within)
    for _ in range(SWEEPS):
        if not road.swept():
            break
    out = [pis[0], *[(bend.x, bend.y) for bend in road.bends], pis[-1]]
    return np.array(out, np.float64), [bend.corner for bend in road.bends]


def short(
    pis: NDArray[np.float64], curves: Sequence[Corner | None], standard: DesignStandard
) -> tuple[int, int]:
    """
    Count what `eased` mends.

    Parameters
    ----------
    pis, curves, standard
        As for `eased`.

    Returns
    -------
    tangents, arcs
        How many tangents between two curves, and how many arcs, are shorter than
        recommended.
    """
    road = _Road(pis, curves, standard, 0.0)
    corners = [bend.corner for bend in road.bends]
    tangents = sum(
        bool(road.poor(a, b, road.straight(i))) for i, (a, b) in enumerate(pairwise(corners))
    )
    return tangents, sum(bool(corner.arc < standard.arc - EPSILON) for corner in corners)


class _Road:
    """Corners of a road on the way to better ones."""

    def __init__(
        self,
        pis: NDArray[np.float64],
        curves: Sequence[Corner | None],
        standard: DesignStandard,
        within: float,
    ) -> None:
        """Leave out points at which the road does not turn."""
        kept = [i for i, curve in enumerate(curves, start=1) if curve is not None]
        self.given = np.vstack((pis[:1], pis[kept], pis[-1:]))
        turns = deflections(self.given)
        given = [curve for curve in curves if curve is not None]
        self.curves = [
            replace(curve, deflection=float(turn)) for curve, turn in zip(given, turns, strict=True)
        ]
        self.bends = [
            _Bend(float(x), float(y), curve, i, i)
            for i, ((x, y), curve) in enumerate(zip(self.given[1:-1], self.curves, strict=True))
        ]
        self.standard = standard
        self.within = within
        self.vain: set[tuple[_Bend, ...]] = set()
        """Neighbours about which nothing was found to mend."""

    def place(self, i: int) -> tuple[float, float]:
        """Corner of the polygon before the first bend (-1), at a bend, or after the last."""
        if 0 <= i < len(self.bends):
            return self.bends[i].x, self.bends[i].y
        x, y = self.given[0 if i < 0 else -1]
        return float(x), float(y)

    def leg(self, i: int) -> float:
        """Length of the leg behind a bend [m]."""
        (x, y), (u, v) = self.place(i), self.place(i + 1)
        return hypot(u - x, v - y)

    def straight(self, i: int) -> float:
        """Length of the tangent behind a bend [m]."""
        taken = self.bends[i].corner.tangent_behind if i >= 0 else 0.0
        ahead = self.bends[i + 1].corner.tangent if i + 1 < len(self.bends) else 0.0
        return self.leg(i) - taken - ahead

    def poor(self, a: Corner, b: Corner, straight: float) -> bool:
        """Whether the tangent between two corners is shorter than it should be."""
        if _half(a) and _half(b):
            return False
        if a.deflection * b.deflection > 0:
            return straight < self.standard.tangent_same - EPSILON
        touch = sqrt(a.radius * a.clothoids[1]) + sqrt(b.radius * b.clothoids[0])
        return touch / TOUCH + EPSILON < straight < self.standard.tangent_reverse - EPSILON

    def faults(self, first: int, corners: Sequence[Corner]) -> float:
        """
        Count short tangents and arcs where some corners take the place of those there are.

        Parameters
        ----------
        first
            Bend that the first of the corners replaces.
        corners
            As many as they replace.

        Returns
        -------
        faults
            On the corners and all legs beside them; infinite where curves overlap.
        """
        last = first + len(corners) - 1
        row = [*corners]
        if first > 0:
            row.insert(0, self.bends[first - 1].corner)
        if last + 1 < len(self.bends):
            row.append(self.bends[last + 1].corner)
        begin = first - 1 if first > 0 else first
        faults = float(sum(corner.arc < self.standard.arc - EPSILON for corner in corners))
        for i, (a, b) in enumerate(pairwise(row), start=begin):
            straight = self.leg(i) - a.tangent_behind - b.tangent
            if straight < -EPSILON:
                return inf
            faults += self.poor(a, b, straight)
        for i, corner, ahead in ((-1, row[0], True), (len(self.bends) - 1, row[-1], False)):
            at_end = begin == 0 if ahead else begin + len(row) == len(self.bends)
            taken = corner.tangent if ahead else corner.tangent_behind
            if at_end and self.leg(i) < taken - EPSILON:
                return inf
        return faults

    def swept(self) -> bool:
        """Go through the road once; whether anything changed."""
        changed = False
        i = 0
        while i < len(self.bends):
            about = tuple(self.bends[max(i - 1, 0) : i + 3])
            if about not in self.vain:
                if self.rounded(i) or self.mended(i):
                    changed = True
                else:
                    self.vain.add(about)
            i += 1
        return changed

    def mended(self, i: int) -> bool:
        """Mend the tangent behind a bend, if it is too short."""
        if i + 1 == len(self.bends):
            return False
        a, b = self.bends[i].corner, self.bends[i + 1].corner
        return self.poor(a, b, self.straight(i)) and (self.tuned(i) or self.merged(i))

    def rounded(self, i: int) -> bool:
        """Grow a curve until its arc is long enough."""
        bend = self.bends[i]
        if bend.corner.arc >= self.standard.arc - EPSILON or _half(bend.corner):
            return False
        times = min(GROWTH, LARGEST / bend.corner.radius)
        grown = [_grown(bend.corner, share) for share in np.linspace(1.0, max(times, 1.0), 9)]
        enough = [corner for corner in grown if corner.arc >= self.standard.arc]
        return bool(enough) and self.taken(i, [enough[:1]])

    def tuned(self, i: int) -> bool:
        """Grow or shrink the curves on either side of a tangent until it is right."""
        a, b = self.bends[i].corner, self.bends[i + 1].corner
        leg = self.leg(i)
        reverse = a.deflection * b.deflection < 0
        least = self.standard.tangent_reverse if reverse else self.standard.tangent_same
        trials = [self._met(family, leg, 0.0) for family in self.growing(a, b)] if reverse else []
        trials += [self._met(family, leg, least + EPSILON) for family in self.shrinking(a, b)]
        return self.taken(i, [pair for pair in trials if pair is not None])

    def taken(self, i: int, trials: Sequence[Sequence[Corner]]) -> bool:
        """Take the trial that leaves the fewest faults, of these the first; or none."""
        if not trials:
            return False
        now = self.faults(i, [bend.corner for bend in self.bends[i : i + len(trials[0])]])
        ranked = sorted(
            (
                (self.faults(i, trial), n)
                for n, trial in enumerate(trials)
                if all(self.legal(i + j, corner) for j, corner in enumerate(trial))
            ),
        )
        for faults, n in ranked:
            if faults >= now:
                break
            kept = self.bends[i : i + len(trials[n])]
            new = [bend._replace(corner=c) for bend, c in zip(kept, trials[n], strict=True)]
            self.bends[i : i + len(new)] = new
            if all(self.near(i + j) for j in range(len(new))):
                return True
            self.bends[i : i + len(new)] = kept
        return False

    def legal(self, i: int, corner: Corner) -> bool:
        """Whether a corner keeps the standard, or what stands in its place where that does not."""
        old = self.bends[i].corner
        if _half(old):
            return corner == old
        if corner.radius < min(self.standard.radius, old.radius) * (1 - EPSILON):
            return False
        if corner.arc < min(self.standard.arc, old.arc) - EPSILON:
            return False
        return all(
            min(self.standard.clothoid, before) * (1 - EPSILON)
            <= now
            <= max(corner.radius, before) * (1 + EPSILON)
            for now, before in zip(corner.clothoids, old.clothoids, strict=True)
        )

    def near(self, i: int) -> bool:
        """Whether a bend and the tangents beside it stay near the given road."""
        bend = self.bends[i]
        first, last = max(bend.first - 1, 0), min(bend.last + 1, len(self.curves) - 1)
        curves = self.curves[first : last + 1]
        old = self.given[first + 1 : last + 2]
        begin = _before(self.given[first], old[0], curves[0].tangent if first else inf)
        at_end = last == len(self.curves) - 1
        end = _before(self.given[last + 2], old[-1], inf if at_end else curves[-1].tangent_behind)
        now = np.array([self.place(j) for j in (i - 1, i, i + 1)])
        line = _line(now, [bend.corner])
        ahead, behind = self.straight(i - 1), self.straight(i)
        if i > 0:
            line[0] = _before(now[0], now[1], bend.corner.tangent + ahead)
        if i + 1 < len(self.bends):
            line[-1] = _before(now[2], now[1], bend.corner.tangent_behind + behind)
        given = LineString(_line(np.vstack((begin, old, end)), curves))
        return bool(np.max(given.distance(points(line))) <= self.within)

    def growing(self, a: Corner, b: Corner) -> Iterator[Family]:
        """Ways in which curves grow into the tangent between them."""
        times = min(GROWTH, LARGEST / max(a.radius, b.radius))
        if times > 1:
            yield lambda t: (_grown(a, 1 + t * (times - 1)), _grown(b, 1 + t * (times - 1)))
            yield lambda t: (_grown(a, 1 + t * (times - 1)), b)
            yield lambda t: (a, _grown(b, 1 + t * (times - 1)))
        more, ahead = self.room(a, 1), self.room(b, 0)
        yield lambda t: (_longer(a, 1, t * more), _longer(b, 0, t * ahead))
        yield lambda t: (_longer(a, 1, t * more), b)
        yield lambda t: (a, _longer(b, 0, t * ahead))

    def room(self, corner: Corner, side: int) -> float:
        """How much longer the clothoid on one side may become [m]."""
        by_arc = 2 * (corner.arc - min(corner.arc, self.standard.arc))
        return max(min(by_arc, corner.radius - corner.clothoids[side]), 0.0)

    def shrinking(self, a: Corner, b: Corner) -> Iterator[Family]:
        """Ways in which curves shrink away from the tangent between them."""
        small, less = self.smallest(a), self.smallest(b)
        yield lambda t: (self.shrunk(a, 1 - t * (1 - small)), self.shrunk(b, 1 - t * (1 - less)))
        yield lambda t: (self.shrunk(a, 1 - t * (1 - small)), b)
        yield lambda t: (a, self.shrunk(b, 1 - t * (1 - less)))

    def smallest(self, corner: Corner) -> float:
        """Share to which a curve may shrink [-]."""
        arc = min(self.standard.arc, corner.arc) + sum(corner.clothoids) / 2
        by_arc = arc / (corner.radius * abs(corner.deflection))
        return min(max(self.standard.radius / corner.radius, by_arc), 1.0)

    def shrunk(self, corner: Corner, share: float) -> Corner:
        """Scale a curve about its PI, but no clothoid below the standard."""
        least = self.standard.clothoid
        before, behind = (max(share * each, min(each, least)) for each in corner.clothoids)
        return Corner(corner.deflection, corner.radius * share, before, behind)

    def _met(self, family: Family, leg: float, wanted: float) -> Pair | None:
        """Corners of a family between which the tangent has a length; None where none has."""

        def over(t: float) -> float:
            a, b = family(t)
            return leg - a.tangent_behind - b.tangent - wanted

        if over(0.0) * over(1.0) > 0:
            return None
        return family(float(brentq(over, 0.0, 1.0, xtol=1e-14)))

    def merged(self, i: int) -> bool:
        """Put one curve in place of two of one sense."""
        one, two = self.bends[i : i + 2]
        turn = one.corner.deflection + two.corner.deflection
        if one.corner.deflection * two.corner.deflection < 0 or abs(turn) > SHARPEST:
            return False
        if _half(one.corner) or _half(two.corner):
            return False
        ends = self.place(i - 1), self.place(i + 2)
        at = _crossed(ends[0], (one.x, one.y), (two.x, two.y), ends[1])
        if at is None:
            return False
        here = np.vstack((ends[0], (one.x, one.y), (two.x, two.y), ends[1]))
        old = LineString(_line(here, [one.corner, two.corner]))
        if old.distance(Point(at)) > MEETS:
            return False
        now = self.faults(i, [one.corner, two.corner])
        small = max(self.standard.radius, self.standard.clothoid / abs(turn))
        large = max(3 * one.corner.radius, 3 * two.corner.radius, small)
        kept = self.bends
        for radius in np.geomspace(small, min(large, LARGEST), RADII):
            spiral = min(max(self.standard.clothoid, radius * abs(turn) / 3), radius)
            corner = Corner(turn, float(radius), float(spiral))
            if corner.arc < min(self.standard.arc, one.corner.arc, two.corner.arc):
                continue
            bend = _Bend(*at, corner, one.first, two.last)
            if old.distance(_apex(bend, *ends)) > 2 * self.within:
                continue
            self.bends = [*kept[:i], bend, *kept[i + 2 :]]
            if self.faults(i, [corner]) < now and self.near(i):
                return True
            self.bends = kept
        return False


def _apex(bend: _Bend, a: tuple[float, float], b: tuple[float, float]) -> Point:
    """Middle of an even curve between the legs from one point and to another."""
    at = np.array((bend.x, bend.y))
    ahead, behind = (np.subtract(end, at) / hypot(*np.subtract(end, at)) for end in (a, b))
    inward = (ahead + behind) / hypot(*(ahead + behind))
    return Point(at + inward * bend.corner.external)


def _half(corner: Corner) -> bool:
    """Whether a corner is half of a hairpin, whose arc goes on at the next corner."""
    return min(corner.clothoids) <= 0


def _grown(corner: Corner, share: float) -> Corner:
    """Scale a curve about its PI."""
    before, behind = corner.clothoids
    return Corner(corner.deflection, corner.radius * share, before * share, behind * share)


def _longer(corner: Corner, side: int, more: float) -> Corner:
    """Lengthen the clothoid before (0) or behind (1) the arc."""
    before, behind = corner.clothoids
    if side:
        return Corner(corner.deflection, corner.radius, before, behind + more)
    return Corner(corner.deflection, corner.radius, before + more, behind)


def _before(
    far: NDArray[np.float64], pi: NDArray[np.float64], distance: float
) -> NDArray[np.float64]:
    """Point on a leg at a distance from the PI at one end, or its other end if that is nearer."""
    leg = float(np.hypot(*(far - pi)))
    return np.asarray(pi + (far - pi) * min(distance / leg, 1.0))


def _crossed(
    a: tuple[float, float], b: tuple[float, float], c: tuple[float, float], d: tuple[float, float]
) -> tuple[float, float] | None:
    """Where the leg from a to b, gone on, meets that from d to c, gone on; None where not."""
    way, back = (b[0] - a[0], b[1] - a[1]), (c[0] - d[0], c[1] - d[1])
    cross = way[0] * back[1] - way[1] * back[0]
    if abs(cross) < STRAIGHT * hypot(*way) * hypot(*back):
        return None
    far = ((d[0] - a[0]) * back[1] - (d[1] - a[1]) * back[0]) / cross
    near = ((d[0] - a[0]) * way[1] - (d[1] - a[1]) * way[0]) / cross
    if far < 1 or near < 1:
        return None
    return a[0] + far * way[0], a[1] + far * way[1]


def _line(pis: NDArray[np.float64], curves: Sequence[Corner]) -> NDArray[np.float64]:
    """Points along a road, shape (n, 2) [m]."""
    out = []
    for element in elements(pis, curves):
        count = max(int(np.ceil(element.length / SPACING)), 1) if element.k0 or element.k1 else 1
        out.append(element.points(np.linspace(0.0, element.length, count + 1)))
    return np.vstack(out)
