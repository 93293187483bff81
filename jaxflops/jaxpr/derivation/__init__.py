"""Every contraction by name, and the forward product that each backward one belongs to."""

from jaxflops.jaxpr.derivation.derive import derive as derive
from jaxflops.jaxpr.derivation.rows import Derivation as Derivation
from jaxflops.jaxpr.derivation.rows import Note as Note
from jaxflops.jaxpr.derivation.rows import Row as Row
