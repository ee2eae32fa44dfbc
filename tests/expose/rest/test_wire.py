"""What only shows on the wire: callers who leave, answers that break, uploads that stop."""

from __future__ import annotations

import asyncio

import pytest

from cap_core.errors import UpstreamError
from cap_core.plugins.messages import Reply


class Chunks:
    """A stream of chunks that then waits, breaks or ends."""

    def __init__(self, chunks, end=None):
        self.chunks, self.end, self.closed = chunks, end, asyncio.Event()

    async def __aiter__(self):
        for chunk in self.chunks:
            yield chunk
        if isinstance(self.end, BaseException):
            raise self.end
        if self.end == "waits":
            await asyncio.Event().wait()

    async def aclose(self):
        self.closed.set()


GET = b"GET /cats HTTP/1.1\r\nHost: x\r\n\r\n"


def test_a_caller_who_leaves_before_the_answer_cancels_the_call(made, served):
    begun, gone = asyncio.Event(), asyncio.Event()

    async def run(values, context):
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            gone.set()

    async def talk(reader, writer):
        writer.write(GET)
        await begun.wait()
        writer.close()
        return await gone.wait()

    assert served(made.call(), run, talk)


def test_a_caller_who_leaves_in_the_middle_of_an_answer_closes_the_stream(made, served):
    stream = Chunks([b"data: 1\n\n"], "waits")

    async def run(values, context):
        return Reply(200, ((b"content-type", b"text/event-stream"),), stream)

    async def talk(reader, writer):
        writer.write(GET)
        await reader.readuntil(b"data: 1\n\n")
        writer.close()
        return await stream.closed.wait()

    assert served(made.call(), run, talk)


@pytest.mark.parametrize("headers", [(), ((b"content-length", b"10"),)])
def test_an_answer_that_breaks_does_not_look_whole(made, served, headers):
    stream = Chunks([b"12345"], UpstreamError("reset", "connection reset"))

    async def run(values, context):
        return Reply(200, headers, stream)

    async def talk(reader, writer):
        writer.write(GET)
        return await reader.read()

    got = served(made.call(), run, talk)

    assert b"12345" in got
    assert not got.endswith(b"0\r\n\r\n")
    assert stream.closed.is_set()


def test_chunks_are_sent_as_they_arrive(made, served):
    more = asyncio.Event()

    class Slow(Chunks):
        async def __aiter__(self):
            yield b"first;"
            await more.wait()
            yield b"second;"

    async def run(values, context):
        return Reply(200, (), Slow([]))

    async def talk(reader, writer):
        writer.write(GET)
        await reader.readuntil(b"first;")
        more.set()
        return await reader.readuntil(b"0\r\n\r\n")

    assert b"second;" in served(made.call(), run, talk)


def test_head_has_the_headers_of_get_and_no_body(made, served):
    async def run(values, context):
        return Reply(200, ((b"content-length", b"4711"),), b"" if context.method == "HEAD" else b"x" * 4711)

    async def talk(reader, writer):
        writer.write(b"HEAD /cats HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return await reader.read()

    got = served(made.call(), run, talk)

    assert b"content-length: 4711\r\n" in got
    assert got.endswith(b"\r\n\r\n")


def upload(made):
    return made.call(made.input("body", "body", opaque=True), method="POST", upstream="POST")


POST = b"POST /cats HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_an_upload_streams_through_while_it_arrives(made, served):
    seen = asyncio.Queue()

    async def run(values, context):
        async for chunk in values["body"].body:
            await seen.put(chunk)
        return Reply(200, (), b"done")

    async def talk(reader, writer):
        writer.write(POST + b"3\r\nabc\r\n")
        first = await seen.get()
        writer.write(b"2\r\nde\r\n0\r\n\r\n")
        return first, await seen.get(), (await reader.readuntil(b"done"))[:15]

    assert (b"abc", b"de", b"HTTP/1.1 200 OK") == served(upload(made), run, talk)


@pytest.mark.parametrize("rest", [b"", b"0\r\n\r\n"])
def test_a_caller_who_leaves_during_or_after_an_upload_cancels_the_call(made, served, rest):
    begun, gone = asyncio.Event(), asyncio.Event()

    async def run(values, context):
        try:
            async for _ in values["body"].body:
                begun.set()
            await asyncio.Event().wait()
        finally:
            gone.set()

    async def talk(reader, writer):
        writer.write(POST + b"3\r\nabc\r\n" + rest)
        await begun.wait()
        writer.close()
        return await gone.wait()

    assert served(upload(made), run, talk)


def test_a_caller_may_send_the_next_request_after_one_was_refused_unread(made, served):
    runs = made.runs()

    async def talk(reader, writer):
        writer.write(b"GET /cats HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + GET)
        answers = []
        for end in (b"}]}", b"meow"):
            answers.append(await reader.readuntil(end))
        return answers

    refused, answered = served(made.call(), runs, talk)

    assert b"body has nowhere to go" in refused
    assert b"200 OK" in answered
