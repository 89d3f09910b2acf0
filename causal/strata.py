"""Strata of a survey: from which part of the population each row's sampling unit was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from causal.arrays import Bools, Floats, Ints


@dataclass(frozen=True, slots=True, eq=False)
class Strata:
    """Where each row was drawn, and how much of it there was to draw.

    The number of units drawn is that of the design: rows that are left out, by a population or for
    a missing value, leave their stratum as large as it was drawn, so that a part of a sample has
    the standard error of a part and not that of a smaller sample.

    Attributes
    ----------
    code : (n,) ints, the stratum of each row.
    drawn : (n,) floats, primary sampling units drawn in it.
    fraction : (n,) floats, share of its units that were drawn; 0 where the population is taken to
        be without end.
    certain : whether a stratum with one unit is taken to have been drawn with certainty, so that
        it adds nothing to the variance; else its unit is held against the mean of all.

    References
    ----------
    Lumley (2004), doi:10.18637/jss.v009.i08 (domains keep the design they were drawn by).
    """

    code: Ints
    drawn: Floats
    fraction: Floats
    certain: bool = False

    def rows(self, kept: Bools) -> Strata:
        """Keep these rows; (n,) booleans."""
        return Strata(self.code[kept], self.drawn[kept], self.fraction[kept], self.certain)

    def at(self, rows: Ints) -> Strata:
        """Give what belongs to rows by their position, one a sampling unit say."""
        return Strata(self.code[rows], self.drawn[rows], self.fraction[rows], self.certain)

    @property
    def number(self) -> int:
        """Give how many strata there are."""
        return len(np.unique(self.code))

    def free(self, cluster: Ints | None) -> int:
        """Give sampling units less strata, of the rows that are left: degrees of freedom.

        Parameters
        ----------
        cluster : (n,) ints, the sampling units; None where they are the rows.

        References
        ----------
        Korn & Graubard (1999), Analysis of Health Surveys, section 2.5.
        """
        units = len(self.code) if cluster is None else len(np.unique(cluster))
        return units - self.number


def same_strata(one: Strata | None, other: Strata | None) -> bool:
    """Tell whether two fits have the same strata, or both none."""
    if one is None or other is None:
        return one is other
    return one is other or (
        one.certain == other.certain
        and np.array_equal(one.code, other.code)
        and np.array_equal(one.drawn, other.drawn)
        and np.array_equal(one.fraction, other.fraction)
    )


def centred_in_strata(sums: Floats, strata: Strata) -> Floats:
    r"""Centre sums over sampling units within strata, scaled so that products are variances.

    .. math:: \sqrt{(1 - f_h) \frac{n_h}{n_h - 1}} \Big(\psi_{hg} - \frac{1}{n_h} \sum_{g'}
        \psi_{hg'}\Big)

    Units drawn of which no row is left have :math:`\psi = 0`; together they are one more row.

    Parameters
    ----------
    sums : (G, k) floats, one row a sampling unit.
    strata : of these G units.

    Returns
    -------
    (G + H, k) floats, of which the last H, one a stratum, stand for units without a row.

    References
    ----------
    Binder (1983), doi:10.2307/1402588; Lohr (2010), Sampling: Design and Analysis, 9.1;
    one unit in a stratum: ``survey.lonely.psu`` of Lumley (2004), doi:10.18637/jss.v009.i08.
    """
    _, first, stratum = np.unique(strata.code, return_index=True, return_inverse=True)
    drawn, fraction = strata.drawn[first], strata.fraction[first]
    lonely = drawn < 2
    left = np.bincount(stratum)
    means = np.zeros((len(first), sums.shape[1]))
    np.add.at(means, stratum, sums)
    means /= drawn[:, None]
    scale = np.sqrt((1 - fraction) * np.where(lonely, 1.0, drawn / np.maximum(drawn - 1, 1)))
    if strata.certain:
        scale[lonely] = 0.0
    means[lonely] = 0.0  # held against the mean of all influence values
    absent = np.sqrt(np.maximum(drawn - left, 0.0))
    centred = scale[stratum, None] * (sums - means[stratum])
    return np.vstack([centred, scale[:, None] * absent[:, None] * means])
