"""The process's environment as one struct. Each field is a variable: `port` is HALLWAY_PORT.

A field of a group begins with the group's name: `oidc_2.issuer` is HALLWAY_OIDC_2_ISSUER.
An empty variable counts as not set. A field that holds a secret may also be read from a file: HALLWAY_KEYS_FILE.
"""

from collections.abc import Callable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints
from urllib.parse import quote, urlsplit

from msgspec import Struct

from connectors.config import Secret
from gateway import rules
from gateway.colours import clashes
from gateway.keyring import HOW_TO, Keyring, load_keyring, parse_keyring
from gateway.languages import ENGLISH
from gateway.languages.catalogue import complete
from gateway.languages.choosing import Languages
from gateway.office_hours import OfficeHours
from gateway.office_hours import parse as parse_hours
from gateway.rules import PREFIX, variable
from gateway.sign_in import ProviderSettings, SignInSettings, contradictions, sign_ins

FILE = "_FILE"
PROVIDERS = ("oidc", "oidc_2", "oidc_3", "oidc_4", "oidc_5")
SIGN_INS = ("provider", "code", "both")  # how customers prove who they are: there, or by e-mail
POLICIES = ("off", "two_facts", "email")  # which facts suffice to tie a login to a customer
ADDRESSES = {"database_url", "redis_url", "smtp_url"}  # secret because of the password in them


class SettingsError(Exception):
    """Everything that is wrong, a line each, by name. No line repeats a value."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(["these settings need a change:", *(f"  {problem}" for problem in problems)]))
        self.problems = problems


class Settings(Struct, frozen=True, kw_only=True):
    """`redis_url` None: the embedded Redis. `keys` None: the key file in the data folder."""

    base_url: Annotated[str, rules.origin] = "http://127.0.0.1:8000"
    host: Annotated[str, rules.text(255)] = "127.0.0.1"
    port: Annotated[int, rules.whole(1, 65535)] = 8000
    workers: Annotated[int, rules.whole(1, 64)] = 1
    trusted_proxies: Annotated[tuple[IPv4Network | IPv6Network, ...] | None, rules.networks] = None
    data_dir: Annotated[Path, rules.folder] = Path(".data")
    database_url: Annotated[Secret, rules.database]
    redis_url: Annotated[Secret | None, rules.redis] = None
    keys: Annotated[Secret | None, rules.keys] = None
    sign_in: Annotated[str, rules.one_of(*SIGN_INS)] = "provider"
    staff_codes: Annotated[bool, rules.flag] = False
    oidc: ProviderSettings = ProviderSettings()
    oidc_2: ProviderSettings = ProviderSettings()
    oidc_3: ProviderSettings = ProviderSettings()
    oidc_4: ProviderSettings = ProviderSettings()
    oidc_5: ProviderSettings = ProviderSettings()
    allow_http_sources: Annotated[bool, rules.flag] = False
    allow_private_sources: Annotated[bool, rules.flag] = False
    brand_name: Annotated[str, rules.text(60)] = "Hallway"
    brand_logo_file: Annotated[Path | None, rules.logo] = None
    brand_accent: Annotated[str, rules.colour] = "#155470"
    brand_accent_ink: Annotated[str, rules.colour] = "#fff"
    contact_name: Annotated[str | None, rules.text(100)] = None
    contact_phone: Annotated[str | None, rules.text(40)] = None
    contact_email: Annotated[str | None, rules.email] = None
    contact_hours: Annotated[str | None, rules.text(100)] = None
    office_hours: Annotated[OfficeHours | None, parse_hours] = None
    time_zone: Annotated[str, rules.time_zone] = "UTC"
    language: Annotated[str, rules.language] = ENGLISH
    languages: Annotated[tuple[str, ...] | None, rules.languages] = None  # all that are complete
    page_cache: Annotated[int, rules.whole(0, 1024)] = 32  # megabytes in each process
    page_budget: Annotated[float, rules.seconds(0.1, 10)] = 1.2
    matching: Annotated[str, rules.one_of(*POLICIES)] = "off"
    recheck_every: Annotated[int, rules.whole(0, 86_400)] = 600  # seconds; 0: never
    worker: Annotated[str, rules.one_of("beside", "elsewhere")] = "beside"
    sweep_every: Annotated[int, rules.whole(0, 2_592_000)] = 86_400  # seconds; 0: never
    smtp_url: Annotated[Secret | None, rules.smtp] = None
    mail_from: Annotated[str | None, rules.email] = None
    mail_rate: Annotated[int, rules.whole(1, 6000)] = 120  # a minute
    help: Annotated[Path | None, rules.shelf] = None
    pages_kept: Annotated[int, rules.whole(0, 400)] = 30  # days
    upload_size: Annotated[int, rules.whole(0, 25)] = 10  # megabytes of one file; 0: no files are taken
    upload_quota: Annotated[int, rules.whole(1, 100_000)] = 200  # megabytes of an account's in a day
    uploads_kept: Annotated[int, rules.whole(1, 400)] = 7  # days after they have gone out
    documents_kept: Annotated[int, rules.whole(1, 3650)] = 90  # days after they were accepted
    clamd: Annotated[str | None, rules.clamd] = None
    metrics_token: Annotated[Secret | None, rules.token] = None
    session_idle: Annotated[int, rules.whole(60, 86_400)] = 1800  # seconds
    session_lifetime: Annotated[int, rules.whole(60, 604_800)] = 43_200  # seconds
    log_level: Annotated[str, rules.one_of("debug", "info", "warning", "error")] = "info"

    @property
    def has_embedded_database(self) -> bool:
        return self.database_url == embedded_database(self.data_dir)

    @property
    def sends_mails(self) -> bool:
        return self.smtp_url is not None and self.mail_from is not None

    @property
    def takes_codes(self) -> bool:
        """Whether customers may sign in by a code that comes by e-mail."""
        return self.sign_in != "provider"

    @property
    def spoken(self) -> Languages:
        """What customers may choose from: what was named, else whatever can be said completely."""
        return Languages(self.languages or complete(), self.language)

    def keyring(self) -> Keyring:
        """Open the key ring; on first use of the embedded default, make it. Raises `KeyringError`."""
        return parse_keyring(self.keys.reveal()) if self.keys else load_keyring(self.data_dir / "keys")

    @property
    def providers(self) -> dict[str, ProviderSettings]:
        return {group: getattr(self, group) for group in PROVIDERS}

    def require_sign_in(self) -> tuple[SignInSettings, ...]:
        """Give the providers, one for customers at least, unless they sign in by e-mail alone.

        Raises `SettingsError`: the other commands do without.
        """
        found = sign_ins(self.providers)
        if self.sign_in == "code" or any(provider.kind == "member" for provider in found):
            return found
        needed = [variable(f"oidc.{field}") for field in self.oidc.missing] or [variable("oidc_2.issuer")]
        raise SettingsError(
            [f"{name}: needed to let customers sign in, unless HALLWAY_SIGN_IN is code" for name in needed]
        )

    def require_redis(self, instead: str) -> str:
        """Give its address. `instead` says what `hallway serve` does without one. Raises `SettingsError`."""
        if self.redis_url is None:
            raise SettingsError([f"HALLWAY_REDIS_URL: needed here; `hallway serve` {instead} where it is not set"])
        return self.redis_url.reveal()

    def describe(self) -> tuple[tuple[str, str], ...]:
        """List each variable with its value, for people. Of secrets it only tells whether they are set."""
        return tuple((variable(field), _shown(field, attrgetter(field)(self))) for field, _ in _fields())


def embedded_database(data_dir: Path) -> Secret:
    return Secret(f"sqlite:///{quote(str(data_dir))}/hallway.db")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises `SettingsError` with all that is wrong."""
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field, hint in _fields():
        try:
            given = _given(environ, field, is_secret=_is_secret(hint))
            if given:
                values[field] = _rule(hint)(given)
        except ValueError as error:
            problems[field] = str(error)
    data_dir = values.get("data_dir", Path(".data").absolute())
    settings = Settings(**({"data_dir": data_dir, "database_url": embedded_database(data_dir)} | _grouped(values)))
    for fields, problem in _contradictions(settings):
        if not problems.keys() & set(fields):  # else it is about a default
            problems[fields[0]] = problem
    lines = [f"{variable(field)}: {problem}" for field, problem in problems.items()]
    lines += _unknown(environ)
    if lines:
        raise SettingsError(lines)
    return settings


def _fields(struct: type[Struct] = Settings, group: str = "") -> Iterator[tuple[str, Any]]:
    """Give each field with what is said of it, those of a group as `group.field`."""
    for field, hint in get_type_hints(struct, include_extras=True).items():
        if hint is ProviderSettings:
            yield from _fields(ProviderSettings, f"{field}.")
        else:
            yield group + field, hint


def _grouped(values: Mapping[str, Any]) -> dict[str, Any]:
    """Put what belongs to a provider into its struct."""
    grouped = {field: value for field, value in values.items() if "." not in field}
    for group in PROVIDERS:
        own = {field.partition(".")[2]: value for field, value in values.items() if field.startswith(f"{group}.")}
        grouped[group] = ProviderSettings(**own)
    return grouped


def _given(environ: Mapping[str, str], field: str, *, is_secret: bool) -> str:
    name = variable(field)
    given = environ.get(name, "").strip()
    path = environ.get(name + FILE, "").strip() if is_secret else ""
    if given and path:
        raise ValueError(f"is set, and {name}{FILE} too: keep one of them")
    if not path:
        return given
    try:
        content = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not text"
        raise ValueError(f"the file that {name}{FILE} names cannot be read ({reason})") from None
    if not content:
        raise ValueError(f"the file that {name}{FILE} names is empty")
    return content


def _contradictions(settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """What only shows when settings are seen together: the fields it is about, and the problem of the first."""
    about = {"ink": ("brand_accent_ink", "brand_accent"), "accent": ("brand_accent",)}
    for colour, problem in clashes(settings.brand_accent, settings.brand_accent_ink):
        yield about[colour], problem
    if settings.languages and settings.language not in settings.languages:
        yield ("languages", "language"), f"must contain {settings.language}, which HALLWAY_LANGUAGE says"
    if settings.session_lifetime < settings.session_idle:
        yield ("session_lifetime", "session_idle"), "must be at least HALLWAY_SESSION_IDLE"
    if not settings.has_embedded_database and not settings.keys:
        problem = "needed with a database of your own, so that every machine has the same keys"
        yield ("keys", "database_url", "data_dir"), f"{problem}; {HOW_TO}"
    if (settings.smtp_url is None) != (settings.mail_from is None):
        yield ("mail_from", "smtp_url"), "goes together with HALLWAY_SMTP_URL"
    if (settings.takes_codes or settings.staff_codes) and not settings.sends_mails:
        field = "sign_in" if settings.takes_codes else "staff_codes"
        yield (field, "smtp_url", "mail_from"), "codes go out by mail: set HALLWAY_SMTP_URL and HALLWAY_MAIL_FROM too"
    for each in sign_ins(settings.providers):
        if settings.sign_in == "code" and each.kind == "member":
            problem = f"is code, and {variable(f'{each.group}.issuer')} is a provider for customers: say both"
            yield ("sign_in", f"{each.group}.for_"), problem
    yield from contradictions(settings.providers)


def _unknown(environ: Mapping[str, str]) -> list[str]:
    known = {variable(field) for field, _ in _fields()}
    known |= {variable(field) + FILE for field, hint in _fields() if _is_secret(hint)}
    given = sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
    return [f"{name}: there is no such setting{rules.did_you_mean(name, known)}" for name in given]


def _rule(hint: Any) -> Callable[[str], object]:  # noqa: ANN401  # an `Annotated` has no type of its own
    rule: Callable[[str], object] = hint.__metadata__[0]
    return rule


def _is_secret(hint: Any) -> bool:  # noqa: ANN401  # an `Annotated` has no type of its own
    kind = hint.__origin__
    return kind is Secret or Secret in get_args(kind)


def _shown(field: str, value: object) -> str:
    match value:
        case None:
            return "(not set)"
        case Secret() if field in ADDRESSES:
            url = urlsplit(value.reveal())
            return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}"
        case Secret():
            return "(set, not shown)"
        case tuple():
            return " ".join(str(item) for item in value)
        case dict():
            return " ".join(f"{role}={word}" for word, role in value.items())
        case _:
            return str(value)
