"""The process that sets a statement: what to say comes in as JSON, a PDF goes out.

The words are data for the sheet's own program, which shows them letter by letter: none of them is ever read as markup.
"""

import resource
import sys
from pathlib import Path

import typst

SHEET = Path(__file__).with_name("statement.typ")
PROCESSOR = 30  # seconds of it, should nobody be left to end us
MEMORY = 2 * 1024**3  # bytes of addresses


def main() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR, PROCESSOR))
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    data = sys.stdin.buffer.read().decode()
    pdf = typst.compile(SHEET.read_bytes(), format="pdf", sys_inputs={"data": data})
    sys.stdout.buffer.write(pdf)


if __name__ == "__main__":
    main()
