"""
Candidate links with all that options are compared by, and the network that options are ways of.

Existing road is kept or upgraded stretch by stretch, new road is a candidate link from one tie-in
to another. Where the lakes take the road only links lead on.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from realign import cost, options, phasing, service
from realign.allweather import Service
from realign.branches import Net, Values, Way, ways
from realign.chainage import Section, clip, merge, subtract, text, total
from realign.corridor import Gap
from realign.corridor.layers import taken
from realign.drowned import Drowned
from realign.estimate import Estimate
from realign.hazard import MONTH_DAYS
from realign.network import JOIN, Link
from realign.options import Leg
from realign.programme import farmland
from realign.rates import Rates
from realign.region import Region
from realign.service import Judged
from realign.works import announced, ours

AMOUNTS = ("cost", "length", "truck_time", "structures", "buildings", "farmland", "flooded_left")
"""Objectives that add up along a way, in the order of the columns."""
PEAKS = ("steepest",)
"""Objectives of which the greatest along a way counts."""
KEPT, UPGRADED = "kept", "upgraded"
"""States of a stretch of existing road."""
WINDOW = 3000.0
"""Length at both ends of a dry stretch within which a new road may leave and meet it [m]."""
COLUMNS = (*AMOUNTS, *PEAKS, "closed_days")
"""Columns of the scores of ways."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A candidate link: new road from one tie-in to another, put together of designed roads."""

    name: str
    """Gap and way, unique: "Diamer-Basha / reference+cheapest 2"."""
    net: Net
    """Net that it is a way of."""
    way: Way
    """Legs from tie-in to tie-in."""
    values: Values
    """Cost, length, structures: sums over its legs."""
    service: Service
    """What it gives its users."""
    closures: float
    """Expected closures of a year [1/year]."""
    rates: NDArray[np.float64]
    """Mean number of closures at a moment of each month, shape (12,) [-]."""
    present_cost: float
    """Present value of its cost, spent evenly while its task lasts until `opens`, in the currency
    of the rates."""
    steepest: float
    """Steepest grade, without sign [m/m]."""
    buildings: int
    """Buildings on the land that it takes; one at a joint counts for both sides of it."""
    farmland: float
    """Farmland on it [m2]."""
    opens: date
    """First day of traffic of the task that it belongs to, as late as the water or the end of the
    programme allow; its schedule dates what an option builds."""
    flawed: int
    """Breaches of the standard on the roads that it is put together of."""

    @property
    def cost(self) -> Estimate:
        """Cost, all in, in the currency of the rates."""
        return self.values.cost

    @property
    def gap(self) -> str:
        """Name of the gap that it closes."""
        return self.net.gap.name

    @property
    def variant(self) -> str:
        """Name of its way across the gap."""
        return self.way.name

    @property
    def section(self) -> Section:
        """Chainage of the existing highway that it replaces [m]."""
        return self.way.section

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.values.length

    @property
    def travel_time(self) -> float:
        """Time of a car at design speeds [s]."""
        return self.values.travel_time

    @property
    def exposure(self) -> float:
        """Mean exposure to slopes [0-1]."""
        return self.values.exposed / self.values.length

    @property
    def closed_days(self) -> float:
        """Expected closed days of a year [d]."""
        return float((MONTH_DAYS * (1 - self.service.open_share)).sum())

    @property
    def truck_time(self) -> float:
        """Time of a truck, mean of both directions [s]."""
        return sum(self.service.truck) / 2


@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """The network that whole answers are ways of."""

    legs: tuple[Leg, ...]
    """Kept and upgraded road, candidate links, and what joins them."""
    start: str
    """Node at the start of the highway."""
    end: str
    """Node at its end."""
    links: Mapping[str, Candidate]
    """Candidate link of each leg that is one, by name of the leg."""
    upgrades: Mapping[str, Section]
    """Upgraded stretch of each leg that is one, old chainage."""
    kept: Mapping[str, Section]
    """Kept stretch of each leg that is one, old chainage."""


def judged_roads(nets: Sequence[Net], region: Region) -> dict[str, Judged]:
    """Judge every road that candidate links are put together of, by name."""
    roads = {leg.road.name: leg.road for net in nets for leg in net.legs}
    return {name: service.of_link(road, region.scene) for name, road in sorted(roads.items())}


def candidates(
    given: Drowned, nets: Sequence[Net], judged: Mapping[str, Judged]
) -> tuple[Candidate, ...]:
    """
    List candidate links of every gap with all that they are compared by.

    Parameters
    ----------
    given
        The first stages.
    nets
        Trunks and branches of each gap.
    judged
        Their roads as judged, by name.

    Returns
    -------
    candidates
        `branches.most_links` of the study at most, the gaps sharing them; in the order of the nets,
        then of their sections.
    """
    most = given.study.branches.most_links
    found = [list(ways(net, most=most)) for net in nets]
    share = sorted(range(len(nets)), key=lambda i: len(found[i]))
    for place, i in enumerate(share):
        # a gap with few candidates keeps them all; the others share what it leaves
        own = most // (len(share) - place)
        found[i] = list(ways(nets[i], most=min(own, len(found[i])))) if own else []
        most -= len(found[i])
    return tuple(
        _candidate(given, net, way, judged)
        for net, some in zip(nets, found, strict=True)
        for way in some
    )


def _candidate(given: Drowned, net: Net, way: Way, judged: Mapping[str, Judged]) -> Candidate:
    """Judge one way."""
    parts = [(judged[leg.road.name], leg.part) for leg in way.legs]
    values = way.values
    roads = {leg.road.name: leg.road for leg in way.legs}
    kinds = given.study.options.farmland
    begins, opens = _days(given, way.section)
    return Candidate(
        name=f"{net.gap.name} / {way.name}",
        net=net,
        way=way,
        values=values,
        service=service.in_series([one.service(part) for one, part in parts]),
        closures=float(sum(one.closures_a_year(part).sum() for one, part in parts)),
        rates=np.sum([one.rates(part) for one, part in parts], axis=0),
        steepest=max(one.steepest(part) for one, part in parts),
        buildings=sum(_buildings(given, leg.road, leg.part) for leg in way.legs),
        farmland=farmland(values.uses, kinds),
        opens=opens,
        present_cost=values.cost.base * _share(given, begins, opens),
        flawed=sum(len(road.breaches) for road in roads.values()),
    )


def _days(given: Drowned, section: Section) -> tuple[date, date]:
    """
    Find the days between which the works on a section go on, before any schedule is made.

    They end when they have to: before the water where it takes the road, else with the programme;
    and they last as long as the task that the section belongs to does at the pace of the study.
    What others build goes on until its day.
    """
    pace, task = given.study.phasing, _task(given, section)
    if task is not None and task.opens is not None:
        return min(pace.start, task.opens), task.opens
    length = section.length
    if task is not None:
        length = abs(given.places[task.end] - given.places[task.start])
    new = task is None or task.work == "new"
    work = phasing.Work(
        name=task.name if task else str(section),
        section=section,
        new_length=length if new else 0.0,
        upgrade_length=0.0 if new else length,
        bridge_length=0.0,
        tunnel_length=0.0,
        cost=Estimate.exact(0.0),
    )
    months = phasing.duration(work, pace)
    waters = [
        part.first_date for part in given.submergence.sections if part.section.overlaps(section)
    ]
    dates = [stage.date for lake in given.reservoirs for stage in lake.dam.stages]
    last = phasing.months_later(min(waters), -pace.reserve_months) if waters else None
    last = last or pace.complete_by or max(dates)
    last = max(last, phasing.months_later(pace.start, months))
    return phasing.months_later(last, -months), last


def _task(given: Drowned, section: Section) -> phasing.Task | None:
    """Find the task that covers most of a section; None where none does."""
    found = [
        (total(clip([section], Section(given.places[task.start], given.places[task.end]))), task)
        for task in given.study.programme
    ]
    covered, task = max(found, key=lambda each: each[0], default=(0.0, None))
    return task if covered > 0 else None


def _share(given: Drowned, begins: date, opens: date) -> float:
    """Present value over cost of works that go on evenly between two days [-]."""
    base = given.study.phasing.start
    discount = given.study.phasing.discount_pct / 100
    return cost.present_share(begins, opens, base=base, discount=discount)


def _buildings(given: Drowned, road: Link, part: Section) -> int:
    """Count shapes of counted layers on the land that a stretch of a road takes."""
    if road.inventory is None or not any(each.layer.counted for each in given.layers):
        return 0
    if not sum(road.counts.values()):
        return 0
    bill = road.inventory.bill
    middle = (bill.station[1:] + bill.station[:-1]) / 2
    own = np.flatnonzero((middle >= part.start) & (middle <= part.end))
    if not own.size:
        return 0
    a, b = int(own[0]), int(own[-1]) + 1
    xy = np.column_stack((bill.x, bill.y))[a : b + 1]
    counted = [each for each in given.layers if each.layer.counted]
    return sum(taken(xy, bill.items["land"][a:b], counted)[1].values())


def stretches(given: Drowned) -> tuple[Section, ...]:
    """
    Part dry road that the programme may upgrade into stretches that are decided as a whole.

    Places part them where both sides are at least `options.stretch_m` long.
    """
    lost = [each.section for each in given.submergence.sections]
    least = given.study.options.stretch_m
    out = []
    for dry in subtract(announced(given, ()), lost):
        inner = sorted(s for s in given.places.values() if dry.start < s < dry.end)
        cuts = [dry.start]
        for s in inner:
            if s - cuts[-1] >= least and dry.end - s >= least:
                cuts.append(s)
        out += [Section(a, b) for a, b in pairwise([*cuts, dry.end])]
    return tuple(out)


def replaceable(given: Drowned) -> tuple[Gap, ...]:
    """
    Give the stretches that a new road may replace though they are dry, as gaps.

    Those of `stretches` that are at least `options.replace_m` long, none where that is 0. A new
    road may leave and meet the old one within `WINDOW` of their ends.
    """
    least = given.study.options.replace_m
    out = []
    for each in stretches(given) if least else ():
        if each.length >= least:
            window = min(WINDOW, each.length / 5)
            inner = Section(each.start + window, each.end - window)
            before, after = Section(each.start, inner.start), Section(inner.end, each.end)
            names = [
                min(given.places, key=lambda name: abs(given.places[name] - s))
                for s in (each.start, each.end)
            ]
            out.append(Gap("-".join(names), inner, before, after))
    return tuple(out)


def choices(
    given: Drowned,
    region: Region,
    found: Sequence[Candidate],
    prices: Rates,
    *,
    upgradable: Sequence[Section],
) -> Choices:
    """
    Put the network together that options are ways of.

    Parameters
    ----------
    given, region
        Existing road, water, hazards.
    found
        Candidate links; those with breaches count only across gaps that have no others, and across
        gaps that others build only their road.
    prices
        Unit prices, of what is upgraded.
    upgradable
        Stretches that are kept or upgraded as a whole, from `stretches`.
    """
    built = [
        each
        for each in found
        if (not each.flawed or _only_flawed(each, found))
        and (ours(given, each.net.gap) or whole_road(each.way))
    ]
    ties = {s for each in built for s in (each.way.section.start, each.way.section.end)}
    chain = _Chain(given, upgradable, ties)
    legs: list[Leg] = []
    kept: dict[str, Section] = {}
    upgrades: dict[str, Section] = {}
    for section, stretch in chain.sections():
        for layer in chain.layers(stretch):
            start, end = chain.node(section.start, layer), chain.node(section.end, layer)
            name = f"{layer or 'kept'} {section}"
            better = layer == UPGRADED
            (upgrades if better else kept)[name] = section
            values = _standing(given, region, section, prices, better=better)
            legs.append(Leg(name, start, end, *values))
    for s in sorted(ties):
        for layer in chain.layers(chain.inside(s)):
            legs.append(_joint(chain.node(s, layer), f"{text(s)} leave"))
            legs.append(_joint(f"{text(s)} meet", chain.node(s, layer)))
        legs.append(_joint(f"{text(s)} meet", f"{text(s)} leave"))
    links = {}
    for each in built:
        section = each.way.section
        start, end = f"{text(section.start)} leave", f"{text(section.end)} meet"
        legs.append(Leg(each.name, start, end, *_scores(each)))
        links[each.name] = each
    first, last = chain.node(0.0, ""), chain.node(given.highway.length, "")
    return Choices(tuple(legs), first, last, links, upgrades, kept)


class _Chain:
    """Existing road, cut at tie-ins and at the ends of stretches that are decided as a whole."""

    def __init__(
        self, given: Drowned, upgradable: Sequence[Section], ties: Collection[float]
    ) -> None:
        """Find where it is cut."""
        ends = [s for each in upgradable for s in (each.start, each.end)]
        lost = [each.section for each in given.submergence.sections]
        limits = [s for each in lost for s in (each.start, each.end)]
        points: list[float] = []
        # tie-ins first, so that they are nodes; what is nearer to one than rounding is it
        for s in (*sorted(ties), 0.0, given.highway.length, *ends, *limits):
            if all(abs(s - other) > JOIN for other in points):
                points.append(s)
        self.points = sorted(points)
        self.stretches = tuple(upgradable)
        self.lost = lost

    def inside(self, s: float) -> Section | None:
        """Stretch that a place lies well within."""
        return next((e for e in self.stretches if e.start + JOIN < s < e.end - JOIN), None)

    def layers(self, stretch: Section | None) -> tuple[str, ...]:
        """Give the states that a stretch may have."""
        return ("",) if stretch is None else (KEPT, UPGRADED)

    def node(self, s: float, layer: str) -> str:
        """Name the node at a chainage: one a state within a stretch, one for all elsewhere."""
        near = min(self.points, key=lambda other: abs(other - s))
        return f"{text(near)} {layer}".strip() if self.inside(near) else text(near)

    def sections(self) -> Iterator[tuple[Section, Section | None]]:
        """Give the dry sections between nodes, each with its stretch."""
        for a, b in pairwise(self.points):
            section = Section(a, b)
            if total(clip(self.lost, section)) <= JOIN:
                middle = (a + b) / 2
                own = (e for e in self.stretches if e.start < middle < e.end)
                yield section, next(own, None)


def whole_road(way: Way) -> bool:
    """Whether a way is one designed road from its start to its end."""
    road = way.legs[0].road
    one = all(leg.road is road for leg in way.legs)
    return one and sum(leg.part.length for leg in way.legs) >= road.length - 1.0


def _only_flawed(each: Candidate, found: Sequence[Candidate]) -> bool:
    """Whether all candidates across the gap of one have breaches."""
    return all(other.flawed for other in found if other.net is each.net)


def _joint(start: str, end: str) -> Leg:
    """Join two nodes at one place."""
    return Leg(
        f"{start} to {end}", start, end, np.zeros(len(AMOUNTS)), np.zeros(len(PEAKS)), np.zeros(12)
    )


Scores = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Amounts, peaks and rates of a leg."""


def _standing(
    given: Drowned, region: Region, section: Section, prices: Rates, *, better: bool
) -> Scores:
    """Score a section of existing road, kept or upgraded."""
    road = region.upgraded if better else region.kept
    paid = 0.0
    if better:
        paid = cost.price(region.totals(section), prices, given.study.money).total.base
        paid *= _share(given, *_days(given, section))
    truck = sum(road.service(section).truck) / 2
    amounts = np.array([paid, section.length, truck, 0.0, 0.0, 0.0, 0.0])
    return amounts, np.array([road.steepest(section)]), road.rates(section)


def _scores(each: Candidate) -> Scores:
    """Score a candidate link."""
    amounts = np.array(
        [
            each.present_cost,
            each.length,
            each.truck_time,
            each.values.bridge_length + each.values.tunnel_length,
            float(each.buildings),
            each.farmland,
            0.0,
        ]
    )
    return amounts, np.array([each.steepest]), each.rates


def ordered(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bring the columns of scores of ways into the order of `options.OBJECTIVES`."""
    place = [COLUMNS.index(objective.name) for objective in options.OBJECTIVES]
    return scores[:, place]


def upgraded_of(names: Sequence[str], network: Choices) -> tuple[Section, ...]:
    """Existing road that a way upgrades, by the names of its legs."""
    return merge(network.upgrades[name] for name in names if name in network.upgrades)
