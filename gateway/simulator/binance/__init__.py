"""Binance spot as it speaks on the wire: parameters, signatures, endpoints, errors. No sockets here.

Rule: written from Binance's public documents alone; it shares nothing with the adapter it is used to test.
"""
