"""How much memory a model takes, by a process that does nothing else.

The process that compares has rendered pictures and holds the other side too, so its own peak says
little. A fresh process is told on stdin what to run, and answers on stdout.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from flawscope.bench.sides import Setup
from flawscope.errors import EngineError

_PROGRAM = "from flawscope.bench.memory import main; main()"
_STATUS = Path("/proc/self/status")
_PEAK = "VmHWM:"


def peak_mb(model: Path, setup: Setup, pictures: Sequence[Path]) -> float | None:
    """Peak resident memory of a fresh process that inspects pictures, in MB (10^6 bytes).

    Args:
        model: the model file.
        setup: how it is run.
        pictures: inspected in order.

    Returns:
        ``None`` where the system does not say.

    Raises:
        EngineError: the process failed.
    """
    task = {
        "model": str(model.resolve()),
        "setup": asdict(setup),
        "pictures": [str(path.resolve()) for path in pictures],
    }
    ran = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", _PROGRAM],
        input=json.dumps(task),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        last = (ran.stderr.strip().splitlines() or ["no word of why"])[-1]
        raise EngineError(
            f"the process whose memory is measured ended with {ran.returncode} ({last[:300]})",
            where=model,
            remedy="Run flawscope inspect on these pictures to see why",
        )
    peak = json.loads(ran.stdout.splitlines()[-1])
    return None if peak is None else round(peak / 1e6, 1)


def own_peak() -> int | None:
    """Peak resident memory of this process in bytes; ``None`` where the system does not say."""
    if _STATUS.exists():
        # Not ru_maxrss, which on Linux starts at what the parent process had.
        for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith(_PEAK):
                return int(line.split()[1]) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return None


def main() -> None:
    """Inspects what stdin names and writes the peak to stdout."""
    task = json.load(sys.stdin)
    inspector = Setup(**task["setup"]).load(Path(task["model"]))
    for _ in inspector.inspect_many(task["pictures"]):
        pass
    sys.stdout.write(json.dumps(own_peak()) + "\n")
