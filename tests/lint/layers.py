#!/usr/bin/python3
"""A room includes only contracts of lower floors, and nobody's private headers but its own."""

import pathlib
import re
import sys
import tempfile

FLOORS = {
    "base": 0, "model": 1, "config": 2, "runner": 2, "net": 3, "arvados": 4, "lease": 4, "cloud": 4, "remote": 4,
    "queue": 5, "pool": 6, "scheduler": 7, "dispatcher": 8, "server": 9, "standalone": 9, "cli": 9, "sim": 9, "app": 10,
}
ONLY = {"runner": {"base", "model"}}  # a small static program: nothing else may come in
INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([^">]+)[">]')


def findings_of(room, path, text):
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match[1]
        if ".." in target.split("/"):
            yield number, f'"{target}": headers of another folder are private'
        if not target.startswith("berth/"):
            continue
        other = target.split("/")[1]
        if other == room:
            continue
        if other not in FLOORS:
            yield number, f'"{target}": no room called {other}'
        elif FLOORS[other] >= FLOORS[room]:
            yield number, f"{room} (floor {FLOORS[room]}) includes a contract of {other} (floor {FLOORS[other]})"
        elif room in ONLY and other not in ONLY[room]:
            yield number, f"{room} may include only {', '.join(sorted(ONLY[room]))}"


def check(root):
    count = 0
    for base in ("src", "include/berth"):
        for path in sorted((root / base).rglob("*.?pp")):
            room = path.relative_to(root / base).parts[0]
            if room not in FLOORS:
                print(f"{path.relative_to(root)}:1: no room called {room}")
                count += 1
                continue
            for number, message in findings_of(room, path, path.read_text(errors="replace")):
                print(f"{path.relative_to(root)}:{number}: {message}")
                count += 1
    return count


def self_test():
    cases = {
        "src/queue/a.cpp": ('#include "berth/base/result.hpp"\n#include "own.hpp"\n', 0),
        "src/queue/b.cpp": ('#include "berth/pool/worker_pool.hpp"\n', 1),
        "src/cloud/c.cpp": ('#include "berth/remote/executor.hpp"\n', 1),
        "src/pool/d.cpp": ('#include "../queue/merge.hpp"\n', 1),
        "src/runner/e.cpp": ('#include "berth/model/container.hpp"\n', 0),
        "include/berth/model/f.hpp": ("#include <berth/config/cluster.hpp>\n", 1),
        "src/nowhere/g.cpp": ("", 1),
    }
    for name, (text, expected) in cases.items():
        with tempfile.TemporaryDirectory() as temporary:
            root = pathlib.Path(temporary)
            (root / name).parent.mkdir(parents=True)
            (root / name).write_text(text)
            sys.stdout = open("/dev/null", "w")
            found = check(root)
            sys.stdout = sys.__stdout__
            assert found == expected, f"{name}: {found} findings, expected {expected}"


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
    else:
        sys.exit(1 if check(pathlib.Path(__file__).resolve().parents[2]) else 0)
