"""Differential-algebraic systems with unknown terms: declared, trained on data and predicted.

    x' = f(x, y, z, p, u, t),   0 = h(x', x, y, z, p, u, t),   z = laws of (x, y, u, t), trained

`Model` declares, `Data` holds experiments, `fit` trains, `Fit.predict` predicts. Names load what they
need when they are first used: TensorFlow comes with `fit`.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcl.collocation import Mesh, gauss, lobatto, radau
    from pcl.dae.curve import Curve
    from pcl.dae.data import Data, Trajectory, read_csv
    from pcl.dae.fitted import Band, Fit
    from pcl.dae.fitting import fit
    from pcl.dae.law import Law
    from pcl.dae.model import Model
    from pcl.dae.predict import Prediction
    from pcl.dae.progress import ProgressLog
    from pcl.dae.save import load
    from pcl.dae.structure import StructureError, check
    from pcl.dae.structure_initial import InconsistentStart, check_initial
    from pcl.dae.trained import Trained, TrainedLaw
    from pcl.dae.uncertainty import Undetermined

_HOME = {
    **dict.fromkeys(("Mesh", "gauss", "lobatto", "radau"), "pcl.collocation"),
    "Curve": "pcl.dae.curve",
    **dict.fromkeys(("Data", "Trajectory", "read_csv"), "pcl.dae.data"),
    "fit": "pcl.dae.fitting", "Band": "pcl.dae.fitted", "Fit": "pcl.dae.fitted",
    "Law": "pcl.dae.law", "Model": "pcl.dae.model",
    "Prediction": "pcl.dae.predict", "ProgressLog": "pcl.dae.progress", "load": "pcl.dae.save",
    "StructureError": "pcl.dae.structure", "check": "pcl.dae.structure",
    "InconsistentStart": "pcl.dae.structure_initial", "check_initial": "pcl.dae.structure_initial",
    "Trained": "pcl.dae.trained", "TrainedLaw": "pcl.dae.trained",
    "Undetermined": "pcl.dae.uncertainty",
}

__all__ = sorted(_HOME)


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'pcl.dae' has no attribute {name!r}; it offers "
                             f"{', '.join(__all__)}.")
    value = globals()[name] = getattr(importlib.import_module(_HOME[name]), name)
    return value


def __dir__():
    return sorted({*globals(), *__all__})
