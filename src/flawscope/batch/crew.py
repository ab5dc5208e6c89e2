"""The engine of many processes: inspectors as Ray actors, on this machine or on a cluster."""

from __future__ import annotations

import logging
import os
import signal
import socket
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, Self

from flawscope.batch.examining import Scale, examined
from flawscope.batch.outcomes import Item, Outcome
from flawscope.bundle import Bundle, shipped_model
from flawscope.errors import EngineError, FlawscopeError, ImageError, MissingExtraError
from flawscope.runtime import AUTO, Inspector, usable_threads
from flawscope.runtime.overlap import GLANCE, always

ORDER = 4
"""Addresses that a worker is given at once: what a killed one does again, and what the last one to
end a run may have more to do than the others."""

PLACES = 2
"""Orders that a worker has at once: pictures of the next are opened or fetched meanwhile."""

_SECONDS_TO_ANSWER = 10.0
"""How long the head of a cluster may take to answer at all."""

_STARTS = 3
"""How often a worker that dies before it has begun is begun again, beyond Ray's own tries."""

_RETRIES = 1
"""How often Ray gives an order anew whose worker died."""

_STORE_BYTES = 256_000_000
"""What Ray may keep in shared memory here: the model, and results on their way."""

_SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
}
"""Nothing is reported to Ray's makers, and nothing is printed among results on stdout."""


class Worker:
    """An inspector in a process of its own, loaded as it is first needed there.

    Every call brings Ray's reference to the bytes of the model file: machines of a cluster share no
    disk, and a worker that was started again has to load it again.

    Args:
        folder: that relative paths are meant from, where this machine has it.
        engine: as for ``Inspector.load``.
        precision: likewise.
        threads: likewise.
    """

    def __init__(self, folder: Path, engine: str | None, precision: str, threads: int) -> None:
        with suppress(OSError):
            os.chdir(folder)
        self._engine = engine
        self._precision = precision
        self._threads = threads
        self._loaded: Inspector | None = None
        self._loading = threading.Lock()

    def inspector(self, model: list[Any]) -> Inspector:
        """The inspector; a list keeps Ray from sending the bytes along with each call."""
        with self._loading:
            if self._loaded is None:
                with tempfile.TemporaryDirectory(prefix="flawscope-") as place:
                    copy = Path(place) / "model.flaw"
                    copy.write_bytes(_ray().get(model[0]))
                    self._loaded = Inspector.load(
                        copy,
                        engine=self._engine,
                        precision=self._precision,
                        threads=self._threads,
                        streams=None,
                    )
        return self._loaded

    def ready(self, model: list[Any]) -> str:
        """The name of the engine that it has chosen."""
        return self.inspector(model).engine

    def examine(
        self, model: list[Any], items: list[Item], scale: Scale, *, pixels: bool
    ) -> list[Outcome]:
        """What comes of each item; its examination goes along only where pixels are wanted."""
        outcomes = examined(self.inspector(model), items, scale=scale)
        return [one if pixels else replace(one, examination=None) for one in outcomes]


@dataclass(frozen=True, slots=True)
class _Order:
    """Items that a worker is given at once, and how many of its places they take."""

    worker: Any
    items: list[Item]
    places: int = 1


@dataclass(slots=True)
class _Rota:
    """Who has how much to do.

    Attributes:
        joining: workers that are being started, by the call that ends when they are.
        busy: how many places are taken of each worker that is ready.
        given: orders under way, by their calls.
        suspects: items of orders that killed their workers.
        ended: whether there are no other items left.
        ready: whether the next item can be had without waiting.
        starts: how often each worker was asked to begin, beyond the first time.
    """

    joining: dict[Any, Any]
    ready: Callable[[], bool]
    busy: dict[Any, int] = field(default_factory=dict)
    given: dict[Any, _Order] = field(default_factory=dict)
    suspects: deque[Item] = field(default_factory=deque)
    ended: bool = False
    starts: Counter[Any] = field(default_factory=Counter)

    @property
    def done(self) -> bool:
        """Whether there is nothing left to give or to wait for."""
        return self.ended and not self.given and not self.suspects

    @property
    def waits(self) -> bool:
        """Whether something is under way, but nothing that could be given is there yet."""
        return bool(self.given) and not (self.ended or self.suspects or self.ready())

    def orders(self, items: Iterator[Item]) -> Iterator[_Order]:
        """What can be given now, first to those who have least; items are taken as needed."""
        for taken in range(PLACES):
            for worker in self.busy:
                if self.waits:
                    return
                if self.busy[worker] == taken and (order := self._next(worker, items)):
                    self.busy[worker] += order.places
                    yield order

    def _next(self, worker: Any, items: Iterator[Item]) -> _Order | None:
        if self.suspects:
            # Each has a worker to itself, so that no other is blamed for what it does.
            if self.busy[worker]:
                return None
            return _Order(worker, [self.suspects.popleft()], PLACES)
        found: list[Item] = []
        for item in items:
            found.append(item)
            if len(found) == ORDER or not self.ready():
                break
        self.ended = not found
        return _Order(worker, found) if found else None


class Crew:
    """Workers that inspect with one model; ``Crew.hired`` makes one, to be used as a context.

    Attributes:
        manifest: of the model.
        digest: sha256 of the model file.
        choice: in words, what inspects.
        notes: what there is to say of that; nothing.
        workers: Ray's handles of them.
    """

    notes: tuple[str, ...] = ()

    def __init__(
        self, bundle: Bundle, choice: str, workers: list[Any], sent: Any, *, ours: bool
    ) -> None:
        self.manifest = bundle.manifest
        self.digest = bundle.digest
        self.choice = choice
        self.workers = workers
        self._model = [sent]
        self._ours = ours

    @classmethod
    def hired(
        cls,
        model: str | Path | None = None,
        *,
        workers: int | None = None,
        engine: str | None = None,
        precision: str = AUTO,
        threads: int | None = None,
    ) -> Self:
        """Starts workers on the Ray cluster of ``RAY_ADDRESS``, or on a Ray of this machine's own.

        They inspect as soon as they are there; those that a cluster has no room for never are.

        Args:
            model: the file; without one, the model that ships in the package. Its bytes are sent
                to the workers as they are now.
            workers: how many; without a number, as many as there are cores for.
            engine: that each computes with, as for ``Inspector.load``: by default each measures
                which is faster.
            precision: that each computes in, likewise.
            threads: that each computes with, and cores that each takes; by default 1.

        Raises:
            MissingExtraError: Ray is not installed.
            ModelFileError: the file is refused.
            EngineError: there is no such cluster, or a number under 1.
        """
        ray = _ray()
        path = Path(model or shipped_model())
        bundle = Bundle.open(path)
        threads = 1 if threads is None else threads
        if threads < 1 or (workers is not None and workers < 1):
            raise EngineError("a crew needs a worker and a thread", remedy="Give 1 or more")
        ours = not ray.is_initialized()
        if ours:
            _join(ray, (workers or max(1, usable_threads() // threads)) * threads)
        if workers is None:
            workers = max(1, int(ray.cluster_resources().get("CPU", 0)) // threads)
        hiring = ray.remote(Worker).options(
            num_cpus=threads,
            max_restarts=-1,
            max_task_retries=_RETRIES,
            max_concurrency=PLACES,
        )
        sent = ray.put(path.read_bytes())
        crew = [hiring.remote(Path.cwd(), engine, precision, threads) for _ in range(workers)]
        many = f"{workers} worker{'s' if workers > 1 else ''}"
        words = f"Ray, {many} of {threads} core{'s' if threads > 1 else ''}"
        return cls(bundle, words, crew, sent, ours=ours)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        ray = _ray()
        for worker in self.workers:
            ray.kill(worker)
        if self._ours:
            ray.shutdown()

    def examined(
        self,
        items: Iterable[Item],
        *,
        scale: Scale | None = None,
        pixels: bool = False,
        ready: Callable[[], bool] = always,
    ) -> Generator[Outcome, None, None]:
        """Inspects pictures in whatever order they are done, each once, a bounded few at a time.

        The pictures of a worker that dies are given out again. One that ends its worker every time
        it is tried becomes an error of its own, and the rest goes on.

        Args:
            items: addresses that the workers can read, taken as they are needed; outcomes among
                them are passed through.
            scale: of the pictures.
            pixels: whether outcomes bring their examinations, whose pixels are sent from where
                they were read.
            ready: whether the next item can be had without waiting for it; as long as it cannot,
                no outcome is held back.

        Raises:
            EngineError: no worker can be started, or the engine fails.
        """
        ray, scale, items = _ray(), scale or Scale(), iter(items)
        joining = {worker.ready.remote(self._model): worker for worker in self.workers}
        rota = _Rota(joining, ready)
        while not rota.done:
            for order in rota.orders(items):
                asked = (self._model, order.items, scale)
                call = order.worker.examine.remote(*asked, pixels=pixels)
                rota.given[call] = order
            waiting = [*rota.joining, *rota.given]
            patience = GLANCE if rota.waits else None
            done, _ = ray.wait(waiting, timeout=patience) if waiting else ([], [])
            for call in done:
                if call in rota.joining:
                    self._welcome(ray, call, rota)
                else:
                    order = rota.given.pop(call)
                    rota.busy[order.worker] -= order.places
                    yield from _settled(ray, call, order, rota)

    def _welcome(self, ray: ModuleType, call: Any, rota: _Rota) -> None:
        """Gives a worker that has begun its place; one that died is begun again, a few times."""
        worker = rota.joining.pop(call)
        try:
            _answer(ray, call)
        except _WorkerLostError as error:
            rota.starts[worker] += 1
            if rota.starts[worker] <= _STARTS:
                rota.joining[worker.ready.remote(self._model)] = worker
            elif not (rota.busy or rota.joining):
                raise EngineError(
                    "every worker dies while it is being started",
                    where="--engine ray",
                    remedy="Give its machine more memory, or ask for fewer workers",
                ) from error
        else:
            rota.busy[worker] = 0


def _settled(ray: ModuleType, call: Any, order: _Order, rota: _Rota) -> list[Outcome]:
    """The outcomes of an order; none if it killed its worker and is to be given item by item."""
    try:
        outcomes: list[Outcome] = _answer(ray, call)
    except _WorkerLostError:
        if order.places == 1:
            rota.suspects.extend(order.items)
            return []
        return [_fatal(item) for item in order.items]
    return outcomes


class _WorkerLostError(Exception):
    """The process of a worker died each time that it was given an order."""


def _answer(ray: ModuleType, call: Any) -> Any:
    """What a call gives.

    Raises:
        EngineError: the worker cannot be started, or its engine fails.
        _WorkerLostError: its process died, again and again.
    """
    try:
        return ray.get(call)
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, FlawscopeError):
            raise error.cause from None
        raise
    except ray.exceptions.RayActorError as error:
        if getattr(error, "actor_init_failed", False):
            last = str(error).strip().splitlines()[-1]
            raise EngineError(
                f"a worker cannot be started ({last})",
                where="--engine ray",
                remedy="Install the same flawscope on every machine of the cluster",
            ) from error
        raise _WorkerLostError from error


def _fatal(item: Item) -> Outcome:
    if isinstance(item, Outcome):
        return item
    error = ImageError(
        f"ended the worker that inspected it, {_RETRIES + 1} times",
        where=item,
        remedy="Inspect it by itself; its machine may lack memory",
    )
    return Outcome(item, error=error)


def _ray() -> ModuleType:
    for name, value in _SETTINGS.items():  # which Ray reads as it is imported
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise MissingExtraError("--engine ray", "ray") from error
    module: ModuleType = ray
    return module


def _knock(address: str) -> None:
    """Raises OSError where nobody answers; Ray itself tries for many minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER).close()


def _join(ray: ModuleType, cores: int) -> None:
    """Connects to a cluster, or starts Ray on this machine for as long as this process lives."""
    quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = os.environ.get("RAY_ADDRESS")
    try:
        with _sigterm_kept():
            if address:
                _knock(address)
                ray.init(address=address, **quiet)
            else:
                ray.init(
                    address="local",
                    num_cpus=cores,
                    include_dashboard=False,
                    object_store_memory=_STORE_BYTES,
                    **quiet,
                )
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        raise EngineError(
            f"Ray cannot be reached or started ({error})",
            where="--engine ray" if address is None else f"RAY_ADDRESS={address}",
            remedy="Check RAY_ADDRESS, or unset it to start Ray on this machine",
        ) from error


@contextmanager
def _sigterm_kept() -> Iterator[None]:
    """SIGTERM does what it did before; Ray sets a handler of its own, which exits with 15."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    ended = False
    try:
        yield
    except SystemExit as end:
        ended = end.code == signal.SIGTERM
        if not ended:
            raise
    finally:
        signal.signal(signal.SIGTERM, before)
    if ended:
        signal.raise_signal(signal.SIGTERM)
