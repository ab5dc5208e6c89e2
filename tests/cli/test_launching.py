"""What accelerate's launcher was asked for, and did not start, is started by torchrun."""

from __future__ import annotations

import pytest

from flawscope.cli.launching import speaks, torchrun
from flawscope.errors import TrainingError

OWN = ["-m", "flawscope", "train", "parts", "--out", "run", "--num_machines", "9"]
"""The last two are no options of the launcher's."""

RUN = ["-m", "torch.distributed.run"]


def launcher(*options: str) -> list[str]:
    return ["python", "accelerate", "launch", "--cpu", *options, "--module", *OWN[1:]]


def test_processes_of_one_machine_meet_by_themselves() -> None:
    for option in (("--num_processes", "2"), ("--num-processes=2",)):
        found = torchrun(launcher(*option), OWN, {})
        assert found == [*RUN, "--standalone", "--nproc-per-node=2", *OWN]


def test_processes_of_several_machines_meet_where_accelerate_says() -> None:
    options = ("--num_processes", "4", "--num_machines", "2", "--machine_rank", "1")
    meeting = {"MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "29501"}
    found = torchrun(launcher(*options), OWN, meeting)
    assert found == [
        *RUN,
        "--nnodes=2",
        "--node-rank=1",
        "--master-addr=10.0.0.1",
        "--master-port=29501",
        "--nproc-per-node=2",
        *OWN,
    ]


def test_a_number_that_cannot_be_known_is_asked_for() -> None:
    with pytest.raises(TrainingError, match="--num_processes on the command line"):
        torchrun(launcher("--config_file", "cluster.yaml"), OWN, {})


def test_one_process_of_several_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    for rank, expected in ((None, True), ("0", True), ("1", False)):
        if rank is None:
            monkeypatch.delenv("RANK", raising=False)
        else:
            monkeypatch.setenv("RANK", rank)
        assert speaks() is expected
