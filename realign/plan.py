"""The order of the stages: a study in, a plan out. The file to read first."""

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter

import geopandas as gpd
import networkx as nx
import numpy as np
import pyogrio
import shapely
from pydantic import BaseModel
from pyogrio.errors import DataLayerError, DataSourceError
from pyproj import Transformer
from scipy.spatial import cKDTree

from realign import corridor, cost, finance, highway, network, options, phasing, rates, reservoir
from realign import submergence, terrain
from realign.chainage import Section, clip, merge, subtract, text, total
from realign.corridor import Gap, Site
from realign.errors import InputError, NoRouteError, StudyError
from realign.estimate import Estimate, together
from realign.finance import Split
from realign.hazard import exposure
from realign.highway import Highway
from realign.network import KMH, Link
from realign.options import Option
from realign.phasing import Schedule, Work
from realign.rates import Rates
from realign.reservoir import Reservoir
from realign.road import Rulebook, design
from realign.standards import load as load_standard
from realign.study import QUANTITIES, Published, Study
from realign.submergence import Submergence
from realign.terrain import Terrain

Tell = Callable[[str, str], None]
"""Called with the stage and what goes on in it; may raise to cancel."""

PLACE_M = 5000.0
"""A place of the study farther than this from the highway is a mistake [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Programme:
    """What is built when for one option, and who pays it."""

    option: Option
    """The option."""
    schedule: Schedule
    """Its phases with dates and money."""
    splits: tuple[Split, ...]
    """Money of each phase by financier, in the order of the schedule's phases."""


@dataclass(frozen=True, slots=True)
class Check:
    """A published figure beside the modelled one."""

    published: Published
    """The published figure with its source and what is accepted."""
    unit: str
    """Unit of both."""
    modelled: float
    """Modelled value; NaN where the stages cannot answer."""

    @property
    def ratio(self) -> float:
        """Modelled over published [-]."""
        return self.modelled / self.published.value if self.published.value else float("nan")

    @property
    def ok(self) -> bool:
        """Whether the modelled value lies within what is accepted."""
        return self.published.accepted_low <= self.modelled <= self.published.accepted_high


@dataclass(frozen=True, slots=True)
class Assumption:
    """A value of the study that no source states."""

    key: str
    """Key in the study file, with its table."""
    value: str
    """Its value."""
    reason: str
    """What the study says of it."""


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


@dataclass(frozen=True, slots=True, eq=False)
class Drowned:
    """The first stages: what the water takes of the existing road."""

    study: Study
    """What was asked."""
    terrain: Terrain
    """Ground."""
    highway: Highway
    """Existing road."""
    rivers: gpd.GeoDataFrame
    """Rivers with a column `name`."""
    no_go: tuple[shapely.Geometry, ...]
    """Ground that no road may touch."""
    places: Mapping[str, float]
    """Chainage of each place of the study [m]."""
    reservoirs: tuple[Reservoir, ...]
    """Lakes."""
    submergence: Submergence
    """What they take."""
    hashes: Mapping[str, str]
    """SHA-256 of every input file by name."""


class Clock:
    """Seconds of each stage, and who is told of it."""

    def __init__(self, tell: Tell | None) -> None:
        """Start with nothing timed."""
        self.seconds: dict[str, float] = {}
        self._tell = tell

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a stage; gives a function that reports what goes on in it."""
        began = perf_counter()
        self.say(name, "")
        yield lambda detail: self.say(name, detail)
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began

    def say(self, name: str, detail: str) -> None:
        """Tell what goes on."""
        if self._tell:
            self._tell(name, detail)


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
        An input is wrong; the message names file, key or chainage.
    NoRouteError
        A gap cannot be bridged within the design standard.
    """
    clock = Clock(tell)
    prices = check(study)
    given = submerge(study, clock=clock)
    gaps = corridor.gaps(
        [(part.dam, part.section) for part in given.submergence.sections],
        given.highway,
        study.corridor,
    )
    with clock.stage("corridors and roads") as say:
        links, failed = _links(given, gaps, prices, say, workers)
    with clock.stage("options, phases and money"):
        choices = _options(given, gaps, links, prices)
        programmes = {
            option.name: _programme(given, option, links, prices)
            for option in choices
            if option.links
        }
        best = next(option.name for option in choices if option.links)
        opened = _openings(programmes[best])
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
        options=choices,
        programmes=programmes,
        best=best,
        checks=_checks(given, programmes[best]),
        assumptions=_assumptions(study, prices),
        notes=_notes(given, programmes, best, failed),
        links_open=opened,
        seconds=clock.seconds,
        hashes=given.hashes,
    )


def submerge(study: Study, *, tell: Tell | None = None, clock: Clock | None = None) -> Drowned:
    """
    Do the first stages: ground, water, existing road, and what is lost of it.

    Parameters
    ----------
    study
        From `study.load`.
    tell
        Called with the name of the stage and what goes on.
    clock
        Takes the seconds; a new one by default.

    Returns
    -------
    drowned
        Lakes and submerged sections.
    """
    clock = clock or Clock(tell)
    folder = study.inputs
    with clock.stage("ground"):
        ground = terrain.read(
            folder / study.elevation.file,
            crs=study.crs,
            datum=study.elevation.vertical_datum,
            sigma=study.elevation.sigma_m,
        )
    with clock.stage("highway"):
        road = _highway(study, ground)
        places = _places(study, road)
        rivers = _rivers(study)
        no_go = _polygons(study, study.rivers.no_go)
    with clock.stage("reservoirs") as say:
        lakes = []
        for dam in study.dams:
            say(dam.name)
            shore = reservoir.read_extent(folder / dam.extent, crs=study.crs) if dam.extent else None
            lakes.append(reservoir.fill(ground, dam, rivers, shore=shore))
    with clock.stage("submergence"):
        lost = submergence.submerge(
            road, lakes, sigma=ground.sigma, clearance=study.clearance
        )
    return Drowned(
        study=study,
        terrain=ground,
        highway=road,
        rivers=rivers,
        no_go=no_go,
        places=places,
        reservoirs=tuple(lakes),
        submergence=lost,
        hashes=hashes(study),
    )


def check(study: Study) -> Rates:
    """
    Check what a study needs before anything runs: its unit prices, and that its inputs are there.

    Raises
    ------
    StudyError, InputError
        Every problem, one a line.
    """
    problems = []
    prices = None
    try:
        prices = rates.read(study.rates_file)
    except InputError as problem:
        problems.append(str(problem))
    names = [study.elevation.file, study.existing.file, study.rivers.file]
    names += [dam.extent for dam in study.dams if dam.extent]
    names += [study.rivers.no_go] if study.rivers.no_go else []
    problems += [
        f"{study.inputs / name}: no such file; make it with `make data` or give --inputs DIR"
        for name in names
        if not (study.inputs / name).is_file()
    ]
    if problems or prices is None:
        raise InputError("\n".join(problems))
    return prices


def hashes(study: Study) -> dict[str, str]:
    """SHA-256 of the study, its tables and its inputs by file name; equal hashes, equal plan."""
    files = [study.file, study.rates_file, study.file.parent / study.study.places]
    names = [study.elevation.file, study.existing.file, study.existing.segments, study.rivers.file]
    names += [dam.extent for dam in study.dams if dam.extent]
    names += [study.rivers.no_go] if study.rivers.no_go else []
    files += [study.inputs / name for name in names]
    out = {}
    for file in files:
        if file.is_file():
            with file.open("rb") as stream:
                out[file.name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return out


def _highway(study: Study, ground: Terrain) -> Highway:
    folder, table = study.inputs, study.existing
    segments = folder / table.segments
    line = highway.read(
        folder / table.file, crs=study.crs, segments=segments if segments.is_file() else None
    )
    start = next(place for place in study.places if place.name == table.start_name)
    xy = Transformer.from_crs(4326, study.crs, always_xy=True).transform(start.lon, start.lat)
    return highway.on_ground(highway.oriented(line, xy), ground, table)


def _places(study: Study, road: Highway) -> dict[str, float]:
    """Chainage of every place; one far from the road is an error where the study uses it."""
    project = Transformer.from_crs(4326, study.crs, always_xy=True)
    x, y = project.transform([p.lon for p in study.places], [p.lat for p in study.places])
    s, off = road.chainage(np.array(x), np.array(y))
    used = {name for task in study.programme for name in (task.start, task.end)}
    far = [
        f"{study.study.places}: {place.name} lies {d / 1000:.1f} km from the highway; "
        f"wanted at most {PLACE_M / 1000:g} km"
        for place, d in zip(study.places, off, strict=True)
        if d > PLACE_M and place.name in used
    ]
    if far:
        raise InputError("\n".join(far))
    out = {
        place.name: float(v)
        for place, v, d in zip(study.places, s, off, strict=True)
        if d <= PLACE_M
    }
    backwards = [
        f"programme {task.name!r}: {task.start} at {text(out[task.start])} is not before "
        f"{task.end} at {text(out[task.end])}"
        for task in study.programme
        if out[task.start] >= out[task.end]
    ]
    if backwards:
        raise StudyError("\n".join(backwards))
    return out


def _layer(path: Path, study: Study, wanted: str, kinds: set[str]) -> gpd.GeoDataFrame:
    if not path.is_file():
        msg = f"{path}: no such file; wanted {wanted}"
        raise InputError(msg)
    try:
        frame = pyogrio.read_dataframe(path)
    except (DataSourceError, DataLayerError) as problem:
        msg = f"{path}: cannot be read as {wanted} ({problem})"
        raise InputError(msg) from problem
    if frame.empty or not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        msg = f"{path}: found no features with a reference system; wanted {wanted}"
        raise InputError(msg)
    frame = frame.to_crs(study.crs).explode(ignore_index=True)
    found = set(frame.geom_type.dropna()) - kinds
    if found or frame.geometry.isna().any():
        msg = f"{path}: found {', '.join(sorted(found)) or 'no geometry'}; wanted {wanted}"
        raise InputError(msg)
    return frame


def _rivers(study: Study) -> gpd.GeoDataFrame:
    frame = _layer(study.inputs / study.rivers.file, study, "lines of rivers", {"LineString"})
    if "name" not in frame.columns:
        frame["name"] = ""
    frame["name"] = frame["name"].fillna("").astype(str)
    return frame[["name", "geometry"]]


def _polygons(study: Study, name: str | None) -> tuple[shapely.Geometry, ...]:
    if name is None:
        return ()
    path = study.inputs / name
    frame = _layer(path, study, "polygons", {"Polygon"})
    for shape in frame.geometry:
        if shape.is_empty or not shape.is_valid:
            msg = f"{path}: a polygon is {shapely.is_valid_reason(shape)}; wanted valid ones"
            raise InputError(msg)
    return tuple(frame.geometry)


def _links(
    given: Drowned,
    gaps: Sequence[Gap],
    prices: Rates,
    say: Callable[[str], None],
    workers: int | None,
) -> tuple[tuple[Link, ...], dict[str, str]]:
    """Search and design a road for every gap and variant; what has no road is told by name."""
    study = given.study
    site = Site(
        terrain=given.terrain,
        highway=given.highway,
        reservoirs=given.reservoirs,
        rivers=tuple(zip(given.rivers["name"], given.rivers.geometry, strict=True)),
        no_go=given.no_go,
        freeboard=study.clearance.freeboard_m,
    )

    def road(gap: Gap, variant: corridor.Variant) -> Link | NoRouteError:
        standard = load_standard(study.standard.code, variant.speed_kmh)
        book = Rulebook(
            standard=standard,
            shape=study.formation,
            line=study.profile,
            rules=study.corridor,
            rates=prices,
            money=study.money,
        )
        try:
            found = corridor.find(
                site,
                gap,
                variant,
                rules=study.corridor,
                standard=standard,
                prices=book.prices,
                tell=lambda what, opened: say(f"{what}, {opened:,} states"),
            )
            say(f"{gap.name} / {variant.name}: geometry, grade line, bill")
            link = design(found, site, book)
        except NoRouteError as problem:
            return problem
        return replace(link, builder=_builder(given, link))

    jobs = [(gap, variant) for gap in gaps for variant in study.variants]
    with ThreadPoolExecutor(workers or os.cpu_count() or 1) as pool:
        results = list(pool.map(lambda job: road(*job), jobs))
    links = tuple(link for link in results if isinstance(link, Link))
    failed = {
        f"{gap.name} / {variant.name}": str(result)
        for (gap, variant), result in zip(jobs, results, strict=True)
        if isinstance(result, NoRouteError)
    }
    for gap in gaps:
        if not any(link.gap == gap.name and link.section.overlaps(gap.section) for link in links):
            raise NoRouteError("\n".join(failed.values()))
    return links, failed


def _task_of(given: Drowned, section: Section) -> phasing.Task | None:
    """The task of new work that covers most of a section; None where none does."""
    best, longest = None, 0.0
    for task in given.study.programme:
        whole = Section(given.places[task.start], given.places[task.end])
        shared = total(clip([section], whole))
        if task.work == "new" and shared > longest:
            best, longest = task, shared
    return best


def _builder(given: Drowned, link: Link) -> str:
    task = _task_of(given, link.section)
    return task.builder if task else "programme"


def _upgrades(given: Drowned, replaced: Sequence[Section]) -> dict[str, tuple[Section, ...]]:
    """Existing road that each task of the programme upgrades: what stands of its section."""
    out = {}
    for task in given.study.programme:
        whole = Section(given.places[task.start], given.places[task.end])
        if task.in_programme:
            out[task.name] = subtract([whole], replaced)
    return out


def _options(
    given: Drowned, gaps: Sequence[Gap], links: Sequence[Link], prices: Rates
) -> tuple[Option, ...]:
    """To do nothing, and one option a variant: where it has no road, that of the first variant."""
    found = [_option(given, "do-nothing", "Do nothing: the road as it stands", (), prices)]
    for variant in given.study.variants:
        chosen = []
        for gap in gaps:
            mine = [link for link in links if link.section.overlaps(gap.section)]
            own = [link for link in mine if link.variant == variant.name]
            chosen.append((own or mine)[0])
        if any(link.variant == variant.name for link in chosen):
            found.append(_option(given, variant.name, variant.title, tuple(chosen), prices))
    return options.judged(found)


def _option(
    given: Drowned, name: str, title: str, links: tuple[Link, ...], prices: Rates
) -> Option:
    road, study = given.highway, given.study
    replaced = merge([link.section for link in links])
    upgrades = merge([s for part in _upgrades(given, replaced).values() for s in part]) if links else ()
    kept = subtract([Section(0.0, road.length)], (*replaced, *upgrades))
    works = [work for work in _works(given, links, prices)] if links else []
    inside = [work.cost for work in works if work.in_programme]
    outside = [link.cost for link in links if not _inside(given, link)]
    rate = study.money.exchange("PKR")
    standing = (*kept, *upgrades)
    old_exposure = _old_exposure(given, standing)
    new = sum(link.length for link in links)
    length = new + total(standing)
    exposed = sum(link.exposure * link.length for link in links) + old_exposure
    flooded = total(subtract(given.submergence.flooded, replaced))
    old_time = total(standing) / (study.existing.speed_kmh / KMH)
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
    return float(
        sum(np.interp(p.end, s, whole) - np.interp(p.start, s, whole) for p in sections)
    )


def _inside(given: Drowned, link: Link) -> bool:
    task = _task_of(given, link.section)
    return task.in_programme if task else True


def _works(given: Drowned, links: Sequence[Link], prices: Rates) -> list[Work]:
    """What is built, task by task, with costs in rupees and deadlines from the water."""
    study = given.study
    rate = study.money.exchange("PKR")
    replaced = merge([link.section for link in links])
    upgrades = _upgrades(given, replaced)
    out = []
    owners = {link.name: _task_of(given, link.section) for link in links}
    for task in study.programme:
        own = [link for link in links if owners[link.name] is task]
        rest = upgrades.get(task.name, ())
        if own or rest:
            out.append(_work(given, task.name, own, rest, task, prices, rate))
    for link in links:
        if owners[link.name] is None:
            out.append(_work(given, f"Replacement at {link.gap}", [link], (), None, prices, rate))
    return out


def _work(  # noqa: PLR0913 - one row of the programme and what it consists of
    given: Drowned,
    name: str,
    links: Sequence[Link],
    upgrades: Sequence[Section],
    task: phasing.Task | None,
    prices: Rates,
    rate: float,
) -> Work:
    upgrade = total(upgrades)
    priced = cost.price({"upgrade_existing": upgrade / 1000}, prices, given.study.money)
    parts = sorted([link.section for link in links] + list(upgrades))
    dates = [
        part.first_date
        for part in given.submergence.sections
        for link in links
        if part.section.overlaps(link.section)
    ]
    return Work(
        name=name,
        section=Section(parts[0].start, max(part.end for part in parts)),
        new_length=sum(link.length for link in links),
        upgrade_length=upgrade,
        bridge_length=sum(link.bridge_length for link in links),
        tunnel_length=sum(link.tunnel_length for link in links),
        longest_tunnel=max((_longest_tunnel(link) for link in links), default=0.0),
        cost=together([*(link.cost for link in links), priced.total]).times(rate),
        deadline=min(dates, default=None),
        in_programme=task.in_programme if task else True,
        builder=task.builder if task else "programme",
        opens=task.opens if task else None,
    )


def _longest_tunnel(link: Link) -> float:
    run, longest = 0.0, 0.0
    for form, length in zip(link.form, np.diff(link.station), strict=True):
        run = run + float(length) if form == 2 else 0.0
        longest = max(longest, run)
    return longest


def _programme(
    given: Drowned, option: Option, links: Sequence[Link], prices: Rates
) -> Programme:
    del links
    works = _works(given, option.links, prices)
    plan = phasing.schedule(option.name, works, given.study.phasing)
    return Programme(option, plan, finance.split(plan, given.study.finance))


def _openings(programme: Programme) -> dict[str, date]:
    """Opening date of each link of an option: that of the work it belongs to."""
    out = {}
    phases = (*programme.schedule.phases, *programme.schedule.outside)
    for link in programme.option.links:
        for phase in phases:
            inside = phase.work.section.start <= link.section.start
            if phase.work.new_length and inside and phase.work.section.end >= link.section.end:
                out[link.name] = phase.opens
    return out


def _graph(given: Drowned, links: Sequence[Link], opened: Mapping[str, date]) -> nx.MultiDiGraph:
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
    for programme in programmes.values():
        opened = _openings(programme)
        graph = _graph(given, links, opened)
        names = [link.name for link in programme.option.links]
        dates = [d for lake in given.reservoirs for d in (s.date for s in lake.dam.stages)]
        first, last = given.study.phasing.start, max([*dates, *opened.values()])
        ends = [n for n, data in graph.nodes(data=True) if data["chainage"] in (0.0, given.highway.length)]
        start, end = sorted(ends, key=lambda n: graph.nodes[n]["chainage"])[:: len(ends) - 1]
        cuts = network.cut_days(
            graph, start, end, links=names, first_day=first, last_day=last + timedelta(days=1)
        )
        if bool(cuts) != bool(programme.schedule.cuts):
            msg = (
                f"option {programme.option.name}: the schedule says {programme.schedule.cuts}, "
                f"the network {cuts}"
            )
            raise RuntimeError(msg)


def _checks(given: Drowned, best: Programme) -> tuple[Check, ...]:
    return tuple(
        Check(row, QUANTITIES[row.quantity], _modelled(given, best, row))
        for row in given.study.published
    )


def _modelled(given: Drowned, best: Programme, row: Published) -> float:
    """Modelled value of a published quantity, NaN where the stages cannot answer."""
    lakes = {lake.dam.name: lake for lake in given.reservoirs}
    if row.of in lakes:
        lake = lakes[row.of]
        flooded = sum(
            part.flooded_length for part in given.submergence.sections if part.dam == row.of
        )
        return {
            "lake_area_km2": lake.full.area / 1e6,
            "gross_storage_km3": lake.full.volume / 1e9,
            "live_storage_km3": lake.live_volume / 1e9,
            "lake_length_km": lake.river_length / 1e3,
            "flooded_km": flooded / 1e3,
        }.get(row.quantity, float("nan"))
    if row.quantity == "programme_bn_pkr":
        return best.schedule.total_pkr / 1e9
    if row.quantity == "share_pct":
        paid = sum(split.amounts.get(row.of, 0) for split in best.splits)
        return 100 * paid / max(best.schedule.total_pkr, 1)
    task = next((t for t in given.study.programme if t.name == row.of), None)
    link = next(
        (k for k in best.option.links if task and _task_of(given, k.section) is task), None
    )
    if task is None or link is None:
        return float("nan")
    span = _between(given, link, task)
    run, form = np.diff(link.station)[span], link.form[span]
    return {
        "new_road_km": float(run.sum()) / 1e3,
        "structures_pct": 100 * float(run[form > 0].sum() / run.sum()),
        "new_road_musd_per_km": link.cost.base / link.length / 1e3,
    }.get(row.quantity, float("nan"))


def _between(given: Drowned, link: Link, task: phasing.Task) -> slice:
    """Intervals of a link between the places that a task is named by."""
    tree = cKDTree(np.column_stack((link.x, link.y)))
    ends = []
    for name in (task.start, task.end):
        place = given.highway.at(given.places[name])[0]
        ends.append(int(tree.query(place)[1]))
    return slice(ends[0], max(ends[1], ends[0] + 1))


def _assumptions(study: Study, prices: Rates) -> tuple[Assumption, ...]:
    """Every value that its source calls an assumption."""
    out: list[Assumption] = []

    def walk(table: BaseModel, path: str) -> None:
        for key, reason in getattr(table, "sources", {}).items():
            if reason.lower().startswith("assumption"):
                out.append(Assumption(f"{path}{key}", str(getattr(table, key)), reason))
        for name in type(table).model_fields:
            value = getattr(table, name)
            rows = value if isinstance(value, list | tuple) else [value]
            for row in rows:
                if isinstance(row, BaseModel):
                    label = getattr(row, "name", None) if isinstance(value, list | tuple) else None
                    walk(row, f"{path}{name}{f'[{label}]' if label else ''}.")

    walk(study, "")
    out += [
        Assumption(f"rates.{item}", f"{rate.price.base:g} {rate.currency}/{rate.unit}", rate.source)
        for item, rate in prices.items.items()
        if rate.assumed
    ]
    speeds = {variant.speed_kmh for variant in study.variants}
    for speed in sorted(speeds):
        standard = load_standard(study.standard.code, speed)
        out += [
            Assumption(f"standard[{speed} km/h].{key}", "see the standard", reason)
            for key, reason in standard.sources
            if "assumption" in reason.lower()
        ]
    return tuple(out)


def _notes(
    given: Drowned, programmes: Mapping[str, Programme], best: str, failed: Mapping[str, str]
) -> tuple[str, ...]:
    """What a reader must know before using a number."""
    out = []
    if given.study.study.ground:
        out.append(given.study.study.ground)
    road = given.highway
    for lake in given.reservoirs:
        for s, which in ((0.0, "start"), (road.length, "end")):
            level = float(road.level_at(s)[0])
            need = lake.dam.full_level_m + given.study.clearance.freeboard_m
            reached = float(lake.reaches(*road.at(s).T)[0]) <= need
            if reached and level < need:
                out.append(
                    f"The {which} of the highway at {text(s)} lies at {level:.0f} m, below the "
                    f"{need:.0f} m that {lake.dam.name} asks: the new road ends above it, and the "
                    "road beyond has to be raised to meet it."
                )
    for name, reason in failed.items():
        out.append(f"No road for {name}: {reason}")
    for name, programme in programmes.items():
        out += [
            f"Option {name}: {cut[2]} opens after the water: no road from {cut[0]} to {cut[1]}."
            for cut in programme.schedule.cuts
        ]
        count = sum(len(link.breaches) for link in programme.option.links)
        if count:
            first = next(link for link in programme.option.links if link.breaches)
            out.append(
                f"Option {name}: {count} breaches of the standard or of the limits of forms, the "
                f"first on {first.name}: {first.breaches[0]}."
            )
    chosen = programmes[best].option.links
    ratio = sum(link.direct.base for link in chosen) / sum(link.searched_price for link in chosen)
    out.append(
        f"The bill of the fitted roads of option {best} is {ratio:.2f} times the price that the "
        "corridor search saw for them."
    )
    return tuple(out)
