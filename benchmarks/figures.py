"""
The figure of the state space in docs/method.md, drawn from the lattice itself.

Usage: python -m benchmarks.figures docs/state_space.svg
"""

import sys
from io import StringIO
from math import cos, sin
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from realign.corridor.lattice import HEADINGS, MOVES, moves
from realign.standards import load

CODE = "jtg-class-ii-mountain"
"""Design standard of the figure."""
CELL = 60.0
"""Cell size of the figure [m]."""
STEP = 5.0
"""Distance between two levels of the figure [m]."""
ARRIVAL = 1
"""Heading in which the road of the figure arrives."""


def main() -> None:
    """Draw the moves, the turns and the levels."""
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    ring, fan, side = figure.subplots(1, 3)
    for column in range(-4, 5):
        for axes in (ring, fan):
            axes.axvline(column - 0.5, color="0.9", lw=0.6, zorder=0)
            axes.axhline(column - 0.5, color="0.9", lw=0.6, zorder=0)
    speeds = ((40, "tab:orange", 4.0), (60, "tab:blue", 1.5))
    for speed, color, wide in speeds:
        rules = moves(load(CODE, speed), cell=CELL, level_step=STEP)
        for east, north in rules.step:
            ring.plot([0, east], [0, north], color=color, lw=wide / 2, marker="o", ms=2 * wide / 3)
        for d in range(-rules.turn, rules.turn + 1):
            east, north = rules.step[(ARRIVAL + d) % HEADINGS]
            fan.plot([0, east], [0, north], color=color, lw=wide, solid_capstyle="round")
        fan.plot([], [], color=color, lw=wide, label=f"{speed} km/h: turn of {rules.turn}")
    ring.set_title("16 moves of two cells or of three", fontsize=9)
    arrive = MOVES[ARRIVAL]
    fan.annotate(
        "", (0, 0), (-arrive[0], -arrive[1]), arrowprops={"arrowstyle": "->", "color": "k", "lw": 2}
    )
    fan.legend(loc="lower right", fontsize=7)
    fan.set_title("where a road that arrives may go on", fontsize=9)
    for axes in (ring, fan):
        axes.set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal", xticks=[], yticks=[])
        axes.set_xlabel(f"cells of {CELL:g} m")
    rules = moves(load(CODE, 60), cell=CELL, level_step=STEP)
    x = np.linspace(0, 4 * rules.length[0], 60)
    ground = [30 + 18 * sin(v / 130) + 9 * cos(v / 55) for v in x]
    side.fill_between(x, ground, -10, color="0.88", label="ground")
    levels = [35, 35, 40, 40, 40]
    stations = [i * rules.length[0] for i in range(5)]
    for station in stations:
        side.plot([station] * 15, np.arange(15) * STEP, ".", color="0.7", ms=2)
    for d in range(-rules.climb, rules.climb + 1):
        side.plot(stations[:2], [levels[0], levels[0] + d * STEP], color="tab:blue", lw=0.6)
    side.plot(stations, levels, color="k", lw=1.6, label="road")
    side.annotate("tunnel", (300, 42), fontsize=7, ha="center")
    side.annotate("bridge", (550, 43), fontsize=7, ha="center")
    side.set(ylim=(-5, 75), xlabel="along the road [m]", ylabel="level [m]")
    side.set_title(f"levels of {STEP:g} m, {rules.climb} up or down a move", fontsize=9)
    side.legend(loc="upper right", fontsize=7)
    out = StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    Path(sys.argv[1]).write_text(out.getvalue(), encoding="utf-8")


if __name__ == "__main__":
    main()
