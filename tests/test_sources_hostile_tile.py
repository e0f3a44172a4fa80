"""A tile from a server or a folder is a GeoTIFF of levels on EGM2008 in metres, or it is none."""

import shutil
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tile_server
from numpy.typing import NDArray
from tile_server import Server, client, send, write_tile

from realign.errors import SourceError
from realign.sources import elevation
from realign.sources import tile as tiles
from realign.sources.box import Box

BOX = Box(73.4, 35.4, 73.6, 35.6)
TILE = elevation.name(73, 35)
SYSTEM = BOX.utm
VRT = """<VRTDataset rasterXSize="120" rasterYSize="120"><SRS>EPSG:4326</SRS>
<GeoTransform>72.99583333, 0.00833333, 0, 36.00416667, 0, -0.00833333</GeoTransform>
<VRTRasterBand dataType="Float32" band="1"><SimpleSource>
<SourceFilename relativeToVRT="0">{}</SourceFilename><SourceBand>1</SourceBand>
</SimpleSource></VRTRasterBand></VRTDataset>"""


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with tile_server.running(tmp_path / "store") as running:
        yield running


def put(folder: Path, get: elevation.Get) -> NDArray[np.float32]:
    made = elevation.gathered(BOX, folder / "c", crs=SYSTEM, cell=300, get=get, say=lambda _: None)
    return made.terrain.z


def of_folder(folder: Path) -> NDArray[np.float32]:
    """Ground from a folder of tiles."""
    return put(folder, elevation.from_folder(folder, elevation.grid(BOX, SYSTEM, 300)[1]))


def of_server(folder: Path, server: Server) -> NDArray[np.float32]:
    """Ground from a server of tiles."""
    degrees = elevation.grid(BOX, SYSTEM, 300)[1]
    return put(folder, elevation.from_servers(client(), [server.url], folder / "tiles", degrees))


def change(path: Path, how: Callable[[rasterio.io.DatasetWriter], None]) -> None:
    with tiles.quiet(), rasterio.open(path, "r+", IGNORE_COG_LAYOUT_BREAK="YES") as to:
        how(to)


def written(path: Path, z: NDArray[np.generic], **more: object) -> None:
    """Write a tile anew with other levels or another form."""
    with tiles.opened(path) as source:
        profile = source.profile
    profile.update(driver="GTiff", dtype=z.dtype, **more)
    profile.pop("predictor", None)
    with tiles.quiet(), rasterio.open(path, "w", **profile) as to:
        to.write(z, 1)


def levels(path: Path) -> NDArray[np.float32]:
    with tiles.opened(path) as source:
        return np.asarray(source.read(1))


@pytest.mark.parametrize("target", ["elsewhere", "network"])
@pytest.mark.parametrize("sent", [True, False])
def test_a_description_of_other_rasters_is_no_tile(
    server: Server, tmp_path: Path, target: str, *, sent: bool
) -> None:
    path = write_tile(server.root, 73, 35)
    other = path.replace(tmp_path / "secret.tif")
    name = str(other) if target == "elsewhere" else f"/vsicurl/{server.url}/asked.tif"
    path.write_text(VRT.format(name), "utf-8")
    with pytest.raises(SourceError, match="may lead to other files or to the network"):
        of_server(tmp_path, server) if sent else of_folder(server.root)
    assert all(TILE in asked.path for asked in server.asked)


@pytest.mark.parametrize("driver", ["PNG", "ENVI", "HFA"])
@pytest.mark.parametrize("sent", [True, False])
def test_a_raster_of_another_format_is_no_tile(
    server: Server, tmp_path: Path, driver: str, *, sent: bool
) -> None:
    path = write_tile(server.root, 73, 35)
    z = levels(path).astype(np.uint16 if driver == "PNG" else np.int16)
    with tiles.quiet(), rasterio.open(
        path, "w", driver=driver, width=120, height=120, count=1, dtype=z.dtype, crs="EPSG:4326"
    ) as to:  # fmt: skip
        to.write(z, 1)
    with pytest.raises(SourceError, match="wanted GTiff"):
        of_server(tmp_path, server) if sent else of_folder(server.root)


def test_what_lies_beside_a_tile_is_not_read(server: Server, tmp_path: Path) -> None:
    path = write_tile(server.root, 73, 35)
    alone = of_folder(server.root)
    beside = tmp_path / "beside"
    shutil.copytree(server.root, beside)
    near = beside / TILE / path.name
    near.with_name(f"{path.name}.aux.xml").write_text(
        "<PAMDataset><GeoTransform>73.5, 0.00833333, 0, 36, 0, -0.00833333</GeoTransform>"
        '<PAMRasterBand band="1"><NoDataValue>1300</NoDataValue><Scale>2</Scale></PAMRasterBand>'
        "</PAMDataset>",
        "utf-8",
    )
    mask = near.with_name(f"{path.name}.msk")
    with tiles.quiet(), rasterio.open(
        mask, "w", driver="GTiff", width=120, height=120, count=1, dtype="uint8"
    ) as to:  # fmt: skip
        to.write(np.zeros((120, 120), np.uint8), 1)
        to.update_tags(INTERNAL_MASK_FLAGS_1="2")
    with rasterio.open(near) as fooled:  # GDAL itself takes them
        assert fooled.scales == (2.0,)
    assert np.array_equal(of_folder(beside), alone)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda to: to.update_tags(VERTICAL_DATUM="EGM96"), "on EGM96, .*GLO-30 are on EGM2008"),
        (lambda to: setattr(to, "crs", "EPSG:9707"), "on EPSG:5773, .*GLO-30 are on EGM2008"),
        (lambda to: to.set_band_unit(1, "ft"), "in ft; wanted metres"),
    ],
)
@pytest.mark.parametrize("sent", [True, False])
def test_levels_of_another_datum_or_unit_are_refused(
    server: Server,
    tmp_path: Path,
    how: Callable[[rasterio.io.DatasetWriter], None],
    message: str,
    *,
    sent: bool,
) -> None:
    change(write_tile(server.root, 73, 35), how)
    with pytest.raises(SourceError, match=rf"{TILE}\.tif: .*says that its levels are {message}"):
        of_server(tmp_path, server) if sent else of_folder(server.root)


def test_a_tile_may_say_that_it_is_on_egm2008_in_metres(server: Server) -> None:
    path = write_tile(server.root, 73, 35)
    plain = of_folder(server.root)

    def say(to: rasterio.io.DatasetWriter) -> None:
        to.crs = "EPSG:9518"  # WGS 84 with EGM2008 height
        to.update_tags(VERTICAL_DATUM="EGM2008")
        to.set_band_unit(1, "m")

    change(path, say)
    assert np.array_equal(of_folder(server.root), plain)


def test_levels_that_are_scaled_are_taken_to_metres(server: Server) -> None:
    path = write_tile(server.root, 73, 35)
    plain = of_folder(server.root)
    written(path, np.round(levels(path) * 100).astype(np.int32))
    change(path, lambda to: setattr(to, "scales", (0.01,)))
    assert np.abs(of_folder(server.root) - plain).max() < 0.006


@pytest.mark.parametrize("sent", [True, False])
def test_complex_numbers_are_no_levels(server: Server, tmp_path: Path, *, sent: bool) -> None:
    path = write_tile(server.root, 73, 35)
    written(path, levels(path).astype(np.complex64))
    with pytest.raises(SourceError, match=rf"{TILE}\.tif: .*found complex64; wanted whole or real"):
        of_server(tmp_path, server) if sent else of_folder(server.root)


@pytest.mark.parametrize("sent", [True, False])
def test_a_tile_with_levels_that_no_ground_has_is_named(
    server: Server, tmp_path: Path, *, sent: bool
) -> None:
    path = write_tile(server.root, 73, 35)
    written(path, np.where(np.arange(120) == 60, np.float32(-32767), levels(path)))
    with pytest.raises(SourceError, match=rf"{TILE}\.tif: .*found levels from -32767") as found:
        of_server(tmp_path, server) if sent else of_folder(server.root)
    assert "scratch" not in str(found.value)


def test_a_server_is_asked_again_for_a_tile_that_is_none(server: Server, tmp_path: Path) -> None:
    write_tile(server.root, 73, 35)

    def other(handler: BaseHTTPRequestHandler) -> bool:
        send(handler, 200, VRT.format("x.tif").encode())
        return True

    server.failures.append(other)
    assert np.isfinite(of_server(tmp_path, server)).all()
