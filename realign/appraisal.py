"""The money of a programme: who pays, what the economy gains, and other conditions beside it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray

from realign import finance, phasing
from realign.errors import RealignError, StudyError
from realign.finance import Appraisal, Financing, Stream
from realign.hazard import MONTH_DAYS
from realign.options import Option
from realign.phasing import Alternative, Asked, Pace, Schedule, Work
from realign.programme import Programme, financings
from realign.risk import Basis, Outcome, simulate
from realign.spread import Spread, sound
from realign.works import World, gained_hours, inside, sensitivity, unit_prices, works_of
from realign.yearround import YearRound

KM = 1000.0  # [m]


@dataclass(frozen=True, slots=True, eq=False)
class Funds:
    """A programme paid in every case of the study, and what the economy gains by it."""

    financings: tuple[Financing, ...]
    """The cases, in the order of the study; none where a loan ends before it is drawn."""
    problem: str
    """Why there are none; empty where there are."""
    stream: Stream
    """Costs and benefits by year."""
    economy: Appraisal
    """Present values, rate of return, payback."""


@dataclass(frozen=True, slots=True, eq=False)
class Variation:
    """The works of an option under other conditions."""

    alternative: Alternative
    """The conditions."""
    schedule: Schedule | None
    """What is built when; None where nothing can be."""
    problem: str
    """Why not; empty where it can."""


def funds(world: World, each: Programme, year: YearRound) -> Funds:
    """
    Pay for a programme, and judge what the economy gains.

    Parameters
    ----------
    world
        What works are made from.
    each
        The programme with its schedule.
    year
        How surely its road is open when all of it stands.
    """
    study = world.given.study
    paid: tuple[Financing, ...] = ()
    problem = ""
    try:
        paid = financings(each, study, world.prices)
    except StudyError as error:
        problem = str(error)
    flow = _stream(world, each, year)
    return Funds(paid, problem, flow, finance.appraised(flow, study.finance.economy))


def _stream(world: World, each: Programme, year: YearRound) -> Stream:
    """
    Costs and benefits by year, against doing nothing, at constant prices.

    Until the first water takes road of the programme, users save by each opening what its work
    says. From then on doing nothing leaves no road: on each day on which the new road is open a
    vehicle gains the hours that it would lose on a closed day, and those by which it is faster on
    what has opened by then than it was on the old road, or slower. On days on which a late opening
    cuts the road nobody gains anything.
    """
    study, plan = world.given.study, each.schedule
    economy, traffic = study.finance.economy, study.traffic
    first = study.phasing.start.year
    ends = [phase.opens.year for phase in (*plan.phases, *plan.outside)]
    years = np.arange(first, max([first, *ends]) + economy.years + 1)
    spent = dict(plan.spending)
    works = {phase.work.name: phase.work for phase in plan.phases}
    # what others build stands in both cases, so only the water on the programme's own road counts
    water = min((one.water for one in plan.openings if one.water is not None), default=date.max)
    shut = year.highway.closed_days_a_year / MONTH_DAYS.sum()
    hour = traffic.vehicles_per_day * traffic.hour_usd * study.money.exchange("PKR") * (1 - shut)
    saved = hour * traffic.closed_h * _joined(years, water, date.max, plan.cuts)
    for one in plan.openings:
        before = works[one.work].saves.get(one.name, 0.0)
        saved += before * _joined(years, one.opens, water, plan.cuts)
        since = max(water, one.opens)
        saved += hour * gained_hours(world, one) * _joined(years, since, date.max, plan.cuts)
    grown = finance.grown(
        1.0, of=first, years=years.tolist(), growth_pct=economy.traffic_growth_pct
    )
    option = each.option
    more = option.length - world.given.highway.length
    rate = world.prices["maintenance"].price.base * study.money.exchange("PKR")
    done = max([one.opens for one in plan.openings], default=date.max)
    upkeep = more / KM * rate * _days(years, done, date.max) / MONTH_DAYS.sum()
    building = np.array([float(spent.get(int(y), 0)) for y in years])
    return finance.stream(first, building, upkeep, saved * grown, economy)


def _days(years: NDArray[np.int64], first: date, until: date) -> NDArray[np.float64]:
    """Days of each year from a day on, up to the day before another."""
    out = []
    for year in years.tolist():
        begin, end = date(year, 1, 1), date(year + 1, 1, 1)
        out.append(float(max((min(end, until) - max(begin, first)).days, 0)))
    return np.array(out)


def _joined(
    years: NDArray[np.int64], first: date, until: date, cuts: Iterable[tuple[date, date, str]]
) -> NDArray[np.float64]:
    """Days of each year from a day on, up to the day before another, on which nothing is cut."""
    out, joined = _days(years, first, until), first
    for begin, after, _ in sorted(cuts):
        out -= _days(years, max(begin, joined), min(after, until))
        joined = max(joined, after)
    return out


def uncertain(world: World, each: Programme, *, spread: Spread[Any]) -> Outcome:
    """
    Say how sure cost and dates of a programme are.

    Parameters
    ----------
    world
        What works are made from.
    each
        The programme with its schedule.
    spread
        Who makes the draws, see `risk.simulate`.
    """
    study = world.given.study
    works = [phase.work for phase in each.schedule.phases]
    lots: dict[str, float] = {}
    for link in each.option.links:
        lots |= sensitivity(world, link)
    basis = Basis(
        sigma_m=world.given.terrain.sigma,
        price_date=world.prices.price_date,
        prices=unit_prices(world, works, [k for k in each.option.links if inside(world.given, k)]),
        sensitivity=lots,
    )
    return simulate(each.schedule, study.phasing, study.risk, basis, spread=spread)


def variations(
    world: World, option: Option, asked: Sequence[Alternative], *, spread: Spread[Any]
) -> tuple[Variation, ...]:
    """
    Date the works of an option under other budgets, starts and days of the water.

    Parameters
    ----------
    world
        What works are made from.
    option
        What is built.
    asked
        The conditions.
    spread
        Who dates the works.
    """
    works = works_of(world, option.links, option.upgraded)
    pace = world.given.study.phasing
    plans = phasing.schedules([_varied(pace, option.name, works, each) for each in asked], spread)
    sound([each for each in plans if not isinstance(each, StudyError)])
    return tuple(
        Variation(each, None, str(plan))
        if isinstance(plan, RealignError)
        else Variation(each, plan, "")
        for each, plan in zip(asked, plans, strict=True)
    )


def _varied(pace: Pace, name: str, works: Sequence[Work], asked: Alternative) -> Asked:
    """Ask for works under one set of conditions."""
    changed = {
        key: value
        for key in ("budget_pkr_per_year", "start")
        if (value := getattr(asked, key)) is not None
    }
    if "budget_pkr_per_year" in changed:
        changed["budgets"] = {}
    moved = tuple(work.postponed(asked.water_months) for work in works)
    return Asked(name, moved, pace.model_copy(update=changed))
