"""Laws of the searches: as cheap as networkx finds it, on any ground and between any ends."""

import itertools
from collections.abc import Callable
from dataclasses import replace
from math import inf
from time import sleep
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from skimage.graph import MCP_Geometric
from small_ground import (
    CELL,
    CLOSE,
    COLS,
    ROWS,
    STANDARD,
    STEP,
    STEPS,
    Array,
    Case,
    cases,
    dearer,
    ends_at,
    ground_of,
    laid,
    number,
    one_end,
    relief,
    tariff_of,
)

from realign.corridor import ground as ground_module
from realign.corridor import price as price_module
from realign.corridor import search as search_module
from realign.corridor.ground import Crossed, Ground
from realign.corridor.lattice import HEADINGS
from realign.corridor.price import NONE, tabulate, way_price
from realign.corridor.search import FAR, Ends, Found, Steps, bounds, entry, guided, least_price
from realign.corridor.spliced import spliced

LEVEL = np.full((ROWS, COLS), 1000.0)


def level_case(turn: int = 2, col: int = COLS - 1, **given: Any) -> Case:
    """Level ground with one end to each side."""
    ground = ground_of(LEVEL)
    ends = (one_end(ground, 4, 0), one_end(ground, 4, col))
    return replace(
        Case(ground, tariff_of(), *ends, Steps(turn, turn, 0, STEPS.rise, STEPS.bend)), **given
    )


def off(one: int, other: int) -> int:
    return abs((one - other + 8) % 16 - 8)


def walk(case: Case, found: Found) -> tuple[list[int], list[int], list[int]]:
    """Take the moves of a way, the levels that each climbs, and its price in the table."""
    headings, climbed, prices = [], [], []
    for (a, first), (b, last) in itertools.pairwise(zip(found.cell, found.level, strict=True)):
        move = case.ground.neighbour[a].tolist().index(b)
        headings.append(move)
        climbed.append(int(last - first))
        prices.append(entry(case.ground, case.table, int(a), move, int(first), int(last)))
    return headings, climbed, prices


# as cheap as networkx


@settings(max_examples=8)
@given(case=cases())
def test_bounds_are_those_of_networkx(case: Case) -> None:
    ends = oracles.tie_ins(case.ends, case.units(case.ends))
    wanted = oracles.cheapest_to_end(case.graph(), [(tie.at, tie.price) for tie in ends])
    levels = np.diff(case.ground.start)
    states = [
        (cell, int(case.ground.lowest[cell]) + k)
        for cell in range(levels.size)
        for k in range(levels[cell])
    ]
    assert case.bound.tolist() == [wanted.get(each, FAR) for each in states]
    starts = oracles.tie_ins(case.starts, case.units(case.starts))
    least = min(tie.price + wanted.get(tie.at, FAR) for tie in starts)
    assert least_price(case.ground, case.table, case.starts, case.bound) == min(least, FAR)


@settings(max_examples=10)
@given(case=cases())
def test_the_search_is_as_cheap_as_networkx(case: Case) -> None:
    assert case.price == oracles.cheapest_road(case.roads())


@settings(max_examples=6)
@given(case=cases(), margin=st.sampled_from([0.0, 0.01, 0.1]))
def test_labels_within_the_margin_are_exact_and_bounds_never_above_what_is_left(
    case: Case, margin: float
) -> None:
    found, labels = case.search(margin=margin)
    assume(found is not None)
    assert found is not None
    start, levels = case.ground.start, np.diff(case.ground.start)
    checked = 0
    for ((cell, level), heading), (spent, left) in oracles.labels(case.roads()).items():
        k = level - int(case.ground.lowest[cell])
        assert case.bound[start[cell] + k] <= left
        label = int(labels.spent[start[cell] * HEADINGS + heading * levels[cell] + k])
        assert label == 0 or label - 1 >= spent
        if spent + left <= found.price * (1 + margin):
            checked += 1
            assert label - 1 == spent
    assert checked >= found.cell.size - 2


@given(case=cases())
def test_the_way_costs_the_sum_of_the_table_and_keeps_its_turns_and_tie_ins(case: Case) -> None:
    found, _ = case.search()
    assume(found is not None)
    assert found is not None
    assert keeping(case, found) == found.price


def keeping(case: Case, found: Found) -> int:
    """Price of a road that keeps its turns and the headings and grades of its tie-ins."""
    headings, climbed, prices = walk(case, found)
    assert max(prices) < NONE
    turns = [off(a, b) for a, b in itertools.pairwise(headings)]
    assert max(turns, default=0) <= case.steps.sharp
    bends = case.steps.extra * sum(turn > case.steps.turn for turn in turns)
    for ends, which, i in ((case.starts, found.first, 0), (case.ends, found.last, -1)):
        assert (found.cell[i], found.level[i]) == (ends.cell[which], ends.level[which])
        assert off(int(ends.heading[which]), headings[i]) <= min(1, case.steps.turn)
        grade = climbed[i] * STEP / (STEP / case.steps.rise[headings[i]])
        assert abs(grade - ends.grade[which]) <= case.steps.bend[headings[i]]
    outside = case.units(case.starts)[found.first] + case.units(case.ends)[found.last]
    return sum(prices) + bends + outside


@given(case=cases(), seed=st.integers(0, 999), used=st.floats(0.05, 1.0))
def test_roads_spliced_from_others_keep_turns_and_tie_ins_and_are_no_cheaper_than_the_best(
    case: Case, seed: int, used: float
) -> None:
    rng = np.random.default_rng(seed)
    others = []
    for _ in range(4):
        factor = case.ground.factor * rng.uniform(1, 4, case.ground.factor.shape)
        other = replace(case, ground=case.ground._replace(factor=factor.astype(np.float32)))
        found, _ = other.search()
        if found is not None and found.cell.size > 1:
            others.append(found)
    assume(len(others) > 1)
    ends = case.starts, case.ends
    for road in spliced(case.ground, case.tariff, ends, others, within=1.0, used=used):
        assert keeping(case, road) >= case.price
        paid = float(way_price(case.ground, case.tariff, road.cell, road.level)[-1])
        paid += case.starts.price[road.first] + case.ends.price[road.last]
        assert road.price == pytest.approx(paid, abs=0.51)


@given(case=cases())
def test_the_price_is_no_less_than_the_bound_and_equal_where_all_may_turn(case: Case) -> None:
    least = least_price(case.ground, case.table, case.starts, case.bound)
    assert case.price >= min(least, FAR)
    free = ends_of_all_headings(case)
    least = least_price(case.ground, case.table, free.starts, free.bound)
    assert free.price == (least if least < FAR else inf)


def ends_of_all_headings(case: Case) -> Case:
    """Let every turn and kink be allowed, from ends that face every way."""

    def all_round(ends: Ends) -> Ends:
        return Ends(
            *(np.tile(each, HEADINGS) for each in (ends.cell, ends.level)),
            np.repeat(np.arange(HEADINGS, dtype=np.int32), ends.cell.size),
            *(np.tile(each, HEADINGS) for each in (ends.grade, ends.price)),
        )

    steps = Steps(8, 8, 0, case.steps.rise, np.full(HEADINGS, inf))
    return replace(case, starts=all_round(case.starts), ends=all_round(case.ends), steps=steps)


def test_a_road_of_one_move_is_found() -> None:
    case = level_case(col=3)
    found, _ = case.search()
    assert found is not None
    assert found.cell.size == 2
    assert found.price == oracles.cheapest_road(case.roads())


def test_distances_on_level_ground_lie_between_straight_and_those_of_scikit_image() -> None:
    shape = (40, 55)
    ground = ground_of(np.full(shape, 1000.0), levels=(1000.0, 1000.0))
    assert ground.start[-1] == shape[0] * shape[1]
    prices = tariff_of()
    table = tabulate(ground, prices, climb=2)
    got = bounds(ground, table, one_end(ground, 9, 12)).reshape(shape) * table.unit
    metre = float(prices.price[0, 0, 90])
    near = 0.6 * table.unit * 20  # a move is rounded by half a unit, and the ways have 20 at most
    rows, cols = np.indices(shape)
    across, along = np.abs(rows - 9), np.abs(cols - 12)
    assert (got >= np.hypot(across, along) * CELL * metre - near).all()
    # ways of straight and slanting moves of six cells are open to both
    octile, _ = MCP_Geometric(np.full(shape, metre)).find_costs([(9, 12)])
    both = (across % 6 == 0) & (along % 6 == 0)
    assert (got[both] <= octile[both] * CELL + near).all()
    same = both & ((across == 0) | (along == 0) | (across == along))
    assert got[same] == pytest.approx(octile[same] * CELL, abs=near)


# what is allowed


@given(case=cases())
def test_one_more_step_of_turn_never_costs_more(case: Case) -> None:
    prices = [case.turned(turn).price for turn in range(6)]
    assert prices == sorted(prices, reverse=True)


@given(case=cases())
def test_one_more_level_of_climb_never_costs_more(case: Case) -> None:
    prices = [replace(case, climb=climb).price for climb in range(4)]
    assert prices == sorted(prices, reverse=True)


@given(case=cases())
def test_a_larger_kink_at_the_tie_ins_never_costs_more(case: Case) -> None:
    bends = [case.steps._replace(bend=STEPS.bend * k) for k in (0.0, 0.2, 0.5, 1.0)]
    prices = [replace(case, steps=steps).price for steps in bends]
    assert prices == sorted(prices, reverse=True)


@given(case=cases())
def test_one_more_end_never_costs_more_and_an_end_twice_costs_the_same(case: Case) -> None:
    def first(ends: Ends, n: int) -> Ends:
        return Ends(*(each[:n] for each in ends))

    n = case.ends.cell.size
    prices = [replace(case, ends=first(case.ends, i)).price for i in range(1, n + 1)]
    assert prices == sorted(prices, reverse=True)
    twice = Ends(*(np.concatenate((each, each)) for each in case.ends))
    assert replace(case, ends=twice).price == case.price
    alone = [
        replace(case, ends=Ends(*(each[i : i + 1] for each in case.ends))).price for i in range(n)
    ]
    assert case.price == min(alone)


def test_the_cheapest_of_several_ends_in_one_place_that_fits_is_met() -> None:
    case = level_case()
    here = [(4, COLS - 1, heading, 0) for heading in (8, 0, 0, 0, 0)]
    # by heading the first does not fit, by grade the second does not, and the last is dearer
    ends = ends_at(case.ground, here, [0.0, 0.0, 300.0, 100.0, 200.0], [0.0, 0.5, 0.0, 0.0, 0.0])
    many = replace(case, ends=ends)
    found, _ = many.search()
    assert found is not None
    assert found.last == 3
    assert found.price == case.price + many.units(ends)[3]
    back = many.back()
    found, _ = back.search()
    assert found is not None
    assert found.first == 3
    assert found.price == case.price + many.units(ends)[3]


@pytest.mark.parametrize("share", [0.99, 1.01])
@pytest.mark.parametrize("side", ["starts", "ends"])
def test_a_tie_in_is_met_only_where_its_grade_bends_no_more_than_a_curve_can(
    share: float, side: str
) -> None:
    case = level_case(climb=0)
    kink = share * float(STEPS.bend.max())
    steep = replace(case, **{side: getattr(case, side)._replace(grade=np.array([kink]))})
    found, _ = steep.search()
    assert (found is not None) == (share < 1)


def test_a_road_too_sharp_for_its_end_is_no_road() -> None:
    case = level_case(turn=0)
    sharp = replace(case, ends=one_end(case.ground, 4, COLS - 1, 8))
    assert sharp.bound.max() < FAR
    assert sharp.search()[0] is None
    askew = replace(case, ends=one_end(case.ground, 4, COLS - 1, 1))
    assert askew.search()[0] is None  # a radius that allows no turn allows none at a tie-in
    assert askew.back().search()[0] is None


def test_no_end_on_the_ground_gives_no_bound_and_no_road() -> None:
    case = level_case()
    high = replace(case, ends=case.ends._replace(level=case.ends.level + 100))
    assert (high.bound == FAR).all()
    assert least_price(high.ground, high.table, high.starts, high.bound) == FAR
    assert high.search()[0] is None
    low = replace(case, starts=case.starts._replace(level=case.starts.level - 100))
    assert least_price(low.ground, low.table, low.starts, low.bound) == FAR
    assert low.search()[0] is None
    none = Ends(*(each[:0] for each in case.ends))
    assert (replace(case, ends=none).bound == FAR).all()


@pytest.mark.parametrize("side", ["starts", "ends"])
@pytest.mark.parametrize("units", [1e9, 3e9, 1e12, 1e300])
def test_a_tie_in_that_is_dearer_than_can_be_counted_is_none(side: str, units: float) -> None:
    case = level_case()
    ties = getattr(case, side)
    dear = ties._replace(price=ties.price + units * case.table.unit)
    both = Ends(*(np.concatenate(each) for each in zip(dear, ties, strict=True)))
    found, _ = replace(case, **{side: both}).search()
    alone, _ = case.search()
    assert found is not None
    assert alone is not None
    assert found.price == alone.price
    if units > FAR:
        assert replace(case, **{side: dear}).search()[0] is None


# symmetry


@given(case=cases(), k=st.sampled_from([0.25, 2.0, 8.0]))
def test_prices_times_k_leave_the_way(case: Case, k: float) -> None:
    once, _ = case.search()
    tariff = case.tariff._replace(
        price=case.tariff.price * np.float32(k),
        ends=case.tariff.ends * k,
        short=case.tariff.short * k,
        per_metre=case.tariff.per_metre * k,
    )
    dear = replace(
        case,
        tariff=tariff,
        starts=case.starts._replace(price=case.starts.price * k),
        ends=case.ends._replace(price=case.ends.price * k),
    )
    again, _ = dear.search()
    assert dear.table.unit == k * case.table.unit
    assert (dear.table.price == case.table.price).all()
    assert (once is None) == (again is None)
    if once is not None and again is not None:
        assert again.price == once.price
        assert again.cell.tolist() == once.cell.tolist()
        assert again.level.tolist() == once.level.tolist()


@given(seed=st.integers(0, 1000), k=st.sampled_from([0.1, 3.0, 1000.0]))
def test_unit_prices_times_k_are_prices_times_k(seed: int, k: float) -> None:
    ground = ground_of(relief(seed, 15.0))
    ends = one_end(ground, 4, 0), one_end(ground, 4, COLS - 1)
    case = Case(ground, tariff_of(), *ends, Steps(3, 3, 0, STEPS.rise, STEPS.bend))
    dear = replace(case, tariff=tariff_of(dearer(CLOSE, k)))
    assert dear.money == pytest.approx(k * case.money, rel=1e-5)


def flipped(ends: Ends, cell: Callable[[int], int], heading: Callable[[int], int]) -> Ends:
    return ends._replace(
        cell=np.array([cell(int(c)) for c in ends.cell], np.int32),
        heading=np.array([heading(int(h)) % HEADINGS for h in ends.heading], np.int32),
    )


@given(
    seed=st.integers(0, 10_000),
    rise=st.sampled_from([3.0, 8.0, 15.0]),
    holes=st.sampled_from([0.0, 0.08]),
    turn=st.integers(1, 4),
    upright=st.booleans(),
)
def test_mirrored_ground_has_the_mirrored_path(
    seed: int, rise: float, holes: float, turn: int, *, upright: bool
) -> None:
    rng = np.random.default_rng(seed)
    forbidden = rng.random((ROWS, COLS)) < holes
    floor = np.where(rng.random((ROWS, COLS)) < 0.1, 1002, -np.inf).astype(np.float32)
    forbidden[:, [0, -1]] = False
    floor[:, [0, -1]] = -np.inf
    factor = rng.uniform(1, 1.5, (3, ROWS, COLS))
    way = (slice(None, None, -1), slice(None)) if upright else (slice(None), slice(None, None, -1))
    river = np.array([[5.317, -1.0, 6.129, ROWS]])

    def look(*way: slice) -> Ground:
        line = river.copy()
        if way[0].step:
            line[:, [1, 3]] = ROWS - 1 - line[:, [1, 3]]
        if way[1].step:
            line[:, [0, 2]] = COLS - 1 - line[:, [0, 2]]
        return ground_of(
            relief(seed, rise)[way],
            forbidden=forbidden[way],
            floor=floor[way],
            layers=laid((ROWS, COLS), factor[:, way[0], way[1]]),
            crossed=Crossed(
                line, np.array([[300.0, 0, 0]]), np.array([0.5]), np.full((1, 3), 40.0)
            ),
        )

    ground, other = look(slice(None), slice(None)), look(*way)
    starts = ends_at(ground, [(3, 0, 0, 0), (5, 0, 1, 0)], [10.0, 500.0], [0.0, 0.0])
    ends = ends_at(ground, [(4, COLS - 1, 0, 0), (2, COLS - 1, 15, 0)], [10.0, 700.0], [0.02, 0.0])
    case = Case(ground, tariff_of(), starts, ends, Steps(turn, turn, 0, STEPS.rise, STEPS.bend))

    def cell(c: int) -> int:
        row, col = int(ground.row[c]), int(ground.col[c])
        return number(other, ROWS - 1 - row, col) if upright else number(other, row, COLS - 1 - col)

    def heading(h: int) -> int:
        return -h if upright else 8 - h

    mirrored = replace(
        case,
        ground=other,
        starts=flipped(starts, cell, heading),
        ends=flipped(ends, cell, heading),
    )
    near = case.table.unit * (
        COLS + ROWS
    )  # a price on the edge of a unit may be rounded either way
    found, _ = case.search()
    if found is None:
        assert mirrored.search()[0] is None
        return
    assert mirrored.money == pytest.approx(case.money, abs=near)
    path = found._replace(cell=np.array([cell(int(c)) for c in found.cell], np.int32))
    price = sum(walk(mirrored, path)[2])
    price += mirrored.units(starts)[found.first] + mirrored.units(ends)[found.last]
    assert price * mirrored.table.unit == pytest.approx(mirrored.money, abs=near)


@given(case=cases())
def test_a_road_costs_the_same_in_both_directions(case: Case) -> None:
    assert case.back().price == case.price


# what goes wrong is found out


def test_a_bound_that_is_too_large_is_found_out() -> None:
    case = level_case()
    right, _ = case.search()
    assert right is not None
    wrong = case.bound.copy()
    for cell, level in list(zip(right.cell, right.level, strict=True))[1:-1]:
        wrong[case.ground.start[cell] + level - case.ground.lowest[cell]] += NONE
    assert right.price == oracles.cheapest_road(case.roads())
    misled, _ = case.search(bound=wrong)
    assert misled is None or misled.price > right.price
    graph = case.graph()
    ends = oracles.tie_ins(case.ends, case.units(case.ends))
    exact = oracles.cheapest_to_end(graph, [(tie.at, tie.price) for tie in ends])
    above = [
        (cell, level)
        for (cell, level), price in exact.items()
        if wrong[case.ground.start[cell] + level - case.ground.lowest[cell]] > price
    ]
    assert sorted(above) == sorted(
        (int(c), int(v)) for c, v in list(zip(right.cell, right.level, strict=True))[1:-1]
    )


def test_every_stage_of_a_search_may_be_cancelled() -> None:
    class CancelledError(Exception):
        pass

    told: list[int] = []

    def cancel(count: int) -> None:
        told.append(count)
        raise CancelledError

    case = level_case()
    given = case.ground, case.table
    with pytest.raises(CancelledError):
        tabulate(case.ground, case.tariff, climb=2, tell=cancel)
    with pytest.raises(CancelledError):
        bounds(*given, case.ends, tell=cancel)
    with pytest.raises(CancelledError):
        guided(*given, case.starts, case.ends, case.bound, steps=case.steps, tell=cancel)
    assert len(told) == 3
    assert told[0] == case.ground.row.size
    assert min(told) > 0


def test_cancelled_prices_are_not_worked_out(monkeypatch: pytest.MonkeyPatch) -> None:
    priced: list[tuple[int, int]] = []
    fill = price_module._fill_table

    def counted(*given: Any) -> int:
        priced.append(given[3])
        sleep(0.001)
        return int(fill(*given))

    monkeypatch.setattr(price_module, "_fill_table", counted)
    monkeypatch.setattr(price_module, "CHUNK", 1)
    case = level_case()

    def cancel(_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tabulate(case.ground, case.tariff, climb=2, tell=cancel)
    assert len(priced) < case.ground.row.size / 2


@pytest.mark.parametrize("workers", [2, 7])
def test_the_table_is_the_same_however_many_threads_fill_it(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = level_case()
    monkeypatch.setattr(price_module, "CHUNK", 3)
    table = tabulate(case.ground, case.tariff, climb=2, workers=workers)
    assert (table.price == case.table.price).all()
    assert table[1:] == case.table[1:]


def test_compiled_code_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    z = relief(3, 8.0)[:, :8]
    floor = np.full(z.shape, -np.inf, np.float32)
    floor[3, 3:5] = 1004.0
    forbidden = np.zeros(z.shape, bool)
    forbidden[6, 4] = True
    layers = laid(z.shape)
    layers = layers._replace(per_metre=np.full((3, *z.shape), 0.5, np.float32))
    crossed = Crossed(
        np.array([[2.2, -1.0, 2.9, 9.0], [0.0, 1.2, 9.0, 1.4]]),
        np.array([[50.0, 0.0, 0.0], [20.0, 20.0, 0.0]]),
        np.array([0.5, 0.0]),
        np.array([[30.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
    )

    def plan_all() -> tuple[Array, ...]:
        ground = ground_of(z, floor=floor, forbidden=forbidden, layers=layers, crossed=crossed)
        ends = one_end(ground, 4, 0), one_end(ground, 4, 6)
        tariff = tariff_of(CLOSE._replace(min_bridge=100.0))
        case = Case(ground, tariff, *ends, Steps(2, 2, 0, STEPS.rise, STEPS.bend))
        found, labels = case.search(margin=0.05)
        assert found is not None
        arrays = (*ground, case.tariff.price, case.tariff.form, case.table.price, case.bound)
        return (*arrays, found.cell, found.level, np.array(found.price), *labels[:2])

    compiled = plan_all()
    for module, names in (
        (ground_module, ("_look", "_between", "_cross")),
        (price_module, ("_fill_tariff", "_fill_table", "_priced", "_mixed", "_height")),
        (price_module, ("forms_allowed", "move_price")),
        (search_module, ("_relax", "_guided", "_meet", "_push")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).py_func)
    for fast, slow in zip(compiled, plan_all(), strict=True):
        assert np.asarray(slow, np.float64) == pytest.approx(np.asarray(fast, np.float64), rel=2e-5)


@pytest.mark.parametrize("form", ["bridge", "tunnel"])
def test_what_can_only_be_a_structure_keeps_its_gentler_grade(form: str) -> None:
    # a slope of 4.5 % along the road, cut by a gorge or barred by a ridge 600 m wide
    long = 60
    along = np.arange(long) * CELL
    across = (along > 1500) & (along < 2160)
    ground_level = 1000 + 0.045 * along + np.where(across, -45.0 if form == "bridge" else 60.0, 0.0)
    ground = ground_of(np.tile(ground_level, (9, 1)), depth=90.0, deck=58.0)
    limit = STANDARD.grade_bridge if form == "bridge" else STANDARD.grade_tunnel

    def road(**lifted: float) -> tuple[Array, Array, float]:
        rules = replace(STANDARD, **lifted)
        ends = (one_end(ground, 4, 0), one_end(ground, 4, long - 1))
        ends = tuple(each._replace(grade=np.array([0.045])) for each in ends)
        case = Case(
            ground, tariff_of(standard=rules), *ends, Steps(2, 2, 0, STEPS.rise, STEPS.bend)
        )
        found, _ = case.search()
        assert found is not None
        xy = np.column_stack((ground.col[found.cell], ground.row[found.cell])) * CELL
        run, climb = np.hypot(*np.diff(xy, axis=0).T), np.diff(found.level * STEP)
        share = np.linspace(0.0, 1.0, 9)
        places = xy[:-1, :1] + np.diff(xy[:, :1], axis=0) * share
        level = (found.level[:-1] * STEP)[:, None] + climb[:, None] * share
        height = level - np.interp(places, along, ground_level)
        if form == "bridge":
            built = (height > CLOSE.max_fill + 1).all(axis=1)
        else:
            built = (height < -CLOSE.max_cut - 1).all(axis=1)
        assert built.any()
        return np.abs(climb)[built], run[built], case.money

    climb, run, price = road()
    assert (climb <= limit * run + 1e-6).all()
    climb, run, free = road(grade_bridge=STANDARD.grade, grade_tunnel=STANDARD.grade)
    assert (climb > limit * run + 1e-6).any()
    assert free < price
