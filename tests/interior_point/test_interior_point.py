"""The interior point on programs with known solutions, and the first-order conditions it claims."""
import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import Bounds, LinearConstraint, NonlinearConstraint

from pcl.interior_point import Status, minimize, solve

INF = np.inf
BARRIERS = pytest.mark.parametrize("barrier", ["adaptive", "monotone"])


class Random:
    """Nonconvex: sin and products, equations through a known point, inequalities around it, a box."""

    def __init__(self, n, m_eq, m_in, seed):
        rng = np.random.RandomState(seed)
        self.n, self.m = n, m_eq + m_in
        A = rng.randn(n, n)
        self.Q, self.b = (A + A.T) / np.sqrt(n), rng.randn(n)
        self.R, self.B = rng.randn(self.m, n), 0.3 * rng.randn(self.m, n)
        self.x_lower, self.x_upper = np.full(n, -2.0), np.full(n, 2.0)
        known = rng.uniform(-1.0, 1.0, n)
        value = self.constraints(known)
        slack = np.concatenate([np.zeros(m_eq), rng.rand(m_in)])
        self.c_lower, self.c_upper = value - slack, np.where(slack > 0.7, INF, value + slack)
        self.start = rng.uniform(-2.0, 2.0, n)

    def objective(self, x):
        return float(0.5 * x @ self.Q @ x + self.b @ np.sin(x))

    def gradient(self, x):
        return self.Q @ x + self.b * np.cos(x)

    def constraints(self, x):
        return self.R @ x + self.B @ np.sin(2.0 * x)

    def jacobian(self, x):
        return self.R + 2.0 * self.B * np.cos(2.0 * x)

    def hessian(self, x, lam, sigma):
        bend = -sigma * self.b * np.sin(x) - 4.0 * (self.B.T @ lam) * np.sin(2.0 * x)
        return sigma * self.Q + np.diag(bend)

    def row_name(self, j):
        return f"row {j}"

    def variable_name(self, i):
        return f"x{i}"


def conditions(program, r):
    """The largest violation of the first-order conditions, from the program alone."""
    dual = program.gradient(r.x) + program.jacobian(r.x).T @ r.lam - r.z_lower + r.z_upper
    c = program.constraints(r.x)
    low, high = np.maximum(-r.lam, 0.0), np.maximum(r.lam, 0.0)
    with np.errstate(invalid="ignore"):
        gaps = [r.z_lower * (r.x - program.x_lower), r.z_upper * (program.x_upper - r.x),
                low * (c - program.c_lower), high * (program.c_upper - c)]
    worst = [np.abs(dual).max()] + [np.abs(gap[np.isfinite(gap)]).max(initial=0.0) for gap in gaps]
    outside = [program.x_lower - r.x, r.x - program.x_upper, program.c_lower - c, c - program.c_upper]
    assert min(r.z_lower.min(), r.z_upper.min()) >= 0.0
    return max(worst), max(float(o.max()) for o in outside)


@BARRIERS
@pytest.mark.parametrize("seed", range(12))
def test_nonconvex_programs_end_at_points_of_first_order(seed, barrier):
    program = Random(12, 1 + seed % 5, seed % 7, seed)
    r = solve(program, program.start, barrier=barrier)
    assert r.success, r.message
    error, outside = conditions(program, r)
    assert error < 1e-6 and outside <= 1e-8


@pytest.mark.parametrize("seed", range(6))
def test_limited_memory_ends_at_points_of_first_order(seed):
    program = Random(12, 2, 3, seed)
    r = solve(program, program.start, hessian="limited-memory")
    assert r.status in (Status.SOLVED, Status.ACCEPTABLE), r.message
    error, outside = conditions(program, r)
    assert error < 1e-5 and outside <= 1e-7
    assert r.counts["hessian"] == r.nit


def test_backends_take_the_same_iterates():
    program = Random(12, 3, 4, 1)
    dense = solve(program, program.start, kkt="dense")
    sparse = solve(program, program.start, kkt="superlu")
    assert dense.nit == sparse.nit and np.allclose(dense.x, sparse.x, atol=1e-8)


def test_the_same_program_gives_the_same_numbers_twice():
    program = Random(12, 3, 4, 2)
    first, second = (solve(program, program.start) for _ in range(2))
    assert (first.x == second.x).all() and (first.history == second.history).all()


def test_a_warm_start_at_the_solution_takes_few_iterations():
    program = Random(12, 3, 4, 3)
    cold = solve(program, program.start)
    warm = solve(program, warm_start=cold)
    assert warm.success and warm.nit <= 4 and np.allclose(warm.x, cold.x, atol=1e-6)


def test_history_and_callback_tell_the_same():
    program, seen = Random(12, 3, 4, 4), []
    r = solve(program, program.start, callback=seen.append)
    assert r.history.shape == (r.nit + 1, 6)
    assert [s.barrier for s in seen] == list(r.history[:, 3])
    assert [s.iteration for s in seen] == list(range(r.nit + 1))
    assert (r.history[1:, 4] > 0).all() and r.history[-1, 1] <= 1e-8


def test_complementarity_constraints_have_no_interior_and_are_solved():
    """min (x−1)² + (y−1)², x y ≤ 0, x, y ≥ 0: optimum 1; no constraint qualification holds."""
    rows = NonlinearConstraint(lambda x: x[0] * x[1], -INF, 0.0, jac=lambda x: np.array([[x[1], x[0]]]),
                               hess=lambda x, v: v[0] * np.array([[0.0, 1.0], [1.0, 0.0]]))
    r = minimize(lambda x: float((x - 1.0) @ (x - 1.0)), [0.3, 0.6], jac=lambda x: 2.0 * (x - 1.0),
                 hess=lambda x: 2.0 * np.eye(2), bounds=[(0, None), (0, None)], constraints=rows)
    assert not r.success or r.fun == pytest.approx(1.0, abs=1e-3)
    assert r.fun == pytest.approx(1.0, abs=1e-2) and r.constraint_violation < 1e-7


def test_an_inequality_without_interior():
    """x² ≤ 0 with min x: the only point is 0, and no multiplier exists."""
    rows = NonlinearConstraint(lambda x: x ** 2, -INF, 0.0, jac=lambda x: np.array([[2.0 * x[0]]]),
                               hess=lambda x, v: 2.0 * v[0] * np.eye(1))
    r = minimize(lambda x: float(x[0]), [1.0], jac=lambda x: np.ones(1), hess=lambda x: np.zeros((1, 1)),
                 constraints=rows)
    assert abs(r.x[0]) < 1e-3 and r.constraint_violation < 1e-7


class Control:
    """min ∫ (u² + x²) dt, x' = x − x³ + u by trapezia, |u| ≤ 1: sparse, 2(N + 1) unknowns."""

    def __init__(self, N):
        self.N, self.h = N, 4.0 / N
        self.n, self.m = 2 * (N + 1), N + 1
        self.x_lower = np.concatenate([np.full(N + 1, -INF), np.full(N + 1, -1.0)])
        self.x_upper = -self.x_lower
        self.c_lower = self.c_upper = np.zeros(N + 1)
        self.w = self.h * np.concatenate([[0.5], np.ones(N - 1), [0.5]])

    def objective(self, v):
        x, u = np.split(v, 2)
        return float(self.w @ (x ** 2 + u ** 2))

    def gradient(self, v):
        return 2.0 * np.tile(self.w, 2) * v

    def constraints(self, v):
        x, u = np.split(v, 2)
        f = x - x ** 3 + u
        return np.concatenate([[x[0] - 0.8], np.diff(x) - 0.5 * self.h * (f[1:] + f[:-1])])

    def jacobian(self, v):
        x, half = v[:self.N + 1], 0.5 * self.h
        slope = half * (1.0 - 3.0 * x ** 2)
        shape = (self.N, self.N + 1)
        dx = sp.diags_array([-1.0 - slope[:-1], 1.0 - slope[1:]], offsets=[0, 1], shape=shape)
        du = sp.diags_array([np.full(self.N, -half)] * 2, offsets=[0, 1], shape=shape)
        first = sp.csr_array(([1.0], ([0], [0])), shape=(1, self.n))
        return sp.csr_array(sp.vstack([first, sp.hstack([dx, du])]))

    def hessian(self, v, lam, sigma):
        x, half = v[:self.N + 1], 0.5 * self.h
        pull = half * (np.append(lam[1:], 0.0) + np.insert(lam[1:], 0, 0.0))
        d = 2.0 * sigma * np.tile(self.w, 2)
        d[:self.N + 1] += 6.0 * x * pull
        return sp.diags_array(d, format="csr")

    def row_name(self, j):
        return f"step {j}"

    def variable_name(self, i):
        return f"v{i}"


@pytest.mark.parametrize("kkt", ["sparse", "superlu"])
def test_a_control_problem_of_thousands_of_unknowns(kkt):
    """The same optimum on two grids to the order h² of the trapezium."""
    coarse, fine = (solve(Control(N), np.zeros(2 * (N + 1)), kkt=kkt, check_derivatives=N < 60)
                    for N in (50, 1500))
    assert coarse.success and fine.success and fine.nit < 40
    assert coarse.fun == pytest.approx(fine.fun, rel=2.0 * (4.0 / 50) ** 2)


def test_scipy_arguments_hs71():
    """Hock and Schittkowski 71: 17.0140173 at (1, 4.743, 3.8211, 1.3794)."""
    def fun(x, shift):
        return x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2] + shift

    rows = [{"type": "ineq", "fun": lambda x: np.prod(x) - 25.0},
            {"type": "eq", "fun": lambda x: x @ x - 40.0, "jac": lambda x: 2.0 * x}]
    r = minimize(fun, [1, 5, 5, 1], args=(10.0,), bounds=Bounds(1, 5), constraints=rows,
                 acceptable_tol=1e-5)
    assert r.status in (Status.SOLVED, Status.ACCEPTABLE)
    assert r.fun == pytest.approx(27.0140173, abs=1e-6)
    assert np.allclose(r.x, [1.0, 4.7429996, 3.8211499, 1.3794083], atol=1e-5)


def test_scipy_linear_constraint_and_value_with_gradient():
    """½|x|² on x₁ + x₂ = 2: (1, 1) with multiplier −1."""
    r = minimize(lambda x: (0.5 * x @ x, x), [3.0, -4.0], jac=True, hess=lambda x: np.eye(2),
                 constraints=LinearConstraint([[1.0, 1.0]], 2.0, 2.0))
    assert r.success and np.allclose(r.x, 1.0, atol=1e-9) and r.lam[0] == pytest.approx(-1.0)


def test_tensorflow_functions_give_exact_derivatives():
    tf = pytest.importorskip("tensorflow")
    from pcl.interior_point import TensorFlowProgram
    program = TensorFlowProgram(
        lambda x: x[0] * x[3] * (x[0] + x[1] + x[2]) + x[2], 4,
        lambda x: tf.stack([tf.reduce_prod(x), tf.reduce_sum(x ** 2)]),
        c_lower=[25, 40], c_upper=[INF, 40], x_lower=[1] * 4, x_upper=[5] * 4)
    r = solve(program, [1, 5, 5, 1], check_derivatives=True)
    assert r.success and r.fun == pytest.approx(17.0140173, abs=1e-7)
    error, _ = conditions(program, r)
    assert error < 1e-6


class HeldAtBounds:
    """min x₂ + 100 (x₄ − x₃²)² + (1 − x₃)², x₀ = 0, x₁ = 1, x₂ = x₀ + x₁² + 1, x ≥ (0, 1, 0, −2, −2).

    Rows hold x₀ and x₁ at their bounds for the two dozen iterations that x₃ and x₄ need.
    """

    n, m = 5, 3
    x_lower, x_upper = np.array([0.0, 1.0, 0.0, -2.0, -2.0]), np.full(5, np.inf)
    c_lower = c_upper = np.array([0.0, 1.0, 1.0])

    def objective(self, x):
        return float(x[2] + 100.0 * (x[4] - x[3] ** 2) ** 2 + (1.0 - x[3]) ** 2)

    def gradient(self, x):
        r = x[4] - x[3] ** 2
        return np.array([0.0, 0.0, 1.0, -400.0 * r * x[3] - 2.0 * (1.0 - x[3]), 200.0 * r])

    def constraints(self, x):
        return np.array([x[0], x[1], x[2] - x[0] - x[1] ** 2])

    def jacobian(self, x):
        J = np.zeros((3, 5))
        J[0, 0] = J[1, 1] = J[2, 2] = 1.0
        J[2, :2] = -1.0, -2.0 * x[1]
        return J

    def hessian(self, x, lam, sigma):
        W = np.diag([0.0, -2.0 * lam[2], 0.0, 0.0, 200.0 * sigma])
        W[3, 3] = sigma * (1200.0 * x[3] ** 2 - 400.0 * x[4] + 2.0)
        W[3, 4] = W[4, 3] = -400.0 * sigma * x[3]
        return W

    def row_name(self, j):
        return f"c[{j}]"

    def variable_name(self, i):
        return f"x[{i}]"


@pytest.mark.parametrize("kkt", ["dense", "superlu"])
@pytest.mark.parametrize("hessian", ["exact", "limited-memory"])
def test_multipliers_stay_bounded_where_rows_hold_variables_at_their_bounds(hessian, kkt):
    r = solve(HeldAtBounds(), np.array([0.5, 3.0, 1.0, -1.2, 1.0]), hessian=hessian, kkt=kkt)
    assert r.success and r.fun == pytest.approx(2.0, abs=1e-7)
    assert np.abs(r.z_lower).max() < 1e9


class Cusp:
    """min x₀ with (x₀ − 1)³ = x₁, x ≥ (1, 0): the multiplier grows without end near (1, 0)."""

    n, m = 2, 1
    x_lower, x_upper = np.array([1.0, 0.0]), np.full(2, np.inf)
    c_lower = c_upper = np.zeros(1)

    def objective(self, x):
        return float(x[0])

    def gradient(self, x):
        return np.array([1.0, 0.0])

    def constraints(self, x):
        return np.array([(x[0] - 1.0) ** 3 - x[1]])

    def jacobian(self, x):
        return np.array([[3.0 * (x[0] - 1.0) ** 2, -1.0]])

    def hessian(self, x, lam, sigma):
        return np.diag([6.0 * lam[0] * (x[0] - 1.0), 0.0])

    def row_name(self, j):
        return f"c[{j}]"

    def variable_name(self, i):
        return f"x[{i}]"


@pytest.mark.parametrize("hessian", ["exact", "limited-memory"])
def test_success_at_a_cusp_is_a_small_residual_before_scaling(hessian):
    r = solve(Cusp(), np.array([25000.0, 25000.0]), hessian=hessian, maxiter=300)
    assert not r.success or (r.dual_residual < 1e-7 and r.fun == pytest.approx(1.0, abs=1e-4))
