"""Laws of the cost: parts add up, prices are linear, independent spreads add in squares."""

import math
from datetime import date, timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign.cost import present_share, price
from realign.errors import InputError
from realign.estimate import Estimate, together
from realign.rates import ITEMS, Money, Rate, Rates

QUANTITIES = st.dictionaries(st.sampled_from(list(ITEMS)), st.floats(0, 1e6), min_size=1)


def rates(factor: float = 1.0, currency: str = "USD") -> Rates:
    """Make a table in which each item has a price and spread of its own."""
    table = {}
    for number, (item, unit) in enumerate(ITEMS.items(), start=1):
        own = Estimate(7.0 * number, 10.0 * number, 14.0 * number).times(factor)
        table[item] = Rate(item, unit, own, currency, date(2025, 9, 25), "assumption: test")
    return Rates(MappingProxyType(table))


def money(**added: float) -> Money:
    given_rates = {"fx_date": "2025-09-25", "pkr_per_usd": 281.40, "cny_per_usd": 7.12}
    return Money.model_validate(given_rates | added)


def near(one: Estimate, other: Estimate) -> bool:
    return all(
        math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6)
        for a, b in ((one.low, other.low), (one.base, other.base), (one.high, other.high))
    )


@given(QUANTITIES)
def test_parts_add_to_the_whole(totals: dict[str, float]) -> None:
    cost = price(totals, rates(), money())
    by_hand = sum(quantity * rates()[item].price.base for item, quantity in totals.items())
    assert math.isclose(cost.direct.base, by_hand, rel_tol=1e-12)
    assert math.isclose(math.fsum(line.amount.base for line in cost.lines), cost.direct.base)
    assert cost.total == cost.direct


@given(QUANTITIES, st.floats(0.01, 100))
def test_cost_is_linear_in_rates_and_in_quantities(totals: dict[str, float], k: float) -> None:
    once = price(totals, rates(), money(contingency=0.1))
    assert near(price(totals, rates(k), money(contingency=0.1)).total, once.total.times(k))
    larger = {item: k * quantity for item, quantity in totals.items()}
    assert near(price(larger, rates(), money(contingency=0.1)).total, once.total.times(k))


@given(QUANTITIES, st.floats(0, 1))
def test_one_item_in_two_sections_is_as_uncertain_as_in_one(
    totals: dict[str, float], share: float
) -> None:
    for item, quantity in totals.items():
        whole = price({item: quantity}, rates(), money()).direct
        parts = [
            price({item: part}, rates(), money()).direct
            for part in (quantity * share, quantity * (1 - share))
        ]
        assert near(whole, together(parts))


def test_independent_spreads_add_in_squares() -> None:
    # spreads below: 3 x 1 x 40 = 120 and 3 x 2 x 15 = 90; above: 160 and 120
    cost = price({"common_excavation": 40, "rock_excavation": 15}, rates(), money())
    assert cost.direct.base == 700
    assert cost.direct.low == pytest.approx(700 - 150)
    assert cost.direct.high == pytest.approx(700 + 200)


@given(QUANTITIES)
def test_zero_quantity_drops_out(totals: dict[str, float]) -> None:
    padded = dict.fromkeys(ITEMS, 0.0) | totals
    assert price(padded, rates(), money()) == price(totals, rates(), money())
    assert all(line.quantity > 0 for line in price(padded, rates(), money()).lines)


def test_nothing_costs_nothing() -> None:
    cost = price({}, rates(), money(contingency=0.1))
    assert cost.lines == ()
    assert cost.total == Estimate(0.0, 0.0, 0.0)


def test_additions_are_on_the_direct_cost_and_taxes_on_all() -> None:
    added = money(contingency=0.1, engineering=0.05, protection=0.03, taxes=0.15)
    cost = price({"fill": 100}, rates(), added)
    assert cost.total.base == pytest.approx(cost.direct.base * 1.18 * 1.15)
    assert cost.total.high == pytest.approx(cost.direct.high * 1.18 * 1.15)


def test_lines_keep_the_order_and_units_of_the_items() -> None:
    cost = price({"gallery": 1, "bridge": 2, "fill": 3}, rates(), money())
    assert [line.item for line in cost.lines] == ["fill", "bridge", "gallery"]
    assert [line.unit for line in cost.lines] == ["m3", "m", "m"]
    assert cost.currency == "USD"


def test_what_cannot_be_priced_is_named_at_once() -> None:
    with pytest.raises(InputError) as error:
        price({"ferry": 1, "bridge": -1, "fill": math.nan}, rates(currency="PKR"), money())
    told = str(error.value)
    assert "'ferry'" in told
    assert "-1 m of bridge" in told
    assert "nan m3 of fill" in told
    assert "found rates in PKR, wanted USD" in told


def test_what_places_cost_is_added_without_a_spread() -> None:
    totals = {"bridge": 100.0}
    plain, more = (price(totals, rates(), money(), places=v) for v in (0.0, 5e5))
    for name in ("low", "base", "high"):
        assert getattr(more.direct, name) == pytest.approx(getattr(plain.direct, name) + 5e5)
    assert more.lines == plain.lines


@given(QUANTITIES, st.floats(0.5, 2.0))
def test_the_calibration_is_one_factor_on_every_total(
    totals: dict[str, float], factor: float
) -> None:
    plain = price(totals, rates(), money(contingency=0.1, taxes=0.05))
    one = price(totals, rates(), money(contingency=0.1, taxes=0.05, calibration=factor))
    assert near(one.total, plain.total.times(factor))
    assert one.direct == plain.direct


# ---------------------------------------------------------------- present value

DAYS = st.integers(0, 20_000).map(lambda n: date(2020, 1, 1) + timedelta(days=n))


@given(DAYS, st.integers(0, 4000), DAYS, st.floats(0, 0.3))
def test_money_spent_evenly_is_worth_the_mean_of_its_days(
    first: date, run: int, base: date, discount: float
) -> None:
    last = first + timedelta(days=run)
    a, b = ((day - base).days / 365.25 for day in (first, last))
    pieces = 2000
    at = [a + (b - a) * (k + 0.5) / pieces for k in range(pieces)]
    wanted = math.fsum((1 + discount) ** -t for t in at) / pieces
    assert present_share(first, last, base=base, discount=discount) == pytest.approx(
        wanted, rel=1e-6
    )


@given(DAYS, st.integers(1, 4000), st.floats(0.001, 0.3))
def test_money_spent_later_or_at_a_higher_rate_is_worth_less(
    first: date, run: int, discount: float
) -> None:
    last, base = first + timedelta(days=run), first
    share = present_share(first, last, base=base, discount=discount)
    later = present_share(first, last + timedelta(days=1), base=base, discount=discount)
    assert later < share <= 1
    assert present_share(first, last, base=base, discount=1.1 * discount) < share
    assert present_share(first, last, base=base, discount=0.0) == 1.0
