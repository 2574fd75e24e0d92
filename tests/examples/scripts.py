"""Example scripts as modules, and run with packages missing."""

import importlib.util
import os
import pathlib
import subprocess
import sys

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "examples"


def load(name):
    """examples/NAME.py as a module, wherever the tests are run from; its neighbours can be imported."""
    path = EXAMPLES / f"{name}.py"
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(f"examples.{name.replace('/', '.')}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def help_without(packages, name, folder):
    """The answer of examples/NAME.py --help where `packages` cannot be imported."""
    for package in packages:
        (folder / f"{package}.py").write_text(f"raise ImportError('{package} is loaded')\n")
    return subprocess.run([sys.executable, EXAMPLES / f"{name}.py", "--help"], cwd=folder, text=True,
                          env={**os.environ, "PYTHONPATH": str(folder)}, capture_output=True)
