"""Lane 2: what XLA will run, read from serialized modules or from HLO text."""
