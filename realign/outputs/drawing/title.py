"""Legend and title block of a sheet."""

from collections.abc import Sequence
from math import ceil, pi

import numpy as np

from realign.geometry.alignment import Stationed
from realign.outputs.drawing.layout import COLUMN, TITLE, About
from realign.outputs.paper import LARGE, NORMAL, PENS, SMALL, TINY, Box, Paper

LEGEND_OF_SHEETS = (
    ("axis", "Centre line"),
    ("beyond", "Centre line on other sheets"),
    ("existing", "Existing road"),
    ("shore", "Water line, water level (WL)"),
    ("polygon", "Tangents to PI and PVI"),
    ("match", "Match line"),
    ("grade", "Grade line"),
    ("ground", "Ground under the centre line"),
    ("bridge", "Bridge (B), height not to scale"),
    ("tunnel", "Tunnel (T), height not to scale"),
    ("equation", "Station equation"),
    ("break", "Datum shift of the profile"),
    ("pi", "PI, corner of tangents"),
    ("point", "Tangent points TC, CT"),
    ("cross", "Coordinate grid, 500 m"),
)
"""Pens and what they mean on plan-and-profile sheets."""

LEGEND_OF_HAULS = (
    ("haul", "Mass haul: rising in cut, falling in fill"),
    ("cut", "Earth in hand, carried ahead"),
    ("fill", "Earth wanting, carried back or borrowed"),
)


def legend(paper: Paper, entries: Sequence[tuple[str, str]], box: Box) -> None:
    """Draw the legend: pens and what they mean."""
    left, bottom, right, top = box
    paper.box("outline", box)
    paper.write("heading", "LEGEND", (left + 1.5, top - 2.4), bold=True, size=TINY + 0.3)
    per = ceil(len(entries) / 3)
    pitch = (top - bottom - 5.0) / max(per, 1)
    pitch = min(pitch, 5.0)
    for i, (pen, words) in enumerate(entries):
        x = left + 2 + (i // per) * (right - left) / 3
        y = top - 4.6 - (i % per + 0.5) * pitch
        _sample(paper, pen, x, y)
        paper.write("legend", words, (x + 13.0, y), size=TINY + 0.1)


def _sample(paper: Paper, pen: str, x: float, y: float) -> None:
    """Draw what stands in the legend for a pen."""
    ring = np.linspace(0, 2 * pi, 13)
    if pen == "pi":
        corners = 0.9 * np.column_stack((np.sin(ring[::4]), np.cos(ring[::4])))
        paper.line("outline", corners + np.array([x + 5, y]))
    elif pen == "point":
        paper.line(pen, 0.5 * np.column_stack((np.cos(ring), np.sin(ring))) + np.array([x + 5, y]))
        paper.line("axis", [(x + 1, y), (x + 9, y)])
    elif pen == "cross":
        paper.line(pen, [(x + 3, y), (x + 7, y)])
        paper.line(pen, [(x + 5, y - 1.6), (x + 5, y + 1.6)])
    elif pen in {"bridge", "tunnel"}:
        paper.box("deck" if pen == "bridge" else "tube", (x, y - 0.9, x + 10, y + 0.9))
        paper.box(pen, (x, y - 0.9, x + 10, y + 0.9))
    elif pen == "break":
        zigzag = [(x + 1 + i, y + (0.5 if i % 2 else -0.5)) for i in range(9)]
        paper.line(pen, zigzag)
    elif PENS[pen].filled:
        paper.box(pen, (x, y - 1.2, x + 10, y + 1.2))
    else:
        paper.line(pen, [(x, y), (x + 10, y)])


def title(
    paper: Paper,
    about: About,
    *,
    road: Stationed,
    what: str,
    number: str,
    stretch: str,
    scales: str,
) -> None:
    """Draw the title block."""
    left, bottom, right, _ = COLUMN
    top = TITLE
    paper.box("outline", (left, bottom, right, top))
    middle = left + 0.62 * (right - left)
    heights = (top, top - 9.5, top - 19.5, top - 27.0, top - 34.5, bottom)
    for y in heights[1:-1]:
        paper.line("outline", [(left, y), (right, y)])
    paper.line("outline", [(middle, heights[1]), (middle, heights[4])])

    def field_(
        name: str,
        words: str,
        x: float,
        y: float,
        room: float,
        size: float = NORMAL,
        *,
        bold: bool = False,
    ) -> None:
        paper.write("field", name, (x + 1.2, y - 1.8), size=1.5)
        paper.fitted(
            name.lower().replace(" ", "-"),
            words,
            (x + 1.2, y - 5.2),
            room - 2.4,
            size=size,
            bold=bold,
        )

    wide, rest = middle - left, right - middle
    field_("PROJECT", about.title, left, heights[0], right - left, LARGE * 0.9, bold=True)
    field_("ROAD", road.name, left, heights[1], wide, 3.2, bold=True)
    if road.description:
        paper.fitted(
            "description", road.description, (left + 1.2, heights[2] + 1.6), wide - 2.4, size=TINY
        )
    field_("DRAWING", what, middle, heights[1], rest, 2.8, bold=True)
    field_("CHAINAGE", stretch, left, heights[2], wide, bold=True)
    field_("SHEET", number, middle, heights[2], rest, 3.2, bold=True)
    field_("SCALES", scales, left, heights[3], wide)
    code = about.crs.to_epsg()
    system = f"{about.crs.name} (EPSG:{code})" if code else about.crs.name
    field_("REFERENCE SYSTEM", system, middle, heights[3], rest, SMALL)
    half = left + 0.7 * (right - left)
    paper.write("field", "VERTICAL DATUM AND LEVELS", (left + 1.2, heights[4] - 1.8), size=1.5)
    paper.wrapped(
        "levels",
        f"{about.datum}. {about.levels}",
        (left + 1.2, heights[4] - 4.6),
        half - left - 2.4,
        lines=3,
        size=TINY + 0.2,
    )
    paper.line("outline", [(half, bottom), (half, heights[4])])
    paper.write(
        "warning",
        "FOR PLANNING,",
        ((half + right) / 2, heights[4] - 3.6),
        size=2.8,
        anchor="middle",
        bold=True,
    )
    paper.write(
        "warning",
        "NOT FOR CONSTRUCTION",
        ((half + right) / 2, heights[4] - 8.0),
        size=2.8,
        anchor="middle",
        bold=True,
    )
