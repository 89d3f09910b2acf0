"""How much of the association between mutual-help groups and drug use remains."""

__version__ = "0.1.0"
