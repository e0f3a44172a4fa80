"""
Tiles of a degree as one raster in degrees.

GLO-30 has wider cells towards the poles, in belts from 50, 60, 70 and 80 degrees of latitude on.
Tiles of one belt are put side by side as they are. Other belts come onto the narrowest cells by
interpolation between centres: along each of their rows, then from row to row, also from the last
row of a belt to the first of the next. So nothing is moved, and a seam is no gap; what lies between
two centres of which one has no level has none.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.merge import merge
from rasterio.windows import Window

from realign.errors import SourceError
from realign.sources import tile as tiles
from realign.sources.files import reserve
from realign.sources.raster import FORM, NODATA, filled
from realign.terrain import reading

_MEGABYTES = 256  # of the mosaic that are put together at a time
_ROWS = 256  # of the mosaic that are interpolated at a time
_SAME = 1e-3  # cells; places that are no farther apart are one
_OVERLAP = 0.02  # degrees; tiles may have a row more than they need
_NEXT = 1.5  # cells; rows that are farther apart have others between them, which are missing


def join(parts: Sequence[Path], path: Path) -> None:
    """
    Write windows of tiles as one raster.

    Parameters
    ----------
    parts
        Windows, each with its transform in degrees.
    path
        File to be written; others are made beside it.

    Raises
    ------
    SourceError
        Tiles of one latitude have cells of other widths, or there is no room on the disk.
    """
    with tiles.quiet(), ExitStack() as stack:
        layers = [stack.enter_context(tiles.opened(part)) for part in parts]
        layers.sort(key=lambda layer: layer.transform.a)
        belts = _belts(layers)
        if len(belts) == 1:
            _merge(layers, path)
            return
        files = [path.with_name(f"belt-{number}.tif") for number in range(len(belts))]
        for belt, file in zip(belts, files, strict=True):
            _merge(belt, file)
        sources = [stack.enter_context(tiles.opened(file)) for file in files]
        _write(path, sources)


def _belts(layers: Sequence[rasterio.DatasetReader]) -> list[list[rasterio.DatasetReader]]:
    """Windows that lie on one grid each, from the narrowest cells on."""
    belts: list[list[rasterio.DatasetReader]] = []
    for layer in layers:
        same = [belt for belt in belts if _one_grid(belt[0].transform, layer.transform)]
        if same:
            same[0].append(layer)
        else:
            belts.append([layer])
    spans = sorted(
        (max(layer.bounds.top for layer in belt), min(layer.bounds.bottom for layer in belt))
        for belt in belts
    )
    if any(below > bottom + _OVERLAP for (below, _), (_, bottom) in pairwise(spans)):
        found = ", ".join(
            f"{Path(belt[0].name).stem.partition('-')[2]} with {belt[0].res[0] * 3600:.4g}"
            for belt in belts
        )
        msg = (
            f"found tiles with cells of other widths or places at one latitude ({found} seconds "
            "of arc); wanted those of GLO-30, which are alike along a parallel"
        )
        raise SourceError(msg)
    return belts


def _one_grid(one: Affine, other: Affine) -> bool:
    """Whether cells of two rasters lie in the rows and columns of one."""
    alike = all(math.isclose(a, b, rel_tol=1e-6) for a, b in ((one.a, other.a), (one.e, other.e)))
    apart = (one.c - other.c) / one.a, (one.f - other.f) / one.e
    return alike and all(abs(cells - round(cells)) < 0.01 for cells in apart)


def _merge(layers: Sequence[rasterio.DatasetReader], path: Path) -> None:
    """Put windows of one grid side by side."""
    transform, shape = _cover(layers)
    reserve(path, 4 * shape[0] * shape[1])
    merge(
        layers,
        res=(transform.a, -transform.e),
        nodata=NODATA,
        resampling=Resampling.bilinear,
        mem_limit=_MEGABYTES,
        dst_path=path,
        dst_kwds=FORM,
    )


def _cover(layers: Sequence[rasterio.DatasetReader]) -> tuple[Affine, tuple[int, int]]:
    """Grid of the first of some rasters, as far as all of them go."""
    own = layers[0].transform
    west, south = (min(layer.bounds[i] for layer in layers) for i in (0, 1))
    east, north = (max(layer.bounds[i] for layer in layers) for i in (2, 3))
    before = math.ceil((own.c - west) / own.a - _SAME)
    over = math.ceil((own.f - north) / own.e - _SAME)
    left, top = own.c - before * own.a, own.f - over * own.e
    shape = (
        math.ceil((south - top) / own.e - _SAME),
        math.ceil((east - left) / own.a - _SAME),
    )
    return Affine(own.a, 0.0, left, 0.0, own.e, top), shape


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """Rows of all belts, from north to south."""

    y: NDArray[np.float64]
    """Latitude of their centres [deg]."""
    belt: NDArray[np.intp]
    """Number of the belt of each."""
    row: NDArray[np.intp]
    """Its row there."""
    side: NDArray[np.float64]
    """Height of its cells [deg]."""


def _lines(belts: Sequence[rasterio.DatasetReader]) -> _Lines:
    """Rows of belts; of rows that two belts have, those of the northern one."""
    y: list[NDArray[np.float64]] = []
    belt: list[NDArray[np.intp]] = []
    row: list[NDArray[np.intp]] = []
    end = math.inf
    for number in sorted(range(len(belts)), key=lambda n: -belts[n].bounds.top):
        source = belts[number]
        down = source.transform.e
        centres = _centres(source.transform.f, down, source.height)
        new = np.flatnonzero(centres < end + _SAME * down)
        if len(new):
            y.append(centres[new])
            row.append(new)
            belt.append(np.full(len(new), number))
            end = float(y[-1][-1])
    numbers = np.concatenate(belt)
    sides = np.array([-source.transform.e for source in belts])
    return _Lines(np.concatenate(y), numbers, np.concatenate(row), sides[numbers])


def _write(path: Path, belts: Sequence[rasterio.DatasetReader]) -> None:
    """Interpolate belts onto the cells of the first of them, some rows at a time."""
    transform, (rows, cols) = _cover(belts)
    lines = _lines(belts)
    x = _centres(transform.c, transform.a, cols)
    y = _centres(transform.f, transform.e, rows)
    reserve(path, 4 * rows * cols)
    with rasterio.open(
        path, "w", height=rows, width=cols, count=1, dtype="float32", crs=belts[0].crs,
        transform=transform, nodata=NODATA, **FORM,
    ) as target:  # fmt: skip
        for first in range(0, rows, _ROWS):
            some = slice(first, min(first + _ROWS, rows))
            z = _down(belts, lines, x, y[some])
            target.write(filled(z), 1, window=Window(0, first, cols, len(z)))


def _down(
    belts: Sequence[rasterio.DatasetReader],
    lines: _Lines,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Levels at columns and rows that run evenly, NaN where they are not known."""
    above, share = _places(-lines.y, -y)
    below = np.minimum(above + 1, len(lines.y) - 1)
    first = int(above.min())
    z = np.concatenate(list(_across(belts, lines, slice(first, int(below.max()) + 1), x)))
    wide = (lines.y[above] - lines.y[below]) > _NEXT * np.maximum(
        lines.side[above], lines.side[below]
    )
    share[wide & (share > 0) & (share < 1)] = np.nan
    return _mixed(z[above - first], z[below - first], share[:, None])


def _across(
    belts: Sequence[rasterio.DatasetReader],
    lines: _Lines,
    some: slice,
    x: NDArray[np.float64],
) -> Iterator[NDArray[np.float32]]:
    """Levels of lines at columns, belt by belt."""
    numbers, rows = lines.belt[some], lines.row[some]
    starts = np.flatnonzero(np.diff(numbers, prepend=-1))
    for begin, end in zip(starts, [*starts[1:], len(numbers)], strict=True):
        source = belts[numbers[begin]]
        height = int(end - begin)
        z = reading.levels(source, Window(0, int(rows[begin]), source.width, height))
        centres = _centres(source.transform.c, source.transform.a, source.width)
        left, share = _places(centres, x)
        right = np.minimum(left + 1, source.width - 1)
        yield _mixed(z[:, left], z[:, right], share[None, :])


def _centres(begin: float, side: float, count: int) -> NDArray[np.float64]:
    """Centres of cells that lie side by side."""
    return np.asarray(begin + side * (np.arange(count, dtype=np.float64) + 0.5), np.float64)


def _places(
    known: NDArray[np.float64], asked: NDArray[np.float64]
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """
    Find numbers between those of a rising row.

    Returns
    -------
    before
        Index of the last that is not greater.
    share
        How far it is to the next [0-1]; NaN outside of the row.

    Examples
    --------
    >>> _places(np.array([1.0, 2.0, 4.0]), np.array([0.0, 1.0, 3.0, 4.0, 5.0]))
    (array([0, 0, 1, 2, 2]), array([nan, 0. , 0.5, 0. , nan], dtype=float32))
    """
    before = np.clip(np.searchsorted(known, asked, side="right") - 1, 0, len(known) - 1)
    after = np.minimum(before + 1, len(known) - 1)
    step = known[after] - known[before]
    usual = (known[-1] - known[0]) / max(len(known) - 1, 1) or 1.0
    share = (asked - known[before]) / np.where(step > 0, step, usual)
    share[np.abs(share) < _SAME] = 0.0
    share[np.abs(share - 1) < _SAME] = 1.0
    share[(share < 0) | (share > 1) | ((share > 0) & (step <= 0))] = np.nan
    return before, share.astype(np.float32)


def _mixed(
    one: NDArray[np.float32], other: NDArray[np.float32], share: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Levels between others; one of them is taken as it is where nothing is asked of the other."""
    between = one + share * (other - one)
    return np.where(share == 0, one, np.where(share == 1, other, between))
