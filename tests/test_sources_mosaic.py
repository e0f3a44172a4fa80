"""Laws of tiles that are put together: ground neither moves nor has gaps where cells change."""

from collections.abc import Callable, Sequence
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from numpy.typing import NDArray
from pyproj import Transformer
from tile_server import CELLS, write_tile

from realign.errors import SourceError
from realign.sources import elevation, mosaic, raster
from realign.sources import tile as tiles
from realign.sources.box import Box, around
from realign.sources.elevation import Ground

WIDTHS = {0: 120, 50: 80, 60: 60, 70: 40, 80: 24}
"""Columns of a tile from a latitude on, where GLO-30 has 3600, 2400, 1800, 1200 and 720."""
CELL = 300.0  # m
STEEP = 900.0
"""Slope of the ground [m/deg]: half a cell aside is 4 m of height."""


def columns(lat: int) -> int:
    """Columns of the tile whose southern edge is given."""
    off = lat if lat >= 0 else -lat - 1
    return max((edge, width) for edge, width in WIDTHS.items() if edge <= off)[1]


def level(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ground by formula: a plane in degrees, which bilinear sampling gives back exactly."""
    return 3000.0 + STEEP * (lon - 73.0) + 30.0 * (np.abs(lat) - 65.0)


Formula = Callable[..., NDArray[np.float64]]


def put(
    folder: Path, box: Box, without: Sequence[tuple[int, int]] = (), ground: Formula = level
) -> Ground:
    """Put the ground of a box together, from tiles as GLO-30 has them, but for some."""
    degrees = elevation.grid(box, box.utm, CELL)[1]
    wanted = elevation.names(degrees)
    lacking = [elevation.name(*corner) for corner in without]
    for tile in set(wanted) - set(lacking):
        lon, lat = elevation.corner(tile)
        write_tile(folder, lon, lat, columns=columns(lat), ground=ground)
    return put_as_they_are(folder, box, lacking)


def put_as_they_are(folder: Path, box: Box, sea: Sequence[str] = ()) -> Ground:
    """Put ground together from tiles that stand there."""
    get = elevation.from_folder(folder, elevation.grid(box, box.utm, CELL)[1], sea)
    return elevation.gathered(
        box, folder / "c", crs=box.utm, cell=CELL, get=get, say=lambda _: None
    )


def off(made: Ground, ground: Formula = level) -> NDArray[np.float64]:
    """Distance of levels from the formula [m], NaN where there are none."""
    found = made.terrain
    rows, cols = found.shape
    left, _, _, top = found.bounds
    x, y = np.meshgrid(
        left + (np.arange(cols) + 0.5) * found.cell, top - (np.arange(rows) + 0.5) * found.cell
    )
    lon, lat = Transformer.from_crs(found.crs, 4326, always_xy=True).transform(x, y)
    return np.asarray(found.z - ground(lon, lat))


@pytest.mark.parametrize("edge", [50, 60, 70, 80, -50, -60, -70, -80])
@pytest.mark.parametrize("west", [72.92, 73.4013, 73.4034])
def test_a_plane_over_the_edge_of_a_belt_is_that_plane(
    tmp_path: Path, edge: int, west: float
) -> None:
    made = put(tmp_path, Box(west, edge - 0.04, west + 0.16, edge + 0.04))
    assert made.unknown == 0
    assert np.abs(off(made)).max() < 0.05  # float32, and cells are warped to 1/1000 of them


def test_a_plane_over_three_belts_is_that_plane(tmp_path: Path) -> None:
    box = Box(73.3, 49.9, 73.35, 60.1)
    made = put(tmp_path, box)
    used = {columns(elevation.corner(origin)[1]) for origin in made.origins}
    assert used == {120, 80, 60}
    assert np.abs(off(made)).max() < 0.05


@pytest.mark.parametrize("missing", [(72, 49), (73, 49), (72, 50), (73, 50)])
def test_a_missing_tile_beside_a_belt_reaches_no_farther_than_a_cell(
    tmp_path: Path, missing: tuple[int, int]
) -> None:
    made = put(tmp_path, Box(72.9, 49.9, 73.1, 50.1), without=[missing])
    wrong = off(made)
    known = np.isfinite(wrong)
    assert np.abs(wrong[known]).max() < 0.05
    assert 0.7 < known.mean() < 0.75  # three of four tiles, but for a cell or two along the fourth


def test_tiles_of_one_grid_are_taken_cell_by_cell(tmp_path: Path) -> None:
    z = np.random.default_rng(1).normal(3000, 500, (40, 60)).astype(np.float32)
    z[7, 9] = np.nan
    place = Affine(0.01, 0, 72.7, 0, -0.01, 36.2)
    parts = []
    for row, col in ((0, 0), (0, 25), (15, 0), (15, 25)):
        rows, cols = slice(row, 15 if row == 0 else 40), slice(col, 25 if col == 0 else 60)
        corner = Affine(0.01, 0, 72.7 + 0.01 * col, 0, -0.01, 36.2 - 0.01 * row)
        parts.append(tmp_path / f"{len(parts)}-x.tif")
        raster.write(parts[-1], z[rows, cols], corner, "EPSG:4326")
    mosaic.join(parts, tmp_path / "all.tif")
    with tiles.opened(tmp_path / "all.tif") as found:
        assert np.array_equal(found.read(1), raster.filled(z))
        assert found.transform.almost_equals(place, 1e-9)


@given(st.integers(2, 9), st.integers(0, 8), st.integers(2, 30))
def test_the_narrowest_belt_is_taken_cell_by_cell(
    tmp_path_factory: pytest.TempPathFactory, wide: int, shift: int, rows: int
) -> None:
    """Whatever the width of other cells, and by what part of a cell they begin farther west."""
    folder = tmp_path_factory.mktemp("belts")
    z = np.random.default_rng(rows).normal(3000, 500, (rows, 50)).astype(np.float32)
    side, other = 0.01, 0.01 * (1 + wide / 4)
    far = np.full((8, 40), 2500, np.float32)
    raster.write(folder / "0-a.tif", z, Affine(side, 0, 73, 0, -side, 50), "EPSG:4326")
    left = 73 - other * (1 + shift / 9)
    raster.write(
        folder / "1-b.tif", far, Affine(other, 0, left, 0, -side, 50 + 8 * side), "EPSG:4326"
    )
    mosaic.join(sorted(folder.glob("*.tif")), folder / "all.tif")
    with tiles.opened(folder / "all.tif") as found:
        all_ = found.read(1, masked=True).filled(np.nan)
        col = round((73 - found.transform.c) / side)
        assert abs(73 - found.transform.c - col * side) < 1e-9
    assert np.array_equal(all_[8:, col : col + 50], z)
    assert (all_[:8, col : col + 50] == 2500).all()


def test_rows_that_are_missing_between_belts_are_not_made_up(tmp_path: Path) -> None:
    flat = np.full((20, 30), 700, np.float32)
    raster.write(tmp_path / "0-a.tif", flat, Affine(0.01, 0, 73, 0, -0.01, 49.9), "EPSG:4326")
    raster.write(tmp_path / "1-b.tif", flat, Affine(0.02, 0, 73, 0, -0.01, 50.2), "EPSG:4326")
    mosaic.join(sorted(tmp_path.glob("*.tif")), tmp_path / "all.tif")
    with tiles.opened(tmp_path / "all.tif") as found:
        z = found.read(1, masked=True).filled(np.nan)[:, 1:25]
    assert np.isnan(z[20:30]).all()
    assert (np.delete(z, slice(20, 30), axis=0) == 700).all()


def test_cells_of_other_widths_at_one_latitude_are_refused(tmp_path: Path) -> None:
    write_tile(tmp_path, 72, 35, ground=level)
    write_tile(tmp_path, 73, 35, ground=level, columns=CELLS - 7)
    with pytest.raises(SourceError, match=r"E072_00_DEM with 30, .*E073_00_DEM with 31.86 seconds"):
        put_as_they_are(tmp_path, Box(72.9, 35.4, 73.1, 35.6))


# ---- where longitudes begin anew


def around_it(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ground by formula on both sides of the 180th meridian."""
    return level(lon % 360 - 107.0, lat)


@pytest.mark.parametrize("lat", [-16.5, 49.99, 65.5])
@pytest.mark.parametrize(
    ("west", "east"),
    [(179.86, 180), (179.86, 179.9995), (-180, -179.86), (-179.9995, -179.86), (179.2, 179.4)],
)
def test_ground_at_the_180th_meridian_is_whole(
    tmp_path: Path, west: float, east: float, lat: float
) -> None:
    box = Box(west, lat - 0.04, east, lat + 0.04)
    made = put(tmp_path, box, ground=around_it)
    assert made.unknown == 0
    assert np.abs(off(made, around_it)).max() < 0.05
    sides = {elevation.corner(origin)[0] for origin in made.origins}
    assert sides == ({179} if east == 179.4 else {179, -180})


def test_a_study_at_the_180th_meridian_has_a_box_up_to_it() -> None:
    assert around([(179.95, -16.5)], 0.15).edges == pytest.approx((179.8, -16.65, 180, -16.35))
    assert around([(-179.95, -16.5)], 0.15).edges == pytest.approx((-180, -16.65, -179.8, -16.35))
