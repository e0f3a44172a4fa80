"""Laws of the corridor search: cheapest against networkx, and never outside the standard."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import hypot, inf, pi
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import oracles
import pytest
from affine import Affine
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString, Polygon, box
from skimage.graph import MCP_Geometric

from realign import formation, terrain
from realign.chainage import Section
from realign.corridor import Corridor, Gap, Rules, Site, Variant, find, gaps
from realign.corridor import price as price_module
from realign.corridor import search as search_module
from realign.corridor import site as place
from realign.corridor.lattice import (
    HEADINGS,
    MOVES,
    bearing,
    greatest_turn,
    moves,
    nearest_heading,
    tangent_length,
    turn_angle,
)
from realign.corridor.price import Ground, Tariff, grade_class, look, move_price, tariff
from realign.corridor.search import Ends, Found, bounds, dearest_move, descend, guided
from realign.errors import InputError, NoRouteError, StudyError
from realign.formation import Prices
from realign.highway import Highway
from realign.standards import DesignStandard, codes, load
from realign.terrain import Terrain

if TYPE_CHECKING:
    from realign.reservoir import Reservoir

UTM = CRS.from_epsg(32643)
CELL = 60.0
STEP = 5.0
STANDARD = load("jtg-class-ii-mountain", 60)
NEAR = 2e-5  # relative; prices of a search are kept in single precision

# prices of a metre between 10 and 30, so that every form and detour is a close call
CLOSE = Prices(
    half=5.0,
    cut=2.0,
    fill=0.67,
    soil=2.0,
    max_cut=30.0,
    max_fill=20.0,
    max_wall=10.0,
    wall_top=0.5,
    wall_ratio=0.4,
    min_deck=3.0,
    max_deck=60.0,
    low_deck=20.0,
    high_deck=0.01,
    min_cover=6.0,
    close=1.2,
    margin=5.0,
    common=0.02,
    rock=0.05,
    embankment=0.03,
    wall=0.2,
    land=0.05,
    surface=9.0,
    pavement=3.0,
    bridge=15.0,
    tunnel=18.0,
    abutment=200.0,
    portal=300.0,
)

Array = NDArray[Any]


def raster(z: Array) -> Terrain:
    """Give levels a place, the south-west corner at 0, 0."""
    top = z.shape[0] * CELL
    return Terrain(z.astype(np.float32), Affine(CELL, 0, 0, 0, -CELL, top), UTM, "test", 1.0)


def ground_of(z: Array, **given: Any) -> Ground:
    """Look at a small ground of which all cells are usable."""
    land = raster(z)
    rules: dict[str, Any] = {
        "usable": np.ones(z.shape, bool),
        "forbidden": np.zeros(z.shape, bool),
        "floor": np.full(z.shape, -np.inf, np.float32),
        "factor": np.ones(z.shape, np.float32),
        "river": np.zeros(z.shape, bool),
        "levels": (float(z.min()) - 10, float(z.max()) + 10),
        "depth": 12.0,
        "deck": 12.0,
        "level_step": STEP,
    }
    return look(land, terrain.slopes(land), **(rules | given))


def tariff_of(p: Prices = CLOSE, standard: DesignStandard = STANDARD, **given: Any) -> Tariff:
    steps = moves(standard, cell=CELL, level_step=STEP)
    return tariff(p, standard, steps, **({"level_step": STEP} | given))


def number(ground: Ground, row: int, col: int) -> int:
    return int(np.flatnonzero((ground.row == row) & (ground.col == col))[0])


def state(ground: Ground, cell: int) -> int:
    """Level number nearest to the ground of a cell."""
    return int(np.rint(ground.level[cell] / STEP))


def ends_at(ground: Ground, places: list[tuple[int, int, int, float]]) -> Ends:
    """Put ends on the ground of cells given by row, column, heading and price."""
    cells = [number(ground, row, col) for row, col, _, _ in places]
    return Ends(
        cell=np.array(cells, np.int32),
        level=np.array([state(ground, cell) for cell in cells], np.int32),
        heading=np.array([heading for _, _, heading, _ in places], np.int32),
        price=np.array([price for *_, price in places], np.float64),
    )


@dataclass(frozen=True)
class Case:
    """A small ground with two or more ends, to be searched."""

    ground: Ground
    tariff: Tariff
    starts: Ends
    ends: Ends
    turn: int
    climb: int = 2

    def bound(self) -> Array:
        return bounds(self.ground, self.tariff, self.ends, climb=self.climb)

    def search(self, bound: Array | None = None, **changed: Any) -> Found | None:
        given = {"climb": self.climb, "turn": self.turn} | changed
        bound = self.bound() if bound is None else bound
        return guided(self.ground, self.tariff, self.starts, self.ends, bound, **given)

    def price(self, **changed: Any) -> float:
        found = self.search(**changed)
        return found.price if found else inf

    def graph(self) -> Any:
        return oracles.lattice(self.ground, self.tariff, self.climb)


ROWS, COLS = 8, 13


def relief(seed: int, height: float) -> Array:
    """Rough but not wild ground: noise over three cells on a slope across."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(-1, 1, (ROWS + 2, COLS + 2))
    z = sum(coarse[i : i + ROWS, j : j + COLS] for i in range(3) for j in range(3)) / 3
    return 1000 + height * np.asarray(z)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    z = relief(draw(st.integers(0, 10_000)), draw(st.sampled_from([3.0, 8.0, 15.0])))
    wide = (ROWS, COLS)
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    forbidden = rng.random(wide) < draw(st.sampled_from([0.0, 0.05]))
    forbidden[:, [0, 1, -2, -1]] = False
    floor = np.full(wide, -np.inf, np.float32)
    if draw(st.booleans()):
        floor[3:5, 5:8] = 1003.0
    factor = rng.uniform(1, draw(st.sampled_from([1.0, 1.5])), wide).astype(np.float32)
    ground = ground_of(z, forbidden=forbidden, floor=floor, factor=factor)
    p = CLOSE._replace(
        bridge=draw(st.floats(9, 20)),
        tunnel=draw(st.floats(9, 25)),
        abutment=draw(st.floats(0, 400)),
        rock=draw(st.floats(0.01, 0.2)),
    )
    lane = st.integers(0, ROWS - 1)
    heading = st.integers(-2, 2).map(lambda h: h % HEADINGS)
    price = st.floats(0, 4000)
    starts = [
        (row, col, draw(heading), draw(price))
        for row, col in {(draw(lane), draw(st.integers(0, 1))) for _ in range(2)}
    ]
    ends = [
        (row, COLS - 1 - col, draw(heading), draw(price))
        for row, col in {(draw(lane), draw(st.integers(0, 1))) for _ in range(2)}
    ]
    return Case(
        ground,
        tariff_of(p, per_metre=draw(st.sampled_from([0.0, 3.0]))),
        ends_at(ground, starts),
        ends_at(ground, ends),
        turn=draw(st.integers(0, 4)),
    )


# the searches


@settings(max_examples=10)
@given(case=cases())
def test_bounds_are_those_of_networkx(case: Case) -> None:
    wanted = oracles.cheapest_to_end(case.graph(), case.ends)
    got = case.bound()
    for cell, first in enumerate(case.ground.lowest):
        states = got[case.ground.start[cell] : case.ground.start[cell + 1]]
        prices = [wanted.get((cell, int(first) + k), inf) for k in range(len(states))]
        assert states == pytest.approx(np.array(prices), rel=NEAR)


@settings(max_examples=12)
@given(case=cases())
def test_the_search_is_as_cheap_as_networkx(case: Case) -> None:
    wanted = oracles.cheapest_road(case.graph(), case.starts, case.ends, turn=case.turn)
    assert case.price() == pytest.approx(wanted, rel=NEAR)


@given(case=cases())
def test_the_way_costs_what_it_says_and_keeps_its_turns(case: Case) -> None:
    found = case.search()
    assume(found is not None)
    assert found is not None
    headings, price = walk(case, found)
    price += case.starts.price[found.first] + case.ends.price[found.last]
    assert price == pytest.approx(found.price, rel=NEAR)
    headings = [int(case.starts.heading[found.first]), *headings]
    turns = [abs((b - a + 8) % 16 - 8) for a, b in itertools.pairwise(headings)]
    assert max(turns) <= case.turn
    assert turns[0] <= 1
    assert abs((headings[-1] - case.ends.heading[found.last] + 8) % 16 - 8) <= 1


def walk(case: Case, found: Found) -> tuple[list[int], float]:
    """Headings of the moves of a way, and the sum of their prices."""
    headings, price = [], 0.0
    for (a, first), (b, last) in itertools.pairwise(zip(found.cell, found.level, strict=True)):
        move = case.ground.neighbour[a].tolist().index(b)
        headings.append(move)
        price += move_price(case.ground, case.tariff, a, move, first, last)
    return headings, price


@given(case=cases())
def test_the_way_without_headings_costs_its_bound(case: Case) -> None:
    bound = case.bound()
    found = descend(case.ground, case.tariff, case.starts, case.ends, bound, climb=case.climb)
    free = case.price(turn=8)
    assert free == inf or found is not None
    if found is None:
        return
    assert found.price <= free * (1 + NEAR)
    price = walk(case, found)[1]
    price += case.starts.price[found.first] + case.ends.price[found.last]
    assert price == pytest.approx(found.price, rel=1e-3)


@given(case=cases())
def test_one_more_step_of_turn_never_costs_more(case: Case) -> None:
    bound = case.bound()
    prices = [case.price(bound=bound, turn=turn) for turn in range(6)]
    for narrow, wide in itertools.pairwise(prices):
        assert wide <= narrow * (1 + NEAR)


@given(case=cases())
def test_one_more_level_of_climb_never_costs_more(case: Case) -> None:
    prices = [replace(case, climb=climb).price() for climb in range(4)]
    for low, high in itertools.pairwise(prices):
        assert high <= low * (1 + NEAR)


@given(case=cases(), k=st.sampled_from([0.25, 2.0, 8.0]))
def test_prices_times_k_leave_the_way(case: Case, k: float) -> None:
    once = case.search()
    dear = replace(
        case,
        tariff=case.tariff._replace(
            price=case.tariff.price * np.float32(k),
            ends=case.tariff.ends * k,
            per_metre=case.tariff.per_metre * k,
        ),
        starts=case.starts._replace(price=case.starts.price * k),
        ends=case.ends._replace(price=case.ends.price * k),
    ).search()
    assert (once is None) == (dear is None)
    if once is None or dear is None:
        return
    assert dear.price == pytest.approx(k * once.price)
    assert dear.cell.tolist() == once.cell.tolist()
    assert dear.level.tolist() == once.level.tolist()


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
def test_mirrored_ground_has_mirrored_prices(
    seed: int, rise: float, holes: float, turn: int, *, upright: bool
) -> None:
    rng = np.random.default_rng(seed)
    rasters = {
        "forbidden": rng.random((ROWS, COLS)) < holes,
        "floor": np.where(rng.random((ROWS, COLS)) < 0.1, 1002, -np.inf).astype(np.float32),
        "factor": rng.uniform(1, 1.5, (ROWS, COLS)).astype(np.float32),
    }
    rasters["forbidden"][:, [0, -1]] = False
    rasters["floor"][:, [0, -1]] = -np.inf
    z = relief(seed, rise)
    ground = ground_of(z, **rasters)
    starts = ends_at(ground, [(3, 0, 0, 10.0), (5, 0, 1, 500.0)])
    ends = ends_at(ground, [(4, COLS - 1, 0, 10.0), (2, COLS - 1, 15, 700.0)])
    case = Case(ground, tariff_of(), starts, ends, turn=turn)
    way = (slice(None, None, -1), slice(None)) if upright else (slice(None), slice(None, None, -1))
    other = ground_of(z[way], **{name: values[way] for name, values in rasters.items()})

    def cell(c: int) -> int:
        row, col = int(ground.row[c]), int(ground.col[c])
        return number(other, ROWS - 1 - row, col) if upright else number(other, row, COLS - 1 - col)

    def heading(h: int) -> int:
        return -h if upright else 8 - h

    mirrored = Case(
        other,
        case.tariff,
        flipped(starts, cell, heading),
        flipped(ends, cell, heading),
        turn=turn,
    )
    assert mirrored.price() == pytest.approx(case.price(), rel=NEAR)


@given(case=cases())
def test_a_road_costs_the_same_in_both_directions(case: Case) -> None:
    back = replace(
        case,
        starts=flipped(case.ends, int, lambda h: h + 8),
        ends=flipped(case.starts, int, lambda h: h + 8),
    )
    assert back.price() == pytest.approx(case.price(), rel=NEAR)


def test_a_bound_that_is_too_large_is_found_out() -> None:
    ground = ground_of(np.full((ROWS, COLS), 1000.0))
    case = Case(
        ground,
        tariff_of(),
        ends_at(ground, [(4, 0, 0, 0.0)]),
        ends_at(ground, [(4, COLS - 1, 0, 0.0)]),
        turn=2,
    )
    right = case.search()
    assert right is not None
    exact = oracles.cheapest_road(case.graph(), case.starts, case.ends, turn=2)
    wrong = case.bound()
    for cell, level in list(zip(right.cell, right.level, strict=True))[1:-1]:
        wrong[ground.start[cell] + level - ground.lowest[cell]] += dearest_move(ground, case.tariff)
    assert right.price == pytest.approx(exact, rel=NEAR)
    assert case.price(bound=wrong) > exact * (1 + 10 * NEAR)


def test_distances_on_level_ground_lie_between_straight_and_those_of_scikit_image() -> None:
    shape = (40, 55)
    ground = ground_of(np.full(shape, 1000.0), levels=(1000.0, 1000.0))
    assert ground.start[-1] == shape[0] * shape[1]
    prices = tariff_of()
    got = bounds(ground, prices, ends_at(ground, [(9, 12, 0, 0.0)]), climb=2).reshape(shape)
    metre = float(prices.price[0, 0, 90])
    rows, cols = np.indices(shape)
    across, along = np.abs(rows - 9), np.abs(cols - 12)
    assert (got >= np.hypot(across, along) * CELL * metre * (1 - NEAR)).all()
    # ways of straight and slanting moves of six cells are open to both
    octile, _ = MCP_Geometric(np.full(shape, metre)).find_costs([(9, 12)])
    both = (across % 6 == 0) & (along % 6 == 0)
    assert (got[both] <= octile[both] * CELL * (1 + NEAR)).all()
    same = both & ((across == 0) | (along == 0) | (across == along))
    assert got[same] == pytest.approx(octile[same] * CELL, rel=NEAR)


def test_no_end_on_the_ground_gives_no_bound_and_no_road() -> None:
    ground = ground_of(np.full((ROWS, COLS), 1000.0))
    starts, ends = ends_at(ground, [(4, 0, 0, 0.0)]), ends_at(ground, [(4, 12, 0, 0.0)])
    high = ends._replace(level=ends.level + 100)
    case = Case(ground, tariff_of(), starts, high, turn=2)
    assert np.isinf(case.bound()).all()
    assert case.search() is None
    assert descend(ground, case.tariff, starts, high, case.bound(), climb=2) is None


def test_a_road_too_sharp_for_its_end_is_no_road() -> None:
    ground = ground_of(np.full((ROWS, COLS), 1000.0))
    starts, ends = ends_at(ground, [(4, 0, 0, 0.0)]), ends_at(ground, [(4, 12, 8, 0.0)])
    assert np.isfinite(Case(ground, tariff_of(), starts, ends, turn=2).bound()).all()
    assert Case(ground, tariff_of(), starts, ends, turn=0).search() is None


# the moves and their prices


def test_headings_go_round_and_the_second_half_drives_back() -> None:
    angles = [bearing(step) % (2 * pi) for step in MOVES]
    assert angles == sorted(angles)
    assert len(set(MOVES)) == HEADINGS
    for move, (east, north) in enumerate(MOVES):
        assert MOVES[(move + 8) % HEADINGS] == (-east, -north)
        assert nearest_heading(bearing((east, north))) == move


@given(angle=st.floats(-10, 10))
def test_the_nearest_heading_is_the_nearest(angle: float) -> None:
    near = turn_angle(bearing(MOVES[nearest_heading(angle)]), angle)
    assert all(near <= turn_angle(bearing(step), angle) + 1e-12 for step in MOVES)
    assert near < 0.3


@given(deflection=st.floats(0.01, 2.5), radius=st.floats(20, 500), clothoid=st.floats(0, 100))
def test_tangents_grow_with_deflection_radius_and_clothoid(
    deflection: float, radius: float, clothoid: float
) -> None:
    here = tangent_length(deflection, radius, clothoid)
    assert tangent_length(deflection, radius + 1, clothoid) >= here - 1e-9
    assert tangent_length(deflection, radius, clothoid + 1) > here
    assert tangent_length(deflection + 0.01, radius, clothoid) > here - 1e-9
    assert tangent_length(0.0, radius, clothoid) == 0


@pytest.mark.parametrize("speed", [40, 60])
@pytest.mark.parametrize("code", codes())
def test_curves_of_the_greatest_turn_fit_between_any_three_moves(code: str, speed: int) -> None:
    standard = load(code, speed)
    turn = greatest_turn(standard, CELL)
    assert 1 <= turn < 8

    def fits(turn: int) -> bool:
        angles = [bearing(step) for step in MOVES]
        for middle, before, after in itertools.product(
            range(HEADINGS), *(2 * [range(-turn, turn + 1)])
        ):
            tangents = sum(
                tangent_length(
                    turn_angle(angles[middle], angles[(middle + side) % HEADINGS]),
                    standard.radius,
                    standard.clothoid,
                )
                for side in (before, after)
            )
            if tangents > hypot(*MOVES[middle]) * CELL + 1e-9:
                return False
        return True

    assert fits(turn)
    assert not fits(turn + 1)


def test_a_larger_radius_or_a_smaller_cell_turns_less() -> None:
    turns = [greatest_turn(replace(STANDARD, radius=r), CELL) for r in (30, 60, 125, 500, 5000)]
    assert turns == sorted(turns, reverse=True)
    assert turns[-1] == 0
    assert greatest_turn(STANDARD, 30.0) <= greatest_turn(STANDARD, 60.0)
    assert greatest_turn(replace(STANDARD, radius=0.1, clothoid=0.0), CELL) == 7


def test_the_greatest_climb_is_within_the_grade_and_one_more_is_not() -> None:
    steps = moves(STANDARD, cell=CELL, level_step=STEP)
    assert steps.climb * STEP <= STANDARD.grade * steps.length.max() < (steps.climb + 1) * STEP
    assert steps.length == pytest.approx([hypot(*step) * CELL for step in MOVES])


def test_levels_too_fine_for_the_search_are_refused() -> None:
    with pytest.raises(StudyError, match=r"level_step_m.*found 1 m, wanted"):
        moves(STANDARD, cell=CELL, level_step=1.0)


@given(case=cases(), seed=st.integers(0, 1000))
def test_a_move_costs_the_same_driven_backwards(case: Case, seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground = case.ground
    cell = int(rng.integers(len(ground.row)))
    for move, other in enumerate(ground.neighbour[cell]):
        if other < 0:
            continue
        first, last = state(ground, cell), state(ground, other)
        there = move_price(ground, case.tariff, cell, move, first, last)
        back = move_price(ground, case.tariff, other, (move + 8) % 16, last, first)
        assert there == back
        assert move_price.py_func(ground, case.tariff, cell, move, first, last) == there


def test_a_move_off_the_ground_or_too_steep_has_no_price() -> None:
    ground, prices = ground_of(np.full((ROWS, COLS), 1000.0)), tariff_of()
    cell = number(ground, 4, 6)
    assert move_price(ground, prices, number(ground, 4, COLS - 1), 0, 200, 200) == inf
    assert move_price(ground, prices, cell, 0, 200, 202) < inf  # 5.6 %
    assert move_price(ground, prices, cell, 0, 200, 203) == inf  # 8.3 %


def test_a_move_costs_the_metres_under_its_samples() -> None:
    ground, prices = ground_of(np.full((ROWS, COLS), 1000.0)), tariff_of()
    cell = number(ground, 4, 6)
    level = formation.section(0.5, 0.025, CLOSE)
    assert move_price(ground, prices, cell, 0, 200, 200) == pytest.approx(180 * level.price)
    bridge = formation.section(10.5, 0.025, CLOSE)
    assert bridge.form == formation.BRIDGE
    assert move_price(ground, prices, cell, 0, 202, 202) == pytest.approx(180 * bridge.price)
    up = [formation.section(0.5 + h, 0.025, CLOSE) for h in (0, 2, 4)]
    cost = 60 * sum(metre.price for metre in up) + prices.ends[up[0].form, up[-1].form]
    deck = formation.section(5.5, 0.025, CLOSE).form
    cost += prices.ends[up[-1].form, deck]
    assert move_price(ground, prices, cell, 0, 200, 201) == pytest.approx(cost)


def test_preferences_raise_prices_and_only_open_road_is_exposed() -> None:
    z = np.full((ROWS, COLS), 1000.0)
    plain, exposed = ground_of(z), ground_of(z, factor=np.full(z.shape, 1.5, np.float32))
    valued, prices = tariff_of(per_metre=2.0), tariff_of()
    cell = number(plain, 4, 6)
    for level, share in ((200, 1.5), (202, 1.0)):
        price = move_price(plain, prices, cell, 0, level, level)
        assert move_price(exposed, prices, cell, 0, level, level) == pytest.approx(share * price)
        assert move_price(plain, valued, cell, 0, level, level) == pytest.approx(price + 360)


def test_grade_classes_are_cut_at_the_grades_of_tunnel_and_bridge() -> None:
    for climb, kind in ((5.39, 0), (5.41, 1), (7.19, 1), (7.21, 2)):
        assert grade_class(climb, 180.0, 0.03, 0.04) == kind
        assert grade_class.py_func(climb, 180.0, 0.03, 0.04) == kind


def test_a_steep_move_is_never_a_tunnel_or_a_bridge() -> None:
    prices = tariff_of()
    assert (prices.form[1] != formation.TUNNEL).all()
    assert (prices.form[2] == formation.OPEN).all()
    assert (prices.price[1:] >= prices.price[:-1]).all()


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
    ends = ends_at(ground, [(2, 2, 0, 0.0)])
    bound = bounds(ground, tariff_of(), ends, climb=2)
    beyond = ground.row + ground.col > 19
    first = ground.start[:-1]
    assert np.isinf(bound[first[beyond]]).all()


def test_water_lifts_every_move_over_it() -> None:
    z = np.full((9, 9), 1000.0)
    floor = np.full(z.shape, -np.inf, np.float32)
    floor[4, 4] = 1004.0
    ground = ground_of(z, floor=floor)
    prices = tariff_of()
    over = number(ground, 4, 3)
    assert move_price(ground, prices, over, 0, 200, 200) == inf
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


# gaps


def straight(length: float, y: float = 0.0, level: float = 1000.0, grade: float = 0.0) -> Highway:
    station = np.linspace(0, length, int(length / 20) + 1)
    z = level + grade * station
    return Highway(
        name="old road",
        xy=np.array([[0.0, y], [length, y]]),
        s=np.array([0.0, length]),
        crs=UTM,
        station=station,
        ground=z,
        level=z,
    )


ROAD = straight(100_000.0)
RULES = Rules(reach_m=15_000.0, reuse_m=10_000.0)


def test_a_gap_has_windows_of_the_reach_on_both_sides() -> None:
    (gap,) = gaps([("A", Section(40_000, 50_000))], ROAD, RULES)
    assert gap == Gap(
        "A", Section(40_000, 50_000), Section(25_000, 40_000), Section(50_000, 65_000)
    )
    assert place.reach(gap) == Section(25_000, 65_000)


def test_short_dry_stretches_are_not_used_again() -> None:
    parts = [("A", Section(40_000, 42_000)), ("B", Section(52_000, 60_000))]
    (gap,) = gaps(parts, ROAD, RULES)
    assert (gap.name, gap.section) == ("B", Section(40_000, 60_000))


def test_windows_share_the_dry_road_between_two_gaps_in_halves() -> None:
    parts = [("B", Section(60_000, 70_000)), ("A", Section(40_000, 48_000))]
    first, second = gaps(parts, ROAD, RULES)
    assert first.after == Section(48_000, 54_000)
    assert second.before == Section(54_000, 60_000)
    assert (first.name, second.name) == ("A", "B")


def test_a_road_that_begins_or_ends_wet_has_no_window_there() -> None:
    (gap,) = gaps([("A", Section(0, ROAD.length))], ROAD, RULES)
    assert gap.before is gap.after is None
    assert place.reach(gap) == gap.section


def test_nothing_drowned_is_no_gap() -> None:
    assert gaps([], ROAD, RULES) == ()


spans = st.tuples(st.integers(0, 90), st.integers(1, 10)).map(
    lambda pair: Section(1000.0 * pair[0], 1000.0 * (pair[0] + pair[1]))
)


@given(parts=st.lists(st.tuples(st.sampled_from("AB"), spans), max_size=6), reuse=st.floats(0, 2e4))
def test_gaps_cover_what_is_drowned_and_overlap_nowhere(
    parts: list[tuple[str, Section]], reuse: float
) -> None:
    found = gaps(parts, ROAD, Rules(reuse_m=reuse, reach_m=15_000.0))
    for _, part in parts:
        assert any(g.section.start <= part.start and part.end <= g.section.end for g in found)
    for one, other in itertools.pairwise(found):
        assert other.section.start - one.section.end > reuse
        assert one.after is not None
        assert other.before is not None
        assert one.after.end <= other.before.start
    for gap in found:
        assert gap.name in {dam for dam, part in parts if part.overlaps(gap.section)}
        assert any(part.start == gap.section.start for _, part in parts)
        assert any(part.end == gap.section.end for _, part in parts)


def test_a_drowned_stretch_inside_another_does_not_shorten_the_gap() -> None:
    parts = [("A", Section(10_000, 30_000)), ("B", Section(12_000, 14_000))]
    (gap,) = gaps(parts, ROAD, RULES)
    assert gap.section == Section(10_000, 30_000)
    assert len(gaps([*parts, ("C", Section(35_000, 36_000))], ROAD, RULES)) == 1


# a whole valley

WIDE, LONG = 60, 140  # cells across and along
RIVER_Y, ROAD_Y = 1800.0, 1900.0
FULL, FREEBOARD = 1108.0, 10.0
DAM_X = 2400.0


@dataclass(frozen=True)
class Dam:
    full_level_m: float


@dataclass(frozen=True)
class Full:
    polygon: Polygon


FAR_OFF = LineString([(-9e3, -9e3), (-9e3, -8e3)])


@dataclass(frozen=True)
class Lake:
    """Stands in for a Reservoir."""

    dam: Dam
    full: Full
    wall: LineString = FAR_OFF


def valley(seed: int | None = None) -> Terrain:
    """V valley to the east whose bed rises 2 %, with spurs and gullies by the seed."""
    x, y = np.meshgrid((np.arange(LONG) + 0.5) * CELL, (WIDE - np.arange(WIDE) - 0.5) * CELL)
    side = np.abs(y - RIVER_Y)
    z = 1000 + 0.02 * x + 0.35 * side
    if seed is not None:
        rng = np.random.default_rng(seed)
        for wave in rng.uniform(600, 2500, 6):
            z += np.minimum(side / 600, 1) * 12 * np.sin(2 * pi * (x / wave + rng.random()))
    return raster(z)


def site(seed: int | None = None, no_go: tuple[Polygon, ...] = ()) -> Site:
    length = (LONG - 1) * CELL
    reach = (FULL - 1000) / 0.02
    half = (FULL - 1000 - 0.02 * DAM_X) / 0.35
    water = Polygon([(DAM_X, RIVER_Y - half), (reach, RIVER_Y), (DAM_X, RIVER_Y + half)])
    ground = (ROAD_Y - RIVER_Y) * 0.35
    return Site(
        terrain=valley(seed),
        highway=replace_start(straight(length, ROAD_Y, 1000 + ground, 0.02)),
        reservoirs=(cast("Reservoir", Lake(Dam(FULL), Full(water))),),
        rivers=(
            ("Indus", LineString([(LONG * CELL, RIVER_Y), (0, RIVER_Y)])),
            ("a brook", LineString([(0, 0), (50, 50)])),
        ),
        no_go=no_go,
        freeboard=FREEBOARD,
    )


def replace_start(road: Highway) -> Highway:
    """Move a road half a cell to the east, onto the centres of cells."""
    return Highway(
        name=road.name,
        xy=road.xy + np.array([CELL / 2, 0.0]),
        s=road.s,
        crs=road.crs,
        station=road.station,
        ground=road.ground + 0.02 * CELL / 2,
        level=road.level + 0.02 * CELL / 2,
    )


GAP = Gap("dam", Section(2400, 4100), Section(600, 2300), Section(4100, 7500))
VALLEY = Rules(
    band_m=1700,
    fine_band_m=1700,
    deepest_m=60,
    headroom_m=60,
    shore_m=150,
    crossing_m=780,
)


def plan(
    world: Site,
    *,
    bank: Literal["any", "same", "other"] = "any",
    rules: Rules = VALLEY,
    standard: DesignStandard = STANDARD,
    **given: Any,
) -> Corridor:
    variant = Variant(name="test", title="test", speed_kmh=60, bank=bank)
    return find(world, GAP, variant, rules=rules, standard=standard, prices=PRICES, **given)


PRICES = CLOSE._replace(
    max_deck=110.0, bridge=400.0, tunnel=500.0, abutment=3000.0, portal=9000.0, rock=2.0, common=1.0
)
STONE = Polygon([(3000, 2000), (3400, 2150), (3300, 2600), (2900, 2300)])


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_found_road_keeps_grade_radius_water_and_forbidden_ground(seed: int | None) -> None:
    world = site(seed, (STONE,))
    road = plan(world)
    xy = np.column_stack((road.x, road.y))
    pieces = np.diff(xy, axis=0)
    length = np.hypot(*pieces.T)
    assert (np.abs(np.diff(road.level)) <= STANDARD.grade * length + 1e-6).all()
    bends = [turn_angle(a, b) for a, b in itertools.pairwise(np.arctan2(*pieces.T[::-1]))]
    tangents = [tangent_length(bend, STANDARD.radius, STANDARD.clothoid) for bend in bends]
    for run, before, after in zip(length, [0, *tangents], [*tangents, 0], strict=True):
        assert before + after <= run + 1e-6
    wet = world.reservoirs[0].full.polygon.buffer(VALLEY.shore_m - 1.5 * CELL)
    for i, (a, b) in enumerate(itertools.pairwise(xy)):
        piece = LineString([a, b])
        assert not piece.intersects(STONE)
        if piece.intersects(wet):
            assert road.level[i : i + 2].min() >= FULL + FREEBOARD


def test_a_found_road_joins_its_tie_ins_and_its_bound_is_below_its_price() -> None:
    world = site(1)
    road = plan(world)
    assert GAP.before is not None
    assert GAP.after is not None
    assert GAP.before.contains(road.section.start)
    assert GAP.after.contains(road.section.end)
    for s, i in ((road.section.start, 0), (road.section.end, -1)):
        at = world.highway.at(s)[0]
        assert max(abs(at - (road.x[i], road.y[i]))) <= CELL / 2 + 1e-6
        assert abs(world.highway.level_at(s)[0] - road.level[i]) <= VALLEY.level_step_m / 2
    assert 0 < road.bound <= road.price * (1 + NEAR)
    kept = road.section.start - GAP.before.start + GAP.after.end - road.section.end
    cheapest = (road.price - road.construction) / kept  # metre of all, so that old road is kept
    assert cheapest == pytest.approx(tariff_of(PRICES).price.min(), rel=1e-3)
    assert road.opened > 0
    assert road.gap is GAP
    assert not road.at_edge


def test_a_narrow_band_is_touched_and_never_cheaper() -> None:
    world = site(1)
    wide, narrow = plan(world), plan(world, rules=VALLEY.model_copy(update={"fine_band_m": 150.0}))
    assert narrow.at_edge
    assert narrow.price >= wide.price * (1 - NEAR)


def test_a_road_on_the_other_bank_crosses_the_river_near_the_ends_only() -> None:
    world = site(1)
    road = plan(world, bank="other", standard=load(STANDARD.code, 40))
    ends = [world.highway.at(s)[0] for s in (GAP.section.start, GAP.section.end)]
    line = np.column_stack((road.x, road.y))
    crossings = 0
    for a, b in itertools.pairwise(line):
        if (a[1] > RIVER_Y) != (b[1] > RIVER_Y):
            crossings += 1
            assert min(hypot(*(a - end)) for end in ends) <= VALLEY.crossing_m + 200
    assert crossings in (2, 4)  # it may wind itself up at the near end
    middle = (road.x > 3200) & (road.x < 3300)
    assert (road.y[middle] < RIVER_Y).all()
    same = plan(world, bank="same")
    assert (same.y[(same.x > 3000) & (same.x < 3500)] > RIVER_Y).all()


def test_banks_part_the_cells_beyond_the_crossings() -> None:
    world = site()
    land = world.terrain
    given = (world, GAP, land)
    assert not place.wrong_bank(*given, "any", VALLEY).any()
    other = place.wrong_bank(*given, "other", VALLEY)
    same = place.wrong_bank(*given, "same", VALLEY)
    assert not (other & same).any()
    rows, cols = np.indices(land.shape)
    x, y = (cols + 0.5) * CELL, (WIDE - rows - 0.5) * CELL
    away = np.ones(land.shape, bool)
    for s in (GAP.section.start, GAP.section.end):
        px, py = world.highway.at(s)[0]
        away &= np.hypot(x - px, y - py) > VALLEY.crossing_m
    assert (other == (away & (y > RIVER_Y))).all()
    assert (same == (away & (y < RIVER_Y))).all()


def test_a_river_in_short_pieces_has_banks() -> None:
    world = site()
    xs = np.arange(LONG * CELL, -1, -70.0)
    rivers = tuple(
        ("Indus", LineString([(a, RIVER_Y), (b, RIVER_Y)])) for a, b in itertools.pairwise(xs)
    )
    short = replace(world, rivers=rivers)
    given = (GAP, world.terrain, "other", VALLEY)
    assert (place.wrong_bank(short, *given) == place.wrong_bank(world, *given)).all()


def test_a_river_that_is_not_there_is_an_error_that_lists_those_that_are() -> None:
    rules = VALLEY.model_copy(update={"river": "Rhine"})
    with pytest.raises(InputError, match=r"corridor.river: found no river 'Rhine'.*Indus, a brook"):
        plan(site(), bank="same", rules=rules)


def test_a_wall_across_the_valley_leaves_no_road() -> None:
    wall = box(3000, -100, 3100, WIDE * CELL + 100)
    with pytest.raises(NoRouteError) as error:
        plan(site(no_go=(wall,)))
    message = str(error.value)
    assert "dam: no road of variant 'test' joins 2+400 and 4+100" in message
    assert "60 km/h: grade, water and forms of road forbid every way" in message
    assert "wanted a longer corridor.reach_m" in message


def test_a_radius_that_allows_no_turn_leaves_no_road() -> None:
    with pytest.raises(NoRouteError, match="60 km/h: the radius forbids every way"):
        plan(site(), standard=replace(STANDARD, radius=5000.0))


def test_progress_is_told_and_may_cancel() -> None:
    told: list[tuple[str, int]] = []
    plan(site(), tell=lambda what, opened: told.append((what, opened)))
    stages = list(dict.fromkeys(what for what, _ in told))
    assert stages == [f"dam / test: {stage}" for stage in ("bound", "search")]
    assert all(opened > 0 for _, opened in told)

    class CancelledError(Exception):
        pass

    def cancel(what: str, opened: int) -> None:
        assert opened > 0
        if what.endswith("search"):
            raise CancelledError

    with pytest.raises(CancelledError):
        plan(site(), tell=cancel)


def test_a_road_that_begins_wet_starts_above_the_water() -> None:
    world = site()
    gap = Gap("dam", Section(2500, 4100), None, Section(4100, 8000))
    land, water = place.surroundings(world, gap, VALLEY)
    shape = land.shape
    ground = look(
        land,
        terrain.slopes(land),
        usable=np.ones(shape, bool),
        forbidden=np.zeros(shape, bool),
        floor=water,
        factor=np.ones(shape, np.float32),
        river=np.zeros(shape, bool),
        levels=place.level_range(world, gap, water, VALLEY),
        depth=60.0,
        deck=100.0,
        level_step=STEP,
    )
    given = (world, gap, land, ground, water, VALLEY)
    starts, chainage = place.ends(*given, side="before", keep=5.0, per_metre=0.0)
    assert chainage.tolist() == [2500]
    assert starts.level.tolist() == [np.ceil((FULL + FREEBOARD) / STEP)]
    assert starts.price.tolist() == [0]
    ends, chainage = place.ends(*given, side="after", keep=5.0, per_metre=5.0)
    assert ends.price == pytest.approx((8000 - chainage) * 10)
    assert set(ends.heading) == {0}


def test_water_asks_for_freeboard_beside_the_lake_only() -> None:
    world = site()
    land, water = place.surroundings(world, GAP, VALLEY)
    assert set(np.unique(water)) == {-np.inf, np.float32(FULL + FREEBOARD)}
    polygon = world.reservoirs[0].full.polygon
    assert place.burn(land, [polygon])[np.isfinite(water)].any()
    assert np.isfinite(water[place.burn(land, [polygon])]).all()
    far = replace(world, reservoirs=(cast("Reservoir", Lake(Dam(FULL), Full(box(0, 0, -9, -9)))),))
    assert np.isinf(place.surroundings(far, GAP, VALLEY)[1]).all()


def test_compiled_searches_do_what_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    z = relief(3, 8.0)[:, :8]
    floor = np.full(z.shape, -np.inf, np.float32)
    floor[3, 3:5] = 1004.0
    forbidden = np.zeros(z.shape, bool)
    forbidden[6, 4] = True

    def plan_all() -> tuple[Any, ...]:
        ground = ground_of(z, floor=floor, forbidden=forbidden)
        starts, ends = ends_at(ground, [(4, 0, 0, 5.0)]), ends_at(ground, [(4, 6, 0, 5.0)])
        case = Case(ground, tariff_of(), starts, ends, turn=2)
        bound = case.bound()
        loose = descend(ground, case.tariff, starts, ends, bound, climb=2)
        found = case.search(bound)
        assert found is not None
        assert loose is not None
        arrays = (*ground, case.tariff.price, case.tariff.form, bound, loose.cell, found.cell)
        return (*arrays, found.level, [found.price, loose.price])

    compiled = plan_all()
    for module, names in (
        (price_module, ("_fill_table", "_look", "_between", "move_price", "priced")),
        (search_module, ("_relax", "_guided", "_downhill", "_push", "move_price", "priced")),
    ):
        for name in names:
            monkeypatch.setattr(module, name, getattr(module, name).py_func)
    for fast, slow in zip(compiled, plan_all(), strict=True):
        assert np.asarray(slow) == pytest.approx(np.asarray(fast), rel=NEAR)


def test_over_a_river_a_move_pays_for_a_bridge_wherever_it_touches_one() -> None:
    z = np.full((9, 12), 100.0)
    river = np.zeros(z.shape, bool)
    river[:, 5] = True
    dry, wet = ground_of(z), ground_of(z, river=river)
    tariff = tariff_of()
    height = round((100.0 + 6.0) / STEP)
    for cell in range(dry.row.size):
        for move, (east, north) in enumerate(MOVES):
            if dry.neighbour[cell, move] < 0:
                continue
            col, end = dry.col[cell], dry.col[cell] + east
            over = min(col, end) <= 5 <= max(col, end)
            plain = move_price(dry, tariff, cell, move, height, height)
            bridged = move_price(wet, tariff, cell, move, height, height)
            assert (bridged > plain) == over, (col, east, north)


def test_no_road_runs_through_the_dam() -> None:
    world = site(1)
    x = world.highway.at(GAP.section.start)[0, 0]
    wall = LineString([(x, RIVER_Y - 150.0), (x, RIVER_Y + 150.0)])
    dammed = replace(world, reservoirs=(replace(world.reservoirs[0], wall=wall),))  # type: ignore[type-var]
    road = plan(dammed)
    assert LineString(np.column_stack((road.x, road.y))).distance(wall) > 0
