"""Lets ``python -m causal`` stand for the command ``causal``."""

import sys

from causal.cli import main

sys.exit(main())
