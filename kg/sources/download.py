"""Download a source's file: pinned by SHA-256, with a progress bar, read only when verified."""

from pathlib import Path

from kg.errors import SourceError


def fetch(url: str, sha256: str) -> Path:
    """The verified local copy of ``url``, downloaded if it is not in the user's cache yet.

    Raises:
        SourceError: the file cannot be had, or its SHA-256 is not ``sha256``.
    """
    import pooch

    name = url.rpartition("/")[2]
    try:
        path = pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=name,
            path=pooch.os_cache("pharmakon"),
            progressbar=True,
        )
    except ValueError as error:
        raise SourceError(
            f"{name}: what {url} gives has not the SHA-256 {sha256}; nothing of it was kept"
        ) from error
    except OSError as error:
        raise SourceError(
            f"{name} could not be downloaded ({type(error).__name__}); fetch {url} by other means "
            "and name its folder with --from"
        ) from error
    return Path(path)
