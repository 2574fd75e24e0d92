"""Known numbers: patch tests, Cook's membrane, Kovasznay's flow, Maxwell eigenvalues, a driven cavity."""

import numpy as np
import pytest
import skfem
import tensorflow as tf
from manufactured import axis, check_orders, error

import fem

EYE = np.eye(2)


def hooke(mu, lam):
    def form(u, x):
        return {"u": {"gradient": 2 * mu * fem.sym(u.gradient) + lam * u.divergence[:, None, None] * EYE}}
    return form


def distorted(kind, n=4):
    """Nodes inside are moved at random, by up to a quarter of a cell."""
    mesh = kind.init_tensor(axis(n), axis(n)).with_defaults()
    inside, points = mesh.interior_nodes(), mesh.p.copy()
    points[:, inside] += np.random.default_rng(0).uniform(-0.06, 0.06, (2, len(inside)))
    return type(mesh)(points, mesh.t).with_boundaries(mesh.boundaries)


@pytest.mark.parametrize("element, kind", [
    ("P1", "MeshTri"), ("P2", "MeshTri"), ("P3", "MeshTri"), ("MINI", "MeshTri"), ("CR", "MeshTri"),
    ("Q1", "MeshQuad"), ("Q2", "MeshQuad"), ("S2", "MeshQuad")])
def test_a_linear_displacement_is_exact_on_distorted_cells(element, kind):
    slope = np.array([[0.3, -0.2], [0.5, 0.1]])

    def linear(x):
        return x @ slope.T + np.array([0.1, -0.4])
    V = fem.Space(distorted(getattr(skfem, kind)), fem.vector(element))
    given = {"left": linear, "right": linear, "bottom": linear, "top": linear}
    if element == "CR":                     # Korn's inequality fails; the Laplace operator does
        form = lambda u, x: {"u": {"gradient": u.gradient}}     # noqa: E731
    else:
        form = hooke(1.0, 2.0)
    u = fem.solve(V.matrix(form), np.zeros(V.n), given)
    assert error(V, u, linear) < 1e-14
    slopes = V.at_points(u, "gradient").numpy()
    np.testing.assert_allclose(slopes, np.broadcast_to(slope, slopes.shape), atol=1e-12)


def test_cooks_membrane():
    """Deflection 23.96 of the middle (48, 52) of the free end; plane stress, E = 1, ν = 1/3, load 1.

    Source: P. G. Bergan and C. A. Felippa, A triangular membrane element with rotational degrees of
    freedom (1985); R. D. Cook (1974) has 23.9. Quadratic quadrilaterals come from below: 23.925 on 8 × 8,
    23.949 on 16 × 16.
    """
    mesh = skfem.MeshQuad.init_tensor(*[np.linspace(0, 1, 17)] * 2).with_defaults()
    X, Y = mesh.p
    mesh = skfem.MeshQuad(np.stack([48 * X, 44 * X + Y * (44 - 28 * X)]), mesh.t).with_boundaries(
        mesh.boundaries)
    V, nu = fem.Space(mesh, fem.vector("Q2")), 1 / 3
    A, b = V.system(hooke(1 / (2 * (1 + nu)), nu / (1 - nu ** 2)),
                    {"right": lambda u, x, n: {"u": {"value": np.array([0.0, -1 / 16])}}})
    u = fem.solve(A, b, {"left": 0.0})
    deflection = (V.observe([[48.0, 52.0]]) @ u).numpy()[0, 1]
    assert deflection == pytest.approx(23.96, rel=1e-3)


def navier_stokes(Re):
    def form(u, p, x):
        convection = tf.linalg.matvec(u.gradient, u.value)
        return {"u": {"value": convection, "gradient": u.gradient / Re - p.value[:, None, None] * EYE},
                "p": {"value": u.divergence}}
    return form


def test_kovasznay_flow_has_orders_three_and_two():
    """Source: L. I. G. Kovasznay, Laminar flow behind a two-dimensional grid (1948); Re = 40."""
    Re = 40.0
    k = Re / 2 - np.sqrt(Re ** 2 / 4 + 4 * np.pi ** 2)

    def velocity(x):
        phase, decay = 2 * np.pi * x[:, 1], np.exp(k * x[:, 0])
        return np.stack([1 - decay * np.cos(phase), k / (2 * np.pi) * decay * np.sin(phase)], axis=1)

    def pressure(x):
        return (1 - np.exp(2 * k * x[:, 0])) / 2

    def solve(n):
        mesh = skfem.MeshTri.init_tensor(np.linspace(-0.5, 1, n + 1), np.linspace(-0.5, 0.5, n + 1))
        V = fem.Space(mesh, {"u": fem.vector("P2"), "p": "P1"}, quadrature_order=6)
        mean = V.integrate(lambda u, p, x: pressure(x), np.zeros(V.n)) / 1.5
        level = V.mean_value(mean, "p")
        y = fem.solve_nonlinear(V, navier_stokes(Re), {"u": velocity}, constraints=level)
        return error(V, y, velocity, field="u"), error(V, y, pressure, field="p")
    check_orders(solve, (6, 12), (3, 2))


@pytest.mark.parametrize("element, n, rate", [("N1", 8, 2), ("N2", 4, 4)])
def test_maxwell_eigenvalues_of_the_square_of_side_pi(element, n, rate):
    """curl curl E = λE, E × n = 0: λ = i² + j² of (i, j) ≠ (0, 0), with none that is spurious.

    The kernel, all gradients, lies at 0; sigma keeps it farther away than 1 is.
    """
    exact = np.array([1, 1, 2, 4, 4, 5, 5, 8, 9, 9])

    def gaps(n):
        V = fem.Space(skfem.MeshTri.init_tensor(*[np.linspace(0, np.pi, n + 1)] * 2), element)
        K = V.matrix(lambda E, x: {"u": {"curl": E.curl}})
        M = V.matrix(lambda E, x: {"u": {"value": E.value}})
        return np.abs(fem.eigenvalues(K, M, 10, 0.0, sigma=5.2).numpy() / exact - 1)
    coarse, fine = gaps(n), gaps(2 * n)
    assert fine.max() < 0.012
    assert np.log2(coarse.sum() / fine.sum()) == pytest.approx(rate, abs=0.7)


def test_the_driven_cavity_at_reynolds_100():
    """Extrema of the velocities on the centre lines: −0.2140424, 0.1795728, −0.2538030.

    Source: O. Botella and R. Peyret, Benchmark spectral results on the lid-driven cavity flow (1998),
    table 7. Here on a coarse graded mesh; `benchmarks/cavity.py` reaches four digits.
    """
    s = (1 - np.cos(np.pi * np.linspace(0, 1, 17))) / 2
    V = fem.Space(skfem.MeshTri.init_tensor(s, s), {"u": fem.vector("P2"), "p": "P1"}, quadrature_order=5)

    def lid(x):
        moves = (x[:, 1] == 1.0) & (x[:, 0] > 0.0) & (x[:, 0] < 1.0)
        return np.stack([moves.astype(float), np.zeros(len(x))], axis=1)
    y = fem.solve_nonlinear(V, navier_stokes(100.0), {"u": lid}, constraints=V.mean_value(0.0, "p"))
    t = np.linspace(0.01, 0.99, 197)
    half = np.full_like(t, 0.5)
    across = (V.observe(np.stack([half, t], axis=1), field="u") @ y).numpy()[:, 0]
    along = (V.observe(np.stack([t, half], axis=1), field="u") @ y).numpy()[:, 1]
    np.testing.assert_allclose([across.min(), along.max(), along.min()],
                               [-0.2140424, 0.1795728, -0.2538030], atol=5e-4)
