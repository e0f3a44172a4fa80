"""Laws of money: shares and rows add to the rupee, debts end at zero, rates are those of theory."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from small_plan import small
from test_phasing import pace, work

from realign.errors import StudyError
from realign.estimate import Estimate
from realign.finance import (
    UNITS,
    Case,
    Cash,
    Day,
    Escalation,
    Exchange,
    Finance,
    Financing,
    Loan,
    Outlay,
    Split,
    by_year,
    debt,
    escalated,
    exchange,
    financed,
    grant_element,
    life,
    present,
    split,
    total,
)
from realign.phasing import schedule
from realign.programme import financings
from realign.programme import outlays as outlays_of
from realign.rates import Money

FIRST = 2027  # year of signing, unless a test asks for another
MONEY = Money(fx_date=date(2025, 9, 25), pkr_per_usd=281.40, cny_per_usd=7.12)
LARGE = 10**14  # units, beside which their rounding vanishes


def payers(*shares: float) -> Case:
    financiers = [
        {"name": f"Payer {n}", "key": f"payer_{n}", "share": share, "source": "assumption"}
        for n, share in enumerate(shares, 1)
    ]
    return Case.model_validate({"name": "case", "title": "A case", "financiers": financiers})


def loan(**changes: object) -> Loan:
    values: dict[str, object] = {
        "name": "long",
        "interest_pct": 10.0,
        "years": 2,
        "payments_per_year": 1,
    }
    return Loan.model_validate(values | changes)


def lent(
    share: float = 0.85,
    currency: str = "USD",
    terms: Mapping[str, object] | None = None,
    **changes: object,
) -> Finance:
    """Finance by one loan, and the rest out of the budget."""
    lender = {
        "name": "Lender",
        "key": "lender",
        "share": share,
        "kind": "loan",
        "loan": "long",
        "currency": currency,
        "source": "made up",
    }
    owner = {"name": "Owner", "key": "owner", "share": 1 - share, "source": "made up"}
    values: dict[str, object] = {
        "loans": [loan(**(terms or {})).model_dump()],
        "cases": [{"name": "lent", "title": "By a loan", "financiers": [lender, owner]}],
    }
    return Finance.model_validate(values | changes)


def works(*spendings: Sequence[int], component: str = "works") -> list[Outlay]:
    """Phases that spend these rupees in the years from the first on."""
    return [
        Outlay(number, f"work {number}", component, tuple(enumerate(rupees, FIRST)))
        for number, rupees in enumerate(spendings, 1)
    ]


def paid_by(finance: Finance, outlays: Sequence[Outlay]) -> Financing:
    return financed(outlays, finance.cases[0], finance, MONEY, price_year=2025)


@st.composite
def some_payers(draw: st.DrawFn) -> Case:
    weights = draw(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any))
    return payers(*(weight / sum(weights) for weight in weights))


rupees = st.integers(1, 12) | st.integers(1, 600_000_000_000)  # where rounding bites, and as large


@st.composite
def some_outlays(draw: st.DrawFn) -> list[Outlay]:
    """Phases of one or two components, some without money."""
    out = []
    for number in range(1, draw(st.integers(0, 4)) + 1):
        for component in draw(st.sampled_from([("works",), ("land", "tunnels")])):
            start = FIRST + draw(st.integers(0, 3))
            years = tuple(enumerate(draw(st.lists(rupees, max_size=6)), start))
            out.append(Outlay(number, f"work {number}", component, years))
    return out


@st.composite
def some_loans(draw: st.DrawFn) -> Loan:
    """Loans near their limits: of one year, all but one payment in grace, without interest."""
    years = draw(st.integers(1, 4) | st.integers(1, 30))
    return loan(
        interest_pct=draw(st.sampled_from([0.0, 2.0, 5.2, 15.0]) | st.floats(0, 15)),
        years=years,
        grace_years=draw(st.sampled_from([0, years - 1]) | st.integers(0, years - 1)),
        repayment=draw(st.sampled_from(["level", "equal-principal"])),
        payments_per_year=draw(st.sampled_from([1, 2])),
        management_fee_pct=draw(st.sampled_from([0.0, 0.75])),
        commitment_fee_pct=draw(st.sampled_from([0.0, 0.5])),
        capitalised=draw(st.booleans()),
    )


@st.composite
def some_draws(draw: st.DrawFn, terms: Loan) -> dict[int, int]:
    """One drawing or many, up to the last year in which one is possible."""
    last = FIRST + terms.years - 1
    years = draw(st.sets(st.integers(FIRST, last) | st.just(last), min_size=1, max_size=6))
    return {year: draw(rupees) for year in sorted(years)}


loans_with_draws = some_loans().flatmap(lambda terms: st.tuples(st.just(terms), some_draws(terms)))


# ---------------------------------------------------------------- shares


@given(some_outlays(), some_payers())
def test_the_shares_of_every_phase_component_and_year_add_to_the_rupee(
    outlays: list[Outlay], case: Case
) -> None:
    parts = split(outlays, case)
    assert [part.number for part in parts] == sorted({each.phase for each in outlays})
    for part in parts:
        own = [each for each in outlays if each.phase == part.number]
        assert sum(part.amounts.values()) == part.cost_pkr == sum(each.rupees for each in own)
        assert {c: sum(row.values()) for c, row in part.components.items()} == {
            each.component: each.rupees for each in own
        }
        spent: dict[int, int] = {}
        for each in own:
            for year, amount in each.years:
                spent[year] = spent.get(year, 0) + amount
        assert {year: sum(row.values()) for year, row in part.years} == spent
        for key, amount in part.amounts.items():
            assert sum(row[key] for _, row in part.years) == amount
            assert sum(row[key] for row in part.components.values()) == amount
    assert sum(total(parts, case).values()) == sum(each.rupees for each in outlays)
    yearly = by_year(parts, case)
    assert list(yearly) == sorted(yearly)
    for financier in case.financiers:
        assert (
            sum(row[financier.key] for row in yearly.values()) == total(parts, case)[financier.key]
        )


@given(some_outlays(), some_payers())
def test_nobody_pays_less_than_nothing(outlays: list[Outlay], case: Case) -> None:
    for part in split(outlays, case):
        assert min(part.amounts.values()) >= 0
        assert all(rupee >= 0 for _, row in part.years for rupee in row.values())


@given(some_outlays(), some_payers())
def test_no_share_of_a_component_is_half_a_rupee_a_financier_away_from_the_exact_one(
    outlays: list[Outlay], case: Case
) -> None:
    for part in split(outlays, case):
        for row in part.components.values():
            cost = sum(row.values())
            for financier in case.financiers:
                away = abs(row[financier.key] - cost * Fraction(repr(financier.share)))
                rounding = Fraction(len(case.financiers), 2)
                assert away <= rounding + cost * Fraction(1, 10**14)  # as floats add to 1


def test_eighty_five_and_fifteen_per_cent_of_the_announced_programme() -> None:
    (part,) = split(works([288_000_000_001, 288_000_000_002]), payers(0.85, 0.15))
    assert isinstance(part, Split)
    assert part.amounts == {"payer_1": 489_600_000_003, "payer_2": 86_400_000_000}
    assert part.years[0] == (2027, {"payer_1": 244_800_000_001, "payer_2": 43_200_000_000})
    assert part.years[1] == (2028, {"payer_1": 244_800_000_002, "payer_2": 43_200_000_000})


def test_the_shares_of_a_real_schedule_add_up() -> None:
    plan = schedule(
        "x",
        [work("one", cost=Estimate.exact(1_000_000_003.0)), work("two")],
        pace(budget_pkr_per_year=300_000_001),
    )
    case = payers(0.25, 0.25, 0.5)
    parts = split(outlays_of(plan), case)
    assert {(part.number, part.name) for part in parts} == {
        (phase.number, phase.work.name) for phase in plan.phases
    }
    spent = {year: sum(row.values()) for year, row in by_year(parts, case).items()}
    assert spent == dict(plan.spending)
    first, second = (phase.cost_pkr for phase in plan.phases)
    quarters = sum(round(cost / 4) for cost in (first, second))
    paid = total(parts, case)
    assert sum(paid.values()) == plan.total_pkr == first + second
    assert abs(paid["payer_1"] - quarters) <= 1
    assert abs(paid["payer_2"] - quarters) <= 1


def test_a_component_is_shared_as_the_case_says_of_it() -> None:
    case = payers(0.85, 0.15)
    lender, owner = case.financiers
    own = case.model_copy(
        update={
            "financiers": (
                lender.model_copy(update={"shares": {"land": 0.0}}),
                owner.model_copy(update={"shares": {"land": 1.0}}),
            )
        }
    )
    (part,) = split([*works([100]), *works([40], component="land")], own)
    assert part.components == {
        "land": {"payer_1": 0, "payer_2": 40},
        "works": {"payer_1": 85, "payer_2": 15},
    }
    assert part.amounts == {"payer_1": 85, "payer_2": 55}


def test_one_financier_pays_all() -> None:
    (part,) = split(works([3, 4]), payers(1.0))
    assert part.amounts == {"payer_1": 7}


def test_a_financier_without_a_share_pays_nothing() -> None:
    (part,) = split(works([3, 4]), payers(1.0, 0.0, 0.0))
    assert part.amounts == {"payer_1": 7, "payer_2": 0, "payer_3": 0}


def test_a_phase_without_money_is_split_into_nothing() -> None:
    (part,) = split(works([]), payers(0.85, 0.15))
    nothing = {"payer_1": 0, "payer_2": 0}
    assert part == Split(1, "work 1", 0, nothing, (), {"works": nothing})


def test_a_phase_of_two_names_is_refused() -> None:
    (one,) = works([3])
    with pytest.raises(StudyError, match="phase 1 is called other and work 1; wanted one name"):
        split([one, replace(one, name="other")], payers(1.0))


@pytest.mark.parametrize(
    ("component", "years", "message"),
    [
        ("beauty", (), "outlay 'beauty' of phase 1: wanted a component among works, land"),
        ("works", ((2028, 1), (2027, 1)), r"the years are \[2028, 2027\]; wanted each once"),
        ("works", ((2027, 1), (2027, 1)), r"the years are \[2027, 2027\]; wanted each once"),
        ("works", ((2027, -1),), "-1 rupees in 2027; wanted 0 or more"),
    ],
)
def test_an_impossible_outlay_is_refused(
    component: str, years: tuple[tuple[int, int], ...], message: str
) -> None:
    with pytest.raises(StudyError, match=message):
        Outlay(1, "work 1", component, years)


# ---------------------------------------------------------------- prices and currencies


def test_prices_rise_by_hand() -> None:
    terms = Escalation(
        local_pct=10, foreign_pct=2, depreciation_pct=5, local_share=0.5, local_shares={"land": 1}
    )
    spent = [*works([1000, 1000, 1000]), *works([1000, 1000, 1000], component="land")]
    risen = escalated(spent, terms, price_year=2028, fx_year=2027)
    # works in 2028: 500 + 500 x 1.05; in 2029: 500 x 1.1 + 500 x 1.02 x 1.05^2 = 1112.275
    assert risen[0].years == ((2027, 1000), (2028, 1025), (2029, 1112))
    assert risen[1].years == ((2027, 1000), (2028, 1000), (2029, 1100))


@given(some_outlays(), st.integers(2020, 2035), st.integers(2020, 2035))
def test_prices_that_do_not_rise_leave_all_as_it_is(
    outlays: list[Outlay], price_year: int, fx_year: int
) -> None:
    risen = escalated(outlays, Escalation(), price_year=price_year, fx_year=fx_year)
    assert risen == tuple(outlays)


@given(st.dictionaries(st.integers(2025, 2040), rupees, max_size=6), st.sampled_from(list(UNITS)))
def test_what_is_bought_is_never_half_a_unit_away(years: dict[int, int], currency: str) -> None:
    fx = exchange(MONEY, Escalation(depreciation_pct=3.5))
    bought = fx.bought(years, currency)
    assert list(bought) == sorted(years)
    exact = Fraction(0)
    for n, year in enumerate(bought, 1):
        exact += years[year] / fx.rate(currency, year)
        assert abs(sum(list(bought.values())[:n]) - exact) <= Fraction(1, 2)
        assert bought[year] >= 0
    if currency == "PKR":
        assert bought == years


def test_rates_of_exchange_by_hand() -> None:
    fx = exchange(MONEY, Escalation(depreciation_pct=10))
    assert fx.rupees(100, "USD", 2024) == fx.rupees(100, "USD", 2025) == 281  # 281.40
    assert fx.rupees(100, "USD", 2027) == 340  # 281.40 x 1.21 = 340.49
    assert fx.rupees(71_200, "CNY", 2025) == 28_140
    assert fx.rupees(7, "PKR", 2040) == 7


# ---------------------------------------------------------------- one loan


def amounts(days: Sequence[Day]) -> list[tuple[int, int, int, int, int]]:
    """Year, fees, interest, principal and balance of each day."""
    return [(day.year, day.fees, day.interest, day.principal, day.balance) for day in days]


FEES = {"management_fee_pct": 1, "commitment_fee_pct": 2}
TWO = {FIRST: 1_000_000, FIRST + 1: 500_000}


def test_a_loan_of_two_years_in_equal_parts_by_hand() -> None:
    assert amounts(life(TWO, loan(**FEES), signed=FIRST)) == [
        (2027, 15_000, 0, 0, 1_000_000),
        (2028, 10_000, 100_000, 500_000, 1_000_000),  # then 500,000 are drawn
        (2029, 0, 100_000, 1_000_000, 0),
    ]


def test_a_loan_of_two_years_in_level_payments_by_hand() -> None:
    # 1,000,000 x 0.1 / (1.1^2 - 1) = 476,190.48
    assert amounts(life(TWO, loan(repayment="level", **FEES), signed=FIRST)) == [
        (2027, 15_000, 0, 0, 1_000_000),
        (2028, 10_000, 100_000, 476_190, 1_023_810),
        (2029, 0, 102_381, 1_023_810, 0),
    ]


def test_a_loan_of_two_years_with_capitalised_interest_by_hand() -> None:
    terms = loan(interest_pct=8, grace_years=1, payments_per_year=2, capitalised=True)
    days = life({FIRST: 1_000_001}, terms, signed=FIRST)
    assert amounts(days) == [
        (2027, 0, 0, 0, 1_000_001),
        (2028, 0, 40_000, 0, 1_040_001),
        (2028, 0, 41_600, 0, 1_081_601),
        (2029, 0, 43_264, 540_801, 540_800),
        (2029, 0, 21_632, 540_800, 0),
    ]
    assert [day.service for day in days] == [0, 0, 0, 584_065, 562_432]
    assert [day.time for day in days] == [2027, 2027.5, 2028, 2028.5, 2029]


@given(loans_with_draws)
def test_a_debt_ends_at_zero_and_nothing_is_negative(case: tuple[Loan, dict[int, int]]) -> None:
    terms, draws = case
    days = life(draws, terms, signed=FIRST)
    assert len(days) == terms.years * terms.payments_per_year + 1
    assert days[-1].balance == 0
    assert {day.year: day.drawdown for day in days if day.drawdown} == draws
    before = 0
    for day in days:
        assert min(day.drawdown, day.fees, day.interest, day.principal, day.balance) >= 0
        assert 0 <= day.capitalised <= day.interest
        assert day.balance == before + day.drawdown + day.capitalised - day.principal
        before = day.balance
    drawn, added = sum(draws.values()), sum(day.capitalised for day in days)
    assert sum(day.principal for day in days) == drawn + added
    in_grace = [d for d in days if d.time <= FIRST + terms.grace_years]
    assert not any(day.principal for day in in_grace)
    assert all(day.capitalised == 0 for day in days if day not in in_grace or not terms.capitalised)


def balance_by_theory(terms: Loan, draws: Mapping[int, int], number: int) -> Fraction:
    """Sum over drawings, each paid back by itself over the payments left after it and the grace."""
    per, rate = terms.payments_per_year, Fraction(repr(terms.interest_pct)) / 100
    rate /= per
    grace, owed = terms.grace_years * per, Fraction(0)
    for year, amount in draws.items():
        at = (year - FIRST) * per
        if at > number:
            continue
        free = max(0, min(number, grace) - at) if terms.capitalised else 0
        debt_of = amount * (1 + rate) ** free
        left, paid = terms.years * per - max(at, grace), max(0, number - max(at, grace))
        if terms.repayment == "level" and rate > 0:
            whole = (1 + rate) ** left
            owed += debt_of * (whole - (1 + rate) ** paid) / (whole - 1)
        else:
            owed += debt_of * (1 - Fraction(paid, left))
    return owed


@given(loans_with_draws)
def test_every_drawing_is_paid_back_as_theory_has_it(case: tuple[Loan, dict[int, int]]) -> None:
    terms, draws = case
    days = life(draws, terms, signed=FIRST)
    rate = terms.interest_pct / 100 / terms.payments_per_year
    for number, day in enumerate(days):
        away = abs(day.balance - balance_by_theory(terms, draws, number))
        assert away <= (1 + number) * (1 + rate) ** number  # half a unit a payment, with interest


@given(some_loans(), rupees)
def test_level_payments_are_the_annuity(terms: Loan, drawn: int) -> None:
    terms = terms.model_copy(update={"repayment": "level", "capitalised": False})
    days = life({FIRST: drawn}, terms, signed=FIRST)
    per, rate = terms.payments_per_year, terms.interest_pct / 100 / terms.payments_per_year
    count = (terms.years - terms.grace_years) * per
    annuity = drawn * rate / (1 - (1 + rate) ** -count) if rate > 1e-9 else drawn / count
    for day in days[-count:]:
        assert abs(day.interest + day.principal - annuity) <= 4 + 1e-9 * drawn


@given(some_loans(), rupees, st.integers(0, 3))
def test_the_commitment_fee_is_due_on_what_is_not_drawn(terms: Loan, drawn: int, wait: int) -> None:
    wait = min(wait, terms.years - 1)
    terms = terms.model_copy(update={"commitment_fee_pct": 100.0, "management_fee_pct": 100.0})
    days = life({FIRST: 1, FIRST + wait: drawn} if wait else {FIRST: drawn}, terms, signed=FIRST)
    assert days[0].fees == (1 + drawn if wait else drawn)
    later = [day.fees for day in days[1:]]
    per = terms.payments_per_year
    assert later == [-(-drawn // per)] * wait * per + [0] * (len(later) - wait * per)


@pytest.mark.parametrize(("year", "found"), [(FIRST - 1, FIRST - 1), (FIRST + 2, FIRST + 2)])
def test_money_cannot_be_drawn_before_the_signing_nor_when_all_is_due(
    year: int, found: int
) -> None:
    wanted = f"loan 'long' of 2027 runs 2 years; found money drawn in {found}, wanted none before"
    with pytest.raises(StudyError, match=wanted):
        life({FIRST: 1, year: 1}, loan(), signed=FIRST)


# ---------------------------------------------------------------- present value, grant element


@given(loans_with_draws)
def test_present_value_without_discount_is_the_sum(case: tuple[Loan, dict[int, int]]) -> None:
    terms, draws = case
    days = life(draws, terms, signed=FIRST)
    paid = [(day.time, day.service) for day in days]
    assert present(paid, at=2020, discount_pct=0) == sum(day.service for day in days)
    drawn = sum(draws.values())
    element = grant_element(days, discount_pct=0)
    assert element == pytest.approx(1 - sum(day.service for day in days) / drawn)


def grant_by_formula(terms: Loan, discount: float) -> float:
    """Grant element of a loan that is drawn at once: World Bank (IDA), formula and examples."""
    per, rate = terms.payments_per_year, terms.interest_pct / 100 / terms.payments_per_year
    d = (1 + discount) ** (1 / per) - 1
    free, count = terms.grace_years * per, (terms.years - terms.grace_years) * per
    c1, c2 = (1 + d) ** free, (1 + d) ** count
    if terms.repayment == "level":
        payment = rate * (1 + 1 / ((1 + rate) ** count - 1))
        return 1 - rate * (1 - 1 / c1) / d - payment / c1 * (1 - 1 / c2) / d
    return (1 - rate / d) * (1 - (1 / c1 - 1 / (c1 * c2)) / (d * count))


@given(some_loans(), st.sampled_from([5.0, 10.0]))
def test_the_grant_element_is_that_of_the_world_banks_formula(terms: Loan, discount: float) -> None:
    free = {"management_fee_pct": 0.0, "commitment_fee_pct": 0.0, "capitalised": False}
    terms = terms.model_copy(update={**free, "interest_pct": max(terms.interest_pct, 0.01)})
    found = grant_element(life({FIRST: LARGE}, terms, signed=FIRST), discount_pct=discount)
    assert found == pytest.approx(grant_by_formula(terms, discount / 100), abs=1e-9)


def test_the_usual_chinese_loan_has_the_grant_element_of_the_formula_by_hand() -> None:
    # (1 - 0.01 / 0.0246951) (1 - (1.05^-5 - 1.05^-20) / (0.0246951 x 30)) = 0.26845
    terms = loan(interest_pct=2, years=20, grace_years=5, payments_per_year=2)
    found = grant_element(life({FIRST: LARGE}, terms, signed=FIRST), discount_pct=5)
    assert found == pytest.approx(0.26845, abs=1e-5)


@given(loans_with_draws)
def test_a_loan_at_the_rate_of_discount_has_no_grant_element(
    case: tuple[Loan, dict[int, int]],
) -> None:
    terms, draws = case
    per = terms.payments_per_year
    rate = 5.0 if per == 1 else 200 * (1.05**0.5 - 1)  # 5 % a year, compounded twice
    free = {"interest_pct": rate, "management_fee_pct": 0.0, "commitment_fee_pct": 0.0}
    large = {year: LARGE + amount for year, amount in draws.items()}
    days = life(large, terms.model_copy(update=free), signed=FIRST)
    assert grant_element(days, discount_pct=5) == pytest.approx(0, abs=1e-9)


def test_a_grant_is_all_grant_and_money_that_is_not_drawn_is_none() -> None:
    assert grant_element([Day(2027.0, 2027, drawdown=7)], discount_pct=5) == 1
    assert grant_element([Day(2027.0, 2027)], discount_pct=5) is None
    assert grant_element([], discount_pct=5) is None


@given(loans_with_draws, st.floats(0.1, 5))
def test_the_grant_element_falls_with_interest_and_with_fees(
    case: tuple[Loan, dict[int, int]], more: float
) -> None:
    terms, draws = case
    large = {year: LARGE + amount for year, amount in draws.items()}

    def element(**changes: object) -> float:
        days = life(large, terms.model_copy(update=changes), signed=FIRST)
        found = grant_element(days, discount_pct=5)
        assert found is not None
        return found

    assert element(interest_pct=terms.interest_pct + more) < element()
    assert element(management_fee_pct=terms.management_fee_pct + more) < element()
    assert element(commitment_fee_pct=terms.commitment_fee_pct + more) <= element()


@given(some_loans(), st.floats(0, 4.5))
def test_the_grant_element_of_a_cheap_loan_rises_with_grace(terms: Loan, interest: float) -> None:
    found = []
    for grace in range(terms.years):
        own = terms.model_copy(update={"interest_pct": interest, "grace_years": grace})
        days = life({FIRST: LARGE}, own, signed=FIRST)
        found.append(grant_element(days, discount_pct=5))
    assert all(a < b for a, b in pairwise(found))


# ---------------------------------------------------------------- a case


def test_a_programme_of_two_years_by_hand() -> None:
    finance = lent(currency="PKR", terms=FEES)
    found = paid_by(finance, works([1_000_001, 500_000]))
    # 85 % of 1,000,001 and of 1,500,001: 850,001 and 1,275,001
    assert [
        (r.source, r.year, r.drawdown, r.fees, r.interest, r.principal, r.balance)
        for r in found.cash
    ] == [
        ("lender", 2027, 850_001, 12_750, 0, 0, 850_001),
        ("lender", 2028, 425_000, 8_500, 85_000, 425_001, 850_000),
        ("lender", 2029, 0, 0, 85_000, 850_000, 0),
        ("owner", 2027, 150_000, 0, 0, 0, 0),
        ("owner", 2028, 75_000, 0, 0, 0, 0),
    ]
    summary = found.summary
    assert (summary.cost_pkr, summary.nominal_pkr) == (1_500_001, 1_500_001)
    assert (summary.interest_pkr, summary.construction_interest_pkr) == (170_000, 85_000)
    assert summary.service_pkr == 12_750 + 8_500 + 170_000 + 1_275_001
    assert (summary.peak_debt_pkr, summary.peak_debt_year) == (850_001, 2027)
    assert (summary.peak_service_pkr, summary.peak_service_year) == (935_000, 2029)
    worth = 12_750 + (8_500 + 85_000 + 425_001) / 1.05 + 935_000 / 1.05**2
    assert summary.present_service_pkr == round(worth)
    element = 1 - worth / (850_001 + 425_000 / 1.05)
    assert summary.grant_elements == {"lender": pytest.approx(element)}
    assert summary.grant_element == pytest.approx(element)


def test_a_dearer_dollar_makes_debts_dearer_by_hand() -> None:
    finance = lent(
        share=1.0,
        terms={"interest_pct": 0},
        escalation={"depreciation_pct": 10.0, "local_share": 1.0},
    )
    found = financed(
        works([28_140]),
        finance.cases[0],
        finance,
        MONEY.model_copy(update={"fx_date": date(FIRST, 1, 1)}),
        price_year=FIRST,
    )
    rows = [(r.year, r.service, r.balance, r.service_pkr, r.balance_pkr) for r in found.cash]
    assert rows == [  # 100 dollars; 281.40, 309.54 and 340.494 rupees each
        (2027, 0, 10_000, 0, 28_140),
        (2028, 5_000, 5_000, 15_477, 15_477),
        (2029, 5_000, 0, 17_025, 0),
    ]
    assert found.years[1].service == {"USD": 5_000}
    assert found.years[2].balance == {}
    # what the lender gets is counted at the exchange rate of the first year
    assert found.summary.present_service_pkr == round(14_070 / 1.05 + 14_070 / 1.05**2)


@st.composite
def some_finance(draw: st.DrawFn) -> Finance:
    """Two loans in different currencies, a grant and the budget, with prices that rise."""
    weights = draw(st.lists(st.integers(0, 5), min_size=4, max_size=4).filter(any))
    terms = [draw(some_loans()).model_dump() | {"name": name} for name in ("one", "two")]
    for each in terms:  # works last up to nine years
        each["years"] = each["years"] + 9
    kinds = [("loan", "one"), ("loan", "two"), ("grant", None), ("budget", None)]
    financiers = [
        {
            "name": f"Payer {n}",
            "key": f"payer_{n}",
            "share": weight / sum(weights),
            "kind": kind,
            "loan": name,
            "currency": draw(st.sampled_from(list(UNITS))),
            "source": "made up",
        }
        for n, ((kind, name), weight) in enumerate(zip(kinds, weights, strict=True))
    ]
    return Finance.model_validate(
        {
            "loans": terms,
            "cases": [{"name": "case", "title": "", "financiers": financiers}],
            "escalation": {
                "local_pct": draw(st.sampled_from([0.0, 7.3])),
                "foreign_pct": draw(st.sampled_from([0.0, 2.0])),
                "depreciation_pct": draw(st.sampled_from([0.0, 4.5])),
            },
        }
    )


@given(some_outlays(), some_finance())
def test_rows_of_the_cash_flow_add_to_all_the_rest(outlays: list[Outlay], finance: Finance) -> None:
    found = paid_by(finance, outlays)
    fx = exchange(MONEY, finance.escalation)
    risen = escalated(outlays, finance.escalation, price_year=2025, fx_year=2025)
    spent: dict[tuple[int, int], int] = {}
    for each in risen:
        for year, amount in each.years:
            spent[each.phase, year] = spent.get((each.phase, year), 0) + amount
    drawn: dict[tuple[int, int], int] = {}
    rows: dict[tuple[int, str], list[Cash]] = {}
    for row in found.cash:
        drawn[row.phase, row.year] = drawn.get((row.phase, row.year), 0) + row.drawdown_pkr
        rows.setdefault((row.phase, row.source), []).append(row)
        assert row.service == row.fees + row.interest - row.capitalised + row.principal
        assert row.balance_pkr == fx.rupees(row.balance, row.currency, row.year)
    assert {key: amount for key, amount in drawn.items() if amount} == spent
    kinds = {financier.key: financier.kind for financier in finance.financiers}
    for (_, source), own in rows.items():
        assert [row.year for row in own] == sorted({row.year for row in own})
        assert own[-1].balance == 0
        balance = 0
        for row in own:
            if kinds[source] != "loan":
                assert (row.service, row.balance) == (0, 0)
                continue
            balance += row.drawdown + row.capitalised - row.principal
            assert row.balance == balance
    for each in found.years:
        assert each.balance_pkr == sum(r.balance_pkr for r in found.cash if r.year == each.year)
        for currency, owed in each.balance.items():
            of = [r for r in found.cash if (r.year, r.currency) == (each.year, currency)]
            assert owed == sum(row.balance for row in of) > 0
    assert found.summary.service_pkr == sum(each.service_pkr for each in found.years)
    assert found.summary.nominal_pkr == sum(each.rupees for each in risen)
    assert found.summary.cost_pkr == sum(each.rupees for each in outlays)
    assert found.summary.peak_debt_pkr == max((y.balance_pkr for y in found.years), default=0)
    elements = found.summary.grant_elements
    assert all(elements[key] == 1 for key in elements if kinds[key] == "grant")
    own = {row.source for row in found.cash if row.drawdown and kinds[row.source] != "budget"}
    assert set(elements) == own
    together = found.summary.grant_element
    if together is not None:
        assert min(elements.values()) - 1e-9 <= together <= max(elements.values()) + 1e-9


@given(st.data(), some_outlays(), some_finance())
def test_the_order_of_phases_has_no_influence(
    data: st.DataObject, outlays: list[Outlay], finance: Finance
) -> None:
    other = data.draw(st.permutations(outlays))
    one, two = paid_by(finance, outlays), paid_by(finance, other)
    assert (one.splits, one.cash, one.years, one.summary) == (
        two.splits,
        two.cash,
        two.years,
        two.summary,
    )


@given(some_outlays(), some_finance(), st.fractions(0, 1))
def test_a_phase_in_two_parts_costs_the_same_but_for_rounding(
    outlays: list[Outlay], finance: Finance, part: Fraction
) -> None:
    parts = []
    for each in outlays:
        cut = {year: int(amount * part) for year, amount in each.years}
        rest = tuple((year, amount - cut[year]) for year, amount in each.years)
        parts += [replace(each, years=tuple(cut.items())), replace(each, phase=90, years=rest)]
    one, two = paid_by(finance, outlays), paid_by(finance, [replace(p, name="") for p in parts])
    rows = len(one.cash) + len(two.cash)
    # some units of account a row: rupees, or cents at 281.4 x 1.045^14 / 100 rupees each
    for got, wanted in (
        (two.summary.nominal_pkr, one.summary.nominal_pkr),
        (two.summary.service_pkr, one.summary.service_pkr),
        (two.summary.peak_debt_pkr, one.summary.peak_debt_pkr),
    ):
        assert abs(got - wanted) <= 100 * rows


def test_every_tranche_counts_from_the_signing_for_the_programme() -> None:
    finance = lent(currency="PKR", terms={**FEES, "years": 6, "grace_years": 3})
    found = paid_by(finance, works([1000], [0, 0, 1000]))
    second = [row for row in found.cash if (row.phase, row.source) == (2, "lender")]
    assert (second[0].year, second[0].fees, second[0].drawdown) == (
        FIRST,
        9,
        0,
    )  # 1 % of 850, and up
    assert second[-1].year == FIRST + 6
    assert [row.year for row in second if row.principal] == [FIRST + 4, FIRST + 5, FIRST + 6]


def test_the_programme_of_a_plan_is_paid_in_every_case() -> None:
    plan = small()
    for each in plan.programmes.values():
        (found,) = financings(each, plan.study, plan.rates)
        assert found.splits == each.splits  # prices do not rise in this study
        assert found.summary.cost_pkr == each.schedule.total_pkr
        assert found.years[-1].balance_pkr == 0
        assert {row.currency for row in found.cash} == {"CNY", "PKR"}


def test_a_programme_without_money_brings_nothing() -> None:
    found = paid_by(lent(), works([], [0]))
    assert (found.cash, found.years, debt(())) == ((), (), ())
    assert found.summary.peak_debt_year is None
    assert found.summary.grant_element is None
    assert found.summary.grant_elements == {}


def test_works_that_outlast_a_loan_are_refused() -> None:
    with pytest.raises(StudyError, match="found money drawn in 2029, wanted none before 2027 or"):
        paid_by(lent(), works([10**6] * 3))


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize("shares", [(0.85, 0.1), (0.85, 0.16), (0.5, 0.5, 1e-8)])
def test_shares_that_do_not_add_to_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match=r"the shares add to .*, not to 1: Payer 1 0\."):
        payers(*shares)


def test_shares_that_add_to_one_but_for_rounding_are_taken() -> None:
    (part,) = split(works([10]), payers(0.1, 0.2, 0.3, 0.4 + 1e-12))
    assert list(part.amounts.values()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": -0.1}, "greater than or equal to 0"),
        ({"share": 1.1}, "less than or equal to 1"),
        ({"shares": {"land": 1.1}}, "less than or equal to 1"),
        ({"shares": {"land": 0.5}}, "the shares of land add to 0.5, not to 1: China 0.5"),
        ({"shares": {"beauty": 1.0}}, "found the components beauty; wanted some of works, land"),
        ({"key": "China EXIM"}, "String should match pattern"),
        ({"kind": "loan"}, "loan is missing; a financier of the kind loan needs the name"),
        ({"loan": "long"}, "found the terms of loan 'long' for a budget, which is not paid back"),
        ({"kind": "grant", "loan": "long"}, "for a grant, which is not paid back"),
        ({"kind": "loan", "loan": "short"}, r"\[China\].loan: found 'short', wanted one of long"),
        ({"currency": "EUR"}, "Input should be 'PKR', 'USD' or 'CNY'"),
    ],
)
def test_an_impossible_financier_is_refused(changes: dict[str, object], message: str) -> None:
    one = {"name": "China", "key": "china", "share": 1.0, "source": "assumption"} | changes
    with pytest.raises(ValidationError, match=message):
        lent(cases=[{"name": "one", "title": "", "financiers": [one]}])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"years": 0}, "greater than or equal to 1"),
        ({"grace_years": 2}, "grace_years 2 has to be below years 2"),
        ({"grace_years": -1}, "greater than or equal to 0"),
        ({"interest_pct": -1}, "greater than or equal to 0"),
        ({"payments_per_year": 4}, "Input should be 1 or 2"),
        ({"repayment": "bullet"}, "Input should be 'level' or 'equal-principal'"),
    ],
)
def test_an_impossible_loan_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        loan(**changes)


def test_financiers_cases_and_loans_of_the_same_name_are_refused() -> None:
    one = {"name": "China", "key": "china", "share": 0.5, "source": "assumption"}
    case = {"name": "one", "title": "", "financiers": [one | {"share": 1.0}]}
    with pytest.raises(ValidationError, match="more than one financier has the key china"):
        Finance.model_validate({"cases": [case | {"financiers": [one, one]}]})
    with pytest.raises(ValidationError, match="more than one case has the name one"):
        Finance.model_validate({"cases": [case, case]})
    with pytest.raises(ValidationError, match="more than one loan has the name long"):
        lent(loans=[loan(), loan()])


def test_nobody_to_pay_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        payers()
    with pytest.raises(ValidationError, match="at least 1 item"):
        Finance.model_validate({"cases": []})


def test_shares_of_unknown_components_of_prices_are_refused() -> None:
    with pytest.raises(ValidationError, match="found the components beauty; wanted some of works"):
        Escalation(local_shares={"beauty": 1.0})


def test_the_first_case_is_the_one_that_tables_are_split_by() -> None:
    finance = lent()
    assert finance.financiers == finance.cases[0].financiers
    assert [finance.terms(each) for each in finance.financiers] == [finance.loans[0], None]
    assert isinstance(exchange(MONEY, finance.escalation), Exchange)
