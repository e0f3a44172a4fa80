"""
The programme as a problem of constraints: when each activity begins, by months.

For every activity there is a row of truth values, one a month: whether it has begun by then. With
them precedence is implication, and money, crews and the objective are linear, so that the bounds of
the solver are sharp (the start variables of Pritsker, Watters and Wolfe 1969, not checked).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from math import ceil, floor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ortools.sat.python import cp_model

from realign.errors import StudyError
from realign.phasing.lots import ROUNDING, Activity, Opening
from realign.phasing.rules import KINDS, MONTHS, Kind, Pace

UNIT = 10_000
"""Rupees in a unit of the solver [PKR]."""
CLOSE = 10_000_000
"""Rupees by which the money that is said to help may be more than the least [PKR]."""
DAYS = 365.25 / MONTHS
"""Days of a mean month [d]."""
SEED = 1
WORKERS = 1
"""Threads of the solver: one, so that the same problem has the same answer on every machine, unless
`phasing.seconds` end the search before the gap is reached: then a slower one may have less."""
TAKES: Mapping[Kind, str] = {
    "earthworks": "earthworks",
    "bridges": "bridges",
    "tunnel": "tunnel",
    "pavement": "pavement",
    "upgrade": "upgrade",
}
"""Which crews each kind of activity takes."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """Activities and openings by months from the first of the plan."""

    activities: tuple[Activity, ...]
    """What is done."""
    openings: tuple[Opening, ...]
    """What opens."""
    begin: date
    """First day of the plan, the first of a month."""
    horizon: int
    """Months of the plan."""
    pace: Pace
    """Rates, money, crews."""
    earliest: NDArray[np.int64]
    """First month in which each activity may begin, shape (n,)."""
    latest: NDArray[np.int64]
    """Last month in which each may begin so that openings keep their days, shape (n,); before
    `earliest` where none does."""
    finish: tuple[NDArray[np.int64], ...]
    """Month after the last of each activity, by that in which it begins, shape (horizon + 1,)."""
    by: NDArray[np.int64]
    """Last month on the first day of which each opening is in time, shape (openings,); below 0
    where its day is before the plan."""
    not_before: Mapping[str, int]
    """Month before which nothing of a work begins, by the name of the work."""

    def year(self, month: int) -> int:
        """Calendar year of a month of the plan."""
        return self.begin.year + (self.begin.month - 1 + month) // MONTHS

    def months_of(self, year: int) -> range:
        """Months of the plan in a calendar year."""
        first = (year - self.begin.year) * MONTHS - (self.begin.month - 1)
        return range(max(first, 0), min(first + MONTHS, self.horizon))

    def day(self, month: int) -> date:
        """First day of a month of the plan."""
        year, rest = divmod(self.begin.year * MONTHS + self.begin.month - 1 + month, MONTHS)
        return date(year, rest + 1, 1)


@dataclass(frozen=True, slots=True)
class Solution:
    """Months in which activities begin."""

    starts: tuple[int, ...]
    """Month in which each activity begins."""
    opens: tuple[int, ...]
    """Month on the first day of which each opening takes place."""
    cost: float
    """Objective: present value of what is paid and lost, less what users save [PKR]."""
    bound: float
    """Value below which no programme can be [PKR]."""
    over: Mapping[str, int] = field(default_factory=dict)
    """Months, crews, or units of money of a calendar year by which limits were relaxed, by name;
    none where all hold."""

    @property
    def gap(self) -> float:
        """Share by which the objective may exceed the least one [-]."""
        return (self.cost - self.bound) / max(abs(self.cost), 1.0)


def spent(cost: int, first: int, end: int, at: range) -> int:
    """Rupees of an activity in some months, spent evenly from month to month, exact in the sum."""
    run = end - first
    a, b = (min(max(month, first), end) - first for month in (at.start, at.stop))
    return cost * b // run - cost * a // run


def finishes(kind: Kind, effort: float, pace: Pace, begin: date, horizon: int) -> NDArray[np.int64]:
    """
    Month after the last of an activity, by the month in which it begins.

    Every month it advances by the share at which its kind goes in that month of the year. It
    takes one at least, so that what only costs money has a month in which that is paid. What is
    not done by the horizon ends one month after it.
    """
    rate = np.array(
        [pace.pace(kind, (begin.month - 1 + month) % MONTHS + 1) for month in range(horizon)]
    )
    done = np.concatenate(([0.0], np.cumsum(rate)))
    ends = np.searchsorted(done, done + effort - ROUNDING, side="left")
    return np.clip(ends, np.arange(horizon + 1) + 1, horizon + 1).astype(np.int64)


def problem(
    activities: Sequence[Activity],
    openings: Sequence[Opening],
    pace: Pace,
    *,
    begin: date,
    horizon: int,
    not_before: Mapping[str, int] | None = None,
) -> Problem:
    """
    Put a problem together, with the months between which each activity may begin.

    Parameters
    ----------
    activities, openings
        What is done, in an order in which each follows only earlier ones, and what opens.
    pace
        Rates, money, crews.
    begin
        First day of the plan, the first of a month.
    horizon
        Months of the plan.
    not_before
        Month before which an activity may not begin, by the name of its work.
    """
    place = {each.name: i for i, each in enumerate(activities)}
    finish = tuple(finishes(each.kind, each.effort, pace, begin, horizon) for each in activities)
    earliest = np.zeros(len(activities), np.int64)
    for i, each in enumerate(activities):
        ready = [int(finish[place[name]][earliest[place[name]]]) for name in each.follows]
        earliest[i] = min(max([(not_before or {}).get(each.work, 0), *ready]), horizon)
    by = np.array([_by(each, begin, horizon) for each in openings], np.int64)
    ends = np.full(len(activities), horizon, np.int64)
    for opening, month in zip(openings, by, strict=True):
        for name in opening.follows:
            ends[place[name]] = min(ends[place[name]], month)
    latest = np.zeros(len(activities), np.int64)
    for i in range(len(activities) - 1, -1, -1):
        fits = np.flatnonzero(finish[i] <= ends[i])
        latest[i] = int(fits[-1]) if fits.size else -1
        for name in activities[i].follows:
            ends[place[name]] = min(ends[place[name]], latest[i])
    return Problem(
        tuple(activities),
        tuple(openings),
        begin,
        horizon,
        pace,
        earliest,
        latest,
        finish,
        by,
        dict(not_before or {}),
    )


def _by(opening: Opening, begin: date, horizon: int) -> int:
    """Last month on the first day of which an opening is in time."""
    if opening.by is None:
        return horizon
    months = (opening.by.year - begin.year) * MONTHS + opening.by.month - begin.month
    return min(months, horizon)


@dataclass(slots=True, eq=False)
class _Model:
    """The problem in the terms of the solver."""

    of: Problem
    relaxed: frozenset[str]
    """Kinds of limits that may be broken: "days", "money", "crews"."""
    dearest: int = 0
    """Rupees that the money of some year has to reach where money is relaxed [PKR]."""
    model: cp_model.CpModel = field(default_factory=cp_model.CpModel)
    begun: list[list[Any]] = field(default_factory=list)
    """Whether each activity has begun by a month, by activity and month."""
    open_by: list[list[Any]] = field(default_factory=list)
    over: dict[str, cp_model.IntVar] = field(default_factory=dict)

    def build(self) -> None:
        """Write all rules down."""
        one, none = self.model.new_constant(1), self.model.new_constant(0)
        last = self.of.horizon
        free = "days" in self.relaxed
        for i in range(len(self.of.activities)):
            low = int(self.of.earliest[i])
            high = last if free else int(self.of.latest[i])
            row: list[Any] = []
            for month in range(last + 1):
                if month < low:
                    row.append(none)
                elif month >= high:
                    row.append(one)
                else:
                    row.append(self.model.new_bool_var(f"{i} by {month}"))
            for a, b in pairwise(row[low:]):
                self.model.add_implication(a, b)
            self.begun.append(row)
        self._precedence(none)
        self._opened(one, none)
        self._money()
        self._crews()

    def _done(self, i: int, month: int, none: Any) -> Any:
        """Whether an activity is finished by the first day of a month."""
        begins = int(np.searchsorted(self.of.finish[i], month, side="right")) - 1
        return self.begun[i][begins] if begins >= 0 else none

    def _precedence(self, none: Any) -> None:
        place = {each.name: i for i, each in enumerate(self.of.activities)}
        for i, each in enumerate(self.of.activities):
            for name in each.follows:
                for month in range(int(self.of.earliest[i]), self.of.horizon + 1):
                    done = self._done(place[name], month, none)
                    self.model.add_implication(self.begun[i][month], done)

    def _opened(self, one: Any, none: Any) -> None:
        place = {each.name: i for i, each in enumerate(self.of.activities)}
        for k, each in enumerate(self.of.openings):
            by = int(self.of.by[k])
            row: list[Any] = []
            for month in range(self.of.horizon + 1):
                past = month >= by and "days" not in self.relaxed
                lit = one if past or month == self.of.horizon else None
                row.append(self.model.new_bool_var(f"open {k} by {month}") if lit is None else lit)
                for name in each.follows:
                    self.model.add_implication(row[-1], self._done(place[name], month, none))
            for a, b in pairwise(row):
                self.model.add_implication(a, b)
            self.open_by.append(row)
            if "days" in self.relaxed and by < self.of.horizon:
                late = self.model.new_int_var(0, self.of.horizon - by, f"late {k}")
                months = sum(1 - row[m] for m in range(max(by, 0), self.of.horizon))
                self.model.add(late == months - min(by, 0))
                self.over[f"days of {each.name}"] = late

    def _begins(self, i: int) -> list[tuple[int, Any]]:
        """Months in which an activity may begin, each with whether it does."""
        row = self.begun[i]
        low = int(self.of.earliest[i])
        return [
            (month, row[month] - (row[month - 1] if month > low else 0))
            for month in range(low, self.of.horizon + 1)
        ]

    def _money(self) -> None:
        years = sorted({self.of.year(month) for month in range(self.of.horizon)})
        rich = []
        for year in years:
            months = self.of.months_of(year)
            parts = []
            for i, each in enumerate(self.of.activities):
                for month, begins in self._begins(i):
                    end = int(self.of.finish[i][month])
                    if each.cost and month < months.stop and end > months.start:
                        units = ceil(spent(each.cost, month, end, months) / UNIT)
                        parts.append(units * begins)
            limit = floor(self.of.pace.budget(year) * len(months) / MONTHS / UNIT)
            if "money" in self.relaxed:
                most = MONTHS * sum(ceil(each.cost / UNIT) + 1 for each in self.of.activities)
                more = self.model.new_int_var(0, most, f"money {year}")
                self.over[f"money of {year}"] = more
                # a part of a year has the same part of what the year gets
                self.model.add(MONTHS * sum(parts) <= MONTHS * limit + len(months) * more)
                rich.append(self.model.new_bool_var(f"rich {year}"))
                lacks = ceil(self.dearest / UNIT) - floor(self.of.pace.budget(year) / UNIT)
                self.model.add(more >= lacks).only_enforce_if(rich[-1])
            elif parts:
                self.model.add(sum(parts) <= limit)
        if self.dearest and rich:
            self.model.add_bool_or(rich)

    def _crews(self) -> None:
        crews = self.of.pace.crews
        for kind in KINDS:
            if kind not in TAKES:
                continue
            own = [
                i for i, each in enumerate(self.of.activities) if each.kind == kind and each.crews
            ]
            most = getattr(crews, TAKES[kind])
            needed = sum(self.of.activities[i].crews for i in own)
            if needed <= most:
                continue
            more: cp_model.IntVar | int = 0
            if "crews" in self.relaxed:
                more = self.model.new_int_var(0, needed, f"crews {kind}")
                self.over[f"crews for {kind}"] = more
            for month in range(self.of.horizon):
                at_work = []
                for i in own:
                    ended = int(np.searchsorted(self.of.finish[i], month, side="right")) - 1
                    gone = self.begun[i][ended] if ended >= 0 else 0
                    at_work.append(self.of.activities[i].crews * (self.begun[i][month] - gone))
                self.model.add(sum(at_work) <= most + more)

    def costs(self) -> Any:
        """Objective in units: costs where activities begin, less what openings save."""
        of, terms = self.of, []
        for i in range(len(of.activities)):
            for month, begins in self._begins(i):
                terms.append(round(whole_cost(of, i, month) / UNIT) * begins)
        for k, opening in enumerate(of.openings):
            if opening.saves > 0:
                units = np.round(savings(of, k) / UNIT).astype(int).tolist()
                # rounded from each month on, not month by month: small sums do not add up to errors
                for month in range(of.horizon):
                    saved = units[month] - units[month + 1]
                    terms.append(-saved * self.open_by[k][month])
        return sum(terms)


def discounted(of: Problem, month: int) -> float:
    """Present value of one unit in the middle of a month, at the start of the plan [-]."""
    return float((1 + of.pace.discount_pct / 100) ** -((month + 0.5) / MONTHS))


def activity_cost(of: Problem, i: int, month: int) -> float:
    """Present value of an activity that begins in a month [PKR]."""
    end = int(of.finish[i][month])
    run = of.activities[i].cost / (end - month)
    return run * sum(discounted(of, m) for m in range(month, end))


def whole_cost(of: Problem, i: int, month: int) -> float:
    """Present value of an activity that begins in a month, with what users lose by it [PKR]."""
    lost = of.activities[i].delays * DAYS
    end = int(of.finish[i][month])
    return activity_cost(of, i, month) + lost * sum(discounted(of, m) for m in range(month, end))


def savings(of: Problem, k: int) -> NDArray[np.float64]:
    """Present value of what users save, by the month of an opening, shape (horizon + 1,) [PKR]."""
    each = [of.openings[k].saves * DAYS * discounted(of, month) for month in range(of.horizon)]
    return np.concatenate((np.cumsum(each[::-1])[::-1], [0.0]))


def objective(of: Problem, starts: Sequence[int], opens: Sequence[int]) -> float:
    """
    Present value of a programme: its costs, less what users save from openings on [PKR].

    Parameters
    ----------
    of
        The problem.
    starts, opens
        Months in which activities begin, and on the first day of which lots open.
    """
    paid = sum(whole_cost(of, i, month) for i, month in enumerate(starts))
    saved = sum(float(savings(of, k)[month]) for k, month in enumerate(opens))
    return paid - saved


def solved(
    of: Problem, *, relaxed: frozenset[str] = frozenset(), dearest: int = 0
) -> Solution | None:
    """
    Find the programme of the least present cost, within the gap of the study.

    Parameters
    ----------
    of
        The problem.
    relaxed
        Kinds of limits that may be broken ("days", "money", "crews"): then as little as possible
        is, whatever the programme costs.
    dearest
        Rupees that the money of some year reaches at least where money is relaxed [PKR].

    Returns
    -------
    solution
        None where no programme keeps all limits that are not relaxed.

    Raises
    ------
    StudyError
        If no programme was found in the time of the study, and that there is none was not proved.
    """
    if "days" not in relaxed and bool((of.latest < of.earliest).any()):
        return None
    own = _Model(of, relaxed, dearest)
    own.build()
    solver = cp_model.CpSolver()
    solver.parameters.max_time_in_seconds = of.pace.seconds
    solver.parameters.num_workers = WORKERS
    solver.parameters.random_seed = SEED
    solver.parameters.linearization_level = 2  # the linear program is all but whole by itself
    solver.parameters.relative_gap_limit = of.pace.gap
    if relaxed:
        solver.parameters.relative_gap_limit = 0.0
        if relaxed == {"money"}:
            solver.parameters.absolute_gap_limit = CLOSE / UNIT
        own.model.minimize(sum(own.over.values()))
    else:
        own.model.minimize(own.costs())
    status = solver.solve(own.model)
    if status == cp_model.INFEASIBLE:
        return None
    if status not in (cp_model.OPTIMAL, cp_model.FEASIBLE):
        msg = (
            f"no programme was found in {of.pace.seconds:g} s, and none was proved impossible; "
            "wanted more phasing.seconds"
        )
        raise StudyError(msg)
    starts = tuple(
        next(m for m in range(of.horizon + 1) if solver.boolean_value(row[m])) for row in own.begun
    )
    place = {each.name: i for i, each in enumerate(of.activities)}
    opens = tuple(
        max((int(of.finish[place[n]][starts[place[n]]]) for n in each.follows), default=0)
        for each in of.openings
    )
    cost = objective(of, starts, opens)
    bound = cost if relaxed else min(cost, solver.best_objective_bound * UNIT - _rounding(of))
    over = {name: solver.value(var) for name, var in own.over.items() if solver.value(var)}
    return Solution(starts, opens, cost, bound, over)


def _rounding(of: Problem) -> float:
    """Rupees by which the objective may lie below its value in whole units [PKR]."""
    paid = sum(UNIT / 2 if each.delays else min(each.cost, UNIT / 2) for each in of.activities)
    return paid + UNIT / 2 * sum(each.saves > 0 for each in of.openings)
