"""Differential-algebraic systems with unknown terms: declared, trained on data and predicted.

    x' = f(x, y, z, p, u, t),   0 = h(x', x, y, z, p, u, t),   z = laws of (x, y, u, t), trained

`Model` declares, `Data` holds experiments, `fit` trains, `Fit.predict` predicts. Names load what they
need when they are first used: TensorFlow comes with `fit`.
"""

import importlib
from typing import TYPE_CHECKING

# What is there, for editors and type checkers, as in `pcl`.
if TYPE_CHECKING:
    from pcl.collocation import Mesh as Mesh, gauss as gauss, lobatto as lobatto, radau as radau
    from pcl.dae.data.experiments import Data as Data
    from pcl.dae.data.read import read_csv as read_csv
    from pcl.dae.data.trajectory import Trajectory as Trajectory
    from pcl.dae.laws.law import Law as Law, TrainedLaw as TrainedLaw
    from pcl.dae.model import Model as Model
    from pcl.dae.petab.read import read_petab as read_petab
    from pcl.dae.priors import LogNormalPrior as LogNormalPrior, NormalPrior as NormalPrior
    from pcl.dae.result.curve import Curve as Curve
    from pcl.dae.result.band import Band as Band
    from pcl.dae.result.fit_result import Fit as Fit
    from pcl.dae.result.load import load as load
    from pcl.dae.result.prediction import Prediction as Prediction
    from pcl.dae.result.simulated import simulate as simulate
    from pcl.dae.result.smoothing import Smoothing as Smoothing
    from pcl.dae.result.starts import Starts as Starts
    from pcl.dae.result.trained import Trained as Trained
    from pcl.dae.result.uncertainty import Undetermined as Undetermined
    from pcl.dae.stages.fit import fit as fit
    from pcl.dae.stages.smoothing import smooth as smooth
    from pcl.dae.stages.spreads import fit_spreads as fit_spreads
    from pcl.dae.stages.progress import ProgressLog as ProgressLog
    from pcl.dae.structure.check import check as check
    from pcl.dae.structure.initial import (InconsistentStart as InconsistentStart,
                                           check_initial as check_initial)
    from pcl.dae.structure.report import StructureError as StructureError

_HOME = {
    **dict.fromkeys(("gauss", "lobatto", "Mesh", "radau"), "pcl.collocation"),
    "Data": "pcl.dae.data.experiments",
    "read_csv": "pcl.dae.data.read",
    "Trajectory": "pcl.dae.data.trajectory",
    "Law": "pcl.dae.laws.law", "TrainedLaw": "pcl.dae.laws.law",
    "Model": "pcl.dae.model",
    "read_petab": "pcl.dae.petab.read",
    "LogNormalPrior": "pcl.dae.priors", "NormalPrior": "pcl.dae.priors",
    "Curve": "pcl.dae.result.curve",
    "Band": "pcl.dae.result.band", "Fit": "pcl.dae.result.fit_result",
    "load": "pcl.dae.result.load",
    "Prediction": "pcl.dae.result.prediction",
    "simulate": "pcl.dae.result.simulated",
    "Trained": "pcl.dae.result.trained",
    "Undetermined": "pcl.dae.result.uncertainty",
    "fit": "pcl.dae.stages.fit",
    "smooth": "pcl.dae.stages.smoothing",
    "Smoothing": "pcl.dae.result.smoothing",
    "Starts": "pcl.dae.result.starts",
    "fit_spreads": "pcl.dae.stages.spreads",
    "ProgressLog": "pcl.dae.stages.progress",
    "check": "pcl.dae.structure.check",
    "check_initial": "pcl.dae.structure.initial", "InconsistentStart": "pcl.dae.structure.initial",
    "StructureError": "pcl.dae.structure.report",
}

__all__ = sorted(_HOME)


if not TYPE_CHECKING:       # a checker refuses names that are not there
    def __getattr__(name):
        if name not in _HOME:
            from pcl.support.nearest import nearest
            raise AttributeError(f"module 'pcl.dae' has no attribute {name!r}; it offers "
                                 f"{', '.join(__all__)}.{nearest(name, __all__)}")
        value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
        return value


def __dir__():
    return sorted({*globals(), *__all__})
