"""A value with its spread, and how spreads combine."""

import math
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """
    A value that is not known exactly: the best one between a low and a high one.

    The unit is that of the quantity it stands for: a price, an amount, a length.
    """

    low: float
    """Value that is only exceptionally undercut."""
    base: float
    """Best single value."""
    high: float
    """Value that is only exceptionally exceeded."""

    def __post_init__(self) -> None:
        """Refuse values out of order."""
        finite = math.isfinite(self.low) and math.isfinite(self.high)
        if not (finite and self.low <= self.base <= self.high):
            msg = f"wanted low <= base <= high, got {self.low:g}, {self.base:g}, {self.high:g}"
            raise ValueError(msg)

    @classmethod
    def exact(cls, value: float) -> "Estimate":
        """Give a value without spread."""
        return cls(value, value, value)

    def times(self, factor: float) -> "Estimate":
        """
        Multiply by an exact factor, not below zero.

        Examples
        --------
        >>> Estimate(8, 10, 12).times(3)
        Estimate(low=24, base=30, high=36)
        """
        if not 0 <= factor < math.inf:
            msg = f"an estimate is multiplied by a finite factor of 0 or more, got {factor:g}"
            raise ValueError(msg)
        return Estimate(self.low * factor, self.base * factor, self.high * factor)


def together(estimates: Iterable[Estimate]) -> Estimate:
    """
    Sum of values that are high or low together: low, base and high each add up.

    Examples
    --------
    >>> together([Estimate(7, 10, 14), Estimate(6, 10, 13)])
    Estimate(low=13.0, base=20.0, high=27.0)
    """
    given = tuple(estimates)
    return Estimate(
        math.fsum(each.low for each in given),
        math.fsum(each.base for each in given),
        math.fsum(each.high for each in given),
    )


def independent(estimates: Iterable[Estimate]) -> Estimate:
    """
    Sum of values that know nothing of each other: spreads add in squares, each side by itself.

    The base values add up. The distance of the low value below the base one is the
    root of the sum of the squared distances, and so is that of the high value above it
    (standard deviations of independent variables add in this way).

    Examples
    --------
    >>> independent([Estimate(7, 10, 14), Estimate(6, 10, 13)])
    Estimate(low=15.0, base=20.0, high=25.0)
    """
    given = tuple(estimates)
    base = math.fsum(each.base for each in given)
    below = math.hypot(*(each.base - each.low for each in given))
    above = math.hypot(*(each.high - each.base for each in given))
    return Estimate(base - below, base, base + above)
