"""What a user may choose, the same for all inputs of a command."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from cgdenoise.fitting.plan import Preset
from cgdenoise.jobs.noise_sources import NoiseSources
from cgdenoise.names import Channels
from cgdenoise.noise.known import KnownNoise


@dataclass(frozen=True)
class Options:
    """What holds for all jobs of a run.

    Attributes
    ----------
    command : str
        Which command it is.
    preset : Preset
        With the user's changes.
    preset_name : str
        Of the preset it started from, for the log.
    known : KnownNoise
        What the user knows of the noise, in the files' own grey levels or the unit of the measurements.
    seed : int
        Of all fits.
    device : str
        As `denoise` takes it.
    threads : int
        For the log; set by the caller.
    memory : int or None
        Bytes that all processes may hold together, if the user said it; for the log.
    room : int or None
        The same, or what is usual on this machine when the command begins; None for what is usual when a page has its turn.
    noise_sources : NoiseSources
        Files that tell of the noise.
    arguments : tuple of str
        The options that were given and decide the result, as one would type them again; for the log.
    axes : str or None
        What the axes of the inputs are, where these do not say it.
    channels : Channels or None
        Which channels are restored together; None for those that a file has beside each other.
    temporal : bool
        Whether frames help those before and after.
    warm_start : bool
        Whether the fit of a frame starts from the weights of the one before.
    at_once : int
        Processes that restore an image each.
    """

    command: str
    preset: Preset
    preset_name: str
    known: KnownNoise
    seed: int
    device: str
    threads: int
    memory: int | None = None
    room: int | None = None
    noise_sources: NoiseSources = field(default_factory=NoiseSources)
    arguments: tuple[str, ...] = ()
    axes: str | None = None
    channels: Channels | None = None
    temporal: bool = False
    warm_start: bool = False
    at_once: int = 1

    def settings(self) -> dict[str, Any]:
        """Return all of them by name, for the log."""
        known = self.known
        noise = {"sigma": known.sigma, "noise": str(known.kind), "gain": known.gain, "offset": known.offset}
        run = {
            "preset_name": self.preset_name,
            "seed": self.seed,
            "device": self.device,
            "threads": self.threads,
            "memory": self.memory,
            "axes": self.axes,
            "channels": None if self.channels is None else str(self.channels),
            "temporal": self.temporal,
            "warm_start": self.warm_start,
        }
        return run | noise | self.noise_sources.hashes() | asdict(self.preset)
