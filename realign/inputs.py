"""
Files that others made: which are read at all, and how a layer of shapes is read from one.

An input lies in its folder and holds what it says it holds. What leads elsewhere (a path out of
the folder, a link, a description of other files or of a service of the network) is refused, since
a study comes from anybody, and so is what has to be unpacked first, since nobody knows how large
it becomes. Whatever a library has against the rest becomes an error that names the file.
"""

import re
import warnings
from pathlib import Path, PurePosixPath, PureWindowsPath

import geopandas as gpd
import numpy as np
import pyogrio
import shapely
from pydantic import AfterValidator

from realign.errors import InputError

FOREIGN = (
    RuntimeError,  # the errors of pyogrio, and of PROJ
    ValueError,  # texts in another encoding, numbers and dates that are none
    TypeError,
    OverflowError,
    MemoryError,
    OSError,
    shapely.errors.ShapelyError,
)
"""What libraries raise while they read a broken file."""

_FARTHEST = 1e8  # m or degrees; the Earth measures 4e7 m around
_HEAD = 65_536  # bytes; the prolog of a description is shorter
_ARCHIVES = {
    b"PK\x03\x04": "ZIP",
    b"PK\x05\x06": "ZIP",
    b"\x1f\x8b": "gzip",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "RAR",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f]")
_COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.DOTALL)
_ROOT = re.compile(rb"<(?:\w+:)?(\w+)")  # the first element; a prolog begins otherwise
_SHAPES_IN_XML = {b"kml", b"gpx", b"osm", b"FeatureCollection"}
_LEADS = (  # what GDAL takes for a description wherever it stands in the head of a file
    b"<ogrvrt", b"<vrtdataset", b"<gdal_wms", b"<gdaltileindex", b"<ogrwfs", b"<ogrgmlas",
    b"<wms_", b"<gdalwmts", b"<wcs_", b"<tileservice", b"gdal_streamed_alg",
)  # fmt: skip
_BESIDE = (
    ".dbf", ".shx", ".prj", ".cpg", ".qix", ".dat", ".map", ".id", ".ind", ".mid", ".xsd", ".gfs",
    ".csvt",
)  # fmt: skip
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
_DXF = re.compile(rb"\s*(?:0|999)\s*\r?\n")
VECTORS = "GeoPackage, GeoJSON, FlatGeobuf, Shapefile, KML, GML, GPX, DXF, MapInfo or CSV"
"""Formats that hold their shapes themselves: others may lead to other files, to the network, or to
code."""


def _within(name: str | None) -> str | None:
    """Refuse a name that leads out of the folder it belongs to, whatever stands there."""
    if name is None:
        return None
    posix, windows = PurePosixPath(name), PureWindowsPath(name)
    if not name.strip() or _NO_TEXT.search(name) or len(name) > 255:
        msg = "wanted the name of a file, without control characters, of 255 letters at most"
        raise ValueError(msg)
    if posix.is_absolute() or windows.drive or windows.root or "://" in name:
        msg = (
            "wanted a name within the folder: a study is given to others, on whose machines "
            "another path leads somewhere else; name another folder by --inputs"
        )
        raise ValueError(msg)
    if ".." in (*posix.parts, *windows.parts):
        msg = (
            "wanted a name within the folder, without `..`: no study reads what lies outside; "
            "name another folder by --inputs"
        )
        raise ValueError(msg)
    return name


WITHIN = AfterValidator(_within)
"""Marks the key of a settings table that names a file of a folder."""


def led_out(folder: Path, name: str) -> str:
    """
    Say where a link leads that leaves the folder of a file.

    Returns
    -------
    problem
        Empty where the file lies in the folder, or where there is none.
    """
    try:
        real = (folder / name).resolve()
        if real.is_relative_to(folder.resolve()):
            return ""
    except (OSError, RuntimeError, ValueError) as problem:  # a ring of links, for instance
        return f"cannot be followed ({problem})"
    return f"leads to {real}, out of the folder {folder}; wanted the file itself in the folder"


def is_within(folder: Path, name: str) -> bool:
    """Whether a name means a file of a folder, be it there or not."""
    try:
        _within(name)
    except ValueError:
        return False
    return not led_out(folder, name)


def check_file(path: Path, wanted: str) -> None:
    """
    Refuse what is no file of its own: nothing, an archive, a description of other files.

    Parameters
    ----------
    path
        The file.
    wanted
        What it should hold, in words.

    Raises
    ------
    InputError
        The message names the file and says what was found.
    """
    try:
        if path.is_dir():
            msg = f"{path}: found a folder; wanted {wanted} in one file, such as a GeoPackage"
            raise InputError(msg)
        if not path.is_file():
            msg = f"{path}: no such file; wanted {wanted}"
            raise InputError(msg)
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError as problem:
        msg = f"{path}: cannot be read ({problem}); wanted {wanted}"
        raise InputError(msg) from problem
    if not head:
        msg = f"{path}: is empty; wanted {wanted}"
        raise InputError(msg)
    for mark, kind in _ARCHIVES.items():
        if head.startswith(mark):
            msg = f"{path}: found a {kind} archive; wanted {wanted}, unpacked"
            raise InputError(msg)
    text = _COMMENT.sub(b"", head.removeprefix(b"\xef\xbb\xbf")).lstrip()
    leads = any(mark in head.lower() for mark in _LEADS)
    if text.startswith(b"<") or leads:
        root = _ROOT.search(text)
        if leads or root is None or root[1] not in _SHAPES_IN_XML or b"<!DOCTYPE" in head:
            msg = (
                f"{path}: found text that may lead to other files or to the network; wanted "
                f"{wanted} in the file itself"
            )
            raise InputError(msg)


def features(path: Path, wanted: str) -> gpd.GeoDataFrame:
    """
    Read the one layer of a vector file.

    Parameters
    ----------
    path
        The file.
    wanted
        What it should hold, in words, for messages.

    Returns
    -------
    frame
        Not empty; every coordinate in plan is a place on Earth.

    Raises
    ------
    InputError
        No such file, none that can be read, more layers than one, an empty one, or one with
        coordinates that are no place.
    """
    check_file(path, wanted)
    if not _holds_shapes(path):
        msg = f"{path}: found no format that is known to hold {wanted}; wanted {VECTORS}"
        raise InputError(msg)
    try:
        with warnings.catch_warnings():
            # what is wrong with shapes is checked below, and where they are used
            warnings.simplefilter("ignore", RuntimeWarning)
            layers = [str(name) for name, _ in pyogrio.list_layers(path)]
            if len(layers) == 1:
                frame = pyogrio.read_dataframe(path)
    except FOREIGN as problem:
        msg = f"{path}: cannot be read as {wanted}, or is cut off ({_short(problem)})"
        raise InputError(msg) from problem
    if len(layers) != 1:
        found = ", ".join(layers[:5]) or "none"
        msg = f"{path}: found the layers {found}; wanted one, of {wanted}"
        raise InputError(msg)
    if frame.empty:
        msg = f"{path}: is empty; wanted {wanted}"
        raise InputError(msg)
    if isinstance(frame, gpd.GeoDataFrame):
        check_places(path, frame, "that are no numbers, or no place on Earth")
    return frame


def beside(path: Path) -> tuple[Path, ...]:
    """Files that a file of shapes is read with: its table, its system, what is not yet written."""
    near = (path.with_suffix(end) for end in _BESIDE)
    logs = (path.with_name(f"{path.name}{end}") for end in ("-wal", "-journal"))
    return tuple(each for each in (*near, *logs) if each != path and each.is_file())


def _holds_shapes(path: Path) -> bool:
    """Whether a file begins like one of `VECTORS`."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if head.startswith(b"SQLite format 3\0"):
        return head[68:72] in _GEOPACKAGE  # other databases may have tables that are elsewhere
    if head.startswith((b"fgb\x03fgb", b"\x00\x00\x27\x0a")):
        return True
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    if text.startswith((b"<", b"{", b"[", b"\x1e", b"version ")):
        return True
    if text.startswith(b"!table"):
        return b"seamless" not in text  # which is a list of other tables
    drawing = _DXF.match(head) is not None and b"section" in text
    return drawing or (path.suffix.lower() == ".csv" and b"\0" not in head)


def moved(path: Path, frame: gpd.GeoDataFrame, crs: object) -> gpd.GeoDataFrame:
    """
    Bring a layer into another reference system.

    Raises
    ------
    InputError
        There is no way from the layer's own system, or a point of it lies where the other does
        not reach.
    """
    named = getattr(crs, "name", str(crs))
    try:
        out = frame.to_crs(crs)
    except FOREIGN as problem:
        msg = f"{path}: cannot be brought into {named} ({_short(problem)})"
        raise InputError(msg) from problem
    check_places(
        path,
        out,
        f"outside {named}; wanted degrees, unless the file names another reference system",
    )
    return out


def check_places(path: Path, frame: gpd.GeoDataFrame, what: str) -> None:
    """Refuse shapes with coordinates that are no place on Earth, by number of the feature."""
    points, number = shapely.get_coordinates(frame.geometry.to_numpy(), return_index=True)
    wrong = number[~(np.abs(points) < _FARTHEST).all(axis=1)]
    if wrong.size:
        msg = f"{path}: feature {wrong[0] + 1} has coordinates {what}"
        raise InputError(msg)


def _short(problem: BaseException) -> str:
    """First line of what a library says, cut where it quotes the file."""
    line = next(iter(str(problem).splitlines()), "") or type(problem).__name__
    return line if len(line) <= 300 else f"{line[:300]} ..."
