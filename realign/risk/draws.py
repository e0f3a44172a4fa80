"""
Draws dealt out in chunks, to whoever works.

Draws are cut into chunks of fixed size, and each chunk has generators of its own, made from the
seed and the number of the chunk. So a draw has the same numbers wherever and whenever it is made.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import SeedSequence, default_rng
from numpy.typing import NDArray

from realign.phasing import Pace, Schedule
from realign.risk.factors import Factors, factors, together
from realign.risk.model import Basis, Model, model
from realign.risk.outcome import Drawn, Outcome, outcome
from realign.risk.rules import DRIVERS, Risk
from realign.spread import Spread, here, sound

CHUNK = 500
"""Draws that are made in one go; a part of the numbers, as is the seed."""


Chunk = tuple[Model, int, int]
"""The programme, the number of the chunk from 0, and the draws in it."""


def simulate(
    schedule: Schedule,
    pace: Pace,
    risk: Risk,
    basis: Basis,
    *,
    spread: Spread[Any] | None = None,
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
    spread
        Who makes the draws, and remembers what came of them: the threads of this machine, and
        nobody, where None. The numbers are the same.

    Returns
    -------
    outcome
        Spreads, chances, drivers, convergence.

    Raises
    ------
    StudyError
        If nothing is built.
    """
    spread = here(None) if spread is None else spread
    of = model(schedule, pace, risk.model_copy(update={"sources": {}}), basis)
    return spread.memory.kept(lambda: _drawn(schedule, of, spread), "outcome", schedule, of)


def _drawn(schedule: Schedule, of: Model, spread: Spread[Any]) -> Outcome:
    """Make all draws, and say what they come to."""
    draws = of.risk.draws
    sizes = [min(CHUNK, draws - first) for first in range(0, draws, CHUNK)]
    parts = spread.plain(chunk, [(of, number, size) for number, size in enumerate(sizes)])
    return outcome(schedule, of, joined(sound(parts)))


def chunk(asked: Chunk) -> Drawn:
    """Make the draws of one chunk: all drivers together, and each alone with the same numbers."""
    of, number, draws = asked
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
