"""Words of annotations, for people, editors and type checkers.

TensorFlow carries no types of its own: a checker that does not read its source sees `Tensor` as Any.
"""

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

if TYPE_CHECKING:
    import tensorflow as tf
    from matplotlib.axes import Axes
    Tensor: TypeAlias = tf.Tensor
else:
    Axes = Tensor = Any     # so that `import pcl` does not wait for TensorFlow and matplotlib

Array: TypeAlias = NDArray[np.float64]
Integers: TypeAlias = NDArray[np.integer]
Booleans: TypeAlias = NDArray[np.bool_]
Blocks: TypeAlias = dict[str, Array]                            # {name: array}

# θ: a flat vector, or {block: array}.
Theta: TypeAlias = ArrayLike | dict[str, Any]

Names: TypeAlias = str | Sequence[str]      # one or several
Path: TypeAlias = str | os.PathLike[str]

# A coefficient or a load: a number, values at the points it is asked at, or a function of points.
Coefficient: TypeAlias = float | ArrayLike | Tensor | Callable[[Array], Any]

# A part of a boundary: all of it, names, a predicate on coordinates (m, dim) -> bool (m,), or numbers.
Where: TypeAlias = None | str | Sequence[str] | Callable[[Array], Any] | ArrayLike

__all__ = ["Array", "ArrayLike", "Axes", "Blocks", "Booleans", "Coefficient", "Integers", "Names",
           "Path", "Tensor", "Theta", "Where"]
