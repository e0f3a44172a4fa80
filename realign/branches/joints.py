"""
Where a road may be cut, and the roads that meet there as one that a search can cross.

A new road can be cut at a PVI on a tangent, on open ground. What leaves it there goes on
in its bearing and at the grade with which it comes to the PVI; what meets it, at the
grade with which it goes on. So both keep the least length of a grade on either side, and
a change of grade within the tolerance of a tie-in needs a parabola of some metres only,
in place of that of the trunk.

A search knows one existing road with a gap in it. A branch from one road to another has
two of them: they are put end to end, and the gap is where the first one is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from realign.chainage import Section
from realign.corridor import Site
from realign.corridor.site import GRADE_HALF
from realign.errors import GeometryError
from realign.formation import OPEN, open_road
from realign.geometry.alignment import ground_under
from realign.geometry.check import CURVATURE, SLACK
from realign.highway import Highway
from realign.network import Link
from realign.road import Rulebook, billed
from realign.terrain import Terrain

STEP = 5.0
"""Distance between the points of a new road by which it is followed [m]."""
CLEAR = 10.0
"""Length of tangent that stays on both sides of a joint, at least [m]."""
EVEN = GRADE_HALF + 4 * STEP / 5
"""Length on both sides of a joint over which a road goes on at one grade where it is left or met:
a little more than that over which the grade at a tie-in is taken [m]."""
ROOM = 10.0
"""Length of even grade on both sides of a joint, for its parabola, at least [m]."""
STUB = 60.0
"""Length by which a road goes on beyond the places at which it may be left or met, so that bearing
and grade are those of the whole road [m]."""
LOW = 12.0
"""Greatest height of a new road over the ground, and depth under it, at a joint: more makes the
joint an interchange on a high fill [m]."""
APART = 1e-3
"""Vertices of a line nearer than this are one [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A road that a branch may leave or meet, the existing one or a new one."""

    name: str
    """Name of the trunk; empty for the existing road."""
    chainage: NDArray[np.float64]
    """Chainage of its points, ascending, shape (n,) [m]."""
    xy: NDArray[np.float64]
    """Points, shape (n, 2) [m]."""
    level: NDArray[np.float64]
    """Level of the road there, shape (n,) [m above datum]."""
    joint: NDArray[np.float64]
    """Chainages at which it may be left or met, ascending, shape (k,) [m]."""
    grade: NDArray[np.float64]
    """Grade with which it comes to each joint, and with which it goes on, NaN where it stands and
    `level` tells, shape (k, 2) [fraction]."""
    price: NDArray[np.float64]
    """Direct cost of building it from its start to each joint; 0 where it stands, shape (k,)."""

    def nearest(self, xy: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Chainage of the point that is nearest to each of some points, and its distance [m]."""
        away, i = cKDTree(self.xy).query(xy)
        return self.chainage[i], np.asarray(away)

    def points(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points at chainages, shape (k, 3): east, north and level [m]."""
        every = np.column_stack((self.xy, self.level))
        return np.column_stack([np.interp(s, self.chainage, each) for each in every.T])

    def within(self, section: Section) -> NDArray[np.bool_]:
        """Which of the joints lie in a section, shape (k,)."""
        return (self.joint >= section.start) & (self.joint <= section.end)

    def part(self, section: Section) -> "Line":
        """Cut out a stretch, both ends included, with the joints inside of it."""
        inner = (self.chainage > section.start + APART) & (self.chainage < section.end - APART)
        s = np.concatenate(([section.start], self.chainage[inner], [section.end]))
        x, y, level = self.points(s).T
        kept = self.within(section)
        return replace(self.only(kept), chainage=s, xy=np.column_stack((x, y)), level=level)

    def only(self, kept: NDArray[np.bool_]) -> "Line":
        """Leave it some of its joints."""
        return replace(self, joint=self.joint[kept], grade=self.grade[kept], price=self.price[kept])

    def even(self, side: Literal["before", "after"]) -> "Line":
        """
        Give it the levels that a branch sees.

        They are straight about each joint, at the grade with which the road comes to it
        before a branch that leaves, or goes on from it after one that meets it.
        """
        level = self.level.copy()
        grades = self.grade[:, 0 if side == "before" else 1]
        for s, z, grade in zip(self.joint, self.points(self.joint)[:, 2], grades, strict=True):
            near = np.abs(self.chainage - s) <= EVEN
            if not np.isnan(grade):
                level[near] = z + grade * (self.chainage[near] - s)
        return replace(self, level=level)


def standing(highway: Highway, joint: NDArray[np.float64]) -> Line:
    """Take the existing road, which may be left or met at some chainages."""
    s = np.unique(np.concatenate((highway.s, highway.station)))
    s = s[np.append(True, np.diff(s) > APART)]
    return Line(
        name="",
        chainage=s,
        xy=highway.at(s),
        level=highway.level_at(s),
        joint=np.sort(joint),
        grade=np.full((joint.size, 2), np.nan),
        price=np.zeros(joint.size),
    )


def proposed(
    link: Link, book: Rulebook, places: Mapping[str, NDArray[np.float64]], terrain: Terrain
) -> Line:
    """
    Take a new road, which may be left or met wherever it can be cut.

    Parameters
    ----------
    link
        With its alignment and inventory.
    book
        The tables that rule it.
    places
        What layers of costs ask of each of its intervals, from `corridor.layers.charged`.
    terrain
        Ground.

    Returns
    -------
    line
        With the joints of `joints`. Its levels are those of the tangents between PVIs.

    Raises
    ------
    GeometryError
        Only the course of the link is known.
    """
    road = link.alignment
    if road is None:
        msg = f"{link.name}: wanted a link with its alignment, found its course only"
        raise GeometryError(msg)
    grades = road.grades
    at = joints(link, book, terrain)
    joint = grades.chainage[at]
    # the joints themselves are points, so that levels there are exact
    s = np.unique(np.concatenate((road.plan.stations(STEP), joint)))
    s = s[np.append(True, np.diff(s) > APART) | np.isin(s, joint)]
    paid = np.concatenate(([0.0], np.cumsum(billed(link, book.rates, places))))
    return Line(
        name=link.name,
        chainage=s,
        xy=road.plan.poses(s)[:, :2],
        level=np.interp(s, grades.chainage, grades.level),
        joint=joint,
        grade=np.column_stack((grades.grade[at - 1], grades.grade[at])),
        price=np.interp(joint, link.station, paid),
    )


def joints(link: Link, book: Rulebook, terrain: Terrain) -> NDArray[np.int64]:
    """
    PVIs at which a new road may be cut.

    Parameters
    ----------
    link
        With its alignment.
    book
        The tables that rule it: grades on both sides of a cut are as long as its
        slowest row asks.
    terrain
        Ground.

    Returns
    -------
    number
        Which of the PVIs, ascending, shape (k,): on tangents, on open road near the
        ground and within its limits there, off hairpins, and with room for a parabola.
    """
    road = link.alignment
    if road is None:
        return np.empty(0, np.int64)
    s, curve = road.grades.chainage, road.grades.curve
    inner = s[1:-1]
    gap = np.diff(s)
    long = min(row.grade_length for row in (book.standard, *book.others))
    good = np.minimum(gap[:-1], gap[1:]) >= max(long * (1 - SLACK), 2 * EVEN)
    good &= (gap[:-1] - curve[:-2] / 2 >= ROOM) & (gap[1:] - curve[2:] / 2 >= ROOM)
    straight = np.zeros(inner.size, np.bool_)
    for a, b in _straights(link):
        straight |= (inner >= a + CLEAR) & (inner <= b - CLEAR)
    at = np.clip(np.searchsorted(link.station, inner, side="right") - 1, 0, link.form.size - 1)
    high = np.abs(link.level - link.ground) > LOW
    good &= straight & (link.form[at] == OPEN) & ~high[at] & ~high[at + 1]
    # the joint is a cross section that the road itself does not have
    _, ground, slope = ground_under(road.plan, terrain, inner)
    height = road.grades.level[1:-1] - ground
    good &= np.isfinite(height) & (np.abs(height) <= LOW)
    for i in np.flatnonzero(good):
        good[i] = np.isfinite(open_road(height[i], slope[i], book.prices).price)
    for a, b in link.hairpins:
        good &= (inner < a) | (inner > b)
    return np.flatnonzero(good) + 1


def _straights(link: Link) -> list[tuple[float, float]]:
    """Tangents of a road, those that follow each other as one."""
    out: list[tuple[float, float]] = []
    if link.alignment is None:
        return out
    plan = link.alignment.plan
    for element, (a, b) in zip(plan.elements, pairwise(plan.start.tolist()), strict=True):
        if max(abs(element.k0), abs(element.k1)) > CURVATURE:
            continue
        if out and out[-1][1] == a:
            out[-1] = out[-1][0], b
        else:
            out.append((a, b))
    return out


class Crossing(NamedTuple):
    """Two roads put end to end as one with a gap."""

    road: Highway
    """The stretch of the first road, a jump, and that of the second."""
    before: Section
    """Where the first one is on it [m]."""
    after: Section
    """Where the second one is on it [m]."""
    first: Line
    """The stretch of the first road, its points those of `road`."""
    second: Line
    """The stretch of the second."""

    def at(self, s: float) -> float:
        """Find the joint of the first or the second road at a chainage of both [m]."""
        line, known = self.first, self.road.s[: self.first.chainage.size]
        if s >= self.after.start - APART:
            line, known = self.second, self.road.s[self.first.chainage.size :]
        found = float(np.interp(s, known, line.chainage))
        return float(line.joint[np.argmin(np.abs(line.joint - found))])

    def along(self, line: Line, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """Chainages of both that lie at chainages of the first or the second road [m]."""
        known = self.road.s[: self.first.chainage.size]
        if line is self.second:
            known = self.road.s[self.first.chainage.size :]
        return np.asarray(np.interp(s, line.chainage, known))


def crossing(site: Site, first: Line, second: Line) -> Crossing:
    """
    Put the stretches of two roads end to end between their outermost joints.

    Parameters
    ----------
    site
        Gives name and reference system.
    first, second
        Roads with the joints at which the first may be left and the second met.

    Returns
    -------
    crossing
        The two, each with a stub beyond its joints where it goes on so far.
    """
    pieces = _stretch(first).even("before"), _stretch(second).even("after")
    xy = np.concatenate([each.xy for each in pieces])
    s = np.concatenate(([0.0], np.cumsum(np.maximum(np.hypot(*np.diff(xy, axis=0).T), APART))))
    level = np.concatenate([each.level for each in pieces])
    count = pieces[0].chainage.size
    road = Highway(
        name=first.name or site.highway.name,
        xy=xy,
        s=s,
        crs=site.highway.crs,
        station=s,
        ground=level,
        level=level,
    )
    ends = float(s[0]), float(s[count - 1]), float(s[count]), float(s[-1])
    return Crossing(road, Section(*ends[:2]), Section(*ends[2:]), pieces[0], pieces[1])


def _stretch(line: Line) -> Line:
    start = max(float(line.joint[0]) - STUB, float(line.chainage[0]))
    end = min(float(line.joint[-1]) + STUB, float(line.chainage[-1]))
    return line.part(Section(start, end))
