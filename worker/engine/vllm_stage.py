"""The vLLM token stage: requests join and leave vLLM's running batch from an event loop thread.

Knows vLLM's engine, not T3's network: that is worker.chatterbox.t3.vllm_model.
"""

import asyncio
import itertools
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

import structlog
import torch
from torch import Tensor
from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.exceptions import EngineDeadError

from narration.errors import EngineDied, SpeechError
from worker.chatterbox.config import STOP_SPEECH
from worker.chatterbox.t3.decoder import Prompt, Spoken
from worker.chatterbox.t3.vllm_layout import PromptLayout
from worker.chatterbox.voice import Voice
from worker.engine.conditioning_slots import ConditioningSlots
from worker.engine.stage import fail

log = structlog.get_logger()
T = TypeVar("T")

_MAX_SEED = 2**63 - 1
_START_TIMEOUT_S = 600.0


class Core(Protocol):
    """What we use of vLLM's AsyncLLM."""

    @property
    def errored(self) -> bool:
        """Tell whether the engine is dead."""

    def generate(
        self, prompt: Any, sampling_params: SamplingParams, request_id: str
    ) -> AsyncIterator[Any]:
        """Run a request; closing the iterator aborts it."""

    async def collective_rpc(self, method: str, *, args: tuple[Any, ...]) -> Any:
        """Call a method of the workers."""

    def shutdown(self) -> None:
        """Free the model."""


class VllmStage:
    """TokenStage over vLLM."""

    def __init__(
        self,
        open_core: Callable[[], Core],
        layout: PromptLayout,
        encode_conditioning: Callable[[Voice, float], Tensor],
        bank_rows: int,
        sampling: Callable[[Prompt, int], SamplingParams] | None = None,
    ) -> None:
        self._layout = layout
        self._encode_conditioning = encode_conditioning
        self._sampling = sampling or sampling_params
        self._ids = itertools.count()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_aborted = False
        self._loop = asyncio.new_event_loop()
        # A daemon: a worker that was told to go must not be held by a hung GPU.
        self._thread = threading.Thread(target=self._run, name="speech tokens", daemon=True)
        self._thread.start()
        try:
            self._core, self._slots = self._call(self._open(open_core, bank_rows), _START_TIMEOUT_S)
        except BaseException:
            self._stop_loop()
            raise

    def start(self, prompt: Prompt) -> Future[Spoken]:
        """Queue one prompt; vLLM's scheduler decides when it joins the batch."""
        if not self.is_alive():
            future: Future[Spoken] = Future()
            fail(future, _died())
            return future
        return asyncio.run_coroutine_threadsafe(self._speak(prompt), self._loop)

    def is_alive(self) -> bool:
        """Tell whether prompts are still answered."""
        return self._thread.is_alive() and not self._is_aborted and not self._core.errored

    def abort(self) -> None:
        """Fail everything before the next step."""
        self._is_aborted = True
        self._loop.call_soon_threadsafe(self._cancel_all)

    def close(self) -> None:
        """Free the model; the engine waits for what is under way before it calls this."""
        if self._thread.is_alive():
            self._call(self._shut_down(), None)
            self._stop_loop()

    async def _open(
        self, open_core: Callable[[], Core], bank_rows: int
    ) -> tuple[Core, ConditioningSlots]:
        # vLLM's own tasks must belong to this loop, so its engine is made inside it.
        return open_core(), ConditioningSlots(bank_rows, self._fill)

    async def _fill(self, row: int, voice: Voice, exaggeration: float) -> None:
        conditioning = self._encode_conditioning(voice, exaggeration)
        if not bool(torch.isfinite(conditioning).all()):
            raise SpeechError(f"voice {voice.digest[:12]} gives a conditioning that is not finite")
        data = conditioning.detach().to("cpu", torch.float32).contiguous().numpy().tobytes()
        await self._core.collective_rpc("set_conditioning", args=(row, data))

    async def _speak(self, prompt: Prompt) -> Spoken:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        if self._is_aborted:
            raise _died()
        try:
            return await self._generate(prompt)
        except asyncio.CancelledError:
            if self._is_aborted:
                raise _died() from None
            raise
        except EngineDeadError as error:
            raise _died() from error
        finally:
            self._tasks.discard(task)

    async def _generate(self, prompt: Prompt) -> Spoken:
        params = self._sampling(prompt, self._layout.max_new_tokens)
        async with self._slots.lend(prompt.voice, prompt.exaggeration) as slot:
            ids = self._layout.prompt(slot, prompt.text_tokens, prompt.sampling.guidance)
            final = None
            try:
                async for output in self._core.generate(
                    {"prompt_token_ids": ids}, params, f"u{next(self._ids)}"
                ):
                    final = output
            except (EngineDeadError, asyncio.CancelledError):
                raise
            except Exception as error:
                if self._core.errored:
                    raise _died() from error
                raise SpeechError(f"vLLM refused the chunk: {error}") from error
        assert final is not None, "vLLM ends every request with an output"
        return _spoken(list(final.outputs[0].token_ids))

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_forever()
        self._loop.close()

    def _call(self, coroutine: Any, timeout_s: float | None) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout_s)

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _shut_down(self) -> None:
        self._core.shutdown()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _stop_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        if threading.current_thread() is not self._thread:
            self._thread.join()


def sampling_params(prompt: Prompt, max_new_tokens: int) -> SamplingParams:
    """Write a prompt's sampling as vLLM's; its order of operations is upstream's.

    The whole answer comes at once: an utterance is vocoded as a whole.
    """
    sampling = prompt.sampling
    return SamplingParams(
        temperature=sampling.temperature,
        repetition_penalty=sampling.repetition_penalty,
        min_p=sampling.min_p,
        top_p=sampling.top_p,
        seed=sampling.seed & _MAX_SEED if sampling.temperature else None,
        max_tokens=prompt.max_new_tokens or max_new_tokens,
        stop_token_ids=[STOP_SPEECH],
        detokenize=False,
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _spoken(ids: list[int]) -> Spoken:
    is_stopped = ids[-1:] == [STOP_SPEECH]
    tokens = ids[:-1] if is_stopped else ids
    return Spoken(tokens=torch.tensor(tokens, dtype=torch.int64), is_truncated=not is_stopped)


def _died() -> EngineDied:
    return EngineDied("vLLM's engine died or was stopped: this worker must go")
