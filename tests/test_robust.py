"""Inputs spoiled in every way we know: one clear message that names the file, or a right answer."""

import gzip
import json
import signal
import warnings
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread
from typing import Any, get_args

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import shapely
import small_study
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from rasterio.errors import NotGeoreferencedWarning
from small_study import CELL, COLS, EPSG, LEFT, ROWS, TOP, degrees, road, write_features
from typer.testing import CliRunner

import realign
from realign import cli, drowned
from realign.conditioning import Conditioning
from realign.errors import NoRouteError, RealignError, StudyError
from realign.geometry.alignment import ground_under
from realign.highway import Existing
from realign.reservoir import Dam
from realign.submergence import Clearance
from realign.terrain import Elevation

SECONDS = 10  # an input that takes longer than this hangs
Spoil = Callable[[Path], object]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a small study that a test spoils; gives the study file."""
    return small_study.write(tmp_path / "study")


@contextmanager
def in_time() -> Iterator[None]:
    """Refuse to hang."""

    def late(*_: object) -> None:
        msg = f"hangs: more than {SECONDS} s"
        raise TimeoutError(msg)

    former = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


def read(file: Path) -> drowned.Drowned:
    """Do what every command does first."""
    with in_time():
        study = realign.load(file)
        drowned.check(study)
        return drowned.submerge(study)


def limits(found: drowned.Drowned) -> NDArray[np.float64]:
    """Chainages of the sections that the lake takes [m]."""
    return np.array([(each.section.start, each.section.end) for each in found.submergence.sections])


def refused(file: Path, *words: str) -> str:
    """Text of the error of a study that is refused."""
    with pytest.raises(RealignError) as problem:
        read(file)
    told = str(problem.value)
    assert all(word in told for word in words), told
    assert "Traceback" not in told
    assert len(told) < 3000, f"{len(told)} letters: {told[:200]}"
    return told


def inputs(file: Path, name: str) -> Path:
    return file.parent / "inputs" / name


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), "utf-8")


# ---------------------------------------------------------------- ground


def raster(path: Path, z: NDArray[Any], **other: Any) -> None:
    """Write levels as GeoTIFF, with whatever is to be different."""
    profile = {
        "driver": "GTiff", "width": z.shape[1], "height": z.shape[0], "count": 1,
        "dtype": z.dtype, "crs": f"EPSG:{EPSG}", "nodata": None,
        "transform": Affine(CELL, 0, LEFT, 0, -CELL, TOP), **other,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)  # on purpose
        with rasterio.open(path, "w", **profile) as target:
            target.write(z, 1)


def degrees_transform(*, swapped: bool) -> Affine:
    lon, lat = small_study.point(0.0, TOP)
    step = CELL / 111_000
    return Affine(step, 0, lat, 0, -step, lon) if swapped else Affine(step, 0, lon, 0, -step, lat)


def island(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take levels away far from road and river."""
    out = z.copy()
    out[2:8, 150:160] = np.nan
    return out


def bomb(path: Path, side: int) -> None:
    """Write a raster of some kilobytes that says that it has `side` squared cells."""
    profile = {
        "driver": "GTiff", "width": side, "height": side, "count": 1, "dtype": "float32",
        "crs": f"EPSG:{EPSG}", "transform": Affine(CELL, 0, LEFT, 0, -CELL, TOP),
        "tiled": True, "blockxsize": 4096, "blockysize": 4096, "compress": "deflate",
        "SPARSE_OK": "TRUE",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile):
        pass


def vrt(path: Path, source: Path) -> None:
    """Write a raster that is another one somewhere else."""
    path.write_text(
        f'<VRTDataset rasterXSize="{COLS}" rasterYSize="{ROWS}"><SRS>EPSG:{EPSG}</SRS>'
        f"<GeoTransform>{LEFT}, {CELL}, 0, {TOP}, 0, -{CELL}</GeoTransform>"
        '<VRTRasterBand dataType="Float32" band="1"><SimpleSource>'
        f'<SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1</SourceBand>'
        "</SimpleSource></VRTRasterBand></VRTDataset>",
        "utf-8",
    )


def told(path: Path, say: Callable[[Any], None]) -> None:
    """Have a raster say something of itself."""
    with rasterio.open(path, "r+") as to:
        say(to)


def catalogue(source: Path) -> str:
    """Write a catalogue of rasters that are elsewhere, which GDAL opens as one (STACIT)."""
    bands = {"href": str(source), "type": "image/tiff", "roles": ["data"]}
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": ["https://stac-extensions.github.io/projection/v1.0.0/schema.json"],
        "id": "a",
        "properties": {
            "proj:epsg": EPSG,
            "proj:transform": [CELL, 0, LEFT, 0, -CELL, TOP],
            "proj:shape": [ROWS, COLS],
            "datetime": "2020-01-01",
        },
        "geometry": None,
        "bbox": [76, 35, 77, 36],
        "collection": "c",
        "assets": {"B": bands},
    }
    return json.dumps({"type": "FeatureCollection", "stac_version": "1.0.0", "features": [item]})


def outside(path: Path) -> Path:
    """Move an input beside the study, where no key leads."""
    return path.rename(path.parents[2] / path.name)


def zipped(path: Path) -> None:
    """Pack a file, and the archive again, under the file's own name."""
    content = path.read_bytes()
    for name in (path.name, "inner.zip"):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)
        content = path.read_bytes()


DEMS: dict[str, Spoil] = {
    "empty": lambda p: p.write_bytes(b""),
    "a byte": lambda p: p.write_bytes(b"I"),
    "head only": lambda p: p.write_bytes(p.read_bytes()[:8]),
    "cut at a tenth": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 10]),
    "cut at nine tenths": lambda p: p.write_bytes(p.read_bytes()[: 9 * p.stat().st_size // 10]),
    "random bytes": lambda p: p.write_bytes(np.random.default_rng(1).bytes(5000)),
    "random behind the head": lambda p: p.write_bytes(
        p.read_bytes()[:16] + np.random.default_rng(2).bytes(5000)
    ),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "text": lambda p: p.write_text("levels"),
    "an archive": zipped,
    "gzip": lambda p: p.write_bytes(gzip.compress(p.read_bytes())),
    "all without data": lambda p: raster(p, np.full((ROWS, COLS), np.nan, np.float32)),
    "all infinite": lambda p: raster(p, np.full((ROWS, COLS), np.inf, np.float32)),
    "one infinite": lambda p: raster(p, np.where(np.eye(ROWS, COLS) > 0, np.inf, 900.0)),
    "one cell": lambda p: raster(p, np.full((1, 1), 900.0, np.float32)),
    "one row": lambda p: raster(p, np.full((1, COLS), 900.0, np.float32)),
    "uint8": lambda p: raster(p, np.clip(small_study.ground(), 0, 255).astype(np.uint8)),
    "in millimetres": lambda p: raster(p, small_study.ground() * 1000),
    "complex numbers": lambda p: raster(p, small_study.ground().astype(np.complex64)),
    "two bands": lambda p: raster(p, small_study.ground(), count=2),
    "no system": lambda p: raster(p, small_study.ground(), crs=None),
    "no transform": lambda p: raster(p, small_study.ground(), transform=Affine.identity()),
    "a transform without area": lambda p: raster(
        p, small_study.ground(), transform=Affine(0, 0, LEFT, 0, 0, TOP)
    ),
    "a transform that is none": lambda p: raster(
        p, small_study.ground(), transform=Affine(np.nan, 0, LEFT, 0, -CELL, TOP)
    ),
    "huge cells": lambda p: raster(
        p, small_study.ground(), transform=Affine(1e300, 0, LEFT, 0, -1e300, TOP)
    ),
    "tiny cells": lambda p: raster(
        p, small_study.ground(), transform=Affine(1e-300, 0, LEFT, 0, -1e-300, TOP)
    ),
    "another zone": lambda p: raster(p, small_study.ground(), crs="EPSG:32642"),
    "another hemisphere": lambda p: raster(p, small_study.ground(), crs="EPSG:32743"),
    "degrees that are metres": lambda p: raster(p, small_study.ground(), crs="EPSG:4326"),
    "axes exchanged": lambda p: raster(
        p, small_study.ground(), crs="EPSG:4326", transform=degrees_transform(swapped=True)
    ),
    "a system in feet": lambda p: raster(p, small_study.ground(), crs="EPSG:2263"),
    "a geocentric system": lambda p: raster(p, small_study.ground(), crs="EPSG:4978"),
    "a local system": lambda p: raster(
        p, small_study.ground(), crs='LOCAL_CS["mine",UNIT["metre",1]]'
    ),
    "far away": lambda p: raster(
        p, small_study.ground(), transform=Affine(CELL, 0, LEFT + 1e6, 0, -CELL, TOP)
    ),
    "beside": lambda p: raster(
        p, small_study.ground(), transform=Affine(CELL, 0, LEFT + COLS * CELL, 0, -CELL, TOP)
    ),
    "too large to read": lambda p: bomb(p, 400_000),
    "nothing but itself": lambda p: vrt(p, p),
    "a file that is elsewhere": lambda p: vrt(p, outside(p)),
    "a file that is in the network": lambda p: vrt(p, Path("/vsicurl/http://127.0.0.1:9/dem.tif")),
    "a service of the network": lambda p: p.write_text(
        '<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:9/${z}</ServerUrl></Service>'
        "<DataWindow><UpperLeftX>0</UpperLeftX><UpperLeftY>1</UpperLeftY><LowerRightX>1"
        "</LowerRightX><LowerRightY>0</LowerRightY><SizeX>9</SizeX><SizeY>9</SizeY></DataWindow>"
        "</GDAL_WMS>"
    ),
    "a link that leads outside": lambda p: p.symlink_to(outside(p)),
    "a description behind a comment": lambda p: (
        vrt(p, outside(p)),
        p.write_text("<!-- <kml -->" + p.read_text()),
    ),
    "a catalogue of other files": lambda p: p.write_text(catalogue(outside(p))),
    "levels on another datum": lambda p: raster(p, small_study.ground(), crs="EPSG:32643+5773"),
    "levels above the ellipsoid": lambda p: raster(
        p, small_study.ground(), crs="EPSG:4979", transform=degrees_transform(swapped=False)
    ),
    "levels in feet": lambda p: raster(p, small_study.ground(), crs="EPSG:32643+6360"),
    "a tag of another datum": lambda p: (
        raster(p, small_study.ground()),
        told(p, lambda to: to.update_tags(VERTICAL_DATUM="EGM96")),
    ),
    "a band in feet": lambda p: (
        raster(p, small_study.ground()),
        told(p, lambda to: to.set_band_unit(1, "feet")),
    ),
}
"""Grounds that no study can stand on."""

SAME_DEMS: dict[str, Spoil] = {
    "whole doubles": lambda p: raster(p, small_study.ground().astype(np.float64)),
    "big endian": lambda p: raster(p, small_study.ground(), ENDIANNESS="BIG"),
    "tiled and packed": lambda p: raster(
        p, small_study.ground(), tiled=True, blockxsize=16, blockysize=16, compress="deflate"
    ),
    "an island without data": lambda p: raster(p, island(small_study.ground())),
    "south up": lambda p: raster(
        p, small_study.ground()[::-1], transform=Affine(CELL, 0, LEFT, 0, CELL, TOP - ROWS * CELL)
    ),
}
"""The same ground, written in another way."""


@pytest.mark.parametrize("name", DEMS)
def test_a_ground_that_is_none_is_refused(file: Path, name: str) -> None:
    DEMS[name](inputs(file, "dem.tif"))
    told = refused(file)
    assert "dem.tif" in told or "highway.geojson" in told, told


def hillside(z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Choose the higher part of both sides of the valley, over some length."""
    return (z > 885) & (z < 1100) & within(5600, 6300)


def strip(z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Choose a few cells of either side."""
    return (z > 900) & (z < 1000) & within(7500, 7800)


def specks(z: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Choose single cells above the lake."""
    return (np.random.default_rng(1).uniform(size=z.shape) < 0.004) & (z > 868)


def roadside() -> NDArray[np.bool_]:
    """Choose a strip beside the highway so near that no new road can leave it beyond the lake."""
    x, y = (np.arange(COLS) + 0.5) * CELL, TOP - (np.arange(ROWS) + 0.5) * CELL
    off = y[:, None] - small_study.river_y(x)[None, :] - small_study.ASIDE
    return (off > 1.6 * CELL) & (off < 4 * CELL) & within(8000, 12_500)


def within(first: float, last: float) -> NDArray[np.bool_]:
    """Choose columns by the easting from the western edge."""
    x = (np.arange(COLS) + 0.5) * CELL
    return np.asarray(((x > first) & (x < last))[None, :])


@pytest.mark.parametrize("void", [hillside, strip, specks])
def test_a_new_road_leads_past_ground_that_is_not_known(
    file: Path, void: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
) -> None:
    z = small_study.ground()
    small_study.write_dem(inputs(file, "dem.tif"), np.where(void(z), np.nan, z))
    plan = realign.run(realign.load(file))
    assert len(plan.links) >= 3
    for link in plan.links:
        assert link.alignment is not None
        s = np.arange(0, link.length, 5.0)
        _, ground, slope = ground_under(link.alignment.plan, plan.terrain, s)
        assert np.isfinite(ground).all()
        assert np.isfinite(slope).all()


def test_where_no_ground_is_known_for_a_road_the_remedy_is_named(file: Path) -> None:
    z = small_study.ground()
    small_study.write_dem(inputs(file, "dem.tif"), np.where(roadside(), np.nan, z))
    with pytest.raises(NoRouteError, match=r"joins \d\+\d{3} and .*conditioning\.fill_void_m"):
        realign.run(realign.load(file))


@pytest.mark.parametrize("name", SAME_DEMS)
def test_the_same_ground_in_another_form_gives_the_same(file: Path, name: str) -> None:
    wanted = limits(read(file))
    SAME_DEMS[name](inputs(file, "dem.tif"))
    assert limits(read(file)) == pytest.approx(wanted, abs=1e-6)


def test_levels_in_whole_metres_are_close(file: Path) -> None:
    wanted = limits(read(file))
    raster(inputs(file, "dem.tif"), small_study.ground().round().astype(np.int16), nodata=-32768)
    found = limits(read(file))
    assert found == pytest.approx(wanted, abs=120.0)  # half a metre on a road of 6 m a kilometre


# ---------------------------------------------------------------- road, rivers, areas

XY = road()


def line(path: Path, xy: NDArray[np.float64], *others: tuple[str, Any]) -> None:
    write_features(path, ("LineString", degrees(xy)), *others, name="Clear River")


def document(path: Path, coordinates: str, kind: str = "LineString", more: str = "") -> None:
    """Write GeoJSON with coordinates as they are given."""
    path.write_text(
        f'{{"type": "FeatureCollection", {more} "features": [{{"type": "Feature", "properties": '
        f'{{"name": "Clear River"}}, "geometry": {{"type": "{kind}", "coordinates": '
        f"{coordinates}}}}}]}}",
        "utf-8",
    )


def shapes(path: Path, *what: shapely.Geometry | None, crs: str | None = f"EPSG:{EPSG}") -> None:
    """Write geometries into a GeoPackage, and name that in the study."""
    frame = gpd.GeoDataFrame({"name": ["Clear River"] * len(what)}, geometry=list(what), crs=crs)
    made = path.with_suffix(".gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # no system: on purpose
        frame.to_file(made, driver="GPKG")
    path.unlink()
    study = path.parents[1] / "study.toml"
    table = {"highway": "[existing]", "rivers": "[rivers]"}[path.stem]
    text = study.read_text("utf-8").replace('file = "rivers.geojson"\n', "")
    study.write_text(text.replace(table, f'{table}\nfile = "{made.name}"'), "utf-8")


LINES: dict[str, Spoil] = {
    "empty": lambda p: p.write_bytes(b""),
    "random bytes": lambda p: p.write_bytes(np.random.default_rng(3).bytes(5000)),
    "cut off": lambda p: p.write_bytes(p.read_bytes()[: p.stat().st_size // 2]),
    "a bracket too few": lambda p: p.write_bytes(p.read_bytes().rstrip()[:-1]),
    "UTF-16": lambda p: p.write_text(p.read_text("utf-8"), "utf-16"),
    "a name in latin-1": lambda p: p.write_bytes(
        p.read_text().replace('"properties": {', '"properties": {"a": "\u00e9", ').encode("latin-1")
    ),
    "an archive": zipped,
    "gzip": lambda p: p.write_bytes(gzip.compress(p.read_bytes())),
    "a folder": lambda p: (p.unlink(), p.mkdir()),
    "null": lambda p: p.write_text("null"),
    "a number": lambda p: p.write_text("17"),
    "a list": lambda p: p.write_text("[]"),
    "brackets without end": lambda p: p.write_text("[" * 100_000),
    "coordinates in brackets without end": lambda p: document(p, "[" * 50_000 + "]" * 50_000),
    "no features": write_features,
    "points": lambda p: write_features(p, ("Point", degrees(XY)[0])),
    "a null geometry beside": lambda p: p.write_text(
        json.dumps(
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "properties": {}, "geometry": None},
                    json.loads(p.read_text())["features"][0],
                ],
            }
        )
    ),
    "only null geometries": lambda p: p.write_text(
        '{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}, '
        '"geometry": null}]}'
    ),
    "no coordinates": lambda p: document(p, "[]"),
    "one vertex": lambda p: document(p, f"[{degrees(XY)[0]}]"),
    "one vertex many times": lambda p: document(p, f"{[degrees(XY)[0]] * 50}"),
    "texts for coordinates": lambda p: document(p, '[["a", "b"], ["c", "d"]]'),
    "null for coordinates": lambda p: document(p, "[[null, null], [73, 35]]"),
    "NaN": lambda p: document(p, "[[NaN, NaN], [73, 35]]"),
    "Infinity": lambda p: document(p, "[[Infinity, 35], [73, 35]]"),
    "huge": lambda p: document(p, "[[1e308, 1e308], [-1e308, 1e308]]"),
    "too huge for a number": lambda p: document(p, "[[1e999, 35], [73, 35]]"),
    "axes exchanged": lambda p: document(p, str([xy[::-1] for xy in degrees(XY)])),
    "metres that should be degrees": lambda p: document(p, str(XY.tolist())),
    "far away": lambda p: document(p, "[[10.0, 50.0], [10.1, 50.1]]"),
    "around the world": lambda p: document(p, "[[-180, -90], [180, 90]]"),
    "another system in its head": lambda p: document(
        p,
        str(degrees(XY)),
        more='"crs": {"type": "name", "properties": {"name": "EPSG:32743"}},',
    ),
    "no system": lambda p: shapes(p, shapely.LineString(XY), crs=None),
    "a system of another zone": lambda p: shapes(p, shapely.LineString(XY), crs="EPSG:32642"),
    "polygons": lambda p: shapes(p, shapely.box(LEFT, TOP - 900, LEFT + 900, TOP)),
    "a database that is cut off": lambda p: (
        shapes(p, shapely.LineString(XY)),
        g := p.with_suffix(".gpkg"),
        g.write_bytes(g.read_bytes()[:20_000]),
    ),
    "curves": lambda p: wkt(p, "CIRCULARSTRING (0 0, 1 1, 2 0)"),
    "a layer of the network": lambda p: p.write_text(
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/vsicurl/http://127.0.0.1:9/a.json'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    ),
    "a layer of another file": lambda p: p.write_text(
        f'<OGRVRTDataSource><OGRVRTLayer name="highway"><SrcDataSource>{outside(p)}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    ),
    "a layer behind a comment": lambda p: p.write_text(
        f'<!-- <kml --><OGRVRTDataSource><OGRVRTLayer name="highway"><SrcDataSource>{outside(p)}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    ),
    "a layer in a comment": lambda p: p.write_text(
        f'{{"type": "x"}}<OGRVRTDataSource><OGRVRTLayer name="highway"><SrcDataSource>{outside(p)}'
        "</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
    ),
    "a command": lambda p: p.write_text(
        json.dumps(
            {
                "type": "gdal_streamed_alg",
                "command_line": f"gdal vector pipeline ! read {p} ! write",
            }
        )
    ),
    "a link that leads outside": lambda p: p.symlink_to(outside(p)),
    "an entity without end": lambda p: p.write_text(
        '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa">'
        + "".join(f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in pairwise("abcdefghi"))
        + ']><kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>&i;</name></Document></kml>'
    ),
    "an entity that is a file": lambda p: p.write_text(
        '<?xml version="1.0"?><!DOCTYPE kml [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
        '<kml xmlns="http://www.opengis.net/kml/2.2"><Placemark><name>&a;</name></Placemark></kml>'
    ),
}
"""Lines that are no road and no river."""

ROADS: dict[str, Spoil] = {
    "two parts far apart": lambda p: line(p, XY[:100], ("LineString", degrees(XY[150:]))),
    "a fork": lambda p: line(
        p,
        XY,
        ("LineString", degrees(np.array([XY[0], XY[0] + 500]))),
        ("LineString", degrees(np.array([XY[0], XY[0] - 100]))),
    ),
    "a ring": lambda p: line(p, np.vstack((XY, XY[::-1] + np.array([0, 5]), XY[:1]))),
    "no class beside": lambda p: write_features(
        p, ("GeometryCollection", []), ("LineString", degrees(XY))
    ),
}
"""Lines that are no one road; rivers may be like that."""

ROADS |= {
    "a stretch that is driven twice": lambda p: line(
        p, (xy := lines_of(p))[np.r_[0:150, 149:90:-1, 91 : len(xy)]]
    ),
}

SAME_LINES: dict[str, Spoil] = {
    "vertices twice": lambda p: line(p, np.repeat(lines_of(p), 2, axis=0)),
    "parts that touch": lambda p: write_features(
        p,
        ("MultiLineString", [coordinates(p)[:100], coordinates(p)[99:]]),
        name="Clear River",
    ),
    "levels beside": lambda p: document(p, str([[*xy, 1e9] for xy in coordinates(p)])),
    "a byte order mark": lambda p: p.write_bytes(b"\xef\xbb\xbf" + p.read_bytes()),
    "a geopackage in another system": lambda p: shapes(
        p, shapely.LineString(coordinates(p)), crs="EPSG:4326"
    ),
    "a geopackage in the next zone": lambda p: shapes(
        p,
        gpd.GeoSeries([shapely.LineString(coordinates(p))], crs=4326).to_crs(32642)[0],
        crs="EPSG:32642",
    ),
}
"""The same line, written in another way."""


def coordinates(path: Path) -> list[list[float]]:
    return json.loads(path.read_text("utf-8"))["features"][0]["geometry"]["coordinates"]


def lines_of(path: Path) -> NDArray[np.float64]:
    frame = gpd.read_file(path).to_crs(EPSG)
    return shapely.get_coordinates(frame.geometry[0])


def wkt(path: Path, text: str) -> None:
    """Write a geometry that GeoJSON cannot hold, as CSV."""
    path.write_text(f'WKT,name\n"{text}",Clear River\n', "utf-8")


@pytest.mark.parametrize("of", ["highway.geojson", "rivers.geojson"])
@pytest.mark.parametrize("name", LINES)
def test_lines_that_are_none_are_refused(file: Path, of: str, name: str) -> None:
    LINES[name](inputs(file, of))
    told = refused(file)
    assert Path(of).stem in told, told


@pytest.mark.parametrize("name", ROADS)
def test_a_road_that_is_not_one_is_refused(file: Path, name: str) -> None:
    ROADS[name](inputs(file, "highway.geojson"))
    refused(file, "highway.geojson")


@pytest.mark.parametrize("of", ["highway.geojson", "rivers.geojson"])
@pytest.mark.parametrize("name", SAME_LINES)
def test_the_same_line_in_another_form_gives_the_same(file: Path, of: str, name: str) -> None:
    wanted = limits(read(file))
    SAME_LINES[name](inputs(file, of))
    assert limits(read(file)) == pytest.approx(wanted, abs=0.5)


# ---------------------------------------------------------------- names of files

KEYS = {
    "elevation.file": ("[elevation]", "file"),
    "existing.file": ("[existing]", "file"),
    "existing.segments": ("[existing]", "segments"),
    "rivers.file": ("[rivers]", "file"),
    "rivers.no_go": ("[rivers]", "no_go"),
    "dams[Narrows].extent": ("[[dams]]", "extent"),
    "hazard.landslides": ("[standard]", "[hazard]\nlandslides"),
    "hazard.faults": ("[standard]", "[hazard]\nfaults"),
    "hazard.lakes": ("[standard]", "[hazard]\nlakes"),
    "roads.file": ("[standard]", "[roads]\nfile"),
    "study.rates": ("[study]", "rates"),
    "study.places": ("[study]", "places"),
    "layers[woods].file": ("[standard]", '[[layers]]\nname = "woods"\nkind = "tracked"\nfile'),
}
"""Keys that name a file: where a line goes, and how it begins."""


def name(file: Path, key: str, value: str) -> None:
    """Name a file in a study."""
    table, begin = KEYS[key]
    own = file.read_text("utf-8").replace('[rivers]\nfile = "rivers.geojson"\n', "[rivers]\n")
    written = f"{begin} = {json.dumps(value)}"
    put = f"{written}\n\n{table}" if begin[0] == "[" else f"{table}\n{written}"
    file.write_text(own.replace(table, put, 1), "utf-8")


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    "value",
    [
        "/etc/passwd",
        "../../../etc/passwd",
        "below/../../../secret.csv",
        "..",
        "C:\\secret.tif",
        "..\\secret.tif",
        "\\\\host\\share\\secret.tif",
        "/vsicurl/http://127.0.0.1:9/dem.tif",
        "http://127.0.0.1:9/dem.tif",
        "zip://a.zip",
        "",
        " ",
        "a\0b",
        "a\nb",
        "x" * 5000,
    ],
)
def test_no_key_leads_out_of_its_folder(file: Path, key: str, value: str) -> None:
    (file.parent.parent / "secret.csv").write_text("name,lon,lat\nsecret word,0,0\n")
    name(file, key, value)
    told = refused(file, f"{key}: ", "wanted")
    assert "secret word" not in told
    with pytest.raises(StudyError):
        realign.load(file)


@pytest.mark.parametrize("key", KEYS)
def test_no_key_follows_a_link_out_of_its_folder(file: Path, key: str) -> None:
    secret = file.parent.parent / "secret"
    secret.write_text("name,lon,lat\nsecret word,0,0\n")
    folder = file.parent if key.startswith("study.") else file.parent / "inputs"
    (folder / "link").symlink_to(secret)
    name(file, key, "link")
    told = refused(file, f"{key}: found 'link'", str(secret.resolve()))
    assert "secret word" not in told


def test_links_within_the_folder_and_links_to_the_folder_are_followed(file: Path) -> None:
    wanted = limits(read(file))
    dem = inputs(file, "dem.tif")
    dem.rename(dem.with_name("other.tif"))
    dem.symlink_to("other.tif")
    elsewhere = file.parent.parent / "elsewhere"
    (file.parent / "inputs").rename(elsewhere)
    (file.parent / "inputs").symlink_to(elsewhere)
    assert (limits(read(file)) == wanted).all()


def test_a_ring_of_links_is_refused(file: Path) -> None:
    dem = inputs(file, "dem.tif")
    dem.unlink()
    dem.symlink_to("dem.tif")
    refused(file, "dem.tif")


# ---------------------------------------------------------------- study and tables

TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "random": lambda _: np.random.default_rng(5).bytes(3000),
    "zeros": lambda _: bytes(3000),
    "UTF-16": lambda b: b.decode().encode("utf-16"),
    "UTF-32": lambda b: b.decode().encode("utf-32"),
    "latin-1": lambda b: b.decode().replace("a", "\u00e4").encode("latin-1"),
    "cut in the middle": lambda b: b[: len(b) // 2],
    "a quote without end": lambda b: b.replace(b"\n", b'\n"', 2),
    "only the first line": lambda b: b.splitlines()[0] + b"\n",
    "JSON": lambda _: b'{"study": 1}',
    "an archive": gzip.compress,
    "a cell without end": lambda b: b + b'"' + b"x" * 200_000,
}


@pytest.mark.parametrize("of", ["study.toml", "rates.csv", "places.csv"])
@pytest.mark.parametrize("how", TEXTS)
def test_a_text_that_is_spoiled_is_refused(file: Path, of: str, how: str) -> None:
    path = file.parent / of
    path.write_bytes(TEXTS[how](path.read_bytes()))
    told = refused(file)
    assert of in told or "wanted one of West, Lower" in told, told  # a place less is a table too


@pytest.mark.parametrize("of", ["study.toml", "rates.csv", "places.csv"])
@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
def test_a_byte_order_mark_and_lines_of_windows_change_nothing(
    file: Path, of: str, mark: bytes
) -> None:
    wanted = limits(read(file))
    path = file.parent / of
    path.write_bytes(mark + path.read_bytes().replace(b"\n", b"\r\n"))
    assert (limits(read(file)) == wanted).all()


@pytest.mark.parametrize(
    "text",
    [
        "a = " + "[" * 5000 + "]" * 5000,
        "a = " + "{b = " * 5000 + "1" + "}" * 5000,
        "a = " + "9" * 6000,
        "a = 1e999999",
        "a = 1\na = 2",
        "study = 1",
        "dams = 5",
        "dams = [1]",
        "[[study]]",
        "[approaches]\na = 1",
        "[[existing]]\nname = 1",
        'programme = "x"',
        "[study]\nplaces = 5",
        "[study]\nplaces = []",
    ],
    ids=lambda text: text[:20],
)
def test_toml_that_is_another_document_is_refused(file: Path, text: str) -> None:
    file.write_text(text, "utf-8")
    refused(file, "study.toml")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("date = 2031-07-01", "date = 2031-07-01T12:00:00"),
        ("date = 2031-07-01", "date = 12:00:00"),
        ("date = 2031-07-01", "date = 20310701"),
        ("date = 2031-07-01", "date = 1e30"),
        ("date = 2032-07-01", "date = 9999-12-31"),
        ("date = 2031-07-01", "date = 0001-01-01"),
        ("date = 2032-07-01", "date = 2092-07-01"),
        ("start = 2026-01-01", "start = 9999-12-31"),
        ("start = 2026-01-01", "start = 0001-01-01"),
        ("start = 2026-01-01", "start = 1951-01-01"),
        ("fx_date = 2025-09-25", "fx_date = 1025-09-25"),
        ("band_m = 1500", "band_m = 1e300"),
        ("most_branches = 4", "most_branches = 1000000000000"),
        ('name = "Narrows"', f'name = "{"N" * 300}"'),
        ('vertical_datum = "EGM2008"', 'vertical_datum = ""'),
        ('vertical_datum = "EGM2008"', f'vertical_datum = "{"x" * 400}"'),
        ('vertical_datum = "EGM2008"', 'vertical_datum = "ellipsoid"'),
        ("level_m = 842", "level_m = nan"),
        ("level_m = 842", "level_m = inf"),
        ("level_m = 842", "level_m = true"),
        ("level_m = 842", 'level_m = "842 m"'),
        ("full_level_m = 858", "full_level_m = 1e308"),
        ("speed_kmh = 60", "speed_kmh = 1000000000000000000000000"),
        ("crs = ", 'crs = "" #'),
        ("crs = ", 'crs = "EPSG:4326" #'),
        ("crs = ", 'crs = "EPSG:2263" #'),
        ("crs = ", 'crs = "EPSG:99999999999999999999"  #'),
        ("crs = ", 'crs = "+proj=pipeline" #'),
        ("crs = ", 'crs = "/etc/passwd" #'),
        ("crs = ", 'crs = "+proj=utm +zone=43 +nadgrids=x.gsb" #'),
        ("crs = ", 'crs = "+proj=utm +zone=43 +geoidgrids=/etc/passwd" #'),
        ("crs = ", 'crs = "+init=epsg:32643" #'),
        ("crs = ", 'crs = "EPSG:3857" #'),
        ("crs = ", 'crs = "EPSG:32647" #'),
        ("crs = ", 'crs = "EPSG:32601" #'),
        ("crs = ", 'crs = "EPSG:3857+5773" #'),
    ],
)
def test_a_value_that_is_none_is_refused(file: Path, old: str, new: str) -> None:
    change(file, old, new)
    refused(file)


@pytest.mark.parametrize(
    ("row", "word"),
    [
        ("Upper,nan,35,", "4: lon"),
        ("Upper,inf,35,", "4: lon"),
        ("Upper,1e400,35,", "4: lon"),
        ("Upper,73.5", "4: lat: missing"),
        ("Upper,,,", "4: lon"),
        ("Upper,35.4,73.4,", "Upper"),  # axes exchanged
        ("Upper,seventy,35,", "4: lon"),
        (",73.5,35.4,", "4: name"),
        ("Upper,1,2,3,4,5,6,7", "more cells than columns"),
    ],
)
def test_a_place_that_is_none_is_refused(file: Path, row: str, word: str) -> None:
    path = file.parent / "places.csv"
    lines = path.read_text().splitlines()
    lines[3] = row
    path.write_text("\n".join(lines))
    assert word in refused(file)


def test_the_same_zone_in_the_other_hemisphere_gives_the_same(file: Path) -> None:
    wanted = limits(read(file))
    change(file, "EPSG:32643", "EPSG:32743")
    assert limits(read(file)) == pytest.approx(wanted, abs=0.5)


# ---------------------------------------------------------------- absurd numbers

FIRST = {
    "elevation": Elevation,
    "conditioning": Conditioning,
    "existing": Existing,
    "clearance": Clearance,
    "dams": Dam,
}
"""Tables that the first stages compute with."""
NUMBERS = [
    (table, key)
    for table, model in FIRST.items()
    for key, field in model.model_fields.items()
    if {field.annotation, *get_args(field.annotation)} & {int, float}
]
ABSURD = ("0", "-1", "1e-12", "1e-3", "1e7", "1e15", "1e300", "nan", "inf")


def put(file: Path, table: str, key: str, value: str) -> None:
    """Give a key of a study another value."""
    head = "[[dams]]" if table == "dams" else f"[{table}]"
    before, found, behind = file.read_text("utf-8").partition(f"{head}\n")
    own, _, rest = behind.partition("\n[")
    lines = [line for line in own.splitlines() if not line.startswith(f"{key} =")]
    lines = "\n".join([f"{key} = {value}", *lines])
    behind = f"{lines}\n[{rest}" if rest else f"{lines}\n"
    file.write_text(f"{before}{head}\n{behind}" if found else f"{before}\n{head}\n{lines}\n")


@pytest.mark.parametrize(("table", "key"), NUMBERS, ids=lambda word: word)
def test_an_absurd_number_is_refused_or_makes_sense(tmp_path: Path, table: str, key: str) -> None:
    for number, value in enumerate(ABSURD):
        file = small_study.write(tmp_path / str(number))
        if table == "conditioning":
            put(file, table, "burn", "true")
        put(file, table, key, value)
        with suppress(RealignError):
            found = read(file)
            assert np.isfinite(limits(found)).all()
            assert np.isfinite(found.highway.level).all()


# ---------------------------------------------------------------- whatever

NAMES = ("dem.tif", "highway.geojson", "rivers.geojson", "places.csv", "rates.csv", "study.toml")


@st.composite
def spoiled(draw: st.DrawFn) -> tuple[str, list[tuple[str, float, bytes]]]:
    """Which file is spoiled, and where it is cut, overwritten, shortened or lengthened."""
    some = st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from([b"\0", b"NaN", b"-1e999", b"\xff\xfe", b"\n", b'"', b"]", b"{", b"1e308"]),
    )
    how = st.sampled_from(["cut", "over", "in", "out", "turn"])
    change = st.tuples(how, st.floats(0, 1), some)
    return draw(st.sampled_from(NAMES)), draw(st.lists(change, min_size=1, max_size=4))


def spoil(content: bytes, changes: list[tuple[str, float, bytes]]) -> bytes:
    for how, share, text in changes:
        at = int(share * len(content))
        before, behind = content[:at], content[at:]
        content = {
            "cut": before,
            "over": before + text + behind[len(text) :],
            "in": before + text + behind,
            "out": before + behind[10 * len(text) :],
            "turn": before + behind[:40][::-1] + behind[40:],
        }[how]
    return content


@given(spoiled())
@settings(max_examples=60, suppress_health_check=list(HealthCheck))
def test_whatever_is_spoiled_there_is_a_message_or_an_answer(
    tmp_path_factory: pytest.TempPathFactory, what: tuple[str, list[tuple[str, float, bytes]]]
) -> None:
    of, changes = what
    file = small_study.write(tmp_path_factory.mktemp("spoiled") / "study")
    path = next(file.parent.rglob(of))
    path.write_bytes(spoil(path.read_bytes(), changes))
    with suppress(RealignError):
        found = read(file)
        assert np.isfinite(limits(found)).all()
        assert found.terrain.crs.to_epsg() in {EPSG, 32643}


# ---------------------------------------------------------------- the command


@pytest.mark.parametrize("command", ["run", "check", "submerged", "costs"])
@pytest.mark.parametrize(
    ("of", "how"),
    [
        ("dem.tif", DEMS["cut at nine tenths"]),
        ("dem.tif", DEMS["too large to read"]),
        ("highway.geojson", LINES["a name in latin-1"]),
        ("rivers.geojson", LINES["one vertex"]),
        ("rivers.geojson", LINES["a link that leads outside"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_command_gives_one_message_and_its_code(
    file: Path, command: str, of: str, how: Spoil
) -> None:
    how(inputs(file, of))
    out = file.parent.parent / "out"
    words = [command, str(file), *(["--out", str(out)] if command in {"run", "costs"} else [])]
    with in_time():
        done = CliRunner().invoke(cli.app, words, catch_exceptions=False)
    assert done.exit_code == 2
    (line,) = [each for each in done.stderr.splitlines() if not each.startswith("first run")]
    assert of in line
    assert not out.exists()


# ---------------------------------------------------------------- areas, bridges, hazards

BOX = shapely.box(LEFT + 5000, TOP - 900, LEFT + 5600, TOP - 300)
BOW = shapely.Polygon([(LEFT, TOP), (LEFT + 900, TOP - 900), (LEFT + 900, TOP), (LEFT, TOP - 900)])
AREAS: dict[str, tuple[shapely.Geometry | None, ...]] = {
    "crossing itself": (BOX, BOW),
    "empty": (BOX, shapely.Polygon()),
    "null": (BOX, None),
    "a point": (BOX, shapely.Point(LEFT, TOP)),
    "a collection": (shapely.GeometryCollection([BOX, shapely.Point(LEFT, TOP)]),),
    "infinite": (shapely.Polygon([(LEFT, TOP), (np.inf, TOP), (LEFT, np.inf)]),),
    "huge": (shapely.box(-1e308, -1e308, 1e308, 1e308),),
    "without area": (shapely.Polygon([(LEFT, TOP), (LEFT + 9, TOP), (LEFT, TOP)]),),
    "twice": (BOX, BOX),
    "with levels": (shapely.force_3d(BOX, 1e9),),
    "with a hole": (BOX.difference(BOX.buffer(-100)),),
    "in two parts": (shapely.MultiPolygon([BOX, shapely.affinity.translate(BOX, 900)]),),
}
RIGHT = {"twice", "with levels", "with a hole", "in two parts"}


@pytest.mark.parametrize("shape", AREAS)
@pytest.mark.parametrize("key", ["rivers.no_go", "dams[Narrows].extent", "layers[woods].file"])
@pytest.mark.parametrize("crs", [f"EPSG:{EPSG}", None])
def test_areas_are_taken_as_they_are_or_refused(
    file: Path, key: str, shape: str, crs: str | None
) -> None:
    frame = gpd.GeoDataFrame(geometry=list(AREAS[shape]), crs=crs)
    path = inputs(file, "area.gpkg")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # no system, no numbers: on purpose
        frame.to_file(path, driver="GPKG")
    name(file, key, path.name)
    if crs is None or (shape not in RIGHT and not key.startswith("layers")):
        refused(file, "area.gpkg")
        return
    with suppress(RealignError):  # a layer of places is mended, so that it may be right
        found = read(file)
        assert np.isfinite(limits(found)).all()
        assert all(part.is_valid for laid in found.layers for part in laid.shapes)
        assert shape in RIGHT or key.startswith("layers")


@pytest.mark.parametrize(
    "row",
    [
        {"from_km": "a", "to_km": 1.0, "brunnel": "bridge"},
        {"from_km": float("nan"), "to_km": 1.0, "brunnel": "bridge"},
        {"from_km": 2.0, "to_km": 1.0, "brunnel": "bridge"},
        {"from_km": -1.0, "to_km": 1.0, "brunnel": "bridge"},
        {"from_km": 0.0, "to_km": 1e300, "brunnel": "bridge"},
        {"from": 0.0, "to": 1.0},
    ],
)
def test_bridges_that_are_none_are_refused(file: Path, row: dict[str, Any]) -> None:
    frame = gpd.GeoDataFrame([row], geometry=[shapely.LineString(XY)], crs=EPSG)
    frame.to_file(inputs(file, "segments.gpkg"), driver="GPKG")
    name(file, "existing.segments", "segments.gpkg")
    refused(file, "segments.gpkg")


# ---------------------------------------------------------------- what is odd and not wrong


def test_a_road_that_crosses_itself_is_told(file: Path) -> None:
    assert not read(file).remarks
    path = inputs(file, "highway.geojson")
    xy = lines_of(path)
    turn = np.linspace(0, 2 * np.pi, 30)[:, None] - np.pi / 2
    ring = xy[120] + [0.0, 300.0] + 300.0 * np.hstack((np.cos(turn), np.sin(turn)))
    line(path, np.vstack((xy[:120], ring, xy[121:])))
    (remark,) = read(file).remarks
    assert remark.startswith("The existing road crosses itself, at ")


def test_nothing_is_asked_of_the_network(file: Path) -> None:
    """Descriptions of files that are on a server, in whatever dress."""
    asked: list[str] = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *args: object) -> None:
            del args

    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        far = Path(f"/vsicurl/{url}/x.tif")
        dem, river = inputs(file, "dem.tif"), inputs(file, "rivers.geojson")
        ground, shapes_ = dem.read_bytes(), river.read_bytes()
        for begin in ("", "<!-- <kml -->", "\n\n", '<?xml version="1.0"?>'):
            vrt(dem, far)
            dem.write_text(begin + dem.read_text())
            refused(file, "dem.tif")
        dem.write_text(catalogue(far))
        refused(file, "dem.tif")
        dem.write_bytes(ground)
        for begin in ("", "<!-- <kml -->", "<kml/>"):
            river.write_text(
                f'{begin}<OGRVRTDataSource><OGRVRTLayer name="x"><SrcDataSource>/vsicurl/{url}/'
                "x.geojson</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>"
            )
            refused(file, "rivers.geojson")
        river.write_bytes(shapes_)
        read(file)
        server.shutdown()
    assert not asked


def masked(path: Path, source: str) -> None:
    """Put a mask that leads elsewhere beside a raster."""
    path.with_name(f"{path.name}.msk").write_text(
        f'<VRTDataset rasterXSize="{COLS}" rasterYSize="{ROWS}"><Metadata><MDI '
        'key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata><VRTRasterBand dataType="Byte" band="1">'
        f'<SimpleSource><SourceFilename relativeToVRT="0">{source}</SourceFilename><SourceBand>1'
        "</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    )


BESIDE: dict[str, str] = {
    "a scale": '<PAMRasterBand band="1"><Scale>0.5</Scale><Offset>400</Offset></PAMRasterBand>',
    "another place": f"<GeoTransform>{LEFT + 1000},{CELL},0,{TOP},0,-{CELL}</GeoTransform>",
    "no data": '<PAMRasterBand band="1"><NoDataValue>800</NoDataValue></PAMRasterBand>',
}


@pytest.mark.parametrize("name", [*BESIDE, "a mask"])
def test_what_lies_beside_a_raster_changes_nothing(file: Path, name: str) -> None:
    path = inputs(file, "dem.tif")
    wanted, was = read(file), drowned.hashes(realign.load(file))
    if name in BESIDE:
        near = path.with_name("dem.tif.aux.xml")
        near.write_text(f"<PAMDataset>{BESIDE[name]}</PAMDataset>")
    else:
        other = path.with_name("m.tif")
        raster(other, np.zeros((ROWS, COLS), np.float32))
        masked(path, str(other))
    found = read(file)
    np.testing.assert_array_equal(found.terrain.z, wanted.terrain.z)
    assert found.terrain.transform == wanted.terrain.transform
    assert drowned.hashes(realign.load(file)) == was


def test_every_part_of_a_shapefile_is_an_input(file: Path) -> None:
    lines = gpd.read_file(inputs(file, "rivers.geojson"))
    lines.to_file(inputs(file, "rivers.shp"))
    change(file, '"rivers.geojson"', '"rivers.shp"')
    was = drowned.hashes(realign.load(file))
    parts = {f"inputs/rivers{end}" for end in (".shp", ".dbf", ".shx", ".prj", ".cpg")}
    assert parts <= set(was)
    table = inputs(file, "rivers.dbf")
    table.write_bytes(table.read_bytes().replace(b"Clear", b"Cloud"))
    now = drowned.hashes(realign.load(file))
    assert {key for key in was if was[key] != now[key]} == {"inputs/rivers.dbf"}
