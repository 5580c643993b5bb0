#!/usr/bin/python3
"""Policies side by side in the simulator: the tables of docs/policies.md.

    tests/bench/policies.py [--sim build/release/bin/berth-sim] [--seeds N] [--workload NAME]… [--limit N]…
                            [--variant NAME]…

A row for each policy, by workload and MaxInstances: cost, ratio to the lower bound, waits, creates.
"""
import argparse
import json
import pathlib
import re
import subprocess
import tempfile

FAMILIES = {  # $/hour of the type with 2 VCPUs, GiB of RAM for each VCPU, sizes
    "c5": (0.085, 2, (2, 4, 8, 16, 36, 48, 72, 96)),
    "m5": (0.096, 4, (2, 4, 8, 16, 48, 96)),
    "r5": (0.126, 8, (2, 4, 8, 16, 48, 96)),
    "c6a": (0.0765, 2, (2, 4, 8, 16, 32, 48, 64, 96)),
    "m6a": (0.0864, 4, (2, 4, 8, 16, 32, 48, 64, 96)),
    "r6a": (0.1134, 8, (2, 4, 8, 16, 32, 48, 64, 96)),
}

VARIANTS = {
    "reference": {"Policy": "reference"},
    "greedy": {"Policy": "greedy"},
    "cost": {"Policy": "cost"},
    "cost, no ride": {"Policy": "cost", "CostRide": False},
    "cost, no cover": {"Policy": "cost", "CostCover": False},
    "cost, no group": {"Policy": "cost", "CostGroup": False},
    "cost, no spare": {"Policy": "cost", "CostSpare": 0},
    "cost, fixed idle time-out": {"Policy": "cost", "CostLearnTimeoutIdle": False},
    "cost, no guard": {"Policy": "cost", "CostGuard": "0s"},
}

ROWS = {  # of the report, as columns
    "cost": "cost",
    "cost / lower bound": "ratio",
    "all": "wait p50 / p95 / max",
    "creates": "creates",
    "most at a time": "peak",
    "unfinished": "unfinished",
}


def cluster(cloud_vms, max_instances):
    types = {
        f"{family}.{size}": {
            "VCPUs": size,
            "RAM": ram * size << 30,
            "IncludedScratch": 500 << 30,
            "Price": round(price * size / 2, 6),
        }
        for family, (price, ram, sizes) in FAMILIES.items()
        for size in sizes
    }
    vms = {
        "Driver": "loopback",
        "ImageID": "none",
        "MaxInstances": max_instances,
        "MaxConcurrentInstanceCreateOps": 0,
        "MaxCloudOpsPerSecond": 0,
        **cloud_vms,
    }
    return {
        "Clusters": {
            "zzzzz": {
                "SystemRootToken": "0" * 40,
                "ManagementToken": "1" * 40,
                "Services": {"Controller": {"ExternalURL": "https://zzzzz.example/"}},
                "Containers": {"CloudVMs": vms},
                "InstanceTypes": types,
            }
        }
    }


def run(args, folder, workload, limit):
    """The report's rows: name → cells by variant."""
    files = []
    for name in args.variant:
        path = folder / (re.sub(r"\W+", "-", name) + ".yml")
        path.write_text(json.dumps(cluster(VARIANTS[name], limit)))
        files.append(str(path))
    select = ["--compare", *files] if len(files) > 1 else ["--config", files[0]]
    command = [args.sim, "run", *select, "--generate", workload, "--seeds", str(args.seeds)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    if args.verbose:
        print(text)
    rows = {}
    for line in text.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) == len(files) + 1:
            rows.setdefault(cells[0], cells[1:])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sim", default="build/release/bin/berth-sim")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--workload", action="append")
    parser.add_argument("--limit", action="append", type=int, help="MaxInstances")
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.variant = args.variant or list(VARIANTS)
    with tempfile.TemporaryDirectory() as folder:
        for workload in args.workload or ["steady", "bursty", "workflows"]:
            for limit in args.limit or [0]:
                rows = run(args, pathlib.Path(folder), workload, limit)
                shown = {column: rows[row] for row, column in ROWS.items() if row in rows}
                print(f"\n{workload}, MaxInstances {limit or 'none'}\n")
                print("| policy | " + " | ".join(shown) + " |")
                print("|---" * (len(shown) + 1) + "|")
                for i, name in enumerate(args.variant):
                    print(f"| {name} | " + " | ".join(cells[i] for cells in shown.values()) + " |", flush=True)


if __name__ == "__main__":
    main()
