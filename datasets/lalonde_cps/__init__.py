"""The trained of the NSW experiment beside survey controls: confounding with a known answer."""
