import os
import pathlib
import signal
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from harness.daemon import Daemon  # noqa: E402
from harness.processes import end_runners  # noqa: E402
from harness.ssh_site import SshSite  # noqa: E402

# Ignored in what a shell starts in the background, and in all that these tests start then.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def bin_dir():
    """Where berthd, berthctl and berth-run are: $BERTH_BIN, else the release build."""
    path = pathlib.Path(os.environ.get("BERTH_BIN", ROOT / "build/release/bin"))
    assert (path / "berthd").exists(), f"{path}/berthd is not there: ./dev build"
    return path


@pytest.fixture
def make_daemon(bin_dir, tmp_path):
    """Makes daemons that end with the test, with everything that they started."""
    made = []

    def make(*flags, data_dir=None):
        daemon = Daemon(bin_dir, data_dir or tmp_path / f"data{len(made)}", *flags)
        made.append(daemon)
        return daemon

    yield make
    for daemon in made:
        daemon.destroy()
    end_runners(tmp_path)  # also those that a test started beside a daemon


@pytest.fixture(scope="module")
def make_shared_daemon(bin_dir, tmp_path_factory):
    """As make_daemon, for tests of one file that may share a daemon: each leaves the queue as it found it."""
    made = []

    def make(*flags):
        made.append(Daemon(bin_dir, tmp_path_factory.mktemp("shared") / "data", *flags))
        return made[-1]

    yield make
    for daemon in made:
        daemon.destroy()


@pytest.fixture
def witness_dir(tmp_path):
    """Where each run of a container leaves a line."""
    path = tmp_path / "witness"
    path.mkdir()
    return path


@pytest.fixture
def without_root_rights():
    """What to put before a command, so that a file's mode binds it even if root runs it."""
    return ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []


@pytest.fixture
def make_ssh_site(bin_dir, tmp_path):
    """Makes clusters whose workers are hosts in namespaces; one at a time."""
    made = []

    def make(**options):
        made.append(SshSite(bin_dir, tmp_path, **options))
        return made[-1]

    yield make
    for site in made:
        site.destroy()
