"""How far a pull is, put together from lists that containerd changes in between."""

from __future__ import annotations

from typing import Any, cast
from unittest.mock import Mock

from argoexec_cli.rpc.gen.containerd.services import content_pb2
from argoexec_cli.runtime.containerd.channel import Channel
from argoexec_cli.runtime.containerd.names import parse_name
from argoexec_cli.runtime.containerd.progress import Content

NAME = parse_name("registry.example/a:1")
FIRST, SECOND = "sha256:1", "sha256:2"
MANIFEST = content_pb2.Info(
    digest="sha256:0",
    labels={f"containerd.io/gc.ref.content.l.{n}": one for n, one in enumerate((FIRST, SECOND))},
)


class Lists:
    """A containerd with two layers to fetch."""

    def __init__(self) -> None:
        """Begin with nothing of them."""
        self.grpc = Mock()
        self.there: list[content_pb2.Info] = [MANIFEST]
        self.written: list[content_pb2.Status] = []

    async def gather(self, *_: Any) -> list[content_pb2.ListContentResponse]:
        """List what is labelled with the repository."""
        return [content_pb2.ListContentResponse(info=self.there)]

    async def call(self, *_: Any) -> content_pb2.ListStatusesResponse:
        """List what is being written."""
        return content_pb2.ListStatusesResponse(statuses=self.written)


async def test_a_layer_that_is_in_no_list_for_a_moment_takes_no_bytes_away() -> None:
    lists = Lists()
    content = Content(cast(Channel, lists))
    lists.written = [
        content_pb2.Status(ref=f"layer-{FIRST}", offset=90, total=100),
        content_pb2.Status(ref=f"layer-{SECOND}", offset=10, total=50),
    ]
    first = await content.look(NAME)
    del lists.written[0]
    second = await content.look(NAME, first.parts)
    assert (second.progress, second.fetching) == (first.progress, True)
    lists.there.append(content_pb2.Info(digest=FIRST, size=100))
    third = await content.look(NAME, second.parts)
    assert (third.progress.bytes_done, third.progress.bytes_total) == (110, 150)
    assert (third.progress.layers_done, third.progress.layers_total) == (1, 2)
    lists.written.clear()
    lists.there.append(content_pb2.Info(digest=SECOND, size=50))
    last = await content.look(NAME, third.parts)
    assert (last.progress.bytes_done, last.fetching) == (150, False)
