"""Packages that are not required: imported when their solver is asked for."""

import importlib


def optional(module, solver):
    """The module, or an ImportError that says which solver needs it and what to do."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"solver {solver!r} needs the package {module!r}, which is not installed. "
                          f"Run `pip install {module}`, or use solver='superlu'.") from error


def of_extra(module, what, extra):
    """The module, or an ImportError that says what needs it and which extra brings it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise ImportError(f"{what} needs the package {(error.name or module)!r}, which is not installed. "
                          f"Run `pip install pcl-fem[{extra}]`.") from error
