"""
Public ground: Copernicus GLO-30, tiles of a degree, put together in the system of a study.

Tiles are read by windows from a server, or from a local folder of them. Where the sea is there
are no tiles: such ground stays without data, and that is said; it counts as sea only where every
server says that it has none, or where the user names it. Levels are on EGM2008.
"""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
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
from realign.sources.client import AskedError, Client, MissingError
from realign.sources.files import LocalError, WriteError, reserve, scratch
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

Get = Callable[[str], tuple[str, Part]]
"""Gives the origin and the window of a tile by its name."""


@dataclass(frozen=True, slots=True, eq=False)
class Ground:
    """What became of the tiles."""

    terrain: terrain.Terrain
    """Levels in the system of the study."""
    origins: tuple[str, ...]
    """Where tiles came from."""
    missing: tuple[str, ...]
    """Names of tiles that nobody has: sea, or ground that is not released."""

    @property
    def unknown(self) -> float:
        """Share of the cells without a level [0-1]."""
        z = self.terrain.z
        return sum(int(np.isnan(z[each.inner]).sum()) for each in terrain.tiles(z.shape)) / z.size


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
) -> Get:
    """
    Give a function that gets the window of a tile by its name from the first server with it.

    It raises `MissingError` only where every server says that it has none.
    """

    def get(tile: str) -> tuple[str, Part]:
        held = Tile(cache / f"{tile}.tif", client)

        def one(server: str) -> tuple[str, Part]:
            url = f"{server.rstrip('/')}/{tile}/{tile}.tif"
            return url, held.window(url, degrees, partial(_check, tile=tile))

        try:
            return client.anywhere(servers, one)
        except MissingError:
            raise
        except AskedError as problem:
            msg = f"{tile}: no server gave it, and not all say that there is none:\n{problem}"
            raise AskedError(msg) from problem

    return get


def from_folder(folder: Path, degrees: terrain.Bounds, sea: Collection[str] = ()) -> Get:
    """
    Give a function that reads the window of a tile from a folder, itself or one of its name.

    Raises
    ------
    LocalError
        It lacks tiles that are not named as sea; the message names them all.
    """
    held = {tile: _held(folder, tile) for tile in names(degrees)}
    lacking = [tile for tile, path in held.items() if path is None and tile not in sea]
    if lacking:
        files = ", ".join(f"{tile}.tif" for tile in lacking)
        msg = (
            f"{folder}: found no {files}; wanted them there, or --sea with the name of each that "
            "lies in the sea"
        )
        raise LocalError(msg)

    def get(tile: str) -> tuple[str, Part]:
        path = _held(folder, tile)
        if path is None:
            msg = f"{folder}: has no {tile}.tif"
            raise MissingError(msg)
        try:
            _check(path, tile)
            return path.name, tiles.read(path, degrees)
        except (RasterioError, SourceError) as problem:
            msg = f"{path}: cannot be read as the tile of its name ({problem})"
            raise LocalError(msg) from problem

    return get


def with_sea(get: Get, degrees: terrain.Bounds, sea: Collection[str]) -> Get:
    """
    Give a function that takes some tiles as sea without asking for them.

    Raises
    ------
    LocalError
        One of them is no tile of the degrees that are needed.
    """
    wrong = sorted(set(sea) - set(names(degrees)))
    if wrong:
        msg = f"--sea: found {', '.join(wrong)}; wanted one of {', '.join(names(degrees))}"
        raise LocalError(msg)

    def but(tile: str) -> tuple[str, Part]:
        if tile in sea:
            msg = f"{tile}: named as sea"
            raise MissingError(msg)
        return get(tile)

    return but


def gathered(
    box: Box, folder: Path, *, crs: CRS, cell: float, get: Get, say: Callable[[str], None]
) -> Ground:
    """
    Put the ground of a box together.

    Parameters
    ----------
    box
        What has to be covered.
    folder
        For what lies on disk in between.
    crs
        Projected system of the study, in metres.
    cell
        Side of a cell [m].
    get
        From `from_servers`, `from_folder` or `with_sea`.
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
    with scratch(folder) as place:
        for number, tile in enumerate(wanted, start=1):
            say(f"tile {number} of {len(wanted)}: {tile}")
            try:
                origin, part = get(tile)
            except MissingError as problem:
                missing.append(tile)
                say(f"{problem}: taken as sea, without ground")
                continue
            if part[0].size:
                _raster(place / f"{len(origins):04d}.tif", *part, "EPSG:4326")
                origins.append(origin)
        if not origins:
            found = f"none of the tiles {', '.join(wanted)}"
            msg = f"found {found} for the box {box}; wanted one of them at least: is it all sea?"
            raise SourceError(msg)
        say("putting tiles together")
        return Ground(_warped(place, metres, crs, cell), tuple(origins), tuple(missing))


def write(path: Path, ground: Ground) -> None:
    """
    Write ground as a GeoTIFF in its system, with its vertical datum there and in words.

    Raises
    ------
    WriteError
        The folder cannot be written, or the disk is full.
    """
    crs = ground.terrain.crs
    epsg = crs.to_epsg()
    system = f"EPSG:{epsg}+{_EGM2008}" if epsg else crs.to_wkt()
    tags = {"VERTICAL_DATUM": DATUM, "SOURCE": "Copernicus DEM GLO-30"}
    _raster(path, ground.terrain.z, ground.terrain.transform, system, tags)


def _held(folder: Path, tile: str) -> Path | None:
    """Where a folder holds a tile; None where it does not."""
    paths = (folder / f"{tile}.tif", folder / tile / f"{tile}.tif")
    return next((path for path in paths if path.is_file()), None)


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
        reserve(mosaic)  # a full disk looks like a damaged file
        msg = f"the ground of the tiles: {problem}"
        raise LocalError(msg) from problem


def _mosaic(parts: Sequence[Path], path: Path) -> None:
    """Write windows as one raster in degrees; wider cells of the far north are made narrower."""
    with tiles.quiet(), ExitStack() as stack:
        layers = [stack.enter_context(rasterio.open(part)) for part in parts]
        layers.sort(key=lambda layer: layer.transform.a)
        reserve(path, _bytes(layers))
        merge(
            layers,
            res=(layers[0].transform.a, -layers[0].transform.e),
            nodata=_NODATA,
            resampling=Resampling.bilinear,
            mem_limit=_MEGABYTES,
            dst_path=path,
            dst_kwds=_FORM,
        )


def _bytes(layers: Sequence[rasterio.DatasetReader]) -> int:
    """Give the most that windows take as one raster of the narrowest cells [bytes]."""
    west, south = (min(layer.bounds[i] for layer in layers) for i in (0, 1))
    east, north = (max(layer.bounds[i] for layer in layers) for i in (2, 3))
    across, down = layers[0].transform.a, -layers[0].transform.e
    cols, rows = int((east - west) / across) + 1, int((north - south) / down) + 1
    return 4 * (cols + 1) * (rows + 1)


def _raster(
    path: Path,
    z: NDArray[np.float32],
    transform: Affine,
    crs: str,
    tags: dict[str, str] | None = None,
) -> None:
    """Write one band of levels as GeoTIFF, and read it to see that it is whole."""
    reserve(path, z.nbytes)
    try:
        _filled(path, z, transform, crs, tags or {})
        same = _reads(path, z)
    except RasterioError as problem:
        reserve(path)  # a full disk looks like a damaged file
        msg = f"{path}: cannot be written ({problem}); wanted a folder with room for it"
        raise WriteError(msg) from problem
    if not same:
        reserve(path)
        msg = f"{path}: is not what was written; wanted a disk that keeps what it is given"
        raise WriteError(msg)


def _reads(path: Path, z: NDArray[np.float32]) -> bool:
    """Whether a raster holds levels."""
    with tiles.opened(path) as source:
        return all(
            np.array_equal(source.read(1, window=Window.from_slices(*each.inner)), _levels(z, each))
            for each in _squares(z)
        )


def _squares(z: NDArray[np.float32]) -> Iterator[terrain.Tile]:
    """Tiles in which a raster is written: whole blocks of the file."""
    return terrain.tiles((z.shape[0], z.shape[1]), side=_SIDE)


def _levels(z: NDArray[np.float32], tile: terrain.Tile) -> NDArray[np.float32]:
    """Levels of a tile as the file has them."""
    level = z[tile.inner]
    return np.where(np.isnan(level), np.float32(_NODATA), level)


def _filled(
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
        nodata=_NODATA,
        **_FORM,
    ) as target:
        for tile in _squares(z):
            target.write(_levels(z, tile), 1, window=Window.from_slices(*tile.inner))
        target.set_band_unit(1, "metre")
        target.update_tags(**tags)
