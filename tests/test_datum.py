"""Laws of vertical datums: one stays, what a grid joins moves by it, all else is refused."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import small_study
from affine import Affine
from numpy.typing import NDArray
from pydantic import ValidationError
from pyproj import CRS

import realign
from realign import datum, drowned, terrain
from realign.errors import InputError
from realign.terrain import Elevation, Terrain

Numbers = NDArray[np.float64]
UTM = CRS.from_epsg(32643)
GRID = "us_nga_egm96_15.tif"


def undulation(lon: Numbers, lat: Numbers) -> Numbers:
    """Make up a geoid for the test: a plane [m above the ellipsoid]."""
    return -40.0 + 3.0 * (lon - 72.0) - 2.0 * (lat - 34.0)


@pytest.fixture
def grid(tmp_path: Path) -> Iterator[Path]:
    """Write a geoid of EGM96 over a box, in the form and under the name that PROJ looks for."""
    step, west, north = 0.25, 70.0, 38.0
    lon, lat = np.meshgrid(west + step * np.arange(33), north - step * np.arange(25))
    with rasterio.open(
        tmp_path / GRID,
        "w",
        driver="GTiff",
        width=33,
        height=25,
        count=1,
        dtype="float32",
        crs="EPSG:4326",
        transform=Affine(step, 0, west - step / 2, 0, -step, north + step / 2),
    ) as out:
        out.write(undulation(lon, lat).astype(np.float32), 1)
        out.update_tags(AREA_OR_POINT="Point", TYPE="VERTICAL_OFFSET_GEOGRAPHIC_TO_VERTICAL")
        out.update_tags(1, DESCRIPTION="geoid_undulation")
        out.set_band_description(1, "geoid_undulation")
    before = pyproj.datadir.get_data_dir()
    pyproj.datadir.append_data_dir(str(tmp_path))
    yield tmp_path
    pyproj.datadir.set_data_dir(before)


def test_ground_across_the_180th_meridian_is_shifted_by_what_lies_under_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def plane(lon: Numbers, lat: Numbers, **_: str) -> Numbers:
        return np.asarray(20.0 + 10.0 * (lon % 360 - 180.0) - 2.0 * (lat + 16.5))

    monkeypatch.setattr(datum, "shift", plane)
    fiji = CRS.from_epsg(32760)
    z = np.full((40, 50), 1000.0, np.float32)
    own = Terrain(z, Affine(500.0, 0, 808_000, 0, -500.0, 8_180_000), fiji, "EGM96", 1.0)
    asked = Elevation(vertical_datum="EGM96", sigma_m=1, level_datum="EGM2008")
    x, y = np.meshgrid(808_250 + 500.0 * np.arange(50), 8_179_750 - 500.0 * np.arange(40))
    lon, lat = pyproj.Transformer.from_crs(fiji, 4326, always_xy=True).transform(x, y)
    assert lon.min() < 0 < lon.max()
    found = terrain.on_datum(own, asked).z - 1000.0
    assert np.abs(found - plane(lon, lat)).max() < 0.01  # linear between quarters of a degree


def land(name: str) -> Terrain:
    z = np.full((40, 50), 1000.0, np.float32)
    return Terrain(z, Affine(500.0, 0, 650_000, 0, -500.0, 3_930_000), UTM, name, 1.0)


@pytest.mark.parametrize(
    ("one", "other", "wanted"),
    [
        ("EGM2008", "egm2008", True),
        ("EGM2008", "EPSG:3855", True),
        ("EGM96", "EGM2008", False),
        ("mean sea  level", "Mean Sea Level", True),
        ("", "anything", True),
    ],
)
def test_names_of_one_datum_are_the_same(one: str, other: str, wanted: bool) -> None:  # noqa: FBT001
    assert datum.same(one, other) == wanted


def test_levels_of_one_datum_do_not_move() -> None:
    assert datum.shift([73.0], [35.0], of="EGM2008", to="egm2008").tolist() == [0.0]
    ground = land("EGM2008")
    assert terrain.on_datum(ground, Elevation(vertical_datum="EGM2008", sigma_m=1)) is ground


@pytest.mark.usefixtures("grid")
def test_heights_above_the_ellipsoid_come_down_by_the_geoid() -> None:
    lon, lat = np.array([73.1, 74.3]), np.array([35.2, 34.6])
    found = datum.shift(lon, lat, of="ellipsoid", to="EGM96")
    assert found == pytest.approx(-undulation(lon, lat), abs=1e-3)
    back = datum.shift(lon, lat, of="EGM96", to="ellipsoid")
    assert back == pytest.approx(-found, abs=1e-3)


@pytest.mark.usefixtures("grid")
def test_ground_moves_cell_by_cell() -> None:
    asked = Elevation(vertical_datum="ellipsoid", level_datum="EGM96", sigma_m=1)
    moved = terrain.on_datum(land("ellipsoid"), asked)
    assert moved.datum == "EGM96"
    onto = pyproj.Transformer.from_crs(UTM, 4326, always_xy=True)
    for row, col in ((0, 0), (39, 49), (20, 7)):
        lon, lat = onto.transform(650_250 + 500 * col, 3_929_750 - 500 * row)
        wanted = 1000 - undulation(np.array(lon), np.array(lat))
        assert moved.z[row, col] == pytest.approx(wanted, abs=0.01)


def test_without_the_grid_nothing_is_mixed_and_the_grid_is_named() -> None:
    with pytest.raises(InputError, match=r"wanted the grid .*egm96.*found none.*projsync"):
        datum.shift([73.0], [35.0], of="ellipsoid", to="EGM96")


@pytest.mark.usefixtures("grid")
def test_a_grid_that_ends_within_the_study_is_refused() -> None:
    with pytest.raises(InputError, match="vertical datum"):
        datum.shift([73.0, 100.0], [35.0, 10.0], of="ellipsoid", to="EGM96")


@pytest.mark.parametrize("name", ["local mean sea level", "EPSG:32643", "EPSG:4326"])
def test_a_datum_without_a_code_needs_an_offset(name: str) -> None:
    with pytest.raises(InputError, match="vertical datum: "):
        datum.shift([73.0], [35.0], of="EGM2008", to=name)
    asked = Elevation(
        vertical_datum="EGM2008", level_datum="local", datum_offset_m=-0.7, sigma_m=1.0
    )
    moved = terrain.on_datum(land("EGM2008"), asked)
    assert moved.z == pytest.approx(999.3)
    assert moved.datum == "local"


def test_an_offset_between_a_datum_and_itself_is_refused() -> None:
    with pytest.raises(ValidationError, match="wanted two datums"):
        Elevation(vertical_datum="EGM2008", datum_offset_m=1.0, sigma_m=1)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("EPSG:6360", "US survey foot, up"),
        ("EPSG:5715", "metre, down"),
        ("EPSG:4326", "without heights"),
        ("EPSG:32643", "without heights"),
        ("EPSG:999999", "no known code"),
        ("+proj=longlat +datum=WGS84 +geoidgrids=/etc/passwd +vunits=m +type=crs", "geoidgrids"),
    ],
)
@pytest.mark.parametrize("key", ["vertical_datum", "level_datum"])
def test_a_datum_is_one_of_heights_in_metres(name: str, found: str, key: str) -> None:
    with pytest.raises(ValidationError, match=rf"{key}\n.*found .*{found}.*wanted"):
        Elevation.model_validate({"vertical_datum": "EGM2008", "sigma_m": 1} | {key: name})


@pytest.mark.parametrize("name", ["EPSG:5773", "EPSG:4979", "EPSG:5714", "sea level at Karachi"])
def test_names_and_codes_of_heights_are_kept(name: str) -> None:
    assert Elevation(vertical_datum=name, sigma_m=1).vertical_datum == name


@pytest.mark.parametrize(
    "name",
    ["ellipsoid", "WGS84", "WGS 84", "WGS84 ellipsoid", "HAE", "GRS80 Ellipsoid",
     "ellipsoidal heights", "EPSG:4979", "EPSG:7912"],
)  # fmt: skip
def test_ground_over_an_ellipsoid_and_dams_that_name_no_datum_are_never_mixed(
    tmp_path: Path, name: str
) -> None:
    small_study.write(tmp_path)
    study = realign.load(tmp_path / "study.toml")
    over = study.elevation.model_copy(update={"vertical_datum": name})
    with pytest.raises(InputError, match=r"vertical_datum: found none, and the ground is on"):
        drowned.submerge(study.model_copy(update={"elevation": over}))


def test_a_dam_on_another_datum_than_the_ground_is_refused(tmp_path: Path) -> None:
    small_study.write(tmp_path)
    study = realign.load(tmp_path / "study.toml")
    dams = tuple(dam.model_copy(update={"vertical_datum": "EGM96"}) for dam in study.dams)
    other = study.model_copy(update={"dams": dams})
    with pytest.raises(InputError, match=r"vertical_datum: found 'EGM96', and the ground is on"):
        drowned.submerge(other)


@pytest.mark.parametrize(
    ("crs", "wanted"),
    [
        (CRS(32643), ("", "")),
        (CRS(4326), ("", "")),
        (CRS("EPSG:32643+5773"), ("EPSG:5773", "metre")),
        (CRS("EPSG:32643+6360"), ("EPSG:6360", "US survey foot")),
        (CRS(4979), ("EPSG:4979", "metre")),
        (CRS(32643).to_3d(), ("EPSG:4979", "metre")),
    ],
)
def test_a_system_declares_the_datum_of_its_levels(crs: CRS, wanted: tuple[str, str]) -> None:
    assert datum.declared(crs) == wanted
    told = datum.declared(crs)[0]
    assert datum.ellipsoidal(told) == datum.same(told or "none", "ellipsoid")
