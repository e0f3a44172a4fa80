"""
From two ends of a drowned road to the cheapest road that could replace it.

`gaps` says which stretches of the existing road must be replaced, and where on
its dry parts a new road may begin and end; `find` searches one road across one
gap. What it minimises is the price of `formation`, with preferences of the
variant on top; what it returns is points with a road level.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString

from realign import formation, terrain
from realign.chainage import Section, text
from realign.corridor import site as place
from realign.corridor.lattice import Moves, moves
from realign.corridor.price import Ground, Tariff, look, move_price, tariff
from realign.corridor.search import Ends, Found, bounds, descend, guided
from realign.corridor.site import Gap, Rules, Site, Variant, gaps
from realign.errors import NoRouteError
from realign.hazard import exposure
from realign.standards import DesignStandard

__all__ = ["Corridor", "Gap", "Rules", "Site", "Tell", "Variant", "find", "gaps"]

EDGE = 3
"""A road that comes as close as this to the edge of the band might be cheaper outside [cells]."""

RESERVE = 0.1
"""Share of the greatest deck height that the search leaves to the fit of the road [-]."""
WIDER = (1.0, 2.0)
"""Where the band holds no road at all it is searched again this many times as wide [-]."""

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
    section: Section
    """Old chainages of the tie-ins."""
    price: float
    """Price the search minimised, preferences included, in the currency of the rates."""
    construction: float
    """Price of the new road alone, without preferences and without road kept."""
    bound: float
    """Lower bound of `price`: the cheapest way without regard to radius."""
    opened: int
    """States opened."""
    seconds: float
    """Time of the search [s]."""
    at_edge: bool
    """True where the road touches the edge of the ground that was looked at."""


@dataclass(frozen=True, slots=True, eq=False)
class _Survey:
    """Numbered ground of one pass, and the states at both ends of the gap on it."""

    ground: Ground
    starts: Ends
    ends: Ends
    leave: NDArray[np.float64]
    meet: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _Problem:
    """One gap and one variant, made ready for the searches."""

    site: Site
    gap: Gap
    variant: Variant
    rules: Rules
    window: terrain.Terrain
    slopes: tuple[NDArray[np.float32], NDArray[np.float32]]
    water: NDArray[np.float32]
    factor: NDArray[np.float32]
    river: NDArray[np.bool_]
    forbidden: NDArray[np.bool_]
    steps: Moves
    tariff: Tariff
    prices: formation.Prices

    def survey(self, usable: NDArray[np.bool_]) -> _Survey:
        """Give the usable cells numbers and find the tie-ins on them."""
        ground = look(
            self.window,
            self.slopes,
            usable=usable,
            forbidden=self.forbidden,
            floor=self.water,
            factor=self.factor,
            river=self.river,
            levels=place.level_range(self.site, self.gap, self.water, self.rules),
            depth=self.rules.deepest_m,
            deck=self.prices.max_deck,
            level_step=self.rules.level_step_m,
        )
        per_metre = self.variant.length_value_per_m
        given = (self.site, self.gap, self.window, ground, self.water, self.rules)
        # the cheapest metre of all, so that no new road is built beside a usable one
        keep = float(self.tariff.price.min())
        starts, leave = place.ends(*given, side="before", keep=keep, per_metre=per_metre)
        ends, meet = place.ends(*given, side="after", keep=keep, per_metre=per_metre)
        return _Survey(ground, starts, ends, leave, meet)

    def points(self, ground: Ground, found: Found) -> NDArray[np.float64]:
        """Centres of the cells passed, with road levels, shape (n, 3) [m]."""
        left, _, _, top = self.window.bounds
        x = left + (ground.col[found.cell] + 0.5) * self.window.cell
        y = top - (ground.row[found.cell] + 0.5) * self.window.cell
        return np.column_stack((x, y, found.level * self.rules.level_step_m))


def _problem(
    site: Site,
    gap: Gap,
    variant: Variant,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
) -> _Problem:
    window, water = place.surroundings(site, gap, rules)
    slopes = terrain.slopes(window)
    factor = 1 + variant.exposure_weight * exposure(np.hypot(*slopes), rules.steep_deg)
    factor[~np.isfinite(factor)] = 1.0
    steps = moves(standard, cell=window.cell, level_step=rules.level_step_m)
    prices = prices._replace(max_deck=prices.max_deck * (1 - RESERVE))
    return _Problem(
        site=site,
        gap=gap,
        variant=variant,
        rules=rules,
        window=window,
        slopes=slopes,
        water=water,
        factor=factor.astype(np.float32),
        river=place.burn(window, [line for _, line in site.rivers]),
        forbidden=np.isnan(window.z)
        | place.burn(window, [*site.no_go, *(lake.wall for lake in site.reservoirs)])
        | place.wrong_bank(site, gap, window, variant.bank, rules),
        steps=steps,
        tariff=tariff(
            prices,
            standard,
            steps,
            level_step=rules.level_step_m,
            per_metre=variant.length_value_per_m,
        ),
        prices=prices,
    )


def find(
    site: Site,
    gap: Gap,
    variant: Variant,
    *,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
    tell: Tell | None = None,
) -> Corridor:
    """
    Search the cheapest road across a gap.

    Parameters
    ----------
    site
        Ground, water, existing road.
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

    for wider in WIDER:
        own = rules.model_copy(update={"band_m": rules.band_m * wider})
        problem = _problem(site, gap, variant, own, standard, prices)
        road = LineString(site.highway.piece(place.reach(gap)))
        band = place.within(problem.window, road, own.band_m)
        wide = problem.survey(band)
        climb = problem.steps.climb
        bound = bounds(wide.ground, problem.tariff, wide.ends, climb=climb, tell=report("bound"))
        loose = descend(wide.ground, problem.tariff, wide.starts, wide.ends, bound, climb=climb)
        if loose is not None:
            break
    if loose is None:
        raise NoRouteError(
            _no_route(gap, variant, standard, "grade, water and forms of road forbid")
        )
    line = LineString(problem.points(wide.ground, loose)[:, :2])
    narrow = band & (
        place.within(problem.window, line, rules.fine_band_m)
        | place.beside_tie_ins(site, gap, problem.window, rules.fine_band_m)
    )
    outside = ~narrow[wide.ground.row, wide.ground.col]
    bound[np.repeat(outside, np.diff(wide.ground.start))] = np.inf
    found = guided(
        wide.ground,
        problem.tariff,
        wide.starts,
        wide.ends,
        bound,
        climb=climb,
        turn=problem.steps.turn,
        tell=report("search"),
    )
    if found is None:
        raise NoRouteError(_no_route(gap, variant, standard, "the radius forbids"))
    points = problem.points(wide.ground, found)
    return Corridor(
        gap=gap,
        variant=variant,
        x=points[:, 0],
        y=points[:, 1],
        level=points[:, 2],
        section=Section(float(wide.leave[found.first]), float(wide.meet[found.last])),
        price=found.price,
        construction=_plain_price(wide.ground, problem.tariff, found),
        bound=loose.price,
        opened=found.opened,
        seconds=perf_counter() - began,
        at_edge=_at_edge(narrow, wide.ground, found),
    )


def _plain_price(ground: Ground, tariff: Tariff, found: Found) -> float:
    """Price of a way without any preference."""
    plain = ground._replace(weight=np.ones_like(ground.weight))
    bare = tariff._replace(per_metre=0.0)
    total = 0.0
    for i in range(found.cell.size - 1):
        move = int(np.flatnonzero(ground.neighbour[found.cell[i]] == found.cell[i + 1])[0])
        total += move_price(plain, bare, found.cell[i], move, found.level[i], found.level[i + 1])
    return total


def _at_edge(band: NDArray[np.bool_], ground: Ground, found: Found) -> bool:
    """Whether the road comes within three cells of the edge of the band that was searched."""
    inner = ndimage.distance_transform_edt(band) > EDGE
    inner[[0, -1], :] = inner[:, [0, -1]] = False
    return not bool(inner[ground.row[found.cell], ground.col[found.cell]].all())


def _no_route(gap: Gap, variant: Variant, standard: DesignStandard, reason: str) -> str:
    return (
        f"{gap.name}: no road of variant {variant.name!r} joins {text(gap.section.start)} and "
        f"{text(gap.section.end)}; {standard.title} at {standard.speed_kmh} km/h: {reason} "
        "every way; wanted a longer corridor.reach_m, a wider corridor.band_m or fine_band_m, or a "
        "lower speed"
    )
