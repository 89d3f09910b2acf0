"""The HELP cohort: 470 detox inpatients in Boston, seen again at 6, 12, 18 and 24 months."""
