"""Laws of the shares: they add to the rupee over financiers, years and phases."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from test_phasing import START, pace, work

from realign.estimate import Estimate
from realign.finance import Finance, Split, by_year, split, total
from realign.phasing import Phase, Schedule, schedule


def payers(*shares: float) -> Finance:
    financiers = [
        {"name": f"Payer {n}", "key": f"payer_{n}", "share": share, "source": "assumption"}
        for n, share in enumerate(shares, 1)
    ]
    return Finance.model_validate({"financiers": financiers})


def plan_of(*spendings: list[int]) -> Schedule:
    """Make a schedule whose phases spend these rupees in the years from 2027 on."""
    phases = []
    for number, rupees in enumerate(spendings, 1):
        cost = Estimate.exact(float(sum(rupees)))
        phases.append(
            Phase(
                number=number,
                work=work(f"work {number}", cost=cost),
                start=START,
                opens=START.replace(year=2060),
                deadline=None,
                days_late=0,
                spending=tuple(enumerate(rupees, START.year)),
                cost_pkr=sum(rupees),
                low_pkr=sum(rupees),
                high_pkr=sum(rupees),
            )
        )
    return Schedule("x", tuple(phases), (), sum(map(sum, spendings)), (), 0, ())


@st.composite
def some_payers(draw: st.DrawFn) -> Finance:
    weights = draw(st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any))
    return payers(*(weight / sum(weights) for weight in weights))


rupees = st.integers(1, 12) | st.integers(1, 600_000_000_000)  # where rounding bites, and as large
plans = st.lists(st.lists(rupees, max_size=8), max_size=4).map(lambda rows: plan_of(*rows))


@given(plans, some_payers())
def test_the_shares_of_every_phase_and_year_add_to_the_rupee(
    plan: Schedule, finance: Finance
) -> None:
    parts = split(plan, finance)
    assert [part.number for part in parts] == [phase.number for phase in plan.phases]
    for part, phase in zip(parts, plan.phases, strict=True):
        assert part.name == phase.work.name
        assert sum(part.amounts.values()) == part.cost_pkr == phase.cost_pkr
        assert [(year, sum(row.values())) for year, row in part.years] == list(phase.spending)
        for key, amount in part.amounts.items():
            assert sum(row[key] for _, row in part.years) == amount
    assert sum(total(parts, finance).values()) == plan.total_pkr
    yearly = by_year(parts, finance)
    assert list(yearly) == sorted(yearly)
    for financier in finance.financiers:
        paid = sum(row[financier.key] for row in yearly.values())
        assert paid == total(parts, finance)[financier.key]


@given(plans, some_payers())
def test_nobody_pays_less_than_nothing(plan: Schedule, finance: Finance) -> None:
    for part in split(plan, finance):
        assert min(part.amounts.values()) >= 0
        assert all(rupee >= 0 for _, row in part.years for rupee in row.values())


@given(plans, some_payers())
def test_no_share_of_a_phase_is_half_a_rupee_a_financier_away_from_the_exact_one(
    plan: Schedule, finance: Finance
) -> None:
    for part in split(plan, finance):
        for financier in finance.financiers:
            exact = part.cost_pkr * Fraction(repr(financier.share))
            away = abs(part.amounts[financier.key] - exact)
            rounding = Fraction(len(finance.financiers), 2)
            assert away <= rounding + part.cost_pkr * Fraction(1, 10**14)  # as floats add to 1


def test_eighty_five_and_fifteen_per_cent_of_the_announced_programme() -> None:
    finance = payers(0.85, 0.15)
    (part,) = split(plan_of([288_000_000_001, 288_000_000_002]), finance)
    assert isinstance(part, Split)
    assert part.amounts == {"payer_1": 489_600_000_003, "payer_2": 86_400_000_000}
    assert part.years[0] == (2027, {"payer_1": 244_800_000_001, "payer_2": 43_200_000_000})
    assert part.years[1] == (2028, {"payer_1": 244_800_000_002, "payer_2": 43_200_000_000})


def test_the_shares_of_a_real_schedule_add_up() -> None:
    works = [work("one", cost=Estimate.exact(1_000_003.0)), work("two")]
    plan = schedule("x", works, pace(budget_pkr_per_year=300_001))
    finance = payers(0.25, 0.25, 0.5)
    parts = split(plan, finance)
    spent = {year: sum(row.values()) for year, row in by_year(parts, finance).items()}
    assert spent == dict(plan.spending)
    assert total(parts, finance) == {"payer_1": 250_301, "payer_2": 250_301, "payer_3": 500_601}


def test_one_financier_pays_all() -> None:
    (part,) = split(plan_of([3, 4]), payers(1.0))
    assert part.amounts == {"payer_1": 7}


def test_a_financier_without_a_share_pays_nothing() -> None:
    (part,) = split(plan_of([3, 4]), payers(1.0, 0.0, 0.0))
    assert part.amounts == {"payer_1": 7, "payer_2": 0, "payer_3": 0}


def test_a_phase_without_money_is_split_into_nothing() -> None:
    (part,) = split(plan_of([]), payers(0.85, 0.15))
    assert part == Split(1, "work 1", 0, {"payer_1": 0, "payer_2": 0}, ())


@pytest.mark.parametrize("shares", [(0.85, 0.1), (0.85, 0.16), (0.5, 0.5, 1e-8)])
def test_shares_that_do_not_add_to_one_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match=r"the shares add to .*, not to 1: Payer 1 0\."):
        payers(*shares)


def test_shares_that_add_to_one_but_for_rounding_are_taken() -> None:
    (part,) = split(plan_of([10]), payers(0.1, 0.2, 0.3, 0.4 + 1e-12))
    assert list(part.amounts.values()) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share": -0.1}, "greater than or equal to 0"),
        ({"share": 1.1}, "less than or equal to 1"),
        ({"key": "China EXIM"}, "String should match pattern"),
    ],
)
def test_an_impossible_financier_is_refused(changes: dict[str, object], message: str) -> None:
    one = {"name": "China", "key": "china", "share": 1.0, "source": "assumption"} | changes
    with pytest.raises(ValidationError, match=message):
        Finance.model_validate({"financiers": [one]})


def test_financiers_of_the_same_key_are_refused() -> None:
    one = {"name": "China", "key": "china", "share": 0.5, "source": "assumption"}
    with pytest.raises(ValidationError, match="more than one financier has the key china"):
        Finance.model_validate({"financiers": [one, one]})


def test_nobody_to_pay_is_refused() -> None:
    with pytest.raises(ValidationError, match="at least 1 item"):
        Finance.model_validate({"financiers": []})
