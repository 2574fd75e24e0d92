"""The method that is taken where none is named."""

LARGE = 2000        # parameters up to which a dense Hessian, or an SVD of dr/dθ, is worth its flops


def automatic(problem, bounds):
    """A name in `methods.METHODS`, from what the problem offers, its size, and bounds.

    =========================== ===================== ===========
    parameters                  up to `LARGE`         more
    =========================== ===================== ===========
    residuals, without bounds   levenberg-marquardt   newton-cg
    residuals, with bounds      levenberg-marquardt   the same
    a loss, without bounds      newton-trust-region   newton-cg
    a loss, with bounds         L-BFGS-B              L-BFGS-B
    =========================== ===================== ===========

    newton-cg takes products alone, measured by the prior where there is one. Objects without what a
    method needs (`hessian`, `hvp`) get L-BFGS-B.
    """
    small = int(problem.size) <= LARGE
    if getattr(problem, "has_residuals", False) and (small or bounds is not None):
        return "levenberg-marquardt"
    if bounds is None and small and hasattr(problem, "hessian"):
        return "newton-trust-region"
    if bounds is None and hasattr(problem, "hvp"):
        return "newton-cg"
    return "L-BFGS-B"
