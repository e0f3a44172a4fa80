"""Laws of the price of a move: what lies under it, forms on it, the same on cells of any size."""

import itertools
from dataclasses import replace
from math import cos, inf, sin
from typing import Any

import numpy as np
import oracles
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, box
from small_ground import (
    CELL,
    CLOSE,
    COLS,
    ROWS,
    STANDARD,
    STEP,
    Array,
    Case,
    cases,
    ground_of,
    laid,
    number,
    one_end,
    raster,
    relief,
    state,
    tariff_of,
)

from realign import formation
from realign.corridor.ground import SAMPLES, SLOPE_STEP, SLOPES, Crossed, Ground, joined, pieces
from realign.corridor.lattice import HALF, HEADINGS, MOVES
from realign.corridor.price import (
    FINE,
    NONE,
    Tariff,
    _mixed,
    cheapest_move,
    dearest_move,
    forms_allowed,
    move_price,
    tabulate,
)
from realign.corridor.search import FAR, bounds, entry
from realign.formation import BRIDGE, OPEN, TUNNEL, Prices, river_crossing

LEVEL = np.full((ROWS, COLS), 1000.0)


def extremes(ground: Ground, cell: int) -> range:
    """All level numbers of a cell."""
    low = int(ground.lowest[cell])
    return range(low, low + int(ground.start[cell + 1] - ground.start[cell]))


# the table


@settings(max_examples=15)
@given(case=cases(), seed=st.integers(0, 1000))
def test_an_entry_of_the_table_is_the_price_in_whole_units(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground, table = case.ground, case.table
    for cell in rng.integers(ground.row.size, size=3).tolist():
        for move, other in enumerate(ground.neighbour[cell].tolist()):
            if other < 0:
                continue
            for first, last in itertools.product(extremes(ground, cell), extremes(ground, other)):
                got = entry(ground, table, cell, move, first, last)
                assert got == entry(ground, table, other, (move + 8) % 16, last, first)
                price = move_price(ground, case.tariff, cell, move, first, last)
                if abs(last - first) > case.climb or price == inf:
                    assert got == NONE
                else:
                    assert abs(got - price / table.unit) <= 0.5 + 1e-6
                    assert got >= table.least


@given(case=cases())
def test_no_move_is_dearer_than_the_dearest_and_the_cheapest_counts_enough_units(
    case: Case,
) -> None:
    table = case.table
    known = table.price[table.price != NONE]
    assume(known.size)
    dearest, cheapest = dearest_move(case.ground, case.tariff), cheapest_move(case.tariff)
    assert known.max() * table.unit <= dearest + table.unit
    assert known.min() * table.unit >= cheapest - table.unit
    assert table.least == known.min() >= 299
    assert known.max() < NONE - 1  # none that could not be counted


def test_a_move_off_the_table_is_none() -> None:
    ground = ground_of(LEVEL)
    table = tabulate(ground, tariff_of(), climb=2)
    edge, middle = number(ground, 4, COLS - 1), number(ground, 4, 6)
    assert entry(ground, table, edge, 0, 200, 200) == NONE
    assert entry(ground, table, middle, 0, 200, 203) == NONE
    high = extremes(ground, middle)[-1]
    assert entry(ground, table, middle, 0, high + 1, high) == NONE
    assert entry(ground, table, middle, 0, high, high + 1) == NONE
    assert entry(ground, table, middle, 8, high + 1, high) == NONE
    assert entry(ground, table, middle, 0, high, high) < NONE


def test_what_is_dearer_than_can_be_counted_counts_as_the_most() -> None:
    crossed = Crossed(
        np.array([[6.5, -9.0, 6.5, 99.0]]), np.full((1, 3), 1e9), np.zeros(1), np.zeros((1, 3))
    )
    plain, dear = ground_of(LEVEL), ground_of(LEVEL, crossed=crossed)
    table = tabulate(dear, tariff_of(), climb=2)
    assert (
        table.unit == cheapest_move(tariff_of()) / FINE > tabulate(plain, tariff_of(), climb=2).unit
    )
    over = entry(dear, table, number(dear, 4, 5), 0, 200, 200)
    beside = entry(dear, table, number(dear, 4, 0), 0, 200, 200)
    assert over == NONE - 1
    assert beside * table.unit == pytest.approx(
        180 * formation.section(0.5, 0.025, CLOSE).price, 0.01
    )


# the tariff


@given(
    up=st.floats(0, 8),
    aside=st.floats(0, 15),
    form=st.integers(0, 2),
    slope=st.integers(0, SLOPES - 1),
    lenient=st.floats(0, 1),
    seed=st.integers(0, 10_000),
)
def test_a_metre_costs_the_best_within_its_play_and_keeps_its_limits(
    up: float, aside: float, form: int, slope: int, lenient: float, seed: int
) -> None:
    plain = tariff_of().price[form, slope]
    played = tariff_of(play=(up, aside), lenient=lenient).price[form, slope]
    reach = round(up + aside * (slope + 0.5) * SLOPE_STEP)
    for h in np.random.default_rng(seed).integers(plain.size, size=20).tolist():
        best = plain[max(h - reach, 0) : h + reach + 1].min()
        keeps = round(lenient * reach) if form == OPEN else 0
        allowed = np.isfinite(plain[max(h - keeps, 0) : h + keeps + 1]).any()
        assert played[h] == (best if allowed else inf)


# the price of a move


@given(case=cases(), seed=st.integers(0, 1000))
def test_a_move_costs_the_same_driven_backwards(case: Case, seed: int) -> None:
    ground = case.ground
    cell = int(np.random.default_rng(seed).integers(ground.row.size))
    for move, other in enumerate(ground.neighbour[cell]):
        if other < 0:
            continue
        first, last = state(ground, cell), state(ground, other)
        there = move_price(ground, case.tariff, cell, move, first, last)
        back = move_price(ground, case.tariff, other, (move + 8) % 16, last, first)
        assert there == back


def test_a_move_off_the_ground_or_too_steep_has_no_price() -> None:
    ground, prices = ground_of(LEVEL), tariff_of()
    cell = number(ground, 4, 6)
    assert move_price(ground, prices, number(ground, 4, COLS - 1), 0, 200, 200) == inf
    assert move_price(ground, prices, cell, 0, 200, 202) < inf  # 5.6 %
    assert move_price(ground, prices, cell, 0, 200, 203) == inf  # 8.3 %


def test_a_move_costs_the_metres_under_its_samples() -> None:
    ground, prices = ground_of(LEVEL), tariff_of()
    cell = number(ground, 4, 6)
    level = formation.section(0.5, 0.025, CLOSE)
    assert move_price(ground, prices, cell, 0, 200, 200) == pytest.approx(180 * level.price)
    bridge = formation.section(10.5, 0.025, CLOSE)
    assert bridge.form == BRIDGE
    assert move_price(ground, prices, cell, 0, 202, 202) == pytest.approx(180 * bridge.price)
    metre = np.array([
        [formation.open_road(0.5 + h, 0.025, CLOSE).price]
        + [formation.structure(form, 0.5 + h, 0.025, CLOSE).price for form in (BRIDGE, TUNNEL)]
        for h in (0, 2, 4)
    ])  # fmt: skip
    deck = formation.section(5.5, 0.025, CLOSE).form
    wanted = oracles.cheapest_mixture(60 * metre, OPEN, deck, prices.ends, prices.short[:, 0])
    assert move_price(ground, prices, cell, 0, 200, 201) == pytest.approx(wanted)


close = st.floats(10, 30) | st.just(inf)


@settings(max_examples=150)
@given(
    metre=st.lists(st.tuples(close, close, close), min_size=SAMPLES, max_size=SAMPLES),
    first=st.integers(0, 2),
    last=st.integers(0, 2),
    abutment=st.floats(0, 10),
    portal=st.floats(0, 10),
    short=st.tuples(st.floats(0, 10), st.floats(0, 10)),
)
def test_forms_within_a_move_are_the_cheapest_of_all_27(
    metre: list[tuple[float, float, float]],
    first: int,
    last: int,
    abutment: float,
    portal: float,
    short: tuple[float, float],
) -> None:
    p = CLOSE._replace(abutment=abutment, portal=portal)
    ends = np.array([[formation.end_price(a, b, p) for b in range(3)] for a in range(3)])
    lacks = np.array([0.0, *short])
    wanted = oracles.cheapest_mixture(np.array(metre), first, last, ends, lacks)
    for way in (1, -1):
        each = np.array(metre)[::way]
        assert _mixed(each, *(first, last)[::way], ends, lacks) == pytest.approx(wanted)


@given(case=cases(), seed=st.integers(0, 1000))
def test_the_price_of_a_move_is_that_of_its_cheapest_forms(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground, prices = case.ground, case.tariff
    top = prices.price.shape[2] - 1

    def height(z: float, under: float) -> int:
        return min(max(int(np.floor(z - under)) + 90, 0), top)

    for cell, move in zip(
        rng.integers(ground.row.size, size=5), rng.integers(8, size=5), strict=True
    ):
        other = ground.neighbour[cell, move]
        if other < 0:
            continue
        for first, climbed in itertools.product(extremes(ground, cell), (-1, 0, 1, 2)):
            low, high = first * STEP, (first + climbed) * STEP
            got = move_price(ground, prices, cell, move, first, first + climbed)
            if min(low, high) < ground.floor[cell, move]:
                assert got == inf
                continue
            length = prices.length[move]
            grade = abs(high - low) / length
            metre = np.full((SAMPLES, 3), inf)
            for i, form in itertools.product(range(SAMPLES), range(3)):
                if grade > (STANDARD.grade, STANDARD.grade_bridge, STANDARD.grade_tunnel)[form]:
                    continue
                z = low + (high - low) * (i + 0.5) / SAMPLES
                under = height(z, float(ground.under[cell, move, i]))
                price = prices.price[form, ground.cross[cell, move, i], under]
                price = price * ground.factor[cell, move, form] + prices.per_metre
                metre[i, form] = price * length / SAMPLES
            forms = [
                int(prices.form[ground.steep[c], height(z, float(ground.level[c]))])
                for c, z in ((cell, low), (other, high))
            ]
            short = prices.short[:, move]
            wanted = oracles.cheapest_mixture(metre, *forms, prices.ends, short)
            assert got == pytest.approx(wanted, rel=1e-6)


def test_preferences_raise_prices_by_form() -> None:
    plain, valued, prices = ground_of(LEVEL), tariff_of(per_metre=2.0), tariff_of()
    factor = np.array([1.5, 1.25, 1.0])[:, None, None]
    exposed = ground_of(LEVEL, layers=laid(LEVEL.shape, factor))
    cell = number(plain, 4, 6)
    for level, share in ((200, 1.5), (202, 1.25)):
        price = move_price(plain, prices, cell, 0, level, level)
        assert move_price(exposed, prices, cell, 0, level, level) == pytest.approx(share * price)
        assert move_price(plain, valued, cell, 0, level, level) == pytest.approx(price + 360)


@given(
    seed=st.integers(0, 1000),
    form=st.sampled_from([BRIDGE, TUNNEL]),
    move=st.integers(0, HALF - 1),
    weights=st.lists(st.floats(0.2, 2), min_size=3, max_size=3, unique=True).map(sorted),
)
def test_the_price_of_a_form_weighed_less_is_spent_no_less_of(
    seed: int, form: int, move: int, weights: list[float]
) -> None:
    """The least of prices that are linear in a weight is concave in it, and grows with it."""
    ground = ground_of(relief(seed, 15.0))
    cell = int(np.flatnonzero(ground.neighbour[:, move] >= 0)[seed % 7])

    def weighed(weight: float) -> Tariff:
        return tariff_of(weight=(1.0, weight, 1.0) if form == BRIDGE else (1.0, 1.0, weight))

    a, b, c = weights
    for first in extremes(ground, cell):
        low, mid, high = (move_price(ground, weighed(w), cell, move, first, first) for w in weights)
        if low == inf:
            continue
        assert low <= mid * (1 + 1e-9)
        assert mid <= high * (1 + 1e-9)
        assert mid >= ((c - b) * low + (b - a) * high) / (c - a) * (1 - 1e-6)


def test_grades_of_tunnel_and_bridge_part_the_forms() -> None:
    for climb, allowed in ((5.39, 3), (5.41, 2), (7.19, 2), (7.21, 1)):
        assert forms_allowed(climb, 180.0, 0.03, 0.04) == allowed


def test_a_steep_move_is_never_a_tunnel_or_a_bridge() -> None:
    ground = ground_of(LEVEL, depth=40.0, deck=40.0, levels=(900.0, 1100.0))
    prices = tariff_of(standard=replace(STANDARD, grade_bridge=0.02, grade_tunnel=0.01))
    cell = number(ground, 4, 6)
    assert move_price(ground, prices, cell, 0, 206, 206) < inf  # on a bridge of 30 m
    assert move_price(ground, prices, cell, 0, 206, 207) == inf
    assert move_price(ground, prices, cell, 0, 193, 193) < inf  # in a tunnel
    assert move_price(ground, prices, cell, 0, 193, 192) == inf
    assert move_price(ground, prices, cell, 0, 200, 201) < inf


# what no move may touch


def test_no_move_touches_a_forbidden_cell() -> None:
    z = np.full((9, 9), 1000.0)
    prices = tariff_of()
    for row, col in itertools.product(range(1, 8), repeat=2):
        forbidden = np.zeros(z.shape, bool)
        forbidden[row, col] = True
        ground = ground_of(z, forbidden=forbidden)
        stone = box(col - 0.499, -row - 0.499, col + 0.499, -row + 0.499)
        for cell, (r, c) in enumerate(zip(ground.row, ground.col, strict=True)):
            for move, (east, north) in enumerate(MOVES):
                if ground.neighbour[cell, move] < 0:
                    continue
                crossed = LineString([(c, -r), (c + east, -r + north)]).intersects(stone)
                if crossed:
                    assert move_price(ground, prices, cell, move, 200, 200) == inf


def test_a_slanting_chain_of_forbidden_cells_is_a_wall() -> None:
    forbidden = np.eye(20, dtype=bool)[::-1]
    ground = ground_of(np.full((20, 20), 1000.0), forbidden=forbidden)
    table = tabulate(ground, tariff_of(), climb=2)
    bound = bounds(ground, table, one_end(ground, 2, 2))
    beyond = ground.row + ground.col > 19
    assert (bound[ground.start[:-1][beyond]] == FAR).all()
    assert (bound[ground.start[:-1][~beyond]] < FAR).any()


def test_water_lifts_every_move_over_it() -> None:
    z = np.full((9, 9), 1000.0)
    floor = np.full(z.shape, -np.inf, np.float32)
    floor[4, 4] = 1004.0
    ground = ground_of(z, floor=floor)
    prices = tariff_of()
    over = number(ground, 4, 3)
    assert move_price(ground, prices, over, 0, 200, 200) == inf
    assert move_price(ground, prices, over, 0, 200, 201) == inf
    assert move_price(ground, prices, over, 0, 201, 201) < inf
    assert move_price(ground, prices, number(ground, 6, 3), 0, 200, 200) < inf


def test_no_road_runs_beside_ground_that_is_not_known() -> None:
    z = np.full((9, 9), 1000.0)
    z[4, 4] = np.nan
    ground = ground_of(z, forbidden=np.isnan(z), levels=(990.0, 1010.0))
    beside = {(3, 4), (5, 4), (4, 3), (4, 5), (4, 4)}  # their slope is not known either
    assert not beside & set(zip(ground.row.tolist(), ground.col.tolist(), strict=True))


@given(z=st.integers(0, 1000).map(lambda seed: relief(seed, 40.0)), lowest=st.floats(-30, 5))
def test_levels_of_a_cell_lie_between_deepest_tunnel_and_highest_deck(
    z: Array, lowest: float
) -> None:
    ground = ground_of(z, levels=(1000 + lowest, 1030.0), depth=15.0, deck=20.0)
    count = np.diff(ground.start)
    low, high = ground.lowest * STEP, (ground.lowest + count - 1) * STEP
    assert (count > 0).all()
    assert (low >= np.maximum(ground.level - 15, 1000 + lowest)).all()
    assert (high <= np.minimum(ground.level + 20, 1030)).all()


# crossings

RIVERED = CLOSE._replace(river_half=30.0)
ENDS, OVER = river_crossing(RIVERED)
CROSSING = ENDS + 60 * OVER
SIDE = 840.0  # m, room for two moves from the middle on cells of 60 m


def crossed_by(
    road: list[int], river: Array, cell: float, *, p: Prices = RIVERED, half: float = 30.0
) -> float:
    """Price that a river adds to a road by moves on level ground, from the middle of it."""
    z = np.full((int(SIDE / cell) + 1,) * 2, 1000.0)
    each, over = river_crossing(p)
    rates = {"price": (each, 0.0, 0.0), "over": (over, 0.0, 0.0)}
    lines = pieces(raster(z, cell), [river], half=half, **rates)
    grounds = [
        ground_of(z, cell, levels=(1000.0, 1000.0), crossed=each) for each in (lines, joined())
    ]
    prices = tariff_of(p, cell=cell)
    at = number(grounds[0], int(SIDE / cell / 2), int(SIDE / cell / 2))
    added = 0.0
    for move in road:
        wet, dry = (move_price(each, prices, at, move, 200, 200) for each in grounds)
        added += wet - dry
        at = int(grounds[0].neighbour[at, move])
    return added


def through(x: float, y: float, angle: float, cell: float) -> Array:
    """Straight river through a point seen from the middle of the ground."""
    middle = cell * (int(SIDE / cell / 2) + 0.5)
    way = 5000 * np.array([cos(angle), sin(angle)])
    return np.array([middle + x, middle + y]) + np.array([[-1], [0.13], [1]]) * way


@pytest.mark.parametrize("heading", range(HEADINGS))
@given(
    share=st.floats(0.12, 0.88),
    angle=st.floats(0.6, np.pi - 0.6),
)
@settings(max_examples=4)
def test_crossing_a_river_costs_the_same_on_cells_of_any_size(
    heading: int, share: float, angle: float
) -> None:
    east, north = MOVES[heading]
    angle += float(np.arctan2(north, east))
    paid = [
        crossed_by(
            [heading] * int(2 * 60 / cell),
            through(share * 2 * 60 * east, share * 2 * 60 * north, angle, cell),
            cell,
        )
        for cell in (60.0, 30.0, 20.0)
    ]
    assert paid == pytest.approx([CROSSING] * 3)


joints = st.tuples(st.integers(0, HEADINGS - 1), st.integers(-3, 3))


def around(joint: tuple[int, int]) -> tuple[float, float]:
    """Bearings from a joint of two moves to where the road comes from and goes to."""
    heading, turn = joint
    back, ahead = MOVES[(heading + 8) % HEADINGS], MOVES[(heading + turn) % HEADINGS]
    return float(np.arctan2(*back[::-1])), float(np.arctan2(*ahead[::-1]))


def at_joint(joint: tuple[int, int], angles: tuple[float, ...], cell: float) -> tuple[Any, Any]:
    """Road that turns at the end of its first move, and a river of legs from there."""
    heading, turn = joint
    x, y = (cell * (int(SIDE / cell / 2) + 0.5) + cell * step for step in MOVES[heading])
    legs = [(x + 5000 * cos(angle), y + 5000 * sin(angle)) for angle in angles]
    river = [legs[0], (x, y), *legs[1:]]
    return [heading, (heading + turn) % HEADINGS], np.array(river)


@pytest.mark.parametrize("cell", [60.0, 20.0])
@given(joint=joints, between=st.floats(0.05, 0.95), same=st.floats(0.05, 0.95))
def test_a_vertex_of_a_river_at_a_joint_of_moves_is_crossed_once_or_not_at_all(
    cell: float, joint: tuple[int, int], between: float, same: float
) -> None:
    heading, turn = joint
    for bent in (turn, 0):
        back, ahead = around((heading, bent))
        left = (back - ahead) % (2 * np.pi)
        one, other = ahead + between * left, back + between * (2 * np.pi - left)
        paid = crossed_by(*at_joint((heading, bent), (one, other), cell), cell, half=0.0)
        # where road and river both bend in one point it may be more than once, but never free
        assert paid >= ENDS * (1 - 1e-6)
        assert bent or paid == pytest.approx(ENDS)
    assume(abs(same - between) > 0.01)
    road, river = at_joint((heading, 0), (one, ahead + same * left), cell)
    touched = crossed_by(road, river, cell, half=0.0)
    # twice, with one bridge over both where that is cheaper
    assert touched == pytest.approx(0) or ENDS < touched <= 2 * ENDS * (1 + 1e-6)


@pytest.mark.parametrize("cell", [60.0, 20.0])
@given(joint=joints, angle=st.floats(0, 2 * np.pi))
def test_a_straight_river_through_a_joint_of_moves_is_crossed_once(
    cell: float, joint: tuple[int, int], angle: float
) -> None:
    back, ahead = around(joint)
    assume(min(abs(np.sin(angle - back)), abs(np.sin(angle - ahead))) > 0.55)
    assume((np.sin(angle - back) > 0) != (np.sin(angle - ahead) > 0))
    road, river = at_joint(joint, (angle, angle + np.pi), cell)
    assert crossed_by(road, river, cell) == pytest.approx(CROSSING, rel=1e-5)


def test_a_river_is_crossed_as_often_as_it_meets_the_road() -> None:
    middle = 60 * (int(SIDE / 60 / 2) + 0.5)
    xs = np.arange(4) * 97.0 + 41
    zigzag = np.column_stack((middle + xs, middle + 200 * (-1.0) ** np.arange(4)))
    road = LineString([(middle, middle), (middle + 360, middle)])
    met = sum(
        road.intersects(LineString(piece)) for piece in np.stack((zigzag[:-1], zigzag[1:]), 1)
    )
    assert met == 3
    assert crossed_by([0] * 2, zigzag, 60.0) == pytest.approx(3 * CROSSING)
    assert crossed_by([8] * 2, zigzag, 60.0) == pytest.approx(0)


def test_a_road_high_over_a_river_pays_no_second_bridge() -> None:
    z = np.full((9, 12), 1000.0)
    line = pieces(raster(z), [np.array([[400.0, -9e3], [400.0, 9e3]])], price=(900.0, 0.0, 0.0))
    wet, dry = ground_of(z, crossed=line, deck=40.0), ground_of(z, deck=40.0)
    prices = tariff_of()
    cell = number(wet, 4, 4)
    for level, added in ((200, 900.0), (202, 0.0)):
        plain = move_price(dry, prices, cell, 0, level, level)
        assert move_price(wet, prices, cell, 0, level, level) - plain == pytest.approx(added)


@given(
    angle=st.floats(-0.5, 0.5),
    offset=st.floats(-200, 200),
    half=st.floats(20, 120),
    move=st.integers(0, HALF - 1),
    start=st.floats(-400, 400),
)
def test_no_open_road_runs_along_a_river(
    angle: float, offset: float, half: float, move: int, start: float
) -> None:
    """Where only open road is allowed, a move is one exactly if no sample of it is on a river."""
    z = np.full((15, 15), 1000.0)
    east, north = MOVES[move]
    bearing = np.arctan2(north, east) + angle
    way, aside = np.array([cos(bearing), sin(bearing)]), np.array([-sin(bearing), cos(bearing)])
    begin = np.array([450.0, 450.0]) + offset * aside + start * way
    river = np.array([begin, begin + 300 * way])
    lines = pieces(raster(z), [river], price=(0.0, 0.0, 0.0), half=half)
    ground = ground_of(z, crossed=lines)
    open_only = tariff_of(standard=replace(STANDARD, grade_bridge=-1.0, grade_tunnel=-1.0))
    cell = number(ground, 7, 7)
    line = LineString(river)
    away = [
        line.distance(Point(450 + f * east * CELL, 450 + f * north * CELL))
        for f in (1 / 6, 3 / 6, 5 / 6)
    ]
    assume(all(abs(each - half) > 1e-6 for each in away))
    price = move_price(ground, open_only, cell, move, 200, 200)
    assert (price < inf) == (min(away) > half)
    across = replace_way(river)
    lines = pieces(raster(z), [across], price=(0.0, 0.0, 0.0), half=half)
    ground = ground_of(z, crossed=lines)
    assert move_price(ground, open_only, cell, move, 200, 200) < inf


def replace_way(line: Array) -> Array:
    """Turn a line a quarter about its beginning."""
    way = line[1] - line[0]
    return np.array([line[0], line[0] + np.array([-way[1], way[0]])])


def test_pieces_are_those_near_the_window() -> None:
    land = raster(np.full((9, 12), 1000.0))
    line: Any = np.array([[-500.0, 100.0], [-100.0, 100.0], [300.0, 100.0], [900.0, 100.0]])
    chosen = pieces(land, [line, line + np.array([0, 5000.0])], price=(1.0, 2.0, 3.0), half=30.0)
    assert chosen.piece.shape == (2, 4)
    assert chosen.price.tolist() == [[1.0, 2.0, 3.0]] * 2
    assert chosen.half.tolist() == [0.5, 0.5]
    assert pieces(land, [], price=(1.0, 2.0, 3.0)).piece.shape == (0, 4)
    both = joined(chosen, chosen)
    assert both.piece.shape == (4, 4)
