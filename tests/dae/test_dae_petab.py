"""PEtab problems: −ln L of what is read against the package petab, on trajectories that closed solutions
or LSODA with formulae evaluated by libsbml give. Kinds of problems are those of the PEtab test suite
(conversion A ⇌ B, https://github.com/PEtab-dev/petab_test_suite), written anew."""

import libsbml
import numpy as np
import pytest
from petab_problems import estimated, fixed, integrated, objective, Sbml, written
from scipy.integrate import solve_ivp
from scipy.optimize import minimize

from pcl.dae import fit, read_petab
from pcl.dae.petab.priors import prior_of

T = (0.0, 1.0, 2.5, 10.0)
SEEN = (0.7, 0.65, 0.5, 0.4)
A = {"observableId": "obs_a", "observableFormula": "A", "noiseFormula": "0.5"}


def conversion(size=1.0):
    sbml = Sbml(size).species("A", 1.0).species("B", 0.0).parameter("k1", 0.8).parameter("k2", 0.6)
    sbml.reaction("forth", "cell*k1*A", ["A"], ["B"])
    return sbml.reaction("back", "cell*k2*B", ["B"], ["A"])


def closed(a, b, k1, k2):
    """A(t) of the conversion from a and b."""
    return lambda t: (k2 * (a + b) + (a * k1 - b * k2) * np.exp(-(k1 + k2) * t)) / (k1 + k2)


def rows(condition, observable="obs_a", seen=SEEN, times=T, **more):
    return [{"observableId": observable, "simulationConditionId": condition, "measurement": y,
             "time": t, **more} for t, y in zip(times, seen)]


def equal(path, simulated, tolerance=1e-8):
    problem = read_petab(path)
    expected = objective(path, simulated)
    assert abs(problem.objective() - expected) < tolerance * max(1.0, abs(expected))
    return problem


def test_michaelis_menten_with_functions_rules_and_a_compartment(tmp_path):
    sbml = Sbml(2.0).species("S", 5.0).species("E", 0.4).species("P", 0.0)
    sbml.parameter("kcat", 3.0).parameter("Km", 1.5).parameter("v", constant=False).parameter("S0", 4.0)
    sbml.function("mm", "lambda(x, m, x/(m + x))").assigned("v", "kcat*E*mm(S, Km)")
    sbml.initial("S", "S0 + 1").reaction("r", "cell*v", ["S"], ["P"], ["E"])
    path = written(tmp_path, sbml, [{"conditionId": "c"}], [A | {"observableFormula": "P/(S + P)"}],
                   rows("c"), [estimated("kcat", 3.0), estimated("Km", 1.5), fixed("S0", 4.0)])
    plain = Sbml(2.0).species("S", 5.0).species("E", 0.4).species("P", 0.0)
    plain.parameter("kcat", 3.0).parameter("Km", 1.5).reaction(
        "r", "cell*kcat*E*S/(Km + S)", ["S"], ["P"], ["E"])
    other = written(tmp_path / "plain", plain, [{"conditionId": "c"}], [A | {"observableFormula": "P"}],
                    rows("c"), [estimated("kcat", 3.0), estimated("Km", 1.5)])
    x = integrated(other, {}, np.array(T))
    share = dict(zip(T, x["P"] / (x["S"] + x["P"])))
    problem = equal(path, {"obs_a": lambda row: share[row["time"]]})
    assert problem.model.states == ("S", "P")           # E is a constant, S0 a number


def test_dimers_under_a_decaying_input_in_two_conditions_with_noise_that_is_estimated(tmp_path):
    sbml = Sbml(1.4).species("M", 2.0).species("D", 0.0).parameter("kd", 0.5).parameter("kb", 0.2)
    sbml.parameter("dose", 1.0).parameter("decay", 0.3).parameter("u", constant=False)
    sbml.assigned("u", "dose*exp(-decay*time)")
    sbml.reaction("bind", "cell*kd*u*M^2", [("M", 2.0)], ["D"])
    sbml.reaction("free", "cell*kb*D", ["D"], [("M", 2.0)])
    seen = {"observableId": "share", "observableFormula": "100*scale*2*D/(M + 2*D)",
            "noiseFormula": "noiseParameter1_share"}
    data = rows("low", "share", (1.0, 40.0, 45.0, 30.0), noiseParameters="sd_low")
    data += rows("high", "share", (2.0, 60.0, 70.0, 40.0), noiseParameters="sd_high")
    table = [estimated(name, value, 1e-5, 1e5) for name, value in dict(
        kd=0.5, kb=0.2, scale=1.1, sd_low=3.0, sd_high=4.0).items()]
    path = written(tmp_path, sbml, [{"conditionId": "low", "dose": 1.0, "decay": 0.3},
                                    {"conditionId": "high", "dose": 3.0, "decay": 0.1}], [seen], data,
                   table)
    share = {}
    for name, (dose, decay) in {"low": (1.0, 0.3), "high": (3.0, 0.1)}.items():
        y = solve_ivp(lambda t, x, a=dose, b=decay: (0.5 * a * np.exp(-b * t) * x[0] ** 2 - 0.2 * x[1])
                      * np.array([-2.0, 1.0]), (0.0, 10.0), [2.0, 0.0], t_eval=T, rtol=1e-11,
                      atol=1e-13).y
        share |= {(name, t): 110.0 * 2.0 * y[1, i] / (y[0, i] + 2.0 * y[1, i]) for i, t in enumerate(T)}
    problem = equal(path, {"share": lambda row: share[row["simulationConditionId"], row["time"]]})
    assert set(problem.groups) == {"share_1", "share_2"} and problem.model.log == tuple(problem.nominal)


def test_pre_equilibration_starts_at_rest_with_totals_kept_and_states_given_anew(tmp_path):
    conditions = [{"conditionId": "before", "k1": 0.3, "B": 0.2},
                  {"conditionId": "c", "k1": "kc", "B": "b0"}]
    path = written(tmp_path, conversion(2.0), conditions, [A], rows(
        "c", preequilibrationConditionId="before"),
        [estimated("k2", 0.6), estimated("kc", 0.8), estimated("b0", 0.4)])
    rest = 0.6 * 1.2 / 0.9
    a = closed(rest, 0.4, 0.8, 0.6)
    problem = equal(path, {"obs_a": lambda row: a(row["time"])}, 1e-7)     # readings are a hair late
    assert problem.model.states == ("B", "total_1")


def test_readings_at_rest(tmp_path):
    path = written(tmp_path, conversion(), [{"conditionId": "c"}], [A], rows("c") + rows(
        "c", seen=[0.45], times=[np.inf]), [estimated("k1", 0.8), estimated("k2", 0.6)])
    a = closed(1.0, 0.0, 0.8, 0.6)
    equal(path, {"obs_a": lambda row: a(min(row["time"], 1e6))})


def test_events_at_known_times_and_readings_after_them(tmp_path):
    sbml = conversion().event("dose", "time >= 2", {"A": "A + 0.5*B"}, delay="0.5")
    sbml.model.getEvent(0).setUseValuesFromTriggerTime(False)
    path = written(tmp_path, sbml, [{"conditionId": "c"}], [A], rows("c"),
                   [estimated("k1", 0.8), estimated("k2", 0.6)])
    first = closed(1.0, 0.0, 0.8, 0.6)
    a = first(2.5)
    after = closed(a + 0.5 * (1.0 - a), 1.0 - a, 0.8, 0.6)
    equal(path, {"obs_a": lambda row: first(row["time"]) if row["time"] < 2.5
                 else after(row["time"] - 2.5)})


def test_piecewise_rates_switch_at_times_that_conditions_give(tmp_path):
    sbml = Sbml().species("A", 1.0).species("B", 0.0).parameter("k1", 0.8).parameter("k2", 0.6)
    sbml.parameter("off", 1.0)
    sbml.reaction("forth", "cell*piecewise(k1, time < off, 0.1*k1)*A", ["A"], ["B"])
    sbml.reaction("back", "cell*k2*B", ["B"], ["A"])
    path = written(tmp_path, sbml, [{"conditionId": "c", "off": 2.0}, {"conditionId": "d", "off": 4.0}],
                   [A], rows("c") + rows("d"), [estimated("k1", 0.8), estimated("k2", 0.6)])

    def simulated(row):
        off, t = {"c": 2.0, "d": 4.0}[row["simulationConditionId"]], row["time"]
        first = closed(1.0, 0.0, 0.8, 0.6)
        return first(t) if t < off else closed(first(off), 1.0 - first(off), 0.08, 0.6)(t - off)
    equal(path, {"obs_a": simulated})


def test_scales_and_formulae_of_noise_are_those_of_petab(tmp_path):
    observables = [
        A | {"observableFormula": "observableParameter1_obs_a*A + observableParameter2_obs_a",
             "noiseFormula": "noiseParameter1_obs_a", "observableTransformation": "log10"},
        {"observableId": "obs_b", "observableFormula": "B + 1", "observableTransformation": "lin",
         "noiseFormula": "noiseParameter1_obs_b + noiseParameter2_obs_b*obs_b"},
        {"observableId": "obs_c", "observableFormula": "1 + A*B", "noiseFormula": "0.3",
         "observableTransformation": "log"}]
    data = rows("c", observableParameters="s;0.1", noiseParameters="0.2")
    data += rows("d", observableParameters="s2;0.1", noiseParameters="sd")
    data += rows("c", "obs_b", noiseParameters="sd;0.1") + rows("d", "obs_c")
    path = written(tmp_path, conversion(), [{"conditionId": "c", "k1": "k1c"},
                                            {"conditionId": "d", "k1": 0.5}], observables, data,
                   [estimated("k1c", 0.8), estimated("k2", 0.6), estimated("s", 1.1),
                    estimated("s2", 0.9, scale="lin"), estimated("sd", 0.15)])
    a = {"c": closed(1.0, 0.0, 0.8, 0.6), "d": closed(1.0, 0.0, 0.5, 0.6)}
    scale = {"c": 1.1, "d": 0.9}

    def x(row):
        return a[row["simulationConditionId"]](row["time"])
    equal(path, {"obs_a": lambda row: scale[row["simulationConditionId"]] * x(row) + 0.1,
                 "obs_b": lambda row: 2.0 - x(row), "obs_c": lambda row: 1.0 + x(row) * (1.0 - x(row))})


def test_amounts_in_a_compartment_that_grows(tmp_path):
    sbml = conversion(2.0).parameter("g", 0.1)
    sbml.model.getCompartment("cell").setConstant(False)
    sbml.rated("cell", "g*cell")
    path = written(tmp_path, sbml, [{"conditionId": "c"}], [A], rows("c"),
                   [estimated("k1", 0.8), estimated("k2", 0.6), estimated("g", 0.1)])
    a = closed(1.0, 0.0, 0.8, 0.6)                      # of amounts, which dilution leaves alone
    equal(path, {"obs_a": lambda row: a(row["time"]) * np.exp(-0.1 * row["time"])})


def test_fit_reaches_the_maximum_of_the_likelihood(tmp_path):
    seen = (1.02, 0.66, 0.47, 0.43)
    path = written(tmp_path, conversion(), [{"conditionId": "c"}], [A | {
        "noiseFormula": "noiseParameter1_obs_a"}], rows("c", seen=seen, noiseParameters="sd"),
        [estimated(name, 1.0) for name in ("k1", "k2", "sd")])
    problem = read_petab(path)

    def cost(q):
        k1, k2, sd = np.exp(q)
        r = (closed(1.0, 0.0, k1, k2)(np.array(T)) - seen) / sd
        return 0.5 * r @ r + 4.0 * np.log(sd) + 2.0 * np.log(2.0 * np.pi)
    best = minimize(cost, np.log([0.5, 0.5, 0.1]), method="Nelder-Mead",
                    options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    found = problem.fit()
    assert found.success and abs(0.5 * found.likelihood.deviance - best.fun) < 1e-7
    np.testing.assert_allclose(list(found.parameters.values()), np.exp(best.x), rtol=1e-4)


def test_model_and_data_are_arguments_of_fit(tmp_path):
    path = written(tmp_path, conversion(), [{"conditionId": "c"}], [A], rows("c", seen=closed(
        1.0, 0.0, 0.8, 0.6)(np.array(T))), [estimated("k1", 0.8), estimated("k2", 0.6)])
    found = fit(*read_petab(path))
    assert found.success
    np.testing.assert_allclose(list(found.parameters.values()), [0.8, 0.6], rtol=1e-4)     # 20 elements


@pytest.mark.parametrize("kind, numbers, scale, density", [
    ("normal", (2.0, 0.5), "lin", lambda p: (p - 2.0) ** 2 / 0.25),
    ("logNormal", (0.3, 0.7), "log10", lambda p: (np.log(p) - 0.3) ** 2 / 0.49 + 2.0 * np.log(p)),
    ("parameterScaleNormal", (0.2, 0.4), "log10", lambda p: (np.log10(p) - 0.2) ** 2 / 0.16)])
def test_priors_are_twice_the_negative_log_densities_up_to_a_constant(kind, numbers, scale, density):
    prior = prior_of("p", kind, numbers, scale)
    p = np.array([0.5, 1.0, 3.0])
    found = prior.residual(p, prior.centre, np.log) ** 2
    np.testing.assert_allclose(np.diff(found), np.diff(density(p)), rtol=1e-10)


def test_after_pre_equilibration_an_event_moves_a_state_and_the_total_that_it_is_part_of(tmp_path):
    sbml = conversion().parameter("gain", 1.0)
    sbml.event("dose", "geq(time, 2.5)", {"A": "A + gain", "B": "0.5*B"})
    path = written(tmp_path, sbml, [{"conditionId": "p", "k1": 0.3}, {"conditionId": "c", "k1": 0.8}],
                   [A], rows("c", preequilibrationConditionId="p"),
                   [estimated("k2", 0.6), estimated("gain", 0.7)])
    rest = 0.6 / 0.9
    first = closed(rest, 1.0 - rest, 0.8, 0.6)
    a = first(2.5)
    after = closed(a + 0.7, 0.5 * (1.0 - a), 0.8, 0.6)
    equal(path, {"obs_a": lambda row: first(row["time"]) if row["time"] < 2.5
                 else after(row["time"] - 2.5)}, 1e-7)


def test_names_that_models_here_may_not_have_are_changed_and_told(tmp_path):
    sbml = Sbml(3.0).species("t", 1.0).species("_B", 0.0, amount=True).parameter("lambda", 0.8)
    sbml.parameter("d", 0.6).reaction("forth", "cell*lambda*t", ["t"], ["_B"])
    sbml.reaction("back", "d*_B", ["_B"], ["t"])
    path = written(tmp_path, sbml, [{"conditionId": "c"}], [A | {"observableFormula": "t"}], rows("c"),
                   [estimated("lambda", 0.8), estimated("d", 0.6)])
    a = closed(1.0, 0.0, 0.8, 0.6)
    problem = equal(path, {"obs_a": lambda row: a(row["time"])})
    assert problem.names == {"t": "t_", "_B": "x_B", "lambda": "lambda_", "d": "d_"}


def test_parameters_of_one_reaction_hide_those_of_the_model(tmp_path):
    sbml = conversion()
    law = sbml.model.getReaction(1).getKineticLaw()
    law.createLocalParameter().setId("k1")
    law.getLocalParameter(0).setValue(0.6)
    law.setMath(libsbml.parseL3Formula("cell*k1*B"))
    path = written(tmp_path, sbml, [{"conditionId": "c", "A": "a0"}], [A], rows("c"),
                   [estimated("k1", 0.8), estimated("a0", 1.3)])
    a = closed(1.3, 0.0, 0.8, 0.6)
    equal(path, {"obs_a": lambda row: a(row["time"])})
