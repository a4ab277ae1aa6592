"""`/sandbox/pay/…`: the sandbox provider's own page, a button for every ending. Demos only."""

from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath

from tambah.domain.payment import show_reference
from tambah.domain.refusals import PageNotFound
from tambah.payments.sandbox import Ending, SandboxPayment, SandboxProvider
from tambah.portal.addresses import own_path
from tambah.web.forms import read_form
from tambah.web.pages import AnyRequest, Pages

ENDINGS = (
    Ending.PAID,
    Ending.PAID_LATE,
    Ending.DECLINED,
    Ending.NEVER_ANSWERS,
    Ending.WEBHOOK_FIRST,
    Ending.WEBHOOK_TWICE,
    Ending.REFUND_FAILS,
    Ending.CANCELLED,
)
"""In the order of the page; cancelling is apart, as it is at a real provider."""


def sandbox_pay_routes(pages: Pages, sandbox: SandboxProvider) -> list[Any]:
    """Return the handlers of the sandbox's page."""

    @get("/sandbox/pay/{provider_ref:str}", include_in_schema=False)
    async def show_sandbox(request: AnyRequest, provider_ref: FromPath[str]) -> Response[bytes]:
        payment = await _find(sandbox, provider_ref)
        return pages.draw(
            request,
            "sandbox_pay.html",
            headers={"cache-control": "no-store"},
            payment=payment,
            reference=show_reference(payment.reference),
            endings=[ending.value for ending in ENDINGS[:-1]],
            back=own_path(pages.site, payment.return_url),
        )

    @post("/sandbox/pay/{provider_ref:str}", status_code=200, include_in_schema=False)
    async def press(request: AnyRequest, provider_ref: FromPath[str]) -> Response[None]:
        await _find(sandbox, provider_ref)
        typed = (await read_form(request)).get("ending", "")
        try:
            ending = Ending(typed)
        except ValueError as error:
            raise PageNotFound from error
        address = await sandbox.press(provider_ref, ending)
        return Response(
            None,
            status_code=303,
            headers={"location": own_path(pages.site, address), "cache-control": "no-store"},
        )

    return [show_sandbox, press]


async def _find(sandbox: SandboxProvider, provider_ref: str) -> SandboxPayment:
    """Return a payment of the sandbox. Raises PageNotFound."""
    payment = await sandbox.view(provider_ref[:64])
    if payment is None:
        raise PageNotFound
    return payment
