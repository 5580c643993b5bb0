#!/usr/bin/python3
"""How long berth-sim takes for a day of 100,000 containers on some 5,000 instances: figures of docs/performance.md.

    tests/bench/what_if.py [--sim build/release/bin/berth-sim] [--policy NAME]… [--containers N] [-- ARG…]

What follows `--` goes to berth-sim. One line for each policy: CPU time and memory of the program, and what it found.
"""
import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

import policies

PRICE_FACTOR = 1.5

DAY = """
duration: 24h
containers: {containers}
arrivals: {{process: diurnal, peak_hour: 14, depth: 0.6}}
kinds:
  small: {{weight: 6, vcpus: [1, 2], ram: [2GiB, 4GiB], run_time: {{median: 30m, spread: 0.8, most: 6h}}}}
  medium: {{weight: 3, vcpus: [4, 8], ram: [16GiB, 32GiB], run_time: {{median: 45m, spread: 0.8, most: 8h}}}}
  large: {{weight: 1, vcpus: [16, 32], ram: [64GiB, 128GiB], run_time: {{median: 50m, spread: 0.7, most: 12h}}}}
"""


def run(sim, folder, policy, more):
    """The report, and what the program used: seconds of CPU, MiB."""
    config = folder / f"{policy}.yml"
    config.write_text(json.dumps(policies.cluster({"Policy": policy}, 0, PRICE_FACTOR)))
    process = subprocess.Popen([sim, "run", "--config", config, "--generate", folder / "day.yml", *more], stdout=subprocess.PIPE, text=True)
    report = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{policy}: exit status {os.waitstatus_to_exitcode(status)}")
    return report, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sim", default="build/release/bin/berth-sim")
    parser.add_argument("--policy", action="append")
    parser.add_argument("--containers", type=int, default=100_000)
    parser.add_argument("more", nargs="*")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "day.yml").write_text(DAY.format(containers=args.containers))
        print("| policy | CPU | memory | complete | most instances | cost | wait p50 / p95 / max |")
        print("|---|---|---|---|---|---|---|")
        for policy in args.policy or ["greedy", "cost", "reference"]:
            report, seconds, mib = run(args.sim, folder, policy, args.more)
            rows = dict(re.split(r"\s{2,}", line.strip(), maxsplit=1) for line in report.splitlines() if re.match(r"  \S.*\S  ", line))
            found = " | ".join(rows[row] for row in ("complete", "most at a time", "cost", "all"))
            print(f"| {policy} | {seconds:.1f} s | {mib:.0f} MiB | {found} |", flush=True)


if __name__ == "__main__":
    main()
