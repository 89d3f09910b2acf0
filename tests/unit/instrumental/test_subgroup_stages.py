"""First stages by subgroup: whose they are, who is left out, and how often monotone worlds fail."""

import numpy as np
import pytest

from causal.estimate import NotEstimable
from causal.instrumental.balance import FAMILY_ERROR
from causal.instrumental.covariate_checks import judge_groups
from causal.instrumental.subgroup_stages import FEWEST, StageBySubgroup, stage_by_subgroup

WORLDS, FEW_WORLDS = 200, 50
COVARIATES = 4


def compared(a, z, group, *, names=("no", "yes"), w=None, cluster=None, given=None):
    w = np.ones(len(a)) if w is None else w
    return stage_by_subgroup(a, z, group, names, w, cluster, given=given)


def test_first_stages_are_a_regressions_with_its_hc3_errors(trial):
    import statsmodels.api as sm

    one = trial(900, weighted=True)
    group = (one.x[:, 0] > 0).astype(int) + (one.x[:, 0] > 1)
    found = compared(one.a, one.z, group, names=("low", "middle", "high"), w=one.w)
    assert isinstance(found, StageBySubgroup)
    for number, stage in enumerate(found.stages):
        inside = group == number
        design = sm.add_constant(one.z[inside])
        fit = sm.WLS(one.a[inside], design, weights=one.w[inside]).fit(cov_type="HC3")
        assert stage.value == pytest.approx(fit.params[1])
        assert stage.std_error == pytest.approx(fit.bse[1])
    values = np.array([stage.value for stage in found.stages])
    variance = np.diag([stage.std_error**2 for stage in found.stages])
    contrast = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    moved = contrast @ values
    wald = moved @ np.linalg.solve(contrast @ variance @ contrast.T, moved)
    assert (found.f, found.df) == (pytest.approx(wald / 2), 2)
    assert "may still be moved opposite ways" in found.sentence


def test_covariates_are_given_with_the_errors_of_their_regression(trial):
    import statsmodels.api as sm

    one = trial(700)
    group = (one.x[:, 0] > 0.3).astype(int)
    found = compared(one.a, one.z, group, given=one.x)
    inside = group == 1
    design = sm.add_constant(np.column_stack([one.z, one.x])[inside])
    fit = sm.OLS(one.a[inside], design).fit(cov_type="HC3")
    assert found.stages[1].value == pytest.approx(fit.params[1])
    assert found.stages[1].std_error == pytest.approx(fit.bse[1])


def test_clusters_are_left_out_one_by_one(trial):
    one = trial(400, clustered=True)
    group = np.zeros(400, int)
    group[200:] = 1
    found = compared(one.a, one.z, group, cluster=one.cluster)
    labels = np.unique(one.cluster[200:])

    def slope(rows):
        a, z = one.a[rows], one.z[rows]
        return a[z == 1].mean() - a[z == 0].mean()

    inside = np.arange(400) >= 200
    changes = [slope(inside & (one.cluster != label)) - slope(inside) for label in labels]
    expected = np.sqrt((len(labels) - 1) / len(labels) * np.square(changes).sum())
    assert found.stages[1].std_error == pytest.approx(expected)


def test_persons_are_compared_exactly():
    from scipy.stats import fisher_exact

    rng = np.random.default_rng(4)
    z, group = (rng.random(300) < 0.2).astype(float), np.arange(300) % 2
    a = (rng.random(300) < 0.3 + 0.1 * z).astype(float)
    stage = compared(a, z, group).stages[0]
    inside = group == 0
    table = [[((z == i) & (a == j) & inside).sum() for j in (1, 0)] for i in (1, 0)]
    assert stage.p_below == pytest.approx(fisher_exact(table, "less").pvalue)
    assert stage.p_above == pytest.approx(fisher_exact(table, "greater").pvalue)


def test_a_subgroup_moved_the_other_way_is_pointed_out_under_either_label(trial):
    one = trial(2000)
    group = (one.x[:, 1] > 0.8).astype(int)
    a = np.where(group == 1, 1 - one.a, one.a)
    for z in (one.z, 1 - one.z):
        found = compared(a, z, group, names=("most", "few"))
        assert found.opposed
        assert found.sentence.startswith("In 'few' the instrument moves exposure the other way")
        assert found.p < 0.001
        assert judge_groups([("x", found)]).verdict == "FAIL"


def test_a_weak_overall_direction_is_opposed_by_nothing():
    """One group is moved, by chance the whole points the other way: nothing shows an opposition."""
    sizes = (100, 100, 300, 300)  # group and instrument: one and with, one and without, two and ...
    group, z = np.repeat([0, 0, 1, 1], sizes), np.repeat([1.0, 0.0, 1.0, 0.0], sizes)
    taken = zip((63, 45, 150, 171), sizes, strict=True)
    a = np.concatenate([(np.arange(n) < k).astype(float) for k, n in taken])
    found = compared(a, z, group)
    assert found.overall < 0
    assert found.stages[0].value > 0
    assert found.stages[0].p_opposite < FAMILY_ERROR
    assert not found.opposed
    assert judge_groups([("x", found)]).verdict == "NOT_RESOLVABLE"


def test_groups_of_few_rows_at_one_value_are_left_out_with_the_reason(trial):
    one = trial()
    group = np.zeros(len(one.z), int)
    group[one.x[:, 0] > 0] = 1
    group[np.flatnonzero(one.z == 1)[:40]] = 2
    group[np.flatnonzero(one.z == 0)[: FEWEST - 1]] = 2
    names = ("first", "second", "lopsided")
    found = compared(one.a, one.z, group, names=names)
    assert [(left.name, left.rows) for left in found.left_out] == [("lopsided", 40 + FEWEST - 1)]
    assert found.left_out[0].reason == f"fewer than {FEWEST} rows with instrument 0"
    assert [stage.name for stage in found.stages] == ["first", "second"]
    rest = compared(one.a, one.z, group * (group == 2), names=("one", "other", "x"))
    assert isinstance(rest, NotEstimable)
    assert "fewer than two subgroups are large enough" in rest.reason


def test_an_exposure_nobody_has_is_judged_exactly_or_not_at_all(trial):
    one = trial(400)
    a = np.where(one.z == 0, 0.0, one.a)  # without encouragement nobody
    group = np.arange(400) // 2 % 2
    exact = compared(a, one.z, group)
    assert [stage.comparable for stage in exact.stages] == [False, False]
    assert exact.df == 0
    assert "cannot be compared" in exact.sentence
    assert min(stage.p_opposite for stage in exact.stages) > 0.9
    given = compared(a, one.z, group, given=one.x)
    assert isinstance(given, NotEstimable)
    assert "exposure does not vary with instrument 0" in given.reason


LOPSIDED = {
    "n 400, 5 % not encouraged, a tenth in the group": (400, 0.95, 0.10, 0.20),
    "n 1476, 3 % not encouraged, a tenth in the group": (1476, 0.972, 0.10, 0.06),
    "n 345, a thirtieth in the group": (345, 0.5, 0.03, 0.09),
    "n 600, about 15 rows in the smallest cell": (600, 0.9, 0.25, 0.05),
    "n 300, no first stage at all": (300, 0.8, 0.3, 0.0),
}


def false_alarms(world, way, worlds):
    """Count monotone worlds that FAIL, and those said to differ: everyone has one first stage."""
    (n, encouraged, share, first), failed, apart = world, 0, 0
    for seed in range(worlds):
        rng = np.random.default_rng([7, seed])
        cluster = np.arange(n) // 2 if way == "clusters" else None
        person = np.arange(n) if cluster is None else cluster
        z = (rng.random(n) < encouraged)[person].astype(float)
        groups = (rng.random((COVARIATES, n)) < share)[:, person].astype(int)
        given = rng.normal(size=(n, 1)) if way == "given" else None
        wish = 0.6 * rng.random(n) + 0.4 * rng.random(n)[person]
        a = (wish < 0.3 + first * z).astype(float)
        stages = [compared(a, z, one, cluster=cluster, given=given) for one in groups]
        kept = [(str(j), one) for j, one in enumerate(stages) if isinstance(one, StageBySubgroup)]
        found = judge_groups(kept) if kept else None
        failed += found is not None and found.verdict == "FAIL"
        apart += found is not None and "differs by" in found.sentence
    return failed, apart


def room(worlds):
    """Give the false alarms there may be, with three Monte-Carlo errors."""
    error = FAMILY_ERROR * (1 - FAMILY_ERROR)
    return worlds * FAMILY_ERROR + 3 * (worlds * error) ** 0.5


@pytest.mark.parametrize("world", LOPSIDED.values(), ids=LOPSIDED.keys())
def test_a_lopsided_monotone_instrument_seldom_fails(world):
    assert max(false_alarms(world, "persons", FEW_WORLDS)) <= room(FEW_WORLDS)


@pytest.mark.simulation
@pytest.mark.parametrize("world", LOPSIDED.values(), ids=LOPSIDED.keys())
@pytest.mark.parametrize("way", ["persons", "given", "clusters"])
def test_a_monotone_instrument_fails_no_more_often_than_it_may(world, way):
    worlds = WORLDS if way != "clusters" else WORLDS // 4
    assert max(false_alarms(world, way, worlds)) <= room(worlds)
