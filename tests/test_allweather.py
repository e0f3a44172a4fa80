"""Laws of a road that is open all year: by month, by day, road by road, rupee by rupee."""

import itertools
import time
from dataclasses import replace
from datetime import date, timedelta
from random import Random

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from realign import reliability
from realign.allweather import (
    Approach,
    Measure,
    Service,
    Traffic,
    annuity,
    availability,
    buys,
    can_pass,
    criticality,
    first_cut,
    joined,
    raised,
    standing,
    two_terminal,
)
from realign.allweather.year import legs_of
from realign.chainage import Section
from realign.errors import GeometryError
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS as DAYS

DAY = timedelta(days=1)
ALL = tuple(range(1, 13))
TRAFFIC = Traffic(vehicles_per_day=2000, hour_usd=20)
FLOOD = date(2032, 7, 1)

# the wider corridor of the Karakoram Highway as reported; lengths between Raikot and Sost rounded
CORRIDOR = [
    ("Havelian-Mansehra", "Havelian", "Mansehra", 39, 1200, ALL, {}),
    ("Mansehra-Thakot", "Mansehra", "Thakot", 79, 1500, ALL, {}),
    ("Raikot-Gilgit", "Raikot", "Gilgit", 79, 1500, ALL, {}),
    ("Gilgit-Sost", "Gilgit", "Sost", 170, 2800, ALL, {}),
    (
        "Sost-Khunjerab",
        "Sost",
        "Khunjerab",
        86,
        4693,
        (4, 5, 6, 7, 8, 9, 10, 11),
        {"months_open_after": ALL, "after": date(2024, 12, 1)},
    ),
    (
        "N-15 over Babusar",
        "Mansehra",
        "Chilas",
        240,
        4173,
        (7, 8, 9, 10),
        {"carries_trucks": False},
    ),
]


def approach(name: str = "A-B", start: str = "A", end: str = "B", **changes: object) -> Approach:
    values: dict[str, object] = {
        "name": name,
        "start": start,
        "end": end,
        "length_km": 40,
        "highest_m": 900,
        "months_open": ALL,
        "car_kmh": 40,
        "truck_kmh": 25,
    }
    return Approach.model_validate(values | changes)


def corridor() -> list[Approach]:
    return [
        approach(name, start, end, length_km=km, highest_m=top, months_open=months, **more)
        for name, start, end, km, top, months, more in CORRIDOR
    ]


def highway(*, opens: date | None = FLOOD, closes: date | None = FLOOD) -> nx.MultiDiGraph:
    """Thakot to Raikot with Chilas between; the lake takes the second half, a link replaces it."""
    graph = nx.MultiDiGraph()
    for name, km in (("Thakot", 0.0), ("Chilas", 228.0), ("Raikot", 282.0)):
        graph.add_node(name, kind="place", name=name, x=0.0, y=0.0, chainage=km * 1000)
    for kind, name, start, end, km, days in (
        ("existing", "KKH west", "Thakot", "Chilas", 228, (None, None)),
        ("existing", "KKH east", "Chilas", "Raikot", 54, (None, closes)),
        ("link", "new road", "Chilas", "Raikot", 60, (opens, None)),
    ):
        edge = {
            "kind": kind,
            "name": name,
            "length_m": km * 1000.0,
            "time_s": km / 40 * 3600,
            "opens": days[0],
            "closes": days[1],
            "section": Section(0.0, 1.0),
        }
        graph.add_edge(start, end, name, **edge)
        graph.add_edge(end, start, name, **edge)
    return graph


def whole(
    *, opens: date | None = FLOOD, closes: date | None = FLOOD, share: float = 0.97
) -> nx.MultiDiGraph:
    return joined(
        highway(opens=opens, closes=closes), corridor(), services=services(np.full(12, share))
    )


def services(share: NDArray[np.float64]) -> dict[str, Service]:
    """All roads at 40 km/h, the new one a little slower against the chainage."""
    seconds = {"KKH west": (20520.0,) * 2, "KKH east": (4860.0,) * 2, "new road": (5300.0, 5500.0)}
    return {n: Service(open_share=share, car=(a, b), truck=(a, b)) for n, (a, b) in seconds.items()}


def graph_of(roads: list[tuple[str, str, str, float, NDArray[np.float64]]]) -> nx.MultiGraph:
    graph = nx.MultiGraph()
    graph.add_nodes_from("abcd")
    for name, start, end, seconds, share in roads:
        graph.add_edge(start, end, name, name=name, time_s=seconds, open=share)
    return graph


place = st.sampled_from("abcd")
share = st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1, allow_subnormal=False))
months = st.lists(share, min_size=4, max_size=4).map(lambda few: np.array(few * 3))
hours = st.integers(1, 5).map(lambda h: h * 3600.0)  # no detour takes as long as a closed day
roads = st.lists(st.tuples(place, place, hours, months), min_size=1, max_size=6).map(
    lambda rows: [(f"r{i}", *row) for i, row in enumerate(rows)]
)


# by day


def test_khunjerab_is_open_eight_months_before_and_twelve_after() -> None:
    graph = whole()
    before = availability(standing(graph, date(2024, 11, 30)), "Sost", "Khunjerab")
    after = availability(standing(graph, date(2024, 12, 1)), "Sost", "Khunjerab")
    assert (before.months_open, after.months_open) == (8, 12)
    assert before.open_share.tolist() == [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0]
    assert (before.closed_days_a_year, after.closed_days_a_year) == (31 + 28 + 31 + 31, 0)
    assert before.longest_below(0.5) == 4  # December to March, over the turn of the year
    assert (before.longest_below(0.0), before.longest_below(1.1)) == (0, 12)


def test_whether_a_truck_gets_to_khunjerab_in_january_has_an_answer_in_words() -> None:
    graph = whole()
    no = can_pass(graph, "Thakot", "Khunjerab", date(2024, 1, 15))
    assert not no.passes
    assert str(no) == (
        "No way for a truck from Thakot to Khunjerab on 15 January 2024: "
        "Sost-Khunjerab is closed in January."
    )
    yes = can_pass(graph, "Thakot", "Khunjerab", date(2025, 1, 15))
    assert yes.passes
    assert yes.way == ("KKH west", "KKH east", "Raikot-Gilgit", "Gilgit-Sost", "Sost-Khunjerab")
    assert yes.chance == pytest.approx(0.97**2)
    assert yes.time == pytest.approx((282 / 40 + 335 / 25) * 3600)
    assert str(yes) == (
        "There is a way for a truck from Thakot to Khunjerab on 15 January 2025: 20.4 h by "
        "KKH west, KKH east, Raikot-Gilgit, Gilgit-Sost, Sost-Khunjerab; "
        "some way is open on 94.1% of such days."
    )


@pytest.mark.parametrize("late", [0, 1, 30])
def test_a_link_that_opens_late_is_found_to_the_day(late: int) -> None:
    graph = whole(opens=FLOOD + late * DAY)
    cut = first_cut(graph, "Thakot", "Khunjerab", date(2025, 1, 1), date(2040, 1, 1))
    if late == 0:
        assert cut is None
        return
    assert cut is not None
    assert (cut.first_day, cut.until) == (FLOOD, FLOOD + late * DAY)
    assert cut.closed == (
        f"KKH east is closed for good since {FLOOD}",
        f"new road opens on {FLOOD + late * DAY}",
    )


def test_a_link_that_is_not_built_cuts_the_way_to_the_end_of_the_period() -> None:
    period = date(2025, 1, 1), date(2040, 1, 1)
    cut = first_cut(whole(), "Thakot", "Raikot", *period, built=[])
    assert cut is not None
    assert (cut.first_day, cut.until) == (FLOOD, date(2040, 1, 2))
    assert "new road is not built" in cut.closed


days = st.dates(date(2023, 6, 1), date(2026, 6, 1))


@given(opens=days, closes=days, first=days, length=st.integers(0, 900))
def test_the_first_cut_is_that_of_every_day_looked_at(
    opens: date, closes: date, first: date, length: int
) -> None:
    graph = whole(opens=opens, closes=closes)
    last = first + length * DAY
    period = [first + k * DAY for k in range(length + 1)]
    # the graph of every thirtieth day and of the days about a change is enough to be slow
    near = {day + k * DAY for day in (opens, closes, date(2024, 12, 1)) for k in (-1, 0, 1)}
    looked = [day for day in period if day in near or day.day in {1, 28} or day == first]
    shut = [d for d in looked if not can_pass(graph, "Thakot", "Khunjerab", d).passes]
    cut = first_cut(graph, "Thakot", "Khunjerab", first, last)
    assert (cut is None) == (not shut)
    if cut is not None:
        assert cut.first_day == shut[0]
        assert not any(cut.first_day <= day < cut.until for day in looked if day not in shut)
        assert cut.until == last + DAY or cut.until not in shut


def test_cars_may_go_where_trucks_may_not() -> None:
    graph, july = whole(closes=None), date(2025, 7, 1)
    graph.remove_edges_from([("Thakot", "Chilas", "KKH west"), ("Chilas", "Thakot", "KKH west")])
    assert can_pass(graph, "Mansehra", "Chilas", july, kind="car").passes
    no = can_pass(graph, "Mansehra", "Chilas", july)
    assert no.closed == ("N-15 over Babusar takes no trucks",)
    assert can_pass(graph, "Mansehra", "Chilas", date(2025, 11, 1), kind="car").closed == (
        "N-15 over Babusar is closed in November",
    )


def test_a_way_can_pass_exactly_where_its_chance_is_above_zero() -> None:
    graph = whole(opens=FLOOD + 100 * DAY)
    for day in (date(2024, 3, 31), date(2024, 4, 1), FLOOD - DAY, FLOOD, FLOOD + 100 * DAY):
        passes = can_pass(graph, "Havelian", "Khunjerab", day)
        chance = two_terminal(standing(graph, day), "Havelian", "Khunjerab", day.month)
        assert passes.passes == (chance > 0)
        assert passes.chance == chance


def test_a_detour_for_the_time_being_keeps_the_way_open_from_its_first_day_to_its_last() -> None:
    late = FLOOD + 90 * DAY
    base = highway(opens=late)
    period = date(2025, 1, 1), date(2040, 1, 1)
    for start, opens, closes, first in (
        ("Chilas", FLOOD, late, None),
        ("228+001", FLOOD, late, None),  # a chainage within two metres of a node is that node
        ("Chilas", FLOOD + DAY, late, FLOOD),
        ("Chilas", FLOOD, late - DAY, late - DAY),
    ):
        road = approach("track", start, "Raikot", opens=opens, closes=closes)
        graph = joined(base, [road], services=services(np.ones(12)))
        cut = first_cut(graph, "Thakot", "Raikot", *period)
        assert (None if cut is None else cut.first_day) == first
        assert cut is None or cut.until == first + DAY


def test_a_detour_at_a_chainage_without_a_node_is_told() -> None:
    with pytest.raises(GeometryError, match=r"found the chainage 100\+000, wanted a node"):
        joined(highway(), [approach(start="100+000")], services=services(np.ones(12)))


def test_a_road_takes_its_own_time_in_each_direction() -> None:
    graph = whole()
    assert graph.edges["Chilas", "Raikot", "new road"]["truck_time_s"] == 5300
    assert graph.edges["Raikot", "Chilas", "new road"]["truck_time_s"] == 5500
    both = standing(graph, FLOOD)
    assert both.edges["Chilas", "Raikot", "new road"]["time_s"] == 5400


# by month


@given(rows=roads)
def test_a_closed_month_of_the_only_road_closes_the_way(
    rows: list[tuple[str, str, str, float, NDArray[np.float64]]],
) -> None:
    winter = np.array([0.0, 0.0, *[1.0] * 9, 0.0])
    graph = graph_of(rows)
    graph.add_edge("b", "z", "pass", name="pass", time_s=60.0, open=winter)
    found = availability(graph, "a", "z")
    assert (found.open_share[winter == 0] == 0).all()
    assert found.closed_days_a_year >= 31 + 28 + 31
    # beyond the pass a way is as open as to its foot
    to_foot = availability(graph, "a", "b").open_share
    np.testing.assert_allclose(found.open_share, to_foot * winter, atol=1e-12)


def test_closed_days_add_to_those_of_the_year() -> None:
    found = availability(graph_of([("r", "a", "b", 60.0, np.linspace(0, 1, 12))]), "a", "b")
    assert found.closed_days_a_year == pytest.approx((DAYS * (1 - np.linspace(0, 1, 12))).sum())
    assert DAYS.sum() == 365


def test_closed_days_are_spread_over_open_months() -> None:
    road = approach(months_open=(7, 8, 9, 10), closed_days=12.3)
    given_up = (DAYS * (1 - road.open_share())).sum()
    assert given_up == pytest.approx(365 - 123 + 12.3)
    assert (approach(months_open=()).open_share() == 0).all()


# which roads matter


@given(rows=roads)
def test_a_critical_road_is_that_of_the_graph_without_it(
    rows: list[tuple[str, str, str, float, NDArray[np.float64]]],
) -> None:
    usual = availability(graph_of(rows), "a", "b")
    found = criticality(graph_of(rows), "a", "b", TRAFFIC)
    assert {each.name for each in found} == {row[0] for row in rows}
    assert [each.year_usd for each in found] == sorted((c.year_usd for c in found), reverse=True)
    for each in found:
        rest = graph_of([row for row in rows if row[0] != each.name])
        without = availability(rest, "a", "b")
        more = without.closed_days_a_year - usual.closed_days_a_year
        assert each.extra_closed_days == pytest.approx(more, abs=1e-9)
        assert each.detour_months == tuple(np.flatnonzero(without.open_share > 0) + 1)
        fastest = reliability.fastest
        assert bool(each.detour_months) == np.isfinite(each.extra_time)
        legs = [leg for leg in legs_of(rest) if leg.open_share.any()]
        if each.detour:
            assert each.name not in each.detour
            assert fastest([leg for leg in legs if leg.name in each.detour], "a", "b") is not None
            assert each.extra_time >= 0
        lost = np.zeros(12)
        for state, sign in ((without, 1), (usual, -1)):
            late = np.nan_to_num(state.time) / 3600
            lost = lost + sign * ((1 - state.open_share) * 24 + state.open_share * late)
        # less the time that nobody is late by
        ways = [
            fastest([leg for leg in legs_of(graph_of(rows)) if leg.open_share[m]], "a", "b")
            for m in range(12)
        ]
        least = min((way[0] for way in ways if way), default=0.0) / 3600
        lost = lost + (usual.open_share - without.open_share) * least
        np.testing.assert_allclose(each.day_usd, lost * 40_000, atol=1.0)
        assert each.year_usd >= -1e-3


@given(rows=roads, order=st.randoms(use_true_random=False))
def test_the_order_of_edges_is_irrelevant(
    rows: list[tuple[str, str, str, float, NDArray[np.float64]]], order: Random
) -> None:
    one = criticality(graph_of(rows), "a", "b", TRAFFIC)
    turned = [(n, b, a, t, s) for n, a, b, t, s in order.sample(rows, len(rows))]
    other = criticality(graph_of(turned), "a", "b", TRAFFIC)
    for mine, yours in zip(one, other, strict=True):
        assert (mine.name, mine.detour, mine.year_usd) == (yours.name, yours.detour, yours.year_usd)


def test_the_detour_of_a_cut_is_named_with_its_time() -> None:
    graph = standing(whole(opens=None, closes=None), date(2025, 1, 1), kind="car")
    found = {each.name: each for each in criticality(graph, "Thakot", "Khunjerab", TRAFFIC)}
    west = found["KKH west"]
    assert west.detour[:2] == ("Mansehra-Thakot", "N-15 over Babusar")
    assert west.detour_months == (7, 8, 9, 10)
    assert west.extra_time == pytest.approx((79 + 240 - 228) / 40 * 3600)
    assert found["KKH east"].detour_months == ALL
    assert found["KKH east"].extra_time == pytest.approx(6 / 40 * 3600)
    only = found["Gilgit-Sost"]
    assert (only.detour, only.detour_months, only.extra_time) == ((), (), np.inf)
    assert found["Havelian-Mansehra"].year_usd == 0
    usual = availability(graph, "Thakot", "Khunjerab")
    assert only.extra_closed_days == pytest.approx(365 - usual.closed_days_a_year)


# what protection buys


def measure(name: str, edge: str, open_share: NDArray[np.float64], cost: float = 4e6) -> Measure:
    return Measure(
        name=name,
        edge=edge,
        open_share=open_share,
        cost=Estimate(0.8 * cost, cost, 1.3 * cost),
        yearly=Estimate(0.0, 1e5, 2e5),
        life=30.0,
    )


@given(rows=roads, better=st.lists(months, min_size=6, max_size=6))
def test_a_measure_avoids_what_the_graph_with_it_avoids_and_never_less_than_nothing(
    rows: list[tuple[str, str, str, float, NDArray[np.float64]]],
    better: list[NDArray[np.float64]],
) -> None:
    graph = graph_of(rows)
    measures = [measure(f"m {row[0]}", row[0], up) for row, up in zip(rows, better, strict=False)]
    before = availability(graph, "a", "b").closed_days
    for worth in buys(graph, "a", "b", measures, rate=0.09):
        after = availability(raised(graph, [worth.measure]), "a", "b").closed_days
        np.testing.assert_allclose(worth.days, before - after, atol=1e-9)
        assert (worth.days >= 0).all()


@given(rows=roads, better=st.lists(months, min_size=6, max_size=6))
def test_more_measures_never_close_a_way(
    rows: list[tuple[str, str, str, float, NDArray[np.float64]]],
    better: list[NDArray[np.float64]],
) -> None:
    graph = graph_of(rows)
    measures = [measure(f"m {row[0]}", row[0], up) for row, up in zip(rows, better, strict=False)]
    days = [
        availability(raised(graph, measures[:k]), "a", "b").closed_days_a_year
        for k in range(len(measures) + 1)
    ]
    assert all(after <= before + 1e-9 for before, after in itertools.pairwise(days))


def test_two_measures_on_one_road_count_once() -> None:
    graph = graph_of([("r", "a", "b", 60.0, np.full(12, 0.8))])
    gallery = measure("gallery", "r", np.full(12, 0.9))
    tunnel = measure("tunnel", "r", np.full(12, 0.95))
    both = availability(raised(graph, [gallery, tunnel]), "a", "b").closed_days_a_year
    assert both == pytest.approx(0.05 * 365)
    alone = {
        w.measure.name: w.days_a_year for w in buys(graph, "a", "b", [gallery, tunnel], rate=0)
    }
    assert alone == {"gallery": pytest.approx(36.5), "tunnel": pytest.approx(54.75)}
    (left,) = buys(raised(graph, [gallery]), "a", "b", [tunnel], rate=0)
    assert left.days_a_year == pytest.approx(18.25)
    (none,) = buys(raised(graph, [tunnel]), "a", "b", [gallery], rate=0)
    assert (none.days_a_year, none.per_day, none.days_per_million) == (0, None, 0)


def test_measures_are_ranked_by_days_for_their_cost() -> None:
    graph = graph_of([("r", "a", "b", 60.0, np.full(12, 0.8))])
    dear, cheap = (measure(n, "r", np.full(12, 0.9), c) for n, c in (("dear", 9e6), ("cheap", 1e6)))
    free = replace(
        dear, name="free", open_share=np.full(12, 0.81), cost=Estimate.exact(0.0),
        yearly=Estimate.exact(0.0),
    )  # fmt: skip
    ranked = buys(graph, "a", "b", [dear, cheap, free], rate=0.0)
    assert [worth.measure.name for worth in ranked] == ["free", "cheap", "dear"]
    worth = ranked[1]
    assert worth.present.base == pytest.approx(1e6 + 30 * 1e5)
    assert worth.yearly.base == pytest.approx(4e6 / 30)
    assert worth.per_day is not None
    assert worth.per_day.base == pytest.approx(4e6 / 30 / 36.5)
    assert worth.per_day.low == pytest.approx(0.8e6 / 30 / 36.5)
    assert worth.days_per_million == pytest.approx(1e6 / worth.per_day.base)


@given(rate=st.floats(-0.5, 0.5), years=st.integers(1, 60))
def test_an_annuity_is_the_sum_of_its_years(rate: float, years: int) -> None:
    summed = sum((1 + rate) ** -year for year in range(1, years + 1))
    assert annuity(rate, years) == pytest.approx(summed, rel=1e-9)


# what is asked wrongly


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"months_open": (0, 1)}, r"found \[0, 1\], wanted numbers of months from 1 to 12"),
        ({"months_open": (3, 3)}, r"found \[3, 3\], wanted numbers of months from 1 to 12"),
        ({"end": "A"}, "end: found 'A', wanted another place than start"),
        ({"after": date(2024, 12, 1)}, "months_open_after: found None; wanted both or none"),
        ({"months_open": (2,), "closed_days": 29}, "closed_days: found 29, wanted at most 28"),
        ({"length_km": 0}, "greater than or equal to 0.001"),
        ({"depth": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_approach_says_what_was_wanted(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        approach(**changes)


def test_every_edge_has_a_chance_and_every_chance_an_edge() -> None:
    every = services(np.ones(12))
    with pytest.raises(GeometryError, match="found none for 'KKH east'"):
        joined(highway(), [], services={k: v for k, v in every.items() if k != "KKH east"})
    with pytest.raises(GeometryError, match="found 'other', wanted one of KKH east"):
        joined(highway(), [], services=every | {"other": every["KKH east"]})
    with pytest.raises(GeometryError, match="more than one road is named 'KKH west'"):
        joined(highway(), [approach("KKH west")], services=every)
    before = highway()
    joined(before, corridor(), services=every)
    assert "open" not in before.edges["Thakot", "Chilas", "KKH west"]


def test_wrong_questions_are_refused_in_words() -> None:
    graph = standing(whole(), date(2025, 1, 1))
    with pytest.raises(GeometryError, match="no place 'Kashgar'"):
        availability(graph, "Thakot", "Kashgar")
    with pytest.raises(GeometryError, match="month: found 13"):
        two_terminal(graph, "Thakot", "Raikot", 13)
    with pytest.raises(GeometryError, match="wanted the roads of one day"):
        availability(whole(), "Thakot", "Raikot")
    with pytest.raises(GeometryError, match="found the road 'x', wanted one of"):
        buys(graph, "Thakot", "Raikot", [measure("m", "x", np.ones(12))], rate=0.09)
    with pytest.raises(GeometryError, match="more than one measure is named 'm'"):
        buys(graph, "Thakot", "Raikot", [measure("m", "KKH west", np.ones(12))] * 2, rate=0.09)
    with pytest.raises(GeometryError, match="wanted 12 chances"):
        measure("m", "x", np.ones(3))
    one_way = whole()
    one_way.remove_edge("Thakot", "Chilas", "KKH west")
    with pytest.raises(GeometryError, match="road 'KKH west': found 'Chilas' to 'Thakot' only"):
        standing(one_way, date(2025, 1, 1))
    bare = nx.MultiGraph()
    bare.add_edge("a", "b", "r", name="r", time_s=1.0)
    with pytest.raises(GeometryError, match="lacks the attribute 'open'"):
        availability(bare, "a", "b")


def test_a_long_corridor_with_detours_is_quick() -> None:
    rng = np.random.default_rng(5)
    rows = [(f"r{i}", f"p{i}", f"p{i + 1}", 1e3, rng.uniform(0.8, 1, 12)) for i in range(30)]
    rows += [(f"d{i}", f"p{i}", f"p{i + 5}", 9e3, rng.uniform(0.8, 1, 12)) for i in range(0, 26, 3)]
    begin = time.perf_counter()
    assert len(criticality(graph_of(rows), "p0", "p30", TRAFFIC)) == len(rows)
    assert time.perf_counter() - begin < 4  # a fifth of a second where nothing else runs


def test_a_season_that_changes_within_a_month_is_found_to_the_day() -> None:
    road = approach(months_open=(11,), months_open_after=ALL, after=date(2024, 12, 10))
    graph = joined(nx.MultiDiGraph(), [road], services={})
    cut = first_cut(graph, "A", "B", date(2024, 11, 5), date(2025, 6, 1))
    assert cut is not None
    assert (cut.first_day, cut.until) == (date(2024, 12, 1), date(2024, 12, 10))
    assert cut.closed == ("A-B is closed in December",)


def test_the_detour_is_that_of_the_month_in_which_it_takes_longest() -> None:
    july = np.array([0.0] * 6 + [1.0] + [0.0] * 5)
    rows = [
        ("main", "a", "b", 100.0, np.ones(12)),
        ("summer", "a", "b", 200.0, july),
        ("winter", "a", "b", 500.0, 1 - july),
    ]
    (main,) = (c for c in criticality(graph_of(rows), "a", "b", TRAFFIC) if c.name == "main")
    assert (main.detour, main.extra_time, main.detour_months) == (("winter",), 400.0, ALL)
    assert main.extra_closed_days == 0
    assert main.day_usd[6] == pytest.approx(100 / 3600 * 40_000)
    assert main.day_usd[0] == pytest.approx(400 / 3600 * 40_000)
