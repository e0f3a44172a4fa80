"""Design speed along a road."""

from dataclasses import dataclass

from realign.standards import DesignStandard


@dataclass(frozen=True, slots=True)
class Zone:
    """A stretch of road with one design speed."""

    start: float
    """Chainage where it begins [m]."""
    end: float
    """Chainage where it ends [m]."""
    standard: DesignStandard
    """The rules there."""
    why: str = ""
    """What forces the speed, in words."""
    hairpin: bool = False
    """Whether it is a hairpin, for which the hairpin section of the standard rules."""
