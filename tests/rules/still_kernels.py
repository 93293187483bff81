"""What a kernel does besides moving data, read from the module that it is lowered to."""

from __future__ import annotations

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import jax
import still_tpu

TPU = still_tpu.KERNELS
GPU: dict[str, still_tpu.Call] = {}
if still_tpu.NEWEST:
    import still_gpu

    GPU = still_gpu.KERNELS

# Moving, addressing, waiting: no arithmetic on data.
STILL = re.compile(
    r"""func\..* | memref\..* | builtin\..* | llvm\.mlir\..* | scf\.(if|while|condition|yield)
    | gpu\.(barrier|block_dim|block_id|cluster_block_id|cluster_dim_blocks|grid_dim|thread_id)
    | gpu\.(dynamic_shared_memory|launch|terminator)
    | arith\.(constant|index_cast|index_castui)
    | vector\.(load|store|broadcast|bitcast|extract)
    | tpu\.(vector_load|vector_store|dynamic_rotate|bitcast|iteration_bound|assume_multiple)
    | vector\.shape_cast | tpu\.transpose
    | tpu\.(trace_value|delay|sem_\w+|enqueue_dma|wait_dma2?|barrier)
    | tpu\.(region|yield|matmul_push_rhs|matmul_pop|matmul_pop_fifo)
    | llvm\.(alloca|bitcast|extractelement|extractvalue|insertelement|insertvalue|func)
    | llvm\.(getelementptr|inttoptr|ptrtoint|load|store)
    | nvvm\.(elect|shfl|fence|mbarrier|cp\.async)\..*""",
    re.VERBOSE,
)
# On integers alone, and one at a time.
ON_INDICES = re.compile(
    r"""arith\.(addi|subi|muli|divui|remui|maxui|minui|andi|xori|shrui|cmpi|extui|select)
    | llvm\.(add|mul|and|or|lshr)""",
    re.VERBOSE,
)
INTEGERS = re.compile(r"(i\d+|index)( to (i\d+|index))?")
# Instructions in PTX; those that add do so to a semaphore, a counter of 32 bits.
PTX = re.compile(
    r"""(prefetch|mbarrier|fence|bar\.sync|bar\.red\.or\.pred|barrier|cp\.async|nanosleep)\b.*
    | (setmaxnreg|griddepcontrol|st\.async|ld\.shared|mapa|multimem\.st|clusterlaunchcontrol)\b.*
    | tcgen05\.(alloc|relinquish_alloc_permit|dealloc|ld|st|wait|cp)\b.*
    | wgmma\.(fence|wait_group)\b.* | \.reg
    | (multimem\.)?red\.\w+\.sys\.global\.add\.u32 | atom\.\w+\.sys\.global\.cas\.b32""",
    re.VERBOSE,
)
FOREIGN = re.compile(r"llvm\.call @nvshmemx_mc_ptr\(|llvm\.call_intrinsic .*\.tcgen05\.commit\.")


def module(call: still_tpu.Call, platform: str, on: Any = None) -> str:
    """The module of a kernel as it is printed when it is lowered, on a TPU or else `on` what."""
    fn, args = call
    jax.clear_caches()  # a kernel that was traced before is not printed again
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), on or still_tpu.a_chip():
        jax.jit(fn).trace(*args).lower(lowering_platforms=(platform,))
    _, text = re.split(r"The (?:Mosaic|Mosaic GPU|Triton) module", printed.getvalue())
    return text


def work(text: str, indices: bool) -> Iterator[str]:
    """The lines of a module that compute; with `indices`, integers one at a time do not count."""
    for line in map(str.strip, text.splitlines()):
        found = re.match(r"(?:%[^=]*= )?\"?([a-z]\w*\.[a-z_][\w.]*)", line)
        if found is None or STILL.fullmatch(found[1]) or FOREIGN.search(line):
            continue
        if found[1] == "llvm.inline_asm":
            yield from (each for each in instructions(line) if not PTX.fullmatch(each))
        elif not (indices and ON_INDICES.fullmatch(found[1]) and of_integers(line)):
            yield line


def of_integers(line: str) -> bool:
    return INTEGERS.fullmatch(line.rsplit(" : ", 1)[-1]) is not None


def instructions(line: str) -> Iterator[str]:
    """The mnemonics of inline PTX, without predicates and operands."""
    (quoted,) = re.findall(r"inline_asm (?:[\w=]+ )*\"([^\"]*)\"", line)
    for statement in re.split(r";|\\0A|[{}] ", quoted.replace("{\\0A", "\\0A")):
        words = re.sub(r"^\s*(@\$\d+)?", "", statement).split()
        if words and re.match(r"[a-z.]", words[0]):
            yield words[0]
