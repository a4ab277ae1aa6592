"""Commands of dealers and of the cards they hold, against a real database, in this process."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

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


FILE = """name,kind,parent,draws_on_parent,most
Till 1,terminal,Kedai Jaya,yes,100.00
Kedai Jaya,shop,Utara,,
Utara,distributor,,,
"""


def test_a_file_of_dealers_is_imported_whatever_its_order(tambah: Tambah, tmp_path: Path) -> None:
    path = tmp_path / "dealers.csv"
    path.write_text(FILE)
    tried = tambah("dealers", "import", path, "--dry-run", "--json").document
    assert (tried["created"], tried["is_written"]) == (3, False)
    assert tambah("dealers", "tree").out == "There is no dealer.\n"
    assert tambah("dealers", "import", path, "--json").error == "reason_missing"

    done = tambah("dealers", "import", path, *WHY).document
    assert (done["created"], done["refused"], done["is_written"]) == (3, 0, True)
    tree = tambah("dealers", "tree", "--json").document["dealers"]
    assert [(one["name"], one["kind"]) for one in tree] == [
        ("Utara", "distributor"),
        ("Kedai Jaya", "shop"),
        ("Till 1", "terminal"),
    ]
    assert tree[2]["payer_id"] == tree[1]["dealer"]
    again = tambah("dealers", "import", path, *WHY).document
    assert (again["created"], again["unchanged"]) == (0, 3)
    assert tambah("verify", "--json").document["clean"] is True


def test_bad_rows_of_dealers_are_named_and_the_rest_imported(
    tambah: Tambah, tmp_path: Path
) -> None:
    path, report = tmp_path / "dealers.csv", tmp_path / "bad"
    path.write_text(
        "name,kind,parent,most\n"
        "Utara,distributor,,\n"  # 2
        "Selatan,king,,\n"
        ",shop,Utara,\n"
        "A,shop,Nowhere,\n"
        "B,shop,A,\n"
        "C,shop,C,\n"
        "Kedai,shop,Utara,\n"  # 8
        "KEDAI,shop,Utara,9.00\n"
        "D,shop,Utara,0.50\n"
        "12,shop,Utara,\n"
        "E,shop,12,\n"
    )
    whole = tambah("dealers", "import", path, "--all-or-nothing", *WHY)
    assert (whole.status, whole.document["is_written"]) == (1, False)

    done = tambah("dealers", "import", path, "--report", report, *WHY).document

    assert (done["created"], done["refused"]) == (2, 9)
    bad = [json.loads(line) for line in report.read_text().splitlines()]
    assert {one["line"]: one["code"] for one in bad} == {
        3: "field_malformed",
        4: "field_missing",
        5: "dealer_unknown",
        6: "dealer_unknown",
        7: "dealer_unknown",
        9: "dealer_exists",
        10: "field_malformed",
        11: "field_malformed",
        12: "dealer_unknown",
    }


def test_a_parent_of_a_common_name_is_written_as_a_number(tambah: Tambah, tmp_path: Path) -> None:
    path = tmp_path / "dealers.csv"
    path.write_text(
        "name,kind,parent\nA,dealer,\nB,dealer,\nShop,shop,A\nShop,shop,B\nTill,terminal,Shop\n"
    )
    done = tambah("dealers", "import", path, *WHY).document

    assert (done["created"], done["rows"][0]["code"]) == (4, "parent_ambiguous")
