"""Packages that exports need, imported when they are asked for."""

import importlib
from typing import Any


def package(name: str, extra: str) -> Any:
    """The package, or ImportError in one sentence that names the extra."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"this export needs the package {name!r}, which is not installed: "
                          f"pip install 'pcl-fem[{extra}]', or pip install {name}.") from error
