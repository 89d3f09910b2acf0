"""NHEFS: smoking cessation and weight gain, the worked example of Hernan and Robins."""
