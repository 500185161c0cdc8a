"""Tables for a spreadsheet: CSV by RFC 4180, in which no cell of others' making is a formula."""

import csv
import re
from collections.abc import Iterable, Sequence
from io import StringIO

BOM = "\ufeff"  # or Excel takes UTF-8 for the machine's own code page
# Where a cell begins that some program takes for a formula: also one that ends cells at other signs than we.
FORMULA = re.compile(r"""(^|[,;|\n])(?=[\s"']*[=+\-@\uff1d\uff0b\uff0d\uff20])""")
UNSEEN = re.compile(r"[\0-\x09\x0b-\x1f\x7f]")  # all but the end of a line


def spreadsheet(head: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Write a table. What others wrote has to be `harmless` already: a negative amount of ours may stay one."""
    out = StringIO(newline="")
    writer = csv.writer(out)  # its usual dialect is the RFC's
    writer.writerow(head)
    writer.writerows(rows)
    return (BOM + out.getvalue()).encode()


def harmless(text: str) -> str:
    """Keep a text from being taken for a formula, however a program divides the line."""
    return FORMULA.sub(r"\1'", UNSEEN.sub(" ", text))
