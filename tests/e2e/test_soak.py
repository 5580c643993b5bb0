"""berth_soak: its options, and that what it prints runs the same history again."""

import re
import subprocess

import pytest


@pytest.fixture
def soak(bin_dir):
    def run(*arguments):
        return subprocess.run([str(bin_dir / "berth_soak"), *arguments], capture_output=True, text=True, timeout=300)

    return run


def one_history(soak, *arguments):
    """The hash of a history, and the arguments that run it again."""
    result = soak(*arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    found = re.search(r"hash ([0-9a-f]{16}); replay: \./dev soak (.*)$", result.stdout, re.M)
    return found[1], found[2].split()


@pytest.mark.parametrize(
    "options",
    [[], ["--policy", "greedy"], ["--event-bus", "lossy"], ["--policy", "reference", "--event-bus", "none"]],
    ids=["plain", "policy", "event-bus", "both"],
)
def test_the_printed_command_replays_the_history(soak, options):
    seed = ["--seeds", "1", "--first-seed", "7", "--hours", "0.3333333333333333"]
    hashed, replay = one_history(soak, *seed, *options)
    assert one_history(soak, *replay)[0] == hashed
    if options:
        assert one_history(soak, *seed)[0] != hashed


@pytest.mark.parametrize(
    "arguments",
    ["--policy bogus", "--event-bus bogus", "--seeds -1", "--seeds 0", "--hours -1", "--hours 0", "--hours nan", "--threads 0",
     "--minutes -3", "--first-seed -1", "--patience 0", "--bogus", "--corpus /nowhere"],
)  # fmt: skip
def test_usage_errors(soak, arguments):
    result = soak(*arguments.split())
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stderr and not result.stdout


def test_what_hangs_is_told_of(soak):
    result = soak("--seeds", "100000", "--hours", "1000", "--patience", "1")
    assert result.returncode == 1
    assert re.search(r"^FAILED seed \d+: hangs .*replay: \./dev soak --seeds 1 --first-seed \d+ --hours 1000", result.stdout, re.M)
