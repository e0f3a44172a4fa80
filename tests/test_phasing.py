"""Laws of the programme: within money, crews and days, the cheapest that is, exact to the rupee."""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from oracles import days_without_road, every_programme, finish_by_months
from pydantic import BaseModel, ValidationError

from realign.chainage import Section
from realign.errors import GeometryError, StudyError
from realign.estimate import Estimate
from realign.phasing import (
    KINDS,
    Activity,
    Alternative,
    Crews,
    Lot,
    Opening,
    Pace,
    Schedule,
    Season,
    Task,
    Work,
    activities,
    duration,
    months_later,
    schedule,
    whole_month,
)
from realign.phasing.model import CLOSE, UNIT, Problem, finishes, objective, problem, solved

START = date(2027, 1, 1)
PLENTY = 1e13  # PKR a year
BN = 1e9  # PKR
STEP = 25_200 * UNIT  # [PKR] paid evenly over up to ten months, each takes whole units
SOME = settings(max_examples=20)
"""For laws that ask the solver several times."""


def pace(**changes: object) -> Pace:
    values: dict[str, object] = {
        "start": START,
        "budget_pkr_per_year": PLENTY,
        "new_km_per_month": 1.0,
        "upgrade_km_per_month": 4.0,
        "tunnel_m_per_month_face": 100.0,
        "mobilisation_months": 0,
        "land_months": 1,
        "access_months": 1,
        "tunnel_finish_months": 1,
        "reserve_months": 0,
        "gap": 0.0,
    }
    return Pace.model_validate(values | changes)


def work(name: str = "a", **changes: object) -> Work:
    values: dict[str, object] = {
        "name": name,
        "section": Section(0.0, 10_000.0),
        "new_length": 4_000.0,
        "upgrade_length": 0.0,
        "bridge_length": 0.0,
        "tunnel_length": 0.0,
        "cost": Estimate(0.9 * BN, 1.2 * BN, 1.6 * BN),
    }
    return Work(**(values | changes))  # type: ignore[arg-type]


def upgrade(name: str = "a", km: float = 16.0, **changes: object) -> Work:
    return work(name, new_length=0.0, upgrade_length=km * 1000, **changes)


# ---------------------------------------------------------------- against all programmes


@st.composite
def tiny(draw: st.DrawFn) -> Problem:
    """Problems whose limits are near what they need, small enough to try all programmes."""
    horizon = draw(st.integers(5, 8))
    kinds = st.sampled_from(["earthworks", "tunnel", "upgrade"])
    begin = date(2027, draw(st.sampled_from([6, 9, 11])), 1)
    done: list[Activity] = []
    for i in range(draw(st.integers(2, 4))):
        before = draw(st.sets(st.sampled_from([a.name for a in done]), max_size=1)) if done else ()
        kind = draw(kinds)
        effort = draw(st.sampled_from([0.0, 0.5, 1.0, 1.5, 2.0]))
        cost = STEP * draw(st.integers(0, 4))
        crews = draw(st.integers(1, 2))
        after, delays = tuple(sorted(before)), draw(st.sampled_from([0.0, 50_000.0]))
        done.append(Activity(f"do {i}", f"work {i}", "", kind, effort, crews, cost, after, delays))
    openings = [
        Opening(
            f"open {i}",
            each.work,
            (each.name,),
            draw(
                st.none()
                | st.sampled_from([-1, 3, 4, 5, 6, 7]).map(lambda m: months_later(begin, m))
            ),
            saves=draw(st.sampled_from([0.0, 60_000.0, 500_000.0])),
        )
        for i, each in enumerate(done)
    ]
    month = st.integers(3, 20).map(lambda k: 12.0 * k * STEP / 4)
    rules = pace(
        budget_pkr_per_year=draw(month),
        budgets=draw(st.dictionaries(st.sampled_from([2027, 2028]), month, max_size=1)),
        crews={"earthworks": draw(st.integers(1, 2)), "tunnel": 3, "upgrade": 2},
        seasons=[{"name": "winter", "months": [12, 1], "factors": {"earthworks": 0.5}}],
    )
    late = {done[0].work: draw(st.integers(0, 2))}
    return problem(done, openings, rules, begin=begin, horizon=horizon, not_before=late)


def rounding(of: Problem) -> float:
    """Rupees by which whole units may lead astray."""
    return UNIT / 2 * (len(of.activities) + len(of.openings))


@given(tiny())
@settings(max_examples=60)
def test_the_programme_is_the_cheapest_of_all_and_none_is_found_where_none_is(of: Problem) -> None:
    every = every_programme(of)
    found = solved(of)
    assert (found is not None) == bool(every.keeps.any())
    if found is not None:
        (own,) = np.flatnonzero((every.starts == found.starts).all(axis=1))
        assert every.keeps[own]
        assert found.cost == pytest.approx(every.cost[own], rel=1e-12)
        best = every.cost[every.keeps].min()
        assert found.bound <= best <= found.cost + 1
        assert found.cost <= best + 2 * rounding(of)
        assert found.cost - found.bound <= 2 * rounding(of)


@given(tiny(), st.sampled_from([0.02, 0.3]))
@SOME
def test_a_wide_gap_is_kept_and_told(of: Problem, gap: float) -> None:
    every = every_programme(of)
    assume(every.keeps.any())
    found = solved(replace(of, pace=of.pace.model_copy(update={"gap": gap})))
    assert found is not None
    best = every.cost[every.keeps].min()
    assert found.bound <= best <= found.cost + 1
    assert found.cost - best <= gap * abs(found.cost) + 2 * rounding(of)
    assert found.cost - found.bound == pytest.approx(found.gap * abs(found.cost))


@given(tiny())
@settings(max_examples=40)
def test_the_least_relaxation_is_that_of_all_programmes(of: Problem) -> None:
    every = every_programme(of)
    late, short, lacking = every.late > 0, every.short > 0, every.lacking > 0
    for kind, amount, unit, close, others in (
        ("days", every.late, 1, 0, short | lacking),
        ("money", every.short, UNIT, CLOSE, late | lacking),
        ("crews", every.lacking, 1, 0, late | short),
    ):
        found = solved(of, relaxed=frozenset({kind}))
        assert (found is not None) == bool((~others).any())
        if found is not None:
            least = amount[~others].min()
            assert least <= sum(found.over.values()) * unit <= least + close


@given(tiny())
@SOME
def test_more_money_crews_or_time_never_make_a_programme_dearer(of: Problem) -> None:
    found = solved(of)
    assume(found is not None)
    assert found is not None
    crews = {
        kind: number + 1 for kind, number in of.pace.crews.model_dump(exclude="sources").items()
    }
    twice = {year: 2 * amount for year, amount in of.pace.budgets.items()}
    rich = {"budget_pkr_per_year": 2 * of.pace.budget_pkr_per_year, "budgets": twice}
    later = [replace(o, by=months_later(o.by, 2) if o.by else None) for o in of.openings]
    for changes, openings in (
        (rich, of.openings),
        ({"crews": Crews(**crews)}, of.openings),
        ({}, later),
    ):
        eased = problem(
            of.activities,
            openings,
            of.pace.model_copy(update=changes),
            begin=of.begin,
            horizon=of.horizon,
            not_before=of.not_before,
        )
        best = solved(eased)
        assert best is not None
        assert best.cost <= found.cost + 2 * rounding(of)


@given(
    st.sampled_from(KINDS),
    st.floats(0, 9) | st.integers(0, 8).map(lambda k: k * 0.7),
    st.dictionaries(st.sampled_from(KINDS), st.sampled_from([0.3, 0.5, 0.7, 1.0])),
    st.integers(1, 12),
)
def test_seasons_slow_the_kinds_they_name(
    kind: str, effort: float, factors: dict[str, float], first: int
) -> None:
    winter = {"name": "winter", "months": [12, 1, 2], "factors": factors}
    monsoon = {"name": "monsoon", "months": [2, 7, 8], "factors": {"pavement": 0.5, "tunnel": 0.9}}
    rules, begin = pace(seasons=[winter, monsoon]), date(2027, first, 1)
    found = finishes(kind, effort, rules, begin, 20)  # type: ignore[arg-type]
    by_hand = [finish_by_months(kind, effort, rules, first, m) for m in range(21)]  # type: ignore[arg-type]
    assert found.tolist() == [min(month, 21) for month in by_hand]
    assert rules.pace("pavement", 2) == min(factors.get("pavement", 1.0), 0.5)
    assert rules.pace("land", 7) == 1.0


# ---------------------------------------------------------------- whole schedules


@st.composite
def some_lots(draw: st.DrawFn, name: str, first: float) -> list[Lot]:
    """Lots of a work, some upgraded, of some months each."""
    lots = []
    for number in range(draw(st.integers(1, 2))):
        upgraded = draw(st.booleans())
        length = draw(st.sampled_from([900.0, 6000.0]))
        kinds = ("land", "upgrade") if upgraded else ("earthworks", "bridges", "tunnel", "pavement")
        lots.append(
            Lot(
                name=f"{name}, lot {number}",
                section=Section(first + 500.0 * number, first + 500.0 * (number + 1)),
                length=length,
                upgraded=upgraded,
                earthworks=0.0 if upgraded else draw(st.sampled_from([0.0, 1e5, 3e5])),
                walls=0.0 if upgraded else draw(st.sampled_from([0.0, 9e3])),
                bridges=() if upgraded else tuple(draw(st.sampled_from([[], [30.0], [250.0, 12]]))),
                tunnels=()
                if upgraded
                else tuple(draw(st.sampled_from([[], [300.0], [90.0, 500]]))),
                costs={kind: draw(st.integers(0, 500)) * 1e6 + 1 / 3 for kind in kinds},
                opens_with="" if upgraded else draw(st.sampled_from(["", f"{name}, road"])),
            )
        )
    return lots


@st.composite
def some_works(draw: st.DrawFn) -> list[Work]:
    """Works with deadlines near their openings."""
    works: list[Work] = []
    day = st.integers(0, 900).map(lambda days: START + timedelta(days=days))
    for number in range(draw(st.integers(1, 3))):
        name = f"work {number}"
        lots = draw(some_lots(name, 1000.0 * number))
        cost = sum(sum(lot.costs.values()) for lot in lots)
        outside = number > 0 and draw(st.integers(0, 4)) == 0
        groups = {lot.opens_with or lot.name for lot in lots}
        works.append(
            work(
                name,
                section=Section(1000.0 * number, 1000.0 * (number + 1)),
                new_length=sum(lot.length for lot in lots if not lot.upgraded),
                cost=Estimate(0.8 * cost, cost, 1.3 * cost),
                lots=tuple(lots),
                saves={group: draw(st.sampled_from([0.0, 1e5, 1e6])) for group in groups},
                deadline=draw(st.none() | day),
                in_programme=not outside,
                opens=draw(day) if outside else None,
                starts_after=draw(
                    st.none() | st.sampled_from([date(2026, 5, 5), date(2027, 7, 2)])
                ),
                opens_by=draw(st.none() | day),
                after=tuple(draw(st.sets(st.sampled_from([w.name for w in works]), max_size=1)))
                if works
                else (),
            )
        )
    return works


@st.composite
def some_pace(draw: st.DrawFn) -> Pace:
    """Paces whose money and crews are near what works take."""
    return pace(
        start=draw(st.sampled_from([START, date(2027, 4, 2)])),
        complete_by=date(2030, 1, 1),
        budget_pkr_per_year=draw(st.integers(900, 4000)) * 1e6,
        budgets=draw(st.sampled_from([{}, {2028: 1e9}])),
        reserve_months=draw(st.integers(0, 2)),
        seasons=[{"name": "winter", "months": [1, 2], "factors": {"earthworks": 0.5, "land": 0.7}}],
        crews={"earthworks": draw(st.integers(1, 2)), "bridges": 3, "tunnel": 2, "pavement": 1},
        bridge_crews_per_lot=3,
        bridge_m_per_month=20.0,
        gap=0.05,
        seconds=20.0,
    )


def dated(works: Sequence[Work], rules: Pace) -> Schedule:
    """Schedule, where there is one."""
    try:
        return schedule("x", works, rules)
    except StudyError as refused:
        assume("are not done by" not in str(refused))
        raise


def month_of(rules: Pace, day: date) -> int:
    """Months from the first day of the plan."""
    first = whole_month(rules.start)
    return 12 * (day.year - first.year) + day.month - first.month


@given(some_works(), some_pace())
@settings(max_examples=30)
def test_a_schedule_keeps_money_crews_order_and_days(works: list[Work], rules: Pace) -> None:
    plan = dated(works, rules)
    first, last = whole_month(rules.start), date(2030, 1, 1)
    for year, rupees in plan.spending:
        months = 13 - first.month if year == first.year else 12
        assert rupees <= rules.budget(year) * months / 12
    by_name = {each.activity.name: each for each in plan.activities}
    assert len(by_name) == len(plan.activities)
    for kind, most in rules.crews.model_dump(exclude={"sources"}).items():
        own = [each for each in plan.activities if each.activity.kind == kind]
        for month in {each.start for each in own}:
            at_work = [e.activity.crews for e in own if e.start <= month < e.finish]
            assert sum(at_work) <= most
    for each in plan.activities:
        assert each.start >= first
        assert each.finish <= last or "the programme cannot open by" in plan.conflict
        ends = finish_by_months(
            each.activity.kind,
            each.activity.effort,
            rules,
            first.month,
            month_of(rules, each.start),
        )
        assert month_of(rules, each.finish) == ends
        assert all(by_name[name].finish <= each.start for name in each.activity.follows)
    days = {work_.name: work_ for work_ in works}
    opens = {phase.work.name: phase.opens for phase in (*plan.phases, *plan.outside)}
    for each in plan.activities:
        own_work = days[each.activity.work]
        assert own_work.starts_after is None or each.start >= own_work.starts_after
        assert all(each.start >= opens[name] for name in own_work.after)
    for opened in plan.openings:
        its = days[opened.work]
        in_time = opened.by is None or opened.opens <= opened.by
        assert in_time or plan.conflict
        water = its.water(opened.name)
        assert opened.water == water
        # upgrades lose nothing to the water, new road does
        upgraded = {lot.upgraded for lot in opened.lots} == {True}
        assert (water is None) == (its.deadline is None or its.keeps_road or upgraded)
        limit = months_later(water, -rules.reserve_months) if water else date.max
        assert (opened.by or date.max) == min(limit, its.opens_by or date.max)
        finish = [
            e.finish for e in plan.activities if e.activity.lot in {lot.name for lot in opened.lots}
        ]
        assert opened.opens == max(finish)
    late = [o for o in plan.openings if o.by is not None and o.opens > o.by]
    longer = max((o.opens for o in plan.openings), default=last) > last
    assert (bool(late) or longer) == bool(plan.conflict)
    assert all(f"{o.name} cannot open by {o.by}" in plan.conflict for o in late)
    assert all(phase.opens == phase.work.opens for phase in plan.outside)


@given(some_works(), some_pace())
@SOME
def test_rupees_add_up_and_the_objective_is_what_is_paid_less_what_is_saved(
    works: list[Work], rules: Pace
) -> None:
    plan = dated(works, rules)
    for phase in plan.phases:
        own = [a.activity.cost for a in plan.activities if a.activity.work == phase.work.name]
        assert sum(own) == phase.cost_pkr == round(phase.work.cost.base)
        years: dict[int, int] = {}
        for rows in phase.by_kind.values():
            for year, rupees in rows:
                years[year] = years.get(year, 0) + rupees
        assert tuple(sorted(years.items())) == phase.spending
        for kind, rows in phase.by_kind.items():
            of_kind = [
                a.activity.cost
                for a in plan.activities
                if (a.activity.work, a.activity.kind) == (phase.work.name, kind)
            ]
            assert sum(rupees for _, rupees in rows) == sum(of_kind)
    assert plan.total_pkr == sum(phase.cost_pkr for phase in plan.phases)
    assert plan.total_pkr == sum(rupees for _, rupees in plan.spending)
    assert plan.present_pkr <= plan.total_pkr
    assert plan.objective_pkr <= plan.present_pkr
    assert plan.gap >= 0
    for phase in plan.outside:
        assert (phase.start, phase.spending, phase.cost_pkr) == (None, (), 0)
    numbers = [phase.number for phase in plan.phases]
    assert numbers == list(range(1, len(numbers) + 1))
    assert [p.opens for p in plan.phases] == sorted(p.opens for p in plan.phases)


@given(some_works(), some_pace(), st.randoms(use_true_random=False))
@SOME
def test_the_order_in_which_works_are_given_has_no_influence(
    works: list[Work], rules: Pace, random: object
) -> None:
    shuffled = list(works)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert dated(shuffled, rules) == dated(works, rules)


@given(some_works(), some_pace())
@SOME
def test_slack_is_the_most_by_which_a_start_may_move(works: list[Work], rules: Pace) -> None:
    rich = {"budget_pkr_per_year": PLENTY, "budgets": {}, "crews": Crews()}
    plan = dated([replace(each, deadline=None) for each in works], rules.model_copy(update=rich))
    assume(not plan.conflict)
    first, last = whole_month(rules.start).month, month_of(rules, date(2030, 1, 1))
    day = {
        lot.name: min(month_of(rules, o.by), last) if o.by else last
        for o in plan.openings
        for lot in o.lots
    }
    ordered = sorted(plan.activities, key=lambda e: KINDS.index(e.activity.kind))
    ordered.sort(key=lambda e: e.start)  # what follows starts later, as all take a month
    for moved in ordered:
        assert moved.critical == (moved.slack_months == 0)
        for more, in_time in ((0, True), (1, False)):
            ends: dict[str, int] = {}
            for each in ordered:
                start = max(
                    [month_of(rules, each.start), *(ends[name] for name in each.activity.follows)]
                )
                if each is moved:
                    start += moved.slack_months + more
                kind, effort = each.activity.kind, each.activity.effort
                ends[each.activity.name] = finish_by_months(kind, effort, rules, first, start)
            kept = all(ends[e.activity.name] <= day[e.activity.lot] for e in ordered)
            assert kept == in_time


@given(some_works(), some_pace())
@SOME
def test_cut_days_are_the_days_between_the_water_and_the_new_road(
    works: list[Work], rules: Pace
) -> None:
    plan = dated(works, rules)
    late = []
    for phase in (*plan.phases, *plan.outside):
        new = {lot.name for lot in phase.work.lots if not lot.upgraded}
        opens = [phase.opens] if new else []
        if phase.start is not None:
            opens = [o.opens for o in plan.openings if new & {lot.name for lot in o.lots}]
        if phase.deadline is not None:
            late += [(phase.deadline, day) for day in opens if day > phase.deadline]
    assert plan.cut_days == days_without_road(late)
    assert sorted((a, b) for a, b, _ in plan.cuts) == sorted(late)


# ---------------------------------------------------------------- advice


def granted(words: str, works: Sequence[Work], rules: Pace) -> tuple[list[Work], Pace]:
    """Works and pace with what one piece of advice asks for."""
    assert words
    budgets, crews, later = dict(rules.budgets), rules.crews, {}
    for part in words.split(" and "):
        money = re.fullmatch(r"Rs ([\d,]+\.\d\d) bn more in (\d{4})", part)
        men = re.fullmatch(r"(\d+) more crews? for (\w+)", part)
        days = re.fullmatch(r"(.+) opens (\d+) months? later", part)
        if money:
            year = int(money[2])
            budgets[year] = rules.budget(year) + float(money[1].replace(",", "")) * BN
        elif men:
            crews = crews.model_copy(update={men[2]: getattr(crews, men[2]) + int(men[1])})
        else:
            assert days, part
            later[days[1]] = int(days[2])
    changes: dict[str, object] = {"budgets": budgets, "crews": crews}
    if rules.complete_by is not None:
        moved = months_later(rules.complete_by, later.pop("the programme", 0))
        changes["complete_by"] = moved
    out = []
    for each in works:
        names = {lot.opens_with or lot.name for lot in each.lots} or {each.name}
        mine = {name: later[name] for name in names if name in later}
        waters = {name: day for name in names if (day := each.water(name)) is not None}
        for name, months in mine.items():
            if name in waters:
                waters[name] = months_later(waters[name], months)
        by = each.opens_by
        if by is not None and mine:
            by = months_later(by, max(mine.values()))
        deadline = min(waters.values(), default=None)
        out.append(replace(each, opens_by=by, waters=waters, deadline=deadline))
    return out, rules.model_copy(update=changes)


@st.composite
def hard_pressed(draw: st.DrawFn) -> tuple[list[Work], Pace]:
    """One or two works that lack months, crews or money; some cost more than any year has."""
    works = []
    for name in "abc"[: draw(st.integers(1, 2))]:
        cost = draw(st.integers(2, 30)) * 1e8 + 1 / 3
        day = months_later(START, draw(st.integers(2, 14)))
        changes: dict[str, object] = {"cost": Estimate.exact(cost)}
        changes |= {draw(st.sampled_from(["opens_by", "deadline"])): day}
        if draw(st.booleans()):
            works.append(upgrade(name, km=draw(st.sampled_from([4.0, 12.0, 22.0])), **changes))
        else:
            works.append(work(name, new_length=draw(st.sampled_from([1e3, 3.5e3])), **changes))
    rules = pace(
        start=draw(st.sampled_from([START, date(2027, 8, 2)])),
        complete_by=months_later(START, draw(st.sampled_from([15, 17, 24]))),
        budget_pkr_per_year=draw(st.integers(3, 20)) * 1e8,
        budgets=draw(st.sampled_from([{}, {2028: 1.5 * BN}])),
        crews={"earthworks": 1, "upgrade": 1},
        reserve_months=draw(st.integers(0, 1)),
    )
    return works, rules


@pytest.mark.slow
@given(hard_pressed())
@settings(max_examples=40)
def test_each_piece_of_advice_by_itself_ends_the_conflict(
    pressed: tuple[list[Work], Pace],
) -> None:
    works, rules = pressed
    try:
        words = schedule("x", works, rules).conflict
        advice = words.partition("The least that helps: ")[2].partition(". More")[0]
    except StudyError as refused:
        words = str(refused)
        advice = words.partition("the least that helps: ")[2]
    for each in advice.removesuffix(".").split(" or ") if words else ():
        assert schedule("x", *granted(each, works, rules)).conflict == ""


@pytest.mark.parametrize("budget", [1.0 * BN, 1.19 * BN, 1.3 * BN, PLENTY])
def test_a_year_pays_what_its_money_covers_in_as_few_months_as_the_work_takes(
    budget: float,
) -> None:
    # Rs 1.2 bn in four months, due on 1 October
    due = [work(deadline=date(2027, 10, 1))]
    plan = schedule("x", due, pace(budget_pkr_per_year=budget))
    assert (plan.conflict == "") == (budget >= 1.2 * BN)
    if plan.conflict:
        lacks = (1.2 * BN - budget) / BN
        assert f" or Rs {lacks:.2f} bn more in 2027." in plan.conflict
        more = {2027: budget + lacks * BN}
        richer = pace(budget_pkr_per_year=budget, budgets=more)
        assert schedule("x", due, richer).conflict == ""


def test_money_that_a_part_of_a_year_lacks_is_told_as_money_of_the_year() -> None:
    # the plan has a quarter of the money of 2027
    rules = pace(start=date(2027, 10, 1), budget_pkr_per_year=2 * BN)
    due = [upgrade(km=4.0, opens_by=date(2028, 1, 1))]
    plan = schedule("x", due, rules)
    assert "Rs 2.80 bn more in 2027." in plan.conflict  # 0.7 bn are lacking
    assert schedule("x", due, rules.model_copy(update={"budgets": {2027: 4.8 * BN}})).conflict == ""
    near = schedule("x", due, rules.model_copy(update={"budgets": {2027: 4.79 * BN}}))
    assert near.conflict != ""


# ---------------------------------------------------------------- conflicts by hand


def test_a_day_that_no_money_or_crew_can_keep_is_named_with_the_least_delay() -> None:
    # land and access a month each, 4 km in four months, paving one month: open on 1 August
    def plan(by: date) -> Schedule:
        return schedule("x", [work(deadline=by)], pace())

    assert plan(date(2027, 8, 1)).conflict == ""
    found = plan(date(2027, 6, 15))
    assert found.conflict == (
        "a cannot open by 2027-06-01, 0 months before the water of 2027-06-15. The least that "
        "helps: a opens 2 months later. More money alone does not help. More crews alone do not "
        "help."
    )
    (opened,) = found.openings
    assert (opened.opens, opened.by) == (date(2027, 8, 1), date(2027, 6, 1))
    assert found.cuts == ((date(2027, 6, 15), date(2027, 8, 1), "a"),)
    assert "a opens 1 month later" in plan(date(2027, 7, 1)).conflict


def test_a_day_before_the_plan_begins_is_missed_by_all_its_months() -> None:
    found = schedule("x", [work(deadline=date(2026, 11, 1))], pace())
    assert "a opens 9 months later" in found.conflict
    assert found.openings[0].opens == date(2027, 8, 1)
    assert found.activities[0].slack_months == 0


def test_only_the_money_of_one_year_is_named_with_the_rupees_it_lacks() -> None:
    def plan(first: float) -> Schedule:
        rules = pace(budget_pkr_per_year=2 * BN, budgets={2027: first})
        return schedule("x", [work(opens_by=date(2028, 1, 1))], rules)

    assert plan(1.2 * BN).conflict == ""
    found = plan(0.953 * BN)
    assert found.conflict.startswith("a cannot open by 2028-01-01, as the study asks.")
    assert "Rs 0.25 bn more in 2027." in found.conflict
    assert "More crews alone do not help." in found.conflict
    assert "money alone" not in found.conflict
    assert dict(found.spending)[2027] <= 0.953 * BN
    assert plan(0.953 * BN + 0.246 * BN).conflict != ""
    assert plan(0.953 * BN + 0.25 * BN).conflict == ""


def test_only_crews_are_named_with_the_number_that_is_lacking() -> None:
    works = [upgrade(name, opens_by=date(2027, 6, 1)) for name in "abc"]

    def plan(crews: int) -> Schedule:
        return schedule("x", works, pace(crews={"upgrade": crews}))

    assert plan(3).conflict == ""
    found = plan(1)
    assert "2 more crews for upgrade" in found.conflict
    assert "More money alone does not help." in found.conflict
    assert "crews alone" not in found.conflict
    assert "1 more crew for upgrade" in plan(2).conflict
    assert sorted(o.opens for o in found.openings) == [date(2027, m, 1) for m in (6, 10)] + [
        date(2028, 2, 1)
    ]


def test_a_programme_that_is_not_complete_in_time_is_drawn_out_by_the_least_months() -> None:
    # land, access, three months of the tunnel and one of pavement: complete on 1 July
    lot = Lot("l", Section(0, 10_000), 4000.0, tunnels=(400.0,), costs={"tunnel": 1.2 * BN})
    works = [work(lots=(lot,))]
    assert schedule("x", works, pace(complete_by=date(2027, 7, 1))).conflict == ""
    late = schedule("x", works, pace(complete_by=date(2027, 4, 1)))
    assert late.conflict == (
        "the programme cannot open by 2027-04-01, as phasing.complete_by asks. The least that "
        "helps: the programme opens 3 months later. More money alone does not help. More crews "
        "alone do not help."
    )
    assert [(each.name, each.opens, each.by) for each in late.openings] == [
        ("l", date(2027, 7, 1), None)
    ]
    poor = pace(complete_by=date(2028, 1, 1), budgets={2027: 0.6 * BN})
    found = schedule("x", works, poor)
    assert "Rs 0.60 bn more in 2027" in found.conflict
    # one month of the drive is paid in 2027, two in 2028, and pavement takes March
    assert "the programme opens 3 months later" in found.conflict
    assert found.phases[0].opens == date(2028, 4, 1)


def test_a_plan_without_a_day_of_completion_is_drawn_out_in_silence() -> None:
    slow = schedule("x", [upgrade(km=4.0 * 70)], pace())
    assert slow.conflict == ""
    assert slow.phases[0].opens >= date(2032, 12, 1)


@pytest.mark.parametrize("last", [None, date(2028, 1, 1), date(2027, 3, 1)])
def test_crews_that_no_time_replaces_are_named(last: date | None) -> None:
    lot = Lot("l", Section(0, 10_000), 4000.0, bridges=(200.0,), costs={"bridges": 1.2 * BN})
    with pytest.raises(StudyError, match=r"not done by .* helps: .*1 more crew for bridges$"):
        schedule("x", [work(lots=(lot,))], pace(crews={"bridges": 1}, complete_by=last))


def test_one_crew_drives_a_tunnel_face_after_face_and_two_from_both() -> None:
    # land, access; two months a face; a month of fitting, a month of pavement
    lot = Lot("l", Section(0, 10_000), 4000.0, tunnels=(400.0,), costs={"tunnel": 0.5 * BN})

    def opens(crews: int) -> date:
        last = pace(crews={"tunnel": crews}, complete_by=date(2027, 7, 1))
        return schedule("x", [work(lots=(lot,))], last).phases[0].opens

    assert opens(2) == date(2027, 7, 1)
    assert opens(1) == date(2027, 9, 1)


def test_a_late_plan_keeps_the_days_before_which_nothing_begins() -> None:
    # `b` waits for `a`, which opens in June, but not before September
    works = [
        upgrade("a"),
        upgrade("b", after=("a",), starts_after=date(2027, 9, 1), opens_by=date(2027, 10, 1)),
    ]
    plan = schedule("x", works, pace())
    assert "b opens 4 months later" in plan.conflict
    assert min(e.start for e in plan.activities if e.activity.work == "b") == date(2027, 9, 1)


# ---------------------------------------------------------------- by hand


def test_what_saves_more_than_waiting_opens_as_soon_as_it_can_and_what_does_not_waits() -> None:
    rules = pace(complete_by=date(2030, 1, 1))
    soon = schedule("x", [replace(upgrade(), saves={"a": 1e6})], rules)
    late = schedule("x", [upgrade()], rules)
    assert soon.phases[0].opens == date(2027, 6, 1)
    assert late.phases[0].opens == date(2030, 1, 1)
    assert late.objective_pkr == pytest.approx(late.present_pkr)


def test_late_upgrades_cut_nothing() -> None:
    late = schedule("x", [upgrade(deadline=START, opens_by=START)], pace())
    assert late.phases[0].days_late == 0
    assert (late.cuts, late.cut_days) == ((), 0)
    new = Lot("new", Section(0, 5000), 1000.0, earthworks=1e5)
    old = Lot("old", Section(5000, 10_000), 40_000.0, upgraded=True)
    mixed = schedule("x", [work(lots=(new, old), deadline=date(2027, 6, 1))], pace())
    due = {each.name: each.by for each in mixed.openings}
    assert (due["new"], due["old"]) == (date(2027, 6, 1), None)
    assert all(day == date(2027, 6, 1) for day, _, _ in mixed.cuts)


def test_a_work_that_opens_on_the_day_of_its_deadline_is_in_time() -> None:
    opens = months_later(START, duration(work(), pace()))
    plan = schedule("x", [work(deadline=opens)], pace())
    assert (plan.phases[0].days_late, plan.cut_days, plan.conflict) == (0, 0, "")
    late = schedule("x", [work(deadline=opens - timedelta(days=1))], pace())
    assert (late.phases[0].days_late, late.cut_days) == (1, 1)
    assert late.cuts == ((opens - timedelta(days=1), opens, "a"),)


def test_others_work_keeps_its_date_and_takes_no_money_and_is_waited_for() -> None:
    opens = date(2028, 7, 2)
    outside = work("dam", in_programme=False, opens=opens, deadline=date(2028, 7, 1))
    plan = schedule("x", [work(after=("dam",)), outside], pace())
    (phase,) = plan.outside
    assert (phase.start, phase.opens, phase.cost_pkr, phase.spending) == (None, opens, 0, ())
    assert plan.total_pkr == 1.2 * BN
    assert plan.cuts == ((date(2028, 7, 1), opens, "dam"),)
    assert min(each.start for each in plan.activities) >= date(2028, 8, 1)


def test_two_cuts_on_the_same_day_count_it_once() -> None:
    one = work("one", in_programme=False, opens=date(2030, 1, 11), deadline=date(2030, 1, 1))
    two = replace(one, name="two", opens=date(2030, 1, 6))
    three = replace(one, name="three", opens=date(2030, 1, 21), deadline=date(2030, 1, 6))
    assert schedule("x", [one, two, three], pace()).cut_days == 20


def test_no_works_and_works_without_cost() -> None:
    empty = schedule("x", [], pace())
    assert (empty.phases, empty.activities, empty.spending, empty.total_pkr) == ((), (), (), 0)
    free = schedule("x", [work(cost=Estimate.exact(0.0))], pace(budget_pkr_per_year=1))
    assert (free.total_pkr, free.spending, free.gap) == (0, (), 0.0)
    assert free.renamed("y").option == "y"


def test_what_takes_no_time_is_paid_all_the_same_within_the_budget() -> None:
    lots = [
        Lot(f"l{k}", Section(0, 10), 4000.0, upgraded=True, costs={"land": BN}) for k in range(2)
    ]
    works = [work(lots=tuple(lots), new_length=0.0, cost=Estimate.exact(2 * BN))]
    rules = pace(
        land_months=0,
        start=date(2027, 12, 1),
        budget_pkr_per_year=13 * BN,
        budgets={2027: 12 * BN, 2028: BN},
        complete_by=date(2028, 3, 1),
    )
    plan = schedule("x", works, rules)
    assert plan.spending == ((2027, BN), (2028, BN))
    assert plan.conflict != "" or all(rupees <= BN for _, rupees in plan.spending)


def test_durations_by_hand() -> None:
    assert duration(work(), pace()) == 1 + 1 + 4 + 1
    assert duration(upgrade(km=8.0), pace()) == 1 + 2
    assert duration(work(new_length=6000.0), pace(new_km_per_month=0.6)) == 1 + 1 + 10 + 2
    slow = Season(name="winter", months=(1, 2, 3), factors={"land": 0.25, "earthworks": 0.5})
    assert duration(work(), pace(seasons=(slow,))) == 4 + 1 + 4 + 1
    with pytest.raises(StudyError, match="'a' takes more than 60 years"):
        duration(work(), pace(new_km_per_month=1e-6))


def test_names_stand_for_one_thing_and_works_do_not_wait_for_each_other() -> None:
    with pytest.raises(StudyError, match="more than one work is named a;"):
        schedule("x", [work("a"), work("a")], pace())
    lot = Lot("l", Section(0, 10), 10.0)
    with pytest.raises(StudyError, match="more than one lot is named l;"):
        schedule("x", [work("a", lots=(lot,)), work("b", lots=(lot,))], pace())
    lots = [replace(lot, name=name, opens_with="road") for name in "mn"]
    with pytest.raises(StudyError, match="more than one opening is named road;"):
        schedule("x", [work(n, lots=(o,)) for n, o in zip("ab", lots, strict=True)], pace())
    with pytest.raises(StudyError, match="the works a, b follow each other in a circle"):
        schedule("x", [work("a", after=("b",)), work("b", after=("a",))], pace())


# ---------------------------------------------------------------- lots and activities


@given(some_lots("w", 0.0), st.floats(0.0, 9e9), some_pace())
def test_a_lot_is_opened_up_before_it_is_built_and_paved_last(
    lots: list[Lot], cost: float, rules: Pace
) -> None:
    done = activities(work("w", lots=tuple(lots), cost=Estimate.exact(cost)), rules)
    assert len({each.name for each in done}) == len(done)
    assert sum(each.cost for each in done) == round(cost)
    by_name = {each.name: each for each in done}
    for lot in lots:
        mine = [each for each in done if each.lot == lot.name]
        kinds = {each.kind for each in mine}
        assert all(by_name[name].lot == lot.name for each in mine for name in each.follows)
        for each in mine:
            before = {by_name[name].kind for name in each.follows}
            if each.kind in ("earthworks", "bridges", "tunnel"):
                assert before - {"tunnel"} == {"land", "access"}
                assert ("tunnel" in before) == each.name.endswith("lining and fitting")
            if each.kind == "pavement":
                assert before == kinds - {"pavement"}
                assert each is mine[-1]
        drives = [each for each in mine if each.kind == "tunnel"]
        yearly = max(rules.budget_pkr_per_year, *rules.budgets.values(), 0.0)
        # a drive from each face, and a month of lining and fitting after both
        for k, length in enumerate(lot.tunnels):
            *faces, fitting = drives[3 * k : 3 * k + 3]
            assert [d.crews for d in (*faces, fitting)] == [1, 1, 0]
            assert set(fitting.follows) >= {face.name for face in faces}
            for each, months in zip(
                (*faces, fitting), (length / 200, length / 200, 1), strict=True
            ):
                # what no year can pay lasts until every year can pay its part
                paid = 1.01 * 12 * each.cost / yearly if each.cost > yearly else 0.0
                assert each.effort == pytest.approx(max(months, paid))
        assert len(drives) == 3 * len(lot.tunnels)
        assert kinds <= ({"land", "upgrade"} if lot.upgraded else set(KINDS) - {"upgrade"})


def test_long_bridges_take_several_crews_and_short_ones_are_built_one_after_the_other() -> None:
    def bridges(*lengths: float) -> tuple[float, int]:
        lot = Lot("l", Section(0, 10), 1000.0, bridges=lengths)
        rules = pace(bridge_m_per_month=10.0, bridge_m_per_crew=100.0, bridge_crews_per_lot=6)
        (found,) = [a for a in activities(work(lots=(lot,)), rules) if a.kind == "bridges"]
        return found.effort, found.crews

    assert bridges(80.0) == (8.0, 1)
    assert bridges(300.0) == (10.0, 3)
    assert bridges(301.0) == (10.0, 4)
    assert bridges(1200.0) == (20.0, 6)
    assert bridges(*[50.0] * 12) == (10.0, 6)


def test_tunnels_share_their_cost_by_length_and_walls_may_govern_earthworks() -> None:
    lot = Lot(
        "l", Section(0, 10), 1000.0, walls=8000.0, tunnels=(100.0, 300.0), costs={"tunnel": 4}
    )
    done = activities(work(lots=(lot,), cost=Estimate.exact(4e6)), pace())
    # 100 m at 100 m a month and face: half a month a face, and a month of lining and fitting
    assert {a.name: a.cost for a in done if a.cost} == {
        "l: tunnel 1, first face": 250_000,
        "l: tunnel 1, second face": 250_000,
        "l: tunnel 1, lining and fitting": 500_000,
        "l: tunnel 2, first face": pytest.approx(9e5 / 0.8, abs=1),
        "l: tunnel 2, second face": pytest.approx(9e5 / 0.8, abs=1),
        "l: tunnel 2, lining and fitting": pytest.approx(6e5 / 0.8, abs=1),
    }
    assert next(a.effort for a in done if a.kind == "earthworks") == 2.0


@given(tiny())
def test_the_objective_is_the_sum_at_no_discount(of: Problem) -> None:
    free = tuple(replace(each, delays=0.0) for each in of.activities)
    rules = of.pace.model_copy(update={"discount_pct": 0.0})
    flat = replace(of, pace=rules, openings=(), activities=free)
    starts = [0] * len(of.activities)
    assert objective(flat, starts, ()) == pytest.approx(sum(each.cost for each in of.activities))


@pytest.mark.parametrize(
    ("key", "slow"),
    [
        ("earthworks_m3_per_month", "earthworks"),
        ("bridge_m_per_month", "bridges"),
        ("tunnel_m_per_month_face", "tunnel, first face"),
        ("pavement_km_per_month", "pavement"),
    ],
)
def test_what_alone_takes_more_than_a_life_is_named(key: str, slow: str) -> None:
    some = Lot(
        "lot", Section(0.0, 4000.0), 4000.0, earthworks=1e5, bridges=(50.0,), tunnels=(90.0,)
    )
    with pytest.raises(StudyError, match=f"more than 60 years: 'lot: {slow}' alone .* faster pace"):
        schedule("any", [work(lots=(some,))], pace(**{key: 1e-6}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"cost": Estimate(1e20, 1e20, 1e20)},
            r"a: earthworks: costs 1e\+20 rupees; wanted at most",
        ),
        ({"saves": {"a": 1e20}}, r"a: users save in a day 1e\+20 rupees; wanted at most 1e\+16"),
    ],
)
def test_amounts_that_the_solver_cannot_count_are_refused(
    changes: dict[str, object], told: str
) -> None:
    with pytest.raises(StudyError, match=told):
        schedule("any", [work(**changes)], pace())


# ---------------------------------------------------------------- settings


@pytest.mark.parametrize(
    ("make", "changes", "message"),
    [
        (pace, {"budget_pkr_per_year": 0}, "greater than or equal to 1"),
        (pace, {"budget_pkr_per_year": float("nan")}, "finite number"),
        (
            pace,
            {"budgets": {2027: -1}},
            r"budgets.2027\s+Input should be greater than or equal to 0",
        ),
        (pace, {"budgets": {27: 1e9}}, r"budgets.27.\[key\]\s+Input should be greater .* to 1900"),
        (pace, {"new_km_per_month": 0}, "greater than 0"),
        (pace, {"upgrade_km_per_month": -1}, "greater than 0"),
        (pace, {"gap": 1}, "less than 1"),
        (pace, {"reserve_months": -1}, "greater than or equal to 0"),
        (pace, {"budget": 1}, "Extra inputs are not permitted"),
        (pace, {"complete_by": START}, "found 2027-01-01, wanted a day after start, 2027-01-01"),
        (
            pace,
            {"alternatives": [{"name": "a"}, {"name": "a"}]},
            "alternatives: found the names a, a; wanted each once",
        ),
        (Season, {"name": "w", "months": [], "factors": {}}, "at least 1 item"),
        (Season, {"name": "w", "months": [13], "factors": {}}, "less than or equal to 12"),
        (Season, {"name": "w", "months": [1], "factors": {"land": 0}}, "greater than 0"),
        (Season, {"name": "w", "months": [1], "factors": {"land": 1.1}}, "less than or equal to 1"),
        (Season, {"name": "w", "months": [1], "factors": {"walls": 1}}, "Input should be 'land'"),
        (Crews, {"tunnel": 0}, "greater than or equal to 1"),
        (Crews, {"painters": 1}, "Extra inputs are not permitted"),
        (Alternative, {"name": ""}, "at least 1 character"),
        (Alternative, {"name": "a", "budget_pkr_per_year": 0}, "greater than or equal to 1"),
        (Alternative, {"name": "a", "water_months": 0.5}, "valid integer"),
    ],
)
def test_impossible_settings_are_refused(
    make: Callable[..., BaseModel], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        make(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"end": "Thakot"}, "start and end are both 'Thakot'"),
        ({"opens": START}, "opens is given for a work of the programme"),
        ({"in_programme": False}, "opens is missing"),
        ({"work": "widen"}, "Input should be 'new' or 'upgrade'"),
        ({"after": ["b", "a"]}, "after: found 'a' itself; wanted other works"),
    ],
)
def test_an_impossible_task_is_refused(changes: dict[str, object], message: str) -> None:
    values = {"name": "a", "start": "Thakot", "end": "Dasu", "work": "upgrade"}
    assert Task.model_validate(values).builder == "programme"
    with pytest.raises(ValidationError, match=message):
        Task.model_validate(values | changes)


def test_impossible_works_and_lots_are_refused() -> None:
    with pytest.raises(GeometryError, match="work 'a': tunnel_length is -1 m"):
        work(tunnel_length=-1.0)
    with pytest.raises(StudyError, match="work 'a': the cost is -5 rupees"):
        work(cost=Estimate(-5.0, 1.0, 2.0))
    with pytest.raises(StudyError, match="work 'a' is outside the programme and has no opening"):
        work(in_programme=False)
    for changes, message in (
        ({"length": 0.0}, "length: found 0 m; wanted more"),
        ({"walls": -1.0}, "walls is -1; wanted 0 or more"),
        ({"bridges": (-3.0,)}, "bridges is -3; wanted 0 or more"),
        ({"tunnels": (5.0, 0.0)}, "tunnels: found 0 m; wanted more"),
        ({"costs": {"land": -2.0}}, "cost of land is -2; wanted 0 or more"),
    ):
        with pytest.raises(GeometryError, match=f"lot 'l': {message}"):
            Lot(**({"name": "l", "section": Section(0, 1), "length": 1.0} | changes))  # type: ignore[arg-type]


def test_each_new_road_of_a_work_is_due_before_its_own_water() -> None:
    first, last = date(2028, 7, 1), date(2030, 7, 1)
    lots = tuple(
        Lot(f"lot {k}", Section(k * 1000.0, k * 1000.0 + 900), 900.0, opens_with=name,
            costs={"earthworks": BN}, earthworks=1e5)
        for k, name in enumerate(("one", "other", "dry"))
    )  # fmt: skip
    waters = {"one": first, "other": last}
    rules = pace(reserve_months=6, complete_by=date(2032, 1, 1), discount_pct=9.0)
    found = schedule("x", [work(lots=lots, deadline=first, waters=waters)], rules)
    by = {each.name: each for each in found.openings}
    assert {name: each.by for name, each in by.items()} == {
        "one": date(2028, 1, 1),
        "other": date(2030, 1, 1),
        "dry": None,
    }
    # later money is cheaper, so each opens when it has to
    assert by["one"].opens == date(2028, 1, 1)
    assert by["one"].opens < by["other"].opens <= date(2030, 1, 1) < by["dry"].opens
    (phase,) = found.phases
    assert phase.days_late == 0
    assert found.cuts == ()
    # the phase is open years after its deadline, but not what the water of that day takes
    assert phase.opens == by["dry"].opens > last > phase.deadline
    assert found.deadline_opens(phase) == by["one"].opens
    assert found.deadline_opens(replace(phase, deadline=None)) is None


def test_more_money_in_some_years_lets_what_is_dear_go_faster() -> None:
    lot = Lot("lot", Section(0, 1000), 900.0, earthworks=1e5, costs={"earthworks": 5 * BN})
    due = work(lots=(lot,), deadline=date(2029, 7, 1), cost=Estimate.exact(5 * BN))
    poor = schedule("x", [due], pace(budget_pkr_per_year=1 * BN))
    assert "more in" in poor.conflict
    assert "More money alone does not help" not in poor.conflict
    rich = schedule("x", [due], pace(budget_pkr_per_year=9 * BN))
    some = schedule("x", [due], pace(budget_pkr_per_year=1 * BN, budgets={2028: 9 * BN}))
    assert rich.conflict == some.conflict == ""
