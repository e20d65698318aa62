"""One message to one receiver: signed, checked, bounded, whatever the receiver does."""

import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from narration.api_settings import WebhookSettings
from narration.clock import utc_now
from narration.webhooks.claims import DeliveryClaim
from narration.webhooks.deliveries import Attempt
from narration.webhooks.signing import new_secret
from tests.receiver import (
    LOOPBACK,
    Answer,
    Receiver,
    answering,
    dripping,
    flooding,
    open_receiver,
)
from worker.webhooks.connection import LOOKUPS, Resolver
from worker.webhooks.sender import Sender

QUICK = WebhookSettings.model_validate(LOOPBACK | {"timeout_s": 1.0})


def make_claim(url: str, *secrets: str) -> DeliveryClaim:
    return DeliveryClaim(
        id="msg_1", webhook_id="hook_1", fence=1, attempts=1, url=url, body='{"type":"x"}',
        secrets=secrets or (new_secret(),),
    )  # fmt: skip


def send(url: str, settings: WebhookSettings = QUICK, **parts: Any) -> Attempt:
    return Sender(settings, utc_now, **parts).send(make_claim(url))


@pytest.mark.parametrize(
    ("answer", "status", "error"),
    [
        (answering(302, Location="http://127.0.0.1/elsewhere"), 302, "redirects are not followed"),
        (answering(307, Location="https://example.com/"), 307, "redirects are not followed"),
        (answering(404, b"nobody here"), 404, "it answered 404"),
        (answering(500), 500, "it answered 500"),
        (answering(204), 204, None),
        (answering(299), 299, None),
        (dripping(0.05), None, "no answer within 1 s"),
        (lambda *_: time.sleep(2), None, "no answer within 1 s"),
        (lambda handler, _: handler.wfile.write(b"220 mail.example.com\r\n\r\n"), None, "not HTTP"),
        (lambda handler, _: handler.wfile.write(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 300_000), None,
         "not HTTP"),
    ],
)  # fmt: skip
def test_only_a_success_in_time_counts(
    receiver: Receiver, answer: Answer, status: int | None, error: str | None
) -> None:
    receiver.answer = answer
    began = time.monotonic()
    attempt = send(receiver.url)
    assert time.monotonic() - began < 1.8
    assert attempt.status_code == status
    assert (attempt.error is None) == (error is None)
    assert (error or "") in (attempt.error or "")
    assert len(receiver.received) == 1


def test_of_an_endless_answer_only_the_beginning_is_read(receiver: Receiver) -> None:
    receiver.answer = flooding
    attempt = send(receiver.url)
    assert attempt.error is None
    assert attempt.response == "y" * 1000
    assert attempt.took_ms < 900


def test_an_answer_that_is_no_text_is_kept_as_text(receiver: Receiver) -> None:
    receiver.answer = answering(400, b"\x00\xff\x1b[2J\nbad")
    assert (send(receiver.url).response or "").encode()
    assert "\x00" not in (send(receiver.url).response or "")


def test_a_receiver_that_asks_for_time_is_given_it(receiver: Receiver) -> None:
    receiver.answer = answering(429, Retry_After="120")
    assert send(receiver.url).retry_after_s == 120
    receiver.answer = answering(503, Retry_After="Sun, 06 Nov 1994 08:49:37 GMT")
    assert send(receiver.url).retry_after_s is None


def test_nobody_there_is_said(receiver: Receiver) -> None:
    receiver.close()
    assert "the connection failed" in (send(receiver.url).error or "")


def test_loopback_is_refused_unless_it_was_named(receiver: Receiver) -> None:
    for name in ("127.0.0.1", "localhost"):
        url = f"https://{name}:{receiver.port}/"
        assert "private or reserved" in (send(url, WebhookSettings()).error or "")
    assert receiver.received == []


def test_a_name_whose_answer_changes_after_the_check_leads_nowhere_else(
    receiver: Receiver,
) -> None:
    """A rebinding DNS server: the first answer is an allowed address, later ones are another."""
    with open_receiver() as inside:
        answers = iter([["127.0.0.2"]])
        lookups = []

        def resolve(host: str, port: int) -> list[str]:
            lookups.append(host)
            return next(answers, ["127.0.0.1"])

        only_two = WebhookSettings(allowed_networks="127.0.0.2/32", timeout_s=1)
        url = f"http://rebinding.example:{inside.port}/"
        # The connection went to 127.0.0.2, where no server listens.
        attempt = send(url, only_two, resolver=Resolver(resolve))
        assert "the connection failed" in (attempt.error or "")
        assert lookups == ["rebinding.example"]
        again = send(url, only_two, resolver=Resolver(resolve))
        assert "private or reserved" in (again.error or "")
        assert inside.received == []


def test_a_name_with_one_private_address_is_refused_whole(receiver: Receiver) -> None:
    resolver = Resolver(lambda *_: ["8.8.8.8", "127.0.0.1"])
    attempt = send(f"https://mixed.example:{receiver.port}/", WebhookSettings(), resolver=resolver)
    assert "private or reserved" in (attempt.error or "")


def test_a_resolver_that_hangs_is_given_up() -> None:
    resolver = Resolver(lambda *_: time.sleep(3) or ["127.0.0.1"])
    began = time.monotonic()
    assert "no answer within" in (send("http://slow.example/", resolver=resolver).error or "")
    assert time.monotonic() - began < 1.8


def test_a_look_up_that_never_began_is_not_the_receivers_failure() -> None:
    is_over = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        is_over.wait(20)
        return ["127.0.0.1"]

    resolver = Resolver(resolve)
    slow = QUICK.model_copy(update={"timeout_s": 0.3})
    with ThreadPoolExecutor(LOOKUPS) as pool:
        sent = [
            pool.submit(send, f"http://slow{index}.example/", slow, resolver=resolver)
            for index in range(LOOKUPS)
        ]
        assert all(each.result().is_begun for each in sent)
        attempt = send("http://late.example/", slow, resolver=resolver)
        is_over.set()
    assert not attempt.is_begun
    assert "too many names" in (attempt.error or "")
    resolver.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate for receiver.example, in one file."""
    folder = tmp_path_factory.mktemp("tls")
    command = [
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
        "-subj", "/CN=receiver.example", "-addext", "subjectAltName=DNS:receiver.example",
        "-keyout", str(folder / "key"), "-out", str(folder / "certificate"),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key").read_bytes() + (folder / "certificate").read_bytes())
    return both


def test_certificates_are_asked_for_the_name_and_not_the_address(certificate: Path) -> None:
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    resolver = Resolver(lambda *_: ["127.0.0.1"])
    with open_receiver(serving) as receiver:

        def send_to(name: str, trusted: ssl.SSLContext | None = None) -> Attempt:
            return send(f"https://{name}:{receiver.port}/", resolver=resolver, trusted=trusted)

        assert send_to("receiver.example", trusting).status_code == 204
        assert "certificate" in (send_to("other.example", trusting).error or "")
        assert "certificate" in (send_to("receiver.example").error or "")
        assert len(receiver.received) == 1
