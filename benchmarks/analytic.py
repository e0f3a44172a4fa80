"""
The published road design problem on an analytic mountain, and others of its form.

Usage: python -m benchmarks.analytic PROBLEM.json [--out RESULT.json]

The problem is that of doi 10.1111/mice.12350, used again in
doi 10.1016/j.autcon.2024.105645: the cheapest road between two places on a
surface given by a formula, with every number of plan and grade line continuous.

A lattice of places, headings and levels gives corridors; their places become
PIs, and a dynamic program over places and levels of PVIs gives each plan its
first grade lines. Such a road is refined whole: places of PIs, radii, chainages
and levels of PVIs move together by sequential quadratic programming, under all
rules and with slopes from the chain rule over the sections. Which tangent or arc
holds each PVI, the sign of each grade and the number of PIs and PVIs stay as they
are in a refinement, so the search changes them at random in the best roads,
refines again and keeps what is cheaper. The best roads are refined once more on
exact sections every 5 m, laid out as alignments of the package, judged by its checker
and by what the problem asks beyond a design standard, and priced from the poses and
levels of the alignment. The amount of work is
counted in changes, so that the answer hangs on the machine only where that is too
slow to do it within the limit of time.
"""

import argparse
import json
import resource
import sys
from pathlib import Path
from time import perf_counter

BEGIN = perf_counter()
"""When the program began, before the imports that take time [s]."""

from benchmarks.mountain import problem as problems  # noqa: E402
from benchmarks.mountain.alignment import rows  # noqa: E402
from benchmarks.mountain.search import solve  # noqa: E402
from realign.errors import RealignError  # noqa: E402

KIB = 1024.0
"""Kibibytes in a mebibyte."""


def main() -> int:
    """Solve a problem, print a line of JSON and write the road."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("problem", type=Path, help="file of the problem")
    parser.add_argument("--out", type=Path, help="file for the road")
    parser.add_argument("--changes", type=int, default=500, help="changes of shape to try")
    parser.add_argument("--seed", type=int, default=1, help="seed of the changes")
    parser.add_argument(
        "--workers", type=int, default=2, help="threads; leaves the answer as it is"
    )
    parser.add_argument(
        "--limit", type=float, default=52.0, help="seconds after which no change is begun"
    )
    given = parser.parse_args()
    try:
        found = solve(
            problems.read(given.problem),
            changes=given.changes,
            seed=given.seed,
            workers=given.workers,
            deadline=BEGIN + given.limit,
        )
    except RealignError as error:
        print(error, file=sys.stderr)
        return 1
    seconds = perf_counter() - BEGIN
    road = rows(found.alignment) | {"cost": found.cost, "seconds": round(seconds, 3)}
    if given.out:
        given.out.write_text(json.dumps(road, indent=1) + "\n", encoding="utf-8")
    print(
        json.dumps(
            {
                "problem": str(given.problem),
                "seconds": round(seconds, 3),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB, 1),
                "answer": {
                    "cost": round(found.cost["total"], 2),
                    "length_m": round(found.cost["length_m"], 3),
                    "curves": sum(e.k0 == e.k1 != 0 for e in found.alignment.plan.elements),
                    "pvis": len(found.alignment.grades.level) - 2,
                },
            }
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
