"""The scoreboard: its cases, the counters, the child that asks one of them, and the verdicts."""
