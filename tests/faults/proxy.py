"""A proxy for the object store that fails on request."""

import socket
import threading
from contextlib import suppress
from enum import StrEnum

BLOCK_BYTES = 65_536
CUT_AFTER_BYTES = 20_000  # in the middle of a chunk's audio
HANG_S = 4.0  # longer than the client's read timeout
REFUSAL = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class StoreFault(StrEnum):
    """The fault that clients of the store see."""

    NONE = "well"
    FAILING = "answers 500"
    HANGING = "times out"
    CUTTING_UP = "cuts uploads short"
    CUTTING_DOWN = "cuts downloads short"


class FaultyProxy:
    """Forwards connections to an S3 server with the fault it is set to."""

    def __init__(self, target_port: int) -> None:
        self.fault = StoreFault.NONE
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._is_closed = threading.Event()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        self._is_closed.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self._is_closed.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            if self.fault is StoreFault.FAILING:
                client.recv(BLOCK_BYTES)
                client.sendall(REFUSAL)
                return
            if self.fault is StoreFault.HANGING:
                self._is_closed.wait(HANG_S)
                return
            with socket.create_connection(("127.0.0.1", self._target_port)) as server:
                back = threading.Thread(
                    target=self._copy, args=(server, client, StoreFault.CUTTING_DOWN), daemon=True
                )
                back.start()
                self._copy(client, server, StoreFault.CUTTING_UP)
                back.join()

    def _copy(self, source: socket.socket, target: socket.socket, cutting: StoreFault) -> None:
        passed = 0
        with suppress(OSError):
            while block := source.recv(BLOCK_BYTES):
                # A connection that is open when the fault changes gets the new one.
                if self.fault in (StoreFault.FAILING, StoreFault.HANGING):
                    break
                if self.fault is cutting and passed + len(block) > CUT_AFTER_BYTES:
                    target.sendall(block[: CUT_AFTER_BYTES // 2])
                    break
                passed += len(block)
                target.sendall(block)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
