"""Laws of the region: side roads, junctions, what is read where it stands, closures recorded."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import small_study
from small_study import LEFT, degrees, planned, point, river_y

import realign
from realign import drowned, region, yearround
from realign.drowned import Drowned
from realign.errors import InputError
from realign.region import Region
from realign.yearround import Built


def road_line(a: float, b: float, off: float, *, bulge: float = 0.0) -> list[tuple[float, float]]:
    """Give a line beside the highway from one easting to another, in degrees."""
    share = np.linspace(0, 1, 40)
    x = a + (b - a) * share
    y = np.array([float(river_y(v)) for v in x]) + small_study.ASIDE + off
    y = y + bulge * np.sin(np.pi * share)
    return degrees(np.column_stack((x + LEFT, y)))


def study_with(tmp_path: Path, *lines: tuple[str, list[tuple[float, float]], str]) -> Drowned:
    """Write the small study with other roads: class, line, one-way."""
    file = small_study.write(tmp_path)
    features = [
        {
            "type": "Feature",
            "properties": {"class": kind, "oneway": way, "name": f"road {i}"},
            "geometry": {"type": "LineString", "coordinates": line},
        }
        for i, (kind, line, way) in enumerate(lines)
    ]
    whole = {"type": "FeatureCollection", "features": features}
    (tmp_path / "inputs" / "roads.geojson").write_text(json.dumps(whole), "utf-8")
    return drowned.submerge(realign.load(file))


def found(given: Drowned) -> Region:
    return region.survey(given, drowned.check(given.study), lambda _: None)


def highway_piece(a: float, b: float) -> tuple[str, list[tuple[float, float]], str]:
    xy = small_study.road()
    own = xy[(xy[:, 0] >= LEFT + a) & (xy[:, 0] <= LEFT + b)]
    return "trunk", degrees(own), "no"


def test_without_other_roads_and_layers_the_region_stands_alone() -> None:
    area = planned().region
    assert area.roads is None
    assert area.beside == ()
    assert area.receiver is None
    assert set(area.scene.missing) == {"landslides", "faults", "lakes"}


def test_a_road_that_leaves_the_highway_and_comes_back_is_a_detour(tmp_path: Path) -> None:
    given = study_with(
        tmp_path,
        highway_piece(0, 13_000),
        ("secondary", road_line(10_300, 12_100, 0.0, bulge=500.0), "no"),
    )
    area = found(given)
    assert area.roads is not None
    (side,) = area.beside
    assert side.start != side.end
    assert side.closes is None
    assert side.service.truck[0] > side.service.car[0]
    assert [kind for kind, _ in area.cuts].count("junction") >= 2
    plan = planned()
    option = next(each for each in plan.options if each.name == plan.best)
    built = Built(
        option.links, option.upgraded, {link.name: date(2029, 1, 1) for link in option.links}
    )
    year = yearround.yearround(given, area, built, plan.choice.judged)
    # a stretch of the highway that it passes round is no longer the only way
    passed = [each for each in yearround.critical(given, year) if side.name in each.detour]
    (stretch,) = (each for each in passed if each.name != side.name)
    assert stretch.name.endswith(f"{side.start} to {side.end}")
    assert stretch.detour_months == tuple(range(1, 13))
    assert 0 < stretch.extra_time < np.inf
    worst = max(each.extra_closed_days for each in yearround.critical(given, year))
    assert stretch.extra_closed_days < 0.1 * worst
    without = plan.years[plan.best].highway.closed_days_a_year
    assert year.highway.closed_days_a_year < without


def test_dead_ends_one_way_roads_and_the_highway_itself_are_no_detours(tmp_path: Path) -> None:
    given = study_with(
        tmp_path,
        highway_piece(0, 13_000),
        ("secondary", road_line(10_300, 12_100, 0.0, bulge=500.0), "yes"),
        ("track", road_line(1_000, 2_000, 0.0, bulge=0.0)[:3], "no"),
    )
    area = found(given)
    assert area.beside == ()
    assert area.roads is not None
    assert area.roads.oneway.any()


def test_a_side_road_under_the_lake_closes_when_the_water_comes(tmp_path: Path) -> None:
    given = study_with(
        tmp_path,
        highway_piece(0, 13_000),
        ("secondary", road_line(4_200, 5_600, 0.0, bulge=-60.0), "no"),
    )
    area = found(given)
    stages = [stage.date for lake in given.reservoirs for stage in lake.dam.stages]
    for side in area.beside:
        assert side.closes in stages
    assert all(isinstance(each.closes, date) for each in area.beside)


def test_mapped_landslides_are_read_where_they_stand(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    points = [
        {
            "type": "Feature",
            "properties": {},
            "geometry": {"type": "Point", "coordinates": list(at)},
        }
        for at in (point(2_000.0, float(river_y(2_000.0)) + small_study.ASIDE), point(20.0, 20.0))
    ]
    whole = {"type": "FeatureCollection", "features": points}
    (tmp_path / "inputs" / "landslides.geojson").write_text(json.dumps(whole), "utf-8")
    given = drowned.submerge(realign.load(file))
    assert "inputs/landslides.geojson" in given.hashes
    area = found(given)
    assert area.landslides == 2
    assert area.receiver is not None
    assert area.receiver.points == 1
    assert 0 <= area.receiver.low <= area.receiver.area <= area.receiver.high <= 1


def test_a_layer_of_other_shapes_is_refused(tmp_path: Path) -> None:
    file = small_study.write(tmp_path)
    (tmp_path / "inputs" / "faults.geojson").write_text('{"type": "FeatureCollection"', "utf-8")
    given = drowned.submerge(realign.load(file))
    with pytest.raises(InputError, match=r"faults\.geojson"):
        found(given)


def test_what_an_upgrade_takes_is_asked_of_the_region() -> None:
    area = planned().region
    whole = planned().highway.length / 1000
    from realign.chainage import Section

    totals = area.totals(Section(0.0, planned().highway.length))
    assert 0 < totals["upgrade_existing"] <= whole
