"""
From two ends of a drowned road to the cheapest road that could replace it.

`gaps` says which stretches of the existing road must be replaced, and where on
its dry parts a new road may begin and end; `find` searches one road across one
gap. What it minimises is the price of `formation`, with preferences of the
variant on top; what it returns is points with a road level.
"""

from collections.abc import Callable
from dataclasses import replace
from time import perf_counter

import numpy as np

from realign import formation
from realign.chainage import text
from realign.corridor.alternatives import (
    Alternative,
    Alternatives,
    Choice,
    alternatives,
    similarity,
)
from realign.corridor.layers import Laid, Layer
from realign.corridor.price import tabulate
from realign.corridor.problem import prepare
from realign.corridor.result import Corridor, Tell, corridor
from realign.corridor.search import FAR, bounds, guided, least_price
from realign.corridor.site import Gap, Rules, Site, Ties, Variant, gaps
from realign.errors import NoRouteError
from realign.standards import DesignStandard, Slow

__all__ = [
    "Alternative",
    "Alternatives",
    "Choice",
    "Corridor",
    "Gap",
    "Laid",
    "Layer",
    "Rules",
    "Site",
    "Tell",
    "Ties",
    "Variant",
    "alternatives",
    "find",
    "gaps",
    "similarity",
]

WIDER = (1.0, 2.0, 4.0)
"""Where the band holds no road, or the road touches its edge, it is searched again this many times
as wide [-]."""


def find(  # noqa: PLR0913 - what a search is asked
    site: Site,
    gap: Gap,
    variant: Variant,
    *,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
    slow: Slow | None = None,
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
    slow
        What a curve costs that is sharper than the standard and makes the road
        slower over a stretch; by default there are none.
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
    reason, cells, opened = "water, forbidden ground or the edge of the raster forbid", 0, 0
    for wider in WIDER:
        own = rules.model_copy(update={"band_m": rules.band_m * wider})
        problem = prepare(
            site, gap, variant, rules=own, standard=standard, prices=prices, slow=slow
        )
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
            steps=problem.steps(table.unit),
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
        missing = int(np.isnan(problem.window.z).sum())
        raise NoRouteError(_no_route(gap, variant, standard, reason) + _void(missing))
    return replace(road, opened=opened, seconds=perf_counter() - began)


def _no_route(gap: Gap, variant: Variant, standard: DesignStandard, reason: str) -> str:
    return (
        f"{gap.name}: no road of variant {variant.name!r} joins {text(gap.section.start)} and "
        f"{text(gap.section.end)}; {standard.title} at {standard.speed_kmh} km/h: {reason} "
        "every way; wanted a longer corridor.reach_m, a wider corridor.band_m, or a lower speed"
    )


def _void(missing: int) -> str:
    """Say what may help where ground is missing."""
    if not missing:
        return ""
    return (
        f"; {missing:,} cells of the ground there have no data: conditioning.fill_void_m fills them"
    )
