"""berthd's flags, exit codes and --check-config."""

import os
import pathlib
import re
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


def check(bin_dir, path, text, prefix=(), flags=("--no-lock",)):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return subprocess.run([*prefix, bin_dir / "berthd", "--config", path, "--check-config", *flags], capture_output=True, text=True, timeout=30,
                          env={key: value for key, value in os.environ.items() if not key.startswith("ARVADOS_")})


@pytest.mark.parametrize("change, words", [
    (("    ManagementToken:", "    SystemRootToken: x\n    ManagementToken:"), ["config.yml:5:5: ", "SystemRootToken", "4:5"]),
    (("Price: 0.1", "Price: 0.1, Price: 0.2"), ["config.yml:10:", "InstanceTypes.small.Price", "twice"]),
    (("{small:", "{small: {VCPUs: 9, RAM: 1GiB, Price: 0.1}, small:"), ["config.yml:10:", "InstanceTypes.small", "twice"]),
    (("    Containers:", "  zzzzz: {}\n  yyyyy:\n    Containers:"), ["config.yml:11:", "zzzzz", "twice"]),
])
def test_duplicate_keys_are_named(bin_dir, tmp_path, change, words):
    """YAML forbids them, the reference takes the last one: so do we, but not without a word."""
    checked = check(bin_dir, tmp_path / "config.yml", GOOD.replace(*change))
    named = [line for line in checked.stderr.splitlines() if all(word in line for word in words)]
    assert len(named) == 1, checked.stderr


@pytest.mark.parametrize("change, place", [
    (("  zzzzz:", "\tzzzzz:"), "config.yml:3:"), (("    Services:", "\tServices:"), "config.yml:6:"),
    (("      Controller:", "    \tController:"), "config.yml:7:"), (("    Containers:", "  \t  Containers:"), "config.yml:11:"),
])
def test_tabs_are_refused_by_name(bin_dir, tmp_path, change, place):
    checked = check(bin_dir, tmp_path / "config.yml", GOOD.replace(*change))
    assert checked.returncode == 1
    assert len(checked.stderr.splitlines()) == 1 and place in checked.stderr and "tab" in checked.stderr, checked.stderr


def test_a_tab_within_a_line_is_white_space(bin_dir, tmp_path):
    assert check(bin_dir, tmp_path / "config.yml", GOOD.replace("VCPUs: 1", "VCPUs:\t1")).returncode == 0


@pytest.mark.parametrize("text, words", [
    (GOOD[:GOOD.index("DispatchCloud") + 20], ["config.yml:8:"]), (GOOD[:GOOD.index("BlobSigningKey")], ["config.yml:"]),
    (GOOD.replace("zzzzz", "zz\0zz"), ["config.yml:3:5: ", "0x00"]), (GOOD.encode().replace(b"loopback", b"loop\xff"), ["config.yml:11:", "UTF-8"]),
    ("", ["Clusters"]), ("<html>\n<body>502</body></html>\n", ["config.yml:1:1: ", "Clusters"]), (b"\x7fELF\x02\x01\0\0", ["config.yml:1:"]),
    ("a: " + "[" * 10_000, ["config.yml:1:"]),
])
def test_files_that_are_no_configuration(bin_dir, tmp_path, text, words):
    checked = check(bin_dir, tmp_path / "config.yml", text)
    assert checked.returncode == 1 and checked.stdout == ""
    assert len(checked.stderr) < 1000
    for word in words:
        assert word in checked.stderr, checked.stderr


def test_keys_that_cannot_be_used(bin_dir, tmp_path, without_root_rights):
    key = tmp_path / "key"
    text = GOOD.replace("Containers: {", f"Containers: {{DispatchPrivateKey: 'file://{key}', ")

    def refused(words, prefix=()):
        checked = check(bin_dir, tmp_path / "config.yml", text, prefix)
        assert checked.returncode == 1
        assert "Containers.DispatchPrivateKey" in checked.stderr and str(key) in checked.stderr and words in checked.stderr, checked.stderr
    refused("No such file")
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\n")
    key.chmod(0)
    refused("Permission denied", without_root_rights)
    key.chmod(0o644)
    refused("not a complete OpenSSH private key")
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    assert check(bin_dir, tmp_path / "config.yml", text).returncode == 0
    key.write_text("ssh-ed25519 AAAA the public half")
    refused("not a PEM private key")
    key.unlink()
    key.mkdir()
    refused("directory")


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


def test_the_example_is_good_once_its_blanks_are_filled_in(bin_dir, tmp_path):
    text = (pathlib.Path(__file__).resolve().parents[2] / "config/berth-example.yml").read_text()
    asis = check(bin_dir, tmp_path / "asis.yml", text, flags=())
    complained = [line.split(": error: ")[1].split(": ")[0] for line in asis.stderr.splitlines()]
    assert asis.returncode == 1
    # The runner may be installed where the test runs.
    assert set(complained) | {"Containers.CloudVMs.DeployRunnerBinary"} == {
        "Containers.DispatchPrivateKey", "Containers.CloudVMs.Driver", "Containers.CloudVMs.DeployRunnerBinary"}, asis.stderr

    key = tmp_path / "key.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True, capture_output=True)
    filled_in = {"xmple": "mysit", "SystemRootToken": "s" * 40, "ManagementToken": "m" * 40, "host": "db.internal", "password": "secret",
                 "ExternalURL": ["https://api.internal/", "wss://ws.internal/"], "DispatchPrivateKey": f"file://{key}", "Driver": "loopback", "Enable": "false",
                 "DeployRunnerBinary": "/bin/true"}
    lines, blanks = [], []
    for line in text.splitlines():
        blank = re.fullmatch(r"( *)(\w+):(.*?)  # FILL IN.*", line)
        if blank:
            blanks.append(blank[2])
            value = filled_in[blank[2]]
            value = value.pop(0) if isinstance(value, list) else value
            line = f"{blank[1]}{value}:" if blank[2] == "xmple" else f"{blank[1]}{blank[2]}: {value}"
        lines.append(line)
    assert set(blanks) == set(filled_in)
    checked = check(bin_dir, tmp_path / "filled.yml", "\n".join(lines), flags=())
    assert (checked.returncode, checked.stderr) == (0, "") and "mysit" in checked.stdout
