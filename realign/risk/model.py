"""A schedule in arrays: costs, times, seasons, crews, and what waits for what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from math import log

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from realign.errors import StudyError
from realign.estimate import Estimate
from realign.phasing import KINDS, Kind, Pace, Schedule, Timed, months_later, whole_month
from realign.phasing.lots import ROUNDING
from realign.phasing.rules import MONTHS
from realign.risk.rules import Risk
from realign.risk.times import Order, dated

P90 = 1.2815515655446004
"""Normal deviate that one draw in ten exceeds [-]."""
PLENTY = 10**9  # crews of a kind that the study does not count
EVEN = 1e-9  # [months] by which a moment may miss the first of a month that it stands for


@dataclass(frozen=True, slots=True)
class Basis:
    """What the stages before know of how sure they are."""

    sigma_m: float
    """Standard deviation of a level of the ground [m]."""
    price_date: date
    """Day of the exchange rates at which costs are given."""
    prices: Mapping[Kind, Estimate] = field(default_factory=dict)
    """Price of a unit by kind of activity, in any unit: low is taken as P10, base as P50, high as
    P90; kinds that are not named have no spread."""
    sensitivity: Mapping[str, float] = field(default_factory=dict)
    """Part by which earthworks, bridges and tunnels of a lot grow for a metre by which the ground
    is higher, by the name of the lot [1/m]; lots that are not named do not change."""

    def __post_init__(self) -> None:
        """Refuse what has no logarithm."""
        if not 0 <= self.sigma_m < np.inf:
            msg = f"sigma_m: found {self.sigma_m:g} m; wanted 0 or more"
            raise StudyError(msg)
        for kind, price in self.prices.items():
            if not price.low > 0:
                msg = f"prices of {kind}: low is {price.low:g}; wanted more than 0"
                raise StudyError(msg)


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """A schedule in arrays; activities stand in the order of their planned starts."""

    risk: Risk
    """How far it may be off."""
    begin: date
    """First day of the plan, the first of a month."""
    kind: NDArray[np.int64]
    """Number of the kind in `KINDS`, shape (n,)."""
    lot: NDArray[np.int64]
    """Number of the lot, shape (n,)."""
    phase: NDArray[np.int64]
    """Place of the phase in the schedule, shape (n,)."""
    cost: NDArray[np.float64]
    """Cost in the plan, shape (n,) [PKR]."""
    effort: NDArray[np.float64]
    """Time without seasons in the plan, shape (n,) [months]."""
    years: NDArray[np.float64]
    """Years from the price date to the middle of an activity, not below 0, shape (n,)."""
    order: Order
    """Starts, crews, seasons and what follows what."""
    chainage: NDArray[np.float64]
    """Middle of each lot along the existing road, shape (lots,) [m]."""
    sensitivity: NDArray[np.float64]
    """Part by which a lot grows for a metre of ground, shape (lots,) [1/m]."""
    sigma: float
    """Standard deviation of the ground at a lot [m]."""
    below: NDArray[np.float64]
    """Spread of prices by kind where they are below the base, shape (kinds,)."""
    above: NDArray[np.float64]
    """Spread of prices by kind where they are above it, shape (kinds,)."""
    members: tuple[NDArray[np.int64], ...]
    """Activities that each opening waits for."""
    opening_phase: NDArray[np.int64]
    """Place of the phase of each opening, shape (openings,)."""
    planned_opens: NDArray[np.float64]
    """Day of each opening in the plan, shape (openings,) [months]."""
    planned_ends: NDArray[np.float64]
    """Moment at which the works of each opening end by the plan's own times, shape (openings,)
    [months]; it opens on the first of a month after it."""
    water: NDArray[np.float64]
    """Day on which the water takes what each phase replaces, shape (phases,) [months]; NaN where it
    never does."""

    limit: NDArray[np.float64]
    """Day on which the water takes what each opening replaces, shape (openings,) [months]; NaN
    where it never does."""

    @property
    def first(self) -> NDArray[np.int64]:
        """Openings that the water asks for first; all where it never comes."""
        if np.isnan(self.limit).all():
            return np.arange(len(self.members))
        return np.flatnonzero(self.limit == np.nanmin(self.limit))

    def opens(self, work: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Give opening days when activities take other times than planned.

        From the end of its works to its day an opening waits as long as it does in the plan.

        Parameters
        ----------
        work
            Time of each activity where no season slows it, shape (draws, n) [months].

        Returns
        -------
        opens
            Shape (draws, openings) [months from the first of the plan].
        """
        return self.planned_opens + (
            latest(dated(work - ROUNDING, self.order), self.members) - self.planned_ends
        )


def model(schedule: Schedule, pace: Pace, risk: Risk, basis: Basis) -> Model:
    """
    Put a schedule into arrays.

    Parameters
    ----------
    schedule
        The plan.
    pace
        Seasons and crews with which it was made.
    risk, basis
        How far it may be off, by the study and by the stages before.

    Raises
    ------
    StudyError
        If nothing is built, or an activity takes more crews than there are.
    """
    if not schedule.activities:
        msg = f"option {schedule.option}: found no activity; wanted a programme to vary"
        raise StudyError(msg)
    begin = whole_month(pace.start)
    timed = ordered(schedule.activities)
    places = {phase.work.name: k for k, phase in enumerate(schedule.phases)}
    lots = _lots(schedule)
    number = {name: k for k, name in enumerate(lots)}
    members = _members(schedule, timed)
    effort = np.array([each.activity.effort for each in timed])
    order = _order(timed, pace, begin)
    prices = [basis.prices.get(kind, Estimate.exact(1.0)) for kind in KINDS]
    ends = latest(dated(effort[None, :] - ROUNDING, order), members)[0]
    return Model(
        risk=risk,
        begin=begin,
        kind=order.kind,
        lot=np.array([number[each.activity.lot] for each in timed], np.int64),
        phase=np.array([places[each.activity.work] for each in timed], np.int64),
        cost=np.array([float(each.activity.cost) for each in timed]),
        effort=effort,
        years=np.array([_years(each, basis.price_date) for each in timed]),
        order=order,
        chainage=np.array(list(lots.values())),
        sensitivity=np.array([basis.sensitivity.get(name, 0.0) for name in lots]),
        sigma=basis.sigma_m if risk.ground_sigma_m is None else risk.ground_sigma_m,
        below=np.array([_log(p.base, p.low) for p in prices]),
        above=np.array([_log(p.high, p.base) for p in prices]),
        members=members,
        opening_phase=np.array([places[each.work] for each in schedule.openings], np.int64),
        planned_opens=np.array([moment(each.opens, begin) for each in schedule.openings]),
        planned_ends=ends,
        water=np.array(
            [
                min(
                    (
                        moment(one.water, begin)
                        for one in schedule.openings
                        if one.work == phase.work.name and one.water is not None
                    ),
                    default=np.nan,
                )
                for phase in schedule.phases
            ]
        ),
        limit=np.array(
            [np.nan if one.water is None else moment(one.water, begin) for one in schedule.openings]
        ),
    )


def latest(ends: NDArray[np.float64], members: Sequence[NDArray[np.int64]]) -> NDArray[np.float64]:
    """Latest end of some activities in each draw, shape (draws, groups) [months]."""
    return np.stack([ends[:, own].max(axis=1) for own in members], axis=1)


def moment(day: date, begin: date) -> float:
    """
    Months from the first day of the plan to the morning of a day; months count the same.

    Examples
    --------
    >>> moment(date(2027, 3, 16), date(2027, 1, 1))
    2.4838709677419355
    """
    first = day.replace(day=1)
    whole = (first.year - begin.year) * MONTHS + first.month - begin.month
    return whole + (day - first).days / (months_later(first, 1) - first).days


def day(at: float, begin: date) -> date:
    """
    Day in which a moment lies, the other way round.

    Examples
    --------
    >>> day(2.4838709677419355, date(2027, 1, 1))
    datetime.date(2027, 3, 16)
    """
    whole = int(np.floor(at + EVEN))
    first = months_later(begin, whole)
    days = (months_later(first, 1) - first).days
    return first + timedelta(days=int(np.floor((max(at - whole, 0.0) + EVEN) * days)))


def ordered(activities: Sequence[Timed]) -> tuple[Timed, ...]:
    """Sort activities by their planned starts, and by what follows what on the same day."""
    graph = nx.DiGraph()
    named = {each.activity.name: each for each in activities}
    graph.add_nodes_from(named)
    for name, each in named.items():
        graph.add_edges_from((before, name) for before in each.activity.follows)
    rank = {name: (each.start, k) for k, (name, each) in enumerate(named.items())}
    return tuple(
        named[name] for name in nx.lexicographical_topological_sort(graph, rank.__getitem__)
    )


def _log(greater: float, less: float) -> float:
    """Spread of a lognormal of which nine draws in ten keep to one side of a factor."""
    return log(greater / less) / P90


def _order(timed: Sequence[Timed], pace: Pace, begin: date) -> Order:
    """Put starts, crews, seasons and what follows what into arrays."""
    place = {each.activity.name: i for i, each in enumerate(timed)}
    kinds = [each.activity.kind for each in timed]
    crews = {kind: int(getattr(pace.crews, kind, PLENTY)) for kind in KINDS}
    needs = dict.fromkeys(KINDS, 0)
    for each in timed:
        own = each.activity
        needs[own.kind] += own.crews
        if own.crews > crews[own.kind]:
            msg = f"'{own.name}' takes {own.crews} crews; found {crews[own.kind]} in phasing.crews"
            raise StudyError(msg)
    scarce = {kind for kind in KINDS if needs[kind] > crews[kind]}
    before = [[place[name] for name in each.activity.follows] for each in timed]
    rivals = [
        [j for j in range(i) if kinds[j] == kind and timed[j].activity.crews]
        if kind in scarce and timed[i].activity.crews
        else []
        for i, kind in enumerate(kinds)
    ]
    rates = np.array(
        [
            [pace.pace(kind, (begin.month - 1 + m) % MONTHS + 1) for m in range(MONTHS)]
            for kind in KINDS
        ]
    )
    return Order(
        np.array([moment(each.start, begin) for each in timed]),
        np.array([KINDS.index(kind) for kind in kinds], np.int64),
        np.array([each.activity.crews for each in timed], np.int64),
        np.array([crews[kind] for kind in KINDS], np.int64),
        np.concatenate((np.zeros((len(KINDS), 1)), np.cumsum(rates, axis=1)), axis=1),
        *_flat(before),
        *_flat(rivals),
    )


def _flat(rows: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows one after the other, and where each begins."""
    flat = [value for row in rows for value in row]
    at = np.concatenate(([0], np.cumsum([len(row) for row in rows])))
    return np.array(flat, np.int64), at.astype(np.int64)


def _lots(schedule: Schedule) -> dict[str, float]:
    """Middle of every lot [m]; a work without any is one."""
    out: dict[str, float] = {}
    for phase in schedule.phases:
        for lot in phase.work.lots:
            out[lot.name] = lot.section.middle
        if not phase.work.lots:
            out[phase.work.name] = phase.work.section.middle
    return out


def _members(schedule: Schedule, timed: Sequence[Timed]) -> tuple[NDArray[np.int64], ...]:
    """Find the activities of every opening: all of its lots, or all of a work without any."""
    out = []
    for each in schedule.openings:
        lots = {lot.name for lot in each.lots} or {each.work}
        own = [
            i
            for i, one in enumerate(timed)
            if one.activity.work == each.work and one.activity.lot in lots
        ]
        out.append(np.array(own, np.int64))
    return tuple(out)


def _years(timed: Timed, price_date: date) -> float:
    """Years from the price date to the middle of an activity, not below 0."""
    middle = timed.start + (timed.finish - timed.start) / 2
    return max((middle - price_date).days / 365.25, 0.0)
