"""Where a law stands at the foot of its output transform, and its band is the transform's.

Softplus, exponential and sigmoid reach their ends nowhere. A law that vanishes, as a rate does without
its substrate, is then bent as the transform bends: it comes down too early, what is small is known to a
small share of itself, whatever the readings tell, and errors of a linearisation are far too small there.
Measured on 12 made cultures with μ(S) → 0 (`python -m benchmarks.vanishing --seeds 1`): by softplus 11
bands miss the truth near S = 0, by 7 to 350 standard errors, and are told of; by a linear output 2, by 4.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from pcl.dae.laws.output_range import output_range, slopes
from pcl.support.types import Array

FLAT = 0.2          # of the largest slope of the transform at the nodes: what is below is the foot


@dataclass(frozen=True, eq=False)
class Foot:
    """The foot of one output of a law.

    Attributes
    ----------
    output : str
    end : float, the value that the transform does not reach
    below : float, distance from it up to which the law is in the foot
    inputs : {input: (least, largest)} at the nodes in the foot
    share : float, of all nodes
    """

    output: str
    end: float
    below: float
    inputs: dict[str, tuple[float, float]]
    share: float

    def holds(self, z: Array) -> np.ndarray:
        """Which values z (n,) of the law are in the foot, (n,) of bool."""
        return np.abs(z - self.end) <= self.below

    def __str__(self) -> str:
        where = ", ".join(f"{name} from {low:.3g} to {high:.3g}" for name, (low, high) in
                          self.inputs.items())
        return (f"the law of {self.output} is within {self.below:.2g} of {self.end:.3g}, which its "
                f"output transform never reaches, at {100 * self.share:.0f} % of the nodes ({where}): "
                "what it is there, and how narrow its band, is the transform's word more than the "
                "data's. Where a law may vanish leave the transform out")


def feet(setting, program, result):
    """{(number of a law, place among its outputs): [Foot, …]} of the laws of a solved program."""
    found = {}
    for number, law in enumerate(program.laws):
        a = setting.points_of(law, result.x)[0]
        z = law(program.rows.parameters(result.x)[number], a)
        found.update({(number, k): each for k in range(z.shape[1]) if (each := _feet(law, k, a, z))})
    return found


def words_of(found):
    """All feet in one sentence, "" without any."""
    text = "; ".join(str(foot) for each in found.values() for foot in each)
    return f"Errors of laws may be far too small in places: {text}." if text else ""


def warn_at(found, values):
    """A UserWarning if any of the values (n,) of a law is in one of the feet."""
    for foot in found:
        if (held := foot.holds(values)).any():
            warnings.warn(f"{np.count_nonzero(held)} of {held.size} errors may be far too small: {foot}.",
                          UserWarning, stacklevel=3)


def _feet(law, k, a, z):
    """The feet of output k at inputs a (n, d) and values z (n, m)."""
    slope = slopes(law, z)[:, k]
    flat = slope < FLAT * slope.max()
    ends = np.array([side[k] for side in output_range(law)])
    nearest = np.abs(z[:, [k]] - ends).argmin(axis=1)
    return [Foot(law.outputs[k], float(end), float(np.abs(z[here, k] - end).max()),
                 {name: (float(x.min()), float(x.max())) for name, x in zip(law.inputs, a[here].T)},
                 float(here.mean()))
            for here, end in zip((flat & (nearest == side) for side in (0, 1)), ends) if here.any()]
