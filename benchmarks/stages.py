"""
The stages of a study: one JSON line each with seconds, peak memory so far and the answer.

Usage: python -m benchmarks.stages data/kkh/study.toml [--inputs DIR]

The answer stands beside the time, so that a stage that got faster and finds
something worse shows. Times do not hold from machine to machine.
"""

import argparse
import json
import resource

import realign

KIB = 1024.0
"""Kibibytes in a mebibyte."""


def main() -> None:
    """Run a study and print a line a stage."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--workers", type=int, default=None, help="corridors searched at a time")
    given = parser.parse_args()
    plan = realign.run(realign.load(given.study, inputs=given.inputs), workers=given.workers)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB
    answers: dict[str, object] = {
        "ground": {"cells": int(plan.terrain.z.size)},
        "highway": {"length_km": round(plan.highway.length / 1000, 3)},
        "reservoirs": {
            lake.dam.name: {
                "area_km2": round(lake.full.area / 1e6, 3),
                "gross_km3": round(lake.full.volume / 1e9, 4),
            }
            for lake in plan.reservoirs
        },
        "submergence": {
            "flooded_km": round(
                sum(part.flooded_length for part in plan.submergence.sections) / 1000, 3
            )
        },
        "corridors and roads": {
            link.name: {
                "searched_musd": round(link.searched.construction / 1e6, 3),
                "gap_pct": round(100 * link.searched.optimality_gap, 1),
                "built_musd": round(link.direct.base / 1e6, 3),
                "length_km": round(link.length / 1000, 3),
                "breaches": len(link.breaches),
            }
            for link in plan.links
            if link.searched is not None
        },
        "branches": {
            "candidate_links": len(plan.choice.candidates),
            "without_road": len(plan.choice.failed),
        },
        "network and options": {
            "ways": plan.choice.front.count,
            "front": len(plan.choice.front.ways.scores),
            "exact": plan.choice.front.exact,
            "best": plan.best,
        },
        "all weather": {
            name: {"closed_days": round(year.highway.closed_days_a_year, 3)}
            for name, year in plan.years.items()
        },
        "money": {
            name: {"programme_bn_pkr": round(each.schedule.total_pkr / 1e9, 3)}
            for name, each in plan.programmes.items()
        },
    }
    for stage, seconds in plan.seconds.items():
        print(
            json.dumps(
                {
                    "stage": stage,
                    "seconds": round(seconds, 3),
                    "peak_mib_of_process": round(peak, 1),
                    "answer": answers.get(stage),
                }
            )
        )


if __name__ == "__main__":
    main()
