"""`minimize` speaks SciPy: method, options, callbacks, result fields, sparse Hessians, warm starts."""
import io

import numpy as np
import pytest
import scipy.optimize
import scipy.sparse as sp
from scipy.optimize import BFGS, LinearConstraint, NonlinearConstraint, OptimizeWarning
from scipy.optimize import rosen, rosen_der, rosen_hess

from pcl.interior_point import IterationTable, minimize

DISC = NonlinearConstraint(lambda x: x @ x, -np.inf, 1.5, jac=lambda x: 2.0 * x[None, :],
                           hess=lambda x, v: 2.0 * v[0] * np.eye(x.size))
CALL = {"fun": rosen, "x0": [-1.2, 1.0], "jac": rosen_der, "hess": rosen_hess, "constraints": DISC}


def test_a_call_of_trust_constr_needs_no_change():
    call = {**CALL, "method": "trust-constr", "options": {"maxiter": 500, "gtol": 1e-9, "disp": False}}
    ours, theirs = minimize(**call), scipy.optimize.minimize(**call)
    assert ours.success and np.allclose(ours.x, theirs.x, atol=1e-5)
    assert ours.fun == pytest.approx(theirs.fun, abs=1e-6)
    assert np.allclose(ours.jac, rosen_der(ours.x)) and ours.optimality < 1e-6
    assert ours.constr_violation < 1e-8 and int(ours.status) == 0 and isinstance(ours.message, str)
    assert min(ours.nit, ours.nfev, ours.njev, ours.nhev) > 5


def test_every_form_of_callback_sees_the_iterates():
    seen = {"xk": [], "state": [], "result": [], "snapshot": []}
    minimize(**CALL, callback=lambda xk: seen["xk"].append(xk))
    minimize(**CALL, callback=lambda xk, state: seen["state"].append(state.x))
    minimize(**CALL, callback=lambda intermediate_result: seen["result"].append(intermediate_result.x))
    minimize(**CALL, callback=lambda snapshot: seen["snapshot"].append(snapshot.x))
    for points in seen.values():
        assert len(points) > 5 and np.array_equal(points, seen["xk"])


def test_true_from_a_callback_of_two_arguments_ends_the_run():
    assert minimize(**CALL, callback=lambda xk, state: state.nit == 2).nit == 2


def test_unknown_methods_and_options_are_refused_and_foreign_ones_warned_of():
    with pytest.raises(ValueError, match="interior-point"):
        minimize(**CALL, method="nelder-mead")
    with pytest.raises(ValueError, match="maxiter"):
        minimize(**CALL, options={"maxitre": 3})
    with pytest.warns(OptimizeWarning, match="xtol"):
        minimize(**CALL, options={"xtol": 1e-3})
    assert minimize(**CALL, options={"maxiter": 3}).nit == 3


def test_products_and_quasi_newton_objects_serve_as_hessians():
    exact = minimize(**CALL)
    products = minimize(**{**CALL, "hess": None}, hessp=lambda x, p: rosen_hess(x) @ p)
    assert products.nit == exact.nit and np.allclose(products.x, exact.x, atol=1e-9)
    quasi = minimize(**{**CALL, "hess": BFGS()}, options={"gtol": 1e-6})
    assert quasi.status.name in ("SOLVED", "ACCEPTABLE")


def test_a_warm_start_begins_at_the_earlier_point_with_its_multipliers():
    cold, first = minimize(**CALL), []
    warm = minimize(**CALL, warm_start=cold, callback=lambda xk: first.append(xk))
    assert np.allclose(first[0], cold.x, atol=1e-6) and warm.success and warm.nit <= 4
    with pytest.raises(ValueError, match="warm_start.lam"):
        minimize(rosen, [0.0, 0.0], jac=rosen_der, warm_start=cold)
    with pytest.raises(TypeError, match="warm_start"):
        minimize(**CALL, warm_start=cold.x)


def test_sparse_hessians_with_linear_rows_stay_sparse():
    """½ Σ x² − Σ x with neighbours equal: ones; a dense matrix of n² numbers would take 3 GB."""
    n = 20000
    rows = sp.diags_array([1.0, -1.0], offsets=[0, 1], shape=(n - 1, n), format="csr")
    H = sp.eye_array(n, format="csr")
    r = minimize(lambda x: 0.5 * x @ x - x.sum(), np.linspace(0.0, 2.0, n), jac=lambda x: x - 1.0,
                 hess=lambda x: H, constraints=LinearConstraint(rows, 0.0, 0.0), maxiter=20)
    assert r.success and np.allclose(r.x, 1.0, atol=1e-8)


def test_a_sparse_hessian_beside_a_dense_one_is_added():
    sparse = {**CALL, "hess": lambda x: sp.csr_array(rosen_hess(x))}
    assert np.allclose(minimize(**sparse).x, minimize(**CALL).x, atol=1e-10)


def test_the_table_has_a_line_for_every_iteration(capsys):
    stream = io.StringIO()
    r = minimize(**CALL, callback=IterationTable(stream))
    lines = [line for line in stream.getvalue().splitlines() if not line.startswith("iter")]
    assert len(lines) == r.nit + 1 and capsys.readouterr().out == ""
    last = lines[-1].split()
    assert int(last[0]) == r.nit and float(last[1]) == pytest.approx(r.fun, rel=1e-6)
    minimize(**CALL, options={"disp": True})
    assert capsys.readouterr().out.count("\n") > r.nit


def test_a_point_that_fulfils_the_tolerances_is_solved_at_the_iteration_limit():
    full = minimize(**CALL)
    assert minimize(**CALL, maxiter=full.nit).success
    assert minimize(**CALL, maxiter=full.nit - 1).status.name == "ITERATION_LIMIT"
