"""What a refinement does to parameters, as a record that prints."""

import dataclasses

import numpy as np

from pcl.support.types import Blocks

FINE, COARSE = 0.1, 0.3     # standard errors: below, no matter; above, refine
LISTED = 12                 # entries of a block that are printed one by one
_WHOLLY = 1 - 1e-6


@dataclasses.dataclass(frozen=True, eq=False)
class Resolution:
    """Shift of parameters and of named quantities by refinement, each a dict {name: array}.

    Attributes
    ----------
    levels : tuple, the level of θ first
    value : dict, at the level of θ (transferred blocks: at the finest)
    shift : dict, estimate at the finest level − estimate at the level of θ: the bias of θ, negative
    error : dict, standard errors
    remaining : dict, what refinement beyond the finest level would add to the shift (Richardson); NaN
        where it is not known
    seen : dict, from 0 to 1, how far a parameter is determined for itself
    sigma : float, s, the noise of a residual that was used
    gradient : float, |dℓ/dθ| at θ and `levels[0]`
    unfinished, unfinished_in : float, str
        The step to the minimum of `levels[0]` left to θ, in standard errors, and what it moves most.
    remarks : tuple of str
    """

    levels: tuple
    value: Blocks
    shift: Blocks
    error: Blocks
    remaining: Blocks
    seen: Blocks
    sigma: float
    gradient: float
    unfinished: float
    unfinished_in: str
    remarks: tuple[str, ...]

    @property
    def ratio(self) -> Blocks:
        """{name: array}, shift / standard error; NaN where a parameter is not determined for itself."""
        return {name: self._ratio(name, self.shift[name]) for name in self.shift}

    @property
    def total(self) -> Blocks:
        """The same with what remains beyond the finest level, where that is known."""
        return {name: self._ratio(name, shift + np.nan_to_num(self.remaining[name]))
                for name, shift in self.shift.items()}

    def _ratio(self, name, shift):
        judged = (self.seen[name] > _WHOLLY) & (self.error[name] > 0)
        return np.divide(shift, self.error[name], out=np.full(np.shape(shift), np.nan), where=judged)

    @property
    def largest(self) -> tuple[float, str]:
        """(number, name) of the largest |total|; (NaN, "") where nothing is determined for itself."""
        sizes = {n: np.nanmax(np.abs(a)) for n, a in self.total.items() if np.isfinite(a).any()}
        if not sizes:
            return np.nan, ""
        name = max(sizes, key=sizes.__getitem__)
        return float(sizes[name]), name

    @property
    def fine_enough(self) -> bool:
        """True if every shift is below 0.3 standard errors and θ is a minimum to 0.3."""
        return bool(self.largest[0] <= COARSE and self.unfinished <= COARSE)

    @property
    def verdict(self) -> str:
        """What to do, in words."""
        size, name = self.largest
        words = f"from level {self.levels[0]} to {self.levels[-1]}"
        if not name:
            found = ("Nothing to judge: no parameter is determined for itself. Name functions of theta "
                     "in quantities.")
        elif size > COARSE:
            found = f"Refine: {words} {name!r} moves by {size:.2g} standard errors, above {COARSE}."
        else:
            room = "Fine enough" if size <= FINE else "Acceptable"
            found = (f"{room}: {words} nothing moves by more than {size:.2g} standard errors ({name!r}). "
                     "The standard errors do not contain it.")
        if self.unfinished > FINE:
            found = (f"theta is not stationary at level {self.levels[0]}: |gradient| is "
                     f"{self.gradient:.2e} and a step to the minimum moves {self.unfinished_in!r} by "
                     f"{self.unfinished:.2g} standard errors; train further. Counted from that minimum: "
                     f"{found}")
        return found

    def __str__(self):
        heads = ("value", 14), ("std. error", 12), ("shift", 12), ("shift/error", 13), ("remaining", 12)
        rows = [" " * 22 + "".join(f"{word:>{width}}" for word, width in heads)]
        for name in self.shift:
            rows += self._rows(name)
        notes = (f"Note: {text}." for text in (*self.remarks, *self._beyond()))
        return "\n".join([*rows, self.verdict, *notes])

    def _beyond(self):
        """[what the column of `remaining` needs], where it is empty."""
        empty = all(np.isnan(np.ravel(a)).all() for a in self.remaining.values())
        words = "what remains beyond the finest level needs a third one, or order= of levels as numbers"
        return [words] if empty else []

    def _rows(self, name):
        columns = [np.ravel(d[name]) for d in (self.value, self.error, self.shift, self.ratio,
                                               self.remaining)]
        size = columns[0].size
        if size > LISTED:
            return [self._summary(name, size)]
        labels = [name] if np.ndim(self.shift[name]) == 0 else [f"{name}[{i}]" for i in range(size)]
        return [f"{label:<22}{v:>14.6g}{e:>12.2e}{d:>12.2e}{q:>13.2g}{_told(r):>12}"
                for label, v, e, d, q, r in zip(labels, *columns)]

    def _summary(self, name, size):
        ratio = self.ratio[name]
        judged = np.isfinite(ratio)
        worst = f", |shift/error| up to {np.nanmax(np.abs(ratio)):.2g}" if judged.any() else ""
        return f"{name:<22}{size} numbers, {judged.sum()} of them determined for themselves{worst}"


def _told(number):
    return "–" if np.isnan(number) else f"{number:.1e}"
