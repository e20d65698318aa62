"""The files in an e-book, read within limits: neither directory nor contents are trusted."""

import io
import lzma
import posixpath
import struct
import zipfile
import zlib
from urllib.parse import unquote

from lxml import etree

from narration.documents.decode import decode_page
from narration.documents.tree import parse_xml
from narration.errors import DocumentError

_MAX_ENTRIES = 20_000  # a richly illustrated book has a few hundred
MAX_UNPACKED_BYTES = 64 * 1024 * 1024  # of markup: the longest novels have less than 10 MiB
_MAX_PICTURE_BYTES = 16 * 1024 * 1024
# The two compression methods that e-books may use; a broken LZMA header asks for 4 GB of memory.
_PACKED = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# Damage can raise any of these; zipfile raises RuntimeError for an encrypted entry.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    RuntimeError,  # including NotImplementedError
    OSError,
    EOFError,
    ValueError,  # including UnicodeDecodeError
    OverflowError,
)


class Archive:
    """A ZIP archive in memory."""

    def __init__(self, data: bytes, what: str, noun: str = "e-book") -> None:
        self.what = what
        self._noun = noun
        self._budget = MAX_UNPACKED_BYTES
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except _DAMAGE as error:
            raise self.damaged("it is not a ZIP archive") from error
        if len(self._zip.infolist()) > _MAX_ENTRIES:
            raise DocumentError(f"{what} holds more than {_MAX_ENTRIES:,} files: is it a book?")
        self._names = {_plain(name): name for name in self._zip.namelist()}

    def __contains__(self, name: str) -> bool:
        return name in self._names

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all files, in directory order."""
        return tuple(self._names)

    def xml(self, name: str) -> etree._Element:
        """Parse one of the archive's own documents.

        Raises: DocumentError if it is missing, damaged or not XML.
        """
        return parse_xml(self.text(name), what=f"{name} in {self.what}")

    def text(self, name: str) -> str:
        """Decode a page or a style sheet.

        Raises: DocumentError if it is missing, damaged or not text.
        """
        return decode_page(self.read(name), what=f"{name} in {self.what}")

    def read(self, name: str) -> bytes:
        """Unpack a text file, counting the actual bytes and not what the directory claims.

        Raises: DocumentError if it is missing or damaged, or if the total is too large.
        """
        data = self._unpack(name, self._budget)
        self._budget -= len(data)
        if self._budget < 0:
            raise DocumentError(
                f"{self.what} unpacks to more than {MAX_UNPACKED_BYTES:,} bytes of text: "
                "send it in parts"
            )
        return data

    def picture(self, name: str) -> bytes | None:
        """Unpack a picture; None if it is missing, damaged or too large."""
        try:
            data = self._unpack(name, _MAX_PICTURE_BYTES)
        except DocumentError:
            return None
        return data if len(data) <= _MAX_PICTURE_BYTES else None

    def damaged(self, how: str) -> DocumentError:
        """Return the error for a damaged archive."""
        return DocumentError(
            f"{self.what} is a damaged {self._noun} ({how}): convert or fetch it again"
        )

    def _unpack(self, name: str, limit: int) -> bytes:
        """Unpack a file; of a larger one only one byte more than the limit."""
        if name not in self._names:
            raise self.damaged(f"{name} is missing")
        try:
            info = self._zip.getinfo(self._names[name])
            if info.compress_type not in _PACKED:
                raise self.damaged(f"{name} uses a compression method that e-books do not use")
            with self._zip.open(info) as file:
                return file.read(limit + 1)
        except _DAMAGE as error:
            raise self.damaged(f"{name} cannot be unpacked") from error


def resolve(folder: str, reference: str) -> str:
    """Return the name of the file in the archive to which a reference from a folder points."""
    return posixpath.normpath(posixpath.join(folder, unquote(reference.partition("#")[0])))


def fragment_of(reference: str) -> str:
    """Return the identifier part of a reference; empty if it points to a whole file."""
    return unquote(reference.partition("#")[2])


def _plain(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")
