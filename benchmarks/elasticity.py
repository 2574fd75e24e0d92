"""How fast is the exact Hessian of an elasticity problem with E(x) by a network, against JAX's?

P2 displacements on n × n × 2 triangles, 921 parameters; the problem: `benchmarks.jax_elasticity`.
Run from the root of the project:

    python -m benchmarks.elasticity --meshes 32
"""
import sys
from pathlib import Path

if __package__ in (None, ""):                     # run by its path: make `benchmarks` importable
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import peers, square

PEERS = peers.Peers(
    ours="benchmarks.pcl_elasticity:Elasticity", jax="benchmarks.jax_elasticity:Elasticity",
    start=square.initial(), plain_mb=8.3, in_batch=800_000)


def main(arguments=None):
    parser = peers.parser("Exact Hessian, gradient and product of P2 elasticity, ours and JAX's.",
                          meshes=[10, 32])
    peers.report("Elasticity, P2, 921 parameters", PEERS, parser.parse_args(arguments))


if __name__ == "__main__":
    main()
