"""Small real pictures, made once: four photos of a person in nested folders, cut-outs, mattes, holes and places."""

import shutil
from pathlib import Path

import pytest

from tests.commands.world import PHOTOS, Command, World, commands, make


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory, astronaut_file: Path) -> World:
    """The world that no test may change."""
    return make(tmp_path_factory.mktemp("world"), astronaut_file)


@pytest.fixture
def world(made: World, tmp_path: Path) -> World:
    """A copy of one's own to work in."""
    shutil.copytree(made.home, tmp_path / "world")
    return World(tmp_path / "world")


@pytest.fixture(params=["matte", "inpaint", "composite"])
def command(request: pytest.FixtureRequest, world: World) -> Command:
    """Every stage command in turn."""
    return commands(world)[request.param]


@pytest.fixture
def source(world: World, command: Command) -> Path:
    """The folder that suits the command."""
    return world.home / command.feed


@pytest.fixture
def expected(command: Command) -> set[str]:
    """The outputs of a run over `source`."""
    return {str(Path(name).with_suffix(f".{command.suffix}")) for name in PHOTOS}


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where results go; does not exist yet."""
    return tmp_path / "out"
