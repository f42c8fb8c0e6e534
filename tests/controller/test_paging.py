"""Tokens, those of others and broken ones too."""

from __future__ import annotations

import pytest

from argoexec_cli.controller.paging import page_start, watch_start, watch_token
from argoexec_cli.errors import InvalidError


def test_a_watch_token_comes_back_as_its_revision() -> None:
    assert watch_start("store", watch_token("store", 12)) == 12


@pytest.mark.parametrize("token", ["", "store", "12", "other.12", "store.", "store.x", "store.²"])
def test_any_other_token_replays_everything(token: str) -> None:
    assert watch_start("store", token) == 0


def test_a_page_starts_where_the_last_one_ended() -> None:
    assert (page_start(""), page_start("7")) == (0, 7)


@pytest.mark.parametrize("token", ["x", "-1", "1.5", "²", "9" * 19])
def test_what_is_no_page_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidError, match="is not a page token"):
        page_start(token)
