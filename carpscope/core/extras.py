"""Libraries that an installation may lack, and the extra of carpscope that brings each.

Analyzing a capture needs none of them. What does is imported where it is used; where it is not
there, one line says what to install.
"""

from carpscope.core.errors import CarpscopeError

EXTRA_OF = {
    "pcapy": "live",
    "zstandard": "zstd",
    "cryptography": "report",
    "bcrypt": "report",
    "jinja2": "report",
    "markupsafe": "report",
    "prometheus_client": "metrics",
    "waitress": "metrics",
    "rfc3161_client": "timestamp",
    "distributed": "dask",
}
"""By the name that is imported."""


def missing(error: ModuleNotFoundError) -> CarpscopeError | None:
    """Say what to install for a library that is not there; None where it is none of these."""
    name = (error.name or "").partition(".")[0]
    extra = EXTRA_OF.get(name)
    if extra is None:
        return None
    return CarpscopeError(f"this needs {name}: pip install 'carpscope[{extra}]'")
