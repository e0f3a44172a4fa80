"""
What is built when: before the water comes, with the crews there are and the money of every year.

Works are cut into lots and activities (`lots`), and the months in which these begin are chosen so
that the present value of cost and of what users lose is least (`model`). Where that cannot be, the
least delay that lets everything be built is taken, and what would help is said. Money is whole
rupees throughout, so the sums are exact.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from itertools import groupby
from math import ceil

import networkx as nx

from realign.errors import StudyError
from realign.phasing.lots import LONGEST, Activity, Lot, Opening, Work, activities
from realign.phasing.model import (
    CLOSE,
    UNIT,
    Problem,
    Solution,
    activity_cost,
    problem,
    solved,
    spent,
)
from realign.phasing.rules import MONTHS, Kind, Pace, months_later

YEARS = 5
"""Years of a plan where no day of completion and no water limits them."""
MOST = 1e16
"""Rupees of an activity, or that users save or lose in a day, above which the sums of sixty years
no longer fit the solver [PKR]."""
WHOLE = "the programme"
"""What stands for all openings together where they cannot all be in time."""
LAST: tuple[Kind, ...] = ("pavement", "upgrade")
"""Kinds with which a lot is complete; where there is none, all of it has to be."""


@dataclass(frozen=True, slots=True)
class Timed:
    """An activity with its dates."""

    activity: Activity
    """What is done."""
    start: date
    """First day."""
    finish: date
    """First day after it."""
    slack_months: int
    """Months by which it may begin later with every opening still in time, crews and money left
    aside; where openings have to be late, in time for the days to which they are moved."""

    @property
    def critical(self) -> bool:
        """Whether a month's delay of it delays an opening beyond its day."""
        return self.slack_months <= 0


@dataclass(frozen=True, slots=True)
class Opened:
    """Lots that open together, with their date."""

    name: str
    """Name of the new road, or of the lot."""
    work: str
    """Name of the work."""
    lots: tuple[Lot, ...]
    """The lots; none where only the length of the work is known."""
    opens: date
    """First day of traffic."""
    by: date | None
    """Day on which it had to be open, kept or not."""
    water: date | None
    """Day on which the water takes what it replaces; None where it never does."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A work with its dates and its money."""

    number: int
    """Place in the order of opening, from 1; works outside the programme have their own order."""
    work: Work
    """What is built."""
    start: date | None
    """First day of work; None for a work outside the programme."""
    opens: date
    """First day of traffic on all of it."""
    deadline: date | None
    """Day on which the water takes the old road; None where it never does."""
    days_late: int
    """Days from the deadline to the opening of what the water takes; 0 in time."""
    spending: tuple[tuple[int, int], ...]
    """Calendar year and the rupees spent in it [PKR], years with money only; adds to `cost_pkr`."""
    by_kind: Mapping[Kind, tuple[tuple[int, int], ...]]
    """The same by kind of activity."""
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
    """Works of the programme in order of opening."""
    outside: tuple[Phase, ...]
    """Works that others build, without money, in order of opening."""
    activities: tuple[Timed, ...]
    """All activities of the programme, phase by phase, in order of their starts."""
    openings: tuple[Opened, ...]
    """What opens when, in order of opening."""
    total_pkr: int
    """All the money of the programme [PKR]."""
    spending: tuple[tuple[int, int], ...]
    """Calendar year and the rupees spent in it [PKR]; adds to `total_pkr`."""
    present_pkr: float
    """Present value of that money at the start of the plan [PKR]."""
    objective_pkr: float
    """Present value of the money less what users save from openings on [PKR]."""
    gap: float
    """Share by which the objective may exceed the least one [-]."""
    cut_days: int
    """Days on which at least one new road is not open although the water has taken the old one."""
    cuts: tuple[tuple[date, date, str], ...]
    """First day without a road, first day with one again, and the work that is late."""
    conflict: str = ""
    """Which limits cannot all be kept, and the least that helps; empty where all are."""

    def deadline_opens(self, phase: Phase) -> date | None:
        """First day on which all is open that the water of a phase's deadline takes, or None."""
        if phase.deadline is None:
            return None
        first = [
            one.opens
            for one in self.openings
            if one.work == phase.work.name and one.water == phase.deadline
        ]
        return max(first, default=None)

    def renamed(self, option: str) -> "Schedule":
        """Return the same schedule for an option of another name."""
        return replace(self, option=option)


def schedule(option: str, works: Iterable[Work], pace: Pace) -> Schedule:
    """
    Date every activity of an option: the cheapest programme that keeps all limits.

    Parameters
    ----------
    option
        Name of the option.
    works
        What the option builds, in any order.
    pace
        Rates, money, crews, seasons.

    Returns
    -------
    schedule
        With a `conflict` where openings have to be late.

    Raises
    ------
    StudyError
        If two works share a name, works follow each other in a circle, or money or crews do not
        suffice however late it may be.
    """
    ordered = _ordered(works)
    ours = [work for work in ordered if work.in_programme]
    others = {work.name: work.opens for work in ordered if not work.in_programme and work.opens}
    of = _problem(ours, others, pace)
    found = solved(of) if of.activities else Solution((), (), 0.0, 0.0)
    conflict, days = "", {each.name: each.by for each in of.openings}
    if found is None:
        of, found, conflict = _relaxed(option, of, partial(_problem, ours, others, pace))
    plan = _schedule(option, ordered, of, found)
    asked = tuple(replace(each, by=days[each.name]) for each in plan.openings)
    return replace(plan, openings=asked, conflict=conflict)


def duration(work: Work, pace: Pace) -> int:
    """
    Time that a work takes when crews and money never lack, from the start of the plan.

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

    Raises
    ------
    StudyError
        If it takes more than `LONGEST`.
    """
    own = activities(work, pace)
    of = problem(own, (), pace, begin=whole_month(pace.start), horizon=LONGEST)
    last = max(int(of.finish[i][of.earliest[i]]) for i in range(len(own)))
    if last > LONGEST:
        msg = f"work '{work.name}' takes more than {LONGEST // MONTHS} years; wanted a faster pace"
        raise StudyError(msg)
    return last


def whole_month(day: date) -> date:
    """Return the first day of the first whole month from a day on."""
    return day if day.day == 1 else months_later(day, 1)


def _ordered(works: Iterable[Work]) -> list[Work]:
    """Sort works so that each comes after those that it follows, the first along the road first."""
    named: dict[str, Work] = {}
    for work in sorted(works, key=lambda each: (each.section, each.name)):
        if work.name in named:
            msg = f"more than one work is named {work.name}; wanted a name for each"
            raise StudyError(msg)
        named[work.name] = work
    graph = nx.DiGraph()
    graph.add_nodes_from(named)
    for work in named.values():
        graph.add_edges_from((name, work.name) for name in work.after if name in named)
    if not nx.is_directed_acyclic_graph(graph):
        circle = ", ".join(a for a, _ in nx.find_cycle(graph))
        msg = f"the works {circle} follow each other in a circle; wanted a first one"
        raise StudyError(msg)
    place = {name: k for k, name in enumerate(named)}
    return [named[name] for name in nx.lexicographical_topological_sort(graph, place.__getitem__)]


def _problem(
    works: Sequence[Work],
    others: Mapping[str, date],
    pace: Pace,
    more: int = 0,
    *,
    slowed: bool = True,
) -> Problem:
    """
    Cut works into activities, and say what opens by when.

    `others` open on their own days; the plan may be longer by `more` months.
    """
    begin = whole_month(pace.start)
    waters = [work.deadline for work in works if work.deadline is not None]
    last = pace.complete_by or max([*waters, months_later(begin, YEARS * MONTHS)])
    horizon = max(_months(begin, last), 1) + more
    done: list[Activity] = []
    openings: list[Opening] = []
    ends: dict[str, tuple[str, ...]] = {}
    for work in works:
        own = list(activities(work, pace, slowed=slowed))
        before = tuple(name for other in work.after for name in ends.get(other, ()))
        own = [a if a.follows else replace(a, follows=before) for a in own]
        ends[work.name] = tuple(a.name for a in own if a.kind in LAST) or tuple(a.name for a in own)
        done += own
        openings += _openings(work, own, pace)
    _once("lot", [lot.name for work in works for lot in work.lots or (work,)])
    _once("opening", [each.name for each in openings])
    _countable(done, openings)
    if more and pace.complete_by is not None:
        ready = tuple(name for each in openings for name in each.follows)
        openings.append(Opening(WHOLE, "", ready, last, "as phasing.complete_by asks"))
    not_before = {}
    for work in works:
        days = [others[name] for name in work.after if name in others]
        days += [work.starts_after] if work.starts_after is not None else []
        months = [_months(begin, whole_month(day)) for day in days]
        not_before[work.name] = max([0, *months])
    return problem(done, openings, pace, begin=begin, horizon=horizon, not_before=not_before)


def _countable(activities: Sequence[Activity], openings: Sequence[Opening]) -> None:
    """Refuse amounts that the whole numbers of the solver cannot hold."""
    amounts = [(f"{each.name}: costs", float(each.cost)) for each in activities]
    amounts += [(f"{each.name}: users lose in a day", each.delays) for each in activities]
    amounts += [(f"{each.name}: users save in a day", each.saves) for each in openings]
    for what, rupees in amounts:
        if not rupees <= MOST:
            msg = (
                f"{what} {rupees:.3g} rupees; wanted at most {MOST:g}, so look at the rates, the "
                "exchange rates and calibration of money, the layers, and traffic"
            )
            raise StudyError(msg)


def _once(what: str, names: Sequence[str]) -> None:
    """Refuse names that stand for two things."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        msg = f"more than one {what} is named {', '.join(twice)}; wanted a name for each"
        raise StudyError(msg)


def _openings(work: Work, own: Sequence[Activity], pace: Pace) -> list[Opening]:
    """Say what of a work opens together, and by when."""
    groups: dict[str, list[str]] = {}
    for lot in work.lots:
        groups.setdefault(lot.opens_with or lot.name, []).append(lot.name)
    groups = groups or {work.name: [work.name]}
    out = []
    for name, lots in groups.items():
        mine = [a for a in own if a.lot in lots]
        last = [a.name for a in mine if a.kind in LAST] or [a.name for a in mine]
        days = []
        water = work.water(name)
        if water is not None:
            reserve = months_later(water, -pace.reserve_months)
            days.append((reserve, f"{pace.reserve_months} months before the water of {water}"))
        if work.opens_by is not None:
            days.append((work.opens_by, "as the study asks"))
        by, why = min(days, default=(None, ""))
        out.append(Opening(name, work.name, tuple(last), by, why, work.saves.get(name, 0.0)))
    return out


def _months(begin: date, day: date) -> int:
    """Whole months from the first day of the plan to a day."""
    return (day.year - begin.year) * MONTHS + day.month - begin.month


# ---------------------------------------------------------------- where limits conflict


def _relaxed(
    option: str, of: Problem, drawn_out: Callable[..., Problem]
) -> tuple[Problem, Solution, str]:
    """Take the least delay, and say which limits conflict and what helps."""
    free = partial(drawn_out, slowed=False)
    slow = zip(of.activities, free().activities, strict=True)
    # with as much in a year as this, nothing is too dear for a year any more
    dearest = max((own.cost for own, quick in slow if own.effort > quick.effort), default=0)
    money = solved(free(), relaxed=frozenset({"money"}), dearest=dearest)
    crews = solved(of, relaxed=frozenset({"crews"}))
    late, longer, more = _delayed(of, drawn_out)
    others = [_help(each) for each in (money, crews) if each is not None]
    if late is None:
        everything = frozenset({"days", "money", "crews"})
        together = solved(free(more), relaxed=everything, dearest=dearest)
        others = others or ([_help(together)] if together else [])
        words = " or ".join(others) or "nothing"
        msg = (
            f"option {option}: the works are not done by {longer.day(longer.horizon)} with the "
            f"money and crews of the study; the least that helps: {words}"
        )
        raise StudyError(msg)
    openings = tuple(
        replace(each, by=longer.day(int(longer.by[k]) + late.over.get(f"days of {each.name}", 0)))
        if each.by is not None
        else each
        for k, each in enumerate(longer.openings)
    )
    later = problem(
        longer.activities,
        openings,
        longer.pace,
        begin=longer.begin,
        horizon=longer.horizon,
        not_before=longer.not_before,
    )
    found = solved(later) or late
    named = [e for e in longer.openings if f"days of {e.name}" in late.over]
    what = [f"{each.name} cannot open by {each.by}, {each.why}" for each in named]
    helps = [_help(late), *others] if late.over else others
    if not what:
        return later, found, ""
    msg = f"{'; '.join(what)}. The least that helps: {' or '.join(helps)}."
    if money is None:
        msg += " More money alone does not help."
    if crews is None:
        msg += " More crews alone do not help."
    return later, found, msg


def _delayed(
    of: Problem, drawn_out: Callable[..., Problem]
) -> tuple[Solution | None, Problem, int]:
    """
    Find the least delay, and the plan in which it is possible, drawn out by some months.

    The part of a year in which a plan ends has that part of its money only. So the programme is
    complete with the months by which its last day is moved, not only in a plan that is longer.
    """
    days = frozenset({"days"})
    late, longer, more = solved(of, relaxed=days), of, 0
    while late is None and more < LONGEST:
        more = max(MONTHS, 2 * more)
        longer = drawn_out(more)
        late = solved(longer, relaxed=days)
    whole = f"days of {WHOLE}"
    need = late.over.get(whole, 0) if late else 0
    while late is not None and 0 < need < more:
        shorter = drawn_out(need)
        found = solved(shorter, relaxed=days)
        if found is not None:
            late, longer, more = found, shorter, need
        need += 1
    if late is not None and whole in late.over:
        late = replace(late, over={**late.over, whole: more})
    return late, longer, more


def _help(found: Solution) -> str:
    """Say in words by how much limits are relaxed."""
    words = []
    for name, amount in found.over.items():
        what, _, which = name.partition(" ")
        if what == "days":
            months = "month" if amount == 1 else "months"
            words.append(f"{which.removeprefix('of ')} opens {amount} {months} later")
        elif what == "money":
            enough = ceil(amount * UNIT / CLOSE) * CLOSE / 1e9  # never less than what it takes
            words.append(f"Rs {enough:,.2f} bn more in {which.removeprefix('of ')}")
        else:
            words.append(f"{amount} more {'crew' if amount == 1 else 'crews'} {which}")
    return " and ".join(words)


# ---------------------------------------------------------------- what came out


def _schedule(option: str, works: Sequence[Work], of: Problem, found: Solution) -> Schedule:
    """Put the schedule together from months."""
    timed = [
        Timed(
            activity=each,
            start=of.day(start),
            finish=of.day(int(of.finish[i][start])),
            slack_months=int(of.latest[i]) - start,
        )
        for i, (each, start) in enumerate(zip(of.activities, found.starts, strict=True))
    ]
    lots = {(work.name, lot.name): lot for work in works for lot in work.lots}
    named = {work.name: work for work in works}
    opened = [
        Opened(
            name=each.name,
            work=each.work,
            lots=tuple(
                lot
                for (work, _), lot in lots.items()
                if work == each.work and (lot.opens_with or lot.name) == each.name
            ),
            opens=of.day(month),
            by=each.by,
            water=named[each.work].water(each.name) if each.work in named else None,
        )
        for each, month in zip(of.openings, found.opens, strict=True)
        if each.work
    ]
    years = _years(of, found)
    ours = [_phase(of, work, timed, opened, years) for work in works if work.in_programme]
    ours.sort(key=lambda phase: (phase.opens, phase.work.section, phase.work.name))
    others = [_outside(work) for work in works if not work.in_programme]
    others.sort(key=lambda phase: (phase.opens, phase.work.section, phase.work.name))
    phases, outside = (
        tuple(replace(phase, number=k) for k, phase in enumerate(some, 1))
        for some in (ours, others)
    )
    place = {phase.work.name: phase.number for phase in phases}
    cuts = _cuts(opened, outside)
    paid = sum(phase.cost_pkr for phase in phases)
    return Schedule(
        option=option,
        phases=phases,
        outside=outside,
        activities=tuple(
            sorted(timed, key=lambda t: (place[t.activity.work], t.start, t.activity.name))
        ),
        openings=tuple(sorted(opened, key=lambda each: (each.opens, each.name))),
        total_pkr=paid,
        spending=_together(phases),
        present_pkr=sum(activity_cost(of, i, start) for i, start in enumerate(found.starts)),
        objective_pkr=found.cost,
        gap=found.gap,
        cut_days=_days(cuts),
        cuts=cuts,
    )


def _years(of: Problem, found: Solution) -> dict[str, dict[Kind, dict[int, int]]]:
    """Rupees of each work by kind of activity and calendar year."""
    out: dict[str, dict[Kind, dict[int, int]]] = {}
    for i, (each, start) in enumerate(zip(of.activities, found.starts, strict=True)):
        end = max(int(of.finish[i][start]), start + 1)
        for year in range(of.year(start), of.year(end - 1) + 1):
            rupees = spent(each.cost, start, end, of.months_of(year))
            if rupees:
                own = out.setdefault(each.work, {}).setdefault(each.kind, {})
                own[year] = own.get(year, 0) + rupees
    return out


def _phase(
    of: Problem,
    work: Work,
    timed: Sequence[Timed],
    opened: Sequence[Opened],
    years: Mapping[str, Mapping[Kind, Mapping[int, int]]],
) -> Phase:
    """Put a work of the programme together."""
    mine = [each for each in timed if each.activity.work == work.name]
    days = [each for each in opened if each.work == work.name]
    own = years.get(work.name, {})
    sums: dict[int, int] = {}
    for rows in own.values():
        for year, rupees in rows.items():
            sums[year] = sums.get(year, 0) + rupees
    spending = tuple(sorted(sums.items()))
    return Phase(
        number=0,
        work=work,
        start=min((each.start for each in mine), default=of.begin),
        opens=max(each.opens for each in days),
        deadline=work.deadline,
        days_late=max(_late(each.opens, each.water) for each in days),
        spending=spending,
        by_kind={kind: tuple(sorted(rows.items())) for kind, rows in own.items()},
        cost_pkr=sum(rupees for _, rupees in spending),
        low_pkr=round(work.cost.low),
        high_pkr=round(work.cost.high),
    )


def _outside(work: Work) -> Phase:
    """Put a work of others together."""
    opens = work.opens or date.max
    return Phase(0, work, None, opens, work.deadline, _late(opens, work.deadline), (), {}, 0, 0, 0)


def _late(opens: date, deadline: date | None) -> int:
    return 0 if deadline is None else max(0, (opens - deadline).days)


def _cuts(opened: Iterable[Opened], outside: Iterable[Phase]) -> tuple[tuple[date, date, str], ...]:
    """Return the cuts of the highway that late openings make."""
    late = [
        (one.water, one.opens, one.work)
        for one in opened
        if one.water is not None and one.opens > one.water
    ]
    late += [
        (phase.deadline, phase.opens, phase.work.name)
        for phase in outside
        if phase.deadline is not None and phase.days_late and not phase.work.keeps_road
    ]
    return tuple(sorted(late))


def _days(cuts: Iterable[tuple[date, date, str]]) -> int:
    """Count the days in at least one cut; the cuts are in order of their first day."""
    total, until = timedelta(0), date.min
    for first, end, _ in cuts:
        if end > until:
            total += end - max(first, until)
            until = end
    return total.days


def _together(phases: Iterable[Phase]) -> tuple[tuple[int, int], ...]:
    """Add the spending of all phases by year."""
    rows = sorted(row for phase in phases for row in phase.spending)
    return tuple(
        (year, sum(rupees for _, rupees in group))
        for year, group in groupby(rows, key=lambda row: row[0])
    )
