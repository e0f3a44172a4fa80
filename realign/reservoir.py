"""
What a dam drowns: the reach of the water at every level, storage, and dated stages of filling.

One flood answers all of it. Starting on the river just upstream of the wall it
gives each cell the lowest lake level at which water arrives there (the minimax
level over all paths of side neighbours), so the lake at a level is the set of
cells that are reached at or below it. A hollow behind a sill stays dry until
the sill is under water, and nothing below the wall is ever part of the lake.
"""

import datetime as dt
import math
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import pairwise
from pathlib import Path
from typing import Annotated

import geopandas as gpd
import numba
import numpy as np
import shapely
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from pyproj import CRS, Transformer
from rasterio.features import rasterize, shapes
from shapely import LineString, MultiPolygon, Point, Polygon, box

from realign import datum
from realign.errors import InputError
from realign.inputs import WITHIN, features, moved
from realign.settings import Settings
from realign.terrain import Bounds, Terrain

CURVE_STEP = 5.0  # m of level between two points of the stage-storage curve
WALL_REACH = 5000.0  # m from the axis within which the wall has to close the valley
APART = 0.25  # share of its area by which a given lake may differ before that is said aloud
OFF_WALL = 500.0  # m from the wall within which a given lake begins, or two cells of the ground
TIMES = 20.0  # times larger or smaller than that of the ground: such a lake is another one
ABOVE_CREST = 60.0  # m above the crest up to which the flood is followed, for freeboard and error
DIRECTION_REACH = 1000.0  # m up and down the river whose chord is the direction of the valley
FALL_REACH = 5000.0  # m up and down the river whose levels tell which way it falls
SHARPEST_TURN = math.radians(135)  # of a river from piece to piece: beyond, it would turn back
RIDGE_DIP = 20.0  # m by which the ground may fall along a ridge that holds the water
ORIGIN_REACH = 100.0  # m along the wall within which its lowest ground is looked for
MARGIN = 64  # cells around the wall in the first window of the flood

_FREE, _WALL, _FACE = 0, 1, 2  # what stands in a cell: nothing, the wall, nothing just below it


class Stage(Settings):
    """A dated step in the filling of a reservoir."""

    name: str = Field(min_length=1, max_length=120)
    """What is reached, for example "partial impounding"."""
    level_m: float = Field(ge=-1000, le=10_000)
    """Level to which the lake is filled [m above datum]."""
    date: dt.date
    """First day on which the lake may stand above the stage before: filling to the level begins.
    Whatever lies below the level counts as taken from this day on, which errs on the safe side."""


class Dam(Settings):
    """The table `[[dams]]`: where a dam stands, how high, and when its reservoir fills."""

    name: str = Field(min_length=1, max_length=120)
    """Name of the dam."""
    lon: float = Field(ge=-180, le=180)
    """Longitude of the axis in the middle of the river [deg, WGS 84]."""
    lat: float = Field(ge=-90, le=90)
    """Latitude of the axis in the middle of the river [deg, WGS 84]."""
    snap_m: float = Field(default=1500.0, gt=0, le=1e5)
    """Largest distance from the axis as given to the river [m]."""
    full_level_m: float = Field(ge=-1000, le=10_000)
    """Full reservoir level [m above datum]."""
    minimum_level_m: float = Field(ge=-1000, le=10_000)
    """Lowest level of operation; the storage above it is live [m above datum]."""
    crest_level_m: float = Field(ge=-1000, le=10_000)
    """Top of the wall [m above datum]."""
    vertical_datum: datum.Name = ""
    """Datum of these levels where it is said; it has to be that of the ground, so that the two are
    never mixed in silence: `elevation.level_datum` brings the ground onto it."""
    stages: tuple[Stage, ...] = Field(min_length=1)
    """Steps of filling, each later and higher than the one before."""
    extent: Annotated[str | None, WITHIN] = None
    """Polygon file in the inputs folder, taken as the lake at full level: on the map, as its area,
    and where new roads keep out. What the water takes of the existing road is told by levels."""

    @model_validator(mode="after")
    def _levels_in_order(self) -> "Dam":
        problems = []
        if not self.minimum_level_m < self.full_level_m:
            problems.append(
                f"minimum_level_m {self.minimum_level_m:g} has to be below "
                f"full_level_m {self.full_level_m:g}"
            )
        if not self.full_level_m < self.crest_level_m:
            problems.append(
                f"full_level_m {self.full_level_m:g} has to be below "
                f"crest_level_m {self.crest_level_m:g}"
            )
        for earlier, later in pairwise(self.stages):
            if not earlier.date < later.date:
                problems.append(
                    f"stage {later.name!r} of {later.date} has to be later than "
                    f"{earlier.name!r} of {earlier.date}"
                )
            if not earlier.level_m < later.level_m:
                problems.append(
                    f"stage {later.name!r} at {later.level_m:g} m has to be higher than "
                    f"{earlier.name!r} at {earlier.level_m:g} m"
                )
        problems += [
            f"stage {stage.name!r} at {stage.level_m:g} m has to be at or below "
            f"full_level_m {self.full_level_m:g}"
            for stage in self.stages
            if stage.level_m > self.full_level_m
        ]
        if problems:
            raise ValueError(f"dam {self.name!r}: " + "; ".join(problems))
        return self


@dataclass(frozen=True, slots=True, eq=False)
class Lake:
    """The lake at one stage of filling."""

    stage: Stage
    """Name, level and day of the stage."""
    area: float
    """Surface of the lake [m2]."""
    volume: float
    """Water between the ground and the level of the lake [m3]."""
    polygon: Polygon | MultiPolygon
    """Surface in the reference system of the terrain; empty where the level is below the bed."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How the lake that the user gives differs from the one the ground gives."""

    area_ratio: float
    """Area of the given lake over that from the ground [-]."""
    shared: float
    """Area in both lakes over the area in either [0-1]."""
    shore_above: float
    """Mean level of the ground on the given shore minus full level [m]; NaN if unknown."""
    shore_spread: float
    """Standard deviation of that difference along the shore [m]; NaN if unknown."""

    @property
    def words(self) -> str:
        """What it comes to, in a sentence without a beginning."""
        shore = "of the ground on its shore nothing is known"
        if math.isfinite(self.shore_above):
            shore = (
                f"the ground on its shore lies {self.shore_above:+.1f} m from full level "
                f"(standard deviation {self.shore_spread:.1f} m)"
            )
        much = ": they differ much, so that one of them is wrong" if self.differs else ""
        return (
            f"its area is {self.area_ratio:.2f} times that of the ground's own level line, "
            f"{self.shared:.0%} of both is shared, and {shore}{much}"
        )

    @property
    def differs(self) -> bool:
        """Whether they are more apart than ground and a map of it should be."""
        return not (
            abs(math.log(self.area_ratio)) <= math.log(1 + APART) and self.shared >= 1 - APART
        )


@dataclass(frozen=True, slots=True, eq=False)
class Reservoir:
    """What a dam drowns, at every level up to full and somewhat above."""

    dam: Dam
    """The dam."""
    axis: tuple[float, float]
    """Axis moved onto the river [m]."""
    snapped_by: float
    """How far it was moved [m]."""
    bed: float
    """Lowest ground under the wall [m above datum]."""
    wall: LineString
    """Axis of the wall, between the first ground above the crest on both sides."""
    window: tuple[int, int, int, int]
    """Part of the terrain that `rises` covers: first row, end row, first column, end column."""
    transform: Affine
    """From (column, row) of the corners of the cells of `rises` to (x, y) [m]."""
    rises: NDArray[np.float32]
    """Lake level at which water reaches each cell [m above datum]; inf where never."""
    ceiling: float
    """Level up to which `rises` is known; whatever lies higher is inf [m above datum]."""
    curve_level: NDArray[np.float64]
    """Levels of the stage-storage curve, from the bed to full, shape (n,) [m above datum]."""
    curve_area: NDArray[np.float64]
    """Area at each level, shape (n,) [m2]."""
    curve_volume: NDArray[np.float64]
    """Volume at each level, shape (n,) [m3]."""
    lakes: tuple[Lake, ...]
    """The lake at each stage of the dam."""
    full: Lake
    """The lake at full level; its stage has the day of the last stage."""
    live_volume: float
    """Water between the minimum and the full level [m3]."""
    river_length: float
    """
    Length of the full lake along its valley [m].

    Along the river lines, from the axis up to the last point of them that the lake reaches;
    where these are broken off or missing, the longest of all shortest ways on the water from
    the wall to a cell of the lake. The larger of both, since a river bends at least as much.
    """
    extent_comparison: Comparison | None = None
    """Given lake against that from the ground; None where none is given."""

    def mask(self, level: float) -> NDArray[np.bool_]:
        """Cells under water at a level of the lake [m above datum], of the shape of `rises`."""
        return np.asarray(self.rises <= float(level))

    def reaches(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """
        Lake level at which water comes to each point.

        The lowest level over the cell of the point and its eight neighbours, so that
        a road beside the water, or on a bridge over it, is met by the lake.

        Parameters
        ----------
        x, y
            Coordinates in the reference system of the terrain, of one shape [m].

        Returns
        -------
        level
            Of the shape of `x` [m above datum]; inf where water never comes.
        """
        return _reached(self.rises, self.transform, x, y)


def fill(
    terrain: Terrain,
    dam: Dam,
    rivers: gpd.GeoDataFrame,
    *,
    shore: Polygon | MultiPolygon | None = None,
) -> Reservoir:
    """
    Fill the valley above a dam.

    The axis is moved onto the nearest river. The wall stands square to the chord
    of the river 1 km up and down, from the first ground above the crest on one
    side to that on the other, and goes on along the ridges so that levels above
    the crest stay upstream as well. Upstream is where the bed rises; on a level bed,
    against the direction in which the river is drawn.

    Parameters
    ----------
    terrain
        Ground on the datum of the levels of the dam.
    dam
        Place, levels and stages.
    rivers
        Centre lines; a column `name` helps to follow a river that is in pieces.
    shore
        Lake at full level from `read_extent`, in the reference system of the terrain,
        for a dam that names an `extent`. Area and polygon of the full lake are taken from
        it; volumes, other levels and the reach of the water remain those of the ground.

    Raises
    ------
    InputError
        If the axis is off the terrain or off the river, the full level is below the
        bed, the wall does not close the valley, water goes round it, or the full lake
        meets the edge of the terrain or ground without data.
    """
    if (shore is None) != (dam.extent is None):
        found = "none was given" if shore is None else "the dam names no extent"
        msg = f"dam {dam.name!r}: the shore goes with the key extent, but {found}"
        raise InputError(msg)
    river, on_river, snapped_by = _snap(terrain, dam, rivers)
    course, along = _rising(terrain, river, on_river)
    upstream = _chord(terrain, dam, course, along)
    spot = course.interpolate(along)
    axis = (spot.x, spot.y)
    wall, barrier = _wall(terrain, dam, axis, upstream)
    flood = _Flood.run(terrain, dam, (wall, barrier), upstream)
    storage = _Storage.of(flood, dam)
    lakes = tuple(_lake(stage, flood, storage) for stage in dam.stages)
    last = dam.stages[-1]
    full = lakes[-1]
    if last.level_m < dam.full_level_m:
        stage = Stage(name="full level", level_m=dam.full_level_m, date=last.date)
        full = _lake(stage, flood, storage)
    comparison = None
    if shore is not None:
        comparison = _compare(terrain, full, shore, wall)
        _refuse_another(dam, comparison, shore.distance(wall), terrain.cell)
        given = Lake(full.stage, float(shore.area), full.volume, shore)
        lakes = tuple(given if lake is full else lake for lake in lakes)
        full = given
    level, area, volume = storage.curve(flood.bed, dam)
    return Reservoir(
        dam=dam,
        axis=axis,
        snapped_by=snapped_by,
        bed=flood.bed,
        wall=wall,
        window=flood.window,
        transform=flood.transform,
        rises=flood.rises,
        ceiling=flood.ceiling,
        curve_level=level,
        curve_area=area,
        curve_volume=volume,
        lakes=lakes,
        full=full,
        live_volume=full.volume - storage.volume(dam.minimum_level_m),
        river_length=_length(flood, dam, course, along),
        extent_comparison=comparison,
    )


def read_extent(path: Path, *, crs: CRS, within: Bounds | None = None) -> MultiPolygon:
    """
    Read the lake at full level from a polygon file, in one of `inputs.VECTORS`.

    Parameters
    ----------
    path
        File whose polygons together are the lake.
    crs
        Reference system wanted.
    within
        Ground that the lake has to lie on: left, bottom, right, top in `crs` [m].

    Raises
    ------
    InputError
        If the file cannot be read, has no reference system, holds anything but
        polygons, or a polygon is empty or crosses itself; or lies elsewhere.
    """
    frame = _polygons(path)
    try:
        lakes = moved(path, frame, crs)
    except InputError as problem:
        if within is not None and _swapped(path, frame, crs, within):
            msg = f"{problem}; it would be on the ground with x and y the other way round"
            raise InputError(msg) from problem
        raise
    if within is not None and not box(*within).covers(box(*lakes.total_bounds)):
        msg = _elsewhere(path, frame, lakes, within)
        raise InputError(msg)
    parts = shapely.get_parts(shapely.union_all(lakes.geometry.to_numpy()))
    return MultiPolygon(list(parts))


def _polygons(path: Path) -> gpd.GeoDataFrame:
    """Read the polygons of a lake; whatever else a file holds is an error."""
    frame = features(path, "polygons of the lake")
    if not isinstance(frame, gpd.GeoDataFrame):
        msg = f"found no shapes in the lake {path}, wanted polygons"
        raise InputError(msg)
    if frame.crs is None:
        msg = f"found no reference system in the lake {path}, wanted one"
        raise InputError(msg)
    problems = []
    for number, shape in enumerate(frame.geometry, start=1):
        if shape is None or shape.is_empty:
            problems.append(f"feature {number} is empty, wanted a polygon")
        elif not isinstance(shape, Polygon | MultiPolygon):
            problems.append(f"feature {number} is a {shape.geom_type}, wanted a polygon")
        elif not shape.is_valid:
            problems.append(
                f"feature {number} is no proper polygon: {shapely.is_valid_reason(shape)}"
            )
    if problems:
        raise InputError(f"the lake {path} is wrong:\n" + "\n".join(problems))
    return frame


def _elsewhere(path: Path, frame: gpd.GeoDataFrame, lakes: gpd.GeoDataFrame, within: Bounds) -> str:
    """Say where a lake lies that is not on the ground, and what may be the matter."""
    found, own = (", ".join(f"{v:.0f}" for v in edges) for edges in (lakes.total_bounds, within))
    msg = (
        f"the lake {path} covers {found} m (left, bottom, right, top); wanted it within the "
        f"ground, {own} m"
    )
    if _swapped(path, frame, lakes.crs, within):
        return f"{msg}: it would be there with x and y the other way round"
    degrees = np.abs(frame.total_bounds).max() <= 360 and frame.crs.is_projected
    return f"{msg}: its numbers look like degrees, and it says {frame.crs.name}" if degrees else msg


def _swapped(path: Path, frame: gpd.GeoDataFrame, crs: CRS, within: Bounds) -> bool:
    """Whether a lake would lie on the ground with x and y the other way round."""
    turned = [shapely.transform(shape, lambda xy: xy[:, ::-1]) for shape in frame.geometry]
    try:
        lakes = moved(path, frame.set_geometry(turned), crs)
    except InputError:
        return False
    return bool(box(*within).covers(box(*lakes.total_bounds)))


# ---------------------------------------------------------------- river and wall


def _snap(terrain: Terrain, dam: Dam, rivers: gpd.GeoDataFrame) -> tuple[LineString, float, float]:
    """Course of the nearest river, the axis along it [m], and how far the axis was moved [m]."""
    onto = Transformer.from_crs(CRS.from_epsg(4326), terrain.crs, always_xy=True)
    x, y = onto.transform(dam.lon, dam.lat)
    left, bottom, right, top = terrain.bounds
    if not (left <= x <= right and bottom <= y <= top):
        msg = (
            f"dam {dam.name!r}: found the axis at lon {dam.lon:g}, lat {dam.lat:g}, wanted it on "
            f"the terrain, whose bounds are {left:.0f}, {bottom:.0f}, {right:.0f}, {top:.0f} m"
        )
        raise InputError(msg)
    if rivers.crs is None:
        msg = f"dam {dam.name!r}: found rivers without a reference system, wanted one"
        raise InputError(msg)
    pieces = _pieces(rivers.to_crs(terrain.crs))
    given = Point(x, y)
    away = [piece.distance(given) for piece, _ in pieces]
    if not away or min(away) > dam.snap_m:
        found = f"the nearest river {min(away):.0f} m away" if away else "no river line"
        msg = f"dam {dam.name!r}: found {found} from the axis, wanted one within {dam.snap_m:g} m"
        raise InputError(msg)
    course = _course(pieces, int(np.argmin(away)), gap=max(2 * terrain.cell, 50.0))
    return course, float(course.project(given)), float(min(away))


def _pieces(rivers: gpd.GeoDataFrame) -> list[tuple[LineString, str]]:
    """Single lines of the rivers with their names, "" where there is none."""
    names = rivers["name"].fillna("") if "name" in rivers else [""] * len(rivers)
    return [
        (part, str(name))
        for shape, name in zip(rivers.geometry, names, strict=True)
        if shape is not None
        for part in shapely.get_parts(shapely.force_2d(shape))
        if isinstance(part, LineString) and part.length > 0
    ]


def _course(pieces: list[tuple[LineString, str]], first: int, *, gap: float) -> LineString:
    """
    Follow a river from one of its pieces both ways.

    At an end the next piece begins or ends within `gap`; one of the same name is taken
    before others, and then the one that turns least. Where there is none the course ends.
    """
    line, name = pieces[first]
    ends = np.array([[piece.coords[0], piece.coords[-1]] for piece, _ in pieces])
    left = np.arange(len(pieces)) != first
    for _ in range(2):  # forwards, then turned about, forwards again
        while True:
            near = np.hypot(*(ends - np.array(line.coords[-1])).transpose(2, 0, 1)) <= gap
            number, following = _next(line, name, pieces, np.argwhere(near & left[:, None]))
            if following is None:
                break
            left[number] = False
            line = LineString([*line.coords, *following.coords])
        line = line.reverse()
    return line


def _next(
    line: LineString,
    name: str,
    pieces: list[tuple[LineString, str]],
    near: NDArray[np.int64],
) -> tuple[int, LineString | None]:
    """Find the piece that goes on from the end of a line among (piece, end) near it; turn it so."""
    heading = _heading(line, from_end=True)
    best: tuple[tuple[bool, float], int, LineString] | None = None
    for number, end in near.tolist():
        piece, its_name = pieces[number]
        turned = piece.reverse() if end else piece
        turn = abs(math.remainder(_heading(turned, from_end=False) - heading, math.tau))
        rank = (its_name != name, turn)
        if turn < SHARPEST_TURN and (best is None or rank < best[0]):
            best = (rank, number, turned)
    return (-1, None) if best is None else best[1:]


def _heading(line: LineString, *, from_end: bool) -> float:
    """Direction in which a line leaves its start, or arrives at its end, over 200 m [rad]."""
    near = min(200.0, line.length)
    a = line.interpolate(line.length - near if from_end else 0.0)
    b = line.interpolate(line.length if from_end else near)
    return math.atan2(b.y - a.y, b.x - a.x)


def _rising(terrain: Terrain, course: LineString, along: float) -> tuple[LineString, float]:
    """Turn a course so that its bed rises on the whole; returns it with the axis on it [m]."""
    low, high = max(along - FALL_REACH, 0.0), min(along + FALL_REACH, course.length)
    station = np.linspace(low, high, max(int((high - low) / terrain.cell), 2) + 1)
    bed = _lowest_near(terrain, shapely.get_coordinates(course.interpolate(station)))
    known = np.isfinite(bed)
    rise = 0.0
    if np.count_nonzero(known) > 1:
        s = station[known] - station[known].mean()
        rise = float(s @ (bed[known] - bed[known].mean()))
    # lines of rivers are drawn downstream, so on a level bed the upstream side is behind
    return (course, along) if rise > 0 else (course.reverse(), course.length - along)


def _chord(terrain: Terrain, dam: Dam, course: LineString, along: float) -> NDArray[np.float64]:
    """Find the direction of the valley at the axis: unit vector, upstream."""
    a = course.interpolate(max(along - DIRECTION_REACH, 0.0))
    b = course.interpolate(min(along + DIRECTION_REACH, course.length))
    chord = np.array([b.x - a.x, b.y - a.y])
    length = float(np.hypot(*chord))
    if length < terrain.cell:
        msg = (
            f"dam {dam.name!r}: found {course.length:.0f} m of river at the axis, "
            f"wanted more than a cell ({terrain.cell:g} m) to see its direction"
        )
        raise InputError(msg)
    return chord / length


def _lowest_near(terrain: Terrain, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lowest ground in the cell of each point, shape (n, 2), and its eight neighbours [m]."""
    row, col = terrain.index(points[:, 0], points[:, 1])
    rows, cols = terrain.shape
    lowest = np.full(len(points), np.inf)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r = np.clip(np.rint(row).astype(np.int64) + down, 0, rows - 1)
            c = np.clip(np.rint(col).astype(np.int64) + right, 0, cols - 1)
            lowest = np.fmin(lowest, terrain.z[r, c])
    inside = (row > -1) & (row < rows) & (col > -1) & (col < cols)
    return np.where(inside & np.isfinite(lowest), lowest, np.nan)


def _wall(
    terrain: Terrain, dam: Dam, axis: tuple[float, float], upstream: NDArray[np.float64]
) -> tuple[LineString, LineString]:
    """
    Axis of the wall, and the longer line that holds back levels above its crest.

    Both are straight. The wall starts from the lowest ground near the river, so that
    a river drawn a little off its valley does no harm.
    """
    across = np.array([-upstream[1], upstream[0]])
    half = max(ORIGIN_REACH, 3 * terrain.cell)
    offset = np.linspace(-half, half, 2 * math.ceil(half / (terrain.cell / 2)) + 1)
    ground = terrain.sample(axis[0] + offset * across[0], axis[1] + offset * across[1])
    if np.isnan(ground).all():
        msg = f"dam {dam.name!r}: found no data at the axis, wanted ground"
        raise InputError(msg)
    lowest = int(np.nanargmin(ground))
    if ground[lowest] >= dam.full_level_m:
        msg = (
            f"dam {dam.name!r}: found full_level_m {dam.full_level_m:g}, wanted it above "
            f"the bed of the river at the axis, {ground[lowest]:.1f} m"
        )
        raise InputError(msg)
    ends = []
    for sign in (-1.0, 1.0):
        closes, holds = _walk(
            terrain, dam, np.asarray(axis) + offset[lowest] * across, sign * across
        )
        ends.append((closes, holds))
    (left, far_left), (right, far_right) = ends
    return LineString([left, right]), LineString([far_left, far_right])


def _walk(
    terrain: Terrain, dam: Dam, origin: NDArray[np.float64], direction: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """
    Points on one side where the wall closes, and where water above the crest is held.

    The second is the first ground above the ceiling of the flood or, where the ground falls
    by more than `RIDGE_DIP` before that, as it does beyond a ridge, the highest until then.
    """
    away = np.arange(0.0, WALL_REACH + terrain.cell / 2, terrain.cell / 2)
    points = origin + away[:, None] * direction
    ground = terrain.sample(points[:, 0], points[:, 1])
    above = np.flatnonzero(~(ground <= dam.crest_level_m))  # above the crest, or unknown
    if above.size == 0:
        msg = (
            f"dam {dam.name!r}: the wall cannot close the valley, found no ground above the "
            f"crest {dam.crest_level_m:g} m within {WALL_REACH:g} m of the axis on the "
            f"{_side(direction)} side"
        )
        raise InputError(msg)
    first = int(above[0])
    if np.isnan(ground[first]):
        msg = (
            f"dam {dam.name!r}: the wall cannot close the valley, found the edge of the "
            f"terrain or no data {away[first]:.0f} m from the axis on the {_side(direction)} "
            f"side, wanted ground above the crest {dam.crest_level_m:g} m"
        )
        raise InputError(msg)
    beyond = ground[first:]
    holds = beyond <= dam.crest_level_m + ABOVE_CREST
    goes_on = beyond > np.maximum.accumulate(beyond) - RIDGE_DIP  # false from the first NaN on
    stop = np.flatnonzero(~(holds & goes_on))
    ridge = beyond if stop.size == 0 else beyond[: int(stop[0]) + 1]
    return points[first], points[first + int(np.nanargmax(ridge))]


def _side(direction: NDArray[np.float64]) -> str:
    """Name of the nearest point of the compass."""
    names = ("east", "north", "west", "south")
    return names[round(math.atan2(direction[1], direction[0]) / (math.pi / 2)) % 4]


# ---------------------------------------------------------------- flood


@numba.njit(cache=True)
def _spread(
    z: NDArray[np.float32], barrier: NDArray[np.uint8], start: tuple[int, int], ceiling: float
) -> tuple[NDArray[np.float32], NDArray[np.bool_], float]:
    """
    Lowest water level that reaches each cell from the start, over side neighbours.

    Cells leave the heap from the lowest level to the highest, so that the first level a cell
    is given is its lowest (priority flood: Barnes, Lehman, Mulla 2014, Computers & Geosciences
    62:117). The flood ends at the ceiling, or below the wall, where it has gone round it.

    Returns the levels, inf where no water came, which sides of the array were met (north, south,
    west, east), and the level at which water stood below the wall, inf if it never did.
    """
    rows, cols = z.shape
    rises = np.full(z.shape, np.inf, dtype=np.float32)
    sides = np.zeros(4, dtype=np.bool_)
    rises[start] = z[start]
    heap = [(z[start], start[0] * cols + start[1])]
    while len(heap) > 0:
        level, here = heappop(heap)
        row, col = here // cols, here % cols
        if barrier[row, col] == _FACE:
            return rises, sides, float(level)
        sides[0] |= row == 0
        sides[1] |= row == rows - 1
        sides[2] |= col == 0
        sides[3] |= col == cols - 1
        for r, c in ((row - 1, col), (row + 1, col), (row, col - 1), (row, col + 1)):
            if not (0 <= r < rows and 0 <= c < cols):
                continue
            # a comparison with NaN is false: ground without data is not entered
            if barrier[r, c] == _WALL or rises[r, c] < np.inf or not z[r, c] <= ceiling:
                continue
            rises[r, c] = max(level, z[r, c])
            heappush(heap, (rises[r, c], r * cols + c))
    return rises, sides, np.inf


@numba.njit(cache=True)
def _reach(water: NDArray[np.bool_], start: tuple[int, int]) -> float:
    """
    Length of the longest of all shortest ways over water from the start [cells].

    Dijkstra over the eight neighbours and the eight knight's moves; a knight's move needs
    both cells it passes between. Lengths are at most 2.7 % above those of free ways.
    """
    rows, cols = water.shape
    away = np.full(water.shape, np.inf)
    away[start] = 0.0
    heap = [(0.0, start[0] * cols + start[1])]
    farthest = 0.0
    while len(heap) > 0:
        length, here = heappop(heap)
        row, col = here // cols, here % cols
        if length > away[row, col]:
            continue
        farthest = length
        for down in range(-2, 3):
            for right in range(-2, 3):
                r, c = row + down, col + right
                if max(abs(down), abs(right)) == 2 and min(abs(down), abs(right)) != 1:
                    continue
                if not (0 <= r < rows and 0 <= c < cols and water[r, c]):
                    continue
                # cells between: the same twice for a side move, both beside for a knight's move
                r1, c1 = row + int(down / 2), col + int(right / 2)
                r2, c2 = r - int(down / 2), c - int(right / 2)
                if not (water[r1, c1] and water[r2, c2]):
                    continue
                further = length + math.sqrt(down * down + right * right)
                if further < away[r, c]:
                    away[r, c] = further
                    heappush(heap, (further, r * cols + c))
    return farthest


@dataclass(frozen=True, slots=True, eq=False)
class _Flood:
    """The flood in its part of the terrain."""

    window: tuple[int, int, int, int]
    transform: Affine
    z: NDArray[np.float32]
    rises: NDArray[np.float32]
    ceiling: float
    bed: float
    start: tuple[int, int]

    @classmethod
    def run(
        cls,
        terrain: Terrain,
        dam: Dam,
        lines: tuple[LineString, LineString],
        upstream: NDArray[np.float64],
    ) -> "_Flood":
        """Flood from the wall in a window that grows on the sides the water meets."""
        window = _around(terrain, lines[1])
        while True:
            z = terrain.z[window[0] : window[1], window[2] : window[3]]
            transform = _corner(terrain, window)
            barrier, start, bed = _burn(z, transform, dam, lines, upstream)
            top = dam.crest_level_m + ABOVE_CREST
            rises, sides, bypass = _spread(z, barrier, start, top)
            larger = _grown(window, sides, terrain.shape)
            if larger == window or bypass <= dam.full_level_m:
                break
            window = larger
        if bypass <= dam.full_level_m:
            msg = (
                f"dam {dam.name!r}: the wall cannot close the valley, found water going round it "
                f"at {bypass:.1f} m, wanted none up to full_level_m {dam.full_level_m:g}"
            )
            raise InputError(msg)
        rises[rises >= bypass] = np.inf
        _refuse_open_shore(z, rises <= dam.full_level_m, transform, dam)
        used = np.isfinite(rises)
        r = np.flatnonzero(used.any(axis=1))[[0, -1]] + (0, 1)
        c = np.flatnonzero(used.any(axis=0))[[0, -1]] + (0, 1)
        tight = (
            window[0] + int(r[0]),
            window[0] + int(r[1]),
            window[2] + int(c[0]),
            window[2] + int(c[1]),
        )
        inner = (slice(*r), slice(*c))
        return cls(
            window=tight,
            transform=_corner(terrain, tight),
            z=z[inner],
            rises=rises[inner].copy(),
            ceiling=min(top, bypass),
            bed=bed,
            start=(start[0] - int(r[0]), start[1] - int(c[0])),
        )


def _around(terrain: Terrain, line: LineString) -> tuple[int, int, int, int]:
    """Window of a line with a margin, within the terrain."""
    left, bottom, right, top = line.bounds
    row, col = terrain.index(np.array([left, right]), np.array([top, bottom]))
    rows, cols = terrain.shape
    return (
        max(math.floor(row[0]) - MARGIN, 0),
        min(math.ceil(row[1]) + MARGIN + 1, rows),
        max(math.floor(col[0]) - MARGIN, 0),
        min(math.ceil(col[1]) + MARGIN + 1, cols),
    )


def _grown(
    window: tuple[int, int, int, int], met: NDArray[np.bool_], shape: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Window made longer by its own size on the sides the water met, within the terrain."""
    r0, r1, c0, c1 = window
    more = max(r1 - r0, c1 - c0)
    north, south, west, east = (more * int(side) for side in met)
    rows, cols = shape
    return max(r0 - north, 0), min(r1 + south, rows), max(c0 - west, 0), min(c1 + east, cols)


def _corner(terrain: Terrain, window: tuple[int, int, int, int]) -> Affine:
    """Transform of a window of the terrain."""
    left, _, _, top = terrain.bounds
    cell = terrain.cell
    return Affine(cell, 0.0, left + window[2] * cell, 0.0, -cell, top - window[0] * cell)


def _beside(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Cells with one of eight neighbours, or themselves, among the given ones."""
    wide = np.pad(cells, 1)
    wide = wide[:-2] | wide[1:-1] | wide[2:]
    return np.asarray(wide[:, :-2] | wide[:, 1:-1] | wide[:, 2:])


def _burn(
    z: NDArray[np.float32],
    transform: Affine,
    dam: Dam,
    lines: tuple[LineString, LineString],
    upstream: NDArray[np.float64],
) -> tuple[NDArray[np.uint8], tuple[int, int], float]:
    """
    Put the wall into a window.

    Returns what stands in each cell, the lowest cell just upstream of the wall, and the
    lowest ground under the wall.
    """
    wall, held = (
        rasterize([line], out_shape=z.shape, transform=transform, all_touched=True, dtype=np.uint8)
        == 1
        for line in lines
    )
    held |= wall
    x0, y0 = lines[0].coords[0]
    x = transform.c + (np.arange(z.shape[1]) + 0.5) * transform.a - x0
    y = transform.f + (np.arange(z.shape[0])[:, None] + 0.5) * transform.e - y0
    above = x * upstream[0] + y * upstream[1] > 0
    face = _beside(held) & ~above
    barrier = np.where(held, _WALL, np.where(face, _FACE, _FREE)).astype(np.uint8)
    candidates = np.where(_beside(wall) & ~held & above & np.isfinite(z), z, np.inf)
    start = divmod(int(np.argmin(candidates)), z.shape[1])
    if not candidates[start] < dam.full_level_m:
        msg = (
            f"dam {dam.name!r}: found no ground below full_level_m {dam.full_level_m:g} just "
            "upstream of the wall, wanted the bed of the river"
        )
        raise InputError(msg)
    return barrier, start, float(np.nanmin(z[wall]))


def _refuse_open_shore(
    z: NDArray[np.float32], water: NDArray[np.bool_], transform: Affine, dam: Dam
) -> None:
    """Refuse a full lake that meets ground without data or the edge of the terrain."""
    unknown = np.pad(np.isnan(z), 1, constant_values=True)
    near = unknown[:-2, 1:-1] | unknown[2:, 1:-1] | unknown[1:-1, :-2] | unknown[1:-1, 2:]
    open_cells = np.argwhere(water & near)
    if open_cells.size:
        row, col = open_cells[0]
        x = transform.c + (col + 0.5) * transform.a
        y = transform.f + (row + 0.5) * transform.e
        msg = (
            f"dam {dam.name!r}: found {len(open_cells)} cells of the lake at full_level_m "
            f"{dam.full_level_m:g} beside no data or the edge of the terrain, the first at "
            f"x {x:.0f}, y {y:.0f}, wanted ground all round the lake"
        )
        raise InputError(msg)


# ---------------------------------------------------------------- storage and shore


@dataclass(frozen=True, slots=True, eq=False)
class _Storage:
    """Cells of the lake in the order in which they drown."""

    rises: NDArray[np.float32]
    """Level at which each is reached, ascending, shape (n,) [m above datum]."""
    ground: NDArray[np.float64]
    """Sum of the ground levels of the first 0, 1 .. n cells, shape (n + 1,) [m]."""
    cell: float
    """Area of a cell [m2]."""

    @classmethod
    def of(cls, flood: _Flood, dam: Dam) -> "_Storage":
        """Storage up to full level."""
        water = flood.rises <= dam.full_level_m
        rises, z = flood.rises[water], flood.z[water]
        order = np.argsort(rises, kind="stable")
        ground = np.concatenate(([0.0], np.cumsum(z[order], dtype=np.float64)))
        return cls(rises[order], ground, float(flood.transform.a) ** 2)

    def _cells(self, level: float) -> int:
        return int(np.searchsorted(self.rises, np.float32(level), side="right"))

    def area(self, level: float) -> float:
        """Surface at a level [m2]."""
        return self._cells(level) * self.cell

    def volume(self, level: float) -> float:
        """Water at a level [m3]: the sum of (level - ground) times the area of a cell."""
        count = self._cells(level)
        return (count * level - float(self.ground[count])) * self.cell

    def curve(
        self, bed: float, dam: Dam
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Levels every `CURVE_STEP` and those of the dam and its stages, areas, volumes."""
        named = [dam.minimum_level_m, dam.full_level_m, *(stage.level_m for stage in dam.stages)]
        even = np.arange(math.ceil(bed / CURVE_STEP), dam.full_level_m / CURVE_STEP) * CURVE_STEP
        level = np.unique(np.concatenate(([bed], even, named)))
        level = level[level >= bed]
        area = np.array([self.area(each) for each in level.tolist()])
        volume = np.array([self.volume(each) for each in level.tolist()])
        return level, area, volume


def _lake(stage: Stage, flood: _Flood, storage: _Storage) -> Lake:
    """Lake at a stage."""
    polygon = _outline(flood.rises <= float(stage.level_m), flood.transform)
    return Lake(stage, storage.area(stage.level_m), storage.volume(stage.level_m), polygon)


def _outline(water: NDArray[np.bool_], transform: Affine) -> Polygon | MultiPolygon:
    """Outline of cells, along their sides."""
    parts = [
        shapely.geometry.shape(part)
        for part, _ in shapes(
            water.astype(np.uint8), mask=water, connectivity=4, transform=transform
        )
    ]
    outline = shapely.union_all([shapely.make_valid(part) for part in parts])
    return outline if isinstance(outline, Polygon | MultiPolygon) else MultiPolygon()


def _compare(
    terrain: Terrain, full: Lake, shore: Polygon | MultiPolygon, wall: LineString
) -> Comparison:
    """Given lake against that from the ground; along the wall the shore says nothing."""
    points = shapely.get_coordinates(shore.boundary.segmentize(terrain.cell))
    points = points[shapely.distance(shapely.points(points), wall) > 3 * terrain.cell]
    ground = terrain.sample(points[:, 0], points[:, 1]) - full.stage.level_m
    known = ground[np.isfinite(ground)]
    both = shore.intersection(full.polygon).area
    return Comparison(
        area_ratio=float(shore.area / full.area),
        shared=float(both / (shore.area + full.polygon.area - both)),
        shore_above=float(known.mean()) if known.size else math.nan,
        shore_spread=float(known.std()) if known.size else math.nan,
    )


def _refuse_another(dam: Dam, seen: Comparison, away: float, cell: float) -> None:
    """Refuse a given lake that cannot be that of the dam."""
    problem = ""
    if away > max(OFF_WALL, 2 * cell):
        problem = f"begins {away:.0f} m from the wall, wanted it to begin there"
    elif seen.shared <= 0 or not 1 / TIMES <= seen.area_ratio <= TIMES:
        problem = f"is none that the ground has: {seen.words}"
    if problem:
        msg = f"dam {dam.name!r}: found a lake in {dam.extent} that {problem}"
        raise InputError(msg)


def _reached(
    rises: NDArray[np.float32], transform: Affine, x: ArrayLike, y: ArrayLike
) -> NDArray[np.float64]:
    """Lowest level over the cell of each point and its eight neighbours; inf outside."""
    left, top, cell = transform.c, transform.f, transform.a
    row = np.floor((top - np.asarray(y, dtype=np.float64)) / cell).astype(np.int64)
    col = np.floor((np.asarray(x, dtype=np.float64) - left) / cell).astype(np.int64)
    rows, cols = rises.shape
    level = np.full(np.broadcast(row, col).shape, np.inf)
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            r, c = row + down, col + right
            inside = (r >= 0) & (r < rows) & (c >= 0) & (c < cols)
            here = rises[np.where(inside, r, 0), np.where(inside, c, 0)]
            level = np.minimum(level, np.where(inside, here, np.inf))
    return np.asarray(level, dtype=np.float64)


def _length(flood: _Flood, dam: Dam, course: LineString, along: float) -> float:
    """Length of the full lake along the river, or along the water where that is longer [m]."""
    cell = float(flood.transform.a)
    on_water = cell * float(_reach(flood.rises <= dam.full_level_m, flood.start))
    station = np.arange(along, course.length, cell)
    points = shapely.get_coordinates(course.interpolate(station))
    level = _reached(flood.rises, flood.transform, points[:, 0], points[:, 1])
    wet = station[level <= dam.full_level_m]
    return max(on_water, float(wet[-1] - along) if wet.size else 0.0)
