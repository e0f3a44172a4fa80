"""
Where a corridor is looked for: gaps, tie-ins, banks and water, as rasters and states.

Everything here is the same for any search; the prices are in `price`, the
search itself in `search`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from threading import Lock
from typing import Literal

import numpy as np
import shapely
from numpy.typing import NDArray
from pydantic import Field
from rasterio.features import rasterize
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely import LineString
from shapely.geometry.base import BaseGeometry

from realign.chainage import Section, merge
from realign.corridor.ground import Crossed, Ground, Layers, joined, pieces, plain_layers
from realign.corridor.lattice import Moves, nearest_heading
from realign.corridor.layers import Laid
from realign.corridor.search import Ends
from realign.errors import InputError
from realign.formation import FORMS, OPEN
from realign.highway import Highway
from realign.reservoir import Reservoir
from realign.settings import Settings
from realign.terrain import Terrain, unsure

RIVER_STEP = 100.0
"""Spacing of the points of a river by which banks are told [m]."""
LEAVING = 75.0
"""Length over which a new road goes on at the grade of the existing one that it leaves, and keeps
the level that water asks [m]."""
GRADE_HALF = 50.0
"""Distance to both sides over which the grade of the existing road is taken [m]."""
_RASTERIO = Lock()  # it hides a warning of its own by a switch that all threads share


class Rules(Settings):
    """The table `[corridor]`: where new roads are looked for, and how finely."""

    band_m: float = Field(default=4000.0, gt=0, le=1e5)
    """Distance from the existing road up to which ground is looked at; twice and four times that
    where no road is found within, or where the cheapest one touches the edge [m]."""
    level_step_m: float = Field(default=5.0, ge=0.1, le=100)
    """Distance between two road levels of the search [m]."""
    play_m: float = Field(default=6.0, ge=0, le=1000)
    """How far beside the cells of a corridor the fitted road may lie where that is cheaper: a metre
    of corridor is priced at the best height within this and half a level step [m]."""
    play_limits: float = Field(default=0.3, ge=0, le=1)
    """Share of that play within which open road must find a place that keeps the limits of cut,
    fill and wall; with none, corridors need structures where a fitted road does not [-]."""
    deepest_m: float = Field(default=250.0, gt=0, le=5000)
    """Greatest depth of a tunnel under ground [m]."""
    headroom_m: float = Field(default=150.0, gt=0, le=5000)
    """How far above the higher of water and tie-ins roads are looked for [m]."""
    shore_m: float = Field(default=300.0, ge=0, le=1e5)
    """Strip beside a lake in which a road keeps its freeboard [m]."""
    reach_m: float = Field(default=15000.0, ge=0, le=1e6)
    """How far from the water along the existing road a tie-in may lie [m]."""
    tie_in_step_m: float = Field(default=60.0, ge=1, le=1e5)
    """Distance between two possible tie-ins [m]."""
    reuse_m: float = Field(default=10000.0, ge=0, le=1e6)
    """Dry stretches between two drowned ones are used again if they are longer than this [m]."""
    embankment_m: float = Field(default=5.0, ge=0, le=1000)
    """Depth of a lake in which open road may stand on an embankment; deeper it is a bridge [m]."""
    crossing_m: float = Field(default=12000.0, ge=0, le=1e6)
    """Distance from the water's ends within which a road may change the bank [m]."""
    river: str = "Indus"
    """Name of the river whose banks are meant, or a part of it."""
    steep_deg: float = Field(default=35.0, gt=0, lt=80)
    """Side slope at which open road counts as half exposed [deg]."""


class Variant(Settings):
    """One row of `[[variants]]`: a kind of road to look for across every gap."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name, used in tables: small letters, digits, - and _; not do-nothing."""
    title: str
    """What the variant is, in words."""
    speed_kmh: int = Field(ge=1, le=300)
    """Design speed [km/h]."""
    least_speed_kmh: int | None = Field(default=None, ge=1, le=300)
    """Slowest row of the code that a road may fall to: curves as sharp as that row allows are
    built where they save more than a slow stretch is worth; where the ground leaves no road even
    so, slower rows rule the whole road in turn [km/h]."""
    slow_value_per_m: float = Field(default=2000.0, ge=0, le=1e9)
    """Preference: value of a metre that keeps the design speed and does not fall to a slower one,
    in the currency of the rates [/m]."""
    bank: Literal["any", "same", "other"] = "any"
    """Bank of the river, compared with that of the existing road."""
    exposure_weight: float = Field(default=0.0, ge=0, le=1000)
    """Preference: share by which exposed open road counts dearer than it is [-]."""
    length_value_per_m: float = Field(default=0.0, ge=0, le=1e9)
    """Preference: value of a metre saved, in the currency of the rates [/m]."""
    bridge_weight: float = Field(default=1.0, ge=0.001, le=1000)
    """Preference: factor on the price of bridges; below 1 the search builds more of them [-]."""
    tunnel_weight: float = Field(default=1.0, ge=0.001, le=1000)
    """Preference: factor on the price of tunnels; below 1 the search builds more of them [-]."""
    distance_weight: float = Field(default=0.0, ge=0, le=1000)
    """Preference: share by which a metre counts dearer for each kilometre that it lies from the
    existing road [1/km]."""
    higher_m: float = Field(default=0.0, ge=0, le=1000)
    """Height above the freeboard that the road keeps besides [m]."""
    in_service_until: date | None = None
    """Last day of use of a road for the time being: only the water that may stand by then counts;
    without it the road keeps above full level for good."""


@dataclass(frozen=True, slots=True)
class Ties:
    """Tie-ins chosen one by one, with what the road beyond each of them costs."""

    chainage: tuple[float, ...]
    """Chainages along the existing road, in order [m]."""
    price: tuple[float, ...]
    """Price of all that is not searched when this one is used, at least 0."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch of the existing road that must be replaced."""

    name: str
    """Name of the dam that drowns it."""
    section: Section
    """From the first to the last station without freeboard."""
    before: Section | None
    """Where a new road may leave the existing one; None where the road itself begins wet."""
    after: Section | None
    """Where it may return; None where the road itself ends wet."""
    dry: tuple[Section, ...] = ()
    """Dry stretches within `section`, each too short to be used again by a road across the gap."""
    leave: Ties | None = None
    """The only places of `before` at which a new road may leave; any of it where None."""
    meet: Ties | None = None
    """The only places of `after` at which it may return; any of it where None."""


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """All that a search needs of the world, and that no variant changes."""

    terrain: Terrain
    """Ground."""
    highway: Highway
    """Existing road."""
    reservoirs: tuple[Reservoir, ...]
    """Lakes."""
    rivers: tuple[tuple[str, LineString], ...]
    """Rivers with their names."""
    no_go: tuple[BaseGeometry, ...]
    """Ground that no road may touch."""
    freeboard: float
    """Height a road keeps above a full lake [m]."""
    layers: tuple[Laid, ...] = ()
    """Costs, preferences, prohibitions and tracked measures of places."""
    places: Mapping[str, float] = field(default_factory=dict)
    """Chainage of named places on the existing road [m]."""
    over_rivers: float = 0.0
    """Height that a grade line keeps above the rivers that it crosses [m]."""
    built: tuple[bool, bool] = (True, True)
    """Whether the roads that a new one leaves and meets stand: under the end of a new road that
    meets one that does, the ground is that road."""


def gaps(drowned: Sequence[tuple[str, Section]], highway: Highway, rules: Rules) -> tuple[Gap, ...]:
    """
    Join drowned sections to the gaps that new roads must bridge.

    Parameters
    ----------
    drowned
        Sections without freeboard, each with the name of its dam.
    highway
        Existing road.
    rules
        `reuse_m` and `reach_m`.

    Returns
    -------
    gaps
        In order of chainage. Windows for tie-ins of neighbouring gaps share the
        dry road between them in halves.
    """
    order = sorted(drowned, key=lambda part: part[1])
    spans = merge((section for _, section in order), gap=rules.reuse_m)
    groups = [[i for i, part in enumerate(order) if part[1].overlaps(span)] for span in spans]
    out = []
    for i, (group, span) in enumerate(zip(groups, spans, strict=True)):
        left = (spans[i - 1].end + span.start) / 2 if i else 0.0
        right = (span.end + spans[i + 1].start) / 2 if i + 1 < len(spans) else highway.length
        before, after = max(left, span.start - rules.reach_m), min(right, span.end + rules.reach_m)
        lengths: dict[str, float] = {}
        for j in group:
            dam, section = order[j]
            lengths[dam] = lengths.get(dam, 0.0) + section.length
        out.append(
            Gap(
                name=max(lengths, key=lambda dam: lengths[dam]),
                section=span,
                before=Section(before, span.start) if span.start - before > 1 else None,
                after=Section(span.end, after) if after - span.end > 1 else None,
                dry=_dry([order[j][1] for j in group]),
            )
        )
    return tuple(out)


def _dry(drowned: Sequence[Section]) -> tuple[Section, ...]:
    """Stretches between drowned sections."""
    return tuple(
        Section(a.end, b.start) for a, b in pairwise(merge(drowned)) if b.start - a.end > 1
    )


def reach(gap: Gap) -> Section:
    """Take the existing road from the first possible tie-in to the last."""
    start = gap.before.start if gap.before else gap.section.start
    end = gap.after.end if gap.after else gap.section.end
    return Section(start, end)


def surroundings(
    site: Site, gap: Gap, rules: Rules, *, until: date | None = None
) -> tuple[Terrain, NDArray[np.float32]]:
    """
    Cut out the ground around a gap, and tell the lowest level that water allows over each cell.

    Parameters
    ----------
    site, gap, rules
        Ground and water, where, and the strip beside a lake.
    until
        Last day on which the road is used: a lake counts as far as it may have
        risen by then. Without it, at full level.

    Returns
    -------
    terrain
        Window of the site's ground.
    water
        Lake level and freeboard within `shore_m` of a lake, -inf elsewhere, of
        the window's shape [m above datum].
    """
    xy = site.highway.piece(reach(gap))
    (left, bottom), (right, top) = xy.min(axis=0), xy.max(axis=0)
    near = site.terrain.window(left, bottom, right, top, margin=rules.band_m)
    water = np.full(near.shape, -np.inf, np.float32)
    for reservoir in site.reservoirs:
        standing = _standing(reservoir, until)
        if standing is None:
            continue
        polygon, level = standing
        wet = burn(near, [polygon])
        if not wet.any():
            continue
        beside = ndimage.distance_transform_edt(~wet, sampling=near.cell) <= rules.shore_m
        water[beside] = np.maximum(water[beside], level + site.freeboard)
    return near, water


def deep(site: Site, rules: Rules) -> float:
    """How far ground may lie below the lowest road level that water allows under open road [m]."""
    return site.freeboard + rules.embankment_m


def _standing(reservoir: Reservoir, until: date | None) -> tuple[BaseGeometry, float] | None:
    """Lake and level that a reservoir may have reached on a day; None where it has no lake yet."""
    full = reservoir.full.polygon, reservoir.dam.full_level_m
    if until is None:
        return full
    reached = [lake for lake in reservoir.lakes if lake.stage.date <= until]
    if not reached:
        return None
    last = reached[-1]
    # a lake whose last stage is below its full level rises to it on the day of that stage
    return full if last is reservoir.lakes[-1] else (last.polygon, last.stage.level_m)


def overlay(  # noqa: PLR0913 - what lies on the ground is one thing each
    site: Site,
    variant: Variant,
    terrain: Terrain,
    *,
    exposed: NDArray[np.float64],
    load: NDArray[np.float32] | None,
    crossing: tuple[float, float],
    half: float,
    sunk: NDArray[np.bool_],
) -> tuple[Layers, Crossed, NDArray[np.bool_]]:
    """
    Lay the costs, preferences and prohibitions of places over the ground.

    Parameters
    ----------
    site, variant
        Layers, rivers and existing road; preferences.
    terrain
        Window of ground.
    exposed
        Exposure of open road in each cell, of the window's shape [0-1].
    load
        Preference besides: factor on the price of every metre in each cell; none
        by default.
    crossing
        Cost of crossing a river on open road, beyond that of the road: of each
        crossing, and of a metre of it within `half` [/m].
    half
        Half of the width of a river [m].
    sunk
        Cells too deep under a lake for open road, from `deep`, of the window's shape.

    Returns
    -------
    layers, crossed, forbidden
        Rasters, lines, and the cells that no road may touch.
    """
    layers = plain_layers(terrain.shape)
    factor = layers.factor
    factor[OPEN] *= 1 + variant.exposure_weight * np.nan_to_num(exposed)
    if variant.distance_weight > 0:
        away = ndimage.distance_transform_edt(~burn(terrain, [site.highway.line]))
        factor *= 1 + variant.distance_weight * away * terrain.cell / 1000
    if load is not None:
        factor *= load
    per_metre = np.zeros((len(FORMS), *terrain.shape), np.float32)
    rivers = [shapely.get_coordinates(line) for _, line in site.rivers]
    each, over = crossing
    lines = [
        pieces(terrain, rivers, price=(each, 0.0, 0.0), half=half, over=(over, 0.0, 0.0)),
    ]
    forbidden = closed(site, terrain)
    for laid in site.layers:
        rule = laid.layer
        inside = burn(terrain, laid.areas) if rule.per_m or rule.factor else None
        for form in np.flatnonzero(laid.on):
            if inside is not None and rule.per_m:
                per_metre[form][inside] += rule.per_m
            if inside is not None and rule.factor:
                factor[form][inside] *= rule.factor
        if rule.per_crossing:
            paid = np.where(laid.on, rule.per_crossing, 0.0)
            price = (float(paid[0]), float(paid[1]), float(paid[2]))
            lines.append(pieces(terrain, laid.lines, price=price))
    per_metre[OPEN][sunk] = np.inf
    if per_metre.any():
        layers = layers._replace(per_metre=per_metre)
    return layers, joined(*lines), forbidden


def barriers(site: Site) -> list[BaseGeometry]:
    """Ground that no road may touch: what the study forbids, and the walls of dams."""
    layers = [each for each in site.layers if each.layer.kind == "prohibition"]
    areas = [area for each in layers for area in each.areas]
    return [*site.no_go, *areas, *(lake.wall for lake in site.reservoirs)]


def closed(site: Site, terrain: Terrain) -> NDArray[np.bool_]:
    """
    Cells that no new road may touch, whatever its variant: for searches and fitted roads alike.

    Parameters
    ----------
    site
        Its barriers.
    terrain
        Window of ground.

    Returns
    -------
    closed
        Of the window's shape: barriers, and ground that is not known well enough for a road.
    """
    return unsure(terrain) | burn(terrain, barriers(site))


def burn(
    terrain: Terrain, shapes: list[BaseGeometry] | tuple[BaseGeometry, ...]
) -> NDArray[np.bool_]:
    """Cells that shapes touch."""
    if not shapes:
        return np.zeros(terrain.shape, bool)
    with _RASTERIO:
        touched = rasterize(shapes, terrain.shape, transform=terrain.transform, all_touched=True)
    return np.asarray(touched, dtype=bool)


def within(terrain: Terrain, line: LineString, distance: float) -> NDArray[np.bool_]:
    """Cells no farther than a distance [m] from a line."""
    return np.asarray(
        ndimage.distance_transform_edt(~burn(terrain, [line]), sampling=terrain.cell) <= distance
    )


def wrong_bank(
    site: Site,
    gap: Gap,
    terrain: Terrain,
    bank: Literal["any", "same", "other"],
    rules: Rules,
) -> NDArray[np.bool_]:
    """
    Cells on the bank that a variant keeps off.

    Parameters
    ----------
    site
        Rivers and existing road.
    gap
        Its ends: near them a road may change the bank.
    terrain
        Window of ground.
    bank
        Bank wanted, compared with that of the existing road.
    rules
        Name of the river and `crossing_m`.

    Returns
    -------
    wrong
        Of the window's shape; all False when any bank will do.

    Raises
    ------
    InputError
        No river of that name.
    """
    if bank == "any":
        return np.zeros(terrain.shape, bool)
    other = across(site, gap, terrain, rules)
    wrong = ~other if bank == "other" else other
    rows, cols = np.indices(terrain.shape)
    left, _, _, top = terrain.bounds
    x, y = left + (cols + 0.5) * terrain.cell, top - (rows + 0.5) * terrain.cell
    for end in (gap.section.start, gap.section.end):
        east, north = site.highway.at(end)[0]
        wrong &= np.hypot(x - east, y - north) > rules.crossing_m
    return wrong


def across(site: Site, gap: Gap, terrain: Terrain, rules: Rules) -> NDArray[np.bool_]:
    """
    Cells on the other bank of the river than the existing road.

    Parameters
    ----------
    site, gap, terrain, rules
        As in `wrong_bank`.

    Returns
    -------
    other
        Of the window's shape.

    Raises
    ------
    InputError
        No river of that name.
    """
    named = [line for name, line in site.rivers if rules.river.lower() in name.lower()]
    if not named:
        names = ", ".join(sorted({name for name, _ in site.rivers if name})) or "none"
        msg = f"corridor.river: found no river {rules.river!r} in the rivers; they are: {names}"
        raise InputError(msg)
    points, ways = [], []
    for line in named:
        s = np.linspace(0.0, line.length, max(int(line.length / RIVER_STEP), 1) + 1)
        xy = shapely.get_coordinates(line.interpolate(s))
        points.append(xy)
        ways.append(np.gradient(xy, axis=0))
    tree, way = cKDTree(np.concatenate(points)), np.concatenate(ways)

    def side(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        _, i = tree.query(xy)
        off = xy - tree.data[i]
        return np.asarray(way[i, 0] * off[:, 1] - way[i, 1] * off[:, 0])

    stations = np.arange(gap.section.start, gap.section.end, RIVER_STEP)
    own = np.sign(np.median(np.sign(side(site.highway.at(stations)))))
    rows, cols = np.indices(terrain.shape)
    left, _, _, top = terrain.bounds
    x, y = left + (cols.ravel() + 0.5) * terrain.cell, top - (rows.ravel() + 0.5) * terrain.cell
    other = side(np.column_stack((x, y))) * own < 0
    return np.asarray(other.reshape(terrain.shape))


def level_range(
    site: Site, gap: Gap, water: NDArray[np.float32], rules: Rules
) -> tuple[float, float]:
    """Lowest and highest road level worth looking at [m above datum]."""
    whole = reach(gap)
    inside = (site.highway.station >= whole.start) & (site.highway.station <= whole.end)
    road = site.highway.level[inside]
    top = max(float(road.max()), float(water.max()))
    return float(road.min()) - rules.level_step_m, top + rules.headroom_m


def ends(  # noqa: PLR0913 - a gap on numbered ground, and the preference that prices the old road
    site: Site,
    gap: Gap,
    terrain: Terrain,
    ground: Ground,
    water: NDArray[np.float32],
    rules: Rules,
    moves: Moves,
    *,
    side: Literal["before", "after"],
    keep: float,
    per_metre: float,
) -> tuple[Ends, NDArray[np.float64]]:
    """
    States in which a new road may leave or meet the existing one.

    Parameters
    ----------
    site, gap
        Existing road and where it is dry.
    terrain, ground, water
        Window of ground, its numbered cells, and what water asks.
    rules
        Spacing of tie-ins, level step.
    moves
        Bearings of the moves.
    side
        "before" the water or "after" it.
    keep
        Price of a metre of existing road that stays in use [/m].
    per_metre
        Preference per metre of road, old or new [/m].

    Returns
    -------
    ends
        One state a tie-in; its price is that of the existing road kept up to there.
    chainage
        Old chainage of each [m].
    """
    number = np.full(terrain.shape, -1, np.int32)
    number[ground.row, ground.col] = np.arange(ground.row.size, dtype=np.int32)
    window, only = (gap.before, gap.leave) if side == "before" else (gap.after, gap.meet)
    beyond = np.zeros(0)
    if only is not None:
        s, beyond = np.array(only.chainage), np.array(only.price)
    elif window is None:
        s = np.array([gap.section.start if side == "before" else gap.section.end])
    else:
        count = max(int(window.length / rules.tie_in_step_m), 1)
        s = np.linspace(window.start, window.end, count + 1)
    xy = site.highway.at(s)
    row, col = (np.rint(v).astype(np.int64) for v in terrain.index(xy[:, 0], xy[:, 1]))
    inside = (row >= 0) & (col >= 0) & (row < terrain.shape[0]) & (col < terrain.shape[1])
    inside[inside] = number[row[inside], col[inside]] >= 0
    s, row, col = s[inside], row[inside], col[inside]
    cell = number[row, col]
    level = np.rint(site.highway.level_at(s) / rules.level_step_m) if s.size else np.zeros(0)
    if window is None:
        level = np.maximum(level, np.ceil(water[row, col] / rules.level_step_m))
        kept = np.zeros(s.size)
    else:
        kept = s - window.start if side == "before" else window.end - s
    price = kept * (keep + per_metre) if only is None else beyond[inside]
    bearings = site.highway.bearing(s) if s.size else np.empty(0)
    heading = [nearest_heading(float(each), moves.bearing) for each in bearings]
    near = np.clip([s - GRADE_HALF, s + GRADE_HALF], 0, site.highway.length)
    rise = (
        np.diff([site.highway.level_at(each) for each in near], axis=0)
        if s.size
        else np.zeros((1, 0))
    )
    grade = (rise / np.maximum(np.diff(near, axis=0), 1.0))[0]
    good = np.ones(s.size, bool)
    if window is not None and s.size:
        away = grade if side == "before" else -grade
        good = site.highway.level_at(s) + np.minimum(away, 0.0) * LEAVING >= water[row, col]
        good |= not good.any()  # a road that lies too low for a while, rather than none
    states = Ends(
        cell=cell[good].astype(np.int32),
        level=level[good].astype(np.int32),
        heading=np.array(heading, np.int32)[good],
        grade=grade[good],
        price=price[good],
    )
    return states, s[good]
