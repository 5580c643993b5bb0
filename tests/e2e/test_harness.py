"""What the demo concludes from what it sees."""

import pytest
from harness import workload

#: (name, vcpus, priority, created, started), in seconds; all may use any type
CASES = {
    "in order": ([("a", 1, 900, 0, 5), ("b", 1, 100, 0, 6)], 1, []),
    "overtaken": ([("a", 1, 900, 0, 9), ("b", 1, 100, 0, 6)], 1, [("b", "a")]),
    "at the same time, as far as one can tell": ([("a", 1, 900, 0, 6.9), ("b", 1, 100, 0, 6)], 1, []),
    "submitted later": ([("a", 1, 900, 1, 9), ("b", 1, 100, 0, 6)], 0, []),
    "too large for the place": ([("a", 2, 900, 0, 9), ("b", 1, 100, 0, 6)], 0, []),
    "smaller": ([("a", 1, 900, 0, 9), ("b", 2, 100, 0, 6)], 1, [("b", "a")]),
    "equals": ([("a", 1, 500, 0, 9), ("b", 1, 500, 0, 6)], 0, []),
    "never started": ([("a", 1, 900, 0, None), ("b", 1, 100, 0, 6)], 0, []),
}


def at(seconds):
    return None if seconds is None else f"2026-01-01T00:00:{int(seconds):02d}.{int(seconds % 1 * 10)}00000000Z"


@pytest.mark.parametrize("case", CASES)
def test_compare_order(case):
    rows, compared, wrong = CASES[case]
    jobs = [workload.Job(name, "true", vcpus=vcpus, priority=priority, container=name) for name, vcpus, priority, _, _ in rows]
    records = {name: {"created_at": at(created), "started_at": at(started)} for name, _, _, created, started in rows}
    names = [name for name, *_ in rows]
    found = workload.compare_order(jobs, records, dict.fromkeys(names, "t"), dict.fromkeys(names, {"t", "u"}))
    assert (found[0], [(low.name, high.name) for low, high in found[1]]) == (compared, wrong)
    assert workload.compare_order(jobs, records, dict.fromkeys(names, "t"), dict.fromkeys(names, {"u"})) == (0, []), "a type it may not use"
