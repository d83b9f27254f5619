"""A run in one file: what is damaged, hostile or too large is refused with a sentence."""

import errno
import hashlib
import json
import shutil
import stat
import zipfile

import pytest

from pipelines.errors import WrongUse
from pipelines.transfer import bundle

RUN = bundle.Run(
    id="0a1b",
    name="mnist_ann",
    status="FINISHED",
    start=1,
    end=2,
    params={"epochs": "3"},
    tags={},
    metrics=[("loss", float("nan"), 5, 0), ("loss", 0.25, 6, 1)],
    inputs=[],
)
MANIFEST = bundle.Manifest(
    experiment="x", question="digits", note="", run=RUN, models=[], versions=[], files={}
)
CONTENT = b"name,value\n"


@pytest.fixture
def packed(tmp_path):
    folder = tmp_path / "run to pack"
    (folder / "run").mkdir(parents=True)
    (folder / "run/table.json").write_bytes(CONTENT)
    file = tmp_path / "run.zip"
    bundle.pack(folder, MANIFEST, file)
    return file


def written(file, members: dict[str, bytes], **changes) -> None:
    """A ZIP with a manifest that fits its members, but for the changes."""
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in members.items()}
    manifest = json.loads(MANIFEST.model_dump_json()) | {"files": hashes} | changes
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", json.dumps(manifest))
        for name, content in members.items():
            archive.writestr(name, content)


def refusal(file, tmp_path) -> str:
    with pytest.raises(WrongUse) as refused:
        bundle.unpack(file, tmp_path / "unpacked")
    sentence = str(refused.value)
    assert str(file) in sentence
    assert "\n" not in sentence
    return sentence


def test_what_is_packed_comes_back(packed, tmp_path):
    manifest = bundle.unpack(packed, tmp_path / "unpacked")
    assert (tmp_path / "unpacked/run/table.json").read_bytes() == CONTENT
    assert manifest.files == {"run/table.json": hashlib.sha256(CONTENT).hexdigest()}
    assert manifest.run.model_copy(update={"metrics": []}) == RUN.model_copy(update={"metrics": []})
    (first, second) = manifest.run.metrics
    assert first[1] != first[1]  # NaN stays NaN
    assert second == ("loss", 0.25, 6, 1)


def test_nothing_is_overwritten_and_nothing_half_written_stays(packed, tmp_path):
    with pytest.raises(WrongUse, match="is there already"):
        bundle.pack(tmp_path, MANIFEST, packed)
    with pytest.raises(WrongUse, match="is no folder"):
        bundle.pack(tmp_path, MANIFEST, tmp_path / "nowhere/run.zip")
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["run.zip"]


@pytest.mark.parametrize(
    "name", ["../run.json", "/run.json", "run/../../run.json", "..\\run.json", "C:run.json"]
)
def test_a_member_that_leads_out_of_the_folder_is_refused(tmp_path, name):
    written(tmp_path / "a.zip", {name: CONTENT})
    assert "leads out of the folder" in refusal(tmp_path / "a.zip", tmp_path)
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize("name", ["run/model.pkl", "run/model.h5", "run/code.py", "run/data"])
def test_pickles_code_and_unknown_kinds_are_refused(tmp_path, name):
    written(tmp_path / "a.zip", {name: CONTENT})
    assert "of a kind that no run of this project has" in refusal(tmp_path / "a.zip", tmp_path)


def test_a_link_is_refused(tmp_path):
    file = tmp_path / "a.zip"
    written(file, {"run/a.json": b"/etc/passwd"})
    with zipfile.ZipFile(file) as archive:
        infos = {info.filename: archive.read(info) for info in archive.infolist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in infos.items():
            info = zipfile.ZipInfo(name)
            if name == "run/a.json":
                info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, content)
    assert "is no plain file" in refusal(file, tmp_path)


def test_an_altered_member_is_refused(tmp_path):
    digest = hashlib.sha256(b"another").hexdigest()
    written(tmp_path / "a.zip", {"run/a.json": CONTENT}, files={"run/a.json": digest})
    assert "does not have the SHA-256 in the manifest" in refusal(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("files", [{}, {"run/a.json": "0", "run/b.json": "0"}])
def test_members_that_the_manifest_does_not_name_or_that_are_missing_are_refused(tmp_path, files):
    written(tmp_path / "a.zip", {"run/a.json": CONTENT}, files=files)
    assert "not those that its manifest names" in refusal(tmp_path / "a.zip", tmp_path)


def test_what_would_unpack_to_too_much_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(bundle, "MOST_BYTES", 10_000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b"")
        archive.writestr("run/bomb.json", b"0" * 1_000_000)
    assert "1,000,000 bytes; 10,000 are allowed" in refusal(tmp_path / "a.zip", tmp_path)
    assert not (tmp_path / "unpacked").exists()
    monkeypatch.setattr(bundle, "MOST_FILES", 1)
    written(tmp_path / "b.zip", {"run/a.json": b"", "run/b.json": b""})
    assert "has 3 members" in refusal(tmp_path / "b.zip", tmp_path)


@pytest.mark.parametrize(
    ("limit", "sentence"),
    [
        ("MOST_FILES", "it has 2 members; 1 are allowed, so that no store imports it"),
        ("MOST_BYTES", "bytes; 1 are allowed, so that no store imports it"),
        ("MOST_MANIFEST", "its manifest.json has "),
    ],
)
def test_what_no_store_would_unpack_is_not_packed(tmp_path, monkeypatch, limit, sentence):
    (tmp_path / "run to pack/run").mkdir(parents=True)
    (tmp_path / "run to pack/run/table.json").write_bytes(CONTENT)
    monkeypatch.setattr(bundle, limit, 1)
    with pytest.raises(WrongUse) as refused:
        bundle.pack(tmp_path / "run to pack", MANIFEST, tmp_path / "run.zip")
    assert sentence in str(refused.value)
    assert not (tmp_path / "run.zip").exists()


@pytest.mark.parametrize("limit", ["MOST_FILES", "MOST_BYTES", "MOST_MANIFEST"])
def test_exactly_the_most_is_allowed_of_a_file_and_no_more(packed, tmp_path, monkeypatch, limit):
    with zipfile.ZipFile(packed) as archive:
        sizes = [info.file_size for info in archive.infolist()]
    most = {"MOST_FILES": 2, "MOST_BYTES": sum(sizes), "MOST_MANIFEST": sizes[0]}[limit]
    monkeypatch.setattr(bundle, limit, most)
    bundle.pack(tmp_path / "run to pack", MANIFEST, tmp_path / "again.zip")
    bundle.unpack(packed, tmp_path / "unpacked first")
    monkeypatch.setattr(bundle, limit, most - 1)
    with pytest.raises(WrongUse, match=f"{most - 1:,} are allowed"):
        bundle.pack(tmp_path / "run to pack", MANIFEST, tmp_path / "third.zip")
    assert f"{most - 1:,} are allowed" in refusal(packed, tmp_path)


def test_what_is_of_a_kind_that_no_store_imports_is_not_packed(tmp_path):
    (tmp_path / "run to pack/run").mkdir(parents=True)
    (tmp_path / "run to pack/run/model.pkl").write_bytes(CONTENT)
    with pytest.raises(WrongUse, match=r"run/model\.pkl is of a kind that no run .* move it out"):
        bundle.pack(tmp_path / "run to pack", MANIFEST, tmp_path / "run.zip")
    assert not (tmp_path / "run.zip").exists()


def test_an_encrypted_member_is_refused(packed, tmp_path):
    content = bytearray(packed.read_bytes())
    for signature, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # of the last member, twice
        content[content.rindex(signature) + flags] |= 1
    packed.write_bytes(content)
    assert "'run/table.json' is encrypted" in refusal(packed, tmp_path)


def test_a_full_disk_is_not_the_files_fault(packed, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space left"):
        bundle.unpack(packed, tmp_path / "unpacked")


def test_a_manifest_that_is_no_json_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("manifest.json", "no JSON")
    assert "its manifest.json is wrong at its start: " in refusal(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"format": "another"}, "format"),
        ({"format_version": 2}, "format_version"),
        ({"run": {"id": "0a1b"}}, "run.name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_manifest_of_another_form_is_refused_with_the_place(tmp_path, changes, place):
    written(tmp_path / "a.zip", {}, **changes)
    assert f"its manifest.json is wrong at {place}: " in refusal(tmp_path / "a.zip", tmp_path)


@pytest.mark.parametrize("fault", ["cut short", "no ZIP", "empty", "missing", "a folder", "a byte"])
def test_what_is_no_whole_file_is_refused(packed, tmp_path, fault):
    content = packed.read_bytes()
    middle = content.index(CONTENT[:4]) if CONTENT[:4] in content else len(content) // 3
    broken = {
        "cut short": content[: len(content) // 2],
        "no ZIP": b"no ZIP",
        "empty": b"",
        "a byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
    }
    file = tmp_path / "broken.zip"
    if fault in broken:
        file.write_bytes(broken[fault])
    elif fault == "a folder":
        file.mkdir()
    assert refusal(file, tmp_path)
