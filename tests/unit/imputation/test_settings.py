"""Settings of imputation: what cannot be meant is refused, with the remedy."""

import pytest
from pydantic import ValidationError

from causal.imputation.settings import Imputation, column_and_moment
from causal.missing_settings import MissingData


@pytest.mark.parametrize("m", [1, 0, -3])
def test_one_imputation_is_not_multiple(m):
    with pytest.raises(ValidationError, match=r"fewer than 2; 20 are\s+usual"):
        Imputation(m=m)


@pytest.mark.parametrize("name", ["craving@later", "craving@", "craving@1.5"])
def test_an_auxiliary_has_a_moment(name):
    if name == "craving@":
        assert column_and_moment(name) == ("craving", "baseline")
        return
    with pytest.raises(ValidationError, match="names no moment; write the column at baseline"):
        Imputation(auxiliary=(name,))


def test_an_auxiliary_stands_once():
    with pytest.raises(ValidationError, match="'craving@12' stands twice"):
        Imputation(auxiliary=("craving@12", "craving@12"))


def test_settings_of_imputation_need_something_to_impute():
    with pytest.raises(ValidationError, match="imputation says how values are imputed, and none"):
        MissingData(covariates="median", imputation={"m": 5})


@pytest.mark.parametrize(
    "declared",
    [
        {"covariates": "multiple_imputation"},
        {"updated": "multiple_imputation"},
        {"columns": {"dose": "multiple_imputation"}},
        {"exposure": "multiple_imputation"},
        {"outcome": "multiple_imputation"},
    ],
)
def test_any_of_them_imputes(declared):
    assert MissingData(**declared).imputes
    assert not MissingData().imputes
