"""One run of IPOPT, through cyipopt or through CasADi: both return the same record."""

import importlib
from dataclasses import dataclass
from functools import partial

import numpy as np

_CODES = {0: "Solve_Succeeded", 1: "Solved_To_Acceptable_Level", 2: "Infeasible_Problem_Detected",
          3: "Search_Direction_Becomes_Too_Small", 4: "Diverging_Iterates", 5: "User_Requested_Stop",
          6: "Feasible_Point_Found", -1: "Maximum_Iterations_Exceeded", -2: "Restoration_Failed",
          -3: "Error_In_Step_Computation", -4: "Maximum_CpuTime_Exceeded",
          -5: "Maximum_WallTime_Exceeded", -10: "Not_Enough_Degrees_Of_Freedom",
          -11: "Invalid_Problem_Definition", -12: "Invalid_Option", -13: "Invalid_Number_Detected"}


@dataclass(frozen=True)
class Run:
    """x (n,), λ (m,), z of both sides (n,), rows of the history, IPOPT's word, the package it came in."""

    x: np.ndarray
    lam: np.ndarray
    z_lower: np.ndarray
    z_upper: np.ndarray
    history: list
    word: str
    package: str


def installed():
    """The function that runs IPOPT here: through cyipopt, else through CasADi.

    Raises
    ------
    ImportError
        Neither is installed.
    """
    for package, run in (("cyipopt", _through_cyipopt), ("casadi", _through_casadi)):
        try:
            module = importlib.import_module(package)
        except ImportError:
            continue
        return partial(run, module)
    raise ImportError("solver='ipopt' needs IPOPT, which comes with either of two packages, neither of "
                      "them installed. Run `pip install pcl-fem[casadi]`, or `conda install cyipopt`.")


def _through_cyipopt(cyipopt, evaluations, bounds, x, multipliers, options):
    """`multipliers`: (λ, z_lower, z_upper) to start from."""
    x_lower, x_upper, c_lower, c_upper = bounds
    problem = cyipopt.Problem(n=x.size, m=c_lower.size, problem_obj=evaluations, lb=x_lower, ub=x_upper,
                              cl=c_lower, cu=c_upper)
    for name, value in options.items():
        problem.add_option(name, value)
    lam, z_lower, z_upper = multipliers
    x, info = problem.solve(x, lagrange=lam, zl=z_lower, zu=z_upper)
    word = _CODES.get(info["status"], f"status {info['status']}")
    return Run(np.array(x), np.array(info["mult_g"]), np.array(info["mult_x_L"]),
               np.array(info["mult_x_U"]), evaluations.history, word, "cyipopt")


def _through_casadi(_, evaluations, bounds, x, multipliers, options):
    from pcl.interior_point.ipopt.casadi_functions import solver
    x_lower, x_upper, c_lower, c_upper = bounds
    lam, z_lower, z_upper = multipliers
    run, functions = solver(evaluations, x.size, c_lower.size, options)
    answer = run(x0=x, lbx=x_lower, ubx=x_upper, lbg=c_lower, ubg=c_upper, lam_g0=lam,
                 lam_x0=z_upper - z_lower)
    del functions           # they had to live as long as the run
    z, stats = _vector(answer["lam_x"]), run.stats()
    return Run(_vector(answer["x"]), _vector(answer["lam_g"]), np.maximum(-z, 0.0), np.maximum(z, 0.0),
               _rows(stats.get("iterations", {})), stats["return_status"], "casadi")


def _vector(matrix):
    return np.array(matrix, dtype=np.float64).ravel()


def _rows(iterations):
    """CasADi's columns as rows of our history."""
    names = ("obj", "inf_pr", "inf_du", "mu", "alpha_pr", "regularization_size")
    return list(zip(*(iterations.get(name, ()) for name in names)))
