"""
The programme of an option: which works it takes, what stays of the old road, when, and who pays.

`choices` puts the links of every variant together into whole answers; `programme` dates and pays
the works of one of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from realign import cost, finance, options, phasing
from realign.chainage import Section, clip, merge, subtract, total
from realign.corridor import Gap
from realign.drowned import Drowned
from realign.estimate import together
from realign.finance import Split
from realign.formation import TUNNEL
from realign.hazard import exposure
from realign.network import KMH, Link
from realign.options import DO_NOTHING, Option
from realign.phasing import Schedule, Task, Work
from realign.rates import Rates

METRES = 1000.0  # in a kilometre


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """What is built when for one option, and who pays it."""

    option: Option
    """The option."""
    schedule: Schedule
    """Its phases with dates and money."""
    splits: tuple[Split, ...]
    """Money of each phase by financier, in the order of the schedule's phases."""


def choices(
    given: Drowned, gaps: Sequence[Gap], links: Sequence[Link], prices: Rates
) -> tuple[Option, ...]:
    """
    Put links together into whole answers.

    Parameters
    ----------
    given
        The first stages.
    gaps
        Stretches that have to be replaced, each with one link or more.
    links
        New roads of every gap and variant.
    prices
        Unit prices, for the upgrade of what stands.

    Returns
    -------
    options
        To do nothing, then one option a variant that has a road of its own; where it has none
        across a gap, the first of that gap takes its place.
    """
    found = [_option(given, DO_NOTHING, "Do nothing: the road as it stands", (), prices)]
    for variant in given.study.variants:
        chosen = []
        for gap in gaps:
            mine = [link for link in links if link.gap == gap.name]
            own = [link for link in mine if link.variant == variant.name]
            chosen.append((own or mine)[0])
        if any(link.variant == variant.name for link in chosen):
            found.append(_option(given, variant.name, variant.title, tuple(chosen), prices))
    return options.judged(found)


def programme(given: Drowned, option: Option, prices: Rates) -> Programme:
    """Date the works of an option and share out what they cost."""
    works = _works(given, option.links, prices)
    plan = phasing.schedule(option.name, works, given.study.phasing)
    return Programme(option, plan, finance.split(plan, given.study.finance))


def openings(given: Drowned, each: Programme) -> dict[str, date]:
    """Date every link of a programme, by its name: it opens with the work that builds it."""
    phases = (*each.schedule.phases, *each.schedule.outside)
    opens = {phase.work.name: phase.opens for phase in phases}
    return {link.name: opens[_work_of(given, link)] for link in each.option.links}


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


def _upgrades(given: Drowned, replaced: Sequence[Section]) -> dict[str, tuple[Section, ...]]:
    """Existing road that each task of the programme upgrades: what stands of its section."""
    out = {}
    for task in given.study.programme:
        whole = Section(given.places[task.start], given.places[task.end])
        if task.in_programme:
            out[task.name] = subtract([whole], replaced)
    return out


def _option(
    given: Drowned, name: str, title: str, links: tuple[Link, ...], prices: Rates
) -> Option:
    """Score one answer."""
    road, study = given.highway, given.study
    replaced = merge([link.section for link in links])
    per_task = _upgrades(given, replaced).values() if links else ()
    upgrades = merge([section for part in per_task for section in part])
    kept = subtract([Section(0.0, road.length)], (*replaced, *upgrades))
    works = _works(given, links, prices) if links else []
    inside = [work.cost for work in works if work.in_programme]
    outside = [link.cost for link in links if not _inside(given, link)]
    rate = study.money.exchange("PKR")
    standing = (*kept, *upgrades)
    old_exposure = _old_exposure(given, standing)
    new = sum(link.length for link in links)
    length = new + total(standing)
    exposed = sum(link.exposure * link.length for link in links) + old_exposure
    flooded = total(subtract(given.submergence.flooded, replaced))
    old_time = total(kept) / (study.existing.speed_kmh / KMH)
    old_time += total(upgrades) / (study.existing.upgraded_speed_kmh / KMH)
    return Option(
        name=name,
        title=title,
        links=links,
        upgraded=tuple(upgrades),
        kept=tuple(kept),
        cost=together(inside).times(1 / rate),
        outside_cost=together(outside),
        length=length,
        new_length=new,
        upgrade_length=total(upgrades),
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        travel_time=old_time + sum(link.travel_time for link in links) if not flooded else np.inf,
        exposure=exposed / length,
        flooded_left=flooded,
        steepest=max((link.steepest for link in links), default=0.0),
    )


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


def _inside(given: Drowned, link: Link) -> bool:
    """Whether the programme builds a link."""
    task = task_of(given, link.section)
    return task.in_programme if task else True


def _work_of(given: Drowned, link: Link) -> str:
    """Name of the work that builds a link: its task, or one of its own where no task has it."""
    task = task_of(given, link.section)
    return task.name if task else f"Replacement at {link.gap}"


def _works(given: Drowned, links: Sequence[Link], prices: Rates) -> list[Work]:
    """List what is built, with costs in rupees and deadlines from the water."""
    upgrades = _upgrades(given, merge([link.section for link in links]))
    tasks: dict[str, Task | None] = {task.name: task for task in given.study.programme}
    own: dict[str, list[Link]] = {name: [] for name in tasks}
    for link in links:
        own.setdefault(_work_of(given, link), []).append(link)
    return [
        _work(given, name, tasks.get(name), (mine, upgrades.get(name, ())), prices)
        for name, mine in own.items()
        if mine or upgrades.get(name)
    ]


def _work(
    given: Drowned,
    name: str,
    task: Task | None,
    parts: tuple[Sequence[Link], Sequence[Section]],
    prices: Rates,
) -> Work:
    """One work: the links it builds and the sections it upgrades, as the scheduler sees them."""
    links, upgrades = parts
    money = given.study.money
    upgrade = total(upgrades)
    priced = cost.price({"upgrade_existing": upgrade / METRES}, prices, money)
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
        upgrade_length=upgrade,
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        longest_tunnel=max((_longest_tunnel(link) for link in links), default=0.0),
        cost=together([*(link.cost for link in links), priced.total]).times(money.exchange("PKR")),
        deadline=min(dates, default=None),
        in_programme=task.in_programme if task else True,
        builder=task.builder if task else "programme",
        opens=task.opens if task else None,
        links=tuple(link.name for link in links),
    )


def _longest_tunnel(link: Link) -> float:
    """Length of the longest stretch of a link that is one tunnel [m]."""
    run, longest = 0.0, 0.0
    for form, length in zip(link.form, np.diff(link.station), strict=True):
        run = run + float(length) if form == TUNNEL else 0.0
        longest = max(longest, run)
    return longest
