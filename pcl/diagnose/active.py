"""The directions of θ that the loss sees, and which blocks and layers take part in them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from pcl.diagnose.common import frozen_array, require_network
from pcl.diagnose.hessian_spectrum import HessianSpectrum, spectrum_at
from pcl.support.axes import coloured, new_axes
from pcl.support.interface import require_interface
from pcl.support.style import styled
from pcl.support.types import Array, Axes, Theta
from pcl.support.validate import known


@dataclasses.dataclass(frozen=True, eq=False)
class ActiveDirections:
    """Eigenvectors of the Hessian whose eigenvalue does not count as zero, largest first.

    Attributes
    ----------
    eigenvalues : ndarray (k,), descending; negative ones come last
    directions : ndarray (p, k), orthonormal columns
    groups : tuple of g str
        Blocks of θ, or their layers as "block, layer 1".
    participation : ndarray (g, k)
        Σ v_i² over the entries of the group: shares, a column sums to 1.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: t["a"][0]**2 + 4 * t["b"][0]**2, {"a": [1.0], "b": [1.0]})
    >>> found = pcl.diagnose.active_directions(problem, [0.0, 0.0])
    >>> found.eigenvalues, found.groups
    (array([8., 2.]), ('a', 'b'))
    >>> found.participation                             # the first direction is that of b alone
    array([[0., 1.],
           [1., 0.]])
    """

    eigenvalues: Array
    directions: Array
    groups: tuple[str, ...]
    participation: Array

    def __str__(self):
        if not self.eigenvalues.size:
            return "no active directions: every eigenvalue counts as zero"
        width = max(map(len, self.groups))
        mean = self.participation.mean(axis=1)
        lines = [f"{self.eigenvalues.size} active directions; mean share of"]
        return "\n".join(lines + [f"  {name:<{width}} {share:6.1%}"
                                  for name, share in zip(self.groups, mean)])

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """The shares as a picture on `ax` or on new axes: a row a group, a column a direction."""
        ax = new_axes(ax)
        k, g = self.eigenvalues.size, len(self.groups)
        image = ax.imshow(self.participation, aspect="auto", vmin=0.0, vmax=1.0, cmap="viridis",
                          interpolation="nearest", extent=(0.5, max(k, 1) + 0.5, g - 0.5, -0.5))
        ax.figure.colorbar(image, ax=ax, label="share of |v|²")
        ax.set_yticks(range(g), self.groups)
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.set(xlabel="direction, by falling eigenvalue", ylabel="block or layer")
        coloured(ax)
        return ax


def active_directions(problem: Any, theta: Theta | HessianSpectrum,
                      nets: Mapping[str, Any] | None = None) -> ActiveDirections:
    """The active directions at θ and who takes part in them, an `ActiveDirections`.

    Parameters
    ----------
    problem : Problem, or an object with `size`, `slices` and `hessian`
    theta : (p,) array, {block: array}, or the `HessianSpectrum` there, which is not computed again
    nets : {block: MLP}, optional
        Blocks that are parameters of a network; each is split into its layers (W with b).

    Returns
    -------
    ActiveDirections

    Raises
    ------
    ValueError, TypeError
        An unknown block; a network whose size is not that of the block; see `spectrum`.

    Examples
    --------
    >>> import pcl
    >>> problem = pcl.Problem(lambda t: (t["a"][0] + t["b"][0])**2, {"a": [1.0], "b": [1.0]})
    >>> found = pcl.diagnose.active_directions(problem, [0.0, 0.0])
    >>> found.eigenvalues.round(12), found.participation.round(12)      # a + b alone is seen
    (array([4.]), array([[0.5],
           [0.5]]))
    """
    require_interface(problem, "size", "slices")
    groups = _groups(problem.slices, nets or {})
    found = spectrum_at(problem, theta)
    active = np.flatnonzero(np.abs(found.eigenvalues) > found.level)[::-1]
    vectors = found.vectors[:, active]
    shares = [np.sum(vectors[piece] ** 2, axis=0) for piece in groups.values()]
    return ActiveDirections(frozen_array(found.eigenvalues[active]), frozen_array(vectors),
                            tuple(groups), frozen_array(shares))


def _groups(slices, nets):
    """{label: slice of θ}: the blocks, those of networks by layer."""
    for name, net in nets.items():
        known("block of nets", name, slices)
        require_network(f"nets[{name!r}]", net)
        size = slices[name].stop - slices[name].start
        if net.size != size:
            raise ValueError(f"nets[{name!r}] has {net.size} parameters but the block has {size} "
                             "entries; expected the network whose parameters the block holds.")
    groups: dict[str, slice] = {}
    for name, piece in slices.items():
        groups.update(_layers(name, piece, nets[name]) if name in nets else {name: piece})
    return groups


def _layers(name, piece, net):
    sizes = [(a + 1) * b for a, b in zip(net.widths, net.widths[1:])]
    ends = piece.start + np.cumsum(sizes)
    return {f"{name}, layer {i}": slice(int(end - n), int(end))
            for i, (n, end) in enumerate(zip(sizes, ends), start=1)}
