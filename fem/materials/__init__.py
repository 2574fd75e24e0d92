"""Laws of materials with memory, pointwise: one step from the states before to those after.

Strains and stresses are (q, 3, 3), also of plane problems (`plane_strain`).
"""

from fem.materials.plastic import Return, radial_return
from fem.materials.tensors import deviator, equivalent, plane_strain, trace
from fem.materials.viscoelastic import maxwell

__all__ = ["Return", "deviator", "equivalent", "maxwell", "plane_strain", "radial_return", "trace"]
