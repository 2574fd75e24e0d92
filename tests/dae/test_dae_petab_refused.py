"""What of PEtab and SBML is not supported is refused by its name."""

import libsbml
import petab.v1.math
import numpy as np
import pytest
import sympy
import tensorflow as tf
import yaml
from petab_problems import estimated, Sbml, written

from pcl.dae import read_petab
from pcl.dae.petab.evaluate import Scope
from pcl.dae.petab.sbml_math import Reader
from pcl.dae.petab.unsupported import Unsupported

A = {"observableId": "obs", "observableFormula": "A", "noiseFormula": "0.5"}
READING = {"observableId": "obs", "simulationConditionId": "c", "measurement": 0.5, "time": 1.0}


def decay(flux="cell*k*A"):
    sbml = Sbml().species("A", 1.0).species("B", 0.0).parameter("k", 0.8)
    return sbml.reaction("r", flux, ["A"], ["B"])


def problem(folder, sbml=None, observable=None, reading=None, parameter=None, condition=None):
    return written(folder, sbml or decay(), [{"conditionId": "c"} | (condition or {})],
                   [A | (observable or {})], [READING | (reading or {}), READING | {"time": 2.0}],
                   [estimated("k", 0.8) | (parameter or {})])


def algebraic():
    sbml = decay()
    sbml.model.createAlgebraicRule().setMath(libsbml.parseL3Formula("A + B - 1"))
    return sbml


def variable_stoichiometry():
    sbml = decay().parameter("n", 2.0)
    sbml.model.getReaction(0).getReactant(0).setId("s")
    return sbml.initial("s", "n")


@pytest.mark.parametrize("sbml, words", [
    (algebraic(), "algebraic rule"),
    (decay("cell*k*delay(A, 1)"), "delay"),
    (decay("cell*k*rateOf(A)"), "rateOf"),
    (decay("cell*k*floor(A)"), "floor"),
    (decay("cell*k*piecewise(A, A > 0.5, 0)"), "'A', a state"),
    (decay("cell*piecewise(A, time > k, 0)"), "'k', which is estimated"),
    (decay("cell*piecewise(k*A, time == 1, 0)"), "the time equals"),
    (decay().event("e", "A < 0.5", {"B": "1"}), "triggered by 'A', a state"),
    (decay().event("e", "time > 1/k", {"B": "1"}), "triggered by 'k'"),
    (decay().event("e", "time > 1", {"B": "A"}, delay="1"), "has a delay"),
    (decay().event("e", "time > 1", {"cell": "2"}), "compartment 'cell'"),
    (decay().event("e", "time > 1", {"k": "2"}), "'k' is estimated and changes"),
    (variable_stoichiometry(), "stoichiometry of 'A'")])
def test_parts_of_sbml(tmp_path, sbml, words):
    with pytest.raises(Unsupported, match=words):
        read_petab(problem(tmp_path, sbml))


@pytest.mark.parametrize("change, words", [
    ({"observable": {"noiseDistribution": "laplace"}}, "noise of 'obs' is 'laplace'"),
    ({"observable": {"noiseFormula": "0.1 + 0.2*B"}}, "depends on 'B'"),
    ({"parameter": {"objectivePriorType": "laplace", "objectivePriorParameters": "1;2"}},
     "prior of 'k' is 'laplace'"),
    ({"observable": {"observableFormula": "besselj(A)"}}, "besselj"),
    ({"sbml": decay("cell*k*exp(-time)*A"), "reading": {"time": np.inf}}, "depends on time")])
def test_parts_of_tables(tmp_path, change, words):
    with pytest.raises(Unsupported, match=words):
        read_petab(problem(tmp_path, **change))


@pytest.mark.parametrize("change, words", [
    ({"observable": {"noiseFormula": "noiseParameter1_obs"}}, "expected one for noiseParameter1_obs"),
    ({"observable": {"observableFormula": "A*unknown"}}, "'unknown' has no value"),
    ({"reading": {"simulationConditionId": "d"}}, "has the condition 'd'")])
def test_tables_that_do_not_fit_each_other(tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        read_petab(problem(tmp_path, **change))


def test_other_versions_and_extensions(tmp_path):
    path = problem(tmp_path)
    content = yaml.safe_load(path.read_text())
    for change, words in (({"format_version": "3.0.0"}, "version 3"),
                          ({"extensions": {"select": {}}}, "extensions select"),
                          ({"extensions": {"sciml": {}}}, "extensions sciml")):
        path.write_text(yaml.safe_dump(content | change))
        with pytest.raises(Unsupported, match=words):
            read_petab(path)


def test_drafts_of_version_2(tmp_path):
    path = problem(tmp_path)
    content = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump(content | {"format_version": "2.0.0"}))
    with pytest.raises(Unsupported, match="no model_files, as drafts of it did"):
        read_petab(path)


def test_absent_packages_are_named_with_their_extra(tmp_path, monkeypatch):
    import importlib

    def absent(name, *_):
        raise ImportError(f"No module named {name!r}", name=name)
    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r"petab\.v1.*pip install pcl-fem\[petab\]"):
        read_petab(tmp_path / "problem.yaml")


@pytest.mark.parametrize("text", [
    "x^2*y + x/y - 3", "exp(-x*y)*log(y)", "sqrt(x) + log10(y) + log2(x)", "x^y + y^1.5",
    "sin(x)*cos(y)*tan(x*y)", "tanh(x - y) + sinh(x)", "arctan(x)*arcsin(y/5)",
    "piecewise(x*y, 2 > 1, x)", "(x - 2)^1 + x^0*y"])
def test_formulae_have_the_derivatives_that_sympy_finds(text):
    symbols = sympy.symbols("x y", real=True)
    formula = petab.v1.math.sympify_petab(text)
    formula = formula.subs({s: symbols["xy".index(s.name)] for s in formula.free_symbols})
    at = dict(zip(symbols, (0.7, 1.3)))
    z = tf.Variable([0.7, 1.3], dtype=tf.float64)
    tree = Reader().formula(text, "a formula")
    with tf.GradientTape() as outer:
        with tf.GradientTape() as inner:
            value = Scope({}, {}, dict(zip("xy", tf.unstack(z))).__getitem__, 0.0).value(tree)
        slope = inner.gradient(value, z)
    second = outer.jacobian(slope, z)
    expected = [[float(formula.diff(a, b).subs(at)) for b in symbols] for a in symbols]
    assert value.numpy() == pytest.approx(float(formula.subs(at)), rel=1e-14)
    np.testing.assert_allclose(slope, [float(formula.diff(a).subs(at)) for a in symbols], rtol=1e-12)
    np.testing.assert_allclose(np.zeros((2, 2)) if second is None else second, expected, rtol=1e-11,
                               atol=1e-13)
