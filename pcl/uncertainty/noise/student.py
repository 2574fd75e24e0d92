"""Student's t: normal noise with outliers."""

import numpy as np
import tensorflow as tf

from pcl.support.types import Array, ArrayLike, Blocks, Tensor
from pcl.support.validate import positive_number
from pcl.uncertainty.noise.scale import Scale
from pcl.uncertainty.noise.standard import Standard
from pcl.uncertainty.noise.unit import StudentT as Unit


class StudentT(Standard):
    """y = f + σ t, t independent with ν degrees of freedom.

        log p = Σ ln Γ((ν+1)/2) − ln Γ(ν/2) − ½ ln(νπ) − ln σ − (ν+1)/2 ln(1 + (y − f)²/(ν σ²))

    There are no residuals: −2 log p curves downwards beyond |y − f| = √ν σ, which JᵀJ cannot show; the
    exact Hessian does.

    Parameters
    ----------
    sigma : number, or array of the shape of the readings, > 0, optional
        The scale σ, in the unit of the readings; for ν > 2 the standard deviation is σ √(ν/(ν − 2)).
        None: one unknown σ, estimated with the rest as the block "ln sigma".
    degrees_of_freedom : number > 0
        ν. With 4 a reading 10 σ away pulls as a normal one does 0.5 σ away; ν → ∞ is `Gaussian`.
    start : number, optional
        First guess of an unknown σ; by default the standard deviation of the readings.

    Raises
    ------
    ValueError
        σ ≤ 0 or ν ≤ 0, a σ of another shape than the readings.

    Examples
    --------
    The outlier moves the mean by 1 and this estimate by 0.01:

    >>> import numpy as np, pcl
    >>> y = np.array([0.9, 1.0, 1.0, 1.1, 6.0])
    >>> noise = pcl.uncertainty.noise.StudentT(0.2)
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(5), y, noise, {"m": 1.5})
    >>> result = pcl.minimize(problem)
    >>> float(y.mean()), result.x.round(2), result.method
    (2.0, array([1.01]), 'newton-trust-region')
    """

    def __init__(self, sigma: ArrayLike | None = None, *, degrees_of_freedom: float = 4.0,
                 start: float | None = None):
        self.scale = Scale("sigma", sigma, start)
        self.degrees_of_freedom = positive_number("degrees_of_freedom", degrees_of_freedom)
        self.unit = Unit(self.degrees_of_freedom)

    def unknowns(self, observed: Array) -> Blocks:
        return self.scale.unknowns(float(np.std(observed)))

    def check(self, name: str, observed: Array) -> None:
        self.scale.check(name, observed)

    def standardised(self, predicted: Tensor, observed: Array, unknown) -> tuple[Tensor, Tensor]:
        log = self.scale.log(unknown)
        return (tf.constant(observed) - predicted) * tf.exp(-log), log

    def draw(self, predicted: Array, rng: np.random.Generator, unknown: Blocks) -> Array:
        return predicted + self.scale.number(unknown) * self.unit.draw(rng, predicted.shape)
