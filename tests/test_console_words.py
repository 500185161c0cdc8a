"""The console has words for whatever there is."""

from collections.abc import Mapping
from typing import get_args

import pytest

from connectors.actions import ActionName
from connectors.records import KINDS
from gateway.matters import What
from gateway.outbox.states import State
from web.console import matters, passport, request_words


@pytest.mark.parametrize(
    ("words", "things"),
    [
        (passport.ACTION_WORDS, get_args(ActionName)),
        (passport.KIND_WORDS, KINDS),
        (request_words.ACTIONS, get_args(ActionName)),
        (request_words.STATES, get_args(State)),
        (matters.WORDS, get_args(What)),
    ],
    ids=["what a connector can", "kinds", "what went out", "what became of it", "what needs staff"],
)
def test_has_words_for_each_of(words: Mapping[str, object], things: tuple[str, ...]) -> None:
    assert set(things) == set(words)
