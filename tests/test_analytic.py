"""
The benchmark on an analytic mountain, held against a checker that shares no code with it.

The checker follows elements in small steps and prices sections by brute force
over offsets; what it knows of the problem it takes from the file.
"""

import copy
import json
from dataclasses import replace
from itertools import pairwise
from math import ceil, cos, inf, pi, sin, sqrt, tan
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.mountain import alignment, descent, judge, layout, problem, profile, sections
from benchmarks.mountain.alignment import rows
from benchmarks.mountain.finish import Solution
from benchmarks.mountain.lattice import corridors
from benchmarks.mountain.refine import Shape
from benchmarks.mountain.search import solve
from realign.errors import InputError, NoRouteError
from realign.geometry.alignment import Alignment, Plan
from realign.geometry.check import advice
from realign.geometry.check import breaches as checked
from realign.geometry.horizontal import Element, Pose, tangent_length
from realign.geometry.vertical import Grades

FILES = sorted((Path(__file__).parents[1] / "benchmarks" / "problems").glob("*.json"))
NAMES = [path.stem for path in FILES]
ANALYTIC = FILES[NAMES.index("analytic")]

# The checker.


def ground(given: dict, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    terrain = given["terrain"]
    unit = terrain["unit_m"]
    total = np.full(np.shape(x), float(terrain["base"]))
    for t in terrain["terms"]:
        q = t["d"] * (
            t["l"] ** 2
            - ((x / unit - t["s1"]) / t["m"]) ** 2
            - ((y / unit - t["s2"]) / t["n"]) ** 2
        )
        total = total + np.maximum(q, t["qmin"]) ** 2
    return unit * total


def followed(element: dict, step: float = 0.25) -> NDArray[np.float64]:
    """Distance, x, y and bearing along an element, by Simpson's rule, shape (k, 4)."""
    length = element["length"]
    count = max(ceil(length / step), 2)
    d = np.linspace(0, length, 2 * count + 1)
    bend = (element["k1"] - element["k0"]) / length
    a = element["bearing"] + element["k0"] * d + bend * d**2 / 2
    h = length / count

    def walked(f: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = h / 6 * (f[:-2:2] + 4 * f[1:-1:2] + f[2::2])
        return np.concatenate(([0.0], np.cumsum(parts)))

    x, y = element["x"] + walked(np.cos(a)), element["y"] + walked(np.sin(a))
    return np.column_stack((d[::2], x, y, a[::2]))


def kind(element: dict) -> str:
    if element["k0"] == element["k1"]:
        return "tangent" if element["k0"] == 0 else "arc"
    return "clothoid"


def plan_breaches(given: dict, elements: list[dict]) -> set[str]:  # noqa: C901, PLR0912
    rules, ends = given["rules"], given["ends"]
    out = set()
    for a, b in pairwise(elements):
        _, x, y, bearing = followed(a)[-1]
        if np.hypot(b["x"] - x, b["y"] - y) > 1e-6:
            out.add("gap")
        if abs((b["bearing"] - bearing + pi) % (2 * pi) - pi) > 1e-9:
            out.add("kink")
        if rules["clothoid_m"] > 0 and abs(a["k1"] - b["k0"]) > 1e-12:
            out.add("curvature")
    first, last = elements[0], followed(elements[-1])[-1]
    if np.hypot(first["x"] - ends["A"][0], first["y"] - ends["A"][1]) > 1e-6:
        out.add("end A")
    if np.hypot(last[1] - ends["B"][0], last[2] - ends["B"][1]) > 1e-6:
        out.add("end B")
    curve = ["clothoid", "arc", "clothoid"] if rules["clothoid_m"] > 0 else ["arc"]
    kinds = [kind(e) for e in elements]
    wanted = ["tangent", *[*curve, "tangent"] * ((len(kinds)) // (len(curve) + 1))]
    if kinds not in (wanted, wanted[1:]):
        out.add("order")
    for i, e in enumerate(elements):
        if kind(e) == "tangent":
            least = (
                rules["last_tangent_min_m"] if i == len(elements) - 1 else rules["tangent_min_m"]
            )
            if not least <= e["length"] <= rules["tangent_max_m"]:
                out.add("tangent")
        elif kind(e) == "arc":
            if 1 / abs(e["k0"]) < rules["radius_min_m"]:
                out.add("radius")
            if e["length"] < rules["arc_min_m"]:
                out.add("arc")
            if abs(e["k0"]) * (e["length"] + rules["clothoid_m"]) >= pi:
                out.add("turn")
        elif abs(e["length"] - rules["clothoid_m"]) > 1e-6 or 0 not in (e["k0"], e["k1"]):
            out.add("clothoid")
    return out


def grade_breaches(given: dict, elements: list[dict], pvis: list[dict]) -> set[str]:
    rules = given["rules"]
    out = set()
    s, z, curve = (np.array([p[k] for p in pvis]) for k in ("chainage", "level", "curve_length"))
    length = sum(e["length"] for e in elements)
    for at, name, chainage in ((0, "A", 0.0), (-1, "B", length)):
        x, y = given["ends"][name]
        if abs(s[at] - chainage) > 1e-6 or abs(z[at] - float(ground(given, x, y))) > 1e-6:
            out.add(f"level of {name}")
        if curve[at] != 0:
            out.add("curve at an end")
    grade = np.diff(z) / np.diff(s)
    if not ((np.abs(grade) >= rules["grade_min"]) & (np.abs(grade) <= rules["grade_max"])).all():
        out.add("grade")
    if (
        np.abs(curve[1:-1] - rules["vertical_radius_m"] * np.abs(np.diff(grade))).max(initial=0)
        > 1e-6
    ):
        out.add("curve length")
    straight = np.diff(s) - (curve[:-1] + curve[1:]) / 2
    if len(s) > 2 and straight.min() < rules["grade_length_min_m"]:
        out.add("straight grade")
    at = 0.0
    for e in elements:
        if kind(e) == "clothoid":
            over = (s[1:-1] - curve[1:-1] / 2 < at + e["length"]) & (s[1:-1] + curve[1:-1] / 2 > at)
            if over.any():
                out.add("curve over a clothoid")
        at += e["length"]
    return out


def centre(elements: list[dict], step: float) -> NDArray[np.float64]:
    """Chainage, x, y and bearing every `step`, the end included, shape (k, 4)."""
    rows, at = [], 0.0
    for e in elements:
        part = followed(e)
        part[:, 0] += at
        rows.append(part)
        at += e["length"]
    whole = np.vstack(rows)
    s = np.append(np.arange(0, at, step), at)
    return np.column_stack((s, *(np.interp(s, whole[:, 0], whole[:, i]) for i in (1, 2, 3))))


def level(pvis: list[dict], s: float) -> tuple[float, float]:
    """Level and grade at a chainage."""
    at = [p["chainage"] for p in pvis]
    j = min(int(np.searchsorted(at, s, side="right")) - 1, len(pvis) - 2)

    def grade(i: int) -> float:
        return (pvis[i + 1]["level"] - pvis[i]["level"]) / (at[i + 1] - at[i])

    for k in (j, j + 1):
        size = pvis[k]["curve_length"]
        into = s - (at[k] - size / 2)
        if 0 < k < len(pvis) - 1 and 0 < into < size:
            g0, change = grade(k - 1), grade(k) - grade(k - 1)
            begin = pvis[k]["level"] - g0 * size / 2
            return begin + g0 * into + change * into**2 / (2 * size), g0 + change * into / size
    return pvis[j]["level"] + grade(j) * (s - at[j]), grade(j)


def cross(given: dict, x: float, y: float, bearing: float, z: float) -> tuple[float, ...]:
    """Areas below and in the top stratum, fill, and the two toes; by offsets of 2 cm."""
    rules = given["rules"]
    half, top, fine = rules["half_width_m"], rules["top_stratum_m"], 0.02
    deep = cut = fill = 0.0
    toes = []
    for side in (1, -1):
        t = np.arange(0, rules["toe_max_m"] * 1.5, fine)
        flat = np.linspace(0, half, ceil(half / fine) + 1)

        def over(d: NDArray[np.float64], side: int = side) -> NDArray[np.float64]:
            return ground(given, x - side * d * sin(bearing), y + side * d * cos(bearing)) - z

        edge = float(over(np.array(half)))
        face = tan(rules["cut_face_rad"]) if edge >= 0 else -tan(rules["fill_face_rad"])
        left = over(half + t) - face * t
        beyond = np.flatnonzero(left * np.sign(edge) <= 0)
        if edge == 0 or not beyond.size:
            toes.append(0.0 if edge == 0 else inf)
            stop = t[:1]
        else:
            i = max(int(beyond[0]), 1)
            toe = t[i - 1] + fine * left[i - 1] / (left[i - 1] - left[i])
            toes.append(float(toe))
            stop = np.append(t[:i], toe)
        for d, rise in ((flat, 0 * flat), (half + stop, face * stop)):
            f = over(d) - rise
            deep += np.trapezoid(np.maximum(f - top, 0), d)
            cut += np.trapezoid(np.clip(f, 0, top), d)
            fill += np.trapezoid(np.maximum(-f, 0), d)
    return float(deep), float(cut), float(fill), toes[0], toes[1]


def priced(given: dict, road: dict, step: float = 5.0) -> tuple[float, float]:
    """Cost with sections every `step`, and the greatest toe."""
    c, half = given["costs"], given["rules"]["half_width_m"]
    stations = centre(road["elements"], step)
    rows = []
    for s, x, y, bearing in stations:
        z, g = level(road["pvis"], s)
        v1, v2, f, left, right = cross(given, x, y, bearing, z)
        w, slant = 2 * half + left + right, sqrt(1 + g * g)
        along = c["land"] * (w + c["land_margin_m"]) + slant * (
            c["clearing"] * w + c["pavement"] + c["maintenance"]
        )
        rows.append((v1, v2, f, along, max(left, right)))
    v1, v2, f, along = np.trapezoid(np.array(rows)[:, :4], stations[:, 0], axis=0)
    fit1, fit2 = c["keep_1"] * c["reusable_1"] * v1, c["keep_2"] * c["reusable_2"] * v2
    r = min(f, fit1 + fit2)
    waste = (
        (1 - c["keep_1"]) * c["swell_1"] * v1
        + (1 - c["keep_2"]) * c["swell_2"] * v2
        + c["swell_1"] / c["compaction"] * (fit1 + fit2 - r)
    )
    earth = c["cut_1"] * v1 + c["cut_2"] * v2 + c["reuse"] * r + c["borrow"] * (f - r)
    return float(along + earth + c["waste"] * waste), max(row[4] for row in rows)


def breaches(given: dict, road: dict) -> set[str]:
    out = plan_breaches(given, road["elements"])
    out |= grade_breaches(given, road["elements"], road["pvis"])
    west, east, south, north = given["terrain"]["domain_m"]
    line = centre(road["elements"], 5.0)
    inside = (line[:, 1:3] >= (west, south)) & (line[:, 1:3] <= (east, north))
    if not inside.all():
        out.add("domain")
    if priced(given, road, 25.0)[1] > given["rules"]["toe_max_m"]:
        out.add("toe")
    return out


# What the solver must keep.


def searched(path: Path, *, changes: int, plans: int | None, workers: int = 2) -> Solution:
    return solve(problem.read(path), changes=changes, plans=plans, workers=workers)


def read_back(found: Solution) -> dict:
    """Return what the answer is once written."""
    return json.loads(json.dumps(rows(found.alignment) | {"cost": found.cost}))


@pytest.fixture(scope="module")
def answers() -> dict[str, Solution]:
    return {path.stem: searched(path, changes=4, plans=5) for path in FILES}


@pytest.fixture(scope="module")
def quick_roads(answers: dict[str, Solution]) -> dict[str, dict]:
    return {name: read_back(found) for name, found in answers.items()}


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_kept(quick_roads: dict[str, dict], name: str) -> None:
    given = json.loads(FILES[NAMES.index(name)].read_text())
    assert breaches(given, quick_roads[name]) == set()


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_is_that_of_brute_force(quick_roads: dict[str, dict], name: str) -> None:
    given = json.loads(FILES[NAMES.index(name)].read_text())
    cost, toe = priced(given, quick_roads[name])
    assert quick_roads[name]["cost"]["total"] == pytest.approx(cost, rel=2e-4)
    assert toe <= given["rules"]["toe_max_m"]


@pytest.mark.parametrize("name", NAMES)
def test_the_checker_of_the_package_finds_nothing_in_an_answer(
    answers: dict[str, Solution], name: str
) -> None:
    road, p = answers[name].alignment, problem.read(FILES[NAMES.index(name)])
    asked = judge.standard(p)
    assert checked(road.plan.elements, road.grades, asked) == ()
    assert advice(road.plan.elements, asked) == ()
    assert judge.broken(p, road) == ()


@pytest.mark.parametrize(
    ("field", "factor", "rule"),
    [
        ("radius", 20, "radius"),
        ("clothoid", 1.001, "length of clothoid"),
        ("grade", 0.2, "grade"),
        ("k_crest", 1.001, "length of vertical curve"),
        ("k_sag", 1.001, "length of vertical curve"),
        ("grade_length", 9, "length of grade"),
        ("tangent_reverse", 9, "tangent between reverse curves"),
        ("arc", 9, "length of arc"),
    ],
)
def test_every_rule_in_the_standard_can_be_broken(
    answers: dict[str, Solution], field: str, factor: float, rule: str
) -> None:
    road = answers["analytic"].alignment
    asked = judge.standard(problem.read(ANALYTIC))
    asked = replace(asked, **{field: getattr(asked, field) * factor})
    elements = road.plan.elements
    found = (*checked(elements, road.grades, asked), *advice(elements, asked))
    assert {each.rule for each in found} == {rule}


@pytest.mark.parametrize("name", NAMES)
def test_the_cost_is_that_of_the_poses_of_the_alignment(
    answers: dict[str, Solution], name: str
) -> None:
    p, found = problem.read(FILES[NAMES.index(name)]), answers[name]
    road = found.alignment
    s = np.linspace(0, road.length, ceil(road.length / 5) + 1)
    poses, level, grade = road.plan.poses(s), road.grades.at(s), road.grades.grade_at(s)
    each = np.empty((s.size, 5))
    for (x, y, bearing, _), z, out in zip(poses, level, each, strict=True):
        ground_form = (p.terms, p.shape[0], p.shape[1], p.form)
        sections.section(*ground_form, x, y, cos(bearing), sin(bearing), z, out)
    v1, v2, f = np.trapezoid(each[:, :3], s, axis=0)
    assert found.cost["cut_1_m3"] == pytest.approx(v1, rel=1e-9, abs=1e-6)
    assert found.cost["cut_2_m3"] == pytest.approx(v2, rel=1e-9)
    assert found.cost["fill_m3"] == pytest.approx(f, rel=1e-9)
    wide, slant = 2 * p.form[0] + each[:, 3] + each[:, 4], np.sqrt(1 + grade**2)
    c = p.given.costs
    along = c.land * (wide + c.land_margin_m)
    along += slant * (c.clearing * wide + c.pavement + c.maintenance)
    total = np.trapezoid(along, s) + layout.bill(v1, v2, f, p.prices, 0.0)[0]
    assert found.cost["total"] == pytest.approx(total, rel=1e-9)


def test_threads_leave_the_answer_as_it_is(quick_roads: dict[str, dict]) -> None:
    alone = searched(ANALYTIC, changes=4, plans=5, workers=1)
    assert read_back(alone) == quick_roads["analytic"]


def test_more_changes_never_make_it_dearer(quick_roads: dict[str, dict]) -> None:
    more = searched(ANALYTIC, changes=8, plans=5)
    assert more.cost["total"] <= quick_roads["analytic"]["cost"]["total"] * (1 + 1e-5)


def test_without_clothoids_arcs_join_tangents_and_every_rule_is_kept(tmp_path: Path) -> None:
    path = _written(tmp_path, rules__clothoid_m=0.0)
    found = searched(path, changes=0, plans=2)
    given, road = json.loads(path.read_text()), read_back(found)
    assert breaches(given, road) == set()
    assert {kind(e) for e in road["elements"]} == {"tangent", "arc"}
    assert found.cost["total"] == pytest.approx(priced(given, road)[0], rel=2e-4)


@pytest.mark.slow
def test_the_published_cost_is_beaten() -> None:
    road = read_back(searched(ANALYTIC, changes=500, plans=None))
    given = json.loads(ANALYTIC.read_text())
    assert breaches(given, road) == set()
    assert priced(given, road)[0] <= 3_434_000


# The checker must see what is wrong.


def _planted(road: dict, what: str) -> dict:  # noqa: C901, PLR0912
    road = copy.deepcopy(road)
    elements, pvis = road["elements"], road["pvis"]
    arc = next(i for i, e in enumerate(elements) if kind(e) == "arc")
    tangents = [i for i, e in enumerate(elements) if kind(e) == "tangent"]
    if what == "radius":
        for e, keys in ((elements[arc - 1], ["k1"]), (elements[arc], ["k0", "k1"])):
            for key in keys:
                e[key] = np.sign(elements[arc]["k0"]) / 249.9
    elif what == "tangent":
        elements[tangents[1]]["length"] = 221.9
    elif what == "grade":
        pvis[1]["level"] += 0.06 * pvis[1]["chainage"]
    elif what == "curve over a clothoid":
        start = sum(e["length"] for e in elements[: arc + 1])
        pvis[1]["chainage"] = start + 40
    elif what == "toe":
        for p in pvis[1:-1]:
            p["level"] += 40
    elif what == "end B":
        elements[-1]["length"] -= 0.01
    elif what == "straight grade":
        pvis[1]["chainage"] = pvis[2]["chainage"] - 220
    elif what == "curve length":
        pvis[1]["curve_length"] += 0.1
    elif what == "clothoid":
        elements[arc - 1]["length"] = 79.9
    elif what == "arc":
        elements[arc]["length"] = 99.9
    elif what == "level of A":
        pvis[0]["level"] += 0.01
    return road


@pytest.mark.parametrize(
    "what",
    [
        "radius", "tangent", "grade", "curve over a clothoid", "toe", "end B", "straight grade",
        "curve length", "clothoid", "arc", "level of A",
    ],
)  # fmt: skip
def test_the_checker_sees_a_planted_breach(quick_roads: dict[str, dict], what: str) -> None:
    given = json.loads(ANALYTIC.read_text())
    assert what in breaches(given, _planted(quick_roads["analytic"], what))


@pytest.mark.parametrize(
    ("what", "rule"),
    [
        ("radius", "radius"),
        ("tangent", "tangent"),
        ("grade", "grade"),
        ("curve over a clothoid", "vertical curve over"),
        ("toe", "toe_max_m"),
        ("end B", "place of the tie-in at the end"),
        ("straight grade", "grade_length_min_m"),
        ("curve length", "vertical_radius_m"),
        ("clothoid", "length of clothoid"),
        ("arc", "length of arc"),
        ("level of A", "level of the tie-in at the start"),
    ],
)
def test_the_judge_of_the_solver_sees_it_too(
    quick_roads: dict[str, dict], what: str, rule: str
) -> None:
    raw = _planted(quick_roads["analytic"], what)
    chain = tuple(
        Element(Pose(e["x"], e["y"], e["bearing"]), e["length"], e["k0"], e["k1"])
        for e in raw["elements"]
    )
    keys = ("chainage", "level", "curve_length")
    line = Grades(*(np.array([each[key] for each in raw["pvis"]]) for key in keys))
    told = judge.broken(problem.read(ANALYTIC), Alignment(Plan(chain), line))
    assert any(each.startswith(rule) for each in told)


# The compiled road is that of the package.


@st.composite
def roads_at_the_limits(
    draw: st.DrawFn,
) -> tuple[problem.Problem, Shape, NDArray[np.float64]]:
    """Radii, tangents and arcs near the least allowed; curves in level that nearly touch."""
    p = problem.read(ANALYTIC)
    least, clothoid = p.rules[2], p.rules[3]
    near = st.one_of(st.just(0.0), st.floats(0, 0.01), st.floats(0, 1))
    n = draw(st.integers(0, 5))
    turns, radius = [], []
    for _ in range(n):
        r = least * (1 + draw(near))
        size = min((clothoid + p.rules[4] * (1 + draw(near))) / r + draw(near), layout.SHARPEST)
        turns.append(draw(st.sampled_from([-1.0, 1.0])) * size)
        radius.append(r)
    head = n == 0 or draw(st.booleans())
    uses = [tangent_length(abs(a), r, clothoid) for a, r in zip(turns, radius, strict=True)]
    at, bearing = np.array(p.ends[:2]), draw(st.floats(-pi, pi))
    points, arcs, spans = [at], [], []
    s = 0.0
    for i, (before, after) in enumerate(pairwise([0.0, *uses, 0.0])):
        free = 0.0 if i == 0 and not head else p.rules[5] * (1 + draw(near))
        at = at + (before + free + after) * np.array([cos(bearing), sin(bearing)])
        points.append(at)
        spans.append((2 * i, s, free))
        if i < n:
            arcs.append(radius[i] * abs(turns[i]) - clothoid)
            spans.append((2 * i + 1, s + free + clothoid, arcs[-1]))
            s += free + 2 * clothoid + arcs[-1]
            bearing += turns[i]
    slots, inside, chainage = [], [], []
    for slot, begin, length in spans:
        if length > 90 and draw(st.booleans()):
            slots.append(slot)
            inside.append(length / 2)
            chainage.append(begin + length / 2)
    # Grades so that neighbouring vertical curves take all the room between them, or nearly so.
    # Each turns the road back towards the level of its start.
    line, grade, level = [0.0, *chainage], draw(st.floats(-0.05, 0.05)), [p.ends[4]]
    end = s + spans[-1][2]
    room = np.diff([*line, end])
    for i in range(len(slots)):
        level.append(level[-1] + grade * room[i])
        change = min(room[i], room[i + 1]) / p.rules[9] * (1 - 1e-9 - draw(near))
        grade += change if level[-1] < level[0] else -change
    last = level[-1] + grade * room[-1]
    signs = tuple(1 if rise >= 0 else -1 for rise in np.diff([*level, last]))
    ends = np.array([*p.ends[:2], *points[-1], level[0], last])
    v = np.concatenate((np.ravel(points[1:-1]), radius, inside, level[1:]))
    return replace(p, ends=ends), Shape(n, head, tuple(slots), signs), v


@given(roads_at_the_limits(), st.sampled_from([5.0, 15.0, 30.0]))
def test_compiled_stations_are_those_of_the_alignment(
    case: tuple[problem.Problem, Shape, NDArray[np.float64]], spacing: float
) -> None:
    p, shape, v = case
    road = alignment.aligned(p, shape, v)
    wanted = alignment.stations(road, spacing)
    pieces = np.empty((4 * shape.corners + 1, 7))
    line = np.empty((len(shape.slots) + 2, 4))
    length = layout.lay(v, shape.corners, p.ends, p.rules[3], pieces)
    slots = np.array(shape.slots, np.int64)
    layout.stand(v, shape.corners, slots, pieces, p.ends, length, p.rules[9], line)
    got = np.empty(wanted.shape)
    layout.places(pieces, length, len(wanted) - 1, got)
    layout.levels(line, length, len(wanted) - 1, got)
    assert length == pytest.approx(road.length, abs=1e-6)
    assert np.abs(got[:, :2] - wanted[:, :2]).max() <= 1e-6
    assert np.abs(got[:, 2:4] - wanted[:, 2:4]).max() <= 1e-9
    assert np.abs(got[:, 4] - wanted[:, 4]).max() <= 1e-6
    assert got[:, 5] == pytest.approx(wanted[:, 5], rel=1e-9)


@given(roads_at_the_limits())
def test_the_compiled_cost_is_that_of_the_alignment(
    case: tuple[problem.Problem, Shape, NDArray[np.float64]],
) -> None:
    p, shape, v = case
    # Low hills, so that toes are where the problem allows them.
    low = p.terms * np.array([1, 1, 1, 1, 1, 0.1, 0.1])
    level = sections.height(low, *p.shape[:2], *p.ends[:2]) - p.ends[4]
    n, m = shape.corners, len(shape.slots)
    v, ends = v.copy(), p.ends.copy()
    v[3 * n + m :] += level
    ends[4:] += level
    domain = np.array([*p.shape[:2], -1e5, 1e5, -1e5, 1e5])
    p = replace(p, shape=domain, terms=low, ends=ends)
    road = alignment.aligned(p, shape, v)
    cost = alignment.priced(p, road, 5.0)
    assume(cost["greatest_toe_m"] <= p.given.rules.toe_max_m)
    c = np.empty(layout.kept(shape.corners, m, shape.head, p.rules[3]))
    count = len(road.plan.stations(5.0)) - 1
    got = layout.value(
        v, np.ones(v.size), shape.corners, shape.head, np.array(shape.slots, np.int64),
        np.array(shape.signs, np.int64), p.ends, p.rules, p.terms, p.shape, p.form, p.prices,
        np.inf, 0.0, count, True, False, c, np.empty(v.size), np.empty((c.size, v.size)),
    )  # fmt: skip
    assert got == pytest.approx(cost["total"], rel=1e-9)


# Parts.


@given(
    over=st.floats(-12, 12),
    tilt=st.floats(-0.3, 0.3),
)
def test_sections_on_a_plane_have_the_areas_of_trapezia(over: float, tilt: float) -> None:
    # Far out on the flank of a vast hill the ground is a plane for the width of a road.
    size, form = 1e4, problem.read(ANALYTIC).form
    d, unit = 1e-2, 1000.0
    p = np.array([[0.0, 0.0, size**2, 1 / unit, 1 / unit, d / size, 0.0]])
    y = 0.0
    x = tilt * unit / (4 * d**2)
    z = sections.height(p, 0.0, unit, x, y) + over
    got, near = np.empty(5), np.empty(5)
    sections.section(p, 0.0, unit, form, x, y, 0.0, 1.0, z, got)
    sections.quick(p, 0.0, unit, form, x, y, 0.0, 1.0, z, near)
    slope = (sections.height(p, 0.0, unit, x + 5, y) - sections.height(p, 0.0, unit, x - 5, y)) / 10
    half, cut_face, fill_face = form[:3]
    net = 0.0
    for side in (1, -1):
        # The road runs north, so its right side is east.
        edge = -over - side * slope * half
        face = cut_face if edge >= 0 else fill_face
        climb = -side * slope * (1 if edge >= 0 else -1)
        toe = abs(edge) / (face - climb)
        assert got[3 if side == 1 else 4] == pytest.approx(toe, rel=2e-3, abs=2e-3)
        net += (-over + edge) / 2 * half + edge * toe / 2
    assert got[0] + got[1] - got[2] == pytest.approx(net, rel=2e-3, abs=0.05)
    assert near == pytest.approx(got, rel=2e-2, abs=0.05)
    assert min(got) >= -1e-9
    if -over > form[4] + abs(slope) * 40:
        assert got[0] > 0


def _numbers(p: problem.Problem) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple]:
    """Return a plain road of two corners and three grade breaks, its scale and its shape."""
    z = p.ends[4]
    v = np.array(
        [1200, 800, 2600, 1800, 500, 700, 200, 120, 300, z + 8, z + 30, z + 70], np.float64
    )
    shape = (2, True, np.array([0, 3, 4]), np.array([1, 1, 1, -1]))
    return v, np.ones(v.size), shape


@pytest.mark.parametrize("exact", [False, True])
def test_slopes_are_those_of_differences(*, exact: bool) -> None:
    p = problem.read(ANALYTIC)
    v, scale, (n, head, slots, signs) = _numbers(p)
    rows = layout.kept(n, 3, head, 80.0)

    def at(w: NDArray[np.float64], *, sloped: bool) -> tuple:
        c, grad, jac = np.empty(rows), np.empty(w.size), np.empty((rows, w.size))
        price = layout.value(
            w, scale, n, head, slots, signs, p.ends, p.rules, p.terms, p.shape, p.form, p.prices,
            25.0, 60.0, 150, exact, sloped, c, grad, jac,
        )  # fmt: skip
        return price, c, grad, jac

    _, _, grad, jac = at(v, sloped=True)
    for i in range(v.size):
        h = np.zeros(v.size)
        h[i] = 1e-3
        more, less = at(v + h, sloped=False), at(v - h, sloped=False)
        assert grad[i] == pytest.approx(
            (more[0] - less[0]) / 2e-3, rel=0.02, abs=2e-3 * np.abs(grad).max()
        )
        assert jac[:, i] == pytest.approx((more[1] - less[1]) / 2e-3, rel=1e-3, abs=1e-4)


@given(st.integers(0, 2**32 - 1))
def test_the_quadratic_in_a_box_meets_its_conditions(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size, rank = int(rng.integers(1, 12)), int(rng.integers(1, 12))
    j = rng.normal(size=(size, rank))
    a, b = j @ j.T, rng.normal(size=size)
    b = j @ rng.normal(size=rank) + 0.1 * b
    lam = np.zeros(size)
    slope = b.copy()
    descent.boxed(a, slope, np.zeros(size), 3.0, lam)
    assert ((lam >= 0) & (lam <= 3)).all()
    left = a @ lam + b
    tolerance = 1e-4 * (1 + np.abs(b).max())
    assert (left[lam <= 0] >= -tolerance).all()
    assert (left[lam >= 3] <= tolerance).all()
    assert np.abs(left[(lam > 0) & (lam < 3)]).max(initial=0) <= tolerance


def test_earth_costs_what_the_parts_cost() -> None:
    p = problem.read(ANALYTIC)
    cost, reuse = layout.bill(1000.0, 500.0, 2000.0, p.prices, 0.0)
    assert reuse == pytest.approx(0.97 * 1000 + 0.95 * 0.8 * 500)
    lost = 0.03 * 1.25 * 1000 + 0.05 * 1.25 * 500
    wanted = 5 * 1000 + 2 * 500 + 1.1 * reuse + 4.5 * (2000 - reuse) + 2 * lost
    assert cost == pytest.approx(wanted)
    assert layout.bill(1000.0, 500.0, 2000.0, p.prices, 60.0)[0] >= cost


def test_the_first_corridor_on_flat_ground_is_nearly_straight() -> None:
    raw = json.loads(ANALYTIC.read_text())
    raw["terrain"]["terms"] = []
    p = problem.numbers(problem.Given.model_validate(raw))
    line = corridors(p, number=3)[0]
    assert line[0].tolist() == raw["ends"]["A"]
    assert line[-1].tolist() == raw["ends"]["B"]
    assert np.hypot(*np.diff(line, axis=0).T).sum() < 1.06 * np.hypot(*(line[-1] - line[0]))


@pytest.mark.parametrize("mix", [0.0, 0.5, 1.0])
def test_first_grade_lines_keep_grades_and_slots(mix: float) -> None:
    p = problem.read(ANALYTIC)
    plan = np.array([1050.0, 630.0, 2200.0, 1550.0, 350.0, 1200.0])
    (shape, v), *_ = profile.first_line(p, 2, True, plan, (mix,))
    m = len(shape.slots)
    assert list(shape.slots) == sorted(shape.slots)
    assert len(shape.signs) == m + 1
    pieces = np.empty((9, 7))
    length = layout.lay(v, 2, p.ends, 80.0, pieces)
    line = np.empty((m + 2, 4))
    layout.stand(v, 2, np.array(shape.slots), pieces, p.ends, length, 1e4, line)
    grade = np.diff(line[:, 1]) / np.diff(line[:, 0])
    assert (np.abs(grade) <= 0.05 + 1e-9).all()
    assert (np.sign(grade) == shape.signs).all()


# What cannot be solved, and what cannot be read.


def _written(tmp_path: Path, **changes: object) -> Path:
    raw = json.loads(ANALYTIC.read_text())
    for key, value in changes.items():
        table, name = key.split("__")
        if value is None:
            del raw[table][name]
        else:
            raw[table][name] = value
    path = tmp_path / "problem.json"
    path.write_text(json.dumps(raw))
    return path


def test_what_forbids_every_road_is_named(tmp_path: Path) -> None:
    path = _written(tmp_path, rules__toe_max_m=0.4)
    with pytest.raises(NoRouteError, match="toe_max_m"):
        searched(path, changes=0, plans=2)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"rules__radius_min_m": None}, "rules.radius_min_m"),
        ({"rules__radius_min_m": "250"}, "rules.radius_min_m"),
        ({"costs__land": -1.0}, "costs.land"),
        ({"ends__A": [1.0]}, "ends.A"),
        ({"ends__A": [-10.0, 0.0]}, "ends.A"),
        ({"ends__B": [250.0, 1000.0]}, "ends.B"),
        ({"terrain__domain_m": [5000, 0, 0, 5000]}, "terrain.domain_m"),
        ({"rules__grade_min": 0.06}, "rules.grade_min"),
        ({"terrain__terms": [{"s1": 1.0}]}, "terrain.terms.0.s2"),
    ],
)
def test_a_malformed_file_is_refused_by_key(
    tmp_path: Path, changes: dict[str, object], named: str
) -> None:
    path = _written(tmp_path, **changes)
    with pytest.raises(InputError) as refused:
        problem.read(path)
    assert named in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("text", ["", "[1, 2]", "{", "null"])
def test_what_is_no_problem_file_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(InputError, match="other"):
        problem.read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json"):
        problem.read(tmp_path / "none.json")
