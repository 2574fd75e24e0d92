"""What the doors let in: what is given is copied, converted exactly, or refused in one sentence."""

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import tensorflow as tf

import fem
import pcl
from pcl import factor
from pcl.engine import nodes
from pcl.factor import checked
from pcl.nodes.linear.linear_map import LinearMap
from pcl.nodes.linear.structure import Structure
from pcl.support.validate import float64_array

ROOT = Path(__file__).resolve().parents[1]
TWO = np.array([[2.0, 1.0], [1.0, 3.0]])
NET = pcl.MLP([1, 3, 1])


def matrix(values=TWO):
    return pcl.SparseMatrix.from_scipy(sp.csr_array(values))


def diagonal(values):
    return pcl.SparseMatrix.from_structure(Structure(sp.eye_array(2), sp.eye_array(2)), values)


# --- what comes in is real numbers without gaps ---------------------------------------------
def test_a_masked_observation_is_refused():
    observed = np.ma.masked_array([-9999.0, 1.0], [True, False])
    with pytest.raises(ValueError, match="observed is a masked array with 1 masked entry.*~mask"):
        pcl.misfit(tf.zeros(2, tf.float64), observed)


def test_a_masked_array_without_masked_entries_is_an_array():
    array = float64_array("x", np.ma.masked_array([1.0, 2.0], [False, False]))
    assert type(array) is np.ndarray and array.tolist() == [1.0, 2.0]


DOORS = {
    "right-hand side": lambda bad: pcl.solve(matrix(), bad),
    "A @ x": lambda bad: matrix() @ bad,
    "L @ x": lambda bad: LinearMap(TWO) @ bad,
    "coefficient": diagonal,
    "entries": lambda bad: pcl.SparseMatrix.from_entries([0, 1], [0, 1], bad, (2, 2)),
    "guard": pcl.guard,
    "predicted": lambda bad: pcl.misfit(bad, [1.0, 2.0]),
    "parameters": lambda bad: NET(np.resize(bad, NET.size), [[1.0]]),
    "points": lambda bad: NET(NET.init(0), np.asarray(bad)[:, None]),
    "plain network": lambda bad: NET.tensorflow(NET.init(0), np.asarray(bad)[:, None]),
    "node": lambda bad: nodes.call(None, bad),
}
BAD = {"complex": np.array([1.0 + 2.0j, 3.0]), "text": np.array(["1", "2"]),
       "object": np.array([1.0, None])}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("door", DOORS)
def test_data_that_are_not_real_numbers_are_refused(door, kind):
    with pytest.raises(TypeError, match="has dtype .*; expected real numbers"):
        DOORS[door](BAD[kind])


SPARSE_DOORS = {
    "LinearMap": LinearMap,
    "test": lambda bad: Structure(bad, sp.eye_array(2)),
    "trial": lambda bad: Structure(sp.eye_array(2), bad),
    "from_scipy": pcl.SparseMatrix.from_scipy,
}


@pytest.mark.parametrize("make", [sp.csr_array, sp.coo_array, np.asarray])
@pytest.mark.parametrize("door", SPARSE_DOORS)
def test_a_complex_matrix_is_refused(door, make):
    with pytest.raises(TypeError, match="has dtype complex128; expected real numbers"):
        SPARSE_DOORS[door](make(TWO * (1.0 + 1.0j)))


@pytest.mark.parametrize("scalar", [2.0j, "2", None, np.array(2.0j)])
def test_a_multiple_of_a_matrix_is_real(scalar):
    with pytest.raises(TypeError, match="the factor of a matrix .*; expected real numbers"):
        matrix() * scalar


def test_none_is_no_coefficient():
    with pytest.raises(TypeError, match="kappa is a NoneType; expected real numbers"):
        pcl.guard(None, name="kappa")


def test_rows_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="theta is a list whose parts have different shapes"):
        float64_array("theta", [np.zeros(2), np.zeros(3)])


# --- what a model closes over is read once ----------------------------------------------------
CLOSURES = {
    "right-hand side": (np.ones(2), lambda t, a: pcl.solve(diagonal(t), a)),
    "points": (np.ones((2, 1)), lambda t, a: NET(tf.repeat(t, 5), a)),
    "coefficient": (np.ones(2), lambda t, a: diagonal(a) @ t),
    "vector": (np.ones(2), lambda t, a: diagonal(t) @ a),
}


@pytest.mark.parametrize("name", CLOSURES)
def test_changing_an_array_after_tracing_changes_no_loss(name):
    array, model = CLOSURES[name]
    array, theta = array.copy(), np.array([1.0, 2.0])
    problem = pcl.Problem(lambda th: tf.reduce_sum(model(th["c"], array) ** 2), {"c": theta})
    before = problem.value(theta)
    array[...] = 7.0
    assert problem.value(theta + 1.0) != before
    assert problem.value(theta) == before


@pytest.mark.parametrize("make", [sp.csr_array, np.array])
def test_changing_a_matrix_changes_no_map(make):
    given = make(TWO)
    linear_map, structure = LinearMap(given), Structure(given, given)
    given[0, 0] = 7.0
    assert np.array_equal(linear_map.matrix.toarray(), TWO)
    assert np.array_equal(structure.test.toarray(), TWO)


# --- conditioning -----------------------------------------------------------------------------
def factorise(values):
    return factor.factorise(sp.csc_array(np.asarray(values)))


def test_a_null_vector_orthogonal_to_signs_is_found():
    with pytest.raises(pcl.errors.SingularMatrix):
        factorise([[1.0, 2.0], [2.0, 4.0 + 1e-15]])


@pytest.mark.parametrize("seed", range(10))
def test_the_estimated_condition_is_that_of_the_scaled_matrix(seed):
    rng = np.random.default_rng(seed)
    A = rng.normal(size=(12, 12)) * 10.0 ** rng.uniform(-9, 9, (12, 1)) * 10.0 ** rng.uniform(-9, 9, 12)
    A = sp.csc_array(A)
    row, col = checked._scales(checked._Entries(A))
    scaled = A.toarray() / row[:, None] / col
    exact = 1.0 / np.linalg.cond(scaled, np.inf)
    estimate, _ = checked._probe(A, checked._SuperLU(A, False), checked._Entries(A), (row, col))
    assert np.abs(scaled).max(axis=0) == pytest.approx(1.0, rel=1e-14)
    assert exact * (1 - 1e-8) <= estimate <= 12 * exact  # two probes see at least a share 1/n


def test_scaling_keeps_symmetry_of_positive_definite_matrices():
    d = 10.0 ** np.array([-20.0, 0.0, 20.0])
    B = np.array([[2.0, -1.0, 0.0], [-1.0, 2.0, -1.0], [0.0, -1.0, 2.0]])
    row, col = checked._scales(checked._Entries(sp.csc_array(d[:, None] * B * d)))
    assert row == pytest.approx(np.sqrt(2.0) * d, rel=1e-14)
    assert col == pytest.approx(row, rel=1e-14)


def test_a_badly_scaled_permutation_is_solvable():
    u = pcl.solve(matrix([[0.0, 1e-20], [1e20, 0.0]]), [1e-20, 1e20])
    assert u.numpy() == pytest.approx([1.0, 1.0])


def test_a_nearly_singular_matrix_is_reported():
    with pytest.warns(RuntimeWarning, match="nearly singular .* up to 1[456] of 16 digits"):
        factorise([[1.0, 1.0], [1.0, 1.0 + 1e-14]])


def test_twelve_decades_of_a_coefficient_are_harmless():
    """A layered medium: each layer reaches the boundary, so that no scale is lost in another."""
    space = fem.Space(fem.unit_square(6))
    kappa = 10.0 ** (12.0 * np.floor(6 * space.quadrature_points[:, 1]) / 5 - 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fem.solve(space.laplace(kappa), space.load(1.0), dirichlet=0.0)


# --- numbers of rows, columns and seeds ---------------------------------------------------------
@pytest.mark.parametrize("numbers, error", [
    ([-1], IndexError), ([99], IndexError), ([0.5], TypeError), ([True], TypeError),
    ([[0]], ValueError)])
def test_a_restriction_takes_whole_numbers_in_range(numbers, error):
    with pytest.raises(error, match=r"rows(\[0\])? (is|has) .*; expected"):
        matrix().restrict(numbers, [0])
    with pytest.raises(error, match=r"cols(\[0\])? (is|has) .*; expected"):
        matrix().restrict([0], numbers)


def test_a_restriction_may_be_empty():
    assert matrix().restrict([], [1]).shape == (0, 1)


@pytest.mark.parametrize("seed", [None, [1, 2], True, -1, 1.5, 2 ** 32, "0"])
def test_a_seed_is_one_whole_number(seed):
    with pytest.raises(ValueError, match="seed is .*; expected a whole number from 0 to 4294967295"):
        NET.init(seed)


# --- θ and its blocks ---------------------------------------------------------------------------
def quadratic():
    return pcl.Problem(lambda th: tf.reduce_sum(th["kappa"] ** 2), {"kappa": np.ones(2)})


def test_an_unknown_block_is_answered_with_the_known_ones():
    with pytest.raises(KeyError, match="θ has no block 'kapa'; known are kappa"):
        pcl.Problem(lambda th: tf.reduce_sum(th["kapa"] ** 2), {"kappa": np.ones(2)})


def test_theta_given_as_a_list_of_arrays_is_refused_in_one_sentence():
    problem = quadratic()
    with pytest.raises(ValueError, match="theta is a list whose parts have different shapes"):
        problem.value([np.ones(2), np.ones(3)])
    with pytest.raises(TypeError, match="blocks given are a list; expected a dict .* kappa"):
        problem.ravel([np.ones(2)])


# --- types --------------------------------------------------------------------------------------
@pytest.mark.parametrize("A", [TWO, sp.csr_array(TWO)])
def test_a_solve_takes_a_sparse_matrix_of_pcl(A):
    with pytest.raises(TypeError, match="A is a .*; expected a pcl.SparseMatrix.*from_scipy"):
        pcl.solve(A, np.ones(2))


def test_predictions_may_be_a_list_and_must_be_float64():
    assert pcl.misfit([1.0, 3.0], [1.0, 1.0]).numpy().tolist() == [0.0, 2.0]
    with pytest.raises(TypeError, match="predicted is a tensor of dtype float32; expected float64"):
        pcl.misfit(tf.ones(2), [1.0, 1.0])


@pytest.mark.parametrize("make", [tf.Variable, tf.constant, lambda a: tf.constant(a) + 0.0])
def test_observations_may_be_a_variable_or_a_tensor(make):
    observed = make(np.array([1.0, 2.0]))
    problem = pcl.Problem.from_residuals(
        lambda th: pcl.misfit(th["u"], observed), {"u": np.array([1.0, 5.0])})
    assert problem.value(problem.theta0) == 9.0


def test_observations_may_be_made_inside_the_loss():
    problem = pcl.Problem.from_residuals(
        lambda th: pcl.misfit(th["u"], tf.constant([1.0, 2.0], tf.float64)), {"u": np.ones(2)})
    assert problem.value(problem.theta0) == 1.0


def test_observations_do_not_depend_on_parameters():
    with pytest.raises(TypeError, match="observed is a tensor without a value while .* traced"):
        pcl.Problem.from_residuals(lambda th: pcl.misfit(th["u"], 2.0 * th["u"]), {"u": np.ones(2)})


# --- what is not finite is named where it is born -----------------------------------------------
def test_a_dirichlet_value_that_is_not_finite_is_named():
    space = fem.Space(fem.unit_square(2))
    dofs = space.boundary_dofs()

    def loss(th):
        values = tf.math.log(th["g"])
        return tf.reduce_sum(fem.solve(space.laplace(1.0), space.load(1.0), dirichlet=values))
    problem = pcl.Problem(loss, {"g": np.ones(len(dofs))})
    bad = np.ones(len(dofs))
    bad[3] = -1.0
    with pytest.raises(pcl.InvalidCoefficient,
                       match=f"the Dirichlet value .*degree of freedom {dofs[3]}"):
        problem.value(bad)
    gradient = problem.gradient(np.ones(len(dofs)))
    assert gradient.shape == (len(dofs),) and np.abs(gradient).max() > 0.0


def test_a_factor_of_a_matrix_that_is_not_finite_is_named():
    problem = pcl.Problem(lambda th: tf.reduce_sum((tf.math.log(th["s"]) * matrix()) @ np.ones(2)),
                          {"s": 2.0})
    assert problem.gradient([2.0]) == pytest.approx([TWO.sum() / 2.0], rel=1e-14)
    with pytest.raises(pcl.InvalidCoefficient, match="the factor of a matrix is not finite"):
        problem.value([-1.0])
    with pytest.raises(pcl.NotFinite, match="the factor of a matrix has .* NaN"):
        matrix() * np.nan


def test_a_derivative_that_is_not_finite_is_named_after_the_loss():
    point = NET.at(NET.init(0), np.ones((2, 1)))
    with pytest.raises(pcl.NotFinite, match="derivative of the loss with respect to the network's "
                                            "output"):
        point.pullback(np.full((2, 1), np.inf))


# --- files and settings -------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["x.vtk", "x.msh", "x.vtu", "x.unknown"])
def test_a_broken_mesh_file_is_a_value_error(tmp_path, capfd, name):
    pytest.importorskip("meshio")
    path = tmp_path / name
    path.write_text("not a mesh")
    with pytest.raises(ValueError, match=f"{name}', which cannot be read: .+"):
        fem.read_mesh(path)
    assert capfd.readouterr() == ("", "")


def test_eager_execution_that_is_off_is_named():
    code = ("import numpy as np, tensorflow as tf, pcl\n"
            "tf.compat.v1.disable_eager_execution()\n"
            "net = pcl.MLP([1, 1])\n"
            "for f in (lambda: net(net.init(0), np.ones((1, 1))),\n"
            "          lambda: pcl.Problem(lambda t: t['a'], {'a': 1.0})):\n"
            "    try:\n"
            "        f()\n"
            "    except RuntimeError as error:\n"
            "        print(error)\n")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                          timeout=300)
    assert done.stdout.count("eager execution of TensorFlow is off; pcl needs it") == 2, done.stderr


def test_a_guard_inside_a_function_counts_what_it_refuses():
    guarded = tf.function(lambda c: pcl.guard(c, name="kappa", positive=True))
    assert guarded(tf.ones(3, tf.float64)).numpy().tolist() == [1.0, 1.0, 1.0]
    assert guarded(tf.zeros(0, tf.float64)).shape == (0,)
    with pytest.raises(tf.errors.InvalidArgumentError,
                       match=r"kappa is not finite and positive at.*\[2\].*first at point.*\[1\]"):
        guarded(tf.constant([1.0, -2.0, np.nan], tf.float64))
