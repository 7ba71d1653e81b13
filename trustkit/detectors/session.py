"""Sessions of onnxruntime: one thread, quiet, from bytes that were checked, on a named device."""

from __future__ import annotations

from threading import Timer
from typing import Any

from trustkit.detectors.sealed import refuse_reaching
from trustkit.errors import ConfigError

CPU = "cpu"
_SUFFIX = "ExecutionProvider"
_NEVER = {"azure"}  # it would send the picture away
_MOST_SECONDS = 60.0  # of one crop or window; the largest shipped model takes half of one
_FATAL = 4  # onnxruntime's severity: what is wrong is raised, not printed


def devices() -> list[str]:
    """List the devices that the installed onnxruntime can be asked for, `cpu` first."""
    found = [name.removesuffix(_SUFFIX).lower() for name in _runtime().get_available_providers()]
    return [CPU, *sorted(name for name in found if name not in _NEVER | {CPU})]


def open_session(model: bytes, shown: str, device: str = CPU) -> Any:
    """Return a session on `device`; raises `ConfigError` where there is none or it cannot run."""
    provider = _provider(device)
    refuse_reaching(model, shown)
    options = _runtime().SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _FATAL
    options.use_deterministic_compute = True
    # Else it would take bytes in its own format, which `refuse_reaching` does not read.
    options.add_session_config_entry("session.load_model_format", "ONNX")
    wanted = [provider] if device == CPU else [provider, f"CPU{_SUFFIX}"]
    try:
        session = _runtime().InferenceSession(model, options, providers=wanted)
    except Exception as error:  # onnxruntime's own kinds share no base but this
        raise ConfigError(
            f"{shown} cannot be run: {_line(error)}", "is it a whole ONNX model of float32 inputs?"
        ) from error
    if session.get_providers()[0] != provider:
        raise ConfigError(f"the device {device} did not start", "use --device cpu")
    return session


def run(session: Any, feed: dict[str, Any], wanted: list[str] | None, shown: str) -> list[Any]:
    """Run a session; raises `ConfigError` where the model does not take what it is fed.

    Likewise for one that does not end: a model may hold a loop of as many turns as it likes, and
    no signal reaches Python until it returns.
    """
    options = _runtime().RunOptions()
    options.log_severity_level = _FATAL
    alarm = Timer(_MOST_SECONDS, setattr, (options, "terminate", True))
    alarm.daemon = True
    alarm.start()
    try:
        return list(session.run(wanted, feed, options))
    except Exception as error:
        if options.terminate:
            raise ConfigError(
                f"{shown} does not end in {_MOST_SECONDS:g} seconds", "it is of no use here"
            ) from error
        raise ConfigError(
            f"{shown} does not take what its card says: {_line(error)}", "see docs/models.md"
        ) from error
    finally:
        alarm.cancel()
        alarm.join()  # no thread is left behind, for whoever forks


def _provider(device: str) -> str:
    for name in _runtime().get_available_providers():
        if name.removesuffix(_SUFFIX).lower() == device and device not in _NEVER:
            return str(name)
    raise ConfigError(
        f"no device named {device!r}",
        f"this onnxruntime has {', '.join(devices())}; others come with its other builds",
    )


def _line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:200] or type(error).__name__


def _runtime() -> Any:
    # Loaded with the first model: for a picture too small to judge, a quarter of a second in vain.
    import onnxruntime

    return onnxruntime
