"""A link that a customer follows is fit to carry a token, or there is none."""

import pytest

from connectors.links import fit


@pytest.mark.parametrize(
    "address",
    [
        "https://erp.example.net/my/invoices/7?access_token=a",
        "http://127.0.0.1:8069/my/invoices/7",
        "http://localhost/my",
        "http://[::1]:8069/my",
    ],
)
def test_gives_a_link_as_it_is(address: str) -> None:
    assert fit(address) == address


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "/my/invoices/7",
        "//erp.example.net/my",
        "http://erp.example.net/my",
        "http://127.0.0.1",
        "http://127.0.0.1.example.net/my",
        "http://127.0.0.1@example.net/my",
        "http://127.0.0.1:80@example.net/my",
        "http://localhost.example.net/my",
        "javascript:alert(1)//https://erp.example.net",
        "https://erp.example.net/my invoices",
        "https://erp.example.net/my\n",
        "https://erp.example.net/\u202emy",
        " https://erp.example.net/my",
        '[["1", "https://track.example/1"]]',
    ],
)
def test_gives_none_that_could_lead_astray(address: str | None) -> None:
    assert fit(address) is None
