"""Ports, addresses and certificates that are no good: one sentence, before anything is started."""

import datetime
import socket
import ssl
import threading
from contextlib import contextmanager

import pytest
import trustme
from app_directories import app_directory, needs_posix, refused

from fedlab.engines import Certificates, DeploymentError, deployment
from fedlab.engines.deployment import tls
from fedlab.engines.deployment.ports import checked_port


@pytest.fixture
def app(tmp_path):
    return app_directory(tmp_path / "app")


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch):
    """A keeper that is asked for after all is another failure than the expected one."""
    monkeypatch.setattr("fedlab.keeper.Keeper.__enter__", None)


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])
def taken(request):
    with socket.create_server((request.param, 0)) as listener:
        yield listener.getsockname()[1]


def test_a_port_in_use_is_named_wherever_it_is_bound(taken, app):
    assert refused(app, port=taken) == (
        f"port {taken} is in use on this machine: give another one, or none to take a free one"
    )


def test_a_port_that_is_bound_and_does_not_listen_is_in_use(app):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        assert "is in use" in refused(app, port=bound.getsockname()[1])


@needs_posix
def test_a_port_whose_last_connection_has_just_ended_is_free():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        client = socket.create_connection(("127.0.0.1", port))
        listener.accept()[0].close()  # who closes first is left with the waiting
        client.close()
    assert checked_port(port) == port


@pytest.mark.parametrize("port", [0, 2**16, -1, True, "8000"])
def test_a_port_is_a_number_from_1_to_65535(port, app):
    assert refused(app, ValueError, port=port).startswith("port: expected a whole number from 1")


@pytest.mark.parametrize(
    "address",
    ["", "fed", ":80", "fed:", "fed:http", "fed:0", "fed:65536", "fed:²", "http://fed:80", "a b:1"],
)
def test_what_is_no_address_is_named(address, app):
    assert refused(app, superlink=address) == (
        f"{address!r}: expected the SuperLink's address as host:port, such as "
        "'fed.example.org:8000'"
    )


@pytest.mark.parametrize(
    "address", ["127.0.0.1:{}", "[::1]:{}", "no-such-host.invalid:{}", "..:{}"]
)
def test_where_nothing_answers_there_is_one_sentence_with_the_remedy(address, app):
    with socket.socket() as bound:  # and does not listen
        bound.bind(("127.0.0.1", 0))
        address = address.format(bound.getsockname()[1])
        said = refused(app, superlink=address)
    assert said.startswith(f"no SuperLink answers at {address} (")
    assert said.endswith(
        "start it there with flower-superlink, or check the address and the firewall"
    )


def test_a_port_is_of_what_is_started_here(app):
    assert "got both" in refused(app, ValueError, superlink="127.0.0.1:1", port=8000)


# --- certificates --------------------------------------------------------------------------------


def certificates(folder, *hosts, **settings):
    """A certificate for these hosts, and its authority of its own."""
    folder.mkdir()
    authority = trustme.CA()
    issued = authority.issue_cert(*hosts, **settings)
    found = Certificates(folder / "ca.pem", folder / "link.pem", folder / "link.key")
    authority.cert_pem.write_to_path(found.authority)
    issued.cert_chain_pems[0].write_to_path(found.certificate)
    issued.private_key_pem.write_to_path(found.key)
    return found


def expired(folder):
    days = {"not_before": datetime.datetime(2019, 1, 1), "not_after": datetime.datetime(2020, 1, 1)}
    return certificates(folder, "127.0.0.1", **days)


@pytest.fixture
def good(tmp_path):
    return certificates(tmp_path / "good", "127.0.0.1")


@pytest.fixture
def other(tmp_path):
    return certificates(tmp_path / "other", "127.0.0.1")


@contextmanager
def serving(answer):
    """A server that does this with its one client; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            client, _ = listener.accept()
            with client:
                answer(client)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def encrypted(given):
    """A server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(given.certificate, given.key)

    def answer(client):
        try:
            context.wrap_socket(client, server_side=True).close()
        except OSError:  # the client did not trust it
            client.close()

    return serving(answer)


def plain():
    """A server that answers what is no HTTP as uvicorn does."""
    return serving(lambda client: client.recv(4096) and client.sendall(b"HTTP/1.1 400 Bad\r\n\r\n"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (expired, "certificate has expired"),
        (lambda folder: certificates(folder, "fed.example.org"), "IP address mismatch"),
    ],
)
def test_a_certificate_that_is_no_good_for_this_address_is_not_trusted(made, why, app, tmp_path):
    given = made(tmp_path / "bad")
    with encrypted(given) as address:
        said = refused(app, superlink=address, tls=Certificates(given.authority))
    assert said.startswith(f"the SuperLink at {address} cannot be trusted: {why}")
    assert said.endswith(f"still valid and signed by {given.authority}")


def test_a_certificate_of_another_authority_is_not_trusted(app, good, other):
    with encrypted(good) as address:
        said = refused(app, superlink=address, tls=Certificates(other.authority))
    assert "cannot be trusted: unable to get local issuer certificate; " in said
    with encrypted(good) as address:
        said = refused(app, superlink=address, tls=True)
    assert said.endswith("an authority this machine trusts")


def test_an_insecure_client_is_told_that_the_superlink_expects_tls(app, good):
    with encrypted(good) as address:
        said = refused(app, superlink=address)
    assert said == (
        f"the SuperLink at {address} expects TLS: connect with tls=True, or with "
        "tls=Certificates(authority), the file of who signed its certificate"
    )


def test_a_client_with_tls_is_told_that_the_superlink_has_none(app, good):
    with plain() as address:
        said = refused(app, superlink=address, tls=Certificates(good.authority))
    assert said.startswith(f"the SuperLink at {address} does not speak TLS as expected (")
    assert said.endswith("start it with its certificates, or connect with tls=False")


def test_a_server_that_says_nothing_is_not_waited_for(app, good, monkeypatch):
    monkeypatch.setattr(tls, "_REACH_SECONDS", 0.2)
    with serving(lambda client: client.recv(4096) and client.recv(4096)) as address:
        said = refused(app, superlink=address, tls=Certificates(good.authority))
    assert said.startswith(f"no SuperLink answers at {address} (")


def test_an_insecure_superlink_can_be_reached_and_so_can_one_with_tls(good):
    with plain() as address:
        tls.reach(address, None, insecure=True)
    with encrypted(good) as address:
        tls.reach(address, good.authority, insecure=False)


def starts_with(given):
    """The sentence with which a federation does not start."""
    with pytest.raises(DeploymentError) as caught, deployment(1, tls=given):
        pass
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_federation_needs_certificate_and_key_beside_the_authority(good):
    said = starts_with(Certificates(good.authority))
    assert said.startswith("tls: starting a SuperLink takes its own certificate and key too")


@pytest.mark.parametrize("missing", ["authority", "certificate", "key"])
def test_a_file_that_is_missing_is_named(missing, good):
    path = getattr(good, missing)
    path.unlink()
    said = starts_with(good)
    assert str(path) in said
    assert said.endswith("No such file or directory")


def test_a_key_of_another_certificate_is_named_beside_it(good, other):
    said = starts_with(Certificates(good.authority, good.certificate, other.key))
    assert said.startswith(f"{good.certificate} and {other.key}: expected a certificate and the ke")
    assert said.endswith("KEY_VALUES_MISMATCH")


@pytest.mark.parametrize("place", ["authority", "certificate", "key"])
def test_a_file_that_holds_something_else_is_named(place, good):
    getattr(good, place).write_text("nothing of the kind")
    assert str(getattr(good, place)) in starts_with(good)


def test_a_key_with_a_password_is_refused_and_nobody_is_asked_for_it(good):
    from cryptography.hazmat.primitives import serialization as keys

    plain_key = keys.load_pem_private_key(good.key.read_bytes(), None)
    good.key.write_bytes(
        plain_key.private_bytes(
            keys.Encoding.PEM,
            keys.PrivateFormat.PKCS8,
            keys.BestAvailableEncryption(b"secret"),
        )
    )
    assert "in PEM and without a password" in starts_with(good)


def test_paths_of_certificates_are_those_of_where_they_were_given(good, monkeypatch, tmp_path):
    monkeypatch.chdir(good.authority.parent)
    given = Certificates("ca.pem", "link.pem", "link.key")
    monkeypatch.chdir(tmp_path)
    assert given == good
    tls.check_pair(given)
