"""``flawscope explain``: a photograph in, a heatmap of why out."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawscope.cli.console import counting, note, show_facts, show_json
from flawscope.cli.options import ModelOption, ValueRangeOption
from flawscope.errors import ImageError

if TYPE_CHECKING:
    from flawscope.explain import Heatmap


class Method(StrEnum):
    """Ways to a heatmap."""

    CAM = "cam"
    GRADCAM = "gradcam"
    OCCLUSION = "occlusion"


def explain(
    image: Annotated[Path, typer.Argument(metavar="IMAGE", help="One photograph.")],
    method: Annotated[
        Method,
        typer.Option(
            "--method",
            help="Where the model sees evidence; what its last features rest on; or which places,"
            " covered, lower the answer. The last needs no PyTorch.",
        ),
    ] = Method.CAM,
    model: ModelOption = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="NAME", help="Explain this kind; default: any defect."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="The picture; default: NAME.explained.png."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    patch: Annotated[
        int | None,
        typer.Option(
            "--patch", metavar="PIXELS", help="What occlusion covers; default: by the image."
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option("--stride", metavar="PIXELS", help="Default: a third of the patch."),
    ] = None,
    value_range: ValueRangeOption = None,
) -> None:
    """Show which places of a photograph speak for the model's answer.

    A heatmap says what the answer rests on, not where the defect ends; inspect outlines that.
    """
    from flawscope.explain import explain as explained
    from flawscope.explain import picture
    from flawscope.images import open_image, save_image

    if method is not Method.OCCLUSION and (patch is not None or stride is not None):
        raise typer.BadParameter("--patch and --stride go with --method occlusion alone")
    path = _picture_path(image, out)
    pixels = open_image(image, value_range=value_range)
    with counting() as told:
        heatmap = explained(
            pixels,
            model,
            method=method.value,
            kind=kind,
            patch=patch,
            stride=stride,
            told=lambda done, total: told("covering", done, total),
        )
    save_image(picture(pixels, heatmap), path)
    if heatmap.hottest is None:
        note("nothing in the picture speaks for this answer: the heatmap is empty", "yellow")
    said = _record(image, heatmap, path)
    if as_json:
        show_json(said)
    else:
        show_facts(_facts(said))


def _picture_path(image: Path, out: Path | None) -> Path:
    """Where the picture goes.

    Raises:
        ImageError: it would not be a PNG, or it would replace the photograph.
    """
    path = out or Path(f"{image.stem}.explained.png")
    if path.suffix.lower() != ".png":
        raise ImageError("the picture is a PNG", where=path, remedy="Name it with .png at the end")
    if path.exists() and image.exists() and path.samefile(image):
        raise ImageError(
            "the picture would replace the photograph", where=path, remedy="Name another --out"
        )
    return path


def _record(image: Path, heatmap: Heatmap, out: Path) -> dict[str, Any]:
    hottest = heatmap.hottest
    return {
        "image": image.as_posix(),
        "method": heatmap.method,
        "kind": heatmap.kind,
        "score": heatmap.score,
        "out": out.as_posix(),
        "peak": None if hottest is None else [hottest.x, hottest.y],
        "box": None if hottest is None else list(hottest.box),
    }


def _facts(said: dict[str, Any]) -> list[tuple[str, str]]:
    facts = [
        ("answer", f"{said['kind'] or 'any defect'}, {said['score']:.1%}"),
        ("method", said["method"]),
        ("picture", said["out"]),
    ]
    if said["peak"] is not None:
        left, top, right, bottom = said["box"]
        x, y = said["peak"]
        place = f"x {x}, y {y}; half as hot from x {left} to {right}, y {top} to {bottom}"
        facts.append(("hottest", place))
    return facts
