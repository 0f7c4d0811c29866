"""The explorer under a reader's hands: pointer, lists, keys, sizes, colours."""

from __future__ import annotations

import re

import numpy as np
import pytest
from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

import sdebayes as sb
from sdebayes.explorer import Explorer
from sdebayes.explorer.library import packed, vega
from tests.browser import driven, seen_as, visit
from tests.reporting.conftest import SCRIPT, with_groups

MARKS = (
    "return [...document.querySelectorAll('.{} path')].map(p => {{ const b = p.getBoundingClientRect(); "
    + (
        "return [b.x + b.width / 2, b.y + b.height / 2, getComputedStyle(p).fill, p.getAttribute('opacity')]; }})"
    )
)


@pytest.fixture(scope="module")
def explored(noisy, texts) -> Explorer:
    return sb.explore(noisy, with_groups(texts[0]), title=f"Texts {SCRIPT}")


@pytest.fixture(scope="module")
def page(explored, tmp_path_factory):
    return explored.save(tmp_path_factory.mktemp("explorer") / "page.html")


@pytest.fixture(scope="module")
def opened(page):
    with driven(page) as browser:
        seen_as(browser, 1100, 1000)
        WebDriverWait(browser, 30).until(lambda b: b.find_elements("css selector", "[data-ready]"))
        yield browser


@pytest.fixture
def browser(opened):
    """The page as it is when it was opened, and without a complaint when a test has ended."""
    seen_as(opened, 1100, 1000)
    opened.refresh()
    WebDriverWait(opened, 30).until(lambda b: b.find_elements("css selector", "[data-ready]"))
    yield opened
    assert opened.get_log("browser") == []


def part(browser, role: str):
    return browser.find_element("css selector", f"[data-role={role}]")


def until(browser, holds):
    return WebDriverWait(browser, 10).until(lambda _: holds())


def marks(browser, name: str) -> list:
    return browser.execute_script(MARKS.format(name))


def where(browser) -> str:
    return part(browser, "where").text


def test_it_asks_for_nothing_and_complains_of_nothing(page, tmp_path):
    seen = visit(page, tmp_path)
    assert seen.console == []
    assert [url for url in seen.requests if not url.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("part", ["script", "library"])
def test_a_script_that_was_changed_does_not_run(explored, tmp_path, part):
    changed = {
        "script": ('"use strict";', '"use strict"; document.title = "broken";'),
        "library": (packed(vega()), packed(vega() + "document.title = 'broken';")),
    }
    page = tmp_path / "page.html"
    page.write_text(explored.html.replace(*changed[part]), "utf-8")
    assert "Content Security Policy" in visit(page, tmp_path).console[0]


def test_a_point_under_the_pointer_shows_its_sentence_and_a_press_chooses_it(browser, explored):
    k = 17
    x, y, *_ = until(browser, lambda: marks(browser, "pathMark"))[k]
    box = part(browser, "picture").rect
    middle = x - box["x"] - box["width"] / 2, y - box["y"] - box["height"] / 2
    actions = ActionChains(browser).move_to_element_with_offset(part(browser, "picture"), *map(round, middle))
    actions.perform()
    said = explored.data.texts[0]["steps"]["text"][k]
    until(browser, lambda: part(browser, "said").text == " ".join(said.split()))
    assert where(browser) == f"{SCRIPT} 0, step {k + 1} of 40, {explored.data.texts[0]['group']}"
    place = explored.data.origin[0] + explored.data.texts[0]["steps"]["x"][k][0] * explored.data.unit[0]
    assert f"PC1 {place:.2f}".replace("-", "\u2212") in part(browser, "numbers").text
    assert part(browser, "step").get_attribute("value") == "0"
    actions.click().perform()
    assert part(browser, "step").get_attribute("value") == str(k)
    ActionChains(browser).move_to_element(part(browser, "play")).perform()
    assert f"step {k + 1} of 40" in where(browser)


def test_lists_choose_text_axes_and_colours(browser, explored):
    before = np.array([mark[:2] for mark in until(browser, lambda: marks(browser, "pathMark"))])
    Select(part(browser, "text")).select_by_index(2)
    assert where(browser).startswith(explored.data.texts[2]["title"])
    Select(part(browser, "text")).select_by_index(0)
    Select(part(browser, "across")).select_by_visible_text("PC2")
    Select(part(browser, "up")).select_by_visible_text("PC1")
    labels = "return [...document.querySelectorAll('.role-axis-title text')].map(t => t.textContent)"
    until(browser, lambda: browser.execute_script(labels) == ["PC2", "PC1"])
    after = np.array([mark[:2] for mark in marks(browser, "pathMark")])
    assert np.corrcoef(before[:, 0], after[:, 1])[0, 1] == pytest.approx(-1, abs=1e-3)
    assert np.corrcoef(before[:, 1], after[:, 0])[0, 1] == pytest.approx(-1, abs=1e-3)
    assert len({mark[2] for mark in marks(browser, "pointMark")}) == 2
    Select(part(browser, "colour")).select_by_value("")
    until(browser, lambda: len({mark[2] for mark in marks(browser, "pointMark")}) == 1)


def test_keys_and_buttons_step_and_play(browser, explored):
    picture = part(browser, "picture")
    ActionChains(browser).click(part(browser, "forward")).perform()
    assert "step 2 of 40" in where(browser)
    picture.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert "step 3 of 40" in where(browser)
    assert sum(mark[3] == "1" for mark in until(browser, lambda: marks(browser, "pathMark"))) == 3
    assert "up to step 3 of 40" in picture.get_attribute("aria-label")
    assert "step 3 of 40" in part(browser, "announced").get_attribute("textContent")
    picture.send_keys(Keys.END)
    assert "step 40 of 40" in where(browser)
    picture.send_keys(Keys.ARROW_DOWN)
    assert where(browser).startswith(f"{explored.data.texts[1]['title']}, step 1 of 40")
    picture.send_keys(Keys.SPACE)
    assert part(browser, "play").get_attribute("aria-pressed") == "true"
    until(browser, lambda: "step 3 of 40" in where(browser))
    picture.send_keys(Keys.SPACE)
    assert part(browser, "play").text == "Play"
    part(browser, "step").send_keys(Keys.ARROW_RIGHT)
    assert "step 4 of 40" in where(browser)
    reached = set()
    for _ in range(12):
        ActionChains(browser).send_keys(Keys.TAB).perform()
        reached.add(browser.execute_script("return document.activeElement.dataset.role"))
    assert {"text", "across", "up", "colour", "picture", "back", "play", "forward", "step"} <= reached


def test_a_place_where_the_drift_vanishes_leads_to_its_sentences(browser, explored):
    browser.find_element("css selector", "summary").click()
    i, k = explored.data.fields[0]["places"][0]["nearest"][1]
    browser.find_elements("css selector", "[data-role=place-list] button")[1].click()
    assert where(browser).startswith(f"{explored.data.texts[i]['title']}, step {k + 1} ")


@pytest.mark.parametrize("width", [390, 700])
def test_it_fits_its_window(browser, width):
    seen_as(browser, width, 900)
    size = (
        "return [document.querySelector('.explorer svg').clientWidth, document.documentElement.scrollWidth]"
    )
    until(browser, lambda: browser.execute_script(size)[0] <= width)
    drawn, page = browser.execute_script(size)
    assert page <= width
    assert drawn > 0.85 * width
    beyond = "e => !e.closest('svg') && e.getBoundingClientRect().right > innerWidth"
    cut = browser.execute_script(f"return [...document.querySelectorAll('.explorer *')].filter({beyond})")
    assert [element.tag_name for element in cut] == []


def test_it_is_light_and_dark(browser):
    title = "return getComputedStyle(document.querySelector('.role-axis-title text')).fill"
    ink = browser.execute_script(title)
    seen_as(browser, 1100, 1000, "dark")
    until(browser, lambda: browser.execute_script(title) != ink)
    for scheme in ("dark", "light"):
        seen_as(browser, 1100, 1000, scheme)
        paper = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
        until(browser, lambda paper=paper: contrast(browser.execute_script(title), paper) > 7)


def test_scripts_in_texts_are_shown_as_text(browser):
    assert browser.title == f"Texts {SCRIPT}"
    assert SCRIPT in part(browser, "said").text
    assert SCRIPT in Select(part(browser, "text")).options[0].text
    assert len(browser.find_elements("css selector", "script")) == 4


def contrast(one: str, other: str) -> float:
    """Ratio of luminances, as the guidelines of accessibility define it."""
    light = []
    for colour in (one, other):
        share = np.array([int(value) / 255 for value in re.findall(r"\d+", colour)[:3]])
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        light.append(0.05 + linear @ [0.2126, 0.7152, 0.0722])
    return max(light) / min(light)
