"""A generated cohort whose true effect is known, in nine scenarios."""
