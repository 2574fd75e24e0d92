"""Random compositions of nodes and glue: value, gradient and Hessian are those of nested tapes."""

import hypothesis.strategies as st
import numpy as np
import tensorflow as tf
from hypothesis import given
from oracles import flat_loss, product_by_tapes

import pcl

N = 3
NET = pcl.MLP([2, 3, 1])
MATRIX = np.array([[3.0, 1.0, 0.0], [0.5, 4.0, -1.0], [0.0, 1.0, 2.0]])
SPARSE = pcl.SparseMatrix.from_scipy(MATRIX)

# Each takes two vectors (3,) and θ, and gives a vector of moderate size.
PIECES = {
    "sine": lambda u, v, t: tf.sin(u) + 0.1 * v,
    "product": lambda u, v, t: tf.tanh(u) * v,
    "shift": lambda u, v, t: tf.concat([u[1:], v[:1]], 0),
    "mean": lambda u, v, t: tf.reduce_mean(u) * tf.cos(v),
    "square": lambda u, v, t: u ** 2 / (1.0 + u ** 2),
    "network": lambda u, v, t: NET(t["net"], tf.stack([u, v], axis=1))[:, 0],
    "map": lambda u, v, t: SPARSE @ u,
    "scaled map": lambda u, v, t: (SPARSE * (1.0 + 0.1 * t["s"] ** 2)) @ v,
    "solve": lambda u, v, t: pcl.solve(SPARSE * (1.0 + 0.1 * t["s"] ** 2), u),
    "solve with a coefficient": lambda u, v, t: pcl.solve(
        pcl.SparseMatrix.from_entries([0, 1, 2, 0], [0, 1, 2, 2], tf.concat(
            [2.0 + tf.tanh(u), 0.3 * v[:1]], 0), (N, N)), v),
    "guard": lambda u, v, t: pcl.guard(u),
}
LINES = st.lists(st.tuples(st.sampled_from(sorted(PIECES)), st.integers(0, 9), st.integers(0, 9)),
                 min_size=1, max_size=4)


@given(LINES)
def test_a_random_composition_has_the_derivatives_of_nested_tapes(lines):
    """Line k applies its piece to two earlier vectors, counted from the last; all of them enter ℓ."""
    def loss(theta):
        vectors = [theta["a"], theta["a"] * theta["s"]]
        for name, i, j in lines:
            u, v = (vectors[-1 - k % len(vectors)] for k in (i, j))
            vectors.append(PIECES[name](u, v, theta))
        used = sum(tf.reduce_sum(tf.sin(u)) for u in vectors)
        return used + tf.reduce_sum(theta["net"] ** 2)
    problem = pcl.Problem(loss, {"a": np.array([0.3, -0.8, 1.1]), "s": 0.7, "net": NET.init(1)})
    theta, v = problem.theta0, np.random.default_rng(1).normal(size=problem.size)
    value, gradient, product = product_by_tapes(flat_loss(loss, problem), theta, v)
    scale = max(1.0, np.abs(product).max())
    np.testing.assert_allclose(problem.value(theta), value, rtol=1e-12)
    np.testing.assert_allclose(problem.gradient(theta), gradient, rtol=0, atol=1e-10 * scale)
    np.testing.assert_allclose(problem.hvp(theta, v), product, rtol=0, atol=1e-9 * scale)
    for mode in ("forward", "backward"):
        np.testing.assert_allclose(problem.hessian(theta, mode=mode) @ v, product, rtol=0,
                                   atol=1e-9 * scale)
