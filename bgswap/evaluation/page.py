"""One self-contained HTML page: its style, its script and its data inside, nothing from the network.

The page's policy lets run one script, known by its SHA-256, and show pictures from data addresses only. Whatever names
and fields hold is text: the template engine escapes it, and the script gets it as JSON that cannot end its element.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from bgswap.errors import missing_extra
from bgswap.evaluation.results import finite


def render(package: str, name: str, data: Any, *, scripts: Sequence[str] = (), **values: Any) -> str:
    """The page `name`.html.j2 of a package's folder, with its `name`.css, `name`.js and `data` for the script.

    The template finds them as {{ style }}, {{ script }}, {{ data }} and {{ policy }}, all ready to stand in their
    elements; `values` are its own. The script reads its data from the element with id "data". scripts: names of files
    that stand before `name`.js in the one script. NotReady without jinja2.
    """
    try:
        from jinja2 import DictLoader, Environment, StrictUndefined
        from markupsafe import Markup
    except ImportError as cause:
        raise missing_extra("eval", "writing a page") from cause
    template, style, *code = (
        (files(package) / file).read_text("utf-8")
        for file in (f"{name}.html.j2", f"{name}.css", *(f"{one}.js" for one in (*scripts, name)))
    )
    script = "\n".join(['"use strict";', "(() => {", *code, "})();", ""])  # the page's names are not the window's
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; base-uri 'none'"
    )
    engine = Environment(loader=DictLoader({name: template}), autoescape=True, undefined=StrictUndefined)
    inside = {"style": Markup(style), "script": Markup(script), "data": Markup(as_json(data))}
    return engine.get_template(name).render(**inside, policy=policy, **values)


def as_json(data: Any) -> str:
    """JSON that may stand inside a script element: no "<", no line separators; numbers that JSON lacks are null."""
    text = json.dumps(finite(data), ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def data_address(picture: bytes, kind: str = "webp") -> str:
    """A small picture as a data address."""
    return f"data:image/{kind};base64,{base64.b64encode(picture).decode()}"


def write(path: Path, text: str) -> None:
    """Write a page, whole or not at all."""
    from bgswap.folders.files import write_whole

    write_whole(path, text.encode())
