"""Whatever is in the settings or secrets file, the outcome is values or problems with places, never another error."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.errors import ConfigError
from softswitch.secrets import parse_secrets
from softswitch.settingsfile import load_settings

ROOT = Path(__file__).parent.parent.parent

SCALARS = st.text(max_size=8) | st.sampled_from(
    " 0 -1 yes 5m 1MiB udp tls 0.0.0.0:5060 [::]:5060 ::1 192.0.2.0/24 a.example 20000-29999 internet memory MD5 json "
    "~ ~no-one/x sqlite:///x sqlite:/// sqlite:///~no-one/x x\0y \u0663s".split(" ")
)
KEYS = st.sampled_from(
    "listen transport bind advertise network dialplans secrets store peers address name digest algorithms "
    "nonce_lifetime registrar minimum contacts relay ports networks internet limits idle tls certificate control log "
    "level transactions t1 max_body realm MD5 SHA-256 user lisen".split()
)
TOP = st.sampled_from(
    "listen dialplans secrets store control peers digest registrar relay limits tls log transactions max_body".split()
)
TREES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5), max_leaves=20
)
SOUND: dict[str, Any] = {"listen": [{"transport": "udp", "bind": "0.0.0.0"}], "dialplans": "x.yaml"}


def own(_: socket.AddressFamily) -> str | None:
    return "192.0.2.1"


def read(text: str, environ: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            load_settings(path, environ, own)
        except ConfigError as error:
            assert error.problems  # noqa: PT017 (both outcomes are right)


@settings(max_examples=50, deadline=None)
@given(TREES)
def test_settings_of_any_shape(tree: Any) -> None:
    read(yaml.safe_dump(tree, allow_unicode=True), {})


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(TOP, SCALARS | TREES, min_size=1, max_size=2))
def test_sound_settings_but_for_one_or_two(tree: dict[str, Any]) -> None:
    read(yaml.safe_dump({**SOUND, **tree}, allow_unicode=True), {})


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_shipped_settings_with_a_slip_of_the_pen(data: st.DataObject) -> None:
    text = (ROOT / "config/softswitch.yaml").read_text(encoding="utf-8")
    start = data.draw(st.integers(0, len(text)))
    end = min(len(text), start + data.draw(st.integers(0, 5)))
    slip = data.draw(st.text(alphabet=st.sampled_from("ab:,-[]{}\"'&*!|>#% \n\t0"), max_size=4))
    read(text[:start] + slip + text[end:], {})


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["SOFTSWITCH_STORE", "SOFTSWITCH_LOG_LEVEL", "SOFTSWITCH_TLS_KEY", "SOFTSWITCH_DIALPLANS"]),
        SCALARS.filter(lambda text: "\0" not in text)
        | st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8),
    ),
    TREES,
)
def test_variables_over_any_settings(environ: dict[str, str], tls: Any) -> None:
    read(yaml.safe_dump({**SOUND, "tls": tls, "log": tls}, allow_unicode=True), environ)


@settings(max_examples=150, deadline=None)
@given(TREES)
def test_secrets_of_any_shape(tree: Any) -> None:
    try:
        parse_secrets(yaml.safe_dump(tree, allow_unicode=True), "s.yaml")
    except ConfigError as error:
        assert error.problems  # noqa: PT017 (both outcomes are right)
