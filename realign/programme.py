"""
The programme of an option: which works it takes, what stays of the old road, when, and who pays.

`option_of` scores links and upgrades as a whole answer; `programme` dates and pays its works.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from realign import cost, finance, phasing, service
from realign.chainage import Section, clip, merge, subtract, total
from realign.corridor import Gap
from realign.drowned import Drowned
from realign.estimate import together
from realign.finance import Financing, Outlay, Split
from realign.formation import TUNNEL
from realign.hazard import MONTH_DAYS, exposure
from realign.network import Link
from realign.options import Option
from realign.phasing import Schedule, Task, Work
from realign.rates import Rates
from realign.region import Region
from realign.service import Judged
from realign.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """What is built when for one option, and who pays it."""

    option: Option
    """The option."""
    schedule: Schedule
    """Its phases with dates and money."""
    splits: tuple[Split, ...]
    """Money of each phase by financier of the first case, at the price date, in the order of the
    schedule's phases."""


def programme(given: Drowned, region: Region, option: Option, prices: Rates) -> Programme:
    """Date the works of an option and share out what they cost."""
    works = works_of(given, region, option.links, option.upgraded, prices)
    plan = phasing.schedule(option.name, works, given.study.phasing)
    return Programme(option, plan, finance.split(outlays(plan), given.study.finance.cases[0]))


def outlays(plan: Schedule) -> tuple[Outlay, ...]:
    """
    List what the phases of a schedule cost by year, at the price date.

    The schedule does not tell components apart: all of it is works.
    """
    return tuple(
        Outlay(phase.number, phase.work.name, "works", phase.spending) for phase in plan.phases
    )


def financings(each: Programme, study: Study, prices: Rates) -> tuple[Financing, ...]:
    """Pay for a programme in every case of the study, in its order."""
    asked, year = study.finance, prices.price_date.year
    spent = outlays(each.schedule)
    return tuple(
        finance.financed(spent, case, asked, study.money, price_year=year) for case in asked.cases
    )


def openings(given: Drowned, each: Programme) -> dict[str, date]:
    """Date every link of a programme, by its name: it opens with the work that builds it."""
    phases = (*each.schedule.phases, *each.schedule.outside)
    opens = {phase.work.name: phase.opens for phase in phases}
    return {link.name: opens[_work_of(given, link)] for link in each.option.links}


def improved(given: Drowned, each: Programme) -> dict[Section, date]:
    """Date every stretch that a programme upgrades, by its section: it opens with its work."""
    opens = {phase.work.name: phase.opens for phase in each.schedule.phases}
    out = {}
    for part in each.option.upgraded:
        tasks = [
            (total(clip([part], Section(given.places[task.start], given.places[task.end]))), task)
            for task in given.study.programme
        ]
        covered, task = max(tasks, key=lambda pair: pair[0])
        if covered > 0 and task.name in opens:
            out[part] = opens[task.name]
    return out


def task_of(given: Drowned, section: Section) -> Task | None:
    """Find the task of new work that covers most of a section; None where none does."""
    best, longest = None, 0.0
    for task in given.study.programme:
        whole = Section(given.places[task.start], given.places[task.end])
        shared = total(clip([section], whole))
        if task.work == "new" and shared > longest:
            best, longest = task, shared
    return best


def ours(given: Drowned, gap: Gap) -> bool:
    """
    Whether the programme builds the road across a gap, and so chooses among variants of it.

    What others build is not the study's to choose: there one road, that of the first variant,
    stands in for theirs.
    """
    task = task_of(given, gap.section)
    return task is None or task.in_programme


def builder(given: Drowned, link: Link) -> str:
    """Who builds a link: the builder of its task, or the programme itself."""
    task = task_of(given, link.section)
    return task.builder if task else "programme"


def announced(given: Drowned, links: Sequence[Link]) -> tuple[Section, ...]:
    """Existing road that the programme upgrades: what new roads leave of its sections."""
    replaced = merge([link.section for link in links])
    tasks = [task for task in given.study.programme if task.in_programme]
    whole = [Section(given.places[task.start], given.places[task.end]) for task in tasks]
    return merge(part for section in whole for part in subtract([section], replaced))


def option_of(  # noqa: PLR0913 - an option, and what it is judged by
    given: Drowned,
    region: Region,
    name: str,
    title: str,
    *,
    links: Sequence[Link],
    upgraded: Sequence[Section],
    judged: Mapping[str, Judged],
    prices: Rates,
) -> Option:
    """
    Score one answer.

    Parameters
    ----------
    given, region
        The first stages, and what roads meet.
    name, title
        Short name, and what it is in words.
    links
        New roads, in order of old chainage.
    upgraded
        Existing road that is upgraded, old chainage; where a link replaces it, it is not.
    judged
        New roads as judged, by name.
    prices
        Unit prices, of what is upgraded.

    Returns
    -------
    option
        Closed days are those of its road alone, without detours; infinite times and a whole year
        of closed days where it leaves flooded road.
    """
    road, study = given.highway, given.study
    replaced = merge([link.section for link in links])
    improved = subtract(merge(upgraded), replaced)
    kept = subtract([Section(0.0, road.length)], (*replaced, *improved))
    works = works_of(given, region, links, improved, prices)
    flooded = total(subtract(given.submergence.flooded, replaced))
    parts = [
        *((region.kept, part) for part in kept),
        *((region.upgraded, part) for part in improved),
        *((judged[link.name], judged[link.name].whole) for link in links),
    ]
    times = service.in_series([one.service(part) for one, part in parts])
    rates = np.sum([one.rates(part) for one, part in parts], axis=0)
    new = sum(link.length for link in links)
    length = new + total(kept) + total(improved)
    exposed = sum(link.exposure * link.length for link in links)
    exposed += _old_exposure(given, (*kept, *improved))
    steep = [link.steepest for link in links]
    steep += [one.steepest(part) for one, part in parts[: len(kept) + len(improved)]]
    rupees = together(work.cost for work in works if work.in_programme)
    plan = phasing.schedule(name, works, study.phasing)
    base, discount = study.phasing.start, study.options.discount_pct / 100
    present = phasing.present_cost(plan, base=base, discount=discount)
    others = [link for link in links if not inside(given, link)]
    return Option(
        name=name,
        title=title,
        links=tuple(links),
        upgraded=tuple(improved),
        kept=tuple(kept),
        cost=rupees.times(1 / study.money.exchange("PKR")),
        outside_cost=together(link.cost for link in others),
        present_cost=present / study.money.exchange("PKR")
        + sum(link.cost.base * _share_outside(given, link, discount) for link in others),
        length=length,
        new_length=new,
        upgrade_length=total(improved),
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        travel_time=np.inf if flooded else sum(times.car) / 2,
        truck_time=np.inf if flooded else sum(times.truck) / 2,
        closed_days=float((MONTH_DAYS * (1.0 if flooded else 1 - np.exp(-rates))).sum()),
        closures=float(sum(one.closures_a_year(part).sum() for one, part in parts)),
        buildings=sum(sum(link.counts.values()) for link in links),
        farmland=sum(farmland(link.uses, study.options.farmland) for link in links),
        exposure=exposed / length,
        flooded_left=flooded,
        steepest=max(steep, default=0.0),
    )


def _share_outside(given: Drowned, link: Link, discount: float) -> float:
    """Present value over cost of a link that others build, evenly from now until it opens [-]."""
    task, base = task_of(given, link.section), given.study.phasing.start
    opens = task.opens if task and task.opens else base
    return cost.present_share(min(base, opens), opens, base=base, discount=discount)


def farmland(uses: Mapping[str, float], kinds: Collection[str]) -> float:
    """Land of the kinds that count as farmland [m2]."""
    return sum(area for use, area in uses.items() if use in kinds)


def _old_exposure(given: Drowned, sections: Sequence[Section]) -> float:
    """Integral of the exposure along existing road [m]."""
    road = given.highway
    s = road.station
    (x, y), bearing = road.at(s).T, road.bearing(s)
    half = given.terrain.cell
    left = given.terrain.sample(x - half * np.sin(bearing), y + half * np.cos(bearing))
    right = given.terrain.sample(x + half * np.sin(bearing), y - half * np.cos(bearing))
    at = np.nan_to_num(exposure(np.abs(left - right) / (2 * half), given.study.corridor.steep_deg))
    whole = np.concatenate(([0.0], np.cumsum((at[1:] + at[:-1]) / 2 * np.diff(s))))
    return float(sum(np.interp(p.end, s, whole) - np.interp(p.start, s, whole) for p in sections))


def inside(given: Drowned, link: Link) -> bool:
    """Whether the programme builds a link."""
    task = task_of(given, link.section)
    return task.in_programme if task else True


def _work_of(given: Drowned, link: Link) -> str:
    """Name of the work that builds a link: its task, or one of its own where no task has it."""
    task = task_of(given, link.section)
    return task.name if task else f"Replacement at {link.gap}"


def works_of(
    given: Drowned,
    region: Region,
    links: Sequence[Link],
    upgraded: Sequence[Section],
    prices: Rates,
) -> list[Work]:
    """List what is built, with costs in rupees and deadlines from the water."""
    tasks: dict[str, Task | None] = {task.name: task for task in given.study.programme}
    own: dict[str, list[Link]] = {name: [] for name in tasks}
    for link in links:
        own.setdefault(_work_of(given, link), []).append(link)
    out = []
    for name, mine in own.items():
        task = tasks.get(name)
        parts: tuple[Section, ...] = ()
        if task is not None:
            parts = clip(upgraded, Section(given.places[task.start], given.places[task.end]))
        if mine or parts:
            out.append(_work(given, region, name, task, (mine, parts), prices))
    return out


def _work(
    given: Drowned,
    region: Region,
    name: str,
    task: Task | None,
    parts: tuple[Sequence[Link], Sequence[Section]],
    prices: Rates,
) -> Work:
    """One work: the links it builds and the sections it upgrades, as the scheduler sees them."""
    links, upgrades = parts
    money = given.study.money
    taken: dict[str, float] = {}
    for part in upgrades:
        for item, amount in region.totals(part).items():
            taken[item] = taken.get(item, 0.0) + amount
    priced = cost.price(taken, prices, money)
    sections = [*(link.section for link in links), *upgrades]
    dates = [
        part.first_date
        for part in given.submergence.sections
        for link in links
        if part.section.overlaps(link.section)
    ]
    return Work(
        name=name,
        section=Section(min(s.start for s in sections), max(s.end for s in sections)),
        new_length=sum(link.length for link in links),
        upgrade_length=total(upgrades),
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        longest_tunnel=max((_longest_tunnel(link) for link in links), default=0.0),
        cost=together([*(link.cost for link in links), priced.total]).times(money.exchange("PKR")),
        deadline=min(dates, default=None),
        in_programme=task.in_programme if task else True,
        builder=task.builder if task else "programme",
        opens=task.opens if task else None,
        links=tuple(link.name for link in links),
        upgrade=taken,
    )


def _longest_tunnel(link: Link) -> float:
    """Length of the longest stretch of a link that is one tunnel [m]."""
    run, longest = 0.0, 0.0
    for form, length in zip(link.form, np.diff(link.station), strict=True):
        run = run + float(length) if form == TUNNEL else 0.0
        longest = max(longest, run)
    return longest
