from __future__ import annotations

import numpy as np

from flawscope.data.audit.names import families


def test_names_that_differ_in_numbers_are_a_family_across_folders() -> None:
    ids = ["ok/exp1_num_5.jpg", "bad/exp2_num_30.jpg", "bad/cover.jpg"]
    cover, shots = families(ids)
    assert (cover.template, shots.template) == ("cover", "exp#_num_#")
    assert shots.numbers == {"ok/exp1_num_5.jpg": (1, 5), "bad/exp2_num_30.jpg": (2, 30)}
    assert shots.varying() == (0, 1)


def test_each_folder_counts_for_itself_where_names_come_again() -> None:
    found = families([f"{folder}/{i:03d}.png" for folder in ("train", "test") for i in range(4)])
    assert sorted(len(family.numbers) for family in found) == [4, 4]


def test_order_is_by_value_not_by_digits() -> None:
    (family,) = families(["p10.png", "p9.png", "p0011.png"])
    assert family.ordered(0) == ["p9.png", "p10.png", "p0011.png"]


def test_pieces_of_a_photograph_are_known_by_the_word_before_the_number() -> None:
    (family,) = families(["part12_crop_1.png", "part12_crop_2.png"])
    assert family.cut_outs() == (1,)
    (family,) = families(["scrap12_1.png", "scrap12_2.png"])
    assert family.cut_outs() == ()


def test_sharing_holds_the_numbers_named() -> None:
    (family,) = families(["a1_b1.png", "a1_b2.png", "a2_b1.png"])
    assert family.sharing([0]) == [["a1_b1.png", "a1_b2.png"], ["a2_b1.png"]]


def test_digests_have_no_family_and_numbers_that_look_like_some_have() -> None:
    rng = np.random.default_rng(0)
    digests = [f"train_images/{int(n):09x}.jpg" for n in rng.integers(16**9, size=2000)]
    assert families(digests) == []
    numbers = [f"{n:08d}.png" for n in range(2000)]
    (family,) = families(numbers)
    assert len(family.numbers) == 2000
    (lettered,) = families([f"feed{n:06d}.png" for n in range(30)])
    assert lettered.template == "feed#"
