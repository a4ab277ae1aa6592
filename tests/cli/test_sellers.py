"""Commands of sellers against a real database, in this process."""

from __future__ import annotations

from .conftest import Tambah

WHY = ("--reason", "contract 88", "--json")
NUMBER = "017-444 5556"


def test_sellers_are_added_listed_given_a_pin_and_disabled(tambah: Tambah) -> None:
    assert tambah("sellers", "list").out == "There is nobody.\n"
    shop = tambah("dealers", "add", "Kedai Ali", "--kind", "shop", *WHY).document["dealer"]
    added = tambah("sellers", "add", shop, "Counter 1", NUMBER, "--language", "ms", *WHY).document
    assert (added["dealer"], added["msisdn"], len(added["pin"])) == (shop, "60174445556", 6)

    [listed] = tambah("sellers", "list", "--dealer", shop, "--json").document["items"]
    assert (listed["name"], listed["language"], listed["active"]) == ("Counter 1", "ms", True)
    assert "pin" not in listed
    again = tambah("sellers", "new-pin", NUMBER, *WHY).document
    assert again["seller"] == added["seller"]
    assert again["pin"] != added["pin"]
    assert tambah("sellers", "disable", NUMBER, *WHY).document == {
        "seller": added["seller"],
        "sessions_ended": 0,
    }
    assert tambah("sellers", "list").out == f"{shop}  60174445556  Counter 1  disabled\n"
    # The number is free again.
    assert tambah("sellers", "add", shop, "Counter 2", NUMBER, *WHY).status == 0


def test_what_is_wrong_is_refused(tambah: Tambah) -> None:
    shop = tambah("dealers", "add", "Kedai Ali", "--kind", "shop", *WHY).document["dealer"]
    add = ("sellers", "add", shop, "Counter 1")
    assert tambah(*add, NUMBER, "--json").error == "reason_missing"
    assert tambah(*add, "12", *WHY).error == "number_malformed"
    assert tambah("sellers", "add", 999_999, "Nobody", NUMBER, *WHY).error == "dealer_unknown"
    assert tambah("sellers", "add", shop, " ", NUMBER, *WHY).error == "field_malformed"
    tambah(*add, NUMBER, *WHY)
    assert tambah(*add, NUMBER, *WHY).error == "seller_number_taken"
    for deed in ("new-pin", "disable"):
        assert tambah("sellers", deed, "0199999999", *WHY).error == "seller_unknown"
