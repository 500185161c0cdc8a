"""What customers see is published whole, and drafted before."""

from gateway.publishing import Published, Whats
from gateway.records.status_tables import VisibilityDraft, VisibilityVersion
from gateway.seeing.differences import told
from gateway.segments import EVERYTHING_TO_ALL, Policy, read_policy, stored_policy

POLICIES: Published[Policy] = Published(
    name="visibility",
    whats=Whats(
        drafted="visibility.drafted",
        discarded="visibility.discarded",
        rehearsed="visibility.rehearsed",
        previewed="visibility.previewed",
        published="visibility.published",
    ),
    versions=VisibilityVersion,
    drafts=VisibilityDraft,
    none_yet=EVERYTHING_TO_ALL,
    read=read_policy,
    stored=stored_policy,
    told=told,
)
