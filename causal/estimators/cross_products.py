"""Cross products and residuals of many rows by few columns, in blocks of rows that stay in cache.

Least squares of a few responses on a constant and covariates needs the rows twice: once for their
cross products, once for residuals. Nothing of the size of the covariates is ever written.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from causal.arrays import Floats, Ints

BLOCK = 4096
"""Rows a block; with 25 columns .8 MB, what a core's own cache holds."""
LOOKED_AT = 4096
"""Rows, evenly spaced, whose mean the columns are shifted by, so that squares stay small."""
PLAIN = 1e-8
"""Smallest eigenvalue of correlations, as a share of the largest, at which cross products are safe.

They square the condition number: here they keep 8 of 16 digits, and the second pass of
``residuals`` brings back the others.
"""
CONSTANT = 1e-12
"""A spread below this share of the mean is rounding."""
CORRECTED = 1e-13
"""Correlation of residuals with covariates at which they are taken out a second time."""


@dataclass(frozen=True, slots=True, eq=False)
class Design:
    """A constant and covariates, orthonormal once shifted, weighed and turned.

    Attributes
    ----------
    x : (m, p) floats, as given.
    root : (m,) floats, square roots of the weights.
    shift : (p,) floats.
    turn : (p + 1, r) floats; ``root * [1, x - shift] @ turn`` has r orthonormal columns.
    """

    x: Floats
    root: Floats
    shift: Floats
    turn: Floats

    @property
    def rank(self) -> int:
        """Give the number of estimable coefficients."""
        return int(self.turn.shape[1])

    def rows(self, chosen: slice | Ints) -> Floats:
        """Give rows of the orthonormal columns."""
        shifted = np.column_stack([np.ones(len(self.x[chosen])), self.x[chosen] - self.shift])
        return np.asarray(self.root[chosen][:, None] * (shifted @ self.turn))


def shifts(columns: Floats) -> Floats:
    """Give about the means of columns, from evenly spaced rows."""
    return np.asarray(columns[:: max(1, len(columns) // LOOKED_AT)].mean(axis=0))


def cross_products(x: Floats, responses: Floats, shift: Floats, root: Floats) -> Floats:
    """Give the (k + 1, k + 1) cross products of a constant and k shifted, weighed columns.

    Parameters
    ----------
    x : (m, p) floats, rows contiguous.
    responses : (m, k - p) floats, columns contiguous.
    shift : (k,) floats taken from the columns.
    root : (m,) floats, square roots of weights.
    """
    total = np.zeros((len(shift) + 1, len(shift) + 1))
    for _, block in _filled(x, responses, shift, root):
        total += block.T @ block
    return total


def _filled(
    x: Floats, responses: Floats, shift: Floats, root: Floats
) -> Iterator[tuple[slice, Floats]]:
    """Give rows, and in a block a constant and shifted columns times root weight."""
    p = x.shape[1]
    weighed = bool((root != 1.0).any())
    buffer = np.empty((min(BLOCK, len(root)), len(shift) + 1))
    for first in range(0, len(root), BLOCK):
        rows = slice(first, min(first + BLOCK, len(root)))
        block = buffer[: rows.stop - rows.start]
        block[:, 0] = 1.0
        np.subtract(x[rows], shift[:p], out=block[:, 1 : p + 1])
        for j in range(responses.shape[1]):  # one by one: a loop over two columns is slow
            np.subtract(responses[rows, j], shift[p + j], out=block[:, p + 1 + j])
        if weighed:
            block *= root[rows, None]
        yield rows, block


def correlations(products: Floats, shift: Floats) -> Floats | None:
    """Give correlations of the columns of ``cross_products``; None where one does not vary."""
    total = products[0, 0]
    mean = products[0, 1:] / total
    centred = products[1:, 1:] - total * np.outer(mean, mean)
    spread = np.sqrt(np.maximum(np.diag(centred), 0.0) / total)
    if (spread <= CONSTANT * np.maximum(1.0, np.abs(mean + shift))).any():
        return None
    return np.asarray(centred / (total * np.outer(spread, spread)))


def well_posed(products: Floats, shift: Floats) -> bool:
    """Tell whether columns vary, and no one is nearly a combination of the others."""
    found = correlations(products, shift)
    if found is None:
        return False
    values = np.linalg.eigvalsh(found) if len(found) else np.ones(1)
    return bool(values[0] > PLAIN * values[-1])


def plain_design(x: Floats, shift: Floats, root: Floats, products: Floats) -> Design:
    """Give the design whose cross products, constant first, are known and well posed."""
    upper = np.linalg.cholesky(products).T
    return Design(x, root, shift, np.linalg.inv(upper))


def residuals(design: Design, responses: Floats, products: Floats) -> Floats:
    """Give (m, k) floats, what a design leaves of responses, times root weight.

    Parameters
    ----------
    responses : (m, k) floats, columns contiguous, as are those given.
    products : ``cross_products`` of covariates and responses, shifted by ``design.shift`` and
        ``shifts`` of the responses.
    """
    size = len(design.turn)
    left = np.empty(responses.shape, order="F")
    onto = np.zeros((size, responses.shape[1]))
    shift = np.concatenate([design.shift, shifts(responses)])
    coefficients = design.turn @ (design.turn.T @ products[:size, size:])
    for rows, block in _filled(design.x, responses, shift, design.root):
        rest = block[:, size:] - block[:, :size] @ coefficients
        onto += block[:, :size].T @ rest
        left[rows] = rest
    scale = np.sqrt(np.einsum("ij,ij->j", left, left))
    onto = design.turn.T @ onto
    if (np.abs(onto) > CORRECTED * scale).any():
        correction = design.turn @ onto
        for rows, block in _filled(design.x, left[:, :0], design.shift, design.root):
            left[rows] -= block @ correction
    return left
