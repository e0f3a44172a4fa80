"""
The inputs of a study from public sources: what is missing is fetched, what stands is left alone.

Ground comes from Copernicus GLO-30, everything else from OpenStreetMap. Each file is written whole
or not at all and entered in the ledger, so that the same command goes on where it ended, also
where it was killed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from realign import terrain
from realign.drowned import Tell
from realign.errors import SourceError
from realign.sources import elevation, features, ledger, overpass, roads
from realign.sources.box import Box, around
from realign.sources.client import AskedError, Client
from realign.sources.files import CACHE, LocalError, WriteError, claimed, leftovers
from realign.sources.overpass import Answer, Asker, Way
from realign.study import Study

PLACES = "places.geojson"
"""Places of the region, for the user to name sections by."""

MARGIN = 0.15
"""Around places and dams where a study names no box [deg]; some 15 km."""

_STREAMS, _BUILDINGS, _LANDUSE = "streams.geojson", "buildings.geojson", "landuse.geojson"
_COPERNICUS, _ODBL = ledger.LICENCES
_FAR = 1000.0  # m; an end of the highway farther than this from where it was given is told

WANTED = {
    "ground": "levels of the ground [m]: a GeoTIFF of one band with reference system and no-data",
    "highway": "the highway from its start to its end: lines in degrees that join to one",
    "segments": "its bridges: lines with brunnel, from_km, to_km; or leave existing.segments out",
    "roads": "other roads: lines in degrees with class, as in OpenStreetMap (may be left out)",
    "rivers": "rivers: lines in degrees with name, drawn downstream",
    "places": "places (may be left out)",
    "streams": "streams: lines in degrees (may be left out)",
    "buildings": "buildings: polygons in degrees (may be left out)",
    "landuse": "land use: polygons in degrees with class (may be left out)",
}
"""What each file holds, for whoever puts it there by hand."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Where things are asked for."""

    elevation: tuple[str, ...] = elevation.SERVERS
    """Servers of tiles, in order."""
    overpass: tuple[str, ...] = overpass.SERVERS
    """Servers of OpenStreetMap, in order."""
    tiles: Path | None = None
    """Folder of tiles, read in place of the servers."""
    sea: tuple[str, ...] = ()
    """Names of tiles that are taken as sea without asking for them."""


@dataclass(slots=True)
class Fetched:
    """What was done."""

    folder: Path
    """Folder of inputs."""
    written: list[str] = field(default_factory=list)
    """Names of files that were written."""
    stood: list[str] = field(default_factory=list)
    """Names of files that a former run had fetched."""
    own: list[str] = field(default_factory=list)
    """Names of files of the user, left as they are."""
    notes: list[str] = field(default_factory=list)
    """What is missing or was decided."""


def fetch(
    study: Study,
    client: Client,
    servers: Servers,
    *,
    box: Box | None = None,
    tell: Tell | None = None,
) -> Fetched:
    """
    Fill the inputs folder of a study.

    Parameters
    ----------
    study
        The study; its file names say what is fetched.
    client
        Makes requests.
    servers
        Where.
    box
        Region; by default that of the study.
    tell
        Called with what goes on.

    Returns
    -------
    fetched
        What was written, what stood, and what the user should know.

    Raises
    ------
    SourceError
        Something could not be had; the message says which files to put where. All else is there.
        Where there is no room for cells as small as the study wants, nothing is asked for.
        Where the folder cannot be written, or its disk is full, nothing more is asked for.
    """
    job = _Job(study, client, servers, box or _box(study), tell or (lambda _, __: None))
    return job.run()


def _box(study: Study) -> Box:
    """Region of a study: its own, or its places and dams with a margin."""
    if study.fetch.box:
        return Box(*study.fetch.box)
    points = [(place.lon, place.lat) for place in study.places]
    return around([*points, *((dam.lon, dam.lat) for dam in study.dams)], MARGIN)


class _Job:
    """One run of `fetch`."""

    def __init__(
        self, study: Study, client: Client, servers: Servers, box: Box, tell: Tell
    ) -> None:
        self.study, self.client, self.servers, self.box, self.tell = (
            study, client, servers, box, tell,
        )  # fmt: skip
        self.folder = study.inputs
        self.cache = self.folder / CACHE
        self.ledger = ledger.opened(self.folder)
        self.asker = Asker(client, servers.overpass, self.cache)
        self.names = _names(study)
        self.done = Fetched(self.folder)

    def run(self) -> Fetched:
        """Fetch what is missing, in a folder that no other run writes into."""
        if not self._waits():
            return self.done
        if self._wants("ground"):
            elevation.check_room(self.box, self.study.crs, self.study.fetch.cell_m)
        with claimed(self.folder, self.cache, self._written_names()):
            self.ledger = ledger.opened(self.folder)  # another run may have ended just before
            if self.ledger.coming:
                self.ledger.settle()
            self.done = Fetched(self.folder)
            return self._fill()

    def _waits(self) -> bool:
        """Whether anything is to be done."""
        missing = [self._wants(kind) for kinds, _ in self._parts() for kind in kinds]
        left = leftovers(self.folder, self.cache, self._written_names())
        return any(missing) or bool(self.ledger.coming or left)

    def _written_names(self) -> set[str]:
        """Names of all files that are written into the folder of inputs."""
        return {*self.names.values(), *ledger.FILES}

    def _fill(self) -> Fetched:
        """Fetch what is missing, and say at the end what could not be had."""
        failures: list[tuple[list[str], SourceError]] = []
        for kinds, make in self._parts():
            wanted = [kind for kind in kinds if self._wants(kind)]
            if not wanted:
                continue
            try:
                make(wanted)
            except WriteError as problem:
                msg = f"{problem}\nWhat was fetched stays: the same command goes on from there."
                raise WriteError(msg) from problem
            except SourceError as problem:
                left = [kind for kind in wanted if self.names[kind] not in self.done.written]
                failures.append((left, problem))
        if failures:
            raise SourceError(self._advice(failures))
        return self.done

    def _parts(self) -> Iterator[tuple[Sequence[str], Callable[[list[str]], None]]]:
        """Kinds of files that are made together, and what makes them."""
        yield ("ground",), self._ground
        yield ("highway", "segments", "roads"), self._roads
        yield ("rivers",), self._rivers
        for kind in ("places", "streams", "buildings", "landuse"):
            yield (kind,), self._rest

    def _wants(self, kind: str) -> bool:
        """Whether a file is to be made; otherwise it stands, is the user's, or is not read."""
        name = self.names.get(kind)
        if name is None:
            return False
        state = self.ledger.state(name, *self._asked(kind))
        if state == "fetched":
            self.done.stood.append(name)
        elif state == "own":
            self.done.own.append(name)
        elif kind == "segments" and self.names["highway"] in self.done.own:
            self.done.notes.append(
                f"{name} is not made, since {self.names['highway']} is yours: give its bridges, "
                "or leave existing.segments out"
            )
            return False
        return state in {"missing", "other"}

    def _asked(self, kind: str) -> tuple[str, ...]:
        """
        Tell what makes one file differ from another of its kind.

        Ground without some tiles answers the question to the servers that lack them, the second;
        others may have them.
        """
        table = self.study.fetch
        if kind == "ground":
            place = f"folder {self.servers.tiles}" if self.servers.tiles else "servers"
            whole = f"GLO-30 {self.box} {self.study.study.crs} {table.cell_m:g} m, {place}"
            asked = [whole, *(() if self.servers.tiles else self.servers.elevation)]
            asked += [f"sea {tile}" for tile in sorted(self.servers.sea)]
            return whole, " ".join(asked)
        return (self._asked_of_osm(kind),)

    def _asked_of_osm(self, kind: str) -> str:
        """Tell the same of what OpenStreetMap gives."""
        table = self.study.fetch
        if kind in {"highway", "segments"}:
            ends = " ".join(f"{lon:.6f},{lat:.6f}" for lon, lat in self._ends())
            by = table.highway_relation or table.highway_ref
            return f"OSM highway {self.box} {self.study.study.crs} {ends} {by}".strip()
        return f"OSM {kind} {self.box}"

    def _ends(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Start and end of the highway [deg]."""
        at = {place.name: (place.lon, place.lat) for place in self.study.places}
        return at[self.study.existing.start_name], at[self.study.existing.end_name]

    def _ground(self, _: list[str]) -> None:
        crs, cell = self.study.crs, self.study.fetch.cell_m
        degrees = elevation.grid(self.box, crs, cell)[1]
        made = elevation.gathered(
            self.box,
            self.cache,
            crs=crs,
            cell=cell,
            get=self._tiles(degrees),
            say=lambda text: self.tell("ground", text),
        )
        notes = [f"vertical datum {elevation.DATUM}; cells of {cell:g} m in {crs.name}"]
        notes += self._sea(made.missing)
        if made.unknown:
            notes.append(f"{made.unknown:.1%} of the cells have no level")
        name, asked = self.names["ground"], self._asked("ground")[1 if made.missing else 0]
        self.ledger.put(
            name,
            lambda part: elevation.write(part, made),
            asked=asked,
            origins=made.origins,
            licence=_COPERNICUS,
            notes=notes,
        )
        self.done.written.append(name)
        self.done.notes += [f"{self.names['ground']}: {note}" for note in notes[1:]]
        if elevation.DATUM not in self.study.elevation.vertical_datum:
            self.done.notes.append(
                f"elevation.vertical_datum says {self.study.elevation.vertical_datum!r}, and the "
                f"ground fetched is on {elevation.DATUM}: the levels of the study have to be on it"
            )

    def _tiles(self, degrees: terrain.Bounds) -> elevation.Get:
        """Give what gets tiles: from the folder or the servers, but for those named as sea."""
        folder, sea = self.servers.tiles, self.servers.sea
        get = (
            elevation.from_folder(folder, degrees, sea)
            if folder
            else elevation.from_servers(
                self.client, self.servers.elevation, self.cache / "tiles", degrees
            )
        )
        return elevation.with_sea(get, degrees, sea)

    def _sea(self, missing: Sequence[str]) -> list[str]:
        """Say which tiles are missing, and who says so."""
        named = [tile for tile in missing if tile in self.servers.sea]
        lacking = [tile for tile in missing if tile not in self.servers.sea]
        notes = []
        if named:
            notes.append(f"tiles named as sea, without ground: {', '.join(named)}")
        if lacking:
            notes.append(
                f"tiles taken as sea, without ground, since no server has them "
                f"({', '.join(self.servers.elevation)}): {', '.join(lacking)}"
            )
        return notes

    def _roads(self, wanted: list[str]) -> None:
        answer = self._answer("roads")
        ways = list(overpass.ways(answer))
        if "roads" in wanted:
            self._write("roads", roads.road_rows(ways, self.box, self.study.roads), answer)
        if not {"highway", "segments"} & set(wanted):
            return
        try:
            self._highway(wanted, ways, answer)
        except SourceError as problem:
            if not answer.broken:
                raise
            msg = f"{problem}; {answer.note}"
            raise type(problem)(msg) from problem

    def _highway(self, wanted: list[str], ways: list[Way], answer: Answer) -> None:
        table = self.study.fetch
        preferred = None
        if table.highway_relation is not None:
            members = self.asker.members(table.highway_relation)
            preferred = roads.in_relation(table.highway_relation, members, ways, self.box)
        elif table.highway_ref:
            preferred = roads.with_ref(table.highway_ref, ways)
        self.tell("roads", "the way between the two ends")
        road = roads.highway(
            ways, self._ends(), crs=self.study.crs, box=self.box, preferred=preferred
        )
        named = ledger.one_line(f"{road.name} {road.ref}") or "without a name"
        notes = [f"the way between both ends: {named}, {road.length / 1000:.1f} km"]
        notes += [
            f"the {end} of the highway lies {far:.0f} m from where it was given"
            for end, far in zip(("start", "end"), road.aside, strict=True)
            if far > _FAR
        ]
        self.done.notes += [f"{self.names['highway']}: {note}" for note in notes]
        if "highway" in wanted:
            self._write("highway", [roads.line_row(road)], answer, notes)
        if "segments" in wanted:
            self._write("segments", roads.piece_rows(road), answer)

    def _rivers(self, _: list[str]) -> None:
        answer = self._answer("rivers")
        rows = features.water_rows(overpass.ways(answer), self.box)
        self._write("rivers", rows, answer)
        asked = self.study.corridor.river.lower()
        if not any(asked in str(row["name"]).lower() for _, row in rows):
            dam = self.study.dams[0]
            near = features.nearest_name(rows, dam.lon, dam.lat)
            near = ledger.one_line(near) or "none has a name"
            self.done.notes.append(
                f"corridor.river: found no river {self.study.corridor.river!r}; the nearest to "
                f"{dam.name} with a name: {near}"
            )

    def _rest(self, wanted: list[str]) -> None:
        kind = wanted[0]
        answer = self._answer(kind)
        if kind == "places":
            rows = features.place_rows(answer)
        elif kind == "streams":
            rows = features.water_rows(overpass.ways(answer), self.box)
        else:
            key = {"buildings": "building"}.get(kind, kind)
            rows = features.area_rows(answer, self.box, key)
        if rows:
            self._write(kind, rows, answer)
        else:
            self.done.notes.append(f"{self.names[kind]}: OpenStreetMap has none in the box")

    def _answer(self, kind: str) -> Answer:
        self.tell("OpenStreetMap", kind)
        answer = self.asker.within(self.box, kind)
        if answer.broken:
            self.done.notes.append(f"OpenStreetMap, {kind}: {answer.note}")
        return answer

    def _write(
        self, kind: str, rows: Sequence[roads.Row], answer: Answer, notes: Sequence[str] = ()
    ) -> None:
        """Write and enter one file of shapes."""
        name = self.names[kind]
        self.ledger.put(
            name,
            lambda part: overpass.write(part, rows),
            asked=self._asked(kind)[0],
            origins=(answer.origin,),
            licence=_ODBL,
            notes=[*notes, *([answer.note] if answer.broken else [])],
        )
        self.done.written.append(name)

    def _advice(self, failures: Sequence[tuple[list[str], SourceError]]) -> str:
        """Say what could not be had, and what to put where instead."""
        file = self.study.file
        lines = [f"{file}: not all inputs could be fetched:"]
        told: set[str] = set()
        for kinds, problem in failures:
            names = ", ".join(self.names[kind] for kind in kinds)
            new = [line for line in str(problem).splitlines() if line not in told]
            told.update(new)
            lines += [f"  {names}: {' | '.join(new) or 'the same'}"]
        asked = [kinds for kinds, problem in failures if not isinstance(problem, LocalError)]
        if asked:
            down = any(isinstance(problem, AskedError) for _, problem in failures)
            begin = "Without a network, put" if down else "Or put"
            lines.append(f"{begin} these into {self.folder}, then realign check {file}:")
        for kinds in asked:
            lines += [f"  {self.names[kind]}: {WANTED[kind]}" for kind in kinds]
            if "ground" in kinds:
                degrees = elevation.grid(self.box, self.study.crs, self.study.fetch.cell_m)[1]
                tiles = ", ".join(f"{name}.tif" for name in elevation.names(degrees))
                lines.append(
                    f"    or put {tiles} (Copernicus GLO-30) into a folder, and give it as "
                    "--tiles FOLDER"
                )
        lines.append("What was fetched stays: the same command goes on from there.")
        return "\n".join(lines)


def _names(study: Study) -> dict[str, str]:
    """
    Name of each file that the study reads, by kind.

    Raises
    ------
    SourceError
        A name leads out of the folder of inputs, or asks for another format than is written.
    """
    layers = {layer.file for layer in study.layers}
    names = {
        "ground": study.elevation.file,
        "highway": study.existing.file,
        "segments": study.existing.segments,
        "roads": study.roads.file,
        "rivers": study.rivers.file,
        "places": PLACES,
        "streams": _STREAMS if _STREAMS in layers else None,
        "buildings": _BUILDINGS if _BUILDINGS in layers else None,
        "landuse": _LANDUSE if _LANDUSE in layers else None,
    }
    for kind, name in names.items():
        ending = ".tif" if kind == "ground" else ".geojson"
        if name is not None and (Path(name).name != name or Path(name).suffix != ending):
            msg = f"{study.file}: found {name!r} for {kind}; fetch writes NAME{ending}, no folder"
            raise SourceError(msg)
    return {kind: name for kind, name in names.items() if name is not None}
