"""Every page by keyboard alone: the key that goes on reaches every control, in the order of the page, and is seen."""

from collections.abc import Iterable

import pytest
from playwright.async_api import BrowserContext
from support_every_page import DESK, MEMBERS_PAGES, Stage

# What a browser shows does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

MOST = 400  # controls of a page
LISTEN = """() => {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";
  const shown = [...document.querySelectorAll(controls)].filter(
    each => !each.matches(":disabled, fieldset[disabled] *") && each.checkVisibility({visibilityProperty: true})
  );
  const ringed = element => [element, element.parentElement, element.closest("li, .field, label")].some(
    each => each && (getComputedStyle(each).outlineStyle !== "none" || getComputedStyle(each).boxShadow !== "none")
  );
  window.walk = {shown, reached: []};
  document.addEventListener("focusin", ({target}) => window.walk.reached.push([shown.indexOf(target), ringed(target)]));
  const radios = shown.filter(each => each.type === "radio");  // of a group only one is a stop
  const days = shown.filter(each => each.type === "date");  // each has four
  return shown.length + 3 * days.length - radios.length + new Set(radios.map(each => each.name)).size;
}"""
SAY = """() => {
  const {shown, reached} = window.walk;
  const name = element => `${element.localName} ${(element.textContent || element.name).trim().slice(0, 40)}`;
  const places = reached.map(([place]) => place).filter(place => place >= 0);
  const missed = shown.filter((each, place) => !places.includes(place) && each.type !== "radio");  // arrows reach these
  const dark = reached.filter(([place, is_seen]) => place >= 0 && !is_seen).map(([place]) => shown[place]);
  const back = places.filter((place, at) => at && place < places[at - 1]).map(place => shown[place]);
  return [
    ...missed.map(each => `never reaches ${name(each)}`),
    ...dark.map(each => `shows no ring at ${name(each)}`),
    ...back.map(each => `goes back to ${name(each)}`),
  ];
}"""


async def problems(context: BrowserContext, paths: Iterable[str]) -> list[str]:
    found = []
    page = await context.new_page()
    await page.set_viewport_size({"width": 1280, "height": 900})
    for path in paths:
        await page.goto(path)
        controls = int(await page.evaluate(LISTEN))
        assert 0 < controls < MOST, path
        for _ in range(controls):
            await page.keyboard.press("Tab")
        found += [f"{path}: the key {said}" for said in await page.evaluate(SAY)]
    return found


async def test_notices_what_cannot_be_reached(stage: Stage) -> None:
    page = await (await stage.look(None)).new_page()
    await page.set_content(
        "<style>.bare:focus {outline: none}</style><a href=a>1</a><a href=b tabindex=-1>2</a>"
        "<button class=bare>3</button><p><input name=4></p><a href=c tabindex=1>5</a>"
    )
    await page.evaluate(LISTEN)
    for _ in range(5):
        await page.keyboard.press("Tab")
    said = await page.evaluate(SAY)
    assert said == ["never reaches a 2", "shows no ring at button 3", "goes back to a 1"]


async def test_reaches_everything_on_the_pages_of_a_customer(stage: Stage) -> None:
    assert await problems(await stage.look(await stage.member("maya", "bakery")), MEMBERS_PAGES) == []


async def test_reaches_everything_at_the_desk_of_staff(stage: Stage) -> None:
    assert await problems(await stage.look(await stage.staff("owner")), DESK) == []
