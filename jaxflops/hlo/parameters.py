"""What a module takes, in the words of the program where it has them."""

from __future__ import annotations

from jaxflops.hlo.ir import Module
from jaxflops.hlo.kinds import long_name
from jaxflops.hlo.shape import Shape


def arguments(module: Module) -> tuple[str, ...]:
    """`params['w1']: float32[128,64]` for each parameter, as one device holds it."""
    return tuple(
        f"{each.op_name or each.name}: {_show(each.shape)}" for each in module.main.parameters
    )


def _show(shape: Shape) -> str:
    if shape.is_tuple:
        return f"({', '.join(map(_show, shape.parts))})"
    return f"{long_name(shape.dtype)}[{','.join(map(str, shape.dims))}]"
