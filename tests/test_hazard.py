"""Laws of exposure: it grows with the slope, from nothing to all."""

from math import atan, degrees, radians, tan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from realign.hazard import exposure

steeps = st.floats(20.0, 50.0)


@given(slopes=st.lists(st.floats(0, 3), min_size=2, max_size=20), steep=steeps)
def test_exposure_grows_with_slope_between_none_and_all(slopes: list[float], steep: float) -> None:
    out = exposure(np.sort(slopes), steep)
    assert (np.diff(out) >= 0).all()
    assert ((out > 0) & (out < 1)).all()


@given(slope=st.floats(0, 3), steep=steeps, more=st.floats(0.1, 10))
def test_ground_that_counts_as_steep_later_is_less_exposed(
    slope: float, steep: float, more: float
) -> None:
    assert exposure(np.array([slope]), steep + more) < exposure(np.array([slope]), steep)


@given(steep=steeps, off=st.floats(0, 15))
def test_exposure_is_one_half_at_the_steep_slope_and_symmetric_about_it(
    steep: float, off: float
) -> None:
    slopes = np.array([tan(radians(steep + each)) for each in (-off, 0.0, off)])
    low, half, high = exposure(slopes, steep)
    assert half == pytest.approx(0.5)
    assert low + high == pytest.approx(1)


def test_exposure_rises_from_a_tenth_to_nine_tenths_over_fifteen_degrees() -> None:
    slopes = np.array([tan(radians(35 - 7.5)), tan(radians(35 + 7.5))])
    assert exposure(slopes, 35) == pytest.approx([0.1, 0.9], abs=1e-3)
    assert degrees(atan(slopes[1])) == pytest.approx(42.5)
