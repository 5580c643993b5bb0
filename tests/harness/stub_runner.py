#!/usr/bin/python3 -IS
"""A runner by its command line contract (facts §7) that only pretends to run something. It works where $BERTH_LOCK_DIR says, like
berth-run. What it does is decided by stub.json beside it: {"witness": directory, "seconds": how long each container runs,
"completes_on_term": whether a signal finds it about to complete}."""

import fcntl
import json
import os
import signal
import sys
import time

with open(os.path.join(os.path.dirname(sys.argv[0]), "stub.json")) as settings:
    SETTINGS = json.load(settings)
LOCKS = os.environ.get("BERTH_LOCK_DIR", "/var/lock")


def lock_path(uuid):
    return f"{LOCKS}/crunch-run-{uuid}.lock"


def try_lock(path, flags):
    fd = os.open(path, flags, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return fd
    except BlockingIOError:
        os.close(fd)
        return None


def witness(uuid, what):
    with open(os.path.join(SETTINGS["witness"], uuid), "a") as file:
        file.write(f"{what} {time.monotonic()}\n")


def list_running():
    for name in os.listdir(LOCKS):
        if not (name.startswith("crunch-run-") and name.endswith(".lock")):
            continue
        fd = try_lock(f"{LOCKS}/{name}", os.O_RDWR)
        if fd is None:
            print(name[len("crunch-run-"):-len(".lock")])
        else:
            os.unlink(f"{LOCKS}/{name}")
            os.close(fd)


def set_state(env, uuid, state):
    import urllib.parse  # only here: --list is asked for often, and must be quick
    import urllib.request
    form = urllib.parse.urlencode({"container": json.dumps({"state": state})}).encode()
    request = urllib.request.Request(f"http://{env['ARVADOS_API_HOST']}/arvados/v1/containers/{uuid}", data=form, method="PUT",
                                     headers={"Authorization": f"Bearer {env['ARVADOS_API_TOKEN']}"})
    try:
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).read()
        return True
    except OSError:
        return False


def start(uuid):
    env = json.loads(sys.stdin.read())["Env"]
    fd = try_lock(lock_path(uuid), os.O_RDWR | os.O_CREAT)
    if fd is None:
        sys.exit("busy")
    witness(uuid, "start")
    os.set_inheritable(fd, True)
    pid = os.fork()
    if pid:
        line = json.dumps({"UUID": uuid, "PID": pid})
        os.write(fd, line.encode())
        print(line)
        return
    os.setsid()
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    if set_state(env, uuid, "Running"):
        if SETTINGS.get("completes_on_term"):
            signal.signal(signal.SIGTERM, lambda *_: os._exit(set_state(env, uuid, "Complete")))
        witness(uuid, "run")
        time.sleep(SETTINGS["seconds"])
        set_state(env, uuid, "Complete")


if "--version" in sys.argv:
    print("crunch-run 0 (stub)")
elif "--list" in sys.argv:
    list_running()
elif "--kill" in sys.argv:
    try:
        with open(lock_path(sys.argv[-1])) as lock:
            os.kill(json.load(lock)["PID"], signal.SIGTERM)
    except (OSError, ValueError):
        pass
else:
    start(sys.argv[-1])
