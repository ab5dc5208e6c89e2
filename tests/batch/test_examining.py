"""The engine of this process, on files that change, and on stores that drop connections."""

from __future__ import annotations

import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest
from batch_parts import BAD, GOOD, picture, verdict
from fsspec.implementations.memory import MemoryFileSystem

from flawscope.batch import Outcome, Sources, examined, line_of
from flawscope.batch.stores import TRIES
from flawscope.errors import ImageError, MissingExtraError
from flawscope.runtime import Examination, Inspector


def test_every_address_comes_out_once_in_order(
    tmp_path: Path, inspector: Inspector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        picture(Path(f"{number}.png"), BAD if number % 3 == 0 else GOOD)
    Path("4.png").write_bytes(b"no picture")
    refused = Outcome("closed", error=ImageError("cannot be searched", where="closed"))
    items = ["0.png", refused, "1.png", "absent.png", *(f"{n}.png" for n in range(2, 8))]
    outcomes = list(examined(inspector, items))
    assert [outcome.id for outcome in outcomes] == [
        item if isinstance(item, str) else item.id for item in items
    ]
    broken = {outcome.id: str(outcome.error) for outcome in outcomes if outcome.error}
    assert set(broken) == {"closed", "absent.png", "4.png"}
    assert line_of(outcomes[1]) == {"id": "closed", "error": "closed: cannot be searched"}
    assert [verdict(outcome) for outcome in outcomes if outcome.id in ("3.png", "5.png")] == [
        "reject",
        "accept",
    ]
    assert all(outcome.examination for outcome in outcomes if not outcome.error)


class Meddled:
    """An inspector while whose work something happens to the file, as many times as is said."""

    def __init__(self, inspector: Inspector, meddle: Callable[[Path], None], times: int) -> None:
        self._inspector = inspector
        self._meddle = meddle
        self._times = times

    def inspect_many(self, paths: Iterator[Path], **options: Any) -> Iterator[Any]:
        for result in self._inspector.inspect_many(paths, **options):
            path = result.inspection.id if isinstance(result, Examination) else result.path
            self._now(Path(path))
            yield result

    def examine(self, path: Path, **options: Any) -> Examination:
        try:
            return self._inspector.examine(path, **options)
        finally:
            self._now(path)

    def _now(self, path: Path) -> None:
        if self._times:
            self._times -= 1
            self._meddle(path)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flawscope.batch.examining._SECONDS_BETWEEN_LOOKS", 0.0)
    monkeypatch.setattr("flawscope.batch.stores._FIRST_WAIT", 0.0)


@pytest.mark.usefixtures("hasty")
def test_a_picture_that_changes_while_it_is_read_is_read_again(
    tmp_path: Path, inspector: Inspector
) -> None:
    path = picture(tmp_path / "part.png", GOOD)
    data = path.read_bytes()
    path.write_bytes(data[:50])  # the first half, when it is read first

    def finish(path: Path) -> None:
        picture(path, BAD)

    (outcome,) = examined(Meddled(inspector, finish, 1), [str(path)])  # type: ignore[arg-type]
    assert verdict(outcome) == "reject"
    assert outcome.stamp is not None
    assert outcome.stamp[0] == path.stat().st_size


@pytest.mark.usefixtures("hasty")
def test_a_picture_that_never_stays_the_same_is_named(tmp_path: Path, inspector: Inspector) -> None:
    def grow(path: Path) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    paths = [str(picture(tmp_path / name)) for name in ("growing.png", "still.png")]
    growing, still = examined(Meddled(inspector, grow, 3), paths)  # type: ignore[arg-type]
    assert "growing.png: changes while it is being read" in str(growing.error)
    assert verdict(still) == "accept"


def test_a_picture_that_is_taken_away_after_it_was_read_is_inspected(
    tmp_path: Path, inspector: Inspector
) -> None:
    path = picture(tmp_path / "part.png", BAD)
    (outcome,) = examined(Meddled(inspector, Path.unlink, 1), [str(path)])  # type: ignore[arg-type]
    assert verdict(outcome) == "reject"


class Dropping(MemoryFileSystem):
    """A store whose connections break: the first of every picture, all of some."""

    protocol = "dropping"
    store: dict[str, Any] = {}  # noqa: RUF012 - as in the class above
    pseudo_dirs = [""]  # noqa: RUF012
    asked: Counter[str] = Counter()  # noqa: RUF012

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return str(super()._strip_protocol(path.replace("dropping://", "memory://")))

    def _drop(self, path: str) -> None:
        Dropping.asked[path] += 1
        if Dropping.asked[path] == 1 or "never" in path:
            raise ConnectionResetError(104, "Connection reset by peer")

    def cat_file(self, path: str, *args: Any, **options: Any) -> bytes:
        self._drop(path)
        return super().cat_file(path, *args, **options)  # type: ignore[no-any-return]

    def ls(self, path: str, *args: Any, **options: Any) -> Any:
        self._drop(f"{path}/")
        return super().ls(path, *args, **options)


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Any:
    """A store of four pictures in two folders, by the scheme that is asked for."""
    fsspec.register_implementation("dropping", Dropping, clobber=True)
    Dropping.asked.clear()
    store = fsspec.filesystem(request.param)
    data = {colour: picture(tmp_path / "p.png", colour).read_bytes() for colour in (GOOD, BAD)}
    store.store.clear()
    for name, colour in {"a": GOOD, "b": BAD, "deep/c": GOOD, "deep/.d": GOOD}.items():
        store.pipe_file(f"/bucket/{name}.png", data[colour])
    store.pipe_file("/bucket/notes.txt", b"no picture")
    yield store
    store.store.clear()


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_pictures_of_a_store_are_inspected_under_their_addresses(
    store: Any, inspector: Inspector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    local = picture(tmp_path / "local.png", BAD).as_posix()
    store.pipe_file("/bucket/broken.png", b"no picture")
    places = ["memory://bucket", local, "memory://bucket/*/c.png", "memory://bucket/notes.txt"]
    outcomes = list(examined(inspector, Sources(places)))
    assert [(outcome.id, verdict(outcome)) for outcome in outcomes] == [
        ("memory://bucket/a.png", "accept"),
        ("memory://bucket/b.png", "reject"),
        ("memory://bucket/broken.png", None),
        ("memory://bucket/deep/c.png", "accept"),
        (local, "reject"),
        ("memory://bucket/deep/c.png", "accept"),
        ("memory://bucket/notes.txt", None),
    ]
    for outcome in outcomes:
        assert outcome.inspection is None or outcome.inspection.id == outcome.id
    assert str(outcomes[2].error).startswith("memory://bucket/broken.png: not an image")
    assert not list(tmp_path.glob("flawscope-*")), "copies are removed"


@pytest.mark.parametrize("store", ["memory"], indirect=True)
@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.png", ["a", "b"]),
        ("?.p*g", ["a", "b"]),
        ("**/*.png", ["a", "b", "deep/c"]),
        ("*/*.png", ["deep/c"]),
        ("**/d*/c.*", ["deep/c"]),
        ("deep/**", ["deep/c"]),
        ("*.jpg", []),
    ],
)
def test_globs_of_a_store(store: Any, pattern: str, names: list[str]) -> None:
    found = list(Sources([f"memory://bucket/{pattern}"]))
    assert found == [f"memory://bucket/{name}.png" for name in names]


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("zip://", ["a.png", "deep/b.png", "deep/er/c.png"]),
        ("zip://deep", ["deep/b.png", "deep/er/c.png"]),
        ("zip://deep/", ["deep/b.png", "deep/er/c.png"]),
        ("zip://*.png", ["a.png"]),
        ("zip://**/?.png", ["a.png", "deep/b.png", "deep/er/c.png"]),
        ("zip://deep/*/c.png", ["deep/er/c.png"]),
        ("zip://deep/b.png", ["deep/b.png"]),
    ],
)
def test_pictures_in_an_archive(
    inspector: Inspector, tmp_path: Path, place: str, names: list[str]
) -> None:
    data = picture(tmp_path / "p.png", BAD).read_bytes()
    with zipfile.ZipFile(tmp_path / "parts.zip", "w") as archive:
        for name in ("a.png", "deep/b.png", "deep/er/c.png"):
            archive.writestr(name, data)
    rest = f"::file://{tmp_path.as_posix()}/parts.zip"
    outcomes = list(examined(inspector, Sources([f"{place}{rest}"])))
    assert [outcome.id for outcome in outcomes] == [f"zip://{name}{rest}" for name in names]
    assert {verdict(outcome) for outcome in outcomes} == {"reject"}


@pytest.mark.parametrize("store", ["memory"], indirect=True)
def test_what_a_store_has_not_is_named(store: Any, inspector: Inspector) -> None:
    for place in ("memory://bucket/absent.png", "memory://elsewhere"):
        with pytest.raises(ImageError, match="no such file or folder"):
            Sources([place])
    with pytest.raises(ImageError, match="not an address that can be read"):
        Sources(["nosuchscheme://bucket"])
    (outcome,) = examined(inspector, ["memory://bucket/absent.png"])
    assert "memory://bucket/absent.png: cannot be read (no such file or folder)" in str(
        outcome.error
    )


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("store", ["dropping"], indirect=True)
def test_connections_that_break_are_borne_with_within_bounds(
    store: Any, inspector: Inspector
) -> None:
    for name in ("never", "never-more"):
        store.pipe_file(f"/bucket/{name}.png", b"")
    store.pipe_file("/bucket/never/e.png", b"")
    outcomes = {
        outcome.id: outcome for outcome in examined(inspector, Sources(["dropping://bucket"]))
    }
    said = {name.removeprefix("dropping://bucket/"): verdict(out) for name, out in outcomes.items()}
    assert said == {
        "a.png": "accept",
        "b.png": "reject",
        "never.png": None,
        "never-more.png": None,
        "deep/c.png": "accept",
        "never": None,
    }
    told = str(outcomes["dropping://bucket/never.png"].error)
    assert told.startswith("dropping://bucket/never.png: cannot be fetched")
    assert "Connection reset by peer" in told
    assert Dropping.asked["/bucket/a.png"] == 2
    assert Dropping.asked["/bucket/never.png"] == TRIES
    assert Dropping.asked["/bucket/never/"] == TRIES, "a folder that cannot be listed is an outcome"


def test_a_missing_package_is_an_exact_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise ImportError("Install s3fs to access S3")

    with monkeypatch.context() as patch:
        patch.setattr("fsspec.core.url_to_fs", missing)
        with pytest.raises(MissingExtraError, match=r'Run: pip install "flawscope\[s3\]"$'):
            Sources(["s3://bucket/folder"])
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r'Run: pip install "flawscope\[remote\]"$'):
        Sources(["memory://bucket/folder"])
