"""
A hundred rated alternatives for the longest gap of a study, and how different the best are.

Usage: python -m benchmarks.alternatives data/kkh/study.toml [--inputs DIR] [--speed 60]

Prints one JSON line: time, peak memory, the roads that were rated and the shortlist,
with the single search of the same variant beside them. Seconds include compiling
where nothing is compiled yet.
"""

import argparse
import json
import resource
from itertools import combinations

from benchmarks.case import case
from realign import corridor
from realign.corridor import similarity

KIB = 1024.0
"""Kibibytes in a mebibyte."""


def main() -> None:
    """Rate alternatives and print the line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--speed", type=int, default=None, help="km/h")
    given = parser.parse_args()
    asked = case(given.study, given.inputs, speed=given.speed)
    rules, choice = asked.study.corridor, asked.study.alternatives
    found = corridor.alternatives(
        asked.site,
        asked.gap,
        asked.variant,
        rules=rules,
        standard=asked.standard,
        prices=asked.prices,
        choice=choice,
    )
    single = corridor.find(
        asked.site,
        asked.gap,
        asked.variant,
        rules=rules,
        standard=asked.standard,
        prices=asked.prices,
        workers=2,
    )
    best = found.rated[0].corridor.price
    chosen = [found.rated[i] for i in found.shortlist]
    print(
        json.dumps(
            {
                "benchmark": "alternatives",
                "speed_kmh": asked.variant.speed_kmh,
                "gap_km": round(asked.gap.section.length / 1000, 1),
                "seconds": round(found.seconds, 1),
                "peak_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KIB, 1),
                "rated": len(found.rated),
                "searches": found.searches,
                "failed": found.failed,
                "passed_over": found.passed_over,
                "best_over_single": round(best / single.price, 5),
                "single_seconds": round(single.seconds, 1),
                "shortfall": found.shortfall,
                "most_alike": round(
                    max(
                        (
                            similarity(a.corridor, b.corridor, choice.within_m)
                            for a, b in combinations(chosen, 2)
                        ),
                        default=0.0,
                    ),
                    3,
                ),
                "shortlist": [
                    {
                        "name": each.name,
                        "price_ratio": round(each.corridor.price / best, 3),
                        "musd": round(each.corridor.construction / 1e6, 1),
                        "length_km": round(each.length / 1000, 1),
                        "bridges_pct": round(100 * each.bridge, 1),
                        "tunnels_pct": round(100 * each.tunnel, 1),
                    }
                    for each in chosen
                ],
            }
        )
    )


if __name__ == "__main__":
    main()
