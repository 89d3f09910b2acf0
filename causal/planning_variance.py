"""Which conventions of standard errors a design allows, told before any data are seen."""

from __future__ import annotations

from causal.errors import SpecError
from causal.estimators.variance import NOT_OF_SURVEYS, OF_CLUSTERS, refuse_survey_variance
from causal.planning_subgroups import subgroup_rungs
from causal.spec import Analysis, Specification


def check_variances(specification: Specification) -> None:
    """Refuse conventions that the design, imputation or subgroups have no place for.

    Raises
    ------
    SpecError
        With the place of the rung, and what to choose instead.
    """
    for number, rung in enumerate(specification.analysis.ladder):
        try:
            _check(specification.analysis, rung.name, number)
        except SpecError as error:
            error.place = specification.document.place(("ladder", number, "estimator"))
            raise
    _check_imputation(specification)


def _check(analysis: Analysis, name: str, number: int) -> None:
    """Check one rung."""
    variance, design = analysis.ladder[number].estimator.variance, analysis.design
    kind = variance.kind
    if design.survey is not None and (kind in NOT_OF_SURVEYS or not variance.clustered):
        refuse_survey_variance(variance)
    if kind in OF_CLUSTERS and design.grouping is None and not design.repeats_persons:
        raise SpecError(
            f"variance.kind {kind} is for clusters, and persons are independent here. Name "
            "design.cluster, or choose HC0 or HC1."
        )
    if kind != "wild":
        return
    if analysis.missing.imputes:
        raise SpecError(
            "sets of the wild bootstrap are not pooled over imputations. Choose CR1S with "
            "reference: t, or CR2."
        )
    if any(name in subgroup_rungs(analysis, one) for one in analysis.subgroups):
        raise SpecError(
            f"subgroups compare rung '{name}' by standard errors, and wild gives a set. Choose "
            "CR1S with reference: t, or CR2."
        )


def _check_imputation(specification: Specification) -> None:
    """Refuse to impute a survey's values by models that do not know its weight."""
    missing, survey = specification.analysis.missing, specification.analysis.design.survey
    if survey is None or survey.weight is None or not missing.imputes:
        return
    known = [name.split("@")[0] for name in missing.imputation.auxiliary]
    if survey.weight not in known:
        raise specification.document.error(
            ("missing",),
            f"values are imputed without the survey's weight '{survey.weight}', as if it had "
            "nothing to do with them. Add it: "
            f"imputation: {{auxiliary: [{survey.weight}@baseline]}}.",
        )
