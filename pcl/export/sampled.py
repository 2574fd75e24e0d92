"""Values of exported layers."""

from pcl.export.layers import Layers
from pcl.networks import activations
from pcl.support.types import Array


def sampled(layers: Layers, a: Array) -> Array:
    """z (n, m) at a (n, d)."""
    x = h = (a - layers.input_shift) / layers.input_scale
    last = len(layers.layers)
    for k, (W, V, b) in enumerate(layers.layers, 1):
        z = h @ W + b + (x @ V if V.size else 0.0)
        choices, name = ((activations.HIDDEN, layers.hidden) if k < last else
                         (activations.OUTPUT, layers.output))
        h = activations.named("function", name, choices).value(z, z.copy())
    return layers.shift + layers.scale * h
