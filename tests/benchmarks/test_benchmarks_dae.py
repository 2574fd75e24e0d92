"""The cases of the DAE benchmark state what they say, and CasADi's program is ours."""
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import dae, dae_cases
from pcl.dae.kkt.reduced import ReducedKKT

NAMES = tuple(dae_cases.CASES)


@pytest.fixture(scope="module")
def set_ups():
    return {name: dae_cases.set_up(case, 0, width=3, elements=6)
            for name, case in dae_cases.CASES.items()}


@pytest.mark.parametrize("name", NAMES)
def test_the_true_motion_solves_the_equations_of_the_model(name):
    case = dae_cases.CASES[name]
    times = np.linspace(0.2, 0.3, 3) * case.horizon        # slopes by central differences, error h²
    step = 1e-4 * case.horizon
    for start in case.starts[:2]:
        u = case.inputs(start)
        x = case.simulate(start, times)
        around = case.simulate(start, np.sort(np.concatenate([times - step, times + step])))
        slopes = (around[1::2] - around[::2]) / (2.0 * step)
        motion = np.array([case.motion(row, u) for row in x])
        assert np.abs(slopes - motion).max() < 1e-4 * np.abs(motion).max()
        given = [np.full(len(times), value) for value in u]
        rest = case.guess(*x.T, *motion.T, *given)
        v = _point(case.model, x, rest, given)
        rates = case.model.rates(v)
        for i, state in enumerate(case.model.states):      # the guess inverts the equations
            assert np.asarray(rates[state]) == pytest.approx(motion[:, i], rel=1e-9, abs=1e-12)
        for value in (case.model.equations(v).values() if case.model.equations else ()):
            assert np.abs(value).max() < 1e-12


def _point(model, x, rest, inputs):
    values = dict(zip(model.states, x.T), **dict(zip((*model.algebraic, *model.outputs), rest)),
                  **dict(zip(model.inputs, inputs)))
    return SimpleNamespace(**values)


def test_the_lyapunov_function_falls_along_the_true_population():
    case = dae_cases.POPULATION
    x = case.simulate(case.starts[0], np.linspace(0.0, 80.0, 60))
    motion = np.array([case.motion(row, ()) for row in x])
    v = SimpleNamespace(x1=x[:, 0], x2=x[:, 1], d=dict(zip(("x1", "x2"), motion.T)).get)
    assert (case.model.path(v)["fall of V"] < 0.0).all()


def test_widths_give_about_150_and_1500_weights():
    for case in dae_cases.CASES.values():
        n_in, n_out = len(case.law_inputs), len(case.model.outputs)
        for width, about in ((case.width, 150), (case.wide, 1500)):
            size = (n_in + 1) * width + (width + 1) * width + (width + 1) * n_out
            assert size == pytest.approx(about, rel=0.1)


def test_noise_and_weights_follow_from_the_seed(set_ups):
    again = dae_cases.set_up(dae_cases.FEDBATCH, 0, width=3, elements=6)
    other = dae_cases.set_up(dae_cases.FEDBATCH, 1, width=3, elements=6)
    assert np.array_equal(again.x0, set_ups["fed-batch"].x0)
    assert not np.array_equal(again.program.misfit.data, other.program.misfit.data)


def test_more_trajectories_keep_the_first_ones():
    initial = dae_cases.TANK.initial(7)
    assert np.array_equal(initial[:3], dae_cases.TANK.starts)
    assert len(np.unique(initial, axis=0)) == 7
    assert np.array_equal(initial[:, 0], initial[:, 1])     # the hidden constraint x₁ = x₂


@pytest.mark.parametrize("name", NAMES)
def test_the_start_is_inside_the_bounds_and_on_the_law(name, set_ups):
    program, x0 = set_ups[name].program, set_ups[name].x0
    given = np.flatnonzero(~np.isclose(x0, np.clip(x0, program.x_lower, program.x_upper)))
    assert given.size == 0
    rows = [j for j in range(program.m) if program.row_name(j).startswith("law of")]
    assert np.abs(program.constraints(x0)[rows]).max() < 1e-12


@pytest.mark.parametrize("name", NAMES)
def test_casadi_has_the_same_objective_and_rows(name, set_ups):
    pytest.importorskip("casadi")
    from benchmarks.dae_ipopt import Nonlinear
    program, x0 = set_ups[name].program, set_ups[name].x0
    nonlinear, rng = Nonlinear(program, expand=False), np.random.default_rng(2)
    for size in (0.0, 1e-3, 1e-2):
        x = x0 + size * rng.random(x0.size)
        f, c = program.objective(x), program.constraints(x)
        assert nonlinear.objective(x) == pytest.approx(f, rel=1e-12)
        assert np.abs(nonlinear.constraints(x) - c).max() < 1e-12 * max(1.0, np.abs(c).max())


def test_our_solver_and_ipopt_find_the_same_minimum(set_ups):
    pytest.importorskip("casadi")
    options = SimpleNamespace(tol=1e-6, maxiter=200, limit=60.0)
    setup, orderings = set_ups["population-free"], {("population-free", "exact"): "automatic"}
    f, solved, iterations, _ = dae.ours(setup, "exact", options)
    g, too, others, _ = dae.peer(setup, "exact", options, orderings)
    assert solved and too and iterations > 0 and others > 0
    assert f == pytest.approx(g, rel=dae.SAME)


def test_the_table_counts_solved_runs_and_compares_seed_by_seed():
    records = [{"case": "a", "p": 2, "seed": s, "solver": solver, "solved": good, "objective": f,
                "iterations": n, "seconds": t}
               for solver, rows in {"ours exact": ((True, 1.0, 10, 1.0), (True, 2.0, 20, 2.0)),
                                    "IPOPT exact": ((True, 1.1, 30, 5.0), (False, 1.0, 40, 8.0))}.items()
               for s, (good, f, n, t) in enumerate(rows)]
    first, second = dae.summary(records, ["ours exact", "IPOPT exact"])
    assert (first["solved"], first["best f"], first["s/ours exact"]) == ("2/2", "2/2", 1.0)
    assert (second["solved"], second["best f"], second["s/ours exact"]) == ("1/2", "0/2", 4.5)


def test_products_of_a_step_have_the_sizes_of_its_reduced_hessian(set_ups):
    program, x0 = set_ups["tank"].program, set_ups["tank"].x0
    kkt = ReducedKKT(segment=2, adapt=False)
    factor = kkt.factor(program.hessian(x0, np.zeros(program.m), 1.0), program.jacobian(x0),
                        np.ones(program.n), np.zeros(program.m))
    products = dae.Products(program, factor.c)
    assert products._N.shape == factor.c.N.shape
    assert np.isfinite(products.run())


def test_growth_lines_have_the_slope_of_their_numbers():
    rows = [{"grows": "width", "size": n, "s/iteration": 3.0 * n**2} for n in (1.0, 2.0, 4.0, 8.0)]
    assert dae.slope(rows, "width") == pytest.approx(2.0)
