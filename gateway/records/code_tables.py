"""The rows of sign-ins by e-mail code: each was asked for in one browser, for one address, and lives for minutes."""

from datetime import datetime

from sqlalchemy import Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from gateway.records.base import Base


class SignInCode(Base):
    """Somebody wants to sign in by mail. The code is made when the mail goes out, and is nowhere but in the mail."""

    __tablename__ = "sign_in_codes"
    __table_args__ = (
        Index("ix_sign_in_codes_browser", "browser"),
        Index("ix_sign_in_codes_link", "link", unique=True),
        Index("ix_sign_in_codes_due_at", "due_at"),
        Index("ix_sign_in_codes_until", "until"),
        Index("ix_sign_in_codes_address", "address"),
    )

    id: Mapped[str] = mapped_column(String(26), primary_key=True)
    browser: Mapped[bytes] = mapped_column(LargeBinary(32))  # SHA-256 of the cookie of whoever asked
    kind: Mapped[str] = mapped_column(String(10))  # "member" or "staff"
    address: Mapped[str]  # with A to Z small
    return_to: Mapped[str] = mapped_column(Text)
    device: Mapped[str | None] = mapped_column(String(60))  # in English words of ours
    language: Mapped[str | None] = mapped_column(String(20))  # of the browser that asked
    made_at: Mapped[datetime]
    until: Mapped[datetime]
    code: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # HMAC-SHA-256, with the id
    link: Mapped[bytes | None] = mapped_column(LargeBinary(32))  # SHA-256
    guesses: Mapped[int]  # codes that were typed
    ended_at: Mapped[datetime | None]  # it was used, or another one has taken its place
    state: Mapped[str] = mapped_column(String(12))  # of the mail, see `gateway.sign_in_codes.rows`
    due_at: Mapped[datetime | None]  # when to see to the mail, or to try it again; None: not any more
    turn: Mapped[int]  # grows with every try, so that one that comes back too late changes nothing
    tries: Mapped[int]
    handed_at: Mapped[datetime | None]  # when the mail began to go out
