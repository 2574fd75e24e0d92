"""The collocated program: values by hand, derivatives against differences, structured against sparse."""

import dae_programs as cases
import numpy as np
import pytest
from oracles import slope_of_order_six

from pcl.collocation import Mesh, gauss, interpolation, lobatto, radau
from pcl.dae.model import Model
from pcl.dae.program.elements import Elements
from pcl.dae.program.misfit import Misfit
from pcl.dae.program.transcription import Transcription
from pcl.interior_point.program import row_maxima

RNG = np.random.default_rng(8)
DECAY = Model("x", "y", rates=lambda v: {"x": -2.0 * v.x}, equations=lambda v: [v.y - v.x ** 2 - v.t])


def _close(a, b):
    """1e-10 of the largest entry: rounding of a difference of step 1e-3 is 1e-13 of it."""
    assert np.abs(a - b).max() <= 1e-10 * max(1.0, np.abs(b).max())


def _decay(scheme, times):
    elements = Elements(DECAY, scheme, [Mesh(times)])
    fixed, start = np.zeros((2, elements.E, 1))
    fixed[0], start[0] = 1.0, 1.0
    inputs = np.zeros((elements.E, elements.K, 0))
    return Transcription(DECAY, [], elements, inputs, fixed.astype(bool), start,
                         Misfit.of(elements, []), [])


def _solved(program):
    """x with c(x) = 0, for as many rows as unknowns, by Newton's method."""
    x = np.zeros(program.n)
    for _ in range(5):
        x = x - np.linalg.solve(program.jacobian(x).tocsc().toarray(), program.constraints(x))
    return x


@pytest.mark.parametrize("name", cases.SHAPES)
def test_derivatives_agree_with_differences(name):
    p, (x, lam), sigma = cases.program(name), cases.point(name), 0.7
    for d in RNG.normal(size=(2, p.n)):
        _close(np.array(p.gradient(x) @ d), slope_of_order_six(p.objective, x, d))
        _close(p.jacobian(x).tocsc() @ d, slope_of_order_six(p.constraints, x, d))
        _close(p.hessian(x, lam, sigma).tocsc() @ d,
               slope_of_order_six(lambda y: sigma * p.gradient(y) + p.jacobian(y).T @ lam, x, d))


@pytest.mark.parametrize("name", cases.SHAPES)
def test_structured_products_are_those_of_the_sparse_matrix(name):
    p, (x, lam) = cases.program(name), cases.point(name, 1)
    J, W = p.jacobian(x), p.hessian(x, lam, 0.3)
    sparse_J, sparse_W = J.tocsc(), W.tocsc()
    assert sparse_J.shape == J.shape == (p.m, p.n) and sparse_W.shape == W.shape
    v, w = RNG.normal(size=p.n), RNG.normal(size=p.m)
    _close(J @ v, sparse_J @ v)
    _close(J.T @ w, sparse_J.T @ w)
    _close(W @ v, sparse_W @ v)
    _close(sparse_W.toarray(), sparse_W.toarray().T)
    np.testing.assert_allclose(J.row_maxima(), row_maxima(sparse_J), rtol=1e-15)


@pytest.mark.parametrize("name", [n for n in cases.SHAPES if cases.SHAPES[n][2].points[0] > 0.0])
def test_every_row_and_unknown_has_a_name(name):
    """Of its own, but for Lobatto, where neighbours share the time of a node."""
    p = cases.program(name)
    assert len({p.row_name(j) for j in range(p.m)}) == p.m
    assert len({p.variable_name(i) for i in range(p.n)}) == p.n


def test_names_tell_element_and_time():
    p, elements = cases.program("wide, Gauss"), cases.program("wide, Gauss").elements
    first = elements.E * p.rows.n_local
    assert p.row_name(first) == "start of x1 in element 1"
    assert p.row_name(0).startswith("x1 at t = ") and "trajectory 0" in p.row_name(0)
    assert p.row_name(p.m - 1).startswith("path sum at t")
    assert p.variable_name(elements.n - 1) == "k" and p.variable_name(elements.n) == "weight 0"


@pytest.mark.parametrize("scheme", [radau(2), gauss(2), lobatto(3)], ids=lambda s: s.name)
def test_the_solution_of_the_rows_is_the_collocated_trajectory(scheme):
    """x = exp(−2 t), y = x² + t; the error falls with the order of the scheme, 16 elements by 2^order."""
    errors = []
    for n in (8, 16):
        p = _decay(scheme, np.linspace(0.0, 1.0, n + 1))
        assert p.m == p.n
        x = _solved(p)
        u = p.elements.local(x)
        a = p.elements.at_points(u)
        np.testing.assert_allclose(a[:, 2], a[:, 1] ** 2 + p.elements.times.ravel(), atol=1e-12)
        np.testing.assert_allclose(a[:, 0], -2.0 * a[:, 1], atol=1e-11)
        errors.append(abs(u[-1] @ p.elements.end[0] - np.exp(-2.0)))
    assert np.log2(errors[0] / errors[1]) == pytest.approx(scheme.order, abs=0.4)


@pytest.mark.parametrize("scheme", [radau(1), radau(3), gauss(2), lobatto(2)],
                         ids=lambda s: f"{s.name} {s.K}")
def test_local_and_scatter_are_transposes(scheme):
    elements = Elements(cases.WIDE, scheme, [Mesh([0.0, 1.0, 3.0]), Mesh([0.0, 0.5])])
    x, u = RNG.normal(size=elements.n), RNG.normal(size=(elements.E, elements.width))
    assert np.vdot(elements.local(x), u) == pytest.approx(x @ elements.scatter(u), rel=1e-13)
    np.testing.assert_array_equal(elements.join(*elements.split(x)), x)


def test_misfit_is_the_weighted_sum_of_squares_of_the_interpolant():
    scheme, mesh = radau(2), Mesh([0.0, 0.4, 1.0])
    elements = Elements(DECAY, scheme, [mesh, mesh])
    times, data = np.array([0.0, 0.3, 0.4, 0.9]), RNG.normal(size=4)
    misfit = Misfit.of(elements, [(1, "x", times, data, 2.0), (1, "y", times, data, np.full(4, 0.5))])
    u = RNG.normal(size=(elements.E, elements.width))
    total = 0.0
    for name, kind, columns, weight in (("x", "differential", [0, 1, 3], 2.0),
                                        ("y", "algebraic", [2, 4], 0.5)):
        element, rows = interpolation(scheme, mesh, times, kind)
        values = np.einsum("ok,ok->o", rows, u[2 + element][:, columns])
        total += weight * ((values - data) ** 2).sum()
    assert misfit.value(u) == pytest.approx(total, rel=1e-13)
    d = RNG.normal(size=u.shape)
    expected = slope_of_order_six(misfit.value, u, d)
    assert np.vdot(misfit.gradient(u), d) == pytest.approx(float(expected), rel=1e-9)


def test_bounds_stand_at_nodes_and_free_starts_alone():
    p = cases.program("wide, Lobatto")
    x0, w, theta = p.elements.split(p.x_lower)
    assert (x0[:1, 0] == -3.0).all() and np.isinf(x0[1:]).all() and np.isinf(x0[:, 1]).all()
    assert np.isinf(w[:, 0, 0]).all() and (w[:, 1:, 0] == -3.0).all()     # first slot: a slope
    assert theta.tolist() == [-np.inf, 0.1]
    equal = p.elements.E * p.rows.n_local + p.rows.joints.shape[0]
    assert (p.c_upper == 0.0).all() and (p.c_lower[:equal] == 0.0).all()
    assert np.isinf(p.c_lower[equal:]).all()


def test_a_law_of_an_unknown_variable_is_refused():
    from pcl import MLP
    from pcl.dae.laws.law import Law
    elements = Elements(cases.PLAIN, radau(1), [Mesh([0.0, 1.0])])
    with pytest.raises(ValueError, match="the input 'q'; expected one of x, t"):
        Transcription(cases.PLAIN, [Law(MLP((1, 2, 1)), "q", "z")], elements, np.zeros((1, 1, 0)),
                      np.ones((1, 1), dtype=bool), np.ones((1, 1)), Misfit.of(elements, []), [0.0])
