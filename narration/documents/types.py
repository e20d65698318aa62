"""A document: the original text, and which of its characters are read aloud.

All offsets count characters of `Document.source`. A character is in at most one run or skip;
characters in neither are white space between blocks.
"""

from dataclasses import dataclass
from enum import StrEnum


class BlockKind(StrEnum):
    """What a block means to a listener; it decides the pause around it.

    A line belongs to verse or an address and continues in the next block after a short pause; the
    last line of a stanza is a paragraph.
    """

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    LINE = "line"


class SkipReason(StrEnum):
    """Why a piece of the source is not read aloud."""

    BOILERPLATE = "boilerplate"  # a producer's licences, notices and credits
    CODE = "code"
    CONTENTS = "contents"  # also lists of illustrations and tables
    COPYRIGHT = "copyright"  # copyright pages, imprints and colophons
    FOREIGN = "foreign"
    FRONT_MATTER = "front_matter"  # the block of settings before a markdown text
    HIDDEN = "hidden"
    HTML = "html"
    IMAGE = "image"
    INDEX = "index"
    LEFT_OUT = "left_out"  # a chapter that the caller did not choose
    LINE_NUMBER = "line_number"
    LINK_TARGET = "link_target"
    MARKUP = "markup"
    NAVIGATION = "navigation"  # menus, forms and footers of a saved page
    NOTE = "note"
    NOTE_MARK = "note_mark"
    NUMBER_TABLE = "number_table"
    ORNAMENT = "ornament"
    PAGE_NUMBER = "page_number"
    RUBY = "ruby"
    RUNNING_HEAD = "running_head"
    UNSPEAKABLE = "unspeakable"  # characters that have no spoken form


# Reasons that a listener may override; the others have no words or cannot be spoken.
READABLE_SKIPS = frozenset(SkipReason) - {
    SkipReason.FRONT_MATTER,
    SkipReason.HTML,
    SkipReason.LEFT_OUT,
    SkipReason.LINK_TARGET,
    SkipReason.MARKUP,
    SkipReason.ORNAMENT,
    SkipReason.UNSPEAKABLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """source[start:end] is read aloud, as `reading` where that differs from the source.

    A reading differs for an entity (`&amp;`), an escape, or a line break that is only a wrap.
    """

    start: int
    end: int
    reading: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """source[start:end] is not read aloud, and why."""

    start: int
    end: int
    reason: SkipReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, a heading or a line: one or more runs in source order.

    `language` is a BCP 47 tag if the source marks the block as being in another language.
    """

    kind: BlockKind
    runs: tuple[Run, ...]
    language: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """Blocks that belong together, under a title that is never empty.

    `part` names the part of the work that the chapter belongs to ("Book the First", "Act II"); it
    is empty if the work has no parts.
    """

    title: str
    blocks: tuple[Block, ...]
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """The series of the work, and its position there as written ("2", "2.5")."""

    name: str
    position: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """An identifier of the work, and its scheme in lower case ("isbn", "uri"), empty if unknown."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The cover picture, exactly as in the file."""

    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Metadata:
    """A file's metadata on the work; what it does not specify is None or empty.

    `language` is a BCP 47 tag, `date` is as written (a year or an ISO date), `description` is plain
    text.
    """

    title: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    date: str | None = None
    publisher: str | None = None
    description: str | None = None
    series: Series | None = None
    identifiers: tuple[Identifier, ...] = ()
    cover: Cover | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """What a person should know about how a text was read.

    A warning should be checked; any other remark is for information. `code` identifies the kind to
    programs. `start` and `end` give the place in the source, if there is one.
    """

    text: str
    code: str = "reading"
    is_warning: bool = False
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One text to narrate. For an e-book `source` is the text extracted from its pages."""

    source: str
    media_type: str
    encoding: str
    metadata: Metadata
    chapters: tuple[Chapter, ...]
    skips: tuple[Skip, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def title(self) -> str | None:
        """Title of the work, if the file names it."""
        return self.metadata.title

    @property
    def author(self) -> str | None:
        """All authors in one line, if the file names any."""
        return ", ".join(self.metadata.authors) or None
