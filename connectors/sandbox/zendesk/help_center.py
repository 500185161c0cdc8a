"""The articles of the help center, drafts and internal ones too, as an admin's token gets them."""

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.paging import BY_CURSOR, by_cursor, params_of
from connectors.sandbox.zendesk.store import Row, Store
from connectors.sandbox.zendesk.writer import Writer, as_instant


def articles(store: Store, _writer: Writer, request: Request, _id: str) -> Response:
    params = params_of(request, BY_CURSOR)

    def write(row: Row) -> Row:
        address = f"{request.base}/hc/{row['locale']}/articles/{row['id']}"
        changed = {"html_url": address, "updated_at": as_instant(row["updated_at"])}
        return {"user_segment_id": None, "user_segment_ids": [], "draft": False, "label_names": []} | row | changed

    return as_json(by_cursor(request, list(store.articles.values()), "articles", write, params=params, sort="id"))
