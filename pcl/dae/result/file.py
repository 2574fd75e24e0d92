"""Laws and parameters in one file: .npz with a JSON entry, no pickle, replaced as a whole.

The functions of a model cannot be stored: the file holds a fingerprint of the declaration, names,
bounds and the values of all equations at a few points, and `load` compares it with that of the model it
is given.
"""

import numpy as np

from pcl.dae.program.equations import equations_of, jump_of, path_of, reading_of
from pcl.networks.words import words_of
from pcl.training.checkpoint.file import CheckpointError, write

KIND = "trained neural DAE"
_POINTS = 5
LAW_ARRAYS = ("input_shift", "input_scale", "output_shift", "output_scale")


def save(trained, path):
    """Write a `Trained`; what was at `path` before stays as `path`.previous.

    Raises
    ------
    OSError
        The file cannot be written; the old one is left as it is.
    TypeError
        A law whose network cannot be written down.
    """
    meta = {"kind": KIND, "model": _names(trained.model),
            "laws": [_law_words(law) for law in trained.laws],
            "parameters": trained.parameters, "scheme": list(trained.scheme), "element": trained.element,
            "sizes": trained.sizes, "typical": trained.typical, "noise": trained.noise}
    arrays = {"fingerprint": fingerprint(trained.model, trained.typical, trained.parameters)}
    for k, law in enumerate(trained.laws):
        arrays[f"theta_{k}"] = law.theta
        if law.seen is not None:
            arrays[f"seen_{k}"] = law.seen
        arrays.update({f"{name}_{k}": getattr(law.law, name) for name in LAW_ARRAYS})
    write(path, meta, arrays)


def fingerprint(model, typical, parameters):
    """Values of all equations, path constraints, jumps and observables at a few points, (rows, points),
    from fixed random numbers."""
    random, inside = np.random.RandomState(0), []
    rows = [each for _, each in _rows(model)]
    columns = [random.standard_normal(_POINTS) for _ in model.states]
    known = {**{label.split("[")[0]: value for label, value in parameters.items()}, **typical}
    for name in (*model.states, *model.algebraic, *model.outputs, *model.parameters):
        near = known[name]
        inside.append(np.clip(near * random.uniform(0.9, 1.1, _POINTS), *model.limits(name)))
    a, t = np.array([*columns, *inside]).T, random.uniform(size=_POINTS)
    u = random.uniform(0.5, 1.5, (_POINTS, len(model.inputs)))
    with np.errstate(all="ignore"):
        return np.concatenate([r.residual(a, u, t).T for r in rows])


def require_same(found, model):
    then, now = found.meta["model"], _names(model)
    for group in {**then, **now}:
        if then.get(group, []) != now.get(group, []):
            raise CheckpointError(f"{found.path} was trained with {group} "
                                  f"{then.get(group, [])}, the model has {now.get(group, [])}.")
    values = fingerprint(model, found.meta["typical"], found.meta["parameters"])
    old = found.arrays["fingerprint"]
    if old.shape != values.shape or not np.allclose(old, values, rtol=1e-8, atol=1e-10, equal_nan=True):
        names = _row_names(model)
        bad = [name for name, a, b in zip(names, old, values)
               if not np.allclose(a, b, rtol=1e-8, atol=1e-10, equal_nan=True)]
        raise CheckpointError(f"{found.path} was trained with other equations: the values of "
                              f"{', '.join(bad) or 'some rows'} differ at test points.")


def _row_names(model):
    return tuple(name for names, _ in _rows(model) for name in names)


def _rows(model):
    """[(names, rows at points), …] of equations, path constraints, jumps and observables."""
    found = [equations_of(model)] + ([] if model.path is None else [path_of(model)])
    found += [reading_of(model, name) for name in model.observed]
    jumps = {name: jump_of(model, name) for name in sorted(model.jumps)}
    words = [([f"jump {name} of {state}" for state in rows.names], rows) for name, rows in jumps.items()]
    return [*((rows.names, rows) for rows in found), *words]


def _names(model):
    groups = {group: list(getattr(model, group)) for group in
              ("states", "algebraic", "outputs", "parameters", "inputs")}
    groups.update({"observed": list(model.observed)} if model.observed else {})
    return {**groups, "bounds": {name: [repr(end) for end in model.limits(name)]
                                 for name in sorted(model.bounds)}}


def _law_words(law):
    words = words_of(f"the law of {', '.join(law.outputs)}", law.law.net)
    found = {"inputs": list(law.inputs), "outputs": list(law.outputs), "network": words}
    return found if law.law.term is law.law else {**found, "places": law.law.places}
