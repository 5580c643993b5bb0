#!/usr/bin/python3
"""Puts the deliberate bugs of tests/sim/mutants in, one at a time, and shows that the histories of CI catch each.

Works in a copy of the tree (build/mutants), so that only what a patch touches is built anew. A patch tells in its first
line what the bug is, in the second what must catch it: "Caught by: " and an invariant of docs/simulator.md, or "the
program dies". What else fails does not count. First comes a patch that changes a comment: if anything fails with that,
it is no bug put in that does, and nothing more is run. Exit status 1 then, or if a bug was missed or a patch does not
apply any more. Arguments: names of mutants; without any, all. --seeds N: that many instead of 500."""

import argparse
import difflib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TREE = ROOT / "build" / "mutants"
PATCHES = ROOT / "tests" / "sim" / "mutants"
BUILD = TREE / "build" / "release"
SEEDS = 500  # as ./dev test runs them
PATIENCE = 120  # seconds that one history may take


def run(*command, **options):
    environment = {**os.environ, "CCACHE_BASEDIR": str(TREE), "CCACHE_NOHASHDIR": "1"}
    return subprocess.run([str(part) for part in command], cwd=TREE, env=environment, capture_output=True, text=True, **options)


def copy_tree():
    """Only what differs, so that the build stays."""
    listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.splitlines():
        source, copy = ROOT / name, TREE / name
        if not source.is_file() or (copy.is_file() and copy.read_bytes() == source.read_bytes()):
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, copy)
    kept = {TREE / name for name in listed.stdout.splitlines()}
    for folder in ("src", "include", "tests"):
        for stale in (TREE / folder).rglob("*"):
            if stale.is_file() and stale not in kept:
                stale.unlink()


def build():
    if not (BUILD / "build.ninja").exists():
        made = run("cmake", "--preset", "release")
        if made.returncode != 0:
            sys.exit(made.stdout + made.stderr)
    return run("ninja", "-C", BUILD, "--quiet", "berth_soak")


DIES = "the program dies"


def invariant_of(line):
    """The invariant that a line of the soak tells of as broken, or None."""
    found = re.match(r"FAILED seed \d+: ([\w-]+)", line)
    return found[1] if found else None


def expected_of(text):
    """What a patch says of itself: the bug, and what must catch it."""
    why, expected = text.splitlines()[:2]
    if not re.fullmatch(r"Caught by: ([\w-]+|the program dies)", expected):
        raise ValueError("its second line does not tell what must catch it")
    return why, expected.removeprefix("Caught by: ")


def judge(expected, failures, status):
    """Whether what the soak told (its FAILED lines, its exit status; None: stopped by us) shows the bug that was put in,
    and in words what came of it."""
    hits = [line for line in failures if invariant_of(line) == expected]
    others = sorted({str(invariant_of(line)) for line in failures} - {expected})
    died = status not in (None, 0, 1)
    beside = (", beside " + ", ".join(others) if others else "") + (f", died with status {status}" if died else "")
    if hits:
        return True, f"caught by {re.match('FAILED (seed [0-9]+: [a-z-]+)', hits[0])[1]}{beside}"
    if died and expected == DIES:
        return True, "caught, " + DIES
    return False, f"MISSED by {expected}{beside}"


def soak(seeds, expected):
    """Runs the histories until the invariant expected fails, if it does: the FAILED lines, and the exit status (None if it
    was stopped)."""
    command = [BUILD / "bin" / "berth_soak", "--corpus", "tests/sim/corpus.txt", "--seeds", seeds, "--patience", PATIENCE]
    failures = []
    with subprocess.Popen([str(part) for part in command], cwd=TREE, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout:
            if not line.startswith("FAILED"):
                continue
            failures.append(line.strip())
            if invariant_of(line) == expected:
                process.kill()
                return failures, None
    return failures, process.returncode


def try_mutant(patch, seeds):
    """Whether it was caught, a line about it, and what failed."""
    try:
        why, expected = expected_of(patch.read_text())
    except ValueError as error:
        return False, f"{patch.stem}: {error}", []
    if run("patch", "-p1", "--silent", "--forward", "-i", patch).returncode != 0:
        return False, f"{patch.stem}: DOES NOT APPLY any more", []
    try:
        built = build()
        if built.returncode != 0:
            return False, f"{patch.stem}: DOES NOT BUILD\n{built.stdout[-2000:]}", []
        begun = time.monotonic()
        failures, status = soak(seeds, expected)
        caught, outcome = judge(expected, failures, status)
        if status not in (None, 0, 1):
            failures.append(f"died with status {status}")
        return caught, f"{patch.stem}: {outcome}, after {time.monotonic() - begun:.0f} s ({why})", failures
    finally:
        copy_tree()


def comment_only():
    """A patch that changes nothing."""
    name = "src/scheduler/scheduler.cpp"
    source = (ROOT / name).read_text().splitlines(keepends=True)
    changed = [source[0], "// This is no bug.\n", *source[1:]]
    patch = TREE / "comment-only.patch"
    patch.write_text("Nothing.\nCaught by: order\n" + "".join(difflib.unified_diff(source, changed, f"a/{name}", f"b/{name}")))
    return patch


def check_without(seeds):
    """Ends the program unless all is well without any bug."""
    print("mutants: first without any", flush=True)
    built = build()
    if built.returncode != 0:
        sys.exit(built.stdout + built.stderr)
    caught, line, failures = try_mutant(comment_only(), seeds)
    if caught or failures or "MISSED" not in line:
        print(line, *failures, sep="\n")
        sys.exit("mutants: what fails without any bug says nothing about those that are put in")


def main():
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("names", nargs="*", metavar="NAME", help="of tests/sim/mutants; without any, all")
    parser.add_argument("--seeds", type=int, default=SEEDS)
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if not (PATCHES / f"{name}.patch").is_file()]
    if unknown:
        parser.error(f"there is no tests/sim/mutants/{unknown[0]}.patch")
    patches = [patch for patch in sorted(PATCHES.glob("*.patch")) if not arguments.names or patch.stem in arguments.names]
    TREE.mkdir(parents=True, exist_ok=True)
    copy_tree()
    check_without(arguments.seeds)
    caught = 0
    for patch in patches:
        is_caught, line, _ = try_mutant(patch, arguments.seeds)
        caught += is_caught
        print(line, flush=True)
    print(f"mutants: {caught} of {len(patches)} caught")
    sys.exit(0 if caught == len(patches) and patches else 1)


if __name__ == "__main__":
    main()
