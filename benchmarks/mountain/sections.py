"""
Cross sections on the exact surface, compiled.

Exact sections sample the ground throughout; quick ones take it across the road
as the parabola through three samples, which on hills of a kilometre differs by
millimetres and is some times faster.
"""

# Compiled functions take plain numbers and arrays, and calls between them cost seconds to compile.
# ruff: noqa: PLR0913, PLR0917

from math import sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

REACH = 4.0
"""Toes are looked for out to this many times the greatest distance allowed [-]."""
PANELS = 5
"""Panels into which each half of the platform and each face is cut in exact sections."""
STRIDE = 1.5
"""Step in which exact sections look for the toe [m]."""

# Columns of the terms of the terrain: centre x, y [m], l squared, 1 / m, 1 / n [1/m], d, qmin.
# Section numbers: half width [m], tangent of cut face, of fill face, greatest toe [m],
# thickness of the top stratum [m].


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def height(terms: NDArray[np.float64], base: float, unit: float, x: float, y: float) -> float:
    """Level of the ground [m]; `unit` in metres, `base` in units."""
    total = base
    for i in range(terms.shape[0]):
        u = (x - terms[i, 0]) * terms[i, 3]
        v = (y - terms[i, 1]) * terms[i, 4]
        q = terms[i, 5] * (terms[i, 2] - u * u - v * v)
        q = max(q, terms[i, 6])
        total += q * q
    return total * unit


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def above(f0: float, f1: float) -> float:
    """Mean of the positive part of what runs straight from f0 to f1."""
    if f0 >= 0.0 and f1 >= 0.0:
        return 0.5 * (f0 + f1)
    if f0 <= 0.0 and f1 <= 0.0:
        return 0.0
    top = max(f0, f1)
    return 0.5 * top * top / abs(f0 - f1)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
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


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def add(
    f0: float, f1: float, f2: float, width: float, top: float, out: NDArray[np.float64]
) -> None:
    """
    Add the areas between ground and formation over a panel of a section.

    `f0`, `f1`, `f2` are the heights of ground over formation at its ends and its
    middle [m]. Simpson's rule where nothing changes between them, else two
    straight pieces, integrated exactly.
    """
    low, high = min(f0, f1, f2), max(f0, f1, f2)
    if high <= 0.0:
        out[2] -= width * (f0 + 4.0 * f1 + f2) / 6.0
    elif low >= 0.0 and high <= top:
        out[1] += width * (f0 + 4.0 * f1 + f2) / 6.0
    else:
        half = 0.5 * width
        deep = half * (above(f0 - top, f1 - top) + above(f1 - top, f2 - top))
        cut = half * (above(f0, f1) + above(f1, f2))
        out[0] += deep
        out[1] += cut - deep
        out[2] += cut - half * (0.5 * f0 + f1 + 0.5 * f2)


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def quick(
    terms: NDArray[np.float64],
    base: float,
    unit: float,
    form: NDArray[np.float64],
    x: float,
    y: float,
    ux: float,
    uy: float,
    z: float,
    out: NDArray[np.float64],
) -> None:
    """Areas and toes as `section` gives them, the ground a parabola through three places."""
    half, top = form[0], form[4]
    far = 1.6 * half
    g = height(terms, base, unit, x, y) - z
    left = height(terms, base, unit, x - far * uy, y + far * ux) - z
    right = height(terms, base, unit, x + far * uy, y - far * ux) - z
    b = (left - right) / (2.0 * far)
    c = (left + right - 2.0 * g) / (2.0 * far * far)
    out[0] = out[1] = out[2] = 0.0
    for side in range(2):
        edge = g + b * half + c * half * half
        add(g, g + 0.5 * b * half + 0.25 * c * half * half, edge, half, top, out)
        up = 1.0 if edge >= 0.0 else -1.0
        face = form[1] if edge >= 0.0 else form[2]
        slope = b + 2.0 * c * half
        toe = parabola_toe(up * edge, up * slope, up * c, face, REACH * form[3])
        t = 0.5 * toe
        middle = edge + (slope - up * face) * t + c * t * t
        # Exactly 0 at the toe: its rounding error must not decide how the panel is integrated.
        end = 0.0
        if toe >= REACH * form[3]:
            end = edge + (slope - up * face) * toe + c * toe * toe
        add(edge, middle, end, toe, top, out)
        out[3 + side] = toe
        b = -b


@njit(cache=True, nogil=True, fastmath=True, error_model="numpy")
def section(
    terms: NDArray[np.float64],
    base: float,
    unit: float,
    form: NDArray[np.float64],
    x: float,
    y: float,
    ux: float,
    uy: float,
    z: float,
    out: NDArray[np.float64],
) -> None:
    """
    Areas and toes of one cross section on the exact surface.

    Parameters
    ----------
    terms, base, unit
        Terrain.
    form
        Half width [m], tangents of cut and fill face, greatest toe and
        thickness of the top stratum [m].
    x, y, z
        Centre of the road [m].
    ux, uy
        Direction of the road, a unit vector.
    out
        Receives cut below the top stratum, cut in it, fill [m2], and the
        distances of the left and right toe from their edges [m].
    """
    half, top = form[0], form[4]
    reach = REACH * form[3]
    middle = height(terms, base, unit, x, y) - z
    out[0] = out[1] = out[2] = 0.0
    for side in range(2):
        way = 1.0 if side == 0 else -1.0
        ox, oy = -way * uy, way * ux
        edge = height(terms, base, unit, x + half * ox, y + half * oy) - z
        up = 1.0 if edge >= 0.0 else -1.0
        face = form[1] if edge >= 0.0 else form[2]
        toe = reach
        t0 = 0.0
        r0 = abs(edge)
        while t0 < reach:
            t1 = t0 + STRIDE
            d = half + t1
            r1 = up * (height(terms, base, unit, x + d * ox, y + d * oy) - z) - face * t1
            if r1 <= 0.0:
                # Secant steps kept inside the bracket; the ground is smooth.
                for _ in range(40):
                    t = t0 + (t1 - t0) * r0 / (r0 - r1) if r0 > r1 else t1
                    d = half + t
                    r = up * (height(terms, base, unit, x + d * ox, y + d * oy) - z) - face * t
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
        for panel in range(2):
            begin = 0.0 if panel == 0 else half
            width = half if panel == 0 else toe
            rise = 0.0 if panel == 0 else up * face
            step = 0.5 * width / PANELS
            f0 = middle if panel == 0 else edge
            for i in range(PANELS):
                t = (2 * i + 1) * step
                d = begin + t
                f1 = height(terms, base, unit, x + d * ox, y + d * oy) - z - rise * t
                t += step
                d += step
                f2 = height(terms, base, unit, x + d * ox, y + d * oy) - z - rise * t
                if panel == 1 and i == PANELS - 1 and toe < reach:
                    f2 = 0.0
                add(f0, f1, f2, 2.0 * step, top, out)
                f0 = f2
        out[3 + side] = toe
