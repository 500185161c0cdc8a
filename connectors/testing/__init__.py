"""The conformance kit, for our connectors and for plugins. Production code never imports it.

    class TestAcme(Conformance):
        connector = acme.connector
        folder = Path("connector_fixtures/acme")

runs every check over the recordings in that folder; `connectors.testing.recordings` says what they hold.
`pytest.register_assert_rewrite("connectors.testing")` before the import makes its failures readable.
"""

from connectors.testing.declared import Declared
from connectors.testing.failing import Failing
from connectors.testing.following import Following
from connectors.testing.guarding import Guarding
from connectors.testing.persons import Persons
from connectors.testing.publishing import Publishing
from connectors.testing.recorded import Recorded
from connectors.testing.selecting import Selecting


class Conformance(Declared, Recorded, Selecting, Following, Persons, Publishing, Failing, Guarding):
    """All of the promises. A connector's test is a subclass that names the connector and its recordings."""


__all__ = ["Conformance"]
