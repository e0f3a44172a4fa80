"""
Alignment and ground to a bill of quantities, station by station.

The forms of road are chosen once more here, on the final grade line, with
abutments, portals and least lengths, so that structures come out as real ones;
then areas are averaged between stations.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign import formation
from realign.chainage import text
from realign.formation import BRIDGE, OPEN, TUNNEL, Formation, Prices
from realign.geometry.alignment import Alignment, beside, ground_under, refuse_unknown
from realign.standards import DesignStandard
from realign.terrain import Terrain

STEP = 20.0
"""Distance between cross sections [m]."""
NOWHERE = np.empty((0, 2))
"""No stretch at all."""
NAMES = ("open road", "bridge", "tunnel")
"""Forms of road in words."""


@dataclass(frozen=True, slots=True)
class Structure:
    """A bridge or a tunnel."""

    form: int
    """BRIDGE or TUNNEL."""
    start: float
    """Chainage along the new road [m]."""
    end: float
    """Chainage along the new road [m]."""
    extent: float
    """Greatest height of the deck over ground, or greatest cover of the tunnel [m]."""

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Bill:
    """What a road is made of, interval by interval between cross sections."""

    station: NDArray[np.float64]
    """Chainages of the cross sections, shape (n,) [m]."""
    x: NDArray[np.float64]
    """East, shape (n,) [m]."""
    y: NDArray[np.float64]
    """North, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Level of the road, shape (n,) [m above datum]."""
    ground: NDArray[np.float64]
    """Level of the ground, shape (n,) [m above datum]."""
    slope: NDArray[np.float64]
    """Cross slope without sign, shape (n,) [m/m]."""
    form: NDArray[np.int8]
    """Form from each station to the next, shape (n - 1,)."""
    items: dict[str, NDArray[np.float64]]
    """Quantity of each item of the rates in each interval, shape (n - 1,) [unit of the item]."""
    structures: tuple[Structure, ...]
    """Bridges and tunnels in order of chainage."""
    denied: NDArray[np.bool_]
    """Intervals in which every form is beyond its limits, shape (n - 1,)."""

    @property
    def totals(self) -> dict[str, float]:
        """Quantity of each item over the whole road."""
        return {item: float(values.sum()) for item, values in self.items.items()}

    def length(self, form: int) -> float:
        """Length of road of one form [m]."""
        return float(np.diff(self.station)[self.form == form].sum())


@njit(cache=True, nogil=True)
def _measured(
    height: NDArray[np.float64],
    slope: NDArray[np.float64],
    form: NDArray[np.int8],
    run: NDArray[np.float64],
    p: Prices,
) -> NDArray[np.float64]:
    out = np.zeros((form.size, 7))
    for i in range(form.size):
        if form[i] == OPEN:
            for j in (i, i + 1):
                metre = formation.open_road(height[j], slope[j], p)
                out[i, 0] += metre.common * run[i] / 2
                out[i, 1] += metre.rock * run[i] / 2
                out[i, 2] += metre.fill * run[i] / 2
                out[i, 3] += metre.wall * run[i] / 2
                out[i, 6] += metre.land * run[i] / 2
        else:
            h, t = (height[i] + height[i + 1]) / 2, (slope[i] + slope[i + 1]) / 2
            metre = formation.structure(form[i], h, t, p)
            out[i, 4] = metre.bridge * run[i]
            out[i, 5] = metre.tunnel * run[i]
            out[i, 6] = metre.land * run[i]
    return out


def take_off(  # noqa: PLR0913 - a road, the ground, and the tables that rule it
    alignment: Alignment,
    terrain: Terrain,
    *,
    shape: Formation,
    standard: DesignStandard,
    prices: Prices,
    spans: NDArray[np.float64] = NOWHERE,
    joins: tuple[bool, bool] = (False, False),
    step: float = STEP,
) -> Bill:
    """
    Measure a road by average end areas.

    Parameters
    ----------
    alignment
        Plan and grade line.
    terrain
        Ground.
    shape
        Least lengths of structures, spacing of culverts.
    standard
        Width of the carriageway.
    prices
        Cross section and prices, by which the cheapest form is chosen.
    spans
        Chainages between which open road is not admissible, over rivers and deep
        lakes, shape (k, 2) [m].
    joins
        Whether the start and the end lie on a road that exists at their level: its
        platform is the ground there, which a raster with cells wider than a road
        does not show.
    step
        Distance between cross sections [m].

    Returns
    -------
    bill
        Quantities by interval: open road by average end areas, structures by
        the height in the middle. Structures outside of what the plain rate allows
        count more metres than they are long, see `formation`.

    Raises
    ------
    NoRouteError
        The road leads over ground that is not known.
    """
    s = alignment.plan.stations(step)
    poses, ground, slope = ground_under(alignment.plan, terrain, s)
    level = alignment.grades.at(s)
    for i, join in ((0, joins[0]), (-1, joins[1])):
        if join:
            ground[i], slope[i] = level[i], 0.0
    refuse_unknown(s, ground, slope)
    height = level - ground
    run = np.diff(s)
    steep = alignment.grades.steepest_between(s)
    form, denied = formation.forms(
        height,
        slope,
        run,
        steep,
        shape=shape,
        standard=standard,
        p=prices,
        wet=beside(s, spans),
    )
    measured = _measured(height, slope, form, run, prices)
    tips = np.concatenate(([OPEN], form, [OPEN]))
    change = tips[1:] != tips[:-1]

    def meets(kind: int) -> NDArray[np.float64]:
        at = change & ((tips[1:] == kind) | (tips[:-1] == kind))
        out = at[:-1].astype(np.float64)
        out[-1] += at[-1]
        return np.asarray(out)

    is_open = form == OPEN
    items = {
        "common_excavation": measured[:, 0],
        "rock_excavation": measured[:, 1],
        "fill": measured[:, 2],
        "retaining_wall": measured[:, 3],
        "bridge": measured[:, 4],
        "bridge_abutment": meets(BRIDGE),
        "tunnel": measured[:, 5],
        "tunnel_portal": meets(TUNNEL),
        "pavement": run * standard.carriageway,
        "culvert": np.where(is_open, run / shape.culvert_spacing_m, 0.0),
        "land": measured[:, 6],
    }
    return Bill(
        station=s,
        x=poses[:, 0],
        y=poses[:, 1],
        level=level,
        ground=ground,
        slope=slope,
        form=form,
        items=items,
        structures=_structures(s, height, form),
        denied=denied,
    )


def _structures(
    s: NDArray[np.float64], height: NDArray[np.float64], form: NDArray[np.int8]
) -> tuple[Structure, ...]:
    edge = np.flatnonzero(np.diff(np.concatenate(([OPEN], form, [OPEN]))))
    bounds = sorted({0, *edge.tolist(), form.size})
    out = []
    for a, b in pairwise(bounds):
        kind = int(form[a])
        if kind != OPEN:
            sign = 1 if kind == BRIDGE else -1
            extent = float((sign * height[a : b + 1]).max())
            out.append(Structure(kind, float(s[a]), float(s[b]), extent))
    return tuple(out)


def limits(
    bill: Bill, shape: Formation, standard: DesignStandard, *, merge: float = 100.0
) -> tuple[str, ...]:
    """
    Where a road needs a cut, wall, deck or cover beyond its limits, in words.

    Parameters
    ----------
    bill
        Measured road.
    shape, standard
        The limits, which are named.
    merge
        Places nearer than this are one [m].

    Returns
    -------
    places
        One text a place, with chainage along the new road, form and height.
    """
    wanted = {
        OPEN: f"cut up to {shape.max_cut_m:g} m, fill to {shape.max_fill_m:g} m, wall to "
        f"{shape.max_wall_m:g} m",
        BRIDGE: f"a deck up to {shape.max_deck_m:g} m above ground, at most "
        f"{100 * standard.grade_bridge:g} % steep",
        TUNNEL: f"a tunnel below ground, at most {100 * standard.grade_tunnel:g} % steep",
    }
    out: list[str] = []
    last = -np.inf
    for i in np.flatnonzero(bill.denied):
        s = float(bill.station[i])
        if s - last > merge:
            height = float((bill.level - bill.ground)[i : i + 2].mean())
            form = int(bill.form[i])
            out.append(
                f"{NAMES[form]} at {text(s)} of the new road: grade line {height:+.0f} m over "
                f"ground with cross slope {bill.slope[i]:.2f}, wanted {wanted[form]}"
            )
        last = s
    return tuple(out)
