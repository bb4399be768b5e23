"""Write docs/checks from the checks themselves, then make sure that no link in the documentation is dead.

The pages are generated and never committed, so they are never stale.
"""

import importlib
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from osler.engine.catalogue import catalogue

if TYPE_CHECKING:
    from osler.model import Check

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"\[[^\]]*\]\(<?([^)\s>]+)>?[^)]*\)")
CODE = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]*`", re.DOTALL | re.MULTILINE)
ELSEWHERE = re.compile(r"[a-z][a-z0-9+.-]*:|#|/")


def main(root: Path = ROOT) -> int:
    """Write the pages; the exit code says whether something is missing."""
    checks = sorted(catalogue().values(), key=lambda check: check.name)
    pages = root / "docs" / "checks"
    write(pages, checks)
    complaints = [f"{check.module}: no docstring, so no page" for check in checks if not text(check)]
    complaints += dead_links(root)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    print(f"{pages.relative_to(root)}: pages of {len(checks)} checks")
    return 1 if complaints else 0


def write(pages: Path, checks: Iterable["Check"]) -> None:
    """Replace whatever is in the folder by one page for each check and an index of them."""
    pages.mkdir(parents=True, exist_ok=True)
    for old in pages.glob("*.md"):
        old.unlink()
    written = [check for check in checks if text(check)]
    for check in written:
        (pages / f"{check.name}.md").write_text(page(check), encoding="utf-8")
    (pages / "index.md").write_text(index(written), encoding="utf-8")


def page(check: "Check") -> str:
    """Title, severity, the module's docstring, and the fix."""
    severity = check.severity.name.lower()
    return f"# {check.name}\n\n`{severity}` · {topic(check)}\n\n{text(check)}\n\n## Fix\n\n{check.fix}\n"


def index(checks: Iterable["Check"]) -> str:
    """Every check under its topic, with the first line of its page."""
    topics: defaultdict[str, list[str]] = defaultdict(list)
    for check in checks:
        first_line = text(check).partition("\n")[0]
        topics[topic(check)].append(f"- [{check.name}]({check.name}.md): {first_line}")
    parts = [f"## {name}\n\n" + "\n".join(lines) for name, lines in sorted(topics.items())]
    return "\n\n".join(["# Checks", *parts]) + "\n"


def text(check: "Check") -> str:
    """The docstring of the check's module, which is its page."""
    return (importlib.import_module(check.module).__doc__ or "").strip()


def topic(check: "Check") -> str:
    """The folder that the check lives in."""
    return check.module.split(".")[-2]


def dead_links(root: Path) -> Iterator[str]:
    """Relative links in the README and the documentation that lead to no file."""
    for file in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        if not file.exists():
            yield f"{file.relative_to(root)}: missing"
            continue
        for target in LINK.findall(CODE.sub("", file.read_text(encoding="utf-8"))):
            if not ELSEWHERE.match(target) and not (file.parent / target.partition("#")[0]).exists():
                yield f"{file.relative_to(root)}: link to {target} leads to no file"


if __name__ == "__main__":
    sys.exit(main())
