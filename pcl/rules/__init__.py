"""Second-order back-propagation composed by hand, one named rule an operation.

For ℓ(x) = Φ(F(x)) with y = F(x), ȳ = ∇Φ(y), W = ∇²Φ(y) and J = ∂y/∂x,

    ȳ_in = Jᵀ ȳ,      W_in = Jᵀ W J + ∇²⟨ȳ, F⟩

Every rule evaluates its operation at one point and returns an `Operation`: `value` is y, and
`back(W, adjoint)` is the line above. `pcl.Problem` does all of this from a loss; the rules are for
those who compose the chain themselves, operation by operation.

Source: ADCME documentation, "Second Order Physics Constrained Learning", equation 5.
"""

from pcl.rules.curvature import Curvature
from pcl.rules.dirichlet import dirichlet
from pcl.rules.linear import assembly, compress, laplace, linear_op
from pcl.rules.network import network
from pcl.rules.operation import Operation
from pcl.rules.places import Places
from pcl.rules.sparse_solve import sparse_solve
from pcl.rules.square_sum import square_sum

__all__ = ["Curvature", "Operation", "Places", "assembly", "compress", "dirichlet", "laplace",
           "linear_op", "network", "sparse_solve", "square_sum"]
