#!/usr/bin/python3
"""No two rooms define a type of the same name: they would share one namespace, and the linker would mix them up unseen."""

import pathlib
import re
import sys

DEFINITION = re.compile(r"^(?:template\s*<[^>]*>\s*)?(?:class|struct|enum class|enum|union)\s+([A-Za-z_]\w*)(?:\s+final)?(?:\s*:\s*[^:].*)?\s*\{")
SEPARATE = {"runner"}  # a program of its own, linked with nothing that could collide


def definitions(text):
    """Names of types defined at the outermost level of a named namespace; anonymous and nested namespaces are left out."""
    depth, skip = 0, []
    for number, line in enumerate(text.splitlines(), 1):
        opened = re.match(r"^namespace(?:\s+([\w:]+))?\s*\{", line)
        if opened and opened[1] != "berth":
            skip.append(opened[1] or "")
        elif re.match(r"^\}\s*//\s*namespace(?!\s+berth\s*$)", line) and skip:
            skip.pop()
        elif not skip:
            match = DEFINITION.match(line)
            if match:
                yield number, match[1]


def check(files):
    """`files`: (name, room, text). Prints findings; their number."""
    seen, count = {}, 0
    for name, room, text in files:
        if room in SEPARATE:
            continue
        for number, type_name in definitions(text):
            first = seen.setdefault(type_name, (room, name))
            if first[0] != room:
                print(f"{name}:{number}: {type_name} is also a type of {first[0]} ({first[1]})")
                count += 1
    return count


def sources(root):
    for base in ("include/berth", "src"):
        for path in sorted((root / base).rglob("*.?pp")):
            relative = path.relative_to(root)
            yield str(relative), path.relative_to(root / base).parts[0], path.read_text(errors="replace")


def self_test():
    wrap = "namespace berth {\n%s\n}  // namespace berth\n"
    hidden = wrap % "namespace {\nstruct A {\n};\n}  // namespace"
    out, sys.stdout = sys.stdout, open("/dev/null", "w")
    found = [
        check([("a", "net", wrap % "struct A {\n};"), ("b", "queue", wrap % "class A final : public B {\n};")]),
        check([("a", "net", wrap % "struct A {\n};"), ("b", "queue", hidden)]),
        check([("a", "net", wrap % "struct A {\n};"), ("b", "net", wrap % "struct A;")]),
        check([("a", "net", wrap % "struct A {\n};"), ("b", "queue", wrap % "class A::Impl {\n};")]),
    ]
    sys.stdout = out
    assert found == [1, 0, 0, 0], found


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
    else:
        sys.exit(1 if check(sources(pathlib.Path(__file__).resolve().parents[2])) else 0)
