"""A bed of hosts that are reached over SSH: Linux namespaces on a bridge, each with its own address, processes, file system, lock
directory and Debian's openssh-server, and the little cloud that makes and destroys them.

Needs root, and a network namespace without a route out (`./dev test --e2e` makes one). Nothing outlives this process: hosts are
held by processes that end with it, everything else lives in their namespaces and in `directory`."""

import concurrent.futures
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess

from .bed_cloud import BedCloud
from .bed_relay import Relay
from .daemon import wait_for

BRIDGE, NET, PREFIX = "bed0", "10.77", 16
GATEWAY = f"{NET}.0.1"
NOBODY = "02:00:00:00:de:ad"  # a MAC address that nobody has: frames to it vanish
SSHD_CONFIG = """
ListenAddress {address}:{port}
HostKey {directory}/hostkey
AuthorizedKeysFile {directory}/authorized_keys
PidFile /run/sshd.pid
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
UseDNS no
PrintMotd no
PrintLastLog no
"""


def why_not():
    """Why a bed cannot be made here, or None."""
    if os.geteuid() != 0:
        return "hosts in namespaces need root"
    if ip("route", "show", "default") or not pathlib.Path("/sys/class/net/lo").exists():
        return "hosts in namespaces need a network namespace without a route out: ./dev test --e2e"
    return next((f"{tool} is not installed: ./dev setup" for tool in ("/usr/sbin/sshd", "/usr/bin/sudo") if not os.access(tool, os.X_OK)), None)


def ip(*arguments, netns=None):
    enter = ["nsenter", f"--net=/proc/{netns}/ns/net"] if netns else []
    done = subprocess.run([*enter, "ip", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"ip {' '.join(map(str, arguments))}: {done.stderr}"
    return done.stdout


class Bed:
    """`user`: whom dispatchers log in as. `port`: where sshd listens."""

    def __init__(self, directory, user="root", port=22, disk="64m"):
        self.directory, self.user, self.port, self.disk = pathlib.Path(directory), user, port, disk
        self.shared = self.directory / "shared"  # the same on every host and here
        self.shared.mkdir(parents=True)
        self.shared.chmod(0o777)
        self.hosts, self.count = {}, 0
        with contextlib.ExitStack() as made:
            # Holders end with the thread that started them, so that is one that lives as long as the process.
            self.starter = concurrent.futures.ThreadPoolExecutor(1)
            made.callback(self.starter.shutdown)
            # A fixed MAC: a bridge's own changes as ports come and go, and stalls open connections.
            ip("link", "add", BRIDGE, "address", "02:be:00:00:00:01", "type", "bridge")
            made.callback(ip, "link", "del", BRIDGE)
            ip("link", "set", BRIDGE, "addrgenmode", "none", "up")
            ip("addr", "add", f"{GATEWAY}/{PREFIX}", "dev", BRIDGE)
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bed", "-f", self.directory / "id"], check=True, stdin=subprocess.DEVNULL)
            self.key = self.directory / "id"
            self.cloud = BedCloud(self)
            self.made = made.pop_all()

    def create(self, **options):
        self.count += 1
        host = Host(self, f"host{self.count}", f"{NET}.{(self.count + 3) // 256}.{(self.count + 3) % 256}", **options)
        self.hosts[host.name] = host
        return host

    def public_key(self):
        """Of the bed's own key: an authorized_keys line without comment."""
        return " ".join(self.key.with_suffix(".pub").read_text().split()[:2])

    def start(self, argv, **options):
        """A process that ends with this one, and not by Ctrl-C."""
        argv = ["setpriv", "--pdeathsig", "KILL", *map(str, argv)]
        return self.starter.submit(subprocess.Popen, argv, stdin=subprocess.DEVNULL, process_group=0, **options).result()

    def destroy(self):
        """All of it, even if a part of it fails."""
        self.made.callback(self.destroy_hosts)
        self.made.callback(self.cloud.stop)
        self.made.close()

    def destroy_hosts(self):
        with contextlib.ExitStack() as all_of_them:
            for host in self.hosts.values():
                all_of_them.callback(host.destroy)


class Host:
    """One machine. `boot_delay` in seconds; `init_command`: what user data holds; `public_key`: who may log in."""

    def __init__(self, bed, name, address, public_key=None, init_command="", boot_delay=0):
        self.bed, self.name, self.address, self.boot_delay = bed, name, address, boot_delay
        self.directory = bed.directory / name
        self.directory.mkdir()
        self.process = self.relay = None
        number = "".join(f"{int(part):02x}" for part in address.split("."))
        self.port = f"v{number}"
        (self.directory / "authorized_keys").write_text((public_key or bed.public_key()) + "\n")
        (self.directory / "userdata").write_text(f"#!/bin/sh\n{init_command}\n")
        (self.directory / "sshd_config").write_text(SSHD_CONFIG.format(address=address, port=bed.port, directory=self.directory))
        self.new_host_key()
        self.holder = bed.start(["unshare", "--net", "sleep", "infinity"])
        try:
            self.connect(number)
            self.boot()
        except BaseException:
            self.destroy()
            raise

    def connect(self, number):
        """To the bridge. `number`: its address in hexadecimal digits."""
        here = os.readlink("/proc/self/ns/net")
        wait_for(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") != here, 5, interval=0.002, what="a network namespace")
        # The MAC comes from the address, so that no stale ARP entry hurts.
        ip("link", "add", self.port, "type", "veth", "peer", "name", "eth0", "address", f"02:be:{number[:2]}:{number[2:4]}:{number[4:6]}:{number[6:]}",
           "netns", self.holder.pid)
        ip("link", "set", self.port, "addrgenmode", "none", "master", BRIDGE, "up")
        for command in (["link", "set", "lo", "up"], ["link", "set", "eth0", "addrgenmode", "none", "up"], ["addr", "add", f"{self.address}/{PREFIX}", "dev", "eth0"]):
            self.ip(*command)

    def ip(self, *arguments):
        return ip(*arguments, netns=self.holder.pid)

    def new_host_key(self):
        """For the next boot."""
        for name in ("hostkey", "hostkey.pub"):
            (self.directory / name).unlink(missing_ok=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", self.name, "-f", self.directory / "hostkey"], check=True, stdin=subprocess.DEVNULL)

    def host_key(self):
        """As an authorized_keys line without comment."""
        return " ".join((self.directory / "hostkey.pub").read_text().split()[:2])

    def boot(self):
        """Returns at once; sshd answers `boot_delay` and some tenth of a second later. All that was written is gone."""
        assert not self.alive()
        with open(self.directory / "log", "ab") as log:
            self.process = self.bed.start(
                ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net", "unshare", "--mount", "--pid", "--uts", "--fork", "--kill-child",
                 "/bin/sh", pathlib.Path(__file__).with_name("bed_host.sh"), self.directory, self.name, self.bed.user, self.bed.disk,
                 self.boot_delay, self.bed.shared], stdout=log, stderr=log)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def first(self):
        """PID, as seen from here, of its first process."""
        return int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def run(self, command, stdin=None, check=True):
        """Runs a shell command there as root, not through SSH; its stdout."""
        done = subprocess.run(["nsenter", "-t", str(self.first()), "-m", "-u", "-p", "-n", "-r", "-w", "/bin/sh", "-c", command], input=stdin,
                              capture_output=True, text=True, timeout=30)
        assert done.returncode == 0 or not check, f"{self.name}: {command}: {done.stdout}{done.stderr}"
        return done.stdout

    def processes(self):
        """PIDs, as seen from here, of all that runs there."""
        found = []
        with contextlib.suppress(OSError, IndexError):
            mine = os.readlink(f"/proc/{self.first()}/ns/pid")
            for name in filter(str.isdigit, os.listdir("/proc")):
                with contextlib.suppress(OSError):
                    if os.readlink(f"/proc/{name}/ns/pid") == mine:
                        found.append(int(name))
        return found

    def answers(self):
        """Whether sshd sends its banner."""
        probe = f"exec 3<>/dev/tcp/{self.address}/{self.bed.port} && read -r line <&3 && case $line in SSH-*) exit 0;; esac; exit 1"
        with contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(["bash", "-c", probe], capture_output=True, timeout=1).returncode == 0
        return False

    def wait(self, timeout=20):
        wait_for(self.answers, timeout, what=f"{self.name} answers")
        return self

    # Faults. heal() undoes those of the network, resume() a stop, boot() a kill.
    def cut(self):
        """The cable is pulled: no route to host after some 3 s."""
        ip("link", "set", self.port, "down")

    def drop(self):
        """Every packet vanishes, both ways; nobody is told."""
        ip("neigh", "replace", self.address, "lladdr", NOBODY, "dev", BRIDGE, "nud", "permanent")
        self.ip("neigh", "replace", GATEWAY, "lladdr", NOBODY, "dev", "eth0", "nud", "permanent")

    def delay(self, milliseconds):
        """Each packet takes so much longer, each way."""
        self.heal()
        self.relay = Relay(self, GATEWAY, milliseconds)

    def heal(self):
        if self.relay:
            self.relay.stop()
            self.relay = None
        ip("link", "set", self.port, "up")
        with contextlib.suppress(AssertionError):
            ip("neigh", "del", self.address, "dev", BRIDGE)
        with contextlib.suppress(AssertionError):
            self.ip("neigh", "del", GATEWAY, "dev", "eth0")

    def signal(self, number):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop_sshd(self):
        """The daemon and those of its sessions freeze: a connect still succeeds, and nothing ever comes."""
        for pid in self.processes():
            with contextlib.suppress(OSError):
                if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "sshd":
                    os.kill(pid, signal.SIGSTOP)

    def resume(self):
        self.signal(signal.SIGCONT)

    def fill_disk(self, path="/tmp"):
        """To the last byte."""
        self.run(f"cat /dev/zero >{path}/filler 2>/dev/null", check=False)

    def free_disk(self, path="/tmp"):
        self.run(f"rm -f {path}/filler")

    def kill(self):
        """All its processes die; the address stays: connection refused."""
        if self.process:
            self.process.kill()
            self.process.wait(10)

    def destroy(self):
        """Pulls the plug. The interfaces go with the namespace."""
        self.bed.hosts.pop(self.name, None)
        if self.relay:
            self.relay.stop()
        self.kill()
        self.holder.kill()
        self.holder.wait(10)
        subprocess.run(["ip", "link", "del", self.port], capture_output=True)  # at once, not some time later
        subprocess.run(["ip", "neigh", "del", self.address, "dev", BRIDGE], capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)
