"""Laws of the checker: every planted breach is found at its chainage, and nothing else is."""

import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from math import cos, degrees, pi, sin

import numpy as np
import oracles
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from realign.errors import GeometryError
from realign.geometry.check import Breach, Tie, advice, breaches
from realign.geometry.horizontal import Element, Pose, fit
from realign.geometry.vertical import Grades
from realign.standards import DesignStandard, Zone, load

STANDARDS = (
    *(load("jtg-class-ii-mountain", v) for v in (30, 40, 60)),
    *(load("aashto-mountain", v) for v in (50, 80)),
)
LEVEL = Grades(np.array([0.0, 1e6]), np.zeros(2), np.zeros(2))
BEYOND, WITHIN = 1e-3, -1e-9
"""Shares of a limit by which a planted value misses it, and keeps it."""

Parts = list[tuple[float, float, float]]
"""Length and curvature at both ends of every element, before it is laid."""

standards = st.sampled_from(STANDARDS)
sides = st.sampled_from([-1, 1])
shares = st.sampled_from([BEYOND, 0.01, 0.3])


def laid(parts: Parts, start: Pose = Pose(10.0, -20.0, 0.3)) -> tuple[Element, ...]:  # noqa: B008
    """Lay elements one behind the other."""
    out: list[Element] = []
    for length, k0, k1 in parts:
        out.append(Element(out[-1].end if out else start, length, k0, k1))
    return tuple(out)


def chainages(parts: Parts) -> list[float]:
    return [0.0, *np.cumsum([length for length, _, _ in parts]).tolist()]


@st.composite
def roads(draw: st.DrawFn) -> tuple[Parts, DesignStandard]:
    """Tangents and curves that keep a standard and its advice, near its limits."""
    standard = draw(standards)
    parts: Parts = [(draw(st.floats(1, 300)), 0.0, 0.0)]
    side = 0
    for _ in range(draw(st.integers(1, 5))):
        before, side = side, draw(sides)
        if before:
            least = standard.tangent_same if side == before else standard.tangent_reverse
            parts.append((least * draw(st.sampled_from([1.0, 1.5])), 0.0, 0.0))
        k = side / (standard.radius * draw(st.sampled_from([1.0, 1.01, 3.0])))
        first, last = (standard.clothoid * draw(st.sampled_from([1.0, 1.7])) for _ in range(2))
        arc = standard.arc * draw(st.sampled_from([1.0, 1.2]))
        parts += [(first, 0.0, k), (arc, k, k), (last, k, 0.0)]
    return [*parts, (draw(st.floats(1, 300)), 0.0, 0.0)], standard


@st.composite
def fitted(draw: st.DrawFn) -> tuple[Parts, DesignStandard]:
    """Fit a road to points that wind, and take it to its elements."""
    standard = draw(standards)
    leg = 2.5 * standard.radius
    bearing, at = 0.0, [np.zeros(2)]
    for turn in draw(st.lists(st.floats(-0.7, 0.7), min_size=5, max_size=15)):
        at.append(at[-1] + leg * np.array([cos(bearing), sin(bearing)]))
        bearing += turn
    chain = fit(np.array(at), standard)
    assume(breaches(chain, LEVEL, standard) == ())
    parts: Parts = [(5.0, 0, 0), *((e.length, e.k0, e.k1) for e in chain), (5.0, 0, 0)]
    # curves of two clothoids that meet have no arc to plant a breach in
    assume(curves(parts))
    assume(all(parts[i + 1][1] == parts[i + 1][2] for i in curves(parts)))
    return parts, standard


@st.composite
def lines(draw: st.DrawFn, least: int = 3) -> tuple[list[float], list[float], DesignStandard]:
    """Lengths and grades of legs that keep a standard, with a change of grade between any two."""
    standard = draw(standards)
    n = draw(st.integers(least, 7))
    legs = [standard.grade_length * draw(st.sampled_from([1.0, 1.2, 3.0])) for _ in range(n)]
    grade = [draw(st.floats(-1, 1)) * standard.grade]
    while len(grade) < n:
        # steps small enough for vertical curves within the least length of a grade
        step = draw(st.floats(0.002, 0.015)) * draw(sides)
        after = grade[-1] + step
        grade.append(after if abs(after) <= standard.grade else grade[-1] - step)
    return legs, grade, standard


def rounded(
    legs: Sequence[float], grade: Sequence[float], standard: DesignStandard, *, long: float = 1.0
) -> Grades:
    """Grade line whose parabolas are as long as K asks, or so many times as long."""
    s = np.concatenate(([0.0], np.cumsum(legs)))
    z = 800 + np.concatenate(([0.0], np.cumsum(np.multiply(legs, grade))))
    change = np.diff(grade) * 100
    k = np.where(change > 0, standard.k_sag, standard.k_crest)
    return Grades(s, z, np.concatenate(([0.0], long * k * np.abs(change), [0.0])))


def told(found: Sequence[Breach]) -> list[tuple[str, float]]:
    return [(breach.rule, breach.chainage) for breach in found]


legal = st.one_of(roads(), fitted())


def near(rule: str, chainage: float) -> list[object]:
    return [(rule, pytest.approx(chainage, abs=1e-5))]


def flat(parts: Parts, standard: DesignStandard | list[Zone]) -> tuple[Breach, ...]:
    return breaches(laid(parts), LEVEL, standard)


def curves(parts: Parts) -> list[int]:
    """Find the first clothoid of every curve."""
    return [i for i, (_, k0, k1) in enumerate(parts) if k0 == 0 != k1]


def tightened(parts: Parts, i: int, k: float) -> Parts:
    """Give the arc of the curve that begins at i another curvature."""
    new = [(parts[i][0], 0.0, k), (parts[i + 1][0], k, k), (parts[i + 2][0], k, 0.0)]
    return [*parts[:i], *new, *parts[i + 3 :]]


@given(road=roads())
def test_a_road_at_the_limits_has_no_breach_and_keeps_the_advice(
    road: tuple[Parts, DesignStandard],
) -> None:
    parts, standard = road
    assert flat(parts, standard) == ()
    assert advice(laid(parts), standard) == ()


@given(line=lines())
def test_a_grade_line_at_the_limits_has_no_breach(
    line: tuple[list[float], list[float], DesignStandard],
) -> None:
    legs, grade, standard = line
    assert breaches(laid([(sum(legs), 0, 0)]), rounded(legs, grade, standard), standard) == ()


@given(road=legal, data=st.data(), short=shares)
def test_a_radius_too_short_is_found_where_the_arc_begins(
    road: tuple[Parts, DesignStandard], data: st.DataObject, short: float
) -> None:
    parts, standard = road
    i = data.draw(st.sampled_from(curves(parts)))
    side = 1 if parts[i][2] > 0 else -1
    radius = standard.radius * (1 - short)
    (breach,) = flat(tightened(parts, i, side / radius), standard)
    at = chainages(parts)
    assert told([breach]) == near("radius", at[i + 1])
    assert (breach.value, breach.limit) == pytest.approx((radius, standard.radius))
    assert (breach.start, breach.end) == pytest.approx((at[i], at[i + 3]))
    assert flat(tightened(parts, i, side / (standard.radius * (1 - WITHIN))), standard) == ()


@given(road=legal, data=st.data(), short=shares, which=st.sampled_from([0, 2]))
def test_a_clothoid_too_short_is_found_where_it_begins(
    road: tuple[Parts, DesignStandard], data: st.DataObject, short: float, which: int
) -> None:
    parts, standard = road
    i = data.draw(st.sampled_from(curves(parts))) + which
    for length, wanted in ((1 - short, True), (1 - WITHIN, False)):
        planted = [*parts]
        planted[i] = (standard.clothoid * length, *parts[i][1:])
        found = flat(planted, standard)
        assert told(found) == (near("length of clothoid", chainages(planted)[i]) if wanted else [])


@given(road=legal, data=st.data(), which=st.sampled_from([0, 2]))
def test_a_clothoid_missing_is_found_where_tangent_and_arc_meet(
    road: tuple[Parts, DesignStandard], data: st.DataObject, which: int
) -> None:
    parts, standard = road
    i = data.draw(st.sampled_from(curves(parts))) + which
    planted = [*parts[:i], *parts[i + 1 :]]
    found = flat(planted, standard)
    assert told(found) == near("clothoid missing, jump of curvature", chainages(planted)[i])
    assert found[0].value == pytest.approx(max(abs(parts[i][1]), abs(parts[i][2])))


@given(road=legal, data=st.data(), much=st.sampled_from([1.01e-7, 1e-4]))
def test_a_jump_of_curvature_is_found_where_it_is(
    road: tuple[Parts, DesignStandard], data: st.DataObject, much: float
) -> None:
    parts, standard = road
    i = data.draw(st.sampled_from(curves(parts)))
    side = 1 if parts[i][2] > 0 else -1
    k = parts[i][2]
    for jump, wanted in ((much, True), (0.99e-7, False)):
        planted = [*parts]
        planted[i] = (parts[i][0], 0.0, k - side * jump)
        found = flat(planted, standard)
        assert told(found) == (near("jump of curvature", chainages(parts)[i + 1]) if wanted else [])


@given(road=legal, data=st.data(), way=st.floats(-pi, pi))
def test_a_gap_is_found_from_a_millimetre_on(
    road: tuple[Parts, DesignStandard], data: st.DataObject, way: float
) -> None:
    parts, standard = road
    i = data.draw(st.integers(1, len(parts) - 1))
    chain = laid(parts)
    for gap, wanted in ((0.01, True), (1.01e-3, True), (0.99e-3, False)):
        end = chain[i].start
        moved = replace(end, x=end.x + gap * cos(way), y=end.y + gap * sin(way))
        found = breaches((*chain[:i], *laid(parts[i:], moved)), LEVEL, standard)
        assert told(found) == (near("gap between elements", chainages(parts)[i]) if wanted else [])
        assert not wanted or found[0].value == pytest.approx(gap, rel=1e-3)


@given(road=legal, data=st.data(), side=sides)
def test_a_kink_is_found_where_it_is(
    road: tuple[Parts, DesignStandard], data: st.DataObject, side: int
) -> None:
    parts, standard = road
    i = data.draw(st.integers(1, len(parts) - 1))
    chain = laid(parts)
    for kink, wanted in ((1e-2, True), (1.01e-5, True), (0.99e-5, False)):
        end = chain[i].start
        turned = replace(end, bearing=end.bearing + side * kink + 2 * pi)
        found = breaches((*chain[:i], *laid(parts[i:], turned)), LEVEL, standard)
        assert told(found) == (near("kink between elements", chainages(parts)[i]) if wanted else [])


@given(road=roads(), data=st.data(), cut=st.floats(0.01, 0.99))
def test_elements_cut_in_two_are_the_same_road(
    road: tuple[Parts, DesignStandard], data: st.DataObject, cut: float
) -> None:
    parts, standard = road
    i = data.draw(st.integers(0, len(parts) - 1))
    length, k0, k1 = parts[i]
    middle = k0 + cut * (k1 - k0)
    both = [(cut * length, k0, middle), ((1 - cut) * length, middle, k1)]
    planted = [*parts[:i], *both, *parts[i + 1 :]]
    assert flat(planted, standard) == ()
    assert advice(laid(planted), standard) == ()


@given(road=legal, data=st.data(), short=shares)
def test_the_way_back_has_the_same_breaches(
    road: tuple[Parts, DesignStandard], data: st.DataObject, short: float
) -> None:
    parts, standard = road
    i = data.draw(st.sampled_from(curves(parts)))
    side = 1 if parts[i][2] > 0 else -1
    planted = tightened(parts, i, side / (standard.radius * (1 - short)))
    planted[0] = (1.0, 0.0, 0.0)
    back = [(length, -k1, -k0) for length, k0, k1 in reversed(planted)]
    ahead, behind = flat(planted, standard), flat(back, standard)
    assert [b.rule for b in ahead] == [b.rule for b in behind]
    assert [b.value for b in ahead] == pytest.approx([b.value for b in behind])


@given(line=lines(), data=st.data(), over=st.sampled_from([0.001, 0.0001, 0.01]), side=sides)
def test_a_grade_over_the_limit_is_found_where_it_is_first_passed(
    line: tuple[list[float], list[float], DesignStandard],
    data: st.DataObject,
    over: float,
    side: int,
) -> None:
    legs, grade, standard = line
    i = data.draw(st.integers(0, len(legs) - 1))
    legs = [3 * leg for leg in legs]
    for steep, wanted in ((standard.grade + over, True), (standard.grade, False)):
        planted = [g / 2 for g in grade]
        planted[i] = side * steep
        levels = rounded(legs, planted, standard)
        found = breaches(laid([(sum(legs), 0, 0)]), levels, standard)
        if not wanted:
            assert found == ()
            continue
        at = float(levels.chainage[i])
        if i:
            share = (standard.grade - side * planted[i - 1]) / (steep - side * planted[i - 1])
            at += float(levels.curve[i]) * (share - 0.5)
        (breach,) = found
        assert breach.rule == "grade"
        # the rounding allowed in the limit moves the place a little
        assert breach.chainage == pytest.approx(at, abs=0.05 + 2e-2 * levels.curve[i])
        assert breach.value == pytest.approx(100 * steep)
        assert breach.limit == pytest.approx(100 * standard.grade)


@given(line=lines(), data=st.data(), short=shares)
def test_a_vertical_curve_too_short_is_found_at_its_pvi(
    line: tuple[list[float], list[float], DesignStandard], data: st.DataObject, short: float
) -> None:
    legs, grade, standard = line
    i = data.draw(st.integers(1, len(legs) - 1))
    whole = rounded(legs, grade, standard)
    for share, wanted in ((1 - short, True), (1.0, False)):
        curve = whole.curve.copy()
        curve[i] *= share
        planted = Grades(whole.chainage, whole.level, curve)
        found = breaches(laid([(sum(legs), 0, 0)]), planted, standard)
        at = float(whole.chainage[i])
        assert told(found) == (near("length of vertical curve", at) if wanted else [])
        assert not wanted or found[0].limit == pytest.approx(whole.curve[i])


@given(line=lines(), data=st.data(), short=st.sampled_from([BEYOND, 0.01]))
def test_a_grade_too_short_is_found_where_it_begins(
    line: tuple[list[float], list[float], DesignStandard], data: st.DataObject, short: float
) -> None:
    legs, grade, standard = line
    i = data.draw(st.integers(1, len(legs) - 2))
    for share, wanted in ((1 - short, True), (1.0, False)):
        planted = [*legs]
        planted[i] = standard.grade_length * share
        found = breaches(laid([(sum(planted), 0, 0)]), rounded(planted, grade, standard), standard)
        at = sum(planted[:i])
        assert told(found) == (near("length of grade", at) if wanted else [])


def test_a_pvi_without_a_change_of_grade_ends_no_grade() -> None:
    standard = STANDARDS[-1]
    s = np.array([0.0, 500.0, 550.0, 600.0, 1500.0])
    line = Grades(s, 0.01 * s, np.zeros(5))
    assert breaches(laid([(1500.0, 0, 0)]), line, standard) == ()


@given(line=lines(), ends=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_a_structure_steeper_than_it_may_be_is_found(
    line: tuple[list[float], list[float], DesignStandard], ends: tuple[float, float]
) -> None:
    legs, grade, standard = line
    levels = rounded(legs, grade, standard)
    start, end = (share * sum(legs) for share in sorted(ends))
    assume(end - start > 1)
    knots = np.concatenate((levels.chainage - levels.curve / 2, levels.chainage + levels.curve / 2))
    s = np.clip(np.concatenate((knots, [start, end])), start, end)
    steepest = float(np.abs(levels.grade_at(s)).max())
    assume(steepest > 0.003)
    chain = laid([(sum(legs), 0, 0)])
    assert breaches(chain, levels, standard, gentle=[(start, end, steepest)]) == ()
    (breach,) = breaches(chain, levels, standard, gentle=[(start, end, steepest - 1e-4)])
    assert told([breach]) == near("grade on a structure", start)
    assert breach.value == pytest.approx(100 * steepest)


@pytest.mark.parametrize(("over", "count"), [(0.0, 0), (0.9e-5, 0), (1.1e-5, 1), (5.0, 1)])
def test_vertical_curves_that_overlap_are_found(over: float, count: int) -> None:
    line = Grades(np.array([0.0, 300, 600, 900]), np.array([0, 0, 3.0, 0]), np.zeros(4))
    # the value itself refuses such curves; the checker does not rely on it
    object.__setattr__(line, "curve", np.array([0.0, 300.0, 300.0 + 2 * over, 0.0]))
    found = breaches(laid([(900.0, 0, 0)]), line, STANDARDS[1])
    assert told(found) == [("overlap of vertical curves", 300.0)] * count
    object.__setattr__(line, "curve", np.array([2 * over, 200.0, 200.0, 0.0]))
    found = breaches(laid([(900.0, 0, 0)]), line, STANDARDS[1])
    assert told(found) == [("overlap of vertical curves", 0.0)] * count


@given(road=roads(), slope=st.floats(-0.02, 0.02), data=st.data())
def test_a_tie_in_missed_is_found_at_its_end(
    road: tuple[Parts, DesignStandard], slope: float, data: st.DataObject
) -> None:
    parts, standard = road
    chain = laid(parts)
    length = chainages(parts)[-1]
    line = Grades(np.array([0.0, length]), np.array([100.0, 100 + slope * length]), np.zeros(2))
    ends = [
        Tie(chain[0].start, 100.0, slope + 0.01, 0.01, 0.0),
        Tie(chain[-1].end, 100 + slope * length, slope - 0.01, 0.01, 0.0),
    ]
    assert breaches(chain, line, standard, start=ends[0], end=ends[1]) == ()
    which = data.draw(st.integers(0, 1))
    tie, word, at = ends[which], ("start", "end")[which], (0.0, length)[which]
    way = data.draw(st.floats(-pi, pi))

    def moved(by: float) -> Tie:
        pose = tie.pose
        x, y = pose.x + by * cos(way), pose.y + by * sin(way)
        return replace(tie, pose=replace(pose, x=x, y=y))

    def turned(by: float) -> Tie:
        return replace(tie, pose=replace(tie.pose, bearing=tie.pose.bearing + by + 2 * pi))

    for planted, rule in (
        (moved(1.01e-3), "place"),
        (turned(1.01e-5), "bearing"),
        (replace(tie, level=tie.level - 1.01e-3), "level"),
        (replace(tie, level=tie.level + 1.01e-3), "level"),
        (replace(tie, change=0.0099), "change of grade"),
        (replace(tie, curvature=-1.01e-7), "curvature"),
        (replace(tie, curvature=0.99e-7), ""),
        (moved(0.98e-3), ""),
        (turned(0.98e-5), ""),
        (replace(tie, level=tie.level - 0.98e-3), ""),
        (replace(tie, level=None, grade=None, curvature=None), ""),
    ):
        both = [*ends]
        both[which] = planted
        found = breaches(chain, line, standard, start=both[0], end=both[1])
        assert told(found) == (near(f"{rule} of the tie-in at the {word}", at) if rule else [])


@given(road=roads(), data=st.data(), short=st.sampled_from([BEYOND, 0.2]))
def test_tangents_and_arcs_shorter_than_recommended_are_advice_and_no_breach(
    road: tuple[Parts, DesignStandard], data: st.DataObject, short: float
) -> None:
    parts, standard = road
    i = data.draw(st.integers(1, len(parts) - 2))
    _, k0, k1 = parts[i]
    assume(k0 == k1)
    same = k0 == 0 and parts[i - 1][1] * parts[i + 1][2] > 0
    least = standard.tangent_same if same else standard.tangent_reverse
    limit, rule = (
        least,
        f"tangent between {'curves of the same sense' if same else 'reverse curves'}",
    )
    if k0 != 0:
        limit, rule = standard.arc, "length of arc"
    planted = [*parts]
    planted[i] = (limit * (1 - short), k0, k1)
    assert flat(planted, standard) == ()
    found = advice(laid(planted), standard)
    assert told(found) == near(rule, chainages(planted)[i])
    assert (found[0].value, found[0].limit) == pytest.approx((limit * (1 - short), limit))


@pytest.mark.parametrize("standard", STANDARDS)
def test_clothoids_that_touch_need_no_tangent_between_reverse_curves(
    standard: DesignStandard,
) -> None:
    k, spiral, arc = 1 / standard.radius, standard.clothoid, standard.arc
    left: Parts = [(spiral, 0, k), (arc, k, k), (spiral, k, 0)]
    right: Parts = [(length, -a, -b) for length, a, b in left]
    touch = 2 * (standard.radius * spiral) ** 0.5 / 40
    for tangent, count in ((0.0, 0), (touch * 0.99, 0), (touch * 1.01, 1)):
        between: Parts = [(tangent, 0, 0)] if tangent else []
        assert len(advice(laid([*left, *between, *right]), standard)) == count
        assert len(advice(laid([*left, *between, *left]), standard)) == 1
    through: Parts = [*left[:2], (2 * spiral, k, -k), *right[1:]]
    assert flat(through, standard) == ()
    assert advice(laid(through), standard) == ()
    short: Parts = [*left[:2], (1.99 * spiral, k, -k), *right[1:]]
    assert [breach.rule for breach in flat(short, standard)] == 2 * ["length of clothoid"]


def test_two_clothoids_without_an_arc_between_are_advice() -> None:
    standard = STANDARDS[0]
    k = 1 / standard.radius
    parts: Parts = [(standard.clothoid, 0, k), (standard.clothoid, k, 0)]
    assert flat(parts, standard) == ()
    assert told(advice(laid(parts), standard)) == near("length of arc", standard.clothoid)


SLOW, FAST = load("jtg-class-ii-mountain", 40), load("jtg-class-ii-mountain", 60)


def zones(border: float, end: float) -> list[Zone]:
    return [Zone(0.0, border, SLOW), Zone(border, end, FAST)]


@pytest.mark.parametrize("short", [0.0, 0.01, 10.0])
def test_a_curve_that_reaches_into_two_zones_keeps_the_rules_of_both(short: float) -> None:
    k, spiral = 1 / SLOW.radius, FAST.clothoid
    parts: Parts = [(500, 0, 0), (spiral, 0, k), (40, k, k), (spiral, k, 0), (500, 0, 0)]
    at = chainages(parts)
    found = flat(parts, zones(at[4] - short, at[-1]))
    assert told(found) == ([] if short == 0 else near("radius", at[2]))
    found = flat(parts, [Zone(0, at[1] + short, FAST), Zone(at[1] + short, at[-1], SLOW)])
    assert told(found) == ([] if short == 0 else near("radius", at[2]))
    wide, spiral = 1 / FAST.radius, SLOW.clothoid
    parts[1:4] = [(spiral, 0, wide), (40, wide, wide), (FAST.clothoid, wide, 0)]
    at = chainages(parts)
    found = flat(parts, zones(at[4] - short, at[-1]))
    assert told(found) == ([] if short == 0 else near("length of clothoid", at[1]))


def test_parabolas_and_grades_keep_the_rules_of_their_zones() -> None:
    line = rounded([500.0, 500.0, 130.0, 500.0], [0.06, 0.07, 0.03, 0.02], SLOW)
    chain = laid([(1630.0, 0, 0)])
    at, curve = line.chainage, line.curve
    assert breaches(chain, line, SLOW) == ()

    def rules(border: float) -> list[str]:
        return [each.rule for each in breaches(chain, line, zones(border, 1630.0))]

    assert rules(at[3] + curve[3] / 2) == []
    assert rules(at[3] + curve[3] / 2 - 0.1) == ["length of vertical curve"]
    assert rules(at[3] - curve[3] / 2) == ["length of grade", "length of vertical curve"]
    crest = at[2] + curve[2] / 2
    assert rules(crest) == ["length of grade", "length of vertical curve"]
    # on the crest the grade falls from 7 to 3 %: a quarter of it is above the 6 % of the fast zone
    start = at[2] - curve[2] / 2
    assert rules(start + 0.26 * curve[2])[0] == "length of grade"
    assert rules(start + 0.24 * curve[2])[0] == "grade"


@pytest.mark.parametrize(("gap", "count"), [(1e-9, 0), (0.01, 1), (-0.01, 1)])
def test_zones_that_do_not_join_are_refused(gap: float, count: int) -> None:
    both = [Zone(0.0, 100.0, SLOW), Zone(100.0 + gap, 200.0, FAST)]
    chain = laid([(200.0, 0, 0)])
    if count == 0:
        assert breaches(chain, LEVEL, both) == ()
        return
    with pytest.raises(GeometryError, match=r"ends at 100\.000 m and the next begins at"):
        breaches(chain, LEVEL, both)


def test_a_hairpin_zone_of_a_standard_without_hairpins_is_refused() -> None:
    with pytest.raises(GeometryError, match="has no hairpins at 60 km/h"):
        breaches(laid([(10.0, 0, 0)]), LEVEL, [Zone(0, 10, FAST, hairpin=True)])


def turned_back(
    turn: float, *, radius: float = 30.0, spiral: float = 30.0, apart: float = 200.0
) -> tuple[Parts, list[Zone], list[float]]:
    """Two hairpins of opposite sense and the zones in which they lie."""
    arc = turn * radius - spiral
    k = 1 / radius
    one: Parts = [(spiral, 0, k), (arc, k, k), (spiral, k, 0)]
    parts: Parts = [
        (300, 0, 0),
        *one,
        (apart, 0, 0),
        *[(s, -a, -b) for s, a, b in one],
        (300, 0, 0),
    ]
    at = chainages(parts)
    marks = [at[0], at[1], at[4], at[5], at[8], at[9]]
    found = [Zone(a, b, SLOW, hairpin=i % 2 == 1) for i, (a, b) in enumerate(pairwise(marks))]
    return parts, found, at


@given(turn=st.floats(151, 260))
def test_a_hairpin_keeps_its_own_section_inside_its_zone_and_the_standard_outside(
    turn: float,
) -> None:
    parts, own, at = turned_back(turn * pi / 180)
    assert flat(parts, own) == ()
    assert told(flat(parts, SLOW)) == [
        (rule, pytest.approx(at[i]))
        for rule, i in (
            *(("radius", 2), ("length of clothoid", 1), ("length of clothoid", 3)),
            *(("radius", 6), ("length of clothoid", 5), ("length of clothoid", 7)),
        )
    ]


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"turn": 149.0}, "turn of a hairpin"),
        ({"radius": 29.9}, "radius"),
        ({"spiral": 29.9}, "length of clothoid"),
        ({"apart": 199.0}, "distance between hairpins"),
    ],
)
def test_a_hairpin_beyond_its_section_is_found(change: dict[str, float], rule: str) -> None:
    turn = change.pop("turn", 180.0)
    parts, own, _ = turned_back(turn * pi / 180, **change)
    assert {breach.rule for breach in flat(parts, own)} == {rule}
    if rule == "turn of a hairpin":
        assert flat(parts, own)[0].value == pytest.approx(degrees(turn * pi / 180))


@given(over=st.sampled_from([-1e-6, 1e-3, 0.02]))
def test_grade_on_a_hairpin_is_its_own(over: float) -> None:
    parts, own, at = turned_back(pi)
    assert SLOW.hairpin is not None
    s = np.array([0.0, at[-1]])
    line = Grades(s, s * (SLOW.hairpin.grade + over), np.zeros(2))
    found = breaches(laid(parts), line, own)
    wanted = [("grade on a hairpin", pytest.approx(at[i])) for i in (1, 5)]
    assert told(found) == (wanted if over > 0 else [])


def test_a_breach_says_where_in_the_words_of_engineers() -> None:
    breach = Breach("radius", 12340.2, 60.0, 125.0, "m", 12300.0, 12400.0)
    assert str(breach) == "radius at 12+340: 60 m, wanted at least 125 m"
    breach = Breach("grade", 950.0, 6.1, 6.0, "%", 900.0, 1000.0)
    assert str(breach) == "grade at 0+950: 6.1 %, wanted at most 6 %"
    breach = Breach("radius", 0.0, 124.9991, 125.0, "m", 0.0, 1.0)
    assert str(breach) == "radius at 0+000: 124.9991 m, wanted at least 125 m"


@pytest.mark.parametrize("standard", [SLOW, FAST])
def test_a_fitted_road_joins_as_the_oracle_says(standard: DesignStandard) -> None:
    x = np.arange(40) * 150.0
    points = np.column_stack((x, 120 * np.sin(x / 400)))
    chain = fit(points, standard)
    assert oracles.joints(chain) == pytest.approx((0, 0, 0), abs=1e-6)
    assert breaches(chain, LEVEL, standard) == ()


def test_a_road_of_120_km_is_checked_within_two_seconds() -> None:
    k = 1 / FAST.radius
    one: Parts = [(FAST.clothoid, 0, k), (20, k, k), (FAST.clothoid, k, 0)]
    parts = [*one, *[(s, -a, -b) for s, a, b in one]] * 500
    chain = laid(parts)
    assert len(chain) == 3000
    s = np.linspace(0, 120e3, 1001)
    line = Grades(s, 10 * np.sin(s / 1000), np.concatenate(([0], np.full(999, 119.0), [0])))
    gentle = [(a, a + 200.0, 0.04) for a in np.arange(0, 119e3, 500.0)]
    began = time.process_time()
    found = breaches(chain, line, FAST, gentle=gentle)
    assert time.process_time() - began < 2
    assert {breach.rule for breach in found} == {"length of grade"}
