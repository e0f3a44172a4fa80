"""
The ground: a raster of levels that carries its reference system, datum and error.

Row 0 is the northern row, x runs to the east and y to the north. A level is that of the
centre of its cell, and NaN stands for "not known": nothing here ever fills it.
"""

import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import psutil
import rasterio
from affine import Affine
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, model_validator
from pyproj import CRS, Transformer
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform_bounds
from rasterio.windows import Window
from scipy.interpolate import LinearNDInterpolator

from realign import datum
from realign.errors import GeometryError, InputError, RealignError
from realign.inputs import FOREIGN, WITHIN, check_file
from realign.settings import Settings

Bounds = tuple[float, float, float, float]
"""Left, bottom, right, top [m]."""

_LOWEST, _HIGHEST = -500.0, 9000.0  # dry land lies between -430 m (Dead Sea) and 8,849 m
_SAME = 1e-6  # cells; closer than this, two positions in the raster are one
_WHOLE = 0.999  # share of known ground that a warped cell must stand on
_SHIFT_DEG = 0.1  # between two places at which the difference of two datums is taken
_ASTRAY = 1e-3  # cells; how far a warped cell may be from its place
_BYTES = 16  # of memory that a cell takes while it is read and warped: four times its level
_AZIMUTH, _ALTITUDE = math.radians(315), math.radians(45)  # light of a map comes from north-west


class Elevation(Settings):
    """The table `[elevation]`: which ground is used, and how far it can be trusted."""

    file: Annotated[str, WITHIN] = "dem.tif"
    """Raster of ground levels [m], in the inputs folder."""
    vertical_datum: str
    """Datum of the levels of the file, for example EGM2008."""
    level_datum: str = ""
    """Datum of the levels of the study, those of dams above all; that of the file where none is
    given. Ground on another datum is brought onto it where pyproj has the grid, and refused where
    it has not."""
    datum_offset_m: float | None = None
    """What brings levels of the file onto `level_datum` where no grid does, added to each [m]."""
    sigma_m: float = Field(ge=0)
    """Standard deviation of a level of the ground, from the raster and its datum [m]."""

    @model_validator(mode="after")
    def _offset_has_two_ends(self) -> "Elevation":
        if self.datum_offset_m is not None and datum.same(self.vertical_datum, self.level_datum):
            msg = (
                f"datum_offset_m: found {self.datum_offset_m:g} m from {self.vertical_datum!r} to "
                f"{self.level_datum or self.vertical_datum!r}; wanted two datums"
            )
            raise ValueError(msg)
        return self


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
        if not _square(self.transform):
            msg = f"a terrain has square, north-up cells, got {tuple(self.transform)[:6]}"
            raise GeometryError(msg)
        problem = _not_metric(self.crs)
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
        inside = (row >= -_SAME) & (row <= rows - 1 + _SAME)
        inside &= (col >= -_SAME) & (col <= cols - 1 + _SAME)
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
        corner = _part(self.transform, c0, r0)
        return replace(self, z=self.z[r0:r1, c0:c1], transform=corner)


def read(
    path: Path,
    *,
    crs: CRS | None,
    datum: str,
    sigma: float,
    bounds: Bounds | None = None,
    cell: float | None = None,
) -> Terrain:
    """
    Read the ground from a raster file.

    The file is warped (bilinear) only where it must be: when its reference system or its
    cell is not the one asked for, or its cells are not square and north-up. A warped cell
    that touches ground without data has none.

    Parameters
    ----------
    path
        Raster of one band of levels [m], in any format of GDAL.
    crs
        Projected reference system in metres; None takes that of the file.
    datum
        Vertical datum of the levels.
    sigma
        Standard deviation of a level [m].
    bounds
        Part to read: left, bottom, right, top in `crs` [m]; None reads all.
    cell
        Side of a cell [m]; None takes that of the file.

    Raises
    ------
    InputError
        The file is missing, unreadable or cut off, has no reference system, holds no level
        where it is asked, or holds levels that no ground has.
    """
    if cell is not None and not 0 < cell < math.inf:
        msg = f"{path}: asked for cells of {cell:g} m; wanted more than 0 m"
        raise InputError(msg)
    with _opened(path) as source:
        own = _own_crs(source, path)
        target = own if crs is None else crs
        problem = _not_metric(target)
        if problem:
            msg = f"{path}: {problem}; name one in the study"
            raise InputError(msg)
        same_cell = cell is None or math.isclose(cell, source.transform.a, rel_tol=1e-9)
        if _same_crs(own, target) and _square(source.transform) and same_cell:
            z, transform = _read_window(source, path, bounds)
        else:
            z, transform = _read_warped(source, path, target, bounds, cell)
    _check_levels(z, path)
    return Terrain(z=z, transform=transform, crs=target, datum=datum, sigma=sigma)


def cell_of(path: Path, *, crs: CRS) -> float:
    """
    Side of the cells of a raster file as they are, in another reference system [m].

    Parameters
    ----------
    path
        Raster file.
    crs
        Projected reference system in metres.

    Raises
    ------
    InputError
        As `read`.
    """
    with _opened(path) as source:
        _own_crs(source, path)
        wanted = rasterio.crs.CRS.from_wkt(crs.to_wkt())
        transform, _, _ = calculate_default_transform(
            source.crs, wanted, source.width, source.height, *source.bounds
        )
        return float(transform.a)


def on_datum(terrain: Terrain, elevation: Elevation) -> Terrain:
    """
    Bring ground onto the datum of the levels of a study.

    The difference of two datums is smooth: it is taken every tenth of a degree and
    interpolated in between, straight.

    Parameters
    ----------
    terrain
        Ground as its file has it.
    elevation
        Says both datums, or the offset between them.

    Returns
    -------
    terrain
        The same ground where the datums are one.

    Raises
    ------
    InputError
        No way between the two is known.
    """
    to = elevation.level_datum or elevation.vertical_datum
    if elevation.datum_offset_m is not None:
        z = terrain.z + np.float32(elevation.datum_offset_m)
        return replace(terrain, z=z, datum=to)
    if datum.same(terrain.datum, to):
        return terrain
    onto = Transformer.from_crs(terrain.crs, 4326, always_xy=True)
    back = Transformer.from_crs(4326, terrain.crs, always_xy=True)
    west, south, east, north = onto.transform_bounds(*terrain.bounds, densify_pts=21)
    lon = np.arange(math.floor(west / _SHIFT_DEG), math.ceil(east / _SHIFT_DEG) + 1) * _SHIFT_DEG
    lat = np.arange(math.floor(south / _SHIFT_DEG), math.ceil(north / _SHIFT_DEG) + 1) * _SHIFT_DEG
    x, y = np.meshgrid(lon, lat)
    known = datum.shift(x, y, of=terrain.datum, to=to)
    moved = np.column_stack(back.transform(x.ravel(), y.ravel()))
    between = LinearNDInterpolator(moved, known.ravel())
    rows, cols = terrain.shape
    left, _, _, top = terrain.bounds
    east_ = left + (np.arange(cols) + 0.5) * terrain.cell
    z = terrain.z.copy()
    for row in range(rows):  # a row at a time, so that large ground needs no second copy in double
        north_ = top - (row + 0.5) * terrain.cell
        z[row] += between(np.column_stack((east_, np.full(cols, north_)))).astype(np.float32)
    return replace(terrain, z=z, datum=to)


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
    blocks = terrain.z[: rows * factor, : cols * factor].reshape(rows, factor, cols, factor)
    coarse = replace(
        terrain,
        z=blocks.mean(axis=(1, 3), dtype=np.float32),
        transform=_part(terrain.transform, 0, 0, factor),
    )
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
    return np.where(fraction < _SAME, 0.0, np.where(fraction > 1 - _SAME, 1.0, fraction))


def _part(transform: Affine, col: int, row: int, factor: int = 1) -> Affine:
    """
    Transform of a raster that begins at a cell of another, with cells `factor` times as large.

    Affine 3 multiplies by `@` and warns of `*`, Affine 2 knows only `*`: hence neither.
    """
    a, b, c, d, e, f = tuple(transform)[:6]
    x, y = a * col + b * row + c, d * col + e * row + f
    return Affine(a * factor, b * factor, x, d * factor, e * factor, y)


def _square(transform: Affine) -> bool:
    """Whether cells are square, north-up and without rotation."""
    straight = transform.b == 0 and transform.d == 0 and transform.a > 0
    return straight and math.isclose(transform.a, -transform.e, rel_tol=1e-9)


def _not_metric(crs: CRS) -> str:
    """Say what keeps a reference system from being projected in metres; empty if nothing."""
    if not crs.is_projected:
        return f"found the reference system {crs.name}; wanted a projected one in metres"
    units = sorted({axis.unit_name for axis in crs.axis_info[:2]})
    if units != ["metre"]:
        return f"found the reference system {crs.name} in {units[0]}; wanted one in metres"
    return ""


def _same_crs(one: CRS, other: CRS) -> bool:
    """Whether two reference systems put a point in the same place."""
    if one.equals(other, ignore_axis_order=True):
        return True
    return one.to_epsg() is not None and one.to_epsg() == other.to_epsg()


@contextmanager
def _opened(path: Path) -> Iterator[rasterio.DatasetReader]:
    """Open a raster; whatever GDAL has against it becomes an error that names the file."""
    check_file(path, "a raster of ground levels")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `_own_crs` reports it
            # rasterio 1.4 multiplies transforms by `*`, which affine 3 warns of
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            with rasterio.open(path) as source:
                yield source
    except RealignError:
        raise
    except (RasterioError, CPLE_BaseError, *FOREIGN) as problem:
        msg = f"{path}: cannot be read as a raster, or is cut off ({problem})"
        raise InputError(msg) from problem


def _own_crs(source: rasterio.DatasetReader, path: Path) -> CRS:
    """Take the reference system of a file, which has one georeferenced band."""
    if source.count != 1:
        msg = f"{path}: found {source.count} bands; wanted one, of ground levels"
        raise InputError(msg)
    if source.crs is None or source.transform == Affine.identity():
        msg = f"{path}: has no coordinate reference system; wanted one, with its geotransform"
        raise InputError(msg)
    a, b, _, d, e, _ = edges = tuple(source.transform)[:6]
    if not all(map(math.isfinite, edges)) or not 0 < abs(a * e - b * d) < math.inf:
        msg = f"{path}: found the geotransform {edges}; wanted cells with an area"
        raise InputError(msg)
    if np.dtype(source.dtypes[0]).kind not in "iuf":
        msg = f"{path}: found {source.dtypes[0]}; wanted whole or real numbers of metres"
        raise InputError(msg)
    own = CRS.from_wkt(source.crs.to_wkt())
    own = own.sub_crs_list[0] if own.is_compound else own
    if not (own.is_projected or own.is_geographic):
        msg = f"{path}: found the reference system {own.name}; wanted a projected or geographic one"
        raise InputError(msg)
    return own


def _levels(source: rasterio.DatasetReader, window: Window | None) -> NDArray[np.float32]:
    """Levels of a window, NaN where the file says it has none."""
    rows, cols = (source.height, source.width) if window is None else (window.height, window.width)
    _check_room(source.name, rows, cols)
    band = source.read(1, window=window, masked=True)
    with np.errstate(invalid="ignore", over="ignore"):  # `_check_levels` refuses what it gives
        z = np.ma.filled(band.astype(np.float32), np.nan)
        return np.asarray(z * np.float32(source.scales[0]) + np.float32(source.offsets[0]))


def _check_room(name: str, rows: float, cols: float) -> None:
    """Refuse more cells than the memory of this machine holds."""
    needed, room = _BYTES * rows * cols, psutil.virtual_memory().total
    if needed > room:
        msg = (
            f"{name}: asked for {rows:.0f} x {cols:.0f} cells, which take {needed / 1e9:.3g} GB; "
            f"wanted what fits into the {room / 1e9:.3g} GB of this machine: larger cells "
            "(conditioning.cell_m), or a file cut to the ground of the study"
        )
        raise InputError(msg)


def _overlap(
    source: rasterio.DatasetReader, path: Path, bounds: Bounds | None, margin: int
) -> Window:
    """Whole cells of the file that cover the bounds (in its own system), and a margin of cells."""
    if bounds is None:
        return Window(0, 0, source.width, source.height)
    left, bottom, right, top = bounds
    back = ~source.transform
    cols = [back.a * x + back.b * y + back.c for x in (left, right) for y in (bottom, top)]
    rows = [back.d * x + back.e * y + back.f for x in (left, right) for y in (bottom, top)]
    c0 = max(math.floor(min(cols) + _SAME) - margin, 0)
    r0 = max(math.floor(min(rows) + _SAME) - margin, 0)
    c1 = min(math.ceil(max(cols) - _SAME) + margin, source.width)
    r1 = min(math.ceil(max(rows) - _SAME) + margin, source.height)
    if c1 - c0 < 2 or r1 - r0 < 2:
        found = ", ".join(f"{edge:.6g}" for edge in source.bounds)
        wanted = ", ".join(f"{edge:.6g}" for edge in bounds)
        msg = f"{path}: covers {found} (left, bottom, right, top); wanted {wanted}"
        raise InputError(msg)
    return Window(c0, r0, c1 - c0, r1 - r0)


def _read_window(
    source: rasterio.DatasetReader, path: Path, bounds: Bounds | None
) -> tuple[NDArray[np.float32], Affine]:
    """Read levels as they are in the file."""
    window = _overlap(source, path, bounds, margin=0)
    corner = _part(source.transform, window.col_off, window.row_off)
    return _levels(source, window), corner


def _read_warped(
    source: rasterio.DatasetReader,
    path: Path,
    crs: CRS,
    bounds: Bounds | None,
    cell: float | None,
) -> tuple[NDArray[np.float32], Affine]:
    """Read levels and warp them onto square, north-up cells of `crs`."""
    wanted = rasterio.crs.CRS.from_wkt(crs.to_wkt())
    try:
        inner = None if bounds is None else transform_bounds(wanted, source.crs, *bounds)
        window = _overlap(source, path, inner, margin=2)
        if bounds is not None and cell is not None:  # a large cell is a mean over what is near it
            within = cell * window.width / (bounds[2] - bounds[0])
            window = _overlap(source, path, inner, margin=2 + math.ceil(2 * within))
        extent = source.window_bounds(window)
        transform, cols, rows = calculate_default_transform(
            source.crs, wanted, window.width, window.height, *extent, resolution=cell
        )
        if bounds is not None:
            left, bottom, right, top = bounds
            side = transform.a
            transform = Affine(side, 0.0, left, 0.0, -side, top)
            cols = math.ceil((right - left) / side - _SAME)
            rows = math.ceil((top - bottom) / side - _SAME)
        _check_room(source.name, rows, cols)
        # a rim without data keeps the warp from going on beyond the outermost centres
        z = np.pad(_levels(source, window), 1, constant_values=np.nan)
        corner = _part(source.transform, window.col_off - 1, window.row_off - 1)
        weighted, share = _warped(z, corner, source.crs, (rows, cols), transform, wanted)
    except (RasterioError, CPLE_BaseError) as problem:
        msg = f"{path}: cannot be warped to {crs.name} ({problem})"
        raise InputError(msg) from problem
    level = np.full(share.shape, np.nan, dtype=np.float32)
    np.divide(weighted, share, out=level, where=share > _WHOLE)
    return level, transform


def _warped(
    z: NDArray[np.float32],
    corner: Affine,
    own: rasterio.crs.CRS,
    shape: tuple[int, int],
    transform: Affine,
    wanted: rasterio.crs.CRS,
) -> NDArray[np.float32]:
    """
    Warp levels, 0 where they are unknown, and the share of them that is known.

    `rasterio.warp.reproject` puts cells wrong by up to an eighth of themselves, which on a
    slope of a mountain is metres of height, and takes no other tolerance: hence the VRT.
    """
    known = np.isfinite(z)
    with MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=z.shape[0],
            width=z.shape[1],
            count=2,
            dtype="float32",
            crs=own,
            transform=corner,
        ) as layers:
            layers.write(np.stack((np.where(known, z, np.float32(0)), known)).astype(np.float32))
        with (
            memory.open() as layers,
            WarpedVRT(
                layers,
                crs=wanted,
                transform=transform,
                height=shape[0],
                width=shape[1],
                resampling=Resampling.bilinear,
                tolerance=_ASTRAY,
            ) as warped,
        ):
            return np.asarray(warped.read(), dtype=np.float32)


def _check_levels(z: NDArray[np.float32], path: Path) -> None:
    """Refuse a raster without levels, or with levels that no ground has."""
    if min(z.shape) < 2:
        msg = f"{path}: found {z.shape[0]} rows and {z.shape[1]} columns; wanted two or more"
        raise InputError(msg)
    if np.isnan(z).all():
        msg = f"{path}: holds no level where it is asked, only no data"
        raise InputError(msg)
    lowest, highest = float(np.nanmin(z)), float(np.nanmax(z))
    if lowest < _LOWEST or highest > _HIGHEST:
        msg = (
            f"{path}: found levels from {lowest:g} to {highest:g} m; wanted {_LOWEST:g} to "
            f"{_HIGHEST:g} m (is the value for no data declared in the file?)"
        )
        raise InputError(msg)
