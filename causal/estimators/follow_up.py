"""Loss to follow-up: chances of being seen and of a known outcome, and whom the seen stand for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Self

import numpy as np

from causal.arrays import Bools, Floats, read_only
from causal.cohort import Sample
from causal.errors import OutcomeError, PositivityError
from causal.estimators.base import Estimator
from causal.estimators.glm import SeparationFoundError, fit_glm
from causal.estimators.nuisance import (
    EntryModel,
    NuisanceStore,
    ObservationFit,
    ObservationModel,
    OutcomeModel,
    PropensityModel,
    choose_terms,
    interacting_columns,
    separation_message,
)
from causal.estimators.outcome_fit import OutcomeFit, outcome_columns


class WeighsFollowUp(Estimator):
    """What estimators share that weigh the rows with an outcome for those without.

    Attributes
    ----------
    observation : the regression of having an outcome at all, by whose inverse rows are weighed.
    entry : the regression of being seen at the exposure interview, likewise.
    """

    stabilises: ClassVar[bool] = False

    observation: ObservationModel | None = None
    entry: EntryModel | None = None

    @property
    def takes_missing_outcomes(self) -> bool:
        """Tell whether rows without outcome are weighed for."""
        return self.observation is not None

    @property
    def takes_missing_exposures(self) -> bool:
        """Tell whether persons not seen at the exposure interview are weighed for."""
        return self.entry is not None

    def balancing(self, sample: Sample) -> Sample:
        """Keep the terms that are to balance: those of exposure, not those of follow-up alone."""
        models = [one for _, one in self if isinstance(one, PropensityModel | OutcomeModel)]
        models.sort(key=lambda one: isinstance(one, OutcomeModel))  # only where it is alone
        terms = [one.terms for one in models]
        if self.observation is None or not terms or terms[0] is None:
            return sample
        return sample.with_terms(terms[0])

    def follow_up(self, sample: Sample) -> tuple[ObservationFit, ...]:
        """Fit the regressions whose inverse multiplies the weights, entry first."""
        fits = []
        if self.entry is not None:
            fits.append(fit_entry(sample, self.entry))
        if self.observation is not None:
            fits.append(fit_observation(sample, self.observation))
        return tuple(fits)

    def follow_up_factors(self, sample: Sample) -> tuple[tuple[str, Floats], ...]:
        """Give what multiplies the weights for follow-up, by name; nothing without follow-up."""
        if self.observation is None:
            return ()
        names = [] if self.entry is None else ["attrition: seen when exposure was asked"]
        names.append("attrition: outcome known")
        shares = shares_followed(sample)[-len(names) :]
        return tuple(
            (name, (share if self.observation.stabilised else 1.0) / one.fit.fitted)
            for name, share, one in zip(names, shares, self.follow_up(sample), strict=True)
        )

    def standing(self, sample: Sample, rows: Bools | None = None) -> Standing:
        """Say whom each row with an outcome stands for.

        Parameters
        ----------
        rows : (n,) booleans, the rows to fit on; all when None.
        """
        seen = None if self.entry is None else fit_entry(sample, self.entry, rows)
        if self.observation is None:
            return stand(sample, seen, None)
        return stand(sample, seen, fit_observation(sample, self.observation, rows))

    def with_follow_up(
        self, adjusted: tuple[str, ...], observation: ObservationModel, entry: EntryModel | None
    ) -> Self:
        """Give these settings with follow-up weighed for.

        Parameters
        ----------
        adjusted : the terms the regressions of exposure and outcome take where they name none.
        """
        update: dict[str, object] = {"observation": observation, "entry": entry}
        for name, model in self:
            if isinstance(model, PropensityModel | OutcomeModel):
                terms = adjusted if model.terms is None else model.terms
                update[name] = model.model_copy(update={"terms": terms})
        return self.model_copy(update=update)


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """Whom rows stand for, and how that moves with the chances fitted.

    Attributes
    ----------
    entry : (n,) floats, inverse chance of being seen at the exposure interview; 0 for those not
        seen, 1 where everybody was.
    outcome : (n,) floats, that times the inverse chance of a known outcome; 0 for rows without.
    seen, known : both regressions; None where there is none, or where it was fitted on other
        persons, whose error is not chained.
    """

    entry: Floats
    outcome: Floats
    seen: ObservationFit | None = None
    known: ObservationFit | None = None

    def chain(self, by_outcome: Floats, by_entry: Floats | float = 0.0) -> Floats:
        """Give (n,) influence that the chances fitted add to a mean; (n, m) for m means.

        Parameters
        ----------
        by_outcome, by_entry : (n,) floats, or (n, m), what of each row's part in a mean is
            proportional to ``outcome``, and what to ``entry``.
        """
        added = np.zeros(by_outcome.shape)
        for stage, moved in ((self.seen, by_outcome + by_entry), (self.known, by_outcome)):
            if stage is not None:
                added = added + stage.fit.influence @ (_slopes(stage).T @ moved / len(moved))
        return added


def _slopes(stage: ObservationFit) -> Floats:
    """Give (n, p) derivatives of the logarithm of an inverse chance in its coefficients."""
    return -stage.design * (1 - stage.fit.fitted)[:, None]


def stand(sample: Sample, seen: ObservationFit | None, known: ObservationFit | None) -> Standing:
    """Take the inverses of fitted chances."""
    entry = sample.entered / (1.0 if seen is None else seen.fit.fitted)
    outcome = entry * sample.observed / (1.0 if known is None else known.fit.fitted)
    return Standing(entry, outcome, seen, known)


def fit_observation(
    sample: Sample, model: ObservationModel, rows: Bools | None = None
) -> ObservationFit:
    """Fit having an outcome on exposure and covariates, among those seen.

    Parameters
    ----------
    rows : (n,) booleans, the rows to fit on; all when None.

    Raises
    ------
    PositivityError
        The covariates determine who is followed; names the terms.
    OutcomeError
        Every outcome is known.
    """
    chosen = choose_terms(sample, model.terms)
    interacting = interacting_columns(chosen, model.interactions)
    entered = sample.entered
    exposed = np.where(entered, sample.a, 0.0)
    columns = outcome_columns(exposed, chosen.x, interacting, pooled=True)
    seen = sample.observed.astype(np.float64)
    if seen[entered].all():
        raise OutcomeError(
            "every outcome is known, so there is no loss to follow-up to weigh for. Take "
            "'followed' away, or set missing.outcome to keep."
        )
    used = entered if rows is None else entered & rows
    try:
        fit = fit_glm(columns, seen, sample.w, "logit", None if used.all() else used)
    except SeparationFoundError as found:
        names = ("exposure", *chosen.terms, *(f"exposure:{t}" for t in model.interactions))
        raise PositivityError(separation_message("follow-up", names, found)) from None
    return ObservationFit(fit, fit.design(columns))


def fit_entry(sample: Sample, model: EntryModel, rows: Bools | None = None) -> ObservationFit:
    """Fit being seen at the exposure interview on earlier covariates.

    Parameters
    ----------
    rows : (n,) booleans, the rows to fit on; all when None.

    Raises
    ------
    PositivityError
        The covariates determine who is seen; names the terms.
    OutcomeError
        Everybody was seen.
    """
    chosen = choose_terms(sample, model.terms)
    if sample.entered.all():
        raise OutcomeError(
            "everybody was seen at the exposure interview, so there is nobody to weigh for. "
            "Take 'entered' away, or set missing.exposure to keep."
        )
    try:
        fit = fit_glm(chosen.x, sample.entered.astype(np.float64), sample.w, "logit", rows)
    except SeparationFoundError as found:
        message = separation_message("presence at the exposure interview", chosen.terms, found)
        raise PositivityError(message) from None
    return ObservationFit(fit, fit.design(chosen.x))


def shares_followed(sample: Sample) -> tuple[Floats, Floats]:
    """Give the marginal chances that stabilise inverse chances.

    Returns
    -------
    (n,) the share seen at the exposure interview, and (n,) of these the share with a known outcome,
    by arm; 0 for those never seen.
    """
    known = np.zeros(sample.n)
    entered = np.full(sample.n, np.average(sample.entered, weights=sample.w))
    for arm in (0, 1):
        here = sample.a == arm
        known[here] = np.average(sample.observed[here], weights=sample.w[here])
    return entered, known


def exposure_filled(sample: Sample) -> Sample:
    """Put 0 for exposures never seen, in rows that no outcome regression is fitted on."""
    if sample.entered.all():
        return sample
    return replace(sample, a=read_only(np.where(sample.entered, sample.a, 0.0)))


def weighted_outcome(sample: Sample, model: OutcomeModel, standing: Standing) -> OutcomeFit:
    r"""Regress the outcome of the followed, weighted by whom they stand for.

    The error of the chances is chained into the coefficients: with U the weighted score and
    :math:`\gamma` the coefficients of a chance, :math:`E[\partial U / \partial \gamma]` times the
    influence of :math:`\gamma` joins each row's score.

    References
    ----------
    Robins, Rotnitzky & Zhao (1995), doi:10.1080/01621459.1995.10476493, section 3 (inverse
    probability of censoring weighted regression); Stefanski & Boos (2002),
    doi:10.1198/000313002753631330 (stacked equations).
    """
    weighed = replace(exposure_filled(sample), w=read_only(sample.w * standing.outcome))
    found = NuisanceStore().outcome(weighed, model)
    fits = []
    for fit in found.fits:
        own = fit.scores
        added = np.zeros_like(own)
        for stage in (standing.seen, standing.known):
            if stage is not None:
                gradient = _slopes(stage).T @ own / sample.n
                added += stage.fit.influence @ gradient
        fits.append(replace(fit, added=read_only(added)))
    return replace(found, fits=tuple(fits))
