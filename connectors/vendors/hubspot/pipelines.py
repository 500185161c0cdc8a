"""What a stage means. An account renames its stages as it likes, and their ids stay: so the id alone says nothing."""

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct

from connectors.vendors.hubspot.api import HubSpot, get

Stages = Mapping[tuple[str, str], "Stage"]  # by the ids of pipeline and stage

WON, OFFERED = "closedwon", "contractsent"


class Stage(Struct, rename="camel"):
    id: str
    label: str
    metadata: dict[str, object] = {}
    display_order: int = 0

    @property
    def is_closed(self) -> bool:
        return self.metadata.get("isClosed") == "true"

    @property
    def is_won(self) -> bool:
        """Whatever its name: HubSpot counts deals as won by these two, and a customer has ordered."""
        return self.is_closed and self.metadata.get("probability") in ("1", "1.0")

    @property
    def takes_tickets(self) -> bool:
        return self.metadata.get("ticketState") == "OPEN"

    @property
    def is_offer(self) -> bool:
        """The one that HubSpot made, as long as it is still called and used so."""
        return self.id == OFFERED and self.label.casefold() == "contract sent" and not self.is_closed


class Pipeline(Struct):
    id: str
    stages: list[Stage]


class Pipelines(Struct):
    results: list[Pipeline]


async def stages(office: HubSpot, object_type: Literal["deals", "orders", "tickets"]) -> Stages:
    answer = await get(office, Pipelines, f"/crm/v3/pipelines/{object_type}")
    return {(pipeline.id, stage.id): stage for pipeline in answer.results for stage in pipeline.stages}
