"""The books: rows are added, nothing else."""

from operator import attrgetter

new_transfer = attrgetter(
    "owner_id",
    "seq",
    "at",
    "kind",
    "debit",
    "credit",
    "amount_micros",
    "bucket_id",
    "balance_micros",
    "topup_no",
    "reference",
    "peer_owner_id",
    "peer_seq",
    "mends_topup_no",
    "request",
    "payment_no",
)
"""A transfer as a row (`batch_rows`)."""
