"""The few of many options that are worth a look: best in something, or different."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from realign.errors import GeometryError, NoRouteError
from realign.options.decision import normalised
from realign.options.diverse import shared


def shortlisted(
    scores: NDArray[np.float64],
    lengths: NDArray[np.float64],
    *,
    weights: ArrayLike,
    least: int = 5,
    most: int = 8,
    alike: float = 0.7,
) -> NDArray[np.int64]:
    """
    Choose options that are the best in something, and then the most different.

    First the best by the weighted sum (see `decision.table`), then the best in each objective that
    has a weight and in which options differ, by falling weight, equal weights in the order of the
    columns; of those equally good the best by weighted sum. Then, while there are fewer than
    `least`, the one that shares least of its length with those chosen. One that is alike to one
    chosen is passed over.

    Parameters
    ----------
    scores
        The less the better, shape (n, k). Options with an infinite score are never chosen.
    lengths
        Length of each option on each road, shape (n, roads) [m]; give roads on the same ground (one
        kept or upgraded) one column where they shall count as the same.
    weights
        Weight of each objective, shape (k,).
    least, most
        How many are chosen: fewer than `least` only where no more differ enough.
    alike
        Share of the length of the shorter one that two chosen options may have in the same roads
        [0-1], see `diverse.shared`.

    Returns
    -------
    chosen
        Places of the chosen in `scores`, in the order in which they were chosen. The order of rows
        does not matter, but that of two rows equal in everything.

    Raises
    ------
    NoRouteError
        If every option has an infinite score.
    GeometryError
        If `least`, `most` or the weights cannot be.
    """
    each = np.asarray(weights, np.float64)
    if not 1 <= least <= most or each.shape != scores.shape[1:] or not np.all(each >= 0):
        msg = (
            f"from {least} to {most} options with weights {each}; wanted 1 or more, and "
            f"{scores.shape[1]} weights from 0 on"
        )
        raise GeometryError(msg)
    rows = np.flatnonzero(np.isfinite(scores).all(axis=1))
    if not rows.size:
        msg = "every option has an infinite score; wanted one whose road is not cut"
        raise NoRouteError(msg)
    parts = normalised(scores[rows])
    totals = (parts * each).sum(axis=1)
    order = np.lexsort((*lengths[rows].T[::-1], *scores[rows].T[::-1], totals))
    rows, parts, on = rows[order], parts[order], lengths[rows[order]]
    matters = (each > 0) & (np.ptp(parts, axis=0) > 0)
    columns = [c for c in np.argsort(-each, kind="stable") if matters[c]]
    chosen: list[int] = []
    overlap = np.zeros(len(rows))
    for row in (0, *(int(parts[:, column].argmin()) for column in columns)):
        if len(chosen) < most and _new(row, chosen, overlap, alike):
            chosen.append(row)
            overlap = np.maximum(overlap, shared(on[row], on))
    while len(chosen) < least:
        overlap[chosen] = np.inf
        row = int(overlap.argmin())
        if overlap[row] > alike:
            break
        chosen.append(row)
        overlap = np.maximum(overlap, shared(on[row], on))
    return np.asarray(rows[chosen])


def _new(row: int, chosen: list[int], overlap: NDArray[np.float64], alike: float) -> bool:
    return row not in chosen and bool(overlap[row] <= alike)
