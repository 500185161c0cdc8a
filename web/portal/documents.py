"""Documents: every file of every record in one searchable list."""

from litestar import Response, get
from litestar.di import NamedDependency

from gateway.asked import Asked, asked_of
from gateway.documents import Document, documents
from gateway.records.database import Database
from gateway.search import words_of
from web.portal.asked_rows import row_of_asked
from web.portal.listing import PageNumber, Question, Window
from web.portal.visit import Visit, only

CONVERSATIONS = 30  # the latest requests, each of which costs its helpdesk a question


@get("/documents")
async def show_documents(visit: NamedDependency[Visit], q: Question = "", page: PageNumber = 1) -> Response[bytes]:
    visit.require("documents")
    # Of a long history the latest records only: each kind's own list reads further back.
    parts = await visit.parts("orders")
    tickets = only(parts, "tickets")
    whole = await visit.conversations(tickets, CONVERSATIONS)
    about = (*only(parts, "orders"), *only(parts, "invoices"), *whole, *tickets)
    words = words_of(q)
    found = [document for document in documents((*parts, *whole)) if _has(document, words)]
    database: Database = visit.request.app.state.database
    asked: tuple[Asked, ...] = ()
    if visit.scope:
        async with database.read() as session:
            asked = await asked_of(session, visit.scope)
    return visit.page(
        "documents.html",
        asked=[row_of_asked(each, visit.today) for each in asked],
        area="documents",
        parts=parts,
        about=about,
        question=q,
        window=Window.of("/documents", found, about=(), page=page, depth=1, noun="document", query={"q": q}),
        cut=any(part.older for part in parts),
        more_requests=sum(len(part.records) for part in tickets) > CONVERSATIONS,
        known_documents=all(part.fetched_at for part in about),
    )


def _has(document: Document, words: tuple[str, ...]) -> bool:
    record = document.item.record
    text = f"{document.file.name} {record.number} {getattr(record, 'subject', '')} {document.day or ''}".casefold()
    return all(word in text for word in words)
