"""One HTML file that opens anywhere, offline: the verdict in words and pictures, for everybody who looks."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from importlib.resources import files

from osler.model import Diagnosis
from osler.report.frame import Frame
from osler.report.page.content import content

SUFFIX = ".html"

PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>Osler: training report</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<div id="app"><p>The script inside this file draws the report: it needs JavaScript, and no network.</p></div>
<script type="application/json" id="content">{content}</script>
<script>{script}</script>
</body>
</html>
"""

POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; worker-src blob:; img-src data:; "
    "base-uri 'none'; form-action 'none'"
)
"""Nothing is fetched and nothing runs but our own script, known by its hash. The layout of graphs runs in a
worker made of text inside that script: a document without an address has no other way to start one."""

MARKUP = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})
"""Characters that end a script element or begin another, as JSON writes them too."""


def render(diagnosis: Diagnosis, frame: Frame) -> str:
    """The whole file, ending in a newline; without a record of the run it holds the verdict alone."""
    style, script = asset("report.css"), asset("report.js")
    return PAGE.format(
        policy=POLICY.format(script=digest(script), style=digest(style)),
        style=style,
        content=embedded(content(diagnosis, frame)),
        script=script,
    )


@functools.cache
def asset(name: str) -> str:
    """A file of the bundle that `make web` builds from `web/`; ASCII, without a tag that ends its element."""
    return files("osler.report").joinpath("assets", name).read_text("ascii").strip()


def embedded(values: object) -> str:
    """Plain values as JSON in which nothing is markup."""
    return json.dumps(values, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(MARKUP)


def digest(text: str) -> str:
    """The hash by which a policy knows a script or style."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('ascii')).digest()).decode('ascii')}"
