"""
The road as it stands against a standard: where it breaks it, and what mending that takes.

A map gives a line and a raster gives levels; neither is a survey. So curves are those of the
smoothed line, grades those of smoothed levels, and what mending takes is an estimate place by
place: a curve too sharp is laid again at the radius that is wanted, on the ground to its inner
side, a grade too steep is made longer. The rest is widened at a price a kilometre.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import cos, pi, tan
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from scipy.ndimage import gaussian_filter1d

from realign import formation
from realign.chainage import Section, text
from realign.errors import GeometryError
from realign.formation import BRIDGE, TUNNEL, Formation, Prices
from realign.highway import Highway
from realign.settings import Settings
from realign.standards import DesignStandard
from realign.terrain import Terrain

STEP = 5.0
"""Distance between the places at which a standing road is looked at [m]."""
EDGE = 0.25
"""A curve reaches as far as its curvature is above this part of what is wanted at most [-]."""
WIDEST = 150.0 * pi / 180
"""Turn from which on a curve is laid again as if it turned by no more [rad]."""
HAIRPIN = 120.0 * pi / 180
"""Turn from which on a curve is a hairpin, where the standard knows them [rad]."""
STRAIGHT = 0.05
"""Sine of the turn below which tangents hardly meet [-]."""
_PLACES = 9  # of a curve laid again at which ground is looked at
_FEW = 1e-9
NOTHING = 1e-6
"""Quantities as small as this come from rounding [unit of the item]."""


class Upgrading(Settings):
    """The table `[upgrade]`: what standing road is brought to where it is upgraded."""

    speed_kmh: int = Field(default=40, ge=1, le=300)
    """Row of the code whose least radius and greatest grade an upgraded road keeps [km/h]."""
    smooth_m: float = Field(default=20.0, gt=0, le=1000)
    """Standard deviation, along the road, of the weights by which its line is smoothed before
    its curvature is taken [m]."""
    join_m: float = Field(default=30.0, ge=0, le=1e5)
    """Curves of one hand nearer than this are one [m]."""
    widening_m: float = Field(default=1.5, ge=0, le=100)
    """How far inside the middle of a curve may move within the widening of the road [m]."""
    least_grade_m: float = Field(default=120.0, gt=0, le=1e5)
    """Shorter stretches with too steep a grade are noise of the ground [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Plan and levels of a standing road, as well as its line and the ground tell them."""

    station: NDArray[np.float64]
    """Chainages, evenly apart, shape (n,) [m]."""
    x: NDArray[np.float64]
    """Easting of the line as given, shape (n,) [m]."""
    y: NDArray[np.float64]
    """Northing of the line as given, shape (n,) [m]."""
    smooth: NDArray[np.float64]
    """The smoothed line, shape (n, 2) [m]."""
    bearing: NDArray[np.float64]
    """Direction of travel, smoothed, anticlockwise from the x axis, shape (n,) [rad]."""
    curvature: NDArray[np.float64]
    """Curvature, smoothed, positive to the left, shape (n,) [1/m]."""
    level: NDArray[np.float64]
    """Level of the road, shape (n,) [m above datum]."""

    def grade(self) -> NDArray[np.float64]:
        """Grade of each interval, positive uphill along the chainage, shape (n - 1,) [m/m]."""
        return np.asarray(np.diff(self.level) / np.diff(self.station))


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Breach:
    """A place at which a standing road breaks a standard, and what mending it takes."""

    section: Section
    """Chainage of the road that is laid again [m]."""
    kind: Literal["curve", "grade"]
    """What is too sharp or too steep."""
    found: float
    """Radius [m], or grade without sign [m/m]."""
    wanted: float
    """Least radius [m], or greatest grade [m/m]."""
    turn: float
    """Turn of the curve without sign [rad]; 0 for a grade."""
    offset: float
    """How far the middle of the curve moves to its inner side [m]; 0 for a grade."""
    length: float
    """Length of the road laid again [m]."""
    totals: Mapping[str, float]
    """Quantities of that, by item of the rates."""

    def __str__(self) -> str:
        """Say what was found, what was wanted, and where."""
        if self.kind == "grade":
            return (
                f"grade of {self.found:.1%} from {self.section}, wanted at most {self.wanted:.1%}: "
                f"{self.length:,.0f} m are laid again"
            )
        again = f"{self.length:,.0f} m are laid again, up to {self.offset:.0f} m inside"
        middle = text((self.section.start + self.section.end) / 2)
        return (
            f"radius of {self.found:.0f} m at {middle}, wanted {self.wanted:.0f} m: "
            f"{again if self.totals else 'within the widening'}"
        )


def standing(highway: Highway, *, smooth: float, step: float = STEP) -> Standing:
    """
    Take plan and levels of a road from its line.

    Parameters
    ----------
    highway
        The road.
    smooth
        Standard deviation of the weights by which its line is smoothed [m]: corners of a
        digitised line are no curves. A circle of radius R is taken for one of
        R exp(-smooth^2 / (2 R^2)).
    step
        Distance between stations [m], about.

    Returns
    -------
    standing
        With the chainages of the road.
    """
    if not (smooth > 0 and step > 0):
        msg = f"wanted lengths above 0 m to smooth by and between stations, got {smooth}, {step}"
        raise GeometryError(msg)
    s = np.linspace(0.0, highway.length, max(round(highway.length / step), 4) + 1)
    apart = float(s[1])
    line = highway.at(s)
    # led on straight beyond both ends, or these would be drawn inward
    beyond = min(int(np.ceil(4 * smooth / apart)), s.size - 1)
    head = 2 * line[0] - line[beyond:0:-1]
    tail = 2 * line[-1] - line[-2 : -2 - beyond : -1]
    smoothed = gaussian_filter1d(np.vstack((head, line, tail)), smooth / apart, axis=0)
    way = np.gradient(smoothed, apart, axis=0)
    bend = np.gradient(way, apart, axis=0)
    cross = way[:, 0] * bend[:, 1] - way[:, 1] * bend[:, 0]
    size = np.maximum(np.hypot(*way.T), _FEW)
    own = slice(beyond, beyond + s.size)
    return Standing(
        station=s,
        x=line[:, 0],
        y=line[:, 1],
        smooth=smoothed[own],
        bearing=np.unwrap(np.arctan2(way[:, 1], way[:, 0]))[own],
        curvature=(cross / size**3)[own],
        level=highway.level_at(s),
    )


def breaches(
    road: Standing,
    terrain: Terrain,
    *,
    standard: DesignStandard,
    shape: Formation,
    prices: Prices,
    rules: Upgrading,
) -> tuple[Breach, ...]:
    """
    Find where a road is sharper or steeper than a standard allows.

    Parameters
    ----------
    road
        From `standing`.
    terrain
        Ground, with cross slopes.
    standard
        Least radius and greatest grade. A curve that turns by 120 degrees and more is a hairpin
        where the standard has one, and need not be wider than that.
    shape, prices
        Cross section of road laid again.
    rules
        What counts as one curve, and as a grade.

    Returns
    -------
    breaches
        In order of chainage.

    Notes
    -----
    A circle of radius r between tangents that turn by D is replaced by one of R between the same
    tangents. It begins (R - r) tan(D / 2) earlier, and its middle lies
    (R - r) (1 / cos(D / 2) - 1) farther inside; between, the offset is taken as that times
    (1 - u^2)^2, u from -1 to 1 over the curve. The platform keeps its level, so that it lies as
    far above or below the ground there as the ground falls or rises from the line to there. For r
    the radius is taken whose circle comes as near to the point where the tangents meet as the
    curve does, since a curve that a map tells is no circle. What moves by less than `widening_m`
    costs nothing beyond the widening. A grade g over a length l that is steeper than G is
    replaced by one of length l g / G along the same slope.
    """
    p = prices._replace(max_deck=float("inf"))  # what deep gorge a curve crosses, it crosses
    slope = _cross_slope(road, terrain)
    found = [
        *_curves(road, terrain, standard, shape, p, rules),
        *_grades(road, slope, standard, shape, p, rules),
    ]
    return tuple(sorted(found, key=lambda each: (each.section, each.kind)))


def totals(
    section: Section, broken: Iterable[Breach], *, width_km: float = 1.0
) -> dict[str, float]:
    """
    Add up what upgrading a stretch of road takes.

    Parameters
    ----------
    section
        The stretch.
    broken
        Breaches of the whole road; those whose middle lies in the stretch count.
    width_km
        Kilometres of `upgrade_existing` that a kilometre counts as [-].

    Returns
    -------
    totals
        Quantities by item of the rates: the road laid again, and `upgrade_existing` over what is
        left. Stretches that make up a road add up to it.
    """
    own = within(section, broken)
    again = sum(each.section.length for each in own if each.totals)
    out = {"upgrade_existing": max(section.length - again, 0.0) / 1000 * width_km}
    for each in own:
        for item, amount in each.totals.items():
            out[item] = out.get(item, 0.0) + amount
    return out


def within(section: Section, broken: Iterable[Breach]) -> tuple[Breach, ...]:
    """Breaches whose middle lies in a stretch of road, its end left out."""
    return tuple(
        each
        for each in broken
        if section.start <= (each.section.start + each.section.end) / 2 < section.end
    )


def _curves(
    road: Standing,
    terrain: Terrain,
    standard: DesignStandard,
    shape: Formation,
    p: Prices,
    rules: Upgrading,
) -> list[Breach]:
    """Curves that are too sharp."""
    least = standard.hairpin.radius if standard.hairpin else standard.radius
    step = road.station[1] - road.station[0]
    out = []
    for hand in (1, -1):
        bend = hand * road.curvature
        for first, last in _runs(bend > 1 / standard.radius, rules.join_m / step):
            a, b = first, last
            while a > 0 and bend[a - 1] > EDGE / standard.radius:
                a -= 1
            while b < bend.size and bend[b] > EDGE / standard.radius:
                b += 1
            turn = float(bend[a:b].sum() * step)
            wanted = least if turn >= HAIRPIN else standard.radius
            sharpest = float(bend[first:last].max())
            if sharpest * wanted <= 1:
                continue
            b = min(b, bend.size - 1)
            mean = _equal_circle(road, a, b, turn, float(b - a) * step)
            out.append(
                _curve(
                    road,
                    terrain,
                    shape,
                    p,
                    standard,
                    at=(a, b),
                    found=1 / sharpest,
                    wanted=wanted,
                    mean=min(max(mean, 1 / sharpest), wanted),
                    turn=turn,
                    hand=hand,
                    widening=rules.widening_m,
                )
            )
    return out


def _curve(  # noqa: PLR0913 - a curve, its ground, and what rules it
    road: Standing,
    terrain: Terrain,
    shape: Formation,
    p: Prices,
    standard: DesignStandard,
    *,
    at: tuple[int, int],
    found: float,
    wanted: float,
    mean: float,
    turn: float,
    hand: int,
    widening: float,
) -> Breach:
    """One curve, laid again at the radius that is wanted."""
    half = min(turn, WIDEST) / 2
    earlier = (wanted - mean) * tan(half)
    offset = (wanted - mean) * (1 / cos(half) - 1)
    s0 = max(float(road.station[at[0]]) - earlier, 0.0)
    s1 = min(float(road.station[at[1]]) + earlier, float(road.station[-1]))
    old = s1 - s0
    # the same tangents: what the wider circle saves of them
    length = max(old - 2 * earlier + (wanted - mean) * 2 * half, 0.5 * old)
    u = (np.arange(_PLACES) + 0.5) / _PLACES * 2 - 1
    s = (s0 + s1) / 2 + u * old / 2
    x, y = np.interp(s, road.station, road.x), np.interp(s, road.station, road.y)
    aside = offset * (1 - u**2) ** 2
    way = np.interp(s, road.station, road.bearing)
    inward = float(np.interp((s0 + s1) / 2, road.station, road.bearing)) + hand * pi / 2
    px, py = x + aside * np.cos(inward), y + aside * np.sin(inward)
    height = _ground(terrain, x, y) - _ground(terrain, px, py)
    slope = _across(terrain, px, py, way)
    return Breach(
        section=Section(s0, s1),
        kind="curve",
        found=found,
        wanted=wanted,
        turn=turn,
        offset=offset,
        length=length,
        totals=_laid(height, slope, length, shape, standard, p) if offset > widening else {},
    )


def _equal_circle(road: Standing, a: int, b: int, turn: float, length: float) -> float:
    """Radius of the circle as near to where the tangents at two places meet as the road is [m]."""
    half = min(turn, WIDEST) / 2
    first, last = road.smooth[a], road.smooth[b]
    u, v = (np.array([np.cos(t), np.sin(t)]) for t in (road.bearing[a], road.bearing[b]))
    cross = u[0] * v[1] - u[1] * v[0]
    chord = last - first
    if turn > WIDEST or abs(cross) < STRAIGHT:
        return length / turn
    ahead = (chord[0] * v[1] - chord[1] * v[0]) / cross
    corner = first + ahead * u
    near = float(np.hypot(*(road.smooth[a : b + 1] - corner).T).min())
    return near / (1 / cos(half) - 1)


def _grades(
    road: Standing,
    slope: NDArray[np.float64],
    standard: DesignStandard,
    shape: Formation,
    p: Prices,
    rules: Upgrading,
) -> list[Breach]:
    """Grades that are too steep."""
    grade = road.grade()
    step = road.station[1] - road.station[0]
    out = []
    for hand in (1, -1):
        steep = hand * grade
        for a, b in _runs(steep > standard.grade, rules.join_m / step):
            old = float((b - a) * step)
            if old < rules.least_grade_m:
                continue
            rise = float(steep[a:b].sum() * step)
            length = max(rise / standard.grade, old)
            beside = slope[a:b]
            out.append(
                Breach(
                    section=Section(float(road.station[a]), float(road.station[b])),
                    kind="grade",
                    found=rise / old,
                    wanted=standard.grade,
                    turn=0.0,
                    offset=0.0,
                    length=length,
                    totals=_laid(np.zeros(beside.size), beside, length, shape, standard, p),
                )
            )
    return out


def _laid(
    height: NDArray[np.float64],
    slope: NDArray[np.float64],
    length: float,
    shape: Formation,
    standard: DesignStandard,
    p: Prices,
) -> dict[str, float]:
    """Quantities of a piece of road of a length whose metres are like those at some places."""
    each = length / height.size
    out = dict.fromkeys(
        (
            "common_excavation",
            "rock_excavation",
            "fill",
            "retaining_wall",
            "bridge",
            "tunnel",
            "land",
            "culvert",
        ),
        0.0,
    )
    forms = []
    for h, a in zip(height, slope, strict=True):
        metre = formation.section(float(h), float(a), p)
        forms.append(int(metre.form))
        out["common_excavation"] += metre.common * each
        out["rock_excavation"] += metre.rock * each
        out["fill"] += metre.fill * each
        out["retaining_wall"] += metre.wall * each
        out["bridge"] += metre.bridge * each
        out["tunnel"] += metre.tunnel * each
        out["land"] += metre.land * each
        if metre.form not in {BRIDGE, TUNNEL}:
            out["culvert"] += each / shape.culvert_spacing_m
    out["pavement"] = length * standard.carriageway
    out["bridge_abutment"] = 2.0 * _pieces(forms, BRIDGE)
    out["tunnel_portal"] = 2.0 * _pieces(forms, TUNNEL)
    return {item: amount for item, amount in out.items() if amount > NOTHING}


def _pieces(forms: Sequence[int], kind: int) -> int:
    """Count structures of a kind in a row of metres."""
    return sum(form == kind and (i == 0 or forms[i - 1] != kind) for i, form in enumerate(forms))


def _ground(
    terrain: Terrain, x: NDArray[np.float64], y: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Level of the ground [m]; where it is not known, the mean of where it is, or 0."""
    level = terrain.sample(x, y)
    known = np.isfinite(level)
    return np.where(known, level, level[known].mean() if known.any() else 0.0)


def _across(
    terrain: Terrain,
    x: NDArray[np.float64],
    y: NDArray[np.float64],
    bearing: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Slope of the ground across a road, without sign [m/m]; 0 where it is not known."""
    far = terrain.cell
    dx, dy = -far * np.sin(bearing), far * np.cos(bearing)
    rise = terrain.sample(x + dx, y + dy) - terrain.sample(x - dx, y - dy)
    return np.asarray(np.abs(np.nan_to_num(rise)) / (2 * far))


def _cross_slope(road: Standing, terrain: Terrain) -> NDArray[np.float64]:
    """Slope of the ground across each interval of a road, shape (n - 1,) [m/m]."""
    middle = ((road.x[1:] + road.x[:-1]) / 2, (road.y[1:] + road.y[:-1]) / 2)
    return _across(terrain, *middle, (road.bearing[1:] + road.bearing[:-1]) / 2)


def _runs(wanted: NDArray[np.bool_], join: float) -> list[tuple[int, int]]:
    """Find runs of wanted places, first and one past the last; near ones as one."""
    edge = np.flatnonzero(np.diff(np.concatenate(([False], wanted, [False])).astype(np.int8)))
    out: list[tuple[int, int]] = []
    for a, b in zip(edge[::2].tolist(), edge[1::2].tolist(), strict=True):
        if out and a - out[-1][1] < join:
            out[-1] = out[-1][0], b
        else:
            out.append((a, b))
    return out
