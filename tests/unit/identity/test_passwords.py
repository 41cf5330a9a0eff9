from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headworks.identity.domain.common import common_words, is_common
from headworks.identity.domain.passwords import checked_password, fits, normal, one_time_password
from headworks.kernel.errors import Invalid
from headworks.kernel.secrets import Secret

GOOD = "correct horse battery"


def check(text: str, email: str = "ada@example.org") -> str:
    return checked_password("new_password", Secret(text), email).reveal()


def refusal(text: str, email: str = "ada@example.org") -> str:
    with pytest.raises(Invalid) as caught:
        check(text, email)
    (problem,) = caught.value.details
    assert problem.field == "new_password"
    assert not text or text not in str(caught.value)
    return problem.code


def test_a_good_one_is_taken_as_it_is() -> None:
    assert check(GOOD) == GOOD
    assert check("Grüße aus Łódź 🎉") == "Grüße aus Łódź 🎉"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "too_short"),
        ("zK4!mvT9q", "too_short"),
        ("correct horse\n battery", "unprintable"),
        ("correct horse\0 battery", "unprintable"),
        ("correct horse \x1b[31m battery", "unprintable"),
        ("correct horse \ud800 battery", "unprintable"),
    ],
)
def test_what_nobody_types_or_anybody_guesses_is_refused(text: str, code: str) -> None:
    assert refusal(text) == code


def test_72_bytes_fit_and_73_are_refused_rather_than_cut() -> None:
    whole = "".join(f"{number:x}-quartz " for number in range(0, 900, 100))[:72]
    assert check(whole[:71]) == whole[:71]
    assert check(whole) == whole
    assert refusal(whole + "x") == "too_long"
    assert refusal(whole * 60) == "too_long"
    # 44 characters, 75 bytes: what counts is what bcrypt sees.
    assert refusal("é" * 30 + "kW7 zp ñ qxq x") == "too_long"
    assert fits("é" * 36)
    assert not fits("é" * 37)


def test_the_same_characters_are_the_same_password() -> None:
    composed, decomposed = "caf\u00e9 au lait sucr\u00e9", "cafe\u0301 au lait sucre\u0301"
    assert composed != decomposed
    assert check(decomposed) == check(composed) == normal(decomposed)


def test_the_name_of_the_email_is_no_secret() -> None:
    assert refusal("my Lovelace phrase", "lovelace@example.org") == "contains_email"
    # Two or three letters are in many words.
    assert check("adamant quartz vow", "ada@example.org") == "adamant quartz vow"


@pytest.mark.parametrize(
    "text",
    [
        "password123",
        "P@ssw0rd!!",
        "Dragon2024!",
        "!!baseball99",
        "qwertyuiop",
        "qwerty12345",
        "1234567890",
        "0987654321",
        "1qaz2wsx3edc",
        "q1w2e3r4t5",
        "abcdefghij",
        "zyxwvutsrq",
        "aaaaaaaaaaaa",
        "ababababab",
        "monkeymonkey",
        "ab12ab12ab12",
        "111111111112",
        "headworks1",
        "Passwort2026",
        "butterfly!!!!",
    ],
)
def test_first_guesses_are_refused(text: str) -> None:
    assert refusal(text) == "too_common"


@pytest.mark.parametrize(
    "text",
    ["dragon 83749283", "butterfly quartz", "Tr0ub4dor&3x", "kq8vz2mpwx", "horse-staple-vow", "qwerty kq8vz2"],
)
def test_what_only_begins_like_one_is_taken(text: str) -> None:
    assert check(text) == text


def test_the_shipped_words_are_words() -> None:
    words = common_words()
    assert len(words) > 1_500
    assert {"password", "dragon", "letmein", "headworks"} <= words
    assert all(word.isascii() and word.isalpha() and word.islower() and len(word) >= 4 for word in words)


@given(st.text(max_size=100))
def test_no_text_breaks_the_check(text: str) -> None:
    is_common(text)
    try:
        taken = check(text)
    except Invalid:
        return
    assert fits(taken)
    assert len(taken) >= 10


def test_a_one_time_password_is_one_that_would_be_taken() -> None:
    made = {one_time_password().reveal() for _ in range(200)}
    assert len(made) == 200
    assert all(check(text) == text and len(text) == 29 for text in made)
