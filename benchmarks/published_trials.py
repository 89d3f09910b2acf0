"""What three published trials of facilitation say through their first stages: writes a page.

Run as ``python -m benchmarks.published_trials``. The numbers are typed from the abstracts cited;
nothing else of these trials is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from causal.estimate import NotEstimable, Region
from causal.instrumental.two_by_two import (
    Difference,
    TrialFindings,
    arm_from_rates,
    difference_from_interval,
    difference_from_p,
    read_differences,
    read_trial,
    share_overall,
    shares_by_exposure,
)

PAGE = Path(__file__).parents[1] / "docs" / "published_trials.md"

CORRELATION = 0.25
"""Of attendance with abstinence within arms; no abstract gives it. Others are shown beside it."""
CORRELATIONS = (0.0, 0.25, 0.5)

TIMKO = "Timko & DeBenedetti (2007), Drug Alcohol Depend 90:270, PMID 17524574"
VEDERHUS = "Vederhus et al. (2014), Addiction, doi:10.1111/add.12471"
MANNING = "Manning et al. (2012), Drug Alcohol Depend 126:131, doi:10.1016/j.drugalcdep.2012.05.004"

TIMKO_ARM = 345 / 2
"""345 veterans randomised; the abstract does not give the arms, taken as equal."""
MANNING_ARM = 0.83 * 151 / 3
"""151 patients in three arms, 83 % followed; arms taken as equal, shares as of those followed."""


@dataclass(frozen=True, slots=True)
class FirstStage:
    """One published first stage."""

    trial: str
    exposure: str
    from_what: str
    difference: Difference


def timko(correlation: float = CORRELATION) -> TrialFindings:
    """Read intensive v standard referral: weekly attendance and abstinence at one year."""
    return read_trial(
        arm_from_rates(n=TIMKO_ARM, of="randomised", exposed=0.70, outcome=0.51),
        arm_from_rates(n=TIMKO_ARM, of="randomised", exposed=0.61, outcome=0.41),
        correlation=correlation,
    )


def manning(correlation: float = CORRELATION) -> TrialFindings:
    """Read peer v no referral: any attendance and abstinence at 2 to 3 months."""
    return read_trial(
        arm_from_rates(n=MANNING_ARM, of="followed", exposed=0.64, outcome=0.44),
        arm_from_rates(n=MANNING_ARM, of="followed", exposed=0.33, outcome=0.36),
        correlation=correlation,
    )


def vederhus(correlation: float = CORRELATION) -> TrialFindings:
    """Read motivational v brief advice: affiliation (AAAS) and drug days, at 6 months."""
    return read_differences(
        vederhus_affiliation(),
        difference_from_interval(3.8 - 7.8, -7.5, -0.4),
        correlation=-correlation,  # affiliation goes with fewer drug days
    )


def vederhus_affiliation() -> Difference:
    """Read the published difference in affiliation."""
    return difference_from_interval(0.91, 0.04, 1.78)


ATTENDED, ABSTINENT = (0.64 + 0.48 + 0.33) / 3, (0.44 + 0.41 + 0.36) / 3
"""Manning's three arms together."""
BY_ATTENDANCE = (0.608, 0.392)
"""Printed by Manning as abstinence of attenders and of others, without a denominator."""


def first_stages() -> tuple[FirstStage, ...]:
    """List every first stage the abstracts allow to compute."""
    return (
        FirstStage("Timko", "weekly attendance", "70 v 61 %", timko().first_stage),
        FirstStage(
            "Timko", "weekly attendance", "p = .049", difference_from_p(0.09, 0.049, share=True)
        ),
        FirstStage("Timko", "12-step involvement", "p = .021", difference_from_p(4.9 - 3.7, 0.021)),
        FirstStage("Vederhus", "affiliation (AAAS)", "CI .04 to 1.78", vederhus_affiliation()),
        FirstStage("Manning", "any attendance, peer v none", "64 v 33 %", manning().first_stage),
    )


def page() -> str:
    """Write the page."""
    lines = [
        "# Published trials, read through their first stage",
        "",
        "Written by `python -m benchmarks.published_trials`, from numbers in three abstracts. "
        "Random facilitation is the instrument, attendance the exposure. Nothing of this is "
        "adjusted, and none of it was computed by the authors.",
        "",
        "## First stages",
        "",
        "| trial | exposure | from | difference | F |",
        "|---|---|---|---|---|",
        *(
            f"| {one.trial} | {one.exposure} | {one.from_what} | {one.difference.value:.2f} | "
            f"{one.difference.f:.1f} |"
            for one in first_stages()
        ),
        "",
        f"The largest is {max(one.difference.f for one in first_stages()):.1f}, where 10 is asked "
        "for (Staiger & Stock 1997, doi:10.2307/2171753): normal intervals for a ratio over these "
        "are not to be trusted, so sets below are Anderson and Rubin's.",
        "",
        "## Ratios",
        "",
        "The abstracts do not cross attendance with the outcome; the set needs their correlation "
        "within arms, so three are shown (of opposite sign for Vederhus, whose outcome is days of "
        "use).",
        "",
        "| trial | outcome | Wald ratio | correlation | Anderson-Rubin 95 % set |",
        "|---|---|---|---|---|",
    ]
    for name, outcome, read in (
        ("Timko", "abstinent", timko),
        ("Manning", "abstinent", manning),
        ("Vederhus", "drug days per AAAS point", vederhus),
    ):
        for correlation in CORRELATIONS:
            found = read(correlation)
            lines.append(
                f"| {name} | {outcome} | {_number(found.wald)} | {correlation:g} | "
                f"{_region(found.region)} |"
            )
    return "\n".join([*lines, "", *_alarm(), "", *_denominator(), "", *_sources(), ""])


def _alarm() -> list[str]:
    """Write how an impossible ratio can be read."""
    return [
        "## An impossible ratio",
        "",
        f"Timko's ratio of {_number(timko().wald)} is no effect on a probability. Three readings, "
        "which these numbers cannot tell apart:",
        "",
        *(f"{number}. {reading}" for number, reading in enumerate(timko().readings, 1)),
    ]


def _denominator() -> list[str]:
    """Write what a missing denominator does to Manning's abstinence by attendance."""
    implied = share_overall(ATTENDED, *BY_ATTENDANCE)
    turned = shares_by_exposure(ATTENDED, ABSTINENT, BY_ATTENDANCE[0])
    return [
        "## A missing denominator",
        "",
        f"Manning prints abstinence of 60.8 v 39.2 % by attendance. With {ATTENDED:.0%} attending "
        f"that makes {implied:.2f} abstinent overall, where the arms make {ABSTINENT:.2f}. Either "
        f"the arms count the 17 % lost as not abstinent ({ABSTINENT:.3f} / .83 = "
        f"{ABSTINENT / 0.83:.2f}), or the two numbers, which add to 100, are shares of the "
        f"abstinent, and abstinence by attendance is {turned[0]:.2f} v {turned[1]:.2f}. The "
        f"difference is {BY_ATTENDANCE[0] - BY_ATTENDANCE[1]:.2f} or {turned[0] - turned[1]:.2f}. "
        "For that reason the library takes no arm without a denominator, and these two numbers are "
        "not used.",
    ]


def _sources() -> list[str]:
    """Write where the numbers are from, and what is assumed."""
    return [
        "## Sources, and what is assumed",
        "",
        f"- {TIMKO}: 345 veterans; attending at least weekly 70 v 61 % (p = .049), involvement 4.9 "
        "v 3.7 (p = .021), abstinent 51 v 41 %. Shares are taken as of those randomised, arms as "
        "equal (the abstract gives neither the arms nor the 93 % followed by arm).",
        f"- {VEDERHUS}: 140 patients; affiliation difference .91 (.04 to 1.78), drug days 3.8 v "
        "7.8 (difference -7.5 to -.4).",
        f"- {MANNING}: 151 patients, 83 % followed; attended 64 (peer), 48 (doctor), 33 % (none), "
        "abstinent 44, 41, 36 %. Shares are taken as of those followed, arms as equal.",
    ]


def _number(value: float | NotEstimable) -> str:
    return value.reason if isinstance(value, NotEstimable) else f"{value:.2f}"


def _region(region: Region) -> str:
    """Write a set of pieces."""
    return " and ".join(
        f"{'(-∞' if low is None else f'[{low:.2f}'}, {'∞)' if high is None else f'{high:.2f}]'}"
        for low, high in region.pieces
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
