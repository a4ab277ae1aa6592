"""The command line. What a command needs is loaded when it is called, so that help is quick."""

import sys

from tambah.cli.lazy import LazyGroup, lazy_group

_COMMANDS = {
    "demo": ("tambah.cli.serving:demo", "Run the whole product with made-up data."),
    "serve": ("tambah.cli.serving:serve", "Serve pages and the API, with the work behind them."),
    "worker": ("tambah.cli.serving:worker", "Do only the work behind: messages, the sweep."),
    "charging": (
        "tambah.cli.charging:charging",
        "Charge calls, data and messages while they are used.",
    ),
    "init": ("tambah.cli.starting:init", "Write the files that a new installation stands on."),
    "migrate": ("tambah.cli.upkeep:migrate", "Bring the database to this version's tables."),
    "verify": ("tambah.cli.upkeep:verify", "Prove the books on live data."),
    "doctor": ("tambah.cli.doctor:doctor", "Check the installation and say what is wrong."),
    "backup": ("tambah.cli.backups:backup", "Write the database to a file."),
    "restore": ("tambah.cli.backups:restore", "Read a backup into an empty database."),
    "config": ("tambah.cli.upkeep:config", "Look at the configuration."),
    "vouchers": ("tambah.cli.vouchers:vouchers", "Make, release, export and move vouchers."),
    "lines": ("tambah.cli.lines:lines", "Import lines, look at them, put them right."),
    "points": ("tambah.cli.points:points", "Import top-up points and list them."),
    "sims": ("tambah.cli.sims:sims", "Keep the stock of SIMs and eSIMs."),
    "bank": ("tambah.cli.bank:bank", "Read bank statements, see to what they leave open."),
    "offers": ("tambah.cli.publishing:offers", "Publish offers and news."),
    "help": ("tambah.cli.publishing:help_page", "Publish answers on the help page."),
    "keys": ("tambah.cli.partners:keys", "Make and revoke API keys."),
    "payments": ("tambah.cli.payments:payments", "Look at payments and their refunds."),
    "refund": ("tambah.cli.payments:refund", "Send a payment back, in full or in part."),
    "reconcile": (
        "tambah.cli.reconciling:reconcile",
        "Compare providers' settlements with the books.",
    ),
    "books": (
        "tambah.cli.books:books",
        "Close the books, reconcile three ways, export the journal.",
    ),
    "promotions": (
        "tambah.cli.promotions:promotions",
        "Look at promotions, and at what they would have given.",
    ),
    "tariff": ("tambah.cli.tariff:tariff", "Load rate sheets, say what calls cost."),
    "packages": (
        "tambah.cli.packages:packages",
        "Look at packages, buy one for a line, stop its renewal, take one back.",
    ),
    "partners": ("tambah.cli.partners:partners", "Add partners and fund their floats."),
    "dealers": (
        "tambah.cli.dealers:dealers",
        "Keep the dealers' tree: agreements, floats, commission.",
    ),
    "stock": ("tambah.cli.stock:stock", "Follow cards from the warehouse to who sells them."),
    "prompts": ("tambah.cli.prompts:prompts", "List, draft and check what the hotline says."),
    "sellers": (
        "tambah.cli.sellers:sellers",
        "Let people and tills sell for dealers by page and SMS.",
    ),
    "staff": ("tambah.cli.staff:staff", "Give staff access to the console, and take it away."),
    "audit": (
        "tambah.cli.audit:audit",
        "Read what was done by hand; sign and check the trail's ends.",
    ),
    "requests": (
        "tambah.cli.requests:requests",
        "See what takes two people, collect what was approved.",
    ),
    "messages": (
        "tambah.cli.messages:messages",
        "See which messages are stuck, have them tried again.",
    ),
    "simulate": (
        "tambah.cli.simulate:simulate",
        "Have made-up subscribers use a service for a day.",
    ),
    "usage": ("tambah.cli.usage:usage", "Charge what was used by the records of a switch."),
    "tickets": ("tambah.cli.tickets:tickets", "Read and answer what subscribers ask."),
}


def _root() -> LazyGroup:
    return lazy_group(
        _COMMANDS,
        help="""Tambah, a prepaid recharge platform.

        Where the database is and how it is run is said by TAMBAH_* variables; `tambah config
        show` lists them. Exit status: 0 done, 1 refused (the reason is on standard error), 2
        wrong usage.
        """,
    )


def main() -> None:
    """Run the command line."""
    try:
        _root()(prog_name="tambah", standalone_mode=True)
    except KeyboardInterrupt:
        sys.exit(130)
