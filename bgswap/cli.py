"""The command line: knows the commands by name and imports one only when it is called.

Also the one place where errors become messages and exit codes, and signals become deaths that a shell can
see.
"""

import os
import signal
import sys
import traceback
import warnings
from importlib import import_module
from types import FrameType
from typing import Any, NoReturn

import click

from bgswap import __version__
from bgswap.errors import BgswapError, Exit

# name -> module of its click command, line in the list of commands
COMMANDS = {
    "matte": ("bgswap.matting.command:matte", "Cut people out: write a cut-out (RGBA) of every photo."),
    "inpaint": (
        "bgswap.inpainting.command:inpaint",
        "Fill the hole that a person leaves: write the empty place.",
    ),
    "augment": (
        "bgswap.augmentation.command:augment",
        "Make training samples from photos: folders and metadata.jsonl.",
    ),
    "train": (
        "bgswap.training.command:train",
        "Train the networks of all these commands: write a run folder.",
    ),
    "composite": (
        "bgswap.compositing.command:composite",
        "Set a person into a place: write the finished picture.",
    ),
    "eval": (
        "bgswap.evaluation.command:eval_",
        "Measure pictures against the truth: tables, reports, studies with people.",
    ),
    "models": ("bgswap.zoo.command:models", "List, fetch, verify and remove the weights that commands use."),
    "doctor": ("bgswap.zoo.command:doctor", "Tell what works on this machine, what does not, and why."),
}

EXAMPLES = """\
\b
bgswap matte photos/ cutouts/
bgswap composite --person me.jpg --bg beach.jpg
"""


class Terminated(BaseException):
    """SIGTERM came: unwind as for an interrupt, then die of it."""


class Bgswap(click.Group):
    """The group of all commands, each imported when it is called."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """The commands, in the order in which pictures pass through them."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import one command."""
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name][0].split(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """As click does, with the near name for one mistyped."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            import difflib

            near = difflib.get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else " Try 'bgswap --help'."
            raise click.UsageError(f"No such command '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it raises becomes a sentence and an exit code, or a death by signal."""
        # click would turn an interrupt and a closed pipe into status 1; a shell must see the signal itself
        signal.signal(signal.SIGTERM, _terminate)
        warnings.filterwarnings("ignore", module="PIL")  # what matters in a picture is told as a note of ours
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            _die(signal.SIGINT)
        except Terminated:
            _die(signal.SIGTERM)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            _die(signal.SIGPIPE)
        except (BgswapError, OSError) as cause:
            if "--debug" in sys.argv:
                traceback.print_exc()
            name = ctx.invoked_subcommand or ""
            click.echo(f"bgswap {name}: {_sentence(cause)}", err=True)
            _leave(int(cause.code if isinstance(cause, BgswapError) else Exit.FAILED))
        if isinstance(result, int) and result:
            _leave(result)
        return result


def _sentence(cause: BgswapError | OSError) -> str:
    if isinstance(cause, BgswapError):
        return str(cause)
    # a report, a dependency file or standard output that cannot be written; pictures fail one by one
    from bgswap.folders.records import show

    name = f"{show(os.fsdecode(cause.filename))}: " if isinstance(cause.filename, str | bytes | os.PathLike) else ""
    return f"{name}{cause.strerror or cause}"


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated


def _die(number: signal.Signals) -> NoReturn:
    files = sys.modules.get("bgswap.folders.files")
    if files:
        files.discard_unfinished()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)


def _leave(code: int) -> NoReturn:
    raise SystemExit(code)


@click.group(
    cls=Bgswap,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@click.version_option(__version__, "-V", "--version", prog_name="bgswap", message="%(prog)s %(version)s")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Cut people out of photos and set them into other places.

    Try 'bgswap COMMAND -h' for a command's options and 'man bgswap' for the whole.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


if __name__ == "__main__":
    main()
