"""Collocation schemes, elements, interpolation, error estimate and meshes that suit the error."""

import types

import numpy as np
import pytest

from pcl.collocation import (AdaptStatus, Mesh, adapt, equidistribute, error_estimate, gauss,
                             interpolation, lobatto, named_scheme, radau, refine, worst)

SCHEMES = [*map(radau, range(1, 6)), *map(gauss, range(1, 6)), *map(lobatto, range(2, 6))]


def label(s):
    return f"{s.name}{s.K}" if hasattr(s, "name") else str(s)


IDS = [label(s) for s in SCHEMES]


def polynomial_of_degree(n):
    """With coefficients 1, 2, …, n + 1."""
    return np.polynomial.Polynomial(np.arange(1.0, n + 2))


def unknowns(scheme, mesh, function, derivative):
    """(start (N, 1), slots (N, K, 1)) that interpolate a function."""
    slots = function(mesh.points(scheme))
    if scheme.points[0] == 0.0:
        slots[:, 0] = mesh.lengths * derivative(mesh.times[:-1])
    return function(mesh.times[:-1])[:, None], slots[..., None]


def test_radau_with_two_and_three_points_has_the_published_nodes():
    r = np.sqrt(6.0)   # Hairer and Wanner II, table IV.5.5 and 5.6
    np.testing.assert_allclose(radau(2).points, [1 / 3, 1.0], atol=1e-15)
    np.testing.assert_allclose(radau(3).points, [(4 - r) / 10, (4 + r) / 10, 1.0], atol=1e-15)
    np.testing.assert_allclose(radau(3).weights, [(16 - r) / 36, (16 + r) / 36, 1 / 9], atol=1e-15)


def test_radau_with_one_point_is_the_implicit_euler_method():
    np.testing.assert_array_equal(radau(1).derivative, [[-1.0, 1.0]])


@pytest.mark.parametrize("scheme", SCHEMES, ids=IDS)
def test_weights_integrate_polynomials_of_degree_order_minus_one_and_no_more(scheme):
    c, b, p = scheme.points, scheme.weights, scheme.order
    for j in range(p):
        assert abs(b @ c ** j - 1 / (j + 1)) < 1e-14
    assert abs(b @ c ** p - 1 / (p + 1)) > 1e-7


@pytest.mark.parametrize("scheme", SCHEMES, ids=IDS)
def test_maps_of_an_element_are_exact_for_polynomials_of_degree_K(scheme):
    p = polynomial_of_degree(scheme.K)
    slots = p(scheme.points)
    if scheme.points[0] == 0.0:
        slots[0] = p.deriv()(0.0)
    z, tau = np.append(p(0.0), slots), np.linspace(0, 1, 7)
    np.testing.assert_allclose(scheme.value @ z, p(scheme.points), rtol=1e-13)
    np.testing.assert_allclose(scheme.derivative @ z, p.deriv()(scheme.points), rtol=0, atol=1e-11)
    np.testing.assert_allclose(scheme.end @ z, p(1.0), rtol=1e-13)
    np.testing.assert_allclose(scheme.value_at(tau) @ z, p(tau), rtol=1e-11)
    q = polynomial_of_degree(scheme.K - 1)
    np.testing.assert_allclose(scheme.algebraic_at(tau) @ q(scheme.points), q(tau), rtol=1e-10)


@pytest.mark.parametrize("scheme", SCHEMES, ids=IDS)
def test_interpolation_reproduces_a_polynomial_at_any_time_of_a_non_uniform_mesh(scheme):
    mesh = Mesh([0.0, 0.1, 0.7, 2.0])
    p, q = polynomial_of_degree(scheme.K), polynomial_of_degree(scheme.K - 1)
    start, slots = unknowns(scheme, mesh, p, p.deriv())
    z = np.concatenate([start[:, None], slots], axis=1)[..., 0]
    t = np.array([0.0, 0.03, 0.1, 0.3, 0.7, 1.9, 2.0])
    for kind, values, exact in (("differential", z, p(t)), ("derivative", z, p.deriv()(t)),
                                ("algebraic", q(mesh.points(scheme)), q(t))):
        element, rows = interpolation(scheme, mesh, t, kind)
        np.testing.assert_allclose((rows * values[element]).sum(axis=1), exact, rtol=1e-10)
    assert element.tolist() == [0, 0, 0, 1, 1, 2, 2]   # a boundary belongs to the element that ends there


def test_unknown_kinds_points_and_times_are_refused_in_words():
    mesh = Mesh.uniform(0, 1, 4)
    with pytest.raises(ValueError, match="outside the mesh.*0 to 1"):
        interpolation(radau(3), mesh, [0.5, 1.01])
    with pytest.raises(ValueError, match="known are"):
        interpolation(radau(3), mesh, [0.5], "stage")
    with pytest.raises(ValueError, match=r"times\[2\] = 1 is not after"):
        Mesh([0, 1, 1, 2])
    with pytest.raises(ValueError, match="N is 0"):
        Mesh.uniform(0, 1, 0)
    for wrong in (lambda: radau(6), lambda: lobatto(1), lambda: gauss(0), lambda: named_scheme("bdf")):
        with pytest.raises(ValueError, match="expected|known"):
            wrong()


def estimate_of(scheme, mesh, f, df):
    start, slots = unknowns(scheme, mesh, f, df)
    algebraic = f(mesh.points(scheme))[..., None]
    return error_estimate(scheme, mesh, start, slots, algebraic)


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s.K in (2, 3, 4)], ids=label)
def test_error_estimate_goes_with_h_to_the_K_plus_one_and_for_algebraic_variables_h_to_the_K(scheme):
    errors = [estimate_of(scheme, Mesh.uniform(0, 1, N), np.exp, np.exp).max(axis=0) for N in (8, 16)]
    orders = np.log2(errors[0] / errors[1])
    np.testing.assert_allclose(orders, [scheme.K + 1, scheme.K], atol=0.15)


@pytest.mark.parametrize("scheme", [radau(2), radau(3), gauss(2), lobatto(3)], ids=label)
def test_error_estimate_of_a_solved_equation_is_the_largest_true_error_in_an_element(scheme):
    """x' = x cos t by collocation: the estimate is the true error, within a factor."""
    mesh = Mesh.uniform(0, 3, 24)
    exact = lambda t: np.exp(np.sin(t))   # noqa: E731
    start, slots = np.zeros((24, 1)), np.zeros((24, scheme.K, 1))
    x, worst_true = 1.0, np.zeros(24)
    for e, (t, h) in enumerate(zip(mesh.times[:-1], mesh.lengths)):
        A = scheme.derivative / h - np.cos(t + h * scheme.points)[:, None] * scheme.value
        s = np.linalg.solve(A[:, 1:], -A[:, 0] * x)
        start[e, 0], slots[e, :, 0] = x, s
        tau = np.linspace(0, 1, 51)
        worst_true[e] = np.abs(scheme.value_at(tau) @ np.append(x, s) - exact(t + h * tau)).max()
        x = scheme.end @ np.append(x, s)
    estimate = error_estimate(scheme, mesh, start, slots)[:, 0]
    assert 0.7 < estimate.max() / worst_true.max() < 1.6


def test_refine_splits_where_the_error_is_too_large_and_merges_where_it_is_far_below():
    mesh = Mesh([0, 1, 2, 3, 4])
    new = refine(mesh, [1e-9, 1e-9, 1e-3, 20e-3], 1e-3, order=3)
    np.testing.assert_allclose(new.times, [0, 2, 3, 3 + 1 / 3, 3 + 2 / 3, 4])


def test_equidistribution_gives_every_element_the_same_error():
    mesh = Mesh.uniform(0, 4, 40)
    f, df = (lambda t: np.exp(-t)), (lambda t: -np.exp(-t))
    for _ in range(3):
        error = estimate_of(radau(2), mesh, f, df)[:, 0]
        mesh = equidistribute(mesh, error, order=3)
    error = estimate_of(radau(2), mesh, f, df)[:, 0]
    assert mesh.elements == 40 and mesh.times[-1] == 4.0
    assert error.max() / error.min() < 1.6   # 60 on the uniform mesh
    assert equidistribute(mesh, np.zeros(40), 3).elements == 40


def boundary_layer(mesh):
    """Interpolant of tanh((t − 1)/0.02) and its algebraic twin, as a solve would return it."""
    f = lambda t: np.tanh((t - 1) / 0.02)                 # noqa: E731
    df = lambda t: (1 - f(t) ** 2) / 0.02                 # noqa: E731
    start, slots = unknowns(radau(3), mesh, f, df)
    return types.SimpleNamespace(scheme=radau(3), mesh=mesh, start=start, slots=slots,
                                 algebraic=np.empty((mesh.elements, 3, 0)))


@pytest.mark.parametrize("method", ["split", "move"])
def test_adapted_mesh_meets_the_tolerance_with_far_fewer_elements_than_a_uniform_one(method):
    adapted = adapt(boundary_layer, Mesh.uniform(0, 2, 10), 1e-5, [1.0], method=method, max_rounds=15)
    assert adapted.status is AdaptStatus.SOLVED and adapted.error.max() <= 1.0
    t = np.linspace(0, 2, 4001)
    element, rows = interpolation(radau(3), adapted.mesh, t)
    z = np.concatenate([adapted.solution.start[:, None], adapted.solution.slots], axis=1)[..., 0]
    true = np.abs((rows * z[element]).sum(axis=1) - np.tanh((t - 1) / 0.02)).max()
    assert true < 3e-5
    uniform = boundary_layer(Mesh.uniform(0, 2, 3 * adapted.mesh.elements))
    error = error_estimate(radau(3), uniform.mesh, uniform.start, uniform.slots)
    assert worst(error, [1.0]).max() > 1e-5
    assert adapted.mesh.lengths.min() < adapted.mesh.lengths.max() / 10


def test_adaptation_that_runs_out_of_rounds_or_elements_says_so():
    few = adapt(boundary_layer, Mesh.uniform(0, 2, 10), 1e-9, [1.0], max_rounds=2)
    assert few.status is AdaptStatus.ROUND_LIMIT and len(few.history) == 2
    small = adapt(boundary_layer, Mesh.uniform(0, 2, 10), 1e-9, [1.0], max_elements=20)
    assert small.status is AdaptStatus.ELEMENT_LIMIT and not small.status.success


def test_error_estimate_refuses_one_element_and_wrong_shapes():
    with pytest.raises(ValueError, match="neighbours"):
        error_estimate(radau(2), Mesh([0, 1]), np.zeros((1, 1)), np.zeros((1, 2, 1)))
    with pytest.raises(ValueError, match="slots has shape"):
        error_estimate(radau(2), Mesh([0, 1, 2]), np.zeros((2, 1)), np.zeros((2, 3, 1)))
