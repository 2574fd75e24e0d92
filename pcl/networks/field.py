"""A network that measures its points in units of its own: a field over a domain."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from pcl.engine import nodes
from pcl.networks.layered import Layered, gradient, jacobian
from pcl.networks.moving import collapsed
from pcl.nodes.network import NetworkNode
from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import float64_array

__all__ = ["Field"]


@dataclasses.dataclass(frozen=True, eq=False)
class Field:
    """y = N((x − shift) / scale; θ): a network of points in the units of the domain.

    A network is drawn for inputs of the size 1. With `points` the box around them becomes [−1, 1]^d,
    also where their coordinates are kilometres, pascals, or all near 1600 K. Called as the network is,
    it has the same parameters θ, and derivatives with respect to x itself.

    Parameters
    ----------
    net : MLP, MonotoneMLP or ICNN
    points : (q, d), or (q,) with one input, optional
        The domain, for example `V.quadrature_points`, or readings: shift is the centre of their box,
        scale half its width (1 where it has none).
    scale, shift : number or (d,), optional
        In their place or beside them: scale is not 0. By default 1 and 0.

    Attributes
    ----------
    scale, shift : ndarray (d,)

    Raises
    ------
    TypeError
        `net` is no network of layers.
    ValueError
        Shapes that do not fit the inputs of the network, a scale of 0, values that are not finite.

    Examples
    --------
    A transmissivity over an area of some kilometres:

    >>> import numpy as np
    >>> import pcl
    >>> wells = np.array([[2000.0, 100.0], [6000.0, 900.0], [4000.0, 300.0]])
    >>> field = pcl.Field(pcl.MLP([2, 8, 1]), points=wells)
    >>> field.shift.tolist(), field.scale.tolist()
    ([4000.0, 500.0], [2000.0, 400.0])
    >>> field(field.init(seed=0), wells).shape
    TensorShape([3, 1])
    """

    net: Any
    points: dataclasses.InitVar[Any] = None
    scale: Any = None
    shift: Any = None

    def __post_init__(self, points):
        if not isinstance(self.net, Layered):
            raise TypeError(f"net is a {type(self.net).__name__}; expected a pcl.MLP, MonotoneMLP or "
                            "ICNN.")
        shift, scale = (0.0, 1.0) if points is None else _box(points, self.net.n_in)
        for name, found in (("shift", shift), ("scale", scale)):
            given = getattr(self, name)
            object.__setattr__(self, name, self._spread(name, found if given is None else given))
        if not self.scale.all():
            raise ValueError(f"scale is {self.scale.tolist()}; expected numbers other than 0.")

    def _spread(self, name, value):
        value, d = float64_array(name, value), self.net.n_in
        if value.shape not in ((), (d,)):
            raise ValueError(f"{name} has shape {value.shape}; expected a number or ({d},), one an "
                             "input.")
        return np.broadcast_to(value, (d,)).copy()

    def __repr__(self) -> str:
        return f"Field({self.net!r}, scale={self.scale.tolist()}, shift={self.shift.tolist()})"

    # --- as the network --------------------------------------------------------------------------
    @property
    def size(self) -> int:
        """Number of parameters."""
        return self.net.size

    @property
    def n_in(self) -> int:
        """Number of coordinates of a point."""
        return self.net.n_in

    @property
    def n_out(self) -> int:
        """Number of outputs of a point."""
        return self.net.n_out

    def init(self, seed: int) -> Array:
        """Initial parameters (size,) of the network, drawn from `seed`, a whole number."""
        return self.net.init(seed)

    def check_params(self, params: ArrayLike) -> Array:
        """A float64 copy of `params`; ValueError unless it is (size,) and finite."""
        return self.net.check_params(params)

    # --- nodes of a model --------------------------------------------------------------------------
    def __call__(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor,
                 collapse: bool = True) -> Tensor:
        """y (q, n_out) at points x (q, n_in) for params (size,), as a node of the model.

        `collapse` as for the network itself. ValueError if a shape does not fit.
        """
        params, inner = nodes.as_input("params", params), self._inner(x)
        node = NetworkNode(self.net, of=self, **(collapsed(inner) if collapse else {}))
        return nodes.call(node, params, inner)

    def gradient(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor,
                 weights: ArrayLike | Tensor | None = None) -> Tensor:
        """∂⟨w, y⟩/∂x (q, n_in) at params (size,), points x (q, n_in): a node with exact derivatives.

        The weights w (q, n_out) are 1 where there is one output; else ValueError without them.
        """
        return gradient(self.net, params, self._inner(x), weights, of=self) / self.scale

    def jacobian(self, params: ArrayLike | Tensor, x: ArrayLike | Tensor) -> Tensor:
        """∂y/∂x (q, n_out, n_in) at points x (q, n_in) for params (size,), as nodes of the model."""
        return jacobian(self.net, params, self._inner(x), of=self) / self.scale

    def _inner(self, x):
        """(x − shift)/scale, array or tensor."""
        x = nodes.as_input("x", x)
        self.net.output_shape((self.size,), x.shape)
        return (x - self.shift) / self.scale

    # --- at one point -------------------------------------------------------------------------------
    def at(self, params: ArrayLike, x: ArrayLike) -> "FieldPoint":
        """Values and derivatives at params (size,) and points x (q, n_in), in NumPy: a `FieldPoint`.

        Raises
        ------
        ValueError, NotFinite
            As `MLP.at`.
        """
        x = float64_array("x", x)
        self.net.output_shape((self.size,), x.shape)
        return FieldPoint(self, self.net.at(params, (x - self.shift) / self.scale))


class FieldPoint:
    """A `Field` at one (params, x): what its network has there, per unit of x.

        ∂y/∂x = ∂N/∂ξ diag(1/scale),   ∂²y/∂x² = diag(1/scale) ∂²N/∂ξ² diag(1/scale)
    """

    def __init__(self, field, inner):
        self._scale, self._inner, self.value = field.scale, inner, inner.value
        self.size, self.shape = inner.size, inner.shape

    def input_jacobian(self):
        """∂y/∂x (q, m, d)."""
        return self._inner.input_jacobian() / self._scale

    def input_curvature(self, adjoint):
        """Hessian of x_q ↦ ⟨ȳ_q, y_q⟩ of every point, (q, d, d)."""
        return self._inner.input_curvature(adjoint) / np.outer(self._scale, self._scale)

    def jacobian_rows(self, start, stop):
        """∂y/∂params for the points start ≤ q < stop, ((stop − start)·m, p)."""
        return self._inner.jacobian_rows(start, stop)

    def jacobian_blocks(self, block=None):
        """Yields (start, stop, J), see `NetworkPoint.jacobian_blocks`."""
        return self._inner.jacobian_blocks(block)


def _box(points: Any, d: int) -> tuple[Array, Array]:
    """(centre, half width) of the box around points."""
    points = float64_array("points", points)
    points = points[:, None] if points.ndim == 1 and d == 1 else points
    points = float64_array("points", points, shape=(None, d))
    if not len(points):
        raise ValueError(f"points has shape {points.shape}: no points.")
    low, high = points.min(axis=0), points.max(axis=0)
    return 0.5 * (low + high), np.where(high > low, 0.5 * (high - low), 1.0)
