"""What all lists share: filters with counts, a search, and pages of fifty."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from litestar.params import QueryParameter
from msgspec import Struct

from connectors.records import Record
from gateway.account_view import DEEPEST, Part
from gateway.home import Item
from gateway.languages import gettext, gettext_noop
from gateway.search import finds, words_of
from web.portal.nouns import Noun, how_many, which

R = TypeVar("R", bound=Record)
T = TypeVar("T")

PER_PAGE = 50

Depth = Annotated[int, QueryParameter(ge=1, le=DEEPEST, description="Pieces of a long history to read")]
PageNumber = Annotated[int, QueryParameter(ge=1, le=1000)]
Question = Annotated[str, QueryParameter(max_length=100)]
Filters = Mapping[str, tuple[Callable[[], str], Callable[[R], bool]]]  # name in the address -> label and test


class Tab(Struct, frozen=True):
    """A filter, with as many records as it leads to; None while nobody can say."""

    name: str
    label: str
    count: int | None
    href: str


class Empty(Struct, frozen=True):
    """What to say where a list has nothing to show, to be translated where it is shown."""

    title: str
    text: str


UNLINKED = Empty(
    gettext_noop("Nothing is linked to you yet"), gettext_noop("Tell us that you signed in, and we link your records.")
)
OWN_ONLY = gettext_noop("You see what names you. Your company’s admin can give you more.")
UNNAMED = Empty(gettext_noop("Nothing here names you"), OWN_ONLY)


class Window(Struct, Generic[T], frozen=True, kw_only=True):
    """One page of a list. `previous` and `next` are addresses, None at either end.

    `older` is the address with a further piece of the history, on the last page of what was read.
    """

    items: list[T]
    said: str
    previous: str | None
    next: str | None
    older: str | None

    @classmethod
    def of(
        cls,
        path: str,
        items: Sequence[T],
        *,
        about: Sequence[Part],
        page: int,
        depth: int,
        noun: Noun,
        query: Mapping[str, str],
    ) -> "Window[T]":
        """Cut one page out of `items`, which were found in `about`.

        `noun` says what they are. `query` goes into the addresses.
        """
        asked = query if depth == 1 else {**query, "depth": str(depth)}
        goes_on = any(part.older is not None for part in about)
        last = min(page * PER_PAGE, len(items))
        said = how_many(noun, len(items)) if is_known(about) else ""
        if said and len(items) > PER_PAGE:
            said = which(noun, (page - 1) * PER_PAGE + 1, last, len(items))
        is_last = last >= len(items)
        return cls(
            items=list(items[(page - 1) * PER_PAGE : last]),
            said=gettext("{said}, and older ones that are not read yet", said=said) if said and goes_on else said,
            previous=address(path, asked, page=page - 1) if page > 1 else None,
            next=None if is_last else address(path, asked, page=page + 1),
            older=address(path, query, page=page, depth=depth + 1) if is_last and goes_on and depth < DEEPEST else None,
        )


class Listing(Struct, Generic[R], frozen=True, kw_only=True):
    """A filtered list. `chosen` is all that the filter and the question leave, `window` what this page shows."""

    tabs: list[Tab]
    show: str
    question: str
    depth: int
    chosen: list[Item[R]]
    window: Window[Item[R]]


def make_listing(
    path: str,
    items: Sequence[Item[R]],
    filters: Filters[R],
    *,
    about: Sequence[Part],
    show: str,
    question: str,
    page: int,
    depth: int,
    noun: Noun,
) -> Listing[R]:
    """Filter and cut `items` of `about`, which come in the order to show them."""
    words = words_of(question)
    found = [item for item in items if finds(words, item.record)]
    chosen = [item for item in found if filters[show][1](item.record)]
    query = {"q": question, "show": show}
    further = {} if depth == 1 else {"depth": depth}
    return Listing(
        tabs=[
            Tab(
                name=name,
                label=label(),
                count=sum(test(item.record) for item in found) if is_known(about) else None,
                href=address(path, {**query, "show": name}, **further),
            )
            for name, (label, test) in filters.items()
        ],
        show=show,
        question=question,
        depth=depth,
        chosen=chosen,
        window=Window.of(path, chosen, about=about, page=page, depth=depth, noun=noun, query=query),
    )


def is_known(about: Sequence[Part]) -> bool:
    """Whether anything has been heard, so that a count means something. Who has no sources has nothing, for certain."""
    return not about or any(part.fetched_at for part in about)


def address(path: str, query: Mapping[str, str], **more: int) -> str:
    """Write an address, leaving out what is empty."""
    asked = {name: value for name, value in {**query, **more}.items() if value}
    return f"{path}?{urlencode(asked)}" if asked else path
