# folder_adapter.py
import asyncio
import os
from datetime import timedelta
from pathlib import Path
from typing import ClassVar

from adapters.base import (
    Adapter, Caps, GrantParams, Order, Presence, ProviderSettings, RefusedError,
)


class FolderSettings(ProviderSettings):
    path: Path


class FolderParams(GrantParams):
    mode: str = "r"


class FolderAdapter(Adapter):
    kind = "folder"
    capabilities: Caps = Caps.PER_GRANT | Caps.LISTS_OWNED
    settle = timedelta(seconds=1)
    Settings = FolderSettings
    Params = FolderParams
    settings: FolderSettings

    async def _probe(self) -> list[str]:
        if not await asyncio.to_thread(os.access, self.settings.path, os.W_OK):
            return [f"The directory cannot be written. Run: chmod u+w {self.settings.path}"]
        return []

    async def _grant(self, order: Order) -> None:
        mode = FolderParams.model_validate(dict(order.params)).mode
        try:
            await asyncio.to_thread(self._place(order).write_text, mode)
        except PermissionError as error:
            raise RefusedError(f"The directory cannot be written: {error.strerror}") from error

    async def _revoke(self, order: Order) -> None:
        try:
            await asyncio.to_thread(self._place(order).unlink, missing_ok=True)
        except PermissionError as error:
            raise RefusedError(f"The directory cannot be written: {error.strerror}") from error

    async def _verify(self, order: Order) -> Presence:
        there = await asyncio.to_thread(self._place(order).exists)
        return Presence.PRESENT if there else Presence.ABSENT

    async def _owned(self) -> frozenset[str]:
        files = await asyncio.to_thread(lambda: list(self.settings.path.glob("curfew-*")))
        marks = (file.name.removeprefix("curfew-") for file in files)
        return frozenset(mark for mark in marks if len(mark) == 12 and mark.isalnum())

    def makes(self, params):
        return f"a file in {self.settings.path}, for {params['mode']}"

    def cleanup(self, order: Order) -> str:
        return f"rm -f {self._place(order)}"

    def _place(self, order: Order) -> Path:
        return self.settings.path / order.mark
