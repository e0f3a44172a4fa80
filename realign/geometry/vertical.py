"""
Vertical geometry: grades between points of intersection, with a parabola at each.

Levels are those of the road's centre line, grades are positive uphill in the
direction of chainage.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from realign.errors import GeometryError

SHORTEST = 1e-6
"""Vertical curves shorter than this count as none [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Grades:
    """A grade line: PVIs with the lengths of their parabolas."""

    chainage: NDArray[np.float64]
    """Chainage of the PVIs, ascending, first and last are the ends, shape (n,) [m]."""
    level: NDArray[np.float64]
    """Level of the PVIs, shape (n,) [m above datum]."""
    curve: NDArray[np.float64]
    """Length of the parabola at each PVI, symmetric, 0 at both ends, shape (n,) [m]."""

    def __post_init__(self) -> None:
        """Refuse PVIs out of order and parabolas that overlap."""
        gaps = np.diff(self.chainage)
        if len(self.chainage) < 2 or not (gaps > 0).all():
            msg = "a grade line needs at least two PVIs in order of chainage"
            raise GeometryError(msg)
        taken = (self.curve[:-1] + self.curve[1:]) / 2 - gaps
        if taken.max() > 1e-6:
            where = self.chainage[int(np.argmax(taken))]
            msg = f"two vertical curves overlap by {taken.max():.3f} m after {where:.1f} m"
            raise GeometryError(msg)

    @property
    def grade(self) -> NDArray[np.float64]:
        """Grade between neighbouring PVIs, shape (n - 1,) [fraction]."""
        return np.asarray(np.diff(self.level) / np.diff(self.chainage))

    def at(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Level at chainages.

        Parameters
        ----------
        s
            Chainages within the line, shape (k,) [m].

        Returns
        -------
        level
            On the parabola z = tangent + (change of grade / 2 L) d^2, d from the
            start of the curve, shape (k,) [m above datum].
        """
        s = np.asarray(s, np.float64)
        straight = np.interp(s, self.chainage, self.level)
        if len(self.chainage) < 3:
            return np.asarray(straight)
        inner, length = self.chainage[1:-1], self.curve[1:-1]
        apart = (inner[:-1] + length[:-1] / 2 + inner[1:] - length[1:] / 2) / 2
        i = np.searchsorted(apart, s)
        inside = np.maximum(length[i] / 2 - np.abs(s - inner[i]), 0.0)
        change = np.diff(self.grade)[i]
        return np.asarray(straight + change * inside**2 / (2 * np.maximum(length[i], SHORTEST)))

    def steepest_between(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Steepest grade of every interval, wherever it lies in it.

        Parameters
        ----------
        s
            Ends of the intervals, ascending, within the line, shape (k,) [m].

        Returns
        -------
        steepest
            Without sign, shape (k - 1,) [fraction]; on parabolas grades change
            evenly, so that one of the ends or of the joints within is steepest.
        """
        at = np.abs(self.grade_at(s))
        out = np.maximum(at[:-1], at[1:])
        joints = np.concatenate((self.chainage - self.curve / 2, self.chainage + self.curve / 2))
        joints = joints[(joints > s[0]) & (joints < s[-1])]
        owner = np.searchsorted(s, joints, side="right") - 1
        np.maximum.at(out, owner, np.abs(self.grade_at(joints)))
        return np.asarray(out)

    def grade_at(self, s: NDArray[np.float64]) -> NDArray[np.float64]:
        """
        Grade at chainages.

        Parameters
        ----------
        s
            Chainages within the line, shape (k,) [m].

        Returns
        -------
        grade
            Positive uphill, changing evenly along parabolas, shape (k,) [fraction].
        """
        starts = self.chainage - self.curve / 2
        ends = self.chainage + self.curve / 2
        grade = self.grade
        knots = np.column_stack((starts, ends))[1:-1].ravel()
        values = np.column_stack((grade[:-1], grade[1:])).ravel()
        if knots.size == 0:
            return np.full(np.shape(s), grade[0])
        return np.asarray(np.interp(s, knots, values))
