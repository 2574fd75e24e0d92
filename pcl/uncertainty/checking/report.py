"""What was found, in numbers, in words and as a normal plot."""

from __future__ import annotations

import dataclasses

import numpy as np
import scipy           # its `stats` is loaded when it is first used, which takes long

from pcl.support.axes import key, new_axes
from pcl.support.style import GREY, styled
from pcl.support.types import Array, Axes

DOUBTFUL = 0.01     # p-values below are said
OUTLYING = 0.05     # chance of the largest score among so many readings


@dataclasses.dataclass(frozen=True, eq=False)
class DataCheck:
    """One set of readings against what the model says of it.

    Attributes
    ----------
    name : str
    scores : ndarray (m,)
        Residuals as standard normal numbers, in the order of the readings: r_i/√(1 − h_i), h_i the share
        of reading i in its own prediction; or Φ⁻¹ of the place of a reading among its replicates.
    shape : tuple, of the readings
    misfit, expected : float
        χ² = Σ r² and its degrees of freedom, m less the effective number of parameters the data
        determine; by draws the mean −2 log p of the readings and of replicates.
    misfit_p : float
        P(a larger misfit): near 0 residuals are larger than the noise, near 1 smaller.
    runs, runs_expected, runs_p : float
        Runs of equal sign, and P(as few or fewer): near 0 residuals hang together.
    normal_p : float
        Of the scores by Shapiro and Wilk's test (D'Agostino's above 5000 readings); nan below 8.
    method : "residuals" or "draws"

    Examples
    --------
    >>> import numpy as np, pcl
    >>> y = np.array([0.9, 1.1, 1.0, 0.8, 1.2, 4.0])
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(6), y,
    ...                                 pcl.uncertainty.noise.Gaussian(0.2), {"m": 1.0})
    >>> check = problem.posterior(pcl.minimize(problem).x).check_model().data[""]
    >>> round(check.misfit, 1), check.expected, check.outliers[0][0]        # χ², m − 1, the last reading
    (190.0, 5.0, (5,))
    """

    name: str
    scores: Array
    shape: tuple
    misfit: float
    expected: float
    misfit_p: float
    runs: float
    runs_expected: float
    runs_p: float
    normal_p: float
    method: str

    @property
    def outliers(self) -> list[tuple[tuple, float]]:
        """[(index, score)] of readings too far away for one among so many, the farthest first."""
        size = np.abs(self.scores)
        far = np.flatnonzero(2.0 * scipy.stats.norm.sf(size) * size.size < OUTLYING)
        return [(tuple(int(k) for k in np.unravel_index(i, self.shape)), float(self.scores[i]))
                for i in far[np.argsort(-size[far])]]

    @property
    def verdict(self) -> str:
        """What speaks against the model, in words; empty if nothing does."""
        words, what = [], "χ²" if self.method == "residuals" else "the mean −2 log p"
        sizes = (f"{what} is {self.misfit:.4g} where {self.expected:.4g} is expected "
                 f"(p {self.misfit_p:.2g})")
        if self.misfit_p < DOUBTFUL:
            words.append(f"{sizes}: the noise is larger than stated, or the model leaves something out.")
        if self.misfit_p > 1.0 - DOUBTFUL:
            words.append(f"{sizes}: the noise is smaller than stated, so bands are too wide.")
        if self.runs_p < DOUBTFUL:
            words.append(f"residuals keep their sign: {self.runs:.4g} runs where "
                         f"{self.runs_expected:.4g} are expected (p {self.runs_p:.2g}); the model leaves "
                         "something out, or readings are not independent (noise.Discrepancy).")
        if self.normal_p < DOUBTFUL:
            words.append(f"residuals are not distributed as stated (p {self.normal_p:.2g}).")
        if self.outliers:
            named = ", ".join(f"{_index(i)} ({z:+.1f})" for i, z in self.outliers[:5])
            words.append(f"outliers, in standard deviations: {named}; noise.StudentT bears them.")
        return " ".join(words)


@dataclasses.dataclass(frozen=True, eq=False)
class ModelCheck:
    """Every set of readings against the fitted model.

    Attributes
    ----------
    data : dict {name: DataCheck}
        "" is the name of data without one.
    failed : int
        Draws at which there was no prediction.

    Examples
    --------
    >>> import numpy as np, pcl
    >>> y = np.array([0.9, 1.1, 1.0, 0.8, 1.2, 1.0])
    >>> problem = pcl.Problem.from_data(lambda t: t["m"] * np.ones(6), y,
    ...                                 pcl.uncertainty.noise.Gaussian(0.01), {"m": 1.0})
    >>> check = problem.posterior(pcl.minimize(problem).x).check_model()
    >>> check.ok
    False
    >>> print(check.verdict)
    χ² is 1000 where 5 is expected (p ...): the noise is larger than stated, or the model leaves
    something out. outliers, in standard deviations: ...
    """

    data: dict[str, DataCheck]
    failed: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the model."""
        return not self.verdict

    @property
    def verdict(self) -> str:
        """What speaks against the model, in words; empty if nothing does."""
        words = [(f"{name}: " if name else "") + check.verdict
                 for name, check in self.data.items() if check.verdict]
        if self.failed:
            words.append(f"{self.failed} draws had no prediction and are left out.")
        return " ".join(words)

    def __str__(self) -> str:
        lines = [f"{check.name or 'data'}: {check.scores.size} readings, misfit {check.misfit:.4g} of "
                 f"{check.expected:.4g} (p {check.misfit_p:.2g}), runs {check.runs:.4g} of "
                 f"{check.runs_expected:.4g} (p {check.runs_p:.2g}), normal p {check.normal_p:.2g}"
                 for check in self.data.values()]
        return "\n".join([*lines, self.verdict or "nothing speaks against the model."])

    @styled
    def plot(self, ax: Axes | None = None) -> Axes:
        """Normal plot: ordered scores over normal quantiles, a line of slope 1 if all is well.

        On `ax`, or on new axes.
        """
        ax = new_axes(ax)
        for name, check in self.data.items():
            m = check.scores.size
            quantiles = scipy.stats.norm.ppf((np.arange(m) + 0.5) / m)
            ax.plot(quantiles, np.sort(check.scores), ".", label=name or "residuals")
        ax.axline((0.0, 0.0), slope=1.0, ls="--", color=GREY, lw=1.0, label="normal")
        ax.set(xlabel="normal quantile", ylabel="residual in standard deviations")
        key(ax)
        return ax


def normality(scores: Array) -> float:
    """p-value of the scores being normal; nan for fewer than 8."""
    if scores.size < 8 or np.ptp(scores) == 0.0:
        return np.nan
    return float((scipy.stats.shapiro if scores.size <= 5000 else scipy.stats.normaltest)(scores).pvalue)


def _index(i):
    return i[0] if len(i) == 1 else i
