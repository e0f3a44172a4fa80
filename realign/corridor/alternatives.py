"""
Many roads across one gap, and the few of them that a planner would call different.

A round of the search labels every state with the price of the cheapest road to it
from both sides, so that the cheapest road *through* any place can be read off
(the via-node roads of Abraham, Delling, Goldberg and Werneck 2013). Rounds differ
by what they prefer, and each finds ground dearer that earlier rounds have used.
Last, pieces of all these roads are spliced to further ones, see `spliced`. All roads
are rated by one price, that of the variant asked for.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import combinations, repeat
from time import perf_counter
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray
from pydantic import Field
from scipy import ndimage
from scipy.spatial import cKDTree
from shapely import LineString

from realign import formation
from realign.corridor import site as place
from realign.corridor.ground import Ground
from realign.corridor.lattice import HALF, HEADINGS
from realign.corridor.price import form_lengths, tabulate, way_price
from realign.corridor.problem import Problem, Survey, prepare
from realign.corridor.result import Corridor, Tell, corridor
from realign.corridor.search import (
    FAR,
    Ends,
    Found,
    Labels,
    Steps,
    bounds,
    guided,
    least_price,
    left_over,
    trace,
)
from realign.corridor.site import Gap, Rules, Site, Variant
from realign.corridor.spliced import spliced
from realign.errors import InputError, NoRouteError
from realign.formation import BRIDGE, TUNNEL
from realign.settings import Settings
from realign.standards import DesignStandard

SPACING = 25.0
"""Greatest distance between the points of a road by which roads are compared [m]."""
NOTABLE = 0.2
"""Difference of the share on a bank from which on a name tells of it [-]."""
NOTABLE_STRUCTURES = 0.04
"""Difference of the share in tunnels or on bridges, or of length, that a name tells of [-]."""
NOTABLE_LEVEL = 15.0
"""Difference of the mean level that a name tells of [m]."""
MOST_LOOKS = 400
"""Roads of one round that are looked at, cheapest first."""
BESIDE = 6
"""A place is the cheapest about it among the cells up to this far to all sides."""
THEMES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("cheapest", {}),
    ("other bank", {"bank": "other"}),
    ("tunnel-rich", {"tunnel_weight": 0.6}),
    ("bridge-rich", {"bridge_weight": 0.6}),
    ("same bank", {"bank": "same"}),
    ("higher", {"higher_m": 40.0}),
    ("close to the existing road", {"distance_weight": 0.5}),
)
"""What the rounds prefer; the cheapest again when all have had a turn. Factors on bridges and
tunnels multiply those of the variant asked for, height and distance add to its own, so that every
road of a round keeps the rules of the variant. The weights steer the search and are no part of any
price."""
FACTORS = frozenset({"tunnel_weight", "bridge_weight"})
"""What of a theme multiplies; other numbers add."""

SPLICED = "pieces of others"
"""Theme of roads that no round has found as a whole."""


class Choice(Settings):
    """The table `[alternatives]`: how many roads are rated, and which count as different."""

    count: int = Field(default=100, ge=1, le=10_000)
    """Roads that are rated."""
    rounds: int = Field(default=12, ge=1, le=1000)
    """Rounds of the search, each with a preference of its own and off the roads so far; fewer where
    as many roads as wanted are rated before."""
    both_ways: int = Field(default=2, ge=0, le=1000)
    """Rounds, from the first, that are searched from both sides, so that detours are found too."""
    a_round: int = Field(default=20, ge=1, le=10_000)
    """Most roads that are read off the labels of such a round."""
    shortlist: int = Field(default=8, ge=1, le=1000)
    """Most roads on the shortlist."""
    within_m: float = Field(default=250.0, ge=1, le=1e5)
    """Distance within which two roads use the same ground [m]."""
    alike: float = Field(default=0.7, gt=0, le=1)
    """Share of length on the same ground from which on two roads are the same to a planner [-]."""
    dearer: float = Field(default=1.25, ge=1, le=1000)
    """Greatest price of a road on the shortlist over that of the best [-]."""
    used: float = Field(default=0.25, ge=0, le=1000)
    """Preference: share by which ground within `within_m` of the best road of an earlier round
    counts dearer, for each such road [-]."""
    margin: float = Field(default=0.1, ge=0, le=1000)
    """How much dearer than the best of its round a road may be to be read off [-]."""
    plateau_m: float = Field(default=1500.0, ge=0, le=1e6)
    """Length over which a road through a place is the cheapest through every place on it; shorter
    ones are detours that no planner draws [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Alternative:
    """One road, rated."""

    corridor: Corridor
    """The road; its price is that of the variant asked for, whatever the round preferred."""
    theme: str
    """What the round preferred that it comes from, or that it is spliced from others."""
    best_of_round: bool
    """Whether it is the cheapest of its round; otherwise it is the cheapest through some place."""
    length: float
    """Length of the points [m]."""
    bridge: float
    """Share of its length on bridges, as the search chose the forms [-]."""
    tunnel: float
    """Share in tunnels [-]."""
    crossed_over: float
    """Share on the other bank of the river; NaN where no river tells [-]."""
    level: float
    """Mean road level [m above datum]."""
    name: str = ""
    """What it is beside the best road, in words."""


@dataclass(frozen=True, slots=True, eq=False)
class Alternatives:
    """All rated roads of a gap."""

    rated: tuple[Alternative, ...]
    """Every road, cheapest first."""
    shortlist: tuple[int, ...]
    """Places in `rated` of roads that are pairwise different, cheapest first."""
    searches: int
    """Searches that were run, one a round."""
    failed: int
    """How many of them found no road."""
    passed_over: int
    """Roads of these searches, and spliced ones, that were known already."""
    shortfall: str
    """Why the shortlist is shorter than asked for; empty where it is not."""
    seconds: float
    """Time of it all [s]."""


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """Labels of a round from both sides, and the price through every state."""

    theme: str
    problem: Problem
    survey: Survey
    least: float
    """Lower bound of the price of every road of the round."""
    found: Found
    there: Labels
    back: Labels | None
    """None for a round that was searched from one side only."""
    through: NDArray[np.int32]
    """Price of the cheapest road through each state, shape (states,) [units]; empty without
    labels from both sides."""
    by: NDArray[np.uint8]
    """Heading of arrival and, 16 times, heading of departure of that road, of the same shape."""


@njit(cache=True, nogil=True)
def _join(
    ground: Ground,
    steps: Steps,
    there: NDArray[np.int32],
    back: NDArray[np.int32],
    through: NDArray[np.int32],
    by: NDArray[np.uint8],
) -> None:
    """Put the labels of both sides together at every state."""
    for cell in range(ground.row.size):
        start = ground.start[cell]
        own = ground.start[cell + 1] - start
        for arrival in range(HEADINGS):
            for d in range(-steps.sharp, steps.sharp + 1):
                m = (arrival + d) % HEADINGS
                bend = 0 if abs(d) <= steps.turn else steps.extra
                # who comes from the other side arrives facing backwards
                facing = (m + HALF) % HEADINGS
                for k in range(own):
                    before = there[start * HEADINGS + arrival * own + k]
                    after = back[start * HEADINGS + facing * own + k]
                    both = before + after - 2 + bend
                    if before > 0 and after > 0 and both < through[start + k]:
                        through[start + k] = both
                        by[start + k] = arrival + m * HEADINGS


def _reversed(ends: Ends) -> Ends:
    return ends._replace(heading=(ends.heading + HALF) % HEADINGS, grade=-ends.grade)


def _searched(
    problem: Problem, theme: str, margin: float | None, tell: Tell | None
) -> _Round | None:
    """
    Label the states from one side, with a margin from both; None where there is no road.

    The second search is led by the labels of the first, which are exact, and so
    opens only states on roads within the margin.
    """

    def report(stage: str) -> Callable[[int], None] | None:
        label = f"{problem.gap.name} / {theme}: {stage}"
        return (lambda opened: tell(label, opened)) if tell else None

    survey = problem.survey()
    ground, starts, ends = survey.ground, survey.starts, survey.ends
    table = tabulate(ground, problem.tariff, climb=problem.moves.climb, tell=report("prices"))
    steps = problem.steps(table.unit)
    bound = bounds(ground, table, ends, tell=report("bound"))
    least = least_price(ground, table, starts, bound)
    found, there = guided(
        ground,
        table,
        starts,
        ends,
        bound,
        steps=steps,
        margin=margin or 0.0,
        tell=report("there"),
    )
    if found is None:
        return None
    if margin is None:
        none = np.empty(0, np.int32), np.empty(0, np.uint8)
        return _Round(theme, problem, survey, table.unit * least, found, there, None, *none)
    _, back = guided(
        ground,
        table,
        _reversed(ends),
        _reversed(starts),
        left_over(ground, steps, there.spent),
        steps=steps,
        margin=margin,
        tell=report("back"),
    )
    through = np.full(int(ground.start[-1]), FAR, np.int32)
    by = np.zeros(through.size, np.uint8)
    _join(ground, steps, there.spent, back.spent, through, by)
    return _Round(theme, problem, survey, table.unit * least, found, there, back, through, by)


def _read_off(each: _Round, back: Labels, cell: int) -> Found:
    """Cheapest road of a round through a cell."""
    ground = each.survey.ground
    start, end = int(ground.start[cell]), int(ground.start[cell + 1])
    k = int(np.argmin(each.through[start:end]))
    leaving, arrival = divmod(int(each.by[start + k]), HEADINGS)
    state = (cell, k, arrival)
    cells, levels, first = trace(
        ground, each.problem.moves.climb, each.there, each.survey.starts, state
    )
    state = (cell, k, (leaving + HALF) % HEADINGS)
    after, above, last = trace(ground, each.problem.moves.climb, back, each.survey.ends, state)
    return Found(
        cell=np.array([*cells, *after[-2::-1]], np.int32),
        level=np.array([*levels, *above[-2::-1]], np.int32),
        price=int(each.through[start + k]),
        first=first,
        last=last,
    )


def _passes(each: _Round, found: Found, plateau: float) -> bool:
    """
    Whether a road is one that a planner would draw.

    It does not cross itself, and it is the cheapest through every place on a
    stretch of at least `plateau` [m], not only through the one it was read off.
    """
    ground, cell = each.survey.ground, each.problem.window.cell
    xy = np.column_stack((ground.col[found.cell], -ground.row[found.cell])) * cell
    at = ground.start[found.cell] + found.level - ground.lowest[found.cell]
    same = each.through[at] == found.price
    length = np.hypot(*np.diff(xy, axis=0).T)
    return bool(length[same[:-1] & same[1:]].sum() >= plateau and LineString(xy).is_simple)


def _candidates(each: _Round, choice: Choice) -> list[Found]:
    """
    Roads of a round besides its cheapest, through places that are the cheapest about them.

    All places of one road have one price, so that each price stands for one road.
    """
    if each.back is None:
        return []
    ground = each.survey.ground
    through = np.minimum.reduceat(each.through, ground.start[:-1])
    price = np.full(each.survey.band.shape, FAR, np.int32)
    price[ground.row, ground.col] = through
    least = ndimage.minimum_filter(price, size=2 * BESIDE + 1)[ground.row, ground.col]
    fits = (through == least) & (through <= each.found.price * (1 + choice.margin))
    prices, cells = np.unique(np.where(fits, through, FAR), return_index=True)
    out = []
    for cell in cells[(prices > each.found.price) & (prices < FAR)][:MOST_LOOKS]:
        found = _read_off(each, each.back, int(cell))
        if _passes(each, found, choice.plateau_m):
            out.append(found)
    return out


def _roads(each: _Round, taken: NDArray[np.bool_], choice: Choice) -> Iterator[Found]:
    """
    Roads of a round: its cheapest, then those that use most ground that no road has used so far.

    Parameters
    ----------
    each
        Labels of the round.
    taken
        Cells of all roads so far, of the window's shape; whoever takes a road marks it.
    choice
        How many, and which count.

    Yields
    ------
    found
        A road.
    """
    ground, cell = each.survey.ground, each.problem.window.cell
    yield each.found
    left = _candidates(each, choice)
    for _ in range(choice.a_round - 1):
        away = ndimage.distance_transform_edt(~taken, sampling=cell) > choice.within_m
        fresh = [int(away[ground.row[one.cell], ground.col[one.cell]].sum()) for one in left]
        if not left or max(fresh) == 0:
            return
        yield left.pop(int(np.argmax(fresh)))


@dataclass(frozen=True, slots=True, eq=False)
class _Base:
    """The round of the variant asked for, by whose price the roads of all rounds are rated."""

    first: _Round
    number: NDArray[np.int32]
    """Cell of its ground at each place of the window, -1 where there is none."""
    other: NDArray[np.bool_] | None
    """Cells on the other bank; None where no river tells."""


def _base(first: _Round) -> _Base:
    problem, ground = first.problem, first.survey.ground
    number = np.full(problem.window.shape, -1, np.int32)
    number[ground.row, ground.col] = np.arange(ground.row.size, dtype=np.int32)
    try:
        other = place.across(problem.site, problem.gap, problem.window, problem.rules)
    except InputError:
        other = None
    return _Base(first, number, other)


def _numbered(base: _Base, each: _Round, found: Found) -> Found:
    """Give a road of any round the numbers of cells and ends of the first one."""
    theirs, own = each.survey, base.first.survey
    return found._replace(
        cell=base.number[theirs.ground.row[found.cell], theirs.ground.col[found.cell]],
        first=int(np.argmin(np.abs(own.leave - theirs.leave[found.first]))),
        last=int(np.argmin(np.abs(own.meet - theirs.meet[found.last]))),
    )


def _rated(base: _Base, found: Found, theme: str, *, best_of_round: bool = False) -> Alternative:
    """Rate a road by the price of the variant asked for."""
    own, problem = base.first.survey, base.first.problem
    price = way_price(own.ground, problem.tariff, found.cell, found.level)[-1]
    road = corridor(problem, own, found, unit=1.0, least=0)
    forms = form_lengths(own.ground, problem.tariff, found.cell, found.level)
    row, col = own.ground.row[found.cell], own.ground.col[found.cell]
    return Alternative(
        corridor=replace(
            road,
            price=float(own.starts.price[found.first] + price + own.ends.price[found.last]),
            bound=base.first.least,
        ),
        theme=theme,
        best_of_round=best_of_round,
        length=float(forms.sum()),
        bridge=float(forms[BRIDGE] / forms.sum()),
        tunnel=float(forms[TUNNEL] / forms.sum()),
        crossed_over=float("nan") if base.other is None else float(base.other[row, col].mean()),
        level=float(road.level.mean()),
    )


def similarity(first: Corridor, second: Corridor, within: float) -> float:
    """
    Share of the length of a road that lies within a distance of another.

    Parameters
    ----------
    first, second
        Two roads.
    within
        Distance [m].

    Returns
    -------
    share
        The larger of both shares, so that it does not matter which comes first
        [0-1]; of points every `SPACING` along both.
    """
    return _alike(_points(first), _points(second), within)


def _points(road: Corridor) -> cKDTree:
    line = LineString(np.column_stack((road.x, road.y)))
    return cKDTree(shapely.get_coordinates(line.segmentize(SPACING)))


def _alike(one: cKDTree, other: cKDTree, within: float) -> float:
    shares = [
        float(np.isfinite(b.query(a.data, distance_upper_bound=within * (1 + 1e-9))[0]).mean())
        for a, b in ((one, other), (other, one))
    ]
    return max(shares)


def alternatives(  # noqa: PLR0913 - what a search is asked
    site: Site,
    gap: Gap,
    variant: Variant,
    *,
    rules: Rules,
    standard: DesignStandard,
    prices: formation.Prices,
    choice: Choice,
    tell: Tell | None = None,
    workers: int = 2,
) -> Alternatives:
    """
    Rate many roads across a gap, and shortlist those that differ.

    Parameters
    ----------
    site, gap, variant, rules, standard, prices
        As in `find`; the variant's price rates all roads.
    choice
        How many roads, and what counts as different.
    tell
        Called as the search goes on; may raise to cancel.
    workers
        Threads, two at most.

    Returns
    -------
    alternatives
        All roads, cheapest first, and the shortlist.

    Raises
    ------
    NoRouteError
        No road within the standard joins the ends at all.
    """
    began = perf_counter()
    themes = _themes(site, variant, rules)
    so_far = _SoFar()

    def one(number: int, load: NDArray[np.float32] | None) -> _Round | None:
        theme, changes = themes[number % len(themes)]
        again = number // len(themes)
        problem = prepare(
            site,
            gap,
            variant.model_copy(update=changes),
            rules=rules,
            standard=standard,
            prices=prices,
            load=load,
        )
        margin = choice.margin if number < choice.both_ways else None
        return _searched(problem, f"{theme} {again + 1}" if again else theme, margin, tell)

    # rounds that run at the same time find the same ground dearer, however many threads there are
    batches = [range(i, min(i + 2, choice.rounds)) for i in range(0, choice.rounds, 2)]
    with ThreadPoolExecutor(max(min(workers, 2), 1)) as pool:
        for batch in batches:
            load = None if so_far.load is None else so_far.load.copy()
            for each in pool.map(one, batch, repeat(load)):
                if so_far.base is None and each is None:
                    msg = f"{gap.name}: no road of {variant.name!r} joins the ends; `find` says why"
                    raise NoRouteError(msg)
                so_far.take(each, choice)
            if len(so_far.rated) >= choice.count:
                break
    so_far.splice(choice)
    by_price = sorted(so_far.rated, key=lambda each: each.corridor.price)
    order = tuple(replace(each, name=_named(each, by_price[0])) for each in by_price)
    shortlist, shortfall = _shortlist(order, choice)
    return Alternatives(
        rated=order,
        shortlist=shortlist,
        searches=so_far.searches,
        failed=so_far.failed,
        passed_over=so_far.passed_over,
        shortfall=shortfall,
        seconds=perf_counter() - began,
    )


class _SoFar:
    """What the rounds have brought so far."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.base: _Base | None = None
        self.rated: list[Alternative] = []
        self.ways: dict[bytes, Found] = {}
        self.searches = self.failed = self.passed_over = 0
        self.taken: NDArray[np.bool_] = np.zeros((0, 0), bool)
        self.load: NDArray[np.float32] | None = None

    def take(self, each: _Round | None, choice: Choice) -> None:
        """Read the roads of a round off its labels; None for a round without a road."""
        self.searches += 1
        if each is None:
            self.failed += 1
            return
        if self.base is None or self.load is None:
            self.base = _base(each)
            self.taken = np.zeros(each.problem.window.shape, bool)
            self.load = np.ones(self.taken.shape, np.float32)
        ground = each.survey.ground
        for found in _roads(each, self.taken, choice):
            if len(self.rated) == choice.count:
                return
            here, best = _numbered(self.base, each, found), found is each.found
            self.taken[ground.row[found.cell], ground.col[found.cell]] = True
            self._add(here, each.theme, best_of_round=best)
            if best:
                road = corridor(each.problem, each.survey, found, unit=1.0, least=0)
                line = LineString(np.column_stack((road.x, road.y)))
                used = place.within(each.problem.window, line, choice.within_m)
                self.load[used] *= 1 + choice.used

    def splice(self, choice: Choice) -> None:
        """Fill up with roads spliced from pieces of those so far."""
        if self.base is None:
            return
        first = self.base.first
        more = spliced(
            first.survey.ground,
            first.problem.tariff,
            (first.survey.starts, first.survey.ends),
            list(self.ways.values()),
            within=choice.within_m / first.problem.window.cell,
            used=choice.used,
        )
        for found in more:
            if len(self.rated) == choice.count:
                return
            self._add(found, SPLICED)

    def _add(self, found: Found, theme: str, *, best_of_round: bool = False) -> None:
        """Rate a road; one that is known already counts once."""
        assert self.base is not None  # noqa: S101 - set by the first round
        way = found.cell.tobytes() + found.level.tobytes()
        if way in self.ways:
            self.passed_over += 1
            return
        self.ways[way] = found
        self.rated.append(_rated(self.base, found, theme, best_of_round=best_of_round))


def _named(each: Alternative, best: Alternative) -> str:
    """Say what a road is beside the best one."""
    if each is best:
        return "cheapest"
    said = []
    if each.crossed_over - best.crossed_over > NOTABLE:
        said.append("more on the other bank")
    if best.crossed_over - each.crossed_over > NOTABLE:
        said.append("more on the bank of the existing road")
    for form, own, usual in (
        ("tunnel-rich", each.tunnel, best.tunnel),
        ("bridge-rich", each.bridge, best.bridge),
    ):
        if own - usual > NOTABLE_STRUCTURES:
            said.append(form)
    if each.level - best.level > NOTABLE_LEVEL:
        said.append("higher")
    if each.length < best.length * (1 - NOTABLE_STRUCTURES):
        said.append("shorter")
    if each.length > best.length * (1 + NOTABLE_STRUCTURES):
        said.append("longer")
    return ", ".join(said) or "much like the cheapest, on other ground"


def _themes(site: Site, variant: Variant, rules: Rules) -> list[tuple[str, dict[str, Any]]]:
    """Say what rounds may prefer: no banks where the variant asks for one or no river tells."""
    known = any(rules.river.lower() in name.lower() for name, _ in site.rivers)
    banks = known and variant.bank == "any"
    return [
        (name, {key: _over(variant, key, value) for key, value in changes.items()})
        for name, changes in THEMES
        if banks or "bank" not in changes
    ]


def _over(variant: Variant, key: str, value: Any) -> Any:
    """Value of a field of a variant with the preference of a theme over its own."""
    if isinstance(value, str):
        return value
    own = getattr(variant, key)
    return own * value if key in FACTORS else own + value


def _shortlist(order: Sequence[Alternative], choice: Choice) -> tuple[tuple[int, ...], str]:
    """
    Choose roads that differ in pairs, the best among them, and say why no more.

    Two ways of choosing, of which the one with more roads counts: the cheapest
    that differs from all chosen, or the one that is like the fewest others.
    """
    limit = order[0].corridor.price * choice.dearer
    near = [each for each in order if each.corridor.price <= limit]
    alike = np.eye(len(near), dtype=bool)
    points = [_points(each.corridor) for each in near]
    for i, j in combinations(range(len(near)), 2):
        alike[i, j] = alike[j, i] = _alike(points[i], points[j], choice.within_m) >= choice.alike
    by_price, by_likeness = (_apart(alike, rank=rank) for rank in (False, True))
    chosen = by_price if len(by_price) >= len(by_likeness) else by_likeness
    chosen = sorted(chosen)[: choice.shortlist]
    if len(chosen) == choice.shortlist:
        return tuple(chosen), ""
    for each in order[len(near) :]:
        if all(
            similarity(each.corridor, near[j].corridor, choice.within_m) < choice.alike
            for j in chosen
        ):
            ratio = each.corridor.price / order[0].corridor.price
            return tuple(chosen), (
                f"the next road that differs costs {ratio:.2f} times the best; "
                f"wanted at most {choice.dearer:g}"
            )
    return tuple(chosen), (
        f"each of the other roads shares {choice.alike:.0%} of its length or more with one of them"
    )


def _apart(alike: NDArray[np.bool_], *, rank: bool) -> list[int]:
    """Roads of which no two are alike, from the first on: the next, or the one like the fewest."""
    chosen, free = [0], ~alike[0]
    while free.any():
        left = np.flatnonzero(free)
        nearby = alike[np.ix_(left, left)].sum(axis=1)
        one = int(left[np.argmin(nearby)] if rank else left[0])
        chosen.append(one)
        free &= ~alike[one]
    return chosen
