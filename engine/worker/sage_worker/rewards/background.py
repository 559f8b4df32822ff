"""Scores videos beside the sampling of the next ones: a thread, with a CUDA stream of its own where there is one."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext

import torch

from sage_worker.rewards.base import VideoToScore
from sage_worker.rewards.mix import Rewards, Score

Key = tuple[str, int]

rows_a_batch = 8
"""Videos that are taken from the queue at once, at most; a model splits them further as its memory asks."""


class BackgroundScoring:
    """`submit` as soon as a video is decoded, `collect` when its score is needed, `release` with the rollout."""

    def __init__(self, rewards: Rewards, device: torch.device) -> None:
        self._rewards = rewards
        # The current device is a thread's own: another thread's would be the first one.
        self._device = torch.device("cuda", torch.cuda.current_device()) if device == torch.device("cuda") else device
        self._waiting: queue.Queue[tuple[Key, VideoToScore, Future[Score]] | None] = queue.Queue()
        self._scores: dict[Key, Future[Score]] = {}
        self._thread = threading.Thread(target=self._work, name="rewards", daemon=True)
        self._thread.start()

    def submit(self, handle: str, index: int, video: VideoToScore) -> None:
        """Queues sample `index` of rollout `handle`. The pixels must not change until it is collected or released."""
        future: Future[Score] = Future()
        self._scores[handle, index] = future
        self._waiting.put(((handle, index), video, future))

    def collect(self, handle: str, indices: Sequence[int]) -> list[Score]:
        """Waits for the scores of these samples, in this order. They stay until release, so it may be asked again.

        Raises what the scoring raised (WorkerError, or a bug) and KeyError for a sample that was not submitted.
        """
        return [self._scores[handle, index].result() for index in indices]

    def release(self, handle: str) -> None:
        """Forgets a rollout's scores; what still waits of it is not scored."""
        for key in [key for key in self._scores if key[0] == handle]:
            self._scores.pop(key).cancel()

    def close(self) -> None:
        """Lets the thread end after what it is at; what waits is not scored."""
        for future in self._scores.values():
            future.cancel()
        self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        with self._stream():
            while (batch := self._take()) is not None:
                self._score(batch)
                # Idle, the thread must not hold the last videos' pixels.
                del batch

    def _stream(self) -> AbstractContextManager[object]:
        if self._device.type != "cuda":
            return nullcontext()
        torch.cuda.set_device(self._device)  # of this thread
        return torch.cuda.stream(torch.cuda.Stream(self._device))  # type: ignore[no-untyped-call]

    def _take(self) -> list[tuple[VideoToScore, Future[Score]]] | None:
        """Waits for a video and takes what else is there; None at the end. Released ones are left out."""
        item = self._waiting.get()
        batch: list[tuple[VideoToScore, Future[Score]]] = []
        while item is not None:
            _, video, future = item
            if future.set_running_or_notify_cancel():
                batch.append((video, future))
            if len(batch) == rows_a_batch or self._waiting.empty():
                return batch
            item = self._waiting.get()
        if batch:
            self._waiting.put(None)
            return batch
        return None

    def _score(self, batch: list[tuple[VideoToScore, Future[Score]]]) -> None:
        if not batch:
            return
        try:
            scores = self._rewards.score([video for video, _ in batch])
        except BaseException as error:  # whoever collects hears of it, and the thread goes on
            for _, future in batch:
                future.set_exception(error)
            return
        for (_, future), score in zip(batch, scores, strict=True):
            future.set_result(score)
