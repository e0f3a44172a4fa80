"""Laws of the return to the economy: values, rates and paybacks of streams known in closed form."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from realign.errors import InputError
from realign.finance import Economy, Stream, appraised, eirr, grown, npv, stream

amounts = st.lists(st.integers(-1000, 1000), min_size=1, max_size=40)


def plain(costs: list[float], benefits: list[float], first: int = 2027) -> Stream:
    return Stream(first, np.array(costs, float), np.array(benefits, float))


# ---------------------------------------------------------------- present value


@given(amounts)
def test_present_value_without_discount_is_the_sum(row: list[int]) -> None:
    assert npv(row, discount_pct=0) == sum(row)


@given(st.floats(0.1, 50), st.integers(1, 60))
def test_the_present_value_of_even_amounts_is_the_annuity(rate: float, years: int) -> None:
    r = rate / 100
    found = npv([0.0] + [1.0] * years, discount_pct=rate)
    assert found == pytest.approx((1 - (1 + r) ** -years) / r)


@given(amounts, amounts, st.floats(0, 50))
def test_present_values_add(one: list[int], two: list[int], rate: float) -> None:
    n = max(len(one), len(two))
    a, b = (np.pad(np.array(row, float), (0, n - len(row))) for row in (one, two))
    together = npv(a, discount_pct=rate) + npv(b, discount_pct=rate)
    assert npv(a + b, discount_pct=rate) == pytest.approx(together, abs=1e-6)


# ---------------------------------------------------------------- rate of return


@given(st.floats(-20, 100), st.integers(1, 60), st.floats(1e-3, 1e12), st.integers(0, 3))
def test_the_return_of_even_benefits_is_that_of_the_annuity(
    rate: float, years: int, scale: float, before: int
) -> None:
    r = rate / 100
    cost = sum((1 + r) ** -t for t in range(1, years + 1))
    net = [0.0] * before + [-cost * scale] + [scale] * years
    assert eirr(net) == pytest.approx(rate, abs=1e-6)


@given(st.floats(-60, 300), st.integers(1, 40))
def test_the_return_of_one_benefit_is_a_root(rate: float, years: int) -> None:
    net = [-1.0] + [0.0] * (years - 1) + [(1 + rate / 100) ** years]
    assert eirr(net) == pytest.approx(rate, abs=1e-6)


def test_a_return_near_the_loss_of_all_is_found() -> None:
    net = [-1.0] + [0.0] * 39 + [1e-300]
    rate = eirr(net)
    assert rate is not None
    assert 1 + rate / 100 == pytest.approx(1e-300 ** (1 / 40))


@given(amounts, st.floats(-5, 5))
def test_at_the_rate_of_return_a_stream_is_worth_nothing(row: list[int], shift: float) -> None:
    net = np.array(row, float) + shift
    rate = eirr(net)
    assume(rate is not None)
    assert rate is not None
    weights = (1 + rate / 100) ** -np.arange(net.size, dtype=float)
    assert abs((net * weights).sum()) <= 1e-6 * (np.abs(net) * weights).sum()


@pytest.mark.parametrize("net", [[], [0, 0], [1, 2, 3], [-1, 0, -3], [0, -5], [-100, 230, -132]])
def test_there_is_no_rate_without_one_change_of_sign(net: list[float]) -> None:
    assert eirr(net) is None  # the last one has two: 10 and 20 %


def test_works_in_the_middle_of_their_life_do_not_hide_the_rate() -> None:
    net = [-100.0, 90.0, -10.0, 60.0]  # three changes of sign, one of the running sum
    rate = eirr(net)
    assert rate is not None
    roots = np.roots(net)
    (wanted,) = [100 * (x.real - 1) for x in roots if abs(x.imag) < 1e-12 and x.real > 0]
    assert rate == pytest.approx(wanted)


# ---------------------------------------------------------------- streams


def test_a_stream_by_hand() -> None:
    economy = Economy(years=2, conversion=0.9, residual=0.5)
    found = stream(2027, [100, 50, 0, 0, 0], [0, 0, 10, 10, 10], [0, 0, 70, 80, 90], economy)
    assert found.first == 2027
    assert found.costs.tolist() == pytest.approx([90, 45, 9, 9])
    assert found.benefits.tolist() == pytest.approx([0, 0, 70, 80 + 0.5 * 0.9 * 150])


def test_a_stream_ends_with_its_entries() -> None:
    found = stream(2027, [100], [1], [5], Economy(years=30))
    assert found.costs.tolist() == [101]
    assert stream(2027, [0, 0, 0], [0, 0, 0], [1, 1, 1], Economy(years=2)).net.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (([1, 2], [1], [1]), r"the shapes \[\(2,\), \(1,\), \(1,\)\]; wanted one and the same"),
        (([], [], []), "wanted one and the same"),
        (([[1]], [[1]], [[1]]), "wanted one and the same"),
        (([1], [1], [np.nan]), "finite in every year"),
        (([-1], [1], [1]), "building 0 or more"),
    ],
)
def test_an_impossible_stream_is_refused(rows: tuple[list[float], ...], message: str) -> None:
    building, upkeep, saved = rows
    with pytest.raises(InputError, match=message):
        stream(2027, building, upkeep, saved, Economy())


@given(st.floats(1, 1e9), st.floats(-20, 20), st.integers(2020, 2030))
def test_savings_grow_with_the_traffic(saved: float, growth: float, of: int) -> None:
    years = range(of - 2, of + 30)
    found = grown(saved, of=of, years=years, growth_pct=growth)
    assert found[2] == pytest.approx(saved)
    assert found[1:] == pytest.approx(found[:-1] * (1 + growth / 100))


# ---------------------------------------------------------------- appraisal


def test_an_appraisal_by_hand() -> None:
    economy = Economy(discounts_pct=(0.0, 10.0))
    found = appraised(plain([100, 10, 10], [0, 70, 70]), economy)
    (zero, value, ratio), (ten, later, share) = found.present
    assert (zero, ten) == (0, 10)
    assert value == pytest.approx(20)
    assert ratio == pytest.approx(140 / 120)
    assert later == pytest.approx(-100 + 60 / 1.1 + 60 / 1.21)
    assert share == pytest.approx((70 / 1.1 + 70 / 1.21) / (100 + 10 / 1.1 + 10 / 1.21))
    # 100 x^2 = 60 x + 60 with x = 1 + r
    assert found.eirr_pct == pytest.approx(100 * ((0.6 + (0.36 + 2.4) ** 0.5) / 2 - 1))
    assert found.payback == 2029


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1e6)), min_size=1, max_size=40))
def test_benefits_are_above_costs_where_the_present_value_is_above_nothing(
    rows: list[tuple[float, float]],
) -> None:
    found = appraised(plain([c for c, _ in rows], [b for _, b in rows]), Economy())
    for _, value, ratio in found.present:
        assert (value > 0) == (ratio > 1)


@pytest.mark.parametrize(
    ("net", "payback"),
    [
        ([-10, 5, 5], 2029),
        ([-10, 20, -15, 5], 2030),  # made up for in 2028, but not for good
        ([-10, 5, 4], None),
        ([0, 1], 2027),
    ],
)
def test_what_is_paid_back_stays_so(net: list[float], payback: int | None) -> None:
    assert appraised(plain([0.0] * len(net), net), Economy()).payback == payback


def test_without_costs_the_ratio_is_infinite() -> None:
    assert appraised(plain([0.0], [1.0]), Economy()).present[0][2] == np.inf


@pytest.mark.parametrize(
    "changes",
    [
        {"discounts_pct": ()},
        {"discounts_pct": (-1.0,)},
        {"years": 0},
        {"conversion": 0},
        {"residual": 1.5},
        {"traffic_growth_pct": -100},
    ],
)
def test_an_impossible_economy_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Economy.model_validate(changes)
