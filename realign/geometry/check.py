"""
The independent checker: every rule of the standard, by chainage.

Given only elements, PVIs and a standard it lists each breach. It shares no code
with the fit: curves are followed by Simpson's rule in small steps.

Two kinds of rule are kept apart. What must be is in `breaches`: elements meet
in place, bearing and curvature; radius, length of clothoid, grade, length of
grade and of vertical curves; gentler grades on structures and hairpins;
tie-ins. What should be is in `advice`: the tangents between curves that
JTG D20 recommends (2 V metres where the sense changes, unless the clothoids
touch, and 6 V where it does not), and an arc long enough to hold the wheel still.
Between clothoids a short tangent takes neither superelevation nor steering
from the driver, so no mountain road is refused for it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, degrees, hypot, inf, pi, sqrt
from typing import NamedTuple

import numpy as np

from realign.chainage import text
from realign.errors import GeometryError
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades
from realign.standards import DesignStandard, Zone

PLACE = 1e-3
"""Gap between two elements from which on they do not meet [m]."""
ANGLE = 1e-5
"""Difference of bearings from which on a joint is a kink [rad]."""
CURVATURE = 1e-7
"""Difference of curvatures from which on a clothoid is missing [1/m]."""
OVERLAP = 1e-5
"""Length from which on two vertical curves overlap [m]."""
CHANGE = 1e-9
"""Change of grade up to which a PVI is none [fraction]."""
SLACK = 1e-6
"""Relative rounding allowed in every limit [-]."""
BUILT = 1e-5
"""Rounding allowed in the grade on a structure, whose ends lie on stations [fraction]."""
ROUNDING = 1e-6
"""Length by which chainages may differ from rounding [m]."""
STEP = 1.0
"""Step in which curves are followed [m]."""
HAIRPIN = 5 * pi / 6
"""Turn from which on curves of one sense are a hairpin: 150 degrees, an assumption [rad]."""
TOUCH = 40.0
"""Clothoids of an S-curve touch when the tangent between them is at most (A1 + A2) over this,
A^2 = R L; JTG D20 [-]."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A place where an alignment breaks a rule."""

    rule: str
    """What is asked."""
    chainage: float
    """Where, along the alignment [m]."""
    value: float
    """What was found, in the unit of the rule."""
    limit: float
    """What was wanted, at least or at most."""
    unit: str
    """Unit of value and limit."""
    start: float
    """Chainage at which the curve, grade or joint begins that breaks the rule [m]."""
    end: float
    """Chainage at which it ends [m]."""

    def __str__(self) -> str:
        """Rule, chainage, value and limit: `radius at 12+340: 60 m, wanted at least 125 m`."""
        sense = "at least" if self.value < self.limit else "at most"
        unit = f" {self.unit}" if self.unit else ""
        found, wanted = (_digits(each) for each in (self.value, self.limit))
        if found == wanted:
            found, wanted = f"{self.value:.8g}", f"{self.limit:.8g}"
        return f"{self.rule} at {text(self.chainage)}: {found}{unit}, wanted {sense} {wanted}{unit}"


def _digits(value: float) -> str:
    return f"{value:.4g}"


@dataclass(frozen=True, slots=True)
class Tie:
    """What an alignment must meet at one of its ends."""

    pose: Pose
    """Place and bearing of the existing road, in the direction of chainage."""
    level: float | None = None
    """Its level; None where it is free [m above datum]."""
    grade: float | None = None
    """Its grade, positive uphill with chainage; None where it is free [fraction]."""
    change: float = 0.0
    """Greatest change of grade at the tie-in [fraction]."""
    curvature: float | None = None
    """Its curvature, positive to the left; None where it is free [1/m]."""


class _Rule(NamedTuple):
    """A stretch of road and the standard that rules there."""

    start: float
    end: float
    standard: DesignStandard
    radius: float
    clothoid: float
    grade: float
    hairpin: bool


class _Piece(NamedTuple):
    """A stretch whose curvature changes evenly, of as many elements as it takes."""

    start: float
    end: float
    k0: float
    k1: float

    @property
    def length(self) -> float:
        return self.end - self.start

    @property
    def rate(self) -> float:
        return (self.k1 - self.k0) / self.length

    @property
    def straight(self) -> bool:
        return max(abs(self.k0), abs(self.k1)) <= CURVATURE

    @property
    def bent(self) -> bool:
        """Whether the curvature changes."""
        return abs(self.k1 - self.k0) > CURVATURE

    @property
    def left(self) -> bool:
        return self.k0 + self.k1 > 0


class _Curve(NamedTuple):
    """Pieces of one sense between two places without curvature."""

    pieces: tuple[_Piece, ...]
    radius: float
    """Smallest radius [m]."""
    at: float
    """Chainage at which it is reached [m]."""

    @property
    def start(self) -> float:
        return self.pieces[0].start

    @property
    def end(self) -> float:
        return self.pieces[-1].end

    @property
    def left(self) -> bool:
        return self.pieces[0].left

    @property
    def turn(self) -> float:
        return sum((piece.k0 + piece.k1) / 2 * piece.length for piece in self.pieces)


class _Slope(NamedTuple):
    """A stretch over which the grade changes evenly."""

    start: float
    end: float
    g0: float
    g1: float

    def at(self, s: float) -> float:
        return self.g0 + (self.g1 - self.g0) * (s - self.start) / (self.end - self.start)


def breaches(
    elements: Sequence[Element],
    grades: Grades,
    standard: DesignStandard | Sequence[Zone],
    *,
    gentle: Sequence[tuple[float, float, float]] = (),
    start: Tie | None = None,
    end: Tie | None = None,
) -> tuple[Breach, ...]:
    """
    List all breaches of a standard.

    Parameters
    ----------
    elements
        Horizontal geometry.
    grades
        Vertical geometry.
    standard
        The rules of the whole road, or zones in order that join each other. A
        curve, grade or parabola that reaches into two zones must keep the rules
        of both. Inside a hairpin zone radius, clothoid and grade are those of the
        hairpin section, and the curves must turn by `HAIRPIN`.
    gentle
        Stretches with a lower limit of grade, such as tunnels: from, to [m] and
        limit [fraction].
    start, end
        What the road meets at its ends; not looked at where None.

    Returns
    -------
    breaches
        In order of the rules, then of chainage; empty where all are kept.

    Raises
    ------
    GeometryError
        Zones leave a gap or overlap, or a hairpin zone has a standard without
        hairpins.
    """
    rules = _rules(standard)
    curves = _curves(_pieces(elements))
    return (
        *_joints(elements),
        *_bends(curves, rules),
        *_hairpins(curves, rules),
        *_vertical(grades, rules, gentle),
        *_ties(elements, grades, start, end),
    )


def advice(
    elements: Sequence[Element], standard: DesignStandard | Sequence[Zone]
) -> tuple[Breach, ...]:
    """
    List the places that keep the standard, but not what it recommends.

    Parameters
    ----------
    elements
        Horizontal geometry.
    standard
        As for `breaches`.

    Returns
    -------
    advice
        Tangents between curves and arcs between clothoids that are shorter than
        they should be, in order of the rules, then of chainage.

    Raises
    ------
    GeometryError
        As `breaches`.
    """
    rules = _rules(standard)
    curves = _curves(_pieces(elements))
    return (*_tangents(curves, rules), *_arcs(curves, rules))


def _rules(standard: DesignStandard | Sequence[Zone]) -> list[_Rule]:
    if isinstance(standard, DesignStandard):
        row = standard
        return [_Rule(-inf, inf, row, row.radius, row.clothoid, row.grade, hairpin=False)]
    for this, after in pairwise(standard):
        if abs(this.end - after.start) > ROUNDING:
            msg = (
                f"a zone ends at {this.end:.3f} m and the next begins at {after.start:.3f} m; "
                "wanted zones in order that join each other"
            )
            raise GeometryError(msg)
    out = []
    for zone in standard:
        section = zone.standard.hairpin if zone.hairpin else zone.standard
        if section is None:
            msg = f"{zone.standard.code} has no hairpins at {zone.standard.speed_kmh} km/h"
            raise GeometryError(msg)
        limits = section.radius, section.clothoid, section.grade
        out.append(_Rule(zone.start, zone.end, zone.standard, *limits, hairpin=zone.hairpin))
    return out


def _ruling(rules: Sequence[_Rule], start: float, end: float) -> list[_Rule]:
    """Rules of all zones that a stretch, or a point, reaches into."""
    if end - start <= 2 * ROUNDING:
        start, end = start - 2 * ROUNDING, end + 2 * ROUNDING
    return [r for r in rules if min(r.end, end) - max(r.start, start) > ROUNDING]


def _joints(elements: Sequence[Element]) -> Iterator[Breach]:
    s = 0.0
    for this, after in pairwise(elements):
        s += this.length
        x, y, bearing = _followed(this)
        gap = hypot(after.start.x - x, after.start.y - y)
        if gap > PLACE:
            yield Breach("gap between elements", s, gap, PLACE, "m", s, s)
        kink = abs((after.start.bearing - bearing + pi) % (2 * pi) - pi)
        if kink > ANGLE:
            yield Breach("kink between elements", s, kink, ANGLE, "rad", s, s)
        jump = abs(after.k0 - this.k1)
        if jump > CURVATURE:
            bare = min(abs(after.k0), abs(this.k1)) <= CURVATURE
            rule = "clothoid missing, jump of curvature" if bare else "jump of curvature"
            yield Breach(rule, s, jump, CURVATURE, "1/m", s, s)


def _followed(element: Element) -> tuple[float, float, float]:
    """End of an element by Simpson's rule."""
    steps = max(ceil(element.length / STEP), 2)
    s = np.linspace(0.0, element.length, 2 * steps + 1)
    rate = (element.k1 - element.k0) / element.length
    angle = element.start.bearing + (element.k0 + rate * s / 2) * s
    weight = np.full(s.size, 2.0)
    weight[1::2] = 4.0
    weight[0] = weight[-1] = 1.0
    weight *= element.length / steps / 6
    x = element.start.x + float(weight @ np.cos(angle))
    y = element.start.y + float(weight @ np.sin(angle))
    return x, y, float(angle[-1])


def _pieces(elements: Sequence[Element]) -> list[_Piece]:
    """Join elements of one line to pieces, and part those whose curvature changes its sign."""
    out: list[_Piece] = []
    s = 0.0
    for element in elements:
        end = s + element.length
        parts = [_Piece(s, end, element.k0, element.k1)]
        if min(element.k0, element.k1) < -CURVATURE and max(element.k0, element.k1) > CURVATURE:
            middle = s + element.length * element.k0 / (element.k0 - element.k1)
            parts = [_Piece(s, middle, element.k0, 0.0), _Piece(middle, end, 0.0, element.k1)]
        for part in parts:
            if out and _goes_on(out[-1], part):
                out[-1] = _Piece(out[-1].start, part.end, out[-1].k0, part.k1)
            else:
                out.append(part)
        s = end
    return out


def _goes_on(this: _Piece, after: _Piece) -> bool:
    if this.straight or after.straight:
        return this.straight and after.straight
    near = abs(this.k1 - after.k0) <= CURVATURE < abs(after.k0)
    return near and abs(this.rate - after.rate) <= SLACK * max(abs(this.rate), abs(after.rate))


def _curves(pieces: Sequence[_Piece]) -> list[_Curve]:
    """Gather pieces of one sense to curves."""
    runs: list[list[_Piece]] = []
    before: _Piece | None = None
    for piece in pieces:
        if not piece.straight:
            new = before is None or before.straight or before.left != piece.left
            if new or before is None or max(abs(before.k1), abs(piece.k0)) <= CURVATURE:
                runs.append([])
            runs[-1].append(piece)
        before = piece
    return [_Curve(tuple(run), *_tightest(run)) for run in runs]


def _tightest(run: Sequence[_Piece]) -> tuple[float, float]:
    """Smallest radius of a curve, and where it is first reached."""
    sharp, at = 0.0, run[0].start
    for piece in run:
        for s, k in ((piece.start, abs(piece.k0)), (piece.end, abs(piece.k1))):
            if k > sharp * (1 + SLACK):
                sharp, at = k, s
    return 1 / sharp, at


def _bends(curves: Sequence[_Curve], rules: Sequence[_Rule]) -> Iterator[Breach]:
    for curve in curves:
        ruling = _ruling(rules, curve.start, curve.end)
        if not ruling:
            continue
        stretch = curve.start, curve.end
        least = max(rule.radius for rule in ruling)
        if curve.radius < least * (1 - SLACK):
            yield Breach("radius", curve.at, curve.radius, least, "m", *stretch)
        least = max(rule.clothoid for rule in ruling)
        for piece in curve.pieces:
            if piece.bent and piece.length < least * (1 - SLACK):
                at = piece.start
                yield Breach("length of clothoid", at, piece.length, least, "m", *stretch)


def _hairpins(curves: Sequence[_Curve], rules: Sequence[_Rule]) -> Iterator[Breach]:
    """Ask a hairpin zone for the turn that makes it one, and its distance from the last."""
    last: _Rule | None = None
    for rule in rules:
        if not rule.hairpin:
            continue
        inside = [
            c for c in curves if rule.start - ROUNDING <= c.start <= c.end <= rule.end + ROUNDING
        ]
        turn = abs(sum(curve.turn for curve in inside))
        if turn < HAIRPIN * (1 - SLACK):
            found, wanted = degrees(turn), degrees(HAIRPIN)
            yield Breach(
                "turn of a hairpin", rule.start, found, wanted, "deg", rule.start, rule.end
            )
        section = rule.standard.hairpin
        if last is not None and section is not None:
            apart = rule.start - last.end
            if apart < section.apart * (1 - SLACK):
                stretch = last.end, rule.start
                yield Breach(
                    "distance between hairpins", last.end, apart, section.apart, "m", *stretch
                )
        last = rule


def _tangents(curves: Sequence[_Curve], rules: Sequence[_Rule]) -> Iterator[Breach]:
    for this, after in pairwise(curves):
        length = after.start - this.end
        if (
            this.left != after.left
            and length <= (_parameter(this, -1) + _parameter(after, 0)) / TOUCH
        ):
            continue
        same = this.left == after.left
        kind = "curves of the same sense" if same else "reverse curves"
        rows = [rule.standard for rule in _ruling(rules, this.end, after.start)]
        limit = max((r.tangent_same if same else r.tangent_reverse for r in rows), default=0.0)
        if length < limit * (1 - SLACK):
            stretch = this.end, after.start
            yield Breach(f"tangent between {kind}", this.end, length, limit, "m", *stretch)


def _parameter(curve: _Curve, which: int) -> float:
    """Parameter A of the clothoid at an end of a curve, 0 where there is none [m]."""
    piece = curve.pieces[which]
    return sqrt(1 / abs(piece.rate)) if piece.bent else 0.0


def _arcs(curves: Sequence[_Curve], rules: Sequence[_Rule]) -> Iterator[Breach]:
    for curve in curves:
        limit = max((r.standard.arc for r in _ruling(rules, curve.start, curve.end)), default=0.0)
        for this, after in pairwise(curve.pieces):
            if (
                this.bent
                and after.bent
                and abs(this.k1) > abs(this.k0)
                and abs(after.k0) > abs(after.k1)
            ):
                yield Breach("length of arc", this.end, 0.0, limit, "m", this.end, this.end)
        for piece in curve.pieces[1:-1]:
            if not piece.bent and piece.length < limit * (1 - SLACK):
                stretch = piece.start, piece.end
                yield Breach("length of arc", piece.start, piece.length, limit, "m", *stretch)


def _vertical(
    grades: Grades, rules: Sequence[_Rule], gentle: Sequence[tuple[float, float, float]]
) -> Iterator[Breach]:
    s, z, curve = (each.tolist() for each in (grades.chainage, grades.level, grades.curve))
    yield from _overlaps(s, curve)
    slope = [(z[i + 1] - z[i]) / (s[i + 1] - s[i]) for i in range(len(s) - 1)]
    turns = [i for i in range(1, len(s) - 1) if abs(slope[i] - slope[i - 1]) > CHANGE]
    slopes = _slopes(s, curve, slope)
    for rule in rules:
        yield from _steep(slopes, rule)
    for i, j in pairwise(turns):
        limit = max((r.standard.grade_length for r in _ruling(rules, s[i], s[j])), default=0.0)
        if s[j] - s[i] < limit * (1 - SLACK):
            yield Breach("length of grade", s[i], s[j] - s[i], limit, "m", s[i], s[j])
    for start, end, limit in gentle:
        steepest = max((abs(g) for _, g in _within(slopes, start, end)), default=0.0)
        if steepest > limit * (1 + SLACK) + BUILT:
            found, wanted = steepest * 100, limit * 100
            yield Breach("grade on a structure", start, found, wanted, "%", start, end)
    for i in turns:
        change = (slope[i] - slope[i - 1]) * 100
        stretch = s[i] - curve[i] / 2, s[i] + curve[i] / 2
        ruling = _ruling(rules, *stretch)
        k = max(
            (r.standard.k_sag if change > 0 else r.standard.k_crest for r in ruling), default=0.0
        )
        if curve[i] < k * abs(change) * (1 - SLACK) - SLACK:
            yield Breach("length of vertical curve", s[i], curve[i], k * abs(change), "m", *stretch)


def _overlaps(s: Sequence[float], curve: Sequence[float]) -> Iterator[Breach]:
    """Parabolas that reach into the next or beyond the ends of the line."""
    rule = "overlap of vertical curves"
    for i in range(len(s) - 1):
        over = (curve[i] + curve[i + 1]) / 2 - (s[i + 1] - s[i])
        if over > OVERLAP:
            yield Breach(rule, s[i], over, OVERLAP, "m", s[i], s[i + 1])
    for i in (0, -1):
        if curve[i] / 2 > OVERLAP:
            yield Breach(rule, s[i], curve[i] / 2, OVERLAP, "m", s[i], s[i])


def _slopes(s: Sequence[float], curve: Sequence[float], slope: Sequence[float]) -> list[_Slope]:
    """Grade along the line: even between parabolas, changing evenly on them."""
    out = []
    for i, g in enumerate(slope):
        start, end = s[i] + curve[i] / 2, s[i + 1] - curve[i + 1] / 2
        out.append(_Slope(start, end, g, g))
        if i + 1 < len(slope):
            out.append(_Slope(end, s[i + 1] + curve[i + 1] / 2, g, slope[i + 1]))
    return [each for each in out if each.end - each.start > ROUNDING]


def _within(slopes: Sequence[_Slope], start: float, end: float) -> Iterator[tuple[float, float]]:
    """Places and grades between which the grade changes evenly, within a stretch."""
    first = bisect_right(slopes, start, key=lambda each: each.end)
    last = bisect_left(slopes, end, key=lambda each: each.start)
    for each in slopes[first:last]:
        for s in (max(each.start, start), min(each.end, end)):
            yield s, each.at(s)


def _steep(slopes: Sequence[_Slope], rule: _Rule) -> Iterator[Breach]:
    """Stretches of a zone that are steeper than it allows, with their steepest grade."""
    limit = rule.grade * (1 + SLACK) + SLACK
    kind = "grade on a hairpin" if rule.hairpin else "grade"
    knots = list(_within(slopes, rule.start, rule.end))
    begin, worst, till = inf, 0.0, -inf
    for (s, g), (t, h) in zip(knots[::2], knots[1::2], strict=True):
        over = _over(s, g, t, h, limit)
        if over is None or over[1] - over[0] <= ROUNDING:
            continue
        steepest = max(abs(g), abs(h))
        if over[0] > till + 2 * ROUNDING:
            if worst > 0:
                yield Breach(kind, begin, worst * 100, rule.grade * 100, "%", begin, till)
            begin, worst = over[0], 0.0
        till, worst = over[1], max(worst, steepest)
    if worst > 0:
        yield Breach(kind, begin, worst * 100, rule.grade * 100, "%", begin, till)


def _over(s: float, g: float, t: float, h: float, limit: float) -> tuple[float, float] | None:
    """Where a grade that changes evenly from g at s to h at t is beyond a limit; None nowhere."""
    if max(abs(g), abs(h)) <= limit:
        return None
    sign = 1.0 if max(g, h) > limit else -1.0
    g, h = sign * g, sign * h
    edge = s + (t - s) * (limit - g) / (h - g) if (g > limit) != (h > limit) else s
    if g > limit:
        return (s, t) if h > limit else (s, edge)
    return edge, t


def _ties(
    elements: Sequence[Element], grades: Grades, start: Tie | None, end: Tie | None
) -> Iterator[Breach]:
    z, slope = grades.level, np.diff(grades.level) / np.diff(grades.chainage)
    length = sum(element.length for element in elements)
    first = elements[0].start
    for tie, where, s, found, i in (
        (start, "start", 0.0, (first.x, first.y, first.bearing), 0),
        (end, "end", length, _followed(elements[-1]), -1),
    ):
        if tie is None:
            continue
        off = hypot(tie.pose.x - found[0], tie.pose.y - found[1])
        askew = abs((tie.pose.bearing - found[2] + pi) % (2 * pi) - pi)
        rise = 0.0 if tie.level is None else abs(float(z[i]) - tie.level)
        ahead = elements[0].k0 if i == 0 else elements[-1].k1
        jump = 0.0 if tie.curvature is None else abs(ahead - tie.curvature)
        bend = 0.0 if tie.grade is None else abs(float(slope[i]) - tie.grade)
        for rule, value, limit, unit, scale in (
            ("place", off, PLACE, "m", 1),
            ("bearing", askew, ANGLE, "rad", 1),
            ("curvature", jump, CURVATURE, "1/m", 1),
            ("level", rise, PLACE, "m", 1),
            ("change of grade", bend, tie.change + SLACK, "%", 100),
        ):
            if value > limit:
                name = f"{rule} of the tie-in at the {where}"
                yield Breach(name, s, value * scale, limit * scale, unit, s, s)
