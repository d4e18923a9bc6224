"""What can go wrong, and the exit code of each. Library code raises these; only the command line exits."""

from enum import IntEnum


class Exit(IntEnum):
    """Exit status of every command; 130, 141 and 143 are deaths by signal and never returned."""

    DONE = 0  # everything was done
    FAILED = 1  # some records failed, or no input was found
    USAGE = 2  # the command line makes no sense
    NOT_READY = 3  # weights, device, license or extra missing: the message says what to type next


class BgswapError(Exception):
    """One clear sentence for the user that says what to do."""

    code: Exit = Exit.FAILED


class PictureError(BgswapError):
    """One picture cannot be read, worked on or written: its record fails and the batch goes on."""


class UsageError(BgswapError):
    """The command line, or the arguments of a Python call, make no sense."""

    code = Exit.USAGE


class NotReady(BgswapError):  # noqa: N818 - reads as the state it names
    """Something must be fetched, installed or accepted first."""

    code = Exit.NOT_READY


def missing_extra(extra: str, what: str) -> NotReady:
    """The error for an optional dependency that is not installed, with the line that installs it."""
    return NotReady(f"{what} needs the extra '{extra}'. Install it: pip install 'bgswap[{extra}]'")
