"""Many pictures, one after another: where they come from, what was done, what comes of them.

A long run is four pieces, each an iterator over the one before, so that memory stays flat
whatever the number of pictures::

    sources = Sources(["parts", "s3://bucket/line-2"])      # addresses, taken as they are needed
    with Journal.begin(results, facts, resume=True) as journal:
        left = journal.left(sources)                        # without those that are done
        for outcome in examined(inspector, left):           # an engine: addresses in, outcomes out
            journal.add(line_of(outcome))                   # one whole line, then it is done

**Addresses** are strings: POSIX paths as they were given, or URLs that fsspec knows. An address
is the ``id`` of its inspection. A source may yield an ``Outcome`` instead, for a folder that
cannot be searched; it is passed through.

**An engine** is any function from addresses to outcomes: every address that goes in comes out
as one ``Outcome``, in any order, either with an inspection or with an error. ``examined`` is
the one of this process; ``Crew.examined`` has inspectors elsewhere. Outcomes need no
``examination``, which holds pixels, unless there are to be pictures and pages.

**A journal** is the file of results itself, JSON Lines, each line written whole before the next
begins. ``left`` skips what it holds and what was asked for before; ``add`` puts the line of an
outcome into it. Whenever the process is killed, every picture is either in it, once, or left to
do.
"""

from flawscope.batch.ahead import Ahead
from flawscope.batch.crew import Crew
from flawscope.batch.examining import Scale, examined
from flawscope.batch.journal import Journal, StateOf
from flawscope.batch.known import Known
from flawscope.batch.outcomes import Item, Outcome, line_of
from flawscope.batch.reloading import Reloading
from flawscope.batch.sources import Sources, each_once
from flawscope.batch.watching import Arrivals, looks, require_folder, state_of

__all__ = [
    "Ahead",
    "Arrivals",
    "Crew",
    "Item",
    "Journal",
    "Known",
    "Outcome",
    "Reloading",
    "Scale",
    "Sources",
    "StateOf",
    "each_once",
    "examined",
    "line_of",
    "looks",
    "require_folder",
    "state_of",
]
