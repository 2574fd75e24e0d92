"""A program as functions of CasADi, with derivatives of their own."""

import casadi
import numpy as np


class _Function(casadi.Callback):
    """A function of CasADi from names and patterns of its arguments and values, and a Python function."""

    def __init__(self, name, arguments, values, function):
        casadi.Callback.__init__(self)
        self._arguments, self._values, self._function = arguments, values, function
        self.construct(name, {})

    def get_n_in(self):
        return len(self._arguments)

    def get_n_out(self):
        return len(self._values)

    def get_name_in(self, i):
        return self._arguments[i][0]

    def get_name_out(self, i):
        return self._values[i][0]

    def get_sparsity_in(self, i):
        return self._arguments[i][1]

    def get_sparsity_out(self, i):
        return self._values[i][1]

    def eval(self, given):
        return [casadi.DM(pattern, casadi.DM(np.atleast_1d(value))) for (_, pattern), value in
                zip(self._values, self._function(*(np.array(a).ravel() for a in given)))]


def solver(evaluations, n, m, options):
    """(IPOPT as a function, the functions that it calls and that must outlive it)."""
    dense, triplets = casadi.Sparsity.dense, casadi.Sparsity.triplet
    x, p, e = ("x", dense(n)), ("p", dense(0, 1)), evaluations
    f, g, lam_f, lam_g = ("f", dense(1)), ("g", dense(m)), ("lam_f", dense(1)), ("lam_g", dense(m))
    J = triplets(m, n, *(places.tolist() for places in e.jacobian_places))
    W = triplets(n, n, *(places.tolist() for places in e.hessian_places))
    values = _Function("values", [x], [f, g], lambda x: (e.objective(x), e.constraints(x)))
    functions = {
        "grad_f": _Function("grad_of_f", [x, p], [f, ("grad_f_x", dense(n))],
                            lambda x, p: (e.objective(x), e.gradient(x))),
        "jac_g": _Function("jac_of_g", [x, p], [g, ("jac_g_x", J)],
                           lambda x, p: (e.constraints(x), e.jacobian(x)))}
    if options["hessian_approximation"] == "exact":
        functions["hess_lag"] = _Function(
            "hess_of_lag", [x, p, lam_f, lam_g], [("triu_hess_gamma_x_x", W)],
            lambda x, p, lam_f, lam_g: (e.hessian(x, lam_g, lam_f.item()),))
    point = casadi.MX.sym("x", n)
    f, g = values(point)
    run = casadi.nlpsol("ipopt", "ipopt", {"x": point, "f": f, "g": g}, {
        **functions, "no_nlp_grad": True, "print_time": False, "show_eval_warnings": False,
        "error_on_fail": False, "ipopt": options})
    return run, (values, functions)
