"""The result of a structural check, in words."""

from dataclasses import dataclass, field

from pcl.dae.structure.order import radau_orders


class StructureError(ValueError):
    """The equations do not determine their unknowns; the message names equations and variables.

    Examples
    --------
    No equation tells y:

    >>> from pcl import dae
    >>> model = dae.Model(states=["x"], algebraic=["y"], rates=lambda v: {"x": -v.x},
    ...                   equations=lambda v: {"start": v.x - 1.0})
    >>> try:
    ...     dae.check(model).require()
    ... except dae.StructureError as error:
    ...     print(str(error).split(".")[0])
    The variable 'y' appears nowhere
    """


@dataclass(frozen=True)
class Constraint:
    """A constraint without derivatives that the equations imply.

    Attributes
    ----------
    equations : names of those that are differentiated (at order 0: combined)
    order : 0 for a constraint that stands there, k for one that appears after k derivatives
    helpers : names of the other equations inserted
    variables : all in it
    determines : the algebraic variables that need it, empty if it holds between states alone
    text : str
    """

    equations: tuple
    order: int
    helpers: tuple
    variables: tuple
    determines: tuple
    text: str


@dataclass(frozen=True)
class Report:
    """What the structure of a system says.

    Attributes
    ----------
    counts : {what: number}
    index : differentiation index, None if the system is singular
    constraints : tuple of Constraint; those of order ≥ 1 are hidden
    problems : tuple of sentences; with any the system cannot be solved as it stands
    notes : tuple of sentences
    """

    counts: dict
    index: int | None = None
    constraints: tuple = ()
    problems: tuple = ()
    notes: tuple = field(default=())

    @property
    def ok(self):
        """Whether there are no problems; an index above 1 is none."""
        return not self.problems

    @property
    def hidden(self):
        """The constraints that appear by differentiation."""
        return tuple(c for c in self.constraints if c.order)

    def orders(self, points):
        """`Orders` of Radau IIA collocation with so many points."""
        if self.index is None:
            raise StructureError("the system is singular: it has no index. " + " ".join(self.problems))
        return radau_orders(self.index, points)

    def require(self):
        """This report, or StructureError with all problems."""
        if self.problems:
            raise StructureError(" ".join(self.problems))
        return self

    def __str__(self):
        lines = [", ".join(f"{number} {what}" for what, number in self.counts.items())]
        lines += [f"problem: {sentence}" for sentence in self.problems]
        if self.index is not None:
            lines.append(f"index {self.index}" + (": " + self._order_text() if self.index > 1 else ""))
        lines += [c.text for c in self.hidden]
        return "\n".join(lines + [f"note: {sentence}" for sentence in self.notes])

    def _order_text(self):
        return "Radau collocation has " + "; ".join(
            f"with {K} points {radau_orders(self.index, K).text}" for K in (2, 3))
