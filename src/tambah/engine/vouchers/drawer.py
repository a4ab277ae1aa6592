"""The process that lays out one PDF: what it takes of memory, codes among it, ends with it.

Standard input is what `drawing.draw` orders, standard output the PDF; status 1 when it failed.
"""

import json
import resource
import sys

from tambah.engine.vouchers.drawing import draw_here


def main() -> None:
    """Lay out what standard input orders."""
    # A process that crashes writes its memory to the disk, unless told not to.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    sys.stdout.buffer.write(draw_here(json.load(sys.stdin)))


if __name__ == "__main__":
    main()
