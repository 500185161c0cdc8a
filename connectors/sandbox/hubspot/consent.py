"""The page on which somebody agrees to an app, and the tokens that follow from it: OAuth 2 with a code and PKCE."""

import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.hubspot.store import Store

CLIENT_ID, CLIENT_SECRET = "sandbox-hubspot-client", "sandbox-hubspot-client-secret"
LASTS = 1800  # seconds


def answer(store: Store, request: Request) -> Response:
    if (request.method, request.path) == ("GET", "/oauth/authorize"):
        return _page(store, dict(request.params))
    if (request.method, request.path) == ("POST", "/oauth/v1/token"):
        return _token(store, dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True)))
    return as_json({"status": "error", "message": "not found"}, 404)


def _page(store: Store, asked: dict[str, str]) -> Response:
    """Show what is asked for, and a link for each answer."""
    if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code" or not asked.get("redirect_uri"):
        return as_json({"status": "BAD_CLIENT_ID", "message": "missing or unknown client id"}, 400)
    code = secrets.token_urlsafe(16)
    store.codes[code] = asked
    yes = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked.get('state', '')})}"
    no = f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked.get('state', '')})}"
    page = (
        f"<!doctype html><html lang=en><title>Connect an app</title><h1>Connect an app to HubSpot</h1>"
        f"<p>It asks for: {escape(asked.get('scope', ''))}</p>"
        f'<p><a href="{escape(yes)}">Connect app</a> <a href="{escape(no)}">Cancel</a></p>'
    )
    return Response(200, page.encode(), (("content-type", "text/html; charset=utf-8"),))


def _token(store: Store, form: dict[str, str]) -> Response:
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return _refused("BAD_CLIENT_SECRET")
    if form.get("grant_type") == "authorization_code":
        asked = store.codes.pop(form.get("code", ""), None)  # once
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri"):
            return _refused("BAD_AUTH_CODE")
        digest = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked.get("code_challenge") != digest:
            return _refused("BAD_AUTH_CODE")
        refresh = secrets.token_urlsafe(24)
        store.consents.append(refresh)
    elif form.get("grant_type") == "refresh_token" and form.get("refresh_token") in store.consents:
        refresh = form["refresh_token"]
    else:
        return _refused("BAD_REFRESH_TOKEN")
    token = secrets.token_urlsafe(24)
    store.tokens[token] = next(iter(store.tokens.values()))
    given: dict[str, Any] = {"token_type": "bearer", "refresh_token": refresh, "access_token": token}
    return as_json({**given, "expires_in": LASTS})


def _refused(status: str) -> Response:
    return as_json({"status": status, "message": "refused", "correlationId": "0"}, 400)
