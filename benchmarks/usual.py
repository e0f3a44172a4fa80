"""
The usual way against ours: a least-cost path over a map of prices, and the best grade line on it.

Usage: python -m benchmarks.usual data/kkh/study.toml [--inputs DIR] [--gap NAME] [--variant NAME]

The usual way prices every cell by a metre of road at the level of its ground, keeps off water and
forbidden ground, searches the cheapest path over the 8 neighbours and lays a grade line on it.
Ours searches points and levels at once. Both join the same two tie-ins, get the best grade line of
one and the same dynamic program, and are priced by one evaluator that knows neither search: a
station every 20 m, ground and cross slope read there, the cheapest form of road that the grade
admits. What no form admits is a bridge at its rate with the surcharge of its height, however high.
Ends of structures and curves are priced for neither. The usual line is taken from cell to cell and
smoothed to a polygon, and the cheaper of both counts: where its corners leave no room for the least
curve of the standard is counted, not priced.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from math import inf
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from shapely import LineString

from realign import corridor, formation, rates, standards, study, terrain
from realign.corridor import Corridor, Gap, Site, Variant
from realign.corridor import site as place
from realign.corridor.raster import route
from realign.drowned import Drowned, submerge
from realign.errors import NoRouteError
from realign.formation import BRIDGE, DENIED, FORMS, OPEN, TUNNEL, Prices
from realign.geometry.alignment import beside
from realign.geometry.horizontal import deflections, simplified, tangent_length
from realign.opened import site_of
from realign.standards import DesignStandard
from realign.terrain import Terrain

STATION = 20.0
"""Greatest distance between stations [m]."""
CLIMBS = 6
"""Steps of level between level and the greatest grade, from a station to the next."""
DEEP = 50.0
"""How far below the lowest ground and tie-in levels are tried [m]."""
WANTED = 1 / 3
"""Our cost over that of the usual way, at most."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Stations(NamedTuple):
    """What lies under a line, at even distances along it."""

    run: float
    """Distance between two stations [m]."""
    ground: Floats
    """Level of the ground, shape (n,) [m]."""
    slope: Floats
    """Cross slope without sign, shape (n,) [m/m]."""
    wet: Bools
    """Over a river, where no open road is admissible, shape (n,)."""
    floor: Floats
    """Lowest level that water allows, -inf where any will do, shape (n,) [m]."""


@dataclass(frozen=True, slots=True)
class Priced:
    """A line with its grade line, by the evaluator."""

    length_m: float
    """Length in plan [m]."""
    cost: float
    """Price of the road, in the currency of the rates."""
    open_m: float
    """Length of open road [m]."""
    bridge_m: float
    """Length of bridges [m]."""
    tunnel_m: float
    """Length of tunnels [m]."""
    steepest: float
    """Greatest grade [fraction]."""
    beyond_limits_m: float
    """Length on which no form is within its limits [m]."""
    below_freeboard_m: float
    """Length without freeboard, the tie-ins apart [m]."""


@njit(cache=True, nogil=True)
def _admitted(
    height: float,
    slope: float,
    wet: bool,  # noqa: FBT001 - an element of an array
    p: Prices,
) -> tuple[float, float, float]:
    """Price of the cheapest metre where any form, all but tunnels and open road only may be."""
    alone = inf if wet else formation.open_road(height, slope, p).price
    raised = min(alone, formation.structure(BRIDGE, height, slope, p).price)
    return min(raised, formation.structure(TUNNEL, height, slope, p).price), raised, alone


@njit(cache=True, nogil=True)
def _cheapest_levels(
    line: Stations,
    lowest: float,
    step: float,
    ends: tuple[int, int],
    count: int,
    gentle: tuple[int, int],
    p: Prices,
) -> tuple[NDArray[np.int32], float]:
    """Numbers of the levels of the cheapest grade line, by a dynamic program over all."""
    n = line.ground.size
    cost = np.full(count, inf)
    cost[ends[0]] = 0.0
    back = np.zeros((n, count), np.int8)
    tunnel, bridge = gentle
    for i in range(1, n):
        fresh = np.full(count, inf)
        length = line.run if i < n - 1 else line.run / 2
        for k in range(count):
            low, high = max(k - CLIMBS, 0), min(k + CLIMBS, count - 1)
            best = inf
            for before in range(low, high + 1):
                best = min(best, cost[before])
            if best == inf or (i == n - 1 and k != ends[1]):
                continue
            z = lowest + k * step
            price = _admitted(z - line.ground[i], line.slope[i], line.wet[i], p)
            short = DENIED if z < line.floor[i] and i < n - 1 else 0.0
            for before in range(low, high + 1):
                climb = abs(k - before)
                metre = price[0] if climb <= tunnel else price[1] if climb <= bridge else price[2]
                value = cost[before] + (metre + short) * length
                if value < fresh[k]:
                    fresh[k] = value
                    back[i, k] = k - before
        cost = fresh
    level = np.zeros(n, np.int32)
    level[-1] = ends[1]
    for i in range(n - 1, 0, -1):
        level[i - 1] = level[i] - back[i, level[i]]
    return level, cost[ends[1]]


def grade_line(
    line: Stations, ends: tuple[float, float], standard: DesignStandard, prices: Prices
) -> tuple[Floats, float]:
    """
    Lay the cheapest grade line between two levels.

    Parameters
    ----------
    line
        What lies under the line.
    ends
        Levels at its ends; the second is met to half a step [m].
    standard
        Greatest grades of open road, bridge and tunnel.
    prices
        Cross section and prices.

    Returns
    -------
    level, price
        Level at every station [m], and the price that the dynamic program found, without the
        first half of a station's length. No other line on levels a sixth of the greatest climb
        apart is cheaper. Vertical curves are not looked at.

    Raises
    ------
    NoRouteError
        The ends are too far apart in level for the length.
    """
    step = standard.grade * line.run / CLIMBS
    below = int((ends[0] - min(float(line.ground.min()), *ends) + DEEP) / step)
    lowest = ends[0] - below * step
    dry = line.floor[np.isfinite(line.floor)]
    top = max(float(line.ground.max()), float(dry.max(initial=-inf)), *ends) + DEEP
    count = int((top - lowest) / step) + 1
    last = round((ends[1] - lowest) / step)
    gentle = (
        int(standard.grade_tunnel * line.run / step + 1e-9),
        int(standard.grade_bridge * line.run / step + 1e-9),
    )
    number, price = _cheapest_levels(
        line, lowest, step, (below, last), count, gentle, unlimited(prices)
    )
    if not np.isfinite(price):
        msg = (
            f"no grade line within {standard.grade:.1%} joins {ends[0]:.0f} m and {ends[1]:.0f} m "
            f"over {line.run * (line.ground.size - 1) / 1000:.1f} km"
        )
        raise NoRouteError(msg)
    return lowest + number * step, float(price)


def unlimited(prices: Prices) -> Prices:
    """Take away the greatest height of a deck."""
    return prices._replace(max_deck=inf)


def evaluate(line: Stations, level: Floats, *, standard: DesignStandard, prices: Prices) -> Priced:
    """
    Price a road by its stations alone.

    Parameters
    ----------
    line
        What lies under the line.
    level
        Road level at every station, shape (n,) [m].
    standard
        Greatest grades on bridges and in tunnels.
    prices
        Cross section and prices.

    Returns
    -------
    priced
        Each station stands for half of the way to both neighbours, and its grade is that at which
        the road arrives there.
    """
    climb = np.abs(np.diff(level)) / line.run
    grade = np.concatenate((climb[:1], climb))
    length = np.full(level.size, line.run)
    length[[0, -1]] /= 2

    def by_form(p: Prices) -> Floats:
        price = formation.by_form(level - line.ground, line.slope, p)
        price[line.wet, OPEN] = inf
        for form, limit in ((BRIDGE, standard.grade_bridge), (TUNNEL, standard.grade_tunnel)):
            price[1:][grade[1:] > limit + 1e-9, form] = inf
        return np.asarray(price)

    price = by_form(unlimited(prices))
    form = price.argmin(axis=1)
    along = {kind: float(length[form == kind].sum()) for kind in range(len(FORMS))}
    low = level < line.floor - 1e-9
    low[[0, -1]] = False
    return Priced(
        length_m=float(length.sum()),
        cost=float((price.min(axis=1) * length).sum()),
        open_m=along[OPEN],
        bridge_m=along[BRIDGE],
        tunnel_m=along[TUNNEL],
        steepest=float(climb.max()),
        beyond_limits_m=float(length[np.isinf(by_form(prices)).all(axis=1)].sum()),
        below_freeboard_m=float(length[low].sum()),
    )


def stations(
    xy: Floats,
    ground: Terrain,
    water: NDArray[np.float32],
    rivers: Sequence[LineString],
    river_half: float,
    *,
    deep: float,
) -> Stations:
    """
    Look at what lies under a polygon.

    Parameters
    ----------
    xy
        Vertices, shape (k, 2) [m].
    ground
        Terrain.
    water
        Lowest level that water allows, -inf where any will do, of its shape [m].
    rivers
        Lines that a road crosses on a bridge.
    river_half
        Distance from them within which it does [m].
    deep
        How far below the lowest level that water allows the ground may lie under
        open road [m].

    Returns
    -------
    line
        Stations at most `STATION` apart; cross slopes between points one cell to both sides.
    """
    line = LineString(xy)
    n = max(int(np.ceil(line.length / STATION)), 2)
    s = np.linspace(0.0, line.length, n + 1)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    x, y = np.interp(s, along, xy[:, 0]), np.interp(s, along, xy[:, 1])
    leg = np.clip(np.searchsorted(along, s, side="right") - 1, 0, len(xy) - 2)
    dx, dy = (np.diff(xy, axis=0)[leg] / np.diff(along)[leg, None] * ground.cell).T
    slope = np.abs(ground.sample(x - dy, y + dx) - ground.sample(x + dy, y - dx))
    row, col = (np.rint(v).astype(np.int64) for v in ground.index(x, y))
    met = [line.intersection(river) for river in rivers]
    points = [part for each in met for part in getattr(each, "geoms", [each]) if not part.is_empty]
    at = np.sort([line.project(part.representative_point()) for part in points])
    under, floor = ground.sample(x, y), water[row, col].astype(np.float64)
    return Stations(
        run=line.length / n,
        ground=under,
        slope=slope / (2 * ground.cell),
        wet=beside(s, at[:, None] + [-river_half, river_half]) | (under < floor - deep),
        floor=floor,
    )


def too_tight(xy: Floats, standard: DesignStandard) -> int:
    """
    Count the corners of a polygon that leave no room for the least curve of a standard.

    Parameters
    ----------
    xy
        Vertices, shape (k, 2) [m].
    standard
        Least radius and clothoid.

    Returns
    -------
    count
        Corners with a leg that is shorter than the tangents of the curves at its two ends.
    """
    leg = np.hypot(*np.diff(xy, axis=0).T)
    inner = [
        tangent_length(float(abs(a)), standard.radius, standard.clothoid) for a in deflections(xy)
    ]
    tangent = np.array([0.0, *inner, 0.0])
    short = tangent[:-1] + tangent[1:] > leg + 1e-6
    return int((short[:-1] | short[1:])[tangent[1:-1] > 0].sum())


def price_map(
    site: Site, gap: Gap, variant: Variant, *, rules: corridor.Rules, prices: Prices
) -> tuple[Terrain, NDArray[np.float32], NDArray[np.float32]]:
    """
    Price every cell around a gap as map users do, by its slope.

    Returns
    -------
    window, water, cost
        Ground, lowest level that water allows [m], and the price of a metre of road at the level
        of the ground, of a low bridge where a river is; -1 where water, the edge of the ground
        looked at or a rule forbids a road.
    """
    window, water = place.surroundings(site, gap, rules)

    def burned(shapes: Sequence[Any]) -> Bools:
        if not shapes:
            return np.zeros(window.shape, bool)
        given = {"transform": window.transform, "all_touched": True}
        return np.asarray(rasterize(shapes, window.shape, **given), dtype=bool)

    steep = np.hypot(*terrain.slopes(window)).astype(np.float64).ravel()
    level, deck = np.zeros(steep.size), np.full(steep.size, prices.min_deck)
    metre = formation.by_form(level, steep, prices).min(axis=1).reshape(window.shape)
    crossed = formation.by_form(deck, steep, unlimited(prices))[:, BRIDGE].reshape(window.shape)
    cost = np.where(burned([line for _, line in site.rivers]), crossed, metre)
    road = LineString(site.highway.piece(place.reach(gap)))
    away = ndimage.distance_transform_edt(~burned([road]), sampling=window.cell) > rules.band_m
    forbidden = burned([*site.no_go, *(lake.wall for lake in site.reservoirs)])
    if variant.bank != "any":
        forbidden |= place.wrong_bank(site, gap, window, variant.bank, rules)
    cost[away | forbidden | ~np.isfinite(window.z) | (window.z < water)] = -1.0
    return window, water, cost.astype(np.float32)


def usual(
    cost: NDArray[np.float32], window: Terrain, ends: tuple[Floats, Floats]
) -> tuple[Floats, Floats]:
    """
    Search a least-cost path.

    Parameters
    ----------
    cost
        Price of every cell, -1 where no road may be.
    window
        Their ground.
    ends
        The two tie-ins, shape (2,) each [m].

    Returns
    -------
    path, smooth
        Centres of its cells from tie-in to tie-in, and those of them that keep within a cell of
        it, shape (k, 2) each [m].
    """
    cells = []
    for x, y in ends:
        row, col = (int(np.rint(v)) for v in window.index(x, y))
        # the tie-in itself may lie on a cell that the map forbids
        near = np.argwhere(cost >= 0)
        cells.append(tuple(int(v) for v in near[np.hypot(*(near - (row, col)).T).argmin()]))
    path = route(cost, cells[0], cells[1])
    left, _, _, top = window.bounds
    inner = np.column_stack(
        (
            left + (path.cells[1:-1, 1] + 0.5) * window.cell,
            top - (path.cells[1:-1, 0] + 0.5) * window.cell,
        )
    )
    xy = np.vstack((ends[0], inner, ends[1]))
    return xy, xy[simplified(xy, window.cell)]


def compare(given: Drowned, gap_name: str | None, variant_name: str | None) -> dict[str, Any]:
    """Search both ways across one gap and price both roads."""
    asked = given.study
    # the costs of places are no part of the rules that both ways share
    site = replace(site_of(given), layers=())
    drowned = [(part.dam, part.section) for part in given.submergence.sections]
    gaps = corridor.gaps(drowned, given.highway, asked.corridor)
    gap = next(each for each in gaps if gap_name in {None, each.name})
    variant = next(each for each in asked.variants if variant_name in {None, each.name})
    standard = standards.load(asked.standard.code, variant.speed_kmh)
    prices = formation.prices(asked.formation, standard, rates.read(asked.rates_file))
    began = perf_counter()
    found: Corridor = corridor.find(
        site, gap, variant, rules=asked.corridor, standard=standard, prices=prices
    )
    searched = perf_counter() - began
    began = perf_counter()
    window, water, cost = price_map(site, gap, variant, rules=asked.corridor, prices=prices)
    first, last = site.highway.at([found.section.start, found.section.end])
    drawn, smooth = usual(cost, window, (first, last))
    mapped = perf_counter() - began
    levels = site.highway.level_at([found.section.start, found.section.end])
    # where the highway itself ends under water, both end where our corridor does
    ends = [
        float(found.level[at]) if window_of is None else float(levels[at])
        for at, window_of in ((0, gap.before), (-1, gap.after))
    ]
    rivers = [line for _, line in site.rivers]

    def priced(xy: Floats, seconds: float) -> dict[str, Any]:
        began = perf_counter()
        under = stations(
            xy,
            window,
            water,
            rivers,
            asked.formation.river_half_m,
            deep=place.deep(site, asked.corridor),
        )
        level, _ = grade_line(under, (ends[0], ends[1]), standard, prices)
        road = evaluate(under, level, standard=standard, prices=prices)
        return {key: round(value, 4) for key, value in asdict(road).items()} | {
            "corners_too_tight": too_tight(xy, standard),
            "search_s": round(seconds, 2),
            "grade_line_s": round(perf_counter() - began, 2),
        }

    roads = {
        "usual": priced(drawn, mapped),
        "usual_smoothed": priced(smooth, mapped),
        "ours": priced(np.column_stack((found.x, found.y)), searched),
    }
    cheaper = min(roads["usual"]["cost"], roads["usual_smoothed"]["cost"])
    ratio = roads["ours"]["cost"] / cheaper
    return {
        "gap": gap.name,
        "variant": variant.name,
        "speed_kmh": variant.speed_kmh,
        **roads,
        "ours_over_usual": round(ratio, 4),
        "wanted": round(WANTED, 4),
        "met": ratio < WANTED,
    }


def main() -> None:
    """Compare both ways across one gap of a study."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--gap", help="name of the dam; Diamer-Basha by default")
    parser.add_argument("--variant", help="name of the variant; the first by default")
    given = parser.parse_args()
    drowned = submerge(study.load(given.study, inputs=given.inputs))
    print(json.dumps(compare(drowned, given.gap or "Diamer-Basha", given.variant)))


if __name__ == "__main__":
    main()
