"""Pure. A small exchange: instruments, books, matching, balances.

Rule 1: no clock, no I/O, no randomness; the time is an argument, in milliseconds.
Rule 2: every price, quantity and amount is a Decimal.
Rule 3: it knows no exchange's words on the wire; refusals are reasons, not messages.
"""
