"""Multiple imputation: chained equations by predictive mean matching, pooled by Rubin's rules."""
