"""`Phased`: the totals, the phases and their ratio, of every result that has a cost."""

from __future__ import annotations

from abc import ABC, abstractmethod

from jaxflops.cost import Cost
from jaxflops.errors import JaxflopsError
from jaxflops.polynomial import Count, Ratio, ratio
from jaxflops.tree import Phase


class Phased(ABC):
    """A cost in phases, which sum to the total."""

    @property
    @abstractmethod
    def total(self) -> Cost:
        """Everything that runs, trip counts included."""

    @abstractmethod
    def phase(self, name: Phase) -> Cost:
        """Cost of one phase; zero when nothing of the program belongs to it."""

    @property
    def flops(self) -> Count:
        """Contractions plus other floating-point work, without transcendentals."""
        return self.total.flops

    @property
    def matmul_flops(self) -> Count:
        """Contractions only: dots and convolutions; a multiply-add is 2."""
        return self.total.matmul_flops

    @property
    def transcendentals(self) -> Count:
        """Calls of exp, log, tanh, erf ..."""
        return self.total.transcendentals

    @property
    def forward(self) -> Cost:
        """Cost of the forward phase."""
        return self.phase("forward")

    @property
    def recompute(self) -> Cost:
        """Cost of what remat runs again."""
        return self.phase("recompute")

    @property
    def backward(self) -> Cost:
        """Cost of the backward phase, without recompute."""
        return self.phase("backward")

    @property
    def update(self) -> Cost:
        """Cost of unmarked work on gradients: the optimizer."""
        return self.phase("update")

    @property
    def ratio(self) -> Count | Ratio:
        """Contraction FLOPs of backward over forward, exactly."""
        forward = self.forward.matmul_flops
        if not forward:
            raise JaxflopsError(
                "ratio is backward / forward contraction FLOPs, and this program's forward phase "
                "has none (under remat in mode='grad' it is dead: use mode='value_and_grad')"
            )
        return ratio(self.backward.matmul_flops, forward)
