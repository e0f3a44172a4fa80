"""
Ground from a raster file, window by window.

Whatever the size of the file and of the ground that is asked, no more than a block of either is
held besides the ground itself; and that is held on disk where memory is short (`room`).
"""

import math
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio._err import CPLE_BaseError
from rasterio.enums import Resampling
from rasterio.errors import CRSError, NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile
from rasterio.vrt import WarpedVRT
from rasterio.warp import calculate_default_transform, transform_bounds
from rasterio.warp import transform as warp_points
from rasterio.windows import Window

from realign import datum as datums
from realign.errors import InputError, RealignError
from realign.inputs import FOREIGN, check_file
from realign.terrain.relief import SAME, Bounds, Terrain, not_metric, part, square
from realign.terrain.room import Tile, roomy, tiles

FORMATS = ["GTiff", "SRTMHGT", "DTED", "USGSDEM"]
"""Formats of rasters that are one file, by their names in GDAL: others may lead to other files, to
the network, or to code."""
_ALONE = {"GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR", "GDAL_PAM_ENABLED": "NO"}
"""What keeps GDAL from files beside the raster, which say other levels, places and masks."""
_LOWEST, _HIGHEST = -500.0, 9000.0  # dry land lies between -430 m (Dead Sea) and 8,849 m
_WHOLE = 0.999  # share of known ground that a warped cell must stand on
_ASTRAY = 1e-3  # cells; how far a warped cell may be from its place
_ANOTHER = (
    "wanted the datum of the file there, and that of the levels of the dams in "
    "elevation.level_datum"
)
_METRES = {"", "m", "metre", "metres", "meter", "meters"}
TAG = "VERTICAL_DATUM"
"""Tag by which a file may name the datum of its levels, where its system does not."""
BLOCK = 2048
"""Side of the windows that are read at a time, in cells of the file."""


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
        Raster of one band of levels [m], in one of `FORMATS`.
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
        The file is missing, unreadable or cut off, has no reference system, says that its levels
        are on another datum or no metres, holds no level where it is asked, or holds levels that
        no ground has.
    """
    if cell is not None and not 0 < cell < math.inf:
        msg = f"{path}: asked for cells of {cell:g} m; wanted more than 0 m"
        raise InputError(msg)
    with opened(path) as source:
        own = own_crs(source, path)
        check_datum(source, path, datum, f"elevation.vertical_datum is {datum!r}; {_ANOTHER}")
        target = own if crs is None else crs
        problem = not_metric(target)
        if problem:
            msg = f"{path}: {problem}; name one in the study"
            raise InputError(msg)
        same_cell = cell is None or math.isclose(cell, source.transform.a, rel_tol=1e-9)
        if _same_crs(own, target) and square(source.transform) and same_cell:
            z, transform = _read_window(source, path, bounds)
        else:
            z, transform = _read_warped(source, path, target, bounds, cell)
    _check_ground(z, path)
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
    with opened(path) as source:
        own_crs(source, path)
        wanted = rasterio.crs.CRS.from_wkt(crs.to_wkt())
        transform, _, _ = calculate_default_transform(
            source.crs, wanted, source.width, source.height, *source.bounds
        )
        return float(transform.a)


def _same_crs(one: CRS, other: CRS) -> bool:
    """Whether two reference systems put a point in the same place."""
    if one.equals(other, ignore_axis_order=True):
        return True
    return one.to_epsg() is not None and one.to_epsg() == other.to_epsg()


@contextmanager
def opened(path: Path, formats: Sequence[str] = FORMATS) -> Iterator[rasterio.DatasetReader]:
    """
    Open a raster; whatever GDAL has against it becomes an error that names the file.

    It is read in one of some formats whatever its name says, and without what lies beside it.
    """
    check_file(path, "a raster of ground levels")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)  # `own_crs` reports it
            # rasterio 1.4 multiplies transforms by `*`, which affine 3 warns of
            warnings.simplefilter("ignore", PendingDeprecationWarning)
            with rasterio.Env(**_ALONE), DatasetReader(path, driver=list(formats)) as source:
                yield source
    except RealignError:
        raise
    except (RasterioError, CPLE_BaseError, *FOREIGN) as problem:
        msg = (
            f"{path}: cannot be read as a raster of levels, or is cut off ({problem}); wanted "
            f"{' or '.join(formats)}"
        )
        raise InputError(msg) from problem


def own_crs(source: rasterio.DatasetReader, path: Path) -> CRS:
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


def check_datum(source: rasterio.DatasetReader, path: Path, wanted: str, why: str) -> None:
    """
    Refuse a file that says its levels are on another datum, or in another unit than metres.

    `why` says for a message who wants the datum, and what to do.
    """
    told, unit = datums.declared(CRS.from_wkt(source.crs.to_wkt()))
    told = told or source.tags().get(TAG, "")
    if not datums.same(told, wanted):
        msg = f"{path}: says that its levels are on {told}, and {why}"
        raise InputError(msg)
    for found in (unit, source.units[0] or ""):
        if found.casefold() not in _METRES:
            msg = f"{path}: says that its levels are in {found}; wanted metres"
            raise InputError(msg)


def levels(source: rasterio.DatasetReader, window: Window) -> NDArray[np.float32]:
    """Levels of a window, NaN where the file says it has none."""
    band = source.read(1, window=window, masked=True)
    with np.errstate(invalid="ignore", over="ignore"):  # `check_levels` refuses what it gives
        z = np.ma.filled(band.astype(np.float32), np.nan)
        return np.asarray(z * np.float32(source.scales[0]) + np.float32(source.offsets[0]))


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
    c0 = max(math.floor(min(cols) + SAME) - margin, 0)
    r0 = max(math.floor(min(rows) + SAME) - margin, 0)
    c1 = min(math.ceil(max(cols) - SAME) + margin, source.width)
    r1 = min(math.ceil(max(rows) - SAME) + margin, source.height)
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
    z = roomy((window.height, window.width), np.float32, what=str(path))
    rows = max(1, BLOCK**2 // window.width)  # whole rows, as most files have them together
    for first in range(0, window.height, rows):
        some = min(rows, window.height - first)
        piece = Window(window.col_off, window.row_off + first, window.width, some)
        z[first : first + some] = levels(source, piece)
    return z, part(source.transform, window.col_off, window.row_off)


def _read_warped(
    source: rasterio.DatasetReader,
    path: Path,
    crs: CRS,
    bounds: Bounds | None,
    cell: float | None,
) -> tuple[NDArray[np.float32], Affine]:
    """Read levels and warp them onto square, north-up cells of `crs`, a tile at a time."""
    wanted = rasterio.crs.CRS.from_wkt(crs.to_wkt())
    try:
        inner = None if bounds is None else transform_bounds(wanted, source.crs, *bounds)
        window = _overlap(source, path, inner, margin=2)
        extent = source.window_bounds(window)
        transform, cols, rows = calculate_default_transform(
            source.crs, wanted, window.width, window.height, *extent, resolution=cell
        )
        if bounds is not None:
            left, bottom, right, top = bounds
            side = transform.a
            transform = Affine(side, 0.0, left, 0.0, -side, top)
            cols = math.ceil((right - left) / side - SAME)
            rows = math.ceil((top - bottom) / side - SAME)
        z = roomy((rows, cols), np.float32, what=str(path))
        warp = _Warp(source, path, wanted, transform, (rows, cols))
        for tile in tiles((rows, cols), side=warp.side):
            z[tile.inner] = warp.levels(tile)
    except (RasterioError, CPLE_BaseError) as problem:
        msg = f"{path}: cannot be warped to {crs.name} ({problem})"
        raise InputError(msg) from problem
    return z, transform


class _Warp:
    """A file that is warped onto a grid, tile by tile."""

    def __init__(
        self,
        source: rasterio.DatasetReader,
        path: Path,
        wanted: rasterio.crs.CRS,
        transform: Affine,
        shape: tuple[int, int],
    ) -> None:
        """Measure the cells of the file by those of the grid, and read a small file."""
        self.source, self.path, self.wanted, self.transform = source, path, wanted, transform
        self.finer = _finer(source, wanted, transform, shape)
        wide = max(*self.finer, 1.0)
        self.side = max(1, int(BLOCK / wide))
        self.margin = 2 + math.ceil(2 * wide)  # a large cell is a mean over what is near it
        whole = Window(0, 0, source.width, source.height)
        small = source.width * source.height <= BLOCK**2
        self.whole = (_rimmed(source, whole), whole) if small else None

    def levels(self, tile: Tile) -> NDArray[np.float32]:
        """Levels of a tile; NaN where the file has none."""
        corner = part(self.transform, tile.inner[1].start, tile.inner[0].start)
        level = np.full(tile.shape, np.nan, dtype=np.float32)
        found = self.whole or self._about(corner, tile.shape)
        if found is not None:
            z, window = found
            begin = part(self.source.transform, window.col_off - 1, window.row_off - 1)
            weighted, share = self._warped(z, begin, tile.shape, corner)
            np.divide(weighted, share, out=level, where=share > _WHOLE)
        return level

    def _about(
        self, corner: Affine, shape: tuple[int, int]
    ) -> tuple[NDArray[np.float32], Window] | None:
        """Levels of the file about a tile, and their window; None where the file has none."""
        rows, cols = shape
        left, top, side = corner.c, corner.f, corner.a
        asked = left, top - rows * side, left + cols * side, top
        try:
            inner = transform_bounds(self.wanted, self.source.crs, *asked)
            window = _overlap(self.source, self.path, inner, margin=self.margin)
        except InputError:
            return None
        return _rimmed(self.source, window), window

    def _warped(
        self,
        z: NDArray[np.float32],
        begin: Affine,
        shape: tuple[int, int],
        corner: Affine,
    ) -> NDArray[np.float32]:
        """
        Warp levels, 0 where they are unknown, and the share of them that is known.

        `rasterio.warp.reproject` puts cells wrong by up to an eighth of themselves, which on a
        slope of a mountain is metres of height, and takes no other tolerance: hence the VRT. How
        many cells a level is a mean of is told, since GDAL would guess it anew for each tile.
        """
        known = np.isfinite(z)
        with MemoryFile() as memory:
            with memory.open(
                driver="GTiff",
                height=z.shape[0],
                width=z.shape[1],
                count=2,
                dtype="float32",
                crs=self.source.crs,
                transform=begin,
            ) as layers:
                layers.write(
                    np.stack((np.where(known, z, np.float32(0)), known)).astype(np.float32)
                )
            with (
                memory.open() as layers,
                WarpedVRT(
                    layers,
                    crs=self.wanted,
                    transform=corner,
                    height=shape[0],
                    width=shape[1],
                    resampling=Resampling.bilinear,
                    tolerance=_ASTRAY,
                    XSCALE=1 / max(self.finer[0], 1.0),
                    YSCALE=1 / max(self.finer[1], 1.0),
                ) as warped,
            ):
                return np.asarray(warped.read(), dtype=np.float32)


def _finer(
    source: rasterio.DatasetReader,
    wanted: rasterio.crs.CRS,
    transform: Affine,
    shape: tuple[int, int],
) -> tuple[float, float]:
    """Columns and rows of a file that a cell of a grid spans, in the middle of the grid."""
    side = transform.a
    x, y = transform.c + shape[1] / 2 * side, transform.f - shape[0] / 2 * side
    xs, ys = warp_points(wanted, source.crs, [x, x + side, x], [y, y, y + side])
    back = ~source.transform
    cols = [back.a * a + back.b * b for a, b in zip(xs, ys, strict=True)]
    rows = [back.d * a + back.e * b for a, b in zip(xs, ys, strict=True)]
    found = tuple(math.hypot(v[1] - v[0], v[2] - v[0]) for v in (cols, rows))
    if not all(map(math.isfinite, found)):
        msg = f"the middle of the ground has no place in {source.crs}"
        raise CRSError(msg)
    return found[0], found[1]


def _rimmed(source: rasterio.DatasetReader, window: Window) -> NDArray[np.float32]:
    """Levels with a rim that has none, which keeps a warp from going beyond outermost centres."""
    return np.pad(levels(source, window), 1, constant_values=np.nan)


def _check_ground(z: NDArray[np.float32], path: Path) -> None:
    """Refuse a raster without levels, or with levels that no ground has."""
    if min(z.shape) < 2:
        msg = f"{path}: found {z.shape[0]} rows and {z.shape[1]} columns; wanted two or more"
        raise InputError(msg)
    if not check_levels(z, path):
        msg = f"{path}: holds no level where it is asked, only no data"
        raise InputError(msg)


def check_levels(z: NDArray[np.float32], path: Path) -> bool:
    """Refuse levels that no ground has, and tell whether there are any."""
    lowest, highest = math.inf, -math.inf
    for tile in tiles(z.shape[:2]):
        # fmin and fmax pass over NaN, and give it where there is nothing else
        low, high = (float(f.reduce(z[tile.inner], axis=None)) for f in (np.fmin, np.fmax))
        if not math.isnan(low):
            lowest, highest = min(lowest, low), max(highest, high)
    if lowest < _LOWEST or highest > _HIGHEST:
        msg = (
            f"{path}: found levels from {lowest:g} to {highest:g} m; wanted {_LOWEST:g} to "
            f"{_HIGHEST:g} m (is the value for no data declared in the file?)"
        )
        raise InputError(msg)
    return lowest <= highest
