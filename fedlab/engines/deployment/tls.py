"""Certificates for a SuperLink, and whether a SuperLink's certificate can be trusted."""

from __future__ import annotations

import re
import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from fedlab.engines.deployment.error import DeploymentError

_REACH_SECONDS = 10.0
_ADDRESS = re.compile(r"(\[?[\w.:%-]+\]?):([0-9]{1,5})")


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: who signed (authority), and, to start a SuperLink, its certificate and key."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None

    def __post_init__(self) -> None:
        # Flower's programs run in another directory: a relative path would be another file's.
        for name, path in vars(self).items():
            if path is not None:
                object.__setattr__(self, name, Path(path).expanduser().absolute())


def made_certificates(folder: Path) -> Certificates:
    """Write an authority of this run alone, and a certificate of it for this machine's own name."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    names = [folder / name for name in ("authority.pem", "superlink.pem", "superlink.key")]
    authority.cert_pem.write_to_path(names[0])
    for part in certificate.cert_chain_pems:
        part.write_to_path(names[1], append=True)
    certificate.private_key_pem.write_to_path(names[2])
    return Certificates(*names)


def check_pair(certificates: Certificates) -> None:
    """Raise DeploymentError unless a SuperLink can start with these files."""
    certificate, key = certificates.certificate, certificates.key
    if certificate is None or key is None:
        raise DeploymentError(
            "tls: starting a SuperLink takes its own certificate and key too, got the authority "
            "alone: Certificates(authority, certificate, key), or tls=True to have them made"
        )
    _authority(certificates.authority)
    try:
        # an empty password: without one, an encrypted key would be asked for at the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except OSError as error:  # SSLError is one
        raise DeploymentError(
            f"{certificate} and {key}: expected a certificate and the key that belongs to it, in "
            f"PEM and without a password: {_reason(error)}"
        ) from None


def reach(address: str, authority: Path | None, *, insecure: bool) -> None:
    """Connect to a SuperLink, as a client would, and hang up.

    authority: of its certificate; None for those that this machine trusts. Raises DeploymentError
    when nothing answers there, or with a certificate that is no good.
    """
    found = _ADDRESS.fullmatch(address)
    if found is None or not 0 < (port := int(found[2])) < 2**16:
        raise DeploymentError(
            f"{address!r}: expected the SuperLink's address as host:port, such as "
            "'fed.example.org:8000'"
        )
    host = found[1].strip("[]")
    trust = None if insecure else _authority(authority)
    try:
        with socket.create_connection((host, port), timeout=_REACH_SECONDS) as plain:
            if trust is not None:
                trust.wrap_socket(plain, server_hostname=host).close()
            elif _speaks_tls(plain):
                raise DeploymentError(
                    f"the SuperLink at {address} expects TLS: connect with tls=True, or with "
                    "tls=Certificates(authority), the file of who signed its certificate"
                )
    except ssl.SSLCertVerificationError as error:
        raise DeploymentError(
            f"the SuperLink at {address} cannot be trusted: {error.verify_message}; expected a "
            f"certificate for {host} that is still valid and signed by "
            f"{'an authority this machine trusts' if authority is None else authority}"
        ) from None
    except ssl.SSLError as error:
        raise DeploymentError(
            f"the SuperLink at {address} does not speak TLS as expected ({_reason(error)}): start "
            "it with its certificates, or connect with tls=False"
        ) from None
    except (OSError, UnicodeError) as error:  # the latter for a name that can be none
        raise DeploymentError(
            f"no SuperLink answers at {address} ({error}): start it there with flower-superlink, "
            "or check the address and the firewall"
        ) from None


def _speaks_tls(connection: socket.socket) -> bool:
    """Whether the other side shakes hands, whoever it is."""
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        anybody.wrap_socket(connection).close()
    except OSError:
        return False
    return True


def _authority(path: Path | None) -> ssl.SSLContext:
    """What to check a SuperLink's certificate with."""
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:
        raise DeploymentError(
            f"{path}: expected the certificate of an authority, in PEM: {_reason(error)}"
        ) from None


def _reason(error: OSError) -> str:
    """Of a file that is none, or of OpenSSL, whose text says where in its source."""
    reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror
    return str(reason or error)
