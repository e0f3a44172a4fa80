"""Laws of what a design office takes over: stations of the option, files that open, equal bytes."""

import io
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import ezdxf
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_plan import LONG, SHORT, changed, link, option, small
from test_bill import measured

from realign.chainage import Section, renumbered
from realign.geometry.alignment import Stationed
from realign.network import Link
from realign.options import Option
from realign.outputs import handover, tables
from realign.outputs.handover import FOLDER, packages, written
from realign.plan import Plan

ifcopenshell = pytest.importorskip("ifcopenshell")
LAND = "{http://www.landxml.org/schema/LandXML-1.2}"


def road(start: float, length: float, *, name: str = "", offset: float = 60.0) -> Link:
    """Make a road beside the existing one."""
    made = link(small().highway, SHORT, Section(start, start + length), offset)
    assert made.alignment is not None
    return replace(made, name=name or f"at {start:.0f}", length=made.alignment.length)


def of(roads: Sequence[Link], name: str = SHORT) -> Option:
    return replace(option(roads[0], "made by hand"), name=name, links=tuple(roads))


@cache
def double() -> Plan:
    """Plan whose first option has two roads with their haul, and a third without an alignment."""
    one = road(300, 1800, name="Upper <dam> / cheapest")
    other = road(2500, 1900, name="Lower / cheapest", offset=-80.0)
    hauls = [measured(each, seed=57, high=60.0).inventory for each in (one, other)]
    roads = [
        replace(each, inventory=whole, structures=())
        for each, whole in zip((one, other), hauls, strict=True)
    ]
    drawn = replace(other, name="Upper / cheapest", section=Section(4500, 5500), alignment=None)
    plan = small()
    options = (plan.options[0], of([*roads, drawn]), plan.options[2])
    return changed(options=options, links=(*roads, drawn, plan.links[1]))


@cache
def files() -> dict[str, bytes]:
    return written(double(), version="1")


# ---------------------------------------------------------------- stations


def test_design_files_name_the_datum_of_their_levels_not_of_the_ground_file() -> None:
    moved = replace(small().terrain, datum="sea level at Karachi")
    assert {each.datum for each in packages(changed(terrain=moved), "1")} == {moved.datum}


@settings(max_examples=20)
@given(
    gaps=st.lists(st.floats(0, 300), min_size=2, max_size=2),
    lengths=st.lists(st.floats(1700, 2400), min_size=2, max_size=2),
    offset=st.floats(-400, 400),
)
def test_a_road_starts_at_its_new_chainage_and_equations_give_the_old_one_at_both_ends(
    gaps: list[float], lengths: list[float], offset: float
) -> None:
    starts = gaps[0], gaps[0] + lengths[0] + gaps[1]
    roads = [road(a, length, offset=offset) for a, length in zip(starts, lengths, strict=True)]
    plan = small()
    (package,) = packages(changed(options=(of(roads[::-1]),)), "1")
    whole = Section(0.0, plan.highway.length)
    pieces = renumbered(whole, [(each.section, each.length) for each in roads])
    new = [piece for piece in pieces if not piece.kept]
    for piece, each in zip(new, reversed(package.roads), strict=True):
        assert each.start == piece.new.start
        (at, old, ahead), (end, back, again) = each.equations
        assert (at, old, ahead) == (0.0, piece.old.start, piece.new.start)
        assert (end, again) == (each.alignment.length, piece.old.end)
        assert back == pytest.approx(piece.new.end)
    (_, first, again), (_, old, second) = (
        package.roads[1].equations[1],
        package.roads[0].equations[0],
    )
    assert second - first == pytest.approx(old - again)  # existing road keeps its length


def test_stations_are_those_of_the_table_of_chainages() -> None:
    plan = double()
    rows = tables.chainage_rows(plan)
    for package, name in zip(packages(plan, "1"), (SHORT, LONG), strict=True):
        new = [row for row in rows if (row["option"], row["road"]) == (name, "new")]
        drawn = [each for each in new if each["old_from_m"] != 4500.0]
        for each, row in zip(package.roads, drawn, strict=True):
            assert each.start == row["new_from_m"]
            old = [equation[1] for equation in each.equations[:1]]
            old += [equation[2] for equation in each.equations[1:]]
            assert old == [row["old_from_m"], row["old_to_m"]]


@pytest.mark.parametrize("level", [970.0, 970.3, 858.123])
def test_the_lake_is_shown_where_its_level_holds_the_road_up(level: float) -> None:
    plan = small()
    (lake,) = plan.reservoirs
    other = replace(lake, dam=lake.dam.model_copy(update={"full_level_m": level}))
    freeboard = plan.study.clearance.freeboard_m
    made = road(300, 1800)
    floor = np.full(made.station.size, -1e6)
    floor[10:40] = np.float32(level + freeboard)  # as it lies in the raster of the water
    floor[50:60] = level + freeboard + 5.0  # over a river
    (package,) = packages(
        changed(reservoirs=(other,), options=(of([replace(made, floor=floor)]),)), "1"
    )
    s, water = package.roads[0].water.T
    assert s.tolist() == made.station.tolist()
    assert (water[10:40] == level).all()
    assert np.isnan(np.delete(water, np.s_[10:40])).all()


def test_a_road_without_an_alignment_is_left_out_and_still_counts_for_stations() -> None:
    plan = double()
    first, second = packages(plan, "1")
    assert [each.name for each in first.roads] == [each.name for each in plan.links[:2]]
    assert [each.road for each in first.hauls] == [each.name for each in plan.links[:2]]
    assert [each.name for each in second.roads] == [plan.links[3].name]
    assert second.hauls == ()
    bare = replace(plan.links[0], alignment=None)
    (package,) = packages(changed(options=(of([bare, plan.links[1]]),)), "1")
    (alone,) = package.roads
    assert alone.start == pytest.approx(first.roads[1].start)
    assert packages(changed(options=(of([bare]),)), "1") == ()
    assert written(changed(options=(of([bare]),)), version="1") == {}


def test_haul_and_ground_go_with_their_road() -> None:
    plan = double()
    (package, _) = packages(plan, "1")
    for each, haul, made in zip(package.roads, package.hauls, plan.links, strict=False):
        assert made.inventory is not None
        earth = made.inventory.earth
        assert haul.ordinate.tolist() == earth.ordinate.tolist()
        places = [(float(a), float(b), float(c)) for a, b, c in haul.sites]
        wanted = zip(earth.site, earth.borrowed, earth.wasted, strict=True)
        assert places == [(float(a), float(b), float(c)) for a, b, c in wanted]
        assert each.ground[:, 1].tolist() == made.ground.tolist()


# ---------------------------------------------------------------- files


def test_options_have_files_of_their_own_whatever_their_names() -> None:
    plan = small()
    names = ["a", "a-", "a_", "A", "a-2", "--", "-", "\u0634\u0627\u06c1", "a/../b"]
    options = tuple(of([plan.links[0]], name=name) for name in names)
    made = [each.file for each in packages(changed(options=options, best="a"), "1")]
    assert len({name.lower() for name in made}) == len(names)
    assert made[0] == "a"
    assert not any(set(name) & set("/\\. ") for name in made)


def test_every_option_has_every_kind_of_file_and_all_of_them_open() -> None:
    made = files()
    assert list(made) == sorted(made)
    kinds = ("xml", "ifc", "dxf", "pdf")
    whole = {f"{FOLDER}/{name}.{kind}" for name in (SHORT, LONG) for kind in kinds}
    sheets = {name for name in made if name.startswith(f"{FOLDER}/sheets/")}
    assert set(made) == whole | sheets
    for package in packages(double(), "1"):
        roads = {each.name for each in package.roads}
        stem = f"{FOLDER}/{package.file}"
        land = ET.fromstring(made[f"{stem}.xml"])  # noqa: S314 - our own file
        assert {each.get("name") for each in land.iter(f"{LAND}Alignment")} == roads
        model = ifcopenshell.file.from_string(made[f"{stem}.ifc"].decode())
        assert {each.Name for each in model.by_type("IfcAlignment")} == roads
        drawing = ezdxf.read(io.StringIO(made[f"{stem}.dxf"].decode()))
        assert not drawing.audit().errors
        words = {text.dxf.text for text in drawing.modelspace().query("TEXT")}
        assert all(any(name in word for word in words) for name in roads)
        assert made[f"{stem}.pdf"].startswith(b"%PDF-")
        assert made[f"{stem}.pdf"].rstrip().endswith(b"%%EOF")
        mine = [name for name in sheets if f"/{package.file}/" in name]
        assert len(mine) >= len(package.roads) + len(package.hauls)
        assert len(re.findall(rb"/Type /Page\b", made[f"{stem}.pdf"])) == len(mine)
        for name in mine:
            assert ET.fromstring(made[name]).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314


def stations(package_road: Stationed, land: ET.Element) -> list[tuple[float, ...]]:
    (mine,) = (
        each for each in land.iter(f"{LAND}Alignment") if each.get("name") == package_road.name
    )
    keys = ("staInternal", "staBack", "staAhead")
    found = [
        tuple(float(each.get(key, "nan")) for key in keys)
        for each in mine.iter(f"{LAND}StaEquation")
    ]
    return [(float(mine.get("staStart", "nan")),), *found]


def test_station_equations_are_written_as_they_are() -> None:
    for package in packages(double(), "1"):
        land = ET.fromstring(files()[f"{FOLDER}/{package.file}.xml"])  # noqa: S314 - our own file
        for each in package.roads:
            (start,), *found = stations(each, land)
            assert start == pytest.approx(each.start, abs=1e-3)
            wanted = [
                (each.start + at, back, ahead)
                for at, back, ahead in each.equations
                if abs(back - ahead) > 1e-3
            ]
            assert len(found) >= len(wanted)
            for equation in wanted:
                assert any(one == pytest.approx(equation, abs=2e-3) for one in found)


@pytest.mark.slow
def test_two_workers_write_the_same_files_as_one() -> None:
    other = written(double(), version="1", workers=2)
    assert list(other) == list(files())
    for name, content in files().items():
        assert other[name] == content, name


def test_the_same_plan_gives_the_same_bytes_and_tells_which_file_comes_next() -> None:
    said: list[str] = []
    assert written(double(), version="1", say=said.append) == files()
    kinds = ("dxf", "landxml", "sheet", "ifc")
    assert sorted(said) == sorted(f"{name}: {kind}" for name in (SHORT, LONG) for kind in kinds)


def test_without_ifcopenshell_there_is_no_ifc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handover, "find_spec", lambda _: None)
    found = written(double(), version="1")
    assert set(found) == {name for name in files() if not name.endswith(".ifc")}


@pytest.mark.slow
def test_a_whole_run_hands_over_every_option() -> None:
    from small_study import planned

    plan = planned()
    made = packages(plan, "1")
    assert len(made) == len(plan.programmes)
    for package in made:
        for each in package.roads:
            assert each.equations[0][1] < each.equations[1][2]
            assert np.isfinite(each.ground).all()
            water = each.water[:, 1]
            assert np.isnan(water).any()
            assert set(np.unique(water[np.isfinite(water)])) <= {858.0}
