"""Diagnosis on losses with known Hessians, and the claims it makes about networks."""

import types

import numpy as np
import pytest
import tensorflow as tf

import pcl
from pcl import diagnose
from pcl.errors import InvalidCoefficient

NET = pcl.MLP([1, 20, 20, 20, 1])
EPS = np.finfo(np.float64).eps


class Quadratic:
    """ℓ(θ) = ½ θᵀ H θ + bᵀθ; refuses points where θ₀ > `wall`."""

    has_residuals = False

    def __init__(self, H, b=0.0, wall=np.inf):
        self.H, self.wall = np.asarray(H, dtype=float), wall
        self.size = len(self.H)
        self.b = np.full(self.size, b, dtype=float) if np.ndim(b) == 0 else np.asarray(b)
        self.theta0 = np.arange(1.0, self.size + 1)
        self.slices = {"a": slice(0, 1), "b": slice(1, self.size)}
        self.evaluations = self.hessians = 0

    def value(self, theta):
        self.evaluations += 1
        if theta[0] > self.wall:
            raise InvalidCoefficient("beyond the wall")
        return 0.5 * theta @ self.H @ theta + self.b @ theta

    def gradient(self, theta):
        return self.H @ theta + self.b

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)

    def hessian(self, theta):
        self.hessians += 1
        return self.H.copy()


def rotation(n, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((n, n)))[0]


def polynomial_fit(x, degree, weight=1.0, coefficients=None):
    """Σ (weight Σ_k c_k x^k − y)², linear in c: everything about it is in closed form."""
    powers = np.vander(x, degree + 1, increasing=True)
    c = np.ones(degree + 1) if coefficients is None else coefficients
    y = powers @ c
    return powers, pcl.Problem.from_residuals(
        lambda theta: weight * (tf.linalg.matvec(tf.constant(powers), theta["c"]) - y), {"c": c})


@pytest.fixture(scope="module")
def axes():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    yield plt
    plt.close("all")


# --- spectrum ------------------------------------------------------------------------------------

def test_counts_are_those_of_the_definition():
    V, values = rotation(6), np.array([-1.0, -1e-7, 0.0, 1e-7, 2e-6, 1.0])
    found = diagnose.spectrum(Quadratic(V @ np.diag(values) @ V.T), np.zeros(6))
    np.testing.assert_allclose(found.eigenvalues, values, atol=10 * EPS)
    assert (found.positive, found.zero, found.negative) == (2, 3, 1)
    assert "2 positive, 3 zero, 1 negative" in str(found)


def test_eigenvectors_diagonalise_the_hessian():
    H = rotation(5) @ np.diag([1.0, 2, 3, 4, 5]) @ rotation(5).T
    found = diagnose.spectrum(Quadratic(H), np.zeros(5))
    np.testing.assert_allclose(found.vectors * found.eigenvalues @ found.vectors.T, H, atol=50 * EPS)


def test_rounding_is_zero_where_no_eigenvalue_is_positive():
    V = rotation(4)
    found = diagnose.spectrum(Quadratic(V @ np.diag([-1.0, -1.0, 0.0, 0.0]) @ V.T), np.zeros(4))
    assert (found.positive, found.zero, found.negative) == (0, 2, 2)


@pytest.mark.parametrize("m", [1, 2, 3, 4, 5])
def test_fit_of_m_points_by_a_network_has_m_positive_eigenvalues(m):
    """At residuals near 0, H = 2 JᵀJ has rank m; the smallest of the m is above 5e-6 λ_max here."""
    x = (np.arange(m)[:, None] + 0.5) / m
    y = np.sin(np.pi * x[:, 0])
    problem = pcl.Problem.from_residuals(lambda theta: NET(theta["u"], x)[:, 0] - y, {"u": NET.init(2)})
    result = pcl.minimize(problem, "least-squares", maxiter=100, progress=False)
    assert result.fun < 1e-12
    found = diagnose.spectrum(problem, result.x)
    assert (found.positive, found.zero, found.negative) == (m, NET.size - m, 0)


def test_hessians_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="not symmetric"):
        diagnose.spectrum(Quadratic([[1.0, 2.0], [0.0, 1.0]]), np.zeros(2))
    with pytest.raises(ValueError, match="hessian has 1 of 4"):
        diagnose.spectrum(Quadratic([[np.nan, 0.0], [0.0, 1.0]]), np.zeros(2))
    with pytest.raises(ValueError, match=r"theta has shape \(3,\)"):
        diagnose.spectrum(Quadratic(np.eye(2)), np.zeros(3))
    with pytest.raises(ValueError, match="threshold is 0"):
        diagnose.spectrum(Quadratic(np.eye(2)), np.zeros(2), threshold=0)
    with pytest.raises(TypeError, match="without size, hessian"):
        diagnose.spectrum(object(), np.zeros(2))


# --- active directions -----------------------------------------------------------------------------

def test_active_directions_are_the_eigenvectors_that_count_and_shares_sum_to_one():
    problem = Quadratic(np.diag([3.0, 0.0, -2.0, 1e-9]))
    found = diagnose.active_directions(problem, np.zeros(4))
    np.testing.assert_allclose(found.eigenvalues, [3.0, -2.0])
    assert found.groups == ("a", "b")
    np.testing.assert_allclose(found.participation, [[1, 0], [0, 1]], atol=EPS)
    np.testing.assert_allclose(np.abs(found.directions.T), [[1, 0, 0, 0], [0, 0, 1, 0]], atol=EPS)


def test_layers_of_a_network_are_groups_of_their_own():
    net = pcl.MLP([1, 3, 1])
    last = slice(2 * 3, net.size)
    H = np.zeros((net.size + 1, net.size + 1))
    H[1:][last.start, 1:][last.start] = 2.0          # the first weight of the last layer
    problem = Quadratic(H)
    found = diagnose.active_directions(problem, np.zeros(net.size + 1), {"b": net})
    assert found.groups == ("a", "b, layer 1", "b, layer 2")
    np.testing.assert_allclose(found.participation[:, 0], [0, 0, 1], atol=EPS)
    with pytest.raises(ValueError, match="'b'.*has 7 parameters but the block has 10"):
        diagnose.active_directions(problem, np.zeros(11), {"b": pcl.MLP([1, 2, 1])})
    with pytest.raises(ValueError, match="known are a, b"):
        diagnose.active_directions(problem, np.zeros(11), {"c": net})


def test_a_spectrum_in_place_of_theta_is_not_computed_again():
    problem = Quadratic(np.diag([3.0, 1.0]))
    found = diagnose.spectrum(problem, np.zeros(2))
    diagnose.active_directions(problem, found)
    diagnose.extreme_profiles(problem, found, points=3)
    assert problem.hessians == 1


# --- landscape -------------------------------------------------------------------------------------

def test_along_an_eigenvector_of_a_quadratic_the_loss_is_half_lambda_alpha_squared():
    V = rotation(3)
    problem = Quadratic(V @ np.diag([-1.0, 2.0, 5.0]) @ V.T)
    found = diagnose.extreme_profiles(problem, np.zeros(3), radius=2.0, points=5)
    np.testing.assert_allclose(found.steps, [-2, -1, 0, 1, 2])
    np.testing.assert_allclose(found.loss, 0.5 * np.outer(found.steps ** 2, [5.0, -1.0]), atol=1e-14)


def test_points_that_cannot_be_evaluated_are_nan_and_the_others_are_right():
    problem = Quadratic(np.eye(2), wall=0.5)
    line = diagnose.profile(problem, np.zeros(2), [3.0, 0.0], points=5)
    np.testing.assert_allclose(line.loss[:, 0], [0.5, 0.125, 0, 0.125, np.nan])
    assert line.failed == 1
    square = diagnose.plane(problem, np.zeros(2), np.eye(2), points=3)
    np.testing.assert_allclose(square.loss, [[1, 0.5, 1], [0.5, 0, 0.5], [np.nan] * 3])
    with pytest.raises(InvalidCoefficient):
        diagnose.profile(problem, np.ones(2), [1.0, 0.0])


def test_a_plane_is_the_loss_at_its_own_coordinates():
    problem = Quadratic(rotation(6) @ np.diag(np.arange(1.0, 7)) @ rotation(6).T, b=0.3)
    theta = np.linspace(-1, 1, 6)
    found = diagnose.plane(problem, theta, radius=0.7, points=5, seed=3)
    np.testing.assert_allclose(found.directions.T @ found.directions, np.eye(2), atol=4 * EPS)
    for i, j in [(0, 0), (1, 4), (2, 2), (4, 1)]:
        at = theta + found.directions @ found.steps[[i, j]]
        assert found.loss[i, j] == pytest.approx(problem.value(at), rel=1e-14)
    assert np.array_equal(found.directions,
                          diagnose.plane(problem, theta, points=3, seed=3).directions)


def test_the_cost_of_a_landscape_is_what_is_documented():
    problem = Quadratic(np.eye(3))
    diagnose.profile(problem, np.zeros(3), np.eye(3), points=7)
    assert problem.evaluations == 3 * 6 + 1
    problem.evaluations = 0
    diagnose.plane(problem, np.zeros(3), points=5)
    assert problem.evaluations == 25


def test_bad_directions_are_refused():
    problem = Quadratic(np.eye(3))
    with pytest.raises(ValueError, match="parallel"):
        diagnose.plane(problem, np.zeros(3), np.ones((3, 2)))
    with pytest.raises(ValueError, match="column of zeros"):
        diagnose.profile(problem, np.zeros(3), np.zeros(3))
    with pytest.raises(ValueError, match=r"directions has shape \(2, 1\)"):
        diagnose.profile(problem, np.zeros(3), np.ones(2))
    with pytest.raises(ValueError, match="odd"):
        diagnose.profile(problem, np.zeros(3), np.ones(3), points=4)
    with pytest.raises(ValueError, match="labels has 2"):
        diagnose.profile(problem, np.zeros(3), np.ones(3), labels=["a", "b"])


# --- layers of a network -----------------------------------------------------------------------------

def test_weights_are_counted_by_layer():
    net = pcl.MLP([2, 3, 1])
    params = np.concatenate([np.full(9, 2.0), [-1.0, 0.0, 1.0, 4.0]])
    found = diagnose.weights(net, params, bins=5)
    np.testing.assert_allclose(found.mean, [2.0, 1.0])
    np.testing.assert_allclose(found.spread, [0.0, np.std([-1, 0, 1, 4])])
    np.testing.assert_allclose(found.largest, [2.0, 4.0])
    np.testing.assert_array_equal(found.edges, [-1, 0, 1, 2, 3, 4])
    np.testing.assert_array_equal(found.counts, [[0, 0, 0, 9, 0], [1, 1, 1, 0, 1]])
    magnitude, share = found.cumulative()
    assert np.array_equal(magnitude[:3], [0, 1, 1]) and share[-1] == 1.0


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "swish", "sin"])
def test_slopes_are_those_of_tensorflow_relative_to_the_steepest(activation):
    net = pcl.MLP([1, 1, 1], activation=activation)
    z = np.linspace(-8, 8, 16001)
    with tf.GradientTape() as tape:
        t = tf.constant(z)
        tape.watch(t)
        y = getattr(tf.nn if activation in ("softplus", "swish") else tf, activation)(t)
    slope = np.abs(tape.gradient(y, t).numpy())
    found = diagnose.saturation(net, [1.0, 0.0, 1.0, 0.0], z[:, None], threshold=0.3)
    steepest = max(slope.max(), 1.0) if activation in ("softplus", "swish") else slope.max()
    np.testing.assert_allclose(found.slopes[0][:, 0], slope / steepest, atol=1e-6)
    np.testing.assert_allclose(found.activations[0][:, 0], y.numpy(), atol=1e-14)
    assert found.fraction[0] == np.mean(found.slopes[0] < 0.3)


def test_a_tanh_layer_is_saturated_where_its_slope_is_small():
    net = pcl.MLP([1, 2, 1, 1])
    params = np.array([1.0, 100.0, 0.0, 50.0] + [0.0] * 3 + [1.0, 0.0])    # z = x, 100 x + 50; 0
    found = diagnose.saturation(net, params, [[0.0], [2.0], [-0.1], [1.0]], threshold=0.1)
    np.testing.assert_array_equal(found.fraction, [5 / 8, 0.0])     # 1 − tanh²(2) = 0.07
    np.testing.assert_array_equal(found.dead, [1, 0])


def test_networks_without_hidden_layers_or_points_are_refused():
    with pytest.raises(ValueError, match="0 hidden layers"):
        diagnose.saturation(pcl.MLP([1, 1]), np.zeros(2), [[0.0]])
    with pytest.raises(ValueError, match="0 points"):
        diagnose.saturation(NET, NET.init(0), np.zeros((0, 1)))
    with pytest.raises(ValueError, match="below 1"):
        diagnose.saturation(NET, NET.init(0), [[0.0]], threshold=1.0)
    with pytest.raises(TypeError, match="expected a pcl.MLP"):
        diagnose.weights(lambda x: x, np.zeros(3))


# --- angles ------------------------------------------------------------------------------------------

def test_cosines_are_those_of_the_steps_that_were_taken():
    H = rotation(3) @ np.diag([1.0, 4.0, 30.0]) @ rotation(3).T
    problem = Quadratic(H, b=0.2)
    visited, recorder = [problem.theta0], diagnose.AngleRecorder(problem)

    def callback(snapshot):
        recorder(snapshot)
        visited.append(snapshot.theta)
    pcl.minimize(problem, "BFGS", callback=callback, progress=False)
    found = recorder.angles
    assert len(found.iterations) == len(visited) - 1
    for k, to_gradient, to_newton in zip(found.iterations, found.to_gradient, found.to_newton):
        p, g = visited[k] - visited[k - 1], problem.gradient(visited[k - 1])
        q = -np.linalg.solve(H, g)
        assert to_gradient == pytest.approx(-p @ g / np.linalg.norm(p) / np.linalg.norm(g), abs=1e-12)
        assert to_newton == pytest.approx(p @ q / np.linalg.norm(p) / np.linalg.norm(q), abs=1e-9)
    assert found.to_gradient[0] == pytest.approx(1.0)    # the first step of BFGS is along −g


def test_a_full_newton_step_has_cosine_one_to_the_newton_direction():
    problem = Quadratic(np.diag([1.0, 10.0, 5.0]), b=0.1)
    recorder = diagnose.AngleRecorder(problem)
    pcl.minimize(problem, "trust-exact", callback=recorder, progress=False,
                 options={"initial_trust_radius": 100.0})
    assert recorder.angles.to_newton[0] == pytest.approx(1.0, abs=1e-12)


def test_the_newton_direction_has_no_part_where_the_hessian_is_zero():
    problem = Quadratic(np.diag([1.0, 10.0, 0.0]), b=0.1)
    step = np.array([1.0, 0.1, 0.0]) * -(problem.gradient(problem.theta0))
    recorder = diagnose.AngleRecorder(problem)
    recorder(types.SimpleNamespace(iteration=1, theta=problem.theta0 + step, accepted=True,
                                   step=np.linalg.norm(step)))
    assert recorder.angles.to_newton[0] == pytest.approx(1.0, abs=1e-14)


def test_every_saves_hessians_and_rejected_or_foreign_steps_are_left_out():
    problem = Quadratic(np.eye(2))
    points = [problem.theta0 * 0.5 ** k for k in range(7)]
    recorder = diagnose.AngleRecorder(problem, every=3)
    for k in range(1, 7):
        step = np.linalg.norm(points[k] - points[k - 1])
        recorder(types.SimpleNamespace(iteration=k, theta=points[k], step=step, accepted=True))
    assert recorder.angles.iterations.tolist() == [3, 6] and problem.hessians == 2
    recorder = diagnose.AngleRecorder(problem, x0=[5.0, 5.0], newton=False)
    for k, accepted in ((1, True), (2, False), (3, True)):
        step = np.linalg.norm(points[k] - points[k - 1]) if accepted else 0.0
        theta = points[k] if accepted else points[k - 1]
        recorder(types.SimpleNamespace(iteration=k, theta=theta, step=step, accepted=accepted))
    assert recorder.angles.iterations.size == 0     # 1: another start; 2: rejected; 3: a gap
    assert problem.hessians == 2


# --- identifiability -----------------------------------------------------------------------------------

def test_the_band_of_a_linear_fit_is_that_of_linear_regression():
    """Var κ(x) = s² x̂ᵀ(XᵀX)⁻¹x̂ with s² = RSS/(m − p): closed form."""
    rng = np.random.default_rng(1)
    x = np.linspace(-1, 1, 20)
    X = np.vander(x, 3, increasing=True)
    y = X @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(20)
    c, rss, *_ = np.linalg.lstsq(X, y)
    problem = pcl.Problem.from_residuals(
        lambda theta: tf.linalg.matvec(tf.constant(X), theta["c"]) - y, {"c": c})
    at = np.linspace(-2, 2, 9)
    A = np.vander(at, 3, increasing=True)
    found = diagnose.identifiability(
        problem, c, lambda theta, _: tf.linalg.matvec(tf.constant(A), theta["c"]), at)
    expected = rss[0] / 17 * np.einsum("qi,ij,qj->q", A, np.linalg.inv(X.T @ X), A)
    np.testing.assert_allclose(found.deviation ** 2, expected, rtol=1e-12)
    np.testing.assert_allclose(found.determined, 1.0)
    np.testing.assert_allclose(found.value, A @ c, rtol=1e-13)
    assert found.directions == 3 and "positive definite" in found.verdict


@pytest.mark.parametrize("prior", [0.7, [0.1, 1.0, 10.0]])
def test_with_a_prior_the_covariance_is_the_posterior_of_a_gaussian(prior):
    X, problem = polynomial_fit(np.array([0.0, 0.3]), 2)     # two points, three unknowns
    A = np.vander([-1.0, 0.3, 2.0], 3, increasing=True)
    sigma, tau = 0.05, np.broadcast_to(prior, 3)
    found = diagnose.identifiability(problem, np.ones(3), (A @ np.ones(3), A), [-1.0, 0.3, 2.0],
                                     sigma=sigma, prior=prior)
    posterior = np.linalg.inv(X.T @ X / sigma ** 2 + np.diag(tau ** -2.0))
    before, after = (np.einsum("qi,ij,qj->q", A, C, A) for C in (np.diag(tau ** 2.0), posterior))
    np.testing.assert_allclose(found.deviation ** 2, after, rtol=1e-9)
    np.testing.assert_allclose(found.determined, 1 - after / before, atol=1e-12)
    assert found.directions == pytest.approx(3 - np.trace(posterior / tau ** 2), rel=1e-9)
    assert found.determined[1] > 0.95 > found.determined[2]    # at a datum, far from all


def test_without_prior_determined_is_the_limit_of_a_wide_prior():
    _, problem = polynomial_fit(np.array([0.0, 0.3]), 2)
    A = np.vander(np.linspace(-1, 1, 7), 3, increasing=True)
    at = (A @ np.ones(3), A), np.linspace(-1, 1, 7)
    bare = diagnose.identifiability(problem, np.ones(3), *at, sigma=0.05)
    wide = diagnose.identifiability(problem, np.ones(3), *at, sigma=0.05, prior=1e4)
    np.testing.assert_allclose(bare.determined, wide.determined, atol=1e-6)
    assert bare.directions == 2 and "singular" in bare.verdict and "lower bound" in bare.verdict


def test_the_sensitivity_of_a_network_is_its_jacobian():
    net, x = pcl.MLP([1, 4, 1]), np.linspace(-1, 1, 6)[:, None]
    params = net.init(1)
    y = net.at(params, x).value[:, 0]
    problem = pcl.Problem.from_residuals(
        lambda theta: theta["s"] * net(theta["u"], x)[:, 0] - y, {"s": 1.0, "u": params})
    at = np.linspace(-2, 2, 5)[:, None]
    (_, _, J), = net.at(params, at).jacobian_blocks()
    arrays = net.at(params, at).value[:, 0], np.column_stack([np.zeros(5), J])
    theta = problem.theta0
    found, expected = (diagnose.identifiability(problem, theta, c, at, sigma=0.1, prior={"s": 1, "u": 2})
                       for c in (lambda theta, x: net(theta["u"], x)[:, 0], arrays))
    np.testing.assert_allclose(found.deviation, expected.deviation, rtol=1e-10)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-14)


def test_an_indefinite_hessian_is_said_in_words_and_its_directions_are_dropped():
    problem = Quadratic(np.diag([2.0, -1e-2, 1e-3]))
    found = diagnose.identifiability(problem, np.zeros(3), (np.zeros(3), np.eye(3)), np.arange(3.0),
                                     sigma=0.5)
    np.testing.assert_allclose(found.determined, [1, 0, 0])     # 1e-3 drowns in −1e-2
    np.testing.assert_allclose(found.deviation, [0.5, 0, 0])    # 2 s²/λ = 0.25
    assert "indefinite: 1 of 3" in found.verdict and "not a minimum" in found.verdict
    prior = diagnose.identifiability(problem, np.zeros(3), (np.zeros(3), np.eye(3)), np.arange(3.0),
                                     sigma=0.5, prior=3.0)
    assert prior.deviation[1] == pytest.approx(3.0) and prior.determined[1] == pytest.approx(0, abs=1e-15)


def test_data_never_determine_more_numbers_than_there_are():
    """At residuals that are not 0 the Hessian of a network has many small eigenvalues of both signs."""
    x = np.linspace(0, 0.5, 6)[:, None]
    y = np.sin(np.pi * x[:, 0]) + 0.05 * (-1.0) ** np.arange(6)
    problem = pcl.Problem.from_residuals(lambda theta: NET(theta["u"], x)[:, 0] - y, {"u": NET.init(2)})
    result = pcl.minimize(problem, "least-squares", maxiter=10, progress=False)
    at = np.linspace(-0.5, 1.5, 9)[:, None]
    for prior in (None, 1.0):
        found = diagnose.identifiability(problem, result.x, lambda theta, x: NET(theta["u"], x)[:, 0], at,
                                         sigma=0.02, prior=prior)
        assert "indefinite" in found.verdict
        assert found.directions <= 6


def test_what_cannot_be_estimated_is_asked_for():
    quadratic = Quadratic(np.eye(2))
    pair = np.zeros(2), np.eye(2)
    with pytest.raises(ValueError, match="Give sigma, with loss"):
        diagnose.identifiability(quadratic, np.zeros(2), pair, [0, 1])
    with pytest.raises(TypeError, match="cannot trace coefficient"):
        diagnose.identifiability(quadratic, np.zeros(2), lambda theta, x: theta, [0, 1], sigma=1)
    with pytest.raises(ValueError, match="no well-determined direction"):
        diagnose.identifiability(Quadratic(-np.eye(2)), np.zeros(2), pair, [0, 1], sigma=1)
    with pytest.raises(ValueError, match="prior has 1 entries ≤ 0"):
        diagnose.identifiability(quadratic, np.zeros(2), pair, [0, 1], sigma=1, prior=[1.0, 0.0])
    with pytest.raises(ValueError, match=r"Jacobian of coefficient has shape \(2, 2\)"):
        diagnose.identifiability(Quadratic(np.eye(3)), np.zeros(3), pair, [0, 1], sigma=1)
    _, exact = polynomial_fit(np.array([0.0, 0.3, 0.5, 0.9]), 2)
    with pytest.raises(ValueError, match="all residuals are 0"):
        diagnose.identifiability(exact, np.ones(3), (np.zeros(2), np.ones((2, 3))), [0, 1])
    _, few = polynomial_fit(np.array([0.0, 0.3]), 1)
    with pytest.raises(ValueError, match="2 residuals leave nothing"):
        diagnose.identifiability(few, np.ones(2), pair, [0, 1])
    with pytest.raises(ValueError, match=r"coefficient has shape \(2, 1\)"):
        diagnose.identifiability(few, np.ones(2), lambda theta, x: theta["c"][:, None], [0, 1], sigma=1)


def test_identifiability_gives_the_points_to_the_coefficient_and_takes_no_others():
    """κ = c₀ + c₁ x has J = [1, x] at the points given; a function of θ alone could hide others."""
    _, problem = polynomial_fit(np.array([0.0, 0.3, 0.6]), 1)
    at = np.array([-1.0, 0.5, 2.0])

    def line(theta, x):
        return theta["c"][0] + theta["c"][1] * x
    found = diagnose.identifiability(problem, np.ones(2), line, at, sigma=0.1)
    A = np.vander(at, 2, increasing=True)
    pair = diagnose.identifiability(problem, np.ones(2), (A @ np.ones(2), A), at, sigma=0.1)
    np.testing.assert_allclose(found.deviation, pair.deviation, rtol=1e-12)
    with pytest.raises(TypeError, match="coefficient takes 1 arguments; expected two, the blocks and"):
        diagnose.identifiability(problem, np.ones(2), lambda theta: line(theta, at + 1.0), at, sigma=0.1)


# --- plots -------------------------------------------------------------------------------------------

def records():
    problem = Quadratic(np.diag([3.0, 1.0, -1.0]), wall=0.5)
    recorder = diagnose.AngleRecorder(problem)
    recorder(types.SimpleNamespace(iteration=1, theta=0.5 * problem.theta0, accepted=True,
                                   step=0.5 * np.linalg.norm(problem.theta0)))
    kappa = np.zeros(3), np.eye(3)
    line = diagnose.identifiability(problem, np.zeros(3), kappa, [0.0, 2.0, 1.0], sigma=1)
    plane = diagnose.identifiability(problem, np.zeros(3), kappa, np.eye(3)[:, :2], sigma=1)
    flat = diagnose.identifiability(problem, np.zeros(3), kappa, np.outer([0, 1, 2], [1, 1]), sigma=1)
    params = NET.init(0)
    return [diagnose.spectrum(problem, np.zeros(3)), diagnose.active_directions(problem, np.zeros(3)),
            diagnose.extreme_profiles(problem, np.zeros(3)), diagnose.plane(problem, np.zeros(3)),
            diagnose.weights(NET, params), diagnose.saturation(NET, params, [[0.5], [1.0]]),
            recorder.angles, line, plane, flat]


def test_every_record_prints_and_draws_labelled_axes_also_into_given_ones(axes):
    for record in records():
        axes.close("all")
        assert str(record)
        given = axes.figure().add_subplot()
        assert record.plot(ax=given) is given
        assert record.plot().figure is not given.figure
        assert given.get_xlabel() and given.get_ylabel()
        given.figure.canvas.draw()


def test_gaps_are_not_drawn(axes):
    found = diagnose.plane(Quadratic(np.eye(2), wall=0.0), np.zeros(2), np.eye(2), points=5)
    drawn = found.plot().collections[0].get_array()
    assert np.ma.count_masked(drawn) == found.failed == 10


@pytest.mark.parametrize("show", ["deviation", "determined", "value"])
def test_a_map_in_the_plane_shows_what_is_asked_for(axes, show):
    problem = Quadratic(np.diag([2.0, 1.0, 0.5, 0.1]))
    points = [[0, 0], [1, 0], [0, 1], [1, 1]]
    found = diagnose.identifiability(problem, np.zeros(4), (np.arange(4.0), np.eye(4)), points, sigma=1,
                                     prior=2.0)
    drawn = found.plot(show=show).collections[0].get_array()
    np.testing.assert_allclose(drawn, getattr(found, show))
    with pytest.raises(ValueError, match="show is 'variance'"):
        found.plot(show="variance")


def test_triangles_do_not_bridge_a_gap_of_the_domain(axes):
    side = np.linspace(0, 1, 6)
    square = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    points = np.concatenate([square, square + [3.0, 0.0]])
    n = len(points)
    found = diagnose.identifiability(Quadratic(np.eye(n)), np.zeros(n), (np.zeros(n), np.eye(n)), points,
                                     sigma=1)
    triangles = diagnose.map_picture._triangulation(*found.points.T).get_masked_triangles()
    assert len(triangles) == 2 * 50 and np.ptp(found.points[triangles, 0], axis=1).max() < 1


def test_a_map_in_three_dimensions_is_not_drawn():
    found = diagnose.identifiability(Quadratic(np.eye(3)), np.zeros(3), (np.zeros(3), np.eye(3)),
                                     np.eye(3), sigma=1)
    with pytest.raises(ValueError, match="3 coordinates"):
        found.plot()


def test_records_are_read_only():
    found = diagnose.spectrum(Quadratic(np.eye(2)), np.zeros(2))
    with pytest.raises(ValueError, match="read-only"):
        found.eigenvalues[0] = 1.0
