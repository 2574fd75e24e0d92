"""The node of a network, y = net(π, x)."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from pcl.engine.second.collapsed import CollapsedBase
from pcl.engine.second.streamed import StreamedBase
from pcl.engine.second.tangent import Identity, block_diagonal, total


class NetworkNode:
    """Inputs: parameters π (p,) and points x (q, d); output y (q, m).

    of : what the network belongs to and is saved as, itself by default
    collapse : `pcl.networks.collapse.Collapse`, or None
        Of points x that are constant: how they are known from few nodes.
    moving : `pcl.networks.moving.Moving`, or None
        The same of points with one coordinate that are not constant.
    """

    def __init__(self, net, of=None, collapse=None, moving=None):
        self.net, self.of, self._collapse = net, net if of is None else of, collapse
        self._moving = moving

    def tensorflow(self, params: Any, x: Any) -> Any:
        return self.net.tensorflow(params, x)

    def output_shape(self, params: tuple, x: tuple) -> tuple:
        return self.net.output_shape(params, x)

    def evaluate(self, params: np.ndarray, x: np.ndarray) \
            -> "NetworkNodePoint | CollapsedNodePoint | MovingNodePoint":
        moved = None if self._moving is None else self._moving.at(self.net, params, x)
        if moved is not None:
            return MovingNodePoint(moved)
        at = None if self._collapse is None else self._collapse.at(self.net, params)
        return NetworkNodePoint(self.net.at(params, x)) if at is None else CollapsedNodePoint(at)


class NetworkNodePoint:
    """A network at one (π, x).

        tangent    J_π π̇ + J_x ẋ, J_π streamed, J_x block diagonal
        curvature  ∇²⟨ȳ, net⟩ in (π, x): the structured rule for ππ, blocks of points for xπ
    """

    def __init__(self, network_point):
        self.at, self.value = network_point, network_point.value

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        params_bar, x_bar = self.at.pullback(adjoint, inputs=wanted[1])
        return params_bar if wanted[0] else None, x_bar

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        params, x = tangents
        parts = []
        if params is not None:
            base = self._jacobian_base(plan, params, adjoint)
            parts.append(plan.add_base(base))
            if np.any(adjoint):
                plan.curved.add(base)
        if x is not None:
            parts.append(x.left(block_diagonal(self.at.input_jacobian())))
            if np.any(adjoint):
                self._input_curvature(plan, params, x, adjoint)
        return total(parts)

    def _input_curvature(self, plan, params, x, adjoint):
        plan.add_square(x, block_diagonal(self.at.input_curvature(adjoint)))
        if params is not None:
            mixed = self._mixed_base(plan, params, adjoint)
            plan.add_mixed(plan.add_base(mixed), Identity(mixed.size), x)

    def _jacobian_base(self, plan, params, adjoint):
        def second(y, v):
            y = None if y is None else y.reshape(self.value.shape)
            return self.at.curvature_product(adjoint, params_dot=v, adjoint_dot=y, inputs=False)[0]
        return output_base(self.at, params, self.value.shape, second, lambda: self.at.curvature(adjoint))

    def _mixed_base(self, plan, params, adjoint):
        return input_gradient_base(self.at, params, adjoint)


class MovingNodePoint(NetworkNodePoint):
    """A network of one input at one (π, x), from nodes.

        tangent    Π J_c π̇ + diag(N') ẋ
        curvature  ∇²⟨Πᵀȳ, net⟩ at the nodes, diag(ȳ N''), and diag(ȳ) Π ∂N'/∂π at the nodes
    """

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        if self.value.shape[1] != 1 or not self.at.second:
            return NetworkNodePoint(self.at.plain()).extend(plan, tangents, adjoint)
        return super().extend(plan, tangents, adjoint)

    def _jacobian_base(self, plan, params, adjoint):
        base = collapsed_base(self.at, params, adjoint)
        plan.collapsed.add(base)
        return base

    def _mixed_base(self, plan, params, adjoint):
        """diag(ȳ) Π ∂N'/∂π Π_θ."""
        slopes, interpolation = self.at.slopes(), self.at.interpolation.times(adjoint[:, 0])
        base = CollapsedBase(
            params, interpolation, slopes, lambda v: interpolation.values(slopes.pushforward(v)).ravel(),
            lambda y: slopes.pullback(interpolation.adjoint(y.reshape(-1, 1))), None, None)
        plan.collapsed.add(base)
        return base


class CollapsedNodePoint:
    """A network in π alone at constant points that nodes are interpolated to.

        tangent    Π J_c π̇
        curvature  ∇²⟨Πᵀȳ, net⟩ at the nodes
    """

    def __init__(self, collapsed):
        self.at, self.value = collapsed, collapsed.value

    def pullback(self, adjoint: np.ndarray, wanted: Sequence[bool]) -> tuple:
        return self.at.pullback(adjoint) if wanted[0] else None, None

    def extend(self, plan: Any, tangents: Sequence, adjoint: np.ndarray) -> Any:
        base = collapsed_base(self.at, tangents[0], adjoint)
        plan.collapsed.add(base)
        if np.any(adjoint):
            plan.curved.add(base)
        return plan.add_base(base)


def collapsed_base(at, params, adjoint):
    """∂y/∂π Π_θ = Π J_c Π_θ, curvature ∇²⟨Πᵀȳ, net⟩, for a network `at` points that nodes give."""
    shape, interpolation = at.value.shape, at.interpolation
    at_nodes = functools.cache(lambda: interpolation.adjoint(adjoint))

    def second(y, v):
        y = None if y is None else interpolation.adjoint(y.reshape(shape))
        return at.nodes.curvature_product(at_nodes(), params_dot=v, adjoint_dot=y, inputs=False)[0]
    return CollapsedBase(
        params, interpolation, at.nodes,
        lambda v: interpolation.values(at.nodes.pushforward(params_dot=v, keep=True)).ravel(),
        lambda y: at.nodes.pullback(interpolation.adjoint(y.reshape(shape)))[0], second,
        functools.cache(lambda: at.nodes.curvature(at_nodes())))


def output_base(at, params, shape, second=None, curvature=None):
    """∂y/∂π Π, rows (point, output), y of `shape`, for a network `at` one point; see `StreamedBase`."""
    return StreamedBase(
        params, (shape[0] * shape[1], at.size), shape[1], at.jacobian_rows,
        lambda v: at.pushforward(params_dot=v, keep=True).ravel(),
        lambda y: at.pullback(y.reshape(shape))[0], second, curvature)


def input_gradient_base(at, params, adjoint, second=None, curvature=None):
    """∂²⟨ȳ, y⟩/∂x∂π Π, rows (point, input), for a network `at` one point; see `StreamedBase`."""
    q, n_in = at.shape
    return StreamedBase(
        params, (q * n_in, at.size), n_in,
        lambda start, stop: at.mixed_curvature_rows(adjoint, start, stop),
        lambda v: at.curvature_product(adjoint, params_dot=v)[1].ravel(),
        lambda y: at.curvature_product(adjoint, x_dot=y.reshape(q, n_in))[0], second, curvature)
