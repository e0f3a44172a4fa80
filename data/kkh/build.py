"""Build the schematic ground of the default study from the small tables beside this file.

``python data/kkh/build.py [--out DIR]`` writes dem.tif, highway.geojson, highway_segments.geojson,
rivers.geojson and places.geojson.  The ground is schematic: it follows the course and bed levels of
the river, the tributaries and the summits in the tables, and is calibrated so that a plain flood
reproduces the published reservoirs.  It is no survey.
"""

from __future__ import annotations

import argparse
import csv
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from shapely import LineString, Point, get_coordinates

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import landform  # noqa: E402
import outputs  # noqa: E402
import relief  # noqa: E402
import roadline  # noqa: E402
from relief import Course, Flank, Frame  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FRAME = Frame(west=292_800.0, north=3_951_600.0, cell=60.0, rows=1880, cols=3080)
"""Grid of dem.tif [m]: the corridor Thakot-Raikot and at least 8 km beyond."""

SEED = 35
"""Seed of the noise."""

DAM_BASHA = (73.7392, 35.5195)
"""Axis of Diamer-Basha dam, longitude and latitude [deg], published position."""

# Calibrated on the published lakes (Diamer-Basha: 115 km2, 10.0 km3 gross, 7.9 km3 live, 82 km of
# highway flooded, 100 km long; Dasu: 24 km2, 1.4 km3, 46 km of highway flooded), in this order:
# meanders, road heights, flanks last.

MEANDERS = ((0.0, 60.0), (104.0, 60.0), (112.0, 430.0), (176.0, 430.0), (184.0, 600.0))
"""Distance down the river table [km], standard deviation of meanders [m]; calibrated on lengths."""

MEANDER_WAVES = (1400.0, 2800.0)
"""Wave lengths of the meanders [m]; calibrated on lengths."""

CORNER = 450.0
"""Length over which the corners of the river table are rounded [m]."""

FLANK_OPEN = Flank(
    floor=105.0,
    apron_slope=0.24,
    apron_width=480.0,
    wall_slope=0.42,
    wall_top=650.0,
    upper_slope=0.24,
)
"""Valley sides above Basha dam; calibrated on the area and the volumes of its lake."""

FLANK_GORGE = Flank(
    floor=45.0,
    apron_slope=0.85,
    apron_width=250.0,
    wall_slope=1.0,
    wall_top=450.0,
    upper_slope=0.28,
)
"""Valley sides below Basha dam; calibrated on the Dasu lake."""

FLANK_SIDE = Flank(
    floor=40.0, apron_slope=0.35, apron_width=120.0, wall_slope=0.6, wall_top=450.0, upper_slope=0.3
)
"""Sides of the tributary valleys; judged by eye."""

ROAD_HEIGHT = (
    (0.0, 55.0), (95.0, 55.0), (101.0, 30.0), (108.0, 30.0), (118.0, 50.0), (145.0, 46.0),
    (157.0, 60.0), (166.0, 84.0), (175.0, 75.0), (190.0, 60.0), (240.0, 58.0), (283.0, 62.0),
)  # fmt: skip
"""Rough chainage of the existing highway [km] and wanted height above the river bed [m]."""

RIDGES = ((0.0, 3200.0), (180.0, 3200.0), (200.0, 2800.0), (290.0, 2500.0))
"""Distance down the river [km] and mean level of the high ground [m]; its crests stand higher."""

WIDTH_NOISE = ((3500.0, 0.32), (1000.0, 0.18))
"""Wave length [m] and standard deviation of the logarithm of valley widths [-]; judged by eye."""

HEAD_RISE = (500.0, 150.0)
"""Height of the ridges over the beds of tributaries, wanted and least [m]; judged by eye."""

HEAD_REACH = 6000.0
"""Distance from a tributary over which ridges are raised for it [m]; judged by eye."""

OUTWARD_FALL = 1700.0
"""Fall of the high ground from the Indus side to the border of the grid [m]; judged by eye."""

DIVIDE_RISE = 0.045
"""Rise of the high ground away from rivers and the border [-]; judged by eye."""

PASSES = 9
"""Erosion passes on the half grid."""

EROSION = (5.0, 0.01)
"""Erodibility times time step in the first and the last pass [m**0.1]; judged by eye."""

NEAR_RIVER = 3000.0
"""Distance from the Indus within which the carved ground follows the coarse surface closely [m]."""

SIDE_GRADE = 1.35
"""Exponent of the rise of a tributary's bed from its mouth to its head [-]; judged by eye."""

RIVER_HALF = 60.0
"""Half width of the strip along the Indus that the road's bench leaves alone [m]."""

FLOOR_REACH = 400.0
"""Distance from the Indus within which the valley floor is set after erosion [m]."""

ROAD_OFF_RIVER = (85.0, 1500.0)
"""Least and largest distance of the existing highway from the Indus [m]."""


def read_table(name: str) -> list[dict[str, str]]:
    """Read one of the tables beside this file."""
    with (HERE / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def to_ground(rows: Iterable[dict[str, str]], lon: str = "lon", lat: str = "lat") -> Array:
    """Return the projected positions of table rows [m]."""
    table = [(float(row[lon]), float(row[lat])) for row in rows]
    return np.column_stack(outputs.TO_GROUND.transform(*np.array(table).T))


def clip_course(course: Course) -> Course:
    """Return the part of a course inside the grid."""
    inside = FRAME.index(course.xy)[2]
    kept = slice(int(np.argmax(inside)), len(inside) - int(np.argmax(inside[::-1])))
    return Course(course.name, course.xy[kept], course.bed[kept])


def read_summits() -> Array:
    """Return easting, northing and height of the summits [m]."""
    rows = read_table("summits.csv")
    return np.column_stack([to_ground(rows), [float(row["height_m"]) for row in rows]])


def indus_course() -> Course:
    """Return the meandering course of the Indus, carried on straight at both ends."""
    rng = np.random.default_rng(SEED)
    rows = read_table("river.csv")
    xy, bed = to_ground(rows), np.array([float(row["bed_m"]) for row in rows])
    xy = np.vstack([xy[0] + 8 * (xy[0] - xy[1]), xy, xy[-1] + 5 * (xy[-1] - xy[-2])])
    bed = np.concatenate(
        [[bed[0] + 8 * (bed[0] - bed[1])], bed, [bed[-1] - 5 * (bed[-2] - bed[-1])]]
    )
    before = float(np.hypot(*(xy[1] - xy[0])))
    xy, bed = relief.resample(xy, bed, relief.COURSE_STEP)
    xy = relief.smooth_course(xy, CORNER, relief.COURSE_STEP)
    at = (relief.COURSE_STEP * np.arange(len(xy)) - before) / 1000.0
    amplitude = np.interp(at, *np.array(MEANDERS).T)
    xy = relief.meander(xy, amplitude, MEANDER_WAVES, relief.COURSE_STEP, rng)
    return clip_course(Course("Indus", *relief.resample(xy, bed, relief.COURSE_STEP)))


def tributary_courses(indus: Course) -> list[Course]:
    """Return the courses of the tributaries, from head to mouth on the Indus."""
    rows = read_table("tributaries.csv")
    mouths = to_ground(rows, "mouth_lon", "mouth_lat")
    heads = to_ground(rows, "head_lon", "head_lat")
    near = relief.nearness([indus], mouths).point
    rng = np.random.default_rng(SEED + 1)
    courses = []
    for row, head, point in zip(rows, heads, near, strict=True):
        low, high = float(indus.bed[point]), float(row["head_m"])
        ends = np.array([indus.xy[point], head])
        xy, rise = relief.resample(ends, np.array([0.0, 1.0]), relief.COURSE_STEP)
        length = float(np.hypot(*(ends[1] - ends[0])))
        fade = np.minimum(1.0, 4 * np.minimum(rise, 1 - rise))
        waves = (max(1600.0, length / 6), max(3000.0, length / 2))
        xy = relief.meander(xy, fade * min(700.0, length / 22), waves, relief.COURSE_STEP, rng)
        bed = low + (high - low) * rise**SIDE_GRADE
        courses.append(clip_course(Course(row["name"], xy[::-1], bed[::-1])))
    return courses


def coarse_surface(
    frame: Frame, indus: Course, sides: list[Course], rng: np.random.Generator
) -> Array:
    """Return ridges and valleys before erosion.

    Parameters
    ----------
    frame
        Grid.
    indus, sides
        Main river and tributaries.
    rng
        Source of the noise.

    Returns
    -------
    Array
        Level [m].
    """
    main, side = relief.grid_nearness(frame, [indus]), relief.grid_nearness(frame, sides)
    warp = np.exp(sum(part * relief.noise(frame, wave, rng) for wave, part in WIDTH_NOISE))
    at = indus.chainage()[main.point] / 1000.0
    ridge = relief.low_pass(np.interp(at, *np.array(RIDGES).T), 8000.0, frame.cell)
    ridge = ridge - outward_fall(frame, main.distance, side.distance)
    for wave, deviation in relief.NOISE_OCTAVES:
        ridge = ridge + deviation * relief.noise(frame, wave, rng)
    valley = main.bed + flank_height(indus, main.point, main.distance * warp)
    valley = np.minimum(valley, side.bed + FLANK_SIDE.height(side.distance * warp))
    ridge = above_heads(frame, ridge, side)
    above = np.maximum(ridge - main.bed, 300.0)
    height = np.clip(valley - main.bed, 0.0, above)
    ground = relief.low_pass(main.bed + height, 300.0, frame.cell)
    return relief.add_summits(frame, ground, read_summits(), relief.SUMMIT_REACH[0])


def above_heads(frame: Frame, ridge: Array, side: relief.Nearness) -> Array:
    """Return the high ground raised so that it stands above the beds of the tributaries [m]."""
    rise, least = HEAD_RISE
    short = np.maximum(side.bed + rise - ridge, 0.0) * (side.distance < HEAD_REACH)
    raised = ridge + relief.low_pass(short, HEAD_REACH, frame.cell)
    beyond = np.maximum(side.distance - HEAD_REACH / 3, 0.0)
    return np.asarray(np.maximum(raised, side.bed + least - 0.1 * beyond))


def outward_fall(frame: Frame, main: Array, side: Array) -> Array:
    """Return how much the high ground falls towards rivers and the border [m].

    Parameters
    ----------
    frame
        Grid.
    main, side
        Distances from the main river and from the tributaries [m].

    Returns
    -------
    Array
        Fall [m], negative on the divides; beyond the border other valleys are taken to begin.
    """
    rows, cols = np.indices(main.shape)
    edge = np.minimum(
        np.minimum(rows, frame.rows - 1 - rows), np.minimum(cols, frame.cols - 1 - cols)
    )
    border = frame.cell * edge
    away = np.clip((main - 9000.0) / 12000.0, 0.0, 1.0)
    fall = OUTWARD_FALL * away * np.exp(-border / 14000.0)
    return np.asarray(fall - DIVIDE_RISE * np.minimum(np.minimum(main, side), border))


def flank_height(indus: Course, point: NDArray[np.int64], distance: Array) -> Array:
    """Return the height of the Indus valley sides above the bed [m], blended at Basha dam."""
    dam = relief.nearness([indus], np.array([outputs.TO_GROUND.transform(*DAM_BASHA)])).point[0]
    at = relief.COURSE_STEP * (point - dam)
    gorge = np.clip((at + 1500.0) / 3000.0, 0.0, 1.0)
    return np.asarray(
        (1 - gorge) * FLANK_OPEN.height(distance) + gorge * FLANK_GORGE.height(distance)
    )


def burn_rivers(
    frame: Frame, ground: Array, indus: Course, sides: list[Course]
) -> tuple[Array, Mask]:
    """Set the river cells to their bed levels.

    Returns
    -------
    tuple
        New level [m] and the cells whose level erosion must keep: river cells and the border.
    """
    fixed = np.zeros(ground.shape, bool)
    fixed[[0, -1], :] = True
    fixed[:, [0, -1]] = True
    ground = ground.copy()
    for course in [*sides, indus]:
        i, j, inside = frame.index(course.xy)
        ground[i[inside], j[inside]] = course.bed[inside]
        fixed[i[inside], j[inside]] = True
    return ground, fixed


def build_ground(
    indus: Course, sides: list[Course], band: relief.Band, say: Callable[[str], None]
) -> tuple[Array, Mask]:
    """Return the ground before the road is built [m] and the river cells."""
    rng = np.random.default_rng(SEED)
    half = FRAME.halved()
    coarse, fixed = burn_rivers(half, coarse_surface(half, indus, sides, rng), indus, sides)
    near = np.exp(-((relief.grid_nearness(half, [indus]).distance / NEAR_RIVER) ** 2))
    say("coarse surface")
    strengths = np.geomspace(*EROSION, PASSES)
    for number, ground in enumerate(
        relief.erosion_passes(half, coarse, fixed, near, strengths, SEED), 1
    ):
        say(f"erosion pass {number} of {PASSES}")
        carved = ground
    ground = ndimage.zoom(carved, 2, order=1, mode="nearest", grid_mode=True)
    ground += 6.0 * relief.noise(FRAME, 240.0, rng)
    ground, fixed = burn_rivers(FRAME, ground, indus, sides)
    ground = landform.erode(ground, fixed, FRAME.cell, EROSION[1], SEED)
    say("erosion of the full grid")
    ground = relief.settle_summits(FRAME, ground, read_summits())
    river = band.place.distance < RIVER_HALF
    fixed[band.row[river], band.col[river]] = True
    return set_floor(ground, indus, band), fixed


def set_floor(ground: Array, indus: Course, band: relief.Band) -> Array:
    """Level the floor of the Indus valley at the bed of the river."""
    at = band.place
    least = at.bed + np.maximum(0.02 * (at.distance - FLANK_GORGE.floor), 0.0)
    most = at.bed + 1.3 * flank_height(indus, at.point, 0.85 * at.distance)
    most = most + np.maximum(at.distance - FLOOR_REACH / 2, 0.0)
    most = np.where(at.distance < FLOOR_REACH, np.maximum(most, least), np.inf)
    least = np.where(at.distance < FLOOR_REACH, least, -np.inf)
    ground = ground.copy()
    ground[band.row, band.col] = np.clip(ground[band.row, band.col], least, most)
    return ground


def wanted_level(indus: Course, band: relief.Band) -> Array:
    """Return the level at which the highway would run on the cells beside the river [m]."""
    rows = read_table("places.csv")
    at = np.array([float(row["chainage_km"]) for row in rows])
    point = relief.nearness([indus], to_ground(rows)).point
    along = np.interp(-np.arange(len(indus.xy)), -point, at)
    return np.asarray(band.place.bed + np.interp(along[band.place.point], *np.array(ROAD_HEIGHT).T))


def build_road(ground: Array, indus: Course, band: relief.Band) -> Array:
    """Return the course of the existing highway from Thakot to Raikot bridge [m]."""
    rows = read_table("places.csv")
    places = to_ground(rows)
    off = ground[band.row, band.col] - wanted_level(indus, band)
    flow = indus.heading()[band.place.point]
    offset = band.centre - indus.xy[band.place.point]
    right = flow[:, 0] * offset[:, 1] - flow[:, 1] * offset[:, 0] < 0
    free = band.place.distance > ROAD_OFF_RIVER[0]
    names = [row["name"] for row in rows]
    dasu = relief.nearness([indus], places[[names.index("Dasu")]]).point[0]
    to_right = np.array([indus.heading()[dasu][1], -indus.heading()[dasu][0]])
    abutments = [indus.xy[dasu] + side * 1.6 * ROAD_OFF_RIVER[0] * to_right for side in (1, -1)]
    legs = []
    for bank, start, end in ((right, places[0], abutments[0]), (~right, abutments[1], places[-1])):
        use = bank & free
        cells = (band.row[use], band.col[use])
        legs.append(roadline.trace(FRAME, cells, off[use], start, end))
    return roadline.round_line(np.vstack(legs))


def crossings(line: Array, rivers: list[Course]) -> Array:
    """Return the distances along a line where it crosses rivers [m]."""
    road = LineString(line)
    points = [get_coordinates(road.intersection(LineString(river.xy))) for river in rivers]
    return np.sort([road.project(Point(xy)) for xy in np.vstack(points)])


def finish_road(ground: Array, line: Array, fixed: Mask, bridges: Array) -> Array:
    """Return the ground with the road's bench, left open at bridges [m]."""
    i, j, _ = FRAME.index(line)
    at = roadline.SPACING * np.arange(len(line))
    clear = np.min(np.abs(at[:, None] - bridges[None, :]), axis=1) > outputs.BRIDGE_HALF + 60.0
    levels = np.interp(at, at[clear], ground[i, j][clear])
    return roadline.cut_bench(
        FRAME, ground, line, roadline.grade_levels(levels, roadline.SPACING), fixed
    )


def river_feature(course: Course) -> dict[str, Any]:
    """Return a river as a GeoJSON feature, from upstream to downstream."""
    return outputs.feature("LineString", course.xy, {"name": course.name, "class": "river"})


def place_features() -> list[dict[str, Any]]:
    """Return the places as GeoJSON features."""
    rows = read_table("places.csv")
    features = []
    for row, xy in zip(rows, to_ground(rows), strict=True):
        chainage = float(row["chainage_km"])
        facts = {"name": row["name"], "chainage_km": chainage, "source": row["source"]}
        features.append(outputs.feature("Point", xy[None], facts))
    return features


def write_all(folder: Path, say: Callable[[str], None]) -> None:
    """Build everything and write it into a folder."""
    indus = indus_course()
    sides = tributary_courses(indus)
    band = relief.near_cells(FRAME, indus, ROAD_OFF_RIVER[1])
    ground, fixed = build_ground(indus, sides, band, say)
    line = build_road(ground, indus, band)
    bridges = crossings(line, [indus, *sides])
    length_km = round(float(np.sum(np.hypot(*np.diff(line, axis=0).T))) / 1000, 3)
    say(f"highway of {length_km:.1f} km with {len(bridges)} bridges")
    outputs.write_ground(folder / "dem.tif", FRAME, finish_road(ground, line, fixed, bridges))
    road = {"name": "Karakoram Highway, existing", "length_km": length_km, "source": "schematic"}
    content = {
        "highway": [outputs.feature("LineString", line, road)],
        "highway_segments": outputs.segment_features(line, bridges),
        "rivers": [river_feature(course) for course in [indus, *sides]],
        "places": place_features(),
    }
    for name, features in content.items():
        outputs.write_features(folder / f"{name}.geojson", features)


def build(out: Path) -> None:
    """Build into a temporary folder beside the target, then move the files into place."""
    begun = time.perf_counter()

    def say(text: str) -> None:
        print(f"{time.perf_counter() - begun:6.1f} s  {text}", flush=True)

    out = out.resolve()
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as name:
        write_all(Path(name), say)
        out.mkdir(exist_ok=True)
        for file in sorted(Path(name).iterdir()):
            file.replace(out / file.name)
    say(f"wrote {out.name}")


def main(arguments: list[str] | None = None) -> int:
    """Run the program."""
    parser = argparse.ArgumentParser(description="Build the schematic ground of the default study.")
    parser.add_argument(
        "--out", type=Path, default=HERE / "inputs", help="folder to write (default: %(default)s)"
    )
    build(parser.parse_args(arguments).out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
