"""Signing HEIC and AVIF: whatever form the table of places has, the picture stays where it says."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from tests.command import AI, KEY, MEDIA, Answer
from tests.conftest import Run, Verify

Image = pytest.importorskip("PIL.Image")
SIGN = ("--key", KEY, *AI, "--no-soft-binding", "-q")
MANIFEST = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
NAMELESS = 99  # an item without a name, which no decoder asks for
MUTATIONS = 200


@dataclass(frozen=True)
class Form:
    """How a table of places is written: widths of place, base and index, and what has a base."""

    version: int = 0
    place: int = 4
    base: int = 0
    index: int = 0
    parts: int = 1
    has_bases: bool = False
    in_idat: bool = False
    of_item: bool = False  # an item made of others, which alone has indices
    elsewhere: bool = False  # an item in another file
    by_name: bool = False  # the file is named as the source, which is itself

    def __str__(self) -> str:
        said = f"v{self.version}-place{self.place}-base{self.base}-index{self.index}-x{self.parts}"
        more = ("has_bases", "in_idat", "of_item", "elsewhere", "by_name")
        return "-".join((said, *(name for name in more if getattr(self, name))))


def forms() -> Iterator[Form]:
    """Every form that the engine meets: those it moves wrong, and those next to them."""
    for version, place, base, index in itertools.product((0, 1, 2), (4, 8), (0, 4), (0, 4, 8)):
        if version or not index:
            yield Form(version, place, base, index, parts=3 if place == 8 else 1)
    yield Form(base=4, parts=3, has_bases=True)
    yield Form(base=8)
    yield Form(1, base=8, in_idat=True)
    yield Form(1, index=4, in_idat=True)
    yield Form(base=4, by_name=True)
    yield Form(1, base=4, by_name=True)
    yield Form(1, index=4, of_item=True)
    yield Form(2, base=4, index=8, parts=2, of_item=True)


def box(kind: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def inside(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    while content:
        size = int.from_bytes(content[:4], "big")
        yield content[4:8], content[8:size]
        content = content[size:]


def table(form: Form, start: int, sizes: list[int]) -> bytes:
    """Return the content of an `iloc` of item 1, and of others where the form asks for them."""

    def item(
        number: int, method: int, source: int, base: int, spans: list[tuple[int, int]]
    ) -> bytes:
        made = number.to_bytes(4 if form.version == 2 else 2, "big")
        made += method.to_bytes(2, "big") if form.version else b""
        made += source.to_bytes(2, "big") + base.to_bytes(form.base, "big")
        made += len(spans).to_bytes(2, "big")
        for at, size in spans:
            made += (1).to_bytes(form.index, "big") if form.index else b""
            made += (at - base).to_bytes(form.place, "big")
            made += size.to_bytes(4, "big")
        return made

    at = list(itertools.accumulate(sizes, initial=0 if form.in_idat else start))
    spans = list(zip(at, sizes, strict=False))
    items = [item(1, int(form.in_idat), int(form.by_name), start if form.has_bases else 0, spans)]
    if form.of_item:
        items.append(item(NAMELESS, 2, 0, 0, [(5, 7)]))
    if form.elsewhere:
        items.append(item(NAMELESS, 0, 1, 0, [(500, 7)]))
    head = bytes([form.version, 0, 0, 0, form.place << 4 | 4, form.base << 4 | form.index])
    return head + len(items).to_bytes(4 if form.version == 2 else 2, "big") + b"".join(items)


def remade(source: Path, form: Form, *, twice: bool = False) -> bytes:
    """Return the picture of `source` with its table of places in `form`."""
    top = dict(inside(source.read_bytes()))
    parts, data = list(inside(top[b"meta"][4:])), top[b"mdat"]
    step = len(data) // form.parts
    sizes = [step] * (form.parts - 1) + [len(data) - step * (form.parts - 1)]

    def front(start: int) -> bytes:
        new = [(k, table(form, start, sizes) if k == b"iloc" else c) for k, c in parts]
        new += [(b"idat", data)] if form.in_idat else []
        new += [(b"iloc", table(form, start, sizes))] if twice else []
        itself = box(b"dref", bytes(7) + b"\1" + box(b"url ", b"\0\0\0\1"))
        new += [(b"dinf", itself)] if form.by_name else []
        meta = bytes(4) + b"".join(box(*part) for part in new)
        return box(b"ftyp", top[b"ftyp"]) + box(b"meta", meta)

    behind = b"" if form.in_idat else data
    return front(len(front(0)) + 8) + box(b"mdat", behind)


def shown(path: Path) -> list[str]:
    """Return a hash of the pixels of every frame; raises what the decoder raises."""
    if path.suffix == ".heic":
        pytest.importorskip("pillow_heif").register_heif_opener()
    with Image.open(path) as picture:
        found = []
        for number in range(getattr(picture, "n_frames", 1)):
            picture.seek(number)
            found.append(sha256(picture.convert("RGBA").tobytes()).hexdigest())
        return found


def made(folder: Path, form: Form, name: str = "scene.heic", *, twice: bool = False) -> Path:
    path = folder / f"{form}{Path(name).suffix}"
    path.write_bytes(remade(MEDIA / name, form, twice=twice))
    return path


def is_refused(answer: Answer, output: Path) -> bool:
    said = [line for line in answer.stderr.splitlines() if line]
    left = [path.name for path in output.parent.iterdir() if ".trustkit" in path.name]
    return answer.code == 40 and len(said) == 2 and not output.exists() and not left


def test_what_signing_would_move_is_refused_and_nothing_is_written(
    quick: Run, tmp_path: Path
) -> None:
    original, output = made(tmp_path, Form(elsewhere=True)), tmp_path / "out.heic"
    answer = quick("sign", original, "-o", output, *SIGN)
    assert is_refused(answer, output), answer.stderr
    assert "signing would move its picture data" in answer.stderr


def test_a_second_table_of_places_is_refused(quick: Run, tmp_path: Path) -> None:
    original, output = made(tmp_path, Form(), twice=True), tmp_path / "out.heic"
    answer = quick("sign", original, "-o", output, *SIGN)
    assert is_refused(answer, output), answer.stderr
    assert "cannot be told (it has two tables of items)" in answer.stderr


def test_what_is_refused_can_have_a_sidecar(quick: Run, verify: Verify, tmp_path: Path) -> None:
    original, output = made(tmp_path, Form(elsewhere=True)), tmp_path / "out.heic"
    answer = quick("sign", original, "-o", output, "--sidecar", *SIGN)
    assert answer.code == 0, answer.stderr
    assert output.read_bytes() == original.read_bytes()
    assert verify(output)["out.heic"]["axes"]["integrity"] == "intact"


@pytest.mark.parametrize("name", ["scene.heic", "scene.avif"])
def test_in_every_form_of_its_table_the_picture_is_the_same_when_signed(
    quick: Run, verify: Verify, tmp_path: Path, name: str
) -> None:
    wanted, output = shown(MEDIA / name), tmp_path / "out"
    output.mkdir()
    is_read = [form for form in forms() if name == "scene.heic" or not form.of_item]
    files = [made(tmp_path, form, name) for form in is_read]
    answer = quick("sign", *files, "-o", output, *SIGN)
    assert answer.code == 0, answer.stderr
    signed = [output / path.name for path in files]
    assert [path.name for path in (*files, *signed) if shown(path) != wanted] == []
    rows = verify(*signed).values()
    assert [row["path"] for row in rows if row["axes"]["integrity"] != "intact"] == []


def test_a_parent_in_such_a_form_holds_below_the_new_manifest(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    original, output = made(tmp_path, Form(1, base=4)), tmp_path / "out.heic"
    assert quick("sign", original, "--in-place", "--sidecar", *SIGN).code == 0
    assert quick("sign", original, "-o", output, *SIGN).code == 0
    row = verify(output)["out.heic"]
    assert row["axes"]["integrity"] == "intact"
    assert not [f for f in row["findings"] if f["code"] == "manifest.ingredient_broken"]
    assert shown(output) == shown(original)


def test_a_picture_before_its_old_manifest_is_left_where_it_is(
    quick: Run, verify: Verify, tmp_path: Path
) -> None:
    original, output = tmp_path / "in.heic", tmp_path / "out.heic"
    store = box(b"uuid", MANIFEST + bytes(4) + b"manifest\0" + bytes(8) + b"no manifest at all")
    original.write_bytes(remade(MEDIA / "scene.heic", Form()) + store)
    answer = quick("sign", original, "-o", output, "--allow-broken-parent", *SIGN)
    assert answer.code == 0, answer.stderr
    assert shown(output) == shown(original)
    assert verify(output)["out.heic"]["axes"]["integrity"] == "intact"
    assert output.read_bytes().count(b"uuid" + MANIFEST) == 1


def test_an_address_put_into_it_moves_no_picture(quick: Run, tmp_path: Path) -> None:
    original, output = made(tmp_path, Form(base=4)), tmp_path / "out.heic"
    answer = quick("sign", original, "-o", output, "--remote", "http://127.0.0.1:9/it", *SIGN)
    assert answer.code == 0, answer.stderr
    assert output.stat().st_size > original.stat().st_size
    assert shown(output) == shown(original)


def test_whatever_its_table_says_it_is_signed_as_it_was_or_refused(
    quick: Run, tmp_path: Path
) -> None:
    random, output, same = Random("places"), tmp_path / "out", 0
    output.mkdir()
    kinds = [Form(), Form(base=4), Form(1, 4, 4, 4, parts=3, of_item=True), Form(2, 8)]
    for number in range(MUTATIONS):
        form = kinds[number % len(kinds)]
        name = "scene.heic" if form.of_item else "scene.avif"
        content = bytearray(remade(MEDIA / name, form))
        at = content.index(b"iloc")
        size = int.from_bytes(content[at - 4 : at], "big")
        for _ in range(random.choice((1, 1, 2, 4))):
            content[at + random.randrange(-4, size - 4)] = random.choice((0, 1, 4, 8, 127, 255))
        (tmp_path / f"{number}{name[-5:]}").write_bytes(content)
    files = sorted(tmp_path.glob("*.*"))
    answer = quick("sign", *files, "-o", output, *SIGN, "--format", "jsonl")
    assert answer.code == 40
    rows = answer.rows()
    assert len(rows) == MUTATIONS
    assert {bool(row["error"]) for row in rows} == {True, False}
    for signed in output.iterdir():
        try:
            wanted = shown(tmp_path / signed.name)
        except (OSError, EOFError, ValueError, SyntaxError, RuntimeError):
            continue  # it could not be decoded before
        assert shown(signed) == wanted, signed.name
        same += 1
    assert same > MUTATIONS // 10
