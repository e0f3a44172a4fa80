"""
Links between every sensible pair of tie-ins: short branches between few long roads.

A road across a long gap takes half a minute to search and another to design, so that
not every pair of tie-ins can have one of its own. A few long ones, the trunks, are
joined by branches, which are searched and designed in the same way: from another tie-in
onto a trunk, from a trunk to another tie-in, and from trunk to trunk. Trunks are cut
where branches meet them; every way through the legs is a candidate link.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, permutations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from shapely import box

from realign import corridor
from realign.branches.compose import around, assembled
from realign.branches.joints import Line, crossing, proposed, standing
from realign.branches.net import Branch, Leg, Net, Values, Way, cut, ways
from realign.chainage import Section, text
from realign.corridor import Gap, Site, Ties, Variant
from realign.corridor.layers import charged
from realign.errors import NoRouteError, RealignError
from realign.network import Link
from realign.road import RESERVES, Rulebook, assessed, drawn
from realign.settings import Settings
from realign.spread import Spread

__all__ = [
    "Branching",
    "Leg",
    "Net",
    "Values",
    "Way",
    "around",
    "assembled",
    "branched",
    "ways",
]

BEND = 100.0
"""Length on both sides of a place over which the existing road is straightest for a tie-in [m]."""
LONE = 1000.0
"""Trunks that come apart for less than this have not been apart [m]; an assumption."""
SAMPLE = 50.0
"""Distance between places at which two trunks are compared [m]."""
AROUND = 500.0
"""Width of ground about the band of a search that a fitted road may touch with its faces [m]."""
AHEAD = 2.0
"""How far ahead a trunk is met, over the length that the difference of level asks for [-]."""

Tell = Callable[[str], None]
"""Called with what goes on; may raise to cancel."""


class Branching(Settings):
    """The table `[branches]`: which branches join the roads of a gap, and how many links follow."""

    tie_in_m: float = Field(default=3000.0, ge=10, le=1e6)
    """Distance between two tie-ins on the existing road, about [m]."""
    dry_m: float = Field(default=1000.0, ge=1, le=1e6)
    """Least length of a dry stretch between drowned ones that gets tie-ins [m]."""
    near_m: float = Field(default=400.0, ge=1, le=1e5)
    """Distance within which two roads are joined after having been farther apart [m]."""
    reach_m: float = Field(default=3000.0, ge=1, le=1e5)
    """Stretch of a road along which a branch may meet or leave it, beyond what climbing takes
    [m]."""
    far_m: float = Field(default=6000.0, ge=1, le=1e6)
    """Greatest distance between a tie-in and the nearest place of a road that it is joined to
    [m]."""
    band_m: float = Field(default=1000.0, gt=0, le=1e5)
    """Distance from the straight way between two roads up to which ground is looked at; wider
    where the search finds no branch within [m]."""
    most_branches: int = Field(default=60, ge=0, le=10_000)
    """Greatest number of branches of a gap."""
    most_links: int = Field(default=200, ge=1, le=10_000)
    """Greatest number of candidate links in all."""
    sources: dict[str, str] = Field(
        default={
            "tie_in_m": "assumption: two accesses to a rural two-lane highway lie some kilometres "
            "apart; nearer ones give the same links but for a corner",
            "dry_m": "assumption: shorter stretches serve no settlement and hardly hold two "
            "tie-ins with their curves",
            "near_m": "assumption: across more than this a branch is a road of its own up or down "
            "the slope rather than a change from one to the other",
            "reach_m": "assumption: two or three tangents of a mountain road straight and even "
            "enough to be met",
            "far_m": "assumption: within two tie-in spacings; farther ones are worth a trunk",
            "band_m": "assumption: branches stay near the roads that they join; half of it would "
            "do where they run side by side",
            "most_branches": "assumption: a minute of search and design on two processors",
            "most_links": "assumption: as many as an engineer can compare in tables and on a map",
        }
    )
    """Where values of this table come from, by key; a text that begins with "assumption" is one."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A branch to be searched."""

    first: Line
    """Stretch of the road that it leaves, with the joints there."""
    second: Line
    """Stretch of the road that it meets."""
    variant: Variant
    """What it is looked for as."""
    book: Rulebook
    """What rules it."""


_Task = tuple[Gap, _Job, int, dict[str, str], Branching]
"""A branch across a gap, its number from 1, the variant of each trunk by its name, the settings."""


@dataclass(frozen=True, slots=True, eq=False)
class _Trunk:
    """A trunk, ready to be joined."""

    link: Link
    variant: Variant
    book: Rulebook
    line: Line


def branched(
    spread: Spread[Site],
    gap: Gap,
    trunks: Sequence[tuple[Link, Variant, Rulebook]],
    *,
    settings: Branching,
    tell: Tell | None = None,
) -> Net:
    """
    Join the roads across one gap by branches, and cut them into legs.

    Parameters
    ----------
    spread
        Who works, on ground, water and existing road.
    gap
        What the roads replace.
    trunks
        Designed roads across the gap, each with what it was looked for as and what
        ruled it, in any order.
    settings
        Which branches are tried.
    tell
        Called as branches are found; may raise to cancel.

    Returns
    -------
    net
        Legs between tie-ins and joints, and the branches that could not be built.
    """
    site = spread.opened
    order = sorted(trunks, key=lambda trunk: trunk[0].name)
    made = [_trunk(site, *trunk) for trunk in order]
    jobs = list(_jobs(site, gap, made, settings))[: settings.most_branches]
    short = {each.link.name: each.link.variant for each in made} | {"": "highway"}

    def name(number: int) -> str:
        job = jobs[number - 1]
        ways = [
            f"{short[line.name]} {text(float(line.joint[0]))}"
            + (f"-{text(float(line.joint[-1]))}" if line.joint.size > 1 else "")
            for line in (job.first, job.second)
        ]
        return f"{gap.name} / branch {number}: {ways[0]} to {ways[1]}"

    numbers = range(1, len(jobs) + 1)
    results = spread.there(
        _built,
        [(gap, job, number, short, settings) for number, job in enumerate(jobs, 1)],
        done=(lambda place: tell(name(place + 1))) if tell else None,
    )
    wrong = [e for e in results if isinstance(e, RealignError) and not isinstance(e, NoRouteError)]
    if wrong:
        raise wrong[0]
    branches = [each for each in results if isinstance(each, Branch)]
    rules = {each.link.name: (each.variant, each.book) for each in made}
    rules |= {
        each.link.name: (jobs[each.number - 1].variant, jobs[each.number - 1].book)
        for each in branches
    }
    return cut(
        gap,
        [each.link for each in made],
        branches,
        books={road: book for road, (_, book) in rules.items()},
        variants={road: variant for road, (variant, _) in rules.items()},
        layers=site.layers,
        failed={
            name(number): str(result)
            for number, result in zip(numbers, results, strict=True)
            if isinstance(result, NoRouteError)
        },
    )


def _trunk(site: Site, link: Link, variant: Variant, book: Rulebook) -> _Trunk:
    xy = np.column_stack((link.x, link.y))
    places = charged(xy, link.form, site.layers)
    return _Trunk(link, variant, book, proposed(link, book, places, site.terrain))


def _jobs(site: Site, gap: Gap, trunks: Sequence[_Trunk], settings: Branching) -> Iterator[_Job]:
    """Branches worth a try, the most telling first: dry stretches, other trunks, other tie-ins."""
    dry = [each for each in gap.dry if each.length >= settings.dry_m]
    inner = [s for each in dry for s in _tie_ins(site, each, trunks, settings)]
    before = list(_tie_ins(site, gap.before, trunks, settings)) if gap.before else []
    after = list(_tie_ins(site, gap.after, trunks, settings)) if gap.after else []
    for s in inner:
        yield from _onto(site, s, trunks, settings)
        yield from _off(site, s, trunks, settings)
    for one, other in permutations(trunks, 2):
        yield from _across(one, other, settings)
    # tie-ins near the water first
    for s in sorted(before, reverse=True):
        yield from _onto(site, s, trunks, settings)
    for s in sorted(after):
        yield from _off(site, s, trunks, settings)


def _tie_ins(
    site: Site, window: Section, trunks: Sequence[_Trunk], settings: Branching
) -> Iterator[float]:
    """Straightest place of every part of a window, on a grade of the standard."""
    count = max(round(window.length / settings.tie_in_m), 1)
    bounds = np.linspace(window.start, window.end, count + 1)
    steepest = max(trunk.book.standard.grade for trunk in trunks)
    road = site.highway
    for a, b in pairwise(bounds.tolist()):
        margin = (b - a) / 4  # so that two of them never are neighbours
        step = trunks[0].book.rules.tie_in_step_m
        s = np.linspace(a + margin, b - margin, max(int((b - a - 2 * margin) / step), 1) + 1)
        around = np.clip(s[:, None] + np.linspace(-BEND, BEND, 21), 0.0, road.length)
        bearing = np.unwrap(road.bearing(around.ravel()).reshape(around.shape), axis=1)
        level = road.level_at(around.ravel()).reshape(around.shape)
        grade = np.abs(level[:, -1] - level[:, 0]) / np.ptp(around, axis=1)
        bend = np.ptp(bearing, axis=1) + np.where(grade > steepest, np.pi, 0.0)
        yield float(s[int(np.argmin(np.round(bend, 3)))])


def _onto(site: Site, s: float, trunks: Sequence[_Trunk], settings: Branching) -> Iterator[_Job]:
    """Branches from a tie-in onto the trunks."""
    for trunk in trunks:
        if abs(trunk.link.section.start - s) < settings.tie_in_m / 2:
            continue
        near, climb = _near(site, s, trunk, settings)
        if near is not None:
            yield from _job(
                standing(site.highway, np.array([s])),
                (trunk, Section(near - 1, near + AHEAD * climb + settings.reach_m)),
                trunk,
            )


def _off(site: Site, s: float, trunks: Sequence[_Trunk], settings: Branching) -> Iterator[_Job]:
    """Branches from the trunks to a tie-in."""
    for trunk in trunks:
        if abs(trunk.link.section.end - s) < settings.tie_in_m / 2:
            continue
        near, climb = _near(site, s, trunk, settings)
        if near is not None:
            yield from _job(
                (trunk, Section(near - AHEAD * climb - settings.reach_m, near + 1)),
                standing(site.highway, np.array([s])),
                trunk,
            )


def _near(site: Site, s: float, trunk: _Trunk, settings: Branching) -> tuple[float | None, float]:
    """Place of a trunk nearest to a tie-in, None where too far; length that the climb takes [m]."""
    at, away = trunk.line.nearest(site.highway.at(s))
    level = trunk.line.points(at)[0, 2]
    climb = abs(float(level - site.highway.level_at(s)[0])) / trunk.book.standard.grade
    return (float(at[0]) if away[0] <= settings.far_m else None), climb


def _across(one: _Trunk, other: _Trunk, settings: Branching) -> Iterator[_Job]:
    """Branches from a trunk to another, where they come near after having been apart."""
    if one.variant.in_service_until != other.variant.in_service_until:
        return
    wider = max((one, other), key=lambda each: each.book.standard.speed_kmh)
    s = np.linspace(0.0, one.link.length, int(one.link.length / SAMPLE) + 2)
    points = one.line.points(s)
    at, away = other.line.nearest(points[:, :2])
    climb = np.abs(points[:, 2] - other.line.points(at)[:, 2])
    for i, j in _meetings(s, away, settings.near_m):
        if not at[i] <= at[j]:
            continue  # they run against each other
        length = AHEAD * float(climb[i : j + 1].min()) / wider.book.standard.grade
        end = min(s[j], s[i] + settings.reach_m)
        reach = float(np.interp(end, s, at)) + length + settings.reach_m
        yield from _job(
            (one, Section(s[i] - settings.reach_m / 2, end + 1)),
            (other, Section(at[i], reach)),
            wider,
        )


def _meetings(
    s: NDArray[np.float64], away: NDArray[np.float64], near: float
) -> list[tuple[int, int]]:
    """First and last sample of stretches where two roads are near, each between two apart."""
    close = away <= near
    edge = np.flatnonzero(np.diff(close.astype(np.int8)))
    # short stretches apart do not part two roads
    runs = [(int(a) + 1, int(b)) for a, b in pairwise(edge) if close[b]]
    out: list[tuple[int, int]] = []
    for a, b in runs:
        if out and s[a] - s[out[-1][1]] < LONE:
            out[-1] = out[-1][0], b
        else:
            out.append((a, b))
    return out


def _job(
    first: Line | tuple[_Trunk, Section], second: Line | tuple[_Trunk, Section], like: _Trunk
) -> Iterator[_Job]:
    """Give a branch if both roads have joints in their stretches."""
    lines = []
    for each in (first, second):
        line = each if isinstance(each, Line) else _stretch(*each)
        if line is None:
            return
        lines.append(line)
    plain = like.variant.model_copy(update={"bank": "any"})
    yield _Job(lines[0], lines[1], plain, like.book)


def _stretch(trunk: _Trunk, section: Section) -> Line | None:
    """Leave a trunk only the joints of a stretch; None where it has none."""
    line = trunk.line
    kept = line.within(section)
    if not kept.any():
        return None
    return line.only(kept)


def _about(site: Site, settings: Branching) -> Site:
    """Leave out rivers and shapes of layers that no branch along a road can come to."""
    (left, bottom), (right, top) = site.highway.xy.min(axis=0), site.highway.xy.max(axis=0)
    far = max(corridor.WIDER) * settings.band_m + AROUND
    around = left - far, bottom - far, right + far, top + far
    return replace(
        site,
        layers=tuple(each.about(around) for each in site.layers),
        rivers=tuple((name, line) for name, line in site.rivers if line.intersects(box(*around))),
    )


def _built(site: Site, task: _Task) -> Branch:
    """Search and design a branch."""
    gap, job, number, short, settings = task
    both = crossing(site, job.first, job.second)
    per_metre = job.variant.length_value_per_m
    first, second = job.first, job.second
    built = first.price + per_metre * first.joint
    ahead = second.price + per_metre * second.joint
    stands = not job.first.name, not job.second.name
    here = _about(replace(site, highway=both.road, places={}, built=stands), settings)
    name = f"branch {number}"
    own = replace(
        gap,
        section=Section(both.before.end, both.after.start),
        before=both.before,
        after=both.after,
        leave=Ties(tuple(both.along(both.first, first.joint)), tuple(built - built[0])),
        meet=Ties(tuple(both.along(both.second, second.joint)), tuple(ahead[-1] - ahead)),
    )
    variant = job.variant.model_copy(update={"name": f"branch-{number}"})
    rules = job.book.rules.model_copy(update={"band_m": settings.band_m})
    book = replace(job.book, rules=rules)
    best: tuple[Link, float, float] | None = None
    problem = NoRouteError(f"{gap.name} / {name}: not searched")
    for reserve in RESERVES:
        try:
            found = corridor.find(
                here,
                own,
                variant,
                rules=rules,
                standard=replace(book.standard, grade=book.standard.grade * (1 - reserve)),
                prices=book.prices,
                slow=book.slow,
            )
            road, turns, about = drawn(found, here, book)
        except NoRouteError as other:
            problem = other
            continue
        link = assessed(
            road,
            here,
            book,
            gap=own,
            variant=name,
            section=found.section,
            hairpins=turns,
            about=about,
        )
        if best is None or len(link.breaches) < len(best[0].breaches):
            best = link, both.at(found.section.start), both.at(found.section.end)
        if not link.breaches:
            break
    if best is None:
        raise problem
    link, start, end = best
    whence, to = (f"{short[line.name]} {text(s)}" for line, s in ((first, start), (second, end)))
    whole = replace(link, name=f"{gap.name} / {name}: {whence} to {to}")
    return Branch(whole, ((first.name, start), (second.name, end)), number)
