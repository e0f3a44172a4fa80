"""Laws of grade lines: within the standard, above the water, and not dearer than by hand."""

import re
from dataclasses import replace
from math import inf

import numpy as np
import oracles
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_formation import STANDARD, P

from realign import chainage, formation, haul, profile
from realign.errors import InputError, NoRouteError
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Formation
from realign.geometry.alignment import Alignment, Plan, ground_under
from realign.geometry.check import breaches
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.inventory import moved
from realign.profile import LOW, Line, Profile, Task, followed, grade_line, hull, resettled
from realign.quantities import take_off
from realign.terrain import Terrain

SHAPE = Formation()
HALF = 1500.0


def plan(length: float) -> Plan:
    return Plan((Element(Pose(-length / 2, 0.0, 0.0), length),))


def waves(seed: int, *, high: float, side: float = 0.0) -> Terrain:
    """Hills of some lengths along the road, on ground that falls to the south."""
    rng = np.random.default_rng(seed)
    size, shift = rng.uniform(0.2, 1, 4), rng.uniform(0, 6, 4)
    lengths = (350.0, 600.0, 900.0, 1500.0)

    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        hills = sum(
            a * np.sin(2 * np.pi * x / w + b) for a, b, w in zip(size, shift, lengths, strict=True)
        )
        return np.asarray(600 + high * hills / 4 + side * y)

    return oracles.surface(level, half=HALF)


def task(
    way: Plan, ground: Terrain, *, lift: tuple[float, float] = (0.0, 0.0), water: float = LOW
) -> Task:
    """Join the ground at both ends and keep to it between; water in the middle third."""
    s = way.stations(20.0)
    _, level, _ = ground_under(way, ground, s)
    wet = np.where((s > way.length / 3) & (s < way.length * 2 / 3), water, LOW)
    return Task(float(level[0] + lift[0]), float(level[-1] + lift[1]), s, level, s, wet)


def laid(way: Plan, ground: Terrain, asked: Task, **changed: float) -> Profile:
    return grade_line(
        way, ground, asked, line=Line(**changed), standard=STANDARD, shape=SHAPE, prices=P
    )


@given(at=st.integers(-10, 10), side=st.integers(-1, 1))
def test_ground_that_is_not_known_under_or_beside_a_road_is_named(at: int, side: int) -> None:
    ground, way = waves(1, high=5), plan(1000.0)
    asked = task(way, ground)
    row, col = (round(float(v)) for v in ground.index(at * 40.0, side * ground.cell))
    ground.z[row, col] = np.nan
    with pytest.raises(NoRouteError, match=r"chainages 0\+\d\d\d and 0.*fill_void_m") as problem:
        laid(way, ground, asked)
    first, last = (chainage.parse(s) for s in re.findall(r"\d\+\d{3}", str(problem.value)))
    assert first - 20 <= 500 + at * 40.0 <= last + 20
    assert last - first <= 4 * ground.cell


def price(way: Plan, ground: Terrain, grades: Grades) -> float:
    """Price of a grade line with the forms it gets, station by station."""
    s = way.stations(20.0)
    _, level, slope = ground_under(way, ground, s)
    height, run = grades.at(s) - level, np.diff(s)
    rules = {"shape": SHAPE, "standard": STANDARD, "p": P}
    form, denied = formation.forms(height, slope, run, grades.steepest_between(s), **rules)
    return profile._price_of(height, slope, form, denied, run, P)


@settings(max_examples=30)
@given(seed=st.integers(0, 99), high=st.floats(0, 60), side=st.floats(0, 0.7))
def test_a_grade_line_keeps_the_standard_and_joins_its_ends(
    seed: int, high: float, side: float
) -> None:
    way, ground = plan(2400.0), waves(seed, high=high, side=side)
    asked = task(way, ground)
    grades = laid(way, ground, asked).alignment.grades
    assert breaches(way.elements, grades, STANDARD) == ()
    assert grades.level[[0, -1]] == pytest.approx([asked.start, asked.end], abs=1e-6)
    assert grades.chainage[[0, -1]] == pytest.approx([0, way.length])


@settings(max_examples=30)
@given(seed=st.integers(0, 99), above=st.floats(1.0, 8.0))
@example(seed=41, above=7.0)
def test_a_grade_line_stays_above_the_water(seed: int, above: float) -> None:
    way, ground = plan(2400.0), waves(seed, high=20)
    dry = task(way, ground)
    water = max(dry.start, dry.end) + above
    asked = task(way, ground, water=water)
    grades = laid(way, ground, asked).alignment.grades
    wet = asked.water_level > LOW
    assert wet.any()
    assert grades.at(asked.water_s[wet]).min() >= water - 1e-6


@pytest.mark.parametrize("seed", range(4))
def test_a_grade_line_is_not_dearer_than_any_laid_by_hand(seed: int) -> None:
    way, ground = plan(600.0), waves(seed, high=12, side=0.3)
    asked = task(way, ground)
    found = laid(way, ground, asked)
    pvi = np.linspace(0, way.length, 5)
    assert found.alignment.grades.chainage == pytest.approx(pvi)
    _, level, _ = ground_under(way, ground, pvi)
    choices = [[asked.start], *[list(z + np.arange(-8, 8.1, 2)) for z in level[1:-1]], [asked.end]]
    best = oracles.cheapest_grade_line(
        pvi.tolist(),
        choices,
        150.0,
        lambda grades: not breaches(way.elements, grades, STANDARD),
        lambda grades: price(way, ground, grades),
    )
    assert best < inf
    assert price(way, ground, found.alignment.grades) <= best * 1.005


@given(seed=st.integers(0, 99), high=st.floats(0, 15), side=st.floats(0, 0.5))
def test_the_linear_program_bounds_what_its_grade_line_costs(
    seed: int, high: float, side: float
) -> None:
    way, ground = plan(1200.0), waves(seed, high=high, side=side)
    found = laid(way, ground, task(way, ground))
    cost = price(way, ground, found.alignment.grades)
    s = way.stations(20.0)
    height = found.alignment.grades.at(s) - ground_under(way, ground, s)[1]
    rules = {"shape": SHAPE, "standard": STANDARD, "p": P}
    form, _ = formation.forms(height, 0 * s, np.diff(s), 0 * s[1:], **rules)
    if (form == OPEN).all():
        assert found.price <= cost * 1.03  # prices jump between the heights at which they are read
        assert found.price >= cost * 0.8


def test_ends_no_grade_can_join_are_refused() -> None:
    way, ground = plan(1200.0), waves(0, high=0)
    with pytest.raises(NoRouteError, match=r"joins 600 m and 700 m over 1\.2 km"):
        laid(way, ground, task(way, ground, lift=(0.0, 100.0)), window_m=150)
    climb = 1200 * STANDARD.grade
    short = replace(STANDARD, k_crest=500.0, k_sag=500.0)
    with pytest.raises(NoRouteError, match="no PVIs"):
        profile._polished(
            way,
            ground,
            task(way, ground, lift=(0.0, climb + 1)),
            (way.stations(50.0), np.zeros(25, np.int8)),
            line=Line(),
            standard=short,
            shape=SHAPE,
            prices=P,
        )


def test_levels_too_fine_for_a_machine_or_too_coarse_for_a_grade_are_refused() -> None:
    way, ground = plan(1200.0), waves(0, high=0)
    asked = task(way, ground, lift=(0.0, 20.0))
    with pytest.raises(InputError, match=r"profile\.level_m: found 0\.01 m, .* states; wanted"):
        laid(way, ground, asked, level_m=0.01, window_m=1000)
    most = STANDARD.grade * 10.0
    assert laid(way, ground, asked, step_m=10, level_m=most).alignment.grades.level[-1] == 620
    with pytest.raises(InputError, match=rf"found {1.01 * most:g} m, wanted at most {most:g} m"):
        laid(way, ground, asked, step_m=10, level_m=1.01 * most)


def test_levels_of_the_corridor_beyond_the_window_are_sought_in_one_twice_as_wide() -> None:
    way, ground = plan(1200.0), waves(0, high=0)
    asked = task(way, ground)
    for above, fits in ((15.0, True), (30.0, True), (45.0, False)):
        high = replace(asked, corridor_level=asked.corridor_level + above)
        if fits:
            assert laid(way, ground, high, window_m=20.0).alignment.grades.level[0] == 600
        else:
            with pytest.raises(NoRouteError, match=r"larger profile\.window_m"):
                laid(way, ground, high, window_m=20.0)


def test_a_ridge_is_tunnelled_and_a_gully_bridged() -> None:
    def level(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
        ridge = np.maximum(0.0, 150 - 0.8 * np.abs(x - 600))
        gully = np.maximum(0.0, 70 - 0.9 * np.abs(x + 500))
        return np.asarray(600 + ridge - gully + 0 * y)

    way, ground = plan(2400.0), oracles.surface(level, half=HALF)
    s = way.stations(20.0)
    flat = Task(600.0, 600.0, s, np.full(s.size, 600.0), s, np.full(s.size, LOW))
    found = laid(way, ground, flat)
    grades = found.alignment.grades
    rules = {"shape": SHAPE, "standard": STANDARD, "p": P}
    _, under, slope = ground_under(way, ground, s)
    form, denied = formation.forms(
        grades.at(s) - under, slope, np.diff(s), grades.steepest_between(s), **rules
    )
    x = (s[1:] + s[:-1]) / 2 - way.length / 2
    assert (form[np.abs(x - 600) < 80] == TUNNEL).all()
    assert (form[np.abs(x + 500) < 20] == BRIDGE).all()
    assert not denied.any()


prices = st.one_of(st.floats(10, 30), st.just(inf))


@given(price_=st.lists(prices, max_size=12))
def test_a_hull_is_convex_and_touches_the_prices_from_below(price_: list[float]) -> None:
    value = np.array(price_, np.float64)
    height = np.arange(value.size) * 2.5 - 10
    finite = np.isfinite(value)
    corners = hull(height, value)
    assert (corners == hull.py_func(height, value)).all()
    assert len(corners) == 0 if not finite.any() else len(corners) >= 1
    if not finite.any():
        return
    slopes = np.diff(corners[:, 1]) / np.diff(corners[:, 0])
    assert (np.diff(slopes) > -1e-9).all()
    assert (np.interp(height, *corners.T)[finite] <= value[finite] + 1e-9).all()
    assert set(map(tuple, corners)) <= set(zip(height.tolist(), value.tolist(), strict=True))
    lines = profile.tangents(corners)
    assert (lines == profile.tangents.py_func(corners)).all()
    at = np.linspace(corners[0, 0], corners[-1, 0], 50)
    top = (lines[:, :1] * at + lines[:, 1:]).max(axis=0)
    chain = np.interp(at, *corners.T)
    assert (top <= chain + 1e-6).all()
    assert (top >= chain * (1 - profile.NEAR) - 1e-6).all()


@given(m=st.integers(3, 9), gap=st.floats(50, 300), seed=st.integers(0, 99))
def test_weights_of_pvis_are_the_levels_and_grades_of_touching_parabolas(
    m: int, gap: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    pvi, level = np.arange(m) * gap, rng.uniform(-20, 20, m)
    grades = Grades(pvi, level, np.array([0.0, *[gap] * (m - 2), 0.0]))
    s = np.concatenate((pvi, rng.uniform(0, pvi[-1], 40)))
    weights = profile._spline(s, pvi)
    assert weights.sum(axis=1) == pytest.approx(1)
    assert weights @ level == pytest.approx(grades.at(s), abs=1e-9)
    assert profile._slope(s, pvi) @ level == pytest.approx(grades.grade_at(s), abs=1e-9)


@given(
    form=st.sampled_from([OPEN, BRIDGE, TUNNEL]),
    slope=st.floats(0, 1.2),
    height=st.one_of(st.sampled_from(profile.HEIGHTS.tolist()), st.integers(-60, 130)),
)
def test_the_convex_price_is_nowhere_above_the_real_one(
    form: int, slope: float, height: float
) -> None:
    lines = profile._lines(form, slope, profile.HEIGHTS, P)
    assert lines == pytest.approx(profile._lines.py_func(form, slope, profile.HEIGHTS, P))
    kinds = np.array([form], np.int8)
    given_ = kinds, np.array([slope]), profile.HEIGHTS, (0.9, 1.15), P
    for pieces_of in (profile._pieces, profile._pieces.py_func):
        foot, start, spare, pieces = pieces_of(*given_)
        left, value, earth = height - foot[0], start[0], spare[0]
        for _, way, length, rate, yielded in pieces:
            part = min(max(way * left, 0.0), length)
            value += part * rate
            earth += part * yielded
            left -= way * part if way > 0 else 0.0
        assert value == pytest.approx((lines[:, 0] * height + lines[:, 1]).max(), abs=1e-3)
    real = formation.by_form(np.array([height]), np.array([slope]), P)[0, form]
    if np.isfinite(real):
        assert value <= real * (1 + 1e-6)
        metre = formation.open_road(height, slope, P)
        spare = 0.9 * metre.common + 1.15 * metre.rock - metre.fill if form == OPEN else 0.0
        # a line between two heights that are pieces apart: chords of areas, nothing else
        assert earth == pytest.approx(spare, abs=30 + 0.25 * abs(spare))
    else:
        assert value <= DENIED + 200 * profile.WALL


def test_the_compiled_program_is_the_written_one() -> None:
    way, ground = plan(300.0), waves(3, high=30, side=0.4)
    n, per = 7, 2
    _, level, slope = ground_under(way, ground, np.linspace(0, 300, n * per))
    base = np.rint(level[::per]).astype(np.int64) - 3
    wet = np.arange(n * per) == 5
    given_ = (level, slope, wet, base, np.full(n, LOW), (int(base[0]) + 3, int(base[-1]) + 3))
    rule = (3, 2, 1, 1, 7)
    form, cost = profile._rough(*given_, rule, 1.0, 50.0, P)
    slow, same = profile._rough.py_func(*given_, rule, 1.0, 50.0, P)
    assert cost == pytest.approx(same)
    assert (form == slow).all()
    steep = (given_[5][0], int(base[-1]) + 6), (0, 0, 0, 1, 7)
    assert profile._rough.py_func(*given_[:5], *steep, 1.0, 50.0, P)[1] == inf
    out, same_out = np.empty((7, 3)), np.empty((7, 3))
    under = level[:2], slope[:2], wet[:2]
    profile._priced_levels(out, 560, 565.0, under, 1.0, 50.0, P)
    profile._priced_levels.py_func(same_out, 560, 565.0, under, 1.0, 50.0, P)
    assert out == pytest.approx(same_out)
    assert (out[:5].min(axis=1) >= DENIED * 50).all()


@given(seed=st.integers(0, 99), high=st.floats(0, 60), lift=st.floats(-40, 40))
def test_a_followed_grade_line_keeps_the_standard_and_both_ends(
    seed: int, high: float, lift: float
) -> None:
    way, ground = plan(2400.0), waves(seed, high=high)
    s = way.stations(20.0)
    level = ground_under(way, ground, s)[1] + np.linspace(0, lift, s.size)
    grades = followed(way.length, (s, level), line=Line(), standard=STANDARD)
    assert grades is not None
    assert breaches(way.elements, grades, STANDARD) == ()
    assert grades.at(s[[0, -1]]) == pytest.approx(level[[0, -1]], abs=1e-6)


@given(seed=st.integers(0, 99))
def test_a_grade_line_within_the_standard_follows_itself(seed: int) -> None:
    way = plan(2400.0)
    pvi = np.linspace(0, way.length, 17)
    level = 600 + np.cumsum(np.random.default_rng(seed).uniform(-2, 2, 17))
    given_line = Grades(pvi, level, np.array([0, *[150.0] * 15, 0]))
    s = np.linspace(0, way.length, 1601)
    found = followed(way.length, (s, given_line.at(s)), line=Line(), standard=STANDARD)
    assert found is not None
    assert found.level == pytest.approx(level, abs=1e-3)


def test_levels_too_far_apart_are_followed_by_none() -> None:
    s = np.array([0.0, 1000.0])
    too_high = np.array([600.0, 600 + 1000 * STANDARD.grade * 1.01])
    assert followed(1000.0, (s, too_high), line=Line(), standard=STANDARD) is None


# a grade line laid again


def relaid(
    way: Plan, ground: Terrain, asked: Task, built: tuple[float, float], form: int
) -> Grades | None:
    """Lay a grade line whose road is on one structure from one chainage to another."""
    s = way.stations(20.0)
    forms = np.where((s[:-1] >= built[0]) & (s[1:] <= built[1]), form, OPEN).astype(np.int8)
    rules = {"standard": STANDARD, "shape": SHAPE, "prices": P}
    return resettled(way, ground, asked, (s, forms), line=Line(passes=1), **rules)


@settings(max_examples=20)
@given(
    seed=st.integers(0, 99),
    high=st.floats(0, 60),
    start=st.integers(10, 60),
    form=st.sampled_from([BRIDGE, TUNNEL]),
)
def test_a_grade_line_laid_again_keeps_the_grades_of_its_structures(
    seed: int, high: float, start: int, form: int
) -> None:
    way, ground = plan(2400.0), waves(seed, high=high)
    asked = task(way, ground)
    built = (20.0 * start, 20.0 * start + 400)
    grades = relaid(way, ground, asked, built, form)
    assert grades is not None
    gentle = STANDARD.grade_bridge if form == BRIDGE else STANDARD.grade_tunnel
    assert gentle < STANDARD.grade
    assert breaches(way.elements, grades, STANDARD, gentle=[(*built, gentle)]) == ()
    assert grades.level[[0, -1]] == pytest.approx([asked.start, asked.end], abs=1e-6)


def test_no_grade_line_is_laid_again_where_none_is() -> None:
    way, ground = plan(2400.0), waves(0, high=0)
    steep = task(way, ground, lift=(0.0, 2400 * STANDARD.grade * 1.01))
    assert relaid(way, ground, steep, (0.0, 2400.0), TUNNEL) is None


def moving(way: Plan, times: float) -> haul.Moving:
    price = haul.Prices(haul=0.35 * times, borrow=2.0 * times, disposal=0.6 * times)
    return haul.Moving(haul.Earth(), price, haul.sites(way.length, 3000.0))


def earthwork(way: Plan, ground: Terrain, grades: Grades, earth: haul.Moving) -> haul.MassHaul:
    bill = take_off(Alignment(way, grades), ground, shape=SHAPE, standard=STANDARD, prices=P)
    return moved(bill, earth)


@pytest.mark.parametrize("seed", range(4))
def test_earth_that_is_dear_to_move_is_moved_less(seed: int) -> None:
    way, ground = plan(2400.0), waves(seed, high=12, side=0.25)
    asked = task(way, ground)
    dear = moving(way, 40.0)
    plain = laid(way, ground, asked).alignment.grades
    spared = laid(way, ground, replace(asked, earth=dear)).alignment.grades
    assert breaches(way.elements, spared, STANDARD) == ()
    costs = [earthwork(way, ground, grades, dear).cost for grades in (plain, spared)]
    assert costs[1] < costs[0]
    # what is lost on the formation is won back on the haul
    whole = [price(way, ground, grades) for grades in (plain, spared)]
    assert whole[1] + costs[1] <= (whole[0] + costs[0]) * 1.005


def test_free_haul_changes_nothing() -> None:
    way, ground = plan(2400.0), waves(3, high=12, side=0.25)
    asked = task(way, ground)
    free = laid(way, ground, replace(asked, earth=moving(way, 0.0)))
    assert free.price == pytest.approx(laid(way, ground, asked).price, rel=1e-6)


@given(
    seed=st.integers(0, 20),
    ends=st.tuples(st.floats(-0.05, 0.05), st.floats(-0.05, 0.05)),
)
@settings(max_examples=15)
def test_a_grade_line_joins_the_grades_of_the_existing_road(
    seed: int, ends: tuple[float, float]
) -> None:
    way, ground = plan(2400.0), waves(seed, high=6)
    asked = replace(task(way, ground), joined=ends)
    grades = laid(way, ground, asked).alignment.grades
    found = grades.grade[[0, -1]]
    assert np.abs(found - ends).max() <= profile.KINK + 1e-6
    one = replace(asked, joined=(ends[0], np.nan))
    found = laid(way, ground, one).alignment.grades.grade
    assert abs(found[0] - ends[0]) <= profile.KINK + 1e-6


def test_a_steep_existing_road_is_joined_at_the_greatest_grade() -> None:
    way, ground = plan(2400.0), waves(2, high=6)
    asked = replace(task(way, ground), joined=(0.11, -0.12))
    grades = laid(way, ground, asked).alignment.grades
    assert grades.grade[0] >= STANDARD.grade - profile.KINK - 1e-6
    assert grades.grade[-1] <= -STANDARD.grade + profile.KINK + 1e-6
    assert breaches(way.elements, grades, STANDARD) == ()


@given(seed=st.integers(0, 99))
@settings(max_examples=20)
def test_structures_keep_their_grade_between_stations_too(seed: int) -> None:
    way, ground = plan(2400.0), waves(seed, high=70, side=0.2)
    asked = task(way, ground)
    station = np.linspace(0.0, way.length, 121)
    form = np.zeros(120, np.int8)
    form[40:60], form[80:90] = TUNNEL, BRIDGE
    grades = resettled(
        way,
        ground,
        asked,
        (station, form),
        line=Line(passes=1),
        standard=STANDARD,
        shape=SHAPE,
        prices=P,
    )
    assert grades is not None
    steep = grades.steepest_between(station)
    assert steep[form == TUNNEL].max() <= STANDARD.grade_tunnel + 1e-6
    assert steep[form == BRIDGE].max() <= STANDARD.grade_bridge + 1e-6
    fine = np.linspace(0.0, way.length, 24_001)
    dense = np.abs(grades.grade_at(fine))
    owner = np.clip(np.searchsorted(station, fine, side="right") - 1, 0, 119)
    assert (dense <= steep[owner] + 1e-9).all()
    reached = np.zeros(120)
    np.maximum.at(reached, owner, dense)
    assert reached == pytest.approx(steep, abs=2e-4)
