"""
The trunks: a road for every gap and variant, searched, designed, and found again where known.

On this machine all corridors are searched first and then all roads designed, since shorter pieces
of work share processors better; on a cluster a road is one task.
"""

import warnings
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from rasterio.errors import NotGeoreferencedWarning

from realign import corridor
from realign.corridor import Gap, Site
from realign.drowned import Drowned
from realign.errors import NoRouteError
from realign.network import Link
from realign.opened import Opened
from realign.rates import Rates
from realign.road import RESERVES, Rulebook, design
from realign.spread import Keep, Spread, sound
from realign.standards import load as load_standard
from realign.standards import rows
from realign.study import Study
from realign.works import builder, ours

Trunk = tuple[Link, corridor.Variant, Rulebook]
"""A designed road, what it was looked for as, and what ruled it."""
Job = tuple[Gap, corridor.Variant]
"""A road that is looked for."""
_KIND = "road"


@dataclass(frozen=True, slots=True)
class Found:
    """What a search and the design after it came to."""

    trunk: Trunk | None
    """The road; None where there is none."""
    problem: str
    """Why not."""


def designed(
    spread: Spread[Opened],
    gaps: Sequence[Gap],
    *,
    free: Sequence[Gap] = (),
    say: Callable[[str], None],
) -> tuple[tuple[Trunk, ...], dict[str, str]]:
    """
    Search and design a road for every gap and variant.

    Parameters
    ----------
    spread
        Who works, on which study.
    gaps
        What is to be bridged.
    free
        Those of them that are dry: they are tried with the first variant, and may stay without a
        road.
    say
        Told what goes on; may raise to cancel.

    Returns
    -------
    trunks
        Gap by gap, in the order of the variants.
    failed
        Gaps and variants without a road by name, and why.

    Raises
    ------
    NoRouteError
        A gap that is not free has no road at all.
    """
    jobs = _jobs(spread.opened.given, gaps, free)
    found = (_far if spread.far else _here)(spread, jobs, say)
    trunks = tuple(each.trunk for each in found if each.trunk is not None)
    failed = {
        f"{gap.name} / {variant.name}": each.problem
        for (gap, variant), each in zip(jobs, found, strict=True)
        if each.trunk is None
    }
    for gap in gaps:
        if gap not in free and not any(link.gap == gap.name for link, _, _ in trunks):
            raise NoRouteError("\n".join(failed.values()))
    return trunks, failed


def _jobs(given: Drowned, gaps: Sequence[Gap], free: Sequence[Gap]) -> list[Job]:
    """List every gap and variant that is searched."""
    variants = given.study.variants
    return [
        (gap, variant)
        for gap in gaps
        for variant in variants
        if variant is variants[0] or (ours(given, gap) and gap not in free)
    ]


def _far(spread: Spread[Opened], jobs: Sequence[Job], say: Callable[[str], None]) -> list[Found]:
    """Have roads made by the workers of a cluster."""
    say(f"{len(jobs)} roads, spread over the cluster")
    order = sorted(range(len(jobs)), key=lambda i: -jobs[i][0].section.length)
    some = [jobs[i] for i in order]
    made = sound(
        spread.there(
            _road,
            some,
            keep=Keep(_KIND, some),
            done=lambda n: say(f"{some[n][0].name} / {some[n][1].name}: designed"),
        )
    )
    return [made[order.index(i)] for i in range(len(jobs))]


def _road(opened: Opened, job: Job) -> Found:
    """Search and design a road."""
    return _found(opened.given, _Roads(opened, job, lambda _: None))


def _here(spread: Spread[Opened], jobs: Sequence[Job], say: Callable[[str], None]) -> list[Found]:
    """Make roads by threads of this machine, long ones first."""
    opened, memory = spread.opened, spread.memory

    def key(job: Job) -> tuple[str, tuple[str, Job]]:
        return _KIND, (memory.base, job)

    def searched(job: Job) -> "_Roads | Found":
        known: Found | None = memory.find(*key(job))
        return known or _Roads(opened, job, say)

    def made(roads: "Future[_Roads | Found]", job: Job) -> Found:
        own = roads.result()
        if isinstance(own, Found):
            say(f"{job[0].name} / {job[1].name}: found again")
            return own
        found = _found(opened.given, own)
        memory.keep(found, *key(job))
        return found

    with warnings.catch_warnings(), ThreadPoolExecutor(spread.hands.workers) as pool:
        # rasterio silences this one itself, but a compiler in another thread may undo that
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        order = sorted(range(len(jobs)), key=lambda i: -jobs[i][0].section.length)
        roads = {i: pool.submit(searched, jobs[i]) for i in order}
        done = {i: pool.submit(made, roads[i], jobs[i]) for i in order}
        try:
            return [done[i].result() for i in range(len(jobs))]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _found(given: Drowned, roads: "_Roads") -> Found:
    """Design the road of a corridor that was searched."""
    trunk = roads.link()
    if isinstance(trunk, NoRouteError):
        return Found(None, str(trunk))
    return Found((replace(trunk[0], builder=builder(given, trunk[0])), *trunk[1:]), "")


def _speeds(variant: corridor.Variant, study: Study) -> list[int]:
    """Design speeds at which a road of a variant is tried, the fastest first [km/h]."""
    least = variant.least_speed_kmh or variant.speed_kmh
    slower = [row.speed_kmh for row in rows(study.standard.code)]
    return [variant.speed_kmh, *(v for v in reversed(slower) if least <= v < variant.speed_kmh)]


class _Roads:
    """Roads tried across a gap in turn: as fast as wanted, slower, and with grade in reserve."""

    def __init__(self, opened: Opened, job: Job, say: Callable[[str], None]) -> None:
        """Search the first corridor there is."""
        self.gap, variant = job
        self.site: Site = opened.site
        self.study, self.prices, self.say = opened.given.study, opened.prices, say
        self.problem = NoRouteError(f"{self.gap.name} / {variant.name}: not searched")
        self.tries = iter(
            (variant.model_copy(update={"speed_kmh": speed}), reserve)
            for speed in _speeds(variant, self.study)
            for reserve in RESERVES
        )
        self.found = self.next()

    def next(self) -> tuple[corridor.Corridor, Rulebook] | None:
        """Search the next corridor there is; None where there are no more."""
        for variant, reserve in self.tries:
            book = _book(variant, self.study, self.prices)
            name = f"{self.gap.name} / {variant.name}"
            try:
                found = corridor.find(
                    self.site,
                    self.gap,
                    variant,
                    rules=self.study.corridor,
                    standard=replace(book.standard, grade=book.standard.grade * (1 - reserve)),
                    prices=book.prices,
                    slow=book.slow,
                    tell=lambda what, opened: self.say(f"{what}, {opened:,} states"),
                )
            except NoRouteError as problem:
                self.problem = problem
            else:
                self.say(f"{name}: corridor found")
                return found, book
        return None

    def link(self) -> Trunk | NoRouteError:
        """Design the first of the corridors that becomes a road."""
        while self.found:
            found, book = self.found
            self.say(f"{self.gap.name} / {found.variant.name}: geometry, grade line, bill")
            try:
                return design(found, self.site, book), found.variant, book
            except NoRouteError as problem:
                self.problem = problem
                self.found = self.next()
        return self.problem


def _book(variant: corridor.Variant, study: Study, prices: Rates) -> Rulebook:
    """Tables that rule the roads of a variant."""
    least = variant.least_speed_kmh or variant.speed_kmh
    fastest = max(variant.speed_kmh, study.standard.desirable_kmh)
    return Rulebook(
        standard=load_standard(study.standard.code, variant.speed_kmh),
        shape=study.formation,
        line=study.profile,
        rules=study.corridor,
        rates=prices,
        money=study.money,
        others=tuple(
            row
            for row in rows(study.standard.code)
            if least <= row.speed_kmh <= fastest and row.speed_kmh != variant.speed_kmh
        ),
        slow_value=variant.slow_value_per_m,
        zone_m=study.standard.zone_m,
        earth=study.haul,
        shelter=study.hazard,
    )
