"""Laws of uncertainty: no spread is the plan, known inputs come out, wherever draws are made."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from oracles import dated_by_hand, ended_by_hand
from pydantic import ValidationError

from realign.chainage import Section
from realign.errors import StudyError
from realign.estimate import Estimate
from realign.phasing import KINDS, Activity, Lot, Pace, Schedule, Season, Timed, Work, months_later
from realign.phasing import schedule as planned
from realign.risk import DRIVERS, Basis, Driver, Outcome, Risk, cdf, draws, model, simulate
from realign.risk.draws import CHUNK, Chunk, chunk
from realign.risk.factors import factors, ground
from realign.risk.model import P90, _order, day, moment, ordered
from realign.risk.outcome import Drawn, convergence, rank_correlation
from realign.risk.times import dated, ended
from realign.spread import Memory, Spread, hands, here
from realign.store import Store

START = date(2027, 1, 1)
DRAWS = 20_000
QUIET: dict[str, object] = {
    "draws": 1000,
    "ground_sigma_m": 0.0,
    "quantities": {},
    "price_level": 0.0,
    "exchange": 0.0,
    "productivity": {},
    "water_months": (0.0, 0.0, 0.0),
}
PLAIN = Basis(sigma_m=4.0, price_date=START)
COSTS = {"land": 1e8, "earthworks": 4e9, "bridges": 3e9, "pavement": 1e9}
WINTER = Season(name="winter", months=(12, 1, 2), factors={"earthworks": 0.3, "pavement": 0.1})
MONSOON = Season(name="monsoon", months=(7, 8), factors={"earthworks": 0.7, "bridges": 0.45})


def pace(**changes: object) -> Pace:
    values: dict[str, object] = {
        "start": START,
        "complete_by": date(2034, 1, 1),
        "budget_pkr_per_year": 1e13,
        "new_km_per_month": 0.7,
        "upgrade_km_per_month": 1.3,
        "tunnel_m_per_month_face": 70.0,
        "mobilisation_months": 2,
        "land_months": 0.0,
        "access_months": 0.0,
        "gap": 0.5,
    }
    return Pace.model_validate(values | changes)


def risk(**changes: object) -> Risk:
    return Risk.model_validate(QUIET | changes)


def lot(name: str, at: float, **changes: object) -> Lot:
    values: dict[str, object] = {
        "name": name,
        "section": Section(at, at + 6000.0),
        "length": 6300.0,
        "earthworks": 700_000.0,
        "bridges": (130.0, 40.0),
        "costs": COSTS,
    }
    return Lot(**(values | changes))  # type: ignore[arg-type]


def work(name: str, lots: Sequence[Lot], **changes: object) -> Work:
    base = sum(sum(each.costs.values()) for each in lots)
    values: dict[str, object] = {
        "name": name,
        "section": Section(lots[0].section.start, lots[-1].section.end),
        "new_length": sum(each.length for each in lots),
        "upgrade_length": 0.0,
        "bridge_length": 0.0,
        "tunnel_length": 0.0,
        "cost": Estimate(base, base, base),
        "lots": tuple(lots),
    }
    if changes.get("deadline") is not None:
        values["waters"] = {each.opens_with or each.name: changes["deadline"] for each in lots}
    return Work(**(values | changes))  # type: ignore[arg-type]


@cache
def programme() -> tuple[Schedule, Pace]:
    """Three works of two lots that share one fleet and one train through winters and monsoons."""
    rules = pace(
        seasons=(WINTER, MONSOON),
        crews={"earthworks": 1, "pavement": 1, "bridges": 5},
        land_months=2.3,
        access_months=1.0,
    )
    works = [
        work(
            f"work {k}",
            [lot(f"lot {k}{n}", 20_000.0 * k + 7000.0 * n) for n in (1, 2)],
            deadline=date(2031 + k, 3, 11) if k < 2 else None,
        )
        for k in range(3)
    ]
    plan = planned("x", works, rules)
    assert not plan.conflict
    return plan, rules


@cache
def single() -> tuple[Schedule, Pace]:
    """One activity and nothing else, without seasons: 20 km at 1.3 km a month."""
    one = lot("one", 0.0, length=20_000.0, upgraded=True, costs={"upgrade": 5e9})
    rules = pace()
    return planned("x", [work("one", [one], deadline=date(2029, 1, 1))], rules), rules


@cache
def row(count: int = 4) -> tuple[Schedule, Pace]:
    """Several lots of earthworks side by side, with fleets for all."""
    lots = [
        lot(f"lot {k}", 10_000.0 * k, bridges=(), costs={"earthworks": 1e9 * (k + 1)})
        for k in range(count)
    ]
    rules = pace()
    return planned("x", [work("row", lots)], rules), rules


def outcome(
    of: tuple[Schedule, Pace], basis: Basis = PLAIN, workers: int | None = None, **changes: object
) -> Outcome:
    return simulate(*of, risk(**changes), basis, spread=here(None, workers))


def total(result: Outcome) -> NDArray[np.float64]:
    return result.drawn.cost.sum(axis=1)


def near(value: float, wanted: float, error: float) -> bool:
    return abs(value - wanted) <= 4 * error


def quantile_errors(s: float, draws: int = DRAWS) -> tuple[float, float]:
    """Return standard errors of the logarithms of P50 and of P10 or P90 of a lognormal."""
    return 1.2533 * s / sqrt(draws), 1.7094 * s / sqrt(draws)


def lognormal_variance(s: float) -> float:
    return (exp(s * s) - 1) * exp(s * s)


# ---------------------------------------------------------------- no spread is the plan


@pytest.mark.parametrize("make", [programme, single, row])
def test_without_spreads_every_draw_is_the_plan(make: object) -> None:
    plan, rules = make()  # type: ignore[operator]
    result = outcome((plan, rules), draws=600)
    assert result.whole.cost_pkr == result.whole.cost_pkr.__class__(*[float(plan.total_pkr)] * 4)
    for phase, drawn in zip(plan.phases, result.phases, strict=True):
        assert np.ptp([phase.cost_pkr, drawn.cost_pkr.p10, drawn.cost_pkr.p90]) == 0
        days = {drawn.opens.p10, drawn.opens.p50, drawn.opens.p90, drawn.opens.mean}
        assert days == {drawn.planned} == {phase.opens}
        dry = phase.deadline is None
        assert drawn.chance == (None if dry else float(phase.days_late == 0))
    for opened, drawn in zip(plan.openings, result.openings, strict=True):
        assert {drawn.opens.p10, drawn.opens.p90, drawn.planned} == {opened.opens}
    assert {step.p90_error for step in result.convergence_cost} == {0.0}


def test_what_opens_on_the_day_of_the_water_is_in_time_and_a_day_later_is_not() -> None:
    plan, rules = single()
    opens = plan.phases[0].opens
    for late, wanted in ((0, 1.0), (1, 0.0)):
        water = opens - timedelta(days=late)
        (phase,) = plan.phases
        phases = (replace(phase, work=replace(phase.work, deadline=water), deadline=water),)
        opened = tuple(replace(one, water=water) for one in plan.openings)
        result = outcome((replace(plan, phases=phases, openings=opened), rules), draws=100)
        assert (result.whole.chance, result.openings[0].chance) == (wanted, wanted)


# ---------------------------------------------------------------- known inputs come out


def test_a_lognormal_driver_has_the_quantiles_of_its_closed_form() -> None:
    s = 0.25
    cost = outcome(row(), draws=DRAWS, price_level=s).whole.cost_pkr
    base = row()[0].total_pkr
    middle, outer = quantile_errors(s)
    assert near(log(cost.p50 / base), 0.0, middle)
    assert near(log(cost.p10 / base), -P90 * s, outer)
    assert near(log(cost.p90 / base), P90 * s, outer)
    assert near(cost.mean / base, exp(s * s / 2), sqrt(lognormal_variance(s) / DRAWS))


def test_low_base_and_high_prices_come_out_as_p10_p50_and_p90() -> None:
    basis = replace(PLAIN, prices={"earthworks": Estimate(8.0, 10.0, 15.0)})
    cost = outcome(row(), basis, draws=DRAWS).whole.cost_pkr
    base = row()[0].total_pkr
    below, above = (quantile_errors(log(r) / P90)[1] for r in (10 / 8, 15 / 10))
    assert near(log(cost.p10 / base), log(0.8), below)
    assert near(log(cost.p50 / base), 0.0, above)
    assert near(log(cost.p90 / base), log(1.5), above)


def test_the_dollar_spreads_with_the_root_of_time_on_the_share_that_it_buys() -> None:
    plan, rules = single()
    basis = replace(PLAIN, price_date=date(2023, 6, 1))
    (timed,) = [each for each in plan.activities if each.activity.cost]
    years = ((timed.start + (timed.finish - timed.start) / 2) - basis.price_date).days / 365.25
    share, volatility = 0.4, 0.1
    result = outcome(
        (plan, rules), basis, draws=DRAWS, exchange=volatility, foreign_share=share
    ).whole.cost_pkr
    s = volatility * sqrt(years)
    dollar = (result.p90 / plan.total_pkr - 1 + share) / share
    assert near(log(dollar), P90 * s, quantile_errors(s)[1])
    assert near(result.p50 / plan.total_pkr, 1.0, share * quantile_errors(s)[0])


def test_the_dollar_of_a_late_year_is_that_of_an_early_one_and_more_steps() -> None:
    plan, rules = programme()
    of = model(plan, rules, risk(exchange=0.1, foreign_share=1.0, foreign_shares={}), PLAIN)
    walk = np.log(factors(of, "exchange", DRAWS, np.random.default_rng(3)).cost) / 0.1
    early, late = int(np.argmin(of.years)), int(np.argmax(of.years))
    a, b = of.years[early], of.years[late]
    assert a > 0
    assert np.cov(walk[:, early], walk[:, late])[0, 1] == pytest.approx(a, rel=0.06)
    assert walk[:, late].var() == pytest.approx(b, rel=0.06)


def test_productivity_moves_an_opening_by_its_own_closed_form() -> None:
    plan, rules = single()
    s = 0.2
    opens = outcome((plan, rules), draws=DRAWS, productivity={"upgrade": s}).drawn.opens[:, 0]
    (effort,) = [each.activity.effort for each in plan.activities if each.activity.cost]
    start = moment(plan.phases[0].opens, START)
    for p, z in ((0.1, -P90), (0.5, 0.0), (0.9, P90)):
        wanted = start + effort * (exp(s * z) - 1)
        error = effort * exp(s * z) * quantile_errors(s)[1]
        assert near(float(np.quantile(opens, p)), wanted, error)


def test_the_shift_of_the_water_is_triangular() -> None:
    a, c, b = -3.0, 1.0, 13.0
    shift = outcome(single(), draws=DRAWS, water_months=(a, c, b)).drawn.shift
    below = (c - a) / (b - a)
    assert near(float((shift < c).mean()), below, sqrt(below * (1 - below) / DRAWS))
    assert near(float(shift.mean()), (a + b + c) / 3, float(shift.std()) / sqrt(DRAWS))
    assert a <= shift.min() < a + 0.3
    assert b - 0.5 < shift.max() <= b
    variance = (a * a + b * b + c * c - a * b - a * c - b * c) / 18
    assert float(shift.var()) == pytest.approx(variance, rel=0.03)


@pytest.mark.slow
def test_what_lots_share_adds_and_what_each_has_alone_adds_in_squares() -> None:
    s = 0.2
    costs = np.array([float(each.activity.cost) for each in row()[0].activities])
    shared = total(outcome(row(), draws=DRAWS, price_level=s)).var()
    assert shared == pytest.approx(costs.sum() ** 2 * lognormal_variance(s), rel=0.05)
    alone = total(outcome(row(), draws=DRAWS, quantities={"earthworks": s})).var()
    assert alone == pytest.approx((costs**2).sum() * lognormal_variance(s), rel=0.05)


def test_quantities_take_time_as_they_take_money() -> None:
    drawn = outcome(single(), quantities={"upgrade": 0.2}).drawn
    (effort,) = [each.activity.effort for each in single()[0].activities if each.activity.cost]
    grown = drawn.cost[:, 0] / single()[0].total_pkr
    planned_opens = moment(single()[0].phases[0].opens, START)
    assert np.allclose(drawn.opens[:, 0], planned_opens + effort * (grown - 1))


@pytest.mark.parametrize("shared", [0.0, 0.3, 1.0])
def test_lots_share_the_part_of_productivity_that_the_study_says(shared: float) -> None:
    of = model(*row(), risk(productivity={"earthworks": 0.3}, productivity_shared=shared), PLAIN)
    slow = np.log(factors(of, "productivity", DRAWS, np.random.default_rng(1)).time)
    earth = [i for i in range(len(of.kind)) if KINDS[of.kind[i]] == "earthworks"]
    r = np.corrcoef(slow[:, earth].T)
    assert np.allclose(r[~np.eye(len(earth), dtype=bool)], shared, atol=4 / sqrt(DRAWS))
    assert np.allclose(slow[:, earth].std(axis=0), 0.3, rtol=0.03)


@pytest.mark.slow
def test_the_ground_is_one_error_over_a_long_correlation_and_many_over_none() -> None:
    sensitivity = {f"lot {k}": 0.05 for k in range(4)}
    basis = Basis(sigma_m=3.0, price_date=START, sensitivity=sensitivity)
    costs = np.array([float(each.activity.cost) for each in row()[0].activities])
    s = 0.05 * 3.0
    for length, weight in ((1e12, costs.sum() ** 2), (0.0, (costs**2).sum())):
        drawn = outcome(row(), basis, draws=DRAWS, ground_sigma_m=None, ground_correlation_m=length)
        assert total(drawn).var() == pytest.approx(weight * lognormal_variance(s), rel=0.05)


def test_days_that_no_calendar_has_are_refused() -> None:
    sensitivity = {f"lot {k}": 1.0 for k in range(4)}
    basis = Basis(sigma_m=100.0, price_date=START, sensitivity=sensitivity)
    with pytest.raises(StudyError, match=r"years after the start .* elevation\.sigma_m"):
        outcome(row(), basis, draws=200, ground_sigma_m=None)


@pytest.mark.parametrize("length", [0.0, 3000.0, 15_000.0, 1e12])
def test_errors_of_the_ground_correlate_by_the_exponential_of_distance(length: float) -> None:
    plan, rules = row()
    of = model(plan, rules, risk(ground_sigma_m=2.5, ground_correlation_m=length), PLAIN)
    order = np.array([2, 0, 3, 1])
    of = replace(of, chainage=of.chainage[order])  # lots need not stand in the order of the road
    errors = ground(of, DRAWS, np.random.default_rng(5))
    apart = np.abs(of.chainage[:, None] - of.chainage)
    wanted = np.exp(-apart / length) if length else np.eye(4)
    assert np.allclose(np.cov(errors.T) / 2.5**2, wanted, atol=0.05)


def test_ground_moves_only_lots_and_kinds_that_depend_on_it() -> None:
    plan, rules = programme()
    basis = replace(PLAIN, sensitivity={"lot 01": 0.1})
    of = model(plan, rules, risk(ground_sigma_m=3.0), basis)
    grown = factors(of, "ground", 10, np.random.default_rng(0))
    names = [each.activity.name for each in ordered(plan.activities)]
    moved = {name for name, column in zip(names, grown.cost.T, strict=True) if np.ptp(column) > 0}
    assert moved == {"lot 01: earthworks", "lot 01: bridges"}


# ---------------------------------------------------------------- dates


@st.composite
def some_programmes(draw: st.DrawFn) -> tuple[list[Timed], Pace]:
    """Programmes whose works last about as long as planned starts are apart, with few crews."""
    begin = draw(st.sampled_from([START, date(2027, 5, 1), date(2027, 10, 1)]))
    count = draw(st.integers(1, 12))
    starts = sorted(draw(st.lists(st.integers(0, 8), min_size=count, max_size=count)))
    timed = []
    for k, start in enumerate(starts):
        kind = draw(st.sampled_from(["earthworks", "earthworks", "bridges", "land"]))
        before = draw(st.sets(st.integers(0, k - 1), max_size=1)) if k else set()
        own = Activity(
            f"a{k}",
            "work",
            "lot",
            kind,  # type: ignore[arg-type]
            draw(st.integers(0, 2000)) * 0.00271828,
            0 if kind == "land" else draw(st.integers(1, 2)),
            0,
            tuple(f"a{j}" for j in sorted(before)),
        )
        timed.append(Timed(own, months_later(begin, start), months_later(begin, start + 1), 0))
    crews = {kind: draw(st.integers(2, 4)) for kind in ("earthworks", "bridges")}
    seasons = draw(st.sampled_from([(), (WINTER,), (WINTER, MONSOON)]))
    return timed, pace(crews=crews, seasons=seasons, start=begin)


@settings(max_examples=400)
@given(some_programmes())
def test_compiled_dates_are_those_tried_one_by_one(case: tuple[list[Timed], Pace]) -> None:
    timed, rules = case
    jobs = [
        (
            moment(each.start, rules.start),
            each.activity.kind,
            each.activity.crews,
            each.activity.effort,
            [int(name[1:]) for name in each.activity.follows],
        )
        for each in timed
    ]
    crews = {kind: getattr(rules.crews, kind, 99) for kind in KINDS}
    months = [(rules.start.month - 1 + month) % 12 + 1 for month in range(12)]
    rates = {kind: [rules.pace(kind, month) for month in months] for kind in KINDS}
    work = np.array([[job[3] for job in jobs]])
    ends = dated(work, _order(timed, rules, rules.start))[0]
    assert np.allclose(ends, dated_by_hand(jobs, crews, rates), rtol=0, atol=1e-9)


@given(
    st.floats(0.0, 40.0),
    st.floats(0.0, 60.0),
    st.lists(st.floats(0.05, 1.0), min_size=12, max_size=12),
)
def test_the_closed_form_of_seasons_is_going_on_month_by_month(
    start: float, work: float, rates: list[float]
) -> None:
    done = np.concatenate(([0.0], np.cumsum(rates)))
    assert ended(start, work, done) == pytest.approx(ended_by_hand(start, work, rates), abs=1e-8)


def test_two_lots_share_a_fleet_as_calculated_by_hand() -> None:
    # The first moves 3 months of earth from January at 0.3, 0.3 and then at full pace: 5.4 - 1.0.
    # The second is planned for April, waits for the fleet, and goes on through July at 0.7.
    rules = pace(crews={"earthworks": 1}, seasons=(WINTER, MONSOON))
    first = Activity("a0", "w", "l", "earthworks", 3.0, 1, 0)
    second = Activity("a1", "w", "l", "earthworks", 2.0, 1, 0)
    timed = [
        Timed(first, START, date(2027, 6, 1), 0),
        Timed(second, date(2027, 4, 1), date(2027, 7, 1), 0),
    ]
    order = _order(timed, rules, START)
    ends = dated(np.array([[3.0, 2.0], [1.0, 2.0]]), order)
    assert np.allclose(ends, [[4.4, 6.0 + 0.4 / 0.7], [2.4, 5.0]])


@given(some_programmes(), st.lists(st.floats(0.2, 1.0), min_size=12, max_size=12))
def test_faster_work_never_ends_later_where_crews_are_not_shared(
    case: tuple[list[Timed], Pace], faster: list[float]
) -> None:
    timed = [replace(each, activity=replace(each.activity, crews=0)) for each in case[0]]
    order = _order(timed, case[1], case[1].start)
    work = np.array([[each.activity.effort for each in timed]])
    slow, fast = dated(np.vstack([work, work * faster[: len(timed)]]), order)
    assert (fast <= slow + 1e-9).all()


def test_more_than_all_crews_at_once_are_never_at_work() -> None:
    plan, rules = programme()
    of = model(plan, rules, risk(), PLAIN)
    work = of.effort * np.random.default_rng(1).lognormal(0.0, 0.4, (300, len(of.effort)))
    ends = dated(work, of.order)
    earth = np.flatnonzero((of.kind == KINDS.index("earthworks")) & (of.effort > 0))
    own = np.sort(ends[:, earth], axis=1)
    rates = of.order.done[KINDS.index("earthworks")]
    for row_, each in zip(own, work[:, earth], strict=True):  # one fleet: one end after the other
        lasting = [ended(a, float(each.min()), rates) for a in row_[:-1]]
        assert (row_[1:] >= np.array(lasting) - 1e-9).all()


@given(st.integers(0, 20_000))
def test_days_and_moments_are_each_others_inverse(days: int) -> None:
    the_day = START + timedelta(days=days)
    assert day(moment(the_day, START), START) == the_day


# ---------------------------------------------------------------- where draws are made


VARIED: dict[str, object] = {
    "draws": 3 * CHUNK + 70,
    "ground_sigma_m": 3.0,
    "quantities": {"earthworks": 0.2, "bridges": 0.1},
    "price_level": 0.1,
    "exchange": 0.1,
    "productivity": {"earthworks": 0.3, "land": 0.4},
    "water_months": (-4.0, 0.0, 12.0),
}
WEIGHED = Basis(
    sigma_m=4.0,
    price_date=date(2025, 1, 1),
    prices={"bridges": Estimate(8.0, 10.0, 13.0)},
    sensitivity={"lot 01": 0.05, "lot 12": 0.1},
)


def same(a: Outcome, b: Outcome) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a.drawn, b.drawn, strict=True)) and (
        (a.whole, a.phases, a.openings, a.tornado, a.convergence_cost, a.convergence_opening)
        == (b.whole, b.phases, b.openings, b.tornado, b.convergence_cost, b.convergence_opening)
    )


def test_the_same_seed_gives_the_same_numbers_with_any_number_of_threads() -> None:
    one = outcome(programme(), WEIGHED, workers=1, **VARIED)
    assert same(one, outcome(programme(), WEIGHED, workers=3, **VARIED))
    other = outcome(programme(), WEIGHED, **VARIED, seed=2)
    assert not np.isclose(one.drawn.cost, other.drawn.cost).any()


def test_more_draws_begin_with_the_same_ones() -> None:
    few = outcome(programme(), WEIGHED, **VARIED)
    many = outcome(programme(), WEIGHED, **(VARIED | {"draws": 6 * CHUNK}))
    kept = 3 * CHUNK  # whole chunks
    assert np.array_equal(few.drawn.cost[:kept], many.drawn.cost[:kept])
    assert len(few.drawn.cost) == 3 * CHUNK + 70


def test_no_two_draws_are_the_same() -> None:
    cost = total(outcome(programme(), WEIGHED, **VARIED))
    assert len(np.unique(cost)) == len(cost)


@pytest.mark.slow
def test_processes_give_the_numbers_of_threads() -> None:
    plan, rules = programme()
    with hands("processes", 2) as two:
        far = simulate(plan, rules, risk(**VARIED), WEIGHED, spread=Spread(two, None))
    assert same(far, outcome(programme(), WEIGHED, **VARIED))


def test_draws_are_remembered_by_all_that_they_depend_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, rules = programme()
    made: list[int] = []

    def counted(asked: Chunk) -> Drawn:
        made.append(asked[1])
        return chunk(asked)

    monkeypatch.setattr(draws, "chunk", counted)
    work = replace(here(None), memory=Memory(Store(tmp_path)))
    few = VARIED | {"draws": CHUNK}

    def again(of: Schedule = plan, basis: Basis = WEIGHED, **changes: object) -> Outcome:
        found = simulate(of, rules, risk(**(few | changes)), basis, spread=work)
        assert same(found, simulate(of, rules, risk(**(few | changes)), basis))
        made.pop()  # the one that remembers nothing
        return found

    first = again()
    assert made == [0]
    assert same(again(), first)
    again(sources={"exchange": "assumption: another reason"})
    again(basis=replace(WEIGHED, sigma_m=9.0))  # the study gives that of the ground
    assert made == [0]  # found again
    others = (
        again(seed=2),
        again(exchange=0.2),
        again(basis=replace(WEIGHED, sensitivity={})),
        again(of=plan.renamed("y")),
    )
    assert made == [0] * 5
    assert not any(same(first, other) for other in others[:3])


# ---------------------------------------------------------------- what they come to


def test_a_later_water_never_lowers_a_chance() -> None:
    chances = []
    for at in np.linspace(-30.0, 30.0, 21):
        shift = (at - 2.0, at, at + 3.0)
        spread = {"draws": 300, "productivity": {"upgrade": 0.3}, "water_months": shift}
        result = outcome(single(), **spread)
        assert result.openings[0].chance == result.whole.chance
        chances.append(result.whole.chance or 0.0)
    assert chances == sorted(chances)
    assert (chances[0], chances[-1]) == (0.0, 1.0)
    assert len(set(chances)) > 5


def test_all_together_are_in_time_no_more_often_than_the_least_sure() -> None:
    result = outcome(programme(), WEIGHED, **(VARIED | {"water_months": (-30.0, -10.0, 0.0)}))
    chances = [phase.chance for phase in result.phases if phase.chance is not None]
    assert len(chances) == 2
    assert result.whole.chance is not None
    assert 0 < result.whole.chance <= min(chances)
    assert min(chances) < 1
    for phase in result.phases:
        own = [each.chance for each in result.openings if each.work == phase.name]
        if phase.chance is not None:
            assert phase.chance <= min(chance for chance in own if chance is not None)


def test_costs_of_phases_add_to_the_whole_in_every_draw_and_mean() -> None:
    result = outcome(programme(), WEIGHED, **VARIED)
    assert sum(each.cost_pkr.mean for each in result.phases) == pytest.approx(
        result.whole.cost_pkr.mean, rel=1e-12
    )
    assert sum(each.planned_pkr for each in result.phases) == result.whole.planned_pkr


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_driver_alone_in_the_tornado_is_the_study_with_that_driver_alone(driver: Driver) -> None:
    k = DRIVERS.index(driver)
    among = outcome(programme(), WEIGHED, **VARIED)
    alone = outcome(programme(), WEIGHED, **VARIED, drivers=(driver,))
    assert np.array_equal(among.drawn.cost_alone[:, k], total(alone))
    assert np.array_equal(among.drawn.shift_alone[:, k], alone.drawn.shift)
    (swing,) = [each for each in alone.tornado if each.driver == driver]
    assert swing in [
        replace(each, rank_cost=swing.rank_cost, rank_reserve=swing.rank_reserve)
        for each in among.tornado
    ]
    assert max(swing.rank_cost, swing.rank_reserve) == pytest.approx(1.0)
    for other in alone.tornado:
        if other.driver != driver:
            assert (other.cost_pkr.width, other.opens_months.width) == (0.0, 0.0)
            assert (other.rank_cost, other.rank_reserve) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("driver", "off"),
    [
        ("ground", {"ground_sigma_m": 0.0}),
        ("quantities", {"quantities": {}}),
        ("price_level", {"price_level": 0.0}),
        ("exchange", {"exchange": 0.0}),
        ("productivity", {"productivity": {}}),
        ("water", {"water_months": (0.0, 0.0, 0.0)}),
    ],
)
def test_a_driver_without_spread_has_no_swing(driver: str, off: dict[str, object]) -> None:
    for changes, still in ((VARIED, False), (VARIED | off, True)):
        result = outcome(programme(), WEIGHED, **changes)
        (swing,) = [each for each in result.tornado if each.driver == driver]
        widths = (swing.cost_pkr.width, swing.opens_months.width, swing.reserve_months.width)
        assert (max(widths) == 0.0) is still
    assert max(abs(swing.rank_cost), abs(swing.rank_reserve)) == 0.0


def test_the_tornado_looks_at_the_phase_that_the_water_asks_for_first() -> None:
    alone = outcome(programme(), WEIGHED, **VARIED, drivers=("productivity",))
    (swing,) = [each for each in alone.tornado if each.driver == "productivity"]
    waters = {each.name: each for each in alone.phases if each.deadline is not None}
    assert set(waters) == {"work 0", "work 1"}
    assert swing.opens == waters["work 0"].opens != waters["work 1"].opens
    water = moment(date(2031, 3, 11), START)
    assert swing.reserve_months.p50 == pytest.approx(water - swing.opens_months.p50)


def test_the_tornado_is_sorted() -> None:
    result = outcome(programme(), WEIGHED, **VARIED)
    widths = [each.cost_pkr.width for each in result.tornado]
    assert widths == sorted(widths, reverse=True)
    months = [each.opens_months.width for each in result.tornado_opening]
    assert months == sorted(months, reverse=True)
    assert {each.driver for each in result.tornado_opening} == set(DRIVERS)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.lists(st.floats(-1.1e6, 1.1e6), min_size=2))
def test_the_distribution_rises_from_zero_to_one(values: list[float], at: list[float]) -> None:
    own = np.array(values)
    shares = cdf(own, sorted(at))
    assert (np.diff(shares) >= 0).all()
    assert cdf(own, own.max()) == 1.0
    assert cdf(own, np.nextafter(own.min(), -np.inf)) == 0.0
    assert all(
        share == sum(v <= x for v in values) / len(values)
        for share, x in zip(shares, sorted(at), strict=True)
    )


def test_errors_of_quantiles_fall_with_the_root_of_draws_as_theory_has_them() -> None:
    steps = convergence(np.random.default_rng(4).standard_normal(10_000), np.random.default_rng(5))
    assert [step.draws for step in steps] == [100, 200, 500, 1000, 2000, 5000, 10_000]
    for step in steps:
        assert 0.6 < step.p50_error * sqrt(step.draws) / 1.2533 < 1.6
        assert 0.5 < step.p90_error * sqrt(step.draws) / 1.7094 < 1.8
        assert abs(step.p90 - P90) < 4 * 1.7094 / sqrt(step.draws)
    slope = np.polyfit(np.log([s.draws for s in steps]), np.log([s.p90_error for s in steps]), 1)[0]
    assert -0.65 < slope < -0.35


def test_convergence_ends_with_all_draws_and_their_quantiles() -> None:
    result = outcome(programme(), WEIGHED, **VARIED)
    last = result.convergence_cost[-1]
    assert (last.draws, last.p50, last.p90) == (
        VARIED["draws"],
        result.whole.cost_pkr.p50,
        result.whole.cost_pkr.p90,
    )


def test_ranks_correlate_whatever_bends_them() -> None:
    x = np.random.default_rng(1).standard_normal(50)
    assert rank_correlation(x, np.exp(3 * x)) == pytest.approx(1.0)
    assert rank_correlation(x, -(x**3)) == pytest.approx(-1.0)


# ---------------------------------------------------------------- what cannot be


def test_nothing_to_vary_is_refused() -> None:
    plan = planned("do-nothing", [], pace())
    with pytest.raises(StudyError, match="option do-nothing: found no activity"):
        simulate(plan, pace(), risk(), PLAIN)


def test_crews_that_never_suffice_are_named() -> None:
    plan, _ = programme()
    with pytest.raises(StudyError, match=r"bridges' takes 3 crews; found 1 in phasing\.crews"):
        simulate(plan, pace(crews={"bridges": 1}), risk(), PLAIN)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"water_months": (0.0, -1.0, 2.0)}, "wanted the earliest, the likeliest and the latest"),
        ({"draws": 99}, "greater than or equal to 100"),
        ({"price_level": -0.1}, "greater than or equal to 0"),
        ({"quantities": {"roof": 0.1}}, "Input should be"),
        ({"drivers": ("moon",)}, "Input should be"),
        ({"productivity_shared": 1.1}, "less than or equal to 1"),
    ],
)
def test_impossible_settings_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        risk(**changes)


def test_an_impossible_basis_is_refused() -> None:
    with pytest.raises(StudyError, match="sigma_m: found -1 m"):
        Basis(sigma_m=-1.0, price_date=START)
    with pytest.raises(StudyError, match="prices of tunnel: low is 0; wanted more than 0"):
        Basis(sigma_m=1.0, price_date=START, prices={"tunnel": Estimate(0.0, 1.0, 2.0)})


def test_every_assumed_spread_says_where_it_comes_from() -> None:
    plain = {"seed", "draws", "drivers", "ground_sigma_m", "sources"}
    assert set(Risk().sources) == set(Risk.model_fields) - plain
