import pytest

from flawscope.report.markdown import html


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("# Data\ntext", "<h3>Data</h3>\n<p>text</p>"),
        ("one\ntwo\n\nthree", "<p>one two</p>\n<p>three</p>"),
        ("**bold** and *slanted* and `code`", "<p><strong>bold</strong> and <em>slanted</em>"),
        ("- one\n- two\n  goes on", "<ul><li>one</li><li>two goes on</li></ul>"),
        ("1. one\n2. two", "<ul><li>one</li><li>two</li></ul>"),
        ("| a | b |\n|---|--:|\n| 1 | 2 |", "<td>1</td><td>2</td>"),
        ("```\na < b\n\nc\n```\nafter", "<pre>a &lt; b\n\nc</pre>\n<p>after</p>"),
        ("```\nnever closed", "<pre>never closed</pre>"),
        ("[paper](https://example.org/a)", '<a href="https://example.org/a" rel="noreferrer">'),
        ("3 * 4 * 5", "<p>3 * 4 * 5</p>"),
        ("a | b", "<p>a | b</p>"),
        ("", ""),
    ],
)
def test_simple_forms_are_rendered(markdown, expected):
    assert expected in html(markdown)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "# <img src=x onerror=alert(1)>",
        "| <b> |\n|---|---|\n| <script> |",
        "[x](javascript:alert(1))",
        '[x](https://a"onmouseover="alert(1))',
        "```\n</pre><script>",
        "- `<script>`",
    ],
)
def test_a_strangers_card_is_inert(hostile):
    rendered = html(hostile)
    assert "<script" not in rendered
    assert "<img" not in rendered
    assert "<b>" not in rendered
    assert 'href="javascript' not in rendered
    assert '"onmouseover' not in rendered
