"""Device seconds joined with the compiled program: which site an instruction's time belongs to."""
