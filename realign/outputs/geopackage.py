"""
The layers of a plan, with units in the names of their columns, and a GeoPackage of them.

The map draws the same layers. Coordinates are those of the study's reference system; new roads
carry their level as z [m above datum]. Dates are texts (ISO), which every program sorts rightly.
"""

import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from numpy.typing import NDArray
from pyproj import CRS
from shapely import LineString, MultiLineString, MultiPolygon, Point
from shapely.geometry.base import BaseGeometry

from realign.chainage import Section, clip, subtract, text
from realign.corridor import Alternatives
from realign.estimate import Estimate
from realign.formation import FORMS
from realign.network import Link
from realign.options import numbered
from realign.phasing import Phase
from realign.plan import Plan, Programme

DRY = "dry"
"""State of existing road that keeps its freeboard at full level."""
SHORT = "short of freeboard"
"""State of existing road above full level, by less than the freeboard."""
SUBMERGED = "submerged"
"""State of existing road below full level."""

OFF = 0.9e-3
"""Distance from the road that chords of its centre line keep [m]."""
LINES = "centre_lines"
"""Name of the layer of centre lines."""
LINESTRING_ZM = 3002
"""Code of a line with levels and measures in ISO WKB."""

Layers = dict[str, gpd.GeoDataFrame]
"""Layers by name."""

_KM = 1000.0
_NOISE = 100.0  # m; a stretch of a state shorter than this is the error of the ground
_CHANGED = "2000-01-01T00:00:00.000Z"  # written as the date of change, so that bytes repeat


def alternatives(
    found: Alternatives, rows: Sequence[Mapping[str, Any]], *, crs: CRS
) -> gpd.GeoDataFrame:
    """Rated roads as lines with levels, with the columns of their table."""
    lines = [
        LineString(np.column_stack((road.x, road.y, road.level)))
        for road in (each.corridor for each in found.rated)
    ]
    frame = gpd.GeoDataFrame(rows, geometry=lines, crs=crs)
    frame.attrs["geometry_type"] = "LineString Z"
    return frame


def layers(plan: Plan) -> Layers:
    """Every layer of a plan, in the study's reference system."""
    return {
        "existing_highway": _frame(plan, _existing(plan), "MultiLineString"),
        "lakes": _frame(plan, _lakes(plan), "MultiPolygon"),
        "dams": _frame(plan, _dams(plan), "LineString"),
        "submerged_sections": _frame(plan, _submerged(plan), "LineString"),
        "options_links": _frame(plan, _links(plan), "LineString Z"),
        "phases": _frame(plan, _phases(plan), "MultiLineString"),
        "tie_ins": _frame(plan, _tie_ins(plan), "Point"),
        "chainages": _frame(plan, _chainages(plan), "Point"),
        "places": _frame(plan, _places(plan), "Point"),
    }


def centre_lines(plan: Plan) -> dict[str, NDArray[np.float64]]:
    """
    Give the centre lines of the new roads, so dense that chords keep within a millimetre of them.

    Returns
    -------
    lines
        By name of the road: east, north, level and chainage, shape (n, 4) [m].
    """
    out = {}
    for link in plan.links:
        if link.alignment is not None:
            s = link.alignment.chords(OFF)
            xy = link.alignment.plan.poses(s)[:, :2]
            out[link.name] = np.column_stack((xy, link.alignment.grades.at(s), s))
    return out


def write(made: Layers, path: Path, lines: Mapping[str, NDArray[np.float64]] | None = None) -> None:
    """
    Write layers into one GeoPackage.

    The same layers give the same bytes. A layer without features is there, with its columns.

    Parameters
    ----------
    made
        Layers by name, the first one with a reference system; one whose `geometry_type` is None is
        a table of attributes without a geometry.
    path
        The file; must not exist.
    lines
        Centre lines by name, from `centre_lines`; written as the layer `centre_lines`, whose
        measures are chainages.
    """
    former = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": _CHANGED})
    try:
        for name, frame in made.items():
            pyogrio.write_dataframe(
                frame,
                path,
                layer=name,
                driver="GPKG",
                geometry_type=frame.attrs["geometry_type"],
                append=path.exists(),
            )
        if lines:
            crs = next(iter(made.values())).crs
            _measured(lines, path, crs)
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": former})


def _measured(lines: Mapping[str, NDArray[np.float64]], path: Path, crs: CRS) -> None:
    """Write lines with levels and measures, which pyogrio knows nothing of."""
    frame = gpd.GeoDataFrame(
        {
            "link": list(lines),
            "length_m": [_m(line[-1, 3]) for line in lines.values()],
            "steps": [len(line) for line in lines.values()],
        },
        geometry=[LineString(line[[0, -1], :3]) for line in lines.values()],
        crs=crs,
    )
    pyogrio.write_dataframe(
        frame,
        path,
        layer=LINES,
        driver="GPKG",
        geometry_type="LineString Z",
        append=True,
        layer_options={"SPATIAL_INDEX": "NO"},
    )
    with closing(sqlite3.connect(path)) as base, base:
        row = base.execute(
            "SELECT srs_id FROM gpkg_geometry_columns WHERE table_name = ?", (LINES,)
        ).fetchone()
        for name, line in lines.items():
            base.execute(
                f"UPDATE {LINES} SET geom = ? WHERE link = ?",  # noqa: S608 - a constant of ours
                (_blob(line, int(row[0])), name),
            )
        every = np.vstack(list(lines.values()))
        base.execute("UPDATE gpkg_geometry_columns SET m = 1 WHERE table_name = ?", (LINES,))
        low, high = every.min(axis=0), every.max(axis=0)
        base.execute(
            "UPDATE gpkg_contents SET min_x = ?, min_y = ?, max_x = ?, max_y = ? "
            "WHERE table_name = ?",
            (*map(float, low[:2]), *map(float, high[:2]), LINES),
        )


def _blob(line: NDArray[np.float64], srs: int) -> bytes:
    """Geometry of a GeoPackage: its header without an envelope, and a line in ISO WKB."""
    header = struct.pack("<2sBBi", b"GP", 0, 1, srs)
    return header + struct.pack("<BII", 1, LINESTRING_ZM, len(line)) + line.astype("<f8").tobytes()


Record = dict[str, object]
"""A feature: columns and `geometry`."""


def _frame(plan: Plan, records: Iterator[Record], geometry_type: str) -> gpd.GeoDataFrame:
    rows = list(records)
    columns = list(rows[0]) if rows else ["name", "geometry"]
    frame = gpd.GeoDataFrame(
        {column: [row[column] for row in rows] for column in columns},
        geometry="geometry",
        crs=plan.terrain.crs,
    )
    if "phase" in frame and frame["phase"].dtype.kind == "f":
        frame["phase"] = frame["phase"].astype("Int64")  # a number, or none outside the programme
    frame.attrs["geometry_type"] = geometry_type
    return frame


# ---------------------------------------------------------------- existing road


def _existing(plan: Plan) -> Iterator[Record]:
    """Pieces of one state, dam and stage; the submerged sections decide what is dry."""
    highway, lost = plan.highway, plan.submergence
    taken = [row.section for row in lost.sections]
    whole = Section(0.0, highway.length)
    pieces = [(section, DRY, -1, -1) for section in subtract([whole], taken)]
    for row in lost.sections:
        pieces += _states(plan, row.section)
    for section, state, dam, stage in sorted(pieces):
        inside = (lost.station >= section.start) & (lost.station <= section.end)
        level = highway.level_at(np.r_[section.start, lost.station[inside], section.end])
        at = plan.reservoirs[dam].dam if dam >= 0 else None
        step = at.stages[stage] if at is not None and stage >= 0 else None
        yield {
            **_between(section),
            "state": state,
            "dam": at.name if at else None,
            "first_stage": step.name if step else None,
            "first_date": step.date.isoformat() if step else None,
            "lowest_level_m": _m(level.min()),
            "full_level_m": at.full_level_m if at else None,
            "lowest_freeboard_m": _m(level.min() - at.full_level_m) if at else None,
            "geometry": MultiLineString([highway.piece(section)]),
        }


def _states(plan: Plan, section: Section) -> list[tuple[Section, str, int, int]]:
    """
    Cut a submerged section where its state, its dam or its first stage changes.

    Stations with freeboard inside a section are counted with their neighbours, and so are
    stretches shorter than the error of the ground.
    """
    lost = plan.submergence
    index = np.flatnonzero((lost.station >= section.start) & (lost.station <= section.end))
    wet = index[lost.first[index] >= 0]
    if not len(wet):
        return [(section, SHORT, -1, -1)]
    after = np.minimum(np.searchsorted(wet, index), len(wet) - 1)
    before = np.maximum(after - 1, 0)
    near = np.where(index - wet[before] <= wet[after] - index, wet[before], wet[after])
    keys = [
        (
            SUBMERGED if lost.level[i] < lost.full[i] else SHORT,
            int(lost.dam[i]),
            int(lost.first[i]),
        )
        for i in near
    ]
    runs = [(key, len(list(run))) for key, run in groupby(keys)]
    starts = np.cumsum([0, *(count for _, count in runs[:-1])])
    kept: list[tuple[float, tuple[str, int, int]]] = []
    for (key, count), begin in zip(runs, starts, strict=True):
        at = section.start if not kept else float(lost.station[index[begin]])
        last = float(lost.station[index[begin + count - 1]])
        if kept and (last - at < _NOISE or kept[-1][1] == key):
            continue
        kept.append((at, key))
    ends = [at for at, _ in kept[1:]] + [section.end]
    return [(Section(at, end), *key) for (at, key), end in zip(kept, ends, strict=True)]


def _submerged(plan: Plan) -> Iterator[Record]:
    for row in plan.submergence.sections:
        yield {
            **_between(row.section),
            "dam": row.dam,
            "flooded_m": _m(row.flooded_length),
            "lowest_freeboard_m": _m(row.lowest_freeboard),
            "deepest_water_m": _m(row.deepest_water),
            "probability": round(row.probability, 4),
            "expected_length_m": _m(row.expected_length),
            "first_stage": row.first_stage,
            "first_date": row.first_date.isoformat(),
            "geometry": LineString(plan.highway.piece(row.section)),
        }


# ---------------------------------------------------------------- water


def _lakes(plan: Plan) -> Iterator[Record]:
    for reservoir in plan.reservoirs:
        for lake in reservoir.lakes:
            yield {
                "dam": reservoir.dam.name,
                "stage": lake.stage.name,
                "date": lake.stage.date.isoformat(),
                "level_m": lake.stage.level_m,
                "area_km2": round(lake.area / _KM**2, 4),
                "volume_km3": round(lake.volume / _KM**3, 5),
                "geometry": MultiPolygon(_areas(lake.polygon)),
            }


def _areas(shape: BaseGeometry) -> list[shapely.Polygon]:
    """Parts of a lake; none where the stage lies below the bed."""
    return [part for part in shapely.get_parts(shape) if not part.is_empty]


def _dams(plan: Plan) -> Iterator[Record]:
    for reservoir in plan.reservoirs:
        dam = reservoir.dam
        yield {
            "name": dam.name,
            "full_level_m": dam.full_level_m,
            "minimum_level_m": dam.minimum_level_m,
            "crest_level_m": dam.crest_level_m,
            "bed_level_m": _m(reservoir.bed),
            "wall_length_m": _m(reservoir.wall.length),
            "snapped_by_m": _m(reservoir.snapped_by),
            "lake_area_km2": round(reservoir.full.area / _KM**2, 4),
            "gross_storage_km3": round(reservoir.full.volume / _KM**3, 5),
            "live_storage_km3": round(reservoir.live_volume / _KM**3, 5),
            "lake_length_km": round(reservoir.river_length / _KM, 3),
            "geometry": reservoir.wall,
        }


# ---------------------------------------------------------------- new roads


def _links(plan: Plan) -> Iterator[Record]:
    for option, link in _proposed(plan):
        phase = _carrier(plan, option, link)
        opens = plan.links_open.get(link.name) if option == plan.best else None
        opens = opens or _opens(plan, option, link) or link.opens
        opens = opens or (phase.opens if phase else None)
        whole = {
            "option": option,
            "best": option == plan.best,
            "link": link.name,
            "gap": link.gap,
            "variant": link.variant,
            "phase": phase.work.name if phase else None,
            "builder": link.builder,
            "replaces_from_km": round(link.section.start / _KM, 3),
            "replaces_to_km": round(link.section.end / _KM, 3),
            "link_length_m": _m(link.length),
            "speed_kmh": link.speed_kmh,
            "slowest_kmh": link.slowest_kmh,
            "slow_m": _m(link.slow_m),
            "steepest_pct": round(link.steepest * 100, 2),
            "deadline_date": _iso(_deadline(plan, link.section)),
            "open_date": _iso(opens),
            **_costs(plan, link.cost),
            "breaches": "; ".join(link.breaches),
        }
        for number, (first, last, form) in enumerate(_runs(link.form), start=1):
            part = slice(first, last + 1)
            height = link.level[part] - link.ground[part]
            line = np.column_stack((link.x[part], link.y[part], link.level[part]))
            yield {
                **whole,
                "part": number,
                "form": FORMS[form],
                "from_m": _m(link.station[first]),
                "to_m": _m(link.station[last]),
                "length_m": _m(link.station[last] - link.station[first]),
                "start_level_m": _m(link.level[first]),
                "end_level_m": _m(link.level[last]),
                "highest_over_ground_m": _m(height.max()),
                "deepest_under_ground_m": _m(max(-height.min(), 0.0)),
                "geometry": LineString(line),
            }


def _proposed(plan: Plan) -> Iterator[tuple[str, Link]]:
    """Links with the option they belong to, the best option first; "" for those of none."""
    for option in sorted(plan.options, key=lambda option: option.name != plan.best):
        for link in option.links:
            yield option.name, link
    used = {link.name for option in plan.options for link in option.links}
    for link in plan.links:
        if link.name not in used:
            yield "", link


def _runs(form: NDArray[np.int8]) -> list[tuple[int, int, int]]:
    """First and last station of every stretch of one form, and the form."""
    cuts = np.flatnonzero(np.diff(form)) + 1
    edges = [0, *(int(cut) for cut in cuts), len(form)]
    return [(a, b, int(form[a])) for a, b in pairwise(edges) if b > a]


def _tie_ins(plan: Plan) -> Iterator[Record]:
    """Where new roads leave and join the existing one, with the station equations there."""
    new = _new_chainages(plan)
    for option, link in _proposed(plan):
        section = new.get((option, link.name))
        for end, at, i in (("start", link.section.start, 0), ("end", link.section.end, -1)):
            fresh = None if section is None else (section.start, section.end)[i]
            equation = None
            if fresh is not None:
                back, ahead = (at, fresh) if end == "start" else (fresh, at)
                equation = f"{text(back)} back = {text(ahead)} ahead"
            yield {
                "option": option,
                "best": option == plan.best,
                "link": link.name,
                "end": end,
                "chainage": text(at),
                "chainage_km": round(at / _KM, 3),
                "new_chainage": None if fresh is None else text(fresh),
                "equation": equation,
                "level_m": _m(link.level[i]),
                "geometry": Point(link.x[i], link.y[i]),
            }


def _chainages(plan: Plan) -> Iterator[Record]:
    """Whole kilometres of new chainage, with the old one beside them."""
    new = _new_chainages(plan)
    for option, link in _proposed(plan):
        section = new.get((option, link.name))
        if section is None:
            continue
        first, last = np.ceil(section.start / _KM), np.floor(section.end / _KM)
        at = np.arange(first, last + 1) * _KM
        s = (at - section.start) / section.length * link.station[-1]
        x, y, z = (np.interp(s, link.station, line) for line in (link.x, link.y, link.level))
        old = plan.highway.chainage(x, y)[0] if at.size else at
        for i, station in enumerate(at):
            yield {
                "option": option,
                "best": option == plan.best,
                "link": link.name,
                "new_chainage": text(float(station)),
                "new_km": float(station / _KM),
                "old_chainage": text(float(old[i])),
                "level_m": _m(z[i]),
                "geometry": Point(x[i], y[i]),
            }


def _new_chainages(plan: Plan) -> dict[tuple[str, str], Section]:
    """Find the new chainages of links by option and link."""
    return {
        (option.name, link): section
        for option in plan.options
        if option.links
        for link, section in numbered(option, plan.highway.length).items()
    }


def _places(plan: Plan) -> Iterator[Record]:
    local = {place.name: place.name_ur for place in plan.study.places}
    for name, at in sorted(plan.places.items(), key=lambda item: item[1]):
        s = min(max(at, 0.0), plan.highway.length)
        yield {
            "name": name,
            "name_ur": local.get(name) or None,
            "chainage": text(s),
            "chainage_km": round(s / _KM, 3),
            "road_level_m": _m(plan.highway.level_at(s)[0]),
            "geometry": Point(plan.highway.at(s)[0]),
        }


# ---------------------------------------------------------------- phases


def _phases(plan: Plan) -> Iterator[Record]:
    for option in sorted(plan.options, key=lambda option: option.name != plan.best):
        programme = plan.programmes.get(option.name)
        if programme is None:
            continue
        dated = programme.schedule
        for phase in dated.phases + dated.outside:
            work = phase.work
            rupees = Estimate(phase.low_pkr, phase.cost_pkr, phase.high_pkr)
            yield {
                "option": option.name,
                "best": option.name == plan.best,
                "phase": phase.number if work.in_programme else None,
                "name": work.name,
                "in_programme": work.in_programme,
                "builder": work.builder,
                **_between(work.section),
                "new_m": _m(work.new_length),
                "upgrade_m": _m(work.upgrade_length),
                "bridge_m": _m(work.bridge_length),
                "tunnel_m": _m(work.tunnel_length),
                "start_date": _iso(phase.start),
                "open_date": _iso(phase.opens),
                "deadline_date": _iso(phase.deadline),
                "days_late": phase.days_late,
                **_costs(plan, rupees, of="PKR"),
                "geometry": _place_of(plan, programme, phase),
            }


def _place_of(plan: Plan, programme: Programme, phase: Phase) -> BaseGeometry:
    """Where a phase builds: its new roads, and the existing road it does not replace."""
    option = programme.option
    own = [link for link in option.links if _carrier(plan, option.name, link) is phase]
    window = Section(max(phase.work.section.start, 0.0), phase.work.section.end)
    old = clip([window], Section(0.0, plan.highway.length))
    if phase.work.new_length > 0 and own:
        lines = [np.column_stack((link.x, link.y)) for link in own]
        old = clip(option.upgraded, window) if phase.work.upgrade_length > 0 else ()
    else:
        lines = []
        old = subtract(old, [link.section for link in option.links])
    lines += [plan.highway.piece(section) for section in old]
    return MultiLineString(lines)


def _carrier(plan: Plan, option: str, link: Link) -> Phase | None:
    """Phase that builds a link: of those with new road, the one whose section it shares most."""
    programme = plan.programmes.get(option)
    if programme is None:
        return None
    dated = programme.schedule
    shared = [
        (sum(s.length for s in clip([phase.work.section], link.section)), phase)
        for phase in dated.phases + dated.outside
        if phase.work.new_length > 0
    ]
    length, phase = max(shared, key=lambda pair: pair[0], default=(0.0, None))
    return phase if length > 0 else None


def _opens(plan: Plan, option: str, link: Link) -> date | None:
    """First day of traffic on a link in the programme of an option."""
    own = plan.programmes.get(option)
    days = {each.name: each.opens for each in own.schedule.openings} if own else {}
    return days.get(link.name)


def _deadline(plan: Plan, section: Section) -> date | None:
    """Day on which filling begins to the first level that takes existing road of a section."""
    days = [row.first_date for row in plan.submergence.sections if row.section.overlaps(section)]
    return min(days, default=None)


# ---------------------------------------------------------------- columns


def _between(section: Section) -> Record:
    return {
        "from_chainage": text(section.start),
        "to_chainage": text(section.end),
        "from_km": round(section.start / _KM, 3),
        "to_km": round(section.end / _KM, 3),
        "length_m": _m(section.length),
    }


def _costs(plan: Plan, cost: Estimate, *, of: str | None = None) -> Mapping[str, object]:
    """Low, base and high in millions of dollars and of rupees."""
    money = plan.study.money
    held = of or plan.rates.currency
    out: Record = {}
    for currency in ("USD", "PKR"):
        amount = cost.times(money.exchange(currency, of=held) / 1e6)
        unit = f"m{currency.lower()}"
        out |= {
            f"cost_low_{unit}": round(amount.low, 3),
            f"cost_{unit}": round(amount.base, 3),
            f"cost_high_{unit}": round(amount.high, 3),
        }
    return out


def _m(value: float) -> float:
    """Metres to the nearest centimetre."""
    return round(float(value), 2)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
