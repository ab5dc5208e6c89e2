"""Exit codes, a part of the public interface."""

from __future__ import annotations

REJECTED = 1
"""``inspect --fail-on-reject`` found a part to reject. Nothing else ever gives 1."""

USER_ERROR = 2
"""Something that the user can cure; the message says how."""

FAULT = 70
"""A fault of flawscope's own (EX_SOFTWARE of sysexits.h)."""

INTERRUPTED = 130
"""Ctrl-C."""

PIPE_CLOSED = 141
"""Whoever read the results stopped reading (128 + SIGPIPE)."""

TERMINATED = 143
"""SIGTERM (128 + 15); otherwise as for Ctrl-C."""
