"""A generated survey of clinics in regions, whose weighted and unweighted effects differ."""
