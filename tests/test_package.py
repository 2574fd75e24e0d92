"""What is imported is required, what is required is imported, every bound is a version."""

import ast
import pathlib
import subprocess
import sys
from importlib.metadata import version

from lowest import requirements

import pcl

ROOT = pathlib.Path(__file__).resolve().parents[1]
MODULE = {"scikit-fem": "skfem", "feral-solver": "feral", "tensorflow-probability":
          "tensorflow_probability", "tf-keras": "tf_keras", "pytest-xdist": "xdist",
          "python-libsbml": "libsbml"}
# TensorFlow Probability imports tf-keras.
NAMED_ONLY = {"tf_keras"}


def imported():
    """Top modules of other packages that pcl and fem import, also by `optional`."""
    found = set()
    for path in (path for folder in ("pcl", "fem") for path in (ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module)
            elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("optional", "of_extra"):
                found.add(node.args[0].value)
    return {name.split(".")[0] for name in found} - sys.stdlib_module_names - {"pcl", "fem"}


def required(*extras):
    return {MODULE.get(name, name) for extra, name, _ in requirements() if extra in extras}


def test_what_is_imported_is_declared_and_what_is_declared_is_imported():
    core, brought = required(""), required(
        "amg", "cholmod", "sparse", "mesh", "view", "petab", "frames", "casadi", "dask")
    assert imported() == (core - NAMED_ONLY) | brought
    assert not core & brought


def test_the_version_is_that_of_the_installed_package():
    assert pcl.__version__ == version("pcl-fem")
    assert "__version__" in dir(pcl)


def test_the_first_evaluation_of_a_model_loads_neither_statistics_nor_optimizers():
    code = """
import sys, tensorflow as tf, fem, pcl
V, net = fem.Space(fem.unit_square(2), "P1"), pcl.MLP([2, 3, 1], output=pcl.softplus(floor=0.1))
def loss(theta):
    A = V.laplace(net(theta["kappa"], V.quadrature_points)[:, 0])
    return tf.reduce_sum(fem.solve(A, V.load(1.0), dirichlet=0.0)**2)
problem = pcl.Problem(loss, {"kappa": net.init(seed=0)})
problem.hessian(problem.theta0)
slow = {"scipy.stats", "scipy.optimize", "tensorflow_probability"}
print(sorted(slow & set(sys.modules)))
"""
    ran = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True)
    assert ran.stdout.split("\n")[0] == "[]"
