"""Start-up times of whole processes, beside bare Python: python tests/bench/startup.py"""

import argparse
import sys
from pathlib import Path

from measure import median, run


def main() -> None:
    """Print a line a command."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--repeat", type=int, default=11)
    chosen = options.parse_args()
    bgswap = str(Path(sys.executable).parent / "bgswap")
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "python -c 'import click'": [sys.executable, "-c", "import click"],
        "python -c 'import bgswap'": [sys.executable, "-c", "import bgswap"],
        "bgswap --version": [bgswap, "--version"],
        "bgswap --help": [bgswap, "--help"],
        "bgswap matte --help": [bgswap, "matte", "--help"],
        "bgswap composite --help": [bgswap, "composite", "--help"],
    }
    runs = {name: [] for name in commands}
    for _ in range(chosen.repeat):
        for name, command in commands.items():
            runs[name].append(run(command))
    bare = median(runs["python -c pass"]).wall
    for name, times in runs.items():
        middle = median(times)
        times_bare = f"{middle.wall / bare:5.1f} times bare Python"
        print(f"{name:28} {middle.wall * 1000:6.0f} ms  {times_bare}  {middle.peak_mib:5.0f} MiB")


if __name__ == "__main__":
    main()
