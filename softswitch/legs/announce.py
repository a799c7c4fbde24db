"""Something is said or sounded, and then we hang up."""

from __future__ import annotations

from softswitch.legs.script import Script
from softswitch.sound.library import Sound, tone


class Say(Script):
    """An announcement of the operator's, or one that comes with the switch."""

    def begin(self) -> None:
        sound = self.leg.sound(self.about)
        self.leg.play([sound if sound is not None else tone("error")], self.leg.hang_up)


class Tone(Script):
    """One of the tones: "confirm" or "error"."""

    def begin(self) -> None:
        sounds: list[Sound] = [tone(self.about)]
        self.leg.play(sounds, self.leg.hang_up)
