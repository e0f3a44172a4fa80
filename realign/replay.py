"""
A run again from its manifest, and what is different then, file by file.

A manifest holds the texts of the study and of its tables, the digests of the inputs and the
versions of the libraries, so that the inputs folder is all that a replay needs besides. Seconds
differ from run to run and are left out; everything else should be the same.
"""

import csv
import json
import math
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from realign import study as studies
from realign.drowned import hashes
from realign.errors import InputError
from realign.inputs import FOREIGN, is_within
from realign.study import Study

MANIFEST = "manifest.json"
TEXTS = "texts"
"""Key of the manifest under which the texts of the study and of its tables stand, by name."""

Rows = list[list[str]]
"""Cells of a table as texts, its head first."""

_SHOWN = 60  # letters of a value that a difference shows
_TIMED = {"seconds"}  # keys that differ from run to run
_NO_CELLS: list[str] = []
_SECONDS = re.compile(
    r"<caption>Seconds a stage</caption>.*?</tbody>|\d+ seconds in all", re.DOTALL
)


def _inner(name: str) -> str:
    """Refuse a name that leads out of the folder it is in."""
    if not is_within(Path(), name):
        msg = f"found the name {name!r}; wanted one within the folder"
        raise ValueError(msg)
    return name


Word = Annotated[str, Field(min_length=1)]


class _Manifest(BaseModel, strict=True, extra="ignore"):
    """What a replay needs of a manifest."""

    kind: str = Field(alias="schema", pattern=r"^realign\.manifest/1$")
    study: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    ground: str
    texts: dict[str, str] = Field(min_length=1)
    inputs_sha256: dict[Word, str] = Field(min_length=1)
    versions: dict[Word, str] = Field(min_length=1)
    files_bytes: dict[Annotated[str, AfterValidator(_inner)], int]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the two runs do not have in common."""

    file: str
    """File, or what else differs: an input, a version."""
    what: str
    """Where first, what was there and what is there now."""

    def __str__(self) -> str:
        """Write it in a line."""
        return f"{self.file}: {self.what}"


def read(path: Path) -> dict[str, Any]:
    """
    Read a manifest that can be replayed.

    Raises
    ------
    InputError
        It cannot be read, is none, or holds no texts.
    """
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        msg = f"{path}: cannot be read ({problem}); wanted the {MANIFEST} of a run"
        raise InputError(msg) from problem
    try:
        _Manifest.model_validate(manifest)
    except ValidationError as problem:
        first = problem.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        msg = f"{path}: {key}: {first['msg']}; wanted the {MANIFEST} of a run of this version"
        raise InputError(msg) from problem
    return dict(manifest)


def restored(manifest: Mapping[str, Any], folder: Path, *, inputs: Path) -> Study:
    """
    Study of a manifest, its texts put into a folder.

    Parameters
    ----------
    manifest
        From `read`.
    folder
        Where the texts are written; empty.
    inputs
        Folder of the inputs.

    Raises
    ------
    InputError, StudyError
        A name of a text leads out of the folder, or the study is wrong.
    """
    for name, text in manifest[TEXTS].items():
        msg = f"{MANIFEST}: found the text {name!r}; wanted a file within the study's folder"
        if not is_within(folder, name):
            raise InputError(msg)
        try:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(text.encode())
        except (OSError, ValueError) as problem:  # also half a pair of UTF-16
            msg = f"{msg} ({problem})"
            raise InputError(msg) from problem
    study = studies.load(folder / next(iter(manifest[TEXTS])), inputs=inputs)
    about = study.study.model_copy(update={"ground": str(manifest["ground"])})
    return study.model_copy(update={"study": about})


def changed(manifest: Mapping[str, Any], study: Study) -> tuple[Difference, ...]:
    """Give inputs whose digests, and libraries whose versions are not those of the manifest."""
    out = []
    former, now = dict(manifest["inputs_sha256"]), hashes(study)
    for name in sorted({*former, *now}):
        if former.get(name) != now.get(name):
            which = "program" if name == "realign" else f"input {name}"
            out.append(Difference(which, _other(former.get(name), now.get(name))))
    for name, release in sorted(manifest["versions"].items()):
        if name == "python":
            continue
        try:
            own = version(name)
        except (PackageNotFoundError, ValueError):
            own = "unknown"
        if own != release:
            out.append(Difference(f"version of {name}", _other(release, own)))
    return tuple(out)


def differences(former: Path, fresh: Path) -> tuple[Difference, ...]:
    """
    Say what differs between two folders of results, once a file.

    Parameters
    ----------
    former
        Folder with the manifest that was replayed; files it does not name are left alone.
    fresh
        Folder of the replay.
    """
    names = [*_named(former), *(name for name in _named(fresh) if name not in _named(former))]
    out = []
    for name in [*names, MANIFEST]:
        one, other = former / name, fresh / name
        if not one.is_file() or not other.is_file():
            gone = "was there, and is no more" if one.is_file() else "is there, and was not"
            out.append(Difference(name, gone))
        elif one.read_bytes() != other.read_bytes():
            found = next(_found(name, one, other), None)
            if found:
                out.append(Difference(name, found))
    return tuple(out)


def _named(folder: Path) -> list[str]:
    """Files that the manifest of a folder names."""
    return list(json.loads((folder / MANIFEST).read_text(encoding="utf-8"))["files_bytes"])


def _found(name: str, one: Path, other: Path) -> Iterator[str]:
    """First thing in which two files differ, in the terms of their kind."""
    kind = Path(name).suffix
    try:
        if kind == ".csv":
            yield from _cells(_table(one), _table(other))
        elif kind == ".json":
            yield from _keys(_untimed(json.loads(one.read_text("utf-8"))),
                             _untimed(json.loads(other.read_text("utf-8"))))  # fmt: skip
        elif kind == ".gpkg":
            yield from _layers(one, other)
        elif kind == ".html":
            yield from _lines(*(_SECONDS.sub("", path.read_text("utf-8")) for path in (one, other)))
        else:
            yield from _lines(one.read_text("utf-8"), other.read_text("utf-8"))
    except UnicodeDecodeError:
        sizes = (f"{path.stat().st_size} bytes" for path in (one, other))
        yield f"holds other bytes: {' before, '.join(sizes)} now"
    except (*FOREIGN, csv.Error, sqlite3.Error) as problem:
        yield f"cannot be compared: {problem}"


def _table(path: Path) -> Rows:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _cells(rows: Rows, others: Rows) -> Iterator[str]:
    """Row and column in which two tables differ first, and how many cells do."""
    head = rows[0] if rows else []
    wrong = [
        (number, head[i] if i < len(head) else str(i + 1), a, b)
        for number, (row, now) in enumerate(zip_longest(rows, others, fillvalue=_NO_CELLS), 1)
        for i, (a, b) in enumerate(zip_longest(row, now))
        if a != b
    ]
    if wrong:
        number, column, a, b = wrong[0]
        more = f"; {len(wrong)} cells differ" if len(wrong) > 1 else ""
        yield f"line {number}, column {column}: {_other(a, b)}{more}"


def _keys(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Keys in which two documents differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in dict.fromkeys((*one, *other)):
            below = f"{at}.{key}" if at else str(key)
            if key not in one or key not in other:
                yield f"key {below}: {'was' if key in one else 'is'} there only"
            else:
                yield from _keys(one[key], other[key], below)
    elif isinstance(one, list) and isinstance(other, list):
        if len(one) != len(other):
            yield f"key {at}: was a list of {len(one)}, is one of {len(other)}"
        for number, (a, b) in enumerate(zip(one, other, strict=False), 1):
            yield from _keys(a, b, f"{at}[{number}]")
    elif one != other or type(one) is not type(other):
        yield f"key {at}: {_other(one, other)}"


def _untimed(document: Any) -> Any:
    """Leave out what differs from run to run, and the size of the report, which shows it."""
    if isinstance(document, dict):
        return {
            key: _untimed(value)
            for key, value in document.items()
            if key not in {*_TIMED, "versions", "index.html"}
        }
    return [_untimed(each) for each in document] if isinstance(document, list) else document


def _layers(one: Path, other: Path) -> Iterator[str]:
    """Layers, rows and columns in which two databases differ."""
    rows, others = _rows(one), _rows(other)
    if list(rows) != list(others):
        yield f"has the layers {', '.join(others)}, had {', '.join(rows)}"
    for name in rows:
        for found in _cells(rows[name], others.get(name, rows[name])):
            yield f"layer {name}, {found}"


def _rows(path: Path) -> dict[str, Rows]:
    """Give every table of a database by its name, geometries as hexadecimal digits."""
    out = {}
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as base:
        base.text_factory = lambda text: text.decode("utf-8", "backslashreplace")
        found = base.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        for (name,) in found.fetchall():
            if name.startswith(("rtree_", "sqlite_")):  # made from the other tables
                continue
            quoted = name.replace('"', '""')
            rows = base.execute(f'SELECT * FROM "{quoted}"')  # noqa: S608 - a name of this file
            out[name] = [[column[0] for column in rows.description]]
            out[name] += [
                [c.hex() if isinstance(c, bytes) else str(c) for c in row] for row in rows
            ]
    return out


def _lines(one: str, other: str) -> Iterator[str]:
    """Lines in which two texts differ."""
    for number, (a, b) in enumerate(zip_longest(one.splitlines(), other.splitlines()), 1):
        if a != b:
            start = _common(a or "", b or "")
            yield f"line {number}: {_other(*(t and t[start:] for t in (a, b)))}"


def _common(one: str, other: str) -> int:
    """Letters that two texts begin with, a few of them left to be shown."""
    same = next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return max(same - _SHOWN // 3, 0)


def _other(one: object, other: object) -> str:
    """Say what was and what is, and by how much numbers differ."""
    said = f"was {_short(one)}, is {_short(other)}"
    try:
        a, b = float(str(one)), float(str(other))
    except ValueError:
        return said
    if not (math.isfinite(a) and math.isfinite(b)):
        return said
    share = f", {(b - a) / abs(a):+.3%}" if a else ""
    return f"{said} ({b - a:+.6g}{share})"


def _short(value: object) -> str:
    """Write a value, cut where it is long."""
    if value is None:
        return "nothing"
    text = str(value)
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ...")
