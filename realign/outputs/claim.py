"""
One run at a time writes into a folder, and takes away what killed ones left beside it.

Results are made in a hidden folder beside the target and exchanged with it at the end. A run that
is killed leaves its hidden folder behind, and if that happens between the two renames of the
exchange, the only copy of the former results is in it. The next run puts them back.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from realign.errors import OutputError

FRESH, FORMER = "fresh", "former"
"""What a hidden folder holds: the results that are made, and those that they replace."""

_MADE = "[a-z0-9_]{8}"  # what `tempfile` puts behind a prefix
_FULL = 64_000_000  # bytes left on the disk; a file of results may take as many
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


@contextmanager
def claimed(target: Path) -> Iterator[None]:
    """
    Keep other runs from a folder of results, whatever process they are in.

    The claim ends with the process that holds it, however that ends. Who holds it may claim the
    folder again.

    Raises
    ------
    OutputError
        Another run holds it, or its parent cannot be written.
    """
    place = target.parent / f".{target.name}.lock"
    lock = FileLock(place, timeout=0, is_singleton=True)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as problem:
        msg = f"{target}: another run is writing into it; wait for its end, or give another --out"
        raise OutputError(msg) from problem
    except OSError as problem:
        raise unwritable(target, problem) from problem
    try:
        if lock.lock_counter == 1:
            _tidy(target)
        yield
    finally:
        if lock.lock_counter == 1:
            place.unlink(missing_ok=True)  # the lock looks whether its file still has a name
        lock.release()


def hidden(target: Path) -> Path:
    """Make a hidden folder beside the target, which `claimed` takes away if it is left."""
    return Path(tempfile.mkdtemp(dir=target.parent, prefix=_prefix(target)))


def exchange(target: Path, folder: Path) -> None:
    """Put the fresh results of a hidden folder in the place of the former, or leave those there."""
    fresh, former = folder / FRESH, folder / FORMER
    if not target.exists():
        fresh.rename(target)
        return
    if not os.access(target, os.W_OK):
        msg = f"{target} is write-protected"
        raise PermissionError(msg)
    target.rename(former)
    try:
        fresh.rename(target)
    except OSError:
        former.rename(target)
        raise


def unwritable(target: Path, problem: Exception) -> OutputError:
    """Error of a folder that cannot be written; libraries do not tell when the disk is full."""
    msg = f"{target}: the results cannot be written there: "
    code = problem.errno if isinstance(problem, OSError) else errno.ENOSPC
    with suppress(OSError):
        free = shutil.disk_usage(target.parent).free
        if free < _FULL and code in _NO_ROOM:
            return OutputError(f"{msg}the disk is full, with {free / 1e6:.1f} MB left ({problem})")
    return OutputError(f"{msg}{problem}")


def _prefix(target: Path) -> str:
    return f".{target.name}-"


def _tidy(target: Path) -> None:
    """Put former results back that a killed run had moved away, and remove what it left."""
    for folder in sorted(target.parent.glob(f"{_escaped(_prefix(target))}*")):
        ours = re.fullmatch(re.escape(_prefix(target)) + _MADE, folder.name)
        if not ours or folder.is_symlink() or not folder.is_dir():
            continue
        if {path.name for path in folder.iterdir()} - {FRESH, FORMER}:
            continue  # not of our making
        try:
            if (folder / FORMER).exists() and not target.exists():
                (folder / FORMER).rename(target)
        except OSError as problem:
            raise unwritable(target, problem) from problem
        shutil.rmtree(folder, ignore_errors=True)


def _escaped(name: str) -> str:
    """Name in which a pattern finds nothing but itself."""
    return re.sub(r"([\[\]*?])", r"[\1]", name)
