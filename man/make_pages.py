"""Write man/bgswap-COMMAND.1 from the commands' own help: python man/make_pages.py DIR (make man).

click-man gives the OPTIONS; what every page shares (exit status, environment, files) stands here once. bgswap.1 is
written by hand.
"""

import sys
from pathlib import Path

import click
from click_man.core import generate_man_page

from bgswap import __version__
from bgswap.cli import COMMANDS, main

RELEASED = "2026-11-21"

SHARED = r"""
.SH EXIT STATUS
0 all done; 1 some records failed or no input was found; 2 wrong use; 3 not ready: weights, device, license or extra
missing, and the message says what to type next; 130, 141 and 143 are deaths by interrupt, closed pipe and termination.
.SH ENVIRONMENT
.TP
BGSWAP_MODELS, BGSWAP_MIRROR, BGSWAP_OFFLINE, BGSWAP_DEVICE
Where weights are kept, where they are looked for first, no downloads, the default of \-\-device.
.TP
NO_COLOR, FORCE_COLOR, OMP_NUM_THREADS, CUDA_VISIBLE_DEVICES, XDG_CACHE_HOME, XDG_CONFIG_HOME
Obeyed as everywhere.
.SH FILES
.TP
OUT/.bgswap/COMMAND.jsonl
The journal: a line a record, by which \-u knows what is done.
.TP
$XDG_CACHE_HOME/bgswap/models
Fetched weights.
.TP
$XDG_CONFIG_HOME/bgswap/catalog.toml
Models of your own, by name.
.SH SEE ALSO
"""

MORE = {  # sections that a page has beside its help
    "composite": r"""
.SH DECISIONS
One JSON object a line, a person each: several lines of one key are several people of one picture. Lengths are shares
of the result's width or height, angles degrees. A part that is missing is decided when the line is used; null leaves
its step out.
.TP
version, key, person, background, size
1; the record's key; the files that were read; [height, width] of the result in pixels.
.TP
place
x, y: middle of the lower edge of the person's box; height: the box's; rotation, counter\-clockwise; flip; score.
.TP
harmonize
way; strength, 0 to 1; globals: exposure, temperature, tint in stops and saturation, \-1 gray;
grid: {"shape": [16, 16, 8, 12], "f16": base64 of little\-endian halves}, 12 numbers of a 3x4 affine on sRGB 0..1
for each of 16x16 cells and 8 steps of luminance; shading: the same form, [8, 8] natural logarithms of gains on linear
light.
.TP
shadow
azimuth, 0 away from the camera and 90 to the right; length in heights of the person; softness; density and contact,
light that is lost, 0 to 1; tint of what is left of red, green, blue; way.
.TP
blend, lens
way, light and width; grain in levels, blur, and defocus.
.SH VIDEO
Where P or B is a video (.mp4 .m4v .mov .mkv .webm .avi) and OUT ends in .mp4, .m4v, .mov, .mkv or .webm, frames are
composed one by one, as long as the shorter one lasts, with the sound that there is. A person is set into the frame
once, so that their motion stays their own; colors and shadow are averaged over \-\-smooth seconds. \-\-alpha writes a
video by which bgswap eval \-\-mask measures flicker. Lines of decisions have frame numbers as keys.
""",
}


def option_section(command: click.Command, name: str) -> str:
    """The OPTIONS of a command as click-man writes them."""
    page = generate_man_page(click.Context(command, info_name=name), version=__version__, date="")
    _, _, options = page.partition(".SH OPTIONS\n")
    return options.split("\n.SH ")[0].strip()


def pages() -> dict[str, tuple[str, click.Command]]:
    """Words after `bgswap` -> a line that tells what they do, and the command: every page of its own."""
    from bgswap.evaluation.study.command import study

    found = {}
    for name, (_, line) in COMMANDS.items():
        command = main.get_command(click.Context(main), name)  # type: ignore[attr-defined]
        found[name] = (line.rstrip("."), command)
    return found | {"eval study": ("Ask people which pictures look better, and fit what they say", study)}


def page(name: str, about: str, command: click.Command, names: list[str]) -> str:
    """One manual page; names: of all pages."""
    context = click.Context(command, info_name=f"bgswap {name}")
    dashed = name.replace(" ", "\\-")
    text, _, examples = (command.help or "").partition("\b\n")
    first, _, more = text.strip().partition("\n\n")
    usage = " ".join(command.collect_usage_pieces(context))
    lines = [
        f'.TH "BGSWAP\\-{dashed.upper()}" "1" "{RELEASED}" "bgswap {__version__}" "bgswap manual"',
        f".SH NAME\nbgswap\\-{dashed} \\- {escape(about)}",
        f".SH SYNOPSIS\n.B bgswap {name}\n{escape(usage)}",
        f".SH DESCRIPTION\n{escape(first)}",
    ]
    if more.strip():
        lines.append(f".PP\n{escape(more.strip())}")
    if isinstance(command, click.Group):
        for sub in command.list_commands(context):
            inner = command.get_command(context, sub)
            assert inner is not None
            pieces = " ".join(inner.collect_usage_pieces(click.Context(inner, info_name=sub)))
            lines.append(
                f".SH {sub.upper()}\n.B bgswap {name} {sub}\n{escape(pieces)}\n.PP\n{escape(paragraphs(inner))}"
            )
            lines.append(option_section(inner, sub))
    else:
        lines.append(f".SH OPTIONS\n{option_section(command, name)}")
    if name in MORE:
        lines.append(MORE[name].strip())
    if examples.strip():
        lines.append(f".SH EXAMPLES\n.EX\n{escape(examples.strip(), literal=True)}\n.EE")
    others = [".BR " + "\\-".join(["bgswap", *other.split()]) + " (1)" for other in ["", *names] if other != name]
    lines.append(SHARED.strip() + "\n" + ",\n".join(others))
    return "\n".join(line for line in "\n".join(lines).split("\n") if line.strip()) + "\n"


def paragraphs(command: click.Command) -> str:
    """A command's help without its examples."""
    return (command.help or "").partition("\b\n")[0].strip()


def escape(text: str, *, literal: bool = False) -> str:
    """Plain text as roff: hyphens that are typed, and lines that must not be taken for requests."""
    lines = text.replace("\\", "\\e").replace("-", "\\-").split("\n")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line if literal else line.strip() for line in lines)


def write(folder: Path) -> None:
    """Write every command's page."""
    found = pages()
    for name, (about, command) in found.items():
        (folder / f"bgswap-{name.replace(' ', '-')}.1").write_text(page(name, about, command, list(found)))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
