"""Solvers, optimizers and schemes of others: a name once, and a contract that is looked at."""

import numpy as np
import pytest
import scipy.linalg
import scipy.sparse
from small_problems import Linear

import pcl
from pcl import factor
from pcl.evolution import march as marching
from pcl.training import methods


class Dense:
    """A⁻¹ as a dense matrix; `scale` 1 is right."""

    entries = nbytes = 1
    scale = 1.0

    def __init__(self, matrix, symmetric):
        self._inverse = self.scale * np.linalg.inv(matrix.toarray())

    def solve(self, b, transpose=False):
        return (self._inverse.T if transpose else self._inverse) @ b

    estimate = solve


class Backward:
    """M (u₁ − u₀)/h + F(u₁, t₁) = 0."""

    order = 1

    def stencil(self, times, k, s):
        return [(0, k, 1.0 - s), (0, k + 1, s)]

    def march(self, evolution, initial, times, which, memory):
        def step(u, t0, t1):
            a = 1.0 / (t1 - t0)
            return evolution.solve(a, a * (evolution.mass @ u), pcl.Stage(t1), t1, u)
        return which.of(pcl.scan(step, initial, (times[:-1], times[1:]), keep=which.keep, memory=memory))


def descend(run, name, options):
    rate = options["rate"]
    while True:
        point = run.trial(run.current.theta - rate * run.current.gradient, gradient=True)
        if point.loss < run.current.loss:
            run.accept(point)
        else:
            rate *= 0.5
            run.reject()


DESCENT = pcl.Method(descend, maxiter=50, options={"rate": (0.1, methods.positive)})


def sparse(array):
    return pcl.SparseMatrix.from_scipy(scipy.sparse.csc_array(array))


def test_a_registered_solver_solves():
    pcl.register_solver("dense", Dense)
    A = np.array([[2.0, 1.0], [0.0, 4.0]])
    np.testing.assert_allclose(pcl.solve(sparse(A), np.array([3.0, 4.0]), solver="dense"), [1.0, 1.0],
                               rtol=1e-14)


def test_a_registered_scheme_marches_like_the_one_it_repeats():
    pcl.register_scheme("mine", Backward())
    system = pcl.FirstOrder(sparse(np.eye(2)), sparse(np.array([[2.0, -1.0], [-1.0, 3.0]])))
    times, at = np.array([0.0, 0.1, 0.3, 0.4]), [0.05, 0.4]
    mine, theirs = (pcl.march(system, np.array([1.0, 2.0]), times, name, at=at)
                    for name in ("mine", "backward-euler"))
    np.testing.assert_allclose(mine, theirs, rtol=1e-13)


def test_a_registered_method_minimises_with_its_options():
    pcl.register_method("descent", DESCENT)
    problem = Linear()
    result = pcl.minimize(problem, "DESCENT", options={"rate": 1.0}, maxiter=30)
    assert result.method == "descent" and result.fun < problem.value(problem.theta0)
    assert (np.diff(result.history.loss) <= 0.0).all()
    with pytest.raises(ValueError, match="rate"):
        pcl.minimize(problem, "descent", options={"rate": -1.0})


@pytest.mark.parametrize("register, name, value", [
    (pcl.register_solver, "SuperLU", Dense), (pcl.register_method, "bfgs", DESCENT),
    (pcl.register_scheme, "bdf2", Backward()), (pcl.register_scheme, "generalised-alpha", Backward())])
def test_a_name_that_is_taken_is_refused(register, name, value):
    with pytest.raises(ValueError, match="exists already; taken are"):
        register(name, value)
    with pytest.raises(TypeError, match="expected a string"):
        register("", value)


def test_what_breaks_the_contract_is_refused():
    class Wrong(Dense):
        scale = 1.001

    class Silent(Dense):
        nbytes = None

    for value, error, words in ((Wrong, ValueError, "does not solve"), (7, TypeError, "int"),
                                (Silent, TypeError, "without nbytes")):
        with pytest.raises(error, match=words):
            pcl.register_solver("mine", value)
    with pytest.raises(TypeError, match="expected a pcl.Method"):
        pcl.register_method("mine", descend)
    with pytest.raises(TypeError, match="maxiter=0"):
        pcl.register_method("mine", pcl.Method(descend, 0, {}))
    with pytest.raises(ValueError, match="fails its own check"):
        pcl.register_method("mine", pcl.Method(descend, 5, {"rate": (-1.0, methods.positive)}))
    with pytest.raises(TypeError, match="order"):
        pcl.register_scheme("mine", object())
    assert "mine" not in {*factor.solvers(), *methods.METHODS, *marching._FIRST_ORDER}
