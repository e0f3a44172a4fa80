"""Laws of a corridor across a gap: gaps, moves and the road found, held against its own points."""

import itertools
from dataclasses import replace
from datetime import date
from math import gcd, hypot, pi
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon, box
from small_ground import (
    CELL,
    FREEBOARD,
    FULL,
    GAP,
    LONG,
    PRICES,
    RIVER_Y,
    STANDARD,
    STEP,
    STEPS,
    VALLEY,
    WIDE,
    Dam,
    Lake,
    Pool,
    Stage,
    ground_of,
    plan,
    pool,
    repriced,
    site,
    straight,
    tariff_of,
)

from realign.chainage import Section
from realign.corridor import Corridor, Gap, Rules, Site, gaps
from realign.corridor import site as place
from realign.corridor.lattice import (
    HEADINGS,
    MOVES,
    RINGS,
    SUPPLE,
    bearing,
    greatest_turn,
    moves,
    nearest_heading,
    on_ring,
    tangent_length,
    turn_angle,
)
from realign.errors import InputError, NoRouteError, StudyError
from realign.standards import DesignStandard, codes, load, rows

Ring = tuple[tuple[int, int], ...]

if TYPE_CHECKING:
    from realign.reservoir import Reservoir

# the moves


@pytest.mark.parametrize("ring", RINGS)
def test_headings_go_round_and_the_second_half_drives_back(ring: Ring) -> None:
    angles = np.array([bearing(step) % (2 * pi) for step in ring])
    assert (np.diff(angles) > 0).all()
    assert len(set(ring)) == HEADINGS
    for move, (east, north) in enumerate(ring):
        assert ring[(move + 8) % HEADINGS] == (-east, -north)
        assert nearest_heading(bearing((east, north)), angles) == move
    # a road may get from any cell to any other: the steps span the grid
    assert gcd(*(a * d - b * c for (a, b), (c, d) in itertools.combinations(ring, 2))) == 1


@pytest.mark.parametrize("ring", RINGS)
@given(angle=st.floats(-10, 10))
def test_the_nearest_heading_is_the_nearest(ring: Ring, angle: float) -> None:
    angles = np.array([bearing(step) for step in ring])
    near = turn_angle(angles[nearest_heading(angle, angles)], angle)
    assert all(near <= turn_angle(each, angle) + 1e-12 for each in angles)
    assert near < 0.3


@pytest.mark.parametrize(("speed", "cell"), [*itertools.product((30, 40, 60), (20, 30, 60, 90))])
def test_a_road_takes_the_nearest_ring_on_which_it_can_turn(speed: int, cell: float) -> None:
    standard = load("jtg-class-ii-mountain", speed)
    steps = moves(standard, cell=cell, level_step=STEP)
    taken = RINGS.index(tuple((int(x), int(y)) for x, y in steps.step))
    turns = [greatest_turn(standard, cell, ring) for ring in RINGS]
    assert steps.turn == turns[taken]
    assert all(turn < SUPPLE for turn in turns[:taken])
    assert steps.turn >= SUPPLE or steps.turn == max(turns)
    assert steps.sharp == steps.turn
    slower = moves(standard, cell=cell, level_step=STEP, least=30.0)
    assert (slower.turn, slower.step.tolist()) == (steps.turn, steps.step.tolist())
    assert slower.sharp == greatest_turn(replace(standard, radius=30.0), cell, RINGS[taken])
    assert slower.sharp >= slower.turn


@given(deflection=st.floats(0.01, 2.5), radius=st.floats(20, 500), clothoid=st.floats(0, 100))
def test_tangents_grow_with_deflection_radius_and_clothoid(
    deflection: float, radius: float, clothoid: float
) -> None:
    here = tangent_length(deflection, radius, clothoid)
    assert tangent_length(deflection, radius + 1, clothoid) >= here - 1e-9
    assert tangent_length(deflection, radius, clothoid + 1) > here
    assert tangent_length(deflection + 0.01, radius, clothoid) > here - 1e-9
    assert tangent_length(0.0, radius, clothoid) == 0


@pytest.mark.parametrize(
    ("code", "speed"),
    [(code, row.speed_kmh) for code in codes() for row in rows(code) if 40 <= row.speed_kmh <= 60],
)
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
    steps = on_ring(STANDARD, MOVES, cell=CELL, level_step=STEP)
    assert steps.climb * STEP <= STANDARD.grade * steps.length.max() < (steps.climb + 1) * STEP
    assert steps.length == pytest.approx([hypot(*step) * CELL for step in MOVES])


def test_levels_too_fine_for_the_search_are_refused() -> None:
    with pytest.raises(StudyError, match=r"level_step_m.*found 1 m, wanted"):
        moves(STANDARD, cell=CELL, level_step=1.0)


# gaps

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


def line_of(road: Corridor) -> LineString:
    """Draw a road."""
    return LineString(np.column_stack((road.x, road.y)))


def keeps_the_standard(road: Corridor, standard: DesignStandard) -> None:
    """Hold grade and radius against the points of a road."""
    pieces = np.diff(np.column_stack((road.x, road.y)), axis=0)
    length = np.hypot(*pieces.T)
    grades = np.diff(road.level) / length
    assert (np.abs(grades) * length <= standard.grade * length + 1e-6).all()
    ways = np.arctan2(*pieces.T[::-1])
    # curves of the least radius with their clothoids fit between the middles of all pieces
    bends = [turn_angle(a, b) for a, b in itertools.pairwise([0.0, *ways, 0.0])]
    tangents = [tangent_length(bend, standard.radius, standard.clothoid) for bend in bends]
    for run, (before, after) in zip(length, itertools.pairwise(tangents), strict=True):
        assert before + after <= run + 1e-6
    # the old road runs due east and rises 2 %
    curve = length / (100 * max(standard.k_crest, standard.k_sag))
    for i in (0, -1):
        assert abs(grades[i] - 0.02) <= curve[i] + 1e-6


def keeps_out(road: Corridor, world: Site, *, shore: float, higher: float = 0.0) -> None:
    """Hold water and forbidden ground against the points of a road."""
    line = line_of(road)
    for shape in (*world.no_go, *(lake.wall for lake in world.reservoirs)):
        assert not line.intersects(shape)
    for lake in world.reservoirs:
        wet = lake.full.polygon.buffer(max(shore - 1.5 * CELL, 0))
        for i, ends in enumerate(itertools.pairwise(line.coords)):
            if LineString(ends).intersects(wet):
                level = lake.dam.full_level_m + world.freeboard + higher
                assert road.level[i : i + 2].min() >= level


@st.composite
def stones(draw: st.DrawFn) -> Polygon:
    """Draw a small polygon in the way of a road."""
    x, y = draw(st.floats(2600, 4200)), draw(st.floats(1900, 2600))
    angles = sorted(draw(st.lists(st.floats(0, 2 * pi), min_size=3, max_size=6, unique=True)))
    reach = [draw(st.floats(5, 300)) for _ in angles]
    shape = Polygon([
        (x + r * np.cos(a), y + r * np.sin(a)) for r, a in zip(reach, angles, strict=True)
    ])  # fmt: skip
    return cast("Polygon", shape.buffer(0) if shape.is_valid else shape.convex_hull)


@settings(max_examples=15)
@given(
    seed=st.none() | st.integers(0, 1000),
    no_go=st.lists(stones(), max_size=3),
    full=st.floats(1085, 1112),
    shore=st.sampled_from([0.0, 150.0]),
    speed=st.sampled_from([30, 40, 60]),
    variant=st.fixed_dictionaries({
        "bank": st.sampled_from(["any", "any", "same", "other"]),
        "higher_m": st.sampled_from([0.0, 6.0]),
        "tunnel_weight": st.sampled_from([0.1, 1.0]),
        "bridge_weight": st.sampled_from([0.1, 1.0]),
        "distance_weight": st.sampled_from([0.0, 0.5]),
    }),
)  # fmt: skip
def test_a_found_road_keeps_grade_radius_water_and_forbidden_ground(
    seed: int | None,
    no_go: list[Polygon],
    full: float,
    shore: float,
    speed: int,
    variant: dict[str, Any],
) -> None:
    world = site(seed, tuple(each for each in no_go if not each.is_empty), full=full)
    standard = load(STANDARD.code, speed)
    rules = VALLEY.model_copy(update={"shore_m": shore, "band_m": 900.0})
    try:
        road = plan(world, rules=rules, standard=standard, **variant)
    except NoRouteError:
        return
    keeps_the_standard(road, standard)
    keeps_out(road, world, shore=shore, higher=variant["higher_m"])
    assert road.bound <= road.price


STONE = Polygon([(3000, 2000), (3400, 2150), (3300, 2600), (2900, 2300)])


@pytest.mark.parametrize("seed", [None, 1, 2])
def test_a_road_round_a_stone_is_found_and_keeps_all_rules(seed: int | None) -> None:
    free, world = plan(site(seed)), site(seed, (STONE,))
    road = plan(world)
    keeps_the_standard(road, STANDARD)
    keeps_out(road, world, shore=VALLEY.shore_m)
    assert road.price >= free.price * (1 - 1e-3)


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
    assert 0 < road.bound <= road.price
    assert road.optimality_gap == road.price / road.bound - 1
    cheapest = (road.price - road.construction) / kept(road)  # so that old road is kept
    assert cheapest == pytest.approx(tariff_of(PRICES).price.min(), rel=1e-3)
    assert road.paid[0] == 0
    assert (np.diff(road.paid) > 0).all()
    assert road.opened > 0
    assert road.gap is GAP
    assert not road.at_edge
    assert road.band_m == VALLEY.band_m


def kept(road: Corridor) -> float:
    """Length of the old road that stays in use."""
    assert GAP.before is not None
    assert GAP.after is not None
    return road.section.start - GAP.before.start + GAP.after.end - road.section.end


# the band


def in_band(band: float, world: Site, **given: Any) -> Corridor:
    return plan(world, rules=VALLEY.model_copy(update={"band_m": band}), **given)


def test_the_band_is_widened_until_the_road_leaves_its_edge() -> None:
    world = site(1)
    wide, narrow = plan(world), in_band(200.0, world)
    assert narrow.band_m in {400.0, 800.0}
    same = in_band(narrow.band_m, world)
    assert (narrow.price, narrow.x.tolist()) == (same.price, same.x.tolist())
    assert narrow.price >= wide.price * (1 - 1e-3)
    if not narrow.at_edge:
        away = [
            world.highway.line.distance(Point(x, y))
            for x, y in zip(narrow.x, narrow.y, strict=True)
        ]
        assert max(away) < narrow.band_m - 2 * CELL


def test_a_way_outside_of_the_first_band_is_found() -> None:
    wall = box(3300, 1900 - 330, 3360, 1900 + 330)
    world = site(None, (wall,), reservoirs=())
    road = in_band(300.0, world)
    assert road.band_m == 600.0
    assert not road.at_edge
    keeps_out(road, world, shore=0)
    assert road.price == pytest.approx(in_band(1200.0, world).price, rel=1e-3)
    far = box(3300, 1900 - 630, 3360, 1900 + 630)
    assert in_band(300.0, site(None, (far,), reservoirs=())).band_m == 1200.0


def test_the_band_stops_where_the_ground_ends() -> None:
    world = site(1)
    left, _, right, _ = world.terrain.bounds
    small = replace(world, terrain=world.terrain.window(left, 1560, right, 2280, margin=0))
    road = in_band(900.0, small)
    assert road.band_m == 900.0  # and no wider: there is no more ground
    grown = in_band(200.0, small)
    assert grown.band_m <= 800.0
    assert grown.price >= road.price * (1 - 1e-3)


def test_a_road_along_the_end_of_the_ground_is_at_its_edge() -> None:
    world = site(None, (box(3300, 1000, 3360, 1990),), reservoirs=())
    left, _, right, _ = world.terrain.bounds
    small = replace(world, terrain=world.terrain.window(left, 1500, right, 2110, margin=0))
    assert small.terrain.bounds[3] == 2160
    road = in_band(900.0, small)
    assert road.y.max() > 2160 - 3 * CELL
    assert road.at_edge


def test_a_road_in_the_middle_of_ground_that_is_all_looked_at_is_not_at_its_edge() -> None:
    world = site(reservoirs=())
    road = in_band(9000.0, world)
    assert road.band_m == 9000.0
    assert not road.at_edge


# rivers and banks


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
    assert crossings in {2, 4}  # it may wind itself up at the near end
    middle = (road.x > 3200) & (road.x < 3300)
    assert (road.y[middle] < RIVER_Y).all()
    same = plan(world, bank="same")
    assert (same.y[(same.x > 3000) & (same.x < 3500)] > RIVER_Y).all()


def test_open_road_keeps_off_a_river_that_runs_along_it() -> None:
    river = LineString([(2800, 1880), (3700, 1920)])
    world = site(reservoirs=(), rivers=(("Indus", river),))
    open_only = replace(STANDARD, grade_bridge=-1.0, grade_tunnel=-1.0)
    prices = PRICES._replace(river_half=90.0)
    gap = Gap("dam", Section(2400, 4100), Section(1800, 2300), Section(4100, 4700))
    given: dict[str, Any] = {"gap": gap, "standard": open_only, "prices": prices}
    free = plan(replace(world, rivers=()), **given)
    road = plan(world, **given)
    assert line_of(free).distance(river) < 90
    keeps_the_standard(road, open_only)
    assert road.price > free.price
    way = np.arctan2(40, 900)
    for (x, y), (x1, y1) in itertools.pairwise(zip(road.x, road.y, strict=True)):
        along = abs(np.sin(np.arctan2(y1 - y, x1 - x) - way)) < 0.5
        for f in (1 / 6, 3 / 6, 5 / 6):
            away = river.distance(Point(x + f * (x1 - x), y + f * (y1 - y)))
            assert not along or away >= 90 - 1e-3


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


# no road, and no more search


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


STAGES = ("prices", "bound", "search")


def test_progress_is_told() -> None:
    told: list[tuple[str, int]] = []
    plan(site(), tell=lambda what, opened: told.append((what, opened)))
    stages = list(dict.fromkeys(what for what, _ in told))
    assert stages == [f"dam / test: {stage}" for stage in STAGES]
    assert all(opened > 0 for _, opened in told)


@pytest.mark.parametrize("stage", STAGES)
def test_a_search_may_be_cancelled(stage: str) -> None:
    class CancelledError(Exception):
        pass

    seen: list[str] = []

    def cancel(what: str, _: int) -> None:
        seen.append(what)
        if what.endswith(stage):
            raise CancelledError

    with pytest.raises(CancelledError):
        plan(site(), tell=cancel)
    assert sum(what.endswith(stage) for what in seen) == 1


# preferences


FORMS = PRICES._replace(bridge=80.0, tunnel=100.0, abutment=300.0, portal=500.0)
"""Prices at which forms are a close call."""


def test_each_preference_finds_the_road_that_is_cheapest_by_it() -> None:
    world = site(1)
    wanted = [
        {},
        {"bridge_weight": 0.1},
        {"tunnel_weight": 0.1},
        {"distance_weight": 2.0},
        {"exposure_weight": 3.0},
        {"length_value_per_m": 40.0},
    ]
    roads = [plan(world, prices=FORMS, **each) for each in wanted]
    near = 1 + 1e-3  # moves are counted in whole units
    for own, road in zip(wanted, roads, strict=True):
        assert road.price == pytest.approx(repriced(road, world, FORMS, **own), rel=1e-3)
        old = kept(road) * float(tariff_of(FORMS).price.min())  # no preference is ever paid
        bare = repriced(road, world, FORMS) - old
        assert road.construction == pytest.approx(bare, rel=1e-6)
        for other in roads:
            assert road.price <= repriced(other, world, FORMS, **own) * near
    plain, bridged, tunnelled, close, _, short = roads

    def spent(road: Corridor, weight: str, at: float) -> float:
        """Price of one form on a road: how fast the whole grows with its weight."""
        step = 1e-4
        more, less = (repriced(road, world, FORMS, **{weight: at + d}) for d in (step, -step))
        return (more - less) / (2 * step)

    slack = plain.price * 1e-3 / 0.9
    for road, weight in ((bridged, "bridge_weight"), (tunnelled, "tunnel_weight")):
        assert spent(road, weight, 0.1) >= spent(plain, weight, 1.0) - slack
    assert spent(bridged, "bridge_weight", 0.1) > spent(plain, "bridge_weight", 1.0) + slack
    lengths = [line_of(road).length + kept(road) for road in (short, plain)]
    assert lengths[0] <= lengths[1]
    assert spent(close, "distance_weight", 2.0) <= spent(plain, "distance_weight", 1.0) + slack


def test_a_road_that_keeps_higher_is_no_cheaper() -> None:
    world = site(1)
    prices = [plan(world, higher_m=each).price for each in (0.0, 15.0, 30.0)]
    assert prices[0] <= prices[1] * (1 + 1e-3)
    assert prices[1] <= prices[2] * (1 + 1e-3)
    assert prices[2] > prices[0]


# water and time

FIRST, LAST = date(2027, 5, 1), date(2029, 8, 1)
PARTIAL = 1090.0


def stages(*levels: tuple[float, date]) -> tuple[Pool, ...]:
    return tuple(Pool(Stage(level, day), pool(level)) for level, day in levels)


def drowns(road: Corridor, level: float) -> bool:
    """Whether the lake at a level would take the road."""
    below = road.level < level
    return any(
        low and Point(x, y).within(pool(level))
        for low, x, y in zip(below, road.x, road.y, strict=True)
    )


def test_a_road_for_the_time_being_uses_the_ground_that_is_dry_until_then() -> None:
    world = site(lakes=stages((PARTIAL, FIRST), (FULL, LAST)))
    good = plan(world)
    before = plan(world, in_service_until=date(2027, 4, 30))
    between = plan(world, in_service_until=date(2029, 7, 31))
    after = plan(world, in_service_until=LAST)
    assert drowns(before, PARTIAL)
    assert drowns(between, FULL)
    assert not drowns(between, PARTIAL)
    assert not drowns(good, FULL)
    assert before.price < between.price < good.price
    assert (after.price, after.x.tolist()) == (good.price, good.x.tolist())
    assert plan(world, in_service_until=FIRST).price == between.price


def test_water_counts_as_far_as_it_may_have_risen() -> None:
    full = stages((PARTIAL, FIRST), (FULL, LAST))
    highest = {
        (None, None): FULL,
        (full, None): FULL,
        (full, LAST): FULL,
        (full, date(2029, 7, 31)): PARTIAL,
        (full, FIRST): PARTIAL,
        (full[:1], FIRST): FULL,  # a lake of one stage rises to its full level with it
    }
    for (lakes, until), level in highest.items():
        world = site(lakes=lakes or ())
        _, water = place.surroundings(world, GAP, VALLEY, until=until)
        assert set(np.unique(water)) == {-np.inf, np.float32(level + FREEBOARD)}
    _, water = place.surroundings(site(lakes=full), GAP, VALLEY, until=date(2027, 4, 30))
    assert np.isinf(water).all()


def test_a_road_that_begins_wet_starts_above_the_water() -> None:
    world = site()
    gap = Gap("dam", Section(2500, 4100), None, Section(4100, 8000))
    land, water = place.surroundings(world, gap, VALLEY)
    levels = place.level_range(world, gap, water, VALLEY)
    ground = ground_of(land.z, floor=water, levels=levels, depth=60.0, deck=100.0)
    given = (world, gap, land, ground, water, VALLEY, STEPS)
    starts, chainage = place.ends(*given, side="before", keep=5.0, per_metre=0.0)
    assert chainage.tolist() == [2500]
    assert starts.level.tolist() == [np.ceil((FULL + FREEBOARD) / STEP)]
    assert starts.price.tolist() == [0]
    ends, chainage = place.ends(*given, side="after", keep=5.0, per_metre=5.0)
    assert ends.price == pytest.approx((8000 - chainage) * 10)
    assert set(ends.heading) == {0}
    assert ends.grade == pytest.approx(0.02)


def test_a_tie_in_has_the_grade_of_the_road_and_at_its_very_end_too() -> None:
    world = site()
    gap = Gap("dam", Section(0, 4100), None, None)
    land, water = place.surroundings(world, gap, VALLEY)
    levels = place.level_range(world, gap, water, VALLEY)
    ground = ground_of(land.z, levels=levels, depth=60.0, deck=100.0)
    given = (world, gap, land, ground, np.full_like(water, -np.inf), VALLEY, STEPS)
    for side in ("before", "after"):
        states, _ = place.ends(*given, side=side, keep=5.0, per_metre=0.0)
        assert states.grade == pytest.approx([0.02])


@given(share=st.floats(-0.1, 1.1))
def test_a_road_keeps_the_level_of_the_water_as_far_as_it_follows_the_old_grade(
    share: float,
) -> None:
    world = site()
    land, _ = place.surroundings(world, GAP, VALLEY)
    ground = ground_of(land.z, levels=(0.0, 3000.0), depth=60.0, deck=100.0)
    for side, window, down in (("before", GAP.before, 0.0), ("after", GAP.after, 0.02)):
        assert window is not None
        low, high = world.highway.level_at([window.start, window.end])
        water = np.full(land.shape, low + share * (high - low), np.float32)
        given = (world, GAP, land, ground, water, VALLEY, STEPS)
        chainage = place.ends(*given, side=side, keep=5.0, per_metre=0.0)[1]
        dry = np.full(land.shape, -np.inf, np.float32)
        every = place.ends(*given[:4], dry, *given[5:], side=side, keep=5.0, per_metre=0.0)[1]
        high_enough = world.highway.level_at(every) - 75 * down >= float(water[0, 0]) - 1e-6
        wanted = every[high_enough] if high_enough.any() else every
        assert chainage == pytest.approx(wanted)


def test_water_asks_for_freeboard_beside_the_lake_only() -> None:
    world = site()
    land, water = place.surroundings(world, GAP, VALLEY)
    assert set(np.unique(water)) == {-np.inf, np.float32(FULL + FREEBOARD)}
    polygon = world.reservoirs[0].full.polygon
    assert place.burn(land, [polygon])[np.isfinite(water)].any()
    assert np.isfinite(water[place.burn(land, [polygon])]).all()
    away = Lake(Dam(FULL), Pool(Stage(FULL, LAST), box(0, 0, -9, -9)))
    far = replace(world, reservoirs=(cast("Reservoir", away),))
    assert np.isinf(place.surroundings(far, GAP, VALLEY)[1]).all()


def test_no_road_runs_through_the_dam() -> None:
    world = site(1)
    x = world.highway.at(GAP.section.start)[0, 0]
    wall = LineString([(x, RIVER_Y - 150.0), (x, RIVER_Y + 150.0)])
    dammed = replace(world, reservoirs=(replace(world.reservoirs[0], wall=wall),))
    road = plan(dammed)
    assert line_of(road).distance(wall) > 0
