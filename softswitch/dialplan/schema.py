"""The JSON Schema of a dialplan file, for editors that complete and underline as one writes."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from softswitch.dialplan.build import ANSWERS, ON_ANY_CALL
from softswitch.dialplan.codes import ACTIONS
from softswitch.dialplan.conditions import CONDITIONS
from softswitch.dialplan.models import FileModel
from softswitch.dialplan.outcome import Outcome
from softswitch.dialplan.rota import ORDERS

Schema = dict[str, Any]

TEXT: Schema = {"type": ["string", "number", "boolean"]}
"""An editor's YAML makes a number of 101; here everything is text."""
TEXTS: Schema = {"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]}
DURATION: Schema = {"type": "string", "pattern": r"^(\d{1,4} ?m(in)?)? ?(\d{1,5} ?s)?$", "minLength": 2}


def schema() -> Schema:
    """The shape of a file; whether its names mean something only `softswitch check` can tell."""
    made = FileModel.model_json_schema(by_alias=True, schema_generator=GenerateJsonSchema)
    parts = made["$defs"]
    for part in (made, *parts.values()):
        _as_text(part)
    parts["SiteModel"]["required"] = ["domain"]
    parts["ScheduleModel"] = {"anyOf": [TEXTS, parts["ScheduleModel"]]}
    route = parts["RouteModel"]["properties"]
    route["for"] = parts["TeamModel"]["properties"]["for"] = DURATION
    then = {"$ref": "#/$defs/RouteModel"}
    outcomes = {outcome.value: {"anyOf": [TEXTS, then]} for outcome in Outcome}
    parts["ThenModel"] = {
        "anyOf": [TEXTS, then, {"type": "object", "properties": outcomes, "additionalProperties": False}]
    }
    rule = parts["RuleModel"]
    rule["properties"] = {**dict.fromkeys(CONDITIONS, TEXTS), **route}
    parts["TeamModel"]["properties"]["ring"] = {"enum": list(ORDERS)}
    parts["PhoneModel"]["properties"]["gateway"] = {"enum": ["yes", "no", True, False]}
    made["properties"]["codes"]["additionalProperties"] = {
        "anyOf": [{"enum": [*ANSWERS, *ACTIONS]}, {"type": "string", "pattern": "^park (until taken|for .+)$"}]
    }
    parts["PersonModel"]["properties"]["busy when"] = {"enum": [ON_ANY_CALL]}
    expected = parts["AssertionModel"]
    del expected["properties"]["*then"]
    expected["patternProperties"] = {f"^then if ({'|'.join(one.value for one in Outcome)})$": TEXTS}
    made |= {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A dialplan"}
    return made


def _as_text(part: Schema) -> None:
    """Each property that is a text, or texts, as an editor sees it."""
    for name, one in part.get("properties", {}).items():
        kinds = [one, *one.get("anyOf", [])]
        if any(kind.get("type") == "array" and kind["items"].get("type") == "string" for kind in kinds):
            part["properties"][name] = TEXTS
        elif any(kind.get("type") == "string" for kind in kinds):
            part["properties"][name] = TEXT
        elif one.get("type") == "object" and "$ref" not in (inside := one["additionalProperties"]):
            one["additionalProperties"] = TEXTS if inside.get("type") == "array" else TEXT
        else:
            # None is how the model says "not written"; in a file nothing may be empty.
            options = [kind for kind in one.get("anyOf", []) if kind.get("type") != "null"]
            if len(options) == 1:
                part["properties"][name] = options[0]
        part["properties"][name].pop("default", None)
