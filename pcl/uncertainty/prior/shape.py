"""What is known of the shape of a law: smooth, positive, monotone, convex."""

from abc import abstractmethod
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Tensor
from pcl.support.validate import positive_number
from pcl.uncertainty.kernels import coordinates
from pcl.uncertainty.prior.base import Prior
from pcl.uncertainty.prior.process import values


class Shape(Prior):
    """Penalties Σ r(d)² of linear functions d = D f of a law f at points; improper, with constant 0.

    The rows stand beside those of the data, with exact derivatives of every order.
    """

    has_residuals = True
    proper = False

    def __init__(self, law: Callable[[Mapping[str, Tensor]], Tensor], points: ArrayLike, scale: float):
        if not callable(law):
            raise TypeError(f"law is a {type(law).__name__}; expected a function of the blocks.")
        self.law, self.points = law, coordinates(points)
        self.scale = positive_number("scale", scale)
        self._D = self.differences()

    @abstractmethod
    def differences(self) -> Array:
        """D (k, q): D f are the values, slopes or second differences of the law that are judged."""

    def quantity(self, theta: Mapping[str, Tensor], name: str) -> Tensor:
        f = values(self.law, theta, len(self.points), name)
        return tf.linalg.matvec(tf.constant(self._D / self.scale), f)

    def residuals(self, x: Tensor) -> Tensor:
        """softplus(−d/scale) = ln(1 + exp(−d/scale)) of x = d/scale: a squared hinge without its kink."""
        return tf.math.softplus(-x)

    def constant(self, shape: tuple) -> float:
        return 0.0

    def log_density(self, x: Tensor) -> Tensor:
        return -0.5 * tf.reduce_sum(tf.square(self.residuals(x)))

    def draws(self, count: int, seed: int, shape: tuple = ()) -> Array:
        raise NotImplementedError(f"{type(self).__name__} says what a law is not; it has no draws of its "
                                  "own. Draw from the prior of the values, or of the weights.")


class Smooth(Shape):
    """The root mean square of f'' over the interval is about `scale`: Σ r² = ⟨f''²⟩/scale².

    f'' by second divided differences of the law at the points, weighted by their spacing. A law whose f''
    has root mean square `scale` is exp(−½) times as probable as a straight line, however many points
    there are: one pseudo-reading, that says nothing about values and slopes.

    Parameters
    ----------
    law : function {name: tensor} -> tensor (q,), f at the points
    points : (q,) array, ascending, q ≥ 3
    scale : number > 0, in the unit of f''

    Raises
    ------
    ValueError, TypeError
        Points that do not ascend, fewer than three, scale ≤ 0, a law that is no function.

    Examples
    --------
    f = x² has f'' = 2 everywhere, twice the scale: ½ · 2² below a straight line.

    >>> import numpy as np, tensorflow as tf, pcl
    >>> x = np.linspace(0.0, 1.0, 11)
    >>> smooth = pcl.uncertainty.prior.Smooth(lambda t: t["f"], x, scale=1.0)
    >>> for values in (x, x**2):
    ...     quantity = smooth.quantity({"f": tf.constant(values)}, "f")
    ...     print(round(float(smooth.log_density(quantity)), 6) + 0.0)
    0.0
    -2.0
    """

    def differences(self) -> Array:
        D, widths = second_differences(self.points)
        return np.sqrt(widths / widths.sum())[:, None] * D

    def residuals(self, x: Tensor) -> Tensor:
        """r = x, the weighted second differences over `scale` themselves."""
        return x


class Positive(Shape):
    """f > 0 at the points, softly: r = ln(1 + exp(−f/scale)).

    A value far below 0 costs like a normal reading of 0 with the deviation `scale`, ½ (f/scale)²; one of
    0 costs ½ ln² 2 = 0.24, of 3 scale 0.001. Every point counts, and a law well above 0 is not touched
    however many there are. (The squared hinge has no second derivative at 0; this is smooth.)

    Parameters
    ----------
    law : function {name: tensor} -> tensor (q,), f at the points
    points : (q,) or (q, d) array
    scale : number > 0, in the unit of f
        How far below 0 is still possible.

    Raises
    ------
    ValueError, TypeError
        scale ≤ 0, points that are not finite, a law that is no function.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> positive = pcl.uncertainty.prior.Positive(lambda t: t["f"], [0.0, 1.0, 2.0], scale=0.1)
    >>> f = positive.quantity({"f": tf.constant([1.0, 0.0, -1.0], tf.float64)}, "f")
    >>> positive.residuals(f).numpy().round(3)                  # nothing, ln 2, nearly 1/0.1
    array([ 0.   ,  0.693, 10.   ])
    """

    def differences(self) -> Array:
        return np.eye(len(self.points))


class Monotone(Shape):
    """f' > 0 (or < 0), softly: r = ln(1 + exp(−d/scale)), d the slopes between neighbouring points.

    The cost of a slope is that of a value in `Positive`.

    Parameters
    ----------
    law : function {name: tensor} -> tensor (q,), f at the points
    points : (q,) array, ascending, q ≥ 2
    scale : number > 0, in the unit of f'
        How steep the wrong way is still possible.
    increasing : bool

    Raises
    ------
    ValueError, TypeError
        Points that do not ascend, fewer than two, scale ≤ 0, a law that is no function.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> rising = pcl.uncertainty.prior.Monotone(lambda t: t["f"], [0.0, 1.0, 2.0], scale=0.5)
    >>> slopes = rising.quantity({"f": tf.constant([0.0, 2.0, 1.0], tf.float64)}, "f")
    >>> slopes.numpy(), rising.residuals(slopes).numpy().round(3)           # in units of scale
    (array([ 4., -2.]), array([0.018, 2.127]))
    """

    def __init__(self, law: Callable[[Mapping[str, Tensor]], Tensor], points: ArrayLike, scale: float,
                 increasing: bool = True):
        self._sign = 1.0 if increasing else -1.0
        super().__init__(law, points, scale)

    def differences(self) -> Array:
        return self._sign * first_differences(self.points)


class Convex(Shape):
    """f'' > 0 (or < 0), softly: r = ln(1 + exp(−d/scale)), d second divided differences.

    The cost of a curvature is that of a value in `Positive`.

    Parameters
    ----------
    law : function {name: tensor} -> tensor (q,), f at the points
    points : (q,) array, ascending, q ≥ 3
    scale : number > 0, in the unit of f''
        How much bending the wrong way is still possible.
    concave : bool

    Raises
    ------
    ValueError, TypeError
        Points that do not ascend, fewer than three, scale ≤ 0, a law that is no function.

    Examples
    --------
    >>> import numpy as np, tensorflow as tf, pcl
    >>> x = np.array([0.0, 1.0, 2.0])
    >>> convex = pcl.uncertainty.prior.Convex(lambda t: t["f"], x, scale=0.5)
    >>> for values in ([0.0, 1.0, 4.0], [0.0, 1.0, 0.0]):       # f'' = 2 and −2
    ...     quantity = convex.quantity({"f": tf.constant(values, tf.float64)}, "f")
    ...     print(float(convex.log_density(quantity).numpy().round(4)))
    -0.0002
    -8.0728
    """

    def __init__(self, law: Callable[[Mapping[str, Tensor]], Tensor], points: ArrayLike, scale: float,
                 concave: bool = False):
        self._sign = -1.0 if concave else 1.0
        super().__init__(law, points, scale)

    def differences(self) -> Array:
        return self._sign * second_differences(self.points)[0]


def first_differences(points: Array) -> Array:
    """D (q − 1, q): slopes between neighbours."""
    h = _steps(points, 2)
    return np.diff(np.eye(len(points)), axis=0) / h[:, None]


def second_differences(points: Array) -> tuple[Array, Array]:
    """D (q − 2, q): f'' of parabolas through three points; the widths (q − 2,) they stand for."""
    h = _steps(points, 3)
    widths = 0.5 * (h[1:] + h[:-1])
    return np.diff(first_differences(points), axis=0) / widths[:, None], widths


def _steps(points, least):
    """The spacings (q − 1,), of ascending points on a line."""
    if points.shape[1] != 1 or len(points) < least:
        raise ValueError(f"points has shape {points.shape}; expected at least {least} on a line, (q,).")
    h = np.diff(points[:, 0])
    if not (h > 0.0).all():
        raise ValueError(f"points is not ascending: {np.count_nonzero(h <= 0.0)} of {h.size} steps are "
                         "≤ 0. Sort them, each once.")
    return h
