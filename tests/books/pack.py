"""Pack the books of a list into a folder: python tests/books/pack.py CLONES LIST FOLDER.

CLONES holds git clones, each as OWNER+NAME or OWNER+NAME/repo; the list names
the books in them: repository, commit and path, separated by tabs. A path is an EPUB file or the
folder of one.
"""

import io
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

# The files that a reader of text needs; of the pictures only covers.
READ = frozenset(
    {".xhtml", ".html", ".htm", ".xml", ".opf", ".ncx", ".css", ".jpg", ".png", ".svg"}
)


class Entry(NamedTuple):
    """One book of a list."""

    repository: str
    commit: str
    path: str

    @property
    def file_name(self) -> str:
        """Name of the book in the folder."""
        inside = self.path.removesuffix(".epub").strip("./").replace("/", "+")
        return f"{self.repository.replace('/', '+')}+{inside}".rstrip("+") + ".epub"


def read_list(path: Path) -> list[Entry]:
    """Read a list of books; lines that begin with # are remarks."""
    lines = path.read_text().splitlines()
    return [Entry(*line.split("\t")) for line in lines if line and not line.startswith("#")]


def pack(clone: Path, entry: Entry) -> bytes:
    """Bytes of a book: a file of the clone, or a folder of it without its sound and film."""
    if entry.path.endswith(".epub"):
        return _git(clone, "show", f"{entry.commit}:{entry.path}")
    tree = entry.commit if entry.path == "." else f"{entry.commit}:{entry.path}"
    names = _git(clone, "ls-tree", "-r", "-z", "--name-only", tree).decode().split("\0")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as book:
        for name in names:
            if Path(name).suffix.lower() in READ:
                separator = ":" if entry.path == "." else "/"
                book.writestr(name, _git(clone, "show", f"{tree}{separator}{name}"))
    return buffer.getvalue()


def _git(clone: Path, *command: str) -> bytes:
    return subprocess.run(
        ["git", "-C", str(clone), *command], check=True, capture_output=True
    ).stdout


def main(clones: Path, listed: Path, folder: Path) -> None:
    """Write the books that are not in the folder yet."""
    folder.mkdir(parents=True, exist_ok=True)
    for entry in read_list(listed):
        path = folder / entry.file_name
        clone = clones / entry.repository.replace("/", "+")
        if path.exists():
            continue
        try:
            data = pack(clone / "repo" if (clone / "repo").exists() else clone, entry)
        except subprocess.CalledProcessError as error:
            print(f"{entry.repository} {entry.path}: {error.stderr.decode().strip()}")
            continue
        path.write_bytes(data)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
