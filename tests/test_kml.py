"""Laws of the KMZ: the features of the layers, in degrees, on the days of the schedule."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import cache
from xml.etree import ElementTree as ET

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from pyproj import Geod, Transformer
from small_plan import CRS_, FORMULA, LONG, SHORT, changed, small

from realign.outputs import geopackage, kml
from realign.plan import Plan

NS = "{http://www.opengis.net/kml/2.2}"
MM = 1e-3
ONTO = Transformer.from_crs(CRS_, 4326, always_xy=True)
EARTH = Geod(ellps="WGS84")


def opened(plan: Plan, layers: geopackage.Layers | None = None) -> ET.Element:
    made = kml.archive(plan, layers or geopackage.layers(plan))
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        return ET.fromstring(file.read("doc.kml"))  # noqa: S314


@cache
def root() -> ET.Element:
    return opened(small())


def title(element: ET.Element) -> str:
    return element.findtext(f"{NS}name") or ""


def folder(path: list[str], under: ET.Element | None = None) -> ET.Element:
    """Return the folder under the titles of a path, each title by its beginning."""
    here = under if under is not None else root().find(f"{NS}Document")
    for name in path:
        assert here is not None
        (here,) = [each for each in here.findall(f"{NS}Folder") if title(each).startswith(name)]
    assert here is not None
    return here


def data(placemark: ET.Element) -> dict[str, str]:
    rows = placemark.iter(f"{NS}Data")
    return {row.attrib["name"]: row.findtext(f"{NS}value") or "" for row in rows}


def span(element: ET.Element) -> tuple[str | None, str | None]:
    return (
        element.findtext(f"{NS}TimeSpan/{NS}begin"),
        element.findtext(f"{NS}TimeSpan/{NS}end"),
    )


def lists(element: ET.Element) -> list[NDArray[np.float64]]:
    """Points of every line, ring and dot under an element."""
    found = element.iter(f"{NS}coordinates")
    rows = [[word.split(",") for word in (each.text or "").split()] for each in found]
    return [np.array(row, dtype=np.float64) for row in rows]


def placemarks(*, style: str) -> Iterator[ET.Element]:
    for each in root().iter(f"{NS}Placemark"):
        if each.findtext(f"{NS}styleUrl") == f"#{style}":
            yield each


def off(found: NDArray[np.float64], wanted: NDArray[np.float64]) -> float:
    """Farthest that points in degrees lie from points of the layers [m]."""
    lon, lat = ONTO.transform(wanted[:, 0], wanted[:, 1])
    return float(np.max(EARTH.inv(found[:, 0], found[:, 1], lon, lat)[2]))


# ---------------------------------------------------------------- the file


def test_the_archive_opens_with_the_document_first() -> None:
    made = kml.archive(small(), geopackage.layers(small()))
    with zipfile.ZipFile(io.BytesIO(made)) as file:
        assert file.testzip() is None
        first = file.infolist()[0]
        assert first.filename == "doc.kml"
        assert first.date_time == (1980, 1, 1, 0, 0, 0)  # no clock in it
        assert first.compress_size < first.file_size / 3
        assert file.read("doc.kml").startswith(b"<?xml")
    assert root().tag == f"{NS}kml"


def test_the_same_plan_gives_the_same_bytes() -> None:
    once, again = (kml.archive(small(), geopackage.layers(small())) for _ in range(2))
    assert once == again


ORDER = ["name", "visibility", "open", "description", "TimeSpan", "styleUrl", "Style"]
ORDER += ["ExtendedData", "LineString", "Polygon", "Point", "MultiGeometry", "Placemark", "Folder"]
SHAPE = ["extrude", "tessellate", "altitudeMode", "outerBoundaryIs", "innerBoundaryIs"]
SHAPE += ["coordinates"]


def test_children_are_in_the_order_of_the_schema() -> None:
    features, shapes = ("Document", "Folder", "Placemark"), ("LineString", "Polygon", "Point")
    seen = set()
    for element in root().iter():
        tag = element.tag.removeprefix(NS)
        order = ORDER if tag in features else SHAPE if tag in shapes else None
        if order is None:
            continue
        places = [order.index(child.tag.removeprefix(NS)) for child in element]
        if tag != "Folder":  # folders and placemarks within a folder come in any order
            assert places == sorted(places)
        seen.add(tag)
    assert seen == {*features, *shapes}


def test_every_style_that_is_used_is_there_once() -> None:
    made = [each.attrib["id"] for each in root().iter(f"{NS}Style")]
    used = {(each.text or "").removeprefix("#") for each in root().iter(f"{NS}styleUrl")}
    assert len(made) == len(set(made))
    assert used <= set(made)
    assert {"open", "bridge", "tunnel", "works", "lake", "submerged", "tie-in", "place"} <= used


def test_roads_bridges_and_tunnels_look_different() -> None:
    looks = {
        style: [each.findtext(f"{NS}Style[@id='{style}']/{NS}LineStyle/{NS}color")]
        for style in ("open", "bridge", "tunnel", "dry", "submerged")
        for each in [folder([])]
    }
    assert None not in [colour for (colour,) in looks.values()]
    assert len({colour for (colour,) in looks.values()}) == 5


# ---------------------------------------------------------------- places


@pytest.mark.parametrize(
    ("layer", "styles"),
    [
        ("options_links", ("open", "bridge", "tunnel")),
        ("phases", ("works",)),
        ("tie_ins", ("tie-in",)),
        ("places", ("place",)),
        ("existing_highway", ("dry", "short-of-freeboard", "submerged")),
        ("dams", ("dam",)),
    ],
)
def test_lines_and_dots_are_those_of_the_layers(layer: str, styles: tuple[str, ...]) -> None:
    frame = geopackage.layers(small())[layer]
    wanted = [shapely.get_coordinates(part) for g in frame.geometry for part in parts(g)]
    found = [p for style in styles for each in placemarks(style=style) for p in lists(each)]
    assert len(found) == len(wanted) > 0
    left = list(found)
    for points in wanted:
        near = [i for i, each in enumerate(left) if len(each) == len(points)]
        best = min(near, key=lambda i: off(left[i], points))
        assert off(left.pop(best), points) < MM


def parts(geometry: shapely.Geometry) -> list[shapely.Geometry]:
    return list(shapely.get_parts(geometry))


def test_new_roads_carry_their_levels() -> None:
    frame = geopackage.layers(small())["options_links"]
    levels = {
        (row.link, row.part): shapely.get_coordinates(row.geometry, include_z=True)[:, 2]
        for row in frame.itertuples()
    }
    for style in ("open", "bridge", "tunnel"):
        for each in placemarks(style=style):
            row = data(each)
            (points,) = lists(each)
            assert points[:, 2] == pytest.approx(levels[row["link"], int(row["part"])], abs=MM)
            mode = each.findtext(f"{NS}LineString/{NS}altitudeMode")
            assert mode == ("absolute" if style == "bridge" else "clampToGround")


def test_lakes_are_those_of_the_layer_with_their_islands() -> None:
    layers = geopackage.layers(small())
    island = layers["lakes"].geometry.iloc[-1].representative_point().buffer(20.0)
    layers["lakes"] = layers["lakes"].set_geometry(layers["lakes"].difference(island))
    page, frame = opened(small(), layers), layers["lakes"]
    found = [each for each in page.iter(f"{NS}Placemark") if "stage" in data(each)]
    assert [data(each)["stage"] for each in found] == list(frame["stage"])
    islands = 0
    for each, geometry in zip(found, frame.geometry, strict=True):
        made = []
        for area in each.iter(f"{NS}Polygon"):
            (outer,) = (lists(ring)[0] for ring in area.findall(f"{NS}outerBoundaryIs"))
            holes = [lists(hole)[0] for hole in area.findall(f"{NS}innerBoundaryIs")]
            assert shapely.is_ccw(shapely.linearrings(outer))
            assert not any(shapely.is_ccw(shapely.linearrings(hole)) for hole in holes)
            made.append(shapely.Polygon(outer, holes))
            islands += len(holes)
        degrees = shapely.transform(geometry, lambda xy: np.column_stack(ONTO.transform(*xy.T)))
        drawn = shapely.union_all(made)
        assert drawn.symmetric_difference(degrees).area < 1e-6 * degrees.area
        assert shapely.hausdorff_distance(drawn, degrees) * 111e3 < MM
    assert islands > 0


def test_coordinates_are_longitude_then_latitude() -> None:
    for points in lists(root()):
        assert ((points[:, 0] > 76) & (points[:, 0] < 77)).all()
        assert ((points[:, 1] > 35) & (points[:, 1] < 36)).all()


# ---------------------------------------------------------------- days


def test_phases_are_folders_that_begin_with_their_works() -> None:
    for name in (SHORT, LONG):
        option = folder([f"Option {name}"])
        dated = small().programmes[name].schedule
        for phase in dated.phases + dated.outside:
            begin = (phase.start or phase.opens).isoformat()
            inner = folder([phase.work.name], option)
            assert span(inner) == (begin, None)
            own = inner.findall(f"{NS}Placemark")
            assert own
            assert {span(each) for each in own} == {(begin, None)}
            assert title(own[0]) == "Works"
            forms = {data(each).get("form") for each in own[1:]}
            assert forms == ({"open", "bridge", "tunnel"} if phase.work.new_length else set())


def test_drowned_road_ends_when_the_water_comes_and_dry_road_never() -> None:
    frame = geopackage.layers(small())["existing_highway"]
    found = folder(["Existing highway N-1"]).findall(f"{NS}Placemark")
    assert len(found) == len(frame)
    ends = {str(stage.date) for stage in small().study.dams[0].stages}
    seen = set()
    for each in found:
        row = data(each)
        begin, end = span(each)
        assert begin is None
        assert end == (row["first_date"] if row["state"] == "submerged" else None)
        seen |= {end}
    assert seen - {None} <= ends
    assert seen - {None}


def test_lakes_begin_on_the_day_of_their_stage() -> None:
    stages = {stage.name: stage.date for stage in small().study.dams[0].stages}
    found = {data(each)["stage"]: span(each) for each in placemarks(style="lake")}
    assert found == {name: (day.isoformat(), None) for name, day in stages.items()}


def test_a_later_start_moves_its_phase_and_no_other() -> None:
    programme = small().programmes[SHORT]
    first, *others = programme.schedule.phases
    late = replace(first, start=date(2029, 3, 1))
    dated = replace(programme.schedule, phases=(late, *others))
    made = {**small().programmes, SHORT: replace(programme, schedule=dated)}
    page = opened(changed(programmes=made)).find(f"{NS}Document")
    assert span(folder([f"Option {SHORT}", first.work.name], page))[0] == "2029-03-01"
    for other in others:
        assert span(folder([f"Option {SHORT}", other.work.name], page))[0] == str(other.start)


def test_only_the_best_option_is_switched_on() -> None:
    for name in (SHORT, LONG):
        shown = {
            each.findtext(f"{NS}visibility")
            for each in folder([f"Option {name}"]).iter()
            if each.tag in (f"{NS}Folder", f"{NS}Placemark")
        }
        assert shown == {str(int(name == small().best))}
    order = [title(each) for each in folder([]).findall(f"{NS}Folder")]
    assert order[0].startswith(f"Option {SHORT}")


# ---------------------------------------------------------------- names and gaps


def test_names_are_text_and_never_markup() -> None:
    known = {*(f"{NS}{tag}" for tag in [*ORDER, *SHAPE]), *extra()}
    assert {element.tag for element in root().iter()} <= known
    assert title(folder([])) == "A small valley & its road"
    assert "Mouth <b>&" in [title(each) for each in placemarks(style="place")]
    assert title(folder([f"Option {LONG}"])) == f"Option {LONG}: {FORMULA}"
    assert {data(each)["dam"] for each in placemarks(style="lake")} == {"Upper <dam>"}


def extra() -> set[str]:
    words = "kml Document LineStyle PolyStyle IconStyle color width outline begin end Data value"
    return {f"{NS}{word}" for word in [*words.split(), "LinearRing"]}


def test_characters_that_xml_cannot_hold_are_left_out() -> None:
    page = opened(changed(places={"Bell\x07 <&>": 100.0})).find(f"{NS}Document")
    (place,) = folder(["Places"], page).findall(f"{NS}Placemark")
    assert title(place) == "Bell <&>"


def test_links_without_a_phase_have_no_days() -> None:
    page = opened(changed(programmes={})).find(f"{NS}Document")
    inner = folder([f"Option {SHORT}", "In no phase"], page)
    assert len(inner.findall(f"{NS}Placemark")) == 5
    assert {span(each) for each in inner.iter(f"{NS}Placemark")} == {(None, None)}


def test_links_of_no_option_are_there_switched_off() -> None:
    answers = tuple(option for option in small().options if option.name != LONG)
    page = opened(changed(options=answers)).find(f"{NS}Document")
    inner = folder(["In no option"], page)
    assert {data(each)["link"] for each in inner.iter(f"{NS}Placemark")} == {
        f"Upper <dam> / {LONG}"
    }
    assert {each.text for each in inner.iter(f"{NS}visibility")} == {"0"}


def test_a_plan_that_builds_nothing_is_still_a_document() -> None:
    nothing = tuple(option for option in small().options if not option.links)
    page = opened(changed(options=nothing, links=(), programmes={}, places={}))
    assert page.find(f"{NS}Document/{NS}Folder") is not None
    assert not list(page.iter(f"{NS}Point"))
