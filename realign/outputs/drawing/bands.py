"""The rows under the profile of a sheet."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np

from realign.chainage import text
from realign.geometry.tables import touches
from realign.outputs.drawing.layout import BOTTOM, STRIP
from realign.outputs.drawing.page import Page
from realign.outputs.paper import TINY, width_of


class Bands:
    """The rows of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def drawn(self) -> None:
        """Draw the rows under the profile."""
        paper = self.page.paper
        right = self.page.x(self.page.end)
        rows = (
            ("Structures", 5.0),
            ("Grades", 6.5),
            ("Height (+ fill, - cut) [m]", 4.6),
            ("Grade line [m]", 4.6),
            ("Ground [m]", 4.6),
            ("Chainage", 4.6),
            ("Curves (left up)", 7.6),
        )
        edges, y = {}, BOTTOM
        far = right + 4.8  # figures stand across the ends of the strip
        for name, height in rows:
            y -= height
            edges[name] = (y, y + height)
            paper.line("rule", [(22.0, y), (far, y)])
        paper.box("outline", (22.0, y, far, BOTTOM))
        for name in ("Structures", "Grades", "Curves (left up)"):  # elsewhere are figures
            for x in (STRIP, right):
                paper.line("outline", [(x, edges[name][0]), (x, edges[name][1])])
        for name, (low, high) in edges.items():
            paper.write("row", name, (23.0, (low + high) / 2), size=TINY + 0.1)
        self.figures({name: sum(edge) / 2 for name, edge in edges.items()})
        self.structure_band(*edges["Structures"])
        self.grade_band(*edges["Grades"])
        self.curve_band(*edges["Curves (left up)"])

    def figures(self, rows: Mapping[str, float]) -> None:
        """Write chainages and levels at every 100 m."""
        ground = self.page.road.ground
        s = np.array([at for at, _ in self.page.ticks])
        level = self.page.whole.grades.at(s)
        under = (
            np.interp(s, ground[:, 0], ground[:, 1], left=np.nan, right=np.nan)
            if len(ground)
            else np.full(len(s), np.nan)
        )
        bottom = rows["Curves (left up)"] + 3.8
        last = -1e9
        for (at, station), z, earth in zip(self.page.ticks, level, under, strict=True):
            x = self.page.x(at)
            self.page.paper.line("rule", [(x, bottom), (x, bottom + 0.8)])
            if x - last < 9.4:
                continue
            last = x
            figures = {"Chainage": text(station), "Grade line [m]": f"{z:.2f}"}
            if np.isfinite(earth):
                figures["Ground [m]"] = f"{earth:.2f}"
                figures["Height (+ fill, - cut) [m]"] = f"{z - earth:+.2f}"
            for row, words in figures.items():
                size = TINY + 0.4
                self.page.paper.write("figure", words, (x, rows[row]), size=size, anchor="middle")

    def cell(self, begin: float, end: float) -> tuple[float, float]:
        """Edges of what a row says of a stretch [mm]."""
        return self.page.x(max(begin, self.page.begin)), self.page.x(min(end, self.page.end))

    def choose(
        self, kind: str, options: Sequence[str], left: float, right: float, y: float
    ) -> None:
        """Write the first text that fits into a cell."""
        for words in options:
            if width_of(words, TINY + 0.2) < right - left - 0.8:
                at = ((left + right) / 2, y)
                self.page.paper.write(kind, words, at, size=TINY + 0.2, anchor="middle")
                return

    def structure_band(self, low: float, high: float) -> None:
        """Draw structures from end to end."""
        for each in self.page.structures:
            left, right = self.cell(each.part.start, each.part.end)
            box = (left, low + 0.5, right, high - 0.5)
            self.page.paper.box("deck" if each.part.form == "bridge" else "tube", box)
            self.page.paper.box("rule", box)
            words = (f"{each.mark} {each.words}", each.mark)
            self.choose("structure", words, left, right, (low + high) / 2)

    def grade_band(self, low: float, high: float) -> None:
        """Draw grades between PVIs."""
        for (_, one), (_, other) in pairwise(self.page.pvis_around):
            if not touches(one.at, other.at, (self.page.begin, self.page.end)):
                continue
            left, right = self.cell(one.at, other.at)
            ends = (low, high) if one.after >= 0 else (high, low)
            self.page.paper.line("grid", [(left, ends[0]), (right, ends[1])])
            self.page.paper.line("rule", [(right, low), (right, high)])
            grade = f"{100 * one.after:+.2f}"
            words = (f"{grade} % {other.at - one.at:.1f} m", f"{grade} %", grade)
            self.choose("slope", words, left, right, (low + high) / 2)

    def curve_band(self, low: float, high: float) -> None:
        """Draw the curvature: left curves above the middle, right ones below."""
        middle, half = (low + high) / 2, (high - low) / 2 - 1.0
        line = [(self.page.begin, 0.0)]
        for _, curve in self.page.curves:
            side = half if curve.deflection > 0 else -half
            first, last = curve.tangent_points
            line += [(curve.start, 0.0), (first, side), (last, side), (curve.end, 0.0)]
        line.append((self.page.end, 0.0))
        points = np.array([(self.page.x(s), middle + y) for s, y in line])
        self.page.paper.clipped("curvature", points, (STRIP, low, self.page.x(self.page.end), high))
        for number, curve in self.page.curves:
            left, right = self.cell(curve.start, curve.end)
            y = middle + (-1.7 if curve.deflection > 0 else 1.7)  # where the line is not
            radius = f"R={curve.radius:.0f}"
            options = (f"PI {number} {radius}", radius, f"{curve.radius:.0f}", f"{number}")
            self.choose("radius", options, left, right, y)
