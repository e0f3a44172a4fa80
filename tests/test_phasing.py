"""Laws of the schedule: within the budget, in the order of deadlines, exact to the rupee."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from oracles import days_without_road, schedule_by_hand
from pydantic import ValidationError

from realign.chainage import Section
from realign.errors import GeometryError, StudyError
from realign.estimate import Estimate
from realign.phasing import (
    HORIZON_YEARS,
    Pace,
    Phase,
    Schedule,
    Task,
    Work,
    duration,
    months_later,
    present_cost,
    schedule,
)

START = date(2027, 1, 1)
PLENTY = 1e15  # PKR a year


def pace(**changes: object) -> Pace:
    values: dict[str, object] = {
        "start": START,
        "budget_pkr_per_year": PLENTY,
        "new_km_per_month": 1.0,
        "upgrade_km_per_month": 4.0,
        "tunnel_m_per_month_face": 100.0,
        "mobilisation_months": 2,
    }
    return Pace.model_validate(values | changes)


def work(name: str = "a", **changes: object) -> Work:
    values: dict[str, object] = {
        "name": name,
        "section": Section(0.0, 10_000.0),
        "new_length": 10_000.0,
        "upgrade_length": 0.0,
        "bridge_length": 0.0,
        "tunnel_length": 0.0,
        "longest_tunnel": 0.0,
        "cost": Estimate(900.0, 1200.0, 1600.0),
    }
    return Work(**(values | changes))  # type: ignore[arg-type]


@st.composite
def some_works(draw: st.DrawFn, largest: int = 5) -> list[Work]:
    """Works whose prices are near a month's money and whose deadlines are near their openings."""
    works = []
    for number in range(draw(st.integers(1, largest))):
        base = draw(st.integers(0, 3_000))
        opens = draw(st.none() | st.integers(0, 60).map(lambda m: months_later(START, m)))
        works.append(
            work(
                f"work {number}",
                section=Section(1000.0 * number, 1000.0 * number + 900.0),
                new_length=draw(st.sampled_from([0.0, 900.0, 5000.0, 12_345.0])),
                upgrade_length=draw(st.sampled_from([0.0, 3000.0])),
                longest_tunnel=draw(st.sampled_from([0.0, 2500.0])),
                cost=Estimate(base * 0.8, float(base), base * 1.3),
                deadline=draw(
                    st.none() | st.integers(0, 1500).map(lambda d: START + timedelta(days=d))
                ),
                in_programme=opens is None,
                opens=opens,
            )
        )
    return works


budgets = st.integers(400, 4_000)
starts = st.integers(0, 700).map(lambda days: START + timedelta(days=days))


@given(some_works(), budgets, starts)
def test_no_year_spends_more_than_its_budget(works: list[Work], budget: int, start: date) -> None:
    plan = schedule("x", works, pace(budget_pkr_per_year=budget, start=start))
    assert all(rupees <= budget for _, rupees in plan.spending)


@given(some_works(), budgets, starts)
def test_the_spending_of_every_phase_adds_to_its_cost(
    works: list[Work], budget: int, start: date
) -> None:
    plan = schedule("x", works, pace(budget_pkr_per_year=budget, start=start))
    for phase in plan.phases:
        assert sum(rupees for _, rupees in phase.spending) == phase.cost_pkr
        assert phase.cost_pkr == phase.work.cost.base
        assert all(rupees > 0 for _, rupees in phase.spending)
    assert plan.total_pkr == sum(phase.cost_pkr for phase in plan.phases)
    assert plan.total_pkr == sum(rupees for _, rupees in plan.spending)


@given(some_works(), st.floats(0.01, 0.2))
def test_present_cost_is_the_sum_at_no_discount_and_less_with_more(
    works: list[Work], discount: float
) -> None:
    plan = schedule("a", works, pace())
    base = date(2025, 1, 1)
    assert present_cost(plan, base=base, discount=0.0) == plan.total_pkr
    once = present_cost(plan, base=base, discount=discount)
    twice = present_cost(plan, base=base, discount=2 * discount)
    assert twice < once < plan.total_pkr or plan.total_pkr == 0
    ends = [phase.opens for phase in plan.phases]
    if ends:
        years = (max(ends) - base).days / 365.25
        assert once >= plan.total_pkr * (1 + discount) ** -years * (1 - 1e-12)


@given(some_works(), budgets, starts)
def test_a_work_opens_no_sooner_than_its_duration_after_it_starts(
    works: list[Work], budget: int, start: date
) -> None:
    setting = pace(budget_pkr_per_year=budget, start=start)
    for phase in schedule("x", works, setting).phases:
        assert phase.start is not None
        assert phase.start >= start
        assert phase.opens >= months_later(phase.start, duration(phase.work, setting))
        for year, _ in phase.spending:
            assert phase.start.year <= year <= (phase.opens - timedelta(days=1)).year


@given(some_works(), starts)
def test_with_money_enough_every_work_starts_at_once_and_takes_its_duration(
    works: list[Work], start: date
) -> None:
    setting = pace(start=start)
    first = start if start.day == 1 else months_later(start, 1)
    for phase in schedule("x", works, setting).phases:
        assert phase.start == first
        assert phase.opens == months_later(first, duration(phase.work, setting))


@given(some_works(), budgets, st.randoms(use_true_random=False))
def test_the_order_in_which_works_are_given_has_no_influence(
    works: list[Work], budget: int, random: object
) -> None:
    setting = pace(budget_pkr_per_year=budget)
    shuffled = list(works)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert schedule("x", shuffled, setting) == schedule("x", works, setting)


@given(some_works(), budgets)
def test_a_work_is_never_delayed_by_one_below_it(works: list[Work], budget: int) -> None:
    setting = pace(budget_pkr_per_year=budget)
    plan = schedule("x", works, setting)
    kept = [phase.work for phase in plan.phases[:-1]]
    assert schedule("x", kept, setting).phases == plan.phases[:-1]


@given(some_works())
def test_phases_stand_in_the_order_of_deadlines(works: list[Work]) -> None:
    plan = schedule("x", works, pace())
    for phases in (plan.phases, plan.outside):
        deadlines = [phase.deadline or date.max for phase in phases]
        assert deadlines == sorted(deadlines)
        assert [phase.number for phase in phases] == list(range(1, len(phases) + 1))


@given(some_works(), budgets)
def test_twice_the_budget_opens_nothing_later_on_the_whole(works: list[Work], budget: int) -> None:
    small = schedule("x", works, pace(budget_pkr_per_year=budget)).phases
    large = schedule("x", works, pace(budget_pkr_per_year=2 * budget)).phases
    assume(small)
    assert max(phase.opens for phase in large) <= max(phase.opens for phase in small)


@given(some_works(), budgets, starts)
def test_the_schedule_is_the_one_made_rupee_by_rupee(
    works: list[Work], budget: int, start: date
) -> None:
    setting = pace(budget_pkr_per_year=budget, start=start)
    plan = schedule("x", works, setting)
    jobs = [(phase.cost_pkr, duration(phase.work, setting)) for phase in plan.phases]
    first = start if start.day == 1 else months_later(start, 1)
    expected = schedule_by_hand(jobs, budget, first.month - 1)
    found = []
    for phase in plan.phases:
        assert phase.start is not None
        begun = 12 * (phase.start.year - first.year) + phase.start.month - first.month
        ended = 12 * (phase.opens.year - first.year) + phase.opens.month - first.month
        spent = {year - first.year: rupees for year, rupees in phase.spending}
        found.append((begun, ended, spent))
    assert found == expected


@given(some_works())
def test_cut_days_are_the_days_between_the_water_and_the_new_road(works: list[Work]) -> None:
    plan = schedule("x", works, pace(budget_pkr_per_year=2_000))
    late = [
        (phase.deadline, phase.opens)
        for phase in (*plan.phases, *plan.outside)
        if phase.deadline is not None and phase.work.new_length > 0
    ]
    assert plan.cut_days == days_without_road(late)
    assert all(first < end for first, end, _ in plan.cuts)
    assert len({name for _, _, name in plan.cuts}) == len(plan.cuts)


def test_two_works_share_two_years_as_calculated_by_hand() -> None:
    # 100 rupees come free a month. The first work needs 120 a month for 10 months and takes all
    # of the 100 for 12 months; the second needs 30 a month for 4 months and waits a year.
    first = work("first", new_length=8000.0, deadline=date(2027, 12, 1))
    second = work("second", new_length=2000.0, cost=Estimate.exact(120.0))
    plan = schedule("x", [second, first], pace(budget_pkr_per_year=1200))
    assert [phase.work.name for phase in plan.phases] == ["first", "second"]
    assert plan.phases[0].spending == ((2027, 1200),)
    assert (plan.phases[0].start, plan.phases[0].opens) == (START, date(2028, 1, 1))
    assert plan.phases[1].spending == ((2028, 120),)
    assert (plan.phases[1].start, plan.phases[1].opens) == (date(2028, 1, 1), date(2028, 5, 1))
    assert plan.phases[0].days_late == 31
    assert plan.cuts == ((date(2027, 12, 1), date(2028, 1, 1), "first"),)
    assert (plan.cut_days, plan.total_pkr) == (31, 1320)
    assert plan.spending == ((2027, 1200), (2028, 120))
    assert (plan.phases[0].low_pkr, plan.phases[0].high_pkr) == (900, 1600)


def test_money_left_over_lasts_until_the_end_of_its_year_only() -> None:
    # Work "early" needs nothing after June. In the new year its successor has the new money only.
    early = work("early", new_length=4000.0, cost=Estimate.exact(60.0), deadline=START)
    plan = schedule("x", [early], pace(budget_pkr_per_year=1200))
    assert plan.phases[0].opens == date(2027, 7, 1)
    late = work("late", new_length=0.0, upgrade_length=1.0, cost=Estimate.exact(1300.0))
    both = schedule("x", [early, late], pace(budget_pkr_per_year=1200, mobilisation_months=0))
    assert sum(rupees for year, rupees in both.spending if year == 2027) == 1200
    assert dict(both.phases[1].spending) == {2027: 1140, 2028: 160}


def test_the_longest_tunnel_governs_where_it_is_slower_than_the_road() -> None:
    assert duration(work(), pace()) == 10 + 2
    assert duration(work(longest_tunnel=3000.0), pace()) == 15 + 2
    assert duration(work(longest_tunnel=1000.0), pace()) == 10 + 2
    assert duration(work(new_length=0.0, upgrade_length=8000.0), pace()) == 2 + 2
    assert duration(work(new_length=6000.0), pace(new_km_per_month=0.6)) == 10 + 2
    assert duration(work(new_length=0.0), pace(mobilisation_months=0)) == 1


def test_an_upgrade_that_is_late_cuts_nothing() -> None:
    upgrade = work(new_length=0.0, upgrade_length=10_000.0, deadline=START)
    plan = schedule("x", [upgrade], pace())
    assert plan.phases[0].days_late > 0
    assert (plan.cuts, plan.cut_days) == ((), 0)


def test_a_work_that_opens_on_the_day_of_its_deadline_is_in_time() -> None:
    opens = months_later(START, duration(work(), pace()))
    plan = schedule("x", [work(deadline=opens)], pace())
    assert (plan.phases[0].days_late, plan.cut_days) == (0, 0)
    late = schedule("x", [work(deadline=opens - timedelta(days=1))], pace())
    assert (late.phases[0].days_late, late.cut_days) == (1, 1)
    assert late.cuts == ((opens - timedelta(days=1), opens, "a"),)


def test_others_work_keeps_its_date_and_takes_no_money() -> None:
    opens = date(2030, 7, 2)
    outside = work("dam", in_programme=False, opens=opens, deadline=date(2030, 7, 1))
    plan = schedule("x", [work(), outside], pace())
    (phase,) = plan.outside
    assert (phase.start, phase.opens, phase.cost_pkr, phase.spending) == (None, opens, 0, ())
    assert plan.total_pkr == 1200
    assert plan.cuts == ((date(2030, 7, 1), opens, "dam"),)
    assert plan.outside[0].opens == opens


def test_two_cuts_on_the_same_day_count_it_once() -> None:
    one = work("one", in_programme=False, opens=date(2030, 1, 11), deadline=date(2030, 1, 1))
    two = replace(one, name="two", opens=date(2030, 1, 6))
    three = replace(one, name="three", opens=date(2030, 1, 21), deadline=date(2030, 1, 6))
    assert schedule("x", [one, two, three], pace()).cut_days == 20


def test_no_works_make_an_empty_schedule() -> None:
    empty = Schedule(
        option="x", phases=(), outside=(), total_pkr=0, spending=(), cut_days=0, cuts=()
    )
    assert schedule("x", [], pace()) == empty


def test_a_free_work_opens_after_its_duration() -> None:
    plan = schedule("x", [work(cost=Estimate.exact(0.0))], pace(budget_pkr_per_year=1))
    (phase,) = plan.phases
    assert isinstance(phase, Phase)
    assert (phase.start, phase.opens, phase.spending) == (START, date(2028, 1, 1), ())


def test_a_work_that_the_budget_cannot_pay_in_a_hundred_years_is_named() -> None:
    dear = work("the tunnel", cost=Estimate.exact(1.0 + HORIZON_YEARS))
    with pytest.raises(StudyError, match=r"the tunnel are not done 100 years after 2027-01-01"):
        schedule("x", [dear], pace(budget_pkr_per_year=1))


def test_a_pace_that_takes_more_than_a_hundred_years_is_refused() -> None:
    with pytest.raises(StudyError, match=r"'a' takes 10,000,002 months"):
        duration(work(), pace(new_km_per_month=1e-6))


def test_works_of_the_same_name_are_refused() -> None:
    with pytest.raises(StudyError, match="more than one work is named a;"):
        schedule("x", [work("a"), work("a")], pace())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget_pkr_per_year": 0}, "no work could ever be paid from 0 rupees a year"),
        ({"budget_pkr_per_year": -5}, "no work could ever be paid from -5 rupees a year"),
        ({"new_km_per_month": 0}, "no work would ever end at a rate of 0"),
        ({"upgrade_km_per_month": -1}, "no work would ever end at a rate of -1"),
        ({"tunnel_m_per_month_face": 0}, "no work would ever end at a rate of 0"),
        ({"mobilisation_months": -1}, "a mobilisation of -1 months cannot be"),
        ({"budget": 1}, "Extra inputs are not permitted"),
        ({"budget_pkr_per_year": float("nan")}, "finite number"),
    ],
)
def test_an_impossible_pace_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        pace(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": "Thakot"}, "start and end are both 'Thakot'"),
        ({"opens": START}, "opens is given for a work of the programme"),
        ({"in_programme": False}, "opens is missing"),
        ({"work": "widen"}, "Input should be 'new' or 'upgrade'"),
    ],
)
def test_an_impossible_task_is_refused(changes: dict[str, object], message: str) -> None:
    values = {"name": "a", "start": "Thakot", "end": "Dasu", "work": "upgrade"}
    assert Task.model_validate(values).builder == "programme"
    with pytest.raises(ValidationError, match=message):
        Task.model_validate(values | changes)


def test_a_work_with_impossible_values_is_refused() -> None:
    with pytest.raises(GeometryError, match="work 'a': longest_tunnel is -1 m"):
        work(longest_tunnel=-1.0)
    with pytest.raises(StudyError, match="work 'a': the cost is -1 rupees"):
        work(cost=Estimate(-1.0, 0.0, 1.0))
    with pytest.raises(StudyError, match="'a' is outside the programme and has no opening date"):
        work(in_programme=False)
