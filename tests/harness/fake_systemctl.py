#!/usr/bin/python3
"""What systemctl does to the two services, where no service manager runs: by the files of the units, as of the last daemon-reload.
$SHIM_DIR keeps what is loaded, enabled and running, and each service's output."""

import contextlib
import json
import os
import pathlib
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
import uuid

STATE = pathlib.Path(os.environ["SHIM_DIR"])
UNIT_PATH = ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system")


def load(unit):
    """All settings of [Service] as lists, drop-ins applied; an empty value clears the list."""
    cache = STATE / f"{unit}.loaded"
    if not cache.exists():
        own = next(path for path in (pathlib.Path(folder, unit) for folder in UNIT_PATH) if path.exists())
        settings = {}
        for file in [own, *sorted(pathlib.Path(f"/etc/systemd/system/{unit}.d").glob("*.conf"))]:
            section = ""
            for line in file.read_text().splitlines():
                if line.startswith("["):
                    section = line
                elif section == "[Service]" and "=" in line and not line.startswith(("#", ";")):
                    name, value = line.split("=", 1)
                    settings[name] = [*settings.get(name, []), value] if value else []
        cache.write_text(json.dumps(settings))
    return json.loads(cache.read_text())


def environment(settings):
    made = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    for line in settings.get("Environment", []):
        made.update(word.split("=", 1) for word in shlex.split(line))
    for path in settings.get("EnvironmentFile", []):
        if not path.startswith("-") or os.path.exists(path[1:]):
            made.update(line.split("=", 1) for line in pathlib.Path(path.lstrip("-")).read_text().splitlines() if "=" in line)
    return made


def start(unit):
    settings = load(unit)
    assert settings["Type"] == ["notify"], settings
    env = environment(settings)
    command, = settings["ExecStart"]
    words = [part for word in command.split() for part in (env.get(word[1:], "").split() if word.startswith("$") else [word])]
    number = pwd.getpwnam(settings.get("User", ["root"])[0])
    for name in settings.get("StateDirectory", []):
        state = pathlib.Path("/var/lib", name)
        state.mkdir(parents=True, exist_ok=True)
        if state.stat().st_uid != number.pw_uid:  # then all below it is another's, too
            for path in [state, *state.rglob("*")]:
                os.chown(path, number.pw_uid, number.pw_gid)
    if settings.get("User"):
        capabilities = ",".join("+" + name[len("CAP_"):].lower() for name in settings["AmbientCapabilities"][0].split())
        words = ["setpriv", f"--reuid={number.pw_uid}", f"--regid={number.pw_gid}", "--clear-groups", "--no-new-privs",
                 f"--inh-caps=-all,{capabilities}", f"--ambient-caps=-all,{capabilities}", f"--bounding-set=-all,{capabilities}", *words]
    invocation = uuid.uuid4().hex
    path = STATE / f"{unit}.notify"
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify, open(STATE / f"{unit}.log", "ab") as log:
        notify.bind(str(path))
        path.chmod(0o777)
        notify.settimeout(30)
        process = subprocess.Popen(words, env={**env, "NOTIFY_SOCKET": str(path), "INVOCATION_ID": invocation}, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                                   start_new_session=True)
        (STATE / f"{unit}.pid").write_text(str(process.pid))
        (STATE / f"{unit}.invocation").write_text(invocation)
        assert notify.recv(4096).split(b"\n")[0] == b"READY=1"


def processes_of(unit):
    """What a control group would hold: all that inherited the service's invocation id."""
    mark = ("INVOCATION_ID=" + (STATE / f"{unit}.invocation").read_text()).encode()
    for folder in pathlib.Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name)


def stop(unit):
    file = STATE / f"{unit}.pid"
    if not file.exists():
        return
    kill_mode = load(unit).get("KillMode", ["control-group"])[-1]
    assert kill_mode in ("control-group", "process"), kill_mode
    for pid in processes_of(unit) if kill_mode == "control-group" else [int(file.read_text())]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + 15
    while os.path.exists(f"/proc/{file.read_text()}/exe") and time.monotonic() < end:
        time.sleep(0.02)
    file.unlink()


verb, *rest = sys.argv[1:]
if verb == "daemon-reload":
    for loaded in STATE.glob("*.loaded"):
        loaded.unlink()
elif verb in ("enable", "disable"):
    assert rest[0] == "--now" and len(rest) == 2, rest
    name = rest[1] + ".service"
    (start if verb == "enable" else stop)(name)
elif verb in ("restart", "stop") and len(rest) == 1:
    stop(rest[0] + ".service")
    if verb == "restart":
        start(rest[0] + ".service")
else:
    sys.exit(f"not known here: {sys.argv}")
