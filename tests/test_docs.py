"""The documents: their commands run, and what they list is what the code has, no more, no less."""

from __future__ import annotations

import ast
import os
import re
import shlex
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

from tests.marks import tune
from trustkit import plugins
from trustkit.c2pa import findings as c2pa_findings
from trustkit.cli.declare import Template
from trustkit.cli.main import cli
from trustkit.disclosure import C2PA_SOURCE_TYPES, SOURCE_TYPES, Origin
from trustkit.errors import TrustkitError
from trustkit.policies import _File, load_policy, shipped
from trustkit.policy import CODES, Word
from trustkit.reports import EXIT_ORDER
from trustkit.reports.schema import ReportDocument

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "adr").glob("*.md")])
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = re.compile(r"^```(console|sh|python)$", re.MULTILINE)
PATH = re.compile(r"`((?:trustkit|docs|keys|fixtures|tests|bench)/[a-z][\w./-]*)`")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))

# What every document finds in its folder.
PROPS = {
    "photo.jpg": "fixtures/media/scene.jpg",
    "drawing.png": "fixtures/media/scene.png",
    "scan.bmp": "fixtures/media/scene.bmp",
    "clip.mp4": "fixtures/media/clip.mp4",
    "sound.wav": "fixtures/media/sound.wav",
    "broken.jpg": "fixtures/broken/not-a-picture.jpg",
    "partners.pem": "keys/trust/test-signers.pem",
    "authorities.pem": "keys/trust/test-tsa.pem",
}


@dataclass(frozen=True)
class Step:
    command: str
    exit_code: int
    shown: str


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text(page: str) -> str:
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
    return (
        re.fullmatch(pattern, "".join(f"{ln.rstrip()}\n" for ln in output.splitlines())) is not None
    )


def section(page: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text(page), re.M | re.S)
    assert found, f"docs/{page} has no section {heading!r}"
    return found[1]


def commands(
    group: click.Command, path: tuple[str, ...] = ()
) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(group, click.Group) or (path and group.invoke_without_command):
        yield " ".join(("trustkit", *path)), group
    if not isinstance(group, click.Group):
        return
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield from commands(command, (*path, name))


def options(command: click.Command) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts if word.startswith("-")}


def words(part: str) -> set[str]:
    return set(re.findall(r"(?<![\w`-])`(--?[a-z][a-z0-9-]*)[ `]", part))


def keys(model: type[BaseModel], path: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = [a for a in (field.annotation, *getattr(field.annotation, "__args__", ()))
                 if isinstance(a, type) and issubclass(a, BaseModel)]  # fmt: skip
        yield f"{path}{name}"
        for part in inner:
            yield from keys(part, f"{path}{name}.")


def do(step: Step, folder: Path) -> None:
    if step.command.startswith("make "):
        assert set(step.command.split("#")[0].split()[1:]) <= TARGETS, step.command
        return
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    homes = {"TRUSTKIT_HOME": f"{folder}/home", "TMPDIR": str(folder), "PATH": path}
    done = subprocess.run(
        ["bash", "-c", step.command], cwd=folder, env={**os.environ, **homes}, text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == step.exit_code, f"{step.command}\n{done.stdout}"
    assert not step.shown or is_like(step.shown, done.stdout), f"{step.command}\n{done.stdout}"


@pytest.mark.parametrize("page", [p for p in PAGES if RUN.search(p.read_text("utf-8"))], ids=named)
def test_every_command_shown_does_what_is_shown(page: Path, tmp_path: Path) -> None:
    for name, source in PROPS.items():
        shutil.copy(ROOT / source, tmp_path / name)
    if "music.wav" in page.read_text("utf-8"):
        tune(tmp_path / "music.wav")
    for kind, block in BLOCK.findall(page.read_text("utf-8")):
        if kind == "toml" and (name := re.match(r"# (\S+\.toml)\n", block)):
            (tmp_path / name[1]).write_text(block, "utf-8")
        elif kind == "python":
            do(Step(f"python -c {shlex.quote(block)}", 0, ""), tmp_path)
        elif kind in {"console", "sh"}:
            for step in steps(block, is_console=kind == "console"):
                do(step, tmp_path)


def test_every_finding_code_has_its_paragraph_and_no_other_has() -> None:
    emitted = {f"{plugins.load('evidence', n).name}.failed" for n in plugins.names("evidence")}
    origins = {origin.value for origin in Origin} - {"none"}
    for kind in ("manifest", "metadata"):
        emitted |= {f"{kind}.{origin.replace('declared_', 'declares_')}" for origin in origins}
    tables = (c2pa_findings._ALTERED_WORDS, c2pa_findings._OTHER_WORDS)
    emitted |= {f"manifest.{concern.value}" for table in tables for concern in table}
    for module in (ROOT / "trustkit").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "").lower() == "finding":
                inside = {str(getattr(part, "value", "")) for part in ast.walk(node.args[0])}
                emitted |= {code for code in inside if re.fullmatch(r"[a-z]+(\.[a-z_]+)+", code)}
    parts = re.split(r"^### ", text("findings.md"), flags=re.MULTILINE)[1:]
    assert sorted(part.split("`")[1] for part in parts) == sorted(emitted) == sorted(CODES)
    for part in parts:
        for label in ("*Seen:*", "*Proves:*", "*Does not prove:*"):
            assert label in part, part.splitlines()[0]


@pytest.mark.parametrize(("name", "command"), list(commands(cli)), ids=str)
def test_every_option_of_a_command_is_documented_and_no_other_is(
    name: str, command: click.Command
) -> None:
    assert words(section("cli.md", name)) == options(command)


def test_cli_page_has_no_section_for_a_command_that_does_not_exist() -> None:
    shown = re.findall(r"^## (trustkit .+)$", text("cli.md"), re.MULTILINE)
    assert sorted(shown) == sorted(name for name, _ in commands(cli))


def test_sign_page_has_every_option_and_source_type() -> None:
    assert options(dict(commands(cli))["trustkit sign"]) <= words(text("sign.md"))
    for term, origin in {**SOURCE_TYPES, **C2PA_SOURCE_TYPES}.items():
        assert re.search(rf"^\| `{term}` \| `{origin}` \|", text("sign.md"), re.MULTILINE), term


def test_sign_page_shows_every_key_of_a_template() -> None:
    found = (block for _, block in BLOCK.findall(text("sign.md")) if "template = 1" in block)
    shown = tomllib.loads(next(found))
    parts = {"disclosure", "edit", "consent", "licence"}
    tables = {name: shown[name] if name == "disclosure" else shown[name][0] for name in parts}
    written = {*shown, *(f"{name}.{key}" for name, table in tables.items() for key in table)}
    assert written == set(keys(Template))


def test_every_policy_key_and_every_shipped_policy_is_documented() -> None:
    for key in keys(_File):
        assert f"`{key}`" in text("policies.md"), key
    for name in shipped():
        rows = re.findall(r"^\| \d+ \| `(\w+)` \|", section("policies.md", f"`{name}`"), re.M)
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
    shown = set(re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE))
    assert shown == {(error.code, str(error.exit_code)) for error in errors(TrustkitError)}
    for word in Word:
        assert f"`{word}`" in text("verify.md")


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_path_named_exists(page: Path) -> None:
    written = page.read_text("utf-8")
    for path in PATH.findall(written):
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
