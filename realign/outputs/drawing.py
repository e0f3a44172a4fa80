"""
Plan-and-profile sheets and mass-haul diagrams, as SVG and PDF.

A sheet is A3 and shows 2 km of road: the plan at 1:10,000, turned so that the road runs from left
to right, and under it the profile at 1:10,000 / 1:1,000, with the tables by which the stretch is
set out beside them. Sheets are composed once, in millimetres of paper from the lower left corner,
and written by `paper`. A point of a profile reads back as

    distance = FROM + 10 (x - STRIP),    level = DATUM + (y - BOTTOM)

with FROM the distance from the start of the road at which the sheet begins, and DATUM that of the
panel: where 2 km climb more than the strip is high, the profile goes on at another datum behind a
break line, at the same scale.

The same roads give the same bytes: no sheet holds a date or a random identifier.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, cos, floor, hypot, isfinite, log10, pi, sin

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS

from realign.chainage import text
from realign.errors import OutputError
from realign.geometry.alignment import Part, Stationed
from realign.geometry.tables import (
    AWAY,
    Curve,
    Pvi,
    curves,
    exact,
    marked,
    narrowest,
    pvis,
    stations,
    steps,
    touches,
)
from realign.outputs.paper import (
    FRAME,
    LARGE,
    NORMAL,
    PENS,
    SMALL,
    TINY,
    Box,
    Labels,
    Paper,
    Sheet,
    about_point,
    runs,
    spread,
    width_of,
    within,
)

Points = NDArray[np.float64]

SHEET = 2000.0
"""Length of road on a sheet [m]."""
ALONG, UP = 10.0, 1.0
"""A millimetre of paper in plan and along the profile, and in level [m]."""
PLAN: Box = (22.0, 183.0, 253.0, 285.0)
"""Window of the plan."""
CENTRE = np.array([(PLAN[0] + PLAN[2]) / 2, (PLAN[1] + PLAN[3]) / 2])
"""Middle of the window of the plan."""
STRIP, BOTTOM, TOP = 50.0, 50.0, 177.0
"""Left edge, lower and upper edge of the profile [mm]."""
END = STRIP + SHEET / ALONG
"""Right edge of the profile [mm]."""
COLUMN: Box = (256.0, 12.0, 408.0, 285.0)
"""Column of tables, legend and title."""
TITLE, LEGEND = 58.0, 88.0
"""Upper edges of the title block and the legend [mm]."""
LOW, HIGH = 8.0, 40.0
"""Room that the grade line keeps from the lower and the upper edge of the profile [mm]."""
TICK, LABEL = 100.0, 500.0
"""Chainages that are marked, and those written in the plan [m]."""
RISE = 10.0
"""Levels at which the grid of a profile has lines [m]."""
DATUMS = 5.0
"""Data of profiles are multiples of this [m]."""
GRID = 500.0
"""Distance between the crosses of the coordinate grid [m]."""
STEP = 4.0
"""Points of the centre line in plan are this far apart: chords keep within 0.01 mm [m]."""
CHORD = 0.02
"""Chords of the grade line pass no farther than this from it [m]."""
PITCH = 3.5
"""Height of a row of a table [mm]."""

_GREY = "#555555"


@dataclass(frozen=True, slots=True)
class About:
    """What every sheet says."""

    title: str
    """Name of the project and the option."""
    crs: CRS
    """Reference system of the coordinates."""
    datum: str
    """Vertical datum."""
    levels: str
    """What the levels rest on, in a sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class MassHaul:
    """Earth moved along a road."""

    road: str
    """Name of the road."""
    distance: Points
    """Distances from the start of the road, ascending, shape (n,) [m]."""
    ordinate: Points
    """Cut less fill up to there, in fill-equivalent volume, shape (n,) [m3]."""
    sites: tuple[tuple[float, float, float], ...] = ()
    """Distance from the start [m], and volumes borrowed and wasted there [m3]."""


def sheets(
    roads: Sequence[Stationed],
    *,
    about: About,
    existing: Points | None = None,
    shores: Sequence[Points] = (),
    hauls: Sequence[MassHaul] = (),
) -> tuple[Sheet, ...]:
    """
    Compose the plan-and-profile sheets of roads, and their mass-haul diagrams.

    Parameters
    ----------
    roads
        At least one, each with its ground, water and structures.
    about
        What every sheet says.
    existing
        Points of the existing road, shape (k, 2) [m].
    shores
        Water lines in plan, each of shape (k, 2) [m].
    hauls
        Mass haul of roads, each named after one.

    Returns
    -------
    sheets
        One for each 2 km of each road, in order, and then a diagram for each mass haul.

    Raises
    ------
    OutputError
        There is no road, or a mass haul is that of another road.
    """
    if not roads:
        msg = "a drawing needs at least one road"
        raise OutputError(msg)
    names = _names(roads)
    wrong = sorted({haul.road for haul in hauls} - set(names))
    if wrong:
        msg = f"mass haul of {', '.join(wrong)}; wanted that of {', '.join(sorted(names))}"
        raise OutputError(msg)
    around = _Around(existing, shores)
    out = []
    for road in roads:
        whole = _Road(road)
        count = whole.count
        for number in range(count):
            name = f"{names[road.name]}-{number + 1:02d}"
            out.append(_Page(whole, number, about, around, name).drawn())
    by_name = {road.name: road for road in roads}
    for haul in hauls:
        name = f"{names[haul.road]}-mass-haul"
        out.append(_diagram(by_name[haul.road], haul, about, name))
    return tuple(out)


def _names(roads: Sequence[Stationed]) -> dict[str, str]:
    """Names of files by names of roads: letters, digits and hyphens, each once."""
    out: dict[str, str] = {}
    for number, road in enumerate(roads, start=1):
        name = re.sub(r"[^\w]+", "-", road.name).strip("-_") or "road"
        out[road.name] = name if name not in out.values() else f"{name}-{number}"
    return out


# -------------------------------------------------------------------- roads


@dataclass(frozen=True, slots=True, eq=False)
class _Structure:
    """A structure with the mark by which sheets refer to it."""

    mark: str
    part: Part

    @property
    def words(self) -> str:
        return self.part.name or f"{self.part.form.capitalize()} {self.part.length:.0f} m"


class _Road:
    """A road with what its sheets share."""

    def __init__(self, road: Stationed) -> None:
        self.road = road
        self.plan = road.alignment.plan
        self.grades = road.alignment.grades
        self.length = road.alignment.length
        self.count = max(ceil((self.length - AWAY) / SHEET), 1)
        self.curves = list(enumerate(curves(self.plan), start=1))
        self.pvis = list(enumerate(pvis(self.grades), start=1))
        self.ticks, self.marks = marked(road, TICK)
        self.s = np.union1d(self.plan.stations(STEP), self.plan.start)
        self.track = self.plan.poses(self.s)
        self.xy = self.track[:, :2]
        counts = {"bridge": 0, "tunnel": 0}
        places: list[ArrayLike] = [
            self.ticks,
            *((c.start, c.end, *c.tangent_points) for _, c in self.curves),
        ]
        edges = np.append(SHEET * np.arange(self.count), self.length)
        places += [edges, [e[0] for e in road.equations]]
        for part in road.parts:  # as each sheet shows of it
            cuts = edges[(edges > part.start) & (edges < part.end)]
            cuts = np.concatenate(([part.start], cuts, [part.end]))
            places += [cuts, (cuts[:-1] + cuts[1:]) / 2]
        s = np.unique(np.concatenate(places))
        poses = self.plan.poses(s).tolist()
        self.poses: dict[float, list[float]] = dict(zip(s.tolist(), poses, strict=True))
        self.structures = []
        for part in road.parts:
            counts[part.form] += 1
            mark = f"{part.form[0].upper()}{counts[part.form]}"
            self.structures.append(_Structure(mark, part))

    def pose(self, s: float) -> list[float]:
        """Find east, north, bearing and curvature at a distance."""
        if s not in self.poses:
            self.poses[s] = [float(each) for each in self.plan.poses([s])[0]]
        return self.poses[s]

    def around(
        self, begin: float, end: float
    ) -> tuple[list[tuple[int, Curve]], list[tuple[int, Pvi]]]:
        """Curves and PVIs of a stretch, and at least one more at either end."""
        places = [c.start for _, c in self.curves], [p.at for _, p in self.pvis]
        first = [max(bisect_left(at, begin) - 2, 0) for at in places]
        last = [bisect_right(at, end) + 2 for at in places]
        return self.curves[first[0] : last[0]], self.pvis[first[1] : last[1]]

    def station(self, s: float, *, behind: bool = False) -> str:
        return exact(float(stations(self.road, s, behind=behind)))


class _Around:
    """Lines of the surroundings, found by place."""

    def __init__(self, existing: Points | None, shores: Sequence[Points]) -> None:
        given = [("shore", np.asarray(line, np.float64)[:, :2]) for line in shores]
        if existing is not None:
            given.append(("existing", np.asarray(existing, np.float64)[:, :2]))
        pieces, self.kinds = [], []
        for kind, line in given:
            for i in range(0, len(line) - 1, 100):  # short pieces, of which a sheet needs few
                pieces.append(shapely.linestrings(line[i : i + 101]))
                self.kinds.append(kind)
        self.pieces = np.array(pieces, dtype=object)
        self.tree = shapely.STRtree(self.pieces)

    def near(self, window: shapely.Polygon) -> list[tuple[str, Points]]:
        found = np.sort(self.tree.query(window, predicate="intersects"))
        return [(self.kinds[i], shapely.get_coordinates(self.pieces[i])) for i in found]


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of a profile with one datum."""

    begin: float
    end: float
    datum: float


class _Page:
    """A plan-and-profile sheet."""

    def __init__(self, whole: _Road, number: int, about: About, around: _Around, name: str) -> None:
        self.whole, self.number, self.about, self.around = whole, number, about, around
        self.road = whole.road
        self.begin = number * SHEET
        self.end = min(self.begin + SHEET, whole.length)
        title = f"{self.road.name}, sheet {number + 1} of {whole.count}"
        self.paper = Paper(name, title)
        window = (self.begin, self.end)
        curves_, self.pvis_around = whole.around(*window)
        self.curves = [(i, c) for i, c in curves_ if touches(c.start, c.end, window)]
        self.pvis = [
            (i, p)
            for i, p in self.pvis_around
            if touches(p.at - p.curve / 2, p.at + p.curve / 2, window)
        ]
        self.structures = [
            each for each in whole.structures if touches(each.part.start, each.part.end, window)
        ]
        inside = (whole.ticks >= self.begin - AWAY) & (whole.ticks <= self.end + AWAY)
        self.ticks = list(
            zip(whole.ticks[inside].tolist(), whole.marks[inside].tolist(), strict=True)
        )
        self.equations = [e for e in self.road.equations if touches(e[0], e[0], window)]

    def drawn(self) -> Sheet:
        """Compose the sheet."""
        self.plan()
        self.profile()
        self.bands()
        _Tables(self).drawn()
        return self.paper.sheet

    # ---------------------------------------------------------------- plan

    def plan(self) -> None:
        """Draw the plan."""
        paper, whole = self.paper, self.whole
        paper.box("outline", PLAN)
        own = (whole.s > self.begin) & (whole.s < self.end)
        ends = np.array([whole.pose(s)[:2] for s in (self.begin, self.end)])
        xy = np.vstack((ends[0], whole.xy[own], ends[1]))
        self.turned(xy)
        axis = self.place(xy)
        beside = [np.empty((0, 2))]
        for kind, line in self.around.near(self.view()):
            for part in within(self.place(line), PLAN):
                paper.line(kind, part)
                beside.append(_dense(part, 2.0))
        outer = [np.flatnonzero(whole.s < self.begin), np.flatnonzero(whole.s > self.end)]
        before = np.vstack((whole.xy[outer[0]], ends[:1]))
        after = np.vstack((ends[1:], whole.xy[outer[1]]))
        beyond = [part for line in (before, after) for part in within(self.place(line), PLAN)]
        for part in beyond:
            paper.line("beyond", part)
        paper.line("axis", axis)
        self.labels = Labels(paper, PLAN)
        for part in (*within(axis, PLAN), *beyond):
            self.labels.take(_dense(part))
        self.labels.take(np.vstack(beside))
        paper.box("halo", (PLAN[0] + 1, PLAN[3] - 5, PLAN[0] + 21, PLAN[3] - 1))
        paper.write("heading", "PLAN 1:10,000", (PLAN[0] + 2, PLAN[3] - 3), bold=True)
        self.labels.take(
            _dense(np.array([(PLAN[0] + 2, PLAN[3] - 3), (PLAN[0] + 24, PLAN[3] - 3)]))
        )
        self.arrow()
        self.matches()
        self.plan_structures()
        self.chainages()
        self.equal()
        self.polygon()
        self.crosses()

    def turned(self, xy: Points) -> None:
        """Find the direction that runs left to right, and the middle."""
        chord = xy[-1] - xy[0]
        self.turn = float(np.arctan2(chord[1], chord[0]))
        room = np.array([PLAN[2] - PLAN[0], PLAN[3] - PLAN[1]]) - 14.0
        if (np.ptp(xy @ _rotation(self.turn), axis=0) / ALONG > room).any():
            self.turn = narrowest(xy)
            if chord @ (cos(self.turn), sin(self.turn)) < 0:
                self.turn += pi
        self.rotation = _rotation(self.turn)
        across = xy @ self.rotation
        self.middle = (across.min(axis=0) + across.max(axis=0)) / 2

    def place(self, xy: Points) -> Points:
        """Places on paper of places in plan, shape (n, 2) [mm]."""
        return np.asarray((xy @ self.rotation - self.middle) / ALONG + CENTRE)

    def back(self, at: Points) -> Points:
        """Places in plan of places on paper, shape (n, 2) [m]."""
        return np.asarray(((at - CENTRE) * ALONG + self.middle) @ self.rotation.T)

    def view(self) -> shapely.Polygon:
        left, bottom, right, top = PLAN
        corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
        return shapely.Polygon(self.back(corners))

    def pose(self, s: float) -> tuple[float, float, float]:
        """Place [mm] and direction [rad] on paper at a distance."""
        x, y, bearing, _ = self.whole.pose(s)
        ((px, py),) = self.place(np.array([[x, y]]))
        return float(px), float(py), float(bearing) - self.turn

    def arrow(self) -> None:
        """Draw the north arrow in the corner that is least taken."""
        north = pi / 2 - self.turn
        corners = [
            (x, y) for y in (PLAN[3] - 11, PLAN[1] + 11) for x in (PLAN[2] - 11, PLAN[0] + 11)
        ]
        disc = np.array(
            [(i, j) for i in range(-10, 11) for j in range(-10, 11) if hypot(i, j) < 10]
        )
        taken = [self.labels.taken(disc + np.array(at)) for at in corners]
        x, y = corners[int(np.argmin(taken))]
        along, side = np.array([cos(north), sin(north)]), np.array([-sin(north), cos(north)])
        at = np.array([x, y])
        tip, tail = at + 6 * along, at - 6 * along
        self.paper.line("outline", [tail, tip])
        head = [tip, at + 1.5 * along + 1.4 * side, at + 2.6 * along, tip]
        self.paper.line("solid", np.array(head))
        other = [tip, at + 1.5 * along - 1.4 * side, at + 2.6 * along]
        self.paper.line("outline", np.array(other))
        n = at + 8 * along
        self.paper.write("north", "N", (float(n[0]), float(n[1])), anchor="middle", bold=True)
        self.labels.take(at + disc)
        self.labels.take(at + disc + 0.5)

    def matches(self) -> None:
        """Draw match lines where a neighbouring sheet goes on, and the ends of the road."""
        for s, last, other in (
            (self.begin, False, self.number),
            (self.end, True, self.number + 2),
        ):
            x, y, bearing = self.pose(s)
            across = np.array([-sin(bearing), cos(bearing)])
            at = np.array([x, y])
            if not 1 <= other <= self.whole.count:
                reach, pen = 5.0, "tick"
                words = ["END OF ROAD" if last else "START OF ROAD", self.station(s, last=last)]
            else:
                reach, pen = 18.0, "match"
                words = [f"MATCH LINE {self.station(s, last=last)}", f"SHEET {other}"]
            line = np.array([at - reach * across, at + reach * across])
            self.paper.clipped(pen, line, PLAN)
            for part in within(line, PLAN):
                self.labels.take(_dense(part))
            way = _upright(bearing + pi / 2)
            out = np.array([cos(bearing), sin(bearing)]) * (3.2 if last else -3.2)
            places = []
            for side in (1, -1):
                for off in (12.0, 16.0, 8.0, 20.0, 24.0):
                    for shift in (out, -out):
                        px, py = at + side * off * across + shift
                        places.append((float(px), float(py), way, "middle"))
            places += list(about_point(x, y))
            self.labels.put("match", words, places, bold=True, size=SMALL)

    def station(self, s: float, *, last: bool = False) -> str:
        """Write the chainage at a distance; that seen from behind where a stretch ends there."""
        return self.whole.station(s, behind=last)

    def plan_structures(self) -> None:
        """Draw bridges and tunnels along the axis."""
        for each in self.structures:
            part = each.part
            begin, end = max(part.start, self.begin), min(part.end, self.end)
            inner = self.whole.track[(self.whole.s > begin) & (self.whole.s < end)]
            poses = np.vstack((self.whole.pose(begin), inner, self.whole.pose(end)))
            line, bearing = self.place(poses[:, :2]), poses[:, 2] - self.turn
            normal = np.column_stack((-np.sin(bearing), np.cos(bearing)))
            for side in (-1.0, 1.0):
                edge = line + 0.9 * side * normal
                if part.form == "bridge":  # with wings at its abutments
                    way = np.column_stack((np.cos(bearing), np.sin(bearing)))
                    wings = (
                        edge[0] + 0.8 * (side * normal[0] - way[0]),
                        edge[-1] + 0.8 * (side * normal[-1] + way[-1]),
                    )
                    edge = np.vstack((wings[0], edge, wings[1]))
                self.paper.clipped(part.form, edge, PLAN)
                self.labels.take(_dense(edge))
            x, y, _ = self.pose((begin + end) / 2)
            self.named("structure", [f"{each.mark} {each.words}"], (x, y))

    def named(self, kind: str, words: Sequence[str], at: tuple[float, float]) -> None:
        """Write beside a place, with a leader where the text is far."""
        put = self.labels.put(kind, words, about_point(*at))
        if put is not None and hypot(put[0] - at[0], put[1] - at[1]) > 3:
            self.paper.clipped("leader", np.array([at, put]), PLAN)

    def chainages(self) -> None:
        """Mark chainages along the axis."""
        for s, station in self.ticks:
            x, y, bearing = self.pose(s)
            across = np.array([-sin(bearing), cos(bearing)])
            at = np.array([x, y])
            large = abs(station / LABEL - round(station / LABEL)) * LABEL < AWAY
            half = 1.4 if large else 0.7
            self.paper.clipped("tick", np.array([at - half * across, at + half * across]), PLAN)
            if not large:
                continue
            places = []
            for off in (2.2, 4.0, 6.0, 9.0):
                for side in (-1.0, 1.0):
                    px, py = at + side * off * across
                    way = bearing + side * pi / 2
                    turn = _upright(way)
                    anchor = "start" if cos(way - turn) > 0 else "end"
                    places.append((float(px), float(py), turn, anchor))
            places += list(about_point(x, y))
            self.labels.put("chainage", [text(station)], places, bold=True)

    def equal(self) -> None:
        """Mark station equations."""
        for at, behind, ahead in self.equations:
            x, y, bearing = self.pose(at)
            across = np.array([-sin(bearing), cos(bearing)])
            line = np.array([(x, y)]) + 4 * np.array([-across, across])
            self.paper.clipped("equation", line, PLAN)
            self.labels.take(_dense(line))
            words = [f"STA. EQUATION {exact(behind)} BACK", f"= {exact(ahead)} AHEAD"]
            self.named("equation", words, (x, y))

    def polygon(self) -> None:
        """Draw tangents to the PIs, and mark PIs and tangent points."""
        window = (self.begin, self.end)
        ring = np.linspace(0, 2 * pi, 13)
        circle = 0.5 * np.column_stack((np.cos(ring), np.sin(ring)))
        for _, curve in self.curves:
            pair = [self.whole.pose(s)[:2] for s in (curve.start, curve.end)]
            ends = self.place(np.array(pair))
            (corner,) = self.place(np.array([curve.pi]))
            self.paper.clipped("polygon", np.vstack((ends[0], corner, ends[1])), PLAN)
            for s, at in zip((curve.start, curve.end), ends, strict=True):
                if touches(s, s, window):
                    self.paper.clipped("point", at + circle, PLAN)
            for s in curve.tangent_points:
                if touches(s, s, window) and min(s - curve.start, curve.end - s) > AWAY:
                    x, y, bearing = self.pose(s)
                    across = 0.6 * np.array([-sin(bearing), cos(bearing)])
                    self.paper.clipped(
                        "point", np.array([(x, y)]) + np.array([-across, across]), PLAN
                    )
        corners = [(i, c, self.place(np.array([c.pi]))[0]) for i, c in self.curves]
        shown = [each for each in corners if _inside(each[2], PLAN, 1.0)]
        triangle = 0.9 * np.column_stack((np.sin(ring[::4]), np.cos(ring[::4])))
        for _, _, at in shown:
            self.paper.line("outline", at + triangle)
            self.labels.take(at + triangle)
        for number, curve, at in shown:
            words = [f"PI {number} R={curve.radius:.0f}"]
            self.named("pi", words, (float(at[0]), float(at[1])))

    def crosses(self) -> None:
        """Draw the crosses of the coordinate grid, with what coordinates they have."""
        left, bottom, right, top = self.view().bounds
        for east in np.arange(ceil(left / GRID), floor(right / GRID) + 1) * GRID:
            for north in np.arange(ceil(bottom / GRID), floor(top / GRID) + 1) * GRID:
                (at,) = self.place(np.array([[east, north]]))
                if not _inside(at, PLAN, 3.0):
                    continue
                for way in (-self.turn, pi / 2 - self.turn):
                    arm = 2.0 * np.array([cos(way), sin(way)])
                    self.paper.line("cross", np.array([at - arm, at + arm]))
                words = [f"E {east:.0f}", f"N {north:.0f}"]
                x, y = float(at[0]), float(at[1])
                places = [
                    (x + dx, y + dy, 0.0, "start" if dx > 0 else "end")
                    for dx in (2.4, -2.4)
                    for dy in (2.6, -2.6)
                ]
                self.labels.put("grid", words, places, size=TINY, crowded=False)

    # ---------------------------------------------------------------- profile

    def x(self, s: float) -> float:
        """Place along the profile of a distance [mm]."""
        return STRIP + (s - self.begin) / ALONG

    def panels(self) -> list[_Panel]:
        """Parts of the profile, each with a datum above which its grade line has room."""
        grades = self.whole.grades
        s = steps(grades, self.begin, self.end, chord=CHORD)
        s = np.unique(np.concatenate((s, [at for at, _ in self.ticks])))
        s = s[(s >= self.begin) & (s <= self.end)]
        level = grades.at(s)
        ticks = np.array([at for at, _ in self.ticks])
        even = (np.abs(s[:, None] - ticks) < AWAY).any(axis=1)
        room = UP * (TOP - BOTTOM - LOW - HIGH) - DATUMS
        cuts = _cut(level, room, even)
        for share in np.arange(0.5, 1.0, 0.05):  # parts as even as their number allows
            tighter = _cut(level, share * room, even)
            if len(tighter) == len(cuts):
                cuts = tighter
                break
        return [
            _Panel(float(s[i]), float(s[j]), self.datum(s[i], s[j], level[i : j + 1]))
            for i, j in pairwise(cuts)
        ]

    def datum(self, begin: float, end: float, level: Points) -> float:
        """Datum that shows a grade line and as much as possible of ground and water."""
        least = float(level.max()) - UP * (TOP - BOTTOM - HIGH)
        most = float(level.min()) - UP * LOW
        data = DATUMS * np.arange(ceil(least / DATUMS), floor(most / DATUMS) + 1)
        if not len(data):  # the grade line is too steep for any: its middle is shown
            return DATUMS * floor((least + most) / 2 / DATUMS)
        shown = []
        for line in (self.road.ground, self.road.water):
            near = (line[:, 0] >= begin) & (line[:, 0] <= end) & np.isfinite(line[:, 1])
            shown.append(line[near, 1])
        around = np.concatenate(shown)
        seen = [
            int(((around >= datum) & (around <= datum + UP * (TOP - BOTTOM - HIGH / 2))).sum())
            for datum in data
        ]
        middle = (least + most) / 2
        best = max(range(len(data)), key=lambda i: (seen[i], -abs(data[i] - middle)))
        return float(data[best])

    def profile(self) -> None:
        """Draw the profile."""
        paper = self.paper
        right = self.x(self.end)
        paper.box("outline", (STRIP, BOTTOM, right, TOP))
        paper.write(
            "heading",
            "PROFILE 1:10,000 / 1:1,000",
            ((STRIP + END) / 2, TOP + 2.8),
            anchor="middle",
            bold=True,
        )
        for s, last, other in ((self.begin, False, self.number), (self.end, True, self.number + 2)):
            if 1 <= other <= self.whole.count:
                words = f"MATCH LINE {self.station(s, last=last)}, SHEET {other}"
                x, anchor = (END, "end") if last else (STRIP, "start")
                paper.write("match", words, (x, TOP + 2.8), anchor=anchor, bold=True)
        for i in range(3):  # a bar that tells when a print has been scaled
            x = 24.0 + 10.0 * i
            paper.line("outline", [(x, TOP + 1.6), (x, TOP + 2.8)])
            words = f"{10 * ALONG * i:.0f}" + (" m" if i == 2 else "")
            paper.write("bar", words, (x, TOP + 4.2), size=1.5, anchor="middle")
        paper.line("outline", [(24.0, TOP + 1.6), (44.0, TOP + 1.6)])
        for s, _ in self.ticks:
            paper.line("grid", [(self.x(s), BOTTOM), (self.x(s), TOP)])
        panels = self.panels()
        for number, panel in enumerate(panels):
            self.panel(panel, number)
        for one in panels[1:]:
            self.broken(one)
        self.flags(panels)
        for at, behind, ahead in self.equations:
            x = self.x(at)
            paper.line("equation", [(x, BOTTOM), (x, BOTTOM + 22)])
            words = f"STA. EQ. {text(behind)} = {text(ahead)}"
            side = -1.6 if x > END - 4 else 1.6
            paper.write("equation", words, (x + side, BOTTOM + 1), size=TINY, turn=pi / 2)

    def panel(self, panel: _Panel, number: int) -> None:
        """Draw a part of the profile."""
        paper, grades = self.paper, self.whole.grades
        left, right = self.x(panel.begin), self.x(panel.end)
        box = (left, BOTTOM, right, TOP)

        def placed(line: Points) -> Points:
            return np.column_stack(
                (
                    STRIP + (line[:, 0] - self.begin) / ALONG,
                    BOTTOM + (line[:, 1] - panel.datum) / UP,
                )
            )

        self.levels(panel, number)
        s = steps(grades, panel.begin, panel.end, chord=CHORD)
        grade = placed(np.column_stack((s, grades.at(s))))
        for each in self.structures:
            begin, end = max(each.part.start, panel.begin), min(each.part.end, panel.end)
            if end - begin > AWAY:
                own = steps(grades, begin, end, chord=CHORD)
                top = placed(np.column_stack((own, grades.at(own))))
                self.structure(each.part.form, top, box)
        for kind, line in (("ground", self.road.ground), ("water", self.road.water)):
            for run in runs(line):
                paper.clipped(kind, placed(run), box)
        for words, at in self.water_levels(panel):
            paper.write("water", words, at, anchor="middle", size=TINY)
        polygon = np.column_stack((grades.chainage, grades.level))
        paper.clipped("tangents", placed(polygon), box)
        for part in within(grade, box):
            paper.line("grade", part)

    def levels(self, panel: _Panel, number: int) -> None:
        """Draw the grid of levels of a part of the profile, and write its datum."""
        paper = self.paper
        left, right = self.x(panel.begin), self.x(panel.end)
        for level in np.arange(panel.datum, panel.datum + UP * (TOP - BOTTOM) + 1e-6):
            if level % RISE:
                continue
            y = BOTTOM + (level - panel.datum) / UP
            paper.line("grid", [(left, y), (right, y)])
            if number == 0 and y > BOTTOM + 4:
                paper.write("level", f"{level:.0f}", (STRIP - 1.5, y), anchor="end")
            elif number and BOTTOM + 5 < y < TOP - HIGH:
                paper.write("level", f"{level:.0f}", (left + 1.2, y), size=TINY)
        words = f"DATUM {panel.datum:.2f}"
        if number == 0:
            paper.write("datum", words, (STRIP - 1.5, BOTTOM + 1.2), anchor="end", bold=True)
        else:
            paper.write("datum", words, (left + 1.2, BOTTOM + 2.2), bold=True)

    def water_levels(self, panel: _Panel) -> list[tuple[str, tuple[float, float]]]:
        """Words for the level of each long stretch of water, and their places."""
        out = []
        for run in runs(self.road.water):
            near = run[(run[:, 0] >= panel.begin) & (run[:, 0] <= panel.end)]
            if len(near) < 2 or np.ptp(near[:, 0]) < 150.0:
                continue
            s, level = near[len(near) // 2]
            y = BOTTOM + (level - panel.datum) / UP + 1.5
            x = min(max(self.x(s), STRIP + 9), END - 9)
            if BOTTOM + 1 < y < TOP - HIGH:
                out.append((f"WL {level:.2f}", (x, y)))
        return out

    def structure(self, form: str, top: Points, box: Box) -> None:
        """Draw a deck below the grade line, or a tube above it."""
        thick = -1.8 if form == "bridge" else 6.0
        other = top[::-1] + np.array([0.0, thick])
        ring = np.vstack((top, other, top[:1]))
        low, high = ring.min(axis=0), ring.max(axis=0)
        if low[1] < box[1] or high[1] > box[3]:
            return
        self.paper.line("deck" if form == "bridge" else "tube", ring)
        self.paper.line(form, ring)
        # hatched, so that it is told apart without colours
        along = np.arange(top[0, 0], top[-1, 0], 2.0 if form == "bridge" else 3.0)
        y = np.interp(along, *top.T)
        for x, level in zip(along[1:], y[1:], strict=True):
            lean = 0.0 if form == "bridge" else 1.5
            self.paper.clipped(
                "rule", np.array([(x - lean, level), (x, level + thick)]), (low[0], *box[1:])
            )

    def broken(self, panel: _Panel) -> None:
        """Draw the line at which the datum changes."""
        x = self.x(panel.begin)
        y = np.linspace(BOTTOM, TOP - 32, 33)
        zigzag = np.column_stack((x + 0.5 * np.where(np.arange(33) % 2, 1, -1), y))
        zigzag[[0, -1], 0] = x
        self.paper.line("break", zigzag)
        self.paper.write("break", "DATUM SHIFT", (x - 1.8, BOTTOM + 1.5), size=TINY, turn=pi / 2)

    def flags(self, panels: Sequence[_Panel]) -> None:
        """Write chainage, level and parabola of PVIs above the grade line."""
        own = [(i, p) for i, p in self.pvis if self.begin - AWAY <= p.at <= self.end + AWAY]
        places = spread([self.x(p.at) for _, p in own], 6.2, STRIP + 3.2, self.x(self.end) - 3.2)
        base = TOP - 31.0
        for (number, pvi), x in zip(own, places, strict=True):
            panel = next((p for p in panels if p.begin <= pvi.at <= p.end), panels[-1])
            at = self.x(pvi.at), BOTTOM + (pvi.level - panel.datum) / UP
            if BOTTOM <= at[1] <= base - 3:
                ring = np.linspace(0, 2 * pi, 13)
                circle = 0.6 * np.column_stack((np.cos(ring), np.sin(ring)))
                self.paper.clipped("outline", at + circle, (STRIP, BOTTOM, END, TOP))
                self.paper.line("flag", [at, (at[0], base - 2.5), (x, base), (x, TOP)])
            else:
                self.paper.line("flag", [(at[0], base - 2.5), (x, base), (x, TOP)])
            one = f"PVI {number} {exact(float(stations(self.road, pvi.at)))}"
            two = f"{pvi.level:.2f}"
            if isfinite(pvi.k):
                two += f" L={pvi.curve:.0f} K={pvi.k:.1f}"
            wide = max(width_of(words, TINY + 0.2) for words in (one, two))
            self.paper.box("halo", (x - 2.4, base, x + 2.6, base + wide + 2))
            for words, off in ((one, -1.3), (two, 1.5)):
                self.paper.write(
                    "pvi", words, (float(x) + off, base + 1), size=TINY + 0.2, turn=pi / 2
                )

    # ---------------------------------------------------------------- rows under the profile

    def bands(self) -> None:
        """Draw the rows under the profile."""
        paper = self.paper
        right = self.x(self.end)
        rows = (
            ("Structures", 5.0),
            ("Grades", 6.5),
            ("Height (+ fill, - cut) [m]", 4.6),
            ("Grade line [m]", 4.6),
            ("Ground [m]", 4.6),
            ("Chainage", 4.6),
            ("Curves (left up)", 7.6),
        )
        edges, y = {}, BOTTOM
        far = right + 4.8  # figures stand across the ends of the strip
        for name, height in rows:
            y -= height
            edges[name] = (y, y + height)
            paper.line("rule", [(22.0, y), (far, y)])
        paper.box("outline", (22.0, y, far, BOTTOM))
        for name in ("Structures", "Grades", "Curves (left up)"):  # elsewhere are figures
            for x in (STRIP, right):
                paper.line("outline", [(x, edges[name][0]), (x, edges[name][1])])
        for name, (low, high) in edges.items():
            paper.write("row", name, (23.0, (low + high) / 2), size=TINY + 0.1)
        self.figures({name: sum(edge) / 2 for name, edge in edges.items()})
        self.structure_band(*edges["Structures"])
        self.grade_band(*edges["Grades"])
        self.curve_band(*edges["Curves (left up)"])

    def figures(self, rows: Mapping[str, float]) -> None:
        """Write chainages and levels at every 100 m."""
        ground = self.road.ground
        s = np.array([at for at, _ in self.ticks])
        level = self.whole.grades.at(s)
        under = (
            np.interp(s, ground[:, 0], ground[:, 1], left=np.nan, right=np.nan)
            if len(ground)
            else np.full(len(s), np.nan)
        )
        bottom = rows["Curves (left up)"] + 3.8
        last = -1e9
        for (at, station), z, earth in zip(self.ticks, level, under, strict=True):
            x = self.x(at)
            self.paper.line("rule", [(x, bottom), (x, bottom + 0.8)])
            if x - last < 9.4:
                continue
            last = x
            figures = {"Chainage": text(station), "Grade line [m]": f"{z:.2f}"}
            if np.isfinite(earth):
                figures["Ground [m]"] = f"{earth:.2f}"
                figures["Height (+ fill, - cut) [m]"] = f"{z - earth:+.2f}"
            for row, words in figures.items():
                size = TINY + 0.4
                self.paper.write("figure", words, (x, rows[row]), size=size, anchor="middle")

    def cell(self, begin: float, end: float) -> tuple[float, float]:
        return self.x(max(begin, self.begin)), self.x(min(end, self.end))

    def choose(
        self, kind: str, options: Sequence[str], left: float, right: float, y: float
    ) -> None:
        """Write the first text that fits into a cell."""
        for words in options:
            if width_of(words, TINY + 0.2) < right - left - 0.8:
                at = ((left + right) / 2, y)
                self.paper.write(kind, words, at, size=TINY + 0.2, anchor="middle")
                return

    def structure_band(self, low: float, high: float) -> None:
        """Draw structures from end to end."""
        for each in self.structures:
            left, right = self.cell(each.part.start, each.part.end)
            box = (left, low + 0.5, right, high - 0.5)
            self.paper.box("deck" if each.part.form == "bridge" else "tube", box)
            self.paper.box("rule", box)
            words = (f"{each.mark} {each.words}", each.mark)
            self.choose("structure", words, left, right, (low + high) / 2)

    def grade_band(self, low: float, high: float) -> None:
        """Draw grades between PVIs."""
        for (_, one), (_, other) in pairwise(self.pvis_around):
            if not touches(one.at, other.at, (self.begin, self.end)):
                continue
            left, right = self.cell(one.at, other.at)
            ends = (low, high) if one.after >= 0 else (high, low)
            self.paper.line("grid", [(left, ends[0]), (right, ends[1])])
            self.paper.line("rule", [(right, low), (right, high)])
            grade = f"{100 * one.after:+.2f}"
            words = (f"{grade} % {other.at - one.at:.1f} m", f"{grade} %", grade)
            self.choose("slope", words, left, right, (low + high) / 2)

    def curve_band(self, low: float, high: float) -> None:
        """Draw the curvature: left curves above the middle, right ones below."""
        middle, half = (low + high) / 2, (high - low) / 2 - 1.0
        line = [(self.begin, 0.0)]
        for _, curve in self.curves:
            side = half if curve.deflection > 0 else -half
            first, last = curve.tangent_points
            line += [(curve.start, 0.0), (first, side), (last, side), (curve.end, 0.0)]
        line.append((self.end, 0.0))
        points = np.array([(self.x(s), middle + y) for s, y in line])
        self.paper.clipped("curvature", points, (STRIP, low, self.x(self.end), high))
        for number, curve in self.curves:
            left, right = self.cell(curve.start, curve.end)
            y = middle + (-1.7 if curve.deflection > 0 else 1.7)  # where the line is not
            radius = f"R={curve.radius:.0f}"
            options = (f"PI {number} {radius}", radius, f"{curve.radius:.0f}", f"{number}")
            self.choose("radius", options, left, right, y)


def _rotation(turn: float) -> Points:
    """Matrix that turns rows of places clockwise by an angle [rad], shape (2, 2)."""
    c, s = cos(turn), sin(turn)
    return np.array([[c, -s], [s, c]])


def _cut(level: Points, room: float, even: NDArray[np.bool_]) -> list[int]:
    """Places that cut a line into parts of no more height than there is room for, both ends too."""
    cuts = [0]
    while cuts[-1] < len(level) - 1:
        first = cuts[-1]
        rise = np.maximum.accumulate(level[first:]) - np.minimum.accumulate(level[first:])
        last = first + max(int(np.searchsorted(rise, room, side="right")) - 1, 1)
        if last < len(level) - 1:  # rather at a round chainage
            last = max((i for i in range(first + 1, last + 1) if even[i]), default=last)
        cuts.append(last)
    return cuts


def _dense(line: Points, apart: float = 0.6) -> Points:
    """Points along a line, no farther apart than a distance [mm]."""
    legs = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(legs)))
    wanted = np.linspace(0.0, along[-1], ceil(along[-1] / apart) + 2)
    return np.column_stack([np.interp(wanted, along, line[:, i]) for i in (0, 1)])


def _inside(at: Points, box: Box, margin: float) -> bool:
    return bool(
        box[0] + margin < at[0] < box[2] - margin and box[1] + margin < at[1] < box[3] - margin
    )


def _upright(turn: float) -> float:
    """Direction of a text, or the opposite one where it would stand upside down [rad]."""
    turn = (turn + pi) % (2 * pi) - pi
    if turn > pi / 2 + 1e-9:
        return turn - pi
    return turn + pi if turn <= -pi / 2 + 1e-9 else turn


# -------------------------------------------------------------------- tables, legend and title


@dataclass(frozen=True, slots=True)
class _Grid:
    """A table of a sheet."""

    kind: str
    title: str
    heads: tuple[str, ...]
    shares: tuple[float, ...]
    rows: list[tuple[str, ...]]


class _Tables:
    """What stands beside plan and profile."""

    def __init__(self, page: _Page) -> None:
        self.page, self.paper = page, page.paper

    def drawn(self) -> None:
        """Write tables, legend and title block."""
        grids = [self.curves(), self.grades(), self.structures()]
        grids = [grid for grid in grids if grid.rows]
        _stacked(self.paper, grids, COLUMN[3], LEGEND + 2)
        _legend(self.paper, LEGEND_OF_SHEETS, (COLUMN[0], TITLE + 2, COLUMN[2], LEGEND))
        page = self.page
        begin = page.station(page.begin)
        end = page.station(page.end, last=True)
        _title(
            self.paper,
            page.about,
            road=page.road,
            what="PLAN AND PROFILE",
            number=f"{page.number + 1} of {page.whole.count}",
            stretch=f"{begin} to {end}",
            scales="Plan 1:10,000; profile 1:10,000 / 1:1,000 (A3)",
        )

    def curves(self) -> _Grid:
        page = self.page
        rows: list[tuple[str, ...]] = []
        for number, curve in page.curves:
            turn = abs(curve.deflection) * 180 / pi
            side = "L" if curve.deflection > 0 else "R"
            rows.append(
                (
                    str(number),
                    page.station(curve.start),
                    page.station(curve.end, last=True),
                    f"{_dms(turn)} {side}",
                    f"{curve.radius:.2f}",
                    _pair(*curve.clothoids),
                    _pair(*curve.tangents),
                    f"{curve.length:.2f}",
                    f"{curve.pi[0]:.2f}",
                    f"{curve.pi[1]:.2f}",
                )
            )
        heads = (
            "PI",
            "TC",
            "CT",
            "Deflection",
            "R [m]",
            "Clothoids [m]",
            "Tangents [m]",
            "L [m]",
            "E of PI [m]",
            "N of PI [m]",
        )
        shares = (5.5, 16.5, 16.5, 17.0, 11.0, 19.0, 22.0, 11.5, 15.5, 17.5)
        return _Grid("curve", "CURVE TABLE", heads, shares, rows)

    def grades(self) -> _Grid:
        rows: list[tuple[str, ...]] = []
        for number, pvi in self.page.pvis:
            curved = isfinite(pvi.k)
            rows.append(
                (
                    str(number),
                    self.page.station(pvi.at),
                    f"{pvi.level:.2f}",
                    _percent(pvi.before),
                    _percent(pvi.after),
                    f"{pvi.curve:.2f}" if curved else "-",
                    f"{pvi.k:.2f}" if curved else "-",
                    f"{pvi.radius:.0f}" if curved else "-",
                    "-" if not curved else "sag" if pvi.after > pvi.before else "crest",
                )
            )
        heads = (
            "PVI",
            "Chainage",
            "Level [m]",
            "Grade in [%]",
            "Grade out [%]",
            "Curve length [m]",
            "K [m/%]",
            "R [m]",
            "Form",
        )
        shares = (8.0, 20.0, 18.0, 19.0, 19.0, 23.0, 16.0, 16.0, 13.0)
        return _Grid("grade", "GRADE TABLE", heads, shares, rows)

    def structures(self) -> _Grid:
        page = self.page
        rows: list[tuple[str, ...]] = [
            (
                each.mark,
                each.words,
                page.station(each.part.start),
                page.station(each.part.end, last=True),
                f"{each.part.length:.2f}",
            )
            for each in page.structures
        ]
        heads = ("No", "Structure", "From", "To", "Length [m]")
        return _Grid("list", "STRUCTURES", heads, (10.0, 72.0, 25.0, 25.0, 20.0), rows)


def _dms(degrees: float) -> str:
    """Write an angle in degrees, minutes and seconds."""
    seconds = round(degrees * 3600)
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}'{seconds % 60:02d}\""


def _pair(one: float, other: float) -> str:
    """Write two lengths, or one where they are equal."""
    if abs(one - other) < 0.005:
        return f"{one:.2f}" if one > 0.005 else "-"
    return f"{one:.2f} / {other:.2f}"


def _percent(grade: float) -> str:
    return f"{100 * grade:+.3f}" if isfinite(grade) else "-"


def _stacked(paper: Paper, grids: Sequence[_Grid], top: float, bottom: float) -> None:
    """Draw tables one under another, with rows as high as there is room for."""
    lines = sum(len(grid.rows) + 2 for grid in grids) + len(grids) - 1
    pitch = min(PITCH, (top - bottom) / max(lines, 1))
    y = top
    for grid in grids:
        _table(paper, grid, y, pitch, (COLUMN[0], COLUMN[2]))
        y -= (len(grid.rows) + 3) * pitch


def _table(paper: Paper, grid: _Grid, top: float, pitch: float, sides: tuple[float, float]) -> None:
    left, right = sides
    edges = left + (right - left) * np.cumsum((0.0, *grid.shares)) / sum(grid.shares)
    size = min(SMALL, 0.62 * pitch)
    paper.write("heading", grid.title, (left, top - pitch / 2), size=1.15 * size, bold=True)
    low = top - (len(grid.rows) + 2) * pitch
    paper.box("cell", (left, top - 2 * pitch, right, top - pitch))
    paper.box("outline", (left, low, right, top - pitch))
    for x in edges[1:-1]:
        paper.line("rule", [(x, low), (x, top - pitch)])
    for i, row in enumerate((grid.heads, *grid.rows)):
        y = top - (i + 1.5) * pitch
        if i:
            paper.line("rule", [(left, y + pitch / 2), (right, y + pitch / 2)])
        for j, words in enumerate(row):
            x0, x1 = edges[j] + 0.5, edges[j + 1] - 0.5
            first = words == grid.rows[i - 1][1] and grid.kind == "list" and i > 0 and j == 1
            at, anchor = ((x0, y), "start") if first else (((x0 + x1) / 2, y), "middle")
            kind = f"{grid.kind}-head" if i == 0 else f"{grid.kind}-{j}"
            paper.fitted(kind, words, at, x1 - x0, size=size, anchor=anchor, bold=i == 0)


LEGEND_OF_SHEETS = (
    ("axis", "Centre line"),
    ("beyond", "Centre line on other sheets"),
    ("existing", "Existing road"),
    ("shore", "Water line, water level (WL)"),
    ("polygon", "Tangents to PI and PVI"),
    ("match", "Match line"),
    ("grade", "Grade line"),
    ("ground", "Ground under the centre line"),
    ("bridge", "Bridge (B), height not to scale"),
    ("tunnel", "Tunnel (T), height not to scale"),
    ("equation", "Station equation"),
    ("break", "Datum shift of the profile"),
    ("pi", "PI, corner of tangents"),
    ("point", "Tangent points TC, CT"),
    ("cross", "Coordinate grid, 500 m"),
)
"""Pens and what they mean on plan-and-profile sheets."""

LEGEND_OF_HAULS = (
    ("haul", "Mass haul: rising in cut, falling in fill"),
    ("cut", "Earth in hand, carried ahead"),
    ("fill", "Earth wanting, carried back or borrowed"),
)


def _legend(paper: Paper, entries: Sequence[tuple[str, str]], box: Box) -> None:
    left, bottom, right, top = box
    paper.box("outline", box)
    paper.write("heading", "LEGEND", (left + 1.5, top - 2.4), bold=True, size=TINY + 0.3)
    per = ceil(len(entries) / 3)
    pitch = (top - bottom - 5.0) / max(per, 1)
    pitch = min(pitch, 5.0)
    for i, (pen, words) in enumerate(entries):
        x = left + 2 + (i // per) * (right - left) / 3
        y = top - 4.6 - (i % per + 0.5) * pitch
        _sample(paper, pen, x, y)
        paper.write("legend", words, (x + 13.0, y), size=TINY + 0.1)


def _sample(paper: Paper, pen: str, x: float, y: float) -> None:
    """Draw what stands in the legend for a pen."""
    ring = np.linspace(0, 2 * pi, 13)
    if pen == "pi":
        corners = 0.9 * np.column_stack((np.sin(ring[::4]), np.cos(ring[::4])))
        paper.line("outline", corners + np.array([x + 5, y]))
    elif pen == "point":
        paper.line(pen, 0.5 * np.column_stack((np.cos(ring), np.sin(ring))) + np.array([x + 5, y]))
        paper.line("axis", [(x + 1, y), (x + 9, y)])
    elif pen == "cross":
        paper.line(pen, [(x + 3, y), (x + 7, y)])
        paper.line(pen, [(x + 5, y - 1.6), (x + 5, y + 1.6)])
    elif pen in {"bridge", "tunnel"}:
        paper.box("deck" if pen == "bridge" else "tube", (x, y - 0.9, x + 10, y + 0.9))
        paper.box(pen, (x, y - 0.9, x + 10, y + 0.9))
    elif pen == "break":
        zigzag = [(x + 1 + i, y + (0.5 if i % 2 else -0.5)) for i in range(9)]
        paper.line(pen, zigzag)
    elif PENS[pen].filled:
        paper.box(pen, (x, y - 1.2, x + 10, y + 1.2))
    else:
        paper.line(pen, [(x, y), (x + 10, y)])


def _title(
    paper: Paper,
    about: About,
    *,
    road: Stationed,
    what: str,
    number: str,
    stretch: str,
    scales: str,
) -> None:
    """Draw the title block."""
    left, bottom, right, _ = COLUMN
    top = TITLE
    paper.box("outline", (left, bottom, right, top))
    middle = left + 0.62 * (right - left)
    heights = (top, top - 9.5, top - 19.5, top - 27.0, top - 34.5, bottom)
    for y in heights[1:-1]:
        paper.line("outline", [(left, y), (right, y)])
    paper.line("outline", [(middle, heights[1]), (middle, heights[4])])

    def field_(
        name: str,
        words: str,
        x: float,
        y: float,
        room: float,
        size: float = NORMAL,
        *,
        bold: bool = False,
    ) -> None:
        paper.write("field", name, (x + 1.2, y - 1.8), size=1.5)
        paper.fitted(
            name.lower().replace(" ", "-"),
            words,
            (x + 1.2, y - 5.2),
            room - 2.4,
            size=size,
            bold=bold,
        )

    wide, rest = middle - left, right - middle
    field_("PROJECT", about.title, left, heights[0], right - left, LARGE * 0.9, bold=True)
    field_("ROAD", road.name, left, heights[1], wide, 3.2, bold=True)
    if road.description:
        paper.fitted(
            "description", road.description, (left + 1.2, heights[2] + 1.6), wide - 2.4, size=TINY
        )
    field_("DRAWING", what, middle, heights[1], rest, 2.8, bold=True)
    field_("CHAINAGE", stretch, left, heights[2], wide, bold=True)
    field_("SHEET", number, middle, heights[2], rest, 3.2, bold=True)
    field_("SCALES", scales, left, heights[3], wide)
    code = about.crs.to_epsg()
    system = f"{about.crs.name} (EPSG:{code})" if code else about.crs.name
    field_("REFERENCE SYSTEM", system, middle, heights[3], rest, SMALL)
    half = left + 0.7 * (right - left)
    paper.write("field", "VERTICAL DATUM AND LEVELS", (left + 1.2, heights[4] - 1.8), size=1.5)
    paper.wrapped(
        "levels",
        f"{about.datum}. {about.levels}",
        (left + 1.2, heights[4] - 4.6),
        half - left - 2.4,
        lines=3,
        size=TINY + 0.2,
    )
    paper.line("outline", [(half, bottom), (half, heights[4])])
    paper.write(
        "warning",
        "FOR PLANNING,",
        ((half + right) / 2, heights[4] - 3.6),
        size=2.8,
        anchor="middle",
        bold=True,
    )
    paper.write(
        "warning",
        "NOT FOR CONSTRUCTION",
        ((half + right) / 2, heights[4] - 8.0),
        size=2.8,
        anchor="middle",
        bold=True,
    )


# -------------------------------------------------------------------- mass haul

SCALES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 1000)
"""Scales along a mass-haul diagram, in thousands."""
UNITS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Volumes of a millimetre up, over powers of ten."""
HAUL: Box = (44.0, 100.0, 404.0, 276.0)
"""Window of the diagram."""


def _diagram(road: Stationed, haul: MassHaul, about: About, name: str) -> Sheet:
    """Draw the mass-haul diagram of a road."""
    paper = Paper(name, f"{road.name}, mass haul")
    left, bottom, right, top = HAUL
    length = road.alignment.length
    scale = next((k for k in SCALES if length / k <= right - left), ceil(length / (right - left)))
    end = left + length / scale
    ordinate = np.concatenate(([0.0], haul.ordinate[np.isfinite(haul.ordinate)]))
    step = _round_step(float(np.ptp(ordinate)), 8)
    low, high = floor(float(ordinate.min()) / step), ceil(float(ordinate.max()) / step)
    high = max(high, low + 1)
    unit = _round_step((high - low) * step, floor(top - bottom), UNITS)
    tall = 1 / unit
    top = bottom + (high - low) * step * tall

    def x(s: float) -> float:
        return left + s / scale

    def y(volume: float) -> float:
        return bottom + (volume - low * step) * tall

    window = (left, bottom, end, top)
    paper.box("outline", window)
    zero = y(0.0)
    for i in range(low, high + 1):
        paper.line("grid", [(left, y(i * step)), (end, y(i * step))])
        words = f"{i * step:,.0f}"
        paper.write("level", words, (left - 1.5, y(i * step)), anchor="end")
    paper.line("outline", [(left, zero), (end, zero)])
    apart = _round_step(length, 20)
    for at, station in zip(*marked(road, apart), strict=True):
        paper.line("grid", [(x(at), bottom), (x(at), top)])
        paper.write("chainage", text(station), (x(at), bottom - 3), anchor="middle")
    for at, behind, ahead in road.equations:
        paper.line("equation", [(x(at), bottom), (x(at), bottom + 6)])
        words = f"{text(behind)} = {text(ahead)}"
        paper.write("equation", words, (x(at) + 1.4, bottom + 1), size=TINY, turn=pi / 2)
    for run in runs(np.column_stack((haul.distance, haul.ordinate))):
        line = np.column_stack((left + run[:, 0] / scale, zero + run[:, 1] * tall))
        ends = line[[0, -1], 0]
        for kind, part in (
            ("cut", np.maximum(line[:, 1], zero)),
            ("fill", np.minimum(line[:, 1], zero)),
        ):
            upper = np.column_stack((line[:, 0], part))
            corner = np.array([[ends[0], zero]])
            paper.line(kind, np.vstack((corner, upper, [[ends[1], zero]], corner)))
        paper.line("haul", line)
    paper.write("heading", "MASS-HAUL DIAGRAM", (left, top + 6), size=3.2, bold=True)
    ordinates = "Cut less fill from the start of the road [m³ of fill]"
    paper.write("unit", ordinates, (left, top + 2.2))
    _sites(paper, road, haul, x, y)
    _legend(paper, LEGEND_OF_HAULS, (COLUMN[0], TITLE + 2, COLUMN[2], TITLE + 13))
    _title(
        paper,
        about,
        road=road,
        what="MASS-HAUL DIAGRAM",
        number="1 of 1",
        stretch=f"{exact(road.start)} to {exact(float(stations(road, length)))}",
        scales=f"1:{scale * 1000:,} along; 1 mm = {unit:,g} m³ (A3)",
    )
    return paper.sheet


def _sites(
    paper: Paper,
    road: Stationed,
    haul: MassHaul,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> None:
    """Mark borrow pits and spoil tips in the diagram, and list them below."""
    known = np.isfinite(haul.ordinate)
    sites = sorted(haul.sites)
    rows: list[tuple[str, ...]] = []
    for number, (at, borrowed, wasted) in enumerate(sites, start=1):
        level = np.interp(at, haul.distance[known], haul.ordinate[known]) if known.any() else 0.0
        place = np.array([x(at), y(float(level))])
        ring = np.linspace(0, 2 * pi, 13)
        paper.line("outline", place + 0.9 * np.column_stack((np.cos(ring), np.sin(ring))))
        high = min(place[1] + 5, HAUL[3] - 3)
        paper.line("flag", np.array([place, (place[0], high - 1.2)]))
        paper.write("site", f"S{number}", (place[0], high), anchor="middle", bold=True)
        station = exact(float(stations(road, at)))
        rows.append((f"S{number}", station, f"{borrowed:,.0f}", f"{wasted:,.0f}"))
    heads = ("Site", "Chainage", "Borrowed [m³]", "Wasted [m³]")
    total = ("All", "", f"{sum(s[1] for s in sites):,.0f}", f"{sum(s[2] for s in sites):,.0f}")
    per = 22
    for i in range(0, max(len(rows), 1), per):
        last = i + per >= len(rows)
        own = [*rows[i : i + per], total] if last else rows[i : i + per]
        left = FRAME[0] + 4 + (i // per) * 76.0
        grid = _Grid("site", "BORROW PITS AND SPOIL TIPS", heads, (10.0, 22.0, 20.0, 20.0), own)
        pitch = min(PITCH, (HAUL[1] - 8 - FRAME[1] - 2) / (per + 3))
        _table(paper, grid, HAUL[1] - 8, pitch, (left, left + 72.0))


def _round_step(span: float, count: int, shares: Sequence[float] = (1.0, 2.0, 5.0)) -> float:
    """Round number, a share of a power of ten, of which a span holds no more than a count."""
    raw = max(span, 1.0) / count
    power = float(10.0 ** floor(log10(raw)))
    share: float = next((k for k in shares if power * k >= raw * (1 - 1e-9)), 10.0)
    return power * share
