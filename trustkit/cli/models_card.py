"""`trustkit models card`: what a detector is, how often it errs, and on what."""

from __future__ import annotations

import json
from collections.abc import Iterator

import click

from trustkit.cli import output
from trustkit.detectors.card import PictureCard, SoundCard
from trustkit.detectors.shelf import Entry, entry
from trustkit.errors import UsageError

Card = PictureCard | SoundCard


@click.command("card")
@click.argument("name")
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
def command(name: str, form: str) -> None:
    """Show the card of detector NAME: what it is, how often it errs, what it fails on."""
    found = entry(name)
    if found.card is None:
        if found.trouble:
            raise found.trouble
        raise UsageError(f"{name} comes from a package and has no card", "ask who made it")
    if form == "json":
        answer = found.card.model_dump(mode="json")
        click.echo(json.dumps({**answer, "usable": not found.trouble, "reason": found.why_not,
                               "folder": str(found.folder)}, indent=2))  # fmt: skip
        return
    for line in _lines(found, found.card):
        output.say(line)


def _lines(found: Entry, card: Card) -> Iterator[str]:
    yield f"{card.name} {card.version}  {card.title}"
    yield f"  {card.summary}"
    if found.trouble:
        yield f"  not usable: {found.why_not}; {found.trouble.hint}"
    for label, text in _rows(found, card):
        yield f"  {label:<12} {text}"
    yield "  a score counts from"
    for limit in card.threshold:
        yield (
            f"    {limit.score:+8.3f}   {limit.measured:6.2%} false positives "
            f"({limit.low:.2%} to {limit.high:.2%}, {limit.total:,} media)"
        )
    for condition, metrics in card.metrics.items():
        yield f"  measured, {condition}"
        for metric, (value, low, high, total) in metrics.items():
            yield f"    {metric:<22} {value:.3f} ({low:.3f} to {high:.3f}, {total:,})"
    if card.trained_on:
        yield "  trained on"
        for source in card.trained_on:
            yield f"    {source.name}: {source.count:,}  {source.licence}  {source.source}"
    if card.fails_on:
        yield "  fails on"
        for sentence in card.fails_on:
            yield f"    {sentence}"


def _rows(found: Entry, card: Card) -> Iterator[tuple[str, str]]:
    yield "looks at", _looks_at(card)
    yield "domain", _domain(card)
    yield "rank", f"{card.rank}: of several of a kind the highest leads"
    yield "licence", card.licence
    if card.base is not None:
        yield "sits on", f"a model with SHA-256 {card.base.sha256}"
    yield "SHA-256", card.files["model.onnx"]
    yield "folder", str(found.folder)


def _looks_at(card: Card) -> str:
    if isinstance(card, SoundCard):
        heard = card.input
        return (
            f"sound: windows of {heard.window_s:g} s every {heard.hop_s:g} s where there is a "
            f"voice, {heard.most_windows} at most, at {heard.rate:,} Hz"
        )
    seen = card.input
    many = f"{seen.crops} crops" if seen.crops > 1 else "the middle"
    largest = seen.largest_short_side
    reduced = f", of pictures reduced to a short side of {largest:,}" if largest else ""
    return f"pictures: {many} of {seen.size} x {seen.size} pixels{reduced}"


def _domain(card: Card) -> str:
    far = card.domain.max_distance
    more = [f"distance up to {far:g}"] if far is not None else []
    if isinstance(card, SoundCard):
        return ", ".join(
            [
                f"{card.domain.min_seconds:g} s of voice or more",
                f"bandwidth of {card.domain.min_bandwidth_hz:,.0f} Hz or more",
                *more,
            ]
        )
    return ", ".join(
        [
            f"sides of {card.domain.min_side} pixels or more",
            f"up to {card.domain.max_aspect:g} times as long as wide",
            f"detail in {card.domain.min_detail:.0%} or more",
            *more,
        ]
    )
