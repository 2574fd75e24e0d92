"""The reduced KKT backend against the assembled matrix: solutions, inertia, and whole runs."""

import dae_programs as cases
import numpy as np
import pytest

from benchmarks.dae_cases import CASES, set_up
from pcl import interior_point
from pcl.dae.kkt.recursion import Recursion
from pcl.dae.kkt.reduced import ReducedKKT
from pcl.interior_point.kkt.dense import HELD
from pcl.interior_point.kkt.protocol import backend

SEGMENTS = (1, 2, 8)


class System:
    """K with random diagonals; rows of paths are relaxed by 1e-6 … 1e4, the equations by `relaxed`."""

    def __init__(self, name, seed, shift, curved=True, relaxed=0.0):
        self.program, rng = cases.program(name), np.random.default_rng(seed + 9)
        x, lam = cases.point(name, seed)
        p = self.program
        self.J, self.W = p.jacobian(x), p.hessian(x, lam, 1.0) if curved else None
        self.d_x, self.d_c = 2.0 * rng.uniform(size=p.n) ** 3 + shift, np.full(p.m, relaxed)
        paths = np.isinf(p.c_lower)
        self.d_c[paths] = 10.0 ** rng.uniform(-6, 4, paths.sum())
        self.r = rng.normal(size=p.n + p.m)

    def hold(self, *places):
        """Unknown i < n held, row j as n + j free."""
        n = self.program.n
        for i in places:
            diagonal, at = (self.d_x, i) if i < n else (self.d_c, i - n)
            diagonal[at], self.r[i] = HELD, 0.0
        return self

    def matrix(self):
        n = self.program.n
        J = self.J.tocsc().toarray()
        W = 0.0 if self.W is None else self.W.tocsc().toarray()
        held = np.flatnonzero(np.concatenate([self.d_x, self.d_c]) >= HELD)
        K = np.block([[W + np.diag(self.d_x), J.T], [J, -np.diag(self.d_c)]])
        K[held], K[:, held] = 0.0, 0.0
        K[held, held] = np.where(held < n, 1.0, -1.0)
        return K

    def right(self):
        return int((np.linalg.eigvalsh(self.matrix()) > 0.0).sum()) == self.program.n

    def factor(self, segment):
        return ReducedKKT(segment=segment, adapt=False).factor(self.W, self.J, self.d_x, self.d_c)

    def error(self, segment, refinements=1):
        """Of a solution, relative."""
        K, n, factor = self.matrix(), self.program.n, self.factor(segment)
        held = np.concatenate([self.d_x, self.d_c]) >= HELD
        found = np.zeros(len(K))
        for _ in range(1 + refinements):
            r = np.where(held, 0.0, self.r - K @ found)
            found = found + np.where(held, 0.0, np.concatenate(factor.solve(r[:n], r[n:])))
        exact = np.linalg.solve(K, self.r)
        return np.abs(found - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("segment", SEGMENTS)
@pytest.mark.parametrize("name", cases.SHAPES)
def test_reduced_solution_is_that_of_the_whole_matrix(name, segment):
    """Up to the conditioning of K, below 1e6 here."""
    for curved in (True, False):
        system = System(name, 1, 100.0, curved)
        assert system.factor(segment).right_inertia
        assert system.error(segment) < 1e-9


@pytest.mark.parametrize("name", cases.SHAPES)
def test_verdict_on_the_inertia_is_that_of_the_eigenvalues(name):
    verdicts = []
    for seed in (0, 1, 2):
        for shift in (0.0, 1.0, 10.0, 1e3):
            system = System(name, seed, shift)
            verdicts.append(system.right())
            for segment in SEGMENTS:
                assert system.factor(segment).right_inertia == verdicts[-1]
    assert any(verdicts) and (name == "free trajectories" or not all(verdicts))


def test_indefinite_systems_with_cuts_are_solved_too():
    """With cuts the small system is indefinite anyway: dual steps do not need the right inertia."""
    system = System("wide, Radau", 0, 0.0)
    assert not system.right() and not system.factor(2).singular
    assert system.error(2) < 1e-8


@pytest.mark.parametrize("name", ["wide, Radau", "wide, Gauss", "no network", "no algebraic variables"])
def test_held_unknowns_and_free_rows_stay_out(name):
    """A weight or parameter, a free start, a state and the last variable of a node, a path row."""
    p = cases.program(name)
    elements = p.elements
    start = int(np.flatnonzero((elements.first[:, None] & ~p.rows.jointed).ravel())[0])
    slots = elements.E * elements.n_x, elements.n - elements.parameters.n - 1
    for i in (p.n - 1, elements.n - 1, start, *slots):
        system = System(name, 1, 100.0).hold(i)
        assert system.factor(2).right_inertia and system.right()
        assert system.error(2) < 1e-9
    if p.rows.paths:
        assert System(name, 1, 100.0).hold(p.n + p.m - 1).error(2) < 1e-9


@pytest.mark.parametrize("name", cases.SHAPES)
def test_relaxed_equations_go_through_the_whole_matrix(name):
    for relaxed in (1e-3, 1.0):
        system = System(name, 1, 100.0, relaxed=relaxed)
        assert system.factor(2).right_inertia and system.error(2) < 1e-9


@pytest.mark.parametrize("name", ["wide, Radau", "no network"])
def test_regularised_equations_are_solved_by_refinement(name):
    """d_c = 1e-9 is left out of the factorisation; refinement brings it back."""
    system = System(name, 1, 100.0, relaxed=1e-9)
    assert system.factor(2).right_inertia and system.error(2, 5) < 1e-9


def test_an_element_without_a_solution_is_singular():
    system = System("one element, one point", 0, 1.0)
    system.J.local[:] = 0.0
    factor = system.factor(1)
    assert factor.singular and not factor.right_inertia


def test_segments_shrink_where_the_dynamics_grow():
    """With the slots' columns times 1e-4 every step multiplies x₀ by about 1e4."""
    system = System("wide, Radau", 0, 1.0)
    system.J.local[:, :, system.program.elements.n_x:] *= 1e-4
    kkt = ReducedKKT(segment=8)
    kkt.factor(system.W, system.J, system.d_x, system.d_c)
    assert kkt.segment < 8


# --- whole runs -----------------------------------------------------------------------------------
class Compared:
    """A sparse backend that compares every verdict and refined step with those of the reduced one."""

    def __init__(self):
        self._reduced, self._sparse, self._last = ReducedKKT(), backend("sparse", None, None), (None,) * 4
        self.verdicts, self.differences = [], []

    def factor(self, W, J, d_x, d_c):
        if W is not self._last[0] or J is not self._last[1]:
            self._last = (W, J, None if W is None else W.tocsc(), J.tocsc())
        sparse = self._last[2:]
        pair = self._reduced.factor(W, J, d_x, d_c), self._sparse.factor(*sparse, d_x, d_c)
        self.verdicts.append([f.right_inertia and not f.singular for f in pair])
        return Both(self.differences, pair, *sparse, d_x, d_c)


class Both:
    def __init__(self, differences, pair, W, J, d_x, d_c):
        self._differences, self._pair, self._K = differences, pair, (W, J, d_x, d_c)
        self.right_inertia, self.singular = pair[1].right_inertia, pair[1].singular

    def solve(self, r_x, r_c):
        one, two = (self._refined(factor, r_x, r_c) for factor in self._pair)
        self._differences.append(max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(one, two)))
        return two

    def _refined(self, factor, r_x, r_c):
        W, J, d_x, d_c = self._K
        dx, lam = np.zeros(r_x.size), np.zeros(r_c.size)
        for _ in range(4):
            curved = 0.0 if W is None else W @ dx
            more = factor.solve(r_x - d_x * dx - curved - J.T @ lam, r_c - J @ dx + d_c * lam)
            dx, lam = dx + more[0], lam + more[1]
        return dx, lam


@pytest.mark.parametrize("name", ["tank", "population", "fed-batch"])
def test_reduced_and_sparse_backends_give_the_same_steps(name):
    """At every iterate of a run: the same verdicts on the inertia, steps and multipliers to 1e-8."""
    made, kkt = set_up(CASES[name], 0, width=3), Compared()
    interior_point.solve(made.program, made.x0, kkt=kkt, maxiter=12, tol=1e-6)
    assert len(kkt.differences) > 10 and max(kkt.differences) < 1e-8
    assert all(a == b for a, b in kkt.verdicts)


def test_reduced_and_sparse_backends_end_at_the_same_solution():
    """Fed-batch, the same number of iterations. A step is known to a residual of 1e-10 alone."""
    made = set_up(CASES["fed-batch"], 0, width=3)
    ends = [interior_point.solve(made.program, made.x0, kkt=kkt, tol=1e-8)
            for kkt in (ReducedKKT(), "sparse")]
    assert ends[0].success and ends[0].nit == ends[1].nit
    np.testing.assert_allclose(ends[0].x, ends[1].x, rtol=1e-8, atol=1e-8)


def test_states_along_chains_are_those_of_the_loop():
    rng = np.random.default_rng(3)
    step, r = rng.normal(size=(7, 3, 3)), rng.normal(size=(7, 3))
    coupled = np.array([False, True, True, False, True, True, True])
    chains = Recursion(step, coupled)
    x = chains.solve(r)
    for e in range(7):
        np.testing.assert_allclose(x[e], r[e] + (step[e - 1] @ x[e - 1] if coupled[e] else 0.0),
                                   rtol=1e-12, atol=1e-12)
    weights = rng.normal(size=(7, 3))
    assert np.sum(weights * x) == pytest.approx(np.sum(chains.solve_transposed(weights) * r), rel=1e-12)
    assert Recursion(np.zeros((4, 0, 0)), coupled[:4]).solve(np.zeros((4, 0))).shape == (4, 0)
