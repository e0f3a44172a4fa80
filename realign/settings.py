"""What every table of a study has in common: frozen, no unknown keys, sources beside the values."""

from typing import Any, get_args

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
        """Refuse true and false where a number is wanted, which Python takes for 1 and 0."""
        kind = cls.model_fields[str(about.field_name)].annotation
        if isinstance(value, bool) and {kind, *get_args(kind)} & {int, float}:
            msg = f"found {str(value).lower()}, wanted a number"
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
