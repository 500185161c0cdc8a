"""What the text of a setting may look like."""

from pathlib import Path

import pytest

from gateway import rules
from gateway.colours import contrast


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://portal.example.com", "https://portal.example.com"),
        ("https://Portal.Example.com:443/", "https://portal.example.com"),
        ("https://portal.example.com:8443", "https://portal.example.com:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://shop.localhost", "http://shop.localhost"),
        ("http://127.0.0.2:80", "http://127.0.0.2"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_keeps_the_base_address_as_browsers_spell_it(given: str, kept: str) -> None:
    assert rules.origin(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "portal.example.com",
        "//portal.example.com",
        "ftp://portal.example.com",
        "http://portal.example.com",
        "http://localhost.example.com",
        "http://127.0.0.1.example.com",
        "http://10.0.0.1",
        "http://user@127.0.0.1",
        "https://portal.example.com/account",
        "https://portal.example.com?a=b",
        "https://portal.example.com#a",
        "https://portal.example.com:0",
        "https://portal.example.com:99999",
        "https://portal.example.com:x",
        "https://",
        "https://portal example.com",
        "https://-.example.com",
        "https://[::1",
        "https://portal.example.com\\@evil.example.com",
    ],
)
def test_refuses_a_bad_base_address(given: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        rules.origin(given)


def test_refuses_a_logo_that_is_none(tmp_path: Path) -> None:
    text = tmp_path / "logo.txt"
    text.touch()
    big = tmp_path / "logo.png"
    big.write_bytes(bytes(256 * 1024 + 1))
    with pytest.raises(ValueError, match="must be an existing file"):
        rules.logo(str(text))
    with pytest.raises(ValueError, match="at most 256 KB"):
        rules.logo(str(big))


def test_refuses_a_data_folder_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.touch()
    with pytest.raises(ValueError, match="must be a folder"):
        rules.folder(str(file))


def test_counts_contrast_as_the_standard_does() -> None:
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#fff") == pytest.approx(4.48, abs=0.005)
    assert contrast("#fff", "#155470") == contrast("#155470", "#fff") == pytest.approx(8.3, abs=0.05)


@pytest.mark.parametrize("issuer", ["http://id.example.com", "https://id.example.com?x=1", "id.example.com"])
def test_refuses_a_provider_that_cannot_be_trusted(issuer: str) -> None:
    with pytest.raises(ValueError, match=r"^must "):
        rules.issuer(issuer)


def test_keeps_the_providers_own_spelling() -> None:
    for issuer in ("https://id.example.com/", "https://id.example.com", "https://ID.example.com:443/realms/acme"):
        assert rules.issuer(issuer) == issuer
