from pathlib import Path

import pytest

from regard.domain.errors import InvalidInput
from regard.serving.settings import read_settings


def test_everything_has_a_default(tmp_path: Path) -> None:
    settings = read_settings(tmp_path, {})
    assert settings.store == tmp_path / "store"
    assert (settings.language, settings.threads, settings.tenant) == ("en", 0, "regard")


def test_variables_decide(tmp_path: Path) -> None:
    env = {"REGARD_DATABASE_URL": "postgresql:///x", "REGARD_LANGUAGE": "zh", "REGARD_THREADS": "2"}
    settings = read_settings(tmp_path, env)
    assert (settings.store, settings.language, settings.threads) == ("postgresql:///x", "zh", 2)


def test_the_terminal_s_language_is_followed(tmp_path: Path) -> None:
    assert read_settings(tmp_path, {"LANG": "zh_CN.UTF-8"}).language == "zh"
    assert read_settings(tmp_path, {"LANG": "de_DE.UTF-8"}).language == "en"


@pytest.mark.parametrize(
    "env",
    [
        {"REGARD_LANGUAGE": "xx"},
        {"REGARD_THREADS": "two"},
        {"REGARD_RATE": "-1"},
        {"REGARD_PATIENCE": "0"},
        {"REGARD_BUDGET": "nan"},
        {"REGARD_HELPERS": "-1"},
    ],
)
def test_a_wrong_variable_is_named(tmp_path: Path, env: dict[str, str]) -> None:
    with pytest.raises(InvalidInput) as error:
        read_settings(tmp_path, env)
    assert error.value.where == next(iter(env))


@pytest.mark.parametrize("text", ["= 1", "sources = 3", "encoder = 'bundled'"])
def test_broken_toml_says_which_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "regard.toml").write_text(text)
    with pytest.raises(InvalidInput, match=r"regard\.toml"):
        read_settings(tmp_path, {})
