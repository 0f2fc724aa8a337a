# SPDX-License-Identifier: MIT
"""Tasks of Celery and RQ are spans: which, how often, how long, how long they had
stood in the queue."""

import json
import subprocess
import sys
import time

import harness
import pytest
from harness import LIMIT_S, ULMA, environment, report_of, run, run_ulma
from test_requests import MS, PYTHON, check_cost

KNOWING = {"PYTHONPATH": str(harness.TARGETS)}


def tasks_of(report):
    return {
        (row["name"], row["status"]): row for row in report["requests"] if row["kind"] == "task"
    }


def test_celery_in_a_prefork_pool(tmp_path, session_dir):
    env = environment(session_dir, **KNOWING)
    sends = [sys.executable, harness.TARGETS / "tasks_celery.py"]
    for words in ([*sends, "burns"], [ULMA, "run", "-q", "-e", "spans", "--", *sends, "rest"]):
        sent = run(words, env=env, cwd=tmp_path)
        assert sent.status == 0, sent.told()
    sent_at = time.time()
    words = ["-m", "celery", "-A", "tasks_celery", "worker", "-P", "prefork", "-c", "2"]
    words += ["-l", "critical", "--without-gossip", "--without-mingle", "--without-heartbeat"]
    report = tmp_path / "it.ulma"
    given = ["record", "-q", "-e", "spans", "-o", report, "--", sys.executable, *words]
    done = run([ULMA, *given], env=env, cwd=tmp_path)
    told = tmp_path / "it.json"
    read = run([ULMA, "report", report, "-f", "json", "-o", told], env=env, cwd=tmp_path)
    assert read.status == 0, done.told() + read.told()
    tasks = tasks_of(json.loads(told.read_text()))
    burned = tasks["tasks_celery.burns", "SUCCESS"]
    assert (burned["count"], burned["errors"]) == (6, 0)
    assert burned["wall_ns"] >= 6 * 20 * MS and burned["cpu_ns"] >= 6 * 10 * MS
    assert burned["functions"][0]["function"] == "burn"
    assert burned["slowest"]["labels"].keys() == {"id", "queue", "queued"}
    assert burned["slowest"]["labels"]["queue"] == "celery"
    # Two at a time: the last ones waited in the worker for two others at least. One of them was
    # in its broker for long, as the broker said.
    assert burned["queued_ns"] >= (50_000 + 2 * 20) * MS
    failed = tasks["tasks_celery.fails", "FAILURE"]
    assert (failed["count"], failed["errors"]) == (1, 1)
    killed = tasks["tasks_celery.ends", "not ended"]
    assert killed["count"] == killed["errors"] in (1, 2) and len(tasks) == 3  # one may live on
    assert killed["slowest"]["labels"].keys() == {"id", "queue", "queued"}
    begun_at = min(file.stat().st_mtime for file in (tmp_path / "done").iterdir())
    assert failed["queued_ns"] / 1e9 >= begun_at - sent_at
    assert "  queued" in run([ULMA, "report", "--wide", report], env=env).out.decode()


@pytest.fixture
def redis(tmp_path):
    path = tmp_path / "redis"
    words = ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", ""]
    server = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.DEVNULL)
    end = time.monotonic() + LIMIT_S
    while not path.exists():
        assert server.poll() is None and time.monotonic() < end
        time.sleep(0.01)
    yield path
    server.kill()
    server.wait()


def test_rq_with_a_process_for_each_job(redis):
    target = harness.TARGETS / "tasks_rq.py"
    done = run_ulma(PYTHON, target, redis, options=["-e", "spans"], env=environment(**KNOWING))
    tasks = tasks_of(report_of(done))
    burned = tasks["tasks_rq.burns", "finished"]
    check_cost(burned, 3, 20)
    assert burned["slowest"]["labels"]["queue"] == "letters"
    assert burned["queued_ns"] >= (20 + 40) * MS
    assert tasks["tasks_rq.fails", "failed"]["errors"] == 1
