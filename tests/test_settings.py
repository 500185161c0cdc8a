"""The settings, as an admin meets them."""

import re
from ipaddress import ip_network
from pathlib import Path

import pytest

from connectors.config import Secret
from gateway.keyring import KeyringError
from gateway.office_hours import parse as parse_hours
from gateway.records import migrate
from gateway.settings import Settings, SettingsError, load
from gateway.sign_in import ProviderSettings

KEY = "1:" + "A" * 43 + "="
CANARY = "hunter2canary"
SIGN_IN = {
    "HALLWAY_OIDC_ISSUER": "https://id.example.com/realms/acme",
    "HALLWAY_OIDC_CLIENT_ID": "hallway",
    "HALLWAY_OIDC_CLIENT_SECRET": CANARY,
}
FIELDS = {name for name, _ in load({}).describe()}
NUMBERED = {name for name in FIELDS if re.match(r"HALLWAY_OIDC_\d_", name)}


def problems(**environ: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load({f"HALLWAY_{name}": value for name, value in environ.items()})
    return caught.value.problems


def complaint(environ: dict[str, str]) -> str:
    try:
        load(environ)
    except SettingsError as error:
        return str(error)
    return ""


def test_offers_the_usual_language_too() -> None:
    assert problems(LANGUAGE="de", LANGUAGES="en fr") == [
        "HALLWAY_LANGUAGES: must contain de, which HALLWAY_LANGUAGE says"
    ]
    assert load({"HALLWAY_LANGUAGE": "de"}).spoken.default == "de"


def test_needs_nothing() -> None:
    settings = load({"PATH": "/bin", "HOME": "/"})
    data_dir = Path(".data").absolute()
    assert settings == Settings(data_dir=data_dir, database_url=Secret(f"sqlite:///{data_dir}/hallway.db"))
    assert settings.base_url == "http://127.0.0.1:8000"
    assert settings.has_embedded_database


def test_reads_every_variable(tmp_path: Path) -> None:
    logo = tmp_path / "logo.svg"
    logo.touch()
    given = {
        "BASE_URL": "https://portal.example.com",
        "HOST": "0.0.0.0",
        "PORT": "80",
        "WORKERS": "4",
        "DATA_DIR": str(tmp_path),
        "DATABASE_URL": "postgresql://hallway:pw@db/hallway",
        "REDIS_URL": "rediss://:pw@cache:6380/0",
        "LANGUAGE": "EN",
        "LANGUAGES": "en, EN",
        "SMTP_URL": "smtps://hallway:pw@mail.example:465",
        "MAIL_FROM": "portal@example.com",
        "MAIL_RATE": "30",
        "KEYS": KEY,
        "OIDC_ISSUER": "https://id.example.com/",
        "TRUSTED_PROXIES": "10.0.0.5, 192.168.7.0/24 fd00::/8",
        "OIDC_CLIENT_ID": "hallway",
        "OIDC_CLIENT_SECRET": "s3cret",
        "OIDC_SCOPES": "openid groups",
        "OIDC_TITLE": "Sign in with Acme",
        "OIDC_FOR": "Staff",
        "OIDC_ROLE_CLAIM": "realm_access.roles",
        "OIDC_ROLES": "admin=it support=desk,night",
        "ALLOW_HTTP_SOURCES": "true",
        "ALLOW_PRIVATE_SOURCES": "1",
        "BRAND_NAME": "Acme & Söhne",
        "BRAND_LOGO_FILE": str(logo),
        "BRAND_ACCENT": "#7A1FA2",
        "BRAND_ACCENT_INK": "#FFF",
        "CONTACT_NAME": "Priya",
        "CONTACT_PHONE": "+49 30 1234",
        "CONTACT_EMAIL": "help@example.com",
        "CONTACT_HOURS": "Mon to Fri, 9 to 5",
        "OFFICE_HOURS": "Mon-Fri 9-17",
        "TIME_ZONE": "Europe/Berlin",
        "PAGE_CACHE": "8",
        "PAGE_BUDGET": "0.5",
        "HELP": str(tmp_path),
        "PAGES_KEPT": "14",
        "METRICS_TOKEN": "0123456789abcdef01234567",
        "UPLOAD_SIZE": "20",
        "UPLOAD_QUOTA": "500",
        "UPLOADS_KEPT": "3",
        "DOCUMENTS_KEPT": "30",
        "CLAMD": "clamd.example:3310",
        "SESSION_IDLE": "600",
        "SESSION_LIFETIME": "7200",
        "LOG_LEVEL": "DEBUG",
        "MATCHING": "Two_Facts",
        "RECHECK_EVERY": "60",
        "WORKER": "elsewhere",
        "SWEEP_EVERY": "3600",
        "OIDC_CUSTOMER_CLAIM": "customer_no",
        "OIDC_DOMAINS": "",  # is for customers
        "SIGN_IN": "Both",
        "STAFF_CODES": "true",
    }
    assert {f"HALLWAY_{name}" for name in given} == FIELDS - NUMBERED
    assert load({f"HALLWAY_{name}": value for name, value in given.items()}) == Settings(
        base_url="https://portal.example.com",
        host="0.0.0.0",
        port=80,
        workers=4,
        trusted_proxies=(ip_network("10.0.0.5"), ip_network("192.168.7.0/24"), ip_network("fd00::/8")),
        data_dir=tmp_path,
        database_url=Secret("postgresql://hallway:pw@db/hallway"),
        redis_url=Secret("rediss://:pw@cache:6380/0"),
        keys=Secret(KEY),
        oidc=ProviderSettings(
            issuer="https://id.example.com/",
            client_id="hallway",
            client_secret=Secret("s3cret"),
            scopes=("openid", "groups"),
            title="Sign in with Acme",
            for_="staff",
            customer_claim="customer_no",
            role_claim="realm_access.roles",
            roles={"it": "admin", "desk": "support", "night": "support"},
        ),
        allow_http_sources=True,
        allow_private_sources=True,
        brand_name="Acme & Söhne",
        brand_logo_file=logo,
        brand_accent="#7a1fa2",
        brand_accent_ink="#fff",
        contact_name="Priya",
        contact_phone="+49 30 1234",
        contact_email="help@example.com",
        contact_hours="Mon to Fri, 9 to 5",
        office_hours=parse_hours("Mon-Fri 9-17"),
        time_zone="Europe/Berlin",
        languages=("en",),
        page_cache=8,
        upload_size=20,
        upload_quota=500,
        uploads_kept=3,
        documents_kept=30,
        clamd="clamd.example:3310",
        page_budget=0.5,
        help=tmp_path,
        pages_kept=14,
        metrics_token=Secret("0123456789abcdef01234567"),
        session_idle=600,
        session_lifetime=7200,
        log_level="debug",
        matching="two_facts",
        recheck_every=60,
        worker="elsewhere",
        sweep_every=3600,
        sign_in="both",
        staff_codes=True,
        smtp_url=Secret("smtps://hallway:pw@mail.example:465"),
        mail_from="portal@example.com",
        mail_rate=30,
    )


def test_tells_everything_that_is_wrong_at_once() -> None:
    found = problems(PORT="eighty", WORKRES="2", TIME_ZONE="Europe/Berlim", BASE_URL="http://portal.example.com")
    assert [problem.partition(":")[0] for problem in found] == [
        "HALLWAY_BASE_URL",
        "HALLWAY_PORT",
        "HALLWAY_TIME_ZONE",
        "HALLWAY_WORKRES",
    ]
    assert "did you mean Europe/Berlin?" in found[2]
    assert "did you mean HALLWAY_WORKERS?" in found[3]


def test_does_not_know_files_for_what_is_no_secret() -> None:
    assert problems(PORT_FILE="x") == ["HALLWAY_PORT_FILE: there is no such setting; did you mean HALLWAY_PORT?"]


def test_takes_an_empty_variable_for_unset() -> None:
    assert load(dict.fromkeys(FIELDS, " ")) == load({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "65536"),
        ("PORT", "8_000"),
        ("PORT", "-1"),
        ("WORKERS", "0"),
        ("WORKERS", "1.5"),
        ("TRUSTED_PROXIES", "10.0.0.1/8"),
        ("TRUSTED_PROXIES", "proxy.example"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("HOST", "a\x07b"),
        ("DATABASE_URL", "mysql://db/hallway"),
        ("DATABASE_URL", "hallway.db"),
        ("SMTP_URL", "mail.example"),
        ("SMTP_URL", "smtp://user@mail.example"),
        ("SMTP_URL", "smtp://mail.example/path"),
        ("SMTP_URL", "http://mail.example"),
        ("MAIL_FROM", "nobody"),
        ("MAIL_RATE", "0"),
        ("REDIS_URL", "cache:6379"),
        ("REDIS_URL", "http://cache"),
        ("REDIS_URL", "redis://"),
        ("REDIS_URL", "redis://cache:x"),
        ("REDIS_URL", "unix://"),
        ("KEYS", "secret"),
        ("OIDC_SCOPES", "email"),
        ("OIDC_FOR", "everybody"),
        ("OIDC_TITLE", "a\nb"),
        ("OIDC_5_SCOPES", "email"),
        ("OIDC_6_ISSUER", "https://id.example.com"),
        ("OIDC_1_ISSUER", "https://id.example.com"),
        ("ALLOW_HTTP_SOURCES", "maybe"),
        ("BRAND_NAME", "a" * 61),
        ("BRAND_LOGO_FILE", "/nowhere/logo.svg"),
        ("BRAND_ACCENT", "teal"),
        ("BRAND_ACCENT", "#1554"),
        ("BRAND_ACCENT", "#155470;}"),
        ("CONTACT_EMAIL", "help"),
        ("CONTACT_EMAIL", "help.@example.com"),
        ("CONTACT_EMAIL", "hilfe@b\u00fcro@example.com"),
        ("CONTACT_EMAIL", "h\u00fclfe@example.com"),
        ("CONTACT_HOURS", "a\nb"),
        ("OFFICE_HOURS", "nine to five"),
        ("TIME_ZONE", "Berlin"),
        ("LANGUAGE", "tlh"),
        ("LANGUAGE", "../de"),
        ("LANGUAGES", "en tlh"),
        ("TIME_ZONE", "../etc/passwd"),
        ("PAGE_BUDGET", "nan"),
        ("PAGE_BUDGET", "inf"),
        ("PAGE_BUDGET", "0"),
        ("SESSION_IDLE", "10"),
        ("SESSION_LIFETIME", "604801"),
        ("METRICS_TOKEN", "0123456789abcdef0123456"),
        ("UPLOAD_SIZE", "26"),
        ("UPLOAD_QUOTA", "0"),
        ("UPLOADS_KEPT", "0"),
        ("CLAMD", "clamd.example"),
        ("CLAMD", "clamd.example:0"),
        ("CLAMD", "run/clamd.ctl"),
        ("METRICS_TOKEN", "0123456789abcdef 01234567"),
        ("LOG_LEVEL", "loud"),
    ],
)
def test_refuses_by_name_what_makes_no_sense(name: str, value: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"HALLWAY_{name}: ")


def test_takes_a_data_folder_of_any_name(tmp_path: Path) -> None:
    for name in ("what?", "50%20", "a b#c", "ü"):
        folder = tmp_path / name
        settings = load({"HALLWAY_DATA_DIR": str(folder)})
        migrate.upgrade(settings.database_url.reveal())
        assert (folder / "hallway.db").exists()


def test_refuses_colours_that_cannot_be_read() -> None:
    (problem,) = problems(BRAND_ACCENT="#777777")
    assert problem.startswith("HALLWAY_BRAND_ACCENT_INK: text of this colour on the accent has a contrast of")
    assert "of 4.48, and needs 4.5" in problem
    assert problems(BRAND_ACCENT="#ffd400", BRAND_ACCENT_INK="#101215") == [
        "HALLWAY_BRAND_ACCENT: has a contrast of 1.43 on white, and needs 3.0: choose a darker one"
    ]
    assert problems(BRAND_ACCENT="#155470", BRAND_ACCENT_INK="#101215")[0].startswith("HALLWAY_BRAND_ACCENT_INK: ")
    load({"HALLWAY_BRAND_ACCENT": "#e0630b", "HALLWAY_BRAND_ACCENT_INK": "#101215"})


def test_blames_no_other_setting_for_a_wrong_one() -> None:
    assert len(problems(BRAND_ACCENT="teal", BRAND_ACCENT_INK="#155470")) == 1
    assert len(problems(SESSION_IDLE="x", SESSION_LIFETIME="60")) == 1


def test_wants_a_lifetime_of_at_least_the_idle_time() -> None:
    assert problems(SESSION_LIFETIME="1200") == ["HALLWAY_SESSION_LIFETIME: must be at least HALLWAY_SESSION_IDLE"]


def test_wants_keys_with_a_database_of_ones_own() -> None:
    (problem,) = problems(DATABASE_URL="postgresql://db/hallway")
    assert problem.startswith("HALLWAY_KEYS: needed with a database of your own")
    assert "openssl rand -base64 32" in problem
    assert not load({"HALLWAY_DATABASE_URL": "postgresql://db/hallway", "HALLWAY_KEYS": KEY}).has_embedded_database


def test_opens_the_key_ring(tmp_path: Path) -> None:
    made = load({"HALLWAY_DATA_DIR": str(tmp_path)}).keyring()
    assert made == load({"HALLWAY_DATA_DIR": str(tmp_path)}).keyring()
    given = load({"HALLWAY_DATA_DIR": str(tmp_path), "HALLWAY_KEYS": KEY}).keyring()
    assert given.current.secret == Secret(KEY[2:])
    (tmp_path / "keys").chmod(0o644)
    with pytest.raises(KeyringError):
        load({"HALLWAY_DATA_DIR": str(tmp_path)}).keyring()


def test_reads_a_secret_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("s3cret\n")
    environ = SIGN_IN | {"HALLWAY_OIDC_CLIENT_SECRET": "", "HALLWAY_OIDC_CLIENT_SECRET_FILE": str(file)}
    assert load(environ).oidc.client_secret == Secret("s3cret")


def test_says_what_is_wrong_with_a_secret_file(tmp_path: Path) -> None:
    for name, content in {"empty": b"\n", "binary": b"\xff", "lines": b"a\nb"}.items():
        (tmp_path / name).write_bytes(content)

    def problem(name: str, **more: str) -> str:
        environ = {"OIDC_ISSUER": SIGN_IN["HALLWAY_OIDC_ISSUER"], "OIDC_CLIENT_ID": "hallway", **more}
        (found,) = problems(OIDC_CLIENT_SECRET_FILE=str(tmp_path / name), **environ)
        return found.removeprefix("HALLWAY_OIDC_CLIENT_SECRET: ")

    assert problem("none").endswith("cannot be read (No such file or directory)")
    assert problem("binary").endswith("cannot be read (not text)")
    assert problem("empty").endswith("is empty")
    assert problem("lines") == "must be one line"
    assert problem("none", OIDC_CLIENT_SECRET="x").endswith("keep one of them")


def test_wants_all_of_the_sign_in_provider_or_nothing() -> None:
    assert problems(OIDC_CLIENT_ID="hallway") == [
        "HALLWAY_OIDC_ISSUER: the three go together; missing: HALLWAY_OIDC_ISSUER, HALLWAY_OIDC_CLIENT_SECRET"
    ]
    (sign_in,) = load(SIGN_IN).require_sign_in()
    assert (sign_in.id, sign_in.kind, sign_in.title) == ("main", "member", None)
    assert (sign_in.issuer, sign_in.client_id, sign_in.client_secret, sign_in.scopes) == (
        SIGN_IN["HALLWAY_OIDC_ISSUER"],
        "hallway",
        Secret(CANARY),
        ("openid", "email", "profile"),
    )
    with pytest.raises(SettingsError) as caught:
        load({}).require_sign_in()
    assert [problem.partition(":")[0] for problem in caught.value.problems] == list(SIGN_IN)


def provider(number: str = "", **more: str) -> dict[str, str]:
    """A second one unlike the first, to be changed."""
    prefix = f"HALLWAY_OIDC_{number}_" if number else "HALLWAY_OIDC_"
    own = {"ISSUER": f"https://{number or 'main'}.example", "CLIENT_ID": f"hallway{number}", "CLIENT_SECRET": CANARY}
    return {prefix + name: value for name, value in (own | more).items()}


def test_reads_several_providers_by_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("third\n")
    third = provider("5", CLIENT_SECRET="", CLIENT_SECRET_FILE=str(file), FOR="staff", SCOPES="openid")
    found = load({**provider(TITLE="Acme"), **provider("3", TITLE="Other"), **third}).require_sign_in()
    assert [(each.id, each.kind, each.title) for each in found] == [
        ("main", "member", "Acme"),
        ("3", "member", "Other"),
        ("5", "staff", None),
    ]
    assert (found[1].issuer, found[1].client_id) == ("https://3.example", "hallway3")
    assert (found[2].client_secret, found[2].scopes) == (Secret("third"), ("openid",))


@pytest.mark.parametrize(
    ("environ", "wrong"),
    [
        (
            provider("2", CLIENT_ID=""),
            ["HALLWAY_OIDC_2_ISSUER: the three go together; missing: HALLWAY_OIDC_2_CLIENT_ID"],
        ),
        (
            {"HALLWAY_OIDC_2_TITLE": "x"},
            [
                (
                    "HALLWAY_OIDC_2_ISSUER: the three go together; missing: "
                    "HALLWAY_OIDC_2_ISSUER, HALLWAY_OIDC_2_CLIENT_ID, HALLWAY_OIDC_2_CLIENT_SECRET"
                )
            ],
        ),
        (
            provider() | provider("2", ISSUER="https://main.example", CLIENT_ID="hallway", TITLE="x"),
            [
                (
                    "HALLWAY_OIDC_2_CLIENT_ID: the same client at the same issuer as HALLWAY_OIDC_CLIENT_ID: "
                    "keep one of them"
                ),
                "HALLWAY_OIDC_TITLE: several providers",
            ],
        ),
        (
            provider() | provider("4", ISSUER="https://main.example", CLIENT_ID="hallway", FOR="staff"),
            [
                (
                    "HALLWAY_OIDC_4_CLIENT_ID: the same client at the same issuer as HALLWAY_OIDC_CLIENT_ID: "
                    "customers and staff must each have a client of their own there"
                )
            ],
        ),
        (
            provider(TITLE="x") | provider("2"),
            ["HALLWAY_OIDC_2_TITLE: several providers are for the same people"],
        ),
        (
            provider() | provider("2"),
            ["HALLWAY_OIDC_TITLE: several providers", "HALLWAY_OIDC_2_TITLE: several providers"],
        ),
        (
            provider() | provider("2", FOR="staff") | provider("3", FOR="staff", TITLE="x"),
            ["HALLWAY_OIDC_2_TITLE: several providers"],
        ),
        (
            provider(TITLE="x") | provider("2", TITLE="x"),
            ["HALLWAY_OIDC_TITLE: several providers", "HALLWAY_OIDC_2_TITLE: several providers"],
        ),
        (provider() | provider("2", FOR="stuff"), ["HALLWAY_OIDC_2_FOR: must be one of customers, staff"]),
    ],
)
def test_tells_what_is_wrong_with_several_providers(environ: dict[str, str], wrong: list[str]) -> None:
    found = complaint(environ).splitlines()[1:]
    assert len(found) == len(wrong)
    for line, expected in zip(found, wrong, strict=True):
        assert line.strip().startswith(expected)


@pytest.mark.parametrize(
    "environ",
    [
        provider() | provider("2", ISSUER="https://main.example", FOR="staff"),
        provider() | provider("2", ISSUER="https://main.example", TITLE="x") | {"HALLWAY_OIDC_TITLE": "y"},
        provider() | provider("2", CLIENT_ID="hallway", FOR="staff"),
        provider("2"),
        provider(FOR="staff") | provider("2"),
    ],
)
def test_takes_providers_that_differ_in_something(environ: dict[str, str]) -> None:
    assert len(load(environ).require_sign_in()) == sum(name.endswith("_CLIENT_ID") for name in environ)


def test_wants_a_provider_for_customers() -> None:
    with pytest.raises(SettingsError, match="HALLWAY_OIDC_2_ISSUER: needed to let customers sign in"):
        load(provider(FOR="staff")).require_sign_in()


MAIL = {"HALLWAY_SMTP_URL": "smtp://mail.example", "HALLWAY_MAIL_FROM": "portal@example.com"}
CODES = {"HALLWAY_SIGN_IN": "code"}


def test_takes_codes_in_the_place_of_a_provider_or_beside_it() -> None:
    assert load(CODES | MAIL).require_sign_in() == ()
    assert load(CODES | MAIL).takes_codes
    (staff,) = load(CODES | MAIL | provider(FOR="staff")).require_sign_in()
    assert staff.kind == "staff"
    both = load(MAIL | provider(DOMAINS="Acme.example @other.example") | {"HALLWAY_SIGN_IN": "Both"})
    assert [each.domains for each in both.require_sign_in()] == [("acme.example", "other.example")]
    with pytest.raises(SettingsError, match="needed to let customers sign in, unless HALLWAY_SIGN_IN is code"):
        load(MAIL | {"HALLWAY_SIGN_IN": "both"}).require_sign_in()
    assert not load(SIGN_IN).takes_codes


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        (CODES, "HALLWAY_SIGN_IN: codes go out by mail: set HALLWAY_SMTP_URL and HALLWAY_MAIL_FROM too"),
        (SIGN_IN | {"HALLWAY_STAFF_CODES": "yes"}, "HALLWAY_STAFF_CODES: codes go out by mail"),
        (CODES | MAIL | SIGN_IN, "HALLWAY_SIGN_IN: is code, and HALLWAY_OIDC_ISSUER is a provider for customers"),
        (CODES | MAIL | {"HALLWAY_SIGN_IN": "mail"}, "HALLWAY_SIGN_IN: must be one of provider, code, both"),
        (provider(DOMAINS="acme"), "HALLWAY_OIDC_DOMAINS: must be domains of e-mail addresses"),
        (
            provider(TITLE="x", DOMAINS="a.example b.example") | provider("2", TITLE="y", DOMAINS="b.example"),
            "HALLWAY_OIDC_2_DOMAINS: b.example is in HALLWAY_OIDC_DOMAINS too",
        ),
        (
            provider() | provider("2", FOR="staff", DOMAINS="a.example"),
            "HALLWAY_OIDC_2_DOMAINS: only customers are led by their address",
        ),
    ],
)
def test_names_ways_in_that_cannot_work(environ: dict[str, str], found: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(environ)
    (problem,) = caught.value.problems
    assert problem.startswith(found)


def test_shows_no_secret() -> None:
    environ = SIGN_IN | {
        "HALLWAY_KEYS": KEY,
        "HALLWAY_DATABASE_URL": f"postgresql://hallway:{CANARY}@db:5433/hallway?password={CANARY}",
        "HALLWAY_REDIS_URL": f"redis://:{CANARY}@cache:6379/0",
    }
    settings = load(environ)
    described = dict(settings.describe())
    assert set(described) == FIELDS
    assert described["HALLWAY_DATABASE_URL"] == "postgresql://db:5433/hallway"
    assert described["HALLWAY_REDIS_URL"] == "redis://cache:6379/0"
    assert described["HALLWAY_OIDC_CLIENT_SECRET"] == "(set, not shown)"
    assert described["HALLWAY_OIDC_SCOPES"] == "openid email profile"
    assert described["HALLWAY_CONTACT_NAME"] == "(not set)"
    for shown in (repr(settings), str(settings), str(described), repr(settings.require_sign_in())):
        assert CANARY not in shown
        assert "AAAA" not in shown


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_repeats_no_value_whichever_variable_a_secret_is_put_into(name: str) -> None:
    for value in (f"{CANARY}\x07", f"https://x:{CANARY}@y:{CANARY}/{CANARY}", f"1:{CANARY}", f"redis://[{CANARY}"):
        assert CANARY not in complaint({name: value})
