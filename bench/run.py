"""Run the benches, all or those named: `make bench` or `python -m bench.run start sign`."""

from __future__ import annotations

import sys
from importlib import import_module

BENCHES = (
    "start",
    "verify",
    "sign",
    "signers",
    "timestamps",
    "opinion",
    "jobs",
    "memory",
    "metadata",
    "fingerprint",
    "registry",
    "recover",
    "serve",
    "watermark",
    "sound",
    "video",
    "detect",
)


def main(names: list[str]) -> int:
    """Run the benches called `names`, all when there are none; a MISS is told, not an error."""
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"no bench named {unknown[0]}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name in names or BENCHES:
        import_module(f"bench.{name}").main()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
