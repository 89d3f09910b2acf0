"""How a survey drew its sample, as keys of a specification: weight, strata, units, population."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pydantic import model_validator

from causal.documents import Settings

Lonely: TypeAlias = Literal["refuse", "certainty", "centred"]


class SurveyDesign(Settings):
    """The design a sample was drawn by; every column has one value a person.

    Standard errors are linearised: sums over sampling units, centred within strata, with one
    degree of freedom a unit less one a stratum.

    Attributes
    ----------
    weight : column with the inverse of the probability of being in the sample, up to a factor;
        all weigh alike when left out. Estimates then answer for the population, and the weight
        multiplies whatever else weighs.
    strata : column with the stratum; one stratum when left out.
    cluster : column with the primary sampling unit, numbered within strata or throughout; persons
        when left out. It takes the place of ``design.cluster``.
    population_size : column with the number of sampling units there are in the person's stratum;
        the variance is then smaller by the share that was drawn (finite population correction).
        Leave it out for an effect that is meant to hold beyond that population.
    lonely : what to do with a stratum of one unit, whose variance is unknown: ``refuse``; it was
        drawn with ``certainty`` and adds nothing; or ``centred`` at the mean of all units.

    References
    ----------
    Binder (1983), doi:10.2307/1402588; Lumley (2004), doi:10.18637/jss.v009.i08.
    """

    weight: str | None = None
    strata: str | None = None
    cluster: str | None = None
    population_size: str | None = None
    lonely: Lonely = "refuse"

    @model_validator(mode="after")
    def _says_something(self) -> SurveyDesign:
        if self.weight is None and self.strata is None and self.cluster is None:
            raise ValueError("a survey needs at least one of weight, strata and cluster")
        return self


def check_cluster_once(cluster: str | None, survey: SurveyDesign | None) -> None:
    """Refuse clusters of the design beside the sampling units or strata of a survey.

    Raises
    ------
    ValueError
        Naming both columns, and where the one to keep belongs.
    """
    if cluster is None or survey is None:
        return
    if survey.cluster is not None:
        raise ValueError(
            f"design.cluster '{cluster}' and design.survey.cluster '{survey.cluster}' both say "
            "which rows are dependent; keep survey.cluster, the unit that was drawn"
        )
    if survey.strata is not None:
        raise ValueError(
            f"with strata the unit that was drawn is survey.cluster: move '{cluster}' there"
        )
