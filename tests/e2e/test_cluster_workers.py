"""What of the configuration reaches an instance, and output whose reader has gone."""

import json
import os

import pytest
from harness.cluster import CONFIG, Site
from harness.daemon import wait_for
from harness.fake_controller import FakeController


class TaggedSite(Site):
    config = CONFIG.replace("Driver: loopback", 'ResourceTags: {cost-center: "42", ArvadosIdleBehavior: hold}\n        TagKeyPrefix: Arvados\n        Driver: loopback')


@pytest.fixture
def make_site(bin_dir, tmp_path):
    made = []

    def make(kind):
        made.append(kind(bin_dir, tmp_path, FakeController(), {}))
        return made[-1]

    yield make
    for site in made:
        site.destroy()
        site.controller.stop()


def test_resource_tags_are_put_on_instances_but_not_over_the_dispatchers_own(make_site):
    """Facts §6.6: ResourceTags are default tags, what the dispatcher sets goes before them."""
    site = make_site(TaggedSite)
    site.daemon(flags=("--no-lock",)).start()
    uuids = site.controller.add(1)
    wait_for(lambda: site.controller.states(uuids) == ["Complete"], 60, what="it is complete")
    instance, = site.instances.glob("*/instance.json")
    tags = json.loads(instance.read_text())["Tags"]
    assert tags["cost-center"] == "42" and tags["ArvadosIdleBehavior"] == "run"


def test_a_reader_of_stderr_that_goes_does_not_end_the_daemon(make_site):
    site = make_site(Site)
    daemon = site.daemon(flags=("--no-lock",))
    os.mkfifo(daemon.log_path)
    reader = os.open(daemon.log_path, os.O_RDONLY | os.O_NONBLOCK)
    daemon.start()
    os.close(reader)
    uuids = site.controller.add(2)
    wait_for(lambda: set(site.controller.states(uuids)) == {"Complete"}, 60, what="both are complete")
    assert daemon.process.poll() is None
