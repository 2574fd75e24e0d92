"""IPOPT as a second opinion agrees with our solver; cyipopt is asked by its own interface."""
import sys
import types

import numpy as np
import pytest
import scipy.sparse as sp
from hock_schittkowski import PROBLEMS
from hock_schittkowski.problem import EQ, GE, INF, Problem
from hock_schittkowski.program import DualProgram
from nlp_cases import NO_POINT

from pcl.interior_point import Status, solve

BY_NUMBER = {problem.number: problem for problem in PROBLEMS}
FIXED = Problem(0, (1.0, 2.0, 0.0), lambda x, m: x[0]**2 + x[1]**2 + m.exp(x[2]) - x[2], 2.0 + 1.0,
                bounds=((1, 1), (-INF, INF), (-INF, INF)), rows=(EQ,),
                constraints=lambda x, m: [x[0] + x[1]])


def both(problem, **settings):
    """(ours, IPOPT's) of a problem from its published start."""
    program = DualProgram(problem)
    return solve(program, problem.x0, **settings), solve(program, problem.x0, solver="ipopt", **settings)


class Sparse(DualProgram):
    """The same program with sparse matrices."""

    def jacobian(self, x):
        return sp.csr_array(super().jacobian(x))

    def hessian(self, x, lam, sigma):
        return sp.csc_array(super().hessian(x, lam, sigma))


@pytest.mark.parametrize("hessian", ["exact", "limited-memory"])
@pytest.mark.parametrize("problem", [BY_NUMBER[71], BY_NUMBER[43], BY_NUMBER[1], FIXED],
                         ids=lambda problem: problem.name)
def test_both_find_the_same_point_and_multipliers(problem, hessian):
    pytest.importorskip("casadi")
    ours, theirs = both(problem, hessian=hessian)
    assert ours.success and theirs.success and type(theirs) is type(ours) and set(theirs) == set(ours)
    assert theirs.fun == pytest.approx(problem.optimum, rel=1e-6, abs=1e-6)
    for name in ("x", "lam", "z_lower", "z_upper", "jac"):
        assert np.allclose(theirs[name], ours[name], atol=1e-4), name
    assert theirs.dual_residual < 1e-5 and theirs.constraint_violation < 1e-7
    assert theirs.complementarity < 1e-6
    assert theirs.history.shape == (theirs.nit + 1, 6) and theirs.nit > 0
    assert "IPOPT" in theirs.message and "nan" not in theirs.summary()


def test_sparse_matrices_give_the_iterates_of_dense_ones():
    pytest.importorskip("casadi")
    problem = BY_NUMBER[71]
    dense, sparse = (solve(kind(problem), problem.x0, solver="ipopt") for kind in (DualProgram, Sparse))
    assert np.allclose(dense.history, sparse.history, rtol=1e-9, atol=1e-12)


def test_a_pattern_that_grows_is_refused(monkeypatch):
    pytest.importorskip("casadi")
    monkeypatch.setattr("pcl.interior_point.ipopt.evaluations._DENSE", 0)
    problem = Problem(0, (0.0, 1.0), lambda x, m: (x[0] - 1)**2 + x[1]**2, 0.0, rows=(GE,),
                      constraints=lambda x, m: [x[0]**2 + x[1]])
    with pytest.raises(ValueError, match="one pattern"):
        solve(Sparse(problem), problem.x0, solver="ipopt")


def test_a_warm_start_takes_fewer_iterations_and_limits_hold():
    pytest.importorskip("casadi")
    program, x0 = DualProgram(BY_NUMBER[71]), BY_NUMBER[71].x0
    cold = solve(program, x0, solver="ipopt")
    warm = solve(program, solver="ipopt", warm_start=cold)
    assert warm.success and warm.nit < cold.nit // 2
    cut = solve(program, x0, solver="ipopt", maxiter=2)
    assert cut.status is Status.ITERATION_LIMIT and cut.nit == 2 and not cut.success


def test_infeasible_programs_name_their_rows():
    pytest.importorskip("casadi")
    found = solve(DualProgram(NO_POINT[1].problem), NO_POINT[1].problem.x0, solver="ipopt")
    assert found.status is Status.INFEASIBLE and "violated by" in found.message


def test_an_exception_of_the_program_reaches_the_caller():
    pytest.importorskip("casadi")

    class Broken(DualProgram):
        def hessian(self, x, lam, sigma):
            if not np.allclose(x, BY_NUMBER[71].x0, atol=0.1):
                raise KeyError("a table is missing")
            return super().hessian(x, lam, sigma)

    with pytest.raises(KeyError, match="a table"):
        solve(Broken(BY_NUMBER[71]), BY_NUMBER[71].x0, solver="ipopt")


def test_what_ipopt_cannot_be_told_is_refused():
    program, x0 = DualProgram(BY_NUMBER[71]), BY_NUMBER[71].x0
    for settings, words in (({"callback": print}, "callback"), ({"hessian": object()}, "limited-memory"),
                            ({"tol": -1.0}, "tol")):
        with pytest.raises(ValueError, match=words):
            solve(program, x0, solver="ipopt", **settings)
    with pytest.raises(ValueError, match="ipopt"):
        solve(program, x0, solver="ipop")


def test_without_ipopt_one_sentence_names_what_to_install(monkeypatch):
    for package in ("cyipopt", "casadi"):
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=r"pcl-fem\[casadi\].*cyipopt"):
        solve(DualProgram(BY_NUMBER[71]), BY_NUMBER[71].x0, solver="ipopt")


class _Stand:
    """What cyipopt.Problem is asked: every callback at the start, then SciPy's optimum as the answer."""

    asked = {}

    def __init__(self, n, m, problem_obj=None, lb=None, ub=None, cl=None, cu=None):
        self.n, self.m, self.obj, self.bounds = n, m, problem_obj, (lb, ub, cl, cu)
        self.options = {}

    def add_option(self, name, value):
        self.options[name] = value

    def solve(self, x, lagrange=(), zl=(), zu=()):
        obj, lam = self.obj, np.arange(1.0, self.m + 1)
        J, W = np.zeros((self.m, self.n)), np.zeros((self.n, self.n))
        J[obj.jacobianstructure()] = obj.jacobian(x)
        rows, columns = obj.hessianstructure()
        assert (rows >= columns).all()              # the lower triangle, as cyipopt documents
        W[rows, columns] = W[columns, rows] = obj.hessian(x, lam, 0.5)
        type(self).asked = {"J": J, "W": W, "f": obj.objective(x), "g": obj.gradient(x),
                            "c": obj.constraints(x), "x": x, "options": self.options}
        goes_on = obj.intermediate(0, 0, 1.0, 0.1, 0.2, 1e-3, 0.0, 0.0, 1.0, 1.0, 1)
        best = solve(obj._program, x)
        info = {"status": 0, "status_msg": b"", "obj_val": best.fun, "g": best.x, "mult_g": best.lam,
                "mult_x_L": best.z_lower, "mult_x_U": best.z_upper}
        assert goes_on
        return best.x, info


def test_cyipopt_is_asked_first_and_by_its_interface(monkeypatch):
    monkeypatch.setitem(sys.modules, "cyipopt", types.SimpleNamespace(Problem=_Stand))
    problem = BY_NUMBER[71]
    program = DualProgram(problem)
    found = solve(program, problem.x0, solver="ipopt", tol=1e-9, maxiter=77)
    asked = _Stand.asked
    assert np.allclose(asked["J"], program.jacobian(asked["x"]))
    assert np.allclose(asked["W"], program.hessian(asked["x"], np.array([1.0, 2.0]), 0.5))
    assert asked["options"]["tol"] == 1e-9 and asked["options"]["max_iter"] == 77
    assert found.success and "cyipopt" in found.message and found.history.shape == (1, 6)
    assert found.fun == pytest.approx(problem.optimum, rel=1e-6)
