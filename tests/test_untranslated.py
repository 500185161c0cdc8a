"""No text of ours is left in English on any page that customers see."""

import pytest
from msgspec.structs import replace
from support_every_page import DOORS, MEMBERS_PAGES
from support_portal import Portal
from support_pseudo import PSEUDO
from support_untranslated import untranslated

from gateway.settings import Settings

# What pages say does not depend on the database.
pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

NOT_YET: frozenset[str] = frozenset()


@pytest.fixture
def portal_settings(portal_settings: Settings, pseudo_language: str) -> Settings:
    return replace(portal_settings, language=pseudo_language, languages=(pseudo_language, "en"))


async def test_leaves_no_text_of_ours_in_english(furnished: Portal) -> None:
    maya = await furnished.browser("maya", "bakery")
    found: dict[str, list[str]] = {}
    ours = [path for path in MEMBERS_PAGES if path != "/staff"]
    for browser, paths in ((maya, ours), (furnished.stranger(), DOORS)):
        for path in paths:
            answer = await browser.get(path)
            assert f'<html lang="{PSEUDO}"' in answer.text or not answer.text, path
            if plain := untranslated(answer.text):
                found[path] = plain
    listed = {path: texts for path, texts in found.items() if path not in NOT_YET}
    assert listed == {}
    assert NOT_YET - set(found) == set(), "they are translated: take them off the list"
