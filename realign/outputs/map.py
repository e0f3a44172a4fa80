"""
The map of a plan: one HTML file that opens from disk and asks the network for nothing.

Folium draws the layers of the plan. Leaflet itself comes out of the package XStatic-Leaflet and
is written into the page, as are the hillshade of the study's ground and every popup. Names from
the data reach the page as JSON and become text nodes there, so that no name is ever markup.
"""

import base64
import io
import math
import re
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from importlib.metadata import distribution
from itertools import pairwise
from pathlib import Path
from typing import Any

import branca.element
import folium
import geopandas as gpd
import numpy as np
import rasterio
import shapely
from folium.utilities import JsCode
from numpy.typing import NDArray
from PIL import Image
from pyproj import Transformer
from rasterio.enums import Resampling
from rasterio.transform import array_bounds
from rasterio.warp import calculate_default_transform, reproject
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from realign import terrain as ground
from realign.branches import Leg
from realign.chainage import Section, text
from realign.hazard import KINDS, MONTH_DAYS
from realign.network import Link
from realign.plan import Plan
from realign.region import SideRoad
from realign.yearround import course

Style = Mapping[str, Any]
"""Path options of Leaflet."""

TICK_M = 10_000.0
"""Distance between two chainage marks on the existing road [m]."""
NEW_TICK_KM = 5
"""Distance between two chainage marks on the new roads [km]."""
CRITICAL = 10
"""Stretches that matter most that are drawn."""

_TOLERANCE = 3.0  # m by which a drawn road may differ from the layer
_COARSE = 10.0  # m by which thin lines of the network may differ
_SHORE = 0.6  # cells by which a drawn shore may differ: it is a staircase of cells
_RIVER = 15.0  # m
_DIGITS = 6  # of degrees: 0.1 m
_PIXELS = 2600  # along the longer side of the hillshade
_HEAVIEST = 4_000_000  # bytes of the hillshade; beyond, it is made coarser
_QUALITY = 72  # of WebP
_LIGHTEST = 0.5  # part of the hillshade that lies under white, so that lines stand out
_LOW, _HIGH = np.array([222.0, 226.0, 205.0]), np.array([250.0, 246.0, 240.0])  # valley, summit

# Colours of Okabe and Ito, told apart by every kind of colour vision; the dash says it again.
_LOOKS: dict[str, Style] = {
    "dry": {"color": "#3d3d3d", "weight": 3},
    "short of freeboard": {"color": "#e69f00", "weight": 5, "dashArray": "9 6", "lineCap": "butt"},
    "submerged": {"color": "#d55e00", "weight": 5, "dashArray": "1 8", "lineCap": "round"},
    "open": {"color": "#5e2b97", "weight": 4},
    "bridge": {"color": "#00b488", "weight": 6, "dashArray": "7 4", "lineCap": "butt"},
    "tunnel": {"color": "#111111", "weight": 5, "dashArray": "2 5", "lineCap": "butt"},
    "lake": {"color": "#1f6fb2", "weight": 1, "fillColor": "#4a9bdc", "fillOpacity": 0.45},
    "dam": {"color": "#000000", "weight": 5, "lineCap": "butt"},
    "river": {"color": "#5c9cc9", "weight": 1.2, "opacity": 0.8},
    "casing": {"color": "#ffffff", "weight": 8, "opacity": 0.85, "interactive": False},
    "candidate": {"color": "#00695c", "weight": 1.8, "opacity": 0.95},
    "beside": {"color": "#7a4b00", "weight": 3, "dashArray": "10 4 2 4", "lineCap": "butt"},
    "critical": {"color": "#b3005e", "weight": 12, "opacity": 0.55, "lineCap": "round"},
    "critical number": {"color": "#b3005e", "weight": 2, "fillColor": "#ffffff", "fillOpacity": 1},
    "tie-in": {"color": "#ffffff", "weight": 2, "fillColor": "#5e2b97", "fillOpacity": 1},
    "place": {"color": "#111111", "weight": 1.5, "fillColor": "#ffffff", "fillOpacity": 1},
    "new tick": {"color": "#2b5e97", "weight": 1, "fillColor": "#ffffff", "fillOpacity": 1},
    "tick": {"color": "#3d3d3d", "weight": 1, "fillColor": "#ffd84d", "fillOpacity": 1},
}
_EARLIER = ("#7f2704", "#b93f02", "#d55e00")  # submerged road by stage, the first stage darkest
_LATER_WATER = ("#1f5f9f", "#4a9bdc", "#8cc4ee")  # lakes by stage, the first stage darkest
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
# classes of hazard from least to most: wider and darker from one to the next, on white or without
_HAZARD = ("#8fb8de", "#4a90c2", "#e0a030", "#c4591a", "#7d1128")
_PHASE = ("#cc79a7", "#e6b800", "#56b4e9", "#00a67d", "#b07cd8", "#f08c5a", "#8fa0ad")
_SPARE = "designed across a gap, on no way that is shown"
_FORM_NAMES = {"open": "Open road", "bridge": "Bridge", "tunnel": "Tunnel"}
_PANE: Any = folium.map.CustomPane  # it has no types
_PANES = {"water": 401, "bands": 405, "casings": 410, "roads": 420, "points": 430}


@dataclass(frozen=True, slots=True)
class _Row:
    """A line of the panel: what one tick box shows and hides."""

    name: str
    look: Style
    layers: Sequence[folium.map.Layer]
    note: str = ""
    kind: str = "line"
    shown: bool = True


@dataclass(slots=True)
class _Drawing:
    """The map while it is made."""

    plan: Plan
    base: folium.Map
    groups: dict[str, list[_Row]] = field(default_factory=dict)
    shared: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    count: int = 0

    def lines(
        self,
        features: Iterable[tuple[BaseGeometry, Mapping[str, object]]],
        look: Style,
        *,
        pane: str,
        tolerance: float = _TOLERANCE,
        shown: bool = True,
        radius: float | None = None,
    ) -> folium.GeoJson:
        """Add a layer of features with one look; points become dots."""
        self.count += 1
        data = _collection(features, self.plan, tolerance)
        marker = (
            None if radius is None else folium.CircleMarker(radius=radius, **_snake(look, pane))
        )
        layer = folium.GeoJson(
            data,
            style_function=lambda _: dict(look),
            on_each_feature=JsCode("realign.each"),
            marker=marker,
            control=False,
            show=shown,
            pane=pane,
        )
        layer._id = f"layer_{self.count}"  # noqa: SLF001 - folium has random names otherwise
        layer.add_to(self.base)
        return layer

    def add(self, group: str, row: _Row) -> None:
        """Add a line to a group of the panel."""
        self.groups.setdefault(group, []).append(row)


class _Raw(branca.element.Element):
    """A piece of the page, as it is: the text is not taken for a template."""

    def __init__(self, piece: str) -> None:
        super().__init__(template="{{ this.piece }}")
        self.piece = piece


class _Panel(branca.element.MacroElement):
    """The call that builds the panel, after every layer is there."""

    _template = folium.template.Template(
        """
        {% macro script(this, kwargs) %}
        Object.assign(realign.shared, {{ this.shared|tojson }});
        realign.start({{ this.base.get_name() }}, [
        {%- for title, rows in this.groups.items() %}
          { title: {{ title|tojson }}, rows: [
          {%- for row in rows %}
            { name: {{ row.name|tojson }}, note: {{ row.note|tojson }},
              look: {{ this.look(row)|tojson }}, shown: {{ row.shown|tojson }},
              layers: [{% for layer in row.layers %}{{ layer.get_name() }}, {% endfor %}] },
          {%- endfor %}
          ] },
        {%- endfor %}
        ], {{ this.bounds|tojson }}, {{ this.footnote|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, drawing: _Drawing, bounds: list[list[float]], footnote: str) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # branca has no types
        self._name = "Panel"
        self.base = drawing.base
        self.groups = drawing.groups
        self.shared = drawing.shared
        self.bounds = bounds
        self.footnote = footnote

    @staticmethod
    def look(row: _Row) -> dict[str, Any]:
        """Look of the sample beside a name."""
        return {"kind": row.kind, **row.look}


def page(plan: Plan, layers: Mapping[str, gpd.GeoDataFrame]) -> str:
    """
    Draw a plan.

    Parameters
    ----------
    plan
        What came out.
    layers
        Layers of the GeoPackage; every drawn line is one of theirs.

    Returns
    -------
    page
        A whole HTML page without a single address outside itself.
    """
    base = _base(plan)
    drawing = _Drawing(plan, base)
    _phases(drawing, layers["phases"])
    _best(drawing, layers)
    _existing(drawing, layers["existing_highway"])
    _water(drawing, layers)
    _others(drawing, layers["options_links"])
    _network(drawing)
    _hazards(drawing)
    _orientation(drawing, layers["places"])
    base.add_child(_Panel(drawing, _bounds(plan, layers), _footnote(plan)))
    return _rendered(base)


# ---------------------------------------------------------------- the page


def _base(plan: Plan) -> folium.Map:
    """Make a map without tiles and without a link to anything, and with the shared scripts."""
    base = folium.Map(location=[0.0, 0.0], tiles=None, zoom_control="bottomleft", zoom_snap=0.25)
    base._id = "realign"  # noqa: SLF001 - folium has random names otherwise
    base.default_js, base.default_css = [], []
    figure: Any = base.get_root()  # a Figure, which branca does not say
    figure.title = escape(plan.study.study.title)
    script, style = _leaflet()
    own = resources.files("realign.outputs") / "templates"
    for piece in (
        '<link rel="icon" href="data:,">',
        f"<style>{style}</style>",
        f"<script>{script}</script>",
        f"<style>{(own / 'map.css').read_text(encoding='utf-8')}</style>",
        f"<script>{(own / 'map.js').read_text(encoding='utf-8')}</script>",
    ):
        figure.header.add_child(_Raw(piece))
    figure.html.add_child(_Raw(_title(plan)))
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
        return f"url({_data_uri(picture.read_bytes(), 'image/png')})"

    return script, re.sub(r"url\(([^)#]+)\)", inside, re.sub(r"(?m)^.*behavior:.*$", "", style))


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _title(plan: Plan) -> str:
    """Box with the title, what is shown, and what the ground is."""
    about = plan.study.study
    option = next((o for o in plan.options if o.name == plan.best), None)
    lines = [f"<h1>{escape(about.title)}</h1>"]
    if option is not None and option.name in plan.programmes:
        total = plan.programmes[option.name].schedule
        low = sum(phase.low_pkr for phase in total.phases)
        high = sum(phase.high_pkr for phase in total.phases)
        new = sum(phase.work.new_length for phase in total.phases) / 1000
        lines.append(
            f"<p>Shown: option <b>{escape(option.name)}</b>. The programme builds {new:,.1f} km of "
            f"new road for Rs {total.total_pkr / 1e9:,.1f} bn "
            f"({low / 1e9:,.0f} to {high / 1e9:,.0f}).</p>"
        )
    if about.ground:
        lines.append(f'<p class="ground">Ground: {escape(about.ground)}</p>')
    lines.append('<p><a href="index.html">Report with tables, checks and assumptions</a></p>')
    return f'<div id="title" class="box">{"".join(lines)}</div>'


def _footnote(plan: Plan) -> str:
    lost = plan.study.clearance
    words = (
        f"Road is short of freeboard less than {lost.freeboard_m:g} m above full level. "
        "The date of a stage is the day on which filling to it begins. "
        "Costs are low / base / high. Click a line for chainage, level and cost."
    )
    about = plan.study.study.ground
    return f"{words} Ground: {about}" if about else words


def _bounds(plan: Plan, layers: Mapping[str, gpd.GeoDataFrame]) -> list[list[float]]:
    """South-west and north-east corner of all roads [deg]."""
    boxes = [plan.highway.line.bounds]
    if len(layers["options_links"]):
        boxes.append(tuple(layers["options_links"].total_bounds))
    left, bottom, _, _ = np.min(boxes, axis=0)
    _, _, right, top = np.max(boxes, axis=0)
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)
    west, south, east, north = onto.transform_bounds(left, bottom, right, top)
    return [[south, west], [north, east]]


# ---------------------------------------------------------------- layers


def _existing(drawing: _Drawing, frame: gpd.GeoDataFrame) -> None:
    """Existing road: dry, and what each stage of filling takes, by state and date."""
    title = f"Existing highway ({drawing.plan.highway.name})"
    dry = frame[frame["state"] == "dry"]
    layer = drawing.lines(_features(dry, _existing_popup), _LOOKS["dry"], pane="roads")
    drawing.add(title, _Row("Dry at full level", _LOOKS["dry"], [layer]))
    lost = frame[frame["state"] != "dry"]
    if not len(lost):
        return
    dates = sorted(lost["first_date"].dropna().unique())
    keys = ["first_date", "first_stage", "dam", "state"]
    for (day, stage, dam, state), part in lost.groupby(keys, dropna=False, sort=True):
        look = dict(_LOOKS[str(state)])
        if state == "submerged":
            look["color"] = _EARLIER[min(dates.index(day), len(_EARLIER) - 1)]
        layer = drawing.lines(_features(part, _existing_popup), look, pane="roads")
        name = f"{str(state).capitalize()}, {part['length_m'].sum() / 1000:,.1f} km"
        drawing.add(title, _Row(name, look, [layer], note=f"from {day}: {dam}, {stage}"))


def _water(drawing: _Drawing, layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Lakes by stage, the first on top since it is the smallest, and the dams."""
    lakes = layers["lakes"].sort_values(["date", "level_m"], ascending=False)
    order = {dam: sorted(part["date"]) for dam, part in lakes.groupby("dam")}
    tolerance = _SHORE * drawing.plan.terrain.cell
    rows = []
    for record in _records(lakes):
        number = min(order[record["dam"]].index(record["date"]), len(_LATER_WATER) - 1)
        look = {**_LOOKS["lake"], "fillColor": _LATER_WATER[number]}
        if record["geometry"].is_empty:
            continue
        shape = [(record["geometry"], _lake_popup(record))]
        layer = drawing.lines(shape, look, pane="water", tolerance=tolerance)
        note = f"{record['stage']}, from {record['date']}"
        name = f"{record['dam']}, {record['level_m']:g} m"
        rows.append(_Row(name, look, [layer], note=note, kind="area"))
    for row in reversed(rows):
        drawing.add("Reservoirs", row)
    dams = drawing.lines(_features(layers["dams"], _dam_popup), _LOOKS["dam"], pane="roads")
    drawing.add("Reservoirs", _Row("Dams", _LOOKS["dam"], [dams]))


def _best(drawing: _Drawing, layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Best option: its forms apart from each other, and where it leaves the existing road."""
    frame = layers["options_links"]
    parts = frame[frame["best"].astype(bool)] if len(frame) else frame
    if not len(parts):
        return
    title = f"Option shown: {drawing.plan.best}"
    year = _year(drawing.plan, drawing.plan.best)
    _remember(drawing, parts)
    casing = drawing.lines(
        [(line, {}) for line in parts.geometry], _LOOKS["casing"], pane="casings"
    )
    for form, name in _FORM_NAMES.items():
        some = parts[parts["form"] == form]
        look = _LOOKS[form]
        layer = drawing.lines(_features(some, _link_popup), look, pane="roads")
        extra = [casing] if form == "open" else []
        label = f"{name}, {some['length_m'].sum() / 1000:,.1f} km"
        note = year if form == "open" else ""
        drawing.add(title, _Row(label, look, [*extra, layer], note=note))
    ties = layers["tie_ins"]
    ties = ties[ties["best"].astype(bool)]
    dots = drawing.lines(_features(ties, _tie_popup), _LOOKS["tie-in"], pane="points", radius=6)
    drawing.add(title, _Row("Tie-ins", _LOOKS["tie-in"], [dots], kind="dot"))
    marks = layers["chainages"]
    if len(marks):
        marks = marks[marks["best"].astype(bool) & (marks["new_km"] % NEW_TICK_KM == 0)]
    dots = drawing.lines(_features(marks, _new_popup), _LOOKS["new tick"], pane="points", radius=3)
    name = f"New chainage every {NEW_TICK_KM} km, with the old one"
    drawing.add(title, _Row(name, _LOOKS["new tick"], [dots], kind="dot"))


def _others(drawing: _Drawing, frame: gpd.GeoDataFrame) -> None:
    """Draw the other options, hidden at first: a colour each, forms by dash."""
    if not len(frame):
        return
    rest = frame[~frame["best"].astype(bool)]
    titles = {option.name: option.title for option in drawing.plan.options}
    for number, (name, parts) in enumerate(rest.groupby("option", sort=False)):
        _remember(drawing, parts)
        colour = _OPTION[number % len(_OPTION)]
        made = []
        for form in _FORM_NAMES:
            some = parts[parts["form"] == form]
            if len(some):
                look = {**_LOOKS[form], "color": colour}
                features = _features(some, _link_popup)
                made.append(drawing.lines(features, look, pane="roads", shown=False))
        about = (titles.get(str(name), _SPARE), _year(drawing.plan, str(name)))
        row = _Row(
            str(name) or "In no option",
            {**_LOOKS["open"], "color": colour},
            made,
            note="; ".join(filter(None, about)),
            shown=False,
        )
        drawing.add("Other options", row)


def _phases(drawing: _Drawing, frame: gpd.GeoDataFrame) -> None:
    """Draw the phases of the best option as broad bands under the roads."""
    best = frame[frame["best"].astype(bool)] if len(frame) else frame
    for number, record in enumerate(_records(best)):
        look = {
            "color": _PHASE[number % len(_PHASE)],
            "weight": 13,
            "opacity": 0.55,
            "lineCap": "butt",
        }
        inside = record["in_programme"]
        name = f"{record['phase']}. {record['name']}" if inside else str(record["name"])
        shape = [(record["geometry"], _phase_popup(drawing.plan, record, name))]
        layer = drawing.lines(shape, look, pane="bands")
        note = f"opens {record['open_date']}"
        if inside:
            note = f"{record['start_date']} to {record['open_date']}, {_bn(record['cost_mpkr'])}"
        else:
            note += f", built by {record['builder']}"
        drawing.add(f"Phases of {drawing.plan.best}", _Row(name, look, [layer], note=note))


def _network(drawing: _Drawing) -> None:
    """Draw candidate links, other roads and the stretches that matter most, hidden at first."""
    plan, title = drawing.plan, "Road network, hidden at first"
    nets = {id(each.net): each.net for each in plan.choice.candidates}
    used: dict[int, int] = {}
    for each in plan.choice.candidates:
        for leg in each.way.legs:
            used[id(leg)] = used.get(id(leg), 0) + 1
    legs = [leg for net in nets.values() for leg in net.legs if id(leg) in used]
    if legs:
        look = _LOOKS["candidate"]
        shapes = [(_part(leg.road, leg.part), _leg_popup(plan, leg, used[id(leg)])) for leg in legs]
        layer = drawing.lines(shapes, look, pane="roads", tolerance=_COARSE, shown=False)
        words = f"{len(plan.choice.candidates):,} ways through {len(legs):,} pieces of new road"
        drawing.add(title, _Row("Candidate links", look, [layer], note=words, shown=False))
    beside = [(each.line, _beside_popup(each)) for each in plan.region.beside]
    if beside:
        look = _LOOKS["beside"]
        layer = drawing.lines(beside, look, pane="roads", tolerance=_COARSE, shown=False)
        words = "may carry traffic while the highway is closed"
        drawing.add(title, _Row("Other roads beside", look, [layer], note=words, shown=False))
    worst = _critical(plan)
    if worst:
        look, dot = _LOOKS["critical"], _LOOKS["critical number"]
        middles = [
            (_middle(line), {**about, "label": f"critical {number}", "kind": "place"})
            for number, (line, about) in enumerate(worst, start=1)
        ]
        bands = drawing.lines(worst, look, pane="bands", tolerance=_COARSE, shown=False)
        dots = drawing.lines(middles, dot, pane="points", shown=False, radius=5)
        words = f"the {len(worst)} that cost trucks most closed days, the worst first"
        name = "Critical stretches of the option shown"
        drawing.add(title, _Row(name, look, [bands, dots], note=words, shown=False))


def _hazards(drawing: _Drawing) -> None:
    """Draw the class of hazard of the existing road, a row a class, hidden at first."""
    plan = drawing.plan
    along = plan.region.kept.along
    cuts = [0, *(np.flatnonzero(np.diff(along.grade)) + 1).tolist(), along.grade.size]
    runs: dict[int, list[tuple[BaseGeometry, Mapping[str, object]]]] = {}
    for a, b in pairwise(cuts):
        end = min(float(along.end[b - 1]), plan.highway.length)
        part = Section(float(along.start[a]), end)
        kind = int(along.grade[a])
        days = np.nansum(along.days[a:b], axis=0)
        most = KINDS[int(days.argmax())] if days.any() else "none"
        rows = [
            ("Class", f"{kind} of {len(_HAZARD)}, 1 the least"),
            ("Length", _km(part.length)),
            ("Closures", f"{np.nansum(along.closures[a:b]):.3f} a year"),
            ("Closed", f"{days.sum():.3f} days a year, mostly by: {most}"),
        ]
        about = {"title": f"Existing road {part}", "rows": rows}
        line = shapely.LineString(plan.highway.piece(part))
        runs.setdefault(kind, []).append((line, about))
    title = "Hazard of the existing road, hidden at first"
    for kind, shapes in sorted(runs.items()):
        look = {
            "color": _HAZARD[kind - 1],
            "weight": 4.5 + 1.5 * kind,
            "opacity": 0.9,
            "lineCap": "butt",
        }
        layer = drawing.lines(shapes, look, pane="bands", tolerance=_COARSE, shown=False)
        km = sum(shape.length for shape, _ in shapes) / 1000
        words = {1: " (least)", len(_HAZARD): " (most)"}.get(kind, "")
        name = f"Class {kind}{words}, {km:,.1f} km"
        drawing.add(title, _Row(name, look, [layer], shown=False))


def _critical(plan: Plan) -> list[tuple[BaseGeometry, Mapping[str, object]]]:
    """
    Stretches of the best option whose own closures cost trucks most closed days, the worst first.

    Those without a known course are left out.
    """
    graph, beside = plan.years[plan.best].graph, plan.region.beside
    found = []
    for each in plan.critical.get("truck", ()):
        parts = course(plan.highway, plan.links, beside, graph, each.parts)
        if not parts:
            continue
        day = each.year_usd / float(MONTH_DAYS.sum()) / 1000
        rows = [
            ("Costs trucks", f"{each.causes:.2f} closed days a year"),
            ("Closed all year", f"{each.extra_closed_days:,.0f} closed days more"),
            ("Detour", f"in {len(each.detour_months)} months" if each.detour_months else "none"),
            ("A day costs traffic", f"{plan.rates.currency} {day:,.0f} thousand"),
        ]
        line = shapely.line_merge(shapely.union_all(parts))
        found.append((each.causes, line, {"title": f"Critical: {each.name}", "rows": rows}))
    found.sort(key=lambda row: (-row[0], str(row[2]["title"])))
    return [(line, about) for _, line, about in found[:CRITICAL]]


def _middle(shape: BaseGeometry) -> shapely.Point:
    """Middle of the longest line of a shape."""
    longest = max(shapely.get_parts(shape), key=lambda line: float(line.length))
    return shapely.Point(longest.interpolate(0.5, normalized=True))


def _part(link: Link, part: Section) -> shapely.LineString:
    """Plan of a stretch of a new road."""
    inside = link.station[(link.station > part.start) & (link.station < part.end)]
    s = np.concatenate(([part.start], inside, [part.end]))
    xy = [np.interp(s, link.station, values) for values in (link.x, link.y)]
    return shapely.LineString(np.column_stack(xy))


def _year(plan: Plan, name: str) -> str:
    """Say how long a truck takes on an option, and how many days of a year it is closed."""
    if name not in plan.years:
        return ""
    year = plan.years[name]
    days = f"closed {year.highway.closed_days_a_year:,.1f} days a year"
    return f"truck {year.truck_time / 3600:.1f} h, {days}" if np.isfinite(year.truck_time) else days


def _orientation(drawing: _Drawing, places: gpd.GeoDataFrame) -> None:
    """Hillshade, rivers, places and chainages."""
    plan, highway, title = drawing.plan, drawing.plan.highway, "Ground and places"
    shade = _hillshade(plan.terrain)
    shade.add_to(drawing.base)
    about = plan.study.study.ground
    look = {"color": "#8a8a80", "weight": 1, "fillColor": "#cfcfc2"}
    drawing.add(title, _Row("Hillshade of the study ground", look, [shade], about, "area"))
    box = shapely.box(*plan.terrain.bounds)
    clipped = [line.intersection(box) for line in plan.rivers.geometry]
    inside: list[tuple[BaseGeometry, Mapping[str, object]]]
    inside = [(line, {}) for line in clipped if not line.is_empty]
    river = _LOOKS["river"]
    rivers = drawing.lines(inside, river, pane="water", tolerance=_RIVER)
    drawing.add(title, _Row("Rivers", river, [rivers]))
    dots = drawing.lines(_features(places, _place_popup), _LOOKS["place"], pane="points", radius=4)
    drawing.add(title, _Row("Places", _LOOKS["place"], [dots], kind="dot"))
    s = np.arange(0.0, highway.length, TICK_M)
    ticks = [
        (
            shapely.Point(xy),
            {
                "title": f"{highway.name}, {text(at)}",
                "rows": [("Chainage", text(at)), ("Road level", f"{level:,.0f} m")],
                "label": f"{at / 1000:g} km",
                "kind": "tick",
            },
        )
        for at, xy, level in zip(s, highway.at(s), highway.level_at(s), strict=True)
    ]
    marks = drawing.lines(ticks, _LOOKS["tick"], pane="points", radius=3)
    drawing.add(title, _Row("Chainage every 10 km", _LOOKS["tick"], [marks], kind="dot"))


def _remember(drawing: _Drawing, parts: gpd.GeoDataFrame) -> None:
    """Keep what all parts of a link have in common once, for their popups."""
    for (option, link), some in parts.groupby(["option", "link"], sort=False):
        rows = _link_rows(next(iter(_records(some))))
        year = _year(drawing.plan, str(option))
        drawing.shared[f"{option}|{link}"] = rows + ([("The whole option", year)] if year else [])


# ---------------------------------------------------------------- popups


def _leg_popup(plan: Plan, leg: Leg, count: int) -> dict[str, object]:
    low, base, high = (getattr(leg.values.cost, key) / 1e6 for key in ("low", "base", "high"))
    rows = [
        ("Of the road", leg.road.name),
        ("Length", _km(leg.values.length)),
        ("Bridges, tunnels", f"{_km(leg.values.bridge_length)}, {_km(leg.values.tunnel_length)}"),
        ("Cost", f"{plan.rates.currency} {low:,.0f} / {base:,.0f} / {high:,.0f} m"),
        ("Used by", f"{count:,} of {len(plan.choice.candidates):,} candidate links"),
    ]
    return {"title": f"Candidate: {leg.name}", "rows": rows}


def _beside_popup(road: SideRoad) -> dict[str, object]:
    days = float((MONTH_DAYS * (1 - road.service.open_share)).sum())
    rows = [
        ("From, to", f"{road.start}, {road.end}"),
        ("Length", _km(float(road.line.length))),
        ("Time of a truck", f"{sum(road.service.truck) / 2 / 60:,.0f} minutes"),
        ("Closed", f"{days:.2f} days a year"),
        ("Taken by a lake", road.closes.isoformat() if road.closes else "never"),
    ]
    return {"title": f"Other road: {road.name}", "rows": rows}


def _existing_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("State", str(record["state"])),
        ("Length", _km(record["length_m"])),
        ("Lowest road level", _level(record["lowest_level_m"])),
    ]
    if record["state"] != "dry":
        rows += [
            ("Taken by", str(record["dam"])),
            ("Filling to it begins", f"{record['first_date']} ({record['first_stage']})"),
            ("Full level", _level(record["full_level_m"])),
            ("Road above full level", f"{record['lowest_freeboard_m']:,.1f} m at the lowest"),
        ]
    return {"title": f"Existing road {_reach(record)}", "rows": rows}


def _lake_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("Stage", str(record["stage"])),
        ("Filling to it begins", str(record["date"])),
        ("Level", _level(record["level_m"])),
        ("Area", f"{record['area_km2']:,.2f} km\u00b2"),
        ("Volume", f"{record['volume_km3']:,.3f} km\u00b3"),
    ]
    return {"title": f"Reservoir of {record['dam']}", "rows": rows}


def _dam_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("Full level", _level(record["full_level_m"])),
        ("Minimum level", _level(record["minimum_level_m"])),
        ("Crest", _level(record["crest_level_m"])),
        ("River bed", _level(record["bed_level_m"])),
        ("Gross / live storage", _pair(record["gross_storage_km3"], record["live_storage_km3"])),
        ("Length of the lake", f"{record['lake_length_km']:,.1f} km"),
    ]
    return {"title": str(record["name"]), "rows": rows}


def _link_popup(record: Mapping[str, Any]) -> dict[str, object]:
    name = _FORM_NAMES[str(record["form"])]
    over, under = record["highest_over_ground_m"], record["deepest_under_ground_m"]
    height = f"{under:,.0f} m under it" if record["form"] == "tunnel" else f"{over:,.0f} m over it"
    rows = [
        ("On the new road", f"{text(record['from_m'])} to {text(record['to_m'])}"),
        ("Length", _km(record["length_m"])),
        ("Road level", f"{record['start_level_m']:,.0f} to {record['end_level_m']:,.0f} m"),
        ("Ground, at most", height),
    ]
    more = f"{record['option']}|{record['link']}"
    return {"title": f"{name}: {record['link']}", "rows": rows, "more": more}


def _speed(record: Mapping[str, Any]) -> str:
    """Design speed, and how much of the road is slower."""
    slow = (
        f", down to {record['slowest_kmh']} km/h on {_km(record['slow_m'])}"
        if record["slow_m"]
        else ""
    )
    return f"{record['speed_kmh']} km/h{slow}"


def _link_rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    replaced = text(record["replaces_from_km"] * 1000), text(record["replaces_to_km"] * 1000)
    rows = [
        ("Whole new road", _km(record["link_length_m"])),
        ("Replaces", f"{replaced[0]} to {replaced[1]}"),
        ("Its cost", _spread(record, "mpkr")),
        ("", _spread(record, "musd")),
        ("Design speed", _speed(record)),
        ("Steepest", f"{record['steepest_pct']:g} %"),
        ("Deadline", _or_none(record["deadline_date"])),
        ("Opens", _or_none(record["open_date"])),
    ]
    breaches = str(record["breaches"]).split("; ") if record["breaches"] else []
    if breaches:
        others = f" and {len(breaches) - 1} more, see the report" if breaches[1:] else ""
        rows.append(("Breaks the standard", breaches[0] + others))
    return rows


def _phase_popup(plan: Plan, record: Mapping[str, Any], name: str) -> dict[str, object]:
    lengths = [
        f"{record[key] / 1000:,.1f} km {word}"
        for key, word in (
            ("new_m", "new"),
            ("upgrade_m", "upgraded"),
            ("bridge_m", "bridge"),
            ("tunnel_m", "tunnel"),
        )
        if record[key] > 0
    ]
    late = f" ({record['days_late']:,} days late)" if record["days_late"] else ""
    rows = [
        ("Existing chainage", f"{record['from_chainage']} to {record['to_chainage']}"),
        ("Length", ", ".join(lengths)),
        ("Opens", f"{record['open_date']}{late}"),
        ("Deadline", _or_none(record["deadline_date"])),
    ]
    if record["in_programme"]:
        rows.insert(2, ("Starts", str(record["start_date"])))
        rows += [("Cost", _spread(record, "mpkr")), ("", _spread(record, "musd"))]
        rows += _payers(plan, int(record["phase"]))
    else:
        rows.append(("Built by", f"{record['builder']}, outside the programme"))
    return {"title": name, "rows": rows}


def _payers(plan: Plan, number: int) -> list[tuple[str, str]]:
    split = next(s for s in plan.programmes[plan.best].splits if s.number == number)
    names = {f.key: f.name for f in plan.study.finance.financiers}
    return [(names[key], _bn(rupees / 1e6)) for key, rupees in split.amounts.items()]


def _tie_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("New road", str(record["link"])),
        ("Existing chainage", str(record["chainage"])),
        ("New chainage", str(record["new_chainage"] or "none")),
        ("Station equation", str(record["equation"] or "none")),
        ("Level", _level(record["level_m"])),
    ]
    return {"title": f"Tie-in, {record['end']} of the new road", "rows": rows}


def _new_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("New road", str(record["link"])),
        ("New chainage", str(record["new_chainage"])),
        ("Existing road beside", str(record["old_chainage"])),
        ("Level", _level(record["level_m"])),
    ]
    label = f"new {record['new_km']:g} km"
    return {"title": str(record["new_chainage"]), "rows": rows, "label": label, "kind": "tick"}


def _place_popup(record: Mapping[str, Any]) -> dict[str, object]:
    rows = [
        ("Existing chainage", str(record["chainage"])),
        ("Road level", _level(record["road_level_m"])),
    ]
    name = str(record["name"])
    return {"title": name, "rows": rows, "label": name, "kind": "place"}


def _reach(record: Mapping[str, Any]) -> str:
    return f"{record['from_chainage']} to {record['to_chainage']}"


def _km(metres: float) -> str:
    return f"{metres / 1000:,.2f} km" if metres >= 1000 else f"{metres:,.0f} m"


def _level(metres: float) -> str:
    return f"{metres:,.1f} m"


def _pair(gross: float, live: float) -> str:
    return f"{gross:,.2f} / {live:,.2f} km\u00b3"


def _bn(millions: float) -> str:
    return f"Rs {millions / 1000:,.2f} bn"


def _spread(record: Mapping[str, Any], unit: str) -> str:
    """Write low / base / high of a cost."""
    low, base, high = (record[f"cost_{part}{unit}"] for part in ("low_", "", "high_"))
    if unit == "mpkr":
        return f"Rs {low / 1000:,.1f} / {base / 1000:,.1f} / {high / 1000:,.1f} bn"
    return f"US$ {low:,.0f} / {base:,.0f} / {high:,.0f} m"


def _or_none(value: object) -> str:
    return value if isinstance(value, str) and value else "none"


# ---------------------------------------------------------------- features and pictures


def _records(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    return [dict(row) for row in frame.to_dict("records")]


def _features(
    frame: gpd.GeoDataFrame, popup: Any
) -> list[tuple[BaseGeometry, Mapping[str, object]]]:
    return [(record["geometry"], popup(record)) for record in _records(frame)]


def _collection(
    features: Iterable[tuple[BaseGeometry, Mapping[str, object]]],
    plan: Plan,
    tolerance: float,
) -> dict[str, object]:
    """GeoJSON of features in degrees, simplified and rounded."""
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)

    def degrees(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.round(np.column_stack(onto.transform(xy[:, 0], xy[:, 1])), _DIGITS)

    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": str(number),
                "properties": about,
                "geometry": mapping(
                    shapely.transform(
                        shapely.force_2d(shape).simplify(tolerance, preserve_topology=True), degrees
                    )
                ),
            }
            for number, (shape, about) in enumerate(features)
        ],
    }


def _snake(look: Style, pane: str) -> dict[str, Any]:
    """Options of Leaflet under the names that folium gives them."""
    out = {re.sub(r"[A-Z]", lambda m: "_" + m.group().lower(), key): v for key, v in look.items()}
    return {**out, "pane": pane}


def _hillshade(terrain: ground.Terrain) -> folium.raster_layers.ImageOverlay:
    """
    Lit ground as a picture in the projection of the map, so that it lies exactly.

    Leaflet stretches a picture evenly between its corners in EPSG:3857, hence it is warped
    onto cells that are square there.
    """
    factor = max(1, math.ceil(max(terrain.shape) / _PIXELS))
    while True:
        picture, corners = _warped(terrain, factor)
        if len(picture) <= _HEAVIEST or min(terrain.shape) < 4 * factor:
            break
        factor = math.ceil(factor * 1.4)
    overlay = folium.raster_layers.ImageOverlay(
        image=_data_uri(picture, "image/webp"),
        bounds=corners,
        pixelated=False,
        control=False,
        alt="Hillshade of the study ground",
        zindex=1,
    )
    overlay._id = "hillshade"  # noqa: SLF001 - folium has random names otherwise
    return overlay


def _warped(terrain: ground.Terrain, factor: int) -> tuple[bytes, list[list[float]]]:
    """WebP of the tinted hillshade in EPSG:3857, and its corners [deg]."""
    shade = ground.hillshade(terrain, factor=factor)
    rows, cols = shade.shape
    level = terrain.z[: rows * factor : factor, : cols * factor : factor]
    low, high = (float(v) for v in np.nanpercentile(terrain.z[::4, ::4], [2, 98]))
    height = np.clip((np.nan_to_num(level, nan=low) - low) / max(high - low, 1.0), 0, 1)[..., None]
    tint = _LOW + (_HIGH - _LOW) * height
    light = (1 - _LIGHTEST) * shade[..., None] / 255 + _LIGHTEST
    alpha = np.where(shade > 0, 255, 0)[..., None]
    source = np.concatenate((np.clip(tint * light * 1.12, 0, 255), alpha), axis=2)
    a, b, c, d, e, f = tuple(terrain.transform)[:6]
    transform = rasterio.Affine(a * factor, b, c, d, e * factor, f)
    own = rasterio.crs.CRS.from_wkt(terrain.crs.to_wkt())
    web = rasterio.crs.CRS.from_epsg(3857)
    with warnings.catch_warnings():
        # rasterio 1.4 multiplies transforms by `*`, which affine 3 warns of
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        edges = array_bounds(rows, cols, transform)
        target, width, tall = calculate_default_transform(own, web, cols, rows, *edges)
        warped = np.zeros((4, tall, width), dtype=np.uint8)
        reproject(
            np.ascontiguousarray(source.transpose(2, 0, 1)).astype(np.uint8),
            warped,
            src_transform=transform,
            src_crs=own,
            dst_transform=target,
            dst_crs=web,
            resampling=Resampling.bilinear,
        )
        left, bottom, right, top = array_bounds(tall, width, target)
    back = Transformer.from_crs(3857, 4326, always_xy=True)
    (west, east), (south, north) = back.transform((left, right), (bottom, top))
    file = io.BytesIO()
    Image.fromarray(warped.transpose(1, 2, 0)).save(file, "WEBP", quality=_QUALITY, method=4)
    return file.getvalue(), [[south, west], [north, east]]
