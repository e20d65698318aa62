"""Messages about a value that is too long or short count its characters or items."""

from typing import Annotated

import pytest
from pydantic import BaseModel, Field, ValidationError

from api.errors import fields_error
from narration.jobs.request import Line


class Form(BaseModel):
    name: Annotated[Line, Field(min_length=1, max_length=3)] = "a"
    plain: Annotated[str, Field(min_length=2, max_length=3)] = "ab"
    tags: Annotated[list[Line], Field(min_length=1, max_length=2)] = ["a"]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"name": ""}, "is empty"),
        ({"name": "abcd"}, "has more than 3 characters"),
        ({"plain": "a"}, "has fewer than 2 characters"),
        ({"plain": "abcd"}, "has more than 3 characters"),
        ({"tags": []}, "is empty"),
        ({"tags": ["a", "b", "c"]}, "has more than 2 items"),
    ],
)
def test_texts_have_characters_and_lists_items(body: dict[str, object], detail: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Form.model_validate(body)
    [field] = fields_error(caught.value).fields
    assert field["detail"] == detail
