"""What of a knowledge base may be read by every customer: that alone, and only where an admin has said so."""

import asyncio

from msgspec.structs import replace

from connectors.testing.bench import Bench
from connectors.testing.recordings import Recording


class Publishing(Bench):
    """Articles, of connectors that have some."""

    def test_gives_no_articles_unless_the_settings_say_so(self) -> None:
        """What is public over there is not public here by itself. Nothing is asked, either."""
        for name, recording in self._of_articles().items():
            assert recording.settings, f"{name}: record articles with the settings that ask for them"
            plain = replace(recording, settings={})
            far_end = self.far_end(plain, strict=False)
            assert asyncio.run(self.play(name, plain, far_end)).articles == ()
            assert far_end.asked == []

    def test_has_an_article_to_hide(self) -> None:
        """Without a draft or an internal one among the answers, that none comes out would prove nothing."""
        canary = self.fixtures.setup.canary.encode()
        told = [each.response.content for one in self._of_articles().values() for each in one.exchanges]
        assert self.connector.articles is None or any(canary in answer for answer in told)

    def test_gives_an_article_to_read(self) -> None:
        assert self.connector.articles is None or any(each.expect.articles for each in self._of_articles().values())

    def _of_articles(self) -> dict[str, Recording]:
        return self.fixtures.of("articles")
