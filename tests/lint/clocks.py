#!/usr/bin/python3
"""Nothing outside src/base reads a clock, sleeps or draws random numbers: it asks its Runtime."""

import pathlib
import re
import sys

BANNED = re.compile(
    r"\b\w*[Cc]lock::now\b"
    r"|\b(steady_timer|system_timer|high_resolution_timer|deadline_timer|basic_waitable_timer)\b"
    r"|\bsleep_(for|until)\s*\("
    r"|(?<![\w.>:])(::)?(usleep|nanosleep|clock_gettime|clock_nanosleep|gettimeofday|timerfd_create|timerfd_settime|alarm|setitimer)\s*\("
    r"|(?<![\w.>:])(::)?sleep\s*\(\s*\w+\s*\)"  # sleep(1), not a coroutine of that name
    r"|(?<![\w.>:])(::|std::)?(time|clock)\s*\(\s*(nullptr|NULL|0|&|\))"
    r"|(?<![\w.>:])(::|std::)?(rand|srand|random|drand48|getrandom|getentropy|arc4random)\s*\("
    r"|\b(random_device|mt19937(_64)?|minstd_rand0?|default_random_engine|RAND_bytes|RAND_priv_bytes)\b")
ALLOWED_CALL = re.compile(r"[\w)\]](\.|->)\s*sleep_(for|until)\s*\(")  # runtime.sleep_for(…)

# Programs and calls that have no Runtime, each with its reason.
EXCEPTIONS = {
    "src/runner": "berth-run is a small program of its own, without a Runtime",
    "src/standalone/certificate.cpp": "the serial number of a certificate comes from the TLS library's own source",
}


def findings_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        code = line.split("//")[0]
        code = ALLOWED_CALL.sub("(", code)
        match = BANNED.search(code)
        if match:
            yield number, f"{match[0].strip()}: ask the Runtime (clocks, sleeping and chance belong to src/base)"


def is_exempt(relative):
    text = str(relative)
    return (text.startswith(("src/base/", "include/berth/base/"))
            or any(text == name or text.startswith(name + "/") for name in EXCEPTIONS))


def check(root):
    count = 0
    for base in ("src", "include"):
        for path in sorted((root / base).rglob("*.?pp")):
            relative = path.relative_to(root)
            if is_exempt(relative):
                continue
            for number, message in findings_of(path.read_text(errors="replace")):
                print(f"{relative}:{number}: {message}")
                count += 1
    return count


def self_test():
    bad = ["auto t = std::chrono::steady_clock::now();", "boost::asio::steady_timer timer(executor);", "std::this_thread::sleep_for(1s);",
           "usleep(10);", "time(nullptr);", "std::mt19937 engine;", "std::random_device r;", "::getrandom(p, n, 0);", "rand();",
           "clock_gettime(CLOCK_REALTIME, &ts);", "::nanosleep(&ts, nullptr);", "auto t = Clock::now();", "x = std::time(nullptr);",
           "boost::asio::system_timer t(e);", "std::this_thread::sleep_until(when);", "gettimeofday(&tv, nullptr);", "RAND_bytes(p, 8);", "::sleep(seconds);"]
    good = ["co_await runtime.sleep_for(1s);", "co_await runtime_->sleep_until(when);", "runtime.random();", "entry.time();", "spawn(sleep(shared_from_this(), until));",
            "using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, Duration>;", "// never sleep(1) here", "parse_time(text);"]
    for line in bad:
        assert list(findings_of(line)), f"not found: {line}"
    for line in good:
        assert not list(findings_of(line)), f"wrongly found: {line}"


if __name__ == "__main__":
    if "--self-test" in sys.argv:
        self_test()
    else:
        sys.exit(1 if check(pathlib.Path(__file__).resolve().parents[2]) else 0)
