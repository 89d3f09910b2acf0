"""Points at the data set folders: beside the package in a checkout, inside it in a wheel."""

from pathlib import Path

_root = Path(__file__).resolve().parents[2]
if (_root / "datasets" / "simulated" / "dataset.toml").is_file():
    # A checkout or an editable install; an installed wheel must not look outside itself.
    __path__.append(str(_root / "datasets"))
