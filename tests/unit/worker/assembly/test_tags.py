from worker.assembly.tags import flat_titles


def test_chapters_without_parts_keep_their_titles() -> None:
    assert flat_titles([("", "One"), ("", "Two")]) == ["One", "Two"]


def test_the_first_chapter_of_a_part_is_named_with_it() -> None:
    chapters = [("", "Preface"), ("Book I", "Calm"), ("Book I", "Storm"), ("Book II", "Land")]
    assert flat_titles(chapters) == ["Preface", "Book I: Calm", "Storm", "Book II: Land"]


def test_titles_that_come_again_are_all_named_with_their_part() -> None:
    chapters = [("Act I", "Scene 1"), ("Act I", "Scene 2"), ("Act II", "Scene 1")]
    assert flat_titles(chapters) == ["Act I: Scene 1", "Scene 2", "Act II: Scene 1"]


def test_a_part_that_is_its_own_chapter_is_named_once() -> None:
    assert flat_titles([("Book I", "Book I"), ("Book I", "One")]) == ["Book I", "One"]
