"""The errors jaxflops raises: each message says what was got and what to write instead."""


class JaxflopsError(Exception):
    """Base of every error that jaxflops raises on purpose; catching it catches them all."""


class SpecError(JaxflopsError):
    """A shape spec, a size or a command-line argument that cannot be read."""


class TraceError(JaxflopsError):
    """A function that JAX cannot trace with the arguments it was given."""


class UnknownCostError(JaxflopsError):
    """A number that needs the cost of something whose cost is not known."""
