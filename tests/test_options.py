"""Laws of whole answers: the front holds all that nothing beats, in any order."""

from dataclasses import replace
from math import inf

import numpy as np
import oracles
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
    base = replace(small_plan.nothing(), name=name, cost=Estimate.exact(cost), **changed)
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


def test_options_are_judged_by_cost_length_time_exposed_length_structures_and_water() -> None:
    best = option("best", 10.0, length=5.0, travel_time=5.0, exposure=0.1, flooded_left=0.0)
    assert options.objectives(best) == (10.0, 5.0, 5.0, 0.5, 0.0, 0.0)
    worse = [
        replace(best, name="dear", outside_cost=Estimate.exact(1.0)),
        replace(best, name="long", length=6.0),
        replace(best, name="slow", travel_time=inf),
        replace(best, name="exposed", exposure=0.2),
        replace(best, name="wet", flooded_left=1.0),
        replace(best, name="bridges", bridge_length=1.0),
        replace(best, name="tunnels", tunnel_length=1.0),
    ]
    other = replace(best, name="other", length=4.0, exposure=0.3)
    judged = options.judged([*worse, best, other])
    assert [each.name for each in judged if each.pareto] == ["best", "other"]
