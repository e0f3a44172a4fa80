"""A study that is open: its first stages, what a search needs of them, and unit prices."""

from pathlib import Path
from threading import Lock

from realign import branches
from realign.branches import Net
from realign.corridor import Site
from realign.drowned import Drowned, check, hashes, submerge
from realign.errors import InputError
from realign.rates import Rates
from realign.road import Water
from realign.spread import Head
from realign.store import digest, packed, unpacked

LATER = frozenset(
    {
        *("fetch", "alternatives", "upgrade", "roads", "approaches", "traffic", "all_weather"),
        *("options", "phasing", "finance", "risk", "replay", "published"),
    }
)
"""Tables of a study that no new road depends on."""


class Opened:
    """A study that is open."""

    def __init__(self, given: Drowned, prices: Rates) -> None:
        """Put together what a search needs of the first stages."""
        self.given = given
        self.site = site_of(given)
        self.prices = prices
        self._abouts: dict[str, Water] = {}
        self._finding = Lock()

    def about(self, net: Net) -> Water:
        """Give ground and water about a gap, found once for all links across it."""
        with self._finding:
            if net.gap.name not in self._abouts:
                self._abouts[net.gap.name] = branches.around(self.site, net)
            return self._abouts[net.gap.name]


def site(opened: Opened) -> Site:
    """Give what a corridor search needs of an open study."""
    return opened.site


def site_of(given: Drowned) -> Site:
    """Put together what a corridor search needs of the world."""
    return Site(
        terrain=given.terrain,
        highway=given.highway,
        reservoirs=given.reservoirs,
        rivers=tuple(zip(given.rivers["name"], given.rivers.geometry, strict=True)),
        no_go=given.no_go,
        freeboard=given.study.clearance.freeboard_m,
        layers=given.layers,
        places=given.places,
        over_rivers=given.study.clearance.river_m,
    )


def base_of(given: Drowned) -> str:
    """Digest of what every road of a study may depend on: inputs, and settings but for `LATER`."""
    files = {k: v for k, v in given.hashes.items() if k != given.study.file.name}
    tables = [
        getattr(given.study, key)
        for key in sorted(type(given.study).model_fields)
        if key not in LATER
    ]
    return digest(files, tables)


def head_of(given: Drowned) -> Head:
    """Say how another machine opens the same study."""
    study = given.study
    places = str(study.file.resolve()), str(study.inputs.resolve())
    known = dict(given.hashes), dict(study.loaded)
    return Head(opened, packed((study, *places, study.places, *known)))


def opened(content: bytes) -> Opened:
    """
    Open the study of `head_of` on another machine.

    Raises
    ------
    InputError
        An input is not there, or is another file than where the work comes from.
    """
    study, file, inputs, places, known, loaded = unpacked(content)
    study = study.placed(Path(file), Path(inputs), places, loaded)
    prices = check(study)
    # settings and places were handed over, whatever their files say here
    mine = {study.file.name, study.study.places}
    found = hashes(study)
    names = sorted({*known, *found} - mine)
    other = [name for name in names if found.get(name) != known.get(name)]
    if other:
        msg = f"{study.inputs}: found another {', '.join(other)} than where the work comes from"
        raise InputError(msg)
    return Opened(submerge(study), prices)
