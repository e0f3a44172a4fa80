"""Links put together into whole answers, their scores, and which of them nothing beats."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from realign.chainage import Section, renumbered
from realign.estimate import Estimate
from realign.network import Link
from realign.options.decision import Objective
from realign.options.front import front

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
    present_cost: float
    """Present value at the start of the works of all that is built: the programme, what others
    build, and detours for the time being, at base prices in the currency of the rates."""
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
    """Travel time of a car from end to end, mean of both directions [s]; infinite where the road is
    cut."""
    truck_time: float
    """The same of a truck [s]."""
    closed_days: float
    """Expected closed days of a year in which all of it stands [d]; the whole year where the road
    is cut."""
    closures: float
    """Expected closures of a year [1/year]."""
    buildings: int
    """Buildings on the land that new roads take."""
    farmland: float
    """Farmland on it [m2]."""
    exposure: float
    """Mean exposure of the way to slopes [0-1]."""
    flooded_left: float
    """Length of the way that stays below full level [m]."""
    steepest: float
    """Steepest grade of the way, existing road included [fraction]."""
    detours: tuple[str, ...] = ()
    """Detours for the time being that it needs, by name."""
    detour_cost: float = 0.0
    """Cost of building and removing them, in the currency of the rates."""
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


OBJECTIVES = (
    Objective("cost", "USD"),
    Objective("length", "m"),
    Objective("truck_time", "s"),
    Objective("closed_days", "d"),
    Objective("steepest", "m/m"),
    Objective("structures", "m"),
    Objective("buildings", "-"),
    Objective("farmland", "m2"),
    Objective("flooded_left", "m"),
)
"""What options are compared by, the less the better: present cost of all works, in the currency of
the rates; length; time of a truck; expected closed days a year; steepest grade; bridges and
tunnels; buildings and farmland taken; road left below full level."""


def objectives(option: Option) -> tuple[float, ...]:
    """Give what options are compared by, in the order of `OBJECTIVES`."""
    return (
        option.present_cost,
        option.length,
        option.truck_time,
        option.closed_days,
        option.steepest,
        option.bridge_length + option.tunnel_length,
        float(option.buildings),
        option.farmland,
        option.flooded_left,
    )


def judged(options: Sequence[Option]) -> tuple[Option, ...]:
    """Return the same options with the Pareto flag set."""
    flags = front(np.array([objectives(option) for option in options]))
    return tuple(
        replace(option, pareto=bool(flag)) for option, flag in zip(options, flags, strict=True)
    )
