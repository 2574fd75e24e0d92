"""Many starts: one table, the same whoever trains them, and nothing that fails stops the others."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from pcl.training.run.status import Status
from pcl.training.starts import MultiStartResult, StartRecord, multi_start

ROOT = Path(__file__).resolve().parents[2]


class Rosenbrock:
    """(1 − x)² + 100 (y − x²)², started from a vector."""

    size, has_residuals = 2, False

    def __init__(self, theta0):
        self.theta0 = np.asarray(theta0, dtype=float)

    def value(self, t):
        if abs(t[0]) > 1e100:
            return np.nan
        return (1 - t[0]) ** 2 + 100 * (t[1] - t[0] ** 2) ** 2

    def gradient(self, t):
        if abs(t[0]) > 1e100:
            return np.full(2, np.nan)
        s = t[1] - t[0] ** 2
        return np.array([-2 * (1 - t[0]) - 400 * t[0] * s, 200 * s])

    def value_and_gradient(self, t):
        return self.value(t), self.gradient(t)

    def hessian(self, t):
        return np.array([[2 - 400 * t[1] + 1200 * t[0] ** 2, -400 * t[0]], [-400 * t[0], 200.0]])


def from_seed(seed):
    return Rosenbrock(np.random.default_rng(seed).normal(size=2))


def some_fail(seed):
    """Seed 1 cannot be made, 2 is no problem, 3 cannot be evaluated, 4 breaks in mid-run."""
    if seed == 1:
        raise OSError("no such mesh")
    problem = from_seed(seed)
    if seed == 3:
        problem.theta0 = np.array([1e300, 0.0])
    if seed == 4:
        problem.hessian = lambda t: np.eye(3)
    return None if seed == 2 else problem


def kills_its_process(seed):
    if seed == 1 and os.environ.get("OMP_NUM_THREADS") == "1":      # the tests' own process survives
        os.kill(os.getpid(), signal.SIGKILL)
    return from_seed(seed)


def tells_threads(seed):
    raise OSError(*[" ".join(os.environ.get(name, "-") for name in (
        "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"))])


def network_fit(seed):
    """TensorFlow is imported inside, after a process has set its threads."""
    import pcl
    net, x = pcl.MLP([1, 5, 1]), np.linspace(-1, 1, 8)[:, None]
    y = np.sin(np.pi * x[:, 0])
    return pcl.Problem.from_residuals(lambda theta: net(theta["u"], x)[:, 0] - y, {"u": net.init(seed)})


def same(one, other):
    return (np.array_equal(one.result.x, other.result.x) and one.loss == other.loss
            and one.status is other.status and one.iterations == other.iterations
            and np.array_equal(one.result.history.loss, other.result.history.loss))


def test_every_seed_is_trained_as_by_minimize_alone_and_the_best_is_kept():
    from pcl.training.minimize import minimize
    found = multi_start(from_seed, range(4), "BFGS", maxiter=12)
    alone = [minimize(from_seed(seed), "BFGS", maxiter=12, progress=False) for seed in range(4)]
    assert [run.loss for run in found.runs] == [r.fun for r in alone]
    assert [run.start for run in found.runs] == [0, 1, 2, 3]
    assert found.best.fun == min(r.fun for r in alone)
    assert found.failures == [] and not found.interrupted


def test_vectors_are_starts_of_one_problem():
    starts = [[-1.2, 1.0], [0.0, 0.0]]
    found = multi_start(lambda: Rosenbrock([9.0, 9.0]), starts, maxiter=1)
    for run, start in zip(found.runs, starts):
        assert run.result.history.loss[0] == Rosenbrock(start).value(start)


def test_failures_are_in_the_table_and_stop_nothing():
    found = multi_start(some_fail, range(6))
    assert [run.failed for run in found.runs] == [False, True, True, True, True, False]
    messages = [run.message for run in found.runs]
    assert messages[1] == "OSError: no such mesh"
    assert "NoneType without theta0" in messages[2] and "cannot be evaluated at the start" in messages[3]
    assert found.runs[4].status is Status.ERROR and "hessian has shape (3, 3)" in messages[4]
    assert found.best.fun < 1e-15
    assert len(found.failures) == 4 and "4 failed" in str(found)


def test_where_all_fail_there_is_no_best():
    found = multi_start(some_fail, [1, 2])
    assert found.best is None and "none can be used" in str(found)


def test_the_table_marks_the_best_and_tells_why_each_ended():
    lines = str(multi_start(from_seed, [7, 8], maxiter=2)).splitlines()
    assert len(lines) == 4 and sum(line.startswith("*") for line in lines) == 1
    assert "maxiter iterations are used up" in lines[1]
    columns = multi_start(from_seed, [7, 8], maxiter=2).as_dict()
    assert columns["iterations"] == [2, 2] and columns["status"] == [Status.ITERATION_LIMIT] * 2


def test_a_loss_that_is_not_finite_is_never_the_best():
    runs = [StartRecord(i, loss, Status.CONVERGED_LOSS, 1, 0.0, "", None)
            for i, loss in enumerate((np.nan, 2.0, 1.0, 1.0, -np.inf))]
    assert MultiStartResult(tuple(runs), False, 0.0).best_run is runs[2]


# --- processes -----------------------------------------------------------------------------------

def test_results_do_not_depend_on_the_number_of_processes():
    """TensorFlow is loaded in two processes; the rounding is the same with one thread everywhere."""
    found = multi_start(network_fit, [0, 1, 2], "least-squares", n_jobs=2, maxiter=20)
    assert [run.message for run in found.failures] == []
    alone = multi_start(network_fit, [0, 1, 2], "least-squares", n_jobs=1, maxiter=20)
    for one, other in zip(found.runs, alone.runs):
        np.testing.assert_allclose(one.result.history.loss[:3], other.result.history.loss[:3], rtol=1e-9)
        if os.environ.get("OPENBLAS_NUM_THREADS") == "1":
            assert same(one, other)


def test_processes_have_one_thread_each():
    found, = {run.message for run in multi_start(tells_threads, [0, 1], n_jobs=2).runs}
    assert found == "OSError: 1 1 1"


def test_failures_in_processes_are_those_of_one_process():
    found, alone = (multi_start(some_fail, range(6), n_jobs=n) for n in (2, 1))
    for one, other in zip(found.runs, alone.runs):
        assert one.message == other.message and (one.result is None or same(one, other))


def test_a_process_that_dies_costs_its_own_start_only():
    found = multi_start(kills_its_process, range(4), n_jobs=2)
    assert [run.failed for run in found.runs] == [False, True, False, False]
    assert "its process died" in found.runs[1].message


def test_lambdas_travel_and_problems_do_not():
    shift = np.array([0.5, 0.5])
    found = multi_start(lambda seed: Rosenbrock(shift * seed), [0, 1], n_jobs=2, maxiter=1)
    assert found.runs[1].result.history.loss[0] == Rosenbrock(shift).value(shift)
    lock = threading.Lock()
    with pytest.raises(TypeError, match="cannot be sent to another process"):
        multi_start(lambda seed: lock and from_seed(seed), [0, 1], n_jobs=2)


# --- Ctrl-C ----------------------------------------------------------------------------------------

def test_ctrl_c_keeps_what_is_finished():
    def interrupted(seed):
        if seed == 2:
            raise KeyboardInterrupt
        return from_seed(seed)
    found = multi_start(interrupted, range(4))
    assert found.interrupted and [run.failed for run in found.runs] == [False, False, True, True]
    assert "Not finished" in found.runs[3].message and "interrupted" in str(found)


def test_ctrl_c_inside_a_run_keeps_its_best_point_and_starts_no_other():
    def callback(snapshot):
        if snapshot.iteration == 2:
            raise KeyboardInterrupt
    found = multi_start(from_seed, range(3), callback=callback)
    assert found.interrupted and found.runs[0].status is Status.INTERRUPTED
    assert found.best is found.runs[0].result and found.runs[1].status is None


def test_ctrl_c_with_processes_returns_what_is_finished(tmp_path):
    """The signal goes to the whole group, as from a terminal."""
    script = textwrap.dedent("""
        import os, signal, sys, threading, time
        import numpy as np
        from pcl.training.starts import multi_start
        class Square:
            size, theta0 = 1, np.ones(1)
            def value(self, t): return float(t @ t)
            def gradient(self, t): return 2 * t
            def value_and_gradient(self, t): return self.value(t), 2 * t
            def hessian(self, t): return np.array([[2.0]])
        done = sys.argv[1]
        def make(seed):
            if seed == 0:
                open(done, "w").close()
                return Square()
            time.sleep(60)
        def interrupt():
            while not os.path.exists(done):
                time.sleep(0.05)
            time.sleep(1.0)
            os.killpg(0, signal.SIGINT)
        threading.Thread(target=interrupt, daemon=True).start()
        found = multi_start(make, range(4), n_jobs=2)
        print(found.interrupted, [run.failed for run in found.runs], found.best.fun)
        """)
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path / "done")], cwd=ROOT,
                          capture_output=True, text=True, timeout=60, start_new_session=True)
    assert done.stdout.startswith("True [False, True, True, True] "), done.stderr
    assert float(done.stdout.split()[-1]) < 1e-30           # a square of rounding
    assert "Traceback" not in done.stderr


# --- the door and the bar ----------------------------------------------------------------------------

def test_bad_arguments_are_refused_before_anything_runs():
    for arguments, error, text in (
            ((from_seed, []), ValueError, "starts is empty"),
            ((from_seed, 3), TypeError, "expected a sequence of seeds"),
            ((from_seed, [0, -1]), ValueError, r"starts\[1\] is -1"),
            ((from_seed, [0, 1.5]), ValueError, r"starts\[1\] is 1.5"),
            ((from_seed, [[0.0, np.nan]]), ValueError, r"starts\[0\] has 1 of 2"),
            ((from_seed(0), [0]), TypeError, "make_problem is a Rosenbrock"),
            ((from_seed, [0], "newton"), ValueError, "newton")):
        with pytest.raises(error, match=text):
            multi_start(*arguments)
    for options, error, text in (
            ({"n_jobs": 0}, ValueError, "n_jobs is 0"), ({"n_jobs": 1.5}, ValueError, "n_jobs is 1.5"),
            ({"maxitr": 3}, TypeError, "unknown argument 'maxitr'; known are bounds"),
            ({"x0": [1, 2]}, TypeError, "unknown argument 'x0'"),
            ({"checkpoint": "a"}, ValueError, "every start needs its own"),
            ({"options": {"etta": 1}, "method": "BFGS"}, ValueError, "etta"),
            ({"options": {"eta": 1}}, ValueError, "method is .auto."),
            ({"progress": 1}, TypeError, "progress")):
        with pytest.raises(error, match=text):
            multi_start(from_seed, [0], **options)


def test_the_bar_counts_starts_and_shows_the_best_loss(capsys):
    multi_start(some_fail, range(6), progress=True)
    shown = capsys.readouterr().err
    assert "6/6" in shown and "multi-start" in shown and "loss" in shown
