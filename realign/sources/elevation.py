"""
Public ground: Copernicus GLO-30, tiles of a degree, put together in the system of a study.

Tiles are read by windows from a server, or from a local folder of them. Where the sea is there
are no tiles: such ground stays without data, and that is said. Levels are on EGM2008.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.merge import merge
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from realign import terrain
from realign.errors import InputError, SourceError
from realign.sources import tile as tiles
from realign.sources.box import Box
from realign.sources.client import Client, MissingError
from realign.sources.files import scratch, whole
from realign.sources.tile import Tile, WrongError

SERVERS = (
    "https://copernicus-dem-30m.s3.amazonaws.com",
    "https://copernicus-dem-30m.s3.eu-central-1.amazonaws.com",
)
"""Public servers of the tiles, both of the same store; each tile lies in a folder of its name
(copernicus-dem-30m.s3.amazonaws.com/readme.html)."""

DATUM = "EGM2008"
"""Vertical datum of the tiles."""

_EGM2008 = 3855  # EPSG: EGM2008 height
_NODATA = -9999.0
_HALF = 0.002  # degrees; tiles begin half a cell of theirs to the west and north of a whole degree
_MOST = 10_800  # cells along the side of a tile; GLO-30 has 3,600
_MEGABYTES = 256  # of the mosaic that are put together at a time
_SIDE = 2048  # cells along the side of what is written at a time: whole blocks of the file
_FORM = {
    "driver": "GTiff",
    "compress": "deflate",
    "predictor": 3,
    "tiled": True,
    "bigtiff": "if_safer",
}
_DENSE = 21  # points on each edge of a box that is projected

Part = tuple[NDArray[np.float32], Affine]
"""Levels of a window of a tile, and where it lies."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What became of the tiles."""

    origins: tuple[str, ...]
    """Where tiles came from."""
    missing: tuple[str, ...]
    """Names of tiles that nobody has: sea, or ground that is not released."""
    unknown: float
    """Share of the cells without a level [0-1]."""


def name(lon: int, lat: int) -> str:
    """
    Name of the tile whose south-western corner is at whole degrees.

    Examples
    --------
    >>> name(73, 35)
    'Copernicus_DSM_COG_10_N35_00_E073_00_DEM'
    >>> name(-71, -4)
    'Copernicus_DSM_COG_10_S04_00_W071_00_DEM'
    """
    north = f"{'N' if lat >= 0 else 'S'}{abs(lat):02d}_00"
    east = f"{'E' if lon >= 0 else 'W'}{abs(lon):03d}_00"
    return f"Copernicus_DSM_COG_10_{north}_{east}_DEM"


def names(bounds: tuple[float, float, float, float]) -> tuple[str, ...]:
    """
    Names of the tiles within bounds: west, south, east, north [deg].

    Examples
    --------
    >>> names((72.99, 35.2, 73.4, 35.4))
    ('Copernicus_DSM_COG_10_N35_00_E072_00_DEM', 'Copernicus_DSM_COG_10_N35_00_E073_00_DEM')
    """
    west, south, east, north = bounds
    lons = range(math.floor(west), min(math.floor(east + _HALF), 179) + 1)
    lats = range(math.floor(south - _HALF), math.floor(north) + 1)
    return tuple(name(lon, lat) for lat, lon in product(lats, lons))


def grid(box: Box, crs: CRS, cell: float) -> tuple[terrain.Bounds, terrain.Bounds]:
    """
    Rectangle of a study that holds a box, on whole cells, and the degrees that it needs.

    Returns
    -------
    metres
        Left, bottom, right, top [m].
    degrees
        West, south, east, north [deg], with some cells around.
    """
    left, bottom, right, top = transform_bounds(
        "EPSG:4326", crs.to_wkt(), *box.edges, densify_pts=_DENSE
    )
    metres = (
        math.floor(left / cell) * cell,
        math.floor(bottom / cell) * cell,
        math.ceil(right / cell) * cell,
        math.ceil(top / cell) * cell,
    )
    west, south, east, north = transform_bounds(
        crs.to_wkt(), "EPSG:4326", *metres, densify_pts=_DENSE
    )
    more = 4 * max(cell, 31.0) / 111_000  # four cells, of the study or the tiles [deg]
    slim = more / math.cos(math.radians(max(abs(south), abs(north))))
    return metres, (west - slim, south - more, east + slim, north + more)


def from_servers(
    client: Client, servers: Sequence[str], cache: Path, degrees: terrain.Bounds
) -> Callable[[str], tuple[str, Part]]:
    """Give a function that gets the window of a tile by its name from the first server with it."""

    def get(tile: str) -> tuple[str, Part]:
        held = Tile(cache / f"{tile}.tif", client)

        def one(server: str) -> tuple[str, Part]:
            url = f"{server.rstrip('/')}/{tile}/{tile}.tif"
            return url, held.window(url, degrees, partial(_check, tile=tile))

        return client.anywhere(servers, one)

    return get


def from_folder(folder: Path, degrees: terrain.Bounds) -> Callable[[str], tuple[str, Part]]:
    """Give a function that reads the window of a tile from a folder, itself or one of its name."""

    def get(tile: str) -> tuple[str, Part]:
        for path in (folder / f"{tile}.tif", folder / tile / f"{tile}.tif"):
            if path.is_file():
                try:
                    _check(path, tile)
                    return path.name, tiles.read(path, degrees)
                except (RasterioError, SourceError) as problem:
                    msg = f"{path}: cannot be read as the tile of its name ({problem})"
                    raise SourceError(msg) from problem
        msg = f"{folder}: has no {tile}.tif"
        raise MissingError(msg)

    return get


def write(
    path: Path,
    box: Box,
    *,
    crs: CRS,
    cell: float,
    get: Callable[[str], tuple[str, Part]],
    say: Callable[[str], None],
) -> Ground:
    """
    Put the ground of a box together and write it.

    Parameters
    ----------
    path
        Where: a GeoTIFF in `crs`, with the vertical system EGM2008.
    box
        What has to be covered.
    crs
        Projected system of the study, in metres.
    cell
        Side of a cell [m].
    get
        Gives the origin and the window of a tile by name; from `from_servers` or `from_folder`.
    say
        Told what goes on.

    Raises
    ------
    SourceError
        A tile cannot be had, or none is there.
    """
    metres, degrees = grid(box, crs, cell)
    wanted = names(degrees)
    origins: list[str] = []
    missing: list[str] = []
    with scratch(path) as folder:
        for number, tile in enumerate(wanted, start=1):
            say(f"tile {number} of {len(wanted)}: {tile}")
            try:
                origin, part = get(tile)
            except MissingError as problem:
                missing.append(tile)
                say(f"{problem}: taken as sea, without ground")
                continue
            if part[0].size:
                _raster(folder / f"{len(origins):04d}.tif", *part, "EPSG:4326")
                origins.append(origin)
        if not origins:
            found = f"none of the tiles {', '.join(wanted)}"
            msg = f"found {found} for the box {box}; wanted one of them at least: is it all sea?"
            raise SourceError(msg)
        say("putting tiles together")
        ground = _warped(folder, metres, crs, cell)
    with whole(path) as part_file:
        _write(part_file, ground, crs)
    unknown = sum(int(np.isnan(ground.z[each.inner]).sum()) for each in terrain.tiles(ground.shape))
    return Ground(tuple(origins), tuple(missing), unknown / ground.z.size)


def _check(path: Path, tile: str) -> None:
    """Refuse a raster that is not the tile of its name."""
    with tiles.opened(path) as source:
        lat, lon = (int(tile[at : at + n]) for at, n in ((23, 2), (30, 3)))
        lat, lon = (-lat if tile[22] == "S" else lat), (-lon if tile[29] == "W" else lon)
        near = max(abs(source.bounds.left - lon), abs(source.bounds.bottom - lat))
        crs = source.crs
        if crs is None or crs.to_epsg() != 4326 or source.count != 1:
            msg = f"found {source.count} bands in {crs or 'no system'}; wanted one in EPSG:4326"
            raise WrongError(msg)
        if near > 2 * max(source.res) or abs(source.bounds.top - source.bounds.bottom - 1) > 0.01:
            edges = ", ".join(f"{edge:.4f}" for edge in source.bounds)
            msg = f"found a raster of {edges} (west, south, east, north); wanted that of {tile}"
            raise WrongError(msg)
        if max(source.shape) > _MOST:
            msg = f"found {source.height} rows and {source.width} columns; wanted at most {_MOST}"
            raise WrongError(msg)


def _warped(folder: Path, metres: terrain.Bounds, crs: CRS, cell: float) -> terrain.Terrain:
    """Put windows of tiles side by side and bring them into the system of the study."""
    mosaic = folder / "mosaic.tif"
    try:
        _mosaic(sorted(folder.glob("*.tif")), mosaic)
        return terrain.read(mosaic, crs=crs, datum=DATUM, sigma=0.0, bounds=metres, cell=cell)
    except (InputError, RasterioError) as problem:
        msg = f"the ground of the tiles: {problem}"
        raise SourceError(msg) from problem


def _mosaic(parts: Sequence[Path], path: Path) -> None:
    """Write windows as one raster in degrees; wider cells of the far north are made narrower."""
    with tiles.quiet(), ExitStack() as stack:
        layers = [stack.enter_context(rasterio.open(part)) for part in parts]
        layers.sort(key=lambda layer: layer.transform.a)
        merge(
            layers,
            res=(layers[0].transform.a, -layers[0].transform.e),
            nodata=_NODATA,
            resampling=Resampling.bilinear,
            mem_limit=_MEGABYTES,
            dst_path=path,
            dst_kwds=_FORM,
        )


def _write(path: Path, ground: terrain.Terrain, crs: CRS) -> None:
    """Write the ground, with its vertical datum in the system and in words."""
    epsg = crs.to_epsg()
    system = f"EPSG:{epsg}+{_EGM2008}" if epsg else crs.to_wkt()
    tags = {"VERTICAL_DATUM": DATUM, "SOURCE": "Copernicus DEM GLO-30"}
    _raster(path, ground.z, ground.transform, system, tags)


def _raster(
    path: Path,
    z: NDArray[np.float32],
    transform: Affine,
    crs: str,
    tags: dict[str, str] | None = None,
) -> None:
    """Write one band of levels as GeoTIFF, a tile at a time."""
    with rasterio.open(
        path,
        "w",
        height=z.shape[0],
        width=z.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform,
        nodata=_NODATA,
        **_FORM,
    ) as target:
        for tile in terrain.tiles((z.shape[0], z.shape[1]), side=_SIDE):
            level = z[tile.inner]
            filled = np.where(np.isnan(level), np.float32(_NODATA), level)
            target.write(filled, 1, window=Window.from_slices(*tile.inner))
        target.set_band_unit(1, "metre")
        target.update_tags(**(tags or {}))
