"""Mass-haul diagrams."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10, pi

import numpy as np

from realign.chainage import text
from realign.geometry.alignment import Stationed
from realign.geometry.tables import exact, marked, stations
from realign.outputs.drawing.layout import COLUMN, PITCH, TITLE, About, MassHaul
from realign.outputs.drawing.tables import Grid, table
from realign.outputs.drawing.title import LEGEND_OF_HAULS, legend, title
from realign.outputs.paper import FRAME, TINY, Box, Paper, Sheet, runs

SCALES = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 75, 100, 125, 150, 200, 250, 300, 400, 500, 1000)
"""Scales along a mass-haul diagram, in thousands."""
UNITS = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Volumes of a millimetre up, over powers of ten."""
HAUL: Box = (44.0, 100.0, 404.0, 276.0)
"""Window of the diagram."""


def diagram(road: Stationed, haul: MassHaul, about: About, name: str) -> Sheet:
    """Draw the mass-haul diagram of a road."""
    paper = Paper(name, f"{road.name}, mass haul")
    left, bottom, right, top = HAUL
    length = road.alignment.length
    scale = next((k for k in SCALES if length / k <= right - left), ceil(length / (right - left)))
    end = left + length / scale
    ordinate = np.concatenate(([0.0], haul.ordinate[np.isfinite(haul.ordinate)]))
    step = _round_step(float(np.ptp(ordinate)), 8)
    low, high = floor(float(ordinate.min()) / step), ceil(float(ordinate.max()) / step)
    high = max(high, low + 1)
    unit = _round_step((high - low) * step, floor(top - bottom), UNITS)
    tall = 1 / unit
    top = bottom + (high - low) * step * tall

    def x(s: float) -> float:
        return left + s / scale

    def y(volume: float) -> float:
        return bottom + (volume - low * step) * tall

    window = (left, bottom, end, top)
    paper.box("outline", window)
    zero = y(0.0)
    for i in range(low, high + 1):
        paper.line("grid", [(left, y(i * step)), (end, y(i * step))])
        words = f"{i * step:,.0f}"
        paper.write("level", words, (left - 1.5, y(i * step)), anchor="end")
    paper.line("outline", [(left, zero), (end, zero)])
    apart = _round_step(length, 20)
    for at, station in zip(*marked(road, apart), strict=True):
        paper.line("grid", [(x(at), bottom), (x(at), top)])
        paper.write("chainage", text(station), (x(at), bottom - 3), anchor="middle")
    for at, behind, ahead in road.equations:
        paper.line("equation", [(x(at), bottom), (x(at), bottom + 6)])
        words = f"{text(behind)} = {text(ahead)}"
        paper.write("equation", words, (x(at) + 1.4, bottom + 1), size=TINY, turn=pi / 2)
    for run in runs(np.column_stack((haul.distance, haul.ordinate))):
        line = np.column_stack((left + run[:, 0] / scale, zero + run[:, 1] * tall))
        ends = line[[0, -1], 0]
        for kind, part in (
            ("cut", np.maximum(line[:, 1], zero)),
            ("fill", np.minimum(line[:, 1], zero)),
        ):
            upper = np.column_stack((line[:, 0], part))
            corner = np.array([[ends[0], zero]])
            paper.line(kind, np.vstack((corner, upper, [[ends[1], zero]], corner)))
        paper.line("haul", line)
    paper.write("heading", "MASS-HAUL DIAGRAM", (left, top + 6), size=3.2, bold=True)
    ordinates = "Cut less fill from the start of the road [m³ of fill]"
    paper.write("unit", ordinates, (left, top + 2.2))
    _sites(paper, road, haul, x, y)
    legend(paper, LEGEND_OF_HAULS, (COLUMN[0], TITLE + 2, COLUMN[2], TITLE + 13))
    title(
        paper,
        about,
        road=road,
        what="MASS-HAUL DIAGRAM",
        number="1 of 1",
        stretch=f"{exact(road.start)} to {exact(float(stations(road, length)))}",
        scales=f"1:{scale * 1000:,} along; 1 mm = {unit:,g} m³ (A3)",
    )
    return paper.sheet


def _sites(
    paper: Paper,
    road: Stationed,
    haul: MassHaul,
    x: Callable[[float], float],
    y: Callable[[float], float],
) -> None:
    """Mark borrow pits and spoil tips in the diagram, and list them below."""
    known = np.isfinite(haul.ordinate)
    sites = sorted(haul.sites)
    rows: list[tuple[str, ...]] = []
    for number, (at, borrowed, wasted) in enumerate(sites, start=1):
        level = np.interp(at, haul.distance[known], haul.ordinate[known]) if known.any() else 0.0
        place = np.array([x(at), y(float(level))])
        ring = np.linspace(0, 2 * pi, 13)
        paper.line("outline", place + 0.9 * np.column_stack((np.cos(ring), np.sin(ring))))
        high = min(place[1] + 5, HAUL[3] - 3)
        paper.line("flag", np.array([place, (place[0], high - 1.2)]))
        paper.write("site", f"S{number}", (place[0], high), anchor="middle", bold=True)
        station = exact(float(stations(road, at)))
        rows.append((f"S{number}", station, f"{borrowed:,.0f}", f"{wasted:,.0f}"))
    heads = ("Site", "Chainage", "Borrowed [m³]", "Wasted [m³]")
    total = ("All", "", f"{sum(s[1] for s in sites):,.0f}", f"{sum(s[2] for s in sites):,.0f}")
    per = 22
    for i in range(0, max(len(rows), 1), per):
        last = i + per >= len(rows)
        own = [*rows[i : i + per], total] if last else rows[i : i + per]
        left = FRAME[0] + 4 + (i // per) * 76.0
        grid = Grid("site", "BORROW PITS AND SPOIL TIPS", heads, (10.0, 22.0, 20.0, 20.0), own)
        pitch = min(PITCH, (HAUL[1] - 8 - FRAME[1] - 2) / (per + 3))
        table(paper, grid, HAUL[1] - 8, pitch, (left, left + 72.0))


def _round_step(span: float, count: int, shares: Sequence[float] = (1.0, 2.0, 5.0)) -> float:
    """Round number, a share of a power of ten, of which a span holds no more than a count."""
    raw = max(span, 1.0) / count
    power = float(10.0 ** floor(log10(raw)))
    share: float = next((k for k in shares if power * k >= raw * (1 - 1e-9)), 10.0)
    return power * share
