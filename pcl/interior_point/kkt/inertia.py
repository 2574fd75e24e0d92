"""Inertia correction: the smallest shifts δ_w, δ_c of a geometric sequence that give descent.

Algorithm IC of Wächter and Biegler 2006, section 3.1: a singular matrix is first tried with δ_c at the
same δ_w. Departures: δ_c stays on once it was enough; an inaccurate solution counts as singular; δ_w = 0
is not tried at every step where it kept failing.
"""

_FIRST = 1e-4       # δ̄_w⁰
_SMALLEST, _LARGEST = 1e-20, 1e40   # δ̄_w^min, δ̄_w^max
_GROW_FIRST, _GROW, _SHRINK = 100.0, 8.0, 1.0 / 3.0     # κ̄_w⁺, κ_w⁺, κ_w⁻
_HOPELESS, _EVERY = 2, 5     # failures of δ_w = 0 in a row until it is tried every fifth time only
_DELTA_C, _POWER = 1e-8, 0.25       # δ̄_c, κ_c: δ_c = δ̄_c μ^κ_c


class Irregular(Exception):
    """No shift gives the right inertia."""


class InertiaCorrection:
    """Shifts of the last steps, and the search for the next."""

    def __init__(self):
        self.last = 0.0
        self.dependent = False
        self._failures = self._skipped = 0

    def forget(self):
        """Begin again with the smallest shifts."""
        self.last, self._failures, self._skipped = 0.0, 0, 0

    def solve(self, make, solve, mu):
        """(system, solution, δ_w, δ_c) of the first system that is right.

        make(δ_w, δ_c) -> System;  solve(system) -> solution, which sets `system.accurate`.
        """
        shift_c = _DELTA_C * mu ** _POWER
        delta_c, skip = shift_c if self.dependent else 0.0, self._is_hopeless()
        for delta_w in self._shifts(skip):
            system, solution, delta_c = self._tried(make, solve, delta_w, delta_c, shift_c)
            if solution is not None:
                self._remember(delta_w)
                return system, solution, delta_w, delta_c
            if delta_w == 0.0:
                self._failures += 1
        raise Irregular("The matrix of the step cannot be made regular.")

    def _is_hopeless(self):
        """Whether to leave out δ_w = 0: after two failures running it is tried every fifth time."""
        self._skipped = (self._skipped + 1) % _EVERY if self._failures >= _HOPELESS else 0
        return self._skipped > 0

    def _shifts(self, skip):
        """0 (unless skipped), then the geometric sequence of δ_w."""
        if not skip:
            yield 0.0
        delta_w = _FIRST if self.last == 0.0 else max(_SMALLEST, _SHRINK * self.last)
        while delta_w <= _LARGEST:
            yield delta_w
            delta_w *= _GROW_FIRST if self.last == 0.0 else _GROW

    def _tried(self, make, solve, delta_w, delta_c, shift_c):
        """(system, solution or None, δ_c): a singular matrix is tried again with δ_c before δ_w grows."""
        system, solution = self._attempt(make, solve, delta_w, delta_c)
        if solution is None and delta_c == 0.0 and (system.singular or system.right_inertia):
            system, solution = self._attempt(make, solve, delta_w, shift_c)
            if solution is not None:
                self.dependent = True
            if solution is not None or not system.singular:
                delta_c = shift_c
        return system, solution, delta_c

    def _remember(self, delta_w):
        if delta_w == 0.0:
            self._failures = self._skipped = 0
        else:
            self.last = delta_w

    def _attempt(self, make, solve, delta_w, delta_c):
        system = make(delta_w, delta_c)
        if not system.right_inertia:
            return system, None
        solution = solve(system)
        return system, solution if system.accurate and system.right_inertia else None
