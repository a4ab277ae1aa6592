"""Packages: what is on sale, what runs on a line, and buying one from its credit."""

import msgspec

from tambah.api.rest import shapes
from tambah.api.rest.dates import last_day
from tambah.api.rest.request import Request, decode, idempotency_key, read_body
from tambah.domain.guessing import Audience
from tambah.domain.money import CURRENCY, parse_ringgit, ringgit
from tambah.domain.numbering import fold_msisdn
from tambah.domain.package import Package, on_sale
from tambah.domain.package_commands import BuyPackage
from tambah.domain.refusals import NumberUnknown, PartnerSuspended, ScopeMissing
from tambah.store.views.lines import line_now, read_line
from tambah.store.views.subscriptions import Running, read_running
from tambah.web.site import Site

_decoder = msgspec.json.Decoder(shapes.PurchaseRequest)


async def list_packages(site: Site, _: Request) -> shapes.PackageList:
    """GET /api/v1/packages: what is on sale now."""
    found = on_sale(site.packages, site.clock.now())
    return shapes.PackageList(items=[_package(one) for one in found])


async def list_line_packages(site: Site, request: Request) -> shapes.RunningList:
    """GET /api/v1/lines/{msisdn}/packages: what runs on the line, and what is left of it."""
    account = await read_line(site.database, fold_msisdn(request.subject, site.rules.numbers))
    if account is None:
        raise NumberUnknown
    view = line_now(account, site.rules, site.clock.now())
    running = await read_running(site.database, view.line.line_id, view.at)
    return shapes.RunningList(items=[_running(site, one) for one in running])


async def buy_package(site: Site, request: Request) -> shapes.BoughtPackage:
    """POST /api/v1/lines/{msisdn}/packages: buy one from the line's credit.

    It spends what is the subscriber's, so only a partner that speaks for lines may.
    """
    request_key = idempotency_key(request.headers)
    asked = decode(_decoder, await read_body(request.receive))
    caller = request.caller
    if caller.is_suspended:
        raise PartnerSuspended
    if caller.audience is not Audience.OWN:
        raise ScopeMissing(scope="packages:write")
    bought = await site.engine.submit(
        BuyPackage(
            caller=caller.name,
            request_key=request_key,
            msisdn=fold_msisdn(request.subject, site.rules.numbers),
            package=asked.package,
            auto_renew=asked.auto_renew,
            price_micros=None if asked.price is None else parse_ringgit(asked.price),
        )
    )
    return shapes.BoughtPackage(
        msisdn=str(bought.msisdn),
        number=bought.number,
        package=bought.package,
        price=ringgit(bought.price_micros),
        balance=ringgit(bought.balance_micros),
        bonus_balance=ringgit(bought.bonus_balance_micros),
        currency=CURRENCY,
        until=bought.until,
        until_date=last_day(site.rules.validity, bought.until),
        renews=bought.renews,
        receipt=bought.receipt,
    )


def _package(one: Package) -> shapes.Package:
    return shapes.Package(
        code=one.code,
        names=dict(one.names),
        terms=dict(one.terms),
        price=shapes.Money(amount=ringgit(one.price_micros), currency=CURRENCY),
        allowances=[
            shapes.PackagePart(
                unit=part.kind.name.lower(),  # type: ignore[arg-type]
                amount=part.amount,
                classes=part.scope.split(),
            )
            for part in one.allowances
        ],
        days=one.days,
        hours=one.hours,
        recurring=one.recurring,
        auto_renew=one.auto_renew,
        stacking=one.stacking.value,
    )


def _running(site: Site, one: Running) -> shapes.RunningPackage:
    bought = one.subscription
    return shapes.RunningPackage(
        number=bought.number,
        package=bought.package,
        price=shapes.Money(amount=ringgit(bought.price_micros), currency=CURRENCY),
        started_at=bought.started_at,
        until=bought.until,
        until_date=last_day(site.rules.validity, bought.until),
        renews=bought.renews,
        receipt=bought.receipt,
        left=[
            shapes.PartLeft(
                unit=part.granted.kind.name.lower(),  # type: ignore[arg-type]
                amount=part.granted.amount,
                left=part.left,
                classes=part.granted.scope.split(),
            )
            for part in one.left
        ],
    )
