"""Second order composed by hand: W_in = Jᵀ W J + ∇²⟨ȳ, F⟩ and ȳ_in = Jᵀ ȳ, rule by rule."""

import pathlib
import re
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
import skfem
import tensorflow as tf
from scipy.spatial import Delaunay

import fem
import pcl
from pcl import rules

RNG = np.random.default_rng(3)
SPACE = fem.Space(fem.unit_square(2))
Q = len(SPACE.quadrature_weights)
NET = pcl.MLP([2, 5, 2], output=pcl.softplus(0.1))
POINTS = RNG.random((4, 2))
LINEAR = sp.random_array((5, 6), density=0.6, rng=RNG)
OBSERVED, WEIGHTS = RNG.normal(size=7), RNG.random(7)


def small_places(n=4):
    """A full pattern in random order, three entries of it given twice."""
    rows, cols = (a.ravel() for a in np.indices((n, n)))
    order = RNG.permutation(n * n)
    order = np.concatenate([order, order[:3]])
    return rules.Places(rows[order], cols[order], (n, n))


PLACES = small_places()
ENTRIES = RNG.normal(size=PLACES.size) + 4.0 * (PLACES.rows == PLACES.cols)


def dirichlet_at(x):
    values, b, data = np.split(x, [PLACES.size, PLACES.size + 4])
    return rules.dirichlet(PLACES, values, b, [3, 1], data)


OPERATIONS = {
    "square sum": (lambda x: rules.square_sum(x, OBSERVED, WEIGHTS), RNG.normal(size=7), None),
    "linear operator": (lambda x: rules.linear_op(LINEAR, x), RNG.normal(size=6), None),
    "sparse solve": (lambda x: rules.sparse_solve(PLACES, x[:-4], x[-4:]),
                     np.concatenate([ENTRIES, RNG.normal(size=4)]), None),
    "compression": (lambda x: rules.compress(PLACES, x), ENTRIES, None),
    "Dirichlet": (dirichlet_at, np.concatenate([ENTRIES, RNG.normal(size=6)]), None),
    "Laplace": (lambda x: rules.laplace(SPACE, x), 1.0 + RNG.random(Q), None),
    "network": (lambda x: rules.network(NET, x, POINTS), NET.init(1), "params"),
    "network and points": (lambda x: rules.network(NET, x[:NET.size], x[NET.size:].reshape(-1, 2)),
                           np.concatenate([NET.init(1), POINTS.ravel()]), None),
}


class Smooth:
    """Φ(y) = Σ c sin(y + s) + ½ yᵀQy: no derivative of it vanishes."""

    def __init__(self, n, seed=0):
        rng = np.random.default_rng(seed)
        self.c, self.s, self.Q = rng.normal(size=n), rng.normal(size=n), rng.normal(size=(n, n))
        self.Q = (self.Q + self.Q.T) / n

    def value(self, y):
        return self.c @ np.sin(y + self.s) + 0.5 * y @ self.Q @ y

    def derivatives(self, y):
        """(W, adjoint)."""
        bend = np.diag(self.c * np.sin(y + self.s))
        return self.Q - bend, self.c * np.cos(y + self.s) + self.Q @ y


def remainder_orders(f, x, gradient, product, seed=0):
    """Observed orders of |f(x+hd) − f − h g·d| and of the same with ½h² dᵀWd, h halved each time."""
    d = np.random.default_rng(seed).normal(size=x.size)
    d /= np.linalg.norm(d)
    steps = 0.04 * 0.5 ** np.arange(5)
    change = np.array([f(x + h * d) - f(x) for h in steps])
    first = change - steps * (gradient @ d)
    second = first - 0.5 * steps ** 2 * (d @ product(d))
    return [np.log2(np.abs(r[:-1] / r[1:])) for r in (first, second)]


# --- closed forms ---------------------------------------------------------------------------
def test_one_equation_has_the_hessian_of_a_quotient():
    """ℓ = (b/a − 1)² at a = 2, b = 3: u = 3/2, u_a = −3/4, u_b = 1/2, u_aa = 3/4, u_ab = −1/4."""
    solve = rules.sparse_solve(rules.Places([0], [0], (1, 1)), [2.0], [3.0])
    W, adjoint = solve.back(*rules.square_sum(solve.value, [1.0]).back())
    np.testing.assert_allclose(adjoint, [-0.75, 0.5], rtol=1e-15)
    np.testing.assert_allclose(W.toarray(), [[1.875, -1.0], [-1.0, 0.5]], rtol=1e-14)


def test_elimination_of_two_unknowns_couples_the_entry_with_the_data_it_meets():
    """r_0 = b_0 − a_01 g, so ∂²r_0/∂a_01∂g = −1 and nothing else is curved."""
    places = rules.Places([0, 0, 1, 1], [0, 1, 0, 1], (2, 2))
    op = rules.dirichlet(places, [2.0, 3.0, 5.0, 7.0], [11.0, 13.0], [1], [0.5])
    np.testing.assert_array_equal(op.places.matrix(op["values"]).toarray(), [[2.0, 0.0], [0.0, 1.0]])
    np.testing.assert_array_equal(op["b"], [11.0 - 1.5, 0.5])
    W, adjoint = op.back(np.zeros((4, 4)), [0.0, 0.0, 1.0, 0.0])
    expected = np.zeros((7, 7))
    expected[1, 6] = expected[6, 1] = -1.0
    np.testing.assert_array_equal(W.toarray(), expected)
    np.testing.assert_array_equal(adjoint, [0.0, -0.5, 0.0, 0.0, 1.0, 0.0, -3.0])


def test_weighted_square_sum_starts_with_twice_the_weights():
    W, adjoint = rules.square_sum([1.0, 2.0], [0.5, np.nan], [3.0, 0.0]).back()
    np.testing.assert_array_equal(W.toarray(), np.diag([6.0, 0.0]))
    np.testing.assert_allclose(adjoint, [3.0, 0.0], rtol=1e-15)


def test_compression_adds_entries_at_one_place():
    op = rules.compress(rules.Places([1, 0, 1], [0, 1, 0], (2, 2)), [2.0, 3.0, 4.0])
    assert list(zip(op.places.rows, op.places.cols, op.value)) == [(1, 0, 6.0), (0, 1, 3.0)]


def test_solve_in_the_entries_equals_the_dense_formula_of_the_original():
    """J[l] = −A⁻¹[:, i_l] u[j_l], H[l, r] = −(z_{i_l} J[r, j_l] + z_{i_r} J[l, j_r]), z = A⁻ᵀ ū."""
    phi, solve = Smooth(4), rules.sparse_solve(PLACES, ENTRIES, np.arange(1.0, 5.0))
    W, adjoint = phi.derivatives(solve.value)
    A = np.zeros((4, 4))
    np.add.at(A, (PLACES.rows, PLACES.cols), ENTRIES)
    z, J = np.linalg.solve(A.T, adjoint), -np.linalg.inv(A)[:, PLACES.rows] * solve.value[PLACES.cols]
    half = z[PLACES.rows][:, None] * J[PLACES.cols]
    W_in, adjoint_in = solve.back(W, adjoint, wrt="values")
    np.testing.assert_allclose(adjoint_in, J.T @ adjoint, rtol=1e-12)
    expected = J.T @ W @ J - half - half.T
    np.testing.assert_allclose(W_in.toarray(), expected, atol=1e-12 * np.abs(expected).max())


# --- slopes ---------------------------------------------------------------------------------
@pytest.mark.parametrize("name", OPERATIONS)
def test_gradient_remainder_is_second_order_and_hessian_remainder_third(name):
    at, x, wrt = OPERATIONS[name]
    op = at(x)
    phi = Smooth(op.value.size)
    W, adjoint = op.back(*phi.derivatives(op.value.ravel()), wrt=wrt)
    for seed in range(3):
        first, second = remainder_orders(lambda x: phi.value(at(x).value.ravel()), x, adjoint,
                                         lambda d: W @ d, seed)
        assert first[-1] == pytest.approx(2.0, abs=0.1)
        assert second[-1] == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize("name", OPERATIONS)
def test_product_equals_the_dense_matrix_which_is_symmetric(name):
    at, x, wrt = OPERATIONS[name]
    op = at(x)
    W, _ = op.back(*Smooth(op.value.size).derivatives(op.value.ravel()), wrt=wrt)
    dense, v = W.toarray(), np.random.default_rng(1).normal(size=x.size)
    scale = np.abs(dense).max()
    assert W.shape == dense.shape == (x.size, x.size)
    np.testing.assert_allclose(dense, dense.T, rtol=0, atol=1e-13 * scale)
    np.testing.assert_allclose(W @ v, dense @ v, rtol=0, atol=1e-12 * scale * x.size)


@pytest.mark.parametrize("name", ["sparse solve", "Dirichlet", "network and points"])
def test_inputs_held_fixed_leave_out_their_rows_and_columns(name):
    at, x, _ = OPERATIONS[name]
    op = at(x)
    given = Smooth(op.value.size).derivatives(op.value.ravel())
    W, adjoint = op.back(*given)
    whole, scale = W.toarray(), np.abs(W.toarray()).max()
    first, *_, last = op.inputs
    for names in ([first], [last], [last, first]):
        numbers = np.concatenate([np.r_[s] for name, s in op.inputs.items() if name in names])
        W_part, adjoint_part = op.back(*given, wrt=names)
        np.testing.assert_allclose(adjoint_part, adjoint[numbers], rtol=1e-14)
        np.testing.assert_allclose(W_part.toarray(), whole[np.ix_(numbers, numbers)], rtol=0,
                                   atol=1e-13 * scale)


def test_a_wrong_curvature_is_seen_by_the_slope():
    at, x, _ = OPERATIONS["sparse solve"]
    op = at(x)
    phi = Smooth(4)
    W, adjoint = phi.derivatives(op.value)
    no_curvature, _ = op.back(W, np.zeros(4))
    _, adjoint = op.back(W, adjoint)
    _, second = remainder_orders(lambda x: phi.value(at(x).value), x, adjoint, lambda d: no_curvature @ d)
    assert second[-1] < 2.5


# --- composition ----------------------------------------------------------------------------
def jittered(n=6):
    """A Delaunay mesh of the unit square through a grid with its inner points moved."""
    x, y = np.meshgrid(np.linspace(0, 1, n), np.linspace(0, 1, n))
    points = np.stack([x.ravel(), y.ravel()], axis=1)
    inner = ((points > 0) & (points < 1)).all(axis=1)
    points[inner] += 0.06 * np.random.default_rng(7).normal(size=(inner.sum(), 2)).clip(-1, 1)
    return fem.mesh_from_arrays("tri", points.T, Delaunay(points).simplices.T)


MESHES = {"structured": (fem.unit_square(5), "P1"), "unstructured": (jittered(), "P1"),
          "quadratic": (skfem.MeshQuad.init_tensor(np.linspace(0, 1, 4), np.linspace(0, 2, 3)), "Q2")}


class Poisson:
    """ℓ = Σ w (O u − d)² with −∇·(κ_θ ∇u) = f, u = g on the boundary: by Problem and by rules."""

    def __init__(self, mesh, inhomogeneous):
        self.V = fem.Space(*MESHES[mesh])
        self.net = pcl.MLP([2, 6, 6, 1], output=pcl.softplus(0.2))
        rng = np.random.default_rng(11)
        self.observe = self.V.observe(0.1 + 0.8 * rng.random((9, 2)))
        self.observed, self.weights = rng.normal(size=9), rng.random(9)
        self.f, self.D = self.V.load(2.0).numpy(), self.V.boundary_dofs()
        self.g = inhomogeneous * np.sin(3.0 * self.V.dof_points[self.D].sum(axis=1))
        self.problem = pcl.Problem(self.loss, {"kappa": self.net.init(5)})

    def loss(self, theta):
        kappa = self.net(theta["kappa"], self.V.quadrature_points)[:, 0]
        u = fem.solve(self.V.laplace(kappa), self.f, dirichlet=self.g)
        return tf.reduce_sum(tf.square(pcl.misfit(self.observe @ u, self.observed, self.weights)))

    def by_rules(self, theta):
        """(ℓ, W, adjoint)."""
        net = rules.network(self.net, theta, self.V.quadrature_points)
        A = rules.laplace(self.V, net.value[:, 0])
        B = rules.dirichlet(A.places, A.value, self.f, self.D, self.g)
        u = rules.sparse_solve(B.places, B["values"], B["b"])
        predicted = rules.linear_op(self.observe, u.value)
        loss = rules.square_sum(predicted.value, self.observed, self.weights)
        W, adjoint = loss.back()
        W, adjoint = predicted.back(W, adjoint)
        W, adjoint = u.back(W, adjoint)
        W, adjoint = B.back(W, adjoint, wrt="values")
        W, adjoint = A.back(W, adjoint)
        W, adjoint = net.back(W, adjoint, wrt="params")
        return float(loss.value), W, adjoint


@pytest.mark.parametrize("inhomogeneous", [0.0, 1.0])
@pytest.mark.parametrize("mesh", MESHES)
def test_the_poisson_chain_by_rules_has_the_hessian_of_the_problem(mesh, inhomogeneous):
    model = Poisson(mesh, inhomogeneous)
    theta = model.problem.theta0
    value, W, adjoint = model.by_rules(theta)
    gradient, hessian = model.problem.gradient(theta), model.problem.hessian(theta)
    v = np.random.default_rng(0).normal(size=theta.size)
    assert value == pytest.approx(model.problem.value(theta), rel=1e-12)
    np.testing.assert_allclose(adjoint, gradient, rtol=0, atol=1e-11 * np.abs(gradient).max())
    np.testing.assert_allclose(W.toarray(), hessian, rtol=0, atol=1e-10 * np.abs(hessian).max())
    np.testing.assert_allclose(W @ v, hessian @ v, rtol=0, atol=1e-10 * np.abs(hessian @ v).max())


def test_the_poisson_chain_by_rules_passes_the_hessian_check():
    model = Poisson("unstructured", 1.0)
    report = pcl.check_hessian(lambda t: model.by_rules(t)[2], model.problem.theta0,
                               hessian=lambda t: model.by_rules(t)[1].toarray())
    assert report.ok, report.verdict


def test_the_code_of_the_page_for_users_of_adcme_runs_and_passes_its_check():
    page = pathlib.Path(__file__).resolve().parents[2] / "docs" / "coming_from" / "adcme.md"
    code, = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(code, names)
    H = names["H"]
    assert names["report"].ok and H.shape == (921, 921)
    np.testing.assert_allclose(names["product"], H @ names["gradient"], rtol=0,
                               atol=1e-11 * np.abs(H @ names["gradient"]).max())


def test_both_eliminations_of_the_solve_agree():
    """With more parameters than unknowns W is carried backwards, with fewer tangents go forwards."""
    model = Poisson("structured", 1.0)
    small = pcl.MLP([2, 2, 1], output=pcl.softplus(0.2))
    for net in (model.net, small):
        model.net = net
        theta = net.init(2)
        _, W, _ = model.by_rules(theta)
        dense = W.toarray()
        columns = np.stack([W @ e for e in np.eye(theta.size)])
        np.testing.assert_allclose(dense, columns, rtol=0, atol=1e-12 * np.abs(dense).max())


def test_branches_that_meet_in_a_solve_have_the_mixed_block():
    """κ = exp(Kθ) stands for a field in the matrix, f = Fθ in the load, g = Gθ in the data."""
    V = SPACE
    D, n_theta = V.boundary_dofs(), 3
    rng = np.random.default_rng(4)
    K, F, G = (rng.normal(size=(m, n_theta)) for m in (Q, V.n, len(D)))
    net = pcl.MLP([n_theta, 1], output="exp")               # one neuron at q points: exp(K_q · θ)
    observed = rng.normal(size=V.n)

    def loss(theta):
        t = theta["t"]
        g, kappa = tf.linalg.matvec(G, t), tf.exp(tf.linalg.matvec(K, t))
        u = fem.solve(V.laplace(kappa), tf.linalg.matvec(F, t), dirichlet=fem.Dirichlet(D, g))
        return tf.reduce_sum(tf.square(u - observed))
    problem = pcl.Problem(loss, {"t": np.array([0.3, -0.2, 0.5])})
    theta = problem.theta0
    kappa = rules.network(net, np.append(theta, 0.0), K)     # its weights are θ, its points K
    A = rules.laplace(V, kappa.value[:, 0])
    load, data = rules.linear_op(F, theta), rules.linear_op(G, theta)
    B = rules.dirichlet(A.places, A.value, load.value, D, data.value)
    u = rules.sparse_solve(B.places, B["values"], B["b"])
    W, adjoint = u.back(*rules.square_sum(u.value, observed).back())
    W, adjoint = B.back(W, adjoint)                          # (values, b, data)
    nnz, n = A.value.size, V.n
    W, adjoint = data.back(W, adjoint, part=slice(nnz + n, nnz + n + len(D)))
    W, adjoint = load.back(W, adjoint, part=slice(nnz, nnz + n))
    W, adjoint = A.back(W, adjoint, part=slice(0, nnz))
    W, adjoint = kappa.back(W, adjoint, wrt="params", part=slice(0, Q))
    once = np.vstack([np.eye(4)[:, :3], np.eye(3), np.eye(3)])        # (θ, bias), θ, θ from one θ
    W, adjoint = rules.linear_op(once, theta).back(W, adjoint)
    gradient, hessian = problem.gradient(theta), problem.hessian(theta)
    np.testing.assert_allclose(adjoint, gradient, rtol=0, atol=1e-11 * np.abs(gradient).max())
    np.testing.assert_allclose(W.toarray(), hessian, rtol=0, atol=1e-10 * np.abs(hessian).max())


def test_assembly_takes_sums_of_forms():
    V, rng = SPACE, np.random.default_rng(8)
    kappa, rho = 1.0 + rng.random((2, Q))
    op = rules.assembly(V.laplace(kappa) + V.mass(rho))
    matrix = (V.laplace(kappa) + V.mass(rho)).to_scipy()
    assert abs(op.places.matrix(op.value) - matrix).max() < 1e-14    # sums in another order
    bar = rng.normal(size=op.value.size)
    _, adjoint = op.back(np.zeros((bar.size,) * 2), bar)
    first = V.n_cells                                       # ∫ κ over the cells, then ρ at points
    for k in (0, Q - 1):
        cell = k // V.points_per_cell
        stiffness = V.laplace(np.eye(Q)[k] / V.quadrature_weights[k], positive=False)
        for number, form in ((cell, stiffness), (first + k, V.mass(np.eye(Q)[k], positive=False))):
            values = np.asarray(form.to_scipy()[op.places.rows, op.places.cols]).ravel()
            assert adjoint[number] == pytest.approx(bar @ values, rel=1e-12)


def test_memory_grows_with_the_number_of_entries_not_with_its_square():
    """45 696 entries of the matrix: a dense W of them would take 17 GB."""
    V = fem.Space(fem.unit_square(95))
    kappa, D = 1.0 + V.quadrature_points[:, 0], V.boundary_dofs()
    A = rules.laplace(V, kappa)
    B = rules.dirichlet(A.places, A.value, V.load().numpy(), D, np.zeros(len(D)))
    u = rules.sparse_solve(B.places, B["values"], B["b"])
    start = rules.square_sum(u.value, np.zeros(V.n)).back()
    tracemalloc.start()
    W, adjoint = u.back(*start)
    W_values, adjoint = B.back(W, adjoint, wrt="values")
    W_kappa, adjoint = A.back(W_values, adjoint)
    W_kappa @ np.ones(len(kappa))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert W_values.shape == (A.value.size, A.value.size) and A.value.size > 45000
    assert peak < 200 * 8 * A.value.size
    with pytest.raises(MemoryError, match="use W @ v"):
        rules.Curvature.of(sp.csr_array((10 ** 7, 10 ** 7)), 10 ** 7).toarray()


def test_dense_sparse_and_factored_forms_of_one_W_give_the_same():
    at, x, _ = OPERATIONS["sparse solve"]
    first, adjoint = rules.square_sum(at(x).value, np.ones(4)).back()
    results = [at(x).back(W, adjoint)[0].toarray()
               for W in (first, first.toarray(), sp.coo_array(first.toarray()))]
    for result in results[1:]:
        np.testing.assert_allclose(result, results[0], rtol=0, atol=1e-14 * np.abs(results[0]).max())


# --- faults ---------------------------------------------------------------------------------
def solve_3(values=(2.0, 3.0, 4.0)):
    return rules.sparse_solve(rules.Places([0, 1, 2], [0, 1, 2], (3, 3)), values, np.ones(3))


@pytest.mark.parametrize("W, adjoint, complaint", [
    (np.eye(2), np.ones(3), r"W has shape \(2, 2\); expected \(3, 3\)"),
    (np.ones(3), np.ones(3), r"W has shape \(3,\)"),
    (np.eye(3), np.ones(2), r"adjoint has shape \(2,\); expected \(3,\)"),
    (np.eye(3), np.ones((3, 1)), r"adjoint has shape \(3, 1\)"),
    (np.triu(np.ones((3, 3))), np.ones(3), "W is not symmetric"),
    (sp.csr_array(np.triu(np.ones((3, 3)))), np.ones(3), "W is not symmetric"),
    (np.diag([1.0, np.nan, 1.0]), np.ones(3), "W has 1 of 9 entries that are NaN"),
    (np.eye(3), [1.0, np.inf, 0.0], "adjoint has 1 of 3"),
    (None, np.ones(3), "W is missing"),
    (np.eye(3), None, "adjoint is missing"),
    (None, None, "a scalar loss"),
])
def test_wrong_W_or_adjoint_is_refused_by_name(W, adjoint, complaint):
    with pytest.raises(ValueError, match=complaint):
        solve_3().back(W, adjoint)


def test_rounding_in_W_is_symmetrised():
    noisy = np.eye(3)
    noisy[0, 1] = 1e-9
    W = rules.Curvature.of(noisy, 3)
    assert (W @ np.eye(3)[0])[1] == (W @ np.eye(3)[1])[0] == 0.5e-9
    np.testing.assert_array_equal(W.toarray(), rules.Curvature.of(sp.csr_array(noisy), 3).toarray())


@pytest.mark.parametrize("wrt, part, complaint", [
    ("matrix", None, "wrt is 'matrix'; known are b, values"),
    ([], None, "selects no variable"),
    (None, slice(0, 2), "expected 3 in a row"),
    (None, slice(0, 6, 2), "expected 3 in a row"),
])
def test_unknown_inputs_and_wrong_parts_are_refused(wrt, part, complaint):
    with pytest.raises(ValueError, match=complaint):
        solve_3().back(np.eye(3), np.ones(3), wrt=wrt, part=part)


def test_singular_and_nan_matrices_are_refused():
    with pytest.raises(pcl.SingularMatrix):
        solve_3((2.0, 0.0, 4.0))
    with pytest.raises(pcl.NotFinite, match="values has 1 of 3"):
        solve_3((2.0, np.nan, 4.0))
    A = rules.laplace(SPACE, np.ones(Q))
    with pytest.raises(pcl.SingularMatrix, match="Dirichlet"):
        rules.sparse_solve(A.places, A.value, np.ones(SPACE.n))


@pytest.mark.parametrize("call, kind, complaint", [
    (lambda: rules.Places([0, 3], [0, 1], (2, 2)), IndexError, r"rows\[1\] is 3"),
    (lambda: rules.Places([0, 1], [0], (2, 2)), ValueError, "one length"),
    (lambda: rules.compress(PLACES, np.ones(2)), ValueError, "values has shape"),
    (lambda: rules.sparse_solve(rules.Places([0], [1], (1, 2)), [1.0], [1.0]), ValueError, "square"),
    (lambda: rules.sparse_solve(PLACES, ENTRIES, np.ones(5)), ValueError, "b has shape"),
    (lambda: rules.dirichlet(PLACES, ENTRIES, np.ones(4), [1, 1], [0.0, 0.0]), ValueError, "1 more than"),
    (lambda: rules.dirichlet(PLACES, ENTRIES, np.ones(4), [4], [0.0]), IndexError, r"fixed\[0\] is 4"),
    (lambda: rules.dirichlet(PLACES, ENTRIES, np.ones(4), [1], 0.0), ValueError, "data has shape"),
    (lambda: rules.dirichlet(PLACES, ENTRIES, np.ones(4), [1], [np.nan]), ValueError, "data has 1"),
    (lambda: rules.laplace(SPACE, np.ones(3)), ValueError, "kappa has shape"),
    (lambda: rules.laplace(SPACE, 1.0), ValueError, "kappa is a scalar"),
    (lambda: rules.laplace(SPACE, -np.ones(Q)), pcl.InvalidCoefficient, "not positive"),
    (lambda: rules.assembly(np.eye(3)), TypeError, "SparseMatrix"),
    (lambda: rules.linear_op(np.ones((2, 3)), np.ones(2)), ValueError, "x has shape"),
    (lambda: rules.square_sum(np.ones(2), np.ones((2, 1))), ValueError, "observed has shape"),
    (lambda: rules.square_sum(np.ones(2), np.ones(2), [1.0, -1.0]), ValueError, "weights"),
    (lambda: rules.network(lambda x: x, np.ones(2), POINTS), TypeError, "MLP"),
    (lambda: rules.network(NET, np.ones(2), POINTS), ValueError, "params has shape"),
    (lambda: solve_3()["x"], ValueError, "output is 'x'"),
])
def test_faults_are_refused_at_the_door(call, kind, complaint):
    with pytest.raises(kind, match=complaint):
        call()


def test_no_prescribed_unknowns_and_all_of_them():
    none = rules.dirichlet(PLACES, ENTRIES, np.ones(4), np.zeros(0, dtype=int), np.zeros(0))
    np.testing.assert_array_equal(none["values"], ENTRIES)
    W, adjoint = none.back(sp.eye_array(none.value.size), np.ones(none.value.size))
    assert W.shape == (PLACES.size + 4,) * 2 and adjoint.size == PLACES.size + 4
    every = rules.dirichlet(PLACES, ENTRIES, np.ones(4), np.arange(4), np.arange(4.0))
    u = rules.sparse_solve(every.places, every["values"], every["b"])
    np.testing.assert_array_equal(u.value, np.arange(4.0))
    W, adjoint = every.back(*u.back(np.eye(4), np.ones(4)), wrt="data")
    np.testing.assert_allclose(W.toarray(), np.eye(4), atol=1e-15)


def test_products_through_two_networks_in_a_row_hold_the_curvature_of_both():
    inner, outer, x = pcl.MLP([2, 3, 2]), pcl.MLP([2, 4, 1]), np.linspace(-1, 1, 10).reshape(5, 2)
    first = rules.network(inner, inner.init(0), x)
    second = rules.network(outer, outer.init(1), first.value)
    W, adjoint = second.back(*rules.square_sum(second.value, np.zeros((5, 1))).back())
    W, _ = first.back(W, adjoint, part=second.inputs["x"])
    H = W.toarray()
    np.testing.assert_allclose(np.stack([W @ e for e in np.eye(len(H))]), H, rtol=1e-10,
                               atol=1e-12 * np.abs(H).max())
