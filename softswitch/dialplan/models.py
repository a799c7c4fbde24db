"""The shape of a dialplan file: which keys there are and what may stand after them. Names are resolved in `build`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from softswitch.dialplan.conditions import CONDITIONS
from softswitch.dialplan.hours import parse_duration

LATER: Mapping[str, str] = {}
"""Words of the language that this version refuses, and what they are about."""


def _word(text: str) -> str:
    if not text.strip():
        raise ValueError("nothing is written here")
    return text.strip()


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _one_or_several(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _seconds(value: object) -> float:
    if not isinstance(value, str):
        raise ValueError("a time to ring is written as 15s or 2m")
    return parse_duration(value)


def _length(value: object) -> float:
    try:
        return _seconds(value)
    except ValueError:
        raise ValueError("a message lasts at most something between 1s and 10m, such as 2m") from None


def _duration(value: object) -> float:
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None or not any(match.groups()) or not 60 <= (seconds := _in_seconds(match)) <= 86_400:
        raise ValueError("write a time between 1m and 24h, such as 30m or 2h")
    return float(seconds)


def _in_seconds(match: re.Match[str]) -> int:
    return int(match[1] or 0) * 3600 + int(match[2] or 0) * 60


def _yes(value: object) -> bool:
    if value not in ("yes", "no"):
        raise ValueError("write yes or no")
    return value == "yes"


_DURATION = re.compile(r"(?:(\d{1,3})h)? ?(?:(\d{1,4})m)?")
_CONDITIONS = "*conditions"
"""Where a rule's conditions are gathered; no key that an operator would write."""
_THEN = "*then"
"""Where an assertion's outcomes are gathered."""

Word = Annotated[str, AfterValidator(_word)]
Words = Annotated[list[Word], BeforeValidator(_as_list), Field(min_length=1)]
Duration = Annotated[float, BeforeValidator(_duration)]
Length = Annotated[float, BeforeValidator(_length)]
Seconds = Annotated[float, BeforeValidator(_seconds)]
YesNo = Annotated[bool, BeforeValidator(_yes)]


class Model(BaseModel):
    """A mapping with these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class HolidaysModel(Model):
    region: Word = ""
    also: Words | None = None
    but: Words | None = Field(default=None, alias="except")


class SiteModel(Model):
    domain: Word
    timezone: Word | None = None
    country: Word = ""
    forwards: Word | None = None
    language: Word = ""
    music_on_hold: Word = Field(default="", alias="music on hold")
    abroad: Word = ""
    holidays: HolidaysModel | None = None
    seen_by: Words | None = Field(default=None, alias="seen by")
    calls_seen_by: Words | None = Field(default=None, alias="calls seen by")
    media: Word = ""


class ScheduleModel(Model):
    hours: Words | None = None
    calendar: Words | None = None
    timezone: Word | None = None
    country: Word = ""
    holidays: HolidaysModel | None = None

    @model_validator(mode="before")
    @classmethod
    def _lines_alone(cls, value: object) -> object:
        return {"hours": value} if isinstance(value, str | list) else value


class LocationModel(Model):
    """A postal address, or the name of one under `locations`; see `location.ELEMENTS`."""

    named: Word = Field(default="", alias="*named")
    country: Word = ""
    state: Word = ""
    county: Word = ""
    city: Word = ""
    district: Word = ""
    street: Word = ""
    house: Word = ""
    house_letter: Word = Field(default="", alias="house letter")
    landmark: Word = ""
    more: Word = ""
    name: Word = ""
    postcode: Word = ""
    building: Word = ""
    unit: Word = ""
    floor: Word = ""
    room: Word = ""

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: object) -> object:
        return {"*named": value} if isinstance(value, str) else value


class EmergencyModel(Model):
    tell: Words | None = None
    call_back: Duration | None = Field(default=None, alias="call back")
    test: Word = ""


class PlaceModel(Model):
    phone: Words | None = None
    dial: Word = ""
    confirm: Word = ""
    location: LocationModel | None = None


class RouteModel(Model):
    """`ring`, `for`, `then`; or `steps` with a list of such."""

    ring: Words | None = None
    ring_seconds: Seconds | None = Field(default=None, alias="for")
    then: ThenModel | None = None
    steps: list[RouteModel] | None = Field(default=None, min_length=1)


class ThenModel(Model):
    """What follows each outcome. `then: home` is the same as home after any of them."""

    routes: dict[str, RouteModel]
    """By the word for the outcome; "" is any."""

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: object) -> object:
        if isinstance(value, str | list) or (isinstance(value, dict) and {"ring", "steps"} & value.keys()):
            value = {"": value}
        if not isinstance(value, dict):
            return value
        return {"routes": {k: {"ring": v} if isinstance(v, str | list) else v for k, v in value.items()}}


class RuleModel(RouteModel):
    """A route and the conditions for it."""

    conditions: dict[str, Words] = Field(default_factory=dict, alias="*conditions")

    @model_validator(mode="before")
    @classmethod
    def _gather_conditions(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        rest = {key: item for key, item in value.items() if key not in CONDITIONS}
        return rest | {_CONDITIONS: {key: item for key, item in value.items() if key in CONDITIONS}}


class GreetingModel(Model):
    """A WAV file, and when it is said."""

    play: Word
    """A file, or "recorded": what is recorded by phone."""
    when: Words | None = None

    @model_validator(mode="before")
    @classmethod
    def _file_alone(cls, value: object) -> object:
        return {"play": value} if isinstance(value, str) else value


class VoicemailModel(Model):
    greeting: Annotated[list[GreetingModel], BeforeValidator(_one_or_several)] = Field(default_factory=list)
    pin: Word = ""
    mail: Word = ""
    longest: Length = 120.0


class PersonModel(Model):
    name: Word = ""
    number: Word = ""
    timezone: Word | None = None
    busy_when: Word = Field(default="", alias="busy when")
    places: dict[str, PlaceModel] = Field(default_factory=dict)
    voicemail: VoicemailModel = Field(default_factory=VoicemailModel)
    calls: list[RuleModel] = Field(default_factory=list)
    seen_by: Words | None = Field(default=None, alias="seen by")
    calls_seen_by: Words | None = Field(default=None, alias="calls seen by")
    limit: Words | None = None
    countries: Words | None = None


class TeamModel(Model):
    name: Word = ""
    number: Word = ""
    members: Words
    ring: Word = "all"
    ring_seconds: Seconds | None = Field(default=None, alias="for")
    then: ThenModel | None = None
    voicemail: VoicemailModel | None = None


class PhoneModel(Model):
    secret: Word = ""
    media: Word = ""
    srtp: Word = ""
    gateway: YesNo = False
    location: LocationModel | None = None


class StyleModel(Model):
    """See `trunk.Style`."""

    numbers: Word = ""
    sender: Word = ""
    identity: Words | None = None
    forwards: Word = ""
    keys: Word = ""
    register_what: Word = Field(default="", alias="register")
    called: Word = ""


class TrunkModel(Model):
    registrar: Word = ""
    peer: Word = ""
    user: Word = ""
    login: Word = ""
    secret: Word = ""
    transport: Word = ""
    channels: Word = ""
    limit: Words | None = None
    countries: Words | None = None
    number: Word = ""
    accept: Words | None = None
    like: Word = ""
    style: StyleModel | None = None


class OutsideModel(Model):
    dial: Words
    via: Words
    may: Words | None = None
    countries: Words | None = None
    limit: Words | None = None
    emergency: YesNo = False
    within: Words | None = Field(default=None, alias="in")


class AssertionModel(Model):
    """Who is expected to ring; then, for outcomes one after the other, who next."""

    at: Word
    caller: Word = Field(default="", alias="from")
    to: Word
    presence: Words | None = None
    """How somebody is supposed to be, e.g. "dario is offline"; everybody else is available."""
    rings: Words
    then: dict[str, Words] = Field(default_factory=dict, alias="*then")
    """By key, e.g. "then if busy"; in the order of the file."""

    @model_validator(mode="before")
    @classmethod
    def _gather_outcomes(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        rest = {key: item for key, item in value.items() if not key.startswith("then if ")}
        return rest | {_THEN: {key: item for key, item in value.items() if key.startswith("then if ")}}


class FileModel(Model):
    """One file."""

    site: SiteModel | None = None
    schedules: dict[str, ScheduleModel] = Field(default_factory=dict)
    people: dict[str, PersonModel] = Field(default_factory=dict)
    teams: dict[str, TeamModel] = Field(default_factory=dict)
    lists: dict[str, Words] = Field(default_factory=dict)
    phones: dict[str, PhoneModel] = Field(default_factory=dict)
    numbers: dict[str, Word] = Field(default_factory=dict)
    announcements: dict[str, Word] = Field(default_factory=dict)
    codes: dict[str, Word] = Field(default_factory=dict)
    trunks: dict[str, TrunkModel] = Field(default_factory=dict)
    outside: list[OutsideModel] = Field(default_factory=list)
    locations: dict[str, LocationModel] = Field(default_factory=dict)
    emergency: EmergencyModel | None = None
    assertions: list[AssertionModel] = Field(default_factory=list)


def keys_at(path: Sequence[str | int]) -> list[str]:
    """The keys that a mapping at this path may have, as written in files; for suggestions."""
    annotation: Any = FileModel
    for part in path:
        annotation = _below(annotation, part)
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, Model):
            names = [field.alias or name for name, field in option.model_fields.items()]
            return [name for name in names if not name.startswith("*")] + list(CONDITIONS) * (_CONDITIONS in names)
    return []


def _below(annotation: Any, part: str | int) -> Any:
    for option in (annotation, *get_args(annotation)):
        if get_origin(option) is dict:
            return get_args(option)[1]
        if get_origin(option) is list and isinstance(part, int):
            return get_args(option)[0]
        if isinstance(option, type) and issubclass(option, Model):
            fields = {field.alias or name: field.annotation for name, field in option.model_fields.items()}
            return fields.get(str(part))
    return None
