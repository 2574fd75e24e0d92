"""Weak forms in named quantities: what multiplies v, ∇v, div v, … of every field, pointwise.

    ∫ Σ_fields Σ_quantities k(u, p, …, x)·(that quantity of the test function) w dx

R = Σ Tᵀ k(G u, x) with a gather map G for each quantity that the form asks for, and a scatter map Tᵀ for
each that it returns.
"""

import inspect
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from fem.common.coefficient import float64_value
from fem.space.quantities import NAMES
from pcl.nodes.guard import guard
from pcl.support.nearest import nearest
from pcl.support.types import Array, Tensor
from pcl.support.validate import require_finite


class At:
    """A field at points: `value`, `gradient`, `divergence`, `curl`, `hessian`, as far as it has them.

    Each is a tensor (q, *shape), computed when it is asked for first.
    """

    def __init__(self, name, compute):
        self.name, self._compute, self.known = name, compute, {}

    def _quantity(self, quantity):
        if quantity not in self.known:
            self.known[quantity] = self._compute(self.name, quantity)
        return self.known[quantity]

    @property
    def value(self):
        """u."""
        return self._quantity("value")

    @property
    def gradient(self):
        """∇u, (q, dim), of a vector ∂u_c/∂x_d (q, components, dim)."""
        return self._quantity("gradient")

    @property
    def divergence(self):
        """∇·u, (q,)."""
        return self._quantity("divergence")

    @property
    def curl(self):
        """∇×u, (q,) in 2-D, (q, 3) in 3-D."""
        return self._quantity("curl")

    @property
    def hessian(self):
        """∂²u/∂x_d∂x_e, (q, dim, dim)."""
        return self._quantity("hessian")

    def __getattr__(self, name):
        raise AttributeError(f"{name} is no quantity of field {self.name!r}; there are "
                             f"{', '.join(NAMES)}.{nearest(name, NAMES, 0.4)}")


class Form:
    """A form on the cells, or on facets of a space; checked when it is evaluated.

    Parameters
    ----------
    space : Space
    points : CellPoints or FacetPoints
    function : one argument a field, then x (q, dim), on facets then the normal (q, dim); returns
        {field: {quantity: density (q, *shape), or a scalar for zero-dimensional ones}}
    """

    def __init__(self, space, points, function: Callable):
        if not callable(function):
            raise TypeError(f"form is a {type(function).__name__}; expected a function of "
                            f"{self.signature(space, points)}.")
        self.space, self.points = space, points
        self.function = _named(function, self.signature(space, points), next(iter(space.fields)))

    @staticmethod
    def signature(space, points):
        """The names of the arguments, (u, p, x)."""
        names = [*space.fields, "x"] if points.normals is None else [*space.fields, "x", "normal"]
        return f"({', '.join(names)})"

    def densities(self, compute, guarded=True):
        """{(field, quantity): density} at what `compute(field, quantity)` gives, finite if guarded."""
        fields = [At(name, compute) for name in self.space.fields]
        normal = [] if self.points.normals is None else [self.points.normals]
        returned = self.function(*fields, self.points.points, *normal)
        return self._checked(returned, guarded)

    def residual(self, u, elimination=None, offset=None):
        """R (n,) at u (n,), or Pᵀ R at P z + g with g given at the points by `offset(field,
        quantity)`."""
        def compute(field, quantity):
            at = self.points.gather(field, quantity, elimination) @ u
            g = None if offset is None else offset(field, quantity)
            return at if g is None else at + g
        parts = [self.points.scatter(*key, elimination) @ density
                 for key, density in self.densities(compute).items()]
        return sum(parts[1:], parts[0])

    def _checked(self, returned, guarded):
        """The densities of full shape, guarded or not."""
        if not isinstance(returned, Mapping) or not returned:
            raise TypeError(f"form returns a {type(returned).__name__}; expected "
                            "{field: {quantity: density}}, for example "
                            f"{{{next(iter(self.space.fields))!r}: {{'value': …, 'gradient': …}}}}.")
        found = {}
        for field, of_field in returned.items():
            self._require_field(field)
            if not isinstance(of_field, Mapping):
                raise TypeError(f"form returns a {type(of_field).__name__} for field {field!r}; expected "
                                "{quantity: density}, for example {'gradient': …}.")
            for quantity, density in of_field.items():
                if density is not None:
                    full = self._density(field, quantity, density)
                    found[field, quantity] = self.guard(field, quantity, full) if guarded else full
        if not found:
            raise ValueError("form returns no density; expected at least one.")
        return found

    def _require_field(self, field):
        if field not in self.space.fields:
            raise ValueError(f"form returns a field {field!r}; the space has "
                             f"{', '.join(map(repr, self.space.fields))}."
                             f"{nearest(field, self.space.fields)}")

    def _density(self, field, quantity, density):
        full = self.points.shape(field, quantity)
        name = _name(field, quantity)
        density = float64_value(name, density)
        shape = tuple(density.shape)
        if shape != full and not (shape == () and len(full) == 1) and shape != full[1:]:
            other = "a scalar" if len(full) == 1 else f"{full[1:]} for all points"
            raise ValueError(f"{name} has shape {shape}; expected {full}, one value a point, or {other}.")
        if not tf.is_tensor(density):
            require_finite(name, density)
        return density if shape == full else density * np.ones(full)

    def guard(self, field, quantity, density):
        """The density (q, …), refused when it is evaluated and not finite."""
        entries = int(np.prod(density.shape[1:]))
        return guard(density, _name(field, quantity), locate=lambda i: self.points.place(i // entries))


def _name(field, quantity):
    return f"what multiplies the {quantity} of {field}"


def takes_pair(space, function):
    """Whether a function has the arguments (u, grad_u, x) of a pair (f0, f1), not (u, x)."""
    low, high = positional(function)
    return low <= 3 <= high and (low > 2 or high == np.inf)


def _named(function, signature, field):
    """The function in named quantities; (u, grad_u, x) -> (f0, f1) of a single field is translated."""
    low, high = positional(function)
    count = signature.count(",") + 1
    single = signature.startswith("(" + field + ", x")
    if single and low <= count + 1 <= high and not low <= count <= high:
        return lambda u, *rest: {field: _pair(function(u.value, u.gradient, *rest))}
    if not low <= count <= high:
        pair = signature.replace("x", f"grad_{field}, x", 1) + " -> (f0, f1)"
        raise TypeError(f"form takes {low} arguments; expected {signature}{f', or {pair}' * single}.")
    return function


def _pair(returned):
    """(f0, f1) as {'value': f0, 'gradient': f1}."""
    if not isinstance(returned, (tuple, list)) or len(returned) != 2:
        raise TypeError(f"form returns a {type(returned).__name__}; expected the pair (f0, f1) of "
                        "∫ f0·v + f1·∇v, one of which may be None for zero.")
    return dict(zip(("value", "gradient"), returned))


def positional(function):
    """(fewest, most) positional arguments that a function takes."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):         # written in C, or it hides its arguments
        return 0, np.inf
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    several = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return sum(p.default is p.empty for p in positional), np.inf if several else len(positional)


def sym(gradient: Array | Tensor) -> Array | Tensor:
    """The symmetric part (a + aᵀ)/2, pointwise: the strain of a displacement gradient.

    Parameters
    ----------
    gradient : tensor or array (…, d, d), a

    Returns
    -------
    tensor (…, d, d), in the unit of a

    Examples
    --------
    >>> import fem
    >>> import tensorflow as tf
    >>> fem.sym(tf.constant([[1.0, 2.0], [0.0, 3.0]])).numpy().tolist()
    [[1.0, 1.0], [1.0, 3.0]]
    """
    transpose = tf.linalg.matrix_transpose if tf.is_tensor(gradient) else lambda G: np.swapaxes(G, -1, -2)
    return 0.5 * (gradient + transpose(gradient))
