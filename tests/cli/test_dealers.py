"""Commands of dealers and of the cards they hold, against a real database, in this process."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyrage

from .conftest import Tambah

WHY = ("--reason", "Contract 7", "--json")
TOMORROW = (datetime.now(UTC) + timedelta(days=2)).date().isoformat()


def test_a_tree_is_planted_funded_and_shown(tambah: Tambah) -> None:
    unexplained = tambah("dealers", "add", "North", "--kind", "distributor", "--json")
    assert unexplained.error == "reason_missing"
    root = tambah("dealers", "add", "North", "--kind", "distributor", "--rate", "6", *WHY)
    north = root.document["dealer"]
    assert root.document == {
        "dealer": north,
        "name": "North",
        "kind": "distributor",
        "parent": None,
    }
    shop_of = ("--kind", "shop", "--parent", north)
    greedy = tambah("dealers", "add", "Kedai Ali", *shop_of, "--rate", "6.5", *WHY)
    assert (greedy.status, greedy.error) == (1, "commission_out_of_tree")
    shop = tambah("dealers", "add", "Kedai Ali", *shop_of, "--rate", "3.25%", *WHY).document[
        "dealer"
    ]
    till = tambah(
        "dealers",
        "add",
        "Till 1",
        "--kind",
        "terminal",
        "--parent",
        shop,
        "--draws-on-parent",
        *WHY,
    ).document["dealer"]

    tambah("partners", "fund", north, "100.00", "--reference", "bank 1", *WHY)
    moved = tambah("dealers", "move-float", north, shop, "40.00", "--reference", "m1", *WHY)
    assert moved.document == {"dealer": north, "to": shop, "amount": "40.00", "float": "60.00"}
    again = tambah("dealers", "move-float", north, shop, "40.00", "--reference", "m1", *WHY)
    assert again.document == moved.document

    assert tambah("partners", "suspend", shop, *WHY).document == {
        "partner": shop,
        "suspended": True,
    }
    stopped = tambah("dealers", "move-float", north, shop, "1.00", "--reference", "m2", *WHY)
    assert stopped.error == "partner_suspended"
    assert tambah("partners", "resume", shop, *WHY).document["suspended"] is False
    assert tambah("partners", "resume", 12345, *WHY).error == "partner_unknown"

    low = tambah("dealers", "agreement", north, "3", *WHY)
    assert low.error == "commission_out_of_tree"
    agreed = tambah("dealers", "agreement", shop, "4", "--most-day", "500.00", *WHY).document
    assert (agreed["rate"], agreed["paid_as"], agreed["most_day"]) == ("4.00", "margin", "500.00")

    shown = tambah("dealers", "show", shop, "--json").document
    assert (shown["float"], shown["payer_id"], shown["children"]) == ("40.00", shop, [till])
    assert [one["rate"] for one in shown["agreements"]] == ["4.00", "3.25"]
    tree = tambah("dealers", "tree").out.splitlines()
    assert [line.strip().split(" (")[0] for line in tree] == [
        f"{north} North",
        f"{shop} Kedai Ali",
        f"{till} Till 1",
    ]
    assert f"draws on {shop}" in tree[2]
    assert tambah("dealers", "show", 999, "--json").error == "dealer_unknown"
    assert tambah("dealers", "sales", north, "--under").out == "Nothing was sold.\n"
    paid = tambah("dealers", "pay-commission", "--until", TOMORROW, *WHY).document
    assert paid == {"until": TOMORROW, "paid": []}
    assert tambah("verify", "--json").document["clean"] is True


def test_cards_are_shipped_returned_and_stolen(tambah: Tambah) -> None:
    shop = tambah("dealers", "add", "Kedai Ali", "--kind", "shop", *WHY).document["dealer"]
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    made = tambah("vouchers", "generate", "10.00", 20, "--recipient", recipient, *WHY)
    assert made.status == 0, made.err

    shipped = tambah("stock", "ship", "0001-00000001..10", shop, "--document", "DO 7", *WHY)
    assert shipped.document["cards"] == 10
    foreign = tambah("stock", "return", "0001-00000008..12", shop, *WHY)
    assert foreign.error == "stock_not_held"
    tambah("stock", "return", "0001-00000009..10", shop, *WHY)
    stolen = tambah("stock", "stolen", "0001-00000001..4", shop, *WHY).document
    assert (stolen["cards"], stolen["locked"]) == (4, 4)
    tambah("stock", "found", "0001-00000004", *WHY)
    tambah("stock", "recount", "0001-00000011", "0", shop, *WHY)

    shown = tambah("stock", "show", "--batch", "1", "--json").document
    held = [(one["first"][-2:], one["last"][-2:], one["holder_id"]) for one in shown["holdings"]]
    assert held == [
        ("01", "03", -1),
        ("04", "04", 0),
        ("05", "08", shop),
        ("09", "10", 0),
        ("11", "11", shop),
        ("12", "20", 0),
    ]
    assert [one["kind"] for one in shown["moves"]] == [
        "recount",
        "found",
        "stolen",
        "return",
        "ship",
    ]
    said = tambah("stock", "show", "--holder", shop).out.splitlines()
    assert said[0] == "0001-00000005 to 0001-00000008: 4 cards, Kedai Ali, 0 sold"
    assert tambah("verify", "--json").document["clean"] is True
