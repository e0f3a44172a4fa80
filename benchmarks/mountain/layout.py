"""
A road from its numbers, compiled: plan, grade line, cost, and how far each rule is kept.

The numbers of a road with n corners (PIs) and m grade breaks (PVIs) are, in this
order: x and y of each PI [m], n radii [m], m chainages of the PVIs counted from
the start of the tangent or arc that holds them [m], and m levels [m].
Each PVI is bound to a tangent or an arc, and each grade to a sign; both are the
shape of the road, which the refinement leaves and the search changes.
"""

# Compiled functions take plain numbers and arrays, and calls between them cost seconds to compile.
# ruff: noqa: C901, FBT001, PLR0912, PLR0913, PLR0915, PLR0917

from math import atan2, cos, hypot, pi, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

from benchmarks.mountain.sections import quick, section
from realign.geometry.horizontal import tangent_length

PART = 0.1
"""Turn up to which the way along a curve is one series, within 1e-12 of its length [rad]."""
NUDGE = 1e-4
"""Stations are moved this far to find slopes [m or rad]."""
SHARPEST = 2.9
"""Corners do not turn more than this [rad]: beyond, their PI runs away."""
MARGIN = 1e-3
"""Lengths are kept this far inside their limits [m]."""
MARGIN_GRADE = 1e-6
"""Grades are kept this far inside their limits [-]."""
PENALTY = 300.0
"""Price of a toe beyond its limit, per metre of road and square metre of excess up to 1 m."""
ROUND = 1e-4
"""Changes of grade below this are taken for this in the rules, which so stay smooth [-]."""
SHORTEST_RUN = 20.0
"""Grades are taken over at least this length, while PVIs stand in the wrong order [m]."""

# Rules: grade least, grade most, radius, clothoid, arc, tangent least, tangent most,
# last tangent least, grade length, vertical radius.
# Prices: land, land margin, clearing, pavement, maintenance, cut 1, cut 2, reuse,
# borrow, waste, keep 1, keep 2, reusable 1, reusable 2, swell 1, swell 2, compaction.


@njit(cache=True, nogil=True, error_model="numpy")
def bill(
    v1: float, v2: float, f: float, prices: NDArray[np.float64], blur: float
) -> tuple[float, float]:
    """
    Cost of the earth of a whole road, and the volume reused [m3].

    With `blur` above 0 [m3] less is reused where fill and fit cut come near each
    other, so that the cost has a slope everywhere.
    """
    k1 = prices[10] * prices[12] * v1
    k2 = prices[11] * prices[13] * v2
    fit = k1 + k2
    r = 0.5 * (f + fit - sqrt((f - fit) * (f - fit) + blur * blur))
    swell = prices[14]
    if fit > 0.0:
        swell = (prices[14] * k1 + prices[15] * k2) / fit
    left = swell / prices[16] * (fit - r)
    lost = (1.0 - prices[10]) * prices[14] * v1 + (1.0 - prices[11]) * prices[15] * v2
    cost = prices[5] * v1 + prices[6] * v2 + prices[7] * r + prices[8] * (f - r)
    return cost + prices[9] * (lost + left), r


@njit(cache=True, nogil=True, error_model="numpy")
def ahead(bearing: float, k: float, bend: float, run: float) -> tuple[float, float]:
    """
    Way along a line whose curvature changes evenly, as `horizontal.travelled` gives it.

    Parameters
    ----------
    bearing, k, bend
        Bearing [rad], curvature [1/m] and its change along the line [1/m2] where
        the way begins.
    run
        How far to go; backwards below 0 [m].

    Returns
    -------
    east, north
        The integral of the bearing, part for part as a series about its middle,
        where the bearing departs from that there by a s + b s^2, s in [-1, 1] [m].
    """
    if k == 0.0 and bend == 0.0:
        return run * cos(bearing), run * sin(bearing)
    parts = int(max(abs(k), abs(k + bend * run)) * abs(run) / PART) + 1
    h = run / parts
    b = bend * h * h / 8.0
    bb = b * b
    east = north = 0.0
    for part in range(parts):
        t = (part + 0.5) * h
        a = 0.5 * h * (k + bend * t)
        aa = a * a
        along = 1.0 - aa / 6.0 * (1.0 - aa / 20.0 * (1.0 - aa / 42.0))
        along -= bb / 10.0 * (1.0 - aa / 2.8 - bb / 21.6)
        aside = b / 3.0 - b * aa / 10.0 * (1.0 - aa / 16.8) - b * bb / 42.0 * (1.0 - aa / 2.6)
        middle = bearing + (k + 0.5 * bend * t) * t
        u, w = cos(middle), sin(middle)
        east += along * u - aside * w
        north += along * w + aside * u
    return h * east, h * north


@njit(cache=True, nogil=True, error_model="numpy")
def lay(
    v: NDArray[np.float64],
    n: int,
    ends: NDArray[np.float64],
    clothoid: float,
    pieces: NDArray[np.float64],
) -> float:
    """
    Lay tangents, clothoids and arcs between two ends.

    Where the numbers fit, these are the elements that `horizontal.elements` makes
    of the same PIs and corners; where they do not, lengths are negative, so that
    the refinement sees by how much.

    Parameters
    ----------
    v
        Numbers of the road.
    n
        Number of PIs.
    ends
        x and y of A and B, shape (4,) [m].
    clothoid
        Length of each clothoid [m].
    pieces
        Receives length, x, y and bearing of the start, curvatures at start and
        end, and turn of its curve, by piece: tangent, clothoid, arc, clothoid,
        tangent and so on, shape (4 n + 1, 7).

    Returns
    -------
    length
        Sum of all positive lengths [m].
    """
    ax, ay = ends[0], ends[1]
    total = 0.0
    last = 0.0
    for i in range(n + 1):
        bx = v[2 * i] if i < n else ends[2]
        by = v[2 * i + 1] if i < n else ends[3]
        bearing = atan2(by - ay, bx - ax)
        ux, uy = cos(bearing), sin(bearing)
        k = 4 * i
        use = 0.0
        if i < n:
            cx = v[2 * i + 2] if i < n - 1 else ends[2]
            cy = v[2 * i + 3] if i < n - 1 else ends[3]
            after = atan2(cy - by, cx - bx)
            turn = after - bearing
            if turn > pi:
                turn -= 2.0 * pi
            elif turn <= -pi:
                turn += 2.0 * pi
            way = 1.0 if turn >= 0.0 else -1.0
            size = abs(turn)
            r = max(v[2 * n + i], clothoid, 1.0)
            sharp = way / r
            lead = 0.5 * clothoid * sharp
            bend = sharp / clothoid if clothoid > 0.0 else 0.0
            use = tangent_length(min(size, 3.0), r, clothoid)
            x, y = bx - use * ux, by - use * uy
            sx, sy = ahead(bearing, 0.0, bend, clothoid)
            pieces[k + 1, 0] = clothoid
            pieces[k + 1, 1], pieces[k + 1, 2], pieces[k + 1, 3] = x, y, bearing
            pieces[k + 1, 4], pieces[k + 1, 5] = 0.0, sharp
            pieces[k + 2, 0] = r * size - clothoid
            pieces[k + 2, 1], pieces[k + 2, 2], pieces[k + 2, 3] = x + sx, y + sy, bearing + lead
            pieces[k + 2, 4], pieces[k + 2, 5] = sharp, sharp
            # the way out of the arc, walked back from the tangent
            x, y = bx + use * cos(after), by + use * sin(after)
            sx, sy = ahead(after, 0.0, -bend, -clothoid)
            pieces[k + 3, 0] = clothoid
            pieces[k + 3, 1], pieces[k + 3, 2] = x + sx, y + sy
            pieces[k + 3, 3] = bearing + turn - lead
            pieces[k + 3, 4], pieces[k + 3, 5] = sharp, 0.0
            for j in range(1, 4):
                pieces[k + j, 6] = turn
            total += max(pieces[k + 2, 0], 0.0) + 2.0 * clothoid
        pieces[k, 0] = hypot(bx - ax, by - ay) - last - use
        pieces[k, 1], pieces[k, 2], pieces[k, 3] = ax + last * ux, ay + last * uy, bearing
        pieces[k, 4] = pieces[k, 5] = pieces[k, 6] = 0.0
        total += max(pieces[k, 0], 0.0)
        last = use
        ax, ay = bx, by
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def stand(
    v: NDArray[np.float64],
    n: int,
    slots: NDArray[np.int64],
    pieces: NDArray[np.float64],
    ends: NDArray[np.float64],
    length: float,
    radius: float,
    line: NDArray[np.float64],
) -> None:
    """
    Chainage, level, grade ahead and curve length of every PVI, both ends included.

    `line` has shape (m + 2, 4). Slot 2 i is tangent i, slot 2 i + 1 arc i; slot -1
    is the whole road, where no clothoid divides it.
    """
    m = slots.shape[0]
    line[0, 0], line[0, 1] = 0.0, ends[4]
    line[m + 1, 0], line[m + 1, 1] = length, ends[5]
    for j in range(m):
        begin = 0.0
        if slots[j] >= 0:
            for k in range(2 * slots[j]):
                begin += max(pieces[k, 0], 0.0)
        line[j + 1, 0] = begin + v[3 * n + j]
        line[j + 1, 1] = v[3 * n + m + j]
    for j in range(m + 1):
        run = max(line[j + 1, 0] - line[j, 0], SHORTEST_RUN)
        line[j, 2] = (line[j + 1, 1] - line[j, 1]) / run
    line[m + 1, 2] = line[m, 2]
    line[0, 3] = line[m + 1, 3] = 0.0
    for j in range(1, m + 1):
        line[j, 3] = radius * abs(line[j, 2] - line[j - 1, 2])


@njit(cache=True, nogil=True, error_model="numpy")
def places(
    pieces: NDArray[np.float64], length: float, count: int, stations: NDArray[np.float64]
) -> None:
    """
    x, y and direction (x, y) at even stations, each found from the one before.

    `stations` has shape (count + 1, 6), of which this fills the first four columns
    with what `Plan.poses` gives there.
    """
    step = length / count
    k = 0
    at = gone = 0.0
    new = True
    x = y = ux = uy = bend = 0.0
    for i in range(count + 1):
        s = i * step
        while k < pieces.shape[0] - 1 and (s > at + pieces[k, 0] or pieces[k, 0] <= 0.0):
            at += max(pieces[k, 0], 0.0)
            k += 1
            new = True
        k0, k1 = pieces[k, 4], pieces[k, 5]
        if new:
            new = False
            gone = 0.0
            x, y = pieces[k, 1], pieces[k, 2]
            ux, uy = cos(pieces[k, 3]), sin(pieces[k, 3])
            bend = (k1 - k0) / pieces[k, 0] if k0 != k1 else 0.0
        run = s - at - gone
        if k0 == 0.0 and k1 == 0.0:
            x, y = x + run * ux, y + run * uy
        else:
            bearing = pieces[k, 3] + (k0 + 0.5 * bend * gone) * gone
            dx, dy = ahead(bearing, k0 + bend * gone, bend, run)
            x, y = x + dx, y + dy
            bearing = pieces[k, 3] + (k0 + 0.5 * bend * (s - at)) * (s - at)
            ux, uy = cos(bearing), sin(bearing)
        gone = s - at
        stations[i, 0] = x
        stations[i, 1] = y
        stations[i, 2] = ux
        stations[i, 3] = uy


@njit(cache=True, nogil=True, error_model="numpy")
def levels(
    line: NDArray[np.float64], length: float, count: int, stations: NDArray[np.float64]
) -> None:
    """Level and sloped length over length at even stations, into the last two columns."""
    m = line.shape[0] - 2
    step = length / count
    j = 0
    for i in range(count + 1):
        s = i * step
        while j < m and s > line[j + 1, 0]:
            j += 1
        g = line[j, 2]
        z = line[j, 1] + g * (s - line[j, 0])
        # A station lies on the curve behind it or on that ahead, never on both in a legal road.
        for c in range(max(j, 1), min(j + 2, m + 1)):
            into = s - line[c, 0] + 0.5 * line[c, 3]
            if 0.0 < into < line[c, 3]:
                before = line[c - 1, 2]
                bend = (line[c, 2] - before) / line[c, 3]
                g = before + bend * into
                z = line[c, 1] - before * 0.5 * line[c, 3] + (before + 0.5 * bend * into) * into
        stations[i, 4] = z
        stations[i, 5] = sqrt(1.0 + g * g)


@njit(cache=True, nogil=True, error_model="numpy")
def rate(
    one: NDArray[np.float64],
    slant: float,
    x: float,
    y: float,
    shape: NDArray[np.float64],
    form: NDArray[np.float64],
    prices: NDArray[np.float64],
    toe: float,
) -> float:
    """Cost of a metre without its earth, with the price of broken limits."""
    wide = 2.0 * form[0] + one[3] + one[4]
    total = prices[0] * (wide + prices[1])
    total += (prices[2] * wide + prices[3] + prices[4]) * slant
    for side in range(3, 5):
        over = one[side] - toe
        if over > 0.0:
            total += PENALTY * (over * over if over < 1.0 else 2.0 * over - 1.0)
    off = max(shape[2] - x, x - shape[3], shape[4] - y, y - shape[5]) + MARGIN
    if off > 0.0:
        total += PENALTY * off * off
    return total


@njit(cache=True, nogil=True, error_model="numpy")
def measure(
    stations: NDArray[np.float64],
    length: float,
    terms: NDArray[np.float64],
    shape: NDArray[np.float64],
    form: NDArray[np.float64],
    prices: NDArray[np.float64],
    toe: float,
    blur: float,
    exact: bool,
    slopes: NDArray[np.float64],
    out: NDArray[np.float64],
) -> float:
    """
    Cost of a road, with a price on broken limits.

    Parameters
    ----------
    stations, length
        The road, as `places` and `levels` give it.
    terms, shape
        Terrain: terms; base, unit and domain (x from, to, y from, to).
    form, prices
        Numbers of the section; prices.
    toe
        Distance of a toe beyond which the price is raised [m].
    blur
        As in `bill` [m3].
    exact
        Exact or quick sections.
    slopes
        Receives the cost of a metre at each station and its slopes by x, y,
        direction, level and slant, shape (count + 1, 6); left alone where it has
        no rows.
    out
        Receives v1, v2, f [m3], footprint area [m2], sloped length [m], area of
        clearing [m2], greatest toe [m], distance outside of the domain [m].

    Returns
    -------
    price
        Cost and penalties.
    """
    count = stations.shape[0] - 1
    one = np.empty(5)
    near = np.empty(6)
    step = length / count
    total = 0.0
    for i in range(8):
        out[i] = 0.0
    rounds = 2 if slopes.shape[0] > 0 else 1
    e1 = e2 = ef = 0.0
    for turn in range(rounds):
        if turn == 1:
            # Slopes need what a cubic metre more costs, which the first round tells.
            earth, _ = bill(out[0], out[1], out[2], prices, blur)
            e1 = (bill(out[0] + 0.1, out[1], out[2], prices, blur)[0] - earth) / 0.1
            e2 = (bill(out[0], out[1] + 0.1, out[2], prices, blur)[0] - earth) / 0.1
            ef = (bill(out[0], out[1], out[2] + 0.1, prices, blur)[0] - earth) / 0.1
        for i in range(count + 1):
            slant = stations[i, 5]
            for probe in range(1 + 4 * turn):
                x, y, ux, uy = stations[i, 0], stations[i, 1], stations[i, 2], stations[i, 3]
                z = stations[i, 4]
                if probe == 1:
                    x += NUDGE
                elif probe == 2:
                    y += NUDGE
                elif probe == 3:
                    ux, uy = ux - NUDGE * uy, uy + NUDGE * ux
                elif probe == 4:
                    z += NUDGE
                if exact:
                    section(terms, shape[0], shape[1], form, x, y, ux, uy, z, one)
                else:
                    quick(terms, shape[0], shape[1], form, x, y, ux, uy, z, one)
                price = rate(one, slant, x, y, shape, form, prices, toe)
                if turn == 1:
                    near[probe] = price + e1 * one[0] + e2 * one[1] + ef * one[2]
                    if probe == 0:
                        wide = 2.0 * form[0] + one[3] + one[4]
                        slopes[i, 5] = prices[2] * wide + prices[3] + prices[4]
                    else:
                        slopes[i, probe] = (near[probe] - near[0]) / NUDGE
                    continue
                w = step if 0 < i < count else 0.5 * step
                total += w * price
                wide = 2.0 * form[0] + one[3] + one[4]
                out[0] += w * one[0]
                out[1] += w * one[1]
                out[2] += w * one[2]
                out[3] += w * (wide + prices[1])
                out[4] += w * slant
                out[5] += w * wide * slant
                out[6] = max(out[6], one[3], one[4])
                out[7] = max(out[7], shape[2] - x, x - shape[3], shape[4] - y, y - shape[5])
            if turn == 1:
                slopes[i, 0] = near[0]
    earth, _ = bill(out[0], out[1], out[2], prices, blur)
    return total + earth


@njit(cache=True, nogil=True, error_model="numpy")
def keep(
    pieces: NDArray[np.float64],
    line: NDArray[np.float64],
    n: int,
    head: bool,
    slots: NDArray[np.int64],
    signs: NDArray[np.int64],
    v: NDArray[np.float64],
    rules: NDArray[np.float64],
    c: NDArray[np.float64],
) -> None:
    """
    How far each rule is kept, at least 0 where it is: first the one equality, if any.

    The order: length of the first tangent where it is absent (an equality),
    tangents least and most; arcs, turns and radii; grades least and most; straight grades;
    room of each vertical curve in its slot at both ends.
    """
    m = slots.shape[0]
    half = np.zeros(m + 2)
    for j in range(1, m + 1):
        half[j] = 0.5 * sqrt(line[j, 3] ** 2 + (ROUND * rules[9]) ** 2)
    i = 0
    first = 0
    if not head:
        c[0] = 0.01 * pieces[0, 0]
        i = 1
        first = 1
    for t in range(first, n + 1):
        least = rules[7] if t == n else rules[5]
        c[i] = 0.01 * (pieces[4 * t, 0] - least - MARGIN)
        c[i + 1] = 0.01 * (rules[6] - MARGIN - pieces[4 * t, 0])
        i += 2
    for t in range(n):
        c[i] = 0.01 * (pieces[4 * t + 2, 0] - rules[4] - MARGIN)
        c[i + 1] = SHARPEST - abs(pieces[4 * t + 2, 6])
        c[i + 2] = 0.01 * (v[2 * n + t] - rules[2] - MARGIN)
        i += 3
    for j in range(m + 1):
        rise = signs[j] * (line[j + 1, 1] - line[j, 1])
        run = line[j + 1, 0] - line[j, 0]
        c[i] = 0.1 * (rise - (rules[0] + MARGIN_GRADE) * run)
        c[i + 1] = 0.1 * ((rules[1] - MARGIN_GRADE) * run - rise)
        i += 2
    if m > 0:
        for j in range(m + 1):
            clear = line[j + 1, 0] - line[j, 0] - half[j] - half[j + 1]
            c[i] = 0.01 * (clear - rules[8] - MARGIN)
            i += 1
    if rules[3] > 0.0:
        for j in range(m):
            u = v[3 * n + j]
            c[i] = 0.01 * (u - half[j + 1] - MARGIN)
            c[i + 1] = 0.01 * (pieces[2 * slots[j], 0] - u - half[j + 1] - MARGIN)
            i += 2


@njit(cache=True, nogil=True, error_model="numpy")
def kept(n: int, m: int, head: bool, clothoid: float) -> int:
    """Count the values that `keep` writes."""
    count = 5 * n + 2 * (m + 1)
    count += 2 if head else 1
    if m > 0:
        count += m + 1
    if clothoid > 0.0:
        count += 2 * m
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def value(
    v: NDArray[np.float64],
    scale: NDArray[np.float64],
    n: int,
    head: bool,
    slots: NDArray[np.int64],
    signs: NDArray[np.int64],
    ends: NDArray[np.float64],
    rules: NDArray[np.float64],
    terms: NDArray[np.float64],
    shape: NDArray[np.float64],
    form: NDArray[np.float64],
    prices: NDArray[np.float64],
    toe: float,
    blur: float,
    count: int,
    exact: bool,
    sloped: bool,
    c: NDArray[np.float64],
    grad: NDArray[np.float64],
    jac: NDArray[np.float64],
) -> float:
    """
    Price of a road by its numbers, and how far each rule is kept (`c`).

    Where `sloped`, also the slopes of both by each number times `scale`, into
    `grad` and `jac`: a number moves the stations, and what a moved station costs
    is known from slopes taken once at each.
    """
    pieces = np.empty((4 * n + 1, 7))
    line = np.empty((slots.shape[0] + 2, 4))
    stations = np.empty((count + 1, 6))
    moved = np.empty((count + 1, 6))
    slopes = np.empty((count + 1 if sloped else 0, 6))
    row = np.empty(c.shape[0])
    out = np.empty(8)
    w = v.copy()
    price = length = 0.0
    step = 1.0
    # One call in one place: every further one is compiled again, which takes seconds.
    for i in range(-1, v.shape[0] if sloped else 0):
        h = 0.0
        if i >= 0:
            h = 1e-5 * scale[i]
            w[i] = v[i] + h
        # Chainages and levels of PVIs leave the plan as it is.
        if i <= 3 * n:
            length = lay(w, n, ends, rules[3], pieces)
            places(pieces, length, count, moved)
        stand(w, n, slots, pieces, ends, length, rules[9], line)
        keep(pieces, line, n, head, slots, signs, w, rules, row)
        levels(line, length, count, moved)
        if i < 0:
            step = length / count
            price = measure(
                moved, length, terms, shape, form, prices, toe, blur, exact, slopes, out
            )
            for j in range(c.shape[0]):
                c[j] = row[j]
            for k in range(count + 1):
                for j in range(6):
                    stations[k, j] = moved[k, j]
            continue
        w[i] = v[i]
        for j in range(c.shape[0]):
            jac[j, i] = (row[j] - c[j]) / h * scale[i]
        stretch = (length / count - step) / step
        total = 0.0
        for k in range(count + 1):
            turn = stations[k, 2] * moved[k, 3] - stations[k, 3] * moved[k, 2]
            one = (
                slopes[k, 0] * stretch
                + slopes[k, 1] * (moved[k, 0] - stations[k, 0])
                + slopes[k, 2] * (moved[k, 1] - stations[k, 1])
                + slopes[k, 3] * turn
                + slopes[k, 4] * (moved[k, 4] - stations[k, 4])
                + slopes[k, 5] * (moved[k, 5] - stations[k, 5])
            )
            total += one if 0 < k < count else 0.5 * one
        grad[i] = total * step / h * scale[i]
    return price
