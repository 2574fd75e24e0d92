"""Adversarial cases for the second-order engine: each states what must hold for any loss.

Oracles are nested tapes through the same loss outside a Problem, dense algebra written from the
equations, and closed forms. Systems are tiny, so that every difference is an error of the engine.
"""

import threading

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from oracles import by_tapes, flat_loss

import pcl
from pcl import factor
from pcl.engine.glue import probe
from pcl.engine.second import streamed

N = 6
H = 1.0 / (N + 1)
DIFFERENCE = sp.diags_array([np.ones(N), -np.ones(N)], offsets=[0, -1], shape=(N + 1, N)) / H
CHAIN = pcl.Structure(DIFFERENCE * H, DIFFERENCE)
B = np.linspace(1.0, 2.0, N)
FIELD = {"k": 1.0 + 0.3 * np.random.default_rng(5).random(N + 1)}
CELLS = ((np.arange(N + 1) + 0.5) / (N + 1))[:, None]
NET = pcl.MLP([1, 4, 1])


def stiffness(c):
    """−(c u')' on N + 1 cells of [0, 1] with zero ends."""
    return pcl.SparseMatrix.from_structure(CHAIN, c)


def unit_solve(y):
    return pcl.solve(stiffness(1.0), y)


def state(k):
    return pcl.solve(stiffness(tf.exp(k)), B)


def check(loss, blocks, thetas=(), rtol=1e-11):
    """Value, gradient, Hessian and a product equal those of tapes; the Hessian is symmetric."""
    problem = pcl.Problem(loss, blocks)
    rng = np.random.default_rng(0)
    near = problem.theta0 + 0.03 * rng.normal(size=problem.size)
    for theta in [*thetas] or [problem.theta0, near]:
        value, gradient, hessian = by_tapes(flat_loss(loss, problem), theta, vectorised=False)
        v, scale = rng.normal(size=problem.size), np.abs(hessian).max()
        computed = problem.hessian(theta)
        assert problem.value(theta) == pytest.approx(value, rel=rtol, abs=1e-300)
        np.testing.assert_allclose(problem.gradient(theta), gradient, rtol=0,
                                   atol=rtol * np.abs(gradient).max())
        np.testing.assert_allclose(computed, hessian, rtol=0, atol=rtol * scale)
        np.testing.assert_allclose(computed, computed.T, rtol=0, atol=1e-13 * scale)
        np.testing.assert_allclose(problem.hvp(theta, v), hessian @ v, rtol=0,
                                   atol=rtol * scale * problem.size)
    return problem


# --- losses that are linear in a state ------------------------------------------------------
@pytest.mark.parametrize("loss", [
    lambda t: tf.reduce_sum(state(t["k"])),
    lambda t: state(t["k"])[2],
    lambda t: tf.tensordot(t["k"][:N], unit_solve(t["k"][:N] * 2.0), 1),
    lambda t: tf.reduce_sum(pcl.solve_nonlinear(
        lambda u: stiffness(t["k"]) @ u + u - B, np.zeros(N))),
], ids=["sum", "entry", "bilinear", "implicit"])
def test_hessian_of_a_loss_linear_in_the_state(loss):
    check(loss, FIELD)


# --- glue whose Jacobian is constant but which is not affine --------------------------------
@pytest.mark.parametrize("glue", [
    lambda x: x + tf.cast(x > 1.0, tf.float64),
    lambda x: x + tf.round(x),
    lambda x: x + tf.where(x > 1.0, tf.constant(5.0, tf.float64), tf.constant(2.0, tf.float64)),
    lambda x: x + tf.stop_gradient(tf.sin(x) - x),
    lambda x: tf.stop_gradient(x ** 2),
    lambda x: x + tf.stop_gradient(1.0 / x),
    lambda x: x * tf.cast(tf.size(tf.where(x > 1.0)), tf.float64),
    lambda x: 0.0 * x + 1.0,
], ids=["indicator", "round", "where", "straight-through", "stopped", "pole at zero",
        "dynamic size", "zero slope"])
def test_piecewise_constant_parts_of_glue_are_seen_at_every_theta(glue):
    """J may be the same everywhere without a(x) being J x + a(0)."""
    check(lambda t: tf.reduce_sum(unit_solve(glue(t["x"])) ** 2), {"x": np.linspace(0.2, 1.7, N)},
          [np.linspace(0.2, 1.7, N), np.linspace(0.9, 2.9, N)])


def test_residuals_are_the_function_that_was_given_where_its_jacobian_is_constant():
    start, other = np.linspace(0.2, 1.7, N), np.linspace(0.9, 2.9, N)
    problem = pcl.Problem.from_residuals(lambda t: t["x"] + tf.cast(t["x"] > 1.0, tf.float64),
                                         {"x": start})
    for x in (start, other):
        np.testing.assert_allclose(problem.residuals(x), x + (x > 1.0), rtol=1e-15)
        assert problem.value(x) == pytest.approx(np.sum(problem.residuals(x) ** 2), rel=1e-14)


def test_glue_that_is_pointwise_at_one_theta_and_not_at_another():
    x = np.linspace(0.0, 1.0, N)
    check(lambda t: tf.reduce_sum(unit_solve(tf.where(
        t["x"] > 0.5, tf.sin(t["x"]), t["x"] ** 2 * tf.reduce_sum(t["x"]))) ** 2), {"x": x},
        [0.6 + 0.4 * x, 0.4 * x, 0.6 + 0.4 * x, x])


# --- small couplings ------------------------------------------------------------------------
@pytest.mark.parametrize("coupling", [1e-9, 1e-11, 1e-13, 1e-15])
def test_a_small_coupling_between_quantities_of_different_units_is_not_dropped(coupling):
    """r = (x₀ + c x₁, c x₁) with x₁ = 1/c: in scaled unknowns the Jacobian is [[1, 1], [0, 1]]."""
    def residuals(t):
        return tf.stack([t["x"][0] + coupling * t["x"][1], coupling * t["x"][1]])
    x = np.array([1.0, 1.0 / coupling])
    problem = pcl.Problem.from_residuals(residuals, {"x": x})
    np.testing.assert_allclose(problem.residuals(x), [2.0, 1.0], rtol=1e-14)
    np.testing.assert_allclose(problem.jacobian(x) * x, [[1.0, 1.0], [0.0, 1.0]], rtol=1e-12)
    np.testing.assert_allclose(problem.hessian(x) * np.outer(x, x), [[2.0, 2.0], [2.0, 4.0]],
                               rtol=1e-12)


def test_rounding_in_a_pointwise_derivative_does_not_make_it_dense(monkeypatch):
    """Where f' is a difference of two large terms, J r and diag(J) r differ by rounding alone."""
    sizes = []
    explicit = probe.explicit
    monkeypatch.setattr("pcl.engine.glue.piece.explicit",
                        lambda f, b, m, n: sizes.append((m, n)) or explicit(f, b, m, n))
    monkeypatch.setattr(probe, "EXPLICIT", 10_000)
    n = 3000
    twice = pcl.LinearMap(2.0 * sp.eye_array(n))
    problem = pcl.Problem(
        lambda t: tf.reduce_sum((twice @ (t["x"] * (1.0 - t["x"]) * (t["x"] - 0.3))) ** 2),
        {"x": np.linspace(0.0, 1.0, n)})
    problem.hvp(problem.theta0, np.ones(n))
    assert sizes == []


# --- pieces of glue that look alike ---------------------------------------------------------
def test_pieces_with_different_custom_gradients_are_not_shared():
    def scaled(factor_):
        @tf.custom_gradient
        def identity(y):
            return tf.identity(y), lambda bar: factor_ * bar
        return identity

    def loss(t):
        u = state(t["k"])
        return sum(tf.reduce_sum(unit_solve(scaled(c)(u)) ** 2) for c in (1.0, 5.0))
    problem = pcl.Problem(loss, FIELD)
    _, gradient, _ = by_tapes(flat_loss(loss, problem), problem.theta0, vectorised=False)
    np.testing.assert_allclose(problem.gradient(problem.theta0), gradient, rtol=1e-12)


def test_pieces_whose_float_constants_fix_different_shapes_are_not_shared():
    def loss(t):
        u = state(t["k"])
        total = 0.0
        for length in (3.0, 5.0):
            s = tf.reduce_sum(u[0] * tf.range(0.0, length, 1.0, dtype=tf.float64))
            total += tf.reduce_sum(unit_solve(tf.fill((N,), s)) ** 2)
        return total
    check(loss, FIELD)


def test_pieces_that_differ_in_integers_attributes_or_captured_tensors_are_not_shared():
    captured = [tf.constant(2.0, tf.float64), tf.constant(B), tf.Variable(B + 1.0), B + 2.0]

    def loss(t):
        u, total = state(t["k"]), 0.0
        for shift in range(3):
            total += tf.reduce_sum(unit_solve(tf.roll(u, shift, 0) * u) ** 2)
        for options in ({}, {"exclusive": True}, {"reverse": True}):
            total += tf.reduce_sum(unit_solve(tf.cumsum(u, **options)) ** 2)
        for c in captured:
            total += tf.reduce_sum(unit_solve(tf.sin(u * c)) ** 2)
        return total
    check(loss, FIELD)


# --- what a loss may contain ----------------------------------------------------------------
@pytest.mark.parametrize("f", [
    tf.sin, tf.square, tf.math.log, tf.math.erf, tf.nn.gelu, tf.math.lgamma, tf.math.atanh,
    lambda x: tf.math.squared_difference(x, x[::-1]), lambda x: tf.math.atan2(x, x + 1.0),
    lambda x: tf.cond(x[0] > 0.25, lambda: tf.sin(x), lambda: x ** 3),
    lambda x: tf.while_loop(lambda i, y: i < 3, lambda i, y: (i + 1, tf.sin(y) + x), (0, x))[1],
    lambda x: tf.math.real(tf.signal.ifft(tf.signal.fft(tf.cast(x, tf.complex128)) ** 2)),
    lambda x: tf.linalg.solve(tf.linalg.diag(x + 1) + tf.einsum("i,j->ij", x, x), x[:, None])[:, 0],
], ids=["sin", "square", "log", "erf", "gelu", "lgamma", "atanh", "squared difference", "atan2",
        "cond", "while", "fft", "dense solve"])
def test_glue_in_front_of_a_solve_and_in_the_loss(f):
    def loss(t):
        z = unit_solve(f(t["x"])[:N])
        return tf.reduce_sum(z ** 2) + tf.reduce_sum(f(0.2 + 0.05 * tf.nn.tanh(z)))
    check(loss, {"x": 0.1 + 0.1 * np.arange(1, N + 1)})


def test_observations_picked_by_a_mask_are_residuals():
    mask = np.array([True, False, True, True, False, True])
    picked = pcl.Problem.from_residuals(lambda t: tf.boolean_mask(state(t["k"]), mask), FIELD)
    gathered = pcl.Problem.from_residuals(
        lambda t: tf.gather(state(t["k"]), np.flatnonzero(mask)), FIELD)
    theta = picked.theta0
    np.testing.assert_allclose(picked.jacobian(theta), gathered.jacobian(theta), rtol=1e-12)


def test_empty_pieces_count_nothing():
    def loss(t):
        u = pcl.solve(stiffness(t["k"]), tf.concat([B, t["empty"]], axis=0))
        none = pcl.solve(stiffness(t["k"]), tf.zeros((N, 0), tf.float64) * t["k"][0])
        return tf.reduce_sum(u ** 2) + tf.reduce_sum(u[:0] ** 2) + tf.reduce_sum(none)
    check(loss, {**FIELD, "empty": np.zeros(0), "unused": np.ones((2, 3))})


def test_a_derivative_taken_inside_the_loss_is_right_or_refused():
    """y = x N(x): a tape that sees the network as a constant would give N instead of N + x N'."""
    def loss(t):
        points = tf.constant(CELLS)
        with tf.GradientTape() as tape:
            tape.watch(points)
            y = NET(t["net"], points) * points
        return tf.reduce_sum((tape.gradient(y, points) - 1.0) ** 2)
    params = {"net": NET.init(1)}
    expected = float(loss({"net": tf.constant(params["net"])}))
    try:
        problem = pcl.Problem(loss, params)
    except (ValueError, TypeError, NotImplementedError, LookupError):
        return
    assert problem.value(problem.theta0) == pytest.approx(expected, rel=1e-12)


def test_a_captured_variable_means_the_same_in_value_gradient_and_hessian():
    """Read once at construction or at every evaluation, but all derivatives of one function."""
    c = tf.Variable(2.0, dtype=tf.float64)

    def loss(t):
        u = pcl.solve(stiffness(c * t["k"]), tf.cumsum(c * B * t["k"][1:]))
        return c ** 3 * tf.reduce_sum(u ** 2)
    problem = pcl.Problem(loss, FIELD)
    theta = problem.theta0
    problem.hessian(theta)
    c.assign(3.0)
    theta, v = theta + 1e-3, np.linspace(-1.0, 1.0, N + 1)
    slope = (problem.value(theta + 1e-5 * v) - problem.value(theta - 1e-5 * v)) / 2e-5
    bend = (problem.gradient(theta + 1e-5 * v) - problem.gradient(theta - 1e-5 * v)) / 2e-5
    assert problem.gradient(theta) @ v == pytest.approx(slope, rel=1e-7)
    np.testing.assert_allclose(problem.hessian(theta) @ v, bend, rtol=1e-6, atol=1e-8)


def test_arrays_changed_after_construction_do_not_change_the_problem():
    b, matrix = B.copy(), sp.csr_array(np.eye(N))
    observe = pcl.LinearMap(matrix)
    problem = pcl.Problem(
        lambda t: tf.reduce_sum((observe @ pcl.solve(stiffness(t["k"]), b)) ** 2), FIELD)
    value = problem.value(problem.theta0)
    b[:] = 0.0
    matrix.data[:] = 7.0
    assert problem.value(problem.theta0 * (1.0 + 1e-14)) == pytest.approx(value, rel=1e-10)


@pytest.mark.parametrize("enter", [
    lambda: pcl.solve(stiffness(1.0), B + 1j),
    lambda: stiffness((1.0 + 1j) * np.ones(N + 1)) @ B,
    lambda: pcl.SparseMatrix.from_scipy(sp.csr_array(np.eye(N) * (1.0 + 2j))) @ B,
    lambda: pcl.LinearMap(np.eye(N) * 1j) @ B,
], ids=["right-hand side", "coefficient", "matrix", "map"])
def test_complex_data_are_refused(enter):
    with pytest.raises(TypeError):
        enter()


# --- networks of networks -------------------------------------------------------------------
@pytest.mark.slow
@pytest.mark.parametrize("limits", [{}, {"points": 30}, {"explicit": 3}],
                         ids=["plain", "blocks", "operators"])
def test_parameters_of_a_network_from_networks_and_solves(monkeypatch, limits):
    """The same Hessian with the Jacobian in many blocks, and with glue as operators only."""
    monkeypatch.setattr(streamed, "BLOCK_ENTRIES", limits.get("points", streamed.BLOCK_ENTRIES))
    monkeypatch.setattr(probe, "EXPLICIT", limits.get("explicit", probe.EXPLICIT))
    inner = pcl.MLP([2, 2, 1], activation="swish", output=pcl.softplus(0.1))
    hyper = pcl.MLP([2, 3, inner.size])

    def loss(t):
        params = hyper(t["hyper"], tf.reshape(t["z"], (1, 2)))[0] + t["offset"]
        a = NET(t["net"], CELLS)
        kappa = inner(params, tf.concat([a, CELLS], axis=1))[:, 0]
        u = pcl.solve(stiffness(kappa), B)
        kappa_of_u = inner(params, tf.stack([tf.concat([u, [0.0]], 0), kappa], 1))[:, 0]
        w = pcl.solve(stiffness(kappa_of_u), u * t["z"][0])
        glue = tf.reduce_sum(tf.cumsum(w * u)) + tf.reduce_logsumexp(kappa)
        return tf.reduce_sum((w - 0.1) ** 2) + glue
    blocks = {"hyper": 0.3 * hyper.init(1), "z": np.array([0.3, 0.8]), "net": NET.init(2),
              "offset": inner.init(3)}
    check(loss, blocks, [np.concatenate(list(blocks.values()))])


# --- equations ------------------------------------------------------------------------------
@pytest.mark.parametrize("start", [1e3, 1e6, 1e9, 1e12])
def test_newton_does_not_take_a_large_start_for_the_size_of_the_solution(start):
    """u³ + u = 10 has u = 2 wherever the iteration starts (or it says that it did not converge)."""
    problem = pcl.Problem(lambda t: tf.reduce_sum(
        pcl.solve_nonlinear(lambda u: u ** 3 + u - t["x"], [start])), {"x": [10.0]})
    try:
        value = problem.value(problem.theta0)
    except pcl.TrialFailure:
        return
    assert value == pytest.approx(2.0, abs=1e-12)
    assert problem.gradient(problem.theta0)[0] == pytest.approx(1 / 13, abs=1e-12)


def test_a_value_computed_inside_an_equation_and_used_outside_is_right_or_refused():
    def loss(t, shared):
        inside = []

        def equation(u):
            kappa = NET(t["net"], CELLS)[:, 0] + 2.0
            inside.append(kappa)
            return stiffness(kappa) @ u + u ** 3 - B
        u = pcl.solve_nonlinear(equation, np.zeros(N))
        kappa = inside[-1] if shared else NET(t["net"], CELLS)[:, 0] + 2.0
        return tf.reduce_sum(u ** 2) + tf.reduce_sum(kappa ** 2)
    params = {"net": NET.init(1)}
    expected = pcl.Problem(lambda t: loss(t, False), params)
    theta = expected.theta0
    try:
        gradient = pcl.Problem(lambda t: loss(t, True), params).gradient(theta)
    except ValueError:
        return
    np.testing.assert_allclose(gradient, expected.gradient(theta), rtol=1e-10)


# --- factorisations -------------------------------------------------------------------------
def test_equal_entries_in_different_patterns_are_different_matrices():
    def loss(t):
        places = [[0, 1, 2], [1, 0, 2], [0, 2, 1]]
        matrices = [pcl.SparseMatrix.from_entries(rows, [0, 1, 2], t["v"], (3, 3))
                    for rows in places]
        return sum(tf.reduce_sum(pcl.solve(A, [2.0, 3.0, 5.0]) ** 2 * [1.0, 2.0, 3.0])
                   for A in matrices)
    problem = check(loss, {"v": np.array([1.0, 2.0, 4.0])})
    before = problem.counts.factorisations
    problem.hessian(problem.theta0)
    problem.hvp(problem.theta0, np.ones(3))
    assert problem.counts.factorisations == before + 3


def test_cholesky_refuses_a_matrix_that_is_unsymmetric_where_its_entries_are_small():
    """Asymmetry is relative to the entries beside it, not to the largest entry of the matrix."""
    pytest.importorskip("cholespy")
    A = sp.csc_array(np.array([[1e6, 0.0, 0.0], [0.0, 2e-9, 1e-9], [0.0, 0.0, 2e-9]]))
    with pytest.raises(ValueError):
        factor.factorise(A, "cholespy")


@pytest.mark.parametrize("matrix", [np.diag([1.0, -1.0, 2.0]), [[1.0, 2.0], [2.0, 1.0]],
                                    [[0.0, 1.0], [1.0, 0.0]]])
def test_cholesky_refuses_an_indefinite_matrix(matrix):
    pytest.importorskip("cholespy")
    with pytest.raises(pcl.SingularMatrix):
        factor.factorise(sp.csc_array(np.array(matrix)), "cholespy")


def test_scaling_of_rows_does_not_make_a_permutation_singular():
    """Each unknown stands alone in one equation: the solution is exact for any scales."""
    scales = np.array([1e-20, 1e20, 3.0])
    A = sp.csc_array((scales, ([1, 0, 2], [0, 1, 2])), shape=(3, 3))
    x = factor.factorise(A).solve(A @ np.array([1.0, 2.0, 3.0]), False)
    np.testing.assert_allclose(x, [1.0, 2.0, 3.0], rtol=1e-15)


@pytest.mark.parametrize("seed", [21, 13, 2])
def test_symmetric_indefinite_systems_are_solved_as_accurately_as_by_partial_pivoting(seed):
    """Backward error of indefinite matrices with small diagonals: roundings, no pivot growth.

    Partial pivoting gives about 6e-15 here; a factor of 20 is left.
    """
    rng = np.random.default_rng(seed)
    n = 1500
    R = sp.random_array((n, n), density=3 / n, rng=rng)
    diagonal = 10.0 ** rng.uniform(-8, 0, n) * rng.choice([-1, 1], n)
    A = sp.csc_array(R + R.T + sp.diags_array(diagonal))
    b = A @ rng.normal(size=n)
    x = factor.factorise(A).solve(b, False)
    assert np.abs(A @ x - b).max() < 1e-13 * (abs(A) @ np.abs(x) + np.abs(b)).max()


def test_twelve_decades_of_a_coefficient_keep_the_hessian_exact():
    """Against the dense formula u = K⁻¹b, ∂²Σu²/∂k∂k by K's derivatives, k = log κ."""
    k = np.log(10.0) * np.linspace(-6.0, 6.0, N + 1)
    problem = pcl.Problem(lambda t: tf.reduce_sum(state(t["k"]) ** 2), {"k": k})
    D = DIFFERENCE.toarray()
    parts = [H * np.exp(c) * np.outer(d, d) for c, d in zip(k, D)]
    inverse = np.linalg.inv(sum(parts))
    u = inverse @ B
    first = [-inverse @ P @ u for P in parts]
    expected = np.empty((N + 1, N + 1))
    for i, P in enumerate(parts):
        for j, Q in enumerate(parts):
            second = -inverse @ (P @ first[j] + Q @ first[i] + (i == j) * (P @ u))
            expected[i, j] = 2.0 * (first[i] @ first[j] + u @ second)
    scale = np.abs(expected).max()
    np.testing.assert_allclose(problem.hessian(k), expected, rtol=0, atol=1e-9 * scale)


# --- several evaluations at once ------------------------------------------------------------
def test_two_problems_and_several_threads_do_not_disturb_each_other():
    one = pcl.Problem(lambda t: tf.reduce_sum(state(t["k"]) ** 2), FIELD)
    two = pcl.Problem(lambda t: tf.reduce_sum(state(2.0 * t["k"]) ** 3), FIELD)
    thetas = [one.theta0 + 0.1 * i for i in range(4)]
    expected = {(p, i): (p.value(t), p.gradient(t), p.hvp(t, t)) for p in (one, two)
                for i, t in enumerate(thetas)}
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(20):
            p, i = (one, two)[rng.integers(2)], int(rng.integers(4))
            got = p.value(thetas[i]), p.gradient(thetas[i]), p.hvp(thetas[i], thetas[i])
            if not all(np.array_equal(a, b) for a, b in zip(got, expected[p, i])):
                wrong.append((seed, i))
    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    assert wrong == []
