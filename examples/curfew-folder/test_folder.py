# test_folder.py
from pathlib import Path

import pytest
from adapters.conformance import Conformance, Ground
from folder_adapter import FolderAdapter, FolderSettings


class FolderGround(Ground):
    def __init__(self, path: Path) -> None:
        self.path = path

    def connect(self, call_limit: float = 10.0) -> FolderAdapter:
        return FolderAdapter("files", FolderSettings(path=self.path), call_limit=call_limit)

    def block(self, number: int = 0):
        return {"mode": "rw"[number]}

    async def inventory(self):
        return frozenset(f"{file.name}={file.read_text()}" for file in self.path.iterdir())

    async def admits(self, order, credential):
        file = self.path / f"curfew-{order.grant_id}"
        return file.exists() and file.read_text() == order.params["mode"]

    async def hold(self, order):
        (self.path / "by-hand").write_text(order.params["mode"])

    async def release(self, order):
        (self.path / "by-hand").unlink()


class TestFolder(Conformance):
    @pytest.fixture
    def ground(self, tmp_path):
        return FolderGround(tmp_path)
