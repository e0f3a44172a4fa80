"""
The ground: a raster of levels that carries its reference system, datum and error.

Row 0 is the northern row, x runs to the east and y to the north. A level is that of the
centre of its cell, and NaN stands for "not known": nothing here ever fills it. Ground that is
large beside the memory of the machine lies in a file that is mapped into it; it is used like any
other, and no stage makes a copy of the whole.
"""

from realign.terrain.elevation import Elevation, on_datum
from realign.terrain.reading import cell_of, read
from realign.terrain.relief import Bounds, Terrain, hillshade, part, slopes, unsure
from realign.terrain.room import Tile, lack, roomy, tiles

__all__ = [
    "Bounds",
    "Elevation",
    "Terrain",
    "Tile",
    "cell_of",
    "hillshade",
    "lack",
    "on_datum",
    "part",
    "read",
    "roomy",
    "slopes",
    "tiles",
    "unsure",
]
