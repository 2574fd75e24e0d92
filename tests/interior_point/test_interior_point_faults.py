"""What can be wrong with a nonlinear program is answered in words, never by a false success."""
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import NonlinearConstraint

from pcl.errors import TrialFailure
from pcl.interior_point import Status, minimize, solve

INF = np.inf


class Quadratic:
    """½|x − a|² with linear rows A x between two sides; any method can be replaced."""

    def __init__(self, a, A=None, c_lower=(), c_upper=(), x_lower=None, x_upper=None, **methods):
        self.a = np.array(a, dtype=float)
        self.n = self.a.size
        self.A = np.zeros((0, self.n)) if A is None else np.array(A, dtype=float)
        self.m = self.A.shape[0]
        self.c_lower, self.c_upper = np.array(c_lower, dtype=float), np.array(c_upper, dtype=float)
        self.x_lower = np.full(self.n, -INF) if x_lower is None else np.array(x_lower, dtype=float)
        self.x_upper = np.full(self.n, INF) if x_upper is None else np.array(x_upper, dtype=float)
        self.__dict__.update(methods)

    def objective(self, x):
        return 0.5 * float((x - self.a) @ (x - self.a))

    def gradient(self, x):
        return x - self.a

    def constraints(self, x):
        return self.A @ x

    def jacobian(self, x):
        return self.A.copy()

    def hessian(self, x, lam, sigma):
        return sigma * np.eye(self.n)

    def row_name(self, j):
        return f"row {j}"

    def variable_name(self, i):
        return f"variable {i}"


@pytest.mark.parametrize("bounds, text", [
    ({"x_lower": [0, 2], "x_upper": [1, 1]}, r"x_lower\[1\] = 2 is above x_upper\[1\] = 1"),
    ({"A": [[1, 1]], "c_lower": [3], "c_upper": [2]}, r"c_lower\[0\] = 3 is above"),
    ({"x_lower": [np.nan, 0]}, r"x_lower\[0\] \(variable 0\) is nan"),
    ({"x_lower": [0, INF]}, r"x_lower\[1\] \(variable 1\) is inf"),
    ({"x_upper": [-INF, 0]}, r"x_upper\[0\] \(variable 0\) is -inf")])
def test_bounds_no_number_satisfies_are_refused(bounds, text):
    with pytest.raises(ValueError, match=text):
        solve(Quadratic([1, 1], **bounds), [0, 0])


@pytest.mark.parametrize("x0", [[np.nan, 0.0], [INF, 0.0], [1.0], None])
def test_a_start_that_is_no_point_is_refused(x0):
    with pytest.raises(ValueError, match="x0"):
        solve(Quadratic([1, 1]), x0)


def test_a_start_outside_the_bounds_is_pushed_inside_and_not_written_to():
    x0 = np.array([-7.0, 9.0])
    result = solve(Quadratic([3, 3], x_lower=[0, 0], x_upper=[1, 1]), x0)
    assert result.success and np.allclose(result.x, 1.0, atol=1e-7)
    assert (x0 == [-7.0, 9.0]).all()


def test_an_infeasible_program_names_the_worst_row():
    program = Quadratic([0, 0], A=[[1, 0], [1, 0]], c_lower=[2, -INF], c_upper=[INF, 1])
    result = solve(program, [0, 0])
    assert result.status is Status.INFEASIBLE and not result.success
    assert "row " in result.message and result.constraint_violation == pytest.approx(0.5, abs=0.51)


def test_contradictory_equations_are_infeasible_with_the_least_violation():
    result = solve(Quadratic([0, 0], A=[[1, 1], [1, 1]], c_lower=[1, 2], c_upper=[1, 2]), [3, -1])
    assert result.status is Status.INFEASIBLE
    assert 0.49 < result.constraint_violation < 1.01


def test_an_unbounded_program_is_called_so():
    program = Quadratic([0, 0], objective=lambda x: -x[0], gradient=lambda x: np.array([-1.0, 0.0]),
                        hessian=lambda x, lam, sigma: np.zeros((2, 2)))
    assert solve(program, [0, 0]).status is Status.UNBOUNDED
    bounded = Quadratic([0, 0], x_lower=[0, 0], objective=program.objective, gradient=program.gradient,
                        hessian=program.hessian)
    assert solve(bounded, [1, 1]).status is Status.UNBOUNDED


@pytest.mark.parametrize("kkt", ["dense", "sparse", "superlu"])
def test_dependent_rows_are_solved_by_regularisation(kkt):
    if kkt == "sparse":
        pytest.importorskip("feral")
    program = Quadratic([1, 2, 3], A=[[1, 1, 1], [2, 2, 2], [1, 0, 0]], c_lower=[3, 6, 0],
                        c_upper=[3, 6, 0])
    result = solve(program, [0, 0, 0], kkt=kkt)
    assert result.success and np.allclose(result.x, [0, 1, 2], atol=1e-7)


def test_more_equations_than_unknowns_are_solved_when_they_agree():
    A = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    result = solve(Quadratic([5, 5], A=A, c_lower=A @ [1, 2], c_upper=A @ [1, 2]), [0, 0])
    assert result.success and np.allclose(result.x, [1, 2], atol=1e-8)


def test_a_trial_point_that_is_not_finite_is_rejected():
    """x − ln x from 1e-3: the full Newton step is safe, from 3 it leaves the domain."""
    program = Quadratic([0], objective=lambda x: float(x[0] - np.log(x[0])),
                        gradient=lambda x: 1.0 - 1.0 / x,
                        hessian=lambda x, lam, sigma: sigma * np.diag(x ** -2.0))
    with np.errstate(invalid="ignore"):
        result = solve(program, [3.0])
    assert result.success and result.x[0] == pytest.approx(1.0, abs=1e-8)


def test_a_trial_failure_raised_by_the_model_is_a_rejected_point():
    def objective(x):
        if x[0] > 1.5:
            raise TrialFailure("too far")
        return 0.5 * float((x - 1.0) @ (x - 1.0))

    program = Quadratic([1], objective=objective, hessian=lambda x, lam, sigma: 0.1 * np.eye(1) * sigma)
    assert solve(program, [0.0]).success


@pytest.mark.parametrize("name", ["objective", "gradient", "constraints", "jacobian"])
def test_a_start_that_cannot_be_evaluated_is_named(name):
    values = {"objective": np.nan, "gradient": np.array([0.0, np.nan]), "constraints": np.array([INF]),
              "jacobian": np.array([[np.nan, 1.0]])}
    program = Quadratic([1, 1], A=[[1, 1]], c_lower=[0], c_upper=[0], **{name: lambda x: values[name]})
    result = solve(program, [0, 0])
    assert result.status is Status.START_FAILED and name in result.message and not result.success


def test_a_hessian_that_is_not_finite_ends_with_words():
    program = Quadratic([1, 1], hessian=lambda x, lam, sigma: np.full((2, 2), np.nan))
    assert solve(program, [0, 0]).status is Status.EVALUATION_FAILED


@pytest.mark.parametrize("name, value", [
    ("gradient", np.zeros(3)), ("gradient", np.zeros((2, 1))), ("constraints", np.zeros(2)),
    ("jacobian", np.zeros((2, 1))), ("objective", np.zeros(2))])
def test_a_first_evaluation_of_the_wrong_shape_is_refused(name, value):
    program = Quadratic([1, 1], A=[[1, 1]], c_lower=[0], c_upper=[0], **{name: lambda x: value})
    with pytest.raises(ValueError, match=name):
        solve(program, [0, 0])


def test_a_hessian_of_the_wrong_shape_is_refused():
    with pytest.raises(ValueError, match="hessian"):
        solve(Quadratic([1, 1], hessian=lambda x, lam, sigma: np.eye(3)), [0, 0])


def test_complex_derivatives_are_refused():
    with pytest.raises(TypeError, match="gradient"):
        solve(Quadratic([1, 1], gradient=lambda x: x + 1j), [0, 0])


@pytest.mark.parametrize("method, wrong", [
    ("gradient", lambda x: np.array([x[0] - 1.0, -(x[1] - 2.0)])),
    ("jacobian", lambda x: np.array([[1.0, -1.0]]))])
def test_a_wrong_sign_is_never_a_success_and_the_check_names_the_entry(method, wrong):
    program = Quadratic([1, 2], A=[[1, 1]], c_lower=[1], c_upper=[1], **{method: wrong})
    assert not solve(program, [0.3, 0.1], maxiter=200).success
    checked = solve(program, [0.3, 0.1], check_derivatives=True)
    assert checked.status is Status.WRONG_DERIVATIVE
    assert "variable 1" in checked.message and method in checked.message


def test_the_check_finds_a_wrong_hessian_and_passes_right_derivatives():
    program = Quadratic([1, 2])
    assert solve(program, [0, 0], check_derivatives=True).success
    wrong = Quadratic([1, 2], hessian=lambda x, lam, sigma: 1.01 * sigma * np.eye(2))
    assert "hessian[" in solve(wrong, [0, 0], check_derivatives=True).message


def curved():
    """Rosenbrock's valley: takes some twenty iterations."""
    return Quadratic(
        [1, 1], objective=lambda x: float(100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2),
        gradient=lambda x: np.array([-400.0 * x[0] * (x[1] - x[0] ** 2) - 2.0 * (1.0 - x[0]),
                                     200.0 * (x[1] - x[0] ** 2)]),
        hessian=lambda x, lam, sigma: sigma * np.array(
            [[1200.0 * x[0] ** 2 - 400.0 * x[1] + 2.0, -400.0 * x[0]], [-400.0 * x[0], 200.0]]))


def test_the_iteration_limit_returns_the_best_point_and_can_be_continued():
    first = solve(curved(), [-1.2, 1.0], maxiter=5)
    assert first.status is Status.ITERATION_LIMIT and first.nit == 5
    assert first.fun == pytest.approx(first.history[:, 0].min())
    assert solve(curved(), warm_start=first).success


def test_the_time_limit_is_kept():
    result = solve(curved(), [-1.2, 1.0], max_seconds=1e-6)
    assert result.status is Status.TIME_LIMIT and result.nit <= 1


def test_variables_that_are_fixed_stay_where_they_are():
    program = Quadratic([1, 2, 3], A=[[1, 1, 1]], c_lower=[6], c_upper=[6], x_lower=[5, -INF, -INF],
                        x_upper=[5, INF, INF])
    result = solve(program, [0, 0, 0])
    assert result.success and result.x[0] == 5.0
    assert np.allclose(result.x, [5, 0, 1], atol=1e-8)
    multiplier = result.x - [1, 2, 3] + result.lam[0]
    assert np.allclose(multiplier, result.z_lower - result.z_upper, atol=1e-7)


def test_all_variables_fixed():
    held = {"x_lower": [1, 2], "x_upper": [1, 2]}
    assert solve(Quadratic([0, 0], **held), [0, 0]).success
    rows = {"A": [[1, 1]], "c_lower": [3], "c_upper": [3]}
    assert solve(Quadratic([0, 0], **held, **rows), [0, 0]).success
    rows = {"A": [[1, 1]], "c_lower": [4], "c_upper": [4]}
    assert solve(Quadratic([0, 0], **held, **rows), [0, 0]).status is Status.INFEASIBLE


def test_no_variables_and_no_rows():
    result = solve(Quadratic([]), [])
    assert result.success and result.x.shape == (0,) and result.fun == 0.0


def test_no_variables_with_rows():
    rows = {"A": np.zeros((1, 0)), "c_lower": [0], "c_upper": [0]}
    assert solve(Quadratic([], **rows), []).success
    rows = {"A": np.zeros((1, 0)), "c_lower": [1], "c_upper": [2]}
    assert solve(Quadratic([], **rows), []).status is Status.INFEASIBLE


def test_free_rows_and_empty_rows_do_not_matter():
    program = Quadratic([1, 2], A=[[1, 5], [0, 0], [0, 0], [1, 0]], c_lower=[-INF, 0, -1, 0.5],
                        c_upper=[INF, 0, INF, INF])
    result = solve(program, [0, 0])
    assert result.success and np.allclose(result.x, [1, 2], atol=1e-6)
    assert abs(result.lam[0]) < 1e-12


@pytest.mark.parametrize("setting, text", [
    ({"barrier": "mehrotra"}, "adaptive, monotone"), ({"kkt": "ma27"}, "dense, sparse"),
    ({"hessian": "bfgs"}, "limited-memory"), ({"scaling": "row"}, "gradient, none"),
    ({"tol": 0.0}, "tol"), ({"tol": -1.0}, "tol"), ({"maxiter": 1.5}, "maxiter"),
    ({"max_seconds": 0.0}, "max_seconds")])
def test_unknown_settings_are_refused_with_the_known_ones(setting, text):
    with pytest.raises(ValueError, match=text):
        solve(Quadratic([1]), [0], **setting)


def test_stop_iteration_ends_the_run_and_arrays_given_out_are_copies():
    def callback(snapshot):
        snapshot.x[:] = np.nan
        if snapshot.iteration == 3:
            raise StopIteration("enough")

    result = solve(curved(), [-1.2, 1.0], callback=callback)
    assert result.status is Status.STOPPED_BY_CALLBACK and "enough" in result.message
    assert result.nit == 3 and np.isfinite(result.x).all()


def test_another_exception_passes_with_the_best_point_attached():
    def callback(snapshot):
        if snapshot.iteration == 3:
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine") as caught:
        solve(curved(), [-1.2, 1.0], callback=callback)
    assert caught.value.partial_result.status is Status.ERROR
    assert np.isfinite(caught.value.partial_result.x).all()


def test_ctrl_c_returns_the_best_point():
    def callback(snapshot):
        if snapshot.iteration == 4:
            raise KeyboardInterrupt

    result = solve(curved(), [-1.2, 1.0], callback=callback)
    assert result.status is Status.INTERRUPTED and result.nit == 4
    assert solve(curved(), warm_start=result).success


@pytest.mark.parametrize("scale", [1e-12, 1e-6, 1e6, 1e12])
def test_objectives_of_any_size_are_minimised_to_the_same_point(scale):
    program = Quadratic([1, 2], objective=lambda x: scale * 0.5 * float((x - 1.0) @ (x - 1.0)),
                        gradient=lambda x: scale * (x - 1.0),
                        hessian=lambda x, lam, sigma: sigma * scale * np.eye(2), x_lower=[0, 0])
    result = solve(program, [4.0, 7.0])
    assert result.success and np.allclose(result.x, 1.0, atol=1e-6)


def test_a_start_of_size_1e8_does_not_end_early():
    result = solve(Quadratic([1, 2]), [1e8, -1e8])
    assert result.success and np.allclose(result.x, [1, 2], atol=1e-7)


@pytest.mark.parametrize("kkt", ["sparse", "superlu"])
def test_a_sparsity_pattern_that_changes_is_handled(kkt):
    """x₁ = 3 with an explicit zero at x₂ in every other Jacobian."""
    if kkt == "sparse":
        pytest.importorskip("feral")
    calls = []

    def jacobian(x):
        calls.append(0)
        places = [0, 1] if len(calls) % 2 else [0]
        return sp.csr_array(([1.0, 0.0][:len(places)], places, [0, len(places)]), shape=(1, 2))

    program = Quadratic([1, 2], A=[[1, 0]], c_lower=[3], c_upper=[3], jacobian=jacobian,
                        objective=lambda x: float(((x - [1.0, 2.0]) ** 4).sum()),
                        gradient=lambda x: 4.0 * (x - [1.0, 2.0]) ** 3,
                        hessian=lambda x, lam, sigma: sp.diags_array(
                            12.0 * sigma * (x - [1.0, 2.0]) ** 2, format="csr"))
    result = solve(program, [0, 0], kkt=kkt)
    assert result.success and np.allclose(result.x, [3, 2], atol=1e-2)      # a root of order three


def test_bounds_that_differ_by_rounding_hold_the_variable():
    r = minimize(lambda x: float(x @ x), [1.0, 1.0], bounds=[(1.0, 1.0 + 4e-15), (0.5, 1.0)])
    assert r.success and r.fun == pytest.approx(1.25, abs=1e-7)


def test_a_tiny_objective_is_not_solved_at_its_start_without_a_hessian():
    r = minimize(lambda x: 1e-12 * (100.0 * (x[1] - x[0] ** 2) ** 2 + (1.0 - x[0]) ** 2), [-1.2, 1.0],
                 jac=lambda x: 1e-12 * np.array([-400.0 * x[0] * (x[1] - x[0] ** 2) - 2.0 * (1.0 - x[0]),
                                                 200.0 * (x[1] - x[0] ** 2)]))
    assert r.success and np.allclose(r.x, 1.0, atol=1e-4)


@pytest.mark.parametrize("change", [
    {"fun": lambda x: complex(x[0] ** 2)}, {"fun": lambda x: "1.0"},
    {"constraints": NonlinearConstraint(lambda x: x + 0j, 0.0, 1.0)},
    {"constraints": NonlinearConstraint(lambda x: x, 0.0, 1.0, jac=lambda x: np.eye(1) * 1j)}])
def test_functions_of_scipys_entry_must_be_real(change):
    problem = {"fun": lambda x: float(x[0] ** 2), "x0": [1.0], "constraints": ()} | change
    with pytest.raises(TypeError, match="real|number"):
        minimize(**problem)
