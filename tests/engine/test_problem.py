"""Problem: gradient, Hessian and products of ordinary TensorFlow losses with nodes inside."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from oracles import check_against_tapes
from small_problems import cell_centres, chain

import pcl


def test_hessian_of_a_closed_form():
    """(a + e)² in the field and scalar: H by hand."""
    problem = pcl.Problem(lambda t: tf.reduce_sum((t["a"] * tf.exp(t["s"])) ** 2),
                          {"a": np.array([1.0, 2.0]), "s": 0.5})
    e = np.exp(1.0)
    a = np.array([1.0, 2.0])
    expected = np.block([[2 * e * np.eye(2), 4 * e * a[:, None]], [4 * e * a[None], 4 * e * (a @ a)]])
    np.testing.assert_allclose(problem.hessian(problem.theta0), expected, rtol=1e-13)


def test_network_coefficient_in_a_solve():
    n, net = 9, pcl.MLP([1, 4, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)

    def loss(theta):
        A = pcl.SparseMatrix.from_structure(structure, net(theta["net"], x)[:, 0] + 0.1)
        return tf.reduce_sum(tf.cos(pcl.solve(A, np.ones(n))))
    check_against_tapes(loss, {"net": net.init(1)})


def test_two_networks_a_scalar_and_a_field_together():
    n = 7
    kappa, source = pcl.MLP([1, 3, 1], output="exp"), pcl.MLP([1, 3, 2])
    structure, x = chain(n), cell_centres(n)

    def loss(theta):
        f = source(theta["source"], x)
        k = kappa(theta["kappa"], x)[:, 0] * tf.exp(theta["field"]) + f[:, 1] ** 2
        A = pcl.SparseMatrix.from_structure(structure, k) * tf.exp(theta["scale"])
        u = pcl.solve(A, f[1:, 0] * theta["scale"])
        return tf.reduce_sum(u ** 2) + 0.1 * tf.reduce_mean(k ** 2) * tf.reduce_sum(u)
    check_against_tapes(loss, {"kappa": kappa.init(0), "source": source.init(2), "scale": 0.7,
                               "field": 0.1 * np.arange(n + 1.0)})


def test_network_of_the_state_in_a_time_loop():
    """Lagged coefficient κ(u): derivatives with respect to the network's inputs enter."""
    n, net = 6, pcl.MLP([1, 4, 1], output="softplus")
    structure = chain(n)
    average = pcl.LinearMap(sp.diags_array([np.ones(n), np.ones(n)], offsets=[0, -1],
                                           shape=(n + 1, n)) * 0.5)
    identity = pcl.SparseMatrix.from_scipy(sp.eye_array(n))

    def loss(theta):
        u = tf.sin(np.pi * cell_centres(n)[1:, 0]) * theta["amplitude"]
        for _ in range(3):
            k = net(theta["net"], (average @ u)[:, None])[:, 0]
            u = pcl.solve(identity + 0.01 * pcl.SparseMatrix.from_structure(structure, k), u)
        return tf.reduce_sum(u ** 4)
    check_against_tapes(loss, {"net": net.init(3), "amplitude": 1.5})


def test_parameters_of_a_network_may_be_computed():
    """Weights scaled by another block, and by a solve: no leaf of θ."""
    n, net = 5, pcl.MLP([1, 3, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)

    def loss(theta):
        u = pcl.solve(pcl.SparseMatrix.from_structure(structure, tf.exp(theta["field"])), np.ones(n))
        k = net(theta["net"] * tf.reduce_sum(u), x)[:, 0]
        v = pcl.solve(pcl.SparseMatrix.from_structure(structure, k), u)
        return tf.reduce_sum(v ** 2)
    check_against_tapes(loss, {"net": net.init(3), "field": np.zeros(n + 1)})


def test_glue_that_is_not_pointwise():
    """Cumulative sums, sorting-free reductions, matrix products between nodes."""
    n = 8
    structure = chain(n)
    mixing = np.random.default_rng(3).normal(size=(n + 1, n + 1)) / n

    def loss(theta):
        k = tf.exp(tf.linalg.matvec(mixing, tf.cumsum(theta["field"])))
        u = pcl.solve(pcl.SparseMatrix.from_structure(structure, k), np.ones(n))
        return tf.reduce_logsumexp(tf.cumsum(u) * 3.0) + tf.reduce_prod(k)
    check_against_tapes(loss, {"field": 0.1 * np.arange(n + 1.0)})


def test_glue_too_large_for_an_explicit_matrix(monkeypatch):
    monkeypatch.setattr("pcl.engine.glue.probe.EXPLICIT", 10)
    test_glue_that_is_not_pointwise()
    test_two_networks_a_scalar_and_a_field_together()


def test_a_plain_tensorflow_network_gives_the_same_hessian_as_the_node():
    n, net = 6, pcl.MLP([1, 4, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)

    def loss_with(network):
        def loss(theta):
            A = pcl.SparseMatrix.from_structure(structure, network(theta["net"], x)[:, 0])
            return tf.reduce_sum(pcl.solve(A, np.ones(n)) ** 2)
        return loss
    node, plain = (pcl.Problem(loss_with(f), {"net": net.init(5)}) for f in (net, net.tensorflow))
    theta = node.theta0
    np.testing.assert_allclose(plain.hessian(theta), node.hessian(theta), rtol=1e-9, atol=1e-14)


def march(steps, n=40, seed=0):
    net = pcl.MLP([1, 20, 20, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)
    identity = pcl.SparseMatrix.from_scipy(sp.eye_array(n))

    def loss(theta):
        A = identity + 1e-2 * pcl.SparseMatrix.from_structure(structure, net(theta["net"], x)[:, 0])
        u = np.sin(np.pi * x[1:, 0])
        for _ in range(steps):
            u = pcl.solve(A, u)
        return tf.reduce_sum(u ** 2)
    return pcl.Problem(loss, {"net": net.init(seed)})


def test_time_loop_uses_one_factorisation():
    problem = march(10)
    problem.hessian(problem.theta0)
    assert problem.counts.factorisations == 1


def test_memory_of_a_time_loop_does_not_grow_with_parameters_times_steps():
    """From 5 to 40 steps the peak grows by less than two sensitivity matrices (of 35)."""
    def peak(steps):
        problem = march(steps)
        problem.gradient(problem.theta0)
        problem.at(problem.theta0).plan
        tracemalloc.start()
        problem.hessian(problem.theta0)
        _, high = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return high
    one_sensitivity = 40 * march(1).size * 8
    assert peak(40) - peak(5) < 2 * one_sensitivity


def test_slope_of_the_gradient_through_a_time_loop():
    report = pcl.check_hessian(march(10), seed=1)
    assert report.ok, str(report)


def test_sensitivities_of_residuals_equal_tapes_and_give_the_gradient():
    n, net = 9, pcl.MLP([1, 4, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)
    observe = pcl.LinearMap(sp.csr_array((np.ones(3), (np.arange(3), [1, 4, 7])), shape=(3, n)))

    def residuals(theta):
        A = pcl.SparseMatrix.from_structure(structure, net(theta["net"], x)[:, 0])
        return pcl.misfit(observe @ pcl.solve(A, np.ones(n)), [0.1, 0.2, 0.1], weights=[1.0, 4.0, 2.0])
    problem = pcl.Problem.from_residuals(residuals, {"net": net.init(1)})
    theta = problem.theta0
    t = tf.constant(theta)
    with tf.GradientTape() as tape:
        tape.watch(t)
        r = residuals({"net": t})
    J = tape.jacobian(r, t).numpy()
    np.testing.assert_allclose(problem.residuals(theta), r.numpy(), rtol=1e-12)
    np.testing.assert_allclose(problem.jacobian(theta), J, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(problem.gradient(theta), 2 * J.T @ r.numpy(), rtol=1e-9, atol=1e-14)
    assert problem.value(theta) == pytest.approx(np.sum(r.numpy() ** 2), rel=1e-12)


def test_inputs_are_never_written_to_and_types_do_not_matter():
    start = np.array([1.0, 2.0, 3.0])
    start.flags.writeable = False
    problem = pcl.Problem(lambda t: tf.reduce_sum(t["a"] ** 4), {"a": start})
    reference = problem.hessian(start)
    for theta in ([1, 2, 3], start.astype(">f8"), np.repeat(start, 2)[::2], tf.constant(start),
                  tf.Variable(start), start.astype(np.float32)):
        np.testing.assert_array_equal(problem.hessian(theta), reference)
    for bad in (start.astype(complex), np.array(["a", "b", "c"]), np.array([1, 2, None])):
        with pytest.raises(TypeError, match="theta"):
            problem.value(bad)


def test_theta_of_the_wrong_length_is_refused_with_the_layout():
    problem = pcl.Problem(lambda t: tf.reduce_sum(t["a"]) + t["b"], {"a": np.ones(3), "b": 0.0})
    with pytest.raises(ValueError, match=r"\(3,\).*\(4,\).*a: 3, b: 1"):
        problem.value(np.ones(3))


def test_a_loss_that_is_nan_is_an_error_and_inf_is_a_value():
    problem = pcl.Problem(lambda t: tf.math.log(t["a"]), {"a": 1.0})
    with pytest.raises(pcl.NotFinite, match="loss is NaN"):
        problem.value([-1.0])
    assert problem.value([0.0]) == -np.inf


@pytest.mark.parametrize("loss, error, complaint", [
    (lambda t: t["a"], ValueError, "scalar"),
    (lambda t: 1.0, TypeError, "float"),
    (lambda t: tf.cast(tf.reduce_sum(t["a"]), tf.float32), TypeError, "float32"),
])
def test_what_is_not_a_loss_is_refused(loss, error, complaint):
    with pytest.raises(error, match=complaint):
        pcl.Problem(loss, {"a": np.ones(2)})


def test_a_node_inside_tensorflow_control_flow_is_refused():
    net = pcl.MLP([1, 1])

    def loss(theta):
        return tf.reduce_sum(tf.map_fn(lambda x: net(theta["a"], x[None])[0, 0], np.ones((3, 1))))
    with pytest.raises(ValueError, match="Python loop"):
        pcl.Problem(loss, {"a": net.init(0)})


def test_a_tf_function_is_traced_like_its_python_function():
    @tf.function
    def loss(theta):
        return tf.reduce_sum(pcl.solve(pcl.SparseMatrix.from_scipy(sp.eye_array(2)), theta["a"]) ** 2)
    problem = pcl.Problem(loss, {"a": np.ones(2)})
    np.testing.assert_allclose(problem.hessian(problem.theta0), 2 * np.eye(2), atol=1e-14)


def test_guard_names_the_coefficient_and_the_place():
    def loss(theta):
        kappa = pcl.guard(theta["a"], name="kappa", positive=True, locate=lambda i: f"cell {i}")
        return tf.reduce_sum(kappa)
    problem = pcl.Problem(loss, {"a": np.ones(4)})
    with pytest.raises(pcl.InvalidCoefficient, match=r"kappa is not positive at 2 of 4.*cell 1.*-1"):
        problem.value([1.0, -1.0, 2.0, -3.0])


def test_misfit_refuses_what_would_be_broadcast_and_what_is_empty():
    u = tf.ones(3, tf.float64)
    with pytest.raises(ValueError, match=r"\(3, 1\).*\(3,\)"):
        pcl.misfit(u, np.ones((3, 1)))
    with pytest.raises(ValueError, match="no observations"):
        pcl.misfit(u[:0], [])
    with pytest.raises(ValueError, match="no observations"):
        pcl.misfit(u, np.ones(3), weights=np.zeros(3))
    with pytest.raises(ValueError, match="1 of 3.*first at index 1"):
        pcl.misfit(u, [1.0, np.nan, 1.0])
    masked = pcl.misfit(u, [0.0, np.nan, 0.0], weights=[1.0, 0.0, 4.0])
    np.testing.assert_allclose(masked, [1.0, 0.0, 2.0])


def test_the_same_observation_twice_counts_as_weight_two():
    def problem(observed, weights, rows):
        def residuals(t):
            return pcl.misfit(tf.gather(t["a"], rows), observed, weights)
        return pcl.Problem.from_residuals(residuals, {"a": np.array([0.3, 0.4])})
    twice = problem([1.0, 1.0, 2.0], None, [0, 0, 1])
    weighted = problem([1.0, 2.0], [2.0, 1.0], [0, 1])
    assert twice.value(twice.theta0) == pytest.approx(weighted.value(twice.theta0), rel=1e-15)


@pytest.mark.parametrize("size", [2, 500])
def test_tensors_captured_by_the_loss_keep_their_own_values(size):
    """Small captured tensors become graph constants, large ones placeholders: neither is mixed up."""
    targets = [tf.constant(np.full(size, value)) for value in (1.0, 2.0, 5.0)]
    one = pcl.SparseMatrix.from_scipy(sp.eye_array(size))

    def loss(theta):
        return tf.add_n([tf.reduce_sum((pcl.solve(one, theta["a"] - d) - d) ** 2) for d in targets])
    problem = pcl.Problem(loss, {"a": np.zeros(size)})
    expected = sum((2 * v) ** 2 * size for v in (1.0, 2.0, 5.0))
    assert problem.value(problem.theta0) == pytest.approx(expected)
    np.testing.assert_allclose(problem.gradient(problem.theta0), np.full(size, -4.0 * 8.0))
    np.testing.assert_allclose(problem.hessian(problem.theta0), 6.0 * np.eye(size), atol=1e-13)


def two_blocks():
    n, net = 9, pcl.MLP([1, 4, 1], output="softplus")
    structure, x = chain(n), cell_centres(n)

    def residuals(theta):
        A = pcl.SparseMatrix.from_structure(structure, net(theta["net"], x)[:, 0])
        return pcl.misfit(pcl.solve(A, theta["scale"] * np.ones(n)), np.linspace(0.1, 0.2, n))
    return pcl.Problem.from_residuals(residuals, {"net": net.init(1), "scale": 1.3})


def test_gauss_newton_leaves_out_the_curvature_of_residuals_wherever_they_bend():
    problem = pcl.Problem.from_residuals(lambda t: tf.exp(t["x"]) ** 2 - 9.0, {"x": [0.1, -0.3]})
    J, v = problem.jacobian(problem.theta0), np.array([1.0, 2.0])
    np.testing.assert_allclose(problem.gauss_newton(problem.theta0), 2.0 * J.T @ J, rtol=1e-13)
    np.testing.assert_allclose(problem.gauss_newton_product(problem.theta0, v), 2.0 * J.T @ (J @ v))
    assert problem.hessian(problem.theta0)[0, 0] < 0.0


def test_gauss_newton_is_twice_the_square_of_the_sensitivities():
    problem = two_blocks()
    theta = problem.theta0
    J, v = problem.jacobian(theta), np.random.default_rng(0).normal(size=problem.size)
    np.testing.assert_allclose(problem.gauss_newton(theta), 2.0 * J.T @ J, rtol=1e-11, atol=1e-14)
    np.testing.assert_allclose(problem.gauss_newton_product(theta, v), 2.0 * J.T @ (J @ v), rtol=1e-10)


def test_hessian_of_named_blocks_is_its_part_of_the_whole():
    problem = two_blocks()
    theta = problem.theta0
    H, order = problem.hessian(theta), np.r_[problem.slices["scale"], problem.slices["net"]]
    np.testing.assert_allclose(problem.hessian(theta, blocks=["net"]), H[:-1, :-1], atol=1e-13)
    np.testing.assert_allclose(problem.hessian(theta, blocks=["scale", "net"]), H[np.ix_(order, order)],
                               atol=1e-13)
    with pytest.raises(ValueError, match="'kappa'; known are net, scale"):
        problem.hessian(theta, blocks=["kappa"])


def test_extreme_eigenvalues_by_products_are_those_of_the_matrix():
    problem = two_blocks()
    theta = problem.theta0
    expected = np.linalg.eigvalsh(problem.hessian(theta))
    values, vectors = problem.eigenvalues(theta, 3)
    largest = expected[np.argsort(np.abs(expected))[-3:]]
    np.testing.assert_allclose(np.sort(values), np.sort(largest), rtol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(3), atol=1e-10)


def test_the_cheaper_direction_is_chosen():
    """Two parameters and nine unknowns: forward."""
    n = 9

    def loss(theta):
        kappa = tf.exp(theta["a"][0] + theta["a"][1] * cell_centres(n)[:, 0])
        return tf.reduce_sum(pcl.solve(pcl.SparseMatrix.from_structure(chain(n), kappa), np.ones(n)) ** 2)
    few = pcl.Problem(loss, {"a": [0.1, 0.2]})
    costs = few.hessian_costs(few.theta0)
    assert costs["forward"] < costs["backward"]


def test_certificate_passes_and_sees_a_wrong_rule(monkeypatch):
    problem = two_blocks()
    certificate = problem.certify()
    assert certificate.ok and "passed" in str(certificate)
    result = pcl.minimize(problem, maxiter=2, certify=True)
    assert result.certificate.ok
    monkeypatch.setattr("pcl.engine.second.bases.InverseBase.pullback",
                        lambda self, y: -self.factor.solve(y))
    wrong = two_blocks().certify()
    assert not wrong.ok and wrong.adjoint_error > 0.1 and "FAILED" in str(wrong)
