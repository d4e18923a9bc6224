"""The options and the settings that they become are the same things with the same defaults."""

from dataclasses import MISSING, fields

import click
import pytest

from bgswap import options
from bgswap.cli import main
from bgswap.compositing.decide import CompositeSettings
from bgswap.errors import UsageError
from bgswap.folders.plan import RunOptions
from bgswap.inpainting.fill import InpaintSettings
from bgswap.matting.predict import MatteSettings
from bgswap.zoo.choice import ModelOptions

SETTINGS = {"matte": MatteSettings, "inpaint": InpaintSettings, "composite": CompositeSettings}


def parameters(name: str) -> dict[str, click.Parameter]:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    return {str(parameter.name): parameter for parameter in command.params}


@pytest.mark.parametrize("name", SETTINGS)
def test_every_option_has_the_default_of_the_setting_that_it_becomes(name):
    command = main.get_command(click.Context(main), name)
    assert command is not None
    values = command.make_context(name, []).params
    for kind in (SETTINGS[name], ModelOptions):
        for field in fields(kind):
            if field.name in values:
                wanted = field.default if field.default is not MISSING else None
                assert str(values[field.name]) == str(wanted), field.name


@pytest.mark.parametrize("name", SETTINGS)
def test_every_shared_option_has_its_place_in_run_options(name):
    known = {field.name for field in fields(RunOptions)} | {field.name for field in fields(options.Naming)}
    shared = {"quiet"} | (known - {"in_place"})
    assert shared <= set(parameters(name)), f"{name} lacks {shared - set(parameters(name))}"


def test_an_option_that_no_settings_take_is_a_mistake_of_ours():
    with pytest.raises(TypeError, match="unheard"):
        options.split({"unheard": 1}, RunOptions)


@pytest.mark.parametrize(
    ("text", "color"), [("#336699", (51, 102, 153)), ("white", (255, 255, 255)), ("#fff", (255,) * 3)]
)
def test_colors_are_read_as_css_has_them(text, color):
    assert options.color(text) == options.backdrop(text) == color


@pytest.mark.parametrize("text", ["notacolor", "#12", "rgb("])
def test_what_is_no_color_is_said_to_be_none(text):
    with pytest.raises(UsageError, match="color"):
        options.color(text)


def test_a_place_is_a_file_where_one_has_that_name_and_a_missing_picture_is_no_color(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "red").mkdir()
    assert options.backdrop("red") is None
    assert options.backdrop("beach.jpg") is None
    assert options.backdrop("blur") == "blur"
    with pytest.raises(UsageError, match="no file, no color"):
        options.backdrop("beach")
