"""A secret is a type that shows `***` wherever it might be printed, and refuses to be copied into anything else."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, NoReturn, final

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

_HIDDEN = "***"


@final
class Secret:
    """Text that only `reveal` shows. As a field of a request model it takes a string, and never gives it back."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Call it where it is used, and keep the result no longer than that."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({_HIDDEN})"

    def __str__(self) -> str:
        return _HIDDEN

    def __format__(self, _specification: str) -> str:
        return _HIDDEN

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        """Refuse `pickle`, `copy` and `dataclasses.asdict`: all of them ask here."""
        message = "a Secret is not copied or pickled; call reveal() where it is used"
        raise TypeError(message)

    @classmethod
    def __get_pydantic_core_schema__(cls, _source: object, _handler: GetCoreSchemaHandler) -> CoreSchema:
        from pydantic_core import core_schema  # noqa: PLC0415 - most users of a secret have no need of Pydantic

        return core_schema.no_info_after_validator_function(
            cls,
            core_schema.str_schema(min_length=1, max_length=65_536),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda _: _HIDDEN),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, _schema: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"type": "string", "format": "password", "writeOnly": True, "minLength": 1, "maxLength": 65_536}
