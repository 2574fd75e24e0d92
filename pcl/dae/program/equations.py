"""The equations, path and jump conditions and observables of a model at points, traced once."""

import functools

import tensorflow as tf

from pcl.dae.model import Variables
from pcl.dae.program import pointwise
from pcl.support.nearest import nearest


@functools.lru_cache(maxsize=16)
def _pointwise(model, rows):
    return pointwise.Pointwise(model, rows)


def equations_of(model):
    """The equations of a model at points, traced once."""
    return _pointwise(model, pointwise.equations)


def path_of(model):
    """The path constraints of a model at points, traced once."""
    return _pointwise(model, pointwise.path)


@functools.lru_cache(maxsize=32)
def jump_of(model, name):
    """A jump condition of a model: rows named by states, their values after it."""
    return pointwise.Pointwise(model, functools.partial(_jump, name))


@functools.lru_cache(maxsize=64)
def starts_of(model, computed):
    """Starts that follow from parameters: a row for each (state, function of p) of a tuple."""
    return pointwise.Pointwise(model, functools.partial(_starts, computed))


def _jump(name, model, v):
    return _of_states(model, f"jump {name!r}", model.jumps[name](v))


def _starts(computed, model, v):
    """{state: start}; what the functions see are parameters in their own units, and inputs."""
    values = {name: tf.exp(v[name]) if name in model.exponents else v[name] for name in model.parameters}
    values |= {name: v[name] for name in (*model.inputs, "t")}
    return {state: function(Variables(values, {})) for state, function in computed}


def _of_states(model, label, found):
    if not isinstance(found, dict) or not found:
        raise TypeError(f"{label} returns {'nothing' if not found else type(found).__name__}; expected a "
                        "dict {state: value after it}.")
    unknown = [name for name in found if name not in model.states]
    if unknown:
        raise ValueError(f"{label} has {unknown[0]!r}; expected some of the states "
                         f"{', '.join(model.states)}.{nearest(unknown[0], model.states)}")
    return found


@functools.lru_cache(maxsize=256)
def reading_of(model, name):
    """What readings under this name are of, an observable or a variable of a model, at points."""
    if name not in model.observed:
        return pointwise.OneVariable(model, name)
    return pointwise.Pointwise(model, pointwise.observable(name))
