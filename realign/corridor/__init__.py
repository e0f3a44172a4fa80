"""
From two ends of a drowned road to the cheapest road that could replace it.

`gaps` says which stretches of the existing road must be replaced, and where on
its dry parts a new road may begin and end; `find` searches one road across one
gap. What it minimises is the price of `formation`, with preferences of the
variant on top; what it returns is points with a road level.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString

from realign import formation
from realign.chainage import Section, text
from realign.corridor.ground import Ground
from realign.corridor.layers import Laid, Layer, measured
from realign.corridor.price import Tariff, move_price, tabulate
from realign.corridor.problem import Problem, Survey, prepare
from realign.corridor.search import FAR, Found, bounds, guided, least_price
from realign.corridor.site import Gap, Rules, Site, Variant, gaps
from realign.errors import NoRouteError
from realign.standards import DesignStandard

__all__ = [
    "Corridor",
    "Gap",
    "Laid",
    "Layer",
    "Rules",
    "Site",
    "Tell",
    "Variant",
    "find",
    "gaps",
]

EDGE = 3
"""A road that comes as close as this to the edge of the band might be cheaper outside [cells]."""
WIDER = (1.0, 2.0, 4.0)
"""Where the band holds no road, or the road touches its edge, it is searched again this many times
as wide [-]."""

Tell = Callable[[str, int], None]
"""Called with what is going on and how many states were opened; may raise to cancel."""


@dataclass(frozen=True, slots=True, eq=False)
class Corridor:
    """A found road, as points with road levels."""

    gap: Gap
    """What it replaces."""
    variant: Variant
    """What was looked for."""
    x: NDArray[np.float64]
    """East of the points, shape (n,) [m]."""
    y: NDArray[np.float64]
    """North of the points, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Road level at the points, shape (n,) [m above datum]."""
    paid: NDArray[np.float64]
    """Price of the new road from its start to each point, without preferences, shape (n,)."""
    section: Section
    """Old chainages of the tie-ins."""
    price: float
    """Price the search minimised, preferences included, in the currency of the rates."""
    bound: float
    """Lower bound of `price`: the cheapest way without regard to radius."""
    tracked: Mapping[str, float]
    """Measures of the tracked layers along the points, by name with unit."""
    band_m: float
    """Distance from the existing road up to which ground was looked at in the end [m]."""
    opened: int
    """States opened."""
    seconds: float
    """Time of the search [s]."""
    at_edge: bool
    """True where the road touches the edge of the ground that was looked at even so."""

    @property
    def construction(self) -> float:
        """Price of the new road alone, without preferences and without road kept."""
        return float(self.paid[-1])

    @property
    def optimality_gap(self) -> float:
        """Share by which the price may exceed that of the cheapest road at most [-]."""
        return self.price / self.bound - 1


def find(  # noqa: PLR0913 - what a search is asked
    site: Site,
    gap: Gap,
    variant: Variant,
    *,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
    tell: Tell | None = None,
    workers: int = 1,
) -> Corridor:
    """
    Search the cheapest road across a gap.

    Parameters
    ----------
    site
        Ground, water, existing road, layers.
    gap
        What to replace, and where a road may begin and end.
    variant
        Speed, bank and preferences.
    rules
        Extent and fineness of the search.
    standard
        Radius and grade, hard rules.
    prices
        Cross section and prices, from `formation.prices`.
    tell
        Called as the search goes on; may raise to cancel.
    workers
        Threads that price the moves; the search itself is one.

    Returns
    -------
    corridor
        The road with its price and a lower bound of it.

    Raises
    ------
    NoRouteError
        No road within the standard joins the ends; the message tells whether
        grade, water and forms of road already forbid it, or the radius does.
    """
    began = perf_counter()
    label = f"{gap.name} / {variant.name}"

    def report(stage: str) -> Callable[[int], None] | None:
        return (lambda opened: tell(f"{label}: {stage}", opened)) if tell else None

    road: Corridor | None = None
    reason, cells, opened = "", 0, 0
    for wider in WIDER:
        own = rules.model_copy(update={"band_m": rules.band_m * wider})
        problem = prepare(site, gap, variant, rules=own, standard=standard, prices=prices)
        survey = problem.survey()
        if survey.ground.row.size == cells:
            break  # the ground ends where the band did
        cells = survey.ground.row.size
        table = tabulate(
            survey.ground,
            problem.tariff,
            climb=problem.moves.climb,
            workers=workers,
            tell=report("prices"),
        )
        bound = bounds(survey.ground, table, survey.ends, tell=report("bound"))
        least = least_price(survey.ground, table, survey.starts, bound)
        if least == FAR:
            reason = "grade, water and forms of road forbid"
            continue
        found, labels = guided(
            survey.ground,
            table,
            survey.starts,
            survey.ends,
            bound,
            steps=problem.steps,
            tell=report("search"),
        )
        opened += labels.opened
        if found is None:
            reason = "the radius forbids"
            continue
        road = corridor(problem, survey, found, unit=table.unit, least=least)
        if not road.at_edge:
            break
    if road is None:
        raise NoRouteError(_no_route(gap, variant, standard, reason))
    return replace(road, opened=opened, seconds=perf_counter() - began)


def corridor(
    problem: Problem, survey: Survey, found: Found, *, unit: float, least: int
) -> Corridor:
    """
    Turn a way through the lattice into a road with its price.

    Parameters
    ----------
    problem, survey, found
        What was searched, on which ground, and what was found.
    unit
        What a unit of its price is worth.
    least
        Lower bound of its price [units].

    Returns
    -------
    corridor
        With no states opened and no time spent.
    """
    points = problem.points(survey.ground, found.cell, found.level)
    return Corridor(
        gap=problem.gap,
        variant=problem.variant,
        x=points[:, 0],
        y=points[:, 1],
        level=points[:, 2],
        paid=_paid(survey.ground, problem.tariff, found),
        section=Section(float(survey.leave[found.first]), float(survey.meet[found.last])),
        price=found.price * unit,
        bound=least * unit,
        tracked=measured(LineString(points[:, :2]), problem.site.layers),
        band_m=problem.rules.band_m,
        opened=0,
        seconds=0.0,
        at_edge=_at_edge(survey.band, survey.ground, found),
    )


def _paid(ground: Ground, tariff: Tariff, found: Found) -> NDArray[np.float64]:
    """Price of a way from its start to each of its points without any preference."""
    plain = ground._replace(factor=np.ones_like(ground.factor))
    bare = tariff._replace(per_metre=0.0, weight=np.ones_like(tariff.weight))
    paid = np.zeros(found.cell.size)
    for i in range(found.cell.size - 1):
        move = int(np.flatnonzero(ground.neighbour[found.cell[i]] == found.cell[i + 1])[0])
        price = move_price(plain, bare, found.cell[i], move, found.level[i], found.level[i + 1])
        paid[i + 1] = paid[i] + price
    return paid


def _at_edge(band: NDArray[np.bool_], ground: Ground, found: Found) -> bool:
    """Whether the road comes within three cells of the edge of the band that was searched."""
    inner = ndimage.distance_transform_edt(np.pad(band, 1))[1:-1, 1:-1] > EDGE
    return not bool(inner[ground.row[found.cell], ground.col[found.cell]].all())


def _no_route(gap: Gap, variant: Variant, standard: DesignStandard, reason: str) -> str:
    return (
        f"{gap.name}: no road of variant {variant.name!r} joins {text(gap.section.start)} and "
        f"{text(gap.section.end)}; {standard.title} at {standard.speed_kmh} km/h: {reason} "
        "every way; wanted a longer corridor.reach_m, a wider corridor.band_m, or a lower speed"
    )
