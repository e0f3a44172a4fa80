"""Laws of the refinement: never dearer, every rule kept, cheap ground found, no-go not touched."""

from dataclasses import replace
from itertools import pairwise
from math import sqrt

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import LineString, union_all
from test_formation import STANDARD, P

from realign import formation, lateral
from realign.errors import GeometryError
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Formation
from realign.geometry.alignment import Plan, ground_under
from realign.geometry.check import breaches
from realign.geometry.horizontal import Corner, corners, deflections, elements
from realign.geometry.vertical import Grades
from realign.lateral import Line, Map, chart, refine
from realign.profile import Line as Fineness
from realign.profile import followed
from realign.standards import Slow
from realign.terrain import Terrain

SHAPE = Formation()
HALF = 1500.0
TABLES = {"standard": STANDARD, "shape": SHAPE, "prices": P}

Polygon = tuple[NDArray[np.float64], list[Corner | None]]


def hills(seed: int, high: float, side: float) -> Terrain:
    """Hills in both directions, on ground that falls to the south."""
    rng = np.random.default_rng(seed)
    size, angle = rng.uniform(0.2, 1, 5), rng.uniform(0, np.pi, 5)
    shift, lengths = rng.uniform(0, 6, 5), (400.0, 600.0, 900.0, 1500.0, 2100.0)

    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        waves = [
            a * np.sin(2 * np.pi * (x * np.cos(t) + y * np.sin(t)) / w + b)
            for a, t, w, b in zip(size, angle, lengths, shift, strict=True)
        ]
        return np.asarray(600 + high * sum(waves) / 5 + side * y)

    return oracles.surface(level, half=HALF)


def bent(seed: int, sway: float, *, legs: int = 6) -> Polygon:
    """Tangents from west to east that sway, with the curves for which they have room."""
    rng = np.random.default_rng(seed)
    x = np.linspace(-1200.0, 1200.0, legs + 1)
    pis = np.column_stack((x, rng.uniform(-sway, sway, x.size)))
    return pis, corners(pis, STANDARD)


def land(
    ground: Terrain,
    *,
    floor: NDArray[np.float32] | None = None,
    barred: NDArray[np.bool_] | None = None,
    rivers: tuple[LineString, ...] = (),
    dearer: NDArray[np.float32] | None = None,
) -> Map:
    floor = np.full(ground.shape, -np.inf, np.float32) if floor is None else floor
    barred = np.zeros(ground.shape, bool) if barred is None else barred
    return chart(ground, floor=floor, forbidden=barred, rivers=rivers, dearer=dearer)


def on_the_ground(way: Polygon, ground: Terrain) -> Grades:
    """Grade line nearest to the ground under the road."""
    plan = Plan(elements(*way))
    s = plan.stations(20.0)
    level = ground_under(plan, ground, s)[1]
    level = np.interp(s, s[[0, -1]], level[[0, -1]]) * 0.5 + level * 0.5
    grades = followed(plan.length, (s, level), line=Fineness(), standard=STANDARD)
    if grades is None:
        flat = np.linspace(level[0], level[0], 5)
        return Grades(np.linspace(0, plan.length, 5), flat, np.array([0, 1, 1, 1, 0]) * s[-1] / 4)
    return grades


def whole(
    way: Polygon, grades: Grades, where: Map, deep: float = np.inf, over: float = -np.inf
) -> Line:
    return refine(*way, grades, where, strides=(), deep=deep, over=over, **TABLES)  # type: ignore[arg-type]


def moved(way: Polygon, grades: Grades, where: Map, *, plan: bool = True) -> Line:
    return refine(*way, grades, where, plan=plan, **TABLES)  # type: ignore[arg-type]


def slow(  # noqa: PLR0917 - a road, the land and what rules both
    way: Polygon,
    grades: Grades,
    ground: Terrain,
    rivers: tuple[LineString, ...],
    floor: NDArray[np.float32],
    deep: float,
    over: float,
    dearer: NDArray[np.float32],
) -> float:
    """Price of a road by the functions of geometry and formation, station by station."""
    plan = Plan(elements(*way))
    s = plan.stations(lateral.STEP)
    poses, level, slope = ground_under(plan, ground, s)
    z, grade = grades.at(s), np.abs(grades.grade_at(s))
    wide = np.pad(grade, 1, mode="edge")
    steep = np.maximum(np.maximum(wide[:-2], wide[1:-1]), wide[2:])
    xy = poses[:, :2]
    wet, clear = np.zeros(s.size, bool), np.full(s.size, -np.inf)
    for i, at in enumerate((s[:-1] + s[1:]) / 2):
        if any(LineString(xy[i : i + 2]).intersects(line) for line in rivers):
            near = np.abs(s - at) <= SHAPE.river_half_m + 1e-6
            wet |= near
            clear[near] = np.maximum(clear[near], (level[i] + level[i + 1]) / 2 + over)
    row, col = (np.floor(v + 0.5).astype(int) for v in ground.index(xy[:, 0], xy[:, 1]))
    wet |= level < floor[row, col] - deep
    run, height = np.diff(s), z - level
    middle, across = (height[:-1] + height[1:]) / 2, (slope[:-1] + slope[1:]) / 2
    price = formation.by_form(middle, across, P)
    at = formation.by_form(height, slope, P)[:, OPEN] * dearer[row, col]
    price[:, OPEN] = np.where(wet[:-1] | wet[1:], np.inf, (at[:-1] + at[1:]) / 2)
    most = np.maximum(steep[:-1], steep[1:])
    price[most > STANDARD.grade_bridge + formation.STEEP_SLACK, BRIDGE] = np.inf
    price[most > STANDARD.grade_tunnel + formation.STEEP_SLACK, TUNNEL] = np.inf
    deck = middle + across * P.half - P.max_deck
    beyond = [np.abs(middle), np.maximum(np.maximum(-middle, deck), 0), np.maximum(middle, 0)]
    unfit = DENIED + lateral.UNFIT * np.column_stack(beyond)
    price = np.where(np.isfinite(price), price, unfit) * run[:, None]
    tips = np.array([[formation.end_price(a, b, P) for b in range(3)] for a in range(3)])
    lengths = (run[0], SHAPE.min_bridge_m, SHAPE.min_tunnel_m)
    least = np.array([int(np.ceil(v / run[0] - 1e-9)) for v in lengths])
    form = formation.choose(price, tips, least)
    ends = np.concatenate(([OPEN], form, [OPEN]))
    total = price[np.arange(form.size), form].sum() + tips[ends[:-1], ends[1:]].sum()
    share = np.convolve(run, [0.5, 0.5])
    sunk = np.maximum(np.maximum(floor[row, col], clear) - z, 0)
    sunk[[0, -1]] = 0
    total += lateral.SUNK * (sunk @ share)
    over = np.where(grade > STANDARD.grade + 1e-6, grade - STANDARD.grade, 0.0)
    return float(total + lateral.TOO_STEEP * (over @ share)) + shortage(way)


@given(lift=st.floats(0.1, 30))
def test_the_farther_beyond_its_limits_a_deck_is_the_dearer(lift: float) -> None:
    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(np.abs(x) < 200, 600.0 - P.max_deck - 20, 600.0) + 0 * y

    ground, way = oracles.surface(level, half=HALF), bent(0, 1.0)
    length = Plan(elements(*way)).length

    def price(z: float) -> float:
        flat = Grades(np.linspace(0, length, 25), np.full(25, z), np.array([0.0] * 25))
        return whole(way, flat, land(ground)).price

    # the plain is a hand's breadth below: its price changes by less than the deck's over the gorge
    assert price(600 + lift) - price(600.0) > 300 * lateral.UNFIT * lift


def shortage(way: Polygon) -> float:
    """Price of tangents and arcs shorter than recommended, from the corners' own lengths."""
    pis = [way[0][0], *[pi for pi, c in zip(way[0][1:-1], way[1], strict=True) if c], way[0][-1]]
    curves = [curve for curve in way[1] if curve]
    lacking = sum(max(STANDARD.arc - curve.arc, 0.0) for curve in curves)
    for i, (a, b) in enumerate(pairwise(curves), start=1):
        straight = float(np.hypot(*(pis[i + 1] - pis[i]))) - a.tangent_behind - b.tangent
        if a.deflection * b.deflection > 0:
            lacking += max(STANDARD.tangent_same - straight, 0.0)
            continue
        touch = (sqrt(a.radius * a.clothoid) + sqrt(b.radius * b.clothoid)) / 40
        right = straight <= touch or straight >= STANDARD.tangent_reverse
        lacking += 0 if right else min(straight - touch, STANDARD.tangent_reverse - straight)
    return lateral.SHORT * P.surface * lacking


@given(
    seed=st.integers(0, 99),
    radii=st.lists(st.sampled_from([60.0, 90.0, 130.0, 200.0]), min_size=5, max_size=5),
    zone=st.floats(50, 3000),
)
def test_slow_stretches_about_sharp_curves_count_their_ground_once(
    seed: int, radii: list[float], zone: float
) -> None:
    x = np.arange(7) * 350.0 - 1050
    pis = np.column_stack((x, np.where(np.arange(7) % 2, 80.0, -80.0)))
    turns = deflections(pis)
    curves = [Corner(float(t), r, 35.0) for t, r in zip(turns, radii, strict=True)]
    standard = replace(STANDARD, clothoid=35.0, radius=125.0)
    ground = hills(seed, 5.0, 0.1)
    grades = on_the_ground((pis, curves), ground)
    tables = TABLES | {"standard": standard}

    def price(value: float) -> float:
        slow = Slow(60.0, value, zone)
        found = refine(pis, curves, grades, land(ground), strides=(), slow=slow, **tables)  # type: ignore[arg-type]
        return found.price

    at, sharp = 0.0, []
    for i, curve in enumerate(curves, start=1):
        at += float(np.hypot(*(pis[i] - pis[i - 1]))) - curve.tangent
        half = (curve.radius * abs(curve.deflection) + curve.clothoid) / 2
        sharp += [at + half] if curve.radius < 125 else []
        at += 2 * half - curve.tangent
    covered = union_all([LineString([(s - zone / 2, 0), (s + zone / 2, 0)]) for s in sharp]).length
    assert price(7.0) - price(0.0) == pytest.approx(7.0 * covered, rel=1e-6, abs=1e-3)


@given(
    seed=st.integers(0, 999),
    high=st.floats(0, 60),
    side=st.floats(0, 0.8),
    river=st.floats(-900, 900),
    lift=st.one_of(st.floats(0.3, 30), st.floats(-30, -0.3)),
    deep=st.floats(0, 20),
    over=st.floats(-30, 30),
)
def test_the_compiled_price_is_that_of_geometry_and_formation(
    seed: int, high: float, side: float, river: float, lift: float, deep: float, over: float
) -> None:
    ground, way = hills(seed, high, side), bent(seed, 120.0)
    grades = on_the_ground(way, ground)
    rivers = (LineString([(river, -1400.0), (river + 70, 0), (river - 40, 1400.0)]),)
    floor = np.full(ground.shape, -np.inf, np.float32)
    floor[:, ground.shape[1] // 2 :] = float(np.median(grades.level)) + lift / 10
    grades = Grades(grades.chainage, grades.level + lift, grades.curve)
    dearer = np.ones(ground.shape, np.float32)
    dearer[ground.shape[0] // 2 + 1 :] = 1 + seed / 100
    where = land(ground, floor=floor, rivers=rivers, dearer=dearer)
    found = whole(way, grades, where, deep, over)
    asked = slow(way, grades, ground, rivers, floor, deep, over, dearer)
    assert found.price == pytest.approx(asked, rel=1e-6)


@given(seed=st.integers(0, 999), sway=st.floats(1, 140))
def test_the_walk_sees_the_places_of_the_elements(seed: int, sway: float) -> None:
    way, limits = bent(seed, sway), lateral.rule(STANDARD, SHAPE, P, np.inf)
    plan = Plan(elements(*way))
    grades = Grades(np.linspace(0, plan.length, 5), np.zeros(5), np.zeros(5))
    road, part = lateral._prepared(*way, plan.length, grades.level, limits)
    work = lateral._work(2000, limits, P)
    n = lateral._cut(road, len(way[0]), 1, len(way[0]) - 2, part, limits)
    assert lateral._curved(part, n, limits)
    assert lateral._chained(part, n, limits) == pytest.approx(plan.length, abs=1e-4)
    count = int(plan.length / 10)
    s = np.linspace(0, plan.length, count + 1)
    lateral._walk(part, n, count, plan.length / count, limits, work)
    poses = plan.poses(s)
    assert work.x[: count + 1] == pytest.approx(poses[:, 0], abs=1e-4)
    assert work.y[: count + 1] == pytest.approx(poses[:, 1], abs=1e-4)
    assert work.dx[: count + 1] == pytest.approx(np.cos(poses[:, 2]), abs=1e-6)
    assert work.dy[: count + 1] == pytest.approx(np.sin(poses[:, 2]), abs=1e-6)
    assert work.u[: count + 1] == pytest.approx(s, abs=1e-3)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 999), high=st.floats(0, 80), side=st.floats(0, 0.8), sway=st.floats(1, 140)
)
def test_a_refined_road_is_not_dearer_and_keeps_every_rule(
    seed: int, high: float, side: float, sway: float
) -> None:
    ground, way = hills(seed, high, side), bent(seed, sway)
    where, grades = land(ground), on_the_ground(way, ground)
    before, after = whole(way, grades, where), moved(way, grades, where)
    assert after.price <= before.price
    assert after.pis[[0, -1]] == pytest.approx(way[0][[0, -1]])
    for a, b in (after.pis[[0, 1]], way[0][[0, 1]]), (after.pis[[-2, -1]], way[0][[-2, -1]]):
        (ax, ay), (bx, by) = a[1] - a[0], b[1] - b[0]
        assert np.arctan2(ax * by - ay * bx, ax * bx + ay * by) == pytest.approx(0, abs=1e-9)
    plan = Plan(elements(after.pis, after.curves))
    assert plan.length == pytest.approx(after.station[-1], abs=1e-3)
    xy = plan.poses(plan.stations(10.0))[:, :2]
    assert LineString(xy).is_simple
    assert (
        breaches(plan.elements, Grades(np.array([0, 1.0]), np.zeros(2), np.zeros(2)), STANDARD)
        == ()
    )


@settings(max_examples=20)
@given(seed=st.integers(0, 999), high=st.floats(0, 80), side=st.floats(0, 0.8))
def test_levels_alone_keep_the_plan_and_the_standard(seed: int, high: float, side: float) -> None:
    ground, way = hills(seed, high, side), bent(seed, 100.0)
    where, grades = land(ground), on_the_ground(way, ground)
    before, after = whole(way, grades, where), moved(way, grades, where, plan=False)
    assert after.price <= before.price
    assert (after.pis == way[0]).all()
    assert after.pvi[[0, -1]] == pytest.approx(grades.level[[0, -1]])
    if not breaches(elements(*way), grades, STANDARD):
        line = Grades(grades.chainage, after.pvi, grades.curve)
        assert breaches(elements(*way), line, STANDARD) == ()
        assert line.at(after.station) == pytest.approx(after.level, abs=1e-6)


def test_a_straight_road_on_a_plane_stays() -> None:
    ground = oracles.surface(lambda x, y: 600 + 0 * x + 0 * y, half=HALF)
    x = np.linspace(-1200.0, 1200.0, 5)
    way: Polygon = (np.column_stack((x, 0 * x)), [None] * 3)
    found = moved(way, on_the_ground(way, ground), land(ground))
    assert found.pis[:, 1] == pytest.approx(0, abs=1e-9)
    assert found.level == pytest.approx(600.0)
    assert found.station[-1] == pytest.approx(2400.0)


def bench(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """Slope that falls to the south, with a level bench from 40 to 160 m north."""
    return np.asarray(600 + 0.8 * (y - np.clip(y - 40, 0, 120)) + 0 * x)


def below_the_bench() -> tuple[Polygon, Grades, Terrain]:
    """Straight road along the slope below a bench, between the levels of both."""
    x = np.linspace(-1200.0, 1200.0, 9)
    pvi = np.linspace(0.0, 2400.0, 17)
    grades = Grades(pvi, np.full(17, 616.0), np.array([0, *[150.0] * 15, 0.0]))
    return (np.column_stack((x, 0 * x)), [None] * 7), grades, oracles.surface(bench, half=HALF)


def test_a_bench_beside_the_road_is_found() -> None:
    way, grades, ground = below_the_bench()
    before, after = whole(way, grades, land(ground)), moved(way, grades, land(ground))
    assert after.price < 0.5 * before.price
    plan = Plan(elements(after.pis, after.curves))
    s = np.linspace(plan.length / 3, plan.length * 2 / 3, 50)
    _, level, slope = ground_under(plan, ground, s)
    assert slope.mean() < 0.5
    assert level == pytest.approx(632.0, abs=8.0)


def test_forbidden_ground_is_not_touched() -> None:
    way, grades, ground = below_the_bench()
    col, row = np.meshgrid(np.arange(ground.shape[1]), np.arange(ground.shape[0]))
    left, _, _, top = ground.bounds
    x, y = left + (col + 0.5) * ground.cell, top - (row + 0.5) * ground.cell
    barred = (np.abs(x) < 300) & (y > 20)
    free, after = (moved(way, grades, land(ground, barred=b)) for b in (None, barred))
    touched = []
    for line in (free, after):
        plan = Plan(elements(line.pis, line.curves))
        xy = plan.poses(plan.stations(1.0))[:, :2]
        i, j = np.floor((top - xy[:, 1]) / ground.cell), np.floor((xy[:, 0] - left) / ground.cell)
        touched.append(bool(barred[i.astype(int), j.astype(int)].any()))
    assert touched == [True, False]


@pytest.mark.parametrize("seed", range(4))
def test_mirrored_ground_gives_the_mirrored_road(seed: int) -> None:
    ground, way = hills(seed, 40, 0.4), bent(seed, 100.0)
    grades = on_the_ground(way, ground)
    after = moved(way, grades, land(ground))
    _, bottom, _, top = ground.bounds
    other = Terrain(
        z=ground.z[::-1].copy(),
        transform=ground.transform,
        crs=ground.crs,
        datum=ground.datum,
        sigma=ground.sigma,
    )
    pis = np.column_stack((way[0][:, 0], top + bottom - way[0][:, 1]))
    turned = moved((pis, corners(pis, STANDARD)), grades, land(other))
    assert turned.price == pytest.approx(after.price, rel=1e-6)
    assert turned.pis[:, 0] == pytest.approx(after.pis[:, 0], abs=1e-3)
    assert turned.pis[:, 1] == pytest.approx(top + bottom - after.pis[:, 1], abs=1e-3)


def test_a_road_without_ground_is_refused() -> None:
    ground, way = hills(0, 10, 0.1), bent(0, 50.0)
    grades = on_the_ground(way, ground)
    away: Polygon = (way[0] + 5000.0, way[1])
    with pytest.raises(GeometryError, match="leaves the ground"):
        whole(away, grades, land(ground))
    uneven = Grades(grades.chainage**1.01, grades.level, 0 * grades.curve)
    with pytest.raises(GeometryError, match="evenly spaced"):
        whole(way, uneven, land(ground))
