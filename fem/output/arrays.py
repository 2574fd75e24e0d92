"""What a field given by the user is: a function of the space, values of cells, of nodes, of points."""

import warnings

import numpy as np

from fem.output.sampled import cell_means, functions_of, mesh_of, sizes_of
from pcl.support.validate import float64_array, known

_MEANING = {"unknowns": "a function of the space", "quadrature": "values at quadrature points",
            "cells": "values of cells", "nodes": "values at mesh nodes"}


def sort_out(space, fields):
    """{name: (what, entry)} of fields in any form that `fem.save` takes.

    what is 'function', with (Function, u) as the entry; 'cells' or 'nodes', with an array (n_cells, …) or
    (nodes, …); or 'formula', with a function of points. A state of several functions is split by their
    names, which follow the name given here where they would be taken twice.
    """
    result: dict[str, tuple] = {}
    for name, value in fields.items():
        for key, entry in _one(space, functions_of(space), name, value).items():
            taken = key in result or (key != name and key in fields)
            result[f"{name}_{key}" if taken else key] = entry
    return result


def _one(space, functions, name, value):
    if callable(value):
        return {name: ("formula", value)}
    what = None
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str):
        what, value = known(f"the first entry of {name}", value[0], sizes_of(space)), value[1]
    array = float64_array(name, value, finite=False)
    _tell_nan(name, array)
    if array.ndim > 3 or 0 in array.shape:
        raise ValueError(_refusal(space, name, array.shape))
    if array.ndim == 0:
        return {name: ("cells", np.full(mesh_of(space).t.shape[1], array))}
    if what is None and len(functions) > 1 and name in functions and array.shape == (functions[name].n,):
        return {name: ("function", (functions[name], array))}
    what = what or _meaning(space, functions, name, array.shape)
    if array.shape[0] != sizes_of(space)[what]:
        raise ValueError(_refusal(space, name, array.shape))
    if what == "unknowns":
        return _functions(functions, name, array)
    return {name: ("cells", cell_means(space, array)) if what == "quadrature" else (what, array)}


def _functions(functions, name, array):
    """The functions of the space that a state (n,) holds; (n, k) are k columns of its only one."""
    if len(functions) == 1:
        return {name: ("function", (next(iter(functions.values())), array))}
    if array.ndim > 1:
        raise ValueError(f"{name} has shape {array.shape}; expected ({array.shape[0]},), since the space "
                         f"has several functions: {', '.join(functions)}.")
    return {key: ("function", (f, array[f.start:f.start + f.n])) for key, f in functions.items()}


def _meaning(space, functions, name, shape):
    """What an array of this shape is; refused where its length fits nothing or two things."""
    sizes = sizes_of(space)
    fits = [what for what, size in sizes.items() if size == shape[0]]
    if name in functions and "unknowns" in fits:
        return "unknowns"
    only = next(iter(functions.values())) if len(functions) == 1 else None
    if only is not None and "unknowns" in fits:
        mesh = mesh_of(space)
        same = {"cells": only.degree == 0, "nodes": np.array_equal(only.cell_dofs, mesh.t)}
        fits = [what for what in fits if not same.get(what, False)]
    if len(fits) > 1:
        raise ValueError(f"{name} has {shape[0]} entries, which may be "
                         f"{' or '.join(_MEANING[what] for what in fits)}; say which, for example "
                         f"{name}=({fits[-1]!r}, {name}).")
    if not fits:
        raise ValueError(_refusal(space, name, shape))
    return fits[0]


def _refusal(space, name, shape):
    allowed = "; ".join(f"({size}, …) {_MEANING[what]}" for what, size in sizes_of(space).items())
    return (f"{name} has shape {shape}; expected one of: {allowed}, with nothing, (k,) or (dim, dim) "
            "behind; or a number, or a function of points.")


def formula_values(name, formula, points):
    """A function of points at points (m, dim), checked: (m, …).

    Raises
    ------
    ValueError
    """
    values = float64_array(f"{name}(x)", formula(points), finite=False)
    if values.ndim == 0 or values.shape[0] != len(points):
        raise ValueError(f"{name}(x) has shape {values.shape} for points {points.shape}; expected "
                         f"({len(points)},), or with (k,) or (dim, dim) behind.")
    return values


def _tell_nan(name, array):
    bad = ~np.isfinite(array)
    if bad.any():
        warnings.warn(f"{name} has {bad.sum()} of {array.size} entries that are NaN or infinite: gaps in "
                      "the picture.", stacklevel=6)
