"""The role that a provider claims for one of staff: what its claim says, in our words."""

from collections.abc import Mapping
from typing import Any

import msgspec

from auth.principals import ROLES, Role


def claimed_role(payload: bytes, claim: str | None, meanings: Mapping[str, Role]) -> Role | None:
    """Read a claim of a checked ID token: a text or a list of texts, each standing for a role. The highest counts.

    `claim` may be a path such as `realm_access.roles`. None: the provider says nothing that we know.
    """
    if claim is None:
        return None
    said = _at(msgspec.json.decode(payload), claim)
    words = said if isinstance(said, list) else [said]
    roles = [meanings[word] for word in words if isinstance(word, str) and word in meanings]
    return max(roles, key=ROLES.index, default=None)


def _at(claims: Any, path: str) -> Any:  # noqa: ANN401  # whatever the provider put there
    """Find a claim by its whole name, or step by step."""
    if isinstance(claims, dict) and path in claims:
        return claims[path]
    first, _, rest = path.partition(".")
    return _at(claims[first], rest) if rest and isinstance(claims, dict) and first in claims else None
