"""
Sequential quadratic programming for one road of given shape.

Each step solves a quadratic model under linearised rules, each of which may be
broken at a fixed price; the dual of that model has box limits only, so that a
start that breaks rules needs no other treatment. The model's matrix comes from
damped BFGS updates, and steps are shortened until price and breaches together fall.
"""

# Compiled functions take plain numbers and arrays, and calls between them cost seconds to compile.
# ruff: noqa: C901, PLR0912

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

LONGEST = 4.0
"""No number moves further than this in one step, in its scale [-]."""
DAMPING = 0.2
"""Powell's limit of curvature in an update [-]."""
HALVINGS = 12
"""Steps are halved at most this often."""
WEIGHT = 1.5
"""Weight of breaches in the merit, over the greatest price of a rule [-]."""
ROUNDS = 2000
"""Rounds in which the quadratic is minimised at most; nearly all are done after a few."""
CLEAN = 1e-7
"""Breaches in sum up to which a descent may stop [-]."""


@dataclass(frozen=True, slots=True, eq=False)
class Descent:
    """Where a descent ended."""

    x: NDArray[np.float64]
    """Scaled numbers of the road."""
    price: float
    """Its price."""
    worst: float
    """Greatest single breach; 0 where all rules are kept."""
    steps: int
    """Steps taken."""


@njit(cache=True, nogil=True)
def newton(
    a: NDArray[np.float64],
    slope: NDArray[np.float64],
    free: NDArray[np.int64],
    size: int,
    p: NDArray[np.float64],
) -> None:
    """Solve a p = -slope over the free rows by Cholesky with a ridge."""
    low = np.empty((size, size))
    ridge = 0.0
    for i in range(size):
        ridge = max(ridge, a[free[i], free[i]])
    ridge *= 1e-11
    for i in range(size):
        for j in range(i + 1):
            total = a[free[i], free[j]]
            if i == j:
                total += ridge
            for k in range(j):
                total -= low[i, k] * low[j, k]
            if i == j:
                low[i, i] = np.sqrt(max(total, ridge))
            else:
                low[i, j] = total / low[j, j]
    for i in range(size):
        total = -slope[free[i]]
        for k in range(i):
            total -= low[i, k] * p[k]
        p[i] = total / low[i, i]
    for i in range(size - 1, -1, -1):
        total = p[i]
        for k in range(i + 1, size):
            total -= low[k, i] * p[k]
        p[i] = total / low[i, i]


@njit(cache=True, nogil=True)
def boxed(
    a: NDArray[np.float64],
    slope: NDArray[np.float64],
    low: NDArray[np.float64],
    high: float,
    lam: NDArray[np.float64],
) -> None:
    """
    Minimise a convex quadratic within a box: coordinate sweeps, then Newton on what is free.

    `slope` is that at `lam` and follows it.
    """
    size = lam.shape[0]
    free = np.empty(size, np.int64)
    p = np.empty(size)
    change = np.empty(size)
    for _ in range(ROUNDS):
        for _ in range(2):
            for i in range(size):
                if a[i, i] <= 0.0:
                    continue
                new = min(max(lam[i] - slope[i] / a[i, i], low[i]), high)
                step = new - lam[i]
                if step != 0.0:
                    lam[i] = new
                    for j in range(size):
                        slope[j] += step * a[i, j]
        count = 0
        for i in range(size):
            if low[i] < lam[i] < high:
                free[count] = i
                count += 1
        if count > 0:
            newton(a, slope, free, count, p)
            change[:] = 0.0
            for i in range(count):
                for j in range(size):
                    change[j] += p[i] * a[free[i], j]
            down = 0.0
            bend = 0.0
            for i in range(count):
                down -= slope[free[i]] * p[i]
                bend += change[free[i]] * p[i]
            if down > 0.0:
                step = 1.0 if bend <= 0.0 else down / bend
                for i in range(count):
                    if p[i] > 0.0:
                        step = min(step, (high - lam[free[i]]) / p[i])
                    elif p[i] < 0.0:
                        step = min(step, (low[free[i]] - lam[free[i]]) / p[i])
                for i in range(count):
                    lam[free[i]] = min(max(lam[free[i]] + step * p[i], low[free[i]]), high)
                for j in range(size):
                    slope[j] += step * change[j]
        worst = 0.0
        for i in range(size):
            off = slope[i]
            if lam[i] <= low[i]:
                off = min(off, 0.0)
            elif lam[i] >= high:
                off = max(off, 0.0)
            worst = max(worst, abs(off))
        if worst < 1e-8:
            break


def breach(c: NDArray[np.float64], first: int) -> float:
    """Sum of what breaks the rules."""
    return float(np.abs(c[:first]).sum() - np.minimum(c[first:], 0.0).sum())


def descend(
    price: Callable[[NDArray[np.float64]], tuple[float, NDArray[np.float64]]],
    slopes: Callable[[NDArray[np.float64]], tuple[float, *tuple[NDArray[np.float64], ...]]],
    start: NDArray[np.float64],
    *,
    first: int,
    fine: float,
    steps: int,
    tolerance: float,
) -> Descent:
    """
    Move a road to the cheapest legal one near it.

    Parameters
    ----------
    price
        Price and rules (at least 0 where kept) at scaled numbers.
    slopes
        Price, its slopes, rules and their slopes.
    start
        Scaled numbers of the road, shape (n,).
    first
        Number of rules at the front that are equalities.
    fine
        Price of a breach of one.
    steps
        Greatest number of steps.
    tolerance
        Expected gain at which it stops.

    Returns
    -------
    descent
        Where it ended.
    """
    x = start.copy()
    f, g, c, jac = slopes(x)
    low = np.zeros(c.size)
    low[:first] = -fine
    lam = np.zeros(c.size)
    h = np.eye(x.size)
    fresh = True
    weight = 0.0
    done = 0
    for turn in range(steps):
        done = turn
        hj = h @ jac.T
        a = jac @ hj
        boxed(a, a @ lam - hj.T @ g + c, low, fine, lam)
        pull = jac.T @ lam - g
        d = h @ pull
        bad, linear = breach(c, first), breach(c + jac @ d, first)
        # The merit weighs breaches little more than they are worth: more shortens the steps.
        worth = WEIGHT * float(np.abs(lam).max(initial=0.0))
        weight = min(max(worth, 0.5 * (weight + worth), 0.1), fine)
        gain = float(-g @ d) + weight * (bad - linear)
        if max(gain, 0.5 * float(d @ pull)) < tolerance and max(bad, linear) < CLEAN:
            break
        part = min(1.0, LONGEST / float(np.abs(d).max()))
        merit = f + weight * bad
        for halving in range(HALVINGS):
            trial, moved = price(x + part * d)
            wanted = merit - 1e-4 * part * max(gain, 0.0)
            if trial + weight * breach(moved, first) <= wanted:
                break
            if halving == 0 and part == 1.0 and breach(moved, first) > bad:
                # Rules bend along the step: aim once more, from where it led.
                again = lam.copy()
                bent = moved - jac @ d
                boxed(a, a @ again - hj.T @ g + bent, low, fine, again)
                other = h @ (jac.T @ again - g)
                if float(np.abs(other).max()) <= LONGEST:
                    trial, moved = price(x + other)
                    if trial + weight * breach(moved, first) <= wanted:
                        d, pull = other, jac.T @ again - g
                        break
            part *= 0.5
        else:
            if fresh:
                break
            h, fresh = np.eye(x.size), True
            continue
        x = x + part * d
        old = g - jac.T @ lam
        f, g, c, jac = slopes(x)
        h = _bent(h, part * d, g - jac.T @ lam - old, part * pull, fresh=fresh)
        fresh = False
    worst = max(float(np.abs(c[:first]).max(initial=0.0)), -float(c[first:].min(initial=0.0)))
    return Descent(x, f, worst, done)


def _bent(
    h: NDArray[np.float64],
    s: NDArray[np.float64],
    y: NDArray[np.float64],
    bs: NDArray[np.float64],
    *,
    fresh: bool,
) -> NDArray[np.float64]:
    """Inverse of the model's matrix after a step `s` that changed the slope by `y`."""
    sbs, sy = float(s @ bs), float(s @ y)
    if sbs <= 1e-14:
        return h
    if fresh and sy > 0.0:
        size = min(max(sy / float(y @ y), 1e-3), 1e1)
        h = h * size
        bs = s / size
        sbs = float(s @ bs)
    if sy < DAMPING * sbs:
        mix = (1.0 - DAMPING) * sbs / (sbs - sy)
        y = mix * y + (1.0 - mix) * bs
        sy = float(s @ y)
    hy = h @ y
    cross = np.outer(hy, s)
    return h + ((1.0 + float(y @ hy) / sy) * np.outer(s, s) - cross - cross.T) / sy
