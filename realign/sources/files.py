"""Files that are written whole or not at all."""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from realign.errors import SourceError

_LEFT_S = 86_400.0  # s after which whoever was writing was killed


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """
    Give a temporary file beside `path` that takes its place at the end, if all went well.

    The name keeps its ending, by which GDAL knows the format.

    Raises
    ------
    SourceError
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
        msg = f"{path}: cannot be written ({problem}); wanted a folder with room for it"
        raise SourceError(msg) from problem
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def scratch(path: Path) -> Iterator[Path]:
    """
    Give a folder beside `path` for what it is made from, which is gone afterwards.

    What a former run that was killed has left is removed after a day.

    Raises
    ------
    SourceError
        The folder cannot be written, or the disk is full.
    """
    begin = f".{path.name}-"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for left in path.parent.glob(f"{begin}*"):
            if time.time() - left.stat().st_mtime > _LEFT_S:
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=begin, dir=path.parent) as folder:
            yield Path(folder)
    except OSError as problem:
        msg = f"{path}: cannot be written ({problem}); wanted a folder with room for it"
        raise SourceError(msg) from problem


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
