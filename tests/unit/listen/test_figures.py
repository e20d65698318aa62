import json

import pytest

from tests.listen.figures import Figure, Part, least_step
from tests.listen.report import as_json
from tests.listen.targets import TARGETS, Key
from tests.listen.words import compare


@pytest.mark.parametrize(("past", "is_at_goal"), [(0.0, True), (0.001, False)])
def test_word_error_may_reach_its_target_and_not_pass_it(past: float, *, is_at_goal: bool) -> None:
    measured = TARGETS[Key.BEST_VOICE].goal + past
    assert Figure(key=Key.BEST_VOICE, measured=measured).is_at_goal is is_at_goal


@pytest.mark.parametrize(("short", "is_at_goal"), [(0.0, True), (0.1, False)])
def test_speed_must_reach_its_target(short: float, *, is_at_goal: bool) -> None:
    measured = TARGETS[Key.SPEED].goal - short
    assert Figure(key=Key.SPEED, measured=measured).is_at_goal is is_at_goal


def test_a_figure_past_its_limit_is_lost() -> None:
    assert Figure(key=Key.STORY, measured=1.0).is_lost
    assert Figure(key=Key.CLONING, measured=-0.1).is_lost


def test_a_figure_between_target_and_limit_is_neither_met_nor_lost() -> None:
    target = TARGETS[Key.GUIDANCE]
    assert target.limit is not None
    figure = Figure(key=Key.GUIDANCE, measured=(target.goal + target.limit) / 2)
    assert (figure.is_at_goal, figure.is_lost) == (False, False)


def test_a_busy_machine_loses_nothing() -> None:
    assert not Figure(key=Key.SPEED, measured=0.01).is_lost


def test_what_is_worse_than_before_is_lost_even_if_it_is_at_its_goal() -> None:
    figure = Figure(key=Key.WHISTLE, measured=0.0)
    assert (figure.is_at_goal, figure.is_lost) == (True, True)


@pytest.mark.parametrize(
    ("values", "step"), [((1, 2, 4), 1), ((1, 4, 3), -1), ((2, 2, 3), 0)], ids=str
)
def test_the_least_step_is_positive_only_if_all_values_rise(
    values: tuple[float, ...], step: float
) -> None:
    assert least_step(values) == step


def test_a_part_names_what_was_understood_worst_first() -> None:
    good, bad = compare("It rained.", "It rained."), compare("It rained.", "A train.")
    part = Part(name="sentences", figures=[], took_s=1, heard={"kumo": [good, bad]})
    assert part.worst(1) == [("kumo", bad)]


def test_the_json_has_target_and_measured_value_of_every_figure() -> None:
    part = Part(name="story", figures=[Figure(key=Key.STORY, measured=0.2)], took_s=1)
    figure = json.loads(as_json([part], "demo"))["figures"][Key.STORY]
    assert (figure["measured"], figure["target"]) == (0.2, TARGETS[Key.STORY].goal)
