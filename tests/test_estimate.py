import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign.estimate import Estimate, independent, together


@st.composite
def estimate(draw: st.DrawFn) -> Estimate:
    base = draw(st.floats(-1e3, 1e3))
    low, high = (draw(st.floats(0, 100)) for _ in range(2))
    return Estimate(base - low, base, base + high)


estimates = st.lists(estimate(), max_size=6)


def near(one: Estimate, other: Estimate) -> bool:
    pairs = ((one.low, other.low), (one.base, other.base), (one.high, other.high))
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs)


@pytest.mark.parametrize(
    "values", [(2, 1, 3), (1, 3, 2), (math.nan, 1, 2), (1, math.nan, 2), (0, 1, math.inf)]
)
def test_values_out_of_order_are_an_error(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="low <= base <= high"):
        Estimate(*values)


@pytest.mark.parametrize("factor", [-0.1, math.nan, math.inf])
def test_a_factor_below_zero_is_an_error(factor: float) -> None:
    with pytest.raises(ValueError, match="factor of 0 or more"):
        Estimate.exact(1).times(factor)


@given(estimate(), st.floats(0, 100), st.floats(0, 100))
def test_factors_multiply(one: Estimate, a: float, b: float) -> None:
    assert near(one.times(a).times(b), one.times(a * b))


@given(estimates)
def test_values_that_move_together_add_up(given_: list[Estimate]) -> None:
    added = together(given_)
    assert math.isclose(added.low, sum(each.low for each in given_), abs_tol=1e-9)
    assert math.isclose(added.high, sum(each.high for each in given_), abs_tol=1e-9)


@given(estimates)
def test_independent_spreads_add_in_squares(given_: list[Estimate]) -> None:
    added = independent(given_)
    below = sum((each.base - each.low) ** 2 for each in given_)
    above = sum((each.high - each.base) ** 2 for each in given_)
    assert math.isclose((added.base - added.low) ** 2, below, rel_tol=1e-6, abs_tol=1e-6)
    assert math.isclose((added.high - added.base) ** 2, above, rel_tol=1e-6, abs_tol=1e-6)


@given(estimates)
def test_independence_never_widens(given_: list[Estimate]) -> None:
    free, bound = independent(given_), together(given_)
    assert free.base == bound.base
    assert free.low >= bound.low - 1e-6
    assert free.high <= bound.high + 1e-6


@given(estimate())
def test_one_value_alone_is_its_own_sum(one: Estimate) -> None:
    assert near(together([one]), one)
    assert near(independent([one]), one)


@given(estimates, estimates)
def test_sums_of_parts_are_the_sum_of_the_whole(one: list[Estimate], other: list[Estimate]) -> None:
    for add in (together, independent):
        assert near(add([add(one), add(other)]), add(one + other))


def test_exact_values_have_no_spread() -> None:
    assert independent([Estimate.exact(2), Estimate.exact(3)]) == Estimate.exact(5)
    assert together([]) == independent([]) == Estimate.exact(0)
