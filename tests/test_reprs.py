"""`repr` of the main objects says what they are."""
import numpy as np
import pytest
import tensorflow as tf

import fem
import pcl
from pcl.uncertainty import noise, prior

V = fem.Space(fem.unit_square(2), "P1")
NET = pcl.MLP((2, 4, 1), output=pcl.softplus(0.1))
PROBLEM = pcl.Problem.from_data(lambda t: t["a"] * tf.reduce_sum(NET(t["k"], V.quadrature_points), 1),
                                np.ones(24), noise.Gaussian(0.1), {"k": NET.init(0), "a": 1.0},
                                {"k": prior.Normal(0.0, 1.0)})


@pytest.mark.parametrize("thing, words", [
    (PROBLEM, "Problem(most probable θ of 18 parameters: k MLP([2, 4, 1], output=Transform(function="
              "'softplus', scale=1.0, shift=0.1)), a a number)"),
    (pcl.Problem(lambda t: tf.reduce_sum(t["b"] ** 2), {"b": np.ones((2, 3))}),
     "Problem(a loss of 6 parameters: b (2, 3))"),
    (pcl.Problem.from_residuals(lambda t: t["b"], {"b": [1.0]}), "Problem(Σ r² of 1 parameters: b (1,))"),
    (pcl.MLP((1, 20, 1)), "MLP([1, 20, 1])"),
    (pcl.MLP((1, 20, 1), "sin"), "MLP([1, 20, 1], activation='sin')"),
    (pcl.ICNN((1, 3, 1), monotone=True), "ICNN([1, 3, 1], monotone=True)"),
    (pcl.Field(pcl.MLP((1, 3, 1)), scale=2.0), "Field(MLP([1, 3, 1]), scale=[2.0], shift=[0.0])"),
    (V, "Space(u: ElementTriP1; 8 cells, n=9, q=24)"),
    (fem.Grid.uniform(5), "Grid(5 nodes, n=5, n_faces=4)"),
    (V.laplace(), "SparseMatrix((9, 9), linear in 8 coefficients)"),
    (V.laplace() + V.mass(), "SparseMatrix((9, 9), 2 terms, linear in 8, 24 coefficients)"),
    (V.gradient, "LinearMap((9,) → (24, 2), 96 entries)"),
    (noise.Gaussian(0.1), "Gaussian(scale=0.1)"), (noise.Gaussian(), "Gaussian(scale=unknown sigma)"),
    (prior.Normal(1.0, [1.0, 2.0]), "Normal(mean=1, deviation=(2,) numbers)"),
    (pcl.dae.Model(states="x", parameters=["k", "m"], rates=lambda v: {"x": -v.k * v.x}),
     "Model(states x, parameters k m)"),
    (pcl.dae.Law(pcl.MLP((1, 3, 1)), inputs="x", outputs="z"), "Law(x → z by MLP([1, 3, 1]))")])
def test_repr_says_what_it_is(thing, words):
    assert words in repr(thing) and "object at 0x" not in repr(thing) and "\n" not in repr(thing)
