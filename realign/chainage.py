"""Stretches of a road by the distance along it, and the way engineers write that distance."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from realign.errors import GeometryError

_WRITTEN = re.compile(r"(-?)(\d+)\+(\d{3}(?:\.\d+)?)")


def text(s: float) -> str:
    """
    Write a chainage the way engineers do, to the nearest metre.

    Parameters
    ----------
    s
        Distance along the road [m].

    Examples
    --------
    >>> text(192_400.0), text(50.4), text(-350.0)
    ('192+400', '0+050', '-0+350')
    """
    if not math.isfinite(s):
        msg = f"a chainage is a distance in metres, got {s}"
        raise GeometryError(msg)
    metres = round(s)
    km, rest = divmod(abs(metres), 1000)
    return f"{'-' if metres < 0 else ''}{km}+{rest:03d}"


def parse(written: str) -> float:
    """
    Read a chainage that `text` or an engineer wrote: kilometres, a plus, three digits of metres.

    Returns
    -------
    s
        Distance along the road [m].

    Examples
    --------
    >>> parse("192+400")
    192400.0
    """
    match = _WRITTEN.fullmatch(written.strip())
    if match is None:
        msg = f'a chainage is written like "192+400", got "{written}"'
        raise GeometryError(msg)
    sign, km, metres = match.groups()
    s = 1000.0 * int(km) + float(metres)
    return -s if sign else s


@dataclass(frozen=True, slots=True, order=True)
class Section:
    """A stretch of road between two chainages; sections sort by where they start."""

    start: float
    """Chainage where it begins [m]."""
    end: float
    """Chainage where it ends, behind its start [m]."""

    def __post_init__(self) -> None:
        """Refuse a section without length."""
        if not (math.isfinite(self.start) and math.isfinite(self.end) and self.end > self.start):
            msg = f"a section ends behind its start, got {self.start:g} m to {self.end:g} m"
            raise GeometryError(msg)

    def __str__(self) -> str:
        """Both chainages, as in `12+340 to 15+000`."""
        return f"{text(self.start)} to {text(self.end)}"

    @property
    def length(self) -> float:
        """Distance from start to end [m]."""
        return self.end - self.start

    @property
    def middle(self) -> float:
        """Chainage half way [m]."""
        return self.start + self.length / 2

    def contains(self, s: float) -> bool:
        """Whether the chainage `s` [m] lies in the section; its two ends do."""
        return self.start <= s <= self.end

    def overlaps(self, other: "Section") -> bool:
        """Whether the two share more than a point."""
        return self.start < other.end and other.start < self.end


def merge(sections: Iterable[Section], *, gap: float = 0.0) -> tuple[Section, ...]:
    """
    Join the sections that overlap, touch, or lie no more than `gap` [m] apart.

    Returns
    -------
    merged
        Sorted and disjoint, with more than `gap` between one and the next.

    Examples
    --------
    >>> [str(each) for each in merge([Section(900, 1000), Section(0, 500)], gap=400)]
    ['0+000 to 1+000']
    """
    merged: list[Section] = []
    for section in sorted(sections):
        if merged and section.start - merged[-1].end <= gap:
            merged[-1] = Section(merged[-1].start, max(merged[-1].end, section.end))
        else:
            merged.append(section)
    return tuple(merged)


def subtract(sections: Iterable[Section], others: Iterable[Section]) -> tuple[Section, ...]:
    """
    Parts of `sections` that lie in none of `others`, sorted and disjoint.

    Examples
    --------
    >>> [str(each) for each in subtract([Section(0, 1000)], [Section(200, 300)])]
    ['0+000 to 0+200', '0+300 to 1+000']
    """
    holes = merge(others)
    rest: list[Section] = []
    for section in merge(sections):
        start = section.start
        for hole in holes:
            if hole.end <= start or hole.start >= section.end:
                continue
            if hole.start > start:
                rest.append(Section(start, hole.start))
            start = hole.end
        if start < section.end:
            rest.append(Section(start, section.end))
    return tuple(rest)


def clip(sections: Iterable[Section], window: Section) -> tuple[Section, ...]:
    """Parts of `sections` inside `window`, sorted and disjoint."""
    return tuple(
        Section(max(section.start, window.start), min(section.end, window.end))
        for section in merge(sections)
        if section.overlaps(window)
    )


def total(sections: Iterable[Section]) -> float:
    """Length that the sections cover [m]; what two of them share counts once."""
    return math.fsum(section.length for section in merge(sections))


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a road after realignment, by its chainage before and after."""

    old: Section
    """Chainage on the road as it stood; on new road, that of the road it replaces."""
    new: Section
    """Chainage on the road after realignment."""
    kept: bool
    """True on existing road, where both chainages differ by one and the same shift."""

    @property
    def shift(self) -> float:
        """New chainage less the old one at the end: what the station equation there says [m]."""
        return self.new.end - self.old.end


def renumbered(road: Section, replaced: Iterable[tuple[Section, float]]) -> tuple[Stretch, ...]:
    """
    Chainages of a road in which new links take the place of sections.

    Parameters
    ----------
    road
        The road as it stands; the new chainage begins with its own.
    replaced
        Sections that links take the place of, with the lengths of the links [m].

    Returns
    -------
    stretches
        Existing and new road in turn, gapless in both chainages.

    Raises
    ------
    GeometryError
        Two sections overlap, or one leaves the road.

    Examples
    --------
    >>> [str(each.new) for each in renumbered(Section(0, 9000), [(Section(2000, 5000), 3500.0)])]
    ['0+000 to 2+000', '2+000 to 5+500', '5+500 to 9+500']
    """
    out: list[Stretch] = []
    old = new = road.start

    def add(to: float, length: float, *, kept: bool) -> None:
        nonlocal old, new
        out.append(Stretch(Section(old, to), Section(new, new + length), kept))
        old, new = to, new + length

    for section, length in sorted(replaced):
        if section.start < old or section.end > road.end:
            msg = (
                f"a link replaces {section}, wanted a section between {text(old)} and "
                f"{text(road.end)} that no other link replaces"
            )
            raise GeometryError(msg)
        if section.start > old:
            add(section.start, section.start - old, kept=True)
        add(section.end, length, kept=False)
    if old < road.end:
        add(road.end, road.end - old, kept=True)
    return tuple(out)
