"""XML from outside as plain elements, read with care: no DTD and so no entities, and not too deep."""

from __future__ import annotations

from collections.abc import Iterator
from xml.parsers.expat import ExpatError, ParserCreate

from softswitch.errors import PeerError

DEEPEST = 50


class Element:
    """`tag` is "namespace}name", or a name alone where there is none."""

    __slots__ = ("attributes", "children", "pieces", "tag")

    def __init__(self, tag: str, attributes: dict[str, str]) -> None:
        self.tag = tag
        self.attributes = attributes
        self.children: list[Element] = []
        self.pieces: list[str] = []
        """The text in it, that of its children included."""

    def get(self, name: str) -> str:
        """An attribute, "" where it is missing."""
        return self.attributes.get(name, "")

    @property
    def text(self) -> str:
        """What is written in it, runs of blanks as one."""
        return " ".join("".join(self.pieces).split())

    def find_all(self, *path: str) -> list[Element]:
        """Those under it by these tags, one below the other."""
        found = [self]
        for tag in path:
            found = [child for one in found for child in one.children if child.tag == tag]
        return found

    def find(self, *path: str) -> Element | None:
        """The first of them."""
        found = self.find_all(*path)
        return found[0] if found else None

    def all(self, tag: str) -> Iterator[Element]:
        """Every one with this tag, however deep."""
        for child in self.children:
            if child.tag == tag:
                yield child
            yield from child.all(tag)


def read_xml(body: bytes, what: str) -> Element:
    """The outermost element. Raises PeerError(400), with `what` it was to be."""
    root = Element("", {})
    open_ones = [root]

    def start(tag: str, attributes: dict[str, str]) -> None:
        if len(open_ones) > DEEPEST:
            raise PeerError(400, f"{what} Too Deep")
        made = Element(tag, attributes)
        open_ones[-1].children.append(made)
        open_ones.append(made)

    def end(tag: str) -> None:
        done = open_ones.pop()
        open_ones[-1].pieces += done.pieces

    def text(data: str) -> None:
        open_ones[-1].pieces.append(data)

    def doctype(*_: object) -> None:
        raise PeerError(400, f"No DTD Allowed in {what}")

    parser = ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = text
    parser.StartDoctypeDeclHandler = doctype
    try:
        parser.Parse(body, True)
    except ExpatError as error:
        raise PeerError(400, f"Malformed XML: Line {error.lineno or 1}") from None
    except (ValueError, LookupError):  # e.g. an encoding nobody knows
        raise PeerError(400, "Malformed XML") from None
    return root.children[0]
