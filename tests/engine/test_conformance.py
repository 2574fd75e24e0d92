"""Every implementation keeps its Protocol: names and arguments, and the identities of its mathematics."""

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf
from oracles import broken_promises, by_tapes

import pcl
from pcl import factor
from pcl.dae.result.node import SimulationNode, SimulationPoint
from pcl.engine import call, nodes, procedure
from pcl.engine.second import bases, columns
from pcl.engine.second.backward import eliminated
from pcl.engine.second.plan import Form, Plan
from pcl.engine.second.collapsed import CollapsedColumns
from pcl.engine.second.streamed import StreamedBase, StreamedColumns
from pcl.engine.second.sweep import hessian, jacobian
from pcl.engine.second.tangent import Identity
from pcl.nodes.eigen.choice import Choice
from pcl.nodes.eigen.eigenvalues import EigenNode
from pcl.nodes.eigen.undefined import UndefinedBase, UndefinedColumns
from pcl.nodes.eigen.values import ValuesPoint
from pcl.nodes.eigen.vectors import VectorsPoint
from pcl.nodes.equation import call as implicit
from pcl.nodes.guard import GuardNode, GuardPoint
from pcl.nodes.linear.linear_map import LinearMap, LinearMapNode, LinearMapPoint
from pcl.nodes.linear.product import ProductNode, ProductPoint
from pcl.nodes.linear.solve import SolveNode, SolvePoint
from pcl.nodes.linear.structure import Structure
from pcl.nodes.network import NetworkNode, NetworkNodePoint
from pcl.nodes.network_gradient import NetworkGradientNode, NetworkGradientPoint
from pcl.nodes.pointwise import call as pointwise
from pcl.nodes.scan import call as scan_call, scan
from pcl.nodes.scan.base import ScanBase
from pcl.rules.square_sum import SquareSumPoint

RNG = np.random.default_rng(0)
DENSE = np.array([[3.0, 1.0, 0.0], [0.5, 4.0, -1.0], [0.0, 1.0, 2.0]])
FULL = Structure.from_entries(*np.indices((3, 3)).reshape(2, -1), (3, 3))
NET, ICNN = pcl.MLP([2, 3, 1]), pcl.ICNN([2, 3, 2])

# --- names and arguments -----------------------------------------------------------------------
KEEPERS = {
    nodes.Node: [NetworkNode, NetworkGradientNode, SolveNode, ProductNode, LinearMapNode, GuardNode,
                 EigenNode, SimulationNode],
    nodes.Point: [NetworkNodePoint, NetworkGradientPoint, SolvePoint, ProductPoint, LinearMapPoint,
                  GuardPoint, SquareSumPoint, ValuesPoint, VectorsPoint, SimulationPoint],
    nodes.Construct: [implicit.Equation, pointwise.PointwiseEquation, scan.Recurrence],
    procedure.Call: [call.NodeCall, implicit.ImplicitCall, pointwise.PointwiseCall, scan_call.ScanCall],
    bases.Base: [bases.InverseBase, bases.FewRowsBase, StreamedBase, ScanBase],
    columns.Columns: [columns.InPlace, columns.Dense, columns.Summed, StreamedColumns,
                      CollapsedColumns],
}


def test_what_has_no_tangent_has_the_arguments_of_a_base():
    """An `UndefinedBase` only stands where nothing is multiplied by it, so it is in no plan below."""
    assert not broken_promises(bases.Base, UndefinedBase)
    assert not broken_promises(columns.Columns, UndefinedColumns)


@pytest.mark.parametrize("protocol, keeper", [(p, k) for p, keepers in KEEPERS.items() for k in keepers],
                         ids=lambda c: c.__name__)
def test_methods_have_the_arguments_of_the_protocol(protocol, keeper):
    # of a network's base these two are functions that it is given
    given = {"lacks pushforward", "lacks pullback"} if keeper is StreamedBase else set()
    assert set(broken_promises(protocol, keeper)) <= given


# --- nodes --------------------------------------------------------------------------------------
def a_solve(columns=None):
    b = RNG.normal(size=3 if columns is None else (3, columns))
    return SolveNode((FULL,), columns, "superlu"), [DENSE.ravel(), b]


def a_product(columns=None):
    x = RNG.normal(size=3 if columns is None else (3, columns))
    return ProductNode((FULL,), columns), [DENSE.ravel(), x]


def a_pencil(vectors, count):
    """K = Gᵀdiag(c)G and M = HᵀdiagH of five unknowns; inputs c and d."""
    G, H = RNG.normal(size=(7, 5)), np.eye(6, 5) + 0.1 * RNG.normal(size=(6, 5))
    K, M = Structure(G, G), Structure(H, H)
    node = EigenNode((K,), (M,), Choice(count, 5), None, vectors, "superlu")
    return node, [RNG.uniform(1, 2, size=7), RNG.uniform(1, 2, size=6)]


NODES = {
    "network": lambda: (NetworkNode(NET), [NET.init(1), RNG.normal(size=(4, 2))]),
    "gradient of a network": lambda: (NetworkGradientNode(pcl.MLP([2, 3, 2], output="softplus")),
                                      [pcl.MLP([2, 3, 2]).init(1), *RNG.normal(size=(2, 4, 2))]),
    "convex network": lambda: (NetworkNode(ICNN), [ICNN.init(1), RNG.normal(size=(4, 2))]),
    "gradient of a convex network": lambda: (NetworkGradientNode(ICNN),
                                             [ICNN.init(1), *RNG.normal(size=(2, 4, 2))]),
    "solve": a_solve,
    "solve of two columns": lambda: a_solve(2),
    "product": a_product,
    "product of two columns": lambda: a_product(2),
    "constant map": lambda: (LinearMapNode(LinearMap(DENSE)), [RNG.normal(size=3)]),
    "constant map of columns": lambda: (LinearMapNode(LinearMap(DENSE)), [RNG.normal(size=(3, 2))]),
    "constant map with shapes": lambda: (LinearMapNode(LinearMap(
        np.arange(24.0).reshape(4, 6), ((2, 3), (4, 1)))), [RNG.normal(size=(2, 3))]),
    "eigenvalues": lambda: a_pencil(False, 3),
    "eigenvalues and a mean": lambda: a_pencil(False, [2, (0, 4)]),
    "eigenvalues with vectors": lambda: a_pencil(True, [0, 3]),
    "guard": lambda: (GuardNode("κ", True, None), [RNG.uniform(1, 2, size=(2, 2))]),
}


def differentiated(node, inputs, wanted=None):
    """(point, v̄, plan over the inputs as blocks, J dense, C dense), by the node's own rules."""
    point = node.evaluate(*inputs)
    adjoint = RNG.normal(size=point.value.shape)
    ends = np.cumsum([0, *(a.size for a in inputs)])
    plan = Plan(int(ends[-1]))
    leaves = [plan.add_base(bases.LeafBase(int(a), int(b))) for a, b in zip(ends, ends[1:])]
    tangent = point.extend(plan, leaves, adjoint)
    probe = Plan(plan.n_theta)
    probe.bases = plan.bases
    J = jacobian(probe, tangent)
    return point, adjoint, plan, J, hessian(plan)


def by_tensorflow(node, inputs, adjoint):
    """(v, gradient and Hessian of ⟨v̄, v⟩ in the flat inputs) of the node as TensorFlow operations."""
    sizes = np.cumsum([a.size for a in inputs])[:-1]
    flat = tf.constant(np.concatenate([a.ravel() for a in inputs]))

    def value(x):
        parts = tf.split(x, np.diff([0, *sizes, x.shape[0]]).tolist())
        return node.tensorflow(*(tf.reshape(p, a.shape) for p, a in zip(parts, inputs)))
    _, gradient, H = by_tapes(lambda x: tf.reduce_sum(value(x) * adjoint), flat, vectorised=False)
    return value(flat).numpy(), gradient, H


@pytest.mark.parametrize("name", NODES)
def test_a_node_keeps_the_identities_of_first_and_second_order(name):
    """⟨J x, y⟩ = ⟨x, Jᵀ y⟩; C symmetric; value, gradient and C are those of TensorFlow."""
    node, inputs = NODES[name]()
    point, adjoint, plan, J, C = differentiated(node, inputs)
    assert tuple(node.output_shape(*(a.shape for a in inputs))) == point.value.shape
    bars = point.pullback(adjoint, [True] * len(inputs))
    assert all(bar.shape == a.shape for bar, a in zip(bars, inputs))
    flat_bar = np.concatenate([bar.ravel() for bar in bars])
    np.testing.assert_allclose(J.T @ adjoint.ravel(), flat_bar, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(C, C.T, rtol=1e-12, atol=1e-13)
    value, gradient, H = by_tensorflow(node, inputs, adjoint)
    np.testing.assert_allclose(point.value, value, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(flat_bar, gradient, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(C, H, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", NODES)
def test_an_input_that_is_not_wanted_has_no_adjoint(name):
    node, inputs = NODES[name]()
    point = node.evaluate(*inputs)
    if len(inputs) > 1:
        for i in range(len(inputs)):
            wanted = [j != i for j in range(len(inputs))]
            assert point.pullback(np.ones(point.value.shape), wanted)[i] is None


# --- bases --------------------------------------------------------------------------------------
def a_plan():
    """A base of every kind: a network, a linear and a nonlinear solve, a recurrence, an eigenvalue."""
    x, matrix = RNG.normal(size=(3, 2)), pcl.SparseMatrix.from_scipy(sp.csr_array(DENSE))

    def loss(theta):
        c = NET(theta["net"], x)[:, 0]
        u = pcl.solve(matrix * theta["s"], c)
        w = pcl.solve_nonlinear(lambda w: w + 0.1 * w ** 3 - u, np.zeros(3))
        y = pcl.scan(lambda s: 0.5 * tf.sin(s) + 0.1 * w * s, u, n_steps=3)
        values = pcl.eigenvalues(theta["s"] * (matrix + matrix.T), count=1)
        return tf.reduce_sum(y ** 2) + tf.reduce_sum(u ** 3) + tf.reduce_sum(values ** 3)
    problem = pcl.Problem(loss, {"net": NET.init(2), "s": 1.3})
    return problem.at(problem.theta0).plan


@pytest.fixture(scope="module")
def plan():
    """`a_plan`, made once."""
    return a_plan()


def test_the_plan_has_a_base_of_every_kind(plan):
    assert {type(base) for base in plan.bases} == {*KEEPERS[bases.Base], bases.LeafBase}
    assert sum(isinstance(base, bases.InverseBase) for base in plan.bases) == 3


def test_a_base_keeps_the_adjoint_identity_for_one_column_and_several(plan):
    for base in (base for base in plan.bases if base.rhs is not None):
        n = next(iter(base.rhs.terms.values())).shape[0]
        x, y = RNG.normal(size=n), RNG.normal(size=base.size)
        np.testing.assert_allclose(base.pushforward(x) @ y, x @ base.pullback(y), rtol=1e-11)
        if not isinstance(base, StreamedBase):      # products with several columns go by blocks there
            X, Y = RNG.normal(size=(n, 2)), RNG.normal(size=(base.size, 2))
            np.testing.assert_allclose(base.pushforward(X)[:, 1], base.pushforward(X[:, 1]), rtol=1e-12)
            np.testing.assert_allclose(base.pullback(Y)[:, 1], base.pullback(Y[:, 1]), rtol=1e-12)


def test_the_curvature_of_a_base_is_symmetric_and_second_is_linear(plan):
    assert {type(base) for base in plan.curved} == {StreamedBase, ScanBase}
    for base in plan.curved:
        n = next(iter(base.rhs.terms.values())).shape[0]
        x, z, y = RNG.normal(size=n), RNG.normal(size=n), RNG.normal(size=base.size)
        np.testing.assert_allclose(z @ base.second(None, x), x @ base.second(None, z), rtol=1e-9)
        np.testing.assert_allclose(base.second(y, x), base.pullback(y) + base.second(None, x),
                                   rtol=1e-9, atol=1e-11)


def test_eliminating_a_base_keeps_the_quadratic_form(plan):
    H = hessian(plan)
    np.testing.assert_allclose(hessian(eliminated(plan)), H, rtol=1e-9, atol=1e-11 * np.abs(H).max())
    products = np.stack([plan.hvp(e) for e in np.eye(plan.n_theta)])
    np.testing.assert_allclose(products, H, rtol=1e-9, atol=1e-11 * np.abs(H).max())


def test_forms_without_the_base_are_left_alone(plan):
    leaf = plan.bases[0]
    form = Form(leaf, Identity(leaf.size), sp.eye_array(leaf.size), leaf, Identity(leaf.size), False)
    for base in plan.bases:
        if base.rhs is not None and not isinstance(base, ScanBase):     # which brings forms of its own
            assert base.eliminated([form]) == [form]


def test_costs_count_upwards_with_the_number_of_parameters(plan):
    for base in plan.bases:
        if base.rhs is not None:
            assert np.all(np.array(base.cost(2)) <= np.array(base.cost(200)))


# --- factorisations ------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", factor.solvers())
def test_a_factorisation_is_the_inverse_and_its_transpose_the_adjoint(solver):
    A = sp.csc_array(sp.diags_array([-1.0, 2.5, -1.0], offsets=[-1, 0, 1], shape=(30, 30)))
    try:
        F = factor.factorise(A, solver)
    except ImportError:
        pytest.skip(f"{solver} is not installed")
    b, c = RNG.normal(size=30), RNG.normal(size=(30, 2))
    np.testing.assert_allclose(A @ F.solve(b, False), b, atol=1e-9)
    np.testing.assert_allclose(A @ F.solve(c, False), c, atol=1e-9)
    np.testing.assert_allclose(F.solve(b, False) @ c[:, 0], b @ F.solve(c[:, 0], True), rtol=1e-7)
    assert F.entries > 0 and F.nbytes > 0 and F.estimate(c).shape == c.shape
