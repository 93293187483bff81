"""Attributes of instructions, as the modules of real programs have them."""

from pathlib import Path

import jax
import jax.numpy as jnp
from hlo_programs import DUMPS, PROGRAMS, compiled, instructions, lowered, shape

from jaxflops.hlo.attributes import ConvDims, DotDims, TriangularSolve, WindowDim
from jaxflops.hlo.module import read_module


def lower_for(platform, function, args):
    return jax.jit(function).trace(*args).lower(lowering_platforms=(platform,))


def test_dot():
    (dot,) = instructions(read_module(lowered("matmul")), "dot")
    assert dot.attributes.dot == DotDims(lhs_contracting=(2,), rhs_contracting=(0,))
    assert dot.attributes.precision == ("highest", "highest")
    assert (dot.shape.dtype, dot.shape.dims) == ("f32", (3, 4, 16))
    assert dot.op_name.endswith("dot_general")


def test_ragged_dot():
    args = shape(8, 16), shape(3, 16, 32), shape(3, dtype=jnp.int32)
    module = read_module(lower_for("tpu", jax.lax.ragged_dot, args))
    (dot,) = instructions(module, "ragged-dot")
    assert dot.attributes.dot == DotDims((1,), (1,), lhs_ragged=(0,), rhs_group=(0,))


def test_convolution():
    found = instructions(read_module(lowered("convolution_grad")), "convolution")
    forward = next(ins for ins in found if "transpose" not in ins.op_name)
    assert forward.attributes.conv == ConvDims(0, 3, (1, 2), 2, 3, (0, 1), 0, 3, (1, 2))
    assert forward.attributes.window == (
        WindowDim(3, 2, 1, 2),
        WindowDim(3, 1, 0, 1, window_dilation=2),
    )
    assert forward.attributes.feature_group_count == 2
    assert {ins.attributes.batch_group_count for ins in found} == {1, 2}


def test_indexing_and_sorting():
    module = read_module(lowered("sort_and_index"))
    assert instructions(module, "sort")[0].attributes.dimensions == (1,)
    assert instructions(module, "gather")[0].attributes.gather.offset_dims == (1,)
    assert instructions(module, "gather")[0].attributes.slice_sizes == (1, 7)
    assert instructions(module, "scatter")[0].attributes.scatter.update_window_dims == (1,)
    assert instructions(module, "dynamic-slice")[0].attributes.slice_sizes == (2, 3)


def test_fft_types_and_lengths():
    found = instructions(read_module(lowered("fourier")), "fft")
    assert {(ins.attributes.fft_type, ins.attributes.fft_length) for ins in found} == {
        ("RFFT", (16,)),
        ("IRFFT", (16,)),
        ("FFT", (4, 16)),
    }


def test_library_calls():
    module = read_module(compiled("cholesky"))
    calls = {
        ins.attributes.custom_call_target: ins.attributes.backend_config
        for ins in instructions(module, "custom-call")
    }
    assert calls["lapack_spotrf_ffi"].get("uplo") == ord("L")
    solve = read_module(lower_for("tpu", *PROGRAMS["cholesky"]))
    (solve,) = instructions(solve, "triangular-solve")
    assert solve.attributes.triangular_solve == TriangularSolve(True, True, False, "NO_TRANSPOSE")


def test_windows_and_padding():
    module = read_module(lowered("windows"))
    (scattered,) = instructions(module, "select-and-scatter")
    assert [(dim.size, dim.stride) for dim in scattered.attributes.window] == [
        (1, 1),
        (2, 2),
        (2, 2),
    ]
    assert len(scattered.called) == 2
    assert ((1, 0, 0), (0, 2, 1), (-1, 0, 0)) in {
        ins.attributes.padding for ins in instructions(module, "pad")
    }


def test_branches_are_called_in_order():
    (choice,) = instructions(read_module(lowered("branches")), "conditional")
    assert len(choice.called) == 3


def test_a_loop_calls_its_body_then_its_condition():
    module = read_module(compiled("transformer"))
    loop = instructions(module, "while")[0]
    assert module[loop.called[0]].result.shape.is_tuple
    assert module[loop.called[1]].result.shape.dtype == "pred"
    assert loop.known_trip_count == 2


def test_fusions_and_parameters():
    module = read_module(compiled("transformer"))
    fused = instructions(module, "fusion")
    assert {ins.attributes.fusion_kind for ins in fused} <= {
        "kLoop",
        "kInput",
        "kOutput",
        "kCustom",
    }
    assert len(module.main.parameters) == len(jax.tree.leaves(PROGRAMS["transformer"][1]))
    assert all(site[1].called for name in module.callers for site in module.callers[name])


def test_frames_lead_to_the_users_line():
    module = read_module(compiled("transformer"))
    dots = [ins for ins in instructions(module, "dot") if ins.frame]
    source = Path(__file__).with_name("hlo_programs.py").read_text().splitlines()
    lines = {source[ins.frame.line - 1].strip() for ins in dots if ins.frame.function == "layer"}
    assert 'q, k, v = jnp.split(x @ p["qkv"], 3, -1)' in lines
    frames = [frame.function for frame in dots[0].frame.chain()]
    assert any(function.startswith("transformer") for function in frames)
    assert all(
        'body "quoted" {brace} é' in ins.op_name for ins in dots if "layer" in repr(ins.frame)
    )


def test_small_literals_have_their_values_and_large_ones_none():
    module = read_module(lowered("many_dtypes"))
    found = {ins.shape[:2]: ins.attributes.literal for ins in instructions(module, "constant")}
    values = found["f32", (3,)]
    assert values[0] == 1.5
    assert values[1] != values[1]
    assert values[2] == -float("inf")
    assert any(
        dtype == "bf16" and literal == (0.69921875,) for (dtype, _), literal in found.items()
    )


def test_async_wrappers_are_read_as_text_prints_them():
    module = read_module(DUMPS / "cuda_fsdp.pb")
    starts = instructions(module, "fusion-start")
    assert {module[ins.called[0]].result.opcode for ins in starts} <= {
        "dynamic-slice",
        "bitcast",
        "dynamic-update-slice",
    }
    assert len(instructions(module, "fusion-done")) == len(starts) > 0
    assert instructions(module, "all-reduce-start")[0].attributes.replica_groups == ((0, 1), (2, 3))
    assert all(ins.is_async for ins in starts)
    assert not instructions(module, "async-start")


def test_library_convolutions_of_cudnn_keep_window_and_labels():
    (call,) = [
        ins
        for ins in instructions(read_module(DUMPS / "cuda_conv.pb"), "custom-call")
        if ins.attributes.custom_call_target == "__cudnn$convForward"
    ]
    assert [(dim.size, dim.stride) for dim in call.attributes.window] == [(3, 2), (3, 2)]
    assert (call.attributes.conv.kernel_spatial, call.attributes.conv.kernel_output_feature) == (
        (1, 2),
        0,
    )


def test_library_products_of_cublas_keep_their_dimensions():
    call = next(
        ins
        for ins in instructions(read_module(DUMPS / "cuda_complex_dot.pb"), "custom-call")
        if ins.attributes.custom_call_target == "__cublas$lt$matmul"
    )
    dims = call.attributes.backend_config.get("gemm_backend_config")["dot_dimension_numbers"]
    assert (dims["lhs_contracting_dimensions"], dims["rhs_contracting_dimensions"]) == (
        ["1"],
        ["0"],
    )
