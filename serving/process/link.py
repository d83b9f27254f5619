"""Messages between the service's processes: lines over a socket pair."""

from __future__ import annotations

import asyncio
import itertools
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable

from serving.errors import RegistryUnavailable, ServingError
from serving.process.messages import MAX_BYTES, Envelope, Failed, Message

Handle = Callable[[Message], Awaitable[Message | None]]


class Link:
    """One end of the line to another process."""

    def __init__(self, end: socket.socket, handle: Handle) -> None:
        """Take one end of a socket pair, and what answers each message."""
        self._end = end
        self._handle = handle
        self._writer: asyncio.StreamWriter | None = None
        self._early: list[bytes] = []  # sent before the line was open
        self._numbers = itertools.count()
        self._questions: dict[int, asyncio.Future[Message]] = {}
        self._answering: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Pass messages on until the other process ends; questions are then answered no more."""
        reader, self._writer = await asyncio.open_connection(sock=self._end, limit=MAX_BYTES)
        self._writer.writelines(self._early)
        try:
            while line := await reader.readline():
                envelope = Envelope.from_line(line)
                if envelope.is_answer:
                    question = self._questions.pop(envelope.number or 0, None)
                    if question and not question.done():
                        question.set_result(envelope.message)
                elif envelope.number is None:
                    await self._answer(envelope)  # in their order
                else:
                    task = asyncio.create_task(self._answer(envelope))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)
        except ConnectionError:
            pass
        finally:
            self._writer.close()
            for question in self._questions.values():
                if not question.done():
                    question.set_exception(RegistryUnavailable("the process that asks it ended."))

    async def _answer(self, envelope: Envelope) -> None:
        answer: Message | None
        try:
            answer = await self._handle(envelope.message)
        except ServingError as error:
            answer = Failed.of(error)
        except Exception as error:  # a message that cannot be handled is not the last one
            print(traceback.format_exc(), file=sys.stderr)
            answer = Failed.of(RegistryUnavailable(f"{type(error).__name__}: {error}"))
        if envelope.number is None or answer is None:
            return
        try:
            self._write(Envelope(answer, envelope.number, is_answer=True))
        except ValueError as error:  # too long: the other process is not to wait in vain
            answer = Failed.of(RegistryUnavailable(str(error)))
            self._write(Envelope(answer, envelope.number, is_answer=True))

    def send(self, message: Message) -> None:
        """Send a message; lost if the other process has ended."""
        self._write(Envelope(message))

    def _write(self, envelope: Envelope) -> None:
        line = envelope.to_line()
        if self._writer is None:
            self._early.append(line)
        elif not self._writer.is_closing():
            self._writer.write(line)

    async def ask(self, message: Message, seconds: float) -> Message:
        """Send a question and wait for its answer.

        Raises:
            TimeoutError: it did not come in time.
            ServingError: what was asked for failed, or the process ended.
        """
        number = next(self._numbers)
        future = self._questions[number] = asyncio.get_running_loop().create_future()
        self._write(Envelope(message, number))
        try:
            answer = await asyncio.wait_for(future, seconds)
        finally:
            self._questions.pop(number, None)
        if isinstance(answer, Failed):
            raise answer.error()
        return answer
