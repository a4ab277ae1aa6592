"""The words of the dialogue: what a caller does, what is said, what is asked of the house.

Everything here can be written down and taken up again by another process: a call that comes as
one HTTP request after another, or a USSD session, lives in the database between two keys.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

Value = str | int


class Medium(StrEnum):
    """How the other end hears us: spoken prompts, a screen of USSD, or one SMS."""

    VOICE = "voice"
    SCREEN = "screen"
    TEXT = "text"


class Place(StrEnum):
    """Where in the dialogue a caller is: what the next keys mean."""

    LANGUAGE = "language"
    MENU = "menu"
    NUMBER = "number"
    NUMBER_CONFIRM = "number_confirm"
    CODE = "code"
    CODE_CONFIRM = "code_confirm"
    LOST = "lost"
    SERIAL = "serial"
    DOCUMENT = "document"
    CONTACT = "contact"
    RECOVERY_CODE = "recovery_code"
    MORE = "more"
    PACKAGES = "packages"
    PACKAGE_CONFIRM = "package_confirm"


class Task(StrEnum):
    """What a number is asked for."""

    TOP_UP = "top_up"
    CARD = "card"
    LOST_PHONE = "lost_phone"
    FORGOTTEN = "forgotten"


class Wish(StrEnum):
    """What a caller came with: nothing but the call, or a request that says it all."""

    MENU = "menu"
    REDEEM = "redeem"
    BALANCE = "balance"
    LANGUAGE = "language"
    HELP = "help"
    PACKAGES = "packages"
    BUY = "buy"


class Deed(StrEnum):
    """What the house is doing for a talk; its answer is taken accordingly."""

    REDEEM = "redeem"
    LOOK_UP = "look_up"
    KEEP_LANGUAGE = "keep_language"
    REPORT_CARD = "report_card"
    CALL_BACK = "call_back"
    BAR_LOST = "bar_lost"
    SEND_NUMBERS = "send_numbers"
    TELL_NUMBERS = "tell_numbers"
    OFFER = "offer"
    BUY = "buy"


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A package that a line may buy.

    parts: unit (`gb`, `mb`, `minutes`, `sms`) and how many; length: `days`, `hours` or `today`,
    and how many. until: ISO 8601, its end when it is bought now.
    """

    code: str
    price_micros: int
    parts: tuple[tuple[str, int], ...]
    length: tuple[str, int]
    until: str


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Who comes, how, and with what.

    caller: the line that a trusted gateway vouches for (E.164), None for a stranger: an untrusted
    gateway, a withheld number, a number that is none of ours. claimed: what an untrusted gateway
    says the number is; a code may be redeemed for it as for any number that is keyed, and nothing
    is told of it. tag: the language to begin in; asks_language: whether to ask for another first.
    has_person: whether calls can be passed on. words: what a wish brings along: the code of
    REDEEM, the language's tag of LANGUAGE, a package's code and a yes of BUY. sells: whether there
    are packages on sale.
    """

    medium: Medium
    caller: int | None = None
    claimed: int | None = None
    tag: str = "en"
    asks_language: bool = False
    has_person: bool = False
    wish: Wish = Wish.MENU
    words: str = ""
    sells: bool = False


class Talk(msgspec.Struct, frozen=True, kw_only=True):
    """Where a conversation stands. It may hold a code or a document's number: never log it.

    caller, has_person: as `Opening` has them. tag: the language spoken. number: whose line the
    task is about. typed: a code or a document between its entry and its use. entry: how many
    codes were handed in, so that each has a request key of its own. misses, silences: at this
    place, in a row, counted apart. refused: codes in a row that could not be used. starred: `*`
    was pressed; the next key says what it meant. greeted: whether the welcome was said. awaits:
    what is being done. is_one_shot: all was asked at the start, so that every answer is the end.
    sells: as `Opening` has it. offers, page, chosen: the packages that were offered, how many
    pages of them were turned, and the code of the one that was chosen.
    """

    medium: Medium
    place: Place
    tag: str
    caller: int | None = None
    has_person: bool = False
    task: Task = Task.TOP_UP
    number: int | None = None
    typed: str = ""
    contact: str = ""
    entry: int = 0
    misses: int = 0
    silences: int = 0
    refused: int = 0
    starred: bool = False
    greeted: bool = False
    awaits: Deed | None = None
    is_one_shot: bool = False
    sells: bool = False
    offers: tuple[Offer, ...] = ()
    page: int = 0
    chosen: str = ""

    @property
    def is_own(self) -> bool:
        """Say whether the task is about the caller's own line, as a trusted door vouches."""
        return self.caller is not None and self.number == self.caller


class Utterance(msgspec.Struct, frozen=True):
    """One thing to say: a message id of the medium's texts, and what fills it.

    params: by names whose endings say what they are: `_micros` money, `_until` the end of a
    period and `_at` an instant (both ISO 8601), `_digits` read one by one in the groups that they
    come in, `_count` a number.
    tag: of another language than the talk's.
    """

    key: str
    params: dict[str, Value] = {}
    tag: str = ""


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """What may be keyed now.

    most: digits at most; as many end the entry without `#`, which ends it earlier. first_seconds,
    between_seconds: silence before the first key and between keys; they mean nothing on screens.
    secret: recording and logging of keys are off. letters: whether a screen may send letters.
    """

    most: int = 1
    first_seconds: int = 5
    between_seconds: int = 5
    secret: bool = False
    letters: bool = False


class Prompt(msgspec.Struct, frozen=True, tag=True):
    """Say this, and wait for keys, silence or hanging up."""

    say: tuple[Utterance, ...]
    ask: Ask = Ask()


class Ended(msgspec.Struct, frozen=True, tag=True):
    """Say this and end, or pass the call on to a person."""

    say: tuple[Utterance, ...] = ()
    to_person: bool = False


class Redeem(msgspec.Struct, frozen=True, kw_only=True):
    """Turn a folded code into credit on a number. is_own: a trusted door vouches for its owner."""

    number: int
    digits: str
    entry: int
    is_own: bool


class LookUp(msgspec.Struct, frozen=True, kw_only=True):
    """Tell a line's balance and dates."""

    number: int


class KeepLanguage(msgspec.Struct, frozen=True, kw_only=True):
    """Keep the language that a line's caller chose, for calls and messages alike."""

    number: int
    tag: str


class ReportCard(msgspec.Struct, frozen=True, kw_only=True):
    """Open a ticket about a lost or damaged card: its serial number, the number to be credited."""

    number: int
    serial: str
    is_own: bool


class CallBack(msgspec.Struct, frozen=True, kw_only=True):
    """Open a ticket: somebody asked for a person when there was none."""

    number: int


class BarLost(msgspec.Struct, frozen=True, kw_only=True):
    """Bar a lost phone's line, if document and contact are its owner's. Nobody learns whether."""

    number: int
    document: str
    contact: str


class SendNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Send a code to whom document and contact belong, if to anybody. Nobody learns whether."""

    document: str
    contact: str


class TellNumbers(msgspec.Struct, frozen=True, kw_only=True):
    """Tell the numbers of whom the code was sent to."""

    document: str
    contact: str
    code: str


class OfferPackages(msgspec.Struct, frozen=True, kw_only=True):
    """Tell which packages a line may buy."""

    number: int


class BuyOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Buy a package from a line's credit. price_micros: what was told, None where nothing was."""

    number: int
    code: str
    entry: int
    price_micros: int | None = None


Action = (
    Redeem
    | LookUp
    | KeepLanguage
    | ReportCard
    | CallBack
    | BarLost
    | SendNumbers
    | TellNumbers
    | OfferPackages
    | BuyOffer
)


class Do(msgspec.Struct, frozen=True):
    """Have the house do something, and come back with what came of it."""

    action: Action


Turn = Prompt | Ended | Do


class Keys(msgspec.Struct, frozen=True):
    """What was keyed, without the `#` that ended it; ends with `*` where that key was pressed."""

    text: str


class Silence(msgspec.Struct, frozen=True):
    """Nothing was keyed in time."""


class HungUp(msgspec.Struct, frozen=True):
    """The caller is gone."""


class Credited(msgspec.Struct, frozen=True, kw_only=True):
    """A code was credited. Micro-ringgit; active_until: ISO 8601."""

    credited_micros: int
    bonus_micros: int
    balance_micros: int
    active_until: str


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """How a line stands. standing: as `account.is.<standing>` has it; ends: ISO 8601 or empty."""

    standing: str
    balance_micros: int
    bonus_micros: int
    active_until: str = ""
    grace_until: str = ""


class Noted(msgspec.Struct, frozen=True):
    """It was done, or nobody may know whether it was."""


class Numbers(msgspec.Struct, frozen=True):
    """Somebody's numbers (E.164)."""

    numbers: tuple[int, ...]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The house said no.

    code: of the refusal. minutes: until a lock is over. at: ISO 8601, when the line's own code was
    used. left: tries left, where that was counted. missing_micros: of credit.
    """

    code: str
    minutes: int = 0
    at: str = ""
    left: int | None = None
    missing_micros: int = 0


class Offered(msgspec.Struct, frozen=True):
    """What a line may buy, as the operator orders it."""

    offers: tuple[Offer, ...]


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """A package was bought. until: ISO 8601."""

    until: str
    balance_micros: int


Answer = Credited | Standing | Noted | Numbers | Refused | Offered | Bought
Event = Keys | Silence | HungUp | Answer
