"""Levels as a GeoTIFF: written where there is room for them, and read back to see that they are."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError
from rasterio.windows import Window

from realign import terrain
from realign.errors import InputError
from realign.sources import tile as tiles
from realign.sources.files import WriteError, reserve

NODATA = -9999.0
"""Stands for no level."""

FORM = {
    "driver": "GTiff",
    "compress": "deflate",
    "predictor": 3,
    "tiled": True,
    "bigtiff": "if_safer",
}
"""How levels are kept in a file."""

_SIDE = 2048  # cells along the side of what is written at a time: whole blocks of the file


def write(
    path: Path,
    z: NDArray[np.float32],
    transform: Affine,
    crs: str,
    tags: dict[str, str] | None = None,
) -> None:
    """
    Write one band of levels, and read it to see that it is whole.

    Parameters
    ----------
    path
        File to be written.
    z
        Levels, shape (rows, cols), NaN where there are none [m].
    transform
        From (column, row) of the corners to coordinates.
    crs
        Reference system, as PROJ understands it.
    tags
        What else is said of them.

    Raises
    ------
    WriteError
        The folder cannot be written, the disk is full, or keeps something else.
    """
    reserve(path, z.nbytes)
    try:
        _fill(path, z, transform, crs, tags or {})
        same = _reads(path, z)
    except (RasterioError, InputError) as problem:
        reserve(path)  # a full disk looks like a damaged file
        msg = f"{path}: cannot be written ({problem}); wanted a folder with room for it"
        raise WriteError(msg) from problem
    if not same:
        reserve(path)
        msg = f"{path}: is not what was written; wanted a disk that keeps what it is given"
        raise WriteError(msg)


def filled(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Levels as a file has them."""
    return np.where(np.isnan(z), np.float32(NODATA), z)


def _reads(path: Path, z: NDArray[np.float32]) -> bool:
    """Whether a raster holds levels."""
    with tiles.opened(path) as source:
        return all(
            np.array_equal(
                source.read(1, window=Window.from_slices(*each.inner)), filled(z[each.inner])
            )
            for each in _squares(z)
        )


def _squares(z: NDArray[np.float32]) -> Iterator[terrain.Tile]:
    """Tiles in which a raster is written: whole blocks of the file."""
    return terrain.tiles((z.shape[0], z.shape[1]), side=_SIDE)


def _fill(
    path: Path, z: NDArray[np.float32], transform: Affine, crs: str, tags: dict[str, str]
) -> None:
    """Write the raster itself."""
    with rasterio.open(
        path,
        "w",
        height=z.shape[0],
        width=z.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform,
        nodata=NODATA,
        **FORM,
    ) as target:
        for tile in _squares(z):
            target.write(filled(z[tile.inner]), 1, window=Window.from_slices(*tile.inner))
        target.set_band_unit(1, "metre")
        target.update_tags(**tags)
