"""What a study says of its ground: the file, its datum, how far it can be trusted."""

import math
from dataclasses import replace
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from pyproj import Transformer
from scipy.interpolate import LinearNDInterpolator

from realign import datum
from realign.inputs import WITHIN
from realign.settings import Settings
from realign.terrain.relief import Terrain
from realign.terrain.room import roomy

_SHIFT_DEG = 0.1  # between two places at which the difference of two datums is taken


class Elevation(Settings):
    """The table `[elevation]`: which ground is used, and how far it can be trusted."""

    file: Annotated[str, WITHIN] = "dem.tif"
    """Raster of ground levels [m], in the inputs folder."""
    vertical_datum: datum.Name = Field(min_length=1, max_length=200)
    """Datum of the levels of the file, for example EGM2008; a file that says it is on another is
    refused."""
    level_datum: datum.Name = ""
    """Datum of the levels of the study, those of dams above all; that of the file where none is
    given. Ground on another datum is brought onto it where pyproj has the grid, and refused where
    it has not."""
    datum_offset_m: float | None = Field(default=None, ge=-10_000, le=10_000)
    """What brings levels of the file onto `level_datum` where no grid does, added to each [m]."""
    margin_m: float | None = Field(default=None, gt=0, le=1e6)
    """Ground is read as far as this from the box of the existing road and of the dams [m]: a file
    of a whole country serves a study of one valley. All of the file is read where none is given."""
    sigma_m: float = Field(ge=0, le=100)
    """Standard deviation of a level of the ground, from the raster and its datum [m]."""

    @model_validator(mode="after")
    def _offset_has_two_ends(self) -> "Elevation":
        if self.datum_offset_m is not None and datum.same(self.vertical_datum, self.level_datum):
            msg = (
                f"datum_offset_m: found {self.datum_offset_m:g} m from {self.vertical_datum!r} to "
                f"{self.level_datum or self.vertical_datum!r}; wanted two datums"
            )
            raise ValueError(msg)
        return self


def on_datum(terrain: Terrain, elevation: Elevation) -> Terrain:
    """
    Bring ground onto the datum of the levels of a study.

    The difference of two datums is smooth: it is taken every tenth of a degree and
    interpolated in between, straight.

    Parameters
    ----------
    terrain
        Ground as its file has it.
    elevation
        Says both datums, or the offset between them.

    Returns
    -------
    terrain
        The same ground where the datums are one.

    Raises
    ------
    InputError
        No way between the two is known.
    """
    to = elevation.level_datum or elevation.vertical_datum
    if elevation.datum_offset_m is not None:
        z = roomy(terrain.shape, np.float32, what="ground on another datum")
        np.add(terrain.z, np.float32(elevation.datum_offset_m), out=z)
        return replace(terrain, z=z, datum=to)
    if datum.same(terrain.datum, to):
        return terrain
    onto = Transformer.from_crs(terrain.crs, 4326, always_xy=True)
    back = Transformer.from_crs(4326, terrain.crs, always_xy=True)
    west, south, east, north = onto.transform_bounds(*terrain.bounds, densify_pts=21)
    east += 360.0 if east < west else 0.0  # across the 180th meridian longitudes go on
    lon = np.arange(math.floor(west / _SHIFT_DEG), math.ceil(east / _SHIFT_DEG) + 1) * _SHIFT_DEG
    lat = np.arange(math.floor(south / _SHIFT_DEG), math.ceil(north / _SHIFT_DEG) + 1) * _SHIFT_DEG
    x, y = np.meshgrid(lon, lat)
    known = datum.shift(x, y, of=terrain.datum, to=to)
    moved = np.column_stack(back.transform(x.ravel(), y.ravel()))
    between = LinearNDInterpolator(moved, known.ravel())
    rows, cols = terrain.shape
    left, _, _, top = terrain.bounds
    east_ = left + (np.arange(cols) + 0.5) * terrain.cell
    z = roomy(terrain.shape, np.float32, what="ground on another datum")
    for row in range(rows):  # a row at a time, so that large ground needs no second copy in double
        north_ = top - (row + 0.5) * terrain.cell
        z[row] = terrain.z[row] + between(np.column_stack((east_, np.full(cols, north_)))).astype(
            np.float32
        )
    return replace(terrain, z=z, datum=to)
