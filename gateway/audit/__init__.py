"""The audit log: one hash chain over JSONL segments, written by one process, verified with nothing but a public key.

``log`` writes it, ``room`` holds disk room back for exits, ``verify`` and ``search`` only read. The format is
``docs/audit-format.md``.
"""
