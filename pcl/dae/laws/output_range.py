"""Between which values a law stays, and normalisation that keeps it there.

With z = A + B f(n), f the function of the network's output transform, A = shift_out + scale_out · shift,
B = scale_out · scale, a law has the range of f moved by A and stretched by B:

    function    f        range of z         may be normalised by
    identity    n        all numbers        shift and scale
    softplus    ≥ 0      one-sided from A   a positive factor of B
    exp         > 0      one-sided from A   a positive factor of B
    sigmoid     (0, 1)   A to A + B         nothing

A network without an `output` that is a `pcl.Transform` does not say what it can give: its outputs
are neither bounded nor normalised.
"""

from dataclasses import replace

import numpy as np

from pcl.networks.transform import Transform

_FLAT = 1e-8        # spread of a variable, relative to its size, below which it is not used as a scale
_ENDS = {"identity": (-np.inf, np.inf), "softplus": (0.0, np.inf), "exp": (0.0, np.inf),
         "sigmoid": (0.0, 1.0)}                                                 # of f
_SLOPES = {"softplus": lambda f: -np.expm1(-f), "exp": lambda f: f, "sigmoid": lambda f: f * (1.0 - f)}


def output_range(law):
    """(lower (m,), upper (m,)) of the outputs of a law; ±inf where there is no bound."""
    ends = _ENDS.get(_function(law), _ENDS["identity"])
    if not np.isfinite(ends).any():
        return np.full(len(law.outputs), -np.inf), np.full(len(law.outputs), np.inf)
    A, B = _map(law)
    sides = np.array([A + B * end for end in ends])
    return sides.min(axis=0), sides.max(axis=0)


def slopes(law, z):
    """Slope f' (n, m) of the transform where the law has the values z (n, m); 1 where it has none."""
    function = _function(law)
    if function not in _SLOPES:
        return np.ones(z.shape)
    A, B = _map(law)
    return _SLOPES[function]((z - A) / B)


def ranges(law):
    """(outputs of the model, lower, upper) of a law at all its places."""
    return (law.term.outputs, *(np.tile(side, len(law.places)) for side in output_range(law)))


def normalised(law, a, z):
    """The same law with shift and scale of its inputs a (n, d) and, as far as its range allows, of its
    outputs z (n, m): means and standard deviations, for a one-sided law the root mean square distance
    from its bound."""
    shift, scale = shift_scale(a)
    law = replace(law, input_shift=shift, input_scale=scale)
    function = _function(law)
    if function == "identity":
        (shift, scale), transform = shift_scale(z), law.net.output
        scale = np.copysign(scale, law.output_scale) / transform.scale      # a law keeps its sign
        return replace(law, output_shift=shift - scale * transform.shift, output_scale=scale)
    if function not in ("softplus", "exp"):
        return law
    A, B = _map(law)
    size = np.sqrt(np.mean((z - A) ** 2, axis=0))
    scale = np.where(size > 0.0, np.copysign(size, B), B) / law.net.output.scale
    return replace(law, output_shift=A - scale * law.net.output.shift, output_scale=scale)


def shift_scale(values):
    """(mean, standard deviation) of the columns of values (n, k); of a column that does not vary, its
    size."""
    shift, scale = values.mean(axis=0), values.std(axis=0)
    flat = scale <= _FLAT * np.maximum(np.abs(shift), 1e-300)
    size = np.where(np.abs(shift) > 0.0, np.abs(shift), 1.0)
    return shift, np.where(flat, size, scale)


def _function(law):
    """Name of f, or None where the network does not declare it."""
    output = getattr(law.net, "output", None)
    return output.function if isinstance(output, Transform) else None


def _map(law):
    """A, B (m,) of z = A + B f."""
    output = law.net.output
    return law.output_shift + law.output_scale * output.shift, law.output_scale * output.scale
