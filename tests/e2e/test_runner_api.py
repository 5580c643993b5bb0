"""berth-run by itself, when the API is away, refuses, or loses its answers; large output, scarce memory and places to work."""

import pytest
from harness.runner import assert_is_claim, make_api, UUID, wait_for, worker


def test_a_daemon_away_in_mid_run(worker, request, tmp_path):
    """API down while the command runs and ends: log and final state arrive once it is back."""
    go, gone = tmp_path / "go", tmp_path / "gone"
    api = make_api(request, command=["sh", "-c", f"echo one; while [ ! -e {go} ]; do sleep 0.01; done; echo two; touch {gone}; exit 5"])
    worker.start(api)
    wait_for(lambda: api.log["stdout"] == b"one\n", "first line")
    callers = api.stop_and_count()
    go.touch()
    wait_for(gone.exists, "the command ends")
    seen = callers.count
    wait_for(lambda: callers.count >= seen + 2, "it tries again")
    assert worker.list() == UUID + "\n", "it waits"
    callers.close()
    api.start()
    wait_for(worker.gone, "the runner ends")
    assert api.log["stdout"] == b"one\ntwo\n"
    assert (api.record["state"], api.record["exit_code"]) == ("Complete", 5)
    assert [put["state"] for put in api.puts] == ["Running", "Complete"]


def test_a_daemon_away_at_the_start(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    callers = api.stop_and_count()
    worker.start(api)
    wait_for(lambda: callers.count >= 2, "it tries again")
    callers.close()
    api.start()
    wait_for(worker.gone, "the runner ends")
    assert api.record["state"] == "Complete" and api.log["stdout"] == b"ran\n"


@pytest.mark.parametrize("status", [403, 404, 422])
def test_running_is_refused(worker, request, status):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (status, False, True)
    worker.run_to_end(api)
    assert len(api.puts) == 1
    assert_is_claim(api.puts[0])
    assert api.log["stdout"] == b""


@pytest.mark.parametrize("applied, answered", [(True, None), (False, None), (True, 503), (False, 503)])
def test_the_answer_to_running_is_lost(worker, request, applied, answered):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (answered, applied, answered is not None) if len(api.puts) == 1 else None
    worker.run_to_end(api)
    assert api.log["stdout"] == b"ran\n", "exactly once"
    assert api.record["state"] == "Complete"
    assert len(api.puts) == (2 if applied else 3)


@pytest.mark.parametrize("status", [422, 503, None])
def test_another_runner_was_first(worker, request, status):
    """The same lock holder's container, Running by another runner's claim: it is not ours, whatever was answered."""
    api = make_api(request, command=["sh", "-c", "echo ran"])

    def on_put(fields):
        api.record.update(state="Running", gateway_address="berth-run-0123456789abcdef:0")
        return (status, False, status is not None)
    api.on_put = on_put
    worker.run_to_end(api)
    assert api.log["stdout"] == b"" and len(api.puts) == 1
    assert api.record["state"] == "Running"


def test_a_claim_refused_because_it_got_through_before(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.on_put = lambda fields: (422, True, True) if len(api.puts) == 1 else None
    worker.run_to_end(api)
    assert api.log["stdout"] == b"ran\n" and api.record["state"] == "Complete"


def test_cancelled_while_the_answer_was_lost(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])

    def on_put(fields):
        api.record["state"] = "Cancelled"
        return (503, False, True)
    api.on_put = on_put
    worker.run_to_end(api)
    assert api.log["stdout"] == b"" and len(api.puts) == 1


@pytest.mark.parametrize("applied", [True, False])
def test_the_answer_to_the_final_state_is_lost(worker, request, applied):
    api = make_api(request, command=["sh", "-c", "exit 4"])
    api.on_put = lambda fields: (0, applied, False) if len(api.puts) == 2 else (422, False, True) if len(api.puts) > 2 and applied else None
    worker.run_to_end(api)
    assert (api.record["state"], api.record["exit_code"]) == ("Complete", 4)
    assert len(api.puts) == 3


def test_somebody_else_ended_it(worker, request):
    api = make_api(request, command=["sh", "-c", "echo started; sleep 0.3"])
    worker.start(api)
    wait_for(lambda: b"started" in api.log["stdout"], "started")
    api.record["state"] = "Cancelled"
    api.on_put = lambda fields: (422, False, True)
    wait_for(worker.gone, "the runner ends", timeout=5)
    assert api.record["state"] == "Cancelled"


def test_an_api_that_takes_no_logs(worker, request):
    api = make_api(request, command=["sh", "-c", "echo ran"])
    api.log_status = 404
    worker.run_to_end(api)
    assert api.record["state"] == "Complete"


def test_much_output(worker, request):
    api = make_api(request, command=["sh", "-c", "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2"])
    worker.run_to_end(api, timeout=60)
    assert (len(api.log["stdout"]), len(api.log["stderr"])) == (20000000, 3000000)
    assert api.record["state"] == "Complete"


def test_the_memory_limit(worker, request):
    eater = ["/usr/bin/python3", "-c", "x = bytearray(600 << 20); print(len(x))"]
    api = make_api(request, command=eater, runtime_constraints={"ram": 64 << 20})
    worker.run_to_end(api)
    assert api.record["exit_code"] == 1 and b"MemoryError" in api.log["stderr"]
    assert "each of its processes may have 320 MiB" in api.record["runtime_status"]["warning"]
    api.record.update(state="Locked")
    worker.run_to_end(api, "--enable-memory-limit=false")
    assert api.record["exit_code"] == 0


def test_no_place_to_work_gives_the_container_back(worker, request):
    worker.work.write_text("a file where the directory should be")
    api = make_api(request)
    worker.run_to_end(api)
    assert api.puts == [{"state": "Queued"}]
