"""The shore of a lake that the user gives: read, held against the ground, refused or reported."""

import csv
from dataclasses import replace
from functools import cache
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
import small_study
from shapely.geometry.base import BaseGeometry
from small_study import planned
from typer.testing import CliRunner

from realign import cli, drowned, outputs, study
from realign.errors import InputError


@cache
def lake() -> BaseGeometry:
    """Give the lake of the ground, in the system of the study."""
    return planned().reservoirs[0].full.polygon


def study_with(folder: Path, shape: BaseGeometry, name: str = "lake.gpkg", **said: object) -> Path:
    """Write the small study with a lake, in a file of some format and system."""
    file = small_study.write(folder)
    text = file.read_text("utf-8")
    file.write_text(text.replace("crest_level_m = 865", f'crest_level_m = 865\nextent = "{name}"'))
    frame = gpd.GeoDataFrame(geometry=[shape], crs=small_study.EPSG)
    if "crs" in said:
        frame = frame.to_crs(said["crs"])
    if said.get("swapped"):
        frame = frame.set_geometry([shapely.transform(frame.geometry[0], lambda xy: xy[:, ::-1])])
    if "called" in said:
        frame = frame.set_crs(said["called"], allow_override=True)
    path = file.parent / "inputs" / name
    frame.to_file(path, driver="KML" if name.endswith(".kml") else None)
    return file


def told(file: Path) -> str:
    (remark,) = drowned.submerge(study.load(file)).remarks
    return remark


FORMATS = ("lake.gpkg", "lake.shp", "lake.fgb", "lake.geojson", "lake.kml", "lake.gml")


@pytest.mark.parametrize("name", FORMATS)
def test_the_lake_of_the_ground_itself_has_no_bias(tmp_path: Path, name: str) -> None:
    crs = 4326 if name.endswith((".kml", ".geojson")) else small_study.EPSG
    remark = told(study_with(tmp_path / "s", lake(), name, crs=crs))
    assert "is 1.00 times" in remark
    assert "100% of both is shared" in remark
    assert "differ much" not in remark


@pytest.mark.parametrize("by", [40.0, 120.0])
def test_a_shore_up_the_sides_lies_as_much_higher_as_they_rise(tmp_path: Path, by: float) -> None:
    """The sides rise by 0.35 on the mean; the lake of the ground has the edges of cells."""
    (own,) = drowned.submerge(study.load(study_with(tmp_path / "own", lake()))).reservoirs
    plan = study_with(tmp_path / "s", lake().buffer(by))
    (found,) = drowned.submerge(study.load(plan)).reservoirs
    seen = found.extent_comparison
    assert seen is not None
    assert seen.shared == pytest.approx(1 / seen.area_ratio)
    assert own.extent_comparison is not None
    higher = seen.shore_above - own.extent_comparison.shore_above
    assert higher == pytest.approx(0.4 * by, rel=0.5)
    assert seen.differs
    assert "differ much" in told(plan)
    assert found.full.area == pytest.approx(lake().buffer(by).area)


def _moved(shape: BaseGeometry, by: float) -> BaseGeometry:
    return shapely.transform(shape, lambda xy: xy + np.array([by, 0.0]))


@pytest.mark.parametrize(
    ("shape", "said", "message"),
    [
        (lake, {"swapped": True}, "with x and y the other way round"),
        (lake, {"crs": 4326, "swapped": True}, "with x and y the other way round"),
        (lake, {"crs": 4326, "called": small_study.EPSG}, "its numbers look like degrees"),
        (lambda: _moved(lake(), 2e5), {}, "wanted it within the ground"),
        (lambda: shapely.box(0, 0, 1e6, 1e7), {}, "wanted it within the ground"),
        (lambda: _moved(lake(), 2500), {}, r"begins \d+ m from the wall"),
        (
            lambda: shapely.Point(planned().reservoirs[0].axis).buffer(150).intersection(lake()),
            {},
            "is none that the ground has: its area is 0.0",
        ),
    ],
)
def test_another_lake_is_refused(
    tmp_path: Path, shape: object, said: dict[str, object], message: str
) -> None:
    file = study_with(tmp_path / "s", shape(), **said)  # type: ignore[operator]
    with pytest.raises(InputError, match=message):
        drowned.submerge(study.load(file))


def test_check_and_the_table_of_lakes_tell_the_bias(tmp_path: Path) -> None:
    file = study_with(tmp_path / "s", lake().buffer(40))
    done = CliRunner().invoke(cli.app, ["check", str(file), "--quiet"])
    assert done.exit_code == 0, done.output
    done = CliRunner().invoke(cli.app, ["check", str(file)])
    assert "The lake of Narrows is the given one (lake.gpkg): its area is 1." in " ".join(
        done.output.split()
    )
    (found,) = drowned.submerge(study.load(file)).reservoirs
    rows = outputs.tables.reservoir_rows(replace(planned(), reservoirs=(found,)))
    outputs.tables.write_csv(tmp_path / "r.csv", list(rows[0]), rows)
    with (tmp_path / "r.csv").open(encoding="utf-8") as stream:
        partial, full = csv.DictReader(stream)
    assert (partial["stage"], partial["extent_area_ratio"]) == ("partial", "")
    assert float(full["extent_area_ratio"]) == pytest.approx(
        lake().buffer(40).area / lake().area, abs=1e-3
    )
    assert float(full["extent_shore_above_m"]) > 5
    assert float(full["area_km2"]) > float(partial["area_km2"]) > 0


SECOND = """
[[dams]]
name = "Second"
lon = {:.6f}
lat = {:.6f}
full_level_m = 870
minimum_level_m = 860
crest_level_m = 875

[[dams.stages]]
name = "full"
level_m = 870
date = 2033-07-01

[standard]"""


@pytest.mark.parametrize(("at", "shared"), [(6000.0, True), (10_800.0, False)])
def test_lakes_that_two_dams_share_are_told(tmp_path: Path, at: float, shared: bool) -> None:  # noqa: FBT001
    file = small_study.write(tmp_path / "s")
    place = small_study.point(at, float(small_study.river_y(at)))
    text = file.read_text("utf-8").replace("\n[standard]", SECOND.format(*place))
    file.write_text(text, "utf-8")
    found = drowned.submerge(study.load(file))
    one, other = (lake.full.polygon for lake in found.reservoirs)
    both = one.intersection(other).area / 1e6
    said = [remark for remark in found.remarks if "share" in remark]
    assert (both > 0.01 * min(one.area, other.area) / 1e6) == shared
    assert len(said) == shared
    for remark in said:
        assert f"Narrows and Second share {both:.2f} km²" in remark
