"""Model files: whole and equal when written, refused with the reason when not to be trusted."""

from __future__ import annotations

import hashlib
import io
import json
import stat
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flawscope.bundle import Bundle, cache_folder, edited, pack, policy_keys
from flawscope.errors import ModelFileError, RecipeError
from flawscope.values import Gate, Manifest, Stage, Verdict
from toy_models import FOUNDING, SHARED, shared_members, write_model

Entries = dict[str, bytes]


def entries_of(path: Path) -> Entries:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewrite(path: Path, out: Path, change: Callable[[Entries], Any]) -> Path:
    """A zip like another, with its entries changed in place."""
    entries = entries_of(path)
    change(entries)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out


def with_manifest(path: Path, out: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    def edit(entries: Entries) -> None:
        content = json.loads(entries["manifest.json"])
        change(content)
        entries["manifest.json"] = json.dumps(content).encode()

    return rewrite(path, out, edit)


def refused(path: Path, reason: str) -> None:
    with pytest.raises(ModelFileError, match=reason) as caught:
        Bundle.open(path)
    assert caught.value.where == str(path)
    assert caught.value.remedy


def test_what_is_packed_is_what_is_read(shared_model: Path) -> None:
    bundle = Bundle.open(shared_model)
    assert bundle.manifest.stages == SHARED
    assert bundle.digest == hashlib.sha256(shared_model.read_bytes()).hexdigest()
    for name, data in shared_members().items():
        assert bundle.read(name) == data
    with pytest.raises(ModelFileError, match="no member"):
        bundle.read("manifest.json")


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    first, second = write_model(tmp_path / "a.flaw"), write_model(tmp_path / "b" / "c.flaw")
    assert first.read_bytes() == second.read_bytes()
    shuffled = dict(reversed(shared_members().items()))
    assert write_model(tmp_path / "d.flaw", members=shuffled).read_bytes() == first.read_bytes()


def test_members_may_be_files(tmp_path: Path) -> None:
    card = tmp_path / "written.md"
    card.write_bytes(b"# From a file\n")
    path = write_model(tmp_path / "m.flaw", members={**shared_members(), "card.md": card})
    assert Bundle.open(path).read("card.md") == b"# From a file\n"


def test_packing_leaves_a_whole_file_or_none(tmp_path: Path, shared_model: Path) -> None:
    manifest = Bundle.open(shared_model).manifest
    with pytest.raises(FileNotFoundError):
        pack(manifest, {**shared_members(), "card.md": tmp_path / "none"}, tmp_path / "m.flaw")
    with pytest.raises(ModelFileError, match="not among the members"):
        pack(manifest, {"encoder.onnx": b""}, tmp_path / "m.flaw")
    with pytest.raises(ModelFileError, match="outside"):
        pack(manifest, {**shared_members(), "../card.md": b""}, tmp_path / "m.flaw")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("share", [0.05, 0.5, 0.98])
def test_a_file_cut_short(shared_model: Path, tmp_path: Path, share: float) -> None:
    data = shared_model.read_bytes()
    cut = tmp_path / "cut.flaw"
    cut.write_bytes(data[: int(len(data) * share)])
    refused(cut, "damaged or cut short")


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty"), (b"PNG, honestly", "not a model file")]
)
def test_no_zip(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "m.flaw"
    path.write_bytes(content)
    refused(path, reason)


def test_no_file(tmp_path: Path) -> None:
    refused(tmp_path / "none.flaw", "cannot be read")
    refused(tmp_path, "cannot be read")


def test_every_flipped_byte_is_noticed_or_harmless(shared_model: Path, tmp_path: Path) -> None:
    """A changed byte never changes a member: it is refused, or sits where no content is."""
    data = shared_model.read_bytes()
    whole = Bundle.open(shared_model)
    path = tmp_path / "flipped.flaw"
    noticed = 0
    for place in range(0, len(data), 29):
        path.write_bytes(data[:place] + bytes([data[place] ^ 0x41]) + data[place + 1 :])
        try:
            bundle = Bundle.open(path)
        except ModelFileError:
            noticed += 1
        else:
            assert bundle.manifest == whole.manifest
            assert all(bundle.read(name) == whole.read(name) for name in whole.manifest.files)
    assert noticed > 50


def test_a_member_changed_with_its_checksum_in_the_zip(shared_model: Path, tmp_path: Path) -> None:
    def swap(entries: Entries) -> None:
        entries["decoder.onnx"] = entries["decoder.onnx"][::-1]

    refused(rewrite(shared_model, tmp_path / "m.flaw", swap), "'decoder.onnx' does not match")

    def grow(entries: Entries) -> None:
        entries["decoder.onnx"] += b"."

    refused(rewrite(shared_model, tmp_path / "m.flaw", grow), "'decoder.onnx' is not of the size")


def test_members_missing_and_unlisted(shared_model: Path, tmp_path: Path) -> None:
    out = tmp_path / "m.flaw"
    refused(rewrite(shared_model, out, lambda e: e.pop("card.md")), "'card.md' is missing")
    refused(rewrite(shared_model, out, lambda e: e.pop("manifest.json")), "not a model file")
    added = rewrite(shared_model, out, lambda e: e.update({"extra.py": b"print()"}))
    refused(added, "'extra.py' is not in its manifest")
    unlisted = with_manifest(shared_model, out, lambda m: m["files"].pop("decoder.onnx"))
    refused(unlisted, "'decoder.onnx' is not in its manifest")


def test_a_newer_format_is_named_as_such(shared_model: Path, tmp_path: Path) -> None:
    newer = with_manifest(
        shared_model,
        tmp_path / "m.flaw",
        lambda m: m.update(format_version=5, a_key_of_the_future={}),
    )
    refused(newer, r"newer flawscope \(format 5; this one reads up to 4\).*pip install --upgrade")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda m: m.pop("format_version"), "states no format_version"),
        (lambda m: m.update(format_version="one"), "format_version"),
        (lambda m: m.update(surprise=1), "surprise"),
        (lambda m: m["input"].update(tile=10), "input.tile"),
        (lambda m: m["policy"].update(accept_below=0.9, reject_above=0.1), "accept_below"),
        (lambda m: m["files"]["card.md"].update(sha256="0" * 63), "sha256"),
        (lambda m: m["stages"].reverse(), "no earlier stage gives"),
        (lambda m: m["stages"].pop(0), "no earlier stage gives"),
        (lambda m: m["stages"][1].update(channels=["blue"]), "'blue', which is not among"),
        (lambda m: m["stages"][1].update(channels=[]), "masks and channels, or neither"),
        (lambda m: m["stages"][1].update(name="encoder"), "the same name"),
        (lambda m: m["stages"][1].update(outputs=["masks", "screen"]), "a second time"),
        (lambda m: m["stages"][0].update(outputs=["kinds", "features"]), "no stage gives 'screen'"),
        (lambda m: m["stages"][0].update(outputs=["screen", "features"]), "no stage gives 'kinds'"),
        (lambda m: m["stages"][0].update(graph="../../weights.onnx"), "weights.onnx' is missing"),
    ],
)
def test_manifests_that_make_no_sense(
    shared_model: Path, tmp_path: Path, change: Callable[[dict[str, Any]], Any], reason: str
) -> None:
    refused(with_manifest(shared_model, tmp_path / "m.flaw", change), reason)


@pytest.mark.parametrize("text", [b"{", b"[]", b"\xff\xfe", b"[" * 100_000])
def test_manifests_that_are_no_json_object(shared_model: Path, tmp_path: Path, text: bytes) -> None:
    path = rewrite(shared_model, tmp_path / "m.flaw", lambda e: e.update({"manifest.json": text}))
    refused(path, "manifest.json")


@pytest.mark.parametrize(
    "name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:evil", "folder/", ".hidden"]
)
def test_names_that_leave_the_file(shared_model: Path, tmp_path: Path, name: str) -> None:
    refused(rewrite(shared_model, tmp_path / "m.flaw", lambda e: e.update({name: b""})), "outside")


@pytest.mark.parametrize("name", ["a b", "n" * 101, "naïve.md", "line\nbreak"])
def test_names_that_are_not_plain(shared_model: Path, tmp_path: Path, name: str) -> None:
    path = rewrite(shared_model, tmp_path / "m.flaw", lambda e: e.update({name: b""}))
    refused(path, "not allowed")


def zip_with(path: Path, entries: list[tuple[zipfile.ZipInfo | str, bytes]]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, data in entries:
            archive.writestr(entry, data)
    return path


def test_links_are_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("encoder.onnx")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(zip_with(tmp_path / "m.flaw", [(link, b"/etc/passwd")]), "a link")


@pytest.mark.parametrize("second", ["card.md", "CARD.md"])
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_names_are_refused(tmp_path: Path, second: str) -> None:
    path = zip_with(tmp_path / "m.flaw", [("card.md", b"good"), (second, b"bad")])
    refused(path, "there twice")


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    zeros = bytes(30 << 20)
    refused(zip_with(tmp_path / "ratio.flaw", [("a.onnx", zeros)]), r"times its size \(limit 200\)")
    many = [(f"{number}.onnx", b"") for number in range(65)]
    refused(zip_with(tmp_path / "many.flaw", many), "65 members are over the limit of 64")
    long_manifest = zip_with(tmp_path / "long.flaw", [("manifest.json", b" " * (9 << 20))])
    refused(long_manifest, "manifest of 9,437,184 bytes")


def test_a_size_that_lies_is_refused(shared_model: Path, tmp_path: Path) -> None:
    """The directory of the zip promises 2 GB, or next to nothing, for a member."""
    data = shared_model.read_bytes()
    place = data.rindex(b"PK\x01\x02")
    for size, reason in ((2_000_000_000, "limit|times its size"), (3, "damaged|not of the size")):
        lying = data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]
        path = tmp_path / "m.flaw"
        path.write_bytes(lying)
        refused(path, reason)


def test_encrypted_members_are_refused(shared_model: Path, tmp_path: Path) -> None:
    data = bytearray(shared_model.read_bytes())
    place = data.rindex(b"PK\x01\x02")
    data[place + 8] |= 1
    path = tmp_path / "m.flaw"
    path.write_bytes(data)
    refused(path, "encrypted")


def test_a_file_changed_after_opening_is_noticed(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.flaw")
    bundle = Bundle.open(path)
    write_model(path, stages=FOUNDING)
    with pytest.raises(ModelFileError):
        bundle.read("encoder.onnx")
    edited_card = {**shared_members(), "card.md": b"# A boy\n"}
    write_model(path, members=edited_card)
    with pytest.raises(ModelFileError, match="sha256"):
        bundle.read("card.md")


def test_editing_changes_the_policy_alone(shared_model: Path, tmp_path: Path) -> None:
    before = Bundle.open(shared_model)
    out = edited(
        shared_model,
        tmp_path / "strict.flaw",
        {
            "policy.accept_below": "0.1",
            "policy.reject_above": 0.8,
            "policy.gate": "soft",
            "policy.kinds.red.smallest_area": "25",
            "policy.unnamed.mask_probability": 0.7,
        },
    )
    after = Bundle.open(out)
    assert after.manifest.files == before.manifest.files
    assert all(after.read(name) == before.read(name) for name in before.manifest.files)
    policy = after.manifest.policy
    assert (policy.accept_below, policy.reject_above, policy.gate) == (0.1, 0.8, Gate.SOFT)
    assert policy.kinds["red"].smallest_area == 25
    assert policy.kinds["red"].probability == 0.5
    assert policy.unnamed.mask_probability == 0.7
    assert policy.verdict(0.5) is Verdict.REVIEW
    unchanged = after.manifest.model_copy(update={"policy": before.manifest.policy})
    assert unchanged == before.manifest
    assert after.digest != before.digest


def test_a_cache_folder_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLAWSCOPE_CACHE", "~nobody-of-this-name/cache")
    with pytest.raises(ModelFileError, match="FLAWSCOPE_CACHE"):
        cache_folder()


def test_editing_a_file_onto_itself(tmp_path: Path) -> None:
    path = write_model(tmp_path / "m.flaw")
    edited(path, path, {"policy.accept_below": 0.25})
    assert Bundle.open(path).manifest.policy.accept_below == 0.25
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("policy.acept_below", "policy.accept_below"),
        ("policy.kinds.redd.smallest_area", "policy.kinds.red.smallest_area"),
        ("accept_below", "policy.accept_below"),
        ("policy.kinds", "policy."),
        ("format_version", "policy."),
    ],
)
def test_unknown_keys_name_the_nearest(
    shared_model: Path, tmp_path: Path, key: str, nearest: str
) -> None:
    with pytest.raises(RecipeError) as caught:
        edited(shared_model, tmp_path / "m.flaw", {key: 0.5})
    assert caught.value.where == key
    assert nearest in str(caught.value.remedy)
    assert not (tmp_path / "m.flaw").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("policy.accept_below", "1.5"),
        ("policy.accept_below", "a lot"),
        ("policy.accept_below", "nan"),
        ("policy.gate", "ajar"),
        ("policy.kinds.red.smallest_area", -1),
        ("policy.kinds.red.smallest_area", "2.5"),
    ],
)
def test_values_out_of_range_name_their_key(
    shared_model: Path, tmp_path: Path, key: str, value: object
) -> None:
    with pytest.raises(RecipeError) as caught:
        edited(shared_model, tmp_path / "m.flaw", {key: value})
    assert caught.value.where == key
    assert not (tmp_path / "m.flaw").exists()


def test_edges_out_of_order_are_refused(shared_model: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="must not exceed"):
        edited(shared_model, tmp_path / "m.flaw", {"policy.accept_below": 0.9})


def test_kinds_with_dots_can_be_set() -> None:
    stage = Stage(name="all", graph="g", inputs=("image",), outputs=("screen", "kinds"))
    manifest = Manifest(name="m", kinds=("no. 4",), stages=(stage,))
    keys = policy_keys(manifest)
    assert keys["policy.kinds.no. 4.probability"] == ("kinds", "no. 4", "probability")


def with_outside_weights(place: str) -> bytes:
    """A graph whose weights are said to lie in another file."""
    import onnx
    from onnx import TensorProto, helper

    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/hostname")
    model = onnx.load_from_string(shared_members()["encoder.onnx"])
    if place == "initializer":
        model.graph.initializer.append(tensor)
    else:
        inner = helper.make_graph([], "inner", [], [], [tensor])
        node = helper.make_node("If", ["zero"], ["never"], then_branch=inner, else_branch=inner)
        model.graph.node.append(node)
    return model.SerializeToString()


@pytest.mark.parametrize("place", ["initializer", "branch"])
def test_graphs_that_read_other_files_are_refused(tmp_path: Path, place: str) -> None:
    members = {**shared_members(), "encoder.onnx": with_outside_weights(place)}
    path = write_model(tmp_path / "m.flaw", members=members)
    refused(path, "'encoder.onnx' takes weights from another file")


@pytest.mark.parametrize("graph", [b"no graph", b"\xff" * 30, b"\x0b\x0c"])
def test_graphs_that_are_none_are_refused(tmp_path: Path, graph: bytes) -> None:
    members = {**shared_members(), "decoder.onnx": graph}
    path = write_model(tmp_path / "m.flaw", members=members)
    refused(path, "'decoder.onnx' is no ONNX graph")


def test_no_pickles_and_nothing_but_plain_files(shared_model: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(shared_model.read_bytes())) as archive:
        assert {Path(name).suffix for name in archive.namelist()} == {
            ".json",
            ".md",
            ".onnx",
            ".png",
        }
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
