"""Wants to buy as soon as it may, and never to sell."""

from freqtrade.strategy import IStrategy


class BuyOnce(IStrategy):
    timeframe = "5m"
    minimal_roi = {"0": 10}  # noqa: RUF012  what freqtrade asks for
    stoploss = -0.9
    startup_candle_count = 1

    def populate_indicators(self, dataframe, metadata):
        return dataframe

    def populate_entry_trend(self, dataframe, metadata):
        dataframe["enter_long"] = 1
        return dataframe

    def populate_exit_trend(self, dataframe, metadata):
        dataframe["exit_long"] = 0
        return dataframe
