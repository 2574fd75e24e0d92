"""How fast is the exact Hessian through a time march, against JAX's on the same problem?

    minimise  Σ_k Σ_i (u_i(t_k) − u_obs,i(t_k))²
    subject to  u_t − ∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary and at t = 0

P1 on n × n × 2 triangles with the consistent mass matrix, backward Euler in equal steps to
t = 0.1, observed at the ends of its fifths; κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 (921 parameters) at
three quadrature points per triangle, u_obs the march for κ = 1/(1 + x² + y²) + 1. The sides are
those of `benchmarks.peers`. Run from the root of the project:

    python -m benchmarks.heat --meshes 32 --steps 50 --json heat.json
"""
import sys
from pathlib import Path

import numpy as np

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import peers, square

FINAL_TIME = 0.1
TIMES = 5                                         # observed times


def observed_steps(steps):
    """Numbers k of the observed times k Δt, k = 1 … steps, at most five."""
    return np.unique(np.ceil(np.linspace(0.0, steps, TIMES + 1)[1:])).astype(int)


def of(steps):
    """The sides for a march of so many steps."""
    return peers.Peers(
        ours="benchmarks.pcl_heat:Heat", jax="benchmarks.jax_heat:Heat", start=square.initial(),
        plain_mb=5.8, in_batch=200_000, settings={"steps": steps})


def main(arguments=None):
    parser = peers.parser("Exact Hessian, gradient and Hessian-vector product through a march, "
                          "ours and JAX's.", meshes=[32])
    parser.add_argument("--steps", type=int, default=50, help="steps of backward Euler")
    options = parser.parse_args(arguments)
    peers.report("Heat equation, backward Euler, 921 parameters", of(options.steps), options)


if __name__ == "__main__":
    main()
