"""Laws of fetched ground, against a server on this machine that fails as real ones do."""

import socket
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tile_server
from affine import Affine
from pyproj import CRS, Transformer
from tile_server import Server, client, send, status, write_tile

from realign import terrain
from realign.errors import SourceError
from realign.sources import elevation
from realign.sources import tile as tiles
from realign.sources.box import Box
from realign.sources.client import Client, Manners
from realign.sources.elevation import Ground

UTM = CRS.from_epsg(32643)
BOX = Box(73.4, 35.4, 73.6, 35.6)
EDGE = Box(72.9, 35.9, 73.1, 36.1)
"""Over the corner of four tiles."""
BIG = 600
"""Cells of a tile with many blocks."""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with tile_server.running(tmp_path / "store") as running:
        yield running


def fetch(
    to: Path,
    server: Server,
    box: Box = BOX,
    by: Client | None = None,
    *more: str,
    cell: float = 300,
) -> Ground:
    """Fetch ground into a folder, from the server and others after it."""
    degrees = elevation.grid(box, UTM, cell)[1]
    get = elevation.from_servers(by or client(), [server.url, *more], to / "tiles", degrees)
    return put(to / "dem.tif", get, box, cell)


def put(file: Path, get: elevation.Get, box: Box = BOX, cell: float = 300) -> Ground:
    """Put ground together and write it."""
    made = elevation.gathered(box, file.parent, crs=UTM, cell=cell, get=get, say=lambda _: None)
    elevation.write(file, made)
    return made


def ground(path: Path) -> terrain.Terrain:
    return terrain.read(path, crs=UTM, datum="EGM2008", sigma=4.0)


def wrong(path: Path) -> float:
    """Greatest distance of the levels of a file from the formula [m]."""
    found = ground(path)
    rows, cols = found.shape
    left, _, _, top = found.bounds
    x, y = np.meshgrid(
        left + (np.arange(cols) + 0.5) * found.cell, top - (np.arange(rows) + 0.5) * found.cell
    )
    lon, lat = Transformer.from_crs(UTM, 4326, always_xy=True).transform(x, y)
    return float(np.abs(found.z - tile_server.level(lon, lat)).max())


def test_ground_over_four_tiles_is_that_of_the_tiles_without_seams(
    server: Server, tmp_path: Path
) -> None:
    for lon in (72, 73):
        for lat in (35, 36):
            write_tile(server.root, lon, lat)
    made = fetch(tmp_path, server, EDGE)
    assert made.unknown == 0
    assert len(made.origins) == 4
    assert wrong(tmp_path / "dem.tif") < 0.05  # float32, and a plane of degrees is bent in UTM


def test_ground_covers_the_box_and_names_its_systems(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    fetch(tmp_path, server)
    with tiles.opened(tmp_path / "dem.tif") as source:
        assert source.nodata == -9999
        assert "EGM2008" in source.crs.to_wkt()
        assert source.tags()["VERTICAL_DATUM"] == "EGM2008"
        assert CRS.from_wkt(source.crs.to_wkt()).sub_crs_list[0].to_epsg() == 32643
    edges = ground(tmp_path / "dem.tif").bounds
    project = Transformer.from_crs(4326, UTM, always_xy=True)
    for lon in (BOX.west, BOX.east):
        for lat in (BOX.south, BOX.north):
            x, y = project.transform(lon, lat)
            assert edges[0] <= x <= edges[2]
            assert edges[1] <= y <= edges[3]


def test_a_tile_of_the_north_with_wider_cells_is_joined(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 49)
    write_tile(server.root, 73, 50, cells=80)
    made = fetch(tmp_path, server, Box(73.4, 49.9, 73.6, 50.1))
    assert made.unknown == 0
    assert wrong(tmp_path / "dem.tif") < 0.05


def test_a_sea_tile_leaves_ground_without_data_and_is_told(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    write_tile(server.root, 73, 36)
    made = fetch(tmp_path, server, EDGE)
    assert made.missing == (elevation.name(72, 35), elevation.name(72, 36))
    assert 0.3 < made.unknown < 0.7
    z = ground(tmp_path / "dem.tif").z
    assert np.isnan(z[:, 0]).all()
    assert np.isfinite(z[:, -1]).all()


def test_a_box_of_sea_only_is_an_error(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"none of the tiles .*N35_00_E073.* is it all sea\?"):
        fetch(tmp_path, server)
    assert not (tmp_path / "dem.tif").exists()


def test_only_the_blocks_under_the_box_are_asked_for(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    fetch(tmp_path, server, Box(73.45, 35.45, 73.5, 35.5))
    size = path.stat().st_size
    got = sum(min(asked.span[1], size) - asked.span[0] for asked in server.asked if asked.span)
    assert size > 1_000_000
    assert got < size / 2


def test_what_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    small, large = Box(73.45, 35.45, 73.5, 35.5), Box(73.2, 35.2, 73.8, 35.8)
    fetch(tmp_path, server, small)
    first = {byte for asked in server.asked if asked.span for byte in range(*asked.span)}
    server.asked.clear()
    fetch(tmp_path, server, small)
    assert server.asked == []
    fetch(tmp_path, server, large)
    again = {byte for asked in server.asked if asked.span for byte in range(*asked.span)}
    assert again
    assert not first & again


def test_all_gaps_between_former_windows_are_filled(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    for lon in (73.15, 73.35, 73.55, 73.75):
        for lat in (35.15, 35.35, 35.55, 35.75):
            fetch(tmp_path, server, Box(lon, lat, lon + 0.02, lat + 0.02))
    large = Box(73.05, 35.05, 73.95, 35.95)
    fetch(tmp_path, server, large)
    spans = [asked.span for asked in server.asked if asked.span]
    assert sum(end - start for start, end in spans) == len(
        {byte for span in spans for byte in range(*span)}
    )
    fetch(tmp_path / "fresh", server, large)
    one, other = (ground(folder / "dem.tif").z for folder in (tmp_path, tmp_path / "fresh"))
    assert (one == other).all()


def test_an_empty_answer_is_none(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35).write_bytes(b"")
    server.ranges = False
    with pytest.raises(SourceError, match="the answer broke off"):
        fetch(tmp_path, server)
    assert len(server.asked) == Manners().attempts


def test_a_download_that_breaks_off_goes_on_where_it_ended(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    data = path.read_bytes()

    def breaks(handler: BaseHTTPRequestHandler) -> bool:
        if (server.asked[-1].span or (0, 0))[0] == 0:
            return False  # not the first request
        server.send_file(handler, data, cut=70_000)
        return True

    server.failures.append(breaks)
    fetch(tmp_path, server, Box(73.3, 35.3, 73.7, 35.7))
    spans = [asked.span for asked in server.asked if asked.span]
    broken = next(i for i, span in enumerate(spans) if span[0] > 0)
    (start, end), after = spans[broken], spans[broken + 1]
    assert after[1] == end
    assert start + 70_000 - (1 << 14) < after[0] <= start + 70_000
    assert abs(np.nanmean(ground(tmp_path / "dem.tif").z) - 1300.0) < 5.0


def test_a_run_that_was_ended_is_taken_up_by_the_next(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    box = Box(73.3, 35.3, 73.7, 35.7)

    def down(handler: BaseHTTPRequestHandler) -> bool:
        if (server.asked[-1].span or (0, 0))[0] == 0:
            return False
        send(handler, 403, b"")
        return True

    server.failures.append(down)
    with pytest.raises(SourceError, match="403"):
        fetch(tmp_path, server, box)
    assert not (tmp_path / "dem.tif").exists()
    head = server.asked[0].span
    server.asked.clear()
    fetch(tmp_path, server, box)
    assert head is not None
    assert all(asked.span and asked.span[0] >= head[1] for asked in server.asked)


def test_429_is_waited_for_as_long_as_the_server_asks(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    server.failures += [status(429, Retry_After="7"), status(503, Retry_After="11")]
    waits: list[float] = []
    fetch(tmp_path, server, BOX, client(waits))
    assert waits == [7.0, 11.0]


def test_a_server_that_asks_for_too_long_is_left_alone(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    server.failures.append(status(429, Retry_After="3600"))
    with pytest.raises(SourceError, match=r"429 .*: asks to come back in 3600 s"):
        fetch(tmp_path, server)
    assert len(server.asked) == 1


def test_500_is_tried_again_with_waits_that_grow(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    server.failures += [status(500)] * 4
    waits: list[float] = []
    fetch(tmp_path, server, BOX, client(waits))
    assert len(waits) == 4
    for number, wait in enumerate(waits):
        assert 2.0 * 2**number <= wait <= 2.0 * 2**number + 2.0


def test_500_for_ever_is_an_error_that_names_the_address(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    server.failures += [status(500)] * 99
    with pytest.raises(SourceError, match=rf"{server.url}/Copernicus_.*\.tif: 500"):
        fetch(tmp_path, server)
    assert len(server.asked) == Manners().attempts


def test_a_tile_that_is_cut_off_on_the_server_is_an_error(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    with pytest.raises(SourceError, match="no raster, or a damaged one"):
        fetch(tmp_path, server)
    assert not list((tmp_path / "tiles").iterdir())


def test_a_damaged_tile_is_asked_for_again(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35)
    data = bytearray(path.read_bytes())
    for at in range(len(data) * 3 // 4, len(data) * 3 // 4 + 50):
        data[at] ^= 255

    def damaged(handler: BaseHTTPRequestHandler) -> bool:
        server.send_file(handler, bytes(data))
        return True

    server.failures.append(damaged)
    fetch(tmp_path, server)
    assert wrong(tmp_path / "dem.tif") < 0.05


def test_a_wrong_checksum_is_an_error(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35)
    data = path.read_bytes()

    def lies(handler: BaseHTTPRequestHandler) -> bool:
        send(handler, 200, data, {"ETag": '"0123456789abcdef0123456789abcdef"'})
        return True

    server.failures += [lies, lies]
    with pytest.raises(SourceError, match=r"checksum [0-9a-f]{32}; wanted 0123456789abcdef"):
        fetch(tmp_path, server)
    assert len(server.asked) == 2  # once more, and no more


def test_a_file_that_changes_on_the_server_is_begun_again(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    fetch(tmp_path, server, Box(73.45, 35.45, 73.5, 35.5))
    write_tile(server.root, 73, 35, cells=BIG, noise=60.0)
    fetch(tmp_path, server, Box(73.2, 35.2, 73.8, 35.8))
    fresh = tmp_path / "fresh"
    fetch(fresh, server, Box(73.2, 35.2, 73.8, 35.8))
    assert (ground(tmp_path / "dem.tif").z == ground(fresh / "dem.tif").z).all()


@pytest.mark.parametrize("etags", [True, False])
def test_a_server_without_parts_sends_the_whole_tile(
    server: Server, tmp_path: Path, *, etags: bool
) -> None:
    write_tile(server.root, 73, 35)
    server.ranges, server.etags = False, etags
    fetch(tmp_path, server)
    assert wrong(tmp_path / "dem.tif") < 0.05
    assert len(server.asked) == 1


def test_a_slow_server_is_given_up_and_tried_again(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)

    def slow(handler: BaseHTTPRequestHandler) -> bool:
        time.sleep(0.15)
        send(handler, 200, b"")
        return True

    server.failures.append(slow)
    waits: list[float] = []
    fetch(tmp_path, server, BOX, client(waits, read_s=0.05))
    assert len(waits) == 1


def test_a_page_instead_of_a_tile_is_an_error(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35)
    path.write_text("<html>please log in</html>", "utf-8")
    with pytest.raises(SourceError, match="no raster, or a damaged one"):
        fetch(tmp_path, server)


def test_a_tile_of_another_place_is_an_error(server: Server, tmp_path: Path) -> None:
    own, other = write_tile(server.root, 73, 35), write_tile(server.root, 74, 35)
    other.replace(own)
    with pytest.raises(SourceError, match="wanted that of Copernicus_DSM_COG_10_N35_00_E073"):
        fetch(tmp_path, server)


def test_a_tile_that_says_to_be_huge_is_not_read(server: Server, tmp_path: Path) -> None:
    cells = 20_000
    path = write_tile(server.root, 73, 35)
    side = 1.0 / cells
    with tiles.quiet(), rasterio.open(
        path, "w", driver="GTiff", width=cells, height=cells, count=1, dtype="float32",
        crs="EPSG:4326", tiled=True, sparse_ok=True,
        transform=Affine(side, 0, 73 - side / 2, 0, -side, 36 + side / 2),
    ):  # fmt: skip
        pass
    with pytest.raises(SourceError, match="found 20000 rows and 20000 columns; wanted at most"):
        fetch(tmp_path, server)


def test_a_mirror_is_asked_where_the_first_is_down(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        degrees = elevation.grid(BOX, UTM, 300)[1]
        get = elevation.from_servers(client(), [down, server.url], tmp_path / "tiles", degrees)
        made = put(tmp_path / "dem.tif", get)
    assert made.origins[0].startswith(server.url)


def test_where_nobody_answers_all_addresses_are_named(server: Server, tmp_path: Path) -> None:
    server.failures += [status(500)] * 99
    with pytest.raises(SourceError) as found:
        fetch(tmp_path, server, BOX, None, f"{server.url}/second")
    tile, *lines = str(found.value).splitlines()
    assert tile.startswith(f"{elevation.name(73, 35)}: no server gave it")
    assert [line.split("/Coper")[0] for line in lines] == [
        server.url,
        f"{server.url}/second",
    ]


def test_a_folder_of_tiles_gives_the_same_ground(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35)
    fetch(tmp_path, server)
    flat = tmp_path / "flat"
    flat.mkdir()
    (flat / path.name).write_bytes(path.read_bytes())
    degrees = elevation.grid(BOX, UTM, 300)[1]
    for folder in (server.root, flat):
        get = elevation.from_folder(folder, degrees)
        file = tmp_path / f"{folder.name}.tif"
        put(file, get)
        assert (ground(file).z == ground(tmp_path / "dem.tif").z).all()


def test_a_damaged_tile_in_a_folder_is_named(tmp_path: Path) -> None:
    path = tmp_path / f"{elevation.name(73, 35)}.tif"
    path.write_bytes(b"II*\x00nothing")
    get = elevation.from_folder(tmp_path, elevation.grid(BOX, UTM, 300)[1])
    with pytest.raises(SourceError, match=f"{path.name}: cannot be read as the tile of its name"):
        get(elevation.name(73, 35))


def test_requests_keep_their_distance_and_say_who_asks(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35, cells=BIG, noise=50.0)
    waits: list[float] = []
    fetch(tmp_path, server, BOX, client(waits, interval_s=30.0))
    assert len(waits) == len(server.asked) - 1 > 0
    assert all(25.0 < wait <= 30.0 for wait in waits)
    assert {asked.headers["User-Agent"] for asked in server.asked} == {"realign/test"}


def test_an_address_that_is_none_is_an_error() -> None:
    with (
        pytest.raises(SourceError, match="cannot be asked"),
        client().request("ftp://127.0.0.1/x", limit=10),
    ):
        pass


def test_more_than_the_limit_is_not_taken(server: Server) -> None:
    (server.root / "x").mkdir(parents=True)
    (server.root / "x" / "large").write_bytes(b"x" * 100)
    with (
        pytest.raises(SourceError, match="found 100 bytes; wanted at most 99"),
        client().request(f"{server.url}/x/large", limit=99) as reply,
    ):
        next(reply.chunks)
