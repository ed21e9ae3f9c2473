"""Asset Management's own settings."""

from pathlib import Path

import pytest

from asset_management.settings import AssetManagementSettings
from utils.settings import SettingsError

DATABASE_URL = "postgresql://user:password@127.0.0.1:1/db"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ASSET_MANAGEMENT_MAX_UPLOAD_BYTES", "0"),
        ("ASSET_MANAGEMENT_MAX_UPLOAD_BYTES", "a lot"),
        ("ASSET_MANAGEMENT_MAX_UPLOAD_BYTES", str(2**32)),
        ("ASSET_MANAGEMENT_FILE_THREADS", "1000"),
    ],
)
def test_a_wrong_setting_stops_the_start_with_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=name) as caught:
        AssetManagementSettings()
    assert caught.value.exit_code == 78


def test_the_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    monkeypatch.setenv("ASSET_MANAGEMENT_STORE_DIR", "/srv/assets")
    monkeypatch.setenv("ASSET_MANAGEMENT_MAX_UPLOAD_BYTES", "1000")
    settings = AssetManagementSettings()
    assert (settings.store_dir, settings.max_upload_bytes) == (Path("/srv/assets"), 1000)


def test_a_file_may_hold_256_mebibytes_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", DATABASE_URL)
    assert AssetManagementSettings().max_upload_bytes == 256 * 1024 * 1024
