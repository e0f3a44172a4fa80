"""One corridor to one link: geometry, grade line, bill, cost and exposure of a new road."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle, islice
from math import inf, isnan, nan
from typing import cast

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, STRtree, linestrings

from realign import bound, corridor, cost, formation, haul, inventory, lateral, quantities
from realign.chainage import Section
from realign.chainage import text as chainage
from realign.corridor import Corridor, Gap, Site, Variant
from realign.corridor.layers import charged, taken
from realign.corridor.site import GRADE_HALF, closed, deep, surroundings
from realign.errors import GeometryError, NoRouteError
from realign.formation import BRIDGE, DENIED, FORMS, OPEN, TUNNEL, Formation, Prices
from realign.geometry.alignment import Alignment, Part, Plan, beside, crossings, met
from realign.geometry.check import Tie, advice, breaches
from realign.geometry.easing import eased
from realign.geometry.horizontal import Corner, Pose, elements, hairpins, laid
from realign.geometry.vertical import Grades
from realign.geometry.zones import LEAST, travel_time, zones
from realign.haul import Earth
from realign.hazard import Protection, exposure
from realign.network import Graded, Link, Paced, Piece, Searched
from realign.profile import KINK, LOW, OFF_TIE, Line, Task, followed, grade_line, resettled
from realign.quantities import Bill
from realign.rates import Money, Rates
from realign.standards import DesignStandard, Slow
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
AGAIN = 2
"""How often a road that ends with places beyond the limits is moved once more from its first
course, with the strides in another order, at most."""
SETTLINGS = 2
"""How often the grade line of a road with places beyond the limits is laid again, at most."""
FINE = 5.0
"""Distance between the places at which a road is asked whether it lies over a deep lake [m]."""
PIECE = 5000.0
"""Length of the pieces by which a bill is compared with the price searched, about [m]."""
ROUNDING = 0.01
"""How far a level may lie below what is wanted, from rounding [m]."""
ON_ROAD = 1.0
"""How far beside the line of the existing road an end may lie and still be on it [m]."""
EASE_COST = 0.01
"""Share of the price of a road that mending short tangents and arcs may cost [-]."""
HEADROOM = 7.0
"""Least difference of level where a road crosses itself: 5 m of clearance and a deck [m]."""
BESIDE = {BRIDGE: 0.5, TUNNEL: 0.0}
"""Exposure of a structure over that of open road in its place; an assumption [-]."""
RESERVES = (0.0, 0.07)
"""Shares of the greatest grade that the search leaves to the fit, tried in turn: curves make the
road shorter than its corridor, so that a climb at the limit may come out too steep [-]."""


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
    others: tuple[DesignStandard, ...] = ()
    """Rows of the code at other speeds: slower ones that the road may fall to where the ground
    forces it, faster ones that rule wherever the road keeps them."""
    slow_value: float = 0.0
    """Value of a metre that keeps the speed of the standard, in the currency of the rates [/m]."""
    zone_m: float = LEAST
    """Least length of a stretch with one speed [m]."""
    earth: Earth = field(default_factory=Earth)
    """What becomes of cut and fill."""
    shelter: Protection = field(default_factory=Protection)
    """Where galleries cover the road."""

    @property
    def slow(self) -> Slow | None:
        """What it costs to fall to a slower row; None where the road may not."""
        radii = [row.radius for row in self.others if row.speed_kmh < self.standard.speed_kmh]
        return Slow(min(radii), self.slow_value, self.zone_m) if radii else None

    @property
    def drawn(self) -> DesignStandard:
        """The standard with curves as sharp as the slowest row allows."""
        return replace(self.standard, radius=self.slow.radius) if self.slow else self.standard

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
    road, turns, about = drawn(found, site, book)
    link = assessed(
        road,
        site,
        book,
        gap=found.gap,
        variant=found.variant.name,
        section=found.section,
        hairpins=turns,
        about=about,
    )
    bill = _measured(road, site, book, about)
    places = charged(np.column_stack((bill.x, bill.y)), bill.form, site.layers)
    paid = billed(link, book.rates, places)
    return replace(
        link,
        graded=_graded(road, bill, found.variant, site, book, about),
        searched=_searched(found, bill, road.plan, paid),
    )


def drawn(
    found: Corridor, site: Site, book: Rulebook
) -> tuple[Alignment, tuple[tuple[float, float], ...], "Water"]:
    """
    Fit a road to a corridor: the first half of `design`.

    Parameters
    ----------
    found, site, book
        As in `design`.

    Returns
    -------
    road
        Plan and grade line.
    hairpins
        Chainages between which it has the hairpin section of its standard [m].
    about
        Ground about the gap and the level that water asks for, for `assessed`.

    Raises
    ------
    NoRouteError
        As in `design`.
    """
    about = surroundings(site, found.gap, book.rules, until=found.variant.in_service_until)
    fitted = _fitted(found, site, book, about)
    polygon, road, bill = _cheapest(fitted, found, site, book, about)
    road, _ = _balanced(road, bill, found, site, book, about)
    return road, hairpins(*polygon, book.drawn), about


def assessed(  # noqa: PLR0913 - a road, the world, what rules it, and what it is called
    road: Alignment,
    site: Site,
    book: Rulebook,
    *,
    gap: Gap,
    variant: str,
    section: Section,
    hairpins: Sequence[tuple[float, float]] = (),
    about: "Water | None" = None,
    whole: inventory.Inventory | None = None,
) -> Link:
    """
    Measure, list, price, zone and check a road: the second half of `design`.

    Parameters
    ----------
    road
        Plan and grade line, wherever they come from.
    site
        Ground, water, existing road.
    book
        The tables that rule it.
    gap, variant
        What it replaces, and what it is called.
    section
        Chainages of the existing road at its ends [m].
    hairpins
        Chainages between which it has the hairpin section of its standard [m].
    about
        Ground about the gap and the level that water asks for, from
        `corridor.site.surroundings`; found here where None.
    whole
        All that it is made of; from `counted` where None.

    Returns
    -------
    link
        Without what a search or a bound knows of it.
    """
    about = surroundings(site, gap, book.rules) if about is None else about
    everything = counted(road, site, book, about) if whole is None else whole
    bill = everything.bill
    plan = road.plan
    xy = np.column_stack((bill.x, bill.y))
    layers = charged(xy, bill.form, site.layers)
    places = {name: float(each.sum()) for name, each in layers.items()}
    priced = cost.price(bill.totals, book.rates, book.money, places=sum(places.values()))
    uses, counts = taken(xy, bill.items["land"], site.layers)
    floor = _floor(plan, site, book, about)
    speeds = zones(road, (book.standard, *book.others), hairpins=hairpins, least=book.zone_m)
    ties = _ties(gap, section, site, floor, book.standard)
    found_breaches = breaches(
        plan.elements,
        road.grades,
        speeds,
        gentle=_gentle(bill, book.standard),
        start=ties[0],
        end=ties[1],
    )
    return Link(
        name=f"{gap.name} / {variant}",
        gap=gap.name,
        variant=variant,
        section=section,
        station=bill.station,
        x=bill.x,
        y=bill.y,
        level=bill.level,
        ground=bill.ground,
        form=bill.form,
        length=road.length,
        bridge_length=bill.length(BRIDGE),
        tunnel_length=bill.length(TUNNEL),
        travel_time=travel_time(speeds),
        exposure=_exposed(bill, book.rules.steep_deg),
        steepest=road.steepest,
        speed_kmh=book.standard.speed_kmh,
        radius=road.radius,
        totals=bill.totals,
        inventory=everything,
        structures=_structures(bill, plan, site),
        floor=floor,
        uses={name: float(area.sum()) for name, area in uses.items()},
        counts=counts,
        cost=priced.total,
        direct=priced.direct,
        places=places,
        builder="programme",
        breaches=(
            *(str(breach) for breach in found_breaches),
            *quantities.limits(bill, book.shape, book.standard),
            *_loops(bill),
            *_low(bill, floor),
        ),
        advice=tuple(str(each) for each in advice(plan.elements, speeds)),
        speeds=tuple(Paced(z.start, z.end, z.speed_kmh, z.why) for z in speeds),
        hairpins=tuple(hairpins),
        alignment=road,
    )


def counted(road: Alignment, site: Site, book: Rulebook, about: "Water") -> inventory.Inventory:
    """
    List all that a road is made of.

    Parameters
    ----------
    road, site, book, about
        As in `assessed`.

    Returns
    -------
    inventory
        With the bill in full.
    """
    return inventory.full(
        _measured(road, site, book, about),
        shape=book.shape,
        standard=book.standard,
        prices=book.prices,
        earth=_moving(road.length, book),
        shelter=book.shelter,
        steep_deg=book.rules.steep_deg,
        gullies=_gullies(road.plan, site),
    )


def _ties(
    gap: Gap,
    section: Section,
    site: Site,
    floor: NDArray[np.float64],
    standard: DesignStandard,
) -> tuple[Tie | None, Tie | None]:
    """Say what the road meets at its ends; nothing where the existing one begins or ends there."""
    out: list[Tie | None] = []
    levels, grades = _met(gap, section, site, floor)
    for s, free, level, grade in zip(
        (section.start, section.end), _free(gap, section), levels, grades, strict=True
    ):
        if free:
            out.append(None)
            continue
        # a road that is steeper than the standard is met at the standard's grade
        kept = None if isnan(grade) else min(max(grade, -standard.grade), standard.grade)
        out.append(Tie(_pose(site, s), level, kept, KINK))
    return out[0], out[1]


def _free(gap: Gap, section: Section) -> tuple[bool, bool]:
    """Say at which ends of a new road the existing one begins or ends wet, so meets nothing."""
    first = gap.before is None and section.start <= gap.section.start
    last = gap.after is None and section.end >= gap.section.end
    return first, last


def _met(
    gap: Gap, section: Section, site: Site, floor: NDArray[np.float64]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Levels and grades that a new road meets at its two ends; no grade where it meets nothing."""
    levels = site.highway.level_at([section.start, section.end])
    first, last = _free(gap, section)
    if first:
        levels[0] = max(levels[0], floor[0])
    if last:
        levels[1] = max(levels[1], floor[-1])
    grades = (
        nan if first else _slope_of(site, section.start),
        nan if last else _slope_of(site, section.end),
    )
    return (float(levels[0]), float(levels[1])), grades


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
        polygon = laid(points, book.drawn, start=start, end=end)
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


def _cheapest(
    fitted: tuple[Polygon, Alignment], found: Corridor, site: Site, book: Rulebook, about: Water
) -> tuple[Polygon, Alignment, Bill]:
    """Move a road to cheaper ground, from another start where it ends beyond its limits."""
    move = _mover(found.variant, site, book, about)
    dearer = _dearer(found.variant, about[0], book)
    best: tuple[Polygon, Alignment, Bill] | None = None
    least = (True, inf)
    for k in range(1 + AGAIN):
        sets = STRIDES[k:] + STRIDES[:k]
        refined = _refined(*fitted, move, found.variant, site, book, about, sets=sets)
        polygon, road, bill = _eased(*refined, move, found, site, book, about)
        road, bill = _settled(road, bill, found, site, book, about)
        rank = bool(bill.denied.any()), _price(bill, book.rates, about[0], dearer)
        if best is None or rank < least:
            best, least = (polygon, road, bill), rank
        if not least[0]:
            break
    return cast("tuple[Polygon, Alignment, Bill]", best)


Mover = Callable[..., lateral.Line]
"""`lateral.refine` on the ground of a gap, with the rules of a road."""


def _mover(variant: Variant, site: Site, book: Rulebook, about: Water) -> Mover:
    """Make the ground of a gap ready for roads to be moved on it."""
    near, water = about
    land = lateral.chart(
        near,
        floor=water,
        forbidden=closed(site, near),
        rivers=[line for _, line in site.rivers],
        dearer=_dearer(variant, near, book),
    )
    return partial(
        lateral.refine,
        land=land,
        standard=book.standard,
        shape=book.shape,
        prices=book.prices,
        deep=deep(site, book.rules),
        slow=book.slow,
        over=site.over_rivers,
    )


def _refined(  # noqa: PLR0913 - a road, how it is moved, and what rules it
    polygon: Polygon,
    road: Alignment,
    refine: Mover,
    variant: Variant,
    site: Site,
    book: Rulebook,
    about: Water,
    *,
    sets: Sequence[Sequence[float]] = STRIDES,
) -> tuple[Polygon, Alignment, Bill]:
    """Move a road to cheaper ground near by, plan and levels in turn, while it pays."""
    near, dearer = about[0], _dearer(variant, about[0], book)
    bill = _measured(road, site, book, about)
    price = _price(bill, book.rates, near, dearer)
    if hairpins(*polygon, book.drawn):
        return polygon, road, bill  # their two PIs move together or not at all
    lean = 0
    for strides in islice(cycle(sets), PASSES):
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
    return polygon, road, bill


def _eased(  # noqa: PLR0913, PLR0917 - a road, how it is moved, and what rules it
    polygon: Polygon,
    road: Alignment,
    bill: Bill,
    refine: Mover,
    found: Corridor,
    site: Site,
    book: Rulebook,
    about: Water,
) -> tuple[Polygon, Alignment, Bill]:
    """Mend short tangents and arcs where that costs little, and lay the grade line again."""
    dearer = _dearer(found.variant, about[0], book)
    price = _price(bill, book.rates, about[0], dearer)
    pis, curves = eased(*polygon, book.standard)
    plan = Plan(elements(pis, curves))
    s = road.plan.stations(quantities.STEP)
    levels = s * (plan.length / road.length), road.grades.at(s)
    grades = followed(plan.length, levels, line=book.line, standard=book.standard)
    if grades is None:
        return polygon, road, bill
    try:
        levelled = refine(pis, curves, grades, plan=False)
    except GeometryError:
        return polygon, road, bill
    other = Alignment(plan, Grades(grades.chainage, levelled.pvi, grades.curve))
    moved, measured = _settled(other, _measured(other, site, book, about), found, site, book, about)
    if _price(measured, book.rates, about[0], dearer) > (1 + EASE_COST) * price:
        return polygon, road, bill
    return (pis, curves), moved, measured


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


def _balanced(
    road: Alignment, bill: Bill, found: Corridor, site: Site, book: Rulebook, about: Water
) -> tuple[Alignment, Bill]:
    """Lay the grade line once more with its earth moved, and tangential to the existing road."""
    task = _task(found, site, road.plan, book, about)
    earth = _moving(road.length, book)
    dearer = _dearer(found.variant, about[0], book)

    def price(road: Alignment, bill: Bill) -> float:
        grade = road.grades.grade[[0, -1]]
        limit = book.standard.grade
        kinks = np.abs(grade - np.clip(task.joined, -limit, limit)) - KINK
        off = np.nan_to_num(np.maximum(kinks, 0.0)).sum() * OFF_TIE
        floor = np.interp(bill.station, task.water_s, task.water_level)
        sunk = np.maximum(floor - bill.level, 0.0)[1:-1].sum() * DENIED
        moved = inventory.moved(bill, earth).cost
        return float(_price(bill, book.rates, about[0], dearer) + off + sunk + moved)

    grades = resettled(
        road.plan,
        site.terrain,
        replace(task, earth=earth),
        (bill.station, bill.form),
        line=book.line,
        standard=book.standard,
        shape=book.shape,
        prices=book.prices,
    )
    if grades is None:
        return road, bill
    other = Alignment(road.plan, grades)
    measured = _measured(other, site, book, about)
    if price(other, measured) < price(road, bill):
        return other, measured
    return road, bill


def _moving(length: float, book: Rulebook) -> haul.Moving:
    """Say what moving the earth of a road costs, and where it may be borrowed and wasted."""
    sites = haul.sites(length, book.earth.site_every_m)
    return haul.Moving(book.earth, haul.prices(book.rates), sites)


def _gullies(plan: Plan, site: Site) -> NDArray[np.float64]:
    """Chainages at which a road crosses the lines of layers that cost by the crossing."""
    lines = [
        LineString(line)
        for each in site.layers
        if each.layer.per_crossing
        for line in each.lines
        if len(line) > 1
    ]
    return crossings(plan, lines)


def _structures(bill: Bill, plan: Plan, site: Site) -> tuple[Part, ...]:
    """Bridges and tunnels, named by what they cross and the place that is nearest."""
    over: dict[int, list[str]] = {}
    begins = np.array([each.start for each in bill.structures])
    for at, k in zip(*met(plan, [line for _, line in site.rivers]), strict=True):
        i = int(np.searchsorted(begins, at, side="right")) - 1
        inside = i >= 0 and at <= bill.structures[i].end
        if inside and bill.structures[i].form == BRIDGE and site.rivers[k][0]:
            over.setdefault(i, []).append(site.rivers[k][0])
    middle = np.array([(each.start + each.end) / 2 for each in bill.structures])
    x, y = plan.poses(middle)[:, :2].T if middle.size else (np.empty(0), np.empty(0))
    old = site.highway.chainage(x, y)[0] if middle.size else np.empty(0)
    near = []
    for i, s in enumerate(old):
        rivers = "over " + " and ".join(dict.fromkeys(over[i])) if i in over else ""
        place = min(site.places, key=lambda name: abs(site.places[name] - float(s)), default="")
        near.append(", ".join(part for part in (rivers, f"near {place}" if place else "") if part))
    names = inventory.named(bill.structures, near)
    return tuple(
        Part(FORMS[each.form], each.start, each.end, name)
        for each, name in zip(bill.structures, names, strict=True)
    )


def _graded(
    road: Alignment, bill: Bill, variant: Variant, site: Site, book: Rulebook, about: Water
) -> Graded:
    """Hold a grade line against the bound of all that its plan allows."""
    near, water = about
    at = near.index(bill.x, bill.y)
    wet = beside(bill.station, _spans(road.plan, site, book, about))
    way = bound.Way(
        ground=bill.ground,
        slope=bill.slope,
        floor=np.minimum(_under(at, water), bill.level),
        wet=wet,
        dearer=_in_cells(at, _dearer(variant, near, book)),
    )
    run = float(bill.station[1])
    ends = float(bill.level[0]), float(bill.level[-1])
    return Graded(
        price=bound.price_of(way, run, bill.level, (bill.form, bill.denied), book.prices),
        bound=bound.least_price(way, run, ends, standard=book.standard, prices=book.prices),
    )


def _low(bill: Bill, floor: NDArray[np.float64], *, merge: float = 100.0) -> tuple[str, ...]:
    """Say where a road lies lower over water than it must."""
    out: list[str] = []
    last = -np.inf
    for i in np.flatnonzero(bill.level < floor - ROUNDING):
        s = float(bill.station[i])
        if s - last > merge and 0 < i < bill.station.size - 1:
            out.append(
                f"level over water at {chainage(s)} of the new road: {bill.level[i]:.2f} m, "
                f"wanted {floor[i]:.2f} m"
            )
        last = s
    return tuple(out)


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
        joins=_joins(road, site),
    )


def _joins(road: Alignment, site: Site) -> tuple[bool, bool]:
    """Say which ends of a road lie on the existing one, at its level."""
    both = np.array([0.0, road.length])
    x, y = road.plan.poses(both)[:, :2].T
    s, off = site.highway.chainage(x, y)
    apart = np.abs(site.highway.level_at(s) - road.grades.at(both))
    first, last = (off < ON_ROAD) & (apart < ROUNDING) & np.array(site.built)
    return bool(first), bool(last)


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


def billed(
    link: Link, rates: Rates, places: Mapping[str, NDArray[np.float64]]
) -> NDArray[np.float64]:
    """
    Direct cost of every interval of a link at base prices, with what places ask besides.

    Parameters
    ----------
    link
        With its inventory.
    rates
        Unit prices.
    places
        What each layer of costs asks in each interval, shape (n - 1,), from
        `corridor.layers.charged`.

    Returns
    -------
    billed
        Shape (n - 1,); its sum is the direct cost of the link.

    Raises
    ------
    GeometryError
        Only totals are known of the link.
    """
    if link.inventory is None:
        msg = f"{link.name}: wanted the whole inventory of the link, found totals only"
        raise GeometryError(msg)
    whole = link.inventory.bill
    return spent(whole, rates) + sum(places.values(), np.zeros(whole.form.size))


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
    along = _followed(s, plan.poses(s)[:, :2], np.column_stack((found.x, found.y)))
    ahead = np.concatenate(([True], np.diff(along) > 0))
    floor = _floor(plan, site, book, about)
    levels, grades = _met(found.gap, found.section, site, floor)
    return Task(
        start=levels[0],
        end=levels[1],
        corridor_s=along[ahead],
        corridor_level=found.level[ahead],
        water_s=s,
        water_level=floor,
        spans=_spans(plan, site, book, about),
        joined=grades,
    )


def _floor(plan: Plan, site: Site, book: Rulebook, about: Water) -> NDArray[np.float64]:
    """Lowest level that lakes and rivers allow at every station of the bill [m above datum]."""
    s = plan.stations(quantities.STEP)
    x, y = plan.poses(s)[:, :2].T
    near, water = about
    floor = _under(near.index(x, y), water)
    return np.maximum(floor, np.nan_to_num(_over_rivers(plan, site, book, s), nan=LOW))


def _slope_of(site: Site, s: float) -> float:
    """Grade of the existing road about a chainage, uphill along it [fraction]."""
    a, b = max(s - GRADE_HALF, 0.0), min(s + GRADE_HALF, site.highway.length)
    low, high = site.highway.level_at([a, b])
    return float(high - low) / (b - a)


def _over_rivers(
    plan: Plan, site: Site, book: Rulebook, s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Lowest levels that rivers under a road allow, `LOW` where there is none [m above datum]."""
    floor = np.full(s.size, LOW)
    for at in crossings(plan, [line for _, line in site.rivers]):
        near = np.abs(s - at) <= max(book.shape.river_half_m, quantities.STEP)
        x, y = plan.poses([at])[0, :2]
        bed = float(site.terrain.sample(np.array([x]), np.array([y]))[0])
        floor[near] = np.maximum(floor[near], bed + site.over_rivers)
    return floor


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
    return float(exposed(bill, steep_deg).sum() / np.diff(bill.station).sum())


def exposed(bill: Bill, steep_deg: float) -> NDArray[np.float64]:
    """
    Give the exposure of every interval of a road times its length.

    Parameters
    ----------
    bill
        Measured road.
    steep_deg
        Side slope of half the exposure [deg].

    Returns
    -------
    exposed
        Shape (n - 1,) [m]; over the length of the road its sum is the mean exposure.
    """
    at = exposure(bill.slope, steep_deg)
    share = (at[:-1] + at[1:]) / 2
    for form, factor in BESIDE.items():
        share[bill.form == form] *= factor
    return np.asarray(share * np.diff(bill.station))
