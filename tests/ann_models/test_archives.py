import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ann_models import archives
from ann_models.errors import InvalidData

ARRAYS = {"x": np.arange(12, dtype=np.float32).reshape(3, 4), "y": np.array([1, 2], np.uint8)}


def test_what_is_written_is_read_again(tmp_path):
    archives.write(tmp_path / "new" / "er" / "a.npz", ARRAYS)
    back = archives.read(tmp_path / "new" / "er" / "a.npz")
    assert set(back) == set(ARRAYS)
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(back[name], array)
        assert back[name].dtype == array.dtype


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.npz"
    archives.write(path, ARRAYS)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="allow_pickle"):
        archives.write(path, {"x": np.array([{}])})
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.npz"]


def test_a_file_may_have_the_longest_name_of_a_file_system(tmp_path):
    path = tmp_path / f"{'a' * 251}.npz"
    archives.write(path, ARRAYS)
    assert set(archives.read(path)) == set(ARRAYS)


def test_pickled_objects_are_refused(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.array([{"run": "me"}], dtype=object))
    with pytest.raises(InvalidData, match=r"a\.npz .* Object arrays"):
        archives.read(tmp_path / "a.npz")


def test_members_that_are_no_arrays_are_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InvalidData, match=r"readme\.txt"):
        archives.read(tmp_path / "a.npz")


@pytest.mark.parametrize("content", [b"", b"<html>Sign in</html>", b"\x80\x04]\x94."])
def test_files_of_another_kind_are_refused_with_their_size(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(InvalidData, match=rf"\({len(content)} bytes\).*whole copy"):
        archives.read(tmp_path / "a.npz")


def test_a_folder_or_nothing_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "none.npz"):
        with pytest.raises(InvalidData, match="not a file"):
            archives.read(path)


@settings(deadline=None)
@given(st.data())
def test_damage_is_noticed_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damaged") / "a.npz"
    archives.write(path, ARRAYS)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    try:
        back = archives.read(path)
    except InvalidData:
        return
    for name in set(back) & set(ARRAYS):
        np.testing.assert_array_equal(back[name], ARRAYS[name])
