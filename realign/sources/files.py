"""Files that are written whole or not at all, and a folder that one run at a time writes into."""

import errno
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from realign.errors import SourceError

CACHE = ".fetched"
"""Folder within the inputs with answers, parts of tiles, and what is half made."""

UNREADABLE = (
    OSError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""What is raised where a file of JSON is missing, damaged, or holds something else; `[` a hundred
thousand times is too deep."""

_LOCK = ".lock"
_SCRATCH = "scratch-"
_PART = r"^(\.[0-9]+-)+"  # the process that writes the file
_FULL = {errno.ENOSPC, errno.EDQUOT}
_ROOM = ".room"  # ends the name of what makes room for a file
_LITTLE = 1 << 16  # bytes; what a raster has besides its levels, and more


class LocalError(SourceError):
    """A file or folder of this machine is not as it has to be; no server has a part in it."""


class WriteError(LocalError):
    """A folder cannot be written, or its disk is full: nothing more can be kept there."""


def unwritable(path: Path, problem: OSError) -> WriteError:
    """Error of a file that cannot be written."""
    if problem.errno in _FULL:
        folder = next((each.parent for each in path.parents if each.name == CACHE), path.parent)
        return WriteError(
            f"{folder}: the disk is full, {_final(path)} cannot be written; wanted room for it"
        )
    return WriteError(f"{path}: cannot be written ({problem}); wanted a folder with room for it")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """
    Give a temporary file beside `path` that takes its place at the end, if all went well.

    The name keeps its ending, by which GDAL knows the format.

    Raises
    ------
    WriteError
        The folder cannot be written, or the disk is full.
    """
    part = path.with_name(f".{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        with part.open("rb+") as written:
            os.fsync(written.fileno())
        part.replace(path)
    except OSError as problem:
        raise unwritable(path, problem) from problem
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """
    Give a folder within `folder` for what a file is made from, which is gone afterwards.

    Raises
    ------
    WriteError
        The folder cannot be written, or the disk is full.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=folder) as place:
            yield Path(place)
    except OSError as problem:
        raise unwritable(folder / "what ground is made from", problem) from problem


def reserve(path: Path, size: int = 0) -> None:
    """
    Refuse a file for which there is no room, before a library meets the end of the disk.

    Parameters
    ----------
    path
        File that will be written.
    size
        Most that its content takes [bytes].

    Raises
    ------
    WriteError
        The disk is full, or soon would be.
    """
    ballast = path.with_name(f".{os.getpid()}-{path.name}{_ROOM}")
    try:
        with ballast.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size + _LITTLE)
            elif shutil.disk_usage(path.parent).free < size + _LITTLE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # noqa: TRY301 - as the disk
    except OSError as problem:
        raise unwritable(path, problem) from problem
    finally:
        ballast.unlink(missing_ok=True)


@contextmanager
def claimed(folder: Path, cache: Path, names: Collection[str]) -> Iterator[None]:
    """
    Keep other runs from a folder of inputs, and remove what killed ones left there.

    The claim ends with the process that holds it, however that ends, so whatever is half written
    belongs to nobody.

    Parameters
    ----------
    folder
        Folder of inputs.
    cache
        Folder within it that nobody but this program uses.
    names
        Files that are written into the former.

    Raises
    ------
    LocalError
        Another run holds it, or it cannot be written.
    """
    lock = FileLock(cache / _LOCK, timeout=0)
    try:
        cache.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as problem:
        msg = f"{folder}: another run is fetching into it; wait for its end"
        raise WriteError(msg) from problem
    except OSError as problem:
        raise unwritable(folder, problem) from problem
    try:
        for left in leftovers(folder, cache, names):
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink(missing_ok=True)
        yield
    except OSError as problem:
        raise unwritable(folder, problem) from problem
    finally:
        (cache / _LOCK).unlink(missing_ok=True)  # the lock looks whether its file still has a name
        lock.release()


def leftovers(folder: Path, cache: Path, names: Collection[str]) -> list[Path]:
    """List what killed runs left in a folder of inputs and its cache; nothing of the user's."""
    parts = [
        path for path in folder.glob(".*-*") if re.match(_PART, path.name) and _final(path) in names
    ]
    parts += [path for path in cache.rglob(".*-*") if re.match(_PART, path.name)]
    return sorted([*parts, *cache.glob(f"{_SCRATCH}*")])


def _final(path: Path) -> str:
    """Name that a file is to have, or what makes room for it."""
    return re.sub(_PART, "", path.name).removesuffix(_ROOM)


def write_text(path: Path, text: str) -> None:
    """Write text as UTF-8 with line feeds, whole or not at all."""
    with whole(path) as part:
        part.write_text(text, "utf-8", newline="\n")


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def md5(path: Path) -> str:
    """MD5 of a file, with which object stores tell what they hold; no safeguard against malice."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()
