"""
Requests to public servers: polite, patient, and never without a limit of time and size.

They are made one at a time and not too fast; a server that is busy is asked again, later and
later, or when it says.
"""

import datetime as dt
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

import requests
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    wait_exponential,
    wait_random,
)

from realign.errors import SourceError
from realign.sources.files import LocalError

T = TypeVar("T")
log = logging.getLogger(__name__)

_WANTED = "wanted an address such as https://host/path, on a server that leads to such a one"
_CHUNK = 1 << 14  # bytes; a last piece that does not come whole is lost
_GONE = (404, 410)
_BUSY = (408, 425, 429, 500, 502, 503, 504)  # may be another answer later


@dataclass(frozen=True, slots=True)
class Manners:
    """How servers that cost nothing are treated."""

    interval_s: float = 1.0
    """Least time from one request to the next [s]."""
    attempts: int = 5
    """How often a request is made until it is given up."""
    unreachable: int = 3
    """How often where nobody answers at all; such a host is not asked again."""
    first_wait_s: float = 2.0
    """Wait after the first failure, which doubles with each, and as much again by chance [s]."""
    longest_wait_s: float = 300.0
    """Longest wait; a server that asks for more is not asked again [s]."""
    connect_s: float = 15.0
    """Time to reach a server [s]."""
    read_s: float = 30.0
    """Time without a byte of the answer [s]."""
    total_s: float = 1800.0
    """Time of a whole answer [s]."""


class AskedError(SourceError):
    """A server was asked in vain."""


class MissingError(AskedError):
    """The server has no such thing."""


class LaterError(AskedError):
    """The server may give another answer later."""

    def __init__(self, message: str, *, wait: float | None = None, host: str = "") -> None:
        """Keep the time that the server asks for [s], and the host where it was not reached."""
        super().__init__(message)
        self.wait, self.host = wait, host


class BrokenError(AskedError):
    """What came is not what was asked for: to be thrown away and asked for again."""


@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """The answer of a server, of which only the head is read so far."""

    url: str
    """Where it comes from."""
    status: int
    """Code of HTTP."""
    headers: Mapping[str, str]
    """Fields of its head, with names in any case."""
    chunks: Iterator[bytes]
    """Its body, piece by piece."""


class Client:
    """Makes requests, one at a time."""

    def __init__(
        self,
        agent: str,
        manners: Manners = Manners(),
        *,
        sleep: Callable[[float], None] = time.sleep,
        say: Callable[[str], None] | None = None,
    ) -> None:
        """
        Open a session.

        Parameters
        ----------
        agent
            Name and version of the program, which the servers are told.
        manners
            Rates, waits and limits.
        sleep
            Called with the seconds to wait.
        say
            Called with what goes wrong before it is tried again.
        """
        self.manners = manners
        self._sleep, self._say = sleep, say or (lambda _: None)
        self._last = -float("inf")
        self._down: set[str] = set()
        self._session = requests.Session()
        self._session.max_redirects = 5
        self._session.headers["User-Agent"] = agent

    @contextmanager
    def request(
        self,
        url: str,
        *,
        limit: int,
        span: tuple[int, int] | None = None,
        data: Mapping[str, str] | None = None,
        work: float = 0.0,
    ) -> Iterator[Reply]:
        """
        Make one request, in its turn; the reply is read within the context.

        Parameters
        ----------
        url
            Address.
        limit
            Greatest size of the body [bytes].
        span
            First byte that is wanted, and the one behind the last; all by default.
        data
            Form to post.
        work
            Time that the server may work before it answers [s].

        Raises
        ------
        MissingError
            There is no such thing there.
        LaterError
            Nobody answered, or not to the end; another attempt may do.
        AskedError
            The server refuses, or sends too much.
        """
        host = _host(url)
        if host in self._down:
            msg = f"{host}: was not reached before, and is not asked again"
            raise AskedError(msg)
        self._wait_for_turn()
        headers = {} if span is None else {"Range": f"bytes={span[0]}-{span[1] - 1}"}
        if span is not None:
            headers["Accept-Encoding"] = "identity"  # a range is one of bytes as they are stored
        with _translated(url):
            asked = self._session.request(
                "GET" if data is None else "POST",
                url,
                headers=headers,
                data=data,
                stream=True,
                timeout=(self.manners.connect_s, self.manners.read_s + work),
            )
        with asked as reply:
            _check_status(reply, self.manners)
            yield Reply(url, reply.status_code, reply.headers, self._chunks(reply, limit))

    def patiently(self, action: Callable[[], T]) -> T:
        """Repeat what raises `LaterError`, with longer and longer waits between."""
        first = self.manners.first_wait_s
        grow = wait_exponential(multiplier=first, max=self.manners.longest_wait_s)
        grow_unevenly = grow + wait_random(0, first)

        def pause(state: RetryCallState) -> float:
            problem = state.outcome.exception() if state.outcome else None
            asked = problem.wait if isinstance(problem, LaterError) else None
            return float(grow_unevenly(state)) if asked is None else asked

        def enough(state: RetryCallState) -> bool:
            problem = state.outcome.exception() if state.outcome else None
            host = problem.host if isinstance(problem, LaterError) else ""
            most = self.manners.unreachable if host else self.manners.attempts
            if host and state.attempt_number >= most:
                self._down.add(host)
            return state.attempt_number >= most

        def told(state: RetryCallState) -> None:
            problem = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            self._say(f"{problem}; again in {wait:.0f} s")

        return Retrying(
            retry=retry_if_exception_type(LaterError),
            wait=pause,
            stop=enough,
            sleep=self._sleep,
            before_sleep=told,
            reraise=True,
        )(action)

    def anywhere(self, urls: Sequence[str], action: Callable[[str], T]) -> T:
        """
        Do something with the first of several servers with which it works.

        What comes broken is asked for twice.

        Raises
        ------
        MissingError
            All of them say that they do not have it.
        AskedError
            None of them gave it; the message has a line for each.
        LocalError
            What they gave cannot be kept.
        """
        failures: list[SourceError] = []
        for url in urls:
            try:
                try:
                    return action(url)
                except BrokenError as problem:
                    self._say(f"{problem}; again")
                    return action(url)
            except LocalError:
                raise
            except SourceError as problem:
                log.info("%s", problem)
                failures.append(problem)
        lines = "\n".join(dict.fromkeys(str(problem) for problem in failures))
        if all(isinstance(problem, MissingError) for problem in failures):
            raise MissingError(lines)
        raise AskedError(lines)

    def _wait_for_turn(self) -> None:
        """Wait until the time from the last request is over."""
        left = self._last + self.manners.interval_s - time.monotonic()
        if left > 0:
            self._sleep(left)
        self._last = time.monotonic()

    def _chunks(self, reply: requests.Response, limit: int) -> Iterator[bytes]:
        """Give the body in pieces, refused where it is too long or takes too long."""
        until = time.monotonic() + self.manners.total_s
        told = number(reply.headers.get("Content-Length", ""))
        if told is not None and told > limit:
            msg = f"{reply.url}: found {told} bytes; wanted at most {limit}"
            raise AskedError(msg)
        come = 0
        # within, since a failure of requests is an OSError and looks like one of the disk outside
        with _translated(reply.url):
            for chunk in reply.iter_content(_CHUNK):
                come += len(chunk)
                if come > limit:
                    msg = f"{reply.url}: found more than {limit} bytes; wanted at most as many"
                    raise AskedError(msg)
                if time.monotonic() > until:
                    msg = f"{reply.url}: not done after {self.manners.total_s:g} s"
                    raise LaterError(msg)
                yield chunk
        if told is not None and "Content-Encoding" not in reply.headers and come != told:
            msg = f"{reply.url}: the answer broke off after {come} of {told} bytes"
            raise LaterError(msg)


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Turn failures of requests into errors that say whether to try again."""
    host = _host(url)
    try:
        yield
    except requests.Timeout as problem:
        msg = f"{url}: no answer in time"
        raise LaterError(msg, host=host) from problem
    except (
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ) as problem:
        msg = f"{url}: the answer broke off"
        raise LaterError(msg) from problem
    except requests.ConnectionError as problem:
        msg = f"{url}: cannot be reached ({_reason(problem)})"
        raise LaterError(msg, host=host) from problem
    # requests lets through what others say of an address that is none, also of one it is sent to
    except (requests.RequestException, ValueError) as problem:
        msg = f"{url}: cannot be asked ({problem}); {_WANTED}"
        raise AskedError(msg) from problem


def _host(url: str) -> str:
    """Name and port of the host of an address."""
    try:
        return urlsplit(url).netloc
    except ValueError as problem:
        msg = f"{url}: is no address ({problem}); {_WANTED}"
        raise AskedError(msg) from problem


def _check_status(reply: requests.Response, manners: Manners) -> None:
    """Refuse answers that are none."""
    status = reply.status_code
    if status in {200, 206}:
        return
    msg = f"{reply.url}: {status} {reply.reason or ''}".rstrip()
    if status in _GONE:
        raise MissingError(msg)
    if status not in _BUSY:
        raise AskedError(msg)
    wait = _retry_after(reply.headers.get("Retry-After", ""))
    if wait is not None and wait > manners.longest_wait_s:
        msg = f"{msg}: asks to come back in {wait:.0f} s; try again then"
        raise AskedError(msg)
    raise LaterError(msg, wait=wait)


def number(given: str) -> int | None:
    """
    Read a whole number from the head of an answer; None where it is none of any use.

    Examples
    --------
    >>> number("42"), number("\N{SUPERSCRIPT TWO}"), number("9" * 400)
    (42, None, None)
    """
    return int(given) if re.fullmatch(r"[0-9]{1,18}", given) else None


def _retry_after(given: str) -> float | None:
    """
    Seconds to wait by the field `Retry-After`, a number or a date; None where it says nothing.

    Examples
    --------
    >>> _retry_after("7"), _retry_after("Wed, 21 Oct 2015 07:28:00 GMT"), _retry_after("soon")
    (7.0, 0.0, None)
    """
    seconds = number(given.strip())
    if seconds is not None:
        return float(seconds)
    try:
        until = parsedate_to_datetime(given)
    except (ValueError, OverflowError):  # a year of thirty digits
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=dt.UTC)
    return max((until - dt.datetime.now(dt.UTC)).total_seconds(), 0.0)


def _reason(problem: BaseException) -> str:
    """Say in few words what kept a connection from being made."""
    inner: object = problem.args[0] if problem.args else problem
    reason = getattr(inner, "reason", inner)
    return str(reason).split(": ", maxsplit=1)[-1][:200]
