"""One gap and one variant, made ready for the searches."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from shapely import LineString

from realign import formation, terrain
from realign.corridor import site as place
from realign.corridor.ground import Crossed, Ground, Layers, look
from realign.corridor.lattice import Moves, moves
from realign.corridor.price import Tariff, tariff
from realign.corridor.search import Ends, Steps
from realign.corridor.site import Gap, Rules, Site, Variant
from realign.hazard import exposure
from realign.standards import DesignStandard, Slow

RESERVE = 0.1
"""Share of the greatest deck height that the search leaves to the fit of the road [-]."""

SHARED = 0.5
"""Share of the price of a slow stretch that each bend in it pays, which a search that knows no
other bends must assume: two of them to a stretch [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class Survey:
    """Numbered ground, and the states at both ends of the gap on it."""

    band: NDArray[np.bool_]
    """Cells that were looked at, of the window's shape."""
    ground: Ground
    """Numbered cells."""
    starts: Ends
    """Where a road may begin."""
    ends: Ends
    """Where it may end."""
    leave: NDArray[np.float64]
    """Old chainage of each start [m]."""
    meet: NDArray[np.float64]
    """Old chainage of each end [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Problem:
    """One gap and one variant, made ready for the searches."""

    site: Site
    """Ground, water, existing road."""
    gap: Gap
    """What to replace."""
    variant: Variant
    """Preferences."""
    rules: Rules
    """Extent and fineness."""
    window: terrain.Terrain
    """Ground around the gap."""
    slopes: tuple[NDArray[np.float32], NDArray[np.float32]]
    """Its slopes to the east and to the north [m/m]."""
    water: NDArray[np.float32]
    """Lowest road level that water allows over each cell [m above datum]."""
    layers: Layers
    """Costs and preferences of places."""
    crossed: Crossed
    """Lines that cost something at each crossing."""
    forbidden: NDArray[np.bool_]
    """Cells that no road may touch."""
    moves: Moves
    """Moves that the standard allows."""
    bend_price: float
    """Price of a curve that makes the road slower."""
    tariff: Tariff
    """Prices of a metre."""
    prices: formation.Prices
    """Cross section and prices."""

    def steps(self, unit: float) -> Steps:
        """Say what the standard allows, in the units of a table of prices."""
        extra = round(self.bend_price / unit)
        return Steps(self.moves.turn, self.moves.sharp, extra, self.moves.rise, self.moves.bend)

    def survey(self) -> Survey:
        """Give the cells of the band numbers and find the tie-ins on them."""
        road = LineString(self.site.highway.piece(place.reach(self.gap)))
        band = place.within(self.window, road, self.rules.band_m)
        ground = look(
            self.window,
            self.slopes,
            step=self.moves.step,
            usable=band,
            forbidden=self.forbidden,
            floor=self.water,
            layers=self.layers,
            crossed=self.crossed,
            # the same for all variants, so that each finds its cells on the ground of the others
            levels=place.level_range(
                self.site, self.gap, self.water - np.float32(self.variant.higher_m), self.rules
            ),
            depth=self.rules.deepest_m,
            deck=self.prices.max_deck,
            level_step=self.rules.level_step_m,
        )
        per_metre = self.variant.length_value_per_m
        given = (self.site, self.gap, self.window, ground, self.water, self.rules, self.moves)
        # the cheapest metre of all, so that no new road is built beside a usable one
        keep = float(self.tariff.price.min())
        starts, leave = place.ends(*given, side="before", keep=keep, per_metre=per_metre)
        ends, meet = place.ends(*given, side="after", keep=keep, per_metre=per_metre)
        return Survey(band, ground, starts, ends, leave, meet)

    def points(
        self, ground: Ground, cell: NDArray[np.int32], level: NDArray[np.int32]
    ) -> NDArray[np.float64]:
        """Centres of the cells passed, with road levels, shape (n, 3) [m]."""
        left, _, _, top = self.window.bounds
        x = left + (ground.col[cell] + 0.5) * self.window.cell
        y = top - (ground.row[cell] + 0.5) * self.window.cell
        return np.column_stack((x, y, level * self.rules.level_step_m))


def prepare(  # noqa: PLR0913 - the world, a gap, preferences, and the tables that rule them
    site: Site,
    gap: Gap,
    variant: Variant,
    *,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
    load: NDArray[np.float32] | None = None,
    slow: Slow | None = None,
) -> Problem:
    """
    Make a gap and a variant ready for the searches.

    Parameters
    ----------
    site, gap, variant, rules, standard, prices
        As in `corridor.find`.
    load
        Preference besides: factor on the price of every metre in each cell of the
        window; none by default.
    slow
        What curves cost that make the road slower; by default there are none.

    Returns
    -------
    problem
        Rasters of the window, tariff and moves.
    """
    window, water = place.surroundings(site, gap, rules, until=variant.in_service_until)
    slopes = terrain.slopes(window)
    layers, crossed, forbidden = place.overlay(
        site,
        variant,
        window,
        exposed=exposure(np.hypot(*slopes), rules.steep_deg),
        load=load,
        crossing=formation.river_crossing(prices),
        half=prices.river_half,
        sunk=window.z < water - place.deep(site, rules),
    )
    least = slow.radius if slow else standard.radius
    steps = moves(standard, cell=window.cell, level_step=rules.level_step_m, least=least)
    prices = prices._replace(max_deck=prices.max_deck * (1 - RESERVE))
    return Problem(
        site=site,
        gap=gap,
        variant=variant,
        rules=rules,
        window=window,
        slopes=slopes,
        water=water + np.float32(variant.higher_m),
        layers=layers,
        crossed=crossed,
        forbidden=forbidden | place.wrong_bank(site, gap, window, variant.bank, rules),
        moves=steps,
        bend_price=SHARED * slow.price * slow.zone_m if slow else 0.0,
        tariff=tariff(
            prices,
            standard,
            steps,
            level_step=rules.level_step_m,
            weight=(1.0, variant.bridge_weight, variant.tunnel_weight),
            per_metre=variant.length_value_per_m,
            play=(rules.level_step_m / 2, rules.play_m),
            lenient=rules.play_limits,
        ),
        prices=prices,
    )
