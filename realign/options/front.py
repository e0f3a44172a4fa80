"""Which rows of a table nothing beats, for tables of some 200,000 rows."""

import numpy as np
from numba import njit
from numpy.typing import NDArray

BITS = 64  # rows in a word
CHUNK = 32  # words looked at together
STEPS = 64  # parts of the ranks of a column for which sets of rows are held
ALL = np.uint64(2**64 - 1)


def front(scores: NDArray[np.float64]) -> NDArray[np.bool_]:
    """
    Which rows no other row dominates.

    Parameters
    ----------
    scores
        One row an option, one column an objective; the less the better,
        infinite values allowed. A row with NaN compares with no other.

    Returns
    -------
    front
        True where no other row is at most as large everywhere and smaller
        somewhere, shape (rows,). Equal rows are all kept.

    Notes
    -----
    Rows are taken in the order of the sum of their ranks, so that whatever beats a row comes before
    it, and each is held against the unbeaten ones so far. Of these, sets by column and rank, one
    bit a row, leave the few that may beat it. Kung, Luccio and Preparata (1975) sort and divide
    instead, which is faster with few columns only (not checked).

    Examples
    --------
    >>> front(np.array([[1.0, 3.0], [2.0, 2.0], [3.0, 3.0]])).tolist()
    [True, True, False]
    """
    scores = np.asarray(scores, np.float64)
    kept: NDArray[np.bool_] = np.asarray(np.isnan(scores).any(axis=1))
    known = np.flatnonzero(~kept)
    if known.size:
        rows, which = np.unique(scores[known], axis=0, return_inverse=True)
        kept[known] = (beaters(rows) < 0)[which.ravel()]
    return kept


def beaters(
    rows: NDArray[np.float64],
    *,
    open_days: NDArray[np.float64] | None = None,
    least: NDArray[np.float64] | None = None,
    most: NDArray[np.float64] | None = None,
) -> NDArray[np.int64]:
    """
    Find for each row an unbeaten one that is nowhere worse.

    Where days are given, a row is nowhere worse than another only if besides
    sum over m of w_m (days_m - other days_m) >= 0 for all factors w between `least` and `most`.

    Parameters
    ----------
    rows
        One row an option, shape (n, k); the less the better, no NaN. Of rows that are nowhere worse
        than each other the first is kept.
    open_days
        Open days of each row in each month, shape (n, m) [d]; the more the better.
    least, most
        Bounds of the factors, shape (m,).

    Returns
    -------
    by
        Number of a row that is nowhere worse and kept, -1 for those that are kept, shape (n,).
    """
    n = len(rows)
    if n == 0:
        return np.zeros(0, np.int64)
    if open_days is None or least is None or most is None:
        open_days, least, most = np.zeros((n, 0)), np.zeros(0), np.zeros(0)
    ranks = np.empty(rows.shape, np.int32)
    for column, values in enumerate(rows.T):
        ranks[:, column] = np.unique(values, return_inverse=True)[1]
    ranks = ranks[:, ranks.max(axis=0) > 0]  # what is equal for all decides nothing
    order = np.argsort(ranks.sum(axis=1, dtype=np.int64), kind="stable")
    found = _beaters(np.ascontiguousarray(ranks[order]), open_days[order], least, most)
    by = np.full(n, -1, np.int64)
    by[order] = np.where(found < 0, -1, order[found])
    return by


@njit(cache=True, nogil=True)
def _beaters(
    ranks: NDArray[np.int32],
    open_days: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> NDArray[np.int64]:
    """
    Rows come in ascending order of their sum, so that none is beaten by a later one.

    `sets[column, step]` has a bit for each kept row whose rank is on that step or below. The rows
    in all sets of the steps of a row are the few that may beat it, and they are looked at one by
    one.
    """
    n, columns = ranks.shape
    by = np.full(n, -1, np.int64)
    sets = np.zeros((columns, STEPS, (n // BITS // CHUNK + 1) * CHUNK), np.uint64)
    step = np.empty(columns, np.int64)
    width = np.array([1 + ranks[:, column].max() // STEPS for column in range(columns)])
    rows = np.empty(n, np.int64)
    both = np.empty(CHUNK, np.uint64)
    count = 0
    for row in range(n):
        step[:] = ranks[row] // width
        for first in range(0, count, CHUNK * BITS):
            both[:] = ALL
            for column in range(columns):
                if not _meet(both, sets[column, step[column], first // BITS :]):
                    break
            few = rows[first : min(first + CHUNK * BITS, count)]
            by[row] = _beater(row, few, both, ranks, open_days, least, most)
            if by[row] >= 0:
                break
        if by[row] < 0:
            rows[count] = row
            for column in range(columns):
                for above in range(step[column], STEPS):
                    sets[column, above, count // BITS] |= np.uint64(1) << np.uint64(count % BITS)
            count += 1
    return by


@njit(cache=True, nogil=True, forceinline=True)
def _meet(both: NDArray[np.uint64], other: NDArray[np.uint64]) -> bool:
    """Keep in the first set what is in the other too; whether that is anything."""
    some = np.uint64(0)
    for word in range(CHUNK):
        both[word] &= other[word]
        some |= both[word]
    return bool(some != 0)


@njit(cache=True, nogil=True)
def _beater(
    row: int,
    rows: NDArray[np.int64],
    those: NDArray[np.uint64],
    ranks: NDArray[np.int32],
    open_days: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> int:
    """First of those of some rows that is nowhere worse than a row; -1 where none is."""
    for word in range((len(rows) + BITS - 1) // BITS):
        if those[word] == 0:
            continue
        for bit in range(min(BITS, len(rows) - word * BITS)):
            if (those[word] >> np.uint64(bit)) & np.uint64(1) == 0:
                continue
            other = rows[word * BITS + bit]
            if _nowhere_worse(other, row, ranks, open_days, least, most):
                return int(other)
    return -1


@njit(cache=True, nogil=True, forceinline=True)
def _nowhere_worse(
    one: int,
    other: int,
    ranks: NDArray[np.int32],
    open_days: NDArray[np.float64],
    least: NDArray[np.float64],
    most: NDArray[np.float64],
) -> bool:
    for column in range(ranks.shape[1]):
        if ranks[one, column] > ranks[other, column]:
            return False
    total = 0.0
    for month in range(open_days.shape[1]):
        more = open_days[one, month] - open_days[other, month]
        total += more * (least[month] if more > 0 else most[month])
    return total >= 0
