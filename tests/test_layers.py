"""Imports point one way, and nothing heavy is loaded before it is needed."""

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import bgswap

ROOT = Path(bgswap.__file__).parent
ORDER = [
    {"networks", "folders"},
    {"zoo"},
    {"matting"},
    {"inpainting"},
    {"compositing"},
    {"augmentation"},
    {"evaluation"},
    {"training"},
]
LEVEL = {package: level for level, packages in enumerate(ORDER) for package in packages}
BELOW_ALL = {"errors", "extensions", "__init__"}
ABOVE_ALL = {"cli", "calls", "options", "operands"}
HEAVY = {"torch", "numpy", "cv2", "onnxruntime", "scipy", "PIL", "rembg", "rich", "tqdm", "pymatting", "distributed"}
HEAVY |= {"torchmetrics", "choix", "jinja2"}


@cache
def imports(file: Path, *, top_only: bool = False) -> set[str]:
    """The modules that a file imports, "bgswap.zoo.loader" and the like; with top_only not those inside functions."""
    tree = ast.parse(file.read_text())
    nodes = tree.body if top_only else ast.walk(tree)
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{name.name}" if node.module == "bgswap" else node.module for name in node.names}
    return found


def package_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if parts[0] == "bgswap" and len(parts) > 1 else ""


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_imports_point_one_way(file):
    mine = file.relative_to(ROOT).parts[0].removesuffix(".py")
    if mine in ABOVE_ALL or mine == "__init__":
        return
    for package in {package_of(module) for module in imports(file)} - {"", mine, "__version__"} - BELOW_ALL:
        assert mine not in BELOW_ALL, f"{mine} lies below all and imports {package}"
        if package in ("options", "operands"):
            assert file.name in ("command.py", "request.py"), "only what stands behind a command reads its operands"
            continue
        assert package not in ABOVE_ALL, f"{mine} imports {package}"
        assert LEVEL[package] < LEVEL[mine], f"{mine} imports {package}"


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda p: p.relative_to(ROOT).as_posix())
def test_only_command_files_know_click_and_only_picture_opens_pictures(file):
    mine = file.relative_to(ROOT).as_posix()
    if file.name != "command.py" and mine not in ("cli.py", "options.py"):
        assert "click" not in imports(file)
    if file.name == "command.py":
        assert not {module.split(".")[0] for module in imports(file, top_only=True)} & HEAVY
    if not mine.startswith("folders/"):
        text = file.read_text()
        assert ".imread(" not in text
        assert "Image.open(" not in text
    assert "torchvision" not in {module.split(".")[0] for module in imports(file)}
    if mine.startswith("networks/"):
        assert {module.split(".")[0] for module in imports(file)} <= {
            "torch",
            "collections",
            "dataclasses",
            "typing",
            "math",
            "functools",
            "itertools",
            "bgswap",
        }


def loaded_by(*arguments: str) -> set[str]:
    code = f"import sys; sys.argv = {['bgswap', *arguments]!r}\n"
    code += "from bgswap.cli import main\ntry:\n    main()\nexcept SystemExit:\n    pass\n"
    code += "print('\\n'.join(sys.modules), file=sys.stderr)"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.split(".")[0] for name in child.stderr.split()}


@pytest.mark.parametrize(
    "arguments",
    [
        ("--help",),
        ("--version",),
        (),
        ("matte", "--help"),
        ("composite", "--help"),
        ("inpaint", "-h"),
        ("augment", "-h"),
        ("train", "-h"),
        ("eval", "-h"),
        ("eval", "study", "make", "-h"),
    ],
)
def test_help_and_version_load_nothing_heavy(arguments):
    assert not loaded_by(*arguments) & HEAVY


def test_importing_bgswap_loads_nothing_heavy():
    child = subprocess.run(
        [sys.executable, "-c", "import bgswap, sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    assert not {name.split(".")[0] for name in child.stdout.split()} & (HEAVY | {"click"})


def test_a_photo_is_matted_on_the_cpu_without_torch_or_anything_else_that_is_slow_to_load(astronaut_file, tmp_path):
    loaded = loaded_by("matte", "-q", str(astronaut_file), str(tmp_path / "cut.png"))
    assert (tmp_path / "cut.png").exists()
    assert "onnxruntime" in loaded
    assert not loaded & {"torch", "pymatting", "rembg", "scipy", "numba", "skimage", "distributed"}
