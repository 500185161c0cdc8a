"""A trail for tests of everything else, and who does things there. Its key ring is the one of support_portal."""

from msgspec import to_builtins

from auth.clock import utc_now
from gateway.audit import Trail
from gateway.keyring import parse_keyring
from gateway.records.lines import By
from gateway.rights import COMPANY
from gateway.vault import Vault

VAULT = Vault(parse_keyring("1:" + "A" * 43 + "="))
TRAIL = Trail(VAULT, utc_now)
BY = By("operator/test", "command line")
ALL = to_builtins(COMPANY)  # the rights of a membership, as its row has them
