"""The demo's workload: small real jobs of mixed sizes and priorities, and what must become of each."""

import dataclasses
import datetime
import random

MIB = 1 << 20


@dataclasses.dataclass
class Job:
    name: str
    script: str  # for sh -c
    vcpus: int = 1
    ram: int = 128 * MIB
    priority: int = 500
    expected: str = "exit 0"  # exit N, cancelled, unsatisfiable
    request: str = ""
    container: str = ""

    def attributes(self, witness_dir):
        """Container request. Each run leaves a line in `witness_dir`/NAME, so that a second run cannot go unnoticed."""
        script = f'echo run >> "$WITNESS/{self.name}"; {self.script}'
        return {
            "name": self.name,
            "command": ["sh", "-c", script],
            "environment": {"WITNESS": str(witness_dir)},
            "priority": self.priority,
            "runtime_constraints": {"vcpus": self.vcpus, "ram": self.ram},
        }


KINDS = [
    ("hash", "head -c 20000000 /dev/urandom | sha256sum; sleep 0.{tenths}"),
    ("sort", "seq 200000 | shuf | sort -n | tail -n 1; sleep 0.{tenths}"),
    ("pack", "seq 300000 | gzip -9 | wc -c; sleep 0.{tenths}"),
    ("primes", "awk 'BEGIN {{ for (n = 2; n < 15000; n++) {{ p = 1; for (d = 2; d * d <= n; d++) if (n % d == 0) {{ p = 0; break }} c += p }} print c }}'; sleep 0.{tenths}"),
    ("steps", "for i in 1 2 3; do echo step $i; sleep 0.{tenths}; done"),
]


def mixed(count=64, seed=7, most_vcpus=4):
    """`count` jobs: ordinary ones, and last one that fails, one to be cancelled while it runs, one that fits nowhere."""
    chance = random.Random(seed)
    jobs = []
    for i in range(count - 3):
        kind, script = KINDS[i % len(KINDS)]
        jobs.append(Job(
            name=f"{kind}-{i:02d}",
            script=script.format(tenths=chance.randint(2, 9)),
            vcpus=chance.choice([v for v in (1, 1, 1, 1, 2, 2, 4) if v <= most_vcpus]),
            ram=chance.choice((64, 128, 256, 512)) * MIB,
            priority=chance.choice((100, 300, 500, 700, 900))))
    jobs.append(Job("fails", "echo about to fail >&2; exit 3", priority=800, expected="exit 3"))
    jobs.append(Job("cancelled-midway", "echo started; sleep 600", priority=950, expected="cancelled"))
    jobs.append(Job("too-large", "true", vcpus=4096, priority=600, expected="unsatisfiable"))
    return jobs


def outcome(container):
    """What became of a container record, in the words of Job.expected."""
    if container["state"] == "Complete":
        return f"exit {container['exit_code']}"
    if container["state"] == "Cancelled":
        error = (container.get("runtime_status") or {}).get("error") or ""
        return "unsatisfiable" if "satisf" in error else "cancelled"
    return container["state"]


def timestamp(text):
    """Seconds since the epoch of an RFC 3339 time in UTC."""
    return datetime.datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00").timestamp()


def compare_order(jobs, records, ran_on, may_use, slack=1.0):
    """(number of pairs compared, those out of order as (overtaker, overtaken)).

    Sound because of two jobs that started, the first is overtaken only if the very slot that the second took was free to
    it: it has the higher priority, was submitted no later, needs no more of anything, may use that instance type
    (`may_use`: container → types; `ran_on`: container → type), and yet began more than `slack` seconds after. The slack
    covers a lock that is under way and runners that report late.
    """
    compared, wrong = 0, []
    started = [job for job in jobs if records[job.container]["started_at"]]
    for high in started:
        for low in started:
            outranks = high.priority > low.priority and records[high.container]["created_at"] <= records[low.container]["created_at"]
            fits = high.vcpus <= low.vcpus and high.ram <= low.ram and ran_on.get(low.container) in may_use.get(high.container, ())
            if not outranks or not fits:
                continue
            compared += 1
            if timestamp(records[high.container]["started_at"]) > timestamp(records[low.container]["started_at"]) + slack:
                wrong.append((low, high))
    return compared, wrong
