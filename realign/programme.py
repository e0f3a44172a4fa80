"""
The programme of an option: which works it takes, what stays of the old road, when, and who pays.

`options_of` scores links and upgrades as whole answers; `programme` dates and pays its works.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from realign import cost, finance, phasing, service
from realign.chainage import Section, merge, subtract, total
from realign.drowned import Drowned
from realign.estimate import together
from realign.finance import Financing, Outlay, Split
from realign.hazard import MONTH_DAYS, exposure
from realign.network import Link
from realign.options import Option
from realign.phasing import Asked, Schedule, Work
from realign.rates import Rates
from realign.spread import Spread, sound
from realign.study import Study
from realign.works import World, inside, task_of, work_of, works_of

COMPONENT = {"tunnel": "tunnels", "upgrade": "works"}
"""Component of the finance by kind of activity, where it is called otherwise."""


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


def programme(given: Drowned, option: Option, plan: Schedule) -> Programme:
    """Share out what the works of an option cost, by their schedule."""
    named = plan.renamed(option.name)
    return Programme(option, named, finance.split(outlays(named), given.study.finance.cases[0]))


def outlays(plan: Schedule) -> tuple[Outlay, ...]:
    """List what the phases of a schedule cost by component and year, at the price date."""
    out = []
    for phase in plan.phases:
        rows = phase.by_kind or {"upgrade": ()}
        parts: dict[str, list[tuple[int, int]]] = {}
        for kind, years in rows.items():
            parts.setdefault(COMPONENT.get(kind, kind), []).extend(years)
        for component, rows_of in sorted(parts.items()):
            sums = {year: sum(r for y, r in rows_of if y == year) for year, _ in rows_of}
            out.append(
                Outlay(phase.number, phase.work.name, component, tuple(sorted(sums.items())))
            )
    return tuple(out)


def financings(each: Programme, study: Study, prices: Rates) -> tuple[Financing, ...]:
    """Pay for a programme in every case of the study, in its order."""
    asked, year = study.finance, prices.price_date.year
    spent = outlays(each.schedule)
    return tuple(
        finance.financed(spent, case, asked, study.money, price_year=year) for case in asked.cases
    )


def openings(given: Drowned, each: Programme) -> dict[str, date]:
    """Date every link of a programme, by its name."""
    opens = {one.name: one.opens for one in each.schedule.openings}
    others = {phase.work.name: phase.opens for phase in each.schedule.outside}
    return {
        link.name: opens[link.name] if link.name in opens else others[work_of(given, link)]
        for link in each.option.links
    }


def improved(each: Programme) -> dict[Section, date]:
    """Date every stretch that a programme upgrades, by its section."""
    return {
        lot.section: one.opens for one in each.schedule.openings for lot in one.lots if lot.upgraded
    }


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A whole answer, before it is scored."""

    name: str
    """Short name."""
    title: str
    """What it is, in words."""
    links: tuple[Link, ...]
    """New roads, in order of old chainage."""
    upgraded: tuple[Section, ...]
    """Existing road that is upgraded, old chainage; where a link replaces it, it is not."""

    @property
    def replaced(self) -> tuple[Section, ...]:
        """Existing road that new roads replace."""
        return merge([link.section for link in self.links])

    @property
    def improved(self) -> tuple[Section, ...]:
        """Existing road that stays and is upgraded."""
        return subtract(merge(self.upgraded), self.replaced)


def options_of(
    world: World, answers: Sequence[Answer], spread: Spread[Any]
) -> list[tuple[Option, Schedule]]:
    """
    Score whole answers, and date their works.

    Parameters
    ----------
    world
        What works are made from.
    answers
        What is built.
    spread
        Who dates the works.

    Returns
    -------
    options
        In the order of the answers. Closed days are those of their roads alone, without detours;
        infinite times and a whole year of closed days where one leaves flooded road.
    """
    pace = world.given.study.phasing
    works = [tuple(works_of(world, each.links, each.improved)) for each in answers]
    asked = [Asked(each.name, own, pace) for each, own in zip(answers, works, strict=True)]
    plans = sound(phasing.schedules(asked, spread))
    return [
        (_scored(world, answer, own, plan), plan)
        for answer, own, plan in zip(answers, works, plans, strict=True)
    ]


def _scored(world: World, answer: Answer, works: Sequence[Work], plan: Schedule) -> Option:
    """Score one answer, whose works are dated."""
    links, replaced, improved = answer.links, answer.replaced, answer.improved
    given, region, judged = world.given, world.region, world.judged
    road, study = given.highway, given.study
    kept = subtract([Section(0.0, road.length)], (*replaced, *improved))
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
    discount = study.phasing.discount_pct / 100
    others = [link for link in links if not inside(given, link)]
    return Option(
        name=answer.name,
        title=answer.title,
        links=links,
        upgraded=improved,
        kept=tuple(kept),
        cost=rupees.times(1 / study.money.exchange("PKR")),
        outside_cost=together(link.cost for link in others),
        present_cost=plan.present_pkr / study.money.exchange("PKR")
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
