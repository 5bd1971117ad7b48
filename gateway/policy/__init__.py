"""The policy of a token: read strictly, decided purely. No clock, no I/O; the world comes in as a Snapshot.

``document.load`` turns a file's text into a frozen Policy, ``decide.decide`` judges one call by it.
"""
