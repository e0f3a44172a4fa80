"""Works cut into lots, and lots into activities that follow each other."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import ceil
from typing import NamedTuple

from realign.chainage import Section
from realign.errors import GeometryError, StudyError
from realign.estimate import Estimate
from realign.phasing.rules import KINDS, MONTHS, Kind, Pace, months_later

METRES = 1000.0  # in a kilometre
MARGIN = 1.01  # by which what no year can pay lasts longer than its money asks for
LONGEST = 60 * MONTHS
"""Months of a work, and by which a plan is drawn out, above which something is wrong [months]."""
ROUNDING = 1e-9  # [months] 6 km at 0.6 km a month are ten months, not eleven


@dataclass(frozen=True, slots=True)
class Lot:
    """A stretch of a work that is built by itself, as far as quantities go."""

    name: str
    """Name, unique in a programme."""
    section: Section
    """Chainage of the existing road that it replaces or upgrades [m]."""
    length: float
    """Length of road [m]."""
    upgraded: bool = False
    """Whether road that stands is upgraded; it stays open then."""
    earthworks: float = 0.0
    """Cut and fill [m3]."""
    walls: float = 0.0
    """Retaining walls [m3]."""
    bridges: tuple[float, ...] = ()
    """Length of each bridge [m]."""
    tunnels: tuple[float, ...] = ()
    """Length of each tunnel [m]."""
    costs: Mapping[Kind, float] = field(default_factory=dict)
    """Cost of each kind of activity, all in [PKR]."""
    delays: float = 0.0
    """What users lose a day while it is upgraded under traffic [PKR]."""
    opens_with: str = ""
    """Lots of the same word open together: those of a new road between two tie-ins."""

    def __post_init__(self) -> None:
        """Refuse quantities and costs below zero, and structures without length."""
        values = {"length": self.length, "earthworks": self.earthworks, "walls": self.walls}
        values["delays"] = self.delays
        values |= {"bridges": min(self.bridges, default=0), "tunnels": min(self.tunnels, default=0)}
        values |= {f"cost of {kind}": cost for kind, cost in self.costs.items()}
        for name, value in values.items():
            if not value >= 0:
                msg = f"lot '{self.name}': {name} is {value:g}; wanted 0 or more"
                raise GeometryError(msg)
        lengths = {"length": (self.length,), "bridges": self.bridges, "tunnels": self.tunnels}
        for name, some in lengths.items():
            if not all(length > 0 for length in some):
                msg = f"lot '{self.name}': {name}: found 0 m; wanted more"
                raise GeometryError(msg)


@dataclass(frozen=True, slots=True)
class Work:
    """A work of the programme: what it builds, what that costs, and by when."""

    name: str
    """Name of the work; no two works of a schedule share one."""
    section: Section
    """Chainage of the existing road that the work replaces or upgrades [m]."""
    new_length: float
    """New road, bridges and tunnels included [m]; 0 for an upgrade."""
    upgrade_length: float
    """Existing road that is upgraded [m]."""
    bridge_length: float
    """Bridges within the new road [m]."""
    tunnel_length: float
    """Tunnels within the new road [m]."""
    cost: Estimate
    """Cost, all in [PKR]."""
    lots: tuple[Lot, ...] = ()
    """What it is cut into; their costs add to its own. A work without any is one lot of which only
    the length is known."""
    deadline: date | None = None
    """Day on which the water takes the road this work replaces; None where it never does."""
    waters: Mapping[str, date] = field(default_factory=dict)
    """Day on which the water takes what lots that open together replace, by their word; those that
    are not named lose nothing. Where none is named, all new road is due before `deadline`."""
    saves: Mapping[str, float] = field(default_factory=dict)
    """What users save a day from an opening on, by the word of the lots that open together
    [PKR]."""
    in_programme: bool = True
    """Whether the programme builds and pays it."""
    builder: str = "programme"
    """Who builds it."""
    opens: date | None = None
    """First day of traffic, for a work outside the programme."""
    starts_after: date | None = None
    """Day before which nothing of it begins."""
    opens_by: date | None = None
    """Day on which all of it is open at the latest, besides `deadline`."""
    after: tuple[str, ...] = ()
    """Names of works that are open before anything of this one begins."""
    links: tuple[str, ...] = ()
    """Names of the new roads that it builds."""
    upgrade: Mapping[str, float] = field(default_factory=dict)
    """Quantities that upgrading takes, by item of the rates."""

    def __post_init__(self) -> None:
        """Refuse lengths and costs below zero, and others' work without a date."""
        lengths = {
            "new_length": self.new_length,
            "upgrade_length": self.upgrade_length,
            "bridge_length": self.bridge_length,
            "tunnel_length": self.tunnel_length,
        }
        for name, value in lengths.items():
            if not value >= 0:
                msg = f"work '{self.name}': {name} is {value:g} m; wanted 0 or more"
                raise GeometryError(msg)
        if not self.cost.low >= 0:
            msg = f"work '{self.name}': the cost is {self.cost.low:g} rupees; wanted 0 or more"
            raise StudyError(msg)
        if not self.in_programme and self.opens is None:
            msg = f"work '{self.name}' is outside the programme and has no opening date"
            raise StudyError(msg)

    def water(self, opens_with: str) -> date | None:
        """Day on which the water takes what lots that open together replace; None for never."""
        if self.waters:
            return self.waters.get(opens_with)
        upgraded = {lot.opens_with or lot.name for lot in self.lots if lot.upgraded}
        return None if self.keeps_road or opens_with in upgraded else self.deadline

    def postponed(self, months: int) -> "Work":
        """Give the same work where water comes some months later, or sooner where below 0."""
        if not months:
            return self
        return replace(
            self,
            deadline=None if self.deadline is None else months_later(self.deadline, months),
            waters={word: months_later(day, months) for word, day in self.waters.items()},
        )

    @property
    def keeps_road(self) -> bool:
        """Whether traffic goes on during the work: it does where nothing is built anew."""
        return self.new_length == 0


@dataclass(frozen=True, slots=True)
class Activity:
    """Something that a crew does in one go."""

    name: str
    """Name, unique in a programme."""
    work: str
    """Name of the work that it belongs to."""
    lot: str
    """Name of the lot."""
    kind: Kind
    """What is done."""
    effort: float
    """Time that it takes where no season slows it [months]."""
    crews: int
    """Crews, or faces of a tunnel, that it keeps busy."""
    cost: int
    """Cost [PKR]."""
    follows: tuple[str, ...] = ()
    """Names of activities that are finished before it begins."""
    delays: float = 0.0
    """What users lose a day while it goes on [PKR]."""


@dataclass(frozen=True, slots=True)
class Opening:
    """Lots that open together."""

    name: str
    """Name, unique in a programme."""
    work: str
    """Name of the work that they belong to."""
    follows: tuple[str, ...]
    """Names of the activities that are finished before."""
    by: date | None
    """Day on which it is open at the latest, the reserve before the water taken off; None where
    nothing but the completion of all asks for it."""
    why: str = ""
    """What asks for that day."""
    saves: float = 0.0
    """What users save a day from then on [PKR]."""


def activities(work: Work, pace: Pace, *, slowed: bool = True) -> tuple[Activity, ...]:
    """
    List the activities of a work, lot by lot, each after those that it follows.

    Land comes first, then access, then earthworks, bridges and tunnels side by side, and pavement
    after all of them; an upgrade follows its land. The rupees of a lot add to its cost. An activity
    that would take more than all the money of its months lasts longer.

    Parameters
    ----------
    work
        What is built.
    pace
        Rates of the works.
    slowed
        Whether what no year can pay lasts longer.

    Raises
    ------
    StudyError
        If something takes more than `LONGEST`, were there all the money.
    """
    lots = work.lots or (_whole(work, pace),)
    yearly = max(pace.budget_pkr_per_year, *pace.budgets.values(), 1.0)
    rupees = _rounded([sum(lot.costs.values()) for lot in lots], round(work.cost.base))
    own = [
        each
        for lot, total in zip(lots, rupees, strict=True)
        for each in _of_lot(work.name, lot, total, pace)
    ]
    slowest = max(own, key=lambda each: each.effort, default=None)
    if slowest is not None and slowest.effort > LONGEST:
        msg = (
            f"work '{work.name}' takes more than {LONGEST // MONTHS} years: "
            f"'{slowest.name}' alone {slowest.effort / MONTHS:.3g}; wanted a faster pace in phasing"
        )
        raise StudyError(msg)
    return tuple(
        replace(each, effort=max(each.effort, MARGIN * MONTHS * each.cost / yearly))
        if slowed and each.cost > yearly
        else each
        for each in own
    )


def _whole(work: Work, pace: Pace) -> Lot:
    """Give a work of which only the length is known as one lot."""
    upgraded = work.new_length == 0
    length = work.upgrade_length if upgraded else work.new_length
    kind: Kind = "upgrade" if upgraded else "earthworks"
    months = work.new_length / METRES / pace.new_km_per_month + pace.mobilisation_months
    return Lot(
        name=work.name,
        section=work.section,
        length=max(length, 1.0),
        upgraded=upgraded,
        earthworks=months * pace.earthworks_m3_per_month,
        costs={kind: work.cost.base},
    )


def _of_lot(work: str, lot: Lot, rupees: int, pace: Pace) -> list[Activity]:
    """Activities of one lot; what has no effort and no cost is left out."""
    steps = _steps(lot, pace)
    costs = _rounded([step.cost for step in steps], rupees)
    named: dict[Kind, list[str]] = {kind: [] for kind in KINDS}
    out = []
    for step, cost in zip(steps, costs, strict=True):
        if step.effort > 0 or step.cost > 0:
            name = f"{lot.name}: {step.label}"
            before = tuple(n for earlier in _BEFORE[step.kind] for n in named[earlier])
            before += tuple(f"{lot.name}: {label}" for label in step.after)
            delays = lot.delays if step.kind == "upgrade" else 0.0
            out.append(
                Activity(
                    name, work, lot.name, step.kind, step.effort, step.crews, cost, before, delays
                )
            )
            named[step.kind].append(name)
    return out


_BEFORE: Mapping[Kind, tuple[Kind, ...]] = {
    "land": (),
    "access": ("land",),
    "earthworks": ("access", "land"),
    "bridges": ("access", "land"),
    "tunnel": ("access", "land"),
    "pavement": ("earthworks", "bridges", "tunnel", "access", "land"),
    "upgrade": ("land", "access"),
}
"""Kinds of which an activity follows all of its own lot."""


class _Step(NamedTuple):
    """Something done in a lot."""

    kind: Kind
    label: str
    """What the activity is called beside the lot."""
    effort: float
    """[months]."""
    crews: int
    cost: float
    """Share of the cost of the lot [PKR]."""
    after: tuple[str, ...] = ()
    """Labels of steps of its own kind that it follows."""


def _steps(lot: Lot, pace: Pace) -> list[_Step]:
    """List everything done in a lot, in its order, each tunnel by itself."""

    def step(kind: Kind, effort: float, crews: int) -> _Step:
        return _Step(kind, kind, effort, crews, lot.costs.get(kind, 0.0))

    km = lot.length / METRES
    land = step("land", pace.land_months, 0)
    if lot.upgraded:
        return [land, step("upgrade", km / pace.upgrade_km_per_month, 1)]
    earth = max(lot.earthworks / pace.earthworks_m3_per_month, lot.walls / pace.wall_m3_per_month)
    return [
        land,
        step("access", pace.access_months, 0),
        step("earthworks", earth, 1),
        step("bridges", *_spans(lot.bridges, pace)),
        *_drives(lot, pace),
        step("pavement", km / pace.pavement_km_per_month, 1),
    ]


def _spans(bridges: Sequence[float], pace: Pace) -> tuple[float, int]:
    """Effort [months] and crews of the bridges of a lot."""
    if not bridges:
        return 0.0, 0
    room = sum(ceil(length / pace.bridge_m_per_crew) for length in bridges)
    crews = min(room, pace.bridge_crews_per_lot)
    longest = max(min(max(bridges), pace.bridge_m_per_crew), sum(bridges) / crews)
    return longest / pace.bridge_m_per_month, crews


def _drives(lot: Lot, pace: Pace) -> list[_Step]:
    """
    List the tunnels of a lot: a drive from each face, and lining and fitting after breakthrough.

    The cost of the lot's tunnels is shared by length, and within a tunnel by the months of work.
    """
    out = []
    for number, length in enumerate(lot.tunnels, 1):
        label = f"tunnel {number}" if len(lot.tunnels) > 1 else "tunnel"
        drive = length / pace.tunnel_faces / pace.tunnel_m_per_month_face
        months = [drive] * pace.tunnel_faces + [pace.tunnel_finish_months]
        share = lot.costs.get("tunnel", 0.0) * length / sum(lot.tunnels) / sum(months)
        faces = [f"{label}, {face}" for face in _FACES[: pace.tunnel_faces]]
        out += [_Step("tunnel", face, drive, 1, share * drive) for face in faces]
        fitting = pace.tunnel_finish_months
        if fitting > 0:
            name = f"{label}, lining and fitting"
            out.append(_Step("tunnel", name, fitting, 0, share * fitting, tuple(faces)))
    return out


_FACES = ("first face", "second face")
"""Faces of a tunnel: at its portal of lower chainage, and at the other."""


def _rounded(amounts: Iterable[float], total: int) -> list[int]:
    """
    Round amounts so that they add to a total, by cumulative rounding.

    Examples
    --------
    >>> _rounded([1.0, 1.0, 1.0], 100)
    [33, 34, 33]
    """
    some = list(amounts)
    whole = sum(some)
    out, run, paid = [], 0.0, 0
    for number, amount in enumerate(some):
        run += amount
        last = number == len(some) - 1
        upto = total if last else round(total * run / whole) if whole > 0 else 0
        out.append(upto - paid)
        paid = upto
    return out
