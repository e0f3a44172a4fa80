"""Laws of whole answers: the front holds all that nothing beats, in any order."""

from dataclasses import replace
from math import inf

import numpy as np
import oracles
import pytest
import small_plan
from hypothesis import given
from hypothesis import strategies as st

from realign import options
from realign.chainage import Section
from realign.estimate import Estimate
from realign.options import Option

score = st.one_of(st.integers(0, 3).map(float), st.just(inf))
tables = st.integers(1, 4).flatmap(
    lambda n: st.lists(st.lists(score, min_size=n, max_size=n), min_size=1, max_size=12)
)


def option(name: str, cost: float, *, builds: bool = True, **changed: float) -> Option:
    link = small_plan.link(small_plan.road(), "x", Section(500.0, 3000.0), 100.0)
    base = replace(small_plan.nothing(), name=name, present_cost=cost, **changed)
    return replace(base, links=(link,) if builds else ())


@given(table=tables)
def test_the_front_holds_each_row_that_no_other_dominates(table: list[list[float]]) -> None:
    assert options.front(np.array(table)).tolist() == oracles.unbeaten(table)


@given(table=tables, seed=st.integers(0, 9))
def test_the_order_of_rows_is_irrelevant(table: list[list[float]], seed: int) -> None:
    rows = np.array(table)
    order = np.random.default_rng(seed).permutation(len(rows))
    assert (options.front(rows[order]) == options.front(rows)[order]).all()


@given(table=tables)
def test_equal_rows_share_their_lot(table: list[list[float]]) -> None:
    once = options.front(np.array(table)).tolist()
    assert options.front(np.array(table + table)).tolist() == once + once
    assert any(once)


WORSE = (
    {"present_cost": 11.0},
    {"length": 6.0},
    {"truck_time": inf},
    {"closed_days": 366.0},
    {"steepest": 0.1},
    {"bridge_length": 1.0},
    {"tunnel_length": 1.0},
    {"buildings": 1},
    {"farmland": 1.0},
    {"flooded_left": 1.0},
)


def test_options_are_judged_by_every_objective_and_by_nothing_else() -> None:
    best = option("best", 10.0, length=5.0, truck_time=5.0, closed_days=2.0, flooded_left=0.0)
    assert options.objectives(best) == (10.0, 5.0, 5.0, 2.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    worse = [replace(best, name=f"worse {k}", **more) for k, more in enumerate(WORSE)]  # type: ignore[arg-type]
    alike = replace(best, name="alike", exposure=0.9, travel_time=9.0, cost=Estimate.exact(9.0))
    other = replace(best, name="other", length=4.0, closed_days=3.0)
    judged = options.judged([*worse, best, alike, other])
    assert [each.name for each in judged if each.pareto] == ["best", "alike", "other"]
    assert len(options.OBJECTIVES) == len(options.objectives(best))


@pytest.mark.parametrize("levels", [9, 10_000])
def test_the_front_of_many_rows_is_that_of_the_definition(levels: int) -> None:
    # near a plane of equal sums most rows are unbeaten, and many are all but beaten
    rng = np.random.default_rng(levels)
    rows = rng.dirichlet(np.ones(5), 6000) + rng.normal(0, 0.004, (6000, 1))
    rows = np.round(rows * levels)
    rows[::97, 1] = inf
    unbeaten = [not ((rows <= row).all(axis=1) & (rows < row).any(axis=1)).any() for row in rows]
    assert options.front(rows).tolist() == unbeaten
    if levels > 9:
        assert sum(unbeaten) > 3000


def test_a_row_that_is_unknown_compares_with_none() -> None:
    rows = np.array([[1.0, np.nan], [2.0, 2.0], [3.0, 3.0], [0.0, np.nan]])
    assert options.front(rows).tolist() == [True, True, False, True]
    assert options.front(np.zeros((0, 3))).tolist() == []
