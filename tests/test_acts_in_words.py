"""What customers read where they act is said in their language when it is said; what goes to staff is not."""

from collections.abc import Callable
from datetime import date

import pytest

from connectors.details import ASK, COMPANYS, PROOF
from gateway import languages
from gateway.outbox.states import State
from gateway.topics.fields import AnyField, Choice, Day, LongText, Number, Phone, Text, YesNo
from gateway.topics.file import defaults
from gateway.topics.topic import subject_of, text_of
from gateway.uploads.checking import Limits, NotTaken
from web.portal.detail_words import LOCKED
from web.portal.fates import FATES
from web.portal.handed import WORDS
from web.portal.replies import check
from web.portal.too_long import too_long
from web.quotes import opens

TODAY = date(2026, 11, 23)
FIELDS: tuple[tuple[AnyField, str], ...] = (
    (Text(name="f", label="F"), ""),
    (LongText(name="f", label="F"), "x" * 10_001),
    (Choice(name="f", label="F", choices=("a", "b")), "c"),
    (Day(name="f", label="F"), "soon"),
    (Day(name="f", label="F", past=False), "2026-11-22"),
    (Number(name="f", label="F"), "many"),
    (Number(name="f", label="F", least=2), "1"),
    (Number(name="f", label="F", most=2), "3"),
    (YesNo(name="f", label="F"), "perhaps"),
    (Phone(name="f", label="F"), "1"),
)
LIMITS = Limits(size=10)
STATES: tuple[State, ...] = ("sent", "needs_you")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """A language whose sentences are those of English in capitals, their places apart."""

    def found(text: str, context: str | None = None) -> str:
        del context
        return "".join(part if part.startswith("{") else part.upper() for part in _parts(text))

    monkeypatch.setattr(languages, "found", found)
    monkeypatch.setattr(languages, "found_for", lambda number, one, more: found(one if number == 1 else more))


def _parts(text: str) -> list[str]:
    return text.replace("{", "\0{").replace("}", "}\0").split("\0")


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(("field", "value"), FIELDS)
def test_says_what_is_wrong_with_an_answer(field: AnyField, value: str) -> None:
    problem = field.problem(value, TODAY)
    assert problem
    assert problem == problem.upper()


@pytest.mark.usefixtures("elsewhere")
@pytest.mark.parametrize(
    "refuse",
    [
        lambda: LIMITS.check_name("A.PDF", 6),
        lambda: LIMITS.check_name("A.", 1),
        lambda: LIMITS.check_size("A.PDF", 11, 11),
        lambda: LIMITS.check_size("A.PDF", 9, 21),
    ],
)
def test_says_why_a_file_is_not_taken(refuse: Callable[[], None]) -> None:
    with pytest.raises(NotTaken) as refused:
        refuse()
    assert str(refused.value).isupper()


@pytest.mark.usefixtures("elsewhere")
def test_says_what_became_of_it_and_what_is_too_long() -> None:
    said = [check(""), check("x" * 20_001), too_long(1200), *map(languages.gettext, FATES.values())]
    said += [languages.gettext(WORDS[action, state]) for action in ("accept", "decline") for state in STATES]
    assert all(each and each.isupper() for each in said)
    assert "1,200" in too_long(1200)
    assert ">WHAT WAS WRITTEN BEFORE<" in opens()


@pytest.mark.usefixtures("elsewhere")
def test_writes_to_staff_in_their_words() -> None:
    topic = next(each.topic for each in defaults() if each.name == "order")
    said = {"order": "SO-1", "what": topic.fields[1].said("When it comes"), "text": "Hello"}
    assert subject_of(topic, said) == "When it comes: SO-1"
    assert text_of(topic, said).startswith("Order: SO-1\n")
    assert YesNo(name="f", label="F").said("yes") == "Yes"


def test_has_words_for_each_reason_of_a_connector() -> None:
    assert {why: why for why in (PROOF, ASK, COMPANYS)} == LOCKED
