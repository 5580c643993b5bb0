#!/usr/bin/python3
"""How long a container waits for the daemon: figures from real processes on a standalone daemon, whose workers are this
machine or, with --ssh, hosts of their own. They are printed, never judged.

One slot is measured one container after the other. Several slots are kept busy side by side, at random times within ten seconds,
so that no figure depends on the phase of a timer: --slots 50 and --without-push --slots 50 are the same load.

Each scenario is a function that returns named lists of seconds; to add one, write it and put it into SCENARIOS."""

import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import select
import statistics
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bed, workload  # noqa: E402
from harness.daemon import Daemon, wait_for  # noqa: E402

NOW = "$EPOCHREALTIME"  # of bash: the wall clock in microseconds, without another process
MIB = 1 << 20


class Site:
    """A standalone daemon with `slots` slots of one VCPU, each an instance that is up and idle; with `ssh` on hosts of a bed."""

    def __init__(self, bin_dir, directory, slots, without_push, ssh):
        self.slots, self.directory = slots, pathlib.Path(directory)
        # How often to look, in seconds. No figure depends on it, but many slots that look often are work for this machine.
        self.look, self.look_at_files = (0.05, 0.005) if slots == 1 else (1, 0.1)
        self.workers, self.pause = (1, 0.1) if slots == 1 else (slots, 10)
        self.seen, self.seen_at, self.mutex = set(), 0, threading.Lock()
        self.hosts, address = None, "127.0.0.1"
        environment = {"BERTH_BED_INTERVALS": "reference"} if without_push else {}
        if ssh:
            self.hosts, address = bed.Bed(self.directory / "bed", user="crunch"), bed.GATEWAY
            self.directory = self.hosts.shared
            environment.update({"BERTH_BED": f"http://127.0.0.1:{self.hosts.cloud.port}", "BERTH_BED_KEY": str(self.hosts.key)})
        self.daemon = Daemon(bin_dir, pathlib.Path(directory) / "data", "--vcpus", str(slots), "--ram", f"{slots}GiB",
                             program="berthd-bed" if environment else "berthd", address=address, environment=environment)
        self.client = self.daemon.start()

    def destroy(self):
        self.daemon.destroy()
        if self.hosts:
            self.hosts.destroy()

    def warm_up(self):
        """Fills every slot once, so that each has an instance."""
        barrier = self.directory / "warm"
        jobs = [self.submit(f"touch {barrier}.{i}; until [ -e {barrier} ]; do sleep 0.1; done") for i in range(self.slots)]
        wait_for(lambda: all(pathlib.Path(f"{barrier}.{i}").exists() for i in range(self.slots)), timeout=600)
        barrier.touch()
        self.wait_until_free(jobs)

    def submit(self, script, priority=500):
        return self.client.submit(command=["bash", "-c", script], priority=priority, runtime_constraints={"vcpus": 1, "ram": 64 * MIB})

    def wait_until_free(self, jobs):
        """Until the dispatcher has done with them: neither queue nor instances know them any more."""
        uuids, began = {job["container_uuid"] for job in jobs}, time.monotonic()
        wait_for(lambda: not self.known(began) & uuids, timeout=600, interval=self.look)

    def known(self, since):
        """Whom queue and instances know: as of then or later, for all who ask at the same time."""
        with self.mutex:
            if self.seen_at < max(since, time.monotonic() - self.look):
                self.seen_at = time.monotonic()
                self.seen = {entry["container"]["uuid"] for entry in self.client.queue()}
                self.seen.update(uuid for instance in self.client.instances() for uuid in instance["running_container_uuids"] or [])
            return self.seen

    def path(self):
        """A new path for a container to write to."""
        descriptor, name = tempfile.mkstemp(dir=self.directory)
        os.close(descriptor)
        os.unlink(name)
        return pathlib.Path(name)

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.daemon.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def written(path):
    """What a container has written there: whole lines, or nothing yet."""
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    return text if text.endswith("\n") else None


def many(site, sample, count):
    """Calls `sample` so many times, from a thread for each slot, after a random pause each."""
    def one(number):
        time.sleep(random.Random(number).uniform(0, site.pause))
        return sample()
    with concurrent.futures.ThreadPoolExecutor(site.workers) as pool:
        return list(pool.map(one, range(count)))


def start(site, samples):
    def sample():
        path = site.path()
        sent = time.time()
        job = site.submit(f"echo {NOW} > {path}")
        answered = time.time()
        began = float(wait_for(lambda: written(path), timeout=120, interval=site.look_at_files))
        site.wait_until_free([job])
        return began - answered, began - sent
    figures = many(site, sample, samples)
    return {"request committed (answered) → command runs": [f[0] for f in figures],
            "request sent → command runs": [f[1] for f in figures]}


def cancel(site, samples):
    def sample():
        path = site.path()
        alive = site.path()  # a FIFO that the process holds open while it lives: its number may mean another process here
        os.mkfifo(alive)
        reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
        job = site.submit(f"exec 3> {alive}; echo up > {path}; exec sleep 1000")
        wait_for(lambda: written(path), timeout=120, interval=site.look_at_files)
        wait_for(lambda: site.client.container(job["container_uuid"])["state"] == "Running", timeout=60, interval=site.look_at_files)
        time.sleep(random.uniform(0, site.pause))
        sent = time.time()
        site.client.cancel(job["uuid"])
        answered = time.time()
        poll = select.poll()
        poll.register(reader, 0)
        if not poll.poll(120_000):
            raise TimeoutError("a process was not stopped within two minutes")
        gone = time.time()
        os.close(reader)
        site.wait_until_free([job])
        return gone - answered, gone - sent
    figures = many(site, sample, samples)
    return {"cancel committed (answered) → process gone": [f[0] for f in figures],
            "cancel sent → process gone": [f[1] for f in figures]}


def turnover(site, samples):
    """Slots whose containers end at any time."""
    return one_after_another(site, samples, 2 * site.pause)


def burst(site, samples):
    """Containers that end at once."""
    return one_after_another(site, samples, 0)


def one_after_another(site, samples, longest):
    """All are submitted at once, and run for up to `longest` seconds; every slot is always wanted, so the n-th end frees the slot of
    the n-th start after the first `slots`."""
    directory = site.directory / "turnover"
    directory.mkdir()

    def submit(number):
        life = f"sleep {random.Random(number).uniform(0, longest):.2f}; " if longest else ""
        return site.submit(f"echo {NOW} > {directory}/{number}.began; {life}echo {NOW} > {directory}/{number}.ended")
    sent = time.time()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(submit, range(samples + site.slots)))
    submitted = time.time()
    wait_for(lambda: len(list(directory.glob("*.ended"))) == len(jobs), timeout=3600, interval=0.1)
    site.wait_until_free(jobs)
    times = {kind: sorted(float(path.read_text()) for path in directory.glob(f"*.{kind}")) for kind in ("began", "ended")}
    records = site.client.containers()
    finished = [workload.timestamp(records[job["container_uuid"]]["finished_at"]) for job in jobs]
    took = max(finished) - times["began"][0]
    print(f"  {len(jobs)} containers submitted in {submitted - sent:.2f} s; from the first start to the last completion {len(jobs) / took:.1f}/s")
    figures = {TURNOVER if longest else f"{TURNOVER}, ends at once":
               [began - ended for ended, began in zip(times["ended"], times["began"][site.slots:])]}
    return figures if longest else {**figures, RATE: [took * site.slots / len(jobs)]}


TURNOVER = "process exits → next container's command runs there"
RATE = "seconds a slot needs for a container that ends at once"
SCENARIOS = {"start": start, "cancel": cancel, "turnover": turnover, "burst": burst}


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def measure(scenario, arguments):
    """One run of it on a new site; prints its figures and returns them."""
    with tempfile.TemporaryDirectory(prefix="berth-latency-") as directory:
        site = Site(arguments.bin.resolve(), directory, arguments.slots, arguments.without_push, arguments.ssh)
        try:
            site.warm_up()
            instances = len(site.client.instances())
            cpu, began = site.cpu_seconds(), time.time()
            figures = SCENARIOS[scenario](site, arguments.samples)
            cpu, took = site.cpu_seconds() - cpu, time.time() - began
        finally:
            site.destroy()
    for what, values in figures.items():
        print_figures(what, values)
    print(f"  {scenario}: {instances} instances; daemon: {cpu:.2f} s of CPU in {took:.1f} s; load average {os.getloadavg()[0]:.2f}", flush=True)
    return figures


def print_figures(what, values):
    if what == RATE:
        print(f"{'containers that end at once, per second and slot':66} {1 / values[0]:8.2f}", flush=True)
        return
    p50, p90, p99 = (1000 * quantile(values, share) for share in (0.5, 0.9, 0.99))
    print(f"{what:66} p50 {p50:8.1f} ms  p90 {p90:8.1f}  p99 {p99:8.1f}  mean {1000 * statistics.mean(values):8.1f}  n {len(values)}", flush=True)


def print_medians(runs):
    print(f"medians of {len(runs)} runs")
    for what in runs[0]:
        if what == RATE:
            print(f"{'containers that end at once, per second and slot':66} {statistics.median(1 / run[what][0] for run in runs):8.2f}")
            continue
        p50, p99 = (1000 * statistics.median(quantile(run[what], share) for run in runs) for share in (0.5, 0.99))
        print(f"{what:66} p50 {p50:8.1f} ms  p99 {p99:8.1f}")


def main():
    parser = argparse.ArgumentParser(prog="./dev latency", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default="build/release/bin", type=pathlib.Path, help=argparse.SUPPRESS)
    parser.add_argument("--samples", type=int, default=500, help="of each figure (500)")
    parser.add_argument("--slots", type=int, help="containers that run at once (1; without push 50)")
    parser.add_argument("--runs", type=int, default=1, help="repeats everything, and prints the medians of the runs")
    parser.add_argument("--without-push", action="store_true", help="no events, no exit watch, and the intervals of a cluster's defaults")
    parser.add_argument("--ssh", action="store_true", help="instances are hosts of their own (namespaces), reached over SSH; as root")
    parser.add_argument("--json", type=pathlib.Path, help="also write every figure to this file: a list of runs")
    parser.add_argument("scenarios", nargs="*", metavar="SCENARIO", help=f"{', '.join(SCENARIOS)}; default: all, on one slot without turnover")
    arguments = parser.parse_args()
    if arguments.ssh and bed.why_not():
        parser.error(f"--ssh: {bed.why_not()}")
    for name in arguments.scenarios:
        if name not in SCENARIOS:
            parser.error(f"no scenario is called {name!r}")
    arguments.slots = arguments.slots or (50 if arguments.without_push else 1)
    scenarios = arguments.scenarios or [name for name in SCENARIOS if arguments.slots > 1 or name != "turnover"]
    print(f"load average {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors; {arguments.samples} samples, {arguments.slots} slots"
          + (", over SSH" if arguments.ssh else "") + (", without push, intervals of 10 s" if arguments.without_push else ""), flush=True)
    runs = []
    for _ in range(arguments.runs):
        runs.append({what: values for name in scenarios for what, values in measure(name, arguments).items()})
    if len(runs) > 1:
        print_medians(runs)
    if arguments.json:
        arguments.json.write_text(json.dumps(runs))


if __name__ == "__main__":
    main()
