"""``python -m flawscope`` is the command ``flawscope``."""

import sys

from flawscope.cli import main

sys.exit(main())
