"""What data determine, and how certain it is: noise, priors, posteriors, bands.

    problem = pcl.Problem.from_data(predict, observed, noise.Gaussian(0.1), blocks, prior={…})
    result = pcl.minimize(problem)
    posterior = result.posterior()
    band = posterior.band(law, points)
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pcl.uncertainty import design as design, noise as noise, pictures as pictures, prior as prior
    from pcl.uncertainty.checking.report import DataCheck as DataCheck, ModelCheck as ModelCheck
    from pcl.uncertainty.laplace.band import Band as Band
    from pcl.uncertainty.laplace.posterior import (Indefinite as Indefinite, Posterior as Posterior,
                                                   posterior as posterior)
    from pcl.uncertainty.profiles import Profile as Profile, profile as profile
    from pcl.uncertainty.sampling.density import LogDensity as LogDensity
    from pcl.uncertainty.sampling.sample import sample as sample
    from pcl.uncertainty.sampling.samples import ChainStatus as ChainStatus, Samples as Samples

_HOME = {"Band": "laplace.band", "DataCheck": "checking.report", "ModelCheck": "checking.report",
         "Indefinite": "laplace.posterior", "Posterior": "laplace.posterior",
         "posterior": "laplace.posterior", "LogDensity": "sampling.density", "Profile": "profiles",
         "profile": "profiles", "ChainStatus": "sampling.samples", "Samples": "sampling.samples",
         "sample": "sampling.sample"}
_PACKAGES = ("design", "noise", "pictures", "prior")

__all__ = sorted([*_HOME, *_PACKAGES])

if not TYPE_CHECKING:       # names are fetched when they are first used
    def __getattr__(name):
        if name in _PACKAGES:
            return importlib.import_module(f"pcl.uncertainty.{name}")
        if name not in _HOME:
            from pcl.support.nearest import nearest
            raise AttributeError(f"module 'pcl.uncertainty' has no attribute {name!r}; it offers "
                                 f"{', '.join(__all__)}.{nearest(name, __all__)}")
        return getattr(importlib.import_module(f"pcl.uncertainty.{_HOME[name]}"), name)


def __dir__():
    return sorted({*globals(), *__all__})
