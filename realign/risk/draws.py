"""
Draws dealt out to threads, processes or a cluster.

Draws are cut into chunks of fixed size, and each chunk has generators of its own, made from the
seed and the number of the chunk. So a draw has the same numbers wherever and whenever it is made.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.random import SeedSequence, default_rng
from numpy.typing import NDArray

from realign import cluster
from realign.errors import StudyError
from realign.phasing import Pace, Schedule
from realign.risk.factors import Factors, factors, together
from realign.risk.model import Basis, Model, model
from realign.risk.outcome import Drawn, Outcome, outcome
from realign.risk.rules import DRIVERS, Risk

CHUNK = 500
"""Draws that are made in one go; a part of the numbers, as is the seed."""


def simulate(
    schedule: Schedule,
    pace: Pace,
    risk: Risk,
    basis: Basis,
    *,
    scheduler: str = "threads",
    workers: int | None = None,
) -> Outcome:
    """
    Draw what is uncertain many times over, and say what comes of the programme.

    Parameters
    ----------
    schedule
        The plan of one option.
    pace
        Seasons and crews with which it was made.
    risk, basis
        How far the plan may be off, by the study and by the stages before.
    scheduler
        Where draws are made: "threads" or "processes" of this machine, or the address of a cluster
        of Dask on which realign is installed, such as tcp://host:8786. The numbers are the same.
    workers
        Threads or processes of this machine; as many as it has cores unless given.

    Returns
    -------
    outcome
        Spreads, chances, drivers, convergence.

    Raises
    ------
    StudyError
        If nothing is built, the scheduler is none, or the cluster does not answer.
    """
    of = model(schedule, pace, risk, basis)
    sizes = [min(CHUNK, risk.draws - first) for first in range(0, risk.draws, CHUNK)]
    parts = _dealt(partial(chunk, of), sizes, scheduler, workers)
    return outcome(schedule, of, joined(parts))


def chunk(of: Model, number: int, draws: int) -> Drawn:
    """
    Make the draws of one chunk: all drivers together, and each alone with the same numbers.

    Parameters
    ----------
    of
        The programme.
    number
        Number of the chunk, from 0.
    draws
        Draws in it.
    """
    seeds = SeedSequence(of.risk.seed, spawn_key=(number,)).spawn(len(DRIVERS))
    parts = {
        driver: factors(of, driver, draws, default_rng(seed))
        for driver, seed in zip(DRIVERS, seeds, strict=True)
        if driver in of.risk.at_work
    }
    all_ = together(of, parts, draws)
    still = together(of, {}, draws)
    alone = [_came(of, parts.get(driver, still)) for driver in DRIVERS]
    cost, opens = _came(of, all_)
    return Drawn(
        cost=cost,
        opens=opens,
        shift=all_.shift,
        cost_alone=np.stack([own.sum(axis=1) for own, _ in alone], axis=1),
        first_alone=np.stack([own[:, of.first].max(axis=1) for _, own in alone], axis=1),
        shift_alone=np.stack([parts.get(driver, still).shift for driver in DRIVERS], axis=1),
    )


def joined(parts: Sequence[Drawn]) -> Drawn:
    """Put chunks together in their order."""
    return Drawn(*(np.concatenate([part[k] for part in parts]) for k in range(len(Drawn._fields))))


def _came(of: Model, by: Factors) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cost of phases [PKR] and days of openings [months] under some factors."""
    paid = of.cost * by.cost
    phases = range(len(of.water))
    cost = np.stack([paid[:, of.phase == k].sum(axis=1) for k in phases], axis=1)
    return cost, of.opens(of.effort * by.time)


def _dealt(
    made: Callable[[int, int], Drawn], sizes: Sequence[int], scheduler: str, workers: int | None
) -> list[Drawn]:
    """Have chunks made, and give them in their order."""
    if scheduler not in cluster.LOCAL:
        return cluster.spread(scheduler, made, range(len(sizes)), sizes)
    try:
        import dask
    except ImportError as missing:
        msg = f"draws on {scheduler} need dask, which is not installed: pip install dask"
        raise StudyError(msg) from missing
    tasks = [dask.delayed(made)(number, draws) for number, draws in enumerate(sizes)]
    return list(dask.compute(*tasks, scheduler=scheduler, num_workers=workers))
