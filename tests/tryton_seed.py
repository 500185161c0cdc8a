"""Fill a new Tryton with a company, two customers and their papers. Run by Tryton's own Python: CONFIG DATABASE OUT.

OUT gets the keys to the REST API and the ids that the tests ask for.
"""

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

# Installed in an environment of its own: tests/support_tryton.py.
from proteus import Model, Wizard, config  # type: ignore[import-not-found]
from trytond.modules.account.tests.tools import (  # type: ignore[import-not-found]
    create_chart,
    create_fiscalyear,
    create_tax,
    get_accounts,
)
from trytond.modules.account_invoice.tests.tools import (  # type: ignore[import-not-found]
    set_fiscalyear_invoice_sequences,
)
from trytond.modules.company.tests.tools import create_company, get_company  # type: ignore[import-not-found]

CONFIG, DATABASE, OUT = sys.argv[1:]
TODAY = date.today()  # noqa: DTZ011  # Tryton's own idea of it


def find(model: str, **fields: object) -> Any:
    (record,) = Model.get(model).find([(name, "=", value) for name, value in fields.items()])
    return record


def product(name: str, code: str, price: str, unit: str, category: Any) -> Any:
    template = Model.get("product.template")(
        name=name,
        default_uom=find("product.uom", name=unit),
        type="goods",
        salable=True,
        list_price=Decimal(price),
        account_category=category,
    )
    template.products[0].suffix_code = code
    template.save()
    return template.products[0]


def customer(name: str, code: str, *emails: str) -> Any:
    party = Model.get("party.party")(name=name, code=code)
    party.addresses[0].street = "Quay 1"
    for email in emails:
        party.contact_mechanisms.new(type="email", value=email)
    party.save()
    return party


def in_two_parts() -> Any:
    """Half after 30 days, the rest after 60."""
    term = Model.get("account.invoice.payment_term")(name="30 and 60 days")
    term.lines.new(type="percent", ratio=Decimal("0.5")).relativedeltas.new(days=30)
    term.lines.new(type="remainder").relativedeltas.new(days=60)
    term.save()
    return term


def sale(party: Any, lines: list[tuple[Any, float]], reference: str, *steps: str, contact: Any = None) -> Any:
    made = Model.get("sale.sale")(party=party, payment_term=TERM, invoice_method="order", reference=reference)
    made.contact = contact
    heading = made.lines.new(type="title")
    heading.description = "On deck"
    for item, quantity in lines:
        line = made.lines.new()
        line.product = item  # set afterwards, as a person would, so that Tryton fills in price and taxes
        line.quantity = quantity
    made.save()
    for step in steps:
        made.click(step)
    made.reload()
    return made


def post(invoice: Any) -> None:
    invoice.invoice_date = TODAY
    invoice.save()
    invoice.click("post")


def pay_a_part(invoice: Any, amount: Decimal) -> None:
    wizard = Wizard("account.invoice.pay", [invoice])
    wizard.form.payment_method = CASH
    wizard.form.amount = amount
    wizard.form.date = TODAY
    wizard.execute("choice")
    wizard.form.type = "partial"
    wizard.execute("pay")


def rest_key(user: Any) -> str:
    application = Model.get("res.user.application")(user=user, application="rest")
    application.save()
    application.reload()
    if application.state != "validated":
        application.click("validate_")
    key: str = application.key
    return key


session = config.set_trytond(DATABASE, user="admin", config_file=CONFIG)
create_company(currency="EUR")
company = get_company()
company.party.name = "Kestrel Chandlery"
company.party.save()
session._context.update(Model.get("res.user").get_preferences(True, {}))
create_chart(company)
year = set_fiscalyear_invoice_sequences(create_fiscalyear(company))
year.click("create_period")
accounts = get_accounts(company)
tax = create_tax(Decimal("0.21"))
tax.save()
category = Model.get("product.category")(
    name="Goods", accounting=True, account_expense=accounts["expense"], account_revenue=accounts["revenue"]
)
category.customer_taxes.append(tax)
category.save()
HATCH = product("Deck hatch", "DECK-2", "499.00", "Unit", category)
ROPE = product("Rope", "ROPE-12", "6.97", "Meter", category)
TERM = in_two_parts()
CASH = Model.get("account.invoice.payment.method")(
    name="Cash",
    journal=find("account.journal", code="CASH"),
    credit_account=accounts["cash"],
    debit_account=accounts["cash"],
)
CASH.save()
stock = Model.get("stock.inventory")(location=find("stock.location", code="STO"))
for each in (HATCH, ROPE):
    stock.lines.new(product=each).quantity = 1000.0
stock.click("confirm")

ann = customer("Halvorsen Marine AS", "C-1012", "Ann@Halvorsen-Marine.example")
bob = customer("Globe Rigging GmbH", "C-1013", "bob@globe-rigging.example")
closing = customer("Closing Sails Ltd", "C-1014", "cora@closing-sails.example", "dan@closing-sails.example")
(address,) = ann.contact_mechanisms
ordered = sale(ann, [(HATCH, 3.0), (ROPE, 2.5)], "PO-77", "quote", "confirm", "process", contact=address)
quoted = sale(ann, [(HATCH, 1.0)], "PO-78", "quote")
draft = sale(ann, [(HATCH, 1.0)], "PO-79")
never = sale(ann, [(HATCH, 1.0)], "PO-80", "cancel")
bobs = sale(bob, [(ROPE, 100.0)], "GX-1", "quote", "confirm", "process")
unsent = sale(bob, [(ROPE, 1.0)], "GX-2", "quote", "confirm", "process")
for each in (ordered, bobs):
    post(each.invoices[0])
pay_a_part(ordered.invoices[0], Decimal("100.00"))
credited = Wizard("account.invoice.credit", [bobs.invoices[0]])
credited.form.with_refund = False
credited.execute("credit")
(note,) = Model.get("account.invoice").find(
    [("id", "!=", bobs.invoices[0].id), ("party", "=", bob.id), ("lines.quantity", "<", 0)]
)
post(note)

portal = Model.get("res.user")(name="Portal", login="portal", company=company)
portal.companies.append(company)
for name in ("Sales", "Accounting"):
    portal.groups.append(find("res.group", name=name))
portal.save()

Path(OUT).write_text(
    json.dumps(
        {
            "staff_key": rest_key(find("res.user", login="admin")),
            "portal_key": rest_key(portal),
            "today": TODAY.isoformat(),
            "ids": {
                "ann": ann.id,
                "anns_address": address.id,
                "closing": closing.id,
                "coras_address": closing.contact_mechanisms[0].id,
                "dans_address": closing.contact_mechanisms[1].id,
                "bob": bob.id,
                "ordered": ordered.id,
                "quoted": quoted.id,
                "draft": draft.id,
                "never": never.id,
                "bobs": bobs.id,
                "shipment": ordered.shipments[0].id,
                "invoice": ordered.invoices[0].id,
                "bobs_invoice": bobs.invoices[0].id,
                "draft_invoice": unsent.invoices[0].id,
                "note": note.id,
            },
        }
    )
)
