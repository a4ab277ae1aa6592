"""Findings in words, for the operator who has to look into them."""

from __future__ import annotations

from collections.abc import Callable

from tambah.domain.ledger import Account, allowance_of
from tambah.domain.money import ringgit
from tambah.domain.voucher import format_serial
from tambah.engine.verifying.verdict import Finding, FindingKind
from tambah.store.proofs.odds import Odd
from tambah.store.proofs.trail import TrailOdd


def word(odd: Odd) -> Finding:
    """Put what a query returned into words."""
    kind, subject, detail = _WORDS[odd.problem]
    return Finding(kind=kind, subject=_SUBJECTS[subject](odd), detail=detail(odd))


def word_trail(odd: TrailOdd) -> Finding:
    """Put what the audit chain gave into words."""
    detail = _TRAIL[odd.problem]
    if odd.problem in ("missing", "cut") and odd.last > odd.seq:
        detail = f"{detail}, and so are those up to {odd.last}"
    subject = f"audit:{odd.day.isoformat()}/{odd.seq}"
    return Finding(kind=FindingKind.AUDIT, subject=subject, detail=detail)


def word_account(kind: FindingKind, account: int, expected: int, found: int) -> Finding:
    """Say of an account that it does not hold what it must."""
    return Finding(
        kind=kind,
        subject=f"account:{account_name(account)}",
        detail=f"holds {_amount(found, account)}, must hold {_amount(expected, account)}",
    )


def account_name(account: int) -> str:
    """Return an account's name; a number that is no account stands for itself."""
    try:
        return Account(account).name.lower()
    except ValueError:
        return str(account)


def _amount(amount: int | None, unit: int | None) -> str:
    """Write an amount in the unit of an account, or of a kind of bucket; None for money."""
    if amount is None:
        return "nothing"
    allowance = allowance_of(unit or 0)
    return f"{amount} {allowance.name.lower()}" if allowance else f"RM{ringgit(amount)}"


def _missing(odd: Odd) -> str:
    more = odd.expected is not None and odd.expected > odd.place
    return f"missing, and so are those up to {odd.expected}" if more else "missing"


def _holder(holder_id: int | None) -> str:
    """Name who holds cards; see the table `stock_move`."""
    return {None: "nobody", 0: "the warehouse", -1: "a thief"}.get(
        holder_id, f"partner {holder_id}"
    )


def _says(text: str) -> Callable[[Odd], str]:
    return lambda _: text


def _compares(text: str) -> Callable[[Odd], str]:
    return lambda odd: text.format(
        expected=_amount(odd.expected, odd.unit),
        found=_amount(odd.found, odd.unit),
        counter=odd.expected,
        other=odd.expected,
    )


_SUBJECTS: dict[str, Callable[[Odd], str]] = {
    "transfer": lambda odd: f"transfer:{odd.owner_id}/{odd.place}",
    "bucket": lambda odd: f"bucket:{odd.owner_id}/{odd.place}",
    "topup": lambda odd: f"topup:{odd.owner_id}/{odd.place}",
    "package": lambda odd: f"package:{odd.owner_id}/{odd.place}",
    "voucher": lambda odd: f"voucher:{format_serial(odd.owner_id, odd.place)}",
    "sale": lambda odd: f"sale:{odd.owner_id}/{odd.place}",
    "stock": lambda odd: f"stock:{format_serial(odd.owner_id, odd.place)}",
    "payment": lambda odd: f"payment:{odd.owner_id}/{odd.place}",
    "line": lambda odd: f"line:{odd.owner_id}",
    "owner": lambda odd: f"owner:{odd.owner_id}",
}

_WORDS: dict[str, tuple[FindingKind, str, Callable[[Odd], str]]] = {
    "gap": (FindingKind.SEQUENCE, "transfer", _missing),
    "tail": (FindingKind.SEQUENCE, "transfer", _missing),
    "repeated": (FindingKind.SEQUENCE, "transfer", _says("its place is taken twice")),
    "beyond": (
        FindingKind.SEQUENCE,
        "transfer",
        _compares("there, but its owner's counter stands at {counter}"),
    ),
    "ownerless": (FindingKind.SEQUENCE, "owner", _says("has transfers, but does not exist")),
    "balance": (
        FindingKind.BALANCE,
        "transfer",
        _compares("says {found} after it; the one before and its amount make {expected}"),
    ),
    "booking": (
        FindingKind.BOOKING,
        "transfer",
        _says("its accounts and bucket do not go with its kind"),
    ),
    "bucket": (
        FindingKind.BUCKET,
        "bucket",
        _compares("holds {found}, its transfers make {expected}"),
    ),
    "bucketless": (
        FindingKind.BUCKET,
        "bucket",
        _compares("does not exist, its transfers make {expected}"),
    ),
    "bucket_kind": (
        FindingKind.BUCKET,
        "bucket",
        _says("is of another kind than its transfers"),
    ),
    "package_unbooked": (
        FindingKind.PACKAGE,
        "package",
        _says("nothing was paid or granted for it"),
    ),
    "package_differs": (
        FindingKind.PACKAGE,
        "package",
        _says("what was paid or granted for it is not what it says"),
    ),
    "package_refund": (
        FindingKind.PACKAGE,
        "package",
        _compares("cost {expected}, {found} of it was given back, or it is not marked so"),
    ),
    "package_unrecorded": (
        FindingKind.PACKAGE,
        "transfer",
        _says("is of a package that was never bought"),
    ),
    "overdrawn": (
        FindingKind.OVERDRAWN,
        "bucket",
        _compares("holds {found}, may not hold less than {expected}"),
    ),
    "held_otherwise": (
        FindingKind.USAGE,
        "bucket",
        _compares("says that {found} is held; sessions under way hold {expected}"),
    ),
    "usage_otherwise": (
        FindingKind.USAGE,
        "line",
        _compares("its records say it used {expected}, its transfers {found}"),
    ),
    "sale_one_sided": (
        FindingKind.SALE,
        "transfer",
        _says("no line has the other side of this float's transfer"),
    ),
    "credit_one_sided": (
        FindingKind.SALE,
        "transfer",
        _says("no float has the other side of this line's transfer"),
    ),
    "sale_unequal": (
        FindingKind.SALE,
        "transfer",
        _compares("the float's side is {expected}, the line's {found}"),
    ),
    "sale_mismatched": (
        FindingKind.SALE,
        "transfer",
        _says("the float's side and the line's do not name each other"),
    ),
    "sale_unpaid": (
        FindingKind.SALE,
        "sale",
        _compares("a dealer's sale of {expected}; its transfer moves {found}, or differs"),
    ),
    "sale_unrecorded": (
        FindingKind.SALE,
        "transfer",
        _says("pays for a card of which no sale is recorded"),
    ),
    "sale_goods": (
        FindingKind.SALE,
        "sale",
        _compares("a dealer's sale of {expected}; what it sold is worth {found}, or is not there"),
    ),
    "sale_undone": (
        FindingKind.SALE,
        "sale",
        _compares("is marked as undone; {found} came back of {expected}"),
    ),
    "undo_unrecorded": (
        FindingKind.SALE,
        "transfer",
        _says("brings the price of a card back, and no sale is marked as undone by it"),
    ),
    "card_unsold": (
        FindingKind.VOUCHER,
        "voucher",
        _says("is sold, but not active"),
    ),
    "card_sold_twice": (
        FindingKind.VOUCHER,
        "voucher",
        _says("is sold more than once"),
    ),
    "commission_differs": (
        FindingKind.COMMISSION,
        "sale",
        _compares("earned somebody {found}, its agreements make {expected}"),
    ),
    "commission_kept": (
        FindingKind.COMMISSION,
        "sale",
        _compares("what it earned comes to {found} now, must come to {expected}"),
    ),
    "commission_unpaid": (
        FindingKind.COMMISSION,
        "transfer",
        _compares("commissions of {expected} are marked as paid by it, it moves {found}"),
    ),
    "float_move_unmatched": (
        FindingKind.SALE,
        "transfer",
        _says("no other float has the other side of it"),
    ),
    "stock_differs": (
        FindingKind.STOCK,
        "stock",
        lambda odd: f"held by {_holder(odd.found)}, its moves make {_holder(odd.expected)}",
    ),
    "stock_seller": (
        FindingKind.STOCK,
        "stock",
        lambda odd: (
            f"sold out of the stock of {_holder(odd.found)}, "
            f"was held by {_holder(odd.expected)}, or the seller may not sell out of it"
        ),
    ),
    "topup_uncredited": (
        FindingKind.TOPUP,
        "topup",
        _compares("promises {expected}, no transfer credits it"),
    ),
    "credit_unrecorded": (
        FindingKind.TOPUP,
        "transfer",
        _says("credits a top-up of which there is no record"),
    ),
    "topup_differs": (
        FindingKind.TOPUP,
        "topup",
        _compares("the record ({expected}) and its transfers ({found}) differ"),
    ),
    "reversal": (
        FindingKind.REVERSAL,
        "topup",
        _compares("{found} was taken back of {expected}, at odds with its record"),
    ),
    "topup_move_unmatched": (
        FindingKind.REVERSAL,
        "transfer",
        _says("no other line has the other side of this moved top-up"),
    ),
    "topup_move_unnamed": (
        FindingKind.REVERSAL,
        "topup",
        _says("was moved between two lines whose records do not name each other"),
    ),
    "card_uncredited": (
        FindingKind.VOUCHER,
        "voucher",
        _says("is redeemed, but paid for no top-up"),
    ),
    "card_unredeemed": (
        FindingKind.VOUCHER,
        "voucher",
        _says("paid for a top-up, but is not redeemed"),
    ),
    "card_credited_twice": (
        FindingKind.VOUCHER,
        "voucher",
        _says("paid for more than one top-up"),
    ),
    "card_elsewhere": (
        FindingKind.VOUCHER,
        "voucher",
        _says("names another top-up than the one that names it"),
    ),
    "card_promise": (
        FindingKind.VOUCHER,
        "voucher",
        _compares("gave {found} where its batch promises {expected}, or otherwise differs"),
    ),
    "card_serial": (
        FindingKind.VOUCHER,
        "voucher",
        _says("its serial number leads to another card"),
    ),
    "payment_unknown": (
        FindingKind.PAYMENT,
        "payment",
        _compares("has transfers of {expected}, but does not exist"),
    ),
    "payment_received": (
        FindingKind.PAYMENT,
        "payment",
        _compares("says {found} was received, its transfers make {expected}"),
    ),
    "payment_held": (
        FindingKind.PAYMENT,
        "payment",
        _compares("says {found} is held, its transfers make {expected}"),
    ),
    "payment_refunded": (
        FindingKind.PAYMENT,
        "payment",
        _compares("says {found} was sent back, its transfers make {expected}"),
    ),
    "payment_disputed": (
        FindingKind.PAYMENT,
        "payment",
        _compares("says {found} is disputed, its transfers make {expected}"),
    ),
    "payment_refunds": (
        FindingKind.PAYMENT,
        "payment",
        _compares("says {found} was sent back, its refunds make {expected}"),
    ),
    "payment_uncredited": (
        FindingKind.PAYMENT,
        "payment",
        _says("names a top-up that does not name it"),
    ),
    "payment_unpaid": (
        FindingKind.PAYMENT,
        "payment",
        _says("a top-up names it, and it names none"),
    ),
    "dates": (FindingKind.LINE, "line", _says("its grace ends before its validity")),
    "number_lost": (
        FindingKind.NUMBER,
        "line",
        _says("a number leads to it, and there is no such line"),
    ),
    "number_elsewhere": (
        FindingKind.NUMBER,
        "line",
        _says("a number leads to it that is not its own"),
    ),
    "line_unreached": (FindingKind.NUMBER, "line", _says("no number leads to it")),
    "line_doubled": (
        FindingKind.NUMBER,
        "line",
        _compares("live, but its number is line {other}'s"),
    ),
    "closing": (
        FindingKind.CLOSING,
        "bucket",
        _compares("was closed at {expected}; the transfers up to then make {found} now"),
    ),
}

_TRAIL = {
    "missing": "missing",
    "unlinked": "does not follow the row before it",
    "altered": "is not what was written: its hash differs",
    "headless": "the day has rows, but its head is gone",
    "cut": "missing: the day's head stands after it",
    "beyond": "stands after the day's head",
    "beheaded": "the day's head has another hash",
}
