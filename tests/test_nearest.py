"""A name that does not exist is answered with the known ones and the nearest of them."""
import ast
import pathlib
import re

import numpy as np
import pytest
import skfem

import fem
import pcl
from pcl.dae import Model, Trajectory
from pcl.training.methods import choose
from pcl.uncertainty import noise, prior

MESH = skfem.MeshTri().with_defaults()
SPACE = fem.Space(MESH, {"u": fem.vector("P2"), "pressure": "P1"})


SPACE_1 = fem.Space(MESH.with_subdomains({"steel": np.array([0, 1])}), "P1")
SQUARE = pcl.Problem.from_residuals(lambda t: t["kappa"] - 1.0, {"kappa": np.ones(2)})
PROGRAM = pcl.interior_point.TensorFlowProgram(lambda x: x[0] ** 2, 1)
ROOT = pathlib.Path(pcl.__file__).parents[1]


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
    (lambda: pcl.dae.Data([Trajectory([0.0, 1.0], {"x": [1.0, 2.0]}, name="run 1")])["run1"], "run 1"),
    (lambda: pcl.minimize(SQUARE, "L-BFGS-B", options={"maxcorr": 5}), "maxcor"),
    (lambda: pcl.minimize(SQUARE, "lm", options={"loss": "hubber"}), "huber"),
    (lambda: pcl.minimize(SQUARE, bounds={"kapa": (0.0, 1.0)}), "kappa"),
    (lambda: pcl.minimize(SQUARE, x0={"kapa": np.ones(2)}), "kappa"),
    (lambda: SQUARE.hessian(np.ones(2), mode="forwards"), "forward"),
    (lambda: SQUARE.hessian(np.ones(2), blocks=["kapa"]), "kappa"),
    (lambda: pcl.Problem.from_data(lambda t: t["kappa"], [1.0, 2.0], noise.Gaussian(1.0),
                                   {"kappa": [0.0, 0.0]}, {"kapa": prior.Normal()}), "kappa"),
    (lambda: pcl.MLP((1, 1), "tahn"), "tanh"), (lambda: fem.Space(MESH, "RT11"), "RT1"),
    (lambda: pcl.solve(SPACE_1.mass(), SPACE_1.load(), solver="superlue"), "superlu"),
    (lambda: fem.mesh_from_arrays("trii", [[0.0]], [[0]]), "tri"),
    (lambda: fem.Dirichlet and fem.Grid.uniform(4).boundary_dofs("rigth"), "right"),
    (lambda: SPACE.join({"pressre": 1.0}), "pressure"),
    (lambda: fem.Constraint(np.eye(1), [0.0], by="multiplyer"), "multiplier"),
    (lambda: SPACE_1.by_region({"stel": 1.0}), "steel"),
    (lambda: Model(("x",), rates=lambda v: {}, parameters=("rate",), log=("ratte",)), "rate"),
    (lambda: pcl.mlp, "MLP"), (lambda: pcl.dae.Modell, "Model"), (lambda: pcl.export.c_sorce, "c_source"),
    (lambda: pcl.interior_point.solve(PROGRAM, [1.0], hessian="exakt"), "exact"),
    (lambda: pcl.interior_point.solve(PROGRAM, [1.0], kkt="sprase"), "sparse"),
    (lambda: pcl.interior_point.solve(PROGRAM, [1.0], barrier="adaptiv"), "adaptive")])
def test_the_nearest_name_is_offered(ask, meant):
    with pytest.raises((ValueError, KeyError, AttributeError)) as refused:
        ask()
    assert (f"Did you mean {meant!r}?" in str(refused.value)) == (meant is not None)


def refusals():
    """(place, source) of every error that lists the names there are."""
    for package in ("pcl", "fem"):
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)):
                words = ast.get_source_segment(text, node) if isinstance(node, ast.Raise) else None
                listed = r"!r\}.*(known are|expected (one|some) of|it offers)"
                if words and re.search(listed, words, re.DOTALL):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", words


# What is compared with shapes or sides, or is no misspelt name.
OTHERS = ("pcl/dae/petab/priors.py", "pcl/dae/laws/shape.py", "pcl/dae/data/experiments.py",
          "pcl/dae/stages/densities.py", "pcl/export/right_hand_side.py", "fem/output/pieces.py")


def test_every_error_that_lists_names_offers_the_nearest():
    offered = r"nearest\(|\{near\}|\{meant\}|\{more\}"
    lacking = [place for place, words in refusals()
               if not re.search(offered, words) and not place.startswith(OTHERS)]
    assert lacking == [] and len(list(refusals())) > 30


@pytest.mark.parametrize("given, name", [
    ("lm", "levenberg-marquardt"), ("least_squares", "least-squares"), ("Trust_Exact", "trust-exact"),
    ("lbfgs", "L-BFGS-B")])
def test_methods_have_the_names_people_know(given, name):
    assert choose(given)[0] == name
