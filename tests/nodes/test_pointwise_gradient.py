"""∂ψ/∂z of a density of networks and glue inside models: tapes, closed forms, a hyperelastic body."""

import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf
from oracles import check_products_against_tapes

import pcl

RNG = np.random.default_rng(11)
NET, OTHER = pcl.MLP([2, 3, 1], "softplus"), pcl.MLP([1, 3, 2], "swish")
BLOCKS = {"net": NET.init(1), "other": OTHER.init(2), "s": 0.8}


def squares(theta, *results):
    """A loss in which every entry of the results matters, and θ beside them."""
    return sum(tf.reduce_sum(tf.sin(r) ** 2) for r in results) + theta["s"] ** 4


# --- values ----------------------------------------------------------------------------------------
def test_the_stress_of_a_neo_hookean_energy_is_the_formula():
    """ψ = ½ μ (F:F − 2) − μ log J + ½ λ log² J: P = μ (F − F⁻ᵀ) + λ log J F⁻ᵀ."""
    F, mu, lam = np.eye(2) + 0.2 * RNG.normal(size=(6, 2, 2)), 1.3, 0.7

    def psi(F):
        log_J = tf.math.log(tf.linalg.det(F))
        return 0.5 * mu * (tf.reduce_sum(F ** 2, [1, 2]) - 2.0) - mu * log_J + 0.5 * lam * log_J ** 2
    inverse = np.linalg.inv(F).transpose(0, 2, 1)
    stress = mu * (F - inverse) + lam * np.log(np.linalg.det(F))[:, None, None] * inverse
    value, given = pcl.pointwise_gradient(psi, F)
    np.testing.assert_allclose(given, stress, rtol=1e-12)
    np.testing.assert_allclose(value, psi(F), rtol=1e-14)
    problem = pcl.Problem.from_residuals(
        lambda theta: tf.reshape(pcl.pointwise_gradient(psi, theta["F"])[1], [-1]), {"F": F})
    np.testing.assert_allclose(problem.residuals(problem.theta0), stress.ravel(), rtol=1e-12)


def test_what_does_not_depend_on_z_has_the_derivative_zero():
    def loss(theta):
        _, (bar, other) = pcl.pointwise_gradient(lambda z, y: NET(theta["net"], z)[:, 0], theta["z"],
                                                 theta["y"])
        return tf.reduce_sum(bar ** 2) + tf.reduce_sum(other)
    blocks = {"net": NET.init(1), "z": np.ones((3, 2)), "y": np.ones((3, 2, 2))}
    problem = check_products_against_tapes(loss, blocks)
    assert not problem.gradient(problem.theta0)[problem.slices["y"]].any()


# --- densities of every kind, against tapes --------------------------------------------------------
def glue_alone(theta):
    return lambda z: theta["s"] * tf.sin(z[:, 0] * z[:, 1]) + tf.exp(z[:, 1])


def a_network(theta):
    return lambda z: NET(theta["net"], z)[:, 0]


def a_network_between_glue(theta):
    def psi(z):
        invariants = tf.stack([z[:, 0] ** 2, z[:, 0] * z[:, 1]], axis=1)
        return tf.exp(NET(theta["net"], invariants)[:, 0]) * z[:, 1]
    return psi


def a_network_of_a_network(theta):
    return lambda z: z[:, 0] * OTHER(theta["other"], NET(theta["net"], z))[:, 1]


def a_network_twice_and_another(theta):
    def psi(z):
        y = NET(theta["net"], z)
        both = OTHER(theta["other"], z[:, :1] * theta["s"])
        return y[:, 0] * both[:, 0] + NET(theta["net"], both)[:, 0]
    return psi


def a_guarded_one(theta):
    return lambda z: pcl.guard(NET(theta["net"], pcl.guard(z) * 2.0), "ψ")[:, 0]


def constants_beside_it(theta):
    """A network of constants, one of θ alone, and constant parameters."""
    points, fixed = NET.init(7)[:8].reshape(4, 2), NET.init(5)
    return lambda z: (NET(fixed, z) * NET(theta["net"], points) + NET(fixed, points) * theta["s"])[:, 0]


DENSITIES = {glue_alone: "s", a_network: "net s", a_network_between_glue: "net s", a_guarded_one: "net s",
             a_network_of_a_network: "net other s", a_network_twice_and_another: "net other s",
             constants_beside_it: "net s"}


@pytest.mark.parametrize("density", DENSITIES, ids=lambda d: d.__name__)
def test_losses_of_density_and_gradient_have_the_derivatives_of_tapes(density):
    def loss(theta):
        return squares(theta, *pcl.pointwise_gradient(density(theta), theta["z"] * 1.5))
    blocks = {name: BLOCKS[name] for name in DENSITIES[density].split()}
    check_products_against_tapes(loss, {**blocks, "z": RNG.normal(size=(4, 2))})


def test_several_z_have_partial_derivatives_even_where_one_is_computed_from_another():
    def loss(theta):
        z = theta["z"]

        def psi(z, y, again):
            return NET(theta["net"], tf.stack([z[:, 0] * y, again[:, 1]], 1))[:, 0] + y ** 3
        psi, bars = pcl.pointwise_gradient(psi, z, z[:, 0] * z[:, 1], z)
        return squares(theta, psi, bars[0], 2.0 * bars[1], 3.0 * bars[2])
    check_products_against_tapes(loss, {"net": NET.init(1), "s": 0.8, "z": RNG.normal(size=(4, 2))})


def test_constant_z_and_constant_parameters_give_a_constant():
    z, params = RNG.normal(size=(4, 2)), NET.init(3)
    expected = NET.at(params, z).input_jacobian()[:, 0]

    def loss(theta):
        _, bar = pcl.pointwise_gradient(lambda z: NET(params, z)[:, 0], z)
        return theta["s"] * tf.reduce_sum(bar * expected)
    assert pcl.Problem(loss, {"s": 1.0}).value([1.0]) == pytest.approx(np.sum(expected ** 2), rel=1e-13)


def test_a_gradient_inside_a_step_of_a_scan():
    """x' = −∂ψ/∂x by explicit Euler, ψ a network."""
    def loss(theta):
        def step(x):
            return x - 0.1 * pcl.pointwise_gradient(lambda x: NET(theta["net"], x)[:, 0], x)[1]
        return tf.reduce_sum(pcl.scan(step, theta["x"], n_steps=3) ** 2)
    check_products_against_tapes(loss, {"net": NET.init(1), "x": RNG.normal(size=(3, 2))})


# --- a hyperelastic body ----------------------------------------------------------------------------
class Body:
    """P1 triangles on the unit square, held at x = 0, pulled at x = 1: F = I + ∇u in each cell."""

    def __init__(self, x, y):
        mesh = skfem.MeshTri.init_tensor(x, y)
        basis = skfem.Basis(mesh, skfem.ElementTriP1(), intorder=1)
        n, cells = mesh.p.shape[1], mesh.t.shape[1]
        cell = np.arange(cells)
        entries = [(basis.basis[a][0].grad[j, :, 0], 4 * cell + 2 * i + j, 2 * mesh.t[a] + i)
                   for a in range(3) for i in range(2) for j in range(2)]
        values, rows, columns = map(np.concatenate, zip(*entries))
        self.grad = pcl.LinearMap(sp.csr_array((values, (rows, columns)), shape=(4 * cells, 2 * n)),
                                  ((2 * n,), (cells, 2, 2)))
        self.area, ends = basis.dx[:, 0], mesh.p[0] % 1.0 == 0.0
        self.free = pcl.LinearMap(np.eye(2 * n)[:, ~np.repeat(ends, 2)])
        self.given = 0.2 * (np.outer(mesh.p[0] == 1.0, [1.0, -0.3])).ravel()

    def deformation(self, z):
        """F of the displacement with the entries z at free nodes."""
        return self.grad @ (self.given + self.free @ z) + np.eye(2)

    def equilibrium(self, psi):
        """z with ∫ ∂ψ/∂F : ∇v = 0 for all v that vanish at both ends."""
        def equation(z):
            _, stress = pcl.pointwise_gradient(psi, self.deformation(z))
            return self.free.T @ (self.grad.T @ (stress * self.area[:, None, None]))
        return pcl.solve_nonlinear(equation, np.zeros(self.free.shape[1]))


def energy(net, params):
    """ψ = N(I₁ − 2, J − 1) + (I₁ − 2 − 2 log J)/2 + (J − 1)²: a network beside a stable part."""
    def psi(F):
        I1, J = tf.reduce_sum(F * F, [1, 2]), tf.linalg.det(F)
        invariants = tf.stack([I1 - 2.0, J - 1.0], axis=1)
        return net(params, invariants)[:, 0] + 0.5 * (I1 - 2.0) - tf.math.log(J) + (J - 1.0) ** 2
    return psi


def misfit(body, net):
    def loss(theta):
        return tf.reduce_sum((body.equilibrium(energy(net, theta["net"])) - 0.1) ** 2)
    return loss


def test_the_hessian_of_a_hyperelastic_misfit_is_that_of_tapes_and_of_taylor_series():
    net, body = pcl.MLP([2, 2, 1], "softplus"), Body([0.0, 0.5, 1.0], [0.0, 1.0])
    problem = check_products_against_tapes(misfit(body, net), {"net": 0.3 * net.init(1)})
    assert pcl.check_gradient(problem, directions=1).ok and pcl.check_hessian(problem, directions=1).ok


def test_the_energy_is_stationary_where_its_gradient_is_balanced():
    """d/dt ∫ ψ(F(u + t w)) = 0 for w that vanish at both ends, by differences of the energy alone."""
    body, params = Body([0.0, 0.5, 1.0], [0.0, 0.5, 1.0]), 0.3 * NET.init(1)
    psi = energy(NET, params)
    z = body.equilibrium(psi).numpy()

    def total(z):
        return float(tf.reduce_sum(psi(body.deformation(z)) * body.area))
    for w in RNG.normal(size=(3, len(z))):
        assert abs(total(z + 1e-4 * w) - total(z - 1e-4 * w)) / 2e-4 < 1e-7


def test_powers_in_a_density_have_third_derivatives_at_zero():
    """ψ = z³ + s z² + z + 1 at z = 0: ψ' = 3z² + 2sz + 1; TensorFlow has 0/0 in the third of z²."""
    def loss(theta):
        z = theta["z"]
        _, bar = pcl.pointwise_gradient(lambda z: z ** 3 + theta["s"] * z ** 2 + z ** 1 + z ** 0, z)
        return tf.reduce_sum(bar)
    problem = pcl.Problem(loss, {"z": np.zeros(1), "s": 2.0})
    assert problem.value(problem.theta0) == 1.0
    np.testing.assert_allclose(problem.gradient(problem.theta0), [4.0, 0.0], atol=1e-15)
    np.testing.assert_allclose(problem.hessian(problem.theta0), [[6.0, 2.0], [2.0, 0.0]], atol=1e-15)


def test_powers_that_are_not_whole_have_the_derivatives_of_tapes():
    def loss(theta):
        _, bar = pcl.pointwise_gradient(lambda z: z ** 2.5 + z ** -3 * theta["s"] ** z, theta["z"])
        return squares(theta, bar)
    check_products_against_tapes(loss, {"z": np.array([0.5, 1.3]), "s": 1.2})


# --- refusals ---------------------------------------------------------------------------------------
def refused(density, message, **named):
    with pytest.raises(ValueError, match=message):
        pcl.Problem(lambda theta: tf.reduce_sum(pcl.pointwise_gradient(density(theta), theta["z"])[1]),
                    {"net": NET.init(1), "z": np.ones((4, 2)), **named})


def test_a_density_through_a_solve_or_a_second_derivative_is_refused_in_words():
    matrix = pcl.SparseMatrix.from_scipy(sp.eye_array(4, format="csr"))
    refused(lambda theta: lambda z: pcl.solve(matrix, z[:, 0]), "through SolveNode; expected networks")
    refused(lambda theta: lambda z: pcl.solve_nonlinear(lambda u: u ** 3 - z[:, 0], np.ones(4)),
            "reaches through a network or a solve")
    refused(lambda theta: lambda z: NET.gradient(theta["net"], z)[:, 0], "through NetworkGradientNode")
    refused(lambda theta: lambda z: NET(theta["net"] * z[0, 0], z)[:, 0],
            "parameters of a network depend on z")


def test_a_solve_that_does_not_depend_on_z_may_stand_in_a_density():
    matrix = pcl.SparseMatrix.from_scipy(sp.eye_array(4, format="csr"))

    def loss(theta):
        def psi(z):
            return pcl.solve(matrix * theta["s"], np.ones(4)) * NET(theta["net"], z)[:, 0]
        return squares(theta, *pcl.pointwise_gradient(psi, theta["z"]))
    check_products_against_tapes(loss, {"net": NET.init(1), "z": RNG.normal(size=(4, 2)), "s": 1.2})


def test_densities_of_another_shape_are_refused_in_words():
    refused(lambda theta: lambda z: NET(theta["net"], z),
            r"float64 of shape \(4, 1\); expected .* \(4,\).*\[:, 0\]")
    refused(lambda theta: lambda z: 1.0, "the density is float; expected")
    with pytest.raises(ValueError, match=r"expected \(q, …\) with one q"):
        pcl.pointwise_gradient(lambda z, y: z, np.ones(3), np.ones(4))
    with pytest.raises(TypeError, match="given no z"):
        pcl.pointwise_gradient(lambda: 1.0)
