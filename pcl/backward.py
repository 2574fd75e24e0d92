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

import numpy as np
import scipy.sparse as sp

from pcl import clock
from pcl.plan import LeafBase, Plan
from pcl.scan_backward import eliminate_scan
from pcl.scan_base import ScanBase
from pcl.streamed import StreamedBase
from pcl.sweep import explicit_matrix, formed
from pcl.tangent import Identity, Tangent, add, compose, plus


def eliminated(plan):
    """A plan with the same Hessian whose only bases are blocks of θ and networks."""
    forms = [formed(form) for form in plan.forms]
    kept = [base for base in plan.bases if _stays(base)]
    for base in reversed(plan.bases):
        if isinstance(base, ScanBase):
            forms = eliminate_scan(base, forms, _eliminate_formed)
        elif base not in kept:
            forms = _eliminate(base, forms)
    result = Plan(plan.n_theta)
    result.bases, result.forms = kept, forms
    return result


def _eliminate_formed(base, forms):
    return _eliminate(base, [formed(form) for form in forms])


def _eliminate(base, forms):
    clock.look()
    rest = [f for f in forms if base not in (f.a, f.b)]
    square, mixed = None, {}
    for f in forms:
        if f.a is base and f.b is base:
            K = compose(f.L_a.T, compose(f.W, f.L_b))
            square = plus(square, _symmetric(K) if f.mixed else K)
        elif base in (f.a, f.b):
            f = f if f.a is base else f.swapped()
            mixed[f.b] = plus(mixed.get(f.b), compose(f.L_a.T, compose(f.W, f.L_b)))
    if square is None and not mixed:
        return rest
    scratch = Plan(0)
    if isinstance(base, StreamedBase):  # parameters of a network that depend on a solve
        J = np.concatenate([rows for _, _, rows in base.blocks()])
        _substitute(scratch, base.rhs.left(J), Identity(base.size), square, mixed)
    else:
        _substitute(scratch, base.rhs, base.transposed(np.eye(base.size)), square, mixed)
    return rest + scratch.forms


def _stays(base):
    """Whether a base is a block of θ, or a network whose parameters are one."""
    if isinstance(base, StreamedBase):
        return all(isinstance(a, LeafBase) for a in base.rhs.terms)
    return isinstance(base, LeafBase)


def _substitute(plan, T, inverse_transposed, square, mixed):
    """Add the forms on S = A⁻¹T as forms on T."""
    if square is not None:
        W = compose(inverse_transposed, compose(square, inverse_transposed.T))
        W = W if sp.issparse(W) else explicit_matrix(W)
        plan.add_square(T, 0.5 * (W + W.T))  # its forms between two bases would make it so
    for other, C in mixed.items():
        plan.add_mixed(T, inverse_transposed, Tangent({other: C}))


def costs(plan, p=None):
    """Multiplications of the two directions, {"forward": …, "backward": …}.

    Counted are back-substitutions (entries of the factor, or n² if unknown, for each right-hand side) and
    dense products; what both have in common is left out.
    """
    p = plan.n_theta if p is None else p
    counts = {"forward": 0, "backward": 0}
    for base in plan.bases:
        if isinstance(base, ScanBase):
            _add_scan(counts, base, p)
        elif base.rhs is not None and not isinstance(base, StreamedBase):
            n = base.size
            counts["forward"] += p * base.solve_cost
            counts["backward"] += n * base.solve_cost + 2 * n ** 3 + n ** 2 * p
    return counts


def _add_scan(counts, base, p):
    """Every step as the last one."""
    *_, (_, plan, _) = base.steps(base.point.n_segments - 1)
    step = costs(plan, p)
    for direction in counts:
        counts[direction] += base.point.call.n_steps * step[direction]


def _symmetric(K):
    return add(K, K.T)
