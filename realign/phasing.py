"""
What is built when: before the water comes and within the budget of every year.

The schedule counts in whole months. Every month a twelfth of the yearly budget comes free, what is
not spent stays within its calendar year, and the works take it in the order of their deadlines. A
work takes no more in a month than its cost divided by its duration, opens on the first day after
its last month, and is never open before all of it is paid. Money is whole rupees throughout, so the
sums are exact.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import groupby
from math import ceil, floor
from typing import Literal

from pydantic import field_validator, model_validator

from realign.chainage import Section
from realign.cost import present_share
from realign.errors import GeometryError, StudyError
from realign.estimate import Estimate
from realign.settings import Settings

HORIZON_YEARS = 100  # a plan that takes longer than this is no plan
MONTHS = 12
METRES = 1000.0  # in a kilometre
FACES = 2  # a tunnel is driven from both portals
_NOT_YET = -1  # in place of the number of a month
_ROUNDING = 1e-9  # [months] 6 km at 0.6 km a month are ten months, not eleven


class Task(Settings):
    """A piece of the programme: a stretch of the highway that is built anew or upgraded."""

    name: str
    """Name of the work, as the tables show it."""
    start: str
    """Place where the work begins."""
    end: str
    """Place where the work ends."""
    work: Literal["new", "upgrade"]
    """New road where the old one is lost, or an upgrade of the road that stands."""
    builder: str = "programme"
    """Who builds it."""
    in_programme: bool = True
    """Whether the programme builds and pays it; otherwise others do, and `opens` says when."""
    opens: date | None = None
    """First day of traffic of a work that others build; the schedule dates the programme's own."""

    @model_validator(mode="after")
    def _possible(self) -> "Task":
        if self.start == self.end:
            msg = f"start and end are both '{self.start}'; a work needs two places"
            raise ValueError(msg)
        if self.in_programme and self.opens is not None:
            msg = "opens is given for a work of the programme; its date comes out of the schedule"
            raise ValueError(msg)
        if not self.in_programme and self.opens is None:
            msg = "opens is missing; a work outside the programme needs the day on which it opens"
            raise ValueError(msg)
        return self


class Pace(Settings):
    """How fast the works go, and how much money there is for them."""

    start: date
    """Earliest day of work; the first whole month from here on is the first of the plan."""
    budget_pkr_per_year: float
    """Money for a calendar year [PKR]; a twelfth comes free every month."""
    new_km_per_month: float
    """New road that one work completes in a month [km]."""
    upgrade_km_per_month: float
    """Existing road that one work upgrades in a month [km]."""
    tunnel_m_per_month_face: float
    """Advance of one tunnel face in a month [m]; tunnels are driven from both portals."""
    mobilisation_months: float
    """Time before a work advances at all [months]."""

    @field_validator("budget_pkr_per_year")
    @classmethod
    def _payable(cls, value: float) -> float:
        if not value >= 1:
            msg = f"no work could ever be paid from {value:g} rupees a year; give at least 1"
            raise ValueError(msg)
        return value

    @field_validator("new_km_per_month", "upgrade_km_per_month", "tunnel_m_per_month_face")
    @classmethod
    def _moving(cls, value: float) -> float:
        if not value > 0:
            msg = f"no work would ever end at a rate of {value:g}; give a rate above 0"
            raise ValueError(msg)
        return value

    @field_validator("mobilisation_months")
    @classmethod
    def _forward(cls, value: float) -> float:
        if not value >= 0:
            msg = f"a mobilisation of {value:g} months cannot be; give 0 or more"
            raise ValueError(msg)
        return value


@dataclass(frozen=True, slots=True)
class Work:
    """A work as the scheduler sees it: how long, how dear, and by when."""

    name: str
    """Name of the work; no two works of a schedule share one."""
    section: Section
    """Chainage of the existing road that the work replaces or upgrades [m]."""
    new_length: float
    """New road, bridges and tunnels included [m]; 0 for an upgrade."""
    upgrade_length: float
    """Existing road that is upgraded [m]."""
    bridge_length: float
    """Bridges within the new road [m]."""
    tunnel_length: float
    """Tunnels within the new road [m]."""
    longest_tunnel: float
    """The longest single tunnel [m]; it is one long activity."""
    cost: Estimate
    """Cost, all in [PKR]."""
    deadline: date | None = None
    """Day on which the water takes the road this work replaces; None where it never does."""
    in_programme: bool = True
    """Whether the programme builds and pays it."""
    builder: str = "programme"
    """Who builds it."""
    opens: date | None = None
    """First day of traffic, for a work outside the programme."""
    links: tuple[str, ...] = ()
    """Names of the new roads that it builds."""
    upgrade: Mapping[str, float] = field(default_factory=dict)
    """Quantities that upgrading takes, by item of the rates."""

    def __post_init__(self) -> None:
        """Refuse lengths and costs below zero, and others' work without a date."""
        lengths = {
            "new_length": self.new_length,
            "upgrade_length": self.upgrade_length,
            "bridge_length": self.bridge_length,
            "tunnel_length": self.tunnel_length,
            "longest_tunnel": self.longest_tunnel,
        }
        for name, value in lengths.items():
            if not value >= 0:
                msg = f"work '{self.name}': {name} is {value:g} m; wanted 0 or more"
                raise GeometryError(msg)
        if not self.cost.low >= 0:
            msg = f"work '{self.name}': the cost is {self.cost.low:g} rupees; wanted 0 or more"
            raise StudyError(msg)
        if not self.in_programme and self.opens is None:
            msg = f"work '{self.name}' is outside the programme and has no opening date"
            raise StudyError(msg)

    @property
    def keeps_road(self) -> bool:
        """Whether traffic goes on during the work: it does where nothing is built anew."""
        return self.new_length == 0


@dataclass(frozen=True, slots=True)
class Phase:
    """A work with its dates and its money."""

    number: int
    """Place in the order of priority, from 1; works outside the programme have their own order."""
    work: Work
    """What is built."""
    start: date | None
    """First day of work; None for a work outside the programme."""
    opens: date
    """First day of traffic."""
    deadline: date | None
    """Day on which the water takes the old road; None where it never does."""
    days_late: int
    """Days from the deadline to the opening; 0 in time."""
    spending: tuple[tuple[int, int], ...]
    """Calendar year and the rupees spent in it [PKR], years with money only; adds to `cost_pkr`."""
    cost_pkr: int
    """Base cost [PKR]; 0 for a work outside the programme."""
    low_pkr: int
    """Low cost [PKR]."""
    high_pkr: int
    """High cost [PKR]."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What is built when, for one option."""

    option: str
    """Name of the option."""
    phases: tuple[Phase, ...]
    """Works of the programme in order of priority."""
    outside: tuple[Phase, ...]
    """Works that others build, without money, in the same order of priority."""
    total_pkr: int
    """All the money of the programme [PKR]."""
    spending: tuple[tuple[int, int], ...]
    """Calendar year and the rupees spent in it [PKR]; adds to `total_pkr`."""
    cut_days: int
    """Days on which at least one new road is not open although the water has taken the old one."""
    cuts: tuple[tuple[date, date, str], ...]
    """First day without a road, first day with one again, and the work that is late."""


@dataclass(slots=True)
class _Site:
    """A work of the programme while the months go by."""

    work: Work
    months: int
    cost: int
    paid: int = 0
    first: int = _NOT_YET
    last: int = _NOT_YET
    spending: dict[int, int] = field(default_factory=dict)

    def need(self, month: int) -> int:
        """Return the rupees the site can use in a month."""
        since = 1 + month - (month if self.first == _NOT_YET else self.first)
        earned = -(-self.cost * min(since, self.months) // self.months)
        instalment = -(-self.cost // self.months)
        return min(earned - self.paid, instalment)

    def advance(self, month: int, year: int, rupees: int) -> None:
        """Spend some rupees in a month, and open after it where the work is complete."""
        if rupees > 0:
            self.paid += rupees
            self.spending[year] = self.spending.get(year, 0) + rupees
        if self.first == _NOT_YET and (rupees > 0 or self.cost == 0):
            self.first = month
        if self.first == _NOT_YET or self.paid < self.cost:
            return
        if 1 + month - self.first >= self.months:
            self.last = month


def duration(work: Work, pace: Pace) -> int:
    """
    Time that a work takes when money never lacks.

    The road advances at the pace of new road and then of upgrades, while the longest tunnel is
    driven from both of its portals; the slower of the two governs, after the mobilisation.

    Parameters
    ----------
    work
        What is built.
    pace
        Rates of the works.

    Returns
    -------
    duration
        Whole months, at least one.
    """
    road = work.new_length / METRES / pace.new_km_per_month
    road += work.upgrade_length / METRES / pace.upgrade_km_per_month
    tunnel = work.longest_tunnel / FACES / pace.tunnel_m_per_month_face
    months = max(road, tunnel) + pace.mobilisation_months
    if months > HORIZON_YEARS * MONTHS:
        msg = (
            f"work '{work.name}' takes {months:,.0f} months at the pace of the study; "
            f"wanted no more than {HORIZON_YEARS} years"
        )
        raise StudyError(msg)
    return max(1, ceil(months - _ROUNDING))


def schedule(option: str, works: Iterable[Work], pace: Pace) -> Schedule:
    """
    Give every work of an option its start, its opening and its money by year.

    The work with the earliest deadline comes first, the dearer one among equals, then the one
    nearer to the start of the highway. A work lower in that order gets only what the works above
    it cannot use in the month. The order of `works` has no influence.

    Parameters
    ----------
    option
        Name of the option.
    works
        What the option builds, in any order.
    pace
        Start, rates and budget.

    Returns
    -------
    schedule
        Phases in order of priority, and the days on which the highway is cut because a new road
        opens after the water has taken the old one. An upgrade cuts nothing.

    Raises
    ------
    StudyError
        If two works share a name, or a work is not done within a hundred years.
    """
    ordered = sorted(works, key=_priority)
    _names_differ(ordered)
    sites = [_Site(w, duration(w, pace), round(w.cost.base)) for w in ordered if w.in_programme]
    begin = _whole_month(pace.start)
    _spend(sites, begin, floor(pace.budget_pkr_per_year))
    phases = tuple(_phase(number, site, begin) for number, site in enumerate(sites, 1))
    others = [(w, w.opens) for w in ordered if not w.in_programme and w.opens is not None]
    outside = tuple(_outside(number, *other) for number, other in enumerate(others, 1))
    cuts = tuple(sorted(cut for phase in phases + outside for cut in _cut(phase)))
    return Schedule(
        option=option,
        phases=phases,
        outside=outside,
        total_pkr=sum(phase.cost_pkr for phase in phases),
        spending=_together(phases),
        cut_days=_days(cuts),
        cuts=cuts,
    )


def present_cost(plan: Schedule, *, base: date, discount: float) -> float:
    """
    Value what the programme spends on a base day.

    What is spent in a calendar year is spent evenly between the days on which the work goes on in
    it.

    Parameters
    ----------
    plan
        From `schedule`.
    base
        Day on which it is valued.
    discount
        Rate of discount [1/year].

    Returns
    -------
    cost
        Present value of the money of all phases [PKR]; at a rate of 0 their sum.
    """
    return sum(
        rupees
        * present_share(
            max(date(year, 1, 1), phase.start or base),
            min(date(year + 1, 1, 1), phase.opens),
            base=base,
            discount=discount,
        )
        for phase in plan.phases
        for year, rupees in phase.spending
    )


def months_later(day: date, months: int) -> date:
    """
    Return the first day of the month that lies a number of months after that of `day`.

    Examples
    --------
    >>> months_later(date(2027, 11, 1), 3)
    datetime.date(2028, 2, 1)
    """
    year, month = divmod(day.year * MONTHS + day.month - 1 + months, MONTHS)
    return date(year, month + 1, 1)


def _whole_month(day: date) -> date:
    return day if day.day == 1 else months_later(day, 1)


def _priority(work: Work) -> tuple[date, float, Section, str]:
    return (work.deadline or date.max, -work.cost.base, work.section, work.name)


def _names_differ(works: list[Work]) -> None:
    names = sorted(work.name for work in works)
    twice = [name for name, group in groupby(names) if len(list(group)) > 1]
    if twice:
        msg = f"more than one work is named {', '.join(twice)}; wanted a name for each"
        raise StudyError(msg)


def _spend(sites: list[_Site], begin: date, budget: int) -> None:
    """Run the months, in place, until every site is complete."""
    given = passed = 0  # rupees given and months passed in the calendar year
    year = begin.year
    for month in range(HORIZON_YEARS * MONTHS):
        waiting = [site for site in sites if site.last == _NOT_YET]
        if not waiting:
            return
        now = months_later(begin, month)
        if now.year != year:
            year, given, passed = now.year, 0, 0
        passed += 1
        free = budget * passed // MONTHS  # of the year, up to this month
        for site in waiting:
            rupees = min(free - given, site.need(month))
            site.advance(month, year, rupees)
            given += rupees
    late = [site.work.name for site in sites if site.last == _NOT_YET]
    if late:
        msg = (
            f"the works {', '.join(late)} are not done {HORIZON_YEARS} years after {begin} "
            f"at a budget of {budget:,} rupees a year; wanted a larger budget_pkr_per_year"
        )
        raise StudyError(msg)


def _phase(number: int, site: _Site, begin: date) -> Phase:
    opens = months_later(begin, site.last + 1)
    return Phase(
        number=number,
        work=site.work,
        start=months_later(begin, site.first),
        opens=opens,
        deadline=site.work.deadline,
        days_late=_late(opens, site.work.deadline),
        spending=tuple(sorted(site.spending.items())),
        cost_pkr=site.cost,
        low_pkr=round(site.work.cost.low),
        high_pkr=round(site.work.cost.high),
    )


def _outside(number: int, work: Work, opens: date) -> Phase:
    return Phase(
        number=number,
        work=work,
        start=None,
        opens=opens,
        deadline=work.deadline,
        days_late=_late(opens, work.deadline),
        spending=(),
        cost_pkr=0,
        low_pkr=0,
        high_pkr=0,
    )


def _late(opens: date, deadline: date | None) -> int:
    return 0 if deadline is None else max(0, (opens - deadline).days)


def _cut(phase: Phase) -> list[tuple[date, date, str]]:
    """Return the cut of the highway that a late phase makes, if it makes one."""
    if phase.deadline is None or phase.days_late == 0 or phase.work.keeps_road:
        return []
    return [(phase.deadline, phase.opens, phase.work.name)]


def _days(cuts: Iterable[tuple[date, date, str]]) -> int:
    """Count the days in at least one cut; the cuts are in order of their first day."""
    total, until = timedelta(0), date.min
    for first, end, _ in cuts:
        if end > until:
            total += end - max(first, until)
            until = end
    return total.days


def _together(phases: Iterable[Phase]) -> tuple[tuple[int, int], ...]:
    years: dict[int, int] = {}
    for phase in phases:
        for year, rupees in phase.spending:
            years[year] = years.get(year, 0) + rupees
    return tuple(sorted(years.items()))
