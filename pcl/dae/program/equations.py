"""The equations and path constraints of a model at points, traced once."""

import functools

from pcl.dae.program import pointwise


@functools.lru_cache(maxsize=8)
def _pointwise(model, rows):
    return pointwise.Pointwise(model, rows)


def equations_of(model):
    """The equations of a model at points, traced once."""
    return _pointwise(model, pointwise.equations)


def path_of(model):
    """The path constraints of a model at points, traced once."""
    return _pointwise(model, pointwise.path)
