"""Laws of design speeds along a road: nothing is broken, nothing is shorter, nothing is faster."""

from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import inf, pi

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign.errors import GeometryError
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.check import breaches
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.geometry.zones import RULES, travel_time, zones
from realign.standards import Zone, load, rows

CODE = "aashto-mountain"
ROWS = tuple(load(CODE, v) for v in (40, 60, 80))
SLOW = ROWS[0]
RADII = {0: 400.0, 1: 150.0, 2: 50.0}
"""Radius that keeps all rows, all but the fastest, the slowest only [m]."""
GRID = 50.0
"""What all lengths of the small roads are multiples of [m]."""

Parts = list[tuple[float, float, float]]

whats = st.lists(st.sampled_from([None, None, 0, 1, 2]), min_size=1, max_size=7)


def road(parts: Parts, grades: Grades | None = None) -> Alignment:
    out: list[Element] = []
    for length, k0, k1 in parts:
        out.append(Element(out[-1].end if out else Pose(0.0, 0.0, 0.0), length, k0, k1))
    plan = Plan(tuple(out))
    level = Grades(np.array([0.0, plan.length]), np.zeros(2), np.zeros(2))
    return Alignment(plan, grades or level)


def winding(kinds: list[int | None]) -> Parts:
    """Tangents and curves of 100 and 250 m, so that each begins and ends on the grid."""
    parts: Parts = []
    for i, kind in enumerate(kinds):
        if kind is None:
            parts.append((2 * GRID, 0.0, 0.0))
            continue
        k = (-1) ** i / RADII[kind]
        parts += [(2 * GRID, 0.0, k), (GRID, k, k), (2 * GRID, k, 0.0)]
    return parts


def allowed(kinds: list[int | None]) -> list[list[bool]]:
    """Whether each row may rule over each cell of the grid."""
    cells: list[int] = []
    for kind in kinds:
        cells += [0, 0] if kind is None else [kind] * 5
    return [[kind <= 2 - r for kind in cells] for r in range(3)]


def least_time(free: list[list[bool]], short: int) -> float:
    """Least time of all ways to part the grid, by trying them all [s]."""
    n = len(free[0])

    @cache
    def best(at: int, last: int) -> float:
        if at == n:
            return 0.0
        out = inf
        for row, fits in enumerate(free):
            for end in range(at + min(short, n), n + 1):
                if row != last and all(fits[at:end]):
                    here = (end - at) * GRID / (ROWS[row].speed_kmh / 3.6)
                    out = min(out, here + best(end, row))
        return out

    return best(0, -1)


@given(kinds=whats, short=st.integers(1, 14))
def test_no_way_to_part_a_road_is_faster(kinds: list[int | None], short: int) -> None:
    found = zones(road(winding(kinds)), ROWS, least=short * GRID)
    assert travel_time(found) == pytest.approx(least_time(allowed(kinds), short), abs=1e-3)


def test_a_slow_stretch_begins_early_where_that_leaves_room_for_a_fast_one_behind() -> None:
    found = zones(road(winding([None] * 6 + [2] + [None] * 4)), ROWS, least=400.0)
    assert [(z.start, z.end, z.speed_kmh) for z in found] == [
        (0.0, pytest.approx(450.0), 80),
        (pytest.approx(450.0), pytest.approx(850.0), 40),
        (pytest.approx(850.0), 1250.0, 80),
    ]


def test_of_equally_fast_ways_the_one_with_the_fewest_changes_of_speed_is_taken() -> None:
    # one slow stretch of 1000 m, or two of 500 m with 500 m between them
    kinds = [*[None] * 10, 2, *[None] * 5, 2, *[None] * 10]
    found = zones(road(winding(kinds)), ROWS, least=500.0)
    assert [zone.speed_kmh for zone in found] == [80, 40, 80]


@given(
    kinds=st.lists(st.sampled_from([None, 0, 1, 2]), min_size=1, max_size=40),
    least=st.floats(1, 3e3),
)
def test_zones_cover_the_road_keep_their_length_and_change_the_speed(
    kinds: list[int | None], least: float
) -> None:
    way = road(winding(kinds))
    found = zones(way, ROWS[::-1], least=least)
    assert (found[0].start, found[-1].end) == (0.0, way.length)
    for this, after in pairwise(found):
        assert this.end == after.start
        assert this.speed_kmh != after.speed_kmh
    assert all(zone.length >= min(least, way.length) - 1e-5 for zone in found)
    assert all(bool(zone.why) == (zone.standard != ROWS[-1]) for zone in found)


@given(kinds=whats, least=st.floats(1, 2e3), more=st.floats(1, 2e3))
def test_a_longer_least_length_is_never_faster_and_a_row_more_never_slower(
    kinds: list[int | None], least: float, more: float
) -> None:
    way = road(winding(kinds))
    time = travel_time(zones(way, ROWS, least=least))
    assert travel_time(zones(way, ROWS, least=least + more)) >= time - 1e-3
    assert travel_time(zones(way, ROWS[:2], least=least)) >= time - 1e-3
    assert travel_time(zones(way, ROWS[:1], least=least)) == pytest.approx(
        way.length / (SLOW.speed_kmh / 3.6)
    )


@st.composite
def rolling(draw: st.DrawFn) -> Alignment:
    """Curves and grades near the limits of several rows; some break even the slowest."""
    parts: Parts = []
    for _ in range(draw(st.integers(1, 12))):
        row = draw(st.sampled_from(ROWS))
        k = draw(st.sampled_from([-1, 1])) / (row.radius * draw(st.sampled_from([0.9, 1.0, 1.1])))
        first, last = (row.clothoid * draw(st.sampled_from([0.9, 1.0, 2.0])) for _ in range(2))
        arc = draw(st.floats(1, 100))
        parts += [(first, 0, k), (arc, k, k), (last, k, 0), (draw(st.floats(10, 800)), 0, 0)]
    length = sum(part[0] for part in parts)
    pvi, level, curve, grade = [0.0], [0.0], [0.0], 0.0
    while pvi[-1] < length - 450:
        row = draw(st.sampled_from(ROWS))
        run = row.grade_length * draw(st.sampled_from([0.9, 1.0, 1.5]))
        new = draw(st.sampled_from([-1, 1])) * row.grade * draw(st.sampled_from([0.3, 0.99, 1.05]))
        room = min(run / 2, pvi[-1] - pvi[-2] - curve[-1] / 2 if len(pvi) > 1 else run) * 2
        if len(pvi) > 1:
            k = row.k_sag if new > grade else row.k_crest
            curve.append(min(room * 0.99, k * abs(new - grade) * 100))
        grade = new
        pvi.append(pvi[-1] + run)
        level.append(level[-1] + run * grade)
    last = curve[-1] / 2 if len(pvi) == len(curve) else 0.0
    curve = [*curve, 0.0] if len(curve) == len(pvi) else [*curve, 0.0, 0.0]
    pvi.append(max(length, pvi[-1] + last + 1))
    level.append(level[-1])
    line = Grades(np.array(pvi), np.array(level), np.array(curve))
    return road([*parts, (pvi[-1] - length + 1e-9, 0, 0)], line)


@given(way=rolling(), least=st.floats(50, 2000))
def test_zones_break_no_rule_that_the_slowest_row_keeps(way: Alignment, least: float) -> None:
    found = zones(way, ROWS, least=least)
    slow = breaches(way.plan.elements, way.grades, SLOW)
    zoned = breaches(way.plan.elements, way.grades, found)

    def places(each: tuple) -> set[tuple[str, float]]:
        return {(b.rule, round(b.chainage, 3)) for b in each}

    # a stretch too steep for the slowest row is told in parts where zones meet inside it
    assert {p for p in places(zoned) - places(slow) if p[0] != "grade"} == set()
    assert bool({p for p in places(zoned) if p[0] == "grade"}) == bool(
        {p for p in places(slow) if p[0] == "grade"}
    )
    assert places(slow) <= places(zoned)
    for zone in found:
        if zone.standard != SLOW:
            whole = breaches(way.plan.elements, way.grades, zone.standard)
            assert not [
                b
                for b in whole
                if b.rule in RULES and b.start < zone.end - 1e-5 and b.end > zone.start + 1e-5
            ]


def test_the_reason_names_the_worst_place_and_counts_the_others() -> None:
    parts = winding([None] * 30 + [2, 1, 2, None, 2] + [None] * 30)
    k = 1 / 45.0
    at = len(parts) - 30 - 3
    parts[at : at + 3] = [(100, 0, k), (50, k, k), (100, k, 0)]
    found = zones(road(parts), ROWS[:2])
    assert [zone.speed_kmh for zone in found] == [60, 40, 60]
    assert found[1].why == ("radius 45 m at 3+950, 60 km/h wants 115 m; and 2 more places")
    assert found[0].why == ""
    found = zones(road(winding([None] * 30 + [2] + [None] * 30)), ROWS[:2])
    assert found[1].why == "radius 50 m at 3+100, 60 km/h wants 115 m"
    found = zones(road(winding([None] * 18 + [2] + [None] * 18 + [2] + [None] * 40)), ROWS[:2])
    assert [zone.speed_kmh for zone in found] == [40, 60]
    assert "1 more place" in found[0].why


def test_a_stretch_too_short_for_a_change_of_speed_stays_slow() -> None:
    way = road(winding([2] + [None] * 10 + [1]))
    found = zones(way, ROWS, least=1200.0)
    assert [zone.speed_kmh for zone in found] == [40]
    way = road(winding([None] * 14 + [1] + [None] * 3))
    found = zones(way, ROWS, least=900.0)
    assert [zone.speed_kmh for zone in found] == [80, 60]
    assert found[1].why.startswith("radius 150 m")
    way = road(winding([2] + [None] * 4 + [2]))
    (zone,) = zones(way, (*ROWS[:2],), least=500.0)
    assert zone.why.endswith("and 1 more place")


def test_hairpins_are_zones_of_their_own_speed_inside_a_slow_one() -> None:
    two = rows("jtg-class-ii-mountain")[1:]
    k = 1 / 30
    hairpin: Parts = [(30, 0, k), (pi * 30 - 30, k, k), (30, k, 0)]
    way = road([(3000, 0, 0), *hairpin, (3000, 0, 0)])
    end = 3000 + pi * 30 + 30
    found = zones(way, two, hairpins=[(3000.0, end)])
    assert {zone.speed_kmh for zone in found} == {60, 40, 30}
    assert sum(z.length for z in found if z.speed_kmh != 60) == pytest.approx(2000.0)
    for least in (100.0, 2000.0):
        fast = [z for z in zones(way, two, hairpins=[(3000.0, end)], least=least) if z.length > 200]
        sight = two[1].sight
        assert [z.speed_kmh for z in (fast[0], fast[-1])] == [60, 60]
        assert fast[0].end <= 3000 - sight + 1e-5
        assert fast[-1].start >= end + sight - 1e-5
    assert breaches(way.plan.elements, way.grades, found) == ()
    (own,) = (zone for zone in found if zone.hairpin)
    assert (own.start, own.end, own.why) == (3000.0, end, "hairpin, 30 km/h")
    assert travel_time([own]) == pytest.approx((end - 3000) / (30 / 3.6))
    with pytest.raises(GeometryError, match="has no hairpins at 60 km/h"):
        zones(way, two[1:], hairpins=[(3000.0, end)])


@pytest.mark.parametrize("given_", [(), (SLOW, SLOW)])
def test_rows_that_are_none_or_twice_are_refused(given_: tuple) -> None:
    with pytest.raises(GeometryError, match="wanted rows of different speeds"):
        zones(road([(100, 0, 0)]), given_)


def test_a_road_that_is_broken_somewhere_need_not_be_slow_there() -> None:
    way = road([(3000, 0, 0), (3000, 0, 0)])
    first, second = way.plan.elements
    start = replace(second.start, y=1.0)
    broken = Alignment(Plan((first, replace(second, start=start))), way.grades)
    assert [b.rule for b in breaches(broken.plan.elements, broken.grades, SLOW)] == [
        "gap between elements"
    ]
    assert [zone.speed_kmh for zone in zones(broken, ROWS)] == [80]


def test_a_road_that_keeps_the_fastest_row_has_one_zone() -> None:
    way = road([(123.4, 0, 0)])
    assert zones(way, ROWS) == (Zone(0.0, way.length, ROWS[-1]),)
