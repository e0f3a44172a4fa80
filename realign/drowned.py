"""
The first stages: the inputs of a study are read, the lakes filled, and what they take is known.

Everything here is needed whether or not a new road is ever looked for; `plan` goes on from it.
"""

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from time import perf_counter

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from realign import conditioning, datum, highway, rates, reservoir, submergence, terrain
from realign.chainage import text
from realign.conditioning import Conditioned
from realign.corridor import Laid, Layer
from realign.errors import InputError, StudyError
from realign.highway import Highway
from realign.inputs import beside, features, moved
from realign.network import JOIN
from realign.rates import Rates
from realign.reservoir import Reservoir
from realign.study import Study
from realign.submergence import Submergence
from realign.terrain import Terrain

Tell = Callable[[str, str], None]
"""Called with the stage and what goes on in it; may raise to cancel."""

PLACE_M = 5000.0
"""A place of the study farther than this from the highway is a mistake [m]."""
_SHARED = 0.01  # share of a lake that two lakes may have in common before it is told


@dataclass(frozen=True, slots=True, eq=False)
class Drowned:
    """The first stages: what the water takes of the existing road."""

    study: Study
    """What was asked."""
    terrain: Terrain
    """Ground."""
    highway: Highway
    """Existing road."""
    rivers: gpd.GeoDataFrame
    """Rivers with a column `name`."""
    no_go: tuple[BaseGeometry, ...]
    """Ground that no road may touch."""
    layers: tuple[Laid, ...]
    """Costs, preferences, prohibitions and tracked measures of places."""
    places: Mapping[str, float]
    """Chainage of each place of the study [m]."""
    reservoirs: tuple[Reservoir, ...]
    """Lakes."""
    submergence: Submergence
    """What they take."""
    hashes: Mapping[str, str]
    """SHA-256 of every input file by name."""
    remarks: tuple[str, ...] = ()
    """What has to be known of the inputs, and what was done to them, in words."""

    def project(self, lon: float, lat: float) -> tuple[float, float]:
        """Bring a longitude and a latitude [deg, WGS 84] into the system of the study [m]."""
        x, y = Transformer.from_crs(4326, self.study.crs, always_xy=True).transform(lon, lat)
        return float(x), float(y)


class Clock:
    """Seconds of each stage, and who is told of it."""

    def __init__(self, tell: Tell | None) -> None:
        """Start with nothing timed."""
        self.seconds: dict[str, float] = {}
        self._tell = tell

    @contextmanager
    def stage(self, name: str) -> Iterator[Callable[[str], None]]:
        """Time a stage; gives a function that reports what goes on in it."""
        began = perf_counter()
        self.say(name, "")
        yield lambda detail: self.say(name, detail)
        self.seconds[name] = self.seconds.get(name, 0.0) + perf_counter() - began

    def say(self, name: str, detail: str) -> None:
        """Tell what goes on."""
        if self._tell:
            self._tell(name, detail)


def submerge(study: Study, *, tell: Tell | None = None, clock: Clock | None = None) -> Drowned:
    """
    Do the first stages: ground, water, existing road, and what is lost of it.

    Parameters
    ----------
    study
        From `study.load`.
    tell
        Called with the name of the stage and what goes on.
    clock
        Takes the seconds; a new one by default.

    Returns
    -------
    drowned
        Lakes and submerged sections.
    """
    clock = clock or Clock(tell)
    folder = study.inputs
    known = hashes(study)  # before anything is read: see `unchanged`
    with clock.stage("ground"):
        rivers = _rivers(study)
        line = _line(study)
        made = _ground(study, rivers, line)
        ground = made.terrain
    with clock.stage("highway"):
        try:
            road = highway.on_ground(line, ground, study.existing)
        except InputError as problem:
            msg = f"{problem}{_advice(study)}"
            raise InputError(msg) from problem
        places = _places(study, road)
        no_go = _polygons(study, study.rivers.no_go)
        layers = _layers(study)
    with clock.stage("reservoirs") as say:
        lakes = []
        for dam in study.dams:
            say(dam.name)
            shore = (
                reservoir.read_extent(folder / dam.extent, crs=study.crs, within=ground.bounds)
                if dam.extent
                else None
            )
            try:
                lakes.append(reservoir.fill(ground, dam, rivers, shore=shore))
            except InputError as problem:
                where = f"{study.file}: dams[{dam.name}] with {folder / study.rivers.file}"
                msg = f"{where} and {study.elevation.file}: {problem}"
                raise InputError(msg + _advice(study)) from problem
    with clock.stage("submergence"):
        lost = submergence.submerge(road, lakes, sigma=ground.sigma, clearance=study.clearance)
    return Drowned(
        study=study,
        terrain=ground,
        highway=road,
        rivers=rivers,
        no_go=no_go,
        layers=layers,
        places=places,
        reservoirs=tuple(lakes),
        submergence=lost,
        hashes=known,
        remarks=(*made.notes, *_of_road(line), *_of_lakes(lakes)),
    )


def _advice(study: Study) -> str:
    """Say what the study did to the ground that may be the matter with a lake."""
    out, margin = "", study.elevation.margin_m
    if margin is not None:
        out = f"; ground {margin:g} m about the road and the dams was read (elevation.margin_m)"
    if study.conditioning.burn:
        out += (
            "; channels were burned in (conditioning.burn): one of a side valley may now lead "
            "round a dam, which another conditioning.cell_m or a shorter bed_reach_m may mend"
        )
    return out


def _of_road(line: highway.Line) -> Iterator[str]:
    """Say where the existing road crosses itself, since a place there has two chainages."""
    where = highway.crossings(line)
    if where:
        some = ", ".join(f"{text(a)} and {text(b)}" for a, b in where[:5])
        more = f" and {len(where) - 5} more" if len(where) > 5 else ""
        yield (
            f"The existing road crosses itself, at {some}{more}: what lies there has two "
            "chainages, and the one is taken for the other."
        )


def _of_lakes(lakes: Sequence[Reservoir]) -> Iterator[str]:
    """Say how given lakes fit the ground."""
    for lake in lakes:
        if lake.extent_comparison is not None:
            name, words = lake.dam.name, lake.extent_comparison.words
            yield f"The lake of {name} is the given one ({lake.dam.extent}): {words}."
    for one, other in combinations(lakes, 2):
        shared = one.full.polygon.intersection(other.full.polygon).area
        if shared > _SHARED * min(one.full.area, other.full.area):
            yield (
                f"The lakes of {one.dam.name} and {other.dam.name} share {shared / 1e6:.2f} km² at "
                "full level, which areas and volumes of both count: one wall stands in the lake of "
                "the other."
            )


def check(study: Study) -> Rates:
    """
    Check what a study needs before anything runs: its unit prices, and that its inputs are there.

    Raises
    ------
    StudyError, InputError
        Every problem, one a line.
    """
    problems = []
    prices = None
    try:
        prices = rates.read(study.rates_file)
    except InputError as problem:
        problems.append(str(problem))
    if prices and prices.currency != study.money.currency:
        problems.append(
            f"{study.rates_file}: found prices in {prices.currency}, wanted "
            f"{study.money.currency}, as money.currency says"
        )
    for name in _inputs(study):
        path = study.inputs / name
        if path.is_dir():
            problems.append(f"{path}: found a folder; wanted one file, such as a GeoPackage")
        elif not path.is_file():
            problems.append(
                f"{path}: no such file; make it with `make data`, fetch it with `realign fetch`, "
                "or give --inputs DIR"
            )
    if problems or prices is None:
        raise InputError("\n".join(problems))
    return prices


def texts(study: Study) -> dict[str, str]:
    """
    Texts of a study and of its tables by name, the study first, from which it can be run again.

    Line ends and byte order marks are kept, so that digests stay the same.
    """
    files = (study.file, study.rates_file, study.file.parent / study.study.places)
    names = (study.file.name, study.study.rates, study.study.places)
    return {
        name: path.read_bytes().decode("utf-8") for name, path in zip(names, files, strict=True)
    }


def unchanged(given: Drowned, held: Mapping[str, str]) -> None:
    """
    Refuse inputs that were changed while they were read: nobody could say what came of which.

    Parameters
    ----------
    given
        With the digests from before they were read.
    held
        Texts of the study and of its tables, see `texts`.

    Raises
    ------
    InputError
        A file is another one now, or the study another than the one that was loaded.
    """
    study = given.study
    now = hashes(study)
    own = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in held.items()}
    other = {
        name
        for found in (now, own, study.loaded)
        for name in found
        if name != "realign" and found[name] != given.hashes.get(name)
    }
    other |= given.hashes.keys() - now.keys()
    if other:
        msg = (
            f"{study.file}: {', '.join(sorted(other))} changed while the run was reading them; "
            "wanted inputs that stay as they are: run again"
        )
        raise InputError(msg)


def hashes(study: Study) -> dict[str, str]:
    """
    SHA-256 of everything a plan depends on, by name: equal hashes, equal plan.

    The study, its tables, its inputs, and the program itself with its standards.
    """
    files = {study.file.name: study.file, study.study.rates: study.rates_file}
    files[study.study.places] = study.file.parent / study.study.places
    for name in _inputs(study):
        own = study.inputs / name
        files |= {f"inputs/{name}": own}
        if name != study.elevation.file:
            files |= {f"inputs/{near.relative_to(study.inputs)}": near for near in beside(own)}
    out = {}
    for name, file in files.items():
        if file.is_file():
            with file.open("rb") as stream:
                out[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    whole = hashlib.sha256()
    package = Path(__file__).parent
    for file in sorted((*package.rglob("*.py"), *package.rglob("*.toml"))):
        whole.update(file.relative_to(package).as_posix().encode() + file.read_bytes())
    return out | {"realign": whole.hexdigest()}


def _inputs(study: Study) -> list[str]:
    """Names of the files that a study reads from its inputs folder."""
    named = (
        study.elevation.file,
        study.existing.file,
        study.existing.segments,
        study.rivers.file,
        study.rivers.no_go,
        *(dam.extent for dam in study.dams),
        *(each.file for each in study.layers if each.required or _stands(study, each.file)),
        *(name for name in optional(study) if _stands(study, name)),
    )
    return list(dict.fromkeys(name for name in named if name))


def optional(study: Study) -> tuple[str, ...]:
    """Files of hazards and of other roads, read where the inputs folder has them."""
    table = study.hazard
    return table.landslides, table.faults, table.lakes, study.roads.file


def _stands(study: Study, name: str) -> bool:
    """Whether the inputs folder has a file."""
    return (study.inputs / name).is_file()


def _ground(study: Study, rivers: gpd.GeoDataFrame, line: highway.Line) -> Conditioned:
    """Read the ground, and do to it what the study asks."""
    file, rules = study.inputs / study.elevation.file, study.conditioning
    native = terrain.cell_of(file, crs=study.crs) if rules.burn else math.nan
    ground = terrain.read(
        file,
        crs=study.crs,
        datum=study.elevation.vertical_datum,
        sigma=study.elevation.sigma_m,
        bounds=_about(study, line),
        cell=conditioning.cell_of(rules, native),
    )
    try:
        ground = terrain.on_datum(ground, study.elevation)
        _one_datum(study, ground)
        return conditioning.conditioned(
            ground,
            rivers=list(rivers.geometry),
            road=shapely.LineString(line.xy),
            native_m=native,
            rules=rules,
        )
    except InputError as problem:
        msg = f"{study.file}: {problem}"
        raise InputError(msg) from problem


def _about(study: Study, line: highway.Line) -> terrain.Bounds | None:
    """Box of the existing road and of the dams with the margin of the study; None for all."""
    margin = study.elevation.margin_m
    if margin is None:
        return None
    onto = Transformer.from_crs(4326, study.crs, always_xy=True)
    dams = onto.transform([dam.lon for dam in study.dams], [dam.lat for dam in study.dams])
    xy = np.vstack((line.xy, np.column_stack(dams)))
    (left, bottom), (right, top) = xy.min(axis=0) - margin, xy.max(axis=0) + margin
    return float(left), float(bottom), float(right), float(top)


def _one_datum(study: Study, ground: Terrain) -> None:
    """Refuse dams whose levels are said to be on another datum than the ground."""
    for dam in study.dams:
        if not dam.vertical_datum and datum.ellipsoidal(ground.datum):
            msg = (
                f"dams[{dam.name}].vertical_datum: found none, and the ground is on "
                f"{ground.datum!r}, heights above an ellipsoid; wanted the datum of the levels of "
                "the dam, and elevation.level_datum"
            )
            raise InputError(msg)
        if not datum.same(dam.vertical_datum, ground.datum):
            msg = (
                f"dams[{dam.name}].vertical_datum: found {dam.vertical_datum!r}, and the ground is "
                f"on {ground.datum!r}; wanted one datum: say elevation.level_datum"
            )
            raise InputError(msg)


def _line(study: Study) -> highway.Line:
    """Read the existing road, from its start to its end."""
    folder, table = study.inputs, study.existing
    segments = folder / table.segments if table.segments else None
    line = highway.read(folder / table.file, crs=study.crs, segments=segments)
    start = next(place for place in study.places if place.name == table.start_name)
    xy = Transformer.from_crs(4326, study.crs, always_xy=True).transform(start.lon, start.lat)
    return highway.oriented(line, xy)


def _places(study: Study, road: Highway) -> dict[str, float]:
    """Chainage of every place; one far from the road is an error where the study uses it."""
    project = Transformer.from_crs(4326, study.crs, always_xy=True)
    x, y = project.transform([p.lon for p in study.places], [p.lat for p in study.places])
    s, off = road.chainage(np.array(x), np.array(y))
    used = {name for task in study.programme for name in (task.start, task.end)}
    far = [
        f"{study.study.places}: {place.name} lies {d / 1000:.1f} km from the highway; "
        f"wanted at most {PLACE_M / 1000:g} km"
        for place, d in zip(study.places, off, strict=True)
        if d > PLACE_M and place.name in used
    ]
    if far:
        raise InputError("\n".join(far))
    out = {
        place.name: float(v)
        for place, v, d in zip(study.places, s, off, strict=True)
        if d <= PLACE_M
    }
    backwards = [
        f"programme {task.name!r}: {task.start} at {text(out[task.start])} is not before "
        f"{task.end} at {text(out[task.end])}"
        for task in study.programme
        if out[task.start] >= out[task.end]
    ]
    if backwards:
        raise StudyError("\n".join(backwards))
    out = _apart(study, out)
    tasks = sorted(study.programme, key=lambda task: out[task.start])
    twice = [
        f"programme: {one.name!r} ends at {text(out[one.end])}, after {other.name!r} starts at "
        f"{text(out[other.start])}; wanted tasks that do not overlap, else they are paid twice"
        for one, other in pairwise(tasks)
        if out[one.end] > out[other.start]
    ]
    if twice:
        raise StudyError("\n".join(twice))
    return out


def _apart(study: Study, at: Mapping[str, float]) -> dict[str, float]:
    """
    Keep one of the places that fall on one point of the road, as those beyond its end do.

    The one that the programme uses is kept; two that it uses are an error.
    """
    tasks = [name for task in study.programme for name in (task.start, task.end)]
    first = [*tasks, study.existing.start_name, study.existing.end_name, *at]
    kept: dict[str, float] = {}
    for name in dict.fromkeys(name for name in first if name in at):
        same = [other for other, s in kept.items() if abs(s - at[name]) <= JOIN]
        if not same:
            kept[name] = at[name]
        elif name in tasks:
            msg = (
                f"{study.study.places}: found {same[0]} and {name} both at {text(at[name])}; "
                "wanted the places that the programme names apart from each other"
            )
            raise InputError(msg)
    return {name: s for name, s in at.items() if name in kept}


def layer(path: Path, study: Study, wanted: str, kinds: set[str]) -> gpd.GeoDataFrame:
    """
    Read a layer of shapes of some kinds, several in one taken apart, in the system of a study.

    Raises
    ------
    InputError
        No such file, none that can be read, an empty one, one without a reference system, or
        shapes of other kinds.
    """
    frame = features(path, wanted)
    if not isinstance(frame, gpd.GeoDataFrame) or frame.crs is None:
        msg = f"{path}: found no features with a reference system; wanted {wanted}"
        raise InputError(msg)
    if frame.geometry.isna().any():
        number = int(np.flatnonzero(frame.geometry.isna())[0]) + 1
        msg = f"{path}: feature {number} has no geometry; wanted {wanted}"
        raise InputError(msg)
    frame = moved(path, frame, study.crs).explode(ignore_index=True)
    found = set(frame.geom_type.dropna()) - kinds
    if found or frame.geometry.isna().any():
        msg = f"{path}: found {', '.join(sorted(found)) or 'no geometry'}; wanted {wanted}"
        raise InputError(msg)
    return frame


def _rivers(study: Study) -> gpd.GeoDataFrame:
    frame = layer(study.inputs / study.rivers.file, study, "lines of rivers", {"LineString"})
    if "name" not in frame.columns:
        frame["name"] = ""
    frame["name"] = frame["name"].fillna("").astype(str)
    river = study.corridor.river
    banks = any(variant.bank != "any" for variant in study.variants)
    if banks and not any(river.lower() in name.lower() for name in frame["name"]):
        names = ", ".join(sorted(set(frame["name"]) - {""})) or "none"
        msg = (
            f"{study.inputs / study.rivers.file}: found the rivers {names}; wanted one named "
            f"{river!r}, as corridor.river says, since variants ask for a bank of it"
        )
        raise InputError(msg)
    return frame[["name", "geometry"]]


def _layers(study: Study) -> tuple[Laid, ...]:
    """Layers whose files the inputs folder has; one that is required and missing is an error."""
    out = []
    for each in study.layers:
        if not each.required and not _stands(study, each.file):
            continue
        path = study.inputs / each.file
        areas = each.kind in {"preference", "prohibition"} or each.per_m is not None
        kinds = {"Polygon"} if areas else {"Polygon", "LineString"}
        frame = layer(path, study, "polygons" if areas else "lines or polygons", kinds)
        shapes = shapely.make_valid(frame.geometry.to_numpy())
        stands = ~shapely.is_empty(shapes)
        out.append(Laid(each, tuple(shapes[stands]), _classes(frame, each, path, stands)))
    return tuple(out)


def _classes(
    frame: gpd.GeoDataFrame, layer: Layer, path: Path, stands: NDArray[np.bool_]
) -> tuple[str, ...]:
    """Class of each shape of a layer by which land is listed."""
    if not layer.land_by:
        return ()
    attributes = set(frame.columns) - {frame.geometry.name}
    if layer.land_by not in attributes:
        known = ", ".join(sorted(attributes)) or "none"
        msg = f"{path}: found the attributes {known}; wanted {layer.land_by!r}, as land_by says"
        raise InputError(msg)
    values = frame[layer.land_by].astype(object)  # a column of numbers takes no words
    return tuple(values.where(values.notna(), "unknown").astype(str)[stands])


def _polygons(study: Study, name: str | None) -> tuple[BaseGeometry, ...]:
    if name is None:
        return ()
    path = study.inputs / name
    frame = layer(path, study, "polygons", {"Polygon"})
    for shape in frame.geometry:
        if shape.is_empty or not shape.is_valid:
            found = "empty" if shape.is_empty else f"wrong: {shapely.is_valid_reason(shape)}"
            msg = f"{path}: a polygon is {found}; wanted polygons that do not cross themselves"
            raise InputError(msg)
    return tuple(frame.geometry)
