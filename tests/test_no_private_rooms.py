"""Nothing private of another package is imported, read or set: what is read here is the source."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("pcl", "fem", "examples", "benchmarks", "tests")
OTHERS = ("scipy", "numpy", "tensorflow", "keras", "tf_keras", "tensorflow_probability", "skfem",
          "matplotlib", "joblib", "meshio", "pyamg", "cholespy", "feral", "threadpoolctl")
OF_TUPLES = ("_asdict", "_fields", "_make", "_replace")     # documented for named tuples


def is_private(name):
    return (name.startswith("_") and not (name.startswith("__") and name.endswith("__"))
            and name not in OF_TUPLES)


def of_others(dotted):
    return dotted is not None and dotted.split(".")[0] in OTHERS


def aliases(tree):
    """{local name: dotted name} of what is imported from other packages."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in filter(lambda alias: of_others(alias.name), node.names):
                found[alias.asname or alias.name.split(".")[0]] = alias.name
        elif isinstance(node, ast.ImportFrom) and not node.level and of_others(node.module):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_names(trees):
    """Private attributes that our classes define, or set on themselves."""
    names = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) \
                and node.value.id in ("self", "cls"):
            names.add(node.attr)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.keyword) and node.arg:     # self._set(_maps=…)
            names.add(node.arg)
        elif isinstance(node, ast.alias) and node.asname:
            names.add(node.asname)
    return names


def trespasses(tree, own):
    """(line, words) of private imports, of private attributes of modules and classes of others, and
    of private attributes that nothing of ours has."""
    known = aliases(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            dotted = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            dotted = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            root = ast.unparse(node.value).split(".")[0].split("(")[0]
            if root in known or node.attr not in own:
                yield node.lineno, ast.unparse(node)
            continue
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            dotted = [node.value] if node.value.replace(".", "").replace("_", "").isalnum() else []
        else:
            continue
        for name in dotted:
            if of_others(name) and any(map(is_private, name.split("."))):
                yield node.lineno, name


@pytest.fixture(scope="module")
def trees():
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def test_nothing_private_of_other_packages_is_touched(trees):
    own = own_names(trees.values()) | {"_exit"}      # os._exit, the documented way out of a fork
    found = [f"{path.relative_to(ROOT)}:{line}: {words}" for path, tree in trees.items()
             for line, words in trespasses(tree, own)]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("source", [
    "from scipy.optimize._trustregion import _minimize_trust_region",
    "import scipy.optimize._lsq.trf",
    "import numpy as np\nnp._core",
    "from numpy.linalg import _umath_linalg",
    "import importlib\nimportlib.import_module('scipy.optimize._lsq')",
    "def f(mesh, facets):\n    mesh._facets = facets",
    "def f(tensor):\n    return tensor._numpy()"])
def test_a_private_room_is_noticed(source):
    assert list(trespasses(ast.parse(source), {"_own"}))


def test_our_own_names_and_public_ones_pass():
    tree = ast.parse("import scipy.optimize\nscipy.optimize.minimize\n"
                     "class A:\n    def f(self):\n        self._own")
    assert not list(trespasses(tree, own_names([tree])))
