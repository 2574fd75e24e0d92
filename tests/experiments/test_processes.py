"""Experiments in real processes: the same bits, workers that are killed, nothing left behind."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from experiments_with_one_law import by_residuals
from experiments_with_one_law import items as readings
from parabolas import Dies, Parabola, Slow, centres, where

import pcl
from pcl.execute.processes import Processes
from pcl.experiments.errors import ExperimentError

THETA = np.array([0.3, -0.2])


@pytest.fixture(scope="module")
def two():
    workers = Processes(2, timeout=120.0)
    yield workers
    workers.close()


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return file.read().rsplit(")", 1)[1].split()[0] != "Z"


def gone(pids, seconds=30.0):
    end = time.monotonic() + seconds
    while any(map(alive, pids)) and time.monotonic() < end:
        time.sleep(0.05)
    return not any(map(alive, pids))


def test_a_training_has_the_bits_of_one_process_and_two_of_its_workers_work(two):
    here = pcl.Problem.sum(by_residuals, readings())
    there = pcl.Problem.sum(by_residuals, readings(), two)
    np.testing.assert_array_equal(pcl.minimize(there).x, pcl.minimize(here).x)
    np.testing.assert_array_equal(there.hessian([1.7, 0.9]), here.hessian([1.7, 0.9]))
    pids = pcl.Problem.sum(where, centres(6), two).values(THETA)
    assert len(set(pids)) == 2 and os.getpid() not in pids
    np.testing.assert_array_equal(pids, pcl.Problem.sum(where, centres(6), two).values(THETA))


def test_a_killed_worker_changes_nothing(two, tmp_path):
    file = tmp_path / "once"
    items = [(centre, None) for centre in centres(8)]
    items[5] = (items[5][0], str(file))
    summed = pcl.Problem.sum(Dies, items, two)
    whole = pcl.Problem.sum(Parabola, centres(8))
    first = summed.value_and_gradient(THETA)
    file.touch()
    found = summed.value_and_gradient(THETA + 1.0)
    assert not file.exists()
    np.testing.assert_array_equal(found[1], whole.value_and_gradient(THETA + 1.0)[1])
    np.testing.assert_array_equal(first[1], whole.value_and_gradient(THETA)[1])


def test_a_worker_killed_from_outside_while_it_rests_is_replaced(two):
    summed = pcl.Problem.sum(where, centres(4), two)
    before = set(summed.values(THETA).astype(int).tolist())
    victim = min(before)
    os.kill(victim, signal.SIGKILL)
    assert gone([victim])
    after = set(summed.values(THETA + 1.0).astype(int).tolist())
    assert victim not in after and len(after & before) == 1


def test_an_experiment_that_kills_every_worker_is_named(two, tmp_path):
    file = tmp_path / "for good"
    file.touch()
    items = [(centres(2)[0], None), (centres(2)[1], str(file))]
    with pytest.raises(ExperimentError, match=r"experiment 1 \(item .*for good'\)\) died, three"):
        pcl.Problem.sum(Dies, items, two).value_and_gradient(THETA)


def test_no_answer_in_time_ends_the_workers():
    workers = Processes(1, timeout=120.0)
    pid = int(pcl.Problem.sum(where, [[0.0, 0.0]], workers).value(THETA))
    workers.timeout = 0.5
    summed = pcl.Problem.sum(Slow, [([0.0, 0.0], 60.0)], workers)
    with pytest.raises(TimeoutError, match="no worker answered for 0.5 s"):
        summed.value_and_gradient(THETA)
    assert gone([pid])


SCRIPT = """
import os, time
from pcl.execute.processes import Processes
workers = Processes(1)
print(next(workers.ordered(lambda item: os.getpid(), [0])), flush=True)
try:
    next(workers.ordered(time.sleep, [60.0]))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("blow", [signal.SIGINT, signal.SIGKILL])
def test_neither_ctrl_c_nor_a_kill_leaves_a_process_behind(blow):
    command = [sys.executable, "-c", SCRIPT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as script:
        worker = int(script.stdout.readline())
        time.sleep(1.0)
        if blow == signal.SIGINT:           # as a terminal does: to all of them
            os.killpg(script.pid, blow)
            assert script.stdout.readline() == "interrupted\n"
        else:
            script.kill()
        assert script.wait(60) == (0 if blow == signal.SIGINT else -signal.SIGKILL)
    assert gone([worker])
