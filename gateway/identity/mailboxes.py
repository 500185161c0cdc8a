"""What an e-mail address says by its form alone: whose it may be, and why it cannot stand for one person."""

import re

_WORD = r"[A-Za-z0-9!#$%&'*/=?^_`{|}~+-]+"
PLAIN = re.compile(rf"{_WORD}(?:\.{_WORD})*@(?:[A-Za-z0-9-]+\.)+[A-Za-z0-9-]+")
ENCODED = "=?"  # begins an encoded word in a header
LONGEST = 254
PUNYCODE = "xn--"

# Anybody gets an address there: it says nothing of a company.
_FREE = """
126.com 163.com aim.com alice.it aol.com arcor.de att.net bellsouth.net bigpond.com bluewin.ch bt.com btinternet.com
charter.net comcast.net cox.net duck.com earthlink.net fastmail.com fastmail.fm free.fr freenet.de gmail.com gmx.at
gmx.ch gmx.com gmx.de gmx.net googlemail.com hey.com hotmail.co.uk hotmail.com hotmail.de hotmail.fr hotmail.it
hushmail.com icloud.com inbox.com juno.com kabelmail.de laposte.net libero.it live.co.uk live.com live.de live.fr
mac.com mail.com mail.de mail.ru mailbox.org me.com msn.com naver.com netzero.net o2.pl online.de optonline.net
orange.fr outlook.com outlook.de outlook.fr posteo.de pm.me proton.me protonmail.ch protonmail.com qq.com
rediffmail.com rocketmail.com sbcglobal.net seznam.cz sfr.fr shaw.ca sky.com sympatico.ca t-online.de talktalk.net
telenet.be terra.com.br tiscali.it tuta.com tuta.io tutanota.com uol.com.br verizon.net virgilio.it virginmedia.com
wanadoo.fr web.de wp.pl yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com yahoo.com.au yahoo.com.br yahoo.de
yahoo.es yahoo.fr yahoo.it yandex.com yandex.ru ymail.com zoho.com
"""
FREE_MAIL = frozenset(_FREE.split())
# Who reads such a mailbox changes from day to day.
_READ_BY_SEVERAL = """
abuse account accountant accountants accounting accounts admin administration ap ar billing bookings bookkeeping
booking buchhaltung buero compta contact contacto customercare customerservice desk dispatch einkauf enquiries
enquiry facturation finance front frontdesk hello help helpdesk hi hostmaster hr info information inquiries invoice
invoices it jobs kontakt kundenservice logistics mail mailbox marketing members no-reply noreply office operations
ops order orders payable payables payments payroll post postmaster procurement purchase purchasing rechnung
rechnungen reception remittance root sales secretary security service shared shop staff stores supplier suppliers
support team tech vendor vendors verkauf warehouse webmaster
"""
SHARED = frozenset(_READ_BY_SEVERAL.split())


def is_plain(address: str) -> bool:
    """Tell whether it is an address in letters that look like no others, to which a mail can be written.

    An encoded domain is not: it shows as another.
    """
    labels = address.rpartition("@")[2].lower().split(".")
    return (
        len(address) <= LONGEST
        and PLAIN.fullmatch(address) is not None
        and ENCODED not in address
        and not any(label.startswith(PUNYCODE) for label in labels)
    )


def folded(address: str) -> str:
    """Write an address as it is compared: A to Z small, and nothing else touched."""
    return address.encode().lower().decode()


def has_tag(address: str) -> bool:
    """Tell of `ann+shop@a.example`, which some mail systems deliver to `ann` and others to somebody else."""
    return "+" in address.rpartition("@")[0]


def is_shared(address: str) -> bool:
    """Tell of `info@`, and of `accounts.uk@` too."""
    local = folded(address.rpartition("@")[0])
    return local in SHARED or re.split(r"[+._0-9-]", local)[0] in SHARED


def is_free(address: str) -> bool:
    """Tell whether the address is at one of the providers where anybody gets one."""
    return folded(address.rpartition("@")[2]) in FREE_MAIL
