"""What is known of real events against what scores and rates say: ROC and calibration."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import chi2

from realign.errors import InputError
from realign.hazard.along import Along, along
from realign.hazard.rules import KINDS, Rules
from realign.hazard.scene import Scene

__all__ = ["Calibration", "Receiver", "at_places", "calibrated", "near", "receiver"]

_DRAWS = 2000
_UNSEEN = 0.5  # closures that stand for none recorded
_SIDE = 0.05  # of the draws lie below and above the interval


@dataclass(frozen=True, slots=True, eq=False)
class Receiver:
    """How well a score tells places that were hit from others."""

    false: NDArray[np.float64]
    """Part of the other places with a score as high or higher, rising, shape (k,) [0-1]."""
    true: NDArray[np.float64]
    """Part of the places hit with such a score, rising, shape (k,) [0-1]."""
    area: float
    """Area under the curve: chance that a place hit has the higher score [0-1]."""
    low: float
    """5 % of bootstrap draws have a smaller area [0-1]."""
    high: float
    """5 % of them have a larger one [0-1]."""
    points: int
    """Independent events that it rests on."""
    places: int
    """Places that count as hit by them."""


def near(road: Along, points: NDArray[np.float64], *, within: float) -> NDArray[np.int64]:
    """
    Say which event each piece of a road belongs to.

    Parameters
    ----------
    road
        Pieces of a road.
    points
        Events, shape (k, 2) [m].
    within
        Distance from the middle of a piece within which an event counts [m].

    Returns
    -------
    event
        Number of the nearest event, shape (n,); -1 where none is within the distance.
    """
    if not len(points):
        return np.full(len(road.start), -1, np.int64)
    far, which = cKDTree(points).query(np.column_stack((road.x, road.y)))
    return np.where(far <= within, which, -1).astype(np.int64)


def at_places(scene: Scene, x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    """
    Score places off the road as if a piece of road ran there along the contour.

    Parameters
    ----------
    scene
        The region.
    x, y
        Places, shape (k,) [m].

    Returns
    -------
    susceptibility
        Score of slides that knows nothing of mapped landslides, shape (k,) [0-1]; NaN where the
        ground of the place is not known.
    """
    terrain, half = scene.terrain, scene.rules.piece_m / 2
    step = terrain.cell * np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    east, west, north, south = (terrain.sample(x + dx, y + dy) for dx, dy in step)
    rise = np.column_stack((east - west, north - south))
    size = np.hypot(*rise.T)
    contour = np.tile((1.0, 0.0), (len(rise), 1))
    sloping = size > 0
    contour[sloping] = np.column_stack((-rise[:, 1], rise[:, 0]))[sloping] / size[sloping, None]
    ends = np.stack((-half * contour, half * contour), axis=1) + np.column_stack((x, y))[:, None]
    level = terrain.sample(ends[..., 0], ends[..., 1])
    out = np.full(len(rise), np.nan)
    for number in np.flatnonzero(np.isfinite(level).all(axis=1) & np.isfinite(size)):
        across, up = ends[number].T
        road = along(scene, across, up, level[number])
        out[number] = road.susceptibility[0]
    return out


def receiver(
    score: NDArray[np.float64],
    hit: NDArray[np.bool_],
    *,
    group: NDArray[np.int64] | None = None,
    seed: int = 1,
) -> Receiver:
    """
    Receiver operating characteristic of a score.

    The area is that of Mann and Whitney: the part of all pairs of a place hit and another in
    which the place hit has the higher score, ties counting a half. For the interval, groups of
    places are drawn with replacement, those of hit places and of others apart (percentile
    bootstrap; Efron 1979).

    Parameters
    ----------
    score
        Of n places, shape (n,); no NaN.
    hit
        Whether an event is known there, shape (n,).
    group
        Numbers of places that belong together and are drawn together, shape (n,): those of one
        event, those of one kilometre. Each by itself where None.
    seed
        Of the draws.

    Raises
    ------
    InputError
        A score is NaN, or places of one sort are missing.
    """
    hit = np.asarray(hit, bool)
    if np.isnan(score).any() or hit.all() or not hit.any():
        msg = (
            f"found {int(hit.sum())} of {len(hit)} places hit and {int(np.isnan(score).sum())} "
            "without a score; wanted places hit and others, each with a score"
        )
        raise InputError(msg)
    own = np.arange(len(score)) if group is None else np.asarray(group)
    levels = np.unique(score)[::-1]
    true, false = (
        np.concatenate(([0.0], np.searchsorted(np.sort(-part), -levels, side="right") / len(part)))
        for part in (score[hit], score[~hit])
    )
    one, of_one = np.unique(own[hit], return_inverse=True)
    two, of_two = np.unique(own[~hit], return_inverse=True)
    other = np.sort(score[~hit])
    # wins of each place hit against each group of others, then summed over its own group
    wins = np.zeros((len(one), len(two)))
    order = np.argsort(score[~hit], kind="stable")
    for place, mine in zip(score[hit], of_one, strict=True):
        below, upto = (int(np.searchsorted(other, place, side=side)) for side in ("left", "right"))
        wins[mine] += np.bincount(of_two[order[:below]], minlength=len(two))
        wins[mine] += 0.5 * np.bincount(of_two[order[below:upto]], minlength=len(two))
    sizes = np.bincount(of_one).astype(float), np.bincount(of_two).astype(float)
    draw = np.random.default_rng(seed)
    picked = draw.multinomial(len(one), np.full(len(one), 1 / len(one)), _DRAWS)
    against = draw.multinomial(len(two), np.full(len(two), 1 / len(two)), _DRAWS)
    drawn = np.einsum("dg,gb,db->d", picked, wins, against, optimize=True)
    drawn /= (picked @ sizes[0]) * (against @ sizes[1])
    low, high = np.quantile(drawn, (_SIDE, 1 - _SIDE))
    return Receiver(
        false=false,
        true=true,
        area=float(wins.sum() / (sizes[0].sum() * sizes[1].sum())),
        low=float(low),
        high=float(high),
        points=len(one),
        places=int(hit.sum()),
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Rates scaled to recorded closures, by kind of `KINDS`."""

    rules: Rules
    """The rules with scaled rates."""
    before: tuple[float, ...]
    """Closures of the existing road with the rates as assumed [1/year]."""
    after: tuple[float, ...]
    """Closures with the scaled rates [1/year]."""
    low: tuple[float, ...]
    """Rate below which as many recorded closures or more have a chance of 5 % [1/year]."""
    high: tuple[float, ...]
    """Rate above which as many or fewer have a chance of 5 % [1/year]."""
    scaled: tuple[bool, ...]
    """Whether the rate was scaled."""


def calibrated(road: Along | Sequence[Along], rules: Rules) -> Calibration:
    """
    Scale rates so that the existing road has as many closures a year as are recorded.

    Parameters
    ----------
    road
        The existing road, judged by `rules` (or its parts).
    rules
        Rates as assumed, and `recorded` with the reading of the events.

    Returns
    -------
    calibration
        A kind with recorded closures has its rate scaled to count / years. One without keeps its
        rate, unless that gives more than 0.5 / years, the mean rate that no record leaves to a
        prior that knows nothing (Jeffreys 1946): then it is lowered to that, for the rate as
        assumed would have been seen. Where the road has no place that a kind could close, its rate
        stays as assumed. Limits are exact ones
        of a Poisson count (Garwood 1936): half the 90 % quantile of chi-square with 2 count and
        2 count + 2 degrees of freedom over the years. A few events are no statistics; limits
        tell how little they fix, and nothing of what the press left out.
    """
    parts = (road,) if isinstance(road, Along) else tuple(road)
    before = np.nansum(np.vstack([part.closures for part in parts]), axis=0)
    kinds, after, low, high, scaled = {}, [], [], [], []
    years = rules.recorded.years
    for number, name in enumerate(KINDS):
        kind, count = getattr(rules, name), float(getattr(rules.recorded, name))
        now = float(before[number])
        wanted = count / years if count else min(now, _UNSEEN / years)
        fits = now > 0 and wanted != now
        factor = wanted / now if fits else 1.0
        kinds[name] = kind.model_copy(update={"rate": kind.rate * factor})
        after.append(now * factor)
        low.append(float(chi2.ppf(_SIDE, 2 * count)) / 2 / years if count else 0.0)
        high.append(float(chi2.ppf(1 - _SIDE, 2 * count + 2)) / 2 / years)
        scaled.append(fits)
    return Calibration(
        rules=rules.model_copy(update=kinds),
        before=tuple(float(each) for each in before),
        after=tuple(after),
        low=tuple(low),
        high=tuple(high),
        scaled=tuple(scaled),
    )
