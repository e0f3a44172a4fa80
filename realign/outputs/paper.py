"""
Paper: sheets of lines and texts in millimetres, written as SVG and PDF; texts keep off lines.

Sheets are composed from the lower left corner and hold no date or random identifier, so that the
same sheet gives the same bytes.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache, lru_cache
from math import ceil, cos, pi, sin
from xml.sax.saxutils import escape

import numpy as np
import shapely
from numpy.typing import NDArray
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

Points = NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, bottom, right and top [mm]."""

PAPER = (420.0, 297.0)
"""Width and height of a page, A3 [mm]."""
FRAME: Box = (20.0, 10.0, 410.0, 287.0)
"""Frame of a page, with a margin to bind it on the left."""
NEAR, CELL = 0.3, 0.5
"""Room between texts and lines in plan, and size of the cells by which it is told [mm]."""
CAPITAL = 0.718
"""Height of a capital letter over the size of its font (Helvetica) [-]."""
POINT = 72 / 25.4
"""A millimetre in points of the PDF."""
TINY, SMALL, NORMAL, LARGE = 1.7, 2.1, 2.5, 4.0
"""Sizes of fonts [mm]."""


@dataclass(frozen=True, slots=True)
class Pen:
    """How a kind of line is drawn."""

    colour: str
    """Colour, as in HTML."""
    width: float
    """Width [mm]."""
    dash: tuple[float, ...] = ()
    """Lengths of dashes and gaps [mm]."""
    filled: bool = False
    """Whether the inside is filled, and the outline left out."""


PENS: Mapping[str, Pen] = {
    "deck": Pen("#f4c48a", 0.0, filled=True),
    "tube": Pen("#d9d0e6", 0.0, filled=True),
    "cell": Pen("#eeeeee", 0.0, filled=True),
    "cut": Pen("#e9c9a8", 0.0, filled=True),
    "fill": Pen("#bcd9b4", 0.0, filled=True),
    "grid": Pen("#d0d0d0", 0.1),
    "cross": Pen("#777777", 0.13),
    "rule": Pen("#888888", 0.1),
    "existing": Pen("#b3a78f", 0.8),
    "shore": Pen("#1f6fbf", 0.25, (4.0, 1.0, 0.6, 1.0)),
    "beyond": Pen("#999999", 0.25),
    "polygon": Pen("#777777", 0.13, (2.0, 1.0)),
    "leader": Pen("#999999", 0.1),
    "ground": Pen("#7a4a1e", 0.25),
    "water": Pen("#1f6fbf", 0.25, (4.0, 1.0, 0.6, 1.0)),
    "tangents": Pen("#777777", 0.13, (2.0, 1.0)),
    "halo": Pen("#ffffff", 0.0, filled=True),
    "flag": Pen("#777777", 0.1),
    "bridge": Pen("#c2570c", 0.35),
    "tunnel": Pen("#5b2a86", 0.35, (1.6, 0.8)),
    "tick": Pen("#000000", 0.18),
    "point": Pen("#c00000", 0.18),
    "axis": Pen("#c00000", 0.5),
    "grade": Pen("#c00000", 0.5),
    "curvature": Pen("#000000", 0.25),
    "equation": Pen("#006400", 0.35),
    "match": Pen("#000000", 0.35, (5.0, 1.2, 1.0, 1.2)),
    "break": Pen("#000000", 0.35),
    "haul": Pen("#c00000", 0.5),
    "outline": Pen("#000000", 0.25),
    "frame": Pen("#000000", 0.5),
    "solid": Pen("#000000", 0.0, filled=True),
}
"""Kinds of lines by name, in the order in which they are drawn."""


@dataclass(frozen=True, slots=True)
class Words:
    """A text on a sheet."""

    kind: str
    """What it tells."""
    words: str
    """The text."""
    x: float
    """Place of its anchor [mm]."""
    y: float
    """Place of its anchor, on the base line [mm]."""
    size: float = SMALL
    """Size of the font [mm]."""
    turn: float = 0.0
    """Direction in which it runs, anticlockwise [rad]."""
    anchor: str = "start"
    """"start", "middle" or "end"."""
    bold: bool = False
    """Whether it is bold."""

    @property
    def width(self) -> float:
        """Width in the standard font [mm]."""
        return width_of(self.words, self.size, bold=self.bold)


@dataclass(frozen=True, slots=True, eq=False)
class Sheet:
    """A page: lines by pen, and texts."""

    name: str
    """Name of its file, without suffix."""
    title: str
    """What it shows, in a line."""
    lines: dict[str, list[Points]] = field(default_factory=dict)
    """Lines of each pen, each of shape (n, 2) [mm]."""
    texts: list[Words] = field(default_factory=list)
    """Texts."""


# -------------------------------------------------------------------- writing


def svg(sheet: Sheet) -> str:
    """
    Write a sheet as SVG, with a millimetre as its unit.

    Lines are paths of a group whose class is the name of their pen, and texts are groups by kind.
    """
    width, height = PAPER
    head = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {width:g} {height:g}">\n<title>{_xml(sheet.title)}</title>\n'
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>'
    )
    out = [head]
    for name, pen in PENS.items():
        lines = sheet.lines.get(name)
        if not lines:
            continue
        if pen.filled:
            look = f'fill="{pen.colour}"'
        else:
            dash = " ".join(f"{each:g}" for each in pen.dash)
            dashes = f' stroke-dasharray="{dash}"' if dash else ""
            look = (
                f'fill="none" stroke="{pen.colour}" stroke-width="{pen.width:g}"{dashes} '
                'stroke-linejoin="round"'
            )
        paths = " ".join(_path(line * (1.0, -1.0) + (0.0, height)) for line in lines)
        out.append(f'<path class="{name}" {look} d="{paths}"/>')
    out.append("<g font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">")
    for each in sheet.texts:
        x, y = each.x, height - each.y
        turn = f' transform="rotate({-each.turn * 180 / pi:.3f} {x:.3f} {y:.3f})"'
        out.append(
            f'<text class="{each.kind}" x="{x:.3f}" y="{y:.3f}" font-size="{each.size:.3g}"'
            + (f' text-anchor="{each.anchor}"' if each.anchor != "start" else "")
            + (' font-weight="bold"' if each.bold else "")
            + (turn if each.turn else "")
            + f">{_xml(each.words)}</text>"
        )
    out.append("</g>\n</svg>\n")
    return "\n".join(out)


def _path(line: Points) -> str:
    closed = len(line) > 2 and (line[0] == line[-1]).all()
    points = line[:-1] if closed else line
    form = "M%.3f %.3fL" + " ".join(["%.3f %.3f"] * (len(points) - 1)) + ("Z" if closed else "")
    return form % tuple(points.ravel().tolist())


def _xml(words: str) -> str:
    """Escape a text, without the characters that XML cannot hold."""
    return escape("".join(c if c.isprintable() else " " for c in words))


def pdf(pages: Sequence[Sheet], *, title: str) -> bytes:
    """
    Write sheets as the pages of a PDF file.

    Its fonts are those that every reader has; they hold Latin letters, and others become "?".

    Parameters
    ----------
    pages
        Sheets in order.
    title
        Title of the file.

    Returns
    -------
    pdf
        The file.
    """
    with _binary():
        return _pages(pages, title)


@contextmanager
def _binary() -> Iterator[None]:
    """Leave out the encoding of the library that keeps files to ASCII, half of its time."""
    former = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = former


def _pages(pages: Sequence[Sheet], title: str) -> bytes:
    stream = io.BytesIO()
    canvas = Canvas(
        stream, pagesize=(PAPER[0] * POINT, PAPER[1] * POINT), invariant=1, pageCompression=1
    )
    canvas.setTitle(_latin(title))
    for sheet in pages:
        canvas.bookmarkPage(sheet.name)
        canvas.addOutlineEntry(_latin(sheet.title), sheet.name, 0)
        canvas.setLineJoin(1)
        for name, pen in PENS.items():
            lines = sheet.lines.get(name)
            if lines:
                _ink(canvas, pen, lines)
        _letter(canvas, sheet.texts)
        canvas.showPage()
    canvas.save()
    return stream.getvalue()


def _ink(canvas: Canvas, pen: Pen, lines: Sequence[Points]) -> None:
    colour = HexColor(pen.colour)
    if pen.filled:
        canvas.setFillColor(colour)
    else:
        canvas.setStrokeColor(colour)
        canvas.setLineWidth(pen.width * POINT)
        canvas.setDash([each * POINT for each in pen.dash])
    for line in lines:
        form = "%.2f %.2f m " + "%.2f %.2f l " * (len(line) - 1) + ("f" if pen.filled else "S")
        # a path object of the library writes its numbers one by one, ten times as slowly
        canvas.addLiteral(form % tuple((line * POINT).ravel().tolist()))


def _letter(canvas: Canvas, texts: Sequence[Words]) -> None:
    canvas.setFillColor(HexColor("#000000"))
    font = None
    for each in texts:
        if font != (each.bold, each.size):
            font = each.bold, each.size
            canvas.setFont(_font(bold=each.bold), each.size * POINT)
        share = {"start": 0.0, "middle": 0.5, "end": 1.0}[each.anchor]
        back = share * each.width if share else 0.0
        c, s = cos(each.turn), sin(each.turn)
        x, y = (each.x - back * c) * POINT, (each.y - back * s) * POINT
        # a text object of the library looks at each letter in search of another font for it
        way = f"{c:.6f} {s:.6f} {-s:.6f} {c:.6f}" if each.turn else "1 0 0 1"
        canvas.addLiteral(f"BT {way} {x:.3f} {y:.3f} Tm ({_escaped(each.words)}) Tj ET")


def _font(*, bold: bool) -> str:
    return "Helvetica-Bold" if bold else "Helvetica"


def _latin(words: str) -> str:
    """Replace what the standard fonts of the format cannot show."""
    if words.isascii() and words.isprintable():
        return words
    return (
        "".join(c if c.isprintable() else " " for c in words)
        .encode("cp1252", "replace")
        .decode("cp1252")
    )


def _escaped(words: str) -> str:
    """Write a text in the code of the standard fonts, which is that of Windows, as ASCII."""
    words = _latin(words).replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    if words.isascii():
        return words
    return "".join(chr(c) if c < 128 else f"\\{c:03o}" for c in words.encode("cp1252"))


@cache
def _widths(font: str) -> dict[str, float]:
    """Widths of letters over the size of a standard font."""
    letters = bytes(range(32, 256)).decode("cp1252", "ignore")
    return {each: stringWidth(each, font, 1.0) for each in letters}


def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """Width of a text in the standard font [mm]."""
    return size * _relative(words, bold=bold)


@lru_cache(maxsize=10_000)
def _relative(words: str, *, bold: bool) -> float:
    """Width of a text over the size of the standard font; tables say the same on every sheet."""
    widths = _widths(_font(bold=bold))
    return sum(widths[each] for each in _latin(words))


# -------------------------------------------------------------------- drawing on a page


class Paper:
    """A page in the making."""

    def __init__(self, name: str, title: str) -> None:
        self.sheet = Sheet(name, title)
        self.box("frame", FRAME)

    def line(self, pen: str, points: Points | Sequence[tuple[float, float]]) -> None:
        """Draw a line through points [mm]."""
        self.sheet.lines.setdefault(pen, []).append(np.asarray(points, np.float64))

    def box(self, pen: str, box: Box) -> None:
        """Draw the outline of a box."""
        left, bottom, right, top = box
        corners = [(left, bottom), (right, bottom), (right, top), (left, top), (left, bottom)]
        self.line(pen, corners)

    def clipped(self, pen: str, points: Points, box: Box) -> None:
        """Draw the parts of a line within a box."""
        for part in within(points, box):
            self.line(pen, part)

    def write(
        self,
        kind: str,
        words: str,
        at: tuple[float, float],
        *,
        size: float = SMALL,
        turn: float = 0.0,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Write a text whose capitals are centred on a line through a place."""
        drop = size * CAPITAL / 2
        x, y = at[0] + drop * sin(turn), at[1] - drop * cos(turn)
        self.sheet.texts.append(Words(kind, words, x, y, size, turn, anchor, bold))

    def fitted(
        self,
        kind: str,
        words: str,
        at: tuple[float, float],
        room: float,
        *,
        size: float = SMALL,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Write a text that is made smaller, and then cut, to fit into a width."""
        wide = width_of(words, size, bold=bold)
        if wide > room:
            size *= max(room / wide, 0.7)
            while words and width_of(words + "…", size, bold=bold) > room:
                words = words[:-1]
            words = words + "…" if wide * 0.7 > room else words
        self.write(kind, words, at, size=size, anchor=anchor, bold=bold)

    def wrapped(
        self,
        kind: str,
        words: str,
        at: tuple[float, float],
        room: float,
        *,
        lines: int,
        size: float,
    ) -> None:
        """Write a text in lines that fit into a width, smaller where there are too many."""
        for share in (1.0, 0.85, 0.7):
            broken = broken_into(words, room, size * share)
            if len(broken) <= lines or share == 0.7:
                break
        size *= share
        if len(broken) > lines:
            broken[lines - 1 :] = [" ".join(broken[lines - 1 :])]
        for i, line in enumerate(broken):
            self.fitted(kind, line, (at[0], at[1] - i * 1.35 * size), room, size=size)


def broken_into(words: str, room: float, size: float) -> list[str]:
    """Break a text into lines that fit into a width [mm]."""
    out = [""]
    for word in words.split():
        longer = f"{out[-1]} {word}".strip()
        if width_of(longer, size) > room and out[-1]:
            out.append(word)
        else:
            out[-1] = longer
    return out


def within(points: Points, box: Box) -> list[Points]:
    """Parts of a line within a box."""
    if len(points) < 2:
        return []
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    left, bottom, right, top = box
    if left <= x0 and x1 <= right and bottom <= y0 and y1 <= top:
        return [points]
    if x0 > right or x1 < left or y0 > top or y1 < bottom:
        return []
    found = shapely.clip_by_rect(shapely.linestrings(points), *box)
    parts = shapely.get_parts(found)
    return [shapely.get_coordinates(part) for part in parts if part.geom_type == "LineString"]


def runs(line: Points) -> list[Points]:
    """Stretches of a profile that are known."""
    if not len(line):
        return []
    known = np.isfinite(line).all(axis=1)
    cuts = np.flatnonzero(np.diff(known)) + 1
    return [run for run in np.split(line, cuts) if np.isfinite(run[0]).all() and len(run) > 1]


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> Points:
    """
    Places in order, near the wanted ones, at least a gap apart and between two ends.

    The gap shrinks where there is no room for it.
    """
    count = len(wanted)
    if not count:
        return np.empty(0)
    high = max(low, high)
    gap = min(gap, (high - low) / max(count - 1, 1))
    steps_ = gap * np.arange(count)
    groups: list[tuple[float, int]] = []  # means of what is pushed together, and how many
    for value in np.asarray(wanted) - steps_:
        mean, size = float(value), 1
        while groups and groups[-1][0] > mean:
            other, more = groups.pop()
            mean, size = (mean * size + other * more) / (size + more), size + more
        groups.append((mean, size))
    flat = np.concatenate([np.full(size, mean) for mean, size in groups])
    return np.asarray(np.clip(flat, low, high - steps_[-1]) + steps_)


class Labels:
    """Places of texts in a window, which keep off lines and each other."""

    def __init__(self, paper: Paper, window: Box) -> None:
        self.paper = paper
        self.window = window
        shape = (ceil((window[2] - window[0]) / CELL), ceil((window[3] - window[1]) / CELL))
        self.ink = np.zeros(shape, np.bool_)
        self.corner = np.array([window[:2]]).T
        self.inner = shape[0] - 2, shape[1] - 2

    def cells(self, points: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Cells of the window in which points lie."""
        x, y = np.floor((points.T - self.corner) / CELL).astype(np.intp)
        inside = (x >= 0) & (y >= 0) & (x < self.ink.shape[0]) & (y < self.ink.shape[1])
        return x[inside], y[inside]

    def take(self, points: Points) -> None:
        """Keep texts off places."""
        self.ink[self.cells(points)] = True

    def taken(self, block: Points) -> float:
        """How much lies under a block; infinite where it leaves the window."""
        x, y = ((block.T - self.corner) / CELL).astype(np.intp)
        if min(x.min(), y.min()) < 2 or x.max() >= self.inner[0] or y.max() >= self.inner[1]:
            return float("inf")
        return float(np.count_nonzero(self.ink[x, y]))

    def put(
        self,
        kind: str,
        words: Sequence[str],
        places: Iterable[tuple[float, float, float, str]],
        *,
        size: float = SMALL,
        crowded: bool = True,
        bold: bool = False,
    ) -> tuple[float, float] | None:
        """
        Write lines at the first free of some places, and take it.

        Parameters
        ----------
        kind, words, size, bold
            As of a text.
        places
            x and y [mm], direction [rad] and anchor of each.
        crowded
            Whether the least taken place will do where none is free.

        Returns
        -------
        at
            The place, None where there is none.
        """
        block = block_of(words, size, bold=bold)
        best: tuple[float, tuple[float, float, float, str] | None] = (float("inf"), None)
        for place in places:
            taken = self.taken(moved(block, place))
            if taken < best[0]:
                best = taken, place
            if not taken:
                break
        if best[1] is None or (best[0] and not crowded):
            return None
        x, y, turn, anchor = best[1]
        c, s = cos(turn), sin(turn)
        for i, line in enumerate(words):
            off = 1.2 * size * ((len(words) - 1) / 2 - i)
            at = x - off * s, y + off * c
            self.paper.write(kind, line, at, size=size, turn=turn, anchor=anchor, bold=bold)
        self.take(moved(block, best[1]))
        return x, y


def block_of(words: Sequence[str], size: float, *, bold: bool) -> Points:
    """Points that cover lines of text, from -1/2 to 1/2 of their width and height [mm]."""
    wide = max(width_of(line, size, bold=bold) for line in words) + 2 * NEAR
    tall = size * (0.9 + 1.2 * (len(words) - 1)) + 2 * NEAR
    across = np.linspace(-wide / 2, wide / 2, ceil(wide / CELL) + 1)
    up = np.linspace(-tall / 2, tall / 2, ceil(tall / CELL) + 1)
    out = np.empty((len(up), len(across), 2))
    out[..., 0], out[..., 1] = across, up[:, None]
    return out.reshape(-1, 2)


def moved(block: Points, place: tuple[float, float, float, str]) -> Points:
    """Move a block of text to a place."""
    x, y, turn, anchor = place
    shift = {"start": 1.0, "middle": 0.0, "end": -1.0}[anchor] * (float(block[-1, 0]) - NEAR)
    c, s = cos(turn), sin(turn)
    return np.asarray(block @ np.array([[c, s], [-s, c]]) + (x + shift * c, y + shift * s))


def about_point(x: float, y: float) -> Iterable[tuple[float, float, float, str]]:
    """Places of a text around a point, the near ones first."""
    for reach in (1.6, 4.0, 7.0, 10.0, 14.0, 18.0):
        for angle in (45, 135, -45, -135, 90, -90, 0, 180, 20, 160, -20, -160):
            c, s = cos(angle * pi / 180), sin(angle * pi / 180)
            anchor = "middle" if abs(c) < 0.1 else "start" if c > 0 else "end"
            yield x + reach * c, y + reach * s, 0.0, anchor
