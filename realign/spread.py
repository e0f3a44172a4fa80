"""
Work spread over threads, processes or a cluster, and found again where it was done before.

Stages hand over a function of the package and a list of jobs; who does them they do not know. A
job is a frozen value and holds all that its result depends on, but for the study itself, which
every machine opens by itself. What goes to another process and comes back is bytes of `store`.
"""

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import get_context, parent_process
from socket import gethostname
from threading import Lock, Thread
from typing import Any, Generic, Protocol, TypeVar

from rasterio.errors import NotGeoreferencedWarning

from realign import cluster
from realign.cluster import Cluster
from realign.errors import ClusterError, RealignError
from realign.store import Store, code, digest, packed, unpacked

J = TypeVar("J")
P = TypeVar("P")
R = TypeVar("R")
S = TypeVar("S")  # what is open
Done = Callable[[int], None]
"""Called with the number of a job that is done; may raise to cancel the others."""
_Came = Callable[[int, Any], None]
"""Called with that and with what came of it, or with the error of the package that it raised."""


@dataclass(frozen=True, slots=True)
class Head:
    """How another machine opens what is open here."""

    open: Callable[[bytes], Any]
    """Function of the package."""
    content: bytes
    """What it is given, from `store.packed`."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Under what results are kept."""

    kind: str
    """What they are."""
    keys: Sequence[object]
    """For each job all that its result depends on; values that a store could keep."""
    sure: Callable[[Any], bool] = lambda _: True
    """Whether a result is that of any machine, and so may be kept."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Results of former runs."""

    store: Store | None = None
    """Where they are kept; nothing is where None."""
    base: str = ""
    """Digest of what is open: inputs, and settings that matter."""

    def find(self, kind: str, *parts: object) -> Any:
        """Give what was kept; None where there is nothing."""
        return None if self.store is None else self.store.get(digest(kind, *parts))

    def keep(self, value: object, kind: str, *parts: object) -> None:
        """Keep a result."""
        if self.store is not None:
            self.store.put(digest(kind, *parts), value)

    def kept(self, make: Callable[[], R], kind: str, *parts: object) -> R:
        """Give what was kept, or make it and keep it."""
        found = self.find(kind, *parts)
        if found is None:
            found = make()
            self.keep(found, kind, *parts)
        return found  # type: ignore[no-any-return] # the kind says what it is


class Hands(Protocol):
    """Who works."""

    @property
    def workers(self) -> int:
        """Threads of this machine for what is not spread farther."""

    def plain(self, work: Callable[[J], R], jobs: Sequence[J], came: _Came) -> None:
        """Do work that needs its job only."""

    def there(
        self, spread: "Spread[S]", work: Callable[[S, J], R], jobs: Sequence[J], came: _Came
    ) -> None:
        """Do work that needs what is open as well."""


@dataclass(frozen=True, slots=True)
class Spread(Generic[S]):
    """Who works, on what is open, and what was done before."""

    hands: Hands
    """Who works."""
    opened: S
    """What is open on this machine."""
    head: Head | None = None
    """How another machine opens the same; needed on a cluster."""
    parts: tuple[Callable[[Any], Any], ...] = ()
    """Functions by which that became what is open, one after the other."""
    memory: Memory = field(default_factory=Memory)
    """Results of former runs."""

    @property
    def far(self) -> bool:
        """Whether other machines work."""
        return isinstance(self.hands, _Far)

    def plain(
        self,
        work: Callable[[J], R],
        jobs: Sequence[J],
        *,
        keep: Keep | None = None,
        done: Done | None = None,
    ) -> list[R | RealignError]:
        """
        Do work that needs its job only.

        Parameters
        ----------
        work
            Function of a module of the package.
        jobs
            What it is called with; values that `store.packed` takes.
        keep
            Under what results are kept and found again, if at all.
        done
            Called as jobs are done, in any order.

        Returns
        -------
        results
            In the order of the jobs; where the work raised an error of the package, that.
        """
        return self._known(partial(self.hands.plain, work), jobs, keep, done)

    def there(
        self,
        work: Callable[[S, J], R],
        jobs: Sequence[J],
        *,
        keep: Keep | None = None,
        done: Done | None = None,
    ) -> list[R | RealignError]:
        """Do work that needs what is open as well, else as `plain`."""
        if keep:
            keep = replace(keep, keys=[(self.memory.base, key) for key in keep.keys])
        return self._known(partial(self.hands.there, self, work), jobs, keep, done)

    def of(self, part: Callable[[S], P]) -> "Spread[P]":
        """Give work a part of what is open, by a function of a module of the package."""
        return Spread(self.hands, part(self.opened), self.head, (*self.parts, part), self.memory)

    def _known(
        self,
        do: Callable[[Sequence[J], _Came], None],
        jobs: Sequence[J],
        keep: Keep | None,
        done: Done | None,
    ) -> list[R | RealignError]:
        """Do what was not done before, and keep each result as it comes."""
        found: dict[int, R | RealignError] = {}
        if keep:
            known = ((n, self.memory.find(keep.kind, key)) for n, key in enumerate(keep.keys))
            found = {number: result for number, result in known if result is not None}
        missing = [number for number in range(len(jobs)) if number not in found]

        def came(place: int, result: R | RealignError) -> None:
            number = missing[place]
            found[number] = result
            if keep and not isinstance(result, RealignError) and keep.sure(result):
                self.memory.keep(result, keep.kind, keep.keys[number])
            if done:
                done(number)

        if missing:
            do([jobs[number] for number in missing], came)
        return [found[number] for number in range(len(jobs))]


def sound(results: Sequence[R | RealignError]) -> list[R]:
    """Raise the first error among results, or give them all."""
    for each in results:
        if isinstance(each, RealignError):
            raise each
    return [each for each in results if not isinstance(each, RealignError)]


# ---------------------------------------------------------------- this machine


def here(opened: S, workers: int | None = None) -> Spread[S]:
    """Spread work over threads of this machine, one a processor by default; nothing is kept."""
    return Spread(_Threads(workers or os.cpu_count() or 1), opened)


@dataclass(frozen=True, slots=True)
class _Threads:
    """Threads of this machine."""

    workers: int

    def plain(self, work: Callable[[J], R], jobs: Sequence[J], came: _Came) -> None:
        # rasterio silences this one itself, but a compiler in another thread may undo that
        with warnings.catch_warnings(), ThreadPoolExecutor(self.workers) as pool:
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            _pooled(pool, [partial(work, job) for job in jobs], came)

    def there(
        self, spread: Spread[S], work: Callable[[S, J], R], jobs: Sequence[J], came: _Came
    ) -> None:
        self.plain(partial(work, spread.opened), jobs, came)


@dataclass(frozen=True, slots=True)
class _Processes:
    """Processes of this machine for what needs its job only, and threads for the rest."""

    pool: ProcessPoolExecutor
    workers: int

    def plain(self, work: Callable[[J], R], jobs: Sequence[J], came: _Came) -> None:
        calls = [partial(_plain, code(), work, packed(job)) for job in jobs]
        try:
            _pooled(self.pool, calls, _reading(came))
        except BrokenProcessPool as problem:
            msg = (
                "scheduler: a process of this machine died, of a lack of memory perhaps; leave "
                "--scheduler out, what was found before is kept unless --no-cache was given"
            )
            raise ClusterError(msg) from problem

    def there(
        self, spread: Spread[S], work: Callable[[S, J], R], jobs: Sequence[J], came: _Came
    ) -> None:
        _Threads(self.workers).there(spread, work, jobs, came)


def end_with_parent() -> None:
    """Let a process end when that which started it is killed, instead of waiting for ever."""
    parent = parent_process()
    assert parent is not None  # noqa: S101 - it was started by one

    def wait() -> None:
        parent.join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


def _pooled(pool: Executor, calls: Sequence[Callable[[], object]], came: _Came) -> None:
    """Call functions in a pool; what is no error of the package ends all."""
    left = {pool.submit(call): number for number, call in enumerate(calls)}
    try:
        while left:
            for future in wait(left, return_when=FIRST_COMPLETED).done:
                came(left.pop(future), _result(future))
    except BaseException:
        for future in left:
            future.cancel()
        raise


def _result(future: Future[R]) -> R | RealignError:
    try:
        return future.result()
    except RealignError as refused:
        return refused


# ---------------------------------------------------------------- other machines


@dataclass(frozen=True, slots=True)
class _Far:
    """Workers of a cluster."""

    cluster: Cluster
    workers: int

    def plain(self, work: Callable[[J], R], jobs: Sequence[J], came: _Came) -> None:
        calls = [(code(), work, packed(job)) for job in jobs]
        self.cluster.each(_plain, calls, _reading(came))

    def there(
        self, spread: Spread[S], work: Callable[[S, J], R], jobs: Sequence[J], came: _Came
    ) -> None:
        calls = [(code(), spread.head, spread.parts, work, packed(job)) for job in jobs]
        self.cluster.each(_there, calls, _reading(came))


def _reading(came: _Came) -> _Came:
    """Read what another process made."""
    return lambda number, made: came(
        number, made if isinstance(made, RealignError) else unpacked(made)
    )


_OPENED: dict[str, Any] = {}
"""What a worker has open; the last one only."""
_OPENING = Lock()


def _plain(version: str, work: Callable[[J], R], job: bytes) -> bytes:
    """Do a job on a worker."""
    _same(version)
    return packed(work(unpacked(job)))


def _there(
    version: str,
    head: Head,
    parts: Sequence[Callable[[Any], Any]],
    work: Callable[[S, J], R],
    job: bytes,
) -> bytes:
    """Do a job on a worker, which opens what the job needs and keeps it open."""
    _same(version)
    key = hashlib.sha256(head.content).hexdigest()
    with _OPENING:
        if key not in _OPENED:
            _OPENED.clear()
            _OPENED[key] = _open(head)
        opened = _OPENED[key]
    for part in parts:
        opened = part(opened)
    return packed(work(opened, unpacked(job)))


def _open(head: Head) -> Any:
    try:
        return head.open(head.content)
    except RealignError as problem:
        msg = (
            f"scheduler: the worker on {gethostname()} cannot open the study: {problem}. Workers "
            "need its files and inputs under the same paths, with the same content"
        )
        raise ClusterError(msg) from problem


def _same(version: str) -> None:
    """Refuse to work for another version of the program, which would give other numbers."""
    if version != code():
        msg = (
            f"scheduler: the worker on {gethostname()} has another version of realign or of the "
            "libraries under it; install the same on all machines, and start its workers again"
        )
        raise ClusterError(msg)


@contextmanager
def hands(scheduler: str, workers: int | None = None) -> Iterator[Hands]:
    """
    Find who works, and let them go when all is done.

    Parameters
    ----------
    scheduler
        "threads" or "processes" of this machine, or the address of a cluster of Dask.
    workers
        Threads or processes of this machine; one a processor by default.

    Raises
    ------
    StudyError
        The scheduler is none.
    ClusterError
        The cluster does not answer.
    """
    cluster.check(scheduler)
    count = workers or os.cpu_count() or 1
    if scheduler == "threads":
        yield _Threads(count)
    elif scheduler == "processes":
        with ProcessPoolExecutor(
            count, mp_context=get_context("spawn"), initializer=end_with_parent
        ) as pool:
            yield _Processes(pool, count)
    else:
        with cluster.connected(scheduler) as found:
            yield _Far(found, count)
