"""What is to be paid: rupees by phase, component and calendar year."""

from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from realign.errors import StudyError

COMPONENTS = ("works", "land", "access", "earthworks", "bridges", "tunnels", "pavement")
"""Kinds of outlays that can be shared and escalated by themselves; "works" stands for all."""

CENT = Fraction(1, 100)  # one in a hundred, for what is written in per cent


@dataclass(frozen=True, slots=True)
class Outlay:
    """What one component of a phase costs, by calendar year."""

    phase: int
    """Number of the phase."""
    name: str
    """Name of the phase."""
    component: str
    """Kind of outlay, one of `COMPONENTS`."""
    years: tuple[tuple[int, int], ...]
    """Calendar year, each at most once and in order, and the rupees spent in it [PKR]."""

    def __post_init__(self) -> None:
        """Refuse unknown components, years out of order and money below nothing."""
        where = f"outlay '{self.component}' of phase {self.phase}"
        if self.component not in COMPONENTS:
            msg = f"{where}: wanted a component among {', '.join(COMPONENTS)}"
            raise StudyError(msg)
        if any(a >= b for (a, _), (b, _) in pairwise(self.years)):
            msg = f"{where}: the years are {[y for y, _ in self.years]}; wanted each once, in order"
            raise StudyError(msg)
        for year, rupees in self.years:
            if not rupees >= 0:
                msg = f"{where}: {rupees:,} rupees in {year}; wanted 0 or more"
                raise StudyError(msg)

    @property
    def rupees(self) -> int:
        """All of it [PKR]."""
        return sum(rupees for _, rupees in self.years)


def exact(value: float) -> Fraction:
    """
    Take a number as it is written: 0.85 is 17/20, not its nearest binary number.

    Examples
    --------
    >>> exact(0.85)
    Fraction(17, 20)
    """
    return Fraction(repr(value))


def nearest(value: Fraction) -> int:
    """Round to the nearest whole number, halves upwards."""
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def growth(percent: float, years: int) -> Fraction:
    """Factor by which something grows in whole years; 1 for years that went before [-]."""
    return (1 + exact(percent) * CENT) ** max(0, years)
