"""The questions of the lecture: keyed, numbered, and each with what to look at."""

import re

from ann_models.questions import QUESTIONS


def test_a_question_is_found_by_its_key():
    assert {question.key for question in QUESTIONS.values()} == set(QUESTIONS)
    for key, question in QUESTIONS.items():
        assert question.key == key


def test_the_titles_are_numbered_from_1_and_ask():
    numbers = [int(question.title.split()[0]) for question in QUESTIONS.values()]
    assert sorted(numbers) == list(range(1, len(QUESTIONS) + 1))
    assert all(re.fullmatch(r"\d+ .+\?", question.title) for question in QUESTIONS.values())


def test_each_question_says_what_to_look_at():
    assert all(re.fullmatch(r".{40,}\.", question.look_at) for question in QUESTIONS.values())
