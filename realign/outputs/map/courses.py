"""
Roads and options as the scripts of the map want them: courses, levels, structures, figures.

Courses are sampled at even chainages and stand as whole numbers, each the difference from the one
before, so that a hundred kilometres take some ten thousand characters. What is drawn, clicked and
put into the profile comes from the same numbers.
"""

from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from pyproj import Transformer

from realign.network import Link
from realign.options import Option, numbered
from realign.plan import Plan

NEW_STEP = 20.0
"""Distance between two points of a new road [m]."""
OLD_STEP = 50.0
"""Distance between two points of the existing road [m]."""
DEGREES = 1e6  # whole numbers in a degree: 0.1 m
LEVELS = 10.0  # whole numbers in a metre
FORMS = ("open", "bridge", "tunnel", "gallery")
"""What a road is, by its number."""
_OPEN, _GALLERY = 0, 3

Data = dict[str, Any]
"""What becomes JSON."""


def packed(values: ArrayLike, scale: float) -> list[int]:
    """
    Write values as whole numbers, the first one and then differences; errors do not add up.

    Examples
    --------
    >>> packed([1.04, 1.06, 1.31], 10.0)
    [10, 1, 2]
    """
    whole = np.rint(np.asarray(values, float) * scale).astype(np.int64)
    return [int(v) for v in np.diff(whole, prepend=0)]


def even(length: float, step: float) -> NDArray[np.float64]:
    """
    Chainages from 0 to a length, evenly apart but for the last one [m].

    Examples
    --------
    >>> even(50.0, 20.0)
    array([ 0., 20., 40., 50.])
    """
    inside = np.arange(0.0, length - 1e-6, step)
    return np.append(inside, length)


def existing(plan: Plan) -> Data:
    """Give the course of the existing road and its levels, every `OLD_STEP`."""
    road = plan.highway
    s = even(road.length, OLD_STEP)
    xy = road.at(s)
    return {
        "name": road.name,
        "length": round(road.length, 1),
        "step": OLD_STEP,
        **_degrees(plan, xy[:, 0], xy[:, 1]),
        "z": packed(road.level_at(s), LEVELS),
        "bridges": [[round(b.start), round(b.end)] for b in road.bridges],
    }


def new_roads(plan: Plan) -> dict[str, Data]:
    """Give every new road of an option: course, levels, ground, and its structures."""
    out = {}
    for link in {link.name: link for option in plan.options for link in option.links}.values():
        s = even(float(link.station[-1]), NEW_STEP)

        def along(values: NDArray[np.float64], s: NDArray[np.float64] = s, of: Link = link) -> Any:
            return np.interp(s, of.station, values)

        out[link.name] = {
            "length": round(float(link.station[-1]), 1),
            "step": NEW_STEP,
            "old": [round(link.section.start, 1), round(link.section.end, 1)],
            **_degrees(plan, along(link.x), along(link.y)),
            "z": packed(along(link.level), LEVELS),
            "g": packed(along(link.ground), LEVELS),
            "parts": parts(link),
        }
    return out


def parts(link: Link) -> list[list[Any]]:
    """
    Cut a road where it changes from open road to bridge, tunnel or gallery.

    Returns
    -------
    parts
        From, to [m], number of the form, and the name of a structure, in order of chainage.
    """
    out: list[list[Any]] = []
    for a, b, form in _runs(link):
        if form != _OPEN:
            middle = (a + b) / 2
            name = next((p.name for p in link.structures if p.start <= middle <= p.end), "")
            out.append([round(a, 1), round(b, 1), form, name])
        else:
            out += _sheltered(link, a, b)
    return out


def _runs(link: Link) -> list[tuple[float, float, int]]:
    """From, to and form of every stretch of one form."""
    cuts = np.flatnonzero(np.diff(link.form)) + 1
    edges = [0, *(int(cut) for cut in cuts), len(link.form)]
    return [
        (float(link.station[a]), float(link.station[b]), int(link.form[a]))
        for a, b in pairwise(edges)
        if b > a
    ]


def _sheltered(link: Link, a: float, b: float) -> list[list[Any]]:
    """Cut open road where a gallery covers it."""
    galleries = link.inventory.galleries if link.inventory is not None else ()
    out: list[list[Any]] = []
    at = a
    for each in galleries:
        start, end = max(each.start, at), min(each.end, b)
        if end <= start:
            continue
        if start > at:
            out.append([round(at, 1), round(start, 1), _OPEN, ""])
        out.append([round(start, 1), round(end, 1), _GALLERY, ""])
        at = end
    if b > at:
        out.append([round(at, 1), round(b, 1), _OPEN, ""])
    return out


def _degrees(plan: Plan, x: ArrayLike, y: ArrayLike) -> Data:
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)
    lon, lat = onto.transform(x, y)
    return {"lon": packed(lon, DEGREES), "lat": packed(lat, DEGREES)}


def line(plan: Plan, shape: shapely.LineString) -> list[list[float]]:
    """Give a line as latitudes and longitudes [deg]."""
    onto = Transformer.from_crs(plan.terrain.crs, 4326, always_xy=True)
    xy = shapely.get_coordinates(shape.simplify(10.0))
    lon, lat = onto.transform(xy[:, 0], xy[:, 1])
    return [[round(float(a), 6), round(float(b), 6)] for a, b in zip(lat, lon, strict=True)]


def water(plan: Plan) -> list[Data]:
    """Give the levels of every lake by stage, and the existing chainages that they may concern."""
    out = []
    for lake in plan.reservoirs:
        own = [s.section for s in plan.submergence.sections if s.dam == lake.dam.name]
        if own:
            span = [round(min(s.start for s in own), 1), round(max(s.end for s in own), 1)]
            out += [
                {
                    "dam": lake.dam.name,
                    "stage": stage.name,
                    "date": stage.date.isoformat(),
                    "level": stage.level_m,
                    "old": span,
                }
                for stage in lake.dam.stages
            ]
    return out


def lakes(plan: Plan) -> list[Data]:
    """Give every stage of every lake, in the order of their days."""
    stages = [
        (stage.date, lake.dam.name, stage) for lake in plan.reservoirs for stage in lake.dam.stages
    ]
    return [
        {"dam": dam, "stage": stage.name, "date": day.isoformat(), "level": stage.level_m}
        for day, dam, stage in sorted(stages, key=lambda each: each[:2])
    ]


def lost(frame: gpd.GeoDataFrame) -> list[list[Any]]:
    """
    Give the existing road that the water takes.

    Parameters
    ----------
    frame
        Layer `existing_highway` of the GeoPackage.

    Returns
    -------
    lost
        From, to [m], the day on which filling to the stage begins that takes it, and its state at
        full level, in order of chainage.
    """
    wet = frame[frame["first_date"].notna()]
    columns = (wet["from_km"], wet["to_km"], wet["first_date"], wet["state"])
    return [
        [round(1000 * a, 1), round(1000 * b, 1), str(day), str(state)]
        for a, b, day, state in zip(*columns, strict=True)
    ]


def whole(option: Option, length: float) -> list[list[Any]]:
    """
    Put an option together from end to end.

    Returns
    -------
    pieces
        Name of the new road, or "" for the existing one, with from and to on it [m], and the new
        chainage of its beginning [m].
    """
    fresh = numbered(option, length) if option.links else {}
    out: list[list[Any]] = []
    at, start = 0.0, 0.0
    for link in sorted(option.links, key=lambda each: each.section.start):
        if link.section.start > at:
            out.append(["", round(at, 1), round(link.section.start, 1), round(start, 1)])
        own = fresh[link.name]
        out.append([link.name, 0.0, round(float(link.station[-1]), 1), round(own.start, 1)])
        at, start = link.section.end, own.end
    if at < length:
        out.append(["", round(at, 1), round(length, 1), round(start, 1)])
    return out


def figures(plan: Plan) -> list[Data]:
    """Give what options are compared by: a label, a unit, digits, and a value for each option."""
    names = [option.name for option in plan.options]
    rows: list[tuple[str, str, int, dict[str, Any]]] = [
        ("Length end to end", "km", 1, {o.name: o.length / 1000 for o in plan.options}),
        ("New road, that of others included", "km", 1, {o.name: _new(o) for o in plan.options}),
        ("of it bridges", "km", 1, {o.name: _of(o, "bridge_length") for o in plan.options}),
        ("of it tunnels", "km", 1, {o.name: _of(o, "tunnel_length") for o in plan.options}),
        ("Upgraded", "km", 1, {o.name: o.upgrade_length / 1000 for o in plan.options}),
        ("Cost", "Rs bn", 1, {n: _programme(plan, n, "total_pkr", 1e9) for n in names}),
        ("Cost, P10", "Rs bn", 1, {n: _spread(plan, n, "p10") for n in names}),
        ("Cost, P90", "Rs bn", 1, {n: _spread(plan, n, "p90") for n in names}),
        ("Open before the water", "% chance", 1, {n: _chance(plan, n) for n in names}),
        ("All of it open", "", 0, {n: _last(plan, n) for n in names}),
        ("Truck, end to end", "h", 2, {n: _truck(plan, n) for n in names}),
        (
            "Closed",
            "days a year",
            1,
            {n: plan.years[n].highway.closed_days_a_year for n in names if n in plan.years},
        ),
        (
            "Days without a road until the lakes are full",
            "days",
            0,
            {n: plan.years[n].cut_days for n in plan.years},
        ),
    ]
    return [
        {"label": label, "unit": unit, "digits": digits, "of": {n: values.get(n) for n in names}}
        for label, unit, digits, values in rows
    ]


def _new(option: Option) -> float:
    return sum(link.length for link in option.links) / 1000


def _of(option: Option, key: str) -> float:
    return float(sum(getattr(link, key) for link in option.links)) / 1000


def _programme(plan: Plan, name: str, key: str, unit: float) -> float | None:
    own = plan.programmes.get(name)
    return None if own is None else float(getattr(own.schedule, key)) / unit


def _spread(plan: Plan, name: str, key: str) -> float | None:
    own = plan.risks.get(name)
    return None if own is None else float(getattr(own.whole.cost_pkr, key)) / 1e9


def _chance(plan: Plan, name: str) -> float | None:
    own = plan.risks.get(name)
    return None if own is None or own.whole.chance is None else 100 * own.whole.chance


def _last(plan: Plan, name: str) -> str | None:
    own = plan.programmes.get(name)
    if own is None or not own.schedule.openings:
        return None
    return max(each.opens for each in own.schedule.openings).isoformat()


def _truck(plan: Plan, name: str) -> float | None:
    own = plan.years.get(name)
    return own.truck_time / 3600 if own is not None and np.isfinite(own.truck_time) else None
