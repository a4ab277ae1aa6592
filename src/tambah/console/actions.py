"""What was done by hand, in the reader's words: the audit trail has the program's."""

from __future__ import annotations

import re

from tambah.i18n import Texts

ACTIONS = frozenset(
    {
        "accept_invitation",
        "activate_line",
        "activate_vouchers",
        "add_dealer",
        "add_key",
        "add_partner",
        "add_passkey",
        "adjust_credit",
        "agree_tariff",
        "allow_reactivation",
        "answer_ticket",
        "approve",
        "ask_approval",
        "assign_ticket",
        "ask_provider",
        "bank_ignore",
        "bank_match",
        "bar_line",
        "begin_batch",
        "bind_identity",
        "buy_package",
        "carry_out",
        "change_authenticator",
        "change_roles",
        "check_identity",
        "check_ticket_card",
        "close_batch",
        "close_ticket",
        "decline",
        "disable_staff",
        "erase_person",
        "erase_ticket",
        "export_audit_head",
        "export_batch",
        "export_list",
        "failed_request",
        "find_by_code",
        "finish_batch",
        "found_stock",
        "fund_from_bank",
        "fund_partner",
        "generate_vouchers",
        "import_dealers",
        "import_lines",
        "import_points",
        "import_sims",
        "import_usage",
        "invite_staff",
        "invite_staff_again",
        "load_tariff",
        "lock_batch",
        "lock_staff",
        "lock_vouchers",
        "move_float",
        "note_ticket",
        "pay_commission",
        "payment_news",
        "publish_answer",
        "publish_article",
        "end_promotion",
        "make_promotion",
        "move_top_up",
        "recount_stock",
        "redeem_ticket_card",
        "refund_package",
        "refund_payment",
        "refuse_passkey",
        "release_batch",
        "remove_authenticator",
        "remove_passkey",
        "replace_sim",
        "report_installed",
        "rerun_event",
        "resume_partner",
        "retire_sim",
        "retry_message",
        "return_stock",
        "reverse_top_up",
        "revoke_key",
        "see_ticket_photo",
        "sell_package",
        "set_agreement",
        "set_own_bar",
        "set_renewal",
        "ship_stock",
        "show_esim_code",
        "sign_in",
        "sign_out",
        "sign_out_everywhere",
        "stolen_stock",
        "suspend_partner",
        "unbind_identity",
        "void_batch",
        "void_vouchers",
        "withdraw",
        "withdraw_answer",
        "write_point",
        "withdraw_article",
        "withdraw_package",
    }
)
"""Every action that has a name for people: a text `console.action.<word>`."""

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


def names_of(word: str) -> tuple[str, ...]:
    """Return how the audit trail may write an action of ACTIONS: in words, or in humps."""
    return word, "".join(part.capitalize() for part in word.split("_"))


def name_action(texts: Texts, action: str) -> str:
    """Return what somebody did, in words; the program's own name where there are none yet."""
    word = _HUMP.sub("_", action).lower()
    return texts.get(f"console.action.{word}") if word in ACTIONS else action
