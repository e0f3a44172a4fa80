"""Laws of DXF drawings: read back by other means, plan and profile are those of the road."""

import io
from dataclasses import replace
from itertools import pairwise
from math import pi
from typing import Any

import ezdxf
import ezdxf.recover
import numpy as np
import pytest
import shapely
from ezdxf.document import Drawing
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString

from realign.errors import OutputError
from realign.geometry.alignment import Alignment, Part, Plan, Stationed
from realign.geometry.horizontal import Corner, Element, Pose
from realign.geometry.vertical import Grades
from realign.outputs import dxf

MILLIMETRE = 1e-3
UTM = CRS.from_epsg(32643)
START = Pose(433_123.456, 4_012_345.678, 2.5)
R = 1 / 125
T = 1 / 30  # hairpin
SHAPES: dict[str, list[tuple[float, float, float]]] = {
    "straight": [(1612.3456, 0, 0)],
    "left": [(100, 0, 0), (150, R, R), (400, 0, 0)],
    "right": [(100, 0, 0), (150, -R, -R), (400, 0, 0)],
    "clothoids": [(80, 0, 0), (60, 0, R), (90, R, R), (60, R, 0), (400, 0, 0)],
    "compound": [(60, 0, R), (70, R, R), (40, R, 2 * R), (60, 2 * R, 2 * R), (40, 2 * R, R / 2)],
    "reverse": [(50, 0, R), (60, R, R), (90, R, -R), (60, -R, -R), (45, -R, 0)],
    "hairpin": [(120, 0, 0), (35, 0, T), (T**-1 * pi - 35, T, T), (35, T, 0), (120, 0, 0)],
    "hairpin right": [(20, 0, -T), (T**-1 * pi, -T, -T), (20, -T, 0), (99.9, 0, 0)],
    "too wide to tell": [(200, 1e-10, 1e-10), (100, 0, 2e-9), (100, R, R + 1e-10)],
}


def chain(rows: list[tuple[float, float, float]], start: Pose = START) -> Plan:
    out: list[Element] = []
    for length, k0, k1 in rows:
        out.append(Element(out[-1].end if out else start, length, k0, k1))
    return Plan(tuple(out))


def graded(
    plan: Plan, grades: tuple[float, ...] = (0.06, -0.03, 0.08), share: float = 0.9
) -> Grades:
    """Grade line with PVIs evenly apart, whose parabolas fill a share of the room."""
    s = np.linspace(0.0, plan.length, len(grades) + 1)
    gap = plan.length / len(grades)
    curve = np.full(len(s), share * gap)
    curve[[0, -1]] = 0.0
    return Grades(s, 1234.5 + np.concatenate(([0.0], np.cumsum(grades) * gap)), curve)


def drawn(shape: str, **changes: Any) -> Stationed:
    plan = chain(SHAPES[shape])
    return replace(Stationed(shape, Alignment(plan, graded(plan))), **changes)


def written(*roads: Stationed, **beside: Any) -> bytes:
    return dxf.document(roads, crs=UTM, **beside)


def opened(data: bytes) -> Drawing:
    drawing, auditor = ezdxf.recover.read(io.BytesIO(data))
    assert not auditor.errors
    return drawing


def on(drawing: Drawing, layer: str, kind: str) -> list[Any]:
    assert layer in drawing.layers
    return list(drawing.modelspace().query(f'{kind}[layer=="{layer}"]'))


def flat(place: Any) -> NDArray[np.float64]:
    """Place in plan of a vector of the library."""
    return np.array([place.x, place.y])


def corners(entity: Any) -> NDArray[np.float64]:
    return np.array([point[:2] for point in entity.get_points("xy")])


def distance(entity: Any, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Distances of points from a LINE, an ARC or a polyline, by their own data [m]."""
    if entity.dxftype() == "ARC":
        centre, radius = flat(entity.dxf.center), entity.dxf.radius
        way = points - centre
        turn = np.degrees(np.arctan2(way[:, 1], way[:, 0])) - entity.dxf.start_angle
        span = (entity.dxf.end_angle - entity.dxf.start_angle) % 360
        slack = np.degrees(MILLIMETRE / 10 / radius)
        inside = (turn + slack) % 360 <= span + 2 * slack
        return np.where(inside, np.abs(np.hypot(*way.T) - radius), np.inf)
    if entity.dxftype() == "LINE":
        line = LineString([flat(entity.dxf.start), flat(entity.dxf.end)])
    else:
        line = LineString(corners(entity))
    return np.asarray(shapely.distance(line, shapely.points(points)))


def length(entity: Any) -> float:
    if entity.dxftype() == "ARC":
        span = (entity.dxf.end_angle - entity.dxf.start_angle) % 360
        return float(np.radians(span) * entity.dxf.radius)
    if entity.dxftype() == "LINE":
        return float((entity.dxf.end - entity.dxf.start).magnitude)
    return float(LineString(corners(entity)).length)


def centre_line(drawing: Drawing) -> list[Any]:
    return [
        *on(drawing, "PLAN-TANGENT", "LINE"),
        *on(drawing, "PLAN-ARC", "ARC"),
        *on(drawing, "PLAN-CLOTHOID", "LWPOLYLINE"),
    ]


def off_plan(drawing: Drawing, plan: Plan) -> float:
    """Greatest distance of the road, at dense stations, from what is drawn of it [m]."""
    points = plan.poses(plan.stations(0.4))[:, :2]
    return float(np.min([distance(each, points) for each in centre_line(drawing)], axis=0).max())


@pytest.mark.parametrize("name", SHAPES)
def test_lines_arcs_and_clothoids_are_the_road_to_the_millimetre(name: str) -> None:
    sheet = drawn(name)
    drawing = opened(written(sheet))
    parts = centre_line(drawing)
    assert off_plan(drawing, sheet.alignment.plan) < MILLIMETRE
    assert len(parts) == len(sheet.alignment.plan.elements)
    # what is drawn is no longer than the road either: chords of half a millimetre are shorter
    assert sum(map(length, parts)) == pytest.approx(sheet.alignment.length, abs=0.01)


curvatures = st.one_of(st.just(0.0), st.floats(-1 / 20, 1 / 20), st.floats(-1e-7, 1e-7))
pieces = st.lists(st.tuples(st.floats(0.5, 150.0), curvatures, curvatures), min_size=1, max_size=6)
slopes = st.lists(st.floats(-0.12, 0.12), min_size=1, max_size=6).map(tuple)


@settings(max_examples=15, phases=[Phase.explicit, Phase.generate])  # shrinking takes minutes
@given(rows=pieces, bearing=st.floats(-10, 10), grades=slopes, share=st.sampled_from([0.0, 0.5, 1]))
def test_any_chain_of_elements_comes_back(
    rows: list[tuple[float, float, float]],
    bearing: float,
    grades: tuple[float, ...],
    share: float,
) -> None:
    plan = chain(rows, replace(START, bearing=bearing))
    line = graded(plan, grades, share)
    drawing = opened(written(Stationed("any", Alignment(plan, line), start=192_400.0)))
    assert off_plan(drawing, plan) < MILLIMETRE
    s = plan.stations(1.0)
    profile = Profile(drawing, "any").along("PROFILE-GRADE")[0]
    assert np.interp(s, *profile.T) == pytest.approx(line.at(s), abs=MILLIMETRE)


@pytest.mark.parametrize("name", SHAPES)
def test_points_of_the_axis_lie_on_the_road_in_space(name: str) -> None:
    road = drawn(name).alignment
    (axis,) = on(opened(written(drawn(name))), "PLAN-AXIS", "POLYLINE")
    assert axis.is_3d_polyline
    points = np.array([tuple(vertex.dxf.location) for vertex in axis.vertices])
    s = np.linspace(0, road.length, 50_001)
    x, y = road.plan.poses(s)[:, :2].T
    for point in points:
        i = int(np.argmin(np.hypot(x - point[0], y - point[1])))
        step = s[1]
        assert np.hypot(x[i] - point[0], y[i] - point[1]) <= step
        assert point[2] == pytest.approx(road.grades.at(s[i : i + 1])[0], abs=0.1 * step)
    ends = road.plan.poses([0.0, road.length])[:, :2]
    assert points[[0, -1], :2] == pytest.approx(ends, abs=MILLIMETRE)


@pytest.mark.parametrize(("name", "count"), [("straight", 0), ("clothoids", 1), ("reverse", 2)])
def test_every_curve_has_a_pi(name: str, count: int) -> None:
    drawing = opened(written(drawn(name)))
    (polygon,) = on(drawing, "PLAN-PI", "LWPOLYLINE")
    assert len(corners(polygon)) == count + 2
    assert len(on(drawing, "PLAN-PI-TEXT", "TEXT")) == count


def test_the_pi_is_a_tangent_length_from_the_curve() -> None:
    drawing = opened(written(drawn("clothoids")))
    (polygon,) = on(drawing, "PLAN-PI", "LWPOLYLINE")
    corner = Corner(150 * R, 125.0, 60.0)
    legs = np.hypot(*np.diff(corners(polygon), axis=0).T)
    assert legs == pytest.approx([80 + corner.tangent, 400 + corner.tangent], abs=MILLIMETRE)
    (words,) = on(drawing, "PLAN-PI-TEXT", "TEXT")
    assert words.dxf.text == "PI 1  R=125.0"


@pytest.mark.parametrize("name", SHAPES)
def test_legs_between_pis_touch_the_road_and_stay_near_it(name: str) -> None:
    plan = drawn(name).alignment.plan
    (polygon,) = on(opened(written(drawn(name))), "PLAN-PI", "LWPOLYLINE")
    road = LineString(plan.poses(plan.stations(0.1))[:, :2])
    for leg in pairwise(corners(polygon)):
        assert LineString(leg).distance(road) < MILLIMETRE
    assert LineString(corners(polygon)).length < 2 * plan.length


def test_ticks_stand_at_round_chainages_across_the_road() -> None:
    sheet = drawn("straight", start=192_340.0)
    drawing = opened(written(sheet))
    ticks = on(drawing, "PLAN-CHAINAGE", "LINE")
    s = np.arange(192_400, 193_952, 100) - 192_340.0
    poses = sheet.alignment.plan.poses(s)
    for tick, (x, y, bearing, _) in zip(ticks, poses, strict=True):
        assert flat(tick.dxf.start.lerp(tick.dxf.end)) == pytest.approx((x, y), abs=MILLIMETRE)
        way = tick.dxf.end - tick.dxf.start
        assert np.cos(bearing) * way.x + np.sin(bearing) * way.y == pytest.approx(0, abs=1e-6)
    words = {each.dxf.text for each in on(drawing, "PLAN-CHAINAGE-TEXT", "TEXT")}
    assert words == {"straight", "192+500", "193+000", "193+500"}


class Profile:
    """The profile sheet of a road, found by its title and read by frame and texts alone."""

    def __init__(self, drawing: Drawing, name: str) -> None:
        self.drawing = drawing
        texts = on(drawing, "PROFILE-TEXT", "TEXT")
        (title,) = (t for t in texts if t.dxf.text.startswith(f"{name}  1:"))
        place = flat(title.dxf.align_point)
        frames = [corners(frame) for frame in on(drawing, "PROFILE-FRAME", "LWPOLYLINE")]
        frame = min(frames, key=lambda f: abs(f[:, 1].max() - place[1]))
        self.low, self.high = frame.min(axis=0), frame.max(axis=0)
        beside = {
            t.dxf.text.split()[0]: t.dxf.text.split()[1]
            for t in texts
            if t.dxf.text.startswith(("DATUM", "CHAINAGE"))
            and -1 < t.dxf.align_point.y - self.low[1] < 100
        }
        self.datum = float(beside["DATUM"])
        km, metres = beside["CHAINAGE"].split("+")
        self.start = 1000 * float(km) + float(metres)

    def read(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Distances from the start and levels of points of the drawing."""
        return (points - self.low) / (1, 10) + (0, self.datum)

    def mine(self, points: NDArray[np.float64]) -> bool:
        return bool((points[:, 1] >= self.low[1]).all() and (points[:, 1] <= self.high[1]).all())

    def along(self, layer: str) -> list[NDArray[np.float64]]:
        lines = [corners(each) for each in on(self.drawing, layer, "LWPOLYLINE")]
        return [self.read(line) for line in lines if self.mine(line)]


@pytest.mark.parametrize("name", SHAPES)
def test_the_profile_reads_back_as_the_grade_line(name: str) -> None:
    sheet = drawn(name, start=12_345.678)
    profile = Profile(opened(written(sheet)), name)
    (grade,) = profile.along("PROFILE-GRADE")
    line = sheet.alignment.grades
    assert profile.start == 12_345.678
    assert grade[:, 1] == pytest.approx(line.at(grade[:, 0]), abs=MILLIMETRE)
    s = sheet.alignment.plan.stations(0.5)
    assert np.interp(s, *grade.T) == pytest.approx(line.at(s), abs=MILLIMETRE)
    (pvis,) = profile.along("PROFILE-PVI")
    assert pvis == pytest.approx(np.column_stack((line.chainage, line.level)), abs=MILLIMETRE)
    assert (profile.high - profile.low)[0] == pytest.approx(sheet.alignment.length, abs=MILLIMETRE)


def surroundings() -> Stationed:
    sheet = drawn("straight")
    s = np.arange(0.0, 1612.0, 20.0)
    ground = np.column_stack((s, 1240 + 8 * np.sin(s / 90)))
    ground[30:33, 1] = np.nan
    water = np.column_stack((s, np.where((s > 300) & (s < 700), 1230.25, np.nan)))
    return replace(
        sheet,
        ground=ground,
        water=water,
        parts=(Part("bridge", 100.0, 220.5), Part("tunnel", 900.0, 1300.0)),
    )


def beside(road: Stationed) -> np.ndarray:
    """Give points of a line beside a road."""
    s = np.arange(0.0, 1612.0, 20.0)
    return road.alignment.plan.poses(s)[:, :2] + (30.0, -40.0)


def test_ground_and_water_are_those_given_and_stop_where_they_are_unknown() -> None:
    sheet = surroundings()
    profile = Profile(opened(written(sheet)), sheet.name)
    ground = profile.along("PROFILE-GROUND")
    known = np.isfinite(sheet.ground[:, 1])
    assert len(ground) == 2
    assert np.vstack(ground) == pytest.approx(sheet.ground[known], abs=MILLIMETRE)
    (water,) = profile.along("PROFILE-WATER")
    wet = np.isfinite(sheet.water[:, 1])
    assert water == pytest.approx(sheet.water[wet], abs=MILLIMETRE)


def test_structures_are_drawn_from_end_to_end() -> None:
    sheet = surroundings()
    drawing = opened(written(sheet))
    profile = Profile(drawing, sheet.name)
    for part in sheet.parts:
        (deck,) = profile.along(f"PROFILE-{part.form.upper()}")
        levels = sheet.alignment.grades.at(deck[:, 0])
        assert deck[[0, -1], 0] == pytest.approx([part.start, part.end], abs=MILLIMETRE)
        assert deck[:, 1] == pytest.approx(levels, abs=MILLIMETRE)
        (line,) = on(drawing, f"PLAN-{part.form.upper()}", "LWPOLYLINE")
        ends = sheet.alignment.plan.poses([part.start, part.end])[:, :2]
        assert corners(line)[[0, -1]] == pytest.approx(ends, abs=MILLIMETRE)
    for layer in ("PLAN-STRUCTURE-TEXT", "PROFILE-STRUCTURE-TEXT"):
        assert {t.dxf.text for t in on(drawing, layer, "TEXT")} == {"Bridge 120 m", "Tunnel 400 m"}


def test_structures_in_curves_follow_them() -> None:
    sheet = drawn("hairpin", parts=(Part("bridge", 100.0, 250.0),))
    (line,) = on(opened(written(sheet)), "PLAN-BRIDGE", "LWPOLYLINE")
    points = sheet.alignment.plan.poses(np.linspace(100, 250, 400))[:, :2]
    assert distance(line, points).max() < MILLIMETRE


def test_lines_of_the_surroundings_are_drawn_as_given() -> None:
    sheet = surroundings()
    line = beside(sheet)
    lines = (line + 100.0, line - 200.0)
    other = replace(sheet, name="another")
    drawing = opened(written(sheet, other, existing=line, shores=lines))
    (existing,) = on(drawing, "PLAN-EXISTING-ROAD", "LWPOLYLINE")
    assert corners(existing) == pytest.approx(line, abs=MILLIMETRE)
    shores = on(drawing, "PLAN-WATER", "LWPOLYLINE")
    assert [corners(shore)[0] for shore in shores] == [
        pytest.approx(shore[0], abs=MILLIMETRE) for shore in lines
    ]


def test_pvis_and_grades_are_written() -> None:
    sheet = drawn("straight")
    drawing = opened(written(sheet))
    gap = 1612.3456 / 3
    radius = 0.9 * gap / 0.09
    words = [t.dxf.text for t in on(drawing, "PROFILE-PVI-TEXT", "TEXT")]
    assert words[0] == "0+000.00  1234.50"
    assert words[1] == f"0+{gap:.2f}  {1234.5 + 0.06 * gap:.2f}  L={0.9 * gap:.1f}  R={radius:.0f}"
    slopes = [t.dxf.text for t in on(drawing, "PROFILE-GRADE-TEXT", "TEXT")]
    assert slopes == [f"{slope} %  {gap:.1f} m" for slope in ("+6.00", "-3.00", "+8.00")]
    assert len(on(drawing, "PROFILE-PVI", "POINT")) == 4


def test_rows_of_levels_are_those_of_the_road_and_the_ground() -> None:
    sheet = surroundings()
    drawing = opened(written(sheet))
    profile = Profile(drawing, sheet.name)
    under = [
        (t.dxf.align_point.x - profile.low[0], t.dxf.text)
        for t in on(drawing, "PROFILE-TEXT", "TEXT")
        if t.dxf.align_point.y < profile.low[1] - dxf.BAND / 3 and "[m]" not in t.dxf.text
    ]
    s = np.arange(0.0, 1601.0, 100.0)
    wanted = {
        (at, f"{level:.2f}") for at, level in zip(s, sheet.alignment.grades.at(s), strict=True)
    }
    levels = np.interp(s, *sheet.ground.T)
    wanted |= {(at, f"{z:.2f}") for at, z in zip(s, levels, strict=True) if np.isfinite(z)}
    assert {(round(at, 6), words) for at, words in under} == wanted


def test_sheets_lie_below_the_plan_and_apart() -> None:
    names = list(SHAPES)
    drawing = opened(written(*(drawn(name) for name in names)))
    profiles = [Profile(drawing, name) for name in names]
    plan = min(entity.dxf.start.y for entity in on(drawing, "PLAN-TANGENT", "LINE"))
    assert profiles[0].high[1] < plan
    for one, other in pairwise(profiles):
        assert other.high[1] < one.low[1] - dxf.BAND


def test_the_auditor_finds_nothing() -> None:
    sheets = [surroundings(), *(drawn(name) for name in SHAPES if name != "straight")]
    drawing, auditor = ezdxf.recover.read(io.BytesIO(written(*sheets)))
    assert not auditor.errors
    assert not auditor.fixes
    again = drawing.audit()
    assert not again.errors
    assert not again.fixes


def test_the_auditor_sees_a_broken_drawing() -> None:
    drawing = opened(written(drawn("left")))
    on(drawing, "PLAN-ARC", "ARC")[0].dxf.linetype = "NOWHERE"
    auditor = drawing.audit()
    assert auditor.errors or auditor.fixes


def test_units_are_metres_and_layers_are_those_listed() -> None:
    drawing = opened(written(surroundings()))
    assert drawing.header["$INSUNITS"] == 6
    assert drawing.header["$MEASUREMENT"] == 1
    assert drawing.header.custom_vars.get("Reference system") == "EPSG:32643"
    for layer in dxf.LAYERS:
        found = drawing.layers.get(layer.name)
        assert (found.color, found.dxf.linetype) == (layer.colour, layer.line)
        assert (found.dxf.lineweight, found.description) == (layer.weight, layer.holds)
    used = {entity.dxf.layer for entity in drawing.modelspace()}
    listed = {layer.name for layer in dxf.LAYERS}
    assert used <= listed
    straight = {"PLAN-ARC", "PLAN-CLOTHOID", "PLAN-PI-TEXT"}
    assert listed - used <= straight | {"PLAN-EXISTING-ROAD", "PLAN-WATER"}


def test_texts_are_legible_on_paper() -> None:
    heights = {
        entity.dxf.height / 10_000 * 1000  # mm at 1:10,000
        for entity in opened(written(surroundings())).modelspace().query("TEXT")
    }
    assert heights == {2.5, 1.8, 1.2}


def test_the_same_sheets_give_the_same_bytes() -> None:
    sheets = [drawn(name) for name in SHAPES]
    before = ezdxf.options.write_fixed_meta_data_for_testing
    assert written(*sheets) == written(*sheets)
    assert ezdxf.options.write_fixed_meta_data_for_testing == before


def test_names_in_any_script_are_kept() -> None:
    drawing = opened(written(drawn("left", name="شاہراہ 2 中")))
    assert "شاہراہ 2 中" in {t.dxf.text for t in on(drawing, "PLAN-CHAINAGE-TEXT", "TEXT")}


@pytest.mark.parametrize("name", ["two\nlines", "two\r\nlines", "twolines^"])
def test_a_name_never_breaks_its_line(name: str) -> None:
    drawing = opened(written(drawn("left", name=name)))
    assert "twolines" in {t.dxf.text for t in on(drawing, "PLAN-CHAINAGE-TEXT", "TEXT")}
    assert on(drawing, "PROFILE-PVI", "POINT")  # what comes after it is still there


def test_every_entity_has_a_handle_of_its_own() -> None:
    data = written(*(drawn(name) for name in SHAPES)).decode()
    lines = data.split("\n")
    handles = [value for code, value in zip(lines[::2], lines[1::2], strict=False) if code == "  5"]
    seed = int(lines[lines.index("$HANDSEED") + 2], 16)
    assert len(set(handles[1:])) == len(handles[1:])
    assert max(int(handle, 16) for handle in handles[1:]) < seed


def test_a_drawing_needs_a_road() -> None:
    with pytest.raises(OutputError, match="at least one road"):
        written()
