"""Every control there is, in one list that a person can read. A new control is one class and one name here.

FLOORS hold for every policy. SETTINGS are the keys of the policy file. Of findings equally severe the first in this
order is the one a bot hears of: so the missing price, not the limits that could not be worked out without it.
"""

from typing import Final

from gateway.policy.controls.access import Cancels, Parameters, Reads
from gateway.policy.controls.allow import Markets, Orders, Sides, Symbols
from gateway.policy.controls.control import Control, Setting
from gateway.policy.controls.floors import Bounded, Never, State
from gateway.policy.controls.price import MarketPrice, StaleAfter
from gateway.policy.controls.rates import Breaker, Messages, Requests
from gateway.policy.controls.sizes import OrderLimit, QuantityLimit
from gateway.policy.controls.volumes import OpenOrders, Turnover

FLOORS: Final[tuple[Control, ...]] = (Never(), State(), Bounded())

SETTINGS: Final[tuple[type[Setting], ...]] = (
    StaleAfter,
    Symbols,
    Markets,
    Orders,
    Sides,
    Reads,
    Cancels,
    MarketPrice,
    OrderLimit,
    QuantityLimit,
    OpenOrders,
    Turnover,
    Messages,
    Requests,
    Breaker,
    Parameters,
)
