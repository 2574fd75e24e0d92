"""The node of the derivative of a network in its inputs, g = Jᵀ w with J = ∂N/∂x."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from pcl.engine.second.tangent import Identity, block_diagonal, total
from pcl.nodes.network import input_gradient_base, output_base


class NetworkGradientNode:
    """Inputs: parameters π (p,), points x (q, d), weights w (q, m); g = ∂⟨w, N(π, x)⟩/∂x (q, d)."""

    def __init__(self, net, of=None):
        self.net, self.of = net, net if of is None else of

    def tensorflow(self, params: Any, x: Any, w: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = self.net.tensorflow(params, x)
        return tape.gradient(y, x, w, unconnected_gradients="zero")

    def output_shape(self, params: tuple, x: tuple, w: tuple) -> tuple:
        y = self.net.output_shape(params, x)
        if None not in (*y, *w) and tuple(w) != y:
            raise ValueError(f"weights has shape {tuple(w)}; expected {y}, one weight for each output at "
                             "each point.")
        return (x[0], self.net.n_in)

    def evaluate(self, params: np.ndarray, x: np.ndarray, w: np.ndarray) -> "NetworkGradientPoint":
        return NetworkGradientPoint(self.net.at(params, x), w)


class NetworkGradientPoint:
    """g = ∂s/∂x with s = ⟨w, N(π, x)⟩, at one (π, x, w).

        pullback   of v: ∇²s (0, v) in (π, x), and J v in w
        tangent    s_xπ π̇ + s_xx ẋ + Jᵀ ẇ
        curvature  ∇²⟨v, g⟩ = d/dε ∇²s at x + εv; with w, which enters linearly, d/dε ∂N/∂(π, x)
    """

    def __init__(self, at, w):
        self.at, self.w = at, w
        self.value = at.pullback(w, inputs=True, params=False)[1]

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        params_bar = x_bar = None
        if wanted[0] or wanted[1]:
            params_bar, x_bar = self.at.curvature_product(self.w, x_dot=adjoint)
        w_bar = self.at.pushforward(x_dot=adjoint) if wanted[2] else None
        return params_bar if wanted[0] else None, x_bar if wanted[1] else None, w_bar

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        params, x, w = tangents
        along = self.at.along(adjoint) if np.any(adjoint) else None
        parts = []
        if params is not None:
            base = self._base(params, along)
            parts.append(plan.add_base(base))
            if along:
                plan.curved.add(base)
        if x is not None:
            parts.append(x.left(block_diagonal(self.at.input_curvature(self.w))))
        if w is not None:
            parts.append(w.left(block_diagonal(self.at.input_jacobian().transpose(0, 2, 1))))
        if along:
            self._add_curvature(plan, along, params, x, w)
        return total(parts)

    def _base(self, params, along):
        """s_xπ Π; with `along` it brings the curvature in ππ."""
        if along is None:
            return input_gradient_base(self.at, params, self.w)

        def second(y, v):
            product = along.curvature_product(self.w, params_dot=v)[0]
            if y is None:
                return product
            return product + self.at.curvature_product(self.w, x_dot=y.reshape(self.value.shape))[0]
        return input_gradient_base(self.at, params, self.w, second, lambda: along.curvature(self.w))

    def _add_curvature(self, plan, along, params, x, w):
        """The blocks xx, wx, πx and πw."""
        if x is not None:
            plan.add_square(x, block_diagonal(along.input_curvature(self.w)))
        if w is not None and x is not None:
            plan.add_mixed(w, block_diagonal(along.input_jacobian()), x)
        if params is not None and x is not None:
            mixed = input_gradient_base(along, params, self.w)
            plan.add_mixed(plan.add_base(mixed), Identity(mixed.size), x)
        if params is not None and w is not None:
            mixed = output_base(along, params, self.w.shape)
            plan.add_mixed(plan.add_base(mixed), Identity(mixed.size), w)
