"""Estimation problems in the PEtab format: SBML kinetics, conditions, observables, noise, readings."""
