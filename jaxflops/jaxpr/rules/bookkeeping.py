"""Names, constraints, tokens and promises: they steer the compiler and do no work."""

from __future__ import annotations

from jaxflops.jaxpr.registry import free

PROOF = "lowers to no arithmetic"
MARK = "a mark; nothing runs"

free("name", "stop_gradient", "optimization_barrier", "tie", "stage", oracle=PROOF)
free("sharding_constraint", "layout_constraint", "reshard", "relayout", "shard_alike", oracle=PROOF)
free("with_memory_space_constraint", "remove_memory_space", "xla_metadata_value", oracle=PROOF)
free("after_all", "create_token", "add_dependency", "dce_sink", "inspect_sharding", oracle=PROOF)
free("platform_index", "axis_index", "dimension_size", "dim_as_value", oracle=MARK)
free("shape_assertion", "check", "assert_consumed_value", "consume", oracle=MARK)
free("pvary", "vary_unreduced_cast", "vary_unreduced_cast_p", oracle=MARK)
free("reduced_vary_cast", "reduced_vary_cast_p", "preduced", oracle=MARK)
free("new_ref", "empty_ref", "freeze", "free_ref", "pin", "unpin", oracle=MARK)
free("create_linear", "unreachable", "to_edtype", "from_edtype", oracle=MARK)
free("new_box", "box_get", "box_set", "new_log", "log_read", "log_extend", oracle=MARK)
free("program_order", "has_memory_space", oracle=MARK)
free("random_wrap", "random_unwrap", "random_clone", oracle=PROOF)
free("host_local_array_to_global_array", "global_array_to_host_local_array", oracle=MARK)
