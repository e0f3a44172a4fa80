"""What a road has to expect, piece by piece: measured, scored, and as closures a year."""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import ArrayLike, NDArray

from realign.errors import GeometryError
from realign.hazard.avalanche import snow
from realign.hazard.drainage import SIDES, rise
from realign.hazard.rules import AVALANCHE, DEBRIS, KINDS, RIVER, SLIDE, SNOW, Rules
from realign.hazard.scene import Scene, nearest
from realign.hazard.slope import exposure

__all__ = ["Along", "along", "rated"]

# forms of a metre of road as `realign.formation` numbers them, which stands in the same row
_BRIDGE, _TUNNEL, _FORMS = 1, 2, 3
_FINE = 20.0  # m; largest distance between the places at which a road is looked at
_CELLS = 4  # cells of the way of an outburst that a road is held against
_DOWN = np.array([side[0] for side in SIDES])
_RIGHT = np.array([side[1] for side in SIDES])


@dataclass(frozen=True, slots=True, eq=False)
class Along:
    """
    A road in n pieces of equal length and what may close each.

    NaN stands for what no layer of the study tells, never for none. What lies in a tunnel is
    not looked at; a piece that is tunnel throughout has scores of 0.
    """

    start: NDArray[np.float64]
    """Station at which the piece begins, shape (n,) [m]."""
    end: NDArray[np.float64]
    """Station at which it ends, shape (n,) [m]."""
    x: NDArray[np.float64]
    """Middle of the piece, to the east, shape (n,) [m]."""
    y: NDArray[np.float64]
    """Middle of the piece, to the north, shape (n,) [m]."""
    share: NDArray[np.float64]
    """Parts of the piece that are open, bridge and tunnel, shape (n, 3) [0-1]."""
    slope_above: NDArray[np.float64]
    """Steepest rise of the ground from the road to either side, shape (n,) [m/m]; 0 or more."""
    slope_below: NDArray[np.float64]
    """Steepest fall of the ground from the road to either side, shape (n,) [m/m]; 0 or more."""
    catchment: NDArray[np.float64]
    """Catchment of the greatest gully crossed, shape (n,) [m2]; 0 where none is."""
    steepness: NDArray[np.float64]
    """Grade of its channel above the crossing, shape (n,) [m/m]; 0 where none is."""
    gully: NDArray[np.int64]
    """Form of the road at that crossing, shape (n,); -1 where none is."""
    avalanche: NDArray[np.float64]
    """Weight of the release of avalanches that come to the road, shape (n,) [0-1]."""
    river: NDArray[np.float64]
    """Attack by the nearest river, shape (n,) [0-1]; NaN without rivers."""
    river_distance: NDArray[np.float64]
    """Distance to a river, shape (n,) [m]; NaN without rivers."""
    landslide: NDArray[np.float64]
    """Distance to a mapped landslide, shape (n,) [m]; NaN without landslides."""
    fault: NDArray[np.float64]
    """Distance to a fault, shape (n,) [m]; NaN without faults."""
    lake: NDArray[np.float64]
    """Way of the water from a glacial lake whose outburst reaches the road, shape (n,) [m];
    inf where none does, NaN without lakes."""
    susceptibility: NDArray[np.float64]
    """Score of slides that knows nothing of mapped landslides, shape (n,) [0-1]."""
    score: NDArray[np.float64]
    """Score by kind of `KINDS`, shape (n, 5) [0-1]; NaN where the study has no layer for it."""
    grade: NDArray[np.int64]
    """Class of exposure by the greatest score, shape (n,): 1 least to 5 most."""
    closures: NDArray[np.float64]
    """Closures by kind without protection, shape (n, 5) [1/year]; NaN where not judged."""
    days: NDArray[np.float64]
    """Sum of their durations, shape (n, 5) [days/year]; those at a time count each."""
    missing: tuple[str, ...]
    """Layers that the study does not have, so that nothing is judged by them."""

    @property
    def length(self) -> NDArray[np.float64]:
        """Length of each piece, shape (n,) [m]."""
        return self.end - self.start

    def where(self, chosen: NDArray[np.bool_]) -> "Along":
        """Take only the pieces that a mask of shape (n,) chooses."""
        picked = {
            each.name: getattr(self, each.name)[chosen]
            for each in fields(self)
            if each.name != "missing"
        }
        return replace(self, **picked)


@dataclass(frozen=True, slots=True, eq=False)
class _Road:
    """A road cut into n pieces, each looked at in k places."""

    edges: NDArray[np.float64]
    """Stations of the ends of pieces, shape (n + 1,) [m]."""
    knots: NDArray[np.float64]
    """Points between places, shape (n k + 1, 2) [m]."""
    places: NDArray[np.float64]
    """Places, shape (n, k, 2) [m]."""
    level: NDArray[np.float64]
    """Level of the road there, shape (n, k) [m]."""
    form: NDArray[np.int64]
    """Form of the road there, shape (n, k)."""
    share: NDArray[np.float64]
    """Parts of each piece by form, shape (n, 3) [0-1]."""

    @property
    def surface(self) -> NDArray[np.bool_]:
        """Whether a place is not in a tunnel, shape (n, k)."""
        return np.asarray(self.form != _TUNNEL)


def along(
    scene: Scene,
    x: ArrayLike,
    y: ArrayLike,
    level: ArrayLike,
    *,
    form: ArrayLike | None = None,
    station: ArrayLike | None = None,
) -> Along:
    """
    Judge a road piece by piece.

    Parameters
    ----------
    scene
        The region.
    x, y, level
        The road at m stations, shape (m,) [m]; on known ground.
    form
        Form of each interval between stations by its number in `realign.formation`, shape
        (m - 1,); all open where None.
    station
        Stations, rising, shape (m,) [m]; the length in plan where None.

    Returns
    -------
    along
        Pieces of one length, as near to `piece_m` as the road allows, so that a road looked at
        from its other end has the same pieces in reverse.

    Raises
    ------
    GeometryError
        The arrays do not fit, stations do not rise, or the road leaves the known ground.
    """
    rules = scene.rules
    road = _cut(scene, x, y, level, form, station)
    above, below = _beside(scene, road)
    catchment, steepness, gully = _gullies(scene, road)
    river = _attack(scene, road)
    shapes = shapely.linestrings(
        road.knots[
            np.arange(len(road.places))[:, None] * road.places.shape[1]
            + np.arange(road.places.shape[1] + 1)
        ]
    )
    row, col = scene.cells(road.places[..., 0], road.places[..., 1])
    middle = shapely.get_coordinates(shapely.line_interpolate_point(shapes, 0.5, normalized=True))
    out = Along(
        start=road.edges[:-1],
        end=road.edges[1:],
        x=middle[:, 0],
        y=middle[:, 1],
        share=road.share,
        slope_above=above,
        slope_below=below,
        catchment=catchment,
        steepness=steepness,
        gully=gully,
        avalanche=_most(road, scene.avalanche[row, col]),
        river=river,
        river_distance=_from_rivers(scene, road),
        landslide=nearest(scene.landslides, shapes),
        fault=nearest(scene.faults, shapes),
        lake=_outburst(scene, road),
        susceptibility=np.zeros(0),
        score=np.zeros(0),
        grade=np.zeros(0, np.int64),
        closures=np.zeros(0),
        days=np.zeros(0),
        missing=scene.missing,
    )
    snowed = _most(road, snow(road.level, line=rules.snow_line_m, band=rules.snow_band_m))
    return rated(_scored(out, snowed, rules), rules)


def rated(road: Along, rules: Rules) -> Along:
    """
    Give pieces the closures that the rates of other rules make of their scores.

    A piece of length l with open share o and bridge share b has rate x score x l (o + on_bridge b)
    closures a year of a kind; a gully has rate x score, times on_bridge where the road bridges it.
    """
    km = road.length / 1000
    closures, days = np.zeros_like(road.score), np.zeros_like(road.score)
    for number, kind in enumerate(rules.kinds):
        if number == DEBRIS:
            extent = np.where(road.gully == _BRIDGE, kind.on_bridge, road.gully >= 0)
        else:
            extent = km * (road.share[:, 0] + kind.on_bridge * road.share[:, _BRIDGE])
        closures[:, number] = kind.rate * road.score[:, number] * extent
        days[:, number] = closures[:, number] * kind.days
    return replace(road, closures=closures, days=days)


def _scored(road: Along, snowed: NDArray[np.float64], rules: Rules) -> Along:
    """Give pieces their scores and classes."""
    surface = road.share[:, _TUNNEL] < 1 - 1e-9
    slide = _susceptible(road, rules)
    score = np.empty((len(road.start), len(KINDS)))
    known = ~np.isnan(road.landslide)
    gain = np.where(known, rules.landslide_gain * np.exp(-road.landslide / rules.landslide_m), 0)
    score[:, SLIDE] = 1 - (1 - slide) * (1 - gain)
    size = np.log(np.maximum(road.catchment, rules.gully_least_m2) / rules.gully_least_m2)
    size = np.minimum(size / np.log(rules.gully_full_m2 / rules.gully_least_m2), 1)
    low, high = rules.channel_deg
    steep = np.clip((np.degrees(np.arctan(road.steepness)) - low) / (high - low), 0, 1)
    score[:, DEBRIS] = size * (rules.flood_share + (1 - rules.flood_share) * steep)
    score[:, AVALANCHE] = road.avalanche
    # an outburst and the river come to the same place: what is not told by one may be by the other
    burst = rules.lake_gain * np.exp(-road.lake / rules.lake_m)
    score[:, RIVER] = np.where(
        np.isnan(road.river), burst, 1 - (1 - road.river) * (1 - np.nan_to_num(burst))
    )
    score[:, SNOW] = snowed
    score[~surface] = np.where(np.isnan(score[~surface]), np.nan, 0.0)
    greatest = np.nanmax(score, axis=1)  # slides are never NaN
    return replace(
        road,
        susceptibility=np.where(surface, slide, 0.0),
        score=score,
        grade=1 + np.searchsorted(np.array(rules.grades), greatest, side="right"),
    )


def _susceptible(road: Along, rules: Rules) -> NDArray[np.float64]:
    """Weighted mean of the factors of slides that the study has layers for."""
    factors = (
        (rules.weight_above, exposure(road.slope_above, rules.steep_deg)),
        (rules.weight_below, exposure(road.slope_below, rules.steep_deg)),
        (rules.weight_fault, np.exp(-road.fault / rules.fault_m)),
        (rules.weight_river, road.river),
    )
    total, weights = np.zeros(len(road.start)), np.zeros(len(road.start))
    for weight, factor in factors:
        known = ~np.isnan(factor)
        total += np.where(known, weight * factor, 0)
        weights += np.where(known, weight, 0)
    return np.asarray(total / weights)


def _cut(
    scene: Scene,
    x: ArrayLike,
    y: ArrayLike,
    level: ArrayLike,
    form: ArrayLike | None,
    station: ArrayLike | None,
) -> _Road:
    """Cut a road into pieces and places."""
    px, py, pz = (np.asarray(each, np.float64) for each in (x, y, level))
    if not px.shape == py.shape == pz.shape == (px.size,):
        msg = f"a road has x, y and level of one length, got {px.shape}, {py.shape}, {pz.shape}"
        raise GeometryError(msg)
    plan = np.concatenate(([0.0], np.cumsum(np.hypot(np.diff(px), np.diff(py)))))
    s = plan if station is None else np.asarray(station, np.float64)
    forms = np.zeros(max(len(s) - 1, 0), np.int64) if form is None else np.asarray(form, np.int64)
    if not (s.shape == px.shape and forms.shape == (len(s) - 1,)):
        msg = (
            f"a road of {len(px)} points has as many stations and a form less, got {s.shape} and "
            f"{forms.shape}"
        )
        raise GeometryError(msg)
    if len(s) < 2 or not (np.diff(s) > 0).all():
        msg = "a road has two stations or more that rise"
        raise GeometryError(msg)
    length = float(s[-1] - s[0])
    pieces = max(round(length / scene.rules.piece_m), 1)
    each = int(np.ceil(length / pieces / min(_FINE, scene.terrain.cell)))
    edges = np.linspace(s[0], s[-1], pieces + 1)
    knots = np.linspace(s[0], s[-1], pieces * each + 1)
    places = (knots[:-1] + knots[1:]) / 2
    interval = np.clip(np.searchsorted(s, places, side="right") - 1, 0, len(forms) - 1)
    parts = np.empty((pieces, _FORMS))
    for number in range(_FORMS):
        run = np.concatenate(([0.0], np.cumsum(np.diff(s) * (forms == number))))
        parts[:, number] = np.diff(np.interp(edges, s, run)) / np.diff(edges)
    return _Road(
        edges=edges,
        knots=np.column_stack((np.interp(knots, s, px), np.interp(knots, s, py))),
        places=np.column_stack((np.interp(places, s, px), np.interp(places, s, py))).reshape(
            pieces, each, 2
        ),
        level=np.interp(places, s, pz).reshape(pieces, each),
        form=forms[interval].reshape(pieces, each),
        share=np.clip(parts, 0, 1),
    )


def _most(road: _Road, value: NDArray[Any]) -> NDArray[np.float64]:
    """Greatest value over the places of a piece that are not in a tunnel, 0 where all are."""
    return np.asarray(np.where(road.surface, value, 0.0).max(axis=1), np.float64)


def _beside(scene: Scene, road: _Road) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Steepest rise and fall from the road to either side, mean over the places of a piece."""
    terrain = scene.terrain
    each = road.places.shape[1]
    ends = road.knots[::each]
    chord = np.diff(ends, axis=0)
    size = np.hypot(*chord.T)
    unit = np.divide(chord, size[:, None], out=np.zeros_like(chord), where=size[:, None] > 0)
    side = np.column_stack((-unit[:, 1], unit[:, 0]))[:, None, :]
    here = terrain.sample(road.places[..., 0], road.places[..., 1])
    if np.isnan(here).any():
        x, y = road.places[np.isnan(here)][0]
        msg = f"the road leaves the ground that is known at ({x:.0f}, {y:.0f})"
        raise GeometryError(msg)
    up, down = np.zeros(here.shape), np.zeros(here.shape)
    reach = scene.rules.reach_m
    for far in np.arange(1, max(int(reach / terrain.cell), 1) + 1) * terrain.cell:
        for sign in (-1.0, 1.0):
            at = road.places + sign * far * side
            slope = (terrain.sample(at[..., 0], at[..., 1]) - here) / far
            up, down = np.fmax(up, slope), np.fmax(down, -slope)
    return up.mean(axis=1), down.mean(axis=1)


def _gullies(
    scene: Scene, road: _Road
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Catchment, steepness and form of the greatest gully that each piece crosses."""
    drainage, rules = scene.drainage, scene.rules
    area = drainage.cell**2
    row, col = scene.terrain.index(road.knots[:, 0], road.knots[:, 1])
    cell, place = _crossings(
        row,
        col,
        road.form.ravel() != _TUNNEL,
        road.places.shape[1],
        drainage.to,
        drainage.cells,
        np.array([rules.gully_least_m2 / area, rules.gully_most_m2 / area]),
        _DOWN,
        _RIGHT,
    )
    crossed = np.flatnonzero(place >= 0)
    r, c = np.divmod(cell[crossed], drainage.to.shape[1])
    catchment, steepness = np.zeros((2, len(place)))
    gully = np.full(len(place), -1, np.int64)
    catchment[crossed] = drainage.cells[r, c] * area
    steepness[crossed] = rise(drainage, r, c, length=rules.channel_m, least=rules.gully_least_m2)
    gully[crossed] = road.form.ravel()[place[crossed]]
    return catchment, steepness, gully


@njit(cache=True, nogil=True)
def _crossings(  # noqa: PLR0913, PLR0917 - a compiled loop takes arrays, not values
    row: Any,
    col: Any,
    surface: Any,
    each: int,
    to: Any,
    cells: Any,
    limits: Any,
    down: Any,
    right: Any,
) -> tuple[Any, Any]:
    """Cell of the greatest flow that cuts each piece and the place where, -1 where none does."""
    rows, cols = to.shape
    pieces = len(surface) // each
    cell = np.full(pieces, -1, np.int64)
    place = np.full(pieces, -1, np.int64)
    for at in range(len(surface)):
        if not surface[at]:
            continue
        piece = at // each
        ar, ac, br, bc = row[at], col[at], row[at + 1], col[at + 1]
        for r in range(
            max(int(np.floor(min(ar, br))) - 1, 0), min(int(np.ceil(max(ar, br))) + 2, rows)
        ):
            for c in range(
                max(int(np.floor(min(ac, bc))) - 1, 0), min(int(np.ceil(max(ac, bc))) + 2, cols)
            ):
                side = to[r, c]
                most = cells[r, c]
                if side >= 8 or most < limits[0] or most > limits[1]:
                    continue
                if place[piece] >= 0 and most <= cells.flat[cell[piece]]:
                    continue
                dr, dc = down[side], right[side]
                one = dr * (ac - c) - dc * (ar - r)
                two = dr * (bc - c) - dc * (br - r)
                if one * two > 0 or (one == 0 and two == 0):
                    continue
                first = (br - ar) * (c - ac) - (bc - ac) * (r - ar)
                last = (br - ar) * (c + dc - ac) - (bc - ac) * (r + dr - ar)
                if first * last <= 0:
                    cell[piece], place[piece] = r * cols + c, at
    return cell, place


def _attack(scene: Scene, road: _Road) -> NDArray[np.float64]:
    """Attack by the nearest point of a river, the greatest over the places of a piece."""
    if scene.rivers is None:
        return np.full(len(road.places), np.nan)
    if not len(scene.rivers.xy):
        return np.zeros(len(road.places))
    rules, rivers = scene.rules, scene.rivers
    far, which = rivers.tree.query(road.places)
    height = np.fmax(road.level - rivers.level[which], 0)
    offset = road.places - rivers.xy[which]
    unit = np.divide(offset, far[..., None], out=np.zeros_like(offset), where=far[..., None] > 0)
    outer = -(unit * rivers.bend[which]).sum(axis=-1)
    attack = np.exp(-far / rules.river_m - height / rules.river_rise_m)
    return _most(road, attack * np.clip((1 + rules.bend_m * outer) / 2, 0, 1))


def _from_rivers(scene: Scene, road: _Road) -> NDArray[np.float64]:
    """Distance to the nearest point of a river, the least over the places of a piece [m]."""
    if scene.rivers is None:
        return np.full(len(road.places), np.nan)
    if not len(scene.rivers.xy):
        return np.full(len(road.places), np.inf)
    return np.asarray(scene.rivers.tree.query(road.places)[0].min(axis=1))


def _outburst(scene: Scene, road: _Road) -> NDArray[np.float64]:
    """Way of the water from the nearest glacial lake whose outburst reaches a piece [m]."""
    if scene.lakes is None:
        return np.full(len(road.places), np.nan)
    if scene.lakes.tree is None:
        return np.full(len(road.places), np.inf)
    # on a steep slope the level of the water changes much from cell to cell
    cells = np.arange(1, min(_CELLS, len(scene.lakes.level)) + 1)
    far, which = scene.lakes.tree.query(road.places, k=cells)
    reached = (far <= scene.rules.reach_m) & road.surface[..., None]
    reached &= road.level[..., None] <= scene.lakes.level[which] + scene.rules.lake_rise_m
    return np.asarray(np.where(reached, scene.lakes.distance[which], np.inf).min(axis=(1, 2)))
