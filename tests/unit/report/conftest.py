"""Result documents made by hand: the kinds of findings a report must word rightly."""

from __future__ import annotations

import pytest

from causal.result import (
    AttritionBlock,
    BalanceBlock,
    ColumnBlock,
    ConceptBlock,
    CovarianceBlock,
    CovariateBlock,
    DagBlock,
    DatasetBlock,
    DesignBlock,
    DiagnosticBlock,
    EdgeBlock,
    EstimandBlock,
    FollowUpBlock,
    LabelBlock,
    OrientationBlock,
    OverlapBlock,
    Provenance,
    Reason,
    Remaining,
    Result,
    RungBlock,
    ScaleBlock,
)

CONCEPTS = {
    "mhg": ("mutual-help attendance at least 2-3 times a week", "measured"),
    "outcome": ("heroin or cocaine use in the last 30 days", "measured"),
    "demographics": ("age, sex, race", "measured"),
    "severity": ("severity of the disorder", "measured"),
    "motivation": ("motivation to change", "proxy"),
    "problem_recognition": ("recognition of a problem", "proxy"),
    "prior_treatment": ("formal treatment before", "measured"),
    "depression": ("depressive symptoms", "measured"),
    "network_support": ("friends who support abstinence", "measured"),
    "prior_use": ("use at the start of the interval", "measured"),
    "prior_mhg": ("attendance up to the start", "measured"),
    "co_treatment": ("residential or outpatient care in the same window", "after_exposure"),
    "use_at_end": ("use at the end of the exposure window", "after_exposure"),
    "abstinence_goal": ("abstinence as a goal", "unmeasured"),
    "religiosity": ("religiosity", "unmeasured"),
    "legal_mandate": ("court mandate", "unmeasured"),
    "self_efficacy": ("confidence to abstain", "unmeasured"),
    "group": ("randomised clinic", "measured"),
    "linkage": ("linkage to primary care", "unmeasured"),
    "housing": ("housing", "measured"),
}
CONFOUNDERS = (
    "demographics", "severity", "motivation", "problem_recognition", "prior_treatment",
    "depression", "network_support", "prior_use", "prior_mhg", "abstinence_goal", "religiosity",
    "legal_mandate", "housing",
)  # fmt: skip
ARROWS = (
    *((one, "mhg") for one in CONFOUNDERS),
    *((one, "outcome") for one in CONFOUNDERS),
    ("mhg", "outcome"), ("mhg", "self_efficacy"), ("self_efficacy", "outcome"),
    ("severity", "motivation"), ("severity", "problem_recognition"), ("severity", "prior_use"),
    ("severity", "prior_treatment"), ("severity", "depression"), ("severity", "prior_mhg"),
    ("severity", "housing"), ("demographics", "severity"), ("demographics", "religiosity"),
    ("demographics", "network_support"), ("religiosity", "abstinence_goal"),
    ("religiosity", "prior_mhg"), ("motivation", "abstinence_goal"),
    ("motivation", "prior_treatment"), ("motivation", "prior_mhg"), ("prior_use", "prior_mhg"),
    ("prior_use", "use_at_end"), ("use_at_end", "outcome"), ("severity", "use_at_end"),
    ("motivation", "use_at_end"), ("co_treatment", "outcome"), ("co_treatment", "use_at_end"),
    ("severity", "co_treatment"), ("prior_treatment", "co_treatment"), ("group", "linkage"),
    ("linkage", "outcome"), ("housing", "co_treatment"), ("legal_mandate", "co_treatment"),
)  # fmt: skip
DISPUTED = (("co_treatment", "mhg"), ("use_at_end", "mhg"))
MEASURED = [one for one in CONFOUNDERS if CONCEPTS[one][1] in ("measured", "proxy")]
TERMS = {
    "AGE": "demographics", "FEMALE": "demographics", "INDTOT": "severity", "LNDETOX": "severity",
    "RAW_TS": "motivation", "RAW_RE": "problem_recognition", "CES_D": "depression",
    "O1D": "network_support", "drug_start": "prior_use", "dose_start": "prior_mhg",
}  # fmt: skip
BINS = 20


@pytest.fixture
def help_like() -> Result:
    """An adjusted association that reaches 0 in its brackets; nothing of it is real data."""
    return make_help_like()


@pytest.fixture
def simulated_null(help_like: Result) -> Result:
    """A simulated world in which exposure does nothing, yet a share remains."""
    crude = rung("crude", 0.136, 0.02, remaining=Reason(not_estimable="the crude rung itself"))
    full = rung(
        "full", 0.052, 0.021, adjusted=MEASURED, label="effect",
        remaining=Remaining(
            value=0.382, set=[(0.11, 0.61)], difference=(0.06, 0.108), mixed=False
        ),
    )  # fmt: skip
    return help_like.model_copy(
        update={
            "name": "simulated_null",
            "rungs": [crude, full],
            "dataset": help_like.dataset.model_copy(update={"access": "generated"}),
            "truth": {"ate": 0.0, "att": 0.0, "risk_ratio": 1.0, "persistence": 0.41},
            "timing": LabelBlock(label="effect", reasons=[]),
            "companions": [],
            "estimands": [estimand("full", MEASURED)],
            "balance": [],
            "overlap": [],
            "diagnostics": [],
            "covariance": CovarianceBlock(
                rungs=["crude", "full"], matrix=[[4e-4, 2e-4], [2e-4, 4.41e-4]]
            ),
        }
    )


@pytest.fixture
def unbounded(help_like: Result) -> Result:
    """A crude difference near 0, so that every share is in the set."""
    return with_share(help_like, Remaining(value=-1.7, set=[(None, None)],
                      difference=(-0.02, 0.05), mixed=False), crude=0.003)  # fmt: skip


@pytest.fixture
def disjoint(help_like: Result) -> Result:
    """A crude interval that covers 0 narrowly, so that the set has two pieces."""
    return with_share(help_like, Remaining(value=2.9, set=[(None, 0.3), (2.1, None)],
                      difference=(-0.2, -0.05), mixed=False), crude=0.03)  # fmt: skip


@pytest.fixture
def continuous(help_like: Result) -> Result:
    """An outcome counted in days."""
    rungs = [
        one.model_copy(
            update={
                "scale": "mean_difference",
                "estimate": 30 * one.estimate,
                "std_error": 30 * one.std_error,
                "interval": (30 * one.interval[0], 30 * one.interval[1]) if one.interval else None,
                "means": (12.31, 8.29) if one.means else None,
                "other_scales": [],
            }
        )
        for one in help_like.rungs
    ]
    outcome = ColumnBlock(
        column="use_days", description="days of use in the last 30", unit="days", kind="count"
    )
    design = help_like.design.model_copy(update={"outcome": outcome})
    return help_like.model_copy(update={"name": "days", "rungs": rungs, "design": design})


@pytest.fixture
def as_ratio(help_like: Result) -> Result:
    """The association with a risk ratio as its headline."""
    rungs = [
        one.model_copy(
            update={
                "scale": "risk_ratio",
                "estimate": 0.71,
                "interval": (0.57, 0.88),
                "region": [(0.57, 0.88)],
                "other_scales": [
                    ScaleBlock(
                        scale="risk_difference",
                        estimate=one.estimate,
                        std_error=one.std_error,
                        interval=one.interval or (0.0, 0.0),
                    )
                ],
            }
        )
        for one in help_like.rungs
    ]
    return help_like.model_copy(update={"name": "ratio", "rungs": rungs})


def with_share(result: Result, remaining: Remaining, *, crude: float) -> Result:
    """Put another crude difference and share into a result."""
    first = rung("crude", crude, 0.05, remaining=Reason(not_estimable="the crude rung itself"))
    rungs = [first] + [one.model_copy(update={"remaining": remaining}) for one in result.rungs[1:]]
    return result.model_copy(update={"rungs": rungs})


def rung(
    name: str,
    estimate: float,
    std_error: float,
    *,
    remaining: Remaining | Reason,
    role: str = "ladder",
    target: str = "ATE",
    estimator: str = "g_computation",
    adjusted: list[str] | None = None,
    label: str = "association",
) -> RungBlock:
    """Make one rung."""
    interval = (estimate - 1.96 * std_error, estimate + 1.96 * std_error)
    crude = name == "crude"
    ratio: list[ScaleBlock | Reason] = [
        ScaleBlock(scale="risk_ratio", estimate=0.71, std_error=0.11, interval=(0.57, 0.88)),
        Reason(not_estimable="this estimator gives a difference only"),
    ]
    return RungBlock(
        name=name, role=role, estimator="mean_difference" if crude else estimator,
        settings="", target="crude" if crude else target, target_note="",
        scale="risk_difference", estimate=estimate, std_error=std_error, interval=interval,
        region=[interval], level=0.95, n=393, n_clusters=203, label=label,
        label_reason="the timing of the design does not order exposure and relapse"
        if label == "association" else "",
        adjusted=adjusted or [], missing=[], means=(0.465, 0.331), other_scales=ratio,
        remaining=remaining,
    )  # fmt: skip


def estimand(name: str, adjusted: list[str]) -> EstimandBlock:
    """Make what the diagram says of one rung."""
    turns = [["co_treatment -> mhg"], ["use_at_end -> mhg"]]
    return EstimandBlock(
        rung=name, adjusted=adjusted, verdict="identified if measured without error",
        proxied=[one for one in ("motivation", "problem_recognition") if one in adjusted],
        unmeasured=["abstinence_goal", "religiosity", "legal_mandate"],
        omitted=[one for one in MEASURED if one not in adjusted], mediators=[],
        orientations=[
            OrientationBlock(reversed=reversed_, sufficient=not reversed_)
            for reversed_ in ([], turns[0], turns[1], turns[0] + turns[1])
        ],
        sentences=["The measured part of the set blocks every back-door path but those through "
                   "abstinence_goal, religiosity and legal_mandate."],
    )  # fmt: skip


def make_help_like() -> Result:
    """Make the association all other documents are variations of."""
    some = ["demographics", "severity"]
    rungs = _rungs(some)
    return Result(
        name="help_like",
        question="Does attending mutual-help meetings lower later heroin or cocaine use?",
        specification="question: Does attending lower use?\nladder:\n  - {name: crude}\n",
        specification_sha256="ab" * 32,
        dataset=DatasetBlock(
            name="made_up", title="A made-up cohort", access="open", licence="CC0",
            citation="Nobody (2026)", options={}, sha256="cd" * 32, min_cell=0,
        ),
        design=_design(),
        timing=LabelBlock(
            label="association",
            reasons=["the exposure window (t - 6 months to t) extends past the last measurement of "
                     "the confounders, and use_at_end may drive exposure inside it"],
        ),
        dag=_dag(),
        estimands=[estimand(one.name, one.adjusted) for one in rungs[1:]],
        attrition=_attrition(),
        follow_up=[
            FollowUpBlock(stratum="", arm="exposed", rows=236, known=236, late=49),
            FollowUpBlock(stratum="", arm="unexposed", rows=157, known=157, late=14),
        ],
        covariates=[
            CovariateBlock(term=term, concept=concept, mean_unexposed=0.31 + i, filled=i % 3,
                           mean_exposed=0.42 + i, smd=None if i == 0 else 0.7 - 0.13 * i)
            for i, (term, concept) in enumerate(TERMS.items())
        ],
        rungs=rungs,
        headline="full",
        variants=[],
        refutations=[],
        sensitivity=[],
        covariance=CovarianceBlock(
            rungs=[one.name for one in rungs],
            matrix=[[one.std_error * other.std_error * (1 if one is other else 0.8)
                     for other in rungs] for one in rungs],
        ),
        diagnostics=_diagnostics(),
        balance=[
            BalanceBlock(rung=name, term=term, concept=concept, crude=0.7 - 0.13 * i,
                         weighted=0.0 if name == "overlap_weighted" else 0.18 - 0.04 * i)
            for name in ("weighted", "overlap_weighted")
            for i, (term, concept) in enumerate(TERMS.items())
        ],
        overlap=[
            OverlapBlock(
                rung=name,
                exposed=[None if i == 19 else round(2 * (i + 0.5) / BINS**2, 6)
                         for i in range(BINS)],
                unexposed=[round(2 * (BINS - i - 0.5) / BINS**2, 6) for i in range(BINS)],
            )
            for name in ("weighted", "overlap_weighted", "full")
        ],
        truth={},
        companions=["help_first_interval", "help_concurrent"],
        provenance=Provenance(
            seed=20260101, versions={"numpy": "2.4.6", "python": "3.11"}, source_sha256="ef" * 32
        ),
    )  # fmt: skip


def _rungs(some: list[str]) -> list[RungBlock]:
    """Make the ladder, two brackets and two further targets."""
    full = MEASURED

    def share(value: float, lo: float, hi: float, *, mixed: bool = False) -> Remaining:
        moved = -0.134 * (1 - value)
        return Remaining(
            value=value, set=[(lo, hi)], difference=(moved - 0.058, moved + 0.058), mixed=mixed
        )

    return [
        rung("crude", -0.134, 0.054, remaining=Reason(not_estimable="the crude rung itself")),
        rung("severity", -0.139, 0.053, adjusted=some, remaining=share(1.04, 0.6, 2.0)),
        rung("motivation", -0.141, 0.053, adjusted=[*some, "motivation"],
             remaining=share(1.05, 0.6, 2.1)),
        rung("full", -0.138, 0.0525, adjusted=full, estimator="aipw",
             remaining=share(1.03, 0.55, 2.20)),
        rung("weighted", -0.124, 0.058, adjusted=full, estimator="ipw", target="ATT",
             remaining=share(0.93, 0.41, 1.9)),
        rung("overlap_weighted", -0.129, 0.051, adjusted=full, estimator="overlap_weights",
             target="ATO", remaining=share(0.96, 0.5, 1.8, mixed=True)),
        rung("with_residential_care", -0.096, 0.055, role="bracket",
             adjusted=[*full, "co_treatment"], remaining=share(0.72, 0.1, 1.5)),
        rung("with_use_at_end", -0.044, 0.0508, role="bracket",
             adjusted=[*full, "use_at_end"], remaining=share(0.33, -1.2, 0.9)),
    ]  # fmt: skip


def _design() -> DesignBlock:
    """Make the lagged design."""
    return DesignBlock(
        kind="lagged_intervals",
        exposure=ColumnBlock(column="mhg_frequent", kind="binary", unit="",
                             description="attended at least 2-3 times a week, last 6 months"),
        outcome=ColumnBlock(column="drug_use", kind="binary", unit="",
                            description="heroin or cocaine in the last 30 days"),
        outcome_at="next_interview", population="drug_primary",
        population_reason="cocaine or heroin as first or second drug",
        sentences=["Person-intervals are pooled: covariates at s, exposure in (s, t], "
                   "outcome at the next interview u."],
        chosen="after_estimates", unit="intervals",
        missing={"covariates": "median of everybody's first wave",
                 "outcome": "rows with a missing value left out"},
    )  # fmt: skip


def _dag() -> DagBlock:
    """Make a diagram of 20 concepts and about 60 arrows, two of them disputed."""
    arrows = [(*one, False) for one in ARROWS] + [(*one, True) for one in DISPUTED]
    return DagBlock(
        name="cohort", exposure="mhg", outcome="outcome", sha256="01" * 32,
        concepts=[
            ConceptBlock(name=name, description=text, status=status,
                         columns=[] if status == "unmeasured" else [name.upper()],
                         state_of="outcome" if name == "use_at_end" else None)
            for name, (text, status) in CONCEPTS.items()
        ],
        edges=[
            EdgeBlock(cause=a, effect=b, reason=f"{a} is assumed to matter for {b}",
                      source="assumed", disputed=disputed)
            for a, b, disputed in arrows
        ],
        cross_check="DoWhy agrees", instruments=[],
    )  # fmt: skip


def _attrition() -> list[AttritionBlock]:
    """Make the steps from everybody to the rows analysed."""
    steps = (
        ("in the data", "persons and interviews", 470, 1472),
        ("population drug_primary", "cocaine or heroin as first or second drug", 354, 1152),
        ("has an earlier interview", "covariates come from it", 290, 700),
        ("seen at the wave just before", "exposure window of scheduled length", 261, 560),
        ("exposure known", "mhg_frequent", 250, 540),
        ("outcome known", "drug_use at the next interview", 203, 393),
    )
    return [AttritionBlock(step=a, reason=b, persons=c, rows=d) for a, b, c, d in steps]


def _diagnostics() -> list[DiagnosticBlock]:
    """Make one check of each verdict."""
    checks = (
        ("effective_sample_size", "weighted", 27.4, 50.0, "FAIL", "few unexposed carry weight"),
        ("max_abs_smd", "weighted", 0.18, 0.1, "NOT_RESOLVABLE", "n too small to tell"),
        ("max_abs_smd", "overlap_weighted", 0.0, 0.1, "PASS", "balanced by construction"),
        ("weak_instrument", "full", None, None, "NOT_EVALUATED", "there is no instrument"),
    )
    return [
        DiagnosticBlock(name=a, rung=b, value=c, threshold=d, verdict=e, reason=f)
        for a, b, c, d, e, f in checks
    ]
