"""In which languages customers read, and what staff say in each of the texts that they have written."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from litestar import Request, Response, get, post
from litestar.datastructures import UploadFile
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from msgspec import Struct

from auth.clock import utc_now
from auth.guards import for_staff
from auth.principals import StaffPrincipal
from gateway.languages.catalogue import catalogue_of, known
from gateway.languages.choosing import Languages
from gateway.phrase_files import PhraseFile, PhraseFileError, dump, load
from gateway.phrases import Book, PhrasesChanged, key_of, read_book, save
from gateway.staff_texts import StaffText, fault_of, needs_words, staff_texts
from web.body import Cap
from web.caller import by_staff
from web.console.desk import CHANGED, desk
from web.console.finding import Done, version_of
from web.redirects import see_other
from web.words import count

LANGUAGES = "/staff/languages"
PHRASE_CAPS = {f"{LANGUAGES}/": Cap(1024 * 1024, within=60.0)}
OTHERS_CAME = (
    "Somebody changed this after you opened it. What you wrote is still here, beside what is new: look it over."
)


class Line(Struct, frozen=True, kw_only=True):
    """One language, as the list has it. `left` are texts of staff's that nobody has said in it yet."""

    code: str
    title: str
    is_offered: bool
    is_usual: bool
    missing: int  # sentences of ours
    left: int = 0
    of: int = 0


class Row(Struct, frozen=True, kw_only=True):
    """One text, and how it is said; `was`: before somebody wrote here. `ours` is what our own catalogue says of it."""

    key: str
    text: StaffText
    said: str
    was: str
    ours: str
    problem: str | None = None


class Group(Struct, frozen=True, kw_only=True):
    """Texts that staff write in one place. `left`: they are the ones there that nobody has said yet."""

    title: str
    href: str
    left: bool
    rows: list[Row]


class Form(Struct, frozen=True, kw_only=True):
    """What is on the page of a language beside what is kept. `written`: by key, what somebody wrote that was not.

    `was`: by key, what they saw there before, and `seen` the version of that. None: it is what is kept.
    """

    written: Mapping[str, str] = {}
    was: Mapping[str, str] = {}
    seen: int | None = None
    problems: Mapping[str, str] = {}
    problem: str | None = None
    done: str | None = None


@get(LANGUAGES, opt=for_staff("read-only"))
async def show_languages(request: Request[StaffPrincipal, Any, Any]) -> Response[str]:
    languages: Languages = request.app.state.languages
    texts = await _texts(request)
    lines = []
    for code in dict.fromkeys((*languages.offered, *known())):
        book = await read_book(request.app.state.database, code)
        mine = [each for each in texts if needs_words(each.text, code)]
        lines.append(
            Line(
                code=code,
                title=catalogue_of(code).title,
                is_offered=code in languages.offered,
                is_usual=code == languages.default,
                missing=len(catalogue_of(code).missing),
                left=sum(each.text not in book.said for each in mine),
                of=len(mine),
            )
        )
    return desk(request, "staff_languages.html", area="languages", lines=lines)


@get(f"{LANGUAGES}/{{code:str}}", opt=for_staff("read-only"))
async def show_language(
    request: Request[StaffPrincipal, Any, Any], code: FromPath[str], done: Done = 0
) -> Response[str]:
    """Show what is said in a language. `done` is how many of its texts have just been changed."""
    return await _page(
        request, _offered(request, code), Form(done=f"{count(done, 'text', 'texts')} saved." if done else None)
    )


@post(f"{LANGUAGES}/{{code:str}}", opt=for_staff("admin"))
async def save_phrases(request: Request[StaffPrincipal, Any, Any], code: FromPath[str]) -> Response[str]:
    """Keep what somebody says in a language otherwise than it was said when they looked."""
    language = _offered(request, code)
    form = await request.form()
    by_key = {key_of(each.text): each for each in await _texts(request)}
    was = {key: str(form.get(f"was-{key}", "")) for key in by_key if key in form}
    now = {key: " ".join(str(form[key]).split()) for key in was}
    written = {key: said for key, said in now.items() if said != was[key]}
    problems = {key: fault for key, said in written.items() if (fault := fault_of(by_key[key], said))}
    seen = version_of(str(form.get("seen", "")))
    if problems:
        again = Form(written=now, was=was, seen=seen, problems=problems)
        return await _page(request, language, again, status_code=422)
    try:
        changed = await _save(request, language, {by_key[key].text: said for key, said in written.items()}, seen)
    except PhrasesChanged:
        book = await read_book(request.app.state.database, language)
        others = {key: book.said.get(by_key[key].text, "") for key in written}
        problems = {key: _others(said) for key, said in others.items() if said not in {was[key], written[key]}}
        again = Form(written=written, problems=problems, problem=OTHERS_CAME)
        return await _page(request, language, again, status_code=409)
    return see_other(f"{LANGUAGES}/{language}?done={changed}")


@get(f"{LANGUAGES}/{{code:str}}/phrases.po", opt=for_staff("read-only"))
async def export(request: Request[StaffPrincipal, Any, Any], code: FromPath[str]) -> Response[bytes]:
    language = _offered(request, code)
    book = await read_book(request.app.state.database, language)
    rows = _rows(await _texts(request), language, book, Form())
    content = dump([row.text for row in rows], book.said, language)
    headers = {"Content-Disposition": f'attachment; filename="{language}.po"'}
    return Response(content, media_type="text/x-gettext-translation; charset=utf-8", headers=headers)


@post(f"{LANGUAGES}/{{code:str}}/import", opt=for_staff("admin"), request_max_body_size=None)
async def take_file(request: Request[StaffPrincipal, Any, Any], code: FromPath[str]) -> Response[str]:
    """Take in what a translator has sent. What it does not say stays, and so does what nobody reads any more."""
    language = _offered(request, code)
    form = await request.form()
    file, seen = form.get("file"), str(form.get("seen", ""))
    try:
        content = await file.read() if isinstance(file, UploadFile) and file.filename else None
        offered: Languages = request.app.state.languages
        found, wanted = _read(content, language, offered.offered, await _texts(request))
        changed = await _save(request, language, wanted, version_of(seen))
    except PhraseFileError as error:
        return await _page(request, language, Form(problem=str(error)), status_code=422)
    except PhrasesChanged:
        return await _page(request, language, Form(problem=CHANGED), status_code=409)
    left = len(found.said) - len(wanted) + found.unsure
    done = f"{count(changed, 'text', 'texts')} saved." if changed else "Nothing in it is new."
    if left:
        done += f" {left} left out: they are marked as unsure, or customers read them no more."
    return await _page(request, language, Form(done=done), status_code=200)


@post(f"{LANGUAGES}/{{code:str}}/unread", opt=for_staff("admin"))
async def drop_unread(request: Request[StaffPrincipal, Any, Any], code: FromPath[str]) -> Response[str]:
    """Take away what was said of texts that nobody reads any more."""
    language = _offered(request, code)
    form = await request.form()
    book = await read_book(request.app.state.database, language)
    wanted = {original: "" for original, _ in _unread(await _texts(request), book)}
    try:
        changed = await _save(request, language, wanted, version_of(str(form.get("seen", ""))))
    except PhrasesChanged:
        return await _page(request, language, Form(problem=CHANGED), status_code=409)
    return await _page(
        request,
        language,
        Form(done=f"{count(changed, 'translation', 'translations')} removed." if changed else None),
        status_code=200,
    )


@get([f"{LANGUAGES}/{{code:str}}/{act}" for act in ("import", "unread")], opt=for_staff("read-only"))
async def back_to_language(request: Request[StaffPrincipal, Any, Any], code: FromPath[str]) -> Response[str]:
    """Lead back who asks for the address of the form."""
    return see_other(f"{LANGUAGES}/{_offered(request, code)}")


def _read(
    content: bytes | None, language: str, offered: Collection[str], texts: Sequence[StaffText]
) -> tuple[PhraseFile, dict[str, str]]:
    """Give what a file says, and what of it is of these texts. Raises `PhraseFileError`."""
    if content is None:
        raise PhraseFileError("Choose a file.")
    found = load(content, language, offered)
    wanted = {each.text: " ".join(found.said[each.text].split()) for each in texts if each.text in found.said}
    for each in texts:
        if fault := fault_of(each, wanted.get(each.text, "")):
            raise PhraseFileError(f"Of “{each.text}”: {fault}")
    if not wanted:
        raise PhraseFileError("Nothing in this file is a text of yours that customers read today.")
    return found, wanted


def _others(now: str) -> str:
    return f"Somebody else has just written: “{now}”." if now else "Somebody else has just removed theirs."


async def _save(request: Request[StaffPrincipal, Any, Any], language: str, wanted: Mapping[str, str], seen: int) -> int:
    state = request.app.state
    by = by_staff(request)
    changed = await save(state.database, language, wanted, seen=seen, trail=state.trail, by=by, now=utc_now())
    await state.phrases.look()
    return changed


def _offered(request: Request[StaffPrincipal, Any, Any], code: str) -> str:
    languages: Languages = request.app.state.languages
    if code not in languages.offered:
        raise NotFoundException
    return code


async def _texts(request: Request[StaffPrincipal, Any, Any]) -> tuple[StaffText, ...]:
    state = request.app.state
    ways_in = [each.title for each in state.providers.of_kind("member") if each.title]
    return await staff_texts(state.database, await state.offices.all(), state.dressing.appearances.current, ways_in)


def _rows(texts: tuple[StaffText, ...], language: str, book: Book, form: Form) -> list[Row]:
    """Give what needs words of staff, what is missing first; also what they said of what needs none."""
    ours = catalogue_of(language).said
    rows = [
        Row(
            key=key_of(each.text),
            text=each,
            said=form.written.get(key_of(each.text), book.said.get(each.text, "")),
            was=form.was.get(key_of(each.text), book.said.get(each.text, "")),
            ours=ours.get((None, each.text), ("",))[0],
            problem=form.problems.get(key_of(each.text)),
        )
        for each in texts
        if needs_words(each.text, language) or each.text in book.said
    ]
    return sorted(rows, key=lambda row: row.text.text in book.said)


def _unread(texts: tuple[StaffText, ...], book: Book) -> list[tuple[str, str]]:
    """Give what is said of texts that are there no more, as they were written."""
    there = {each.text for each in texts}
    return sorted((original, said) for original, said in book.said.items() if original not in there)


def _groups(rows: list[Row], book: Book) -> Iterator[Group]:
    """Give what is missing by its places, and then the rest."""

    def place(row: Row) -> tuple[bool, str, str]:
        return row.text.text not in book.said, row.text.place, row.text.href

    for (left, title, href), its in groupby(rows, place):
        yield Group(title=title, href=href, left=left, rows=list(its))


async def _page(
    request: Request[StaffPrincipal, Any, Any], language: str, form: Form, status_code: int = 200
) -> Response[str]:
    book = await read_book(request.app.state.database, language)
    texts = await _texts(request)
    rows = _rows(texts, language, book, form)
    languages: Languages = request.app.state.languages
    return desk(
        request,
        "staff_language.html",
        area="languages",
        status_code=status_code,
        code=language,
        title=catalogue_of(language).title,
        direction=catalogue_of(language).direction,
        is_usual=language == languages.default,
        unread=_unread(texts, book),
        rows=rows,
        groups=list(_groups(rows, book)),
        left=sum(row.text.text not in book.said for row in rows),
        version=book.version if form.seen is None else form.seen,
        may_write=request.user.reaches("admin"),
        form=form,
    )


ROUTES = [show_languages, show_language, save_phrases, export, take_file, drop_unread, back_to_language]
