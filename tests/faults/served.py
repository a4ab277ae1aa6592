"""`python -m tests.faults.served`: a demo in a process of its own, to be killed."""

from __future__ import annotations

import uvloop

from tambah import app
from tambah.config import read_settings
from tambah.jobs.demo import write_demo_file


def main() -> None:
    """Serve a demo until told to stop, as `tambah demo` does."""
    settings = read_settings()
    base = app.find_base(settings)

    async def serve() -> None:
        async with app.open_house(base, demo=True) as house:
            bound = app.listen(settings, demo=True)
            write_demo_file(base.data_dir, app.url_of(bound))
            await app.serve(app.build_asgi(house.site), bound)

    try:
        uvloop.run(serve())
    finally:
        base.close()


if __name__ == "__main__":
    main()
