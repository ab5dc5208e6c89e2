"""The policy follows from what a cascade says of validation parts; here it says what it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from train_parts import KINDS, defect, lesson, sample

from flawscope.images import save_image
from flawscope.runtime import Answer
from flawscope.runtime.cascade import likeliest
from flawscope.train.choosing import OPEN, choose_policy
from flawscope.train.recipe import CostRecipe
from flawscope.train.supervision import Lesson
from flawscope.values import UNNAMED, Box, Gate, Label, Policy, Size

pytestmark = pytest.mark.train

SIZE = Size(40, 60)
PIT, SCRATCH = Box(5, 5, 25, 25), Box(30, 10, 55, 30)
SPECK = Box(2, 35, 4, 37)
PLACES = {"pit": PIT, "scratch": SCRATCH}


@dataclass
class Said:
    """What the cascade says of one part: its score, kinds, and a probability for each place.

    ``turned`` is the score of the part turned upside down, where that is another.
    """

    lesson: Lesson
    score: float
    kinds: Mapping[str, float] = field(default_factory=dict)
    lit: Mapping[str, Sequence[tuple[Box, float]]] = field(default_factory=dict)
    elsewhere: float = 0.0
    turned: float | None = None

    def map(self, name: str) -> np.ndarray:
        values = np.full(SIZE, self.elsewhere, dtype=np.float32)
        for box, chance in self.lit.get(name, ()):
            values[box.top : box.bottom, box.left : box.right] = chance
        return values


@dataclass
class Oracle:
    """A cascade that knows a part by its first pixel, and looks at it as its policy says."""

    said: Sequence[Said]
    policy: Policy = OPEN
    located: frozenset[str] = frozenset({UNNAMED, *KINDS})

    def under(self, policy: Policy) -> Oracle:
        return replace(self, policy=policy)

    def weigh(self, image: np.ndarray, *, kinds: bool) -> Answer:
        one = self.said[int(image[0, 0, 0])]
        return Answer(one.score, {kind: one.kinds.get(kind, 0.0) for kind in KINDS}, None)

    def ask(self, image: np.ndarray, _clock: Any) -> Answer:
        one = self.said[int(image[0, 0, 0])]
        turned, rule = self.policy.turned_from, self.policy.second_look
        screen = one.score
        if turned is not None and one.turned is not None and one.score >= turned:
            screen = (one.score + one.turned) / 2
        answer = replace(self.weigh(image, kinds=True), score=screen, maps=one)
        if rule is None:
            return answer
        likely = likeliest(one.map(UNNAMED), rule.pixels)
        return replace(answer, score=rule.score(screen, likely), screen=screen)


def part(folder: Path, number: int, *kinds: str, known: str = "masks") -> Lesson:
    """A part with defects of some kinds, of which masks, kinds or just a label are known."""
    image = folder / f"{number}.png"
    save_image(np.full((*SIZE, 3), number, dtype=np.uint8), image)
    label = Label.DEFECTIVE if kinds else Label.GOOD
    defects = [defect(kind, PLACES[kind], SIZE) for kind in kinds]
    if known == "masks" or not kinds:
        return lesson(sample(label, defects, image=image))
    return lesson(sample(label, kinds=kinds if known == "kinds" else None, image=image))


def lights(*kinds: str, chance: float = 0.9) -> dict[str, list[tuple[Box, float]]]:
    """Each kind at its place, and any defect at all of them."""
    places = {kind: [(PLACES[kind], chance)] for kind in kinds}
    return places | {UNNAMED: [one for some in places.values() for one in some]}


def chosen(
    said: Sequence[Said], costs: CostRecipe | None = None
) -> tuple[Policy, dict[str, float]]:
    """The policy, and each gate's mean Dice."""
    lessons = [one.lesson for one in said]
    policy, gates = choose_policy(Oracle(said), lessons, KINDS, costs or CostRecipe())
    rules = {**policy.kinds, UNNAMED: policy.unnamed}
    used = gates[policy.gate.value]["mask_probability"]
    assert used == {name: rule.mask_probability for name, rule in rules.items()}
    return policy, {name: gate["mean_dice"] for name, gate in gates.items()}


def perfect(folder: Path, known: str = "masks") -> list[Said]:
    """Six good parts, six with pits, six with scratches, all told apart."""
    said = []
    for number in range(18):
        kinds = ((), ("pit",), ("scratch",))[number % 3]
        said.append(
            Said(
                part(folder, number, *kinds, known=known),
                0.9 if kinds else 0.1,
                {kind: 0.8 if kind in kinds else 0.1 for kind in KINDS},
                lights(*kinds),
            )
        )
    return said


def test_thresholds_go_between_what_they_part(tmp_path: Path) -> None:
    policy, _ = chosen(perfect(tmp_path))
    assert 0.1 < policy.accept_below <= policy.reject_above < 0.9
    assert 0.1 < policy.defective_from < 0.9
    for kind in KINDS:
        assert 0.1 < policy.kinds[kind].probability < 0.8
        assert 0.05 <= policy.kinds[kind].mask_probability <= 0.9
        assert policy.kinds[kind].smallest_area == 0
    assert set(policy.kinds) == set(KINDS)


def test_of_gates_that_do_as_well_the_hard_one_is_taken(tmp_path: Path) -> None:
    policy, dice = chosen(perfect(tmp_path))
    assert policy.gate is Gate.HARD
    assert dice == {"hard": 1.0, "soft": 1.0, "none": 1.0}


def test_a_veto_is_used_where_kinds_know_better_than_masks(tmp_path: Path) -> None:
    said = perfect(tmp_path)
    for one in said:
        one.lit = lights(*KINDS)
    policy, dice = chosen(said)
    assert policy.gate in (Gate.HARD, Gate.SOFT)
    assert dice[policy.gate] == 1.0
    assert dice["none"] < 0.9


def test_no_gate_is_used_where_masks_know_better_than_kinds(tmp_path: Path) -> None:
    said = perfect(tmp_path)
    rng = np.random.default_rng(0)
    for one in said:
        one.kinds = {kind: float(rng.uniform(0.01, 0.05)) for kind in KINDS}
        one.elsewhere = 0.03
    policy, dice = chosen(said)
    assert dice["none"] == 1.0
    assert dice["soft"] < 1.0
    assert policy.gate in (Gate.NONE, Gate.HARD)
    assert dice[policy.gate] == 1.0


def test_a_faint_mask_gets_a_low_threshold(tmp_path: Path) -> None:
    said = perfect(tmp_path)
    for one in said:
        shown = one.lesson.sample.kinds or ()
        one.lit, one.elsewhere = lights(*shown, chance=0.32), 0.12
    policy, _ = chosen(said)
    factor = 0.8 if policy.gate is Gate.SOFT else 1.0
    for kind in KINDS:
        assert 0.12 * factor < policy.kinds[kind].mask_probability <= 0.32 * factor
    assert 0.12 * factor < policy.unnamed.mask_probability <= 0.32


def test_specks_are_dropped_and_defects_kept(tmp_path: Path) -> None:
    said = perfect(tmp_path)
    for one in said:
        one.score = max(one.score, 0.6)  # every part is located
        one.kinds = dict.fromkeys(KINDS, 0.8)
        one.lit = {kind: [*one.lit.get(kind, ()), (SPECK, 0.9)] for kind in (UNNAMED, *KINDS)}
    policy, _ = chosen(said)
    for rule in (*policy.kinds.values(), policy.unnamed):
        assert 4 < rule.smallest_area <= 400


def test_a_dear_escape_lowers_the_edge_of_accepting(tmp_path: Path) -> None:
    said = perfect(tmp_path)
    for number, one in enumerate(said):
        one.score = 0.15 + 0.04 * number  # good and bad are mixed all the way
    cheap, _ = chosen(said, CostRecipe(escape=1.0, overkill=1.0, review=0.4))
    dear, _ = chosen(said, CostRecipe(escape=200.0, overkill=1.0, review=0.4))
    assert dear.accept_below < cheap.accept_below
    assert dear.accept_below <= min(
        one.score for one in said if one.lesson.sample.label is Label.DEFECTIVE
    )


def test_a_review_that_costs_too_much_leaves_none(tmp_path: Path) -> None:
    policy, _ = chosen(perfect(tmp_path), CostRecipe(escape=1.0, overkill=1.0, review=10.0))
    assert policy.accept_below == policy.reject_above


@pytest.mark.parametrize("known", ["kinds", "label"])
def test_where_no_place_is_known_masks_keep_plain_thresholds(tmp_path: Path, known: str) -> None:
    policy, _ = chosen(perfect(tmp_path, known))
    assert 0.1 < policy.accept_below <= policy.reject_above < 0.9
    for kind in KINDS:
        assert policy.kinds[kind].mask_probability == 0.5
        assert policy.kinds[kind].smallest_area == 0
    if known == "kinds":
        assert 0.1 < policy.kinds["pit"].probability < 0.8


@pytest.mark.parametrize("kinds", [(), ("pit",)])
def test_parts_that_are_all_good_or_all_defective_give_a_policy(
    tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    said = [
        Said(part(tmp_path, number, *kinds), 0.7, {"pit": 0.6}, lights(*kinds))
        for number in range(4)
    ]
    policy, _ = chosen(said)
    assert 0.0 <= policy.accept_below <= policy.reject_above <= 1.0
    assert not kinds or policy.accept_below <= 0.7


def unsure(folder: Path, *, masks: bool) -> list[Said]:
    """Forty parts, half of them with pits, that the screen mixes up, and the masks do not."""
    rng = np.random.default_rng(0)
    said = []
    for number in range(40):
        kinds = ("pit",) if number % 2 else ()
        chance = float(rng.uniform(0.25, 0.8) if kinds else rng.uniform(0.2, 0.75))
        lit = float(rng.uniform(0.6, 0.9) if kinds else rng.uniform(0.02, 0.1)) if masks else 0.3
        said.append(
            Said(
                part(folder, number, *kinds),
                chance,
                {kind: 0.8 if kind in kinds else 0.1 for kind in KINDS},
                lights("pit", chance=lit),
            )
        )
    return said


def test_masks_that_know_better_than_the_screen_look_twice(tmp_path: Path) -> None:
    said = unsure(tmp_path, masks=True)
    policy, _ = choose_policy(Oracle(said), [one.lesson for one in said], KINDS, CostRecipe())
    rule = policy.second_look
    assert rule is not None
    assert rule.masks > 0
    assert rule.located_from <= min(one.score for one in said if one.lesson.sample.kinds)
    scores: dict[bool, list[float]] = {True: [], False: []}
    for one in said:
        likely = likeliest(one.map(UNNAMED), rule.pixels)
        scores[bool(one.lesson.sample.kinds)].append(rule.score(one.score, likely))
    assert max(scores[False]) < policy.reject_above <= min(scores[True])
    assert np.median(scores[False]) < policy.accept_below < min(scores[True])


def test_a_recipe_can_do_without_a_second_look(tmp_path: Path) -> None:
    said = unsure(tmp_path, masks=True)
    costs = CostRecipe(second_look=False)
    policy, _ = choose_policy(Oracle(said), [one.lesson for one in said], KINDS, costs)
    assert policy.second_look is None


def test_masks_that_know_nothing_leave_the_score_to_the_screen(tmp_path: Path) -> None:
    said = unsure(tmp_path, masks=False)
    policy, _ = choose_policy(Oracle(said), [one.lesson for one in said], KINDS, CostRecipe())
    assert policy.second_look is None


def half_seen(folder: Path) -> list[Said]:
    """Forty parts; of each the screen sees one half of the truth, and upside down the other."""
    rng = np.random.default_rng(1)
    said = []
    for number in range(40):
        kinds = ("pit",) if number % 2 else ()
        whole, torn = (1.2 if kinds else 0.6), float(rng.uniform(-0.25, 0.25))
        said.append(
            Said(
                part(folder, number, *kinds),
                whole / 2 + torn,
                {kind: 0.8 if kind in kinds else 0.1 for kind in KINDS},
                lights("pit", chance=0.3),
                turned=whole / 2 - torn,
            )
        )
    return said


def test_edges_are_those_of_both_views(tmp_path: Path) -> None:
    said = half_seen(tmp_path)
    lessons = [one.lesson for one in said]
    policy, _ = choose_policy(Oracle(said), lessons, KINDS, CostRecipe())
    bad = [one.score for one in said if one.lesson.sample.kinds]
    assert policy.turned_from is not None
    assert 0.3 < policy.turned_from <= min(bad)  # where accepting would begin by one view
    assert 0.3 < policy.accept_below <= policy.reject_above < 0.6
    once, _ = choose_policy(Oracle(said), lessons, KINDS, CostRecipe(), turning=False)
    assert once.turned_from is None
    assert once.reject_above - once.accept_below > policy.reject_above - policy.accept_below
