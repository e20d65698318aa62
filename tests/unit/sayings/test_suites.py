from pathlib import Path

from tests.sayings.suites import Case, Want, read_suites


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _read(folder: Path) -> list[tuple[str, str, tuple[str, ...], Want]]:
    return [(c.kind, c.written, c.readings, c.want) for c in read_suites(folder)]


def test_a_table_of_written_and_spoken_forms_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "data_text_normalization"
    _write(folder / "test_cases_cardinal.txt", "3~three\n~nothing\nno tilde\n")
    assert _read(tmp_path) == [("cardinal", "3", ("three",), Want.EQUAL)]


def test_other_languages_and_the_way_back_are_passed_over(tmp_path: Path) -> None:
    for language, name in (("de", "data_text_normalization"), ("en", "inverse_text_normalization")):
        _write(tmp_path / language / name / "test_cases_cardinal.txt", "3~drei\n")
    assert _read(tmp_path) == []


def test_an_arrow_parts_the_forms_of_another_table(tmp_path: Path) -> None:
    _write(tmp_path / "tn" / "english" / "data" / "cardinal.txt", "3 => three\n")
    assert _read(tmp_path) == [("cardinal", "3", ("three",), Want.EQUAL)]


def test_prose_is_read_where_its_spoken_form_differs(tmp_path: Path) -> None:
    _write(tmp_path / "metadata.csv", "a|In 1905.|In nineteen five.\nb|Plain.|Plain.\n")
    assert _read(tmp_path) == [("prose", "In 1905.", ("In nineteen five.",), Want.EQUAL)]


def test_asserts_about_a_normalizer_are_cases(tmp_path: Path) -> None:
    _write(
        tmp_path / "abogen" / "test_normalization.py",
        "def test_money():\n"
        "    assert normalize_text('$5') == 'five dollars'\n"
        "    said = normalize_text('$6 now')\n"
        "    assert 'six' in said\n"
        "    assert '$' not in said\n"
        "    assert 'x' in said or 'six' in said\n"
        "    assert other('$7') == 'seven'\n",
    )
    assert [case[1:] for case in _read(tmp_path)] == [
        ("$5", ("five dollars",), Want.EQUAL),
        ("$6 now", ("six",), Want.CONTAINS),
        ("$6 now", ("$",), Want.LACKS),
        ("$6 now", ("x", "six"), Want.CONTAINS),
    ]


def test_a_case_is_read_and_never_run(tmp_path: Path) -> None:
    _write(tmp_path / "kokoro" / "test_normalizer.py", "raise SystemExit\n")
    assert list[Case](read_suites(tmp_path)) == []
