"""`trustkit mark`: the whole chain, from a file to a published one with a record."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trustkit.batch.sources import STDIN, Source, expand, shown
from trustkit.cli import declare
from trustkit.cli import output as terminal
from trustkit.cli.declared import declared, stated_by, status
from trustkit.cli.progress import bar
from trustkit.cli.signing import print_rows, signer, told, worst
from trustkit.cli.targets import Targets, outside
from trustkit.cli.threads import one_each
from trustkit.errors import NoInputError, TrustkitError, UsageError
from trustkit.label import Label, Text
from trustkit.label.words import parse_languages
from trustkit.mark.audit import Audit, open_audit
from trustkit.media.labels import Position
from trustkit.profiles import load_profiles
from trustkit.timestamps import stamping

if TYPE_CHECKING:
    from trustkit.mark import House, Item, Marked
    from trustkit.mark.allowed import Terms
    from trustkit.mark.prepare import Steps
    from trustkit.publish import Order
    from trustkit.signers import Signer
    from trustkit.stores.registry import Registry

# What does not change what is published: the same work with another of these is the same work.
_ALWAYS = ("iptc-2025.1",)  # whose fields are written where no profile is named, if they can be
_ASIDE = {
    "output", "recursive", "registry", "jobs", "audit", "form", "quiet", "passphrase_file",
    "identity_passphrase_file", "tsa_seconds",
}  # fmt: skip


@click.command("mark")
@click.argument("inputs", nargs=-1, required=True, metavar="IN...")
@click.option("-o", "--output", metavar="OUT", help="File, or folder for several inputs.")
@click.option("-r", "--recursive", is_flag=True, help="Go into folders.")
@declared
@click.option("--registry", metavar="URL", help="Where records go; see docs/registry.md.")
@click.option(
    "--watermark-key", metavar="FILE", help="Mark with this secret key; the public one by default."
)
@click.option("--strength", type=click.Choice(["subtle", "default", "strong"]), default="default",
              show_default=True, help="Of the watermark.")  # fmt: skip
@click.option("--allow-weak", is_flag=True, help="Mark also what will not hold the mark.")
@click.option("--no-watermark", is_flag=True, help="Sign and record without a mark.")
@click.option("--crf", type=click.FloatRange(0, 63), help="Films: quality, 0 is best.")
@click.option("--preset", metavar="P", default="", help="Films: the encoder's preset.")
@click.option("--codec", type=click.Choice(["h264", "hevc", "vp9", "av1"]),
              help="Films: that of the input by default.")  # fmt: skip
@click.option("--profile", "profiles", metavar="P,...", multiple=True,
              help="Write and require what these profiles name; see docs/profiles.md.")  # fmt: skip
@click.option("--label", metavar="TEXT", type=click.Choice([text.value for text in Text]),
              help="A label for people: ai, ai-generated or ai-modified.")  # fmt: skip
@click.option("--lang", metavar="CODE,...", default="", help="The label in these languages, too.")
@click.option("--position", type=click.Choice([place.value for place in Position]),
              default=Position.TOP_RIGHT.value, show_default=True, help="The label's.")  # fmt: skip
@click.option("--notice", metavar="FILE", help="Sounds: this recording is the label.")
@click.option("--rules", metavar="FILE", help="The house's rules: what a person must see before.")
@click.option("--audit", metavar="FILE", help="Append what is done to this log, line by line.")
@click.option("-j", "--jobs", type=click.IntRange(1, 64), default=1, show_default=True,
              help="How many files at once.")  # fmt: skip
@click.option("-f", "--format", "form", type=click.Choice(["text", "json", "jsonl"]),
              default="text", show_default=True)  # fmt: skip
@click.option("-q", "--quiet", is_flag=True, help="No notes and no bar on stderr.")
def command(inputs: tuple[str, ...], **asked: Any) -> int:
    """Publish each IN: watermark, metadata, signed manifest, read back, and a record of it.

    An output has a record, and a record its output, wherever this is stopped; the same command
    goes on where it stopped. Originals are never touched.
    """
    terminal.set_up_logging()
    one_each()
    if not asked["output"] or asked["output"] == STDIN:
        raise UsageError("where to?", "name -o OUT: a file, or a folder for several inputs")
    several = len(inputs) > 1 or asked["recursive"]
    sources = list(expand(inputs, recursive=asked["recursive"], stdin=terminal.stdin()))
    sources = outside(sources, asked["output"])
    if not sources:
        raise NoInputError(f"there is no file beside those in {asked['output']}", "check the name")
    targets = Targets(asked["output"], False, several, False, sources, replaces=False)
    with ExitStack() as stack:
        job = _job(asked, stack)
        done = _Rows(asked["form"], quiet=asked["quiet"])
        items = list(_items(sources, targets, done))
        if items:
            _mark(job, items, _root(asked["output"], items), asked, done)
    done.finish()
    return worst((done.unsigned, *(row.error for row in done.ended)))


@dataclass(frozen=True)
class _Job:
    house: House
    registry: Registry
    audit: Audit | None


def _job(asked: Mapping[str, Any], stack: ExitStack) -> _Job:
    from trustkit.mark import House
    from trustkit.stores.registry import open_own_registry

    house = declare.read_template(asked["template"])
    order = declare.order({**asked, "no_soft_binding": True, "mark_keys": ()}, house)
    if asked["label"] and order.disclosure.label_exempt:
        raise UsageError("a label, and why it bears none", "leave --editorial-exemption out")
    key = signer(asked["key"] or house.key, asked["passphrase_file"])
    order = replace(order, status=status(asked, key))
    audit = stack.enter_context(open_audit(Path(asked["audit"]))) if asked["audit"] else None
    registry = stack.enter_context(open_own_registry(asked["registry"] or ""))
    # One opening for all files: connections are kept, and who is down is asked once.
    stamper = stack.enter_context(stamping(order.tsa, order.tsa_seconds))
    terms = _terms(asked, house)
    return _Job(
        House(
            order,
            _steps(asked),
            key,
            registry.store,
            registry.blobs,
            _digest(asked, house, key, order, terms),
            stamper,
            stated_by(asked, house),
            terms=terms,
            own_id=bool(asked["identifier"] or house.disclosure.id),
            audit=audit,
        ),
        registry,
        audit,
    )


def _steps(asked: Mapping[str, Any]) -> Steps:
    from trustkit.mark.prepare import Steps
    from trustkit.watermarks import Strength

    label = None
    if asked["label"]:
        notice = Path(asked["notice"]) if asked["notice"] else None
        languages = parse_languages(asked["lang"])
        label = Label(Text(asked["label"]), languages, asked["position"], notice=notice)
    elif asked["lang"] or asked["notice"]:
        raise UsageError("--lang and --notice go with --label", "add it, or leave them out")
    return Steps(
        label=label,
        profiles=load_profiles(asked["profiles"] or _ALWAYS),
        insist=bool(asked["profiles"]),
        watermark=not asked["no_watermark"],
        key=asked["watermark_key"] or "public",
        strength=Strength(asked["strength"]),
        allow_weak=asked["allow_weak"],
        codec=asked["codec"] or "",
        crf=asked["crf"],
        preset=asked["preset"],
    )


def _terms(asked: Mapping[str, Any], house: declare.Template) -> Terms:
    from trustkit.houserules.files import load_rules
    from trustkit.mark.allowed import Terms

    profiles = load_profiles(asked["profiles"]) if asked["profiles"] else ()
    rules = load_rules(asked["rules"]) if asked["rules"] else None
    return Terms(profiles, rules, asked["identity_key"] or house.identity_key)


def _digest(
    asked: Mapping[str, Any], house: declare.Template, key: Signer, order: Order, terms: Terms
) -> str:
    """Return what stands for all that was asked for; of files named it is what stands in them."""
    said = {name: value for name, value in asked.items() if name not in _ASIDE}
    named = (asked["watermark_key"], asked["notice"], *asked["references"], *asked["components"])
    whole = {
        "asked": said,
        "template": house.model_dump(),
        "signer": hashlib.sha256(key.chain).hexdigest(),
        "metadata": order.disclosure.metadata,
        "profiles": repr(terms.profiles),
        "rules": terms.rules.sha256 if terms.rules else "",
        "files": [_sha256(Path(name)) for name in named if name],
    }
    # ASCII alone: what was named need not be UTF-8.
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}", "check its name") from error


def _items(sources: Sequence[Source], targets: Targets, done: _Rows) -> Iterator[Item]:
    from trustkit.mark import Item, Marked

    for source in sources:
        target: Path | TrustkitError = (
            NoInputError(source.missing, "check the name, or add -r")
            if source.missing
            else UsageError("standard input cannot be marked", "name a file")
            if source.name == STDIN
            else targets.of(source)
        )
        if isinstance(target, TrustkitError):
            done.add(Marked(Item(source.path, source.name, Path()), error=target))
        else:
            yield Item(source.path, source.name, target)


def _root(output: str, items: Sequence[Item]) -> Path:
    named = Path(output)
    return named if named.is_dir() else items[0].output.parent


def _mark(
    job: _Job, items: Sequence[Item], root: Path, asked: Mapping[str, Any], done: _Rows
) -> None:
    from trustkit.mark import mark_all

    with bar(f"mark {len(items)} files", quiet=asked["quiet"]) as tell:
        try:
            for number, marked in enumerate(mark_all(items, root, job.house, asked["jobs"]), 1):
                done.add(marked)
                if tell:
                    tell(number, len(items))
        finally:
            done.sign(job.registry)


@dataclass
class _Rows:
    """Prints how each file ended, as it ends, and keeps it for the exit code."""

    form: str
    quiet: bool
    ended: list[Marked] = field(default_factory=list)
    unsigned: TrustkitError | None = None

    def add(self, marked: Marked) -> None:
        """Take in how a file ended."""
        self.ended.append(marked)
        if self.form == "jsonl":
            print_rows([_row(marked)], self.form)
        if marked.error:
            terminal.fail(marked.error)
        elif self.form == "text" and marked.record:
            verb = "kept    " if marked.is_kept else "marked  "
            terminal.say(f"{verb}{shown(str(marked.item.output))}  {marked.record.id}")
        for warning in () if self.quiet else _warnings(marked):
            terminal.say(f"note: {marked.item.name}: {warning}", err=True)

    def sign(self, registry: Registry) -> None:
        """Sign the log; where that fails what was published is told nevertheless."""
        if not any(marked.record for marked in self.ended):
            return  # nothing new; and a registry that is not there would be waited for once more
        try:
            registry.checkpoint()
        except TrustkitError as error:
            terminal.fail(error)
            self.unsigned = error

    def finish(self) -> None:
        """Print the one document, where that was asked for."""
        if self.form == "json":
            print_rows(map(_row, self.ended), self.form)


def _warnings(marked: Marked) -> list[str]:
    prepared = list(marked.prepared.warnings) if marked.prepared else []
    return prepared + (list(marked.signed.warnings) if marked.signed else [])


def _row(marked: Marked) -> dict[str, object]:
    record, signed, prepared = marked.record, marked.signed, marked.prepared
    output = shown(str(marked.item.output)) if record else None
    beside = bool(signed and signed.sealed.sidecar)
    return {
        "path": marked.item.name,
        "output": output,
        "sidecar": f"{output}.c2pa" if beside else None,
        "manifest_id": record.manifest_id if record else None,
        "record": record.id if record else None,
        "kept": marked.is_kept,
        "timestamp": told(signed.stamp) if signed else None,
        "soft_bindings": [
            {"alg": one.algorithm, "value": one.value}
            for one in (record.bindings if record else ())
        ],
        "watermark": prepared.quality if prepared and prepared.marks else None,
        "warnings": _warnings(marked),
        "error": terminal.error_row(marked.error),
    }
