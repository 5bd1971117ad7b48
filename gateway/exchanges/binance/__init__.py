"""Binance: its table, its decoder, its signer, its errors. Spot is served; every other row is known and refused."""
