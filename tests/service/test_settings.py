import threading
from ipaddress import ip_network
from pathlib import Path

import pytest

from tidegate.service.secret import Secret
from tidegate.service.settings import KEY_FILE, VARIABLES, Listen, SettingError, Settings, read

HEX = "0123456789abcdef" * 4


def test_nothing_said_is_this_machine_alone():
    settings = read({})
    assert settings.listen == ("127.0.0.1", 8787)
    assert settings.base_url == "http://127.0.0.1:8787"
    assert settings.database is None
    assert not settings.secure
    assert not settings.fetch_networks
    assert not settings.fetch_http
    assert not settings.proxies


def test_every_setting_has_a_variable():
    assert set(VARIABLES) == set(Settings.__dataclass_fields__)


def test_every_setting_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "service.md").read_text("utf-8")
    missing = [name for name, _ in VARIABLES.values() if f"`{name}`" not in text]
    assert not missing


def test_the_environment_is_read():
    settings = read(
        {
            "TIDEGATE_DATA": "/srv/tidegate",
            "DATABASE_URL": "postgresql://tidegate:hunter2@db/tidegate",
            "TIDEGATE_LISTEN": "[::]:80",
            "TIDEGATE_PUBLIC_URL": "https://tidegate.example/",
            "TIDEGATE_WORKERS": "0",
            "TIDEGATE_FETCH_NETWORKS": "10.20.0.0/16, fd00::/8",
            "TIDEGATE_FETCH_HTTP": "1",
            "TIDEGATE_PROXIES": "10.0.0.1",
            "TIDEGATE_SECRET": HEX,
        }
    )
    assert settings.data == Path("/srv/tidegate")
    assert settings.listen == ("::", 80)
    assert settings.base_url == "https://tidegate.example"
    assert settings.secure
    assert settings.workers == 0
    assert settings.fetch_networks == (ip_network("10.20.0.0/16"), ip_network("fd00::/8"))
    assert settings.proxies == ("10.0.0.1/32",)
    assert settings.server_key() == Secret(bytes.fromhex(HEX))
    assert "hunter2" not in repr(settings)
    assert HEX not in repr(settings)


def test_an_argument_wins_over_the_environment_and_an_empty_variable_is_none():
    environ = {"TIDEGATE_WORKERS": "3", "DATABASE_URL": "", "TIDEGATE_LISTEN": "127.0.0.1:1"}
    settings = read(environ, workers="5", listen=None)
    assert (settings.workers, settings.database, settings.listen.port) == (5, None, 1)


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("TIDEGATE_LISTEN", "8787", "ADDRESS:PORT"),
        ("TIDEGATE_LISTEN", "::1:80", "ADDRESS:PORT"),
        ("TIDEGATE_LISTEN", "127.0.0.1:65536", "ADDRESS:PORT"),
        ("TIDEGATE_LISTEN", "127.0.0.1:٣", "ADDRESS:PORT"),
        ("TIDEGATE_LISTEN", "a b:80", "ADDRESS:PORT"),
        ("TIDEGATE_PUBLIC_URL", "tidegate.example", "no address"),
        ("TIDEGATE_PUBLIC_URL", "https://a:b@tidegate.example", "no address"),
        ("TIDEGATE_PUBLIC_URL", "https://tidegate.example/below", "nothing behind the host"),
        ("TIDEGATE_PUBLIC_URL", "http://tidegate.example", "is https"),
        ("TIDEGATE_WORKERS", "-1", "whole number"),
        ("TIDEGATE_WORKERS", "9999", "whole number"),
        ("TIDEGATE_UPLOAD_BYTES", "100MB", "whole number"),
        ("TIDEGATE_REQUESTS_PER_SECOND", "nan", "a number"),
        ("TIDEGATE_LOGINS_PER_MINUTE", "0", "a number"),
        ("TIDEGATE_FETCH_NETWORKS", "10.0.0.1/8", "list of networks"),
        ("TIDEGATE_FETCH_HTTP", "yes", "1 or 0"),
        ("TIDEGATE_PROXIES", "*", "list of networks"),
        ("TIDEGATE_SECRET", "hunter2", "64 hexadecimal digits"),
    ],
)
def test_a_value_that_makes_no_sense_names_its_variable(variable, value, told):
    with pytest.raises(SettingError, match=told) as caught:
        read({variable: value})
    assert str(caught.value).startswith(f"{variable}: ")
    assert "hunter2" not in str(caught.value)


def test_who_listens_to_others_says_how_browsers_come():
    with pytest.raises(SettingError, match=r"TIDEGATE_PUBLIC_URL: .* listens on 0\.0\.0\.0"):
        read({"TIDEGATE_LISTEN": "0.0.0.0:8787"})
    settings = read(
        {"TIDEGATE_LISTEN": "0.0.0.0:8787", "TIDEGATE_PUBLIC_URL": "http://localhost:8787"}
    )
    assert not settings.secure


@pytest.mark.parametrize(
    ("host", "local"),
    [("localhost", True), ("127.3.2.1", True), ("::1", True), ("0.0.0.0", False), ("::", False)],
)
def test_what_only_this_machine_reaches(host, local):
    assert Listen(host, 1).local == local


def test_the_key_is_made_once_and_for_its_owner_alone(tmp_path):
    settings = Settings(data=tmp_path / "data")
    keys, together = [], threading.Barrier(8)

    def make():
        together.wait()
        keys.append(settings.server_key().reveal())

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1
    assert len(keys[0]) == 32
    assert [one.name for one in settings.data.iterdir()] == [KEY_FILE]
    assert (settings.data / KEY_FILE).stat().st_mode & 0o777 == 0o600


def test_a_damaged_key_is_an_error_and_is_not_replaced(tmp_path):
    (tmp_path / KEY_FILE).write_text("oops")
    with pytest.raises(SettingError, match=f"{KEY_FILE} is 64 hexadecimal digits"):
        Settings(data=tmp_path).server_key()
    assert (tmp_path / KEY_FILE).read_text() == "oops"
