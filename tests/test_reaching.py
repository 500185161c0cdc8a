"""What a telephone and a mail program are told of whom a customer can talk to."""

import pytest

from web.contact import Contact


@pytest.mark.parametrize(
    ("written", "dialled"),
    [
        (None, ""),
        ("020 7946 0182", "02079460182"),
        ("+44 113 496-0188", "+441134960188"),
        ("(0113) 4960188", "01134960188"),
        ("0113 4960188 ext. 12", "01134960188"),
        ("0113 4960188x12", "01134960188"),
        ("0113 4960188, Durchwahl 12", "01134960188"),
        ("+49 (0)30 123-45", "+493012345"),
        ("0049 (0)30 123-45", "00493012345"),
        ("Tel. 030 123\u201345", "03012345"),
        ("+39 (06) 123 45", "+390612345"),
        ("+49 30 123 or +49 30 124", "+4930123"),
        ("after nine", ""),
    ],
)
def test_dials_the_number_and_no_extension(written: str | None, dialled: str) -> None:
    assert Contact(phone=written).dial == dialled


@pytest.mark.parametrize(
    ("address", "linked"),
    [
        (None, ""),
        ("o.hara+k@kestrel.example", "o.hara+k@kestrel.example"),
        ("ida@k.example?bcc=spy@evil.example&subject=hi", "ida@k.example%3Fbcc%3Dspy@evil.example%26subject%3Dhi"),
        ("müller@k.example", "m%C3%BCller@k.example"),
    ],
)
def test_links_to_the_address_alone(address: str | None, linked: str) -> None:
    assert Contact(email=address).mailto == linked
