"""How a fit ended, whether the model fits, and all of it in words."""

from __future__ import annotations

import functools

from pcl.dae.failures import FAILURES, said
from pcl.dae.program.scaled import worst_row
from pcl.dae.result.foot import words_of
from pcl.dae.result.inference import Inference
from pcl.dae.result.limits import words
from pcl.dae.result.uncertainty import Undetermined, weights_known
from pcl.dae.result.verdict import Verdict, judged


class Report(Inference):
    """The verdict on a fit, and `str(fit)`."""

    @functools.cached_property
    def verdict(self) -> Verdict:
        """`pcl.dae.result.verdict.Verdict`: whether the model fits the data.

        With χ² and its p-value if the weights are 1/σ² (weights other than 1 and scaling "none" are read
        so).

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> found.verdict.fits, round(found.verdict.chi2, 1), round(found.verdict.dof)
        (True, 0.4, 1)
        """
        return judged(self.setting, self.program, self.result, weights_known(self.setting), self.enough,
                      self._uncertainty(True))

    @property
    def success(self) -> bool:
        """Whether the last solve reached its tolerance and the data do not plainly contradict the model.

        `refine` has to have reached its own tolerance, too, if it was given; see `verdict`.
        """
        return self.result.success and not self.note and self.verdict.fits

    @property
    def status(self) -> str:
        """Why the last solve ended and whether the model fits, in words.

        Examples
        --------
        >>> from pcl import dae
        >>> model = dae.Model(states=["x"], parameters=["k"], rates=lambda v: {"x": -v.k * v.x})
        >>> data = dae.Trajectory([0.0, 1.0, 2.0], {"x": [2.0, 1.213, 0.736]}, sigma=3e-4)
        >>> found = dae.fit(model, data, guess=None, elements=2)
        >>> print(found.status[:57])
        Solved: the first-order conditions hold to the tolerance.
        """
        return " ".join(filter(None, (self.result.message, self.note, self.verdict.words,
                                      words_of(self.feet))))

    @property
    def message(self) -> str:
        """SciPy's name for `status`."""
        return self.status

    def __repr__(self) -> str:
        numbers = ", ".join(f"{name} = {value:.4g}" for name, value in list(self.parameters.items())[:6])
        return (f"Fit({numbers or f'{len(self.program.laws)} laws'}; objective {self.objective:.6g}, "
                f"{'success' if self.success else 'no success'})")

    def __str__(self) -> str:
        lines = [f"Fit of {self.setting.data!r}", *map(str, self.stages),
                 f"objective {self.objective:.6g}, misfit {self.misfit:.6g}, {self._violation_words()}"]
        lines += self._between_lines() + self._parameter_lines() + self._likelihood_lines()
        lines += [f"law: {law}" for law in self.laws]
        return "\n".join([*lines, self.status])

    def _violation_words(self):
        relative, absolute, row = worst_row(self.program, self.result.x)
        return f"largest violation {relative:.1e} of its size ({row}, there {absolute:.1e})"

    def _between_lines(self):
        """What bounds leave between the nodes."""
        try:
            return [f"between the nodes of trajectory {name} bounds are violated: {words(found)}"
                    for name, found in self.between.items()]
        except FAILURES as error:
            return [f"bounds between the nodes cannot be looked at: {said(error)}"]

    def _parameter_lines(self):
        """Values, standard errors, and shift / standard error."""
        try:
            errors = self.standard_errors() if self.result.success else {}
        except Undetermined:
            errors = {}
        lines = []
        for name, value in self.parameters.items():
            moves = self.shift.parameters.get(name) if self.shift is not None else None
            more = f" ± {errors[name]:.2g}" if name in errors else ""
            more += f", shift {moves:.2g} standard errors" if moves is not None else ""
            lines.append(f"{name} = {value:.8g}{more}")
        if any("shift" in line for line in lines):
            lines.append("± is a standard error: of the noise, without the shift by the elements")
        return lines

    def _likelihood_lines(self):
        """Unknown numbers of the noise with standard errors, and the likelihood where there is one."""
        if not weights_known(self.setting):
            return []
        try:
            errors = self.noise_errors() if self.result.success else {}
        except Undetermined:
            errors = {}
        lines = [f"{number} of {name} = {value:.6g}" + (
                     f" ± {errors[name][number]:.2g}" if errors else "")
                 for name, each in self.noise.items() for number, value in each.items()]
        return [*lines, f"likelihood: {self.likelihood}"]
