"""
What the calibrated fields of a study do: one JSON line for each set of values of them.

Usage: python -m benchmarks.calibrated data/kkh/study.toml [--inputs DIR] [--set KEY=VALUE,...]...

The study is run with its first variant alone, as it stands and with other values of fields
of its tables [formation] and [corridor]. Beside each set stand the published figures that
roads have a part in, and the bill of each road over the price that its search saw.
"""

import argparse
import json
from collections.abc import Sequence
from time import perf_counter

import realign
from realign.study import Study

SETS = (
    "",
    "max_cut_m=45,max_fill_m=25,max_wall_m=15",
    "max_cut_m=30,max_fill_m=20,max_wall_m=10",
    "play_m=0",
    "play_m=12",
    "play_limits=0",
    "play_limits=1",
)
"""What is tried unless asked otherwise; the first is the study as it stands."""
ROADS = ("new_road_km", "structures_pct", "new_road_musd_per_km", "programme_bn_pkr")
"""Published figures that depend on roads."""


def changed(study: Study, given: str) -> Study:
    """Give a study with one variant and other values, such as `max_cut_m=30,play_m=0`."""
    values = {
        key: float(value) for key, value in (each.split("=") for each in given.split(",") if each)
    }
    tables = {}
    for name in ("formation", "corridor"):
        table = getattr(study, name)
        mine = {key: values.pop(key) for key in list(values) if key in type(table).model_fields}
        tables[name] = table.model_copy(update=mine)
    if values:
        msg = f"found {', '.join(values)}, wanted fields of [formation] or [corridor]"
        raise SystemExit(msg)
    return study.model_copy(update={"variants": study.variants[:1], **tables})


def measured(study: Study, given: str) -> dict[str, object]:
    """Run a study with other values, and tell what came of it."""
    begun = perf_counter()
    plan = realign.run(changed(study, given))
    return {
        "set": given or "as it stands",
        "seconds": round(perf_counter() - begun, 1),
        "published": {
            check.published.quantity: {
                "published": check.published.value,
                "modelled": round(check.modelled, 2),
            }
            for check in plan.checks
            if check.published.quantity in ROADS
        },
        "roads": {
            link.name: {
                "bill_over_search": round(link.searched.ratio, 3),
                "structures_pct": round(
                    100 * (link.bridge_length + link.tunnel_length) / link.length, 1
                ),
                "breaches": len(link.breaches),
            }
            for link in plan.links
        },
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a study with each set of values and print a line for it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("study", help="study file")
    parser.add_argument("--inputs", help="folder of the inputs", default=None)
    parser.add_argument("--set", action="append", help="fields and values; several sets are run")
    given = parser.parse_args(arguments)
    study = realign.load(given.study, inputs=given.inputs)
    for each in given.set or SETS:
        print(json.dumps(measured(study, each)), flush=True)


if __name__ == "__main__":
    main()
