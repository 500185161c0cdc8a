"""How matters of staff's are told: what is wrong, what customers feel of it, and the one step that helps."""

from msgspec import Struct

from auth.principals import Role, StaffPrincipal
from connectors.records import Kind
from gateway.matters import Matter, What
from web.words import count

SOURCES, REQUESTS, DELIVERIES = "/staff/sources", "/staff/requests", "/staff/deliveries"
KIND_NAMES: dict[Kind, str] = {"orders": "orders", "invoices": "invoices", "tickets": "requests"}
ONE = f"{SOURCES}/{{name}}"


class Words(Struct, frozen=True, kw_only=True):
    """How a matter is told, and its next step: a page for those of the `least` role.

    In `href`, {name} stands for the source; in `title`, {source}, {kinds}, {messages}, {logins}, {things}, {statuses},
    {webhooks}, {mails}, {people} and {documents} for what it is about. `says` tells what the system itself
    says of it.
    """

    chip: str
    title: str
    text: str
    href: str | None = None
    step: str = ""
    least: Role = "read-only"
    says: str = "It says: {detail}"


WORDS: dict[What, Words] = {
    "tampered": Words(
        chip="Tampered with",
        title="The audit trail was changed without Hallway",
        text="Somebody was at the database itself. Compare it with a backup before anything else.",
        href="/staff/audit",
        step="See up to where it holds",
        least="admin",
        says="The check found: {detail}",
    ),
    "broken": Words(
        chip="Switched off",
        title="The settings of {source} can’t be used",
        text="Customers see what we knew before, and nothing new.",
        href=f"{ONE}/settings",
        step="Correct the settings",
        least="owner",
    ),
    "access": Words(
        chip="Key refused",
        title="{source} does not accept our key any more",
        text="It was changed, has expired, or was taken back. Customers see what we knew before, with its age.",
        href=f"{ONE}/settings",
        step="Enter a new key",
        least="owner",
    ),
    "consent": Words(
        chip="No consent",
        title="{source} lets us in no more",
        text="The consent that somebody gave there counts no more. Customers see what we knew before, with its age.",
        href=f"{ONE}/settings/consent",
        step="Agree again",
        least="owner",
    ),
    "not_allowed": Words(
        chip="Not allowed",
        title="{source} does not let us read {kinds}",
        text="Our key is good, and lacks a right over there. Customers see what we knew of these before, with its age.",
        href=ONE,
        step="See which right is missing",
    ),
    "drift": Words(
        chip="Not understood",
        title="{source} answers in a way that we can’t read",
        text="Its software may have changed. Customers see what we knew of its {kinds} before, with its age.",
        href=f"{ONE}#errors",
        step="See what it said",
    ),
    "failing": Words(
        chip="Not reachable",
        title="{source} does not tell us what has changed",
        text="Customers see what we knew before, with its age.",
        href=f"{ONE}#errors",
        step="See the errors",
    ),
    "paused": Words(
        chip="Paused",
        title="{source} is paused",
        text="Customers see what we knew before, and read that it is not updated. What they send waits.",
        href=ONE,
        step="Look, and resume it",
    ),
    "ending": Words(
        chip="Ends soon",
        title="{source} will stop telling us of changes",
        text="Its registration of our address ends. Pages then follow more slowly, within what was promised.",
        href=f"{ONE}#webhooks",
        step="Register again",
        least="owner",
    ),
    "moved": Words(
        chip="Old address",
        title="{source} sends its webhooks to an address that we had before",
        text="Pages follow more slowly, within what was promised.",
        href=f"{ONE}#webhooks",
        step="Register again",
        least="owner",
        says="It sends to {detail}",
    ),
    "silent": Words(
        chip="Silent",
        title="{source} has sent no webhook for a week",
        text="Nothing may have changed there. Or somebody switched them off: pages then follow more slowly.",
        href=f"{ONE}#webhooks",
        step="Look at its webhooks",
    ),
    "unmapped": Words(
        chip="No words yet",
        title="{statuses} of {source} without words",
        text="Customers see such a record with words that are true of every one.",
        href="/staff/statuses?source={name}",
        step="Give them words",
        says="{detail}",
    ),
    "unknown": Words(
        chip="Can’t tell if sent",
        title="{messages} may or may not have reached {source}",
        text="The line broke before the answer came. Nothing is sent twice by itself: look, and decide.",
        href=REQUESTS,
        step="Look and decide",
        least="support",
    ),
    "not_sent": Words(
        chip="Not sent",
        title="{messages} could not be passed on to {source}",
        text="The customer knows that we have it, and waits.",
        href=REQUESTS,
        step="Look and decide",
        least="support",
    ),
    "questions": Words(
        chip="Who is this?",
        title="{logins} for a decision",
        text="Nobody could be sure which customer they are. They see nothing until someone decides.",
        href="/staff/customers/queue",
        step="Decide",
        least="support",
    ),
    "conflicts": Words(
        chip="Differs",
        title="Two sources disagree about {things}",
        text="Customers see both, each with where it is from.",
        href="/staff/customers/differences",
        step="See what each says",
        least="support",
    ),
    "late": Words(
        chip="Late",
        title="{source} is slow",
        text="What we know of it is older than promised.",
        href=ONE,
        step="See how it is doing",
    ),
    "given_up": Words(
        chip="Given up",
        title="{webhooks} from {source} could not be followed",
        text="The system did not answer. Pages follow as their promises say; a replay makes them follow at once.",
        href=f"{DELIVERIES}?status=dead&source={{name}}",
        step="Look and replay",
        least="support",
    ),
    "mails": Words(
        chip="Not sent",
        title="{mails} did not go out, or may not have",
        text="Whoever waits for them has not been told. Nothing is sent twice by itself: look, and decide.",
        href=f"{DELIVERIES}/mails",
        step="Look and decide",
        least="support",
    ),
    "invitations": Words(
        chip="Not reached",
        title="{people} did not get the mail that invites them",
        text="Their address may be wrong, or nobody can tell whether it arrived. They can’t come before they know.",
        href="/staff/customers/adoption?only=refused",
        step="See who",
        least="support",
    ),
    "documents": Words(
        chip="Came",
        title="{documents} for a decision",
        text="Customers sent what you asked them for, and wait to hear whether it will do.",
        href="/staff/documents?status=received",
        step="Look and decide",
        least="support",
    ),
    "refused": Words(
        chip="Refused",
        title="{webhooks} from {source} could not be believed since yesterday",
        text="An old secret, a clock that is wrong, or somebody else who tries. Nothing that is shown changes by them.",
        href=f"{DELIVERIES}/refused?source={{name}}",
        step="See why",
        least="support",
        says="",
    ),
}


class Card(Struct, frozen=True):
    """A matter as it is shown. `detail` is what a system says of it."""

    words: Words
    title: str
    text: str
    tone: str
    matter: Matter
    href: str | None

    @property
    def detail(self) -> str:
        return self.words.says.format(detail=self.matter.detail) if self.matter.detail else ""


def card_of(matter: Matter, who: StaffPrincipal) -> Card:
    """Tell a matter to somebody whose role may do something about it, or not."""
    words, many = WORDS[matter.what], matter.many
    said = {
        "source": matter.title,
        "kinds": " and ".join(KIND_NAMES[kind] for kind in matter.kinds) or "records",
        "messages": count(many, "message", "messages"),
        "logins": count(many, "login waits", "logins wait"),
        "things": count(many, "thing", "things"),
        "statuses": count(many, "status", "statuses"),
        "webhooks": count(many, "webhook", "webhooks"),
        "mails": count(many, "mail", "mails"),
        "people": count(many, "person", "people"),
        "documents": count(many, "document waits", "documents wait"),
    }
    href = words.href.format(name=matter.source) if words.href and who.reaches(words.least) else None
    tone = "bad" if matter.is_felt else "warn"
    return Card(words, words.title.format(**said), words.text.format(**said), tone, matter, href)
