"""A road with what its sheets share, and what lies around it."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import shapely

from realign.geometry.alignment import Part, Stationed
from realign.geometry.tables import AWAY, Curve, Pvi, curves, exact, marked, pvis, stations
from realign.outputs.drawing.layout import SHEET, STEP, TICK, Points


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """A structure with the mark by which sheets refer to it."""

    mark: str
    part: Part

    @property
    def words(self) -> str:
        """Its name, or its form and length."""
        return self.part.name or f"{self.part.form.capitalize()} {self.part.length:.0f} m"


class Road:
    """A road with what its sheets share."""

    def __init__(self, road: Stationed) -> None:
        self.road = road
        self.plan = road.alignment.plan
        self.grades = road.alignment.grades
        self.length = road.alignment.length
        self.count = max(ceil((self.length - AWAY) / SHEET), 1)
        self.curves = list(enumerate(curves(self.plan), start=1))
        self.pvis = list(enumerate(pvis(self.grades), start=1))
        self.ticks, self.marks = marked(road, TICK)
        self.s = np.union1d(self.plan.stations(STEP), self.plan.start)
        self.track = self.plan.poses(self.s)
        self.xy = self.track[:, :2]
        counts = {"bridge": 0, "tunnel": 0}
        places: list[Points | Sequence[float]] = [
            self.ticks,
            *((c.start, c.end, *c.tangent_points) for _, c in self.curves),
        ]
        edges = np.append(SHEET * np.arange(self.count), self.length)
        places += [edges, [e[0] for e in road.equations]]
        for part in road.parts:  # as each sheet shows of it
            cuts = edges[(edges > part.start) & (edges < part.end)]
            cuts = np.concatenate(([part.start], cuts, [part.end]))
            places += [cuts, (cuts[:-1] + cuts[1:]) / 2]
        s = np.unique(np.concatenate(places))
        poses = self.plan.poses(s).tolist()
        self.poses: dict[float, list[float]] = dict(zip(s.tolist(), poses, strict=True))
        self.structures = []
        for part in road.parts:
            counts[part.form] += 1
            mark = f"{part.form[0].upper()}{counts[part.form]}"
            self.structures.append(Structure(mark, part))

    def pose(self, s: float) -> list[float]:
        """Find east, north, bearing and curvature at a distance."""
        if s not in self.poses:
            self.poses[s] = [float(each) for each in self.plan.poses([s])[0]]
        return self.poses[s]

    def around(
        self, begin: float, end: float
    ) -> tuple[list[tuple[int, Curve]], list[tuple[int, Pvi]]]:
        """Curves and PVIs of a stretch, and at least one more at either end."""
        places = [c.start for _, c in self.curves], [p.at for _, p in self.pvis]
        first = [max(bisect_left(at, begin) - 2, 0) for at in places]
        last = [bisect_right(at, end) + 2 for at in places]
        return self.curves[first[0] : last[0]], self.pvis[first[1] : last[1]]

    def station(self, s: float, *, behind: bool = False) -> str:
        """Write the chainage at a distance."""
        return exact(float(stations(self.road, s, behind=behind)))


class Around:
    """Lines of the surroundings, found by place."""

    def __init__(self, existing: Points | None, shores: Sequence[Points]) -> None:
        given = [("shore", np.asarray(line, np.float64)[:, :2]) for line in shores]
        if existing is not None:
            given.append(("existing", np.asarray(existing, np.float64)[:, :2]))
        pieces, self.kinds = [], []
        for kind, line in given:
            for i in range(0, len(line) - 1, 100):  # short pieces, of which a sheet needs few
                pieces.append(shapely.linestrings(line[i : i + 101]))
                self.kinds.append(kind)
        self.pieces = np.array(pieces, dtype=object)
        self.tree = shapely.STRtree(self.pieces)

    def near(self, window: shapely.Polygon) -> list[tuple[str, Points]]:
        """Kind and points of the lines that a window shows [m]."""
        found = np.sort(self.tree.query(window, predicate="intersects"))
        return [(self.kinds[i], shapely.get_coordinates(self.pieces[i])) for i in found]
