"""Laws of the bound: no grade line is cheaper, and on easy ground none is much dearer."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_formation import STANDARD, P
from test_profile import SHAPE, laid, plan, task, waves

from realign import formation
from realign.bound import CELL, Way, least_price, price_of
from realign.geometry.alignment import ground_under
from realign.profile import LOW

RUN = 20.0


def way(ground: NDArray[np.float64], slope: float = 0.2, *, wet: slice | None = None) -> Way:
    over = np.zeros(ground.size, np.bool_)
    if wet is not None:
        over[wet] = True
    return Way(
        ground,
        np.full(ground.size, slope),
        np.full(ground.size, LOW),
        over,
        np.ones(ground.size),
    )


def bound(on: Way, ends: tuple[float, float]) -> float:
    return least_price(on, RUN, ends, standard=STANDARD, prices=P)


def priced(on: Way, level: NDArray[np.float64]) -> float:
    run, legs = np.full(level.size - 1, RUN), np.abs(np.diff(level) / RUN)
    forms = formation.forms(
        level - on.ground,
        on.slope,
        run,
        legs,
        shape=SHAPE,
        standard=STANDARD,
        p=P,
        wet=on.wet,
    )
    return price_of(on, RUN, level, forms, P)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 60), st.floats(0, 0.9), st.booleans())
def test_no_grade_line_within_the_standard_is_cheaper(
    seed: int,
    high: float,
    slope: float,
    river: bool,  # noqa: FBT001 - drawn
) -> None:
    rng = np.random.default_rng(seed)
    s = np.arange(60) * RUN
    ground = 600 + high * np.sin(s / rng.uniform(60, 300) + rng.uniform(0, 6))
    on = way(ground, slope, wet=slice(20, 24) if river else None)
    grade = np.clip(np.cumsum(rng.normal(0, 0.01, s.size - 1)), -STANDARD.grade, STANDARD.grade)
    level = ground[0] + np.concatenate(([0.0], np.cumsum(grade * RUN))) + rng.normal(0, 10)
    assert bound(on, (level[0], level[-1])) <= priced(on, level) * (1 + 1e-9)


def test_level_road_on_level_ground_costs_its_bound() -> None:
    on = way(np.full(100, 600.0), 0.0)
    heights = np.arange(-2, 2, 0.01)
    best = min((formation.open_road(h, 0.0, P).price, h) for h in heights)
    level = np.full(100, 600.0 + best[1])
    found = bound(on, (level[0], level[-1]))
    assert found == pytest.approx(priced(on, level), rel=0.01)
    assert found <= priced(on, level) * (1 + 1e-9)


def test_a_river_costs_a_bridge() -> None:
    dry, wet = way(np.full(60, 600.0)), way(np.full(60, 600.0), wet=slice(28, 32))
    ends = (601.0, 601.0)
    more = bound(wet, ends) - bound(dry, ends)
    ordinary = bound(dry, ends) / (59 * RUN)
    assert more > 2 * P.abutment + 5 * RUN * (P.bridge - ordinary) * 0.9


def test_levels_over_water_and_ends_that_no_grade_joins() -> None:
    on = way(np.full(60, 600.0))
    high = on._replace(floor=np.where(np.arange(60) == 30, 615.0, LOW))
    assert bound(high, (600.0, 600.0)) > bound(on, (600.0, 600.0)) * 1.2
    reach = 59 * CELL * int(STANDARD.grade * RUN / CELL + 1)
    assert np.isfinite(bound(on, (600.0, 600.0 + reach - 1)))
    assert np.isinf(bound(on, (600.0, 600.0 + reach + 1)))


@pytest.mark.parametrize("seed", range(3))
def test_grade_lines_that_are_laid_come_near_their_bound(seed: int) -> None:
    road, ground = plan(2400.0), waves(seed, high=12, side=0.3)
    found = laid(road, ground, task(road, ground))
    s = road.stations(RUN)
    _, level, slope = ground_under(road, ground, s)
    on = way(level)._replace(slope=slope)
    line = found.alignment.grades.at(s)
    ratio = priced(on, line) / bound(on, (line[0], line[-1]))
    assert 1 <= ratio < 1.25
