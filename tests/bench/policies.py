#!/usr/bin/python3
"""Policies side by side in the simulator: the tables of docs/policies.md.

    ./dev bench policies [--seeds N] [--workload NAME]… [--limit N]…
                         [--variant NAME]… [--boot SECONDS] [--price-factor F]

First, in one line, commit and seeds. Then a table for each workload and MaxInstances, a row for each policy: cost (mean,
least and most of the seeds), how much more than the first policy's, ratio to the lower bound, waits, creates. At the end, if
`cost` is among the policies and not the first one, a summary of it against the first: a row for each workload.

`--limit half` is half of the instances that the first variant uses at most without limit; `--boot` is the median boot time;
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


def without_range(cell):
    return cell.split(" (")[0]


def mean(cell):
    """The number in `$1,234.56 ($1.00 to $2.00)` or `12 (9 to 15)`."""
    return float(re.sub("[$,]", "", without_range(cell)))


def difference(found, name):
    """How much more that variant costs than the first one."""
    first = next(iter(found.values()))
    share = round(100 * (mean(found[name]["cost"]) / mean(first["cost"]) - 1), 1)
    return f"{share:+.1f} %".replace("-", "−") if share else "0.0 %"


def table(args, folder, workload, limit):
    """Prints it; returns the report's rows by variant."""
    columns = list(ROWS.values())
    columns.insert(1, f"against `{args.variant[0]}`")
    print(f"\n**{workload}{f', MaxInstances {limit}' if limit else ''}**\n")
    print("| policy | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|", flush=True)
    found = {}
    for name in args.variant:
        rows = found[name] = run(args, folder, name, workload, limit)
        if rows["unfinished"] != "0":
            raise SystemExit(f"{workload}: {name}: containers had not ended when time was up")
        more = "" if len(found) == 1 else difference(found, name)
        cells = [rows["cost"].replace(" to ", " – "), more, *(without_range(rows[row]) for row in list(ROWS)[1:])]
        print(f"| {name} | " + " | ".join(cells) + " |", flush=True)
    return found


def summary(first, results):
    """Prints `cost` against the first variant; `results`: workload → limit as asked for → rows by variant."""
    limits = list(next(iter(results.values())))
    print(f"\n`cost` against `{first}`:\n")
    names = {"0": "no limit", "half": "half of the instances"}
    columns = [f"{names.get(limit, f'MaxInstances {limit}')}: cost | mean wait | p95" for limit in limits]
    print("| workload | " + " | ".join(columns) + " |")
    print("|---" * (3 * len(columns) + 1) + "|")
    for workload, by_limit in results.items():
        cells = []
        for found in by_limit.values():
            before, after = found[first], found["cost"]
            cells.append(difference(found, "cost"))
            cells.append(f"{without_range(before['mean of all'])} → {without_range(after['mean of all'])}")
            cells.append(f"{before['all'].split(' / ')[1]} → {after['all'].split(' / ')[1]}")
        print(f"| {workload} | " + " | ".join(cells) + " |")


def limit_of(args, folder, workload, limit):
    if limit != "half":
        return int(limit)
    peak = run(args, folder, args.variant[0], workload, 0)["most at a time"]
    return int(mean(peak)) // 2


def commit():
    tree = pathlib.Path(__file__).parent
    return subprocess.run(["git", "describe", "--always", "--dirty", "--exclude=*"], cwd=tree, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


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
    print(f"Commit {commit()}, seeds {args.first_seed} to {args.first_seed + args.seeds - 1}.")
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for workload in args.workload or ["steady", "diurnal", "workflows", "bioinformatics", "bursty", "tasks"]:
            for limit in args.limit or ["0", "half"]:
                instances = limit_of(args, pathlib.Path(folder), workload, limit)
                results.setdefault(workload, {})[limit] = table(args, pathlib.Path(folder), workload, instances)
    if "cost" in args.variant[1:]:
        summary(args.variant[0], results)


if __name__ == "__main__":
    main()
