"""Parts and resamples of the sample: does the estimate hang on few, is its error right."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal import inference
from causal.arrays import Floats, Ints
from causal.diagnostics import Verdict
from causal.errors import OutcomeError
from causal.estimate import NotEstimable
from causal.findings import tell
from causal.refuters.base import (
    TOLERATED_SHIFT,
    Examined,
    Refutation,
    Refuter,
    judge_shift,
    tell_failures,
)
from causal.refuters.changes import Resample
from causal.refuters.drawing import Draws, refit
from causal.refuters.spread import (
    Bits,
    SpreadTest,
    judge_spread,
    move_without,
    name_groups,
    number_groups,
)
from causal.refuters.survey_draws import rescaled_weights, unit_strata, why_no_resamples


class _Resampling(Refuter):
    """What both have in common: persons, or the clusters of the design, are drawn."""

    counts_in_errors: ClassVar[bool] = True

    @property
    @abstractmethod
    def _implied(self) -> float:
        """Give the standard deviation of draws over the standard error of the estimate."""

    @property
    def _refits(self) -> bool:
        """Tell whether everything is fitted again, so that the mean of the draws says something."""
        return True

    def examine(self, examined: Examined) -> Refutation:
        """Draw, refit, and judge centre and spread."""
        if self._refits and (why := why_no_resamples(examined.sample)):
            return self.decline(examined.rung, why)
        group, number = number_groups(examined.sample)
        streams, chosen = examined.rng.spawn(self._number), list[Bits]()
        found = self._fit(examined, group, number, streams, chosen)
        spread = judge_spread(found.values, self._implied * examined.std_error)
        shift, detectable, moved = judge_shift(found.values, examined.value, examined.std_error)
        doubts = self._doubts(examined, found, chosen, number)
        open_: list[str] = []
        far = abs(shift) > TOLERATED_SHIFT * examined.std_error
        if far and self._refits:
            (doubts if moved else open_).append(
                f"the mean moves by {tell(shift)}, more than a quarter standard error"
            )
        if spread.outside or spread.wrong:
            (doubts if spread.wrong else open_).append(
                "the reported standard error is wrong by more than a fifth"
                if spread.wrong
                else "that is more than a fifth away from 1"
            )
        verdict: Verdict = "FAIL" if doubts else "NOT_RESOLVABLE" if open_ else "PASS"
        doubts += [f"{one}, but not beyond Monte-Carlo error: take more draws" for one in open_]
        return self.conclude(
            examined,
            expected=examined.value,
            draws=found.values,
            p_value=None,
            verdict=verdict,
            reason=self._sentence(examined, found, spread, doubts),
            detectable=detectable,
        )

    def _fit(
        self,
        examined: Examined,
        group: Ints,
        number: int,
        streams: list[np.random.Generator],
        chosen: list[Bits],
    ) -> Draws:
        """Fit on each draw of persons, nuisances anew; note in ``chosen`` who was in each."""
        alone = np.array_equal(group, np.arange(number))

        def draw(rng: np.random.Generator) -> Resample:
            counts = self._choose(number, rng)
            if self._notes:
                chosen.append(np.packbits(counts > 0))
            return Resample(counts if alone else counts[group])

        changed = ((draw(rng), rng) for rng in streams)
        sample, estimator = examined.sample, examined.estimator
        return refit(changed, estimator, sample, examined.scale, same_rows=False)

    def _sentence(
        self, examined: Examined, found: Draws, spread: SpreadTest, doubts: list[str]
    ) -> str:
        """Say what was found."""
        mean = examined.natural(float(found.values.mean()))
        centre = (
            f"mean {tell(mean, examined.std_error)} over {len(found.values)} draws where "
            f"{tell(examined.natural(examined.value))} is expected; their spread"
            if self._refits
            else f"the spread of {len(found.values)} draws"
        )
        said = (
            f"{self._what(name_groups(examined.sample))}: {centre} is "
            f"{spread.ratio:.2f} times what the reported standard error implies "
            f"({spread.low:.2f} to {spread.high:.2f})"
        )
        return f"{said}{''.join(f'; {one}' for one in doubts)}{tell_failures(found)}."

    @property
    def _notes(self) -> bool:
        """Tell whether who was chosen is to be noted, a bit a person and draw."""
        return False

    @property
    @abstractmethod
    def _number(self) -> int:
        """Give the number of draws."""

    @abstractmethod
    def _what(self, drawn: str) -> str:
        """Name the draws, of persons or clusters."""

    @abstractmethod
    def _choose(self, persons: int, rng: np.random.Generator) -> Ints:
        """Choose persons: (persons,) ints, how often each is there."""

    def _doubts(
        self,
        examined: Examined,
        found: Draws,
        chosen: list[Bits],
        persons: int,
    ) -> list[str]:
        """Say what else is wrong; nothing unless a refuter looks for more."""
        return []


class DataSubset(_Resampling):
    r"""Random parts of the persons, everything fitted again.

    Leaving out persons at random must not move the mean, must spread the draws by
    :math:`\sqrt{(1 - s)/s}` standard errors (the delete-d jackknife), and must not depend on
    whether one particular person is among those left out.

    Attributes
    ----------
    draws : subsets.
    share : part of the persons kept.
    tolerance : what leaving out one person may change, in standard errors.

    References
    ----------
    Shao & Wu (1989), doi:10.1214/aos/1176347263 (delete-d jackknife).
    """

    kind: Literal["data_subset"] = "data_subset"
    draws: int = Field(default=500, ge=20, le=100_000)
    share: float = Field(default=0.8, ge=0.5, le=0.95)
    tolerance: float = Field(default=0.5, gt=0)

    sees: ClassVar[str] = (
        "an estimate that hangs on one or few persons, or on the size of the sample"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding and any other bias that all parts of the sample share"
    )

    @property
    def _implied(self) -> float:
        return math.sqrt((1 - self.share) / self.share)

    @property
    def _notes(self) -> bool:
        return True

    @property
    def _number(self) -> int:
        return self.draws

    def _what(self, drawn: str) -> str:
        return f"{100 * self.share:.0f} % of the {drawn} at random"

    def _choose(self, persons: int, rng: np.random.Generator) -> Ints:
        left_out = persons - round(self.share * persons)
        chosen = np.ones(persons, dtype=np.int64)
        chosen[rng.choice(persons, left_out, replace=False, shuffle=False)] = 0
        return chosen

    def _doubts(
        self,
        examined: Examined,
        found: Draws,
        chosen: list[Bits],
        persons: int,
    ) -> list[str]:
        """Look for persons without whom the estimate is another one."""
        inside = (np.unpackbits(chosen[draw], count=persons) for draw in found.kept)
        moves, error = move_without(found.values, inside, self.share)
        beyond = inference.critical_value(1 - (1 - inference.LEVEL) / persons) * error
        driven = int((np.abs(moves) - beyond > self.tolerance * examined.std_error).sum())
        if not driven:
            return []
        largest = float(np.abs(moves).max()) / examined.std_error
        named = name_groups(examined.sample)
        who = f"{named.removesuffix('s')} moves" if driven == 1 else f"{named} each move"
        return [
            f"{driven} {who} the estimate by "
            f"more than {self.tolerance:g} standard errors when left out, "
            f"{tell(largest, digits=2)} at most"
        ]


class Bootstrap(_Resampling):
    """Persons drawn with replacement, everything fitted again; no noise is added to covariates.

    The spread of the draws is the standard error by another way, and their mean shows the bias of
    small samples. Where the design has clusters, clusters are drawn.

    Attributes
    ----------
    draws : resamples.
    method : ``refit`` fits everything again. ``multiplier`` fits nothing and weighs each person's
        influence value, of the rung's own fit, by how often the person is drawn: a linearisation,
        hundreds of times cheaper. Only the spread is judged: it finds clusters the standard error
        ignores, but neither bias nor a part of the sampling error that the influence values
        themselves leave out (weights taken as known).

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapters 6, 10 and 22.6
    (resampling influence values).
    """

    kind: Literal["bootstrap"] = "bootstrap"
    draws: int = Field(default=500, ge=50, le=100_000)
    method: Literal["refit", "multiplier"] = "refit"

    sees: ClassVar[str] = (
        "a standard error that is wrong (clusters ignored, weights taken as known), and an "
        "estimator that is biased at this size"
    )
    cannot_see: ClassVar[str] = (
        "unmeasured confounding: every resample has it as much as the sample"
    )

    @property
    def _implied(self) -> float:
        return 1.0

    def examine(self, examined: Examined) -> Refutation:
        """Draw and judge, unless resamples do not show this estimator's standard error."""
        why = examined.estimator.why_no_bootstrap
        if why and self._refits:
            return self.decline(examined.rung, why)
        return super().examine(examined)

    @property
    def _refits(self) -> bool:
        return self.method == "refit"

    @property
    def _number(self) -> int:
        return self.draws

    def _what(self, drawn: str) -> str:
        if self.method == "multiplier":
            return (
                f"Influence values weighed as if {drawn} were drawn with replacement (a "
                "linearisation: nothing is fitted again, so bias cannot show)"
            )
        return f"{drawn.capitalize()} drawn with replacement"

    def _fit(
        self,
        examined: Examined,
        group: Ints,
        number: int,
        streams: list[np.random.Generator],
        chosen: list[Bits],
    ) -> Draws:
        """Fit on each draw, or weigh the influence values of the rung's own fit."""
        if self._refits:
            return super()._fit(examined, group, number, streams, chosen)
        share = np.bincount(group, own_influence(examined), number)
        moves = [float((self._weigh(examined, group, rng) - 1) @ share) for rng in streams]
        return Draws(
            values=examined.value + np.array(moves),
            kept=np.arange(len(moves)),
            influence=None,
            failed=0,
            std_errors=np.empty(0),
            half_widths=np.empty(0),
        )

    def _weigh(self, examined: Examined, group: Ints, rng: np.random.Generator) -> Floats:
        """Weigh what is drawn as one: by how often it is, within strata where a survey drew."""
        strata = examined.sample.strata
        if strata is not None:
            return rescaled_weights(unit_strata(strata, group), rng)
        return self._choose(int(group.max()) + 1, rng).astype(np.float64)

    def _choose(self, persons: int, rng: np.random.Generator) -> Ints:
        return np.bincount(rng.integers(0, persons, persons), minlength=persons)


def own_influence(examined: Examined) -> Floats:
    """Give what each row of the sample adds to the rung's own estimate: (n,) floats.

    The rung's influence values are of all rows of the analysis, 0 in those it does not use.

    Raises
    ------
    OutcomeError
        There are none, or it cannot be told which rows of the sample they belong to.
    """
    fitted = examined.estimates.contrast(examined.scale)
    if isinstance(fitted, NotEstimable):
        raise OutcomeError(fitted.reason)
    if isinstance(fitted.influence, NotEstimable):
        raise OutcomeError(f"there are no influence values ({fitted.influence.reason})")
    added = fitted.influence[:, 0] / len(fitted.influence)
    if len(added) != examined.sample.n:
        added = added[added != 0]
    if len(added) != examined.sample.n:
        raise OutcomeError(
            "the rung uses fewer rows than the analysis has, and its influence values do not tell "
            "which; take method: refit"
        )
    return added
