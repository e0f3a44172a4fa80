"""Links put together into whole answers, their scores, and which of them nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from realign.chainage import Section, renumbered
from realign.estimate import Estimate
from realign.network import Link

DO_NOTHING = "do-nothing"
"""Name of the row in which nothing is built; no variant may have it."""


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One whole answer: a link for every gap, and what happens to the road between them."""

    name: str
    """Short name; that of its variant."""
    title: str
    """What it is, in words."""
    links: tuple[Link, ...]
    """New roads, in order of old chainage."""
    upgraded: tuple[Section, ...]
    """Existing road that is upgraded, old chainage."""
    kept: tuple[Section, ...]
    """Existing road that stays as it is, old chainage."""
    cost: Estimate
    """Cost of the programme, all-in, in the currency of the rates."""
    outside_cost: Estimate
    """Cost of what others build, in the currency of the rates."""
    length: float
    """Length of the whole way, new and existing [m]."""
    new_length: float
    """Length of new road [m]."""
    upgrade_length: float
    """Length of upgraded road [m]."""
    bridge_length: float
    """Length of new bridges [m]."""
    tunnel_length: float
    """Length of new tunnels [m]."""
    travel_time: float
    """Travel time from end to end [s]; infinite where the road is cut."""
    exposure: float
    """Mean exposure of the way to slopes [0-1]."""
    flooded_left: float
    """Length of the way that stays below full level [m]."""
    steepest: float
    """Steepest grade of the new roads [fraction]."""
    pareto: bool = False
    """Whether no other option is at least as good in everything and better in something."""


def numbered(option: Option, length: float) -> dict[str, Section]:
    """
    Give new chainages to the links of an option.

    Parameters
    ----------
    option
        Whole answer.
    length
        Length of the existing road [m].

    Returns
    -------
    sections
        New chainage from the start to the end of each link, by its name [m].
    """
    whole = Section(0.0, length)
    pieces = renumbered(whole, [(link.section, link.length) for link in option.links])
    new = {piece.old.start: piece.new for piece in pieces if not piece.kept}
    return {link.name: new[link.section.start] for link in option.links}


def objectives(option: Option) -> tuple[float, ...]:
    """
    Give what options are compared by; the less the better.

    Cost, length, travel time, exposed length, bridges and tunnels, flooded
    length left: in the currency of the rates, [m], [s], [m], [m], [m]. Exposure
    counts by its integral, since a detour over easy ground must not better it.
    """
    return (
        option.cost.base + option.outside_cost.base,
        option.length,
        option.travel_time,
        option.exposure * option.length,
        option.bridge_length + option.tunnel_length,
        option.flooded_left,
    )


def front(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """
    Which rows no other row dominates.

    Parameters
    ----------
    scores
        One row an option, one column an objective; the less the better,
        infinite values allowed.

    Returns
    -------
    front
        True where no other row is at most as large everywhere and smaller
        somewhere, shape (rows,). Equal rows are all kept.

    Examples
    --------
    >>> front(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
    [True, True, False]
    """
    at_most = (scores[:, None, :] <= scores[None, :, :]).all(axis=2)
    less = (scores[:, None, :] < scores[None, :, :]).any(axis=2)
    return np.asarray(~(at_most & less).any(axis=0))


def judged(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return the same options with the Pareto flag set."""
    flags = front(np.array([objectives(option) for option in options]))
    return tuple(
        replace(option, pareto=bool(flag)) for option, flag in zip(options, flags, strict=True)
    )
