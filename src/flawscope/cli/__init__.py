"""The command line: each command calls one public function, and this is where it is shown.

Results go to stdout and nothing else does; notes and progress go to stderr. Exit codes: 0 for
done, 1 only for ``inspect --fail-on-reject``, 2 for what a user can cure, 130 for Ctrl-C, 143 for
SIGTERM.
"""

from flawscope.cli.app import main

__all__ = ["main"]
