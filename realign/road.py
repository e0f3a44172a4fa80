"""One corridor to one link: geometry, grade line, bill, cost and exposure of a new road."""

from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, STRtree, linestrings

from realign import corridor, cost, formation, lateral, quantities
from realign.chainage import text as chainage
from realign.corridor import Corridor, Site, Variant
from realign.corridor.layers import charged
from realign.corridor.site import barriers, burn, deep, surroundings
from realign.errors import GeometryError, NoRouteError
from realign.formation import BRIDGE, DENIED, OPEN, TUNNEL, Formation, Prices
from realign.geometry.alignment import Alignment, Plan, crossings
from realign.geometry.check import breaches
from realign.geometry.horizontal import Corner, Pose, elements, laid
from realign.geometry.vertical import Grades
from realign.hazard import exposure
from realign.network import KMH, Link, Piece, Searched
from realign.profile import LOW, Line, Task, followed, grade_line, resettled
from realign.quantities import Bill
from realign.rates import Money, Rates
from realign.standards import DesignStandard
from realign.terrain import Terrain, slopes

LOOK_AHEAD = 1.6
"""How far ahead a point of the corridor is looked for on the fitted road, in its own steps [-]."""
PASSES = 8
"""How often a plan is moved to cheaper ground and given a grade line again, at most."""
STRIDES = (lateral.STRIDES, (48.0, 16.0, 5.0), (24.0, 9.0, 3.0))
"""How far points are moved in one pass and in the next, in turn [m]: where one set of strides finds
nothing cheaper, another may."""
LEAN = 2
"""How many passes in a row must save too little for the last one."""
WORTH = 0.01
"""Share of the price of a road below which what a pass saves is too little [-]."""
SETTLINGS = 2
"""How often the grade line of a road with places beyond the limits is laid again, at most."""
FINE = 5.0
"""Distance between the places at which a road is asked whether it lies over a deep lake [m]."""
PIECE = 5000.0
"""Length of the pieces by which a bill is compared with the price searched, about [m]."""
HEADROOM = 7.0
"""Least difference of level where a road crosses itself: 5 m of clearance and a deck [m]."""
BESIDE = {BRIDGE: 0.5, TUNNEL: 0.0}
"""Exposure of a structure over that of open road in its place; an assumption [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class Rulebook:
    """The tables that rule how a corridor becomes a road."""

    standard: DesignStandard
    """Radius, grade, curves."""
    shape: Formation
    """Cross section and structures."""
    line: Line
    """Fineness of the grade line."""
    rules: corridor.Rules
    """Shore strip and steepness of the corridor search."""
    rates: Rates
    """Unit prices."""
    money: Money
    """What is added on the direct cost."""

    @property
    def prices(self) -> Prices:
        """Cross section and base prices as plain numbers."""
        return formation.prices(self.shape, self.standard, self.rates)


def design(found: Corridor, site: Site, book: Rulebook) -> Link:
    """
    Turn a corridor into a link of the network.

    Parameters
    ----------
    found
        Corridor with its gap and variant.
    site
        Ground, water, existing road.
    book
        The tables that rule it.

    Returns
    -------
    link
        With alignment, bill, cost, exposure, and every breach of the standard
        that the independent checker finds.

    Raises
    ------
    NoRouteError
        No curves of the standard fit to the corridor, or no grade line within it
        exists on the fitted plan.
    """
    near, water = surroundings(site, found.gap, book.rules, until=found.variant.in_service_until)
    about = near, water
    fitted = _fitted(found, site, book, about)
    refined = _refined(*fitted, found.variant, site, book, about)
    road, bill = _settled(*refined, found, site, book, about)
    plan = road.plan
    layers = charged(np.column_stack((bill.x, bill.y)), bill.form, site.layers)
    places = {name: float(each.sum()) for name, each in layers.items()}
    priced = cost.price(bill.totals, book.rates, book.money, places=sum(places.values()))
    paid = spent(bill, book.rates) + sum(layers.values(), np.zeros(bill.form.size))
    found_breaches = breaches(
        plan.elements, road.grades, book.standard, gentle=_gentle(bill, book.standard)
    )
    return Link(
        name=f"{found.gap.name} / {found.variant.name}",
        gap=found.gap.name,
        variant=found.variant.name,
        section=found.section,
        station=bill.station,
        x=bill.x,
        y=bill.y,
        level=bill.level,
        ground=bill.ground,
        form=bill.form,
        length=road.length,
        bridge_length=bill.length(BRIDGE),
        tunnel_length=bill.length(TUNNEL),
        travel_time=road.length / (book.standard.speed_kmh / KMH),
        exposure=_exposed(bill, book.rules.steep_deg),
        steepest=road.steepest,
        speed_kmh=book.standard.speed_kmh,
        radius=road.radius,
        totals=bill.totals,
        cost=priced.total,
        direct=priced.direct,
        places=places,
        searched=_searched(found, bill, plan, paid),
        builder="programme",
        breaches=(
            *(str(breach) for breach in found_breaches),
            *quantities.limits(bill, book.shape, book.standard),
            *_loops(bill),
        ),
        alignment=road,
    )


Polygon = tuple[NDArray[np.float64], list[Corner | None]]
"""Corners of tangents with both ends, shape (m, 2) [m], and the curves at the inner ones."""
Water = tuple[Terrain, NDArray[np.float32]]
"""Ground about a gap, and the lowest road level that water allows over each cell [m]."""


def _fitted(found: Corridor, site: Site, book: Rulebook, about: Water) -> tuple[Polygon, Alignment]:
    """Tangents, curves and grade line along the points of a corridor."""
    label = f"{found.gap.name} / {found.variant.name}"
    points = np.column_stack((found.x, found.y))
    start, end = (_pose(site, s) for s in (found.section.start, found.section.end))
    try:
        polygon = laid(points, book.standard, start=start, end=end)
        plan = Plan(elements(*polygon))
    except GeometryError as problem:
        msg = f"{label}: no curves of the standard fit: {problem}"
        raise NoRouteError(msg) from problem
    laid_line = grade_line(
        plan,
        site.terrain,
        _task(found, site, plan, book, about),
        line=book.line,
        standard=book.standard,
        shape=book.shape,
        prices=book.prices,
    )
    return polygon, laid_line.alignment


def _refined(
    polygon: Polygon,
    road: Alignment,
    variant: Variant,
    site: Site,
    book: Rulebook,
    about: Water,
) -> tuple[Alignment, Bill]:
    """Move a road to cheaper ground near by, plan and levels in turn, while it pays."""
    near, water = about
    barred = burn(near, barriers(site))
    rivers = [line for _, line in site.rivers]
    dearer = _dearer(variant, near, book)
    land = lateral.chart(
        near, floor=water, forbidden=barred | np.isnan(near.z), rivers=rivers, dearer=dearer
    )
    refine = partial(
        lateral.refine,
        land=land,
        standard=book.standard,
        shape=book.shape,
        prices=book.prices,
        deep=deep(site, book.rules),
    )
    bill = _measured(road, site, book, about)
    price = _price(bill, book.rates, near, dearer)
    lean = 0
    for strides in islice(cycle(STRIDES), PASSES):
        try:
            moved = refine(*polygon, road.grades, strides=strides)
            plan = Plan(elements(moved.pis, list(moved.curves)))
        except GeometryError:
            break
        levels = moved.station * (plan.length / moved.station[-1]), moved.level
        grades = followed(plan.length, levels, line=book.line, standard=book.standard)
        if grades is None:
            break
        levelled = refine(moved.pis, list(moved.curves), grades, plan=False)
        other = Alignment(plan, Grades(grades.chainage, levelled.pvi, grades.curve))
        measured = _measured(other, site, book, about)
        now = _price(measured, book.rates, near, dearer)
        lean = 0 if now < (1 - WORTH) * price else lean + 1
        if now < price:
            polygon, road, bill, price = (levelled.pis, list(levelled.curves)), other, measured, now
        if lean == LEAN:
            break
    return road, bill


def _settled(
    road: Alignment, bill: Bill, found: Corridor, site: Site, book: Rulebook, about: Water
) -> tuple[Alignment, Bill]:
    """Lay the grade line of a road beyond its limits again, within the grades of its forms."""
    dearer = _dearer(found.variant, about[0], book)
    price = _price(bill, book.rates, about[0], dearer)
    for _ in range(SETTLINGS):
        if not bill.denied.any():
            break
        grades = resettled(
            road.plan,
            site.terrain,
            _task(found, site, road.plan, book, about),
            (bill.station, bill.form),
            line=book.line,
            standard=book.standard,
            shape=book.shape,
            prices=book.prices,
        )
        if grades is None:
            break
        moved = Alignment(road.plan, grades)
        measured = _measured(moved, site, book, about)
        now = _price(measured, book.rates, about[0], dearer)
        if now >= price:
            break
        road, bill, price = moved, measured, now
    return road, bill


def _dearer(variant: Variant, near: Terrain, book: Rulebook) -> NDArray[np.float32]:
    """Preference of a variant: factor on the price of open road in each cell."""
    dearer = np.ones(near.shape, np.float32)
    if variant.exposure_weight > 0:
        steep = np.nan_to_num(np.hypot(*slopes(near)))
        dearer += variant.exposure_weight * exposure(steep, book.rules.steep_deg)
    return dearer


def _measured(road: Alignment, site: Site, book: Rulebook, about: Water) -> Bill:
    return quantities.take_off(
        road,
        site.terrain,
        shape=book.shape,
        standard=book.standard,
        prices=book.prices,
        spans=_spans(road.plan, site, book, about),
    )


def _spans(plan: Plan, site: Site, book: Rulebook, about: Water) -> NDArray[np.float64]:
    """Chainages between which a road is no open road: over rivers and deep lakes."""
    near, water = about
    at = crossings(plan, [line for _, line in site.rivers])[:, None]
    s = plan.stations(FINE)
    x, y = plan.poses(s)[:, :2].T
    sunk = near.sample(x, y) < _under(near.index(x, y), water) - deep(site, book.rules)
    edge = np.flatnonzero(np.diff(np.concatenate(([False], sunk, [False])).astype(np.int8)))
    first, last = s[edge[::2]], s[edge[1::2] - 1]
    river = book.shape.river_half_m
    return np.concatenate((at + np.array([-river, river]), np.column_stack((first, last))))


def _price(bill: Bill, rates: Rates, near: Terrain, dearer: NDArray[np.float32]) -> float:
    """Price by which two roads are compared: limits and preferences count as in the search."""
    beyond = np.diff(bill.station)[bill.denied].sum() * DENIED
    at = _in_cells(near.index(bill.x, bill.y), dearer)
    factor = np.where(bill.form == OPEN, (at[:-1] + at[1:]) / 2, 1.0)
    return float((spent(bill, rates) * factor).sum() + beyond)


def spent(bill: Bill, rates: Rates) -> NDArray[np.float64]:
    """
    Direct cost of every interval of a bill, at base prices.

    Returns
    -------
    spent
        Shape (n - 1,), in the currency of the rates; its sum is the direct cost.
    """
    parts = [values * rates[item].price.base for item, values in bill.items.items()]
    return np.asarray(np.sum(parts, axis=0))


def compared(
    along: NDArray[np.float64],
    paid: NDArray[np.float64],
    station: NDArray[np.float64],
    spent: NDArray[np.float64],
    *,
    piece: float = PIECE,
) -> tuple[Piece, ...]:
    """
    Hold the bill of a road against the price that the search of its corridor saw.

    Parameters
    ----------
    along
        Chainages of the road beside the points of the corridor, never falling,
        shape (m,) [m].
    paid
        Price of the corridor from its start to each point, never falling, shape (m,).
    station
        Chainages of the bill, ascending, shape (n,) [m].
    spent
        Direct cost of each of its intervals, shape (n - 1,).
    piece
        Length of the pieces, about [m].

    Returns
    -------
    pieces
        Equal lengths of the whole road, in order; prices of points that lie on one
        chainage count before it. Both prices add up to those of the whole.
    """
    count = max(round(float(station[-1] - station[0]) / piece), 1)
    bounds = np.linspace(station[0], station[-1], count + 1)
    last = np.append(np.diff(along) > 0, True)
    seen = np.interp(bounds, along[last], paid[last])
    seen[0], seen[-1] = 0.0, paid[-1]
    billed = np.interp(bounds, station, np.concatenate(([0.0], np.cumsum(spent))))
    return tuple(
        Piece(float(a), float(b), float(s), float(c))
        for a, b, s, c in zip(bounds[:-1], bounds[1:], np.diff(seen), np.diff(billed), strict=True)
    )


def _searched(found: Corridor, bill: Bill, plan: Plan, spent: NDArray[np.float64]) -> Searched:
    """Say what the search found, and hold the bill against it piece by piece."""
    s = plan.stations(quantities.STEP)
    along = _followed(s, plan.poses(s)[:, :2], np.column_stack((found.x, found.y)))
    return Searched(
        price=found.price,
        bound=found.bound,
        construction=found.construction,
        opened=found.opened,
        seconds=found.seconds,
        band_m=found.band_m,
        at_edge=found.at_edge,
        tracked=found.tracked,
        pieces=compared(along, found.paid, bill.station, spent),
    )


def _loops(bill: Bill) -> tuple[str, ...]:
    """
    Say where a road crosses itself without room for one leg over the other.

    With room, one leg is on a structure there, or both are, and priced as such.
    """
    if LineString(np.column_stack((bill.x, bill.y))).is_simple:
        return ()
    xy = np.column_stack((bill.x, bill.y))
    pieces = np.asarray(linestrings(np.stack((xy[:-1], xy[1:]), axis=1)))
    first, second = STRtree(pieces).query(pieces, predicate="intersects")
    out = []
    for i, j in zip(first, second, strict=True):
        apart = abs(float(bill.level[i] - bill.level[j]))
        if j > i + 1 and apart < HEADROOM:
            here, there = (chainage(float(bill.station[k])) for k in (i, j))
            out.append(
                f"the road crosses itself at {here} and {there} of its length with {apart:.1f} m "
                f"between its levels, wanted {HEADROOM:g}"
            )
    return tuple(out)


def _pose(site: Site, s: float) -> Pose:
    (x, y), bearing = site.highway.at(s)[0], site.highway.bearing(s)[0]
    return Pose(float(x), float(y), float(bearing))


def _task(found: Corridor, site: Site, plan: Plan, book: Rulebook, about: Water) -> Task:
    """Levels that the grade line joins and keeps."""
    s = plan.stations(quantities.STEP)
    xy = plan.poses(s)[:, :2]
    along = _followed(s, xy, np.column_stack((found.x, found.y)))
    ahead = np.concatenate(([True], np.diff(along) > 0))
    near, water = about
    floor = _under(near.index(xy[:, 0], xy[:, 1]), water)
    levels = site.highway.level_at([found.section.start, found.section.end])
    if found.gap.before is None:
        levels[0] = max(levels[0], floor[0])
    if found.gap.after is None:
        levels[1] = max(levels[1], floor[-1])
    return Task(
        start=float(levels[0]),
        end=float(levels[1]),
        corridor_s=along[ahead],
        corridor_level=found.level[ahead],
        water_s=s,
        water_level=floor,
        spans=_spans(plan, site, book, about),
    )


def _followed(
    s: NDArray[np.float64], xy: NDArray[np.float64], points: NDArray[np.float64]
) -> NDArray[np.float64]:
    """
    Chainages of the fitted road beside the points of its corridor, never falling.

    Each point is looked for a little ahead of the last one only, since on a
    hairpin the nearest place of the road may belong to another leg.
    """
    out = np.empty(len(points))
    at = 0
    for i, point in enumerate(points):
        step = float(np.hypot(*(point - points[i - 1]))) if i else 0.0
        end = int(np.searchsorted(s, s[at] + LOOK_AHEAD * step)) + 1
        at += int(np.argmin(np.hypot(*(xy[at:end] - point).T)))
        out[i] = s[at]
    out[-1] = s[-1]
    return out


def _under(
    at: tuple[NDArray[np.float64], NDArray[np.float64]], water: NDArray[np.float32]
) -> NDArray[np.float64]:
    return np.maximum(_in_cells(at, water), LOW)


def _in_cells(
    at: tuple[NDArray[np.float64], NDArray[np.float64]], raster: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Values of the cells in which places lie."""
    row = np.clip(np.rint(at[0]).astype(np.int64), 0, raster.shape[0] - 1)
    col = np.clip(np.rint(at[1]).astype(np.int64), 0, raster.shape[1] - 1)
    return raster[row, col].astype(np.float64)


def _gentle(bill: Bill, standard: DesignStandard) -> list[tuple[float, float, float]]:
    """Structures with the greatest grade that the standard allows on them."""
    limit = {BRIDGE: standard.grade_bridge, TUNNEL: standard.grade_tunnel}
    return [(each.start, each.end, limit[each.form]) for each in bill.structures]


def _exposed(bill: Bill, steep_deg: float) -> float:
    """Mean exposure of a road, by length."""
    at = exposure(bill.slope, steep_deg)
    share = (at[:-1] + at[1:]) / 2
    for form, factor in BESIDE.items():
        share[bill.form == form] *= factor
    run = np.diff(bill.station)
    return float((share * run).sum() / run.sum())
