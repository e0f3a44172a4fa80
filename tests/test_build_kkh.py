"""The schematic ground of the default study reproduces the published reservoirs."""

from __future__ import annotations

import csv
import importlib.util
import json
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from pyproj import Transformer
from scipy import ndimage
from shapely import LineString, Point, transform
from shapely.geometry import shape

import realign

FOLDER = Path(__file__).resolve().parent.parent / "data" / "kkh"
FILES = [
    "dem.tif",
    "highway.geojson",
    "highway_segments.geojson",
    "places.geojson",
    "rivers.geojson",
]
TO_GROUND = Transformer.from_crs(4326, 32643, always_xy=True)

BASHA = (73.7392, 35.5195)
DASU = (73.1933, 35.3173)

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Ground(NamedTuple):
    """What the build wrote, in projected metres."""

    folder: Path
    level: Array
    affine: rasterio.Affine
    indus: LineString
    highway: LineString

    def cell(self, point: Point) -> tuple[int, int]:
        """Return row and column of a point."""
        col = (point.x - self.affine.c) / self.affine.a
        row = (point.y - self.affine.f) / self.affine.e
        return int(row), int(col)

    def along(self, line: LineString, step: float) -> tuple[Array, NDArray[np.int64]]:
        """Return distances along a line [m] and the cells there."""
        at = np.arange(0.0, line.length, step)
        return at, np.array([self.cell(line.interpolate(a)) for a in at])


def load_build() -> Any:
    """Import build.py from its path."""
    spec = importlib.util.spec_from_file_location("build_kkh", FOLDER / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def features(path: Path) -> list[dict[str, Any]]:
    """Return the features of a GeoJSON file."""
    found = json.loads(path.read_text(encoding="utf-8"))["features"]
    assert isinstance(found, list)
    return found


def projected(feature: dict[str, Any]) -> Any:
    """Return the geometry of a feature in projected metres."""
    return transform(
        shape(feature["geometry"]), lambda lonlat: np.column_stack(TO_GROUND.transform(*lonlat.T))
    )


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """Build the ground once."""
    folder = tmp_path_factory.mktemp("kkh") / "inputs"
    load_build().main(["--out", str(folder)])
    with rasterio.open(folder / "dem.tif") as source:
        level, affine = source.read(1).astype(float), source.transform
    rivers = {item["properties"]["name"]: item for item in features(folder / "rivers.geojson")}
    highway = projected(features(folder / "highway.geojson")[0])
    return Ground(folder, level, affine, projected(rivers["Indus"]), highway)


def flood(ground: Ground, axis: tuple[float, float], crest: float, level: float) -> Mask:
    """Return the cells a lake covers behind a wall at a dam axis."""
    at = ground.indus.project(Point(TO_GROUND.transform(*axis)))
    middle, below = ground.indus.interpolate(at), ground.indus.interpolate(at + 300.0)
    above = ground.indus.interpolate(at - 300.0)
    flow = np.array([below.x - above.x, below.y - above.y])
    flow /= np.hypot(*flow)
    rows, cols = np.indices(ground.level.shape, dtype=float)
    x = ground.affine.c + ground.affine.a * (cols + 0.5) - middle.x
    y = ground.affine.f + ground.affine.e * (rows + 0.5) - middle.y
    wall = (np.abs(x * flow[0] + y * flow[1]) < 60.0) & (np.abs(y * flow[0] - x * flow[1]) < 2500.0)
    walled = np.where(wall, np.maximum(ground.level, crest), ground.level)
    labels, _ = ndimage.label(walled < level)
    start = labels[ground.cell(ground.indus.interpolate(at - 400.0))]
    assert start > 0
    return np.asarray(labels == start)


def area_km2(lake: Mask) -> float:
    """Return the area of a lake."""
    return float(lake.sum()) * 3600.0 / 1e6


def volume_km3(ground: Ground, lake: Mask, level: float) -> float:
    """Return the volume of a lake."""
    return float((level - ground.level[lake]).sum()) * 3600.0 / 1e9


def length_km(ground: Ground, line: LineString, lake: Mask) -> float:
    """Return the length of a line within a lake."""
    _, cells = ground.along(line, 20.0)
    return float(lake[cells[:, 0], cells[:, 1]].sum()) * 0.02


def test_tables_have_their_columns() -> None:
    columns = {
        "river.csv": ["lon", "lat", "bed_m"],
        "tributaries.csv": ["name", "mouth_lon", "mouth_lat", "head_lon", "head_lat", "head_m"],
        "summits.csv": ["name", "lon", "lat", "height_m"],
        "places.csv": ["name", "lon", "lat", "chainage_km", "name_ur", "source"],
    }
    for name, wanted in columns.items():
        with (FOLDER / name).open(newline="", encoding="utf-8") as file:
            assert csv.DictReader(file).fieldnames == wanted


@pytest.mark.slow
def test_files_are_complete_and_nothing_else_is_left(ground: Ground) -> None:
    assert sorted(path.name for path in ground.folder.iterdir()) == FILES
    assert [path.name for path in ground.folder.parent.iterdir()] == [ground.folder.name]


@pytest.mark.slow
def test_grid(ground: Ground) -> None:
    with rasterio.open(ground.folder / "dem.tif") as source:
        assert source.crs.to_epsg() == 32643
        assert source.nodata == -9999.0
        assert source.dtypes == ("float32",)
        assert source.res == (60.0, 60.0)
        assert source.profile["tiled"]
        assert source.compression.name == "deflate"
        left, bottom, right, top = source.bounds
    assert ground.level.min() > 300.0
    west, south, east, north = ground.highway.bounds
    assert min(west - left, south - bottom, right - east, top - north) > 8000.0


@pytest.mark.slow
def test_summits_have_their_heights(ground: Ground) -> None:
    with (FOLDER / "summits.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        at = ground.cell(Point(TO_GROUND.transform(float(row["lon"]), float(row["lat"]))))
        assert ground.level[at] == pytest.approx(float(row["height_m"]), abs=25.0)
    assert ground.level.max() < 1.01 * max(float(row["height_m"]) for row in rows)


@pytest.mark.slow
def test_basha_lake(ground: Ground) -> None:
    full, low = (flood(ground, BASHA, 1170.0, level) for level in (1160.0, 1060.0))
    gross = volume_km3(ground, full, 1160.0)
    assert area_km2(full) == pytest.approx(115.0, rel=0.05)
    assert gross == pytest.approx(10.0, rel=0.05)
    assert gross - volume_km3(ground, low, 1060.0) == pytest.approx(7.9, rel=0.05)
    assert length_km(ground, ground.indus, full) == pytest.approx(100.0, abs=10.0)
    assert length_km(ground, ground.highway, full) == pytest.approx(82.0, rel=0.05)


@pytest.mark.slow
def test_dasu_lake(ground: Ground) -> None:
    lake = flood(ground, DASU, 957.0, 950.0)
    assert area_km2(lake) == pytest.approx(24.0, rel=0.3)
    assert volume_km3(ground, lake, 950.0) == pytest.approx(1.41, rel=0.3)
    assert length_km(ground, ground.highway, lake) == pytest.approx(46.0, rel=0.15)


@pytest.mark.slow
def test_highway_is_one_smooth_line(ground: Ground) -> None:
    (feature,) = features(ground.folder / "highway.geojson")
    assert feature["geometry"]["type"] == "LineString"
    assert feature["properties"]["source"] == "schematic"
    assert ground.highway.is_simple
    assert ground.highway.length / 1000.0 == pytest.approx(282.0, rel=0.04)
    assert feature["properties"]["length_km"] == pytest.approx(
        ground.highway.length / 1000.0, abs=0.05
    )
    steps = np.hypot(*np.diff(np.array(ground.highway.coords), axis=0).T)
    assert steps.min() > 30.0
    assert steps.max() < 60.0
    _, cells = ground.along(ground.highway, 100.0)
    grade = np.abs(np.diff(ground.level[cells[:, 0], cells[:, 1]])) / 100.0
    assert np.mean(grade > 0.08) < 0.05


@pytest.mark.slow
def test_highway_changes_banks_once_at_dasu(ground: Ground) -> None:
    hits = ground.highway.intersection(ground.indus)
    assert isinstance(hits, Point)
    assert ground.highway.project(hits) / 1000.0 == pytest.approx(104.0, abs=8.0)


@pytest.mark.slow
def test_segments_cover_the_highway(ground: Ground) -> None:
    segments = features(ground.folder / "highway_segments.geojson")
    ends = [(item["properties"]["from_km"], item["properties"]["to_km"]) for item in segments]
    assert ends[0][0] == 0.0
    assert ends[-1][1] == pytest.approx(ground.highway.length / 1000.0, abs=0.05)
    assert all(one[1] == two[0] for one, two in pairwise(ends))
    assert {item["properties"]["brunnel"] for item in segments} == {"bridge", None}
    assert sum(projected(item).length for item in segments) == pytest.approx(
        ground.highway.length, rel=1e-3
    )


@pytest.mark.slow
def test_bed_falls_downstream(ground: Ground) -> None:
    _, cells = ground.along(ground.indus, 60.0)
    bed = ground.level[cells[:, 0], cells[:, 1]]
    assert np.all(np.diff(bed) <= 0.05)
    assert bed[0] > 1190.0
    assert bed[-1] < 500.0


@pytest.mark.slow
def test_rivers_run_downstream(ground: Ground) -> None:
    for item in features(ground.folder / "rivers.geojson"):
        line = projected(item)
        assert item["properties"]["class"] == "river"
        ends = [ground.level[ground.cell(line.interpolate(a))] for a in (30.0, line.length - 30.0)]
        assert ends[0] > ends[1]
        if item["properties"]["name"] != "Indus":
            assert ground.indus.distance(Point(line.coords[-1])) < 5.0


@pytest.mark.slow
def test_places_lie_on_the_way(ground: Ground) -> None:
    places = features(ground.folder / "places.geojson")
    at = [ground.highway.project(projected(item)) / 1000.0 for item in places]
    assert at == sorted(at)
    for place, chainage in zip(places, at, strict=True):
        assert ground.highway.distance(projected(place)) < 3000.0
        assert chainage == pytest.approx(place["properties"]["chainage_km"], abs=12.0)


@pytest.mark.slow
def test_second_run_gives_the_same(ground: Ground, tmp_path: Path) -> None:
    load_build().main(["--out", str(tmp_path / "again")])
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (ground.folder / name).read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_bills_of_the_default_study_stay_within_a_quarter_of_the_search(ground: Ground) -> None:
    study = realign.load(FOLDER / "study.toml", inputs=ground.folder)
    none = study.branches.model_copy(update={"most_branches": 0})
    changed = {"variants": study.variants[:1], "branches": none}
    plan = realign.run(study.model_copy(update=changed))
    assert len(plan.links) == 2
    for link in plan.links:
        assert 0.8 < link.searched.ratio < 1.25
        pieces = link.searched.pieces
        assert sum(piece.searched for piece in pieces) == pytest.approx(link.searched.construction)
        assert sum(piece.billed for piece in pieces) == pytest.approx(link.direct.base)


def test_failed_build_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = load_build()

    def fail(folder: Path, _say: object) -> None:
        (folder / "dem.tif").write_text("half")
        raise RuntimeError

    monkeypatch.setattr(module, "write_all", fail)
    with pytest.raises(RuntimeError):
        module.main(["--out", str(tmp_path / "inputs")])
    assert not list(tmp_path.iterdir())
