"""A small disk of its own for a test, and ways to fill it."""

import ctypes
import os
import resource
import signal
import subprocess

CLONE_NEWNS, MS_REC, MS_PRIVATE, MNT_DETACH = 0x20000, 0x4000, 1 << 18, 2
libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


class SmallDisk:
    """A tmpfs of `size` bytes on `path`, seen by this process and its children alone (needs root)."""

    private = False

    def __init__(self, path, size):
        if not SmallDisk.private:
            check(libc.unshare(CLONE_NEWNS), "unshare")
            check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None), "make mounts private")
            SmallDisk.private = True
        path.mkdir(mode=0o700)
        check(libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, f"size={size},mode=0700".encode()), "mount")
        self.path, self.filler = path, path / "filler"

    def fill(self):
        """Takes every byte that is free."""
        with open(self.filler, "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError:
                    continue

    def free(self):
        self.filler.unlink()

    def unmount(self):
        check(libc.umount2(os.fsencode(self.path), MNT_DETACH), "umount")


def limit_file_size(pid, size):
    """No file of that process may grow beyond `size` bytes; None: no limit. It must ignore SIGXFSZ."""
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if size is None else size, hard))


def ignore_file_size_signal():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
