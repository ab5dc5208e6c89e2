from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from part_pictures import Picture, dataset_of, texture

from flawscope.data import read
from flawscope.data.audit import Audit, Finding, check
from flawscope.data.audit.findings import LISTED
from flawscope.data.audit.labels import troubles
from flawscope.images import save_image
from flawscope.masks import encode
from flawscope.values import Box, Dataset, Defect, Label, Problem, ProblemCode, Sample, Size


def _found(audit: Audit) -> dict[str, Finding]:
    found = {finding.code: finding for finding in audit.findings}
    assert len(found) == len(audit.findings)
    return found


def _labelled(id_: str) -> dict[str, object]:
    if not id_.startswith("bad"):
        return {}
    return {"label": Label.DEFECTIVE, "kinds": ("crack",), "defects": None}


def _healthy(root: Path, extra: dict[str, Picture] | None = None) -> Dataset:
    """20 good and 20 bad parts, each shot once."""
    pictures = {f"bad_{i}.png" if i % 2 else f"good_{i}.png": texture(i) for i in range(40)}
    return dataset_of(root, pictures | (extra or {}), _labelled)


def test_nothing_is_found_in_a_healthy_dataset(tmp_path: Path) -> None:
    seen: dict[str, list[tuple[int, int | None]]] = {}
    audit = check(_healthy(tmp_path), lambda what, *how: seen.setdefault(what, []).append(how))
    assert audit.findings == ()
    assert (audit.images, audit.errors, audit.inferred) == (40, 0, True)
    assert seen.pop("opening images") == [(i, 40) for i in range(1, 41)]
    assert len(seen["comparing pairs"]) > 40, "silence would look like a crash"
    assert seen.keys() == {"looking for copies", "comparing pairs"}


def test_a_truncated_file_whose_header_is_whole_is_named(tmp_path: Path) -> None:
    dataset = _healthy(tmp_path)
    victim = dataset.samples[5]
    victim.image.write_bytes(victim.image.read_bytes()[:-2000])
    finding = _found(check(dataset))["unreadable-file"]
    assert finding.severity == "error"
    assert finding.files == (victim.id,)
    assert finding.reasons[0].startswith("the image is damaged or truncated")


def test_what_the_reader_met_is_told_by_sort(tmp_path: Path) -> None:
    for i in range(4):
        save_image(texture(i), tmp_path / "Free" / f"f{i}.jpg")
        save_image(texture(10 + i), tmp_path / "Crack" / f"c{i}.jpg")
    mask = np.zeros((96, 96), np.uint8)
    for i in range(4):
        save_image(mask, tmp_path / "Free" / f"f{i}.png")
        save_image(mask + np.uint8(255), tmp_path / "Crack" / f"c{i}.png")
    save_image(mask, tmp_path / "Crack" / "c0.png")
    save_image(mask[:50] + np.uint8(255), tmp_path / "Crack" / "c1.png")
    (tmp_path / "Crack" / "c2.png").write_bytes(b"")
    (tmp_path / "Free" / "f0.jpg").write_bytes(b"not an image")
    (tmp_path / "groups.csv").write_text("image,part\nCrack/gone.jpg,7\n")
    audit = check(read(tmp_path, "image-mask-pairs"))
    found = _found(audit)
    for code, name in {
        "empty-mask": "Crack/c0.png",
        "size-mismatch": "Crack/c1.png",
        "missing-file": "groups.csv",
    }.items():
        assert (found[code].count, found[code].files) == (1, (name,))
    assert set(found["unreadable-file"].files) == {"Crack/c2.png", "Free/f0.jpg"}
    severities = [finding.severity for finding in audit.findings]
    assert severities == sorted(severities, key=["error", "warning", "note"].index)


def test_a_mask_of_another_size_than_the_decoded_image(tmp_path: Path) -> None:
    dataset = _healthy(tmp_path)
    mask = encode(np.ones((96, 90), np.bool_))
    wrong = replace(dataset.samples[0], defects=(Defect("crack", Box(0, 0, 90, 96), mask),))
    found = _found(check(replace(dataset, samples=(wrong, *dataset.samples[1:]))))
    assert "90 x 96 pixels, its image 96 x 96" in found["size-mismatch"].reasons[0]


def test_copies_and_their_conflicts(tmp_path: Path) -> None:
    turned = np.ascontiguousarray(np.rot90(texture(4)))
    extra = {"a.png": texture(0), "b.png": texture(1), "c.png": turned}
    found = _found(check(_healthy(tmp_path, extra)))
    assert found["exact-duplicates"].sets == (("a.png", "good_0.png"), ("b.png", "bad_1.png"))
    assert found["exact-duplicates"].count == 4
    assert found["near-duplicates"].sets == (("c.png", "good_4.png"),)
    assert found["conflicting-duplicates"].sets == (("b.png", "bad_1.png"),)
    assert found["conflicting-duplicates"].severity == "error"
    assert "conflicting-near-duplicates" not in found
    assert "parts-shot-several-times" not in found


@pytest.mark.parametrize(("side", "conflict"), [(40, False), (10, True)])
def test_a_flipped_copy_conflicts_where_another_area_is_marked(
    tmp_path: Path, side: int, conflict: bool
) -> None:
    def marked(id_: str) -> dict[str, object]:
        if id_ not in ("good_2.png", "flip.png"):
            return _labelled(id_)
        mask = np.zeros((96, 96), np.bool_)
        length = 40 if id_ == "flip.png" else side
        mask[:length, :length] = True
        defect = Defect("crack", Box(0, 0, length, length), encode(mask))
        return {"label": Label.DEFECTIVE, "kinds": ("crack",), "defects": (defect,)}

    pictures = {s.id: texture(int(s.id[:-4].split("_")[1])) for s in _healthy(tmp_path).samples}
    pictures["flip.png"] = np.ascontiguousarray(texture(2)[::-1])
    found = _found(check(dataset_of(tmp_path, pictures, marked)))
    assert ("conflicting-near-duplicates" in found) == conflict


def test_nobody_looked_does_not_conflict(tmp_path: Path) -> None:
    dataset = _healthy(tmp_path, {"a.png": texture(1)})
    unknown = replace(dataset.samples[0], label=Label.UNKNOWN, defects=None, kinds=None)
    found = _found(check(replace(dataset, samples=(unknown, *dataset.samples[1:]))))
    assert "conflicting-duplicates" not in found
    assert found["unlabelled"].files == ("a.png",)


def test_a_split_with_copies_on_both_sides_leaks(tmp_path: Path) -> None:
    dataset = _healthy(tmp_path, {"c.png": np.ascontiguousarray(texture(4)[:, ::-1])})
    samples = tuple(
        replace(sample, split="test" if sample.id == "c.png" else "train", group=sample.id)
        for sample in dataset.samples
    )
    found = _found(check(replace(dataset, samples=samples)))
    assert found["duplicate-in-two-splits"].sets == (("c.png", "good_4.png"),)
    assert found["duplicate-in-two-splits"].severity == "error"
    assert found["duplicate-in-two-groups"].count == 2
    assert "part-in-two-splits" not in found


def test_a_group_on_both_sides_leaks(tmp_path: Path) -> None:
    samples = tuple(
        replace(sample, group=f"{i // 2}", split="test" if i % 8 == 0 else "train")
        for i, sample in enumerate(_healthy(tmp_path).samples)
    )
    found = _found(check(replace(_healthy(tmp_path), samples=samples)))
    assert len(found["part-in-two-splits"].sets) == 5


def test_kinds_with_too_few_examples(tmp_path: Path) -> None:
    dataset = _healthy(tmp_path)
    rare = replace(dataset.samples[0], kinds=("crack", "dent"))
    dataset = replace(dataset, kinds=("crack", "dent", "pit"), samples=(rare, *dataset.samples[1:]))
    messages = [f.message for f in check(dataset).findings if f.code == "few-examples"]
    assert messages == [
        "kind dent is shown by only 1 image of 1 part",
        "kind pit is shown by only 0 images of 0 parts",
    ]


@pytest.mark.parametrize(
    ("label", "code"), [(Label.GOOD, "no-defective-parts"), (Label.DEFECTIVE, "no-good-parts")]
)
def test_only_one_sort_of_part(tmp_path: Path, label: Label, code: str) -> None:
    dataset = _healthy(tmp_path)
    samples = tuple(replace(s, label=label, kinds=None, defects=None) for s in dataset.samples)
    assert code in _found(check(replace(dataset, kinds=(), samples=samples)))


def test_it_is_json_and_lists_are_capped(tmp_path: Path) -> None:
    missing = tuple(
        Problem(f"{i}.xml", "names no image", ProblemCode.MISSING_FILE) for i in range(90)
    )
    audit = check(replace(_healthy(tmp_path), problems=missing))
    made = json.loads(json.dumps(audit.to_json()))
    (finding,) = made["findings"]
    assert (finding["code"], finding["severity"], finding["count"]) == ("missing-file", "error", 90)
    assert len(finding["files"]) == LISTED
    assert made["groups"] == {"count": 40, "inferred": True}


def test_an_empty_dataset_and_one_without_a_readable_image(tmp_path: Path) -> None:
    assert check(Dataset(tmp_path, "test", (), ())).findings == ()
    gone = Sample("gone.png", tmp_path / "gone.png", Size(8, 8), Label.GOOD, (), ())
    assert "unreadable-file" in _found(check(Dataset(tmp_path, "test", (), (gone,))))


def test_every_sort_of_problem_is_told() -> None:
    found = list(troubles(Problem("a.txt", f"is {code}", code) for code in ProblemCode))
    assert {finding.code: (finding.files, finding.reasons) for finding in found} == {
        code.value: (("a.txt",), (f"is {code}",)) for code in ProblemCode
    }
    assert all(finding.message.startswith("1 ") for finding in found)
