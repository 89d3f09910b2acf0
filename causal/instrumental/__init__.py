"""What surrounds an instrument: published trials, bounds, tests of validity, and sensitivity."""
