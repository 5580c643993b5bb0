"""Delays the packets of one host: through two TUN devices and a process between them (not every kernel has netem)."""

import fcntl
import heapq
import os
import select
import struct
import subprocess
import sys
import time

from .daemon import wait_for

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x1, 0x1000


class Relay:
    """Should it die, its devices and routes go with it, and traffic is back on the bridge."""

    def __init__(self, host, gateway, milliseconds):
        number = host.port[1:]
        self.process = host.bed.start([sys.executable, "-m", "harness.bed_relay", host.holder.pid, number, host.address, gateway, milliseconds],
                                      cwd=os.path.dirname(os.path.dirname(os.path.abspath(__file__))), stderr=open(host.directory / "log", "ab"))
        wait_for(lambda: f"r{number}" in host.ip("-br", "link", "show", "up") and f"t{number}" in subprocess.run(
            ["ip", "route", "get", host.address], capture_output=True, text=True).stdout, 10, what="the relay")

    def stop(self):
        self.process.kill()
        self.process.wait(10)


def tun(name):
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return fd


def main(pid, number, address, gateway, milliseconds):
    here, there = tun(f"t{number}"), tun(f"r{number}")
    inside = f"nsenter --net=/proc/{pid}/ns/net ip"
    for command in (f"ip link set r{number} netns {pid}", f"{inside} link set r{number} addrgenmode none up",
                    f"{inside} route add {gateway} dev r{number} src {address}", f"ip link set t{number} addrgenmode none up",
                    f"ip route add {address} dev t{number} src {gateway}"):
        subprocess.run(command.split(), check=True)
    queue, count, delay = [], 0, float(milliseconds) / 1000
    while True:
        wait = max(0, queue[0][0] - time.monotonic()) if queue else None
        for fd in select.select([here, there], [], [], wait)[0]:
            count += 1
            heapq.heappush(queue, (time.monotonic() + delay, count, there if fd == here else here, os.read(fd, 65536)))
        while queue and queue[0][0] <= time.monotonic():
            _, _, fd, packet = heapq.heappop(queue)
            try:
                os.write(fd, packet)
            except OSError:
                pass  # the other end is down: lost


if __name__ == "__main__":
    main(*sys.argv[1:])
