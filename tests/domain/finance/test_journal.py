"""The journal for an accounting system: codes, and lines that balance."""

from __future__ import annotations

from datetime import date

import pytest

from tambah.domain.finance.journal import (
    CODES,
    HEADER,
    TRANSFER_HEADER,
    journal_line,
    with_own_codes,
)
from tambah.domain.ledger import Account, TransferKind, allowance_of

from .sums import movement

DAY = date(2026, 9, 1)


def test_every_account_of_money_has_a_code_of_its_own() -> None:
    assert set(CODES) == {one for one in Account if allowance_of(one) is None}
    assert len(set(CODES.values())) == len(CODES)


def test_a_line_names_both_accounts_and_one_amount() -> None:
    sale = movement(DAY, TransferKind.CARD_SALE, Account.FLOAT, Account.CARDS_SOLD, 10.5)

    line = journal_line(sale, with_own_codes({"float": " 300-FL "}))

    assert line == (
        "2026-09-01",
        "card_sale",
        "300-FL",
        "float",
        "2100",
        "cards_sold",
        "10.50",
        "1",
    )
    assert (len(line), len(TRANSFER_HEADER)) == (len(HEADER), 10)


def test_allowances_are_no_money() -> None:
    gift = movement(DAY, TransferKind.GRANT, Account.BYTES_GIVEN, Account.LINE_BYTES, 1)

    assert journal_line(gift, CODES) is None


@pytest.mark.parametrize("own", [{"cash": "1"}, {"line_bytes": "1"}, {"float": " "}])
def test_codes_of_no_account_are_refused(own: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(own))):
        with_own_codes(own)
