"""Operation counts as pure functions of sizes, one family a file; every lane counts by them.

Sizes are ints or polynomials, and so are the counts. Nothing here knows JAX or XLA.
"""
