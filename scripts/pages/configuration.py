"""docs/reference/configuration.md: every key of probes.yaml, from the shape that config/schema.py gives the file.

Rule: a form is told once, at the first path where it stands; what all kinds of a step or an issuer share is told before
the kinds.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prober.config.schema import json_schema
from prober.config.values import duration_text, percentage
from scripts.pages.markdown import code, joined, listed, page, table

Schema = Mapping[str, Any]

_INTRO = """\
What may stand in `probes.yaml`, key by key. `NAME` stands for a name of your own, `[]` for each entry of a list.
`prober check` tells what is wrong with a file, `prober check --effective` prints it with all defaults, and
`prober schema > probes.schema.json` is the same for your editor. [Your own services](../adapt.md) goes step by step.

For any value `${VARIABLE}` may be written, or `${VARIABLE:-what stands in}`: it is taken from the environment.
**needed** means that there is no default; – that nothing is set unless you write it."""


@dataclass
class _Place:
    """Where a form stands first, and in which kinds."""

    path: str
    kinds: list[str] = field(default_factory=list)


def text() -> str:
    """The whole page."""
    whole = json_schema()
    places = {"": _Place("")}
    _walk(whole, "", "", places)
    return page("Configuration", _INTRO, *(part for name in places for part in _section(name, places)))


def keys() -> list[str]:
    """Every path that the page tells, such as `alerts.team`."""
    places = {"": _Place("")}
    _walk(json_schema(), "", "", places)
    found = [_path(place, key) for name, place in places.items() for key in _form(name).get("properties", {})]
    return sorted(set(found))


# ── where forms stand ────────────────────────────────────────────────────────────────────────────────────────────────


def _walk(form: Schema, path: str, kind: str, places: dict[str, _Place]) -> None:
    for key, value in form.get("properties", {}).items():
        for name, suffix, tag in _forms_in(value):
            at = f"{path}.{key}{suffix}".lstrip(".")
            is_new = name not in places
            place = places.setdefault(name, _Place(at))
            if (tag or kind) and (tag or kind) not in place.kinds:
                place.kinds.append(tag or kind)
            if is_new or kind:
                _walk(_form(name), at, tag or kind, places)


def _forms_in(value: Schema, suffix: str = "") -> Iterator[tuple[str, str, str]]:
    """The forms that a value may have: name, what follows the key, and the kind that asks for it."""
    if "$ref" in value:
        yield value["$ref"].rpartition("/")[2], suffix, ""
    for tag, ref in value.get("discriminator", {}).get("mapping", {}).items():
        yield ref.rpartition("/")[2], suffix, f"{value['discriminator']['propertyName']}: {tag}"
    for option in value.get("anyOf", ()):
        yield from _forms_in(option, suffix)
    if isinstance(value.get("items"), dict):
        yield from _forms_in(value["items"], f"{suffix}[]")
    if isinstance(value.get("additionalProperties"), dict):
        yield from _forms_in(value["additionalProperties"], f"{suffix}.NAME")


def _form(name: str) -> Schema:
    return json_schema()["$defs"][name] if name else json_schema()


def _path(place: _Place, key: str) -> str:
    return f"{place.path}.{key}".lstrip(".")


# ── sections ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _section(name: str, places: Mapping[str, _Place]) -> Iterator[str]:
    place, form = places[name], _form(name)
    family = [each for each, other in places.items() if other.path == place.path and _discriminator(each)]
    if len(family) > 1 and family[0] == name:
        yield _shared(family, place)
    shared = _common(family) if len(family) > 1 else {}
    yield _heading(place, form)
    own = {key: value for key, value in form.get("properties", {}).items() if key not in shared}
    yield _rows(place, form, own)


def _heading(place: _Place, form: Schema) -> str:
    about = joined(form.get("description", ""))
    if not place.path:
        return f"## The file\n\n{about}"
    told = [kind for kind in place.kinds if kind]
    more = f" and {len(told) - 1} more" if len(told) > 1 else ""
    kinds = f"\n\nOf {listed(told, 'and')}." if more else ""
    where = f", {told[0]}{more}" if told else ""
    return f"{'###' if told else '##'} {place.path}{where}\n\n{_linked(about)}{kinds}"


def _linked(text: str) -> str:
    """What the schema says of other documents, as links."""
    return re.sub(r"\bdocs/([a-z-]+\.md)", r"[\1](../\1)", text)


def _discriminator(name: str) -> str:
    """The key by which this form is told from others at its path, if there is one."""
    properties = _form(name).get("properties", {})
    return next((key for key in ("probe", "mint") if key in properties), "") if name else ""


def _common(family: list[str]) -> Schema:
    """What all of them have, and mean the same by."""
    first, *others = (_form(name).get("properties", {}) for name in family)
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in others)}


def _shared(family: list[str], place: _Place) -> str:
    key = _discriminator(family[0])
    head = f"## {place.path}\n\nThere are {len(family)} kinds, told apart by `{key}`; each has a section below."
    rows = _rows(place, _form(family[0]), _common(family))
    return f"{head}\n\nAll have:\n\n{rows}" if _common(family) else head


def _rows(place: _Place, form: Schema, properties: Schema) -> str:
    needed = form.get("required", ())
    rows = [
        (code(_path(place, key)), _type(value), _default(value, needed=key in needed), _about(key, value))
        for key, value in properties.items()
    ]
    return table(("key", "is", "default", "says"), rows) if rows else ""


def _about(key: str, value: Schema) -> str:
    """Its own sentence, or its form's."""
    if key in {"probe", "mint"}:
        return "Which kind it is."
    forms = [_form(name) for name, _suffix, _tag in _forms_in(value)]
    told = value.get("description") or next((form.get("description", "") for form in forms), "")
    return _linked(joined(told))


# ── values ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _type(value: Schema) -> str:
    """What may be written there, in words."""
    if "const" in value:
        return code(value["const"])
    if "enum" in value:
        return listed(value["enum"])
    if value.get("title") == "ratio":
        return "ratio, such as `95%` or `0.95`"
    options = [each for each in value.get("anyOf", ()) if each.get("type") != "null" and each.get("pattern") != r"\$\{"]
    if options:
        return " or ".join(dict.fromkeys(map(_type, options)))
    return _one_type(value)


def _one_type(value: Schema) -> str:
    if "$ref" in value or "discriminator" in value:
        return "keys of its own"
    kind = value.get("type")
    if kind == "array":
        return f"list: {_type(value.get('items', {}))}"
    if kind == "object":
        inner = value.get("additionalProperties")
        return f"NAME: {_type(inner)}" if isinstance(inner, dict) else "any keys"
    return f"{_called(value)}{_range(value)}"


_PLAIN = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false"}


def _called(value: Schema) -> str:
    """The name the schema gives to such values; pydantic's own titles are keys once more, in capitals."""
    title = value.get("title", "")
    is_ours = title[:1].islower() or title[:2].isupper()
    return title if is_ours else _PLAIN.get(str(value.get("type")), "anything")


def _range(value: Schema) -> str:
    least, most = value.get("minimum"), value.get("maximum")
    if "exclusiveMinimum" in value:
        return f", above {value['exclusiveMinimum']:g}" + (f", to {most}" if most is not None else "")
    if least is not None:
        return f", {least} to {most}"
    examples = value.get("examples")
    return f", such as {code(examples[0])}" if examples else ""


def _default(value: Schema, *, needed: bool) -> str:
    if needed:
        return "**needed**"
    default = value.get("default")
    if default in (None, [], {}) or isinstance(default, dict):
        return "–"
    return code(_written(value, default))


def _written(value: Schema, default: object) -> str:
    """As one would write it in the file."""
    if isinstance(default, float) and "duration" in _type(value):
        return duration_text(default)
    if isinstance(default, float) and value.get("title") == "ratio":
        return percentage(default)
    if isinstance(default, float):
        return f"{default:g}"
    return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)
