"""The Hessian from the loss backwards: every solve eliminated with a dense W.

For S = A⁻¹ T, T = Σ_a N_a B_a, the forms on S become forms on T:

    Sᵀ W S       = Tᵀ (A⁻ᵀ W A⁻¹) T
    Sᵀ C B_c     = Tᵀ A⁻ᵀ (C B_c)

which is the back-propagation of W (W_in = Jᵀ W J + ∇²⟨ȳ, F⟩) of second-order physics-constrained
learning. It costs as many back-substitutions as the state has entries, instead of one a parameter.

Source: ADCME documentation, "Second Order Physics Constrained Learning", the rule of the sparse
solver; here W stays on the state's side of N, which is sparse, so that no array of the size
(quadrature points)² arises.
"""

import scipy.sparse as sp

from pcl.engine.second.plan import Plan
from pcl.engine.second.tangent import Tangent, add, compose, explicit_matrix, plus
from pcl.support import clock


def eliminated(plan):
    """A plan with the same Hessian whose only bases are those that stay: blocks of θ and networks."""
    forms, result = plan.all_forms(), Plan(plan.n_theta)
    result.collapsed = plan.collapsed
    for base in reversed(plan.bases):
        if base.stays:
            result.bases.insert(0, base)
        else:
            forms = base.eliminated(forms)
    result.forms = forms
    return result


def without(base, forms, T, inverse_transposed):
    """The forms with a base S = A⁻¹T gone, `inverse_transposed` being A⁻ᵀ.

    Parameters
    ----------
    base : Base
    forms : list of Form
    T : Tangent over earlier bases
    inverse_transposed : array (size, rows of T), or Identity
    """
    clock.look()
    rest = [f for f in forms if base not in (f.a, f.b)]
    square, mixed = _middles(base, forms)
    scratch = Plan(0)
    if square is not None:
        W = compose(inverse_transposed, compose(square, inverse_transposed.T))
        W = W if sp.issparse(W) else explicit_matrix(W)
        scratch.add_square(T, 0.5 * (W + W.T))  # its forms between two bases would make it so
    for other, C in mixed.items():
        scratch.add_mixed(T, inverse_transposed, Tangent({other: C}))
    return rest + scratch.forms


def _middles(base, forms):
    """(W, {c: C_c}) of Sᵀ W S + Σ_c (Sᵀ C_c B_c + its transpose), W None for zero."""
    square = None
    mixed: dict = {}
    for f in forms:
        if f.a is base and f.b is base:
            K = compose(f.L_a.T, compose(f.W, f.L_b))
            square = plus(square, add(K, K.T) if f.mixed else K)
        elif base in (f.a, f.b):
            f = f if f.a is base else f.swapped()
            mixed[f.b] = plus(mixed.get(f.b), compose(f.L_a.T, compose(f.W, f.L_b)))
    return square, mixed


def costs(plan, p=None):
    """Multiplications of the two directions, {"forward": …, "backward": …}.

    Counted are back-substitutions (entries of the factor, or n² if unknown, for each right-hand side) and
    dense products; what both have in common is left out.
    """
    p = plan.n_theta if p is None else p
    counts = [base.cost(p) for base in plan.bases if base.rhs is not None]
    return {"forward": sum(f for f, _ in counts), "backward": sum(b for _, b in counts)}
