import math
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from pydantic import ValidationError
from pyproj import CRS, Transformer

from realign.errors import GeometryError, InputError
from realign.terrain import Elevation, Terrain, hillshade, read, slopes, unsure

UTM = CRS.from_epsg(32643)
LEFT, TOP, CELL = 400_000.0, 3_900_000.0, 30.0
CORNER = Affine(CELL, 0, LEFT, 0, -CELL, TOP)
NODATA = -9999.0


def centres(rows: int, cols: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, y = LEFT + CELL * (np.arange(cols) + 0.5), TOP - CELL * (np.arange(rows) + 0.5)
    grid = np.meshgrid(x, y)
    return grid[0], grid[1]


def plane(x: ArrayLike, y: ArrayLike, gx: float = 0.5, gy: float = -0.25) -> NDArray[np.float64]:
    return 1000 + gx * (np.asarray(x) - LEFT) + gy * (np.asarray(y) - TOP)


def terrain(rows: int = 20, cols: int = 30, gx: float = 0.5, gy: float = -0.25) -> Terrain:
    z = plane(*centres(rows, cols), gx, gy).astype(np.float32)
    return Terrain(z, CORNER, UTM, "EGM2008", 5.0)


def written(path: Path, z: NDArray[np.float32], **changed: object) -> Path:
    """Write a raster; `changed` replaces or adds what a good file says of itself."""
    profile: dict[str, object] = {
        "driver": "GTiff",
        "dtype": "float32",
        "count": 1,
        "height": z.shape[-2],
        "width": z.shape[-1],
        "crs": "EPSG:32643",
        "transform": CORNER,
        "nodata": NODATA,
    }
    profile.update(changed)
    with rasterio.open(path, "w", **profile) as file:
        file.write(z if z.ndim == 3 else z[None])
    return path


def good(path: Path, **changed: object) -> Path:
    return written(path, terrain().z, **changed)


def read_utm(path: Path, **asked: object) -> Terrain:
    return read(path, **{"crs": UTM, "datum": "EGM2008", "sigma": 5.0, **asked})  # type: ignore[arg-type]


# ---- the value


@given(
    st.floats(0.5, 29.5),
    st.floats(0.5, 19.5),
    st.floats(-1, 1),
    st.floats(-1, 1),
)
def test_sampling_a_plane_is_exact(col: float, row: float, gx: float, gy: float) -> None:
    x, y = LEFT + CELL * col, TOP - CELL * row
    level = terrain(gx=gx, gy=gy).sample(x, y)
    assert level == pytest.approx(float(plane(x, y, gx, gy)), abs=1e-3)  # float32 levels


def test_index_is_whole_at_cell_centres() -> None:
    row, col = terrain().index(*centres(20, 30))
    assert np.array_equal(row, np.broadcast_to(np.arange(20)[:, None], (20, 30)))
    assert np.array_equal(col, np.broadcast_to(np.arange(30), (20, 30)))


def test_sampling_cell_centres_gives_the_cells() -> None:
    ground = terrain()
    assert np.array_equal(ground.sample(*centres(20, 30)), ground.z)


@pytest.mark.parametrize(("col", "row"), [(0.49, 5), (29.51, 5), (5, 0.49), (5, 19.51), (-9, 99)])
def test_beyond_the_outermost_centres_nothing_is_known(col: float, row: float) -> None:
    assert np.isnan(terrain().sample(LEFT + CELL * col, TOP - CELL * row))


@pytest.mark.parametrize("x", [math.nan, math.inf, -math.inf])
def test_a_point_that_is_nowhere_has_no_level(x: float) -> None:
    assert np.isnan(terrain().sample(x, TOP - 100))


@given(st.floats(3.5, 6.5), st.floats(3.5, 6.5))
def test_nan_is_never_filled(col: float, row: float) -> None:
    ground = terrain()
    ground.z[5, 5] = np.nan
    used = abs(col - 5.5) < 1 - 1e-5 and abs(row - 5.5) < 1 - 1e-5
    level = ground.sample(LEFT + CELL * col, TOP - CELL * row)
    unsure = any(0 < abs(abs(v - 5.5) - 1) < 1e-4 for v in (col, row))
    assert unsure or bool(np.isnan(level)) == used


def test_a_cell_without_weight_may_be_nan() -> None:
    ground = terrain()
    ground.z[5, 6] = np.nan
    x, y = centres(20, 30)
    assert ground.sample(x[5, 5], y[5, 5]) == ground.z[5, 5]


def test_profile_has_both_ends_and_no_longer_steps() -> None:
    xy = np.array([[100.0, -100.0], [400.0, -100.0], [400.0, -350.0]]) + np.array([LEFT, TOP])
    station, level = terrain().profile(xy, 60)
    assert (station[0], station[-1]) == (0, 550)
    assert np.diff(station).max() <= 60
    along = np.where(station < 300, 100 + station, 400)
    across = np.where(station < 300, -100, 200 - station)
    assert level == pytest.approx(plane(along + LEFT, across + TOP), abs=1e-3)


def test_a_window_is_the_same_ground() -> None:
    ground = terrain()
    part = ground.window(LEFT + 200, TOP - 400, LEFT + 500, TOP - 200, margin=45)
    left, bottom, right, top = part.bounds
    assert left <= LEFT + 155 and bottom <= TOP - 445 and right >= LEFT + 545 and top >= TOP - 155  # noqa: PT018
    x, y = np.linspace(LEFT + 155, LEFT + 545, 50), np.linspace(TOP - 445, TOP - 155, 50)
    assert part.sample(x, y) == pytest.approx(ground.sample(x, y), abs=1e-6)
    assert np.shares_memory(part.z, ground.z)


def test_a_window_takes_no_more_than_there_is() -> None:
    assert terrain().window(0, 0, 1e7, 1e7).shape == (20, 30)


def test_a_window_outside_is_an_error() -> None:
    with pytest.raises(GeometryError, match="outside the terrain"):
        terrain().window(LEFT - 500, TOP - 100, LEFT - 400, TOP)


@pytest.mark.parametrize(
    ("z", "transform", "crs", "said"),
    [
        (np.zeros(5), CORNER, UTM, "two rows"),
        (np.zeros((1, 5)), CORNER, UTM, "two rows"),
        (np.zeros((5, 5)), Affine(30, 0, 0, 0, -20, 0), UTM, "square"),
        (np.zeros((5, 5)), Affine(30, 1, 0, 1, -30, 0), UTM, "square"),
        (np.zeros((5, 5)), Affine(30, 0, 0, 0, 30, 0), UTM, "north-up"),
        (np.zeros((5, 5)), CORNER, CRS.from_epsg(4326), "wanted a projected one"),
        (np.zeros((5, 5)), CORNER, CRS.from_epsg(2263), "US survey foot"),
    ],
)
def test_a_terrain_is_square_north_up_and_metric(
    z: NDArray[np.float32], transform: Affine, crs: CRS, said: str
) -> None:
    with pytest.raises(GeometryError, match=said):
        Terrain(z, transform, crs, "EGM2008", 5.0)


@given(st.floats(-2, 2), st.floats(-2, 2))
def test_slopes_of_a_plane_are_its_own(gx: float, gy: float) -> None:
    east, north = slopes(terrain(gx=gx, gy=gy))
    assert east.shape == north.shape == (20, 30)
    assert east == pytest.approx(gx, abs=1e-4)
    assert north == pytest.approx(gy, abs=1e-4)


def test_slopes_beside_nan_are_nan() -> None:
    ground = terrain()
    ground.z[5, 5] = np.nan
    east, north = slopes(ground)
    assert np.isnan(east[5, [4, 6]]).all()
    assert np.isnan(north[[4, 6], 5]).all()


def test_ground_is_unsure_where_some_road_needs_a_cell_without_data_and_nowhere_else() -> None:
    ground = terrain()
    assert not unsure(ground).any()
    ground.z[[8, 0], [9, 20]] = np.nan  # one inside, one on the edge
    x, y = centres(*ground.shape)
    needed = np.zeros(ground.shape, bool)
    for east, north in np.array(np.meshgrid([-14, 0, 14], [-14, 0, 14])).reshape(2, -1).T:
        for bearing in np.radians(np.arange(0, 360, 15)):
            side = CELL * np.sin(bearing), CELL * np.cos(bearing)
            for aside in (0.0, 1.0):
                at = x + east + aside * side[0], y + north + aside * side[1]
                row, col = ground.index(*at)
                inside = (row >= 0) & (row <= 19) & (col >= 0) & (col <= 29)
                needed |= np.isnan(ground.sample(*at)) & inside
    assert (unsure(ground) == needed).all()


def test_flat_ground_is_evenly_lit_and_slopes_to_the_light_are_brighter() -> None:
    flat = hillshade(terrain(gx=0, gy=0), factor=3)
    to_light = hillshade(terrain(gx=0.5, gy=-0.5), factor=3)  # falls to the north-west
    from_light = hillshade(terrain(gx=-0.5, gy=0.5), factor=3)
    assert flat.shape == (6, 10)
    assert flat.min() == flat.max() == 1 + int(254 * math.sin(math.radians(45)))
    assert from_light.max() < flat.min() < to_light.min()


def test_no_ground_is_no_light() -> None:
    ground = terrain()
    ground.z[:6, :6] = np.nan
    shade = hillshade(ground, factor=3)
    assert shade[0, 0] == 0
    assert shade[4:, 4:].min() >= 1


# ---- reading


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    ground = read_utm(good(tmp_path / "dem.tif"))
    assert np.array_equal(ground.z, terrain().z)
    assert (ground.bounds, ground.cell) == (terrain().bounds, CELL)
    assert (ground.datum, ground.sigma) == ("EGM2008", 5.0)
    assert ground.crs == UTM


def test_without_a_system_asked_the_files_own_is_taken(tmp_path: Path) -> None:
    assert read_utm(good(tmp_path / "dem.tif"), crs=None).crs.to_epsg() == 32643


def test_a_part_is_read_in_whole_cells(tmp_path: Path) -> None:
    bounds = (LEFT + 100, TOP - 400, LEFT + 500, TOP - 200)
    part = read_utm(good(tmp_path / "dem.tif"), bounds=bounds)
    assert part.bounds == (LEFT + 90, TOP - 420, LEFT + 510, TOP - 180)
    assert np.array_equal(part.z, terrain().z[6:14, 3:17])


def test_no_data_stays_no_data(tmp_path: Path) -> None:
    z = terrain().z
    z[3, 4] = NODATA
    ground = read_utm(written(tmp_path / "dem.tif", z))
    assert np.isnan(ground.z[3, 4])
    assert np.isnan(ground.z).sum() == 1


def test_whole_numbers_with_scale_and_offset_are_metres(tmp_path: Path) -> None:
    path = good(tmp_path / "dem.tif", dtype="int16", nodata=-32768)
    with rasterio.open(path, "r+") as file:
        file.scales, file.offsets = [0.5], [100.0]
    assert np.array_equal(read_utm(path).z, np.trunc(terrain().z) / 2 + 100)


@pytest.mark.parametrize("said", ["EGM96", "EPSG:5773", "egm96"])
def test_a_vertical_system_is_that_of_the_study(tmp_path: Path, said: str) -> None:
    path = good(tmp_path / "dem.tif", crs="EPSG:32643+5773")
    ground = read_utm(path, datum=said)
    assert np.array_equal(ground.z, terrain().z)
    assert read_utm(path, crs=None, datum=said).crs.to_epsg() == 32643
    for other in ("EGM2008", "mean sea level", "ellipsoid"):
        with pytest.raises(InputError, match=r"levels are on EPSG:5773, and elevation.vertical"):
            read_utm(path, datum=other)


def test_a_warped_plane_is_the_plane(tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    side, west, north = 0.001, 73.9, 35.3
    lon, lat = np.meshgrid(
        west + side * (np.arange(80) + 0.5), north - side * (np.arange(60) + 0.5)
    )
    x, y = Transformer.from_crs(4326, UTM, always_xy=True).transform(lon, lat)
    z = plane(x, y, 0.1, 0.2).astype(np.float32)
    written(path, z, crs="EPSG:4326", transform=Affine(side, 0, west, 0, -side, north))
    ground = read_utm(path, cell=50.0)
    assert ground.cell == 50.0
    rows, cols = ground.shape
    x, y = np.meshgrid(
        ground.bounds[0] + 50 * (np.arange(cols) + 0.5),
        ground.bounds[3] - 50 * (np.arange(rows) + 0.5),
    )
    known = np.isfinite(ground.z)
    error = (ground.z - plane(x, y, 0.1, 0.2))[known]
    assert known.mean() > 0.8
    assert np.abs(error).max() < 0.01


def test_warping_fills_no_hole(tmp_path: Path) -> None:
    z = np.full((40, 40), 100, dtype=np.float32)
    z[20, 20] = NODATA
    ground = read_utm(written(tmp_path / "dem.tif", z), cell=CELL / 3)
    hole = ground.window(
        LEFT + 20 * CELL + 1, TOP - 21 * CELL + 1, LEFT + 21 * CELL - 1, TOP - 20 * CELL - 1
    )
    assert np.isnan(hole.z[1:-1, 1:-1]).all()
    assert set(np.unique(ground.z[np.isfinite(ground.z)])) == {100.0}


def test_warped_bounds_begin_where_they_are_asked(tmp_path: Path) -> None:
    bounds = (LEFT + 100, TOP - 400, LEFT + 500, TOP - 200)
    ground = read_utm(good(tmp_path / "dem.tif"), bounds=bounds, cell=20.0)
    assert ground.bounds == bounds
    x, y = np.meshgrid(np.arange(LEFT + 150, LEFT + 450, 37), np.arange(TOP - 350, TOP - 250, 37))
    assert ground.sample(x, y) == pytest.approx(plane(x, y), abs=0.1)


# ---- bad inputs


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.tif: no such file"):
        read_utm(tmp_path / "nowhere.tif")


def test_what_is_no_raster_is_named(tmp_path: Path) -> None:
    path = tmp_path / "dem.tif"
    path.write_text("not a raster")
    with pytest.raises(InputError, match=r"dem\.tif: cannot be read as a raster"):
        read_utm(path)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9])
def test_a_file_cut_off_is_named(tmp_path: Path, share: float) -> None:
    rough = np.random.default_rng(0).uniform(0, 100, (300, 300)).astype(np.float32)
    path = written(tmp_path / "dem.tif", rough, compress="deflate")
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(InputError, match=r"dem\.tif: .*cut off"):
        read_utm(path)


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize("changed", [{"crs": None}, {"transform": Affine.identity()}])
def test_a_raster_without_reference_system_is_an_error(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    with pytest.raises(InputError, match="has no coordinate reference system"):
        read_utm(good(tmp_path / "dem.tif", **changed))


@pytest.mark.parametrize(
    ("crs", "said"), [(CRS.from_epsg(4326), "WGS 84; wanted a projected"), (CRS(2263), "foot")]
)
def test_a_system_not_in_metres_is_an_error(tmp_path: Path, crs: CRS, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_utm(good(tmp_path / "dem.tif"), crs=crs)


def test_a_geographic_file_needs_a_system_asked(tmp_path: Path) -> None:
    side = Affine(0.001, 0, 73, 0, -0.001, 35)
    with pytest.raises(InputError, match=r"dem\.tif: .*wanted a projected"):
        read_utm(good(tmp_path / "dem.tif", crs="EPSG:4326", transform=side), crs=None)


def test_only_no_data_is_an_error(tmp_path: Path) -> None:
    empty = np.full((5, 5), NODATA, dtype=np.float32)
    with pytest.raises(InputError, match="holds no level"):
        read_utm(written(tmp_path / "dem.tif", empty))


def test_undeclared_no_data_is_an_error(tmp_path: Path) -> None:
    z = terrain().z
    z[0, 0] = -32768
    with pytest.raises(InputError, match=r"-32768.*declared"):
        read_utm(written(tmp_path / "dem.tif", z, nodata=None))


def test_infinite_levels_are_an_error(tmp_path: Path) -> None:
    z = terrain().z
    z[0, 0] = np.inf
    with pytest.raises(InputError, match="inf"):
        read_utm(written(tmp_path / "dem.tif", z))


def test_several_bands_are_an_error(tmp_path: Path) -> None:
    z = np.stack([terrain().z] * 3)
    with pytest.raises(InputError, match="found 3 bands; wanted one"):
        read_utm(written(tmp_path / "dem.tif", z, count=3))


@pytest.mark.parametrize("cell", [None, 50.0])
def test_bounds_beside_the_file_are_an_error(tmp_path: Path, cell: float | None) -> None:
    with pytest.raises(InputError, match=r"dem\.tif: covers .*wanted"):
        read_utm(good(tmp_path / "dem.tif"), bounds=(0, 0, 1000, 1000), cell=cell)


def test_a_raster_of_one_row_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 rows"):
        read_utm(written(tmp_path / "dem.tif", np.ones((1, 9), dtype=np.float32)))


@pytest.mark.parametrize("cell", [0, -1, math.nan])
def test_cells_without_size_are_an_error(tmp_path: Path, cell: float) -> None:
    with pytest.raises(InputError, match="cells of"):
        read_utm(good(tmp_path / "dem.tif"), cell=cell)


def test_a_raster_off_the_map_of_the_asked_system_is_an_error(tmp_path: Path) -> None:
    beyond = Affine(10, 0, 1000, 0, -10, 2000)  # metres that the file declares as degrees
    with pytest.raises(InputError, match=r"dem\.tif"):
        read_utm(good(tmp_path / "dem.tif", crs="EPSG:4326", transform=beyond))


def test_the_table_names_datum_and_error() -> None:
    table = Elevation(vertical_datum="EGM2008", sigma_m=6)
    assert table.file == "dem.tif"
    with pytest.raises(ValidationError, match="sigma_m"):
        Elevation(vertical_datum="EGM2008", sigma_m=-1)


@pytest.mark.real
def test_the_real_ground_is_read_at_once(real_inputs: Path) -> None:
    begin = time.perf_counter()
    ground = read_utm(real_inputs / "dem.tif")
    assert time.perf_counter() - begin < 2
    assert ground.cell == 60
    assert not np.isnan(ground.z).any()
