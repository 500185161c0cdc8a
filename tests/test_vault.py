"""Sealed secrets and the keys that seal them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import ascii_letters, digits
from threading import Barrier

import pytest

from connectors.config import Secret
from gateway.keyring import KeyringError, load_keyring, parse_keyring
from gateway.vault import Vault, VaultError

FIRST = "1:" + "A" * 43 + "="
SECOND = "2:" + "B" * 42 + "A="
ROW, FIELD = "sources/erp", "api_key"
PLAIN = Secret("s3cret ü")


@pytest.fixture
def vault() -> Vault:
    return Vault(parse_keyring(FIRST))


def test_opens_what_it_sealed(vault: Vault) -> None:
    token = vault.seal(PLAIN, ROW, FIELD)
    assert vault.open(token, ROW, FIELD) == PLAIN
    assert "s3cret" not in token


def test_never_seals_alike(vault: Vault) -> None:
    assert vault.seal(PLAIN, ROW, FIELD) != vault.seal(PLAIN, ROW, FIELD)


def test_opens_what_another_program_sealed() -> None:
    """Sealed by Node, which uses OpenSSL.

    const c = require("crypto")
    const key = Buffer.from([...Array(32).keys()])
    const nonce = Buffer.from("202122232425262728292a2b", "hex")
    const g = c.createCipheriv("aes-256-gcm", key, nonce)
    g.setAAD(Buffer.from(JSON.stringify(["hallway", "sources/erp", "api_key", 7])))
    const sealed = [nonce, g.update("s3cret \u00fc"), g.final(), g.getAuthTag()]
    console.log("7." + Buffer.concat(sealed).toString("base64url"))
    """
    vault = Vault(parse_keyring("7:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="))
    token = "7.ICEiIyQlJicoKSoroQnFAgnsOs2mr5WXA8846dKDQOLXiWn5zQ"
    assert vault.open(token, ROW, FIELD) == PLAIN


@pytest.mark.parametrize(
    ("row", "field"), [("sources/helpdesk", FIELD), (ROW, "login"), ("sources", "erp/api_key"), (FIELD, ROW)]
)
def test_refuses_a_token_from_another_place(vault: Vault, row: str, field: str) -> None:
    with pytest.raises(VaultError, match="belongs to another place"):
        vault.open(vault.seal(PLAIN, ROW, FIELD), row, field)


def test_refuses_a_token_that_claims_another_version() -> None:
    """Even where both versions hold the same bytes: the version is sealed in."""
    vault = Vault(parse_keyring(f"{FIRST},2:{FIRST[2:]}"))
    token = vault.seal(PLAIN, ROW, FIELD)
    with pytest.raises(VaultError):
        vault.open("1" + token[1:], ROW, FIELD)


def test_refuses_every_changed_character(vault: Vault) -> None:
    token = vault.seal(PLAIN, ROW, FIELD)
    for position in range(2, len(token)):
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(VaultError):
            vault.open(token[:position] + other + token[position + 1 :], ROW, FIELD)


def test_refuses_another_spelling_of_the_same_bytes(vault: Vault) -> None:
    """The last character has bits that carry nothing."""
    token = vault.seal(PLAIN, ROW, FIELD)
    for last in set(ascii_letters + digits + "-_") - {token[-1]}:
        with pytest.raises(VaultError):
            vault.open(token[:-1] + last, ROW, FIELD)


def test_refuses_every_truncated_token(vault: Vault) -> None:
    token = vault.seal(PLAIN, ROW, FIELD)
    for length in range(len(token)):
        with pytest.raises(VaultError):
            vault.open(token[:length], ROW, FIELD)


@pytest.mark.parametrize("token", ["", "1", "1.", ".AAAA", "0.AAAA", "1.AA=A", "1.ü", "1.A", "x.AAAA", "1.AAAA\n"])
def test_refuses_what_is_no_token(vault: Vault, token: str) -> None:
    with pytest.raises(VaultError, match=r"damaged|changed"):
        vault.open(token, ROW, FIELD)


def test_refuses_the_wrong_key(vault: Vault) -> None:
    other = Vault(parse_keyring("1:" + SECOND[2:]))
    with pytest.raises(VaultError, match="different key 1"):
        other.open(vault.seal(PLAIN, ROW, FIELD), ROW, FIELD)


def test_names_a_key_that_is_missing(vault: Vault) -> None:
    token = Vault(parse_keyring(SECOND)).seal(PLAIN, ROW, FIELD)
    with pytest.raises(VaultError, match="sealed with key 2, which is not in the key ring") as caught:
        vault.open(token, ROW, FIELD)
    assert "s3cret" not in str(caught.value)


def test_renews_a_key(vault: Vault) -> None:
    old = vault.seal(PLAIN, ROW, FIELD)
    both = Vault(parse_keyring(f"{FIRST},{SECOND}"))
    new = both.reseal(old, ROW, FIELD)
    assert both.open(old, ROW, FIELD) == PLAIN
    assert Vault(parse_keyring(SECOND)).open(new, ROW, FIELD) == PLAIN
    assert both.reseal(new, ROW, FIELD) == new


def test_does_not_reseal_a_token_from_another_place(vault: Vault) -> None:
    with pytest.raises(VaultError):
        vault.reseal(vault.seal(PLAIN, ROW, FIELD), ROW, "login")


@pytest.mark.parametrize(
    "text",
    [
        "",
        FIRST[2:],
        f"{FIRST},",
        f"0:{FIRST[2:]}",
        f"-1:{FIRST[2:]}",
        "1:c2hvcnQ=",
        "1:" + "A" * 44,
        f"{FIRST},{FIRST}",
        f"{FIRST};{SECOND}",
    ],
)
def test_refuses_a_bad_key_ring_without_repeating_it(text: str) -> None:
    with pytest.raises(KeyringError) as caught:
        parse_keyring(text)
    assert "AAAA" not in str(caught.value)


def test_shows_no_key() -> None:
    assert "AAAA" not in repr(parse_keyring(FIRST))


def test_makes_a_key_file_for_our_eyes_only(tmp_path: Path) -> None:
    path = tmp_path / "new" / "keys"
    ring = load_keyring(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert load_keyring(path) == ring
    assert [entry.name for entry in path.parent.iterdir()] == ["keys"]


def test_makes_another_key_for_another_folder(tmp_path: Path) -> None:
    assert load_keyring(tmp_path / "a") != load_keyring(tmp_path / "b")


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o602])
def test_refuses_a_key_file_that_others_may_use(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "keys"
    load_keyring(path)
    path.chmod(mode)
    with pytest.raises(KeyringError, match="chmod 600"):
        load_keyring(path)


@pytest.mark.parametrize("content", [b"", b"1:short", b"\xff\xfe"])
def test_never_replaces_a_damaged_key_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "keys"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyringError, match="restore it from a backup"):
        load_keyring(path)
    assert path.read_bytes() == content


def test_says_why_a_key_file_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="Is a directory"):
        load_keyring(tmp_path)


def test_agrees_on_one_key_when_several_start_together(tmp_path: Path) -> None:
    gate = Barrier(8)

    def start(path: Path) -> str:
        gate.wait()
        return load_keyring(path).current.secret.reveal()

    with ThreadPoolExecutor(gate.parties) as pool:
        for attempt in range(20):
            path = tmp_path / str(attempt)
            keys = set(pool.map(start, [path] * gate.parties))
            assert keys == {load_keyring(path).current.secret.reveal()}
