"""Where a store on PostgreSQL lies, and whether the way there is safe.

Between machines, only TLS with a verified certificate will do
(``sslmode=verify-full``); a location that asks for less is refused. Over the
loopback address or a Unix socket nothing is asked. The password belongs in
libpq's password file; in a location it is understood, and shown nowhere.
"""

import ipaddress

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import StoreUnavailableError

# What a location may say beside the address. Not libpq's `options`, which could take back what
# is set here, nor `service`, which could name another host.
_PARAMETERS = frozenset({"host", "passfile", "sslcert", "sslkey", "sslmode", "sslrootcert"})
_VERIFIED = "verify-full"


def checked(location: str) -> tuple[URL, dict[str, str]]:
    """The URL without its query, and what libpq is told in the query's place.

    Raises:
        StoreUnavailableError: malformed, or it would go unverified to another machine.
    """
    try:
        url = make_url(location)
    except (ArgumentError, ValueError):  # which quote the location, and so the password
        raise StoreUnavailableError("the location of the store is not a valid URL") from None
    if url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise StoreUnavailableError(
            "a store on PostgreSQL is postgresql+psycopg://user@host:port/database, "
            f"not {url.drivername}://…"
        )
    if unknown := sorted(set(url.query) - _PARAMETERS):
        raise StoreUnavailableError(
            f"the location of a store has no parameter {unknown[0]!r}; it may have "
            f"{', '.join(sorted(_PARAMETERS))}"
        )
    arguments: dict[str, str] = {}
    for name, value in url.query.items():
        if not isinstance(value, str):
            raise StoreUnavailableError(f"the location of the store gives {name} twice")
        arguments[name] = value
    hosts = arguments.get("host") or url.host
    if not _stays_here(hosts) and arguments.setdefault("sslmode", _VERIFIED) != _VERIFIED:
        raise StoreUnavailableError(
            f"the location of the store asks for sslmode={arguments['sslmode']} to another "
            f"machine: only {_VERIFIED} keeps a stranger from reading along"
        )
    return url.set(drivername="postgresql+psycopg", query={}), arguments


def _stays_here(hosts: str | None) -> bool:
    """Whether every one of ``hosts``, or of libpq's defaults, is this machine."""
    try:
        from psycopg import pq
    except ImportError:
        raise StoreUnavailableError(
            "a store on PostgreSQL needs psycopg: pip install 'pharmakon[postgres]'"
        ) from None
    defaults = {
        option.keyword.decode(): (option.val or b"").decode()
        for option in pq.Conninfo.get_defaults()
    }
    # The address wins over the name where the environment gives one.
    given = defaults.get("hostaddr") or hosts or defaults.get("host") or ""
    return all(_is_this_machine(host) for host in given.split(","))


def _is_this_machine(host: str) -> bool:
    if host in ("", "localhost") or host.startswith(("/", "@")):  # the latter: Unix sockets
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def in_words(url: URL, socket: str | None) -> str:
    """The database and its host, and nobody's name or password."""
    where = socket or url.host or "the default host"
    return f"{url.database} on {where}" + (f":{url.port}" if url.port else "")
