"""Looking at a trained problem: curvature, landscape, layers, steps, and what the data determine.

Each function returns its numbers in a frozen record that prints as text and has `.plot(ax=None)`.
They see a problem through `value`, `gradient`, `hessian` alone; `identifiability` also traces a
function of θ, and `weights` and `saturation` look at a `pcl.MLP`.
"""

from pcl.diagnose.active import ActiveDirections, active_directions
from pcl.diagnose.hessian_spectrum import HessianSpectrum, spectrum
from pcl.diagnose.identify import IdentifiabilityMap, identifiability
from pcl.diagnose.landscape import Plane, Profile, extreme_profiles, plane, profile
from pcl.diagnose.layer_activations import ActivationSaturation, saturation
from pcl.diagnose.layer_weights import WeightDistribution, weights
from pcl.diagnose.step_angles import AngleRecorder, StepAngles

__all__ = ["ActivationSaturation", "ActiveDirections", "AngleRecorder", "HessianSpectrum",
           "IdentifiabilityMap", "Plane", "Profile", "StepAngles", "WeightDistribution",
           "active_directions", "extreme_profiles", "identifiability", "plane", "profile",
           "saturation", "spectrum", "weights"]
