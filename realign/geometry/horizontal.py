"""
Horizontal geometry: one kind of element, and the fit of tangents, clothoids and arcs.

A road is a chain of elements whose curvature changes evenly. The fit goes from
points to a polygon of tangents, whose corners (PIs) get symmetric curves of
clothoid, arc and clothoid; every corner keeps the room its curve needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import atan2, cos, hypot, pi, sin, tan

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from realign.errors import GeometryError
from realign.standards import DesignStandard, Hairpin

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
"""Gauss points on [-1, 1]; 24 of them place a turn of 4 rad to better than 1e-9 of its length."""
STRAIGHT = 1e-6
"""Corners that deflect less than this are no corners: a kink that no survey can see [rad]."""
SHORTEST = 1e-6
"""Elements shorter than this are left out [m]."""
EXTERNAL = 15.0
"""Greatest distance from a PI to its curve: larger radii would leave the corridor [m]."""
LARGEST = 2000.0
"""Radii are not made larger than this [m]."""
SHARPEST = 2.6
"""Corners that deflect more than this are split, since their tangents grow without bound [rad]."""
JOIN = 8
"""Corridor points that may be left out to join the existing road tangentially."""
BACK = 5 * pi / 6
"""Turn from which on points of a corridor turn back on themselves: 150 degrees, an assumption
[rad]."""
ROUND = 4 * pi / 3
"""Greatest turn of a hairpin, half of it at each of its two PIs [rad]."""
LEADS = (0.25, 0.4, 0.55, 0.7, 0.85, 1.0, 1.25, 1.5, 2.0)
"""Lengths of the tangent at a tie-in that are tried, over that of the first leg [-]."""


@dataclass(frozen=True, slots=True)
class Pose:
    """A place on a line, and where the line goes from there."""

    x: float
    """East [m]."""
    y: float
    """North [m]."""
    bearing: float
    """Direction anticlockwise from east [rad]."""


def travelled(
    bearing: ArrayLike, k0: ArrayLike, rate: ArrayLike, s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Way from the start of a curve whose curvature changes evenly, to distances along it.

    Parameters
    ----------
    bearing, k0, rate
        Bearing [rad], curvature [1/m] and its change along the curve [1/m2] at the
        start, each one for all distances or of shape (n,).
    s
        Distances, shape (n,) [m].

    Returns
    -------
    way
        East and north, shape (n, 2) [m]; the integral of the bearing by Gauss's
        quadrature.
    """
    out = np.empty((s.size, 2))
    begun, bent, more = (np.full(s.size, each, np.float64) for each in (bearing, k0, rate))
    _travelled(begun, bent, more, np.asarray(s, np.float64), NODES, WEIGHTS, out)
    return out


@njit(cache=True, nogil=True)
def _travelled(
    bearing: NDArray[np.float64],
    k0: NDArray[np.float64],
    rate: NDArray[np.float64],
    s: NDArray[np.float64],
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
    out: NDArray[np.float64],
) -> None:
    """Compiled sums of `travelled`."""
    for i in range(s.size):
        east = north = 0.0
        for node, weight in zip(nodes, weights):  # noqa: B905 - numba knows no strict
            t = s[i] / 2 * (node + 1)
            angle = bearing[i] + k0[i] * t + rate[i] * t * t / 2
            east += np.cos(angle) * weight
            north += np.sin(angle) * weight
        out[i, 0], out[i, 1] = east * s[i] / 2, north * s[i] / 2


@dataclass(frozen=True, slots=True)
class Element:
    """
    A stretch of centre line whose curvature changes evenly along it.

    Curvature is positive to the left. A tangent has none, a circular arc keeps
    the same one throughout, and a clothoid has any other pair, so this single
    type is the whole of the horizontal geometry.
    """

    start: Pose
    """Where the element begins."""
    length: float
    """Length along the curve [m]."""
    k0: float = 0.0
    """Curvature at the start [1/m]."""
    k1: float = 0.0
    """Curvature at the end [1/m]."""

    def __post_init__(self) -> None:
        """Refuse an element without length."""
        if not self.length > 0:
            msg = f"an element needs a length above 0 m, got {self.length:g} m"
            raise GeometryError(msg)

    def bearing(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bearing at distances from the start, same shape [rad]."""
        rate = (self.k1 - self.k0) / self.length
        return np.asarray(self.start.bearing + self.k0 * s + rate * s**2 / 2)

    def points(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Points at distances from the start.

        Parameters
        ----------
        s
            Distances, shape (n,) [m].

        Returns
        -------
        points
            Shape (n, 2) [m]; the integral of the bearing by Gauss's quadrature.
        """
        s = np.asarray(s, np.float64)
        rate = (self.k1 - self.k0) / self.length
        return np.array((self.start.x, self.start.y)) + travelled(
            self.start.bearing, self.k0, rate, s
        )

    @property
    def end(self) -> Pose:
        """Where the element ends."""
        s = np.array([self.length])
        (x, y), bearing = self.points(s)[0], self.bearing(s)[0]
        return Pose(float(x), float(y), float(bearing))


@dataclass(frozen=True, slots=True)
class Corner:
    """A PI with its curve."""

    deflection: float
    """Change of bearing, positive to the left [rad]."""
    radius: float
    """Radius of the arc [m]."""
    clothoid: float
    """Length of the clothoid before the arc [m]."""
    behind: float | None = None
    """Length of the clothoid behind the arc; as before it where None [m]."""

    @property
    def clothoids(self) -> tuple[float, float]:
        """Lengths of the clothoids before and behind the arc [m]."""
        return self.clothoid, self.clothoid if self.behind is None else self.behind

    @property
    def arc(self) -> float:
        """Length of the arc between the clothoids [m]."""
        return self.radius * abs(self.deflection) - sum(self.clothoids) / 2

    @property
    def tangent(self) -> float:
        """Distance from the start of the curve to the PI [m]."""
        return tangent_length(abs(self.deflection), self.radius, *self.clothoids)

    @property
    def tangent_behind(self) -> float:
        """Distance from the PI to the end of the curve [m]."""
        return tangent_length(abs(self.deflection), self.radius, *self.clothoids[::-1])

    @property
    def external(self) -> float:
        """Distance from the PI to the middle of the curve, for even clothoids [m]."""
        shift = _shift(self.radius, self.clothoid)[0]
        return (self.radius + shift) / cos(self.deflection / 2) - self.radius


@njit(cache=True)
def tangent_length(
    deflection: float, radius: float, clothoid: float, other: float | None = None
) -> float:
    """
    Distance from a PI to an end of its curve.

    T = (R + p) tan(deflection / 2) + q + (p' - p) / sin(deflection), with the shift
    p and the abscissa q of the clothoid at this end and the shift p' of the other.

    Parameters
    ----------
    deflection
        Angle between the tangents, 0 to pi [rad].
    radius
        Radius of the arc [m].
    clothoid
        Length of the clothoid at this end [m].
    other
        Length of the clothoid at the other end; the same where None. Both together
        turn no more than the deflection [m].

    Returns
    -------
    length
        With the exact shifts and abscissa of the clothoids [m].

    Examples
    --------
    >>> round(tangent_length(pi / 2, 100.0, 0.0), 6)
    100.0
    """
    p, q = _shift(radius, clothoid)
    length = (radius + p) * tan(deflection / 2) + q
    if other is None or other == clothoid:
        return length
    return length + (_shift(radius, other)[0] - p) / sin(deflection)


@njit(cache=True)
def _shift(radius: float, clothoid: float) -> tuple[float, float]:
    """How far a clothoid shifts the circle from the tangent, and where its middle lies [m]."""
    if clothoid <= 0:
        return 0.0, 0.0
    # as `Element.end`, without the values on the way to it
    t = clothoid / 2 * (NODES + 1)
    angle = 1 / radius / clothoid * t**2 / 2
    x = float((np.cos(angle) * WEIGHTS).sum() * clothoid / 2)
    y = float((np.sin(angle) * WEIGHTS).sum() * clothoid / 2)
    turn = 1 / radius / clothoid * (clothoid * clothoid) / 2
    return y - radius * (1 - cos(turn)), x - radius * sin(turn)


def least_corner(deflection: float, standard: DesignStandard) -> Corner:
    """
    Smallest curve that a standard allows at a corner.

    Where the clothoids of the least radius would turn more than the corner,
    the radius grows until they just meet.
    """
    angle = abs(deflection)
    radius = max(standard.radius, standard.clothoid / angle)
    return Corner(deflection, radius, standard.clothoid)


def widest_corner(deflection: float, room: float, standard: DesignStandard) -> Corner:
    """
    Largest curve that fits at a corner.

    Parameters
    ----------
    deflection
        Change of bearing [rad].
    room
        Greatest tangent length [m].
    standard
        Least radius and clothoid.

    Returns
    -------
    corner
        With the radius that fills the room, up to `LARGEST`, and that does not
        leave the PI by more than `EXTERNAL`; the least corner where even that
        does not fit.
    """
    least = least_corner(deflection, standard)
    half = abs(deflection) / 2
    reach = EXTERNAL / (1 / cos(half) - 1) if half > 1e-6 else LARGEST
    top = max(min(LARGEST, reach), least.radius)

    def over(radius: float) -> float:
        return tangent_length(abs(deflection), radius, standard.clothoid) - room

    if over(least.radius) >= 0 or top <= least.radius * (1 + 1e-9):
        return least
    if over(top) > 0:
        top = float(brentq(over, least.radius, top, xtol=1e-6))
        while over(top) > 0:
            top -= 1e-6
    return Corner(deflection, max(top, least.radius), standard.clothoid)


def deflections(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change of bearing at the inner points of a polygon, shape (n - 2,) [rad]."""
    legs = np.diff(points, axis=0)
    bearing = np.arctan2(legs[:, 1], legs[:, 0])
    return np.asarray((np.diff(bearing) + pi) % (2 * pi) - pi)


def simplified(points: NDArray[np.float64], tolerance: float) -> list[int]:
    """
    Points that a polygon needs to stay within a tolerance of all of them.

    Douglas and Peucker (1973), with distances to the chord.

    Returns
    -------
    kept
        Indices in order, first and last included.
    """
    keep = {0, len(points) - 1}
    stack = [(0, len(points) - 1)]
    while stack:
        a, b = stack.pop()
        if b - a < 2:
            continue
        away = _away(points[a + 1 : b], points[a], points[b])
        i = int(np.argmax(away))
        if away[i] > tolerance:
            keep.add(a + 1 + i)
            stack += [(a, a + 1 + i), (a + 1 + i, b)]
    return sorted(keep)


def _away(
    points: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distances from the chord between two points [m]."""
    chord = b - a
    length = max(float(np.hypot(*chord)), 1e-9)
    along = np.clip((points - a) @ chord / length, 0, length)
    foot = a + along[:, None] * chord / length
    return np.asarray(np.hypot(*(points - foot).T))


def polygon(
    points: NDArray[np.float64], standard: DesignStandard, *, tolerance: float
) -> NDArray[np.float64]:
    """
    Tangent polygon through points whose every corner has room for its least curve.

    Points are left out as far as the tolerance allows, taken in again where two
    corners would be too close, and left out where even all of them are.

    Parameters
    ----------
    points
        Points of the corridor, shape (n, 2); first and last legs keep their bearing [m].
    standard
        Least radius and clothoid.
    tolerance
        How far the polygon may pass from the points [m].

    Returns
    -------
    pis
        Corners with both ends, shape (m, 2) [m].
    """
    fixed = {0, 1, len(points) - 2, len(points) - 1}
    kept = sorted(fixed | {i + 1 for i in simplified(points[1:-1], tolerance)})
    banned: set[int] = set()
    for _ in range(6 * len(points)):
        tight = _tightest(points[kept], standard)
        if tight is None:
            break
        more = _between(points, kept, tight, banned)
        if more is not None:
            kept = sorted({*kept, more})
            continue
        loose = [i for i in kept[tight : tight + 2] if i not in fixed]
        if not loose:
            break
        angles = dict(zip(kept[1:-1], np.abs(deflections(points[kept])), strict=True))
        out = min(loose, key=lambda i: angles[i])
        banned.add(out)
        kept.remove(out)
    return points[kept]


def _between(
    points: NDArray[np.float64], kept: Sequence[int], leg: int, banned: set[int]
) -> int | None:
    """Point to take in again for a leg: the farthest from it, else from a leg beside it."""
    for i in (leg, leg - 1, leg + 1):
        if not 0 <= i < len(kept) - 1:
            continue
        a, b = kept[i], kept[i + 1]
        middle = [j for j in range(a + 1, b) if j not in banned]
        if middle:
            return middle[int(np.argmax(_away(points[middle], points[a], points[b])))]
    return None


def _tightest(pis: NDArray[np.float64], standard: DesignStandard) -> int | None:
    """Index of the leg that lacks most room for the curves at its two ends; None where all fit."""
    angle = deflections(pis)
    need = [0.0, *(_need(a, standard) for a in angle), 0.0]
    legs = np.hypot(*np.diff(pis, axis=0).T)
    lacking = np.array(need[:-1]) + np.array(need[1:]) - legs
    worst = int(np.argmax(lacking))
    return worst if lacking[worst] > SHORTEST else None


def _need(deflection: float, standard: DesignStandard) -> float:
    if abs(deflection) < STRAIGHT:
        return 0.0
    if abs(deflection) > SHARPEST:
        return float("inf")
    return least_corner(deflection, standard).tangent


def corners(pis: NDArray[np.float64], standard: DesignStandard) -> list[Corner | None]:
    """
    Curves for the inner points of a polygon, as wide as their legs allow.

    Each leg gives both its corners what their least curves need and half of
    what is left.

    Returns
    -------
    corners
        One an inner point; None where the polygon does not turn.
    """
    angle = deflections(pis)
    need = np.array([0.0, *(_need(a, standard) for a in angle), 0.0])
    legs = np.hypot(*np.diff(pis, axis=0).T)
    spare = np.maximum(legs - need[:-1] - need[1:], 0.0)
    share = np.where(need[:-1] + need[1:] > 0, 0.5, 0.0)
    share_first = np.where(need[:-1] == 0, 0.0, np.where(need[1:] == 0, 1.0, share))
    before = need[1:-1] + (spare * (1 - share_first))[:-1]
    after = need[1:-1] + (spare * share_first)[1:]
    return [
        None if abs(a) < STRAIGHT else widest_corner(float(a), float(min(b, f)), standard)
        for a, b, f in zip(angle, before, after, strict=True)
    ]


def elements(pis: NDArray[np.float64], curves: Sequence[Corner | None]) -> tuple[Element, ...]:
    """
    Chain of tangents, clothoids and arcs along a polygon.

    Parameters
    ----------
    pis
        Polygon, shape (n, 2) [m].
    curves
        Curves at its inner points, from `corners`.

    Returns
    -------
    elements
        Each begins where the last ended, with its bearing and curvature.

    Raises
    ------
    GeometryError
        Two curves overlap.
    """
    legs = np.diff(pis, axis=0)
    at = Pose(float(pis[0, 0]), float(pis[0, 1]), atan2(legs[0, 1], legs[0, 0]))
    out: list[Element] = []
    used = 0.0
    for i, leg in enumerate(legs):
        curve = curves[i] if i < len(curves) else None
        straight = hypot(*leg) - used - (curve.tangent if curve else 0.0)
        if straight < -SHORTEST * 10:
            msg = f"two curves overlap by {-straight:.3f} m on leg {i} of the polygon"
            raise GeometryError(msg)
        if straight > SHORTEST:
            out.append(Element(at, straight))
            at = out[-1].end
        used = take = curve.tangent_behind if curve else 0.0
        if curve is None:
            if i + 1 < len(legs):
                at = Pose(
                    float(pis[i + 1, 0]), float(pis[i + 1, 1]), _bearing(legs[i + 1], at.bearing)
                )
            continue
        k = (1 if curve.deflection > 0 else -1) / curve.radius
        before, behind = curve.clothoids
        for length, k0, k1 in ((before, 0.0, k), (curve.arc, k, k), (behind, k, 0.0)):
            if length > SHORTEST:
                out.append(Element(at, length, k0, k1))
                at = out[-1].end
        # from the polygon again, so that roundings do not add up along the road
        x, y = pis[i + 1] + take * legs[i + 1] / hypot(*legs[i + 1])
        at = Pose(float(x), float(y), _bearing(legs[i + 1], at.bearing))
    return tuple(out)


def _bearing(leg: NDArray[np.float64], near: float) -> float:
    """Bearing of a leg, of all that differ by full turns the one nearest to another [rad]."""
    turn = atan2(leg[1], leg[0]) - near
    return near + (turn + pi) % (2 * pi) - pi


def _joined(
    points: NDArray[np.float64], pose: Pose, standard: DesignStandard
) -> NDArray[np.float64]:
    """
    Replace the first points of a corridor by a tangent of the existing road.

    Of all lengths of that tangent, and all points at which the corridor may be
    joined, those are taken that have room for the least curves and pass nearest
    to the points left out, the rounding of the corners counted.
    """
    first = np.array([pose.x, pose.y])
    along = np.array([cos(pose.bearing), sin(pose.bearing)])
    lead = float(np.hypot(*(points[1] - first)))
    best, out = np.inf, np.vstack((first, first + lead * along, points[2:]))
    for join in range(1, min(JOIN, len(points) - 3) + 1):
        for share in LEADS:
            head = first + share * lead * along
            trial = np.vstack((first, head, points[join:]))
            angle = deflections(trial[:5])
            need = [0.0, *(_need(float(a), standard) for a in angle)]
            legs = np.hypot(*np.diff(trial[:4], axis=0).T)
            if (np.add(need[:-1], need[1:]) >= legs).any():
                continue
            away = _off(points[1:join], trial[:3])
            away += sum(_external(float(a), standard) for a in angle[:2])
            if away < best:
                best, out = away, trial
    return out


def _off(points: NDArray[np.float64], line: NDArray[np.float64]) -> float:
    """Greatest distance of points from a polygon, 0 where there are none [m]."""
    legs = [_away(points, a, b) for a, b in pairwise(line)]
    return float(np.min(legs, axis=0).max(initial=0.0))


def _external(deflection: float, standard: DesignStandard) -> float:
    """Distance from a PI to its least curve, about [m]."""
    if abs(deflection) < STRAIGHT:
        return 0.0
    return least_corner(deflection, standard).radius * (1 / cos(deflection / 2) - 1)


def fit(
    points: NDArray[np.float64],
    standard: DesignStandard,
    *,
    start: Pose | None = None,
    end: Pose | None = None,
    tolerance: float = 20.0,
) -> tuple[Element, ...]:
    """
    Fit a road to the points of a corridor: the elements of what `laid` lays.

    Raises
    ------
    GeometryError
        Fewer than four points.
    """
    return elements(*laid(points, standard, start=start, end=end, tolerance=tolerance))


def laid(
    points: NDArray[np.float64],
    standard: DesignStandard,
    *,
    start: Pose | None = None,
    end: Pose | None = None,
    tolerance: float = 20.0,
) -> tuple[NDArray[np.float64], list[Corner | None]]:
    """
    Lay tangents and curves along the points of a corridor.

    Parameters
    ----------
    points
        Points, shape (n, 2), n at least 4 [m].
    standard
        Least radius and clothoid.
    start, end
        Poses of the existing road at the tie-ins; the road begins and ends
        there, tangentially. The first and the last point where None.
    tolerance
        How far tangents may pass from the points [m].

    Returns
    -------
    pis
        Corners of the tangents with both ends, shape (m, 2) [m].
    curves
        Curves at the inner ones, shape (m - 2,).

    Raises
    ------
    GeometryError
        Fewer than four points.
    """
    if len(points) < 4:
        msg = f"a corridor needs at least four points to fit a road to, got {len(points)}"
        raise GeometryError(msg)
    if start is not None:
        points = _joined(points, start, standard)
    if end is not None:
        back = Pose(end.x, end.y, end.bearing + pi)
        points = _joined(points[::-1], back, standard)[::-1]
    return _turned(points, standard, tolerance)


def _turned(
    points: NDArray[np.float64], standard: DesignStandard, tolerance: float
) -> tuple[NDArray[np.float64], list[Corner | None]]:
    """
    Lay tangents and curves, with hairpins where the least curves find no room.

    The first place at which the points turn back gets a hairpin, and the road goes
    on behind it in the same way.
    """
    pis = polygon(points, standard, tolerance=tolerance)
    if standard.hairpin is None or _tightest(pis, standard) is None:
        return pis, corners(pis, standard)
    near = 2 * least_corner(pi / 2, standard).tangent
    for first, last in _backs(points, near):
        made = _hairpin(points, first, last, standard) or _hairpin(
            points, first, last, standard.hairpin
        )
        if made is None:
            continue
        start, end, (one, two) = made
        before = np.vstack((points[:first], start - one.tangent * _way(points, first - 1)))
        behind = np.vstack((end + two.tangent_behind * _way(points, last), points[last + 1 :]))
        lead = polygon(before, standard, tolerance=tolerance) if first > 1 else before
        if _tightest(lead, standard) is not None:
            continue
        rest, curves = (
            _turned(behind, standard, tolerance)
            if len(behind) > 2
            else (behind, list[Corner | None]())
        )
        return (
            np.vstack((lead[:-1], start, end, rest[1:])),
            [*corners(lead, standard), one, two, *curves],
        )
    return pis, corners(pis, standard)


def _way(points: NDArray[np.float64], i: int) -> NDArray[np.float64]:
    """Direction of a leg, a vector of length 1."""
    leg = points[i + 1] - points[i]
    return np.asarray(leg / np.hypot(*leg))


def _backs(points: NDArray[np.float64], near: float) -> list[tuple[int, int]]:
    """First and last points of the places at which a polygon turns back, on legs up to a length."""
    turn = np.concatenate(([0.0], deflections(points), [0.0]))
    legs = np.hypot(*np.diff(points, axis=0).T)
    out = []
    first = 1
    while first < len(points) - 1:
        last = first
        while last + 2 < len(points) and turn[last + 1] * turn[first] > 0 and legs[last] <= near:
            last += 1
        if BACK <= abs(turn[first : last + 1].sum()) <= ROUND:
            out.append((first, last))
        first = last + 1
    return out


def _hairpin(
    points: NDArray[np.float64], first: int, last: int, section: DesignStandard | Hairpin
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[Corner, Corner]] | None:
    """
    Lay one arc with a clothoid at either end from one leg round to another.

    The arc touches the line across the leg's ends that passes the outermost of the
    points, or one as near to it as the least radius allows; its two PIs lie there.

    Returns
    -------
    start, end, corners
        The PIs, and the halves of the curve at them; None where no such line within
        a radius of the points has the width, or the legs are too short.
    """
    ahead, behind = _way(points, first - 1), _way(points, last)
    turn = float(deflections(points)[first - 1 : last].sum())
    side = 1.0 if turn > 0 else -1.0
    cos_half, sin_half = cos(turn / 2), sin(turn / 2)
    across = np.array(
        (ahead[0] * cos_half - ahead[1] * sin_half, ahead[0] * sin_half + ahead[1] * cos_half)
    )
    outward = side * np.array((across[1], -across[0]))
    reach = float((points[first : last + 1] @ outward).max())

    def ends(at: float) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
        start = points[first] + ahead * (at - points[first] @ outward) / (ahead @ outward)
        end = points[last] + behind * (at - points[last] @ outward) / (behind @ outward)
        return start, end, float((end - start) @ across)

    def halves(radius: float) -> tuple[Corner, Corner]:
        spiral = section.clothoid
        return Corner(turn / 2, radius, spiral, 0.0), Corner(turn / 2, radius, 0.0, spiral)

    def taken(radius: float) -> float:
        one, two = halves(radius)
        return one.tangent_behind + two.tangent

    least = taken(section.radius)
    width = ends(reach)[2]
    if width < least:
        # legs that are not parallel are as far apart as the arc asks somewhere farther in or out
        rate = ends(reach + 1)[2] - width
        if abs(rate) < STRAIGHT or abs(least - width) > abs(rate) * section.radius:
            return None
        reach += (least - width) / rate
    start, end, width = ends(reach)
    radius = section.radius
    if width > least:
        radius = float(brentq(lambda r: taken(r) - width, radius, width, xtol=1e-12))
    one, two = halves(radius)
    room = float((start - points[first - 1]) @ ahead), float((points[last + 1] - end) @ behind)
    if room[0] <= one.tangent or room[1] <= two.tangent_behind or one.arc <= 0:
        return None
    return start, end, (one, two)


def hairpins(
    pis: NDArray[np.float64], curves: Sequence[Corner | None], standard: DesignStandard
) -> tuple[tuple[float, float], ...]:
    """
    Find the stretches of a road that are hairpins, driven slower than the rest.

    Parameters
    ----------
    pis, curves
        Corners of the tangents with both ends, shape (m, 2) [m], and the curves at
        the inner ones, from `laid`.
    standard
        Standard of the road.

    Returns
    -------
    hairpins
        Chainages from the start to the end of curves of one sense that follow each
        other without a tangent and of which one is tighter than the standard
        allows elsewhere [m].
    """
    out: list[tuple[float, float]] = []
    s = used = 0.0
    legs = np.hypot(*np.diff(pis, axis=0).T)
    side = 0.0
    for leg, curve in zip(legs, curves, strict=False):
        s += float(leg) - used
        used = 0.0
        if curve is None:
            continue
        start = s - curve.tangent
        end = s = start + sum(curve.clothoids) + curve.arc
        used = curve.tangent_behind
        tight = curve.radius < standard.radius * (1 - SHORTEST)
        tight |= 0 < min(curve.clothoids) < standard.clothoid * (1 - SHORTEST)
        if tight and out and start - out[-1][1] < SHORTEST and side * curve.deflection > 0:
            out[-1] = out[-1][0], end
        elif tight:
            out.append((start, end))
        side = curve.deflection
    return tuple(out)
