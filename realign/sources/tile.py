"""
A raster on a server of which only the blocks that are needed lie on disk.

A cloud-optimised GeoTIFF says at its beginning where each of its blocks lies. So the beginning
comes first, then the blocks under a window, each into its place of a file with holes that is as
long as the one on the server; GDAL reads it like any other. What came stands in a small file
beside it, so that a download that broke off goes on where it ended.
"""

import json
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from rasterio.windows import Window

from realign.errors import InputError, SourceError
from realign.sources.client import AskedError, BrokenError, Client, LaterError, Reply, number
from realign.sources.files import UNREADABLE, md5, unwritable, write_text
from realign.terrain import reading

LARGEST = 512 << 20
"""Largest tile that is taken [bytes]; those of GLO-30 have some 40 MB."""

_HEAD = 1 << 16  # bytes; holds the directories of a tile of GLO-30
_NEAR = 1 << 16  # bytes; parts no farther apart come in one request
_ROUND = 2  # cells around a window, for bilinear sampling beside its edges

Span = tuple[int, int]
"""First byte, and the one behind the last."""


class WrongError(SourceError):
    """A raster is another than the one that is meant."""


@dataclass(slots=True)
class Tile:
    """A raster that is fetched in part."""

    path: Path
    """File with holes."""
    client: Client
    """Makes the requests."""
    size: int = 0
    """Length of the whole file [bytes]; 0 where it is not known yet."""
    etag: str = ""
    """What the server calls this version of it."""
    held: list[Span] = field(default_factory=list)
    """Parts on disk, in order and apart."""

    def __post_init__(self) -> None:
        """Take up what a former run left."""
        try:
            left = json.loads(self._notes.read_text("utf-8"))
            self.size, self.etag = int(left["size"]), str(left["etag"])
            self.held = [(int(a), int(b)) for a, b in left["held"]]
            whole = self.path.stat().st_size == self.size
        except UNREADABLE:
            whole = False
        if not whole:
            self.forget()

    @property
    def _notes(self) -> Path:
        return self.path.with_suffix(".json")

    def forget(self) -> None:
        """Throw away all that came."""
        self.size, self.etag, self.held = 0, "", []
        self.path.unlink(missing_ok=True)
        self._notes.unlink(missing_ok=True)

    def window(
        self,
        url: str,
        bounds: tuple[float, float, float, float],
        check: Callable[[Path], None] = lambda _: None,
    ) -> tuple[NDArray[np.float32], Affine]:
        """
        Read the levels within bounds, and fetch what is missing of them.

        Parameters
        ----------
        url
            Where the raster lies.
        bounds
            West, south, east, north in its reference system.
        check
            Refuses, by its beginning, what is not the raster that is meant.

        Returns
        -------
        z
            Levels, shape (rows, cols), NaN where it has none; empty where nothing overlaps.
        transform
            From (column, row) of the corners to coordinates.

        Raises
        ------
        SourceError
            It cannot be had; `BrokenError` where what came is no raster, or not the one that the
            server has by its checksum.
        """
        self._fetch(url, 0, _HEAD)
        try:
            check(self.path)
            for start, end in _joined(blocks(self.path, bounds, self.size), self.size):
                self._fetch(url, start, end)
            self._check_sum(url)
            return read(self.path, bounds)
        except InputError as problem:
            self.forget()
            why = without(self.path, problem)
            msg = f"{url}: what came is no raster, or a damaged one ({why})"
            raise BrokenError(msg) from problem
        except WrongError as problem:
            self.forget()
            msg = f"{url}: {problem}"
            raise BrokenError(msg) from problem

    def _fetch(self, url: str, start: int, end: int) -> None:
        """Get the bytes from `start` to `end` that are not held, each gap in a request."""
        while _gap(self.held, start, min(end, self.size or end)) is not None:
            self.client.patiently(lambda: self._fill(url, start, end))

    def _fill(self, url: str, start: int, end: int) -> None:
        """Get the first of the gaps; what comes of it is held even where it does not come whole."""
        gap = _gap(self.held, start, min(end, self.size or end))
        if gap is None:
            return
        with self.client.request(url, limit=LARGEST, span=gap) as reply:
            self._take(reply, gap[0])
        if not self.size or _gap(self.held, gap[0], min(gap[1], self.size)) is not None:
            msg = f"{url}: the answer broke off"
            raise LaterError(msg)

    def _take(self, reply: Reply, start: int) -> None:
        """Write an answer into its place, as far as it comes."""
        size = _size(reply)
        if size > LARGEST:
            msg = f"{reply.url}: found a file of {size} bytes; wanted at most {LARGEST}"
            raise AskedError(msg)
        if reply.status == 206:
            found = re.match(r"bytes ([0-9]{1,18})-", reply.headers.get("Content-Range", ""))
            if not found or int(found[1]) != start or not size:
                msg = f"{reply.url}: the answer is not the part that was asked for"
                raise BrokenError(msg)
        else:
            start = 0  # a server that knows no parts sends all
        etag = reply.headers.get("ETag", "")
        if (self.size, self.etag) != (size, etag):
            self.forget()
            if start:
                msg = f"{reply.url}: has changed since its beginning came"
                raise BrokenError(msg)
        at = start
        try:
            if not self.held:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("wb") as file:
                    file.truncate(size)
                self.size, self.etag = size, etag
            with self.path.open("rb+") as file:
                file.seek(start)
                for chunk in reply.chunks:
                    file.write(chunk)
                    at += len(chunk)
                if not size:  # nobody told how long it is
                    self.size = at
        except OSError as problem:
            raise unwritable(self.path, problem) from problem
        finally:
            self.held = _merged([*self.held, (start, at)])
            notes = {"size": self.size, "etag": self.etag, "held": self.held}
            write_text(self._notes, json.dumps(notes))

    def _check_sum(self, url: str) -> None:
        """Compare a whole file with the MD5 by which object stores name it."""
        told = self.etag.strip('"')
        if _gap(self.held, 0, self.size) is not None or not re.fullmatch(r"[0-9a-f]{32}", told):
            return
        found = md5(self.path)
        if found != told:
            self.forget()
            msg = f"{url}: found the checksum {found}; wanted {told}, as the server tells it"
            raise BrokenError(msg)


def blocks(path: Path, bounds: tuple[float, float, float, float], size: int) -> list[Span]:
    """
    Find where the blocks of a GeoTIFF under bounds lie, from its beginning.

    Where the beginning does not tell of all of them, the whole file of `size` bytes is meant.
    """
    with opened(path) as source:
        window = _window(source, bounds)
        if window is None:
            return []
        height, width = source.block_shapes[0]
        rows = range(int(window.row_off) // height, -(-_end(window)[0] // height))
        cols = range(int(window.col_off) // width, -(-_end(window)[1] // width))
        spans = []
        for row in rows:
            for col in cols:
                at, long = (
                    source.get_tag_item(f"BLOCK_{what}_{col}_{row}", "TIFF", bidx=1)
                    for what in ("OFFSET", "SIZE")
                )
                if not at or not long:
                    return [(0, size)]
                spans.append((int(at), int(at) + int(long)))
        return spans


def read(
    path: Path, bounds: tuple[float, float, float, float]
) -> tuple[NDArray[np.float32], Affine]:
    """Read the levels of a raster within bounds, as `Tile.window` gives them."""
    with opened(path) as source:
        window = _window(source, bounds)
        if window is None:
            return np.empty((0, 0), dtype=np.float32), source.transform
        z = reading.levels(source, window)
        reading.check_levels(z, path)
        return z, source.window_transform(window)


@contextmanager
def quiet() -> Iterator[None]:
    """Leave out warnings of what is checked elsewhere, and of what rasterio has to mend."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        # rasterio 1.4 multiplies transforms by `*`, which affine 3 warns of
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        yield


def opened(path: Path) -> AbstractContextManager[rasterio.DatasetReader]:
    """Open a GeoTIFF: whatever else lies there under its name is none."""
    return reading.opened(path, reading.FORMATS[:1])


def without(path: Path, problem: Exception) -> str:
    """
    Say what is the matter without the name of the file, which is told otherwise.

    Examples
    --------
    >>> without(Path("a.tif"), ValueError("a.tif: is none")), without(Path("b"), ValueError("no"))
    ('is none', 'no')
    """
    return str(problem).removeprefix(f"{path}: ")


def _window(
    source: rasterio.DatasetReader, bounds: tuple[float, float, float, float]
) -> Window | None:
    """Cells within bounds and some around; None where there are none."""
    west, south, east, north = bounds
    across, down = source.transform.a, -source.transform.e
    left, top = source.transform.c, source.transform.f
    first_col = max(int((west - left) // across) - _ROUND, 0)
    first_row = max(int((top - north) // down) - _ROUND, 0)
    last_col = min(int((east - left) // across) + 1 + _ROUND, source.width)
    last_row = min(int((top - south) // down) + 1 + _ROUND, source.height)
    if first_col >= last_col or first_row >= last_row:
        return None
    return Window(first_col, first_row, last_col - first_col, last_row - first_row)


def _end(window: Window) -> tuple[int, int]:
    return int(window.row_off + window.height), int(window.col_off + window.width)


def _size(reply: Reply) -> int:
    """Length of the whole file by the head of an answer; 0 where it does not tell."""
    if reply.status == 206:
        return number(reply.headers.get("Content-Range", "").rpartition("/")[2]) or 0
    length = number(reply.headers.get("Content-Length", "")) or 0
    return 0 if "Content-Encoding" in reply.headers else length


def _merged(spans: list[Span]) -> list[Span]:
    """
    Put parts in order and join those that touch.

    Examples
    --------
    >>> _merged([(5, 9), (0, 5), (12, 12), (20, 30)])
    [(0, 9), (20, 30)]
    """
    out: list[Span] = []
    for start, end in sorted(spans):
        if start >= end:
            continue
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _joined(spans: list[Span], size: int) -> list[Span]:
    """Join parts that are so near that one request is less work for the server than two."""
    wide = _merged([(start, min(end + _NEAR, size)) for start, end in spans])
    ends = sorted(end for _, end in spans)
    return [(a, max(end for end in ends if a < end <= b)) for a, b in wide]


def _gap(held: list[Span], start: int, end: int) -> Span | None:
    """
    First part from `start` to `end` that is not held.

    Examples
    --------
    >>> _gap([(0, 5), (8, 9)], 2, 12), _gap([(0, 5)], 2, 5)
    ((5, 8), None)
    """
    at = start
    for low, high in held:
        if low <= at < high:
            at = high
    if at >= end:
        return None
    return at, min([low for low, _ in held if low > at] + [end])
