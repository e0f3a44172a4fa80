"""Layers of the map by what the panel calls them, with one look for each thing."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import branca.element
import folium
import geopandas as gpd
import numpy as np
import shapely
from folium.utilities import JsCode
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from realign.plan import Plan

Style = Mapping[str, Any]
"""Path options of Leaflet."""

TOLERANCE = 3.0
"""Distance by which a drawn road may differ from the layer [m]."""
_DIGITS = 6  # of degrees: 0.1 m
_BEGINS = re.compile(r"\{(?=[{%#])")  # what begins a template

# Colours of Okabe and Ito, told apart by every kind of colour vision; the dash says it again.
LOOKS: dict[str, Style] = {
    "dry": {"color": "#3d3d3d", "weight": 3},
    "short of freeboard": {"color": "#a86e00", "weight": 5, "dashArray": "9 6", "lineCap": "butt"},
    "submerged": {"color": "#d55e00", "weight": 5, "dashArray": "1 8", "lineCap": "round"},
    "open": {"color": "#5e2b97", "weight": 4},
    "bridge": {"color": "#007a5e", "weight": 6, "dashArray": "7 4", "lineCap": "butt"},
    "tunnel": {"color": "#111111", "weight": 5, "dashArray": "2 5", "lineCap": "butt"},
    "gallery": {"color": "#c2410c", "weight": 6, "dashArray": "12 3 2 3", "lineCap": "butt"},
    "upgraded": {"color": "#2b5e97", "weight": 9, "opacity": 0.55, "lineCap": "butt"},
    "planned": {"color": "#6b5a80", "weight": 2, "dashArray": "2 6", "lineCap": "round"},
    "prepared": {"color": "#8a5a00", "weight": 3, "dashArray": "6 4", "lineCap": "butt"},
    "works": {"color": "#c46200", "weight": 8, "dashArray": "5 3", "lineCap": "butt"},
    "built": {"color": "#8a63b8", "weight": 4},
    "upgrading": {"color": "#c46200", "weight": 6, "dashArray": "2 3", "lineCap": "butt"},
    "improved": {"color": "#2b5e97", "weight": 4},
    "drowned": {"color": "#a83c00", "weight": 4, "dashArray": "1 8", "lineCap": "round"},
    "left": {"color": "#8a8a8a", "weight": 2},
    "flow": {"color": "#ffe14d", "weight": 2.5, "dashArray": "10 14", "lineCap": "butt"},
    "cursor": {"color": "#b3005e", "weight": 3, "fillColor": "#ffffff", "fillOpacity": 0.6},
    "pin": {"color": "#b3005e", "weight": 3, "fillColor": "#ffd6ea", "fillOpacity": 0.7},
    "ruler": {"color": "#b3005e", "weight": 2.5, "dashArray": "6 4"},
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
"""How things are drawn."""


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the panel: what one tick box shows and hides."""

    name: str
    look: Style
    layers: Sequence[folium.map.Layer]
    note: str = ""
    kind: str = "line"
    shown: bool = True
    role: str = ""
    """What the time slider does with it: "water|dam|day" shows it while the lake stands at that
    stage, "road" while the slider is at rest."""


@dataclass(slots=True)
class Drawing:
    """The map while it is made."""

    plan: Plan
    base: folium.Map
    groups: dict[str, list[Row]] = field(default_factory=dict)
    count: int = 0

    def lines(
        self,
        features: Iterable[tuple[BaseGeometry, Mapping[str, object]]],
        look: Style,
        *,
        pane: str,
        tolerance: float = TOLERANCE,
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

    def add(self, group: str, row: Row) -> None:
        """Add a line to a group of the panel."""
        self.groups.setdefault(group, []).append(row)


def _plain(value: object, **options: Any) -> str:
    """
    Write JSON in which no text begins a template.

    Branca compiles what a template has given as a template once more, so that `{{` in the name of a
    place would be run. Braces of JSON itself are followed by a quotation mark or a brace that
    closes.
    """
    return _BEGINS.sub(r"\\u007b", json.dumps(value, **options))


# the filter `tojson` of all of folium's templates, whose environment is one
folium.GeoJson._template.environment.policies["json.dumps_function"] = _plain  # noqa: SLF001


class Raw(branca.element.Element):
    """A piece of the page, as it is: the text is not taken for a template."""

    def __init__(self, piece: str) -> None:
        super().__init__(template="{{ this.piece }}")
        self.piece = piece


class Panel(branca.element.MacroElement):
    """The call that starts the scripts of the page, after every layer is there."""

    _template = folium.template.Template(
        """
        {% macro script(this, kwargs) %}
        realign.start({{ this.base.get_name() }}, [
        {%- for title, rows in this.groups.items() %}
          { title: {{ title|tojson }}, rows: [
          {%- for row in rows %}
            { name: {{ row.name|tojson }}, note: {{ row.note|tojson }}, role: {{ row.role|tojson }},
              look: {{ this.look(row)|tojson }}, shown: {{ row.shown|tojson }},
              layers: [{% for layer in row.layers %}{{ layer.get_name() }}, {% endfor %}] },
          {%- endfor %}
          ] },
        {%- endfor %}
        ], {{ this.scene|tojson }});
        {% endmacro %}
        """
    )

    def __init__(self, drawing: Drawing, scene: Mapping[str, Any]) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # branca has no types
        self._name = "Panel"
        self.base = drawing.base
        self.groups = drawing.groups
        self.scene = scene

    @staticmethod
    def look(row: Row) -> dict[str, Any]:
        """Look of the sample beside a name."""
        return {"kind": row.kind, **row.look}


def records(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Give the rows of a layer."""
    return [dict(row) for row in frame.to_dict("records")]


def features(
    frame: gpd.GeoDataFrame, popup: Any
) -> list[tuple[BaseGeometry, Mapping[str, object]]]:
    """Give the shapes of a layer, each with what its popup says."""
    return [(record["geometry"], popup(record)) for record in records(frame)]


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
