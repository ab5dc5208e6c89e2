"""One tracker's client, in a process of its own: ``python tracker_process.py NAME FOLDER``.

It reads one JSON object a line on stdin and says on stdout, at the end, where the run is found.
Run by its path and on the standard library alone, it starts without PyTorch. Whatever a client
does (replace hooks, print, wait for a server at exit), it does it here and not where training
goes on, and a client that hangs can be ended.
"""

from __future__ import annotations

import base64
import io
import json
import netrc
import os
import re
import secrets
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import urlsplit

PROJECT = "flawscope"


@dataclass(frozen=True, slots=True)
class Start:
    """What a client is opened with.

    Attributes:
        folder: where it keeps everything.
        title: of the run, for people.
        run: its id, where the run was begun before.
        settings: of the recipe, by dotted key.
    """

    folder: Path
    title: str
    run: str | None
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """An open run of a tracker.

    Attributes:
        run: its id, by which it can be opened again.
        row: takes a step and its figures.
        picture: takes a step, a name and a PNG.
        close: ends the run.
        found: where people find it.
    """

    run: str
    row: Callable[[int, dict[str, float]], object]
    picture: Callable[[int, str, bytes], object]
    close: Callable[[], object]
    found: str


def open_wandb(start: Start) -> Client:
    """Online where a key is configured, else, or where the server does not answer, offline."""
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    settings = wandb.Settings(
        console="off",
        disable_code=True,
        disable_git=True,
        host="-",
        init_timeout=float(os.environ.get("WANDB_INIT_TIMEOUT", "30")),
        silent=True,
        x_disable_machine_info=True,
        x_disable_meta=True,
        x_disable_stats=True,
        x_save_requirements=False,
    )
    key = start.run or secrets.token_hex(4)
    options = {
        "project": os.environ.get("WANDB_PROJECT", PROJECT),
        "name": start.title,
        "id": key,
        "resume": "allow",
        "dir": start.folder,
        "config": start.settings,
        "settings": settings,
    }
    mode, why = os.environ.get("WANDB_MODE"), "as WANDB_MODE says"
    if mode is None:
        server = os.environ.get("WANDB_BASE_URL") or settings.base_url
        mode, why = ("online", "") if _has_wandb_key(server) else ("offline", "there is no key")
    try:
        run = wandb.init(mode=mode, **options)
    except wandb.Error as error:
        wandb.teardown()  # It would refuse the same id a second time.
        mode, why = "offline", _in_a_line(error)
        run = wandb.init(mode=mode, **options)
    kept = f"{start.folder}/wandb/offline-run-*-{key}"
    offline = run.settings.mode in ("offline", "dryrun")
    return Client(
        run=key,
        row=lambda step, figures: run.log(figures, step=step),
        picture=lambda step, name, png: run.log(
            {name: wandb.Image(_opened(png), file_type="png")}, step=step
        ),
        close=run.finish,
        found=f"kept offline ({why}); send it: wandb sync {kept}" if offline else run.url or mode,
    )


def _has_wandb_key(server: str) -> bool:
    if os.environ.get("WANDB_API_KEY") or os.environ.get("WANDB_IDENTITY_TOKEN_FILE"):
        return True
    with suppress(OSError, netrc.NetrcParseError):
        host = urlsplit(server).hostname or ""
        return netrc.netrc(os.environ.get("NETRC")).authenticators(host) is not None
    return False


def open_tensorboard(start: Start) -> Client:
    """Event files, written without PyTorch."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    writer = EventFileWriter(str(start.folder))

    def add(step: int, values: Iterable[Any]) -> None:
        summary = Summary(value=list(values))
        writer.add_event(Event(step=step, wall_time=time.time(), summary=summary))
        writer.flush()

    def picture(step: int, name: str, png: bytes) -> None:
        width, height = struct.unpack(">II", png[16:24])  # of the header, which comes first
        image = Summary.Image(height=height, width=width, colorspace=3, encoded_image_string=png)
        add(step, [Summary.Value(tag=name, image=image)])

    return Client(
        run=start.run or secrets.token_hex(4),
        row=lambda step, figures: add(
            step, (Summary.Value(tag=name, simple_value=one) for name, one in figures.items())
        ),
        picture=picture,
        close=writer.close,
        found=f"look at it: tensorboard --logdir {start.folder}",
    )


def open_mlflow(start: Start) -> Client:
    """The server of ``MLFLOW_TRACKING_URI``, or a store of files, which every MLflow can write."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    uri = os.environ.get("MLFLOW_TRACKING_URI") or start.folder.as_uri()
    client = MlflowClient(uri)
    if start.run is None:
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME", PROJECT)
        experiment = client.get_experiment_by_name(name)
        home = experiment.experiment_id if experiment else client.create_experiment(name)
        run = client.create_run(home, run_name=start.title).info.run_id
        params = [
            Param(re.sub(r"[^\w./ -]", "_", key), str(value))
            for key, value in start.settings.items()
        ]
        client.log_batch(run, params=params)
    else:
        run = start.run
        client.update_run(run, status="RUNNING")

    def row(step: int, figures: dict[str, float]) -> None:
        now = int(time.time() * 1000)
        client.log_batch(run, [Metric(name, one, now, step) for name, one in figures.items()])

    return Client(
        run=run,
        row=row,
        picture=lambda step, name, png: client.log_image(
            run, _opened(png), key=name, step=step, synchronous=True
        ),
        close=lambda: client.set_terminated(run),
        found=f"run {run} of {uri}",
    )


def open_trackio(start: Start) -> Client:
    """A local database in ``TRACKIO_DIR``, or in the folder; never a server or a hub."""
    for name in ("TRACKIO_SPACE_ID", "TRACKIO_SERVER_URL"):
        os.environ.pop(name, None)
    os.environ["HF_HUB_OFFLINE"] = "1"
    folder = os.environ.setdefault("TRACKIO_DIR", str(start.folder))
    import trackio

    title = start.run or f"{start.title}-{secrets.token_hex(4)}"
    run = trackio.init(
        project=PROJECT,
        name=title,
        resume="allow",
        config=start.settings,
        embed=False,
        auto_log_cpu=False,
        auto_log_gpu=False,
    )
    return Client(
        run=title,
        row=lambda step, figures: run.log(figures, step=step),
        picture=lambda step, name, png: run.log({name: trackio.Image(_opened(png))}, step=step),
        close=run.finish,
        found=f"look at it: TRACKIO_DIR={folder} trackio show --project {PROJECT}",
    )


OPENERS: dict[str, Callable[[Start], Client]] = {
    "mlflow": open_mlflow,
    "tensorboard": open_tensorboard,
    "trackio": open_trackio,
    "wandb": open_wandb,
}


def _opened(png: bytes) -> Any:
    from PIL import Image

    return Image.open(io.BytesIO(png))


def _in_a_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}".removesuffix(": ")


def follow(name: str, folder: Path, lines: TextIO) -> str:
    """Passes on what is told until there is no more; gives back where the run is found.

    The first line is ``{"title", "settings"}``. Each further line is a list of rows, ``{"row":
    number, "step", "figures"}``, and pictures, ``{"row": number of the row they belong to, "step",
    "picture": name, "png": base64}``. What the tracker was given in an earlier process it is not
    given again.
    """
    memory = folder.with_suffix(".json")
    kept: dict[str, Any] = {"run": None, "rows": 0}
    if memory.exists():
        kept = json.loads(memory.read_text("utf-8"))
    opening = json.loads(lines.readline())
    client = OPENERS[name](Start(folder, opening["title"], kept["run"], opening["settings"]))
    _remember(memory, client.run, kept["rows"])
    for told in (one for line in lines for one in json.loads(line) if one["row"] >= kept["rows"]):
        if "picture" in told:
            client.picture(told["step"], told["picture"], base64.b64decode(told["png"]))
        else:
            client.row(told["step"], told["figures"])
            _remember(memory, client.run, told["row"] + 1)
    client.close()
    return client.found


def _remember(memory: Path, run: str, rows: int) -> None:
    beside = memory.with_suffix(".partial")
    beside.write_text(json.dumps({"run": run, "rows": rows}), "utf-8")
    beside.replace(memory)


def main() -> None:
    """Follows a run and exits with 0, or says in a line what the client failed at."""
    lines, said = _pipes()
    status = 0
    try:
        found = follow(sys.argv[1], Path(sys.argv[2]), lines)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is told
        traceback.print_exc()
        found, status = _in_a_line(error), 1
    with suppress(OSError):  # The run itself may have been killed.
        said.write(found)
        said.close()
    sys.stderr.flush()
    os._exit(status)  # Hooks that clients leave for the exit wait for servers.


def _pipes() -> tuple[TextIO, TextIO]:
    """To and from the run; what a client or its own processes print goes to the log."""
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    return lines, said


if __name__ == "__main__":
    main()
