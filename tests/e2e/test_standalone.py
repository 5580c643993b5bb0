"""A standalone daemon as its user meets it."""

import json
import os
import resource
import socket
import ssl
import stat
import subprocess
import threading
import urllib.request

import pytest
from harness.client import ApiError, read_env
from harness.daemon import wait_for

SMALL = {"vcpus": 1, "ram": 1 << 20}


def run(*argv, **kwargs):
    return subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=60, **kwargs)


def test_env_file(make_daemon):
    daemon = make_daemon()
    daemon.start()
    path = daemon.data_dir / "env"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    env = read_env(daemon.data_dir)
    assert set(env) == {"ARVADOS_API_HOST", "ARVADOS_API_HOST_INSECURE", "ARVADOS_API_TOKEN", "BERTH_API_URL", "BERTH_URL", "BERTH_TOKEN"}
    assert env["ARVADOS_API_HOST"] == f"127.0.0.1:{daemon.port}"
    daemon.stop()
    daemon.start()
    assert read_env(daemon.data_dir) == env, "tokens and addresses survive a restart"


def test_a_second_daemon_on_the_same_directory_ends_with_a_clear_error(make_daemon, bin_dir):
    daemon = make_daemon()
    client = daemon.start()
    second = run(bin_dir / "berthd", "--standalone", "--data-dir", daemon.data_dir, "--listen", "127.0.0.1:0")
    assert second.returncode == 1
    assert str(daemon.data_dir) in second.stderr and str(daemon.process.pid) in second.stderr
    assert client.queue() == []


def test_a_relative_data_directory(bin_dir, tmp_path):
    daemon = subprocess.Popen([bin_dir / "berthd", "--standalone", "--data-dir", "here", "--listen", "127.0.0.1:0"],
                              cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert str(tmp_path / "here" / "env") in daemon.stdout.readline()
    finally:
        daemon.terminate()
        assert daemon.wait(15) == 0


def test_secrets_are_nowhere_to_be_seen(make_daemon):
    daemon = make_daemon()
    client = daemon.start()
    request = client.submit(command=["sleep", "600"], runtime_constraints=SMALL)
    wait_for(lambda: client.container(request["container_uuid"])["state"] == "Running", what="running")
    seen = []
    for pid in [daemon.process.pid, *daemon.runners()]:
        seen.append(open(f"/proc/{pid}/cmdline", "rb").read().decode(errors="replace"))
    client.cancel(request["uuid"])
    wait_for(lambda: client.container(request["container_uuid"])["state"] == "Cancelled", what="cancelled")
    seen += [daemon.log_path.read_text(), client.metrics()]
    for token in (client.api_token, client.token):
        assert not any(token in text for text in seen)


def test_what_can_never_run_is_tried_once(make_daemon):
    client = make_daemon().start()
    request = client.submit(command=["true"], container_image="0123456789abcdef0123456789abcdef+342", container_count_max=3,
                            name="with an image", runtime_constraints=SMALL)
    wait_for(lambda: client.api("GET", f"/arvados/v1/container_requests/{request['uuid']}")["state"] == "Final", what="final")
    [container] = client.containers().values()
    assert container["state"] == "Cancelled" and container["uuid"] == request["container_uuid"]
    assert container["runtime_status"] == {
        "error": "container_image is set, but this runner runs commands without a container engine", "permanent": True}


def test_plain_and_tls_on_one_port(make_daemon):
    daemon = make_daemon()
    daemon.start()
    env = read_env(daemon.data_dir)
    context = ssl.create_default_context(cafile=daemon.data_dir / "tls/certificate.pem")
    request = urllib.request.Request(f"https://127.0.0.1:{daemon.port}/arvados/v1/users/current",
                                     headers={"Authorization": f"Bearer {env['ARVADOS_API_TOKEN']}"})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=10) as answer:
        assert json.load(answer)["is_admin"] is True


def test_management_api_authentication(make_daemon):
    client = make_daemon().start()
    for token, status in (("wrong", 403), ("", 401)):
        with pytest.raises(ApiError) as refused:
            request = urllib.request.Request(client.url + "/arvados/v1/dispatch/containers",
                                             headers={"Authorization": f"Bearer {token}"} if token else {})
            try:
                client.opener.open(request, timeout=10)
            except urllib.error.HTTPError as error:
                raise ApiError(error.code, "") from None
        assert refused.value.status == status
    assert client.call("GET", client.url + "/_health/ping", client.token) == '{"health":"OK"}\n'
    assert "arvados_dispatchcloud_containers_running" in client.metrics()


def test_instance_verbs(make_daemon):
    client = make_daemon("--vcpus", "2", "--ram", "2GiB").start()
    request = client.submit(command=["true"], runtime_constraints=SMALL)
    wait_for(lambda: client.container(request["container_uuid"])["state"] == "Complete", what="complete")
    instance = wait_for(lambda: [i for i in client.instances() if i["worker_state"] == "idle"], what="an idle instance")[0]["instance"]
    client.manage("POST", "/instances/hold", {"instance_id": instance})
    assert [i["idle_behavior"] for i in client.instances() if i["instance"] == instance] == ["hold"]
    client.manage("POST", "/instances/run", {"instance_id": instance})
    client.manage("POST", "/instances/kill", {"instance_id": instance, "reason": "test"})
    wait_for(lambda: instance not in [i["instance"] for i in client.instances()], what="the instance is gone")
    with pytest.raises(ApiError) as unknown:
        client.manage("POST", "/instances/drain", {"instance_id": instance})
    assert unknown.value.status == 404


def test_hold_survives_a_restart(make_daemon):
    daemon = make_daemon("--vcpus", "2", "--ram", "2GiB")
    client = daemon.start()
    request = client.submit(command=["true"], runtime_constraints=SMALL)
    wait_for(lambda: client.container(request["container_uuid"])["state"] == "Complete", what="complete")
    instance = client.instances()[0]["instance"]
    client.manage("POST", "/instances/hold", {"instance_id": instance})
    marked = lambda: [i for i in client.instances() if i["instance"] == instance and i["idle_behavior"] == "hold"]
    wait_for(marked, what="hold")
    tags = daemon.data_dir / "instances" / instance
    wait_for(lambda: any("hold" in p.read_text() for p in tags.rglob("*.json")), what="the tag is on disk")
    daemon.kill()
    client = daemon.start()
    wait_for(marked, what="hold is known again")


def test_many_submissions_at_once(make_daemon):
    client = make_daemon("--vcpus", "8", "--ram", "8GiB").start()
    count, made, failures = 300, [], []
    begin = threading.Barrier(count)

    def submit():
        begin.wait()
        try:
            made.append(client.submit(command=["true"], runtime_constraints=SMALL)["container_uuid"])
        except Exception as error:
            failures.append(error)
    threads = [threading.Thread(target=submit) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(set(made)) == count and set(client.containers()) == set(made)
    wait_for(lambda: all(c["state"] == "Complete" and c["exit_code"] == 0 for c in client.containers().values()), interval=0.1, what="all complete")


def test_strangers_that_only_connect_lock_nobody_out(make_daemon):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4096:
        pytest.skip("too few descriptors for this test's own sockets")
    daemon = make_daemon("--vcpus", "1", "--ram", "1GiB")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, hard))  # as shells have it
    client = daemon.start()
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, hard))
    strangers = [socket.create_connection(("127.0.0.1", daemon.port)) for _ in range(1500)]
    try:
        uuid = client.submit(command=["echo", "here"], runtime_constraints=SMALL)["container_uuid"]
        wait_for(lambda: client.container(uuid)["state"] == "Complete", timeout=20, what="complete")
        assert client.log(uuid) == "here\n"
    finally:
        for stranger in strangers:
            stranger.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
