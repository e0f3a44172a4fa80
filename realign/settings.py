"""What every table of a study has in common: frozen, no unknown keys, sources beside the values."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)


class Settings(BaseModel):
    """
    One table of a study file, owned by the stage that reads it.

    Keys carry their unit in the name. An unknown key is an error, and so is a
    source given for a key that does not exist.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    sources: dict[str, str] = Field(default_factory=dict)
    """Where values of this table come from, by key; a text that begins with "assumption" is one."""

    @model_validator(mode="before")
    @classmethod
    def _own_reasons_stay(cls, table: Any) -> Any:
        """Keep the reasons of defaults that the table leaves alone, beside those that it gives."""
        reasons = cls.model_fields["sources"].get_default(call_default_factory=True)
        given = table.get("sources", {}) if isinstance(table, dict) else None
        if not reasons or not isinstance(given, dict):
            return table
        kept = {key: reason for key, reason in reasons.items() if key not in table}
        return {**table, "sources": {**kept, **given}}

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, about: ValidationInfo) -> Any:
        """Refuse true and false where numbers are wanted, which Python takes for 1 and 0."""
        values = list(value.values()) if isinstance(value, dict) else value
        values = values if isinstance(values, list | tuple) else [value]
        found = [each for each in values if isinstance(each, bool)]
        kind = cls.model_fields[str(about.field_name)].annotation
        if found and any(each in {int, float} for each in _kinds(kind)):
            msg = f"found {str(found[0]).lower()}, wanted a number"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _sources_name_keys(self) -> "Settings":
        unknown = sorted(set(self.sources) - set(type(self).model_fields))
        if unknown:
            known = ", ".join(sorted(set(type(self).model_fields) - {"sources"}))
            msg = f"sources given for unknown keys {', '.join(unknown)}; the keys are {known}"
            raise ValueError(msg)
        return self


def _kinds(kind: Any) -> Iterator[Any]:
    """Types of the values that a key may hold, by itself or in a list or table."""
    if get_origin(kind) is Literal:
        yield from map(type, get_args(kind))
    elif get_origin(kind) is Annotated:
        yield from _kinds(get_args(kind)[0])
    elif get_args(kind):
        for each in get_args(kind):
            yield from _kinds(each)
    else:
        yield kind
