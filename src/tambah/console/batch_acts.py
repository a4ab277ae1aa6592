"""What is asked for of batches of cards: to be made, released, handed out. All takes two."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response import Stream

from tambah.console.acts import (
    Act,
    Input,
    actor_for,
    ask_once,
    draw_act,
    is_confirmed,
    reason_input,
    typed,
)
from tambah.console.batches import DEED_STATES, require_batch
from tambah.console.facts import BATCHES, REQUESTS, Fact, Wording
from tambah.console.guard import reaches, signed_in
from tambah.console.pages import ConsolePages
from tambah.console.proving import require_fresh
from tambah.console.request_facts import wanted_facts
from tambah.console.requests import require_visible
from tambah.domain.approval import Approval, Deed
from tambah.domain.refusals import (
    BatchUnknown,
    FieldMalformed,
    FieldMissing,
    RangeBeyondBatch,
    RangeMalformed,
    Refusal,
)
from tambah.domain.staff import Permission
from tambah.domain.voucher import format_serial
from tambah.engine.approving import Wanted
from tambah.engine.approving.asks import (
    BatchWanted,
    ask_activation,
    ask_batch,
    ask_batch_deed,
    ask_export,
)
from tambah.engine.approving.deeds import PRINTED
from tambah.engine.approving.handing_out import hand_out, receive
from tambah.engine.staff import actor_of
from tambah.engine.vouchers import PrintKind, SerialRange, change_batch
from tambah.store.views.stock import BatchView
from tambah.web.forms import fold_digits, read_form
from tambah.web.pages import AnyRequest
from tambah.web.site import Site

_DEEDS: Mapping[str, Deed] = {
    "release": Deed.RELEASE_BATCH,
    "export": Deed.EXPORT_BATCH,
    "sheets": Deed.EXPORT_BATCH,
    "activate": Deed.ACTIVATE_CARDS,
    "close": Deed.CLOSE_BATCH,
    "void": Deed.VOID_BATCH,
}
"""What takes two, by the last word of the address."""

_ASKED_BY = {"cards": "printed", "slips": "slips"}
_FILES: Mapping[str, PrintKind] = {"export": PrintKind.LINES, "sheets": PrintKind.SHEETS}
_ENDINGS = {PrintKind.LINES.value: "csv.age", PrintKind.SHEETS.value: "tar.age"}
_MOST_DIGITS = 8


def batch_act_routes(pages: ConsolePages) -> list[Any]:
    """Return the handlers of asking for batches, and of handing print files out."""
    return [*_asking_routes(BatchActs(pages)), *_handing_routes(pages)]


def _asking_routes(desk: BatchActs) -> list[Any]:
    opt = reaches(Permission.BATCHES_WRITE)

    @get(f"{BATCHES}/new", opt=opt, include_in_schema=False)
    async def ask_new_batch(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        return draw_act(desk.pages, request, desk.new_form(request, {}))

    @post(f"{BATCHES}/new", status_code=200, opt=opt, include_in_schema=False)
    async def file_new_batch(request: AnyRequest) -> Response[Any]:
        require_fresh(request)
        fields = await read_form(request)
        try:
            return await desk.file_new(request, fields)
        except Refusal as refusal:
            return draw_act(desk.pages, request, desk.new_form(request, fields), refusal)

    path = f"{BATCHES}/{{batch_id:int}}/{{deed:str}}"

    @get(path, opt=opt, include_in_schema=False)
    async def ask_deed(
        request: AnyRequest, batch_id: FromPath[int], deed: FromPath[str]
    ) -> Response[Any]:
        require_fresh(request)
        view = await desk.require(batch_id, deed)
        return draw_act(desk.pages, request, desk.deed_form(request, view, deed, {}))

    @post(path, status_code=200, opt=opt, include_in_schema=False)
    async def file_deed(
        request: AnyRequest, batch_id: FromPath[int], deed: FromPath[str]
    ) -> Response[Any]:
        require_fresh(request)
        view, fields = await desk.require(batch_id, deed), await read_form(request)
        try:
            return await desk.file_deed(request, view, deed, fields)
        except Refusal as refusal:
            form = desk.deed_form(request, view, deed, fields)
            return draw_act(desk.pages, request, form, refusal)

    return [ask_new_batch, file_new_batch, ask_deed, file_deed]


def _handing_routes(pages: ConsolePages) -> list[Any]:
    site, path = pages.site, f"{REQUESTS}/{{number:int}}"
    opt = reaches(Permission.BATCHES_WRITE)

    async def require_print(request: AnyRequest, number: int) -> Approval:
        approval = await require_visible(site, number, signed_in(request))
        if approval.deed is not Deed.EXPORT_BATCH:
            raise BatchUnknown
        return approval

    @post(f"{path}/file", status_code=200, opt=opt, include_in_schema=False)
    async def send_file(request: AnyRequest, number: FromPath[int]) -> Stream:
        """Hand the encrypted print file to the maker of an agreed request."""
        require_fresh(request, f"{REQUESTS}/{number}")
        approval = await require_print(request, number)
        who = actor_of(signed_in(request).staff).who
        pieces = await hand_out(site.database, approval.approval_id, who, site.clock.now())
        ending = _ENDINGS[str(approval.params["file"])]
        name = f"cards-{approval.params['batch']}.{ending}"
        return Stream(
            pieces.content,
            media_type="application/octet-stream",
            headers={
                "content-disposition": f'attachment; filename="{name}"',
                "content-length": str(pieces.size),
                "cache-control": "no-store",
            },
        )

    @post(f"{path}/received", status_code=200, opt=opt, include_in_schema=False)
    async def confirm_received(request: AnyRequest, number: FromPath[int]) -> Response[Any]:
        """Drop the print file here: its maker has it whole."""
        require_fresh(request, f"{REQUESTS}/{number}")
        approval, fields = await require_print(request, number), await read_form(request)
        who = actor_of(signed_in(request).staff).who
        digest = _digest(typed(fields, "sha256"))
        await receive(site.database, approval.approval_id, who, digest, site.clock.now())
        return pages.redirect(request, f"{REQUESTS}/{number}")

    return [send_file, confirm_received]


class BatchActs:
    """Draws what is asked for of batches, and files it."""

    def __init__(self, pages: ConsolePages) -> None:
        self.pages = pages

    @property
    def site(self) -> Site:
        """Return the site that the pages are of."""
        return self.pages.site

    async def require(self, batch_id: int, deed: str) -> BatchView:
        """Return a batch that something may be asked of. Raises BatchUnknown."""
        if deed not in DEED_STATES:
            raise BatchUnknown
        return await require_batch(self.site, batch_id)

    def new_form(self, request: AnyRequest, fields: Mapping[str, str]) -> Act:
        """Return the form for a batch to be made."""
        say, now = self._say(request), self.site.clock.now()
        on_sale = self.site.rules.catalog.on_sale(now)
        prices = [(f"{one.price_micros}", say.money(one.price_micros)) for one in on_sale]
        kinds = [
            (word, say.texts.get(f"console.fact.{word}")) for word in ("lettered", "born_active")
        ]
        return Act(
            word=Deed.GENERATE_BATCH,
            name="",
            path=BATCHES,
            inputs=[
                Input(
                    word="price",
                    kind="radio",
                    choices=prices,
                    chosen=[fields.get("price", "")],
                ),
                Input(word="quantity", value=typed(fields, "quantity"), mode="numeric"),
                Input(word="recipient", value=typed(fields, "recipient"), hint=True),
                Input(
                    word="redeem_until",
                    kind="date",
                    value=typed(fields, "redeem_until"),
                    is_optional=True,
                ),
                *(
                    Input(
                        word=word,
                        kind="checkbox",
                        choices=[("yes", say.texts.get(f"acts.{word}"))],
                        chosen=[fields.get(word, "")],
                    )
                    for word in ("printed", "slips")
                ),
                *(
                    Input(
                        word=word,
                        kind="checkbox",
                        choices=[("yes", name)],
                        chosen=[fields.get(word, "")],
                    )
                    for word, name in kinds
                ),
                reason_input(fields),
            ],
        )

    async def file_new(self, request: AnyRequest, fields: Mapping[str, str]) -> Response[Any]:
        """Say what would be made; when that was seen, ask for it."""
        site = self.site
        wanted = ask_batch(self._wanted(fields), site.rules.catalog, site.clock.now())
        return await self._confirm(
            request,
            fields,
            wanted,
            carried=(
                "price",
                "quantity",
                "recipient",
                "redeem_until",
                "lettered",
                "born_active",
                "printed",
                "slips",
                "reason",
            ),
        )

    def deed_form(
        self, request: AnyRequest, view: BatchView, deed: str, fields: Mapping[str, str]
    ) -> Act:
        """Return the form for something to be done to a batch."""
        say = self._say(request)
        inputs: list[Input] = []
        if deed == "activate":
            inputs = [
                Input(word=word, value=typed(fields, word), mode="numeric")
                for word in ("first", "last")
            ]
        return Act(
            word=f"{deed}_batch" if deed != "activate" else "activate_cards",
            name=f"{say.texts.get('console.fact.batch')} {view.batch_id}",
            path=f"{BATCHES}/{view.batch_id}",
            facts=[
                Fact("range", f"{view.first_serial} – {view.last_serial}"),
                Fact("price", say.money(view.price_micros)),
                Fact("quantity", f"{view.quantity:,}"),
            ],
            inputs=[*inputs, reason_input(fields)],
            is_sure=deed == "lock",
        )

    async def file_deed(
        self, request: AnyRequest, view: BatchView, deed: str, fields: Mapping[str, str]
    ) -> Response[Any]:
        """Say what would be done to a batch; when that was seen, ask for it.

        A lock keeps codes from redeeming until somebody has looked: it is put on at once, by one.
        """
        database = self.site.database
        if deed == "lock":
            return await self._lock(request, view, fields)
        if deed == "activate":
            cards = SerialRange(
                batch_id=view.batch_id,
                first=_number(fields, "first"),
                last=_number(fields, "last"),
            )
            if not 1 <= cards.first <= cards.last:
                raise RangeMalformed
            if cards.last > view.quantity:
                raise RangeBeyondBatch(serial=format_serial(view.batch_id, view.quantity))
            wanted = await ask_activation(database, cards)
        elif deed in _FILES:
            wanted = await ask_export(database, view.batch_id, _FILES[deed])
        else:
            wanted = await ask_batch_deed(database, _DEEDS[deed], view.batch_id)
        return await self._confirm(request, fields, wanted, carried=("first", "last", "reason"))

    async def _lock(
        self, request: AnyRequest, view: BatchView, fields: Mapping[str, str]
    ) -> Response[Any]:
        actor = actor_for(signed_in(request).staff, fields)
        if not is_confirmed(self.pages, fields):
            form = self.deed_form(request, view, "lock", fields)
            return draw_act(self.pages, request, form)
        now = self.site.clock.now()
        await change_batch(self.site.database, view.batch_id, "lock", actor, now)
        return self.pages.redirect(request, f"{BATCHES}/{view.batch_id}")

    async def _confirm(
        self,
        request: AnyRequest,
        fields: Mapping[str, str],
        wanted: Wanted,
        *,
        carried: tuple[str, ...],
    ) -> Response[Any]:
        actor, say = actor_for(signed_in(request).staff, fields), self._say(request)
        if is_confirmed(self.pages, fields):
            return await ask_once(self.pages, request, wanted, actor, fields)
        act = Act(
            word=wanted.deed,
            name="",
            path=BATCHES,
            facts=[*_facts(wanted, say), Fact("why", actor.why)],
            carried={word: typed(fields, word) for word in carried if word in fields},
            takes_two=True,
            is_sure=True,
        )
        return draw_act(self.pages, request, act)

    def _wanted(self, fields: Mapping[str, str]) -> BatchWanted:
        """Return the batch that was typed. Raises FieldMissing, FieldMalformed, and the like."""
        price = fields.get("price", "")
        if not price.isascii() or not price.isdecimal():
            raise FieldMissing(field="price")
        until, validity = typed(fields, "redeem_until"), self.site.rules.validity
        redeem_before: datetime | None = None
        if until:
            try:
                day = date.fromisoformat(until)
            except ValueError as error:
                raise FieldMalformed(field="redeem_until") from error
            redeem_before = validity.end_of_day(validity.start_of(day))
        value = self.site.rules.catalog.denomination(int(price), self.site.clock.now())
        return BatchWanted(
            price_micros=value.price_micros,
            quantity=_number(fields, "quantity"),
            recipient=typed(fields, "recipient"),
            lettered=fields.get("lettered") == "yes",
            born_active=fields.get("born_active") == "yes",
            redeem_before=redeem_before,
            printed=tuple(kind for kind in PRINTED if fields.get(_ASKED_BY[kind]) == "yes"),
        )

    def _say(self, request: AnyRequest) -> Wording:
        return Wording(self.site, self.pages.speak(request))


def _facts(wanted: Wanted, say: Wording) -> list[Fact]:
    return wanted_facts(wanted.deed, wanted.params, wanted.before, say)


def _number(fields: Mapping[str, str], name: str) -> int:
    """Return a whole number that was typed. Raises FieldMalformed."""
    digits = fold_digits(typed(fields, name))
    if not 0 < len(digits) <= _MOST_DIGITS:
        raise FieldMalformed(field=name)
    return int(digits)


def _digest(text: str) -> bytes:
    """Return a SHA-256 that was typed or pasted. Raises FieldMalformed."""
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise FieldMalformed(field="sha256") from error
