"""The array types every numerical function speaks, and the flag that keeps them as they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def read_only(values: Floats) -> Floats:
    """Return the values as a C-contiguous float array that cannot be written to.

    Parameters
    ----------
    values : array of any shape

    Returns
    -------
    A copy of the same shape with ``flags.writeable`` off.
    """
    frozen = np.array(values, dtype=np.float64, order="C")
    frozen.flags.writeable = False
    return frozen
