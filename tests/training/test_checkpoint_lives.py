"""A run that lives for short times only, killed without warning each time, still gets on."""

import time

import numpy as np
import pytest
from small_problems import Scalar

from benchmarks import lives
from pcl.training.checkpoint import session
from pcl.training.minimize import minimize


class Killed(Exception):
    """What the test raises in the place of kill -9: nothing is written after it."""


def slow(seconds):
    """A long valley of 30 parameters whose evaluations take `seconds`."""
    def both(t):
        time.sleep(seconds)
        a, b = t[1:] - t[:-1]**2, 1.0 - t[:-1]
        g = np.zeros(t.size)
        g[1:] += 200.0 * a
        g[:-1] -= 400.0 * t[:-1] * a + 2.0 * b
        return 100.0 * a @ a + b @ b, g
    problem = Scalar(np.full(30, -1.0), lambda t: both(t)[0], lambda t: both(t)[1], None)
    problem.value_and_gradient = both
    del problem.hessian
    return problem


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "hand-over"])
def test_at_least_six_tenths_of_the_iterations_of_a_life_are_kept(method, tmp_path, monkeypatch):
    # lives of ten checkpoint intervals; a file takes a twentieth of a life to write
    life, write = 2.0, session.write

    def slow_write(*content):
        time.sleep(0.05 * life)
        write(*content)
    monkeypatch.setattr(session, "write", slow_write)
    monkeypatch.setattr(session.Session, "finish", lambda self, status: None)
    path, before = tmp_path / "run.npz", 0
    for _ in range(3):
        reached, end = [before], time.monotonic() + life

        def kill(snapshot, reached=reached, end=end):
            reached.append(snapshot.iteration)
            if time.monotonic() > end:
                raise Killed
        with pytest.raises(Killed):
            minimize(slow(0.02), method, maxiter=10**6, gtol=0.0, ftol=0.0, callback=kill,
                     checkpoint=path, checkpoint_seconds=0.1 * life,
                     resume=path if path.exists() else None)
        kept = len(session.read_checkpoint(path).history) - 1
        done = reached[-1] - before
        assert done > 5 and kept - before >= 0.6 * done
        before = kept


def test_the_benchmark_counts_what_a_killed_process_did_and_what_it_left():
    row, = lives.main(["--methods", "levenberg-marquardt", "--lives", "1", "--life", "3",
                       "--seconds", "0.1"])
    assert 0 <= row["kept"] <= row["done"] and row["lives"] == 1
