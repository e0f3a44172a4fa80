"""The table `[finance]`: who pays on which terms, how prices rise, what the economy asks."""

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from realign.finance.outlay import COMPONENTS
from realign.settings import Settings

TOLERANCE = 1e-9  # by which written shares may miss 1

Share = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(ge=0, le=100)]


class Loan(Settings):
    """
    Terms of a loan, by name, so that several cases of financing can use them.

    It is signed in the middle of the first year in which it is drawn on; a payment falls due after
    every payment period from there.
    """

    name: str
    """Name by which financiers refer to it."""
    interest_pct: float = Field(ge=0, le=100)
    """Interest on what is owed [% a year]; a payment period bears its part of it."""
    years: int = Field(ge=1, le=100)
    """Years from signing to the last payment, grace included."""
    grace_years: int = Field(default=0, ge=0, le=100)
    """Years from signing in which no principal is due; its first part is a payment period later."""
    repayment: Literal["level", "equal-principal"] = "equal-principal"
    """Level payments of principal and interest together, or equal parts of the principal."""
    payments_per_year: Literal[1, 2] = 2
    """Payments a year."""
    management_fee_pct: float = Field(default=0.0, ge=0, le=100)
    """Fee on all that is committed, once, with the first drawdown [%]."""
    commitment_fee_pct: float = Field(default=0.0, ge=0, le=100)
    """Fee on what is committed and not yet drawn [% a year]."""
    capitalised: bool = False
    """Whether interest in the years of grace is added to the debt; otherwise it is paid."""

    @model_validator(mode="after")
    def _ends_after_its_grace(self) -> "Loan":
        if self.grace_years >= self.years:
            msg = f"grace_years {self.grace_years} has to be below years {self.years}"
            raise ValueError(msg)
        return self


class Financier(Settings):
    """One who pays a share of every rupee: by a loan, by a grant, or out of the budget."""

    name: str
    """Name, as the tables show it."""
    key: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Short name for columns: small letters, digits and underscores."""
    share: float = Field(ge=0, le=1)
    """Share of the cost [0-1]."""
    shares: dict[str, Share] = Field(default_factory=dict)
    """Share of the cost of single components, in place of `share` [0-1]."""
    kind: Literal["loan", "grant", "budget"] = "budget"
    """What becomes of the money: it is owed, given, or the government's own."""
    loan: str | None = None
    """Name of one of `finance.loans`, where it is a loan."""
    currency: Literal["PKR", "USD", "CNY"] = "PKR"
    """Currency in which it is committed, drawn and paid back."""
    source: str
    """Where the share comes from; a text that begins with "assumption" is one."""

    @field_validator("shares")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        _known_components(value)
        return value

    @model_validator(mode="after")
    def _owed_on_terms(self) -> "Financier":
        if self.kind == "loan" and self.loan is None:
            msg = "loan is missing; a financier of the kind loan needs the name of its terms"
            raise ValueError(msg)
        if self.kind != "loan" and self.loan is not None:
            msg = f"found the terms of loan {self.loan!r} for a {self.kind}, which is not paid back"
            raise ValueError(msg)
        return self

    def part(self, component: str) -> float:
        """Share of the cost of a component [0-1]."""
        return self.shares.get(component, self.share)


class Case(Settings):
    """A way of paying for the programme."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]*$")
    """Short name for columns: small letters, digits, hyphens and underscores."""
    title: str
    """What it is, in words."""
    financiers: tuple[Financier, ...] = Field(min_length=1)
    """All who pay; their shares of every component add to 1. The last takes the rupees that
    rounding leaves."""

    @field_validator("financiers")
    @classmethod
    def _whole(cls, value: tuple[Financier, ...]) -> tuple[Financier, ...]:
        found = sorted({name for financier in value for name in financier.shares})
        problems = []
        for component in ("", *found):
            parts = [(financier.name, financier.part(component)) for financier in value]
            total = sum(share for _, share in parts)
            if abs(total - 1) > TOLERANCE:
                shares = ", ".join(f"{name} {share:g}" for name, share in parts)
                of = f" of {component}" if component else ""
                problems.append(f"the shares{of} add to {total:.10g}, not to 1: {shares}")
        if problems:
            raise ValueError("\n".join(problems))
        _all_differ((financier.key for financier in value), "financier", "key")
        return value


class Escalation(Settings):
    """
    The table `[finance.escalation]`: how prices rise from the price date to the year of spending.

    Years are whole calendar years; what is spent before the price date is not made cheaper.
    """

    local_pct: float = Field(default=0.0, ge=0, le=100)
    """Rise of the prices of what is bought for rupees [% a year]."""
    foreign_pct: float = Field(default=0.0, ge=0, le=100)
    """Rise of the prices of what is bought for dollars, in dollars [% a year]."""
    depreciation_pct: float = Field(default=0.0, ge=0, le=100)
    """Rise of the rupees that a dollar costs, from the day of the exchange rates on [% a year]; the
    yuan keeps its rate in dollars."""
    local_share: float = Field(default=0.5, ge=0, le=1)
    """Share of the cost that is bought for rupees; the rest is bought for dollars [0-1]."""
    local_shares: dict[str, Share] = Field(default_factory=dict)
    """That share for single components [0-1]."""

    @field_validator("local_shares")
    @classmethod
    def _known(cls, value: dict[str, float]) -> dict[str, float]:
        _known_components(value)
        return value

    def local(self, component: str) -> float:
        """Share of a component that is bought for rupees [0-1]."""
        return self.local_shares.get(component, self.local_share)


class Economy(Settings):
    """The table `[finance.economy]`: what the return to the economy is reckoned with."""

    discounts_pct: tuple[Percent, ...] = Field(default=(9.0, 12.0), min_length=1)
    """Rates of discount [% a year]."""
    years: int = Field(default=30, ge=1, le=100)
    """Years of traffic that count, from the first year after the works."""
    traffic_growth_pct: float = Field(default=0.0, ge=-99, le=100)
    """Growth of what users save, with the traffic [% a year]."""
    conversion: float = Field(default=1.0, gt=0, le=2)
    """Cost to the economy over cost to the programme, without duties and taxes [-]."""
    residual: float = Field(default=0.0, ge=0, le=1)
    """Part of the cost of building that the works are still worth after the last year [0-1]."""


class Finance(Settings):
    """Who pays."""

    announced_pkr: float | None = Field(default=None, gt=0, le=1e15)
    """Cost that was announced for the whole programme [PKR], for comparison only."""
    discount_pct: float = Field(default=5.0, ge=0, le=100)
    """Rate of discount of debt service, for present values and grant elements [% a year]; 5 % is
    the one rate that IMF and World Bank have used since 2013."""
    loans: tuple[Loan, ...] = ()
    """Terms of loans."""
    cases: tuple[Case, ...] = Field(min_length=1)
    """Ways of paying; the costs of phases are split by the first."""
    escalation: Escalation = Escalation()
    """How prices rise."""
    economy: Economy = Economy()
    """What the return to the economy is reckoned with."""

    @model_validator(mode="after")
    def _fits(self) -> "Finance":
        _all_differ((loan.name for loan in self.loans), "loan", "name")
        _all_differ((case.name for case in self.cases), "case", "name")
        known = {loan.name for loan in self.loans}
        problems = [
            f"cases[{case.name}].financiers[{financier.name}].loan: found {financier.loan!r}, "
            f"wanted one of {', '.join(sorted(known)) or 'finance.loans, which has none'}"
            for case in self.cases
            for financier in case.financiers
            if financier.loan is not None and financier.loan not in known
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    @property
    def financiers(self) -> tuple[Financier, ...]:
        """Those who pay in the first case."""
        return self.cases[0].financiers

    def terms(self, financier: Financier) -> Loan | None:
        """Terms on which the money of a financier is owed; None where it is not."""
        return next((loan for loan in self.loans if loan.name == financier.loan), None)


def _known_components(names: Iterable[str]) -> None:
    unknown = sorted(set(names) - set(COMPONENTS))
    if unknown:
        msg = f"found the components {', '.join(unknown)}; wanted some of {', '.join(COMPONENTS)}"
        raise ValueError(msg)


def _all_differ(names: Iterable[str], what: str, kind: str) -> None:
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        msg = f"more than one {what} has the {kind} {', '.join(twice)}; wanted a {kind} for each"
        raise ValueError(msg)
