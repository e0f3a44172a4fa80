"""Schematic mountain ground round a river course: courses, coarse surface, erosion passes.

Points are in projected metres; a course runs downstream from its first point to its last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import landform
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

if TYPE_CHECKING:
    from collections.abc import Iterator

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

COURSE_STEP = 40.0
"""Spacing of the points of a course [m]."""

NOISE_OCTAVES = ((15000.0, 140.0), (4000.0, 130.0), (1200.0, 60.0), (500.0, 25.0))
"""Wave length [m] and standard deviation [m] of the noise that makes ridges and spurs uneven."""

PULL_LENGTHS = (1500.0, 6000.0)
"""Lengths of the low-pass that pulls carved ground back, near the river and away from it [m]."""

PULL_SHARE = 0.6
"""Share of the low-passed difference that a pass gives back [-]."""

CREEP = 0.5
"""Standard deviation of the smoothing of slopes in each pass [cells]."""

SUMMIT_REACH = (5000.0, 1100.0)
"""Length over which a summit's rise above the coarse surface, and its last correction, fade [m]."""


HIGH_GROUND = (5500.0, 250.0)
"""Level above which carved ground is pressed together; its drop below the highest summit [m]."""

SUMMIT_ROUNDS = 3
"""Rounds of the last correction of summits, as each moves its neighbours a little."""


@dataclass(frozen=True)
class Frame:
    """A north-up grid.

    Attributes
    ----------
    west, north
        Outer edges [m].
    cell
        Cell size [m].
    rows, cols
        Number of cells.
    """

    west: float
    north: float
    cell: float
    rows: int
    cols: int

    def centres(self) -> tuple[Array, Array]:
        """Return the easting of the columns and the northing of the rows [m]."""
        x = self.west + self.cell * (np.arange(self.cols) + 0.5)
        y = self.north - self.cell * (np.arange(self.rows) + 0.5)
        return np.asarray(x), np.asarray(y)

    def index(self, xy: Array) -> tuple[NDArray[np.int64], NDArray[np.int64], Mask]:
        """Return row and column of points and whether they lie inside."""
        j = np.floor((xy[:, 0] - self.west) / self.cell).astype(np.int64)
        i = np.floor((self.north - xy[:, 1]) / self.cell).astype(np.int64)
        return i, j, (i >= 0) & (j >= 0) & (i < self.rows) & (j < self.cols)

    def halved(self) -> Frame:
        """Return the grid of the same box with half the cells each way."""
        return Frame(self.west, self.north, 2 * self.cell, self.rows // 2, self.cols // 2)


@dataclass(frozen=True)
class Course:
    """A river course with its bed.

    Attributes
    ----------
    name
        River name.
    xy
        Points from upstream to downstream [m].
    bed
        Bed level at the points, falling downstream [m].
    """

    name: str
    xy: Array
    bed: Array

    def chainage(self) -> Array:
        """Return the distance of the points from the first one [m]."""
        return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(self.xy, axis=0).T))])

    def heading(self) -> Array:
        """Return the unit vectors of flow at the points."""
        step = np.gradient(self.xy, axis=0)
        return np.asarray(step / np.hypot(step[:, 0], step[:, 1])[:, None])


@dataclass(frozen=True)
class Flank:
    """Cross-section of a valley side above the river bed.

    Attributes
    ----------
    floor
        Half width of the level floor [m].
    apron_slope, apron_width
        Slope [-] and width [m] of the apron of fans and terraces.
    wall_slope, wall_top
        Slope [-] of the wall and the height above the bed where it ends [m].
    upper_slope
        Slope from there to the ridge [-].
    """

    floor: float
    apron_slope: float
    apron_width: float
    wall_slope: float
    wall_top: float
    upper_slope: float

    def height(self, distance: Array) -> Array:
        """Return the height above the bed at distances from the river [m]."""
        apron = np.clip(distance - self.floor, 0.0, self.apron_width)
        rest = np.maximum(distance - self.floor - self.apron_width, 0.0)
        width = (self.wall_top - self.apron_slope * self.apron_width) / self.wall_slope
        wall = np.minimum(rest, width)
        upper = np.maximum(rest - width, 0.0)
        return np.asarray(
            self.apron_slope * apron + self.wall_slope * wall + self.upper_slope * upper
        )


@dataclass(frozen=True)
class Nearness:
    """Where cells lie relative to a set of courses.

    Attributes
    ----------
    distance
        Distance to the nearest course point [m].
    bed
        Bed level there [m].
    point
        Number of that point.
    """

    distance: Array
    bed: Array
    point: NDArray[np.int64]


@dataclass(frozen=True)
class Band:
    """Cells beside a course.

    Attributes
    ----------
    row, col
        Cell numbers.
    centre
        Cell centres [m].
    place
        How they lie relative to the course.
    """

    row: NDArray[np.int64]
    col: NDArray[np.int64]
    centre: Array
    place: Nearness


def resample(xy: Array, values: Array, step: float) -> tuple[Array, Array]:
    """Return a polyline and values along it at an even spacing [m]."""
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    to = np.linspace(0.0, at[-1], max(2, round(at[-1] / step) + 1))
    return np.column_stack([np.interp(to, at, xy[:, k]) for k in (0, 1)]), np.interp(to, at, values)


def meander(
    xy: Array, amplitude: Array, waves: tuple[float, float], step: float, rng: np.random.Generator
) -> Array:
    """Shift evenly spaced points sideways by smooth noise.

    Parameters
    ----------
    xy
        Points [m].
    amplitude
        Standard deviation of the shift at the points [m]; the shift stays below twice that.
    waves
        Two wave lengths [m].
    step
        Spacing of the points [m].
    rng
        Source of the noise.

    Returns
    -------
    Array
        Shifted points [m].
    """
    along = np.gradient(xy, axis=0)
    along = along / np.hypot(along[:, 0], along[:, 1])[:, None]
    shift = np.zeros(len(xy))
    for wave in waves:
        wander = ndimage.gaussian_filter1d(
            rng.standard_normal(len(xy)), wave / 4 / step, mode="wrap"
        )
        shift += wander / wander.std() / len(waves) ** 0.5
    shift = 2.0 * np.tanh(shift / 2.0) * amplitude
    return np.asarray(xy + shift[:, None] * np.column_stack([along[:, 1], -along[:, 0]]))


def smooth_course(xy: Array, sigma: float, step: float) -> Array:
    """Round the corners of evenly spaced points with a Gaussian of given length [m], ends kept."""
    smooth = np.column_stack(
        [ndimage.gaussian_filter1d(xy[:, k], sigma / step, mode="nearest") for k in (0, 1)]
    )
    at = step * np.arange(len(xy))
    keep = np.clip(np.minimum(at, at[::-1]) / (2 * sigma), 0.0, 1.0)[:, None]
    return np.asarray(keep * smooth + (1 - keep) * xy)


def nearness(courses: list[Course], xy: Array) -> Nearness:
    """Locate points relative to the nearest point of any of the courses."""
    points = np.concatenate([course.xy for course in courses])
    bed = np.concatenate([course.bed for course in courses])
    distance, point = cKDTree(points, balanced_tree=False).query(xy)
    return Nearness(np.asarray(distance), bed[point], np.asarray(point, np.int64))


def near_cells(frame: Frame, course: Course, reach: float) -> Band:
    """Return the cells within a distance of a course [m] and how they lie relative to it."""
    points = course.xy[:: int(reach / 4 / COURSE_STEP)]
    i, j, inside = frame.index(points)
    size = int(1.2 * reach / frame.cell) + 1
    near = np.zeros((frame.rows, frame.cols), bool)
    for p, q in zip(i[inside], j[inside], strict=True):
        near[max(0, p - size) : p + size + 1, max(0, q - size) : q + size + 1] = True
    p, q = np.nonzero(near)
    x, y = frame.centres()
    centres = np.column_stack([x[q], y[p]])
    place = nearness([course], centres)
    keep = place.distance < reach
    place = Nearness(place.distance[keep], place.bed[keep], place.point[keep])
    return Band(p[keep], q[keep], centres[keep], place)


def grid_nearness(frame: Frame, courses: list[Course]) -> Nearness:
    """Locate all cells of a grid relative to the nearest cell that a course crosses."""
    points = np.concatenate([course.xy for course in courses])
    bed = np.concatenate([course.bed for course in courses])
    i, j, inside = frame.index(points)
    number = np.full((frame.rows, frame.cols), -1, np.int64)
    number[i[inside], j[inside]] = np.flatnonzero(inside)
    distance, (p, q) = ndimage.distance_transform_edt(number < 0, frame.cell, return_indices=True)
    point = number[p, q]
    return Nearness(distance, bed[point], point)


def noise(frame: Frame, wave: float, rng: np.random.Generator) -> Array:
    """Return smooth noise of unit variance with a given wave length [m]."""
    coarse = max(1, int(wave / frame.cell / 4))
    shape = (frame.rows // coarse + 4, frame.cols // coarse + 4)
    field = ndimage.gaussian_filter(rng.standard_normal(shape), wave / 4 / frame.cell / coarse)
    field = ndimage.zoom(field, coarse, order=1)[: frame.rows, : frame.cols]
    return np.asarray((field - field.mean()) / field.std())


def low_pass(field: Array, length: float, cell: float) -> Array:
    """Return a field smoothed by three box means that act over a length [m]."""
    size = max(3, 2 * int(length / cell / 2) + 1)
    for _ in range(3):
        field = ndimage.uniform_filter(field, size, mode="nearest")
    return field


def add_summits(frame: Frame, ground: Array, summits: Array, reach: float) -> Array:
    """Raise the ground round each summit so that it has its height.

    Parameters
    ----------
    frame
        Grid of the ground.
    ground
        Level [m].
    summits
        Rows of easting, northing and height [m].
    reach
        Length over which the rise fades [m].

    Returns
    -------
    Array
        New level [m].
    """
    x, y = frame.centres()
    ground = ground.copy()
    i, j, inside = frame.index(summits[:, :2])
    for k in np.flatnonzero(inside):
        size = int(6 * reach / frame.cell)
        box = (slice(max(0, i[k] - size), i[k] + size), slice(max(0, j[k] - size), j[k] + size))
        away = np.hypot(x[None, box[1]] - summits[k, 0], y[box[0], None] - summits[k, 1])
        rise = summits[k, 2] - ground[i[k], j[k]]
        ground[box] += rise * np.maximum(np.exp(-away / reach) - np.exp(-6.0), 0.0)
    return ground


def settle_summits(frame: Frame, ground: Array, summits: Array) -> Array:
    """Return carved ground with every summit at its height and none above the highest [m].

    Parameters
    ----------
    frame
        Grid.
    ground
        Level [m].
    summits
        Rows of easting, northing and height [m].

    Returns
    -------
    Array
        New level [m].
    """
    top = summits[:, 2].max() - HIGH_GROUND[1]
    share = min(1.0, (top - HIGH_GROUND[0]) / max(1.0, ground.max() - HIGH_GROUND[0]))
    ground = np.minimum(ground, HIGH_GROUND[0] + share * (ground - HIGH_GROUND[0]))
    for _ in range(SUMMIT_ROUNDS):
        ground = add_summits(frame, ground, summits, SUMMIT_REACH[1])
    return ground


def pull_back(frame: Frame, difference: Array, near: Array) -> Array:
    """Return the low-pass of a difference of levels [m], sharp near the river, wide away from it.

    Parameters
    ----------
    frame
        Grid.
    difference
        Coarse surface less carved ground [m].
    near
        Weight of the sharp low-pass, 1 at the river to 0 far from it.

    Returns
    -------
    Array
        Smoothed difference [m].
    """
    sharp, wide = (low_pass(difference, length, frame.cell) for length in PULL_LENGTHS)
    return np.asarray(near * sharp + (1.0 - near) * wide)


def erosion_passes(
    frame: Frame, coarse: Array, fixed: Mask, near: Array, strengths: Array, salt: int
) -> Iterator[Array]:
    """Carve the coarse surface, pulled back by a low-pass of the difference between passes.

    Parameters
    ----------
    frame
        Grid.
    coarse
        Coarse surface [m].
    fixed
        Cells whose level is kept: borders and rivers.
    near
        Weight of the sharp low-pass (see `pull_back`).
    strengths
        Erodibility times time step of each pass (see `landform.erode`).
    salt
        Number of the draw of flow directions, the same in all passes as gullies must stay in place.

    Yields
    ------
    Array
        Carved ground after each pass [m].
    """
    ground = coarse.copy()
    for number, strength in enumerate(strengths):
        if number:
            ground = ndimage.gaussian_filter(ground, CREEP, mode="nearest")
            ground += PULL_SHARE * pull_back(frame, coarse - ground, near)
            ground[fixed] = coarse[fixed]
        ground = landform.erode(ground, fixed, frame.cell, strength, salt)
        yield ground
