"""What all results have in common: words, and a page of a notebook."""

import html


class Outcome:
    """Base of what `minimize`, `multi_start`, `dae.fit` and `interior_point.solve` return.

    x, fun, success, status, message, nit, seconds: as in SciPy, and the seconds of the run.
    `plot()`, `save(path)`: of each its own. `summary()`: what one wants to know at once, in words.
    """

    def summary(self) -> str:
        """The report as text."""
        return str(self)

    def _repr_html_(self) -> str:
        """A notebook's cell: how it ended, then the summary."""
        colour = "#1a7f37" if self.success else "#b35900"       # type: ignore[attr-defined]
        word = "success" if self.success else "no success"      # type: ignore[attr-defined]
        return (f'<b style="color:{colour}">{word}</b>'
                f'<pre style="line-height:1.3">{html.escape(self.summary())}</pre>')


def described(blocks, longest=12):
    """Lines "name = value" for single numbers, "name: n numbers from a to b" for arrays."""
    lines = []
    for name, value in blocks.items():
        if value.size == 1:
            lines.append(f"{name} = {value.item():.6g}")
        elif value.size:
            lines.append(f"{name}: {value.size:,} numbers from {value.min():.4g} to {value.max():.4g}")
    return lines[:longest] + ([f"… and {len(lines) - longest} more"] if len(lines) > longest else [])
