"""Published trials made up for tests, one in each form."""

import pytest

SHARES = """\
question: Does it count?
design: {kind: summary, of: randomised, correlation: [0, 0.2]}
source: made up
exposure: {name: meetings, kind: binary}
outcome: {name: abstinence, kind: binary}
arms:
  - {name: referred, n: 200, exposed: 0.7, outcome: 0.5}
  - {name: usual, n: 200, exposed: 0.3, outcome: 0.4}
"""
COUNTS = """\
question: Does it count?
design: {kind: summary, of: randomised}
source: made up
exposure: {name: meetings, kind: binary}
outcome: {name: abstinence, kind: binary}
arms:
  - {name: referred, cells: {both: 80, exposed_only: 60, outcome_only: 20, neither: 40}}
  - {name: usual, cells: {both: 40, exposed_only: 20, outcome_only: 50, neither: 90}}
"""
DIFFERENCES = """\
question: Does it count?
design: {kind: summary, correlation: -0.2}
source: made up
exposure: {name: affiliation, kind: continuous, unit: points}
outcome: {name: use, kind: continuous, unit: days}
contrast: [advice, none]
differences:
  exposure: {value: 0.9, interval: [0.1, 1.7]}
  outcome: {value: -4, p: 0.03}
"""


@pytest.fixture
def forms() -> dict[str, str]:
    """Give a specification of each form."""
    return {"shares": SHARES, "counts": COUNTS, "differences": DIFFERENCES}
