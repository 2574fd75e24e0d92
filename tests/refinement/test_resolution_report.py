"""What `pcl.resolution` reports, on problems whose minimum at every level is known in closed form."""

import numpy as np
import pytest
import tensorflow as tf

import pcl

RNG = np.random.default_rng(3)
A, B = RNG.standard_normal((2, 12, 3))
DATA = A @ [1.0, -2.0, 0.5] + 0.01 * RNG.standard_normal(12)


def linear(n, unit=np.ones(3)):
    """r = (A + B/n²) diag(unit) θ − y: the minimum moves with 1/n²."""
    X = tf.constant((A + B / n ** 2) * unit)
    return pcl.Problem.from_residuals(
        lambda theta: tf.linalg.matvec(X, tf.concat([theta["a"], theta["b"][None]], 0)) - DATA,
        {"a": np.zeros(2), "b": 0.0})


def minimum(n):
    return np.linalg.lstsq(A + B / n ** 2, DATA)[0]


def flat(found):
    return np.append(found["a"], found["b"])


@pytest.mark.parametrize("unit", [np.ones(3), np.array([1e9, 1.0, 1e-7])])
def test_linear_shifts_and_errors_are_those_of_regression_in_any_units(unit):
    found = pcl.resolution(lambda n: linear(n, unit), minimum(8) / unit, (8, 16))
    np.testing.assert_allclose(flat(found.shift), (minimum(16) - minimum(8)) / unit, rtol=1e-8)
    X, r = A + B / 64, (A + B / 64) @ minimum(8) - DATA
    assert found.sigma == pytest.approx(np.sqrt(r @ r / 9), rel=1e-10)
    errors = found.sigma * np.sqrt(np.diag(np.linalg.inv(X.T @ X))) / unit
    np.testing.assert_allclose(flat(found.error), errors, rtol=1e-8)
    np.testing.assert_allclose(flat(found.ratio), flat(found.shift) / errors, rtol=1e-8)
    assert "Refine: from level 8 to 16" in str(found) and not found.fine_enough
    assert pcl.resolution(linear, minimum(1000), (1000, 2000)).verdict.startswith("Fine enough")


def test_shifts_do_not_depend_on_how_far_theta_was_trained():
    off = minimum(8) + [0.3, 0.0, -0.1]
    found = pcl.resolution(linear, off, (8, 16))
    np.testing.assert_allclose(flat(found.shift), minimum(16) - minimum(8), rtol=1e-8)
    X = A + B / 64
    assert found.gradient == pytest.approx(np.linalg.norm(2 * X.T @ (X @ off - DATA)), rel=1e-10)
    assert found.verdict.startswith("theta is not stationary at level 8: |gradient|")
    assert not found.fine_enough


def test_what_remains_beyond_the_finest_level_is_richardsons():
    """With the order known, or from three levels: the minimum at 1/n² = 0 to the order of 1/n⁴."""
    limit = np.linalg.lstsq(A, DATA)[0]
    by_order = pcl.resolution(linear, minimum(64), (64, 128), order=2)
    by_levels = pcl.resolution(linear, minimum(64), (64, 128, 256))
    for found in (by_order, by_levels):
        total = flat(found.shift) + flat(found.remaining)
        np.testing.assert_allclose(minimum(64) + total, limit, rtol=0, atol=2e-3 * np.abs(total).max())
        np.testing.assert_allclose(flat(found.total), total / flat(found.error), rtol=1e-10)
    without = pcl.resolution(linear, minimum(64), (64, 128))
    assert np.isnan(flat(without.remaining)).all()
    assert "nan" not in str(without) and "needs a third one, or order=" in str(without)
    assert "third one" not in str(by_order) + str(by_levels)


def test_a_loss_gives_what_its_residuals_give():
    def loss(n):
        X = tf.constant((A + B / n ** 2) * [1.0, 1e5, 1.0])
        return pcl.Problem(lambda theta: tf.reduce_sum(tf.square(tf.linalg.matvec(X, theta["c"]) - DATA)),
                           {"c": np.zeros(3)})
    found = pcl.resolution(loss, minimum(8) / [1.0, 1e5, 1.0], (8, 16), sigma=0.02)
    expected = pcl.resolution(linear, minimum(8), (8, 16), sigma=0.02)
    np.testing.assert_allclose(found.shift["c"] * [1.0, 1e5, 1.0], flat(expected.shift), rtol=1e-6)
    np.testing.assert_allclose(found.error["c"] * [1.0, 1e5, 1.0], flat(expected.error), rtol=1e-6)


def test_an_indefinite_hessian_is_said():
    def saddle(n):
        return pcl.Problem(lambda t: tf.square(t["x"] - 1 / n) - 0.1 * tf.square(t["y"]),
                           {"x": 0.0, "y": 0.0})
    found = pcl.resolution(saddle, [0.25, 0.0], (4, 8), sigma=1.0)
    assert "indefinite, 1 of 2 eigenvalues" in str(found)
    assert found.shift["x"] == pytest.approx(-0.125) and np.isnan(found.ratio["y"])


def test_a_parameter_that_only_a_sum_determines_is_not_judged_but_the_sum_is():
    def make(n):
        return pcl.Problem.from_residuals(
            lambda t: tf.linalg.matvec(A[:, :2], tf.stack([t["x"] + t["y"] + 1 / n, t["z"]])) - DATA,
            {"x": 0.0, "y": 0.0, "z": 0.0})
    best = np.linalg.lstsq(A[:, :2], DATA)[0]
    found = pcl.resolution(make, [best[0] - 0.25, 0.0, best[1]], (4, 8),
                           {"sum": lambda t: t["x"] + t["y"], "three": lambda t: tf.stack([t["z"]] * 3)})
    assert np.isnan(found.ratio["x"]) and np.isnan(found.ratio["y"]) and np.isfinite(found.ratio["z"])
    assert found.shift["sum"][0] == pytest.approx(0.125, rel=1e-9)
    C = np.linalg.inv(A[:, :2].T @ A[:, :2])
    assert found.error["sum"][0] == pytest.approx(found.sigma * np.sqrt(C[0, 0]), rel=1e-9)
    assert found.shift["three"].shape == (3,) and found.largest[1] == "sum"
    assert "determine 2 of 3 directions" in str(found)


# --- laws ----------------------------------------------------------------------------------------
def law_rows(nodes, level):
    """(6 means of a law on (−1, 1), its random walk, its level) as a matrix, and the data."""
    at = np.linspace(-0.8, 0.8, 6)[:, None] + 1 / level ** 2
    w = np.exp(-((nodes - at) / 0.3) ** 2)
    step = nodes[1] - nodes[0]
    walk = np.diff(np.eye(nodes.size), axis=0) / np.sqrt(step)
    rows = np.concatenate([w / w.sum(axis=1, keepdims=True) / 0.01, walk, np.eye(nodes.size)[:1]])
    return rows, np.concatenate([np.sin(2 * at[:, 0]) / 0.01, np.zeros(nodes.size)])


def best_law(nodes, level):
    return np.linalg.lstsq(*law_rows(nodes, level))[0]


def test_the_law_of_a_network_moves_as_free_values_do():
    nodes = np.linspace(-1, 1, 17)
    net = pcl.MLP([1, 8, 8, 1])

    def law(theta):
        return net(theta["k"], nodes[:, None])[:, 0]

    def make(level):
        rows, data = law_rows(nodes, level)
        return pcl.Problem.from_residuals(
            lambda theta: tf.linalg.matvec(tf.constant(rows), law(theta)) - data, {"k": 2 * net.init(0)})

    problem = make(4)
    x = pcl.minimize(problem, "levenberg-marquardt", maxiter=150, gtol=1e-12, ftol=0.0, progress=False).x
    found = pcl.resolution(make, x, (4, 8), {"law": law}, sigma=1.0)
    moved = best_law(nodes, 8) - best_law(nodes, 4)
    np.testing.assert_allclose(found.shift["law"], moved, rtol=0, atol=0.03 * np.abs(moved).max())
    rows, _ = law_rows(nodes, 4)
    band = np.sqrt(np.diag(np.linalg.inv(rows.T @ rows)))
    np.testing.assert_allclose(found.error["law"], band, rtol=0.03)


def test_a_field_of_nodal_values_is_carried_to_the_finer_level():
    def make(n):
        rows, data = law_rows(np.linspace(-1, 1, n + 1), n)
        return pcl.Problem.from_residuals(
            lambda theta: tf.linalg.matvec(tf.constant(rows), theta["y"]) - data, {"y": np.zeros(n + 1)})

    def carry(y, n):
        return np.interp(np.linspace(-1, 1, n + 1), np.linspace(-1, 1, y.size), y)

    coarse, fine = (best_law(np.linspace(-1, 1, n + 1), n) for n in (10, 20))
    found = pcl.resolution(make, {"y": coarse}, (10, 20), {"end": lambda t: t["y"][-1]}, sigma=1.0,
                           transfer={"y": carry})
    np.testing.assert_allclose(found.shift["y"], fine - carry(coarse, 20), atol=1e-8)
    assert found.shift["end"][0] == pytest.approx(fine[-1] - coarse[-1], abs=1e-8)


# --- bad input -----------------------------------------------------------------------------------
def other(blocks):
    return lambda n: linear(n) if n == 8 else pcl.Problem.from_residuals(
        lambda t: tf.concat([tf.reshape(v, [-1]) for v in t.values()], 0), blocks)


def bursting(n):
    bound = 10.0 if n == 8 else -10.0
    return pcl.Problem.from_residuals(
        lambda t: tf.math.log(bound + tf.concat([t["a"], t["b"][None]], 0)), {"a": np.zeros(2), "b": 0.0})


@pytest.mark.parametrize("arguments, words", [
    ((linear, np.zeros(3), (8,)), "levels is .*expected two or three levels"),
    ((linear, np.zeros(3), 8), "levels is 8; expected two or three levels"),
    ((linear(8), np.zeros(3), (8, 16)), "make_problem is a Problem; expected a function of a level"),
    ((lambda n: None, np.zeros(3), (8, 16)), r"make_problem\(8\) returned a NoneType"),
    ((linear, np.zeros(4), (8, 16)), r"theta has shape \(4,\)"),
    ((other({"c": np.zeros(3)}), np.zeros(3), (8, 16)), r"level 16 has the blocks \['c'\]; expected"),
    ((other({"a": np.zeros(5), "b": 0.0}), np.zeros(3), (8, 16)), "'a' has shape .5,. at.*transfer="),
    ((bursting, np.zeros(3), (8, 16)), "level 16 cannot be evaluated at theta"),
    ((linear, np.zeros(3), (8, 16), None, None, {"d": abs}), r"transfer names \['d'\]; the blocks are"),
    ((linear, np.zeros(3), (8, 16), None, None, {"a": lambda a, n: a[:1]}), r"transfer\['a'\] to"),
    ((linear, np.zeros(3), (8, 16), {"a": lambda t: t["a"]}), r"quantities names \['a'\]"),
    ((linear, np.zeros(3), (8, 16), None, -1.0), "sigma is -1"),
    ((linear, np.zeros(3), ("coarse", "fine"), None, 1.0, None, 2), "could not|unsupported|levels"),
])
def test_bad_input_is_refused_in_a_sentence(arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        pcl.resolution(*arguments)


def test_a_noise_that_cannot_be_estimated_is_asked_for():
    def exact(n):
        return pcl.Problem.from_residuals(lambda t: t["x"] * np.ones(3) / n, {"x": 0.0})
    with pytest.raises(ValueError, match="leaves no residual.*Give sigma"):
        pcl.resolution(exact, [0.0], (8, 16))
    with pytest.raises(ValueError, match="order is given, but the levels .* are not numbers"):
        pcl.resolution(lambda level: exact(level[0]), [0.0], ((8, "P1"), (16, "P1")), sigma=1.0, order=2)
    with pytest.raises(ValueError, match="states a loss.*Give sigma"):
        pcl.resolution(lambda n: pcl.Problem(lambda t: tf.square(t["x"] - 1 / n), {"x": 0.0}), [0.1],
                       (8, 16))
    with pytest.raises(ValueError, match="at level 8: dr/dθ is 0"):
        pcl.resolution(lambda n: pcl.Problem.from_residuals(
            lambda t: tf.square(t["x"]) * np.ones(3) + 1 / n, {"x": 0.0}), [0.0], (8, 16))


def test_a_level_that_changes_nothing_is_said():
    found = pcl.resolution(lambda n: linear(8), minimum(8), (8, 16))
    assert "does make_problem use its argument?" in str(found)
