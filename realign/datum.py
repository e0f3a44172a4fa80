"""
Vertical datums: levels of one are brought onto another where a grid says how, and never in silence.

Names are those of `KNOWN`, or a code such as `EPSG:5773` of a vertical or of an ellipsoidal system.
Any other name, such as a local mean sea level, is a datum of its own: it equals itself, and an
offset has to be given between it and every other.
"""

import re
import warnings
from collections.abc import Mapping
from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import AfterValidator
from pyproj import CRS, Transformer
from pyproj.crs import CompoundCRS
from pyproj.exceptions import CRSError, ProjError
from pyproj.transformer import TransformerGroup

from realign.errors import InputError

KNOWN: Mapping[str, str] = {
    "egm2008": "EPSG:3855",
    "egm96": "EPSG:5773",
    "egm84": "EPSG:5798",
    "ellipsoid": "EPSG:4979",
    "ellipsoidal height": "EPSG:4979",
    "ellipsoidal heights": "EPSG:4979",
    "hae": "EPSG:4979",
    "wgs 84": "EPSG:4979",
    "wgs 84 ellipsoid": "EPSG:4979",
    "wgs84": "EPSG:4979",
    "wgs84 ellipsoid": "EPSG:4979",
}
"""Names of datums and their codes."""
_WGS84 = 4326
_ELLIPSOID = re.compile(r"ellips|\bhae\b")
_CODE = re.compile(r"\w+:\d+")
_DEFINED = re.compile(r"[=\[\]{}]")


def heights(name: str) -> str:
    """
    Refuse the name of a system whose levels are no heights in metres.

    Raises
    ------
    ValueError
        It is a code that nobody knows, a definition instead of a name, a system without heights
        such as EPSG:4326, one in feet such as EPSG:6360, or one of depths such as EPSG:5715.

    Examples
    --------
    >>> heights("EPSG:5773"), heights("mean sea level at Karachi")
    ('EPSG:5773', 'mean sea level at Karachi')
    """
    if _DEFINED.search(name):  # it might name files
        msg = f"found {name!r}; wanted the name of a datum, or a code such as EPSG:5773"
        raise ValueError(msg)
    try:
        found = CRS.from_user_input(KNOWN.get(_plain(name), name))
    except CRSError as problem:
        if _CODE.fullmatch(name.strip()):
            msg = f"found {name!r}, which is no known code; wanted one such as EPSG:5773"
            raise ValueError(msg) from problem
        return name  # a datum of its own
    if not found.is_vertical and len(found.axis_info) < 3:
        msg = f"found {name!r} ({found.name}), a system without heights; wanted a vertical datum"
        raise ValueError(msg)
    up = found.axis_info[-1]
    if up.unit_conversion_factor != 1.0 or up.direction != "up":
        msg = (
            f"found {name!r} ({found.name}), levels in {up.unit_name}, {up.direction}; wanted a "
            "datum of heights in metres, upward, and all levels in metres above it"
        )
        raise ValueError(msg)
    return name


Name = Annotated[str, AfterValidator(heights)]
"""Name of a datum in a study."""


def same(one: str, other: str) -> bool:
    """
    Whether two names are of one datum; an empty one is whatever the other is.

    Examples
    --------
    >>> same("EGM96", "EPSG:5773"), same("EGM96", "EGM2008"), same("EGM96", "")
    (True, False, True)
    """
    a, b = (_plain(KNOWN.get(_plain(name), name)) for name in (one, other))
    return not a or not b or a == b


def ellipsoidal(name: str) -> bool:
    """
    Whether levels of a datum are heights above an ellipsoid, tens of metres off the sea.

    Examples
    --------
    >>> ellipsoidal("HAE"), ellipsoidal("GRS80 ellipsoid"), ellipsoidal("EPSG:7912")
    (True, True, True)
    >>> ellipsoidal("EGM96"), ellipsoidal("mean sea level")
    (False, False)
    """
    if _ELLIPSOID.search(_plain(name)):
        return True
    try:
        found = CRS.from_user_input(KNOWN.get(_plain(name), name))
    except CRSError:
        return False
    return len(found.axis_info) == 3 and not found.is_compound


def declared(crs: CRS) -> tuple[str, str]:
    """
    Give the datum and the unit of the levels that a reference system declares.

    Returns
    -------
    datum
        As a code where it has one; empty where nothing is said of levels.
    unit
        As PROJ names it; empty where nothing is said.
    """
    if crs.is_compound:
        levels = crs.sub_crs_list[-1]
    elif len(crs.axis_info) == 3:  # of latitude and longitude, or of a plane: the same heights
        levels = crs.geodetic_crs.to_3d() if crs.geodetic_crs else crs
    else:
        return "", ""
    code = levels.to_epsg()
    return f"EPSG:{code}" if code else levels.name, levels.axis_info[-1].unit_name


def shift(lon: ArrayLike, lat: ArrayLike, *, of: str, to: str) -> NDArray[np.float64]:
    """
    Give what has to be added to a level of one datum to bring it onto another.

    Parameters
    ----------
    lon, lat
        Places, of one shape [deg, WGS 84].
    of, to
        Names of the datums.

    Returns
    -------
    shift
        Of the shape of the places [m]; taken at level 0, which is right to some millimetres.

    Raises
    ------
    InputError
        A datum is not known by a code, or the grid between the two is not installed.
    """
    x, y = np.broadcast_arrays(np.asarray(lon, float), np.asarray(lat, float))
    if same(of, to):
        return np.zeros(x.shape)
    start, end = (_system(name, of, to) for name in (of, to))
    try:
        way = Transformer.from_crs(start, end, always_xy=True, allow_ballpark=False, only_best=True)
        _, _, z = way.transform(x, y, np.zeros(x.shape), errcheck=True)
    except ProjError as problem:
        raise InputError(_no_grid(of, to, start, end)) from problem
    out = np.asarray(z, float)
    if not np.isfinite(out).all():
        msg = (
            f"vertical datum: {of} to {to}: the grid ends within the study; wanted one of all of it"
        )
        raise InputError(msg)
    return out


def _plain(name: str) -> str:
    return " ".join(name.casefold().split())


def _system(name: str, of: str, to: str) -> CRS:
    """Position on WGS 84 with levels of a datum."""
    code = KNOWN.get(_plain(name), name)
    try:
        found = CRS.from_user_input(code)
    except CRSError as problem:
        msg = (
            f"vertical datum: no way is known from {of!r} to {to!r}, since {name!r} has no code; "
            f"wanted one of {', '.join(KNOWN)} or a code such as EPSG:5773, or "
            "elevation.datum_offset_m with its source"
        )
        raise InputError(msg) from problem
    if found.is_vertical:
        return CompoundCRS(f"WGS 84 with {name}", [CRS.from_epsg(_WGS84), found])
    if len(found.axis_info) == 3:
        return found
    msg = f"vertical datum: found {found.name}, wanted a system of heights"
    raise InputError(msg)


def _no_grid(of: str, to: str, start: CRS, end: CRS) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it is missing is what is asked about
        group = TransformerGroup(start, end, always_xy=True, allow_ballpark=False)
    grids = sorted(
        {grid.short_name for way in group.unavailable_operations for grid in way.grids} - {""}
    )
    wanted = f"the grid {' or '.join(grids)}" if grids else "a grid between the two"
    return (
        f"vertical datum: levels cannot be brought from {of} to {to}: wanted {wanted}, found none "
        "installed; get it with `projsync --file NAME` (pyproj sync), or set PROJ_NETWORK=ON, or "
        "give elevation.datum_offset_m with its source"
    )
