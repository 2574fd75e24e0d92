"""Arguments of scipy.optimize.minimize that are arguments of `minimize` under another name."""

from collections.abc import Mapping


def as_scipy(options, maxiter, progress):
    """(options without them, maxiter, progress) of SciPy's options maxiter and disp."""
    if not isinstance(options, Mapping):
        return options, maxiter, progress
    rest = dict(options)
    limit, shown = rest.pop("maxiter", None), rest.pop("disp", None)
    if limit is not None and maxiter is not None and limit != maxiter:
        raise ValueError(f"maxiter is {maxiter} and options['maxiter'] is {limit}; give one of them.")
    return rest, maxiter if limit is None else limit, progress if shown is None else bool(shown)
