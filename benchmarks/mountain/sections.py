"""
Cross sections on the exact surface, compiled.

The ground is sampled across the road; between samples it is taken as straight,
and what lies above or below the formation is integrated exactly for that.
Quick sections take the ground across as the parabola through three samples.
"""

from math import cos, sin, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

REACH = 4.0
"""Toes are looked for out to this many times the greatest distance allowed [-]."""
PANEL_QUICK = 4
"""Pieces into which each half of the platform and each face is cut in quick sections."""
PANEL_EXACT = 10
"""The same in exact sections."""
STRIDE = 1.5
"""Step in which exact sections look for the toe [m]."""

# Columns of the terms of the terrain: centre x, y [m], l squared, m, n [m], d, qmin.
# Section numbers: half width [m], tangent of cut face, of fill face, greatest toe [m],
# thickness of the top stratum [m].


@njit(cache=True, nogil=True)
def height(terms: NDArray[np.float64], base: float, unit: float, x: float, y: float) -> float:
    """Level of the ground [m]; `unit` in metres, `base` in units."""
    total = base
    for i in range(terms.shape[0]):
        u = (x - terms[i, 0]) / terms[i, 3]
        v = (y - terms[i, 1]) / terms[i, 4]
        q = terms[i, 5] * (terms[i, 2] - u * u - v * v)
        if q < terms[i, 6]:
            q = terms[i, 6]
        total += q * q
    return total * unit


@njit(cache=True, nogil=True)
def above(f0: float, f1: float) -> float:
    """Mean of the positive part of what runs straight from f0 to f1."""
    if f0 >= 0.0 and f1 >= 0.0:
        return 0.5 * (f0 + f1)
    if f0 <= 0.0 and f1 <= 0.0:
        return 0.0
    top = max(f0, f1)
    return 0.5 * top * top / abs(f0 - f1)


@njit(cache=True, nogil=True)
def parabola_toe(e: float, slope: float, bend: float, face: float, reach: float) -> float:
    """First distance at which a parabola of ground meets a face, `reach` if none."""
    linear = slope - face
    inside = linear * linear - 4.0 * e * bend
    if inside < 0.0:
        return reach
    below = sqrt(inside) - linear
    if below * reach <= 2.0 * e:
        return reach
    return 2.0 * e / below


@njit(cache=True, nogil=True)
def section(
    terms: NDArray[np.float64],
    base: float,
    unit: float,
    form: NDArray[np.float64],
    x: float,
    y: float,
    bearing: float,
    z: float,
    exact: bool,
    out: NDArray[np.float64],
) -> None:
    """
    Areas and toes of one cross section.

    Parameters
    ----------
    terms, base, unit
        Terrain.
    form
        Half width [m], tangents of cut and fill face, greatest toe and
        thickness of the top stratum [m].
    x, y, bearing, z
        Centre of the road.
    exact
        Whether the ground is sampled throughout.
    out
        Receives cut below the top stratum, cut in it, fill [m2], and the
        distances of the left and right toe from their edges [m].
    """
    half, top = form[0], form[4]
    nx, ny = -sin(bearing), cos(bearing)
    reach = REACH * form[3]
    deep = 0.0
    cut = 0.0
    fill = 0.0
    g = height(terms, base, unit, x, y) - z
    b = 0.0
    c = 0.0
    if not exact:
        far = 1.6 * half
        left = height(terms, base, unit, x + far * nx, y + far * ny) - z
        right = height(terms, base, unit, x - far * nx, y - far * ny) - z
        b = (left - right) / (2.0 * far)
        c = (left + right - 2.0 * g) / (2.0 * far * far)
    pieces = PANEL_EXACT if exact else PANEL_QUICK
    for side in range(2):
        way = 1.0 if side == 0 else -1.0
        ux, uy = way * nx, way * ny
        step = half / pieces
        f0 = g
        for i in range(1, pieces + 1):
            t = i * step
            if exact:
                f1 = height(terms, base, unit, x + t * ux, y + t * uy) - z
            else:
                f1 = g + way * b * t + c * t * t
            more = above(f0 - top, f1 - top)
            deep += more * step
            cut += (above(f0, f1) - more) * step
            fill += above(-f0, -f1) * step
            f0 = f1
        edge = f0
        up = 1.0 if edge >= 0.0 else -1.0
        face = form[1] if edge >= 0.0 else form[2]
        if exact:
            toe = reach
            t0 = 0.0
            r0 = abs(edge)
            while t0 < reach:
                t1 = t0 + STRIDE
                d = half + t1
                r1 = up * (height(terms, base, unit, x + d * ux, y + d * uy) - z) - face * t1
                if r1 <= 0.0:
                    # Secant steps kept inside the bracket; the ground is smooth.
                    for _ in range(40):
                        t = t0 + (t1 - t0) * r0 / (r0 - r1) if r0 > r1 else t1
                        d = half + t
                        r = up * (height(terms, base, unit, x + d * ux, y + d * uy) - z) - face * t
                        if r <= 0.0:
                            closed = t1 - t
                            t1, r1 = t, r
                            r0 = r0 if closed > 0.5 * (t1 - t0) else 0.5 * r0
                        else:
                            t0, r0 = t, r
                        if t1 - t0 < 1e-9 or abs(r) < 1e-10:
                            t1 = t
                            break
                    toe = t1
                    break
                t0, r0 = t1, r1
        else:
            toe = parabola_toe(
                abs(edge), up * (way * b + 2.0 * c * half), up * c, face, reach
            )
        step = toe / pieces
        if step > 0.0:
            for i in range(1, pieces + 1):
                t = i * step
                d = half + t
                if exact:
                    f1 = height(terms, base, unit, x + d * ux, y + d * uy) - z - up * face * t
                else:
                    f1 = g + way * b * d + c * d * d - up * face * t
                more = above(f0 - top, f1 - top)
                deep += more * step
                cut += (above(f0, f1) - more) * step
                fill += above(-f0, -f1) * step
                f0 = f1
        out[3 + side] = toe
    out[0] = deep
    out[1] = cut
    out[2] = fill
