"""
Public ground: Copernicus GLO-30, tiles of a degree, put together in the system of a study.

Tiles are read by windows from a server, or from a local folder of them. Where the sea is there
are no tiles: such ground stays without data, and that is said; it counts as sea only where every
server says that it has none, or where the user names it. Levels are on EGM2008.
"""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from pyproj import CRS
from rasterio.errors import RasterioError
from rasterio.warp import transform_bounds

from realign import terrain
from realign.errors import InputError, SourceError
from realign.sources import mosaic as mosaics
from realign.sources import raster
from realign.sources import tile as tiles
from realign.sources.box import DATE_LINE, Box
from realign.sources.client import AskedError, Client, MissingError
from realign.sources.files import LocalError, reserve, scratch
from realign.sources.tile import Tile, WrongError
from realign.terrain import reading

SERVERS = (
    "https://copernicus-dem-30m.s3.amazonaws.com",
    "https://copernicus-dem-30m.s3.eu-central-1.amazonaws.com",
)
"""Public servers of the tiles, both of the same store; each tile lies in a folder of its name
(copernicus-dem-30m.s3.amazonaws.com/readme.html)."""

DATUM = "EGM2008"
"""Vertical datum of the tiles."""

_EGM2008 = 3855  # EPSG: EGM2008 height
_WGS84 = 4326
_HALF = 0.002  # degrees; tiles begin half a cell of theirs to the west and north of a whole degree
_MOST = 10_800  # cells along the side of a tile; GLO-30 has 3,600
_ASIDE = 0.01  # degrees; tiles may be some cells longer or shorter than a degree
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


def _begin(box: Box) -> float:
    """
    Meridian from which degrees are counted where tiles are put together.

    Cells at the edge of a box may lie beyond the 180th meridian, where longitudes begin anew.
    """
    return DATE_LINE if max(abs(box.west), abs(box.east)) > DATE_LINE - 1 else 0.0


def _system(begin: float) -> str:
    """Name of the system of degrees that are counted from a meridian."""
    return f"+proj=longlat +datum=WGS84 +pm={begin:g} +no_defs" if begin else f"EPSG:{_WGS84}"


def _turn(tile: str, degrees: terrain.Bounds) -> float:
    """Degrees from the longitudes of a tile to those of bounds, which may go on beyond 180."""
    return 2 * DATE_LINE if corner(tile)[0] + 1 <= degrees[0] else 0.0


def _own(tile: str, degrees: terrain.Bounds) -> terrain.Bounds:
    """Bounds in the longitudes of a tile."""
    west, south, east, north = degrees
    turn = _turn(tile, degrees)
    return west - turn, south, east - turn, north


def corner(tile: str) -> tuple[int, int]:
    """
    Whole degrees of the south-western corner of a tile, by its name.

    Examples
    --------
    >>> corner(name(-71, -4))
    (-71, -4)
    """
    lat, lon = int(tile[23:25]), int(tile[30:33])
    return (-lon if tile[29] == "W" else lon), (-lat if tile[22] == "S" else lat)


def names(bounds: tuple[float, float, float, float]) -> tuple[str, ...]:
    """
    Names of the tiles within bounds: west, south, east, north [deg], which may go on beyond 180.

    Examples
    --------
    >>> names((72.99, 35.2, 73.4, 35.4))
    ('Copernicus_DSM_COG_10_N35_00_E072_00_DEM', 'Copernicus_DSM_COG_10_N35_00_E073_00_DEM')
    >>> names((179.9, -16.5, 180.1, -16.4))
    ('Copernicus_DSM_COG_10_S17_00_E179_00_DEM', 'Copernicus_DSM_COG_10_S17_00_W180_00_DEM')
    """
    west, south, east, north = bounds
    lons = range(math.floor(west), math.floor(east + _HALF) + 1)
    lats = range(math.floor(south - _HALF), math.floor(north) + 1)
    return tuple(name((lon + 180) % 360 - 180, lat) for lat, lon in product(lats, lons))


def grid(box: Box, crs: CRS, cell: float) -> tuple[terrain.Bounds, terrain.Bounds]:
    """
    Rectangle of a study that holds a box, on whole cells, and the degrees that it needs.

    Returns
    -------
    metres
        Left, bottom, right, top [m].
    degrees
        West, south, east, north [deg], with some cells around; they go on beyond 180 where a box
        lies at the 180th meridian.
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
        crs.to_wkt(), _system(_begin(box)), *metres, densify_pts=_DENSE
    )
    west, east = west + _begin(box), east + _begin(box)
    more = 4 * max(cell, 31.0) / 111_000  # four cells, of the study or the tiles [deg]
    slim = more / math.cos(math.radians(max(abs(south), abs(north))))
    return metres, (west - slim, south - more, east + slim, north + more)


def check_room(box: Box, crs: CRS, cell: float) -> None:
    """
    Refuse a box of more cells than there is room for, before tiles are asked for.

    Raises
    ------
    LocalError
        The message says by which key it becomes less.
    """
    left, bottom, right, top = grid(box, crs, cell)[0]
    problem = terrain.lack((round((top - bottom) / cell), round((right - left) / cell)), np.float32)
    if problem:
        msg = (
            f"fetch.cell_m: found cells of {cell:g} m for the box {box}: {problem}; wanted larger "
            "cells (fetch.cell_m), or a smaller box (fetch.box, --box)"
        )
        raise LocalError(msg)


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
            return url, held.window(url, _own(tile, degrees), partial(_check, tile=tile))

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
            return path.name, tiles.read(path, _own(tile, degrees))
        except (InputError, WrongError) as problem:
            why = tiles.without(path, problem)
            msg = f"{path}: cannot be read as the tile of its name ({why})"
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
    wanted, begin = names(degrees), _begin(box)
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
            z, at = part
            if z.size:
                moved = Affine(at.a, at.b, at.c + _turn(tile, degrees) - begin, at.d, at.e, at.f)
                raster.write(place / f"{len(origins):04d}-{tile}.tif", z, moved, _system(begin))
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
    raster.write(path, ground.terrain.z, ground.terrain.transform, system, tags)


def _held(folder: Path, tile: str) -> Path | None:
    """Where a folder holds a tile; None where it does not."""
    paths = (folder / f"{tile}.tif", folder / tile / f"{tile}.tif")
    return next((path for path in paths if path.is_file()), None)


def _check(path: Path, tile: str) -> None:
    """Refuse a raster that is not the tile of its name."""
    with tiles.opened(path) as source:
        try:
            crs = reading.own_crs(source, path)
            reading.check_datum(source, path, DATUM, f"tiles of GLO-30 are on {DATUM}")
        except InputError as problem:
            raise WrongError(tiles.without(path, problem)) from problem
        if crs.to_epsg() != _WGS84:
            msg = f"found levels in {crs.name}; wanted them in EPSG:{_WGS84}"
            raise WrongError(msg)
        edges, cell = source.bounds, source.transform
        lon, lat = corner(tile)
        near = max(abs(edges.left - lon), abs(edges.bottom - lat)) <= 2 * max(source.res)
        across, down = edges.right - edges.left, edges.top - edges.bottom
        if not near or max(abs(across - 1), abs(down - 1)) > _ASIDE or cell.b or cell.d:
            found = ", ".join(f"{edge:.4f}" for edge in edges)
            msg = f"found a raster of {found} (west, south, east, north); wanted that of {tile}"
            raise WrongError(msg)
        if max(source.shape) > _MOST:
            msg = f"found {source.height} rows and {source.width} columns; wanted at most {_MOST}"
            raise WrongError(msg)


def _warped(folder: Path, metres: terrain.Bounds, crs: CRS, cell: float) -> terrain.Terrain:
    """Put windows of tiles side by side and bring them into the system of the study."""
    mosaic = folder / "mosaic.tif"
    try:
        mosaics.join(sorted(folder.glob("*.tif")), mosaic)
        return terrain.read(mosaic, crs=crs, datum=DATUM, sigma=0.0, bounds=metres, cell=cell)
    except (InputError, RasterioError) as problem:
        reserve(mosaic)  # a full disk looks like a damaged file
        msg = f"the ground of the tiles: {tiles.without(mosaic, problem)}"
        raise LocalError(msg) from problem
