"""The main job: coefficients learned from data through a solve, with the figures it must reach."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf

import fem
import pcl
from pcl.callbacks import TargetLoss

EXAMPLES = pathlib.Path(__file__).parent.parent / "examples"


def seed_problem(seed=233, n=10):
    """Σ(u − u_obs)², κ_θ = MLP(2, 20, 20, 20, 1) + ½, on n×n×2 triangles."""
    space = fem.Space(fem.unit_square(n), "P1")
    x = space.quadrature_points
    net = pcl.MLP([2, 20, 20, 20, 1])

    def solve(kappa):
        return fem.solve(space.laplace(kappa), space.load(1.0), dirichlet=0.0)
    data = solve(1.0 + 1.0 / (1.0 + np.sum(x ** 2, axis=1))).numpy()

    def loss(theta):
        return tf.reduce_sum((solve(net(theta["kappa"], x)[..., 0] + 0.5) - data) ** 2)
    return pcl.Problem(loss, {"kappa": net.init(seed=seed)})


def finite_difference_model():
    """101 points of [0, 1]; the solution is quadratic, so central differences are exact."""
    x = np.linspace(0.0, 1.0, 101)[1:-1]
    second = sp.diags_array([-np.ones(98), 2.0 * np.ones(99), -np.ones(98)], offsets=[-1, 0, 1])
    D, E = pcl.SparseMatrix.from_scipy(1e4 * second), pcl.SparseMatrix.from_scipy(sp.eye_array(99))
    return lambda b: pcl.solve(b * D + E, 8.0 + 4.0 * x - 4.0 * x ** 2)[49:50]


def quadratic_element_model():
    """50 cells with 101 points of quadratic elements, which hold the solution exactly."""
    space = fem.Space(skfem.MeshLine(np.linspace(0.0, 1.0, 51)), "P2", quadrature_order=4)
    x = space.quadrature_points[:, 0]
    load, midpoint = space.load(8.0 + 4.0 * x - 4.0 * x ** 2), space.observe([0.5])
    return lambda b: midpoint @ fem.solve(b * space.laplace(1.0) + space.mass(1.0), load,
                                          dirichlet=0.0)


@pytest.mark.parametrize("model", [finite_difference_model, quadratic_element_model])
@pytest.mark.parametrize("method", ["trust-exact", "BFGS", "L-BFGS-B", "least-squares"])
def test_one_number_from_one_observation(model, method):
    """−b u″ + u = 8 + 4x − 4x², u(0) = u(1) = 0, solved by u = 4x(1 − x) for b = 1; start b = 10."""
    predict = model()
    problem = pcl.Problem.from_residuals(lambda theta: pcl.misfit(predict(theta["b"]), [1.0]),
                                         {"b": 10.0})
    result = pcl.minimize(problem, method=method)
    assert result.success, result.message
    assert result.x[0] == pytest.approx(1.0, abs=1e-8)


def test_remainder_of_the_hessian_falls_by_a_hundred_a_decade():
    problem = seed_problem()
    theta = problem.theta0
    g, H = problem.gradient(theta), problem.hessian(theta)
    d = np.random.default_rng(0).normal(size=problem.size)
    steps = [1e-3, 1e-4, 1e-5, 1e-6]
    remainders = [np.linalg.norm(problem.gradient(theta + h * d) - g - h * H @ d) for h in steps]
    ratios = np.array(remainders[:-1]) / remainders[1:]
    np.testing.assert_allclose(ratios, 100.0, atol=2.0)


def test_joint_hessian_with_parameters_in_dirichlet_data_load_and_coefficient():
    """g = x + y + θ₁, load scaled by θ₂, κ by a network, observed inside on an irregular mesh."""
    space = fem.Space(skfem.MeshTri.init_circle(3), "P1")
    net = pcl.MLP([2, 8, 1], output="softplus")
    observe = space.observe(np.random.default_rng(0).uniform(-0.6, 0.6, (15, 2)))
    edge = space.dof_points[space.boundary_dofs()].sum(axis=1)

    def loss(theta):
        kappa = net(theta["net"], space.quadrature_points)[:, 0] + 0.2
        u = fem.solve(space.laplace(kappa), space.load(1.0) * theta["scale"],
                      dirichlet=edge + theta["shift"])
        return tf.reduce_sum((observe @ u - 0.3) ** 2)
    problem = pcl.Problem(loss, {"net": net.init(0), "shift": 0.1, "scale": 1.5})
    report = pcl.check_hessian(problem)
    assert report.ok, str(report)
    H = problem.hessian(problem.theta0)
    assert np.abs(H[-2:, :-2]).min() > 0.0 and H[-1, -2] != 0.0  # every block is there


def test_the_optimizer_survives_a_coefficient_that_turns_negative():
    """With a huge radius κ = net + ½ leaves κ > 0 at trial points; the start must not."""
    problem = seed_problem(seed=2, n=4)
    result = pcl.minimize(problem, maxiter=30, options={"initial_trust_radius": 500.0}, gtol=0.0,
                          ftol=0.0)
    assert result.failed > 0 and np.isfinite(result.fun)
    assert result.fun < problem.value(problem.theta0)
    below = problem.theta0
    below[-1] = -100.0
    with pytest.raises(pcl.InvalidCoefficient, match="kappa is not positive.*cell 0"):
        pcl.minimize(problem, x0=below)


def test_missing_dirichlet_condition_is_refused():
    space = fem.Space(fem.unit_square(4), "P1")
    with pytest.raises(pcl.SingularMatrix, match="no Dirichlet value"):
        fem.solve(space.laplace(1.0), space.load(1.0))


def test_one_hessian_takes_less_than_200_megabytes():
    """Peak resident memory of a process with and without the 921×921 Hessian."""
    code = ("import resource, sys; sys.path.insert(0, sys.argv[2])\n"
            "from test_main_job import seed_problem\n"
            "p = seed_problem(); p.gradient(p.theta0)\n"
            "if sys.argv[1] == 'hessian': p.hessian(p.theta0)\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")

    def peak(what):
        run = [sys.executable, "-c", code, what, str(pathlib.Path(__file__).parent)]
        return float(subprocess.run(run, capture_output=True, text=True, check=True,
                                    cwd=EXAMPLES.parent).stdout)
    assert peak("hessian") - peak("gradient") < 200.0


@pytest.mark.slow
def test_median_loss_over_five_seeds_after_a_hundred_trust_region_steps():
    """At most 2e-9: so it is once three of the five have come there, and a run's loss does not rise."""
    target, losses = 2e-9, []
    for seed in (2, 23, 233, 2333, 23333):
        if sum(loss <= target for loss in losses) < 3:
            losses.append(pcl.minimize(seed_problem(seed), maxiter=100, gtol=0.0, ftol=0.0,
                                       callback=TargetLoss(target), progress=False).fun)
    assert sum(loss <= target for loss in losses) == 3, losses
