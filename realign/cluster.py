"""Work handed to a cluster of Dask on which realign is installed."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from realign.errors import StudyError

CONNECT_S = 30.0
"""Time in which a cluster has to answer [s]."""
LOCAL = ("threads", "processes")
"""Schedulers of this machine."""
T = TypeVar("T")


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


def spread(address: str, work: Callable[..., T], *jobs: Sequence[object]) -> list[T]:
    """
    Do work on a cluster, a task for each set of arguments.

    Parameters
    ----------
    address
        Of the scheduler, as `tcp://10.0.0.5:8786`.
    work
        Function of a module of the package.
    jobs
        First arguments, second arguments, and so on, of one length.

    Returns
    -------
    results
        In the order of the arguments.

    Raises
    ------
    StudyError
        The package for it is not installed, the address is none, or nobody answers there.
    """
    check(address)
    try:
        from distributed import Client
    except ImportError as missing:
        msg = (
            f"work on {address} needs distributed, which is not installed: pip install distributed"
        )
        raise StudyError(msg) from missing
    try:
        client = Client(address, timeout=CONNECT_S)
    except OSError as problem:
        msg = f"scheduler: no cluster answers at {address} within {CONNECT_S:g} s"
        raise StudyError(msg) from problem
    with client:
        return list(client.gather(client.map(work, *jobs, pure=False)))
