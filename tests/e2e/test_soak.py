"""berth_soak: its options, and that what it prints runs the same history again; what ./dev mutants counts as caught."""

import importlib.util
import pathlib
import re
import subprocess
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]


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


@pytest.mark.parametrize("line, words", [("17 6 costly  A bug.", "policy must be cost, greedy or reference, not costly"),
                                         ("17 cost", "a line is SEED HOURS POLICY, then what it found")])  # fmt: skip
def test_bad_lines_of_a_corpus_are_named(soak, tmp_path, line, words):
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(f"# Histories.\n17 0.01 cost  Fine.\n{line}\n")
    result = soak("--corpus", str(corpus), "--seeds", "1", "--hours", "0.01")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"berth_soak: {corpus}:3: {words}\n"


def test_what_hangs_is_told_of(soak):
    result = soak("--seeds", "100000", "--hours", "1000", "--patience", "1")
    assert result.returncode == 1
    assert re.search(r"^FAILED seed \d+: hangs .*replay: \./dev soak --seeds 1 --first-seed \d+ --hours 1000", result.stdout, re.M)


@pytest.mark.parametrize("arguments, least, most, lasts", [("--minutes 0.02", 1, 499, 1.2), ("--minutes 60 --seeds 2", 2, 2, 0)])
def test_minutes_and_seeds_whichever_is_up_first(soak, arguments, least, most, lasts):
    begun = time.monotonic()
    result = soak(*arguments.split())
    assert result.returncode == 0, result.stdout + result.stderr
    assert time.monotonic() - begun >= lasts
    assert least <= int(re.search(r"^soak: (\d+) seeds", result.stdout, re.M)[1]) <= most


def test_minutes_alone_go_beyond_the_default_number_of_seeds(bin_dir):
    argv = [str(bin_dir / "berth_soak"), "--minutes", "600", "--hours", "0.01", "--trace"]
    histories = 0
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as run:
        for line in run.stdout:
            histories += b" containers, " in line
            if histories > 500:
                break
        run.kill()
    assert histories > 500


@pytest.fixture(scope="module")
def mutants():
    spec = importlib.util.spec_from_file_location("mutants", ROOT / "tests" / "sim" / "mutants.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


ORDER, HOLD = "FAILED seed 3: order at 1.000 s, event #2", "FAILED seed 4: hold at 1.000 s, event #2"


@pytest.mark.parametrize(
    "expected, failures, status, caught",
    [
        ("order", [], 0, False),  # as of a patch that changes a comment
        ("order", [ORDER], None, True),
        ("order", [HOLD], 1, False),
        ("order", [HOLD, ORDER], None, True),
        ("order", [], -6, False),
        ("the program dies", [], -6, True),
        ("the program dies", [ORDER], 1, False),
        ("ends", ["FAILED seed 3: hangs for 600 s of real time"], 1, False),
    ],
)
def test_a_mutant_is_caught_by_what_its_patch_names(mutants, expected, failures, status, caught):
    assert mutants.judge(expected, failures, status)[0] == caught


def test_each_mutant_names_an_invariant_of_the_documentation(mutants):
    table = (ROOT / "docs" / "simulator.md").read_text()
    for patch in sorted(mutants.PATCHES.glob("*.patch")):
        _, expected = mutants.expected_of(patch.read_text())
        assert expected == mutants.DIES or re.search(rf"^\| (`[\w-]+`, )*`{expected}`[^|]*\|", table, re.M), patch.name
