"""Pieces of designed roads set end to end as one alignment, and judged as any other."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import groupby, pairwise

import numpy as np
from numpy.typing import NDArray

from realign.branches.net import Leg, Net, Way
from realign.chainage import Section
from realign.corridor import Site
from realign.corridor.site import surroundings
from realign.errors import GeometryError
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.check import CHANGE
from realign.geometry.horizontal import SHORTEST, Element, Pose
from realign.geometry.vertical import Grades
from realign.haul import MassHaul
from realign.inventory import Inventory
from realign.network import Link
from realign.quantities import Bill
from realign.road import Water, assessed, counted
from realign.standards import DesignStandard

POINT = 1e-6
"""Chainages nearer than this are one [m]."""

Stretches = tuple[tuple[float, float], ...]
"""Chainages from which and up to which stretches of a road reach [m]."""


def assembled(site: Site, net: Net, way: Way, *, about: Water | None = None) -> Link:
    """
    Make one link of a way: set end to end, measured, listed, priced, zoned and checked.

    Parameters
    ----------
    site
        Ground, water, existing road.
    net, way
        Where the way leads through.
    about
        Ground and water about the gap, from `around`; found here where None.

    Returns
    -------
    link
        As `road.design` makes it, but for what only a search knows. Stretches of
        one standard are measured by it, each with its own cross section; the tables
        that rule the fastest road rule all else.
    """
    book = net.ruling(way.legs)
    rows = book.standard, *book.others
    about = around(site, net) if about is None else about
    pieces = merged(way.legs)
    road, hairpins = joined([(leg.road, leg.part) for leg in pieces], rows)
    made = []
    for _, group in groupby(pieces, key=lambda leg: net.books[leg.road.name].standard):
        alike = list(group)
        stretch, _ = joined([(leg.road, leg.part) for leg in alike], rows)
        made.append(counted(stretch, site, net.books[alike[0].road.name], about))
    return assessed(
        road,
        site,
        book,
        gap=net.gap,
        variant=way.name,
        section=way.section,
        hairpins=hairpins,
        about=about,
        whole=together(made, road),
    )


def together(parts: Sequence[Inventory], road: Alignment) -> Inventory:
    """
    Put the inventories of the stretches of a road together.

    Parameters
    ----------
    parts
        Of each stretch, in order; earth is moved within a stretch only.
    road
        The whole road.

    Returns
    -------
    inventory
        Of the whole road, by its chainage.
    """
    if len(parts) == 1:
        return parts[0]
    bills = [each.bill for each in parts]
    at = np.concatenate(([0.0], np.cumsum([bill.station[-1] for bill in bills]))).tolist()
    station = _points([bill.station + s for bill, s in zip(bills, at[:-1], strict=True)])
    station[-1] = road.length
    bill = Bill(
        station=station,
        x=_points([bill.x for bill in bills]),
        y=_points([bill.y for bill in bills]),
        level=road.grades.at(station),
        ground=_points([bill.ground for bill in bills]),
        slope=_points([bill.slope for bill in bills]),
        form=np.concatenate([bill.form for bill in bills]),
        items=_columns([bill.items for bill in bills]),
        structures=tuple(
            replace(each, start=each.start + s, end=each.end + s)
            for bill, s in zip(bills, at[:-1], strict=True)
            for each in bill.structures
        ),
        denied=np.concatenate([bill.denied for bill in bills]),
    )
    earth = [each.earth for each in parts]
    whole = parts[0].classes
    return Inventory(
        bill=bill,
        classes={item: _columns([each.classes[item] for each in parts]) for item in whole},
        courses=_columns([each.courses for each in parts]),
        loose=_columns([each.loose for each in parts]),
        culverts=tuple(
            replace(each, at=each.at + s)
            for part, s in zip(parts, at[:-1], strict=True)
            for each in part.culverts
        ),
        galleries=tuple(
            Section(each.start + s, each.end + s)
            for part, s in zip(parts, at[:-1], strict=True)
            for each in part.galleries
        ),
        earth=MassHaul(
            station=station,
            supply=np.concatenate([each.supply for each in earth]),
            fill=np.concatenate([each.fill for each in earth]),
            # nothing passes from one stretch to the next
            flow=np.concatenate([np.append(0.0, each.flow) for each in earth])[1:],
            site=np.concatenate([e.site + s for e, s in zip(earth, at[:-1], strict=True)]),
            borrowed=np.concatenate([each.borrowed for each in earth]),
            wasted=np.concatenate([each.wasted for each in earth]),
            cost=sum(each.cost for each in earth),
        ),
    )


def _points(parts: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Values at stations; the last of a stretch is the first of the next."""
    return np.concatenate([parts[0], *(each[1:] for each in parts[1:])])


def _columns(
    parts: Sequence[Mapping[str, NDArray[np.float64]]],
) -> dict[str, NDArray[np.float64]]:
    """Values of intervals by name."""
    return {name: np.concatenate([each[name] for each in parts]) for name in parts[0]}


def around(site: Site, net: Net) -> Water:
    """Ground and water about a gap, for all the links that are assembled across it."""
    name = min(net.short)
    until = net.variants[name].in_service_until
    return surroundings(site, net.gap, net.books[name].rules, until=until)


def merged(legs: Sequence[Leg]) -> list[Leg]:
    """Put legs that follow each other on one road together; their values are the first's."""
    out: list[Leg] = []
    for leg in legs:
        last = out[-1] if out else None
        if last is not None and last.road is leg.road and last.part.end == leg.part.start:
            part = Section(last.part.start, leg.part.end)
            out[-1] = Leg(last.name, last.start, leg.end, leg.road, part, last.values)
        else:
            out.append(leg)
    return out


def joined(
    pieces: Sequence[tuple[Link, Section]], rows: Sequence[DesignStandard]
) -> tuple[Alignment, Stretches]:
    """
    Set pieces of roads end to end.

    Parameters
    ----------
    pieces
        Roads with their alignments, and the stretch of each that is used.
    rows
        Rows of the code: where the grade changes at a joint, it does so on a parabola
        as long as the strictest of them asks, if the next ones leave it room.

    Returns
    -------
    road, hairpins
        The whole road, and where it has the hairpin section of its standard.

    Raises
    ------
    GeometryError
        Only the course of a road is known.
    """
    elements: list[Element] = []
    pvis: list[NDArray[np.float64]] = []
    turns: list[tuple[float, float]] = []
    offset = 0.0
    for link, part in pieces:
        if link.alignment is None:
            msg = f"{link.name}: wanted a link with its alignment, found its course only"
            raise GeometryError(msg)
        own = _cut_plan(link.alignment.plan, part)
        length = Plan(own).length
        elements += own
        pvis.append(_cut_grades(link.alignment.grades, part, (offset, offset + length)))
        turns += [
            (a - part.start + offset, b - part.start + offset)
            for a, b in link.hairpins
            if a >= part.start - POINT and b <= part.end + POINT
        ]
        offset += length
    plan = Plan(tuple(elements), _pieces(pieces))
    return Alignment(plan, _rounded(*_met(pvis), plan.length, rows)), tuple(turns)


def _pieces(pieces: Sequence[tuple[Link, Section]]) -> tuple[tuple[float, float, float], ...]:
    """Tell a plan where its pieces come from; nothing where a road is used whole."""
    out = tuple((link.length, part.start, part.end) for link, part in pieces)
    return out if len(out) > 1 or out[0][1:] != (0.0, out[0][0]) else ()


def _cut_plan(plan: Plan, part: Section) -> tuple[Element, ...]:
    """Elements of a stretch; those that it cuts keep their curvature."""
    out = []
    for element, (start, end) in zip(plan.elements, pairwise(plan.start.tolist()), strict=True):
        a, b = max(start, part.start), min(end, part.end)
        if b - a <= SHORTEST:
            continue
        if a == start and b == end:
            out.append(element)
            continue
        rate = (element.k1 - element.k0) / element.length
        pose = Pose(*plan.poses(a)[0, :3].tolist()) if a > start else element.start
        out.append(
            Element(pose, b - a, element.k0 + rate * (a - start), element.k0 + rate * (b - start))
        )
    return tuple(out)


def _cut_grades(grades: Grades, part: Section, to: tuple[float, float]) -> NDArray[np.float64]:
    """PVIs of a stretch at their place in the whole: chainage, level and parabola, shape (n, 3)."""
    inner = (grades.chainage > part.start + POINT) & (grades.chainage < part.end - POINT)
    # at a joint the tangents count, not the parabola of the road that goes on there
    first, last = np.interp([part.start, part.end], grades.chainage, grades.level)
    rows = np.column_stack((grades.chainage, grades.level, grades.curve))[inner]
    rows[:, 0] += to[0] - part.start
    return np.vstack(([to[0], first, 0.0], rows, [to[1], last, 0.0]))


def _met(pieces: Sequence[NDArray[np.float64]]) -> tuple[NDArray[np.float64], list[int]]:
    """PVIs of all pieces in a row, where two meet one of them, and which those are."""
    out, joints = pieces[0], []
    for each in pieces[1:]:
        joints.append(len(out) - 1)
        out[-1, 1] = (out[-1, 1] + each[0, 1]) / 2
        out = np.vstack((out, each[1:]))
    return out, joints


def _rounded(
    pvis: NDArray[np.float64], joints: Sequence[int], length: float, rows: Sequence[DesignStandard]
) -> Grades:
    """Grade line with parabolas at the joints at which the grade changes."""
    s, z, curve = pvis.T.copy()
    s[-1] = length
    grade = np.diff(z) / np.diff(s)
    sag, crest = max(row.k_sag for row in rows), max(row.k_crest for row in rows)
    kept = np.ones(s.size, np.bool_)
    for i in joints:
        change = grade[i] - grade[i - 1]
        kept[i] = abs(change) > CHANGE
        wanted = (sag if change > 0 else crest) * 100 * abs(change)
        room = min(s[i] - s[i - 1] - curve[i - 1] / 2, s[i + 1] - s[i] - curve[i + 1] / 2)
        curve[i] = min(wanted, 2 * room)
    return Grades(s[kept], z[kept], curve[kept])
