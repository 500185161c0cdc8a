"""What two sources do not agree on, as staff see it in the console, and what they do about it."""

from html import unescape

from support_audit import VAULT
from support_portal import Portal
from support_staff import staff_at

from auth.clock import utc_now
from gateway.agreement.facts import Compared, Kind
from gateway.audit_reading import Wanted, read
from gateway.conflicts import Look, Sources, Thing, note

PAGE = "/staff/customers/differences"
PAIR = ("erp", "helpdesk")
WHOLE: frozenset[tuple[Kind, Sources]] = frozenset({("orders", PAIR)})


async def differ(portal: Portal, *values: str, account: str = "bakery") -> None:
    """Let two sources say something else of what an order costs, and the same of its state."""
    compared = (
        Compared(field="total", values=(values[0], values[1]), agrees=values[0] == values[1]),
        Compared(field="state", values=("on_its_way", "packed"), agrees=True),
    )
    thing = Thing(kind="orders", number="<S7>", sources=PAIR, ids=("41", "=42"), compared=compared)
    await note(
        portal.database, [Look(account=account, linked=frozenset(PAIR), things=(thing,), whole=WHOLE)], utc_now()
    )


async def id_of(page: str) -> str:
    return page.partition(f'action="{PAGE}/')[2].partition("/")[0]


async def test_shows_what_each_says_and_leads_there_from_today(portal: Portal) -> None:
    sam = await staff_at(portal)
    assert "The systems agree" in (await sam.get(PAGE)).text
    await differ(portal, "EUR 1.00", "EUR 2.00")
    assert f'href="{PAGE}"' in unescape((await sam.get("/staff")).text)
    page = unescape((await sam.get(PAGE)).text)
    for words in ("Order <S7>: total", "says EUR 1.00", "says EUR 2.00", "there it is 41", "/staff/customers/bakery"):
        assert words in page, words
    assert "state" not in page.partition("<tbody")[2].partition("</tbody>")[0], "of that they say the same"
    assert "The systems agree" in (await sam.get(f"{PAGE}?account=hotel")).text
    reader = await staff_at(portal, "read-only")
    assert (await reader.get(PAGE)).status_code == 403


async def test_ignores_one_until_a_source_says_something_else(portal: Portal) -> None:
    sam = await staff_at(portal)
    await differ(portal, "EUR 1.00", "EUR 2.00")
    act = f"{PAGE}/{await id_of((await sam.get(PAGE)).text)}"
    for done in ("ignored", "same"):  # a second click is told, and does nothing
        assert (await sam.send("POST", f"{act}/ignore")).headers["location"] == f"{PAGE}?done={done}"
    assert "The systems agree" in (await sam.get(PAGE)).text
    assert "Order &lt;S7&gt;" in (await sam.get(f"{PAGE}?status=ignored")).text
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert (line.what, line.who.partition("/")[0]) == ("conflict.ignored", "staff")
    assert (await sam.send("POST", f"{act}/reopen")).headers["location"] == f"{PAGE}?done=open"
    assert "Order &lt;S7&gt;" in (await sam.get(PAGE)).text
    await sam.send("POST", f"{act}/ignore")
    await differ(portal, "EUR 1.00", "EUR 3.00")
    assert "EUR 3.00" in (await sam.get(PAGE)).text
    await differ(portal, "EUR 3.00", "EUR 3.00")
    assert "They agree again" in (await sam.get(f"{PAGE}?status=settled")).text
    assert (await sam.get(f"{act}/ignore")).headers["location"] == PAGE


async def test_gives_them_as_a_file_in_which_nothing_is_a_formula(portal: Portal) -> None:
    sam = await staff_at(portal)
    await differ(portal, "=1+1", "EUR 2.00")
    file = (await sam.get(f"{PAGE}.csv")).text
    assert "bakery" in file
    assert ",=1+1" not in file
    assert "=1+1" in file
    (line,) = await read(portal.database, VAULT, Wanted(latest=1))
    assert (line.what, line.about) == ("customers.exported", "list/differences")


async def test_shows_each_on_one_page(portal: Portal) -> None:
    sam = await staff_at(portal)
    compared = (Compared(field="total", values=("EUR 1", "EUR 2"), agrees=False),)
    things = [
        Thing(kind="orders", number=f"N{n:02}", sources=PAIR, ids=("1", "2"), compared=compared) for n in range(60)
    ]
    told = Look(account="bakery", linked=frozenset(PAIR), things=tuple(things), whole=WHOLE)
    await note(portal.database, [told], utc_now())
    pages = [(await sam.get(f"{PAGE}?page={page}")).text for page in (1, 2)]
    for number in range(60):
        assert sum(f"Order N{number:02}: total</span>" in page for page in pages) == 1, number
