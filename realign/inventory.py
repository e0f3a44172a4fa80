"""
The bill in full: every item by class, culverts one by one, galleries, pavement by course, and haul.

`quantities` measures what search and grade line price by the metre. Here comes what only a whole
road has: where culverts stand, which slopes ask for a gallery, and where the earth goes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray
from scipy.signal import find_peaks

from realign import formation, haul
from realign.chainage import Section
from realign.formation import BRIDGE, OPEN, TUNNEL, Formation, Prices
from realign.hazard import Protection, exposure
from realign.quantities import Bill, Structure
from realign.standards import DesignStandard

ROCK = (5.0, 15.0)
"""Depths below the common material at which classes of rock part [m]."""
WALLS = (4.0, 8.0)
"""Heights at which classes of retaining walls part [m]."""
DECKS = (10.0, 30.0)
"""Greatest heights of a deck over the ground at which classes of bridges part [m]."""
DIP = 2.0
"""Depth of the ground line from which on a dip is a gully [m]."""
APART = 30.0
"""Gullies nearer to each other than this share a culvert [m]."""


def classes_of(limits: Sequence[float], unit: str = "m") -> tuple[str, ...]:
    """
    Name the classes between limits.

    Examples
    --------
    >>> classes_of((4.0, 8.0))
    ('up to 4 m', '4 to 8 m', 'above 8 m')
    """
    inner = [f"{a:g} to {b:g} {unit}" for a, b in pairwise(limits)]
    return f"up to {limits[0]:g} {unit}", *inner, f"above {limits[-1]:g} {unit}"


@dataclass(frozen=True, slots=True)
class Culvert:
    """A culvert under open road."""

    at: float
    """Chainage along the new road [m]."""
    gully: bool
    """Whether it stands in a gully; otherwise it relieves the ditch between two of them."""


@dataclass(frozen=True, slots=True, eq=False)
class Inventory:
    """All that a road is made of."""

    bill: Bill
    """Bill with whole culverts, galleries, haul, borrow and disposal among its items."""
    classes: Mapping[str, Mapping[str, NDArray[np.float64]]]
    """Of some items what falls in each class, interval by interval; adds up to the item."""
    courses: Mapping[str, NDArray[np.float64]]
    """Volume of each course of the pavement, shape (n - 1,) [m3]; paid with the pavement."""
    loose: Mapping[str, NDArray[np.float64]]
    """Volume that what is excavated takes up when it lies loose, by material, shape (n - 1,) [m3];
    paid with the excavation."""
    culverts: tuple[Culvert, ...]
    """Culverts in order of chainage."""
    galleries: tuple[Section, ...]
    """Stretches of open road under a gallery, chainage along the new road."""
    earth: haul.MassHaul
    """Where the earth goes."""

    def by_class(self) -> dict[tuple[str, str], float]:
        """Quantity of each item and class; an item without classes has the class ""."""
        out: dict[tuple[str, str], float] = {}
        for item, values in self.bill.items.items():
            parts = self.classes.get(item)
            if parts is None:
                out[item, ""] = float(values.sum())
            else:
                out |= {(item, name): float(part.sum()) for name, part in parts.items()}
        return out


def full(  # noqa: PLR0913 - a bill, and what rules it
    bill: Bill,
    *,
    shape: Formation,
    standard: DesignStandard,
    prices: Prices,
    earth: haul.Moving,
    shelter: Protection,
    steep_deg: float,
    gullies: NDArray[np.float64] | None = None,
) -> Inventory:
    """
    List all that a measured road is made of.

    Parameters
    ----------
    bill
        Measured road.
    shape, standard, prices
        As it was measured with.
    earth
        What cut becomes as fill, and what moving it costs.
    shelter
        From which exposure on, and how long at least, a gallery covers the road.
    steep_deg
        Side slope of half the exposure [deg].
    gullies
        Chainages at which mapped streams cross the road, shape (k,) [m].

    Returns
    -------
    inventory
        Items of the bill, and haul, borrow, disposal and galleries; culverts are
        whole ones, at every gully and no farther apart than the shape allows.
    """
    parts = _classed(bill, prices)
    culverts = _culverts(bill, np.empty(0) if gullies is None else gullies, shape)
    at = np.array([each.at for each in culverts])
    galleries, covered = _galleries(bill, shelter, steep_deg)
    carried = moved(bill, earth)
    run = np.diff(bill.station)
    owner = np.clip(np.searchsorted(bill.station, at, side="right") - 1, 0, run.size - 1)
    sites = haul.owners(bill.station, carried.site)
    middle = np.diff((bill.station[:-1] + bill.station[1:]) / 2) / haul.KM
    work = np.abs(carried.flow) * middle / 2
    items = {
        **bill.items,
        "culvert": np.bincount(owner, minlength=run.size).astype(np.float64),
        "gallery": np.where(covered, run, 0.0),
        "haul": np.append(work, 0.0) + np.append(0.0, work),
        "borrow": np.bincount(sites, carried.borrowed, run.size).astype(np.float64),
        "disposal": np.bincount(sites, carried.wasted, run.size).astype(np.float64),
    }
    inside = np.array([each.gully for each in culverts], np.float64)
    gully = np.bincount(owner, inside, run.size).astype(np.float64)
    return Inventory(
        bill=replace(bill, items=items),
        classes={
            **parts,
            "culvert": {"at gullies": gully, "between them": items["culvert"] - gully},
        },
        courses=_courses(bill, shape, standard),
        loose=_loose(bill, earth.rules),
        culverts=culverts,
        galleries=galleries,
        earth=carried,
    )


@njit(cache=True, nogil=True)
def _shares(
    height: NDArray[np.float64],
    slope: NDArray[np.float64],
    form: NDArray[np.int8],
    run: NDArray[np.float64],
    depths: NDArray[np.float64],
    walls: NDArray[np.float64],
    p: Prices,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rock deeper than each depth, and walls by height, of every interval of open road [m3]."""
    rock = np.zeros((form.size, depths.size))
    wall = np.zeros((form.size, walls.size + 1))
    for i in range(form.size):
        if form[i] != OPEN:
            continue
        for j in (i, i + 1):
            metre = formation.open_road(height[j], slope[j], p)
            deeper = metre.rock
            for k in range(depths.size):
                # below a depth the cut is that of ground which lies so much lower
                cut = formation.earthwork(height[j] + p.soil + depths[k], slope[j], p)[0]
                deeper = min(deeper, cut)
                rock[i, k] += deeper * run[i] / 2
            drop = formation.earthwork(height[j], slope[j], p)[5]
            k = 0
            while k < walls.size and drop > walls[k]:
                k += 1
            wall[i, k] += metre.wall * run[i] / 2
    return rock, wall


def _classed(bill: Bill, p: Prices) -> dict[str, dict[str, NDArray[np.float64]]]:
    """Rock by depth, walls, bridges by height, tunnels by method."""
    run, height = np.diff(bill.station), bill.level - bill.ground
    deeper, wall = _shares(height, bill.slope, bill.form, run, np.array(ROCK), np.array(WALLS), p)
    rock = bill.items["rock_excavation"]
    within = np.column_stack((rock, deeper)) - np.column_stack((deeper, np.zeros(rock.size)))
    tunnel = bill.items["tunnel"]
    bored = tunnel <= run * (1 + 1e-9)
    decks = np.zeros(run.size, np.int64)
    for each in bill.structures:
        if each.form == BRIDGE:
            inside = (bill.station[:-1] >= each.start - 1e-6) & (
                bill.station[1:] <= each.end + 1e-6
            )
            decks[inside] = np.searchsorted(DECKS, each.extent)
    bridge = bill.items["bridge"]
    names = classes_of(DECKS)
    return {
        "rock_excavation": dict(zip(_deep(), within.T, strict=True)),
        "retaining_wall": dict(zip(classes_of(WALLS), wall.T, strict=True)),
        "bridge": {name: np.where(decks == k, bridge, 0.0) for k, name in enumerate(names)},
        "tunnel": {
            "bored": np.where(bored, tunnel, 0.0),
            "cut and cover": np.where(bored, 0.0, tunnel),
        },
    }


def _deep() -> tuple[str, ...]:
    return tuple(f"{name} under the soil" for name in classes_of(ROCK))


def _culverts(bill: Bill, gullies: NDArray[np.float64], shape: Formation) -> tuple[Culvert, ...]:
    """Culverts in gullies, and between them where those are far apart, on open road."""
    dips, _ = find_peaks(-bill.ground, prominence=DIP)
    found = np.sort(np.concatenate((gullies, bill.station[dips])))
    out: list[Culvert] = []
    for start, end in _runs(bill, bill.form == OPEN):
        here: list[float] = []
        # water that comes down right at the end of a structure passes under or over that
        for at in found[(found > start) & (found < end)]:
            if not here or at - here[-1] >= APART:
                here.append(float(at))
        out += [Culvert(at, gully=True) for at in here]
        for a, b in pairwise([start, *here, end]):
            between = int((b - a) / shape.culvert_spacing_m)
            apart = (b - a) / (between + 1)
            out += [Culvert(a + apart * (k + 1), gully=False) for k in range(between)]
    return tuple(sorted(out, key=lambda each: each.at))


def _galleries(
    bill: Bill, shelter: Protection, steep_deg: float
) -> tuple[tuple[Section, ...], NDArray[np.bool_]]:
    """Stretches of open road so exposed that a gallery covers them."""
    at = exposure(bill.slope, steep_deg)
    asked = (bill.form == OPEN) & ((at[:-1] + at[1:]) / 2 >= shelter.gallery_exposure)
    long = [
        Section(start, end)
        for start, end in _runs(bill, asked)
        if end - start >= shelter.gallery_least_m - 1e-6
    ]
    middle = (bill.station[:-1] + bill.station[1:]) / 2
    covered = np.zeros(middle.size, np.bool_)
    for each in long:
        covered |= (middle > each.start) & (middle < each.end)
    return tuple(long), covered


def moved(bill: Bill, earth: haul.Moving) -> haul.MassHaul:
    """Move the earth of a road."""
    rules = earth.rules
    supply = bill.items["common_excavation"] * rules.common_to_fill
    supply = supply + bill.items["rock_excavation"] * rules.rock_to_fill
    supply += _spoil(bill, rules) * rules.rock_to_fill
    return haul.hauled(bill.station, supply, bill.items["fill"], earth.site, earth.price)


def _spoil(bill: Bill, rules: haul.Earth) -> NDArray[np.float64]:
    """Rock that tunnels yield, as it lies in the ground [m3]."""
    return np.where(bill.form == TUNNEL, np.diff(bill.station) * rules.tunnel_m2, 0.0)


def _loose(bill: Bill, rules: haul.Earth) -> dict[str, NDArray[np.float64]]:
    """Volume on the lorry of what is excavated, by material [m3]."""
    return {
        "common": bill.items["common_excavation"] * rules.common_swell,
        "rock": bill.items["rock_excavation"] * rules.rock_swell,
        "rock from tunnels": _spoil(bill, rules) * rules.rock_swell,
    }


def _courses(
    bill: Bill, shape: Formation, standard: DesignStandard
) -> dict[str, NDArray[np.float64]]:
    """Volume of the courses of the pavement [m3]."""
    run = np.diff(bill.station)
    widths = {"carriageway": standard.carriageway, "formation": standard.width}
    return {
        course.name: np.where(
            (bill.form == BRIDGE) & (not course.on_bridges), 0.0, run * widths[course.width]
        )
        * course.thickness_m
        for course in shape.courses
    }


def _runs(bill: Bill, wanted: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """Chainages between which intervals are wanted."""
    edge = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8)))
    return [
        (float(bill.station[a]), float(bill.station[b]))
        for a, b in zip(edge[::2], edge[1::2], strict=True)
    ]


def named(structures: Sequence[Structure], near: Sequence[str]) -> tuple[str, ...]:
    """
    Name bridges and tunnels by number and place.

    Parameters
    ----------
    structures
        In order of chainage.
    near
        What each is over or near, in words, as "over Indus, near Chilas".

    Returns
    -------
    names
        As "Bridge 3 over Indus, near Chilas"; each form is counted on its own.
    """
    counts = {BRIDGE: 0, TUNNEL: 0}
    out = []
    for each, place in zip(structures, near, strict=True):
        counts[each.form] += 1
        form = "Bridge" if each.form == BRIDGE else "Tunnel"
        out.append(f"{form} {counts[each.form]} {place}".strip())
    return tuple(out)
