"""
The region of a study as its roads meet it: hazards, the standing road judged, and other roads.

Everything here is the same whichever new roads are looked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import networkx as nx
import numpy as np
import shapely
from numpy.typing import NDArray

from realign import formation, hazard, roads, service, upgrade
from realign.allweather import Service, chainage_of
from realign.chainage import Section, text
from realign.drowned import Drowned, layer
from realign.hazard import Calibration, Receiver, Scene
from realign.rates import Rates
from realign.roads import Roads
from realign.service import Judged
from realign.standards import DesignStandard
from realign.standards import load as load_standard
from realign.upgrade import Breach, Standing

BESIDE = 25.0
"""A mapped road as near as this to the highway throughout is the highway; a node of the network
as near meets it [m]."""
WITHIN = 500.0
"""A piece of road within this of a mapped landslide counts as hit by it [m]."""
DAM = 3000.0
"""A dam farther than this from the highway does not cut it [m]."""
LOOP = 1000.0
"""A way beside the highway that comes back within this is part of a junction [m]."""
_STEP = 50.0  # m between the places at which other roads are looked at
_BLOCK = 1000.0  # m of road that are drawn together where none was hit


@dataclass(frozen=True, slots=True, eq=False)
class SideRoad:
    """Another road that leads from one junction of the network to the next."""

    name: str
    """Its number or name with the number of the edge."""
    start: str
    """Node at one end: a chainage of the highway, or a junction of its own."""
    end: str
    """Node at the other end."""
    line: shapely.LineString
    """Course of the road from start to end."""
    service: Service
    """What it gives its users."""
    closes: date | None
    """First day on which a lake may take it; None where none comes."""


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """What the roads of a study meet, whichever are built."""

    scene: Scene
    """Hazards of the ground, with rates scaled to recorded closures."""
    calibration: Calibration
    """How rates were scaled."""
    receiver: Receiver | None
    """How well the score of slides tells places beside mapped landslides from others along the
    highway; None where the study has none, or none lies near."""
    landslides: int
    """Mapped landslides of the study."""
    standing: Standing
    """Plan and levels of the highway."""
    standard: DesignStandard
    """Row of the code that an upgraded road keeps."""
    broken: tuple[Breach, ...]
    """Where the highway breaks it."""
    kept: Judged
    """The highway as it stands."""
    upgraded: Judged
    """The highway as if it were upgraded throughout."""
    roads: Roads | None
    """Other roads, cleaned; None where the inputs have none."""
    beside: tuple[SideRoad, ...] = ()
    """Those of them that lead from one junction on the highway to another."""
    cuts: tuple[tuple[str, float], ...] = field(default=())
    """Kind of node and chainage [m] at which the highway is cut besides: junctions, dams, ends of
    structures and of detours."""

    def totals(self, section: Section) -> dict[str, float]:
        """Quantities that upgrading a stretch of the highway takes, by item of the rates."""
        return upgrade.totals(section, self.broken)


def survey(given: Drowned, prices: Rates, say: Callable[[str], None]) -> Region:
    """
    Judge the region and the road that stands.

    Parameters
    ----------
    given
        The first stages.
    prices
        Unit prices, of what an upgrade lays again.
    say
        Told what goes on.

    Returns
    -------
    region
        Rates of hazards are scaled to the recorded closures of the highway.

    Raises
    ------
    InputError
        A layer cannot be read.
    """
    study, road = given.study, given.highway
    say("slopes, gullies, avalanches")
    scene = hazard.survey(
        given.terrain,
        rivers=list(given.rivers.geometry),
        landslides=_shapes(given, study.hazard.landslides, "landslides"),
        faults=_shapes(given, study.hazard.faults, "faults"),
        lakes=_shapes(given, study.hazard.lakes, "glacial lakes"),
        rules=study.hazard,
    )
    say("the standing road")
    rules = study.upgrade
    standard = load_standard(study.standard.code, rules.speed_kmh)
    standing = upgrade.standing(road, smooth=rules.smooth_m)
    broken = upgrade.breaches(
        standing,
        given.terrain,
        standard=standard,
        shape=study.formation,
        prices=formation.prices(study.formation, standard, prices),
        rules=rules,
    )
    speed = study.existing.speed_kmh
    first = service.of_highway(road, standing, scene, speed_kmh=speed)
    fit = hazard.calibrated(first.along, study.hazard)
    scene = replace(scene, rules=fit.rules)
    say("other roads")
    network = _roads(given)
    beside = _beside(given, scene, network) if network else ()
    return Region(
        scene=scene,
        calibration=fit,
        receiver=_receiver(scene, first),
        landslides=0 if scene.landslides is None else len(scene.landslides.geometries),
        standing=standing,
        standard=standard,
        broken=broken,
        kept=service.of_highway(road, standing, scene, speed_kmh=speed),
        upgraded=service.of_highway(
            road, standing, scene, speed_kmh=float(rules.speed_kmh), upgraded=standard
        ),
        roads=network,
        beside=beside,
        cuts=_cuts(given, network),
    )


def _shapes(given: Drowned, name: str, what: str) -> list[shapely.Geometry] | None:
    """Shapes of an optional layer; None where the inputs folder has no such file."""
    path = given.study.inputs / name
    if not path.is_file():
        return None
    kinds = {"Point", "LineString", "Polygon"}
    return list(layer(path, given.study, what, kinds).geometry)


def _receiver(scene: Scene, road: Judged) -> Receiver | None:
    """Hold the score of slides along the highway against mapped landslides beside it."""
    if scene.landslides is None:
        return None
    shapes = [shapely.point_on_surface(each) for each in scene.landslides.geometries]
    points = np.array([(each.x, each.y) for each in shapes]).reshape(-1, 2)
    event = hazard.near(road.along, points, within=WITHIN)
    hit = event >= 0
    if hit.all() or not hit.any():
        return None
    block = len(points) + (road.along.start // _BLOCK).astype(np.int64)
    return hazard.receiver(road.along.susceptibility, hit, group=np.where(hit, event, block))


def _roads(given: Drowned) -> Roads | None:
    """Read and clean the other roads, where the inputs have them."""
    path = given.study.inputs / given.study.roads.file
    return roads.read(path, given.study.crs, given.study.roads) if path.is_file() else None


def _cuts(given: Drowned, network: Roads | None) -> tuple[tuple[str, float], ...]:
    """Junctions, dams, ends of structures and of detours along the highway."""
    road, out = given.highway, []
    if network is not None:
        out += [("junction", s) for s in _junctions(given, network).values()]
    for lake in given.reservoirs:
        s, off = road.chainage(*_axis(given, lake.dam.lon, lake.dam.lat))
        if off[0] <= DAM:
            out.append(("dam", float(s[0])))
    out += [("structure", s) for each in road.bridges for s in (each.start, each.end)]
    ends = [place for row in given.study.approaches for place in (row.start, row.end)]
    out += [("detour", s) for s in map(chainage_of, ends) if s is not None]
    return tuple((kind, s) for kind, s in out if 0 <= s <= road.length)


def _axis(given: Drowned, lon: float, lat: float) -> tuple[NDArray[np.float64], ...]:
    x, y = given.project(lon, lat)
    return np.array([x]), np.array([y])


def _junctions(given: Drowned, network: Roads) -> dict[int, float]:
    """Chainage at which nodes of other roads meet the highway, by node [m]."""
    own = _of_highway(given, network)
    s, off = given.highway.chainage(network.xy[:, 0], network.xy[:, 1])
    ends = {int(n) for e in np.flatnonzero(~own) for n in (network.start[e], network.end[e])}
    return {n: float(s[n]) for n in sorted(ends) if off[n] <= BESIDE}


def _of_highway(given: Drowned, network: Roads) -> NDArray[np.bool_]:
    """Edges that are the highway itself, shape (m,): near it at all quarters of their length."""
    out = np.ones(len(network.lines), np.bool_)
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        points = shapely.line_interpolate_point(network.lines, share, normalized=True)
        out &= given.highway.chainage(*shapely.get_coordinates(points).T)[1] <= BESIDE
    return out


def _beside(given: Drowned, scene: Scene, network: Roads) -> tuple[SideRoad, ...]:
    """
    Other roads by which traffic may leave the highway and come back to it.

    Dead ends are left out, and roads with traffic one way only: the chance of a way is asked for
    both directions.
    """
    junctions, own = _junctions(given, network), _of_highway(given, network)
    graph = nx.MultiGraph()
    for number in np.flatnonzero(~own & ~network.oneway):
        a, b = int(network.start[number]), int(network.end[number])
        if a != b:
            graph.add_edge(a, b, int(number))
    hub = (
        -1
    )  # joined to every junction: what lies on a way from one to another is one block with it
    graph.add_edges_from((hub, n, -1 - n) for n in junctions if n in graph)
    numbers: set[int] = set()
    for block in nx.biconnected_components(nx.Graph(graph)):
        met = [junctions[n] for n in block if n in junctions]
        if hub in block and max(met) - min(met) > LOOP:
            numbers.update(key for _, _, key in graph.subgraph(block - {hub}).edges(keys=True))
    out = [_side_road(given, scene, network, n, junctions) for n in sorted(numbers)]
    return tuple(each for each in out if each.start != each.end)


def _side_road(
    given: Drowned, scene: Scene, network: Roads, number: int, junctions: Mapping[int, float]
) -> SideRoad:
    """One edge of the network of other roads."""
    line, tags = network.lines[number], network.tags[number]
    start, end = (
        text(junctions[n]) if n in junctions else f"junction {n}"
        for n in (int(network.start[number]), int(network.end[number]))
    )
    car = network.time(number)
    truck = car / given.study.roads.truck_ratio
    return SideRoad(
        name=f"{tags.ref or tags.name or tags.kind} {number}",
        start=start,
        end=end,
        line=line,
        service=Service(
            open_share=_open_share(given, scene, line), car=(car, car), truck=(truck, truck)
        ),
        closes=_drowned(given, line),
    )


def _open_share(given: Drowned, scene: Scene, line: shapely.LineString) -> NDArray[np.float64]:
    """Chance of a road on the ground to be open by month; 1 where the ground is not known."""
    s = np.linspace(0.0, line.length, max(int(np.ceil(line.length / _STEP)), 1) + 1)
    x, y = shapely.get_coordinates(line.interpolate(s)).T
    level = given.terrain.sample(x, y)
    far = scene.rules.reach_m
    left, bottom, right, top = given.terrain.bounds
    inside = x.min() > left + far and x.max() < right - far
    inside = inside and y.min() > bottom + far and y.max() < top - far
    if not (inside and np.isfinite(level).all()):
        return np.ones(12)
    return hazard.open_by_month(hazard.along(scene, x, y, level), scene.rules)


def _drowned(given: Drowned, line: shapely.LineString) -> date | None:
    """First day on which a lake may take a road."""
    s = np.linspace(0.0, line.length, max(int(np.ceil(line.length / _STEP)), 1) + 1)
    x, y = shapely.get_coordinates(line.interpolate(s)).T
    days = []
    for lake in given.reservoirs:
        reached = float(lake.reaches(x, y).min())
        days += [stage.date for stage in lake.dam.stages if stage.level_m >= reached]
    return min(days, default=None)
