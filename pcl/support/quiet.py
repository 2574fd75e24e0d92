"""TensorFlow without what its compiled part says of processors and drivers."""

import importlib
import os
import sys
import tempfile

_NOISE = (b"absl::InitializeLog", b"cudart_stub", b"oneDNN custom operations", b"cpu_feature_guard",
          b"failed call to cuInit")


def load_quietly():
    """Import TensorFlow and run a first operation; its lines on processors and drivers are left out of
    stderr, all others are passed on. For programs, before they import anything else."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            importlib.import_module("tensorflow").constant(0.0)
        finally:
            os.dup2(kept, 2)
            os.close(kept)
            said.seek(0)
            lines = [line for line in said if not any(word in line for word in _NOISE)]
            os.write(2, b"".join(lines))
