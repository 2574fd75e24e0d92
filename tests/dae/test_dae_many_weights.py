"""The reduced system of many weights by conjugate gradients, against its Cholesky factorisation."""

import copy

import dae_programs as cases
import numpy as np
import pytest

from benchmarks.dae_cases import CASES, set_up
from pcl import interior_point
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.dae.program.law_curvature import LawCurvature

NAMES = ("wide, Radau", "wide, Gauss", "no algebraic variables", "free trajectories")


class System:
    """K of a program at random multipliers, its path rows relaxed."""

    def __init__(self, name, shift, seed=1):
        self.program, rng = copy.copy(cases.program(name)), np.random.default_rng(seed)
        x, lam = cases.point(name, seed)
        p = self.program
        p.by_products, p.penalties = True, [np.full(law.size, 0.3) for law in p.laws]
        self.J, self.W = p.jacobian(x), p.hessian(x, lam, 1.0)
        self.d_x, self.d_c = 2.0 * rng.uniform(size=p.n) ** 3 + shift, np.zeros(p.m)
        paths = np.isinf(p.c_lower)
        self.d_c[paths] = 10.0 ** rng.uniform(-3, 1, paths.sum())
        self.r_x, self.r_c = rng.normal(size=p.n), rng.normal(size=p.m)

    def factor(self, segment, iterative):
        return ReducedKKT(segment=segment, adapt=False, iterative=iterative).factor(
            self.W, self.J, self.d_x, self.d_c)

    def refined(self, factor, steps=4):
        """A solution after some corrections by its residuals."""
        dx, lam = np.zeros(len(self.r_x)), np.zeros(len(self.r_c))
        for _ in range(steps):
            residual = (self.r_x - self.d_x * dx - self.W @ dx - self.J.T @ lam,
                        self.r_c - self.J @ dx + self.d_c * lam)
            ex, el = factor.solve(*residual)
            dx, lam = dx + ex, lam + el
        return np.concatenate([dx, lam])


@pytest.mark.parametrize("segment", (1, 2, 8))
@pytest.mark.parametrize("name", NAMES)
def test_conjugate_gradients_give_the_direct_solution(name, segment):
    """With cuts, free starts and parameters; to 1e-8 of the largest entry."""
    system = System(name, 100.0)
    iterative, direct = (system.factor(segment, yes) for yes in (True, False))
    found, exact = system.refined(iterative), system.refined(direct)
    assert iterative.right_inertia and direct.right_inertia
    assert np.abs(found - exact).max() < 1e-8 * np.abs(exact).max()


@pytest.mark.parametrize("name", NAMES)
def test_negative_curvature_withdraws_the_verdict(name):
    """Where Cholesky finds the wrong inertia, the solution does."""
    found = []
    for shift in (0.0, 1.0, 10.0, 1e3):
        system = System(name, shift)
        iterative, direct = (system.factor(2, yes) for yes in (True, False))
        if iterative.right_inertia:
            system.refined(iterative, 3)
        found.append(direct.right_inertia)
        assert iterative.right_inertia == direct.right_inertia
    assert any(found)


def test_products_with_the_curvature_of_a_law_are_those_of_its_matrix():
    made = set_up(CASES["fed-batch"], 0, elements=4)
    made.program.by_products = True
    p, rng = made.program, np.random.default_rng(0)
    W = p.hessian(made.x0, rng.normal(size=p.m), 2.0)
    block, = W.theta
    assert isinstance(block, LawCurvature)
    v, H = rng.normal(size=len(block)), block.toarray()
    assert np.abs(block @ v - H @ v).max() < 1e-12 * np.abs(H @ v).max()
    assert np.abs(W.tocsc() @ np.r_[np.zeros(p.n - len(v)), v] - W @ np.r_[np.zeros(p.n - len(v)), v]
                  ).max() < 1e-10 * np.abs(H @ v).max()


def test_a_run_takes_the_iterates_of_the_direct_step():
    """Iterations, factorisations, and the optimum, the index-2 tank with cuts of its trajectories."""
    def run(iterative):
        made = set_up(CASES["tank"], 0, width=4)
        made.program.by_products = iterative
        return interior_point.solve(made.program, made.x0, kkt=ReducedKKT(5, iterative=iterative),
                                    tol=1e-6, reestimate_below=np.inf, maxiter=25)
    iterative, direct = run(True), run(False)
    assert iterative.nit == direct.nit
    assert iterative.counts["factorisations"] == direct.counts["factorisations"]
    assert np.abs(iterative.x - direct.x).max() < 1e-6 * np.abs(direct.x).max()


def test_products_are_chosen_for_many_weights_of_few_rows():
    """120 rows: from 1,000 weights on."""
    made = [set_up(CASES["fed-batch"], 0, width=width) for width in (10, 30)]
    assert [one.program.by_products for one in made] == [False, True]
    more = set_up(CASES["fed-batch"], 0, width=30, trajectories=12)
    assert not more.program.by_products     # 480 rows
