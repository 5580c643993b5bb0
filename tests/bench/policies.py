#!/usr/bin/python3
"""Policies side by side in the simulator: the tables of docs/policies.md.

    ./dev bench policies [--seeds N] [--workload NAME]… [--limit N]…
                         [--variant NAME]… [--boot SECONDS] [--price-factor F]

A row for each policy, by workload and MaxInstances: cost (mean, least and most of the seeds), how much more than the
first policy's, ratio to the lower bound, waits, creates. `--limit half` is
half of the instances that the first variant uses at most without limit; `--boot` is the median boot time;
`--price-factor` is `MaximumPriceFactor`.
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
    "mean of all": "mean wait",
    "all": "wait p50 / p95 / max",
    "creates": "creates",
    "most at a time": "peak",
    "never used": "never used",
}


def cluster(cloud_vms, max_instances, price_factor):
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
    containers = {"CloudVMs": vms}
    if price_factor:
        containers["MaximumPriceFactor"] = price_factor
    return {
        "Clusters": {
            "zzzzz": {
                "SystemRootToken": "0" * 40,
                "ManagementToken": "1" * 40,
                "Services": {"Controller": {"ExternalURL": "https://zzzzz.example/"}},
                "Containers": containers,
                "InstanceTypes": types,
            }
        }
    }


def run(args, folder, name, workload, limit):
    """The report's rows of one variant: name → cell."""
    path = folder / "cluster.yml"
    path.write_text(json.dumps(cluster(VARIANTS[name], limit, args.price_factor)))
    command = [args.sim, "run", "--config", str(path), "--generate", workload, "--seeds", str(args.seeds)]
    command += ["--first-seed", str(args.first_seed)]
    if args.boot:
        cloud = folder / "cloud.yml"
        cloud.write_text(json.dumps({"boot": {"median": f"{args.boot}s", "spread": 0.3}}))
        command += ["--cloud", str(cloud)]
    text = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    if args.verbose:
        print(text)
    rows = {}
    for line in text.splitlines():
        cells = re.split(r"\s{2,}", line.strip())
        if len(cells) == 2:
            rows.setdefault(*cells)
    return rows


def mean(cell):
    """The number in `$1,234.56 ($1.00 to $2.00)` or `12 (9 to 15)`."""
    return float(re.sub("[$,]", "", cell.split(" (")[0]))


def difference(cost, first):
    share = round(100 * (cost / first - 1), 1)
    return f"{share:+.1f} %".replace("-", "−") if share else "0.0 %"


def table(args, folder, workload, limit):
    columns = list(ROWS.values())
    columns.insert(1, f"against `{args.variant[0]}`")
    print(f"\n**{workload}{f', MaxInstances {limit}' if limit else ''}**\n")
    print("| policy | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|", flush=True)
    first = None
    for name in args.variant:
        rows = run(args, folder, name, workload, limit)
        if rows["unfinished"] != "0":
            raise SystemExit(f"{workload}: {name}: containers had not ended when time was up")
        cost = mean(rows["cost"])
        more = "" if first is None else difference(cost, first)
        first = first or cost
        cells = [rows["cost"].replace(" to ", " – "), more, *(rows[row].split(" (")[0] for row in list(ROWS)[1:])]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)


def limit_of(args, folder, workload, limit):
    if limit != "half":
        return int(limit)
    peak = run(args, folder, args.variant[0], workload, 0)["most at a time"]
    return int(mean(peak)) // 2


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sim", default="build/release/bin/berth-sim")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--workload", action="append")
    parser.add_argument("--limit", action="append", help="MaxInstances: a number, 0 for none, or half")
    parser.add_argument("--boot", type=int, help="seconds; otherwise as berth-sim has it")
    parser.add_argument("--price-factor", type=float, help="otherwise the default")
    parser.add_argument("--variant", action="append", choices=VARIANTS)
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    args.variant = args.variant or list(VARIANTS)
    with tempfile.TemporaryDirectory() as folder:
        for workload in args.workload or ["steady", "diurnal", "workflows", "bioinformatics", "bursty", "tasks"]:
            for limit in args.limit or ["0", "half"]:
                limit = limit_of(args, pathlib.Path(folder), workload, limit)
                table(args, pathlib.Path(folder), workload, limit)


if __name__ == "__main__":
    main()
