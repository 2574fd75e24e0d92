"""Which network gives which unknown terms of a model, from which of its variables."""

from __future__ import annotations

import functools
from dataclasses import InitVar, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pcl.dae.blocks import spans
from pcl.dae.laws.law_blocks import LawBlocks
from pcl.dae.laws.places import AtPlaces, checked_places
from pcl.dae.laws.shape import Shape
from pcl.dae.laws.term import TermPoint
from pcl.networks.field import Field
from pcl.networks.mlp import MLP
from pcl.support.types import Array, ArrayLike, Names
from pcl.support.validate import float64_array

ROOM = 0.05         # of the range of an input: so far a law may be asked outside without being told
LEAST = 256         # points of a block: networks treat fewer by other sweeps
_NETWORK = ("size", "n_in", "n_out", "init", "at")


class Network(Protocol):
    """N(x; θ) at each point: what a law takes as its network. `pcl.MLP` is one."""

    @property
    def size(self) -> int:
        """Number of parameters."""

    @property
    def n_in(self) -> int:
        """Number of inputs."""

    @property
    def n_out(self) -> int:
        """Number of outputs."""

    def init(self, seed: int) -> Array:
        """Initial parameters (size,)."""

    def at(self, params: Array, x: Array) -> Any:
        """The network at one point: its values and derivatives, see `pcl.networks.point.NetworkPoint`."""


@dataclass(frozen=True, eq=False)
class Law:
    """z = shift_out + scale_out · N((a − shift_in) / scale_in; θ): outputs z from inputs a, at each
    point.

    Parameters
    ----------
    net : MLP
        Or any object with `size`, `n_in`, `n_out`, `init(seed)` and `at(params, x)`; with a shape None or
        hidden widths, as (8, 8): the network is then made for it (a plain MLP gives its widths).
    inputs : names of states, algebraic variables, inputs or "t"
    outputs : names of the model's outputs
    input_shift, input_scale : (n_in,), 0 and 1 by default
    output_shift, output_scale : (n_out,), 0 and 1 by default
    places : list of {name of the law: variable of the model}, or of (inputs, outputs), or None
        The same law, with the same weights, at many places of the right-hand side: inputs and outputs are
        then names of the law alone, and every place says which variables they are; a name that it leaves
        out is the variable of that name. Kept as ((names of inputs, names of outputs), …).
    increasing, decreasing : names of inputs with which the outputs rise, or fall
    convex, concave : bool, in all inputs together
    positive : bool
    bounds : (lower, upper) of the outputs, None for open
        Shapes that the law has at every weight, see `pcl.dae.laws.shape`; shift and scale of the outputs
        follow from them.

    Attributes
    ----------
    term : the law as the equations see it: itself, or its `AtPlaces`

    Raises
    ------
    TypeError, ValueError
        No network, no names; the network's width does not fit the names, or a scale is 0; shapes that
        contradict each other, or that only constants have.

    Examples
    --------
    An uptake that rises with S and is positive at every weight:

    >>> import numpy as np, pcl
    >>> from pcl import dae
    >>> law = dae.Law((3,), ["S"], ["uptake"], increasing=["S"], positive=True)
    >>> S = np.linspace(0.0, 2.0, 5)[:, None]
    >>> uptake = law(law.init(seed=0), S)[:, 0]
    >>> bool((np.diff(uptake) > 0.0).all()), bool((uptake > 0.0).all())
    (True, True)
    """

    net: Network = None             # type: ignore[assignment]
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    input_shift: Array | float = 0.0
    input_scale: Array | float = 1.0
    output_shift: Array | float = 0.0
    output_scale: Array | float = 1.0
    places: Any = None
    increasing: InitVar[Any] = ()
    decreasing: InitVar[Any] = ()
    convex: InitVar[bool] = False
    concave: InitVar[bool] = False
    positive: InitVar[bool] = False
    bounds: InitVar[Any] = None

    if TYPE_CHECKING:       # more is taken than is kept
        def __init__(self, net: Network | tuple[int, ...] | None = None, inputs: Names = (),
                     outputs: Names = (), input_shift: ArrayLike = 0.0,
                     input_scale: ArrayLike = 1.0, output_shift: ArrayLike = 0.0,
                     output_scale: ArrayLike = 1.0, places: Any = None,
                     increasing: Names = (), decreasing: Names = (), convex: bool = False,
                     concave: bool = False, positive: bool = False, bounds: Any = None): ...

    def __post_init__(self, *shape):
        for side in ("inputs", "outputs"):
            names = getattr(self, side)
            object.__setattr__(self, side, (names,) if isinstance(names, str) else tuple(names))
        self._take_shape(Shape.of(self.inputs, *shape))
        if isinstance(self.net, Field):
            raise TypeError("net is a pcl.Field, but a law scales its inputs itself; expected its "
                            "network, with input_shift=field.shift, input_scale=field.scale if known.")
        if not all(hasattr(self.net, name) for name in _NETWORK):
            raise TypeError(f"net is a {type(self.net).__name__}; expected a network such as pcl.MLP, "
                            f"with {', '.join(_NETWORK)}.")
        for side, n in (("inputs", self.net.n_in), ("outputs", self.net.n_out)):
            names = getattr(self, side)
            if not all(isinstance(name, str) for name in names):
                raise TypeError(f"{side} is {names}; expected names.")
            if len(names) != n or len(set(names)) != n:
                raise ValueError(f"{side} is {names} but the network has {n} {side}; expected as many "
                                 "different names.")
            for what in ("shift", "scale"):
                self._spread(f"{side[:-1]}_{what}", n)
        object.__setattr__(self, "places", checked_places(self.places, self.inputs, self.outputs))

    def _take_shape(self, shape):
        """The network of a shape, with the shift and scale that belong to it."""
        if not shape.asked:
            return
        set_ = functools.partial(object.__setattr__, self)
        set_("net", shape.network(len(self.outputs), _hidden(self.net)))
        given = [name for name, plain in (("output_shift", 0.0), ("output_scale", 1.0))
                 if np.any(np.asarray(getattr(self, name)) != plain)]
        if given:
            raise ValueError(f"{given[0]} is {getattr(self, given[0])}, but follows from the shape; "
                             "expected none, or bounds=(lower, upper).")
        if np.any(np.asarray(self.input_scale) < 0.0):
            raise ValueError(f"input_scale is {self.input_scale}; expected positive numbers where a "
                             "shape is given.")
        set_("output_shift", shape.shift)
        set_("output_scale", -1.0 if shape.turned else 1.0)

    def __repr__(self) -> str:
        return f"Law({', '.join(self.inputs)} → {', '.join(self.outputs)} by {self.net!r})"

    def _spread(self, name, n):
        value = float64_array(name, getattr(self, name))
        if value.shape not in ((), (1,), (n,)):
            raise ValueError(f"{name} has shape {value.shape}; expected a number or ({n},), one a name.")
        value = np.broadcast_to(value, (n,)).copy()
        if name.endswith("scale") and not value.all():
            raise ValueError(f"{name} is {value.tolist()}; expected numbers other than 0.")
        object.__setattr__(self, name, value)

    @property
    def size(self) -> int:
        """Number of parameters p of the network.

        Examples
        --------
        >>> import pcl
        >>> from pcl import dae
        >>> dae.Law(pcl.MLP([1, 3, 1]), ["S"], ["mu"]).size
        10
        """
        return self.net.size

    @functools.cached_property
    def term(self) -> Any:
        """The law as the equations see it, with names of the model: itself, or its `AtPlaces`.

        Examples
        --------
        >>> import pcl
        >>> from pcl import dae
        >>> places = [{"a": "x", "z": "r"}, {"a": "y", "z": "s"}]
        >>> law = dae.Law(pcl.MLP([1, 3, 1]), ["a"], ["z"], places=places)
        >>> law.outputs, law.term.outputs
        (('z',), ('r', 's'))
        """
        return self if self.places == ((self.inputs, self.outputs),) else AtPlaces(self)

    def own(self, a: Array) -> Array:
        """Its inputs (n·places, d) of inputs (n, D) of the `term`.

        Parameters
        ----------
        a : ndarray (n, D)

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> places = [{"a": "x", "z": "r"}, {"a": "y", "z": "s"}]
        >>> law = dae.Law(pcl.MLP([1, 3, 1]), ["a"], ["z"], places=places)
        >>> law.own(np.array([[1.0, 2.0]])).tolist()
        [[1.0], [2.0]]
        """
        return a if self.term is self else self.term.gathered(a)

    def init(self, seed: int) -> Array:
        """Initial parameters (p,), drawn by the network.

        Parameters
        ----------
        seed : int

        Examples
        --------
        >>> import pcl
        >>> from pcl import dae
        >>> dae.Law(pcl.MLP([1, 3, 1]), ["S"], ["mu"]).init(seed=0).shape
        (10,)
        """
        return self.net.init(seed)

    def at(self, params: Array, a: Array) -> TermPoint:
        """The law at weights θ and inputs a: a `LawPoint`, or `LawBlocks` of many.

        Parameters
        ----------
        params : ndarray (p,)
        a : ndarray (n, n_in)

        Returns
        -------
        LawPoint
            `value` (n, m), `jacobian()` ∂z/∂θ (n, m, p), `input_jacobian()` ∂z/∂a (n, m, d), and second
            derivatives.

        Examples
        --------
        A linear network z = w a + b at a = 3:

        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> point = dae.Law(pcl.MLP([1, 1]), ["a"], ["z"]).at(np.array([2.0, 1.0]), np.array([[3.0]]))
        >>> point.value.tolist(), point.jacobian().tolist(), point.input_jacobian().tolist()
        ([[7.0]], [[[3.0, 1.0]]], [[[2.0]]])
        """
        pieces = spans(len(a), len(a) * self.size * max(a.shape[1], len(self.outputs)), LEAST)
        if len(pieces) == 1:
            return self._at(params, a)
        return LawBlocks(lambda s: self._at(params, a[s]), pieces, (*a.shape, self.size))

    def _at(self, params, a):
        return LawPoint(self, self.net.at(params, (a - self.input_shift) / self.input_scale))

    def __call__(self, params: Array, a: ArrayLike) -> Array:
        """z (n, n_out) at inputs a (n, n_in), arrays."""
        a = np.atleast_2d(float64_array("a", a))
        if a.shape[1:] != (len(self.inputs),):
            raise ValueError(f"a has shape {a.shape}; expected (n, {len(self.inputs)}), columns "
                             f"{', '.join(self.inputs)}.")
        return self.at(params, a).value


def _hidden(net):
    """Hidden widths of what stands for the network of a shape; None for those of the shape."""
    if net is None:
        return None
    if type(net) is MLP:
        return tuple(net.widths[1:-1])
    if isinstance(net, (tuple, list)):
        return tuple(net)
    raise TypeError(f"net is a {type(net).__name__}; expected hidden widths, as (8, 8), a plain MLP or "
                    "None where a shape is given: the network is made for it.")


class LawPoint:
    """A law at one point (θ, a): n points, d inputs, m outputs, p parameters.

    Attributes
    ----------
    value : ndarray (n, m)
    """

    def __init__(self, law, point):
        self._point, self._in, self._out = point, law.input_scale, law.output_scale
        self.value = law.output_shift + law.output_scale * point.value

    def jacobian(self) -> Array:
        """∂z/∂θ (n, m, p)."""
        rows = self._point.jacobian_rows(0, len(self.value))
        return rows.reshape(*self.value.shape, -1) * self._out[:, None]

    def input_jacobian(self) -> Array:
        """∂z/∂a (n, m, d)."""
        return self._point.input_jacobian() * self._out[:, None] / self._in

    def curvature(self, adjoint: Array) -> Array:
        """Σ ⟨z̄, ∂²z/∂θ²⟩ (p, p) for z̄ (n, m)."""
        return self._point.curvature(adjoint * self._out)

    def curvature_product(self, adjoint: Array, theta_dot: Array) -> Array:
        """Σ ⟨z̄, ∂²z/∂θ²⟩ θ̇ (p,)."""
        return self._point.curvature_product(adjoint * self._out, theta_dot)[0]

    def input_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a²⟩ (n, d, d) of every point."""
        return self._point.input_curvature(adjoint * self._out) / (self._in[:, None] * self._in)

    def mixed_curvature(self, adjoint: Array) -> Array:
        """⟨z̄, ∂²z/∂a∂θ⟩ (n, d, p)."""
        n, d = len(self.value), len(self._in)
        rows = self._point.mixed_curvature_rows(adjoint * self._out, 0, n)
        return rows.reshape(n, d, -1) / self._in[:, None]

    def pullback(self, adjoint: Array) -> Array:
        """z̄ᵀ∂z/∂θ (p,)."""
        return self._point.pullback(adjoint * self._out)[0]


@dataclass(frozen=True, eq=False)
class TrainedLaw:
    """A law with its weights: z (n, m) = law(a) for inputs a (n, d), in the order of `inputs`.

    Parameters
    ----------
    law : Law
    theta : ndarray (p,), its weights
    seen : (2, d), least and largest inputs at the nodes it was trained on; None if unknown

    Examples
    --------
    >>> import numpy as np, pcl
    >>> from pcl import dae
    >>> law = dae.TrainedLaw(dae.Law(pcl.MLP([1, 1]), ["S"], ["mu"]), np.array([2.0, 1.0]))
    >>> law([0.0, 1.0]).tolist()
    [[1.0], [3.0]]
    """

    law: Law
    theta: Array
    seen: Array | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the inputs, in their order.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> dae.TrainedLaw(dae.Law(pcl.MLP([1, 1]), ["S"], ["mu"]), np.array([2.0, 1.0])).inputs
        ('S',)
        """
        return self.law.inputs

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs, in their order.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> dae.TrainedLaw(dae.Law(pcl.MLP([1, 1]), ["S"], ["mu"]), np.array([2.0, 1.0])).outputs
        ('mu',)
        """
        return self.law.outputs

    @property
    def placed(self) -> TrainedLaw:
        """The same as the equations see it, with names of the model.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> places = [{"a": "x", "z": "r"}, {"a": "y", "z": "s"}]
        >>> law = dae.Law(pcl.MLP([1, 1]), ["a"], ["z"], places=places)
        >>> dae.TrainedLaw(law, np.array([2.0, 1.0])).placed.outputs
        ('r', 's')
        """
        return replace(self, law=self.law.term)

    def __call__(self, a: ArrayLike) -> Array:
        """z (n, m)."""
        return self.law(self.theta, self.points(a))

    def outside(self, a: Array) -> dict[str, tuple[float, float]]:
        """Those inputs that leave what was `seen` by more than `ROOM` of its range.

        Parameters
        ----------
        a : ndarray (n, d), inputs of its own

        Returns
        -------
        {input: (least, largest)}

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> seen = np.array([[0.0], [1.0]])
        >>> law = dae.TrainedLaw(dae.Law(pcl.MLP([1, 1]), ["S"], ["mu"]), np.array([2.0, 1.0]), seen)
        >>> law.outside(np.array([[0.5], [3.0]]))
        {'S': (0.5, 3.0)}
        """
        if self.seen is None or not len(a):
            return {}
        low, high = self.seen
        room = ROOM * (high - low) + np.finfo(float).eps * np.abs(self.seen).max(axis=0)
        least, most = a.min(axis=0), a.max(axis=0)
        beyond = (least < low - room) | (most > high + room)
        return {name: (float(least[k]), float(most[k]))
                for k, name in enumerate(self.inputs) if beyond[k]}

    def points(self, a: ArrayLike) -> Array:
        """Inputs as (n, d).

        Parameters
        ----------
        a : array
            (n, d); a vector is n points of one input, or one point of d inputs.

        Raises
        ------
        ValueError
            Another number of inputs, not finite.

        Examples
        --------
        >>> import numpy as np, pcl
        >>> from pcl import dae
        >>> law = dae.TrainedLaw(dae.Law(pcl.MLP([1, 1]), ["S"], ["mu"]), np.array([2.0, 1.0]))
        >>> law.points([0.0, 1.0]).shape
        (2, 1)
        """
        a = np.asarray(float64_array("a", a))
        a = a.reshape(-1, 1) if len(self.inputs) == 1 else np.atleast_2d(a)
        return float64_array("a", a, shape=(None, len(self.inputs)))

    def __str__(self):
        at = f" at {len(self.law.places)} places" if len(self.law.places) > 1 else ""
        return (f"{', '.join(self.outputs)} = N({', '.join(self.inputs)}){at}, {self.law.size} weights "
                f"of norm {np.linalg.norm(self.theta):.3g}")
