"""Tables of PEtab version 2 as those of version 1: experiments of one condition, after a rest or not.

Source: the specification of PEtab version 2.0.
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, NamedTuple

from pcl.dae.petab.unsupported import Unsupported
from pcl.support.nearest import nearest
from pcl.support.optional import of_extra

BASE = "as_in_the_model"        # the condition of experiments that change nothing
_PRIORS = {"log-normal": "logNormal"}
_SCALES = {"normal": ("normal", "lin"), "log-normal": ("normal", "log")}


class Tables(NamedTuple):
    """What `petab.v1.Problem` has under the same names, and the mapping of names to parts of networks."""

    model: Any
    condition_df: Any
    observable_df: Any
    measurement_df: Any
    parameter_df: Any
    mapping: dict[str, str]
    known_weights: frozenset[str]


def tables_of(folder: Path, content: dict[str, Any]) -> Tables:
    """The tables of a problem file that was read.

    Raises
    ------
    Unsupported
        More than one model, other models than SBML, experiments of several periods, formulae in
        conditions.
    """
    model = _model(folder, content)
    names = {row["petabEntityId"]: str(row["modelEntityId"])
             for row in _read(folder, content, "mapping_files")}
    experiments = _experiments(_read(folder, content, "experiment_files"))
    parameters, weights = [], set()
    for row in _read(folder, content, "parameter_files"):
        if ".parameters" not in names.get(row["parameterId"], ""):
            parameters.append(_parameter(row))
        elif not _estimated(row):
            weights.add(row["parameterId"])
    observables = map(_observable, _read(folder, content, "observable_files"))
    readings = [_reading(row, experiments) for row in _read(folder, content, "measurement_files")]
    return Tables(model, _conditions(_read(folder, content, "condition_files")),
                  _frame(observables, "observableId"), _frame(readings, None),
                  _frame(parameters, "parameterId"), names, frozenset(weights))


def _read(folder, content, key):
    """Rows of all tables of a kind, as dicts."""
    pandas = of_extra("pandas", "read_petab", "petab")
    return [row for name in content.get(key) or [] for row in
            pandas.read_csv(folder / name, sep="\t").to_dict("records")]


def _frame(rows, index):
    rows = list(rows)
    frame = of_extra("pandas", "read_petab", "petab").DataFrame(rows, columns=None if rows else [index])
    return frame if index is None else frame.set_index(index)


def _model(folder, content):
    if "model_files" not in content:
        raise Unsupported("the file says version 2 and has no model_files, as drafts of it did, which is "
                          "not supported; expected version 1, or 2.0 as published.")
    models = list(content["model_files"].values())
    if len(models) != 1 or models[0]["language"] != "sbml":
        kinds = ", ".join(each["language"] for each in models)
        raise Unsupported(f"model_files has {len(models)} models ({kinds}); expected one of SBML.")
    petab = of_extra("petab.v1", "read_petab", "petab")
    return petab.models.sbml_model.SbmlModel.from_file(folder / models[0]["location"])


def _experiments(rows):
    """{experiment: (condition of the rest before or "", condition)}."""
    periods: dict[str, list] = {}
    for row in rows:
        condition = row.get("conditionId")
        name = condition if isinstance(condition, str) and condition else BASE
        periods.setdefault(str(row["experimentId"]), []).append((float(row["time"]), name))
    found = {}
    for name, steps in periods.items():
        steps = sorted(steps)
        times = [time for time, _ in steps]
        if times not in ([0.0], [-math.inf, 0.0]):
            raise Unsupported(f"the experiment {name!r} has periods that begin at {times}; expected one "
                              "at 0, or one at -inf and one at 0.")
        found[name] = (steps[0][1] if len(steps) == 2 else "", steps[-1][1])
    return found


def _conditions(rows):
    cells: dict[str, dict[str, Any]] = {BASE: {}}
    for row in rows:
        value = row["targetValue"]
        if isinstance(value, str) and not re.fullmatch(r"\w+|[-+.\deE]+", value.strip()):
            raise Unsupported(f"the condition {row['conditionId']!r} has the formula {value!r}, which is "
                              "not supported; expected a number or a name.")
        cells.setdefault(str(row["conditionId"]), {})[str(row["targetId"])] = value
    return _frame(({"conditionId": name} | each for name, each in cells.items()), "conditionId")


def _observable(row):
    """Placeholders by their names of version 1."""
    row = dict(row)
    for kind in ("observable", "noise"):
        given = row.pop(f"{kind}Placeholders", None)
        names = given.split(";") if isinstance(given, str) else []
        for k, name in enumerate(names, start=1):
            row[f"{kind}Formula"] = re.sub(rf"\b{re.escape(name.strip())}\b",
                                           f"{kind}Parameter{k}_{row['observableId']}",
                                           str(row[f"{kind}Formula"]))
    kind = row.get("noiseDistribution")
    kind = kind if isinstance(kind, str) and kind else "normal"
    row["noiseDistribution"], row["observableTransformation"] = _SCALES.get(kind, (kind, "lin"))
    return row


def _reading(row, experiments):
    experiment = row.get("experimentId")
    known = isinstance(experiment, str) and experiment
    if known and experiment not in experiments:
        raise ValueError(f"the table of readings has the experiment {experiment!r}; expected one of "
                         f"{', '.join(experiments)}.{nearest(experiment, experiments)}")
    before, condition = experiments[experiment] if known else ("", BASE)
    return dict(row) | {"preequilibrationConditionId": before, "simulationConditionId": condition}


def _estimated(row):
    return str(row["estimate"]).lower() in ("true", "1")


def _parameter(row):
    kind = row.get("priorDistribution")
    return dict(row) | {"estimate": int(_estimated(row)),
                        "parameterScale": "lin", "objectivePriorType": _PRIORS.get(kind, kind),
                        "objectivePriorParameters": row.get("priorParameters")}
