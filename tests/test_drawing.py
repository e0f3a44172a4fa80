"""Laws of the sheets: what stands on the paper, read back, is the road."""

import io
import re
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from math import ceil, cos, isfinite, pi, sin
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from reportlab import rl_config
from reportlab.pdfbase.pdfmetrics import stringWidth

from realign.chainage import parse
from realign.errors import OutputError
from realign.geometry.alignment import Alignment, Part, Plan, Stationed
from realign.geometry.horizontal import Element, Pose
from realign.geometry.tables import curves, marked, stations
from realign.geometry.vertical import Grades
from realign.outputs import drawing, paper

TENTH = 0.1  # of a millimetre of paper
MILS = re.compile(r"-?\d+(?:\.\d+)?")
ABOUT = drawing.About("KKH <option & 2>", CRS.from_epsg(32643), "EGM2008", "Levels by satellite.")
START = Pose(433_123.456, 4_012_345.678, 2.5)

Points = NDArray[np.float64]


def chain(rows: list[tuple[float, float, float]]) -> Plan:
    out: list[Element] = []
    for length, k0, k1 in rows:
        out.append(Element(out[-1].end if out else START, length, k0, k1))
    return Plan(tuple(out))


def winding(seed: int, length: float) -> Plan:
    """Mountain road of exactly a length, with clothoids and hairpins."""
    rng = np.random.default_rng(seed)
    rows: list[tuple[float, float, float]] = []
    side = 1
    while sum(row[0] for row in rows) < length:
        radius = float(rng.choice([25.0, 60.0, 120.0, 300.0]))
        turn = 2.9 if radius < 30 else float(rng.uniform(0.4, 1.3))
        side, ramp = -side, 20.0 if radius < 30 else 35.0
        k = side / radius
        arc = max(turn * radius - ramp, 5.0)
        rows += [(float(rng.uniform(10, 200)), 0, 0), (ramp, 0, k), (arc, k, k), (ramp, k, 0)]
    out, left = [], length
    for row in rows:
        if left > row[0]:
            out.append(row)
        elif left > 0:
            out.append((left, row[1], row[1] + (row[2] - row[1]) * left / row[0]))
        left -= row[0]
    return chain(out)


def graded(length: float, slopes: list[float], curve: float = 60.0) -> Grades:
    s = np.linspace(0.0, length, len(slopes) + 1)
    gap = length / len(slopes)
    curves_ = np.full(len(s), min(curve, 0.9 * gap))
    curves_[[0, -1]] = 0.0
    return Grades(s, 1234.5 + np.concatenate(([0.0], np.cumsum(slopes) * gap)), curves_)


def road(
    length: float = 5234.5, *, seed: int = 1, steep: float = 0.07, name: str = "Link 1"
) -> Stationed:
    plan = winding(seed, length)
    rng = np.random.default_rng(seed)
    count = max(ceil(length / 180), 1)
    grades = graded(plan.length, (steep * rng.uniform(0.4, 1.0, count)).tolist())
    s = np.arange(0.0, plan.length, 20.0)
    ground = np.column_stack((s, grades.at(s) + 12 * np.sin(s / 70)))
    ground[30:33, 1] = np.nan
    water = np.column_stack((s, np.where((s > 300) & (s < 700), 1230.25, np.nan)))
    parts = tuple(
        part
        for part in (
            Part("bridge", 100.0, 220.5, "Bridge at <A & B>"),
            Part("tunnel", 900.0, 1300.0),
            Part("tunnel", 1900.0, 2100.0),
        )
        if part.end < plan.length
    )
    alignment = Alignment(plan, grades)
    return Stationed(name, alignment, "new", 192_340.0, (), ground, water, parts)


@dataclass
class Text:
    kind: str
    words: str
    x: float
    y: float
    size: float
    turn: float
    anchor: str
    bold: bool

    def box(self) -> Points:
        """Corners of the text, with the widths that the library of the PDF gives."""
        font = "Helvetica-Bold" if self.bold else "Helvetica"
        latin = self.words.encode("cp1252", "replace").decode("cp1252")
        wide = stringWidth(latin, font, self.size)
        left = {"start": 0.0, "middle": -wide / 2, "end": -wide}[self.anchor]
        corners = np.array([(x, y) for x in (left, left + wide) for y in (0.0, 0.7 * self.size)])
        c, s = cos(self.turn), sin(self.turn)
        return np.asarray(corners @ np.array([[c, s], [-s, c]]) + (self.x, self.y))


class Read:
    """A sheet as its SVG tells it, in millimetres from the lower left corner."""

    def __init__(self, text: str) -> None:
        root = ET.fromstring(text)  # noqa: S314 - as above
        space = "{http://www.w3.org/2000/svg}"
        self.size = (root.get("width"), root.get("height"), root.get("viewBox"))
        self.lines: dict[str, list[Points]] = defaultdict(list)
        for path in root.iter(f"{space}path"):
            for each in (path.get("d") or "").split("M")[1:]:
                numbers = np.array([float(n) for n in MILS.findall(each)]).reshape(-1, 2)
                closed = each.strip().endswith("Z")
                points = np.vstack((numbers, numbers[:1])) if closed else numbers
                self.lines[path.get("class") or ""].append(points * (1, -1) + (0, 297))
        self.texts = []
        for each in root.iter(f"{space}text"):
            turn = MILS.findall(each.get("transform") or "")
            self.texts.append(
                Text(
                    each.get("class") or "",
                    each.text or "",
                    float(each.get("x") or "nan"),
                    297 - float(each.get("y") or "nan"),
                    float(each.get("font-size") or "nan"),
                    -float(turn[0]) * pi / 180 if turn else 0.0,
                    each.get("text-anchor") or "start",
                    each.get("font-weight") == "bold",
                )
            )

    def words(self, kind: str) -> list[str]:
        return [text.words for text in self.texts if text.kind == kind]

    def stretch(self) -> tuple[float, float]:
        (words,) = [words for words in self.words("chainage") if " to " in words]
        begin, end = words.split(" to ")
        return parse(begin), parse(end)

    def panels(self) -> list[tuple[float, float, float]]:
        """Left and right edge of the parts of the profile [mm], and their data [m]."""
        found = [t for t in self.texts if t.kind == "datum"]
        cuts = [line[0, 0] for line in self.lines["break"] if np.ptp(line[:, 1]) > 50]
        (frame,) = [box for box in self.lines["outline"] if np.ptp(box[:, 1]) > 126.9]
        edges = [frame[:, 0].min(), *sorted(cuts), frame[:, 0].max()]
        assert len(edges) == len(found) + 1
        data = [float(t.words.split()[1]) for t in sorted(found, key=lambda t: t.x)]
        return [(a, b, datum) for (a, b), datum in zip(pairwise(edges), data, strict=True)]

    def profile(self, kind: str) -> list[Points]:
        """Distances from the begin of the sheet [m] and levels of lines of the profile."""
        out = []
        for line in self.lines[kind]:
            middle = line[:, 0].mean()
            if line[:, 1].max() > 177.01 or middle > 250.01:
                continue  # in the legend
            for left, right, datum in self.panels():
                if left - 1e-6 <= middle <= right + 1e-6:
                    out.append((line - (50.0, 50.0)) * (10.0, 1.0) + (0.0, datum))
        return out

    def to_plan(self) -> Points:
        """Matrix that brings places on the sheet to coordinates, by the crosses and their texts."""
        crosses = self.lines["cross"]
        places = [
            (a.mean(axis=0) + b.mean(axis=0)) / 2
            for a, b in zip(crosses[::2], crosses[1::2], strict=True)
        ]
        names = [t for t in self.texts if t.kind == "grid"]
        paper, ground = [], []
        for east, north in zip(names[::2], names[1::2], strict=True):
            at = min(places, key=lambda p: np.hypot(p[0] - east.x, p[1] - east.y + 1.8))
            paper.append((*at, 1.0))
            ground.append((float(east.words[2:]), float(north.words[2:])))
        if len(paper) < 3:
            pytest.skip("too few crosses")
        return np.asarray(np.linalg.lstsq(np.array(paper), np.array(ground), rcond=None)[0])


def composed(*roads: Stationed, **more: object) -> tuple[paper.Sheet, ...]:
    return drawing.sheets(roads, about=ABOUT, **more)  # type: ignore[arg-type]


def read(*roads: Stationed, **more: object) -> list[Read]:
    return [Read(paper.svg(sheet)) for sheet in composed(*roads, **more)]


def streams(data: bytes) -> list[str]:
    """Contents of the pages of a PDF file."""
    found = re.findall(rb"stream\r?\n(.*?)endstream", data, re.DOTALL)
    return [zlib.decompressobj().decompress(each).decode("latin-1") for each in found]


def paths(stream: str) -> list[Points]:
    """Lines of a page of a PDF file [mm]."""
    out: list[list[tuple[float, float]]] = []
    for x, y, way in re.findall(r"(-?[\d.]+) (-?[\d.]+) ([ml])\b", stream):
        if way == "m":
            out.append([])
        out[-1].append((float(x), float(y)))
    return [np.array(line) * 25.4 / 72 for line in out]


@pytest.fixture(scope="module")
def sheets() -> tuple[paper.Sheet, ...]:
    return composed(road())


@pytest.fixture(scope="module")
def pages(sheets: tuple[paper.Sheet, ...]) -> list[Read]:
    return [Read(paper.svg(sheet)) for sheet in sheets]


# ------------------------------------------------------------------ pages


def test_pages_are_a3_in_both_formats(sheets: tuple[paper.Sheet, ...], pages: list[Read]) -> None:
    assert {page.size for page in pages} == {("420mm", "297mm", "0 0 420 297")}
    boxes = re.findall(rb"/MediaBox \[ ([\d. ]+) \]", paper.pdf(sheets, title="x"))
    assert len(boxes) == len(sheets)
    for box in boxes:
        assert [float(n) for n in box.split()] == pytest.approx([0, 0, 1190.55, 841.89], abs=0.01)


@pytest.mark.parametrize(
    ("length", "count"),
    [(30.0, 1), (1999.99, 1), (2000.0, 1), (2000.01, 2), (4000.0, 2), (4321.0, 3)],
)
def test_there_is_a_sheet_for_each_two_kilometres_begun(length: float, count: int) -> None:
    straight = Alignment(chain([(length, 0, 0)]), graded(length, [0.02]))
    found = read(Stationed("straight", straight, start=500.0))
    assert len(found) == count
    ends = [page.stretch() for page in found]
    assert ends[0][0] == 500.0
    assert ends[-1][1] == pytest.approx(500 + length, abs=0.005)
    assert all(one[1] == other[0] for one, other in pairwise(ends))


def test_match_lines_agree_with_those_of_the_neighbours(pages: list[Read]) -> None:
    for number, (one, other) in enumerate(pairwise(pages), start=1):
        station = one.stretch()[1]
        assert station == other.stretch()[0]
        km, rest = divmod(station, 1000)
        name = f"{km:.0f}+{rest:06.2f}"
        assert f"MATCH LINE {name}, SHEET {number + 1}" in one.words("match")
        assert f"MATCH LINE {name}, SHEET {number}" in other.words("match")
    assert "START OF ROAD" in pages[0].words("match")
    assert "END OF ROAD" in pages[-1].words("match")
    assert not any("MATCH" in words for words in pages[0].words("match") if "SHEET 0" in words)


def ways(rows: list[tuple[float, float]]) -> Stationed:
    plan = chain([(length, k, k) for length, k in rows])
    grades = graded(plan.length, [0.11, -0.12, 0.09, 0.12])
    s = np.linspace(0, plan.length, 50)
    ground = np.column_stack((s, grades.at(s) + 60 * np.sin(s / 90)))
    return Stationed("any", Alignment(plan, grades), start=-340.0, ground=ground)


bends = st.one_of(st.just(0.0), st.floats(-1 / 20, 1 / 20))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.floats(5, 700), bends), min_size=1, max_size=8))
def test_nothing_leaves_the_frame_or_the_window_of_the_plan(
    rows: list[tuple[float, float]],
) -> None:
    for page in read(ways(rows)):
        _inside(page)


def _inside(page: Read) -> None:
    for lines in page.lines.values():
        for line in lines:
            assert line.min(axis=0)[0] >= 20 - 1e-3
            assert line.min(axis=0)[1] >= 10 - 1e-3
            assert line.max(axis=0)[0] <= 410 + 1e-3
            assert line.max(axis=0)[1] <= 287 + 1e-3
    for text in page.texts:
        box = text.box()
        assert (box.min(axis=0) >= (20, 10)).all(), text
        assert (box.max(axis=0) <= (410, 287)).all(), text
        if text.kind in {"pi", "grid", "north", "structure", "equation"} and text.y > 183:
            assert (box.min(axis=0) >= (22, 183)).all(), text
            assert (box.max(axis=0) <= (253, 285)).all(), text


def test_a_winding_road_stays_within_the_frame(pages: list[Read]) -> None:
    for page in pages:
        _inside(page)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.floats(5, 700), bends), min_size=1, max_size=8))
def test_the_plan_shows_the_whole_stretch_at_its_scale(rows: list[tuple[float, float]]) -> None:
    either = ways(rows)
    for number, page in enumerate(read(either)):
        (axis, *_) = sorted(page.lines["axis"], key=lambda line: -len(line))
        begin, end = 2000.0 * number, min(2000.0 * (number + 1), either.alignment.length)
        assert (axis > (22, 183)).all()
        assert (axis < (253, 285)).all()
        along = np.hypot(*np.diff(axis, axis=0).T).sum()
        assert along == pytest.approx((end - begin) / 10, abs=TENTH, rel=2e-3)


def test_crosses_tell_where_the_road_is(pages: list[Read]) -> None:
    given_ = road()
    plan = given_.alignment.plan
    for number, page in enumerate(pages):
        (axis, *_) = sorted(page.lines["axis"], key=lambda line: -len(line))
        matrix = page.to_plan()
        assert np.linalg.svd(matrix[:2])[1] == pytest.approx([10, 10], abs=0.01)
        assert np.linalg.det(matrix[:2]) > 0  # not mirrored
        xy = np.column_stack((axis, np.ones(len(axis)))) @ matrix
        ends = [2000.0 * number, min(2000.0 * (number + 1), plan.length)]
        assert xy[[0, -1]] == pytest.approx(plan.poses(ends)[:, :2], abs=10 * TENTH)
        s = np.linspace(*ends, 4001)
        fine = plan.poses(s)[:, :2]
        off = np.hypot(*(xy[:, None] - fine[None]).transpose(2, 0, 1)).min(axis=1)
        assert off.max() < 10 * TENTH


def test_surroundings_are_where_they_were_given() -> None:
    own = road()
    line = own.alignment.plan.poses(np.arange(0, 5200.0, 30.0))[:, :2] + (150.0, -80.0)
    found = read(
        own, existing=line, shores=[line + 60.0, line[[0, 0]] + np.array([(0, 0), (1e5, 0)])]
    )
    for kind, shift in (("existing", 0.0), ("shore", 60.0)):
        fine = np.column_stack(
            [
                np.interp(np.arange(0, 5200.0, 2), np.arange(0, 5200.0, 30), c)
                for c in (line + shift).T
            ]
        )
        drawn = 0
        for page in found:
            matrix = page.to_plan()
            for part in page.lines[kind]:
                if part[:, 0].min() > 255:
                    continue  # the legend
                xy = np.column_stack((part, np.ones(len(part)))) @ matrix
                off = np.hypot(*(xy[:, None] - fine[None]).transpose(2, 0, 1)).min(axis=1)
                if kind == "shore" and off.max() > 100:
                    continue  # the other, which runs far away
                drawn += 1
                assert off.max() < 2.5
        assert drawn


# ------------------------------------------------------------------ profile


@pytest.mark.parametrize("steep", [0.0, 0.02, 0.07, 0.12])
def test_the_grade_line_reads_back_to_a_tenth_of_a_millimetre(steep: float) -> None:
    own = road(steep=steep)
    grades = own.alignment.grades
    for number, page in enumerate(read(own)):
        lines = page.profile("grade")
        begin, end = 2000.0 * number, min(2000.0 * (number + 1), own.alignment.length)
        for line in lines:
            s = begin + line[:, 0]
            assert line[:, 1] == pytest.approx(grades.at(np.clip(s, begin, end)), abs=TENTH)
            fine = np.linspace(s[0], s[-1], 500)
            assert np.interp(fine, s, line[:, 1]) == pytest.approx(grades.at(fine), abs=TENTH)
        edges = sorted((begin + line[0, 0], begin + line[-1, 0]) for line in lines)
        assert edges[0][0] == pytest.approx(begin, abs=0.01)
        assert edges[-1][1] == pytest.approx(end, abs=0.01)
        assert all(a[1] == pytest.approx(b[0], abs=0.02) for a, b in pairwise(edges))


def test_steep_roads_have_breaks_and_flat_ones_none() -> None:
    assert all(len(page.panels()) == 1 for page in read(road(steep=0.03)))
    steep = read(road(steep=0.12))
    assert all(len(page.panels()) > 1 for page in steep[:-1])
    for page in steep:
        for left, right, _ in page.panels():
            assert right > left
        for line in page.lines["grade"]:
            assert line[:, 1].min() >= 50
            assert line[:, 1].max() <= 177


def test_ground_and_water_read_back_where_they_are_known() -> None:
    own = road(1800.0, steep=0.02)
    (page,) = read(own)
    for kind, given_ in (("ground", own.ground), ("water", own.water)):
        known = given_[np.isfinite(given_[:, 1])]
        lines = page.profile(kind)
        assert sum(map(len, lines)) == len(known)
        assert np.vstack(lines) == pytest.approx(known, abs=TENTH)
    assert len(page.profile("ground")) == 2
    assert page.words("water") == ["WL 1230.25"]


def test_rows_tell_levels_and_heights_at_every_hundred_metres(pages: list[Read]) -> None:
    own = road()
    s, written = marked(own, 100.0)
    told: dict[str, dict[float, str]] = defaultdict(dict)
    for number, page in enumerate(pages):
        rows = {t.words: t.y for t in page.texts if t.kind == "row"}
        for t in page.texts:
            if t.kind == "figure":
                row = min(rows, key=lambda name: abs(rows[name] - t.y))
                told[row][round(2000 * number + 10 * (t.x - 50), 3)] = t.words
    level = own.alignment.grades.at(s)
    ground = np.interp(s, *own.ground.T)
    for at, station, z, earth in zip(s, written, level, ground, strict=True):
        key = min(told["Chainage"], key=lambda k: abs(k - at))
        assert key == pytest.approx(at, abs=0.02)
        assert parse(told["Chainage"][key]) == station
        assert told["Grade line [m]"][key] == f"{z:.2f}"
        if isfinite(earth):
            assert told["Ground [m]"][key] == f"{earth:.2f}"
            assert float(told["Height (+ fill, - cut) [m]"][key]) == pytest.approx(
                z - earth, abs=0.006
            )


def test_station_equations_are_marked_and_chainages_go_on_from_them() -> None:
    own = replace(road(3000.0), equations=((1234.5, 193_574.5, 190_000.0),))
    first, second = read(own)
    assert first.words("equation")[:2] == [
        "STA. EQUATION 193+574.50 BACK",
        "= 190+000.00 AHEAD",
    ]
    assert not second.words("equation")
    assert second.stretch()[0] == pytest.approx(190_765.5)
    figures = [t for t in second.texts if t.kind == "figure" and "+" in t.words[1:]]
    for t in figures:
        at = 2000 + 10 * (t.x - 50)
        assert parse(t.words) == pytest.approx(float(stations(own, at)), abs=0.02)


def test_structures_stand_on_the_sheets_they_reach(pages: list[Read]) -> None:
    assert pages[0].words("list-0") == ["B1", "T1", "T2"]
    assert pages[0].words("list-1") == ["Bridge at <A & B>", "Tunnel 400 m", "Tunnel 200 m"]
    assert pages[1].words("list-0") == ["T2"]
    assert pages[2].words("list-0") == []
    s = [
        (2000 * number + 10 * (line[:, 0].min() - 50), 2000 * number + 10 * (line[:, 0].max() - 50))
        for number, page in enumerate(pages)
        for kind in ("bridge", "tunnel")
        for line in page.lines[kind]
        if line[:, 1].max() < 177 and line[:, 0].max() < 251
    ]
    spans = sorted((round(a, 1), round(b, 1)) for a, b in s)
    merged = [spans[0], spans[1], spans[-2], spans[-1]]
    assert (100.0, 220.5) in spans
    assert min(a for a, _ in merged if a > 800) == 900.0
    assert max(b for _, b in spans) == 2100.0


# ------------------------------------------------------------------ tables


@pytest.mark.parametrize("seed", range(3))
def test_every_pi_and_pvi_stands_in_the_tables_of_its_sheets(seed: int) -> None:
    own = road(6100.0, seed=seed)
    found = curves(own.alignment.plan)
    grades = own.alignment.grades
    halves = grades.curve / 2
    every = set()
    for number, page in enumerate(read(own)):
        begin, end = 2000.0 * number, min(2000.0 * (number + 1), own.alignment.length)
        fine = np.arange(begin + 0.01, end - 0.005, 0.01)
        wanted = [
            str(i)
            for i, curve in enumerate(found, start=1)
            if ((fine > curve.start) & (fine < curve.end)).any()
        ]
        assert page.words("curve-0") == wanted
        every |= set(wanted)
        vertical = [
            str(i + 1)
            for i, at in enumerate(grades.chainage)
            if ((fine > at - halves[i] - 0.02) & (fine < at + halves[i] + 0.02)).any()
        ]
        assert page.words("grade-0") == vertical
    assert every == {str(i) for i in range(1, len(found) + 1)}


def test_tables_tell_what_the_road_is(pages: list[Read]) -> None:
    own = road()
    found = curves(own.alignment.plan)
    page = pages[1]
    columns = [page.words(f"curve-{i}") for i in range(10)]
    for number, begin, end, turn, radius, _, _, length, east, north in zip(*columns, strict=True):
        curve = found[int(number) - 1]
        assert parse(begin) - 192_340 == pytest.approx(curve.start, abs=0.006)
        assert parse(end) - 192_340 == pytest.approx(curve.end, abs=0.006)
        whole, minutes, seconds = (float(n) for n in re.findall(r"\d+", turn))
        angle = np.radians(whole + minutes / 60 + seconds / 3600)
        side = 1 if turn.endswith("L") else -1
        assert side * angle == pytest.approx(curve.deflection, abs=3e-6)
        assert float(radius) == pytest.approx(curve.radius, abs=0.006)
        assert float(length) == pytest.approx(curve.end - curve.start, abs=0.006)
        assert (float(east), float(north)) == pytest.approx(curve.pi, abs=0.006)
    grades = own.alignment.grades
    for number, at, level, *_ in zip(*(page.words(f"grade-{i}") for i in range(9)), strict=True):
        assert parse(at) - 192_340 == pytest.approx(grades.chainage[int(number) - 1], abs=0.006)
        assert float(level) == pytest.approx(grades.level[int(number) - 1], abs=0.006)


def test_long_tables_keep_out_of_the_legend() -> None:
    tight = Alignment(winding(4, 1990.0), graded(1990.0, [0.02, -0.02] * 50, 10.0))
    parts = tuple(Part("bridge", 30.0 * i, 30.0 * i + 20) for i in range(60))
    (page,) = read(Stationed("full", tight, parts=parts))
    (legend,) = [t.y for t in page.texts if t.words == "LEGEND"]
    rows = [t for t in page.texts if t.kind.startswith(("curve-", "grade-", "list-"))]
    assert min(t.y for t in rows) > legend
    assert len(page.words("grade-0")) == 101
    assert len(page.words("list-0")) == 60


def test_each_sheet_says_what_it_is_and_is_not(pages: list[Read]) -> None:
    for number, page in enumerate(pages, start=1):
        assert page.words("warning") == ["FOR PLANNING,", "NOT FOR CONSTRUCTION"]
        assert page.words("sheet") == [f"{number} of 3"]
        assert page.words("project") == ["KKH <option & 2>"]
        assert page.words("levels") == ["EGM2008. Levels by satellite."]
        assert page.words("reference-system") == ["WGS 84 / UTM zone 43N (EPSG:32643)"]
        assert "1:10,000 / 1:1,000" in page.words("scales")[0]


# ------------------------------------------------------------------ formats


def test_the_pdf_draws_and_writes_what_the_svg_does(
    sheets: tuple[paper.Sheet, ...], pages: list[Read]
) -> None:
    found = streams(paper.pdf(sheets, title="x"))
    assert len(found) == len(pages)
    for stream, page in zip(found, pages, strict=True):
        drawn = paths(stream)
        wanted = [line for lines in page.lines.values() for line in lines]
        assert len(drawn) == len(wanted)
        for one, other in zip(drawn, wanted, strict=True):
            assert one == pytest.approx(other, abs=0.01)
        assert stream.count(" Tj") == len(page.texts)
        assert "(FOR PLANNING,) Tj" in stream


def test_the_same_roads_give_the_same_bytes() -> None:
    first, second = composed(road()), composed(road())
    assert list(map(paper.svg, first)) == list(map(paper.svg, second))
    assert paper.pdf(first, title="x") == paper.pdf(second, title="x")
    assert rl_config.useA85


def test_names_in_any_script_are_kept_in_svg_and_do_no_harm_in_pdf() -> None:
    name = 'شاہراہ <2> & "x"\x07'
    own = replace(road(1500.0), name=name, parts=(Part("bridge", 10.0, 400.0, "پل (1) \\"),))
    (sheet,) = composed(own)
    page = Read(paper.svg(sheet))
    assert page.words("road") == [name.replace("\x07", " ")]
    assert page.words("list-1") == ["پل (1) \\"]
    (stream,) = streams(paper.pdf([sheet], title=name))
    assert "(?? \\(1\\) \\\\) Tj" in stream


def test_names_of_files_are_plain_and_differ() -> None:
    names = ["A/B", "A B", "..", "شاہراہ"]
    found = [sheet.name for sheet in composed(*(road(900.0, name=name) for name in names))]
    assert found == ["A-B-01", "A-B-2-01", "road-01", "شاہراہ-01"]


def test_a_drawing_needs_a_road_and_mass_haul_one_of_its_roads() -> None:
    with pytest.raises(OutputError, match="at least one road"):
        composed()
    haul = drawing.MassHaul("Link 2", np.array([0.0, 10.0]), np.array([0.0, 5.0]))
    with pytest.raises(OutputError, match="mass haul of Link 2; wanted that of Link 1"):
        composed(road(900.0), hauls=[haul])


# ------------------------------------------------------------------ mass haul


@pytest.mark.parametrize("height", [3.0, 7.5e3, 9.9e6])
@pytest.mark.parametrize("length", [240.0, 5234.5, 41_000.0])
def test_the_mass_haul_reads_back_from_its_scales(height: float, length: float) -> None:
    own = Stationed("Link", Alignment(chain([(length, 0, 0)]), graded(length, [0.01])), start=80.0)
    s = np.linspace(0, length, 200)
    volume = height * (np.sin(s / length * 7) - 0.3 * s / length)
    sites = ((0.2 * length, 0.0, 4500.0), (0.6 * length, 1250.0, 0.0))
    *_, page = read(own, hauls=[drawing.MassHaul("Link", s, volume, sites)])
    _inside(page)
    along, up = re.findall(r"1:([\d,]+) along; 1 mm = ([\d.,]+) m³", page.words("scales")[0])[0]
    (line,) = [each for each in page.lines["haul"] if len(each) == 200]
    zero = next(t.y for t in page.texts if t.kind == "level" and t.words == "0")
    zero += paper.SMALL * paper.CAPITAL / 2
    back = (line - (line[0, 0], zero)) * (
        float(along.replace(",", "")) / 1000,
        float(up.replace(",", "")),
    )
    assert back[:, 0] == pytest.approx(s, abs=TENTH * float(along.replace(",", "")) / 1000)
    assert back[:, 1] == pytest.approx(volume, abs=TENTH * float(up.replace(",", "")))
    assert page.words("site-0") == ["S1", "S2", "All"]
    assert page.words("site-2") == ["0", "1,250", "1,250"]
    assert page.words("site-3") == ["4,500", "0", "4,500"]
    assert page.words("sheet") == ["1 of 1"]


def test_mass_haul_that_is_not_known_everywhere_is_drawn_in_parts() -> None:
    own = road(900.0)
    s = np.arange(0.0, 900.0, 20.0)
    volume = np.where(abs(s - 400) < 50, np.nan, 100 * np.sin(s / 100))
    *_, page = read(own, hauls=[drawing.MassHaul(own.name, s, volume, ((400.0, 1.0, 2.0),))])
    assert len([line for line in page.lines["haul"] if len(line) > 2]) == 2


def test_a_file_opens_with_the_title_of_its_option(sheets: tuple[paper.Sheet, ...]) -> None:
    data = paper.pdf(sheets, title="Option 2")
    assert io.BytesIO(data).read(5) == b"%PDF-"
    assert b"/Title (Option 2)" in data


@pytest.mark.parametrize("seed", range(4))
def test_no_two_texts_overlap(seed: int) -> None:
    own = road(6100.0, seed=seed)
    line = own.alignment.plan.poses(np.arange(0, 6100.0, 30.0))[:, :2] + (60.0, -40.0)
    for page in read(own, existing=line):
        corners = [text.box()[[0, 1, 3, 2]] for text in page.texts]
        boxes = [shapely.Polygon(each).buffer(-0.1) for each in corners]
        pairs = shapely.STRtree(boxes).query(boxes, predicate="intersects").T
        over = [(page.texts[i].words, page.texts[j].words) for i, j in pairs if i < j]
        assert not over
