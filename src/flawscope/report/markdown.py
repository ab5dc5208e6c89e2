"""Model cards as HTML: headings, paragraphs, lists, tables, code and emphasis, no more.

A card comes with a model file, perhaps from a stranger: everything is escaped first, and what
is not one of these forms stays plain text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_INLINE = (
    (re.compile(r"`([^`]+)`"), r"<code>\1</code>"),
    (re.compile(r"\*\*([^*]+)\*\*"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![*\w])\*(?=\S)([^*]+)(?<=\S)\*(?!\w)"), r"<em>\1</em>"),
    (re.compile(r"\[([^\]]+)\]\((https?://[^\s)]+)\)"), r'<a href="\2" rel="noreferrer">\1</a>'),
)
_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s*(?:[-*+]|\d+\.)\s+(.*)")
_RULE = re.compile(r"\s*\|?(\s*:?-+:?\s*\|)+\s*:?-*:?\s*")


def html(markdown: str) -> Markup:
    """The HTML of a card; headings start at ``h3``, under those of the page."""
    blocks: list[str] = []
    for block in _blocks(markdown):
        heading = _HEADING.fullmatch(block[0])
        if heading:
            blocks.append(f"<h3>{_inline(heading[2])}</h3>")
        elif block[0].startswith("```"):
            blocks.append(f"<pre>{escape(chr(10).join(block[1:]))}</pre>")
        elif len(block) > 1 and "|" in block[0] and _RULE.fullmatch(block[1]):
            blocks.append(_table(block))
        elif _ITEM.fullmatch(block[0]):
            blocks.append(_list(block))
        else:
            blocks.append(f"<p>{_inline(' '.join(block))}</p>")
    return Markup("\n".join(blocks))  # noqa: S704 - every piece was escaped above


def _blocks(markdown: str) -> Iterable[list[str]]:
    """Lines that belong together: up to an empty line, a heading, or a fence's other end."""
    block: list[str] = []
    for line in markdown.splitlines():
        fenced = bool(block) and block[0].startswith("```")
        if fenced and not line.startswith("```"):
            block.append(line)
        elif fenced or not line.strip() or _HEADING.fullmatch(line) or line.startswith("```"):
            if block:
                yield block
            block = [line] if line.strip() and not fenced else []
            if block and _HEADING.fullmatch(line):
                yield block
                block = []
        else:
            block.append(line)
    if block:
        yield block


def _inline(text: str) -> str:
    safe = str(escape(text))
    for pattern, replacement in _INLINE:
        safe = pattern.sub(replacement, safe)
    return safe


def _list(block: list[str]) -> str:
    items: list[str] = []
    for line in block:
        item = _ITEM.fullmatch(line)
        if item:
            items.append(item[1])
        else:
            items[-1] += f" {line.strip()}"
    return f"<ul>{''.join(f'<li>{_inline(item)}</li>' for item in items)}</ul>"


def _table(block: list[str]) -> str:
    head, *rows = [_cells(line) for line in (block[0], *block[2:])]
    top = "".join(f"<th>{_inline(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr>{''.join(f'<td>{_inline(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<div class="table"><table><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]
