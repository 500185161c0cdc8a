"""What long work there is: the processes that serve pages do it, beside their requests."""

from datetime import timedelta

from auth.clock import utc_now
from gateway.audit_checking import Checking
from gateway.keyring import Keyring
from gateway.lending import Abandoned
from gateway.records.database import Database
from gateway.resealing import Resealing
from gateway.upkeep import Job, Upkeep
from gateway.vault import Vault

AUDIT_CHECKED_EVERY = timedelta(days=1)
TOKENS_CLEARED_EVERY = timedelta(days=1)


def upkeep_of(database: Database, keyring: Keyring, vault: Vault) -> Upkeep:
    """Make what does it. Nothing is done before it is started."""
    jobs = {
        "reseal": Job(piece=Resealing(database, keyring).piece, began="keys.reseal_began"),
        "audit": Job(piece=Checking(vault).piece, every=AUDIT_CHECKED_EVERY),
        "tokens": Job(piece=Abandoned(vault).piece, every=TOKENS_CLEARED_EVERY),
    }
    return Upkeep(database, utc_now, jobs)
