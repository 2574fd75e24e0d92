"""How wide the weights of a law are taken to be before they have seen data."""

import numpy as np

from pcl.networks.mlp import MLP
from pcl.networks.monotone import MonotoneMLP

# σ of weights and biases of the first and of all later layers, beside the spread 1/√fan_in with which
# `MLP.init` draws them. A unit of the first layer then bends within an eighth of the spread of its input.
# Measured on a Monod law, which turns within a tenth of its range (`python -m benchmarks.coverage`): 1, 1
# pull the bend away from the truth by four standard errors, 8, 4 by less than one; 10, 10 cost accuracy.
FIRST, LATER = 8.0, 4.0


def deviations(law):
    """σ (p,) of a normal prior N(0, σ²) of the weights, layer by layer; of weights of given sign it is
    that of the entries whose softplus they are. 1 of other networks, whose layers are not known."""
    if not isinstance(law.net, (MLP, MonotoneMLP)):
        return np.ones(law.size)
    widths = law.net.widths
    wide = [FIRST] + [LATER] * (len(widths) - 2)
    return np.concatenate([np.full((n + 1) * m, c / np.sqrt(n))
                           for n, m, c in zip(widths, widths[1:], wide)])
