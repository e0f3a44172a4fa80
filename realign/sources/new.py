"""
A study that is begun: a folder with a study file, places and rates, from what a user knows.

What is given stands in the file as given; everything else is an assumption that says so.
"""

import csv
import datetime as dt
import io
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from realign.errors import SourceError
from realign.sources.box import Box
from realign.sources.files import unwritable, write_text

Point = tuple[float, float]
"""Longitude and latitude [deg, WGS 84]."""

START, END, DAM = "Start", "End", "Dam axis"
"""Names of the first places of a study."""

LEVELS = (-400.0, 6000.0)
"""Levels that the lake of a dam may have [m above datum]: from the lowest dry land to far above
where highways run; anything else is a slip, or feet."""

DRAWDOWN, ABOVE = 20.0, 10.0
"""Minimum level below full level, and crest above it, where they are not known [m]; assumptions."""

WET = (5, 7)
"""Years from the first year of works to the partial and the full lake; an assumption."""

PLACES, RATES = "places.csv", "rates.csv"
"""Tables of a study beside its file."""

_UNFINISHED = ".new"  # folder within a study that is being written
_APART = 0.002  # degrees, some 200 m; ends that are nearer to each other are one point


@dataclass(frozen=True, slots=True)
class Begun:
    """What a user knows of a study before there is one."""

    name: str
    """Short name: small letters, digits, - and _."""
    box: Box
    """Region of which inputs are wanted."""
    dam: Point
    """Axis of the dam, in the middle of the river."""
    level: float
    """Full level of the lake [m above EGM2008]."""
    start: Point
    """Where the highway begins."""
    end: Point
    """Where it ends."""
    river: str = ""
    """Name of the river, or a part of it; any river where it is empty."""

    def __post_init__(self) -> None:
        """Refuse what cannot be meant, all of it at once."""
        problems = []
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]*", self.name):
            problems.append(
                f"NAME: found {self.name!r}; wanted small letters, digits, - and _, such as kkh"
            )
        for option, (lon, lat) in (
            ("--dam", self.dam),
            ("--from", self.start),
            ("--to", self.end),
        ):
            if self.box.holds(lon, lat):
                continue
            swapped = " (latitude and longitude swapped?)" if self.box.holds(lat, lon) else ""
            problems.append(
                f"{option}: found {lon:g},{lat:g}, outside of the box {self.box}{swapped}; "
                "wanted LON,LAT inside of it"
            )
        if max(abs(a - b) for a, b in zip(self.start, self.end, strict=True)) < _APART:
            problems.append("--to: found the point of --from; wanted the other end of the highway")
        low, high = LEVELS
        if not low <= self.level <= high:
            problems.append(
                f"--level: found {self.level:g}; wanted the full level of the lake, from {low:g} "
                f"to {high:g} m above EGM2008"
            )
        if set(self.river) & set('"\\') or not self.river.isprintable():
            problems.append(
                f"--river: found {self.river!r}; wanted a name without quotes, in one line"
            )
        if problems:
            raise SourceError("\n".join(problems))


def new(begun: Begun, folder: Path, *, today: dt.date | None = None) -> Path:
    """
    Write the folder of a new study: `study.toml`, `places.csv` and `rates.csv`.

    Parameters
    ----------
    begun
        What is known.
    folder
        Where; it must be empty or not there yet.
    today
        Day from which the assumed dates are counted; today by default.

    Returns
    -------
    file
        The study file.

    Raises
    ------
    SourceError
        The folder holds something, or cannot be written.
    """
    made = folder / _UNFINISHED
    held = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if made.is_dir():  # one that was killed: what it made may be made again
        held -= {_UNFINISHED, PLACES, RATES}
    if held or (folder.exists() and not folder.is_dir()):
        found = "a folder that is not empty" if held else "a file"
        msg = f"--folder: found {folder}, {found}; wanted a new or an empty folder"
        raise SourceError(msg)
    if not str(folder).isprintable():
        msg = f"--folder: found {str(folder)!r}; wanted a name that can be written in a text"
        raise SourceError(msg)
    file = folder / "study.toml"
    begin = (today or dt.datetime.now(dt.UTC).date()).year + 1
    environment = Environment(
        loader=PackageLoader("realign.sources", "."),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - TOML, of checked names and numbers
        keep_trailing_newline=True,
    )
    text = environment.get_template("study.toml.j2").render(_fields(begun, file, begin))
    rates = (Path(__file__).parent / RATES).read_text("utf-8")
    texts = {PLACES: _places(begun), RATES: rates, file.name: text}
    before = folder.exists()
    try:
        shutil.rmtree(made, ignore_errors=True)
        for name, content in texts.items():
            write_text(made / name, content)
        for name in texts:  # the study is the last: where it stands, the others do
            (made / name).replace(folder / name)
        made.rmdir()
    except (OSError, SourceError) as problem:
        for name in texts:
            (folder / name).unlink(missing_ok=True)
        shutil.rmtree(made, ignore_errors=True)
        if not before:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(problem, OSError):
            raise unwritable(file, problem) from problem
        raise
    return file


def _fields(begun: Begun, file: Path, begin: int) -> dict[str, object]:
    """Values of the template."""
    epsg = begun.box.utm.to_epsg()
    return {
        "name": begun.name,
        "file": file.as_posix(),
        "start": START,
        "end": END,
        "dam": "Dam",
        "crs": f"EPSG:{epsg}",
        "box": ", ".join(_number(edge) for edge in begun.box.edges),
        "lon": _number(begun.dam[0]),
        "lat": _number(begun.dam[1]),
        "level": _number(begun.level),
        "minimum": _number(begun.level - DRAWDOWN),
        "crest": _number(begun.level + ABOVE),
        "drawdown": _number(DRAWDOWN),
        "above": _number(ABOVE),
        "begin": begin,
        "first_wet": begin + WET[0],
        "second_wet": begin + WET[1],
        "river": begun.river,
        "river_reason": "given to `realign new`" if begun.river else "any river will do",
    }


def _places(begun: Begun) -> str:
    """Table of places with the two ends and the axis of the dam."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("name", "lon", "lat", "name_ur", "source"))
    for name, (lon, lat) in ((START, begun.start), (DAM, begun.dam), (END, begun.end)):
        table.writerow((name, _number(lon), _number(lat), "", "given to `realign new`"))
    return text.getvalue()


def _number(value: float) -> str:
    """Write a number for TOML, to a tenth of a metre of longitude or better."""
    return f"{value:.6f}".rstrip("0").rstrip(".")
