"""Both back offices side by side: Odoo under `/odoo`, Request Tracker under `/rt`, their faults under `/control`."""

from datetime import UTC, datetime
from pathlib import Path

from connectors.sandbox.asgi import mount
from connectors.sandbox.faults import Switch, control_app
from connectors.sandbox.odoo.app import odoo_app
from connectors.sandbox.odoo.seed import load_odoo
from connectors.sandbox.rt.app import rt_app
from connectors.sandbox.rt.seed import load_rt


class Sandbox:
    """A fresh pair of back offices. `app` serves them; rows and faults may be changed while it does."""

    def __init__(self, fixtures: Path, *, now: datetime | None = None, helpdesk: bool = True) -> None:
        now = now or datetime.now(UTC)
        self.odoo = load_odoo(fixtures, now, helpdesk=helpdesk)
        self.rt = load_rt(fixtures, now)
        self.odoo_switch, self.rt_switch = Switch(), Switch()
        self.app = mount(
            {
                "odoo": odoo_app(self.odoo, self.odoo_switch),
                "rt": rt_app(self.rt, self.rt_switch),
                "control": control_app({"odoo": self.odoo_switch, "rt": self.rt_switch}),
            }
        )
