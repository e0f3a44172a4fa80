"""
The existing road: where it runs, how high, and which of it stands on bridges.

Chainage is the distance along the line from its first vertex, in the plane of the study's
reference system. The level of the road is not surveyed: it is the ground along the line,
smoothed as a road smooths it, and a straight deck wherever the road is known to be a bridge.
"""

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pydantic import Field
from pyproj import CRS
from scipy.spatial import cKDTree

from realign.chainage import Section, merge, text, total
from realign.errors import GeometryError, InputError
from realign.inputs import WITHIN, features, moved
from realign.settings import Settings
from realign.terrain import Terrain

_TOUCH = 1.0  # m; ends of pieces closer than this are one point, above the rounding of inputs
_BEYOND = 1e-6  # m; rounding of a chainage at the ends of the road
_STRETCHED = 0.01  # share; more than map projections make of a length is another line
_APART = 200.0  # m of chainage; what is nearer to itself than this is a bend
_MEETING = 1.0  # m of chainage; vertices of pieces that follow each other
_LOOK, _ALONG, _TWICE = 4.0, 3.0, 300.0  # m: how often, how near and how long it runs twice
_SHOWN = 5  # gaps and ranges that an error names before it counts the others


class Existing(Settings):
    """The table `[existing]`: the road as it stands."""

    file: Annotated[str, WITHIN] = "highway.geojson"
    """Centre line of the road, in the inputs folder."""
    segments: Annotated[str | None, WITHIN] = None
    """Its bridges, by `from_km`, `to_km` and `brunnel`, in the inputs folder; where none is named
    the whole road lies on the ground. Pieces of the whole road, bridges and all else, are stretched
    to its length, up to 1 %; bridges alone stay where they are."""
    name: str
    """Name of the road."""
    start_name: str
    """Place where chainage 0 is."""
    end_name: str
    """Place where the road ends."""
    smooth_m: float = Field(default=500.0, ge=0, le=1e5)
    """Length over which the ground is averaged to give the level of the road [m]."""
    step_m: float = Field(default=20.0, ge=0.1, le=1e5)
    """Largest distance from one station to the next [m]."""
    carriageway_m: float = Field(default=7.3, ge=1, le=100)
    """Width of the carriageway [m]."""
    speed_kmh: float = Field(default=40.0, ge=1, le=300)
    """Mean travel speed [km/h]."""


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """A road in plan, as read: not yet on the ground."""

    xy: NDArray[np.float64]
    """Vertices, shape (n, 2) [m]."""
    s: NDArray[np.float64]
    """Chainage of the vertices from 0, shape (n,) [m]."""
    crs: CRS
    """Projected reference system of the vertices."""
    bridges: tuple[Section, ...] = ()
    """Where the road stands on a bridge, sorted and disjoint."""
    file: str = "highway"
    """Name of the file it comes from, for messages."""

    @property
    def length(self) -> float:
        """Length of the road [m]."""
        return float(self.s[-1])


@dataclass(frozen=True, slots=True, eq=False)
class Highway:
    """The existing road on the ground: plan, level and bridges by chainage."""

    name: str
    """Name of the road."""
    xy: NDArray[np.float64]
    """Vertices of the centre line, shape (n, 2) [m]."""
    s: NDArray[np.float64]
    """Chainage of the vertices, from 0, shape (n,) [m]."""
    crs: CRS
    """Projected reference system of the vertices."""
    station: NDArray[np.float64]
    """Chainages at which levels are known, evenly spaced from 0 to the end, shape (m,) [m]."""
    ground: NDArray[np.float64]
    """Level of the ground at the stations, shape (m,) [m]."""
    level: NDArray[np.float64]
    """Level of the road at the stations, decks included, shape (m,) [m]."""
    bridges: tuple[Section, ...] = ()
    """Where the road stands on a bridge, sorted and disjoint."""
    _tree: shapely.STRtree = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Build the index of pieces that makes `chainage` quick."""
        pieces = np.asarray(shapely.linestrings(np.stack((self.xy[:-1], self.xy[1:]), axis=1)))
        object.__setattr__(self, "_tree", shapely.STRtree(pieces))

    @property
    def length(self) -> float:
        """Length of the road [m]."""
        return float(self.s[-1])

    @property
    def line(self) -> shapely.LineString:
        """The centre line."""
        return shapely.LineString(self.xy)

    def at(self, s: ArrayLike) -> NDArray[np.float64]:
        """
        Points at chainages.

        Parameters
        ----------
        s
            One chainage or k of them, from 0 to the length of the road [m].

        Returns
        -------
        points
            Shape (k, 2) [m].
        """
        wanted = self._checked(s)
        x = np.interp(wanted, self.s, self.xy[:, 0])
        y = np.interp(wanted, self.s, self.xy[:, 1])
        return np.column_stack((x, y))

    def bearing(self, s: ArrayLike) -> NDArray[np.float64]:
        """
        Direction of travel at k chainages, shape (k,) [rad], anticlockwise from the x axis.

        At a vertex it is the direction of the piece that begins there.
        """
        wanted = self._checked(s)
        piece = np.clip(np.searchsorted(self.s, wanted, side="right") - 1, 0, len(self.s) - 2)
        dx, dy = (self.xy[piece + 1] - self.xy[piece]).T
        return np.asarray(np.arctan2(dy, dx))

    def chainage(
        self, x: ArrayLike, y: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Find the nearest point of the road to each of k points.

        Parameters
        ----------
        x, y
            Coordinates of the points, shape (k,) [m].

        Returns
        -------
        s
            Chainage of the nearest point of the road, shape (k,) [m]; NaN for a NaN point.
        offset
            Distance to it, not negative, shape (k,) [m]; NaN for a NaN point.
        """
        points = np.column_stack((np.atleast_1d(x), np.atleast_1d(y))).astype(np.float64)
        s, offset = np.full((2, len(points)), np.nan)
        known = np.flatnonzero(np.isfinite(points).all(axis=1))
        given, piece = self._tree.query_nearest(shapely.points(points[known]), all_matches=False)
        each = known[given]
        start, run = self.xy[piece], self.xy[piece + 1] - self.xy[piece]
        length = np.hypot(*run.T)
        along = np.einsum("ij,ij->i", points[each] - start, run) / length
        along = np.clip(along, 0.0, length)
        foot = start + run * (along / length)[:, None]
        s[each] = self.s[piece] + along
        offset[each] = np.hypot(*(points[each] - foot).T)
        return s, offset

    def level_at(self, s: ArrayLike) -> NDArray[np.float64]:
        """Level of the road at k chainages, shape (k,) [m], straight between stations."""
        return np.asarray(np.interp(self._checked(s), self.station, self.level))

    def piece(self, section: Section) -> NDArray[np.float64]:
        """Vertices of a stretch of the road, its two ends included, shape (k, 2) [m]."""
        inner = (self.s > section.start + _BEYOND) & (self.s < section.end - _BEYOND)
        first, last = self.at([section.start, section.end])
        return np.vstack((first, self.xy[inner], last))

    def _checked(self, s: ArrayLike) -> NDArray[np.float64]:
        """Chainages as an array, refused where the road has none."""
        wanted = np.atleast_1d(np.asarray(s, dtype=np.float64))
        inside = (wanted >= -_BEYOND) & (wanted <= self.length + _BEYOND)
        if not inside.all():
            first = float(wanted[~inside][0])
            msg = f"{self.name} runs from 0 to {self.length:.1f} m, got the chainage {first:.1f} m"
            raise GeometryError(msg)
        return wanted


def read(path: Path, *, crs: CRS, segments: Path | None = None) -> Line:
    """
    Read the centre line of a road, and its bridges.

    Pieces whose ends lie within 1 m are joined; the road runs the way its first piece does.

    Parameters
    ----------
    path
        Lines in any vector format of GDAL; GeoJSON without a reference system is WGS 84
        (RFC 7946).
    crs
        Projected reference system in metres to bring it into.
    segments
        Pieces of the same road with the columns `from_km`, `to_km` and `brunnel`, which is
        `bridge` on a bridge; None where bridges are not known. Pieces that cover the
        whole road, in kilometres measured in another projection, are stretched to the
        length of the line, up to 1 %.

    Raises
    ------
    InputError
        The file is missing, unreadable or empty, has no reference system, or holds
        something other than one connected line.
    """
    frame = features(path, "lines")
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"{path}: found a table without geometry; wanted lines"
        raise InputError(msg)
    if frame.crs is None:
        msg = f"{path}: has no coordinate reference system; wanted one, as in {crs.name}"
        raise InputError(msg)
    frame = moved(path, frame, crs)
    xy = _joined(path, _lines(path, frame))
    s = _along(xy)
    bridges = () if segments is None else _bridges(segments, float(s[-1]))
    return Line(xy=xy, s=s, crs=crs, bridges=bridges, file=str(path))


def oriented(line: Line, start_xy: tuple[float, float]) -> Line:
    """Turn the line round if its end is nearer to `start_xy` [m] than its start."""
    to_start, to_end = np.hypot(*(line.xy[[0, -1]] - np.asarray(start_xy)).T)
    if to_start <= to_end:
        return line
    length = line.length
    bridges = tuple(Section(length - each.end, length - each.start) for each in line.bridges)
    return replace(
        line, xy=line.xy[::-1].copy(), s=length - line.s[::-1], bridges=tuple(sorted(bridges))
    )


def crossings(line: Line) -> tuple[tuple[float, float], ...]:
    """
    Find where a road crosses itself: a turn over itself, or a mistake.

    Parameters
    ----------
    line
        The road in plan.

    Returns
    -------
    chainages
        Both chainages of each place, the smaller first, rising [m]; of crossings within
        `_APART` of each other one.

    Raises
    ------
    InputError
        The road runs along itself, so that places on it have two chainages.
    """
    _check_once(line)
    ends = np.stack((line.xy[:-1], line.xy[1:]), axis=1)
    parts = np.array([shapely.LineString(pair) for pair in ends], object)
    first, second = shapely.STRtree(parts).query(parts, predicate="intersects")
    apart = second > first + 1
    out: list[tuple[float, float]] = []
    for i, j in sorted(zip(first[apart].tolist(), second[apart].tolist(), strict=True)):
        spot = shapely.point_on_surface(parts[i].intersection(parts[j]))
        a, b = (float(line.s[k] + parts[k].project(spot)) for k in (i, j))
        near = out and abs(out[-1][0] - a) < _APART and abs(out[-1][1] - b) < _APART
        if b - a > _MEETING and not near:
            out.append((a, b))
    return tuple(out)


def _check_once(line: Line) -> None:
    """Refuse a road that is drawn twice over a stretch."""
    s = np.linspace(0.0, line.length, max(math.ceil(line.length / _LOOK), 1) + 1)
    xy = np.column_stack([np.interp(s, line.s, line.xy[:, axis]) for axis in (0, 1)])
    pairs = cKDTree(xy).query_pairs(_ALONG, output_type="ndarray")
    pairs = pairs[np.abs(s[pairs[:, 0]] - s[pairs[:, 1]]) > _APART]
    twice = np.unique(pairs.min(axis=1)) if len(pairs) else pairs
    if len(twice) * _LOOK > _TWICE:
        a, b = s[pairs[np.argmin(pairs.min(axis=1))]]
        msg = (
            f"{line.file}: runs along itself for {len(twice) * _LOOK:.0f} m, first at "
            f"{text(min(a, b))} and {text(max(a, b))}; wanted a line that is drawn once, from one "
            "end of the road to the other"
        )
        raise InputError(msg)


def on_ground(line: Line, terrain: Terrain, existing: Existing) -> Highway:
    """
    Give a line its levels.

    The ground of a bridge is that of the valley it spans, so it is left out: the ground is
    taken straight from one end of the bridge to the other before it is averaged, and the
    deck runs straight between the averaged levels of its ends.

    Parameters
    ----------
    line
        The road in plan, in the reference system of `terrain`.
    terrain
        The ground.
    existing
        Spacing of stations, length of averaging, name.

    Raises
    ------
    InputError
        The road leaves the terrain or crosses ground without data; the chainages are named.
    """
    if not line.crs.equals(terrain.crs, ignore_axis_order=True):
        msg = f"{line.file}: found the road in {line.crs.name}; wanted {terrain.crs.name}"
        raise InputError(msg)
    intervals = max(math.ceil(line.length / existing.step_m - _BEYOND), 1)
    station = np.linspace(0.0, line.length, intervals + 1)
    ground = _ground(line, terrain, station)
    _check_covered(line, station, np.isnan(ground))
    limits = np.array([(each.start, each.end) for each in line.bridges]).reshape(-1, 2)
    ends = _ground(line, terrain, limits)
    _check_covered(line, limits.ravel(), np.isnan(ends).ravel())
    spanned = _decked(ground, station, limits, ends)
    smooth = _smooth(spanned, station, existing.smooth_m)
    level = _decked(smooth, station, limits, np.interp(limits, station, smooth))
    return Highway(
        name=existing.name,
        xy=line.xy,
        s=line.s,
        crs=line.crs,
        station=station,
        ground=ground,
        level=level,
        bridges=line.bridges,
    )


def _along(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distance of each vertex along a line, from 0 [m]."""
    return np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))


def _distinct(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out vertices that repeat the one before."""
    moved = np.hypot(*np.diff(xy, axis=0).T) > 0
    return xy[np.concatenate(([True], moved))]


def _lines(path: Path, frame: gpd.GeoDataFrame) -> list[NDArray[np.float64]]:
    """Vertices of every piece; what is no line is an error."""
    pieces = []
    for number, shape in enumerate(frame.geometry, start=1):
        kind = "no geometry" if shape is None else shape.geom_type
        if kind not in {"LineString", "MultiLineString"}:
            msg = f"{path}: feature {number} is {kind}; wanted LineString or MultiLineString"
            raise InputError(msg)
        for part in shapely.get_parts(shape):
            xy = shapely.get_coordinates(part)
            if len(xy) and len(_distinct(xy)) >= 2:
                pieces.append(_distinct(xy))
    if not pieces:
        msg = f"{path}: found no line with two different vertices; wanted a road"
        raise InputError(msg)
    return pieces


def _joined(path: Path, pieces: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Join pieces whose ends touch to one line that runs the way the first piece does."""
    ends = np.array([xy[[0, -1]] for xy in pieces])
    _check_forks(path, ends.reshape(-1, 2))
    order, gaps = _chain(ends)
    runs = [pieces[number][::-1] if back else pieces[number] for number, back in order]
    if gaps:
        behind = np.cumsum([_along(run)[-1] for run in runs])
        found = [f"{distance:.0f} m at {text(behind[i])}" for i, distance in gaps[:_SHOWN]]
        more = f" and {len(gaps) - _SHOWN} more" if len(gaps) > _SHOWN else ""
        msg = (
            f"{path}: the road is in {len(gaps) + 1} parts, with gaps of "
            f"{', '.join(found)}{more}; wanted one line without gaps above {_TOUCH:g} m"
        )
        raise InputError(msg)
    xy = _distinct(np.vstack([runs[0], *(run[1:] for run in runs[1:])]))
    if np.hypot(*(xy[0] - xy[-1])) <= _TOUCH:
        msg = f"{path}: the road ends where it starts; wanted a line with two ends"
        raise InputError(msg)
    return xy


def _check_forks(path: Path, ends: NDArray[np.float64]) -> None:
    """Refuse a place where more than two pieces end."""
    points = np.asarray(shapely.points(ends))
    one, _ = shapely.STRtree(points).query(points, predicate="dwithin", distance=_TOUCH)
    meeting = np.bincount(one, minlength=len(ends))
    if (meeting > 2).any():
        x, y = ends[meeting > 2][0]
        msg = f"{path}: {meeting.max()} lines meet at ({x:.0f}, {y:.0f}); wanted one line"
        raise InputError(msg)


def _chain(
    ends: NDArray[np.float64],
) -> tuple[list[tuple[int, bool]], list[tuple[int, float]]]:
    """
    Put pieces in the order in which they follow each other, nearest end to nearest end.

    Parameters
    ----------
    ends
        First and last vertex of each piece, shape (k, 2, 2) [m].

    Returns
    -------
    order
        Number of each piece, and whether it runs backwards; the first piece runs forward.
    gaps
        Position in `order` before each gap, and its width [m].
    """
    order = [(0, False)]
    widths: list[float] = []
    head, tail = ends[0]
    rest = np.arange(1, len(ends))
    while len(rest):
        reach = np.stack([np.linalg.norm(ends[rest] - end, axis=2) for end in (tail, head)])
        at_head, which, far = np.unravel_index(int(reach.argmin()), reach.shape)
        number = int(rest[which])
        rest = np.delete(rest, which)
        width = float(reach[at_head, which, far])
        if at_head:
            order.insert(0, (number, far == 0))
            widths.insert(0, width)
            head = ends[number, 1 - far]
        else:
            order.append((number, far == 1))
            widths.append(width)
            tail = ends[number, 1 - far]
    return order, [(i, width) for i, width in enumerate(widths) if width > _TOUCH]


def _bridges(path: Path, length: float) -> tuple[Section, ...]:
    """Read bridges by chainage, stretched to a road of the given length [m]."""
    frame = features(path, "pieces of the road")
    missing = {"from_km", "to_km", "brunnel"} - set(frame.columns)
    if missing:
        found = ", ".join(str(name) for name in frame.columns)
        msg = f"{path}: has no column {', '.join(sorted(missing))}; found {found}"
        raise InputError(msg)
    try:
        limits = 1000.0 * frame[["from_km", "to_km"]].to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as problem:
        msg = f"{path}: from_km and to_km hold something other than numbers ({problem})"
        raise InputError(msg) from problem
    wrong = ~(
        np.isfinite(limits).all(axis=1) & (limits[:, 0] >= 0) & (limits[:, 1] >= limits[:, 0])
    )
    if wrong.any():
        number = int(np.flatnonzero(wrong)[0])
        low, high = limits[number] / 1000.0
        msg = (
            f"{path}: feature {number + 1} has from_km {low:g} and to_km {high:g}; "
            "wanted 0 <= from_km <= to_km"
        )
        raise InputError(msg)
    end = float(limits.max())
    if end > length * (1 + _STRETCHED):
        msg = f"{path}: reaches {end / 1000:.3f} km; wanted a road of {length / 1000:.3f} km"
        raise InputError(msg)
    pieces = merge(Section(float(low), float(high)) for low, high in limits if high > low)
    if total(pieces) > length * (1 - _STRETCHED):  # all of the same line, measured otherwise
        limits *= length / end
    limits = np.minimum(limits, length)
    spans = limits[(frame["brunnel"] == "bridge").to_numpy()]
    return merge(Section(float(low), float(high)) for low, high in spans if high > low)


def _smooth(
    level: NDArray[np.float64], station: NDArray[np.float64], length: float
) -> NDArray[np.float64]:
    """Mean over a centred window of the given length [m], cut off at the ends of the road."""
    spacing = station[1] - station[0]
    half = round(length / 2 / spacing)
    total = np.concatenate(([0.0], np.cumsum(level - level[0])))
    each = np.arange(len(level))
    first, behind = np.maximum(each - half, 0), np.minimum(each + half + 1, len(level))
    return np.asarray(level[0] + (total[behind] - total[first]) / (behind - first))


def _ground(line: Line, terrain: Terrain, s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Level of the ground at chainages, of the shape of `s` [m]."""
    x, y = (np.interp(s, line.s, line.xy[:, axis]) for axis in (0, 1))
    return terrain.sample(x, y)


def _decked(
    level: NDArray[np.float64],
    station: NDArray[np.float64],
    limits: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> NDArray[np.float64]:
    """
    Replace the level on bridges by straight decks.

    Parameters
    ----------
    level, station
        Of the road, shape (m,) [m].
    limits, ends
        Chainages of the two ends of each bridge and the levels there, shape (k, 2) [m].
    """
    decked = level.copy()
    for limit, end in zip(limits, ends, strict=True):
        on = (station > limit[0]) & (station < limit[1])
        decked[on] = np.interp(station[on], limit, end)
    return decked


def _check_covered(line: Line, station: NDArray[np.float64], missing: NDArray[np.bool_]) -> None:
    """Name the chainages where the road has no ground."""
    if not missing.any():
        return
    edges = np.flatnonzero(np.diff(np.concatenate(([False], missing, [False])).astype(int)))
    spans = [(float(station[a]), float(station[b - 1])) for a, b in edges.reshape(-1, 2)]
    found = ", ".join(f"{text(a)} to {text(b)}" for a, b in spans[:_SHOWN])
    more = f" and {len(spans) - _SHOWN} more ranges" if len(spans) > _SHOWN else ""
    msg = (
        f"{line.file}: the road leaves the ground that is known at chainage {found}{more}; "
        "wanted a DEM without holes under the whole road, or a conditioning.fill_void_m as wide as "
        "they are"
    )
    raise InputError(msg)
