"""What contradicts itself is refused by name, read or walked, and no valid module is."""

from dataclasses import replace

import jax
import pytest
from hlo_programs import PROGRAMS, compiled, lowered

from jaxflops.cost import Cost
from jaxflops.hlo.ir import HloError
from jaxflops.hlo.module import read_module
from jaxflops.hlo.proto import read_proto
from jaxflops.hlo.schema import message_classes
from jaxflops.hlo.text import read_text
from jaxflops.hlo.verify import verify
from jaxflops.hlo.walk import walk
from jaxflops.models import suite

HEAD = """HloModule m

%sum (x: f32[], y: f32[]) -> f32[] {
  %x = f32[] parameter(0)
  %y = f32[] parameter(1)
  ROOT %both = f32[] add(%x, %y)
}

%vectors (v: f32[8], w: f32[8]) -> f32[8] {
  %v = f32[8] parameter(0)
  %w = f32[8] parameter(1)
  ROOT %each = f32[8] add(%v, %w)
}

ENTRY %main {
  %p = f32[8] parameter(0)
  %q = f32[8] parameter(1)
  %i = s32[8] parameter(2)
  %b = pred[8] parameter(3)
  %h = bf16[8] parameter(4)
  %z = c64[8] parameter(5)
  %m = f32[8,8] parameter(6)
  %c = f32[] constant(0)
  %t = (f32[], f32[]) tuple(%c, %c)
  ROOT %it = """
ONE = "window={size=2}, to_apply=%sum"


def module(line):
    return HEAD + line + "\n}\n"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("f32[8] add(%p)", "it needs 2 operands"),
        ("f32[8] add(%p, %q, %p)", "it needs 2 operands"),
        ("f32[8] select(%b, %p)", "it needs 3 operands"),
        ("f32[8] tanh(%p, %q)", "it needs 1 operand. The"),
        ("f32[8] copy(%p, %q)", "it needs 1 operand. The"),
        ("f32[] add(%t)", "it needs 2 operands"),
        ("f32[] add(%t, %t)", "the operands should be floating or complex or signed"),
        ("f32[8] add(%p, %i)", "the operands should have one dtype"),
        ("c64[8] multiply(%z, %p)", "the operands should have one dtype"),
        ("s32[8] tanh(%i)", "the operands should be floating or complex"),
        ("f32[8] and(%p, %q)", "the operands should be signed or unsigned or truth values"),
        ("f32[8] select(%p, %p, %q)", "its first operand should be truth values"),
        ("f32[8] select(%b, %p, %i)", "the operands should have one dtype"),
        ("f32[8] compare(%p, %q), direction=LT", "the result should have another dtype"),
        ("s32[8] add(%p, %q)", "the result should have another dtype"),
        ("f32[8] is-finite(%p)", "the result should have another dtype"),
        ("c64[8] abs(%z)", "the result should have another dtype"),
        ("f32[8] complex(%p, %q)", "the result should have another dtype"),
        ("s32[8] copy(%p)", "the result should have another dtype"),
        ("c64[8] fft(%z), fft_type=FFT, fft_length={16}", "those of a FFT of the lengths (16,)"),
        ("c64[8] fft(%z), fft_type=FFT", "it needs one operand and its lengths"),
        ("f32[8] fft(%p), fft_type=FFT, fft_length={8}", "those of a FFT"),
        ("c64[8] fft(%p), fft_type=RFFT, fft_length={8}", "those of a RFFT"),
        ("f32[8] fft(%z), fft_type=IRFFT, fft_length={8}", "those of a IRFFT"),
        (f"f32[80] reduce-window(%p, %c), {ONE}", "the window takes the positions (7,)"),
        (f"f32[7,7] reduce-window(%p, %c), {ONE}", "the window takes the positions (7,)"),
        (f"f32[7] reduce-window(%m, %c), {ONE}", "the window has 1 dimensions"),
        ("f32[7] reduce-window(%p, %c), window={size=2x2}, to_apply=%sum", "has 2 dimensions"),
        ("f32[7] reduce-window(%p, %c), window={size=2}", "and a function"),
        (f"f32[7] reduce-window(%p), {ONE}", "it needs arrays, as many values to begin with"),
        ("f32[] reduce(%p, %c), dimensions={0}, to_apply=%vectors", "function of its scalars"),
        ("f32[8] sort(%p), dimensions={0}, to_apply=%vectors", "function of its scalars"),
        ("f32[8] map(%p, %q), dimensions={0}, to_apply=%vectors", "function of its scalars"),
        (
            "f32[4] fusion(%p, %q), kind=kLoop, calls=%vectors",
            "the result is not that of 'vectors'",
        ),
        ("f32[8] scan(%p)", "it needs arrays, states, an axis, a function"),
        ("f32[8] cholesky(%p)", "it needs a square matrix"),
        ("f32[8] triangular-solve(%m, %p), left_side=true", "it needs a matrix"),
        ("f32[8,8] triangular-solve(%m, %m)", "and its options"),
        ("f32[8] sort(%p), dimensions={1}, to_apply=%sum", "it cannot sort along (1,)"),
        (
            "c64[8,8] dot(%m, %m), lhs_contracting_dims={1}, rhs_contracting_dims={0}",
            "complex and real numbers are mixed",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(line, message):
    with pytest.raises(HloError, match="The module is damaged") as caught:
        read_text(module(line))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "cost"),
    [
        ("f32[8] add(%p, %h)", Cost(other_flops=8)),  # backends mix precisions in place
        ("bf16[8] select(%b, %h, %p)", Cost(other_flops=8)),
        ("bf16[8] copy(%p)", Cost()),
        ("f32[8] clamp(%c, %p, %c)", Cost(other_flops=8)),
        ("pred[8] compare(%i, %i), direction=LT", Cost(int_ops=8)),
        ("f32[8] abs(%z)", Cost(other_flops=24, transcendentals=8)),
        ("c64[8] complex(%p, %q)", Cost()),
        ("c64[5] fft(%p), fft_type=RFFT, fft_length={8}", Cost(other_flops=60)),
        (f"f32[7] reduce-window(%p, %c), {ONE}", Cost(other_flops=7)),
        (
            "f32[9] reduce-window(%p, %c), window={size=2 pad=1_1}, to_apply=%sum",
            Cost(other_flops=7),
        ),
        ("s32[8] convert(%b)", Cost(int_ops=8)),
        ("pred[8] add(%b, %b)", Cost(int_ops=8)),
    ],
)
def test_what_backends_do_is_priced(line, cost):
    leaf = [each for each in walk(read_text(module(line))).leaves() if each.node.name == "it"]
    assert replace(leaf[0].node.own, bytes_read=0, bytes_written=0) == cost


def test_a_missing_shape_is_not_a_scalar():
    data = message_classes()["Module"].FromString(serialized("matmul"))
    entry = next(c for c in data.computations if c.id == data.entry_computation_id)
    entry.instructions[0].ClearField("shape")
    with pytest.raises(HloError, match="a shape is missing, or has no dtype"):
        read_module(data.SerializeToString())


def test_a_transform_of_no_length_is_refused():
    """Otherwise it changed the count."""
    data = message_classes()["Module"].FromString(serialized("fourier"))
    found = [ins for each in data.computations for ins in each.instructions if ins.fft_length]
    found[0].fft_length[0] = -1
    with pytest.raises(HloError, match=r"those of a .*FFT of the lengths \(-1,"):
        read_module(data.SerializeToString())


def serialized(name):
    return compiled(name).runtime_executable().hlo_modules()[0].as_serialized_hlo_module_proto()


@pytest.mark.parametrize("name", PROGRAMS)
def test_no_program_is_refused(name):
    for stage in (lowered(name), compiled(name)):
        verify(read_module(stage))


MODELS = {
    name: (loss, args)
    for name, loss, args in suite("small")
    if "remat" not in name and "unrolled" not in name
}


@pytest.mark.parametrize("name", MODELS)
def test_no_model_is_refused(name):
    loss, args = MODELS[name]
    staged = jax.jit(jax.value_and_grad(loss, argnums=loss.argnums)).lower(*args)
    verify(read_module(staged))
    verify(read_module(staged.compile()))


@pytest.mark.parametrize("was", [b"get-tuple-element", b"compare", b"add", b"multiply", b"copy"])
@pytest.mark.parametrize("now", [b"add", b"multiply", b"scan", b"reduce-window", b"fft", b"copy"])
def test_other_opcodes_in_what_reading_trusts_are_refused_or_unknown(was, now):
    """The slice of a loop's condition was walked before its instructions were checked."""
    data = message_classes()["Module"].FromString(serialized("transformer"))
    right = walk(read_proto(data.SerializeToString(), trusted=True))
    alike = {b"add", b"multiply"} >= {was, now}
    for computation in data.computations:
        changed = [ins for ins in computation.instructions if ins.opcode == was and was != now]
        for ins in changed[:3]:
            ins.opcode = now
            try:
                tree = walk(read_proto(data.SerializeToString(), trusted=True))
            except HloError:
                continue
            finally:
                ins.opcode = was
            shows = any(leaf.node.state == "unknown" for leaf in tree.leaves())
            assert alike or shows or tree.total == right.total
