import gettext
import string

import pytest

from regard.data.translations import LANGUAGES, translate, translator

pytest.importorskip("babel", reason="needs the extra `dev`")
from tools.translations import catalogue_file, compiled, extracted, read

OTHERS = LANGUAGES[1:]
FIX = "run `python -m tools.translations`, fill in what it names, run it again"


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", OTHERS)
def test_everything_that_is_said_is_translated(language: str) -> None:
    catalogue = read(language)
    said = set(extracted())
    assert "Because you liked {items}." in said
    waiting = [text for text in sorted(said) if text not in catalogue or not catalogue[text].string]
    assert not waiting, f"{language}: {FIX}"


@pytest.mark.parametrize("language", OTHERS)
def test_nothing_is_translated_that_is_no_longer_said(language: str) -> None:
    assert {str(message.id) for message in read(language) if message.id} <= set(extracted()), FIX


@pytest.mark.parametrize("language", OTHERS)
def test_translations_keep_the_named_places(language: str) -> None:
    for message in read(language):
        if message.id:
            assert _places(str(message.string)) == _places(str(message.id))


@pytest.mark.parametrize("language", OTHERS)
def test_what_is_read_is_what_was_written(language: str) -> None:
    with catalogue_file(language).with_suffix(".mo").open("rb") as held:
        texts = dict(gettext.GNUTranslations(held)._catalog)  # type: ignore[attr-defined]
    path = catalogue_file(language).with_suffix(".mo")
    assert texts.pop("") is not None
    assert texts == {m.id: m.string for m in read(language) if m.id}, f"{path}: {FIX}"
    assert compiled(language) == compiled(language)


@pytest.mark.parametrize("language", ["zh", "zh-CN", "zh_TW.UTF-8", "ZH"])
def test_a_language_is_found_by_its_first_letters(language: str) -> None:
    assert translator(language)("Because you liked {items}.") == "因为您喜欢{items}。"


@pytest.mark.parametrize("language", ["en", "en-GB", "fr", "C", ""])
def test_english_is_spoken_where_we_know_no_better(language: str) -> None:
    assert translate("Because you liked {items}.", language) == "Because you liked {items}."
