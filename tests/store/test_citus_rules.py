"""The schema may move to Citus one day: its rules hold from the first migration on."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tambah.store
from tambah.store.database import Database

DISTRIBUTED_BY = {
    "number": "msisdn",
    "line": "line_id",
    "person": "line_id",
    "person_fact": "digest",
    "bucket": "owner_id",
    "transfer": "owner_id",
    "topup": "line_id",
    "result_page": "token",
    "request": "owner_id",
    "outbox": "line_id",
    "voucher": "digest",
    "voucher_serial": "batch_id",
    "voucher_print": "batch_id",
    "voucher_sheets": "batch_id",
    "voucher_replacement": "batch_id",
    "partner": "partner_id",
    "dealer_sale": "partner_id",
    "commission": "partner_id",
    "stock_move": "batch_id",
    "stock_holding": "batch_id",
    "payment": "line_id",
    "refund": "line_id",
    "payment_ref": "ref",
    "payment_event": "event_id",
    "bank_entry": "fingerprint",
    "owner_closing": "owner_id",
    "bucket_closing": "owner_id",
    "sign_in": "line_id",
    "reservation": "line_id",
    "usage_record": "line_id",
    "sign_in_code": "line_id",
    "session": "line_id",
    "point": "point_id",
    "sim": "iccid",
    "sim_imsi": "imsi",
    "ticket": "reference",
    "ticket_assignment": "reference",
    "ticket_note": "reference",
    "ticket_photo": "reference",
    "topup_gift": "line_id",
    "subscription": "line_id",
    "sms_ref": "ref",
    "greeting": "line_id",
    "conversation": "session",
    "inbound_sms": "digest",
}
REFERENCE = {
    "voucher_batch",
    "dealer",
    "dealer_agreement",
    "api_key",
    "closing",
    "account_closing",
    "bank_file",
    "article",
    "article_text",
    "help_answer",
    "book_close",
    "book_close_line",
    "tariff_sheet",
    "tariff_rate",
}
LOCAL = {
    "package_version",
    "promotion",
    "sandbox_sms",
    "sandbox_payment",
    "sandbox_refund",
    "attempt",
    "look_up",
    "audit",
    "audit_head",
    "staff",
    "staff_identity",
    "staff_invitation",
    "staff_passkey",
    "staff_recovery",
    "staff_session",
    "staff_spent",
    "seller",
    "seller_session",
    "approval",
    "stamp",
    "alembic_version",
}

SOURCES = sorted(Path(tambah.store.__file__).parent.rglob("*.py"))
STATEMENT = re.compile(r'"""\s*((?:SELECT|INSERT|UPDATE|DELETE|WITH|MERGE)\b.*?)"""', re.DOTALL)


async def test_every_table_says_how_it_is_distributed(database: Database) -> None:
    rows = await database.fetch(
        """
        SELECT relname FROM pg_class
         WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
           AND NOT relispartition
        """
    )

    tables = {row[0] for row in rows}
    assert tables == set(DISTRIBUTED_BY) | REFERENCE | LOCAL


async def test_unique_indexes_hold_the_distribution_column(database: Database) -> None:
    rows = await database.fetch(
        """
        SELECT indrelid::regclass::text, indexrelid::regclass::text,
               array(SELECT attname::text FROM pg_attribute
                      WHERE attrelid = indrelid AND attnum = ANY(indkey))
          FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
         WHERE relnamespace = 'public'::regnamespace AND indisunique AND NOT relispartition
        """
    )

    wrong = [
        (index, columns)
        for table, index, columns in rows
        if table in DISTRIBUTED_BY and DISTRIBUTED_BY[table] not in columns
    ]
    assert wrong == []


async def test_there_are_no_triggers_foreign_keys_or_volatile_defaults(database: Database) -> None:
    found = await database.fetch(
        """
        SELECT 'trigger', tgname::text FROM pg_trigger WHERE NOT tgisinternal
        UNION ALL
        SELECT 'foreign key', conname::text FROM pg_constraint WHERE contype = 'f'
        UNION ALL
        SELECT 'default', adrelid::regclass::text FROM pg_attrdef
          JOIN pg_class ON pg_class.oid = adrelid
         WHERE relnamespace = 'public'::regnamespace
           AND pg_get_expr(adbin, adrelid) !~ '^([0-9]+|''[^'']*''::text)$'
        """
    )

    assert [tuple(row) for row in found] == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_statements_keep_to_what_citus_accepts(path: Path) -> None:
    for statement in STATEMENT.findall(path.read_text(encoding="utf-8")):
        assert not re.search(r"\bMERGE\b", statement)
        if statement.startswith("UPDATE"):
            volatile = r"clock_timestamp|gen_random_uuid|uuidv7|random\(|nextval"
            assert not re.search(volatile, statement)
