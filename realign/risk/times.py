"""The dates of many draws at once: precedence, crews and seasons in continuous time."""

from math import floor
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from realign.phasing.rules import MONTHS


class Order(NamedTuple):
    """What all draws of a programme share: its activities in the order of their planned starts."""

    planned: NDArray[np.float64]
    """Start in the plan, shape (n,) [months from its first]."""
    kind: NDArray[np.int64]
    """Number of the kind, shape (n,)."""
    need: NDArray[np.int64]
    """Crews that an activity takes, shape (n,)."""
    crews: NDArray[np.int64]
    """Crews there are, by kind."""
    done: NDArray[np.float64]
    """Work done by the months of a year, by kind, shape (kinds, 13); see `ended`."""
    before: NDArray[np.int64]
    """Activities that others follow: those of i are before[before_at[i]:before_at[i + 1]]."""
    before_at: NDArray[np.int64]
    """Where those of each activity begin, shape (n + 1,)."""
    rivals: NDArray[np.int64]
    """Earlier activities that take the same crews, where these do not suffice for all at once."""
    rivals_at: NDArray[np.int64]
    """Where those of each activity begin, shape (n + 1,)."""


@njit(cache=True, nogil=True)
def ended(start: float, work: float, done: NDArray[np.float64]) -> float:
    """
    Moment at which work is done, by months from the first of the plan.

    Parameters
    ----------
    start
        Moment at which it begins [months].
    work
        Time that it takes where no season slows it [months]; 0 or less is done at once.
    done
        Work done from the first of the plan up to each month of its first year, shape (13,)
        [months]; every year is like the first.
    """
    if work <= 0.0:
        return start
    a_year = done[MONTHS]
    years = floor(start / MONTHS)
    rest = start - MONTHS * years
    month = min(int(rest), MONTHS - 1)
    target = done[month] + (rest - month) * (done[month + 1] - done[month]) + work
    more = floor(target / a_year)
    left = target - more * a_year
    month = 0
    while month < MONTHS - 1 and done[month + 1] < left:
        month += 1
    part = (left - done[month]) / (done[month + 1] - done[month])
    return float(MONTHS * (years + more) + month + part)


@njit(cache=True, nogil=True)
def _soonest(
    i: int,
    start: float,
    end: float,
    of: Order,
    starts: NDArray[np.float64],
    ends: NDArray[np.float64],
) -> float:
    """Moment at which a crew comes free that lacks between two moments; -1 where none lacks."""
    rivals = of.rivals[of.rivals_at[i] : of.rivals_at[i + 1]]
    for k in range(-1, len(rivals)):
        at = start if k < 0 else starts[rivals[k]]
        if at < start or at >= end:
            continue
        used, soonest = of.need[i], np.inf
        for j in rivals:
            if starts[j] <= at < ends[j]:
                used += of.need[j]
                soonest = min(soonest, ends[j])
        if used > of.crews[of.kind[i]]:
            return float(soonest)
    return -1.0


@njit(cache=True, nogil=True)
def dated(work: NDArray[np.float64], of: Order) -> NDArray[np.float64]:
    """
    Moments at which activities end, draw by draw: serial schedule generation.

    In the order of the plan each activity begins at the first moment that is not before its planned
    start, not before the end of what it follows, and from which on its crews are free until it is
    done. Crews that wait for a late activity do a later one meanwhile, if it ends in time.

    Parameters
    ----------
    work
        Time of each activity where no season slows it, shape (draws, n) [months].
    of
        The activities.

    Returns
    -------
    ends
        Moments, shape (draws, n) [months from the first of the plan].
    """
    draws, n = work.shape
    ends = np.empty((draws, n))
    starts = np.empty(n)
    for d in range(draws):
        for i in range(n):
            at = of.planned[i]
            for j in of.before[of.before_at[i] : of.before_at[i + 1]]:
                at = max(at, ends[d, j])
            end = ended(at, work[d, i], of.done[of.kind[i]])
            free = _soonest(i, at, end, of, starts, ends[d])
            while free >= 0.0:
                at = free
                end = ended(at, work[d, i], of.done[of.kind[i]])
                free = _soonest(i, at, end, of, starts, ends[d])
            starts[i] = at
            ends[d, i] = end
    return ends
