"""Laws of the design standards: every value keeps its formula and names its source."""

import tomllib
from importlib import resources
from itertools import pairwise
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign import standards
from realign.errors import StudyError
from realign.standards import DesignStandard, codes, least_clothoid, least_radius, load

FRICTION = {25: 0.32, 30: 0.28, 40: 0.23, 50: 0.19, 60: 0.17, 70: 0.15, 80: 0.14}
"""Side friction, AASHTO table 3-7; at 25 km/h between 20 and 30 km/h."""
SIGHT = {30: 35, 40: 50, 50: 65, 60: 85, 70: 105, 80: 130}
"""Stopping sight distance [m], AASHTO table 3-1."""
JTG_CLOTHOID = {30: 25, 40: 35, 60: 50, 80: 70}
"""Least clothoid [m], JTG D20."""
RUNOFF = {40: 0.70, 50: 0.65, 60: 0.60, 70: 0.55, 80: 0.50}
"""Greatest grade of the edge of the carriageway over its middle [%], AASHTO table 3-15."""


def table(code: str) -> dict[str, Any]:
    text = resources.files("realign.standards").joinpath(f"{code}.toml").read_text("utf-8")
    return tomllib.loads(text)


ROWS = [(code, row["speed_kmh"]) for code in codes() for row in table(code)["speed"]]
rows = pytest.mark.parametrize(("code", "speed"), ROWS)


def up(value: float, to: float = 5.0) -> float:
    return to * ceil(value / to - 1e-9)


def stopping(speed: float) -> float:
    """Way in 2.5 s of reaction and with 3.4 m/s2 of braking [m]."""
    return 0.278 * speed * 2.5 + 0.039 * speed**2 / 3.4


def crest(sight: float) -> int:
    return ceil(sight**2 / 658)


def sag(sight: float) -> int:
    return ceil(sight**2 / (120 + 3.5 * sight))


@pytest.mark.parametrize(("speed", "wanted"), [(40, 41), (50, 73), (60, 113), (70, 168), (80, 229)])
def test_radius_formula_gives_the_published_table(speed: int, wanted: int) -> None:
    radius = least_radius(speed, superelevation=0.08, side_friction=FRICTION[speed])
    assert round(radius) == wanted


@pytest.mark.parametrize(("speed", "k_crest", "k_sag"), [(40, 4, 9), (60, 11, 18), (80, 26, 30)])
def test_curve_formulas_give_the_published_table(speed: int, k_crest: int, k_sag: int) -> None:
    assert (crest(SIGHT[speed]), sag(SIGHT[speed])) == (k_crest, k_sag)


@rows
def test_no_radius_is_below_friction_and_superelevation(code: str, speed: int) -> None:
    standard = load(code, speed)
    least = least_radius(
        speed, superelevation=standard.superelevation, side_friction=standard.side_friction
    )
    assert standard.radius >= least
    assert standard.side_friction == FRICTION[speed]


@rows
def test_vertical_curves_keep_stopping_sight(code: str, speed: int) -> None:
    standard = load(code, speed)
    assert standard.k_crest == crest(SIGHT[speed])
    assert standard.k_sag == sag(SIGHT[speed])


@rows
def test_clothoid_keeps_jerk_and_the_floor_of_its_code(code: str, speed: int) -> None:
    standard = load(code, speed)
    by_code = code.startswith("aashto")
    floor = up(standard.carriageway / 2 * 8 / RUNOFF[speed]) if by_code else JTG_CLOTHOID[speed]
    assert standard.clothoid == least_clothoid(speed, standard.radius, floor=floor)
    assert 0.0214 * speed**3 / (standard.radius * standard.clothoid) <= 1.2 + 1e-9


@rows
def test_sight_is_reaction_and_braking(code: str, speed: int) -> None:
    standard = load(code, speed)
    assert standard.sight == SIGHT[speed] == up(stopping(speed))


@rows
def test_recommended_tangents_and_arcs_follow_the_speed(code: str, speed: int) -> None:
    standard = load(code, speed)
    assert standard.tangent_reverse == 2 * speed
    assert standard.tangent_same == 6 * speed
    assert standard.arc == up(3 * speed / 3.6)


@rows
def test_radii_by_formula_are_rounded_up_to_the_next_five_metres(code: str, speed: int) -> None:
    standard = load(code, speed)
    least = least_radius(
        speed, superelevation=standard.superelevation, side_friction=standard.side_friction
    )
    if code == "aashto-mountain" or (code, speed) == ("asian-highway-class-ii", 60):
        assert up(least) <= standard.radius < least + 10
    if code == "aashto-mountain":
        assert standard.radius == up(least)


@rows
def test_a_hairpin_is_slower_tighter_and_flatter_than_its_road(code: str, speed: int) -> None:
    standard = load(code, speed)
    hairpin = standard.hairpin
    if speed > 40 or code == "aashto-mountain":
        assert hairpin is None
        return
    assert hairpin is not None
    assert hairpin.speed_kmh < speed
    assert hairpin.radius < standard.radius
    assert hairpin.grade < standard.grade
    assert hairpin.apart > hairpin.clothoid
    least = least_radius(
        hairpin.speed_kmh, superelevation=0.06, side_friction=FRICTION[hairpin.speed_kmh]
    )
    assert hairpin.radius >= least
    jerk = 0.0214 * hairpin.speed_kmh**3 / (hairpin.radius * hairpin.clothoid)
    assert jerk <= 1.2 + 1e-9


@rows
def test_every_value_names_its_source(code: str, speed: int) -> None:
    keys = {key for row in table(code)["speed"] for key in row} | set(table(code))
    keys -= {"speed", "sources", "title", "speed_kmh"}
    sources = dict(load(code, speed).sources)
    assert set(sources) == keys
    assert all(len(text) > 10 for text in sources.values())


@rows
def test_values_of_the_file_come_back_in_si(code: str, speed: int) -> None:
    standard = load(code, speed)
    row = next(row for row in table(code)["speed"] if row["speed_kmh"] == speed)
    assert isinstance(standard, DesignStandard)
    assert (standard.code, standard.speed_kmh) == (code, speed)
    assert standard.title == table(code)["title"]
    assert standard.grade == pytest.approx(row["grade_pct"] / 100)
    assert 0 < standard.grade_tunnel <= standard.grade_bridge <= standard.grade < 0.1
    assert standard.radius == row["radius_m"]
    assert standard.grade_length == row["grade_length_m"]
    assert 2 * 3 <= standard.carriageway < standard.width == row["formation_width_m"]


@pytest.mark.parametrize("code", codes())
def test_a_faster_road_is_wider_flatter_and_straighter(code: str) -> None:
    speeds = sorted(row["speed_kmh"] for row in table(code)["speed"])
    roads = [load(code, speed) for speed in speeds]
    for slow, fast in pairwise(roads):
        assert fast.radius > slow.radius
        assert fast.grade <= slow.grade
        assert fast.k_crest > slow.k_crest
        assert fast.k_sag > slow.k_sag
        assert fast.clothoid >= slow.clothoid
        assert fast.width >= slow.width
        assert fast.carriageway >= slow.carriageway
        assert fast.grade_length > slow.grade_length
        assert fast.sight > slow.sight
        assert fast.side_friction < slow.side_friction
        assert fast.tangent_reverse > slow.tangent_reverse
        assert fast.tangent_same > slow.tangent_same
        assert fast.arc > slow.arc
        if fast.hairpin and slow.hairpin:
            assert fast.hairpin.radius > slow.hairpin.radius
            assert fast.hairpin.grade <= slow.hairpin.grade
            assert fast.hairpin.apart > slow.hairpin.apart


@pytest.mark.parametrize("code", codes())
def test_rows_are_what_load_gives_slowest_first(code: str) -> None:
    speeds = sorted(row["speed_kmh"] for row in table(code)["speed"])
    assert standards.rows(code) == tuple(load(code, speed) for speed in speeds)


WHOLE = """
title = "a code"
superelevation_pct = 8.0
grade_bridge_pct = 4.0
grade_tunnel_pct = 3.0

[sources]
"""
VALUES = (*standards.WHOLE, *standards.EACH)


def written(*, source: str = "", value: str = "", more: str = "") -> str:
    """Write a code of one speed that lacks the source of one value, or a value."""
    text = WHOLE + "".join(f'{key} = "assumption: a test"\n' for key in VALUES if key != source)
    text += "[[speed]]\nspeed_kmh = 40\n"
    text += "".join(f"{key} = 1.0\n" for key in standards.EACH if key != value)
    return text + more


def test_a_code_with_every_value_and_source_is_read() -> None:
    (row,) = standards.read(written(), code="own")
    assert (row.code, row.speed_kmh, row.hairpin) == ("own", 40, None)


@pytest.mark.parametrize("key", VALUES)
def test_a_value_without_a_source_is_refused(key: str) -> None:
    with pytest.raises(StudyError, match=f"standard own: {key} has no source"):
        standards.read(written(source=key), code="own")


@pytest.mark.parametrize("key", standards.EACH)
def test_a_missing_value_is_refused(key: str) -> None:
    with pytest.raises(StudyError, match=rf"standard own: speed\[40 km/h\]\.{key} is missing"):
        standards.read(written(value=key), code="own")


def test_all_problems_of_a_code_are_in_one_message() -> None:
    hairpin = "colour = 1\n[speed.hairpin]\nspeed_kmh = 30\n[[speed]]\nspeed_kmh = 40\n"
    with pytest.raises(StudyError) as error:
        standards.read(written(source="arc_m", more=hairpin), code="own")
    for problem in (
        "speed[40 km/h].colour is unknown",
        "speed[40 km/h].hairpin.radius_m is missing",
        "speed[40 km/h].arc_m is missing",
        "arc_m has no source",
        "hairpin has no source",
        "40 km/h stands twice",
    ):
        assert f"standard own: {problem}" in str(error.value).splitlines()


@given(
    speed=st.integers(20, 120),
    e=st.floats(0.02, 0.1),
    f=st.floats(0.1, 0.35),
    more=st.floats(0.001, 0.05),
)
def test_radius_falls_with_friction_and_grows_with_the_square_of_speed(
    speed: int, e: float, f: float, more: float
) -> None:
    radius = least_radius(speed, superelevation=e, side_friction=f)
    assert least_radius(speed, superelevation=e, side_friction=f + more) < radius
    assert least_radius(2 * speed, superelevation=e, side_friction=f) == pytest.approx(4 * radius)


@given(speed=st.integers(20, 120), radius=st.floats(30, 1000), floor=st.floats(20, 80))
def test_clothoid_is_the_shortest_that_keeps_jerk_and_floor(
    speed: int, radius: float, floor: float
) -> None:
    length = least_clothoid(speed, radius, floor=floor)
    by_jerk = 0.0214 * speed**3 / (radius * 1.2)
    assert length >= max(floor, by_jerk - 1e-6)
    assert length == floor or (length % 5 == 0 and length - 5 < by_jerk)


def test_an_unknown_code_is_an_error_that_lists_the_codes() -> None:
    with pytest.raises(StudyError) as error:
        load("roman-road", 60)
    assert "'roman-road'" in str(error.value)
    assert all(code in str(error.value) for code in codes())
    assert codes() == tuple(sorted(codes())) != ()


@pytest.mark.parametrize("code", codes())
def test_an_unknown_speed_is_an_error_that_lists_the_speeds(code: str) -> None:
    with pytest.raises(StudyError) as error:
        load(code, 61)
    assert "61 km/h" in str(error.value)
    assert all(str(row["speed_kmh"]) in str(error.value) for row in table(code)["speed"])
