"""A name that does not exist is answered with the known ones and the nearest of them."""
import numpy as np
import pytest
import skfem

import fem
import pcl
from pcl.dae import Model, Trajectory
from pcl.training.methods import choose

MESH = skfem.MeshTri().with_defaults()
SPACE = fem.Space(MESH, {"u": fem.vector("P2"), "pressure": "P1"})


def loss(theta):
    return theta["kapa"][0]


@pytest.mark.parametrize("ask, meant", [
    (lambda: SPACE.boundary_dofs("lefft"), "left"),
    (lambda: SPACE.observe([[0.5, 0.5]], field="presure"), "pressure"),
    (lambda: SPACE.observe([[0.5, 0.5]], field="u", quantity="gradeint"), "gradient"),
    (lambda: SPACE.system(lambda u, p, x: {"presure": {"value": p.value}}), "pressure"),
    (lambda: pcl.Problem(loss, {"kappa": np.ones(2)}), "kappa"),
    (lambda: choose("levenberg"), "levenberg-marquardt"),
    (lambda: Model(("x",), rates=lambda v: {}, bounds={"X1": (0, 1)}), None),
    (lambda: Model(("biomass",), rates=lambda v: {}, bounds={"Biomas": (0, 1)}), "biomass"),
    (lambda: pcl.dae.Data([Trajectory([0.0, 1.0], {"x": [1.0, 2.0]}, name="run 1")])["run1"], "run 1")])
def test_the_nearest_name_is_offered(ask, meant):
    with pytest.raises((ValueError, KeyError, AttributeError)) as refused:
        ask()
    assert (f"Did you mean {meant!r}?" in str(refused.value)) == (meant is not None)


@pytest.mark.parametrize("given, name", [
    ("lm", "levenberg-marquardt"), ("least_squares", "least-squares"), ("Trust_Exact", "trust-exact"),
    ("lbfgs", "L-BFGS-B")])
def test_methods_have_the_names_people_know(given, name):
    assert choose(given)[0] == name
