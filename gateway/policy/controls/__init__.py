"""Every control there is, in one list that a person can read. A new control is one class and one name here.

FLOORS hold for every policy. SETTINGS are the keys of the policy file. Of findings equally severe the first in this
order is the one a bot hears of: so the missing price, not the limits that could not be worked out without it.
ACCOUNT_SETTINGS may also stand over all tokens of one account.
"""

from typing import Final

from gateway.policy.controls.access import Cancels, Parameters, Reads
from gateway.policy.controls.allow import Markets, Orders, Sides, Symbols
from gateway.policy.controls.budgets import Giveaway
from gateway.policy.controls.conduct import Alerts, IfSilent, Mode
from gateway.policy.controls.control import Control, Setting
from gateway.policy.controls.floors import Bounded, Never, State
from gateway.policy.controls.hours import Hours
from gateway.policy.controls.limited import Limited
from gateway.policy.controls.liquidity import Share, Volume
from gateway.policy.controls.positions import Loss, Position
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.rates import Breaker, Executions, Messages, Requests
from gateway.policy.controls.references import Anchor, Collar, Sources
from gateway.policy.controls.sizes import OrderLimit, QuantityLimit
from gateway.policy.controls.volumes import OpenOrders, Turnover

FLOORS: Final[tuple[Control, ...]] = (Never(), State(), Bounded())

SETTINGS: Final[tuple[type[Setting], ...]] = (
    Mode,
    StaleAfter,
    Sources,
    Symbols,
    Markets,
    Orders,
    Sides,
    Reads,
    Cancels,
    Hours,
    MarketPrice,
    Collar,
    Anchor,
    OrderLimit,
    QuantityLimit,
    OpenOrders,
    Position,
    Turnover,
    Giveaway,
    Loss,
    Volume,
    Share,
    Executions,
    Messages,
    Requests,
    Breaker,
    Parameters,
    IfSilent,
    Alerts,
)

ACCOUNT_SETTINGS: Final[tuple[type[Setting], ...]] = (
    OrderLimit,
    QuantityLimit,
    OpenOrders,
    Position,
    Turnover,
    Giveaway,
    Loss,
    Executions,
    Messages,
    Requests,
)

MUST_STATE: Final[tuple[type[Limited], ...]] = (OrderLimit, Turnover, Giveaway)
"""What a policy that allows orders says, or says why it goes without."""
