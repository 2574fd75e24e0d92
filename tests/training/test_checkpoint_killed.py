"""Killed by the system at random moments and taken up again, a run ends bit for bit as if left alone."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from interrupted_runs import COLUMNS, NEVER, REQUIRED, Rosenbrock

from pcl.training.checkpoint import CheckpointError, read_checkpoint, session
from pcl.training.minimize import minimize

pytestmark = pytest.mark.usefixtures("at_every_iteration")


def killed(method, folder, moments, seed):
    """In a process of its own: kill a run at random moments, let it end, compare."""
    command = [sys.executable, __file__, method, str(folder), str(moments), str(seed)]
    here = pathlib.Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(here), "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("method", [method for method, _, _ in REQUIRED])
def test_killed_twice_and_resumed_it_ends_bit_identical(method, tmp_path):
    outcome = killed(method, tmp_path, 2, seed=0)
    assert outcome["same"] and outcome["killed"] >= 1 and outcome["damaged"] == 0


@pytest.mark.slow
@pytest.mark.parametrize("method", [method for method, _, _ in REQUIRED])
def test_killed_at_twenty_moments_it_ends_bit_identical(method, tmp_path):
    outcome = killed(method, tmp_path, 20, seed=1)
    assert outcome["same"] and outcome["killed"] >= 10 and outcome["damaged"] == 0


def _long_run(method, options, path, resume=None):
    # a killed process loses nothing that the system has taken, so fsync is not needed here
    session._SHARE, os.fsync = 0, lambda handle: None
    n = {"least-squares": 60, "adam": 200}.get(method, 80)
    pause = 0.001 if method == "adam" else 0.01
    result = minimize(Rosenbrock(60, pause=pause), method, options=options, maxiter=n, **NEVER,
                      checkpoint=path, checkpoint_seconds=0, resume=resume)
    np.savez(os.path.join(os.path.dirname(path), "end.npz"), x=result.x, **{
        name: getattr(result.history, name) for name in COLUMNS})


def _forked(*arguments):
    child = os.fork()
    if child == 0:
        try:
            _long_run(*arguments)
        finally:
            os._exit(0)
    return child


def _timed(method, options, path):
    """Seconds to the first file, and to the end, of a run that is left alone."""
    begun = time.monotonic()
    child = _forked(method, options, str(path))
    while not path.exists():
        time.sleep(1e-3)
    first = time.monotonic() - begun
    os.waitpid(child, 0)
    return first, time.monotonic() - begun


def _end(folder):
    with np.load(folder / "end.npz") as entries:
        return {name: entries[name] for name in entries.files}


def _kill_repeatedly(method, folder, moments, seed):
    options = {name: options for name, options, _ in REQUIRED}[method]
    rng, path = np.random.default_rng(seed), str(folder / "run.npz")
    first, whole = _timed(method, options, folder / "plain.npz")
    plain, counts = _end(folder), {"killed": 0, "damaged": 0}
    for _ in range(moments):    # one in four before the first file, the others spread over a run
        child = _forked(method, options, path, path if os.path.exists(path) else None)
        early = rng.uniform() < 0.25
        time.sleep(rng.uniform(0.0, first) if early else
                   first + rng.uniform(0.0, 2.0 / moments) * (whole - first))
        os.kill(child, signal.SIGKILL)
        counts["killed"] += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        try:
            os.path.exists(path) and read_checkpoint(path)
        except CheckpointError:
            counts["damaged"] += 1
    (folder / "end.npz").unlink()
    os.waitpid(_forked(method, options, path, path if os.path.exists(path) else None), 0)
    end = _end(folder)
    return counts | {"same": all(np.array_equal(plain[name], end[name]) for name in plain)}


if __name__ == "__main__":
    print(json.dumps(_kill_repeatedly(sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]),
                                      int(sys.argv[4]))))
