"""
How sure the money and the dates of a programme are.

`rules` holds the table `[risk]`, `model` the schedule in arrays, `factors` draws what is uncertain,
`times` dates the activities of every draw, `draws` deals the draws out to whoever works, and
`outcome` says what they come to.
"""

from realign.risk.draws import simulate
from realign.risk.model import Basis, Model, model
from realign.risk.outcome import Dates, Opening, Outcome, Phase, Spread, Step, Swing, cdf
from realign.risk.rules import DRIVERS, Driver, Drivers, Risk

__all__ = [
    "DRIVERS",
    "Basis",
    "Dates",
    "Driver",
    "Drivers",
    "Model",
    "Opening",
    "Outcome",
    "Phase",
    "Risk",
    "Spread",
    "Step",
    "Swing",
    "cdf",
    "model",
    "simulate",
]
