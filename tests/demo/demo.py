#!/usr/bin/python3
"""The main job, live: a standalone berthd, a mixed workload, and what becomes of it."""

import argparse
import collections
import datetime
import os
import pathlib
import shutil
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from harness import workload  # noqa: E402
from harness.daemon import Daemon  # noqa: E402

STATES = ["Queued", "Locked", "Running", "Complete", "Cancelled"]
VCPUS, RAM = 8, "8GiB"  # what this machine pretends to be, so that several instances fit


def say(text):
    print(f"\033[1m==>\033[0m {text}" if sys.stdout.isatty() else f"==> {text}", flush=True)


class Watcher:
    """Follows the workload until every container is final."""

    def __init__(self, client, jobs):
        self.client, self.jobs = client, {job.container: job for job in jobs}
        self.types = {}  # container → instance type it was seen on
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

    def watch_instances(self, ended):
        """In a thread of its own: often enough to see containers that live for a moment."""
        while not ended.is_set():
            try:
                self.instances = self.client.instances()
            except OSError:
                break  # the daemon is gone; step() says so
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
        lines = [f"{elapsed:5.1f} s   {summary}", self.progress(counts, width), "", "INSTANCE     TYPE      STATE     RUNS"]
        for i in sorted(self.instances, key=lambda i: i["instance"]):
            names = ", ".join(self.jobs[u].name for u in i["running_container_uuids"] or [] if u in self.jobs)
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
    if not begin or not end:
        return "-"
    parse = lambda text: datetime.datetime.fromisoformat(text[:26].rstrip("Z"))
    return f"{(parse(end) - parse(begin)).total_seconds():.2f}"


def report(watcher, witness_dir):
    """Prints the table; the names of jobs whose outcome was not the expected one."""
    wrong = []
    print(f"\n{'CONTAINER':28} {'NAME':18} {'TYPE':9} {'WAITED':>7} {'RAN':>7}  OUTCOME")
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
        print(f"{uuid:28} {job.name:18} {watcher.types.get(uuid, '-'):9} "
              f"{seconds_between(record['created_at'], record['started_at']):>7} "
              f"{seconds_between(record['started_at'], record['finished_at']):>7}  {became}{note}")
        error = (record.get("runtime_status") or {}).get("error")
        if error:
            print(f"{'':28} {error}")
    return wrong


def main():
    parser = argparse.ArgumentParser(prog="./dev demo", description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--keep", action="store_true", help="leave the daemon up and say what to try next")
    parser.add_argument("--jobs", type=int, default=64, help="how many containers (default 64)")
    args = parser.parse_args()
    if args.jobs < 4:
        parser.error("--jobs: at least 4")

    home = pathlib.Path(tempfile.mkdtemp(prefix="berth-demo-"))
    witness_dir = home / "witness"
    witness_dir.mkdir()
    daemon = Daemon(args.bin.resolve(), home / "data", "--vcpus", str(VCPUS), "--ram", RAM)
    failed, ended = True, threading.Event()
    try:
        say(f"starting berthd --standalone, which pretends to have {VCPUS} processors and {RAM}")
        client = daemon.start()
        jobs = workload.mixed(args.jobs)
        say(f"submitting {len(jobs)} containers: mixed sizes and priorities, one that fails, one to be cancelled while it runs, one that fits nowhere")
        for job in jobs:
            request = client.submit(**job.attributes(witness_dir))
            job.request, job.container = request["uuid"], request["container_uuid"]
        watcher = Watcher(client, jobs)
        looking = threading.Thread(target=watcher.watch_instances, args=(ended,))
        looking.start()
        while not watcher.step():
            if time.monotonic() - watcher.begin > 300:
                say("the workload did not end within 5 minutes")
                break
            time.sleep(0.1)
        ended.set()
        looking.join()
        wrong = report(watcher, witness_dir)
        took = time.monotonic() - watcher.begin
        failed = bool(wrong)
        say(f"{len(jobs) - len(wrong)} of {len(jobs)} outcomes as expected, in {took:.1f} s" + (f"; wrong: {', '.join(wrong)}" if wrong else ""))
        if failed:
            say(f"the daemon's log: {daemon.log_path}")
    finally:
        ended.set()
        if args.keep and not failed:
            env = daemon.data_dir / "env"
            ctl = os.path.relpath(args.bin / "berthctl")
            say(f"berthd goes on (pid {daemon.process.pid}, data in {daemon.data_dir}). Try:")
            print(f"    {ctl} --env-file {env} submit --name hello -- sh -c 'for i in 1 2 3 4 5; do echo hello $i; sleep 1; done'")
            print(f"    {ctl} --env-file {env} queue --all")
            print(f"    {ctl} --env-file {env} logs --follow UUID")
            print(f"    and to end it: kill {daemon.process.pid}")
        else:
            daemon.destroy()
            if not failed:
                shutil.rmtree(home)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
