"""Ground that is larger than the memory: read, kept and worked on in pieces."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pytest
import rasterio
import shapely
import small_study
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray
from pyproj import CRS
from test_hazard_ground import cells_by_walking, holed
from test_plan import asked, changed, numbers, planned

import realign
from realign import conditioning, drowned
from realign.chainage import Section
from realign.conditioning import Conditioning, conditioned
from realign.errors import InputError
from realign.hazard import avalanche, drainage
from realign.hazard.drainage import OUT, drain
from realign.terrain import Elevation, Terrain, on_datum, read, reading, relief, room, tiles

UTM = CRS.from_epsg(32643)
CELL = 50.0


@contextmanager
def pieces(side: int, *, block: int = 64, around: int = 512) -> Iterator[None]:
    """Everything on disk, tiles of a few cells, windows of a few."""
    with ExitStack() as stack:
        stack.enter_context(patch.object(room, "SHARE", 0.0))
        stack.enter_context(patch.object(room, "SIDE", side))
        stack.enter_context(patch.object(relief, "SIDE", side))
        stack.enter_context(patch.object(reading, "BLOCK", block))
        for module in (drainage, avalanche, conditioning):
            stack.enter_context(patch.object(module, "AROUND", around))
        yield


def ground(z: NDArray[np.floating]) -> Terrain:
    transform = Affine(CELL, 0.0, 0.0, 0.0, -CELL, z.shape[0] * CELL)
    return Terrain(np.asarray(z, np.float32), transform, UTM, "EGM2008", 1.0)


def hills(rows: int, cols: int) -> NDArray[np.float32]:
    """Hills and valleys with a void and a single tree on them."""
    r, c = np.mgrid[:rows, :cols]
    z = 2000 + 300 * np.sin(r / 9) + 200 * np.cos(c / 13) + 4.0 * r + ((7 * r + 13 * c) % 11)
    z[rows // 2 : rows // 2 + 3, cols // 3 : cols // 3 + 2] = np.nan
    z[5, 5] += 30
    return np.asarray(z, np.float32)


def written(path: Path, z: NDArray[np.float32], *, crs: str, transform: Affine) -> Path:
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=z.shape[0],
        width=z.shape[1],
        count=1,
        dtype="float32",
        crs=crs,
        transform=transform,
        nodata=-9999.0,
    ) as file:
        file.write(np.where(np.isnan(z), np.float32(-9999), z), 1)
    return path


# ---------------------------------------------------------------- tiles and room


@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    side=st.integers(1, 45),
    around=st.integers(0, 50),
)
def test_tiles_hold_each_cell_once_and_what_lies_about_it(
    rows: int, cols: int, side: int, around: int
) -> None:
    number = np.arange(rows * cols).reshape(rows, cols)
    count = np.zeros((rows, cols), int)
    for tile in tiles((rows, cols), side=side, around=around):
        count[tile.inner] += 1
        assert (number[tile.outer][tile.within] == number[tile.inner]).all()
        assert number[tile.inner].shape == tile.shape
        for inner, outer, end in zip(tile.inner, tile.outer, (rows, cols), strict=True):
            assert outer.start == max(inner.start - around, 0)
            assert outer.stop == min(inner.stop + around, end)
    assert (count == 1).all()


def test_what_memory_has_no_room_for_lies_on_disk_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room.tempfile, "tempdir", str(tmp_path))
    assert not isinstance(room.roomy((9, 9), np.float32, what="x").base, np.memmap)
    monkeypatch.setattr(room, "SHARE", 0.0)
    z = room.roomy((9, 9), np.float32, what="x")
    assert isinstance(z.base, np.memmap)
    assert type(z) is np.ndarray  # so that compiled code takes it
    z[:] = 7
    assert (z == 7).all()
    assert not list(tmp_path.iterdir())


def test_more_than_the_disk_holds_or_anybody_has_is_refused_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InputError, match=r"dem.tif: asked for 900000 x 900000 cells; wanted at m"):
        room.roomy((900_000, 900_000), np.float32, what="dem.tif")
    monkeypatch.setattr(room, "SHARE", 0.0)
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _: SimpleNamespace(free=1e6))
    with pytest.raises(InputError, match=r"take 4 GB; wanted room for them in .*found 0.001 GB"):
        room.roomy((1_000_000, 1000), np.float32, what="dem.tif")


# ---------------------------------------------------------------- reading


@pytest.mark.parametrize("bounds", [None, (1030.0, 2080.0, 8230.0, 7010.0)])
def test_a_file_read_in_windows_is_the_file(
    tmp_path: Path, bounds: tuple[float, float, float, float] | None
) -> None:
    land = ground(hills(203, 179))
    path = written(tmp_path / "a.tif", land.z, crs="EPSG:32643", transform=land.transform)
    asks = {"crs": UTM, "datum": "EGM2008", "sigma": 1.0, "bounds": bounds}
    whole = read(path, **asks)  # type: ignore[arg-type]
    with pieces(17):
        found = read(path, **asks)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.z, whole.z)
    assert found.transform == whole.transform


@pytest.mark.parametrize("cell", [20.0, 90.0, 400.0])
@pytest.mark.parametrize("bounds", [None, (499_000.0, 3_881_000.0, 512_000.0, 3_890_500.0)])
def test_a_file_warped_in_windows_is_the_file_warped_whole(
    tmp_path: Path, cell: float, bounds: tuple[float, float, float, float] | None
) -> None:
    """The slopes are up to 0.6 in a cell of 90 m, and a cell may be a thousandth of itself off."""
    z = hills(211, 187)
    corner = Affine(1 / 1200, 0.0, 75.0, 0.0, -1 / 1200, 35.2)
    path = written(tmp_path / "a.tif", z, crs="EPSG:4326", transform=corner)
    asks = {"crs": UTM, "datum": "EGM2008", "sigma": 1.0, "bounds": bounds, "cell": cell}
    whole = read(path, **asks)  # type: ignore[arg-type]
    with pieces(17):
        found = read(path, **asks)  # type: ignore[arg-type]
    assert found.transform == whole.transform
    # a cell that ends where the file does may be there or not
    odd = np.isnan(found.z) != np.isnan(whole.z)
    assert odd.mean() < 1e-5
    off = np.abs(found.z - whole.z)
    assert float(np.nanmax(off)) < 0.3
    assert float(np.nanmean(off)) < 0.01


def test_ground_on_another_datum_and_its_light_are_the_same_in_pieces() -> None:
    land = ground(hills(60, 90))
    asked_for = Elevation(
        vertical_datum="EGM2008", level_datum="local", datum_offset_m=-3.0, sigma_m=1.0
    )
    whole = on_datum(land, asked_for)
    light = relief.hillshade(whole, factor=4)
    with pieces(8):
        found = on_datum(land, asked_for)
        assert isinstance(found.z.base, np.memmap)
        np.testing.assert_array_equal(relief.hillshade(found, factor=4), light)
    np.testing.assert_array_equal(found.z, whole.z)


# ---------------------------------------------------------------- water and snow


@given(z=holed, side=st.integers(1, 5), around=st.integers(1, 3))
def test_tiles_lead_all_water_out_and_count_it(
    z: NDArray[np.float32], side: int, around: int
) -> None:
    with pieces(side, around=around):
        found = drain(ground(z))
    np.testing.assert_array_equal(found.cells, cells_by_walking(found))
    assert found.cells[found.to == OUT].sum() == np.isfinite(z).sum()


@given(z=holed, side=st.integers(1, 5))
def test_tiles_that_see_everything_drain_as_one_does(z: NDArray[np.float32], side: int) -> None:
    whole = drain(ground(z))
    with pieces(side):
        found = drain(ground(z))
    for name in ("to", "filled", "cells"):
        np.testing.assert_array_equal(getattr(found, name), getattr(whole, name))


@given(
    z=hnp.arrays(np.float32, (12, 11), elements=st.integers(0, 40).map(lambda n: 25.0 * n)),
    side=st.integers(2, 6),
)
def test_avalanches_come_from_other_tiles(z: NDArray[np.float32], side: int) -> None:
    """They fall at least one cell's drop of the energy line in each: 1,000 m last 7 cells."""
    rules = {"angles": (30.0, 34.0, 45.0, 50.0), "line": 100.0, "band": 100.0, "runout": 71.5}
    whole = avalanche.over(ground(z), **rules)  # type: ignore[arg-type]
    with pieces(side, around=8):  # one more, whose slope tells whether snow breaks loose
        found = avalanche.over(ground(z), **rules)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found, whole)


# ---------------------------------------------------------------- conditioning


@pytest.mark.parametrize("side", [7, 23])
def test_ground_conditioned_in_tiles_is_the_ground_conditioned_whole(side: int) -> None:
    land = ground(hills(61, 83))
    river = shapely.LineString([(120, 2950), (1400, 1800), (2600, 1700), (4100, 130)])
    road = shapely.LineString([(40, 2790), (4000, 2400)])
    rules = Conditioning(fill_void_m=300, burn=True, bed_reach_m=330, smooth_m=200)
    asks = {"rivers": [river], "road": road, "native_m": 300.0, "rules": rules}
    whole = conditioned(land, **asks)  # type: ignore[arg-type]
    with pieces(side):
        found = conditioned(land, **asks)  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.terrain.z, whole.terrain.z)
    np.testing.assert_array_equal(found.marks, whole.marks)
    assert found.notes == whole.notes
    assert len(found.notes) == 3


# ---------------------------------------------------------------- a whole study


def test_a_study_on_disk_and_in_tiles_gives_equal_numbers() -> None:
    with pieces(33):
        found = realign.run(asked())
    assert isinstance(found.terrain.z.base, np.memmap)
    assert numbers(found) == numbers(planned())


def test_only_the_ground_about_road_and_dams_is_read() -> None:
    study = changed(asked(), "elevation", margin_m=1500.0)
    found, whole = drowned.submerge(study), drowned.submerge(asked())
    xy = whole.highway.piece(Section(0.0, whole.highway.length))
    (left, bottom), (right, top) = xy.min(axis=0), xy.max(axis=0)
    bounds = np.array(found.terrain.bounds)
    wanted = np.array([left - 1500, bottom - 1500, right + 1500, top + 1500])
    known = np.array(whole.terrain.bounds)
    wanted = np.concatenate((np.maximum(wanted[:2], known[:2]), np.minimum(wanted[2:], known[2:])))
    assert np.abs(bounds - wanted).max() <= small_study.CELL
    assert found.terrain.z.size < 0.9 * whole.terrain.z.size
    assert found.submergence.flooded == whole.submergence.flooded


@pytest.mark.parametrize("margin", [1.0, 150.0])
def test_what_lies_beyond_the_ground_that_was_read_names_the_key(margin: float) -> None:
    with pytest.raises(InputError, match=r"was read \(elevation\.margin_m\)$"):
        drowned.submerge(changed(asked(), "elevation", margin_m=margin))


_LARGE = """
import json, resource, sys
from pathlib import Path
import numpy as np
from pyproj import CRS
from realign.terrain import read, room
def used(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024
read(Path(sys.argv[2]), crs=None, datum="EGM2008", sigma=1.0)  # what is loaded at first use
room.SHARE = 0.0
most = used("VmData") + int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_DATA, (most, most))
land = read(Path(sys.argv[1]), crs=CRS.from_epsg(32643), datum="EGM2008", sigma=1.0, cell=30.0)
print(json.dumps({"bytes": land.z.nbytes, "level": float(land.z[-7, -7])}))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are those of Linux")
def test_ground_is_read_within_less_memory_than_it_takes(tmp_path: Path) -> None:
    """256 MB of levels within 180 MB of memory that is not a file; warped, not only copied."""
    side, cell = 4000, 60.0
    large, small = tmp_path / "large.tif", tmp_path / "small.tif"
    corner = Affine(cell, 0.0, 300_000.0, 0.0, -cell, 4_000_000.0)
    with rasterio.open(
        large,
        "w",
        driver="GTiff",
        height=side,
        width=side,
        count=1,
        dtype="int16",
        crs="EPSG:32643",
        transform=corner,
        tiled=True,
        compress="deflate",
    ) as file:
        for tile in tiles((side, side), side=1024):
            rows, cols = tile.inner
            level = np.add.outer(np.arange(rows.start, rows.stop), np.zeros(cols.stop - cols.start))
            window = rasterio.windows.Window.from_slices(rows, cols)
            file.write((level / 8).astype(np.int16), 1, window=window)
    written(small, hills(9, 9), crs="EPSG:32643", transform=corner)
    done = subprocess.run(
        [sys.executable, "-c", _LARGE, str(large), str(small), str(180_000_000)],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    assert found["bytes"] == (2 * side) ** 2 * 4
    assert found["level"] == pytest.approx((side - 3.5) / 8, abs=1.0)
