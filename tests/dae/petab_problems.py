"""PEtab problems written by the tests, and what an integration apart from ours says of them."""

import libsbml
import numpy as np
import pandas as pd
import petab.v1 as petab
import yaml
from scipy.integrate import solve_ivp


class Sbml:
    """A small SBML model, built through libsbml."""

    def __init__(self, compartment=1.0):
        self.document = libsbml.SBMLDocument(3, 2)
        self.model = self.document.createModel()
        self.model.setId("m")
        if compartment is not None:
            self.compartment("cell", compartment)

    def compartment(self, name, size):
        c = self.model.createCompartment()
        c.setId(name)
        c.setSize(size)
        c.setConstant(True)
        c.setSpatialDimensions(3)
        return self

    def species(self, name, start, amount=False, boundary=False, compartment="cell"):
        s = self.model.createSpecies()
        s.setId(name)
        s.setCompartment(compartment)
        s.setHasOnlySubstanceUnits(amount)
        s.setBoundaryCondition(boundary)
        s.setConstant(False)
        (s.setInitialAmount if amount else s.setInitialConcentration)(start)
        return self

    def parameter(self, name, value=None, constant=True):
        p = self.model.createParameter()
        p.setId(name)
        p.setConstant(constant)
        if value is not None:
            p.setValue(value)
        return self

    def reaction(self, name, flux, reactants=(), products=(), modifiers=()):
        r = self.model.createReaction()
        r.setId(name)
        r.setReversible(False)
        for create, names in ((r.createReactant, reactants), (r.createProduct, products)):
            for each in names:
                other, count = each if isinstance(each, tuple) else (each, 1.0)
                reference = create()
                reference.setSpecies(other)
                reference.setStoichiometry(count)
                reference.setConstant(True)
        for each in modifiers:
            r.createModifier().setSpecies(each)
        r.createKineticLaw().setMath(libsbml.parseL3Formula(flux))
        return self

    def assigned(self, name, formula):
        rule = self.model.createAssignmentRule()
        rule.setVariable(name)
        rule.setMath(libsbml.parseL3Formula(formula))
        return self

    def rated(self, name, formula):
        rule = self.model.createRateRule()
        rule.setVariable(name)
        rule.setMath(libsbml.parseL3Formula(formula))
        return self

    def initial(self, name, formula):
        first = self.model.createInitialAssignment()
        first.setSymbol(name)
        first.setMath(libsbml.parseL3Formula(formula))
        return self

    def function(self, name, text):
        f = self.model.createFunctionDefinition()
        f.setId(name)
        f.setMath(libsbml.parseL3Formula(text))
        return self

    def event(self, name, trigger, assignments, delay=None):
        e = self.model.createEvent()
        e.setId(name)
        e.setUseValuesFromTriggerTime(True)
        t = e.createTrigger()
        t.setMath(libsbml.parseL3Formula(trigger))
        t.setInitialValue(True)
        t.setPersistent(True)
        if delay is not None:
            e.createDelay().setMath(libsbml.parseL3Formula(delay))
        for variable, formula in assignments.items():
            a = e.createEventAssignment()
            a.setVariable(variable)
            a.setMath(libsbml.parseL3Formula(formula))
        return self


def written(folder, sbml, conditions, observables, readings, parameters):
    """Path of the YAML file of a problem; tables are lists of dicts."""
    folder.mkdir(parents=True, exist_ok=True)
    libsbml.writeSBMLToFile(sbml.document, str(folder / "model.xml"))
    for name, rows in (("conditions", conditions), ("observables", observables),
                       ("measurements", readings), ("parameters", parameters)):
        pd.DataFrame(rows).to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    content = {"format_version": 1, "parameter_file": "parameters.tsv", "problems": [{
        "sbml_files": ["model.xml"], "condition_files": ["conditions.tsv"],
        "measurement_files": ["measurements.tsv"], "observable_files": ["observables.tsv"]}]}
    (folder / "problem.yaml").write_text(yaml.safe_dump(content))
    return folder / "problem.yaml"


def estimated(name, value, lower=1e-3, upper=1e3, scale="log10", **more):
    """A row of the table of parameters."""
    return {"parameterId": name, "parameterScale": scale, "lowerBound": lower, "upperBound": upper,
            "nominalValue": value, "estimate": 1, **more}


def fixed(name, value):
    """The same, known."""
    return estimated(name, value) | {"estimate": 0}


def objective(path, simulated):
    """−ln L by the package petab of simulated values {observable: function (row) -> value}."""
    problem = petab.Problem.from_yaml(str(path))
    simulation = problem.measurement_df.rename(columns={"measurement": "simulation"}).copy()
    simulation["simulation"] = [simulated[row["observableId"]](row) for _, row in
                                problem.measurement_df.iterrows()]
    return -petab.calculate_llh(problem.measurement_df, simulation, problem.observable_df,
                                problem.parameter_df)


def integrated(path, values, t, start=None):
    """{species: (n,)} of the reactions of a model, its formulae evaluated by libsbml, by LSODA."""
    model = libsbml.readSBML(str(path.parent / "model.xml")).getModel()
    for name, value in values.items():
        (model.getParameter(name) or model.getCompartment(name)).setValue(value)
    species = [s.getId() for s in model.getListOfSpecies()]
    first = np.array([(start or {}).get(s.getId(), s.getInitialConcentration())
                      for s in model.getListOfSpecies()])

    def rate(time, x):
        for name, value in zip(species, x):
            model.getSpecies(name).setInitialConcentration(float(value))
        change = dict.fromkeys(species, 0.0)
        libsbml.SBMLTransforms.mapComponentValues(model)
        for r in model.getListOfReactions():
            flux = libsbml.SBMLTransforms.evaluateASTNode(r.getKineticLaw().getMath(), model)
            for sign, references in ((-1.0, r.getListOfReactants()), (1.0, r.getListOfProducts())):
                for reference in references:
                    size = model.getCompartment(model.getSpecies(reference.getSpecies())
                                                .getCompartment()).getSize()
                    change[reference.getSpecies()] += sign * reference.getStoichiometry() * flux / size
        return [change[name] for name in species]
    grid = np.unique(np.append(0.0, t))
    found = solve_ivp(rate, (0.0, grid[-1]), first, method="LSODA", t_eval=grid, rtol=1e-10, atol=1e-12)
    return {name: np.interp(t, grid, found.y[i]) for i, name in enumerate(species)}
