"""How fast is the exact Hessian through a nonlinear equation, against JAX's on the same problem?

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ(u) ∇u) = 10 in (0, 1)²,  u = 0 on ∂(0, 1)²

P1 on n × n × 2 triangles, κ_θ(u) = softplus(MLP(1, 20, 20, 20, 1)(u)) + 0.1 (901 parameters) at
three quadrature points per triangle; u_obs is the solution for κ(u) = 1/(1 + u²) + 1 at a tenth of
the inner nodes. Both sides find u by Newton's method from u = 0, with the same stopping test. The
sides are those of `benchmarks.peers`. Run from the root of the project:

    python -m benchmarks.nonlinear --meshes 32 --json nonlinear.json
"""
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import peers, square

WIDTHS = (1, 20, 20, 20, 1)
FLOOR = 0.1                                       # κ is above it
SOURCE = 10.0
OBSERVED = 0.1                                    # part of the inner nodes
TOLERANCE = 1e-9                                  # last Newton correction, relative to max |u|
MAXITER = 50

PEERS = peers.Peers(
    ours="benchmarks.pcl_nonlinear:Nonlinear", jax="benchmarks.jax_nonlinear:Nonlinear",
    start=square.initial(widths=WIDTHS), plain_mb=5.0, in_batch=200_000)


def kappa_true(u):
    """κ(u) = 1/(1 + u²) + 1, of arrays and tensors."""
    return 1.0 / (1.0 + u * u) + 1.0


def observed(size):
    """Numbers of the observed ones among `size` inner nodes, sorted; at least one."""
    count = max(1, round(OBSERVED * size))
    return np.sort(np.random.default_rng(square.SEED).choice(size, count, replace=False))


def main(arguments=None):
    parser = peers.parser("Exact Hessian, gradient and Hessian-vector product through Newton's "
                          "method, ours and JAX's.", meshes=[32])
    peers.report("κ(u), P1, 901 parameters", PEERS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
