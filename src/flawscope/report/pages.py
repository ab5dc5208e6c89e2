"""Pages that open from disk: one file each, no network, everything escaped."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from flawscope.errors import FlawscopeError
from flawscope.files import written_whole
from flawscope.report import wording


@cache
def environment() -> Environment:
    """The templates of this package, escaping whatever is put into them."""
    made = Environment(
        loader=PackageLoader("flawscope.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {name: getattr(wording, name) for name in ("percent", "figure", "rate")}
    return made


def asset(name: str) -> Markup:
    """A style sheet or script of this package, as it stands."""
    source, _, _ = PackageLoader("flawscope.report").get_source(environment(), name)
    return Markup(source)  # noqa: S704 - our own file, not a user's text


def page(template: str, context: Mapping[str, Any], script: str = "") -> Iterator[str]:
    """A page in pieces, each made when it is asked for.

    Its content security policy lets the browser fetch nothing and run the named script alone, so
    that even a fault in escaping would leave hostile file names inert.

    Args:
        template: its file name.
        context: what it shows.
        script: file name of the one script it runs.
    """
    code = asset(script) if script else Markup("")
    digest = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
    scripts = f"'sha256-{digest}'" if script else "'none'"
    yield from (
        environment()
        .get_template(template)
        .generate(
            policy=f"default-src 'none'; img-src data:; style-src 'unsafe-inline';"
            f" script-src {scripts}; base-uri 'none'; form-action 'none'",
            style=asset("style.css"),
            script=code,
            version=_version(),
            written=datetime.now().astimezone(),
            **context,
        )
    )


def write_page(out: Path, template: str, context: Mapping[str, Any], script: str = "") -> Path:
    """Writes a page, whole or not at all, without holding it in memory."""
    with written_whole(out) as beside, beside.open("w", encoding="utf-8", errors="replace") as file:
        file.writelines(page(template, context, script))
    return out


def _version() -> str:
    from flawscope import __version__

    return __version__


def said(error: FlawscopeError) -> str:
    """What an error says, without the place it names."""
    return f"{error.what}. {error.remedy}" if error.remedy else error.what
