from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles import freeboard_lacks
from pyproj import CRS

from realign.chainage import Section, total
from realign.highway import Existing, Highway, on_ground
from realign.highway import read as read_highway
from realign.reservoir import Dam, Reservoir, fill
from realign.submergence import Clearance, Submergence, risk, submerge
from realign.terrain import read as read_terrain

FULL = 1000.0
Levels = Callable[[NDArray[np.float64]], Any]


@dataclass(frozen=True)
class Lake:
    """Stands in for a Reservoir: water comes to chainage x at the level `comes(x)` [m]."""

    dam: Dam
    comes: Levels

    def reaches(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        assert x.shape == y.shape
        return np.asarray(self.comes(x) + 0 * x)


def dam(name: str = "Basha", full: float = FULL, stages: Any = None) -> Dam:
    if stages is None:
        stages = [("part", full - 50, date(2030, 7, 1)), ("full", full, date(2032, 7, 1))]
    return Dam.model_validate(
        {
            "name": name,
            "lon": 73.7,
            "lat": 35.5,
            "full_level_m": full,
            "minimum_level_m": full - 100,
            "crest_level_m": full + 10,
            "stages": [{"name": n, "level_m": level, "date": day} for n, level, day in stages],
        }
    )


def lake(dam_: Dam | None = None, comes: Levels = lambda x: 900 + 0 * x) -> Reservoir:
    return cast("Reservoir", Lake(dam() if dam_ is None else dam_, comes))


def road(level: Levels, length: float = 5000.0, step: float = 20.0) -> Highway:
    """Give a straight road to the east whose chainage is x."""
    station = np.linspace(0, length, round(length / step) + 1)
    heights = np.asarray(level(station) + 0 * station, dtype=np.float64)
    ends = np.array([[0.0, 0.0], [length, 0.0]])
    return Highway("N-35", ends, ends[:, 0], CRS(32643), station, heights - 3, heights)


def lost(way: Highway, *lakes: Reservoir, sigma: float = 3.0, **clear: float) -> Submergence:
    return submerge(way, lakes, sigma=sigma, clearance=Clearance(**clear))


levels = st.floats(FULL + 4, FULL + 16)  # about the limit, which is 10 m above the full level
sigmas = st.floats(0.1, 8)


# ---- risk


@given(levels, st.floats(0.01, 5), sigmas)
def test_risk_rises_with_level_and_freeboard(here: float, more: float, sigma: float) -> None:
    way = np.array([here])
    low = risk(way, level=FULL, freeboard=10, sigma=sigma)[0]
    higher_water = risk(way, level=FULL + more, freeboard=10, sigma=sigma)[0]
    assert low <= higher_water
    assert risk(way, level=FULL, freeboard=10 + more, sigma=sigma)[0] == pytest.approx(higher_water)
    if abs(here - FULL - 10) < 4 * sigma:
        assert low < higher_water


@given(st.floats(0, 20), st.floats(0, 8))
def test_risk_is_one_half_at_the_limit(freeboard: float, sigma: float) -> None:
    at_limit = np.array([FULL + freeboard])
    assert risk(at_limit, level=FULL, freeboard=freeboard, sigma=sigma)[0] == 0.5


@given(levels)
def test_risk_becomes_a_step_without_error(here: float) -> None:
    sure = risk(np.array([here]), level=FULL, freeboard=10, sigma=0)[0]
    assert sure == (here < FULL + 10) + 0.5 * (here == FULL + 10)
    if abs(here - FULL - 10) > 1e-3:
        nearly = risk(np.array([here]), level=FULL, freeboard=10, sigma=1e-5)[0]
        assert nearly == pytest.approx(sure)


def test_risk_is_the_normal_distribution() -> None:
    one_two_three = np.array([1.0, 2.0, 3.0])
    chances = risk(-one_two_three, level=0, freeboard=0, sigma=1)
    assert chances == pytest.approx([0.841345, 0.977250, 0.998650], abs=1e-6)
    assert risk(one_two_three, level=0, freeboard=0, sigma=1) == pytest.approx(1 - chances)


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_an_unknown_road_has_an_unknown_risk(sigma: float) -> None:
    assert np.isnan(risk(np.array([np.nan]), level=1, freeboard=1, sigma=sigma)).all()


# ---- stations


@given(
    st.lists(st.floats(900, 1040), min_size=3, max_size=30),
    st.lists(st.floats(900, 1040) | st.just(np.inf), min_size=30, max_size=30),
    sigmas,
)
def test_every_station_is_taken_as_the_definition_says(
    heights: list[float], comes: list[float], sigma: float
) -> None:
    way = road(lambda _: np.array(heights), length=20.0 * (len(heights) - 1))
    water = lake(comes=lambda _: np.array(comes[: len(heights)]))
    found = lost(way, water, sigma=sigma)
    for i, (height, reach) in enumerate(zip(heights, comes, strict=False)):
        stages = [freeboard_lacks(height, reach, each.level_m, 10) for each in dam().stages]
        assert found.first[i] == (stages.index(True) if any(stages) else -1)
        if any(stages):
            assert found.risk[i] > 0.5
            assert (found.full[i], found.dam[i]) == (FULL, 0)
        if reach > FULL + 10 + 3 * sigma:
            assert (found.risk[i], found.dam[i]) == (0, -1)
            assert np.isnan(found.full[i])


@given(st.floats(0, 30), st.floats(0.1, 30))
def test_more_freeboard_never_takes_less(freeboard: float, more: float) -> None:
    way = road(lambda s: 990 + s / 100)
    less, all_ = (lost(way, lake(), freeboard_m=f) for f in (freeboard, freeboard + more))
    assert set(np.flatnonzero(less.first >= 0)) <= set(np.flatnonzero(all_.first >= 0))
    assert (less.risk <= all_.risk).all()
    assert less.flooded == all_.flooded


def test_a_hollow_behind_a_sill_stays_dry() -> None:
    behind = lake(comes=lambda x: np.where((x > 2000) & (x < 3000), 1035.0, 900.0))
    found = lost(road(lambda s: 950 + 0 * s), behind)
    dry = (found.station > 2000) & (found.station < 3000)
    assert (found.first[dry] == -1).all()
    assert (found.risk[dry] == 0).all()
    assert (found.first[~dry] == 0).all()


def test_far_water_counts_only_as_far_as_it_may_come() -> None:
    def risks(comes: float) -> float:
        return float(lost(road(lambda _: 1005), lake(comes=lambda _: comes), sigma=4).risk[0])

    assert risks(1021.9) == risks(900) > 0.5
    assert risks(1022.1) == 0


def test_a_bridge_deck_is_not_its_valley_floor() -> None:
    deck = road(lambda _: FULL + 30)
    floor = road(lambda s: FULL + 30 - 60 * (abs(s - 2500) < 200))
    assert lost(deck, lake()).sections == ()
    assert len(lost(floor, lake()).sections) == 1


def test_the_stages_take_low_ground_first() -> None:
    found = lost(road(lambda s: 940 + s / 50), lake())
    assert (found.first[found.level < 960] == 0).all()
    assert (found.first[(found.level >= 960) & (found.level < 1010)] == 1).all()
    assert (found.first[found.level >= 1010] == -1).all()


def test_a_lake_whose_last_stage_is_not_full_fills_with_it() -> None:
    early = dam(stages=[("part", 950, date(2030, 7, 1))])
    only = lost(road(lambda _: 1005), lake(early)).sections[0]
    assert (only.first_stage, only.first_date) == ("part", date(2030, 7, 1))


def test_without_reservoirs_nothing_is_taken() -> None:
    found = lost(road(lambda _: 0))
    assert found.sections == found.flooded == ()
    assert (found.dam == -1).all()
    assert (found.risk == 0).all()


# ---- several dams


def test_the_earlier_dam_takes_and_the_higher_one_governs() -> None:
    low = dam("Dasu", 950, [("I", 950, date(2026, 1, 1))])
    found = lost(road(lambda _: 940), lake(), lake(low))
    assert (found.dam == 1).all()
    assert (found.first == 0).all()
    assert (found.full == FULL).all()
    only = found.sections[0]
    assert (only.dam, only.first_date) == ("Dasu", date(2026, 1, 1))
    assert (only.lowest_freeboard, only.deepest_water) == (-60, 60)


def test_each_dam_has_its_own_sections() -> None:
    low = dam("Dasu", 950, [("I", 950, date(2026, 1, 1))])
    found = lost(
        road(lambda _: 940),
        lake(low, lambda x: np.where(x < 2010, 900, np.inf)),
        lake(comes=lambda x: np.where(x > 2210, 900, np.inf)),
        merge_gap_m=500,
    )
    assert [each.dam for each in found.sections] == ["Dasu", "Basha"]
    assert [each.section for each in found.sections] == [Section(0, 2010), Section(2210, 5000)]


def test_where_no_dam_takes_the_highest_near_one_is_named() -> None:
    low = dam("Dasu", 999, [("I", 999, date(2026, 1, 1))])
    found = lost(road(lambda _: 1011), lake(low), lake(), sigma=2)
    assert (found.first == -1).all()
    assert (found.dam == 1).all()
    assert (found.full == FULL).all()
    assert found.risk == pytest.approx(0.308538, abs=1e-6)


# ---- sections


def dips(*spans: tuple[float, float], depth: float = 5.0) -> Highway:
    """Give a road that lies `depth` below the limit in the spans and well above elsewhere."""

    def level(s: NDArray[np.float64]) -> NDArray[np.float64]:
        low = np.any([(s > a) & (s < b) for a, b in spans], axis=0)
        return np.where(low, FULL + 10 - depth, FULL + 60)

    return road(level)


def test_a_section_reaches_half_way_to_the_next_station() -> None:
    found = lost(dips((990, 2010)), lake())
    assert [each.section for each in found.sections] == [Section(990, 2010)]


def test_gaps_up_to_the_given_one_are_closed() -> None:
    way = dips((990, 2010), (2490, 3010))
    gap = 480.0
    assert len(lost(way, lake(), merge_gap_m=gap).sections) == 1
    assert len(lost(way, lake(), merge_gap_m=gap - 1).sections) == 2


def test_short_sections_are_left_out_after_joining() -> None:
    way = dips((1010, 1090), (1210, 1290), (3010, 3090))
    found = lost(way, lake(), merge_gap_m=200, shortest_m=100)
    assert [each.section for each in found.sections] == [Section(1010, 1290)]
    assert (found.first >= 0).sum() == 12  # the stations keep what the sections leave out


def test_depth_and_freeboard_of_a_section() -> None:
    dry = lost(dips((990, 2010), depth=4), lake()).sections[0]
    assert (dry.lowest_freeboard, dry.deepest_water, dry.flooded_length) == (6, 0, 0)
    wet = lost(dips((990, 2010), (2190, 2410), depth=25), lake()).sections[0]
    assert (wet.lowest_freeboard, wet.deepest_water) == (-15, 15)
    assert wet.flooded_length == 1020 + 220
    assert wet.section == Section(990, 2410)


def test_what_is_flooded_is_not_joined() -> None:
    found = lost(dips((990, 2010), (2190, 2210), depth=25), lake())
    assert found.flooded == (Section(990, 2010), Section(2190, 2210))


@given(st.floats(0.5, 8), st.integers(5, 60))
def test_expected_length_is_the_integral_of_the_risk(sigma: float, slope: int) -> None:
    way = road(lambda s: 1000 + s / slope)
    found = lost(way, lake(), sigma=sigma, shortest_m=0)
    only = found.sections[0]
    inside = found.station < only.section.end
    expected = np.trapezoid(found.risk[inside], found.station[inside])
    assert only.expected_length == pytest.approx(expected, abs=20)
    assert 0 < only.expected_length <= only.section.length
    assert only.probability == found.risk.max()


@given(st.lists(st.floats(990, 1030), min_size=2, max_size=60), st.floats(0, 200))
def test_sections_are_sorted_and_disjoint_and_hold_all_that_is_taken(
    heights: list[float], gap: float
) -> None:
    way = road(lambda _: np.array(heights), length=20.0 * (len(heights) - 1))
    found = lost(way, lake(), merge_gap_m=gap, shortest_m=0)
    sections = [each.section for each in found.sections]
    assert sections == sorted(sections)
    assert total(sections) == pytest.approx(sum(each.length for each in sections))
    taken = [any(each.contains(s) for each in sections) for s in found.station]
    assert all(inside for inside, first in zip(taken, found.first, strict=True) if first >= 0)
    assert total(found.flooded) <= total(sections) + 1e-6


# ---- the real case


@pytest.mark.real
@pytest.mark.slow
def test_the_basha_lake_takes_what_was_announced(real_inputs: Path) -> None:
    import geopandas as gpd

    utm = CRS.from_epsg(32643)
    ground = read_terrain(real_inputs / "dem.tif", crs=utm, datum="EGM2008", sigma=6)
    line = read_highway(
        real_inputs / "highway.geojson",
        crs=utm,
        segments=real_inputs / "highway_segments.geojson",
    )
    names = {"name": "N-35", "start_name": "Thakot", "end_name": "Raikot"}
    kkh = on_ground(line, ground, Existing(**names))
    rivers = gpd.read_file(real_inputs / "rivers.geojson").to_crs(utm)
    basha = Dam.model_validate(
        {
            "name": "Diamer-Basha",
            "lon": 73.7392,
            "lat": 35.5195,
            "full_level_m": 1160,
            "minimum_level_m": 1060,
            "crest_level_m": 1170,
            "stages": [
                {"name": "partial", "level_m": 1060, "date": date(2030, 7, 1)},
                {"name": "full", "level_m": 1160, "date": date(2032, 7, 1)},
            ],
        }
    )
    found = lost(kkh, fill(ground, basha, rivers), sigma=6)
    assert 74_000 <= total(found.flooded) <= 100_000  # 82 km were announced
    assert found.sections[0].first_stage == "partial"
