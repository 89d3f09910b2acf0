"""Random streams that are a function of the seed and of a name, never of order or worker."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def generator(seed: int, *path: str | int) -> np.random.Generator:
    """Give the random stream of one named step.

    Adding or removing a step changes no other step's numbers, as in the ``targets`` R package.

    Parameters
    ----------
    seed : the seed of the analysis.
    path : the name of the step, such as ``("rung", "full")``.

    Returns
    -------
    An independent generator, the same on every machine and for any number of workers.
    """
    import numpy as np

    words = "\x1f".join(str(part) for part in (seed, *path))
    digest = sha256(words.encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))
