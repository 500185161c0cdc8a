"""What goes wrong is told in plain sentences on standard error, never as a traceback."""

from traceback import walk_tb
from typing import IO, Any

import click

from cache.embedded import EmbeddedError
from connectors.registry import RegistryError
from gateway.asked import AskedError
from gateway.audit import AuditError
from gateway.conflicts import ConflictError
from gateway.dictionary.file import StatusesFileError
from gateway.keyring import KeyringError
from gateway.leakcheck import LeakCheckError
from gateway.links import LinkError
from gateway.outbox.stuck import StuckError
from gateway.records.database import DatabaseDown
from gateway.records.migrate import MigrationError
from gateway.seeing.file import VisibilityFileError
from gateway.serve import ServeError
from gateway.settings import SettingsError
from gateway.sources.changes import SourcesChangedError
from gateway.sources.desired import SourcesFileError
from gateway.topics.changes import TopicsChangedError
from gateway.topics.file import TopicsFileError
from gateway.vault import VaultError

FAILED = 1  # exit code; wrong input has 2, as click has it

# Errors whose text says what to do: what somebody wrote, and what did not work out.
MISTAKES = (
    AskedError,
    SettingsError,
    KeyringError,
    SourcesFileError,
    StatusesFileError,
    VisibilityFileError,
    TopicsFileError,
    LinkError,
    ConflictError,
    StuckError,
)
MISFORTUNES = (
    AuditError,
    VaultError,
    SourcesChangedError,
    TopicsChangedError,
    DatabaseDown,
    MigrationError,
    EmbeddedError,
    RegistryError,
    ServeError,
    LeakCheckError,
)


class Failure(click.ClickException):
    """The end of a command: a plain sentence, and an exit code for scripts."""

    exit_code = FAILED

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"hallway: {self.message}", file=file, err=True)


class WrongInput(Failure):
    """The end of a command that cannot be meant so."""

    exit_code = 2


class PlainGroup(click.Group):
    """The commands, and what is said when one of them fails."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except MISTAKES as error:
            raise WrongInput(str(error)) from None
        except MISFORTUNES as error:
            raise Failure(str(error)) from None
        except (click.exceptions.Exit, click.ClickException, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  # the last resort
            raise Failure(f"Hallway itself failed, at {_place(error)}: {_first_line(error)}") from None


def _place(error: Exception) -> str:
    frame, line = list(walk_tb(error.__traceback__))[-1]
    return f"{frame.f_globals.get('__name__', '?')}:{line}"


def _first_line(error: Exception) -> str:
    """Databases quote rows on the other lines."""
    return f"{type(error).__name__}: {error}".partition("\n")[0]
