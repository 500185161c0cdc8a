"""What customers read of topics."""

from collections.abc import Iterator

from gateway.topics.fields import Choice
from gateway.topics.topic import Topic


def texts_of(topic: Topic) -> Iterator[str]:
    """Give each text, none of them empty. The subject is none: it goes to the helpdesk as it is."""
    yield topic.label
    if topic.help:
        yield topic.help
    for field in topic.fields:
        yield field.label
        if field.help:
            yield field.help
        if isinstance(field, Choice):
            yield from field.choices
