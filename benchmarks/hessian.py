"""How fast is the exact Hessian through a sparse solve, against JAX's on the same problem?

    minimise  Σ_i (u_i − u_obs,i)²   subject to   −∇·(κ_θ ∇u) = 1 in (0, 1)²,  u = 0 on the boundary

P1 on n × n × 2 triangles, κ_θ = MLP(2, 20, 20, 20, 1) + 0.5 (921 parameters) at three quadrature
points per triangle. The sides are those of `benchmarks.peers`. Run from the root of the project:

    python -m benchmarks.hessian --meshes 10,32,100 --json hessian.json
"""
import sys
from pathlib import Path

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import peers, square

PEERS = peers.Peers(
    ours="benchmarks.pcl_poisson:Poisson", jax="benchmarks.jax_poisson:Poisson",
    start=square.initial(),
    plain_mb=4.1,                                 # 8.4 GB on 32 × 32 × 2
    in_batch=800_000)                             # best of 16 … 256 tangents


def main(arguments=None):
    parser = peers.parser("Exact Hessian, gradient and Hessian-vector product, ours and JAX's.",
                          meshes=[10, 32, 100])
    peers.report("Poisson, P1, 921 parameters", PEERS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
