"""Laws of the step from corridor to road: followed legs, loops told, rivers bridged."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely import LineString
from test_formation import STANDARD, P
from test_profile import SHAPE, plan
from test_quantities import plane

from realign import cost
from realign.corridor import Laid, Layer, Site
from realign.formation import BRIDGE, FORMS, OPEN, TUNNEL
from realign.geometry.alignment import Alignment, beside, crossings
from realign.geometry.vertical import Grades
from realign.quantities import Structure, take_off
from realign.road import _followed, _gullies, _loops, _structures, compared, spent


def test_points_on_a_hairpin_are_followed_along_their_own_leg() -> None:
    leg = np.arange(0.0, 1001.0, 20.0)
    there = np.column_stack((leg, np.zeros(leg.size)))
    back = np.column_stack((leg[::-1], np.full(leg.size, 30.0)))
    xy = np.vstack((there, back))
    s = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    aside = np.array([0.0, 10.0])
    points = np.vstack((there[::9] + aside, back[::9] - aside))
    along = _followed(s, xy, points)
    assert (np.diff(along) >= 0).all()
    assert along[len(there[::9]) - 1] <= 1000.0 < along[len(there[::9])]
    assert along[-1] == s[-1]


def test_a_road_that_crosses_itself_is_told() -> None:
    turn = np.linspace(0.0, 2 * np.pi, 60)
    loop = np.column_stack((100 * np.sin(turn), 100 - 100 * np.cos(turn)))
    line = np.vstack(([[-300.0, 0.0]], loop, [[300.0, 0.0]]))
    shifted = line + np.column_stack((np.linspace(0, 40, len(line)), np.zeros(len(line))))
    for xy, told in ((shifted, True), (shifted[:20], False)):
        flat = np.zeros(len(xy))
        bill = SimpleNamespace(x=xy[:, 0], y=xy[:, 1], level=flat, station=flat)
        assert bool(_loops(bill)) == told  # type: ignore[arg-type]


@given(at=st.floats(30, 970))
def test_a_river_is_found_where_it_crosses_the_road(at: float) -> None:
    road = plan(1000.0)
    x, y = road.poses(at)[0, :2]
    river = LineString([(x, y - 50.0), (x, y + 50.0)])
    far = LineString([(x, y + 60.0), (x + 5, y + 90.0)])
    found = crossings(road, [far, river])
    assert found.size > 0
    assert np.abs(found - at).max() <= 5.0
    assert crossings(road, []).size == 0


@given(
    starts=st.lists(st.integers(0, 120), min_size=0, max_size=5),
    lengths=st.lists(st.integers(0, 40), min_size=5, max_size=5),
)
def test_stations_within_stretches_are_those_between_their_ends(
    starts: list[int], lengths: list[int]
) -> None:
    s = np.arange(0.0, 1201.0, 20.0)
    spans = np.array([(10 * a, 10 * (a + n)) for a, n in zip(starts, lengths, strict=False)])
    spans = spans.reshape(-1, 2).astype(np.float64)
    for station, told in zip(s, beside(s, spans), strict=True):
        assert told == any(a <= station <= b for a, b in spans)


@pytest.mark.parametrize("height", [2.0, 6.0])
def test_a_river_is_crossed_on_a_bridge_even_where_fill_is_cheaper(height: float) -> None:
    road = Alignment(
        plan(1200.0), Grades(np.array([0.0, 1200.0]), np.full(2, 600 + height), np.zeros(2))
    )
    measured = {"shape": SHAPE, "standard": STANDARD, "prices": P}
    dry = take_off(road, plane(0.0), **measured)  # type: ignore[arg-type]
    half = SHAPE.river_half_m
    spans = np.array([[600.0 - half, 600.0 + half]])
    wet = take_off(road, plane(0.0), spans=spans, **measured)  # type: ignore[arg-type]
    assert (dry.form == OPEN).all()
    over = beside(wet.station, spans)
    assert (wet.form[over[:-1] | over[1:]] == BRIDGE).all()
    assert wet.length(BRIDGE) == pytest.approx(80.0)
    assert wet.totals["bridge_abutment"] == 2


amounts = arrays(np.float64, 40, elements=st.floats(0, 1e6))


@given(spent=amounts, seen=amounts, piece=st.floats(300, 20000))
def test_pieces_of_bill_and_search_add_up_to_the_whole(
    spent: np.ndarray, seen: np.ndarray, piece: float
) -> None:
    station, along = np.linspace(0, 9000, 41), np.sort(np.append(0.0, seen / 1e6 * 9000))
    along[-1] = 9000
    paid = np.concatenate(([0.0], np.cumsum(seen)))
    pieces = compared(along, paid, station, spent, piece=piece)
    assert pieces[0].start == 0
    assert pieces[-1].end == pytest.approx(9000)
    assert sum(each.billed for each in pieces) == pytest.approx(spent.sum(), abs=1e-3)
    assert sum(each.searched for each in pieces) == pytest.approx(seen.sum(), abs=1e-3)
    assert all(each.searched >= -1e-6 for each in pieces)


@given(times=st.floats(0.5, 3), count=st.integers(1, 5))
def test_a_bill_that_is_everywhere_a_multiple_of_the_search_has_that_ratio_everywhere(
    times: float, count: int
) -> None:
    station = np.linspace(0, 5000.0 * count, 50 * count + 1)
    along = station[::10]
    spent = times * np.full(50 * count, 7.0)
    pieces = compared(along, along / 100.0 * 7.0, station, spent)
    assert len(pieces) == count
    assert [each.ratio for each in pieces] == pytest.approx([times] * count)


def site_with(*layers: Laid, rivers: tuple[tuple[str, LineString], ...] = ()) -> Site:
    """Make a world with layers and rivers about the ways of `plan`, all else left out."""
    highway = SimpleNamespace(chainage=lambda x, _: (np.asarray(x) + 600.0, np.zeros(np.size(x))))
    places = {"West": 0.0, "East": 1200.0}
    given_ = {"layers": layers, "rivers": rivers, "places": places, "highway": highway}
    return SimpleNamespace(**given_)  # type: ignore[return-value]


@given(at=st.lists(st.floats(20, 1180), max_size=6))
def test_gullies_are_the_lines_that_cost_by_the_crossing(at: list[float]) -> None:
    lines = tuple(LineString([(s - 600, -50), (s - 600, 50)]) for s in at)
    rule = {"name": "gully", "file": "gullies.geojson", "kind": "cost"}
    counted = Laid(Layer.model_validate(rule | {"per_crossing": 5e4}), lines)
    by_metre = Laid(Layer.model_validate(rule | {"per_m": 5.0}), lines)
    tracked = Laid(Layer.model_validate(rule | {"kind": "tracked"}), lines)
    found = _gullies(plan(1200.0), site_with(counted, by_metre, tracked))
    assert all(np.abs(found - s).min() <= 5.0 for s in at)
    assert all(min(abs(s - each) for s in at) <= 5.0 for each in found)
    assert _gullies(plan(1200.0), site_with(by_metre, tracked)).size == 0


def test_structures_are_named_by_what_they_cross_and_the_nearest_place() -> None:
    way = plan(1200.0)
    rivers = tuple(
        (name, LineString([(x, -50), (x, 50)])) for name, x in (("Indus", -300.0), ("", 0.0))
    )
    two = (("Hunza", LineString([(-290, -50), (-290, 50)])), *rivers)
    structures = (
        Structure(BRIDGE, 280.0, 340.0, 9.0),
        Structure(TUNNEL, 400.0, 500.0, 90.0),
        Structure(BRIDGE, 580.0, 620.0, 9.0),
        Structure(BRIDGE, 900.0, 960.0, 9.0),
    )
    bill = SimpleNamespace(structures=structures)
    parts = _structures(bill, way, site_with(rivers=two))  # type: ignore[arg-type]
    assert [part.name for part in parts] == [
        "Bridge 1 over Hunza and Indus, near West",
        "Tunnel 1 near West",
        "Bridge 2 near West",
        "Bridge 3 near East",
    ]
    for part, each in zip(parts, structures, strict=True):
        assert (part.form, part.start, part.end) == (FORMS[each.form], each.start, each.end)
    bare = SimpleNamespace(structures=())
    assert _structures(bare, way, site_with(rivers=two)) == ()  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_fitted_road_holds_the_whole_of_its_inventory_and_of_what_it_costs() -> None:
    from small_study import planned

    whole = planned()
    money = whole.study.money
    for link in whole.links:
        assert link.inventory is not None
        bill = link.inventory.bill
        assert link.totals == bill.totals
        assert link.station.tolist() == bill.station.tolist()
        assert link.length == pytest.approx(bill.station[-1])
        found = cost.price(link.totals, whole.rates, money, places=sum(link.places.values()))
        assert (link.cost, link.direct) == (found.total, found.direct)
        spent_ = spent(bill, whole.rates).sum() + sum(link.places.values())
        assert spent_ == pytest.approx(link.direct.base)
        assert link.searched.billed == pytest.approx(link.direct.base)
        for part, each in zip(link.structures, bill.structures, strict=True):
            assert (part.form, part.start, part.end) == (FORMS[each.form], each.start, each.end)
