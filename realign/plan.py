"""The order of the stages: a study in, a plan out. The file to read first."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import geopandas as gpd
import networkx as nx

from realign import (
    branches,
    candidates,
    choice,
    corridor,
    cost,
    formation,
    network,
    protection,
    region,
    spread,
)
from realign.allweather import Critical, Kind, Service, Worth
from realign.appraisal import Funds, Variation, funds, uncertain, variations
from realign.branches import Net
from realign.choice import ANNOUNCED, Choice, Decision
from realign.corridor import Gap
from realign.drowned import Clock, Drowned, Tell, check, hashes, submerge, texts, unchanged
from realign.errors import InputError, StudyError
from realign.highway import Highway
from realign.network import Link, Proposed
from realign.opened import Opened, base_of, head_of, site, site_of
from realign.options import DO_NOTHING, Option, judged
from realign.programme import Programme, improved, openings, programme
from realign.rates import Rates
from realign.region import Region
from realign.reservoir import Reservoir
from realign.risk import Outcome
from realign.spread import Hands, Memory, Spread
from realign.standards import load as load_standard
from realign.store import Store
from realign.study import Study
from realign.submergence import Submergence
from realign.terrain import Terrain
from realign.trunks import Trunk, designed
from realign.validation import (
    Assumption,
    Check,
    assumptions,
    checks,
    new_road_replayed,
    notes,
    replayed,
)
from realign.works import World, ours
from realign.yearround import Built, YearRound, critical, network_of, yearround

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
    """New roads: every gap and variant, and what the options build besides."""
    graph: nx.MultiDiGraph
    """Road network with every designed road and every candidate link, see
    `yearround.network_of`."""
    region: Region
    """What roads meet, whichever are built."""
    choice: Choice
    """Candidate links, whole answers that nothing beats, and the shortlist."""
    options: tuple[Option, ...]
    """Whole answers: to do nothing, the programme as announced, and the shortlist."""
    decision: Decision
    """Options weighed against each other."""
    years: Mapping[str, YearRound]
    """How surely each option keeps the road open, by its name."""
    critical: Mapping[Kind, tuple[Critical, ...]]
    """Stretches of road of the best option and what happens when each is closed, for cars and for
    trucks."""
    protections: tuple[Worth, ...]
    """What protections of the best option would buy."""
    programmes: Mapping[str, Programme]
    """Phases and money by name of the option; none for do-nothing where others build nothing."""
    funds: Mapping[str, Funds]
    """Who pays, and what the economy gains, by name of the option; of those with phases."""
    risks: Mapping[str, Outcome]
    """How sure cost and dates of each option are, by its name; of those with phases."""
    variations: tuple[Variation, ...]
    """The best option under the other budgets and dates of the study."""
    best: str
    """Name of the option shown first: that which the weights of the study prefer."""
    announced: str
    """Name of the option that is compared with published figures."""
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
    texts: Mapping[str, str]
    """Texts of the study and of its tables by name, from which it can be run again."""


def run(
    study: Study,
    *,
    tell: Tell | None = None,
    workers: int | None = None,
    scheduler: str = "threads",
    store: Store | None = None,
) -> Plan:
    """
    Do the whole job.

    Parameters
    ----------
    study
        From `study.load`.
    tell
        Called with the name of the stage and what goes on; may raise to cancel.
    workers
        Threads or processes of this machine; the number of processors by default.
    scheduler
        Who works: "threads" of this machine; "processes" of it for schedules and draws; or the
        address of a cluster of Dask, for these and for the search and design of roads and of
        branches and for putting links together. Its workers open the study and its inputs
        themselves, under the same paths.
    store
        Where what was made before is found again, and new results are kept; all is made anew where
        none is given. The plan is the same either way.

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
    ClusterError
        The cluster does not answer, or is lost.
    """
    with spread.hands(scheduler, workers) as hands:
        return _run(study, Clock(tell), hands, store)


def _run(study: Study, clock: Clock, hands: Hands, store: Store | None) -> Plan:  # noqa: PLR0915
    """Do the whole job, a line or two a stage."""
    prices = check(study)
    held = texts(study)
    given = submerge(study, clock=clock)
    gaps = _gaps(given)
    dry = candidates.replaceable(given)
    memory = Memory(store, base_of(given) if store else "")
    work = Spread(hands, Opened(given, prices), head_of(given), memory=memory)
    with clock.stage("hazards and standing road") as say:
        area = region.survey(given, prices, say)
        unchanged(given, held)  # all inputs are read
    with clock.stage("corridors and roads") as say:
        trunks, failed = designed(work, (*gaps, *dry), free=dry, say=say)
    with clock.stage("branches") as say:
        # kept together, since roads of the nets are roads of the trunks
        known = "branches", (memory.base, gaps, dry)
        if found := memory.find(*known):
            say("found again")
            trunks, nets = found
        else:
            nets = _nets(work, (*gaps, *dry), trunks, say, free=dry)
            memory.keep((trunks, nets), *known)
    with clock.stage("network and options") as say:
        roads = candidates.judged_roads(nets, area)
        every = candidates.candidates(given, nets, roads)
        ways = candidates.choices(
            given, area, every, prices, upgradable=candidates.stretches(given)
        )
        links = tuple(link for link, _, _ in trunks)
        found = choice.chosen(
            work,
            area,
            ways,
            every,
            nets=nets,
            needed=[gap.name for gap in gaps],
            trunks=links,
            say=say,
        )
    with clock.stage("phases"):
        programmes = {
            option.name: programme(given, option, found.schedules[option.name])
            for option in found.options
            if option.links
        }
        opened = {name: openings(given, each) for name, each in programmes.items()}
    with clock.stage("all weather") as say:
        years = {}
        for option in found.options:
            say(option.name)
            own = programmes.get(option.name)
            built = Built(
                option.links,
                option.upgraded,
                opened.get(option.name, {}),
                detours=option.name != DO_NOTHING,
                improved=improved(own) if own else {},
            )
            years[option.name] = yearround(given, area, built, found.judged)
        whole = judged([_finished(given, each, years[each.name]) for each in found.options])
        found = replace(found, options=whole)
        decision = choice.decided(given, whole, years)
        best = decision.table.winner
        year = years[best]
        kinds: tuple[Kind, ...] = ("truck", "car")
        matter = {kind: critical(given, year, kind=kind) for kind in kinds}
        worths = protection.protections(
            year,
            study.all_weather,
            rates=prices,
            money=study.money,
            approaches=study.approaches,
        )
    programmes = {
        option.name: replace(programmes[option.name], option=option)
        for option in whole
        if option.name in programmes
    }
    with clock.stage("money") as say:
        world = World(given, area, found.judged, prices)
        chosen = next(option for option in whole if option.name == best)
        others = variations(world, chosen, study.phasing.alternatives, spread=work)
        works = {name: each for name, each in programmes.items() if each.schedule.phases}
        paid, risks = _money(world, works, years, say, work)
    used = {link.name: link for option in whole for link in option.links}
    links = (*links, *(used[n] for n in sorted(set(used) - {link.name for link in links})))
    graph = _whole(given, area, found, links, opened.get(best, {}))
    _check_connected(given, programmes)
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
        region=area,
        choice=found,
        options=whole,
        decision=decision,
        years=years,
        critical=matter,
        protections=worths,
        programmes=programmes,
        funds=paid,
        risks=risks,
        variations=others,
        best=best,
        announced=ANNOUNCED,
        checks=checks(given, programmes[ANNOUNCED], years[ANNOUNCED], prices),
        assumptions=assumptions(study, prices),
        notes=(
            *notes(given, programmes, best, {**failed, **found.failed}),
            *_open_or_not(given, years, programmes),
            *_how_sure(given, found),
            *_conflicts(programmes, paid),
            *_replay(study, prices, programmes[ANNOUNCED]),
        ),
        links_open=opened.get(best, {}),
        seconds=clock.seconds,
        hashes=given.hashes,
        texts=held,
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


def _nets(
    work: Spread[Opened],
    gaps: Sequence[Gap],
    trunks: Sequence[Trunk],
    say: Callable[[str], None],
    *,
    free: Sequence[Gap],
) -> tuple[Net, ...]:
    """Join the roads across each gap by branches, but where others build or the road is dry."""
    given = work.opened.given
    own = given.study.branches
    none = own.model_copy(update={"most_branches": 0})
    there = {link.gap for link, _, _ in trunks}
    return tuple(
        branches.branched(
            work.of(site),
            gap,
            [trunk for trunk in trunks if trunk[0].gap == gap.name],
            settings=own if ours(given, gap) and gap not in free else none,
            tell=say,
        )
        for gap in gaps
        if gap.name in there
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


def _money(
    world: World,
    programmes: Mapping[str, Programme],
    years: Mapping[str, YearRound],
    say: Callable[[str], None],
    work: Spread[Opened],
) -> tuple[dict[str, Funds], dict[str, Outcome]]:
    """Pay for every programme, and say how sure its cost and its dates are."""
    paid, risks = {}, {}
    for name, each in programmes.items():
        say(f"{name}: cases of financing")
        paid[name] = funds(world, each, years[name])
        say(f"{name}: {world.given.study.risk.draws:,} draws")
        risks[name] = uncertain(world, each, spread=work)
    return paid, risks


def _finished(given: Drowned, option: Option, year: YearRound) -> Option:
    """Give an option the closed days of the whole network, and the detours that it needs."""
    study = given.study
    roads = [road for road in study.approaches if road.name in year.detours]
    base, discount = study.phasing.start, study.phasing.discount_pct / 100
    days = [max(road.opens or base, base) for road in roads]
    present = sum(
        road.cost_usd * cost.present_share(day, day, base=base, discount=discount)
        for road, day in zip(roads, days, strict=True)
    )
    return replace(
        option,
        closed_days=year.highway.closed_days_a_year,
        # where flooded road is left, another way may lead round it
        travel_time=min(option.travel_time, year.car_time),
        truck_time=min(option.truck_time, year.truck_time),
        present_cost=option.present_cost + present,
        detours=year.detours,
        detour_cost=sum(road.cost_usd for road in roads),
    )


def _whole(
    given: Drowned,
    area: Region,
    found: Choice,
    links: Sequence[Link],
    opened: Mapping[str, date],
) -> nx.MultiDiGraph:
    """Put all that stands and all that may be built together."""
    proposed: dict[str, tuple[Proposed, Service]] = {
        each.name: (each, each.service) for each in found.candidates
    }
    for link in links:
        road = found.judged[link.name]
        proposed[link.name] = link, road.service(road.whole)
    # what the best option does not build opens when its works could be done
    dates = {each.name: each.opens for each in found.candidates}
    return network_of(given, area, proposed, {**dates, **opened})


def _open_or_not(
    given: Drowned, years: Mapping[str, YearRound], programmes: Mapping[str, Programme]
) -> list[str]:
    """Name the first date and place at which a plan cuts the road, or what keeps it open."""
    out = []
    for name, year in years.items():
        if year.cut is not None:
            shut = year.cut.closed
            more = f" and {len(shut) - 2} more" if len(shut) > 2 else ""
            out.append(
                f"Option {name}: no way for trucks along {given.highway.name} from "
                f"{year.cut.first_day} until {year.cut.until}: {'; '.join(shut[:2])}{more}."
            )
        elif name in programmes and programmes[name].schedule.cuts:
            out.append(
                f"Option {name}: where a work opens after the water, detours keep a way open for "
                "trucks."
            )
        if year.detours and year.cut is None:
            out.append(
                f"Option {name}: needs {' and '.join(year.detours)} for the time being; its "
                "present cost counts what they cost."
            )
    return out


def _how_sure(given: Drowned, found: Choice) -> list[str]:
    """Say where the front is no proof, and how alike the shortlist is."""
    out = []
    if not found.front.exact:
        out.append(
            f"The front of {found.front.count:,} whole answers is not whole: one left out may be "
            f"better by {found.front.epsilon:.0%} in an objective at most."
        )
    if found.alike > given.study.options.alike and found.rows:
        out.append(
            f"Too few whole answers differ: options on the shortlist build up to {found.alike:.0%} "
            f"on the same ground as another, where {given.study.options.alike:.0%} were asked for."
        )
    return out


def _replay(study: Study, prices: Rates, announced: Programme) -> list[str]:
    """Say what the announced quantities come to at the unit prices of the study."""
    parts = replayed(study, prices, announced)
    asked = study.replay
    if not parts:
        return []
    km = {
        "tunnels": asked.tunnel_km,
        "bridges": asked.bridge_km,
        "open road": asked.open_road_km,
        "upgrades": asked.upgrade_km,
    }
    words = ", ".join(
        f"{km[name]:.1f} km of {name} {cost / 1e9:,.0f}" for name, cost in parts.items()
    )
    whole = f"{sum(parts.values()) / 1e9:,.0f}"
    out = [f"Announced quantities at the prices of the study, Rs bn: {words}; together {whole}."]
    new = new_road_replayed(study, parts) / 1e6 * study.money.exchange("CNY", of="PKR")
    length = asked.open_road_km + asked.bridge_km + asked.tunnel_km
    if length > 0:
        share = 100 * (asked.bridge_km + asked.tunnel_km) / length
        out.append(
            f"The {length:.1f} km of new road among them, {share:.0f} % structures, come to RMB "
            f"{new:.0f} m a kilometre."
        )
    return out


def _conflicts(programmes: Mapping[str, Programme], paid: Mapping[str, Funds]) -> list[str]:
    """Say which limits of time, money and crews cannot be kept, and which loans do not fit."""
    out = [
        f"Option {name}: {each.schedule.conflict}"
        for name, each in programmes.items()
        if each.schedule.conflict
    ]
    out += [f"Option {name}: {each.problem}" for name, each in paid.items() if each.problem]
    return out


def _check_connected(given: Drowned, programmes: Mapping[str, Programme]) -> None:
    """Hold the schedule's own word on cuts against the road network, day by day."""
    dates = [stage.date for lake in given.reservoirs for stage in lake.dam.stages]
    for each in programmes.values():
        if each.option.flooded_left > 0:
            continue  # what nobody replaces is no delay of a work
        opened = openings(given, each)
        graph = _graph(given, each.option.links, opened)
        order = sorted(graph.nodes, key=lambda node: float(graph.nodes[node]["chainage"]))
        first = given.study.phasing.start
        last = max([*dates, *opened.values()]) + timedelta(days=1)
        cuts = network.cut_days(graph, order[0], order[-1], first_day=first, last_day=last)
        said = _days(each.schedule.cuts, first, last)
        found = _days(cuts, first, last)
        if said != found:
            odd = date.fromordinal(min(said ^ found))
            msg = (
                f"option {each.option.name}: the schedule says {each.schedule.cuts}, "
                f"{len(said)} days, the network {cuts}, {len(found)} days; they differ from "
                f"{odd} on"
            )
            raise RuntimeError(msg)


def _days(cuts: Iterable[tuple[date, date, str]], first: date, last: date) -> set[int]:
    """Days of a period with at least one cut, as ordinals."""
    return {
        day
        for begin, after, _ in cuts
        for day in range(
            max(begin, first).toordinal(), min(after.toordinal(), last.toordinal() + 1)
        )
    }
