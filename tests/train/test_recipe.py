"""Recipes: what is refused names the key and the one that was meant."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from flawscope.errors import RecipeError
from flawscope.train import Recipe, load_recipe, recipe_names
from flawscope.train.recipe import recipe_yaml

pytestmark = pytest.mark.train


@pytest.mark.parametrize("name", recipe_names())
def test_recipes_that_come_with_flawscope_are_valid(name: str) -> None:
    assert isinstance(load_recipe(name), Recipe)


def test_the_default_recipe_is_all_defaults() -> None:
    assert load_recipe() == Recipe()


def test_yaml_there_and_back(tmp_path: Path) -> None:
    recipe = load_recipe(
        "base", ("crops.zoom=[0.5, 2]", "schedule.minutes=3", "rename={a: {Ä: null, b: c}}")
    )
    path = tmp_path / "recipe.yaml"
    path.write_text(recipe_yaml(recipe), encoding="utf-8")
    assert load_recipe(str(path)) == recipe


@pytest.mark.parametrize(
    ("setting", "key", "value"),
    [
        ("seed=7", "seed", 7),
        ("crops.size=320", "crops.size", 320),
        ("encoder.name=resnet18", "encoder.name", "resnet18"),
        ("schedule.learning_rate=1e-3", "schedule.learning_rate", 0.001),
        ("schedule.minutes=null", "schedule.minutes", None),
        ("augment.flips=false", "augment.flips", False),
        ("decoder.channels=[16, 8, 8, 8]", "decoder.channels", (16, 8, 8, 8)),
        (" crops.good = 0.25", "crops.good", 0.25),
        ("crops.datasets.magnetic-tile=2", "crops.datasets", {"magnetic-tile": 2.0}),
    ],
)
def test_settings_lie_over_the_recipe(setting: str, key: str, value: object) -> None:
    found: object = load_recipe("shared", (setting,))
    for part in key.split("."):
        found = getattr(found, part)
    assert found == value


def test_later_settings_win() -> None:
    assert load_recipe("shared", ("seed=1", "seed=2")).seed == 2


@pytest.mark.parametrize(
    ("setting", "meant"),
    [
        ("crops.sise=96", "crops.size"),
        ("encoder.frosen=1", "encoder.frozen"),
        ("schedul.steps=3", "schedule"),
        ("augment.rightangles=0.5", "augment.right_angles"),
    ],
)
def test_an_unknown_key_names_the_nearest(setting: str, meant: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("shared", (setting,))
    assert setting.partition("=")[0].split(".")[0] in str(caught.value)
    assert meant in str(caught.value.remedy)


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("crops.size=100", "crops.size"),
        ("crops.good=1.5", "crops.good"),
        ("crops.zoom=[1]", "crops.zoom"),
        ("schedule.steps=0", "schedule.steps"),
        ("schedule.minutes=-1", "schedule.minutes"),
        ("encoder.pretrained=maybe", "encoder.pretrained"),
        ("precision=float8", "precision"),
        ("costs.review=0", "costs.review"),
        ("crops=null", "crops"),
    ],
)
def test_a_bad_value_names_its_key_and_itself(setting: str, key: str) -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("shared", (setting,))
    assert key in str(caught.value.where)
    assert "got" in caught.value.what


@pytest.mark.parametrize("setting", ["crops.size", "crops.size=[", "seed.deep=3", "=3"])
def test_a_setting_that_sets_nothing_is_refused(setting: str) -> None:
    with pytest.raises(RecipeError):
        load_recipe("shared", ("seed=1", setting))


def test_an_unknown_recipe_names_those_there_are() -> None:
    with pytest.raises(RecipeError) as caught:
        load_recipe("shard")
    assert all(name in str(caught.value.remedy) for name in recipe_names())


@pytest.mark.parametrize("content", [b"seed: [", b"- seed", b"\xff\xfe\x00", b"crops: {size: big}"])
def test_a_file_that_is_no_recipe_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=r"mine\.yaml"):
        load_recipe(str(path))


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nowhere\.yaml"):
        load_recipe(str(tmp_path / "nowhere.yaml"))


def test_an_empty_file_is_the_default(tmp_path: Path) -> None:
    path = tmp_path / "empty.yaml"
    path.write_text("")
    assert load_recipe(str(path)) == Recipe()


def test_the_steel_strips_recipe_keeps_them_as_they_lie() -> None:
    recipe = load_recipe("severstal")
    assert recipe.kind == "shared"
    assert (recipe.crops.size, recipe.crops.zoom) == (256, (1.0, 1.0))
    assert recipe.augment.flips
    assert (recipe.augment.right_angles, recipe.augment.tilt) == (0.0, 0.0)
