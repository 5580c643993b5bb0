#!/usr/bin/python3
"""Puts the deliberate bugs of tests/sim/mutants in, one at a time, and shows that the histories of CI catch each.

Works in a copy of the tree (build/mutants), so that only what a patch touches is built anew. Exit status 1 if a bug was
missed or a patch does not apply any more. Arguments: names of mutants; without any, all."""

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


def soak(seeds):
    return run(BUILD / "bin" / "berth_soak", "--corpus", "tests/sim/corpus.txt", "--seeds", seeds, "--until-first")


def try_mutant(patch):
    """One line about it, and whether it was caught."""
    why = patch.read_text().splitlines()[0]
    if run("patch", "-p1", "--silent", "--forward", "-i", patch).returncode != 0:
        return f"{patch.stem}: DOES NOT APPLY any more", False
    try:
        built = build()
        if built.returncode != 0:
            return f"{patch.stem}: DOES NOT BUILD\n{built.stdout[-2000:]}", False
        begun = time.monotonic()
        result = soak(SEEDS)
        caught = re.search(r"^FAILED (seed \d+: [\w-]+)", result.stdout, re.M)
        if caught:
            return f"{patch.stem}: caught by {caught[1]} after {time.monotonic() - begun:.0f} s ({why})", True
        if result.returncode not in (0, 1):
            return f"{patch.stem}: caught, the program died with status {result.returncode} ({why})", True
        return f"{patch.stem}: MISSED by {SEEDS} seeds ({why})", False
    finally:
        copy_tree()


def main():
    names = sys.argv[1:]
    unknown = [name for name in names if not (PATCHES / f"{name}.patch").is_file()]
    if unknown:
        print(f"mutants: there is no tests/sim/mutants/{unknown[0]}.patch", file=sys.stderr)
        sys.exit(2)
    patches = [patch for patch in sorted(PATCHES.glob("*.patch")) if not names or patch.stem in names]
    TREE.mkdir(parents=True, exist_ok=True)
    copy_tree()
    print("mutants: building without any", flush=True)
    built = build()
    if built.returncode != 0:
        sys.exit(built.stdout + built.stderr)
    caught = 0
    for patch in patches:
        line, is_caught = try_mutant(patch)
        caught += is_caught
        print(line, flush=True)
    print(f"mutants: {caught} of {len(patches)} caught")
    sys.exit(0 if caught == len(patches) and patches else 1)


main()
