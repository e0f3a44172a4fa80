"""
The map of a plan: one HTML file that opens from disk and asks the network for nothing.

Folium draws what stands whichever option is built (`layers`). Roads of options, the programme day
by day and figures to compare go into the page as one value (`courses`, `days`), from which small
scripts draw the option that is shown, its profile, the time slider and the comparison. Leaflet
itself comes out of the package XStatic-Leaflet and is written into the page, as is the hillshade
of the study's ground. Names from the data reach the page as JSON and become text nodes there, so
that no name is ever markup.
"""

import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import branca.element
import folium
import geopandas as gpd
import numpy as np
from pyproj import Transformer

from realign.outputs.csp import sealed
from realign.outputs.map import courses, layers
from realign.outputs.map.days import days
from realign.outputs.map.panel import LOOKS, Drawing, Panel, Raw, records
from realign.outputs.map.popups import FORM_NAMES, link_rows, phase_popup, tie_popup
from realign.outputs.map.shade import data_uri
from realign.plan import Plan

SCRIPTS = ("core", "panel", "option", "days", "profile", "compare", "tools", "start")
"""Scripts of the page, in the order in which they build on each other."""
NEW_TICK_KM = 5
"""Distance between two chainages of new roads that carry a number at first [km]."""

ONLINE = (
    {
        "name": "OpenStreetMap",
        "host": "tile.openstreetmap.org",
        "most": 19,
        "credit": "\u00a9 OpenStreetMap contributors",
    },
    {
        "name": "OpenTopoMap",
        "host": "tile.opentopomap.org",
        "most": 17,
        "credit": "\u00a9 OpenStreetMap contributors, SRTM; \u00a9 OpenTopoMap (CC-BY-SA)",
    },
)
"""Base maps of others: asked for only once a reader switches them on."""

_OPTION = (
    "#0072b2",
    "#a6176a",
    "#00705a",
    "#8a5a00",
    "#4d4d4d",
    "#5b3fa0",
    "#b3261e",
    "#006d8f",
    "#5a6b00",
)
_PHASE = ("#cc79a7", "#e6b800", "#56b4e9", "#00a67d", "#b07cd8", "#f08c5a", "#8fa0ad")
_PANE: Any = folium.map.CustomPane  # it has no types
_PANES = {
    "water": 401,
    "bands": 405,
    "casings": 410,
    "roads": 420,
    "left": 422,
    "right": 423,
    "flow": 426,
    "points": 430,
    "cursor": 440,
}


def page(plan: Plan, frames: Mapping[str, gpd.GeoDataFrame]) -> str:
    """
    Draw a plan.

    Parameters
    ----------
    plan
        What came out.
    frames
        Layers of the GeoPackage; every drawn line is one of theirs.

    Returns
    -------
    page
        A whole HTML page without a single address outside itself, but those of base maps that a
        reader may switch on where the study offers them.
    """
    base = _base(plan)
    drawing = Drawing(plan, base)
    layers.existing(drawing, frames["existing_highway"])
    layers.water(drawing, frames)
    layers.network(drawing)
    layers.hazards(drawing)
    layers.orientation(drawing, frames["places"])
    base.add_child(Panel(drawing, _scene(plan, frames)))
    return sealed(_rendered(base), images=[f"https://{each['host']}" for each in _online(plan)])


def _online(plan: Plan) -> Sequence[Mapping[str, Any]]:
    """Give the base maps of others that the study offers."""
    return ONLINE if plan.study.study.online_maps else ()


def _scene(plan: Plan, frames: Mapping[str, gpd.GeoDataFrame]) -> dict[str, Any]:
    """Everything that the scripts draw from."""
    about = plan.study.study
    return {
        "title": about.title,
        "ground": about.ground,
        "best": plan.best,
        "announced": plan.announced,
        "bounds": _bounds(plan, frames),
        "footnote": _footnote(plan),
        "looks": LOOKS,
        "online": _online(plan),
        "forms": [{"key": key, "name": FORM_NAMES[key]} for key in courses.FORMS],
        "colours": _OPTION,
        "bands": _PHASE,
        "tickKm": NEW_TICK_KM,
        "old": courses.existing(plan),
        "roads": courses.new_roads(plan),
        "water": courses.water(plan),
        "lakes": courses.lakes(plan),
        "lost": courses.lost(frames["existing_highway"]),
        "figures": courses.figures(plan),
        "places": _places(plan),
        "days": days(plan),
        "options": _options(plan, frames),
    }


def _options(plan: Plan, frames: Mapping[str, gpd.GeoDataFrame]) -> list[dict[str, Any]]:
    """Options, the best one first, with what their roads, phases and tie-ins say when clicked."""
    roads, phases, ties = (_by_option(frames[n]) for n in ("options_links", "phases", "tie_ins"))
    out = []
    for option in sorted(plan.options, key=lambda each: each.name != plan.best):
        said: dict[str, list[tuple[str, str]]] = {}
        for record in roads.get(option.name, ()):
            said.setdefault(str(record["link"]), link_rows(record))
        out.append(
            {
                "name": option.name,
                "title": option.title,
                "year": _year(plan, option.name),
                "headline": _headline(plan, option.name),
                "links": [link.name for link in option.links],
                "upgraded": [[round(s.start, 1), round(s.end, 1)] for s in option.upgraded],
                "whole": courses.whole(option, plan.highway.length),
                "rows": said,
                "phases": [_phase(plan, record) for record in phases.get(option.name, ())],
                "ties": [
                    {"link": r["link"], "end": r["end"], **tie_popup(r)}
                    for r in ties.get(option.name, ())
                ],
            }
        )
    return out


def _by_option(frame: gpd.GeoDataFrame) -> dict[str, list[dict[str, Any]]]:
    out: dict[str, list[dict[str, Any]]] = {}
    for record in records(frame):
        out.setdefault(str(record["option"]), []).append(record)
    return out


def _phase(plan: Plan, record: Mapping[str, Any]) -> dict[str, Any]:
    inside = record["in_programme"]
    number = int(record["phase"]) if inside else 0
    name = f"{number}. {record['name']}" if inside else str(record["name"])
    return {"number": number, **phase_popup(plan, record, name)}


def _headline(plan: Plan, name: str) -> str:
    """Say in a line what an option builds, what it costs and when it is open."""
    own = plan.programmes.get(name)
    if own is None or not own.schedule.phases:
        return "Nothing is built by the programme."
    total = own.schedule
    new = sum(phase.work.new_length for phase in total.phases) / 1000
    upgraded = sum(phase.work.upgrade_length for phase in total.phases) / 1000
    also = f" and upgrades {upgraded:,.1f} km" if upgraded else ""
    words = f"Builds {new:,.1f} km of new road{also} for Rs {total.total_pkr / 1e9:,.0f} bn"
    risk = plan.risks.get(name)
    if risk is not None:
        cost = risk.whole.cost_pkr
        words += f" (P10 to P90: {cost.p10 / 1e9:,.0f} to {cost.p90 / 1e9:,.0f})"
    words += f"; all of it is open on {max(phase.opens for phase in total.phases)}"
    if risk is not None and risk.whole.chance is not None:
        chance = f"{100 * risk.whole.chance:,.0f}\u00a0%"
        words += f", each road before its own water with a chance of {chance}"
    return f"{words}."


def _places(plan: Plan) -> list[dict[str, Any]]:
    """Places of the study that lie on the road, for the search."""
    local = {place.name: place.name_ur for place in plan.study.places}
    return [
        {"name": name, "ur": local.get(name, ""), "at": round(at, 1)}
        for name, at in sorted(plan.places.items(), key=lambda item: item[1])
    ]


def _year(plan: Plan, name: str) -> str:
    """Say how long a truck takes on an option, and how many days of a year it is closed."""
    if name not in plan.years:
        return ""
    year = plan.years[name]
    shut = f"closed {year.highway.closed_days_a_year:,.1f} days a year"
    return f"truck {year.truck_time / 3600:.1f} h, {shut}" if np.isfinite(year.truck_time) else shut


# ---------------------------------------------------------------- the page


def _base(plan: Plan) -> folium.Map:
    """Make a map without tiles and without a link to anything, and with the shared scripts."""
    base = folium.Map(
        location=[0.0, 0.0],
        tiles=None,
        zoom_control="bottomleft",
        zoom_snap=0.25,
        fade_animation=False,  # a label that fades still takes its place
    )
    base._id = "realign"  # noqa: SLF001 - folium has random names otherwise
    base.default_js, base.default_css = [], []
    figure: Any = base.get_root()  # a Figure, which branca does not say
    figure.title = escape(plan.study.study.title)
    script, style = _leaflet()
    own = resources.files("realign.outputs") / "templates" / "map"
    for piece in (
        '<link rel="icon" href="data:,">',
        f"<style>{style}</style>",
        f"<script>{script}</script>",
        f"<style>{(own / 'map.css').read_text(encoding='utf-8')}</style>",
        *(
            f"<script>{(own / f'{name}.js').read_text(encoding='utf-8')}</script>"
            for name in SCRIPTS
        ),
    ):
        figure.header.add_child(Raw(piece))
    figure.html.add_child(Raw((own / "map.html").read_text(encoding="utf-8")))
    for name, height in _PANES.items():
        pane = _PANE(name, z_index=height)
        pane._id = name  # noqa: SLF001 - folium has random names otherwise
        base.add_child(pane)
    return base


def _rendered(base: folium.Map) -> str:
    for number, child in enumerate(_descendants(base)):
        if len(child._id) == 32:  # noqa: SLF001 - a random name, of 32 digits
            child._id = f"part_{number}"  # noqa: SLF001
    html = str(base.get_root().render())
    return html.replace("<html>", '<html lang="en">', 1)


def _descendants(element: branca.element.Element) -> list[branca.element.Element]:
    own = list(element._children.values())  # noqa: SLF001 - branca offers no other way
    return own + [each for child in own for each in _descendants(child)]


def _leaflet() -> tuple[str, str]:
    """Script and style of Leaflet, with its pictures inside."""
    folder = Path(str(distribution("XStatic-Leaflet").locate_file("xstatic/pkg/leaflet/data")))
    script = (folder / "leaflet.js").read_text(encoding="utf-8")
    script = re.sub(r"(?m)^//# sourceMappingURL=.*$", "", script).replace("</script", "<\\/script")
    style = (folder / "leaflet.css").read_text(encoding="utf-8")

    def inside(match: re.Match[str]) -> str:
        picture = folder / match.group(1)
        if not picture.is_file():  # a switch for old browsers, no picture
            return "none"
        return f"url({data_uri(picture.read_bytes(), 'image/png')})"

    return script, re.sub(r"url\(([^)#]+)\)", inside, re.sub(r"(?m)^.*behavior:.*$", "", style))


def _footnote(plan: Plan) -> str:
    lost = plan.study.clearance
    words = (
        f"Road is short of freeboard less than {lost.freeboard_m:g} m above full level. "
        "The date of a stage is the day on which filling to it begins. "
        "Costs are low / base / high. Click a line for chainage, level and cost."
    )
    about = plan.study.study.ground
    return f"{words} Ground: {about}" if about else words


def _bounds(plan: Plan, frames: Mapping[str, gpd.GeoDataFrame]) -> list[list[float]]:
    """South-west and north-east corner of all roads [deg]."""
    boxes = [plan.highway.line.bounds]
    if len(frames["options_links"]):
        boxes.append(tuple(frames["options_links"].total_bounds))
    left, bottom, _, _ = np.min(boxes, axis=0)
    _, _, right, top = np.max(boxes, axis=0)
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)
    west, south, east, north = onto.transform_bounds(left, bottom, right, top)
    return [[south, west], [north, east]]
