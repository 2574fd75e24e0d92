"""`python -m pcl`: what is installed, and whether derivatives are right on this machine.

    python -m pcl                       versions, threads, solvers, a self-check; exit code 1 if it fails
    python -m pcl examples              the examples of a checkout, one line each
    python -m pcl examples NAME [...]   run one of them, the rest of the line being its arguments
"""

import argparse
import ast
import os
import runpy
import sys
from pathlib import Path

from pcl.support.quiet import load_quietly

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PACKAGES = ("tensorflow", "tensorflow-probability", "scipy", "numpy", "scikit-fem", "matplotlib", "tqdm",
            "joblib", "threadpoolctl")
OPTIONAL = ("pyamg", "cholespy", "feral-solver", "meshio", "pyvista", "arviz", "casadi", "jax")


def main(arguments: list[str] | None = None) -> int:
    """The exit code: 0 if all is well."""
    parser = argparse.ArgumentParser("python -m pcl", description=__doc__.split("\n")[0],
                                     epilog=__doc__.split("\n\n")[1],
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", nargs="?", choices=("check", "examples"), default="check")
    parser.add_argument("rest", nargs=argparse.REMAINDER, help="for examples: a name and its arguments")
    given = parser.parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if given.command == "examples":
        return _examples(given.rest)
    load_quietly()
    return _check()


# --- check ----------------------------------------------------------------------------------------
def _check():
    _versions()
    import threadpoolctl

    from pcl.factor import solvers
    problem = _example_problem()
    pools = {f"{pool['internal_api']} {pool['num_threads']}" for pool in threadpoolctl.threadpool_info()}
    print(f"processors {os.cpu_count()}; threads: {', '.join(sorted(pools)) or 'unknown'}")
    print(f"sparse solvers: {', '.join(name for name in solvers() if _is_there(_BRINGS.get(name)))}")
    certificate = problem.certify()
    print(certificate)
    return 0 if certificate.ok else 1


# Packages without which a solver is a name alone.
_BRINGS = {"amg": "pyamg", "cholespy": "cholespy"}


def _is_there(package):
    from importlib.util import find_spec
    return package is None or find_spec(package) is not None


def _versions():
    from importlib.metadata import PackageNotFoundError, version

    def of(name):
        try:
            return version(name)
        except PackageNotFoundError:
            return None
    print(f"pcl-fem {of('pcl-fem') or 'from source'}, Python {sys.version.split()[0]}")
    print(", ".join(f"{name} {of(name) or 'MISSING'}" for name in PACKAGES))
    found = [f"{name} {of(name)}" for name in OPTIONAL if of(name)]
    missing = [name for name in OPTIONAL if not of(name)]
    print(f"optional: {', '.join(found) or 'none'}; not installed: {', '.join(missing) or 'none'}")


def _example_problem():
    """−(κ u')' = 1 on (0, 1) by finite differences, κ(x) a network."""
    import numpy as np
    import scipy.sparse as sp
    import tensorflow as tf

    from pcl.networks.mlp import MLP
    from pcl.nodes.linear.matrix import SparseMatrix
    from pcl.nodes.linear.solve import solve
    from pcl.nodes.linear.structure import Structure
    from pcl.problem import Problem
    n = 20
    slopes = sp.diags_array([np.full(n - 1, 1.0 * n), np.full(n - 1, -1.0 * n)], offsets=[0, -1],
                            shape=(n, n - 1))
    stiffness, net = Structure(slopes, slopes), MLP((1, 6, 1))
    middle = (np.arange(n)[:, None] + 0.5) / n

    def loss(theta):
        kappa = net(theta["kappa"], middle)[:, 0] + 1.5
        u = solve(SparseMatrix.from_structure(stiffness, kappa), np.ones(n - 1))
        return tf.reduce_sum(tf.square(u - 0.05))
    return Problem(loss, {"kappa": net.init(0)})


# --- examples -------------------------------------------------------------------------------------
def _examples(rest):
    found = {".".join(path.relative_to(EXAMPLES).with_suffix("").parts): path
             for path in sorted(EXAMPLES.rglob("*.py")) if _is_script(path)}
    if not found:
        print("The examples come with the sources, not with a wheel: unpack the source distribution "
              "(pip download --no-deps --no-binary :all: pcl-fem), or run this in a checkout.",
              file=sys.stderr)
        return 1
    if not rest:
        width = max(map(len, found))
        for name, path in found.items():
            print(f"{name:{width}}  {_first_line(path)}")
        return 0
    name, *arguments = rest
    if name not in found:
        from pcl.support.nearest import nearest
        print(f"There is no example {name!r}; there are {', '.join(found)}.{nearest(name, found)}",
              file=sys.stderr)
        return 2
    if not {"-h", "--help"} & set(arguments):
        load_quietly()
    sys.argv = [str(found[name]), *arguments]
    runpy.run_path(str(found[name]), run_name="__main__")
    return 0


def _is_script(path):
    return path.name != "__init__.py" and '__name__ == "__main__"' in path.read_text(encoding="utf-8")


def _first_line(path):
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]


if __name__ == "__main__":
    sys.exit(main())
