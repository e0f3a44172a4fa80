"""
Whole answers: the ways through the network that nothing beats, a shortlist of them, and the choice.

The front and the shortlist are found from sums over legs; what is shortlisted is then put together,
measured and priced as a whole, and only that is compared in the table of decision.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from realign import branches, options
from realign.branches import Net, Way
from realign.candidates import (
    AMOUNTS,
    COLUMNS,
    Candidate,
    Choices,
    ordered,
    upgraded_of,
    whole_road,
)
from realign.chainage import Section, subtract
from realign.drowned import Drowned
from realign.network import JOIN, Link
from realign.opened import Opened
from realign.options import (
    DO_NOTHING,
    OBJECTIVES,
    Best,
    Feature,
    Option,
    Stable,
    Table,
    Weighing,
    Wins,
)
from realign.phasing import Schedule
from realign.programme import Answer, options_of
from realign.region import Region
from realign.service import Judged, of_link
from realign.spread import Keep, Memory, Spread, sound
from realign.works import World, announced, builder, inside
from realign.yearround import YearRound

ANNOUNCED = "as-announced"
"""Name of the option that builds what the programme says, by the first variant across each gap."""
CELL = 250.0
"""Roads in the same squares of this side lie on the same ground where options are compared [m]."""
CROSSING = 150.0
"""Crossings of a river nearer to each other than this along the road are one [m]."""
RELAXED = (0.8, 0.9, 0.95, 0.99)
"""Shares that are tried in turn where too few options differ enough for a shortlist [-]."""
SEED = 1
"""Seed of the weights that are drawn."""
RIVER_STEP = 100.0
"""Distance between the places of a river by which banks are told [m]."""
_SLUG = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """What may be built, and what of it is worth building."""

    candidates: tuple[Candidate, ...]
    """Candidate links of all gaps."""
    front: Best
    """Ways through the network that no other beats, by sums over their legs."""
    shortlisted: tuple[int, ...]
    """Rows of the front that are on the shortlist, in the order in which they were chosen."""
    alike: float
    """Share of what it builds that an option of the shortlist may have on the ground of another:
    that of the study, or more where too few differ so much [0-1]."""
    rows: Mapping[str, int]
    """Row of the front of each option on the shortlist, by its name."""
    options: tuple[Option, ...]
    """To do nothing but what others build, the programme as announced, and the shortlist."""
    schedules: Mapping[str, Schedule]
    """When the works of each option are done, by its name."""
    judged: Mapping[str, Judged]
    """New roads of the options as judged, by name."""
    failed: Mapping[str, str]
    """Branches that could not be built, by name, and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """Options weighed against each other."""

    table: Table
    """Options that keep the road open, and what they come to with the weights of the study."""
    stable: tuple[Stable, ...]
    """Between which weights of each objective the winner stays."""
    wins: tuple[Wins, ...]
    """How often each option wins when weights are drawn."""


def chosen(  # noqa: PLR0913 - the world, the network, and what prices it
    spread: Spread[Opened],
    region: Region,
    network: Choices,
    found: Sequence[Candidate],
    *,
    nets: Sequence[Net],
    needed: Sequence[str],
    trunks: Sequence[Link],
    say: Callable[[str], None],
) -> Choice:
    """
    Find whole answers, and put those on the shortlist together.

    Parameters
    ----------
    spread
        Who works, on which study.
    region
        Hazards, and the standing road judged.
    network
        Legs that answers are ways of.
    found
        All candidate links.
    nets
        Trunks and branches of each gap.
    needed
        Names of the gaps that have to be bridged, which the announced programme does.
    trunks
        Roads of every gap and variant, those of the first variant first in each gap.
    say
        Told what goes on.

    Returns
    -------
    choice
        With at least to do nothing and the announced programme.
    """
    given, prices = spread.opened.given, spread.opened.prices
    weighing = given.study.options
    say("the front of whole answers")
    front = _front(network, weighing, weights_of(given), spread.memory)
    scores = ordered(front.ways.scores)
    say(f"{front.count:,} ways, {len(scores):,} that no other beats")
    weights = weights_of(given)
    ground = _ground(front, network)
    for alike in (weighing.alike, *(each for each in RELAXED if each > weighing.alike)):
        rows = options.shortlisted(
            scores,
            ground,
            weights=[weights[objective.name] for objective in OBJECTIVES],
            least=weighing.shortlist_least,
            most=weighing.shortlist_most,
            alike=alike,
        )
        if len(rows) >= weighing.shortlist_least:
            break
    ways = [front.ways.names(int(row)) for row in rows]
    wanted = {
        name: network.links[name] for names in ways for name in names if name in network.links
    }
    say(f"{len(rows)} on the shortlist, {len(wanted)} links")
    made = _assembled(spread, wanted)
    roads = {link.name: link for link in (*trunks, *made.values())}
    judged = {name: of_link(link, region.scene) for name, link in roads.items()}
    first = [next(link for link in trunks if link.gap == name) for name in needed]

    world = World(given, region, judged, prices)

    others = tuple(link for link in first if not inside(given, link))
    stands = "Do nothing: the road as it stands" + (", with what others build" if others else "")
    say("the works of options")
    nothing, plain, *whole = options_of(
        world,
        [
            Answer(DO_NOTHING, stands, others, ()),
            Answer(ANNOUNCED, _announced(given, first), tuple(first), announced(given, first)),
            *(
                Answer(
                    f"row {row}",
                    "",
                    tuple(made[name] for name in names if name in made),
                    upgraded_of(names, network),
                )
                for row, names in zip(rows.tolist(), ways, strict=True)
            ),
        ],
        spread,
    )
    # one that is the announced programme itself is there already
    own = [i for i, each in enumerate(whole) if not _same(each[0], plain[0])]
    whole, rows = [whole[i] for i in own], rows[own]
    titles = named(given, [each for each, _ in whole])
    titled = [
        (replace(each, name=name, title=f"{title[:1].upper()}{title[1:]}"), dated)
        for (each, dated), name, title in zip(whole, _slugs(titles), titles, strict=True)
    ]
    all_ = (nothing, plain, *titled)
    return Choice(
        candidates=tuple(found),
        front=front,
        shortlisted=tuple(rows.tolist()),
        alike=alike,
        rows={each.name: int(row) for (each, _), row in zip(titled, rows, strict=True)},
        options=tuple(each for each, _ in all_),
        schedules={each.name: dated.renamed(each.name) for each, dated in all_},
        judged=judged,
        failed={name: why for net in nets for name, why in net.failed.items()},
    )


def _front(
    network: Choices, weighing: Weighing, weights: Mapping[str, float], memory: Memory
) -> Best:
    """Find the ways that no other beats, or stand-ins for them where they are too many."""
    ends, limits = (network.start, network.end), (weighing.most_ways, weighing.width)
    front = memory.kept(
        lambda: options.best(network.legs, *ends, most=weighing.most_ways, width=weighing.width),
        "front",
        (network.legs, ends, limits),
    )
    return front if front.exact else _with_different(front, network, weighing, weights)


def _with_different(
    front: Best, network: Choices, weighing: Weighing, weights: Mapping[str, float]
) -> Best:
    """Add the cheapest ways that differ, by the weights of the study, to a front of labels."""
    scores = front.ways.scores[:, : len(AMOUNTS)]
    span = np.ptp(np.where(np.isfinite(scores), scores, 0.0), axis=0)
    price = [
        weights[name] / wide if wide > 0 else 0.0 for name, wide in zip(AMOUNTS, span, strict=True)
    ]
    different = options.diverse(
        network.legs,
        network.start,
        network.end,
        weights=price,
        length=AMOUNTS.index("length"),
        number=weighing.shortlist_most,
        alike=weighing.alike,
    )
    return options.joined(front, different.ways)


def _same(one: Option, other: Option) -> bool:
    """Whether two options build the same."""
    names = ([link.name for link in each.links] for each in (one, other))
    return next(names) == next(names) and _near(one.upgraded, other.upgraded)


def _near(one: Sequence[Section], other: Sequence[Section]) -> bool:
    """Whether two lists of stretches are the same but for nodes that were put together."""
    apart = [*subtract(one, other), *subtract(other, one)]
    return all(part.length <= 2 * JOIN for part in apart)


def weights_of(given: Drowned) -> dict[str, float]:
    """Weight of each objective; all the same where the study gives none."""
    weights = given.study.options.weights
    return {each.name: weights.get(each.name, 0.0 if weights else 1.0) for each in OBJECTIVES}


def decided(given: Drowned, some: Sequence[Option], years: Mapping[str, YearRound]) -> Decision:
    """
    Weigh options against each other.

    Parameters
    ----------
    given
        Weights of the study.
    some
        Options.
    years
        How surely each keeps the road open; one that cuts the road on a day, while it is built or
        after, loses whatever the weights, if any other does not.
    """
    scores = np.array([options.objectives(each) for each in some])
    cut = np.array([not np.isfinite(each.truck_time) for each in some])
    late = np.array([bool(years[each.name].cuts) for each in some])
    if not (cut | late).all():
        cut |= late
    scores[cut] = np.inf
    names = [each.name for each in some]
    table = options.table(names, scores, OBJECTIVES, weights=weights_of(given))
    return Decision(table, options.stable(table), options.wins(table, seed=SEED))


def _announced(given: Drowned, links: Sequence[Link]) -> str:
    """Say what the announced programme is."""
    km = sum(part.length for part in announced(given, links)) / 1000
    new = sum(link.length for link in links) / 1000
    kinds = ", ".join(dict.fromkeys(link.variant for link in links))
    return f"The programme as announced: {new:.0f} km new ({kinds}), {km:.0f} km upgraded"


Job = tuple[Net, Way]
"""A link that is put together: its way, and of its net what the way leads through."""


def _assembled(spread: Spread[Opened], wanted: Mapping[str, Candidate]) -> dict[str, Link]:
    """Put candidate links together, each as one road; a whole trunk is there already."""
    whole = {name: each for name, each in wanted.items() if whole_road(each.way)}
    jobs = {name: each.net.only(each.way) for name, each in wanted.items() if name not in whole}
    made = sound(
        spread.there(_put_together, list(jobs.values()), keep=Keep("link", list(jobs.values())))
    )
    roads = {name: each.way.legs[0].road for name, each in whole.items()}
    roads |= dict(zip(jobs, made, strict=True))
    return {name: roads[name] for name in wanted}


def _put_together(opened: Opened, job: Job) -> Link:
    """Put one link together."""
    net, way = job
    link = branches.assembled(opened.site, net, way, about=opened.about(net))
    return replace(link, builder=builder(opened.given, link))


def _ground(front: Best, network: Choices) -> NDArray[np.float64]:
    """
    Length of what each way of the front builds on each piece of ground, shape (ways, pieces) [m].

    New roads in the same squares are on the same ground. What all ways share tells nothing and is
    left out.
    """
    legs = front.ways.legs
    cells: dict[tuple[object, ...], int] = {}
    parts: list[dict[int, float]] = []
    for leg in legs:
        own: dict[int, float] = {}
        if leg.name in network.links:
            for key, length in _cells(network.links[leg.name].way):
                place = cells.setdefault(key, len(cells))
                own[place] = own.get(place, 0.0) + length
        elif leg.name in network.upgrades:
            section = network.upgrades[leg.name]
            own[cells.setdefault((section.start, section.end), len(cells))] = section.length
        parts.append(own)
    on = np.zeros((len(legs), len(cells)))
    for row, own in enumerate(parts):
        for place, length in own.items():
            on[row, place] = length
    used = front.ways.lengths(COLUMNS.index("length")) > 0
    lengths = used.astype(np.float64) @ on
    telling = np.ptp(lengths, axis=0) > 0
    return np.asarray(lengths[:, telling] if telling.any() else lengths)


def _cells(way: Way) -> list[tuple[tuple[object, ...], float]]:
    """Squares that a way passes, and its length in each piece of it."""
    out: list[tuple[tuple[object, ...], float]] = []
    for leg in way.legs:
        road = leg.road
        middle = (road.station[1:] + road.station[:-1]) / 2
        own = (middle >= leg.part.start) & (middle <= leg.part.end)
        x, y = (road.x[1:] + road.x[:-1]) / 2, (road.y[1:] + road.y[:-1]) / 2
        col, row = np.floor(x[own] / CELL), np.floor(y[own] / CELL)
        run = np.diff(road.station)[own]
        out += [(("cell", a, b), float(r)) for a, b, r in zip(col, row, run, strict=True)]
    return out


# ---------------------------------------------------------------- what options are called


def named(given: Drowned, some: Sequence[Option]) -> tuple[str, ...]:
    """
    Name options by what they are: bank, crossings, level, structures, and what each is ahead in.

    Parameters
    ----------
    given
        Rivers and ground.
    some
        Options on the shortlist.

    Returns
    -------
    names
        A name for each, each different.
    """
    if not some:
        return ()
    if len(some) == 1:
        return ("preferred",)
    river = given.study.corridor.river
    lines = _downstream(given)
    left, crossed = [], []
    for each in some:
        side = [_sides(link, lines) for link in each.links]
        run = sum(float(np.diff(link.station).sum()) for link in each.links)
        known = lines is not None and run > 0
        left.append(sum(a for a, _ in side) / run if known else np.nan)
        crossed.append(float(sum(b for _, b in side)) if known else np.nan)
    new = np.array([max(each.new_length, 1.0) for each in some])
    level = [
        np.average(
            np.concatenate([(k.level[1:] + k.level[:-1]) / 2 for k in each.links]),
            weights=np.concatenate([np.diff(k.station) for k in each.links]),
        )
        if each.links
        else np.nan
        for each in some
    ]

    def column(key: Callable[[Option], float]) -> NDArray[np.float64]:
        return np.array([key(each) for each in some], np.float64)

    tunnels, bridges = column(lambda o: o.tunnel_length), column(lambda o: o.bridge_length)
    return options.named(
        [
            Feature(
                values=np.array(left),
                margin=0.2,
                low="right bank",
                high="left bank",
                below=0.25,
                above=0.75,
            ),
            Feature(
                values=np.array(crossed),
                margin=1.0,
                one=f"with one {river} crossing",
                several=f"with {{}} {river} crossings",
            ),
            Feature(values=np.array(level), margin=15.0, low="low level", high="high level"),
            Feature(values=tunnels / new, margin=0.03, high="tunnel-rich", low="few tunnels"),
            *_upgrades(given, some),
            Feature(
                values=column(lambda o: o.present_cost),
                margin=1e6,
                least="cheapest",
                most="dearest",
            ),
            Feature(
                values=column(lambda o: o.length), margin=1000.0, least="shortest", most="longest"
            ),
            Feature(values=column(lambda o: o.truck_time), margin=60.0, least="fastest for trucks"),
            Feature(
                values=column(lambda o: o.closed_days), margin=0.05, least="fewest closed days"
            ),
            Feature(values=bridges / new, margin=0.03, high="bridge-rich", low="few bridges"),
        ]
    )


def _upgrades(given: Drowned, some: Sequence[Option]) -> list[Feature]:
    """
    Tell options by the existing road that they upgrade.

    One stretch is named by the places nearest to its ends, several by their length.
    """

    def place(s: float) -> str:
        return min(given.places, key=lambda name: abs(given.places[name] - s))

    words = []
    for each in some:
        ends = [(place(part.start), place(part.end)) for part in each.upgraded]
        km = each.upgrade_length / 1000
        one = f"{ends[0][0]}\u2013{ends[0][1]}" if len(ends) == 1 else f"{km:.0f} km"
        words.append(f"{one} upgraded" if ends else "nothing upgraded")
    return [
        Feature(values=np.array([float(own == word) for own in words]), margin=1.0, high=word)
        for word in sorted(set(words))
    ]


def _slugs(titles: Sequence[str]) -> list[str]:
    """Short names for tables and files, each different."""
    taken = {DO_NOTHING, ANNOUNCED}
    out = []
    for title in titles:
        plain = _SLUG.sub("-", title.lower()).strip("-") or "option"
        name = next(
            name for k in count(1) if (name := plain if k == 1 else f"{plain}-{k}") not in taken
        )
        taken.add(name)
        out.append(name)
    return out


Lines = tuple[NDArray[np.float64], NDArray[np.float64], shapely.MultiLineString]
"""Points along a river, its direction there, and its lines."""


def _downstream(given: Drowned) -> Lines | None:
    """Points along the main river with the direction in which it flows; None where unknown."""
    name = given.study.corridor.river.lower()
    mine = given.rivers[[name in each.lower() for each in given.rivers["name"]]]
    if mine.empty:
        return None
    merged = shapely.line_merge(shapely.unary_union(list(mine.geometry)))
    points, ways = [], []
    for line in shapely.get_parts(merged):
        s = np.linspace(0.0, line.length, max(int(line.length / RIVER_STEP), 1) + 1)
        xy = shapely.get_coordinates(line.interpolate(s))
        level = given.terrain.sample(*xy.T)
        known = level[np.isfinite(level)]
        half = known.size // 2
        # a line drawn against the flow climbs
        climbs = half > 0 and float(known[half:].mean()) > float(known[:half].mean())
        points.append(xy)
        ways.append(np.gradient(xy, axis=0) * (-1 if climbs else 1))
    return (
        np.concatenate(points),
        np.concatenate(ways),
        shapely.MultiLineString(list(shapely.get_parts(merged))),
    )


def _sides(link: Link, lines: Lines | None) -> tuple[float, int]:
    """Length of a link on the left bank of the main river [m], and how often it crosses it."""
    if lines is None:
        return 0.0, 0
    xy, way, river = lines
    middle = np.column_stack(((link.x[1:] + link.x[:-1]) / 2, (link.y[1:] + link.y[:-1]) / 2))
    near = cKDTree(xy).query(middle)[1]
    off = middle - xy[near]
    on_left = way[near, 0] * off[:, 1] - way[near, 1] * off[:, 0] > 0
    course = shapely.LineString(np.column_stack((link.x, link.y)))
    met = shapely.get_parts(shapely.intersection(course, river))
    at = np.sort([course.project(shapely.centroid(each)) for each in met if not each.is_empty])
    times = int(1 + (np.diff(at) > CROSSING).sum()) if at.size else 0
    return float(np.diff(link.station)[on_left].sum()), times
