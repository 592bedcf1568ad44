"""The page, opened in a real browser: complete, without network, filters that filter, no sideways scroll."""

import re

import pytest

from reports.listings import write_page
from workbench.records import Audit
from workbench.store import Store


@pytest.fixture(scope="module")
def page_file(finished, tmp_path_factory):
    with Store.open(finished.folder / "store", create=False) as store:
        return write_page(store, tmp_path_factory.mktemp("page") / "deep" / "report.html")


def test_the_page_is_one_file_that_asks_nobody(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|\#)[^"']*""", text)
    assert "@import" not in text
    assert "http://" not in re.sub(r"http://www\.w3\.org/\S+", "", text)
    assert not list(page_file.parent.glob("*.part"))


def test_what_is_simulated_says_so(page_file):
    text = page_file.read_text(encoding="utf-8")
    assert "Simulated items" in text
    assert "Simulated answers: no person was asked" in text


def test_writing_again_changes_nothing(finished, page_file, tmp_path):
    with Store.open(finished.folder / "store", create=False) as store:
        (audit,) = store.records(Audit)
        again = write_page(store, tmp_path / "again.html", audit=audit.id)
    assert again.read_bytes() == page_file.read_bytes()


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_wide_and_narrow_light_and_dark(browser, page_file, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on(
        "request",
        lambda r: errors.append(r.url) if not r.url.startswith(("file:", "data:")) else None,
    )
    page.goto(page_file.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("h2").count() == 6
    assert page.locator("figure svg").count() == 2
    assert errors == []
    page.close()


def test_filters_show_what_they_count_and_say_when_nothing_fits(browser, page_file):
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(page_file.as_uri())
    buttons = page.locator(".filters button")
    for k in range(buttons.count()):
        buttons.nth(k).click()
        counted = int(buttons.nth(k).inner_text().rsplit(" ", 1)[1])
        assert page.locator(".item:visible").count() == min(24, counted)
        while page.locator("#more").is_visible():
            page.locator("#more").click()
        assert page.locator(".item:visible").count() == counted
        assert buttons.nth(k).get_attribute("aria-pressed") == "true"
        assert page.locator("#nothing").is_visible() == (counted == 0)
    buttons.first.click()
    category = page.locator(".item").first.get_attribute("data-category")
    page.select_option("#category", category)
    shown = page.locator(".item:visible")
    assert shown.count() >= 1
    assert {shown.nth(k).get_attribute("data-category") for k in range(shown.count())} == {category}
    page.close()


def test_a_long_page_starts_short_and_without_scripts_shows_all(browser, page_file):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(page_file.as_uri())
    every = page.locator(".item").count()
    assert every > 24
    assert page.locator(".item:visible").count() == 24
    page.locator("#more").click()
    assert page.locator(".item:visible").count() == min(24 + 48, every)
    page.close()
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(page_file.as_uri())
    assert page.locator(".item:visible").count() == every
    assert not page.locator("#more").is_visible()
    context.close()


def test_on_a_phone_no_number_of_a_table_is_cut(browser, page_file):
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(page_file.as_uri())
    page.locator("#failures details").evaluate_all("all => all.forEach(d => d.open = true)")
    tables = page.locator("table.rows")
    assert tables.count() >= 3
    for k in range(tables.count()):
        cut = "t => t.parentElement.scrollWidth - t.parentElement.clientWidth"
        assert tables.nth(k).evaluate(cut) <= 0
    page.close()


def test_title_and_top_say_what_it_is_about_and_why_nothing_was_approved(finished, page_file):
    with Store.open(finished.folder / "store", create=False) as store:
        (audit,) = store.records(Audit)
    text = page_file.read_text(encoding="utf-8")
    about = f"drawn-5 · {audit.created_at:%Y-%m-%d}"
    assert f"<title>Listings from photos · {about}</title>" in text
    assert "<h1>Listings from photos</h1>" in text
    assert f"<p>{about} · " in text
    assert re.search(r"Nothing was approved: \w+ fails in \d+ of \d+ rejections, \w+ in \d+", text)
