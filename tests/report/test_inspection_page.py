import errno
import re
import tracemalloc
from contextlib import closing

import numpy as np
import pytest
from report_parts import MANIFEST, defect, examination, inspection, photo

from flawscope.errors import ImageError, ResultsError
from flawscope.images import open_image
from flawscope.report import InspectionPage
from flawscope.runtime import Examination
from flawscope.values import UNNAMED

HOSTILE = "\"><img src=x onerror=alert(1)><script>alert(2)</script>'${7*7}{{7*7}}.png"


def written(out, examinations, failures=(), **options):
    with InspectionPage(out, MANIFEST, "ab" * 32, **options) as page:
        for one in examinations:
            page.add(one)
        for path, reason in failures:
            page.add_failure(path, reason)
        return page.finish()


@pytest.fixture(scope="module")
def three(tmp_path_factory):
    """A good part, one to review and two bad ones, and a file that was broken."""
    crack = defect("crack", (20, 40), (30, 90))
    pit = defect("pit", (60, 64), (100, 104), score=0.8)
    return written(
        tmp_path_factory.mktemp("report"),
        [
            examination("line/good.png", 0.05),
            examination("line/odd.png", 0.5, reasons=("no place stands out",)),
            examination("line/cracked.png", 0.99, [crack], reasons=("crack at the left edge",)),
            examination("line/pitted.png", 0.8, [pit, crack], reasons=("pit in the centre",)),
        ],
        [("line/broken.png", ImageError("the file is empty", remedy="Copy it again"))],
        card="# Card\n\nMade for **tests**.",
    )


def test_one_page_at_a_time_is_written_to_a_folder(tmp_path):
    with (
        InspectionPage(tmp_path, MANIFEST, "ab" * 32),
        pytest.raises(ResultsError, match="another flawscope is writing a page to it"),
    ):
        InspectionPage(tmp_path, MANIFEST, "ab" * 32)
    written(tmp_path, [examination("good.png", 0.05)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["index.html", "pictures"]


def test_a_full_disk_is_named(tmp_path, monkeypatch):
    class Full:
        def write(self, _data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def close(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    def full(**_options):
        return closing(Full())

    monkeypatch.setattr("flawscope.report.inspection.tempfile.TemporaryFile", full)
    with pytest.raises(OSError, match="No space left") as told:
        written(tmp_path, [examination("good.png", 0.05)])
    assert told.value.filename == str(tmp_path)


def shown(page):
    return [
        card.get_attribute("data-name").removeprefix("line/").removesuffix(".png")
        for card in page.locator(".card").all()
        if card.is_visible()
    ]


def test_a_page_says_what_was_inspected_with_what(three, open_page):
    page = open_page(three)
    figures = page.locator(".figures").inner_text().split()
    assert page.locator("h1").inner_text().replace("\xa0", " ") == "4 parts inspected"
    assert figures[:9] == ["✕", "reject", "2", "?", "review", "1", "✓", "accept", "1"]
    text = page.locator("body").inner_text()
    assert "ab" * 32 in text
    assert "Made for tests." in text
    assert "line/broken.png\tthe file is empty. Copy it again" in text


def test_filters_by_verdict_kind_and_words(three, open_page):
    page = open_page(three)
    assert shown(page) == ["cracked", "pitted", "odd", "good"]
    page.get_by_role("button", name="reject 2").click()
    assert shown(page) == ["cracked", "pitted"]
    page.select_option("#kind", label="pit (1)")
    assert shown(page) == ["pitted"]
    assert "1 of 4 shown" in page.locator("#shown").inner_text()
    page.get_by_role("button", name="all 4").click()
    page.select_option("#kind", "")
    page.keyboard.press("/")
    page.keyboard.type("STANDS out")
    assert shown(page) == ["odd"]
    page.locator("#find").fill("nothing like it")
    assert shown(page) == []
    assert page.locator("#none").is_visible()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("score", ["cracked", "pitted", "odd", "good"]),
        ("area", ["pitted", "cracked", "good", "odd"]),
        ("name", ["cracked", "good", "odd", "pitted"]),
        ("order", ["good", "odd", "cracked", "pitted"]),
    ],
)
def test_parts_can_be_sorted(three, open_page, order, expected):
    page = open_page(three)
    page.select_option("#sort", order)
    got = shown(page)
    if order == "area":
        assert got[:2] == expected[:2]
    else:
        assert got == expected


def test_a_part_opens_large_and_the_keys_go_on(three, open_page):
    page = open_page(three)
    dialog = page.locator("dialog")
    page.locator(".card button").first.focus()
    page.keyboard.press("Enter")
    assert dialog.is_visible()
    assert "crack at the left edge" in dialog.inner_text()
    assert "1,200 px²" in dialog.inner_text().replace("\xa0", " ")
    outlines, heat = dialog.locator("svg .outlines"), dialog.locator("svg .heat")
    assert outlines.is_visible()
    assert not heat.is_visible()
    page.keyboard.press("o")
    page.keyboard.press("p")
    assert not outlines.is_visible()
    assert heat.is_visible()
    page.keyboard.press("ArrowRight")
    assert "pit in the centre" in dialog.inner_text()
    assert page.url.endswith("#part-4")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    assert "crack at the left edge" in dialog.inner_text(), "the first part has none before it"
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    assert page.evaluate("document.activeElement.closest('.card')?.id") == "part-3"


def test_the_keys_go_through_what_the_filter_shows(three, open_page):
    page = open_page(three)
    page.get_by_role("button", name="accept 1").click()
    page.locator(".card:visible button").click()
    assert page.locator("#previous").is_disabled()
    assert page.locator("#next").is_disabled()
    assert page.locator("#heat").is_disabled(), "nothing was located on a good part"


def test_a_defect_can_be_looked_at_closely(three, open_page):
    page = open_page(three)
    page.locator("#part-4 button").click()
    picture = page.locator("#picture svg")
    page.get_by_role("button", name="pit", exact=True).click()
    left, top, width, height = map(float, picture.get_attribute("viewBox").split())
    assert left < 100 < 104 < left + width < 160
    assert top < 60 < 64 < top + height
    page.get_by_role("button", name="Whole picture").click()
    assert picture.get_attribute("viewBox") == "0 0 160 120"


def outline_box(page, part):
    outline = f"document.querySelector('{part} svg path').getBBox()"
    return tuple(page.evaluate(f"(b => [b.x, b.y, b.width, b.height])({outline})"))


def test_outlines_lie_on_the_defects_pixels(three, open_page):
    page = open_page(three)
    assert outline_box(page, "#part-3") == (30, 20, 60, 20)


def test_a_link_opens_one_part(three, open_page):
    page = open_page(three)
    page.goto(f"{three.as_uri()}#part-2")
    page.reload()
    assert "no place stands out" in page.locator("dialog").inner_text()


def test_a_page_fits_a_telephone(three, open_page):
    page = open_page(three, viewport={"width": 360, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.locator(".card button").first.click()
    assert page.evaluate("document.querySelector('dialog').scrollWidth") <= 360


def test_hostile_names_and_words_are_inert(tmp_path, open_page):
    path = written(
        tmp_path,
        [examination(HOSTILE, 0.9, reasons=(HOSTILE, "</script></li><h1>hi</h1><!--<script>"))],
        [(f"broken/{HOSTILE}", "</td><script>alert(3)</script>")],
        card=HOSTILE,
    )
    page = open_page(path)
    page.locator(".card button").first.click()
    assert page.locator("h1").count() == 1
    assert page.locator("img").count() == 0
    assert page.locator("body > script:not([type])").count() == 1
    assert page.locator("dialog .panel").inner_text().count("onerror=alert(1)") == 2
    assert [file.name for file in (tmp_path / "pictures").iterdir()] == [
        re.sub(r"[^\w.-]", "_", "script>'${7*7}{{7*7}}") + "-inspected.jpg"
    ]


def test_the_browser_would_run_no_other_script(three, open_page):
    page = open_page(three)
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert "default-src 'none'" in policy
    assert re.search(r"script-src 'sha256-[^']+';", policy)


def test_each_part_has_a_picture_of_its_own(tmp_path):
    names = ["a/x.png", "b/x.png", "b/X.jpg", "x-2.png", "../../x.png", "..", "C:\\y.png", "y.png"]
    names.append("bad\udcff.png")
    page = InspectionPage(tmp_path, MANIFEST, "ab" * 32)
    with page:
        pictures = [page.add(examination(name, 0.1)) for name in names]
        index = page.finish()
    assert len({picture.name.casefold() for picture in pictures}) == len(names)
    assert {picture.parent for picture in pictures} == {tmp_path / "pictures"}
    assert all(open_image(picture).size for picture in pictures)
    assert pictures[0].name == "x-inspected.jpg"
    for picture in pictures:
        assert f'href="pictures/{picture.name}"' in index.read_text(encoding="utf-8")


def test_pictures_are_held_of_rejected_and_reviewed_parts_first(tmp_path, open_page):
    scores = [0.1, 0.1, 0.5, 0.9, 0.5]
    parts = [examination(f"{n}.png", score, seed=n) for n, score in enumerate(scores, 1)]
    path = written(tmp_path, parts, most_pictures=2)
    text = path.read_text(encoding="utf-8")
    assert re.findall(r'id="full-(\d)"', text) == ["4", "3"]
    assert "full pictures of 2\xa0parts" in text
    page = open_page(path)
    assert "of the other 3 it holds thumbnails" in page.locator("body").inner_text()
    page.locator("#part-1 button").click()
    assert page.locator("#thumbnail").is_visible()


def test_large_pictures_are_brought_down_and_their_outlines_kept(tmp_path, open_page):
    size = (1800, 2400)
    found = defect("crack", (600, 601), (900, 1500), size)
    image = np.zeros((*size, 3), dtype=np.uint8)
    heat = np.zeros(size, dtype=np.float32)
    one = Examination(inspection("big.png", 0.9, [found], size), image, heat)
    path = written(tmp_path, [one])
    assert path.stat().st_size < 200_000
    page = open_page(path)
    left, top, width, height = outline_box(page, "#part-1")
    assert left <= 900 < 1500 <= left + width
    assert top <= 600 < 601 <= top + height
    assert height < 20


def test_a_place_that_no_kind_explains_is_shown_too(tmp_path, open_page):
    path = written(tmp_path, [examination("a.png", 0.9, [defect(UNNAMED, (1, 9), (1, 9))])])
    page = open_page(path)
    assert "defect (1)" in page.locator("#kind").inner_text()


def test_a_page_without_parts_opens(tmp_path, open_page):
    page = open_page(written(tmp_path, [], [("a.png", "not an image")]))
    assert "No part was inspected." in page.locator("body").inner_text()


def test_nothing_is_left_behind_without_finishing(tmp_path):
    with InspectionPage(tmp_path, MANIFEST, "ab" * 32) as page:
        page.add(examination())
    assert [entry.name for entry in tmp_path.iterdir()] == ["pictures"]


def test_an_older_page_stays_until_the_new_one_is_whole(tmp_path):
    first = written(tmp_path, [examination("old.png")])
    with InspectionPage(tmp_path, MANIFEST, "ab" * 32) as page:
        page.add(examination("new.png"))
        assert "old.png" in first.read_text(encoding="utf-8")
        page.finish()
    assert "old.png" not in first.read_text(encoding="utf-8")


def test_memory_does_not_grow_with_the_number_of_parts(tmp_path):
    one = examination("part.png", 0.9, [defect("crack", (20, 40), (30, 90))])
    with InspectionPage(tmp_path, MANIFEST, "ab" * 32) as page:
        page.add(one)
        tracemalloc.start()
        try:
            for _ in range(40):
                page.add(one)
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            size = page.finish().stat().st_size
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert size > 1_000_000, "far more than was in memory at once"
    assert kept < 100_000
    assert peak < 300_000


def test_sizes_are_in_millimetres_where_the_scale_is_known(tmp_path):
    found = defect("crack", (20, 40), (30, 90))
    path = written(tmp_path, [examination("a.png", 0.9, [found])], mm_per_pixel=0.1)
    text = path.read_text(encoding="utf-8").replace("\xa0", " ")
    assert "6 \N{MULTIPLICATION SIGN} 2 mm" in text
    assert "12 mm²" in text


def test_the_photograph_on_the_page_is_the_part(tmp_path, open_page):
    image = np.full((120, 160, 3), (200, 30, 30), dtype=np.uint8)
    one = Examination(inspection("red.png", 0.9), image, None)
    page = open_page(written(tmp_path, [one]))
    assert photo().shape == image.shape
    page.locator(".card button").click()
    page.wait_for_timeout(200)
    data = page.locator("#picture svg").screenshot(path=tmp_path / "shot.png")
    assert data
    middle = open_image(tmp_path / "shot.png")
    red, green, blue = (int(v) for v in middle[middle.shape[0] // 2, middle.shape[1] // 2])
    assert red > 180
    assert max(green, blue) < 60
