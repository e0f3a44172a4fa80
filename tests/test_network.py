"""Laws of the road graph: connected on a day exactly where a plain search says so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from oracles import fastest, traffic_passes
from pyproj import CRS

from realign.chainage import Section
from realign.errors import GeometryError, NoRouteError
from realign.estimate import Estimate
from realign.highway import Highway
from realign.network import (
    Link,
    Paced,
    Searched,
    build,
    check,
    connected,
    cut_days,
    passable,
    route,
)
from realign.submergence import Submerged, Submergence

LENGTH = 10_000.0
stations = np.linspace(0.0, LENGTH, 501)  # every 20 m
PARTIAL, FULL = date(2030, 7, 1), date(2032, 7, 1)
DAY = timedelta(days=1)


def highway() -> Highway:
    """Lay a straight road to the east."""
    return Highway(
        name="KKH",
        xy=np.array([[500_000.0, 3_900_000.0], [500_000.0 + LENGTH, 3_900_000.0]]),
        s=np.array([0.0, LENGTH]),
        crs=CRS.from_epsg(32643),
        station=stations,
        ground=np.full(stations.shape, 1000.0),
        level=np.full(stations.shape, 1000.0),
    )


def submergence(
    *stages: tuple[float, float, int], listed: tuple[Section, ...] | None = None
) -> Submergence:
    """Take the road between chainages at a stage of the only dam; each is a section by default."""
    first = np.full(stations.shape, -1, dtype=np.int64)
    for start, end, stage in stages:
        first[(stations > start) & (stations < end)] = stage
    sections = [Section(start, end) for start, end, _ in stages] if listed is None else listed
    return Submergence(
        station=stations,
        level=np.full(stations.shape, 1000.0),
        full=np.where(first >= 0, 1005.0, np.nan),
        risk=np.where(first >= 0, 1.0, 0.0),
        first=first,
        dam=np.where(first >= 0, 0, -1),
        sections=tuple(
            Submerged(
                section=section,
                dam="Basha",
                lowest_freeboard=-5.0,
                deepest_water=5.0,
                probability=1.0,
                expected_length=section.length,
                first_stage="partial",
                first_date=PARTIAL,
                flooded_length=section.length,
            )
            for section in sections
        ),
        flooded=(),
    )


def link(name: str = "new", start: float = 3000.0, end: float = 7000.0, **changes: object) -> Link:
    along = np.linspace(0.0, end - start, 201)
    values: dict[str, object] = {
        "name": name,
        "gap": "Basha",
        "variant": "cheapest",
        "section": Section(start, end),
        "station": along,
        "x": 500_000.0 + start + along,
        "y": np.full(along.shape, 3_900_200.0),
        "level": np.full(along.shape, 1100.0),
        "ground": np.full(along.shape, 1095.0),
        "form": np.zeros(200, dtype=np.int8),
        "length": end - start,
        "bridge_length": 0.0,
        "tunnel_length": 0.0,
        "travel_time": (end - start) / 60 * 3.6,
        "exposure": 0.2,
        "steepest": 0.05,
        "speed_kmh": 60,
        "radius": 125.0,
        "totals": {},
        "cost": Estimate(8.0, 10.0, 13.0),
        "direct": Estimate(6.0, 8.0, 10.0),
        "searched": Searched(price=9.0, bound=7.0, construction=8.0),
        "builder": "programme",
    }
    return Link(**(values | changes))  # type: ignore[arg-type]


FLOOD = submergence((3590.0, 5010.0, 1), (5010.0, 6410.0, 0))
PLACES = {"Thakot": 0.0, "Chilas": 8000.0, "Raikot": LENGTH}


def graph_of(
    flood: Submergence = FLOOD,
    links: tuple[Link, ...] = (link(),),
    opens: dict[str, date | None] | None = None,
    places: dict[str, float] | None = None,
) -> nx.MultiDiGraph:
    return build(
        highway(),
        flood,
        stage_dates=[[PARTIAL, FULL]],
        links=links,
        places=PLACES if places is None else places,
        opens=opens or {},
        existing_speed_kmh=40.0,
    )


def existing(graph: nx.MultiDiGraph) -> list[tuple[float, float, date | None]]:
    return sorted(
        (edge["section"].start, edge["section"].end, edge["closes"])
        for a, b, edge in graph.edges(data=True)
        if edge["kind"] == "existing" and graph.nodes[a]["chainage"] < graph.nodes[b]["chainage"]
    )


def test_a_road_says_how_much_of_it_is_slower_than_wanted() -> None:
    parts = (
        Paced(0.0, 1000.0, 60, ""),
        Paced(1000.0, 2500.0, 40, "radius"),
        Paced(2500.0, 3000.0, 30, "hairpin"),
        Paced(3000.0, 4000.0, 80, ""),
    )
    slow = link(start=3000.0, end=7000.0, speeds=parts)
    assert (slow.slowest_kmh, slow.slow_m) == (30, 2000.0)
    assert slow.pace == "60 km/h, down to 30 km/h on 2.0 of 4.0 km"
    plain = link(speeds=(Paced(0.0, 4000.0, 60, ""),))
    assert (plain.slowest_kmh, plain.slow_m, plain.pace) == (60, 0, "60 km/h")
    assert (link().slowest_kmh, link().pace) == (60, "60 km/h")


def test_the_road_is_cut_at_ends_places_tie_ins_and_limits_of_the_water() -> None:
    graph = graph_of()
    assert existing(graph) == [
        (0.0, 3000.0, None),
        (3000.0, 3590.0, None),
        (3590.0, 5010.0, FULL),
        (5010.0, 6410.0, PARTIAL),
        (6410.0, 7000.0, None),
        (7000.0, 8000.0, None),
        (8000.0, LENGTH, None),
    ]
    kinds = {node: held["kind"] for node, held in graph.nodes(data=True)}
    assert kinds == {
        "Thakot": "end",
        "Raikot": "end",
        "Chilas": "place",
        "3+000": "tie-in",
        "7+000": "tie-in",
        "3+590": "limit",
        "5+010": "limit",
        "6+410": "limit",
    }
    assert graph.nodes["Chilas"]["x"] == 508_000.0
    assert graph.graph["crs"] == CRS.from_epsg(32643)
    new = graph.edges["3+000", "7+000", "new"]
    assert (new["cost_low_usd"], new["cost_usd"], new["cost_high_usd"]) == (8.0, 10.0, 13.0)
    assert (new["opens"], new["closes"], new["gap"]) == (None, None, "Basha")
    assert (new["variant"], new["exposure"]) == ("cheapest", 0.2)


chainages = st.integers(0, 500).map(lambda k: 20.0 * k) | st.floats(0.0, LENGTH)
sections = st.tuples(chainages, chainages).filter(lambda ab: ab[1] - ab[0] > 10.0)


@given(
    st.lists(sections, max_size=4),
    st.lists(chainages, max_size=4),
    st.lists(st.tuples(st.integers(0, 249), st.integers(1, 60)), max_size=3),
)
def test_the_pieces_make_up_the_whole_road_and_close_where_the_water_takes_them(
    ties: list[tuple[float, float]], spots: list[float], water: list[tuple[int, int]]
) -> None:
    stages = [
        (40.0 * k - 10.0, min(40.0 * (k + n) - 10.0, LENGTH), n % 2) for k, n in water if k > 0
    ]
    flood = submergence(*stages)
    places = {f"place {n}": s for n, s in enumerate(spots)}
    links = tuple(link(f"link {n}", a, b) for n, (a, b) in enumerate(ties))
    build_it = partial(graph_of, flood, links, places=places)
    distances = np.diff(np.sort(spots))
    if distances.size and distances.min() < 2.0:
        if distances.min() == 0:
            with pytest.raises(GeometryError, match="are both at"):
                build_it()
        return
    graph = build_it()
    pieces = existing(graph)
    assert (pieces[0][0], pieces[-1][1]) == (0.0, LENGTH)
    assert all(a[1] == b[0] for a, b in pairwise(pieces))
    dates = [PARTIAL, FULL]
    for s, first in zip(stations, flood.first, strict=True):
        inside = [closes for a, b, closes in pieces if a + 2 < s < b - 2]
        for closes in inside:
            assert first < 0 or (closes is not None and closes <= dates[first])
    for a, b, closes in pieces:
        taken = flood.first[(stations > a - 12) & (stations < b + 12)]
        assert closes is None or closes in [dates[k] for k in taken if k >= 0]


def test_a_stretch_too_short_to_be_listed_closes_nothing() -> None:
    flood = submergence((3590.0, 3630.0, 0), listed=())
    assert {closes for _, _, closes in existing(graph_of(flood, ()))} == {None}


def test_points_nearer_than_two_metres_are_one_node() -> None:
    graph = graph_of(links=(link("a", 3591.0, 7000.0), link("b", 0.5, LENGTH - 1)))
    assert "3+590" not in graph
    assert graph.has_edge("3+591", "7+000", "a")
    assert graph.has_edge("Thakot", "Raikot", "b")
    assert (3591.0, 5010.0, FULL) in existing(graph)
    assert (0.0, 3591.0, None) in existing(graph)


def test_the_old_road_lasts_until_the_day_before_the_water() -> None:
    graph = graph_of(opens={"new": date(2040, 1, 1)})
    assert connected(graph, PARTIAL - DAY, "Thakot", "Raikot")
    assert not connected(graph, PARTIAL, "Thakot", "Raikot")
    assert connected(graph, PARTIAL, "Chilas", "Raikot")


def test_a_link_that_opens_on_the_day_of_the_water_keeps_the_road_connected_on_every_day() -> None:
    graph = graph_of(opens={"new": PARTIAL})
    whole = {"first_day": date(2027, 1, 1), "last_day": date(2040, 1, 1)}
    assert cut_days(graph, "Thakot", "Raikot", **whole) == ()
    day = PARTIAL - 3 * DAY
    while day < PARTIAL + 3 * DAY:
        assert connected(graph, day, "Thakot", "Raikot")
        day += DAY


def test_a_link_that_opens_a_day_late_is_found_with_its_day() -> None:
    graph = graph_of(opens={"new": PARTIAL + DAY})
    whole = {"first_day": date(2027, 1, 1), "last_day": date(2040, 1, 1)}
    found = cut_days(graph, "Thakot", "Raikot", **whole)
    assert found == ((PARTIAL, PARTIAL + DAY, "closed from 5+010 to 6+410"),)


def test_a_cut_without_end_ends_after_the_period_and_says_what_is_closed_when() -> None:
    graph = graph_of()
    found = cut_days(
        graph, "Thakot", "Raikot", links=[], first_day=FULL - 10 * DAY, last_day=FULL + 9 * DAY
    )
    assert found == (
        (FULL - 10 * DAY, FULL, "closed from 5+010 to 6+410"),
        (FULL, FULL + 10 * DAY, "closed from 3+590 to 6+410"),
    )


def test_a_cut_goes_on_over_a_day_on_which_nothing_there_changes() -> None:
    graph = graph_of(links=(link(), link("other")), opens={"new": date(2035, 1, 1)})
    graph.edges["3+000", "7+000", "other"]["opens"] = date(2031, 1, 1)
    found = cut_days(
        graph, "Thakot", "Raikot", links={"new"}, first_day=PARTIAL, last_day=FULL - DAY
    )
    assert found == ((PARTIAL, FULL, "closed from 5+010 to 6+410"),)


def test_only_links_that_are_built_take_traffic() -> None:
    graph = graph_of(links=(link("a"), link("b", opens=FULL)))
    assert connected(graph, FULL, "Thakot", "Raikot", links={"a"})
    assert connected(graph, FULL, "Thakot", "Raikot", links=["b"])
    assert not connected(graph, FULL, "Thakot", "Raikot", links=())
    assert not connected(graph, FULL - DAY, "Thakot", "Raikot", links={"b"})
    assert set(passable(graph, FULL, allowed={"b"})) == set(graph)


def test_the_date_of_the_schedule_comes_before_the_date_of_the_link() -> None:
    graph = graph_of(links=(link("a", opens=FULL), link("b", opens=FULL)), opens={"a": PARTIAL})
    assert graph.edges["3+000", "7+000", "a"]["opens"] == PARTIAL
    assert graph.edges["7+000", "3+000", "b"]["opens"] == FULL


def test_the_fastest_route_takes_the_link_where_it_is_open_and_quicker() -> None:
    graph = graph_of(links=(link(), link("slow", travel_time=1e5)), opens={"new": FULL})
    before, names = route(graph, PARTIAL - DAY, "Thakot", "Raikot")
    assert before == pytest.approx(LENGTH / 40 * 3.6)
    assert names[0] == "KKH 0+000 to 3+000"
    assert len(names) == 7
    after, names = route(graph, FULL, "Raikot", "Thakot")
    assert after == pytest.approx(6000 / 40 * 3.6 + 4000 / 60 * 3.6)
    assert names[-2:] == ["new", "KKH 0+000 to 3+000"]
    assert route(graph, FULL, "Chilas", "Chilas") == (0.0, [])


def test_no_route_is_an_error_that_says_where_the_road_is_closed() -> None:
    with pytest.raises(NoRouteError, match=r"2032-07-01: closed from 3\+590 to 6\+410"):
        route(graph_of(), FULL, "Thakot", "Raikot", links=[])


days = st.integers(0, 12).map(lambda n: date(2030, 1, 1) + n * DAY)
spans = st.tuples(st.none() | days, st.none() | days).filter(
    lambda span: None in span or span[0] < span[1]  # type: ignore[operator]
)
small = st.lists(
    st.tuples(
        st.tuples(st.integers(0, 5), st.integers(0, 5)).filter(lambda ab: ab[0] != ab[1]),
        st.booleans(),
        spans,
        st.integers(1, 9),
    ),
    max_size=10,
)
Edges = list[tuple[tuple[int, int], bool, tuple[date | None, date | None], int]]


def small_graph(edges: Edges) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    for n in range(6):
        graph.add_node(str(n), kind="place", x=0.0, y=0.0, chainage=float(n), name=str(n))
    for number, ((a, b), is_link, (opens, closes), time) in enumerate(edges):
        held = {
            "kind": "link" if is_link else "existing",
            "name": f"edge {number}",
            "length_m": 1.0,
            "time_s": float(time),
            "opens": opens,
            "closes": closes,
            "section": Section(min(a, b), max(a, b)),
            "cost_low_usd": 0.0,
            "cost_usd": 0.0,
            "cost_high_usd": 0.0,
            "exposure": 0.0,
            "gap": "",
            "variant": "",
        }
        graph.add_edge(str(a), str(b), f"edge {number}", **held)
        graph.add_edge(str(b), str(a), f"edge {number}", **held)
    check(graph)
    return graph


@given(small, st.sets(st.integers(0, 9)))
def test_cuts_and_routes_agree_with_a_plain_search_on_every_day(
    edges: Edges, chosen: set[int]
) -> None:
    graph = small_graph(edges)
    built = {f"edge {number}" for number in chosen}
    plain = [
        (str(a), str(b), f"edge {number}" if is_link else "", opens, closes, time)
        for number, ((a, b), is_link, (opens, closes), time) in enumerate(edges)
    ]
    first_day, last_day = date(2029, 12, 28), date(2030, 1, 16)
    cuts = cut_days(graph, "0", "1", links=built, first_day=first_day, last_day=last_day)
    assert list(cuts) == sorted(cuts)
    assert all(a[1] <= b[0] for a, b in pairwise(cuts))
    day = first_day
    while day <= last_day:
        passes = traffic_passes(plain, day, "0", "1", built)
        assert connected(graph, day, "0", "1", links=built) == passes
        assert passes == (not any(a <= day < b for a, b, _ in cuts))
        if passes:
            time, names = route(graph, day, "0", "1", links=built)
            assert time == fastest(plain, day, "0", "1", built)
            assert time == sum(edges[int(name.removeprefix("edge "))][3] for name in names)
        day += DAY


@given(st.integers(-400, 400), st.integers(-400, 400))
def test_the_road_is_cut_exactly_for_the_days_by_which_the_new_road_is_late(
    late_a: int, late_b: int
) -> None:
    # Two gaps with a link each: one is taken at the first stage, the other at the second.
    flood = submergence((1990.0, 3010.0, 0), (5990.0, 7010.0, 1))
    links = (link("a", 1500.0, 3500.0), link("b", 5500.0, 7500.0))
    opens = {"a": PARTIAL + late_a * DAY, "b": FULL + late_b * DAY}
    graph = graph_of(flood, links, dict(opens))
    found = cut_days(
        graph, "Thakot", "Raikot", first_day=date(2028, 1, 1), last_day=date(2036, 1, 1)
    )
    assert sum((end - first).days for first, end, _ in found) == max(late_a, 0) + max(late_b, 0)


def test_the_order_of_links_has_no_influence() -> None:
    one, two = link("one"), link("two", 2000.0, 7000.0)
    a, b = graph_of(links=(one, two)), graph_of(links=(two, one))
    assert list(a.edges(keys=True)) == list(b.edges(keys=True))
    assert dict(a.nodes(data=True)) == dict(b.nodes(data=True))


def test_a_graph_without_a_road_between_two_nodes_says_so() -> None:
    graph = small_graph([])
    found = cut_days(graph, "0", "1", first_day=PARTIAL, last_day=PARTIAL)
    assert found == ((PARTIAL, PARTIAL + DAY, "nothing leads from '0' to '1'"),)


def drop(name: str, graph: nx.MultiDiGraph) -> None:
    del graph.edges["3+000", "7+000", "new"][name]


def put(name: str, value: object, graph: nx.MultiDiGraph) -> None:
    graph.edges["3+000", "7+000", "new"][name] = value


def put_node(name: str, value: object, graph: nx.MultiDiGraph) -> None:
    graph.nodes["Chilas"][name] = value


def one_way(graph: nx.MultiDiGraph) -> None:
    graph.remove_edge("7+000", "3+000", "new")


def closes_first(graph: nx.MultiDiGraph) -> None:
    graph.edges["3+000", "7+000", "new"].update(opens=FULL, closes=FULL)


def to_itself(graph: nx.MultiDiGraph) -> None:
    graph.add_edge("Chilas", "Chilas", "new", **graph.edges["3+000", "7+000", "new"])


EDGE = r"edge 'new' from '3\+000' to '7\+000'"


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (partial(drop, "time_s"), EDGE + " lacks the attribute 'time_s'"),
        (partial(put, "time_s", 0.0), EDGE + r": attribute 'time_s' is 0\.0; wanted more than 0"),
        (partial(put, "length_m", float("nan")), EDGE + ": attribute 'length_m' is nan"),
        (partial(put, "cost_usd", -1.0), EDGE + r": attribute 'cost_usd' is -1\.0; wanted 0 or"),
        (partial(put, "opens", "2030"), EDGE + ": attribute 'opens' is '2030'; wanted datetime"),
        (partial(put, "section", None), EDGE + ": attribute 'section' is None; wanted Section"),
        (partial(put, "kind", "ferry"), EDGE + ": attribute 'kind' is 'ferry'; wanted existing"),
        (partial(put, "name", "old"), EDGE + ": attribute 'name' is 'old'; wanted the key"),
        (closes_first, EDGE + ": attribute 'closes' is .*; wanted a day after it opens"),
        (one_way, EDGE + ": attribute 'name' is 'new'; wanted an edge of the same name"),
        (to_itself, "from 'Chilas' to 'Chilas': attribute 'section' .*two different nodes"),
        (partial(put_node, "kind", "town"), "node 'Chilas': attribute 'kind' is 'town'"),
        (partial(put_node, "x", float("inf")), "node 'Chilas': attribute 'x' is inf"),
        (partial(put_node, "name", 3), "node 'Chilas': attribute 'name' is 3; wanted str"),
    ],
)
def test_a_graph_that_lacks_something_is_refused_with_the_place_and_the_attribute(
    spoil: Callable[[nx.MultiDiGraph], None], message: str
) -> None:
    graph = graph_of()
    spoil(graph)
    with pytest.raises(GeometryError, match=message):
        check(graph)


def test_a_node_without_an_attribute_is_refused() -> None:
    graph = graph_of()
    del graph.nodes["Chilas"]["y"]
    with pytest.raises(GeometryError, match="node 'Chilas' lacks the attribute 'y'"):
        check(graph)


def test_impossible_input_is_refused() -> None:
    with pytest.raises(GeometryError, match=r"place Gilgit is at 12\+000; the highway 'KKH' runs"):
        graph_of(places={"Gilgit": 12_000.0})
    with pytest.raises(GeometryError, match=r"tie-in new is at 10\+500"):
        graph_of(links=(link(end=10_500.0),))
    with pytest.raises(GeometryError, match=r"'a' and 'b' are both at 5\+000"):
        graph_of(places={"a": 5000.0, "b": 5001.0})
    with pytest.raises(GeometryError, match="more than one link is named 'new'"):
        graph_of(links=(link(), link()))
    with pytest.raises(GeometryError, match="date is given for 'old'; the links are new"):
        graph_of(opens={"old": FULL})
    with pytest.raises(GeometryError, match=r"attribute 'section' .* wanted two different nodes"):
        graph_of(links=(link(start=5000.0, end=5001.0),))
    with pytest.raises(GeometryError, match="the road graph has no node 'Hunza'; it has 3"):
        connected(graph_of(), FULL, "Thakot", "Hunza")
    with pytest.raises(GeometryError, match="wanted a speed on the existing highway above 0"):
        build(
            highway(),
            FLOOD,
            stage_dates=[[PARTIAL, FULL]],
            links=[],
            places={},
            opens={},
            existing_speed_kmh=0.0,
        )


def test_a_stage_without_a_date_is_refused() -> None:
    flood = replace(FLOOD, first=np.where(FLOOD.first >= 0, 2, -1))
    with pytest.raises(GeometryError, match=r"no date for stage 2 of dam 0, .* road at 3\+600"):
        graph_of(flood)
