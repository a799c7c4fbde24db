"""What comes to a phone's network card: the sound for one that does not record it."""

from __future__ import annotations

import socket
import threading

from softswitch.sound.g711 import pcm_of_alaw

from ..netlab import Host
from .baresip import enter

_IP = 0x0800
_PCMA = 8


class Ear:
    """Listens in a host's namespace to PCMA that is sent to it over UDP and IPv4."""

    def __init__(self, host: Host) -> None:
        self._host = socket.inet_aton(host.address)
        self._heard: list[bytes] = []
        self._ended = False
        ready = threading.Event()
        self._thread = threading.Thread(target=self._listen, args=(host.netns, ready), daemon=True)
        self._thread.start()
        if not ready.wait(5):
            raise OSError(f"no ear in {host.netns}")

    def _listen(self, netns: str, ready: threading.Event) -> None:
        enter(netns)  # this thread alone, which ends here
        with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_IP)) as card:
            card.settimeout(0.2)
            ready.set()
            while not self._ended:
                try:
                    self._take(card.recv(2048))
                except TimeoutError:
                    continue

    def _take(self, packet: bytes) -> None:
        """IPv4 without options, UDP, RTP without extensions (RFC 3550 §5.1): what phones send."""
        rtp = packet[28:]
        ours = packet[:1] == b"\x45" and packet[9] == 17 and packet[16:20] == self._host
        if ours and rtp[:1] == b"\x80" and rtp[1] & 0x7F == _PCMA:
            self._heard.append(rtp[12:])

    @property
    def pcm(self) -> bytes:
        """All that came, 16 bits a sample."""
        return b"".join(map(pcm_of_alaw, list(self._heard)))

    def stop(self) -> None:
        self._ended = True
        self._thread.join(2)
