"""
The works of an option: what each builds, cut into lots, with quantities, costs and days.

A task of the study's programme is one work; a new road that no task covers is a work of its own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np

from realign import cost
from realign.chainage import Section, clip, merge, subtract, total
from realign.corridor import Gap
from realign.drowned import Drowned
from realign.estimate import Estimate, independent, together
from realign.hazard import MONTH_DAYS
from realign.network import Link
from realign.phasing import Kind, Lot, Opened, Task, Work
from realign.rates import Rates
from realign.region import Region
from realign.service import Judged

DONE: Mapping[str, Kind] = {
    "bridge": "bridges",
    "bridge_abutment": "bridges",
    "tunnel": "tunnel",
    "tunnel_portal": "tunnel",
    "pavement": "pavement",
    "land": "land",
}
"""Kind of activity that makes each item of the rates; all others are earthworks."""
EARTH = ("common_excavation", "rock_excavation", "fill")
"""Items that fleets for earthworks move [m3]."""
NEAR = 1.0
"""Distance from the ends of a structure within which no lot begins [m]."""
GROWS = 1.5
"""Growth of the area of a cut or a fill over that of its height: between 1, where it is a strip as
wide as the road, and 2, where it is a triangle [-]."""
_HOUR = 3600.0


@dataclass(frozen=True, slots=True, eq=False)
class World:
    """What works are made from."""

    given: Drowned
    """The first stages."""
    region: Region
    """What roads meet."""
    judged: Mapping[str, Judged]
    """New roads as judged, by name."""
    prices: Rates
    """Unit prices."""


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


def inside(given: Drowned, link: Link) -> bool:
    """Whether the programme builds a link."""
    task = task_of(given, link.section)
    return task.in_programme if task else True


def announced(given: Drowned, links: Sequence[Link]) -> tuple[Section, ...]:
    """Existing road that the programme upgrades: what new roads leave of its sections."""
    replaced = merge([link.section for link in links])
    tasks = [task for task in given.study.programme if task.in_programme]
    whole = [Section(given.places[task.start], given.places[task.end]) for task in tasks]
    return merge(part for section in whole for part in subtract([section], replaced))


def work_of(given: Drowned, link: Link) -> str:
    """Name of the work that builds a link: its task, or one of its own where no task has it."""
    task = task_of(given, link.section)
    return task.name if task else f"Replacement at {link.gap}"


def works_of(world: World, links: Sequence[Link], upgraded: Sequence[Section]) -> list[Work]:
    """
    List what is built, with costs in rupees and deadlines from the water.

    Parameters
    ----------
    world
        What works are made from.
    links
        New roads.
    upgraded
        Existing road that is upgraded, old chainage.
    """
    given = world.given
    tasks: dict[str, Task | None] = {task.name: task for task in given.study.programme}
    own: dict[str, list[Link]] = {name: [] for name in tasks}
    for link in links:
        own.setdefault(work_of(given, link), []).append(link)
    out = []
    for name, mine in own.items():
        task = tasks.get(name)
        parts: tuple[Section, ...] = ()
        if task is not None:
            parts = clip(upgraded, Section(given.places[task.start], given.places[task.end]))
        if mine or parts:
            out.append(_work(world, name, task, mine, parts))
    return out


def _work(
    world: World, name: str, task: Task | None, links: Sequence[Link], upgrades: Sequence[Section]
) -> Work:
    """One work: the links it builds and the sections it upgrades, as the scheduler sees them."""
    given, money = world.given, world.given.study.money
    taken: dict[str, float] = {}
    for part in upgrades:
        for item, amount in world.region.totals(part).items():
            taken[item] = taken.get(item, 0.0) + amount
    priced = cost.price(taken, world.prices, money)
    sections = [*(link.section for link in links), *upgrades]
    waters = {link.name: day for link in links if (day := _water(given, link)) is not None}
    lots = [lot for link in links for lot in lots_of(world, link)]
    lots += [lot for part in upgrades for lot in _upgrades(world, name, part)]
    return Work(
        name=name,
        section=Section(min(s.start for s in sections), max(s.end for s in sections)),
        new_length=sum(link.length for link in links),
        upgrade_length=total(upgrades),
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        cost=together([*(link.cost for link in links), priced.total]).times(money.exchange("PKR")),
        lots=tuple(lots),
        deadline=min(waters.values(), default=None),
        waters=waters,
        saves={
            **{link.name: _saved(world, link) for link in links},
            **{lot.name: _eased(world, lot.section) for lot in lots if lot.upgraded},
        },
        in_programme=task.in_programme if task else True,
        builder=task.builder if task else "programme",
        opens=task.opens if task else None,
        starts_after=task.starts_after if task else None,
        opens_by=task.opens_by if task else None,
        after=task.after if task else (),
        links=tuple(link.name for link in links),
        upgrade=taken,
    )


def _water(given: Drowned, link: Link) -> date | None:
    """Day on which the water first takes some of what a new road replaces; None for never."""
    return min(
        (
            part.first_date
            for part in given.submergence.sections
            if part.section.overlaps(link.section)
        ),
        default=None,
    )


# ---------------------------------------------------------------- lots


def lots_of(world: World, link: Link) -> list[Lot]:
    """
    Cut a new road into lots of about the same length, on open road.

    Parameters
    ----------
    world
        What works are made from.
    link
        New road.

    Returns
    -------
    lots
        One where only the totals of the road are known. Their costs add to that of the road.
    """
    bill = link.inventory.bill if link.inventory is not None else None
    limits = [0.0, link.length] if bill is None else _limits(link, _wanted(world))
    station = link.station if bill is None else bill.station
    middle = (station[1:] + station[:-1]) / 2
    factor = link.cost.base / link.direct.base * world.given.study.money.exchange("PKR")
    places = sum(link.places.values()) * factor
    out = []
    for number, (a, b) in enumerate(pairwise(limits), 1):
        items = dict(link.totals)
        if bill is not None:
            own = (middle >= a) & (middle < b)
            items = {item: float(values[own].sum()) for item, values in bill.items.items()}
        parts = [p for p in link.structures if a <= (p.start + p.end) / 2 < b]
        paid = _paid(items, world.prices, factor)
        paid["earthworks"] = paid.get("earthworks", 0.0) + places * (b - a) / link.length
        replaced = link.section.length / link.length
        start = link.section.start + a * replaced
        out.append(
            Lot(
                name=_lot_name(link, number),
                section=Section(start, start + (b - a) * replaced),
                length=b - a,
                earthworks=sum(items.get(item, 0.0) for item in EARTH),
                walls=items.get("retaining_wall", 0.0),
                bridges=tuple(float(p.end - p.start) for p in parts if p.form == "bridge"),
                tunnels=tuple(float(p.end - p.start) for p in parts if p.form == "tunnel"),
                costs=paid,
                opens_with=link.name,
            )
        )
    return out


def _limits(link: Link, wanted: float) -> list[float]:
    """Chainages at which lots begin and end: on open road, as evenly as structures let them [m]."""
    count = max(1, round(link.length / wanted))
    station = link.station
    free = np.ones(station.size, bool)
    for part in link.structures:
        free &= (station < part.start - NEAR) | (station > part.end + NEAR)
    out = [0.0]
    for k in range(1, count):
        some = station[free & (station > out[-1] + wanted / 4) & (station < link.length - NEAR)]
        if some.size:
            out.append(float(some[np.argmin(np.abs(some - link.length * k / count))]))
    return [*out, link.length]


def _upgrades(world: World, work: str, part: Section) -> list[Lot]:
    """Cut a stretch that is upgraded into lots of the same length."""
    study = world.given.study
    count = max(1, round(part.length / _wanted(world)))
    limits = np.linspace(part.start, part.end, count + 1).tolist()
    rupees = study.money.exchange("PKR")
    lost = study.traffic.vehicles_per_day * study.traffic.hour_usd * study.phasing.works_delay_h
    out = []
    for a, b in pairwise(limits):
        own = Section(a, b)
        items = world.region.totals(own)
        priced = cost.price(items, world.prices, study.money)
        factor = rupees * priced.total.base / priced.direct.base if priced.direct.base else 0.0
        paid = _paid(items, world.prices, factor)
        land = paid.pop("land", 0.0)
        out.append(
            Lot(
                name=f"{work}, {own}",
                section=own,
                length=own.length,
                upgraded=True,
                costs={"land": land, "upgrade": sum(paid.values())},
                delays=lost * rupees,
            )
        )
    return out


def _paid(items: Mapping[str, float], prices: Rates, factor: float) -> dict[Kind, float]:
    """Cost of quantities by kind of activity [PKR], all that is added on the direct cost in it."""
    out: dict[Kind, float] = {}
    for item, quantity in items.items():
        kind = DONE.get(item, "earthworks")
        out[kind] = out.get(kind, 0.0) + quantity * prices[item].price.base * factor
    return out


# ---------------------------------------------------------------- what users save


def _saved(world: World, link: Link) -> float:
    """Rupees a day that users save by a new road over the one it replaces, while that is dry."""
    new, old = world.judged.get(link.name), world.region.kept
    if new is None:
        return 0.0
    return _worth(world, (old, [link.section]), (new, [new.whole]))


def _eased(world: World, section: Section) -> float:
    """Rupees a day that users save by an upgrade."""
    return _worth(world, (world.region.kept, [section]), (world.region.upgraded, [section]))


Road = tuple[Judged, Sequence[Section]]
"""A road as judged, and the stretches of it that are meant."""


def _worth(world: World, before: Road, after: Road) -> float:
    """
    Rupees a day between two roads, at least 0: who saves nothing goes on by the old one.

    Time is that of a car, mean of both directions; a vehicle of a day on which the road is closed
    loses `traffic.closed_h`.
    """
    traffic = world.given.study.traffic
    hours, shut = zip(*(_hours(road, parts) for road, parts in (before, after)), strict=True)
    saved = hours[0] - hours[1] + (shut[0] - shut[1]) * traffic.closed_h
    dollars = max(saved, 0.0) * traffic.vehicles_per_day * traffic.hour_usd
    return float(dollars * world.given.study.money.exchange("PKR"))


def gained_hours(world: World, one: Opened) -> float:
    """
    Hours by which a car is faster once lots are open, mean of both directions; below 0 if slower.

    Parameters
    ----------
    world
        What works are made from.
    one
        A new road or a lot that is upgraded.
    """
    old = world.region.kept
    if one.name in world.judged and not all(lot.upgraded for lot in one.lots):
        new = world.judged[one.name]
        replaced = Section(
            min(lot.section.start for lot in one.lots), max(lot.section.end for lot in one.lots)
        )
        return _hours(old, [replaced])[0] - _hours(new, [new.whole])[0]
    parts = [lot.section for lot in one.lots if lot.upgraded]
    if not parts:
        return 0.0
    return _hours(old, parts)[0] - _hours(world.region.upgraded, parts)[0]


def _hours(road: Judged, parts: Iterable[Section]) -> tuple[float, float]:
    """Hours that a car takes, and the share of days on which the road is closed."""
    some = list(parts)
    hours = sum(sum(road.service(part).car) / 2 for part in some) / _HOUR
    rates = np.sum([road.rates(part) for part in some], axis=0)
    return hours, float((MONTH_DAYS * (1 - np.exp(-rates))).sum() / MONTH_DAYS.sum())


# ---------------------------------------------------------------- how sure


def unit_prices(world: World, works: Sequence[Work], links: Sequence[Link]) -> dict[Kind, Estimate]:
    """
    Give the spread of prices by kind of activity, as low, base and high of all that it takes.

    Parameters
    ----------
    world
        What works are made from.
    works
        Works of an option.
    links
        Its new roads.

    Returns
    -------
    prices
        Amount of each kind at low, base and high prices; items are independent of each other.
    """
    taken: dict[Kind, dict[str, float]] = {}
    for link in links:
        for item, quantity in link.totals.items():
            own = taken.setdefault(DONE.get(item, "earthworks"), {})
            own[item] = own.get(item, 0.0) + quantity
    for work in works:
        for item, quantity in work.upgrade.items():
            kind: Kind = "land" if item == "land" else "upgrade"
            own = taken.setdefault(kind, {})
            own[item] = own.get(item, 0.0) + quantity
    out: dict[Kind, Estimate] = {}
    for kind, items in taken.items():
        found = independent(world.prices[i].price.times(q) for i, q in items.items() if q > 0)
        if found.low > 0:
            out[kind] = found
    return out


def sensitivity(world: World, link: Link) -> dict[str, float]:
    """
    Part by which the cost of structures and earthworks of lots grows for a metre of ground [1/m].

    To first order: the area of a cut or a fill of height h grows by `GROWS` / |h| of itself for a
    metre of height, up to all of it. Ground that is higher makes cuts larger and fills smaller;
    decks and tunnels are as long as before.

    Parameters
    ----------
    world
        What works are made from.
    link
        New road; only one with an inventory tells.

    Returns
    -------
    sensitivity
        By name of the lot; above 0 where it is mostly cut.
    """
    if link.inventory is None:
        return {}
    bill = link.inventory.bill
    station = bill.station
    middle = (station[1:] + station[:-1]) / 2
    height = ((bill.level - bill.ground)[1:] + (bill.level - bill.ground)[:-1]) / 2
    grows = -np.sign(height) * np.minimum(GROWS / np.maximum(np.abs(height), 1e-9), 1.0)
    moved = np.zeros(middle.size)
    whole = np.zeros(middle.size)
    for item, values in bill.items.items():
        paid = values * world.prices[item].price.base
        if item in (*EARTH, "retaining_wall"):
            moved += paid
        if DONE.get(item, "earthworks") in {"earthworks", "bridges", "tunnel"}:
            whole += paid
    out = {}
    for number, (a, b) in enumerate(pairwise(_limits(link, _wanted(world))), 1):
        own = (middle >= a) & (middle < b)
        if whole[own].sum() > 0:
            part = float((moved * grows)[own].sum() / whole[own].sum())
            out[_lot_name(link, number)] = part
    return out


def _wanted(world: World) -> float:
    """Length that lots are to have [m]."""
    return world.given.study.phasing.lot_km * 1000


def _lot_name(link: Link, number: int) -> str:
    """Name a lot of a new road."""
    return f"{link.name}, lot {number}"
