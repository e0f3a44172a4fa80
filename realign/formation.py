"""
A metre of road at a height above the ground: what it is made of and what it costs.

One compiled function answers for search, profile and bill of quantities, so
that all three speak of the same road. The cross section is a platform on a
plane side slope; see docs/method.md for the figure.
"""

from math import radians, tan
from typing import Literal, NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray
from pydantic import Field

from realign.rates import Rates
from realign.settings import Settings
from realign.standards import DesignStandard

OPEN = 0
"""Form of a metre of road: on cut, fill or wall."""
BRIDGE = 1
"""Form of a metre of road: on a bridge."""
TUNNEL = 2
"""Form of a metre of road: in a tunnel."""
FORMS = ("open", "bridge", "tunnel")
"""Names of the forms, by number."""

DENIED = 2.0e5
"""Price of a metre that no form allows: the least bad place for it is found, and named [/m]."""
UNFIT = (100.0, 10.0)
"""How many times `DENIED` open road costs beyond its limits, and a structure on the wrong side of
the ground, so that places beyond all limits are whole structures [-]."""
STEEP_SLACK = 1e-6
"""Rounding allowed in a grade [fraction]."""
FLAT = 1e-9
"""Cross slopes below this are taken as level ground [m/m]."""


class Course(Settings):
    """One row of `[[formation.courses]]`: a course of the pavement."""

    name: str
    """What it is made of."""
    thickness_m: float = Field(gt=0, le=2)
    """Thickness [m]."""
    width: Literal["carriageway", "formation"] = "formation"
    """How wide it lies."""
    on_bridges: bool = False
    """Whether it lies on bridges too."""


COURSES = (
    Course(name="asphalt concrete", thickness_m=0.12, width="carriageway", on_bridges=True),
    Course(name="crushed aggregate base", thickness_m=0.20),
    Course(name="granular subbase", thickness_m=0.25),
)
"""Pavement of a two-lane highway with heavy trucks: an assumption."""


class Formation(Settings):
    """Cross section of the new road: its faces, limits and structures."""

    cut_face_deg: float = Field(default=70.0, gt=20, lt=90)
    """Angle of a cut face against the horizontal [deg]."""
    fill_face_deg: float = Field(default=33.7, gt=10, lt=60)
    """Angle of a fill face against the horizontal [deg]."""
    soil_m: float = Field(default=2.0, ge=0, le=1000)
    """Depth of common material over rock, measured vertically [m]."""
    max_cut_m: float = Field(default=45.0, gt=0, le=1000)
    """Greatest height of a cut face [m]."""
    max_fill_m: float = Field(default=25.0, gt=0, le=1000)
    """Greatest height of a fill face [m]."""
    max_wall_m: float = Field(default=15.0, ge=0, le=1000)
    """Greatest height of a retaining wall [m]."""
    wall_top_m: float = Field(default=0.5, gt=0, le=100)
    """Thickness of a retaining wall at its top [m]."""
    wall_base_ratio: float = Field(default=0.4, gt=0, le=10)
    """Thickness of a retaining wall at its base over its height [-]."""
    min_deck_m: float = Field(default=4.0, ge=0, le=1000)
    """Height of a bridge deck over the ground from which on its plain rate holds [m]."""
    max_deck_m: float = Field(default=120.0, gt=0, le=1000)
    """Greatest height of a bridge deck over the ground below it [m]."""
    low_deck_m: float = Field(default=30.0, ge=0, le=1000)
    """Height of a deck up to which a bridge costs its plain rate [m]."""
    high_deck_per_m: float = Field(default=0.01, ge=0, le=10)
    """Share by which a metre of bridge gets dearer with each metre above that [1/m]."""
    min_cover_m: float = Field(default=10.0, ge=0, le=1000)
    """Ground over a tunnel, square to the slope, from which on its plain rate holds [m]."""
    close_ratio: float = Field(default=1.5, ge=1, le=100)
    """Price of a structure too close to the ground over that of a plain one: a half viaduct on a
    side slope, a tunnel built by cut and cover [-]."""
    min_bridge_m: float = Field(default=20.0, gt=0, le=1000)
    """Least length of a bridge [m]."""
    min_tunnel_m: float = Field(default=100.0, gt=0, le=10_000)
    """Least length of a tunnel [m]."""
    culvert_spacing_m: float = Field(default=250.0, ge=1, le=1e6)
    """Mean distance between culverts on open road [m]."""
    river_half_m: float = Field(default=30.0, ge=0, le=10_000)
    """Distance on both sides of a river's line that a road crosses on a structure [m]."""
    courses: tuple[Course, ...] = COURSES
    """Courses of the pavement, from the top; their price is that of the pavement."""
    land_margin_m: float = Field(default=5.0, ge=0, le=10_000)
    """Strip taken beyond the toes of cut and fill, both sides together [m]."""


class Prices(NamedTuple):
    """What `section` needs to know, as plain numbers for compiled code; money in the rates' own."""

    half: float
    """Half of the formation width [m]."""
    cut: float
    """Tangent of the cut face [-]."""
    fill: float
    """Tangent of the fill face [-]."""
    soil: float
    """Depth of common material [m]."""
    max_cut: float
    """Greatest cut face [m]."""
    max_fill: float
    """Greatest fill face [m]."""
    max_wall: float
    """Greatest wall [m]."""
    wall_top: float
    """Wall thickness at the top [m]."""
    wall_ratio: float
    """Wall thickness at the base over height [-]."""
    min_deck: float
    """Least deck height [m]."""
    max_deck: float
    """Greatest deck height [m]."""
    low_deck: float
    """Deck height up to which the plain rate holds [m]."""
    high_deck: float
    """Increase of the bridge rate per metre above that [1/m]."""
    min_cover: float
    """Least cover of a tunnel at right angles to the slope [m]."""
    close: float
    """Price of a structure too close to the ground over that of a plain one [-]."""
    margin: float
    """Land taken beyond the toes [m]."""
    common: float
    """Price of common excavation [/m3]."""
    rock: float
    """Price of rock excavation [/m3]."""
    embankment: float
    """Price of fill [/m3]."""
    wall: float
    """Price of retaining wall [/m3]."""
    land: float
    """Price of land [/m2]."""
    surface: float
    """Price of pavement and drainage of open road [/m]."""
    pavement: float
    """Price of pavement alone, on structures [/m]."""
    bridge: float
    """Price of a bridge at plain rate [/m]."""
    tunnel: float
    """Price of a tunnel [/m]."""
    abutment: float
    """Price of one end of a bridge [each]."""
    portal: float
    """Price of one end of a tunnel [each]."""
    min_bridge: float = 0.0
    """Least length of a bridge [m]."""
    min_tunnel: float = 0.0
    """Least length of a tunnel [m]."""
    river_half: float = 0.0
    """Half of the length of a bridge over a river [m]."""


class Metre(NamedTuple):
    """A metre of road: its form, price and quantities."""

    form: int
    """OPEN, BRIDGE or TUNNEL."""
    price: float
    """Price [/m]; infinite where no form is admissible."""
    common: float
    """Common excavation [m3/m]."""
    rock: float
    """Rock excavation [m3/m]."""
    fill: float
    """Fill [m3/m]."""
    wall: float
    """Retaining wall [m3/m]."""
    bridge: float
    """Bridge, metres at plain rate: a high deck or half viaduct counts more than it is [m/m]."""
    tunnel: float
    """Tunnel, metres at plain rate: cut and cover counts more than its length [m/m]."""
    land: float
    """Land taken [m2/m]."""


NO_FORM = Metre(OPEN, float("inf"), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
"""What open road is over a river: not admissible."""


def prices(formation: Formation, standard: DesignStandard, rates: Rates) -> Prices:
    """
    Put the shape of the road and the base unit prices into plain numbers.

    Parameters
    ----------
    formation
        Faces, limits and structures.
    standard
        Gives formation width and carriageway.
    rates
        Unit prices, of which the base values are used.

    Returns
    -------
    prices
        Argument of `section`; money in the currency of the rates.
    """
    base = {item: rate.price.base for item, rate in rates.items.items()}
    pavement = base["pavement"] * standard.carriageway
    return Prices(
        half=standard.width / 2,
        cut=tan(radians(formation.cut_face_deg)),
        fill=tan(radians(formation.fill_face_deg)),
        soil=formation.soil_m,
        max_cut=formation.max_cut_m,
        max_fill=formation.max_fill_m,
        max_wall=formation.max_wall_m,
        wall_top=formation.wall_top_m,
        wall_ratio=formation.wall_base_ratio,
        min_deck=formation.min_deck_m,
        max_deck=formation.max_deck_m,
        low_deck=formation.low_deck_m,
        high_deck=formation.high_deck_per_m,
        min_cover=formation.min_cover_m,
        close=formation.close_ratio,
        margin=formation.land_margin_m,
        common=base["common_excavation"],
        rock=base["rock_excavation"],
        embankment=base["fill"],
        wall=base["retaining_wall"],
        land=base["land"],
        surface=pavement + base["culvert"] / formation.culvert_spacing_m,
        pavement=pavement,
        bridge=base["bridge"],
        tunnel=base["tunnel"],
        abutment=base["bridge_abutment"],
        portal=base["tunnel_portal"],
        min_bridge=formation.min_bridge_m,
        min_tunnel=formation.min_tunnel_m,
        river_half=formation.river_half_m,
    )


@njit(cache=True, nogil=True)
def earthwork(
    height: float, slope: float, p: Prices
) -> tuple[float, float, float, float, float, float]:
    """
    Areas of cut and fill of a platform on a plane side slope, without the downhill toe.

    Parameters
    ----------
    height
        Grade line above ground at the centre line; negative in cut [m].
    slope
        Cross slope of the ground, 0 or positive [m/m].
    p
        Shape of the road.

    Returns
    -------
    cut, fill, cut_width, fill_width, face, drop
        Area of cut and of fill [m2], widths of ground under them [m], height of
        the cut face (infinite where the face never meets the ground) and drop
        from the downhill edge to the ground, 0 where that edge is in cut [m].
        The downhill fill face or wall, which takes up the drop, is added by
        `section`. Closed form: triangles and trapezia over the ground line.
    """
    b = p.half
    t = slope
    if t > FLAT:
        turn = min(max(height / t, -b), b)
        cut = t * (b * b - turn * turn) / 2 - height * (b - turn)
        fill = height * (turn + b) - t * (turn * turn - b * b) / 2
    else:
        turn = b if height >= 0 else -b
        cut = max(-height, 0.0) * 2 * b
        fill = max(height, 0.0) * 2 * b
    cut_width = b - turn
    fill_width = b + turn
    face = 0.0
    up = t * b - height
    if up > 0:
        if p.cut <= t:
            face = np.inf
        else:
            run = up / (p.cut - t)
            cut += up * run / 2
            cut_width += run
            face = p.cut * run
    else:
        run = -up / (p.fill + t)
        fill += -up * run / 2
        fill_width += run
    down = -t * b - height
    drop = 0.0
    if down > 0:
        run = down / (p.cut + t)
        cut += down * run / 2
        cut_width += run
        face = max(face, p.cut * run)
    else:
        drop = -down
    return cut, fill, cut_width, fill_width, face, drop


@njit(cache=True, nogil=True)
def open_road(height: float, slope: float, p: Prices) -> Metre:
    """
    Build a metre of road on cut, fill or wall, whichever of fill face and wall is cheaper.

    Parameters
    ----------
    height
        Grade line above ground at the centre line; negative in cut [m].
    slope
        Cross slope of the ground, 0 or positive [m/m].
    p
        Shape and prices.

    Returns
    -------
    metre
        Quantities and price; an infinite price where a cut, fill or wall would
        be higher than the limits.
    """
    cut, fill, cut_width, fill_width, face, drop = earthwork(height, slope, p)
    if face > p.max_cut:
        return Metre(OPEN, np.inf, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    common = min(cut, p.soil * cut_width)
    rock = cut - common
    width = cut_width + fill_width + p.margin
    price = p.surface + common * p.common + rock * p.rock + fill * p.embankment + width * p.land
    if drop == 0:
        return Metre(OPEN, price, common, rock, fill, 0.0, 0.0, 0.0, width)
    on_fill = np.inf
    toe = 0.0
    if p.fill > slope:
        toe = drop / (p.fill - slope)
        if p.fill * toe <= p.max_fill:
            on_fill = drop * toe / 2 * p.embankment + toe * p.land
    on_wall = np.inf
    wall = drop * (p.wall_top + max(p.wall_ratio * drop, p.wall_top)) / 2
    if drop <= p.max_wall:
        on_wall = wall * p.wall
    if on_fill <= on_wall:
        fill += drop * toe / 2 if on_fill < np.inf else 0.0
        return Metre(OPEN, price + on_fill, common, rock, fill, 0.0, 0.0, 0.0, width + toe)
    return Metre(OPEN, price + on_wall, common, rock, fill, wall, 0.0, 0.0, width)


@njit(cache=True, nogil=True)
def structure(form: int, height: float, slope: float, p: Prices) -> Metre:
    """
    Build a metre of bridge or tunnel.

    Parameters
    ----------
    form
        BRIDGE or TUNNEL.
    height
        Grade line above ground at the centre line; negative below ground [m].
    slope
        Cross slope of the ground, 0 or positive [m/m].
    p
        Shape and prices.

    Returns
    -------
    metre
        Quantities, and a price that is infinite where a deck would be below the
        ground or too high, or a tunnel above the ground. Close to the ground a
        bridge is a half viaduct and a tunnel is built by cut and cover, which
        cost `close` times the plain rate.
    """
    if form == BRIDGE:
        deck = height + slope * p.half
        close = p.close if height < max(p.min_deck, slope * p.half) else 1.0
        length = close * (1 + p.high_deck * max(0.0, deck - p.low_deck))
        width = 2 * p.half
        price = p.bridge * length + p.pavement + width * p.land
        if height < 0 or deck > p.max_deck:
            price = np.inf
        return Metre(BRIDGE, price, 0.0, 0.0, 0.0, 0.0, length, 0.0, width)
    close = p.close if -height < p.min_cover * np.sqrt(1 + slope * slope) else 1.0
    price = np.inf if height > 0 else p.tunnel * close + p.pavement
    return Metre(TUNNEL, price, 0.0, 0.0, 0.0, 0.0, 0.0, close, 0.0)


@njit(cache=True, nogil=True)
def section(height: float, slope: float, p: Prices) -> Metre:
    """
    Build a metre of road in its cheapest admissible form.

    Parameters
    ----------
    height
        Grade line above ground at the centre line; negative below ground [m].
    slope
        Cross slope of the ground, 0 or positive [m/m].
    p
        Shape and prices.

    Returns
    -------
    metre
        The cheapest of open road, bridge and tunnel; infinite price where none
        is admissible. Ends of structures (abutments, portals) are not in it.
    """
    best = open_road(height, slope, p)
    for form in (BRIDGE, TUNNEL):
        other = structure(form, height, slope, p)
        if other.price < best.price:
            best = other
    return best


@njit(cache=True, nogil=True)
def end_price(left: int, right: int, p: Prices) -> float:
    """
    Price of the end where one form of road meets another: abutments and portals.

    Parameters
    ----------
    left, right
        Forms on both sides, OPEN, BRIDGE or TUNNEL.
    p
        Prices.

    Returns
    -------
    price
        Nothing where the form stays the same.
    """
    if left == right:
        return 0.0
    price = 0.0
    if BRIDGE in (left, right):
        price += p.abutment
    if TUNNEL in (left, right):
        price += p.portal
    return price


def river_crossing(p: Prices) -> tuple[float, float]:
    """
    Price of a bridge over a river beyond that of the open road in its place.

    Parameters
    ----------
    p
        Shape and prices.

    Returns
    -------
    ends, metre
        Two abutments, each crossing; and what a metre of bridge at plain rate costs
        more than one of open road [/m], to be paid for `river_half` on both sides
        of the river's line, whatever the cells of the ground measure.
    """
    return 2 * p.abutment, max(p.bridge + p.pavement - p.surface, 0.0)


@njit(cache=True, nogil=True)
def by_form(
    height: NDArray[np.float64], slope: NDArray[np.float64], p: Prices
) -> NDArray[np.float64]:
    """
    Price of every form at every station.

    Parameters
    ----------
    height
        Grade line above ground, shape (n,) [m].
    slope
        Cross slope, shape (n,) [m/m].
    p
        Shape and prices.

    Returns
    -------
    price
        Shape (n, 3), columns by form; infinite where not admissible [/m].
    """
    out = np.empty((height.size, 3))
    for i in range(height.size):
        out[i, 0] = open_road(height[i], slope[i], p).price
        out[i, 1] = structure(BRIDGE, height[i], slope[i], p).price
        out[i, 2] = structure(TUNNEL, height[i], slope[i], p).price
    return out


@njit(cache=True, nogil=True)
def choose(  # noqa: C901, PLR0912 - one loop over states, flat for the compiler
    price: NDArray[np.float64],
    ends: NDArray[np.float64],
    least: NDArray[np.int64],
) -> NDArray[np.int8]:
    """
    Cheapest form of every interval, with the ends of structures and their least lengths.

    Parameters
    ----------
    price
        Price of each interval in each form, shape (n, 3), finite.
    ends
        Price of the end between two forms, shape (3, 3).
    least
        Least length of a run of each form, shape (3,), at least 1 [intervals].

    Returns
    -------
    form
        Shape (n,). The road begins and ends open: a structure at an end pays
        for its end. Dynamic program over form and length of the run so far; a
        structure longer than the road is none.
    """
    n = price.shape[0]
    first = np.zeros(4, np.int64)
    for f in range(3):
        first[f + 1] = first[f] + least[f]
    states = first[3]
    cost = np.full(states, np.inf)
    back = np.full((n, states), -1, np.int32)
    for f in range(3):
        cost[first[f]] = price[0, f] + ends[OPEN, f]
    cost[first[OPEN + 1] - 1] = min(cost[first[OPEN + 1] - 1], price[0, OPEN])
    for i in range(1, n):
        fresh = np.full(states, np.inf)
        for f in range(3):
            done = first[f + 1] - 1
            for a in range(first[f], first[f + 1]):
                if a > first[f] and cost[a - 1] + price[i, f] < fresh[a]:
                    fresh[a] = cost[a - 1] + price[i, f]
                    back[i, a] = a - 1
            if cost[done] + price[i, f] < fresh[done]:
                fresh[done] = cost[done] + price[i, f]
                back[i, done] = done
            for g in range(3):
                last = first[g + 1] - 1
                value = cost[last] + ends[g, f] + price[i, f]
                if g != f and value < fresh[first[f]]:
                    fresh[first[f]] = value
                    back[i, first[f]] = last
        cost = fresh
    best, at = np.inf, 0
    for f in range(3):
        done = first[f + 1] - 1
        if cost[done] + ends[f, OPEN] < best:
            best, at = cost[done] + ends[f, OPEN], done
    form = np.zeros(n, np.int8)
    for i in range(n - 1, -1, -1):
        f = 0
        while at >= first[f + 1]:
            f += 1
        form[i] = f
        at = back[i, at]
    return form


def forms(  # noqa: PLR0913 - a road by stations, and what rules its forms
    height: NDArray[np.float64],
    slope: NDArray[np.float64],
    run: NDArray[np.float64],
    steep: NDArray[np.float64],
    *,
    shape: Formation,
    standard: DesignStandard,
    p: Prices,
    wet: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.int8], NDArray[np.bool_]]:
    """
    Cheapest forms along a road whose grade line is known.

    Parameters
    ----------
    height, slope
        Grade line above ground [m] and cross slope [m/m] at n stations.
    run
        Distances between them, all about the same, shape (n - 1,) [m].
    steep
        Steepest grade of each interval, without sign, shape (n - 1,) [fraction].
    shape
        Least lengths of structures.
    standard
        Greatest grades on bridges and in tunnels: where the road is steeper, it
        is neither.
    p
        Shape and prices.
    wet
        Stations over a river, where open road is not admissible, shape (n,); none
        by default.

    Returns
    -------
    form, denied
        Form of each interval, and whether it is beyond its limits there, both of
        shape (n - 1,). Beyond the limits of all forms it is a bridge above the
        ground and a tunnel below, with their least lengths. Open road is priced at
        both ends of an interval, structures in the middle of it.
    """
    middle = (height[:-1] + height[1:]) / 2, (slope[:-1] + slope[1:]) / 2
    price = by_form(*middle, p)
    at = by_form(height, slope, p)[:, OPEN]
    price[:, OPEN] = (at[:-1] + at[1:]) / 2
    if wet is not None:
        price[wet[:-1] | wet[1:], OPEN] = NO_FORM.price
    for form, limit in ((BRIDGE, standard.grade_bridge), (TUNNEL, standard.grade_tunnel)):
        price[steep > limit + STEEP_SLACK, form] = np.inf
    allowed = np.isfinite(price)
    # beyond its limits a road is the structure that fits its height, if it can be
    above = middle[0] > 0
    beyond = np.full_like(price, UNFIT[0] * DENIED)
    beyond[:, BRIDGE] = np.where(above, DENIED, UNFIT[1] * DENIED)
    beyond[:, TUNNEL] = np.where(above, UNFIT[1] * DENIED, DENIED)
    bounded = np.where(allowed, price, beyond) * run[:, None]
    ends = np.array([[end_price(a, b, p) for b in range(3)] for a in range(3)])
    lengths = (run[0], shape.min_bridge_m, shape.min_tunnel_m)
    least = np.array([max(int(np.ceil(v / run[0] - 1e-9)), 1) for v in lengths])
    chosen = choose(bounded, ends, least)
    denied = ~allowed[np.arange(chosen.size), chosen]
    return chosen, denied
