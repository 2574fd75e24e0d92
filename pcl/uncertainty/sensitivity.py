"""Values and derivatives of any function of θ that is written as a loss is."""

import warnings


def sensitivity(problem, theta, function):
    """f(θ) (q,) and ∂f/∂θ (q, p) of `function`, {block: tensor} -> tensor, networks and solves included.

    Parameters
    ----------
    problem : Problem, whose blocks θ has
    """
    with warnings.catch_warnings():     # a function need not depend on every block
        warnings.filterwarnings("ignore", message="the loss does not depend on the blocks")
        model = problem.from_residuals(function, problem.unravel(theta))
    return model.residuals(theta), model.jacobian(theta)
