"""Messages between the service's processes: JSON lines over a socket pair."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from serving.errors import RegistryUnavailable

Message = dict[str, Any]
ANSWER_SECONDS = 60


class Link:
    """One end of the line to another process."""

    def __init__(self, end: socket.socket, receive: Callable[[Message], Awaitable[None]]) -> None:
        """Take one end of a socket pair, and what is done with each message."""
        self._end = end
        self._receive = receive
        self._writer: asyncio.StreamWriter | None = None
        self._early: list[bytes] = []  # said before the line was open
        self._numbers = itertools.count()
        self._questions: dict[int, asyncio.Future[Message]] = {}

    async def run(self) -> None:
        """Pass messages on until the other process ends."""
        reader, self._writer = await asyncio.open_connection(sock=self._end, limit=2**20)
        self._writer.writelines(self._early)
        try:
            while line := await reader.readline():
                message = orjson.loads(line)
                if "reply_to" not in message:
                    await self._receive(message)
                elif question := self._questions.pop(message["reply_to"], None):
                    question.set_result(message)
        except ConnectionError:
            pass
        finally:
            self._writer.close()

    def send(self, message: Message) -> None:
        """Send a message; lost if the other process has ended."""
        line = orjson.dumps(message, option=orjson.OPT_APPEND_NEWLINE)
        if self._writer is None:
            self._early.append(line)
        elif not self._writer.is_closing():
            self._writer.write(line)

    async def ask(self, message: Message) -> Message:
        """Send a question and wait for the message that answers it.

        Raises:
            RegistryUnavailable: no answer came in time.
        """
        number = next(self._numbers)
        future = self._questions[number] = asyncio.get_running_loop().create_future()
        self.send(message | {"number": number})
        try:
            return await asyncio.wait_for(future, ANSWER_SECONDS)
        except TimeoutError:
            raise RegistryUnavailable(f"no answer within {ANSWER_SECONDS} s.") from None
        finally:
            self._questions.pop(number, None)
