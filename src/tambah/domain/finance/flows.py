"""What moved between accounts in a period, added up for a question."""

from collections.abc import Iterable

from tambah.domain.finance.statement import Movement
from tambah.domain.ledger import Account, TransferKind


class Flows:
    """Movements added up by booking."""

    def __init__(self, movements: Iterable[Movement]) -> None:
        self._sums: dict[tuple[TransferKind, Account, Account], int] = {}
        for one in movements:
            place = (one.kind, one.debit, one.credit)
            self._sums[place] = self._sums.get(place, 0) + one.amount_micros

    def between(
        self,
        kinds: Iterable[TransferKind],
        debits: Iterable[Account] | None,
        credits: Iterable[Account] | None,
    ) -> int:
        """Return what moved with any of these kinds from any of these accounts to any of those.

        Micro-ringgit; None stands for every account.
        """
        wanted, from_any, to_any = set(kinds), set(debits or Account), set(credits or Account)
        return sum(
            micros
            for (kind, debit, credit), micros in self._sums.items()
            if kind in wanted and debit in from_any and credit in to_any
        )

    def net_of(self, account: Account) -> int:
        """Return by how much an account's balance grew."""
        came = self.between(TransferKind, None, [account])
        return came - self.between(TransferKind, [account], None)
