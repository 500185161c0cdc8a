"""What files are taken, and under which names: by their endings and their content, and by the word of a virus check."""

import tracemalloc
import unicodedata
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support_hostile import attacks
from support_uploads import EICAR, GOOD, PDF, PNG, clamd_at, open_document, word, zipped

from gateway.uploads.checking import Checks, Given, Limits, NotTaken
from gateway.uploads.kinds import KINDS, kind_of
from gateway.uploads.names import LONGEST, MOST_BYTES, harmless
from gateway.uploads.virus import Clamd, NotChecked

CHECKS = Checks(Limits(1_000_000), None)
HTML = b"<!doctype html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'


async def test_takes_every_kind_as_what_it_is() -> None:
    for name, content in GOOD.items():
        (file,) = await CHECKS.check([Given(name, content)])
        kind = kind_of(name)
        assert kind is not None
        assert (file.name, file.media_type, file.content) == (name, kind.media_type, content)
    assert {name.rpartition(".")[2].lower() for name in GOOD} | {"heif"} == KINDS.keys()


@pytest.mark.parametrize(
    "name", ["a.exe", "a.svg", "a.html", "a.js", "a", "", "a.pdf.exe", "a.docm", "a.eml", "a.pdf\0.exe", "pdf"]
)
async def test_takes_no_other_kind(name: str) -> None:
    with pytest.raises(NotTaken, match="of a kind that we do not take"):
        await CHECKS.check([Given(name, PDF)])


MACROS = word("word/vbaProject.bin")
MISMATCHES = {
    "html": ("a.pdf", HTML),
    "svg": ("a.png", SVG),
    "pdf later": ("a.pdf", b"\n" + PDF),
    "program": ("a.txt", b"MZ\x90\x00\x03"),
    "pdf as text": ("a.csv", PDF),
    "picture as text": ("a.txt", PNG),
    "zip as text": ("a.txt", GOOD["a.docx"]),
    "broken utf-16": ("a.txt", b"\xff\xfea"),
    "bell": ("a.txt", b"\xef\xbb\xbfa\x07"),
    "text": ("a.jpg", b"hello"),
    "wav": ("a.webp", b"RIFF\x10\x00\x00\x00WAVE"),
    "mp4": ("a.heic", b"\x00\x00\x00\x18ftypisom"),
    "sheet as letter": ("a.docx", GOOD["a.xlsx"]),
    "sheet as open letter": ("a.odt", GOOD["a.ods"]),
    "macros": ("a.docx", MACROS),
    "open macros": ("a.odt", open_document("text", "Basic/Standard/Module1.xml")),
    "plain zip": ("a.docx", zipped("word.txt")),
    "no zip": ("a.xlsx", b"PK\x03\x04"),
    "zip behind a picture": ("a.docx", PNG + GOOD["a.docx"]),
    "zip before a page": ("a.docx", GOOD["a.docx"] + HTML),
    "zip cut off": ("a.ods", GOOD["a.ods"][:-30]),
}


@pytest.mark.parametrize("which", MISMATCHES)
async def test_takes_nothing_that_is_not_what_its_name_says(which: str) -> None:
    name, content = MISMATCHES[which]
    with pytest.raises(NotTaken, match=f"“{name}” is not what its name says"):
        await CHECKS.check([Given(name, content)])


async def test_says_how_much_is_too_much() -> None:
    with pytest.raises(NotTaken, match=r"“a\.pdf” is empty"):
        await CHECKS.check([Given("a.pdf", b"")])
    with pytest.raises(NotTaken, match="5 files can be sent at a time"):
        await CHECKS.check([Given("a.pdf", PDF)] * 6)
    limits = Limits(10_000_000)
    with pytest.raises(NotTaken, match=r"“x\.pdf” is larger than 10 MB"):
        limits.check_size("/tmp/x.pdf", 10_000_001, 10_000_001)
    with pytest.raises(NotTaken, match="larger than 20 MB"):
        limits.check_size("x.pdf", 1, 20_000_001)
    limits.check_size("x.pdf", 10_000_000, 20_000_000)


async def test_unpacks_no_bomb() -> None:
    """Two hundred megabytes of nothing in two hundred kilobytes, and a table of contents without an end."""
    bomb = word("word/bomb.xml", content=b"\0" * 50_000_000)
    table = BytesIO()
    with zipfile.ZipFile(table, "w") as archive:
        for number in range(20_000):
            archive.writestr(f"word/{number}", b"")
        archive.writestr("[Content_Types].xml", b"")
    tracemalloc.start()
    await Checks(Limits(10_000_000), None).check([Given("bomb.docx", bomb)])
    with pytest.raises(NotTaken):
        await Checks(Limits(10_000_000), None).check([Given("table.docx", table.getvalue())])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.parametrize("cut", range(0, 400, 7))
async def test_survives_a_zip_that_is_damaged_anywhere(cut: int) -> None:
    whole = GOOD["a.docx"]
    for content in (whole[:cut], whole[cut:], whole[:cut] + b"\xff\xff\xff\xff" + whole[cut + 4 :]):
        for kind in KINDS.values():
            kind.fits(content)


NAMES = {
    "../../etc/passwd.txt": "passwd.txt",
    "C:\\Users\\maya\\Invoice 12.pdf": "Invoice 12.pdf",
    "invoice\u202efdp.exe": "invoice fdp.exe",
    "a\0b\r\nSet-Cookie: x.png": "a b Set-Cookie_ x.png",
    '<img src=x onerror="alert(1)">.pdf': "_img src=x onerror=_alert(1)__.pdf",
    "con.pdf": "_con.pdf",
    "  .hidden.pdf. ": "hidden.pdf",
    "…": "…",
    "..": "file",
    ".pdf": "file.pdf",
    "a\u200b\ufeffb.txt": "a b.txt",
    "Angebot Köln 漢字.pdf": "Angebot Köln 漢字.pdf",
    "%2e%2e%2fx.pdf": "_2e_2e_2fx.pdf",
}


@pytest.mark.parametrize("name", NAMES)
def test_makes_names_harmless(name: str) -> None:
    assert harmless(name) == NAMES[name]


@given(st.text() | st.text().map(lambda text: f"{text}.pdf"))
def test_makes_any_name_harmless(name: str) -> None:
    _is_harmless(harmless(name))


def test_makes_naughty_names_harmless() -> None:
    for name in attacks():
        for each in (name, f"{name}.pdf", f"{name * 50}.pdf"):
            _is_harmless(harmless(each))
        assert harmless(f"{name}.pdf").endswith(".pdf")


def _is_harmless(name: str) -> None:
    assert name
    assert len(name) <= LONGEST
    assert len(name.encode()) <= MOST_BYTES
    assert not set(name) & set('/\\<>:"|?*%')
    assert not name.startswith((".", " "))
    assert not any(unicodedata.category(sign)[0] == "C" for sign in name)
    assert harmless(name) == name, "once is enough"


@pytest.fixture(params=["port", "socket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "clamd" if request.param == "socket" else None


async def test_asks_the_virus_check_about_every_byte(place: Path | None) -> None:
    long = b"%PDF-" + b"x" * 200_000
    async with clamd_at(place) as (clamd, address):
        checks = Checks(Limits(1_000_000), Clamd(address))
        await Clamd(address).ping()
        await checks.check([Given("a.pdf", long), Given("b.txt", b"hello")])
        assert clamd.seen == [long, b"hello"]
        with pytest.raises(NotTaken, match=r"“virus\.txt” was not taken: our virus check found something"):
            await checks.check([Given("a.pdf", PDF), Given("virus.txt", EICAR)])


async def test_takes_nothing_that_the_virus_check_has_no_word_for(tmp_path: Path) -> None:
    async with clamd_at() as (clamd, address):
        clamd.size = 100_000
        for says in (None, b"stream: weird\0", b"stream: x ERROR\0", b"", b"OK\0", b"stream: OK, or FOUND? \0"):
            clamd.says = says
            content = b"%PDF-" + b"x" * (2_000_000 if says is None else 10)
            with pytest.raises(NotChecked):
                await Clamd(address).is_clean(content)
            with pytest.raises(NotTaken, match="cannot be checked for viruses right now"):
                await Checks(Limits(3_000_000), Clamd(address)).check([Given("a.pdf", content)])
        clamd.silent = True
        with pytest.raises(NotChecked):
            await Clamd(address, within=0.1).is_clean(PDF)
    for away in (address, str(tmp_path / "nobody"), "127.0.0.1:1"):
        with pytest.raises(NotChecked):
            await Clamd(away).is_clean(PDF)
        with pytest.raises(NotChecked):
            await Clamd(away).ping()
