"""berth-sim: the real program on small workloads."""

import csv
import html.parser
import json
import os
import pathlib
import pty
import re
import select
import subprocess

import pytest

CLUSTER = """
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: e687950a23c3a9bceec28c6223a06c79e687
    Services:
      Controller: {ExternalURL: "https://zzzzz.example/"}
      DispatchCloud: {InternalURLs: {"http://127.0.0.1:9006": {}}}
    InstanceTypes:
      small: {VCPUs: 2, RAM: 4GiB, IncludedScratch: 100GB, Price: 0.1}
      large: {VCPUs: 8, RAM: 16GiB, IncludedScratch: 100GB, Price: 0.35}
      spot: {VCPUs: 8, RAM: 16GiB, IncludedScratch: 100GB, Price: 0.1, Preemptible: true}
    Containers:
      CloudVMs: {Driver: ec2, MaxInstances: 0, MaxConcurrentInstanceCreateOps: 0}
"""

SPEC = """
duration: 1h
containers: 40
kinds:
  boss: {weight: 0, run_time: 5s}
  short: {weight: 8, vcpus: [1, 2], ram: 1GiB, run_time: {median: 2m, spread: 0.5}}
  long: {weight: 1, vcpus: 8, ram: 8GiB, run_time: 10m}
workflows:
  - {supervisor: boss, weight: 1, stages: [{of: short, count: 3}, {of: long}]}
"""

TEN = "submit,run_time,vcpus,ram\n" + "".join(f"{30 * i},120,2,1GiB\n" for i in range(10))


@pytest.fixture
def site(bin_dir, tmp_path):
    """A directory with a configuration, and the program run in it."""
    (tmp_path / "cluster.yml").write_text(CLUSTER)
    (tmp_path / "spec.yml").write_text(SPEC)
    (tmp_path / "ten.csv").write_text(TEN)

    class Site:
        path = tmp_path

        def run(self, *argv, code=0):
            done = subprocess.run([bin_dir / "berth-sim", *argv], cwd=tmp_path, capture_output=True, text=True, timeout=120)
            assert done.returncode == code, done.stdout + done.stderr
            return done

    return Site()


def row(text, name):
    """The cells of a line of the table."""
    line = next(line for line in text.splitlines() if line.startswith(f"  {name}  "))
    return re.split(r"\s{2,}", line.strip())[1:]


def number(cell):
    return float(re.match(r"\$?([\d,.]+)", cell)[1].replace(",", ""))


def test_ten_containers(site):
    shown = site.run("run", "--config", "cluster.yml", "--workload", "ten.csv").stdout
    assert row(shown, "complete") == ["10"]
    assert row(shown, "failed") == row(shown, "unfinished") == ["0"]
    assert number(row(shown, "cost")[0]) >= number(row(shown, "lower bound")[0]) > 0
    assert float(row(shown, "cost / lower bound")[0]) > 1
    assert 1 <= number(row(shown, "creates")[0]) <= 10


def test_the_id_of_the_cluster_changes_nothing(site):
    (site.path / "other.yml").write_text(CLUSTER.replace("zzzzz", "xmple"))
    shown = [site.run("run", "--config", config, "--generate", "spec.yml").stdout for config in ("cluster.yml", "other.yml")]
    assert row(shown[0], "complete") == row(shown[1], "complete") != ["0"]
    assert row(shown[0], "cost") == row(shown[1], "cost")
    assert row(shown[1], "tried again") == ["0"]


@pytest.mark.parametrize("policy, instances", [("cost", 2), ("greedy", 4)])
def test_supervisors_leave_instances_to_their_children(site, policy, instances):
    """Several share an instance, and there are few: all would be full of those that wait for what needs an empty one."""
    text = (pathlib.Path(__file__).parents[2] / "config/berth-example.yml").read_text()
    limited = text.replace("MaxInstances: 64", f"MaxInstances: {instances}").replace("Policy: cost", f"Policy: {policy}")
    assert f"MaxInstances: {instances}\n" in limited and f"Policy: {policy}\n" in limited
    (site.path / "few.yml").write_text(limited)
    shown = site.run("run", "--config", "few.yml", "--generate", "workflows", "--seeds", "1").stdout
    assert row(shown, "unfinished") == ["0"]


def test_the_same_seed_gives_the_same_bytes(site):
    outputs = []
    for run in "ab":
        shown = site.run("run", "--config", "cluster.yml", "--generate", "spec.yml", "--seeds", "2", "--html", f"{run}.html", "--csv", f"{run}.csv").stdout
        outputs.append((shown, (site.path / f"{run}.html").read_bytes(), (site.path / f"{run}.csv").read_bytes()))
    assert outputs[0] == outputs[1]
    other = site.run("run", "--config", "cluster.yml", "--generate", "spec.yml", "--seeds", "2", "--first-seed", "7").stdout
    assert other != outputs[0][0]


def test_every_format_says_the_same(site):
    (site.path / "ten.swf").write_text("; ten jobs\n" + "".join(
        f"{i + 1} {30 * i} 0 120 2 -1 -1 2 600 {1 << 19} 1 1 1 -1 1 1 -1 -1\n" for i in range(10)))
    (site.path / "ten.jsonl").write_text("".join(
        json.dumps({"submit": 30 * i, "run_time": "2m", "vcpus": 2, "ram": "1GiB"}) + "\n" for i in range(10)))
    (site.path / "ten").write_text(TEN)
    tables = [site.run("run", "--config", "cluster.yml", *workload).stdout.split("\n", 1)[1]
              for workload in (("--workload", "ten.csv"), ("--workload", "ten.swf"), ("--workload", "ten.jsonl"), ("--workload", "ten", "--format", "csv"))]
    assert len(set(tables)) == 1, tables


def test_compare_shows_configurations_side_by_side(site):
    (site.path / "few.yml").write_text(CLUSTER.replace("MaxInstances: 0", "MaxInstances: 1"))
    shown = site.run("run", "--compare", "cluster.yml", "few.yml", "--workload", "ten.csv", "--csv", "out.csv", "--html", "out.html").stdout
    free, bound = (int(cell) for cell in row(shown, "most at a time"))
    assert free > bound == 1
    assert row(shown, "complete") == ["10", "10"]
    with open(site.path / "out.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["config"] for line in lines} == {"cluster.yml", "few.yml"}
    assert max(int(line["instances"]) for line in lines if line["config"] == "few.yml") == 1


def test_the_cloud_model_counts(site):
    (site.path / "dear.yml").write_text("types: {small: {price: 10}, large: {price: 35}}\nboot: 5m\nminimum_billed: 1h\n")
    plain = site.run("run", "--config", "cluster.yml", "--workload", "ten.csv").stdout
    dear = site.run("run", "--config", "cluster.yml", "--workload", "ten.csv", "--cloud", "dear.yml").stdout
    assert number(row(dear, "cost")[0]) > 50 * number(row(plain, "cost")[0])
    slowest = row(dear, "all")[0].split(" / ")[2]
    assert "min" in slowest and int(slowest.split()[0]) >= 5, slowest


def test_spot_interruptions_are_survived(site):
    (site.path / "spot.csv").write_text("submit,run_time,vcpus,ram,preemptible\n" + "0,20m,8,1GiB,true\n" * 5)
    (site.path / "cloud.yml").write_text("interruptions_per_hour: 1\n")
    shown = site.run("run", "--config", "cluster.yml", "--workload", "spot.csv", "--cloud", "cloud.yml", "--seeds", "3").stdout
    assert number(row(shown, "interrupted")[0]) > 0
    assert number(row(shown, "tried again")[0]) > 0
    assert number(row(shown, "unfinished")[0]) == 0


GPU_TYPES = """
      cuda: {VCPUs: 8, RAM: 64GiB, IncludedScratch: 100GB, Price: 1, GPU: {DeviceCount: 2, Stack: cuda, DriverVersion: "12.4", HardwareTarget: "8.0", VRAM: 24GiB}}
      rocm: {VCPUs: 8, RAM: 64GiB, IncludedScratch: 100GB, Price: 0.5, GPU: {DeviceCount: 1, Stack: rocm, DriverVersion: "6.1", HardwareTarget: gfx90a, VRAM: 64GiB}}
"""


def test_gpus_are_simulated(site):
    (site.path / "gpu.yml").write_text(CLUSTER.replace("    Containers:", GPU_TYPES + "    Containers:", 1))
    (site.path / "w.csv").write_text(
        "submit,run_time,vcpus,ram,gpus,gpu_vram,gpu_stack,gpu_target\n"
        "0,20m,2,1GiB,,,,\n0,20m,2,1GiB,1,16GiB,,\n0,20m,2,1GiB,1,16GiB,,\n0,20m,2,1GiB,1,,rocm,gfx90a\n0,20m,2,1GiB,1,48GiB,cuda,\n")
    shown = site.run("run", "--config", "gpu.yml", "--workload", "w.csv").stdout
    assert (row(shown, "complete"), row(shown, "failed")) == (["4"], ["1"])  # no CUDA device has 48 GiB
    assert number(row(shown, "use of GPUs")[0]) > 50
    for name in ("1 VCPU", "2-3 VCPUs", "1 GPU", "of type small", "of type cuda", "of type rocm"):
        assert (f"  {name}  " in shown) == (name != "1 VCPU"), name
    assert number(row(shown, "cost")[0]) >= number(row(shown, "lower bound")[0]) >= 0.3
    shown = site.run("run", "--config", "gpu.yml", "--generate", "gpus", "--html", "out.html").stdout
    assert "use of GPUs" in (site.path / "out.html").read_text()
    assert number(row(shown, "unfinished")[0]) == 0
    assert "use of GPUs" not in site.run("run", "--config", "gpu.yml", "--workload", "ten.csv").stdout


def test_what_fits_nowhere_fails_and_the_rest_runs(site):
    (site.path / "w.csv").write_text(TEN + "0,60,64,1GiB\n")
    done = site.run("run", "--config", "cluster.yml", "--workload", "w.csv")
    assert (row(done.stdout, "complete"), row(done.stdout, "failed")) == (["10"], ["1"])
    assert re.search(r"1 of 11 containers failed\n  .*needs 64 VCPUs, .*: '12'$", done.stderr.strip()), done.stderr


def test_time_is_up(site):
    (site.path / "w.csv").write_text("submit,run_time,vcpus,ram\n0,10h,1,1GiB\n")
    done = site.run("run", "--config", "cluster.yml", "--workload", "w.csv", "--limit", "2h")
    assert row(done.stdout, "unfinished") == ["1"]
    said = "1 of 1 container had not ended when time was up (--limit)\n  running: 1, waiting: 0, not submitted yet: 0\n"
    assert "berth-sim: cluster.yml: seed 1: " + said in done.stderr
    assert "\n  " + said.replace("\n  ", "\n    ") in done.stdout


class Page(html.parser.HTMLParser):
    """Counts elements, and complains of what is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.seen = [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, value in attributes}, tag
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_report_stands_alone(site):
    (site.path / "<i>&.yml").write_text(CLUSTER)
    site.run("run", "--compare", "cluster.yml", "<i>&.yml", "--generate", "spec.yml", "--html", "out.html")
    text = (site.path / "out.html").read_text()
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    assert page.seen.count("svg") == 6  # queue, running, types of each, cost, wait
    assert "<i>&" not in text and "&lt;i&gt;&amp;.yml" in text
    assert not re.search(r"https?:|url\(|@import|<script", text)


@pytest.mark.parametrize("argv", [
    (), ("walk",), ("run",), ("run", "--config", "cluster.yml"), ("run", "--workload", "ten.csv"), ("run", "--config", "cluster.yml", "--workload", "ten.txt"),
    ("run", "--config", "cluster.yml", "--compare", "cluster.yml", "cluster.yml", "--workload", "ten.csv"),
    ("run", "--config", "cluster.yml", "--workload", "ten.csv", "--generate", "steady"), ("run", "--config", "cluster.yml", "--generate", "steady", "--format", "csv"),
    ("run", "--config", "cluster.yml", "--generate", "steady", "--seeds", "0"), ("run", "--config", "cluster.yml", "--generate", "steady", "--limit", "soon"),
    ("run", "--config", "cluster.yml", "--generate", "steady", "--first-seed", "-1"),
    ("run", "--config", "cluster.yml", "--generate", "steady", "--pass-interval", "61m"), ("run", "--config", "cluster.yml", "--generate", "steady", "--limit", "1000000h"),
])
def test_usage_errors(site, argv):
    done = site.run(*argv, code=2)
    assert done.stdout == "" and len(done.stderr) < 1500 and done.stderr


@pytest.mark.parametrize("name, text, argv, words", [
    ("w.csv", "submit,run_time,vcpus,ram\n0,1,x,1\n", ("--workload", "w.csv"), "w.csv:2: vcpus: 'x' is not a whole number"),
    ("w.csv", "submit,run_time,vcpus,ram\n0,nan,1,1\n", ("--workload", "w.csv"), "w.csv:2: run_time: 'nan' is not a number"),
    ("s.yml", '"\\\x1b"', ("--generate", "s.yml"), "s.yml:1: YAML syntax: unknown escape character: ?"),
    ("w.swf", "1 2 3\n", ("--workload", "w.swf"), "w.swf:1: 3 fields, 18 expected"),
    ("w.jsonl", '{"submit": 1}\n', ("--workload", "w.jsonl"), "w.jsonl:1: run_time: is missing"),
    ("w.csv", "", ("--workload", "w.csv"), "w.csv: is empty"),
    ("w.csv", b"\x00\xff" * 1000, ("--workload", "w.csv"), "w.csv:1: column 1, '????????????????????????????????????????…': no such field; there are name, "),
    ("absent", "", ("--workload", "no.csv"), "no.csv: No such file or directory"),
    ("s.yml", "kinds:\n  a: {vcpus: 0.5, cpus: 3}\n", ("--generate", "s.yml"), "s.yml:2: kinds.a.cpus: no such key"),
    ("absent", "", ("--generate", "nothing"), "nothing: No such file or directory; built in are steady, diurnal, bursty, "),
    ("c.yml", "boot: {median: 3s}\nspeed: 9\n", ("--workload", "ten.csv", "--cloud", "c.yml"), "c.yml:2: speed: no such key"),
    ("c.yml", "types: {huge: {price: 1}}\n", ("--workload", "ten.csv", "--cloud", "c.yml"), "c.yml:1: types.huge: the configuration has no such instance type"),
    ("c.yml", "create: {median: 2s, spred: 1}\nboot: {median: 5s}\n", ("--workload", "ten.csv", "--cloud", "c.yml"), "c.yml:1: create.spred: no such key"),
    ("s.yml", "kinds: {x: {vcpus: {median: 4, spred: 1}, run_time: {median: 35m}}}\n", ("--generate", "s.yml"), "s.yml:1: kinds.x.vcpus.spred: no such key"),
    ("cluster.yml", CLUSTER.replace("Price: 0.35", "Price: dear"), ("--workload", "ten.csv"), "InstanceTypes.large.Price"),
    ("cluster.yml", "{}", ("--workload", "ten.csv"), "cluster.yml"),
])
def test_bad_input_is_named(site, name, text, argv, words):
    (site.path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    done = site.run("run", "--config", "cluster.yml", *argv, code=1)
    assert words in done.stderr and len(done.stderr) < 1500, done.stderr
    assert done.stdout == ""


def test_warnings_of_configurations_are_told_as_by_berthd(site, bin_dir):
    (site.path / "typo.yml").write_text(CLUSTER.replace("MaxInstances: 0", "MaxInstancess: 3"))
    argv = [bin_dir / "berthd", "--check-config", "--config", "typo.yml"]
    checked = subprocess.run(argv, cwd=site.path, capture_output=True, text=True, timeout=60).stderr
    warning = next(line for line in checked.splitlines() if "MaxInstancess" in line)
    assert re.match(r"typo\.yml:\d+:\d+: warning: ", warning)
    for configs in (("--config", "typo.yml"), ("--compare", "cluster.yml", "typo.yml")):
        done = site.run("run", *configs, "--workload", "ten.csv", "--seeds", "2")
        assert done.stderr.splitlines().count(warning) == 1, done.stderr
        assert "MaxInstancess" not in done.stdout


def test_files_that_cannot_be_written(site):
    done = site.run("run", "--config", "cluster.yml", "--workload", "ten.csv", "--html", "no/such/place.html", code=1)
    assert "no/such/place.html: No such file or directory" in done.stderr
    assert done.stdout == ""  # said before the work, not after it


@pytest.mark.parametrize("argv, names", [
    (("--workload", "ten.csv", "--csv", "ten.csv"), ("--csv", "--workload")),
    (("--workload", "ten.csv", "--html", "../{here}/./ten.csv"), ("--html", "--workload")),
    (("--workload", "ten.csv", "--html", "link"), ("--html", "--workload")),
    (("--workload", "ten.csv", "--csv", "cluster.yml"), ("--csv", "--config")),
    (("--workload", "ten.csv", "--cloud", "spec.yml", "--html", "spec.yml"), ("--html", "--cloud")),
    (("--generate", "spec.yml", "--csv", "spec.yml"), ("--csv", "--generate")),
    (("--generate", "spec.yml", "--csv", "new", "--html", "./new"), ("--html", "--csv")),
])
def test_no_output_overwrites_an_input(site, argv, names):
    (site.path / "link").symlink_to("ten.csv")
    before = {path.name: path.read_text() for path in site.path.iterdir()}
    done = site.run("run", "--config", "cluster.yml", *(word.format(here=site.path.name) for word in argv), code=2)
    assert f"{names[0]} would overwrite the file of {names[1]}: " in done.stderr and done.stdout == ""
    assert {path.name: path.read_text() for path in site.path.iterdir()} == before


def test_outputs_that_are_no_files(site):
    shown = site.run("run", "--config", "cluster.yml", "--workload", "ten.csv", "--csv", "/dev/null", "--html", "/dev/null").stdout
    assert row(shown, "complete") == ["10"]


def test_compare_overwrites_no_configuration(site):
    (site.path / "few.yml").write_text(CLUSTER)
    done = site.run("run", "--compare", "cluster.yml", "few.yml", "--workload", "ten.csv", "--csv", "few.yml", code=2)
    assert "--csv would overwrite the file of --compare: few.yml" in done.stderr
    assert (site.path / "few.yml").read_text() == CLUSTER


def test_types_have_one_colour_and_the_same_axes(site):
    (site.path / "few.yml").write_text(CLUSTER.replace("MaxInstances: 0", "MaxInstances: 3"))
    site.run("run", "--compare", "cluster.yml", "few.yml", "--generate", "spec.yml", "--html", "out.html")
    plots = re.findall(r"<h2>Instances by type: [^\n]*\n(<ul.*?</ul>)\n(.*?)</svg>", (site.path / "out.html").read_text(), re.DOTALL)
    assert len(plots) == 2
    (legend, plot), (other_legend, other_plot) = plots
    assert legend == other_legend and "large" in legend
    ticks = [re.findall(r'<text class="tick"[^>]*>[^<]*', one) for one in (plot, other_plot)]
    assert len(ticks[0]) > 6 and ticks[0] == ticks[1]


def test_many_at_a_time_are_all_seen(site):
    """More than the queue keeps of what it is told at once. As supervisors they fill the window of a poll for long."""
    (site.path / "w.csv").write_text("submit,run_time,vcpus,ram,name,supervisor,parent\n0,10s,1,1GiB,boss,true,\n" + "0,10s,1,1GiB,,true,boss\n" * 1500)
    shown = site.run("run", "--config", "cluster.yml", "--workload", "w.csv").stdout
    assert row(shown, "complete") == ["1,501"]


def test_supervisors_end_when_their_last_child_has_ended(site):
    (site.path / "w.csv").write_text(
        "submit,run_time,vcpus,ram,name,supervisor,parent\n0,10s,1,1GiB,boss,true,\n0,1m,1,1GiB,a,false,boss\n9,2h,1,1GiB,b,true,boss\n9,3h,1,1GiB,c,false,b\n")
    shown = site.run("run", "--config", "cluster.yml", "--workload", "w.csv").stdout
    assert row(shown, "complete") == ["4"] and row(shown, "makespan")[0].startswith("3 h 0")


def test_help_names_all_that_can_be_generated(site):
    text = " ".join(site.run("run", "--help").stdout.split())
    assert all(name in text for name in ("steady", "diurnal", "bursty", "workflows", "bioinformatics", "tasks", "gpus", "--compare FILE"))


def test_where_nothing_can_run_nothing_is_made_up(site):
    (site.path / "huge.csv").write_text("submit,run_time,vcpus,ram\n0,120,1000,1GiB\n5,120,1000,1GiB\n")
    shown = site.run("run", "--config", "cluster.yml", "--workload", "huge.csv").stdout
    assert (row(shown, "complete"), row(shown, "failed"), row(shown, "tried again")) == (["0"], ["2"], ["0"])
    for name in ("all", "mean of all", "cost / lower bound"):
        assert row(shown, name) == ["-"], name


BOSS_AND_CHILD = ("submit,run_time,vcpus,ram,name,supervisor,parent,after\n0,10s,1,1GiB,boss,true,,\n"
                  "5,1m,8,1GiB,child,false,boss,\n6,1m,8,1GiB,heir,false,boss,child\n")


@pytest.mark.parametrize("cloud, workload, words", [
    ("quota: 0\n", TEN, ["10 containers can never run\n", "  instances created: 0, of them booted: 0; creates refused: ", ", the last one: no more instances allowed"]),
    ("types: {small: {capacity: 0}, large: {capacity: 0}}\n", TEN, ["10 containers can never run\n", "; creates refused: ", ", the last one: no room for this instance"]),
    ("quota: 1\n", BOSS_AND_CHILD, ["1 container can never run, and 2 more are still to end\n", ": 'child'\n", "  instances created: 1, of them booted: 1; "]),
    ("boot: 20h\n", TEN, ["10 containers can never run\n", "  waiting-new-instance, instances are asked for, and none becomes ready: '", ", of them booted: 0"]),
], ids=["no quota", "no capacity", "a supervisor in the way", "nothing boots"])
def test_what_can_never_run_ends_the_simulation(site, cloud, workload, words):
    (site.path / "cloud.yml").write_text(cloud)
    (site.path / "w.csv").write_text(workload)
    out = ("--html", "out.html", "--csv", "out.csv")
    done = site.run("run", "--config", "cluster.yml", "--workload", "w.csv", "--cloud", "cloud.yml", "--limit", "8000h", *out, code=1)
    assert "berth-sim: cluster.yml: seed 1: nothing moves any more after " in done.stderr  # on a busy machine after some progress
    page = html.unescape((site.path / "out.html").read_text())
    with open(site.path / "out.csv", newline="") as file:
        lines = list(csv.DictReader(file))
    assert {line["outcome"] for line in lines} == {"stuck"} and not any(line["remark"] for line in lines[1:])
    for word in words:
        assert word in done.stderr, done.stderr
        for text in (done.stdout, page, lines[0]["remark"]):
            assert word.strip("\n ") in text, text
    assert row(done.stdout, "outcome") == ["stuck"] and page.index("nothing moves any more") < page.index("<table>")
    assert row(done.stdout, "complete") == ["0"] and row(done.stdout, "makespan") == ["-"]
    assert int(row(done.stdout, "unfinished")[0]) == len(workload.splitlines()) - 1


def test_what_still_comes_does_not_keep_a_simulation_going(site):
    (site.path / "cloud.yml").write_text("quota: 0\n")
    (site.path / "w.csv").write_text("submit,run_time,vcpus,ram\n" + "".join(f"{i}h,60,1,1GiB\n" for i in range(100)))
    done = site.run("run", "--config", "cluster.yml", "--workload", "w.csv", "--cloud", "cloud.yml", code=1)
    assert re.search(r"after 1h\d+m: 2 containers can never run, and 98 more are still to end\n", done.stderr), done.stderr


def test_one_configuration_of_two_is_impossible(site):
    (site.path / "slow.yml").write_text(CLUSTER.replace("MaxInstances: 0", "TimeoutBooting: 10s"))
    done = site.run("run", "--compare", "cluster.yml", "slow.yml", "--workload", "ten.csv", code=1)
    assert row(done.stdout, "complete") == ["10", "0"]
    assert "berth-sim: slow.yml: seed 1: nothing moves any more" in done.stderr and "berth-sim: cluster.yml" not in done.stderr


def test_what_takes_long_is_waited_for(site):
    (site.path / "w.csv").write_text("submit,run_time,vcpus,ram,name,supervisor,parent\n0,10s,1,1GiB,boss,true,\n0,100h,1,1GiB,,,boss\n300h,1m,1,1GiB,,,\n")
    (site.path / "cloud.yml").write_text("boot: 20h\n")
    (site.path / "patient.yml").write_text(CLUSTER.replace("MaxInstances: 0", "MaxInstances: 0, TimeoutBooting: 48h"))
    shown = site.run("run", "--config", "patient.yml", "--workload", "w.csv", "--cloud", "cloud.yml").stdout
    assert (row(shown, "complete"), row(shown, "unfinished")) == (["3"], ["0"])


def test_a_terminal_is_told_how_far_it_has_come(site, bin_dir):
    ours, its = pty.openpty()
    argv = [bin_dir / "berth-sim", "run", "--config", "cluster.yml", "--generate", "spec.yml", "--seeds", "1000"]
    with subprocess.Popen(argv, cwd=site.path, stdout=subprocess.DEVNULL, stderr=its) as run:
        os.close(its)
        said = b""
        while not re.search(rb"berth-sim: cluster\.yml: seed \d+: \d+ h \d\d min simulated, \d+ of \d+ containers complete", said):
            assert select.select([ours], [], [], 60)[0], said
            said += os.read(ours, 4096)
        run.kill()
    os.close(ours)


def test_what_was_not_submitted_in_time_has_not_failed(site):
    (site.path / "w.csv").write_text("submit,run_time,vcpus,ram,name,after\n0,10h,1,1GiB,a,\n0,1m,1,1GiB,b,a\n0,1m,64,1GiB,c,\n0,1m,1,1GiB,d,c\n")
    shown = site.run("run", "--config", "cluster.yml", "--workload", "w.csv", "--limit", "2h").stdout
    assert (row(shown, "unfinished"), row(shown, "failed")) == (["2"], ["2"])
