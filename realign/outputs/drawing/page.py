"""What a plan-and-profile sheet shows: the stretch of a road and all that touches it."""

from realign.geometry.tables import AWAY, touches
from realign.outputs.drawing.layout import ALONG, SHEET, STRIP, About
from realign.outputs.drawing.road import Around, Road
from realign.outputs.paper import Paper


class Page:
    """A plan-and-profile sheet."""

    def __init__(self, whole: Road, number: int, about: About, around: Around, name: str) -> None:
        self.whole, self.number, self.about, self.around = whole, number, about, around
        self.road = whole.road
        self.begin = number * SHEET
        self.end = min(self.begin + SHEET, whole.length)
        title = f"{self.road.name}, sheet {number + 1} of {whole.count}"
        self.paper = Paper(name, title)
        window = (self.begin, self.end)
        curves_, self.pvis_around = whole.around(*window)
        self.curves = [(i, c) for i, c in curves_ if touches(c.start, c.end, window)]
        self.pvis = [
            (i, p)
            for i, p in self.pvis_around
            if touches(p.at - p.curve / 2, p.at + p.curve / 2, window)
        ]
        self.structures = [
            each for each in whole.structures if touches(each.part.start, each.part.end, window)
        ]
        inside = (whole.ticks >= self.begin - AWAY) & (whole.ticks <= self.end + AWAY)
        self.ticks = list(
            zip(whole.ticks[inside].tolist(), whole.marks[inside].tolist(), strict=True)
        )
        self.equations = [e for e in self.road.equations if touches(e[0], e[0], window)]

    def station(self, s: float, *, last: bool = False) -> str:
        """Write the chainage at a distance; that seen from behind where a stretch ends there."""
        return self.whole.station(s, behind=last)

    def x(self, s: float) -> float:
        """Place along the profile of a distance [mm]."""
        return STRIP + (s - self.begin) / ALONG
