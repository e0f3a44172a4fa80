"""
What is asked: one TOML file, checked whole, with a table for each stage.

Every table is the settings model of its stage, so the text under the fields
there is the documentation of the keys. All problems of a file are reported at
once, each with the key it is about; `document` writes all keys down.
"""

import csv
import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

import networkx as nx
from pydantic import Field, PrivateAttr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails
from pyproj import CRS, Proj
from pyproj.exceptions import CRSError, ProjError

from realign.allweather import Approach, Traffic, Weather, chainage_of
from realign.branches import Branching
from realign.conditioning import Conditioning
from realign.corridor import Choice, Layer, Rules, Variant
from realign.errors import InputError, StudyError
from realign.finance import Finance
from realign.formation import Formation
from realign.haul import Earth
from realign.hazard import Rules as Hazards
from realign.highway import Existing
from realign.inputs import WITHIN, is_within, led_out
from realign.options import DO_NOTHING, OBJECTIVES, Weighing
from realign.phasing import Pace, Task
from realign.profile import Line
from realign.rates import COLUMNS as RATES_COLUMNS
from realign.rates import ITEMS, Money
from realign.reservoir import Dam
from realign.risk import Risk
from realign.roads import Cleaning
from realign.settings import Settings
from realign.standards import codes
from realign.standards import load as load_standard
from realign.submergence import Clearance
from realign.terrain import Elevation
from realign.upgrade import Upgrading

QUANTITIES = {
    "lake_area_km2": "km2",
    "gross_storage_km3": "km3",
    "live_storage_km3": "km3",
    "lake_length_km": "km",
    "flooded_km": "km",
    "new_road_km": "km",
    "structures_pct": "%",
    "new_road_musd_per_km": "US$ m/km",
    "programme_bn_pkr": "Rs bn",
    "programme_mcny": "RMB m",
    "replay_bn_pkr": "Rs bn",
    "replay_mcny": "RMB m",
    "replay_new_road_mcny_per_km": "RMB m/km",
    "new_road_mcny_per_km": "RMB m/km",
    "share_pct": "%",
    "months_open_before": "months",
    "months_open_after": "months",
}
"""What `[[published]]` can compare, with the unit of each."""


Longitude = Annotated[float, Field(ge=-180, le=180)]
Latitude = Annotated[float, Field(ge=-90, le=90)]

_GRIDS = re.compile(r"grids|parameterfile|\+init", re.IGNORECASE)
_YEARS = (1900, 2200)
_SPAN = 60  # years from the start of works to anything that is dated
_STRETCH = 0.01
"""Share by which the study's system may stretch lengths where the study is: more than any national
or UTM grid does in its own zone."""
_QUOTED = 80
"""Letters of a wrong value that a message shows."""


class About(Settings):
    """The table `[study]`: what is asked, of which ground."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name; the folder of the results is called so."""
    title: str
    """Title of the map and the report."""
    question: str
    """What the study is to answer, in a sentence or two."""
    ground: str = ""
    """What the ground of the study's own inputs is, said wherever results of it are shown; left
    out with other inputs; empty when it is surveyed."""
    crs: str
    """Projected reference system in metres in which everything is computed, as `EPSG:32643`."""
    rates: Annotated[str, WITHIN] = "rates.csv"
    """Table of unit prices, beside the study file."""
    places: Annotated[str, WITHIN] = "places.csv"
    """Table of places by which the programme names its sections, beside the study file."""
    online_maps: bool = False
    """Whether the map offers OpenStreetMap and OpenTopoMap to switch on. Its page may then ask
    their two servers for pictures, once a reader does, and shows nothing of them without a network;
    else it may ask nobody."""

    @field_validator("crs")
    @classmethod
    def _metric(cls, value: str) -> str:
        if _GRIDS.search(value):
            msg = (
                f"found {value!r}, which names files of grids; wanted a reference system such as "
                "EPSG:32643"
            )
            raise ValueError(msg)
        try:
            crs = CRS.from_user_input(value)
        except CRSError as problem:
            msg = f"found {value!r}, wanted a reference system such as EPSG:32643 ({problem})"
            raise ValueError(msg) from problem
        if not crs.is_projected or any(axis.unit_name != "metre" for axis in crs.axis_info):
            msg = f"found {crs.name}, wanted a projected system in metres"
            raise ValueError(msg)
        return value


class Design(Settings):
    """The table `[standard]`: the code that every new road keeps."""

    code: str
    """Name of a code that comes with the package."""
    desirable_kmh: int = Field(default=60, ge=1, le=300)
    """Speed wanted wherever a road keeps the code's rules for it, above the design speed of its
    variant; no stretch is faster [km/h]."""
    zone_m: float = Field(default=2000.0, ge=1, le=1e6)
    """Least length of a stretch with one speed [m]."""

    @field_validator("code")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in codes():
            msg = f"found {value!r}, wanted one of {', '.join(codes())}"
            raise ValueError(msg)
        return value


class Rivers(Settings):
    """The table `[rivers]`: the rivers that dams stand on and roads cross."""

    file: Annotated[str, WITHIN] = "rivers.geojson"
    """Lines in the inputs folder, with a column `name`."""
    no_go: Annotated[str | None, WITHIN] = None
    """Polygons in the inputs folder that no road may touch."""


class Fetch(Settings):
    """The table `[fetch]`: what `realign fetch` asks public sources for; a run reads none of it."""

    box: tuple[Longitude, Latitude, Longitude, Latitude] | None = None
    """West, south, east and north edge of the region [deg, WGS 84]; by default that of the places
    and dams with 0.15 degrees around them."""
    highway_ref: str = ""
    """Number of the highway in OpenStreetMap, to which the way between its ends keeps; any road
    where it is empty."""
    highway_relation: int | None = Field(default=None, ge=1, le=10**12)
    """Relation of the highway in OpenStreetMap, to which the way between its ends keeps."""
    cell_m: float = Field(default=30.0, ge=1, le=10_000)
    """Side of a cell of the ground [m]."""

    @field_validator("box")
    @classmethod
    def _in_order(
        cls, value: tuple[float, float, float, float] | None
    ) -> tuple[float, float, float, float] | None:
        if value and not (value[0] < value[2] and value[1] < value[3]):
            msg = f"found {list(value)}, wanted west, south, east, north"
            raise ValueError(msg)
        return value


class Published(Settings):
    """One row of `[[published]]`: a published figure, and how close the model has to come."""

    quantity: str
    """What it is; the unit is in the name."""
    label: str
    """What it is, in words."""
    of: str
    """Dam, programme section or financier (by key) that it is about, "" for the whole."""
    value: float = Field(ge=-1e15, le=1e15)
    """Published value."""
    accepted_low: float = Field(ge=-1e15, le=1e15)
    """Lowest modelled value that agrees with it."""
    accepted_high: float = Field(ge=-1e15, le=1e15)
    """Highest modelled value that agrees with it."""
    source: str
    """Who published it, and when."""

    @model_validator(mode="after")
    def _sensible(self) -> "Published":
        if self.quantity not in QUANTITIES:
            msg = f"quantity: found {self.quantity!r}, wanted one of {', '.join(QUANTITIES)}"
            raise ValueError(msg)
        if not self.accepted_low <= self.accepted_high:
            msg = (
                f"accepted_low {self.accepted_low:g} is above accepted_high {self.accepted_high:g}"
            )
            raise ValueError(msg)
        return self


class Replay(Settings):
    """The table `[replay]`: what was announced, to be priced with the unit prices of the study."""

    upgrade_km: float = Field(default=0.0, ge=0, le=1e5)
    """Existing road that is upgraded [km]."""
    open_road_km: float = Field(default=0.0, ge=0, le=1e5)
    """New road without its bridges and tunnels, link roads with it [km]."""
    bridge_km: float = Field(default=0.0, ge=0, le=1e5)
    """Bridges [km]."""
    tunnel_km: float = Field(default=0.0, ge=0, le=1e5)
    """Tunnels [km]."""


class Place(Settings):
    """A place of the study's own table, by which sections are named."""

    name: str = Field(min_length=1)
    """Name."""
    lon: Longitude
    """Longitude [deg, WGS 84]."""
    lat: Latitude
    """Latitude [deg, WGS 84]."""
    name_ur: str = ""
    """Name in Urdu, where it is known; maps show it beside the other."""
    source: str = ""
    """Where the position comes from."""


class Study(Settings):
    """All tables of a study file."""

    study: About
    """What is asked."""
    elevation: Elevation
    """Ground."""
    fetch: Fetch = Fetch()
    """Public data."""
    conditioning: Conditioning = Conditioning()
    """What is done to the ground before anything stands on it."""
    existing: Existing
    """Road as it stands."""
    rivers: Rivers = Rivers()
    """Rivers and forbidden ground."""
    dams: tuple[Dam, ...] = Field(min_length=1)
    """Dams with their levels and dates."""
    clearance: Clearance = Clearance()
    """How far roads stay above water."""
    standard: Design
    """Code that new roads keep."""
    upgrade: Upgrading = Upgrading()
    """What standing road is brought to where it is upgraded."""
    formation: Formation = Formation()
    """Cross section of new roads."""
    corridor: Rules = Rules()
    """Where new roads are looked for."""
    alternatives: Choice = Choice()
    """How many alternatives `realign alternatives` rates, and which of them count as different."""
    profile: Line = Line()
    """How finely the grade line is laid."""
    haul: Earth = Earth()
    """What becomes of the earth."""
    hazard: Hazards = Hazards()
    """What closes a road, how often, and where galleries cover it."""
    roads: Cleaning = Cleaning()
    """Other roads of the region, where the inputs have them."""
    approaches: tuple[Approach, ...] = ()
    """Roads of the wider corridor, and detours for the time being."""
    traffic: Traffic = Traffic()
    """Who uses the road."""
    all_weather: Weather = Weather()
    """Which way has to stay open, and what protection of it costs."""
    layers: tuple[Layer, ...] = ()
    """Places that cost, are liked less, are forbidden, or are counted."""
    variants: tuple[Variant, ...] = Field(min_length=1)
    """Kinds of road looked for across every gap; each becomes an option, the first is shown first
    and compared with the published figures."""
    branches: Branching = Branching()
    """Short roads that join others, so that there is one between every sensible pair of tie-ins."""
    options: Weighing = Weighing()
    """How whole answers are found and weighed."""
    money: Money
    """Currencies and what is added on the direct cost."""
    programme: tuple[Task, ...] = Field(min_length=1)
    """Sections of the programme."""
    phasing: Pace
    """How fast the works go, and the yearly budget."""
    finance: Finance
    """Who pays."""
    risk: Risk = Field(default_factory=Risk)
    """How sure cost and dates are."""
    replay: Replay = Field(default_factory=Replay)
    """What was announced, to be priced with the unit prices of the study."""
    published: tuple[Published, ...] = ()
    """Published figures to compare with."""

    _file: Path = PrivateAttr(default=Path())
    _inputs: Path = PrivateAttr(default=Path())
    _places: tuple[Place, ...] = PrivateAttr(default=())
    _loaded: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path:
        """The study file."""
        return self._file

    @property
    def inputs(self) -> Path:
        """Folder of the inputs."""
        return self._inputs

    @property
    def rates_file(self) -> Path:
        """Table of unit prices."""
        return self._file.parent / self.study.rates

    @property
    def places(self) -> tuple[Place, ...]:
        """Places of the study's own table."""
        return self._places

    @property
    def loaded(self) -> Mapping[str, str]:
        """SHA-256 of the study file as it was loaded, by its name; empty where it was not."""
        return self._loaded

    def placed(
        self,
        file: Path,
        inputs: Path,
        places: tuple[Place, ...],
        loaded: Mapping[str, str],
    ) -> "Study":
        """Return the same study with its files where they lie on this machine."""
        out = self.model_copy()
        out._file = file  # noqa: SLF001 - the model's own private attributes
        out._inputs = inputs  # noqa: SLF001
        out._places = places  # noqa: SLF001
        out._loaded = loaded  # noqa: SLF001
        return out

    @property
    def crs(self) -> CRS:
        """Reference system in which everything is computed."""
        return CRS.from_user_input(self.study.crs)

    @model_validator(mode="after")
    def _names_fit(self) -> "Study":
        problems = []
        for table, names in (
            ("dams", [dam.name for dam in self.dams]),
            ("layers", [layer.name for layer in self.layers]),
            ("variants", [variant.name for variant in self.variants]),
            ("programme", [task.name for task in self.programme]),
            ("approaches", [road.name for road in self.approaches]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            problems += [f"{table}: the name {name!r} stands twice" for name in twice]
            if DO_NOTHING in names:
                problems.append(
                    f"{table}: found the name {DO_NOTHING!r}, which is the option in which nothing "
                    "is built; wanted another"
                )
        speeds = [(f"variants[{each.name}]", each.speed_kmh) for each in self.variants]
        for table, speed in (("upgrade", self.upgrade.speed_kmh), *speeds):
            try:
                load_standard(self.standard.code, speed)
            except StudyError as problem:
                problems.append(f"{table}.speed_kmh: {problem}")
        weighed = {objective.name for objective in OBJECTIVES}
        problems += [
            f"options.weights.{name}: unknown key, wanted one of {', '.join(sorted(weighed))}"
            for name in self.options.weights
            if name not in weighed
        ]
        ends = {place for road in self.approaches for place in (road.start, road.end)}
        problems += [
            f"all_weather.{key}: found {place!r}, wanted an end of one of the approaches"
            for key, place in (("start", self.all_weather.start), ("end", self.all_weather.end))
            if place and place not in ends | {self.existing.start_name, self.existing.end_name}
        ]
        known = {dam.name for dam in self.dams} | {task.name for task in self.programme}
        known |= {financier.key for financier in self.finance.financiers} | {""}
        known |= {road.name for road in self.approaches}
        problems += [
            f"published[{row.quantity}].of: found {row.of!r}, wanted one of {sorted(known)}"
            for row in self.published
            if row.of not in known
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self


def load(path: Path | str, *, inputs: Path | str | None = None) -> Study:
    """
    Read and check a study file with its own tables.

    Parameters
    ----------
    path
        The TOML file.
    inputs
        Folder of the inputs; `inputs` beside the study file by default.

    Returns
    -------
    study
        The study, frozen.

    Raises
    ------
    StudyError
        The file is missing, is no TOML, or has problems: the message lists
        every one on a line of its own.
    """
    path = Path(path)
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as problem:
        msg = f"{path}: cannot be read ({problem}); wanted a study file"
        raise StudyError(msg) from problem
    except (ValueError, RecursionError) as problem:  # also numbers and nests without end
        msg = f"{path}: is not valid TOML: {problem}"
        raise StudyError(msg) from problem
    problems: list[str] = []
    study = None
    try:
        study = Study.model_validate(table)
    except ValidationError as error:
        problems += [f"{path}: {line}" for e in _true(error) for line in _problem(e, table)]
    about = table.get("study")
    named = about.get("places") if isinstance(about, dict) else None
    named = named if isinstance(named, str) else "places.csv"
    places: tuple[Place, ...] = ()
    if is_within(path.parent, named):  # else that is the problem, and the file is not ours to read
        try:
            places = _read_places(path.parent / named)
        except InputError as error:
            problems += str(error).splitlines()
    problems += _unknown_places(path, table, places)
    problems += _loose_approaches(path, study.approaches if study else (), places)
    own = path.parent / "inputs"
    if study:
        problems += _links_out(path, study, Path(inputs) if inputs else own)
        problems += _stretched(path, study, places)
        problems += [f"{path}: {line}" for line in _far_days(study)]
    if problems or study is None:
        raise StudyError("\n".join(problems))
    if inputs and Path(inputs).resolve() != own.resolve():
        # what is said of the study's own ground is not said of another
        study = study.model_copy(update={"study": study.study.model_copy(update={"ground": ""})})
    study._file = path  # noqa: SLF001 - the model's own private attributes
    study._inputs = Path(inputs) if inputs else own  # noqa: SLF001
    study._places = places  # noqa: SLF001
    study._loaded = {path.name: hashlib.sha256(content).hexdigest()}  # noqa: SLF001
    return study


def _links_out(path: Path, study: Study, inputs: Path) -> list[str]:
    """Say which keys name a link that leads out of the folder it belongs to."""
    return [
        f"{path}: {key}: found {name!r}, which {problem}"
        for key, name in _files(study)
        if (problem := led_out(path.parent if key.startswith("study.") else inputs, name))
    ]


def _stretched(path: Path, study: Study, places: Sequence[Place]) -> list[str]:
    """Say where the reference system is not made for, since lengths would be wrong in silence."""
    proj = Proj(study.crs)
    where = [(each.name, each.lon, each.lat) for each in study.dams]
    where += [(each.name, each.lon, each.lat) for each in places]
    for name, lon, lat in where:
        try:
            scales = proj.get_factors(lon, lat)
        except ProjError as problem:
            return [f"{path}: study.crs: {study.study.crs} has no place for {name} ({problem})"]
        wrong = [
            scale
            for scale in (scales.meridional_scale, scales.parallel_scale)
            if not abs(scale - 1) <= _STRETCH
        ]
        if wrong:
            zone = min(int((lon + 180) // 6) + 1, 60)
            made = (32600 if lat >= 0 else 32700) + zone
            msg = (
                f"{path}: study.crs: found {study.study.crs} ({study.crs.name}), which makes "
                f"{wrong[0]:.3g} m of a metre at {name}; wanted a system made for that place, "
                f"such as EPSG:{made}"
            )
            return [msg]
    return []


def _far_days(study: Study) -> list[str]:
    """Say which days are not of this age, or so far from the start of works that nobody plans."""
    start = study.phasing.start
    days = [*_days(study)]
    first, last = date(_YEARS[0], 1, 1), date(_YEARS[1], 1, 1)
    out = [
        f"{key}: found {day}, wanted a day from {first} to {last}"
        for key, day in days
        if not first <= day <= last
    ]
    dated = ("dams[", "phasing.", "programme[", "approaches[")
    return out or [
        f"{key}: found {day}, which is more than {_SPAN} years from phasing.start {start}"
        for key, day in days
        if key.startswith(dated) and abs(day.year - start.year) > _SPAN
    ]


def _days(table: Settings, above: str = "") -> Iterator[tuple[str, date]]:
    """Every key of the tables that is a day, with the day."""
    for key in type(table).model_fields:
        value, where = getattr(table, key), f"{above}{key}"
        if isinstance(value, date):
            yield where, value
        elif isinstance(value, Settings):
            yield from _days(value, f"{where}.")
        elif isinstance(value, tuple):
            for number, row in enumerate(value, 1):
                if isinstance(row, Settings):
                    yield from _days(row, f"{where}[{getattr(row, 'name', number)}].")


def _files(table: Settings, above: str = "") -> Iterator[tuple[str, str]]:
    """Every key of the tables that names a file, with the name."""
    for key, field in type(table).model_fields.items():
        value, where = getattr(table, key), f"{above}{key}"
        if WITHIN in field.metadata and value:
            yield where, value
        elif isinstance(value, Settings):
            yield from _files(value, f"{where}.")
        elif isinstance(value, tuple):
            for number, row in enumerate(value, 1):
                if isinstance(row, Settings):
                    yield from _files(row, f"{where}[{getattr(row, 'name', number)}].")


def _true(error: ValidationError) -> list[ErrorDetails]:
    """Leave out lists that are only too short because a row of theirs is wrong."""
    every = error.errors()
    return [
        each
        for each in every
        if each["type"] != "too_short"
        or not any(
            len(e["loc"]) > (n := len(each["loc"])) and e["loc"][:n] == each["loc"] for e in every
        )
    ]


def _problem(error: ErrorDetails, table: Mapping[str, Any]) -> list[str]:
    """One problem of pydantic's list as `key: what`, or several where one check found them."""
    key = _key(error["loc"], table)
    if error["type"] == "extra_forbidden":
        return [f"{key}: unknown key"]
    if error["type"] == "missing":
        return [f"{key}: missing"]
    given, message = error["input"], error["msg"].removeprefix("Value error, ")
    if error["type"].startswith("date"):
        message = "is no date, wanted YYYY-MM-DD"
    plain = isinstance(given, str | int | float | bool) and "found" not in message
    written = repr(given)
    written = written if len(written) <= _QUOTED else f"{written[:_QUOTED]} ..."
    found = f", found {written}" if plain else ""
    return [f"{key}: {line}{found}" if key else line for line in message.splitlines()]


def _key(loc: Sequence[str | int], table: Mapping[str, Any]) -> str:
    """Where in the file, as `dams[Dasu].stages[full].date`; rows without a name are counted."""
    out, at = "", table
    for part in loc:
        try:
            at = at[part]  # type: ignore[index] # a list where the part is a number
        except (LookupError, TypeError):
            at = {}
        if isinstance(part, int):
            name = at.get("name") if isinstance(at, dict) else None
            out += f"[{name or part + 1}]"
        else:
            out += f".{part}" if out else part
    return out


def _read_places(path: Path) -> tuple[Place, ...]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        msg = f"{path}: cannot be read ({problem}); wanted a table name,lon,lat,source"
        raise InputError(msg) from problem
    places, problems = [], []
    for number, row in enumerate(rows, start=2):
        if None in row:
            problems.append(f"{path}:{number}: found more cells than columns; wanted as many")
        known = {key: row.get(key) for key in ("name", "lon", "lat", "name_ur", "source")}
        try:
            places.append(Place.model_validate({k: v for k, v in known.items() if v is not None}))
        except ValidationError as error:
            problems += [f"{path}:{number}: {p}" for e in error.errors() for p in _problem(e, {})]
    names = [place.name for place in places]
    twice = sorted({name for name in names if names.count(name) > 1})
    problems += [f"{path}: the name {name!r} stands twice" for name in twice]
    if not rows:
        problems.append(f"{path}: is empty; wanted a table name,lon,lat,source")
    if problems:
        raise InputError("\n".join(problems))
    return tuple(places)


def _unknown_places(path: Path, table: Mapping[str, Any], places: tuple[Place, ...]) -> list[str]:
    """Say which keys name a place that the table of places does not have."""
    if not places:
        return []
    names = [place.name for place in places]
    existing, tasks = table.get("existing"), table.get("programme")
    asked: list[tuple[tuple[str | int, ...], object]] = []
    if isinstance(existing, dict):
        asked += [(("existing", key), existing.get(key)) for key in ("start_name", "end_name")]
    for i, task in enumerate(tasks if isinstance(tasks, list) else []):
        if isinstance(task, dict):
            asked += [(("programme", i, key), task.get(key)) for key in ("start", "end")]
    return [
        f"{path}: {_key(loc, table)}: found {found!r}, wanted one of {', '.join(names)}"
        for loc, found in asked
        if isinstance(found, str) and found not in names
    ]


def _loose_approaches(
    path: Path, approaches: Sequence[Approach], places: tuple[Place, ...]
) -> list[str]:
    """Say which approaches lead nowhere: no way of them comes to a place of the highway."""
    known = {place.name for place in places}
    graph = nx.Graph([(road.start, road.end) for road in approaches])
    joined = {
        name
        for part in nx.connected_components(graph)
        if any(name in known or chainage_of(name) is not None for name in part)
        for name in part
    }
    return [
        f"{path}: approaches[{road.name}]: found the ends {road.start!r} and {road.end!r}, wanted "
        "one of them, or of an approach that leads there, in the table of places"
        for road in approaches
        if known and road.start not in joined
    ]


def document() -> str:
    """
    Write down every key of a study file, from the models that read it.

    Returns
    -------
    text
        Markdown: `docs/study.md`.
    """
    tables = "\n".join(_documented(Study, ()))
    items = "\n".join(f"| `{item}` | {unit} |" for item, unit in ITEMS.items())
    kinds = "\n".join(f"| `{quantity}` | {unit} |" for quantity, unit in QUANTITIES.items())
    places = "\n".join(_rows(Place))
    columns = ", ".join(f"`{column}`" for column in RATES_COLUMNS)
    return f"""\
# Every key of a study

This page is written by `realign.study.document()` from the settings models of the stages.
Lengths and levels are metres; every other unit stands in the name of a key or in brackets.
Each table may have a table `sources` besides: a text for a key, saying where its value comes
from. A text that begins with "assumption" is one, and the report lists it.
{tables}
## The quantities of `[[published]]`

| quantity | unit |
| --- | --- |
{kinds}

## `places.csv`

One row a place, the columns in any order.

| column | value | default | meaning |
| --- | --- | --- | --- |
{places}

## `rates.csv`

One row an item, with the columns {columns}; every item once, in one currency and of one date.

| item | unit |
| --- | --- |
{items}
"""


def _documented(model: type[Settings], above: tuple[str, ...]) -> Iterator[str]:
    """Lines of every table below a model."""
    for name, field in model.model_fields.items():
        below, many = _table(field.annotation)
        if below is None:
            continue
        path = ".".join((*above, name))
        needed = "" if field.is_required() else " May be left out."
        yield f"\n## `{f'[[{path}]]' if many else f'[{path}]'}`\n"
        yield f"{_line(field.description)}{needed}\n"
        yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
        yield from _rows(below)
        yield from _documented(below, (*above, name))


def _rows(model: type[Settings]) -> Iterator[str]:
    """One line a key that is no table itself."""
    for name, field in model.model_fields.items():
        if name == "sources" or _table(field.annotation)[0] is not None:
            continue
        default = field.get_default(call_default_factory=True)
        written = "needed" if field.is_required() else _written(default)
        yield f"| `{name}` | {_values(field)} | {written} | {_line(field.description)} |"


def _table(kind: Any) -> tuple[type[Settings] | None, bool]:
    """Model of a key that is a table, and whether there are many of it."""
    inner = [each for each in get_args(kind) if isinstance(each, type)]
    if get_origin(kind) in {list, tuple} and inner and issubclass(inner[0], Settings):
        return inner[0], True
    if isinstance(kind, type) and issubclass(kind, Settings):
        return kind, False
    return None, False


_KINDS = {str: "text", float: "number", int: "whole number", bool: "true or false", date: "date"}
_PLURALS = {str: "texts", float: "numbers", int: "whole numbers", date: "dates"}
_LIMITS = {"gt": "above", "ge": "from", "lt": "below", "le": "to"}


def _values(field: FieldInfo) -> str:
    """Say what a key may hold."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return _values_of(kind)
    if get_origin(kind) is tuple and get_origin(get_args(kind)[0]) is Literal:
        return f"list of {_values_of(get_args(kind)[0])}"
    if get_origin(kind) is UnionType:
        kind = next(each for each in get_args(kind) if each is not NoneType)
    if get_origin(kind) is tuple:
        return f"list of {_PLURALS[_plain_kind(get_args(kind)[0])]}"
    if get_origin(kind) is dict:
        return f"table of {_PLURALS[_plain_kind(get_args(kind)[1])]} by name"
    limits = [
        f"{word} {getattr(rule, key):g}"
        for rule in field.metadata
        for key, word in _LIMITS.items()
        if getattr(rule, key, None) is not None
    ]
    return " ".join([_KINDS[kind], *limits]) if isinstance(kind, type) else str(kind)


def _plain_kind(kind: Any) -> Any:
    """Type of a key without what limits it."""
    return get_args(kind)[0] if get_origin(kind) is Annotated else kind


def _values_of(kind: Any) -> str:
    return " or ".join(f"`{_written_plain(value)}`" for value in get_args(kind))


def _written(value: object) -> str:
    """Write a default the way a study has it."""
    return "none" if value is None else f"`{_written_plain(value)}`"


def _written_plain(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple):
        return f"[{', '.join(map(_written_plain, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key} = {_written_plain(each)}' for key, each in value.items())}}}"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _line(description: str | None) -> str:
    return " ".join((description or "").split()).replace("|", "\\|")
