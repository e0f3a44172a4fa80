"""What stands whichever option is built: existing road, water, hazards, other roads, places."""

from collections.abc import Mapping
from itertools import pairwise

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from realign.chainage import Section
from realign.hazard import KINDS, MONTH_DAYS
from realign.network import Link
from realign.outputs.map.panel import LOOKS, Drawing, Row, features, records
from realign.outputs.map.popups import (
    beside_popup,
    dam_popup,
    existing_popup,
    km,
    lake_popup,
    leg_popup,
    place_popup,
    sign,
)
from realign.outputs.map.shade import overlay
from realign.plan import Plan
from realign.yearround import course

CRITICAL = 10
"""Stretches that matter most that are drawn."""

_COARSE = 10.0  # m by which thin lines of the network may differ
_SHORE = 0.6  # cells by which a drawn shore may differ: it is a staircase of cells
_RIVER = 15.0  # m
_EARLIER = ("#7f2704", "#b93f02", "#d55e00")  # submerged road by stage, the first stage darkest
_EARLIER_DASH = ("1 8", "1 8 6 8", "1 12")
_LATER_WATER = ("#1f5f9f", "#4a9bdc", "#8cc4ee")  # lakes by stage, the first stage darkest
# classes of hazard from least to most: wider and darker from one to the next, on white or without
_HAZARD = ("#8fb8de", "#4a90c2", "#e0a030", "#c4591a", "#7d1128")


def existing(drawing: Drawing, frame: gpd.GeoDataFrame) -> None:
    """Existing road: dry, and what each stage of filling takes, by state and date."""
    title = f"Existing highway ({drawing.plan.highway.name})"
    dry = frame[frame["state"] == "dry"]
    layer = drawing.lines(features(dry, existing_popup), LOOKS["dry"], pane="roads")
    drawing.add(title, Row("Dry at full level", LOOKS["dry"], [layer], role="road"))
    lost = frame[frame["state"] != "dry"]
    if not len(lost):
        return
    dates = sorted(lost["first_date"].dropna().unique())
    keys = ["first_date", "first_stage", "dam", "state"]
    for (day, stage, dam, state), part in lost.groupby(keys, dropna=False, sort=True):
        look = dict(LOOKS[str(state)])
        if state == "submerged":
            number = min(dates.index(day), len(_EARLIER) - 1)
            look |= {"color": _EARLIER[number], "dashArray": _EARLIER_DASH[number]}
        layer = drawing.lines(features(part, existing_popup), look, pane="roads")
        name = f"{str(state).capitalize()}, {part['length_m'].sum() / 1000:,.1f} km"
        drawing.add(
            title, Row(name, look, [layer], note=f"from {day}: {dam}, {stage}", role="road")
        )


def water(drawing: Drawing, layers: Mapping[str, gpd.GeoDataFrame]) -> None:
    """Lakes by stage, the first on top since it is the smallest, and the dams."""
    lakes = layers["lakes"].sort_values(["date", "level_m"], ascending=False)
    order = {dam: sorted(part["date"]) for dam, part in lakes.groupby("dam")}
    tolerance = _SHORE * drawing.plan.terrain.cell
    rows = []
    for record in records(lakes):
        number = min(order[record["dam"]].index(record["date"]), len(_LATER_WATER) - 1)
        look = {**LOOKS["lake"], "fillColor": _LATER_WATER[number]}
        if record["geometry"].is_empty:
            continue
        shape = [(record["geometry"], lake_popup(record))]
        layer = drawing.lines(shape, look, pane="water", tolerance=tolerance)
        note = f"{record['stage']}, from {record['date']}"
        name = f"{record['dam']}, {record['level_m']:,g} m"
        role = f"water|{record['dam']}|{record['date']}"
        rows.append(Row(name, look, [layer], note=note, kind="area", role=role))
    for row in reversed(rows):
        drawing.add("Reservoirs", row)
    dams = drawing.lines(features(layers["dams"], dam_popup), LOOKS["dam"], pane="roads")
    drawing.add("Reservoirs", Row("Dams", LOOKS["dam"], [dams]))


def network(drawing: Drawing) -> None:
    """Draw candidate links, other roads and the stretches that matter most, hidden at first."""
    plan, title = drawing.plan, "Road network"
    nets = {id(each.net): each.net for each in plan.choice.candidates}
    used: dict[int, int] = {}
    for each in plan.choice.candidates:
        for leg in each.way.legs:
            used[id(leg)] = used.get(id(leg), 0) + 1
    legs = [leg for net in nets.values() for leg in net.legs if id(leg) in used]
    if legs:
        look = LOOKS["candidate"]
        shapes = [(_part(leg.road, leg.part), leg_popup(plan, leg, used[id(leg)])) for leg in legs]
        layer = drawing.lines(shapes, look, pane="roads", tolerance=_COARSE, shown=False)
        words = f"{len(plan.choice.candidates):,} ways through {len(legs):,} pieces of new road"
        drawing.add(title, Row("Candidate links", look, [layer], note=words, shown=False))
    beside = [(each.line, beside_popup(each)) for each in plan.region.beside]
    if beside:
        look = LOOKS["beside"]
        layer = drawing.lines(beside, look, pane="roads", tolerance=_COARSE, shown=False)
        words = "may carry traffic while the highway is closed"
        drawing.add(title, Row("Other roads beside", look, [layer], note=words, shown=False))
    worst = _critical(plan)
    if worst:
        look, dot = LOOKS["critical"], LOOKS["critical number"]
        middles = [
            (_middle(line), {**about, "label": f"critical {number}", "kind": "place"})
            for number, (line, about) in enumerate(worst, start=1)
        ]
        bands = drawing.lines(worst, look, pane="bands", tolerance=_COARSE, shown=False)
        dots = drawing.lines(middles, dot, pane="points", shown=False, radius=5)
        words = f"the {len(worst)} that cost trucks most closed days, the worst first"
        name = "Critical stretches of the option shown"
        drawing.add(title, Row(name, look, [bands, dots], note=words, shown=False))


def hazards(drawing: Drawing) -> None:
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
            ("Length", km(part.length)),
            ("Closures", f"{np.nansum(along.closures[a:b]):.3f} a year"),
            ("Closed", f"{days.sum():.3f} days a year, mostly by: {most}"),
        ]
        about = {"title": f"Existing road {part}", "rows": rows}
        line = shapely.LineString(plan.highway.piece(part))
        runs.setdefault(kind, []).append((line, about))
    title = "Hazard of the existing road"
    for kind, shapes in sorted(runs.items()):
        look = {
            "color": _HAZARD[kind - 1],
            "weight": 4.5 + 1.5 * kind,
            "opacity": 0.9,
            "lineCap": "butt",
        }
        layer = drawing.lines(shapes, look, pane="bands", tolerance=_COARSE, shown=False)
        reach = sum(shape.length for shape, _ in shapes) / 1000
        words = {1: " (least)", len(_HAZARD): " (most)"}.get(kind, "")
        name = f"Class {kind}{words}, {reach:,.1f} km"
        drawing.add(title, Row(name, look, [layer], shown=False))


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
            ("A day costs traffic", f"{sign(plan.rates.currency)} {day:,.0f} thousand"),
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


def orientation(drawing: Drawing, places: gpd.GeoDataFrame) -> None:
    """Hillshade, rivers, places and chainages."""
    plan, title = drawing.plan, "Ground and places"
    shade = overlay(plan.terrain)
    shade.add_to(drawing.base)
    about = plan.study.study.ground
    look = {"color": "#8a8a80", "weight": 1, "fillColor": "#cfcfc2"}
    drawing.add(title, Row("Hillshade of the study ground", look, [shade], about, "area"))
    box = shapely.box(*plan.terrain.bounds)
    clipped = [line.intersection(box) for line in plan.rivers.geometry]
    inside: list[tuple[BaseGeometry, Mapping[str, object]]]
    inside = [(line, {}) for line in clipped if not line.is_empty]
    river = LOOKS["river"]
    rivers = drawing.lines(inside, river, pane="water", tolerance=_RIVER)
    drawing.add(title, Row("Rivers", river, [rivers]))
    dots = drawing.lines(features(places, place_popup), LOOKS["place"], pane="points", radius=4)
    drawing.add(title, Row("Places", LOOKS["place"], [dots], kind="dot"))
