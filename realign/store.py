"""
Results of finished stages on disk, found again by what they were made from.

A result is kept under a digest of everything that it depends on: the inputs, the settings, the
package's own code and the versions of the libraries under it. The file is a ZIP of one JSON tree
and of plain arrays; nothing in it is code, and only frozen values of this package are built from
it. A file that is broken, or that another version wrote, counts as missing. Files appear whole or
not at all, so that a run that is killed leaves nothing half written.
"""

import hashlib
import importlib
import io
import json
import math
import os
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from datetime import date
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from realign.settings import Settings

T = TypeVar("T")

MOST_BYTES = 2_000_000_000
"""Size above which the results used longest ago are removed [bytes]."""
LIBRARIES = ("numpy", "scipy", "numba", "shapely", "geopandas", "pyproj", "rasterio", "networkx")
"""Libraries whose version may change a result."""
_FORMAT = "realign.store/1"
_TREE = "tree.json"
_NEW = ".new-"  # begins the name of a file that is being written
_LEFT_S = 86_400.0  # s after which the run that was writing a file was killed
_OURS = "realign."
_FAILURES = (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError)


class Store:
    """A folder of results."""

    def __init__(self, folder: Path, *, most_bytes: int = MOST_BYTES) -> None:
        """Use a folder; it is made when the first result is kept."""
        self.folder = folder
        self.most_bytes = most_bytes

    def get(self, key: str) -> Any:
        """
        Give the result kept under a key.

        Parameters
        ----------
        key
            From `digest`.

        Returns
        -------
        result
            Equal to what was kept; None where there is none, or where its file is broken.
        """
        path = self._path(key)
        try:
            value = unpacked(path.read_bytes())
            os.utime(path)
        except _FAILURES:
            return None
        return value

    def put(self, key: str, value: object) -> bool:
        """
        Keep a result under a key.

        Returns
        -------
        kept
            False where the folder cannot be written; a run goes on without.
        """
        path = self._path(key)
        content = packed(value)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=_NEW)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            self._prune()
        except OSError:
            return False
        return True

    def kept(self, key: str, make: Callable[[], T]) -> T:
        """Give the result kept under a key, or make it and keep it."""
        found = self.get(key)
        if found is not None:
            return found  # type: ignore[no-any-return] # the key says what it is
        made = make()
        self.put(key, made)
        return made

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.zip"

    def _prune(self) -> None:
        """Remove what killed runs left, and what was used longest ago once all is too large."""
        for path in self.folder.glob(f"??/{_NEW}*"):
            with suppress(OSError):  # another run may be quicker
                if time.time() - path.stat().st_mtime > _LEFT_S:
                    path.unlink()
        found = sorted(
            ((s.st_mtime, s.st_size, p) for p in self.folder.glob("??/*.zip") if (s := p.stat())),
            reverse=True,
        )
        total = 0
        for _, size, path in found:
            total += size
            if total > self.most_bytes:
                path.unlink(missing_ok=True)


def packed(value: object) -> bytes:
    """
    Write a value as bytes, the digest of the rest in front.

    Raises
    ------
    TypeError
        The value holds something that is no frozen value of the package.
    """
    content = _written(value)
    return hashlib.sha256(content).digest() + content


def unpacked(content: bytes) -> Any:
    """
    Give the value that `packed` wrote.

    Raises
    ------
    ValueError
        The bytes are not what was written.
    """
    seal, rest = _parted(content)
    if hashlib.sha256(rest).digest() != seal:
        msg = f"found {len(content)} bytes that do not fit their digest; wanted those written"
        raise ValueError(msg)
    with zipfile.ZipFile(io.BytesIO(rest)) as file:
        return _read(file)


def digest(*parts: object) -> str:
    """
    Digest of what a result is made from, with that of the code and of the libraries.

    Parameters
    ----------
    parts
        Values that `Store.put` could keep.

    Examples
    --------
    >>> digest("corridor", 1.0) == digest("corridor", 1.0) != digest("corridor", 1.0000001)
    True
    """
    found = hashlib.sha256(code().encode())
    found.update(_written(parts, stamp=False))
    return found.hexdigest()


@cache
def code() -> str:
    """Digest of the package's own files and of the versions of the libraries."""
    found = hashlib.sha256(_FORMAT.encode())
    package = Path(__file__).parent
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".toml"} and "templates" not in path.parts:
            found.update(path.relative_to(package).as_posix().encode())
            found.update(path.read_bytes())
    for name in LIBRARIES:
        try:
            found.update(f"{name} {version(name)}".encode())
        except PackageNotFoundError:
            found.update(name.encode())
    return found.hexdigest()


# ---------------------------------------------------------------- writing


class _Writer:
    """Turns a value into a tree, objects and arrays; what is shared stays shared."""

    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.known: dict[int, Any] = {}
        self.alive: list[object] = []  # an id is free once its object is gone

    def tree(self, value: Any) -> Any:  # noqa: PLR0911 - a line a kind of value
        if value is None or type(value) in {bool, int, str}:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"f": repr(value)}
        if isinstance(value, np.generic):
            return {"n": [value.dtype.str, self.tree(value.item())]}
        if isinstance(value, np.ndarray):
            return self._once(value, self._array)
        if isinstance(value, date):
            return {"D": value.isoformat()}
        if is_dataclass(value) or isinstance(value, Settings) or hasattr(value, "_fields"):
            return self._once(value, self._object)
        if isinstance(value, tuple | list):
            return {"t" if isinstance(value, tuple) else "l": [self.tree(each) for each in value]}
        if isinstance(value, Mapping):
            return {"d": [[self.tree(key), self.tree(each)] for key, each in value.items()]}
        if isinstance(value, frozenset | set):
            return {"s": sorted((self.tree(each) for each in value), key=json.dumps)}
        msg = f"found a {type(value).__qualname__}; wanted a frozen value of the package"
        raise TypeError(msg)

    def _once(self, value: Any, write: Callable[[Any], Any]) -> Any:
        found = self.known.get(id(value))
        if found is None:
            found = write(value)
            self.known[id(value)] = found
            self.alive.append(value)
        return found

    def _array(self, value: np.ndarray[Any, Any]) -> Any:
        if value.dtype.hasobject:
            msg = "found an array of objects; wanted numbers"
            raise TypeError(msg)
        self.arrays.append(value)
        return {"a": len(self.arrays) - 1}

    def _object(self, value: Any) -> Any:
        kind = type(value)
        name = f"{kind.__module__}:{kind.__qualname__}"
        if not kind.__module__.startswith(_OURS):
            msg = f"found a {name}; wanted a value of the package"
            raise TypeError(msg)
        if isinstance(value, Settings):
            held = {key: getattr(value, key) for key in type(value).model_fields}
            given: list[str] | None = sorted(value.model_fields_set)
        else:
            names = _names(value)
            held, given = {key: getattr(value, key) for key in names}, None
        tree = {key: self.tree(each) for key, each in held.items()}
        self.objects.append([name, tree, given])
        return {"o": len(self.objects) - 1}


def _names(value: Any) -> list[str]:
    """Fields that a value is made from; what it works out itself is left out."""
    if hasattr(value, "_fields"):
        return list(value._fields)
    return [each.name for each in fields(value) if each.init]


def _written(value: object, *, stamp: bool = True) -> bytes:
    """Write a value as a ZIP; without a stamp only what makes it that value."""
    writer = _Writer()
    tree = writer.tree(value)
    head = {"format": _FORMAT, "tree": tree, "objects": writer.objects}
    text = json.dumps(head, ensure_ascii=False, separators=(",", ":")).encode()
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        _entry(file, _TREE, text)
        for number, array in enumerate(writer.arrays):
            content = io.BytesIO()
            # columns stay together where they were, since sums go along them then
            kept = array if array.flags.f_contiguous else np.ascontiguousarray(array)
            np.lib.format.write_array(content, kept, allow_pickle=False)
            _entry(file, f"{number}.npy", content.getvalue())
    return (
        stream.getvalue()
        if stamp
        else text
        + b"".join(
            str((a.dtype.str, a.shape)).encode() + np.ascontiguousarray(a).tobytes()
            for a in writer.arrays
        )
    )


def _entry(file: zipfile.ZipFile, name: str, content: bytes) -> None:
    """Add a part without the day on which it was made."""
    file.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED, 1)


# ---------------------------------------------------------------- reading


def _parted(content: bytes) -> tuple[bytes, bytes]:
    """Part the digest in front of a file from the rest."""
    size = hashlib.sha256().digest_size
    return content[:size], content[size:]


def _read(file: zipfile.ZipFile) -> Any:
    head = json.loads(file.read(_TREE))
    if head["format"] != _FORMAT:
        msg = f"format: found {head['format']}, wanted {_FORMAT}"
        raise ValueError(msg)
    return _Reader(file, head["objects"]).value(head["tree"])


class _Reader:
    """Turns a tree back into the value."""

    def __init__(self, file: zipfile.ZipFile, objects: list[Any]) -> None:
        self.file = file
        self.rows = objects
        self.objects: dict[int, Any] = {}
        self.arrays: dict[int, np.ndarray[Any, Any]] = {}

    def value(self, tree: Any) -> Any:
        if not isinstance(tree, dict):
            return tree
        ((mark, held),) = tree.items()
        return _MARKS[mark](self, held)

    def array(self, number: int) -> np.ndarray[Any, Any]:
        if number not in self.arrays:
            content = io.BytesIO(self.file.read(f"{number}.npy"))
            self.arrays[number] = np.lib.format.read_array(content, allow_pickle=False)
        return self.arrays[number]

    def object(self, number: int) -> Any:
        if number not in self.objects:
            name, tree, given = self.rows[number]
            held = {key: self.value(each) for key, each in tree.items()}
            kind = _kind(name)
            if given is None:
                self.objects[number] = kind(**held)
            else:
                self.objects[number] = kind.model_construct(_fields_set=set(given), **held)
        return self.objects[number]


def _kind(name: str) -> Any:
    """Give a class of the package by its name; nothing else is ever built."""
    module, _, qualified = name.partition(":")
    if not module.startswith(_OURS) or not qualified.isidentifier():
        msg = f"found {name}, wanted a value of the package"
        raise ValueError(msg)
    found = getattr(importlib.import_module(module), qualified)
    frozen = is_dataclass(found) or hasattr(found, "_fields")
    if not isinstance(found, type) or not (frozen or issubclass(found, Settings)):
        msg = f"found {name}, wanted a frozen value"
        raise ValueError(msg)
    return found


_MARKS: Mapping[str, Callable[[_Reader, Any], Any]] = {
    "f": lambda _, held: float(held),
    "n": lambda reader, held: np.dtype(held[0]).type(reader.value(held[1])),
    "a": lambda reader, held: reader.array(held),
    "D": lambda _, held: date.fromisoformat(held),
    "o": lambda reader, held: reader.object(held),
    "t": lambda reader, held: tuple(reader.value(each) for each in held),
    "l": lambda reader, held: [reader.value(each) for each in held],
    "d": lambda reader, held: {reader.value(key): reader.value(each) for key, each in held},
    "s": lambda reader, held: frozenset(reader.value(each) for each in held),
}
