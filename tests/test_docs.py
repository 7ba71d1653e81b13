"""The documents: their commands run, and what they list is what the code has, no more and no less."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import pytest
from pydantic import BaseModel

from trustkit import plugins
from trustkit.batch import local  # noqa: F401  # it adds an error word of its own
from trustkit.c2pa import findings as c2pa_findings
from trustkit.cli.main import cli
from trustkit.disclosure import C2PA_SOURCE_TYPES, SOURCE_TYPES, Origin
from trustkit.errors import TrustkitError
from trustkit.policies import _File, load_policy, shipped
from trustkit.policy import Word
from trustkit.reports import EXIT_ORDER
from trustkit.reports.schema import ReportDocument

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "adr").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

# What every document finds in its folder.
PROPS = {
    "photo.jpg": "fixtures/media/scene.jpg",
    "drawing.png": "fixtures/media/scene.png",
    "page.png": "fixtures/media/page.png",
    "scan.bmp": "fixtures/media/scene.bmp",
    "clip.mp4": "fixtures/media/clip.mp4",
    "broken.jpg": "fixtures/broken/not-a-picture.jpg",
    "partners.pem": "keys/trust/test-signers.pem",
    "authorities.pem": "keys/trust/test-tsa.pem",
}


@dataclass(frozen=True)
class Step:
    """One command of a document, its expected exit code and the output it shows, if any."""

    command: str
    exit_code: int
    shown: str


def text(page: Path | str) -> str:
    return (DOCS / page).read_text("utf-8")


def steps(block: str, *, is_console: bool) -> Iterator[Step]:
    # "$ " begins a command and "> " goes on with it; other lines are what it prints.
    if not is_console:
        block = "".join(f"$ {line}\n" for line in block.splitlines() if line.strip())
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        while command.endswith("\\"):
            command = f"{command[:-1]}{shown.pop(0).removeprefix('> ').strip()}"
        code = re.search(r"# exit (\d+)$", command)
        yield Step(command, int(code[1]) if code else 0, "\n".join(shown).strip("\n"))


def is_like(shown: str, output: str) -> bool:
    # "..." stands for any text within a line; alone on a line, for any lines.
    pattern = "".join(
        r"(?:.*\n)*?" if line == "..." else re.escape(line).replace(r"\.\.\.", ".*?") + "\n"
        for line in shown.splitlines()
    )
    return re.fullmatch(pattern, "".join(f"{ln.rstrip()}\n" for ln in output.splitlines())) is not None


def section(page: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text(page), re.M | re.S)
    assert found, f"docs/{page} has no section {heading!r}"
    return found[1]


def commands(group: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group):
        yield " ".join(("trustkit", *path)), group
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, (*path, name))


def options(command: click.Command) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts if word.startswith("-")}


def words(part: str) -> set[str]:
    return set(re.findall(r"(?<![\w`-])`(--?[a-z][a-z-]*)[ `]", part))


def keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *getattr(field.annotation, "__args__", ()))
                 if isinstance(a, type) and issubclass(a, BaseModel)]  # fmt: skip
        yield f"{path}{name}"
        for part in inner:
            yield from keys(part, f"{path}{name}.")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_shown_does_what_is_shown(page: Path, tmp_path: Path) -> None:
    blocks = BLOCK.findall(page.read_text("utf-8"))
    if not any(kind in {"console", "sh", "toml"} for kind, _ in blocks):
        pytest.skip("it shows no command")
    for name, source in PROPS.items():
        shutil.copy(ROOT / source, tmp_path / name)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "TRUSTKIT_HOME": str(tmp_path / "home"), "PATH": path}
    for kind, block in blocks:
        if kind == "toml" and (name := re.match(r"# (\S+\.toml)\n", block)):
            (tmp_path / name[1]).write_text(block, "utf-8")
        if kind not in {"console", "sh"}:
            continue
        for step in steps(block, is_console=kind == "console"):
            if step.command.startswith("make "):
                assert set(step.command.split("#")[0].split()[1:]) <= TARGETS, step.command
                continue
            done = subprocess.run(
                ["bash", "-c", step.command], cwd=tmp_path, env=environment, text=True,
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                check=False, timeout=60,
            )  # fmt: skip
            assert done.returncode == step.exit_code, f"{step.command}\n{done.stdout}"
            if step.shown:
                assert is_like(step.shown, done.stdout), f"{step.command}\n{done.stdout}"


def test_every_finding_code_has_its_paragraph_and_no_other_has() -> None:
    emitted = {f"{name}.failed" for name in plugins.names("evidence")}
    emitted |= {f"manifest.{origin.value.replace('declared_', 'declares_')}" for origin in Origin
                if origin is not Origin.NONE}  # fmt: skip
    tables = (c2pa_findings._ALTERED_WORDS, c2pa_findings._OTHER_WORDS)
    emitted |= {f"manifest.{concern.value}" for table in tables for concern in table}
    for module in ("c2pa/findings.py", "c2pa/history.py", "toolbox.py", "verify.py"):
        for node in ast.walk(ast.parse((ROOT / "trustkit" / module).read_text("utf-8"))):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                code = str(node.args[0].value)
                if re.fullmatch(r"(manifest|identity|trust)\.[a-z_]+", code):
                    emitted.add(code)
    headings = re.findall(r"^### `(.+)`$", text("findings.md"), re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert set(headings) == emitted
    for part in re.split(r"^### ", text("findings.md"), flags=re.MULTILINE)[1:]:
        for label in ("*Seen:*", "*Proves:*", "*Does not prove:*"):
            assert label in part, part.splitlines()[0]


@pytest.mark.parametrize(("name", "command"), list(commands(cli)), ids=lambda value: str(value))
def test_every_option_of_a_command_is_documented_and_no_other_is(
    name: str, command: click.Command
) -> None:
    assert words(section("cli.md", name)) == options(command)


def test_cli_page_has_no_section_for_a_command_that_does_not_exist() -> None:
    shown = re.findall(r"^## (trustkit .+)$", text("cli.md"), re.MULTILINE)
    assert shown == [name for name, _ in commands(cli)]


def test_sign_page_has_every_option_and_source_type() -> None:
    sign = dict(commands(cli))["trustkit sign"]
    assert options(sign) <= words(text("sign.md"))
    for term, origin in {**SOURCE_TYPES, **C2PA_SOURCE_TYPES}.items():
        assert re.search(rf"^\| `{term}` \| `{origin}` \|", text("sign.md"), re.MULTILINE), term


def test_every_policy_key_and_every_shipped_policy_is_documented() -> None:
    page = text("policies.md")
    for key in keys(_File):
        assert f"`{key}`" in page, key
    for name in shipped():
        assert f"## `{name}`" in page
        rows = re.findall(r"^\| \d+ \| `(\w+)` \|", page.partition(f"## `{name}`")[2].partition("\n## ")[0], re.M)
        assert rows == [case.decision for case in load_policy(name).cases], name


def test_every_key_of_the_report_is_documented() -> None:
    for key in keys(ReportDocument):
        assert f"`{key.replace('files.', '', 1)}`" in text("json.md"), key


def test_every_exit_code_error_word_and_verdict_is_documented() -> None:
    def errors(kind: type[TrustkitError]) -> Iterator[type[TrustkitError]]:
        yield kind
        for child in kind.__subclasses__():
            yield from errors(child)

    page = text("errors.md")
    for code in {*EXIT_ORDER, 2, 130, *(error.exit_code for error in errors(TrustkitError))}:
        assert re.search(rf"^\| {code} \|", page, re.MULTILINE), code
    shown = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)
    assert {(e.code, str(e.exit_code)) for e in errors(TrustkitError)} - {("publish", "40")} <= set(shown)
    assert {word for word, _ in shown} == {error.code for error in errors(TrustkitError)}
    for word in Word:
        assert f"`{word}`" in text("verify.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_named_exists(page: Path) -> None:
    written = page.read_text("utf-8")
    for path in re.findall(r"`((?:trustkit|docs|keys|fixtures|tests|bench)/[a-z][\w./-]*)`", written):
        assert (ROOT / path).exists(), path
    for link in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", written):
        assert (page.parent / link).exists(), link


def test_decisions_are_numbered_without_gaps_and_are_in_the_index() -> None:
    pages = sorted((DOCS / "adr").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in (*pages, *DOCS.glob("*.md")):
        if page.name != "index.md":
            assert page.relative_to(DOCS).as_posix().removesuffix(".md") in text("index.md").split()


def test_base_dependencies_are_each_explained() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for requirement in project["dependencies"]:
        name = re.split(r"[<>=]", requirement)[0]
        assert f"| `{name}` |" in text("adr/0002-dependencies.md"), name
