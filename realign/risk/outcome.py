"""What the draws come to: spreads, chances, drivers, and how well all of it is known."""

from dataclasses import dataclass
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.random import SeedSequence, default_rng
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from realign.errors import StudyError
from realign.phasing import Schedule
from realign.phasing.rules import MONTHS
from realign.risk.model import EVEN, Model, day
from realign.risk.rules import DRIVERS, Driver

POINTS = (0.1, 0.5, 0.9)
STEPS = (1, 2, 5)  # of every power of ten, numbers of draws at which convergence is looked at
FEWEST = 100  # draws
RESAMPLES = 200  # of the bootstrap
FARTHEST = 12_000.0  # months from the start of works up to which there are days
BOOTSTRAP = 2**31  # key of its generator, beyond those of the chunks


class Drawn(NamedTuple):
    """What draws came to, one a row."""

    cost: NDArray[np.float64]
    """Cost of each phase, shape (draws, phases) [PKR]."""
    opens: NDArray[np.float64]
    """Day of each opening, shape (draws, openings) [months from the first of the plan]."""
    shift: NDArray[np.float64]
    """Months by which the water comes later, shape (draws,)."""
    cost_alone: NDArray[np.float64]
    """Cost of all phases with each driver alone, shape (draws, drivers) [PKR]."""
    first_alone: NDArray[np.float64]
    """Day on which what the water asks for first is open, likewise [months]."""
    shift_alone: NDArray[np.float64]
    """Months by which the water comes later, likewise."""


@dataclass(frozen=True, slots=True)
class Spread:
    """A value that is not known exactly, in its own unit."""

    p10: float
    """Value that one draw in ten undercuts."""
    p50: float
    """Value that half of the draws undercut."""
    p90: float
    """Value that one draw in ten exceeds."""
    mean: float
    """Mean of all draws."""

    @property
    def width(self) -> float:
        """From P10 to P90."""
        return self.p90 - self.p10


@dataclass(frozen=True, slots=True)
class Dates:
    """A day that is not known exactly."""

    p10: date
    """Day before which one draw in ten lies."""
    p50: date
    """Day before which half of the draws lie."""
    p90: date
    """Day after which one draw in ten lies."""
    mean: date
    """Mean of all draws."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens together, and how surely in time."""

    name: str
    """Name of the new road, or of the lot."""
    work: str
    """Name of the work."""
    planned: date
    """First day of traffic in the plan."""
    opens: Dates
    """First day of traffic."""
    deadline: date | None
    """Day of the water in the plan; None where it never comes."""
    chance: float | None
    """Share of draws that open no later than the water of the same draw comes [0-1]."""


@dataclass(frozen=True, slots=True)
class Phase:
    """A work of the programme, or all of it."""

    name: str
    """Name of the work; of the option for all."""
    planned_pkr: int
    """Cost in the plan [PKR]."""
    cost_pkr: Spread
    """Cost [PKR]."""
    planned: date
    """Day in the plan on which all of it is open."""
    opens: Dates
    """Day on which all of it is open."""
    deadline: date | None
    """Day of the water in the plan, the first one for all; None where it never comes."""
    chance: float | None
    """Share of draws in which all of it that the water asks for is open in time [0-1]."""


@dataclass(frozen=True, slots=True)
class Swing:
    """What a driver does by itself, all others as in the plan."""

    driver: Driver
    """What varies."""
    cost_pkr: Spread
    """Cost of all phases [PKR]."""
    opens: Dates
    """Day on which what the water asks for first is open."""
    opens_months: Spread
    """The same, in months from the first of the plan."""
    reserve_months: Spread
    """Months from there to the water; back to the first of the plan where none ever comes."""
    rank_cost: float
    """Rank correlation (Spearman) of that cost with the one when all vary, draw by draw [-1, 1]."""
    rank_reserve: float
    """The same for the months before the water."""


@dataclass(frozen=True, slots=True)
class Step:
    """How well quantiles are known after some draws."""

    draws: int
    """Number of draws, from the first one on."""
    p50: float
    """Median."""
    p50_error: float
    """Its standard error, by bootstrap."""
    p90: float
    """Value that one draw in ten exceeds."""
    p90_error: float
    """Its standard error, by bootstrap."""


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """How sure a programme is."""

    option: str
    """Name of the option."""
    seed: int
    """Seed of the draws."""
    whole: Phase
    """All of the programme."""
    phases: tuple[Phase, ...]
    """Works in the order of the schedule."""
    openings: tuple[Opening, ...]
    """Openings in the order of the schedule."""
    tornado: tuple[Swing, ...]
    """Drivers, the widest spread of cost first."""
    convergence_cost: tuple[Step, ...]
    """Cost of all phases by the number of draws [PKR]."""
    convergence_opening: tuple[Step, ...]
    """Opening of what the water asks for first by the number of draws [months from the first of the
    plan]."""
    drawn: Drawn
    """All draws."""

    @property
    def tornado_opening(self) -> tuple[Swing, ...]:
        """Drivers, the widest spread of the first opening first, then that of its reserve."""
        return tuple(
            sorted(
                self.tornado,
                key=lambda each: (-each.opens_months.width, -each.reserve_months.width),
            )
        )


def outcome(schedule: Schedule, of: Model, drawn: Drawn) -> Outcome:
    """
    Say what draws come to.

    Parameters
    ----------
    schedule
        The plan.
    of
        The same in arrays.
    drawn
        All draws.
    """
    in_time = np.where(
        np.isnan(of.limit),
        True,  # where no water comes, any day is in time
        drawn.opens <= of.limit + drawn.shift[:, None] + EVEN,
    )
    total = drawn.cost.sum(axis=1)
    first = drawn.opens[:, of.first].max(axis=1)
    generator = default_rng(SeedSequence(of.risk.seed, spawn_key=(BOOTSTRAP,)))
    return Outcome(
        option=schedule.option,
        seed=of.risk.seed,
        whole=_whole(schedule, of, drawn, in_time),
        phases=_phases(schedule, of, drawn, in_time),
        openings=_openings(schedule, of, drawn, in_time),
        tornado=_tornado(of, drawn, total, first),
        convergence_cost=convergence(total, generator),
        convergence_opening=convergence(first, generator),
        drawn=drawn,
    )


def spread(values: NDArray[np.float64]) -> Spread:
    """Quantiles, interpolated between draws, and the mean; exact where all draws are the same."""
    p10, p50, p90 = (float(each) for each in np.quantile(values, POINTS))
    return Spread(p10, p50, p90, float(values[0] + (values - values[0]).mean()))


def cdf(values: NDArray[np.float64], at: ArrayLike) -> NDArray[np.float64]:
    """
    Share of draws that do not exceed some values [0-1].

    Examples
    --------
    >>> cdf(np.array([3.0, 1.0, 2.0, 2.0]), [0.0, 1.0, 2.0, 9.0])
    array([0.  , 0.25, 0.75, 1.  ])
    """
    return np.searchsorted(np.sort(values), np.asarray(at), side="right") / len(values)


def rank_correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """
    Spearman's rank correlation; 0 where one of the two never changes.

    Examples
    --------
    >>> round(rank_correlation(np.array([1.0, 2.0, 3.0]), np.array([1.0, 8.0, 27.0])), 9)
    1.0
    """
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def convergence(values: NDArray[np.float64], rng: np.random.Generator) -> tuple[Step, ...]:
    """
    Median and P90 after more and more draws, with standard errors by bootstrap.

    Parameters
    ----------
    values
        One a draw, in the order of the draws.
    rng
        Generator of the resamples.
    """
    powers = range(2, len(str(len(values))))
    sizes = {step * 10**power for power in powers for step in STEPS} | {len(values)}
    out = []
    for n in sorted(size for size in sizes if FEWEST <= size <= len(values)):
        own = values[:n]
        again = np.array(
            [np.quantile(own[rng.integers(n, size=n)], (0.5, 0.9)) for _ in range(RESAMPLES)]
        )
        p50, p90 = np.quantile(own, (0.5, 0.9))
        p50_error, p90_error = again.std(axis=0, ddof=1)
        out.append(Step(n, float(p50), float(p50_error), float(p90), float(p90_error)))
    return tuple(out)


def _dates(months: NDArray[np.float64], begin: date) -> Dates:
    """Days of the spread of some moments."""
    own = spread(months)
    if not max(own.p90, own.mean) <= FARTHEST:
        msg = (
            f"the draws open roads {max(own.p90, own.mean) / MONTHS:.3g} years after the start of "
            f"works; wanted at most {FARTHEST / MONTHS:g}, so smaller spreads in risk, or a "
            "smaller elevation.sigma_m"
        )
        raise StudyError(msg)
    return Dates(*(day(each, begin) for each in (own.p10, own.p50, own.p90, own.mean)))


def _whole(schedule: Schedule, of: Model, drawn: Drawn, in_time: NDArray[np.bool_]) -> Phase:
    """All phases together."""
    waters = [one.water for one in schedule.openings if one.water is not None]
    return Phase(
        name=schedule.option,
        planned_pkr=schedule.total_pkr,
        cost_pkr=spread(drawn.cost.sum(axis=1)),
        planned=max(phase.opens for phase in schedule.phases),
        opens=_dates(drawn.opens.max(axis=1), of.begin),
        deadline=min(waters, default=None),
        chance=_chance(in_time) if waters else None,
    )


def _phases(
    schedule: Schedule, of: Model, drawn: Drawn, in_time: NDArray[np.bool_]
) -> tuple[Phase, ...]:
    """Each phase by itself."""
    out = []
    for k, phase in enumerate(schedule.phases):
        own = of.opening_phase == k
        dry = bool(np.isnan(of.water[k]))
        out.append(
            Phase(
                name=phase.work.name,
                planned_pkr=phase.cost_pkr,
                cost_pkr=spread(drawn.cost[:, k]),
                planned=phase.opens,
                opens=_dates(drawn.opens[:, own].max(axis=1), of.begin),
                deadline=None if dry else phase.deadline,
                chance=None if dry else _chance(in_time[:, own]),
            )
        )
    return tuple(out)


def _openings(
    schedule: Schedule, of: Model, drawn: Drawn, in_time: NDArray[np.bool_]
) -> tuple[Opening, ...]:
    """Each opening by itself."""
    out = []
    for k, opened in enumerate(schedule.openings):
        dry = opened.water is None
        out.append(
            Opening(
                name=opened.name,
                work=opened.work,
                planned=opened.opens,
                opens=_dates(drawn.opens[:, k], of.begin),
                deadline=opened.water,
                chance=None if dry else _chance(in_time[:, [k]]),
            )
        )
    return tuple(out)


def _chance(in_time: NDArray[np.bool_]) -> float:
    """Share of draws in which all of some openings are in time [0-1]."""
    return float(in_time.all(axis=1).mean())


def _tornado(
    of: Model, drawn: Drawn, total: NDArray[np.float64], first: NDArray[np.float64]
) -> tuple[Swing, ...]:
    """Say what each driver does by itself, the widest spread of cost first."""
    at = 0.0 if np.isnan(of.water).all() else float(np.nanmin(of.water))
    reserve = at + drawn.shift - first
    out = []
    for k, driver in enumerate(DRIVERS):
        cost, opens = drawn.cost_alone[:, k], drawn.first_alone[:, k]
        own = at + drawn.shift_alone[:, k] - opens
        out.append(
            Swing(
                driver=driver,
                cost_pkr=spread(cost),
                opens=_dates(opens, of.begin),
                opens_months=spread(opens),
                reserve_months=spread(own),
                rank_cost=rank_correlation(cost, total),
                rank_reserve=rank_correlation(own, reserve),
            )
        )
    return tuple(sorted(out, key=lambda each: -each.cost_pkr.width))
