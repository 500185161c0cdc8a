"""No text of ours is left in English on any page that customers see."""

import pytest
import sqlalchemy as sa
from msgspec.structs import replace
from support_every_page import DOORS, MEMBERS_PAGES, Stage
from support_portal import Portal
from support_pseudo import PSEUDO
from support_untranslated import untranslated

from gateway.records.tables import Account
from gateway.settings import Settings

# What pages say does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

OURS = [path for path in MEMBERS_PAGES if path != "/staff"]  # which stays in English
LONG = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
# Where back offices and customers have their say, of whom nobody knows how long their words are.
TELL_LONG = """(long) => document.querySelectorAll(
    "h1, h3, h3 a, .item p, .table th > a, .table th span, .table td > a, dd:not(.money), .lede, .wide, .stamp span"
).forEach((each) => { if (!each.querySelector("button, input, select, svg")) each.textContent = long })"""

AGES = """(ages) => {
  const time = document.querySelector("time[data-age]");
  return ages.map((seconds) => {
    time.dateTime = new Date(Date.now() - 1000 * seconds).toISOString();
    document.dispatchEvent(new Event("htmx:after:swap"));
    return time.textContent;
  });
}"""

ANSWERS = {  # of pages that are not simply shown
    "/invoices/statement?from=x&to=y": 422,
    "/invoices/erp/0": 404,
    "/nowhere": 404,
    "/sign-in/code": 303,
    "/auth/callback?state=none": 400,
    "/auth/9/start": 404,
}
NOT_YET: frozenset[str] = frozenset()


@pytest.fixture
def portal_settings(request: pytest.FixtureRequest, portal_settings: Settings, pseudo_language: str) -> Settings:
    """Without English: a browser that asks for it gets the usual language, which a test may name."""
    usual = getattr(request, "param", pseudo_language)
    return replace(portal_settings, language=usual, languages=(pseudo_language, "de", "fr"))


async def test_leaves_no_text_of_ours_in_english(furnished: Portal) -> None:
    maya = await furnished.browser("maya", "bakery")
    found: dict[str, list[str]] = {}
    for browser, paths in ((maya, OURS), (furnished.stranger(), DOORS)):
        for path in paths:
            answer = await browser.get(path)
            assert answer.status_code == ANSWERS.get(path, 200), path
            assert f'<html lang="{PSEUDO}"' in answer.text or not answer.text, path
            if plain := untranslated(answer.text):
                found[path] = plain
    listed = {path: texts for path, texts in found.items() if path not in NOT_YET}
    assert listed == {}
    assert NOT_YET - set(found) == set(), "they are translated: take them off the list"


@pytest.mark.parametrize("portal_settings", ["de", "fr"], indirect=True)
async def test_has_every_page_in_every_language(furnished: Portal, portal_settings: Settings) -> None:
    maya, stranger = await furnished.browser("maya", "bakery"), furnished.stranger()
    broken = []
    for browser, paths in ((maya, OURS), (stranger, DOORS)):
        for path in paths:
            answer = await browser.get(path)
            if answer.status_code >= 500 or (
                answer.text and f'<html lang="{portal_settings.language}"' not in answer.text
            ):
                broken.append(path)
    assert broken == []


@pytest.mark.parametrize("portal_settings", [PSEUDO, "de"], indirect=True)
async def test_fits_a_phone_however_long_the_words_are(stage: Stage, portal_settings: Settings) -> None:
    maya = await stage.member("maya", "bakery")
    async with stage.portal.database.write() as session:
        await session.execute(sa.update(Account).where(Account.id == "bakery").values(name=LONG))
    too_wide = []
    for who, paths in ((maya, OURS), (None, DOORS)):
        page = await (await stage.look(who)).new_page()
        await page.set_viewport_size({"width": 390, "height": 844})
        for path in paths:
            await page.goto(path)
            assert await page.locator("html").get_attribute("lang") == portal_settings.language
            if await page.evaluate("document.documentElement.scrollWidth") > 390:
                too_wide.append(path)
            await page.evaluate(TELL_LONG, LONG)
            if await page.evaluate("document.documentElement.scrollWidth") > 390:
                too_wide.append(f"{path}, with long words")
    assert too_wide == []


@pytest.mark.parametrize("portal_settings", ["de"], indirect=True)
async def test_tells_ages_in_the_language_of_the_page(stage: Stage, portal_settings: Settings) -> None:
    page = await (await stage.look(await stage.member("maya", "bakery"))).new_page()
    await page.goto("/")
    said = await page.evaluate(AGES, [30, 300, 3700, 7300])
    assert said == ["gerade eben", "vor 5 Minuten", "vor 1 Stunde", "vor 2 Stunden"]
