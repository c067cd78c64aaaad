"""Certificates for a SuperLink, and whether a SuperLink's certificate can be trusted."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme

from fedlab.engines.deployment.error import DeploymentError

_REACH_SECONDS = 10.0


@dataclass(frozen=True)
class Certificates:
    """Files in PEM: who signed (authority), and, to start a SuperLink, its certificate and key."""

    authority: Path
    certificate: Path | None = None
    key: Path | None = None


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


def reach(address: str, authority: Path | None, *, insecure: bool) -> None:
    """Connect to a SuperLink, as a client would, and hang up.

    authority: of its certificate; None for those that this machine trusts. Raises DeploymentError
    when nothing answers there, or with a certificate that is no good.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise DeploymentError(f"{address!r}: expected the SuperLink's address as host:port")
    host = host.strip("[]")
    try:
        with socket.create_connection((host, int(port)), timeout=_REACH_SECONDS) as plain:
            if not insecure:
                with ssl.create_default_context(cafile=authority).wrap_socket(
                    plain, server_hostname=host
                ):
                    pass
    except ssl.SSLCertVerificationError as error:
        raise DeploymentError(
            f"the SuperLink at {address} cannot be trusted: {error.verify_message}; expected a "
            f"certificate for {host} that is still valid and signed by "
            f"{'an authority this machine trusts' if authority is None else authority}"
        ) from None
    except ssl.SSLError as error:
        raise DeploymentError(
            f"the SuperLink at {address} does not speak TLS as expected ({error.reason}): start it "
            "with its certificates, or connect with insecure=True"
        ) from None
    except (OSError, OverflowError) as error:
        raise DeploymentError(
            f"no SuperLink answers at {address} ({error}): start it there with flower-superlink, "
            "or check the address and the firewall"
        ) from None
