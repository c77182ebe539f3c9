"""Settings: where they come from, what is refused, and that the papers list them all."""

from pathlib import Path

import pytest

from config.settings import Group, Settings, SettingsError, load

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frontdesk.toml").write_text('[web]\nport = 1001\n[mail]\nhost = "file.example"\nport = 26\n')
    assert load(tmp_path).web.port == 1001
    monkeypatch.setenv("FRONTDESK_WEB__PORT", "1002")
    monkeypatch.setenv("FRONTDESK_MAIL__PORT", "27")
    assert load(tmp_path).web.port == 1002
    settings = load(tmp_path, {"web.port": 1003})
    assert (settings.web.port, settings.mail.host, settings.mail.port) == (1003, "file.example", 27)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[web]\nprot = 1", "web.prot"),
        ("[web]\nport = 99999", "web.port"),
        ("[wep]\nport = 1", "wep"),
        ("[mail]\ntls = 'maybe'", "mail.tls"),
        ("[mail]\ntls = 'none'\nhost = 'mail.example'", "loopback"),
        ("[metrics]\nhost = '0.0.0.0'", "loopback"),
        ("[web]\ntrusted_proxies = ['10.0.0.1/8']", "host bits"),
        ("[web]\ntls_key = 'a.pem'", "go together"),
        ("web = [", "frontdesk.toml"),
    ],
)
def test_a_wrong_setting_is_named_by_its_dotted_key(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "frontdesk.toml").write_text(text)
    with pytest.raises(SettingsError, match=said):
        load(tmp_path)


def test_a_misspelt_variable_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRONTDESK_WEB__POTR", "1")
    with pytest.raises(SettingsError, match="FRONTDESK_WEB__POTR"):
        load(tmp_path)


def test_PS_1_a_plain_listener_beyond_loopback_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="in clear"):
        load(tmp_path, {"web.host": "0.0.0.0"})
    behind_a_proxy = load(
        tmp_path, {"web.host": "0.0.0.0", "web.trusted_proxies": ["10.0.0.2"], "web.base_url": "https://chat.example"}
    )
    assert behind_a_proxy.web.host == "0.0.0.0"
    with pytest.raises(SettingsError, match="https"):
        load(tmp_path, {"web.host": "0.0.0.0", "web.trusted_proxies": ["10.0.0.2"], "web.base_url": "http://c.example"})


def test_demo_mode_stays_on_loopback(tmp_path: Path) -> None:
    assert load(tmp_path, {"demo": True}).demo
    with pytest.raises(SettingsError, match="loopback"):
        load(tmp_path, {"demo": True, "web.host": "0.0.0.0", "web.trusted_proxies": ["10.0.0.2"]})


def test_the_papers_list_every_setting_with_its_default() -> None:
    listed = (ROOT / "docs/settings.md").read_text("utf-8")
    for name, field in Settings.model_fields.items():
        group = field.annotation
        if isinstance(group, type) and issubclass(group, Group):
            for key, entry in group.model_fields.items():
                assert f"| `{name}.{key}` |" in listed, f"docs/settings.md lacks {name}.{key}"
                assert str(entry.description) in listed, f"docs/settings.md describes {name}.{key} differently"
        else:
            assert f"| `{name}` |" in listed
