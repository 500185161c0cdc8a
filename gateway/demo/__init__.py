"""The portal on one machine, over a sandbox of a HubSpot, an Odoo and a Zendesk: `hallway demo`."""

from gateway.demo.run import run_demo

__all__ = ["run_demo"]
