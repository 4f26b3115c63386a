"""A badge: three states and nothing else, as SVG and as what shields.io draws one of."""

from collections.abc import Mapping
from html import escape
from typing import NamedTuple

from prober.publish.document import Document


class _Look(NamedTuple):
    message: str
    colour: str  # dark enough for white letters (WCAG 2.2, 4.5:1)
    name: str  # what shields.io calls it


_STATES: Mapping[bool | None, _Look] = {
    True: _Look("passing", "#1a7f43", "brightgreen"),
    False: _Look("failing", "#b92b27", "red"),
    None: _Look("unknown", "#5b6675", "lightgrey"),
}

#: Of 11 px Verdana, roughly; text is fitted to it, so that a font more or less does not matter.
_LETTER, _PADDING, _HEIGHT = 7.0, 12.0, 20


def badge_document(label: str, *, up: bool | None) -> Document:
    """For shields.io's endpoint badge (schema version 1)."""
    look = _STATES[up]
    return {"schemaVersion": 1, "label": label, "message": look.message, "color": look.name}


def badge_svg(label: str, *, up: bool | None) -> str:
    """The badge itself."""
    look = _STATES[up]
    left, right = _width(label), _width(look.message)
    whole, told = left + right, f"{label}: {look.message}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole:.0f}" height="{_HEIGHT}" role="img"'
        f' aria-label="{escape(told)}"><title>{escape(told)}</title>'
        f'<clipPath id="round"><rect width="{whole:.0f}" height="{_HEIGHT}" rx="3"/></clipPath>'
        f'<g clip-path="url(#round)"><rect width="{left:.0f}" height="{_HEIGHT}" fill="#39424e"/>'
        f'<rect x="{left:.0f}" width="{right:.0f}" height="{_HEIGHT}" fill="{look.colour}"/></g>'
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
        f"{_text(label, left / 2)}{_text(look.message, left + right / 2)}</g></svg>"
    )


def _width(text: str) -> float:
    return len(text) * _LETTER + _PADDING


def _text(text: str, middle: float) -> str:
    length = len(text) * _LETTER
    return f'<text x="{middle:.1f}" y="14" textLength="{length:.0f}">{escape(text)}</text>'
