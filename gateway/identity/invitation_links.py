"""What the link in an invitation's mail holds: which mail it stood in, signed.

It opens nothing by itself. Who follows it still has to prove the address that was invited.
"""

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from auth.same import same
from gateway.keyring import Keyring

MAC_BYTES = 16


class InvitationLinks:
    """The last key of the ring signs, each of them is believed."""

    def __init__(self, keyring: Keyring) -> None:
        self._keys = [key.derive(b"links of invitations") for key in keyring.keys]

    def sign(self, mail: str) -> str:
        """Make what a link holds."""
        return f"{mail}.{_mac(self._keys[-1], mail)}"

    def read(self, token: str) -> str | None:
        """Give the mail that a link stood in. None: it is not ours."""
        mail, _, mac = token.partition(".")
        return mail if any(same(mac, _mac(key, mail)) for key in self._keys) else None


def _mac(key: bytes, mail: str) -> str:
    return urlsafe_b64encode(hmac.new(key, mail.encode(), sha256).digest()[:MAC_BYTES]).rstrip(b"=").decode()
