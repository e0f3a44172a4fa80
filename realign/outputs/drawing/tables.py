"""Tables beside plan and profile, by which a stretch is set out."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, pi

import numpy as np

from realign.outputs.drawing.layout import COLUMN, LEGEND, PITCH, TITLE
from realign.outputs.drawing.page import Page
from realign.outputs.drawing.title import LEGEND_OF_SHEETS, legend, title
from realign.outputs.paper import SMALL, Paper


@dataclass(frozen=True, slots=True)
class Grid:
    """A table of a sheet."""

    kind: str
    title: str
    heads: tuple[str, ...]
    shares: tuple[float, ...]
    rows: list[tuple[str, ...]]


class Tables:
    """What stands beside plan and profile."""

    def __init__(self, page: Page) -> None:
        self.page, self.paper = page, page.paper

    def drawn(self) -> None:
        """Write tables, legend and title block."""
        grids = [self.curves(), self.grades(), self.structures()]
        grids = [grid for grid in grids if grid.rows]
        stacked(self.paper, grids, COLUMN[3], LEGEND + 2)
        legend(self.paper, LEGEND_OF_SHEETS, (COLUMN[0], TITLE + 2, COLUMN[2], LEGEND))
        page = self.page
        begin = page.station(page.begin)
        end = page.station(page.end, last=True)
        title(
            self.paper,
            page.about,
            road=page.road,
            what="PLAN AND PROFILE",
            number=f"{page.number + 1} of {page.whole.count}",
            stretch=f"{begin} to {end}",
            scales="Plan 1:10,000; profile 1:10,000 / 1:1,000 (A3)",
        )

    def curves(self) -> Grid:
        """Table of the curves in plan."""
        page = self.page
        rows: list[tuple[str, ...]] = []
        for number, curve in page.curves:
            turn = abs(curve.deflection) * 180 / pi
            side = "L" if curve.deflection > 0 else "R"
            rows.append(
                (
                    str(number),
                    page.station(curve.start),
                    page.station(curve.end, last=True),
                    f"{_dms(turn)} {side}",
                    f"{curve.radius:.2f}",
                    _pair(*curve.clothoids),
                    _pair(*curve.tangents),
                    f"{curve.length:.2f}",
                    f"{curve.pi[0]:.2f}",
                    f"{curve.pi[1]:.2f}",
                )
            )
        heads = (
            "PI",
            "TC",
            "CT",
            "Deflection",
            "R [m]",
            "Clothoids [m]",
            "Tangents [m]",
            "L [m]",
            "E of PI [m]",
            "N of PI [m]",
        )
        shares = (5.5, 16.5, 16.5, 17.0, 11.0, 19.0, 22.0, 11.5, 15.5, 17.5)
        return Grid("curve", "CURVE TABLE", heads, shares, rows)

    def grades(self) -> Grid:
        """Table of the PVIs."""
        rows: list[tuple[str, ...]] = []
        for number, pvi in self.page.pvis:
            curved = isfinite(pvi.k)
            rows.append(
                (
                    str(number),
                    self.page.station(pvi.at),
                    f"{pvi.level:.2f}",
                    _percent(pvi.before),
                    _percent(pvi.after),
                    f"{pvi.curve:.2f}" if curved else "-",
                    f"{pvi.k:.2f}" if curved else "-",
                    f"{pvi.radius:.0f}" if curved else "-",
                    "-" if not curved else "sag" if pvi.after > pvi.before else "crest",
                )
            )
        heads = (
            "PVI",
            "Chainage",
            "Level [m]",
            "Grade in [%]",
            "Grade out [%]",
            "Curve length [m]",
            "K [m/%]",
            "R [m]",
            "Form",
        )
        shares = (8.0, 20.0, 18.0, 19.0, 19.0, 23.0, 16.0, 16.0, 13.0)
        return Grid("grade", "GRADE TABLE", heads, shares, rows)

    def structures(self) -> Grid:
        """Table of bridges and tunnels."""
        page = self.page
        rows: list[tuple[str, ...]] = [
            (
                each.mark,
                each.words,
                page.station(each.part.start),
                page.station(each.part.end, last=True),
                f"{each.part.length:.2f}",
            )
            for each in page.structures
        ]
        heads = ("No", "Structure", "From", "To", "Length [m]")
        return Grid("list", "STRUCTURES", heads, (10.0, 72.0, 25.0, 25.0, 20.0), rows)


def _dms(degrees: float) -> str:
    """Write an angle in degrees, minutes and seconds."""
    seconds = round(degrees * 3600)
    return f"{seconds // 3600}°{seconds // 60 % 60:02d}'{seconds % 60:02d}\""


def _pair(one: float, other: float) -> str:
    """Write two lengths, or one where they are equal."""
    if abs(one - other) < 0.005:
        return f"{one:.2f}" if one > 0.005 else "-"
    return f"{one:.2f} / {other:.2f}"


def _percent(grade: float) -> str:
    return f"{100 * grade:+.3f}" if isfinite(grade) else "-"


def stacked(paper: Paper, grids: Sequence[Grid], top: float, bottom: float) -> None:
    """Draw tables one under another, with rows as high as there is room for."""
    lines = sum(len(grid.rows) + 2 for grid in grids) + len(grids) - 1
    pitch = min(PITCH, (top - bottom) / max(lines, 1))
    y = top
    for grid in grids:
        table(paper, grid, y, pitch, (COLUMN[0], COLUMN[2]))
        y -= (len(grid.rows) + 3) * pitch


def table(paper: Paper, grid: Grid, top: float, pitch: float, sides: tuple[float, float]) -> None:
    """Draw a table from its upper edge down, with rows of a height, between two edges [mm]."""
    left, right = sides
    edges = left + (right - left) * np.cumsum((0.0, *grid.shares)) / sum(grid.shares)
    size = min(SMALL, 0.62 * pitch)
    paper.write("heading", grid.title, (left, top - pitch / 2), size=1.15 * size, bold=True)
    low = top - (len(grid.rows) + 2) * pitch
    paper.box("cell", (left, top - 2 * pitch, right, top - pitch))
    paper.box("outline", (left, low, right, top - pitch))
    for x in edges[1:-1]:
        paper.line("rule", [(x, low), (x, top - pitch)])
    for i, row in enumerate((grid.heads, *grid.rows)):
        y = top - (i + 1.5) * pitch
        if i:
            paper.line("rule", [(left, y + pitch / 2), (right, y + pitch / 2)])
        for j, words in enumerate(row):
            x0, x1 = edges[j] + 0.5, edges[j + 1] - 0.5
            first = words == grid.rows[i - 1][1] and grid.kind == "list" and i > 0 and j == 1
            at, anchor = ((x0, y), "start") if first else (((x0 + x1) / 2, y), "middle")
            kind = f"{grid.kind}-head" if i == 0 else f"{grid.kind}-{j}"
            paper.fitted(kind, words, at, x1 - x0, size=size, anchor=anchor, bold=i == 0)
