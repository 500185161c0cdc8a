"""What a setting's text must look like. A rule gives the value, or a `ValueError` that says what to write instead.

No error repeats the text: somebody may have put a password into the wrong variable.
"""

import difflib
import re
import zoneinfo
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from auth.loopback import is_loopback
from auth.principals import ROLES, Role
from connectors.config import Secret
from gateway.colours import HEX
from gateway.keyring import parse_keyring
from gateway.languages import catalogue
from gateway.records.urls import parse_url

FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_WORD = r"[^@\s.<>()\[\],;:\\\"]+"
EMAIL = re.compile(rf"(?=[!-~]+@){_WORD}(?:\.{_WORD})*@{_WORD}(?:\.{_WORD})+")  # as the header of a mail takes it
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
DOMAIN = re.compile(r"(?:[a-z0-9-]+\.)+[a-z0-9-]+")
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]{24,}")
PORTS = {"http": 80, "https": 443}
LOGOS = {".svg", ".png", ".webp", ".jpg", ".jpeg"}
LOGO_BYTES = 256 * 1024
PREFIX = "HALLWAY_"


def variable(field: str) -> str:
    """Name the variable of a field; of one in a group such as `oidc_2.issuer`, too."""
    return PREFIX + field.replace(".", "_").rstrip("_").upper()


def text(most: int) -> Callable[[str], str]:
    def rule(given: str) -> str:
        if not given.isprintable() or len(given) > most:
            raise ValueError(f"must be one line of at most {most} characters")
        return given

    return rule


def whole(least: int, most: int) -> Callable[[str], int]:
    def rule(given: str) -> int:
        if not re.fullmatch("[0-9]{1,9}", given) or not least <= int(given) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(given)

    return rule


def seconds(least: float, most: float) -> Callable[[str], float]:
    def rule(given: str) -> float:
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", given) or not least <= float(given) <= most:
            raise ValueError(f"must be seconds from {least} to {most}, such as 1.5")
        return float(given)

    return rule


def one_of(*known: str) -> Callable[[str], str]:
    def rule(given: str) -> str:
        if given.lower() not in known:
            raise ValueError(f"must be one of {', '.join(known)}")
        return given.lower()

    return rule


def roles(given: str) -> dict[str, Role]:
    """Read words of a provider and the role that each stands for, such as `admin=it-team support=desk,night-desk`."""
    found: dict[str, Role] = {}
    for part in given.split():
        name, _, words = part.partition("=")
        role = next((role for role in ROLES[1:] if role == name), None)
        if role is None or not all(words.split(",")) or found.keys() & set(words.split(",")):
            raise ValueError(
                f"must be roles with the provider's words for each, such as support=desk,night: {', '.join(ROLES[1:])}"
            )
        found |= dict.fromkeys(words.split(","), role)
    return found


def flag(given: str) -> bool:
    if given.lower() not in FLAGS:
        raise ValueError("must be true or false")
    return FLAGS[given.lower()]


def secret(given: str) -> Secret:
    if not given.isprintable():
        raise ValueError("must be one line")
    return Secret(given)


def token(given: str) -> Secret:
    if not TOKEN.fullmatch(given):
        raise ValueError("must be at least 24 letters, digits or any of -._~+/=, such as `openssl rand -hex 24` makes")
    return Secret(given)


def keys(given: str) -> Secret:
    parse_keyring(given)
    return Secret(given)


def origin(given: str) -> str:
    """Keep scheme, host and port, spelled as browsers spell them in an `Origin`."""
    url = _web_address(given)
    if url.path not in {"", "/"}:
        raise ValueError("must end after the host: the portal has a host name of its own")
    host = f"[{url.hostname}]" if ":" in (url.hostname or "") else url.hostname
    port = "" if url.port in {None, PORTS[url.scheme]} else f":{url.port}"
    return f"{url.scheme}://{host}{port}"


def issuer(given: str) -> str:
    """Keep every character: the provider's own spelling is compared with it."""
    _web_address(given)
    return text(500)(given)


def database(given: str) -> Secret:
    parse_url(given)
    return Secret(given)


def redis(given: str) -> Secret:
    url = _split(given)
    if not (url.scheme in {"redis", "rediss"} and url.hostname) and not (url.scheme == "unix" and url.path):
        raise ValueError("must be redis://host:6379/0, rediss://host:6379/0 or unix:///path/to/socket")
    return Secret(given)


def clamd(given: str) -> str:
    """Keep the path of a socket, or a host and a port."""
    host, colon, port = given.rpartition(":")
    is_address = bool(colon and host.isprintable() and host) and bool(re.fullmatch("[0-9]{1,5}", port))
    if not given.startswith("/") and not (is_address and 1 <= int(port) <= 65535):  # noqa: PLR2004  # the last port
        raise ValueError("must be host:3310, or the path of clamd's socket such as /run/clamav/clamd.ctl")
    return given


def smtp(given: str) -> Secret:
    url = _split(given)
    has_more = url.path not in {"", "/"} or url.query or url.fragment
    if url.scheme not in {"smtp", "smtps"} or not url.hostname or has_more or bool(url.username) != bool(url.password):
        raise ValueError("must be smtp://user:password@host:587 or smtps://user:password@host:465")
    return Secret(given)


def scopes(given: str) -> tuple[str, ...]:
    names = tuple(given.split())
    if "openid" not in names:
        raise ValueError('must contain openid, such as "openid email profile"')
    return names


def domains(given: str) -> tuple[str, ...]:
    found = tuple(domain.removeprefix("@") for domain in given.lower().replace(",", " ").split())
    if not all(DOMAIN.fullmatch(domain) for domain in found):
        raise ValueError("must be domains of e-mail addresses, such as acme.example acme.test")
    return found


def networks(given: str) -> tuple[IPv4Network | IPv6Network, ...]:
    try:
        found = tuple(ip_network(part) for part in given.replace(",", " ").split())
    except ValueError:
        raise ValueError("must be addresses or networks such as 10.0.0.5 192.168.7.0/24 fd00::/8") from None
    if any(network.prefixlen == 0 for network in found):
        raise ValueError("must not name everybody: who may forward says who everybody is")
    return found


def colour(given: str) -> str:
    if not HEX.fullmatch(given):
        raise ValueError("must be a colour such as #155470 or #fff")
    return given.lower()


def time_zone(given: str) -> str:
    known = zoneinfo.available_timezones()
    if given not in known:
        raise ValueError(f"must be a time zone such as Europe/Berlin{did_you_mean(given, known)}")
    return given


def language(given: str) -> str:
    """Take a language in which every sentence can be said."""
    code = given.lower()
    found = {each.lower(): each for each in catalogue.known()}.get(code)
    if found is None:
        raise ValueError(f"must be a language that the portal has: {', '.join(catalogue.known())}")
    if missing := len(catalogue.catalogue_of(found).missing):
        raise ValueError(f"must be a language that is complete, and {found} lacks {missing} sentences")
    return found


def languages(given: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(language(part) for part in given.replace(",", " ").split()))


def folder(given: str) -> Path:
    path = Path(given).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise ValueError("must be a folder; there is a file of that name")
    return path


def shelf(given: str) -> Path:
    path = Path(given).expanduser().absolute()
    if not path.is_dir():
        raise ValueError("must be an existing folder")
    return path


def logo(given: str) -> Path:
    path = Path(given).expanduser().absolute()
    if path.suffix.lower() not in LOGOS or not path.is_file():
        raise ValueError(f"must be an existing file, one of {', '.join(sorted(LOGOS))}")
    if path.stat().st_size > LOGO_BYTES:
        raise ValueError(f"must be at most {LOGO_BYTES // 1024} KB, for it is on every page")
    return path


def email(given: str) -> str:
    if not EMAIL.fullmatch(given) or "=?" in given or not given.isprintable():
        raise ValueError("must be an e-mail address")
    return given


def did_you_mean(given: str, known: set[str]) -> str:
    """Only ever repeats what we know ourselves."""
    close = difflib.get_close_matches(given, sorted(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _web_address(given: str) -> SplitResult:
    url = _split(given)
    if url.scheme not in PORTS or not _is_host(url.hostname or ""):
        raise ValueError("must be an address such as https://portal.example.com")
    if "@" in url.netloc or "?" in given or "#" in given or not given.isprintable() or " " in given:
        raise ValueError("must have no user, question mark, hash or space")
    if url.scheme == "http" and not is_loopback(url.hostname or ""):
        raise ValueError("must begin with https:// (http:// is for this machine only, such as http://127.0.0.1:8000)")
    return url


def _split(given: str) -> SplitResult:
    try:
        url = urlsplit(given)
        port = url.port
    except ValueError:
        port = 0  # the library's texts repeat the address
    if port == 0:
        raise ValueError("must be an address whose port, if any, is from 1 to 65535")
    return url


def _is_host(host: str) -> bool:
    return bool(HOST.fullmatch(host)) or _is_ip(host)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
