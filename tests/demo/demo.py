#!/usr/bin/python3
"""The main job, live: a standalone berthd, a mixed workload, and what becomes of it."""

import argparse
import collections
import http.client
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import bed, workload  # noqa: E402
from harness.client import ApiError  # noqa: E402
from harness.daemon import Daemon  # noqa: E402

STATES = ["Queued", "Locked", "Running", "Complete", "Cancelled"]
VCPUS, RAM = 8, "8GiB"  # what this machine pretends to be, so that several instances fit


BROKEN_OFF = (OSError, RuntimeError, ValueError, http.client.HTTPException, ApiError)  # what a daemon that dies leads to


def say(text):
    print(f"\033[1m==>\033[0m {text}" if sys.stdout.isatty() else f"==> {text}", flush=True)


class Watcher:
    """Follows the workload until every container is final."""

    def __init__(self, client, jobs):
        self.client, self.jobs = client, {job.container: job for job in jobs}
        self.types = {}  # container → instance type it was seen on
        self.may_use = {}  # container → instance types that it may use
        self.locked = set()  # containers that were seen Locked
        self.instances = []
        self.cancelled = False
        self.begin = time.monotonic()
        self.drawn = 0
        self.last_line = -1.0

    def step(self):
        """One look; true once all is over."""
        self.queue = self.client.queue()
        self.records = self.client.containers()
        self.cancel_midway()
        self.draw()
        return all(self.records[uuid]["state"] in ("Complete", "Cancelled") for uuid in self.jobs)

    def watch_closely(self, ended):
        """In a thread of its own: often enough to see containers that live, or are Locked, for a moment."""
        while not ended.is_set():
            try:
                self.instances = self.client.instances()
                queue = self.client.queue()
            except BROKEN_OFF:
                break  # the daemon is gone; step() says so
            for entry in queue:
                uuid = entry["container"]["uuid"]
                self.may_use[uuid] = {t["ProviderType"] for t in entry["instance_types"] or []}
                if entry["container"]["state"] == "Locked":
                    self.locked.add(uuid)
            for instance in self.instances:
                for uuid in instance["running_container_uuids"] or []:
                    self.types[uuid] = instance["arvados_instance_type"]
            ended.wait(0.02)

    def cancel_midway(self):
        for uuid, job in self.jobs.items():
            if job.expected == "cancelled" and not self.cancelled and "started" in self.client.log(uuid):
                self.client.cancel(job.request)
                self.cancelled = True

    def draw(self):
        counts = collections.Counter(self.records[uuid]["state"] for uuid in self.jobs)
        summary = "  ".join(f"{state} {counts[state]:3}" for state in STATES)
        elapsed = time.monotonic() - self.begin
        if not sys.stdout.isatty():
            if elapsed - self.last_line >= 2:
                self.last_line = elapsed
                busy = sum(bool(i["running_container_uuids"]) for i in self.instances)
                print(f"  {elapsed:5.1f} s  {summary}  instances {len(self.instances)} ({busy} busy)", flush=True)
            return
        width = shutil.get_terminal_size().columns
        lines = [f"{elapsed:5.1f} s   {summary}", self.progress(counts, width), "", "INSTANCE     TYPE      STATE     RUNS (WITH PRIORITY)"]
        for i in sorted(self.instances, key=lambda i: i["instance"]):
            names = ", ".join(f"{self.jobs[u].name} {self.jobs[u].priority}" for u in i["running_container_uuids"] or [] if u in self.jobs)
            lines.append(f"{i['instance'] or '(creating)':12} {i['arvados_instance_type']:9} {i['worker_state']:9} {names or '-'}")
        lines += ["", "NEXT IN THE QUEUE  PRIO  VCPUS  WHY IT WAITS"]
        waiting = [e for e in self.queue if e["container"]["state"] in ("Queued", "Locked") and e["container"]["uuid"] in self.jobs]
        for entry in waiting[:8]:
            job = self.jobs[entry["container"]["uuid"]]
            lines.append(f"{job.name:18} {job.priority:4}  {job.vcpus:5}  {entry['scheduling_status']}")
        screen = "".join(line[:width] + "\033[K\n" for line in lines)
        up = f"\033[{self.drawn}A" if self.drawn else ""
        blank = max(0, self.drawn - len(lines))
        sys.stdout.write(up + screen + "\033[K\n" * blank)
        sys.stdout.flush()
        self.drawn = len(lines) + blank

    def progress(self, counts, width):
        done, total = counts["Complete"] + counts["Cancelled"], len(self.jobs)
        bar = max(10, min(60, width - 20))
        full = bar * done // total
        return f"[{'#' * full}{'.' * (bar - full)}] {done}/{total}"


def seconds_between(begin, end):
    return f"{workload.timestamp(end) - workload.timestamp(begin):.2f}" if begin and end else "-"


def report(watcher, witness_dir):
    """Prints the table; the names of jobs whose outcome was not the expected one."""
    wrong = []
    print(f"\n{'CONTAINER':28} {'NAME':17} {'PRIO':>4}  {'TYPE':8} {'WAITED':>7} {'RAN':>7}  OUTCOME")
    order = sorted(watcher.jobs, key=lambda uuid: watcher.records[uuid]["started_at"] or "~")
    for uuid in order:
        job, record = watcher.jobs[uuid], watcher.records[uuid]
        became = workload.outcome(record)
        witness = witness_dir / job.name
        runs = len(witness.read_text().splitlines()) if witness.exists() else 0
        right = became == job.expected and runs == (0 if job.expected == "unsatisfiable" else 1)
        if not right:
            wrong.append(job.name)
        note = "" if right else f"   <-- expected {job.expected}, ran {runs} times"
        print(f"{uuid:28} {job.name:17} {job.priority:4}  {watcher.types.get(uuid, '-'):8} "
              f"{seconds_between(record['created_at'], record['started_at']):>7} "
              f"{seconds_between(record['started_at'], record['finished_at']):>7}  {became}{note}")
        error = (record.get("runtime_status") or {}).get("error")
        if error:
            print(textwrap.fill(error, 100, initial_indent=" " * 29, subsequent_indent=" " * 29))
    return wrong


def check_order(watcher):
    """Says whether priorities were kept; true if so."""
    compared, wrong = workload.compare_order(watcher.jobs.values(), watcher.records, watcher.types, watcher.may_use)
    if not wrong:
        say(f"priorities kept: in {compared} pairs one outranks the other and fits its place; none ran the wrong way")
    for low, high in wrong:
        say(f"out of order: {low.name} (priority {low.priority}) started before {high.name} ({high.priority}), which would have fitted there")
    return not wrong


def make_daemon(bin_dir, data_dir, hosts=None):
    size = ("--vcpus", str(VCPUS), "--ram", RAM)
    if not hosts:
        return Daemon(bin_dir, data_dir, *size)
    environment = {"BERTH_BED": f"http://127.0.0.1:{hosts.cloud.port}", "BERTH_BED_KEY": str(hosts.key)}
    return Daemon(bin_dir, data_dir, *size, program="berthd-bed", address=bed.GATEWAY, environment=environment)


def run_workload(daemon, count, witness_dir):
    """Submits the workload and shows it until its end; what went wrong, in words (nothing: all as expected)."""
    client = daemon.start()
    jobs = workload.mixed(count)
    say(f"submitting {len(jobs)} containers of mixed sizes and priorities: one will fail, one is cancelled\n    while it runs, one fits nowhere")
    for job in jobs:
        request = client.submit(**job.attributes(witness_dir))
        job.request, job.container = request["uuid"], request["container_uuid"]
    watcher, ended = Watcher(client, jobs), threading.Event()
    looking = threading.Thread(target=watcher.watch_closely, args=(ended,))
    looking.start()
    try:
        while not watcher.step():
            if time.monotonic() - watcher.begin > 300:
                say("the workload did not end within 5 minutes")
                break
            time.sleep(0.1)
    finally:
        ended.set()
        looking.join()
    took = time.monotonic() - watcher.begin
    wrong = report(watcher, witness_dir)
    say(f"{len(watcher.locked & set(watcher.jobs))} of {len(jobs)} containers were seen Locked on their way")
    order_kept = check_order(watcher)
    say(f"{len(jobs) - len(wrong)} of {len(jobs)} outcomes as expected, in {took:.1f} s" + (f"; wrong: {', '.join(wrong)}" if wrong else ""))
    return order_kept and not wrong


def invite(daemon, bin_dir, home):
    """What a newcomer would try next."""
    env, pid = daemon.data_dir / "env", daemon.process.pid
    ctl = f"{os.path.relpath(bin_dir / 'berthctl')} --env-file {env}"
    say(f"berthd goes on (pid {pid}, data in {daemon.data_dir}). Try:")
    print(f"    {ctl} submit --name hello -- sh -c 'for i in 1 2 3 4 5; do echo hello $i; sleep 1; done'")
    print(f"    {ctl} queue --all")
    print(f"    {ctl} logs --follow UUID")
    say("and to stop it and remove all that it wrote:")
    print(f"    kill {pid}; tail --pid={pid} -f /dev/null; rm -r {home}")


def ended(process, within=2):
    """Whether it is over; one whose connections broke off just now may still be about to end."""
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def why_it_broke_off(daemon, error):
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    if daemon.process and ended(daemon.process):
        return f"berthd ended in the middle of it (exit code {daemon.process.returncode}); the end of its log:\n{daemon.log_tail(10)}"
    return f"{type(error).__name__}: {error}"


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="leave the daemon up and say what to try next")
    parser.add_argument("--ssh", action="store_true", help="workers are hosts of their own (namespaces), reached over SSH")
    parser.add_argument("--jobs", type=int, default=64, help="how many containers (default 64)")
    args = parser.parse_args()
    if args.jobs < 4:
        parser.error("--jobs: at least 4")
    if args.ssh and (args.keep or bed.why_not()):
        parser.error("--ssh: the hosts end with this program, so not with --keep" if args.keep else f"--ssh: {bed.why_not()}")

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    home = pathlib.Path(tempfile.mkdtemp(prefix="berth-demo-"))
    if not args.ssh:
        return run(args, home, make_daemon(args.bin.resolve(), home / "data"), home / "witness")
    hosts = bed.Bed(home / "bed", user="crunch")
    say("workers are hosts in namespaces of their own, made when needed, reached over SSH as a user with sudo")
    return run(args, home, make_daemon(args.bin.resolve(), home / "data", hosts), hosts.shared / "witness", hosts)


def end(daemon, hosts):
    daemon.destroy()
    if hosts:
        say(f"{hosts.count} hosts were made")
        hosts.destroy()


def run(args, home, daemon, witness_dir, hosts=None):
    """The exit code."""
    witness_dir.mkdir()
    daemon.own_group = True  # Ctrl-C is for the demo, which ends the daemon itself
    try:
        say(f"starting berthd --standalone, which pretends to have {VCPUS} processors and {RAM}")
        right = run_workload(daemon, args.jobs, witness_dir)
    except (KeyboardInterrupt, *BROKEN_OFF) as error:
        say(why_it_broke_off(daemon, error))
        end(daemon, hosts)
        shutil.rmtree(home, ignore_errors=True)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    if right and args.keep:
        invite(daemon, args.bin, home)
        return 0
    end(daemon, hosts)
    if right:
        shutil.rmtree(home)
    else:
        say(f"the daemon's log: {daemon.log_path}")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
