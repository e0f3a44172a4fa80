"""A server of tiles and of OpenStreetMap on this machine, with the failures of real ones."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.transform import from_origin

from realign.sources import elevation
from realign.sources import tile as tiles
from realign.sources.client import Client, Manners

CELLS = 120
"""Cells along the side of a tile of a degree; those of GLO-30 have 3,600."""

PATIENT = Manners(interval_s=0.0, read_s=0.2, connect_s=0.2, total_s=5.0, longest_wait_s=60.0)


@dataclass(frozen=True)
class Asked:
    """A request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: str = ""

    @property
    def span(self) -> tuple[int, int] | None:
        """Bytes that were asked for: first, and the one behind the last."""
        given = self.headers.get("Range")
        if given is None:
            return None
        first, last = given.removeprefix("bytes=").split("-")
        return int(first), int(last) + 1


@dataclass
class Server:
    """What it serves, and how it fails."""

    root: Path
    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    failures: list[Callable[[BaseHTTPRequestHandler], bool]] = field(default_factory=list)
    """The first is called for a request, and stays where it says that it did not answer it."""
    ranges: bool = True
    etags: bool = True
    overpass: Callable[[str], object] = lambda _: {"elements": []}

    def serve(self, handler: BaseHTTPRequestHandler, body: str = "") -> None:
        """Answer a request."""
        self.asked.append(Asked(handler.path, dict(handler.headers.items()), body))
        if self.failures:
            fail = self.failures.pop(0)
            if fail(handler):
                return
            self.failures.insert(0, fail)
        if handler.command == "POST":
            answer = self.overpass(parse_qs(body)["data"][0])
            text = answer if isinstance(answer, str) else json.dumps(answer)
            send(handler, 200, text.encode())
            return
        path = self.root / handler.path.lstrip("/")
        if not path.is_file():
            send(handler, 404, b"<Error><Code>NoSuchKey</Code></Error>")
            return
        self.send_file(handler, path.read_bytes())

    def send_file(self, handler: BaseHTTPRequestHandler, data: bytes, *, cut: int = 0) -> None:
        """Answer with a file or the part of it that was asked for, broken off after some bytes."""
        span = self.asked[-1].span
        headers = (
            {"ETag": f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'}
            if self.etags
            else {}
        )
        if span is None or not self.ranges:
            send(handler, 200, data, headers, cut=cut)
            return
        start, end = span[0], min(span[1], len(data))
        if start >= len(data):
            send(handler, 416, b"")
            return
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{len(data)}"
        send(handler, 206, data[start:end], headers, cut=cut)


def send(
    handler: BaseHTTPRequestHandler,
    status: int,
    data: bytes,
    headers: dict[str, str] | None = None,
    *,
    cut: int = 0,
) -> None:
    """Send an answer, broken off after `cut` bytes where that is not 0."""
    handler.close_connection = True
    handler.send_response(status)
    for key, value in (headers or {}).items():
        handler.send_header(key, value)
    handler.send_header("Content-Length", str(len(data)))
    with suppress(OSError):  # the client may have gone
        handler.end_headers()
        handler.wfile.write(data[:cut] if cut else data)


def status(code: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], bool]:
    """Fail once with a code of HTTP."""

    def fail(handler: BaseHTTPRequestHandler) -> bool:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        send(handler, code, b"<html>busy</html>", named)
        return True

    return fail


@contextmanager
def running(root: Path) -> Iterator[Server]:
    """Run a server of a folder on a port of its own."""
    server = Server(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.serve(self)

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            server.serve(self, self.rfile.read(length).decode())

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def level(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ground by formula: a plane in degrees, which bilinear sampling gives back exactly."""
    return 1000.0 + 400.0 * (lon - 73.0) + 200.0 * (lat - 35.0)


def write_tile(
    root: Path,
    lon: int,
    lat: int,
    *,
    cells: int = CELLS,
    columns: int = 0,
    ground: Callable[..., NDArray[np.float64]] = level,
    noise: float = 0.0,
) -> Path:
    """
    Write a tile as the public store has it: cloud-optimised, half a cell off whole degrees.

    In the north and south it has fewer columns than rows.
    """
    tile = elevation.name(lon, lat)
    path = root / tile / f"{tile}.tif"
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = columns or cells
    side, across = 1.0 / cells, 1.0 / columns
    x = lon + across * np.arange(columns)
    y = lat + 1 - side * np.arange(cells)
    z = ground(*np.meshgrid(x, y))
    if noise:
        z = z + np.random.default_rng(1).normal(0.0, noise, z.shape)
    with (
        tiles.quiet(),
        rasterio.open(
            path,
            "w",
            driver="COG",
            width=columns,
            height=cells,
            count=1,
            dtype="float32",
            crs="EPSG:4326",
            transform=from_origin(lon - across / 2, lat + 1 + side / 2, across, side),
            compress="DEFLATE",
            predictor=3,
            blocksize=128,
            overviews="NONE",
        ) as target,
    ):
        target.write(z.astype(np.float32), 1)
    return path


def client(waits: list[float] | None = None, **manners: float) -> Client:
    """Make a client that waits for nothing, and writes down what it would have waited."""
    polite = Manners(
        **{name: getattr(PATIENT, name) for name in Manners.__dataclass_fields__} | manners
    )
    return Client("realign/test", polite, sleep=(waits if waits is not None else []).append)
