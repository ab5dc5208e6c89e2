"""The processes that ``accelerate launch`` starts: which of them speaks, and that there are all."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence

from flawscope.errors import MissingExtraError, TrainingError

_RANKS = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")


def speaks() -> bool:
    """Whether this process tells how it goes, of those that train together."""
    return os.environ.get("RANK", "0") == "0"


def start_peers() -> None:
    """Becomes the launcher of several processes, where several were asked for and this is alone.

    ``accelerate launch --cpu --num_processes N`` without a host file of mpirun starts one process
    and no other, and says nothing. Such a process is replaced by torchrun, which starts N of the
    same command; they meet over gloo. Otherwise this returns.

    Raises:
        TrainingError: it cannot be told how many were asked for.
    """
    if _is_lone(os.environ):
        try:
            import psutil
        except ImportError as error:
            raise MissingExtraError("training", "train") from error
        asked = psutil.Process(os.getppid()).cmdline()
        command = torchrun(asked, sys.orig_argv[1:], os.environ)
        os.execv(sys.executable, [sys.executable, *command])  # noqa: S606 - no shell is wanted


def _is_lone(environment: Mapping[str, str]) -> bool:
    """Whether accelerate set the meeting point of several processes, and started one."""
    return (
        environment.get("ACCELERATE_USE_CPU", "").lower() == "true"
        and "MASTER_ADDR" in environment
        and not any(name in environment for name in _RANKS)
    )


def torchrun(asked: Sequence[str], own: Sequence[str], environment: Mapping[str, str]) -> list[str]:
    """The arguments of Python that start what ``accelerate launch`` was asked for.

    Args:
        asked: the command line of accelerate's launcher.
        own: the arguments of Python that this process was started with.
        environment: has the address and the port at which processes meet.

    Raises:
        TrainingError: the command line does not say how many processes there are to be.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name, usual in (("num_processes", 0), ("num_machines", 1), ("machine_rank", 0)):
        parser.add_argument(f"--{name}", f"--{name.replace('_', '-')}", type=int, default=usual)
    wanted, _ = parser.parse_known_args(_before(asked, own))
    each = wanted.num_processes // wanted.num_machines
    if each < 1:
        raise TrainingError(
            "accelerate started one process where several were asked for",
            where="accelerate launch --cpu",
            remedy="Give --num_processes on the command line, at least one for each machine, or"
            " run: torchrun --nproc-per-node N -m flawscope train ...",
        )
    meeting = ["--standalone"]
    if wanted.num_machines > 1:
        meeting = [
            f"--nnodes={wanted.num_machines}",
            f"--node-rank={wanted.machine_rank}",
            f"--master-addr={environment['MASTER_ADDR']}",
            f"--master-port={environment['MASTER_PORT']}",
        ]
    return ["-m", "torch.distributed.run", *meeting, f"--nproc-per-node={each}", *own]


def _before(asked: Sequence[str], own: Sequence[str]) -> list[str]:
    """The launcher's own options, without those of the command that it was to launch."""
    rest = [word for word in own if word != "-m"]
    return list(asked[: max(0, len(asked) - len(rest))])
