"""Names, constraints, tokens and promises: they steer the compiler and do no work."""

from __future__ import annotations

from jaxflops.jaxpr.registry import DECLARED, INDICES, PROVED, SAME, free

free("name", "optimization_barrier", "sharding_constraint", "layout_constraint", oracle=PROVED)
free("stop_gradient", "after_all", "create_token", "dce_sink", "inspect_sharding", oracle=PROVED)
free("random_wrap", "random_unwrap", "random_clone", "new_ref", "freeze", oracle=PROVED)
free("tie", "add_dependency", "reshard", "relayout", "shard_alike", oracle=PROVED)
free("with_memory_space_constraint", "remove_memory_space", "xla_metadata_value", oracle=PROVED)
free("pvary", "vary_unreduced_cast", "vary_unreduced_cast_p", "preduced", oracle=PROVED)
free("reduced_vary_cast", "reduced_vary_cast_p", "platform_index", "check", oracle=PROVED)
free("empty_ref", "free_ref", "pin", "unpin", oracle=PROVED)
free("new_box", "box_get", "box_set", oracle=PROVED)
free("host_local_array_to_global_array", "global_array_to_host_local_array", oracle=PROVED)
free("axis_index", "dimension_size", "dim_as_value", "shape_assertion", oracle=INDICES)
free("stage", oracle=f"{DECLARED}traced, it leaves no equation")
free("create_linear", oracle=f"{DECLARED}not written; JAX 0.10 does not lower it")
free("to_edtype", "from_edtype", oracle=f"{DECLARED}the bits of a dtype that none of JAX's own is")
free("unreachable", oracle=f"{DECLARED}raises when it is lowered")
free("assert_consumed_value", "consume", oracle=SAME)
free("new_log", "log_read", "log_extend", oracle=f"{DECLARED}a list in Python, never lowered")
free("has_memory_space", oracle=f"{DECLARED}answered while a kernel is lowered")
