"""The profile of a sheet, in parts with a datum each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, isfinite, pi

import numpy as np
from numpy.typing import NDArray

from realign.chainage import text
from realign.geometry.tables import AWAY, exact, stations, steps
from realign.outputs.drawing.layout import (
    ALONG,
    BOTTOM,
    CHORD,
    DATUMS,
    END,
    HIGH,
    LOW,
    RISE,
    STRIP,
    TOP,
    UP,
    Points,
)
from realign.outputs.drawing.page import Page
from realign.outputs.paper import TINY, Box, runs, spread, width_of, within


@dataclass(frozen=True, slots=True)
class _Panel:
    """A part of a profile with one datum."""

    begin: float
    end: float
    datum: float


class ProfileView:
    """The profile of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def panels(self) -> list[_Panel]:
        """Parts of the profile, each with a datum above which its grade line has room."""
        grades = self.page.whole.grades
        s = steps(grades, self.page.begin, self.page.end, chord=CHORD)
        s = np.unique(np.concatenate((s, [at for at, _ in self.page.ticks])))
        s = s[(s >= self.page.begin) & (s <= self.page.end)]
        level = grades.at(s)
        ticks = np.array([at for at, _ in self.page.ticks])
        even = (np.abs(s[:, None] - ticks) < AWAY).any(axis=1)
        room = UP * (TOP - BOTTOM - LOW - HIGH) - DATUMS
        cuts = _cut(level, room, even)
        for share in np.arange(0.5, 1.0, 0.05):  # parts as even as their number allows
            tighter = _cut(level, share * room, even)
            if len(tighter) == len(cuts):
                cuts = tighter
                break
        return [
            _Panel(float(s[i]), float(s[j]), self.datum(s[i], s[j], level[i : j + 1]))
            for i, j in pairwise(cuts)
        ]

    def datum(self, begin: float, end: float, level: Points) -> float:
        """Datum that shows a grade line and as much as possible of ground and water."""
        least = float(level.max()) - UP * (TOP - BOTTOM - HIGH)
        most = float(level.min()) - UP * LOW
        data = DATUMS * np.arange(ceil(least / DATUMS), floor(most / DATUMS) + 1)
        if not len(data):  # the grade line is too steep for any: its middle is shown
            return DATUMS * floor((least + most) / 2 / DATUMS)
        shown = []
        for line in (self.page.road.ground, self.page.road.water):
            near = (line[:, 0] >= begin) & (line[:, 0] <= end) & np.isfinite(line[:, 1])
            shown.append(line[near, 1])
        around = np.concatenate(shown)
        seen = [
            int(((around >= datum) & (around <= datum + UP * (TOP - BOTTOM - HIGH / 2))).sum())
            for datum in data
        ]
        middle = (least + most) / 2
        best = max(range(len(data)), key=lambda i: (seen[i], -abs(data[i] - middle)))
        return float(data[best])

    def drawn(self) -> None:
        """Draw the profile."""
        paper = self.page.paper
        right = self.page.x(self.page.end)
        paper.box("outline", (STRIP, BOTTOM, right, TOP))
        paper.write(
            "heading",
            "PROFILE 1:10,000 / 1:1,000",
            ((STRIP + END) / 2, TOP + 2.8),
            anchor="middle",
            bold=True,
        )
        for s, last, other in (
            (self.page.begin, False, self.page.number),
            (self.page.end, True, self.page.number + 2),
        ):
            if 1 <= other <= self.page.whole.count:
                words = f"MATCH LINE {self.page.station(s, last=last)}, SHEET {other}"
                x, anchor = (END, "end") if last else (STRIP, "start")
                paper.write("match", words, (x, TOP + 2.8), anchor=anchor, bold=True)
        for i in range(3):  # a bar that tells when a print has been scaled
            x = 24.0 + 10.0 * i
            paper.line("outline", [(x, TOP + 1.6), (x, TOP + 2.8)])
            words = f"{10 * ALONG * i:.0f}" + (" m" if i == 2 else "")
            paper.write("bar", words, (x, TOP + 4.2), size=1.5, anchor="middle")
        paper.line("outline", [(24.0, TOP + 1.6), (44.0, TOP + 1.6)])
        for s, _ in self.page.ticks:
            paper.line("grid", [(self.page.x(s), BOTTOM), (self.page.x(s), TOP)])
        panels = self.panels()
        for number, panel in enumerate(panels):
            self.panel(panel, number)
        for one in panels[1:]:
            self.broken(one)
        self.flags(panels)
        for at, behind, ahead in self.page.equations:
            x = self.page.x(at)
            paper.line("equation", [(x, BOTTOM), (x, BOTTOM + 22)])
            words = f"STA. EQ. {text(behind)} = {text(ahead)}"
            side = -1.6 if x > END - 4 else 1.6
            paper.write("equation", words, (x + side, BOTTOM + 1), size=TINY, turn=pi / 2)

    def panel(self, panel: _Panel, number: int) -> None:
        """Draw a part of the profile."""
        paper, grades = self.page.paper, self.page.whole.grades
        left, right = self.page.x(panel.begin), self.page.x(panel.end)
        box = (left, BOTTOM, right, TOP)

        def placed(line: Points) -> Points:
            return np.column_stack(
                (
                    STRIP + (line[:, 0] - self.page.begin) / ALONG,
                    BOTTOM + (line[:, 1] - panel.datum) / UP,
                )
            )

        self.levels(panel, number)
        s = steps(grades, panel.begin, panel.end, chord=CHORD)
        grade = placed(np.column_stack((s, grades.at(s))))
        for each in self.page.structures:
            begin, end = max(each.part.start, panel.begin), min(each.part.end, panel.end)
            if end - begin > AWAY:
                own = steps(grades, begin, end, chord=CHORD)
                top = placed(np.column_stack((own, grades.at(own))))
                self.structure(each.part.form, top, box)
        for kind, line in (("ground", self.page.road.ground), ("water", self.page.road.water)):
            for run in runs(line):
                paper.clipped(kind, placed(run), box)
        for words, at in self.water_levels(panel):
            paper.write("water", words, at, anchor="middle", size=TINY)
        polygon = np.column_stack((grades.chainage, grades.level))
        paper.clipped("tangents", placed(polygon), box)
        for part in within(grade, box):
            paper.line("grade", part)

    def levels(self, panel: _Panel, number: int) -> None:
        """Draw the grid of levels of a part of the profile, and write its datum."""
        paper = self.page.paper
        left, right = self.page.x(panel.begin), self.page.x(panel.end)
        for level in np.arange(panel.datum, panel.datum + UP * (TOP - BOTTOM) + 1e-6):
            if level % RISE:
                continue
            y = BOTTOM + (level - panel.datum) / UP
            paper.line("grid", [(left, y), (right, y)])
            if number == 0 and y > BOTTOM + 4:
                paper.write("level", f"{level:.0f}", (STRIP - 1.5, y), anchor="end")
            elif number and BOTTOM + 5 < y < TOP - HIGH:
                paper.write("level", f"{level:.0f}", (left + 1.2, y), size=TINY)
        words = f"DATUM {panel.datum:.2f}"
        if number == 0:
            paper.write("datum", words, (STRIP - 1.5, BOTTOM + 1.2), anchor="end", bold=True)
        else:
            paper.write("datum", words, (left + 1.2, BOTTOM + 2.2), bold=True)

    def water_levels(self, panel: _Panel) -> list[tuple[str, tuple[float, float]]]:
        """Words for the level of each long stretch of water, and their places."""
        out = []
        for run in runs(self.page.road.water):
            near = run[(run[:, 0] >= panel.begin) & (run[:, 0] <= panel.end)]
            if len(near) < 2 or np.ptp(near[:, 0]) < 150.0:
                continue
            s, level = near[len(near) // 2]
            y = BOTTOM + (level - panel.datum) / UP + 1.5
            x = min(max(self.page.x(s), STRIP + 9), END - 9)
            if BOTTOM + 1 < y < TOP - HIGH:
                out.append((f"WL {level:.2f}", (x, y)))
        return out

    def structure(self, form: str, top: Points, box: Box) -> None:
        """Draw a deck below the grade line, or a tube above it."""
        thick = -1.8 if form == "bridge" else 6.0
        other = top[::-1] + np.array([0.0, thick])
        ring = np.vstack((top, other, top[:1]))
        low, high = ring.min(axis=0), ring.max(axis=0)
        if low[1] < box[1] or high[1] > box[3]:
            return
        self.page.paper.line("deck" if form == "bridge" else "tube", ring)
        self.page.paper.line(form, ring)
        # hatched, so that it is told apart without colours
        along = np.arange(top[0, 0], top[-1, 0], 2.0 if form == "bridge" else 3.0)
        y = np.interp(along, *top.T)
        for x, level in zip(along[1:], y[1:], strict=True):
            lean = 0.0 if form == "bridge" else 1.5
            self.page.paper.clipped(
                "rule", np.array([(x - lean, level), (x, level + thick)]), (low[0], *box[1:])
            )

    def broken(self, panel: _Panel) -> None:
        """Draw the line at which the datum changes."""
        x = self.page.x(panel.begin)
        y = np.linspace(BOTTOM, TOP - 32, 33)
        zigzag = np.column_stack((x + 0.5 * np.where(np.arange(33) % 2, 1, -1), y))
        zigzag[[0, -1], 0] = x
        self.page.paper.line("break", zigzag)
        self.page.paper.write(
            "break", "DATUM SHIFT", (x - 1.8, BOTTOM + 1.5), size=TINY, turn=pi / 2
        )

    def flags(self, panels: Sequence[_Panel]) -> None:
        """Write chainage, level and parabola of PVIs above the grade line."""
        own = [
            (i, p)
            for i, p in self.page.pvis
            if self.page.begin - AWAY <= p.at <= self.page.end + AWAY
        ]
        places = spread(
            [self.page.x(p.at) for _, p in own], 6.2, STRIP + 3.2, self.page.x(self.page.end) - 3.2
        )
        base = TOP - 31.0
        for (number, pvi), x in zip(own, places, strict=True):
            panel = next((p for p in panels if p.begin <= pvi.at <= p.end), panels[-1])
            at = self.page.x(pvi.at), BOTTOM + (pvi.level - panel.datum) / UP
            if BOTTOM <= at[1] <= base - 3:
                ring = np.linspace(0, 2 * pi, 13)
                circle = 0.6 * np.column_stack((np.cos(ring), np.sin(ring)))
                self.page.paper.clipped("outline", at + circle, (STRIP, BOTTOM, END, TOP))
                self.page.paper.line("flag", [at, (at[0], base - 2.5), (x, base), (x, TOP)])
            else:
                self.page.paper.line("flag", [(at[0], base - 2.5), (x, base), (x, TOP)])
            one = f"PVI {number} {exact(float(stations(self.page.road, pvi.at)))}"
            two = f"{pvi.level:.2f}"
            if isfinite(pvi.k):
                two += f" L={pvi.curve:.0f} K={pvi.k:.1f}"
            wide = max(width_of(words, TINY + 0.2) for words in (one, two))
            self.page.paper.box("halo", (x - 2.4, base, x + 2.6, base + wide + 2))
            for words, off in ((one, -1.3), (two, 1.5)):
                self.page.paper.write(
                    "pvi", words, (float(x) + off, base + 1), size=TINY + 0.2, turn=pi / 2
                )


def _cut(level: Points, room: float, even: NDArray[np.bool_]) -> list[int]:
    """Places that cut a line into parts of no more height than there is room for, both ends too."""
    cuts = [0]
    while cuts[-1] < len(level) - 1:
        first = cuts[-1]
        rise = np.maximum.accumulate(level[first:]) - np.minimum.accumulate(level[first:])
        last = first + max(int(np.searchsorted(rise, room, side="right")) - 1, 1)
        if last < len(level) - 1:  # rather at a round chainage
            last = max((i for i in range(first + 1, last + 1) if even[i]), default=last)
        cuts.append(last)
    return cuts
