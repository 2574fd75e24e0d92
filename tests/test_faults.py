"""Faults met through the public interface: refused in words, or survived with the best point kept.

A small coefficient problem throughout: −∇·(κ_θ ∇u) = 1 on the unit square, u = 0 on the boundary,
data at all nodes made with κ = 1 + x.
"""

import contextlib
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl
from pcl import factor
from pcl.training.run.status import Status

METHODS = ["trust-exact", "trust-krylov", "trust-ncg", "BFGS", "L-BFGS-B", "least-squares", "adam"]
SPACE = fem.Space(fem.unit_square(4), "P1")
NET = pcl.MLP([2, 5, 1])
Q = len(SPACE.quadrature_points)


def state(kappa):
    """u with −∇·(κ∇u) = 1, κ at quadrature points."""
    return fem.solve(SPACE.laplace(kappa), SPACE.load(1.0), dirichlet=0.0)


DATA = state(lambda x: 1.0 + x[:, 0]).numpy()


def problem(net=NET, shift=2.0, data=DATA, start=None):
    """Σ (u_θ − data)², κ_θ = net + shift."""
    def residuals(theta):
        return pcl.misfit(state(net(theta["net"], SPACE.quadrature_points)[:, 0] + shift), data)
    return pcl.Problem.from_residuals(residuals, {"net": net.init(0) if start is None else start})


# --- data ----------------------------------------------------------------------------------------
def test_nan_observations_are_refused_before_any_solve_with_count_and_first_index():
    data = DATA.copy()
    data[[5, 7]] = np.nan, np.inf
    with pytest.raises(pcl.NotFinite, match="observed has 2 of 25 .* first at index 5"):
        problem(data=data)


def test_float32_data_and_parameters_give_the_numbers_of_their_rounded_values():
    single, rounded = DATA.astype(np.float32), DATA.astype(np.float32).astype(np.float64)
    start = NET.init(0).astype(np.float32)
    one, two = problem(data=single, start=start), problem(data=rounded, start=start.astype(float))
    assert one.value(one.theta0) == two.value(two.theta0)
    for method in METHODS:
        a, b = (pcl.minimize(p, method, maxiter=2) for p in (one, two))
        assert a.x.dtype == a.jac.dtype == np.float64 and np.array_equal(a.x, b.x)


@pytest.mark.parametrize("dtype", [complex, object, str])
def test_data_that_are_not_real_numbers_are_refused_by_name(dtype):
    A, b, ones = SPACE.laplace(1.0), SPACE.load(1.0), np.ones(Q).astype(dtype)
    train = problem()
    for name, call in (
            ("observed", lambda: pcl.misfit(tf.ones(Q, tf.float64), ones)),
            ("weights", lambda: pcl.misfit(tf.ones(Q, tf.float64), np.ones(Q), ones)),
            ("kappa", lambda: SPACE.laplace(ones)), ("rho", lambda: SPACE.mass(ones)),
            ("f", lambda: SPACE.load(ones)), ("points", lambda: SPACE.observe(ones[:2][None])),
            ("the Dirichlet value", lambda: fem.solve(A, b, ones[:16])),
            ("b", lambda: fem.solve(A, ones[:25], 0.0)),
            ("theta", lambda: train.value(ones[:21])), ("v", lambda: train.hvp(NET.init(0), ones)),
            ("x0", lambda: pcl.minimize(train, x0=ones[:21]))):
        with pytest.raises(TypeError, match=f"^{name} has dtype .* expected real numbers"):
            call()


@pytest.mark.parametrize("method", METHODS[:6])
@pytest.mark.parametrize("unit", [1e12, 1e-12])
def test_the_unit_of_the_data_does_not_end_a_run_early(method, unit):
    """The loss is 24 decades larger or smaller: no absolute test may take it for converged."""
    def residuals(theta):
        kappa = NET(theta["net"], SPACE.quadrature_points)[:, 0] + 2.0
        return pcl.misfit(unit * state(kappa), unit * DATA)
    train = pcl.Problem.from_residuals(residuals, {"net": NET.init(0)})
    result = pcl.minimize(train, method, maxiter=4)
    assert result.status is Status.ITERATION_LIMIT and result.nit == 4
    assert result.fun < result.history.loss[0]


# --- equation ------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", [*METHODS[:3], "least-squares", "adam"])
def test_a_coefficient_that_leaves_kappa_above_zero_in_training_keeps_the_best_point(method):
    """Data of κ = 0.05 pull κ_θ to the edge κ > 0: many trial points lie beyond it."""
    train = problem(shift=1.2, data=state(0.05).numpy())
    options = {"learning_rate": 0.3} if method == "adam" else None
    result = pcl.minimize(train, method, maxiter=30, options=options)
    assert result.failed > 0 and "kappa is not positive" in result.message
    assert not result.success and result.fun < train.value(train.theta0)
    assert result.fun == pytest.approx(train.value(result.x), rel=1e-14)
    assert result.fun <= result.history.loss.min() * (1 + 1e-14)


def test_a_source_that_becomes_nan_in_training_is_a_failed_trial_and_at_the_start_an_error():
    """f = √a is NaN for a < 0; u is linear in f, so the best a is that of a linear regression."""
    unit = state(1.0).numpy()

    def loss(theta):
        u = fem.solve(SPACE.laplace(1.0), SPACE.load(tf.sqrt(theta["a"])), dirichlet=0.0)
        return tf.reduce_sum((u - DATA) ** 2)
    train = pcl.Problem(loss, {"a": 9.0})
    result = pcl.minimize(train, "BFGS")
    assert result.success and result.failed > 0
    assert result.x[0] == pytest.approx((unit @ DATA / (unit @ unit)) ** 2, rel=1e-6)
    with pytest.raises(pcl.InvalidCoefficient, match="f is not finite"):
        pcl.minimize(train, "BFGS", x0=[-1.0])


def test_derivatives_are_right_for_a_coefficient_over_twelve_decades():
    contrast = 10.0 ** np.linspace(-6, 6, Q)

    def loss(theta):
        kappa = contrast * tf.exp(NET(theta["net"], SPACE.quadrature_points)[:, 0])
        return tf.reduce_sum(state(kappa) ** 2)
    train = pcl.Problem(loss, {"net": NET.init(0)})
    assert pcl.check_gradient(train).ok and pcl.check_hessian(train).ok


def test_derivatives_are_right_for_an_unsymmetric_matrix_and_cholesky_refuses_it():
    def loss(theta, solver="superlu"):
        kappa = tf.exp(NET(theta["net"], SPACE.quadrature_points)[:, 0])
        A = SPACE.laplace(kappa) + SPACE.advection(np.tile([5.0, 3.0], (Q, 1)))
        return tf.reduce_sum(fem.solve(A, SPACE.load(1.0), 0.0, solver=solver) ** 2)
    assert pcl.check_hessian(pcl.Problem(loss, {"net": NET.init(0)})).ok
    pytest.importorskip("cholespy")
    with pytest.raises(ValueError, match="cholespy.*symmetric.*superlu"):
        loss({"net": tf.constant(NET.init(0))}, "cholespy")


def test_a_right_hand_side_that_is_not_finite_is_named():
    A = SPACE.laplace(1.0) + SPACE.mass(1.0)
    for b in (np.full(25, np.nan), tf.constant(np.full(25, np.inf))):
        with pytest.raises(pcl.NotFinite, match="right-hand side"):
            pcl.solve(A, b)


def test_long_steps_of_backward_euler_decay_without_oscillation():
    """From u = 1 inside; the step dt = NaN is named as an entry of the matrix."""
    M, K = SPACE.mass(1.0), SPACE.laplace(1.0)
    inner = np.ones(25)
    inner[SPACE.boundary_dofs()] = 0.0

    def march(dt):
        u = [inner]
        for _ in range(4):
            u.append(fem.solve(M + dt * K, M @ u[-1], dirichlet=0.0).numpy())
        return np.array(u)
    for dt in (0.1, 1.0, 1e6):
        u = march(dt)
        assert u.min() >= 0.0 and (np.diff(u.max(axis=1)) < 0).all()
    with pytest.raises(pcl.NotFinite, match="matrix has .* entries that are NaN"):
        march(np.nan)


# --- network -------------------------------------------------------------------------------------
def test_parameters_that_are_not_finite_are_refused_wherever_they_enter():
    bad, train = NET.init(0), problem()
    bad[3] = np.nan
    for call in (lambda: problem(start=bad), lambda: train.value(bad), lambda: train.hessian(bad),
                 lambda: train.hvp(NET.init(0), bad), lambda: pcl.minimize(train, x0=bad),
                 lambda: pcl.check_gradient(train, bad), lambda: NET.at(bad, np.zeros((1, 2)))):
        with pytest.raises(pcl.NotFinite, match="1 of 21 entries.*first at index 3"):
            call()


def test_a_saturated_coefficient_network_has_finite_derivatives_and_is_called_stationary():
    net = pcl.MLP([2, 5, 1], output=pcl.bounded(0.5, 2.0))
    train, theta = problem(net, shift=0.0), 1e6 * net.init(0)
    H = train.hessian(theta)
    assert np.isfinite(H).all() and np.array_equal(H, H.T)
    assert np.abs(train.gradient(theta)).max() < 1e-12
    for method in METHODS:
        result = pcl.minimize(train, method, x0=theta)
        assert result.status is Status.STATIONARY_START and "saturated" in result.message


def test_an_overflowing_exponential_coefficient_shortens_the_step():
    """log κ starts at 5; the first trust-region step of length 900 overflows e^z."""
    net = pcl.MLP([2, 5, 1], output=pcl.exponential())
    start = np.r_[net.init(0)[:-1], 5.0]
    result = pcl.minimize(problem(net, 0.0), "trust-exact", x0=start, maxiter=30,
                          options={"initial_trust_radius": 900.0})
    assert result.failed > 0 and result.fun < 1e-3 * result.history.loss[0]
    start[-1] = 800.0
    with pytest.raises(pcl.NotFinite, match="network's value is .*inf.* at point 0"):
        pcl.minimize(problem(net, 0.0), x0=start)


def test_coordinates_of_a_million_metres_keep_the_derivatives_right():
    space = fem.Space(fem.rectangle(4, 4, upper=(1e6, 1e6)))

    def loss(theta):
        kappa = tf.exp(NET(theta["net"], space.quadrature_points)[:, 0])
        u = fem.solve(space.laplace(kappa), space.load(1.0), dirichlet=0.0)
        return 1e-24 * tf.reduce_sum(u ** 2)        # u is of order L² = 1e12
    train = pcl.Problem(loss, {"net": NET.init(0)})
    assert pcl.check_gradient(train).ok and pcl.check_hessian(train).ok


@pytest.mark.parametrize("method", METHODS)
def test_training_twice_in_one_process_gives_the_same_bits(method):
    one, other = problem(), problem(data=1.1 * DATA)
    first = pcl.minimize(one, method, maxiter=4)
    again = pcl.minimize(one, method, maxiter=4, callback=lambda s: other.gradient(s.theta))
    fresh = pcl.minimize(problem(), method, maxiter=4)
    for result in (again, fresh):
        assert np.array_equal(first.x, result.x)
        assert np.array_equal(first.history.loss, result.history.loss)


def test_spaces_matrices_and_observations_survive_pickling():
    A, observed = SPACE.laplace(1.0), SPACE.observe([[0.3, 0.4]])
    restored = pickle.loads(pickle.dumps(SPACE))
    assert np.array_equal(restored.laplace(1.0).to_scipy().toarray(), A.to_scipy().toarray())
    again = pickle.loads(pickle.dumps(observed))
    assert np.array_equal(again.matrix.toarray(), observed.matrix.toarray())


# --- training ------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["trust-exact", "trust-krylov", "trust-ncg", "BFGS", "adam"])
def test_a_start_from_which_every_step_fails_ends_soon_at_the_start(method):
    """κ = a at the start a = 1, and −1 everywhere else."""
    def loss(theta):
        a = theta["a"]
        return tf.reduce_sum(state(tf.where(a == 1.0, a, -1.0)) ** 2)
    result = pcl.minimize(pcl.Problem(loss, {"a": 1.0}), method, maxiter=100)
    assert result.status in (Status.RADIUS_COLLAPSED, Status.LINE_SEARCH_FAILED)
    assert result.x[0] == 1.0 and 0 < result.failed < 100


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_during_a_factorisation_returns_the_best_point(method, monkeypatch):
    train, calls, real = problem(), [], factor.factorise

    def interrupted(*arguments):
        calls.append(None)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)
        return real(*arguments)
    monkeypatch.setattr("pcl.factor.cache.factorise", interrupted)
    result = pcl.minimize(train, method)
    assert result.status is Status.INTERRUPTED and not result.success
    assert result.fun <= result.history.loss.min() * (1 + 1e-14)
    assert result.fun == pytest.approx(problem().value(result.x), rel=1e-14)
    usable = train.hessian(result.x)
    assert np.array_equal(usable, problem().hessian(result.x))


# --- environment ---------------------------------------------------------------------------------
@contextlib.contextmanager
def address_space(extra):
    """At most `extra` bytes more than are in use now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_hessian_that_does_not_fit_is_a_memory_error_and_the_problem_stays_usable():
    """50,000 parameters: 20 GB. Products with the Hessian need none of it."""
    train = pcl.Problem(lambda t: tf.reduce_sum((t["a"] - 1.0) ** 2), {"a": np.zeros(50_000)})
    v = np.ones(50_000)
    train.hvp(train.theta0, v)
    with address_space(2_000_000_000):
        with pytest.raises(MemoryError, match="needs 40 GB|18.6 GiB"):
            train.hessian(train.theta0)
        with pytest.raises(MemoryError) as caught:
            pcl.minimize(train, "trust-exact")
        assert caught.value.partial_result.fun == 50_000.0
        assert np.array_equal(train.hvp(train.theta0, v), 2.0 * v)
        assert pcl.minimize(train, "trust-ncg").fun < 1e-8


@pytest.mark.parametrize("shared", [False, True])
def test_training_from_several_threads_gives_the_serial_results(shared):
    common, found = problem(), {}

    def train(seed):
        own = common if shared else problem()
        found[seed] = pcl.minimize(own, "BFGS", NET.init(seed), maxiter=5).x
    threads = [threading.Thread(target=train, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(3):
        alone = pcl.minimize(problem(), "BFGS", NET.init(seed), maxiter=5).x
        assert np.array_equal(found[seed], alone)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float32"])
def test_the_precision_policy_of_keras_does_not_reach_the_library(policy):
    import keras
    before = keras.config.dtype_policy(), keras.config.floatx()
    expected = {m: pcl.minimize(problem(), m, maxiter=2).x for m in ("trust-exact", "adam")}
    try:
        keras.config.set_dtype_policy(policy)
        keras.config.set_floatx("float16")
        for method, x in expected.items():
            assert np.array_equal(pcl.minimize(problem(), method, maxiter=2).x, x)
    finally:
        keras.config.set_dtype_policy(before[0])
        keras.config.set_floatx(before[1])


def test_floating_point_errors_set_to_raise_do_not_disturb_training():
    expected = pcl.minimize(problem(), maxiter=3).x
    with np.errstate(divide="raise", over="raise", invalid="raise"):
        assert np.array_equal(pcl.minimize(problem(), maxiter=3).x, expected)


_ELSEWHERE = """
import os, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from tests import test_faults as t
train = t.problem()
x = train.theta0
np.savez("räsült.npz", g=train.gradient(x), H=train.hessian(x), J=train.jacobian(x))
assert os.listdir() == ["räsült.npz"]
"""


def test_another_directory_thread_count_and_onednn_setting_give_the_same_derivatives(tmp_path):
    """Two BLAS threads sum in another order: 1e-10, relative to the largest entry."""
    place = tmp_path / "päth with spaces"
    place.mkdir()
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "2", "TF_ENABLE_ONEDNN_OPTS": "0",
                   "HOME": "/nonexistent", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONUTF8": "1"}
    subprocess.run([sys.executable, "-B", "-c", _ELSEWHERE, root], cwd=place, env=environment,
                   check=True)
    train = problem()
    with np.load(place / "räsült.npz") as found:
        for name, here in (("g", train.gradient), ("H", train.hessian), ("J", train.jacobian)):
            expected = here(train.theta0)
            assert np.abs(found[name] - expected).max() <= 1e-10 * np.abs(expected).max()
