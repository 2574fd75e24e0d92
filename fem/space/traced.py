"""What is known of tensors while a model is traced: which are constants, and which vanish everywhere.

Inside a Problem a tensor is symbolic. Those that depend on no parameter have a value already; of the
others values for random parameters tell which vanish whatever the parameters are.
"""

import numpy as np
import tensorflow as tf

_UNKNOWN = "Placeholder"


def known(tensors):
    """Of arrays or tensors the values, None where they depend on parameters; and whether they vanish."""
    if not any(map(tf.is_symbolic_tensor, tensors)):
        free = [t if not tf.is_tensor(t) else None for t in tensors]
        return free, [not np.any(np.asarray(t)) for t in tensors]
    symbolic = [t for t in tensors if tf.is_symbolic_tensor(t)]
    unknown = [_unknowns(t.op) for t in symbolic]
    numbers = iter(zip(_evaluated(symbolic, set().union(*unknown)), unknown))
    values: list = []
    vanish: list[bool] = []
    for t in tensors:
        value, of = next(numbers) if tf.is_symbolic_tensor(t) else (np.asarray(t), ())
        values.append(None if of else value)
        vanish.append(value is not None and not value.any())
    return values, vanish


def _evaluated(tensors, unknown):
    """Values with random numbers for what is unknown; None where that is no array of known shape."""
    places = [op.outputs[0] for op in unknown]
    if not all(x.dtype == tf.float64 and x.shape.is_fully_defined() for x in places):
        return [None] * len(tensors)
    rng = np.random.default_rng(0)
    feed = {x.name: rng.uniform(0.5, 1.5, x.shape.as_list()) for x in places}
    with tf.compat.v1.Session(graph=tensors[0].graph) as session:
        return session.run(tensors, feed)


def _unknowns(op):
    """The placeholders that an operation depends on."""
    reached, waiting = {op}, [op]
    while waiting:
        new = {x.op for x in waiting.pop().inputs} - reached
        reached |= new
        waiting += new
    return {op for op in reached if op.type == _UNKNOWN}
