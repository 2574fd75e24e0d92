"""A network at points that nodes are interpolated to: value and derivatives of Π y_c in θ."""

from __future__ import annotations

import numpy as np


class CollapsedPoint:
    """y = Π y_c with y_c a network at nodes: what `NetworkPoint` gives, in θ alone.

        pushforward Π ẏ_c,   pullback that of Πᵀ ȳ at the nodes,   curvature that of Πᵀ ȳ at the nodes

    Attributes
    ----------
    value : ndarray (q, m)
    size : int, p
    nodes : the network at the nodes
    interpolation : `pcl.networks.interpolation.Interpolation`, Π
    """

    def __init__(self, nodes, interpolation):
        self.nodes, self.interpolation, self.size = nodes, interpolation, nodes.size
        self.value = interpolation.values(nodes.value)

    def pullback(self, adjoint: np.ndarray) -> np.ndarray:
        """Jᵀ ȳ (p,)."""
        return self.nodes.pullback(self.interpolation.adjoint(adjoint))[0]

    def pushforward(self, params_dot: np.ndarray) -> np.ndarray:
        """J θ̇ (q, m)."""
        return self.interpolation.values(self.nodes.pushforward(params_dot=params_dot, keep=True))

    def at_nodes(self, adjoint: np.ndarray) -> np.ndarray:
        """Πᵀ ȳ, of which the network's curvature at the nodes is that of ⟨ȳ, y⟩."""
        return self.interpolation.adjoint(adjoint)
