"""Work that a program hands to something JAX cannot see: the host, a foreign function.

What reaches a callback is moved, and what the host then does takes no device time; each use says
so. A foreign function runs on the device: its cost is unknown until the user states it.
"""

from __future__ import annotations

from typing import Any

from jaxflops.cost import Cost
from jaxflops.errors import UnknownCostError
from jaxflops.jaxpr.op import Op
from jaxflops.jaxpr.registry import cost_rule

HOST = "runs on the host: only the bytes that reach it are counted"
STATED = "stated by the user"


@cost_rule("pure_callback", "io_callback", "buffer_callback", state="moved", note=HOST, oracle=HOST)
@cost_rule("debug_callback", "debug_print", state="moved", note=HOST, oracle=HOST)
def callback(_op: Op, /, **_: Any) -> Cost:
    """Operands and results cross to the host and back."""
    return Cost()


@cost_rule("ffi_call", oracle=STATED)
def ffi_call(_op: Op, /, *, target_name: str, **_: Any) -> Cost:
    """Unknown: raises UnknownCostError that names the target."""
    raise UnknownCostError(f"{target_name!r} is a foreign function (state it with jf.costed)")


@cost_rule("tpu_custom_call", "cudnn_fusion", "mosaic_gpu_p", "custom_fusion", oracle=STATED)
@cost_rule("call_exported", "call_hi_primitive", "call_hi_primitive_linearized", oracle=STATED)
@cost_rule("inline_mgpu", "inline_mgpu_p", oracle=STATED)
@cost_rule("thunky.custom_call", "thunky.ptx_kernel", "thunky.call_jax", oracle=STATED)
@cost_rule("thunky.call_thunky_nested", "thunky.cond", "thunky.while", oracle=STATED)
@cost_rule("thunky.async_start", "thunky.async_done", "thunky.collective_group", oracle=STATED)
@cost_rule("thunky.all_reduce", "thunky.reduce_scatter", oracle=STATED)
@cost_rule("elementwise_inline_asm", "elementwise_inline_asm_p", oracle=STATED)
def foreign(_op: Op, /, **_: Any) -> Cost:
    """Unknown: raises UnknownCostError; what runs is a compiled kernel or another language."""
    raise UnknownCostError("what it runs is not visible (state it with jf.costed)")


@cost_rule("spsolve", oracle=STATED)
def spsolve(_op: Op, /, **_: Any) -> Cost:
    """Unknown: raises UnknownCostError; a sparse factorisation fills in as the values say."""
    raise UnknownCostError("the fill-in of a sparse solve depends on the values")
