"""Newton's method by products: its steps, its metric, and what it refuses."""
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl
from pcl.training.drivers.products import RememberedProducts
from pcl.uncertainty import noise, prior


def minimize(problem, **options):
    return pcl.minimize(problem, "newton-cg", progress=False, options=options)


class Quadratic:
    """½ (θ − 1)ᵀ H (θ − 1), H with a spread of 10⁶."""

    H = np.diag(10.0 ** np.linspace(0.0, 6.0, 30))

    def problem(self, loss=lambda d, H: 0.5 * tf.tensordot(d, tf.linalg.matvec(H, d), 1)):
        return pcl.Problem(lambda t: loss(t["x"] - 1.0, tf.constant(self.H)), {"x": np.zeros(30)})


def test_the_inverse_as_preconditioner_takes_one_product_a_step():
    inverse = np.linalg.inv(Quadratic.H)
    found = minimize(Quadratic().problem(), preconditioner=lambda v: inverse @ v)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-10)
    assert found.success and found.nit <= 2 and found.nhvp == found.nit
    plain = minimize(Quadratic().problem())
    np.testing.assert_allclose(plain.x, 1.0, atol=1e-5)
    assert plain.nhvp > 20


def test_the_gradient_is_measured_by_the_preconditioner():
    inverse = np.linalg.inv(Quadratic.H)
    found = minimize(Quadratic().problem(), preconditioner=lambda v: inverse @ v)
    g = Quadratic().problem().gradient(np.zeros(30))
    assert found.history.gradient_norm[0] == pytest.approx(np.sqrt(g @ inverse @ g))


def test_negative_curvature_leads_out_of_a_saddle():
    problem = pcl.Problem(lambda t: 0.25 * t["x"][0] ** 4 - 8.0 * t["x"][0] ** 2 + t["x"][1] ** 2,
                          {"x": [1e-3, 1.0]})
    found = minimize(problem, hessian="exact")
    np.testing.assert_allclose(np.abs(found.x), [4.0, 0.0], atol=1e-6)
    assert found.success and found.nit < 12


@pytest.mark.parametrize("hessian", ["auto", "exact", "gauss-newton"])
def test_a_curved_valley_is_followed(hessian):
    problem = pcl.Problem.from_residuals(
        lambda t: tf.stack([10.0 * (t["x"][1] - t["x"][0] ** 2), 1.0 - t["x"][0]]), {"x": [-1.2, 1.0]})
    found = minimize(problem, hessian=hessian)
    np.testing.assert_allclose(found.x, 1.0, atol=1e-7)
    assert found.success and found.nhvp < 100


def test_trials_without_a_value_shorten_the_step():
    problem = pcl.Problem(lambda t: tf.reduce_sum(t["x"] - tf.math.log(t["x"])), {"x": [30.0, 0.2]})
    found = minimize(problem)
    np.testing.assert_allclose(found.x, 1.0, rtol=1e-6)
    assert found.success and found.failed > 0


def field(n):
    """ln κ at the nodes of −∇·(κ∇u) = 1 from 16 readings."""
    V = fem.Space(fem.unit_square(n), "P1")
    m = fem.Coefficient(V, "P1")
    read = V.observe(np.stack(np.meshgrid(*2 * [[0.2, 0.4, 0.6, 0.8]]), -1).reshape(-1, 2))

    def predict(theta):
        return read @ fem.solve(V.laplace(tf.exp(m.at(theta["m"]))), V.load(1.0), dirichlet=0.0)
    truth = m.init(lambda x: np.sin(4.0 * x[:, 0]) + x[:, 1])
    y = predict({"m": tf.constant(truth)}).numpy()
    return pcl.Problem.from_data(predict, y, noise.Gaussian(0.01 * y.max()), {"m": m.init(0.0)},
                                 {"m": fem.Matern(m, 0.5, 1.0)})


def test_the_prior_is_the_default_metric_and_counts_do_not_follow_the_mesh():
    coarse, fine = field(8), field(24)
    counts = [(found.nit, found.nhvp) for found in (minimize(coarse), minimize(fine))]
    assert counts[1][0] <= counts[0][0] + 1 and counts[1][1] <= 1.2 * counts[0][1]
    unaware = minimize(fine, preconditioner=lambda v: v)
    assert unaware.nhvp > 3 * counts[1][1]
    v = np.random.default_rng(0).normal(size=coarse.size)
    C = coarse.statement.priors["m"].covariance(np.arange(coarse.size))
    np.testing.assert_allclose(coarse.preconditioner(v), 0.5 * C @ v)


def test_without_a_normal_prior_of_every_block_there_is_no_metric():
    def of(priors):
        return pcl.Problem.from_data(lambda t: t["x"] * t["y"], np.ones(2), noise.Gaussian(1.0),
                                     {"x": np.ones(2), "y": np.ones(2)}, priors)
    assert of({"x": prior.Normal()}).preconditioner is None
    both = of({"x": prior.Normal(0.0, 2.0), "y": prior.Normal(1.0, [1.0, 3.0])})
    np.testing.assert_allclose(both.preconditioner(np.ones(4)), [2.0, 2.0, 0.5, 4.5])


def test_remembered_products_invert_what_conjugate_directions_have_seen():
    rng = np.random.default_rng(0)
    A = rng.normal(size=(6, 6))
    H = A @ A.T + np.eye(6)
    S = np.linalg.inv(np.linalg.cholesky(H)).T[:, :4]           # Sᵀ H S = I
    P = RememberedProducts(lambda v: v, 10, S.T, (H @ S).T)
    for s in S.T:
        np.testing.assert_allclose(P(H @ s), s, atol=1e-10)
    matrix = np.stack([P(e) for e in np.eye(6)], axis=1)
    np.testing.assert_allclose(matrix, matrix.T, atol=1e-12)
    assert np.linalg.eigvalsh(matrix).min() > 0.0
    few = RememberedProducts(lambda v: v, 1, S.T, (H @ S).T)
    assert few.arrays()["S"].shape == (1, 6)


def test_a_run_is_taken_up_bit_for_bit(tmp_path):
    problem, path = field(6), tmp_path / "run"
    whole = minimize(problem)
    pcl.minimize(problem, "newton-cg", progress=False, maxiter=4, checkpoint=path)
    rest = pcl.minimize(problem, "newton-cg", progress=False, resume=path)
    np.testing.assert_array_equal(rest.x, whole.x)
    np.testing.assert_array_equal(rest.history.loss, whole.history.loss)
    assert rest.nhvp == whole.nhvp


class Plain:
    """An object of a user: no Gauss–Newton products."""

    theta0, size = np.array([3.0]), 1

    def value(self, theta):
        return float(theta[0] ** 4)

    def gradient(self, theta):
        return 4.0 * theta ** 3

    def value_and_gradient(self, theta):
        return self.value(theta), self.gradient(theta)


class WithProducts(Plain):
    def hvp(self, theta, v):
        return 12.0 * theta ** 2 * v


def test_what_it_needs_is_said():
    with pytest.raises(ValueError, match="preconditioner is not positive definite"):
        minimize(Quadratic().problem(), preconditioner=lambda v: -v)
    with pytest.raises(ValueError, match=r"preconditioner has shape \(2,\)"):
        minimize(Quadratic().problem(), preconditioner=lambda v: v[:2])
    with pytest.raises(TypeError, match="without gauss_newton_product"):
        minimize(WithProducts(), hessian="gauss-newton")
    with pytest.raises(TypeError, match="without hvp"):
        minimize(Plain())
    assert abs(minimize(WithProducts()).x[0]) < 0.02
