"""What the three problems share: methods, starts, the error of κ, and the network without equation.

A setting states one problem. It has `name`, `title`, `net`, `problem(seed)`, `kappa(theta, points)` and
`truth(points)`; `sites` (q, d), where κ enters the equation; `shown` (m, d), where κ is drawn and its
error taken; `middle` (1, d), where activations are looked at.
"""

import numpy as np

import pcl

WIDTHS = (20, 20, 20, 1)      # after the inputs
METHODS = ("adam", "L-BFGS-B", "BFGS", "ssbroyden", "trust-exact", "levenberg-marquardt")
SEEDS = (2, 23, 233, 2333, 23333)
SHORT = {"adam": 20, "L-BFGS-B": 20, "BFGS": 20, "ssbroyden": 20, "trust-exact": 10,
         "levenberg-marquardt": 10}


def kappa_error(setting, x):
    """Largest |κ_θ − κ| over the points shown."""
    found = setting.kappa({"kappa": x}, setting.shown).numpy()
    return float(np.abs(found - setting.truth(setting.shown)).max())


def network_alone(setting):
    """The problem ℓ(θ) = Σ (κ_θ(x_i) − κ(x_i))² over the sites, without any equation."""
    target = setting.truth(setting.sites)
    return pcl.Problem.from_residuals(lambda theta: setting.kappa(theta, setting.sites) - target,
                                      {"kappa": setting.net.init(0)})


def compare(setting, seed, methods, progress=None):
    """Train with each method from the start `seed` until its iterations are used up.

    Parameters
    ----------
    methods : dict {name: maximum number of iterations}

    Returns
    -------
    dict with the `setting`, `check`, the `pcl.check_hessian` report at the start, and `runs`, a dict
    {method: OptimizeResult} whose results carry `kappa_error`.
    """
    runs = {}
    for method, maxiter in methods.items():
        result = pcl.minimize(setting.problem(seed), method, maxiter=maxiter, gtol=0.0, ftol=0.0,
                              progress=progress)
        result.kappa_error = kappa_error(setting, result.x)
        runs[method] = result
    return {"setting": setting, "check": pcl.check_hessian(setting.problem(seed)), "runs": runs}
