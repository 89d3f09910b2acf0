"""The National Supported Work experiment: a job training programme whose effect is known."""
