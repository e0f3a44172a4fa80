"""The value: levels of the ground on square cells, and what follows from them alone."""

import math
from dataclasses import dataclass, replace

import numpy as np
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pyproj import CRS
from scipy import ndimage

from realign.errors import GeometryError
from realign.terrain.room import SIDE

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top [m]."""

REACH = 2
"""How far from the cell of a place lie cells that its level and slope need: the slope is that
between points one cell aside, and each of their levels is one between four cells [cells]."""
SAME = 1e-6  # cells; closer than this, two positions in the raster are one
_AZIMUTH, _ALTITUDE = math.radians(315), math.radians(45)  # light of a map comes from north-west


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """A raster of ground levels on square, north-up cells."""

    z: NDArray[np.float32]
    """Level of each cell centre, shape (rows, cols), row 0 in the north [m]; NaN is no data."""
    transform: Affine
    """From (column, row) of the cell corners to (x, y) [m]."""
    crs: CRS
    """Projected reference system in metres."""
    datum: str
    """Vertical datum of the levels."""
    sigma: float
    """Standard deviation of a level [m]."""

    def __post_init__(self) -> None:
        """Refuse what the functions over a terrain could not be right about."""
        if self.z.ndim != 2 or min(self.z.shape) < 2:
            msg = f"a terrain needs two rows and two columns or more, got shape {self.z.shape}"
            raise GeometryError(msg)
        if not square(self.transform):
            msg = f"a terrain has square, north-up cells, got {tuple(self.transform)[:6]}"
            raise GeometryError(msg)
        problem = not_metric(self.crs)
        if problem:
            raise GeometryError(problem)

    @property
    def cell(self) -> float:
        """Side of a cell [m]."""
        return float(self.transform.a)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        rows, cols = self.z.shape
        return rows, cols

    @property
    def bounds(self) -> Bounds:
        """Outer edges of the outermost cells: left, bottom, right, top [m]."""
        rows, cols = self.shape
        left, top = float(self.transform.c), float(self.transform.f)
        return left, top - rows * self.cell, left + cols * self.cell, top

    def index(self, x: ArrayLike, y: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Position in the raster: fractional row and column, whole numbers at cell centres.

        Parameters
        ----------
        x, y
            Coordinates in `crs`, of one shape [m].

        Returns
        -------
        row, col
            Of the shape of `x`; outside the raster they are beyond its rows and columns.
        """
        left, _, _, top = self.bounds
        row = (top - np.asarray(y, dtype=np.float64)) / self.cell - 0.5
        col = (np.asarray(x, dtype=np.float64) - left) / self.cell - 0.5
        return row, col

    def sample(self, x: ArrayLike, y: ArrayLike) -> NDArray[np.float64]:
        """
        Level of the ground between cell centres, bilinear.

        Parameters
        ----------
        x, y
            Coordinates in `crs`, of one shape [m].

        Returns
        -------
        level
            Of the shape of `x` [m]; NaN beyond the outermost cell centres and wherever a
            cell that has weight is NaN.
        """
        row, col = np.broadcast_arrays(*self.index(x, y))
        rows, cols = self.shape
        inside = (row >= -SAME) & (row <= rows - 1 + SAME)
        inside &= (col >= -SAME) & (col <= cols - 1 + SAME)
        near_row = np.where(inside, np.clip(row, 0, rows - 1), 0.0)
        near_col = np.where(inside, np.clip(col, 0, cols - 1), 0.0)
        r = np.minimum(near_row.astype(np.int64), rows - 2)
        c = np.minimum(near_col.astype(np.int64), cols - 2)
        down, right = _snapped(near_row - r), _snapped(near_col - c)
        level = np.zeros(row.shape, dtype=np.float64)
        for dr, weight_r in ((0, 1 - down), (1, down)):
            for dc, weight_c in ((0, 1 - right), (1, right)):
                weight = weight_r * weight_c
                # a cell without weight does not count, not even when it is NaN
                level += np.where(weight > 0, weight * self.z[r + dr, c + dc], 0.0)
        return np.where(inside, level, np.nan)

    def profile(
        self, xy: NDArray[np.float64], step: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """
        Ground under a line.

        Parameters
        ----------
        xy
            Vertices of the line in `crs`, shape (n, 2) [m].
        step
            Largest distance from one station to the next [m].

        Returns
        -------
        station
            Distance along the line, evenly spaced, both ends included, shape (m,) [m].
        level
            Ground at each station, shape (m,) [m]; NaN as in `sample`.
        """
        s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
        station = np.linspace(0.0, s[-1], max(math.ceil(s[-1] / step), 1) + 1)
        level = self.sample(np.interp(station, s, xy[:, 0]), np.interp(station, s, xy[:, 1]))
        return station, level

    def window(
        self, left: float, bottom: float, right: float, top: float, margin: float = 0.0
    ) -> "Terrain":
        """
        Part of the terrain that covers a rectangle and `margin` [m] around it.

        Whole cells are taken, and no more than there are; the levels are a view, not a copy.
        """
        first_row, first_col = self.index(left - margin, top + margin)
        last_row, last_col = self.index(right + margin, bottom - margin)
        rows, cols = self.shape
        r0, r1 = max(math.floor(first_row), 0), min(math.ceil(last_row) + 1, rows)
        c0, c1 = max(math.floor(first_col), 0), min(math.ceil(last_col) + 1, cols)
        if r1 - r0 < 2 or c1 - c0 < 2:
            found = ", ".join(f"{edge:.0f}" for edge in (left, bottom, right, top))
            own = ", ".join(f"{edge:.0f}" for edge in self.bounds)
            msg = f"the window {found} lies outside the terrain {own} (left, bottom, right, top)"
            raise GeometryError(msg)
        corner = part(self.transform, c0, r0)
        return replace(self, z=self.z[r0:r1, c0:c1], transform=corner)


def slopes(terrain: Terrain) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """
    Rise of the ground to the east and to the north, by central differences.

    Returns
    -------
    gx, gy
        Shape (rows, cols) [m/m]; positive where the ground rises to the east and to the
        north. One-sided in the outermost rows and columns, NaN beside NaN.
    """
    down, right = np.gradient(terrain.z, np.float32(terrain.cell))
    return np.asarray(right, dtype=np.float32), np.asarray(-down, dtype=np.float32)


def unsure(terrain: Terrain) -> NDArray[np.bool_]:
    """
    Cells with a place at which level or cross slope of a road would need a cell without data.

    Parameters
    ----------
    terrain
        The ground.

    Returns
    -------
    unsure
        Shape (rows, cols): cells without data, and all within `REACH` of them. The edge of
        the raster does not count.
    """
    missing = np.isnan(terrain.z)
    if not missing.any():
        return missing
    side = 2 * REACH + 1
    return np.asarray(ndimage.maximum_filter(missing, size=side, mode="constant", cval=0))


def hillshade(terrain: Terrain, *, factor: int) -> NDArray[np.uint8]:
    """
    Ground lit from the north-west at 45 degrees, for the background of a map.

    Parameters
    ----------
    terrain
        The ground.
    factor
        Cells along the side of a pixel, 1 or more.

    Returns
    -------
    shade
        Shape (rows // factor, cols // factor), 1 dark to 255 bright, 0 where a level is
        missing. The first pixel begins at the north-west corner of the terrain and each
        has sides of `factor` cells; cells that fill no pixel are left out.
    """
    rows, cols = terrain.shape[0] // factor, terrain.shape[1] // factor
    mean = np.empty((rows, cols), np.float32)
    some = max(1, SIDE // factor)
    for first in range(0, rows, some):  # a strip at a time: what is reshaped is copied
        last = min(first + some, rows)
        strip = terrain.z[first * factor : last * factor, : cols * factor]
        blocks = strip.reshape(last - first, factor, cols, factor)
        mean[first:last] = blocks.mean(axis=(1, 3), dtype=np.float32)
    coarse = replace(terrain, z=mean, transform=part(terrain.transform, 0, 0, factor))
    gx, gy = slopes(coarse)
    # cosine of the angle between the normal (-gx, -gy, 1) and the light
    east = math.sin(_AZIMUTH) * math.cos(_ALTITUDE)
    north = math.cos(_AZIMUTH) * math.cos(_ALTITUDE)
    up = math.sin(_ALTITUDE)
    light = (up - east * gx - north * gy) / np.sqrt(1 + gx**2 + gy**2)
    shade = 1 + 254 * np.clip(light, 0, 1)
    return np.where(np.isnan(shade), 0, shade).astype(np.uint8)


def _snapped(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put positions that differ from a cell centre by rounding only onto it."""
    return np.where(fraction < SAME, 0.0, np.where(fraction > 1 - SAME, 1.0, fraction))


def part(transform: Affine, col: int, row: int, factor: int = 1) -> Affine:
    """
    Transform of a raster that begins at a cell of another, with cells `factor` times as large.

    Affine 3 multiplies by `@` and warns of `*`, Affine 2 knows only `*`: hence neither.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    return Affine(a * factor, b * factor, x, d * factor, e * factor, y)


def square(transform: Affine) -> bool:
    """Whether cells are square, north-up and without rotation."""
    straight = transform.b == 0 and transform.d == 0 and transform.a > 0
    return straight and math.isclose(transform.a, -transform.e, rel_tol=1e-9)


def not_metric(crs: CRS) -> str:
    """Say what keeps a reference system from being projected in metres; empty if nothing."""
    if not crs.is_projected:
        return f"found the reference system {crs.name}; wanted a projected one in metres"
    units = sorted({axis.unit_name for axis in crs.axis_info[:2]})
    if units != ["metre"]:
        return f"found the reference system {crs.name} in {units[0]}; wanted one in metres"
    return ""
