"""kamailio: as an outbound proxy before the switch, or as a stand-in for it that proves the other drivers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from .process import Process

CONFIGS = Path(__file__).parent.parent / "kamailio"


class Kamailio(Process):
    """A running kamailio; `config` is one of the files in tests/interop/kamailio."""

    def __init__(
        self,
        folder: Path,
        config: str,
        listen: Iterable[str],
        words: Mapping[str, str],
        *,
        defines: Iterable[str] = (),
        netns: str | None = None,
    ) -> None:
        """`listen` has entries like "udp:127.0.0.1:5060"; `words` replace the @WORDS@ of the file."""
        text = (CONFIGS / config).read_text()
        words = {"LISTEN": "\n".join(f"listen={one}" for one in listen), **words}
        for word, value in words.items():
            text = text.replace(f"@{word}@", value)
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "kamailio.cfg"
        path.write_text(text)
        options = [option for define in defines for option in ("-A", define)]
        super().__init__(
            ["/usr/sbin/kamailio", "-f", path, "-DD", "-E", "-m", "64", "-M", "8", "-Y", folder, *options],
            netns=netns,
        )
