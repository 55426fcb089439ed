"""Pages that are too large for the memory: in which tiles they are restored, by whom, and where tiles wait."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from cgdenoise.fitlog.records import Record
from cgdenoise.images import Picture
from cgdenoise.jobs.options import Options
from cgdenoise.jobs.tile_file import TileFile, left_by
from cgdenoise.reading.on_disk import is_on_disk
from cgdenoise.restoration.denoising import DenoisingRequest
from cgdenoise.restoration.memory import tiling_for
from cgdenoise.restoration.tile_work import Crew, Here
from cgdenoise.restoration.tiled import Kept, KeptForOnce
from cgdenoise.restoration.tiles import Tiling
from cgdenoise.restoration.units import Array

_COPIES = 3
"""Of a page that writing it takes: as stored, as the file, and while this is put together."""


@dataclass(frozen=True)
class LargePages:
    """How the pages of a picture are restored that are too large for the memory.

    Attributes
    ----------
    tiles : str or None
        Path beside which restored tiles are kept, for a run that goes on from them; None for the memory.
    folder : str
        Where there is room for the restored pages of a picture that lies on the disk.
    crew : Crew
        Who restores the tiles.
    """

    tiles: str | None = None
    folder: str = "."
    crew: Crew = field(default_factory=Here)

    def tiling(self, page: int, image: Array, options: Options, made_by: Record) -> Tiling | None:
        """Return in which tiles a page is restored: those that an earlier run has begun with, if they fit; None for the whole.

        Raises
        ------
        MemoryLimitError
            If there is not even memory for tiles.
        """
        left = None if self.tiles is None else left_by(_file_of(self.tiles, page))
        begun = left["tiling"]["side"] if left is not None and left == made_by | {"tiling": left["tiling"]} else None
        return _tiling_of(image, options, begun)

    def kept(self, page: int, made_by: Record, tiling: Tiling) -> Kept:
        """Return where the tiles of a page are kept, with those that an earlier run has left there."""
        if self.tiles is None:
            return KeptForOnce()
        return TileFile(_file_of(self.tiles, page), made_by | {"tiling": asdict(tiling)})

    def forget(self, pages: int) -> None:
        """Remove the tiles that were kept of so many pages: the output is there."""
        if self.tiles is not None:
            for page in range(pages):
                Path(_file_of(self.tiles, page)).unlink(missing_ok=True)


def _file_of(path: str, page: int) -> str:
    return f"{path}.tiles" if page == 0 else f"{path}.page{page}.tiles"


def _tiling_of(page: Array, options: Options, begun: int | None) -> Tiling | None:
    share = None if options.room is None else options.room // options.at_once
    request = DenoisingRequest(page, options.preset, channel_axis=-1, memory=share)
    return tiling_for(request, 0 if is_on_disk(page) else _COPIES * page.nbytes, begun)


def in_tiles(picture: Picture, options: Options) -> bool:
    """Tell whether a page of a picture is restored in tiles.

    Raises
    ------
    MemoryLimitError
        If there is not even memory for tiles.
    """
    return any(_tiling_of(page, options, None) is not None for page in picture.pages)
