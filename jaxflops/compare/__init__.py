"""The ledger: every contraction FLOP of one lane accounted for in the next."""
