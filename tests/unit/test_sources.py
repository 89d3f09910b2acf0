"""Raw files are recognised before they are opened."""

import lzma
import pickle
from hashlib import sha256
from pathlib import Path

import pandas as pd
import pytest
from pydantic import ValidationError

from causal.errors import ChecksumMismatchError, DataNotAvailableError, DatasetError, Place
from causal.sources import FOLDER_VARIABLE, RawFile, Sources, read_csv, read_sources

TABLE = pd.DataFrame({"ID": [1, 2, 3], "X": [0.5, None, 2.0]})
HOW = "Ask the archive."


class Bomb:
    """Leaves a trace when it is unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return Path.touch, (self.trace,)


@pytest.fixture
def install(tmp_path, monkeypatch):
    """Install a distribution that holds one file, and give that file's sha256."""

    def _install(content, name="made_up_data"):
        site = tmp_path / "site"
        (site / name).mkdir(parents=True)
        (site / name / "table.pkl").write_bytes(content)
        (site / name / "__init__.py").write_text("raise RuntimeError('imported')\n")
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        monkeypatch.syspath_prepend(site)
        return sha256(content).hexdigest()

    return _install


def packed(content):
    return lzma.compress(pickle.dumps(content))


def sources(**files):
    return Sources("made_up", Path("/nowhere"), files, HOW)


def packaged(sha, **more):
    return RawFile(
        distribution="made_up_data",
        path="made_up_data/table.pkl",
        format="pickle.xz",
        sha256=sha,
        **more,
    )


def test_a_verified_file_is_read_without_importing_its_package(install):
    raw = read_sources(sources(main=packaged(install(packed(TABLE)))))
    pd.testing.assert_frame_equal(raw["main"], TABLE)


def test_a_file_with_another_hash_is_refused_and_not_unpickled(install, tmp_path):
    trace = tmp_path / "exploded"
    found = install(packed(Bomb(trace)))
    with pytest.raises(ChecksumMismatchError, match=f"has sha256 {found}; expected {'0' * 64}"):
        read_sources(sources(main=packaged("0" * 64)))
    assert not trace.exists()


def test_the_bomb_does_explode_where_it_is_unpickled(tmp_path):
    trace = tmp_path / "exploded"
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()


def test_a_pickle_of_something_else_than_a_table_is_refused(install):
    with pytest.raises(DatasetError, match="holds a list"):
        read_sources(sources(main=packaged(install(packed([1, 2])))))


def test_an_absent_distribution_says_how_to_get_it():
    with pytest.raises(
        DataNotAvailableError, match=rf"'made_up_data' is not installed\. {HOW}.*CAUSAL_DATA"
    ):
        read_sources(sources(main=packaged("0" * 64)))


def test_a_file_the_distribution_no_longer_has_is_absent(install):
    install(packed(TABLE))
    file = packaged("0" * 64).model_copy(update={"path": "made_up_data/gone.pkl"})
    with pytest.raises(DataNotAvailableError, match=r"has no file made_up_data/gone\.pkl"):
        read_sources(sources(main=file))


def test_data_that_are_not_shipped_are_absent_with_the_way_to_get_them():
    with pytest.raises(DataNotAvailableError, match=f"not shipped. {HOW}"):
        read_sources(sources(main=RawFile()))


def test_a_csv_of_ones_own_takes_the_place_of_the_packaged_file(tmp_path):
    TABLE.to_csv(tmp_path / "mine.csv", index=False)
    raw = read_sources(sources(main=packaged("0" * 64)), tmp_path / "mine.csv")
    pd.testing.assert_frame_equal(raw["main"], TABLE)


def test_several_sources_are_read_from_a_folder(tmp_path):
    TABLE.to_csv(tmp_path / "one.csv", index=False)
    TABLE.head(1).to_csv(tmp_path / "two.csv", index=False)
    raw = read_sources(sources(one=RawFile(), two=RawFile()), tmp_path)
    assert [len(raw["one"]), len(raw["two"])] == [3, 1]


def test_one_file_for_several_sources_is_refused(tmp_path):
    TABLE.to_csv(tmp_path / "one.csv", index=False)
    with pytest.raises(DatasetError, match=r"has 2 sources \(one, two\).*Give a folder"):
        read_sources(sources(one=RawFile(), two=RawFile()), tmp_path / "one.csv")


def test_the_data_folder_of_the_environment_is_searched(tmp_path, monkeypatch):
    (tmp_path / "made_up").mkdir()
    TABLE.to_csv(tmp_path / "made_up" / "main.csv", index=False)
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert len(read_sources(sources(main=RawFile()))["main"]) == 3


def test_a_path_to_nothing_is_said(tmp_path):
    with pytest.raises(DataNotAvailableError, match=r"there is no file .*gone\.csv"):
        read_sources(sources(main=RawFile()), tmp_path / "gone.csv")


def test_a_path_for_a_data_set_without_sources_is_refused(tmp_path):
    with pytest.raises(DatasetError, match="reads no files"):
        read_sources(sources(), tmp_path)


def test_a_file_of_the_data_sets_own_folder_is_verified(tmp_path):
    TABLE.to_csv(tmp_path / "main.csv", index=False)
    sha = sha256((tmp_path / "main.csv").read_bytes()).hexdigest()
    own = Sources("made_up", tmp_path, {"main": RawFile(path="main.csv", sha256=sha)}, HOW)
    assert len(read_sources(own)["main"]) == 3
    (tmp_path / "main.csv").write_text("ID,X\n1,2\n")
    with pytest.raises(ChecksumMismatchError, match=r"main\.csv has sha256"):
        read_sources(own)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("x.csv", pickle.dumps(TABLE), "a Python pickle"),
        ("x.csv", packed(TABLE), "an xz archive"),
        ("x.pkl", b"ID,X\n1,2\n", r"ending in '\.pkl'"),
        ("x.joblib", b"anything", r"ending in '\.joblib'"),
        ("x.csv", b"PK\x03\x04", "a spreadsheet"),
    ],
)
def test_what_could_run_code_or_is_packed_is_refused_unread(tmp_path, name, content, found):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=rf"{found}; only plain CSV is read.*run any code"):
        read_csv(path, Place("data set x"))


@pytest.mark.parametrize("content", [b"", b'a,b\n1,"2\n', b"a,b\n\xff\xfe,1\n"])
def test_a_broken_csv_is_refused(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read as CSV"):
        read_csv(path, Place("data set x"))


def test_a_table_of_another_shape_is_refused(tmp_path):
    TABLE.to_csv(tmp_path / "x.csv", index=False)
    with pytest.raises(ChecksumMismatchError, match="has 3 rows and 2 columns; expected 4"):
        read_sources(sources(main=RawFile(rows=4)), tmp_path / "x.csv")
    with pytest.raises(ChecksumMismatchError, match="expected any number of rows and 9"):
        read_sources(sources(main=RawFile(columns=9)), tmp_path / "x.csv")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"distribution": "d"}, "needs 'path'"),
        ({"path": "p"}, "needs its 'sha256'"),
        ({"path": "p", "sha256": "0" * 64, "format": "pickle.xz"}, "only read from an installed"),
        ({"sha256": "abc"}, "pattern"),
    ],
)
def test_a_source_that_could_not_be_verified_is_refused(fields, message):
    with pytest.raises(ValidationError, match=message):
        RawFile(**fields)
