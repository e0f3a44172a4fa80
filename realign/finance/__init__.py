"""
Who pays what and when, what is owed, and what the programme brings to the economy.

`outlay` is what is to be paid, `terms` the table of the study. `exchange` brings outlays to the
prices of their years and converts them, `split` shares them out to the rupee, `loan` follows one
loan from payment to payment, `debt` puts a whole case of financing together, and `economy` holds
costs against what users save.
"""

from realign.finance.debt import (
    Cash,
    Financing,
    Summary,
    Tranche,
    Year,
    debt,
    financed,
    tranches,
)
from realign.finance.economy import Appraisal, Stream, appraised, eirr, grown, npv, stream
from realign.finance.exchange import UNITS, Exchange, escalated, exchange
from realign.finance.loan import Day, grant_element, life, present, worth
from realign.finance.outlay import COMPONENTS, Outlay
from realign.finance.split import Split, by_year, split, total
from realign.finance.terms import Case, Economy, Escalation, Finance, Financier, Loan

__all__ = [
    "COMPONENTS",
    "UNITS",
    "Appraisal",
    "Case",
    "Cash",
    "Day",
    "Economy",
    "Escalation",
    "Exchange",
    "Finance",
    "Financier",
    "Financing",
    "Loan",
    "Outlay",
    "Split",
    "Stream",
    "Summary",
    "Tranche",
    "Year",
    "appraised",
    "by_year",
    "debt",
    "eirr",
    "escalated",
    "exchange",
    "financed",
    "grant_element",
    "grown",
    "life",
    "npv",
    "present",
    "split",
    "stream",
    "total",
    "tranches",
    "worth",
]
