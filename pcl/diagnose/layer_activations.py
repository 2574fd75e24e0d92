"""Where the activations of a network are flat: their slope, layer by layer, at given points."""

import dataclasses
from typing import Any

import numpy as np

from pcl.diagnose.common import frozen_array, require_network
from pcl.networks import activations
from pcl.support.axes import MOST, key, new_axes
from pcl.support.style import styled
from pcl.support.types import Array, ArrayLike, Axes, Integers
from pcl.support.validate import float64_array, positive_number

# max |φ'|. swish: z = 2.39936, where φ'' = s(1 − s)(2 + z(1 − 2s)) vanishes.
_STEEPEST = {"tanh": 1.0, "sigmoid": 0.25, "softplus": 1.0, "swish": 1.0998393194, "sin": 1.0}


@dataclasses.dataclass(frozen=True, eq=False)
class ActivationSaturation:
    """Outputs of the hidden layers at q points, and how many of them are flat.

    Attributes
    ----------
    activations : tuple of L arrays (q, w_l), φ(z)
    slopes : tuple of L arrays (q, w_l), |φ'(z)| / max|φ'|
    threshold : float
    fraction : ndarray (L,), share of (point, unit) with a slope below the threshold
    dead : ndarray (L,), int: units whose slope is below it at every point

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net = pcl.MLP([1, 2, 1])
    >>> params = [1.0, 20.0, 0.0, 0.0, 1.0, 1.0, 0.0]       # units tanh(x) and tanh(20 x)
    >>> found = pcl.diagnose.saturation(net, params, np.array([[0.2], [0.5]]))
    >>> found.fraction, found.dead                          # the second is flat at both points
    (array([0.5]), array([1]))
    >>> print(found)
    layer  units  saturated  at every point
        1      2      50.0%               1
    """

    activations: tuple[Array, ...]
    slopes: tuple[Array, ...]
    threshold: float

    @property
    def fraction(self) -> Array:
        """Share of the outputs of each hidden layer that are saturated."""
        return np.array([np.mean(s < self.threshold) for s in self.slopes])

    @property
    def dead(self) -> Integers:
        """Number of units of each hidden layer that are saturated at every point."""
        return np.array([np.count_nonzero((s < self.threshold).all(axis=0)) for s in self.slopes])

    def __str__(self):
        rows = [f"{'layer':>5} {'units':>6} {'saturated':>10} {'at every point':>15}"]
        rows += [f"{i:>5} {a.shape[1]:>6} {share:>10.1%} {dead:>15}" for i, (a, share, dead) in
                 enumerate(zip(self.activations, self.fraction, self.dead), start=1)]
        return "\n".join(rows)

    @styled
    def plot(self, ax: Axes | None = None, bins: int = 30) -> Axes:
        """Histograms, `bins` bins, of the activations of the first six hidden layers, on `ax` or anew."""
        ax = new_axes(ax)
        edges = np.histogram_bin_edges(np.concatenate([a.ravel() for a in self.activations]), bins)
        for i, (a, share) in enumerate(zip(self.activations[:MOST], self.fraction), start=1):
            ax.stairs(np.histogram(a, edges)[0] / a.size, edges, lw=1.3,
                      label=f"layer {i}: {share:.0%} saturated")
        ax.set(xlabel="activation φ(z)", ylabel="share of the layer")
        key(ax)
        return ax


def saturation(net: Any, params: ArrayLike, x: ArrayLike, threshold: float = 0.1) -> ActivationSaturation:
    """How far the hidden layers of a network are saturated at points, an `ActivationSaturation`.

        saturated:  |φ'(z)| < threshold · max|φ'|

    For tanh and threshold 0.1 that is |tanh z| > 0.949. For softplus and swish one side alone can
    be flat (z far below 0); for sin it is the crests, flat but not for good.

    Parameters
    ----------
    net : MLP with at least one hidden layer
    params : (net.size,) array, as `problem.unravel(theta)["name of the block"]`
    x : (q, n_in) array of points, q ≥ 1, scaled as the network gets them
    threshold : float below 1

    Returns
    -------
    ActivationSaturation

    Raises
    ------
    ValueError, TypeError
        Not an MLP or one without hidden layers; wrong shapes; no points; values that are not finite.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> net = pcl.MLP([1, 8, 1])
    >>> x = np.linspace(0.0, 1.0, 20)[:, None]
    >>> params = net.init(seed=0)
    >>> [pcl.diagnose.saturation(net, params * c, x).fraction.round(2) for c in (1.0, 10.0)]
    [array([0.03]), array([0.71])]
    """
    require_network("net", net)
    threshold = positive_number("threshold", threshold)
    if threshold >= 1:
        raise ValueError(f"threshold is {threshold}; expected a share of the steepest slope, below 1.")
    layers, a = net.unravel(params)[:-1], float64_array("x", x, shape=(None, net.n_in))
    if not layers or not len(a):
        raise ValueError(f"net has {len(layers)} hidden layers and x {len(a)} points; expected at "
                         "least one of each.")
    phi = activations.named("activation", net.activation, activations.HIDDEN)
    outputs, slopes = [], []
    for W, b in layers:
        z = a @ W + b
        a = phi.value(z, np.empty_like(z))
        outputs.append(frozen_array(a))
        slope = np.abs(phi.first(z, a, np.empty_like(z))) / _STEEPEST[net.activation]
        slopes.append(frozen_array(slope))
    return ActivationSaturation(tuple(outputs), tuple(slopes), threshold)
