"""The portal on one machine, over a sandbox of both back offices: `hallway demo`."""

from gateway.demo.run import run_demo

__all__ = ["run_demo"]
