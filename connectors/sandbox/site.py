"""The back offices side by side: Odoo under `/odoo`, Request Tracker under `/rt`, Zendesk Support under `/zendesk`.

HubSpot is under `/hubspot`. Under `/control` are a page to change records on, and the faults of all.
"""

from datetime import UTC, datetime
from pathlib import Path

from connectors.sandbox.asgi import mount
from connectors.sandbox.control.app import control_app
from connectors.sandbox.control.hubspot import hubspot_system
from connectors.sandbox.control.odoo import odoo_system
from connectors.sandbox.control.rt import rt_system
from connectors.sandbox.control.zendesk import zendesk_system
from connectors.sandbox.faults import Switch
from connectors.sandbox.hubspot.app import hubspot_app
from connectors.sandbox.hubspot.seed import load_hubspot
from connectors.sandbox.odoo.app import odoo_app
from connectors.sandbox.odoo.seed import load_odoo
from connectors.sandbox.rt.app import rt_app
from connectors.sandbox.rt.seed import load_rt
from connectors.sandbox.zendesk.app import zendesk_app
from connectors.sandbox.zendesk.seed import load_zendesk


class Sandbox:
    """A fresh set of back offices. `app` serves them; rows and faults may be changed while it does."""

    def __init__(self, fixtures: Path, *, now: datetime | None = None, helpdesk: bool = True) -> None:
        now = now or datetime.now(UTC)
        self.odoo = load_odoo(fixtures, now, helpdesk=helpdesk)
        self.rt = load_rt(fixtures, now)
        self.zendesk = load_zendesk(fixtures, now)
        self.hubspot = load_hubspot(fixtures, now)
        self.odoo_switch, self.rt_switch, self.zendesk_switch = Switch(), Switch(), Switch()
        self.hubspot_switch = Switch()
        self.app = mount(
            {
                "odoo": odoo_app(self.odoo, self.odoo_switch),
                "rt": rt_app(self.rt, self.rt_switch),
                "zendesk": zendesk_app(self.zendesk, self.zendesk_switch),
                "hubspot": hubspot_app(self.hubspot, self.hubspot_switch),
                "control": control_app(
                    {
                        "odoo": self.odoo_switch,
                        "rt": self.rt_switch,
                        "zendesk": self.zendesk_switch,
                        "hubspot": self.hubspot_switch,
                    },
                    {
                        "hubspot": hubspot_system(self.hubspot),
                        "odoo": odoo_system(self.odoo),
                        "zendesk": zendesk_system(self.zendesk),
                        "rt": rt_system(self.rt),
                    },
                ),
            }
        )
