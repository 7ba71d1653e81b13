"""C2PA manifests: the only folder that knows the engine (c2pa-python)."""
