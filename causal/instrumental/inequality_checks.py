"""Checks of an instrument against what a valid one cannot give: inequalities, impossible ratios."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from causal.estimate import NotEstimable
from causal.findings import Row, numbers, tell
from causal.instrumental.balance import holm
from causal.instrumental.base import Found, Instrument, InstrumentCheck, does_not_apply, refused
from causal.instrumental.stages import fit_stages
from causal.instrumental.two_by_two import (
    Difference,
    chance_of_impossible,
    impossible_readings,
    readings_sentence,
)
from causal.instrumental.validity import (
    ValidityTest,
    huber_mellace_test,
    kitagawa_test,
    pearl_test,
)


class InstrumentalInequalities(InstrumentCheck):
    """Whether the data show what no valid instrument gives.

    Pearl's inequality needs no monotonicity; those of Kitagawa and of Huber and Mellace do. FAIL
    when one is violated at the level, corrected for their number by Holm; else PASS. Where a survey
    drew the rows, that of Kitagawa is left out, since its bootstrap would draw copies of them.

    Attributes
    ----------
    level : family-wise error.
    raises : whether the instrument raises exposure (true) or lowers it, as known from the design;
        what the data show when left out.

    Assumptions
    -----------
    The instrument is drawn at random for everybody, and 0/1 as is the exposure.

    References
    ----------
    Pearl (1995), Proc. UAI 11; Kitagawa (2015), doi:10.3982/ECTA11974; Huber & Mellace (2015),
    doi:10.1162/REST_a_00450.
    """

    kind: Literal["instrumental_inequalities"] = "instrumental_inequalities"
    level: float = Field(default=0.05, gt=0, lt=0.5)
    raises: bool | None = None

    cannot_see: ClassVar[str] = (
        "most violations: many invalid instruments break none of these inequalities, the fewer the "
        "weaker the instrument"
    )

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Make every test the kinds of variables allow."""
        problem = refused(one)
        if problem is not None:
            return problem
        first, second, third = rng.spawn(3)
        tests: list[ValidityTest | NotEstimable] = []
        arrays = one.y, one.a, one.z, one.w, one.cluster
        if one.outcome_kind == "binary":
            tests.append(pearl_test(*arrays, first, strata=one.strata))
        if one.strata is None:
            tests.append(kitagawa_test(*arrays, second, raises=self.raises))
        tests.append(huber_mellace_test(*arrays, third, raises=self.raises, strata=one.strata))
        made = [test for test in tests if not isinstance(test, NotEstimable)]
        if not made:
            reasons = [test.reason for test in tests if isinstance(test, NotEstimable)]
            return does_not_apply("; ".join(reasons))
        corrected = holm(np.array([test.p for test in made]))
        rows = tuple(
            Row(
                "test",
                numbers(
                    {
                        "statistic": test.statistic,
                        "p": test.p,
                        "p_corrected": float(p),
                        "inequalities": float(test.constraints),
                    }
                ),
                test.name,
                test.worst,
            )
            for test, p in zip(made, corrected, strict=True)
        )
        broken = [at for at, p in enumerate(corrected) if p < self.level]
        if broken:
            worst = made[min(broken, key=lambda at: float(corrected[at]))]
            return Found("FAIL", worst.sentence, rows)
        said = (
            f"None of the {len(made)} tests finds what no valid instrument gives (smallest "
            f"corrected p = {tell(float(corrected.min()))})."
        )
        return Found("PASS", said, rows)


class ImpossibleRatio(InstrumentCheck):
    """Whether the ratio of outcome to exposure moved is more than an effect on a share can be.

    FAIL when it lies beyond -1 or 1; its readings are printed, none asserted. Chance is one of them
    only where it gives such a ratio with a probability of at least 0.05.

    Assumptions
    -----------
    Outcome and exposure are 0/1, so that more persons changing outcome than exposure needs a
    reading.

    References
    ----------
    Andresen & Huber (2021), doi:10.1093/ectj/utab002 (a coarsened dose).
    """

    kind: Literal["impossible_ratio"] = "impossible_ratio"

    cannot_see: ClassVar[str] = "any violation that leaves the ratio between -1 and 1"

    def look(self, one: Instrument, rng: np.random.Generator) -> Found:
        """Hold the ratio against what can be."""
        if one.outcome_kind != "binary" or one.exposure_kind != "binary":
            return does_not_apply("outcome and exposure must both have two values")
        stages = fit_stages(one.y, one.a, one.z, one.given, one.w, one.cluster, one.strata)
        if isinstance(stages, NotEstimable):
            return does_not_apply(stages.reason)
        wald = stages.wald
        if isinstance(wald, NotEstimable):
            return does_not_apply(wald.reason)
        errors = np.sqrt(np.diag(stages.covariance))
        rows = (
            Row(
                "ratio",
                numbers(
                    {
                        "ratio": wald,
                        "reduced_form": stages.reduced,
                        "first_stage": stages.first,
                        "f": stages.f,
                    }
                ),
            ),
        )
        first = Difference(stages.first, float(errors[1]), share=True)
        reduced = Difference(stages.reduced, float(errors[0]), share=True)
        chance = chance_of_impossible(first, reduced, stages.covariance)
        if isinstance(chance, NotEstimable):
            return Found("PASS", f"The ratio is {tell(wald)}, which an effect can be.", rows)
        readings = impossible_readings(first, chance)
        said = (
            f"The ratio is {tell(wald)}, which no effect on a share can be. "
            f"{readings_sentence(chance, readings)} {' '.join(readings)}"
        )
        return Found("FAIL", said, rows)
