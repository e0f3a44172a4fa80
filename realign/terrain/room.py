"""Room for rasters as large as the ground, and the tiles in which they are worked on."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import psutil
from numpy.typing import DTypeLike, NDArray

from realign.errors import InputError

SHARE = 1 / 16
"""Part of the memory of the machine above which one raster lies on disk [-]."""
MOST = 2**31 - 1
"""Cells of a raster; 32 bits count no more, and 1,390 km square of 30-m cells are as many."""
SIDE = 4096
"""Cells along the side of a tile; ground that is no larger is worked on in one piece."""
_LESS = "larger cells (conditioning.cell_m), only the ground about the road (elevation.margin_m)"


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a raster, with cells around it."""

    inner: tuple[slice, slice]
    """Rows and columns of the piece in the raster."""
    outer: tuple[slice, slice]
    """Those of the piece and of what lies around it, as far as the raster goes."""

    @property
    def within(self) -> tuple[slice, slice]:
        """Rows and columns of the piece in the raster of `outer`."""
        return (
            _moved(self.inner[0], -self.outer[0].start),
            _moved(self.inner[1], -self.outer[1].start),
        )

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the piece."""
        rows, cols = self.inner
        return rows.stop - rows.start, cols.stop - cols.start


def tiles(shape: tuple[int, int], *, side: int = 0, around: int = 0) -> Iterator[Tile]:
    """
    Part a raster into tiles.

    Parameters
    ----------
    shape
        Rows and columns of the raster.
    side
        Cells along the side of a tile; `SIDE` where 0.
    around
        Cells that a tile has around it.

    Yields
    ------
    tile
        Each cell is in one piece; from north-west to south-east.
    """
    side = side or SIDE
    rows, cols = shape
    for r in range(0, rows, side):
        for c in range(0, cols, side):
            inner = slice(r, min(r + side, rows)), slice(c, min(c + side, cols))
            outer = _wider(inner[0], around, rows), _wider(inner[1], around, cols)
            yield Tile(inner, outer)


def roomy(shape: tuple[int, ...], dtype: DTypeLike, *, what: str) -> NDArray[Any]:
    """
    Make room for a raster: in memory where that is ample, else in a file of its own.

    The file has no name, so that nothing of it is left however the program ends, and its room is
    taken at once, so that a full disk is told now.

    Parameters
    ----------
    shape
        Of the raster.
    dtype
        Of its cells.
    what
        What it holds, for messages.

    Returns
    -------
    raster
        Without values yet.

    Raises
    ------
    InputError
        Neither memory nor disk have the room, or there are more than `MOST` cells.
    """
    problem = lack(shape, dtype)
    if problem:
        msg = f"{what}: {problem}: {_LESS}"
        raise InputError(msg)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if _fits(size):
        return np.empty(shape, dtype)
    folder = tempfile.gettempdir()
    try:
        with tempfile.TemporaryFile(prefix="realign-", dir=folder) as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            return np.asarray(np.memmap(file, dtype, "w+", shape=shape))
    except OSError as reason:
        msg = f"{what}: {_no_room(shape, size, str(reason))}: {_LESS}"
        raise InputError(msg) from reason


def lack(shape: tuple[int, ...], dtype: DTypeLike) -> str:
    """Say why there is no room for a raster; empty where there is."""
    count = math.prod(shape)
    size = count * np.dtype(dtype).itemsize
    if count > MOST:
        return f"asked for {_cells(shape)}; wanted at most {MOST:.3g}"
    if _fits(size):  # whatever the disk is like
        return ""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    return _no_room(shape, size, f"found {free / 1e9:.3g} GB") if size > free else ""


def _fits(size: int) -> bool:
    """Whether memory is ample for so many bytes."""
    return bool(size <= SHARE * psutil.virtual_memory().total)


def _no_room(shape: tuple[int, ...], size: int, reason: str) -> str:
    return (
        f"asked for {_cells(shape)}, which take {size / 1e9:.3g} GB; wanted room for them in "
        f"{tempfile.gettempdir()} ({reason}), or another folder for what is temporary (TMPDIR)"
    )


def _cells(shape: tuple[int, ...]) -> str:
    return f"{' x '.join(f'{n}' for n in shape)} cells"


def _moved(rows: slice, by: int) -> slice:
    return slice(rows.start + by, rows.stop + by)


def _wider(rows: slice, by: int, end: int) -> slice:
    return slice(max(rows.start - by, 0), min(rows.stop + by, end))
