"""The life of the worker: rank 0 talks with the trainer, every rank acts, and all end with the trainer."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import traceback
from collections import OrderedDict
from contextlib import suppress
from typing import Any

import torch

from sage_worker.device import device_name, own_device, total_memory, used_memory
from sage_worker.wire.channel import Channel, Message, connect
from sage_worker.wire.faults import Fault, fault_of, worst_of
from sage_worker.wire.fields import Fields, MessageFault
from sage_worker.wire.heartbeat import start_heartbeat
from sage_worker.wire.messages import PROTOCOL
from sage_worker.wire.ranks import Crew, Outcome, watch_parent
from sage_worker.wire.session import OnProgress, Session, merge

TRAINER_GONE = 3
"""Exit code when the trainer ended first."""
RANK_LOST = 4
"""Exit code when a rank failed in the midst of what all do together."""

_KEPT_REPLIES = 16
_GRACE = 30.0
"""Seconds that a failed rank waits for the others to come to the end of a message."""


def serve(address: str, token: str) -> int:
    """Works for the trainer at `HOST:PORT` until it says `close`. Returns the exit code."""
    leads = int(os.environ.get("RANK", "0")) == 0
    session_box: list[Session] = []

    def on_end(reason: str) -> None:
        # In a thread of its own, while the main one may be anywhere: there is nothing left to tell anybody.
        try:
            forget_files(session_box)
            # Nobody may read stderr any more.
            with suppress(OSError):
                print(f"the worker ends: {reason}", file=sys.stderr, flush=True)
        finally:
            # Whatever happens: this process must not outlive the trainer.
            os._exit(TRAINER_GONE)

    watch_parent(on_end)
    # Connected before anything that takes long or may fail: the trainer hears of it either way.
    channel = connect(address, on_end) if leads else None
    try:
        device = own_device()
        crew = Crew(device)
    except Exception as error:
        if channel is not None:
            channel.send({"failed": fault_of(error, 0, 1), "token": token})
        raise
    session = Session(crew, device)
    session_box.append(session)
    if channel is None:
        follow(crew, session)
    else:
        channel.send({"hello": hello(token, crew, device)})
        start_heartbeat(channel, device)
        lead(channel, crew, session, device)
    forget_files(session_box)
    return 0


def hello(token: str, crew: Crew, device: torch.device) -> Message:
    """Who speaks."""
    return {
        "protocol": PROTOCOL,
        "token": token,
        "pid": os.getpid(),
        "ranks": crew.ranks.size,
        "device": device_name(device, crew.ranks.size),
        "memory": total_memory(device),
        "versions": {
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            **({"cuda": str(torch.version.cuda)} if device.type == "cuda" else {}),
        },
    }


def lead(channel: Channel, crew: Crew, session: Session, device: torch.device) -> None:
    """Rank 0: answers every message in the order of its number, once; a repetition gets the same answer again."""
    replies: OrderedDict[int, Message] = OrderedDict()
    current = 0

    def on_lost(fault: Fault) -> None:
        channel.send({"seq": current, "error": fault})
        os._exit(RANK_LOST)

    crew.watch(_GRACE, on_lost)
    while True:
        message = channel.receive()
        seq = message.get("seq")
        if isinstance(seq, int) and seq in replies:
            channel.send(replies[seq])
            continue
        if seq != current + 1:
            why = f"message {seq!r} came after message {current}"
            channel.send({"seq": seq, "error": fault_of(MessageFault(why), 0, 1)})
            continue
        current = seq
        if message.get("op") == "close":
            crew.pass_on({"op": "close"})
            channel.send({"seq": seq, "ok": {}})
            channel.close()
            return

        def progress(stage: str, done: int, of: int, seq: int = seq) -> None:
            channel.send({"seq": seq, "progress": {"stage": stage, "done": done, "of": of}})

        reply = {"seq": seq, **together(crew, session, crew.pass_on(message), progress), **used_memory(device)}
        replies[seq] = reply
        while len(replies) > _KEPT_REPLIES:
            replies.popitem(last=False)
        channel.send(reply)


def follow(crew: Crew, session: Session) -> None:
    """The other ranks: do what rank 0 passes on."""
    while (message := crew.pass_on(None)).get("op") != "close":
        together(crew, session, message, lambda stage, done, of: None)


def together(crew: Crew, session: Session, message: Message, progress: OnProgress) -> dict[str, Any]:
    """What became of a message on all ranks: `ok`, or `error` with the fault of the rank that explains it best."""
    op = str(message.get("op"))
    fault: Fault | None = None
    result: dict[str, Any] | None = None
    try:
        result = session.act(op, Fields(message, op), progress)
    except Exception as error:
        traceback.print_exc()
        fault = fault_of(error, crew.ranks.rank, crew.ranks.size)
        crew.cry(fault)
    outcomes = crew.outcomes(Outcome(result, fault))
    if fault is not None:
        crew.settle()
    faults = [outcome.fault for outcome in outcomes if outcome.fault is not None]
    if faults:
        return {"error": worst_of(faults)}
    return {"ok": merge(op, [outcome.result for outcome in outcomes if outcome.result is not None])}


def forget_files(sessions: list[Session]) -> None:
    """Deletes what was only to cross to the trainer."""
    for session in sessions:
        if session.scratch is not None:
            shutil.rmtree(session.scratch, ignore_errors=True)
