"""The PostgreSQL that comes with Tambah: started, found, mended and stopped here.

It serves the demo, the tests and a single machine. A server of the operator's own, named by
`TAMBAH_DATABASE_URL`, never passes through this package.
"""

from tambah.store.embedded.binaries import bin_dir
from tambah.store.embedded.places import default_data_dir
from tambah.store.embedded.refused import EmbeddedFailed, EmbeddedRefused
from tambah.store.embedded.server import EmbeddedServer

__all__ = ["EmbeddedFailed", "EmbeddedRefused", "EmbeddedServer", "bin_dir", "default_data_dir"]
