"""Work handed to a cluster of Dask on which realign is installed."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

from realign.errors import ClusterError, RealignError, StudyError

CONNECT_S = 30.0
"""Time in which a cluster has to answer [s]."""
ASKED_S = 10.0
"""Time between two questions whether the cluster is still there [s]."""
WORKERS_S = 60.0
"""Time after which a cluster without any worker counts as lost [s]."""
LOCAL = ("threads", "processes")
"""Schedulers of this machine."""
_LOGGERS = ("client", "batched", "comm", "core", "utils")
_ENDED = {"finished", "error", "cancelled"}


def check(scheduler: str) -> None:
    """
    Refuse what is neither a scheduler of this machine nor the address of another.

    Raises
    ------
    StudyError
        With what was found and what was wanted.
    """
    if scheduler not in LOCAL and "://" not in scheduler:
        known = ", ".join(LOCAL)
        msg = (
            f"scheduler: found '{scheduler}'; wanted {known} or an address such as tcp://host:8786"
        )
        raise StudyError(msg)


class Cluster:
    """A cluster that answered; made by `connected`."""

    def __init__(self, address: str, client: Any) -> None:
        """Take the client that is connected."""
        self.address = address
        self.client = client

    def each(
        self,
        work: Callable[..., object],
        jobs: Sequence[tuple[object, ...]],
        done: Callable[[int, Any], None],
    ) -> None:
        """
        Do work on the cluster, a task for each job.

        Parameters
        ----------
        work
            Function of a module of the package.
        jobs
            Its arguments, a tuple a task.
        done
            Called with the number of each task that has ended and what came of it, or the error of
            the package that the work raised; may raise to cancel all others.

        Raises
        ------
        ClusterError
            The cluster does not answer any more, has no workers, or a task ended several of them.
        """
        futures = [self.client.submit(work, *job, pure=False) for job in jobs]
        left = dict(enumerate(futures))
        asked = alive = time.monotonic()
        try:
            while left:
                for number in self._ended(left):
                    done(number, self._result(left.pop(number)))
                if time.monotonic() - asked > ASKED_S:
                    asked = time.monotonic()
                    alive = asked if self._workers() else alive
                    if asked - alive > WORKERS_S:
                        msg = f"it had no workers for {asked - alive:.0f} s"
                        raise self._lost(msg)
        finally:
            with suppress(Exception):  # what is lost needs no cancelling
                self.client.sync(self.client._cancel, futures, callback_timeout=ASKED_S)  # noqa: SLF001

    def _workers(self) -> int:
        """Ask how many workers there are."""
        try:
            return len(self.client.sync(self.client.scheduler.ncores, callback_timeout=CONNECT_S))
        except (CancelledError, OSError) as problem:
            msg = "it does not answer any more"
            raise self._lost(msg) from problem

    def _ended(self, left: Mapping[int, Any]) -> list[int]:
        """Give the numbers of tasks that have ended; none where it is time to ask the cluster."""
        from distributed import wait

        with suppress(TimeoutError, CancelledError), self.client.as_current():
            wait(list(left.values()), timeout=ASKED_S, return_when="FIRST_COMPLETED")
        return [number for number, each in left.items() if each.status in _ENDED]

    def _result(self, future: Any) -> Any:
        """Give what came of a task; an error of the package as it is, others are raised."""
        from distributed.scheduler import KilledWorker

        try:
            return future.result(timeout=CONNECT_S)
        except ClusterError:
            raise
        except RealignError as refused:
            return refused
        except KilledWorker as problem:
            msg = "every worker that took one of its tasks died"
            raise self._lost(msg) from problem
        except CancelledError as problem:
            msg = "the connection to its scheduler broke"
            raise self._lost(msg) from problem
        except OSError as problem:
            msg = f"{type(problem).__name__}: {problem}"
            raise self._lost(msg) from problem
        except (ImportError, RuntimeError) as problem:
            if isinstance(problem, RuntimeError) and "deserialization" not in str(problem):
                raise
            msg = "it cannot read its tasks: install the same realign on scheduler and workers"
            raise self._lost(msg) from problem

    def _lost(self, why: str) -> ClusterError:
        msg = (
            f"scheduler: the cluster at {self.address} was lost: {why}. See its logs and the "
            "memory of its workers; what was found before is kept unless --no-cache was given, so "
            "the same command goes on from there, or without --scheduler on this machine"
        )
        return ClusterError(msg)


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """
    Connect to a cluster, and leave it when all is done.

    Parameters
    ----------
    address
        Of the scheduler, as `tcp://10.0.0.5:8786`.

    Raises
    ------
    StudyError
        The package for it is not installed, or the address is none.
    ClusterError
        Nobody answers there.
    """
    check(address)
    try:
        from distributed import Client
    except ImportError as missing:
        msg = (
            f"work on {address} needs distributed, which is not installed: pip install distributed"
        )
        raise StudyError(msg) from missing
    with _silent():
        client = _client(Client, address)
        try:
            yield Cluster(address, client)
        finally:
            with suppress(Exception):
                client.close(timeout=ASKED_S)


@contextmanager
def _silent() -> Iterator[None]:
    """Keep the client of Dask from logging tracebacks of what is told by an error anyway."""
    loggers = [logging.getLogger(f"distributed.{name}") for name in _LOGGERS]
    levels = [each.level for each in loggers]
    for each in loggers:
        each.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for each, level in zip(loggers, levels, strict=True):
            each.setLevel(level)


def _client(kind: Any, address: str) -> Any:
    """Connect."""
    try:
        return kind(address, timeout=CONNECT_S, set_as_default=False)
    except ValueError as problem:
        msg = f"scheduler: found '{address}' ({problem}); wanted an address as tcp://host:8786"
        raise StudyError(msg) from problem
    except OSError as problem:
        msg = (
            f"scheduler: no cluster answers at {address} within {CONNECT_S:g} s; start one with "
            "`dask scheduler` and `dask worker ADDRESS`, or leave --scheduler out"
        )
        raise ClusterError(msg) from problem
