"""
A plan for Google Earth: one KMZ whose time slider builds the roads and fills the lakes.

The features are those of the layers of the GeoPackage, in degrees east and north of WGS 84 with
their columns as data of the balloon. Of every option the phases are folders that appear on the day
on which their works begin; a phase that others build has no such day in the plan and appears on
the day on which it opens. A lake appears on the day on which filling to its stage begins, and the
existing road that this stage drowns disappears on the same day. Options other than the one shown
are there, switched off.

Every point of a new road carries its level, yet only bridges are drawn at theirs, with a curtain
down to the ground. Open road and tunnels are drawn on the ground of the viewer: that ground is
another than the study's, by many metres in steep valleys, so that a line at its own level would
be hidden in one place and float in the next, and a tunnel would never be seen. Lakes lie on the
ground for the same reason: their shores stay where the study's ground has them.
"""

import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from xml.etree import ElementTree as ET  # writes only: nothing foreign is read

import geopandas as gpd
import pandas as pd
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from realign.plan import Plan

NAMESPACE = "http://www.opengis.net/kml/2.2"
"""Namespace of the elements."""
DOCUMENT = "doc.kml"
"""Name of the document in the archive, the first and only file in it."""

_DIGITS = 9  # of degrees: 0.1 mm
_LEVEL = 3  # digits of metres
_WGS84 = 4326
_OLDEST = (1980, 1, 1, 0, 0, 0)  # the date that a zip gives to its files, so that bytes repeat
_BRIDGE = "bridge"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2

# Styles as width in pixels and colour; KML writes colours as opacity, blue, green, red.
_LINES = {
    "dry": (3, "ff3d3d3d"),
    "short of freeboard": (4, "ff009fe6"),
    "submerged": (4, "ff005ed5"),
    "open": (4, "ff972b5e"),
    _BRIDGE: (6, "ff88b400"),
    "tunnel": (5, "ff111111"),
    "works": (9, "8056b4e9"),
    "dam": (6, "ff000000"),
}
_AREAS = {"lake": ("99b26f1f", "ffb26f1f")}
_DOTS = {"tie-in": "ff972b5e", "place": "ffffffff"}

Record = Mapping[str, Any]
"""A feature: columns and `geometry`."""


def archive(plan: Plan, layers: Mapping[str, gpd.GeoDataFrame]) -> bytes:
    """
    Write a plan as KMZ.

    Parameters
    ----------
    plan
        What came out.
    layers
        Layers of the GeoPackage.

    Returns
    -------
    archive
        A zip with `doc.kml`. The same plan gives the same bytes.
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        entry = zipfile.ZipInfo(DOCUMENT, _OLDEST)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.create_system = 3  # Unix, on whichever system it is made
        entry.external_attr = 0o644 << 16
        file.writestr(entry, _document(plan, layers))
    return out.getvalue()


def _document(plan: Plan, layers: Mapping[str, gpd.GeoDataFrame]) -> bytes:
    root = ET.Element("kml", {"xmlns": NAMESPACE})
    about = plan.study.study
    page = _feature(root, "Document", about.title, unfolded=True)
    said = f"{about.question} Ground: {about.ground}".strip()
    _text(page, "description", escape(said, quote=False))  # which is shown as HTML
    _styles(page)
    found = {name: _records(frame) for name, frame in layers.items()}
    _options(page, plan, found)
    _existing(page, plan, found["existing_highway"])
    _water(page, found)
    _all(_feature(page, "Folder", "Places"), found["places"], style="place")
    ET.indent(root, " ")
    return bytes(ET.tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _records(frame: gpd.GeoDataFrame) -> list[Record]:
    """Features in degrees, in the order of the layer; None where a column has nothing to say."""
    rows = frame.to_crs(_WGS84).to_dict("records")
    return [{key: None if _empty(value) else value for key, value in row.items()} for row in rows]


# ---------------------------------------------------------------- what is drawn


def _options(page: ET.Element, plan: Plan, found: Mapping[str, list[Record]]) -> None:
    """Options with their phases, the one shown first, which is the order of the layers."""
    parts, phases, ties = found["options_links"], found["phases"], found["tie_ins"]
    titles = {option.name: option.title for option in plan.options}
    for name in dict.fromkeys(row["option"] for row in [*phases, *parts]):
        shown = name == plan.best
        title = f"Option {name}: {titles.get(name, '')}" if name else "In no option"
        folder = _feature(page, "Folder", title, shown=shown, unfolded=shown)
        own = [row for row in parts if row["option"] == name]
        for phase in phases:
            if phase["option"] != name:
                continue
            begin = phase["start_date"] or phase["open_date"]
            inner = _feature(folder, "Folder", phase["name"], shown=shown, begin=begin)
            _placemark(inner, phase, "Works", style="works", shown=shown, begin=begin)
            inside = [row for row in own if row["phase"] == phase["name"]]
            _parts(inner, inside, shown=shown, begin=begin)
        rest = [row for row in own if row["phase"] is None]
        if rest:
            _parts(_feature(folder, "Folder", "In no phase", shown=shown), rest, shown=shown)
        inner = _feature(folder, "Folder", "Tie-ins", shown=shown)
        for row in ties:
            if row["option"] == name:
                title = f"{row['link']}, {row['end']}, {row['chainage']}"
                _placemark(inner, row, title, style="tie-in", shown=shown)


def _parts(
    parent: ET.Element, rows: Iterable[Record], *, shown: bool, begin: str | None = None
) -> None:
    """Stretches of new road of one form each."""
    for row in rows:
        title = f"{row['link']}, {row['form']} {row['part']}"
        _placemark(parent, row, title, style=row["form"], shown=shown, begin=begin)


def _existing(page: ET.Element, plan: Plan, rows: Iterable[Record]) -> None:
    """Existing road; what is drowned ends on the day on which the water comes."""
    folder = _feature(page, "Folder", f"Existing highway {plan.highway.name}")
    for row in rows:
        state = row["state"]
        title = f"{row['from_chainage']} to {row['to_chainage']}, {state}"
        end = row["first_date"] if state == "submerged" else None
        _placemark(folder, row, title, style=state, end=end)


def _water(page: ET.Element, found: Mapping[str, list[Record]]) -> None:
    folder = _feature(page, "Folder", "Reservoirs")
    for row in found["lakes"]:
        title = f"{row['dam']}, {row['stage']}, {row['level_m']:g} m"
        _placemark(folder, row, title, style="lake", begin=row["date"])
    _all(folder, found["dams"], style="dam")


def _all(folder: ET.Element, rows: Iterable[Record], *, style: str) -> None:
    for row in rows:
        _placemark(folder, row, row["name"], style=style)


# ---------------------------------------------------------------- features


def _feature(
    parent: ET.Element,
    tag: str,
    name: str,
    *,
    shown: bool = True,
    unfolded: bool = False,
    begin: str | None = None,
) -> ET.Element:
    """Add a document or a folder, its children in the order of the schema."""
    own = ET.SubElement(parent, tag)
    _text(own, "name", name)
    _text(own, "visibility", str(int(shown)))
    _text(own, "open", str(int(unfolded)))
    _span(own, begin, None)
    return own


def _placemark(
    parent: ET.Element,
    row: Record,
    name: str,
    *,
    style: str,
    shown: bool = True,
    begin: str | None = None,
    end: str | None = None,
) -> None:
    """Add a feature with its columns; one without geometry is left out."""
    if row["geometry"].is_empty:
        return
    own = ET.SubElement(parent, "Placemark")
    _text(own, "name", name)
    _text(own, "visibility", str(int(shown)))
    _span(own, begin, end)
    _text(own, "styleUrl", f"#{_id(style)}")
    data = ET.SubElement(own, "ExtendedData")
    for column, value in row.items():
        if column != "geometry" and value is not None:
            _text(ET.SubElement(data, "Data", name=column), "value", str(value))
    _geometry(own, row["geometry"], style)


def _geometry(parent: ET.Element, shape: BaseGeometry, style: str) -> None:
    if shape.geom_type.startswith("Multi"):
        several = ET.SubElement(parent, "MultiGeometry")
        for part in shapely.get_parts(shape):
            _geometry(several, part, style)
        return
    own = ET.SubElement(parent, shape.geom_type)
    raised = style == _BRIDGE
    if raised:
        _text(own, "extrude", "1")
    elif shape.geom_type != "Point":
        _text(own, "tessellate", "1")  # follow the ground between two points
    _text(own, "altitudeMode", "absolute" if raised else "clampToGround")
    if isinstance(shape, Polygon):
        area = orient(shape)
        _ring(own, "outerBoundaryIs", area.exterior)
        for hole in area.interiors:
            _ring(own, "innerBoundaryIs", hole)
    else:
        _text(own, "coordinates", _coordinates(shape))


def _ring(parent: ET.Element, tag: str, ring: BaseGeometry) -> None:
    own = ET.SubElement(ET.SubElement(parent, tag), "LinearRing")
    _text(own, "coordinates", _coordinates(ring))


def _coordinates(shape: BaseGeometry) -> str:
    """Longitude, latitude and, where there is one, level."""
    rows = shapely.get_coordinates(shape, include_z=shape.has_z).tolist()
    return " ".join(
        ",".join([f"{x:.{_DIGITS}f}", f"{y:.{_DIGITS}f}", *(f"{each:.{_LEVEL}f}" for each in z)])
        for x, y, *z in rows
    )


def _span(parent: ET.Element, begin: str | None, end: str | None) -> None:
    """Add the time in which a feature is there."""
    days = {tag: day for tag, day in (("begin", begin), ("end", end)) if day is not None}
    if days:
        own = ET.SubElement(parent, "TimeSpan")
        for tag, day in days.items():
            _text(own, tag, day)


def _styles(page: ET.Element) -> None:
    for name, (width, colour) in _LINES.items():
        own = ET.SubElement(page, "Style", id=_id(name))
        _filled(own, "LineStyle", color=colour, width=str(width))
        if name == _BRIDGE:  # the curtain under its deck
            _filled(own, "PolyStyle", color=f"66{colour[2:]}", outline="0")
    for name, (inside, border) in _AREAS.items():
        own = ET.SubElement(page, "Style", id=_id(name))
        _filled(own, "LineStyle", color=border, width="1")
        _filled(own, "PolyStyle", color=inside)
    for name, colour in _DOTS.items():
        own = ET.SubElement(page, "Style", id=_id(name))
        _filled(own, "IconStyle", color=colour)


def _filled(parent: ET.Element, tag: str, **values: str) -> None:
    own = ET.SubElement(parent, tag)
    for name, value in values.items():
        _text(own, name, value)


def _text(parent: ET.Element, tag: str, text: str) -> None:
    """Add an element with a text, but for the characters that XML cannot hold."""
    ET.SubElement(parent, tag).text = _FORBIDDEN.sub("", text)


def _id(style: str) -> str:
    return style.replace(" ", "-")


def _empty(value: object) -> bool:
    return value is None or value is pd.NA or value != value  # noqa: PLR0124 - NaN
