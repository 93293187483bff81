"""Names, constraints, tokens and promises: they steer the compiler and do no work."""

from __future__ import annotations

from jaxflops.jaxpr.registry import DECLARED, PROVED, free

free("name", "optimization_barrier", "sharding_constraint", "layout_constraint", oracle=PROVED)
free("stop_gradient", "after_all", "create_token", "dce_sink", "inspect_sharding", oracle=PROVED)
free("random_wrap", "random_unwrap", "random_clone", "new_ref", "freeze", oracle=PROVED)
free("tie", "stage", "add_dependency", oracle=DECLARED)
free("reshard", "relayout", "shard_alike", oracle=DECLARED)
free("with_memory_space_constraint", "remove_memory_space", "xla_metadata_value", oracle=DECLARED)
free("platform_index", "axis_index", "dimension_size", "dim_as_value", oracle=DECLARED)
free("shape_assertion", "check", "assert_consumed_value", "consume", oracle=DECLARED)
free("pvary", "vary_unreduced_cast", "vary_unreduced_cast_p", oracle=DECLARED)
free("reduced_vary_cast", "reduced_vary_cast_p", "preduced", oracle=DECLARED)
free("empty_ref", "free_ref", "pin", "unpin", oracle=DECLARED)
free("create_linear", "unreachable", "to_edtype", "from_edtype", oracle=DECLARED)
free("new_box", "box_get", "box_set", "new_log", "log_read", "log_extend", oracle=DECLARED)
free("program_order", "has_memory_space", oracle=DECLARED)
free("host_local_array_to_global_array", "global_array_to_host_local_array", oracle=DECLARED)
