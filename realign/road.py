"""One corridor to one link: geometry, grade line, bill, cost and exposure of a new road."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString, get_parts, unary_union

from realign import corridor, cost, formation, quantities
from realign.corridor import Corridor, Site
from realign.corridor.site import surroundings
from realign.errors import GeometryError, NoRouteError
from realign.formation import BRIDGE, TUNNEL, Formation, Prices
from realign.geometry.alignment import Plan, crossings
from realign.geometry.check import breaches
from realign.geometry.horizontal import Pose, fit
from realign.hazard import exposure
from realign.network import KMH, Link
from realign.profile import LOW, Line, Task, grade_line
from realign.quantities import Bill
from realign.rates import Money, Rates
from realign.standards import DesignStandard

LOOK_AHEAD = 1.6
"""How far ahead a point of the corridor is looked for on the fitted road, in its own steps [-]."""
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
    prices = book.prices
    points = np.column_stack((found.x, found.y))
    start, end = (_pose(site, s) for s in (found.section.start, found.section.end))
    try:
        plan = Plan(fit(points, book.standard, start=start, end=end))
    except GeometryError as problem:
        msg = f"{found.gap.name} / {found.variant.name}: no curves of the standard fit: {problem}"
        raise NoRouteError(msg) from problem
    rivers = crossings(plan, [line for _, line in site.rivers])
    profile = grade_line(
        plan,
        site.terrain,
        _task(found, site, plan, rivers, book.rules),
        line=book.line,
        standard=book.standard,
        shape=book.shape,
        prices=prices,
    )
    road = profile.alignment
    bill = quantities.take_off(
        road,
        site.terrain,
        shape=book.shape,
        standard=book.standard,
        prices=prices,
        rivers=rivers,
    )
    priced = cost.price(bill.totals, book.rates, book.money)
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
        searched_price=found.construction,
        bound=found.bound,
        builder="programme",
        breaches=(
            *(str(breach) for breach in found_breaches),
            *quantities.limits(bill),
            *_loops(bill),
        ),
        alignment=road,
    )


def _loops(bill: Bill) -> tuple[str, ...]:
    """Say where a road crosses itself, which the search neither forbids nor prices."""
    line = LineString(np.column_stack((bill.x, bill.y)))
    if line.is_simple:
        return ()
    noded = unary_union(line)
    count = len(get_parts(noded)) // 2
    return (f"the road crosses itself, about {count} times",)


def _pose(site: Site, s: float) -> Pose:
    (x, y), bearing = site.highway.at(s)[0], site.highway.bearing(s)[0]
    return Pose(float(x), float(y), float(bearing))


def _task(
    found: Corridor, site: Site, plan: Plan, rivers: NDArray[np.float64], rules: corridor.Rules
) -> Task:
    """Levels that the grade line joins and keeps."""
    s = plan.stations(quantities.STEP)
    xy = plan.poses(s)[:, :2]
    along = _followed(s, xy, np.column_stack((found.x, found.y)))
    ahead = np.concatenate(([True], np.diff(along) > 0))
    near, water = surroundings(site, found.gap, rules)
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
        rivers=rivers,
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
    row = np.clip(np.rint(at[0]).astype(np.int64), 0, water.shape[0] - 1)
    col = np.clip(np.rint(at[1]).astype(np.int64), 0, water.shape[1] - 1)
    return np.maximum(water[row, col].astype(np.float64), LOW)


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
