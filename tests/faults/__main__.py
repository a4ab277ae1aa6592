"""`COUNT=100 python -m tests.faults`: kill things COUNT times; exit 1 when money moved wrongly.

SEED repeats the kills of an earlier run.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import sys

from .campaign import run, table


def main() -> int:
    """Run one campaign; return the exit status."""
    count = int(os.environ.get("COUNT", "100"))
    seed = int(os.environ.get("SEED") or secrets.randbelow(1_000_000))
    print(f"seed {seed}: COUNT={count} SEED={seed} make faults", flush=True)
    result = asyncio.run(run(count, seed, lambda text: print(text, flush=True)))
    print(table(result))
    print(f"took {result.seconds:.0f} s")
    return 0 if result.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
