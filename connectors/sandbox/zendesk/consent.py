"""The page on which an admin agrees to an OAuth client, and its tokens: each refresh token counts once."""

import json
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

from connectors.sandbox.asgi import Request, Response, as_json
from connectors.sandbox.zendesk.store import Store

CLIENT_ID, CLIENT_SECRET = "sandbox_zendesk_client", "sandbox-zendesk-client-secret"
PAGE, TOKENS = "/oauth/authorizations/new", "/oauth/tokens"
REVOKED = "The provided authorization grant is invalid, expired, revoked, or was issued to another client."


def answer(store: Store, request: Request) -> Response | None:
    """None: it is asked for something else."""
    if (request.method, request.path) == ("GET", PAGE):
        return _page(store, dict(request.params))
    if (request.method, request.path) == ("POST", TOKENS):
        return _tokens(store, _form(request))
    return None


def _form(request: Request) -> dict[str, str]:
    text = request.body.decode("utf-8", "replace")
    if request.headers.get("content-type", "").startswith("application/json"):
        return {name: str(value) for name, value in json.loads(text).items()}
    return dict(parse_qsl(text, keep_blank_values=True))


def _page(store: Store, asked: dict[str, str]) -> Response:
    """Show what is asked for, and a link for each answer."""
    if asked.get("client_id") != CLIENT_ID or asked.get("response_type") != "code" or not asked.get("redirect_uri"):
        return as_json({"error": "invalid_client", "error_description": "Invalid Authorization Request"}, 400)
    code = secrets.token_urlsafe(16)
    store.codes[code] = asked
    yes = f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked.get('state', '')})}"
    no = f"{asked['redirect_uri']}?{urlencode({'error': 'access_denied', 'state': asked.get('state', '')})}"
    page = (
        f"<!doctype html><html lang=en><title>Allow access</title><h1>Allow a client to access your account</h1>"
        f"<p>It asks for: {escape(asked.get('scope', ''))}</p>"
        f'<p><a href="{escape(yes)}">Allow</a> <a href="{escape(no)}">Deny</a></p>'
    )
    return Response(200, page.encode(), (("content-type", "text/html; charset=utf-8"),))


def _tokens(store: Store, form: dict[str, str]) -> Response:
    if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
        return as_json({"error": "invalid_client", "error_description": "Client authentication failed"}, 401)
    if form.get("grant_type") == "authorization_code":
        asked = store.codes.pop(form.get("code", ""), None)  # once
        digest = urlsafe_b64encode(sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if asked is None or (asked["redirect_uri"], asked.get("code_challenge")) != (form.get("redirect_uri"), digest):
            return _refused()
    elif form.get("grant_type") == "refresh_token" and form.get("refresh_token") in store.refreshes:
        store.bearers.discard(store.refreshes.pop(form["refresh_token"]))  # both of the pair before are void now
    else:
        return _refused()
    access, refresh = secrets.token_hex(32), secrets.token_hex(32)
    store.bearers.add(access)
    store.refreshes[refresh] = access
    given: dict[str, Any] = {"access_token": access, "refresh_token": refresh, "token_type": "bearer"}
    said = as_json({**given, "scope": "read write", "expires_in": store.bearers_last})
    return Response(said.status, said.body, said.headers, changed=True)


def _refused() -> Response:
    return as_json({"error": "invalid_grant", "error_description": REVOKED}, 400)
