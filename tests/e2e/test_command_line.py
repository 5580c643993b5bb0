"""berthd's flags, exit codes and --check-config."""

import subprocess

import pytest

GOOD = """
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: e687950a23c3a9bceec28c6223a06c79e687
    Services:
      Controller: {ExternalURL: "https://zzzzz.example/"}
      DispatchCloud: {InternalURLs: {"http://127.0.0.1:9006": {}}}
    Collections: {BlobSigningKey: e687950a23c3a9bceec28c6223a06c79e687}
    InstanceTypes: {small: {VCPUs: 1, RAM: 1GiB, Price: 0.1}}
    Containers: {CloudVMs: {Driver: loopback, DeployRunnerBinary: ""}}
"""


def berthd(bin_dir, *argv, stdin=""):
    return subprocess.run([bin_dir / "berthd", *argv], input=stdin, capture_output=True, text=True, timeout=30)


def test_version_help_and_usage_errors(bin_dir):
    for flag in ("--version", "-version", "--help", "-help"):
        assert berthd(bin_dir, flag).returncode == 0, flag
    for argv in (("--no-such-flag",), ("positional",), ("--threads", "zero")):
        assert berthd(bin_dir, *argv).returncode == 2, argv


def test_check_config_accepts_a_good_file(bin_dir, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(GOOD)
    for flag in ("--config", "-config"):
        checked = berthd(bin_dir, flag, str(path), "--check-config", "--no-lock")
        assert checked.returncode == 0, checked.stderr
        assert "zzzzz" in checked.stdout


@pytest.mark.parametrize("change, words", [
    (("Price: 0.1", "Price: cheap"), ["config.yml:10", "Price"]),
    (("Driver: loopback", "PollInterval: 10, Driver: loopback"), ["PollInterval", "10"]),
    (("RAM: 1GiB", "RAM: 1gib"), ["config.yml:10", "RAM"]),
    (("InstanceTypes:", "\tInstanceTypes:"), ["config.yml:10"]),
])
def test_check_config_names_file_line_and_key(bin_dir, tmp_path, change, words):
    path = tmp_path / "config.yml"
    path.write_text(GOOD.replace(*change))
    checked = berthd(bin_dir, "--config", str(path), "--check-config")
    assert checked.returncode == 1
    for word in words:
        assert word in checked.stderr, checked.stderr


def test_unreadable_config(bin_dir, tmp_path):
    checked = berthd(bin_dir, "--config", str(tmp_path / "absent.yml"))
    assert checked.returncode == 1
    assert "absent.yml" in checked.stderr


def test_a_cluster_needs_a_lock_or_the_word_that_it_does_not(bin_dir, tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(GOOD)
    started = berthd(bin_dir, "--config", str(path))
    assert started.returncode == 1
    assert "--no-lock" in started.stderr
