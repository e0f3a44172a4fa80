"""Wrong input of every kind: one clear message, an exit code, no traceback, nothing written."""

import errno
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import small_study
from small_study import CELL, COLS, ROWS, TOP, degrees, ring, road, write_dem, write_features
from typer.testing import CliRunner

from realign import cli

NORTH = float(TOP)
SOUTH = float(TOP - ROWS * CELL)
Told = Callable[..., list[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a small study that a test spoils; gives the study file."""
    return small_study.write(tmp_path / "study")


def told(file: Path, *, code: int = 2, command: str = "run", more: Sequence[str] = ()) -> list[str]:
    """Lines that a command gives before it ends with a code; nothing is written meanwhile."""
    out = file.parent.parent / "out"
    before = sorted(file.parent.parent.rglob("*"))
    words = [command, str(file), *more]
    if command == "run" and "--out" not in more:
        words += ["--out", str(out)]
    found = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert found.exit_code == code, found.output
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    assert sorted(file.parent.parent.rglob("*")) == before
    return [line for line in found.stderr.splitlines() if not line.startswith("first run: ")]


def one(file: Path, **how: object) -> str:
    """Return the one line that a command gives."""
    (line,) = told(file, **how)  # type: ignore[arg-type]
    return line


def change(file: Path, old: str, new: str) -> None:
    """Replace a text that stands in a file."""
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


def change_input(file: Path, name: str) -> Path:
    return file.parent / "inputs" / name


# ---------------------------------------------------------------- the study file


def test_a_study_that_is_missing(tmp_path: Path) -> None:
    line = one(tmp_path / "a" / "nothing.toml")
    assert "nothing.toml: cannot be read" in line
    assert "wanted a study file" in line


def test_a_study_that_is_a_folder(file: Path) -> None:
    assert "cannot be read" in one(file.parent)


def test_a_study_that_is_no_toml(file: Path) -> None:
    change(file, "[study]", "[study")
    line = one(file)
    assert line.startswith(f"{file}: is not valid TOML")
    assert "line 1" in line


def test_a_study_in_another_encoding(file: Path) -> None:
    change(file, "A small valley", "Ein Tälchen")
    file.write_bytes(file.read_text("utf-8").encode("latin-1"))
    line = one(file)
    assert line.startswith(f"{file}: cannot be read ('utf-8' codec")


@pytest.mark.parametrize("command", ["run", "check", "submerged", "costs"])
def test_every_command_tells_all_problems_of_the_study_at_once(file: Path, command: str) -> None:
    change(file, "full_level_m = 858", "full_level = 858")
    change(file, "date = 2031-07-01", 'date = "32 July"')
    change(file, "sigma_m = 2.0", "sigma_m = -1")
    lines = told(file, command=command)
    assert [line.removeprefix(f"{file}: ").split(",")[0] for line in lines] == [
        "elevation.sigma_m: Input should be greater than or equal to 0",
        "dams[Narrows].full_level_m: missing",
        "dams[Narrows].stages[partial].date: is no date",
        "dams[Narrows].full_level: unknown key",
    ]


def test_a_minimum_above_the_full_level(file: Path) -> None:
    change(file, "minimum_level_m = 835", "minimum_level_m = 900")
    line = one(file)
    assert "dams[Narrows]" in line
    assert "minimum_level_m 900 has to be below full_level_m 858" in line


# ---------------------------------------------------------------- what is missing


def test_all_missing_inputs_are_told_at_once(file: Path) -> None:
    shutil.rmtree(file.parent / "inputs")
    (file.parent / "rates.csv").unlink()
    lines = told(file, command="check")
    names = ("rates.csv", "dem.tif", "highway.geojson", "rivers.geojson")
    assert len(lines) == len(names)
    assert all(name in line for name, line in zip(names, lines, strict=True))


@pytest.mark.parametrize("name", ["dem.tif", "highway.geojson", "rivers.geojson"])
@pytest.mark.parametrize("command", ["run", "submerged"])
def test_a_missing_input(file: Path, name: str, command: str) -> None:
    change_input(file, name).unlink()
    line = one(file, command=command)
    assert f"{change_input(file, name)}: no such file" in line


def test_inputs_that_are_in_another_folder(file: Path, tmp_path: Path) -> None:
    lines = told(file, more=["--inputs", str(tmp_path / "elsewhere")])
    assert len(lines) == 3
    assert all("elsewhere" in line and "no such file" in line for line in lines)


# ---------------------------------------------------------------- prices


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("bridge,m,15000", "bridge,m,-15000", "-15000"),
        ("rock_excavation,m3", "rock,m3", "rock"),
        ("fill,m3,3.5", "fill,m3,much", "found 'much'"),
        ("2025-09-25", "25.9.2025", "25.9.2025"),
    ],
)
def test_wrong_rates(file: Path, old: str, new: str, wanted: str) -> None:
    change(file.parent / "rates.csv", old, new)
    lines = told(file, command="check")
    assert any(wanted in line for line in lines)
    assert all("rates.csv" in line for line in lines)


def test_rates_in_another_currency_than_the_money(file: Path) -> None:
    change(file, "[money]\n", '[money]\ncurrency = "PKR"\n')
    assert "rates.csv: found prices in USD, wanted PKR" in one(file)


# ---------------------------------------------------------------- ground


def test_a_dem_without_reference_system(file: Path) -> None:
    dem = change_input(file, "dem.tif")
    write_dem(dem, epsg=None)
    assert str(dem) in one(file)
    assert "reference system" in one(file)


def test_a_dem_that_is_cut_off(file: Path) -> None:
    dem = change_input(file, "dem.tif")
    whole = dem.read_bytes()
    dem.write_bytes(whole[: len(whole) // 2])
    assert str(dem) in one(file)


def test_a_dem_that_is_no_raster(file: Path) -> None:
    dem = change_input(file, "dem.tif")
    dem.write_text("levels", "utf-8")
    assert str(dem) in one(file)


def test_a_dem_without_any_level(file: Path) -> None:
    dem = change_input(file, "dem.tif")
    write_dem(dem, np.full((ROWS, COLS), np.nan, np.float32))
    assert str(dem) in one(file)


def test_a_dem_that_does_not_cover_the_highway(file: Path) -> None:
    write_dem(change_input(file, "dem.tif"), small_study.ground()[:, :150])
    line = one(file)
    assert "highway.geojson" in line
    assert "8+" in line  # the chainage at which the road leaves 9 km of ground


def test_a_hole_in_the_dem_under_the_highway(file: Path) -> None:
    z = small_study.ground()
    z[:, 100:103] = np.nan
    write_dem(change_input(file, "dem.tif"), z)
    assert "highway.geojson" in one(file)


# ---------------------------------------------------------------- highway


def test_a_highway_in_pieces(file: Path) -> None:
    xy = road()
    write_features(
        change_input(file, "highway.geojson"),
        ("LineString", degrees(xy[:100])),
        ("LineString", degrees(xy[110:])),
    )
    line = one(file)
    assert "highway.geojson" in line
    assert "pieces" in line or "gap" in line


def test_a_highway_of_points(file: Path) -> None:
    write_features(change_input(file, "highway.geojson"), ("Point", degrees(road())[0]))
    assert "highway.geojson" in one(file)


def test_a_highway_file_without_features(file: Path) -> None:
    write_features(change_input(file, "highway.geojson"))
    assert "highway.geojson" in one(file)


def test_a_highway_file_that_is_cut_off(file: Path) -> None:
    path = change_input(file, "highway.geojson")
    path.write_text(path.read_text("utf-8")[:500], "utf-8")
    assert "highway.geojson" in one(file)


# ---------------------------------------------------------------- rivers, forbidden ground, places


@pytest.mark.parametrize("text", ["nothing", '{"type": "FeatureCollection", "features": []}'])
def test_rivers_that_are_none(file: Path, text: str) -> None:
    change_input(file, "rivers.geojson").write_text(text, "utf-8")
    line = one(file)
    assert "rivers.geojson" in line
    assert "wanted" in line or "lines of rivers" in line


def test_rivers_that_are_points(file: Path) -> None:
    write_features(change_input(file, "rivers.geojson"), ("Point", degrees(road())[0]))
    assert "rivers.geojson: found Point; wanted lines of rivers" in one(file)


def test_a_river_of_another_name(file: Path) -> None:
    change(file, 'river = "Clear"', 'river = "Muddy"')
    line = one(file)
    assert "rivers.geojson: found the rivers Clear River; wanted one named 'Muddy'" in line
    assert "corridor.river" in line


BOW = [(5000.0, SOUTH + 900), (5600.0, SOUTH + 1500), (5600.0, SOUTH + 900), (5000.0, SOUTH + 1500)]


def test_forbidden_ground_that_crosses_itself(file: Path) -> None:
    change(file, "[rivers]\n", '[rivers]\nno_go = "no_go.geojson"\n')
    write_features(change_input(file, "no_go.geojson"), ("Polygon", ring(BOW)))
    line = one(file)
    assert "no_go.geojson" in line
    assert "Self-intersection" in line


def test_forbidden_ground_that_is_missing_or_empty(file: Path) -> None:
    change(file, "[rivers]\n", '[rivers]\nno_go = "no_go.geojson"\n')
    assert "no_go.geojson: no such file" in one(file)
    write_features(change_input(file, "no_go.geojson"), ("Polygon", []))
    assert "no_go.geojson: a polygon is empty" in one(file)


def test_places_far_from_the_highway(file: Path) -> None:
    places = file.parent / "places.csv"
    lon, lat = small_study.point(9500.0, NORTH + 20_000.0)
    lines = places.read_text("utf-8").splitlines()
    lines[3] = f"Upper,{lon},{lat},"
    places.write_text("\n".join(lines), "utf-8")
    line = one(file)
    assert "places.csv: Upper lies" in line
    assert "wanted at most 5 km" in line


# ---------------------------------------------------------------- dams


def move_dam(file: Path, x: float, y: float) -> None:
    """Put the axis of the dam somewhere else."""
    lon, lat = small_study.point(x, y)
    out = []
    for line in file.read_text("utf-8").splitlines():
        word = line.split(" ")[0]
        out.append(f"{word} = {lon if word == 'lon' else lat}" if word in {"lon", "lat"} else line)
    file.write_text("\n".join(out), "utf-8")


def test_a_dam_off_the_river(file: Path) -> None:
    move_dam(file, 3000.0, NORTH - 100.0)
    change(file, "full_level_m", "snap_m = 500\nfull_level_m")
    line = one(file)
    assert "dam 'Narrows'" in line
    assert "wanted one within 500 m" in line


def test_a_dam_off_the_ground(file: Path) -> None:
    move_dam(file, -50_000.0, NORTH)
    line = one(file)
    assert "dam 'Narrows'" in line
    assert "wanted it on the terrain" in line


def test_a_full_level_below_the_bed(file: Path) -> None:
    for old, new in (("858", "700"), ("835", "690"), ("842", "695"), ("858", "700")):
        change(file, old, new)
    line = one(file)
    assert "dam 'Narrows'" in line
    assert "700" in line


def test_a_wall_that_never_closes_the_valley(file: Path) -> None:
    change(file, "crest_level_m = 865", "crest_level_m = 4000")
    assert "dam 'Narrows'" in one(file)


@pytest.mark.parametrize(
    ("corners", "wanted"), [(BOW, "Self-intersection"), ([], "empty")], ids=["crossing", "empty"]
)
def test_a_given_lake_that_is_no_polygon(
    file: Path, corners: list[tuple[float, float]], wanted: str
) -> None:
    change(file, "full_level_m", 'extent = "lake.geojson"\nfull_level_m')
    assert "lake.geojson: no such file" in one(file)
    shape = ring(corners) if corners else []
    write_features(change_input(file, "lake.geojson"), ("Polygon", shape))
    text = "\n".join(told(file))
    assert "lake.geojson" in text
    assert wanted in text


def test_a_folder_in_place_of_a_file_says_what_would_do(file: Path) -> None:
    change(file, "full_level_m", 'extent = "lake.gdb"\nfull_level_m')
    change_input(file, "lake.gdb").mkdir()
    assert "lake.gdb: found a folder; wanted one file, such as a GeoPackage" in one(file)


# ---------------------------------------------------------------- no road


def test_forbidden_ground_across_the_valley_leaves_no_road(file: Path) -> None:
    change(file, "[rivers]\n", '[rivers]\nno_go = "no_go.geojson"\n')
    wall = [(5000.0, SOUTH), (5600.0, SOUTH), (5600.0, NORTH), (5000.0, NORTH)]
    write_features(change_input(file, "no_go.geojson"), ("Polygon", ring(wall)))
    lines = told(file, code=3)
    assert len(lines) == 3  # one a variant
    assert all("Narrows: no road of variant" in line for line in lines)
    assert all("wanted" in line for line in lines)


# ---------------------------------------------------------------- where the results go


def test_a_folder_of_other_files_is_refused_before_anything_runs(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli.planning, "run", lambda *_, **__: pytest.fail("the study was run"))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("years of work", "utf-8")
    line = one(file, more=["--out", str(mine)])
    assert str(mine) in line
    assert "thesis.txt" in line
    assert (mine / "thesis.txt").read_text("utf-8") == "years of work"


def test_results_cannot_go_where_a_file_is(file: Path) -> None:
    assert "found a file, wanted a folder" in one(file, more=["--out", str(file)])


def test_results_cannot_go_below_a_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.planning, "run", lambda *_, **__: small_study.planned())
    line = one(file, more=["--out", str(file / "results")])
    assert "cannot be written" in line


def test_results_cannot_go_into_a_folder_that_is_write_protected(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(**_: object) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    plan = small_study.planned()
    monkeypatch.setattr(cli.planning, "run", lambda *_, **__: plan)
    monkeypatch.setattr(tempfile, "mkdtemp", refused)  # root may write everywhere
    line = one(file, more=["--out", str(tmp_path / "results")])
    assert "results: the results cannot be written there" in line
    assert "Permission denied" in line
