"""Lane 1: what a program asks for, read from its jaxpr."""
