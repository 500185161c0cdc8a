"""A certified OpenID provider (npm oidc-provider) on loopback, run by the Node that PyPI carries."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx
from support_npm import install, node
from support_sandbox import free_port

HERE = Path(__file__).parent


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
        install(self._folder)
        shutil.copyfile(HERE / "op.mjs", self._folder / "op.mjs")
        env = {
            "ISSUER": self.issuer,
            "CLIENT_ID": self.client_id,
            "CLIENT_SECRET": self.client_secret,
            "PORTAL": self._portal,
            "USERS": json.dumps(self._users),
        }
        with (self._folder / "op.log").open("wb") as log:
            self._process = subprocess.Popen(
                [node(), "op.mjs"], cwd=self._folder, env=env, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        transport = httpx.HTTPTransport(retries=8)  # waits a little longer each time, about 30 s in all
        with httpx.Client(transport=transport) as client:
            client.get(f"{self.issuer}/.well-known/openid-configuration").raise_for_status()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
