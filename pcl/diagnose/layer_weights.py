"""How the weights and biases of a network are distributed, layer by layer."""

import dataclasses
from typing import Any

import numpy as np

from pcl.diagnose.common import frozen_array, require_network
from pcl.support.axes import MOST, key, new_axes
from pcl.support.style import styled
from pcl.support.types import Array, ArrayLike, Axes, Integers
from pcl.support.validate import positive_integer


@dataclasses.dataclass(frozen=True, eq=False)
class WeightDistribution:
    """Weights and biases of each layer together.

    Attributes
    ----------
    values : tuple of L arrays, sorted
    mean, spread, largest : ndarray (L,)
        Mean, standard deviation, and largest magnitude.
    edges : ndarray (bins + 1,), the same bins for all layers
    counts : ndarray (L, bins), int

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([1, 2, 1])
    >>> found = pcl.diagnose.weights(net, [1.0, -1.0, 0.0, 2.0, 3.0, 1.0, -1.0], bins=4)
    >>> found.mean.round(3), found.largest
    (array([0.5, 1. ]), array([2., 3.]))
    >>> found.edges, found.counts
    (array([-1.,  0.,  1.,  2.,  3.]), array([[1, 1, 1, 1],
           [1, 0, 1, 1]]))
    """

    values: tuple[Array, ...]
    mean: Array
    spread: Array
    largest: Array
    edges: Array
    counts: Integers

    def __str__(self):
        rows = [f"{'layer':>5} {'number':>7} {'mean':>11} {'spread':>10} {'largest':>10}"]
        rows += [f"{i:>5} {v.size:>7} {m:>11.3e} {s:>10.3e} {a:>10.3e}" for i, (v, m, s, a) in enumerate(
            zip(self.values, self.mean, self.spread, self.largest), start=1)]
        return "\n".join(rows)

    def cumulative(self) -> tuple[Array, Array]:
        """Magnitudes of all weights and biases in ascending order, and the share not above each."""
        magnitude = np.sort(np.abs(np.concatenate(self.values)))
        return magnitude, np.arange(1, magnitude.size + 1) / magnitude.size

    @styled
    def plot(self, ax: Axes | None = None, cumulative: bool = False,
             label: str | None = None) -> Axes:
        """Histograms of the first six layers, or with `cumulative` the distribution of all magnitudes.

        On `ax`, or on new axes; in the key as `label`.
        """
        ax = new_axes(ax)
        if cumulative:
            ax.step(*self.cumulative(), where="post", label=label)
            ax.set(xlabel="magnitude of weight or bias", ylabel="share not above it", ylim=(0, 1.02))
        else:
            for i, (counts, values) in enumerate(zip(self.counts[:MOST], self.values), start=1):
                ax.stairs(counts / values.size, self.edges, lw=1.3,
                          label=f"layer {i}: {values.size}, spread {self.spread[i - 1]:.2g}")
            ax.set(xlabel="weight or bias", ylabel="share of the layer")
        key(ax)
        return ax


def weights(net: Any, params: ArrayLike, bins: int = 40) -> WeightDistribution:
    """The distribution of a network's parameters by layer, a `WeightDistribution`.

    Parameters
    ----------
    net : MLP
    params : (net.size,) array, as `problem.unravel(theta)["name of the block"]`
    bins : int, number of bins of the histograms

    Returns
    -------
    WeightDistribution

    Raises
    ------
    ValueError, TypeError
        Not an MLP; params of another length or not finite; bins not a whole number ≥ 1.

    Examples
    --------
    >>> import pcl
    >>> net = pcl.MLP([4, 50, 1])
    >>> found = pcl.diagnose.weights(net, net.init(seed=0))
    >>> found.spread.round(2)                   # W ~ N(0, 1/fan_in): 1/√4 and 1/√50, biases 0 among them
    array([0.46, 0.12])
    """
    require_network("net", net)
    bins = positive_integer("bins", bins)
    values = [np.sort(np.concatenate([W.ravel(), b])) for W, b in net.unravel(params)]
    edges = np.histogram_bin_edges(np.concatenate(values), bins)
    counts = [np.histogram(v, edges)[0] for v in values]
    columns = [[f(v) for v in values] for f in (np.mean, np.std, lambda v: np.abs(v).max())]
    mean, std, largest = map(frozen_array, columns)
    return WeightDistribution(tuple(map(frozen_array, values)), mean, std, largest, frozen_array(edges),
                              frozen_array(counts))
