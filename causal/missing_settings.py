"""What a specification says of missing values: left out, filled in, kept, or imputed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import model_validator

from causal.documents import Settings
from causal.imputation.settings import Imputation


class MissingData(Settings):
    """What is done where values are missing.

    ``multiple_imputation`` may stand for covariates, exposure and outcome; all are imputed
    together. Rows without an outcome then take part in imputing whatever is said of the outcome,
    and are left out after that, kept, or used with what was imputed.

    Attributes
    ----------
    covariates : ``median`` of everybody's first wave, after features; ``complete_case``; or
        ``multiple_imputation``.
    updated : for covariates at an interval's start: ``complete_case``, ``baseline`` for the
        person's value at the first wave (then as for covariates), or ``multiple_imputation``.
    columns : exceptions to either, by column.
    exposure : ``refuse`` (say so instead of dropping), ``complete_case``, ``keep`` for rungs
        that weigh for those who were not seen at the exposure interview (``entered``), or
        ``multiple_imputation``; with one row a person, those not seen at that interview are
        imputed too, exposure and outcome alike, though they may have been seen later.
    outcome : ``complete_case``, ``keep`` for estimators that predict it or rungs that weigh for
        it (``followed``), ``multiple_imputation``, or ``as_use``: who was due for the outcome
        interview and has no outcome is counted as having used.
    use_value : the value of a 0/1 outcome that stands for use, with ``as_use``: 1 where the
        outcome is use, 0 where it is abstinence.
    imputation : how values are imputed.
    """

    covariates: Literal["median", "complete_case", "multiple_imputation"] = "complete_case"
    updated: Literal["complete_case", "baseline", "multiple_imputation"] = "complete_case"
    columns: Mapping[
        str, Literal["median", "complete_case", "baseline", "multiple_imputation"]
    ] = {}
    exposure: Literal["refuse", "complete_case", "keep", "multiple_imputation"] = "refuse"
    outcome: Literal["complete_case", "keep", "multiple_imputation", "as_use"] = "complete_case"
    use_value: Literal[0, 1] | None = None
    imputation: Imputation = Imputation()

    @property
    def imputes(self) -> bool:
        """Tell whether anything is imputed."""
        declared = (self.covariates, self.updated, self.exposure, self.outcome)
        return "multiple_imputation" in (*declared, *self.columns.values())

    @model_validator(mode="after")
    def _says_what_use_is(self) -> MissingData:
        if self.outcome == "as_use" and self.use_value is None:
            raise ValueError(
                "outcome: as_use counts missing outcomes as use; say which value that is: "
                "use_value: 1 where the outcome is use, use_value: 0 where it is abstinence"
            )
        if self.outcome != "as_use" and self.use_value is not None:
            raise ValueError("use_value is for outcome: as_use; take it away, or say as_use")
        return self

    @model_validator(mode="after")
    def _imputes_if_it_says_how(self) -> MissingData:
        if "imputation" in self.model_fields_set and not self.imputes:
            raise ValueError(
                "imputation says how values are imputed, and none are; say multiple_imputation "
                "for covariates, updated, columns, exposure or outcome, or take imputation away"
            )
        return self
