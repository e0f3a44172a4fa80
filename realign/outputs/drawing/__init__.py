"""
Plan-and-profile sheets and mass-haul diagrams, as SVG and PDF.

A sheet is A3 and shows 2 km of road: the plan at 1:10,000, turned so that the road runs from left
to right, and under it the profile at 1:10,000 / 1:1,000, with the tables by which the stretch is
set out beside them. Sheets are composed once, in millimetres of paper from the lower left corner,
and written by `paper`. A point of a profile reads back as

    distance = FROM + 10 (x - STRIP),    level = DATUM + (y - BOTTOM)

with FROM the distance from the start of the road at which the sheet begins, and DATUM that of the
panel: where 2 km climb more than the strip is high, the profile goes on at another datum behind a
break line, at the same scale.

The same roads give the same bytes: no sheet holds a date or a random identifier.
"""

import re
from collections.abc import Sequence

from realign.errors import OutputError
from realign.geometry.alignment import Stationed
from realign.outputs.drawing.bands import Bands
from realign.outputs.drawing.haul import diagram
from realign.outputs.drawing.layout import About, MassHaul, Points
from realign.outputs.drawing.page import Page
from realign.outputs.drawing.plan import PlanView
from realign.outputs.drawing.profile import ProfileView
from realign.outputs.drawing.road import Around, Road
from realign.outputs.drawing.tables import Tables
from realign.outputs.paper import Sheet

__all__ = ["About", "MassHaul", "sheets"]


def sheets(
    roads: Sequence[Stationed],
    *,
    about: About,
    existing: Points | None = None,
    shores: Sequence[Points] = (),
    hauls: Sequence[MassHaul] = (),
) -> tuple[Sheet, ...]:
    """
    Compose the plan-and-profile sheets of roads, and their mass-haul diagrams.

    Parameters
    ----------
    roads
        At least one, each with its ground, water and structures.
    about
        What every sheet says.
    existing
        Points of the existing road, shape (k, 2) [m].
    shores
        Water lines in plan, each of shape (k, 2) [m].
    hauls
        Mass haul of roads, each named after one.

    Returns
    -------
    sheets
        One for each 2 km of each road, in order, and then a diagram for each mass haul.

    Raises
    ------
    OutputError
        There is no road, or a mass haul is that of another road.
    """
    if not roads:
        msg = "a drawing needs at least one road"
        raise OutputError(msg)
    names = _names(roads)
    wrong = sorted({haul.road for haul in hauls} - set(names))
    if wrong:
        msg = f"mass haul of {', '.join(wrong)}; wanted that of {', '.join(sorted(names))}"
        raise OutputError(msg)
    around = Around(existing, shores)
    out = []
    for road in roads:
        whole = Road(road)
        count = whole.count
        for number in range(count):
            name = f"{names[road.name]}-{number + 1:02d}"
            out.append(_composed(Page(whole, number, about, around, name)))
    by_name = {road.name: road for road in roads}
    for haul in hauls:
        name = f"{names[haul.road]}-mass-haul"
        out.append(diagram(by_name[haul.road], haul, about, name))
    return tuple(out)


def _composed(page: Page) -> Sheet:
    """Compose a sheet."""
    PlanView(page).drawn()
    ProfileView(page).drawn()
    Bands(page).drawn()
    Tables(page).drawn()
    return page.paper.sheet


def _names(roads: Sequence[Stationed]) -> dict[str, str]:
    """Names of files by names of roads: letters, digits and hyphens, each once."""
    out: dict[str, str] = {}
    for number, road in enumerate(roads, start=1):
        name = re.sub(r"[^\w]+", "-", road.name).strip("-_") or "road"
        out[road.name] = name if name not in out.values() else f"{name}-{number}"
    return out
