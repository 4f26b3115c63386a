"""docs/images/demo.svg: one real run as a terminal shows it, line after line; at rest for who wants nothing to move.

An SVG with CSS and no script, so that it plays within a README. Its words and colours are those of the run.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from xml.sax.saxutils import escape

from rich.text import Text

WORDS = ("demo", "--once", "--fault", "service_credentials_missing")
FILE = Path(__file__).parents[2] / "docs" / "images" / "demo.svg"

#: The report goes on after this line; a recording need not.
_UNTIL = "  more "

_COLUMNS, _CELL, _LINE, _EDGE = 100, 7.8, 17, 20
_TYPED_SECONDS, _LOOKED_SECONDS, _LINE_SECONDS, _PART_SECONDS = 2.0, 1.2, 0.05, 0.9

#: What a terminal's colours are on this ground; each has a contrast of 4.5 to 1 at least.
_COLOURS = {"red": "#ff8a80", "green": "#8ddb8c", "yellow": "#f2cc60", "cyan": "#79d4e6", "default": "#e6e6e6"}
_GROUND, _DIM = "#16191d", "#a3abb5"


def main() -> None:
    """Run it, and write what it said."""
    FILE.write_text(drawn(said()))
    print(FILE.relative_to(Path.cwd()), FILE.stat().st_size, "bytes")


def said() -> list[Text]:
    """The lines of a real run, with their colours, as far as they are shown."""
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": str(_COLUMNS), "TERM": "xterm"}
    words = [sys.executable, "-m", "prober", *WORDS]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)  # noqa: S603 - our own
    lines = [Text.from_ansi(line) for line in ended.stdout.splitlines()]
    return lines[: next(place for place, line in enumerate(lines) if line.plain.startswith(_UNTIL))]


def drawn(lines: Sequence[Text]) -> str:
    """The picture of these lines under the command that brought them about."""
    command = f"$ prober {' '.join(WORDS)}"
    width, height = _COLUMNS * _CELL + 2 * _EDGE, (len(lines) + 2) * _LINE + 2 * _EDGE
    cover = f'<rect class="t" x="{_EDGE + 2 * _CELL:g}" y="{_EDGE}" width="{len(command) * _CELL:g}" height="{_LINE}"/>'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}" role="img" aria-labelledby="a">',
            f'<title id="a">{escape(command)}: it names the cause, with the steps that show it</title>',
            _style(len(command) - 2),
            f'<rect width="{width:g}" height="{height}" rx="8" fill="{_GROUND}"/>',
            f"<g>{_row(Text(command, 'bold'), 0)}{cover}</g>",
            *_told(lines),
            "</svg>\n",
        ]
    )


def _style(letters: int) -> str:
    typed = f"animation:t {_TYPED_SECONDS:g}s steps({letters}) both"
    return (
        "<style>"
        f"text{{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;white-space:pre;"
        f"fill:{_COLOURS['default']}}}.b{{font-weight:700}}.d{{fill:{_DIM}}}"
        + "".join(f".{name[0]}{{fill:{value}}}" for name, value in _COLOURS.items() if name != "default")
        + f".t{{fill:{_GROUND};transform-origin:right;{typed}}}.l{{animation:l .01s both}}"
        f"@keyframes t{{to{{transform:translateX({letters * _CELL:g}px)}}}}@keyframes l{{from{{opacity:0}}}}"
        "@media (prefers-reduced-motion:reduce){.t{display:none}.l{animation:none}}"
        "</style>"
    )


def _told(lines: Sequence[Text]) -> Iterator[str]:
    """Each line at its moment; a part waits until the one before it has been read."""
    moment = _TYPED_SECONDS + _LOOKED_SECONDS
    for place, line in enumerate(lines, start=1):
        moment += _LINE_SECONDS if line.plain else _PART_SECONDS
        if line.plain:
            yield f'<g class="l" style="animation-delay:{moment:.2f}s">{_row(line, place)}</g>'


def _row(line: Text, place: int) -> str:
    """One line, a text for each stretch of one colour, set to the terminal's columns whatever the font is."""
    y, column, drawn_texts = _EDGE + 13 + place * _LINE, 0, []
    for piece, kind in _pieces(line):
        shown = piece.strip(" ")
        if shown:
            x = _EDGE + (column + len(piece) - len(piece.lstrip(" "))) * _CELL
            length = f'textLength="{len(shown) * _CELL:.1f}"'
            drawn_texts.append(f'<text x="{x:.1f}" y="{y}" {length}{kind}>{escape(shown)}</text>')
        column += len(piece)
    return "".join(drawn_texts)


def _pieces(line: Text) -> Iterator[tuple[str, str]]:
    """Stretches of one style, and the class that is."""
    edges = sorted({0, len(line), *(edge for span in line.spans for edge in (span.start, span.end))})
    for begin, end in pairwise(edges):
        styles = [str(span.style) for span in line.spans if span.start <= begin < span.end]
        words = {word for style in [*styles, str(line.style)] for word in style.split()}
        kinds = [letter for name, letter in _KINDS.items() if name in words]
        yield line.plain[begin:end], f' class="{" ".join(kinds)}"' if kinds else ""


#: The class of each word of a style; a terminal's colours come back by number.
_KINDS = {"bold": "b", "dim": "d", "color(1)": "r", "color(2)": "g", "color(3)": "y", "color(6)": "c"}


if __name__ == "__main__":
    main()
