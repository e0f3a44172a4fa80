"""
Roads as a DXF drawing: the plan in the study's coordinates, and a profile sheet for each road.

All of it is in model space, in metres, for plots at 1:10,000: texts are 1.2 to 2.5 mm high on
such a plot. The plan stands where the road is. Profile sheets are drawn below (south of) the whole
plan, one under another, with levels stretched tenfold (1:10,000 / 1:1,000). A point of a profile
reads back as

    chainage = CHAINAGE + x - left,    level = DATUM + (y - bottom) / 10

with left and bottom those of the sheet's frame (layer `PROFILE-FRAME`), and CHAINAGE and DATUM the
texts of those names beside it. What the layers hold is told by `LAYERS`, and in the drawing by
their descriptions. Tangents are lines, arcs are arcs, and clothoids, of which the format knows
nothing, polylines whose chords keep within a millimetre.

The same roads give the same bytes: the drawing holds no date and no random identifier.

ezdxf makes the drawing but for the entities of its model space. There are tens of thousands of six
kinds, and objects whose attributes it keeps and checks one by one take it longer than all the rest
of the file; `_Space` writes them as text.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import atan, ceil, cos, degrees, floor, hypot, pi, sin

import numpy as np
from ezdxf import options  # type: ignore[attr-defined]  # its documented name
from ezdxf.document import Drawing
from ezdxf.filemanagement import new
from numpy.typing import NDArray
from pyproj import CRS

from realign.chainage import text
from realign.errors import OutputError
from realign.geometry.alignment import Part, Plan, Stationed
from realign.geometry.horizontal import Element
from realign.geometry.tables import AWAY, CORNER, curves, exact, labelled, steps
from realign.geometry.vertical import SHORTEST

Points = NDArray[np.float64]

CHORD = 0.9e-3
"""Chords of curves pass no farther than this from them [m]."""
AXIS = 0.05
"""Chords between points of the centre line in space keep this near to the road [m]."""
EXAGGERATION = 10.0
"""Height of a profile over its level, with lengths at true scale [-]."""
TICK, LABEL = 100.0, 500.0
"""Chainages that are marked, and those that are written [m]."""
RISE = 10.0
"""Levels at which the grid of a profile has lines [m]."""
LARGE, SMALL = 25.0, 18.0
"""Heights of texts, 2.5 mm and 1.8 mm at 1:10,000 [m]."""
SHEETS_APART = 1000.0
"""Room between the plan and the first sheet, and between sheets [m]."""
BAND = 120.0
"""Height of the rows of levels below a profile [m]."""

METRES = 6
"""Code of the unit of the drawing in the format ($INSUNITS)."""

_LEFT, _CENTRE, _RIGHT = 0, 1, 2  # what a text stands at, in the codes of the format
_MIDDLE = 2  # texts are centred on their line
_MM = 10.0  # a millimetre of a plot at 1:10,000 [m]


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer of the drawing."""

    name: str
    """Name in the drawing."""
    colour: int
    """Number in the palette of the format (ACI)."""
    holds: str
    """What is on it; its description in the drawing."""
    line: str = "Continuous"
    """Type of its lines."""
    weight: int = 18
    """Width of its lines on paper [mm/100]."""


LAYERS = (
    Layer("PLAN-AXIS", 1, "centre line as a 3D polyline: points exact, chords to 5 cm", weight=25),
    Layer("PLAN-TANGENT", 1, "tangents of the centre line (LINE)", weight=50),
    Layer("PLAN-ARC", 6, "circular arcs of the centre line (ARC)", weight=50),
    Layer("PLAN-CLOTHOID", 4, "clothoids of the centre line (LWPOLYLINE)", weight=50),
    Layer("PLAN-PI", 8, "polygon of tangents with its PIs", "DASHED"),
    Layer("PLAN-PI-TEXT", 8, "numbers and radii of PIs"),
    Layer("PLAN-CHAINAGE", 7, "ticks at every 100 m"),
    Layer("PLAN-CHAINAGE-TEXT", 7, "chainages at every 500 m, and names of roads"),
    Layer("PLAN-BRIDGE", 30, "centre line on bridges", weight=100),
    Layer("PLAN-TUNNEL", 12, "centre line in tunnels", "DASHED", weight=100),
    Layer("PLAN-STRUCTURE-TEXT", 7, "structures with their lengths"),
    Layer("PLAN-EXISTING-ROAD", 9, "centre line of the existing road", weight=35),
    Layer("PLAN-WATER", 5, "water line", "DASHDOT", weight=25),
    Layer("PROFILE-FRAME", 7, "frame of the sheet", weight=35),
    Layer("PROFILE-GRID", 253, "grid, 100 m by 10 m of level", weight=9),
    Layer("PROFILE-TEXT", 7, "title, datum, levels and chainages of the grid, rows of levels"),
    Layer("PROFILE-GROUND", 33, "ground under the centre line", weight=25),
    Layer("PROFILE-GRADE", 1, "grade line", weight=50),
    Layer("PROFILE-WATER", 5, "water level", "DASHDOT", weight=25),
    Layer("PROFILE-PVI", 8, "polygon of grades with its PVIs", "DASHED"),
    Layer("PROFILE-PVI-TEXT", 8, "chainage, level and curve of PVIs"),
    Layer("PROFILE-GRADE-TEXT", 1, "grades and their lengths"),
    Layer("PROFILE-BRIDGE", 30, "grade line on bridges", weight=100),
    Layer("PROFILE-TUNNEL", 12, "grade line in tunnels", "DASHED", weight=100),
    Layer("PROFILE-STRUCTURE-TEXT", 7, "structures with their lengths"),
)
"""Every layer of a drawing, used or not."""

LINES = (
    ("DASHED", (4 * _MM, 3 * _MM, -1 * _MM), "dashes of 3 mm"),
    ("DASHDOT", (8 * _MM, 5 * _MM, -1.5 * _MM, 0.0, -1.5 * _MM), "dashes of 5 mm and dots"),
)
"""Types of lines: name, length of the pattern and its parts [m], description."""


def document(
    roads: Sequence[Stationed],
    *,
    crs: CRS,
    existing: Points | None = None,
    shores: Sequence[Points] = (),
) -> bytes:
    """
    Draw roads in one DXF file (version R2010).

    Parameters
    ----------
    roads
        At least one, each with its ground, water and structures.
    crs
        Reference system of the coordinates; its name is kept as a property of the file.
    existing
        Points of the existing road, shape (k, 2) [m].
    shores
        Water lines in plan, each of shape (k, 2) [m].

    Returns
    -------
    dxf
        The file.

    Raises
    ------
    OutputError
        There is no road.
    """
    if not roads:
        msg = "a DXF drawing needs at least one road"
        raise OutputError(msg)
    beside = [("PLAN-WATER", np.asarray(shore, np.float64)) for shore in shores]
    if existing is not None:
        beside.insert(0, ("PLAN-EXISTING-ROAD", np.asarray(existing, np.float64)))
    with _fixed():
        drawing = _empty(crs)
        space = _Space(drawing)
        low, high = _bounds(roads, [line for _, line in beside])
        for layer, line in beside:
            if len(line) > 1:
                space.polyline(line[:, :2], layer)
        left, top = 1000.0 * floor(low[0] / 1000), 100.0 * floor(low[1] / 100) - SHEETS_APART
        for road in roads:
            _plan(space, road)
            profile = _Profile(space, road, left, top)
            profile.draw()
            top = profile.bottom - BAND - SHEETS_APART
            high = np.maximum(high, (left + road.alignment.length, high[1]))
        low = np.array([left, top + SHEETS_APART])
        drawing.modelspace().reset_extents((*low, 0.0), (*high, 0.0))
        drawing.set_modelspace_vport(float(high[1] - low[1]), tuple((low + high) / 2))
        for kind in sorted(drawing.entitydb.dxf_types_in_use()):
            drawing.classes.add_class(kind)  # ezdxf would add them in the order of their hashes
        stream = io.StringIO()
        drawing.write(stream)
    return bytes(drawing.encode(space.into(stream.getvalue())))


@contextmanager
def _fixed() -> Iterator[None]:
    """Leave dates and random identifiers out of what ezdxf writes."""
    former = options.write_fixed_meta_data_for_testing
    options.write_fixed_meta_data_for_testing = True
    try:
        yield
    finally:
        options.write_fixed_meta_data_for_testing = former


def _empty(crs: CRS) -> Drawing:
    drawing = new("R2010", units=METRES)
    drawing.header["$MEASUREMENT"] = 1  # metric
    drawing.header["$LTSCALE"] = 1.0  # patterns of lines are in metres of the drawing
    code = crs.to_epsg()
    drawing.header.custom_vars.append("Reference system", f"EPSG:{code}" if code else crs.name)
    for name, pattern, words in LINES:
        drawing.linetypes.add(name, pattern, description=words)
    for layer in LAYERS:
        added = drawing.layers.add(
            layer.name, color=layer.colour, linetype=layer.line, lineweight=layer.weight
        )
        added.description = layer.holds
    return drawing


def _bounds(roads: Sequence[Stationed], beside: Sequence[Points]) -> tuple[Points, Points]:
    """Lower and upper corner of the plan [m]."""
    parts = [line[:, :2] for line in beside]
    for road in roads:
        plan = road.alignment.plan
        parts.append(plan.poses(plan.stations(TICK))[:, :2])
    every = np.vstack(parts)
    return every.min(axis=0), every.max(axis=0)


class _Space:
    """The entities of the model space of a drawing, as text of the format."""

    def __init__(self, drawing: Drawing) -> None:
        self.owner = drawing.modelspace().layout_key
        self.handles = drawing.entitydb.handles
        self.written: list[str] = []

    def into(self, drawing: str) -> str:
        """Put the entities into the text of their drawing, which has none."""
        head, name, rest = drawing.partition("  2\nENTITIES\n")
        return "".join((head, name, *self.written, rest))

    def add(self, kind: str, layer: str, tags: str, owner: str | None = None) -> str:
        """Add an entity: what each has, and tags of its own; its handle."""
        handle = self.handles.next()
        self.written.append(
            f"  0\n{kind}\n  5\n{handle}\n330\n{owner or self.owner}\n100\nAcDbEntity\n"
            f"  8\n{layer}\n{tags}"
        )
        return handle

    def line(self, a: tuple[float, float], b: tuple[float, float], layer: str) -> None:
        """Add a line between two places [m]."""
        self.add("LINE", layer, f"100\nAcDbLine\n{_place(10, a)}{_place(11, b)}")

    def point(self, at: tuple[float, float], layer: str) -> None:
        """Add a point [m]."""
        self.add("POINT", layer, f"100\nAcDbPoint\n{_place(10, at)}")

    def arc(
        self,
        centre: tuple[float, float],
        radius: float,
        first: float,
        last: float,
        layer: str,
    ) -> None:
        """Add an arc [m] that runs anticlockwise from an angle to another [deg]."""
        self.add(
            "ARC",
            layer,
            f"100\nAcDbCircle\n{_place(10, centre)} 40\n{radius}\n"
            f"100\nAcDbArc\n 50\n{first}\n 51\n{last}\n",
        )

    def polyline(self, points: Points, layer: str, *, closed: bool = False) -> None:
        """Add a line through points, shape (n, 2) [m]."""
        head = f"100\nAcDbPolyline\n 90\n{len(points)}\n 70\n{int(closed)}\n"
        pairs = " 10\n%r\n 20\n%r\n" * len(points)
        self.add("LWPOLYLINE", layer, head + pairs % tuple(points.ravel().tolist()))

    def polyline3d(self, points: Points, layer: str) -> None:
        """Add a line through points in space, shape (n, 3) [m]."""
        head = f"100\nAcDb3dPolyline\n 66\n1\n{_place(10, (0.0, 0.0))} 70\n8\n"
        whole = self.add("POLYLINE", layer, head)
        for x, y, z in points.tolist():
            place = _place(10, (x, y, z))
            kinds = "100\nAcDbVertex\n100\nAcDb3dPolylineVertex\n"
            self.add("VERTEX", layer, f"{kinds}{place} 70\n32\n")
        self.add("SEQEND", layer, "", whole)

    def text(
        self,
        words: str,
        at: tuple[float, float],
        layer: str,
        *,
        height: float = SMALL,
        rotation: float = 0.0,
        align: int = _LEFT,
    ) -> None:
        """Add a text at a place [m], turned by an angle [rad]."""
        line = words.replace("\n", "").replace("\r", "").rstrip("^")  # ^ begins a code
        turned = f" 50\n{degrees(rotation)}\n" if rotation else ""
        aligned = f" 72\n{align}\n" if align else ""
        self.add(
            "TEXT",
            layer,
            f"100\nAcDbText\n{_place(10, at)} 40\n{height}\n  1\n{line}\n{turned}{aligned}"
            f"{_place(11, at)}100\nAcDbText\n 73\n{_MIDDLE}\n",
        )


def _place(code: int, at: tuple[float, ...]) -> str:
    """Write a place, whose numbers have this code of the format and others ten apart [m]."""
    x, y, z = (*at, 0.0)[:3]
    return f" {code}\n{x}\n {code + 10}\n{y}\n {code + 20}\n{z}\n"


# -------------------------------------------------------------------- plan


def _plan(space: _Space, road: Stationed) -> None:
    plan = road.alignment.plan
    grades = road.alignment.grades
    s = road.alignment.chords(AXIS)
    points = np.column_stack((plan.poses(s)[:, :2], grades.at(s)))
    space.polyline3d(points, "PLAN-AXIS")
    for element in plan.elements:
        _element(space, element)
    _polygon(space, plan)
    _ticks(space, road)
    if not road.parts:
        return
    along = [_fine(plan, part.start, part.end) for part in road.parts]
    lines = plan.poses(np.concatenate(along))[:, :2]
    ends = np.cumsum([len(s) for s in along])
    middles = plan.poses([(part.start + part.end) / 2 for part in road.parts])
    for part, line, middle in zip(road.parts, np.split(lines, ends[:-1]), middles, strict=True):
        space.polyline(line, f"PLAN-{part.form.upper()}")
        x, y, bearing, _ = middle
        _beside(space, _named(part), (x, y, bearing), "PLAN-STRUCTURE-TEXT", left=True)


def _element(space: _Space, element: Element) -> None:
    """Draw an element as what the format has for it."""
    start, end = element.start, element.end
    bend = max(abs(element.k0), abs(element.k1))
    if bend * element.length**2 / 2 < AWAY:
        space.line((start.x, start.y), (end.x, end.y), "PLAN-TANGENT")
        return
    if abs(element.k1 - element.k0) * element.length**2 / 2 < AWAY:
        k = (element.k0 + element.k1) / 2
        side = 1 if k > 0 else -1
        radius = 1 / abs(k)
        centre = (
            start.x - side * radius * sin(start.bearing),
            start.y + side * radius * cos(start.bearing),
        )
        first = degrees(start.bearing - side * pi / 2)
        last = first + degrees(k * element.length)
        ends = (first, last) if side > 0 else (last, first)
        space.arc(centre, radius, *ends, "PLAN-ARC")
        return
    count = ceil(element.length / (8 * CHORD / bend) ** 0.5) + 1
    space.polyline(element.points(np.linspace(0.0, element.length, count)), "PLAN-CLOTHOID")


def _fine(plan: Plan, begin: float, end: float) -> Points:
    """Chainages between two, so dense that chords keep to the curve [m]."""
    out = []
    first = max(int(np.searchsorted(plan.start, begin, side="right")) - 1, 0)
    last = int(np.searchsorted(plan.start, end))
    edges = np.clip(plan.start[first : last + 1], begin, end).tolist()
    for element, (a, b) in zip(plan.elements[first:last], pairwise(edges), strict=True):
        bend = max(abs(element.k0), abs(element.k1))
        count = ceil((b - a) * (bend / (8 * CHORD)) ** 0.5) + 1
        out.append(np.linspace(a, b, max(count, 2)))
    return np.unique(np.concatenate(out))


def _polygon(space: _Space, plan: Plan) -> None:
    """Draw the polygon of tangents, whose corners are the PIs."""
    ends = plan.poses([0.0, plan.length])[:, :2]
    found = curves(plan)
    corners = np.vstack((ends[0], *(curve.pi for curve in found), ends[1]))
    for number, curve in enumerate(found, start=1):
        x, y = curve.pi
        space.text(f"PI {number}  R={curve.radius:.1f}", (x + SMALL / 2, y), "PLAN-PI-TEXT")
    space.polyline(corners, "PLAN-PI")


def _ticks(space: _Space, road: Stationed) -> None:
    """Mark chainages, and write some of them and the name."""
    plan = road.alignment.plan
    marked = labelled(road.start, road.alignment.length, TICK)
    for at, (x, y, bearing, _) in zip(marked, plan.poses(marked), strict=True):
        chainage = road.start + at
        large = abs(chainage / LABEL - round(chainage / LABEL)) * LABEL < AWAY
        half = _MM if large else _MM / 2
        away = (-half * sin(bearing), half * cos(bearing))
        a, b = (x - away[0], y - away[1]), (x + away[0], y + away[1])
        space.line(a, b, "PLAN-CHAINAGE")
        if large:
            _beside(space, text(chainage), (x, y, bearing), "PLAN-CHAINAGE-TEXT")
    x, y, bearing = plan.poses([0.0])[0, :3]
    _beside(space, road.name, (x, y, bearing + pi), "PLAN-CHAINAGE-TEXT", height=LARGE)


def _beside(
    space: _Space,
    words: str,
    pose: tuple[float, float, float],
    layer: str,
    *,
    height: float = SMALL,
    left: bool = False,
) -> None:
    """Write across the road on its right or left, never upside down."""
    x, y, bearing = (float(value) for value in pose)
    way = bearing + (pi / 2 if left else -pi / 2)
    at = (x + 2 * _MM * cos(way), y + 2 * _MM * sin(way))
    if cos(way) >= 0:
        space.text(words, at, layer, height=height, rotation=way)
    else:
        space.text(words, at, layer, height=height, rotation=way + pi, align=_RIGHT)


def _named(part: Part) -> str:
    return part.name or f"{part.form.capitalize()} {part.length:.0f} m"


# -------------------------------------------------------------------- profile


def _runs(line: Points) -> list[Points]:
    """Stretches of a profile that are known."""
    if not len(line):
        return []
    known = np.isfinite(line).all(axis=1)
    cuts = np.flatnonzero(np.diff(known)) + 1
    return [run for run in np.split(line, cuts) if np.isfinite(run[0]).all() and len(run) > 1]


class _Profile:
    """The profile sheet of a road, which hangs from a place of the drawing."""

    def __init__(self, space: _Space, road: Stationed, left: float, top: float) -> None:
        """Find the levels that the sheet needs."""
        self.space = space
        self.road = road
        self.left = left
        grades = road.alignment.grades
        self.grade = steps(grades, 0.0, road.alignment.length, chord=CHORD)
        runs = [run[:, 1] for line in (road.ground, road.water) for run in _runs(line)]
        levels = np.concatenate([grades.at(self.grade), grades.level, *runs])
        self.datum = RISE * (floor(float(levels.min()) / RISE) - 1)
        self.highest = RISE * (ceil(float(levels.max()) / RISE) + 3)  # with room for texts of PVIs
        self.bottom = top - EXAGGERATION * (self.highest - self.datum)

    def place(self, s: float, level: float) -> tuple[float, float]:
        """Place in the drawing of a level at a distance from the start [m]."""
        return self.left + float(s), self.bottom + EXAGGERATION * (float(level) - self.datum)

    def line(self, profile: Points, layer: str) -> None:
        """Draw a line through distances and levels."""
        stretched = EXAGGERATION * (profile[:, 1] - self.datum)
        points = np.column_stack((self.left + profile[:, 0], self.bottom + stretched))
        self.space.polyline(points, layer)

    def draw(self) -> None:
        """Draw the road."""
        self.grid()
        self.rows()
        grades = self.road.alignment.grades
        for run in _runs(self.road.ground):
            self.line(run, "PROFILE-GROUND")
        for run in _runs(self.road.water):
            self.line(run, "PROFILE-WATER")
        self.line(np.column_stack((self.grade, grades.at(self.grade))), "PROFILE-GRADE")
        for part in self.road.parts:
            s = steps(grades, part.start, part.end, chord=CHORD)
            self.line(np.column_stack((s, grades.at(s))), f"PROFILE-{part.form.upper()}")
            middle = (part.start + part.end) / 2
            x, y = self.place(middle, float(grades.at(np.array([middle]))[0]))
            self.write(_named(part), x, y - 4 * _MM, "PROFILE-STRUCTURE-TEXT")
        self.pvis()

    def write(
        self,
        words: str,
        x: float,
        y: float,
        layer: str = "PROFILE-TEXT",
        *,
        height: float = SMALL,
        rotation: float = 0.0,
        align: int = _CENTRE,
    ) -> None:
        """Add a text at a place of the drawing [m], turned by an angle [rad]."""
        self.space.text(words, (x, y), layer, height=height, rotation=rotation, align=align)

    def grid(self) -> None:
        """Draw frame and grid, and write title, datum and levels."""
        right, top = self.place(self.road.alignment.length, self.highest)
        corners = [(self.left, self.bottom), (right, self.bottom), (right, top), (self.left, top)]
        self.space.polyline(np.array(corners), "PROFILE-FRAME", closed=True)
        beside = self.left - 2 * _MM
        for level in np.arange(self.datum, self.highest + RISE / 2, RISE):
            y = self.place(0.0, level)[1]
            self.rule((self.left, y), (right, y))
            self.write(f"{level:.0f}", beside, y, align=_RIGHT)
        for at in labelled(self.road.start, self.road.alignment.length, TICK):
            x = self.place(at, self.datum)[0]
            self.rule((x, self.bottom), (x, top))
        far = self.left - 12 * _MM
        title = f"{self.road.name}  1:10,000 / 1:1,000"
        self.write(title, self.left, top + 6 * _MM, height=LARGE, align=_LEFT)
        self.write(f"DATUM {self.datum:.2f}", far, self.bottom, align=_RIGHT)
        chainage = f"CHAINAGE {exact(self.road.start, 3)}"
        self.write(chainage, far, self.bottom + 4 * _MM, align=_RIGHT)

    def rule(self, a: tuple[float, float], b: tuple[float, float]) -> None:
        """Draw a line of the grid."""
        self.space.line(a, b, "PROFILE-GRID")

    def rows(self) -> None:
        """Write chainages, and levels of grade line and ground, below the profile."""
        grades, ground = self.road.alignment.grades, self.road.ground
        s = labelled(self.road.start, self.road.alignment.length, TICK)
        under = (
            np.interp(s, ground[:, 0], ground[:, 1], left=np.nan, right=np.nan)
            if len(ground)
            else np.full(len(s), np.nan)
        )
        rows = [(0.0, "Chainage"), (BAND / 3, "Grade line [m]"), (2 * BAND / 3, "Ground [m]")]
        for down, words in rows:
            y = self.bottom - down - BAND / 6
            self.write(words, self.left - 2 * _MM, y, align=_RIGHT)
        high, low = self.bottom - BAND / 2, self.bottom - BAND * 5 / 6
        for at, level, earth in zip(s, grades.at(s), under, strict=True):
            x, chainage = self.place(at, 0.0)[0], self.road.start + float(at)
            if abs(chainage / LABEL - round(chainage / LABEL)) * LABEL < AWAY:
                self.write(text(chainage), x, self.bottom - BAND / 6)
            self.write(f"{level:.2f}", x, high, height=SMALL * 2 / 3)
            if np.isfinite(earth):
                self.write(f"{earth:.2f}", x, low, height=SMALL * 2 / 3)

    def pvis(self) -> None:
        """Draw the polygon of grades, and write PVIs and grades."""
        grades = self.road.alignment.grades
        layer = "PROFILE-PVI"
        self.line(np.column_stack((grades.chainage, grades.level)), layer)
        grade = grades.grade
        for i, (s, level, length) in enumerate(
            zip(grades.chainage, grades.level, grades.curve, strict=True)
        ):
            x, y = self.place(s, level)
            self.space.point((x, y), layer)
            words = f"{exact(self.road.start + float(s))}  {level:.2f}"
            if length > SHORTEST:
                change = abs(float(grade[i] - grade[i - 1]))
                radius = f"  R={length / change:.0f}" if change > CORNER else ""
                words += f"  L={length:.1f}{radius}"
            self.write(
                words,
                x,
                y + 3 * _MM,
                "PROFILE-PVI-TEXT",
                rotation=pi / 2,
                align=_LEFT,
            )
        for i, slope in enumerate(grade):
            (x0, y0), (x1, y1) = (
                self.place(grades.chainage[j], grades.level[j]) for j in (i, i + 1)
            )
            angle = atan(EXAGGERATION * float(slope))
            up = 2 * _MM / hypot(1.0, EXAGGERATION * float(slope))
            lift = (-up * EXAGGERATION * float(slope), up)
            self.write(
                f"{100 * slope:+.2f} %  {x1 - x0:.1f} m",
                (x0 + x1) / 2 + lift[0],
                (y0 + y1) / 2 + lift[1],
                "PROFILE-GRADE-TEXT",
                rotation=angle,
            )
