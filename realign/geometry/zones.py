"""
Design speed along a road: fast where the ground lets it, slow where it does not.

A road is designed with the slowest row of a standard. Wherever it happens to
keep the rules of a faster row over a length that is worth a sign, that row
rules there.
"""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import chain, pairwise
from math import inf

from realign.chainage import text
from realign.errors import GeometryError
from realign.geometry.alignment import Alignment
from realign.geometry.check import Breach, breaches
from realign.standards import DesignStandard, Zone

LEAST = 2000.0
"""Least length of a stretch with one design speed: two minutes at 60 km/h, an assumption; drivers
are not asked to change speed more often [m]."""
RULES = (
    "radius",
    "length of clothoid",
    "grade",
    "length of grade",
    "length of vertical curve",
)
"""Rules of the checker that depend on the design speed."""
CHANGE = 1e-6
"""Time that a change of speed counts for, so that of equally fast ways the one with the fewest is
taken [s]."""
KMH = 3.6
"""Kilometres an hour in a metre a second [-]."""
UNIT = 1e6
"""Borders are counted in whole micrometres, so that sums of lengths meet exactly [1/m]."""
POINT = 1e-5
"""What a stretch without length, such as a PVI without a parabola, takes to either side [m]."""


Free = list[tuple[int, int]]
"""Stretches in order over which a row may rule [1e-6 m]."""


def travel_time(zones: Sequence[Zone]) -> float:
    """
    Time to drive through zones at their design speeds [s].

    Examples
    --------
    >>> from realign.standards import load
    >>> round(travel_time([Zone(0.0, 1000.0, load("jtg-class-ii-mountain", 60))]), 6)
    60.0
    """
    return sum(zone.length / (zone.speed_kmh / KMH) for zone in zones)


def zones(
    alignment: Alignment,
    rows: Sequence[DesignStandard],
    *,
    hairpins: Sequence[tuple[float, float]] = (),
    least: float = LEAST,
) -> tuple[Zone, ...]:
    """
    Give a road the design speeds that take the least time.

    A faster row rules over a stretch only where every curve, grade and parabola
    that reaches into it keeps that row, and no stretch is shorter than asked. All
    ways to part the road are compared: the borders of a fastest one lie where
    rules begin or end to be kept, or whole least lengths from there, so that a
    dynamic program over these places is exact.

    Parameters
    ----------
    alignment
        The road, designed with the slowest row.
    rows
        Rows of one code at their design speeds, in any order; the slowest rules
        wherever no other does.
    hairpins
        Stretches designed with the hairpin section of the slowest row: from, to [m]. No
        faster row rules within its stopping sight distance of them.
    least
        Least length of a stretch with one speed, hairpins apart; a road shorter
        than that has one speed [m].

    Returns
    -------
    zones
        In order, from the start of the road to its end. The checker finds no
        breach of a speed's rules in them that it does not find with the slowest
        row.

    Raises
    ------
    GeometryError
        There is no row, two have one speed, or the slowest has no hairpins where
        some are given.
    """
    order = sorted(rows, key=lambda row: row.speed_kmh)
    if not order or any(a.speed_kmh == b.speed_kmh for a, b in pairwise(order)):
        msg = f"wanted rows of different speeds, got {[row.speed_kmh for row in rows]} km/h"
        raise GeometryError(msg)
    if hairpins and order[0].hairpin is None:
        msg = f"{order[0].code} has no hairpins at {order[0].speed_kmh} km/h"
        raise GeometryError(msg)
    whole = round(alignment.length * UNIT)
    short = min(round(least * UNIT), whole)
    found = [
        [b for b in breaches(alignment.plan.elements, alignment.grades, row) if b.rule in RULES]
        for row in order[1:]
    ]
    free = []
    for row, each in zip(order[1:], found, strict=True):
        ahead = [(start - row.sight, end + row.sight) for start, end in hairpins]
        free.append(_free([*((b.start, b.end) for b in each), *ahead], whole, short))
    parts = _fastest([[(0, whole)], *free], [row.speed_kmh for row in order], whole, short)
    out = []
    for a, b, i in parts:
        start, end = a / UNIT, alignment.length if b == whole else b / UNIT
        turns = any(start <= (from_ + to) / 2 < end for from_, to in hairpins)
        why = (
            _why(found[i], order[i + 1], (start, end), least, hairpin=turns)
            if i < len(found)
            else ""
        )
        out.append(Zone(start, end, order[i], why))
    return tuple(chain.from_iterable(_parted(zone, hairpins) for zone in out))


def _free(taken: Sequence[tuple[float, float]], whole: int, short: int) -> Free:
    """Stretches of at least a length that lie clear of others."""
    out = []
    at = 0
    for start, end in sorted(taken):
        grow = POINT if end - start < POINT else 0.0
        a, b = round((start - grow) * UNIT), min(round((end + grow) * UNIT), whole)
        if a - at >= short:
            out.append((at, a))
        at = max(at, b)
    return [*out, (at, whole)] if whole - at >= short else out


def _fastest(
    free: Sequence[Free], speeds: Sequence[float], whole: int, short: int
) -> list[tuple[int, int, int]]:
    """
    Part a road into stretches of different rows with the least travel time.

    Parameters
    ----------
    free
        Where each row may rule, the slowest row everywhere.
    speeds
        Speed of each row [km/h].
    whole, short
        Length of the road and least length of a stretch [1e-6 m].

    Returns
    -------
    parts
        Start, end [1e-6 m] and row, in order.
    """
    places = _borders(free, whole, short)
    index = {place: i for i, place in enumerate(places)}
    pace = [KMH / UNIT / speed for speed in speeds]
    reach = [_reach(each, places) for each in free]
    # least time to a place at the end of a stretch of a row that is long enough, where that
    # stretch begins, and the row before it
    time = [[inf] * len(places) for _ in free]
    since = [[(0, -1)] * len(places) for _ in free]
    for i, place in enumerate(places):
        quick = sorted((time[r][i], r) for r in range(len(free)))[:2]
        for r in range(len(free)):
            if i + 1 < len(places) and places[i + 1] <= reach[r][i]:
                along = time[r][i] + (places[i + 1] - place) * pace[r]
                if along < time[r][i + 1]:
                    time[r][i + 1], since[r][i + 1] = along, since[r][i]
            if place + short > reach[r][i]:
                continue
            before, q = next(((t, q) for t, q in quick if q != r), (inf, -1))
            before, q = (0.0, -1) if i == 0 else (before + CHANGE, q)
            j = index[place + short]
            if before + short * pace[r] < time[r][j]:
                time[r][j], since[r][j] = before + short * pace[r], (i, q)
    i, r = len(places) - 1, min(range(len(free)), key=lambda r: time[r][-1])
    out = []
    while i > 0:
        first, q = since[r][i]
        out.append((places[first], places[i], r))
        i, r = first, q
    return out[::-1]


def _borders(free: Sequence[Free], whole: int, short: int) -> list[int]:
    """Places at which the stretches of a fastest way can begin and end."""
    ends = {0, whole, *(end for each in free for stretch in each for end in stretch)}
    steps = range(-(whole // short), whole // short + 1)
    return sorted({p for end in ends for k in steps if 0 <= (p := end + k * short) <= whole})


def _reach(free: Free, places: Sequence[int]) -> list[int]:
    """Find how far a row may rule from each of some places; the place itself where it may not."""
    starts = [start for start, _ in free]
    out = []
    for place in places:
        i = bisect_right(starts, place) - 1
        out.append(max(free[i][1], place) if i >= 0 else place)
    return out


def _why(
    found: Sequence[Breach],
    faster: DesignStandard,
    stretch: tuple[float, float],
    least: float,
    *,
    hairpin: bool,
) -> str:
    """Say what keeps a stretch from the next faster row."""
    start, end = stretch
    inside = [b for b in found if (b.start < end and b.end > start) or start <= b.chainage < end]
    speed = faster.speed_kmh
    if not inside and hairpin:
        return f"hairpin in sight at {speed} km/h"
    if not inside:
        return f"less than {least:g} m between slower stretches, too short for {speed} km/h"
    worst = max(inside, key=lambda b: max(b.value, b.limit) / max(min(b.value, b.limit), 1e-9))
    more = len({b.start for b in inside}) - 1
    told = (
        f"{worst.rule} {worst.value:.3g} {worst.unit} at {text(worst.chainage)}, "
        f"{speed} km/h wants {worst.limit:.3g} {worst.unit}"
    )
    return f"{told}; and {more} more place{'s' if more > 1 else ''}" if more else told


def _parted(zone: Zone, hairpins: Sequence[tuple[float, float]]) -> list[Zone]:
    """Part a zone at the hairpins inside it."""
    out = []
    at = zone.start
    for start, end in sorted(hairpins):
        if not zone.start <= (start + end) / 2 < zone.end:
            continue
        section = zone.standard.hairpin
        speed = section.speed_kmh if section else zone.standard.speed_kmh
        if start - at > POINT:
            out.append(Zone(at, start, zone.standard, zone.why))
            at = start
        till = end if zone.end - end > POINT else zone.end
        out.append(Zone(at, till, zone.standard, f"hairpin, {speed} km/h", hairpin=True))
        at = till
    return [*out, Zone(at, zone.end, zone.standard, zone.why)] if zone.end > at else out
