"""Points at the data set folders: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_here = Path(__file__).resolve().parent
if next(_here.glob("*/dataset.toml"), None) is None:
    # A checkout or an editable install; a wheel holds its data sets and must not look outside.
    __path__.append(str(_here.parents[1] / "datasets"))
