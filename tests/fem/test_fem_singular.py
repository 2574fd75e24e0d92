"""Singular systems, unstable pairs and inverted cells are named: which field, which mode, which cell."""
import warnings

import numpy as np
import pytest
import skfem
import tensorflow as tf

import fem
import pcl

SQUARE = fem.unit_square(5)
V = fem.Space(SQUARE, "P1")
U = fem.Space(SQUARE, fem.vector("P1"))
CUBE = fem.Space(skfem.MeshTet.init_tensor(*[np.linspace(0, 1, 3)] * 3), fem.vector("P1"))


def elastic(u, x):
    return {"u": {"gradient": fem.sym(u.gradient)}}


def stokes(viscosity=1.0, stabilised=0.0):
    def form(u, p, x):
        pressure = {"value": u.divergence}
        if stabilised:
            pressure["gradient"] = -stabilised * p.gradient
        return {"u": {"gradient": viscosity * u.gradient - p.value[:, None, None] * np.eye(2),
                      "value": -np.stack([x[:, 1], 0.0 * x[:, 0]], axis=1)}, "p": pressure}
    return form


def solve_elastic(space, dirichlet):
    return fem.solve(space.matrix(elastic), np.ones(space.n), dirichlet)


@pytest.mark.parametrize("space, dirichlet, named", [
    (U, None, "the translation along x, the translation along y, the rotation are"),
    (U, fem.Dirichlet("left", 0.0, component=0), "not held: the translation along y is"),
    (U, fem.Dirichlet([14, 15], 0.0), "a combination of .*the rotation is"),
    (CUBE, fem.Dirichlet(lambda x: x[:, 2] == 0.0, 0.0, component=2),
     "the translation along x, the translation along y, the rotation about z are"),
], ids=["free", "rollers", "one pin", "on a table"])
def test_rigid_motions_that_nothing_holds_are_named(space, dirichlet, named):
    with pytest.raises(pcl.SingularMatrix, match=f"field 'u' .*{named} in the null space.*rigid_motions"):
        solve_elastic(space, dirichlet)
    with pytest.raises(pcl.NotConverged, match=f"Jacobian: singular: field 'u' .*{named}"):
        fem.solve_nonlinear(
            space, lambda u, x: {"u": {"value": np.eye(space.dim)[0], **elastic(u, x)["u"]}}, dirichlet)


def test_the_level_of_a_scalar_and_of_a_pressure_is_named_also_inside_a_loss():
    with pytest.raises(pcl.NotConverged, match="the level of field 'u' is held by no condition"):
        fem.solve_nonlinear(V, lambda u, g, x: (x[:, 0] - 0.5, g))
    W = fem.Space(SQUARE, {"u": fem.vector("P2"), "p": "P1"})
    with pytest.raises(pcl.SingularMatrix, match="the level of field 'p' .*V.mean_value.0.0, 'p'"):
        fem.solve(*W.system(stokes()), dirichlet={"u": 0.0})
    problem = pcl.Problem(lambda theta: tf.reduce_sum(fem.solve(
        *W.system(stokes(theta["nu"])), dirichlet={"u": 0.0}) ** 2), {"nu": 1.0})
    with pytest.raises(pcl.SingularMatrix, match="the level of field 'p'"):
        problem.value([2.0])
    u = fem.solve(*W.system(stokes()), dirichlet={"u": 0.0}, constraints=W.mean_value(0.0, "p"))
    assert np.isfinite(u).all()


def test_constraints_that_depend_on_each_other_are_named():
    with pytest.raises(pcl.SingularMatrix, match="multipliers of the mean value of u and .* not det"):
        fem.solve(V.laplace(), V.load(), constraints=[V.mean_value(0.0), V.mean_value(0.0)])


def test_a_pair_of_equal_order_is_said_at_once_and_when_it_is_singular():
    W = fem.Space(SQUARE, {"u": fem.vector("P1"), "p": "P1"})
    with pytest.warns(RuntimeWarning, match="'u' and 'p' are both ElementTriP1, an unstable pair"):
        A, b = W.system(stokes())
    with pytest.raises(pcl.SingularMatrix, match="field 'p' is not determined: .* modes .*unstable pair"):
        fem.solve(A, b, dirichlet={"u": 0.0}, constraints=W.mean_value(0.0, "p"))
    with pytest.warns(RuntimeWarning, match="unstable pair"), pytest.raises(pcl.NotConverged):
        fem.solve_nonlinear(W, stokes(), {"u": 0.0}, constraints=W.mean_value(0.0, "p"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")      # Taylor–Hood, and a stabilised pair
        fem.Space(SQUARE, {"u": fem.vector("P2"), "p": "P1"}).system(stokes())
        A, b = W.system(stokes(stabilised=0.01))
    u = fem.solve(A, b, dirichlet={"u": 0.0}, constraints=W.mean_value(0.0, "p"))
    assert np.isfinite(u).all()


# --- energies that are not finite -------------------------------------------------------------
def neo_hookean(u, x):
    """Its slope is finite where J < 0."""
    F = u.gradient + np.eye(2)
    J = tf.linalg.det(F)
    return 0.5 * (tf.reduce_sum(F ** 2, axis=[1, 2]) - 2.0 - 2.0 * tf.math.log(J)) + 0.5 * (J - 1.0) ** 2


def pressed(by):
    """The left side held, the right one moved by −`by`."""
    return [fem.Dirichlet("left", 0.0), fem.Dirichlet("right", -by, component=0)]


def test_an_inverted_start_is_refused_with_its_cell():
    """The slope of log J is finite where J < 0, so that the energy itself must be looked at."""
    with pytest.raises(pcl.InvalidCoefficient, match=r"gradient of u is not finite at .*\(cell \d+\)"):
        fem.solve_nonlinear(U, fem.Energy(neo_hookean), pressed(0.5))


def test_newtons_steps_stay_where_no_cell_is_inverted():
    start = np.stack([-0.4 * U.dof_points[::2, 0], 0.0 * U.dof_points[::2, 0]], axis=1).ravel()
    u = fem.solve_nonlinear(U, fem.Energy(neo_hookean), pressed(0.4), start=start)
    J = np.linalg.det(U.gradient(u).numpy() + np.eye(2))
    assert J.min() > 0.0
    x = U.dof_points[::2]
    assert np.abs(u.numpy()[1::2][x[:, 0] == 1.0]).max() > 0.01          # it bulges


def test_an_inverted_deformation_is_a_failed_trial_of_training():
    start = np.stack([-0.3 * U.dof_points[::2, 0], 0.0 * U.dof_points[::2, 0]], axis=1).ravel()

    def loss(theta):
        u = fem.solve_nonlinear(U, fem.Energy(neo_hookean), pressed(theta["by"]), start=start)
        return tf.reduce_sum(u[0::2]) ** 2 / 100.0 - theta["by"]        # draws to a larger pressure
    problem = pcl.Problem(loss, {"by": 0.32})
    with pytest.raises(pcl.TrialFailure):
        problem.value([1.3])
    assert np.isfinite(problem.value([0.35]))


def test_a_free_plate_tilts():
    plate = fem.Space(fem.unit_square(3), "Morley")
    A, b = plate.system(lambda u, x: {"u": {"hessian": u.hessian, "value": -np.ones(len(x))}})
    with pytest.raises(pcl.SingularMatrix, match="constant, the slope along x, the slope along y are"):
        fem.solve(A, b)
