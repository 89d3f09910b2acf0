"""Card's extract of the NLS Young Men: schooling, wages and growing up near a college."""
