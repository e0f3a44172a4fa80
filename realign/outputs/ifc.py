"""
Roads as IFC 4.3 (IFC4X3_ADD2): alignment, stationing and reference system for design programs.

Every road is an `IfcAlignment` with its design parameters (horizontal and vertical segments) and
the curves that follow from them (`IfcCompositeCurve`, `IfcGradientCurve`), each closed by the
segment of length 0 that the concept templates of the standard ask for. Coordinates are those of
the study's reference system less whole kilometres, which stand in `IfcMapConversion`: programs
that hold coordinates in single precision keep the millimetre. Levels are not shifted.

A clothoid between nearly equal radii lies far out on its spiral, where programs that draw the
curve by integrating from its origin lose accuracy; the design parameters hold at any radii.

Entities are written one by one rather than through the helpers of ifcopenshell, which draw random
identifiers and change between its versions. The same roads and time stamp give the same bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from math import cos, floor, hypot, pi, sin
from types import ModuleType
from typing import Any
from uuid import UUID, uuid5

import numpy as np
from pyproj import CRS

from realign.chainage import text
from realign.errors import OutputError
from realign.geometry.alignment import Stationed
from realign.geometry.horizontal import Element, Pose
from realign.geometry.vertical import Grades

SCHEMA = "IFC4X3_ADD2"
"""Version of the standard."""
BLOCK = 1000.0
"""The origin of coordinates is a multiple of this in east and north [m]."""
AWAY = 1e-6
"""Curvature that leads no farther than this from a tangent or an arc is written as none [m]."""
SHORTEST = 1e-6
"""Stretches of a grade line shorter than this are left out [m]."""
CLOSE = 1e-4
"""Segments that end this near to the next begin there [m]."""
SAME = 1e-6
"""Bearings and grades that differ less than this are the same [rad, fraction]."""
SAME_CURVATURE = 1e-9
"""Curvatures that differ less than this are the same [1/m]."""

_NAMES = UUID("8f4f3a52-5d0c-5c83-9b8e-3d3a2a6f1e47")  # the space in which our names are unique
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(12)

Entity = Any
"""An entity of ifcopenshell, which has no types that hold for all its versions."""


def document(roads: Sequence[Stationed], *, project: str, crs: CRS, made: datetime) -> bytes:
    """
    Write roads as one IFC file.

    Parameters
    ----------
    roads
        At least one, of different names.
    project
        Name of the project.
    crs
        Projected reference system of the coordinates, in metres.
    made
        Time stamp of the file.

    Returns
    -------
    ifc
        A STEP file. Curvature and radii are positive to the left and 0 for a
        straight line, radii of parabolas positive in a sag; bearings are
        anticlockwise from east.

    Raises
    ------
    OutputError
        ifcopenshell is not installed, there is no road, or two have the same name.
    """
    names = [road.name for road in roads]
    if not names or len(set(names)) < len(names):
        msg = f"an IFC file needs roads of different names, got {names}"
        raise OutputError(msg)
    x = [element.start.x for road in roads for element in road.alignment.plan.elements]
    y = [element.start.y for road in roads for element in road.alignment.plan.elements]
    origin = (BLOCK * floor(min(x) / BLOCK), BLOCK * floor(min(y) / BLOCK))
    writer = _Writer(project, origin)
    site = writer.project(crs)
    alignments = [writer.road(road) for road in roads]
    writer.placed(site, alignments)
    return writer.bytes(made)


def segments(grades: Grades) -> tuple[tuple[float, float, float, float, float], ...]:
    """
    Grade line as stretches of constant grade and parabolas.

    Returns
    -------
    segments
        Chainage of the start [m], length in plan [m], level at the start [m],
        grades at start and end [fraction]; each begins where the last ended.

    Examples
    --------
    >>> hill = Grades(np.array([0.0, 100, 200]), np.array([0.0, 5, 5]), np.array([0.0, 60, 0]))
    >>> [tuple(round(float(v), 3) for v in each) for each in segments(hill)]
    [(0.0, 70.0, 0.0, 0.05, 0.05), (70.0, 60.0, 3.5, 0.05, 0.0), (130.0, 70.0, 5.0, 0.0, 0.0)]
    """
    out: list[tuple[float, float, float, float, float]] = []
    at, grade = float(grades.chainage[0]), grades.grade
    inner = zip(grades.chainage[1:-1], grades.level[1:-1], grades.curve[1:-1], strict=True)
    for i, (pvi, level, length) in enumerate(inner):
        back, ahead = float(grade[i]), float(grade[i + 1])
        begin = float(pvi - length / 2) if length > SHORTEST else float(pvi)
        if begin - at > SHORTEST:
            out.append((at, begin - at, float(level - back * (pvi - at)), back, back))
            at = begin
        if length > SHORTEST:
            end = float(pvi + length / 2)
            out.append((at, end - at, float(level - back * (pvi - at)), back, ahead))
            at = end
    left = float(grades.chainage[-1]) - at
    if left > SHORTEST:
        last = float(grade[-1])
        out.append((at, left, float(grades.level[-1] - last * left), last, last))
    return tuple(out)


class _Writer:
    """A file that is being written, with the entities that all roads share."""

    def __init__(self, project: str, origin: tuple[float, float]) -> None:
        """Begin a file whose coordinates count from an origin [m]."""
        self.ifc = _library()
        self.name = project
        self.origin = origin
        self.file: Any = self.ifc.file(schema=SCHEMA)
        self.flat = self.make(
            "IfcAxis2Placement2D",
            Location=self.point(0.0, 0.0),
            RefDirection=self.make("IfcDirection", DirectionRatios=(1.0, 0.0)),
        )
        self.line = self.make(
            "IfcLine",
            Pnt=self.flat.Location,
            Dir=self.make("IfcVector", Orientation=self.flat.RefDirection, Magnitude=1.0),
        )
        self.space = self.make("IfcAxis2Placement3D", Location=self.point(0.0, 0.0, 0.0))
        self.here = self.make("IfcLocalPlacement", RelativePlacement=self.space)
        self.whole: Entity = None
        self.axis: Entity = None
        self.footprint: Entity = None

    def make(self, kind: str, **attributes: Any) -> Entity:
        """Add an entity."""
        return self.file.create_entity(kind, **attributes)

    def rooted(self, kind: str, *path: str, **attributes: Any) -> Entity:
        """Add an entity with the identifier that its path of names gives."""
        key = "\n".join((self.name, kind, *path))
        identifier = self.ifc.guid.compress(uuid5(_NAMES, key).hex)
        return self.make(kind, GlobalId=identifier, **attributes)

    def point(self, *coordinates: float) -> Entity:
        """Add a point [m]."""
        return self.make("IfcCartesianPoint", Coordinates=tuple(map(float, coordinates)))

    def at(self, x: float, y: float, bearing: float) -> Entity:
        """Add a place with a direction [m, rad]."""
        way = self.make("IfcDirection", DirectionRatios=(cos(bearing), sin(bearing)))
        return self.make("IfcAxis2Placement2D", Location=self.point(x, y), RefDirection=way)

    def local(self, pose: Pose) -> tuple[float, float, float]:
        """Place by the origin of the file [m], and bearing within a turn [rad]."""
        turn = (pose.bearing + pi) % (2 * pi) - pi
        return pose.x - self.origin[0], pose.y - self.origin[1], turn

    # ---------------------------------------------------------------- project

    def project(self, crs: CRS) -> Entity:
        """Add project, units, contexts, reference system and site; the site."""
        metre = self.make("IfcSIUnit", UnitType="LENGTHUNIT", Name="METRE")
        units = [
            metre,
            self.make("IfcSIUnit", UnitType="AREAUNIT", Name="SQUARE_METRE"),
            self.make("IfcSIUnit", UnitType="VOLUMEUNIT", Name="CUBIC_METRE"),
            self.make("IfcSIUnit", UnitType="PLANEANGLEUNIT", Name="RADIAN"),
        ]
        context = self.make(
            "IfcGeometricRepresentationContext",
            ContextType="Model",
            CoordinateSpaceDimension=3,
            Precision=1e-5,
            WorldCoordinateSystem=self.space,
        )
        self.axis, self.footprint = (
            self.make(
                "IfcGeometricRepresentationSubContext",
                ContextIdentifier=name,
                ContextType="Model",
                ParentContext=context,
                TargetView=view,
            )
            for name, view in (("Axis", "MODEL_VIEW"), ("FootPrint", "MODEL_VIEW"))
        )
        self.whole = self.rooted(
            "IfcProject",
            Name=self.name,
            RepresentationContexts=(context,),
            UnitsInContext=self.make("IfcUnitAssignment", Units=units),
        )
        self.make(
            "IfcMapConversion",
            SourceCRS=context,
            TargetCRS=self.reference(crs, metre),
            Eastings=self.origin[0],
            Northings=self.origin[1],
            OrthogonalHeight=0.0,
            XAxisAbscissa=1.0,
            XAxisOrdinate=0.0,
            Scale=1.0,
        )
        site = self.rooted(
            "IfcSite", Name=self.name, ObjectPlacement=self.here, CompositionType="ELEMENT"
        )
        self.rooted("IfcRelAggregates", "site", RelatingObject=self.whole, RelatedObjects=(site,))
        return site

    def reference(self, crs: CRS, metre: Entity) -> Entity:
        """Add the reference system: by EPSG code, by its text where it has none."""
        parts = crs.sub_crs_list or [crs]
        plan, height = parts[0], parts[1].name if len(parts) > 1 else None
        code = plan.to_epsg()
        method = plan.coordinate_operation.method_name if plan.coordinate_operation else None
        made = self.make(
            "IfcProjectedCRS",
            Name=f"EPSG:{code}" if code else plan.name,
            Description=plan.name,
            GeodeticDatum=plan.datum.name if plan.datum else None,
            VerticalDatum=height,
            MapProjection=method,
            MapZone=plan.utm_zone,
            MapUnit=metre,
        )
        if not code:
            self.make(
                "IfcWellKnownText", WellKnownText=plan.to_wkt(), CoordinateReferenceSystem=made
            )
        return made

    def placed(self, site: Entity, alignments: Sequence[Entity]) -> None:
        """Hang alignments on the project, and name them in the site."""
        self.rooted(
            "IfcRelAggregates",
            "alignments",
            RelatingObject=self.whole,
            RelatedObjects=tuple(alignments),
        )
        self.rooted(
            "IfcRelReferencedInSpatialStructure",
            RelatedElements=tuple(alignments),
            RelatingStructure=site,
        )

    # ---------------------------------------------------------------- roads

    def road(self, road: Stationed) -> Entity:
        """Add a road; its alignment."""
        elements = road.alignment.plan.elements
        levels = segments(road.alignment.grades)
        curve = self.make(
            "IfcCompositeCurve", Segments=self.plan_curve(elements), SelfIntersect=False
        )
        gradient = self.make(
            "IfcGradientCurve",
            Segments=self.level_curve(levels),
            SelfIntersect=False,
            BaseCurve=curve,
        )
        shapes = (
            self.make(
                "IfcShapeRepresentation",
                ContextOfItems=self.footprint,
                RepresentationIdentifier="FootPrint",
                RepresentationType="Curve2D",
                Items=(curve,),
            ),
            self.make(
                "IfcShapeRepresentation",
                ContextOfItems=self.axis,
                RepresentationIdentifier="Axis",
                RepresentationType="Curve3D",
                Items=(gradient,),
            ),
        )
        alignment = self.rooted(
            "IfcAlignment",
            road.name,
            Name=road.name,
            Description=road.description,
            ObjectPlacement=self.here,
            Representation=self.make("IfcProductDefinitionShape", Representations=shapes),
        )
        layouts = (
            self.nest("IfcAlignmentHorizontal", road.name, self.plan_rows(elements)),
            self.nest("IfcAlignmentVertical", road.name, self.level_rows(levels)),
        )
        self.nested(alignment, layouts, road.name, "layouts")
        self.nested(alignment, self.stations(road, curve), road.name, "stations")
        return alignment

    def nest(self, kind: str, road: str, rows: Sequence[Entity]) -> Entity:
        """Add a layout with a segment for each set of design parameters."""
        layout = self.rooted(kind, road, Name=road)
        parts = tuple(
            self.rooted(
                "IfcAlignmentSegment",
                road,
                kind,
                str(i),
                Name=f"{road} {'H' if kind == 'IfcAlignmentHorizontal' else 'V'}{i}",
                DesignParameters=row,
            )
            for i, row in enumerate(rows, start=1)
        )
        self.nested(layout, parts, road, kind)
        return layout

    def nested(self, whole: Entity, parts: Sequence[Entity], *path: str) -> None:
        """Put parts in order into a whole."""
        self.rooted("IfcRelNests", *path, RelatingObject=whole, RelatedObjects=tuple(parts))

    # ---------------------------------------------------------------- plan

    def plan_rows(self, elements: Sequence[Element]) -> list[Entity]:
        """Design parameters of elements, and of the end."""
        rows = [(element.start, element.length, *_curvatures(element)) for element in elements]
        rows.append((elements[-1].end, 0.0, 0.0, 0.0))
        out = []
        for pose, length, k0, k1 in rows:
            x, y, bearing = self.local(pose)
            out.append(
                self.make(
                    "IfcAlignmentHorizontalSegment",
                    StartPoint=self.point(x, y),
                    StartDirection=bearing,
                    StartRadiusOfCurvature=1 / k0 if k0 else 0.0,
                    EndRadiusOfCurvature=1 / k1 if k1 else 0.0,
                    SegmentLength=length,
                    PredefinedType=_kind(k0, k1),
                )
            )
        return out

    def plan_curve(self, elements: Sequence[Element]) -> list[Entity]:
        """Segments of the curve in plan, and its end."""
        out = []
        for i, element in enumerate(elements):
            k0, k1 = _curvatures(element)
            begin, along = 0.0, element.length
            if k0 != k1:
                rate = (k1 - k0) / element.length
                constant = (1 if rate > 0 else -1) / abs(rate) ** 0.5
                parent = self.make("IfcClothoid", Position=self.flat, ClothoidConstant=constant)
                begin = k0 / rate  # along the clothoid from where it is straight
            elif k0:
                parent = self.make("IfcCircle", Position=self.flat, Radius=1 / abs(k0))
                along = element.length if k0 > 0 else -element.length
            else:
                parent = self.line
            after = elements[i + 1] if i + 1 < len(elements) else None
            place = self.at(*self.local(element.start))
            out.append(self.stretch(place, begin, along, parent, _transition(element, after)))
        end = self.at(*self.local(elements[-1].end))
        out.append(self.stretch(end, 0.0, 0.0, self.line, "DISCONTINUOUS"))
        return out

    def stretch(
        self, place: Entity, begin: float, along: float, parent: Entity, transition: str
    ) -> Entity:
        """Add a stretch of a curve, moved to where it begins."""
        return self.make(
            "IfcCurveSegment",
            Transition=transition,
            Placement=place,
            SegmentStart=self.make("IfcLengthMeasure", wrappedValue=float(begin)),
            SegmentLength=self.make("IfcLengthMeasure", wrappedValue=float(along)),
            ParentCurve=parent,
        )

    # ---------------------------------------------------------------- levels

    def level_rows(
        self, levels: Sequence[tuple[float, float, float, float, float]]
    ) -> list[Entity]:
        """Design parameters of the grade line, and of its end."""
        rows = []
        for at, length, level, g0, g1 in (*levels, _last(levels)):
            parabola = g0 != g1
            rows.append(
                self.make(
                    "IfcAlignmentVerticalSegment",
                    StartDistAlong=at,
                    HorizontalLength=length,
                    StartHeight=level,
                    StartGradient=g0,
                    EndGradient=g1,
                    RadiusOfCurvature=length / (g1 - g0) if parabola else None,
                    PredefinedType="PARABOLICARC" if parabola else "CONSTANTGRADIENT",
                )
            )
        return rows

    def level_curve(
        self, levels: Sequence[tuple[float, float, float, float, float]]
    ) -> list[Entity]:
        """Segments of the curve of levels over distance, and its end."""
        out = []
        rows = [*levels, _last(levels)]
        for i, (at, length, level, g0, g1) in enumerate(rows):
            slant = hypot(1.0, g0)
            way = self.make("IfcDirection", DirectionRatios=(1 / slant, g0 / slant))
            place = self.make(
                "IfcAxis2Placement2D", Location=self.point(at, level), RefDirection=way
            )
            if g0 != g1:
                parent = self.make(
                    "IfcPolynomialCurve",
                    Position=self.flat,
                    CoefficientsX=(0.0, 1.0),
                    CoefficientsY=(0.0, g0, (g1 - g0) / (2 * length)),
                )
            else:
                parent = self.line
            grade = g0 + (g1 - g0) * (_NODES + 1) / 2
            along = float((np.hypot(1.0, grade) * _WEIGHTS).sum() * length / 2)
            if i + 1 == len(rows):
                transition = "DISCONTINUOUS"
            elif abs(g1 - rows[i + 1][3]) < SAME:
                transition = "CONTSAMEGRADIENT"
            else:
                transition = "CONTINUOUS"
            out.append(self.stretch(place, 0.0, along, parent, transition))
        return out

    # ---------------------------------------------------------------- stations

    def stations(self, road: Stationed, curve: Entity) -> list[Entity]:
        """Add referents at the start and at the equations."""
        rows: list[tuple[float, float | None, float]] = [(0.0, None, road.start)]
        rows += road.equations
        return [self.station(road, curve, i, row) for i, row in enumerate(rows)]

    def station(
        self, road: Stationed, curve: Entity, i: int, row: tuple[float, float | None, float]
    ) -> Entity:
        """Add a referent with its stations."""
        at, back, ahead = row
        x, y, bearing, _ = (float(value) for value in road.alignment.plan.poses([at])[0])
        east, north, bearing = self.local(Pose(x, y, bearing))
        along = self.make(
            "IfcPointByDistanceExpression",
            DistanceAlong=self.make("IfcLengthMeasure", wrappedValue=float(at)),
            BasisCurve=curve,
        )
        fallback = self.make(
            "IfcAxis2Placement3D",
            Location=self.point(east, north, 0.0),
            Axis=self.make("IfcDirection", DirectionRatios=(0.0, 0.0, 1.0)),
            RefDirection=self.make(
                "IfcDirection", DirectionRatios=(cos(bearing), sin(bearing), 0.0)
            ),
        )
        name = text(ahead) if back is None else f"{text(back)} = {text(ahead)}"
        referent = self.rooted(
            "IfcReferent",
            road.name,
            str(i),
            Name=name,
            ObjectPlacement=self.make(
                "IfcLinearPlacement",
                RelativePlacement=self.make("IfcAxis2PlacementLinear", Location=along),
                CartesianPosition=fallback,
            ),
            PredefinedType="STATION",
        )
        values = [("Station", "IfcLengthMeasure", float(ahead))]
        if back is None:
            values.append(("HasIncreasingStation", "IfcBoolean", True))
        else:
            values.insert(0, ("IncomingStation", "IfcLengthMeasure", float(back)))
        self.rooted(
            "IfcRelDefinesByProperties",
            road.name,
            str(i),
            RelatedObjects=(referent,),
            RelatingPropertyDefinition=self.rooted(
                "IfcPropertySet",
                road.name,
                str(i),
                Name="Pset_Stationing",
                HasProperties=tuple(
                    self.make(
                        "IfcPropertySingleValue",
                        Name=key,
                        NominalValue=self.make(kind, wrappedValue=value),
                    )
                    for key, kind, value in values
                ),
            ),
        )
        return referent

    # ---------------------------------------------------------------- file

    def bytes(self, made: datetime) -> bytes:
        """Give the file as text, with a head that tells neither machine nor version."""
        head = self.file.header
        head.file_description.description = ("ViewDefinition [Alignment-basedView]",)
        head.file_name.name = self.name
        head.file_name.time_stamp = made.isoformat(timespec="seconds")
        head.file_name.preprocessor_version = "IfcOpenShell"
        head.file_name.originating_system = "realign"
        return str(self.file.to_string()).encode("ascii")


def _library() -> ModuleType:
    """ifcopenshell, or how to get it."""
    try:
        import ifcopenshell
        import ifcopenshell.guid
    except ImportError as missing:
        msg = "IFC files need ifcopenshell, which is not installed: pip install 'realign[ifc]'"
        raise OutputError(msg) from missing
    return ifcopenshell


def _curvatures(element: Element) -> tuple[float, float]:
    """Curvatures at both ends, equal or none where that makes no difference [1/m]."""
    most = 2 * AWAY / element.length**2
    k0, k1 = (k if abs(k) >= most else 0.0 for k in (element.k0, element.k1))
    if abs(k1 - k0) < 2 * most:
        k0 = k1 = (k0 + k1) / 2
    return k0, k1


def _kind(k0: float, k1: float) -> str:
    """Name of an element by its curvatures."""
    if k0 != k1:
        return "CLOTHOID"
    return "CIRCULARARC" if k0 else "LINE"


def _transition(element: Element, after: Element | None) -> str:
    """How an element goes over into the next, or into the end."""
    end = element.end
    start = end if after is None else after.start
    k = 0.0 if after is None else after.k0
    if hypot(start.x - end.x, start.y - end.y) > CLOSE:
        return "DISCONTINUOUS"
    if abs((start.bearing - end.bearing + pi) % (2 * pi) - pi) > SAME:
        return "CONTINUOUS"
    return "CONTSAMEGRADIENT" + ("SAMECURVATURE" if abs(k - element.k1) < SAME_CURVATURE else "")


def _last(
    levels: Sequence[tuple[float, float, float, float, float]],
) -> tuple[float, float, float, float, float]:
    """End of a grade line, as a stretch without length."""
    at, length, level, g0, g1 = levels[-1]
    return at + length, 0.0, level + length * (g0 + g1) / 2, g1, g1
