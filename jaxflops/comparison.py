"""`Comparison`: what `jf.compare` returns; three columns, and a row for every difference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jaxflops import views
from jaxflops.compare.ledger import holds, unexplained_flops
from jaxflops.compare.rows import Row
from jaxflops.cost import Cost
from jaxflops.polynomial import Count
from jaxflops.report import files, ledger
from jaxflops.results import Analysis
from jaxflops.tree import Node


@dataclass(frozen=True)
class Column:
    """A program as XLA holds it, before or after optimization, read into the tree.

    xla_reported: XLA's own cost analysis of it, as is; None where the backend has none.
    """

    name: str
    tree: Node = field(repr=False)
    xla_reported: Mapping[str, float] | None = field(default=None, repr=False)

    @property
    def total(self) -> Cost:
        """Everything that runs, trip counts included."""
        return self.tree.total

    @property
    def flops(self) -> Count:
        """Contractions plus other floating-point work, without transcendentals."""
        return self.total.flops

    @property
    def matmul_flops(self) -> Count:
        """Contractions only: dots and convolutions; a multiply-add is 2."""
        return self.total.matmul_flops

    def by(self, key: views.Key, depth: int | None = None) -> dict[str, Cost]:
        """Cost by primitive, scope, source, dtype, kind or phase; each view sums to the total."""
        return views.by(self.tree, key, depth)


@dataclass(frozen=True)
class Comparison:
    """Contraction FLOPs counted, lowered and compiled, and the causes of every difference.

    counted: the jaxpr's analysis. lowered: XLA's program before optimization. compiled: after it;
      None where the program was lowered for a platform that is not here.
    rows: counted + rows of its step = lowered, and lowered + rows of its step = compiled.
    """

    counted: Analysis
    lowered: Column
    compiled: Column | None
    rows: tuple[Row, ...]

    @property
    def unexplained(self) -> int:
        """Contraction FLOPs that no named equation, instruction or pass accounts for."""
        return unexplained_flops(list(self.rows))

    @property
    def ok(self) -> bool:
        """Whether at most a millionth of the contractions is unexplained."""
        return holds(list(self.rows), self.counted.tree)

    def to_json(self, path: str | Path | None = None) -> dict[str, Any]:
        """Totals and rows as plain data; written to `path` when given."""
        return ledger.dump(self, path)

    def to_markdown(self, path: str | Path | None = None) -> str:
        """Totals and rows as a Markdown table; written to `path` when given."""
        shown = ledger.markdown(self)
        if path is not None:
            files.write(shown + "\n", path)
        return shown

    def __repr__(self) -> str:
        name = self.counted.provenance.function
        return f"<Comparison of {name}: {self.unexplained} contraction FLOPs unexplained>"

    def __str__(self) -> str:
        return ledger.text(self)
