"""Networks in the rates: PEtab SciML files, −ln L against LSODA with the network in NumPy."""

import copy

import h5py
import libsbml
import numpy as np
import pandas as pd
import pytest
import yaml
from petab_problems import Sbml
from scipy.integrate import solve_ivp

from pcl.dae import read_petab
from pcl.dae.petab.networks import network_of
from pcl.dae.petab.unsupported import Unsupported

RNG = np.random.default_rng(3)
W1, B1 = 0.5 * RNG.standard_normal((4, 2)), 0.1 * RNG.standard_normal(4)        # as PyTorch: (out, in)
W2, B2 = 0.5 * RNG.standard_normal((1, 4)), np.array([0.4])
T = np.array([1.0, 2.0, 3.0, 4.0])
SEEN = {"prey_o": np.array([0.2, 0.5, 1.1, 2.0]), "predator_o": np.array([2.0, 1.2, 0.9, 1.1])}
NET = {"nn_model_id": "net1", "inputs": [{"input_id": "input0"}], "layers": [
    {"layer_id": "layer1", "layer_type": "Linear",
     "args": {"in_features": 2, "out_features": 4, "bias": True}},
    {"layer_id": "layer2", "layer_type": "Linear",
     "args": {"in_features": 4, "out_features": 1, "bias": True}}],
    "forward": [{"name": "x", "op": "placeholder", "target": "x", "args": []},
                {"name": "layer1", "op": "call_module", "target": "layer1", "args": ["x"]},
                {"name": "tanh", "op": "call_function", "target": "tanh", "args": ["layer1"]},
                {"name": "layer2", "op": "call_module", "target": "layer2", "args": ["tanh"]},
                {"name": "output", "op": "output", "target": "output", "args": ["layer2"]}]}
TABLES = {
    "conditions": [{"conditionId": "c", "targetId": "delta", "targetValue": 1.8}],
    "experiments": [{"experimentId": "e", "time": 0.0, "conditionId": "c"}],
    "observables": [{"observableId": f"{name}_o", "observableFormula": name, "noiseFormula": "sd",
                     "noisePlaceholders": "sd"} for name in ("prey", "predator")],
    "measurements": [{"observableId": name, "experimentId": "e", "time": t, "measurement": y,
                      "noiseParameters": 0.2} for name, seen in SEEN.items() for t, y in zip(T, seen)],
    "parameters": [{"parameterId": "alpha", "estimate": "true", "nominalValue": 1.3, "lowerBound": 0.0,
                    "upperBound": 15.0},
                   {"parameterId": "net1_ps", "estimate": "true"}],
    "mapping": [{"petabEntityId": "in1", "modelEntityId": "net1.inputs[0][0]"},
                {"petabEntityId": "in2", "modelEntityId": "net1.inputs[0][1]"},
                {"petabEntityId": "out1", "modelEntityId": "net1.outputs[0][0]"},
                {"petabEntityId": "net1_ps", "modelEntityId": "net1.parameters"}],
    "hybridization": [{"targetId": "in1", "targetValue": "prey"},
                      {"targetId": "in2", "targetValue": "predator"},
                      {"targetId": "gamma", "targetValue": "out1"}]}


def hybrid(folder, tables=TABLES, net=NET, **network):
    """Path of a problem of prey and predator in which a network gives γ."""
    sbml = Sbml().species("prey", 0.442).species("predator", 1.6)
    for name, value in {"alpha": 1.3, "beta": 0.9, "gamma": 0.8, "delta": 0.0}.items():
        sbml.parameter(name, value)
    sbml.reaction("birth", "cell*alpha*prey", (), ["prey"], ["prey"])
    sbml.reaction("loss", "cell*beta*prey*predator", ["prey"], (), ["predator"])
    sbml.reaction("growth", "cell*gamma*prey*predator", (), ["predator"], ["prey", "predator"])
    sbml.reaction("death", "cell*delta*predator", ["predator"])
    libsbml.writeSBMLToFile(sbml.document, str(folder / "model.xml"))
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(folder / f"{name}.tsv", sep="\t", index=False)
    (folder / "net1.yaml").write_text(yaml.safe_dump(net))
    with h5py.File(folder / "arrays.hdf5", "w") as file:
        for key, value in {"layer1/weight": W1, "layer1/bias": B1, "layer2/weight": W2,
                           "layer2/bias": B2}.items():
            file[f"parameters/net1/{key}"] = value
    content = {"format_version": "2.0.0", "model_files": {"m": {"location": "model.xml",
                                                                "language": "sbml"}}}
    content |= {f"{kind}_files": [f"{kind}s.tsv"] for kind in (
        "condition", "experiment", "observable", "measurement", "parameter")}
    content["mapping_files"] = ["mapping.tsv"]
    content["extensions"] = {"petab_sciml": {
        "version": "1.0.0", "required": True, "hybridization_files": ["hybridization.tsv"],
        "array_files": ["arrays.hdf5"], "neural_networks": {"net1": {
            "location": "net1.yaml", "format": "yaml", "static": False} | network}}}
    (folder / "problem.yaml").write_text(yaml.safe_dump(content))
    return folder / "problem.yaml"


def test_a_network_in_the_rates_with_the_weights_of_the_array_file(tmp_path):
    problem = read_petab(hybrid(tmp_path))

    def rate(t, x):
        gamma = (W2 @ np.tanh(W1 @ x + B1) + B2).item()
        return [1.3 * x[0] - 0.9 * x[0] * x[1], gamma * x[0] * x[1] - 1.8 * x[1]]
    y = solve_ivp(rate, (0.0, 4.0), [0.442, 1.6], t_eval=T, rtol=1e-11, atol=1e-13).y
    r = np.concatenate([(x - seen) / 0.2 for x, seen in zip(y, SEEN.values())])
    expected = 0.5 * r @ r + r.size * np.log(0.2 * np.sqrt(2.0 * np.pi))
    assert abs(problem.objective() - expected) < 1e-8 * expected
    assert problem.model.outputs == ("gamma",) and problem.laws[0].inputs == ("prey", "predator")
    found = problem.fit(maxiter=100, elements=12, smoothing=1.0)
    assert found.misfit < 1.0 and found.laws[0].outputs == ("gamma",)


@pytest.mark.parametrize("change, words", [
    (lambda net: net["forward"][2].update(target="relu"), "step 2 .* is 'relu'"),
    (lambda net: net["layers"][0].update(layer_type="Conv2d"), "step 1 .* is 'Conv2d'"),
    (lambda net: net["layers"][1]["args"].update(bias=False), "'layer2' of 'net1' has no bias"),
    (lambda net: net["forward"][3].update(args=["x"]), "no chain of layers, at 'layer2'")])
def test_other_networks_are_refused_by_what_they_contain(change, words):
    net = copy.deepcopy(NET)
    change(net)
    with pytest.raises(Unsupported, match=words):
        network_of("net1", net)


@pytest.mark.parametrize("kind, rows, words", [
    ("parameters", [{**TABLES["parameters"][1], "estimate": "false"}], "'net1_ps' are known weights"),
    ("hybridization", TABLES["hybridization"][1:], "input 0 of the network 'net1' has no value"),
    ("hybridization", TABLES["hybridization"][:2], "output 0 .* stands for no parameter"),
    ("hybridization", [{"targetId": "in1", "targetValue": "alpha"}, *TABLES["hybridization"][1:]],
     "input of the network 'net1' is 'alpha'"),
    ("conditions", [{"conditionId": "c", "targetId": "delta", "targetValue": "2*alpha"}],
     "the formula '2\\*alpha'"),
    ("experiments", [*TABLES["experiments"], {"experimentId": "e", "time": 2.0, "conditionId": "c"}],
     "periods that begin at")])
def test_other_uses_are_refused(tmp_path, kind, rows, words):
    with pytest.raises(Unsupported, match=words):
        read_petab(hybrid(tmp_path, TABLES | {kind: rows}))


def test_networks_before_the_simulation_are_refused(tmp_path):
    with pytest.raises(Unsupported, match="'net1' is static"):
        read_petab(hybrid(tmp_path, static=True))
