"""The order of the stages: a study in, a plan out. The file to read first."""

import os
import warnings
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import date, timedelta

import geopandas as gpd
import networkx as nx
from rasterio.errors import NotGeoreferencedWarning

from realign import corridor, formation, network
from realign.corridor import Gap, Site
from realign.drowned import Clock, Drowned, Tell, check, hashes, submerge
from realign.errors import InputError, NoRouteError, StudyError
from realign.highway import Highway
from realign.network import Link
from realign.options import Option
from realign.programme import Programme, builder, choices, openings, ours, programme
from realign.rates import Rates
from realign.reservoir import Reservoir
from realign.road import Rulebook, design
from realign.standards import load as load_standard
from realign.standards import rows
from realign.study import Study
from realign.submergence import Submergence
from realign.terrain import Terrain
from realign.validation import Assumption, Check, assumptions, checks, notes

__all__ = [
    "Assumption",
    "Check",
    "Drowned",
    "Plan",
    "Programme",
    "Tell",
    "check",
    "hashes",
    "run",
    "submerge",
]


RESERVES = (0.0, 0.07)
"""Shares of the greatest grade that the search leaves to the fit, tried in turn: curves make the
road shorter than its corridor, so that a climb at the limit may come out too steep [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """Everything that came out, by stage."""

    study: Study
    """What was asked."""
    rates: Rates
    """Unit prices."""
    terrain: Terrain
    """Ground."""
    highway: Highway
    """Existing road."""
    rivers: gpd.GeoDataFrame
    """Rivers, in the study's reference system, with a column `name`."""
    places: Mapping[str, float]
    """Places of the study on the existing road: name and chainage [m]."""
    reservoirs: tuple[Reservoir, ...]
    """Lakes, in the order of the study's dams."""
    submergence: Submergence
    """What they take."""
    gaps: tuple[Gap, ...]
    """Stretches that new roads replace."""
    links: tuple[Link, ...]
    """New roads, every gap and variant."""
    graph: nx.MultiDiGraph
    """Road network with every link."""
    options: tuple[Option, ...]
    """Whole answers; the first is to do nothing."""
    programmes: Mapping[str, Programme]
    """Phases and money by name of the option; none for do-nothing."""
    best: str
    """Name of the option shown first."""
    checks: tuple[Check, ...]
    """Published figures beside modelled ones."""
    assumptions: tuple[Assumption, ...]
    """Values that no source states."""
    notes: tuple[str, ...]
    """What a reader must know before using a number: misses, late openings, breaches."""
    links_open: Mapping[str, date]
    """Opening date of each link of the best option, by link name."""
    seconds: Mapping[str, float]
    """Time of each stage [s]."""
    hashes: Mapping[str, str]
    """SHA-256 of every input file by name."""


def run(study: Study, *, tell: Tell | None = None, workers: int | None = None) -> Plan:
    """
    Do the whole job.

    Parameters
    ----------
    study
        From `study.load`.
    tell
        Called with the name of the stage and what goes on; may raise to cancel.
    workers
        Corridors searched at the same time; the number of processors by default.

    Returns
    -------
    plan
        Everything that came out.

    Raises
    ------
    InputError
        An input is wrong; the message names file, key or chainage. Or the lakes take
        nothing of the road, so that there is nothing to plan.
    NoRouteError
        A gap cannot be bridged within the design standard.
    """
    clock = Clock(tell)
    prices = check(study)
    given = submerge(study, clock=clock)
    gaps = _gaps(given)
    with clock.stage("corridors and roads") as say:
        links, failed = _links(given, gaps, prices, say, workers)
    with clock.stage("options, phases and money"):
        found = choices(given, gaps, links, prices)
        programmes = {
            option.name: programme(given, option, prices) for option in found if option.links
        }
        best = next(iter(programmes))
        opened = openings(given, programmes[best])
        graph = _graph(given, links, opened)
        _check_connected(given, programmes, links)
    return Plan(
        study=study,
        rates=prices,
        terrain=given.terrain,
        highway=given.highway,
        rivers=given.rivers,
        places=given.places,
        reservoirs=given.reservoirs,
        submergence=given.submergence,
        gaps=gaps,
        links=links,
        graph=graph,
        options=found,
        programmes=programmes,
        best=best,
        checks=checks(given, programmes[best]),
        assumptions=assumptions(study, prices),
        notes=notes(given, programmes, best, failed),
        links_open=opened,
        seconds=clock.seconds,
        hashes=given.hashes,
    )


def rate(
    study: Study,
    *,
    gap: str = "",
    variant: str = "",
    count: int | None = None,
    tell: Tell | None = None,
    workers: int | None = None,
) -> corridor.Alternatives:
    """
    Rate many roads across one gap, and shortlist those that differ.

    Parameters
    ----------
    study
        From `study.load`.
    gap
        Name of the gap, the longest one by default.
    variant
        Name of the variant whose price rates the roads, the first one by default.
    count
        Roads to rate; `alternatives.count` of the study by default.
    tell
        Called with the name of the stage and what goes on; may raise to cancel.
    workers
        Rounds searched at the same time, two at most; the number of processors by default.

    Returns
    -------
    alternatives
        All roads, cheapest first, and the shortlist.

    Raises
    ------
    StudyError
        No gap or variant of that name.
    InputError, NoRouteError
        As in `run`.
    """
    clock = Clock(tell)
    rates = check(study)
    given = submerge(study, clock=clock)
    found = {each.name: each for each in _gaps(given)}
    longest = max(found.values(), key=lambda each: each.section.length)
    kinds = {each.name: each for each in study.variants}
    for what, name, known in (("gap", gap, list(found)), ("variant", variant, list(kinds))):
        if name and name not in known:
            msg = f"{study.file}: found no {what} {name!r}, wanted one of {', '.join(known)}"
            raise StudyError(msg)
    kind = kinds[variant] if variant else study.variants[0]
    standard = load_standard(study.standard.code, kind.speed_kmh)
    choice = study.alternatives
    with clock.stage("alternatives") as say:
        return corridor.alternatives(
            site_of(given),
            found[gap] if gap else longest,
            kind,
            rules=study.corridor,
            standard=standard,
            prices=formation.prices(study.formation, standard, rates),
            choice=choice if count is None else choice.model_copy(update={"count": count}),
            tell=lambda what, opened: say(f"{what}, {opened:,} states"),
            workers=workers or os.cpu_count() or 1,
        )


def _gaps(given: Drowned) -> tuple[Gap, ...]:
    """Stretches to replace; where a dam leaves several, each has a name of its own."""
    drowned = [(part.dam, part.section) for part in given.submergence.sections]
    if not drowned:
        dams = ", ".join(lake.dam.name for lake in given.reservoirs)
        msg = (
            f"{given.highway.name}: found no section without freeboard at the full level of "
            f"{dams}; wanted one, else there is nothing to plan"
        )
        raise InputError(msg)
    seen: dict[str, int] = {}
    out = []
    for gap in corridor.gaps(drowned, given.highway, given.study.corridor):
        number = seen[gap.name] = seen.get(gap.name, 0) + 1
        out.append(gap if number == 1 else replace(gap, name=f"{gap.name} {number}"))
    return tuple(out)


def site_of(given: Drowned) -> Site:
    """Put together what a corridor search needs of the world."""
    return Site(
        terrain=given.terrain,
        highway=given.highway,
        reservoirs=given.reservoirs,
        rivers=tuple(zip(given.rivers["name"], given.rivers.geometry, strict=True)),
        no_go=given.no_go,
        freeboard=given.study.clearance.freeboard_m,
        layers=given.layers,
        places=given.places,
        over_rivers=given.study.clearance.river_m,
    )


def _links(
    given: Drowned,
    gaps: Sequence[Gap],
    prices: Rates,
    say: Callable[[str], None],
    workers: int | None,
) -> tuple[tuple[Link, ...], dict[str, str]]:
    """Search and design a road for every gap and variant; what has no road is told by name."""
    study = given.study
    site = site_of(given)

    def searched(gap: Gap, variant: corridor.Variant) -> _Roads:
        return _Roads(site, gap, variant, study, prices, say)

    def designed(roads: Future[_Roads]) -> Link | NoRouteError:
        link = roads.result().link()
        return replace(link, builder=builder(given, link)) if isinstance(link, Link) else link

    jobs = [
        (gap, variant)
        for gap in gaps
        for variant in study.variants
        if variant is study.variants[0] or ours(given, gap)
    ]
    with warnings.catch_warnings(), ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        # rasterio silences this one itself, but a compiler in another thread may undo that
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        # long roads first, so that no processor waits for one at the end
        order = sorted(range(len(jobs)), key=lambda i: -jobs[i][0].section.length)
        # first all corridors, then all designs: shorter pieces of work share processors better
        found = {i: pool.submit(searched, *jobs[i]) for i in order}
        made = {i: pool.submit(designed, found[i]) for i in order}
        try:
            results = [made[i].result() for i in range(len(jobs))]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    links = tuple(link for link in results if isinstance(link, Link))
    failed = {
        f"{gap.name} / {variant.name}": str(result)
        for (gap, variant), result in zip(jobs, results, strict=True)
        if isinstance(result, NoRouteError)
    }
    for gap in gaps:
        if not any(link.gap == gap.name for link in links):
            raise NoRouteError("\n".join(failed.values()))
    return links, failed


def _speeds(variant: corridor.Variant, study: Study) -> list[int]:
    """Design speeds at which a road of a variant is tried, the fastest first [km/h]."""
    least = variant.least_speed_kmh or variant.speed_kmh
    slower = [row.speed_kmh for row in rows(study.standard.code)]
    return [variant.speed_kmh, *(v for v in reversed(slower) if least <= v < variant.speed_kmh)]


class _Roads:
    """Roads tried across a gap in turn: as fast as wanted, slower, and with grade in reserve."""

    def __init__(
        self,
        site: Site,
        gap: Gap,
        variant: corridor.Variant,
        study: Study,
        prices: Rates,
        say: Callable[[str], None],
    ) -> None:
        """Search the first corridor there is."""
        self.site, self.gap, self.study, self.prices, self.say = site, gap, study, prices, say
        self.problem = NoRouteError(f"{gap.name} / {variant.name}: not searched")
        self.tries = iter(
            (variant.model_copy(update={"speed_kmh": speed}), reserve)
            for speed in _speeds(variant, study)
            for reserve in RESERVES
        )
        self.found = self.next()

    def next(self) -> tuple[corridor.Corridor, Rulebook] | None:
        """Search the next corridor there is; None where there are no more."""
        for variant, reserve in self.tries:
            book = _book(variant, self.study, self.prices)
            name = f"{self.gap.name} / {variant.name}"
            try:
                found = corridor.find(
                    self.site,
                    self.gap,
                    variant,
                    rules=self.study.corridor,
                    standard=replace(book.standard, grade=book.standard.grade * (1 - reserve)),
                    prices=book.prices,
                    slow=book.slow,
                    tell=lambda what, opened: self.say(f"{what}, {opened:,} states"),
                )
            except NoRouteError as problem:
                self.problem = problem
            else:
                self.say(f"{name}: corridor found")
                return found, book
        return None

    def link(self) -> Link | NoRouteError:
        """Design the first of the corridors that becomes a road."""
        while self.found:
            found, book = self.found
            self.say(f"{self.gap.name} / {found.variant.name}: geometry, grade line, bill")
            try:
                return design(found, self.site, book)
            except NoRouteError as problem:
                self.problem = problem
                self.found = self.next()
        return self.problem


def _book(variant: corridor.Variant, study: Study, prices: Rates) -> Rulebook:
    """Tables that rule the roads of a variant."""
    least = variant.least_speed_kmh or variant.speed_kmh
    fastest = max(variant.speed_kmh, study.standard.desirable_kmh)
    return Rulebook(
        standard=load_standard(study.standard.code, variant.speed_kmh),
        shape=study.formation,
        line=study.profile,
        rules=study.corridor,
        rates=prices,
        money=study.money,
        others=tuple(
            row
            for row in rows(study.standard.code)
            if least <= row.speed_kmh <= fastest and row.speed_kmh != variant.speed_kmh
        ),
        slow_value=variant.slow_value_per_m,
        zone_m=study.standard.zone_m,
        earth=study.haul,
        shelter=study.hazard,
    )


def _graph(given: Drowned, links: Sequence[Link], opened: Mapping[str, date]) -> nx.MultiDiGraph:
    """Road network with every link; what an option does not build never opens."""
    never = date.max
    return network.build(
        given.highway,
        given.submergence,
        stage_dates=[[stage.date for stage in lake.dam.stages] for lake in given.reservoirs],
        links=links,
        places=given.places,
        opens={link.name: opened.get(link.name, never) for link in links},
        existing_speed_kmh=given.study.existing.speed_kmh,
    )


def _check_connected(
    given: Drowned, programmes: Mapping[str, Programme], links: Sequence[Link]
) -> None:
    """Hold the schedule's own word on cuts against the road network, day by day."""
    dates = [stage.date for lake in given.reservoirs for stage in lake.dam.stages]
    for each in programmes.values():
        opened = openings(given, each)
        graph = _graph(given, links, opened)
        order = sorted(graph.nodes, key=lambda node: float(graph.nodes[node]["chainage"]))
        cuts = network.cut_days(
            graph,
            order[0],
            order[-1],
            links=[link.name for link in each.option.links],
            first_day=given.study.phasing.start,
            last_day=max([*dates, *opened.values()]) + timedelta(days=1),
        )
        if bool(cuts) != bool(each.schedule.cuts):
            msg = (
                f"option {each.option.name}: the schedule says {each.schedule.cuts}, "
                f"the network {cuts}"
            )
            raise RuntimeError(msg)
