"""The gap, the variant and the site of a study, as the benchmarks of the search need them."""

from dataclasses import dataclass

from realign import corridor, formation, plan, study
from realign.corridor import Gap, Site, Variant
from realign.formation import Prices
from realign.standards import DesignStandard
from realign.standards import load as load_standard
from realign.study import Study


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """What a search is asked."""

    study: Study
    """The whole study."""
    site: Site
    """Ground, water, road."""
    gap: Gap
    """The longest gap."""
    variant: Variant
    """The first variant, at the speed asked for."""
    standard: DesignStandard
    """What its speed asks."""
    prices: Prices
    """Cross section and prices."""


def case(file: str, inputs: str | None, *, speed: int | None = None) -> Case:
    """
    Read a study up to its longest gap.

    Parameters
    ----------
    file, inputs
        Study file, and the folder of its inputs.
    speed
        Design speed of the first variant [km/h]; its own by default.
    """
    asked = study.load(file, inputs=inputs)
    rates = plan.check(asked)
    given = plan.submerge(asked)
    drowned = [(part.dam, part.section) for part in given.submergence.sections]
    gap = max(
        corridor.gaps(drowned, given.highway, asked.corridor), key=lambda each: each.section.length
    )
    variant = asked.variants[0]
    if speed is not None:
        variant = variant.model_copy(update={"speed_kmh": speed})
    standard = load_standard(asked.standard.code, variant.speed_kmh)
    return Case(
        study=asked,
        site=plan.site_of(given),
        gap=gap,
        variant=variant,
        standard=standard,
        prices=formation.prices(asked.formation, standard, rates),
    )
