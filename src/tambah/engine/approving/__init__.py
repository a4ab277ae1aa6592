"""Four eyes: requests are filed, decided by another, and carried out once."""

from tambah.engine.approving.deeds import carry_out, carry_out_all, collect
from tambah.engine.approving.filing import agree, file, refuse, take_back
from tambah.engine.approving.means import Means
from tambah.store.approvals import Wanted

__all__ = [
    "Means",
    "Wanted",
    "agree",
    "carry_out",
    "carry_out_all",
    "collect",
    "file",
    "refuse",
    "take_back",
]
