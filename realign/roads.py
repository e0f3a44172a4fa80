"""
The roads that stand: lines of OpenStreetMap cleaned into a graph.

Lines of a map are drawn to be looked at: they cross without a common point, end short of the road
that they join, and lie twice. Here they are split where they cross at grade, loose ends are led
to what they nearly touch, and what is left are nodes and edges. A bridge or a tunnel meets others
only at its two ends: what it passes over or under is no junction.

The result depends on neither the order nor the direction in which lines are given, and cleaning
it again changes nothing: the steps are repeated until they do.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import geopandas as gpd
import networkx as nx
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, field_validator
from pyproj import CRS

from realign.errors import GeometryError, InputError
from realign.inputs import WITHIN, features, moved
from realign.settings import Settings

STRUCTURES = ("bridge", "tunnel", "ford")
"""What a road may run on or through; a ford is at grade."""

_APART = frozenset({"bridge", "tunnel"})  # pass over or under others
_DECIMALS = 6  # of a metre; coordinates are rounded, so that equal points are equal numbers
_SAME = 3e-6  # m; the rounding of two points that are one
_MOVED = 1e-3  # m; an end nearer than this is moved, not led on by another vertex
_DETOUR = 4.0  # tolerances; an end is not led to what the road already reaches in so short a way
_PASSES = 50  # each one takes away loose ends or splits lines; inputs of maps need three or four
_KMH = 3.6  # km/h in a metre a second
_LINK = "_link"  # ends the class of a ramp in OpenStreetMap
_ONE_WAY = {
    **dict.fromkeys(("1", "yes", "true"), 1),
    **dict.fromkeys(("-1", "reverse"), -1),
    **dict.fromkeys(("0", "no", "false", ""), 0),
}

_Point = tuple[float, float]
Speed = Annotated[float, Field(ge=1, le=300)]


class Cleaning(Settings):
    """The table `[roads]`: how the lines of the road network become a graph."""

    file: Annotated[str, WITHIN] = "roads.geojson"
    """Roads of the region by class of OpenStreetMap, in the inputs folder."""
    snap_m: float = Field(default=5.0, ge=0, le=1000)
    """Distance within which a loose end is led to another end or to the inside of another road
    [m]; an assumption: less than the width of a carriageway, within which a map shows no gap."""
    stub_m: float = Field(default=0.0, ge=0, le=1e6)
    """Shortest dead end that is kept [m]; by default all are, since a short dead end of a map may
    be the only way to a village."""
    speeds_kmh: dict[str, Speed] = Field(
        default_factory=lambda: {
            "motorway": 90.0,
            "trunk": 50.0,
            "primary": 45.0,
            "secondary": 35.0,
            "tertiary": 30.0,
            "unclassified": 25.0,
            "residential": 25.0,
            "minor": 25.0,
            "road": 25.0,
            "living_street": 15.0,
            "service": 15.0,
            "track": 15.0,
        }
    )
    """Mean speed of a car by class of road [km/h]; an assumption for mountains, where curves and
    the state of the road count and the limit does not."""
    ramp_kmh: float = Field(default=30.0, ge=1, le=300)
    """Mean speed on ramps, where that of their class is not lower [km/h]; an assumption."""
    truck_ratio: float = Field(default=0.75, ge=0.01, le=1)
    """Speed of a truck over that of a car on these roads [-]; an assumption."""
    left_out: tuple[str, ...] = (
        "path",
        "footway",
        "steps",
        "pedestrian",
        "cycleway",
        "bridleway",
        "corridor",
        "construction",
        "proposed",
    )
    """Classes that carry no cars: lines of these are not taken."""

    @field_validator("speeds_kmh")
    @classmethod
    def _not_empty(cls, speeds: dict[str, float]) -> dict[str, float]:
        if not speeds:
            msg = "found no class of road; wanted the speed of one at least"
            raise ValueError(msg)
        return speeds

    def speed(self, kind: str) -> float | None:
        """Mean speed of a car on a class of road [km/h], None where it is not known."""
        if kind in self.speeds_kmh:
            return self.speeds_kmh[kind]
        base = self.speeds_kmh.get(kind.removesuffix(_LINK))
        return None if base is None else min(base, self.ramp_kmh)


@dataclass(frozen=True, slots=True, order=True)
class Tags:
    """What a map says of a line."""

    kind: str
    """Class of OpenStreetMap, with `_link` for a ramp."""
    name: str = ""
    """Name of the road."""
    ref: str = ""
    """Number of the road, such as N-35."""
    structure: str = ""
    """`bridge`, `tunnel`, `ford`, or nothing on open ground."""
    oneway: int = 0
    """1 where traffic runs only as the line does, -1 only against it, 0 both ways."""

    def __post_init__(self) -> None:
        """Refuse what no road is."""
        if self.structure not in {"", *STRUCTURES}:
            msg = f"found the structure {self.structure!r}; wanted {', '.join(STRUCTURES)} or none"
            raise GeometryError(msg)
        if self.oneway not in {-1, 0, 1}:
            msg = f"found {self.oneway!r} as direction of traffic; wanted -1, 0 or 1"
            raise GeometryError(msg)


@dataclass(frozen=True, slots=True)
class Report:
    """What cleaning met and did."""

    pieces: int
    """Lines given, those of several parts taken apart."""
    empty: int
    """Pieces without length, dropped."""
    duplicates: int
    """Pieces that lay upon another of the same structure and direction, dropped."""
    crossings: int
    """Places where lines met at grade and were split."""
    passed: int
    """Places where a bridge or a tunnel passes another line, left whole."""
    snapped: int
    """Loose ends led to another end or to the inside of another line."""
    farthest: float
    """Greatest distance an end was led [m]; 0 where none was."""
    stubs: int
    """Dead ends removed for being short."""
    merged: int
    """Points between two edges alike, taken out to make one of them."""
    left_out: int
    """Features of a class that carries no cars."""
    components: tuple[float, ...]
    """Length of each connected part of the network, longest first [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Roads:
    """A road network that stands, as nodes and edges."""

    xy: NDArray[np.float64]
    """Nodes in order of x, then y, shape (n, 2) [m]."""
    start: NDArray[np.intp]
    """Node at which each edge starts, shape (m,)."""
    end: NDArray[np.intp]
    """Node at which each edge ends, shape (m,)."""
    length: NDArray[np.float64]
    """Length of each edge, shape (m,) [m]."""
    lines: NDArray[np.object_]
    """Edges as lines from start to end, shape (m,)."""
    tags: tuple[Tags, ...]
    """Class, name, number, structure and direction of each edge, m of them; one-way edges start
    where their traffic does."""
    component: NDArray[np.intp]
    """Connected part each node is in, from 0, the longest, shape (n,)."""
    rules: Cleaning
    """How they were cleaned, and the speed by class."""
    report: Report
    """What cleaning met and did."""
    crs: CRS | None = None
    """Projected reference system, where it is known."""
    _tree: shapely.STRtree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the index of edges that makes `nearest` quick."""
        object.__setattr__(self, "_tree", shapely.STRtree(self.lines))

    @property
    def oneway(self) -> NDArray[np.bool_]:
        """Whether traffic only runs from the start of each edge to its end, shape (m,)."""
        return np.array([tags.oneway != 0 for tags in self.tags], dtype=np.bool_)

    def time(self, edge: int) -> float:
        """Travel time of a car on an edge at the speed of its class [s]."""
        return float(self.length[edge]) / _speed(self.rules, self.tags[edge].kind) * _KMH

    def graph(self) -> nx.MultiDiGraph:
        """
        Give the network as a graph for traffic.

        Returns
        -------
        graph
            Nodes by number with `x`, `y` [m] and `component`; edges with their number as key and
            `length_m`, `time_s` at the speed of the class, `class`, `name`, `ref`, `structure`
            and `oneway`. An edge is there in both directions unless it is one-way.
        """
        graph = nx.MultiDiGraph(crs=self.crs)
        for node, (x, y) in enumerate(self.xy):
            graph.add_node(node, x=float(x), y=float(y), component=int(self.component[node]))
        for edge, tags in enumerate(self.tags):
            held = {
                "length_m": float(self.length[edge]),
                "time_s": self.time(edge),
                "class": tags.kind,
                "name": tags.name,
                "ref": tags.ref,
                "structure": tags.structure,
                "oneway": tags.oneway != 0,
            }
            start, end = int(self.start[edge]), int(self.end[edge])
            graph.add_edge(start, end, edge, **held)
            if not tags.oneway and start != end:
                graph.add_edge(end, start, edge, **held)
        return graph

    def nearest(
        self, x: ArrayLike, y: ArrayLike
    ) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
        """
        Find the edge nearest to each of k points.

        Parameters
        ----------
        x, y
            Coordinates of the points, shape (k,) [m].

        Returns
        -------
        edge
            Number of the nearest edge, the lowest where several are as near, shape (k,); -1 for
            a NaN point.
        along
            Distance from its start to the foot of the point, shape (k,) [m]; NaN for a NaN point.
        offset
            Distance from the point to the foot, shape (k,) [m]; NaN for a NaN point.
        """
        points = np.column_stack((np.atleast_1d(x), np.atleast_1d(y))).astype(np.float64)
        edge = np.full(len(points), -1, dtype=np.intp)
        along, offset = np.full((2, len(points)), np.nan)
        known = np.flatnonzero(np.isfinite(points).all(axis=1))
        shapes = shapely.points(points[known])
        given, found = self._tree.query_nearest(shapes)
        order = np.lexsort((found, given))
        _, first = np.unique(given[order], return_index=True)
        edge[known] = found[order][first]
        along[known] = shapely.line_locate_point(self.lines[edge[known]], shapes)
        offset[known] = shapely.distance(self.lines[edge[known]], shapes)
        return edge, along, offset


class _Piece(NamedTuple):
    """A line in the form in which equal lines are equal: one-way as traffic runs, else sorted."""

    xy: tuple[_Point, ...]
    tags: Tags


@dataclass(slots=True)
class _Tally:
    """What is counted while cleaning; points are held, since passes meet them again."""

    empty: int = 0
    duplicates: int = 0
    crossings: set[_Point] = field(default_factory=set)
    passed: set[_Point] = field(default_factory=set)
    snapped: int = 0
    farthest: float = 0.0
    stubs: int = 0
    merged: int = 0


def read(path: Path, crs: CRS, rules: Cleaning) -> Roads:
    """
    Read the roads of a region and clean them.

    Parameters
    ----------
    path
        Lines in any vector format of GDAL with the column `class`, and where they are known
        `name`, `ref`, `brunnel` (bridge, tunnel or ford), `oneway` (yes, 1, true, -1, no ...) and
        `ramp`; GeoJSON without a reference system is WGS 84 (RFC 7946).
    crs
        Projected reference system in metres to bring them into.
    rules
        Tolerance, shortest dead end, speeds.

    Raises
    ------
    InputError
        The file is missing, unreadable or empty, has no reference system, or a feature is no line,
        has coordinates that are none, or a class, structure or direction that is not known; `crs`
        is not projected in metres.
    """
    if not crs.is_projected or {axis.unit_name for axis in crs.axis_info} != {"metre"}:
        msg = f"{path}: found {crs.name} to bring it into; wanted a projected system in metres"
        raise InputError(msg)
    frame = _features(path)
    if frame.crs is None:
        msg = f"{path}: has no coordinate reference system; wanted one, as in {crs.name}"
        raise InputError(msg)
    named = frame.crs.name
    shapes = moved(path, frame, crs).geometry
    columns = ("class", "name", "ref", "brunnel", "oneway", "ramp")
    given = {key: frame[key] if key in frame else [None] * len(frame) for key in columns}
    lines, tags = [], []
    rows = zip(*(given[key] for key in columns), strict=True)
    for number, (shape, row) in enumerate(zip(shapes, rows, strict=True), start=1):
        where = f"{path}: feature {number}"
        _check_line(where, shape, f"outside {named}")
        found = _tags(where, dict(zip(columns, row, strict=True)), rules)
        if found is not None:
            lines.append(shape)
            tags.append(found)
    if not lines:
        kinds = ", ".join(sorted({str(kind) for kind in given["class"]}))
        msg = f"{path}: holds only {kinds}; wanted roads for cars"
        raise InputError(msg)
    try:
        roads = clean(lines, tags, rules, crs=crs)
    except GeometryError as problem:
        msg = f"{path}: {problem}"
        raise InputError(msg) from problem
    return replace(roads, report=replace(roads.report, left_out=len(frame) - len(lines)))


def clean(
    lines: Sequence[shapely.LineString | shapely.MultiLineString],
    tags: Sequence[Tags],
    rules: Cleaning,
    *,
    crs: CRS | None = None,
) -> Roads:
    """
    Clean lines into a network.

    Lines are split where they cross, touch or overlap at grade; a loose end (one that meets
    nothing) is led straight on to the nearest end, or to the inside of the nearest line at grade,
    within the tolerance, and where several loose ends are near each other to all of them. It is
    not led to what its own road reaches in fewer than four tolerances. Then short dead ends are
    removed where that is asked for, and edges alike are joined where only two of them meet.

    Parameters
    ----------
    lines
        Lines, or several of them in one [m].
    tags
        What is known of each.
    rules
        Tolerance, shortest dead end, speeds.
    crs
        Projected reference system of the lines, handed on.

    Raises
    ------
    InputError
        A shape is no line or has coordinates that are no numbers.
    GeometryError
        A class has no speed, no line has a length, or tags do not fit the lines in number.

    Examples
    --------
    >>> road = shapely.LineString([(0, 0), (100, 0)])
    >>> side = shapely.LineString([(40, 3), (40, 90)])
    >>> roads = clean([road, side], [Tags("trunk"), Tags("track")], Cleaning())
    >>> roads.length.tolist(), roads.report.snapped, roads.report.farthest
    ([40.0, 90.0, 60.0], 1, 3.0)
    """
    if len(lines) != len(tags):
        msg = f"found {len(lines)} lines with the tags of {len(tags)}; wanted tags for each"
        raise GeometryError(msg)
    tally = _Tally()
    given = 0
    pieces: list[_Piece] = []
    for number, (line, tag) in enumerate(zip(lines, tags, strict=True), start=1):
        _check_line(f"line {number}", line, "that are no numbers")
        _speed(rules, tag.kind)
        for part in shapely.get_parts(line):
            given += 1
            xy = shapely.get_coordinates(part).tolist()
            pieces += _pieces([tuple(_rounded(x, y) for x, y in xy)], tag)
    tally.empty = given - len(pieces)
    if not pieces:
        msg = f"found no line with two different points among {given}; wanted roads"
        raise GeometryError(msg)
    pieces = _settled(_single(pieces, tally), rules, tally)
    return _network(pieces, rules, crs, tally, given)


def _settled(pieces: list[_Piece], rules: Cleaning, tally: _Tally) -> list[_Piece]:
    """Split, snap, prune and merge until nothing changes."""
    for _ in range(_PASSES):
        before = pieces
        pieces = _single(_split(pieces, tally), tally)
        pieces = _single(_snapped(pieces, rules.snap_m, tally), tally)
        pieces = _pruned(pieces, rules.stub_m, tally)
        pieces = sorted(_merged(pieces, tally))
        if pieces == before:
            return pieces
    msg = f"the road network does not settle in {_PASSES} passes within {rules.snap_m:g} m"
    raise GeometryError(msg)


def _pieces(parts: Iterable[tuple[_Point, ...]], tags: Tags) -> list[_Piece]:
    """Pieces of one line in the form in which equal ones are equal, without those of no length."""
    out = []
    for part in parts:
        xy = (part[0], *(q for p, q in pairwise(part) if p != q)) if part else ()
        if len(xy) < 2:
            continue
        held = tags
        if tags.oneway < 0:
            xy, held = xy[::-1], replace(tags, oneway=1)
        elif not tags.oneway:
            xy = min(xy, xy[::-1])
        out.append(_Piece(xy, held))
    return out


def _single(pieces: Iterable[_Piece], tally: _Tally) -> list[_Piece]:
    """Sort pieces, and of those that lie upon each other keep the one of which most is known."""
    kept: dict[tuple[tuple[_Point, ...], str, int], _Piece] = {}
    for piece in sorted(pieces, key=lambda each: (not each.tags.ref, not each.tags.name, each)):
        key = (piece.xy, piece.tags.structure, piece.tags.oneway)
        tally.duplicates += key in kept
        kept.setdefault(key, piece)
    return sorted(kept.values())


def _split(pieces: list[_Piece], tally: _Tally) -> list[_Piece]:
    """Split pieces where they meet at grade, themselves included."""
    runs = [np.stack((xy[:-1], xy[1:]), axis=1) for xy in (np.array(p.xy) for p in pieces)]
    counts = [len(run) for run in runs]
    ends = np.concatenate(runs)
    owner = np.repeat(np.arange(len(pieces)), counts)
    within = np.arange(len(ends)) - np.repeat(np.cumsum([0, *counts[:-1]]), counts)
    shapes = np.asarray(shapely.linestrings(ends))
    one, two = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    courses: dict[tuple[_Point, ...], int] = {}
    course = np.array([courses.setdefault(min(p.xy, p.xy[::-1]), i) for i, p in enumerate(pieces)])
    twins = (course[owner[one]] == course[owner[two]]) & (owner[one] != owner[two])
    wanted = (one < two) & ~twins  # pieces that lie upon each other from end to end stay whole
    one, two = one[wanted], two[wanted]
    shared = shapely.intersection(shapes[one], shapes[two])
    follows = (owner[one] == owner[two]) & (two == one + 1) & (shapely.get_type_id(shared) == 0)
    one, two, shared = one[~follows], two[~follows], shared[~follows]
    points, pair = shapely.get_coordinates(shared, return_index=True)
    cuts: dict[int, dict[int, set[_Point]]] = defaultdict(lambda: defaultdict(set))
    for (x, y), at in zip(points.tolist(), pair.tolist(), strict=True):
        both = [(int(owner[k]), int(within[k])) for k in (one[at], two[at])]
        point = _vertex((x, y), [(pieces[p].xy, k) for p, k in both])
        inner = [(p, k) for p, k in both if point not in (pieces[p].xy[0], pieces[p].xy[-1])]
        if any(pieces[p].tags.structure in _APART for p, _ in inner):
            tally.passed.add(point)
            continue
        for p, k in inner:
            cuts[p][k].add(point)
            tally.crossings.add(point)
    return _cut(pieces, cuts)


def _rounded(x: float, y: float) -> _Point:
    """Round a point, so that equal points are equal bytes: -0 is 0."""
    return round(x, _DECIMALS) + 0.0, round(y, _DECIMALS) + 0.0


def _vertex(point: _Point, segments: Sequence[tuple[tuple[_Point, ...], int]]) -> _Point:
    """Return the vertex that a point is but for rounding, an end of a piece if any, or itself."""
    near = sorted(
        (vertex not in (xy[0], xy[-1]), vertex)
        for xy, k in segments
        for vertex in (xy[k], xy[k + 1])
        if math.dist(vertex, point) <= _SAME
    )
    return near[0][1] if near else _rounded(*point)


def _cut(pieces: list[_Piece], cuts: Mapping[int, Mapping[int, set[_Point]]]) -> list[_Piece]:
    """Cut pieces at points, given by piece and by its segment."""
    out: list[_Piece] = []
    for number, piece in enumerate(pieces):
        if number not in cuts:
            out.append(piece)
            continue
        at = cuts[number]
        wanted = set().union(*at.values())
        parts: list[list[_Point]] = [[]]
        for k, (a, b) in enumerate(pairwise(piece.xy)):
            inner = sorted(at.get(k, set()) - {a, b}, key=lambda p, a=a: math.dist(a, p))  # type: ignore[misc]
            for point in (a, *inner):
                parts[-1].append(point)
                if point in wanted and len(parts[-1]) > 1:
                    parts.append([point])
        parts[-1].append(piece.xy[-1])
        out += _pieces(map(tuple, parts), piece.tags)
    return out


def _ends(pieces: Sequence[_Piece]) -> dict[_Point, list[int]]:
    """Pieces that end at each node, by their number; one that starts and ends there is twice."""
    ends: dict[_Point, list[int]] = defaultdict(list)
    for number, piece in enumerate(pieces):
        ends[piece.xy[0]].append(number)
        ends[piece.xy[-1]].append(number)
    return ends


class _Target(NamedTuple):
    """What a loose end may be led to: a node, or a foot inside of a piece."""

    point: _Point
    piece: int = -1
    segment: int = -1


def _snapped(pieces: list[_Piece], snap: float, tally: _Tally) -> list[_Piece]:
    """Lead loose ends to what they nearly touch."""
    ends = _ends(pieces)
    loose = sorted(point for point, meeting in ends.items() if len(meeting) == 1)
    if not loose or not snap:
        return pieces
    parent = _parents(_reachable(pieces, ends, loose, snap), set(loose))
    longer = {number: list(piece.xy) for number, piece in enumerate(pieces)}
    cuts: dict[int, dict[int, set[_Point]]] = defaultdict(lambda: defaultdict(set))
    for point, target in sorted(parent.items()):
        (number,) = ends[point]
        xy = longer[number]
        gap = math.dist(point, target.point)
        tally.snapped += 1
        tally.farthest = max(tally.farthest, gap)
        if target.piece >= 0:
            cuts[target.piece][target.segment].add(target.point)
        last = pieces[number].xy[-1] == point
        if gap <= _MOVED:
            xy[-1 if last else 0] = target.point
        elif last:
            xy.append(target.point)
        else:
            xy.insert(0, target.point)
    # a piece is cut inside of what it was, before it is led on
    out: list[_Piece] = []
    for number, piece in enumerate(pieces):
        parts = _cut([piece], {0: cuts[number]}) if number in cuts else [piece]
        out += _led(parts, piece, longer[number])
    return out


def _led(parts: list[_Piece], piece: _Piece, longer: list[_Point]) -> list[_Piece]:
    """Put the new ends of a piece on the parts it was cut into."""
    if tuple(longer) == piece.xy:
        return parts
    if len(parts) == 1:
        return _pieces([tuple(longer)], piece.tags)
    fresh: list[_Piece] = []
    for part in parts:
        xy = list(part.xy)
        for old, new in ((piece.xy[0], longer[0]), (piece.xy[-1], longer[-1])):
            if old == new:
                continue
            if xy[0] == old:
                xy.insert(0, new)
            elif xy[-1] == old:
                xy.append(new)
        fresh += _pieces([tuple(xy)], part.tags)
    return fresh


def _reachable(
    pieces: list[_Piece], ends: Mapping[_Point, list[int]], loose: list[_Point], snap: float
) -> list[tuple[float, _Point, _Target]]:
    """List what each loose end may be led to, with the distance [m], nearest first."""
    nodes = sorted(ends)
    shapes = np.asarray(shapely.points(loose))
    tree = shapely.STRtree(np.asarray(shapely.points(nodes)))
    found = []
    for i, j in _pairs(tree, shapes, snap):
        if nodes[j] != loose[i]:
            found.append((math.dist(loose[i], nodes[j]), loose[i], _Target(nodes[j])))
    lines = np.array([shapely.LineString(piece.xy) for piece in pieces], dtype=object)
    for i, j in _pairs(shapely.STRtree(lines), shapes, snap):
        piece = pieces[j]
        own = loose[i] in (piece.xy[0], piece.xy[-1])
        near = any(math.dist(loose[i], node) <= snap for node in (piece.xy[0], piece.xy[-1]))
        if piece.tags.structure not in _APART and (own or not near):
            found += [
                (math.dist(loose[i], foot.point), loose[i], foot)
                for foot in _feet(loose[i], piece, j, snap)
            ]
    ways = _ways(pieces, {point for _, point, _ in found}, _DETOUR * snap)
    return sorted(each for each in found if not _reached(each, pieces, ways, _DETOUR * snap))


def _pairs(tree: shapely.STRtree, shapes: NDArray[Any], distance: float) -> list[tuple[int, int]]:
    """Numbers of the shapes and of what the tree holds within a distance of them, in order."""
    one, two = tree.query(shapes, predicate="dwithin", distance=distance)
    return sorted(zip(one.tolist(), two.tolist(), strict=True))


def _feet(point: _Point, piece: _Piece, number: int, snap: float) -> list[_Target]:
    """
    Find the nearest point inside of a piece.

    Where the piece begins at the point itself, what lies within four tolerances along it is
    passed over.
    """
    xy = np.array(piece.xy)
    run = np.diff(xy, axis=0)
    long = np.hypot(*run.T)
    share = np.clip(np.einsum("ij,ij->i", point - xy[:-1], run) / long**2, 0, 1)
    feet = xy[:-1] + share[:, None] * run
    far = np.hypot(*(feet - point).T)
    if point in (piece.xy[0], piece.xy[-1]):
        along = np.concatenate(([0.0], np.cumsum(long)))[:-1] + share * long
        along = along if piece.xy[0] == point else long.sum() - along
        far[along <= _DETOUR * snap] = np.inf
    k = int(far.argmin())
    if far[k] > snap:
        return []
    foot = _rounded(*feet[k].tolist())
    foot = next((v for v in (piece.xy[k], piece.xy[k + 1]) if math.dist(v, foot) <= _MOVED), foot)
    if foot in (piece.xy[0], piece.xy[-1]):
        return []
    return [_Target(foot, number, k)]


def _ways(
    pieces: list[_Piece], origins: Collection[_Point], limit: float
) -> dict[_Point, dict[_Point, float]]:
    """Length of the way from some nodes to those that are not farther than a limit [m]."""
    graph = nx.Graph()
    for piece in pieces:
        start, end, length = piece.xy[0], piece.xy[-1], _length(piece)
        if length < graph.get_edge_data(start, end, {"length": math.inf})["length"]:
            graph.add_edge(start, end, length=length)
    return {
        origin: nx.single_source_dijkstra_path_length(graph, origin, limit, weight="length")
        for origin in sorted(origins)
    }


def _reached(
    each: tuple[float, _Point, _Target],
    pieces: list[_Piece],
    ways: Mapping[_Point, Mapping[_Point, float]],
    limit: float,
) -> bool:
    """Whether the road already leads from an end to its target, within a limit [m]."""
    _, point, target = each
    way = ways[point]
    if target.piece < 0:
        return way.get(target.point, math.inf) <= limit
    xy, k = pieces[target.piece].xy, target.segment
    before = sum(math.dist(p, q) for p, q in pairwise((*xy[: k + 1], target.point)))
    after = sum(math.dist(p, q) for p, q in pairwise((target.point, *xy[k + 1 :])))
    reach = (way.get(xy[0], math.inf) + before, way.get(xy[-1], math.inf) + after)
    return min(reach) <= limit


def _parents(
    found: Iterable[tuple[float, _Point, _Target]], loose: Collection[_Point]
) -> dict[_Point, _Target]:
    """Choose where each loose end is led: along a tree to what holds it, or to its least end."""
    tree = _trees(found, loose)
    parent: dict[_Point, _Target] = {}
    seen: set[_Target] = set()
    fixed = [each for each in tree if each.piece >= 0 or each.point not in loose]
    for root in (*sorted(fixed), *sorted(tree)):
        if root in seen:
            continue
        seen.add(root)
        queue = [root]
        for at in queue:
            fresh = [each for each in tree[at] if each not in seen]
            seen.update(fresh)
            parent.update((each.point, at) for each in fresh)
            queue += fresh
    return parent


def _trees(
    found: Iterable[tuple[float, _Point, _Target]], loose: Collection[_Point]
) -> dict[_Target, list[_Target]]:
    """
    Find the shortest trees that join what is near (Kruskal 1956), nearest first.

    A tree holds one thing at most that is no loose end, so that every end can be led once.
    """
    group: dict[_Target, _Target] = {}
    held: set[_Target] = set()  # heads of groups that hold something that is no loose end
    tree: dict[_Target, list[_Target]] = defaultdict(list)

    def head(target: _Target) -> _Target:
        while group.setdefault(target, target) != target:
            target = group[target]
        return target

    for _, point, target in found:
        if target.piece >= 0 or target.point not in loose:
            held.add(head(target))
        one, two = head(_Target(point)), head(target)
        if one == two or {one, two} <= held:
            continue
        group[two] = one
        if two in held:
            held.add(one)
        tree[_Target(point)].append(target)
        tree[target].append(_Target(point))
    return tree


def _pruned(pieces: list[_Piece], stub: float, tally: _Tally) -> list[_Piece]:
    """Remove dead ends that are short, of several at one junction the shortest."""
    if not stub:
        return pieces
    ends = _ends(pieces)
    short: dict[_Point, tuple[float, int]] = {}
    for number, piece in enumerate(pieces):
        length = _length(piece)
        first, last = sorted((piece.xy[0], piece.xy[-1]), key=lambda node: len(ends[node]))
        if length < stub and len(ends[first]) == 1 and len(ends[last]) > 2:
            short[last] = min(short.get(last, (math.inf, -1)), (length, number))
    gone = {number for _, number in short.values()}
    tally.stubs += len(gone)
    return [piece for number, piece in enumerate(pieces) if number not in gone]


def _merged(pieces: list[_Piece], tally: _Tally) -> list[_Piece]:
    """Join pieces alike where only two of them meet."""
    ends = _ends(pieces)
    now: dict[int, _Piece] = dict(enumerate(pieces))
    for node in sorted(ends):
        if len(ends[node]) != 2 or len(set(ends[node])) == 1:
            continue
        one, two = (now[number] for number in ends[node])
        if one.tags != two.tags:
            continue
        if one.tags.oneway:
            if one.xy[-1] != node:
                one, two = two, one
            if one.xy[-1] != node or two.xy[0] != node:
                continue
        head = one.xy if one.xy[-1] == node else one.xy[::-1]
        tail = two.xy if two.xy[0] == node else two.xy[::-1]
        if head[-2] == tail[1]:
            continue  # the two directions of one road, each a line of its own
        kept, gone = ends[node]
        (now[kept],) = _pieces([(*head, *tail[1:])], one.tags)
        for far in (head[0], tail[-1]):
            ends[far] = [kept if number == gone else number for number in ends[far]]
        del now[gone], ends[node]
        tally.merged += 1
    return [_turned(piece, ends) for piece in now.values()]


def _turned(piece: _Piece, ends: Mapping[_Point, list[int]]) -> _Piece:
    """Let a ring that meets nothing start at its least vertex."""
    node = piece.xy[0]
    if node != piece.xy[-1] or len(ends[node]) != 2:
        return piece
    ring = piece.xy[:-1]
    k = ring.index(min(ring))
    (turned,) = _pieces([(*ring[k:], *ring[:k], ring[k])], piece.tags)
    return turned


def _length(piece: _Piece) -> float:
    """Length of a piece [m]."""
    return sum(math.dist(p, q) for p, q in pairwise(piece.xy))


def _network(
    pieces: list[_Piece], rules: Cleaning, crs: CRS | None, tally: _Tally, given: int
) -> Roads:
    """Give numbers to nodes, edges and connected parts."""
    nodes = sorted(_ends(pieces))
    number = {node: i for i, node in enumerate(nodes)}
    start = np.array([number[piece.xy[0]] for piece in pieces], dtype=np.intp)
    end = np.array([number[piece.xy[-1]] for piece in pieces], dtype=np.intp)
    length = np.array([_length(piece) for piece in pieces])
    graph = nx.Graph()
    graph.add_nodes_from(range(len(nodes)))
    graph.add_edges_from(zip(start.tolist(), end.tolist(), strict=True))
    parts = [sorted(part) for part in nx.connected_components(graph)]
    part_of = np.empty(len(nodes), dtype=np.intp)
    for i, part in enumerate(parts):
        part_of[part] = i
    total = np.bincount(part_of[start], weights=length, minlength=len(parts))
    order = sorted(range(len(parts)), key=lambda i: (-total[i], parts[i]))
    component = np.argsort(order)[part_of].astype(np.intp)
    return Roads(
        xy=np.array(nodes),
        start=start,
        end=end,
        length=length,
        lines=np.array([shapely.LineString(piece.xy) for piece in pieces], dtype=object),
        tags=tuple(piece.tags for piece in pieces),
        component=component,
        rules=rules,
        report=Report(
            pieces=given,
            empty=tally.empty,
            duplicates=tally.duplicates,
            crossings=len(tally.crossings),
            passed=len(tally.passed),
            snapped=tally.snapped,
            farthest=tally.farthest,
            stubs=tally.stubs,
            merged=tally.merged,
            left_out=0,
            components=tuple(float(total[i]) for i in order),
        ),
        crs=crs,
    )


def _speed(rules: Cleaning, kind: str) -> float:
    """Speed of a class [km/h], refused where there is none."""
    speed = rules.speed(kind)
    if speed is None:
        msg = f"found the class {kind!r}, which has no speed; wanted {', '.join(rules.speeds_kmh)}"
        raise GeometryError(msg)
    return speed


def _check_line(where: str, shape: Any, outside: str) -> None:
    """Refuse what is no line of numbers."""
    kind = "no geometry" if shape is None else shape.geom_type
    if kind not in {"LineString", "MultiLineString"}:
        msg = f"{where} is {kind}; wanted LineString or MultiLineString"
        raise InputError(msg)
    if not np.isfinite(shapely.get_coordinates(shape)).all():
        msg = f"{where} has coordinates {outside}; wanted numbers within the reference system"
        raise InputError(msg)


def _features(path: Path) -> gpd.GeoDataFrame:
    """Read the one layer of a vector file of roads, not empty."""
    frame = features(path, "roads")
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{path}: found a table without geometry; wanted lines"
        raise InputError(msg)
    if "class" not in frame:
        found = ", ".join(str(name) for name in frame.columns)
        msg = f"{path}: has no column class; found {found}"
        raise InputError(msg)
    return frame


def _tags(where: str, row: Mapping[str, Any], rules: Cleaning) -> Tags | None:
    """Tags of a feature, None where it carries no cars."""
    held = {key: _text(value) for key, value in row.items()}
    kind = held["class"]
    if kind in rules.left_out:
        return None
    if _one_way(where, "ramp", held["ramp"]) and not kind.endswith(_LINK):
        kind += _LINK
    if rules.speed(kind) is None:
        msg = f"{where} has the class {held['class']!r}; wanted one that has a speed: "
        msg += f"{', '.join(rules.speeds_kmh)}, or one to leave out: {', '.join(rules.left_out)}"
        raise InputError(msg)
    if held["brunnel"] not in {"", *STRUCTURES}:
        msg = f"{where} has brunnel {held['brunnel']!r}; wanted {', '.join(STRUCTURES)} or none"
        raise InputError(msg)
    way = _one_way(where, "oneway", held["oneway"])
    return Tags(kind, held["name"], held["ref"], held["brunnel"], way)


def _text(value: Any) -> str:
    """Text of an attribute; nothing for one that is missing."""
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    return "" if missing else str(value).strip()


def _one_way(where: str, key: str, value: str) -> int:
    """Direction of traffic: 1, -1, or 0 for both."""
    try:
        return _ONE_WAY[value.lower().removesuffix(".0")]
    except KeyError:
        msg = f"{where} has {key} {value!r}; wanted {', '.join(k for k in _ONE_WAY if k)} or none"
        raise InputError(msg) from None
