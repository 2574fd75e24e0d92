"""Runs on small problems: callbacks, interruptions, records, line searches that break down."""

import ast
import itertools
import os
import pathlib
import pickle
import signal
import threading
import time

import numpy as np
import pytest
import scipy.optimize
from small_problems import FAST, SCALAR, TRUST, Linear, Rosenbrock, Scalar

import pcl
from pcl.errors import NotFinite, TrialFailure
from pcl.training.minimize import minimize
from pcl.training.run.history import ROWS
from pcl.training.run.status import Status


# --- callbacks, interruption, records --------------------------------------------------------

@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_callbacks_get_the_same_immutable_snapshot_from_every_method(method):
    seen = []
    result = minimize(Rosenbrock(), method, callback=seen.append, maxiter=6)
    assert [s.iteration for s in seen] == list(range(1, result.nit + 1))
    history = result.history
    for s in seen:
        for name in ROWS:
            assert getattr(s, name) == getattr(history, name)[s.iteration]
        assert s.loss == pytest.approx(Rosenbrock().value(s.theta), rel=1e-14)
        with pytest.raises(AttributeError):
            s.loss = 0.0
        with pytest.raises(ValueError):
            s.theta[0] = 7.0
    assert not any(np.shares_memory(a.theta, b.theta) for a, b in itertools.pairwise(seen))


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_stop_iteration_stops_cleanly(method):
    def stop(snapshot):
        if snapshot.iteration == 3:
            raise StopIteration

    result = minimize(Rosenbrock(), method, callback=stop)
    assert result.status is Status.STOPPED_BY_CALLBACK and not result.success
    assert result.nit == 3 and result.fun == result.history.loss.min()


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_other_exceptions_pass_through_with_the_best_point_attached(method):
    def fail(snapshot):
        if snapshot.iteration == 3:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine") as caught:
        minimize(Rosenbrock(), method, callback=fail)
    partial = caught.value.partial_result
    assert partial.nit == 3 and partial.fun == Rosenbrock().value(partial.x)
    assert partial.fun < Rosenbrock().value(Rosenbrock().theta0)
    assert partial.status is Status.ERROR and not partial.success


@pytest.mark.parametrize("method", FAST)
@pytest.mark.parametrize("where", ["callback", "loss"])
def test_ctrl_c_returns_the_best_point(method, where):
    problem = Rosenbrock()

    def interrupt(*_):
        if len(problem.visited) == 9:
            signal.raise_signal(signal.SIGINT)

    if where == "loss":
        problem.admissible = lambda t: interrupt() is None
    result = minimize(problem, method, callback=interrupt if where == "callback" else None)
    assert result.status is Status.INTERRUPTED or where == "callback"
    assert result.fun == problem.value(result.x) <= result.history.loss.min()
    assert minimize(Rosenbrock(), method).success      # and everything still works


def test_ctrl_c_from_outside_is_answered_within_seconds():
    def endless(t):
        return float(t @ t) + 1e-3 * np.sin(1e3 * t).sum()

    problem = Scalar(np.ones(3), endless, lambda t: 2 * t + np.cos(1e3 * t),
                     lambda t: np.eye(3))
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    result = minimize(problem, "adam", maxiter=10**7, gtol=0, ftol=0)
    assert result.status is Status.INTERRUPTED and result.history.seconds[-1] < 5.0


def test_results_survive_pickling():
    result = minimize(Rosenbrock(), maxiter=5)
    again = pickle.loads(pickle.dumps(result))
    assert again.status is result.status and np.array_equal(again.x, result.x)
    assert np.array_equal(again.history.loss, result.history.loss)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_a_time_limit_is_kept_within_an_iteration(method):
    result = minimize(Rosenbrock(), method, max_seconds=0.02, gtol=0, ftol=0,
                      callback=lambda snapshot: time.sleep(0.015))
    assert result.status is Status.TIME_LIMIT and not result.success
    assert result.nit == np.count_nonzero(result.history.seconds[:-1] < 0.02) <= 2
    with pytest.raises(ValueError, match="max_seconds"):
        minimize(Rosenbrock(), method, max_seconds=-1.0)


def test_the_training_layer_imports_no_tensorflow():
    root = pathlib.Path(pcl.__file__).parent
    files = [*(root / "training").rglob("*.py"), *(root / "checks").glob("*.py")]
    assert len(files) > 12
    for file in files:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                module = node.module if isinstance(node, ast.ImportFrom) else node.names[0].name
                assert module.split(".")[0] not in ("tensorflow", "keras", "matplotlib", "tqdm")


def test_options_must_be_a_dict():
    with pytest.raises(TypeError, match="options"):
        minimize(Rosenbrock(), options=[("eta", 0.1)])


def test_a_callback_must_be_callable():
    with pytest.raises(TypeError, match="callback"):
        minimize(Rosenbrock(), callback=3)


@pytest.mark.parametrize("method", [*FAST, "adam"])
def test_history_records_every_iteration_from_the_start_on(method):
    problem = Rosenbrock()
    result = minimize(problem, method, maxiter=7)
    history = result.history
    assert len(history) == result.nit + 1 == 8
    assert history.loss[0] == problem.value(problem.theta0)
    assert history.gradient_norm[0] == pytest.approx(
        np.linalg.norm(problem.gradient(problem.theta0)))
    assert (np.diff(history.seconds) >= 0).all() and history.seconds[0] >= 0
    assert ((history.step > 0) == history.accepted)[1:].all()
    # work is counted from the beginning of the run, not of the process
    assert history.factorisations[0] == history.evaluations[0] == 1
    assert history.factorisations[-1] == result.nfev
    assert result.counts["evaluations"] == result.nfev
    if method in SCALAR:
        assert history.back_substitutions[-1] == result.njev
    assert set(history.as_dict()) == set(ROWS)
    assert all(len(column) == 8 for column in history.as_dict().values())


def test_rejected_steps_count_as_iterations_of_a_trust_region():
    history = minimize(Rosenbrock()).history
    rejected = np.flatnonzero(~history.accepted)
    assert rejected.size and (history.step[rejected] == 0).all()
    assert (history.loss[rejected] == history.loss[rejected - 1]).all()


def test_history_plots_against_both_axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    history = minimize(Rosenbrock()).history
    for against in ("iterations", "seconds"):
        ax = history.plot(against=against)
        assert ax.get_xlabel() == against and len(ax.lines[0].get_xdata()) == len(history)
    with pytest.raises(ValueError, match="against"):
        history.plot(against="time")
    with pytest.raises(AttributeError, match="gradient_norm"):
        print(history.gradients)
    matplotlib.pyplot.close("all")


def test_progress_is_shown_on_request_only(capsys):
    minimize(Rosenbrock())
    assert capsys.readouterr().err == ""
    minimize(Rosenbrock(), progress=True)
    assert "loss" in capsys.readouterr().err
    minimize(Rosenbrock(), progress=False)
    assert capsys.readouterr().err == ""
    with pytest.raises(TypeError, match="progress"):
        minimize(Rosenbrock(), progress="yes")


def test_two_runs_are_identical():
    a, b = minimize(Rosenbrock(), "BFGS"), minimize(Rosenbrock(), "BFGS")
    assert np.array_equal(a.x, b.x) and np.array_equal(a.history.loss, b.history.loss)


def test_every_status_is_a_sentence_with_a_remedy():
    texts = [status.value for status in Status]
    assert len(set(texts)) == len(texts)
    assert all(text[0].isupper() and text.endswith(".") and len(text) > 40 for text in texts)
    assert not any(Status[name].success for name in (
        "ITERATION_LIMIT", "EVALUATION_LIMIT", "RADIUS_COLLAPSED", "LINE_SEARCH_FAILED",
        "INTERRUPTED", "STOPPED_BY_CALLBACK", "STATIONARY_SADDLE"))


def test_evaluation_limits_are_no_success():
    for method, options in (("L-BFGS-B", {"maxfun": 5}), ("least-squares", {"max_nfev": 5})):
        result = minimize(Rosenbrock(), method, options=options)
        assert result.status is Status.EVALUATION_LIMIT and not result.success


# --- line searches that break down, extreme units, plateaus ----------------------------------

def only_the_start(theta0, value, gradient, hessian):
    """A loss that can be evaluated at its start alone."""
    def guarded(t):
        if not np.array_equal(t, theta0):
            raise TrialFailure("outside")
        return value(t)
    return Scalar(theta0, guarded, gradient, hessian)


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B"])
def test_where_every_step_fails_a_line_search_ends_at_its_start(method):
    start = np.array([1.0, 2.0])
    problem = only_the_start(start, lambda t: 5.0 + t @ t, lambda t: 2 * t,
                             lambda t: 2 * np.eye(2))
    result = minimize(problem, method)
    assert result.status in (Status.LINE_SEARCH_FAILED, Status.RADIUS_COLLAPSED)
    assert result.nit == 0 and result.failed < 200
    np.testing.assert_array_equal(result.x, start)


@pytest.mark.parametrize("method", ["L-BFGS-B"])
@pytest.mark.parametrize("answer", ["failed point", "current point"])
def test_a_point_scipy_accepts_though_it_failed_or_is_the_current_one_is_no_iteration(
        method, answer, monkeypatch):
    # what SciPy's line searches do when they break down: the last point tried, whatever it is
    def minimizer(fun, x0, jac, callback, **_):
        step = 1.0 if answer == "failed point" else 0.0
        fun(x0 + step), jac(x0 + step)
        callback(scipy.optimize.OptimizeResult(x=x0 + step))
        raise AssertionError("the iteration was accepted")

    monkeypatch.setattr(scipy.optimize, "minimize", minimizer)
    start = np.ones(2)
    problem = only_the_start(start, lambda t: 5.0 + t @ t, lambda t: 2 * t, None)
    result = minimize(problem, method)
    assert result.status is Status.LINE_SEARCH_FAILED and result.nit == 0


@pytest.mark.parametrize("largest", [1e-320, 1e-200, 1.0, 1e200, 1e308])
def test_the_norm_neither_overflows_nor_underflows(largest):
    from pcl.training.run.run import norm
    v = largest * np.array([0.6, -0.8])
    # 1e-320 is subnormal, a multiple of 5e-324
    assert norm(v) == pytest.approx(largest, rel=1e-3 if largest < 1e-300 else 1e-15)
    assert norm(np.zeros(3)) == 0.0 and norm(np.full(4, 1.7e308)) == np.inf


@pytest.mark.parametrize("method", [*FAST, "adam", "ssbfgs", "ssbroyden"])
@pytest.mark.parametrize("unit", [2.0**-560, 2.0**560])
def test_squares_of_gradients_beyond_double_precision_do_not_end_a_run(method, unit):
    # |g|² is 1e-336 or 1e+338, no double
    scipys = method in SCALAR and method != "BFGS"
    options = {"loss_scale": None} if scipys else None    # not on SciPy's own path
    plain, scaled = (minimize(Rosenbrock(unit=u), method, maxiter=60, options=options)
                     for u in (1.0, unit))
    np.testing.assert_allclose(scaled.x, plain.x, rtol=1e-9)
    assert scaled.status is plain.status and scaled.nit == plain.nit > 0


@pytest.mark.parametrize("method", [*SCALAR, "adam"])
def test_a_gradient_norm_beyond_double_precision_is_refused(method):
    g = np.full(4, 1.7e308)
    problem = Scalar(np.zeros(4), lambda t: 1.0, lambda t: g, lambda t: np.eye(4))
    with pytest.raises(NotFinite, match="gradient at x0 has norm inf.*rescale"):
        minimize(problem, method)


@pytest.mark.parametrize("algorithm", ["trf", "dogbox", "lm"])
@pytest.mark.parametrize("loss", ["linear", "huber"])
def test_residuals_in_any_unit_take_the_same_steps(algorithm, loss):
    if (algorithm, loss) == ("lm", "huber"):
        pytest.skip("SciPy's lm has no robust losses")

    def run(unit):
        options = {"algorithm": algorithm, "loss": loss, "f_scale": np.sqrt(unit)}
        return minimize(Rosenbrock(unit=unit), "least-squares", options=options)
    plain, scaled = run(1.0), run(2.0**500)     # |g| is 1e153
    assert plain.success and scaled.status is plain.status and scaled.nit == plain.nit
    np.testing.assert_array_equal(scaled.x, plain.x)


@pytest.mark.parametrize("method", [*SCALAR, "adam"])
@pytest.mark.parametrize("size", [2, 40])
def test_a_loss_that_does_not_see_theta_is_stationary_but_no_success(method, size):
    problem = Scalar(np.ones(size), lambda t: 3.0, lambda t: 0 * t,
                     lambda t: np.zeros((size, size)))
    result = minimize(problem, method)
    assert result.status is Status.STATIONARY_START and result.nit == 0 and not result.success
    assert "does not depend" in result.message


@pytest.mark.parametrize("method", TRUST)
@pytest.mark.parametrize("size", [2, 40])
def test_a_start_with_zero_gradient_and_positive_curvature_is_a_success(method, size):
    problem = Scalar(np.zeros(size), lambda t: 3.0 + t @ t, lambda t: 2 * t,
                     lambda t: 2 * np.eye(size))
    result = minimize(problem, method)
    assert result.status is Status.STATIONARY_START and result.success
    assert result.smallest_eigenvalue == pytest.approx(2.0, rel=1e-6)


def test_short_steps_are_not_taken_for_a_minimum():
    problem = Scalar([1e6], lambda t: float(t[0]), lambda t: np.ones(1), lambda t: np.eye(1))
    result = minimize(problem, "adam", maxiter=20, ftol=1e-8)   # a step changes it by 1e-9
    assert result.status is Status.ITERATION_LIMIT and not result.success


def test_a_hessian_whose_norm_overflows_ends_in_words_or_is_a_failed_trial():
    def hessian(t):
        return np.eye(2) * (1e300 if t[0] < bound else 2.0)
    problem = Scalar([1.0, 1.0], lambda t: t @ t, lambda t: 2 * t, hessian)
    bound = 2.0     # at the start
    assert minimize(problem, "trust-exact").status is Status.SUBPROBLEM_FAILED
    bound = 0.5     # at trial points: the best one was evaluated all the same
    result = minimize(problem, "trust-exact")
    assert result.failed > 0 and result.fun < 2.0 and result.x[0] < 1.0


def test_a_direction_of_nan_from_the_subproblem_is_its_failure(monkeypatch):
    def minimizer(fun, x0, hessp, **_):
        hessp(x0, np.full(2, np.nan))

    monkeypatch.setattr(scipy.optimize, "minimize", minimizer)
    result = minimize(Rosenbrock(), "trust-krylov")
    assert result.status is Status.SUBPROBLEM_FAILED and result.counts["hessian_products"] == 0


# --- interruptions late or in disguise -------------------------------------------------------

def test_ctrl_c_in_the_last_eigenvalue_keeps_the_result(monkeypatch):
    def interrupt(H):
        raise KeyboardInterrupt

    monkeypatch.setattr("scipy.linalg.eigvalsh", interrupt)
    result = minimize(Rosenbrock(), "trust-exact")
    assert result.status is Status.INTERRUPTED and result.smallest_eigenvalue is None
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


def test_ctrl_c_in_the_certificate_keeps_the_result():
    def interrupt(theta):
        raise KeyboardInterrupt

    problem = Rosenbrock()
    problem.certify = interrupt
    result = minimize(problem, certify=True)
    assert result.status is Status.INTERRUPTED and result.certificate is None
    np.testing.assert_allclose(result.x, 1.0, atol=1e-5)


def test_an_interrupt_that_compiled_code_turned_into_a_system_error_is_one():
    def failing(cause):
        def admissible(theta):
            if len(problem.visited) == 9:
                raise SystemError("returned a result with an exception set") from cause
            return True
        problem = Rosenbrock()
        problem.admissible = admissible
        return problem

    assert minimize(failing(KeyboardInterrupt()), "L-BFGS-B").status is Status.INTERRUPTED
    with pytest.raises(SystemError):
        minimize(failing(None), "L-BFGS-B")


# --- what is not a problem, and what does not fit --------------------------------------------

def test_what_is_no_problem_is_refused_in_a_sentence():
    for call in (minimize, pcl.check_gradient, pcl.check_hessian, pcl.check_jacobian):
        with pytest.raises(TypeError, match="problem is a NoneType without .*pcl.Problem"):
            call(None)
    with pytest.raises(TypeError, match="without certify"):
        minimize(Rosenbrock(), certify=True)


@pytest.mark.parametrize("bounds", [5, "ab", [("a", 1)] * 5, [([0, 1], 1)] * 5])
def test_bounds_that_are_no_numbers_are_refused_in_a_sentence(bounds):
    with pytest.raises((TypeError, ValueError), match="^bounds .*pair"):
        minimize(Linear(), "L-BFGS-B", bounds=bounds)


@pytest.mark.parametrize("options", [{"tr_options": 5}, {"x_scale": "big"}, {"x_scale": -1.0}])
def test_least_squares_options_of_the_wrong_kind_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        minimize(Linear(), "least-squares", options=options)


def test_memory_is_asked_for_before_the_work(monkeypatch):
    from pcl.support import memory
    assert 1e6 < memory.available() < 1e15
    monkeypatch.setattr(memory, "available", lambda: 22 * 10**9)
    memory.require(21e9, "the Hessian", "use trust-ncg")
    with pytest.raises(MemoryError, match="the Hessian needs 100 GB, but 22 GB are free; use"):
        memory.require(100e9, "the Hessian", "use trust-ncg")
    monkeypatch.setattr(memory, "available", lambda: None)
    memory.require(1e30, "the Hessian", "use trust-ncg")


@pytest.mark.parametrize("method, refused", [
    ("trust-exact", True), ("BFGS", True), ("trust-krylov", True), ("trust-ncg", False),
    ("L-BFGS-B", False)])
def test_methods_that_do_not_fit_into_memory_say_which_do(method, refused, monkeypatch):
    monkeypatch.setattr("pcl.support.memory.available", lambda: 10)
    if not refused:
        assert minimize(Rosenbrock(), method).success
        return
    with pytest.raises(MemoryError, match=f"{method} with 2 parameters.*use trust-ncg") as caught:
        minimize(Rosenbrock(), method)
    assert caught.value.partial_result.fun == Rosenbrock().value(Rosenbrock().theta0)


@pytest.mark.parametrize("method", ["trust-ncg", "trust-krylov", "BFGS", "levenberg-marquardt"])
def test_a_time_limit_acts_within_an_iteration(method):
    # an iteration takes many evaluations of 0.05 s, the run 0.2 s and one of them
    def asleep(name):
        plain = getattr(problem, name)

        def slow(*arguments):
            asked.append(name)
            time.sleep(0.05)
            return plain(*arguments)
        setattr(problem, name, slow)
    problem, asked = Rosenbrock(np.array([-1.2, 1.0])), []
    problem.admissible = lambda t: np.abs(t - problem.theta0).max() < 1e-9   # all trials fail
    for name in ("residuals", "hvp", "jacobian"):
        asleep(name)
    clock = time.perf_counter()
    result = minimize(problem, method, max_seconds=0.2, maxiter=10**6)
    assert result.status is Status.TIME_LIMIT and not result.success
    assert len(asked) <= 8 and time.perf_counter() - clock < 5.0
