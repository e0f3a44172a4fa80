"""Plan and grade line together: place, bearing, curvature and level at a chainage."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from shapely import LineString, STRtree, linestrings

from realign.chainage import text
from realign.errors import GeometryError, NoRouteError
from realign.geometry.horizontal import Element, travelled
from realign.geometry.vertical import Grades
from realign.terrain import Terrain

ROUNDING = 1e-6
"""Length by which chainages may differ from rounding [m]."""
BESIDE_JOINT = 0.01
"""Stations of a piece nearer than this to its ends, which are stations, are left out [m]."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """A chain of elements with chainages from 0."""

    elements: tuple[Element, ...]
    """Elements, each beginning where the last ended."""
    pieces: tuple[tuple[float, float, float], ...] = ()
    """Where the plan is put together from pieces of others, of each the length of the whole one,
    and the chainages on it from and to which it is used [m]; stations stay where those have them.
    By default the plan is one of its own."""
    start: NDArray[np.float64] = field(init=False)
    """Chainage at which each element begins, and the end of the last, shape (n + 1,) [m]."""
    _table: NDArray[np.float64] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Add up the chainages."""
        if not self.elements:
            msg = "an alignment needs at least one element"
            raise GeometryError(msg)
        lengths = [element.length for element in self.elements]
        object.__setattr__(self, "start", np.concatenate(([0.0], np.cumsum(lengths))))
        table = [
            (e.start.x, e.start.y, e.start.bearing, e.k0, e.k1, e.length) for e in self.elements
        ]
        object.__setattr__(self, "_table", np.array(table))

    @property
    def length(self) -> float:
        """Length along the centre line [m]."""
        return float(self.start[-1])

    def stations(self, step: float) -> NDArray[np.float64]:
        """
        Evenly spaced chainages no farther apart than a step [m], both ends included.

        On pieces of other plans they are those of the whole ones, and the joints.
        """
        if not self.pieces:
            return _evenly(self.length, step)
        out, begin = [np.zeros(1)], 0.0
        for whole, a, b in self.pieces:
            s = _evenly(whole, step)
            least = min(BESIDE_JOINT, (b - a) / 2)
            s = s[(s > a + least) & (s < b - least)]
            out += [begin + (s - a), np.array([begin + (b - a)])]
            begin += b - a
        out[-1][:] = self.length
        return np.concatenate(out)

    def poses(self, s: ArrayLike) -> NDArray[np.float64]:
        """
        Places and bearings at chainages.

        Parameters
        ----------
        s
            Chainages, ascending, shape (k,) [m].

        Returns
        -------
        poses
            x [m], y [m], bearing [rad] and curvature [1/m], shape (k, 4).
        """
        wanted = np.atleast_1d(np.asarray(s, np.float64))
        owner = np.clip(
            np.searchsorted(self.start, wanted, side="right") - 1, 0, len(self.elements) - 1
        )
        x, y, bearing, k0, k1, length = self._table[owner].T
        d = np.clip(wanted - self.start[owner], 0.0, length)
        rate = (k1 - k0) / length
        along = travelled(bearing, k0, rate, d)
        return np.column_stack(
            (x + along[:, 0], y + along[:, 1], bearing + k0 * d + rate * d**2 / 2, k0 + rate * d)
        )


def _evenly(length: float, step: float) -> NDArray[np.float64]:
    return np.linspace(0.0, length, max(int(np.ceil(length / step - 1e-9)), 1) + 1)


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """A road that can be set out."""

    plan: Plan
    """Horizontal geometry."""
    grades: Grades
    """Vertical geometry, by chainage of the plan."""

    @property
    def length(self) -> float:
        """Length along the centre line, in plan [m]."""
        return self.plan.length

    @property
    def radius(self) -> float:
        """Smallest radius [m]; infinite for a straight road."""
        tightest = max(max(abs(e.k0), abs(e.k1)) for e in self.plan.elements)
        return 1 / tightest if tightest > 0 else float("inf")

    def chords(self, off: float) -> NDArray[np.float64]:
        """
        Chainages so dense that chords between them keep near the road.

        Parameters
        ----------
        off
            Greatest distance from the road, in plan and in level each [m].

        Returns
        -------
        s
            Ascending, both ends and all joints included, shape (n,) [m].
        """
        grades = self.grades
        knots = np.concatenate(
            (grades.chainage - grades.curve / 2, grades.chainage + grades.curve / 2)
        )
        edges = np.unique(np.concatenate((self.plan.start, np.clip(knots, 0.0, self.length))))
        edges = edges[np.append(True, np.diff(edges) > ROUNDING)]
        edges[-1] = self.length
        # curvature is linear between joints; its value at a joint is that of the next element
        first = self.plan.poses(edges[:-1])[:, 3]
        middle = self.plan.poses((edges[:-1] + edges[1:]) / 2)[:, 3]
        bend = np.maximum(np.abs(first), np.abs(2 * middle - first))
        steep = grades.grade_at(edges)
        bend = np.maximum(bend, np.abs(np.diff(steep)) / np.diff(edges))
        count = np.ceil(np.diff(edges) * np.sqrt(bend / (8 * off))).astype(np.int64) + 1
        parts = [
            np.linspace(a, b, k, endpoint=False)
            for a, b, k in zip(edges[:-1], edges[1:], count, strict=True)
        ]
        return np.append(np.concatenate(parts), self.length)

    @property
    def steepest(self) -> float:
        """Steepest grade, without sign [fraction]."""
        return float(np.abs(self.grades.grade).max())


@dataclass(frozen=True, slots=True)
class Part:
    """A bridge or a tunnel on a road."""

    form: str
    """"bridge" or "tunnel"."""
    start: float
    """Distance from the start of the road at which it begins [m]."""
    end: float
    """Distance at which it ends [m]."""
    name: str = ""
    """Name by which it is known."""

    def __post_init__(self) -> None:
        """Refuse other forms."""
        if self.form not in {"bridge", "tunnel"}:
            msg = f'a structure is a "bridge" or a "tunnel", got "{self.form}"'
            raise GeometryError(msg)

    @property
    def length(self) -> float:
        """Length [m]."""
        return self.end - self.start


@dataclass(frozen=True, slots=True, eq=False)
class Stationed:
    """An alignment with the name and the stations by which it is set out."""

    name: str
    """Name of the alignment; no two of a file share one."""
    alignment: Alignment
    """Horizontal and vertical geometry."""
    description: str = ""
    """What the road is, in a sentence."""
    start: float = 0.0
    """Station at which the alignment begins [m]."""
    equations: tuple[tuple[float, float, float], ...] = ()
    """Station equations in order: distance from the start of the road, and the station there seen
    from behind and from ahead [m]."""
    ground: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """Distance from the start of the road [m] and ground level [m above datum], shape (n, 2); NaN
    where the ground is unknown."""
    water: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    """Distance from the start of the road [m] and level of the water beside or under it [m above
    datum], shape (m, 2); NaN where there is none."""
    parts: tuple[Part, ...] = ()
    """Bridges and tunnels in order."""

    def __post_init__(self) -> None:
        """Refuse station equations and structures off the road or out of order."""
        places = [0.0, *(at for at, _, _ in self.equations), self.alignment.length]
        if any(after < before - ROUNDING for before, after in pairwise(places)):
            msg = (
                f"{self.name}: station equations at {places[1:-1]} m; wanted them in order and "
                f"within the {self.alignment.length:.3f} m of the road"
            )
            raise GeometryError(msg)
        for part in self.parts:
            if not -ROUNDING <= part.start < part.end <= self.alignment.length + ROUNDING:
                msg = (
                    f"{self.name}: a {part.form} from {part.start:.3f} m to {part.end:.3f} m is "
                    f"not on the road, which is {self.alignment.length:.3f} m long"
                )
                raise GeometryError(msg)


def ground_under(
    plan: Plan, terrain: Terrain, s: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """
    Ground and cross slope under an alignment.

    Parameters
    ----------
    plan
        Horizontal geometry.
    terrain
        Ground.
    s
        Chainages, ascending, shape (n,) [m].

    Returns
    -------
    poses, ground, slope
        Poses of shape (n, 4), ground level [m] and cross slope without sign
        [m/m], both of shape (n,); NaN off the ground. The slope is that between
        points one cell to the left and right.
    """
    poses = plan.poses(s)
    x, y, bearing = poses[:, 0], poses[:, 1], poses[:, 2]
    half = terrain.cell
    left = terrain.sample(x - half * np.sin(bearing), y + half * np.cos(bearing))
    right = terrain.sample(x + half * np.sin(bearing), y - half * np.cos(bearing))
    return poses, terrain.sample(x, y), np.abs(left - right) / (2 * half)


def refuse_unknown(s: NDArray[np.float64], *values: NDArray[np.float64]) -> None:
    """
    Refuse a road over ground that is not known.

    Parameters
    ----------
    s
        Chainages along the new road, ascending, shape (n,) [m].
    values
        What has to be known there, such as level and cross slope, each of shape (n,).

    Raises
    ------
    NoRouteError
        One of them is NaN; the message names the first and the last such chainage.
    """
    missing = np.flatnonzero(np.isnan(values).any(axis=0))
    if missing.size:
        first, last = float(s[missing[0]]), float(s[missing[-1]])
        msg = (
            f"no ground is known under or beside the new road at {missing.size} of {s.size} "
            f"stations between its chainages {text(first)} and {text(last)}; wanted a DEM without "
            "holes there, or a conditioning.fill_void_m as wide as they are"
        )
        raise NoRouteError(msg)


def crossings(plan: Plan, lines: Sequence[LineString], *, step: float = 5.0) -> NDArray[np.float64]:
    """
    Chainages at which an alignment crosses lines such as rivers.

    Parameters
    ----------
    plan
        Horizontal geometry.
    lines
        Lines in its reference system.
    step
        The alignment is taken as straight over this length [m].

    Returns
    -------
    s
        Ascending, each to half a step, shape (k,) [m].
    """
    return np.unique(met(plan, lines, step=step)[0])


def met(
    plan: Plan, lines: Sequence[LineString], *, step: float = 5.0
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """
    Chainages at which an alignment meets lines, and which it meets there.

    Parameters
    ----------
    plan, lines, step
        As for `crossings`.

    Returns
    -------
    s, line
        Chainages, each to half a step [m], and numbers of the lines, both of shape
        (k,), by number of the line.
    """
    if not len(lines):
        return np.empty(0), np.empty(0, np.int64)
    s = plan.stations(step)
    xy = plan.poses(s)[:, :2]
    pieces = np.asarray(linestrings(np.stack((xy[:-1], xy[1:]), axis=1)))
    line, found = STRtree(pieces).query(np.asarray(lines, dtype=object), predicate="intersects")
    return np.asarray((s[:-1] + s[1:])[found] / 2), np.asarray(line)


def beside(s: NDArray[np.float64], spans: NDArray[np.float64]) -> NDArray[np.bool_]:
    """
    Which stations lie within stretches of the road.

    Parameters
    ----------
    s
        Stations, shape (n,) [m].
    spans
        Chainages from which and up to which each stretch reaches, shape (k, 2) [m].

    Returns
    -------
    within
        Shape (n,); the ends of a stretch are in it.

    Examples
    --------
    >>> beside(np.array([0.0, 20.0, 40.0]), np.array([[35.0, 55.0], [40.0, 45.0]])).tolist()
    [False, False, True]
    """
    begun = np.searchsorted(np.sort(spans[:, 0]), s, side="right")
    return np.asarray(begun > np.searchsorted(np.sort(spans[:, 1]), s))
