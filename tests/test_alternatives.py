"""Laws of alternatives: exact through every place, within the rules, different on the shortlist."""

from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, box
from small_ground import (
    FULL,
    GAP,
    PRICES,
    STANDARD,
    VALLEY,
    Case,
    cases,
    plan,
    site,
)

from realign import corridor
from realign.corridor import Choice, Corridor, Variant, similarity
from realign.corridor.alternatives import SPLICED, THEMES, _join, _reversed, _themes
from realign.corridor.lattice import tangent_length, turn_angle
from realign.corridor.problem import prepare
from realign.corridor.search import FAR, Labels, bounds, guided, left_over
from realign.errors import NoRouteError

FEW = Choice(
    count=6, a_round=4, rounds=8, both_ways=8, shortlist=4, plateau_m=300.0, margin=0.3, alike=0.8
)


def through(case: Case, margin: float, *, led: bool) -> np.ndarray[Any, Any]:
    """Price of the cheapest road through every state, the second search led by the first or not."""
    found, there = case.search(margin=margin)
    assert found
    bound = (
        left_over(case.ground, case.steps, there.spent)
        if led
        else bounds(case.ground, case.table, case.starts)
    )
    _, back = guided(
        case.ground,
        case.table,
        _reversed(case.ends),
        _reversed(case.starts),
        bound,
        steps=case.steps,
        margin=margin,
    )
    out = np.full(int(case.ground.start[-1]), FAR, np.int32)
    by = np.zeros(out.size, np.uint8)
    _join(case.ground, case.steps, there.spent, back.spent, out, by)
    return out


@given(case=cases(), margin=st.sampled_from([0.0, 0.1, 0.5]))
def test_roads_through_a_place_are_as_cheap_whoever_leads_the_second_search(
    case: Case, margin: float
) -> None:
    found, _ = case.search()
    if found is None or found.cell.size < 3:
        return
    led, free = through(case, margin, led=True), through(case, 9.0, led=False)
    limit = found.price * (1 + margin)
    assert led.min() == free.min() == found.price
    near = free <= limit
    assert (led[near] == free[near]).all()
    assert (led[~near] >= free[~near]).all()


@given(case=cases())
def test_what_is_left_over_is_no_more_than_any_road_pays(case: Case) -> None:
    found, there = case.search(margin=0.3)
    if found is None:
        return
    left = left_over(case.ground, case.steps, there.spent)
    back: Labels
    _, back = case.back().search(margin=9.0)
    both = (back.spent > 0) & (left < FAR)
    # a road that comes back to a state and goes on is no cheaper than the cheapest
    assert (back.spent[both].astype(np.int64) - 1 + left[both] >= found.price).all()


@pytest.fixture(scope="module")
def world() -> corridor.Site:
    return site(3)


WANTED = Variant(name="test", title="test", speed_kmh=60)


def rated(
    world: corridor.Site, choice: Choice = FEW, variant: Variant = WANTED, **given: Any
) -> corridor.Alternatives:
    return corridor.alternatives(
        world,
        GAP,
        variant,
        rules=VALLEY,
        standard=STANDARD,
        prices=PRICES,
        choice=choice,
        **given,
    )


@pytest.fixture(scope="module")
def found(world: corridor.Site) -> corridor.Alternatives:
    return rated(world)


def test_the_first_of_all_is_the_road_of_the_single_search(
    world: corridor.Site, found: corridor.Alternatives
) -> None:
    single = plan(world)
    best = found.rated[0].corridor
    assert best.price == pytest.approx(single.price, rel=1e-3)
    assert best.bound == pytest.approx(single.bound, rel=1e-3)
    assert all(each.corridor.price >= best.price for each in found.rated)


def test_as_many_are_rated_as_asked_for_and_no_road_twice(found: corridor.Alternatives) -> None:
    assert len(found.rated) == FEW.count
    assert found.failed == 0
    ways = {tuple(zip(e.corridor.x, e.corridor.y, strict=True)) for e in found.rated}
    assert len(ways) == len(found.rated)


def test_the_shortlist_differs_in_pairs_and_is_not_much_dearer(
    found: corridor.Alternatives,
) -> None:
    chosen = [found.rated[i].corridor for i in found.shortlist]
    assert chosen[0] is found.rated[0].corridor
    for a, b in combinations(chosen, 2):
        assert similarity(a, b, FEW.within_m) < FEW.alike
    assert all(road.price <= FEW.dearer * chosen[0].price for road in chosen)
    assert bool(found.shortfall) == (len(chosen) < FEW.shortlist)


def test_every_alternative_keeps_grade_turn_and_water(
    world: corridor.Site, found: corridor.Alternatives
) -> None:
    lake = world.reservoirs[0].full.polygon
    for each in found.rated:
        road = each.corridor
        step = np.hypot(np.diff(road.x), np.diff(road.y))
        assert (np.abs(np.diff(road.level)) <= STANDARD.grade * step + 1e-6).all()
        bearing = np.arctan2(np.diff(road.y), np.diff(road.x))
        tangents = [
            tangent_length(turn_angle(a, b), STANDARD.radius, STANDARD.clothoid)
            for a, b in pairwise(bearing)
        ]
        for i, length in enumerate(step[1:-1], start=1):
            assert tangents[i - 1] + tangents[i] <= length + 1e-6
        for (x0, x1), (y0, y1), (z0, z1) in zip(
            pairwise(road.x),
            pairwise(road.y),
            pairwise(road.level),
            strict=True,
        ):
            if LineString([(x0, y0), (x1, y1)]).intersects(lake):
                assert min(z0, z1) >= FULL + world.freeboard
        # the best of a round is what the search found; all others must not cross themselves
        simple = LineString(np.column_stack((road.x, road.y))).is_simple
        assert simple or each.best_of_round


def test_shares_add_up_and_names_tell_them_apart(found: corridor.Alternatives) -> None:
    for each in found.rated:
        assert 0 <= each.bridge + each.tunnel <= 1
        assert 0 <= each.crossed_over <= 1
        length = np.hypot(np.diff(each.corridor.x), np.diff(each.corridor.y)).sum()
        assert each.length == pytest.approx(length)
    assert found.rated[0].name == "cheapest"
    assert all(each.name for each in found.rated)


def test_threads_do_not_change_what_is_found(
    world: corridor.Site, found: corridor.Alternatives
) -> None:
    alone = rated(world, workers=1)
    prices = [[each.corridor.price for each in one.rated] for one in (alone, found)]
    assert prices[0] == prices[1]
    assert alone.shortlist == found.shortlist


def test_a_search_without_a_road_has_failed_and_is_told(world: corridor.Site) -> None:
    # nothing may lie on the other bank, beyond the ends of the lake
    barred = replace(world, no_go=(box(0, 0, 9e4, 1700),))
    got = rated(barred, FEW.model_copy(update={"count": 400}))
    other = [i for i in range(got.searches) if THEMES[i % len(THEMES)][0] == "other bank"]
    assert got.searches == FEW.rounds
    assert got.failed == len(other) >= 1
    assert all((each.corridor.y > 1700).all() for each in got.rated)


def test_roads_of_all_rounds_keep_the_rules_of_the_variant_and_have_a_price(
    world: corridor.Site,
) -> None:
    higher = WANTED.model_copy(update={"higher_m": 60.0, "tunnel_weight": 0.4})
    rounds = _themes(world, higher, VALLEY)
    changed = {name: higher.model_copy(update=changes) for name, changes in rounds}
    assert changed["higher"].higher_m == 100
    assert changed["tunnel-rich"].tunnel_weight == pytest.approx(0.24)
    assert changed["cheapest"] == higher
    got = rated(world, FEW.model_copy(update={"count": 12}), variant=higher)
    assert got.searches == FEW.rounds
    assert np.isfinite([each.corridor.price for each in got.rated]).all()


def test_without_a_name_of_the_river_no_bank_is_preferred(world: corridor.Site) -> None:
    nameless = replace(world, rivers=tuple(("", line) for _, line in world.rivers))
    got = rated(nameless, FEW.model_copy(update={"count": 5}))
    assert not {each.theme for each in got.rated} & {"other bank", "same bank"}
    assert all(np.isnan(each.crossed_over) for each in got.rated)


def test_no_road_at_all_is_an_error() -> None:
    walled = site(no_go=(box(3000, -1e4, 3200, 1e4),))
    with pytest.raises(NoRouteError, match="dam: no road of 'test'"):
        rated(walled)


def test_a_short_shortlist_gives_its_reason(world: corridor.Site) -> None:
    strict = FEW.model_copy(update={"count": 4, "alike": 0.01, "shortlist": 4})
    got = rated(world, strict)
    assert len(got.shortlist) < 4
    assert "shares 1%" in got.shortfall or "times the best" in got.shortfall


def test_looking_may_be_cancelled(world: corridor.Site) -> None:
    def stop(what: str, opened: int) -> None:
        if "there" in what and opened:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rated(world, tell=stop)


def line(y: float, length: float = 3000.0, road: Corridor | None = None) -> Corridor:
    """Lay points to the east."""
    x = np.arange(0, length + 1, 100.0)
    blank: Any = road or object.__new__(Corridor)
    object.__setattr__(blank, "x", x)
    object.__setattr__(blank, "y", np.full(x.size, y))
    return blank


@settings(max_examples=20)
@given(off=st.floats(0, 600), within=st.floats(50, 400))
def test_parallel_roads_are_alike_up_to_the_distance(off: float, within: float) -> None:
    share = similarity(line(0.0), line(off), within)
    assert share == (1.0 if off <= within else 0.0)


def test_a_road_within_another_is_alike_whichever_comes_first() -> None:
    short, long = line(0.0, 1000.0), line(0.0, 4000.0)
    assert similarity(short, long, 10.0) == similarity(long, short, 10.0) == 1.0


def test_spliced_roads_are_new_and_cost_what_their_moves_do() -> None:
    got = rated(site(1), FEW.model_copy(update={"count": 60, "a_round": 9}))
    pieces = [each for each in got.rated if each.theme == SPLICED]
    whole = [each for each in got.rated if each.theme != SPLICED]
    assert pieces
    moves = {
        move
        for each in whole
        for move in pairwise(
            zip(each.corridor.x, each.corridor.y, each.corridor.level, strict=True)
        )
    }
    for each in pieces:
        road = each.corridor
        assert set(pairwise(zip(road.x, road.y, road.level, strict=True))) <= moves
        assert LineString(np.column_stack((road.x, road.y))).is_simple


def test_a_round_that_keeps_higher_finds_its_cells_on_the_ground_of_the_first(
    world: corridor.Site,
) -> None:
    cells = []
    for higher in (0.0, 40.0):
        wanted = Variant(name="test", title="test", speed_kmh=60, higher_m=higher)
        asked = prepare(world, GAP, wanted, rules=VALLEY, standard=STANDARD, prices=PRICES)
        ground = asked.survey().ground
        cells.append(set(zip(ground.row.tolist(), ground.col.tolist(), strict=True)))
    assert cells[1] <= cells[0]
