"""Imports point one way: what is read here is the source, without running it."""
import ast
import subprocess
import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TRAINING = ("pcl.training", "pcl.objective", "pcl.check", "pcl.drivers", "pcl.verdict")
TENSORFLOW = ("tensorflow", "keras", "tf_keras")
HEAVY = ("tensorflow_probability", "matplotlib", "skfem")


def sources(folder=ROOT):
    """{module name: path} of our two packages."""
    found = {}
    for package in ("pcl", "fem"):
        for path in sorted((folder / package).rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def statements(tree, everywhere):
    """Import statements; without `everywhere` only those that run when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        elif everywhere or not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from statements(node, everywhere)


def imports(name, path, everywhere=False):
    """Pairs of dotted names: ('a', 'a') for `import a`, ('a', 'a.b') for `from a import b`."""
    for node in statements(ast.parse(path.read_text(encoding="utf-8")), everywhere):
        if isinstance(node, ast.Import):
            yield from ((alias.name, alias.name) for alias in node.names)
        else:
            base = absolute(name, path, node)
            yield from ((base, f"{base}.{alias.name}") for alias in node.names)


def absolute(name, path, node):
    """The module a `from` statement names, relative ones resolved."""
    if not node.level:
        return node.module
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    package = package[:len(package) - node.level + 1]
    return ".".join(package + ([node.module] if node.module else []))


def within(name, packages):
    return any(name == package or name.startswith(package + ".") for package in packages)


def graph(modules):
    """{module: our modules that it imports when it is imported itself}.

    `from a import b` is an edge to a.b where that is a module, else to a.
    """
    return {name: {full if full in modules else base for base, full in imports(name, path)}
            & set(modules) for name, path in modules.items()}


def offenders(modules, packages, forbidden, everywhere):
    """{module inside `packages`: the names inside `forbidden` that it imports}."""
    found = {}
    for name, path in modules.items():
        if within(name, packages):
            bad = {full for _, full in imports(name, path, everywhere) if within(full, forbidden)}
            found.update({name: sorted(bad)} if bad else {})
    return found


def test_pcl_imports_neither_fem_nor_skfem_anywhere():
    assert offenders(sources(), ["pcl"], ["fem", "skfem"], everywhere=True) == {}


def test_training_modules_see_arrays_not_tensorflow():
    assert offenders(sources(), TRAINING, TENSORFLOW, everywhere=False) == {}


def test_every_training_module_exists():
    assert set(TRAINING) <= set(sources())


def test_imports_at_module_level_have_no_cycle():
    order = list(TopologicalSorter(graph(sources())).static_order())
    assert set(order) == set(sources())


def write(folder, **modules):
    for name, text in modules.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sources(folder)


def test_a_wrong_arrow_is_seen(tmp_path):
    modules = write(tmp_path, pcl__a="def f():\n    from fem import space\n", fem__space="")
    assert offenders(modules, ["pcl"], ["fem"], everywhere=True) == {"pcl.a": ["fem.space"]}
    assert offenders(modules, ["pcl"], ["fem"], everywhere=False) == {}


def test_a_cycle_is_seen(tmp_path):
    modules = write(tmp_path, pcl__a="from pcl import b\n", pcl__b="from .a import f\n")
    with pytest.raises(CycleError):
        list(TopologicalSorter(graph(modules)).static_order())


def test_import_pcl_leaves_optional_packages_alone():
    code = ("import sys, pcl\n"
            f"print([name for name in {HEAVY} if name in sys.modules])")
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, text=True, capture_output=True,
                          check=True, timeout=300)
    assert done.stdout.strip() == "[]"
