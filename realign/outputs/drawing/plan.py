"""The plan of a sheet, turned so that the road runs from left to right."""

from collections.abc import Sequence
from math import ceil, cos, floor, hypot, pi, sin

import numpy as np
import shapely

from realign.chainage import text
from realign.geometry.tables import AWAY, exact, narrowest, touches
from realign.outputs.drawing.layout import ALONG, CENTRE, GRID, LABEL, PLAN, Points
from realign.outputs.drawing.page import Page
from realign.outputs.paper import SMALL, TINY, Box, Labels, about_point, within


class PlanView:
    """The plan of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def drawn(self) -> None:
        """Draw the plan."""
        paper, whole = self.page.paper, self.page.whole
        paper.box("outline", PLAN)
        own = (whole.s > self.page.begin) & (whole.s < self.page.end)
        ends = np.array([whole.pose(s)[:2] for s in (self.page.begin, self.page.end)])
        xy = np.vstack((ends[0], whole.xy[own], ends[1]))
        self.turned(xy)
        axis = self.place(xy)
        beside = [np.empty((0, 2))]
        for kind, line in self.page.around.near(self.view()):
            for part in within(self.place(line), PLAN):
                paper.line(kind, part)
                beside.append(_dense(part, 2.0))
        outer = [np.flatnonzero(whole.s < self.page.begin), np.flatnonzero(whole.s > self.page.end)]
        before = np.vstack((whole.xy[outer[0]], ends[:1]))
        after = np.vstack((ends[1:], whole.xy[outer[1]]))
        beyond = [part for line in (before, after) for part in within(self.place(line), PLAN)]
        for part in beyond:
            paper.line("beyond", part)
        paper.line("axis", axis)
        self.labels = Labels(paper, PLAN)
        for part in (*within(axis, PLAN), *beyond):
            self.labels.take(_dense(part))
        self.labels.take(np.vstack(beside))
        paper.box("halo", (PLAN[0] + 1, PLAN[3] - 5, PLAN[0] + 21, PLAN[3] - 1))
        paper.write("heading", "PLAN 1:10,000", (PLAN[0] + 2, PLAN[3] - 3), bold=True)
        self.labels.take(
            _dense(np.array([(PLAN[0] + 2, PLAN[3] - 3), (PLAN[0] + 24, PLAN[3] - 3)]))
        )
        self.arrow()
        self.matches()
        self.plan_structures()
        self.chainages()
        self.equal()
        self.polygon()
        self.crosses()

    def turned(self, xy: Points) -> None:
        """Find the direction that runs left to right, and the middle."""
        chord = xy[-1] - xy[0]
        self.turn = float(np.arctan2(chord[1], chord[0]))
        room = np.array([PLAN[2] - PLAN[0], PLAN[3] - PLAN[1]]) - 14.0
        if (np.ptp(xy @ _rotation(self.turn), axis=0) / ALONG > room).any():
            self.turn = narrowest(xy)
            if chord @ (cos(self.turn), sin(self.turn)) < 0:
                self.turn += pi
        self.rotation = _rotation(self.turn)
        across = xy @ self.rotation
        self.middle = (across.min(axis=0) + across.max(axis=0)) / 2

    def place(self, xy: Points) -> Points:
        """Places on paper of places in plan, shape (n, 2) [mm]."""
        return np.asarray((xy @ self.rotation - self.middle) / ALONG + CENTRE)

    def back(self, at: Points) -> Points:
        """Places in plan of places on paper, shape (n, 2) [m]."""
        return np.asarray(((at - CENTRE) * ALONG + self.middle) @ self.rotation.T)

    def view(self) -> shapely.Polygon:
        """Ground that the window shows."""
        left, bottom, right, top = PLAN
        corners = np.array([(left, bottom), (right, bottom), (right, top), (left, top)])
        return shapely.Polygon(self.back(corners))

    def pose(self, s: float) -> tuple[float, float, float]:
        """Place [mm] and direction [rad] on paper at a distance."""
        x, y, bearing, _ = self.page.whole.pose(s)
        ((px, py),) = self.place(np.array([[x, y]]))
        return float(px), float(py), float(bearing) - self.turn

    def arrow(self) -> None:
        """Draw the north arrow in the corner that is least taken."""
        north = pi / 2 - self.turn
        corners = [
            (x, y) for y in (PLAN[3] - 11, PLAN[1] + 11) for x in (PLAN[2] - 11, PLAN[0] + 11)
        ]
        disc = np.array(
            [(i, j) for i in range(-10, 11) for j in range(-10, 11) if hypot(i, j) < 10]
        )
        taken = [self.labels.taken(disc + np.array(at)) for at in corners]
        x, y = corners[int(np.argmin(taken))]
        along, side = np.array([cos(north), sin(north)]), np.array([-sin(north), cos(north)])
        at = np.array([x, y])
        tip, tail = at + 6 * along, at - 6 * along
        self.page.paper.line("outline", [tail, tip])
        head = [tip, at + 1.5 * along + 1.4 * side, at + 2.6 * along, tip]
        self.page.paper.line("solid", np.array(head))
        other = [tip, at + 1.5 * along - 1.4 * side, at + 2.6 * along]
        self.page.paper.line("outline", np.array(other))
        n = at + 8 * along
        self.page.paper.write("north", "N", (float(n[0]), float(n[1])), anchor="middle", bold=True)
        self.labels.take(at + disc)
        self.labels.take(at + disc + 0.5)

    def matches(self) -> None:
        """Draw match lines where a neighbouring sheet goes on, and the ends of the road."""
        for s, last, other in (
            (self.page.begin, False, self.page.number),
            (self.page.end, True, self.page.number + 2),
        ):
            x, y, bearing = self.pose(s)
            across = np.array([-sin(bearing), cos(bearing)])
            at = np.array([x, y])
            if not 1 <= other <= self.page.whole.count:
                reach, pen = 5.0, "tick"
                words = [
                    "END OF ROAD" if last else "START OF ROAD",
                    self.page.station(s, last=last),
                ]
            else:
                reach, pen = 18.0, "match"
                words = [f"MATCH LINE {self.page.station(s, last=last)}", f"SHEET {other}"]
            line = np.array([at - reach * across, at + reach * across])
            self.page.paper.clipped(pen, line, PLAN)
            for part in within(line, PLAN):
                self.labels.take(_dense(part))
            way = _upright(bearing + pi / 2)
            out = np.array([cos(bearing), sin(bearing)]) * (3.2 if last else -3.2)
            places = []
            for side in (1, -1):
                for off in (12.0, 16.0, 8.0, 20.0, 24.0):
                    for shift in (out, -out):
                        px, py = at + side * off * across + shift
                        places.append((float(px), float(py), way, "middle"))
            places += list(about_point(x, y))
            self.labels.put("match", words, places, bold=True, size=SMALL)

    def plan_structures(self) -> None:
        """Draw bridges and tunnels along the axis."""
        for each in self.page.structures:
            part = each.part
            begin, end = max(part.start, self.page.begin), min(part.end, self.page.end)
            inner = self.page.whole.track[(self.page.whole.s > begin) & (self.page.whole.s < end)]
            poses = np.vstack((self.page.whole.pose(begin), inner, self.page.whole.pose(end)))
            line, bearing = self.place(poses[:, :2]), poses[:, 2] - self.turn
            normal = np.column_stack((-np.sin(bearing), np.cos(bearing)))
            for side in (-1.0, 1.0):
                edge = line + 0.9 * side * normal
                if part.form == "bridge":  # with wings at its abutments
                    way = np.column_stack((np.cos(bearing), np.sin(bearing)))
                    wings = (
                        edge[0] + 0.8 * (side * normal[0] - way[0]),
                        edge[-1] + 0.8 * (side * normal[-1] + way[-1]),
                    )
                    edge = np.vstack((wings[0], edge, wings[1]))
                self.page.paper.clipped(part.form, edge, PLAN)
                self.labels.take(_dense(edge))
            x, y, _ = self.pose((begin + end) / 2)
            self.named("structure", [f"{each.mark} {each.words}"], (x, y))

    def named(self, kind: str, words: Sequence[str], at: tuple[float, float]) -> None:
        """Write beside a place, with a leader where the text is far."""
        put = self.labels.put(kind, words, about_point(*at))
        if put is not None and hypot(put[0] - at[0], put[1] - at[1]) > 3:
            self.page.paper.clipped("leader", np.array([at, put]), PLAN)

    def chainages(self) -> None:
        """Mark chainages along the axis."""
        for s, station in self.page.ticks:
            x, y, bearing = self.pose(s)
            across = np.array([-sin(bearing), cos(bearing)])
            at = np.array([x, y])
            large = abs(station / LABEL - round(station / LABEL)) * LABEL < AWAY
            half = 1.4 if large else 0.7
            self.page.paper.clipped(
                "tick", np.array([at - half * across, at + half * across]), PLAN
            )
            if not large:
                continue
            places = []
            for off in (2.2, 4.0, 6.0, 9.0):
                for side in (-1.0, 1.0):
                    px, py = at + side * off * across
                    way = bearing + side * pi / 2
                    turn = _upright(way)
                    anchor = "start" if cos(way - turn) > 0 else "end"
                    places.append((float(px), float(py), turn, anchor))
            places += list(about_point(x, y))
            self.labels.put("chainage", [text(station)], places, bold=True)

    def equal(self) -> None:
        """Mark station equations."""
        for at, behind, ahead in self.page.equations:
            x, y, bearing = self.pose(at)
            across = np.array([-sin(bearing), cos(bearing)])
            line = np.array([(x, y)]) + 4 * np.array([-across, across])
            self.page.paper.clipped("equation", line, PLAN)
            self.labels.take(_dense(line))
            words = [f"STA. EQUATION {exact(behind)} BACK", f"= {exact(ahead)} AHEAD"]
            self.named("equation", words, (x, y))

    def polygon(self) -> None:
        """Draw tangents to the PIs, and mark PIs and tangent points."""
        window = (self.page.begin, self.page.end)
        ring = np.linspace(0, 2 * pi, 13)
        circle = 0.5 * np.column_stack((np.cos(ring), np.sin(ring)))
        for _, curve in self.page.curves:
            pair = [self.page.whole.pose(s)[:2] for s in (curve.start, curve.end)]
            ends = self.place(np.array(pair))
            (corner,) = self.place(np.array([curve.pi]))
            self.page.paper.clipped("polygon", np.vstack((ends[0], corner, ends[1])), PLAN)
            for s, at in zip((curve.start, curve.end), ends, strict=True):
                if touches(s, s, window):
                    self.page.paper.clipped("point", at + circle, PLAN)
            for s in curve.tangent_points:
                if touches(s, s, window) and min(s - curve.start, curve.end - s) > AWAY:
                    x, y, bearing = self.pose(s)
                    across = 0.6 * np.array([-sin(bearing), cos(bearing)])
                    self.page.paper.clipped(
                        "point", np.array([(x, y)]) + np.array([-across, across]), PLAN
                    )
        corners = [(i, c, self.place(np.array([c.pi]))[0]) for i, c in self.page.curves]
        shown = [each for each in corners if _inside(each[2], PLAN, 1.0)]
        triangle = 0.9 * np.column_stack((np.sin(ring[::4]), np.cos(ring[::4])))
        for _, _, at in shown:
            self.page.paper.line("outline", at + triangle)
            self.labels.take(at + triangle)
        for number, curve, at in shown:
            words = [f"PI {number} R={curve.radius:.0f}"]
            self.named("pi", words, (float(at[0]), float(at[1])))

    def crosses(self) -> None:
        """Draw the crosses of the coordinate grid, with what coordinates they have."""
        left, bottom, right, top = self.view().bounds
        for east in np.arange(ceil(left / GRID), floor(right / GRID) + 1) * GRID:
            for north in np.arange(ceil(bottom / GRID), floor(top / GRID) + 1) * GRID:
                (at,) = self.place(np.array([[east, north]]))
                if not _inside(at, PLAN, 3.0):
                    continue
                for way in (-self.turn, pi / 2 - self.turn):
                    arm = 2.0 * np.array([cos(way), sin(way)])
                    self.page.paper.line("cross", np.array([at - arm, at + arm]))
                words = [f"E {east:.0f}", f"N {north:.0f}"]
                x, y = float(at[0]), float(at[1])
                places = [
                    (x + dx, y + dy, 0.0, "start" if dx > 0 else "end")
                    for dx in (2.4, -2.4)
                    for dy in (2.6, -2.6)
                ]
                self.labels.put("grid", words, places, size=TINY, crowded=False)


def _rotation(turn: float) -> Points:
    """Matrix that turns rows of places clockwise by an angle [rad], shape (2, 2)."""
    c, s = cos(turn), sin(turn)
    return np.array([[c, -s], [s, c]])


def _dense(line: Points, apart: float = 0.6) -> Points:
    """Points along a line, no farther apart than a distance [mm]."""
    legs = np.hypot(*np.diff(line, axis=0).T)
    along = np.concatenate(([0.0], np.cumsum(legs)))
    wanted = np.linspace(0.0, along[-1], ceil(along[-1] / apart) + 2)
    return np.column_stack([np.interp(wanted, along, line[:, i]) for i in (0, 1)])


def _inside(at: Points, box: Box, margin: float) -> bool:
    return bool(
        box[0] + margin < at[0] < box[2] - margin and box[1] + margin < at[1] < box[3] - margin
    )


def _upright(turn: float) -> float:
    """Direction of a text, or the opposite one where it would stand upside down [rad]."""
    turn = (turn + pi) % (2 * pi) - pi
    if turn > pi / 2 + 1e-9:
        return turn - pi
    return turn + pi if turn <= -pi / 2 + 1e-9 else turn
