"""Survey means beside R's survey package, by its own examples: schools of California.

Values are those that ``svymean``, ``svyby`` and ``degf`` of survey 4.5 give for ``apiclus1`` (all
schools of 15 of 757 districts) and ``apistrat`` (schools by type), as stored in the repository of
Survey.jl, test/r_reference, with the script that made them. A mean's error needs of a district the
number of its schools and their sum only, and of a share by stratum the counts, so that no row of
the data is kept here.
"""

import numpy as np
import pytest

from causal.cohort import Sample
from causal.estimators.base import from_influence
from causal.estimators.variance import Variance
from causal.strata import Strata

SAME = 1e-9  # printed with 12 digits and more

CHULA_VISTA = [
    622, 754, 655, 764, 795, 505, 638, 733, 523, 511, 710, 657, 602, 490, 664, 651, 603, 698, 511,
    814, 669, 711, 538, 705, 595, 551, 762, 521, 709, 780, 780, 722, 828, 737,
]  # fmt: skip
OCEANSIDE = [
    595, 661, 502, 614, 585, 582, 642, 536, 746, 667, 629, 745, 674, 637, 696, 632, 639, 745, 789,
    656, 789,
]  # fmt: skip
BERRYESSA = [701, 748, 735, 699, 685, 827, 711, 677, 759, 697, 742, 691, 700]
MILPITAS = [703, 676, 714, 842, 824, 717, 836, 733, 719, 817, 749, 781]
WHITTIER = [493, 592, 550, 689, 598, 628, 652, 628, 832, 777, 709, 709, 736]
LOS_NIETOS = [561, 555]
DISTRICTS = [  # schools and mean of api00
    (11, 669), (4, 472), (2, 452.5), (4, 623.25), (4, 519.25), (16, 710.5625),
    (9, 6386 / 9), (37, 551.189189189189), (1, 551), (13, np.mean(WHITTIER)),
    (2, np.mean(LOS_NIETOS)), (34, np.mean(CHULA_VISTA)), (21, np.mean(OCEANSIDE)),
    (13, np.mean(BERRYESSA)), (12, np.mean(MILPITAS)),
]  # fmt: skip
LOS_ANGELES = (9, 10)
THERE = 757
AWARDS = {"E": (27, 73, 44.2099990844727, 4421), "H": (34, 16, 15.1000003814697, 755),
          "M": (26, 24, 20.3600006103516, 1018)}  # fmt: skip
"""Schools without and with an award, weight, and schools there are."""


def survey_mean(y, w, strata, cluster=None, inside=None):
    """Estimate a weighted mean, in part of the sample where ``inside`` says so."""
    inside = np.ones(len(y), dtype=bool) if inside is None else inside
    used = w * inside
    value = float(used @ y / used.sum())
    influence = (used * (y - value) / used.mean())[:, None]
    sample = Sample(
        unit=np.arange(len(y)), y=y, a=np.zeros(len(y)), x=np.empty((len(y), 0)), terms=(),
        concepts=(), outcome_kind="continuous", exposure_kind="binary", w=w, cluster=cluster,
        strata=strata,
    )  # fmt: skip
    found = from_influence(
        np.array([value]), influence, sample, Variance(), "crude", labels=("mean",)
    )
    return value, float(np.sqrt(found.covariance[0, 0])), found.df


def districts(fraction):
    cluster = np.repeat(np.arange(15), [schools for schools, _ in DISTRICTS])
    y = np.array([mean for _, mean in DISTRICTS])[cluster]
    n = len(y)
    strata = Strata(np.zeros(n, dtype=np.int64), np.full(n, 15.0), np.full(n, fraction))
    return y, np.full(n, 33.846996307373), strata, cluster


@pytest.mark.parametrize(
    ("fraction", "error"), [(0.0, 23.7790107208869), (15 / THERE, 23.5422406937812)]
)
def test_a_mean_over_districts(fraction, error):
    value, std_error, df = survey_mean(*districts(fraction))
    assert value == pytest.approx(644.169398907104, rel=SAME)
    assert std_error == pytest.approx(error, rel=SAME)
    assert df == 14


@pytest.mark.parametrize(
    ("fraction", "error"), [(0.0, 17.4230693022744), (15 / THERE, 17.2495860301136)]
)
def test_a_part_of_the_sample_keeps_the_design_it_was_drawn_by(fraction, error):
    """Two of 15 districts: with the others as rows of weight 0, and with their rows left out."""
    y, w, strata, cluster = districts(fraction)
    inside = np.isin(cluster, LOS_ANGELES)
    value, std_error, _ = survey_mean(y, w, strata, cluster, inside)
    assert value == pytest.approx(647.266666666666, rel=SAME)
    assert std_error == pytest.approx(error, rel=SAME)
    kept = survey_mean(y[inside], w[inside], strata.rows(inside), cluster[inside])
    assert kept[1] == pytest.approx(error, rel=SAME)


@pytest.mark.parametrize(
    ("corrected", "value", "error"),
    [
        (False, 0.638936064050579, 0.0348975177769063),
        (True, 0.638936067161769, 0.0344059182016133),
    ],
)
def test_a_share_over_strata(corrected, value, error):
    parts = list(AWARDS.values())
    code = np.repeat(np.arange(3), [no + yes for no, yes, *_ in parts])
    y = np.concatenate([np.repeat([0.0, 1.0], one[:2]) for one in parts])
    drawn = np.array([float(no + yes) for no, yes, *_ in parts])
    there = np.array([float(one[3]) for one in parts])
    w = (there / drawn if corrected else np.array([one[2] for one in parts]))[code]
    strata = Strata(code, drawn[code], (drawn / there if corrected else 0 * drawn)[code])
    found = survey_mean(y, w, strata)
    assert found[0] == pytest.approx(value, rel=SAME)
    assert found[1] == pytest.approx(error, rel=SAME)
    assert found[2] == 197
