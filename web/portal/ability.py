"""What a visitor can have done in which source, as who they are there."""

from collections.abc import Mapping

from msgspec import Struct

from connectors.actions import ActionName, always
from connectors.records import Record
from gateway.access import LinkRef, Scope
from gateway.offices import Office
from gateway.outbox.desk import persons_in


class Ability(Struct, frozen=True, kw_only=True):
    """`only_looks`: it is one of staff, who sees what the member could do and does nothing."""

    scope: Scope | None
    offices: Mapping[str, Office]
    email: str | None
    only_looks: bool

    def can(self, action: ActionName, link: LinkRef, record: Record | None = None) -> bool:
        """Whether it can be done, `record`: with this one of the customer's."""
        return not self.only_looks and self.could(action, link, record)

    def could(self, action: ActionName, link: LinkRef, record: Record | None = None) -> bool:
        """Do as `can`, but say of an onlooker what the member could."""
        office = self.offices.get(link.source)
        if office is None or self.scope is None or link not in self.scope.links:
            return False
        found = office.connector.actions.get(action)
        if found is None or not found.takes(link.customer, persons_in(self.scope, link.source)):
            return False
        if office.opened is None:  # what can always be done waits until the source is well again
            return record is None and found.set_up is always
        return found.set_up(office.opened.config) and (record is None or found.suits(office.opened.config, record))

    def never(self, action: ActionName, link: LinkRef, record: Record) -> bool:
        """Whether the source does such things, and can't with this record. Of one that is broken nobody knows."""
        office = self.offices.get(link.source)
        is_known = office is not None and office.opened is not None
        return is_known and self.could(action, link) and not self.could(action, link, record)

    def takes_files(self, action: ActionName, link: LinkRef) -> bool:
        """Whether files go along with it there."""
        office = self.offices.get(link.source)
        found = office.connector.actions.get(action) if office else None
        return found is not None and found.takes_files

    def desks(self) -> tuple[LinkRef, ...]:
        """Give the customers as whom a new request could be sent: first where it is shown again, and whom it names."""
        links = self.scope.links if self.scope else ()
        return tuple(sorted((link for link in links if self.could("new_ticket", link)), key=self._distance))

    def _distance(self, link: LinkRef) -> tuple[bool, bool, bool]:
        persons = persons_in(self.scope, link.source) if self.scope else ()
        is_shown = "tickets" in self.offices[link.source].connector.reads
        return not is_shown, link.customer not in persons, link.customer != self.email
