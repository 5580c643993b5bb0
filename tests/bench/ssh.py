"""Figures of workers over SSH, for `./dev bench ssh`: of the executor, of one real sshd beside `ssh` with ControlMaster, and of the
whole dispatcher with stub workers."""

import argparse
import os
import pathlib
import pwd
import resource
import socket
import subprocess
import sys
import tempfile
import time

SSHD = "/usr/sbin/sshd"
SSHD_CONFIG = """
ListenAddress 127.0.0.1:{port}
HostKey {directory}/hostkey
AuthorizedKeysFile {directory}/key.pub
PidFile none
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
PrintMotd no
PrintLastLog no
SetEnv SHLVL=2
"""  # SHLVL: so that bash reads no .bashrc


def say(text):
    print(f"--- {text}", flush=True)


def run(*argv):
    subprocess.run([str(word) for word in argv], check=True, stdin=subprocess.DEVNULL)


def answers(port):
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def children_cpu():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def bench_control_master(directory, port, commands):
    """One `ssh` process a command over one connection, as a shell script would."""
    ssh = ["ssh", "-F", "none", "-i", directory / "key", "-p", port, "-S", directory / "control", "-o", "StrictHostKeyChecking=no",
           "-o", f"UserKnownHostsFile={directory}/known", "-o", "LogLevel=ERROR"]
    target = f"{pwd.getpwuid(os.geteuid()).pw_name}@127.0.0.1"
    run(*ssh, "-M", "-f", "-N", target)
    try:
        begun, cpu = time.monotonic(), children_cpu()
        for _ in range(commands):
            run(*ssh, target, "true")
        took = time.monotonic() - begun
        print(f"ssh with ControlMaster, 1 in flight   {commands} in {took:.2f} s = {commands / took:.0f}/s  "
              f"CPU {1e3 * (children_cpu() - cpu) / commands:.3f} ms each (without the master's)", flush=True)
    finally:
        run(*ssh, "-O", "exit", target)


def bench_real_sshd(bin_dir, commands):
    with tempfile.TemporaryDirectory(prefix="berth-bench-") as name:
        directory = pathlib.Path(name)
        for key in ("hostkey", "key"):
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bench", "-f", directory / key)
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        (directory / "config").write_text(SSHD_CONFIG.format(directory=directory, port=port))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", exist_ok=True)
        sshd = subprocess.Popen([SSHD, "-D", "-f", directory / "config"], stdin=subprocess.DEVNULL)
        try:
            while not answers(port):
                assert sshd.poll() is None, "sshd did not start"
                time.sleep(0.02)
            run(bin_dir / "ssh_bench", "--port", port, directory / "key", commands)
            bench_control_master(directory, port, commands)
        finally:
            sshd.terminate()
            sshd.wait()


def main():
    parser = argparse.ArgumentParser(prog="./dev bench ssh", description=__doc__)
    parser.add_argument("--bin", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--quick", action="store_true", help="a tenth of everything: whether it works, not how fast")
    args = parser.parse_args()
    scale = 10 if args.quick else 1
    say(f"load before: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    say("the executor, with a stub server")
    run(args.bin / "ssh_bench", 200 // scale, 20000 // scale, 20 // scale)
    say("one session with a real sshd, which forks for every command")
    if os.geteuid() == 0 and os.access(SSHD, os.X_OK):
        bench_real_sshd(args.bin.resolve(), 90 // scale)
    else:
        print("left out: it needs root and openssh-server")
    say("the whole dispatcher, with stub workers")
    run(args.bin / "starts_bench", 5000 // scale, *(count // scale for count in (50, 200, 1000)))
    say(f"load after: {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    sys.exit(main())
